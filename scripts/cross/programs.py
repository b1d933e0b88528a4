#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""programs.py BUILD - the names of the tests that BUILD's emulator can run, one to a line

Those of the rings unit and fuzz that are programs of BUILD, and the suite "emulated", whose scripts
start programs with the emulator. Other scripts do not.
"""
import json
import os
import subprocess
import sys

build = os.path.abspath(sys.argv[1])
tests = json.loads(subprocess.run(["meson", "introspect", build, "--tests"], check=True,
                                  stdout=subprocess.PIPE).stdout)
for test in tests:
    rings = {suite.split(":")[-1] for suite in test["suite"]}
    program = test["cmd"][0].startswith(build + os.sep)
    if "emulated" in rings or (program and rings & {"unit", "fuzz"}):
        print(test["name"])
