#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A table of bench/lab-pmd.sh's figures: lab-pmd-report.py FIGURES

Subjects are compared round by round, so that a machine that changes its speed
changes both sides of a ratio.
"""
import statistics
import sys

figures = {}
with open(sys.argv[1], encoding="ascii") as file:
    for line in file:
        words = line.split()
        if len(words) == 3 and words[0] in ("net_mana", "manakin"):
            figures.setdefault((words[1], words[0]), []).append(float(words[2]))
if not figures:
    sys.exit("the guest has measured nothing")
print(f"{'case':10} {'net_mana':>12} {'manakin':>12} {'ratio':>7}  packets per second, medians")
for case in ("txonly", "rxonly"):
    old, new = figures[case, "net_mana"], figures[case, "manakin"]
    ratios = [n / o for o, n in zip(old, new) if o]
    if not ratios:
        sys.exit(f"{case}: net_mana has moved no packets")
    print(f"{case:10} {statistics.median(old):12.0f} {statistics.median(new):12.0f} "
          f"{statistics.median(ratios):7.2f}")
