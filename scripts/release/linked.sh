#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What portable.sh puts into an archive of other people's: "NAME VERSION LICENCE" a line, for the SBOM.
# usage: linked.sh
set -eu

# The licence of the library in each package, as its file copyright says
for item in libjansson-dev:jansson:MIT libpcap-dev:libpcap:BSD-3-Clause libpcre2-dev:pcre2:BSD-3-Clause \
	libseccomp-dev:libseccomp:LGPL-2.1-only zlib1g-dev:zlib:Zlib libmnl-dev:libmnl:LGPL-2.1-or-later \
	libsmartcols-dev:libsmartcols:LGPL-2.1-or-later; do
	package=${item%%:*}
	name=${item#*:}
	# Of the source package: it is there for one machine or for two, which are built apart.
	# shellcheck disable=SC2016 # dpkg-query's own
	version=$(dpkg-query --show --showformat='${source:Version}\n' "$package" | sort -u)
	[ "$(echo "$version" | wc -l)" -eq 1 ] || {
		echo "error: more than one version of $package is installed: $version" >&2
		exit 1
	}
	echo "${name%:*} $version ${name#*:}"
done
