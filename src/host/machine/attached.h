/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/attached.h - what others have attached to an interface: it is gone when the
 * interface is.
 */
#ifndef MANAKIN_HOST_MACHINE_ATTACHED_H
#define MANAKIN_HOST_MACHINE_ATTACHED_H

#include <stdbool.h>
#include <stddef.h>

#include "host/machine/netdev.h"

/**
 * struct attachment - one of them
 * @kind:	"qdisc", "xdp", "flowtable", "chain", "rule", "offload", "rss"
 * @by_name:	it goes by the interface's name, so it holds again for one that gets this name
 * @what:	in words
 */
struct attachment {
	const char *kind;
	bool by_name;
	char what[200];
};

struct attachments {
	struct attachment *item;
	size_t n;
};

/**
 * attached_read() - qdiscs that are not the default, XDP programs, nftables flowtables, chains
 * and rules, and the ethtool settings that are seen to be changed
 * @found:	filled in; attached_free() it, after a failure too
 *
 * nftables and XDP are shown to root only.
 *
 * Return: 0 or a negative errno
 */
int attached_read(const struct host *host, const struct netdev *dev, struct attachments *found);
void attached_free(struct attachments *found);

/* Only for the files that find them: attached.c calls the others, and all call attached_list.c */

/** attached_add() - one more, if there is none like it yet; 0 or -ENOMEM */
__attribute__((format(printf, 4, 5))) int attached_add(struct attachments *found, const char *kind,
						       bool by_name, const char *format, ...);

/** attached_nftables() - those of nftables; as attached_read() */
int attached_nftables(const struct host *host, const struct netdev *dev, struct attachments *found);

/** attached_settings() - those of ethtool(8); as attached_read() */
int attached_settings(const struct netdev *dev, struct attachments *found);

#endif
