#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Frames for the native tests, and what is expected to arrive.

  packets.py make FILE COUNT      write a capture of COUNT frames of many kinds
  packets.py flows FILE COUNT     write UDP/IPv4 frames, a flow each
  packets.py queues FILE KEY N    packets of each of N queues: Toeplitz, table of 128
  packets.py hashes FILE KEY N    check the hashes and queues that testpmd has printed
  packets.py same A B             compare two captures, byte for byte
  packets.py each A B             B has each of A's frames, in any order and number, and no others
  packets.py swapped A B          B is A with Ethernet addresses exchanged
  packets.py large FILE COUNT     write TCP frames with what a large send has to care for
  packets.py cut A MSS [B]        frames that A's become when they are cut; B are these
"""
import random
import re
import struct
import sys

HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
DST = bytes.fromhex("000d3a763bd0")
SRC = bytes.fromhex("02005e000001")


def write(path, frames):
    with open(path, "wb") as out:
        out.write(HEADER)
        for i, frame in enumerate(frames):
            out.write(struct.pack("<IIII", i, 0, len(frame), len(frame)) + frame)


def read(path):
    with open(path, "rb") as capture:
        data = capture.read()
    at, frames = 24, []
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        frames.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return frames


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp(src, dst, sport, dport, payload):
    length = 8 + len(payload)
    header = struct.pack("!HHHH", sport, dport, length, 0)
    pseudo = src + dst + struct.pack("!BBH", 0, 17, length)
    header = header[:6] + struct.pack("!H", checksum(pseudo + header + payload) or 0xFFFF)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0, 64, 17, 0, src, dst)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return DST + SRC + b"\x08\x00" + ip + header + payload


def tcp(rng, vlan, v6, flags, options, payload):
    sport, dport, seq, ack = (rng.randrange(1 << n) for n in (16, 16, 32, 32))
    header = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, (20 + len(options)) // 4 << 4,
                         flags, 512, 0, 0) + options
    if v6:
        ip = struct.pack("!IHBB16s16s", 6 << 28 | rng.randrange(1 << 20),
                         len(header + payload), 6, 64, rng.randbytes(16), rng.randbytes(16))
    else:
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(header + payload),
                         rng.randrange(1 << 16), 0x4000, 64, 6, 0, rng.randbytes(4),
                         rng.randbytes(4))
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    return DST + SRC + tag + (b"\x86\xdd" if v6 else b"\x08\x00") + ip + header + payload


def large(path, count):
    rng = random.Random(3)
    frames = []
    for i in range(count):
        flags = 0x10 | rng.choice([0, 0x01, 0x08, 0x80, 0xC9])  # FIN, PSH, CWR, ECE and all
        options = rng.choice([b"", b"\1\1\x08\x0a" + rng.randbytes(8), b"\1" * 40])
        room = 8900 - len(options)
        payload = rng.randbytes(rng.choice([7, 300, 301, 599, 600, room, rng.randrange(1, room)]))
        frames.append(finish(tcp(rng, i % 5 == 0 and 100 + i, i % 2, flags, options, payload)))
    write(path, frames)


def layout(frame):
    """Offsets of a TCP frame: IP, TCP, payload; and whether it is IPv6."""
    ip = 18 if frame[12:14] == b"\x81\0" else 14
    v6 = frame[ip] >> 4 == 6
    l4 = ip + (40 if v6 else (frame[ip] & 15) * 4)
    return ip, l4, l4 + (frame[l4 + 12] >> 4) * 4, v6


def finish(frame):
    """The right lengths and checksums of a TCP frame."""
    ip, l4, _, v6 = layout(frame)
    out = bytearray(frame)
    length = len(frame) - l4
    if v6:
        struct.pack_into("!H", out, ip + 4, length)
        pseudo = frame[ip + 8:ip + 40] + struct.pack("!II", length, 6)
    else:
        struct.pack_into("!H", out, ip + 2, len(frame) - ip)
        struct.pack_into("!H", out, ip + 10, 0)
        struct.pack_into("!H", out, ip + 10, checksum(bytes(out[ip:l4])))
        pseudo = frame[ip + 12:ip + 20] + struct.pack("!BBH", 0, 6, length)
    struct.pack_into("!H", out, l4 + 16, 0)
    struct.pack_into("!H", out, l4 + 16, checksum(pseudo + bytes(out[l4:])))
    return bytes(out)


def segments(frame, mss):
    """A large send in software: RFC 9293's sequence numbers, RFC 3168's CWR, an identification each."""
    ip, l4, body, v6 = layout(frame)
    seq = struct.unpack_from("!I", frame, l4 + 4)[0]
    ident = struct.unpack_from("!H", frame, ip + 4)[0]
    pieces = range(body, len(frame), mss)
    for i, at in enumerate(pieces):
        out = bytearray(frame[:body] + frame[at:at + mss])
        struct.pack_into("!I", out, l4 + 4, (seq + i * mss) & 0xFFFFFFFF)
        if not v6:
            struct.pack_into("!H", out, ip + 4, (ident + i) & 0xFFFF)
        if i:
            out[l4 + 13] &= ~0x80
        if at != pieces[-1]:
            out[l4 + 13] &= ~0x09
        yield finish(bytes(out))


def cut(path, mss, other=None):
    wanted = [segment for frame in read(path) for segment in segments(frame, int(mss))]
    if other is None:
        print(len(wanted))
    else:
        compare(wanted, read(other))


def make(path, count):
    rng = random.Random(1)
    frames = []
    for i in range(count):
        size = rng.randrange(18, 1473)
        body = rng.randbytes(size)
        if i % 5 == 4:  # what nobody knows: passes as it is
            frames.append(DST + SRC + b"\x88\xb5" + body)
        else:
            frames.append(udp(bytes([198, 18, 0, i % 250]), b"\xc6\x13\0\1", 1024 + i, 9, body))
    write(path, frames)


def flows(path, count):
    rng = random.Random(2)
    write(path, [udp(rng.randbytes(4), rng.randbytes(4), rng.randrange(1, 65536),
                     rng.randrange(1, 65536), bytes(22)) for _ in range(count)])


def toeplitz(key, data):
    """From the definition: the key's 32 bits at every bit of the input that is set."""
    bits = int.from_bytes(key, "big")
    result = 0
    for i in range(len(data) * 8):
        if data[i // 8] >> (7 - i % 8) & 1:
            result ^= bits >> (len(key) * 8 - 32 - i) & 0xFFFFFFFF
    return result


def queues(path, key, n):
    counts = [0] * n
    for frame in read(path):
        value = toeplitz(bytes.fromhex(key), frame[26:34] + frame[34:38])
        counts[value % 128 % n] += 1
    print(*counts)


def hashes(path, key, n):
    wanted = {toeplitz(bytes.fromhex(key), f[26:38]) for f in read(path)}
    seen = set()
    for line in sys.stdin:
        match = re.search(r"RSS hash=0x([0-9a-f]+) - RSS queue=0x([0-9a-f]+)", line)
        if not match:
            continue
        value, queue = int(match[1], 16), int(match[2], 16)
        if value not in wanted or value % 128 % n != queue:
            sys.exit("hash %#x in queue %d" % (value, queue))
        seen.add(value)
    if len(seen) < len(wanted) // 2:
        sys.exit("only %d of %d flows were seen" % (len(seen), len(wanted)))


def same(a, b, change=lambda frame: frame):
    compare([change(f) for f in read(a)], read(b))


def compare(wanted, got):
    if len(wanted) != len(got):
        sys.exit("%d frames became %d" % (len(wanted), len(got)))
    for i, (w, g) in enumerate(zip(wanted, got)):
        if w != g:
            sys.exit("frame %d differs:\n%s\n%s" % (i, w.hex(), g.hex()))


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == "make":
        make(args[0], int(args[1]))
    elif what == "flows":
        flows(args[0], int(args[1]))
    elif what == "large":
        large(args[0], int(args[1]))
    elif what == "cut":
        cut(*args)
    elif what == "queues":
        queues(args[0], args[1], int(args[2]))
    elif what == "hashes":
        hashes(args[0], args[1], int(args[2]))
    elif what == "same":
        same(*args)
    elif what == "each":
        compare(sorted(read(args[0])), sorted(set(read(args[1]))))
    elif what == "swapped":
        same(*args, change=lambda f: f[6:12] + f[:6] + f[12:])
    else:
        sys.exit(__doc__)


main()
