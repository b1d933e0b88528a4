/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/unit/driver/support.h - an adapter, in this process or in one that can be killed, and
 * the driver on it with memory of its own.
 */
#ifndef MANAKIN_TESTS_UNIT_DRIVER_SUPPORT_H
#define MANAKIN_TESTS_UNIT_DRIVER_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/types.h>

#include "device/adapter.h"
#include "driver/driver.h"
#include "process.h"

#define ARENA_SIZE  (64u << 20) /* bytes */
#define ARENA_RINGS (32u << 20) /* of which this many for the allocator; the rest is for packets */

/**
 * struct host - an adapter in software
 * @pid:	of the process it is in; 0: a thread of this one
 * @lock:	held while the adapter serves, and around calls to it from tests
 */
struct host {
	char folder[64], path[96];
	struct adapter_config config;
	struct lanes *lanes;
	struct adapter *adapter;
	pthread_t thread;
	pthread_mutex_t lock;
	int stop_fd;
	pid_t pid;
};

/**
 * host_start() - an adapter with a vPort for each of @fabrics (NULL at the end), 64 queues,
 * MTU 9000; MAC of vPort n: 00:0d:3a:bb:00:n
 * @child:	in a process of its own
 */
void host_start(struct host *host, bool child, const char *const *fabrics);
void host_stop(struct host *host);
/** host_kill() - kill it with SIGKILL; @host is in a process of its own */
void host_kill(struct host *host);
struct adapter_port_counters host_counters(struct host *host, unsigned int port);
void host_set_link(struct host *host, unsigned int port, bool up);
void host_request_reset(struct host *host);

/**
 * struct arena - memory that the adapter can reach
 * @used:	a byte for each page of the rings' part: 1 if it is allocated
 */
struct arena {
	uint8_t *base;
	int fd;
	uint8_t used[ARENA_RINGS / 4096];
};

void arena_open(struct arena *arena);
void arena_close(struct arena *arena);
/** arena_packets() - the part that is free for packets, ARENA_SIZE - ARENA_RINGS bytes */
uint8_t *arena_packets(struct arena *arena);
struct driver_allocator arena_allocator(struct arena *arena);
/** arena_pages() - pages that are allocated */
unsigned int arena_pages(const struct arena *arena);

/**
 * driver_up() - the driver on @host's adapter, with @arena mapped, started
 * @shared:	with shared doorbells; else BAR 2 is hidden from the driver
 */
struct driver *driver_up(struct host *host, struct arena *arena, bool shared);

/** hide_bar2() - a transport on which BAR 2 cannot be mapped, as on a real adapter */
void hide_bar2(struct transport *transport);

/** WAIT_FOR() - until @condition holds, @ms milliseconds at most */
#define WAIT_FOR(ms, condition)                                                                    \
	do {                                                                                       \
		uint64_t until_ = now_ms() + (ms);                                                 \
		while (!(condition)) {                                                             \
			assert_true(now_ms() < until_);                                            \
			pause_us(50);                                                              \
		}                                                                                  \
	} while (0)

#endif
