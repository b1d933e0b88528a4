#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Are functions, files and the room of the commands within their bounds?

No function of SRC has more than 100 lines, no file more than 900; src/cli is at most 25 files and
5500 lines. A function is counted from the line with its opening brace to that with the closing one.
With --self-test, trees that break each rule are made and have to be refused.

usage: sizes.py SRC | sizes.py --self-test
"""
import pathlib
import re
import tempfile

import source_check

FUNCTION_LINES, FILE_LINES = 100, 900
ROOM, ROOM_FILES, ROOM_LINES = "cli", 25, 5500
NAME = re.compile(r"([a-z_0-9]+)\([^;]*$")


def functions(lines):
    """(name, lines) of each: it begins with a { and ends with a } in the first column"""
    name, start = None, None
    for number, line in enumerate(lines):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            yield name, number - start + 1
            start = None
        elif start is None and NAME.search(line) and not line[0].isspace():
            name = NAME.search(line).group(1)


def check(src):
    """Messages about a tree, and how many functions were looked at"""
    wrong, seen, room = [], 0, []
    for path in sorted(src.rglob("*.[ch]")):
        lines = path.read_text().splitlines()
        if len(lines) > FILE_LINES:
            wrong.append(f"{path}: {len(lines)} lines, more than {FILE_LINES}")
        if path.relative_to(src).parts[0] == ROOM:
            room.append(len(lines))
        for name, length in functions(lines):
            seen += 1
            if length > FUNCTION_LINES:
                wrong.append(f"{path}: {name}() has {length} lines, more than {FUNCTION_LINES}")
    if len(room) > ROOM_FILES:
        wrong.append(f"{src}/{ROOM}: {len(room)} files, more than {ROOM_FILES}")
    if sum(room) > ROOM_LINES:
        wrong.append(f"{src}/{ROOM}: {sum(room)} lines, more than {ROOM_LINES}")
    return wrong, seen


def function(lines):
    """The text of one with so many lines, and of a small one after it"""
    return "int f(int a)\n{\n" + "\tg();\n" * (lines - 2) + "}\n\nint h(void)\n{\n}\n"


def self_test():
    """The check itself: what it must refuse, and what it must not"""
    cases = [  # files, is it good?
        ({"base/a.c": function(100)}, True),
        ({"base/a.c": function(101)}, False),
        ({"base/a.c": "static const int a[] = {\n" + "\t1,\n" * 200 + "};\n"}, True),
        ({"base/a.c": "\n" * 900}, True),
        ({"base/a.h": "\n" * 901}, False),
        ({f"cli/{n}.c": "\n" for n in range(25)}, True),
        ({f"cli/{n}.c": "\n" for n in range(26)}, False),
        ({f"cli/{n}.c": "\n" * 550 for n in range(10)}, True),
        ({f"cli/{n}.c": "\n" * 551 for n in range(10)}, False),
        ({f"app/{n}.c": "\n" * 551 for n in range(30)}, True),
    ]
    failures = 0
    for files, good in cases:
        with tempfile.TemporaryDirectory() as directory:
            src = pathlib.Path(directory)
            for name, text in files.items():
                (src / name).parent.mkdir(exist_ok=True)
                (src / name).write_text(text)
            wrong, _ = check(src)
        if bool(wrong) == good:
            print(f"{sorted(files)[0]}: {wrong or 'let through'}")
            failures += 1
    return failures


source_check.main(__doc__, self_test, check, "functions")
