# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# The units that run an adapter, or diagnosis, as a service, as they are installed.

bats_require_minimum_version 1.5.0
load ../../assert
load ../../install

setup_file() {
	installed "$BATS_FILE_TMPDIR/away"
	mkdir "$BATS_FILE_TMPDIR/units"
	local unit
	for unit in "$BATS_FILE_TMPDIR"/away/lib/systemd/system/manakin-*; do
		# As instances; the program is not at its prefix
		sed "s,^ExecStart=[^ ]*,ExecStart=$BATS_FILE_TMPDIR/away/bin/manakin," "$unit" \
			>"$BATS_FILE_TMPDIR/units/$(basename "${unit/@/@mana0}")"
	done
}

setup() {
	cd "$BATS_FILE_TMPDIR/units" || return
}

@test "each service's exposure is 2.0 or better" {
	local unit
	systemd-analyze --help | grep -q -e --offline || {
		echo "# the services' exposure is not tested: systemd before 250 judges loaded units only" >&3
		return
	}
	for unit in manakin-device@mana0.service manakin-diagnose.service; do
		run systemd-analyze security --no-pager --offline=true --threshold=20 ./$unit
		((status == 0)) || fail "$output"
		[[ $output == *"Overall exposure level for $unit: "* ]] || fail "$output"
	done
}

@test "systemd understands the services and the sockets" {
	mkdir -p "$BATS_TEST_TMPDIR/man"
	run systemd-analyze verify --man=no ./manakin-device@mana0.service ./manakin-device@mana0.socket \
		./manakin-diagnose.service
	((status == 0)) || fail "$output"
	[[ $output != *manakin-d* ]] || fail "$output"
}

@test "each service runs the program that was installed with it, with options that it knows" {
	local words unit
	for unit in manakin-device@mana0.service manakin-diagnose.service; do
		grep -qF "ExecStart=$PREFIX/bin/manakin d" "$BATS_FILE_TMPDIR/away/lib/systemd/system/${unit/mana0/}"
		read -ra words < <(sed -n "s/^ExecStart=//p" $unit |
			sed "s/%i/mana0/; s/\\\$OPTIONS/$(sed -n 's/^Environment=OPTIONS=//p' $unit)/")
		run "${words[@]}" --help
		((status == 0)) || fail "${words[*]}" "$output"
	done
}
