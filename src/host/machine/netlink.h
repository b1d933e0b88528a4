/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/netlink.h - rtnetlink requests, for the files of this room.
 */
#ifndef MANAKIN_HOST_MACHINE_NETLINK_H
#define MANAKIN_HOST_MACHINE_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdint.h>

#define NETLINK_REQUEST_MAX 512u /* bytes of a request that this room makes */

/** netlink_open() - a socket of NETLINK_ROUTE; NULL with errno set */
struct mnl_socket *netlink_open(void);

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

#endif
