#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Start an adapter as systemd would, as a user without any right: all that it needs is passed.

As root: make the sockets of the adapter mana0, a tap and the file of a capture; become the user
nobody; then execute COMMAND, with LISTEN_FDS and their names client, control, tap and capture.

usage: passed.py TAP CAPTURE COMMAND...
"""
import fcntl
import os
import pwd
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
DIRECTORY = "/run/manakin/mana0"

tap_name, capture, *command = sys.argv[1:]
user = pwd.getpwnam("nobody")
os.makedirs(DIRECTORY, exist_ok=True)
sockets = []
for kind, name in (socket.SOCK_STREAM, "socket"), (socket.SOCK_SEQPACKET, "socket.ctl"):
    sockets.append(socket.socket(socket.AF_UNIX, kind))
    sockets[-1].bind(f"{DIRECTORY}/{name}")
    sockets[-1].listen(16)
os.chown(DIRECTORY, user.pw_uid, user.pw_gid)
tap = os.open("/dev/net/tun", os.O_RDWR)
flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", tap_name.encode(), flags))
file = os.open(capture, os.O_RDWR | os.O_CREAT, 0o600)

# First out of the way of the numbers that they are to have
passed = [os.dup(fd) for fd in (*(s.fileno() for s in sockets), tap, file)]
passed = [fcntl.fcntl(fd, fcntl.F_DUPFD, 50) for fd in passed]
for number, fd in enumerate(passed, 3):
    os.dup2(fd, number, inheritable=True)
os.closerange(3 + len(passed), 200)
os.setgroups([])
os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(passed)),
                  LISTEN_FDNAMES="client:control:tap:capture")
os.execvp(command[0], command)
