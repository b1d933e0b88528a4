/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/queue.h - the hot path: entries written, doorbells rung, completions read.
 *
 * Theory of operation
 *
 * A queue is memory that the driver and the adapter share, and a few numbers that only the queue's
 * owner accesses. One thread owns a queue at a time; nothing here takes a lock. The structures
 * contain no pointers but to memory that has the same address in all processes, so they may be in
 * memory shared with a secondary process. Each process's own access to the doorbells is
 * struct driver_doorbell, which is passed in.
 *
 *	send					receive
 *	driver_tx_one() or driver_tx_many()	driver_rx_post()
 *	... a burst of them			... a burst of them
 *	driver_wq_commit()			driver_wq_commit()
 *	driver_txq_reap()			driver_cq_peek(), driver_rxq_take(),
 *						driver_cq_step()
 *
 * Room in a work queue is counted in units of 32 bytes. An entry with one buffer, the usual case,
 * is one unit, written as a whole and never read: with 32-byte vectors that is one store to half a
 * cache line. "tail" and "head" count units since the queue was created, modulo 2^32; a unit's
 * index is "tail & mask", which is also the index into the owner's parallel array (of mbufs).
 *
 * Memory ordering: entries are plain stores. driver_wq_commit() makes them visible before the tail
 * (release), and then checks whether the adapter sleeps; a full fence is between, because a store
 * may otherwise become visible after a later load. A completion is valid when its last word has the
 * owner bits of the reader's lap (acquire); the adapter writes that word last.
 *
 * The adapter can write to a ring at any time. What decides is read once, checked, then used: an
 * invalid completion sets the queue's "broken" and is not passed on. The structures here, and the
 * arrays that go with them, must not be in memory that the adapter can write to.
 */
#ifndef MANAKIN_DRIVER_QUEUE_H
#define MANAKIN_DRIVER_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/cpu.h"
#include "base/shared.h"
#include "wire/native.h"
#include "wire/vport.h"
#include "wire/wq.h"

#define DRIVER_CACHE_LINE 64
#define DRIVER_NO_PAGE    UINT32_MAX

/* ---- Doorbells ---- */

/**
 * struct driver_doorbell - a process's access to an adapter's doorbells
 * @shared:	BAR 2 (wire/native.h), pages of NATIVE_DOORBELL_SIZE bytes; NULL if there is none
 * @mapped:	the adapter's doorbell page, if it can be mapped; else NULL
 * @ring:	if not: sends the write as a message. From any thread. driver_events() reports an
 *		error (the adapter is gone), this does not
 * @ctx:	argument of @ring
 */
struct driver_doorbell {
	uint8_t *shared;
	uint8_t *mapped;
	void (*ring)(void *ctx, uint32_t offset, uint64_t value);
	void *ctx;
};

/**
 * driver_doorbell_ring() - write an ordinary doorbell
 * @doorbell:	this process's access
 * @offset:	enum gdma_doorbell_offset
 * @value:	the queue's number and position
 */
static inline void driver_doorbell_ring(const struct driver_doorbell *doorbell, uint32_t offset,
					union gdma_doorbell value)
{
	if (doorbell->mapped) {
		/* The page is the device's, and write-combining. */
		cpu_device_fence();
		shared_store((volatile uint64_t *)(doorbell->mapped + offset), value.word);
		cpu_device_fence();
	} else
		doorbell->ring(doorbell->ctx, offset, value.word);
}

/* ---- Work queues ---- */

/** struct driver_unit - 32 bytes of a work queue, written as a whole */
struct driver_unit {
	uint64_t word[GDMA_WQE_UNIT / 8];
} __attribute__((aligned(32)));
static_assert(sizeof(struct driver_unit) == GDMA_WQE_UNIT, "basic unit");

/**
 * struct driver_wq - a send or receive queue
 * @ring:	its memory
 * @mask:	units in it, less one; a power of two less one
 * @tail:	units written; the owner's next unit is ring[tail & mask]
 * @head:	units the adapter is done with
 * @rung:	@tail at the last commit
 * @page:	its page of BAR 2, or DRIVER_NO_PAGE
 * @bell:	GDMA_DB_SQ or GDMA_DB_RQ
 * @id:		its number
 */
struct driver_wq {
	struct driver_unit *ring;
	uint32_t mask;
	uint32_t tail;
	uint32_t head;
	uint32_t rung;
	uint32_t page;
	uint32_t bell;
	uint32_t id;
};

/** driver_wq_room() - units that may be written now */
static inline uint32_t driver_wq_room(const struct driver_wq *wq)
{
	return wq->mask + 1 - (wq->tail - wq->head);
}

/** driver_wq_used() - units written that the adapter may still be using */
static inline uint32_t driver_wq_used(const struct driver_wq *wq)
{
	return wq->tail - wq->head;
}

/** driver_unit_write() - write a unit; one store if the CPU has 32-byte stores */
static inline void driver_unit_write(struct driver_unit *unit, uint64_t w0, uint64_t w1,
				     uint64_t w2, uint64_t w3)
{
	typedef uint64_t vector __attribute__((vector_size(32)));

	*(vector *)unit = (vector){ w0, w1, w2, w3 };
}

/**
 * driver_wq_want() - prefetch the cache lines of units for writing
 * @wq:		queue
 * @from:	the first of them, counted like the tail
 * @n:		how many; the adapter is done with the old units there
 *
 * A commit waits until everything written before it is in the cache.
 */
static inline void driver_wq_want(const struct driver_wq *wq, uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i += DRIVER_CACHE_LINE / GDMA_WQE_UNIT)
		cpu_prefetch_write(&wq->ring[(from + i) & wq->mask]);
}

/** driver_wq_want_bell() - the same for the doorbell of the next commit */
static inline void driver_wq_want_bell(const struct driver_wq *wq,
				       const struct driver_doorbell *doorbell)
{
	if (wq->page != DRIVER_NO_PAGE)
		cpu_prefetch_write(doorbell->shared + (size_t)wq->page * NATIVE_DOORBELL_SIZE);
}

/** driver_wq_bell() - ring the ordinary doorbell of a work queue, up to @tail units */
static inline union gdma_doorbell driver_wq_bell(const struct driver_wq *wq, uint32_t tail)
{
	/* Bytes modulo 2^32; send and receive doorbells differ in the count, which is 0. */
	return (union gdma_doorbell){ .word = GDMA_DB_WORD(wq->id, tail * GDMA_WQE_UNIT) };
}

/**
 * driver_wq_commit() - pass the units written so far to the adapter
 * @wq:		queue
 * @doorbell:	this process's access to the doorbells
 *
 * Once per burst: it costs a full fence, and a message if the adapter sleeps or
 * has no shared doorbells.
 */
static inline void driver_wq_commit(struct driver_wq *wq, const struct driver_doorbell *doorbell)
{
	if (wq->tail == wq->rung)
		return;
	wq->rung = wq->tail;
	if (wq->page != DRIVER_NO_PAGE) {
		struct native_doorbell *page =
			(struct native_doorbell *)(doorbell->shared +
						   (size_t)wq->page * NATIVE_DOORBELL_SIZE);

		/* The entries before the tail that announces them. */
		shared_store_release(&page->tail, wq->tail);
		/*
		 * Store the tail before checking whether the adapter sleeps. The adapter announces
		 * that it sleeps, fences, and checks the tail: at least one side sees the other's
		 * write.
		 */
		atomic_thread_fence(memory_order_seq_cst);
		if (!shared_load(&page->asleep))
			return;
	}
	driver_doorbell_ring(doorbell, wq->bell, driver_wq_bell(wq, wq->tail));
}

/* ---- Completion queues ---- */

/**
 * struct driver_cq - a completion queue
 * @ring:	its memory
 * @mask:	entries in it, less one; a power of two less one
 * @shift:	log2 of the entries
 * @index:	of the next entry to read; starts at the number of entries, runs modulo 2^32
 * @id:		its number
 * @broken:	the adapter wrote invalid entries: some were lost, or match nothing posted. The
 *		queue returns nothing more; destroy it
 */
struct driver_cq {
	const struct gdma_cqe *ring;
	uint32_t mask;
	uint32_t shift;
	uint32_t index;
	uint32_t id;
	bool broken;
};

/**
 * driver_cq_peek() - look at an entry, if it has been written
 * @cq:		queue
 * @ahead:	0 for the next one, 1 for the one after it, and so on, below the number of entries
 *
 * The entry is valid until the adapter has wrapped around: see driver_cq_bell().
 *
 * Return: the entry; NULL if it has not been written
 */
static inline const struct gdma_cqe *driver_cq_peek(struct driver_cq *cq, uint32_t ahead)
{
	uint32_t index = cq->index + ahead;
	const struct gdma_cqe *cqe = &cq->ring[index & cq->mask];
	/* Acquire: the data before the owner bits was written before them. */
	uint32_t info = shared_load_acquire(&cqe->info);
	uint32_t lap = index >> cq->shift;
	uint32_t ahead_by = ((info >> GDMA_OWNER_SHIFT) - lap) & GDMA_OWNER_MASK;

	if (__builtin_expect(ahead_by == 0, 1) && !cq->broken)
		return cqe;
	/* One lap behind: not written yet. Anything else: overwritten before it was read. */
	if (ahead_by != GDMA_OWNER_MASK)
		cq->broken = true;
	return NULL;
}

/** driver_cq_step() - mark @n entries as read */
static inline void driver_cq_step(struct driver_cq *cq, uint32_t n)
{
	cq->index += n;
}

/** driver_cq_bell() - ring the doorbell with how far a completion queue has been read */
static inline union gdma_doorbell driver_cq_bell(const struct driver_cq *cq, bool arm)
{
	uint32_t span = (cq->mask + 1) << GDMA_OWNER_BITS;

	return (union gdma_doorbell){ .word = GDMA_DB_WORD_ARM(arm) |
					      GDMA_DB_WORD(cq->id, cq->index & (span - 1)) };
}

/* ---- Sending ---- */

/**
 * struct driver_signal - a send entry that requested a completion
 * @start, @end: units before it, units before the next one
 */
struct driver_signal {
	uint32_t start;
	uint32_t end;
};

/* Errors in a completion, MANA_CQE_TX_SA_DROP first; the last is everything else */
#define DRIVER_TX_ERRORS (MANA_CQE_TX_GDMA_ERR - MANA_CQE_TX_OKAY + 1u)

/**
 * struct driver_txq - a send queue and its completion queue
 * @wq, @cq:	the queues. @cq has as many entries as @wq has units: it cannot overflow
 * @oob:	short OOB of every packet: completion queue, queue and vPort; add MANA_TX_OOB_*
 * @signals:	ring of entries that requested a completion, indexed like @wq
 * @asked, @answered: signals written, signals completed
 * @errors:	packets that were not sent, by MANA_CQE_TX_* - MANA_CQE_TX_SA_DROP
 */
struct driver_txq {
	struct driver_wq wq;
	uint64_t oob;
	struct driver_signal *signals;
	uint32_t asked;
	uint32_t answered;
	struct driver_cq cq;
	uint64_t errors[DRIVER_TX_ERRORS];
} __attribute__((aligned(DRIVER_CACHE_LINE)));

/* What to request with a packet: bits of the short OOB */
#define DRIVER_TX_LONG       MANA_TX_WORD_FORMAT(MANA_PACKET_LONG) /* driver_tx_many() sets it */
#define DRIVER_TX_IPV4       MANA_TX_WORD_IPV4
#define DRIVER_TX_IPV6       MANA_TX_WORD_IPV6
#define DRIVER_TX_IP_CSUM    MANA_TX_WORD_IP_CSUM
#define DRIVER_TX_TCP_CSUM   MANA_TX_WORD_TCP_CSUM
#define DRIVER_TX_UDP_CSUM   MANA_TX_WORD_UDP_CSUM
#define DRIVER_TX_SUPPRESS   MANA_TX_WORD_SUPPRESS     /* no completion on success */
#define DRIVER_TX_TCP_OFF(n) MANA_TX_WORD_TRANS_OFF(n) /* bytes to the TCP header */
#define DRIVER_TX_VLAN(tci)  MANA_TX_WORD_VLAN(tci)    /* a tag, as in the frame */

/* The first word of an entry: SGEs, size of the OOB */
#define DRIVER_WQE_SGES(n)   GDMA_WQE_WORD_SGES(n)
#define DRIVER_WQE_SHORT     GDMA_WQE_WORD_OOB(GDMA_OOB_SMALL)
#define DRIVER_WQE_LONG      GDMA_WQE_WORD_OOB(GDMA_OOB_LARGE)
#define DRIVER_WQE_TSO       GDMA_WQE_WORD_OOB_IN_SGL   /* the first SGE holds the headers */
#define DRIVER_WQE_MSS(n)    GDMA_WQE_WORD_DATA_UNIT(n) /* payload bytes of a segment */
#define DRIVER_WQE_LAST(n)   GDMA_WQE_WORD_LAST(n)      /* TSO: bytes of the first SGE */

/** driver_tx_signal() - record that the entry from @start to the tail requested a completion */
static inline void driver_tx_signal(struct driver_txq *txq, uint32_t start)
{
	txq->signals[txq->asked++ & txq->wq.mask] = (struct driver_signal){ start, txq->wq.tail };
}

/**
 * driver_tx_one() - write an entry for a packet in one piece; needs room for one unit
 * @txq:	queue
 * @flags:	DRIVER_TX_IPV4 to DRIVER_TX_TCP_OFF, but neither LONG nor a VLAN
 * @address, @key, @len: the packet
 *
 * Without DRIVER_TX_SUPPRESS the entry is completed, together with all before it. The last one of a
 * burst must request that, or the end of the burst is never reported.
 */
static inline void driver_tx_one(struct driver_txq *txq, uint64_t flags, uint64_t address,
				 uint32_t key, uint32_t len)
{
	struct driver_wq *wq = &txq->wq;
	uint32_t start = wq->tail;

	driver_unit_write(&wq->ring[start & wq->mask], DRIVER_WQE_SGES(1) | DRIVER_WQE_SHORT,
			  txq->oob | flags, address, GDMA_SGE_WORD(key, len));
	wq->tail = start + 1;
	if (!(flags & DRIVER_TX_SUPPRESS))
		driver_tx_signal(txq, start);
}

/** driver_tx_units() - units that driver_tx_many() takes; 1 to 30 SGEs */
static inline uint32_t driver_tx_units(unsigned int sges, bool is_long)
{
	return (is_long ? 2u : 1u) + (is_long ? sges - 1 : sges) / 2;
}

/**
 * driver_tx_many() - write an entry for a packet in pieces, with a VLAN tag, or for TSO
 * @txq:	queue, with room for driver_tx_units() units
 * @flags:	DRIVER_TX_*, as in driver_tx_one()
 * @wqe:	0; for TSO: DRIVER_WQE_TSO | DRIVER_WQE_MSS() | DRIVER_WQE_LAST()
 * @vlan:	DRIVER_TX_VLAN(), or 0 for none
 * @sge:	pieces. For TSO the first contains exactly the headers
 * @n:		how many, 1 to GDMA_SQE_SGES_MAX
 */
static inline void driver_tx_many(struct driver_txq *txq, uint64_t flags, uint64_t wqe,
				  uint64_t vlan, const struct gdma_sge *sge, unsigned int n)
{
	struct driver_wq *wq = &txq->wq;
	uint32_t start = wq->tail, tail = start;
	unsigned int i = 0;

	wqe |= DRIVER_WQE_SGES(n);
	if (vlan) {
		driver_unit_write(&wq->ring[tail++ & wq->mask], wqe | DRIVER_WQE_LONG,
				  txq->oob | flags | DRIVER_TX_LONG, vlan, 0);
	} else {
		driver_unit_write(&wq->ring[tail++ & wq->mask], wqe | DRIVER_WQE_SHORT,
				  txq->oob | flags, sge[0].address,
				  GDMA_SGE_WORD(sge[0].mem_key, sge[0].size));
		i = 1;
	}
	for (; i + 1 < n; i += 2)
		driver_unit_write(&wq->ring[tail++ & wq->mask], sge[i].address,
				  GDMA_SGE_WORD(sge[i].mem_key, sge[i].size), sge[i + 1].address,
				  GDMA_SGE_WORD(sge[i + 1].mem_key, sge[i + 1].size));
	if (i < n)
		driver_unit_write(&wq->ring[tail++ & wq->mask], sge[i].address,
				  GDMA_SGE_WORD(sge[i].mem_key, sge[i].size), 0, 0);
	wq->tail = tail;
	if (!(flags & DRIVER_TX_SUPPRESS))
		driver_tx_signal(txq, start);
}

/**
 * driver_tx_ask() - make the last entry written request a completion after all
 * @txq:	queue; nothing has been committed since the entry was written
 * @start:	where the entry starts (wq.tail before it was written)
 *
 * For a sender that finds out only afterwards that its burst has ended.
 */
static inline void driver_tx_ask(struct driver_txq *txq, uint32_t start)
{
	txq->wq.ring[start & txq->wq.mask].word[1] &= ~DRIVER_TX_SUPPRESS;
	driver_tx_signal(txq, start);
}

/** driver_txq_error() - handle a completion with an error; out of line */
void driver_txq_error(struct driver_txq *txq, const struct gdma_cqe *cqe);

/**
 * driver_txq_reap() - read completions
 * @txq:	queue
 * @budget:	maximum number of completions to read
 *
 * Advances wq.head: the units from the old head to the new one are done. An entry is completed at
 * most once, so no more completions are read than there are units in use: the call ends, however
 * fast the adapter writes.
 *
 * Return: units that are done
 */
static inline uint32_t driver_txq_reap(struct driver_txq *txq, uint32_t budget)
{
	uint32_t head = txq->wq.head, used = driver_wq_used(&txq->wq);
	uint32_t n = 0;

	if (budget > used)
		budget = used;
	for (; n < budget; n++) {
		const struct gdma_cqe *cqe = driver_cq_peek(&txq->cq, n);

		if (!cqe)
			break;
		/*
		 * Good completions come for the entries that requested one, one each and in order.
		 * No field that the adapter writes is used as an index into our memory.
		 */
		if (__builtin_expect((shared_load(&cqe->data[0]) & MANA_CQE_TYPE_MASK) ==
						     MANA_CQE_TX_OKAY &&
					     txq->answered != txq->asked,
				     1))
			txq->wq.head = txq->signals[txq->answered++ & txq->wq.mask].end;
		else
			driver_txq_error(txq, cqe);
	}
	driver_cq_step(&txq->cq, n);
	return txq->wq.head - head;
}

/* ---- Receiving ---- */

/**
 * struct driver_rxq - a receive queue and its completion queue
 * @wq, @cq:	the queues. Each entry of @wq is one unit, and @cq has as many entries: it cannot
 *		overflow if completions are read before their buffers are posted again
 */
struct driver_rxq {
	struct driver_wq wq;
	struct driver_cq cq;
} __attribute__((aligned(DRIVER_CACHE_LINE)));

/**
 * driver_rx_post() - write an entry for a buffer; needs room for one unit
 * @rxq:	queue
 * @address, @key, @len: the buffer
 */
static inline void driver_rx_post(struct driver_rxq *rxq, uint64_t address, uint32_t key,
				  uint32_t len)
{
	struct driver_wq *wq = &rxq->wq;

	driver_unit_write(&wq->ring[wq->tail++ & wq->mask], DRIVER_WQE_SGES(1) | DRIVER_WQE_SHORT,
			  0, address, GDMA_SGE_WORD(key, len));
}

/**
 * driver_rxq_take() - the buffers that a completion has filled
 * @rxq:	queue
 * @n:		packets of the completion
 * @slot:	index of the first of them in the owner's parallel array; the others follow, modulo
 *		the ring
 *
 * Return: false if no such buffers were posted (the queue is then broken)
 */
static inline bool driver_rxq_take(struct driver_rxq *rxq, uint32_t n, uint32_t *slot)
{
	struct driver_wq *wq = &rxq->wq;

	if (__builtin_expect(wq->rung - wq->head < n, 0)) {
		rxq->cq.broken = true;
		return false;
	}
	*slot = wq->head & wq->mask;
	wq->head += n;
	return true;
}

/** driver_rx_cqe() - a completion as the receive side reads it */
static inline const struct mana_rxcomp_oob *driver_rx_cqe(const struct gdma_cqe *cqe)
{
	return (const struct mana_rxcomp_oob *)cqe;
}

#endif
