#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Do the include directives keep to the allowed edges of docs/architecture.md?

A room is a folder of src/. Its files include each other, files of the rooms that the list allows, and
libraries. The list of rooms and edges is src/rooms.txt.
With --self-test, trees that break each rule are made and have to be refused.

usage: rooms.py SRC | rooms.py --self-test
"""
import html
import pathlib
import re
import tempfile

import source_check

ROOM = re.compile(r"([a-z_/]+):([^|]*)\| \S")
LIST = pathlib.Path(__file__).resolve().parents[2] / "src/rooms.txt"
EDGES = {match[1]: set(match[2].split())
         for match in map(ROOM.match, LIST.read_text().splitlines()) if match}
DPDK = re.compile(r"rte_|dpdk|ethdev_|bus_pci_driver|bus_vdev_driver")
DPDK_ROOMS = {"pmd"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def room_of(path):
    """The room of a file, named from src/; None if it is in none"""
    folder = path.rpartition("/")[0]
    return folder if folder in EDGES else None


def check_include(room, quote, name):
    """Why a file of @room may not include @name; None if it may"""
    if DPDK.match(name):
        return None if room in DPDK_ROOMS else "only pmd/ includes headers of DPDK"
    if quote == "<":
        return None
    other = room_of(name)
    if not other:
        return "a header of this tree is named from src/, as in \"dma/map.h\""
    if other == room or other in EDGES[room]:
        return None
    return f"{room}/ may not use {other}/"


def check_tree(src):
    """Messages about a tree, and how many includes were looked at"""
    wrong, seen = [], 0
    for path in sorted(src.rglob("*.[ch]")):
        room = room_of(path.relative_to(src).as_posix())
        if not room:
            wrong.append(f"{path}: there is no such room")
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


def check_edges():
    """The list itself: a room uses only rooms listed before it, so there is no circle"""
    rooms = list(EDGES)
    return [f"src/rooms.txt: {room}: {other} is not listed before it" for number, room in enumerate(rooms)
            for other in EDGES[room] if other not in rooms[:number]]


def check_picture(src):
    """Whether docs/architecture.svg shows just the edges that are allowed"""
    svg = html.unescape((src.parent / "docs/architecture.svg").read_text())
    drawn = set(re.findall(r"<title>([a-z_/]+)->([a-z_/]+)</title>", svg))
    # Every room but wire/ may use base/: said, not drawn.
    wanted = {(room, other) for room in EDGES for other in EDGES[room] if other != "base"}
    shown = set(re.findall(r"<title>([a-z_/]+)</title>", svg)) - {"rooms"}
    drawn = {edge for edge in drawn if edge[1] != "base"}
    if drawn == wanted and shown == set(EDGES):
        return []
    return ["docs/architecture.svg is not of src/rooms.txt: run scripts/draw-architecture.py "
            "> docs/architecture.svg"]


def self_test():
    """The check itself: what it must refuse, and what it must not"""
    cases = [  # file, include directive, may it?
        ("device/a.c", '#include "wire/wq.h"', True),
        ("device/a.c", '#include "device/queue.h"', True),
        ("cli/a.c", '#include "base/log.h"', True),
        ("host/machine/a.c", "#include <libkmod.h>", True),
        ("host/check/a.c", '#include "host/dpdk/dpdk.h"', True),
        ("host/check/a.c", '#include "host/handover/plan.h"', False),
        ("host/machine/a.c", '#include "device/adapter.h"', False),
        ("guest/a.c", '#include "cli/cli.h"', False),
        ("pmd/a.c", "#include <rte_mbuf.h>", True),
        ("pmd/a.c", '#include "driver/queue.h"', True),
        ("wire/a.h", '#include "dma/map.h"', False),
        ("base/a.c", '#include "wire/wq.h"', False),
        ("dma/a.c", '#include "fabric/fabric.h"', False),
        ("fabric/a.c", '  #  include "vfio_user/server.h"', False),
        ("device/a.c", '#include "driver/queue.h"', False),
        ("fabric/a.c", '#include "device/lane.h"', False),
        ("pmd/a.c", '#include "device/adapter.h"', False),
        ("host/check/a.c", '#include "pmd/pmd.h"', False),
        ("host/machine/a.c", "#include <rte_eal.h>", False),
        ("cli/a.c", "#include <rte_eal.h>", False),
        ("device/a.c", '#include "queue.h"', False),
        ("device/a.c", '#include "../dma/map.h"', False),
        ("attic/a.c", "#include <errno.h>", False),
    ]
    failures = len(check_edges())
    for name, directive, allowed in cases:
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / name
            path.parent.mkdir(parents=True)
            path.write_text(directive + "\n")
            wrong, _ = check_tree(pathlib.Path(directory))
        if bool(wrong) == allowed:
            print(f"{name}: {directive}: {'refused' if wrong else 'let through'}")
            failures += 1
    return failures


def check_all(src):
    """The tree, the list of rooms, and the picture of it"""
    wrong, seen = check_tree(src)
    return wrong + check_edges() + check_picture(src), seen


source_check.main(__doc__, self_test, check_all, "includes")
