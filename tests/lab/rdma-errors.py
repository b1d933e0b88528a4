#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Errors of RC queue pairs, as an application sees them.

usage: rdma-errors.py DEVICE GID_INDEX

Runs in a guest, with pyverbs. Two queue pairs of one device are connected to each other; A makes a
mistake, or B does. For each, one line: A's completions of sends and of receives, and B's, each as
status/vendor code; and an event, if the line ends with one.
"""

import sys
import time

from pyverbs.addr import AHAttr, GlobalRoute
from pyverbs.cq import CQ
from pyverbs.device import Context
from pyverbs.libibverbs_enums import (ibv_access_flags as ACCESS, ibv_event_type, ibv_mtu, ibv_qp_attr_mask,
                                      ibv_qp_state, ibv_qp_type, ibv_wc_status, ibv_wr_opcode)
from pyverbs.mr import MR
from pyverbs.pd import PD
from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr
from pyverbs.wr import SGE, RecvWR, SendWR

PORT = 1
PATIENCE = 240
SIZE = 4096
PSN = 0xFFFFF0  # it wraps


class End:
    """One end: a queue pair with a completion queue for each direction, and memory."""

    def __init__(self, pd, gid_index):
        self.gid_index = gid_index
        self.send_cq, self.recv_cq = CQ(CONTEXT, 16), CQ(CONTEXT, 16)
        self.mr = MR(pd, SIZE, ACCESS.IBV_ACCESS_LOCAL_WRITE | ACCESS.IBV_ACCESS_REMOTE_WRITE)
        self.qp = QP(pd, QPInitAttr(qp_type=ibv_qp_type.IBV_QPT_RC, scq=self.send_cq, rcq=self.recv_cq,
                                    cap=QPCap(max_send_wr=8, max_recv_wr=8), sq_sig_all=True))
        self.sends = self.recvs = 0

    def connect(self, peer):
        """To RTS, with few and short retries."""
        route = GlobalRoute(dgid=CONTEXT.query_gid(PORT, self.gid_index),
                            sgid_index=self.gid_index)
        attr = QPAttr(port_num=PORT)
        attr.qp_access_flags = (ACCESS.IBV_ACCESS_REMOTE_WRITE |
                                ACCESS.IBV_ACCESS_REMOTE_READ)
        attr.path_mtu = ibv_mtu.IBV_MTU_1024
        attr.dest_qp_num = peer.qp.qp_num
        attr.rq_psn = attr.sq_psn = PSN
        attr.max_dest_rd_atomic = attr.max_rd_atomic = 1
        attr.min_rnr_timer = 1
        attr.timeout = 14
        attr.retry_cnt = attr.rnr_retry = 2
        attr.ah_attr = AHAttr(port_num=PORT, is_global=1, gr=route)
        self.qp.to_rts(attr)

    def recv(self, length=SIZE, key=0):
        self.qp.post_recv(RecvWR(wr_id=self.recvs, num_sge=1,
                                 sg=[SGE(self.mr.buf, length, self.mr.lkey ^ key)]))
        self.recvs += 1

    def post(self, opcode, peer=None, length=100, key=0, rkey=0):
        work = SendWR(wr_id=self.sends, opcode=opcode, num_sge=1,
                      sg=[SGE(self.mr.buf, length, self.mr.lkey ^ key)])
        if peer:
            work.set_wr_rdma(peer.mr.rkey ^ rkey, peer.mr.buf)
        self.qp.post_send(work)
        self.sends += 1

    def send(self, **options):
        self.post(ibv_wr_opcode.IBV_WR_SEND, **options)

    def write(self, peer, **options):
        self.post(ibv_wr_opcode.IBV_WR_RDMA_WRITE, peer, **options)

    def read(self, peer, **options):
        self.post(ibv_wr_opcode.IBV_WR_RDMA_READ, peer, **options)


def completions(cq, number):
    """All that were posted, in order, as text."""
    found, deadline = [], time.monotonic() + PATIENCE
    while len(found) < number and time.monotonic() < deadline:
        count, got = cq.poll(1)
        for wc in got[:count]:
            order = "" if wc.wr_id == len(found) else f"#{wc.wr_id}:"
            vendor = f"/{wc.vendor_err:#x}" if wc.status else ""
            name = ibv_wc_status(wc.status).name.removeprefix("IBV_WC_")
            found.append(order + name + vendor)
    found += ["missing"] * (number - len(found))
    count, _ = cq.poll(1)
    return " ".join(found + ["one more"] * count) or "-"


def case(name, mistake, healthy=False, event=False):
    """Make a mistake. With @healthy, B is not in error after it: what it has posted stays."""
    a, b = End(PROTECTION, GID), End(PROTECTION, GID)
    a.connect(b)
    b.connect(a)
    mistake(a, b)
    ends = [completions(a.send_cq, a.sends), completions(a.recv_cq, a.recvs)]
    if not healthy:
        ends += [completions(b.send_cq, b.sends), completions(b.recv_cq, b.recvs)]
    if event:
        happened = CONTEXT.get_async_event()
        ends.append(ibv_event_type(happened.event_type).name.removeprefix("IBV_EVENT_"))
        happened.ack()
    print(f"{name}: {', '.join(ends)}", flush=True)
    for end in a, b:
        end.qp.close()
        end.mr.close()
        end.send_cq.close()
        end.recv_cq.close()


def wrong_key(a, b):
    a.recv()
    b.recv()
    b.recv()
    a.send()
    a.write(b, rkey=0xABC00)
    a.write(b)


def no_right(a, b):
    a.recv()
    b.recv()
    a.read(b)


def short_receive(a, b):
    b.recv(length=64)
    b.recv()
    a.send()
    a.send()


def bad_receive(a, b):
    b.recv(key=0xABC00)
    a.send()


def no_receive(a, b):
    a.recv()
    a.send()
    a.send()


def gone(a, b):
    a.recv()
    b.qp.close()
    a.send()
    a.send()


def own_key(a, b):
    b.recv()
    a.send()
    a.send(key=0xABC00)
    a.send()


def to_error(a, b):
    for _ in range(3):
        a.recv()
    a.qp.modify(QPAttr(qp_state=ibv_qp_state.IBV_QPS_ERR), ibv_qp_attr_mask.IBV_QP_STATE)


DEVICE, GID = sys.argv[1], int(sys.argv[2])
CONTEXT = Context(name=DEVICE)
PROTECTION = PD(CONTEXT)
case("a wrong rkey", wrong_key, event=True)
case("a READ without the right", no_right, event=True)
case("a receive that is too short", short_receive)
case("a receive whose key is wrong", bad_receive)
case("no receive", no_receive, healthy=True)
case("a peer that is gone", gone, healthy=True)
case("a key of its own that is wrong", own_key, healthy=True)
case("moved to the error state", to_error, healthy=True)
