/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/pair.h - a queue pair of the RDMA device: its queues, its transport, and its lane.
 */
#ifndef MANAKIN_DEVICE_PAIR_H
#define MANAKIN_DEVICE_PAIR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "device/inbox.h"
#include "device/lane.h"
#include "device/queue.h"
#include "device/state.h"
#include "roce/qp.h"
#include "wire/rnic.h"

#define PAIR_REQUESTS 64u         /* requests of a queue pair that its transport has at a time */
#define PAIR_BLOCK    4u          /* numbers of a queue pair; see pair_number() */
#define PAIR_FIRST    ADAPTER_WQS /* the first of them: the others are Ethernet's */
#define PAIR_GSI      1u /* number of the queue pair for connection management, and of its RQ */
#define PAIR_ARMED    (UINT64_C(1) << 32)

/** struct pair_list - the memory of an entry, copied */
struct pair_list {
	struct gdma_sge sge[GDMA_SQE_SGES_MAX];
	uint32_t sges;
	uint32_t offset; /* of the entry in its queue, in basic units */
	bool signaled;   /* UC: the driver wants a completion */
	uint64_t length; /* bytes in all */
};

/** enum pair_side - whose entries a completion is about */
enum pair_side {
	PAIR_SEND,
	PAIR_RECV,
	PAIR_SIDES,
};

/**
 * struct pair - a queue pair
 * @work:	its turns
 * @handle:	the driver's name for it
 * @index:	in adapter->pairs
 * @number:	the queue pair's number (QPN), which peers send to
 * @kind:	enum roce_kind
 * @pd:		protection domain of its keys
 * @wq:		by enum rnic_rc_queue or rnic_ud_queue; NULL: there is none
 * @send, @recv: where completions go
 * @cqs:	the same two, as their owner knows them
 * @notify:	where GDMA_EQE_RNIC_QP_FATAL goes
 * @error_cqes:	the driver wants completions for errors
 * @vport:	whose packets it sends and receives, from RTR on; NULL before
 * @counted:	the vPort that its counters belong to, also after RESET; NULL: it never had one
 * @before:	the counters at the time it was set
 * @attributes:	as SET_QP_STATE has set them so far
 * @inbox:	packets for it
 * @armed:	PAIR_ARMED and a PSN: tell the driver when that is acknowledged
 * @qp:		its transport; used on its lane only
 * @requests:	memory of what has been posted, by cookie modulo PAIR_REQUESTS
 * @cookie:	of the next one
 * @recv_list, @recv_offset: of the receive entry that is being filled; bytes before it
 * @failed:	the driver knows that it is in error
 * @told:	by enum pair_side: a completion has reported that
 * @flushed:	by enum pair_side: entries that had been taken were not finished
 * @bad:	RC, UC: error code of an invalid entry, until those before it are done; or 0
 * @refused:	UD: error code of the last entry that was taken, until it is completed; or 0
 * @raise:	interrupts to raise at the end of the turn
 * @burst:	of the turn that is going on
 */
struct pair {
	struct lane_work work;
	struct adapter *adapter;
	uint64_t handle;
	uint32_t index;
	uint32_t number;
	enum roce_kind kind;
	uint32_t pd;
	struct wq *wq[RNIC_RC_QUEUE_COUNT];
	struct cq *send, *recv;
	struct rnic_cq *cqs[2];
	struct eq *notify;
	bool error_cqes;
	struct vport *_Atomic vport;
	struct vport *counted;
	struct roce_counters before;
	struct roce_attributes attributes;
	struct inbox inbox;
	_Atomic uint64_t armed;

	struct roce_qp *qp;
	struct pair_list requests[PAIR_REQUESTS];
	uint64_t cookie;
	struct pair_list recv_list;
	uint32_t recv_offset;
	bool failed;
	bool told[PAIR_SIDES];
	bool flushed[PAIR_SIDES];
	uint32_t refused;
	uint32_t bad;
	struct raise raise;
	struct pair_burst *burst;
};

/** pair_number() - the number of one of a queue pair's queues: a block of four, whose low bits are the kind */
static inline uint32_t pair_number(uint32_t index, uint32_t kind)
{
	return PAIR_FIRST + index * PAIR_BLOCK + kind;
}

/** pair_find() - by the number of the queue pair; any thread */
static inline struct pair *pair_find(const struct adapter *adapter, uint32_t number)
{
	if (number == PAIR_GSI)
		return atomic_load_explicit(&adapter->gsi, memory_order_acquire);
	if (number < PAIR_FIRST || number % PAIR_BLOCK)
		return NULL;
	return table_get(&adapter->pairs, (number - PAIR_FIRST) / PAIR_BLOCK);
}

extern const struct roce_ops pair_ops;

#define PAIR_SAME_STATE (-1)

/** pair_run() - a queue pair's turn on its lane */
lane_run pair_run;

typedef void pair_visit(const struct pair *pair, void *argument);

/** pairs_visit() - visit each queue pair on its lane; each lane is asked once; control thread */
void pairs_visit(const struct adapter *adapter, pair_visit *visit, void *argument);

/** pairs_count() - add what queue pairs have counted to @sums, by vPort; control thread */
void pairs_count(const struct adapter *adapter, struct roce_counters *sums);

/** pair_counted() - from now on it counts for that vPort, or for none; on its lane, if it has one */
void pair_counted(struct pair *pair, struct vport *vport);

/** pair_arm() - the driver wants to know when a PSN is acknowledged; control thread */
void pair_arm(struct pair *pair, uint32_t psn);

/**
 * pair_modify() - go to a state with pair->attributes, on the queue pair's lane; control thread
 * @state:	enum roce_state, or PAIR_SAME_STATE
 * @vport:	whose packets it sends from now on; NULL: as before
 *
 * Return: as roce_qp_modify()
 */
int pair_modify(struct pair *pair, int state, struct vport *vport);

#endif
