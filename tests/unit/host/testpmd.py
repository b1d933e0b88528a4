#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A testpmd on DPDK's netvsc driver, which no test machine has: only its answers.

net_mana's ports come first and belong to netvsc's, so testpmd shows numbers that do not begin at 0:
lists of a VM's DPDK ports by dpdk-devname have net_mana as 0 and 1, and net_netvsc from 2 on. The
words are testpmd's own, as the tests of suite native see them (app/test-pmd/config.c, cmdline.c).

In the environment: RATE, packets per second that each port sends; RATE3, the same for port 3; SIZE,
their bytes.
"""
import os
import sys
import time

PORTS = {2: "60:45:BD:A6:BD:76", 3: "60:45:BD:A6:BB:C0"}
rate = float(os.environ.get("RATE", "0"))
rates = {2: rate, 3: float(os.environ.get("RATE3", rate))}
size = int(os.environ.get("SIZE", "64"))
start = time.monotonic()

print("EAL: Probe PCI driver: net_mana (1414:ba) device: 7870:00:00.0 (socket 0)")
print("Interactive-mode selected")
while True:
    print("testpmd> ", end="", flush=True)
    line = sys.stdin.readline()
    words = line.split()
    if not words or words[0] == "quit":
        break
    if words[:2] == ["set", "fwd"]:
        print(f"Set {words[2]} packet forwarding mode")
    elif words[:3] == ["show", "port", "summary"]:
        print(f"Number of available ports: {len(PORTS)}")
        print("Port MAC Address       Name         Driver         Status   Link")
        for port, mac in PORTS.items():
            print(f"{port}    {mac} f8615163-0001-1000-2000-6045bda6bd76 net_netvsc up 100 Gbps")
    elif words[:3] == ["show", "port", "xstats"]:
        port = int(words[3])
        if port not in PORTS:
            print(f"Invalid port {port}")
            continue
        sent = int((time.monotonic() - start) * rates[port])
        print(f"###### NIC extended statistics for port {port}")
        print(f"rx_good_packets: 0\ntx_good_packets: {sent}\nrx_good_bytes: 0\ntx_good_bytes: {size * sent}")
        print(f"tx_q0_packets: {sent}\ntx_q0_bytes: {size * sent}")
    elif words[0] == "start":
        print("txonly packet forwarding - ports=2 - cores=1 - streams=2")
    else:
        print("Bad arguments")
