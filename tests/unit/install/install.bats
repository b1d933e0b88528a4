# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What is installed, and that the program needs nothing else: no file of the checkout.
# tests/native/install.bats (an application) and tests/lab/lab.bats (a guest) test more of it.

bats_require_minimum_version 1.5.0
load ../../assert
load ../../install

setup_file() {
	installed "$BATS_FILE_TMPDIR/away"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	AWAY=$BATS_FILE_TMPDIR/away
	there=$AWAY/bin/manakin
	log=$BATS_TEST_TMPDIR/log
	cp "$SOURCE/tests/unit/host/logs/guide-interface-up.log" "$log"
}

# same COMMAND... - does the installed program, without the checkout, print what the built one
# prints?
same() {
	run --separate-stderr "$MANAKIN" "$@"
	local wanted="$status $output $stderr"
	run --separate-stderr apart "$there" "$@"
	equal "$wanted" "$status $output $stderr" "manakin $*"
}

# diagnosed PROGRAM... - does the program find its rules, and with them what the log shows?
diagnosed() {
	run --separate-stderr "$@" diagnose "$log"
	[[ $status -eq 1 && $output == *'[interface-up]'* ]] || fail "$* diagnose: $status" "$output" "$stderr"
}

@test "what is installed names no path of the checkout" {
	for tree in "$SOURCE" "$BUILD"; do
		run grep -rlF "$tree" "$AWAY"
		equal '' "$output" "files with $tree in them"
	done
}

@test "exactly the source tree's rules, known bugs, recipes, schemas, pages and documents are installed" {
	diff -r "$SOURCE/share/rules" "$AWAY/share/manakin/rules"
	cmp "$SOURCE/share/packages" "$AWAY/share/manakin/packages"
	cmp "$SOURCE/share/known-bugs" "$AWAY/share/manakin/known-bugs"
	diff -r -x .gitignore "$SOURCE/lab" "$AWAY/share/manakin/lab"
	[[ -x $AWAY/share/manakin/lab/build-image.sh && -x $AWAY/share/manakin/lab/guest/init ]]
	diff -r "$SOURCE/docs/schema" "$AWAY/share/manakin/schema"
	diff -r "$SOURCE/docs" "$AWAY/share/doc/manakin/docs"
	for page in "$SOURCE"/man/*.[1-9]; do
		cmp "$page" "$AWAY/share/man/man${page##*.}/${page##*/}"
	done
}

@test "--version, list, check and diagnose need nothing of the checkout" {
	same --version
	same list
	same list --json
	same diagnose "$log"
	diagnosed apart "$there"
	# The figures of a check change from one second to the next; what it checks does not.
	"$MANAKIN" check --json >wanted || :
	apart "$there" check --json >got || :
	for file in wanted got; do
		python3 -c '
import json, sys
for check in json.load(open(sys.argv[1]))["checks"]: print(check["check"], check["verdict"])' $file >$file.names
	done
	diff wanted.names got.names
	[[ -s got.names ]]
}

@test "an adapter needs nothing of the checkout" {
	# shellcheck disable=SC2016 # for the inner shell to expand
	apart bash -c '
		"$1" device --socket socket >out 2>err &
		for _ in {1..200}; do
			! grep -q "waiting for a client at" err || break
			sleep 0.05
		done
		"$1" control --socket socket stats --json >stats
		kill -TERM $! && wait $!' bash "$there" || fail "$(cat err)"
	python3 -c '
import json
assert json.load(open("stats"))["ports"][0]["fabric"] == "sink"'
	grep -q sink out
	[[ ! -e socket ]]
}

@test "the lab finds its recipes, and names a guest as the checkout does" {
	export MANAKIN_LAB_DIR=$PWD/cache
	# Instead of a recipe that would fetch QEMU: one that prints its name and fails
	mkdir path
	printf '#!/bin/sh\necho "$*" >>%s/built\nexit 1\n' "$PWD" >path/sh
	chmod 755 path/sh
	for program in "$MANAKIN" "apart $there"; do
		# shellcheck disable=SC2086
		PATH=$PWD/path:$PATH run $program lab build
		equal 125 "$status" "$program: exit status"
	done
	ls cache/building >names
	equal 1 "$(sed -n 's/^\(qemu-[0-9a-f]*\)\.lock$/\1/p' names | wc -l)" "names of one QEMU"
	grep -q "^$AWAY/share/manakin/lab/build-qemu.sh " built
}

@test "man pages and completion are where programs look for them" {
	man -M "$AWAY/share/man" -w manakin
	man -M "$AWAY/share/man" -w manakin-lab
	man -M "$AWAY/share/man" -w 7 manakin-pmd
	PATH=$AWAY/bin:$PATH apart bash -c '
		. "$1/share/bash-completion/completions/manakin"
		complete -p manakin
		COMP_WORDS=(manakin lab sh) COMP_CWORD=2
		_manakin
		[[ ${COMPREPLY[*]} == shell ]]' bash "$AWAY"
	cmp "$SOURCE/share/completion/_manakin" "$AWAY/share/zsh/site-functions/_manakin"
	cmp "$SOURCE/share/completion/manakin.fish" "$AWAY/share/fish/vendor_completions.d/manakin.fish"
}

@test "a program on its own finds what is installed at the configured prefix" {
	mkdir alone
	cp "$there" alone/
	diagnosed at_prefix "$AWAY" alone/manakin
}

@test "a copy of the built program is not taken for the one in the build tree" {
	mkdir alone empty
	cp "$MANAKIN" alone/manakin
	run --separate-stderr at_prefix "$PWD/empty" alone/manakin diagnose "$log"
	equal 2 "$status" "exit status"
	[[ $stderr == *"cannot read the rules in $PREFIX/share/manakin/rules"* ]]
}

@test "nothing is loaded from a world-writable directory" {
	mkdir -m 777 everybodys empty
	mkdir everybodys/bin
	cp "$there" everybodys/bin/
	cp -r "$AWAY/share" everybodys/
	run --separate-stderr at_prefix "$PWD/empty" everybodys/bin/manakin diagnose "$log"
	equal 2 "$status" "exit status, prefix"
	chmod 755 everybodys
	diagnosed at_prefix "$PWD/empty" everybodys/bin/manakin

	# The same holds for what marks a build tree
	mkdir -p source/share build
	cp -r "$SOURCE/share/rules" "$SOURCE/share/known-bugs" source/share/
	cp "$MANAKIN" build/
	echo ../source >build/manakin.tree
	diagnosed at_prefix "$PWD/empty" build/manakin
	chmod 777 build
	run --separate-stderr at_prefix "$PWD/empty" build/manakin diagnose "$log"
	equal 2 "$status" "exit status, build tree"
}

@test "without DESTDIR the same is installed, and ninja uninstall removes all of it" {
	mkdir prefix
	install_and_list() {
		installing at_prefix "$PWD/prefix" sh -c '
			meson install -C "$BUILD" --no-rebuild $1 &&
			find "$PREFIX" -mindepth 1 -printf "%P %y %m %s\n" >there &&
			ninja -C "$BUILD" uninstall' sh "$(strip_option)"
	}
	install_and_list
	sort there >there.sorted
	find "$AWAY" -mindepth 1 -printf '%P %y %m %s\n' | sort >away.sorted
	diff <(grep -v ' d ' away.sorted) <(grep -v ' d ' there.sorted)
	equal '' "$(find prefix ! -type d)" "left"
}

@test "the version is the one in meson.build, and the newest in the change logs and the RPM spec" {
	equal "manakin $VERSION" "$("$MANAKIN" --version)" "--version"
	equal "manakin $VERSION" "$("$there" --version)" "--version of what is installed"
	local newest
	newest=$(sed -nE 's/^## \[([0-9.]+)\].*/\1/p' "$SOURCE/CHANGELOG.md" | head -n 1)
	equal "$VERSION" "$newest" "the change log"
	equal "$VERSION" "$(sed -n 's/^Version: *//p' "$SOURCE/share/rpm/manakin.spec")" "the RPM spec"
	equal "$VERSION" "$(sed -nE '1s/^manakin \((.*)-[^-]*\) .*/\1/p' "$SOURCE/debian/changelog")" "Debian's change log"
	# No other file has it.
	run grep -rnFw --exclude=manakin.spec "$VERSION" "$SOURCE/src" "$SOURCE/man" "$SOURCE/share" "$SOURCE/scripts"
	equal '' "$output" "more places that name $VERSION"
}

# refused SENTENCE COMMAND... - does make install's script say that, once, and install nothing?
refused() {
	run --separate-stderr "${NAMESPACE[@]}" bash -c 'cd stage && '"$2"' && DESTDIR=$PWD exec "$SOURCE/scripts/install.py" "$BUILD"' 3>&-
	equal "1 cannot install into $1; nothing was installed; $3" "$status $output$stderr" "what is said"
	[[ -z $(find stage -name manakin -o -name 'manakin*.1') ]]
}

@test "make install: where a part of the prefix cannot be written to, it says why and what helps, and installs nothing" {
	local share=$PWD/stage$PREFIX/share elsewhere="name another place: make install PREFIX=DIR"
	mkdir -p "$share"
	# Programs could be installed, documents not.
	refused "$share/bash-completion/completions: $share is on a read-only file system" \
		'mount --bind .$PREFIX/share .$PREFIX/share && mount -o remount,bind,ro .$PREFIX/share' "$elsewhere"
	touch "$share/man"
	refused "$share/man/man1: $share/man is not a directory" true "move it away, or $elsewhere"
	rm "$share/man"
	installing env DESTDIR=stage "$SOURCE/scripts/install.py" "$BUILD"
	[[ -x stage$PREFIX/bin/manakin && -e $share/man/man1/manakin.1 ]]
}

@test "make install: a user who may not write to the prefix is told to become root, or to take another" {
	mkdir -p stage
	[[ $(id -u) -ne 0 ]] || chmod 755 . stage
	run --separate-stderr "${NAMESPACE[@]}" bash -c 'chmod 555 stage && DESTDIR=$PWD/stage exec setpriv --bounding-set=-dac_override \
		--inh-caps=-all "$SOURCE/scripts/install.py" "$BUILD"' 3>&-
	equal "1 cannot install into $PWD/stage$PREFIX/bin: this user may not write to $PWD/stage; nothing was installed; run sudo make install, or name another place: make install PREFIX=DIR" \
		"$status $output$stderr" "what is said"
	[[ -z $(ls stage) ]]
}
