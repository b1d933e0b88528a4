# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What manakin check says about RDMA applications, on machines made of files (trees/): a section of its
# own, in which nothing is worse than a note.

bats_require_minimum_version 1.5.0
load ../../assert
load check

# section - says() examines what check said about RDMA
section() {
	"$BATS_TEST_DIRNAME/../../lines.py" rdma "$BATS_TEST_TMPDIR/json" >"$BATS_TEST_TMPDIR/findings"
	[ -s "$BATS_TEST_TMPDIR/findings" ]
	run ! grep -vE '^(ok|note|unknown) rdma-' "$BATS_TEST_TMPDIR/findings"
}

# silent PATTERN - no finding matches it
silent() {
	run ! grep -E "^$1" "$BATS_TEST_TMPDIR/findings"
}

# version NUMBER [rc] - rdma-core has this version; rc: its libmana contains the words of one with RC queue pairs.
# This machine's libmana may have them (Debian 13, Ubuntu 24.04): they are taken out
version() {
	local to=$ROOT/usr/lib/x86_64-linux-gnu
	[ -e "$to/libibverbs.so.1.14.$1.0" ] || mv "$to"/libibverbs.so.1.*.*.* "$to/libibverbs.so.1.14.$1.0"
	ln -sf "libibverbs.so.1.14.$1.0" "$to/libibverbs.so.1"
	cp "$RDMA_CORE$PROVIDERS"/libmana-rdmav*.so "$ROOT$PROVIDERS/"
	LC_ALL=C sed -i 's/shadow queue/other  queue/g' "$ROOT$PROVIDERS"/libmana-rdmav*.so
	[ -z "${2-}" ] || printf '%%s: %%s:%%d: Failed to alloc sq shadow queue\n\0' |
		tee -a "$ROOT$PROVIDERS"/libmana-rdmav*.so >/dev/null
}

# btf FUNCTION... - the running kernel's mana_ib has these
btf() {
	(
		root=$ROOT name=
		# shellcheck source=trees/system.bash
		. "$TREES/system.bash"
		btf mana_ib "$@"
	)
}

@test "Debian 12: no mana_ib and no RC in rdma-core 44, and no finding about RDMA is more than a note" {
	machine debian12
	version 44
	check 2
	section
	says 'note rdma-kernel - this kernel has no mana_ib, so there is no RDMA on MANA \| -'
	says "note rdma-library - libmana of rdma-core 44 makes raw queue pairs, for DPDK, and no RC ones: \"Couldn't create QP\""
	silent '.* rdma-port'
}

@test "Debian 13: RC in both, no rdma_cm, the GIDs' indices and the path MTU of the interface" {
	machine debian13
	version 56 rc
	check 1
	section
	says 'note rdma-kernel - mana_ib of this kernel has RC queue pairs; it lacks UD and GSI .* rdma_cm .*, UC queue pairs, memory regions of dma-buf, memory windows \| for rdma_cm, boot a kernel that has these; Linux 7.2 does'
	says 'note rdma-library - libmana of rdma-core 56 has RC queue pairs; a send that fails ends without a completion \(with one from 57 on\)'
	says 'ok rdma-port mana_0/1 GIDs of RoCE v2: index 0 link-local, 1 IPv4, of eth0'
	says "ok rdma-port mana_0/1 a path MTU of up to 1024, as the interface's MTU is 1500"
	silent '.* mana_0/2'
}

@test "Ubuntu 24.04 on Azure: the release says nothing about backports, the loaded module does" {
	machine one
	check 1
	section
	says 'unknown rdma-kernel - cannot determine which queue pairs mana_ib of 6.8.0-1020-azure supports besides .* there is no /sys/kernel/btf/mana_ib'
	says 'unknown rdma-port mana_0 its ports cannot be read'
	btf mana_ib_probe mana_ib_create_qp xmana_ib_gd_create_rc_qp mana_ib_gd_create_rc_qp_of_another
	check 1
	section
	says 'note rdma-kernel - mana_ib of this kernel makes raw queue pairs, for DPDK, and no RC ones: no application of RDMA works \| for RC, boot'
	btf mana_ib_gd_create_rc_qp mana_ib_gd_create_ud_qp mana_ib_alloc_mw
	check 1
	section
	says 'ok rdma-kernel - mana_ib of this kernel has RC queue pairs, UD and GSI .*, memory windows; it lacks UC queue pairs, memory regions of dma-buf \| -'
	rm "$ROOT/sys/kernel/btf/mana_ib"
	echo 6.17.0-1009-azure >"$ROOT/proc/sys/kernel/osrelease"
	mv "$ROOT/lib/modules/"* "$ROOT/lib/modules/6.17.0-1009-azure"
	check 1
	section
	says 'ok rdma-kernel - 6.17.0-1009-azure: Linux of this release has RC queue pairs; not known: UD and GSI'
}

@test "RHEL 9.4: only raw queue pairs, as its ports have no GIDs" {
	machine rhel94
	for number in 1 2; do
		mkdir -p "$ROOT/sys/class/infiniband/mana_0/ports/$number/gids"
		echo '4: ACTIVE' >"$ROOT/sys/class/infiniband/mana_0/ports/$number/state"
	done
	check 1
	section
	says 'unknown rdma-kernel - cannot determine which queue pairs mana_ib of 5.14.0-427.13.1.el9_4.x86_64 supports'
	says "note rdma-port mana_0 none of its ports has room for a GID: the device is for DPDK's raw queue pairs alone"
}

@test "in a pod without /dev/infiniband: lines for its spec, and commands for host and image" {
	machine pod
	btf mana_ib_gd_create_rc_qp mana_ib_gd_create_ud_qp
	version 44
	check 2
	section
	says 'note rdma-port mana_0 /dev/infiniband/uverbs0 is not there, so no application finds the device \| securityContext'
	says 'note rdma-port mana_0 /dev/infiniband/rdma_cm is not there, so rdma_cm does not work .* \| securityContext'
	run ! grep sudo "$BATS_TEST_TMPDIR/findings"
	mkdir -p "$ROOT/dev/infiniband"
	touch "$ROOT/dev/infiniband/uverbs0" "$ROOT/dev/infiniband/rdma_cm"
	check 2
	section
	silent '.* /dev/infiniband'
}

@test "what each rdma-core supports" {
	machine debian13
	for rdma_core in '52 note .*no RC ones' '53:rc note .*ends without a completion' '57:rc note .*, and dma-buf; sends of several' \
		'61:rc ok .*dma-buf; no UD .* applications, and no UC ones' '63:rc ok .*dma-buf, memory windows; no UD .*no UC' \
		'65:rc ok .*dma-buf, memory windows, UC queue pairs; no UD queue pairs for applications'; do
		local number=${rdma_core%% *} pattern=${rdma_core#* }
		version "${number%:*}" "$([[ $number != *:rc ]] || echo rc)"
		check 1
		section
		says "${pattern/ / rdma-library - }"
	done
	# RHEL and others backport: what libmana itself has, counts.
	version 48 rc
	check 1
	section
	says 'note rdma-library - libmana of rdma-core 48 has RC queue pairs'
	version 56
	check 1
	section
	says 'note rdma-library - libmana of rdma-core 56 makes raw queue pairs'
	rm "$ROOT/etc/libibverbs.d/mana.driver"
	check 2
	section
	says 'note rdma-library - rdma-core 56 has no libmana that it would load: see rdma-provider above'
}

@test "a port that is down, one without an address, and an MTU without room for the headers" {
	machine debian13
	local port=$ROOT/sys/class/infiniband/mana_0/ports/1
	echo '1: DOWN' >"$port/state"
	rm "$port/gid_attrs/types/1"
	check 1
	section
	says 'note rdma-port mana_0/1 the port is DOWN'
	says 'note rdma-port mana_0/1 GIDs of RoCE v2: index 0 link-local alone, which reaches peers on the same link \| for a peer elsewhere, give the interface an address'
	rm -r "$port/gid_attrs"
	check 1
	section
	says 'note rdma-port mana_0/1 no GID of RoCE v2 \| set the interface up, and give it an address'
	for mtu in 1500:1024 2131:2048 2132:2048 4180:4096 9000:4096; do
		there ip link set enP30832s1 mtu "${mtu%:*}"
		check 1
		section
		if ((${mtu%:*} - ${mtu#*:} < 84)); then
			says "note rdma-port mana_0/1 the interface's MTU is ${mtu%:*}, so the kernel reports a path MTU of ${mtu#*:}, .* use $((${mtu#*:} / 2)) \\(-m"
		else
			says "ok rdma-port mana_0/1 a path MTU of up to ${mtu#*:}, as the interface's MTU is ${mtu%:*}"
		fi
	done
}

@test "a newer kernel that created a device only for DPDK has none for RDMA" {
	machine newer
	check 1
	section
	silent '.*manae_'
	rm -r "$ROOT"/sys/class/infiniband/mana_0 "$ROOT"/sys/devices/*/*/*/*/*/*/*/infiniband/mana_0
	check 1
	section
	says 'note rdma-port 7870:00:00.0 mana_ib made a device for DPDK alone \(manae_\*\)'
}

@test "BTF that is truncated or damaged is ignored: the release counts" {
	machine debian13
	local file=$ROOT/sys/kernel/btf/mana_ib whole=$BATS_TEST_TMPDIR/whole
	cp "$file" "$whole"
	for cut in 0 10 23 24 60; do
		head -c "$cut" "$whole" >"$file"
		check 1
		section
		says 'ok rdma-kernel - 6.12.117\+deb13-cloud-amd64: Linux of this release has RC queue pairs; not known: UD'
	done
	for place in 0 4 16 20; do
		cp "$whole" "$file"
		printf '\xff\xff\xff\xff' | dd of="$file" bs=1 seek=$place conv=notrunc status=none
		check 1
		section
		says 'ok rdma-kernel - 6.12.117\+deb13-cloud-amd64: Linux of this release has RC'
	done
}

@test "as a table, RDMA is a section after the verdict about DPDK, and does not change it" {
	local said=$BATS_TEST_TMPDIR/said
	machine debian13
	version 56 rc
	there timeout -s KILL "$PATIENCE" "$MANAKIN" check --sysroot "$ROOT" >"$said" || [ $? -eq 1 ]
	[ "$(grep -n 'MANA with DPDK can work here' "$said" | cut -d: -f1)" -lt "$(grep -n '^RDMA applications' "$said" | cut -d: -f1)" ]
	sed '/^RDMA applications/,$!d' "$said" | grep -qE '^note +rdma-kernel '
	run ! grep -E '^(ok|note|unknown) +rdma-(kernel|library|port) ' <(sed '/^RDMA applications/q' "$said")
}
