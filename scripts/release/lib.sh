# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh
#
# lib.sh - what the scripts of a release share; they run in the top folder of the tree.

# fail SENTENCE - say why and end the script
fail() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# version - of this tree, as the top meson.build has it
version() {
	sed -n "s/^ *version : '\([^']*\)',$/\1/p" meson.build
}

# epoch - the time that everything in a release has: SOURCE_DATE_EPOCH, else the commit's; a
# tarball's files have it
epoch() {
	if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
		echo "$SOURCE_DATE_EPOCH"
	elif git rev-parse --verify --quiet HEAD >/dev/null 2>&1; then
		git log -1 --format=%ct
	else
		stat --format=%Y meson.build
	fi
}

# unpack TARBALL OUT - go into a release's top folder; makes OUT, and sets $out to its full path and
# $work to a folder that goes at the end of the script
unpack() {
	mkdir -p "$2"
	# shellcheck disable=SC2034 # for the script
	out=$(cd "$2" && pwd)
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	tar -xf "$1" -C "$work"
	cd "$work"/manakin-* || exit
}

# glibc_above VERSION FILE... - the symbols that the files, of any machine, need of a newer glibc than that
glibc_above() {
	newest=$1
	shift
	LC_ALL=C readelf --wide --dyn-syms "$@" |
		awk '$7 == "UND" && split($8, part, /@+GLIBC_/) == 2 { print part[2], part[1] }' |
		sort -u | while read -r wanted symbol; do
		[ "$(printf '%s\n' "$wanted" "$newest" | sort -V | tail -n 1)" = "$newest" ] ||
			echo "$symbol@GLIBC_$wanted"
	done
}

# changes - the changelog's section on this version
changes() {
	awk -v version="$(version)" '
		index($0, "## [") == 1 { here = index($0, "## [" version "]") == 1; if (here) next }
		here' CHANGELOG.md
}
