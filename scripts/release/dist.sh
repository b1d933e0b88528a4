#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The release tarball: what git tracks at HEAD, as manakin-VERSION.tar.xz in DIR. Prints its path.
# usage: dist.sh DIR
#
# Twice the same commit gives twice the same bytes: names are in git's order, times are the
# commit's, the owner is root, and xz runs in one thread.
set -eu

out=${1:?usage: dist.sh DIR}
cd "$(dirname "$0")/../.."
. scripts/release/lib.sh

git rev-parse --verify --quiet HEAD >/dev/null 2>&1 ||
	fail "cannot make a tarball: $PWD is not a git checkout; a tarball is made from a commit"
[ -z "$(git status --porcelain --untracked-files=no)" ] ||
	echo "Changes that are not committed are not in the tarball." >&2
mkdir -p "$out"
tarball=$out/manakin-$(version).tar.xz
# The machine's and the user's settings of git may change what it writes: none are read.
GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git -c tar.umask=0022 archive --format=tar \
	--prefix="manakin-$(version)/" HEAD >"$tarball.tar"
xz -9 --threads=1 --stdout "$tarball.tar" >"$tarball.new"
rm "$tarball.tar"
mv "$tarball.new" "$tarball"
touch --date="@$(epoch)" "$tarball"
echo "$tarball"
