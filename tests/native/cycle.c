/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cycle - an application that keeps running while adapters die, or that is killed itself.
 *
 * usage: cycle EAL-ARGUMENT... -- adapters COUNT ADDRESS PROGRAM ARGUMENT...
 *	  cycle EAL-ARGUMENT... -- traffic ADDRESS
 *
 * adapters: COUNT times, PROGRAM is started as an adapter, attached by hotplug, sent to, and killed
 * while packets are in flight. Link down and the removal event must come while the application
 * keeps sending; then the device is removed. The process's resources (DPDK's memory and its own,
 * hugepages, descriptors) are compared between a tenth of the cycles and the end.
 *
 * traffic: waits for a line of input, attaches the adapter at ADDRESS, and sends until it is
 * killed. It prints "ready" when the first packets have been sent.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#define DESCRIPTORS 64
#define MBUFS       511
#define BURST       32
#define SECONDS     120                         /* limit for any wait */
#define SLACK       (1ul << 20)                 /* bytes a process may grow by, over all cycles */
#define FIRST       (uint64_t)(DESCRIPTORS * 4) /* packets: the ring has wrapped around */

static int link_down, removed;

static void check(int err, const char *what)
{
	if (err >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, rte_strerror(-err));
	exit(1);
}

static int on_event(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	struct rte_eth_link link = { 0 };

	(void)arg;
	(void)ret;
	if (type == RTE_ETH_EVENT_INTR_RMV)
		__atomic_store_n(&removed, 1, __ATOMIC_RELEASE);
	else if (!rte_eth_link_get_nowait(port, &link) && link.link_status == RTE_ETH_LINK_DOWN)
		__atomic_store_n(&link_down, 1, __ATOMIC_RELEASE);
	return 0;
}

/** start() - one queue of each kind */
static void start(uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = { .intr_conf = { .lsc = 1, .rmv = 1 } };

	check(rte_eth_dev_configure(port, 1, 1, &conf), "configure");
	check(rte_eth_rx_queue_setup(port, 0, DESCRIPTORS, (unsigned int)SOCKET_ID_ANY, NULL, pool),
	      "rx queue");
	check(rte_eth_tx_queue_setup(port, 0, DESCRIPTORS, (unsigned int)SOCKET_ID_ANY, NULL),
	      "tx queue");
	check(rte_eth_dev_start(port), "start");
}

/** burst() - send packets and receive what has arrived; returns how many were sent */
static uint64_t burst(uint16_t port, struct rte_mempool *pool)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t sent, n;

	n = rte_eth_rx_burst(port, 0, pkts, BURST);
	rte_pktmbuf_free_bulk(pkts, n);
	if (rte_pktmbuf_alloc_bulk(pool, pkts, BURST))
		return 0;
	for (unsigned int i = 0; i < BURST; i++)
		memset(rte_pktmbuf_append(pkts[i], 60), 0xff, 60);
	sent = rte_eth_tx_burst(port, 0, pkts, BURST);
	rte_pktmbuf_free_bulk(pkts + sent, BURST - sent);
	return sent;
}

/** send_until() - FIRST packets or, if there is a flag, until it is set */
static void send_until(uint16_t port, struct rte_mempool *pool, const int *flag, const char *what)
{
	uint64_t end = rte_get_timer_cycles() + SECONDS * rte_get_timer_hz(), sent = 0;

	while (flag ? !__atomic_load_n(flag, __ATOMIC_ACQUIRE) : sent < FIRST) {
		sent += burst(port, pool);
		if (rte_get_timer_cycles() > end)
			check(-ETIMEDOUT, what);
	}
}

/* ---- The resources of a process ---- */

struct holdings {
	size_t resident;  /* bytes, without hugepages */
	size_t heap;      /* of DPDK's memory, allocated */
	size_t hugepages; /* bytes of DPDK's memory, whether allocated or not */
	unsigned int fds;
};

static struct holdings holdings(void)
{
	struct rte_malloc_socket_stats stats;
	unsigned long total, resident;
	struct holdings have = { 0 };
	FILE *file = fopen("/proc/self/statm", "r");
	DIR *dir = opendir("/proc/self/fd");

	if (!file || !dir || fscanf(file, "%lu %lu", &total, &resident) != 2 ||
	    rte_malloc_get_socket_stats(0, &stats))
		check(-EIO, "what the process holds");
	while (readdir(dir))
		have.fds++;
	closedir(dir);
	fclose(file);
	have.resident = resident * (size_t)sysconf(_SC_PAGESIZE);
	have.heap = stats.heap_allocsz_bytes;
	have.hugepages = stats.heap_totalsz_bytes;
	return have;
}

/* ---- Adapters ---- */

/** adapter_start() - returns when it waits for a client; close @log after its end */
static pid_t adapter_start(char **command, FILE **log)
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	char line[256];
	int ends[2], err;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		check(-errno, "pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
	err = posix_spawn(&pid, command[0], &actions, NULL, command, environ);
	check(-err, command[0]);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	*log = fdopen(ends[0], "r");
	do {
		if (!*log || !fgets(line, sizeof(line), *log))
			check(-EPIPE, "the adapter does not start");
	} while (!strstr(line, "waiting for a client"));
	return pid;
}

/** adapter_cycle() - the life of one adapter */
static void adapter_cycle(const char *address, char **command, struct rte_mempool *pool)
{
	FILE *log;
	pid_t pid = adapter_start(command, &log);
	uint16_t port;

	link_down = removed = 0;
	check(rte_eal_hotplug_add("pci", address, ""), "hotplug");
	port = rte_eth_find_next(0);
	if (port == RTE_MAX_ETHPORTS)
		check(-ENODEV, "no port has come");
	check(rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_LSC, on_event, NULL), "event");
	check(rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_RMV, on_event, NULL), "event");
	start(port, pool);
	send_until(port, pool, NULL, "packets do not leave");
	kill(pid, SIGKILL);
	send_until(port, pool, &link_down, "no link down");
	send_until(port, pool, &removed, "no removal event");
	waitpid(pid, NULL, 0);
	fclose(log);
	rte_eth_dev_callback_unregister(port, RTE_ETH_EVENT_INTR_LSC, on_event, NULL);
	rte_eth_dev_callback_unregister(port, RTE_ETH_EVENT_INTR_RMV, on_event, NULL);
	rte_eth_dev_stop(port);
	check(rte_eth_dev_close(port), "close");
	check(rte_eal_hotplug_remove("pci", address), "remove");
	if (rte_mempool_avail_count(pool) != MBUFS)
		check(-ENOMEM, "mbufs were lost");
}

static int adapters(unsigned int count, const char *address, char **command,
		    struct rte_mempool *pool)
{
	struct holdings then = { 0 }, now;

	for (unsigned int i = 0; i < count; i++) {
		if (i == count / 10)
			then = holdings();
		adapter_cycle(address, command, pool);
	}
	now = holdings();
	printf("cycles %u\nresident %zu %zu\nheap %zu %zu\nhugepages %zu %zu\ndescriptors %u %u\n",
	       count, then.resident, now.resident, then.heap, now.heap, then.hugepages,
	       now.hugepages, then.fds, now.fds);
	return now.resident > then.resident + SLACK || now.heap > then.heap ||
	       now.hugepages > then.hugepages || now.fds > then.fds;
}

int main(int argc, char **argv)
{
	struct rte_mempool *pool;
	int used = rte_eal_init(argc, argv);

	check(used, "rte_eal_init");
	argv += used;
	argc -= used;
	pool = rte_pktmbuf_pool_create("cycle", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (!pool)
		check(-ENOMEM, "pool");
	if (argc >= 5 && !strcmp(argv[1], "adapters"))
		return adapters((unsigned int)atoi(argv[2]), argv[3], argv + 4, pool);
	if (argc != 3 || strcmp(argv[1], "traffic"))
		return 2;
	if (getchar() == EOF)
		return 0;
	check(rte_eal_hotplug_add("pci", argv[2], ""), "hotplug");
	start(0, pool);
	send_until(0, pool, NULL, "packets do not leave");
	puts("ready");
	fflush(stdout);
	for (;;)
		burst(0, pool);
}
