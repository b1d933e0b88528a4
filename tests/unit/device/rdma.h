/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/unit/device/rdma.h - the RDMA side of the small driver: what mana_ib and libmana do with an
 * adapter, with queue pairs of their own.
 */
#ifndef MANAKIN_TESTS_UNIT_DEVICE_RDMA_H
#define MANAKIN_TESTS_UNIT_DEVICE_RDMA_H

#include "harness.h"

#define RDMA_SQ_SIZE  8192u /* bytes of the requester's send queue, without its rollback block */
#define RDMA_RQ_SIZE  4096u /* of every other queue */
#define RDMA_MTU      1024u
#define RDMA_ROLLBACK 16u

/* The verbs' numbers */
enum { QPS_RESET, QPS_INIT, QPS_RTR, QPS_RTS, QPS_SQD, QPS_SQE, QPS_ERR };
#define MASK_INIT    0x39u     /* state, access, P_Key, port */
#define MASK_RTR     0x129181u /* state, address, MTU, peer, its PSN, READs, RNR timer */
#define MASK_ADDRESS 0x80u
#define MASK_RTS     0x12e01u /* state, timeout, retries, PSN, READs */

/** struct gpair - a queue pair as its driver knows it. @path_mtu: the verbs' number; 0: 1024 bytes */
struct gpair {
	uint32_t path_mtu;
	struct grdma *rdma;
	uint64_t handle;
	uint32_t qpn;
	uint32_t ids[RNIC_RC_QUEUE_COUNT];
	struct gwq send, read, recv;
	uint32_t psn, ssn;
};

/** struct grdma - the RDMA device of a guest, up, with one completion queue for all */
struct grdma {
	struct guest *guest;
	uint64_t adapter, pd;
	uint32_t pd_id, doorbell;
	struct geq eq, notify;
	struct gcq cq;
	uint64_t cq_handle;
	uint8_t ip[4];
	uint8_t mac[6];
	uint8_t *memory; /* of @key: RDMA_MEMORY bytes at RDMA_BASE */
	uint32_t key;
};
#define RDMA_MEMORY (2u << 20)
#define RDMA_BASE   0x700000000ull
#define RDMA_ALL                                                                                   \
	(GDMA_ACCESS_LOCAL_READ | GDMA_ACCESS_LOCAL_WRITE | GDMA_ACCESS_REMOTE_READ |              \
	 GDMA_ACCESS_REMOTE_WRITE)

/** struct gwork - an entry of a send queue */
struct gwork {
	enum rnic_wqe_type type;
	uint64_t local;
	uint32_t len;
	uint32_t immediate;
	uint64_t remote;
	uint32_t rkey;
	uint32_t lkey; /* 0: that of the guest's memory */
	bool signaled; /* UC: with a completion */
};

/** rdma_up() - everything that comes before queue pairs; 192.0.2.@host is vPort @port's address */
void rdma_up(struct grdma *rdma, struct guest *guest, unsigned int port, uint8_t host,
	     uint64_t features);

/** gpair_new() - a queue pair in RESET; a status */
uint32_t gpair_new(struct grdma *rdma, struct gpair *pair);
uint32_t gpair_new_uc(struct grdma *rdma, struct gpair *pair);
uint32_t gpair_end(struct gpair *pair);

/** gpair_address() - from the one to the other */
void gpair_address(struct rnic_ah_attr *address, const struct gpair *pair,
		   const struct gpair *peer);

/** gpair_state() - the short form of SET_QP_STATE, as Linux 6.12 sends it; a status */
uint32_t gpair_state(struct gpair *pair, uint32_t state, const struct gpair *peer);

/** gpair_connect() - both to RTS */
void gpair_connect(struct gpair *a, struct gpair *b);

/** gpair_put() - write an entry; the PSN of its last packet. gpair_send() rings, too */
uint32_t gpair_put(struct gpair *pair, const struct gwork *work);
uint32_t gpair_send(struct gpair *pair, const struct gwork *work);
void gpair_recv(struct gpair *pair, uint64_t local, uint32_t len);
void gpair_arm(struct gpair *pair, uint32_t psn);

/** rdma_wait() - the next completion, whose queue is then in @id */
union rnic_cqe rdma_wait(struct grdma *rdma, uint32_t *id);

#endif
