/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/netns.h - what other network namespaces have built on this one's interfaces.
 */
#ifndef MANAKIN_HOST_MACHINE_NETNS_H
#define MANAKIN_HOST_MACHINE_NETNS_H

#include <net/if.h>
#include <stddef.h>

/**
 * struct netns_child - an interface of another namespace, built on one of ours
 * @lower:	number of ours
 * @name, @kind: its name there, and "macvlan", "ipvlan", "vlan" ...
 * @where:	its namespace, in words: "the network namespace blue", "the network namespace of
 *		dockerd (711)"
 */
struct netns_child {
	int lower;
	char name[IFNAMSIZ], kind[16];
	char where[80];
};

struct netns_children {
	struct netns_child *child;
	size_t n;
};

/**
 * netns_children_read() - search the namespaces of all processes, and those that are mounted
 * @found:	filled in; netns_children_free() it, after a failure too
 *
 * Without root, only those that this user may enter.
 *
 * Return: 0 or a negative errno
 */
int netns_children_read(struct netns_children *found);
void netns_children_free(struct netns_children *found);

#endif
