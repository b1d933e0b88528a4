#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Run every test: unit and fuzz tests plain and under the sanitizers, then DPDK on
# this machine, then the lab.
# usage: check.sh BUILD
set -u

build=$1
sanitized=$build-sanitize
results=

# run NAME BUILD ARGUMENT... - one ring of tests; its results are counted at the end
run()
{
	name=$1 dir=$2
	shift 2
	echo "== $name"
	meson test -C "$dir" --no-rebuild --print-errorlogs --logbase "$name" "$@" || failed=1
	results="$results $dir/meson-logs/$name.junit.xml"
}

# The package managers of other distributions, for what "dpdk install" asks of them
scripts/dependencies.sh dnf zypper createrepo-c rpm || exit 1

failed=0
# The fuzz target of the poll-mode driver needs them, too.
[ ! -d "$build/dpdk-headers" ] || [ -d "$sanitized/dpdk-headers" ] || {
	rm -rf "$sanitized" && mkdir "$sanitized" && cp -r "$build/dpdk-headers" "$sanitized/"
}
[ -f "$sanitized/build.ninja" ] ||
	meson setup "$sanitized" -Db_sanitize=address,undefined -Db_lundef=false >/dev/null || exit 1
ninja -C "$build" && ninja -C "$sanitized" || exit 1

run unit "$build" --suite unit --suite fuzz
run sanitize "$sanitized" --suite unit --suite fuzz
# Each wants two CPUs and hugepages.
run native "$build" --suite native --num-processes 1
echo "== guest images (built once, then kept)"
"$build/manakin" lab build --suite trixie && "$build/manakin" lab build --suite bookworm || failed=1
echo "== the poll-mode driver for the guest (likewise)"
scripts/pmd-for-suite.sh trixie "$build/trixie" || failed=1
# One guest at a time: with two cores they would only slow each other down.
run lab "$build" --suite lab --num-processes 1

# shellcheck disable=SC2086
python3 scripts/count-tests.py $results || failed=1
exit $failed
