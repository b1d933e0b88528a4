/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * waiter - a DPDK application that sleeps until a packet arrives, and uses what testpmd does not
 * use of a port.
 *
 * usage: waiter EAL-ARGUMENT... -- MILLISECONDS [MILLISECONDS]
 *
 * With a second time, the queue is stopped, started and waited for again.
 *
 * Prints: packets received, wake-ups, milliseconds of CPU time while it waited, the first
 * register, and how many mbufs tx_done_cleanup() has freed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_mbuf.h>

#define DESCRIPTORS 256
#define BURST       32
#define SENT        100

static void check(int err, const char *what)
{
	if (err >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, rte_strerror(-err));
	exit(1);
}

static uint64_t milliseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t drain(uint16_t port)
{
	struct rte_mbuf *pkts[BURST];
	uint64_t total = 0;
	uint16_t n;

	while ((n = rte_eth_rx_burst(port, 0, pkts, BURST)) > 0) {
		rte_pktmbuf_free_bulk(pkts, n);
		total += n;
	}
	return total;
}

/** send_some() - send packets; returns how many of them tx_done_cleanup() frees in a second */
static int send_some(uint16_t port, struct rte_mempool *pool)
{
	uint64_t until = milliseconds(CLOCK_MONOTONIC) + 1000;
	int done = 0;

	for (int i = 0; i < SENT; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		if (!m || !rte_pktmbuf_append(m, 60) || rte_eth_tx_burst(port, 0, &m, 1) != 1) {
			fprintf(stderr, "packet %d was not sent\n", i);
			exit(1);
		}
	}
	while (done < SENT && milliseconds(CLOCK_MONOTONIC) < until) {
		int n = rte_eth_tx_done_cleanup(port, 0, 0);

		check(n, "tx_done_cleanup");
		done += n;
	}
	return done;
}

/** struct waited - packets received, and wake-ups */
struct waited {
	uint64_t packets, wakes;
};

/** wait_for() - sleep until packets come, for some milliseconds */
static void wait_for(uint16_t port, uint64_t ms, struct waited *waited)
{
	uint64_t end = milliseconds(CLOCK_MONOTONIC) + ms;

	while (milliseconds(CLOCK_MONOTONIC) < end) {
		struct rte_epoll_event event;
		int n;

		check(rte_eth_dev_rx_intr_enable(port, 0), "arm");
		n = rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, 200);
		check(rte_eth_dev_rx_intr_disable(port, 0), "disarm");
		waited->wakes += n > 0;
		waited->packets += drain(port);
	}
}

/** restart() - stop and start the queue, and wait again: it has another event descriptor */
static void restart(uint16_t port, uint64_t ms)
{
	struct waited waited = { 0 };

	check(rte_eth_dev_rx_queue_stop(port, 0), "queue stop");
	if (rte_eth_dev_rx_intr_enable(port, 0) >= 0)
		check(-EBUSY, "a stopped queue's interrupt is refused");
	check(rte_eth_dev_rx_queue_start(port, 0), "queue start");
	check(rte_eth_dev_rx_intr_ctl_q(port, 0, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD, NULL),
	      "interrupt after a restart");
	wait_for(port, ms, &waited);
	printf("again %lu\n", waited.wakes);
}

int main(int argc, char **argv)
{
	struct rte_eth_conf conf = { .intr_conf = { .rxq = 1 } };
	/* As long as there is room for these, a burst does not free any by itself. */
	struct rte_eth_txconf txconf = { .tx_free_thresh = SENT + 1 };
	struct rte_dev_reg_info regs = { 0 };
	uint32_t words[64] = { 0 };
	struct waited waited = { 0 };
	uint64_t cpu;
	struct rte_mempool *pool;
	const uint16_t port = 0;
	int used = rte_eal_init(argc, argv);
	int cleaned, err;

	check(used, "rte_eal_init");
	if (argc - used < 2)
		return 2;
	pool = rte_pktmbuf_pool_create("waiter", 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (!pool)
		check(-ENOMEM, "pool");
	check(rte_eth_dev_configure(port, 1, 1, &conf), "configure");
	check(rte_eth_rx_queue_setup(port, 0, DESCRIPTORS, (unsigned int)SOCKET_ID_ANY, NULL, pool),
	      "rx queue");
	check(rte_eth_tx_queue_setup(port, 0, DESCRIPTORS, (unsigned int)SOCKET_ID_ANY, &txconf),
	      "tx queue");
	check(rte_eth_dev_start(port), "start");
	check(rte_eth_dev_rx_intr_ctl_q(port, 0, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD, NULL),
	      "interrupt");

	cpu = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
	wait_for(port, (uint64_t)atoi(argv[used + 1]), &waited);
	cpu = milliseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	if (argc - used == 3)
		restart(port, (uint64_t)atoi(argv[used + 2]));

	/* If the kernel drives the adapter, the registers cannot be read. */
	err = rte_eth_dev_get_reg_info(port, &regs);
	if (err != -ENOTSUP) {
		check(err, "register size");
		if (regs.length > RTE_DIM(words))
			check(-E2BIG, "registers");
		regs.data = words;
		check(rte_eth_dev_get_reg_info(port, &regs), "registers");
	}
	cleaned = send_some(port, pool);
	printf("packets %lu\nwakes %lu\ncpu %lu\nregister %#x of %u\ncleaned %d\n", waited.packets,
	       waited.wakes, cpu, words[0], regs.length, cleaned);
	check(rte_eth_dev_stop(port), "stop");
	check(rte_eth_dev_close(port), "close");
	if (rte_mempool_avail_count(pool) != 2047) {
		printf("lost %u mbufs\n", 2047 - rte_mempool_avail_count(pool));
		return 1;
	}
	rte_eal_cleanup();
	return 0;
}
