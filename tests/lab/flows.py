#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Send flows, and say how many packets each receive queue should get.

The queues follow from the hash key and the indirection table that "ethtool -x"
printed in the guest, by a Toeplitz hash that works bit by bit, as receive-side scaling
defines it, and shares no code with the adapter's.
"""
import argparse
import collections
import ipaddress
import re
import socket
import sys


def toeplitz(key, data):
    window, bits = int.from_bytes(key, "big"), len(key) * 8
    value, result = int.from_bytes(data, "big"), 0
    for i in range(len(data) * 8):
        if value >> (len(data) * 8 - 1 - i) & 1:
            result ^= window >> (bits - 32 - i) & 0xFFFFFFFF
    return result


def read_rss(text):
    """The key and the table in the output of "ethtool -x"."""
    rows = re.findall(r"^\s+\d+:((?:\s+\d+)+)\s*$", text, re.M)
    table = [int(queue) for row in rows for queue in row.split()]
    key = re.search(r"^((?:[0-9a-f]{2}:){39}[0-9a-f]{2})\s*$", text, re.M)
    if not table or not key:
        sys.exit(f"no table of queues or no key of 40 bytes in:\n{text}")
    return bytes.fromhex(key.group(1).replace(":", "")), table


def send(family, kind, source, destination):
    """One packet; for TCP, a connection that is refused."""
    with socket.socket(family, kind) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(source)
        if kind == socket.SOCK_DGRAM:
            s.sendto(b"flow", destination)
            return
        s.settimeout(10)
        try:
            s.connect(destination)
        except ConnectionRefusedError:
            return
        sys.exit(f"{destination} was expected to refuse the connection")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rss", required=True, help='file with the output of "ethtool -x"')
    parser.add_argument("--flows", type=int, default=300)
    parser.add_argument("protocol", choices=["udp", "tcp"])
    parser.add_argument("source")
    parser.add_argument("destination")
    arguments = parser.parse_args()
    with open(arguments.rss, encoding="ascii") as file:
        key, table = read_rss(file.read())
    ends = [ipaddress.ip_address(end) for end in (arguments.source, arguments.destination)]
    family = socket.AF_INET if ends[0].version == 4 else socket.AF_INET6
    kind = socket.SOCK_DGRAM if arguments.protocol == "udp" else socket.SOCK_STREAM
    expected = collections.Counter()
    for flow in range(arguments.flows):
        source, destination = 20000 + 7 * flow, 4000 + flow % 13
        send(family, kind, (arguments.source, source), (arguments.destination, destination))
        data = b"".join(end.packed for end in ends)
        data += source.to_bytes(2, "big") + destination.to_bytes(2, "big")
        expected[table[toeplitz(key, data) % len(table)]] += 1
    for queue in range(max(table) + 1):
        print(f"rx_{queue} {expected[queue]}")


main()
