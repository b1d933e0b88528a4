# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# The driver is loaded, and unloaded.
. "${0%/*}/lib.sh"

wait_for two_ports
unload
