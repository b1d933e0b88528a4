/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: an interface is in use if a default route leaves by it (netdev_default.c), or
 * if this SSH session comes or goes through it: the session's address here is the interface's, or
 * the answers to its other end are sent by it. With two interfaces in one subnet these may be
 * two, and taking down either would cut the session off.
 *
 * What holds for an interface holds for those under it: a bond's members, the VF joined under a
 * synthetic interface, and the interface that a VLAN is built on.
 */
#include "host/machine/netdev_route.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/machine/ask.h"
#include "host/machine/netdev_default.h"
#include "host/machine/netlink.h"

#define PARENTS_MAX 64u /* parent processes that are searched for the SSH session */

/** mark() - mark an interface, by the kernel's number */
static void mark(struct netdevs *netdevs, int index)
{
	struct netdev *dev = netdevs_by_index(netdevs, index);

	if (dev)
		dev->ssh = true;
}

static int route_attribute(const struct nlattr *attr, void *arg)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(attr);
	int left = mnl_attr_get_payload_len(attr);

	if (mnl_attr_get_type(attr) == RTA_OIF && left == sizeof(uint32_t))
		mark(arg, (int)mnl_attr_get_u32(attr));
	if (mnl_attr_get_type(attr) == RTA_MULTIPATH)
		for (; netlink_hop_ok(hop, left);
		     left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop))
			mark(arg, hop->rtnh_ifindex);
	return MNL_CB_OK;
}

static int ssh_route(const struct nlmsghdr *header, void *arg)
{
	if (header->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	return mnl_attr_parse(header, sizeof(struct rtmsg), route_attribute, arg);
}

/** environment_value() - a variable of a block of NAME=VALUE strings; NULL if it is not there */
static const char *environment_value(const char *block, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	for (const char *at = block; at < block + len; at += strlen(at) + 1)
		if (!strncmp(at, name, name_len) && at[name_len] == '=')
			return at + name_len + 1;
	return NULL;
}

/** process_variable() - a variable of the environment that process @pid was started with */
static bool process_variable(pid_t pid, const char *name, char *value, size_t size)
{
	char path[40], *block = NULL, *more;
	size_t len = 0, room = 0;
	const char *found;
	ssize_t got = 1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (got > 0) {
		if (len + 1 >= room) {
			room += 16384;
			more = realloc(block, room);
			if (!more)
				break;
			block = more;
		}
		got = read(fd, block + len, room - len - 1);
		if (got > 0)
			len += (size_t)got;
	}
	close(fd);
	if (block)
		block[len] = '\0';
	found = block ? environment_value(block, len, name) : NULL;
	if (found && strlen(found) < size)
		strcpy(value, found);
	else
		found = NULL;
	free(block);
	return found;
}

/** parent_of() - the process's parent; 0 if it has none or that cannot be read */
static pid_t parent_of(pid_t pid)
{
	char path[40], text[512], *end;
	ssize_t len;
	int fd, parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return 0;
	text[len] = '\0';
	end = strrchr(text, ')'); /* the name before it may have any bytes in it */
	if (!end || sscanf(end, ") %*c %d", &parent) != 1)
		return 0;
	return parent;
}

/** find_session() - see ssh_session() */
static bool find_session(char *text, size_t size)
{
	const char *own = getenv("SSH_CONNECTION");
	pid_t pid = getpid();

	if (own && *own && strlen(own) < size) {
		strcpy(text, own);
		return true;
	}
	for (unsigned int i = 0; i < PARENTS_MAX && (pid = parent_of(pid)) > 1; i++)
		if (process_variable(pid, "SSH_CONNECTION", text, size) && *text)
			return true;
	return false;
}

bool ssh_session(const struct host *host, char *text, size_t size)
{
	json_t *answer;
	bool found;
	int err;

	if (ask_recall(host, &answer, &err, "ssh-connection")) {
		const char *recorded = json_string_value(answer);

		found = recorded && strlen(recorded) < size;
		if (found)
			strcpy(text, recorded);
		json_decref(answer);
		return found;
	}
	found = find_session(text, size);
	if (found && ask_noted(host))
		ask_note(host, 0, json_string(text), "ssh-connection");
	return found;
}

/**
 * parse_ip() - read an address of either family
 * @zone:	the interface's number, if it is a link-local address with one; else 0
 *
 * Return: its family; 0 if it is not an address
 */
static uint8_t parse_ip(const struct netdevs *netdevs, char *text, uint8_t ip[16], int *zone)
{
	char *percent = strchr(text, '%');
	const struct netdev *dev;

	*zone = 0;
	if (percent) {
		*percent = '\0';
		dev = netdevs_by_name(netdevs, percent + 1);
		*zone = dev ? dev->index : 0;
	}
	if (!strncasecmp(text, "::ffff:", 7) && strchr(text, '.'))
		text += 7;
	return inet_pton(AF_INET, text, ip) == 1    ? AF_INET
	       : inet_pton(AF_INET6, text, ip) == 1 ? AF_INET6
						    : 0;
}

/** mark_ssh_route() - mark the interface through which replies to the other end leave */
static int mark_ssh_route(const struct host *host, struct mnl_socket *socket,
			  struct netdevs *netdevs, uint8_t family, const uint8_t client[16],
			  const uint8_t server[16])
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct rtmsg *route = netlink_begin(request, RTM_GETROUTE, 0, sizeof(*route));
	size_t len = family == AF_INET ? 4 : 16;

	route->rtm_family = family;
	route->rtm_dst_len = route->rtm_src_len = (uint8_t)(len * 8);
	mnl_attr_put((struct nlmsghdr *)request, RTA_DST, len, client);
	mnl_attr_put((struct nlmsghdr *)request, RTA_SRC, len, server);
	return netlink_ask(host, socket, "route-of-ssh", request, ssh_route, netdevs);
}

/** mark_session() - mark the interfaces that the SSH session needs */
static void mark_session(const struct host *host, struct mnl_socket *socket,
			 struct netdevs *netdevs)
{
	char text[256], client_text[128], server_text[128];
	uint8_t client[16], server[16], family;
	int client_zone, server_zone;
	size_t len;

	if (!ssh_session(host, text, sizeof(text)) ||
	    sscanf(text, "%127s %*s %127s", client_text, server_text) != 2)
		return;
	family = parse_ip(netdevs, server_text, server, &server_zone);
	if (!family || parse_ip(netdevs, client_text, client, &client_zone) != family)
		return;
	mark(netdevs, client_zone);
	mark(netdevs, server_zone);
	len = family == AF_INET ? 4 : 16;
	for (size_t i = 0; i < netdevs->n; i++)
		for (size_t a = 0; a < netdevs->dev[i].n_addresses; a++)
			if (netdevs->dev[i].addresses[a].family == family &&
			    !memcmp(netdevs->dev[i].addresses[a].address, server, len))
				netdevs->dev[i].ssh = true;
	/* If the session was forwarded, no interface has that address, and no route is found. */
	mark_ssh_route(host, socket, netdevs, family, client, server);
}

/** inherit() - pass an interface's marks on to one under it; true if that changed anything */
static bool inherit(struct netdev *under, const struct netdev *upper)
{
	bool news = (upper->default_route && !under->default_route) || (upper->ssh && !under->ssh);

	if (upper->default_route && !under->default_route)
		under->default_table = upper->default_table;
	under->default_route |= upper->default_route;
	under->ssh |= upper->ssh;
	return news;
}

/** mark_under() - pass the marks down until nothing changes */
static void mark_under(struct netdevs *netdevs)
{
	bool news = true;

	while (news) {
		news = false;
		for (size_t i = 0; i < netdevs->n; i++) {
			struct netdev *dev = &netdevs->dev[i];
			struct netdev *master = netdevs_by_index(netdevs, dev->master);
			struct netdev *lower = netdevs_by_index(netdevs, dev->lower);

			news |= master && inherit(dev, master);
			news |= lower && lower != dev && inherit(lower, dev);
		}
	}
}

int netdevs_mark_routes(const struct host *host, struct mnl_socket *socket, struct netdevs *netdevs)
{
	int err = netdevs_mark_default(host, socket, netdevs);

	if (err)
		return err;
	mark_session(host, socket, netdevs);
	mark_under(netdevs);
	return 0;
}
