#!/usr/bin/env zsh
# SPDX-License-Identifier: BSD-3-Clause
#
# What zsh offers when Tab is pressed: one word per line.
# usage: zsh-words.zsh DIRECTORY LINE
# DIRECTORY is that of the completion. An interactive zsh runs on a pseudo-terminal, with a
# compadd that prints the words it is given.
zmodload zsh/zpty || exit 2
directory=$1 line=$2
start=$(mktemp) || exit 2
cat >$start <<'END'
PROMPT=
autoload -Uz compinit
compinit -u -D
bindkey '^M' undefined
bindkey '^J' undefined
bindkey '^I' complete-word
mark() { print -r -- MARK }
compprefuncs=(mark)
comppostfuncs=(mark exit)
zstyle ':completion:*' insert-tab false
compadd() {
	local -a words
	[[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && { builtin compadd "$@"; return }
	builtin compadd -A words "$@"
	print -rl -- "WORD "${^words}
	builtin compadd "$@"
}
print READY
END
zpty shell zsh -f -i
zpty -w shell "fpath=($directory \$fpath); source $start"
while zpty -r shell text; do [[ $text == *READY* && $text != *print* ]] && break; done
rm -f $start
zpty -w -n shell "$line"$'\t'
integer marks=0
while ((marks < 2)) && zpty -r shell text; do
	text=${text//[$'\r\n']/}
	case $text in
	*MARK) ((marks++)) ;;
	*"WORD "*) ((marks)) && print -r -- ${text##*WORD } ;;
	esac
done
