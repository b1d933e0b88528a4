#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# stalled-queue.sh - a send queue stands still for two seconds; then the link flaps.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

# Your application in place of testpmd. It has to send on queue 0 of port 0 until it gets SIGINT, and
# to log each change of the link.
application() {
	# shellcheck disable=SC2046 # several arguments
	exec dpdk-testpmd --no-huge -m 256 -l "${LCORES:-0,1}" $(manakin args mana0) -- \
		--forward-mode=txonly --auto-start --total-num-mbufs=4096 --stats-period 1 </dev/null
}

changes="link state change event" # how it logs them
flaps=3

scenario() {
	cat <<-END
		on sq 0.0 packet 50000: stall 2s, signal stalled
		at 3s after signal stalled: link 0 flap $flaps 500ms
	END
}

noticed() {
	[ "$(grep -c "$changes" "$dir/application.log")" -ge $((2 * flaps)) ]
}

start
within 120 applied 1
within 120 applied 2 # which is after the stall
within 60 noticed # each time that the link went down, and came up
within 60 sends "$(($(sent) + 1000))"
finish
