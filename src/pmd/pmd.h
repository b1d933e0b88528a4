/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pmd/pmd.h - what the files of the poll-mode driver share. For this room only.
 *
 * Theory of operation
 *
 * One struct pmd_adapter a PCI device, one ethdev a vPort. Each file calls only those of the lines
 * below its own:
 *
 *	probe.c		finds the adapter, picks the vPorts, makes the ethdevs
 *	share.c		secondary processes
 *	ethdev.c	configures, starts, stops, tells
 *	queue.c		sets queues up, starts and stops them
 *	tx.c, rx.c	the packets
 *	event.c		link, removal, receive interrupts
 *	rss.c, stats.c	key and table; counters
 *	memory.c	maps DPDK's memory for the adapter, and its rings into that memory
 *	adapter.c	the adapters, until their last user is gone; the log; doorbells
 *
 * The room uses base/, wire/ and driver/, and is the only one that includes a header of DPDK. It
 * never speaks to an adapter but through driver/, and says what an application or an operator
 * can mend: the port, the queue, the number that is too large.
 *
 * struct pmd_port and the queues are in DPDK's shared memory, at the same address in
 * every process. What only the primary process may follow (the adapter, the vPort's
 * handle) is in struct pmd_port all the same, and no secondary looks at it; the way to
 * the doorbells is each process's own (pmd_doorbell[]).
 *
 * Addresses given to the adapter are virtual ones, whatever the EAL's IOVA mode is.
 */
#ifndef MANAKIN_PMD_PMD_H
#define MANAKIN_PMD_PMD_H

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

#include "driver/driver.h"

#define PMD_NAME               "net_manakin"
#define PMD_DESCRIPTORS_MIN    64u
#define PMD_TX_DESCRIPTORS_MAX DRIVER_UNITS_MAX
#define PMD_RX_DESCRIPTORS_MAX 8192u
#define PMD_DESCRIPTORS_DEF    512u
#define PMD_RX_SEGMENTS_MAX    GDMA_RQE_SGES_MAX
#define PMD_TSO_HEADER_MAX     256u /* bytes: the adapter takes no longer headers to be cut */

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
 * @running:	it exists; a burst on one that does not sends nothing
 * @fast_free:	all packets come from one pool and belong to nobody else
 * @freed:	units whose packets have been freed, as driver.wq.head counts
 * @slow_end:	from @freed to here there may be entries of more than one unit or segment
 * @free_below:	look for completions when there is less room, in units
 * @mbufs:	packet of each entry, at the entry's first unit; NULL at the others
 * @region:	where the last packet was, with its key
 * @port:	ethdev's number
 * @packets, @bytes, @dropped: handed to the adapter; not handed over since no entry can say it
 * @base:	what each counter was at the last reset; only the queue's owner writes the counters
 */
struct pmd_txq {
	struct driver_txq driver;
	bool running;
	bool fast_free;
	uint16_t port;
	uint16_t index;
	uint32_t freed;
	uint32_t slow_end;
	uint32_t free_below;
	struct rte_mbuf **mbufs;
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
 * @running:	it exists
 * @scatter:	entries have @segments buffers
 * @strip:	leave VLAN tags out of the packet, as they come
 * @hash:	applications get the hash
 * @taken:	packets of the completion at hand that were given out before
 * @initial:	8 bytes of a fresh mbuf: offset, references, segments, port
 * @segments:	buffers of an entry
 * @entry_units: units of an entry
 * @limit:	units that may be posted at most
 * @refill_at:	post when so many units are free
 * @posted, @done: entries, modulo 2^32; for the scatter path
 * @entries_mask: places for entries in @mbufs, less one; for the scatter path
 * @mbufs:	buffers of each unit (one-segment entries), or of each entry
 * @pool, @room: where buffers come from, and the bytes in one
 * @region:	where the last buffer was, with its key
 * @port:	ethdev's number
 * @packets, @bytes: given to the application
 * @errors:	truncated, or impossible
 * @truncated:	those of them that were longer than their buffers
 * @nombuf:	times the pool could not give a buffer
 * @completions: entries of the completion queue that brought them
 * @base:	as a send queue's
 */
struct pmd_rxq {
	struct driver_rxq driver;
	bool running;
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

/* ---- Ports and adapters ---- */

struct pmd_adapter;

#define PMD_REGIONS 16u

/**
 * struct pmd_regions - memory regions of a port's queues, see memory.c; in shared memory
 * @lock:	of this, and of a queue's region while it is written
 * @known:	what has been found; @next is written over next
 * @queues:	the regions that queues keep; the primary process's
 */
struct pmd_regions {
	rte_spinlock_t lock;
	unsigned int next;
	struct driver_region known[PMD_REGIONS];
	struct driver_region *queues[2 * DRIVER_QUEUES_MAX];
};

/**
 * struct pmd_port - an ethdev; in shared memory
 * @adapter, @handle: the primary process's; @handle is NULL while the port is stopped
 * @index:	vPort of the adapter
 * @info, @frame_max, @max_units: what the adapter says
 * @alone:	it is the adapter's only one
 * @rss_key, @rss_types: as set by the application; the adapter hashes all types or none
 * @table:	receive queue of each entry
 * @intr:	receive interrupts; the primary process's
 * @missed:	packets without a buffer up to the last reset of the counters
 * @regions:	where its queues' memory is
 */
struct pmd_port {
	struct pmd_adapter *adapter;
	struct driver_port *handle;
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
 * struct pmd_adapter - a PCI device; the primary process's own
 * @driver:	NULL once it is closed
 * @verbs:	the kernel has the adapter too
 * @pci:	the device
 * @intr:	events of the adapter
 * @ports:	open ethdevs, by vPort
 * @users:	ethdevs, and who else needs the adapter to stay
 * @release:	when there are none; probe.c's, as it undoes what that has done
 * @listening:	events are listened to
 * @gone:	the removal event was told
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
	void (*release)(struct pmd_adapter *adapter);
	bool listening;
	bool gone;
};

/* This process's way to the doorbells, by ethdev number */
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

/** pmd_adapter_add() - a new one, whose caller is its first user */
void pmd_adapter_add(struct pmd_adapter *adapter);

/** pmd_adapter_get(), pmd_adapter_put() - one user more; one less, and the last one releases it */
void pmd_adapter_get(struct pmd_adapter *adapter);
void pmd_adapter_put(struct pmd_adapter *adapter);

/** pmd_adapter_find() - by its PCI address; NULL if there is none (share.c) */
struct pmd_adapter *pmd_adapter_find(const char *name);

/* ---- memory.c ---- */

extern const struct driver_allocator pmd_allocator;

/** pmd_memory_map() - let the adapter reach all of DPDK's memory, now and as it comes and goes */
int pmd_memory_map(struct pmd_adapter *adapter);

/** pmd_memory_unmap() - no longer follow DPDK's memory */
void pmd_memory_unmap(struct pmd_adapter *adapter);

/**
 * pmd_region_find() - the region of @address, with its key, for a queue of a port
 * @region:	the queue's; written if it is found
 *
 * Return: false if the adapter cannot reach it, or this process does not know how
 */
bool pmd_region_find(struct pmd_port *port, const void *address, struct driver_region *region);

/** pmd_region_key() - have the region of @address in @region, as it is if it fits; as above */
static inline bool pmd_region_key(struct pmd_port *port, const void *address,
				  struct driver_region *region)
{
	uint64_t va = (uint64_t)(uintptr_t)address;

	if (likely(va - region->start < region->end - region->start))
		return true;
	return pmd_region_find(port, address, region);
}

/** pmd_region_attach() - for a queue that begins: find, and keep it true as memory comes and goes
 */
int pmd_region_attach(struct pmd_port *port, const void *address, struct driver_region *region);

/** pmd_region_detach() - for one that ends */
void pmd_region_detach(struct pmd_port *port, struct driver_region *region);

/* ---- ethdev.c ---- */

extern const struct eth_dev_ops pmd_ops, pmd_secondary_ops;

/** pmd_set_bursts() - the functions for the queues as they are configured */
void pmd_set_bursts(struct rte_eth_dev *dev);

/* ---- queue.c ---- */

int pmd_txq_setup(struct rte_eth_dev *dev, uint16_t index, uint16_t descriptors,
		  unsigned int socket, const struct rte_eth_txconf *conf);
int pmd_rxq_setup(struct rte_eth_dev *dev, uint16_t index, uint16_t descriptors,
		  unsigned int socket, const struct rte_eth_rxconf *conf, struct rte_mempool *pool);
void pmd_txq_release(struct rte_eth_dev *dev, uint16_t index);
void pmd_rxq_release(struct rte_eth_dev *dev, uint16_t index);
void pmd_txq_info(struct rte_eth_dev *dev, uint16_t index, struct rte_eth_txq_info *info);
void pmd_rxq_info(struct rte_eth_dev *dev, uint16_t index, struct rte_eth_rxq_info *info);

/** pmd_txq_create(), pmd_rxq_create() - make the adapter's queue; packets do not come in yet */
int pmd_txq_create(struct rte_eth_dev *dev, uint16_t index);
int pmd_rxq_create(struct rte_eth_dev *dev, uint16_t index);

/** pmd_rxq_fill() - give a new queue its buffers, after packets have been steered to it */
int pmd_rxq_fill(struct rte_eth_dev *dev, uint16_t index);

/** pmd_txq_destroy(), pmd_rxq_destroy() - take the adapter's queue down and free its packets */
void pmd_txq_destroy(struct rte_eth_dev *dev, uint16_t index);
void pmd_rxq_destroy(struct rte_eth_dev *dev, uint16_t index);

/* The application's queue start and stop */
int pmd_txq_start(struct rte_eth_dev *dev, uint16_t index);
int pmd_txq_stop(struct rte_eth_dev *dev, uint16_t index);
int pmd_rxq_start(struct rte_eth_dev *dev, uint16_t index);
int pmd_rxq_stop(struct rte_eth_dev *dev, uint16_t index);

/* ---- rss.c ---- */

/** pmd_rss_default() - key and types when the application gives none */
void pmd_rss_default(struct pmd_port *port);

/** pmd_rss_configure() - take over what the application configured the port with */
int pmd_rss_configure(struct rte_eth_dev *dev);

/** pmd_rss_apply() - tell the adapter; packets come in to running queues if @enable */
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

/** pmd_txq_free_all() - free what is in a queue that the adapter has let go of */
void pmd_txq_free_all(struct pmd_txq *txq);

/* ---- rx.c ---- */

#define PMD_RX_OFFLOADS                                                                            \
	(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM |                            \
	 RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_VLAN_STRIP |                            \
	 RTE_ETH_RX_OFFLOAD_RSS_HASH | RTE_ETH_RX_OFFLOAD_SCATTER)

uint16_t pmd_rx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t pmd_rx_burst_scatter(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t pmd_rx_burst_any(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint32_t pmd_rx_queue_count(void *queue);

/** pmd_rx_refill() - post as many buffers as there is room for; false if the pool has too few */
bool pmd_rx_refill(struct pmd_rxq *rxq);

/** pmd_rxq_free_all() - free what is in a queue that the adapter has let go of */
void pmd_rxq_free_all(struct pmd_rxq *rxq);

/* ---- stats.c ---- */

int pmd_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats);
int pmd_stats_reset(struct rte_eth_dev *dev);
int pmd_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *stats, unsigned int n);
int pmd_xstats_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n);
int pmd_xstats_reset(struct rte_eth_dev *dev);

/* ---- event.c ---- */

/** pmd_event_start() - listen to the adapter's events */
int pmd_event_start(struct pmd_adapter *adapter);
void pmd_event_stop(struct pmd_adapter *adapter);

/** pmd_intr_start() - give the ethdev the event descriptors of its receive queues */
int pmd_intr_start(struct rte_eth_dev *dev);
void pmd_intr_stop(struct rte_eth_dev *dev);

/**
 * pmd_intr_queue_start(), pmd_intr_queue_stop() - of a queue that is started or stopped while the
 * port runs. Its descriptor is a new one afterwards: the application adds it again.
 */
int pmd_intr_queue_start(struct rte_eth_dev *dev, uint16_t queue);
void pmd_intr_queue_stop(struct rte_eth_dev *dev, uint16_t queue);
int pmd_rx_intr_enable(struct rte_eth_dev *dev, uint16_t queue);
int pmd_rx_intr_disable(struct rte_eth_dev *dev, uint16_t queue);
int pmd_link_update(struct rte_eth_dev *dev, int wait);

/* ---- share.c ---- */

/** pmd_share_start() - answer secondary processes; once */
int pmd_share_start(void);

/** pmd_share_attach() - in a secondary process: the ethdevs of a PCI device */
int pmd_share_attach(struct rte_pci_device *pci);
void pmd_share_detach(struct rte_pci_device *pci);

#endif
