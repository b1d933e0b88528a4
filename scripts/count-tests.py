#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Count the tests in JUnit files, as Meson writes them: the last line is 'N passed, N failed'.

Above it is what each test that failed has printed, so that the end of a log tells why. A
skipped test counts as failed: what cannot run has to say why and fail.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree

LINES = 40  # of a failed test's output; the rest is in Meson's log


def printed(suite, case):
    """The lines that belong to one test.

    A test program with many tests has one output, in TAP: a test's comments follow its result.
    """
    lines = [line for holder in (case, suite) for kind in ("system-out", "system-err")
             for line in holder.findtext(kind, "").splitlines()]
    number = re.match(r"\d+", case.get("name", ""))
    at = [i for i, line in enumerate(lines) if number and re.match(f"not ok {number[0]}\\b", line)]
    if not at:
        return lines[-LINES:]
    after = lines[at[0] + 1:]
    end = next((i for i, line in enumerate(after) if re.match(r"(not )?ok \d", line)), len(after))
    # The first lines say which check failed, the last ones what was seen before it.
    own = after[:end]
    return own if len(own) <= LINES else own[:LINES // 2] + ["..."] + own[-LINES // 2:]


passed = failed = 0
for path in sys.argv[1:]:
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        print(f"no results of a ring of tests: {error}")
        failed += 1
        continue
    for suite in root.iter("testsuite"):
        for case in suite.iter("testcase"):
            if any(case.find(kind) is not None for kind in ("failure", "error", "skipped")):
                print(f"failed: {case.get('classname')}: {case.get('name')}")
                print("".join(f"    {line}\n" for line in printed(suite, case)), end="")
                failed += 1
            else:
                passed += 1

print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
