#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""rdma-data.py DEVICE GID-INDEX MTU LARGEST [SERVER] - an RC queue pair moves data that both ends check.

The client WRITEs into the server's memory, with and without immediate, READs it back, and SENDs, at
sizes around the path MTU and up to LARGEST. The server compares each byte of its memory, also around
what was written, with what the client says over TCP that it did. Without SERVER: the server, for
one client.
"""
import json
import random
import socket
import sys
import time

import pyverbs.enums as e
from pyverbs.addr import GID, AHAttr, GlobalRoute
from pyverbs.cq import CQ
from pyverbs.device import Context
from pyverbs.mr import MR
from pyverbs.pd import PD
from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr
from pyverbs.wr import SGE, RecvWR, SendWR

PORT = 18516
MEMORY = 1 << 21
GUARD = 64  # bytes around what is written that must stay as they are
PATIENCE = 300  # as in assert.bash
MTUS = {256: e.IBV_MTU_256, 512: e.IBV_MTU_512, 1024: e.IBV_MTU_1024, 2048: e.IBV_MTU_2048,
        4096: e.IBV_MTU_4096}


def bytes_of(seed, size):
    return random.Random(seed).randbytes(size)


class End:
    """One end: its memory, its queue pair, and the connection to the other end."""

    def __init__(self, device, index, mtu, talk):
        self.lines = talk.makefile('rw')
        self.context = Context(name=device)
        self.pd = PD(self.context)
        rights = e.IBV_ACCESS_LOCAL_WRITE | e.IBV_ACCESS_REMOTE_WRITE | e.IBV_ACCESS_REMOTE_READ
        self.mr = MR(self.pd, MEMORY, rights)
        self.cq = CQ(self.context, 64)
        cap = QPCap(max_send_wr=16, max_recv_wr=16, max_send_sge=1, max_recv_sge=1)
        self.qp = QP(self.pd, QPInitAttr(qp_type=e.IBV_QPT_RC, scq=self.cq, rcq=self.cq, cap=cap))
        psn = random.randrange(1 << 24)
        self.say(gid=self.context.query_gid(1, index).gid, qpn=self.qp.qp_num, psn=psn,
                 address=self.mr.buf, rkey=self.mr.rkey)
        self.peer = self.hear()
        attr = QPAttr(port_num=1)
        attr.qp_access_flags = rights
        attr.path_mtu = MTUS[mtu]
        attr.dest_qp_num = self.peer['qpn']
        attr.rq_psn = self.peer['psn']
        attr.sq_psn = psn
        attr.max_dest_rd_atomic = attr.max_rd_atomic = 1
        attr.min_rnr_timer = 12
        attr.timeout = 18
        attr.retry_cnt = attr.rnr_retry = 7
        route = GlobalRoute(dgid=GID(self.peer['gid']), sgid_index=index)
        attr.ah_attr = AHAttr(port_num=1, is_global=1, gr=route, dlid=0)
        self.qp.to_rts(attr)

    def say(self, **what):
        print(json.dumps(what), file=self.lines, flush=True)

    def hear(self):
        line = self.lines.readline()
        if not line:
            sys.exit('the other end is gone')
        return json.loads(line)

    def completion(self):
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            n, found = self.cq.poll(1)
            if n:
                if found[0].status != e.IBV_WC_SUCCESS:
                    sys.exit(f'completion with status {found[0].status}')
                return found[0]
        sys.exit('no completion')

    def post(self, opcode, at, size, immediate=None):
        """Post a request for SIZE bytes at AT of both memories, and wait for its end."""
        wr = SendWR(opcode=opcode, num_sge=1, sg=[SGE(self.mr.buf + at, size, self.mr.lkey)],
                    imm_data=immediate or 0)
        if opcode not in (e.IBV_WR_SEND, e.IBV_WR_SEND_WITH_IMM):
            wr.set_wr_rdma(self.peer['rkey'], self.peer['address'] + at)
        self.qp.post_send(wr)
        self.completion()

    def receive(self, at, size):
        self.qp.post_recv(RecvWR(num_sge=1, sg=[SGE(self.mr.buf + at, size, self.mr.lkey)]))


def client(end, mtu, largest):
    """All operations at all sizes; returns how many."""
    writes = ((e.IBV_WR_RDMA_WRITE, None), (e.IBV_WR_RDMA_WRITE_WITH_IMM, 0x01020304),
              (e.IBV_WR_SEND, None), (e.IBV_WR_SEND_WITH_IMM, 0xfffefdfc))
    done = 0
    for size in (1, 2, 3, mtu - 1, mtu, mtu + 1, 3 * mtu + 1, largest):
        for opcode, immediate in writes:
            at = GUARD + done % 61
            end.say(at=at, size=size, seed=done, immediate=immediate,
                    receive=opcode != e.IBV_WR_RDMA_WRITE)
            end.hear()  # the server is ready
            wanted = bytes_of(done, size)
            end.mr.write(wanted, size, at)
            end.post(opcode, at, size, immediate)
            end.say(written=True)
            end.hear()  # and content
            end.mr.write(bytes(size), size, at)
            end.post(e.IBV_WR_RDMA_READ, at, size)
            if end.mr.read(size, at) != wanted:
                sys.exit(f'READ of {size} bytes: wrong bytes')
            done += 1
    end.say(size=0)
    return done


def server(end):
    """Check what the client does; returns how many of its operations."""
    done = 0
    while (told := end.hear())['size']:
        at, size = told['at'], told['size']
        before = bytes_of(-done - 1, size + 2 * GUARD)
        end.mr.write(before, len(before), at - GUARD)
        if told['receive']:
            end.receive(at, size)
        end.say(ready=True)
        end.hear()
        if told['receive']:
            got = end.completion()
            if got.byte_len != size:
                sys.exit(f'{got.byte_len} bytes arrived, {size} were sent')
            if told['immediate'] is not None and got.imm_data != told['immediate']:
                sys.exit(f"immediate {got.imm_data:#x}, {told['immediate']:#x} was sent")
        wanted = before[:GUARD] + bytes_of(told['seed'], size) + before[GUARD + size:]
        if end.mr.read(len(wanted), at - GUARD) != wanted:
            sys.exit(f'{size} bytes were written: wrong bytes')
        end.say(content=True)
        done += 1
    return done


def main():
    device, index, mtu, largest = sys.argv[1], *(int(word) for word in sys.argv[2:5])
    if len(sys.argv) > 5:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                talk = socket.create_connection((sys.argv[5], PORT))
                break
            except ConnectionRefusedError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        print(client(End(device, index, mtu, talk), mtu, largest), 'operations')
    else:
        with socket.create_server(('', PORT)) as listen:
            talk, _ = listen.accept()
            print(server(End(device, index, mtu, talk)), 'operations')


main()
