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

#define CATCH_UP (10 * NS_PER_MS) /* that a slow queue may be behind its rate */

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
	atomic_fetch_and(&wq->fault, asked | FAULT_STALLED | FAULT_SLOW);
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

/** ends_at() - of something that lasts @ns from now */
static uint64_t ends_at(uint64_t ns)
{
	return ns == FAULT_FOREVER ? ns : clock_ns() + ns;
}

/** stall() - stop a queue; it goes on at @until, in a visit of act.c, unless that is FAULT_FOREVER */
static void stall(struct wq *wq, uint64_t until)
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

/** do_fault() - to a queue */
static void do_fault(struct wq *wq, const struct fault *fault)
{
	switch (fault->kind) {
	case FAULT_QUEUE_STALL:
		stall(wq, ends_at(fault->time));
		return;
	case FAULT_QUEUE_SLOW:
		atomic_store(&wq->random, fault->data);
		atomic_store(&wq->jitter, fault->number);
		atomic_store(&wq->latency, fault->time);
		atomic_fetch_or(&wq->fault, FAULT_SLOW);
		break;
	case FAULT_QUEUE_RATE:
		atomic_store(&wq->pace, NS_PER_S / fault->number);
		atomic_fetch_or(&wq->fault, FAULT_SLOW);
		break;
	default:
		atomic_store(&wq->latency, 0);
		atomic_store(&wq->pace, 0);
		atomic_fetch_and(&wq->fault, ~(uint32_t)(FAULT_STALLED | FAULT_SLOW));
	}
	if (wq->type == GDMA_RQ)
		note_faulty(wq->vport);
	lane_kick(wq->type == GDMA_SQ ? &wq->work : &wq->vport->source);
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
		do_fault(wq, &fault);
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

unsigned int faulty_each(struct adapter *adapter, const struct fault *fault)
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
			do_fault(wq, fault);
		}
	}
	return n;
}

bool faulty_waits(struct wq *wq, uint64_t *due)
{
	const uint64_t pace = atomic_load(&wq->pace), now = pace ? clock_ns() : 0;

	if (!pace)
		return false;
	/* A lane wakes by the millisecond: what it has missed it makes up for. */
	if (wq->due + CATCH_UP < now)
		wq->due = now - CATCH_UP;
	*due = wq->due;
	if (wq->due > now)
		return true;
	wq->due += pace;
	return false;
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
	if (verdict.does & FAULT_DO_STALL) {
		wq->taken = start;
		stall(wq, ends_at(verdict.stall));
	}
	return verdict.does;
}

/** delay() - make the completion late that comes next; its queue is locked */
static void delay(struct wq *wq, uint64_t ns)
{
	struct fault show = { .kind = FAULT_SHOW, .number = wq->cq->id };
	const uint64_t until = ends_at(ns);

	if (cq_delay(wq->cq, until) != 1)
		return;
	/* Without room for that, the visit that comes next shows it. */
	fault_later(faults_of(wq->adapter), &show, until);
	adapter_again(wq->adapter);
}

/** slow() - how late a completion is that no rule is about */
static uint64_t slow(struct wq *wq)
{
	const uint64_t jitter = atomic_load(&wq->jitter);
	const uint64_t random = atomic_load(&wq->random) * UINT64_C(6364136223846793005) +
				UINT64_C(1442695040888963407);

	atomic_store(&wq->random, random);
	return atomic_load(&wq->latency) + (jitter ? (random >> 16) % jitter : 0);
}

uint32_t faulty_completion(struct wq *wq, uint32_t *type)
{
	struct faults *faults = faults_of(wq->adapter);
	struct fault_queue queue = name_of(wq);
	struct fault_verdict verdict = { 0 };
	const uint32_t asked = atomic_load(&wq->fault);

	if (!faults)
		return 0;
	if (asked & FAULT_COMPLETIONS && fault_completion(faults, &queue, &verdict))
		adapter_again(wq->adapter);
	*type = verdict.error;
	if (verdict.does & FAULT_DO_LOSE)
		return verdict.does;
	if (verdict.does & FAULT_DO_LATE)
		delay(wq, verdict.late);
	else if (asked & FAULT_SLOW && atomic_load(&wq->latency))
		delay(wq, slow(wq));
	return verdict.does;
}
