#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Where the lab's recipes find packages: the archives and keyrings that a machine's
# apt names, in both formats of its sources. Needs no network.

bats_require_minimum_version 1.5.0

setup() {
	TREE=$BATS_TEST_DIRNAME/../..
	ETC=$BATS_TEST_TMPDIR/etc
	mkdir -p "$ETC/sources.list.d" "$BATS_TEST_TMPDIR/machine/lists/partial"
	: >"$ETC/sources.list"
	cat >"$BATS_TEST_TMPDIR/apt.conf" <<-EOF
		Dir::Etc::SourceList "$ETC/sources.list";
		Dir::Etc::SourceParts "$ETC/sources.list.d";
		Dir::State::Lists "$BATS_TEST_TMPDIR/machine/lists";
		Acquire::http::Proxy "http://proxy.example:3128";
	EOF
	export APT_CONFIG=$BATS_TEST_TMPDIR/apt.conf
	# shellcheck source=lab/lib.sh
	. "$TREE/lab/lib.sh"
	apt_setup "$BATS_TEST_TMPDIR/scratch"
}

# archives - those of the machine, each once, in alphabetical order
archives() {
	machine_archives | sort -u
}

# wants TEXT COMMAND... - does COMMAND print just TEXT?
wants() {
	local wanted=$1
	shift
	run "$@"
	[[ $output == "$wanted" ]] || {
		printf 'wanted: %s\ngot: %s\n' "$wanted" "$output" >&2
		return 1
	}
}

@test "archives and keyrings of one-line sources are found" {
	cat >"$ETC/sources.list" <<-EOF
		# deb http://commented.example/debian stable main
		deb http://one.example/debian stable main contrib
		deb-src http://one.example/debian stable main
		deb [arch=amd64 signed-by=/keys/two.gpg] http://two.example/debian/ stable main
	EOF
	wants $'http://one.example/debian\nhttp://two.example/debian' archives
	wants '' source_keyrings http://one.example/debian
	wants /keys/two.gpg source_keyrings http://two.example/debian
}

@test "deb822 sources may have several archives per stanza, and fields of several lines" {
	cat >"$ETC/sources.list.d/some.sources" <<-EOF
		Types: deb
		# a remark
		URIs: http://three.example/debian/ http://four.example/debian
		Suites: stable stable-updates
		Components: main
		Signed-By: /keys/three.gpg

		Types: deb deb-src
		URIs:
		 http://five.example/debian
		Suites: stable
		Components: main
		signed-by:
		 /keys/five.gpg
		 /keys/spare.gpg
	EOF
	wants $'http://five.example/debian\nhttp://four.example/debian\nhttp://three.example/debian' \
		archives
	wants /keys/three.gpg source_keyrings http://three.example/debian
	wants /keys/three.gpg source_keyrings http://four.example/debian
	wants $'/keys/five.gpg\n/keys/spare.gpg' source_keyrings http://five.example/debian
	wants '' source_keyrings http://six.example/debian
}

@test "a key inside the stanza itself names no file" {
	cat >"$ETC/sources.list.d/key.sources" <<-EOF
		Types: deb
		URIs: http://seven.example/debian
		Suites: stable
		Components: main
		Signed-By:
		 -----BEGIN PGP PUBLIC KEY BLOCK-----
		 .
		 mDMEY865UxYJKwYBBAHaRw8BAQdAd7Z0srwuhlB6JKFkcf4HU4SSS/xcRfwEQWzr
		 -----END PGP PUBLIC KEY BLOCK-----
	EOF
	wants '' source_keyrings http://seven.example/debian
}

@test "a machine without sources has no archive" {
	wants '' archives
}

@test "the machine's Acquire settings are used, and nothing else of its apt configuration" {
	[[ $http_proxy == http://proxy.example:3128 ]]
	wants "proxy='http://proxy.example:3128'" apt-config shell proxy Acquire::http::Proxy
	wants "parts='/dev/null'" apt-config shell parts Dir::Etc::SourceParts/d
	wants "state='$BATS_TEST_TMPDIR/scratch/state/'" apt-config shell state Dir::State/d
}

@test "a suite that no archive has is refused, with what to check" {
	echo "deb [trusted=yes] file:$BATS_TEST_TMPDIR/archive stable main" >"$ETC/sources.list"
	mkdir -p "$BATS_TEST_TMPDIR/archive/dists/other"
	debootstrap_mirrors() { :; }
	run suite_source sometime
	[[ $status -eq 1 && $output == *'has the suite "sometime"'*'apt-get update'* ]]
}

@test "an archive whose suite no keyring here verifies is refused" {
	echo "deb [signed-by=/nowhere.gpg] file:$BATS_TEST_TMPDIR/archive stable main" \
		>"$ETC/sources.list"
	mkdir -p "$BATS_TEST_TMPDIR/archive/dists/forged"
	printf 'Origin: Debian\nSuite: forged\n' >"$BATS_TEST_TMPDIR/archive/dists/forged/InRelease"
	debootstrap_mirrors() { :; }
	run suite_source forged
	[[ $status -eq 1 && $output == *'no keyring on this machine verifies the suite forged'* ]]
}

@test "no archive is named in the tree" {
	run grep -rEn 'https?://[a-z0-9.-]+/(debian|ubuntu)' "$TREE/lab" "$TREE/src" "$TREE/scripts"
	[[ $status -eq 1 ]]
}
