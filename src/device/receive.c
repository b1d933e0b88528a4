/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * A fabric delivers frames on the lane that polls it (or that sends, for a switch); the receive
 * queue may belong to any lane, so it is locked for its packets of the burst (receive_burst.c).
 * Runs of ordinary packets go through receive_plain.c, each of the others through receive_any.c.
 *
 * A frame for a queue without buffers is not accepted: deliver() returns early, and the fabric
 * drops or keeps it.
 */
#include "device/receive.h"

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

	*burst = (struct receive_burst){ .vport = vport, .steering = steering };
	if (!scratch || !burst->steering || !burst->steering->enabled ||
	    atomic_load_explicit(&vport->link_down, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&vport->rx_disabled, n, memory_order_relaxed);
		return false;
	}
	burst->scratch = &scratch->receive;
	return true;
}

/** finish() - release the queue, and raise the interrupts of all that were used */
static void finish(struct receive_burst *burst)
{
	receive_use(burst, NULL);
	adapter_raise_all(burst->vport->adapter, &burst->raise);
}

unsigned int receive_deliver(void *ctx, unsigned int lane, const struct frame *frames,
			     unsigned int n)
{
	struct receive_burst burst;
	unsigned int done;

	if (!begin(&burst, ctx, lane, n))
		return n;
	for (done = 0; done < n; done++) {
		done += receive_plain(&burst, frames + done, n - done);
		if (done == n || !receive_any(&burst, &frames[done]))
			break;
	}
	finish(&burst);
	return done;
}

uint64_t receive_offer(void *ctx, unsigned int lane, const struct frame *frames, unsigned int n)
{
	struct receive_burst burst;
	uint64_t left = 0;

	if (!begin(&burst, ctx, lane, n))
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
	return left;
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
