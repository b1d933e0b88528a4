# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2016 # for the shell in the other system
#
# The one-file archive, built on the oldest system, in empty systems of four releases of Debian.

bats_require_minimum_version 1.5.0
load ../assert
load packages

setup_file() {
	local archive=$BATS_FILE_TMPDIR/archive ROOT=$BATS_FILE_TMPDIR/build
	"$CHROOT" make bullseye "$ROOT" gcc libc6-dev meson ninja-build pkg-config python3-minimal xz-utils \
		libjansson-dev libkmod-dev libmnl-dev libpcap-dev libpcre2-dev libseccomp-dev libsmartcols-dev zlib1g-dev
	mkdir -p "$ROOT/release/sources" "$archive"
	cp "$(tarball)" "$ROOT/release/"
	tar -xf "$(tarball)" -C "$ROOT/release/sources" --strip-components=1
	there "cd /release
		sources/scripts/release/portable.sh manakin-$VERSION.tar.xz out
		sources/scripts/release/portable.sh manakin-$VERSION.tar.xz again
		cmp out/*.tar.gz again/*.tar.gz
		sources/scripts/release/linked.sh >libraries"
	cp "$ROOT"/release/out/*.tar.gz "$ROOT/release/libraries" "$archive/"
	rm -rf --one-file-system "$ROOT"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	ARCHIVE=$(echo "$BATS_FILE_TMPDIR"/archive/*.tar.gz)
}

teardown() {
	forget
}

# works SUITE - do the commands work where no package is installed?
works() {
	system "$1"
	tar -xzf "$ARCHIVE" -C "$ROOT/opt"
	"$SOURCE/tests/unit/host/trees/make" one "$ROOT/machine"
	cat >"$ROOT/story" <<-'STORY'
		set -eu
		PATH=$(echo /opt/*/bin):$PATH
		cd /opt
		manakin --version
		manakin list
		manakin list --sysroot /machine | grep -q 7870:00:00.0
		manakin check >check || [ $? -eq 2 ]
		grep -q "^ok *linux" check
		echo "EAL: Cannot get hugepage information." >log
		! manakin diagnose log >said
		grep -q hugepages said
		manakin setup --dry-run --sysroot /machine eth1 >script
		sh -n script
		grep -q uio_hv_generic script
		manakin device --port mac=00:0d:3a:76:3b:d0,fabric=sink >adapter.out 2>adapter.log &
		for i in $(seq 600); do
			! grep -q "waiting for a client" adapter.log || break
			sleep 0.1
		done
		for i in $(seq 60); do # it gives up sooner than a busy machine answers
			! manakin control stats >stats || break
		done
		grep -q 00:0d:3a:76:3b:d0 stats
		kill $!
		wait $!
	STORY
	unshare --net bash -euc '
		"$SOURCE/tests/unit/host/trees/make" --net one "$1/machine"
		"$2" run "$1" /bin/bash /story' works "$ROOT" "$CHROOT" || fail "$(cat "$ROOT"/opt/*.log "$ROOT/opt/check")"
}

@test "bullseye, nothing installed: list, check, diagnose, setup --dry-run and device work" {
	works bullseye
}

@test "bookworm, nothing installed: list, check, diagnose, setup --dry-run and device work" {
	works bookworm
}

@test "trixie, nothing installed: list, check, diagnose, setup --dry-run and device work" {
	works trixie
}

@test "forky, nothing installed: list, check, diagnose, setup --dry-run and device work" {
	works forky
}

@test "nothing in the archive needs a glibc newer than 2.28, or a library that is not in it" {
	tar -xzf "$ARCHIVE" --strip-components=1
	. "$SOURCE/scripts/release/lib.sh"
	equal '' "$(glibc_above 2.28 bin/manakin lib/manakin/*.so*)" "symbols of a newer glibc"
	# glibc's own, and what lies beside
	run -0 bash -c 'objdump -p bin/manakin lib/manakin/*.so* | sed -n "s/^ *NEEDED *//p" | sort -u'
	for name in "${lines[@]}"; do
		[[ $name =~ ^(libc|libm|libdl|librt|libpthread|libutil|ld-linux.*)\.so\.[0-9]$ || -e lib/manakin/$name ]] ||
			fail "$name is needed, and not in the archive"
	done
	# The licence of each library is there, and in the SBOM
	while read -r name _ licence; do
		[[ -n $licence ]]
		[[ -s share/doc/manakin/licences/${name#lib} || -s share/doc/manakin/licences/$name ||
			$name == pcre2 || $name == zlib ]] || fail "the licence of $name is not in the archive"
	done <"$BATS_FILE_TMPDIR/archive/libraries"
}
