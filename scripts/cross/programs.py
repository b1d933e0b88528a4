#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""programs.py BUILD - the names of the tests of the rings unit and fuzz that are programs of BUILD

One to a line. They are run by BUILD's emulator; scripts and the programs that they start are not.
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
    if rings & {"unit", "fuzz"} and test["cmd"][0].startswith(build + os.sep):
        print(test["name"])
