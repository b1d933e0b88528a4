#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# bats.sh ARGUMENT... - run Bats; what has failed, and why, is on standard error as well
#
# Meson reads the results from standard output and shows the other of a suite that failed as soon
# as it has ended.
set -o pipefail
# Where Bats can (1.5): what a command printed that "run" ran and that failed
print=--print-output-on-failure
bats --help | grep -q -e "$print" || print=
# shellcheck disable=SC2086 # none
bats --tap $print "$@" | {
	failed=
	while IFS= read -r line; do
		case $line in
		'ok '*) failed= ;;
		'not ok '*) failed=yes ;;
		esac
		printf '%s\n' "$line"
		[ -z "$failed" ] || printf '%s\n' "$line" >&2
	done
}
