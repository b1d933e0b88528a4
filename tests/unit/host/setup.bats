# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2016 # what vm() gets is for the shell on that machine
#
# manakin setup and restore on the machines of trees/README.md, with kernel.py for their kernel.
# MANAKIN is the program, TREES makes machines, KERNEL is kernel.py, CUTOFF cutoff.py, SCHEMA is
# schema.py.

bats_require_minimum_version 1.5.0
load ../../assert

setup() {
	# shellcheck source=trees/load.bash
	. "$TREES/load.bash"
	cd "$BATS_TEST_TMPDIR" || return
}

# vm NAME COMMAND... - like load.bash's on(), and the kernel answers. state prints what setup may change.
vm() {
	local name=$1 made=$BATS_FILE_TMPDIR/$1
	shift
	[ -e "$made" ] || "$TREES/make" "$name" "$made"
	tree=$BATS_TEST_TMPDIR/$name
	rm -rf "$tree" "$tree".*
	cp -a "$made" "$tree"
	mkdir -p "$tree/etc/systemd/system/multi-user.target.wants"
	tree=$tree SSH_CONNECTION=${SSH_CONNECTION_THERE:-none} PYTHONDONTWRITEBYTECODE=1 \
		PATIENCE=$PATIENCE timeout -s KILL $((2 * PATIENCE)) unshare --net --mount bash -euc '
		# Else addresses and routes appear when their owner has listened for a second or two.
		echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
		"$TREES/make" --net "$0" "$tree"
		manakin() {
			local command=$1
			shift
			timeout -s KILL "$PATIENCE" "$MANAKIN" "$command" --sysroot "$tree" "$@"
		}
		words() { printf "%s\n" "$@" >"$tree.words"; }
		state() {
			ip -o link | sed -E "s/^[0-9]+: //; s/@if[0-9]+//; s/ (state|qdisc) [^ ]+//g; s/<([^>]*,)?UP(,[^>]*)?>/UP/; s/<[^>]*>//" | sort
			ip -o address | sed -E "s/^[0-9]+: //; s/valid_lft.*//" | sort -s -k 1,1
			# The kernel adds the multicast route by itself, once it has noticed the carrier.
			{ ip route show table all; ip -6 route show table all; } | grep -v "^multicast ff00::/8" | sort
			(cd "$tree" && find sys etc | sort && cat sys/devices/system/node/node*/hugepages/*/nr_hugepages)
		}
		coproc python3 "$KERNEL" "$tree" "$tree.words" 3>&-
		read -r -u "${COPROC[0]}" ready
		. /dev/stdin' "$name" <<<"$*"
}

FROM=hv_netvsc
TO=uio_hv_generic
ETH1=f8615163-0001-1000-2000-6045bda6bd76
CLASS=f8615163-df3e-46c5-913f-f2d2f965ed0e

@test "setup does what the guide does, in its order" {
	run -0 vm one 'manakin setup eth1; cat "$tree.log"; ip -br link; manakin list eth1 || true; manakin list 60:45:bd:a6:bd:76'
	[[ $output == *"driver_override $ETH1 $TO
unbind $FROM $ETH1
bind $TO $ETH1
"* ]]
	[[ $output != *new_id* ]]
	[[ $output == *"enP30832s1d1@wire1 DOWN "* ]]
	[[ $output != *$'\neth1 '*"60:45:bd:a6:bd:76 <"* ]]
	[[ $output == *"dpdk-netvsc"* ]]
}

@test "the plan of a setup and of a restore names what the kernel is known to do wrong with it" {
	run -0 vm one '
		echo "Linux version 6.12.57+deb13-amd64 (x) #1 SMP Debian 6.12.57-1 (2025-11-05)" >"$tree/proc/version"
		manakin setup --dry-run eth1 >script
		sh -n script
		grep "^# kernel" script
		manakin setup --dry-run --pmd mana eth1 | grep -c "^# kernel" || true
		manakin setup --dry-run --json eth1 >json
		"$SCHEMA" setup json
		python3 -c "import json; [print(b[\"id\"], b[\"module\"]) for b in json.load(open(\"json\"))[\"bugs\"]]"
		manakin setup eth1 | grep "^kernel"
		echo "Linux version 6.12.60 (x)" >"$tree/proc/version"
		manakin restore --dry-run --json eth1 >json
		"$SCHEMA" restore json
		python3 -c "import json; [print(b[\"id\"], b[\"module\"]) for b in json.load(open(\"json\"))[\"bugs\"]]"
		manakin restore eth1 | grep "^kernel"
		echo "Linux version 6.12.118 (x)" >"$tree/proc/version"
		manakin setup --dry-run eth1 | grep "^# kernel" || echo none'
	echo "$output"
	local text="kernel 6.12.57+deb13-amd64 has a known bug in uio_hv_generic: it crashes when DPDK's netvsc uses more than one queue; fixed in 6.12.59 or later [uio-subchannel-interrupt]"
	[ "${lines[0]}" = "# $text" ]
	[ "${lines[1]}" = 0 ]
	[ "${lines[2]}" = "uio-subchannel-interrupt uio_hv_generic" ]
	[ "${lines[3]}" = "$text" ]
	[ "${lines[4]}" = "mana-stale-steering mana" ]
	[[ ${lines[5]} == "kernel 6.12.60 has a known bug in mana: it may take packets "*"fixed in 6.12.86 or later [mana-stale-steering]" ]]
	[ "${lines[6]}" = none ]
	[ "${#lines[@]}" = 7 ]
}

@test "an older kernel without driver_override: the class is added, and removed once the device is bound" {
	run -0 vm older '
		state >before
		manakin setup eth1
		cat "$tree.log"
		manakin restore eth1
		state | diff before -
		[ "$(grep -c remove_id "$tree.log")" = 1 ]'
	[[ $output == *"new_id $TO $CLASS
unbind $FROM $ETH1
bind $TO $ETH1
remove_id $TO $CLASS
"* ]]
}

# same_by_script MACHINE - does the script of --dry-run do what setup does?
same_by_script() {
	run -0 vm "$1" '
		state >before
		manakin setup --hugepages 1500 --persist --dry-run eth1 >script
		state | cmp - before
		[ ! -e "$tree/run/manakin" ]
		sh script
		cp "$tree.log" byhand; state >byhand.state
		manakin restore --all
		echo 1024 >"$tree/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages"
		: >"$tree.log"
		ip address add 10.0.1.4/24 dev eth1 2>/dev/null || true
		manakin setup --hugepages 1500 --persist eth1
		diff byhand "$tree.log" && state | diff byhand.state - && cat script'
}

@test "--dry-run is a script that does the same, and changes nothing by itself" {
	same_by_script one
	[[ $output == *"ip link set dev eth1 down"*"/driver_override"*"/hv_netvsc/unbind"*"/uio_hv_generic/bind"* ]]
	same_by_script older
	[[ $output == *"ip link set dev eth1 down"*"/new_id || new_id=had"*"/hv_netvsc/unbind"*"/uio_hv_generic/bind"*"/remove_id"* ]]
}

@test "the script of restore --dry-run gives the interface back" {
	run -0 vm one '
		ip address add 2001:db8::4/64 dev eth1 nodad
		ip route add 192.168.7.0/24 via 10.0.1.9 dev eth1 metric 50 mtu 1400
		ip -6 route add 2001:db8:7::/48 via 2001:db8::9 dev eth1
		state >before
		manakin setup --hugepages 1500 --persist eth1
		manakin restore --all --dry-run >script
		cat script
		sh script
		state | diff before -'
}

@test "restore brings everything back: addresses, routes of all tables, MTU, name, hugepages" {
	run -0 vm one '
		ip link set eth1 mtu 1400
		ip address add 10.0.1.5/24 dev eth1 label eth1:x
		ip address add 10.8.0.1 peer 10.8.0.2/32 dev eth1
		ip address add 10.0.5.4/24 metric 700 dev eth1 valid_lft 900 preferred_lft 800
		ip address add 2001:db8::4/64 dev eth1 nodad
		ip route add 192.168.7.0/24 via 10.0.1.9 dev eth1 metric 50 mtu 1400 advmss 1300
		ip route add default via 10.0.1.9 dev eth1 table 77 src 10.0.1.5
		ip route add 192.168.8.0/24 nexthop via 10.0.1.9 dev eth1 weight 3 nexthop via 10.0.0.9 dev eth0
		ip route add 192.168.9.0/24 via 172.16.0.1 dev eth1 onlink
		ip -6 route add 2001:db8:7::/48 via 2001:db8::9 dev eth1 metric 5
		ip -6 route add default via 2001:db8::1 dev eth1 table 77
		state >before
		manakin setup --hugepages 2000 --persist eth1
		ip link show eth1 2>/dev/null && exit 1
		[ "$(cat "$tree/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages")" = 2000 ]
		manakin restore eth1
		state | diff before -
		life=$(ip -j address show dev eth1 | python3 -c "import json, sys
print([a[\"valid_life_time\"] for a in json.load(sys.stdin)[0][\"addr_info\"] if a[\"local\"] == \"10.0.5.4\"][0])")
		[ "$life" -gt 800 ] && [ "$life" -le 900 ]
		[ ! -e "$tree/run/manakin/setup/journal" ]'
}

# What a program that manages the network leaves in /run once it was started
MANAGERS='mkdir -p "$tree/run/NetworkManager" "$tree/run/cloud-init" "$tree/run/systemd/netif"
		: >"$tree/run/systemd/netif/state"'

@test "the programs that manage the network are told to leave the interface alone, until restore" {
	run -0 vm one "$MANAGERS"'
		ip address add 10.0.1.5/24 dev eth1
		state >before
		find "$tree/run" -type f | sort >files
		manakin setup eth1
		cd "$tree/run"
		head -n 9 NetworkManager/conf.d/* systemd/network/* udev/rules.d/*
		stat -c "%a %n" NetworkManager/conf.d/* systemd/network/* udev/rules.d/*
		cd "$OLDPWD"
		manakin setup eth1
		manakin restore eth1
		state | diff before -
		find "$tree/run" -type f ! -path "*/manakin/*" | sort | diff files -'
	[[ $output == *"tell NetworkManager to leave eth1 alone: /run/NetworkManager/conf.d/manakin-6045bda6bd76.conf"* ]]
	[[ $output == *"tell systemd-networkd to leave eth1 alone: /run/systemd/network/0-manakin-6045bda6bd76.network"* ]]
	[[ $output == *"tell cloud-init to leave eth1 alone: /run/udev/rules.d/0-manakin-6045bda6bd76.rules"*"set eth1 down"* ]]
	[[ $output == *$'[keyfile]\nunmanaged-devices+=mac:60:45:bd:a6:bd:76\n'* ]]
	[[ $output == *$'[Match]\nPermanentMACAddress=60:45:bd:a6:bd:76\n\n[Link]\nUnmanaged=yes\n'* ]]
	[[ $output == *'ENV{ID_NET_NAME_MAC}=="enx6045bda6bd76", RUN:="/bin/true"'* ]]
	[[ $output == *"644 NetworkManager/conf.d/manakin-6045bda6bd76.conf
644 systemd/network/0-manakin-6045bda6bd76.network
644 udev/rules.d/0-manakin-6045bda6bd76.rules"*"nothing to do"* ]]
	[[ $output == *"wait until the VF"*"let NetworkManager manage eth1 again"*"let systemd-networkd"*"let cloud-init"*"set eth1 up"* ]]
}

@test "what managers are told is in the scripts of --dry-run, too" {
	run -0 vm one "$MANAGERS"'
		mkdir -p "$tree/run/systemd/network"
		ip address add 2001:db8::4/64 dev eth1 nodad
		state >before
		(cd "$tree/run" && find . -type f) | sort >files
		umask 022
		manakin setup --dry-run eth1 >script
		sh script
		cp -r "$tree/run" byhand
		manakin restore --all >said # without a journal
		ip address add 10.0.1.4/24 dev eth1
		ip address add 2001:db8::4/64 dev eth1 nodad
		manakin setup eth1
		diff -r byhand "$tree/run" -x manakin
		manakin restore --all --dry-run >script
		sh script
		state | diff before -
		(cd "$tree/run" && find . -type f ! -path "./manakin/*") | sort | diff files -
		cat said'
	[[ $output == *"let NetworkManager manage"* ]]
}

@test "a manager's file that setup finds changed is written again; one it cannot write stops it, and all is undone" {
	run -0 vm one "$MANAGERS"'
		manakin setup eth1
		echo "# mine" >>"$tree/run/systemd/network/0-manakin-6045bda6bd76.network"
		manakin setup eth1
		grep -c mine "$tree/run/systemd/network/0-manakin-6045bda6bd76.network" || true
		manakin restore eth1
		state >before
		rmdir "$tree/run/systemd/network"
		ln -s /tmp "$tree/run/systemd/network"
		manakin setup eth1 2>&1 && exit 1
		ls /tmp/0-manakin* 2>/dev/null && exit 1
		state | diff before -
		ls "$tree/run/NetworkManager/conf.d"'
	[[ $output == *"  1  tell systemd-networkd to leave eth1 alone"*"done; next"*$'\n0\n'* ]]
	[[ $output == *"cannot tell systemd-networkd to leave eth1 alone"*"everything is as it was" ]]
}

@test "other names and a changed MAC address are brought back; a name that another interface took meanwhile is reported" {
	run -0 vm one '
		ip link property add dev eth1 altname enx-azure altname "a;b&\$(c)"
		ip link set dev eth1 address 02:00:00:00:00:07
		state >before
		manakin setup eth1
		manakin restore --dry-run eth1 >script
		manakin restore eth1
		state | diff before -
		manakin setup eth1
		sh script
		manakin restore eth1
		state | diff before -
		cat script'
	[[ $output == *"altname '"*"ip link set dev eth1 address 02:00:00:00:00:07"* ]]
	run -1 vm one '
		ip link property add dev eth1 altname data0
		manakin setup eth1
		ip link add data0 type bridge
		manakin restore eth1 || { status=$?; ip -br address show dev eth1; exit $status; }'
	[[ $output == *"cannot give eth1 the other name data0: another interface has that name; to try by hand: "*"10.0.1.4/24"* ]]
}

@test "what the interface loses is listed before it happens: in the text, the script, and the JSON" {
	run -0 vm one '
		manakin setup --dry-run eth1 | grep -c loses || true
		ip link property add dev eth1 altname data0
		ip link set dev eth1 address 02:00:00:00:00:07
		tc qdisc add dev eth1 root tbf rate 100mbit burst 10k latency 10ms
		tc qdisc add dev eth1 clsact
		ethtool -K eth1 gro off
		nft -f - <<-END
			table inet filter {
				set lan { type ifname; elements = { "eth1", "eth0" }; }
				chain input {
					iif eth1 accept
					iifname @lan tcp dport 22 accept
					iif eth0 accept
				}
				chain output {
					oifname "eth*" counter; tcp sport 7 iifname eth0 accept
				}
				chain other {
					iifname "eth11" accept; meta mark 2 accept
				}
			}
			table netdev early {
				chain in {
					type filter hook ingress device eth1 priority 0
				}
			}
		END
		manakin setup --dry-run eth1 >script
		grep "^# eth1 loses" script
		sh -n script
		manakin setup --dry-run --json eth1 >json
		"$SCHEMA" setup json
		python3 -c "import json; [print(l[\"kind\"], l[\"restored\"]) for l in json.load(open(\"json\"))[\"losses\"]]"
		manakin setup eth1 | grep "^eth1 loses"'
	echo "$output"
	[ "${lines[0]}" = 0 ]
	for line in "until restore: the other name data0" "until restore: the MAC address 02:00:00:00:00:07" \
		"for good: qdisc tbf "*" at the root, with its classes and filters" \
		"for good: qdisc clsact ffff:, with its classes and filters" \
		"for good: the offload rx-gro, which is off" \
		"for good: the hook of the nftables chain netdev early in" \
		"for good: what the rules of the nftables chain inet filter input match by iif" \
		"until restore: what the rules of the nftables chain inet filter input match by iifname" \
		"until restore: what the rules of the nftables chain inet filter output match by oifname"; do
		# shellcheck disable=SC2053 # a pattern
		[[ $output == *"# eth1 loses "$line$'\n'* && $output == *$'\n'"eth1 loses "$line* ]]
	done
	[ "$(grep -c '^eth1 loses' <<<"$output")" = 9 ]
	[[ $output == *"altname True"*"mac True"*"qdisc False"*"chain False"*"rule False"*"rule True"*"offload False"* ]]
}

@test "an interface that was down stays down, and gets its addresses back" {
	run -0 vm one 'ip link set eth1 down; state >before; manakin setup eth1; manakin restore eth1; state | diff before -'
}

@test "direct mode: links down, VMBus untouched, and back" {
	run -0 vm one '
		state >before
		manakin setup --pmd mana eth1
		ip -br link show eth1 | grep -q DOWN; ip -br link show enP30832s1d1 | grep -q DOWN
		[ ! -s "$tree.log" ]
		manakin setup --pmd mana eth1 | grep "nothing to do"
		manakin restore eth1
		state | diff before -'
}

@test "every way to name a port; naming it twice counts once" {
	for word in eth1 enP30832s1d1 60:45:bd:a6:bd:76 $ETH1; do
		run -0 vm one "manakin setup $word; manakin setup $word eth1 enP30832s1d1 | grep 'nothing to do'; manakin restore $word; ip link show eth1"
	done
}

@test "several ports of one bus address at once; given back one by one" {
	run -0 vm four '
		state >before
		manakin setup --hugepages 1600 eth1 eth2 eth3
		manakin restore eth2
		ip link show eth2
		[ "$(cat "$tree/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages")" = 1600 ]
		manakin restore eth1 eth3
		state | diff before -'
}

@test "hugepages on each node, never fewer, 1 GB too" {
	run -0 vm two '
		manakin setup --hugepages 3000 --dry-run eth1
		manakin setup --hugepages 1 --dry-run eth1
		manakin setup --hugepages 2,1G --dry-run eth1'
	[[ $output == *"echo 3000 > "*"/node0/"*"echo 3000 > "*"/node1/"* ]]
	[[ $output != *"echo 1 >"* ]]
	[[ $output == *"echo 2 > "*"hugepages-1048576kB"* ]]
	run -1 vm one 'manakin setup --hugepages 4,3M eth1'
	[[ $output == *"does not support hugepages of 3072 kB"* ]]
}

@test "no more hugepages than MemAvailable allows; the message says how many can be had" {
	run -1 vm one '
		sed -i "s/^MemAvailable:.*/MemAvailable: 1024000 kB/" "$tree/proc/meminfo"
		state >before
		manakin setup --hugepages 3000 eth1 || { status=$?; state | diff before -; exit $status; }'
	[[ $output == "manakin setup: there is not enough memory for 3000 hugepages of 2 MB on each node: at most 1524 can be had; free some memory, or add --hugepages 1524,2048k" ]]
}

@test "hugepages whose number somebody changed since are left alone" {
	run -0 vm one '
		pages=$tree/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages
		manakin setup --hugepages 2000 eth1
		echo 2500 >"$pages"
		manakin restore eth1
		cat "$pages"'
	[ "${lines[-1]}" = 2500 ]
}

@test "interfaces with the default route or the SSH session are refused, unless forced" {
	run -1 vm one 'manakin setup eth0'
	[[ $output == "manakin setup: eth0 carries the default route"*"--force" ]]
	SSH_CONNECTION_THERE="10.0.1.7 5000 10.0.1.4 22" run -1 vm one 'manakin setup enP30832s1d1'
	[[ $output == "manakin setup: eth1 carries this SSH session"* ]]
	run -0 vm one 'state >before; manakin setup --force eth0; manakin restore eth0; state | diff before -'
}

@test "a default route in any table that others use is found; one that only serves the interface itself is not" {
	run -1 vm one 'ip route add default via 10.0.1.1 table 100; ip rule add fwmark 7 table 100; manakin setup eth1'
	[[ $output == "manakin setup: eth1 carries the default route of table 100, without which"* ]]
	run -0 vm one '
		ip route add default via 10.0.1.1 dev eth1 table 100; ip rule add from 10.0.1.4 table 100
		state >before; manakin setup eth1; manakin restore eth1; state | diff before -'
}

@test "a default route that comes while setup runs: no link goes down, and the rest is undone" {
	run -1 vm one "
		words 'shell nr_hugepages ip route add default via 10.0.1.1 dev eth1 metric 5'
		manakin setup --hugepages 2000 eth1 || { status=\$?; ip -br link show eth1
			cat \$tree/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages; exit \$status; }"
	[[ $output == *"manakin setup: eth1 carries the default route, without"*"; everything is as it was"*"eth1 "*" UP "* ]]
	[ "${lines[-1]}" != 2000 ]
}

@test "an interface that others are built on is refused" {
	run -1 vm one 'ip link add br0 type bridge; ip link set enP30832s1d1 nomaster; ip link set enP30832s1d1 master br0; manakin setup enP30832s1d1'
	[[ $output == *"enP30832s1d1 is in use by the interface br0"* ]]
}

@test "an interface that others are built on while setup runs is not taken" {
	run -1 vm one "
		state >before
		words 'shell driver_override ip link add mv0 link eth1 type macvlan'
		manakin setup eth1 || { status=\$?; ip link del mv0; state | diff before -; exit \$status; }"
	[[ $output == *"manakin setup: eth1 is in use by the interface mv0, which restore would not bring back"*"; everything is as it was" ]]
}

@test "an interface that others are built on in another network namespace is refused" {
	# named ones, as ip-netns(8) makes them, and ones that only a process keeps
	run -1 vm one '
		mount -t tmpfs none /run; ip netns add blue
		ip link add mv0 link eth1 type macvlan; ip link set mv0 netns blue
		manakin setup eth1'
	[[ $output == *"eth1 is in use by the interface mv0 in the network namespace blue, which restore"*"--force" ]]
	run -1 vm one '
		unshare -n sleep 100 & until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.01; done
		ip link add mv0 link eth1 type macvlan; ip link set mv0 netns $!
		status=0; manakin setup eth1 || status=$?
		kill $!; exit $status'
	[[ $output == *"eth1 is in use by the interface mv0 in the network namespace of sleep ("*"), which restore"*"--force" ]]
}

@test "what cannot be handed over is refused in one sentence" {
	run -2 vm one 'manakin setup 7870:00:00.0'
	[[ $output == "manakin setup: 7870:00:00.0 is the bus address of an adapter"*"name a port: eth0, eth1" ]]
	run -1 vm one 'manakin setup eth7'
	[[ $output == "manakin setup: there is no interface eth7"* ]]
	run -1 vm mlx5 'manakin setup eth0'
	[[ $output == *"is not a MANA interface"* ]]
	run -1 vm one 'manakin setup lo'
	[[ $output == *"lo is not a MANA interface"* ]]
	run -1 vm one 'manakin setup eth1; manakin setup --pmd mana eth1'
	[[ ${lines[-1]} == "manakin setup: eth1 is handed over to DPDK's netvsc, not to its mana driver; first 'manakin restore eth1'" ]]
	run -2 vm one 'manakin setup'
	run -2 vm one 'manakin setup --hugepages x eth1'
	run -2 vm one 'manakin setup --pmd vfio eth1'
	run -2 vm one 'manakin restore'
	run -2 vm one 'manakin restore --all eth1'
}

@test "without root nothing is tried, but the plan is shown" {
	run -1 vm one 'chmod -R a+rX "$tree"; setpriv --reuid 65534 --clear-groups "$MANAKIN" setup --sysroot "$tree" eth1'
	[[ $output == "manakin setup: this requires root"* ]]
	run -1 vm one 'setpriv --reuid 65534 --clear-groups "$MANAKIN" restore --sysroot "$tree" --all'
	[[ $output == "manakin restore: this requires root"* ]]
}

@test "a write that the kernel refuses undoes the rest" {
	for case in "one bind $TO EBUSY" "one unbind $FROM EACCES" "one driver_override $ETH1 ENOMEM" \
		"older new_id $TO ENOMEM" "older bind $TO EBUSY"; do
		run -1 vm "${case%% *}" "state >before; words 'fail ${case#* }'; manakin setup --hugepages 2000 --persist eth1 || { status=\$?; state | diff before - && ! test -e \$tree/run/manakin/setup/journal && exit \$status; exit 7; }"
		[[ ${lines[-1]} == "manakin setup: "*"; everything is as it was" ]]
	done
}

@test "a kernel that finds fewer hugepages; an interface that vanishes; a module that will not load" {
	run -1 vm one "words 'pages 1200'; manakin setup --hugepages 2000 eth1 || { status=\$?; cat \$tree/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages; exit \$status; }"
	[[ $output == *"the kernel could reserve only 1200"*"everything is as it was"* ]]
	[ "${lines[-1]}" = 1024 ] || [ "${lines[-1]}" = 0 ]
	run -1 vm one "words 'vanish eth1 nr_hugepages'; manakin setup --hugepages 2000 eth1"
	[[ $output == *"set eth1 down: the interface is gone"* ]]
	run -1 vm one 'rm -r "$tree/sys/module/mana_ib"; state >before; manakin setup --hugepages 2000 eth1 || { status=$?; state | diff before -; exit $status; }'
	[[ $output == *"load kernel module mana_ib: "*"everything is as it was"* ]]
	run -1 vm one 'rm -r "$tree/sys/module/uio_hv_generic"; sed -i /uio_hv_generic/d "$tree"/lib/modules/*/modules.dep; manakin setup eth1'
	[[ $output == *"the kernel has no module uio_hv_generic"* ]]
}

@test "a restore that fails says so, keeps the journal, and can be run again" {
	run -0 vm one "
		state >before
		manakin setup eth1
		words 'fail bind $FROM EBUSY'
		manakin restore eth1 && exit 7
		test -e \$tree/run/manakin/setup/journal
		words
		manakin restore eth1
		state | diff before -"
	[[ $output == *"fix that and run this again: the journal is kept"* ]]
}

@test "an interface that appears late, and with another name" {
	run -0 vm one "state >before; manakin setup eth1; words 'slow 0.7' 'name eth9'; manakin restore eth1; state | diff before -"
	# another interface has the name by then
	run -0 vm one "manakin setup eth1; ip link add eth1 type bridge; words 'name eth9'; manakin restore 60:45:bd:a6:bd:76; ip -br address show dev eth9"
	[[ $output == *"it stays eth9: another interface has that name"*"10.0.1.4/24"* ]]
}

@test "a VF that the kernel does not join again is reported" {
	run -0 vm one "manakin setup eth1; words alone; manakin restore eth1"
	[[ $output == *"it has not joined yet"* ]]
}

@test "handed over by hand: given back as far as the buses show it" {
	run -0 vm one "
		ip link set eth1 down; ip link set enP30832s1d1 down
		echo $CLASS >\$tree/sys/bus/vmbus/drivers/$TO/new_id
		echo $ETH1 >\$tree/sys/bus/vmbus/drivers/$FROM/unbind
		echo $ETH1 >\$tree/sys/bus/vmbus/drivers/$TO/bind
		manakin setup $ETH1
		manakin restore --all --dry-run
		manakin restore --all
		ip -br link show eth1; ip -br link show enP30832s1d1"
	[[ $output == *"is handed over to DPDK's netvsc already"*"nothing to do"* ]]
	[[ $output == *"its addresses were not recorded"* ]]
	[[ ${lines[-2]} == "eth1 "*"UP"* && ${lines[-1]} == "enP30832s1d1"*"UP"* ]]
}

@test "a class that uio_hv_generic had before setup is still there after restore" {
	run -0 vm older "
		echo $CLASS >\$tree/sys/bus/vmbus/drivers/$TO/new_id
		state >before
		manakin setup eth1
		manakin restore eth1
		state | diff before -
		grep -c remove_id \$tree.log || true"
	[ "${lines[-1]}" = 0 ]
}

@test "a driver_override that was there before is there again after restore; one that was written by hand is cleared" {
	run -0 vm one "
		override=\$tree/sys/bus/vmbus/devices/$ETH1/driver_override
		echo $FROM >\$override
		manakin setup eth1
		cat \$override
		manakin restore eth1
		cat \$override"
	[ "$(grep -c "^$FROM\$" <<<"$output")" = 1 ] && [ "$(grep -c "^$TO\$" <<<"$output")" = 1 ]
	# handed over by hand, as driverctl does it
	run -0 vm one "
		ip link set eth1 down; ip link set enP30832s1d1 down
		echo $TO >\$tree/sys/bus/vmbus/devices/$ETH1/driver_override
		echo $ETH1 >\$tree/sys/bus/vmbus/drivers/$FROM/unbind
		echo $ETH1 >\$tree/sys/bus/vmbus/drivers/$TO/bind
		manakin restore --all
		cat \$tree/sys/bus/vmbus/devices/$ETH1/driver_override
		ip -br link show eth1"
	[[ $output == *"(null)"*"eth1 "*"UP"* ]]
}

@test "handed over by hand, its VF still up: setup completes it, restore sets both up" {
	run -0 vm one "
		echo $CLASS >\$tree/sys/bus/vmbus/drivers/$TO/new_id
		echo $ETH1 >\$tree/sys/bus/vmbus/drivers/$FROM/unbind
		echo $ETH1 >\$tree/sys/bus/vmbus/drivers/$TO/bind
		manakin setup $ETH1
		ip -br link show enP30832s1d1
		manakin restore $ETH1
		ip -br link show eth1; ip -br link show enP30832s1d1"
	[[ $output == *"set enP30832s1d1 down"*"enP30832s1d1@wire1 DOWN"* ]]
	[[ ${lines[-2]} == "eth1 "*"UP"* && ${lines[-1]} == "enP30832s1d1"*"UP"* ]]
}

@test "a process that has it open is named" {
	run -1 vm taken 'manakin restore --all'
	[[ $output == "manakin restore: "*" is in use by dpdk-testpmd (4711); stop that process first" ]]
}

@test "an interface that is gone is forgotten" {
	run -0 vm one "
		manakin setup eth1
		rm \$tree/sys/bus/vmbus/devices/$ETH1
		ip link del enP30832s1d1; rm \$tree/sys/class/net/enP30832s1d1
		manakin restore eth1
		test ! -e \$tree/run/manakin/setup/journal"
	[[ $output == *"eth1 (60:45:bd:a6:bd:76) is no longer on this machine"* ]]
}

@test "two at once: the second names the first" {
	run -1 vm one '
		mkdir -p "$tree/run/manakin/setup"
		exec 8>"$tree/run/manakin/setup/lock"
		flock 8; echo 4242 >&8
		manakin setup eth1 || { status=$?; manakin restore --all; exit $status; }'
	[[ ${lines[0]} == "manakin setup: another setup or restore is running (process 4242); nothing was changed"* ]]
	[[ ${lines[1]} == "manakin restore: another setup or restore is running"* ]]
}

@test "a read-only /run, and one that is full" {
	run -1 vm one 'mount -t tmpfs -o ro none "$tree/run"; manakin setup eth1'
	[[ $output == *"cannot keep a journal in "*"/run/manakin/setup: Read-only file system; nothing was changed: make it writable, for example with 'mount -o remount,rw', and try again"* ]]
	run -1 vm one '
		mount -t tmpfs -o size=8k none "$tree/run"
		mkdir -p "$tree/run/manakin/setup"
		dd if=/dev/zero of="$tree/run/fill" bs=4k 2>/dev/null || true
		state >before
		manakin setup eth1 || { status=$?; umount "$tree/run"; state | diff before -; exit $status; }'
	[[ $output == *"No space left on device"* ]]
}

@test "a journal of another boot is set aside, a damaged one is not used" {
	run -0 vm one '
		mkdir -p "$tree/proc/sys/kernel/random"
		echo 11111111-0000-4000-8000-000000000001 >"$tree/proc/sys/kernel/random/boot_id"
		manakin setup eth1
		echo 22222222-0000-4000-8000-000000000002 >"$tree/proc/sys/kernel/random/boot_id"
		manakin restore --all'
	[[ $output == *"is of an earlier boot"*"set aside as journal-11111111"* ]]
	run -1 vm one '
		manakin setup eth1
		sed -i "3s/link/knil/" "$tree/run/manakin/setup/journal"
		manakin restore --all'
	[[ $output == *"line 3 is damaged; nothing was changed: move it away"* ]]
}

@test "--persist writes a unit that systemd accepts, one line for each port, and restore removes it" {
	run -0 vm four '
		unit=$tree/etc/systemd/system/manakin-setup.service
		manakin setup --persist --hugepages 2048 eth1
		manakin setup --persist --pmd mana eth2
		manakin setup --persist --pmd mana eth2 | grep "nothing to do"
		cat "$unit"
		[ "$(readlink "${unit%/*}/multi-user.target.wants/manakin-setup.service")" = ../manakin-setup.service ]
		systemd-analyze verify --man=no "$unit" || [ ! -x "$(command -v systemd-analyze)" ]
		manakin restore eth1
		! grep bd:76 "$unit"; grep be:10 "$unit"
		manakin restore --all
		[ ! -e "$unit" ] && [ -z "$(ls "${unit%/*}/multi-user.target.wants")" ]'
	[[ $output == *"ExecStart=$MANAKIN setup --pmd netvsc --hugepages 2048,2048k 60:45:bd:a6:bd:76"* ]]
	[[ $output == *"ExecStart=$MANAKIN setup --pmd mana --hugepages 1024,2048k 60:45:bd:a6:be:10"* ]]
	run -1 vm one 'rm -r "$tree/etc/systemd"; manakin setup --persist eth1'
	[[ $output == *"--persist needs systemd"* ]]
}

@test "the state of an interface that was given back by hand is recorded again" {
	run -0 vm one "
		manakin setup eth1
		echo $ETH1 >\$tree/sys/bus/vmbus/drivers/$TO/unbind
		echo >\$tree/sys/bus/vmbus/devices/$ETH1/driver_override
		echo $ETH1 >\$tree/sys/bus/vmbus/drivers/$FROM/bind
		ip link set enP30832s1d1 up; ip link set eth1 up; ip address add 10.0.9.9/24 dev eth1
		state >before
		manakin setup eth1
		manakin restore eth1
		state | diff before -"
}

@test "--json matches its schema" {
	vm one 'manakin setup --json --hugepages 2000 --persist --dry-run eth1' | valid setup
	vm one 'manakin setup --json --hugepages 2000 --persist eth1' | valid setup
	vm one "words 'fail bind $TO EBUSY'; manakin setup --json eth1 2>/dev/null || true" | valid setup
	vm one 'manakin setup eth1 >/dev/null; manakin setup --json eth1' | valid setup
	vm one 'manakin setup eth1 >/dev/null; manakin restore --json --dry-run eth1' | valid restore
	vm one 'manakin setup eth1 >/dev/null; manakin restore --json --all' | valid restore
	vm one 'manakin restore --json --all' | valid restore
}

@test "Ctrl-C and a closed pipe: nothing is left half-done" {
	for n in 3 6 9; do
		run vm one "
			state >before
			status=0
			strace -qq -o /dev/null -e inject=fdatasync:signal=INT:when=$n bash -c 'trap - INT; exec \"\$0\" setup --sysroot \"\$1\" --hugepages 2000 eth1' \"\$MANAKIN\" \"\$tree\" || status=\$?
			state | diff before -
			test ! -e \$tree/run/manakin/setup/journal
			exit \$status"
		echo "$output"
		[ "$status" -eq 130 ]
		[[ $output == *"manakin setup: interrupted; everything is as it was" ]]
	done
	run -0 vm one 'manakin setup --hugepages 2000 eth1 | true; ls "$tree/run/manakin/setup/journal"; grep -c ready "$tree/run/manakin/setup/journal"'
}

# cut_off MACHINE WHAT - cutoff.py on a fresh machine
cut_off() {
	local tree=$BATS_TEST_TMPDIR/$1
	SSH_CONNECTION=none PYTHONDONTWRITEBYTECODE=1 timeout -s KILL $((4 * PATIENCE)) unshare --net --mount bash -euc \
		'"$TREES/make" --net "$0" "$1"; python3 "$CUTOFF" "$MANAKIN" "$1" "$2"' "$1" "$tree" "$2"
}

@test "killed at any point: journal and machine agree, restore goes back, setup completes" {
	cut_off one kill
}

@test "killed at any point, on an older kernel without driver_override" {
	cut_off older kill
}

@test "any system call that fails: setup leaves the machine as it was" {
	cut_off one fail
}

@test "any system call that fails, on an older kernel without driver_override" {
	cut_off older fail
}

@test "a label that would be a command is a word in the script, and comes back as it was" {
	run -0 vm one 'ip address add 192.0.2.7/24 label "eth1:;>\$HOME" dev eth1
		manakin setup eth1 >/dev/null 2>&1
		manakin restore --dry-run eth1 >"$tree.script"
		sh -n "$tree.script"
		cat "$tree.script"
		manakin restore eth1
		ip -o address show dev eth1'
	[[ $output == *"ip -4 address replace 192.0.2.7/24 label 'eth1:;>\$HOME' dev eth1"* ]]
	[[ $output == *"192.0.2.7/24 scope global eth1:;>\$HOME"* ]]
}

@test "--persist writes no unit through a symbolic link" {
	run -0 vm one 'mkdir -p "$tree/victim"
		echo kept >"$tree/victim/unit"
		ln -s ../../../victim/unit "$tree/etc/systemd/system/manakin-setup.service.new"
		manakin setup --persist eth1 >/dev/null 2>&1
		cat "$tree/victim/unit" && test ! -h "$tree/etc/systemd/system/manakin-setup.service"
		manakin restore eth1 >/dev/null 2>&1
		rmdir "$tree/etc/systemd/system/multi-user.target.wants"
		ln -s ../../../victim "$tree/etc/systemd/system/multi-user.target.wants"
		manakin setup --persist eth1 || echo refused
		ls "$tree/victim"'
	[[ $output == kept*refused*unit ]]
}
