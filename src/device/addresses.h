/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/addresses.h - the addresses that the RDMA driver has configured: what queue pairs may send
 * from. The control thread changes them; lanes look, because each datagram names its own.
 */
#ifndef MANAKIN_DEVICE_ADDRESSES_H
#define MANAKIN_DEVICE_ADDRESSES_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/budget.h"
#include "device/queue.h"
#include "wire/rnic.h"

#define ADDRESSES_MAX  256u
#define ADDRESSES_COST 4u /* of a look at one: see base/budget.h */

/**
 * struct address - an address
 * @type:	enum rnic_addr_type; 0: a MAC address
 * @bytes:	in network order
 */
struct address {
	uint32_t type;
	uint8_t bytes[RNIC_IP_SIZE];
};

struct addresses {
	struct spin lock;
	uint32_t count;
	struct address at[ADDRESSES_MAX];
};

/** addresses_index() - which one it is; count: none. The lock is held */
static inline uint32_t addresses_index(const struct addresses *addresses,
				       const struct address *address)
{
	uint32_t i = 0;

	while (i < addresses->count &&
	       (addresses->at[i].type != address->type ||
		memcmp(addresses->at[i].bytes, address->bytes, sizeof(address->bytes))))
		i++;
	return i;
}

static inline bool addresses_have(struct addresses *addresses, const struct address *address)
{
	bool found;

	budget_charge(addresses->count * ADDRESSES_COST);
	spin_lock(&addresses->lock);
	found = addresses_index(addresses, address) < addresses->count;
	spin_unlock(&addresses->lock);
	return found;
}

/** addresses_add() - 0, or -ENOSPC */
static inline int addresses_add(struct addresses *addresses, const struct address *address)
{
	int err = -ENOSPC;

	spin_lock(&addresses->lock);
	if (addresses->count < ADDRESSES_MAX) {
		addresses->at[addresses->count++] = *address;
		err = 0;
	}
	spin_unlock(&addresses->lock);
	return err;
}

/** addresses_remove() - 0, or -ENOENT */
static inline int addresses_remove(struct addresses *addresses, const struct address *address)
{
	int err = -ENOENT;
	uint32_t i;

	spin_lock(&addresses->lock);
	i = addresses_index(addresses, address);
	if (i < addresses->count) {
		addresses->at[i] = addresses->at[--addresses->count];
		err = 0;
	}
	spin_unlock(&addresses->lock);
	return err;
}

static inline void addresses_clear(struct addresses *addresses)
{
	spin_lock(&addresses->lock);
	addresses->count = 0;
	spin_unlock(&addresses->lock);
}

#endif
