#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""In a guest: run dpdk-testpmd on ports of the adapter and type commands into it.

The commands come from standard input, one a line; each is typed when testpmd
shows its prompt. Some lines are not testpmd's:

    sleep SECONDS
    say TEXT                 print TEXT
    until PATTERN COMMAND    type COMMAND repeatedly until its output matches
                             PATTERN, which has no spaces
    await COUNT PATTERN      wait until PATTERN has appeared COUNT times by itself

All of testpmd's output goes to standard output; "quit" is typed last.
Exit status: testpmd's; 124 if its prompt or PATTERN did not appear in time.
"""
import argparse
import glob
import os
import pty
import re
import select
import sys
import time

PROMPT = "testpmd> "
PATIENCE = 240  # seconds for a prompt or a pattern


class Testpmd:
    """testpmd on a terminal of its own, which makes it write line by line."""

    def __init__(self, arguments):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvp(arguments[0], arguments)
        self.text = ""

    def read(self, deadline):
        """What comes until @deadline, or None at the end."""
        wait = max(0, deadline - time.monotonic())
        if not select.select([self.terminal], [], [], wait)[0]:
            return ""
        try:
            data = os.read(self.terminal, 65536).decode(errors="replace")
        except OSError:  # how a terminal says that its other end is closed
            return None
        text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\r", "", data)
        sys.stdout.write(text)
        sys.stdout.flush()
        return text

    def prompt(self):
        """All that comes before the next prompt."""
        deadline = time.monotonic() + PATIENCE
        while PROMPT not in self.text:
            text = self.read(deadline)
            if text is None or time.monotonic() >= deadline:
                print(f"\ntestpmd shows no prompt {'any more' if text is None else 'in time'}")
                self.give_up()
            self.text += text
        output, self.text = self.text.split(PROMPT, 1)
        return output

    def await_(self, count, pattern):
        """What testpmd says by itself; a prompt in the middle of it could be in pieces."""
        deadline = time.monotonic() + PATIENCE
        while len(re.findall(pattern, self.text)) < count:
            text = self.read(deadline)
            if text is None or time.monotonic() >= deadline:
                print(f"\n'{pattern}' did not come up {count} times in time")
                self.give_up()
            self.text += text
        self.text = ""

    def type(self, line):
        os.write(self.terminal, line.encode() + b"\n")

    def give_up(self):
        os.kill(self.pid, 9)
        sys.exit(124)

    def end(self):
        deadline = time.monotonic() + PATIENCE
        while self.read(deadline) is not None:
            if time.monotonic() >= deadline:
                print("\ntestpmd does not quit")
                self.give_up()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def until(testpmd, pattern, command):
    deadline = time.monotonic() + PATIENCE
    while True:
        testpmd.type(command)
        if re.search(pattern, testpmd.prompt()):
            return
        if time.monotonic() >= deadline:
            print(f"\nthe output of '{command}' did not match '{pattern}' in time")
            testpmd.give_up()
        time.sleep(0.2)


def vdev(macs):
    """The EAL argument for the ports with these addresses, of one adapter."""
    for path in glob.glob("/sys/class/net/*/address"):
        with open(path, encoding="ascii") as file:
            if file.read().strip() == macs[0]:
                bus = os.path.basename(os.path.realpath(os.path.dirname(path) + "/device"))
                return "--vdev=" + ",".join([bus] + [f"mac={mac}" for mac in macs])
    sys.exit(f"there is no interface with the address {macs[0]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--macs", required=True, help="addresses of the ports, with commas")
    parser.add_argument("--cores", default="1-2")
    parser.add_argument("option", nargs="*", help="testpmd's")
    arguments = parser.parse_args()
    testpmd = Testpmd(
        ["dpdk-testpmd", "-l", arguments.cores, "--no-telemetry", vdev(arguments.macs.split(","))]
        + ["--", "-i", "--no-flush-rx"] + arguments.option)
    testpmd.prompt()
    for line in sys.stdin.read().splitlines():
        words = line.split(maxsplit=2)
        if not words:
            continue
        if words[0] == "sleep":
            time.sleep(float(words[1]))
        elif words[0] == "say":
            print(f"\n{line[4:]}", flush=True)
        elif words[0] == "until":
            until(testpmd, words[1], words[2])
        elif words[0] == "await":
            testpmd.await_(int(words[1]), words[2])
        else:
            testpmd.type(line)
            testpmd.prompt()
    testpmd.type("quit")
    return testpmd.end()


sys.exit(main())
