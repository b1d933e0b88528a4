#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# shell.sh [FILE...] - shellcheck's warnings of the shell, bash and Bats files; those of the tree by default,
# but for those that are the guide's, word for word
[ $# -gt 0 ] || {
	cd "$(dirname "$0")/../.." || exit
	# shellcheck disable=SC2046 # no name of the tree has a space in it
	set -- $(find .ci bench debian docs lab scripts share tests -type f ! -path '*/build*' ! -path 'tests/lab/fixtures/*' | sort | while read -r file; do
		case $file in
		*.bats | *.bash | *.sh) echo "$file" ;;
		*) head -n 1 "$file" | tr -d '\000' | grep -qE '^#!.*\b(sh|bash)\b' && echo "$file" ;;
		esac
	done)
}
echo "$# files"
[ $# -gt 0 ] && exec shellcheck --external-sources --severity=warning "$@"
