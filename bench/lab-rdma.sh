#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# RDMA between two guests on one switch: MANA's RC, the kernel's soft RoCE (rdma_rxe) on the same MANA
# interfaces, and TCP there, in turn.
# usage: lab-rdma.sh MANAKIN [ROUNDS [MESSAGES [MTU...]]]
set -eu

manakin=$1
rounds=${2:-3}
messages=${3:-500}
shift $(($# < 3 ? $# : 3))
[ $# -gt 0 ] || set -- 1500 4200
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
device=
server=

cleanup()
{
	[ -z "$server" ] || kill "$server" 2>/dev/null || :
	[ -z "$device" ] || kill "$device" 2>/dev/null || :
	rm -rf "$dir"
}
trap cleanup EXIT INT TERM

cp "$here/lab-rdma-guest.sh" "$dir/"
"$manakin" device --name bench --log warning \
	--socket "$dir/0" --port mac=00:0d:3a:77:00:01,mtu=9000,fabric=switch \
	--socket "$dir/1" --port mac=00:0d:3a:77:00:02,mtu=9000,fabric=switch >"$dir/summary" &
device=$!
while [ ! -S "$dir/1" ]; do
	kill -0 "$device" || exit 1
	sleep 0.1
done

# end SOCKET ROLE ... - boot a guest that is one end, in the place of this shell
end()
{
	socket=$1
	shift
	exec "$manakin" lab run --kernel generic --cpus 1 --memory 1G --attach "$dir/$socket" --share "$dir" -- \
		bash /mnt/share/lab-rdma-guest.sh "$@" </dev/null
}

end 0 server "$rounds" "$messages" "$@" &
server=$!
(end 1 client "$rounds" "$messages" "$@") >"$dir/figures"
python3 "$here/lab-rdma-report.py" "$dir/figures"
