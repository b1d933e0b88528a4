#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Count the tests in JUnit files: the last line is 'N passed, N failed'.

A skipped test counts as failed: what cannot run has to say why and fail.
"""
import sys
import xml.etree.ElementTree as ElementTree

passed = failed = 0
for path in sys.argv[1:]:
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        print(f"no results of a ring of tests: {error}")
        failed += 1
        continue
    for case in root.iter("testcase"):
        if any(case.find(kind) is not None for kind in ("failure", "error", "skipped")):
            print(f"failed: {case.get('classname')}: {case.get('name')}")
            failed += 1
        else:
            passed += 1

print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
