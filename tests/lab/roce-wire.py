#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""roce-wire.py CAPTURE MTU - is what tshark decodes of a capture proper RoCEv2?

Every packet to UDP port 4791 is one that tshark knows as InfiniBand's, without anything malformed.
tshark shows the ICRC and does not check it: that is done here, by zlib's CRC. Each direction of each
connection has the opcodes in an order that a message can have, with a payload of the path MTU in all
packets of a message but the last, and PSNs that count up, but for what is sent again. (Between the
responses of two READs, PSNs are of other requests.)

Prints how many packets of each opcode there were, from each address.
"""
import collections
import subprocess
import sys
import zlib

FIELDS = {'frame': 'frame.number', 'source': 'eth.src', 'ip': 'ip.version', 'ip6': 'ipv6.version',
          'opcode': 'infiniband.bth.opcode', 'psn': 'infiniband.bth.psn',
          'qp': 'infiniband.bth.destqp', 'icrc': 'infiniband.invariant.crc',
          'syndrome': 'infiniband.aeth.syndrome', 'length': 'infiniband.reth.dmalen',
          'payload': 'udp.length', 'pad': 'infiniband.bth.padcnt', 'malformed': '_ws.malformed',
          'expert': '_ws.expert.message', 'protocols': 'frame.protocols'}
NAMES = {0: 'SEND first', 1: 'SEND middle', 2: 'SEND last', 3: 'SEND last, immediate', 4: 'SEND only',
         5: 'SEND only, immediate', 6: 'WRITE first', 7: 'WRITE middle', 8: 'WRITE last',
         9: 'WRITE last, immediate', 10: 'WRITE only', 11: 'WRITE only, immediate', 12: 'READ request',
         13: 'READ response first', 14: 'READ response middle', 15: 'READ response last',
         16: 'READ response only', 17: 'ACK'}
FIRST, MIDDLE = {0, 6, 13}, {1, 7, 14}
LAST = {0: {2, 3}, 6: {8, 9}, 13: {15}}  # of a message that begins with this
HEADERS = {**dict.fromkeys((3, 5, 9, 13, 15, 16, 17), 4), 6: 16, 10: 16, 12: 16, 11: 20}


def fail(packet, what):
    sys.exit(f"frame {packet['frame']}: {what}: {packet}")


def frames(path):
    """The frames of a capture, as bytes."""
    with open(path, 'rb') as file:
        data = file.read()
    order = 'little' if data[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else 'big'
    at = 24
    while at < len(data):
        size = int.from_bytes(data[at + 8:at + 12], order)
        if size != int.from_bytes(data[at + 12:at + 16], order):
            sys.exit('a frame was cut')
        yield data[at + 16:at + 16 + size]
        at += 16 + size


def icrc(frame):
    """The invariant CRC that the frame should have, as annex A17.3.3 has it: over 8 bytes of ones,
    and the packet from the IP header on, with ones for what may change on the way."""
    packet = bytearray(frame[14:])
    six = packet[0] >> 4 == 6
    udp = 40 if six else 20
    end = int.from_bytes(packet[4:6], 'big') + 40 if six else int.from_bytes(packet[2:4], 'big')
    if six:
        packet[0] |= 0x0f  # traffic class and flow label
        packet[1:4] = b'\xff\xff\xff'
        packet[7] = 0xff  # hop limit
    else:
        packet[1] = packet[8] = 0xff  # TOS, TTL
        packet[10:12] = b'\xff\xff'  # checksum
    packet[udp + 6:udp + 8] = b'\xff\xff'  # checksum
    packet[udp + 8 + 4] = 0xff  # BTH: FECN, BECN, reserved
    return zlib.crc32(b'\xff' * 8 + packet[:end - 4]), int.from_bytes(packet[end - 4:end], 'little')


# tshark's guesses at what InfiniBand carries, by the names that it knows them by (Wireshark 4.0,
# epan/dissectors). What is sent here is none of it, whatever its bytes look like.
GUESSES = ('eth_over_ib', 'fc_infiniband', 'sdp_infiniband', 'iser_infiniband', 'lnet_ib',
           'rpcrdma_infiniband', 'smb_direct_infiniband', 'smcr_infiniband')


def decode(path):
    arguments = ['tshark', '-n', '-r', path, '-Y', 'udp.dstport == 4791', '-T', 'fields', '-E',
                 'separator=|']
    for name in GUESSES:
        arguments += ['--disable-heuristic', name]
    for field in FIELDS.values():
        arguments += ['-e', field]
    run = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, stderr=subprocess.PIPE)
    if run.returncode:
        sys.exit(run.stderr)
    for line in run.stdout.splitlines():
        packet = dict(zip(FIELDS, line.split('|')))
        if packet['malformed'] or 'infiniband' not in packet['protocols'] or not packet['icrc']:
            fail(packet, 'malformed')
        for name in ('opcode', 'psn', 'frame', 'pad', 'payload'):
            packet[name] = int(packet[name], 0)
        packet['size'] = (packet['payload'] - 8 - 12 - HEADERS.get(packet['opcode'], 0) - 4 -
                          packet['pad'])
        yield packet


def check_order(packet, flow, mtu):
    """The packet follows the one before it in its flow, or is sent again."""
    opcode, psn, before = packet['opcode'], packet['psn'], flow.get('opcode')
    if opcode in FIRST | MIDDLE and packet['size'] != mtu:
        fail(packet, f"{packet['size']} bytes in a packet that is not a message's last")
    if packet['size'] > mtu:
        fail(packet, 'larger than the path MTU')
    if flow and (psn - flow['next']) % (1 << 24) >= 1 << 23:
        flow.clear()  # sent again, from here on
    elif flow and psn != flow['next'] and (opcode < 13 or flow['within'] is not None):
        fail(packet, f"PSN {flow['next']} was to come")
    elif before is not None:
        within = flow['within']
        if (opcode in MIDDLE and opcode != within + 1 or
                any(opcode in last for last in LAST.values()) and
                (within is None or opcode not in LAST[within]) or
                within is not None and opcode not in MIDDLE | LAST[within]):
            fail(packet, f'{NAMES[opcode]} after {NAMES[before]}')
    within = flow.get('within')
    if opcode in FIRST:
        within = opcode
    elif opcode not in MIDDLE:
        within = None
    elif within is None:
        within = opcode - 1  # in the middle of what is sent again
    responses = max(1, -(-int(packet['length'] or 0, 0) // mtu)) if opcode == 12 else 1
    flow.update(opcode=opcode, within=within, next=(psn + responses) % (1 << 24))


def main():
    path, mtu = sys.argv[1], int(sys.argv[2])
    raw = list(frames(path))
    flows, counts = collections.defaultdict(dict), collections.Counter()
    for packet in decode(path):
        computed, carried = icrc(raw[packet['frame'] - 1])
        if computed != carried:
            fail(packet, f'ICRC {carried:#x}, it should be {computed:#x}')
        opcode = packet['opcode']
        if opcode not in NAMES:
            fail(packet, 'unknown opcode')
        # Responses and acknowledgements have PSNs of the requests that they answer.
        if opcode != 17:
            kind = 'answer' if opcode >= 13 else 'request'
            check_order(packet, flows[packet['source'], packet['qp'], kind], mtu)
        elif int(packet['syndrome'], 0) & 0x60 == 0x60:
            counts[packet['source'], 'NAK'] += 1
        counts[packet['source'], NAMES[opcode]] += 1
    for (source, name), n in sorted(counts.items()):
        print(f'{source} {n} {name}')


main()
