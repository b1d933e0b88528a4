/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * recover - an application that keeps polling while its adapter is reset, or goes and comes back.
 *
 * usage: recover EAL-ARGUMENT... -- [QUEUES]
 *
 * Every port has QUEUES queues of each kind, and a worker on another lcore, which sends and receives
 * on all of them. Each event of ethdev is a line: "port 0 recovering". Lines of input are commands,
 * answered by a line that begins with the command:
 *
 *	count	packets that were sent and received, on all ports
 *	busy	until operations on port 0 are refused, because it is being reset; says which ones
 *	link	state and speed of each port
 *	stats	reads the counters of port 0, for which the adapter is asked
 *	reset	stops the workers, rte_eth_dev_reset() of port 0, configures and starts it again
 *	close	closes port 0 in the callback of the next event that says that it has failed
 *	quit	stops, closes, and says how many mbufs are missing
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#define PORTS_MAX   4
#define QUEUES_MAX  16
#define DESCRIPTORS 128
#define MBUFS       16383
#define BURST       32

/* DPDK's own macro mixes the sizes of numbers. */
#define FOREACH_PORT(port)                                                                         \
	for (uint16_t port = 0; port < PORTS_MAX; port++)                                          \
		if (rte_eth_dev_is_valid_port(port))
#define SECONDS 120 /* limit for any wait */

static struct rte_mempool *pool;
static uint16_t queues = 1;
static atomic_bool run = true, pause_now, paused, close_failed;
static atomic_bool closed[PORTS_MAX];
static atomic_ullong sent, received;

static void check(int err, const char *what)
{
	if (err >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, rte_strerror(-err));
	exit(1);
}

static const char *name_of(enum rte_eth_event_type type)
{
	switch (type) {
	case RTE_ETH_EVENT_INTR_LSC:
		return "link";
	case RTE_ETH_EVENT_INTR_RMV:
		return "removed";
	case RTE_ETH_EVENT_INTR_RESET:
		return "asks for a reset";
	case RTE_ETH_EVENT_ERR_RECOVERING:
		return "recovering";
	case RTE_ETH_EVENT_RECOVERY_SUCCESS:
		return "recovered";
	case RTE_ETH_EVENT_RECOVERY_FAILED:
		return "failed";
	default:
		return "another event";
	}
}

static int on_event(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)arg;
	(void)ret;
	if (type == RTE_ETH_EVENT_DESTROY || type == RTE_ETH_EVENT_NEW)
		return 0;
	printf("port %u %s\n", port, name_of(type));
	if (type == RTE_ETH_EVENT_RECOVERY_FAILED && close_failed) {
		closed[port] = true;
		check(rte_eth_dev_stop(port), "stop");
		check(rte_eth_dev_close(port), "close");
		printf("port %u closed\n", port);
	}
	fflush(stdout);
	return 0;
}

static void start(uint16_t port)
{
	struct rte_eth_conf conf = { .intr_conf = { .lsc = 1, .rmv = 1 } };

	if (queues > 1) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IPV4;
	}
	check(rte_eth_dev_configure(port, queues, queues, &conf), "configure");
	for (uint16_t i = 0; i < queues; i++) {
		check(rte_eth_rx_queue_setup(port, i, DESCRIPTORS, 0, NULL, pool), "rx queue");
		check(rte_eth_tx_queue_setup(port, i, DESCRIPTORS, 0, NULL), "tx queue");
	}
	check(rte_eth_dev_start(port), "start");
}

/* ---- The worker ---- */

static void turn(uint16_t port, uint16_t queue)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t n = rte_eth_rx_burst(port, queue, pkts, BURST);

	rte_pktmbuf_free_bulk(pkts, n);
	received += n;
	if (rte_pktmbuf_alloc_bulk(pool, pkts, BURST))
		return;
	for (unsigned int i = 0; i < BURST; i++)
		memset(rte_pktmbuf_append(pkts[i], 60), 0xff, 60);
	n = rte_eth_tx_burst(port, queue, pkts, BURST);
	rte_pktmbuf_free_bulk(pkts + n, BURST - n);
	sent += n;
}

static int work(void *arg)
{
	(void)arg;
	while (run) {
		paused = pause_now;
		if (paused)
			continue;
		FOREACH_PORT(port)
		for (uint16_t q = 0; q < queues && !closed[port]; q++)
			turn(port, q);
	}
	return 0;
}

static void pause_worker(bool on)
{
	pause_now = on;
	while (paused != on)
		rte_pause();
}

/* ---- Commands ---- */

/** busy() - operations are refused during a reset, and none of them waits for its end */
static void busy(void)
{
	struct rte_eth_rss_conf rss = { 0 };
	uint64_t until = rte_get_timer_cycles() + SECONDS * rte_get_timer_hz();
	struct rte_eth_stats stats;
	int err;

	do {
		err = rte_eth_dev_rss_hash_update(0, &rss);
		if (rte_get_timer_cycles() > until)
			check(-ETIMEDOUT, "operations are not refused");
	} while (err != -EBUSY);
	check(rte_eth_stats_get(0, &stats), "counters can be read during a reset");
	printf("busy\n");
}

static void link_state(void)
{
	printf("link");
	FOREACH_PORT(port)
	{
		struct rte_eth_link link;

		check(rte_eth_link_get(port, &link), "link");
		printf(" %s %u", link.link_status ? "up" : "down", link.link_speed);
	}
	printf("\n");
}

static void counters(void)
{
	struct rte_eth_stats stats;
	int err = rte_eth_stats_get(0, &stats);

	printf("stats %s\n", err ? rte_strerror(-err) : "");
}

static void reset(void)
{
	int err;

	pause_worker(true);
	err = rte_eth_dev_reset(0);
	if (err) {
		printf("reset %s\n", rte_strerror(-err));
		return;
	}
	start(0);
	pause_worker(false);
	printf("reset\n");
}

static void quit(void)
{
	run = false;
	rte_eal_mp_wait_lcore();
	FOREACH_PORT(port)
	{
		check(rte_eth_dev_stop(port), "stop");
		check(rte_eth_dev_close(port), "close");
	}
	printf("quit %u\n", MBUFS - rte_mempool_avail_count(pool));
}

int main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	char line[32];

	check(used, "rte_eal_init");
	if (argc > used + 1)
		queues = (uint16_t)atoi(argv[used + 1]);
	if (!queues || queues > QUEUES_MAX)
		return 2;
	pool = rte_pktmbuf_pool_create("recover", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (!pool)
		check(-ENOMEM, "pool");
	check(rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_INTR_LSC, on_event, NULL),
	      "callback");
	for (enum rte_eth_event_type type = RTE_ETH_EVENT_UNKNOWN; type < RTE_ETH_EVENT_MAX; type++)
		if (type != RTE_ETH_EVENT_INTR_LSC)
			check(rte_eth_dev_callback_register(RTE_ETH_ALL, type, on_event, NULL),
			      "callback");
	FOREACH_PORT(port)
	start(port);
	check(rte_eal_mp_remote_launch(work, NULL, SKIP_MAIN), "worker");
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (!strcmp(line, "count"))
			printf("count %llu %llu\n", sent, received);
		else if (!strcmp(line, "busy"))
			busy();
		else if (!strcmp(line, "link"))
			link_state();
		else if (!strcmp(line, "stats"))
			counters();
		else if (!strcmp(line, "reset"))
			reset();
		else if (!strcmp(line, "close"))
			printf("close %d\n", close_failed = true);
		else if (!strcmp(line, "quit"))
			break;
		fflush(stdout);
	}
	quit();
	return 0;
}
