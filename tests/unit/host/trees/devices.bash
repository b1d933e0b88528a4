# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # $root is make's
#
# /sys: buses, devices, drivers. Sets PORTS, one line per port: SYNTHETIC VF MAC NUMBER DRIVER [taken]
# with - for what is missing.

PORTS=
VMBUS=/sys/devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0004:00/VMBUS:00
NETWORK=f8615163-df3e-46c5-913f-f2d2f965ed0e

# put PATH TEXT - a file with a line
put() {
	mkdir -p "$root/${1%/*}"
	printf '%s\n' "$2" >"$root/$1"
}

# point LINK TARGET - both absolute; the link is relative, as sysfs has them
point() {
	mkdir -p "$root/${1%/*}"
	ln -snfr "$root/$2" "$root/$1"
}

# parent LINK DIR - to the device two folders above; the kernel goes one higher and names it
parent() {
	ln -sn "../../../${2##*/}" "$root/$1"
}

# driver BUS NAME - with the files that root writes to
driver() {
	local dir=/sys/bus/$1/drivers/$2 file
	mkdir -p "$root$dir"
	for file in bind unbind new_id remove_id; do
		[ -e "$root$dir/$file" ] || : >"$root$dir/$file"
	done
	mkdir -p "$root/sys/module/$2"
	point "$dir/module" "/sys/module/$2"
}

# bound BUS DEVICE DIR DRIVER - put a device under a driver
bound() {
	driver "$1" "$4"
	point "$3/driver" "/sys/bus/$1/drivers/$4"
	point "/sys/bus/$1/drivers/$4/$2" "$3"
}

# vmbus_device UUID CLASS DRIVER
vmbus_device() {
	local dir=$VMBUS/$1
	put "$dir/class_id" "{$2}"
	put "$dir/device_id" "{$1}"
	put "$dir/vendor" 0x1414
	put "$dir/state" 3
	[ "$name" = older ] || put "$dir/driver_override" "(null)"
	point "$dir/subsystem" /sys/bus/vmbus
	point "/sys/bus/vmbus/devices/$1" "$dir"
	[ -z "$3" ] || bound vmbus "$1" "$dir" "$3"
}

# pci_device ADDRESS DIR VENDOR DEVICE CLASS NODE DRIVER
pci_device() {
	put "$2/vendor" "$3"
	put "$2/device" "$4"
	put "$2/class" "$5"
	put "$2/subsystem_vendor" "$3"
	put "$2/subsystem_device" 0x0000
	put "$2/revision" 0x00
	put "$2/numa_node" "$6"
	put "$2/uevent" "PCI_SLOT_NAME=$1"
	point "$2/subsystem" /sys/bus/pci
	point "/sys/bus/pci/devices/$1" "$2"
	[ -z "$7" ] || bound pci "$1" "$2" "$7"
}

# interface NAME DIR MAC NUMBER QUEUES - below its device
interface() {
	local dir=$2/net/$1 i
	put "$dir/address" "$3"
	put "$dir/dev_port" "$4"
	put "$dir/mtu" 1500
	put "$dir/type" 1
	for ((i = 0; i < $5; i++)); do
		mkdir -p "$root$dir/queues/rx-$i" "$root$dir/queues/tx-$i"
	done
	parent "$dir/device" "$2"
	point "/sys/class/net/$1" "$dir"
}

# rdma DIR NAME UVERBS
rdma() {
	put "$1/infiniband/$2/node_type" "1: CA"
	put "$1/infiniband/$2/node_guid" 0000:0000:0000:0000
	parent "$1/infiniband/$2/device" "$1"
	point "/sys/class/infiniband/$2" "$1/infiniband/$2"
	put "$1/infiniband_verbs/$3/ibdev" "$2"
	put "$1/infiniband_verbs/$3/abi_version" 1
	put "$1/infiniband_verbs/$3/dev" "231:$((192 + ${3#uverbs}))"
	parent "$1/infiniband_verbs/$3/device" "$1"
	point "/sys/class/infiniband_verbs/$3" "$1/infiniband_verbs/$3"
	put /sys/class/infiniband_verbs/abi_version 6
}

# roce NAME PORT [INTERFACE KIND...] - the port of an RDMA device is for RoCE version 2, with GIDs as Linux makes
# them: the default one, and one of an IPv4 or an IPv6 address
roce() {
	local ports=/sys/class/infiniband/$1/ports/$2 interface=${3-} kind i=0 gid
	for ((i = 0; i < 16; i++)); do
		put "$ports/gids/$i" 0000:0000:0000:0000:0000:0000:0000:0000
	done
	put "$ports/state" "4: ACTIVE"
	put "$ports/link_layer" Ethernet
	i=0
	for kind in "${@:4}"; do
		case $kind in
		local) gid=fe80:0000:0000:0000:6245:bdff:fea6:bbc0 ;;
		ipv4) gid=0000:0000:0000:0000:0000:ffff:0a00:0004 ;;
		ipv6) gid=fd00:0000:0000:0000:0000:0000:0000:0004 ;;
		esac
		put "$ports/gids/$i" "$gid"
		put "$ports/gid_attrs/types/$i" "RoCE v2"
		put "$ports/gid_attrs/ndevs/$i" "$interface"
		i=$((i + 1))
	done
}

# raw NAME PORT - a port for raw queue pairs alone: it has no GIDs
raw() {
	local ports=/sys/class/infiniband/$1/ports/$2
	put "$ports/state" "4: ACTIVE"
	put "$ports/link_layer" Ethernet
	mkdir -p "$root$ports/gids" "$root$ports/gid_attrs/types" "$root$ports/gid_attrs/ndevs"
}

# adapter_dir DOMAIN - its place in /sys/devices
adapter_dir() {
	echo "$VMBUS/56474d52-$1-0000-8000-000000000001/pci$1:00/$1:00:00.0"
}

# adapter DOMAIN NODE DRIVER [manae | none] - a VF, behind its own PCI bus on VMBus; DRIVER none: without; none: without
# an RDMA device
UVERBS=0
adapter() {
	local dir
	dir=$(adapter_dir "$1")
	vmbus_device "56474d52-$1-0000-8000-000000000001" 44c4f61d-4444-4400-9d52-802e27ede19f hv_pci
	if [ "$3" = none ]; then
		pci_device "$1:00:00.0" "$dir" 0x1414 0x00ba 0x020000 "$2" ""
		put "$dir/driver_override" "(null)"
		return
	elif [ "$3" = mana ]; then
		pci_device "$1:00:00.0" "$dir" 0x1414 0x00ba 0x020000 "$2" mana
		[ "${4-}" != none ] || return 0
		rdma "$dir" "mana_$UVERBS" "uverbs$UVERBS"
		[ -z "${4-}" ] || rdma "$dir" "$4_$UVERBS" "uverbs$((UVERBS + 1))"
	else
		pci_device "$1:00:00.0" "$dir" 0x15b3 0x1018 0x020000 "$2" "$3"
		rdma "$dir" "mlx5_$UVERBS" "uverbs$UVERBS"
	fi
	UVERBS=$((UVERBS + 1))
}

# uuid_of SHAPE NUMBER MAC
uuid_of() {
	local mac=${3//:/} all
	if [ "$1" = class ]; then
		printf 'f8615163-%04d-1000-2000-%s\n' "$2" "$mac"
	else
		all=$mac$mac$mac
		echo "${all:0:8}-${all:8:4}-${all:12:4}-${all:16:4}-${all:20:12}"
	fi
}

# synthetic_port SYNTHETIC MAC UUID-SHAPE - a port whose VF is not there, or has no driver
synthetic_port() {
	local uuid
	uuid=$(uuid_of "$3" "$SLOT" "$2")
	SLOT=$((SLOT + 1))
	vmbus_device "$uuid" "$NETWORK" hv_netvsc
	interface "$1" "$VMBUS/$uuid" "$2" 0 8
	PORTS+="$1 - $2 0 -"$'\n'
}

# port DOMAIN NUMBER SYNTHETIC MAC VF UUID-SHAPE [taken] - a port of that adapter
SLOT=0
port() {
	local uuid dir driver
	uuid=$(uuid_of "$6" "$SLOT" "$4")
	SLOT=$((SLOT + 1))
	dir=$(adapter_dir "$1")
	driver=$(basename "$(readlink "$root$dir/driver")")
	interface "$5" "$dir" "$4" "$2" 8
	if [ "${7-}" = taken ]; then
		vmbus_device "$uuid" "$NETWORK" uio_hv_generic
		put "$VMBUS/$uuid/uio/uio0/name" hv_uio_generic
		mkdir -p "$root/sys/module/uio"
		mkdir -p "$root/dev"
		: >"$root/dev/uio0"
		PORTS+="- $5 $4 $2 $driver taken"$'\n'
	else
		vmbus_device "$uuid" "$NETWORK" hv_netvsc
		interface "$3" "$VMBUS/$uuid" "$4" 0 8
		PORTS+="$3 $5 $4 $2 $driver"$'\n'
	fi
}

# plain_port ADDRESS NAME MAC - an adapter of a bare-metal server
plain_port() {
	local dir=/sys/devices/pci0000:3a/0000:3a:00.0/$1
	pci_device "$1" "$dir" 0x8086 0x1572 0x020000 0 i40e
	interface "$2" "$dir" "$3" 0 16
	PORTS+="- $2 $3 0 i40e"$'\n'
}

# azure - what a VM has beside the network
azure() {
	local node
	put /sys/class/dmi/id/sys_vendor "Microsoft Corporation"
	put /sys/class/dmi/id/product_name "Virtual Machine"
	put /sys/class/dmi/id/board_vendor "Microsoft Corporation"
	put /sys/class/dmi/id/bios_vendor "Microsoft Corporation"
	put /sys/class/dmi/id/chassis_asset_tag 7783-7084-3265-9085-8269-3286-77
	mkdir -p "$root/sys/module/hv_vmbus" "$root/sys/bus/pci/devices"
	vmbus_device f8b3781a-1e82-4818-a1c3-63d806ec15bb ba6163d9-04a1-4d29-b605-72e2ffb1dc7f hv_storvsc
	vmbus_device fd149e91-82e0-4a7d-afa6-2a4166cbd7c0 cfa8b69e-5b4a-4cc0-b98b-8ba1a1f3f95a hyperv_keyboard
	for node in 0 1; do
		[ "$node" = 0 ] || [ "$name" = two ] || continue
		put "/sys/devices/system/node/node$node/cpulist" "$((node * 8))-$((node * 8 + 7))"
	done
	if [ "$name" = two ]; then
		put /sys/devices/system/node/online 0-1
		put /sys/devices/system/cpu/online 0-15
	else
		put /sys/devices/system/node/online 0
		put /sys/devices/system/cpu/online 0-7
	fi
}

# server - a bare-metal machine
server() {
	put /sys/class/dmi/id/sys_vendor "Supermicro"
	put /sys/class/dmi/id/product_name "SYS-1029P-WTR"
	put /sys/class/dmi/id/chassis_asset_tag "To be filled by O.E.M."
	put /sys/devices/system/node/node0/cpulist 0-15
	put /sys/devices/system/node/online 0
	put /sys/devices/system/cpu/online 0-15
}

# process PID NAME FILE... - with these device files open
process() {
	local pid=$1 fd=3
	put "/proc/$pid/comm" "$2"
	shift 2
	mkdir -p "$root/proc/$pid/fd"
	for file; do
		ln -s "$file" "$root/proc/$pid/fd/$fd"
		fd=$((fd + 1))
	done
}
