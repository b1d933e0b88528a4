/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/watch.h - telling others what happens on an adapter: a trace, an examiner, a test.
 *
 * A watcher is told of each event of the kinds that it wants, where and when that happens: on the
 * control thread, or on a lane, on several at once, with a queue's lock held. So tell() never
 * blocks, takes no queue's lock, and keeps its own state behind its own lock.
 *
 * Nobody's wishes cost nothing but a look at one word, which a burst takes once: see
 * watch_wants(). What is told about a burst is told at its end.
 */
#ifndef MANAKIN_DEVICE_WATCH_H
#define MANAKIN_DEVICE_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct frame;
struct lanes;

#define WATCHERS_MAX 8u

/**
 * enum watch_kind - what has happened, and what struct watch_event says of it
 * @WATCH_CLIENT:	type: enum watch_client
 * @WATCH_MEMORY:	a client has mapped or unmapped memory; type: enum watch_memory, value: IOVA,
 *			data: its size, a uint64_t; position: VFU_DMA_* of a mapping
 * @WATCH_SMC:		a message through the shared-memory channel, and its answer; type: enum
 *			watch_smc; data: the aperture
 * @WATCH_COMMAND:	before it is run; type: its code, position: its message id, data: as read
 * @WATCH_ANSWER:	before the driver sees it; type: the command's code, position: its message id,
 *			value: the status, data: as written
 * @WATCH_QUEUE:	type: enum watch_queue_event, queue: its number, data: struct watch_queue
 * @WATCH_DOORBELL:	before it is acted on; position: page, type: offset in it, value: as written,
 *			len: of the write, 4 or 8 bytes. One in shared memory is told when a lane finds
 *			its tail changed: position: WATCH_SHARED, queue: its number, value: the tail in
 *			bytes
 * @WATCH_ENTRY:	of a work queue, taken; queue: its number, type: GDMA_SQ or GDMA_RQ, position:
 *			in basic units since the queue was created, data: its bytes
 * @WATCH_COMPLETION:	before the driver sees it; queue: of the completion queue, position: its
 *			place there, data: 64 bytes
 * @WATCH_EVENT:	before the driver sees it; queue: of the event queue, position: its place there,
 *			data: 16 bytes; value: 1 if it raises the queue's vector
 * @WATCH_INTERRUPT:	position: the vector
 * @WATCH_FRAME_TX:	sent to the fabric; port: the vPort, queue: of the send queue, frame
 * @WATCH_FRAME_RX:	from the fabric, for the driver; port: the vPort, frame
 * @WATCH_FAULT:	a fault that somebody has asked for; data: what, in words
 * @WATCH_TAKEN:	the same entries as WATCH_ENTRY, once a burst: queue: of the work queue, type:
 *			GDMA_SQ or GDMA_RQ, position: where they start (they end at wq.taken), value:
 *			GDMA_RQ: how far the driver had posted before the first was taken
 * @WATCH_REFUSED:	an entry that the adapter stops at; as WATCH_ENTRY, but only a unit of its bytes;
 *			value: bytes that the driver has posted from there on
 * @WATCH_SHOWN:	the same completions as WATCH_COMPLETION, all that are held (cq.held); position:
 *			of the first, value: how many
 */
enum watch_kind {
	WATCH_CLIENT,
	WATCH_MEMORY,
	WATCH_SMC,
	WATCH_COMMAND,
	WATCH_ANSWER,
	WATCH_QUEUE,
	WATCH_DOORBELL,
	WATCH_ENTRY,
	WATCH_COMPLETION,
	WATCH_EVENT,
	WATCH_INTERRUPT,
	WATCH_FRAME_TX,
	WATCH_FRAME_RX,
	WATCH_FAULT,
	WATCH_TAKEN,
	WATCH_REFUSED,
	WATCH_SHOWN,
	WATCH_KINDS
};

enum watch_client { WATCH_ATTACHED, WATCH_DETACHED, WATCH_RESET };
enum watch_memory { WATCH_MAPPED, WATCH_UNMAPPED, WATCH_UNMAPPED_ALL };
enum watch_smc { WATCH_SMC_REQUEST, WATCH_SMC_ANSWER };
enum watch_queue_event { WATCH_CREATED, WATCH_DESTROYED };

#define WATCH_SHARED UINT32_MAX

/**
 * struct watch_queue - a queue that is created or destroyed
 * @type:	GDMA_SQ, GDMA_RQ, GDMA_CQ or GDMA_EQ
 * @size:	bytes
 * @doorbell:	its page
 * @pd:		protection domain; 0 for a completion queue
 * @parent:	number of the completion queue of a work queue, or of the event queue of a completion
 *		queue (WATCH_NO_PARENT: none); the vector of an event queue
 */
struct watch_queue {
	uint32_t type;
	uint32_t size;
	uint32_t doorbell;
	uint32_t pd;
	uint32_t parent;
};

#define WATCH_NO_PARENT UINT32_MAX

/** struct watch_event - see enum watch_kind; valid during the call */
struct watch_event {
	enum watch_kind kind;
	uint32_t queue;
	uint32_t type;
	uint32_t position;
	uint32_t port;
	uint64_t value;
	const void *data;
	uint32_t len;
	const struct frame *frame;
};

/**
 * struct watcher - one who is told; embedded in the watcher's own state
 * @kinds:	a bit for each enum watch_kind
 */
struct watcher {
	uint32_t kinds;
	void (*tell)(struct watcher *watcher, const struct watch_event *event);
};

/** struct watch - an adapter's watchers; zeroed at first */
struct watch {
	_Atomic uint32_t wanted; /* by any of them */
	struct watcher *_Atomic watcher[WATCHERS_MAX];
};

/** watch_add() - from now on @watcher is told; on the control thread. 0 or -ENOSPC */
int watch_add(struct watch *watch, struct watcher *watcher);

/** watch_remove() - on return it is not being told of anything, and will not be; control thread */
void watch_remove(struct watch *watch, struct watcher *watcher, struct lanes *lanes);

#define WATCH_BIT(kind) (1u << (kind))

/* What wq_tell() tells */
#define WATCH_ENTRIES   (WATCH_BIT(WATCH_ENTRY) | WATCH_BIT(WATCH_TAKEN) | WATCH_BIT(WATCH_DOORBELL))

/** watch_wants() - does anybody want one of these kinds? */
static inline bool watch_wants(const struct watch *watch, uint32_t kinds)
{
	return __builtin_expect(atomic_load_explicit(&watch->wanted, memory_order_relaxed) & kinds,
				0);
}

/** watch_tell() - tell who wants it */
void watch_tell(struct watch *watch, const struct watch_event *event);

/** struct watch_frames - frames that have gone one way between a vPort and its fabric */
struct watch_frames {
	enum watch_kind kind;
	uint32_t port;
	uint32_t queue;
	const struct frame *frames;
	unsigned int n;
	uint64_t left; /* those of the first 64 that were not taken, a bit each */
};

/** watch_tell_frames() - tell who wants it of each */
void watch_tell_frames(struct watch *watch, const struct watch_frames *frames);

#endif
