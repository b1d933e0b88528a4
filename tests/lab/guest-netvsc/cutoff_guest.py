#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""setup of a synthetic interface with its VF, killed after every step, and restore; in a guest.

usage: cutoff_guest.py PROGRAM INTERFACE UUID

Each step of the plan is cut off twice: when it is done but the journal does not say so yet, and when
the journal does. Then the interface must be back as it was: name, MTU, state, addresses, routes, the VF
under it, hugepages. A host's own test cuts off every single system call (tests/unit/host/cutoff.py),
on a tree made to look like a machine; here the machine is real.
"""

import os
import re
import subprocess
import sys
import time

import cutoff

PAGES = "/proc/sys/vm/nr_hugepages"


class Guest(cutoff.Machine):
    def __init__(self, program, interface, uuid):
        self.program, self.interface = program, interface
        self.tree = "/tmp/cutoff"
        self.device = "/sys/bus/vmbus/devices/" + uuid
        self.journal = "/run/manakin/setup/journal"

    def command(self, *words):
        return [self.program, *words]

    def dump(self):
        state = cutoff.network()
        state["driver"] = [os.path.basename(os.readlink(self.device + "/driver"))] \
            if os.path.exists(self.device + "/driver") else []
        state["pages"] = [open(PAGES).read().strip()]
        return state

    def undo(self, start, when):
        self.run("restore", "--all")
        # An IPv6 address, which the kernel adds by itself, takes a moment.
        deadline = time.monotonic() + 60
        while cutoff.differences(start, self.dump()) and time.monotonic() < deadline:
            time.sleep(0.1)
        cutoff.must_be(self, start, when)
        # A module stays loaded; the next setup has to load it again.
        subprocess.run(["modprobe", "-r", "uio_hv_generic"], check=True)


def cuts(calls):
    """The writes that say that a step is done, and what comes next: name, how many of that name it is, which step."""
    for number, (name, count, line) in enumerate(calls):
        step = re.match(r'write\(.*\{\\"done\\":(\d+)', line)
        if step:
            yield name, count, f"step {step[1]}, not said"
            after = calls[number + 1]
            yield after[0], after[1], f"step {step[1]}, said"


def main():
    guest = Guest(*sys.argv[1:4])
    setup = ("setup", guest.interface)
    start = guest.dump()
    subprocess.run(["modprobe", "-rq", "uio_hv_generic"], check=True)
    calls = guest.calls(*setup)
    guest.undo(start, "after a whole setup and restore")
    points = list(cuts(calls))
    for name, count, what in points:
        done = guest.cut((name, count), "signal=KILL", *setup)
        if done.returncode not in (-9, 137):
            sys.exit(f"setup was not killed at {what}: it exits {done.returncode}: {done.stderr}")
        guest.undo(start, f"setup killed at {what}")
    print(f"killed {len(points)} times: {', '.join(what for _, _, what in points)}")


if __name__ == "__main__":
    try:
        main()
    except cutoff.Failure as failure:
        sys.exit(f"cutoff_guest.py: {failure}")
