/* SPDX-License-Identifier: BSD-3-Clause */
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

static void say(enum log_level level, const char *message)
{
	fprintf(stderr, "%d %s\n", (int)level, message);
}

/* ---- The adapter ---- */

static int adapter_up(struct host *host)
{
	struct error error;

	if (getenv("VERBOSE"))
		log_set(say, LOG_DEBUG);
	if (lanes_start(NULL, 1, &host->lanes))
		return -1;
	if (adapter_open(&host->config, host->lanes, &host->adapter, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return -1;
	}
	return 0;
}

static void *serve(void *argument)
{
	struct host *host = argument;
	struct pollfd fds[2] = { { .fd = adapter_fd(host->adapter), .events = POLLIN },
				 { .fd = host->stop_fd, .events = POLLIN } };

	for (;;) {
		poll(fds, 2, -1);
		if (fds[1].revents)
			return NULL;
		pthread_mutex_lock(&host->lock);
		adapter_serve(host->adapter);
		pthread_mutex_unlock(&host->lock);
	}
}

/** run_child() - the adapter's own process; does not return */
static void run_child(struct host *host, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	host->stop_fd = -1;
	pthread_mutex_init(&host->lock, NULL);
	if (adapter_up(host) || write(ready, "", 1) != 1)
		_exit(1);
	serve(host);
	_exit(0);
}

void host_start(struct host *host, bool child, const char *const *fabrics)
{
	memset(host, 0, sizeof(*host));
	snprintf(host->folder, sizeof(host->folder), "/tmp/manakin-driver-XXXXXX");
	assert_non_null(mkdtemp(host->folder));
	snprintf(host->path, sizeof(host->path), "%s/socket", host->folder);
	host->config.name = "adapter";
	host->config.socket = host->path;
	for (; fabrics[host->config.ports]; host->config.ports++) {
		struct adapter_port_config *port = &host->config.port[host->config.ports];

		memcpy(port->mac, "\x00\x0d\x3a\xbb\x00", 5);
		port->mac[5] = (uint8_t)host->config.ports;
		port->fabric = fabrics[host->config.ports];
		port->mtu = 9000;
		port->queues = ADAPTER_QUEUES_MAX;
	}
	if (child) {
		int ready[2];
		char byte;

		assert_int_equal(pipe(ready), 0);
		host->pid = fork();
		assert_true(host->pid >= 0);
		if (!host->pid)
			run_child(host, ready[1]);
		close(ready[1]);
		assert_int_equal(read(ready[0], &byte, 1), 1);
		close(ready[0]);
		return;
	}
	assert_int_equal(adapter_up(host), 0);
	pthread_mutex_init(&host->lock, NULL);
	host->stop_fd = eventfd(0, EFD_CLOEXEC);
	assert_true(host->stop_fd >= 0);
	assert_int_equal(pthread_create(&host->thread, NULL, serve, host), 0);
}

void host_stop(struct host *host)
{
	uint64_t one = 1;

	if (host->pid) {
		host_kill(host);
	} else {
		assert_int_equal(write(host->stop_fd, &one, sizeof(one)), sizeof(one));
		pthread_join(host->thread, NULL);
		adapter_close(host->adapter);
		lanes_stop(host->lanes);
		close(host->stop_fd);
		pthread_mutex_destroy(&host->lock);
	}
	unlink(host->path);
	rmdir(host->folder);
}

void host_kill(struct host *host)
{
	if (host->pid <= 0)
		return;
	kill(host->pid, SIGKILL);
	waitpid(host->pid, NULL, 0);
	host->pid = -1;
}

struct adapter_port_counters host_counters(struct host *host, unsigned int port)
{
	struct adapter_port_counters counters[ADAPTER_PORTS_MAX];

	pthread_mutex_lock(&host->lock);
	adapter_counters(host->adapter, counters);
	pthread_mutex_unlock(&host->lock);
	return counters[port];
}

void host_set_link(struct host *host, unsigned int port, bool up)
{
	pthread_mutex_lock(&host->lock);
	assert_int_equal(adapter_set_link(host->adapter, port, up), 0);
	pthread_mutex_unlock(&host->lock);
}

void host_request_reset(struct host *host)
{
	pthread_mutex_lock(&host->lock);
	assert_int_equal(adapter_request_reset(host->adapter), 0);
	pthread_mutex_unlock(&host->lock);
}

/* ---- Memory ---- */

void arena_open(struct arena *arena)
{
	memset(arena, 0, sizeof(*arena));
	arena->fd = memfd_create("arena", MFD_CLOEXEC);
	assert_true(arena->fd >= 0);
	assert_int_equal(ftruncate(arena->fd, ARENA_SIZE), 0);
	arena->base = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, arena->fd, 0);
	assert_true(arena->base != MAP_FAILED);
}

void arena_close(struct arena *arena)
{
	munmap(arena->base, ARENA_SIZE);
	close(arena->fd);
}

uint8_t *arena_packets(struct arena *arena)
{
	return arena->base + ARENA_RINGS;
}

static void *take(void *ctx, size_t size, size_t align)
{
	struct arena *arena = ctx;
	size_t pages = (size + 4095) / 4096, run = 0;

	assert_true(align <= 4096);
	for (size_t i = 0; i < sizeof(arena->used); i++) {
		run = arena->used[i] ? 0 : run + 1;
		if (run == pages) {
			memset(arena->used + i + 1 - pages, 1, pages);
			/* What was here before must not matter */
			memset(arena->base + (i + 1 - pages) * 4096, 0xa5, pages * 4096);
			return arena->base + (i + 1 - pages) * 4096;
		}
	}
	return NULL;
}

static void give(void *ctx, void *va, size_t size)
{
	struct arena *arena = ctx;
	size_t first = (size_t)((uint8_t *)va - arena->base) / 4096;

	for (size_t i = 0; i < (size + 4095) / 4096; i++) {
		assert_int_equal(arena->used[first + i], 1);
		arena->used[first + i] = 0;
	}
}

struct driver_allocator arena_allocator(struct arena *arena)
{
	return (struct driver_allocator){ .alloc = take, .free = give, .ctx = arena };
}

unsigned int arena_pages(const struct arena *arena)
{
	unsigned int n = 0;

	for (size_t i = 0; i < sizeof(arena->used); i++)
		n += arena->used[i];
	return n;
}

/* ---- The driver ---- */

static int no_bar2(struct transport *transport, unsigned int region, void **va, uint64_t *size)
{
	(void)transport;
	(void)region;
	(void)va;
	(void)size;
	return -ENOTSUP;
}

void hide_bar2(struct transport *transport)
{
	static struct transport_ops ops;

	ops = *transport->ops;
	ops.map_region = no_bar2;
	transport->ops = &ops;
}

struct driver *driver_up(struct host *host, struct arena *arena, bool shared)
{
	struct driver_allocator allocator = arena_allocator(arena);
	struct transport *transport;
	struct driver *driver;
	struct driver_info info;

	assert_int_equal(transport_vfio_user(host->path, &transport), 0);
	if (!shared)
		hide_bar2(transport);
	assert_int_equal(driver_open(transport, &allocator, &driver), 0);
	assert_int_equal(driver_map(driver, arena->base, ARENA_SIZE, arena->fd, 0), 0);
	assert_int_equal(driver_start(driver), 0);
	driver_info(driver, &info);
	assert_int_equal(info.shared_doorbells, shared);
	return driver;
}
