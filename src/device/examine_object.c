/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The examiner: the objects that commands create, name and destroy.
 *
 * All on the control thread, before the adapter runs the command.
 */
#include <string.h>

#include "device/examine_state.h"
#include "device/rnic_state.h"
#include "wire/gdma.h"
#include "wire/native.h"
#include "wire/rnic.h"
#include "wire/vport.h"

/* ---- Handles and numbers ---- */

/** issued() - has a handle the form of those that the adapter assigns? Their kind is in the top byte */
static bool issued(uint64_t handle)
{
	return handle >> 56 >= 0x11 && handle >> 56 < 0x40;
}

/** judge_handle() - a handle of an object, which exists if @exists */
static bool judge_handle(struct examiner *examiner, const char *what, uint64_t handle, bool exists)
{
	if (!exists && issued(handle)) {
		exam_broke(examiner, RULE_OBJECT_DESTROYED, NULL, 0,
			   "%s %#llx, which no longer exists|an object that has not been destroyed",
			   what, (unsigned long long)handle);
		return false;
	}
	exam_judge(examiner, RULE_OBJECT_KNOWN, exists, NULL, 0,
		   "%s %#llx, which has never existed|a handle that the adapter has returned", what,
		   (unsigned long long)handle);
	if (exists)
		exam_kept(examiner, RULE_OBJECT_DESTROYED, 1);
	return exists;
}

/** judge_number() - the number of an event queue */
static struct eq *judge_eq(struct examiner *examiner, uint32_t number)
{
	struct eq *eq = table_get(&examiner->adapter->eqs, number);
	const struct exam_queue *queue = exam_queue(examiner, GDMA_EQ, number);

	if (!eq && queue && queue->known) {
		exam_broke(examiner, RULE_OBJECT_DESTROYED, queue, 0,
			   "event queue %u, which no longer exists"
			   "|an object that has not been destroyed",
			   number);
		return NULL;
	}
	exam_judge(examiner, RULE_OBJECT_KNOWN, eq, NULL, 0,
		   "event queue %u, which has never existed|the number of an event queue", number);
	if (eq)
		exam_kept(examiner, RULE_OBJECT_DESTROYED, 1);
	return eq;
}

static struct vport *judge_vport(struct examiner *examiner, uint64_t handle)
{
	struct adapter *adapter = examiner->adapter;
	uint32_t index = (uint32_t)handle;
	bool exists =
		handle && index < adapter->config.ports && adapter->vport[index].handle == handle;

	return judge_handle(examiner, "vPort", handle, exists) ? &adapter->vport[index] : NULL;
}

static struct wq *wq_of(struct examiner *examiner, uint32_t type, uint64_t handle)
{
	struct adapter *adapter = examiner->adapter;
	struct wq *wq = table_get(type == GDMA_SQ ? &adapter->sqs : &adapter->rqs,
				  (uint32_t)handle & 0xffffffu);

	return wq && handle && wq->handle == handle ? wq : NULL;
}

/* ---- Regions ---- */

/** region_of() - a DMA region that a command makes use of; NULL if it cannot */
static struct dma_list *region_of(struct examiner *examiner, uint64_t handle)
{
	struct memory *memory = &examiner->adapter->memory;
	struct dma_list *list = table_get(&memory->lists, (uint32_t)handle);

	if (list && list->handle != handle)
		list = NULL;
	if (!judge_handle(examiner, "DMA region", handle, list))
		return NULL;
	exam_judge(examiner, RULE_REGION_OWNED, !list->owned, NULL, 0,
		   "DMA region %#llx, which a queue or memory region has|a region of its own",
		   (unsigned long long)handle);
	if (list->owned)
		return NULL;
	exam_judge(examiner, RULE_REGION_WHOLE, list->have == list->pages, NULL, 0,
		   "a DMA region with %u of %u pages|all of them, with GDMA_DMA_REGION_ADD_PAGES",
		   list->have, list->pages);
	return list->have == list->pages ? list : NULL;
}

/** queue_region() - the memory of a queue of @size bytes; 0: as long as the region */
static void queue_region(struct examiner *examiner, uint64_t handle, uint32_t size)
{
	const struct dma_list *list = region_of(examiner, handle);

	if (!list)
		return;
	exam_judge(examiner, RULE_REGION_ALIGNED, !list->offset, NULL, 0,
		   "a queue at offset %u of its first page|offset 0", list->offset);
	exam_judge(examiner, RULE_REGION_SIZE, list->length >= size, NULL, 0,
		   "a queue of %u bytes in a region of %llu|a region as long as the queue", size,
		   (unsigned long long)list->length);
}

/** judge_pages() - addresses of a region's pages */
static void judge_pages(struct examiner *examiner, const uint64_t *pages, uint32_t n,
			unsigned int page_shift)
{
	uint64_t low = 0;

	for (uint32_t i = 0; i < n; i++)
		low |= pages[i] & ((UINT64_C(1) << page_shift) - 1);
	exam_judge(examiner, RULE_REGION_ALIGNED, !low, NULL, 0,
		   "pages of %llu bytes with address bits %#llx|addresses that are multiples of it",
		   1ull << page_shift, (unsigned long long)low);
}

static void create_region(struct examiner *examiner, const struct gdma_create_dma_region_req *req,
			  uint32_t len)
{
	uint32_t n = req->page_addr_list_len;
	uint64_t page, bytes = req->length + req->offset_in_page;

	if (n > (len - sizeof(*req)) / sizeof(uint64_t))
		return; /* exam_command() has said so */
	exam_judge(examiner, RULE_COMMAND_AGREED,
		   req->page_type <= GDMA_PAGE_TYPE_2M ||
			   (req->page_type <= GDMA_PAGE_TYPE_MAX &&
			    examiner->offered & GDMA_PF_CAP_1_LARGE_GDMA_PAGES),
		   NULL, 0, "pages of type %u|at most 9 (2 MB), or 19 if the adapter offers bit 4",
		   req->page_type);
	if (req->page_type > GDMA_PAGE_TYPE_MAX)
		return;
	page = gdma_page_type_size(req->page_type);
	exam_judge(examiner, RULE_REGION_WHOLE,
		   req->length && req->page_count && n <= req->page_count &&
			   req->offset_in_page < page && bytes <= req->page_count * page &&
			   bytes > (req->page_count - 1ull) * page,
		   NULL, 0,
		   "%llu bytes from offset %u, %u pages of %llu bytes, %u in this message"
		   "|as many pages as the bytes need, from the first page on",
		   (unsigned long long)req->length, req->offset_in_page, req->page_count,
		   (unsigned long long)page, n);
	judge_pages(examiner, req->page_addr_list, n, MANA_PAGE_SHIFT + req->page_type);
}

static void add_pages(struct examiner *examiner, const struct gdma_dma_region_add_pages_req *req,
		      uint32_t len)
{
	struct dma_list *list =
		table_get(&examiner->adapter->memory.lists, (uint32_t)req->dma_region);
	uint32_t n = req->page_addr_list_len;

	if (list && list->handle != req->dma_region)
		list = NULL;
	if (n > (len - sizeof(*req)) / sizeof(uint64_t) ||
	    !judge_handle(examiner, "DMA region", req->dma_region, list))
		return;
	exam_judge(examiner, RULE_REGION_OWNED, !list->owned, NULL, 0,
		   "pages for DMA region %#llx, which a queue or memory region has|none",
		   (unsigned long long)req->dma_region);
	exam_judge(examiner, RULE_REGION_WHOLE, n && n <= list->pages - list->have, NULL, 0,
		   "%u more pages for a region that has %u of %u|no more than it lacks", n,
		   list->have, list->pages);
	judge_pages(examiner, req->page_addr_list, n, list->page_shift);
}

static void destroy_region(struct examiner *examiner, uint64_t handle)
{
	struct dma_list *list = table_get(&examiner->adapter->memory.lists, (uint32_t)handle);

	if (list && list->handle != handle)
		list = NULL;
	if (!judge_handle(examiner, "DMA region", handle, list))
		return;
	exam_judge(examiner, RULE_REGION_OWNED, !list->owned, NULL, 0,
		   "DMA region %#llx is destroyed while a queue or memory region has it"
		   "|its owner is destroyed, and the region with it",
		   (unsigned long long)handle);
}

/* ---- Queues ---- */

static void create_eq(struct examiner *examiner, const struct gdma_create_queue_req *req)
{
	exam_judge(examiner, RULE_QUEUE_SIZE,
		   req->queue_size >= GDMA_QUEUE_SIZE_MIN &&
			   !(req->queue_size & (req->queue_size - 1)),
		   NULL, 0, "an event queue of %u bytes|a power of two, at least %u",
		   req->queue_size, GDMA_QUEUE_SIZE_MIN);
	exam_judge(examiner, RULE_QUEUE_VECTOR, req->eq_msix_index < ADAPTER_MSIX, NULL, 0,
		   "vector %u|one of the function's %u", req->eq_msix_index, ADAPTER_MSIX);
	queue_region(examiner, req->dma_region, req->queue_size);
}

static void disable_queue(struct examiner *examiner, const struct gdma_disable_queue_req *req)
{
	const struct eq *eq = judge_eq(examiner, req->queue_index);

	if (eq)
		exam_judge(examiner, RULE_ORDER_EQ, !eq->completions,
			   exam_queue(examiner, GDMA_EQ, eq->id), 0,
			   "the event queue is destroyed while %u completion queues (or the RNIC) "
			   "send their events to it|after them",
			   eq->completions);
}

static void create_wq_obj(struct examiner *examiner, const struct mana_create_wq_obj_req *req)
{
	const struct vport *vport = judge_vport(examiner, req->vport);

	if (vport)
		exam_judge(examiner, RULE_VPORT_CONFIGURED, vport->configured, NULL, 0,
			   "a queue of a vPort without an owner|MANA_CONFIG_VPORT_TX before it");
	exam_judge(examiner, RULE_QUEUE_SIZE,
		   req->wq_size >= GDMA_QUEUE_SIZE_MIN && !(req->wq_size & (req->wq_size - 1)) &&
			   req->cq_size >= GDMA_QUEUE_SIZE_MIN &&
			   req->cq_size % MANA_PAGE_SIZE == 0,
		   NULL, 0,
		   "a work queue of %u bytes with a completion queue of %u"
		   "|a power of two, and a multiple of 4096; at least 4096",
		   req->wq_size, req->cq_size);
	queue_region(examiner, req->wq_dma_region, req->wq_size);
	queue_region(examiner, req->cq_dma_region, req->cq_size);
	if (req->cq_parent_eq_id != GDMA_CQ_NO_EQ)
		judge_eq(examiner, req->cq_parent_eq_id);
}

/** steers() - does the vPort deliver packets to that queue now? */
static bool steers(const struct vport *vport, const struct wq *rq)
{
	const struct steering *steering = atomic_load(&vport->steering);

	if (!steering || !steering->enabled)
		return false;
	if (!steering->rss)
		return steering->fallback == rq;
	for (uint32_t i = 0; i <= steering->mask; i++)
		if (steering->table[i] == rq)
			return true;
	return steering->fallback == rq;
}

void exam_steered(struct examiner *examiner)
{
	struct adapter *adapter = examiner->adapter;

	for (uint32_t i = 0; i < adapter->config.ports; i++)
		for (uint32_t q = 0; q < adapter->vport[i].config->queues; q++) {
			const struct wq *rq = adapter->vport[i].rq[q];
			struct exam_queue *queue =
				rq ? exam_queue(examiner, GDMA_RQ, rq->id) : NULL;

			if (queue && steers(&adapter->vport[i], rq))
				queue->steered = true;
		}
}

static void destroy_wq_obj(struct examiner *examiner, const struct mana_destroy_wq_obj_req *req)
{
	const struct wq *wq = wq_of(examiner, req->wq_type, req->wq_obj);
	struct exam_queue *queue;

	if (!judge_handle(examiner, "work queue", req->wq_obj, wq) || wq->type != GDMA_RQ)
		return;
	queue = exam_queue(examiner, GDMA_RQ, wq->id);
	if (!queue || !wq->vport)
		return;
	if (steers(wq->vport, wq)) {
		exam_broke(examiner, RULE_ORDER_STEERED, queue, 0,
			   "the receive queue is destroyed while the vPort steers packets to it"
			   "|MANA_CONFIG_VPORT_RX without it before");
		return;
	}
	exam_kept(examiner, RULE_ORDER_STEERED, 1);
	/* A user's queue must not be fenced: net_mana takes the completion for a packet. */
	if (!examiner->adapter->ethernet.pd || wq->pd != examiner->adapter->ethernet.pd->id)
		return;
	exam_judge(
		examiner, RULE_ORDER_FENCE, !queue->steered, queue, 0,
		"the receive queue is destroyed, without a fence since packets were steered to it"
		"|MANA_FENCE_RQ, and its completion, before");
}

static void fence_rq(struct examiner *examiner, const struct mana_fence_rq_req *req)
{
	const struct wq *wq = wq_of(examiner, GDMA_RQ, req->wq_obj);
	struct exam_queue *queue;

	if (!judge_handle(examiner, "receive queue", req->wq_obj, wq) || !wq->vport)
		return;
	queue = exam_queue(examiner, GDMA_RQ, wq->id);
	if (queue && !steers(wq->vport, wq))
		queue->steered = false;
}

/** judge_steered() - a queue that a steering command names */
static void judge_steered(struct examiner *examiner, const struct vport *vport, uint64_t handle)
{
	const struct wq *rq = wq_of(examiner, GDMA_RQ, handle);

	exam_judge(examiner, RULE_STEERING_QUEUE, rq && rq->vport == vport, NULL, 0,
		   "packets for receive queue %#llx|an existing receive queue of the same vPort",
		   (unsigned long long)handle);
}

static void config_rx(struct examiner *examiner, const struct mana_config_vport_rx_req *req,
		      uint32_t len)
{
	const struct vport *vport = judge_vport(examiner, req->vport);
	uint32_t n = req->num_indir_entries, at = req->indir_tab_offset;

	if (!vport)
		return;
	if (req->update_default_rxobj && req->default_rxobj != MANA_INVALID_HANDLE)
		judge_steered(examiner, vport, req->default_rxobj);
	if (!req->update_indir_tab)
		return;
	exam_judge(examiner, RULE_COMMAND_LENGTH,
		   n && !(n & (n - 1)) && n <= MANA_INDIRECTION_MAX && at <= len &&
			   n <= (len - at) / sizeof(uint64_t),
		   NULL, 0, "a table of %u entries at byte %u of %u|a power of two that is there",
		   n, at, len);
	for (uint32_t i = 0; at <= len && i < n && i < (len - at) / sizeof(uint64_t); i++) {
		uint64_t handle;

		memcpy(&handle, (const uint8_t *)req + at + i * sizeof(handle), sizeof(handle));
		judge_steered(examiner, vport, handle);
	}
}

/* ---- Protection domains and memory ---- */

static struct protection_domain *judge_pd(struct examiner *examiner, uint64_t handle)
{
	struct protection_domain *pd = memory_pd_find(&examiner->adapter->memory, handle);

	return judge_handle(examiner, "protection domain", handle, pd) ? pd : NULL;
}

static void destroy_pd(struct examiner *examiner, const struct gdma_destroy_pd_req *req)
{
	const struct protection_domain *pd = judge_pd(examiner, req->pd_handle);
	struct adapter *adapter = examiner->adapter;
	unsigned int queues = 0;

	for (unsigned int type = GDMA_SQ; pd && type <= GDMA_RQ; type++)
		for (uint32_t i = 0; i < EXAMINE_QUEUES; i++) {
			const struct wq *wq =
				table_get(type == GDMA_SQ ? &adapter->sqs : &adapter->rqs, i);

			queues += wq && wq->pd == pd->id;
		}
	if (pd)
		exam_judge(examiner, RULE_ORDER_PD, !pd->users && !queues, NULL, 0,
			   "a protection domain is destroyed with %u memory regions and %u queues"
			   "|after them",
			   pd->users, queues);
}

static void create_mr(struct examiner *examiner, const struct gdma_create_mr_req *req)
{
	struct memory *memory = &examiner->adapter->memory;

	judge_pd(examiner, req->pd_handle);
	if (req->mr_type == GDMA_MR_GVA || req->mr_type == GDMA_MR_ZBVA)
		region_of(examiner, req->gva.dma_region);
	else if (req->mr_type == GDMA_MR_DM)
		judge_handle(examiner, "device memory", req->dm.dm_handle,
			     memory_device_find(memory, req->dm.dm_handle));
}

/* ---- RDMA ---- */

static struct rnic *judge_rnic(struct examiner *examiner, uint64_t handle)
{
	struct rnic *rnic = rnic_find(examiner->adapter, handle);

	return judge_handle(examiner, "RNIC", handle, rnic) ? rnic : NULL;
}

/** struct pair_parts - what a command creates a queue pair from */
struct pair_parts {
	uint64_t rnic, pd, send_cq, recv_cq;
	const uint64_t *regions;
	unsigned int n;
};

static void create_pair(struct examiner *examiner, const struct pair_parts *parts)
{
	struct rnic *rnic = judge_rnic(examiner, parts->rnic);

	judge_pd(examiner, parts->pd);
	if (rnic) {
		judge_handle(examiner, "completion queue", parts->send_cq,
			     rnic_cq_find(rnic, parts->send_cq));
		judge_handle(examiner, "completion queue", parts->recv_cq,
			     rnic_cq_find(rnic, parts->recv_cq));
	}
	for (unsigned int i = 0; i < parts->n; i++)
		if (parts->regions[i] != GDMA_INVALID_DMA_REGION)
			queue_region(examiner, parts->regions[i], 0);
}

static void create_rnic_cq(struct examiner *examiner, const struct rnic_create_cq_req *req)
{
	judge_rnic(examiner, req->adapter);
	queue_region(examiner, req->dma_region, 0);
	judge_eq(examiner, req->eq_id);
}

static void destroy_rnic_cq(struct examiner *examiner, const struct rnic_destroy_cq_req *req)
{
	struct rnic *rnic = judge_rnic(examiner, req->adapter);
	const struct rnic_cq *cq = rnic ? rnic_cq_find(rnic, req->cq_handle) : NULL;

	if (rnic && judge_handle(examiner, "completion queue", req->cq_handle, cq))
		exam_judge(examiner, RULE_ORDER_CQ, !cq->users,
			   exam_queue(examiner, GDMA_CQ, cq->cq->id), 0,
			   "the completion queue is destroyed while %u queue pairs use it"
			   "|after them",
			   cq->users);
}

static void judge_pair(struct examiner *examiner, uint64_t handle)
{
	const struct pair *pair = table_get(&examiner->adapter->pairs, (uint32_t)handle);

	judge_handle(examiner, "queue pair", handle, pair && pair->handle == handle);
}

static void rnic_objects(struct examiner *examiner, const struct gdma_req_header *request)
{
	const void *any = request;

	switch (request->req.msg_type) {
	case RNIC_CREATE_ADAPTER: {
		const struct rnic_create_adapter_req *req = any;

		judge_eq(examiner, req->notify_eq_id);
		return;
	}
	case RNIC_DESTROY_ADAPTER: {
		const struct rnic_destroy_adapter_req *req = any;
		const struct rnic *rnic = judge_rnic(examiner, req->adapter);

		if (rnic)
			exam_judge(examiner, RULE_ORDER_CQ, !rnic->pairs && !rnic->cqs.used, NULL,
				   0,
				   "the RNIC is destroyed with %u queue pairs and %u completion "
				   "queues|after them",
				   rnic->pairs, rnic->cqs.used);
		return;
	}
	case RNIC_CREATE_CQ:
		create_rnic_cq(examiner, any);
		return;
	case RNIC_DESTROY_CQ:
		destroy_rnic_cq(examiner, any);
		return;
	case RNIC_CREATE_RC_QP: {
		const struct rnic_create_rc_qp_req *req = any;

		create_pair(examiner,
			    &(struct pair_parts){ req->adapter, req->pd_handle, req->send_cq_handle,
						  req->recv_cq_handle, req->dma_region,
						  RNIC_RC_QUEUE_COUNT });
		return;
	}
	case RNIC_CREATE_UD_QP: {
		const struct rnic_create_ud_qp_req *req = any;

		create_pair(examiner,
			    &(struct pair_parts){ req->adapter, req->pd_handle, req->send_cq_handle,
						  req->recv_cq_handle, req->dma_region,
						  RNIC_UD_QUEUE_COUNT });
		return;
	}
	case RNIC_DESTROY_RC_QP:
	case RNIC_DESTROY_UD_QP: {
		const struct rnic_destroy_qp_req *req = any;

		if (judge_rnic(examiner, req->adapter))
			judge_pair(examiner, req->qp_handle);
		return;
	}
	}
}

/* ---- What is left ---- */

/** queues_of() - event queues of a protection domain */
static unsigned int queues_of(const struct adapter *adapter, uint32_t pd)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < adapter->eqs.fresh; i++) {
		const struct eq *eq = table_get(&adapter->eqs, i);

		n += eq && eq != adapter->hwc.eq && eq->pd == pd;
	}
	return n;
}

/** deregister() - GDMA_DEREGISTER_DEVICE: the device's queues and filters must be gone */
static void deregister(struct examiner *examiner, uint16_t type)
{
	const struct adapter *adapter = examiner->adapter;
	const struct registered *device =
		type == GDMA_DEVICE_MANA ? &adapter->ethernet : &adapter->rdma;
	unsigned int work = 0, filters = 0, events;

	if (!device->active || !device->pd)
		return;
	events = queues_of(adapter, device->pd->id);
	if (type == GDMA_DEVICE_MANA_IB) {
		work = adapter->rnic ? 1 + adapter->rnic->pairs + adapter->rnic->cqs.used : 0;
	} else {
		for (uint32_t i = 0; i < adapter->config.ports; i++) {
			const struct vport *vport = &adapter->vport[i];

			filters += (vport->filter != 0) + (unsigned int)vport->registered;
			for (uint32_t q = 0; q < vport->config->queues; q++)
				work += (unsigned int)(vport->sq[q] != NULL) +
					(unsigned int)(vport->rq[q] != NULL);
		}
		exam_judge(examiner, RULE_LEAK_FILTER, !filters, NULL, 0,
			   "the device is deregistered with %u ports and filters|none", filters);
	}
	exam_judge(examiner, RULE_LEAK_QUEUE, !events && !work, NULL, 0,
		   "the device is deregistered with %u event queues and %u other queues or "
		   "objects|none",
		   events, work);
}

/** pages_used() - doorbell pages that were allocated and are none of the devices' own */
static unsigned int pages_used(const struct adapter *adapter)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < ADAPTER_DOORBELL_PAGES / 64; i++)
		n += (unsigned int)__builtin_popcountll(adapter->doorbell_pages[i]);
	n -= n && adapter->hwc.eq;
	n -= n && adapter->ethernet.active;
	n -= n && adapter->rdma.active;
	return n;
}

void exam_unload(struct examiner *examiner)
{
	const struct adapter *adapter = examiner->adapter;
	const struct memory *memory = &adapter->memory;
	unsigned int devices =
		(unsigned int)adapter->ethernet.active + (unsigned int)adapter->rdma.active;
	unsigned int regions = 0, domains = memory->pds.used, keys = memory->keys.used;
	unsigned int events = 0, pages;

	exam_judge(examiner, RULE_LEAK_DEVICE, !devices, NULL, 0,
		   "the hardware channel is torn down with %u devices registered"
		   "|GDMA_DEREGISTER_DEVICE before",
		   devices);
	for (uint32_t i = 0; i < memory->lists.fresh; i++) {
		const struct dma_list *list = table_get(&memory->lists, i);

		regions += list && !list->owned;
	}
	for (uint32_t i = 0; i < adapter->eqs.fresh; i++) {
		const struct eq *eq = table_get(&adapter->eqs, i);

		events += eq && eq != adapter->hwc.eq &&
			  (!adapter->ethernet.pd || eq->pd != adapter->ethernet.pd->id) &&
			  (!adapter->rdma.pd || eq->pd != adapter->rdma.pd->id);
	}
	/* The channel and each device have a domain and a key of their own. */
	domains -= domains < 1 + devices ? domains : 1 + devices;
	keys -= keys < 1 + devices ? keys : 1 + devices;
	pages = pages_used(adapter);
	exam_judge(examiner, RULE_LEAK_REGION, !regions, NULL, 0,
		   "%u DMA regions are left when the hardware channel is torn down|none", regions);
	exam_judge(examiner, RULE_LEAK_MEMORY, !domains && !keys && !memory->devices.used, NULL, 0,
		   "%u protection domains, %u memory regions and %u pieces of device memory are "
		   "left when the hardware channel is torn down|none",
		   domains, keys, memory->devices.used);
	exam_judge(examiner, RULE_LEAK_DOORBELL, !pages, NULL, 0,
		   "%u doorbell pages are left when the hardware channel is torn down|none", pages);
	exam_judge(examiner, RULE_LEAK_QUEUE, !events, NULL, 0,
		   "%u event queues are left when the hardware channel is torn down|none", events);
}

/* ---- Commands ---- */

void exam_objects(struct examiner *examiner, const struct gdma_req_header *request, uint32_t len)
{
	const void *any = request;

	switch (request->req.msg_type) {
	case GDMA_DEREGISTER_DEVICE:
		deregister(examiner, request->dev_id.type);
		return;
	case GDMA_GENERATE_TEST_EQE:
		judge_eq(examiner, ((const struct gdma_generate_test_event_req *)any)->queue_index);
		return;
	case GDMA_CREATE_QUEUE:
		create_eq(examiner, any);
		return;
	case GDMA_DISABLE_QUEUE:
		disable_queue(examiner, any);
		return;
	case GDMA_CREATE_DMA_REGION:
		create_region(examiner, any, len);
		return;
	case GDMA_DMA_REGION_ADD_PAGES:
		add_pages(examiner, any, len);
		return;
	case GDMA_DESTROY_DMA_REGION:
		destroy_region(examiner,
			       ((const struct gdma_destroy_dma_region_req *)any)->dma_region);
		return;
	case GDMA_DESTROY_PD:
		destroy_pd(examiner, any);
		return;
	case GDMA_CREATE_MR:
		create_mr(examiner, any);
		return;
	case GDMA_DESTROY_MR: {
		uint64_t handle = ((const struct gdma_destroy_mr_req *)any)->mr_handle;

		judge_handle(examiner, "memory region", handle,
			     memory_mr_find(&examiner->adapter->memory, handle));
		return;
	}
	case GDMA_DESTROY_DM: {
		uint64_t handle = ((const struct gdma_destroy_dm_req *)any)->dm_handle;

		judge_handle(examiner, "device memory", handle,
			     memory_device_find(&examiner->adapter->memory, handle));
		return;
	}
	case MANA_CONFIG_VPORT_TX:
		judge_vport(examiner, ((const struct mana_config_vport_tx_req *)any)->vport);
		return;
	case MANA_CREATE_WQ_OBJ:
		create_wq_obj(examiner, any);
		return;
	case MANA_DESTROY_WQ_OBJ:
		destroy_wq_obj(examiner, any);
		return;
	case MANA_FENCE_RQ:
		fence_rq(examiner, any);
		return;
	case MANA_CONFIG_VPORT_RX:
		config_rx(examiner, any, len);
		return;
	default:
		rnic_objects(examiner, request);
	}
}

/* ---- Memory ---- */

/** mapped() - is all of a ring's memory mapped now? */
static bool mapped(const struct adapter *adapter, const struct ring *ring)
{
	const struct dma_list *list = ring->list;

	for (uint32_t i = 0; list && i < list->have; i++)
		if (!dma_map_pointer(adapter->memory.map, list->page[i], MANA_PAGE_SIZE, DMA_READ))
			return false;
	return true;
}

static const struct ring *ring_of(const struct adapter *adapter, unsigned int type, uint32_t id)
{
	const struct eq *eq;
	const struct cq *cq;
	const struct wq *wq;

	switch (type) {
	case GDMA_EQ:
		eq = table_get(&adapter->eqs, id);
		return eq ? &eq->ring : NULL;
	case GDMA_CQ:
		cq = table_get(&adapter->cqs, id);
		return cq ? &cq->ring : NULL;
	default:
		wq = table_get(type == GDMA_SQ ? &adapter->sqs : &adapter->rqs, id);
		return wq ? &wq->ring : NULL;
	}
}

/*
 * A virtual machine that rearranges its memory unmaps some and maps it again. So it is only noted
 * that memory is missing; what counts is whether it is back when its queue is destroyed.
 */
void exam_memory(struct examiner *examiner, const struct watch_event *event)
{
	const struct adapter *adapter = examiner->adapter;

	for (unsigned int type = GDMA_SQ; type <= GDMA_EQ; type++)
		for (uint32_t i = 0; i < EXAMINE_QUEUES; i++) {
			struct exam_queue *queue = exam_queue(examiner, type, i);
			const struct ring *ring;

			if (!queue || !queue->live || (event->type == WATCH_MAPPED && !queue->lost))
				continue;
			ring = ring_of(adapter, type, i);
			queue->lost = ring && !mapped(adapter, ring);
		}
}
