# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# other.bash - the essentials of a guest that is not this lab's usual one: another architecture, another
# distribution. GUEST is eth0's address in the guest named guest, HOST the one of the tap here; mana0 is the
# adapter, PORTS are its ports.

# found_and_bound - the guide's check for MANA finds the device, and the kernel's driver has all ports
found_and_bound() {
	equal 'MANA device is available.' \
		"$(guest guest "$(<"$LAB_TESTS/fixtures/check-for-mana.sh")")" 'the check'
	guest guest 'ethtool -i eth0' | grep -x 'driver: mana'
	equal "${#PORTS[@]}" "$(guest guest 'ls /sys/class/net | grep -c ^eth')" 'interfaces'
}

# pings N - that many each way, and none is lost
pings() {
	local options="-q -c $1 -A -W 60" here there
	here=$(answers) there=$(answers guest)
	# shellcheck disable=SC2086 # options
	ping $options "$GUEST" || :
	guest guest "ping $options $HOST" || :
	all_answered "$here" "$1" 0
	all_answered "$there" "$1" 0 guest
}

# sent_whole - 64 MB by TCP from the guest arrive whole, and in large sends
sent_whole() {
	local sums
	sums=$(lab_file sums)
	socat -b 262144 -u TCP4-LISTEN:9,reuseaddr - 3>&- | sha256sum >"$sums" 3>&- &
	guest guest "head -c 64M /dev/urandom >/dev/shm/blob && sha256sum </dev/shm/blob &&
		socat -b 262144 -u FILE:/dev/shm/blob TCP4:$HOST:9,retry=3000,interval=0.1 && rm /dev/shm/blob" >"$sums.guest"
	wait $!
	equal "$(<"$sums.guest")" "$(<"$sums")" 'SHA-256 from the guest'
	(($(adapter_counter mana0 0 tx_tso) > 500)) || fail 'TSO was not used'
}

# received_whole - 64 MB by TCP to the guest arrive whole
received_whole() {
	local sums
	sums=$(lab_file sums)
	head -c 64M /dev/urandom >"$sums.blob"
	guest guest 'socat -b 262144 -u TCP4-LISTEN:9,reuseaddr - | sha256sum' >"$sums.guest" 3>&- &
	socat -b 262144 -u FILE:"$sums.blob" "TCP4:$GUEST:9,retry=3000,interval=0.1"
	wait $!
	equal "$(sha256sum <"$sums.blob")" "$(<"$sums.guest")" 'SHA-256 to the guest'
}
