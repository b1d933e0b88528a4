# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2016 # for the shell in the other system
#
# The one-file archive, built on the oldest system, in empty systems of four releases of Debian.

bats_require_minimum_version 1.5.0
load ../assert
load packages

MACHINES="x86_64 aarch64"

# archives - build them, as packages() does
archives() {
	local made=${RELEASE_KEEP:-$BATS_FILE_TMPDIR}/archives ROOT=$BATS_FILE_TMPDIR/build machine
	if [[ ! -e $made ]]; then
		# shellcheck disable=SC2046 # a list
		"$CHROOT" make bullseye "$ROOT" $(for machine in $MACHINES; do
			MACHINE=$machine "$SOURCE/scripts/release/portable.sh" --packages
		done | sort -u) >&2 || return
		mkdir -p "$ROOT/release/sources"
		cp "$(tarball)" "$ROOT/release/"
		tar -xf "$(tarball)" -C "$ROOT/release/sources" --strip-components=1
		for machine in $MACHINES; do
			there "cd /release
				export MACHINE=$machine
				sources/scripts/release/portable.sh manakin-$VERSION.tar.xz out
				sources/scripts/release/portable.sh manakin-$VERSION.tar.xz again
				cmp out/*$machine.tar.gz again/*$machine.tar.gz" >&2 || return
		done
		there "cd /release; sources/scripts/release/linked.sh >out/libraries" || return
		mkdir -p "$(dirname "$made")"
		cp -r "$ROOT/release/out" "$made"
		rm -rf --one-file-system "$ROOT"
	fi
	echo "$made"
}

setup_file() {
	ARCHIVES=$(archives) || return
	export ARCHIVES
	"$SOURCE/scripts/cross/setup.sh" --emulator "$BATS_FILE_TMPDIR/emulator"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	forget
}

# works SUITE - do the commands work where no package is installed?
works() {
	system "$1"
	tar -xzf "$ARCHIVES"/*-x86_64.tar.gz -C "$ROOT/opt"
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

# arm64_root SUITE - an empty system with the suite's glibc for arm64 and an emulator; sets ROOT
#
# The emulator is statically linked: nothing else of this machine is in there.
arm64_root() {
	ROOT=$BATS_TEST_TMPDIR/root
	mkdir -p "$ROOT/proc" "$ROOT/sys" "$ROOT/tmp" "$ROOT/run" "$ROOT/opt"
	(
		set -eu
		. "$SOURCE/lab/lib.sh"
		ARCH=arm64
		apt_setup "$PWD/apt"
		suite_source "$1"
		apt_source "$1"
		mkdir glibc
		cd glibc
		apt-get -qq download libc6
		# What Debian 11 and 12 have in /lib is where it is in a system whose /lib is a link.
		mkdir -p "$ROOT/usr/lib"
		ln -s usr/lib "$ROOT/lib"
		dpkg-deb --fsys-tarfile libc6_*.deb | tar -x -C "$ROOT" --keep-directory-symlink --exclude=./usr/share
	) >log 2>&1 || fail "$(tail -n 5 log)"
	cp -L "$BATS_FILE_TMPDIR/emulator/qemu-aarch64" "$ROOT/emulator"
}

# works_emulated SUITE - do the commands work on arm64, where there is glibc and nothing else?
works_emulated() {
	arm64_root "$1"
	tar -xzf "$ARCHIVES"/*-aarch64.tar.gz --strip-components=1 -C "$ROOT/opt"
	"$SOURCE/tests/unit/host/trees/make" one "$ROOT/machine"
	echo "EAL: Cannot get hugepage information." >"$ROOT/log"
	cat >story <<-'STORY'
		set -eu
		root=$1
		mount -t proc proc "$root/proc"
		mount -t sysfs -o ro sysfs "$root/sys"
		mount --bind /dev "$root/dev"
		set -- chroot "$root" /emulator -E EMULATED=qemu-user /opt/bin/manakin
		"$@" --version
		"$@" list
		"$@" list --sysroot /machine | grep 7870:00:00.0
		"$@" check >check || [ $? -eq 2 ]
		grep "^ok *linux" check
		! "$@" diagnose /log >said
		grep hugepages said
		"$@" setup --dry-run --sysroot /machine eth1 >script
		sh -n script
		grep uio_hv_generic script
		# Its sandbox needs seccomp, which the emulator does not have.
		"$@" device --no-sandbox --port mac=00:0d:3a:76:3b:d0,fabric=sink >adapter 2>&1 &
		adapter=$!
		until "$@" control stats >stats 2>&1; do
			kill -0 $adapter
			sleep 0.1
		done
		grep 00:0d:3a:76:3b:d0 stats
		kill $adapter
		wait $adapter
	STORY
	mkdir -p "$ROOT/dev"
	unshare --net bash -euc '
		"$SOURCE/tests/unit/host/trees/make" --net one "$1/machine"
		unshare --mount --pid --fork --kill-child sh story "$1"' works "$ROOT" >said-of-it 2>&1 ||
		fail "$(tail -n 20 said-of-it; cat check adapter stats 2>/dev/null)"
}

@test "arm64 with Debian 11's glibc and nothing else: list, check, diagnose, setup --dry-run and device work, emulated" {
	works_emulated bullseye
}

@test "arm64 with testing's glibc and nothing else: list, check, diagnose, setup --dry-run and device work, emulated" {
	works_emulated forky
}

# small MACHINE - does nothing in its archive need what the machine may not have?
small() {
	tar -xzf "$ARCHIVES"/*-"$1".tar.gz --strip-components=1
	readelf --file-header bin/manakin | tr _ - | grep -iq "machine: .*${1/_/-}"
	. "$SOURCE/scripts/release/lib.sh"
	equal '' "$(glibc_above 2.28 bin/manakin lib/manakin/*.so*)" "symbols of a newer glibc"
	# glibc's own, and what lies beside
	run -0 bash -c 'readelf --dynamic bin/manakin lib/manakin/*.so* | sed -n "s/.*(NEEDED).*\[\(.*\)\]$/\1/p" | sort -u'
	for name in "${lines[@]}"; do
		[[ $name =~ ^(libc|libm|libdl|librt|libpthread|libutil|ld-linux.*)\.so\.[0-9]$ || -e lib/manakin/$name ]] ||
			fail "$name is needed, and not in the archive"
	done
	# The licence of each library is there, and in the SBOM
	while read -r name version licence; do
		[[ -n $licence && $version =~ ^([0-9]:)?[0-9]+(\.[0-9]+)+[^-]*-[^-]+$ ]] || fail "$name $version $licence"
		[[ -s share/doc/manakin/licences/${name#lib} || -s share/doc/manakin/licences/$name ||
			$name == pcre2 || $name == zlib ]] || fail "the licence of $name is not in the archive"
	done <"$ARCHIVES/libraries"
}

@test "nothing in the archive for x86-64 needs a glibc newer than 2.28, or a library that is not in it" {
	small x86_64
}

@test "nothing in the archive for arm64 needs a glibc newer than 2.28, or a library that is not in it" {
	small aarch64
}
