#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Limit what a network interface sends, as `ynl --family net-shaper` does.

The kernel's net shapers have no tool in Debian yet. The numbers are those of Linux 7.2,
include/uapi/linux/net_shaper.h and genetlink.h.

usage: shaper.py INTERFACE set MBIT | shaper.py INTERFACE delete
"""
import os
import socket
import struct
import sys

GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 16, 3, 1, 2
NLM_F_REQUEST, NLM_F_ACK, NLMSG_ERROR, NLA_F_NESTED = 1, 4, 2, 0x8000
CMD_SET, CMD_DELETE = 2, 3
A_HANDLE, A_METRIC, A_BW_MAX, A_IFINDEX, A_HANDLE_SCOPE, A_HANDLE_ID = 1, 2, 4, 8, 1, 2
SCOPE_NETDEV, METRIC_BPS = 1, 0


def attribute(kind, data):
    data = struct.pack("=I", data) if isinstance(data, int) else data
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def ask(family, command, attributes):
    """Send a request; its first answer, or the error that the kernel returns"""
    body = struct.pack("=BBH", command, 1, 0) + attributes
    link.send(struct.pack("=IHHII", 16 + len(body), family, NLM_F_REQUEST | NLM_F_ACK, 1, 0) + body)
    answer = link.recv(65536)
    error = struct.unpack_from("=i", answer, 16)[0]
    if struct.unpack_from("=H", answer, 4)[0] == NLMSG_ERROR and error:
        sys.exit(f"shaper.py: {os.strerror(-error)}")
    return answer


link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
answer = ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, attribute(CTRL_ATTR_FAMILY_NAME, b"net-shaper\0"))
at, family = 20, None
while family is None and at < len(answer):
    length, kind = struct.unpack_from("=HH", answer, at)
    if kind == CTRL_ATTR_FAMILY_ID:
        family = struct.unpack_from("=H", answer, at + 4)[0]
    at += (length + 3) & ~3
link.recv(65536)  # the acknowledgement
handle = attribute(A_IFINDEX, socket.if_nametoindex(sys.argv[1])) + attribute(
    A_HANDLE | NLA_F_NESTED, attribute(A_HANDLE_SCOPE, SCOPE_NETDEV) + attribute(A_HANDLE_ID, 0))
if sys.argv[2] == "set":
    rate = int(sys.argv[3]) * 1000000
    ask(family, CMD_SET, handle + attribute(A_METRIC, METRIC_BPS) + attribute(A_BW_MAX, rate))
else:
    ask(family, CMD_DELETE, handle)
