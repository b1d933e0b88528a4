/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/netlink_json.h - answers of rtnetlink as JSON, and back.
 *
 * Only the attributes that this room reads are kept: an interface's statistics, alias or firewall mark
 * are nobody's business. What is made of JSON is a message as the kernel sends it.
 */
#ifndef MANAKIN_HOST_MACHINE_NETLINK_JSON_H
#define MANAKIN_HOST_MACHINE_NETLINK_JSON_H

#include <jansson.h>
#include <libmnl/libmnl.h>

#define NETLINK_JSON_MAX 32768u /* bytes of a message that is made of JSON */

/** netlink_to_json() - NULL: a message of a type that is not read, or no memory */
json_t *netlink_to_json(const struct nlmsghdr *message);

/**
 * netlink_from_json() - the message
 * @buffer:	NETLINK_JSON_MAX bytes, aligned for a struct nlmsghdr
 *
 * Return: 0; -EBADMSG: it is not a message, or too large
 */
int netlink_from_json(const json_t *json, void *buffer);

#endif
