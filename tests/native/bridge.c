/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bridge - an application that forwards each packet from one port to the other.
 *
 * usage: bridge EAL-ARGUMENT... -- PACKETS
 *
 * It uses only ethdev and knows no driver, and uses what a port reports about itself: limits,
 * default thresholds, offloads. It ends when it has sent PACKETS, or after 20 s, then checks that
 * the ports' counters agree with its own, and that every mbuf is back in the pool.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#define PORTS       2
#define DESCRIPTORS 300 /* not a power of two; the port may change it */
#define MBUFS       4095
#define BURST       32
#define SECONDS     120

static void check(int err, const char *what)
{
	if (err >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, rte_strerror(-err));
	exit(1);
}

static void wanted(uint64_t want, uint64_t got, const char *what)
{
	if (want == got)
		return;
	fprintf(stderr, "%s: wanted %lu, got %lu\n", what, want, got);
	exit(1);
}

/** start() - a port with one queue of each kind, and the offloads that are useful here */
static void start(uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_dev_info info;
	struct rte_eth_txconf txconf;
	uint16_t rx = DESCRIPTORS, tx = DESCRIPTORS;

	check(rte_eth_dev_info_get(port, &info), "info");
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_CHECKSUM;
	check(rte_eth_dev_configure(port, 1, 1, &conf), "configure");
	check(rte_eth_dev_adjust_nb_rx_tx_desc(port, &rx, &tx), "descriptors");
	check(rte_eth_rx_queue_setup(port, 0, rx, (unsigned int)rte_eth_dev_socket_id(port), NULL,
				     pool),
	      "rx queue");
	txconf = info.default_txconf;
	txconf.offloads = conf.txmode.offloads;
	check(rte_eth_tx_queue_setup(port, 0, tx, (unsigned int)rte_eth_dev_socket_id(port),
				     &txconf),
	      "tx queue");
	check(rte_eth_promiscuous_enable(port), "promiscuous");
	check(rte_eth_dev_start(port), "start");
}

/** forward() - from @in to the other port; drops and counts what it does not accept */
static uint64_t forward(uint16_t in, uint64_t *dropped)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t n = rte_eth_rx_burst(in, 0, pkts, BURST), sent;

	if (!n)
		return 0;
	sent = rte_eth_tx_burst(in ^ 1, 0, pkts, n);
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	*dropped += n - sent;
	return sent;
}

int main(int argc, char **argv)
{
	uint64_t sent[PORTS] = { 0 }, dropped[PORTS] = { 0 }, packets, end;
	struct rte_eth_stats stats[PORTS];
	struct rte_mempool *pool;
	int used = rte_eal_init(argc, argv);

	check(used, "rte_eal_init");
	if (argc - used != 2)
		return 2;
	packets = strtoull(argv[used + 1], NULL, 10);
	wanted(PORTS, rte_eth_dev_count_avail(), "ports");
	pool = rte_pktmbuf_pool_create("bridge", MBUFS, 128, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (!pool)
		check(-ENOMEM, "pool");
	for (uint16_t port = 0; port < PORTS; port++)
		start(port, pool);
	end = rte_get_timer_cycles() + SECONDS * rte_get_timer_hz();
	while (sent[0] + sent[1] < packets && rte_get_timer_cycles() < end)
		for (uint16_t port = 0; port < PORTS; port++)
			sent[port] += forward(port, &dropped[port]);

	for (uint16_t port = 0; port < PORTS; port++) {
		check(rte_eth_stats_get(port, &stats[port]), "stats");
		printf("port %u: received %lu forwarded %lu dropped %lu\n", port,
		       stats[port].ipackets, sent[port], dropped[port]);
		wanted(sent[port] + dropped[port], stats[port].ipackets, "packets received");
	}
	wanted(sent[0], stats[1].opackets, "packets sent by port 1");
	wanted(sent[1], stats[0].opackets, "packets sent by port 0");
	for (uint16_t port = 0; port < PORTS; port++) {
		check(rte_eth_dev_stop(port), "stop");
		check(rte_eth_dev_close(port), "close");
	}
	wanted(MBUFS, rte_mempool_avail_count(pool), "mbufs in the pool");
	check(rte_eal_cleanup(), "cleanup");
	return sent[0] + sent[1] < packets;
}
