#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# bats.sh ARGUMENT... - run Bats; what has failed, and why, is on standard error as well
#
# Meson reads the results from standard output and shows the other of a suite that failed as soon
# as it has ended.
set -o pipefail
bats --tap "$@" | awk '
	/^ok / { failed = 0 }
	/^not ok / { failed = 1 }
	{ print; fflush() }
	failed { print >"/dev/stderr" }'
