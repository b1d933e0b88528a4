#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Do the files of a room call each other in a circle?

A file calls another if its object names a symbol that the other's defines. Each argument is a
room: a static library, or a folder of objects. The symbols are nm's.
With --self-test, rooms with and without circles are made up and have to be told apart.

usage: circles.py ROOM... | circles.py --self-test
"""
import pathlib
import subprocess
import sys

DEFINED = set("TDBRCVWi")


def read_symbols(room):
    """Symbols that each object of a room defines and names: {object: (defined, named)}"""
    path = pathlib.Path(room)
    objects = sorted(path.glob("*.o")) if path.is_dir() else [path]
    found, name = {}, None
    for line in subprocess.run(["nm", "-A", *objects], check=True, capture_output=True,
                               text=True).stdout.splitlines():
        where, _, symbol = line.rpartition(":")
        name = where.split(":")[-1].rpartition("/")[2]
        defined, named = found.setdefault(name, (set(), set()))
        kind, text = symbol.split()[-2:]
        if kind == "U":
            named.add(text)
        elif kind in DEFINED:
            defined.add(text)
    return found


def find_circles(objects):
    """Sets of objects that call each other, and the calls: a list of (objects, words)"""
    owner = {symbol: name for name, (defined, _) in objects.items() for symbol in defined}
    calls = {name: {owner[symbol]: symbol for symbol in sorted(named)
                    if owner.get(symbol, name) != name}
             for name, (_, named) in objects.items()}

    def reached(start):
        seen, left = set(), [start]
        while left:
            for name in calls[left.pop()]:
                if name not in seen:
                    seen.add(name)
                    left.append(name)
        return seen

    reach = {name: reached(name) for name in objects}
    circles = {frozenset(other for other in reach[name] if name in reach[other])
               for name in objects if name in reach[name]}
    return [(circle, [f"{a} calls {b} ({calls[a][b]})" for a in sorted(circle)
                      for b in sorted(calls[a]) if b in circle]) for circle in circles]


def self_test():
    """A line of files, two that call each other, and three in a ring with one above them"""
    rooms = [
        ({"a": ("fa", "fb fc"), "b": ("fb", "fc puts"), "c": ("fc", "")}, []),
        ({"a": ("fa", "fb"), "b": ("fb", "fa")}, ["ab"]),
        ({"top": ("ft", "fa"), "a": ("fa", "fb"), "b": ("fb", "fc"), "c": ("fc", "fa")}, ["abc"]),
        ({"a": ("fa", "fa")}, []),
    ]
    failures = 0
    for room, want in rooms:
        objects = {name: (set(d.split()), set(n.split())) for name, (d, n) in room.items()}
        got = ["".join(sorted(circle)) for circle, _ in find_circles(objects)]
        if got != want:
            print(f"{room}: found {got}, not {want}")
            failures += 1
    return failures


if len(sys.argv) < 2:
    sys.exit(__doc__)
if sys.argv[1] == "--self-test":
    sys.exit(1 if self_test() else 0)
WRONG = COUNT = 0
for argument in sys.argv[1:]:
    symbols = read_symbols(argument)
    COUNT += len(symbols)
    if not symbols:
        print(f"{argument}: there are no objects in it")
        WRONG += 1
    for _, words in find_circles(symbols):
        print(f"{argument}: a circle:\n\t" + "\n\t".join(words))
        WRONG += 1
print(f"{COUNT} objects of {len(sys.argv) - 1} rooms, {WRONG} wrong")
sys.exit(1 if WRONG else 0)
