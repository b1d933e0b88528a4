#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Kill a client of an adapter repeatedly, and check that the adapter does not grow.

  kills.py COUNT ADAPTER-PID COMMAND...         (% in COMMAND is the client's number)

COMMAND waits for a line of input, attaches, and says "ready" when it sends. The next ones are
started meanwhile, since the EAL takes its time until then. What the adapter holds (memory, descriptors, mappings,
threads) is compared between the 10th part of the cycles and the last. Each kill comes a different
while after "ready".
"""
import collections
import os
import subprocess
import sys
import time

SLACK = 1 << 20  # bytes
AHEAD = 6  # clients that are started before they are needed


def holdings(pid):
    proc = "/proc/%s/" % pid
    with open(proc + "statm") as statm:
        resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    with open(proc + "maps") as maps:
        mappings = len(maps.readlines())
    return {"resident": resident, "mappings": mappings,
            "descriptors": len(os.listdir(proc + "fd")),
            "threads": len(os.listdir(proc + "task"))}


def start(command, number):
    return subprocess.Popen([word.replace("%", str(number)) for word in command],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)


def cycle(victim, delay):
    with victim:
        victim.stdin.write(b"go\n")
        victim.stdin.flush()
        said = []
        for line in victim.stdout:
            said.append(line.decode())
            if line.strip() == b"ready":
                break
        else:
            sys.exit("the client has ended:\n" + "".join(said))
        time.sleep(delay)
        victim.kill()


def settle(pid, wanted):
    """The adapter may still be handling the last client's end."""
    for _ in range(100):
        now = holdings(pid)
        if all(now[key] <= wanted[key] for key in wanted):
            break
        time.sleep(0.05)
    return now


def main():
    count, pid, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    then = {}
    victims = collections.deque()
    for i in range(count):
        while len(victims) < AHEAD and i + len(victims) < count:
            victims.append(start(command, i + len(victims)))
        cycle(victims.popleft(), i % 10 * 0.001)
        if i == count // 10:
            time.sleep(0.5)
            then = holdings(pid)
    then["resident"] += SLACK
    now = settle(pid, then)
    print("cycles", count)
    for key, value in then.items():
        print(key, value, now[key])
        if now[key] > value:
            sys.exit("the adapter has grown: " + key)


main()
