#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""CPU time of commands, user and system, with that of the processes they start.

usage: cpu-time.py RUNS COMMAND...

Each COMMAND is one argument. They are run in turn; the rows of a table have the medians.
"""
import os
import resource
import statistics
import subprocess
import sys


def taken(command):
    """Seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    commands = [command.split() for command in sys.argv[2:]]
    times = [[taken(command) for command in commands] for _ in range(int(sys.argv[1]))]
    for command, of_it in zip(commands, zip(*times)):
        words = " ".join(os.path.basename(word) for word in command)
        print(f"| `{words}` | {1e3 * statistics.median(of_it):.1f} ms |")


main()
