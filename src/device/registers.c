/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BAR 0: the registers, the shared-memory channel, and the doorbell pages
 *
 *	0x000000	registers (VF layout, or PF layout with its SR-IOV block)
 *	0x000800	SR-IOV block of the PF layout
 *	0x001000	shared-memory channel, 32 bytes
 *	0x400000	doorbell pages of 4096 bytes, one per user
 *
 * A queue's doorbell is accepted only on the page that the queue was created
 * with: a process that has mapped one page cannot ring the queues of another.
 */
#include "device/registers.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "device/config.h"
#include "device/hwc.h"
#include "device/pair.h"
#include "device/reset.h"
#include "device/state.h"

#define SHM_OFFSET     0x1000u
#define SRIOV_OFFSET   0x800u
#define REGISTERS_SIZE 0x1000u

static_assert(BAR_DOORBELLS + ADAPTER_DOORBELL_PAGES * MANA_PAGE_SIZE == BAR_SIZE,
	      "the doorbell pages end the BAR");

/** register_qword() - the 64 bits at an aligned offset of the register page */
static uint64_t register_qword(const struct adapter *adapter, uint64_t offset)
{
	if (adapter->config.physical) {
		switch (offset) {
		case MANA_PF_REG_DB_PAGE_OFFSET:
			return BAR_DOORBELLS;
		case MANA_PF_REG_DB_PAGE_SIZE:
			return MANA_PAGE_SIZE;
		case MANA_PF_REG_SRIOV_CFG_BASE:
			return SRIOV_OFFSET;
		case SRIOV_OFFSET + MANA_PF_SRIOV_REG_SHM_OFFSET:
			return SHM_OFFSET - SRIOV_OFFSET;
		default:
			return 0;
		}
	}
	switch (offset) {
	case offsetof(struct mana_vf_regs, version_micro):
		return UINT64_C(1) << 24;
	case offsetof(struct mana_vf_regs, db_page_offset):
		return BAR_DOORBELLS;
	case offsetof(struct mana_vf_regs, db_page_size):
		return MANA_PAGE_SIZE;
	case offsetof(struct mana_vf_regs, shm_offset):
		return SHM_OFFSET;
	case offsetof(struct mana_vf_regs, shm_size):
		return SMC_SIZE;
	default:
		return 0;
	}
}

/** is_dead() - has a fault ended all that the function does? */
static bool is_dead(const struct adapter *adapter)
{
	struct faults *faults = faults_of(adapter);

	return __builtin_expect(faults != NULL, 0) && atomic_load(&fault_switches(faults)->fatal);
}

int registers_read(struct adapter *adapter, uint64_t offset, void *data, size_t len)
{
	uint8_t *byte = data;

	if (is_dead(adapter)) {
		memset(data, 0xff, len);
		return 0;
	}
	for (size_t i = 0; i < len; i++) {
		uint64_t at = offset + i;

		if (at < REGISTERS_SIZE)
			byte[i] = (uint8_t)(register_qword(adapter, at & ~UINT64_C(7)) >>
					    (at % 8 * 8));
		else if (at - SHM_OFFSET < SMC_SIZE)
			byte[i] = ((const uint8_t *)adapter->smc)[at - SHM_OFFSET];
		else
			byte[i] = 0;
	}
	return 0;
}

/** smc_tell() - tell watchers of a message, or its answer */
static void smc_tell(struct adapter *adapter, enum watch_smc what)
{
	const struct watch_event event = {
		.kind = WATCH_SMC, .type = what, .data = adapter->smc, .len = sizeof(adapter->smc)
	};

	if (watch_wants(&adapter->watch, WATCH_BIT(WATCH_SMC)))
		watch_tell(&adapter->watch, &event);
}

/** smc_run() - the driver has written the last word of the aperture: execute the message */
static void smc_run(struct adapter *adapter)
{
	struct smc_message message;
	union smc_header answer;
	int err;

	memcpy(&message, adapter->smc, sizeof(message));
	smc_tell(adapter, WATCH_SMC_REQUEST);
	if (message.header.response || message.header.owner_is_pf) {
		adapter_say(adapter, LOG_WARNING,
			    "shared-memory channel: header %#x is not a request",
			    message.header.word);
		return;
	}
	switch (message.header.msg_type) {
	case SMC_ESTABLISH_HWC:
		if (message.header.reset_vf)
			adapter_reset(adapter);
		err = hwc_establish(adapter, &message);
		/* Undo a partial setup, but keep a channel that was up before. */
		if (err && !adapter->hwc.up)
			adapter_reset(adapter);
		break;
	case SMC_DESTROY_HWC:
		adapter_reset(adapter);
		err = 0;
		break;
	case SMC_REPORT_HWC_TIMEOUT:
		adapter_say(adapter, LOG_WARNING,
			    "the driver reports that the hardware channel timed out");
		err = 0;
		break;
	default:
		adapter_say(adapter, LOG_WARNING, "shared-memory channel: unknown message %u",
			    message.header.msg_type);
		err = -ENOTSUP;
	}
	answer =
		smc_header_answer(message.header, 0, err ? SMC_STATUS_FAILURE : SMC_STATUS_SUCCESS);
	adapter->smc[SMC_WORDS - 1] = answer.word;
	smc_tell(adapter, WATCH_SMC_ANSWER);
}

static bool smc_write(struct adapter *adapter, uint64_t offset, const void *data, size_t len)
{
	if (offset < SHM_OFFSET || offset >= SHM_OFFSET + SMC_SIZE)
		return false;
	if (offset % 4 || len % 4 || len > SHM_OFFSET + SMC_SIZE - offset)
		return false;
	memcpy((uint8_t *)adapter->smc + (offset - SHM_OFFSET), data, len);
	if (offset + len == SHM_OFFSET + SMC_SIZE)
		smc_run(adapter);
	return true;
}

/** doorbell_stray() - a doorbell for no queue; logged once per client */
static void doorbell_stray(struct adapter *adapter, uint32_t page, uint32_t offset, uint64_t value)
{
	if (!atomic_exchange_explicit(&adapter->told_doorbell, true, memory_order_relaxed))
		adapter_say(adapter, LOG_WARNING,
			    "doorbell %#llx at page %u offset %#x: no such queue on this page; "
			    "ignored",
			    (unsigned long long)value, page, offset);
}

/** doorbell_wq() - a doorbell of a work queue */
static void doorbell_wq(struct wq *wq, uint32_t tail)
{
	struct adapter *adapter = wq->adapter;

	/* If there is a doorbell in shared memory, this one only wakes the lane. */
	if (!wq->shared && !wq_ring(wq, tail))
		return;
	if (wq == adapter->hwc.sq)
		hwc_run(adapter);
	else if (wq->pair)
		lane_kick(&wq->pair->work);
	else if (wq->type == GDMA_SQ)
		lane_kick(&wq->work);
	else if (wq->vport)
		lane_kick(&wq->vport->source);
}

static struct wq *doorbell_find_wq(struct table *table, uint64_t id, uint32_t page)
{
	struct wq *wq = table_get(table, id);

	return wq && wq->doorbell == page ? wq : NULL;
}

/** doorbell_moderation() - change how a queue's events wait; false if it is not one for Ethernet */
static bool doorbell_moderation(struct cq *cq, union gdma_doorbell value)
{
	struct moderation moderation = cq->moderation;

	if (value.moderation.usec_valid)
		moderation.usec = value.moderation.usec;
	if (value.moderation.comps_valid)
		moderation.comps = value.moderation.comps;
	return cq_moderate(cq, moderation) != -EINVAL;
}

/** doorbell_long() - a 64-bit doorbell; false if it matches no queue */
static bool doorbell_long(struct adapter *adapter, uint32_t page, uint32_t offset,
			  union gdma_doorbell value)
{
	struct wq *wq = NULL;
	struct cq *cq;
	struct eq *eq;

	switch (offset) {
	case GDMA_DB_SQ:
		wq = doorbell_find_wq(&adapter->sqs, value.sq.id, page);
		if (wq)
			doorbell_wq(wq, (uint32_t)value.sq.tail);
		return wq;
	case GDMA_DB_RQ:
		wq = doorbell_find_wq(&adapter->rqs, value.rq.id, page);
		if (wq)
			doorbell_wq(wq, (uint32_t)value.rq.tail);
		return wq;
	case GDMA_DB_RQ_CLIENT:
		wq = doorbell_find_wq(&adapter->rqs, value.rq_client.id, page);
		if (!wq || !wq->pair || wq != wq->pair->wq[RNIC_RC_RQ_REQUESTER])
			return false;
		pair_arm(wq->pair, (uint32_t)value.rq_client.low);
		return true;
	case GDMA_DB_CQ:
		cq = table_get(&adapter->cqs, value.cq.id);
		if (!cq || cq->doorbell != page)
			return false;
		cq_ring(cq, value.cq.tail & GDMA_DB_TAIL_MAX, value.cq.arm);
		return true;
	case GDMA_DB_CQ_MODERATION:
		cq = table_get(&adapter->cqs, value.moderation.id);
		if (!cq || cq->doorbell != page)
			return false;
		return doorbell_moderation(cq, value);
	case GDMA_DB_EQ:
		eq = table_get(&adapter->eqs, value.eq.id);
		if (!eq || eq->doorbell != page)
			return false;
		eq_ring(eq, value.eq.tail & GDMA_DB_TAIL_MAX, value.eq.arm);
		return true;
	default:
		return false;
	}
}

/** doorbell_short() - a 32-bit doorbell, which gives the distance that the tail has moved */
static bool doorbell_short(struct adapter *adapter, uint32_t page, uint32_t offset,
			   union gdma_doorbell_short value)
{
	struct wq *wq = NULL;
	struct cq *cq;

	switch (offset) {
	case GDMA_DB_SQ_SHORT:
		wq = doorbell_find_wq(&adapter->sqs, value.sq.id, page);
		break;
	case GDMA_DB_RQ_SHORT:
		wq = doorbell_find_wq(&adapter->rqs, value.rq.id, page);
		break;
	case GDMA_DB_CQ_SHORT:
		cq = table_get(&adapter->cqs, value.cq.id);
		if (!cq || cq->doorbell != page)
			return false;
		cq_ring_short(cq, value.cq.tail_inc, value.cq.arm);
		return true;
	default:
		return false;
	}
	if (wq)
		doorbell_wq(wq, atomic_load(&wq->posted) * GDMA_WQE_UNIT + value.sq.tail_inc);
	return wq;
}

/** doorbell_tell() - tell watchers of a doorbell of 4 or 8 bytes */
static void doorbell_tell(struct adapter *adapter, uint32_t page, uint32_t offset, uint64_t value,
			  size_t len)
{
	const struct watch_event event = { .kind = WATCH_DOORBELL,
					   .position = page,
					   .type = offset,
					   .value = value,
					   .len = (uint32_t)len };

	if (watch_wants(&adapter->watch, WATCH_BIT(WATCH_DOORBELL)))
		watch_tell(&adapter->watch, &event);
}

int registers_write(struct adapter *adapter, uint64_t offset, const void *data, size_t len)
{
	uint32_t page, in_page;

	if (is_dead(adapter))
		return 0;
	if (offset < BAR_DOORBELLS) {
		if (!smc_write(adapter, offset, data, len))
			adapter_say(adapter, LOG_INFO,
				    "write of %zu bytes at BAR 0 offset %#llx ignored", len,
				    (unsigned long long)offset);
		return 0;
	}
	page = (uint32_t)((offset - BAR_DOORBELLS) / MANA_PAGE_SIZE);
	in_page = (uint32_t)((offset - BAR_DOORBELLS) % MANA_PAGE_SIZE);
	if (!atomic_load(&adapter->bus_master))
		return 0;
	if (len == sizeof(union gdma_doorbell)) {
		union gdma_doorbell value;

		memcpy(&value, data, sizeof(value));
		doorbell_tell(adapter, page, in_page, value.word, len);
		if (!doorbell_long(adapter, page, in_page, value))
			doorbell_stray(adapter, page, in_page, value.word);
	} else if (len == sizeof(union gdma_doorbell_short)) {
		union gdma_doorbell_short value;

		memcpy(&value, data, sizeof(value));
		doorbell_tell(adapter, page, in_page, value.word, len);
		if (!doorbell_short(adapter, page, in_page, value))
			doorbell_stray(adapter, page, in_page, value.word);
	} else {
		doorbell_stray(adapter, page, in_page, len);
	}
	return 0;
}
