/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/rnic_state.h - the adapter object of the RDMA device, and what it owns. Only for rnic.c
 * and rnic_pair.c.
 */
#ifndef MANAKIN_DEVICE_RNIC_STATE_H
#define MANAKIN_DEVICE_RNIC_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "device/command.h"
#include "device/state.h"
#include "wire/rnic.h"

#define RNIC_CQS_MAX   1024u
#define RNIC_READS_MAX 16u /* READs of a queue pair at a time, each way */

/** struct rnic_cq - a completion queue of RNIC_CREATE_CQ */
struct rnic_cq {
	uint64_t handle;
	struct cq *cq;
	uint32_t users;
};

/**
 * struct rnic - the adapter object and what it owns
 * @notify:	EQ for queue pairs in error
 * @error_cqes:	the driver wants completions for errors
 * @pairs:	queue pairs that exist
 * @gone:	counters of those that do not any more
 */
struct rnic {
	uint64_t handle;
	struct eq *notify;
	bool error_cqes;
	struct table cqs;
	uint32_t pairs;
	uint64_t gone[RNIC_VF_COUNTERS];
};

/** rnic_find() - the adapter object with that handle, or NULL */
static inline struct rnic *rnic_find(struct adapter *adapter, uint64_t handle)
{
	return adapter->rnic && adapter->rnic->handle == handle ? adapter->rnic : NULL;
}

static inline struct rnic_cq *rnic_cq_find(struct rnic *rnic, uint64_t handle)
{
	struct rnic_cq *cq = table_get(&rnic->cqs, (uint32_t)handle);

	return cq && cq->handle == handle ? cq : NULL;
}

#endif
