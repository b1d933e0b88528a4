/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port - use everything that a port offers to an application besides packets, and report what is
 * wrong.
 *
 * usage: port EAL-ARGUMENT... -- [down]
 *
 * The adapter has a loop: what is sent comes back. With "down" this waits for a link down event,
 * then for a link up event, and prints each.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_net.h>

#define PORT        0
#define QUEUES      4
#define DESCRIPTORS 1024
#define MBUFS       8191
#define PAIR_MAX    (512u << 10) /* bytes of driver memory for a pair of queues */
#define BURST       32
#define BURSTS      8
#define MTU         9000 /* the adapter's */

static struct rte_mempool *pool;
static int link_events;

static void check(int err, const char *what)
{
	if (err >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, rte_strerror(-err));
	exit(1);
}

static void require(int fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "not so: %s\n", what);
	exit(1);
}

static size_t heap(void)
{
	struct rte_malloc_socket_stats stats;

	check(rte_malloc_get_socket_stats(0, &stats), "heap");
	return stats.heap_allocsz_bytes;
}

static void start(uint16_t queues)
{
	struct rte_eth_conf conf = { .intr_conf = { .lsc = 1 } };

	conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IPV4;
	check(rte_eth_dev_configure(PORT, queues, queues, &conf), "configure");
	for (uint16_t i = 0; i < queues; i++) {
		check(rte_eth_rx_queue_setup(PORT, i, DESCRIPTORS, 0, NULL, pool), "rx queue");
		check(rte_eth_tx_queue_setup(PORT, i, DESCRIPTORS, 0, NULL), "tx queue");
	}
	check(rte_eth_dev_start(PORT), "start");
}

/** loop() - send packets from a send queue and receive them on any queue; all come back */
static void loop(uint16_t txq)
{
	uint64_t end = rte_get_timer_cycles() + 5 * rte_get_timer_hz();
	struct rte_mbuf *pkts[BURST];
	unsigned int sent = 0, got = 0;

	while (got < BURSTS * BURST && rte_get_timer_cycles() < end) {
		if (sent < BURSTS * BURST) {
			uint16_t n;

			check(rte_pktmbuf_alloc_bulk(pool, pkts, BURST), "mbufs");
			for (unsigned int i = 0; i < BURST; i++)
				memset(rte_pktmbuf_append(pkts[i], 100), 0x5a, 100);
			n = rte_eth_tx_burst(PORT, txq, pkts, BURST);
			rte_pktmbuf_free_bulk(pkts + n, BURST - n);
			sent += n;
		}
		for (uint16_t q = 0; q < QUEUES; q++) {
			uint16_t n = rte_eth_rx_burst(PORT, q, pkts, BURST);

			rte_pktmbuf_free_bulk(pkts, n);
			got += n;
		}
	}
	require(got == BURSTS * BURST, "what was sent has come back");
}

/* ---- The checks ---- */

/** state() - bytes of the memory in which the driver keeps its ports and queues */
static size_t state(void)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	char line[512];
	bool here = false;
	size_t kib = 0;

	require(maps != NULL, "/proc/self/smaps");
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start, end;
		size_t rss;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = strstr(line, "memfd:manakin-pmd") != NULL;
		else if (here && sscanf(line, "Rss: %zu kB", &rss) == 1)
			kib += rss;
	}
	fclose(maps);
	return kib * 1024;
}

/** apart() - the driver's queues are not in DPDK's memory, which the adapter can write to */
static void apart(void)
{
	for (uint16_t q = 0; q < QUEUES; q++)
		require(!rte_mem_virt2memseg_list(rte_eth_fp_ops[PORT].rxq.data[q]) &&
				!rte_mem_virt2memseg_list(rte_eth_fp_ops[PORT].txq.data[q]),
			"no queue is in memory that the adapter can write to");
	require(state() > 0, "the queues' memory is found");
}

/** memory() - memory that the driver uses for a pair of queues, besides mbufs */
static void memory(void)
{
	size_t before, with_one, all;

	before = heap() + state();
	start(1);
	with_one = heap() + state() - before;
	check(rte_eth_dev_stop(PORT), "stop");
	start(QUEUES);
	all = heap() + state() - before;
	printf("bytes a pair %zu, one %zu\n", all / QUEUES, with_one);
	require(all / QUEUES < PAIR_MAX && with_one < PAIR_MAX,
		"a pair of queues of 1024 descriptors takes less than 512 KiB");
}

static uint64_t xstat(const char *name)
{
	uint64_t id, value;

	check(rte_eth_xstats_get_id_by_name(PORT, name, &id), name);
	require(rte_eth_xstats_get_by_id(PORT, &id, &value, 1) == 1, name);
	return value;
}

static void counters(void)
{
	static const char *const of_a_queue[] = {
		"rx_queue_%u_packets",       "rx_queue_%u_bytes",   "rx_queue_%u_errors",
		"rx_queue_%u_truncated",     "rx_queue_%u_no_mbuf", "rx_queue_%u_completions",
		"tx_queue_%u_packets",       "tx_queue_%u_bytes",   "tx_queue_%u_dropped",
		"tx_queue_%u_error_too_long"
	};
	uint64_t packets = 0;
	char name[64];

	check(rte_eth_xstats_reset(PORT), "reset");
	loop(2);
	for (unsigned int q = 0; q < QUEUES; q++) {
		for (unsigned int i = 0; i < RTE_DIM(of_a_queue); i++) {
			snprintf(name, sizeof(name), of_a_queue[i], q);
			xstat(name);
		}
		snprintf(name, sizeof(name), "rx_queue_%u_packets", q);
		packets += xstat(name);
	}
	require(packets == BURSTS * BURST, "receive queues have counted the packets");
	require(xstat("tx_queue_2_packets") == BURSTS * BURST, "send queue 2 has counted them");
	require(xstat("tx_queue_2_bytes") == BURSTS * BURST * 100, "and their bytes");
	require(xstat("tx_queue_1_packets") == 0, "send queue 1 has sent nothing");
	require(xstat("tx_good_packets") == BURSTS * BURST, "the port has counted them");
	check(rte_eth_stats_reset(PORT), "reset");
	require(xstat("tx_queue_2_packets") == 0 && xstat("rx_good_packets") == 0, "a reset");
}

/** filters() - the adapter has none: with any setting, packets for other addresses are received */
static void filters(void)
{
	check(rte_eth_promiscuous_enable(PORT), "promiscuous on");
	require(rte_eth_promiscuous_get(PORT) == 1, "promiscuous is on");
	loop(0);
	check(rte_eth_promiscuous_disable(PORT), "promiscuous off");
	require(rte_eth_promiscuous_get(PORT) == 0, "promiscuous is off");
	check(rte_eth_allmulticast_enable(PORT), "all-multicast on");
	require(rte_eth_allmulticast_get(PORT) == 1, "all-multicast is on");
	check(rte_eth_allmulticast_disable(PORT), "all-multicast off");
	loop(0);
}

/** rss() - read and change key and table while the port runs */
static void rss(void)
{
	struct rte_eth_rss_reta_entry64 table[8];
	uint8_t key[64], other[40];
	struct rte_eth_rss_conf conf = { .rss_key = key, .rss_key_len = sizeof(key) };
	struct rte_eth_dev_info info;

	check(rte_eth_dev_info_get(PORT, &info), "info");
	check(rte_eth_dev_rss_hash_conf_get(PORT, &conf), "key");
	require(conf.rss_key_len == 40 && conf.rss_hf == info.flow_type_rss_offloads, "RSS types");
	memset(other, 0xa5, sizeof(other));
	conf = (struct rte_eth_rss_conf){ .rss_key = other,
					  .rss_key_len = sizeof(other),
					  .rss_hf = RTE_ETH_RSS_IPV4 };
	check(rte_eth_dev_rss_hash_update(PORT, &conf), "key update");
	conf = (struct rte_eth_rss_conf){ .rss_key = key, .rss_key_len = sizeof(key) };
	check(rte_eth_dev_rss_hash_conf_get(PORT, &conf), "key");
	require(!memcmp(key, other, sizeof(other)), "the key is the one that was set");
	conf = (struct rte_eth_rss_conf){ .rss_key = other, .rss_key_len = 39 };
	require(rte_eth_dev_rss_hash_update(PORT, &conf) == -EINVAL, "a short key is refused");

	memset(table, 0, sizeof(table));
	for (unsigned int i = 0; i < RTE_DIM(table); i++) {
		table[i].mask = UINT64_MAX;
		for (unsigned int n = 0; n < RTE_ETH_RETA_GROUP_SIZE; n++)
			table[i].reta[n] = 3;
	}
	check(rte_eth_dev_rss_reta_update(PORT, table, info.reta_size), "table");
	memset(table[1].reta, 0, sizeof(table[1].reta));
	check(rte_eth_dev_rss_reta_query(PORT, table, info.reta_size), "table");
	require(table[1].reta[63] == 3, "the table is the one that was set");
	table[0].reta[0] = QUEUES;
	require(rte_eth_dev_rss_reta_update(PORT, table, info.reta_size) < 0,
		"a table with a queue that is not there is refused");
	loop(1);
}

static void queues(void)
{
	struct rte_eth_rxq_info rx;
	struct rte_eth_txq_info tx;

	check(rte_eth_dev_rx_queue_stop(PORT, 1), "rx queue stop");
	check(rte_eth_dev_tx_queue_stop(PORT, 1), "tx queue stop");
	loop(0);
	check(rte_eth_rx_queue_info_get(PORT, 1, &rx), "rx queue info");
	check(rte_eth_tx_queue_info_get(PORT, 1, &tx), "tx queue info");
	require(rx.queue_state == RTE_ETH_QUEUE_STATE_STOPPED && rx.nb_desc == DESCRIPTORS &&
			rx.mp == pool,
		"the receive queue says that it is stopped");
	require(tx.queue_state == RTE_ETH_QUEUE_STATE_STOPPED, "so does the send queue");
	check(rte_eth_dev_rx_queue_start(PORT, 1), "rx queue start");
	check(rte_eth_dev_tx_queue_start(PORT, 1), "tx queue start");
	loop(1);
}

static void mtu(void)
{
	uint16_t now;

	require(rte_eth_dev_set_mtu(PORT, MTU) < 0,
		"a running port's buffers are too small for 9000");
	check(rte_eth_dev_stop(PORT), "stop");
	require(rte_eth_dev_set_mtu(PORT, MTU + 1) < 0, "more than the adapter's MTU is refused");
	check(rte_eth_dev_set_mtu(PORT, 1200), "MTU");
	check(rte_eth_dev_get_mtu(PORT, &now), "MTU");
	require(now == 1200, "the MTU is the one that was set");
	check(rte_eth_dev_start(PORT), "start");
	loop(0);
	check(rte_eth_dev_set_mtu(PORT, 1500), "MTU while the port runs");
}

/** types() - the adapter reports none; software determines them */
static void types(void)
{
	static const uint8_t headers[42] = { 0,   0x0d, 0x3a, 0x76, 0x3b, 0xd0, 2,   0,  0, 0,
					     0,   1,    8,    0,    0x45, 0,    0,   46, 0, 0,
					     0,   0,    64,   17,   0,    0,    192, 0,  2, 1,
					     192, 0,    2,    2,    4,    0,    4,   1,  0, 26 };
	uint64_t end = rte_get_timer_cycles() + 5 * rte_get_timer_hz();
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(pool);
	uint16_t got = 0;

	require(rte_eth_dev_get_supported_ptypes(PORT, RTE_PTYPE_ALL_MASK, NULL, 0) <= 0,
		"no packet types are promised");
	require(pkt != NULL, "an mbuf");
	memset(rte_pktmbuf_append(pkt, 60), 0, 60);
	memcpy(rte_pktmbuf_mtod(pkt, void *), headers, sizeof(headers));
	require(rte_eth_tx_burst(PORT, 0, &pkt, 1) == 1, "a packet is sent");
	while (!got && rte_get_timer_cycles() < end)
		for (uint16_t q = 0; q < QUEUES && !got; q++)
			got = rte_eth_rx_burst(PORT, q, &pkt, 1);
	require(got == 1, "it has come back");
	require(pkt->packet_type == RTE_PTYPE_UNKNOWN, "its type is not reported");
	require(rte_net_get_ptype(pkt, NULL, RTE_PTYPE_ALL_MASK) ==
			(RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_UDP),
		"software finds it");
	rte_pktmbuf_free(pkt);
}

static void identity(void)
{
	struct rte_dev_reg_info regs = { 0 };
	struct rte_eth_dev_info info;
	char version[32], tiny[4];

	check(rte_eth_dev_info_get(PORT, &info), "info");
	require(info.max_rx_queues == 16 && info.max_tx_queues == 16, "16 queues of each kind");
	require(info.max_mtu == MTU, "the adapter's MTU");
	check(rte_eth_dev_fw_version_get(PORT, version, sizeof(version)), "version");
	require(!strcmp(version, "1.0.0"), "firmware version 1.0.0");
	require(rte_eth_dev_fw_version_get(PORT, tiny, sizeof(tiny)) == 6,
		"a version takes 6 bytes");
	check(rte_eth_dev_get_reg_info(PORT, &regs), "registers");
	require(regs.length == 10 && regs.width == 4, "10 registers of 4 bytes");
}

/* ---- Link events ---- */

static int on_link(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	struct rte_eth_link link;

	(void)type;
	(void)arg;
	(void)ret;
	check(rte_eth_link_get_nowait(port, &link), "link");
	printf("link %s\n", link.link_status == RTE_ETH_LINK_UP ? "up" : "down");
	fflush(stdout);
	__atomic_add_fetch(&link_events, 1, __ATOMIC_RELEASE);
	return 0;
}

static void links(void)
{
	uint64_t end = rte_get_timer_cycles() + 20 * rte_get_timer_hz();

	check(rte_eth_dev_callback_register(PORT, RTE_ETH_EVENT_INTR_LSC, on_link, NULL), "event");
	puts("ready");
	fflush(stdout);
	while (__atomic_load_n(&link_events, __ATOMIC_ACQUIRE) < 2 && rte_get_timer_cycles() < end)
		rte_delay_us_sleep(10000);
	require(link_events == 2, "two link events have come");
	loop(0);
}

int main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);

	check(used, "rte_eal_init");
	pool = rte_pktmbuf_pool_create("port", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (!pool)
		check(-ENOMEM, "pool");
	memory();
	apart();
	if (argc - used == 2 && !strcmp(argv[used + 1], "down")) {
		links();
	} else {
		identity();
		loop(0);
		counters();
		filters();
		rss();
		queues();
		mtu();
		types();
	}
	check(rte_eth_dev_stop(PORT), "stop");
	check(rte_eth_dev_close(PORT), "close");
	require(rte_mempool_avail_count(pool) == MBUFS, "all mbufs are back");
	puts("done");
	return 0;
}
