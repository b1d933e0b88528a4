#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""bad.py UUID - in a guest: what a process can do to a card that is bound to uio_hv_generic.

The rings, the buffers and the monitor page are mapped as DPDK maps them, and filled
with what no driver would write. Formats: DPDK's drivers/bus/vmbus/rte_vmbus_reg.h and
drivers/net/netvsc/hn_nvs.h. Each case opens the device again, which
resets the channel.
"""
import glob
import mmap
import os
import random
import struct
import sys
import time

PAGE = 4096
device = "/sys/bus/vmbus/devices/" + sys.argv[1]
uio = os.path.basename(glob.glob(device + "/uio/uio*")[0])
monitor_id = int(open(device + "/monitor_id").read())
random.seed(1)


class Card:
    """An open device: its maps, and how to signal the host."""

    def __enter__(self):
        self.fd = os.open("/dev/" + uio, os.O_RDWR)
        self.maps, self.names = [], []
        for i in range(5):
            base = f"/sys/class/uio/{uio}/maps/map{i}/"
            size = int(open(base + "size").read(), 16)
            self.names.append(open(base + "name").read().strip())
            self.maps.append(mmap.mmap(self.fd, size, offset=i * PAGE))
        self.ring = self.maps[0]
        self.half = len(self.ring) // 2
        self.size = self.half - PAGE
        self.at = 0
        return self

    def __exit__(self, *_):
        for each in self.maps:
            each.close()
        os.close(self.fd)

    def handle(self, index):
        return int(self.names[index].split(":")[1])

    def word(self, offset, value):
        self.ring[offset : offset + 4] = struct.pack("<I", value & 0xFFFFFFFF)

    def kick(self):
        at = 8 + 8 * (monitor_id // 32)
        bits = struct.unpack_from("<I", self.maps[2], at)[0] | 1 << monitor_id % 32
        struct.pack_into("<I", self.maps[2], at, bits)
        time.sleep(0.003)

    def put(self, packet, show=None):
        """Write bytes to the ring; @show: the write index, if not the right one."""
        packet += struct.pack("<Q", self.at << 32)
        for i, byte in enumerate(packet):
            self.ring[PAGE + (self.at + i) % self.size] = byte
        self.at = (self.at + len(packet)) % self.size
        self.word(0, self.at if show is None else show)
        self.kick()

    def message(self, kind, *words, data=b"", flags=1, pages=None):
        body = struct.pack(f"<{len(words)}I", *(w & 0xFFFFFFFF for w in words)) + data
        body += bytes(-len(body) % 8)
        head = pages if pages is not None else b""
        self.put(struct.pack("<HHHHQ", kind, 2 + len(head) // 8,
                             2 + (len(head) + len(body)) // 8, flags, 7) + head + body)

    def handshake(self):
        """Become a card with buffers."""
        self.message(6, 1, 0x60001, 0x60001, *[0] * 7)
        self.message(6, 125, 1514, 0, 4, *[0] * 6, flags=0)
        self.message(6, 101, self.handle(3), 0xCAFE, *[0] * 7)
        self.message(6, 104, self.handle(4), 0, *[0] * 7)

    def rndis(self, control, content, size=None, section=0):
        at = section * 6144
        if at + len(content) <= len(self.maps[4]):
            self.maps[4][at : at + len(content)] = content
        self.message(6, 107, int(control), section, len(content) if size is None else size)


cases = 0
for show in (0xFFFFFFFF, 0x80000000, "size", 4, 8, 12, 16):
    with Card() as card:
        card.word(0, card.size if show == "size" else show)
        card.kick()
        cases += 1
for length, offset in ((0, 0), (1, 1), (0xFFFF, 2), (2, 3), (3, 0), (4000, 2), (2, 0xFFFF)):
    with Card() as card:
        card.put(struct.pack("<HHHHQ", 6, offset, length, 1, 1) + bytes(64))
        cases += 1
for index in (0xFFFFFFFF, "size", 7):
    with Card() as card:  # the other ring's read index
        card.word(card.half + 4, card.size if index == "size" else index)
        card.handshake()
        cases += 1
with Card() as card:  # messages before any handshake, and unknown ones
    for kind in (0, 2, 7, 8, 9, 11, 12, 13, 99, 0xFFFF):
        card.message(kind, 107, 0, 0, 64, 0, 0)
    for nvsp in list(range(0, 3)) + list(range(98, 140)) + [0xFFFFFFFF]:
        card.message(6, nvsp, *(random.getrandbits(32) for _ in range(9)))
        cases += 1
with Card() as card:  # GPADLs that do not exist
    for handle in (0, 1, 0xFFFFFFFF, card.handle(3) + 1000):
        card.message(6, 101, handle, 0xCAFE, *[0] * 7)
        card.message(6, 104, handle, 0, *[0] * 7)
        cases += 1
with Card() as card:  # RNDIS
    card.handshake()
    for control in (True, False):
        for _ in range(150):
            words = [random.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 0x80000002, 0xFFFFFFFF, 28, 44,
                                    64, 100, 6144, random.getrandbits(32))) for _ in range(16)]
            words[0] = random.choice((1, 2, 3, 4, 5, 6, 8, words[0]))
            words[1] = random.choice((0, 8, 28, 44, 64, 65, 0xFFFFFFF8, words[1]))
            card.rndis(control, struct.pack("<16I", *words))
            cases += 1
    for size, section in ((0xFFFFFFF0, 0), (6145, 0), (64, 0xFFFFFFFE), (64, 2730), (64, 4000000)):
        card.rndis(True, bytes(64), size=size, section=section)
        cases += 1
    for identity in (0, 1, 2, 18811, 1 << 31, (1 << 64) - 1):  # sections that are not in use
        card.put(struct.pack("<HHHHQ", 11, 2, 3, 0, identity) + bytes(8))
        cases += 1
with Card() as card:  # pages that do not exist
    card.handshake()
    for pfn in (0, 1, 0xA0, 0xFEE00, 0xFED00, 1 << 20, 1 << 36, 1 << 51, (1 << 64) - 1):
        for length, offset, number in ((64, 0, 1), (64, 4090, 1), (4096, 0, 1), (0xFFFFFFFF, 0, 1),
                                       (64, 0xFFFFFFFF, 1), (64, 0, 0xFFFFFFFF)):
            pages = struct.pack("<IIIIQQ", 0, number, length, offset, pfn, pfn)
            card.message(9, 107, 0, 0xFFFFFFFF, 0, pages=pages)
            cases += 1
for _ in range(20):  # noise
    with Card() as card:
        card.handshake()
        card.ring[PAGE : PAGE + 65536] = random.randbytes(65536)
        card.word(0, random.randrange(0, card.size, 8))
        card.kick()
        cases += 1
print(cases, "cases")
