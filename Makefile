# SPDX-License-Identifier: BSD-3-Clause
# The front door: each target does all that is needed for it on a fresh Debian 12.
