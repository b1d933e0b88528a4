# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# packages.bash - the packages of this tree, built once a run for each suite, and systems to try them
# in. SOURCE is the tree. What is built stays in RELEASE_KEEP, if that is set, for the next run.

CHROOT=$SOURCE/scripts/release/chroot.sh
VERSION=$(sed -n "s/^ *version : '\([^']*\)',$/\1/p" "$SOURCE/meson.build")

# system SUITE [PACKAGE...] - an empty system of the suite; sets ROOT
system() {
	ROOT=$BATS_TEST_TMPDIR/root
	[[ ! -e $ROOT ]] || rm -rf --one-file-system "$ROOT"
	"$CHROOT" make "$1" "$ROOT" "${@:2}" || return
	mkdir "$ROOT/given"
}

# there COMMAND - run a line of shell in it
there() {
	"$CHROOT" run "$ROOT" /bin/bash -euc "$1"
}

# forget - what a test's system takes of the disk
forget() {
	[[ -z ${ROOT-} || ! -e $ROOT ]] || rm -rf --one-file-system "$ROOT"
}

# tarball - path of this tree's release tarball: of HEAD, or of the tree if it came from a tarball
tarball() {
	local out=$BATS_FILE_TMPDIR/dist
	[[ -e $out/manakin-$VERSION.tar.xz ]] || "$SOURCE/scripts/release/dist.sh" "$out" >/dev/null || return
	echo "$out/manakin-$VERSION.tar.xz"
}

# packages SUITE - the folder with its Debian packages
packages() {
	local suite=$1 made=${RELEASE_KEEP:-$BATS_FILE_TMPDIR}/$1 ROOT=$BATS_FILE_TMPDIR/build
	if [[ ! -e $made ]]; then
		"$SOURCE/scripts/dpdk-headers.sh" "$BATS_FILE_TMPDIR/headers" "$suite" >&2 || return
		"$CHROOT" make "$suite" "$ROOT" build-essential debhelper lintian >&2 || return
		mkdir -p "$ROOT/release/sources"
		cp "$(tarball)" "$ROOT/release/"
		cp -r "$BATS_FILE_TMPDIR/headers/dpdk-headers" "$ROOT/release/"
		tar -xf "$(tarball)" -C "$ROOT/release/sources" --strip-components=1
		there "cd /release
			apt-get -qq update
			apt-get -qq build-dep -y ./sources >/dev/null
			sources/scripts/release/deb.sh manakin-$VERSION.tar.xz out dpdk-headers
			lintian --allow-root --fail-on none out/*.changes >out/lintian" >&2 || return
		mkdir -p "$(dirname "$made")"
		cp -r "$ROOT/release/out" "$made"
		rm -rf --one-file-system "$ROOT"
	fi
	echo "$made"
}
