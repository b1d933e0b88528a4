#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# service-reset.sh - the adapter's host is serviced while the application sends: does it go on?
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

# Your application in place of testpmd. It has to send on queue 0 of port 0 until it gets SIGINT.
application() {
	# shellcheck disable=SC2046 # several arguments
	exec dpdk-testpmd --no-huge -m 256 -l "${LCORES:-0,1}" $(manakin args mana0) -- \
		--forward-mode=txonly --auto-start --total-num-mbufs=4096 --stats-period 1 </dev/null
}

scenario() {
	cat <<-'END'
		# The host announces its service when the application is at full speed, and once more.
		on sq 0.0 packet 50000: reset
		at 2s after signal again: reset
		# Its driver has reset the adapter when it has set the command channel up again.
		on channel 2: signal again
		on channel 3: signal done
	END
}

start
within 120 applied 1
within 120 applied 3 # the driver has done what was asked for
within 120 applied 2
within 120 applied 4
within 60 sends "$(($(sent) + 1000))" # packets leave the port again
finish
