# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Completion, in the shells themselves: bash, zsh and fish each say what they offer for a line.
# MANAKIN is the program, MAN the directory of the pages.

load ../../assert

setup_file() {
	export PATH COMPLETION
	PATH=$(dirname "$MANAKIN"):$PATH
	COMPLETION=$MAN/../share/completion
}

# in_bash LINE - what bash offers for its last word, which is "" after a blank
in_bash() {
	bash --norc -c '
		source "$1/manakin"
		compopt() { :; }
		read -ra COMP_WORDS <<<"$2"
		[[ $2 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_manakin
		[ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\n" "${COMPREPLY[@]}"' - "$COMPLETION" "$1"
}

in_zsh() {
	timeout -s KILL "$PATIENCE" zsh "$BATS_TEST_DIRNAME/zsh-words.zsh" "$COMPLETION" "$1"
}

# Before 3.4, "complete -C" also prints what matches less well, by letters of the description, and would
# not be offered beside what begins with the word.
in_fish() {
	HOME=$BATS_TEST_TMPDIR timeout -s KILL "$PATIENCE" fish --no-config -c \
		'source $argv[1]/manakin.fish; complete -C $argv[2]' "$COMPLETION" "$1" | cut -f 1 |
		sed -n "\\|^${1##* }|p"
}

# offered SHELL LINE - the same for all three: sorted, without the = of options with values
offered() {
	"in_$1" "$2" | sed -E 's/=$//; s/ +$//' | sort -u
}

# commands [COMMAND] - those that --help lists
commands() {
	manakin "$@" --help | sed -nE 's/^  ([a-z]+) +.*/\1/p'
}

# command_lines - every command, with those of dpdk and lab
command_lines() {
	local command
	for command in $(commands); do
		case $command in
		dpdk | lab) commands "$command" | sed "s/^/$command /" ;;
		*) echo "$command" ;;
		esac
	done
}

# long_options COMMAND... - those that --help lists
long_options() {
	manakin "$@" --help | grep -oE '^ {2,6}(-[[:alnum:]?], +)?--[[:alnum:]-]+' |
		grep -oE -- '--[[:alnum:]-]+$' | sort -u
}

# all_commands SHELL - are all commands offered, and those that begin with a prefix?
all_commands() {
	local command set
	for set in "" dpdk lab; do
		# shellcheck disable=SC2086
		for command in $(commands $set); do
			offered "$1" "manakin ${set:+$set }" | grep -qx "$command" ||
				{ echo "$1: no '$set $command'"; return 1; }
		done
	done
	[ "$(offered "$1" "manakin de")" = device ]
	[ "$(offered "$1" "manakin lab sh")" = shell ]
	[ "$(offered "$1" "manakin help lab sh")" = shell ]
	[ -z "$(offered "$1" "manakin nothing-of-the-kind")" ]
}

# all_options SHELL - are all the options of all commands offered, and no others?
all_options() {
	local line
	[ "$(command_lines | wc -l)" -gt 12 ]
	while read -r line; do
		# shellcheck disable=SC2086
		diff -u --label "$line --help" --label "$1" <(long_options $line) \
			<(offered "$1" "manakin $line --" | grep '^--') || return 1
	done < <(command_lines)
}

# all_values SHELL - values, requests and interfaces
all_values() {
	local interface
	[ "$(offered "$1" "manakin setup --pmd " | xargs)" = "mana netvsc" ]
	[ "$(offered "$1" "manakin lab run --accel k")" = kvm ]
	[ "$(offered "$1" "manakin device --sta")" = --stats ]
	[ "$(offered "$1" "manakin control sta")" = stats ]
	interface=$(find /sys/class/net -mindepth 1 ! -name lo -printf '%f\n' | head -n 1)
	[ -z "$interface" ] || offered "$1" "manakin run " | grep -qx "$interface"
}

@test "bash: the commands that --help lists are offered, also for a prefix" {
	all_commands bash
}

@test "bash: every long option of every command is offered, and no other" {
	all_options bash
}

@test "bash: values, requests and interfaces are offered" {
	all_values bash
}

@test "zsh: the commands that --help lists are offered, also for a prefix" {
	all_commands zsh
}

@test "zsh: every long option of every command is offered, and no other" {
	all_options zsh
}

@test "zsh: values, requests and interfaces are offered" {
	all_values zsh
}

@test "fish: the commands that --help lists are offered, also for a prefix" {
	all_commands fish
}

@test "fish: every long option of every command is offered, and no other" {
	all_options fish
}

@test "fish: values, requests and interfaces are offered" {
	all_values fish
}

@test "an option that a shell does not offer is found" {
	mkdir "$BATS_TEST_TMPDIR/completion"
	cp "$COMPLETION"/* "$BATS_TEST_TMPDIR/completion"
	sed -i '/^_manakin_options()/,/^}/s/| sed/| grep -v -e --json | sed/; /grep -oE/s/|$/| grep -v -e --json |/' \
		"$BATS_TEST_TMPDIR/completion/manakin"
	COMPLETION=$BATS_TEST_TMPDIR/completion run all_options bash
	[ "$status" -eq 1 ]
	[[ $output == *"---json"* ]]
}
