/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/netlink.h - rtnetlink requests, for the files of this room.
 */
#ifndef MANAKIN_HOST_MACHINE_NETLINK_H
#define MANAKIN_HOST_MACHINE_NETLINK_H

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/machine/root.h"

#define NETLINK_REQUEST_MAX  512u /* bytes of a request that this room makes */
#define NETLINK_DEFAULT_BITS 1u   /* the longest prefix of what counts as a default route */

/** netlink_open() - a socket of NETLINK_ROUTE; NULL with errno set */
struct mnl_socket *netlink_open(void);

/** netlink_open_bus() - the same, of another protocol (NETLINK_NETFILTER) */
struct mnl_socket *netlink_open_bus(int bus);

/**
 * netlink_begin() - begin a request
 * @buffer:	NETLINK_REQUEST_MAX bytes, aligned for a struct nlmsghdr
 * @flags:	NLM_F_DUMP ..., beside NLM_F_REQUEST
 * @header_size: bytes of the family's header, which are zeroed
 *
 * Return: where the family's header is: mnl_nlmsg_get_payload(@buffer)
 */
void *netlink_begin(void *buffer, uint16_t type, uint16_t flags, size_t header_size);

/**
 * netlink_talk() - send a request and hand each message of the answer to @each
 * @each:	may be NULL; an errno that it leaves with MNL_CB_ERROR is returned
 *
 * Return: 0 or a negative errno, the kernel's if it refuses
 */
int netlink_talk(struct mnl_socket *socket, void *request, mnl_cb_t each, void *arg);

/**
 * netlink_ask() - netlink_talk() to a machine's kernel; what it answers is recorded if wanted
 * @socket:	NULL for a report, whose recorded answer is handed to @each
 * @name:	of the question, for the record
 */
int netlink_ask(const struct host *host, struct mnl_socket *socket, const char *name, void *request,
		mnl_cb_t each, void *arg);

/** netlink_inside() - is there a whole attribute before @end? */
static inline bool netlink_inside(const struct nlattr *attr, const void *end)
{
	return mnl_attr_ok(attr, (int)((const char *)end - (const char *)attr));
}

/* For each attribute of a message whose family's header has this size, or of a nest; libmnl's own
 * macros do not convert cleanly.
 */
#define netlink_each(attr, header, size)                                                           \
	for (attr = mnl_nlmsg_get_payload_offset(header, size);                                    \
	     netlink_inside(attr, mnl_nlmsg_get_payload_tail(header)); attr = mnl_attr_next(attr))

#define netlink_each_nested(attr, nest)                                                            \
	for (attr = mnl_attr_get_payload(nest); netlink_inside(attr, mnl_attr_next(nest));         \
	     attr = mnl_attr_next(attr))

/**
 * netlink_hop_ok() - is this next hop of RTA_MULTIPATH all there?
 * @left:	bytes of the attribute from @hop on; may be negative
 *
 * RTNH_OK() reads the hop's length before it looks at @left.
 */
static inline bool netlink_hop_ok(const struct rtnexthop *hop, int left)
{
	return left >= (int)sizeof(*hop) && RTNH_OK(hop, left);
}

#endif
