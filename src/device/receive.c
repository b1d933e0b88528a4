/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * A fabric delivers frames on the lane that polls it (or that sends, for a switch); the receive
 * queue may belong to any lane, so it is locked for its packets of the burst (receive_burst.c).
 * Runs of ordinary packets go through receive_plain.c, each of the others through receive_any.c.
 *
 * A vPort with queue pairs for RDMA has its RoCE packets taken out first (inbox.c); one without pays
 * for a look at a counter, once a burst.
 *
 * A frame for a queue without buffers is not accepted: deliver() returns early, and the fabric
 * drops or keeps it.
 */
#include "device/receive.h"

#include "device/inbox.h"
#include "device/native.h"
#include "device/receive_any.h"
#include "device/receive_plain.h"
#include "device/scratch.h"

#define POLL_BUDGET 64u

/** begin() - false if the vPort accepts nothing now: the frames are counted and dropped */
static bool begin(struct receive_burst *burst, struct vport *vport, unsigned int lane,
		  unsigned int n)
{
	const struct steering *steering =
		atomic_load_explicit(&vport->steering, memory_order_acquire);
	struct scratch *scratch = scratch_of(vport->adapter, lane);

	*burst = (struct receive_burst){
		.vport = vport,
		.steering = steering,
		.odd = atomic_load_explicit(&vport->faulty, memory_order_relaxed),
	};
	if (!scratch || !burst->steering || !burst->steering->enabled ||
	    atomic_load_explicit(&vport->link_down, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&vport->rx_disabled, n, memory_order_relaxed);
		return false;
	}
	burst->scratch = &scratch->receive;
	burst->odd |= steering->hash_types != MANA_HASH_SUPPORTED;
	return true;
}

/** finish() - release the queue, and raise the interrupts of all that were used */
static void finish(struct receive_burst *burst)
{
	receive_use(burst, NULL);
	adapter_raise_all(burst->vport->adapter, &burst->raise);
}

/** tell_frames() - tell watchers of frames that were taken: all but those in @left, a bit each */
static __attribute__((noinline)) void tell_frames(struct vport *vport, const struct frame *frames,
						  unsigned int n, uint64_t left)
{
	watch_tell_frames(&vport->adapter->watch, &(struct watch_frames){ .kind = WATCH_FRAME_RX,
									  .port = vport->index,
									  .frames = frames,
									  .n = n,
									  .left = left });
}

/** deliver() - receive_deliver() without RoCE packets */
static unsigned int deliver(struct vport *vport, unsigned int lane, const struct frame *frames,
			    unsigned int n)
{
	struct receive_burst burst;
	unsigned int done;

	if (!begin(&burst, vport, lane, n))
		return n;
	for (done = 0; done < n; done++) {
		done += receive_plain(&burst, frames + done, n - done);
		if (done == n || !receive_any(&burst, &frames[done]))
			break;
	}
	finish(&burst);
	if (watch_wants(&vport->adapter->watch, WATCH_BIT(WATCH_FRAME_RX)))
		tell_frames(vport, frames, done, 0);
	return done;
}

/** offer() - receive_offer() without RoCE packets */
static uint64_t offer(struct vport *vport, unsigned int lane, const struct frame *frames,
		      unsigned int n)
{
	struct receive_burst burst;
	uint64_t left = 0;

	if (!begin(&burst, vport, lane, n))
		return 0;
	for (unsigned int done = 0; done < n; done++) {
		uint64_t some = 0;
		unsigned int taken = receive_plain_offer(&burst, frames + done, n - done, &some);

		left |= some << done;
		done += taken;
		if (done < n && !receive_any(&burst, &frames[done]))
			left |= UINT64_C(1) << done;
	}
	finish(&burst);
	if (watch_wants(&vport->adapter->watch, WATCH_BIT(WATCH_FRAME_RX)))
		tell_frames(vport, frames, n, left);
	return left;
}

/**
 * ordinary() - how many frames there are before the next RoCE packet
 *
 * RoCE packets before the first ordinary frame are given to their queue pairs: @skipped of them.
 */
static unsigned int ordinary(struct vport *vport, unsigned int lane, const struct frame *frames,
			     unsigned int n, unsigned int *skipped)
{
	unsigned int i = 0, run = 0;

	for (; i < n && inbox_wants(&frames[i]); i++)
		inbox_deliver(vport, lane, &frames[i]);
	if (i && watch_wants(&vport->adapter->watch, WATCH_BIT(WATCH_FRAME_RX)))
		tell_frames(vport, frames, i, 0);
	*skipped = i;
	/* The one at i is ordinary: it is not looked at again. */
	for (run = i < n; i + run < n && !inbox_wants(&frames[i + run]); run++)
		;
	return run;
}

/** deliver_split(), offer_split() - for a vPort with queue pairs: RoCE packets are theirs */
static __attribute__((noinline)) unsigned int
deliver_split(struct vport *vport, unsigned int lane, const struct frame *frames, unsigned int n)
{
	unsigned int done = 0;

	while (done < n) {
		unsigned int skipped,
			run = ordinary(vport, lane, frames + done, n - done, &skipped);
		unsigned int taken;

		done += skipped;
		taken = run ? deliver(vport, lane, frames + done, run) : 0;
		done += taken;
		if (taken < run)
			break;
	}
	return done;
}

static __attribute__((noinline)) uint64_t offer_split(struct vport *vport, unsigned int lane,
						      const struct frame *frames, unsigned int n)
{
	unsigned int done = 0;
	uint64_t left = 0;

	while (done < n) {
		unsigned int skipped,
			run = ordinary(vport, lane, frames + done, n - done, &skipped);

		done += skipped;
		left |= run ? offer(vport, lane, frames + done, run) << done : 0;
		done += run;
	}
	return left;
}

unsigned int receive_deliver(void *ctx, unsigned int lane, const struct frame *frames,
			     unsigned int n)
{
	struct vport *vport = ctx;

	if (__builtin_expect(atomic_load_explicit(&vport->pairs, memory_order_relaxed), 0))
		return deliver_split(vport, lane, frames, n);
	return deliver(vport, lane, frames, n);
}

uint64_t receive_offer(void *ctx, unsigned int lane, const struct frame *frames, unsigned int n)
{
	struct vport *vport = ctx;

	if (__builtin_expect(atomic_load_explicit(&vport->pairs, memory_order_relaxed), 0))
		return offer_split(vport, lane, frames, n);
	return offer(vport, lane, frames, n);
}

/** receiving() - does the vPort accept frames now? */
static bool receiving(const struct vport *vport)
{
	const struct steering *steering =
		atomic_load_explicit(&vport->steering, memory_order_acquire);

	return steering && steering->enabled &&
	       !atomic_load_explicit(&vport->link_down, memory_order_relaxed);
}

bool receive_poll(struct lane_work *work, unsigned int lane)
{
	struct vport *vport = (struct vport *)work;
	unsigned int n;

	/* A generator or a replay waits until the vPort receives; a wire does not. */
	if (fabric_fd(vport->fabric) < 0 && !receiving(vport))
		return false;
	n = fabric_poll(vport->fabric, lane, POLL_BUDGET);
	work->progress = n;
	/* Descriptors are edge-triggered: read everything. */
	if (n)
		return true;
	/* It has more, but there are no buffers: a buffer's doorbell is the next chance. */
	work->blocked = fabric_is_source(vport->fabric);
	return false;
}

bool receive_rest(struct lane_work *work, bool asleep)
{
	struct vport *vport = (struct vport *)work;
	bool more = false;

	/* The control thread may be removing a queue: it waits for this turn to end. */
	for (uint32_t i = 0; i < ADAPTER_QUEUES_MAX; i++) {
		struct wq *rq = atomic_load_explicit(&vport->rq[i], memory_order_acquire);

		if (!rq || !atomic_load_explicit(&rq->shared, memory_order_relaxed))
			continue;
		/* Another lane may be taking entries of it. */
		spin_lock(&rq->lock);
		more |= native_rest(rq, asleep);
		spin_unlock(&rq->lock);
	}
	return more && receiving(vport) && fabric_is_source(vport->fabric);
}

void receive_fence(struct wq *rq)
{
	struct mana_rxcomp_oob oob = { .cqe_hdr = { .cqe_type = MANA_CQE_RX_OBJECT_FENCE,
						    .client_type = MANA_CLIENT_COMPLETION } };
	struct raise raise = { 0 };

	spin_lock(&rq->lock);
	cq_begin(rq->cq);
	cq_post(rq->cq, &oob, rq->id, false);
	cq_end(rq->cq, &raise);
	spin_unlock(&rq->lock);
	adapter_raise_all(rq->adapter, &raise);
}
