# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2016 # for the shell in the other system
#
# The Containerfile without a container engine: its steps, carried out in systems of the release that
# it names, and then the example of docs/packages.md in the last of them. Then by buildah, which needs no
# engine that runs; the image that the Containerfile begins with is such a system, too.

bats_require_minimum_version 1.5.0
load ../assert
load packages

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	for stage in 0 1; do
		rm -rf --one-file-system "$BATS_TEST_TMPDIR/stage$stage"
	done
}

# step STAGE COMMAND ARGUMENT - carry an instruction out
step() {
	local ROOT=$BATS_TEST_TMPDIR/stage$1
	case $2 in
	FROM)
		[[ $3 == docker.io/library/debian:12* ]] || fail "this test knows no system $3"
		"$CHROOT" make bookworm "$ROOT"
		FOLDER=/
		;;
	WORKDIR) FOLDER=$3 ;;
	RUN) there "cd $FOLDER; $3" ;;
	COPY)
		set -- "$1" $3
		if [[ $2 == --from=build ]]; then
			cp -a "$BATS_TEST_TMPDIR/stage0$3/." "$ROOT$4"
		else
			mkdir -p "$ROOT$3"
			tar -xf "$(tarball)" -C "$ROOT$3" --strip-components=1
		fi
		;;
	CMD) ;;
	esac
}

@test "the Containerfile's steps make a system in which an adapter and testpmd run without hugepages" {
	"$SOURCE/tests/release/recipes.py" container "$SOURCE/Containerfile" >steps
	while IFS=$'\t' read -r stage command argument <&3; do
		step "$stage" "$command" "$argument" 3<&- || fail "$command $argument"
	done 3<steps
	ROOT=$BATS_TEST_TMPDIR/stage1
	there '
		manakin device --port mac=00:0d:3a:76:3b:d0,fabric=generator >/adapter.log 2>&1 &
		until manakin control stats >/dev/null 2>&1; do
			kill -0 $!
			sleep 0.1
		done
		export SYSFS_PCI_DEVICES=/run/manakin/mana0/pci
		# shellcheck disable=SC2046 # arguments
		dpdk-testpmd --no-huge -m 512 -l 0,1 $(manakin args mana0) -- --forward-mode=rxonly --total-num-mbufs=8192 \
			--auto-start --stats-period 1 </dev/null >/testpmd.log 2>&1 &
		tester=$!
		until grep -q "RX-packets: [1-9]" /testpmd.log; do
			kill -0 $tester
			sleep 0.1
		done
		kill -INT $tester
		wait $tester || true
		manakin control stats' || fail "$(cat "$ROOT/adapter.log" "$ROOT/testpmd.log")"
}

@test "buildah makes an image of the Containerfile, in which the program runs" {
	local scratch=$BATS_TEST_TMPDIR/stage0 # teardown() removes it
	mkdir -p "$scratch/written"
	"$CHROOT" make bookworm "$BATS_TEST_TMPDIR/stage1"
	tar -C "$BATS_TEST_TMPDIR/stage1" -cf "$scratch/written/system.tar" .
	# Its file system has to be one of its own: an overlay cannot lie on an overlay.
	cat >"$scratch/written/story" <<-'STORY'
		set -eu
		apt-get -qq update
		apt-get -qq install -y --no-install-recommends buildah ca-certificates
		mkdir /store
		mount -t tmpfs -o size=6G none /store
		export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot TMPDIR=/store
		buildah() { command buildah --root /store/root --runroot /store/run "$@"; }
		base=$(buildah from scratch)
		buildah add -q "$base" /system.tar /
		buildah commit -q --rm "$base" docker.io/library/debian:12
		buildah bud --pull-never --layers=false -t manakin -f Containerfile .
		made=$(buildah from --pull-never localhost/manakin)
		buildah run "$made" -- manakin --version
		buildah run "$made" -- manakin list
	STORY
	"$SOURCE/tests/distributions/chroot.sh" --bare --scratch "$scratch" bookworm sh /story >log 2>&1 || fail "$(tail -n 30 log)"
	grep "^manakin $VERSION$" log
}
