#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Draw the rooms of src/ and the edges that src/rooms.txt allows, with Graphviz.

All edges are drawn but those to base/, which every room except wire/ may use.

usage: draw-architecture.py > docs/architecture.svg
"""
import pathlib
import re
import subprocess

SRC = pathlib.Path(__file__).parent.parent / "src"
GROUPS = {  # rooms of one colour
    "#ddeafc": "base wire confine dma vfio_user fabric roce trace device serve".split(),
    "#fbeccb": "driver pmd".split(),
    "#e2f3e4": "host/machine host/known host/dpdk host/check host/handover host/diagnosis host/report".split(),
    "#f3e6f7": "process app measure guest".split(),
    "#f0f0f0": "term cli".split(),
}
COLOUR = {room: colour for colour, rooms in GROUPS.items() for room in rooms}


def rooms():
    """(room, rooms that it may use, what it is for) for each line of the list"""
    for line in (SRC / "rooms.txt").read_text().splitlines():
        match = re.match(r"([a-z_/]+):([^|]*)\| (.*)", line)
        if match:
            yield match[1], match[2].split(), match[3]


def wrap(text, width=22):
    """Lines of up to @width characters, for a box"""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br/>".join(lines)


dot = ['digraph rooms {', 'rankdir=TB; bgcolor="white"; nodesep=0.25; ranksep=0.55; splines=true;',
       'node [shape=box, style="rounded,filled", fontname="DejaVu Sans", fontsize=11, '
       'margin="0.1,0.06"];', 'edge [color="#59636e", arrowsize=0.7];']
for room, uses, purpose in rooms():
    dot.append(f'"{room}" [fillcolor="{COLOUR[room]}", label=<<b>{room}/</b><br/>'
               f'<font point-size="9">{wrap(purpose)}</font>>];')
    dot += [f'"{room}" -> "{other}";' for other in uses if other != "base"]
# base/ has the lowest row to itself.
dot += ["{ rank=max; base; }"] + [f'"{room}" -> base [style=invis];' for room in
                                  ("wire", "vfio_user", "fabric", "dma", "host/machine")]
dot.append("}")
svg = subprocess.run(["dot", "-Tsvg"], input="\n".join(dot), text=True, check=True,
                     stdout=subprocess.PIPE).stdout
print("<!-- SPDX-License-Identifier: BSD-3-Clause -->")
print(svg[svg.index("<svg"):], end="")
