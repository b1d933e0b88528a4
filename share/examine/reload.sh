# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# The driver is unloaded and loaded again, with its interfaces down and up.
. "${0%/*}/lib.sh"

for _ in 1 2 3; do
	up
	exchange
	unload
	load
done
wait_for two_ports
unload
