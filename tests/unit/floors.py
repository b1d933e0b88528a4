#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Do the include directives obey the floors of docs/architecture.md?

A file includes files of its own room, of rooms on floors below it, and libraries.
With --self-test, trees that break each rule are made and have to be refused.

usage: floors.py SRC | floors.py --self-test
"""
import pathlib
import re
import sys
import tempfile

FLOORS = [
    {"base"},
    {"wire"},
    {"vfio_user", "dma", "fabric"},
    {"device", "driver"},
    {"pmd", "host"},
    {"cli"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
NOT_BELOW = {("pmd", "device")}  # two ends of one socket: they share wire/ alone
DPDK = re.compile(r"rte_|dpdk|ethdev_|bus_pci_driver|bus_vdev_driver")
DPDK_ROOMS = {"pmd"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def check_include(room, quote, name):
    """Why a file of @room may not include @name; None if it may"""
    if DPDK.match(name):
        return None if room in DPDK_ROOMS else "only pmd/ includes headers of DPDK"
    if quote == "<":
        return None
    other = name.split("/")[0]
    if "/" not in name or other not in FLOOR:
        return "a header of this tree is named from src/, as in \"dma/map.h\""
    if other == room:
        return None
    if (room, other) in NOT_BELOW:
        return f"{room}/ never includes {other}/"
    if FLOOR[other] > FLOOR[room]:
        return f"{other}/ is on floor {FLOOR[other]}, above {room}/ on {FLOOR[room]}"
    if FLOOR[other] == FLOOR[room]:
        return f"{other}/ is on the same floor as {room}/"
    return None


def check_tree(src):
    """Messages about a tree, and how many includes were looked at"""
    wrong, seen = [], 0
    for path in sorted(src.rglob("*.[ch]")):
        room = path.relative_to(src).parts[0]
        if room not in FLOOR:
            wrong.append(f"{path}: there is no floor for {room}")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            seen += 1
            why = check_include(room, *match.groups())
            if why:
                wrong.append(f"{path}:{number}: includes {match.group(2)}: {why}")
    return wrong, seen


def self_test():
    """The check itself: what it must refuse, and what it must not"""
    cases = [  # file, include directive, may it?
        ("device/a.c", '#include "wire/wq.h"', True),
        ("device/a.c", '#include "device/queue.h"', True),
        ("cli/a.c", '#include "base/log.h"', True),
        ("host/a.c", "#include <libkmod.h>", True),
        ("pmd/a.c", "#include <rte_mbuf.h>", True),
        ("pmd/a.c", '#include "driver/queue.h"', True),
        ("wire/a.h", '#include "dma/map.h"', False),
        ("base/a.c", '#include "wire/wq.h"', False),
        ("dma/a.c", '#include "fabric/fabric.h"', False),
        ("fabric/a.c", '  #  include "vfio_user/server.h"', False),
        ("device/a.c", '#include "driver/queue.h"', False),
        ("fabric/a.c", '#include "device/lane.h"', False),
        ("pmd/a.c", '#include "device/adapter.h"', False),
        ("host/a.c", '#include "pmd/pmd.h"', False),
        ("host/a.c", "#include <rte_eal.h>", False),
        ("cli/a.c", "#include <rte_eal.h>", False),
        ("device/a.c", '#include "queue.h"', False),
        ("device/a.c", '#include "../dma/map.h"', False),
        ("attic/a.c", "#include <errno.h>", False),
    ]
    failures = 0
    for name, directive, allowed in cases:
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / name
            path.parent.mkdir()
            path.write_text(directive + "\n")
            wrong, _ = check_tree(pathlib.Path(directory))
        if bool(wrong) == allowed:
            print(f"{name}: {directive}: {'refused' if wrong else 'let through'}")
            failures += 1
    return failures


if len(sys.argv) != 2:
    sys.exit(__doc__)
if sys.argv[1] == "--self-test":
    sys.exit(1 if self_test() else 0)
errors, includes = check_tree(pathlib.Path(sys.argv[1]))
print("\n".join(errors))
if not includes:
    print(f"there are no includes in {sys.argv[1]}: is it the source tree?")
print(f"{includes} includes, {len(errors)} wrong")
sys.exit(1 if errors or not includes else 0)
