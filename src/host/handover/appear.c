/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/handover/appear.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/machine/netdev.h"

#define EVENTS_MAX 8192u /* bytes of a read of events, whose content does not matter */
#define LOOK_MS    20    /* sysfs does not report changes */

/**
 * struct waiting - until a point in time, for changes of interfaces
 * @events:	NULL: there is no such socket, so we look every LOOK_MS
 */
struct waiting {
	struct mnl_socket *events;
	uint64_t deadline;
};

static void wait_begin(struct waiting *waiting, unsigned int ms)
{
	waiting->deadline = clock_deadline(ms);
	waiting->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (waiting->events &&
	    mnl_socket_bind(waiting->events, RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0) {
		mnl_socket_close(waiting->events);
		waiting->events = NULL;
	}
}

static void wait_end(struct waiting *waiting)
{
	if (waiting->events)
		mnl_socket_close(waiting->events);
}

/** wait_more() - for a change, or a little while; false: the time is up */
static bool wait_more(struct waiting *waiting)
{
	struct pollfd fd = { .fd = -1, .events = POLLIN };
	char events[EVENTS_MAX];

	if (clock_passed(waiting->deadline))
		return false;
	if (waiting->events)
		fd.fd = mnl_socket_get_fd(waiting->events);
	poll(&fd, 1, LOOK_MS);
	if (fd.revents)
		while (recv(fd.fd, events, sizeof(events), MSG_DONTWAIT) > 0)
			;
	return true;
}

int appear_driver(const struct host *host, const char *uuid, const char *driver, unsigned int ms)
{
	struct waiting waiting;
	char now[32];
	bool right;

	wait_begin(&waiting, ms);
	do {
		if (host_link(host, now, sizeof(now), "/sys/bus/vmbus/devices/%s/driver", uuid))
			*now = '\0';
		right = !strcmp(now, driver ? driver : "");
	} while (!right && wait_more(&waiting));
	wait_end(&waiting);
	return right ? 0 : -ETIMEDOUT;
}

int appear_find(const struct host *host, const char *uuid)
{
	struct netdevs now;
	int index = 0;

	if (!*uuid)
		return 0;
	if (!netdevs_read(host, &now))
		for (size_t i = 0; i < now.n && !index; i++)
			if (!strcasecmp(now.dev[i].device, uuid))
				index = now.dev[i].index;
	netdevs_free(&now);
	return index;
}

int appear_wait(const struct host *host, const char *uuid, unsigned int ms)
{
	struct waiting waiting;
	int index;

	wait_begin(&waiting, ms);
	do {
		index = appear_find(host, uuid);
	} while (!index && wait_more(&waiting));
	wait_end(&waiting);
	return index ? 0 : -ETIMEDOUT;
}

int appear_named(int index, const char *wanted, unsigned int ms, char name[IFNAMSIZ])
{
	struct waiting waiting;
	int err;

	wait_begin(&waiting, ms);
	do {
		err = !if_indextoname((unsigned int)index, name) ? -ENODEV
		      : strcmp(name, wanted)                     ? -ETIMEDOUT
								 : 0;
	} while (err == -ETIMEDOUT && wait_more(&waiting));
	wait_end(&waiting);
	return err;
}

int appear_grip(const struct host *host, enum manager manager, int index, enum manager_grip wanted,
		unsigned int ms)
{
	struct waiting waiting;
	bool right;

	wait_begin(&waiting, ms);
	do {
		right = manager_grip(host, manager, index) >= wanted;
	} while (!right && wait_more(&waiting));
	wait_end(&waiting);
	return right ? 0 : -ETIMEDOUT;
}

int appear_let_go(const struct host *host, enum manager manager, int index, unsigned int ms)
{
	struct waiting waiting;
	bool right;

	wait_begin(&waiting, ms);
	do {
		right = manager_grip(host, manager, index) <= GRIP_NONE;
	} while (!right && wait_more(&waiting));
	wait_end(&waiting);
	return right ? 0 : -ETIMEDOUT;
}

/** is_joined() - is one interface under the other? */
static bool is_joined(const struct host *host, int vf, int master)
{
	const struct netdev *dev;
	struct netdevs now;
	bool joined = false;

	if (!netdevs_read(host, &now)) {
		dev = netdevs_by_index(&now, vf);
		joined = dev && master && dev->master == master;
	}
	netdevs_free(&now);
	return joined;
}

int appear_joined(const struct host *host, int vf, const char *uuid, unsigned int ms)
{
	struct waiting waiting;
	bool joined;

	wait_begin(&waiting, ms);
	do {
		joined = is_joined(host, vf, appear_find(host, uuid));
	} while (!joined && wait_more(&waiting));
	wait_end(&waiting);
	return joined ? 0 : -ETIMEDOUT;
}
