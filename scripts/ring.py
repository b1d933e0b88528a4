#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Run one ring of tests, and count the results of several.

  ring.py run [--again] NAME BUILD MESON-ARGUMENT...
        Run "meson test", with its log called NAME. With --again each suite that fails is run once more.
  ring.py count BUILD/NAME...
        What failed, what is flaky, and as the last line "N passed, N failed". Fails if anything has.

A suite that fails and then passes is flaky: its second run counts, and the end says what failed
first. More than two flaky suites are a failure: then the first run of each counts. A skipped test
counts as failed: what cannot run has to say why and fail.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import time

LINES = 40  # of a failed test's output; the rest is in Meson's log
FLAKY_MAX = 2


class Suite:
    """One of Meson's tests: a file of many tests in TAP, or a program that counts as one."""

    def __init__(self, record):
        self.name = record["name"].split(" / ")[-1]
        self.result = record["result"]
        self.lines = record.get("stdout", "").splitlines()
        self.errors = record.get("stderr", "").splitlines()
        self.duration = record["duration"]
        self.passed = 0
        self.failed = []  # title and lines of each test
        plan = next((re.fullmatch(r"1\.\.(\d+)", line) for line in self.lines[:1]), None)
        if plan:
            self.read_tap(int(plan[1]))
        elif self.result == "OK":
            self.passed = 1
        if self.result != "OK" and not self.failed:
            self.failed = [(f"{self.result} after {self.duration:.0f} s", self.excerpt(self.lines + self.errors))]

    def read_tap(self, planned):
        found = [(i, re.match(r"(not )?ok \d+ *(.*)", line)) for i, line in enumerate(self.lines)]
        found = [(i, match) for i, match in found if match]
        for (i, match), end in zip(found, [i for i, _ in found[1:]] + [len(self.lines)]):
            if match[1] or re.search(r"# *skip", match[2], re.IGNORECASE):
                self.failed.append((match[2], self.excerpt(self.lines[i + 1:end])))
            else:
                self.passed += 1
        if len(found) < planned and not self.failed:
            self.failed.append((f"{self.result} after {self.duration:.0f} s, with {len(found)} of {planned} tests run",
                                self.excerpt(self.errors)))

    @staticmethod
    def excerpt(lines):
        # The first lines say which check failed, the last ones what was seen before it.
        return lines if len(lines) <= LINES else lines[:LINES // 2] + ["..."] + lines[-LINES // 2:]

    def tell(self, word):
        for title, lines in self.failed:
            print(f"{word}: {self.name}: {title}")
            print("".join(f"    {line}\n" for line in lines), end="")


def log(build, name):
    return os.path.join(build, "meson-logs", name + ".json")


def again_of(name):
    return name + "-again"


def read(path):
    """The suites of a ring, by name."""
    with open(path) as file:
        suites = [Suite(json.loads(line)) for line in file if line.strip()]
    return {suite.name: suite for suite in suites}


def meson(build, name, arguments):
    status = subprocess.run(["meson", "test", "-C", build, "--print-errorlogs", "--logbase", name,
                             *arguments], check=False).returncode
    if "--wrapper" in arguments:
        # Meson adds the wrapper's name to that of the log.
        wrapper = os.path.basename(arguments[arguments.index("--wrapper") + 1].split()[0])
        made = log(build, f"{name}-{wrapper}")
        if os.path.exists(made):
            os.replace(made, log(build, name))
    return status


def run(name, build, arguments, again):
    for path in log(build, name), log(build, again_of(name)):
        if os.path.exists(path):
            os.remove(path)
    print(f"== {name}", flush=True)
    start = time.monotonic()
    status = meson(build, name, arguments)
    if status and again and os.path.exists(log(build, name)):
        failed = [suite.name for suite in read(log(build, name)).values() if suite.failed]
        if failed:
            print(f"== {name}, once more: {', '.join(failed)}", flush=True)
            status = meson(build, again_of(name), ["--num-processes", "1", *failed])
    print(f"== {name} took {time.monotonic() - start:.0f} s", flush=True)
    return status


def count(rings):
    counted, flaky, missing = [], [], 0
    for ring in rings:
        build, name = os.path.split(ring)
        try:
            first = read(log(build, name))
        except (OSError, ValueError) as error:
            print(f"no results of a ring of tests: {error}")
            missing += 1
            continue
        second = read(log(build, again_of(name))) if os.path.exists(log(build, again_of(name))) else {}
        for suite in first.values():
            latest = second.get(suite.name, suite)
            if suite.failed and not latest.failed:
                flaky.append((suite, latest))
            else:
                counted.append(latest)
    too_many = len(flaky) > FLAKY_MAX
    counted += [first if too_many else second for first, second in flaky]
    for suite in counted:
        suite.tell("failed")
    for suite, _ in flaky:
        print(f"flaky: {suite.name}")
        if not too_many:
            suite.tell("failed first")
    if too_many:
        print(f"{len(flaky)} suites are flaky; more than {FLAKY_MAX} are a failure")
    passed = sum(suite.passed for suite in counted)
    failed = sum(len(suite.failed) for suite in counted) + missing
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run")
    one.add_argument("--again", action="store_true")
    one.add_argument("name")
    one.add_argument("build")
    one.add_argument("arguments", nargs=argparse.REMAINDER)
    all_ = commands.add_parser("count")
    all_.add_argument("rings", nargs="+")
    arguments = parser.parse_args()
    if arguments.command == "run":
        return run(arguments.name, arguments.build, arguments.arguments, arguments.again)
    return count(arguments.rings)


sys.exit(main())
