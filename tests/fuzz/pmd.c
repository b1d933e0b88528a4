/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/pmd.c - the poll-mode driver on an adapter that answers anything.
 *
 * Theory of operation
 *
 * DPDK runs in this process, without hugepages and without a bus. A port is created as in probe(),
 * on an adapter in the same thread (unit/driver/hostile.c), and used through ethdev:
 *
 *	byte 0		how the port is configured (enum option)
 *	byte 1		how much of what the adapter answers is made up, of 256, when option LIES is
 *			set
 *	from byte 2	what happens next (enum act), each with what it needs
 *
 * The adapter's completions are written where it would write them. Whatever they contain, an
 * application must get consistent packets: lengths, numbers of segments, one owner. A burst reads a
 * bounded number of them. At the end every mbuf is in its pool exactly once, and nothing is left in
 * the heap.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_malloc.h>

#include "base/log.h"
#include "pmd/pmd.h"
#include "unit/driver/hostile.h"
#include "wire/native.h"

#define QUEUES      2
#define DESCRIPTORS 64
#define MBUFS       2047
#define SMALL       200 /* bytes of a buffer that no frame fits into */
#define BURST       40
#define TIMEOUT_MS  3
#define FLOOD       0x70 /* in an action's byte: many completions that report nothing */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

enum option {
	SCATTER = 1,
	STRIP = 2,
	INTERRUPTS = 4,
	FAST_FREE = 8,
	SEGMENTS = 16,
	HASH = 32,
	LIES = 64,
};

enum act {
	RX_COMPLETION, /* the next one, with valid owner bits and the input's contents */
	RX_GOOD,       /* also with valid lengths */
	RX_ANYWHERE,   /* bytes into the ring */
	TX_COMPLETION,
	TX_GOOD,
	TX_ANYWHERE,
	BELL, /* a page of shared doorbells */
	RECEIVE,
	SEND,
	PREPARE_SEND,
	CLEAN,
	LOOK,
	INTERRUPT,
	QUEUE_RESTART,
	PORT_RESTART,
	RSS,
	RESET,   /* the adapter's, as the driver does it by itself */
	RECOVER, /* the application's */
	ACTS,
};

/* DPDK's own: it keeps some allocations for the life of the process */
const char *__lsan_default_suppressions(void)
{
	return "leak:librte_\n";
}

/** struct input - what is left of it */
struct input {
	const uint8_t *data;
	size_t left;
};

static uint8_t byte(struct input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->data++;
}

static uint32_t word(struct input *input)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < 4; i++)
		value = value << 8 | byte(input);
	return value;
}

static void require(bool fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* ---- The process ---- */

static struct rte_mempool *pool, *small_pool;
static uint8_t *bar2;

static void quiet(enum log_level level, const char *message)
{
	(void)level;
	(void)message;
}

static void init(void)
{
	char lcores[32], name[] = "fuzz-pmd", prefix[64];
	char *argv[] = { name,
			 (char[]){ "--no-huge" },
			 (char[]){ "--no-pci" },
			 (char[]){ "--no-shconf" },
			 (char[]){ "--no-telemetry" },
			 (char[]){ "--iova-mode=va" },
			 (char[]){ "--log-level=*:emergency" },
			 (char[]){ "-m" },
			 (char[]){ "64" },
			 (char[]){ "--lcores" },
			 lcores,
			 prefix };
	cpu_set_t cpus;
	unsigned int first = 0;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	while (!CPU_ISSET(first, &cpus))
		first++;
	snprintf(lcores, sizeof(lcores), "0@%u", first);
	snprintf(prefix, sizeof(prefix), "--file-prefix=fuzz-pmd-%d", (int)getpid());
	require(rte_eal_init((int)RTE_DIM(argv), argv) >= 0, "rte_eal_init");
	log_set(quiet, LOG_ERROR);
	pmd_recover_attach();
	pool = rte_pktmbuf_pool_create("fuzz", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	small_pool = rte_pktmbuf_pool_create("small", MBUFS, 0, 0, RTE_PKTMBUF_HEADROOM + SMALL,
					     SOCKET_ID_ANY);
	bar2 = rte_zmalloc(NULL, HOSTILE_PAGES * NATIVE_DOORBELL_SIZE, 4096);
	require(pool && small_pool && bar2, "memory");
}

/** allocations() - pieces of DPDK's heap that are in use */
static unsigned int allocations(void)
{
	struct rte_malloc_socket_stats stats;

	require(!rte_malloc_get_socket_stats(0, &stats), "heap");
	return stats.alloc_count;
}

/** check_pool() - all of its mbufs are there, each of them once */
static void check_pool(struct rte_mempool *mempool)
{
	static void *mbufs[MBUFS];

	require(rte_mempool_avail_count(mempool) == MBUFS, "mbufs were lost, or came back twice");
	require(!rte_mempool_get_bulk(mempool, mbufs, MBUFS), "mbufs");
	for (unsigned int i = 0; i < MBUFS; i++)
		((struct rte_mbuf *)mbufs[i])->dynfield1[0] = 0;
	for (unsigned int i = 0; i < MBUFS; i++)
		require(!((struct rte_mbuf *)mbufs[i])->dynfield1[0]++, "an mbuf came back twice");
	rte_mempool_put_bulk(mempool, mbufs, MBUFS);
}

/* ---- A port ---- */

/** struct rig - an adapter and its port */
struct rig {
	struct input *input;
	struct hostile_source source;
	struct pmd_adapter adapter;
	struct rte_pci_device pci;
	struct rte_eth_dev *dev;
	uint16_t id;
	uint8_t options;
	struct rte_mempool *rx_pool;
	uint32_t rx_next[QUEUES], tx_next[QUEUES]; /* completions written */
};

/** lie() - a decision of the adapter; an honest one consumes no input */
static uint8_t lie(void *ctx)
{
	struct rig *rig = ctx;

	return rig->source.rate && rig->input->left ? byte(rig->input) : 255;
}

/** release() - as in probe.c */
static void release(struct pmd_adapter *adapter)
{
	pmd_memory_unmap(adapter);
	if (adapter->driver)
		driver_close(adapter->driver);
	pthread_cond_destroy(&adapter->idle);
	pthread_mutex_destroy(&adapter->lock);
}

/** add_port() - as in probe() */
static void add_port(struct rig *rig)
{
	struct pmd_port *port = pmd_state_alloc(sizeof(*port), 0);
	struct rte_eth_dev *dev = rte_eth_dev_allocate("fuzz");

	require(port && dev, "a port");
	port->adapter = &rig->adapter;
	port->frame_max = rig->adapter.info.frame_max;
	port->max_units = rig->adapter.info.max_units;
	port->alone = true;
	pmd_rss_default(port);
	port->intr = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	require(port->intr && !rte_intr_type_set(port->intr, RTE_INTR_HANDLE_EXT) &&
			!rte_intr_fd_set(port->intr, -1),
		"interrupts");
	dev->data->dev_private = port;
	dev->data->mac_addrs = &port->mac;
	dev->device = &rig->pci.device;
	dev->intr_handle = port->intr;
	dev->dev_ops = &pmd_ops;
	pmd_doorbell[dev->data->port_id] = driver_doorbell(rig->adapter.driver);
	pmd_set_bursts(dev);
	rig->adapter.ports[0] = dev;
	rig->adapter.users++;
	rte_eth_dev_probing_finish(dev);
	rig->dev = dev;
	rig->id = dev->data->port_id;
}

/** bring_up() - open, map, start, configure; any failure ends the run */
static int bring_up(struct rig *rig)
{
	struct driver_allocator allocator = pmd_allocator;
	struct transport *transport = hostile_transport(&rig->source, bar2);
	static const struct rte_driver driver = { .name = PMD_NAME };
	struct rte_eth_conf conf = { 0 };
	struct pmd_port *port;
	int err;

	require(transport, "memory");
	rig->adapter.pci = &rig->pci;
	pmd_adapter_add(&rig->adapter); /* a user, so that the adapter outlives the port */
	rig->adapter.release = release;
	snprintf(rig->pci.name, sizeof(rig->pci.name), "fuzz");
	rig->pci.device.numa_node = -1;
	rig->pci.device.driver = &driver;
	allocator.ctx = &rig->adapter;
	err = driver_open(transport, &allocator, &rig->adapter.driver);
	if (err) {
		rig->adapter.driver = NULL;
		return err;
	}
	driver_set_timeout(rig->adapter.driver, TIMEOUT_MS);
	err = pmd_memory_map(&rig->adapter);
	if (!err)
		err = driver_start(rig->adapter.driver);
	if (err)
		return err;
	driver_info(rig->adapter.driver, &rig->adapter.info);
	if (!rig->adapter.info.ports)
		return -ENODEV;
	add_port(rig);
	port = pmd_port(rig->dev);
	err = driver_port_info(rig->adapter.driver, 0, &port->info);
	if (err)
		return err;
	memcpy(port->mac.addr_bytes, port->info.mac, RTE_ETHER_ADDR_LEN);

	if (rig->options & INTERRUPTS)
		conf.intr_conf.rxq = 1;
	if (rig->options & HASH) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = PMD_RSS_TYPES;
	}
	conf.rxmode.offloads = (rig->options & SCATTER ? RTE_ETH_RX_OFFLOAD_SCATTER : 0) |
			       (rig->options & STRIP ? RTE_ETH_RX_OFFLOAD_VLAN_STRIP : 0);
	conf.txmode.offloads = (rig->options & FAST_FREE ? RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE : 0) |
			       (rig->options & SEGMENTS ? RTE_ETH_TX_OFFLOAD_MULTI_SEGS : 0);
	rig->rx_pool = rig->options & SCATTER ? small_pool : pool;
	err = rte_eth_dev_configure(rig->id, QUEUES, QUEUES, &conf);
	for (uint16_t i = 0; i < QUEUES && !err; i++) {
		err = rte_eth_rx_queue_setup(rig->id, i, DESCRIPTORS, 0, NULL, rig->rx_pool);
		if (!err)
			err = rte_eth_tx_queue_setup(rig->id, i, DESCRIPTORS, 0, NULL);
	}
	return err ? err : rte_eth_dev_start(rig->id);
}

static void take_down(struct rig *rig)
{
	if (rig->dev) {
		rte_eth_dev_stop(rig->id);
		require(!rte_eth_dev_close(rig->id), "close");
	}
	pmd_adapter_put(&rig->adapter);
}

/** check_apart() - the driver keeps what it goes by in memory that no adapter can write to */
static void check_apart(const struct rig *rig)
{
	const struct rte_eth_dev_data *data = rig->dev->data;

	require(!rte_mem_virt2memseg_list(data->dev_private), "the port is in DPDK's memory");
	for (uint16_t i = 0; i < QUEUES; i++) {
		const struct pmd_rxq *rxq = data->rx_queues[i];
		const struct pmd_txq *txq = data->tx_queues[i];

		require(!rte_mem_virt2memseg_list(rxq) && !rte_mem_virt2memseg_list(rxq->mbufs) &&
				!rte_mem_virt2memseg_list(txq) &&
				!rte_mem_virt2memseg_list(txq->mbufs) &&
				!rte_mem_virt2memseg_list(txq->driver.signals),
			"a queue is in DPDK's memory");
		require(rte_mem_virt2memseg_list(txq->driver.wq.ring) != NULL,
			"a ring is not in DPDK's memory");
	}
}

/* ---- What the adapter writes ---- */

/** put() - a completion at the next place of a ring, or bytes anywhere in it */
static void put(const struct driver_cq *cq, uint32_t *next, const struct gdma_cqe *from)
{
	struct gdma_cqe *ring = (struct gdma_cqe *)(uintptr_t)cq->ring;
	uint32_t index = cq->mask + 1 + (*next)++;
	struct gdma_cqe cqe = *from;

	cqe.owner_bits = (uint8_t)gdma_owner_bits(index, cq->mask + 1) & 7u;
	ring[index & cq->mask] = cqe;
}

static void spoil(struct input *input, const struct driver_cq *cq)
{
	uint8_t *ring = (uint8_t *)(uintptr_t)cq->ring;
	size_t at = word(input) % ((cq->mask + 1) * sizeof(struct gdma_cqe));

	ring[at] = byte(input);
}

static struct gdma_cqe made_up(struct input *input)
{
	struct gdma_cqe cqe = { 0 };

	for (unsigned int i = 0; i < 12; i++)
		cqe.data[i] = word(input);
	return cqe;
}

/** received() - a completion of one to four packets with valid lengths */
static struct gdma_cqe received(struct input *input)
{
	struct gdma_cqe cqe = { 0 };
	struct mana_rxcomp_oob *oob = (struct mana_rxcomp_oob *)&cqe;
	unsigned int n = 1 + byte(input) % MANA_RXCOMP_PACKETS;

	cqe.data[1] = word(input);
	oob->cqe_hdr.cqe_type = n == 1 ? MANA_CQE_RX_OKAY : MANA_CQE_RX_COALESCED_4;
	for (unsigned int i = 0; i < n; i++)
		oob->ppi[i].pkt_len = (uint16_t)(1 + byte(input) * 6);
	return cqe;
}

/** flood() - many completions of one type, with nothing in them that was posted */
static void flood(struct rig *rig, uint16_t queue)
{
	static const uint8_t types[] = { MANA_CQE_RX_OBJECT_FENCE, MANA_CQE_RX_TRUNCATED,
					 MANA_CQE_RX_OKAY,         MANA_CQE_TX_SA_DROP,
					 MANA_CQE_TX_GDMA_ERR,     MANA_CQE_TX_OKAY };
	struct gdma_cqe cqe = { .data = { types[byte(rig->input) % sizeof(types)] } };
	const struct pmd_rxq *rxq = rig->dev->data->rx_queues[queue];
	const struct pmd_txq *txq = rig->dev->data->tx_queues[queue];
	bool sent = cqe.data[0] >= MANA_CQE_TX_OKAY;

	for (unsigned int n = byte(rig->input); n; n--)
		put(sent ? &txq->driver.cq : &rxq->driver.cq,
		    sent ? &rig->tx_next[queue] : &rig->rx_next[queue], &cqe);
}

/* ---- What the application does ---- */

/** check_packet() - a packet as rte_mbuf.h describes it, with one owner */
static void check_packet(const struct rig *rig, const struct rte_mbuf *m)
{
	uint32_t len = 0;
	unsigned int segments = 0;

	for (const struct rte_mbuf *seg = m; seg; seg = seg->next) {
		require(seg->pool == rig->rx_pool, "a packet's buffer is not of its pool");
		require(rte_mbuf_refcnt_read(seg) == 1, "a packet has more than one owner");
		require((uint32_t)seg->data_off + seg->data_len <= seg->buf_len,
			"a packet is longer than its buffer");
		len += seg->data_len;
		segments++;
	}
	require(segments == m->nb_segs && len == m->pkt_len && len > 0, "a packet's lengths");
	require(m->port == rig->id, "a packet's port");
}

static void receive(struct rig *rig, uint16_t queue)
{
	const struct pmd_rxq *rxq = rig->dev->data->rx_queues[queue];
	struct rte_mbuf *pkts[BURST];
	uint32_t before = rxq->driver.cq.index;
	uint16_t max = 1 + byte(rig->input) % BURST;
	uint16_t n = rte_eth_rx_burst(rig->id, queue, pkts, max);

	require(n <= max, "more were received than there is room for");
	require(rxq->driver.cq.index - before <= max, "a burst read more completions than packets");
	for (uint16_t i = 0; i < n; i++)
		check_packet(rig, pkts[i]);
	rte_pktmbuf_free_bulk(pkts, n);
}

/** make_packet() - as the input says; NULL if the pool is empty */
static struct rte_mbuf *make_packet(struct rig *rig)
{
	uint8_t shape = byte(rig->input);
	unsigned int segments = shape & 3 && rig->options & SEGMENTS ? byte(rig->input) % 34 : 0;
	struct rte_mbuf *head = rte_pktmbuf_alloc(pool);

	if (!head)
		return NULL;
	rte_pktmbuf_append(head, 60 + byte(rig->input));
	memset(rte_pktmbuf_mtod(head, void *), 0x45, head->data_len);
	for (unsigned int i = 0; i < segments; i++) {
		struct rte_mbuf *seg = rte_pktmbuf_alloc(pool);

		if (!seg)
			break;
		rte_pktmbuf_append(seg, byte(rig->input) % 3);
		if (rte_pktmbuf_chain(head, seg))
			rte_pktmbuf_free(seg);
	}
	if (shape & 4) {
		head->ol_flags = (uint64_t)word(rig->input) << 32 & RTE_MBUF_F_TX_OFFLOAD_MASK;
		head->l2_len = 14;
		head->l3_len = byte(rig->input) % 64;
		head->l4_len = byte(rig->input) % 64;
		head->tso_segsz = (uint16_t)word(rig->input);
		head->vlan_tci = (uint16_t)word(rig->input);
	}
	return head;
}

static void transmit(struct rig *rig, uint16_t queue, bool prepare)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t want = 1 + byte(rig->input) % BURST, n = 0, sent;

	while (n < want && (pkts[n] = make_packet(rig)))
		n++;
	sent = prepare ? rte_eth_tx_prepare(rig->id, queue, pkts, n) : n;
	require(sent <= n, "more were prepared than passed in");
	sent = rte_eth_tx_burst(rig->id, queue, pkts, sent);
	require(sent <= n, "more were sent than passed in");
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
}

static void look(struct rig *rig, uint16_t queue)
{
	struct rte_eth_xstat xstats[128];
	struct rte_eth_stats stats;
	struct rte_eth_link link;

	rte_eth_stats_get(rig->id, &stats);
	rte_eth_xstats_get(rig->id, xstats, RTE_DIM(xstats));
	rte_eth_link_get_nowait(rig->id, &link);
	require(rte_eth_rx_queue_count(rig->id, queue) <= 4 * 8192, "more packets wait than the "
								    "ring holds");
	rte_eth_tx_descriptor_status(rig->id, queue, byte(rig->input) % DESCRIPTORS);
}

static void rss(struct rig *rig)
{
	struct rte_eth_rss_reta_entry64 table[MANA_INDIRECTION_MAX / RTE_ETH_RETA_GROUP_SIZE];
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(rig->id, &info))
		return;
	memset(table, 0, sizeof(table));
	for (unsigned int i = 0; i < RTE_DIM(table); i++) {
		table[i].mask = (uint64_t)word(rig->input) << 32 | word(rig->input);
		memset(table[i].reta, 0, sizeof(table[i].reta));
		table[i].reta[byte(rig->input) % RTE_ETH_RETA_GROUP_SIZE] =
			byte(rig->input) % QUEUES;
	}
	require(info.reta_size <= MANA_INDIRECTION_MAX, "a table larger than there is room for");
	rte_eth_dev_rss_reta_update(rig->id, table, info.reta_size);
}

/** restart() - restart a queue, or the whole port; the rings are new then */
static bool restart(struct rig *rig, bool port)
{
	bool alive;

	if (port) {
		rte_eth_dev_stop(rig->id);
		alive = !rte_eth_dev_start(rig->id);
		memset(rig->rx_next, 0, sizeof(rig->rx_next));
		memset(rig->tx_next, 0, sizeof(rig->tx_next));
		return alive;
	}
	rte_eth_dev_rx_queue_stop(rig->id, 0);
	rte_eth_dev_tx_queue_stop(rig->id, 0);
	rig->rx_next[0] = rig->tx_next[0] = 0;
	return !rte_eth_dev_rx_queue_start(rig->id, 0) && !rte_eth_dev_tx_queue_start(rig->id, 0);
}

/** reset() - the adapter is reset; its port may not come back */
static bool reset(struct rig *rig, bool application)
{
	struct rte_eth_dev *dev = rig->dev;
	int err;

	if (application) {
		err = rte_eth_dev_reset(rig->id);
		if (!err)
			err = rte_eth_dev_start(rig->id);
	} else {
		pmd_recover_start(&rig->adapter);
		pmd_lock_idle(&rig->adapter);
		pmd_unlock(dev);
		err = pmd_port(dev)->recovered ? 0 : -EIO;
	}
	require(!err || rig->source.rate, "an honest adapter's port does not come back");
	memset(rig->rx_next, 0, sizeof(rig->rx_next));
	memset(rig->tx_next, 0, sizeof(rig->tx_next));
	return !err;
}

/** act() - the next action; false if the port no longer runs */
static bool act(struct rig *rig, uint8_t what)
{
	struct input *input = rig->input;
	uint16_t queue = what >> 7;
	const struct pmd_rxq *rxq = rig->dev->data->rx_queues[queue];
	const struct pmd_txq *txq = rig->dev->data->tx_queues[queue];
	struct gdma_cqe cqe = { 0 };

	if ((what & 0x7f) >= FLOOD) {
		flood(rig, queue);
		return true;
	}
	switch ((enum act)((what & 0x7f) % ACTS)) {
	case RX_COMPLETION:
		cqe = made_up(input);
		put(&rxq->driver.cq, &rig->rx_next[queue], &cqe);
		break;
	case RX_GOOD:
		cqe = received(input);
		put(&rxq->driver.cq, &rig->rx_next[queue], &cqe);
		break;
	case RX_ANYWHERE:
		spoil(input, &rxq->driver.cq);
		break;
	case TX_COMPLETION:
		cqe = made_up(input);
		put(&txq->driver.cq, &rig->tx_next[queue], &cqe);
		break;
	case TX_GOOD:
		cqe.data[0] = MANA_CQE_TX_OKAY;
		put(&txq->driver.cq, &rig->tx_next[queue], &cqe);
		break;
	case TX_ANYWHERE:
		spoil(input, &txq->driver.cq);
		break;
	case BELL:
		bar2[word(input) % (HOSTILE_PAGES * NATIVE_DOORBELL_SIZE)] = byte(input);
		break;
	case RECEIVE:
		receive(rig, queue);
		break;
	case SEND:
	case PREPARE_SEND:
		transmit(rig, queue, (what & 0x7f) % ACTS == PREPARE_SEND);
		break;
	case CLEAN:
		rte_eth_tx_done_cleanup(rig->id, queue, byte(input));
		break;
	case LOOK:
		look(rig, queue);
		break;
	case INTERRUPT:
		rte_eth_dev_rx_intr_enable(rig->id, queue);
		rte_eth_dev_rx_intr_disable(rig->id, queue);
		break;
	case QUEUE_RESTART:
		return restart(rig, false);
	case PORT_RESTART:
		return restart(rig, true);
	case RSS:
		rss(rig);
		break;
	case RESET:
	case RECOVER:
		return reset(rig, (what & 0x7f) % ACTS == RECOVER);
	case ACTS:
		break;
	}
	return true;
}

/** next() - the next action; it reads no more completions of entries than there were entries */
static bool next(struct rig *rig)
{
	uint8_t what = byte(rig->input);
	const struct pmd_txq *txq = rig->dev->data->tx_queues[what >> 7];
	uint32_t index = txq->driver.cq.index, used = driver_wq_used(&txq->driver.wq);
	bool alive = act(rig, what);

	/* A queue that was started again counts from the beginning. */
	require(!alive || txq->driver.cq.index == txq->driver.cq.mask + 1 ||
			txq->driver.cq.index - index <= used,
		"more completions were read than entries were sent");
	return alive;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { .data = data, .left = size };
	static struct rig rig;
	/* The first port allocates what ethdev keeps. */
	static unsigned int before;
	unsigned int after;
	int err;

	if (!pool)
		init();
	memset(&rig, 0, sizeof(rig));
	memset(bar2, 0, HOSTILE_PAGES * NATIVE_DOORBELL_SIZE);
	rig.input = &input;
	rig.source = (struct hostile_source){ .next = lie, .ctx = &rig };
	rig.options = byte(&input);
	rig.source.rate = rig.options & LIES ? byte(&input) : 0;
	err = bring_up(&rig);
	require(!err || rig.source.rate, "an honest adapter's port does not start");
	if (!err)
		check_apart(&rig);
	while (!err && input.left && next(&rig))
		;
	take_down(&rig);
	check_pool(pool);
	check_pool(small_pool);
	require(!pmd_state_used(), "memory of ports and queues was lost");
	after = allocations();
	require(!before || after == before, "memory was lost");
	before = after;
	return 0;
}
