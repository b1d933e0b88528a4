#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Does each option mean one thing, whatever the command?

Reads every --help of PROGRAM. A letter that stands for two long names, or a long name with two
letters, is wrong; so is a table in DOCUMENT that is not the one that --print makes.
With --self-test, texts that are wrong are made and have to be refused.

usage: options.py PROGRAM DOCUMENT | options.py --print PROGRAM | options.py --self-test
"""
import re
import subprocess
import sys

OPTION = re.compile(r"^(?:  -([A-Za-z?]), |      )--([a-z0-9-]+)(?:\[?=([^ ]+))?(?: |$)")
COMMAND = re.compile(r"^  ([a-z]+) +\S")
HAS_COMMANDS = re.compile(r"^Usage: manakin( [a-z]+)? \[?COMMAND\]? \[OPTION")
EVERYWHERE = "every command"

# Options of a group of commands that are others elsewhere: diagnose reads this machine's kernel (its log), and the
# lab boots one
APART = {("kernel", "lab")}


def help_text(program, words):
    """The text of its --help"""
    return subprocess.run([program, *words, "--help"], check=True, capture_output=True, text=True,
                          timeout=300).stdout


def commands(text):
    """The commands that a --help lists"""
    if not HAS_COMMANDS.match(text):
        return []
    return [match.group(1) for match in map(COMMAND.match, text.splitlines()) if match]


def options(text):
    """[(letter or None, long name, value or None)]"""
    return [match.groups() for match in map(OPTION.match, text.splitlines()) if match]


def read_all(program):
    """{command: its options}, commands of commands by both names"""
    found = {}
    for name in commands(help_text(program, [])):
        below = commands(help_text(program, [name]))
        for words in [[name, other] for other in below] or [[name]]:
            found[" ".join(words)] = options(help_text(program, words))
    return found


def check(found):
    """Messages about letters and names that stand for two things"""
    names, letters, wrong = {}, {}, []
    for command, entries in found.items():
        if not entries:
            wrong.append(f"manakin {command} --help lists no options")
        for letter, name, value in entries:
            group = command.split()[0]
            key = (name, group) if (name, group) in APART else name
            first = names.setdefault(key, (letter, bool(value), command))
            if first[:2] != (letter, bool(value)):
                wrong.append(f"--{name} is another option in {command} than in {first[2]}")
            if not letter:
                continue
            other, where = letters.setdefault(letter, (name, command))
            if other != name:
                wrong.append(f"-{letter} is --{name} in {command}, and --{other} in {where}")
    return wrong


def table(found):
    """The table for DOCUMENT, in Markdown"""
    rows = {}
    for command, entries in found.items():
        for letter, name, value in entries:
            key = (letter or "", name, bool(value))
            rows.setdefault(key, []).append(command)
    lines = ["| letter | option | commands |", "|---|---|---|"]
    for (letter, name, value), where in sorted(rows.items(), key=lambda row: row[0][1]):
        places = EVERYWHERE if len(where) == len(found) else ", ".join(f"`{word}`" for word in where)
        lines.append(f"| {f'`-{letter}`' if letter else ''} | `--{name}{'=' if value else ''}` | {places} |")
    return "\n".join(lines) + "\n"


def self_test():
    """What must be refused, and what must not"""
    cases = [  # two texts, are they good?
        ("  -j, --json      Print", "  -j, --json      Print", True),
        ("  -s, --sysroot=DIR  Look", "  -s, --socket=PATH  Where", False),
        ("  -q, --queues=N  Queues", "      --queues=N  Queues", False),
        ("      --json      Print", "      --json=FILE  Write", False),
        ("      --json      Print", "      --csv       Print", True),
        ("nothing", "  -j, --json      Print", False),
    ]
    failures = 0
    for first, second, good in cases:
        wrong = check({"one": options(first), "two": options(second)})
        if bool(wrong) == good:
            print(f"{first!r}, {second!r}: {wrong or 'let through'}")
            failures += 1
    if commands("Usage: manakin COMMAND [OPTION...]\n  list       the ports\n  -h, --help   this\n") != ["list"]:
        print("commands() finds others")
        failures += 1
    return failures


if sys.argv[1:] == ["--self-test"]:
    sys.exit(1 if self_test() else 0)
if len(sys.argv) != 3:
    sys.exit(__doc__)
if sys.argv[1] == "--print":
    print(table(read_all(sys.argv[2])), end="")
    sys.exit(0)
everything = read_all(sys.argv[1])
errors = check(everything)
if len(everything) < 12:
    errors.append(f"only {len(everything)} commands were found")
if table(everything) not in open(sys.argv[2], encoding="utf-8").read():
    errors.append(f"{sys.argv[2]} has another table: generate it again with options.py --print PROGRAM")
print("\n".join(errors))
print(f"{len(everything)} commands, {len(errors)} wrong")
sys.exit(1 if errors else 0)
