/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Doorbells in shared memory (wire/native.h): BAR 2 and the command that binds a
 * work queue to one of its pages.
 *
 * The client can write any page at any time; a tail is checked where it is used, in wq_fetch(). The
 * file is sealed, so that it cannot be truncated while lanes use it.
 */
#include "device/native.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device/state.h"
#include "wire/native.h"

static struct native_doorbell *doorbell_at(const struct adapter *adapter, uint32_t page)
{
	return (struct native_doorbell *)((uint8_t *)adapter->native +
					  (size_t)page * NATIVE_DOORBELL_SIZE);
}

int native_open(struct adapter *adapter)
{
	void *map;
	int err;

	adapter->native_fd = memfd_create("mana-doorbells", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (adapter->native_fd < 0)
		return -errno;
	if (ftruncate(adapter->native_fd, NATIVE_BAR_SIZE) < 0 ||
	    fcntl(adapter->native_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		goto fail;
	map = mmap(NULL, NATIVE_BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, adapter->native_fd,
		   0);
	if (map == MAP_FAILED)
		goto fail;
	adapter->native = map;
	return 0;
fail:
	err = -errno;
	native_close(adapter);
	return err;
}

void native_close(struct adapter *adapter)
{
	if (adapter->native)
		munmap(adapter->native, NATIVE_BAR_SIZE);
	if (adapter->native_fd > 0)
		close(adapter->native_fd);
	adapter->native = NULL;
	adapter->native_fd = -1;
}

void native_reset(struct adapter *adapter)
{
	memset(adapter->native_bound, 0, sizeof(adapter->native_bound));
	/* Frees the memory; the pages read as zero afterwards. */
	if (adapter->native)
		madvise(adapter->native, NATIVE_BAR_SIZE, MADV_REMOVE);
}

void native_unbind(const struct wq *wq)
{
	const struct native_doorbell *shared = atomic_load(&wq->shared);
	size_t page;

	/*
	 * Lanes keep reading the page until wq_destroy() has waited for them; no command can
	 * bind it to another queue before that.
	 */
	if (!shared)
		return;
	page = (size_t)((const uint8_t *)shared - (const uint8_t *)wq->adapter->native) /
	       NATIVE_DOORBELL_SIZE;
	wq->adapter->native_bound[page / 64] &= ~(UINT64_C(1) << page % 64);
}

/**
 * has_work() - could the lane do something for the queue? A receive queue is locked
 *
 * Not while it is stopped or its ring is not mapped, whatever its tail says: that is the client's to
 * write, and the lane would never sleep. A ring whose map has changed is looked up in its next turn.
 */
static bool has_work(const struct wq *wq)
{
	uint64_t epoch = atomic_load_explicit(&wq->ring.memory->epoch, memory_order_acquire);

	/* One that waits for its vPort's rate has a deadline. */
	if (wq->stopped || wq_posted(wq) == wq->taken || wq->work.deadline ||
	    atomic_load_explicit(&wq->fault, memory_order_relaxed) & FAULT_STALLED)
		return false;
	return wq->ring.epoch != epoch || wq->ring.base || wq->ring.page;
}

bool native_rest(struct wq *wq, bool asleep)
{
	struct native_doorbell *shared = atomic_load_explicit(&wq->shared, memory_order_relaxed);

	if (!shared)
		return false;
	shared_store(&shared->asleep, asleep);
	if (!asleep)
		return false;
	/* See wire/native.h: the driver's fence and this one. */
	atomic_thread_fence(memory_order_seq_cst);
	return has_work(wq);
}

/** bind_doorbell() - NATIVE_BIND_DOORBELL */
static uint32_t bind_doorbell(struct adapter *adapter, struct command *command)
{
	const struct native_bind_doorbell_req *req = (const void *)command->request;
	struct native_doorbell *page;
	struct wq *wq;

	if (req->queue_type != GDMA_SQ && req->queue_type != GDMA_RQ)
		return STATUS_INVALID;
	wq = table_get(req->queue_type == GDMA_SQ ? &adapter->sqs : &adapter->rqs, req->queue_id);
	if (!wq || !wq->vport)
		return STATUS_NOT_FOUND;
	if (req->page >= NATIVE_DOORBELL_PAGES || wq->shared || wq_posted(wq))
		return STATUS_INVALID;
	if (adapter->native_bound[req->page / 64] & UINT64_C(1) << req->page % 64)
		return STATUS_BUSY;
	adapter->native_bound[req->page / 64] |= UINT64_C(1) << req->page % 64;
	page = doorbell_at(adapter, req->page);
	shared_store(&page->tail, 0);
	shared_store(&page->asleep, 1);
	atomic_store_explicit(&wq->shared, page, memory_order_release);
	if (wq->type == GDMA_SQ) {
		lane_poll(&wq->work);
	} else if (!wq->vport->polled) {
		wq->vport->polled = true;
		lane_poll(&wq->vport->source);
	}
	return STATUS_OK;
}

const struct command_entry native_commands[] = {
	{ NATIVE_BIND_DOORBELL, "NATIVE_BIND_DOORBELL", sizeof(struct native_bind_doorbell_req),
	  sizeof(struct gdma_general_resp), bind_doorbell },
	{ 0 },
};
