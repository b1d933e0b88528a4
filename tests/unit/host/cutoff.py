#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""setup and restore, interrupted before every single system call that changes something.

usage: cutoff.py PROGRAM TREE [kill|fail] (in namespaces of its own, TREE made by trees/make --net)

kill: strace(1) kills setup at the start of each system call that may change the machine or the
journal, one per run. What was done before it remains, what comes after it never happens. Then state
and journal must agree, a second setup must complete, and restore must bring back the initial state,
compared file by file and address by address. The same for restore, which is killed and run again.

fail: the same, but the call fails. Setup itself must bring back the initial state; restore when it
is run again, or with the command that it prints.
"""

import json
import os
import re
import subprocess
import sys
import time

import kernel

# What changes the machine, its files, or the journal. Netlink requests are sendto's.
CALLS = "write,pwrite64,fdatasync,fsync,sendto,sendmsg,rename,renameat,renameat2,unlink,unlinkat," \
    "mkdir,mkdirat,symlink,symlinkat,ftruncate,flock,finit_module"
MAC = "60:45:bd:a6:bd:76"
UUID = "f8615163-0001-1000-2000-6045bda6bd76"

HANGS = 900  # seconds: only what hangs takes so long, also in an emulated guest on a busy machine


class Failure(Exception):
    pass


class Machine:
    def __init__(self, program, tree):
        self.program, self.tree = program, os.path.realpath(tree)
        self.words = self.tree + ".words"
        self.kernel = kernel.Kernel(self.tree, self.words)
        self.kernel.mount()
        self.journal = self.tree + "/run/manakin/setup/journal"

    def command(self, *words):
        return [self.program, words[0], "--sysroot", self.tree, *words[1:]]

    def run(self, *words):
        """A command that must not fail."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=HANGS, check=False)
        if done.returncode:
            raise Failure(f"{' '.join(words)} exits {done.returncode}: {done.stderr.strip()}")
        return done

    def strace(self, words, *options):
        trace = self.tree + ".trace"
        # A sanitizer cannot search for leaks while it is traced.
        options = [*options, "-E", "ASAN_OPTIONS=detect_leaks=0"]
        done = subprocess.run(["strace", "-qq", "-o", trace, "-e", f"trace={CALLS}", *options, *self.command(*words)],
                              capture_output=True, text=True, timeout=HANGS, check=False)
        self.last = open(trace).read().strip().split("\n")
        return done

    def calls(self, *words):
        """The calls of a command that is let run: name, how many of that name it is, what it is."""
        done = self.strace(words)
        if done.returncode:
            raise Failure(f"{' '.join(words)} exits {done.returncode}: {done.stderr}")
        count, calls = {}, []
        for line in self.last:
            name = line.split("(")[0]
            count[name] = count.get(name, 0) + 1
            if "RTM_GET" not in line:  # asks, and changes nothing
                calls.append((name, count[name], line[:100]))
        return calls

    def cut(self, call, what, *words):
        """A command with one call killed or failing."""
        return self.strace(words, "-e", f"inject={call[0]}:{what}:when={call[1]}")

    def dump(self):
        """All that setup may change, without what is new each time: numbers, lifetimes."""
        state = network()
        state["tree"] = []
        for folder, folders, files in os.walk(self.tree):
            if folder.startswith(self.tree + "/run/manakin"):
                continue
            for entry in sorted(folders + files):
                path = f"{folder}/{entry}"
                text = os.readlink(path) if os.path.islink(path) else ""
                if os.path.isfile(path) and entry in ("nr_hugepages",):
                    text = open(path).read()
                state["tree"].append(f"{os.path.relpath(path, self.tree)} {text}")
        state["tree"].sort()
        state["ids"] = sorted(self.kernel.ids[kernel.USER])
        state["overrides"] = sorted(f"{uuid} {driver}" for uuid, driver in self.kernel.overrides.items())
        return state

    def handed_over(self):
        return self.kernel.driver(UUID) == kernel.USER


# What the kernel or the interface's age decides, not setup
VOLATILE = {"ifindex", "link_index", "index", "stats", "stats64", "valid_life_time", "preferred_life_time",
            "root_id", "bridge_id", "designated_root", "designated_bridge", "root_port", "hello_timer",
            "gc_timer", "tcn_timer", "topology_change_timer", "topology_change", "topology_change_detected",
            "forward_delay_timer", "message_age_timer", "hold_timer", "linkinfo", "qdisc", "operstate",
            "num_tx_queues", "num_rx_queues", "addrgenmode", "inet6_addr_gen_mode", "link_netnsid", "ifid"}


def clean(value):
    if isinstance(value, dict):
        flags = [flag for flag in value.get("flags", []) if flag not in ("LOWER_UP", "NO-CARRIER", "linkdown")]
        kept = {key: clean(item) for key, item in value.items() if key not in VOLATILE}
        if "flags" in value:
            kept["flags"] = sorted(map(str, flags))
        return kept
    return [clean(item) for item in value] if isinstance(value, list) else value


def network():
    """Links, addresses and routes, without what is new each time."""
    state = {}
    for name, command in (("link", ["link"]), ("address", ["address"]),
                          ("route4", ["-4", "route", "show", "table", "all"]),
                          ("route6", ["-6", "route", "show", "table", "all"])):
        done = subprocess.run(["ip", "-j", "-d", *command], capture_output=True, text=True, check=True)
        # The kernel adds the multicast route by itself, once it has noticed the carrier.
        state[name] = sorted(json.dumps(clean(entry), sort_keys=True) for entry in json.loads(done.stdout or "[]")
                             if entry.get("dst") != "ff00::/8")
    return state


def differences(start, now):
    return [f"{kind}: {sign} {entry}" for kind in start
            for sign, one, other in (("-", start[kind], now[kind]), ("+", now[kind], start[kind]))
            for entry in one if entry not in other]


def unordered(state):
    """Without the order of an interface's addresses, the first of which is the source address."""
    entries = [json.loads(entry) for entry in state["address"]]
    for entry in entries:
        entry["addr_info"].sort(key=str)
    return state | {"address": [json.dumps(entry) for entry in entries]}


def to_come(wrong):
    """Is the only difference what the kernel does later: an IPv6 address's own route, after the address?"""
    return wrong and all(line.startswith("route6: - ") and '"type": "local"' in line for line in wrong)


def must_be(machine, start, when, order=True):
    deadline = time.monotonic() + 2
    while True:
        now = machine.dump()
        wrong = differences(start, now) if order else differences(unordered(start), unordered(now))
        if not to_come(wrong) or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    if wrong:
        raise Failure(f"{when}: not as at the start:\n  " + "\n  ".join(wrong[:12]))
    if os.path.exists(machine.journal):
        raise Failure(f"{when}: the journal is still there")


def agree(machine, start):
    """Whatever differs from the start is announced in the journal, and what is done is there."""
    steps, done, text = {}, set(), ""
    if os.path.exists(machine.journal):
        text = open(machine.journal).read()
    for line in text.split("\n")[:-1]:
        record = json.loads(line)
        if "kind" in record:
            steps[record["step"]] = record["kind"]
        if "done" in record:
            done.add(record["done"])
    now = machine.dump()
    link = {entry["ifname"]: entry for entry in map(json.loads, now["link"])}
    there = {
        "hugepages": any("nr_hugepages 2048" in entry for entry in now["tree"]),
        "link-down": "eth1" not in link or "UP" not in link["eth1"]["flags"],
        "override": machine.kernel.overrides.get(UUID) == kernel.USER,
        "new-id": bool(now["ids"]),
        "unbind": machine.kernel.driver(UUID) != kernel.KERNEL,
        "bind": machine.handed_over(),
        "unmanage": any("0-manakin-6045bda6bd76.network " in entry for entry in now["tree"]),
        "persist": any("manakin-setup.service " in entry for entry in now["tree"]),
    }
    for kind, is_there in there.items():
        if is_there and kind not in steps.values():
            raise Failure(f"{kind} was done, and the journal does not say so")
    if "remove-id" in steps.values():
        del there["new-id"]
    for number in done:
        if not there.get(steps[number], True):
            raise Failure(f"the journal says that {steps[number]} was done, and it was not")
    if not steps and differences(start, now):
        raise Failure("something has changed, and the journal has no step")


SETUP = ("setup", "--hugepages", "2048,2M", "--persist", "eth1")


def kill_setup(machine, start):
    calls = machine.calls(*SETUP)
    machine.run("restore", "--all")
    for number, call in enumerate(calls):
        try:
            done = machine.cut(call, "signal=KILL", *SETUP)
            if done.returncode not in (-9, 137):
                raise Failure(f"exits {done.returncode}: {done.stderr}")
            agree(machine, start)
            if number % 2:
                machine.run(*SETUP)
                if not machine.handed_over():
                    raise Failure("a second setup did not go forward")
            machine.run("restore", "--all")
            must_be(machine, start, "after restore")
        except Failure as failure:
            raise Failure(f"setup, cut off at {call}: {failure}") from failure
    return len(calls)


def kill_restore(machine, start):
    machine.run(*SETUP)
    calls = machine.calls("restore", "--all")
    for number, call in enumerate(calls):
        try:
            machine.run(*SETUP)
            done = machine.cut(call, "signal=KILL", "restore", "--all")
            if done.returncode not in (-9, 137):
                raise Failure(f"exits {done.returncode}: {done.stderr}")
            # Forward again from half-way back, every third time
            if number % 3 == 0:
                machine.run(*SETUP)
            machine.run("restore", "--all")
            must_be(machine, start, "after the second restore")
        except Failure as failure:
            raise Failure(f"restore, cut off at {call}: {failure}") from failure
    return len(calls)


def fail_setup(machine, start):
    calls, failed = machine.calls(*SETUP), 0
    machine.run("restore", "--all")
    for call in calls:
        try:
            done = machine.cut(call, "error=EIO", *SETUP)
            if done.returncode == 0:
                machine.run("restore", "--all")  # a write to standard output, say
            else:
                failed += 1
                if done.returncode != 1 or not done.stderr.startswith("manakin setup: "):
                    raise Failure(f"exits {done.returncode}")
            must_be(machine, start, "after the failure")
        except Failure as failure:
            raise Failure(f"{call} failed: {failure}\n{done.stdout}{done.stderr}") from failure
    return failed


def fail_restore(machine, start):
    machine.run(*SETUP)
    calls, failed = machine.calls("restore", "--all"), 0
    for call in calls:
        try:
            machine.run(*SETUP)
            done = machine.cut(call, "error=EIO", "restore", "--all")
            failed += done.returncode != 0
            by_hand = re.search("to try by hand: (.*)", done.stderr)
            if by_hand:  # an address or a manager that fails does not stop the rest
                subprocess.run(by_hand[1], shell=True, check=True)
            elif done.returncode:
                machine.run("restore", "--all")
            must_be(machine, start, "after a second restore", order=False)
        except Failure as failure:
            raise Failure(f"{call} failed: {failure}\n{done.stdout}{done.stderr}") from failure
    return failed


def main():
    program, tree, what = sys.argv[1:4]
    machine = Machine(program, tree)
    os.makedirs(machine.tree + "/etc/systemd/system/multi-user.target.wants", exist_ok=True)
    # A network manager that does not run now. Its directories are there, as they stay.
    os.makedirs(machine.tree + "/run/systemd/netif", exist_ok=True)
    os.makedirs(machine.tree + "/run/systemd/network", exist_ok=True)
    os.makedirs(machine.tree + "/run/manakin", exist_ok=True)
    open(machine.tree + "/run/systemd/netif/state", "w").close()
    kernel.ip("address add 2001:db8::4/64 dev eth1 nodad", "route add 192.168.7.0/24 via 10.0.1.9 dev eth1 metric 50 mtu 1400",
              "route add 10.9.0.0/16 dev eth1 table 77 src 10.0.1.4", "link set eth1 mtu 1400",
              "address add 10.0.1.5/32 dev eth1 label eth1:x", "route add 2001:db8:7::/48 via 2001:db8::1 dev eth1",
              "link property add dev eth1 altname a-longer-name-of-eth1", "link set dev eth1 address 02:00:00:00:00:07",
              "address add 10.0.2.1/24 dev eth1 valid_lft 5000 preferred_lft 4000")
    start, begun = machine.dump(), time.monotonic()
    try:
        machine.run(*SETUP)  # creates the journal's directory, which stays
        machine.run("restore", "--all")
        must_be(machine, start, "after a whole setup and restore")
        if what == "kill":
            print(f"setup: cut off at {kill_setup(machine, start)} calls")
            print(f"restore: cut off at {kill_restore(machine, start)} calls")
        else:
            print(f"setup: {fail_setup(machine, start)} calls failed")
            print(f"restore: {fail_restore(machine, start)} calls failed")
    except Failure as failure:
        print("\n".join(differences(start, machine.dump())), file=sys.stderr)
        sys.exit(f"cutoff.py: {failure}")
    print(f"{time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    main()
