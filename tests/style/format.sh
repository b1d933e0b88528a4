#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# format.sh [FILE...] - the C files that clang-format would write otherwise; those of the tree by default
[ $# -gt 0 ] || {
	cd "$(dirname "$0")/../.." || exit
	# shellcheck disable=SC2046 # no name of the tree has a space in it
	set -- $(find src tests bench -name '*.[ch]' ! -path '*/build*' | sort)
}
wrong=$(clang-format --dry-run "$@" 2>&1 | sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: warning: .*/\1/p' | sort -u)
for file in $wrong; do
	echo "$file"
	clang-format "$file" | diff -u --label "$file" --label formatted "$file" - | sed 1,2d | head -n 20
done
echo "$# files, $(echo "$wrong" | grep -c .) not as clang-format writes them"
[ -z "$wrong" ] || {
	echo "Run: make format"
	exit 1
}
