#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The index of the tests: what each shows, by ring and topic, for docs/tests.md.

  tests-index.py            print it
  tests-index.py --check    check that docs/tests.md is up to date

A test's title is that of Bats, or the name of a function in C.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INDEX = ROOT / "docs/tests.md"
HEAD = """# What the tests show

`make tests-index` writes this page from the tests' own titles; do not edit it. [tests/README.md](../tests/README.md)
says what the rings are and how to run one.
"""
RINGS = [("unit", "Unit: a room at a time, and the host's commands on machines made of files"),
         ("native", "Native: DPDK on an adapter of the same machine"),
         ("lab", "Lab: Debian's drivers and DPDK in guests"),
         ("fuzz", "Fuzz: every input that comes from outside"),
         ("style", "Style: how the files are written")]


def head_of(text):
    """What the comment at a file's head says first, in one sentence"""
    head = re.match(r"(?:#!.*\n)?((?:#.*\n)*)", text)[1] or "".join(
        re.findall(r"/\*.*?\*/\n", text.partition("#include")[0], re.S))
    lines = [re.sub(r"^\s*(/\*|\*/|\*|#)?\s?|\s*\*/$", "", line) for line in head.splitlines()]
    lines = [line for line in lines if not re.match(r"SPDX|shellcheck ", line)]
    for paragraph in "\n".join(lines).split("\n\n"):
        about = re.sub(r"^\S+\.(c|bats)( - |: )", "", " ".join(paragraph.split()))
        if about:
            return re.split(r"(?<=\.)\s", about, maxsplit=1)[0].rstrip(".")
    return ""


def titles_of(path, text):
    if path.suffix == ".c":
        return [re.sub("^test_", "", name).replace("_", " ")
                for name in re.findall(r"^static void (\w+)\(void \*\*\w+\)", text, re.M)]
    return [re.sub(r"\\(.)", r"\1", title) for _, title in re.findall(r'^@test (["\'])(.*)\1 \{', text, re.M)]


def entries():
    """Ring, file, what it is about, titles"""
    for ring, _ in RINGS:
        for path in sorted((ROOT / "tests" / ring).rglob("*")):
            if path.suffix not in (".bats", ".c"):
                continue
            text = path.read_text()
            if path.suffix == ".bats" or path.name.startswith("test_"):
                yield ring, path, head_of(text), titles_of(path, text)
            elif ring == "fuzz" and "int LLVMFuzzerTestOneInput(" in text and "main(" not in text:
                yield ring, path, head_of(text), []


def index():
    lines, ring_before, room_before = [HEAD], None, None
    for ring, path, about, titles in entries():
        if ring != ring_before:
            lines.append(f"## {dict(RINGS)[ring]}\n")
            ring_before, room_before = ring, None
        room = path.parent.relative_to(ROOT / "tests").as_posix()
        if ring == "unit" and room != room_before:
            lines.append(f"### {room.partition('/')[2]}\n")
            room_before = room
        name = path.relative_to(ROOT).as_posix()
        lines.append(f"[`{name}`](../{name})" + (f": {about}" if about else "") + "\n")
        if titles:
            lines.append("\n".join(f"- {title}" for title in titles) + "\n")
    return "\n".join(lines)


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    text = index()
    if not sys.argv[1:]:
        sys.stdout.write(text)
    elif not INDEX.exists() or INDEX.read_text() != text:
        sys.exit("docs/tests.md does not match the tests' titles; run: make tests-index")
    return 0


sys.exit(main())
