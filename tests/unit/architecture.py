#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Does docs/architecture.md lead to files that are there, and name the rooms that are there?

Ten questions of its table "Which file answers which question" are drawn at random, and the files
that answer them have to exist; the seed is printed. The table of rooms has to be that of src/.
With --self-test, documents that are wrong are made and have to be refused.

usage: architecture.py ROOT [SEED] | architecture.py --self-test
"""
import pathlib
import random
import re
import sys
import tempfile

DRAWN = 10
QUESTIONS = "Which file answers which question"
PLACES = ("", "src/", "docs/")  # a name is looked for from here
PATH = re.compile(r"[\w./*{},-]+")


def rows(text, heading):
    """The cells of the first table after @heading"""
    after = re.split(rf"^#+ {re.escape(heading)}\s*$", text, maxsplit=1, flags=re.M)
    if len(after) < 2:
        return []
    table = re.search(r"(?:^\|.*\|[ \t]*\n)+", after[1], re.M)
    lines = table[0].splitlines()[2:] if table else []
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]


def names(cell):
    """The files that an answer names; NAME stands for any name"""
    code = re.findall(r"`([^`]+)`", re.sub(r"\[[^\]]*\]\([^)]*\)", "", cell))
    links = re.findall(r"\]\(([^)#]+)", cell)
    return [name.replace("NAME", "*") for name in code + links if PATH.fullmatch(name)]


def exists(root, name, folders):
    """Is there such a file? A name without a folder is in the folder of one before it"""
    for place in (*PLACES, *folders):
        found = sorted(root.glob(place + name.rstrip("/")))
        if found:
            path = found[0].relative_to(root).as_posix()
            if "/" in path:
                folders.append(path.rpartition("/")[0] + "/")
            return True
    return False


def check_questions(root, text, seed):
    """Messages about ten questions of the table"""
    questions = rows(text, QUESTIONS)
    if len(questions) < DRAWN:
        return [f"the table of questions has {len(questions)} rows"]
    wrong = []
    for cells in random.Random(seed).sample(questions, DRAWN):
        question, answer = cells[0], cells[1]
        files, folders = names(answer), []
        if not files:
            wrong.append(f"{question} No file answers it")
        wrong += [f"{question} There is no {name}" for name in files if not exists(root, name, folders)]
    return wrong


def rooms_of(src):
    """The folders of src/ that have files of C in them"""
    return {path.parent.relative_to(src).as_posix() for path in src.rglob("*.[ch]")}


def check_rooms(root, text):
    """Messages about the table of rooms"""
    tables = re.findall(r"^\| room .*\n\|[-| ]+\n((?:\|.*\n)+)", text, re.M)
    if not tables:
        return ["there is no table of rooms"]
    named = {name.rstrip("/") for line in tables[0].splitlines()
             for name in re.findall(r"`([^`]+)`", line.split("|")[1])}
    there = rooms_of(root / "src")
    return [f"a room is not in the table: {room}" for room in sorted(there - named)] + \
           [f"there is no such room: {room}" for room in sorted(named - there)]


def check(root, seed):
    text = (root / "docs/architecture.md").read_text()
    return check_questions(root, text, seed) + check_rooms(root, text)


def self_test():
    def document(root, question, room):
        table = "".join(f"| Question {i}? | `wire/file{i}.c`, `file0.c`; [wire](wire.md) |\n" for i in range(12))
        (root / "docs/architecture.md").write_text(
            f"| room | what |\n|---|---|\n| `wire/` | formats |\n{room}\n"
            f"### {QUESTIONS}\n\n| question | file |\n|---|---|\n{table}{question}\n")

    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        (root / "docs").mkdir()
        (root / "docs/wire.md").touch()
        (root / "src/wire").mkdir(parents=True)
        for i in range(12):
            (root / f"src/wire/file{i}.c").touch()
        wrong = []

        def expect(what, found, seeds=range(40)):
            messages = [message for seed in seeds for message in check(root, seed)]
            if bool(messages) != found:
                wrong.append(f"{what}: {messages}")

        document(root, "", "")
        expect("all is there", False)
        document(root, "| What else? | `wire/gone.c` |\n", "")
        expect("a file that is gone", True)
        document(root, "| What else? | [gone](gone.md) |\n", "")
        expect("a page that is gone", True)
        document(root, "| What else? | the sources |\n", "")
        expect("an answer without a file", True)
        document(root, "| What else? | `wire/file*.c` |\n", "")
        expect("a pattern", False)
        document(root, "", "| `attic/` | old things |\n")
        expect("a room that is gone", True, [1])
        document(root, "", "")
        (root / "src/new").mkdir()
        (root / "src/new/new.c").touch()
        expect("a room that is not in the table", True, [1])
    return wrong


def main():
    if sys.argv[1:] == ["--self-test"]:
        wrong = self_test()
    else:
        seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
        print(f"seed {seed}")
        wrong = check(pathlib.Path(sys.argv[1]), seed)
    for message in wrong:
        print(message)
    return 1 if wrong else 0


sys.exit(main())
