/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pmd/pmd.h - shared by the files of the poll-mode driver. Only for this room.
 *
 * Theory of operation
 *
 * One struct pmd_adapter per PCI device, one ethdev per vPort. Each file calls only files on the
 * lines below its own:
 *
 *	probe.c		finds the adapter, selects the vPorts, creates the ethdevs
 *	share.c		secondary processes
 *	ethdev.c	configures, starts, stops, reports
 *	recover.c	resets an adapter, and brings its ports up again
 *	port.c		opens a vPort with its queues, and closes it
 *	queue.c		sets queues up, starts and stops them
 *	tx.c, rx.c	the packets
 *	event.c		link, removal, receive interrupts
 *	rss.c, stats.c	key and table; counters
 *	memory.c	maps DPDK's memory for the adapter, and allocates rings in it
 *	state.c		memory that no adapter can access, for ports and queues
 *	adapter.c	the adapters, with reference counts; the log; doorbells
 *
 * The room uses base/, wire/ and driver/, and is the only one that includes headers of DPDK. It
 * accesses an adapter only through driver/, and its messages say what an application or an operator
 * can fix: the port, the queue, the number that is too large.
 *
 * The adapter is not trusted, and it can write to all of DPDK's memory. So struct pmd_port and the
 * queues are in other memory, at the same address in every process (state.c), and each field that
 * the adapter writes is read once, checked, then used. docs/pmd.md says what this leaves open.
 * Pointers for the primary process only (the adapter, the vPort's handle) are also in struct
 * pmd_port, but secondary processes do not use them; each process has its own access to the
 * doorbells (pmd_doorbell[]).
 *
 * The adapter gets virtual addresses, whatever the EAL's IOVA mode.
 */
#ifndef MANAKIN_PMD_PMD_H
#define MANAKIN_PMD_PMD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ethdev_driver.h>
#include <ethdev_pci.h>
#include <rte_interrupts.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_spinlock.h>
#include <rte_version.h>

#include "base/shared.h"
#include "driver/driver.h"

#define PMD_NAME               "net_manakin"
#define PMD_DESCRIPTORS_MIN    64u
#define PMD_TX_DESCRIPTORS_MAX DRIVER_UNITS_MAX
#define PMD_RX_DESCRIPTORS_MAX 8192u
#define PMD_DESCRIPTORS_DEF    512u
#define PMD_RX_SEGMENTS_MAX    GDMA_RQE_SGES_MAX
#define PMD_TSO_HEADER_MAX     256u /* bytes: the adapter's limit for the headers of a large send */

extern int pmd_logtype;

#define PMD_LOG(level, format, ...)                                                                \
	rte_log(RTE_LOG_##level, (uint32_t)pmd_logtype, PMD_NAME ": " format "\n", ##__VA_ARGS__)

/* ---- Queues ---- */

struct pmd_port;

#define PMD_RX_COUNTERS 6u
#define PMD_TX_COUNTERS (3u + DRIVER_TX_ERRORS)

/**
 * struct pmd_txq - a send queue
 * @driver:	the queue itself; first, for its alignment
 * @running:	bursts may use it; otherwise they send nothing
 * @busy:	a burst uses it, see pmd_enter()
 * @created:	the adapter has it; only for the primary process
 * @wanted:	it is created when its port is brought up
 * @fast_free:	all packets come from one pool and have a single reference
 * @freed:	units whose packets have been freed, counted like driver.wq.head
 * @slow_end:	from @freed to here there may be entries of more than one unit or segment
 * @free_below:	read completions when there is less room, in units
 * @mbufs:	packet of each entry, at the entry's first unit; NULL at the others
 * @signals:	see struct driver_txq
 * @region:	memory of the last packet, with its key
 * @port:	number of the ethdev
 * @packets, @bytes, @dropped: passed to the adapter; dropped because no entry can describe them
 * @base:	the counters at the last reset; only the queue's owner writes the counters
 */
struct pmd_txq {
	struct driver_txq driver;
	bool running;
	bool busy;
	bool created;
	bool wanted;
	bool fast_free;
	uint16_t port;
	uint16_t index;
	uint32_t freed;
	uint32_t slow_end;
	uint32_t free_below;
	struct rte_mbuf **mbufs;
	struct driver_signal *signals;
	struct driver_region region;
	uint64_t packets;
	uint64_t bytes;
	uint64_t dropped;

	uint64_t base[PMD_TX_COUNTERS];
	struct pmd_port *owner;
	uint16_t descriptors;
	uint32_t units;
	unsigned int socket;
	struct rte_eth_txconf conf;
} __rte_cache_aligned;

/**
 * struct pmd_rxq - a receive queue
 * @driver:	the queue itself; first, for its alignment
 * @running, @busy, @created, @wanted: as in a send queue
 * @scatter:	entries have @segments buffers
 * @strip:	leave VLAN tags stripped
 * @hash:	the application gets the hash
 * @taken:	packets of the current completion that were returned before
 * @initial:	8 bytes of a fresh mbuf: offset, references, segments, port
 * @segments:	buffers of an entry
 * @entry_units: units of an entry
 * @limit:	maximum number of posted units
 * @refill_at:	post when this many units are free
 * @posted, @done: entries, modulo 2^32; for the scatter path
 * @entries_mask: entries that fit in @mbufs, less one; for the scatter path
 * @mbufs:	buffers of each unit (one-segment entries), or of each entry
 * @pool, @room: where buffers come from, and their size in bytes
 * @region:	memory of the last buffer, with its key
 * @port:	number of the ethdev
 * @packets, @bytes: returned to the application
 * @errors:	truncated, or impossible
 * @truncated:	of these, the ones longer than their buffers
 * @nombuf:	how often the pool had no buffer
 * @completions: completions that reported them
 * @base:	as in a send queue
 */
struct pmd_rxq {
	struct driver_rxq driver;
	bool running;
	bool busy;
	bool created;
	bool wanted;
	bool scatter;
	bool strip;
	bool hash;
	uint8_t taken;
	uint8_t segments;
	uint8_t entry_units;
	uint64_t initial;
	uint32_t limit;
	uint32_t refill_at;
	uint32_t posted;
	uint32_t done;
	uint32_t room;
	uint32_t entries_mask;
	struct rte_mbuf **mbufs;
	struct rte_mempool *pool;
	struct driver_region region;
	uint16_t port;
	uint16_t index;
	uint64_t packets;
	uint64_t bytes;
	uint64_t errors;
	uint64_t truncated;
	uint64_t nombuf;
	uint64_t completions;

	uint64_t base[PMD_RX_COUNTERS];
	struct pmd_port *owner;
	uint16_t descriptors;
	uint32_t units;
	unsigned int socket;
	struct rte_eth_rxconf conf;
} __rte_cache_aligned;

/**
 * pmd_enter() - before a burst, or whatever else the queue's owner does with it
 * @busy, @running: the queue's
 *
 * A queue can be taken down while its owner polls it (recover.c): whoever does that clears @running,
 * executes a barrier on all CPUs, and waits until @busy is clear. So two plain stores a burst are
 * enough here. They are in a line that the burst writes anyway.
 *
 * Return: false if the queue does not run
 */
static inline bool pmd_enter(bool *busy, const bool *running)
{
	shared_store(busy, true);
	atomic_signal_fence(memory_order_seq_cst);
	if (likely(shared_load_acquire(running)))
		return true;
	shared_store_release(busy, false);
	return false;
}

/** pmd_leave() - after it */
static inline void pmd_leave(bool *busy)
{
	shared_store_release(busy, false);
}

/* ---- Ports and adapters ---- */

struct pmd_adapter;

#define PMD_REGIONS 16u

/**
 * struct pmd_regions - memory regions of a port's queues, see memory.c
 * @lock:	protects this, and a queue's region while it is written
 * @known:	regions found so far; @next is overwritten next
 * @queues:	the regions that queues cache; only for the primary process
 */
struct pmd_regions {
	rte_spinlock_t lock;
	unsigned int next;
	struct driver_region known[PMD_REGIONS];
	struct driver_region *queues[2 * DRIVER_QUEUES_MAX];
};

/**
 * struct pmd_port - an ethdev
 * @adapter, @handle: only for the primary process; @handle is NULL while the port is stopped
 * @started:	by the application
 * @recovered:	it works again after the adapter's last reset
 * @index:	vPort of the adapter
 * @info, @frame_max, @max_units: limits reported by the adapter
 * @alone:	it is the adapter's only ethdev
 * @rss_key, @rss_types: as set by the application; the adapter hashes all types or none
 * @table:	receive queue of each entry
 * @intr:	receive interrupts; only for the primary process
 * @missed:	packets without a buffer, at the last reset of the counters
 * @regions:	memory regions of its queues
 */
struct pmd_port {
	struct pmd_adapter *adapter;
	struct driver_port *handle;
	bool started;
	bool recovered;
	unsigned int index;
	struct driver_port_info info;
	struct rte_ether_addr mac;
	uint32_t frame_max;
	uint32_t max_units;
	bool alone;
	uint8_t rss_key[MANA_HASH_KEY_SIZE];
	uint64_t rss_types;
	uint16_t table[MANA_INDIRECTION_MAX];
	struct rte_intr_handle *intr;
	uint64_t missed;
	struct pmd_regions regions;
};

/**
 * struct pmd_adapter - a PCI device; only in the primary process
 * @driver:	NULL once it is closed
 * @verbs:	the kernel drives the adapter
 * @pci:	the device
 * @intr:	events of the adapter
 * @ports:	open ethdevs, by vPort
 * @users:	reference count: ethdevs and other users
 * @open:	reach the adapter and bring it up; set by probe.c
 * @release:	called when there are no users; set by probe.c, whose work it undoes
 * @recover:	it needs a reset; set by probe.c to what recover.c offers
 * @listening:	events are enabled
 * @lock:	held by operations that use the adapter, and protects what follows
 * @patience_ms: how long a reset that fails is tried again
 * @idle:	signalled when @active is cleared
 * @active:	@thread exists
 * @recovering:	the adapter is being reset: only @thread uses it
 * @again:	another reset is needed meanwhile
 * @failed:	the last reset has; only the application can try again
 * @closed:	its last port was closed
 * @removed:	the adapter has gone meanwhile
 * @closing:	a port is to be closed: a reset that fails is not tried again
 * @gone:	the removal event was reported
 */
struct pmd_adapter {
	TAILQ_ENTRY(pmd_adapter) next;
	struct driver *driver;
	bool verbs;
	struct rte_pci_device *pci;
	struct rte_intr_handle *intr;
	struct driver_info info;
	struct rte_eth_dev *ports[DRIVER_PORTS_MAX];
	atomic_uint users;
	int (*open)(struct pmd_adapter *adapter);
	void (*release)(struct pmd_adapter *adapter);
	void (*recover)(struct pmd_adapter *adapter);
	bool listening;
	unsigned int patience_ms;
	pthread_mutex_t lock;
	pthread_cond_t idle;
	pthread_t thread;
	bool active;
	bool recovering;
	bool again;
	bool failed;
	bool closed;
	atomic_bool removed;
	atomic_bool closing;
	atomic_bool gone;
};

/* This process's access to the doorbells, by ethdev number */
extern const struct driver_doorbell *pmd_doorbell[RTE_MAX_ETHPORTS];

static inline struct pmd_port *pmd_port(const struct rte_eth_dev *dev)
{
	return dev->data->dev_private;
}

static inline bool pmd_primary(void)
{
	return rte_eal_process_type() == RTE_PROC_PRIMARY;
}

/* ---- adapter.c ---- */

/** pmd_adapter_add() - add one, with the caller as its first user */
void pmd_adapter_add(struct pmd_adapter *adapter);

/** pmd_adapter_get(), pmd_adapter_put() - take and drop a reference; the last one releases it */
void pmd_adapter_get(struct pmd_adapter *adapter);
void pmd_adapter_put(struct pmd_adapter *adapter);

/** pmd_adapter_drop() - the first half of pmd_adapter_put(): pmd_adapter_free() it if true */
bool pmd_adapter_drop(struct pmd_adapter *adapter);
void pmd_adapter_free(struct pmd_adapter *adapter);

/** pmd_adapter_find() - find by PCI address; NULL if there is none (share.c) */
struct pmd_adapter *pmd_adapter_find(const char *name);

/**
 * pmd_lock() - before an operation that uses a port's adapter
 *
 * Return: 0; -EBUSY, without the lock: it is being reset
 */
int pmd_lock(const struct rte_eth_dev *dev);
void pmd_unlock(const struct rte_eth_dev *dev);

/* ---- state.c ---- */

/**
 * pmd_state_alloc() - zeroed memory that no adapter can access, at a multiple of a cache line
 * @socket:	preferred NUMA socket; SOCKET_ID_ANY: the caller's
 *
 * Only in the primary process. NULL if there is none.
 */
void *pmd_state_alloc(size_t size, unsigned int socket);

/** pmd_state_free() - free it; NULL is fine */
void pmd_state_free(void *memory);

/** pmd_state_used() - bytes allocated */
size_t pmd_state_used(void);

/** pmd_state_share() - the descriptor of the memory, and its address in every process */
int pmd_state_share(void **base);

/**
 * pmd_state_attach() - in a secondary process: map the primary's memory
 * @fd:		owned by this call, even if it fails
 *
 * Return: 0 or a negative errno: -EEXIST: something else is at that address
 */
int pmd_state_attach(int fd, void *base);

/* ---- memory.c ---- */

extern const struct driver_allocator pmd_allocator;

/** pmd_memory_map() - map all of DPDK's memory for the adapter, and follow its changes */
int pmd_memory_map(struct pmd_adapter *adapter);

/** pmd_memory_unmap() - stop following DPDK's memory */
void pmd_memory_unmap(struct pmd_adapter *adapter);

/**
 * pmd_region_find() - the region of @address, with its key, for a queue of a port
 * @region:	the queue's; written if found
 *
 * Return: false if the adapter cannot access it, or this process does not know
 * its key
 */
bool pmd_region_find(struct pmd_port *port, const void *address, struct driver_region *region);

/** pmd_region_key() - make @region the region of @address, unless it is already; as above */
static inline bool pmd_region_key(struct pmd_port *port, const void *address,
				  struct driver_region *region)
{
	uint64_t va = (uint64_t)(uintptr_t)address;

	if (likely(va - region->start < region->end - region->start))
		return true;
	return pmd_region_find(port, address, region);
}

/** pmd_region_attach() - when a queue starts: look its region up, and keep it up to date
 */
int pmd_region_attach(struct pmd_port *port, const void *address, struct driver_region *region);

/** pmd_region_detach() - when it stops */
void pmd_region_detach(struct pmd_port *port, struct driver_region *region);

/* ---- ethdev.c ---- */

extern const struct eth_dev_ops pmd_ops, pmd_secondary_ops;

/** pmd_set_bursts() - select the burst functions for the configured queues */
void pmd_set_bursts(struct rte_eth_dev *dev);

/* ---- recover.c ---- */

/** pmd_recover_start() - the adapter needs a reset: do it in a thread, and tell the application */
void pmd_recover_start(struct pmd_adapter *adapter);

/**
 * pmd_lock_idle() - wait for the end of a reset, then as pmd_lock(): it cannot fail
 *
 * In a callback of the application, whose thread is the one that does the reset, it does not wait.
 */
void pmd_lock_idle(struct pmd_adapter *adapter);

/** pmd_recover_port() - rte_eth_dev_reset() of a port that is stopped */
int pmd_recover_port(struct rte_eth_dev *dev);

/** pmd_recover_attach() - before this process's first burst */
void pmd_recover_attach(void);

/* ---- port.c ---- */

/** pmd_port_up() - open the vPort, create the queues that are wanted, and let bursts use them */
int pmd_port_up(struct rte_eth_dev *dev);

/** pmd_port_down() - undo that; no burst uses the queues any more */
void pmd_port_down(struct rte_eth_dev *dev);

/* ---- queue.c ---- */

int pmd_txq_setup(struct rte_eth_dev *dev, uint16_t index, uint16_t descriptors,
		  unsigned int socket, const struct rte_eth_txconf *conf);
int pmd_rxq_setup(struct rte_eth_dev *dev, uint16_t index, uint16_t descriptors,
		  unsigned int socket, const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
void pmd_txq_release(struct rte_eth_dev *dev, uint16_t index);
void pmd_rxq_release(struct rte_eth_dev *dev, uint16_t index);
void pmd_txq_info(struct rte_eth_dev *dev, uint16_t index, struct rte_eth_txq_info *info);
void pmd_rxq_info(struct rte_eth_dev *dev, uint16_t index, struct rte_eth_rxq_info *info);

/** pmd_txq_create(), pmd_rxq_create() - create the adapter's queue; it does not receive yet */
int pmd_txq_create(struct rte_eth_dev *dev, uint16_t index);
int pmd_rxq_create(struct rte_eth_dev *dev, uint16_t index);

/** pmd_rxq_fill() - give a new queue its buffers, after packets have been steered to it */
int pmd_rxq_fill(struct rte_eth_dev *dev, uint16_t index);

/** pmd_txq_run(), pmd_rxq_run() - let bursts use it */
void pmd_txq_run(struct rte_eth_dev *dev, uint16_t index);
void pmd_rxq_run(struct rte_eth_dev *dev, uint16_t index);

/** pmd_txq_destroy(), pmd_rxq_destroy() - destroy the adapter's queue and free its packets */
void pmd_txq_destroy(struct rte_eth_dev *dev, uint16_t index);
void pmd_rxq_destroy(struct rte_eth_dev *dev, uint16_t index);

/* The application's queue start and stop */
int pmd_txq_start(struct rte_eth_dev *dev, uint16_t index);
int pmd_txq_stop(struct rte_eth_dev *dev, uint16_t index);
int pmd_rxq_start(struct rte_eth_dev *dev, uint16_t index);
int pmd_rxq_stop(struct rte_eth_dev *dev, uint16_t index);

/* ---- rss.c ---- */

/** pmd_rss_default() - key and types if the application gives none */
void pmd_rss_default(struct pmd_port *port);

/** pmd_rss_configure() - apply the application's configuration of the port */
int pmd_rss_configure(struct rte_eth_dev *dev);

/** pmd_rss_apply() - configure the adapter; running queues receive if @enable */
int pmd_rss_apply(struct rte_eth_dev *dev, bool enable);

int pmd_reta_update(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *conf, uint16_t size);
int pmd_reta_query(struct rte_eth_dev *dev, struct rte_eth_rss_reta_entry64 *conf, uint16_t size);
int pmd_rss_update(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf);
int pmd_rss_get(struct rte_eth_dev *dev, struct rte_eth_rss_conf *conf);

#define PMD_RSS_TYPES                                                                              \
	(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER |               \
	 RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_IPV6 |          \
	 RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER | RTE_ETH_RSS_NONFRAG_IPV6_TCP |   \
	 RTE_ETH_RSS_NONFRAG_IPV6_UDP)

/* ---- tx.c ---- */

#define PMD_TX_OFFLOADS                                                                            \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |                            \
	 RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO |                               \
	 RTE_ETH_TX_OFFLOAD_VLAN_INSERT | RTE_ETH_TX_OFFLOAD_MULTI_SEGS |                          \
	 RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE)

uint16_t pmd_tx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t pmd_tx_prepare(void *queue, struct rte_mbuf **pkts, uint16_t n);
int pmd_tx_done_cleanup(void *queue, uint32_t n);
int pmd_tx_descriptor_status(void *queue, uint16_t offset);

/** pmd_txq_free_all() - free the packets of a queue that the adapter no longer uses */
void pmd_txq_free_all(struct pmd_txq *txq);

/* ---- rx.c ---- */

#define PMD_RX_OFFLOADS                                                                            \
	(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM |                            \
	 RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_VLAN_STRIP |                            \
	 RTE_ETH_RX_OFFLOAD_RSS_HASH | RTE_ETH_RX_OFFLOAD_SCATTER)

uint16_t pmd_rx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t pmd_rx_burst_scatter(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t pmd_rx_burst_any(void *queue, struct rte_mbuf **pkts, uint16_t n);
/* What DPDK counts a queue's packets in: from 25.11 on, an error can be returned too. */
#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
typedef int pmd_count;
#else
typedef uint32_t pmd_count;
#endif

pmd_count pmd_rx_queue_count(void *queue);

/** pmd_rx_refill() - post as many buffers as fit; false if the pool has too few */
bool pmd_rx_refill(struct pmd_rxq *rxq);

/** pmd_rxq_free_all() - free the packets of a queue that the adapter no longer uses */
void pmd_rxq_free_all(struct pmd_rxq *rxq);

/* ---- stats.c ---- */

#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
int pmd_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats,
		  struct eth_queue_stats *queues);
#else
int pmd_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats);
#endif
int pmd_stats_reset(struct rte_eth_dev *dev);
int pmd_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *stats, unsigned int n);
int pmd_xstats_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n);
int pmd_xstats_reset(struct rte_eth_dev *dev);

/* ---- event.c ---- */

/** pmd_tell_all() - report an event of every port to the application */
void pmd_tell_all(struct pmd_adapter *adapter, enum rte_eth_event_type event);

/** pmd_removed() - the adapter has gone: report it, once */
void pmd_removed(struct pmd_adapter *adapter);

/** pmd_event_start() - start receiving the adapter's events */
int pmd_event_start(struct pmd_adapter *adapter);
void pmd_event_stop(struct pmd_adapter *adapter);

/** pmd_intr_start() - give the ethdev the event descriptors of its receive queues */
int pmd_intr_start(struct rte_eth_dev *dev);
void pmd_intr_stop(struct rte_eth_dev *dev);

/**
 * pmd_intr_queue_start(), pmd_intr_queue_stop() - for a queue that is started or stopped while the
 *						    port runs
 *
 * Its descriptor changes: the application must add it again.
 */
int pmd_intr_queue_start(struct rte_eth_dev *dev, uint16_t queue);
void pmd_intr_queue_stop(struct rte_eth_dev *dev, uint16_t queue);
int pmd_rx_intr_enable(struct rte_eth_dev *dev, uint16_t queue);
int pmd_rx_intr_disable(struct rte_eth_dev *dev, uint16_t queue);
int pmd_link_update(struct rte_eth_dev *dev, int wait);

/* ---- share.c ---- */

/** pmd_share_start() - serve secondary processes; called once */
int pmd_share_start(void);

/** pmd_share_attach() - in a secondary process: attach the ethdevs of a PCI device */
int pmd_share_attach(struct rte_pci_device *pci);
void pmd_share_detach(struct rte_pci_device *pci);

#endif
