#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""setup of a synthetic interface with its VF, killed after every step, and restore; in a guest.

usage: cutoff_guest.py PROGRAM INTERFACE UUID LIBRARY

LIBRARY is made of tests/lab/cut.c. Each step of the plan is cut off twice: when it is done but the journal
does not say so yet, and when the journal does. Then the interface must be back as it was: name, MTU, state,
addresses, routes, the VF under it, hugepages. A host's own test cuts off every single system call
(tests/unit/host/cutoff.py), on a tree made to look like a machine; here the machine is real.
"""

import json
import os
import subprocess
import sys
import time

import cutoff

PAGES = "/proc/sys/vm/nr_hugepages"


class Guest(cutoff.Machine):
    def __init__(self, program, interface, uuid, library):
        self.program, self.interface, self.library = program, interface, library
        self.tree = "/tmp/cutoff"
        self.device = "/sys/bus/vmbus/devices/" + uuid
        self.journal = "/run/manakin/setup/journal"

    def command(self, *words):
        return [self.program, *words]

    def steps(self):
        """The steps that the journal says are done."""
        records = map(json.loads, open(self.journal).read().splitlines())
        return [record["done"] for record in records if "done" in record]

    def cut(self, where):
        """Setup, killed there."""
        there = os.environ | {"LD_PRELOAD": self.library, "CUT": where}
        return subprocess.run(self.command("setup", self.interface), env=there, capture_output=True, text=True,
                              timeout=cutoff.HANGS, check=False)

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


def main():
    guest = Guest(*sys.argv[1:5])
    start = guest.dump()
    subprocess.run(["modprobe", "-rq", "uio_hv_generic"], check=True)
    guest.run("setup", guest.interface)
    steps = guest.steps()
    guest.undo(start, "after a whole setup and restore")
    for number, step in enumerate(steps):
        for when in ("before", "after"):
            done = guest.cut(f"{when} {step}")
            if done.returncode != -9:
                sys.exit(f"setup was not killed {when} step {step}: it exits {done.returncode}: {done.stderr}")
            said = guest.steps()
            if said != steps[:number + (when == "after")]:
                sys.exit(f"setup was killed {when} step {step}, and by its journal these are done: {said}")
            guest.undo(start, f"setup killed {when} the record that step {step} is done")
    print(f"killed {2 * len(steps)} times, before and after the records of the steps {steps}")


if __name__ == "__main__":
    try:
        main()
    except cutoff.Failure as failure:
        sys.exit(f"cutoff_guest.py: {failure}")
