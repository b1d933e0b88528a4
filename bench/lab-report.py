#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The medians of bench/lab.sh's rounds, and the ratio of this adapter to virtio-net."""
import statistics
import sys

figures = {}
for line in open(sys.argv[1], encoding="ascii"):
    subject, direction, rate = line.split()
    figures.setdefault(direction, {}).setdefault(subject, []).append(float(rate))

print(f"{'direction':<15}{'manakin':>10}{'virtio-net':>12}{'ratio':>8}   Gbit/s, median of "
      f"{len(figures['guest-to-host']['manakin'])} rounds in turn")
for direction, subjects in figures.items():
    ours, theirs = subjects["manakin"], subjects["virtio-net"]
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    print(f"{direction:<15}{statistics.median(ours) / 1e9:>10.3f}"
          f"{statistics.median(theirs) / 1e9:>12.3f}{ratio:>8.2f}")
