# SPDX-License-Identifier: BSD-3-Clause
#
# Completion of manakin's commands for fish. Commands and options are read from --help, so that
# they cannot fall behind the program.

# __manakin_commands [COMMAND] - the names of the commands, or of a command's own, with what they do
function __manakin_commands
    set -l program (commandline -opc)[1]
    $program $argv --help 2>/dev/null | string replace -rf '^  ([a-z]+) +(.*)$' '$1\t$2'
end

# __manakin_options COMMAND... - its options, with what they do; a = after those that need a value
function __manakin_options
    set -l program (commandline -opc)[1]
    $program $argv --help 2>/dev/null |
        string replace -rf '^ {2,6}(?:-[[:alnum:]], +)?(--[[:alnum:]-]+)(=?)[^ ]*(?: +(.*))?$' '$1$2\t$3'
end

# __manakin_value OPTION COMMAND... - what --help calls the option's value: "FILE", "kvm|tcg"
function __manakin_value
    set -l program (commandline -opc)[1]
    $program $argv[2..] --help 2>/dev/null |
        string replace -rf -- "^ {2,6}(?:-[[:alnum:]], +)?$argv[1]=([^ ]+).*" '$1'
end

# __manakin_interfaces - interfaces, and adapters in software
function __manakin_interfaces
    for path in /sys/class/net/* /run/manakin/*/socket
        set path (string replace -r '/socket$' '' $path)
        string match -v lo (string replace -r '.*/' '' $path)
    end
end

# __manakin_handed_over - interfaces handed over to DPDK, by their former names
function __manakin_handed_over
    set -l program (commandline -opc)[1]
    $program restore --all --dry-run --json 2>/dev/null |
        string replace -rf '^ *"name": "([^"]+)",?$' '$1'
end

function __manakin_complete
    set -l words (commandline -opc)[2..]
    set -l word (commandline -ct)

    # "manakin help lab run" is about "lab run".
    set -l helped 0
    if test "$words[1]" = help
        set helped 1
        set -e words[1]
    end
    if test (count $words) -eq 0
        __manakin_commands
        if test $helped -eq 0
            printf '%s\n' help\t'explain a command' --help --version
        end
        return
    end
    set -l named $words[1]
    if contains -- $words[1] dpdk lab
        if test (count $words) -eq 1 && not string match -q -- '-*' "$word"
            __manakin_commands $words[1]
            return
        end
        string match -q -- '-*' "$words[2]" || set named $words[1..2]
    end
    # A value, after "--option=" or "--option"
    set -l option (string replace -rf '^(--[^=]+)=.*' '$1' -- "$word")
    set -l before "$option="
    if test -z "$option"
        set option $words[-1]
        set before ''
    end
    if string match -q -- '--*' "$option"
        set -l value (__manakin_value $option $named)
        if string match -q '*|*' "$value"
            printf "$before%s\n" (string split '|' $value)
            return
        else if test -n "$value"
            __fish_complete_path (string replace -r '^--[^=]+=' '' -- "$word") | string replace -r '^' $before
            return
        end
    end
    if string match -q -- '-*' "$word"
        __manakin_options $named
        return
    end
    switch "$named"
        case list check setup
            __manakin_interfaces
        case restore args run
            __manakin_interfaces
            __manakin_handed_over
        case control
            printf '%s\n' stats link vf card timeout reset refuse fault trace
        case '*'
            __fish_complete_path "$word"
    end
end

complete -c manakin -f -a '(__manakin_complete)'
