# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# The interfaces go down and up, and the function is taken off the bus and found again.
. "${0%/*}/lib.sh"

for _ in 1 2 3; do
	up
	exchange
	down
done
device=$(readlink -f "/sys/class/net/$FIRST/device")
echo 1 >"$device/remove"
echo 1 >/sys/bus/pci/rescan
up
exchange
down
unload
