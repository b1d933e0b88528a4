/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attacks.h - all attacks
 *
 *	sends.c		on the lane: what a client sends and receives
 *	commands.c	on the control thread: commands, doorbells, memory that comes and goes
 *	connections.c	on the control thread: connections, and what is not read from them
 *	descriptors.c	descriptors on which a call blocks
 *	rdma.c		on the lane: RoCE packets, and RDMA of its own
 */
#ifndef MANAKIN_NEIGHBOUR_ATTACKS_H
#define MANAKIN_NEIGHBOUR_ATTACKS_H

#include <stdbool.h>

/**
 * struct attack - an attack
 * @name:	of the attack
 * @run:	never returns, see attacker.h; @socket is that of the attacker's adapter
 * @ports:	the attacker's ports: words for manakin device; NULL for one with a sink
 * @quiet:	the neighbour rests meanwhile: the lane has to sleep
 */
struct attack {
	const char *name;
	void (*run)(const char *socket);
	const char *ports;
	bool quiet;
};

extern const struct attack sends[], commands[], connections[], descriptors[];

/* Those for which the neighbour has queue pairs, on a second port: NEIGHBOUR_RDMA_PORT */
extern const struct attack rdma[];

/** rdma_target() - a key for the memory of the neighbour's queue pairs */
void rdma_target(uint32_t key);

#endif
