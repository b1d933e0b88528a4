# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# The names of packages in share/packages: of families whose archives are not here, against lists that
# name their source (names-*.txt); Debian's, against the lists of this machine's apt.

bats_require_minimum_version 1.5.0
load ../../assert

setup() {
	DATA=$BATS_TEST_DIRNAME/../../../share/packages
}

# names FIELD - the packages of a family
names() {
	awk -v field="$1:" '$1 == field { for (i = 2; i <= NF; i++) print $i }' "$DATA" | sort -u
}

# listed FIELD - exactly those are in the list, whose head names a source
listed() {
	local list=$BATS_TEST_DIRNAME/names-${1,,}.txt
	grep -q '^# Source: GitHub [^ ]*/[^ ]* [0-9a-f]\{12,40\}' "$list" || fail "$list names no source"
	diff <(names "$1") <(sed '/^#/d; s/\t.*//' "$list" | LC_ALL=C sort -u | sort -u)
	run ! grep -vE '^#|^[A-Za-z0-9._+-]+	[A-Za-z0-9._+-]+$' "$list"
}

@test "the names of RHEL and Fedora are those of Fedora's spec files" {
	listed RHEL
}

@test "the names of Azure Linux are those of its lists and spec files" {
	listed Azure
}

@test "the names of SUSE are those of openSUSE's packages" {
	listed SUSE
}

@test "Debian's names are those of its archive" {
	local clang
	clang=$(apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
	names Debian | sed "s/VERSION/$clang/" | sort >"$BATS_TEST_TMPDIR/names"
	# Before Debian 12 and Ubuntu 22.10, what is in libclang-rt was part of libclang-common.
	apt-cache show "libclang-rt-$clang-dev" >/dev/null 2>&1 ||
		sed -i 's/^libclang-rt-/libclang-common-/' "$BATS_TEST_TMPDIR/names"
	# Whether a package is installed or not, apt knows it.
	xargs apt-cache policy <"$BATS_TEST_TMPDIR/names" | sed -n 's/^\([^ ].*\):$/\1/p' | sort -u | diff "$BATS_TEST_TMPDIR/names" -
}

@test "each need has a package in Debian, and those of building one in every family" {
	awk '
		function end() {
			if (need == "") return
			if (!("Debian:" in has) && need != "glibc") { print need ": no Debian"; bad = 1 }
			if (purposes ~ / (build|driver|dpdk)/ && need != "glibc")
				for (f in families) if (!(f in has)) { print need ": no " f; bad = 1 }
		}
		BEGIN { families["Debian:"]; families["RHEL:"]; families["Azure:"]; families["SUSE:"] }
		/^Need: / { need = substr($0, 7); split("", has); purposes = "" }
		/^For: / { purposes = substr($0, 5); purposes = " " purposes }
		{ has[$1] = 1 }
		/^$/ { end(); need = "" }
		END { end(); exit bad }' "$DATA"
}
