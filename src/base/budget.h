/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/budget.h - what work for a client costs, so that no client gets more than its share.
 *
 * Each thread counts what it does in units of about a nanosecond of a current processor: a constant
 * for each thing whose number a client decides (entries, segments, look-ups), and one unit for
 * eight bytes. The counts follow from the client's input alone, so an input that costs more than
 * its budget can be found by a program (docs/fuzzing.md).
 *
 * Whoever works for several clients compares the count before and after: a lane goes on to the next
 * client after BUDGET_TURN (device/lane.c), the control thread after BUDGET_VISIT
 * (vfio_user/server.c). A loop whose length a client decides ends early when it has used its share;
 * it does a bounded number of steps between two looks at the count.
 */
#ifndef MANAKIN_BASE_BUDGET_H
#define MANAKIN_BASE_BUDGET_H

#include <stdint.h>

#define BUDGET_TURN    24000u  /* of a lane, for one client before the next one */
#define BUDGET_VISIT   200000u /* of the control thread, the same */

#define BUDGET_ENTRY   30u   /* a work-queue entry and its completion */
#define BUDGET_ODD     200u  /* an entry that is not the ordinary one, besides */
#define BUDGET_PACKET  120u  /* a packet that is received: steered, and completed */
#define BUDGET_SEGMENT 200u  /* a segment that is cut from a large frame */
#define BUDGET_LOOKUP  25u   /* an address of the client's that is looked up */
#define BUDGET_MESSAGE 300u  /* a message of the socket */
#define BUDGET_COMMAND 1500u /* a command of the hardware channel, and its answer */
#define BUDGET_CALL    800u  /* a system call for one frame */
#define BUDGET_FILED   400u  /* a frame that is added to a capture */
#define BUDGET_IMPAIR  60u   /* a frame that passes impairments */
#define BUDGET_HELD    600u  /* a frame that is held there: memory that no cache has */
#define BUDGET_OBJECT  100u  /* an object that is made or freed */

/** budget_spent - what this thread has done so far; it wraps */
extern _Thread_local uint32_t budget_spent;

/** budget_charge() - count work that is about to be done, or has been */
static inline void budget_charge(uint64_t units)
{
	budget_spent += units < UINT32_MAX / 2 ? (uint32_t)units : UINT32_MAX / 2;
}

/** budget_waited - of budget_spent: waiting for other threads, in ns; it wraps */
extern _Thread_local uint32_t budget_waited;

/** budget_wait() - count a wait for another thread: the only cost that is measured */
static inline void budget_wait(uint64_t ns)
{
	budget_charge(ns);
	budget_waited += (uint32_t)ns;
}

/** budget_bytes() - what it costs to copy or sum that many bytes */
static inline uint64_t budget_bytes(uint64_t bytes)
{
	return bytes / 8;
}

/** budget_since() - what has been spent since budget_spent was @start */
static inline uint32_t budget_since(uint32_t start)
{
	return budget_spent - start;
}

#endif
