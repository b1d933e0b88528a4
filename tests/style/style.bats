#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# What the checks of style let pass, and what they find.

bats_require_minimum_version 1.5.0

setup() {
	STYLE=$BATS_TEST_DIRNAME
	cd "$BATS_TEST_TMPDIR" || return 1
	cp "$STYLE/../../.clang-format" .
}

@test "format: a file in kernel style passes, a line that is indented otherwise is shown" {
	printf 'int main(void)\n{\n\treturn 0;\n}\n' >good.c
	run -0 "$STYLE/format.sh" good.c
	printf 'int main(void)\n{\n  return 0;\n}\n' >bad.c
	run -1 "$STYLE/format.sh" good.c bad.c
	[[ $output == *'-  return 0;'* && $output == *'2 files, 1 not as clang-format writes them'* ]]
}

@test "shell: a script that may remove / is found" {
	printf '#!/bin/sh\necho fine\n' >good
	run -0 "$STYLE/shell.sh" good
	printf '#!/bin/sh\nrm -rf "$1"/*\n' >bad
	run -1 "$STYLE/shell.sh" good bad
	[[ $output == *SC2115* ]]
}

@test "man: a page without a title is found" {
	cp "$STYLE/../../man/manakin.1" good.1
	run -0 "$STYLE/man.sh" good.1
	sed '/^\.Dt/d' good.1 >bad.1
	run "$STYLE/man.sh" bad.1
	[[ $status -ne 0 && $output == *bad.1* ]]
}
