#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# silent-channel.sh - the adapter stops answering commands while the application reads its counters.
#
# Packets still flow, and nothing tells the application. Its next command times out; then the driver
# resets the adapter. An application that reads counters in its packet loop stands still meanwhile.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

# Your application in place of testpmd. It has to send on queue 0 of port 0, and to read its counters
# now and then, until it gets SIGINT.
application() {
	# shellcheck disable=SC2046 # several arguments
	exec dpdk-testpmd --no-huge -m 256 -l "${LCORES:-0,1}" $(manakin args mana0) -- \
		--forward-mode=txonly --auto-start --total-num-mbufs=4096 --stats-period 1 </dev/null
}

scenario() {
	cat <<-'END'
		# The time-out is 30 s on hardware; half a second does for a test.
		on sq 0.0 packet 50000: timeout 500, channel silent
		on channel 2: signal done
	END
}

start
within 120 applied 1
within 120 applied 2 # the driver has noticed, and set the channel up again
within 60 sends "$(($(sent) + 1000))"
finish
