#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# guide.bash MAC PATTERN COUNT [SIGNAL] - in a guest: run a command of the guide
#
# The command comes from standard input, as in the guide; its variables are set here. When its
# output has COUNT lines with PATTERN, it gets SIGNAL (default: INT, as with Ctrl-C). Prints
# the output; the status is the command's, or 124 if PATTERN did not appear in time.
PATIENCE=240 # seconds
output=/tmp/guide.out

: >$output
interface=$(grep -lx "$1" /sys/class/net/*/address | cut -d/ -f5)
BUS_INFO=$(ethtool -i "$interface" | grep bus-info | awk '{ print $2 }')
MANA_MAC=$1
export BUS_INFO MANA_MAC
bash -c "exec $(cat)" >$output 2>&1 &
for ((i = 0; i < PATIENCE * 10; i++)); do
	(($(grep -c -e "$2" $output) < $3)) || break
	[[ -d /proc/$! ]] || break
	sleep 0.1
done
((i == PATIENCE * 10)) && late=124
kill -"${4:-INT}" $! 2>/dev/null
wait $!
status=$?
cat $output
exit "${late:-$status}"
