#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# The installed program, without the checkout: an adapter, and testpmd on it
# with the installed driver. tests/unit/install has the tests that need no hugepages.

load common
load ../install

@test "installed, with the checkout gone: device, run and args work as in the build tree" {
	local away=/run/native/away
	cd "$BATS_TEST_TMPDIR"
	installed "$away"
	# shellcheck disable=SC2016 # for the inner shell to expand
	apart bash -c '
		[[ -z $(ls "$SOURCE") ]] || exit 99
		"$1" device --port mac="$2" >adapter.out 2>adapter.log &
		for _ in {1..200}; do
			! grep -q "waiting for a client" adapter.log || break
			sleep 0.05
		done
		"$1" args mana0 >args 2>args.err &&
		"$1" run --seconds 2 --json >run.json 2>run.err
		status=$?
		kill -TERM $! && wait $! && exit $status' bash "$away/bin/manakin" "$MAC0" ||
		fail "$(cat adapter.log args.err run.err)"
	grep -q -e "-d $away/$LIBRARIES/manakin/librte_net_manakin.so" args || fail "$(cat args)"
	python3 -c '
import json
result = json.load(open("run.json"))
print(result)
assert any(rate["packets"] > 0 for rate in result["rates"]), result'
	rm -r "$away"
}

@test "manakin dpdk driver builds, from what is installed, a driver that carries packets; uninstall removes it" {
	local away=/run/native/away prefix=/run/native/built
	cd "$BATS_TEST_TMPDIR"
	installed "$away"
	cp -r "$BUILD/dpdk-headers" headers
	# The machine's DPDK as "dpdk install" would have recorded it
	mkdir -p $prefix/lib/pkgconfig $prefix/share/manakin
	cp "$(pkg-config --variable=pcfiledir libdpdk)/libdpdk.pc" $prefix/lib/pkgconfig/
	printf '%s\n' "manakin dpdk $(pkg-config --modversion libdpdk)" 'd lib' 'd lib/pkgconfig' 'f lib/pkgconfig/libdpdk.pc' \
		'd share' 'd share/manakin' >$prefix/share/manakin/dpdk-installed
	apart "$away/bin/manakin" dpdk driver --prefix $prefix --headers "$PWD/headers" 2>driver.err || fail "$(cat driver.err)"
	"$MANAKIN" device --port mac="$MAC0" >adapter.out 2>adapter.log 3>&- &
	await grep -q "waiting for a client" adapter.log
	"$MANAKIN" run --plugin $prefix/lib/manakin/librte_net_manakin.so --seconds 2 --json >run.json 2>run.err ||
		fail "$(cat run.err)"
	kill -TERM $! && wait $!
	python3 -c '
import json
result = json.load(open("run.json"))
assert any(rate["packets"] > 0 for rate in result["rates"]), result'
	run -0 "$MANAKIN" dpdk uninstall $prefix
	[ "$output" = "2 files were removed from $prefix" ]
	rmdir $prefix # nothing is left in it
	rm -r "$away"
}
