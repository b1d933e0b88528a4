# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh
#
# bare-system.sh - the smallest system of a suite of Debian or Ubuntu; for scripts that build and try
# the tree in one. lab/lib.sh comes before it.

# bare_system SUITE ARCH DIR WORK - make it in DIR, which must not exist; sets MIRROR, KEYRING, ORIGIN
#
# It takes its packages from where they came from, also if the suite's Release file is out of date, and
# starts no services. WORK has apt's state meanwhile, and debootstrap's log.
bare_system() {
	apt_setup "$4/apt"
	suite_source "$1"
	until=$(sed -n 's/^Valid-Until: //p' "$APT_DIR/InRelease")
	if [ -n "$until" ] && [ "$(date -d "$until" +%s)" -lt "$(date +%s)" ]; then
		step "the Release file of $1 was valid until $until; its packages are taken all the same"
	fi
	step "making a system of $1 for $2 from $MIRROR"
	debootstrap --arch="$2" --variant=minbase --keyring="$KEYRING" "$1" "$3" "$MIRROR" \
		"$(bootstrap_script "$1" "$ORIGIN")" >"$4/log" 2>&1 ||
		fail "debootstrap cannot install $1 from $MIRROR: $(tail -n 1 "$4/log")"
	cp "$KEYRING" "$3/etc/apt/trusted.gpg.d/manakin.gpg"
	suite_lines "$1" >"$3/etc/apt/sources.list"
	{
		machine apt-config dump Acquire | grep -i '::proxy' || :
		echo 'Acquire::Check-Valid-Until "false";'
		echo 'Acquire::Languages "none";'
		echo 'APT::Install-Recommends "false";'
		echo 'APT::Sandbox::User "root";'
	} >"$3/etc/apt/apt.conf.d/90manakin"
	printf '#!/bin/sh\nexit 101\n' >"$3/usr/sbin/policy-rc.d"
	chmod 755 "$3/usr/sbin/policy-rc.d"
	rm -rf "$3"/var/cache/apt/archives/*.deb
}
