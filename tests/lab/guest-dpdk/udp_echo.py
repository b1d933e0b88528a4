#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""In a guest: send datagrams of random bytes and lengths, and get each of them back.

udp_echo.py ADDRESS PORT COUNT. A few are in flight at a time. Prints how many
came back unchanged; the first that does not ends the program.
"""
import os
import random
import socket
import sys

WINDOW = 16
WAIT = 60  # seconds


def main():
    address, count = (sys.argv[1], int(sys.argv[2])), int(sys.argv[3])
    waiting, back = {}, 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(address)
        s.settimeout(WAIT)
        for number in range(count + WINDOW):
            if number < count:
                data = number.to_bytes(4, "big") + os.urandom(random.randrange(1469))
                waiting[number] = data
                s.send(data)
            while len(waiting) >= WINDOW or (number >= count and waiting):
                data = s.recv(2048)
                if waiting.pop(int.from_bytes(data[:4], "big"), None) != data:
                    sys.exit(f"something came back that was not sent, after {back}")
                back += 1
    print(back)


main()
