# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# For the suites about manakin check: machines made of files, with rdma-core and DPDK, and what check
# says of them.

# RDMA_NLDEV_CMD_GET: mana_0 is number 0; RDMA_NLDEV_CMD_GET_CHARDEV: uverbs0, driver id 20
NETLINK=dAAAAAEUAgABAAAA2gAAAAgAAQAAAAAACwACAG1hbmFfMAAACAADAAIAAAAMAAQAABAAAAAAAAAMAAYAAQAA/v86DQIM
NETLINK+=AAcAAAAAAAAAAAAFAA4AAQAAAAUAVAAAAAAABQBlAAAAAAAJAEMAcm9jZQAAAAA8AAAADxQAAAAAAQDaAAAACABJABQA
NETLINK+=AAAMAEgAwOcAAAAAAAAMAEcAAQAAAAAAAAAMAEYAdXZlcmJzMAA=

setup() {
	ROOT=$BATS_TEST_TMPDIR/root
	LIBRARIES=$(dirname "$(readlink -f "$(ldconfig -p | awk '/libibverbs.so.1 .*x86-64|libibverbs.so.1 .*AArch64/ { print $NF; exit }')")")
	PROVIDERS=$LIBRARIES/libibverbs
	# Where this machine's rdma-core is too old to have libmana: the directory of an unpacked one
	RDMA_CORE=${MANAKIN_RDMA_CORE-}
	[ -e "$RDMA_CORE$LIBRARIES/libibverbs.so.1" ] && [ -d "$RDMA_CORE$PROVIDERS" ]
}

teardown() {
	[ -z "${NAMESPACE-}" ] || kill "$NAMESPACE"
}

# dpdk ABI DRIVER... - a shared installation, as Debian's librte-* packages name its files
dpdk() {
	local libraries=$ROOT/usr/lib/x86_64-linux-gnu abi=$1 name
	shift
	rm -rf "$libraries"/librte_* "$libraries/dpdk"
	mkdir -p "$libraries/dpdk/pmds-$abi"
	: >"$libraries/librte_eal.so.$abi"
	for name; do
		: >"$libraries/librte_$name.so.$abi"
		ln -s "librte_$name.so.$abi" "$libraries/librte_$name.so.${abi%.*}"
		ln -s "../../librte_$name.so.$abi" "../../librte_$name.so.${abi%.*}" "$libraries/dpdk/pmds-$abi/"
	done
}

# machine NAME - create it and its interfaces, with DPDK, rdma-core, and the kernel's answers about RDMA
machine() {
	rm -rf "$ROOT"
	[ -z "${NAMESPACE-}" ] || kill "$NAMESPACE"
	unshare -n sleep 300 3>&- &
	NAMESPACE=$!
	until [ "$(readlink /proc/$NAMESPACE/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do
		sleep 0.01
	done
	there "$TREES/make" --net "$1" "$ROOT"
	rdma_core
	dpdk 25.0 net_mana net_netvsc bus_vmbus bus_pci
	base64 -d <<<"$NETLINK" >"$ROOT/netlink-rdma"
}

# there COMMAND... - among the machine's interfaces
there() {
	nsenter --net=/proc/$NAMESPACE/ns/net "$@"
}

# rdma_core - this machine's, or the one in MANAKIN_RDMA_CORE, with the providers that matter
rdma_core() {
	local to=$ROOT/usr/lib/x86_64-linux-gnu name
	mkdir -p "$ROOT$PROVIDERS" "$to" "$ROOT/etc/libibverbs.d"
	cp -P "$RDMA_CORE$LIBRARIES"/libibverbs.so.1* "$to"
	for name in mana erdma mlx5; do
		cp -L "$RDMA_CORE$PROVIDERS"/lib$name-rdmav*.so "$ROOT$PROVIDERS"
		echo "driver $name" >"$ROOT/etc/libibverbs.d/$name.driver"
	done
}

# claims PROVIDER ID - it was built with other headers
claims() {
	python3 "$PROVIDER_ID" "$ROOT$PROVIDERS/lib$1"-rdmav*.so "$2"
}

# check STATUS ARGUMENT... - its findings go to findings
check() {
	local wanted=$1 got=0
	shift
	there timeout -s KILL "$PATIENCE" "$MANAKIN" check --json --sysroot "$ROOT" "$@" >"$BATS_TEST_TMPDIR/json" || got=$?
	cat "$BATS_TEST_TMPDIR/json"
	[ "$got" -eq "$wanted" ] || { echo "wanted status $wanted, got $got"; return 1; }
	"$SCHEMA" check "$BATS_TEST_TMPDIR/json"
	equal "$got" "$("$BATS_TEST_DIRNAME/../../lines.py" status "$BATS_TEST_TMPDIR/json")" 'status in JSON'
	"$BATS_TEST_DIRNAME/../../lines.py" findings "$BATS_TEST_TMPDIR/json" >"$BATS_TEST_TMPDIR/findings"
}

# says PATTERN - is there a finding like this? In full: VERDICT CHECK SUBJECT EVIDENCE | FIX
says() {
	grep -qE "^$1" "$BATS_TEST_TMPDIR/findings" || { echo "no finding is like: $1"; return 1; }
}

# fails CHECK... - are these the checks that fail, and no others?
fails() {
	local got
	got=$(awk '$1 == "fail" { print $2 }' "$BATS_TEST_TMPDIR/findings" | sort -u | xargs)
	[ "$got" = "$*" ] || { echo "these fail: $got"; return 1; }
}
