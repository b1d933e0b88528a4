#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""In a guest: an nftables flowtable, as `nft 'table inet lab { flowtable fast { hook ingress priority 0;
devices = { INTERFACE }; } }'` makes it, which the guest's small system does not have.

usage: flowtable.py INTERFACE

The messages are those of <linux/netfilter/nf_tables.h>; the kernel wants them in a batch.
"""

import os
import socket
import struct
import sys

NETFILTER, INET, ACK = 12, 1, 5
BATCH_BEGIN, BATCH_END, TABLES = 0x10, 0x11, 10
NEWTABLE, NEWFLOWTABLE = 0, 22
REQUEST_CREATE = 0x401


def attribute(kind, data, nested=False):
    size = 4 + len(data)
    return struct.pack("<HH", size, kind | (0x8000 if nested else 0)) + data + b"\0" * (-size % 4)


def message(kind, flags, family, resource, body=b""):
    data = struct.pack(">BBH", family, 0, resource) + body
    return struct.pack("<IHHII", 16 + len(data), kind, flags, 1, 0) + data


def text(kind, word):
    return attribute(kind, word.encode() + b"\0")


def number(kind, value):
    return attribute(kind, struct.pack(">I", value))


def main():
    devices = attribute(3, text(1, sys.argv[1]), True)
    hook = attribute(3, number(1, 0) + number(2, 0) + devices, True)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER) as kernel:
        kernel.send(message(BATCH_BEGIN, 1, 0, TABLES) +
                    message(TABLES << 8 | NEWTABLE, REQUEST_CREATE, INET, 0, text(1, "lab")) +
                    message(TABLES << 8 | NEWFLOWTABLE, REQUEST_CREATE | 4, INET, 0,
                            text(1, "lab") + text(2, "fast") + hook) +
                    message(BATCH_END, 1, 0, TABLES))
        answer = kernel.recv(65536)
    err = -struct.unpack_from("<i", answer, 16)[0]
    if err:
        sys.exit(f"flowtable.py: {os.strerror(err)}")


if __name__ == "__main__":
    main()
