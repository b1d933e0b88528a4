/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/state.h - the parts of an adapter, and what all of its files need: log messages,
 * interrupts, handles.
 *
 * The lowest header that defines struct adapter. The files above it have a header each, which only
 * declares it.
 */
#ifndef MANAKIN_DEVICE_STATE_H
#define MANAKIN_DEVICE_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "device/adapter.h"
#include "device/addresses.h"
#include "device/fault.h"
#include "device/lane.h"
#include "device/memory.h"
#include "device/queue.h"
#include "device/retire.h"
#include "device/shaper.h"
#include "device/table.h"
#include "device/toeplitz.h"
#include "device/watch.h"
#include "roce/qp.h"
#include "vfio_user/server.h"
#include "wire/native.h"
#include "wire/reg.h"
#include "wire/vport.h"

#define ADAPTER_MSIX           65u /* vectors: one for the hardware channel, one per queue */
#define ADAPTER_DOORBELL_PAGES 1024u
#define ADAPTER_EQS            4096u
#define ADAPTER_CQS            8192u
#define ADAPTER_WQS            4096u /* of each direction, for Ethernet */
#define ADAPTER_PAIRS          512u /* queue pairs for RDMA, whose queues have the numbers from there on */

#define SEEN_TAG_MAX           0x3fffffffu /* largest steering.tag */

/**
 * struct steering - which receive queue gets a packet; immutable once published
 * @enabled:	the vPort receives
 * @rss:	the table is used; else everything goes to @fallback
 * @coalesce:	packets that a completion may carry: 1, 4 or 8
 * @hash_types: MANA_HASH_* of packets that are hashed; others have the hash 0
 * @fallback:	NULL if there is none
 * @mask:	number of entries in the table, less one
 * @tag:	identifies this steering of the vPort in frame.seen; 0: none
 */
struct steering {
	bool enabled;
	bool rss;
	uint32_t coalesce;
	uint32_t hash_types;
	uint32_t mask;
	uint32_t tag;
	struct wq *fallback;
	struct toeplitz toeplitz;
	struct wq *table[MANA_INDIRECTION_MAX];
};

/** struct class_counters - frames of a traffic class: a VLAN tag's priority. Any lane counts */
struct class_counters {
	_Atomic uint64_t frames, bytes;
};

static inline void class_add(struct class_counters *counters, uint64_t bytes)
{
	atomic_fetch_add_explicit(&counters->frames, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&counters->bytes, bytes, memory_order_relaxed);
}

/**
 * struct vport - a virtual port
 * @source:	polls the fabric on a lane
 * @shaper:	limits what its send queues send, to @clamp or the speed of its link
 * @steering:	published by the control thread; NULL before the driver has configured it
 * @steerings:	how many there have been
 * @handle:	the driver's name for it
 * @pd, @doorbell: who may send and receive on it, from MANA_CONFIG_VPORT_TX
 * @registered, @filter: a physical function's driver has registered it
 * @link_down:	as set by the operator
 * @faulty:	faults are asked of one of its receive queues
 * @next_mtu, @next_queues: what it offers from the next reset on, by a fault; 0: as before
 * @synthetic:	frames for it go to its synthetic card
 * @polled:	@source is polled work, since a receive queue's doorbell is in shared memory
 * @pairs:	queue pairs for RDMA that use it: RoCE packets are theirs
 * @roce_dropped: RoCE packets that are not for one of them, make no sense, or found no room
 * @roce_icrc_errors: RoCE packets for one of them whose ICRC is wrong
 * @tx_class, @rx_class: by traffic class; 0 is what is left of the fabric's counters
 * @gone:	counters of destroyed queues
 * @clamp:	Mbit/s, as the driver has set them; 0: it has not
 * @held:	on a lane, sends what the fabric's impairments hold, if there are any
 */
struct vport {
	struct lane_work source;
	struct adapter *adapter;
	const struct adapter_port_config *config;
	struct fabric_port *fabric;
	struct shaper shaper;
	struct steering *_Atomic steering;
	uint32_t steerings;
	uint64_t handle;
	uint32_t index;
	uint32_t pd;
	uint32_t doorbell;
	bool configured;
	bool registered;
	_Atomic bool link_down;
	_Atomic bool faulty;
	uint16_t next_mtu;
	unsigned int next_queues;
	_Atomic bool synthetic;
	bool polled;
	uint64_t filter;
	struct wq *_Atomic sq[ADAPTER_QUEUES_MAX];
	struct wq *_Atomic rq[ADAPTER_QUEUES_MAX];
	_Atomic uint64_t rx_disabled;
	_Atomic uint64_t rx_lost;      /* large frames for which no queue had buffers */
	_Atomic uint64_t card_dropped; /* frames that the synthetic card must not send */
	_Atomic uint32_t pairs;
	_Atomic uint64_t roce_dropped, roce_icrc_errors;
	struct class_counters tx_class[MANA_TRAFFIC_CLASSES], rx_class[MANA_TRAFFIC_CLASSES];
	struct wq_counters gone_tx, gone_rx;
	struct roce_counters gone_roce;
	struct lane_work held;
	uint32_t clamp;
};

/**
 * struct hwc - the hardware channel
 * @closing:	a send queue that a command destroys, while it sends the rest; no other command is
 *		handled meanwhile
 * @request:	that command's header, for the reply
 * @verdict:	faults of that command's answer
 */
struct hwc {
	bool up;
	struct eq *eq;
	struct cq *cq;
	struct wq *rq;
	struct wq *sq;
	struct memory_region *mr;
	uint32_t pd;
	uint64_t driver_caps;
	struct wq *closing;
	struct gdma_req_header request;
	struct fault_verdict verdict;
};

/** struct registered - a device that the driver has registered (Ethernet, RNIC) */
struct registered {
	bool active;
	struct protection_domain *pd;
	struct memory_region *mr;
	uint32_t doorbell;
};

struct rnic;
struct synthetic;

struct adapter {
	struct adapter_config config;
	struct lanes *lanes;
	struct lanes_member *member; /* its share of the lanes */
	struct vfu_server *server;
	struct synthetic *synthetic; /* NULL: no synthetic cards */
	struct watch watch;          /* who is told what happens on it */
	struct memory memory;
	struct retired retired;
	struct dma_region *leaving; /* client memory that is being unmapped */
	uint32_t visit;             /* budget_spent when the control thread came to this adapter */
	struct table eqs, cqs, sqs, rqs, pairs;
	struct hwc hwc;
	struct registered ethernet, rdma;
	struct rnic *rnic;
	struct addresses addresses; /* of its RDMA driver */
	struct pair *_Atomic gsi;   /* the queue pair with number 1 */
	struct vport vport[ADAPTER_PORTS_MAX];
	uint64_t doorbell_pages[ADAPTER_DOORBELL_PAGES / 64];
	uint32_t smc[SMC_WORDS];
	uint8_t pci[256]; /* configuration space */
	_Atomic bool bus_master;
	uint32_t handles;              /* counts assigned handles */
	uint32_t channels;             /* counts hardware channels that were set up */
	struct faults *_Atomic faults; /* NULL until one is asked for */
	bool revoked;                  /* by a fault: clients are turned away */
	uint64_t jump;                 /* by a fault: added to the counters that a driver is told */
	uint32_t hwc_timeout_ms;       /* how long a driver shall wait for an answer */
	uint32_t pulse;                /* of the client, see base/pulse.h */
	_Atomic bool told_doorbell;
	struct log_limits limits; /* of messages that clients cause */
	void *native;             /* BAR 2, see wire/native.h */
	int native_fd;
	uint64_t native_bound[NATIVE_DOORBELL_PAGES / 64];
	char names[2][256]; /* copies of config.name and config.socket */
	char *specs[ADAPTER_PORTS_MAX];
};

/** adapter_again() - have the control thread come back to this adapter; any thread */
void adapter_again(struct adapter *adapter);

/**
 * adapter_raise_all() - raise interrupts, if the driver has enabled bus mastering
 * @raise:	collected while locks were held; empty afterwards
 *
 * No lock of a queue may be held.
 */
void adapter_raise_all(struct adapter *adapter, struct raise *raise);

/** adapter_raise() - one vector, whatever rules say of it */
void adapter_raise(struct adapter *adapter, uint32_t vector);

/** faults_of() - NULL: none are asked for */
static inline struct faults *faults_of(const struct adapter *adapter)
{
	return atomic_load_explicit(&adapter->faults, memory_order_acquire);
}

/**
 * adapter_say() - log a message about the client, after the adapter's name
 *
 * Clients can make any number of mistakes, and come again any number of times: log_limited().
 */
__attribute__((format(printf, 3, 4))) void
adapter_say(struct adapter *adapter, enum log_level level, const char *format, ...);

/**
 * adapter_handle() - a handle for an object, not used recently
 * @kind:	bits 63:56, so that a handle of another kind finds nothing; above 0x20, because
 *		memory.c uses those below
 * @low:	the key for finding the object
 */
uint64_t adapter_handle(struct adapter *adapter, unsigned int kind, uint32_t low);

#endif
