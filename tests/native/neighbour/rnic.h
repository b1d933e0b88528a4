/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rnic.h - the RDMA device of a client, with RC queue pairs. For the attackers and for the neighbour.
 *
 * Addresses are 192.0.2.N on a vPort whose MAC address the caller names. PSNs begin at RNIC_PSN, and
 * numbers of queue pairs at RNIC_QPN, as the adapter gives them.
 */
#ifndef MANAKIN_NEIGHBOUR_RNIC_H
#define MANAKIN_NEIGHBOUR_RNIC_H

#include <stdint.h>

#include "arena.h"
#include "driver/driver.h"
#include "driver/hwc.h"
#include "roce/packet.h"

#define RNIC_PSN      0x800000u
#define RNIC_MTU      4096u
#define RNIC_MTU_CODE 5u /* the verbs' number */
#define RNIC_RING     4096u

/**
 * struct rnic - the device
 * @node:	what peers and requests name it by
 * @rkey:	for all of the memory given to rnic_open(), from address 0 on
 */
struct rnic {
	struct hwc_driver *hwc;
	struct arena *arena;
	struct gdma_dev_id dev;
	uint64_t adapter, pd, cq;
	uint8_t mac[6], ip[4];
	uint32_t rkey;
};

/** struct rnic_pair - a queue pair, with the rings that a requester writes */
struct rnic_pair {
	uint64_t handle;
	uint32_t number;
	struct driver_wq send, read;
};

/**
 * rnic_open() - bring the device up
 * @host:	last byte of the IP address
 * @region:	memory for @rnic->rkey, readable and writable by peers
 *
 * Return: 0 or a negative errno, as the others
 */
int rnic_open(struct rnic *rnic, struct hwc_driver *hwc, struct arena *arena, const uint8_t mac[6],
	      uint8_t host, uint64_t region);

/** rnic_pair_open() - a queue pair in RTS, connected to queue pair @number of @host with @mac */
int rnic_pair_open(struct rnic *rnic, struct rnic_pair *pair);
int rnic_pair_connect(const struct rnic *rnic, const struct rnic_pair *pair, const uint8_t mac[6],
		      uint8_t host, uint32_t number);

#endif
