/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vPort commands: configuration, work-queue objects, steering, statistics.
 *
 * A vPort has one user at a time. MANA_CONFIG_VPORT_TX says which protection
 * domain and doorbell page its queues belong to; the kernel's Ethernet driver and
 * mana_ib take turns, and the last command counts.
 *
 * Steering is published as a whole: a lane sees the old table or the new one. The
 * old one is freed when every lane has passed a quiet point.
 *
 * A send queue that is destroyed first sends what has been posted, on its lane and in turns like
 * any other; the command is answered when it has (vport_closed()).
 */
#include "device/vport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/clock.h"
#include "device/faulty.h"
#include "device/native.h"
#include "device/receive.h"
#include "device/state.h"
#include "device/transmit.h"

#define LINK_SPEED_DEFAULT 200000u /* Mbit/s */
#define TABLE_DEFAULT      64u     /* indirection entries, for drivers that know only one size */
#define TABLE_VARIABLE     128u    /* for drivers that ask */

/* Kinds of handles */
enum {
	HANDLE_VPORT = 0x21,
	HANDLE_WQ = 0x22,
	HANDLE_FILTER = 0x23,
};

static struct vport *vport_find(struct adapter *adapter, uint64_t handle)
{
	uint32_t index = (uint32_t)handle;

	if (index >= adapter->config.ports || !handle || adapter->vport[index].handle != handle)
		return NULL;
	return &adapter->vport[index];
}

/** wq_find() - a work-queue object by handle; the low bits are its queue's number */
static struct wq *wq_find(struct adapter *adapter, uint32_t type, uint64_t handle)
{
	struct wq *wq = table_get(type == GDMA_SQ ? &adapter->sqs : &adapter->rqs,
				  (uint32_t)handle & 0xffffffu);

	return wq && wq->handle == handle && handle ? wq : NULL;
}

/** vport_speed() - of the vPort's link, in Mbit/s */
static uint32_t vport_speed(const struct vport *vport)
{
	return vport->config->speed ? vport->config->speed : LINK_SPEED_DEFAULT;
}

/** vport_clamp() - what the driver or the operator allows, whichever is less; 0: neither has a limit */
static uint32_t vport_clamp(const struct vport *vport)
{
	uint32_t most = vport->config->speed;

	return vport->clamp && (!most || vport->clamp < most) ? vport->clamp : most;
}

void vport_limit(struct vport *vport)
{
	static_assert(ADAPTER_QUEUES_MAX <= SHAPER_QUEUES, "they take turns");
	shaper_set(&vport->shaper, vport_clamp(vport), clock_ns());
}

static uint32_t query_device_config(struct adapter *adapter, struct command *command)
{
	struct mana_query_device_config_resp *resp = command->response;
	uint16_t mtu = ADAPTER_MTU_MIN;
	uint32_t speed = 0;

	for (uint32_t i = 0; i < adapter->config.ports; i++) {
		if (adapter->config.port[i].mtu > mtu)
			mtu = adapter->config.port[i].mtu;
		if (vport_speed(&adapter->vport[i]) > speed)
			speed = vport_speed(&adapter->vport[i]);
	}
	resp->max_num_vports = (uint16_t)adapter->config.ports;
	resp->max_num_eqs = ADAPTER_EQS - 1;
	resp->pf_cap_flags1 = MANA_PF_CAP_1_QUERY_LINK_STATUS | MANA_PF_CAP_1_COALESCE_8;
	/* Including the Ethernet header: drivers subtract it. */
	resp->adapter_mtu = (uint16_t)(mtu + ETHERNET_HEADER_LEN);
	resp->link_speed_mbps = speed;
	return STATUS_OK;
}

static uint32_t query_vport_config(struct adapter *adapter, struct command *command)
{
	const struct mana_query_vport_config_req *req = (const void *)command->request;
	struct mana_query_vport_config_resp *resp = command->response;
	struct vport *vport;

	if (req->vport_index >= adapter->config.ports)
		return STATUS_NOT_FOUND;
	vport = &adapter->vport[req->vport_index];
	if (!vport->handle)
		vport->handle = adapter_handle(adapter, HANDLE_VPORT, req->vport_index);
	resp->max_num_sq = vport->config->queues;
	resp->max_num_rq = vport->config->queues;
	resp->num_indirection_ent = adapter->hwc.driver_caps & GDMA_DRV_CAP_1_VARIABLE_INDIRECTION
					    ? TABLE_VARIABLE
					    : TABLE_DEFAULT;
	memcpy(resp->mac_addr, vport->config->mac, sizeof(resp->mac_addr));
	resp->vport = vport->handle;
	return STATUS_OK;
}

static uint32_t config_vport_tx(struct adapter *adapter, struct command *command)
{
	const struct mana_config_vport_tx_req *req = (const void *)command->request;
	struct mana_config_vport_tx_resp *resp = command->response;
	struct vport *vport = vport_find(adapter, req->vport);

	if (!vport || !table_get(&adapter->memory.pds, req->pdid))
		return STATUS_NOT_FOUND;
	if (req->doorbell_page >= ADAPTER_DOORBELL_PAGES)
		return STATUS_INVALID;
	vport->pd = req->pdid;
	vport->doorbell = req->doorbell_page;
	vport->configured = true;
	resp->tx_vport_offset = (uint16_t)vport->index;
	resp->short_form_allowed = 1;
	return STATUS_OK;
}

/** create_moderated() - moderate a new queue's events if the request says so; say what is in force */
static void create_moderated(const struct mana_create_wq_obj_req_v3 *req,
			     struct mana_create_wq_obj_resp_v2 *resp, struct cq *cq)
{
	struct moderation moderation = { .usec = req->cq_moderation_usec,
					 .comps = req->cq_moderation_comps };

	if (req->v1.hdr.req.msg_version < GDMA_MESSAGE_V3 || !req->req_cq_moderation)
		return;
	if (moderation.usec > GDMA_MODERATION_USEC_MAX)
		moderation.usec = GDMA_MODERATION_USEC_MAX;
	/* Without a place on a lane the queue works, and no event waits. */
	if (cq_moderate(cq, moderation))
		return;
	resp->cq_moderation_usec = (uint16_t)cq->moderation.usec;
	resp->cq_moderation_comps = (uint16_t)cq->moderation.comps;
	resp->cq_moderation_enabled = cq->moderated;
}

/** vport_slot() - a free number among the vPort's queues of that type */
static struct wq *_Atomic *vport_slot(struct vport *vport, uint32_t type, uint32_t *index)
{
	struct wq *_Atomic *slots = type == GDMA_SQ ? vport->sq : vport->rq;

	for (uint32_t i = 0; i < vport->config->queues; i++)
		if (!slots[i]) {
			*index = i;
			return &slots[i];
		}
	return NULL;
}

static uint32_t create_wq_obj(struct adapter *adapter, struct command *command)
{
	const struct mana_create_wq_obj_req *req = (const void *)command->request;
	struct mana_create_wq_obj_resp *resp = command->response;
	struct vport *vport = vport_find(adapter, req->vport);
	struct dma_list *wq_list = memory_list_find(&adapter->memory, req->wq_dma_region);
	struct dma_list *cq_list = memory_list_find(&adapter->memory, req->cq_dma_region);
	struct eq *eq = NULL;
	struct wq *_Atomic *slot;
	struct wq *wq;
	struct cq *cq;
	uint32_t index;
	int err;

	if (!vport || !wq_list || !cq_list || wq_list == cq_list)
		return STATUS_NOT_FOUND;
	if ((req->wq_type != GDMA_SQ && req->wq_type != GDMA_RQ) || !vport->configured)
		return STATUS_INVALID;
	if (req->cq_parent_eq_id != GDMA_CQ_NO_EQ) {
		eq = table_get(&adapter->eqs, req->cq_parent_eq_id);
		if (!eq || eq == adapter->hwc.eq)
			return STATUS_NOT_FOUND;
	}
	slot = vport_slot(vport, req->wq_type, &index);
	if (!slot)
		return STATUS_NO_RESOURCE;
	cq = cq_create(adapter,
		       &(struct queue_place){
			       .list = cq_list, .size = req->cq_size, .doorbell = vport->doorbell },
		       eq, &err);
	if (!cq)
		return status_from_errno(err);
	wq = wq_create(adapter, req->wq_type,
		       &(struct queue_place){ .list = wq_list,
					      .size = req->wq_size,
					      .doorbell = vport->doorbell,
					      .pd = vport->pd },
		       cq, &err);
	if (wq) {
		wq->vport = vport;
		wq->index = index;
		wq->work.run = transmit_run;
		wq->work.step = "sending";
		atomic_store(&wq->work.client, adapter->pulse);
		wq->work.rest = transmit_rest;
		if (req->wq_type == GDMA_SQ)
			err = lane_add(adapter->member, vport->index + index, &wq->work, -1);
	}
	if (err) {
		/* The lists still belong to the driver. */
		if (wq) {
			ring_disown(&wq->ring);
			wq_destroy(wq);
		}
		ring_disown(&cq->ring);
		cq_destroy(cq);
		return status_from_errno(err);
	}
	wq->handle = adapter_handle(adapter, HANDLE_WQ, wq->id);
	cq->lane = (int)(vport->index + index);
	create_moderated((const void *)command->request, command->response, cq);
	faulty_open(wq);
	atomic_store_explicit(slot, wq, memory_order_release);
	resp->wq_id = wq->id;
	resp->cq_id = cq->id;
	resp->wq_obj = wq->handle;
	return STATUS_OK;
}

static void counters_add(struct wq_counters *sum, const struct wq_counters *more)
{
	counters_sum((uint64_t *)sum, (const uint64_t *)more, sizeof(*sum) / sizeof(uint64_t));
}

/** steering_publish() - make lanes use @steering, and free the old one */
static void steering_publish(struct vport *vport, struct steering *steering)
{
	struct steering *old = atomic_exchange(&vport->steering, steering);

	if (!old)
		return;
	retire(&vport->adapter->retired, free, old);
	/* After the answer no packet goes where the old one says. */
	vport->adapter->retired.revoked = true;
}

/** steering_copy() - a copy of the current steering, to be changed and published */
static struct steering *steering_copy(struct vport *vport)
{
	const struct steering *now = atomic_load(&vport->steering);
	struct steering *copy = now ? malloc(sizeof(*copy)) : calloc(1, sizeof(*copy));

	budget_charge(budget_bytes(2 * sizeof(*copy)));
	if (copy && now) {
		*copy = *now;
	} else if (copy) {
		copy->coalesce = 1;
		copy->hash_types = MANA_HASH_SUPPORTED;
	}
	if (copy)
		copy->tag = ++vport->steerings & SEEN_TAG_MAX;
	return copy;
}

/** steering_forget() - steer no more packets to @rq; disables the vPort when out of memory */
static void steering_forget(struct vport *vport, const struct wq *rq)
{
	const struct steering *now = atomic_load(&vport->steering);
	struct steering *copy;
	bool used;

	if (!now)
		return;
	used = now->fallback == rq;
	for (uint32_t i = 0; i <= now->mask; i++)
		used = used || now->table[i] == rq;
	if (!used)
		return;
	copy = steering_copy(vport);
	if (copy) {
		if (copy->fallback == rq)
			copy->fallback = NULL;
		for (uint32_t i = 0; i <= copy->mask; i++)
			if (copy->table[i] == rq)
				copy->table[i] = NULL;
	}
	steering_publish(vport, copy);
}

/** wq_obj_destroy() - destroy a vPort's work queue and its completion queue */
static void wq_obj_destroy(struct wq *wq)
{
	struct vport *vport = wq->vport;
	struct cq *cq = wq->cq;

	if (wq->type == GDMA_RQ)
		steering_forget(vport, wq);
	/*
	 * No lane counts in a send queue from here on. A packet that is on its way to a receive
	 * queue now is not counted.
	 */
	lane_remove(&wq->work, -1);
	if (wq->type == GDMA_SQ)
		shaper_leave(&vport->shaper, wq->index);
	counters_add(wq->type == GDMA_SQ ? &vport->gone_tx : &vport->gone_rx, &wq->counters);
	atomic_store_explicit(wq->type == GDMA_SQ ? &vport->sq[wq->index] : &vport->rq[wq->index],
			      NULL, memory_order_relaxed);
	native_unbind(wq);
	wq_destroy(wq);
	cq_destroy(cq);
}

static uint32_t destroy_wq_obj(struct adapter *adapter, struct command *command)
{
	const struct mana_destroy_wq_obj_req *req = (const void *)command->request;
	struct wq *wq;

	if (req->wq_type != GDMA_SQ && req->wq_type != GDMA_RQ)
		return STATUS_INVALID;
	wq = wq_find(adapter, req->wq_type, req->wq_obj);
	if (!wq)
		return STATUS_NOT_FOUND;
	if (wq->type == GDMA_RQ) {
		wq_obj_destroy(wq);
		return STATUS_OK;
	}
	/*
	 * The driver's last doorbell came before this command, but the lane may have had no turn
	 * since: net_mana stops without waiting for completions. What the driver posts from now on
	 * is not sent. Only the lane knows whether there is anything left.
	 */
	wq->close_at = wq_posted(wq);
	/* A queue is not waited for when it goes; so what it still has goes out at once, or not at all. */
	atomic_store_explicit(&wq->closing,
			      shaper_owes(&wq->vport->shaper, clock_ns()) ? WQ_CLOSED : WQ_CLOSING,
			      memory_order_release);
	lane_kick(&wq->work);
	adapter->hwc.closing = wq;
	return STATUS_LATER;
}

bool vport_closed(struct adapter *adapter)
{
	struct wq *wq = adapter->hwc.closing;

	if (atomic_load_explicit(&wq->closing, memory_order_acquire) != WQ_CLOSED)
		return false;
	adapter->hwc.closing = NULL;
	wq_obj_destroy(wq);
	return true;
}

static uint32_t fence_rq(struct adapter *adapter, struct command *command)
{
	const struct mana_fence_rq_req *req = (const void *)command->request;
	struct wq *wq = wq_find(adapter, GDMA_RQ, req->wq_obj);

	if (!wq)
		return STATUS_NOT_FOUND;
	/* Packets that lanes are delivering now come before the fence. */
	lanes_sync(adapter->lanes);
	receive_fence(wq);
	return STATUS_OK;
}

/** steering_table() - read the indirection table of a request; false if it is invalid */
static bool steering_table(struct adapter *adapter, const struct vport *vport,
			   const struct command *command, struct steering *steering)
{
	const struct mana_config_vport_rx_req *req = (const void *)command->request;
	const uint8_t *table = (const uint8_t *)req + req->indir_tab_offset;
	uint32_t n = req->num_indir_entries;

	if (!n || n & (n - 1) || n > MANA_INDIRECTION_MAX || req->indir_tab_offset > command->len ||
	    n > (command->len - req->indir_tab_offset) / sizeof(uint64_t))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t handle;
		struct wq *rq;

		memcpy(&handle, table + i * sizeof(handle), sizeof(handle));
		rq = wq_find(adapter, GDMA_RQ, handle);
		if (!rq || rq->vport != vport)
			return false;
		steering->table[i] = rq;
	}
	steering->mask = n - 1;
	return true;
}

/** steering_extend() - what later versions of the request have; false if it makes no sense */
static bool steering_extend(const struct mana_config_vport_rx_req_v2 *v2, uint32_t len,
			    struct steering *steering)
{
	const uint16_t version = v2->v1.hdr.req.msg_version;

	if (version < GDMA_MESSAGE_V2 || len < sizeof(*v2))
		return true;
	steering->coalesce = v2->cqe_coalescing_enable ? MANA_RXCOMP_PACKETS : 1;
	if (version < GDMA_MESSAGE_V5)
		return true;
	if (v2->cqe8_coalescing_enable)
		steering->coalesce = MANA_RXCOMP_PACKETS_MAX;
	steering->hash_types = v2->rss_hash_types & MANA_HASH_SUPPORTED;
	/* Without a hash there is no queue. */
	return steering->hash_types || !steering->rss;
}

static uint32_t config_vport_rx(struct adapter *adapter, struct command *command)
{
	const struct mana_config_vport_rx_req_v2 *v2 = (const void *)command->request;
	const struct mana_config_vport_rx_req *req = &v2->v1;
	struct vport *vport = vport_find(adapter, req->vport);
	struct steering *steering;

	if (!vport)
		return STATUS_NOT_FOUND;
	steering = steering_copy(vport);
	if (!steering)
		return STATUS_NO_RESOURCE;
	if (req->rx_enable != MANA_UNCHANGED)
		steering->enabled = req->rx_enable;
	if (req->rss_enable != MANA_UNCHANGED)
		steering->rss = req->rss_enable;
	if (!steering_extend(v2, command->len, steering)) {
		free(steering);
		return STATUS_INVALID;
	}
	if (req->update_default_rxobj) {
		struct wq *rq = wq_find(adapter, GDMA_RQ, req->default_rxobj);

		if ((!rq || rq->vport != vport) && req->default_rxobj != MANA_INVALID_HANDLE) {
			free(steering);
			return STATUS_NOT_FOUND;
		}
		steering->fallback = rq;
	}
	if (req->update_hashkey) {
		budget_charge(budget_bytes(8 * sizeof(steering->toeplitz)));
		toeplitz_set_key(&steering->toeplitz, req->hashkey);
	}
	if (req->update_indir_tab && !steering_table(adapter, vport, command, steering)) {
		free(steering);
		return STATUS_INVALID;
	}
	steering_publish(vport, steering);
	/* A frame may have been waiting while the vPort was disabled, or may wait now. */
	lane_kick(&vport->source);
	return STATUS_OK;
}

/* ---- Statistics ---- */

void vport_sum(const struct vport *vport, struct wq_counters *tx, struct wq_counters *rx)
{
	*tx = vport->gone_tx;
	*rx = vport->gone_rx;
	budget_charge(budget_bytes(ADAPTER_QUEUES_MAX * sizeof(*tx)));
	for (uint32_t i = 0; i < ADAPTER_QUEUES_MAX; i++) {
		if (vport->sq[i])
			counters_add(tx, &vport->sq[i]->counters);
		if (vport->rq[i])
			counters_add(rx, &vport->rq[i]->counters);
	}
}

uint64_t vport_no_buffer(const struct vport *vport)
{
	struct fabric_counters counters;

	fabric_counters(vport->fabric, &counters);
	return counters.rx_dropped + atomic_load_explicit(&vport->rx_lost, memory_order_relaxed);
}

/** tx_error() - frames completed with that type */
static uint64_t tx_error(const struct wq_counters *tx, enum mana_cqe_type type)
{
	return tx->errors[type - MANA_CQE_TX_OKAY];
}

static uint32_t query_gf_stat(struct adapter *adapter, struct command *command)
{
	const struct mana_query_gf_stat_req *req = (const void *)command->request;
	struct mana_query_gf_stat_resp *resp = command->response;
	struct wq_counters tx = { 0 }, rx = { 0 };

	for (uint32_t i = 0; i < adapter->config.ports; i++) {
		struct vport *vport = &adapter->vport[i];
		struct wq_counters t, r;

		vport_sum(vport, &t, &r);
		counters_add(&tx, &t);
		counters_add(&rx, &r);
		resp->rx_discards_no_wqe += vport_no_buffer(vport);
		resp->rx_err_vport_disabled += atomic_load(&vport->rx_disabled);
	}
	resp->reported_stats = req->req_stats & MANA_GF_STAT_ALL;
	resp->rx_bytes = rx.bytes;
	resp->rx_ucast_packets = rx.cast_frames[WQ_UNICAST];
	resp->rx_ucast_bytes = rx.cast_bytes[WQ_UNICAST];
	resp->rx_mcast_packets = rx.cast_frames[WQ_MULTICAST];
	resp->rx_mcast_bytes = rx.cast_bytes[WQ_MULTICAST];
	resp->rx_bcast_packets = rx.cast_frames[WQ_BROADCAST];
	resp->rx_bcast_bytes = rx.cast_bytes[WQ_BROADCAST];
	resp->tx_err_vport_disabled = tx_error(&tx, MANA_CQE_TX_VPORT_DISABLED);
	resp->tx_err_vport_offset = tx_error(&tx, MANA_CQE_TX_VPORT_IDX_OUT_OF_RANGE);
	resp->tx_err_vlan = tx_error(&tx, MANA_CQE_TX_VLAN_TAGGING_VIOLATION);
	resp->tx_err_ethertype = tx_error(&tx, MANA_CQE_TX_INVALID_ETH_TYPE);
	resp->tx_err_sa = tx_error(&tx, MANA_CQE_TX_SA_DROP);
	resp->tx_err_mtu = tx_error(&tx, MANA_CQE_TX_MTU_DROP);
	resp->tx_err_oob = tx_error(&tx, MANA_CQE_TX_INVALID_OOB) +
			   tx_error(&tx, MANA_CQE_TX_HDR_PROCESSING_ERROR);
	resp->tx_bytes = tx.bytes;
	resp->tx_ucast_packets = tx.cast_frames[WQ_UNICAST];
	resp->tx_ucast_bytes = tx.cast_bytes[WQ_UNICAST];
	resp->tx_mcast_packets = tx.cast_frames[WQ_MULTICAST];
	resp->tx_mcast_bytes = tx.cast_bytes[WQ_MULTICAST];
	resp->tx_bcast_packets = tx.cast_frames[WQ_BROADCAST];
	resp->tx_bcast_bytes = tx.cast_bytes[WQ_BROADCAST];
	resp->tx_err_gdma = tx_error(&tx, MANA_CQE_TX_GDMA_ERR);
	if (__builtin_expect(adapter->jump != 0, 0))
		for (uint64_t *counter = &resp->reported_stats + 1;
		     counter < (uint64_t *)(resp + 1); counter++)
			*counter += adapter->jump;
	return STATUS_OK;
}

/** phy_move() - count @n of class 0 as of another; not below 0, as the two are counted one by one */
static void phy_move(uint64_t *zero, uint64_t *class, uint64_t n)
{
	*class += n;
	*zero -= n < *zero ? n : *zero;
}

/** phy_classes() - what the fabric has counted, by traffic class */
static void phy_classes(struct mana_query_phy_stat_resp *resp, const struct vport *vport)
{
	for (unsigned int i = 1; i < MANA_TRAFFIC_CLASSES; i++) {
		const struct class_counters *tx = &vport->tx_class[i], *rx = &vport->rx_class[i];

		phy_move(&resp->packets[0].rx, &resp->packets[i].rx, atomic_load(&rx->frames));
		phy_move(&resp->packets[0].tx, &resp->packets[i].tx, atomic_load(&tx->frames));
		phy_move(&resp->bytes[0].rx, &resp->bytes[i].rx, atomic_load(&rx->bytes));
		phy_move(&resp->bytes[0].tx, &resp->bytes[i].tx, atomic_load(&tx->bytes));
	}
}

static uint32_t query_phy_stat(struct adapter *adapter, struct command *command)
{
	const struct mana_query_phy_stat_req *req = (const void *)command->request;
	struct mana_query_phy_stat_resp *resp = command->response;

	resp->reported_stats = req->req_stats;
	for (uint32_t i = 0; i < adapter->config.ports; i++) {
		struct fabric_counters fabric;

		fabric_counters(adapter->vport[i].fabric, &fabric);
		resp->drops.rx += fabric.rx_dropped;
		resp->drops.tx += fabric.tx_dropped;
		resp->packets[0].rx += fabric.rx_frames;
		resp->packets[0].tx += fabric.tx_frames;
		resp->bytes[0].rx += fabric.rx_bytes;
		resp->bytes[0].tx += fabric.tx_bytes;
		phy_classes(resp, &adapter->vport[i]);
	}
	return STATUS_OK;
}

static uint32_t query_link_config(struct adapter *adapter, struct command *command)
{
	const struct mana_query_link_config_req *req = (const void *)command->request;
	struct mana_query_link_config_resp *resp = command->response;
	const struct vport *vport = vport_find(adapter, req->vport);

	if (!vport)
		return STATUS_NOT_FOUND;
	resp->link_speed_mbps = vport_clamp(vport) ? vport_clamp(vport) : vport_speed(vport);
	resp->qos_speed_mbps = vport_speed(vport);
	return STATUS_OK;
}

static uint32_t set_bw_clamp(struct adapter *adapter, struct command *command)
{
	const struct mana_set_bw_clamp_req *req = (const void *)command->request;
	struct vport *vport = vport_find(adapter, req->vport);

	if (!vport)
		return STATUS_NOT_FOUND;
	if (req->enable_clamping == MANA_TRUE && !req->link_speed_mbps)
		return STATUS_INVALID;
	if (req->enable_clamping == MANA_TRUE)
		vport->clamp = req->link_speed_mbps < vport_speed(vport) ? req->link_speed_mbps
									 : vport_speed(vport);
	else if (req->enable_clamping == MANA_FALSE)
		vport->clamp = 0;
	vport_limit(vport);
	/* Queues that wait by the old limit go by the new one. */
	for (uint32_t i = 0; i < ADAPTER_QUEUES_MAX; i++)
		if (vport->sq[i])
			lane_kick(&vport->sq[i]->work);
	return STATUS_OK;
}

/* ---- Commands of a physical function's driver ---- */

static uint32_t register_hw_port(struct adapter *adapter, struct command *command)
{
	struct mana_register_hw_port_resp *resp = command->response;

	if (!adapter->config.physical)
		return GDMA_STATUS_CMD_UNSUPPORTED;
	/* The driver registers its ports in order and uses this handle from then on. */
	for (uint32_t i = 0; i < adapter->config.ports; i++) {
		struct vport *vport = &adapter->vport[i];

		if (vport->registered)
			continue;
		if (!vport->handle)
			vport->handle = adapter_handle(adapter, HANDLE_VPORT, i);
		vport->registered = true;
		resp->vport = vport->handle;
		return STATUS_OK;
	}
	return STATUS_NO_RESOURCE;
}

static uint32_t deregister_hw_port(struct adapter *adapter, struct command *command)
{
	const struct mana_deregister_hw_port_req *req = (const void *)command->request;
	struct vport *vport = vport_find(adapter, req->vport);

	if (!adapter->config.physical)
		return GDMA_STATUS_CMD_UNSUPPORTED;
	if (!vport || !vport->registered)
		return STATUS_NOT_FOUND;
	vport->registered = false;
	return STATUS_OK;
}

static uint32_t register_filter(struct adapter *adapter, struct command *command)
{
	const struct mana_register_filter_req *req = (const void *)command->request;
	struct mana_register_filter_resp *resp = command->response;
	struct vport *vport = vport_find(adapter, req->vport);

	if (!adapter->config.physical)
		return GDMA_STATUS_CMD_UNSUPPORTED;
	if (!vport)
		return STATUS_NOT_FOUND;
	if (vport->filter)
		return STATUS_BUSY;
	vport->filter = adapter_handle(adapter, HANDLE_FILTER, vport->index);
	resp->filter = vport->filter;
	return STATUS_OK;
}

static uint32_t deregister_filter(struct adapter *adapter, struct command *command)
{
	const struct mana_deregister_filter_req *req = (const void *)command->request;
	uint32_t index = (uint32_t)req->filter;

	if (!adapter->config.physical)
		return GDMA_STATUS_CMD_UNSUPPORTED;
	if (index >= adapter->config.ports || !req->filter ||
	    adapter->vport[index].filter != req->filter)
		return STATUS_NOT_FOUND;
	adapter->vport[index].filter = 0;
	return STATUS_OK;
}

void vport_reset(struct vport *vport)
{
	/* First: otherwise each receive queue that goes leaves a copy without it. */
	if (atomic_load(&vport->steering))
		steering_publish(vport, NULL);
	for (uint32_t i = 0; i < ADAPTER_QUEUES_MAX; i++) {
		if (vport->sq[i])
			wq_obj_destroy(vport->sq[i]);
		if (vport->rq[i])
			wq_obj_destroy(vport->rq[i]);
	}
	if (vport->polled)
		lane_unpoll(&vport->source);
	vport->polled = false;
	vport->handle = 0;
	vport->filter = 0;
	vport->registered = false;
	vport->configured = false;
	vport->clamp = 0;
	vport_limit(vport);
	shaper_forgive(&vport->shaper, clock_ns());
}

#define GENERAL_RESP sizeof(struct gdma_general_resp)

const struct command_entry vport_commands[] = {
	{ MANA_QUERY_DEV_CONFIG, "QUERY_DEV_CONFIG", sizeof(struct gdma_general_req),
	  sizeof(struct mana_query_device_config_resp), query_device_config },
	{ MANA_QUERY_GF_STAT, "QUERY_GF_STAT", sizeof(struct mana_query_gf_stat_req),
	  sizeof(struct mana_query_gf_stat_resp), query_gf_stat },
	{ MANA_CONFIG_VPORT_TX, "CONFIG_VPORT_TX", sizeof(struct mana_config_vport_tx_req),
	  sizeof(struct mana_config_vport_tx_resp), config_vport_tx },
	{ MANA_CREATE_WQ_OBJ, "CREATE_WQ_OBJ", sizeof(struct mana_create_wq_obj_req),
	  sizeof(struct mana_create_wq_obj_resp_v2), create_wq_obj },
	{ MANA_DESTROY_WQ_OBJ, "DESTROY_WQ_OBJ", sizeof(struct mana_destroy_wq_obj_req),
	  GENERAL_RESP, destroy_wq_obj },
	{ MANA_FENCE_RQ, "FENCE_RQ", sizeof(struct mana_fence_rq_req), GENERAL_RESP, fence_rq },
	{ MANA_CONFIG_VPORT_RX, "CONFIG_VPORT_RX", sizeof(struct mana_config_vport_rx_req),
	  sizeof(struct mana_config_vport_rx_resp), config_vport_rx },
	{ MANA_QUERY_VPORT_CONFIG, "QUERY_VPORT_CONFIG", sizeof(struct mana_query_vport_config_req),
	  sizeof(struct mana_query_vport_config_resp), query_vport_config },
	{ MANA_QUERY_LINK_CONFIG, "QUERY_LINK_CONFIG", sizeof(struct mana_query_link_config_req),
	  sizeof(struct mana_query_link_config_resp), query_link_config },
	{ MANA_SET_BW_CLAMP, "SET_BW_CLAMP", sizeof(struct mana_set_bw_clamp_req),
	  sizeof(struct mana_set_bw_clamp_resp), set_bw_clamp },
	{ MANA_QUERY_PHY_STAT, "QUERY_PHY_STAT", sizeof(struct mana_query_phy_stat_req),
	  sizeof(struct mana_query_phy_stat_resp), query_phy_stat },
	{ MANA_REGISTER_HW_PORT, "REGISTER_HW_PORT", sizeof(struct mana_register_hw_port_req),
	  sizeof(struct mana_register_hw_port_resp), register_hw_port },
	{ MANA_DEREGISTER_HW_PORT, "DEREGISTER_HW_PORT", sizeof(struct mana_deregister_hw_port_req),
	  GENERAL_RESP, deregister_hw_port },
	{ MANA_REGISTER_FILTER, "REGISTER_FILTER", sizeof(struct mana_register_filter_req),
	  sizeof(struct mana_register_filter_resp), register_filter },
	{ MANA_DEREGISTER_FILTER, "DEREGISTER_FILTER", sizeof(struct mana_deregister_filter_req),
	  GENERAL_RESP, deregister_filter },
	{ 0 },
};
