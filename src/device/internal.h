/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/internal.h - what the files of the adapter share.
 *
 * Who calls whom: adapter.c (owner and socket) -> registers.c (BAR 0, doorbells)
 * -> hwc.c (the hardware channel) -> gdma.c, vport.c, rnic.c (commands); doorbells
 * -> transmit.c; fabrics -> receive.c.
 */
#ifndef MANAKIN_DEVICE_INTERNAL_H
#define MANAKIN_DEVICE_INTERNAL_H

#include "base/error.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "device/adapter.h"
#include "device/lane.h"
#include "device/memory.h"
#include "device/queue.h"
#include "device/table.h"
#include "device/toeplitz.h"
#include "vfio_user/server.h"
#include "wire/hwc.h"
#include "wire/native.h"
#include "wire/reg.h"
#include "wire/vport.h"
#include "wire/wq.h"

#define ADAPTER_MSIX 65u	   /* vectors: one for the hardware channel, one a queue */
#define ADAPTER_DOORBELL_PAGES 1024u
#define ADAPTER_EQS 4096u
#define ADAPTER_CQS 8192u
#define ADAPTER_WQS 4096u	   /* of each direction */
#define ADAPTER_HWC_MESSAGE_MAX 4096u /* bytes of a request or response */
#define ADAPTER_HWC_TIMEOUT_MS 30000u

#define SEEN_TAG_MAX 0x3fffffffu /* largest steering.tag */

/**
 * struct steering - which receive queue takes a packet; immutable once published
 * @enabled:	the vPort receives
 * @rss:	the table is used; else everything goes to @fallback
 * @coalesce:	up to four packets a completion
 * @fallback:	NULL if there is none
 * @mask:	entries in the table less one
 * @tag:	which of the vPort's this is, for frame.seen; 0: none
 */
struct steering {
	bool enabled;
	bool rss;
	bool coalesce;
	uint32_t mask;
	uint32_t tag;
	struct wq *fallback;
	struct toeplitz toeplitz;
	struct wq *table[MANA_INDIRECTION_MAX];
};

/**
 * struct vport - a virtual port
 * @source:	polls the fabric on a lane
 * @steering:	published by the control thread; NULL before the driver has configured it
 * @steerings:	how many there have been
 * @handle:	what the driver calls it
 * @pd, @doorbell: who may send and receive on it, from MANA_CONFIG_VPORT_TX
 * @registered, @filter: a physical function's driver has taken it
 * @link_down:	as set by the operator
 * @synthetic:	frames for it go to its synthetic card
 * @polled:	@source is polled work, since a receive queue's doorbell is in shared memory
 * @gone:	counters of queues that are no more
 */
struct vport {
	struct lane_work source;
	struct adapter *adapter;
	const struct adapter_port_config *config;
	struct fabric_port *fabric;
	struct steering *_Atomic steering;
	uint32_t steerings;
	uint64_t handle;
	uint32_t index;
	uint32_t pd;
	uint32_t doorbell;
	bool configured;
	bool registered;
	_Atomic bool link_down;
	_Atomic bool synthetic;
	bool polled;
	uint64_t filter;
	struct wq *sq[ADAPTER_QUEUES_MAX];
	struct wq *rq[ADAPTER_QUEUES_MAX];
	_Atomic uint64_t rx_disabled;
	_Atomic uint64_t rx_lost; /* large frames that no queue had buffers for */
	struct wq_counters gone_tx, gone_rx;
};

/** struct hwc - the hardware channel */
struct hwc {
	bool up;
	struct eq *eq;
	struct cq *cq;
	struct wq *rq;
	struct wq *sq;
	struct memory_region *mr;
	uint32_t pd;
	uint64_t driver_caps;
	uint32_t timeout_ms;
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
	struct vfu_server *server;
	struct synthetic *synthetic; /* NULL: no synthetic cards */
	struct memory memory;
	struct table eqs, cqs, sqs, rqs;
	struct hwc hwc;
	struct registered ethernet, rdma;
	struct rnic *rnic;
	struct vport vport[ADAPTER_PORTS_MAX];
	uint64_t doorbell_pages[ADAPTER_DOORBELL_PAGES / 64];
	uint32_t smc[SMC_WORDS];
	uint8_t pci[256]; /* configuration space */
	_Atomic bool bus_master;
	uint32_t handles; /* counts handles given out */
	_Atomic bool told_doorbell;
	_Atomic uint32_t said; /* messages that the client has caused */
	void *native; /* BAR 2, see wire/native.h */
	int native_fd;
	uint64_t native_bound[NATIVE_DOORBELL_PAGES / 64];
	char names[2][256]; /* copies of config.name and config.socket */
	char *specs[ADAPTER_PORTS_MAX];
};

/* adapter.c */
/** adapter_ops - what the server calls for its client; the context is the adapter */
extern const struct vfu_ops adapter_ops;
void adapter_raise(struct adapter *adapter, uint32_t msix);
/**
 * adapter_say() - something about the client for the log, behind the adapter's name
 *
 * A client makes as many mistakes as it likes: after SAID_MAX messages of LOG_NOTICE and worse
 * it causes no more of them, until the next one attaches.
 */
__attribute__((format(printf, 3, 4))) void
adapter_say(struct adapter *adapter, enum log_level level, const char *format, ...);
/** adapter_reset() - back to power-on: every object of the driver's is gone */
void adapter_reset(struct adapter *adapter);

/* config.c: PCI configuration space */
void config_reset(struct adapter *adapter);
int config_read(struct adapter *adapter, uint64_t offset, void *data, size_t len);
int config_write(struct adapter *adapter, uint64_t offset, const void *data, size_t len);

/* registers.c: BAR 0 */
#define BAR_SIZE 0x800000u	  /* registers, SMC and doorbell pages */
#define BAR_DOORBELLS 0x400000u	  /* where the doorbell pages start */
#define BAR_MSIX_SIZE 0x4000u	  /* table and pending bits, in a BAR of their own */
#define BAR_MSIX_PBA 0x3000u
int registers_read(struct adapter *adapter, uint64_t offset, void *data, size_t len);
int registers_write(struct adapter *adapter, uint64_t offset, const void *data, size_t len);
/** doorbell_page_alloc() - @n pages in a row, aligned; -ENOSPC */
int64_t doorbell_page_alloc(struct adapter *adapter, uint32_t n, uint32_t align);
int doorbell_page_free(struct adapter *adapter, uint32_t first, uint32_t n);

/* hwc.c: the hardware channel */
int hwc_establish(struct adapter *adapter, const struct smc_message *message);
void hwc_destroy(struct adapter *adapter);
/** hwc_run() - answer the requests the driver has posted */
void hwc_run(struct adapter *adapter);
/** hwc_event() - an event on the hardware channel's queue */
void hwc_event(struct adapter *adapter, unsigned int type, uint32_t detail);

/**
 * struct command - a request being answered
 * @code:	what is asked
 * @request:	a copy of the message
 * @len:	its bytes
 * @response:	zeroed; the header is filled in by hwc.c
 * @response_len: bytes that belong to it; set by the handler if it is not the usual
 * @version:	of the response: what the driver asked for, or the highest there is
 */
struct command {
	uint32_t code;
	const struct gdma_req_header *request;
	uint32_t len;
	void *response;
	uint32_t response_len;
	uint16_t version;
};

/**
 * struct command_entry - one command
 * @request:	bytes it has at least
 * @response:	bytes of its response
 * @run:	returns an enum gdma_status or enum device_status
 */
struct command_entry {
	uint32_t code;
	const char *name;
	uint32_t request;
	uint32_t response;
	uint32_t (*run)(struct adapter *adapter, struct command *command);
};

/* Why a command failed; drivers only look whether it is 0. See docs/wire.md, "Answers to mistakes" */
enum device_status {
	STATUS_OK = GDMA_STATUS_SUCCESS,
	STATUS_SHORT = 0x10001,	     /* the message is shorter than the command */
	STATUS_DEVICE = 0x10002,     /* sent to a device that does not exist or is not registered */
	STATUS_NOT_FOUND = 0x10003,  /* no such object, or another kind of object */
	STATUS_INVALID = 0x10004,    /* a field makes no sense */
	STATUS_BUSY = 0x10005,	     /* in use */
	STATUS_NO_RESOURCE = 0x10006, /* a limit is reached */
	STATUS_FAULT = 0x10007,	     /* memory that is not mapped */
};

uint32_t status_from_errno(int err);

/* The commands of each device, in gdma.c, vport.c, rnic.c and native.c; the last entry has no name */
extern const struct command_entry gdma_commands[];
extern const struct command_entry vport_commands[];
extern const struct command_entry rnic_commands[];
extern const struct command_entry native_commands[];

/* native.c: doorbells in shared memory */
int native_open(struct adapter *adapter);
void native_close(struct adapter *adapter);
void native_reset(struct adapter *adapter);
/** native_unbind() - a queue is about to go */
void native_unbind(struct wq *wq);
/** native_rest() - tell the driver whether to ring; true if it has posted meanwhile */
bool native_rest(struct wq *wq, bool asleep);
static inline uint8_t *adapter_native(const struct adapter *adapter)
{
	return adapter->native;
}

/* gdma.c */
void device_unregister(struct adapter *adapter, struct registered *device);

/* synthetic.c: synthetic cards beside the vPorts */
int synthetic_open(struct adapter *adapter, struct error *error);
void synthetic_close(struct adapter *adapter);
unsigned int synthetic_deliver(void *vport, unsigned int lane, const struct frame *frames,
			       unsigned int n);
void synthetic_link_changed(struct adapter *adapter, unsigned int port);
int synthetic_set_vf(struct adapter *adapter, bool there);
int synthetic_pull(struct adapter *adapter, unsigned int port);

/* vport.c */
void vport_reset(struct vport *vport);
static inline uint64_t vport_no_buffer(const struct vport *vport)
{
	struct fabric_counters counters;

	fabric_counters(vport->fabric, &counters);
	return counters.rx_dropped + atomic_load_explicit(&vport->rx_lost, memory_order_relaxed);
}

/* rnic.c */
void rnic_reset(struct adapter *adapter);

/* transmit.c */
lane_run transmit_run;
lane_rest transmit_rest;

/* receive.c */
lane_run receive_poll;
lane_rest receive_rest;
uint64_t receive_offer(void *vport, unsigned int lane, const struct frame *frames, unsigned int n);
unsigned int receive_deliver(void *vport, unsigned int lane, const struct frame *frames,
			     unsigned int n);
/** receive_fence() - a fence completion behind all packets so far */
void receive_fence(struct wq *rq);

#endif
