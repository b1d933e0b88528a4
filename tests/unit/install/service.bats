# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# The units that run an adapter as a service, as they are installed.

bats_require_minimum_version 1.5.0
load ../../assert
load ../../install

setup_file() {
	installed "$BATS_FILE_TMPDIR/away"
	mkdir "$BATS_FILE_TMPDIR/units"
	local unit
	for unit in "$BATS_FILE_TMPDIR"/away/lib/systemd/system/manakin-device@.*; do
		# As instances; the program is not at its prefix
		sed "s,^ExecStart=[^ ]*,ExecStart=$BATS_FILE_TMPDIR/away/bin/manakin," "$unit" \
			>"$BATS_FILE_TMPDIR/units/$(basename "${unit/@/@mana0}")"
	done
}

setup() {
	cd "$BATS_FILE_TMPDIR/units" || return
}

@test "the service's exposure is 2.0 or better" {
	run systemd-analyze security --no-pager --offline=true --threshold=20 ./manakin-device@mana0.service
	((status == 0)) || fail "$output"
	[[ $output == *"Overall exposure level for manakin-device@mana0.service: "* ]] || fail "$output"
}

@test "systemd understands the service and its sockets" {
	mkdir -p "$BATS_TEST_TMPDIR/man"
	run systemd-analyze verify --man=no ./manakin-device@mana0.service ./manakin-device@mana0.socket
	((status == 0)) || fail "$output"
	[[ $output != *manakin-device* ]] || fail "$output"
}

@test "the service runs the program that was installed with it, with options that it knows" {
	grep -qF "ExecStart=$PREFIX/bin/manakin device " "$BATS_FILE_TMPDIR"/away/lib/systemd/system/manakin-device@.service
	local words
	read -ra words < <(sed -n "s/^ExecStart=//p" manakin-device@mana0.service | sed 's/%i/mana0/; s/ \$OPTIONS//')
	run "${words[@]}" --help
	((status == 0)) || fail "$output"
}
