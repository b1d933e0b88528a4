# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# Completion for bash. MANAKIN is the program, MAN the directory of the pages.

setup() {
	PATH=$(dirname "$MANAKIN"):$PATH
	# shellcheck source=/dev/null
	source "$MAN/../share/completion/manakin"
}

# complete_words WORD... - what is offered for the last of them, on one line
complete_words() {
	COMP_WORDS=(manakin "$@")
	COMP_CWORD=$#
	_manakin
	echo "${COMPREPLY[*]}"
}

@test "the commands that --help lists are offered, and those that begin so" {
	offered=" $(complete_words "") "
	for command in $(manakin --help | sed -nE 's/^  ([a-z]+) +.*/\1/p'); do
		[[ $offered == *" $command "* ]]
	done
	[ "$(complete_words de)" = device ]
	[ -z "$(complete_words nothing-of-the-kind)" ]
}

@test "every long option of every command is offered" {
	for command in $(manakin --help | sed -nE 's/^  ([a-z]+) +.*/\1/p'); do
		offered=" $(complete_words "$command" --) "
		for option in $(manakin "$command" --help | grep -oE '^ +(-[[:alnum:]?], +)?--[[:alnum:]-]+' |
			grep -oE -- '--[[:alnum:]-]+$'); do
			[[ $offered == *" $option "* || $offered == *" $option= "* ]] ||
				{ echo "$command: no $option in $offered"; return 1; }
		done
	done
}

@test "options, a command's own commands and interfaces" {
	[ "$(complete_words device --sta)" = --stats= ]
	[ "$(complete_words run --js)" = --json ]
	[ "$(complete_words lab sh)" = shell ]
	[ "$(complete_words lab run --su)" = --suite= ]
	interface=$(ls /sys/class/net | grep -vx lo | head -n 1)
	[ -z "$interface" ] || [[ " $(complete_words run "") " == *" $interface "* ]]
}
