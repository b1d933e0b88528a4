#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# man.sh [FILE...] - what mandoc has to say against the man pages; those of the tree by default
[ $# -gt 0 ] || {
	cd "$(dirname "$0")/../../man" || exit
	set -- *.[1-9]
}
echo "$# pages"
exec mandoc -T lint -W warning "$@"
