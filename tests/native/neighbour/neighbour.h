/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * neighbour.h - a well-behaved client of an adapter that shares its process with an attacked one.
 *
 * One thread sends as fast as the adapter's lane takes it: TCP frames of 1514 bytes whose checksums
 * the adapter fills in, in rings so long that the lane hardly ever waits for the sender. Another thread
 * rings a doorbell every millisecond and waits, first until the adapter has seen it, then until the
 * packet that it announced has been sent.
 *
 * Doorbells are messages, as those of a virtual machine are: so the control thread counts too.
 */
#ifndef MANAKIN_NEIGHBOUR_NEIGHBOUR_H
#define MANAKIN_NEIGHBOUR_NEIGHBOUR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct adapter_threads - whose time on a CPU is looked up
 * @control, @lane: the threads' schedstat files
 */
struct adapter_threads {
	int control, lane;
};

/** struct times - from a thread's schedstat, ns: it has run; it wanted to run and had no CPU */
struct times {
	uint64_t run, waited;
};

/** times_of() - read them; zeroes for a thread that has ended */
struct times times_of(int schedstat);

/** neighbour_start() - attach and begin to send; ends the process if that is not possible */
void neighbour_start(const char *socket, const struct adapter_threads *threads);

/* Its second port where it does RDMA, and the peers that its queue pairs are connected to */
#define NEIGHBOUR_RDMA_PORT   "--port mac=00:0d:3a:00:52:02,fabric=switch:roce,mtu=4500"
#define NEIGHBOUR_RDMA_MAC    0x00, 0x0d, 0x3a, 0x00, 0x52 /* 2; the peers', 1 */
#define NEIGHBOUR_RDMA_HOST   2u                           /* 192.0.2.2 */
#define NEIGHBOUR_RDMA_PEER   1u
#define NEIGHBOUR_RDMA_PAIRS  32u
#define NEIGHBOUR_RDMA_QPN(i) (4096u + 4u * (i))
#define NEIGHBOUR_RDMA_MEMORY (256u << 10) /* bytes that peers may read and write */

/** neighbour_rdma() - after neighbour_start(): open these queue pairs; their key */
uint32_t neighbour_rdma(void);

/** neighbour_sent() - packets completed so far */
uint64_t neighbour_sent(void);

/** neighbour_held_up() - how long the sender has waited for a CPU so far, in ns */
uint64_t neighbour_held_up(void);

/** neighbour_rest() - send nothing, not even doorbells, until told otherwise */
void neighbour_rest(bool rest);

/**
 * struct neighbour_waits - how long it has waited at worst, in ns
 * @seen:	from a doorbell until the adapter has seen it
 * @sent:	from a doorbell until its packet was sent
 *
 * Without the time that a thread of the adapter or of the neighbour waited for a CPU.
 */
struct neighbour_waits {
	uint64_t seen, sent;
};

/** neighbour_waits() - since the last call; a doorbell that waits now is given 100 ms to end */
struct neighbour_waits neighbour_waits(void);

/** neighbour_lost() - the adapter does not answer any more, or not correctly */
bool neighbour_lost(void);

/** neighbour_try() - attach to an adapter, send a thousand packets, leave; 0 or a negative errno */
int neighbour_try(const char *socket);

#endif
