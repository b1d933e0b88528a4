# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2016 # for the shell in the other system
#
# The Debian packages, built from the release tarball in systems of their suites, then installed in
# empty ones, used, upgraded, removed and purged. Needs root and the archives of the suites.

bats_require_minimum_version 1.5.0
load ../assert
load packages

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	forget
}

# install SUITE - an empty system with the packages to be installed in /given; sets ROOT
given() {
	local made
	made=$(packages "$1") || return
	system "$1" || return
	cp "$made"/*.deb "$ROOT/given/"
	rm "$ROOT"/given/*-dbgsym_*
	there 'apt-get -qq update'
}

# files - what there is in a system, but for the package manager's own and caches
files() {
	there 'find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /given -o -path /tmp -o -path /var/lib/dpkg \
		-o -path /var/lib/apt -o -path /var/cache -o -path /var/log -o -path /root \) -prune -o -print' | sort
}

# clean SUITE - has lintian nothing to say?
clean() {
	local made
	made=$(packages "$1")
	equal '' "$(grep -E '^[EW]:' "$made/lintian")" "lintian in $1"
	run -0 ls "$made"
	for package in manakin_ librte-net-manakin_ manakin-lab_ manakin-dbgsym_; do
		[[ $output == *"$package$VERSION-1~deb"* ]]
	done
}

@test "bookworm: the packages are built from the release tarball, and lintian has nothing to say" {
	clean bookworm
}

@test "trixie: the packages are built from the release tarball, and lintian has nothing to say" {
	clean trixie
}

@test "the RPM packages are built from the release tarball, and rpmlint has nothing to say" {
	local made=${RELEASE_KEEP:-$BATS_FILE_TMPDIR}/rpm headers=$BUILD/dpdk-headers
	[[ -e $headers ]] || headers= # then without the driver
	# This machine's packages are not RPMs: rpmbuild cannot see what there is.
	[[ -e $made ]] || "$SOURCE/scripts/release/rpm.sh" "$(tarball)" "$made" "$headers" --nodeps
	run -0 rpmlint -r "$SOURCE/share/rpm/manakin.rpmlintrc" --ignore-unused-rpmlintrc "$made"/*.rpm
	[[ $output == *" 0 errors, 0 warnings"* ]] || fail "$output"
}

# used SUITE - do the commands work in an empty system?
used() {
	given "$1"
	there 'apt-get -qq install -y /given/*.deb dpdk-dev >/dev/null
		manakin --version
		manakin list
		manakin check >check || [ $? -eq 2 ]
		grep -q "^ok *linux" check
		man --version >/dev/null 2>&1 || test -e /usr/share/man/man1/manakin.1.gz
		getent passwd manakin
		echo "EAL: Cannot get hugepage information." >log
		! manakin diagnose log >said
		grep -q hugepages said
		. /usr/share/bash-completion/completions/manakin
		complete -p manakin
		manakin lab --help | grep -q build
		test -r /usr/share/manakin/lab/build-image.sh'
	there 'manakin device --port mac=00:0d:3a:76:3b:d0 >adapter.out 2>adapter.log &
		for i in $(seq 600); do
			! grep -q "waiting for a client" adapter.log || break
			sleep 0.1
		done
		manakin args mana0 | grep -q -e "-d /usr/lib/[^ ]*/manakin/librte_net_manakin.so"
		manakin run --seconds 2 --json -- --in-memory -- >run.json
		kill %1
		wait %1' || fail "$(cat "$ROOT/adapter.log")"
	python3 -c '
import json, sys
assert any(rate["packets"] > 0 for rate in json.load(open(sys.argv[1]))["rates"])' "$ROOT/run.json"
}

@test "bookworm: installed in an empty system, list, check, diagnose, device and run work" {
	used bookworm
}

@test "trixie: installed in an empty system, list, check, diagnose, device and run work" {
	used trixie
}

# gone SUITE - what do remove and purge leave?
gone() {
	given "$1"
	there 'apt-get -qq install -y /given/*.deb >/dev/null
		apt-get -qq purge -y manakin manakin-lab librte-net-manakin >/dev/null'
	files >before
	there 'apt-get -qq install -y /given/*.deb >/dev/null
		mkdir -p /etc/manakin/rules.d /etc/systemd/system/sockets.target.wants
		echo OPTIONS= >/etc/manakin/mana0.conf
		ln -s /usr/lib/systemd/system/manakin-device@.socket \
			/etc/systemd/system/sockets.target.wants/manakin-device@mana0.socket
		apt-get -qq remove -y manakin manakin-lab librte-net-manakin >/dev/null
		test -e /etc/manakin/mana0.conf
		apt-get -qq purge -y manakin manakin-lab librte-net-manakin >/dev/null
		! test -e /etc/manakin
		rmdir /etc/systemd/system/sockets.target.wants 2>/dev/null || true'
	files | diff before - >left || fail "$(cat left)"
}

@test "bookworm: remove keeps the configuration, purge leaves nothing but the user" {
	gone bookworm
}

@test "trixie: remove keeps the configuration, purge leaves nothing but the user" {
	gone trixie
}

# Version 0.1.0; it had no "make install" yet
OLD=dc8bad2

# old_package - the program of version 0.1.0, as a package
old_package() {
	git -C "$SOURCE" rev-parse --verify --quiet $OLD >/dev/null ||
		fail "commit $OLD, version 0.1.0, is not here; this needs a whole clone of the project"
	mkdir "$ROOT/old"
	git -C "$SOURCE" archive $OLD | tar -xf - -C "$ROOT/old"
	sed -i "/^subdir('\(tests\|bench\)')/d" "$ROOT/old/meson.build"
	mkdir -p "$ROOT/stage/DEBIAN" "$ROOT/stage/usr/bin"
	printf '%s\n' 'Package: manakin' 'Version: 0.1.0-1' 'Architecture: amd64' 'Maintainer: nobody <nobody@manakin.invalid>' \
		'Description: manakin, as it was' >"$ROOT/stage/DEBIAN/control"
	there 'cd /old
		apt-get -qq build-dep -y /old-sources >/dev/null
		apt-get -qq install -y libcmocka-dev >/dev/null
		{ meson setup build && ninja -C build manakin; } >log || { tail -n 20 log; exit 1; }
		cp build/manakin /stage/usr/bin/
		dpkg-deb --build /stage /given/old.deb >/dev/null'
}

# upgraded SUITE - does an interface that 0.1.0 handed over come back?
upgraded() {
	given "$1"
	mkdir "$ROOT/old-sources"
	tar -xf "$(tarball)" -C "$ROOT/old-sources" --strip-components=1
	old_package
	"$SOURCE/tests/unit/host/trees/make" one "$ROOT/machine"
	mkdir -p "$ROOT/machine/etc/systemd/system/multi-user.target.wants"
	cat >"$ROOT/story" <<-'STORY'
		set -eu
		state() { ip -o link; ip -o address; ip route; } 2>/dev/null
		# What the machine's files say is handed over, and the maintainer scripts look at
		mkdir -p /run/manakin /machine/run/manakin
		mount --bind /machine/run/manakin /run/manakin
		ip -br address >/before
		dpkg --install /given/old.deb >/dev/null
		[ "$(manakin --version)" = "manakin 0.1.0" ]
		manakin setup --sysroot /machine eth1
		test -s /run/manakin/setup/journal
		cp /run/manakin/setup/journal /journal
		dpkg --install /given/manakin_*.deb >/dev/null
		[ "$(manakin --version)" != "manakin 0.1.0" ]
		cmp /run/manakin/setup/journal /journal
		dpkg --purge manakin >said 2>&1
		grep -q "handed over to DPDK; /run/manakin/setup/journal .* stays" said
		grep -q "apt-get install manakin && manakin restore --all" said
		cmp /run/manakin/setup/journal /journal
		dpkg --install /given/manakin_*.deb >/dev/null
		manakin restore --sysroot /machine --all
		! test -e /run/manakin/setup/journal
		ip -br address | diff /before -
		dpkg --purge manakin >said 2>&1
		! grep -q "handed over" said
		! test -e /run/manakin/setup
	STORY
	there 'apt-get -qq install -y iproute2 /given/manakin_*.deb >/dev/null; dpkg --purge manakin >/dev/null'
	unshare --net --mount bash -euc '
		"$SOURCE/tests/unit/host/trees/make" --net one "$1/machine"
		: >"$1/words"
		coproc python3 "$SOURCE/tests/unit/host/kernel.py" "$1/machine" "$1/words" 3>&-
		read -r -u "${COPROC[0]}" ready
		SSH_CONNECTION= "$2" run "$1" /bin/sh /story || exit
		# The kernel lives as long as this shell, which would become its last command.
		true' upgrade "$ROOT" "$CHROOT" || fail "$(cat "$ROOT/said")"
}

@test "bookworm: an interface that 0.1.0 handed over comes back by this version, which removal does not forget" {
	upgraded bookworm
}

@test "trixie: an interface that 0.1.0 handed over comes back by this version, which removal does not forget" {
	upgraded trixie
}
