/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/unit/device/harness.h - an adapter, and a small MANA driver that can also be a bad one.
 *
 * The adapter is the real one, on a socket, with lanes and fabrics. The driver is a vfio-user
 * client in the same thread as the adapter's control: every call that asks the adapter something
 * lets it serve until it has nothing to do. Each layer can be used correctly, or by hand:
 * messages, registers, the shared-memory channel, commands, queue entries, doorbells.
 */
#ifndef MANAKIN_TESTS_UNIT_DEVICE_HARNESS_H
#define MANAKIN_TESTS_UNIT_DEVICE_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device/adapter.h"
#include "process.h"
#include "wire/gdma.h"
#include "wire/reg.h"
#include "wire/rnic.h"
#include "wire/vport.h"
#include "wire/wq.h"

#define GUEST_IOVA    0x140000000ull /* the driver's memory in the adapter's view */
#define GUEST_SIZE    (64u << 20)    /* bytes */
#define GUEST_VECTORS 65u
#define GUEST_DB_BASE 0x400000u /* doorbell pages, in BAR 0; checked when the HWC comes up */

#define ALL_CAPS                                                                                   \
	(GDMA_DRV_CAP_1_EQ_SHARING_MULTI_VPORT | GDMA_DRV_CAP_1_HWC_TIMEOUT_RECONFIG |             \
	 GDMA_DRV_CAP_1_VARIABLE_INDIRECTION | GDMA_DRV_CAP_1_LINK_AWARE)

/* ---- The adapter ---- */

struct host {
	char folder[64], path[96];
	struct lanes *lanes;
	struct adapter *adapter;
	struct adapter_config config;
	uint64_t spent;   /* by the control thread, in units of base/budget.h */
	uint32_t dearest; /* of its visits, without waits for lanes, in the same */
};

/**
 * host_open() - an adapter with vPorts
 * @lanes:	data lanes to start; 0: share those of @share
 * @share:	another adapter, or NULL
 * @fabrics:	one per vPort, NULL at the end
 *
 * MAC of vPort n: 00:0d:3a:aa:XX:n, where XX counts the adapters of the process. MTU 9000,
 * 64 queues.
 */
void host_open(struct host *host, unsigned int lanes, struct host *share,
	       const char *const *fabrics);
/** host_open_config() - the same, with the present contents of host->config */
void host_open_config(struct host *host, unsigned int lanes, struct host *share);
void host_close(struct host *host);

/** host_serve() - let the adapter do everything that it can do now */
void host_serve(struct host *host);

struct adapter_port_counters host_counters(struct host *host, unsigned int port);

/**
 * guard_install() - the handler that catches the truncation of memory; main() calls it
 *
 * cmocka has a handler of its own for that signal while a test runs: a test that truncates memory
 * calls guard_enable() first.
 */
void guard_install(void);
void guard_enable(void);

/** WAIT() - until @condition holds, five seconds at most, while @host serves */
#define WAIT(host, condition)                                                                      \
	do {                                                                                       \
		uint64_t until_ = now_ms() + 5000;                                                 \
		while (!(condition)) {                                                             \
			assert_true(now_ms() < until_);                                            \
			host_serve(host);                                                          \
			pause_us(50);                                                              \
		}                                                                                  \
	} while (0)

/** settle() - let the lanes finish their work */
void settle(struct host *host);

/** harness_log() - start to collect log messages */
void harness_log(void);
/** warnings() - messages of LOG_WARNING and worse since then */
unsigned int warnings(void);
/** harness_said() - is there a warning with these words? harness_noted(): a message of any level?
 */
bool harness_said(const char *words);
bool harness_noted(const char *words);

/* ---- The client ---- */

/** struct gcq, geq - the driver's view of a completion queue, an event queue */
struct gcq {
	struct gdma_cqe *ring;
	uint64_t iova;
	uint32_t count, index, id, doorbell;
};

struct geq {
	struct gdma_eqe *ring;
	uint64_t iova;
	uint32_t count, index, id, doorbell, vector;
};

/** struct gwq - a work queue and its completion queue */
struct gwq {
	uint8_t *ring;
	uint64_t iova;
	uint32_t type, size, id, tail, doorbell;
	uint64_t handle;
	struct gcq cq;
	uint64_t wq_region, cq_region;
};

/** struct gport - a vPort as the driver knows it */
struct gport {
	uint64_t handle;
	uint16_t offset;
	uint8_t mac[6];
	uint32_t table;
};

struct guest {
	struct host *host;
	int fd;
	int memory_fd;
	uint8_t *memory;
	size_t used; /* of the memory: what was allocated */
	int vector[GUEST_VECTORS];
	/* The hardware channel */
	struct geq heq;
	struct gcq hcq;
	struct gwq hrq, hsq;
	uint32_t hwc_pd, hwc_key, max_cqs, init_seen;
	uint8_t *request, *response;
	uint16_t message_id;
	uint32_t response_len; /* of the last response */
	uint32_t answers;      /* since the channel came up: used buffers */
	/* The Ethernet device */
	uint32_t pd, key, doorbell;
};

/** guest_connect() - connect, agree on the version; no memory, no interrupts */
void guest_connect(struct guest *guest, struct host *host);
/** guest_attach() - also map memory, set eventfds, become bus master */
void guest_attach(struct guest *guest, struct host *host);
/** guest_detach() - disconnect; on return the adapter has noticed */
void guest_detach(struct guest *guest);

/** open_both() - an adapter and a client; returns how many file descriptors were open before */
unsigned int open_both(struct host *host, struct guest *guest, unsigned int lanes,
		       const char *const *fabrics);
/** close_both() - close them; checks that no file descriptor is left */
void close_both(struct host *host, struct guest *guest, unsigned int fds_before);
/** guest_gone() - has the adapter dropped the client? */
bool guest_gone(struct guest *guest);

/** guest_call() - a vfio-user command; 0 or the error (positive) */
int guest_call(struct guest *guest, uint16_t command, const void *body, size_t len, void *reply,
	       size_t reply_len, const int *fds, unsigned int n);
int guest_map(struct guest *guest, uint64_t iova, uint64_t size, int fd, uint64_t offset,
	      bool writable);
int guest_unmap(struct guest *guest, uint64_t iova, uint64_t size);
int guest_reset(struct guest *guest);
void bar_write(struct guest *guest, uint64_t offset, const void *data, size_t len);
void bar_read(struct guest *guest, uint64_t offset, void *data, size_t len);
void config_space_write(struct guest *guest, uint64_t offset, const void *data, size_t len);
void config_space_read(struct guest *guest, uint64_t offset, void *data, size_t len);

/** guest_alloc() - zeroed memory, page-aligned; never freed before detach */
void *guest_alloc(struct guest *guest, size_t len);
uint64_t guest_iova(struct guest *guest, const void *pointer);

/** vector_take() - interrupts of that vector since the last call */
uint64_t vector_take(struct guest *guest, uint32_t vector);

/* ---- Shared-memory channel and hardware channel ---- */

/** smc_send() - write a message; returns the answer's header word */
union smc_header smc_send(struct guest *guest, const struct smc_message *message);
/** hwc_message() - an ESTABLISH_HWC for fresh pages, whose queues are then guest->h* */
struct smc_message hwc_message(struct guest *guest);
/** hwc_up() - bring it up, and read the initialization events */
void hwc_up(struct guest *guest);
/** hwc_events() - read the initialisation events; true if INIT_DONE came */
bool hwc_events(struct guest *guest);
uint32_t hwc_down(struct guest *guest);

/** guest_send() - post a message unchanged; true if a response came (in guest->response) */
bool guest_send(struct guest *guest, const void *message, uint32_t len);

/**
 * request_begin() - fill in the headers
 * @request:	zeroed up to @len
 */
void request_begin(struct guest *guest, void *request, uint32_t code, uint32_t len,
		   uint32_t response_len, uint16_t version);

/**
 * command() - a command, whose response is checked as drivers check it
 * @request:	headers filled in by request_begin()
 * @len:	bytes to send
 * @response:	buffer for the whole response; may be NULL
 *
 * Return: status
 */
uint32_t command(struct guest *guest, void *request, uint32_t len, void *response);

/** simple() - a command of headers only */
uint32_t simple(struct guest *guest, uint32_t code, uint16_t device, void *response,
		uint32_t response_len, uint16_t version);

#define COMMAND(guest, code, request, response, version)                                           \
	(request_begin(guest, request, code, sizeof(*(request)), sizeof(*(response)), version),    \
	 command(guest, request, sizeof(*(request)), response))

/* ---- Objects ---- */

/** region_of() - create a DMA region of whole pages; its handle, or 0 on failure */
uint64_t region_of(struct guest *guest, const void *pointer, size_t len);
uint32_t region_create(struct guest *guest, uint64_t iova, uint64_t len, uint64_t *handle);
uint32_t region_destroy(struct guest *guest, uint64_t handle);

/** ethernet_up() - HWC, versions, REGISTER_DEVICE */
void ethernet_up(struct guest *guest);
/** port_up() - QUERY_VPORT_CONFIG and CONFIG_VPORT_TX */
void port_up(struct guest *guest, uint32_t index, struct gport *port);

uint32_t eq_new(struct guest *guest, struct geq *eq, uint32_t entries, uint32_t vector);
uint32_t eq_end(struct guest *guest, const struct geq *eq);

/** wq_new() - a work-queue object with @size bytes and a CQ of @entries; @eq may be NULL */
uint32_t wq_new(struct guest *guest, const struct gport *port, uint32_t type, uint32_t size,
		uint32_t entries, const struct geq *eq, struct gwq *wq);
uint32_t wq_end(struct guest *guest, const struct gwq *wq);

/** steering - the contents of CONFIG_VPORT_RX; rq NULL: no table */
struct gsteer {
	bool enable, rss, coalesce;
	bool coalesce_8;     /* with @hash_types */
	uint16_t hash_types; /* not 0: version 5 */
	const uint8_t *key;
	const struct gwq *rq;
	unsigned int rqs;     /* in @rq */
	unsigned int entries; /* in the table: rq[i % rqs] */
	const struct gwq *fallback;
};
uint32_t steer(struct guest *guest, const struct gport *port, const struct gsteer *steer);

uint32_t pd_new(struct guest *guest, uint64_t *handle, uint32_t *id);
uint32_t mr_new(struct guest *guest, uint64_t pd, const void *pointer, size_t len, uint64_t address,
		uint32_t access, uint64_t *handle, uint32_t *key);

/* ---- Queues ---- */

void doorbell(struct guest *guest, uint32_t page, uint32_t offset, union gdma_doorbell value);
void doorbell_short(struct guest *guest, uint32_t page, uint32_t offset,
		    union gdma_doorbell_short value);
void ring_wq(struct guest *guest, struct gwq *wq);
void ring_cq(struct guest *guest, struct gcq *cq, bool arm);
void ring_eq(struct guest *guest, struct geq *eq, bool arm);

/** cq_take() - the next completion, if there is one; asserts that none was lost */
bool cq_take(struct gcq *cq, struct gdma_cqe *cqe);
bool eq_take(struct geq *eq, struct gdma_eqe *eqe);
/** cq_wait() - the next completion, which comes within five seconds */
struct gdma_cqe cq_wait(struct guest *guest, struct gcq *cq);

/** wqe_put() - write bytes at the queue's tail and move it; does not ring */
void wqe_put(struct gwq *wq, const void *wqe, uint32_t size);

/** struct gsend - an entry to post on a send queue */
struct gsend {
	const struct gdma_sge *sge;
	uint32_t sges;
	struct mana_tx_oob oob;
	bool tso;
	uint16_t mss;
};
/** send_oob() - fill in an OOB as a driver does for that queue */
struct mana_tx_oob send_oob(const struct gport *port, const struct gwq *sq);
void send_post(struct gwq *sq, const struct gsend *send);
/** send_frame() - post one piece with that OOB, ring */
void send_frame(struct guest *guest, struct gwq *sq, const struct mana_tx_oob *oob,
		const void *frame, uint32_t len);
/** tx_wait() - wait for a send queue's next completion; its type */
unsigned int tx_wait(struct guest *guest, struct gwq *sq);

/** receive_post() - a buffer on a receive queue; does not ring */
void receive_post(struct gwq *rq, const struct gdma_sge *sge, uint32_t sges);
/** rx_wait() - wait for a receive queue's next completion */
struct mana_rxcomp_oob rx_wait(struct guest *guest, struct gwq *rq);

struct gdma_sge sge_of(struct guest *guest, const void *pointer, uint32_t len);

/** struct gnet - one vPort up with one queue of each kind and buffers; the usual start */
struct gnet {
	struct gport port;
	struct geq eq;
	struct gwq sq, rq;
	uint8_t *buffers; /* of the receive queue, gnet_buffer bytes each */
	uint8_t *frame;   /* room for a frame to send */
	unsigned int posted, taken;
};
#define GNET_BUFFER  16384u
#define GNET_BUFFERS 64u
#define GNET_FRAME   131072u
void net_up(struct guest *guest, uint32_t index, struct gnet *net);
/** net_post() - post @n more receive buffers and ring */
void net_post(struct guest *guest, struct gnet *net, unsigned int n);
/** net_buffer() - the buffer for the next packet; counts it as used */
uint8_t *net_buffer(struct gnet *net);

#endif
