/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/queue.h - event queues, completion queues and work queues.
 *
 * Threads: the control thread creates and destroys queues. An event or completion
 * queue has a lock, taken once per burst: its doorbell is handled on the control
 * thread, its entries are written by lanes. A receive queue has one too, because
 * any lane may deliver into it. A send queue is read only by its own lane. Locks
 * are taken in the order receive queue, completion queue, event queue.
 */
#ifndef MANAKIN_DEVICE_QUEUE_H
#define MANAKIN_DEVICE_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/counter.h"
#include "base/cpu.h"
#include "base/shared.h"
#include "device/lane.h"
#include "device/memory.h"
#include "wire/gdma.h"
#include "wire/native.h"
#include "wire/wq.h"

struct adapter;
struct pair;
struct vport;

struct spin {
	atomic_flag flag;
};

static inline void spin_lock(struct spin *spin)
{
	while (atomic_flag_test_and_set_explicit(&spin->flag, memory_order_acquire))
		cpu_pause();
}

static inline void spin_unlock(struct spin *spin)
{
	atomic_flag_clear_explicit(&spin->flag, memory_order_release);
}

/**
 * struct producer - the adapter's position in a queue that it writes
 * @count:	entries in the queue
 * @slot:	next entry, below @count
 * @lap:	its owner bits, 0 to 7; the first lap is 1, so that zeroed memory reads as
 *		"not written yet"
 */
struct producer {
	uint32_t count;
	uint32_t slot;
	uint32_t lap;
};

/** producer_index() - the index that a driver rings when it has read everything up to here */
static inline uint32_t producer_index(const struct producer *producer)
{
	return producer->lap * producer->count + producer->slot;
}

static inline void producer_step(struct producer *producer)
{
	if (++producer->slot == producer->count) {
		producer->slot = 0;
		producer->lap = (producer->lap + 1) & 7u;
	}
}

/**
 * struct raise - interrupts to raise: a bit for each vector
 *
 * They are collected while locks are held and raised afterwards, by adapter_raise_all(): an interrupt
 * is a system call.
 */
struct raise {
	uint64_t vectors[2];
};

/**
 * struct eq - an event queue
 * @adapter:	whose
 * @id:		number
 * @msix:	vector it raises
 * @doorbell:	page its doorbell is rung on
 * @pd:		protection domain of its creator
 * @completions: completion queues that send their events here
 * @armed:	the next event raises the vector
 */
struct eq {
	struct adapter *adapter;
	uint32_t id;
	uint32_t msix;
	uint32_t doorbell;
	uint32_t pd;
	uint32_t completions;
	struct spin lock;
	struct ring ring;
	struct producer producer;
	bool armed;
};

#define CQ_HELD_MAX 16u /* completions: a burst of 64 packets, four in each */

/**
 * struct moderation - how long an event waits for more completions
 * @usec:	for so many microseconds after the first one; 0: the longest that is possible
 * @comps:	until there are so many; 0: however many there are
 *
 * With both 0, or @comps 1, it does not wait.
 */
struct moderation {
	uint32_t usec, comps;
};

/**
 * struct cq - a completion queue
 * @eq:		where its events go; NULL for a queue that is only polled
 * @armed:	the next completion makes an event
 * @posted:	completions were written since the lock was taken
 * @unread:	completions written since the driver's last doorbell
 * @held:	the last 8 bytes of completions before the producer's position that the driver
 *		cannot see yet, @held_count of them
 * @late:	completions that it is to see later, by a fault; NULL: there have been none
 * @moderation:	what the driver has asked for
 * @moderated:	events wait for that
 * @lane:	number for lane_add() of @work; -1: the queue cannot be moderated
 * @due:	when the event that waits is sent, in ns; 0: none waits
 * @work:	sends it; added to a lane when the queue is moderated for the first time
 */
struct cq {
	struct adapter *adapter;
	struct eq *eq;
	uint32_t id;
	uint32_t doorbell;
	struct spin lock;
	struct ring ring;
	struct producer producer;
	bool armed;
	bool posted;
	bool usable;
	uint32_t held_count;
	uint64_t unread;
	struct cq_late *late;
	uint64_t held[CQ_HELD_MAX];
	struct moderation moderation;
	bool moderated;
	int lane;
	uint64_t due;
	struct lane_work work;
};

/**
 * struct cq_late - completions that are written but for the last 8 bytes, which make them visible
 * @until:	when the last of them is due; 0: there are none, and the next ones are not late
 * @shown:	others of the same burst were shown, and want an event
 * @n:		how many; they end before the producer's position and what is held
 * @entry:	their last 8 bytes, and when they are due; as many as the queue has entries
 */
struct cq_late {
	uint64_t until;
	bool shown;
	uint32_t n;
	struct {
		uint64_t word, at;
	} entry[];
};

/**
 * struct wq_counters - counters of a work queue; only its current owner writes them
 */
struct wq_counters {
	uint64_t frames, bytes;
	uint64_t cast_frames[3], cast_bytes[3];  /* enum wq_cast */
	uint64_t csum, tso, vlan;                /* send */
	uint64_t truncated, csum_bad, coalesced; /* receive */
	uint64_t errors[16];                     /* send: by completion type, from CQE_TX_OKAY on */
};

enum wq_cast { WQ_UNICAST, WQ_MULTICAST, WQ_BROADCAST };

/* A send queue that is to be destroyed first sends what has been posted, in turns as before. */
enum wq_closing { WQ_OPEN, WQ_CLOSING, WQ_CLOSED };

/**
 * struct wq - a work queue
 * @work:	send queues: its turn on its lane
 * @handle:	of the work-queue object (0 for the hardware channel's)
 * @posted:	in basic units: how far the driver has written
 * @taken:	in basic units: how far the adapter has read
 * @seen:	@posted when the reader last checked it
 * @first, @ahead: receive queues: @taken when the queue was locked, and how far the driver had
 *		posted then, for watchers
 * @pair:	the queue pair that it is part of, which reads it; else NULL
 * @shared:	doorbell in shared memory, which replaces @posted; else NULL
 * @stopped:	a work-queue entry was invalid; nothing more is read
 * @closing:	enum wq_closing: send queues
 * @close_at:	in basic units: what is still sent before the queue is destroyed
 * @segment:	segments of the next entry, a large send, that earlier turns have sent
 * @doorbell:	page its doorbell is rung on
 * @pd:		protection domain that its keys must be in
 * @index:	number in its vPort
 * @fault:	FAULT_PACKETS and so on: faults are asked of it
 * @latency, @jitter: of its completions, in ns, by a fault
 * @pace:	ns between two packets, by a fault; 0: no limit
 * @due:	with @pace, when the next packet may be taken
 * @random:	state of the jitter's generator
 * @spared, @spare: with faults: the entry at @spared has been judged, and is let through if it is
 *		taken again
 */
struct wq {
	struct lane_work work;
	struct adapter *adapter;
	struct vport *vport;
	struct pair *pair;
	struct cq *cq;
	uint64_t handle;
	uint32_t type; /* GDMA_SQ or GDMA_RQ */
	uint32_t id;
	uint32_t doorbell;
	uint32_t pd;
	uint32_t index;
	bool stopped;
	bool spare;
	_Atomic uint32_t fault;
	_Atomic uint64_t latency, jitter, pace;
	_Atomic uint64_t random;
	uint64_t due;
	struct spin lock;
	struct ring ring;
	_Atomic uint32_t posted;
	uint32_t taken;
	uint32_t seen;
	uint32_t first, ahead;
	struct native_doorbell *_Atomic shared;
	uint32_t units; /* basic units in the ring */
	_Atomic uint32_t closing;
	uint32_t close_at;
	uint32_t segment;
	uint32_t spared;
	struct wq_counters counters;
	_Atomic bool told; /* a mistake has been logged */
};

/** struct wqe - a work-queue entry, copied out of client memory once */
struct wqe {
	union {
		uint8_t bytes[GDMA_SQE_SIZE_MAX];
		struct gdma_wqe header;
	};
	uint32_t size; /* bytes, a multiple of the basic unit */
	uint32_t sgl;  /* offset of the first scatter-gather element */
	uint32_t sges;
};

static inline const void *wqe_oob(const struct wqe *wqe)
{
	return wqe->bytes + sizeof(struct gdma_wqe);
}

static inline const struct gdma_sge *wqe_sge(const struct wqe *wqe)
{
	return (const struct gdma_sge *)(wqe->bytes + wqe->sgl);
}

/**
 * struct queue_place - memory and owner of a queue that is to be created
 * @list:	its memory; owned by the queue once that exists
 * @size:	its size in bytes
 * @doorbell:	page its doorbell is rung on
 * @pd:		protection domain; a completion queue has none
 * @number:	its number, one of a queue pair's; 0: any that is free
 */
struct queue_place {
	struct dma_list *list;
	uint32_t size;
	uint32_t doorbell;
	uint32_t pd;
	uint32_t number;
};

/**
 * eq_create() - create an event queue
 * @msix:	vector it raises
 *
 * Return: the queue, armed; NULL with the reason in @err
 */
struct eq *eq_create(struct adapter *adapter, const struct queue_place *place, uint32_t msix,
		     int *err);

/*
 * eq_destroy(), cq_destroy(), wq_destroy() - its number and its memory are free; lanes may use them
 * until retire_settle()
 */
void eq_destroy(struct eq *eq);

/** eq_post() - write an event and raise the vector if the queue is armed */
void eq_post(struct eq *eq, unsigned int type, const uint32_t details[3]);

/** eq_overflow() - by a fault: write more events than the queue holds, of a type that none handles */
void eq_overflow(struct eq *eq);

/** eq_ring() - the driver has read up to @tail, and wants an interrupt for more if @arm */
void eq_ring(struct eq *eq, uint32_t tail, bool arm);

/** cq_create() - create a completion queue, armed; NULL with the reason in @err */
struct cq *cq_create(struct adapter *adapter, const struct queue_place *place, struct eq *eq,
		     int *err);
void cq_destroy(struct cq *cq);
void cq_ring(struct cq *cq, uint32_t tail, bool arm);
void cq_ring_short(struct cq *cq, uint32_t increment, bool arm);

/**
 * cq_moderate() - have the queue's events wait, from now on
 *
 * Return: 0; -EINVAL if this queue cannot be moderated; or an error of lane_add()
 */
int cq_moderate(struct cq *cq, struct moderation moderation);

/** cq_want() - prefetch the next @n entries for writing; the lock is held */
static inline void cq_want(const struct cq *cq, uint32_t n)
{
	uint32_t slot = cq->producer.slot;

	for (uint32_t i = 0; i < n && cq->usable; i++) {
		cpu_prefetch_write(ring_at(&cq->ring, slot * GDMA_CQE_SIZE));
		slot = slot + 1 == cq->producer.count ? 0 : slot + 1;
	}
}

/** cq_begin() - start to write completions: takes the lock */
void cq_begin(struct cq *cq);

/** cq_next() - where to write the next completion; NULL if the queue is not writable */
static inline struct gdma_cqe *cq_next(const struct cq *cq)
{
	if (!cq->usable)
		return NULL;
	return (struct gdma_cqe *)ring_at(&cq->ring, cq->producer.slot * GDMA_CQE_SIZE);
}

/** cq_show() - make held completions visible, the first one last */
void cq_show(struct cq *cq);

/**
 * cq_hold() - finish a completion; the driver sees it at cq_end(), or when many are held
 * @last:	the last 4 bytes of data; those before them have been written at cq_next()
 * @wq:		number of the work queue
 * @is_sq:	it is a send queue
 *
 * A polling driver takes the cache line away while it is being written. With held completions it
 * finds a burst at once, and each line moves to it only once.
 */
static inline void cq_hold(struct cq *cq, uint32_t last, uint32_t wq, bool is_sq)
{
	uint32_t info =
		wq | (is_sq ? GDMA_CQE_INFO_IS_SQ : 0) | cq->producer.lap << GDMA_OWNER_SHIFT;

	cq->held[cq->held_count++] = (uint64_t)info << 32 | last;
	producer_step(&cq->producer);
	cq->posted = true;
	/* A large number means nothing: net_mana polls and never rings. */
	cq->unread++;
	if (cq->held_count == CQ_HELD_MAX)
		cq_show(cq);
}

/**
 * cq_post() - write a completion
 * @data:	60 bytes
 * @wq:		number of the work queue
 * @is_sq:	it is a send queue
 */
void cq_post(struct cq *cq, const void *data, uint32_t wq, bool is_sq);

/**
 * cq_delay() - completions from here on are late; the lock is held
 * @until:	the driver sees them then, when somebody calls cq_catch_up()
 *
 * Return: 1 if nothing was late before, so that nobody knows to call it; 0, or -ENOMEM
 */
int cq_delay(struct cq *cq, uint64_t until);

/** cq_catch_up() - make those visible that are due at @now; when the next one is due, or 0 */
uint64_t cq_catch_up(struct cq *cq, uint64_t now);

/** cq_end() - release the lock, after an event if the queue is armed; that may add to @raise */
void cq_end(struct cq *cq, struct raise *raise);

/**
 * wq_create() - create a work queue
 * @type:	GDMA_SQ or GDMA_RQ
 *
 * Return: the queue; NULL with the reason in @err
 */
struct wq *wq_create(struct adapter *adapter, uint32_t type, const struct queue_place *place,
		     struct cq *cq, int *err);
void wq_destroy(struct wq *wq);

/** wqs_stop() - before many queues are destroyed: take the send queues off their lanes, all at once */
void wqs_stop(struct adapter *adapter);

/**
 * wq_ring() - the driver has posted up to @tail
 * @tail:	bytes since the queue was created, modulo 2^32
 *
 * Return: true if there is something new
 */
bool wq_ring(struct wq *wq, uint32_t tail);

/** wq_fetch() result: nothing, an entry, or an invalid entry */
enum wq_fetched { WQ_EMPTY, WQ_ENTRY, WQ_BROKEN };

/**
 * wq_fetch() - copy the next entry and step over it
 * @wq:		ring_ready() before
 *
 * An entry of unknown size stops the queue: it is not known where the next one starts.
 */
enum wq_fetched wq_fetch(struct wq *wq, struct wqe *wqe);

/** wq_tell() - tell watchers of the entries that have been taken since the position @from */
void wq_tell(struct wq *wq, uint32_t from);

/** wq_posted() - how far the driver has posted, in basic units modulo 2^32 */
static inline uint32_t wq_posted(const struct wq *wq)
{
	const struct native_doorbell *shared =
		atomic_load_explicit(&wq->shared, memory_order_relaxed);

	if (shared)
		return shared_load_acquire(&shared->tail);
	return atomic_load_explicit(&wq->posted, memory_order_acquire);
}

/** wq_want() - prefetch the next @n entries; after ring_ready() */
static inline void wq_want(const struct wq *wq, uint32_t n)
{
	for (uint32_t i = 0; i < n; i += 64 / GDMA_WQE_UNIT)
		__builtin_prefetch(
			ring_at(&wq->ring, (wq->taken + i) * GDMA_WQE_UNIT & (wq->ring.size - 1)));
}

static inline bool wq_empty(const struct wq *wq)
{
	return wq_posted(wq) == wq->taken;
}

/** struct wq_plain - an entry of one unit: header, short OOB, one element */
struct wq_plain {
	uint64_t header;
	uint64_t oob;
	struct gdma_sge sge;
};
static_assert(sizeof(struct wq_plain) == GDMA_WQE_UNIT, "one basic unit");

/** wq_plain_read() - copy an entry from client memory; only the copy is checked and used */
static inline struct wq_plain wq_plain_read(const uint8_t *from)
{
	const uint64_t *word = (const uint64_t *)from;
	uint64_t element = shared_load(&word[3]);

	return (struct wq_plain){ .header = shared_load(&word[0]),
				  .oob = shared_load(&word[1]),
				  .sge = { .address = shared_load(&word[2]),
					   .mem_key = (uint32_t)element,
					   .size = (uint32_t)(element >> 32) } };
}

/** wq_is_plain() - one element, 8 bytes of OOB outside the list; by the second word */
static inline bool wq_is_plain(const struct wq_plain *entry)
{
	const uint32_t mask = (uint32_t)(GDMA_WQE_WORD_SHAPE_MASK >> 32);
	const uint32_t plain =
		(uint32_t)((GDMA_WQE_WORD_SGES(1) | GDMA_WQE_WORD_OOB(GDMA_OOB_SMALL)) >> 32);

	return ((uint32_t)(entry->header >> 32) & mask) == plain;
}

/** wq_mistake() - log a driver's mistake, once per queue */
__attribute__((format(printf, 2, 3))) void wq_mistake(struct wq *wq, const char *format, ...);

#endif
