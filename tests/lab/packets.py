#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Make capture files to replay, and check what came out at the other end.

Everything here is computed from the packets' bytes in the plainest way; no code is
shared with the adapter.

    make FILE           random packets of all kinds
    queues FILE KEY N   how many of them belong to each of N receive queues
    hashes FILE KEY     the hash of each that has one, in hexadecimal
    same IN OUT         is OUT the same as IN, byte for byte, except for what the options say?
    sound FILE          are all lengths and checksums correct? Prints how many bytes there are
"""
import argparse
import collections
import random
import struct
import sys

MAGIC = 0xA1B2C3D4
VLAN, IPV4, IPV6, ARP = 0x8100, 0x0800, 0x86DD, 0x0806
TCP, UDP, ICMP = 6, 17, 1
KINDS = ["udp4", "tcp4", "udp6", "tcp6", "icmp4", "fragment4", "arp"]


# ---- Capture files ----


def write(path, packets):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, 262144, 1))
        for number, packet in enumerate(packets):
            file.write(struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet)


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 24 or struct.unpack_from("<I", data)[0] not in (MAGIC, 0xA1B23C4D):
        sys.exit(f"{path} is not a capture file of this machine's byte order")
    packets, at = [], 24
    while at < len(data):
        captured, length = struct.unpack_from("<8xII", data, at)
        if captured != length or at + 16 + captured > len(data):
            sys.exit(f"{path}: packet {len(packets)} is cut off")
        packets.append(data[at + 16 : at + 16 + captured])
        at += 16 + captured
    return packets


# ---- Packets ----


def fold(data):
    """The Internet checksum's sum; 0xffff over data that holds a correct one."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def pseudo(source, destination, protocol, length):
    return source + destination + struct.pack(">IHH", length, 0, protocol)


def transport(rng, protocol, addresses, length, wrong):
    """A TCP or UDP packet of @length bytes."""
    ports = struct.pack(">HH", rng.randrange(1024, 65536), rng.randrange(1, 65536))
    if protocol == TCP:
        head = ports + struct.pack(">IIBBHHH", rng.getrandbits(32), 0, 0x50, 0x10, 8192, 0, 0)
    else:
        head = ports + struct.pack(">HH", length, 0)
    data = bytearray(head + rng.randbytes(length - len(head)))
    value = ~fold(pseudo(*addresses, protocol, length) + bytes(data)) & 0xFFFF
    if wrong:
        value ^= rng.randrange(1, 0xFFFF)
    struct.pack_into(">H", data, 16 if protocol == TCP else 6, value or 0xFFFF)
    return bytes(data)


def packet(rng, kind, size, options):
    """A packet of @size bytes, its VLAN tag not counted."""
    ethernet = bytes.fromhex(options.mac.replace(":", "")) + bytes.fromhex("02005e000002")
    if options.vlan is not None:
        ethernet += struct.pack(">HH", VLAN, rng.choice(options.vlan))
    room = size - 14
    if kind == "arp":
        return ethernet + struct.pack(">H", ARP) + rng.randbytes(room)
    protocol = {"tcp": TCP, "udp": UDP}.get(kind[:3], ICMP)
    if kind.endswith("6"):
        addresses = [bytes.fromhex("20010db8") + rng.randbytes(12) for _ in range(2)]
        inner = transport(rng, protocol, addresses, room - 40, options.wrong)
        head = struct.pack(">IHBB", 6 << 28, room - 40, protocol, 64) + b"".join(addresses)
        return ethernet + struct.pack(">H", IPV6) + head + inner
    addresses = [bytes([198, 18 + i]) + rng.randbytes(2) for i in range(2)]
    if kind == "icmp4":
        inner = b"\x08\x00" + rng.randbytes(room - 22)
    elif kind == "fragment4":
        inner, protocol = rng.randbytes(room - 20), UDP
    else:
        inner = transport(rng, protocol, addresses, room - 20, options.wrong)
    head = bytearray(struct.pack(">BBHHHBBH", 0x45, 0, room, rng.getrandbits(16),
                                 0x2010 if kind == "fragment4" else 0, 64, protocol, 0))
    head += b"".join(addresses)
    value = ~fold(bytes(head)) & 0xFFFF
    if options.wrong:
        value ^= rng.randrange(1, 0xFFFF)
    struct.pack_into(">H", head, 10, value)
    return ethernet + struct.pack(">H", IPV4) + bytes(head) + inner


def parse(data):
    """(VLAN TCI or None, IP version, protocol or None, offset of IP, offset after it)"""
    kind, at, tci = struct.unpack_from(">H", data, 12)[0], 14, None
    if kind == VLAN:
        tci, kind = struct.unpack_from(">HH", data, 14)
        at = 18
    if kind == IPV4:
        fragment = struct.unpack_from(">H", data, at + 6)[0] & 0x3FFF
        return tci, 4, None if fragment else data[at + 9], at, at + (data[at] & 15) * 4
    if kind == IPV6:
        return tci, 6, data[at + 6], at, at + 40
    return tci, 0, None, at, at


def make(options):
    rng = random.Random(options.seed)
    packets = []
    for number in range(options.count):
        kind = options.kinds[number % len(options.kinds)]
        size = rng.randrange(options.sizes[0], options.sizes[1] + 1)
        packets.append(packet(rng, kind, size, options))
    write(options.file, packets)


# ---- Receive-side scaling ----


def toeplitz(key, data):
    """Bit by bit: where the data has a one, the key from there on is added."""
    bits, value, result = len(key) * 8, int.from_bytes(key, "big"), 0
    for index in range(len(data) * 8):
        if data[index // 8] >> (7 - index % 8) & 1:
            result ^= value >> (bits - 32 - index) & 0xFFFFFFFF
    return result


def hash_of(key, data):
    """Over the addresses, and the ports if it is TCP or UDP; None if it is not IP."""
    _, version, protocol, at, behind = parse(data)
    if not version:
        return None
    tuple_ = data[at + 12 : at + 20] if version == 4 else data[at + 8 : at + 40]
    if protocol in (TCP, UDP):
        tuple_ += data[behind : behind + 4]
    return toeplitz(key, tuple_)


def queues(options):
    """The lowest bits of the hash choose, or the first queue gets it."""
    key, counts = bytes.fromhex(options.key), collections.Counter()
    for data in read(options.file):
        counts[(hash_of(key, data) or 0) % options.count] += 1
    for queue in range(options.count):
        print(f"{queue} {counts[queue]}")


def hashes(options):
    key = bytes.fromhex(options.key)
    for data in read(options.file):
        value = hash_of(key, data)
        if value is not None:
            print(f"{value:08x}")


# ---- Checks ----


def expected(data, options):
    """What the options say happens to a packet on its way."""
    if options.strip:
        data = data[:12] + data[16:]
    if options.insert is not None:
        data = data[:12] + struct.pack(">HH", VLAN, options.insert) + data[12:]
    if options.swapped:
        data = data[6:12] + data[:6] + data[12:]
    if options.swapped == "5tswap":
        _, version, protocol, at, behind = parse(data)
        middle, size = (at + 16, 4) if version == 4 else (at + 24, 16)
        data = exchange(data, middle, size) if version else data
        data = exchange(data, behind + 2, 2) if protocol in (TCP, UDP) else data
    return data


def exchange(data, middle, size):
    """The @size bytes before @middle and those after it change places."""
    return (data[: middle - size] + data[middle : middle + size] + data[middle - size : middle]
            + data[middle + size :])


def comparable(data, options):
    """Without what may differ."""
    data = bytearray(data)
    if options.but_addresses:
        data[:12] = bytes(12)
    if options.but_checksums:
        _, version, protocol, at, behind = parse(data)
        if version == 4:
            data[at + 10 : at + 12] = bytes(2)
        if protocol in (TCP, UDP):
            where = behind + (16 if protocol == TCP else 6)
            data[where : where + 2] = bytes(2)
    return bytes(data)


def same(options):
    sent, got = read(options.file), read(options.other)
    if len(sent) != len(got):
        sys.exit(f"{len(sent)} packets went in, {len(got)} came out")
    for number, pair in enumerate(zip(sent, got)):
        want, have = comparable(expected(pair[0], options), options), comparable(pair[1], options)
        if want != have:
            at = next((i for i, (a, b) in enumerate(zip(want, have)) if a != b),
                      min(len(want), len(have)))
            sys.exit(f"packet {number}: {len(have)} bytes for {len(want)}; from byte {at} on it is "
                     f"{have[at:at + 32].hex()} where {want[at:at + 32].hex()} went in")
    print(f"{len(sent)} packets")


def sound(options):
    total, number = 0, -1
    for number, data in enumerate(read(options.file)):
        _, version, protocol, at, behind = parse(data)
        total += len(data)
        wrong = None
        if version == 4:
            length = struct.unpack_from(">H", data, at + 2)[0]
            addresses = data[at + 12 : at + 16], data[at + 16 : at + 20]
            if length != len(data) - at:
                wrong = "total length"
            elif fold(data[at:behind]) != 0xFFFF:
                wrong = "IPv4 header checksum"
        elif version == 6:
            length = struct.unpack_from(">H", data, at + 4)[0]
            addresses = data[at + 8 : at + 24], data[at + 24 : at + 40]
            if length != len(data) - behind:
                wrong = "payload length"
        if protocol == UDP and struct.unpack_from(">H", data, behind + 4)[0] != len(data) - behind:
            wrong = "UDP length"
        if not wrong and protocol in (TCP, UDP):
            inner = data[behind:]
            if options.any_udp and protocol == UDP and inner[6:8] == bytes(2):
                continue
            if fold(pseudo(*addresses, protocol, len(inner)) + inner) != 0xFFFF:
                wrong = "TCP checksum" if protocol == TCP else "UDP checksum"
        if wrong:
            sys.exit(f"packet {number}: wrong {wrong}: {data[:128].hex()}...")
    print(f"{number + 1} packets, {total} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("make")
    command.set_defaults(run=make)
    command.add_argument("file")
    command.add_argument("--mac", required=True, help="destination")
    command.add_argument("--count", type=int, default=2000)
    command.add_argument("--kinds", type=lambda text: text.split(","), default=KINDS)
    command.add_argument("--sizes", type=int, nargs=2, default=[82, 1514], help="bytes")
    command.add_argument("--vlan", type=lambda text: [int(tci, 0) for tci in text.split(",")],
                         help="tags to choose from")
    command.add_argument("--wrong", action="store_true", help="all checksums")
    command.add_argument("--seed", type=int, default=1)
    command = commands.add_parser("queues")
    command.set_defaults(run=queues)
    command.add_argument("file")
    command.add_argument("key")
    command.add_argument("count", type=int)
    command = commands.add_parser("hashes")
    command.set_defaults(run=hashes)
    command.add_argument("file")
    command.add_argument("key")
    command = commands.add_parser("same")
    command.set_defaults(run=same)
    command.add_argument("file")
    command.add_argument("other")
    command.add_argument("--strip", action="store_true", help="a tag has gone")
    command.add_argument("--insert", type=int, help="a tag has been put in")
    command.add_argument("--swapped", choices=["macswap", "5tswap"], help="as testpmd does it")
    command.add_argument("--but-addresses", action="store_true")
    command.add_argument("--but-checksums", action="store_true")
    command = commands.add_parser("sound")
    command.set_defaults(run=sound)
    command.add_argument("file")
    command.add_argument("--any-udp", action="store_true", help="UDP may have no checksum")
    options = parser.parse_args()
    options.run(options)


main()
