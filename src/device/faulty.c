/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * wq->fault says whether rules ask about a queue, and whether it stands still. Lanes look at it once
 * a burst. A queue that is asked about is served entry by entry, by the general code; a rule so
 * counts packets exactly. An entry that is judged may be taken again, because the fabric did not take
 * its frame or the queue was stalled: wq->spared remembers it, and it is not judged twice.
 */
#include "device/faulty.h"

#include "base/clock.h"
#include "device/state.h"

static struct fault_queue name_of(const struct wq *wq)
{
	return (struct fault_queue){ .type = wq->type,
				     .port = wq->vport->index,
				     .index = wq->index };
}

/** ask() - have lanes ask about a queue what rules want to know */
static void ask(struct wq *wq, struct faults *faults)
{
	struct fault_queue queue = name_of(wq);
	uint32_t asked = faults ? fault_queue(faults, &queue) : 0;

	atomic_fetch_or(&wq->fault, asked);
	atomic_fetch_and(&wq->fault, asked | FAULT_STALLED);
}

/** note_faulty() - frames for the vPort take the general path if one of its queues needs it */
static void note_faulty(struct vport *vport)
{
	bool faulty = false;

	for (uint32_t i = 0; i < ADAPTER_QUEUES_MAX; i++) {
		const struct wq *rq = atomic_load(&vport->rq[i]);

		faulty = faulty || (rq && atomic_load(&rq->fault));
	}
	atomic_store(&vport->faulty, faulty);
}

void faulty_open(struct wq *wq)
{
	struct faults *faults = faults_of(wq->adapter);
	struct fault_queue queue = name_of(wq);
	struct fault fault;

	if (!faults)
		return;
	ask(wq, faults);
	while (fault_waited(faults, &queue, &fault))
		faulty_stall(wq,
			     fault.time == FAULT_FOREVER ? fault.time : clock_ns() + fault.time);
	if (wq->type == GDMA_RQ && atomic_load(&wq->fault))
		atomic_store(&wq->vport->faulty, true);
}

void faulty_refresh(struct adapter *adapter)
{
	struct faults *faults = faults_of(adapter);

	for (uint32_t i = 0; i < adapter->config.ports; i++) {
		struct vport *vport = &adapter->vport[i];

		for (uint32_t q = 0; q < ADAPTER_QUEUES_MAX; q++) {
			struct wq *sq = atomic_load(&vport->sq[q]),
				  *rq = atomic_load(&vport->rq[q]);

			if (sq)
				ask(sq, faults);
			if (rq)
				ask(rq, faults);
		}
		note_faulty(vport);
	}
}

void faulty_stall(struct wq *wq, uint64_t until)
{
	struct faults *faults = faults_of(wq->adapter);
	struct fault end = { .kind = FAULT_QUEUE_GOES, .queue = name_of(wq) };

	atomic_fetch_or(&wq->fault, FAULT_STALLED);
	if (wq->type == GDMA_RQ)
		atomic_store(&wq->vport->faulty, true);
	if (until != FAULT_FOREVER && faults)
		fault_later(faults, &end, until);
	adapter_again(wq->adapter);
}

void faulty_go(struct wq *wq)
{
	atomic_fetch_and(&wq->fault, ~(uint32_t)FAULT_STALLED);
	if (wq->type == GDMA_RQ)
		note_faulty(wq->vport);
	lane_kick(wq->type == GDMA_SQ ? &wq->work : &wq->vport->source);
}

unsigned int faulty_each(struct adapter *adapter, const struct fault *fault, uint64_t until)
{
	const struct fault_queue *queue = &fault->queue;
	unsigned int n = 0;

	for (uint32_t i = 0; i < adapter->config.ports; i++) {
		struct vport *vport = &adapter->vport[i];

		if (queue->port != FAULT_ANY && queue->port != i)
			continue;
		for (uint32_t q = 0; q < ADAPTER_QUEUES_MAX; q++) {
			struct wq *wq =
				atomic_load(queue->type == GDMA_SQ ? &vport->sq[q] : &vport->rq[q]);

			if (!wq || (queue->index != FAULT_ANY && queue->index != q))
				continue;
			n++;
			if (until)
				faulty_stall(wq, until);
			else
				faulty_go(wq);
		}
	}
	return n;
}

/** ends_at() - of something that lasts @ns from now */
static uint64_t ends_at(uint64_t ns)
{
	return ns == FAULT_FOREVER ? ns : clock_ns() + ns;
}

uint32_t faulty_packet(struct wq *wq, uint32_t start, uint32_t *type)
{
	struct faults *faults = faults_of(wq->adapter);
	struct fault_queue queue = name_of(wq);
	struct fault_verdict verdict;

	if (!(atomic_load(&wq->fault) & FAULT_PACKETS) || (wq->spare && wq->spared == start))
		return 0;
	wq->spare = true;
	wq->spared = start;
	if (!faults || !fault_packet(faults, &queue, &verdict))
		return 0;
	adapter_again(wq->adapter);
	*type = verdict.error;
	if (verdict.todo & FAULT_DO_STALL) {
		wq->taken = start;
		faulty_stall(wq, ends_at(verdict.stall));
	}
	return verdict.todo;
}

uint32_t faulty_completion(struct wq *wq, uint32_t *type)
{
	struct faults *faults = faults_of(wq->adapter);
	struct fault show = { .kind = FAULT_SHOW, .number = wq->cq->id };
	struct fault_queue queue = name_of(wq);
	struct fault_verdict verdict;
	uint64_t until;

	if (!(atomic_load(&wq->fault) & FAULT_COMPLETIONS) || !faults ||
	    !fault_completion(faults, &queue, &verdict))
		return 0;
	adapter_again(wq->adapter);
	*type = verdict.error;
	if (verdict.todo & FAULT_DO_LATE) {
		until = ends_at(verdict.late);
		if (!cq_delay(wq->cq, until))
			fault_later(faults, &show, until);
	}
	return verdict.todo;
}
