# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# For bats: commands on the machines of README.md. TREES is this directory, MANAKIN the program.

# shellcheck source=../../../assert.bash
. "$TREES/../../../assert.bash"
export PATIENCE # for what runs there

# on NAME COMMAND... - run commands of bash on a fresh machine, in namespaces of its own; its files are below $tree, and
# `manakin` is the program. No SSH session there, however these tests were started.
on() {
	local name=$1 made=$BATS_FILE_TMPDIR/$1
	shift
	[ -e "$made" ] || "$TREES/make" "$name" "$made"
	tree=$BATS_TEST_TMPDIR/$name
	rm -rf "$tree"
	cp -a "$made" "$tree"
	tree=$tree SSH_CONNECTION=none timeout -s KILL "$PATIENCE" unshare -n -m bash -euc '
		"$TREES/make" --net "$0" "$tree"
		manakin() { timeout -s KILL "$PATIENCE" "$MANAKIN" "$@"; }
		. /dev/stdin' "$name" <<<"$*"
}

# valid NAME - is standard input JSON of that form?
valid() {
	"$SCHEMA" "$1" -
}
