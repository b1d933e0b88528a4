# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# The man pages: well-formed, and in step with what --help says.
# MANAKIN is the program, MAN the directory of the pages.

load ../../assert

# What manakin(1) explains for all of them
every='/^-*(h|help|usage|V|version)$/d'

# help_options COMMAND... - the options that --help lists, with their values: "-n", "--log=LEVEL"
help_options() {
	local command
	for command; do
		# shellcheck disable=SC2086
		timeout -s KILL "$PATIENCE" "$MANAKIN" $command --help
	done | grep -oE '^ {2,6}(-[[:alnum:]?], +)?--[[:alnum:]-]+(=[^ ]+)?' |
		sed -E 's/^ +//; s/, +/\n/' | sed -E "$every" | sort -u
}

# page_options PAGE - the options that the page's lists explain, in the same form
page_options() {
	sed -nE 's/^\.It Fl //p' "$MAN/$1.1" |
		sed -E 's/ Ns = Ns (Ar|Cm) /=/g; s/ \| /|/g; s/ , (Fl )?/\n/g' |
		sed -E 's/^/-/; /^--? /d' | sed -E "$every" | sort -u
}

# compare PAGE COMMAND...
compare() {
	local page=$1
	shift
	help_options "$@" >"$BATS_TEST_TMPDIR/help"
	page_options "$page" >"$BATS_TEST_TMPDIR/page"
	[ -s "$BATS_TEST_TMPDIR/help" ] || { echo "$* --help lists no options"; return 1; }
	diff -u --label "$* --help" --label "$page(1)" "$BATS_TEST_TMPDIR/help" "$BATS_TEST_TMPDIR/page"
}

@test "every command has a man page, and manakin(1) names it" {
	commands=$(timeout -s KILL "$PATIENCE" "$MANAKIN" --help | sed -nE 's/^  ([a-z]+) +.*/\1/p')
	[ -n "$commands" ]
	for command in $commands; do
		[ -f "$MAN/manakin-$command.1" ] || { echo "no page of $command"; return 1; }
		grep -qE "^\.(It )?Xr manakin-$command 1" "$MAN/manakin.1" ||
			{ echo "manakin(1) does not name manakin-$command(1)"; return 1; }
	done
}

# parts COMMAND - the command, or those it consists of ("lab build", "lab run", ...)
parts() {
	local names
	names=$(timeout -s KILL "$PATIENCE" "$MANAKIN" "$1" --help | sed -nE 's/^  ([a-z]+) +.*/\1/p' |
		grep -vx manakin) || { echo "$1"; return; }
	sed "s/^/$1 /" <<<"$names"
}

@test "every page has the options of its command's --help, and no others" {
	commands=$(timeout -s KILL "$PATIENCE" "$MANAKIN" --help | sed -nE 's/^  ([a-z]+) +.*/\1/p')
	[ -n "$commands" ]
	for command in $commands; do
		mapfile -t list < <(parts "$command")
		compare "manakin-$command" "${list[@]}"
	done
}

@test "a difference is found" {
	cp "$MAN"/*.1 "$BATS_TEST_TMPDIR"
	sed -i '/^\.It Fl .*-cpus/d' "$BATS_TEST_TMPDIR/manakin-device.1"
	MAN=$BATS_TEST_TMPDIR run compare manakin-device device
	[ "$status" -eq 1 ]
	[[ $output == *-cpus* ]]
}

@test "the page has the same default socket and name as --help" {
	page=$(mandoc -Tascii "$MAN/manakin-device.1" | col -b)
	[[ $page == *"/run/manakin/NAME/socket"* ]]
	[[ $page == *"mana0"* ]]
}
