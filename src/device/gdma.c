/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GDMA commands: those about the function as a whole, independent of its
 * devices. Versions, limits, devices, event queues, memory.
 */
#include "device/gdma.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "device/doorbell.h"
#include "device/rnic.h"
#include "device/state.h"
#include "device/vport.h"

/** printable() - a driver's string for the log: replaces control characters with '?' */
static const char *printable(char *to, size_t size, const char *from, size_t max)
{
	size_t n = 0;

	for (; n < max && n + 1 < size && from[n]; n++)
		to[n] = from[n];
	to[n] = '\0';
	while (n--)
		if (to[n] < ' ' || to[n] > '~')
			to[n] = '?';
	return to;
}

static uint32_t verify_version(struct adapter *adapter, struct command *command)
{
	const struct gdma_verify_version_req *req = (const void *)command->request;
	struct gdma_verify_version_resp *resp = command->response;
	char name[64], release[64];

	if (req->protocol_ver_min > GDMA_PROTOCOL_V1 || req->protocol_ver_max < GDMA_PROTOCOL_V1)
		return STATUS_INVALID;
	adapter->hwc.driver_caps = req->driver_cap_flags1;
	resp->protocol_ver = GDMA_PROTOCOL_V1;
	resp->pf_cap_flags1 = GDMA_PF_CAP_1_QUERY_HWC_TIMEOUT | GDMA_PF_CAP_1_LARGE_GDMA_PAGES |
			      GDMA_PF_CAP_1_CQ_MODERATION;
	resp->pf_cap_flags4 = NATIVE_PF_CAP_4_SHARED_DOORBELLS;
	adapter_say(
		adapter, LOG_NOTICE, "driver on %s %s, OS type %#x, capabilities %#llx",
		printable(name, sizeof(name), req->os_ver_str[0], sizeof(req->os_ver_str[0])),
		printable(release, sizeof(release), req->os_ver_str[1], sizeof(req->os_ver_str[1])),
		req->os_type, (unsigned long long)req->driver_cap_flags1);
	return STATUS_OK;
}

static uint32_t query_max_resources(struct adapter *adapter, struct command *command)
{
	struct gdma_query_max_resources_resp *resp = command->response;

	(void)adapter;
	resp->max_sq = ADAPTER_WQS - 1;
	resp->max_rq = ADAPTER_WQS - 1;
	resp->max_cq = ADAPTER_CQS - 1;
	resp->max_eq = ADAPTER_EQS - 1;
	resp->max_db = ADAPTER_DOORBELL_PAGES;
	resp->max_mst = MEMORY_KEYS_MAX;
	resp->max_cq_mod_ctx = 0;
	resp->max_mod_cq = 0;
	resp->max_msix = ADAPTER_MSIX;
	return STATUS_OK;
}

static uint32_t list_devices(struct adapter *adapter, struct command *command)
{
	struct gdma_list_devices_resp *resp = command->response;

	(void)adapter;
	resp->num_of_devs = 3;
	resp->devs[0] = (struct gdma_dev_id){ .type = GDMA_DEVICE_HWC };
	resp->devs[1] = (struct gdma_dev_id){ .type = GDMA_DEVICE_MANA };
	resp->devs[2] = (struct gdma_dev_id){ .type = GDMA_DEVICE_MANA_IB };
	return STATUS_OK;
}

static struct registered *device_find(struct adapter *adapter, const struct command *command)
{
	switch (command->request->dev_id.type) {
	case GDMA_DEVICE_MANA:
		return &adapter->ethernet;
	case GDMA_DEVICE_MANA_IB:
		return &adapter->rdma;
	default:
		return NULL;
	}
}

static void device_unregister(struct adapter *adapter, struct registered *device)
{
	if (device->mr)
		memory_mr_free(&adapter->memory, device->mr);
	if (device->pd)
		memory_pd_free(&adapter->memory, device->pd);
	if (device->active)
		doorbell_page_free(adapter, device->doorbell, 1);
	memset(device, 0, sizeof(*device));
}

static uint32_t register_device(struct adapter *adapter, struct command *command)
{
	struct registered *device = device_find(adapter, command);
	struct gdma_register_device_resp *resp = command->response;
	int64_t doorbell;

	if (!device)
		return STATUS_DEVICE;
	if (device->active)
		return STATUS_BUSY;
	device->pd = memory_pd_create(&adapter->memory);
	if (!device->pd)
		return STATUS_NO_RESOURCE;
	device->mr =
		memory_mr_create(&adapter->memory, device->pd, MR_PHYSICAL, 0, MEMORY_OWNER, NULL);
	doorbell = doorbell_page_alloc(adapter, 1, 1);
	if (!device->mr || doorbell < 0) {
		device->doorbell = GDMA_INVALID_ID;
		device_unregister(adapter, device);
		return STATUS_NO_RESOURCE;
	}
	device->doorbell = (uint32_t)doorbell;
	device->active = true;
	resp->pdid = device->pd->id;
	resp->gpa_mkey = device->mr->key;
	resp->db_id = device->doorbell;
	return STATUS_OK;
}

static uint32_t deregister_device(struct adapter *adapter, struct command *command)
{
	struct registered *device = device_find(adapter, command);

	if (!device || !device->active)
		return STATUS_DEVICE;
	/* The device's queues refer to what is about to be freed. */
	if (device == &adapter->ethernet) {
		wqs_stop(adapter);
		for (uint32_t i = 0; i < adapter->config.ports; i++)
			vport_reset(&adapter->vport[i]);
	} else {
		rnic_reset(adapter);
	}
	device_unregister(adapter, device);
	return STATUS_OK;
}

static uint32_t generate_test_eqe(struct adapter *adapter, struct command *command)
{
	const struct gdma_generate_test_event_req *req = (const void *)command->request;
	struct eq *eq = table_get(&adapter->eqs, req->queue_index);

	if (!eq)
		return STATUS_NOT_FOUND;
	eq_post(eq, GDMA_EQE_TEST_EVENT, NULL);
	return STATUS_OK;
}

static uint32_t generate_reset_request(struct adapter *adapter, struct command *command)
{
	const struct gdma_generate_reset_event_req *req = (const void *)command->request;
	struct eq *eq = table_get(&adapter->eqs, req->queue_index);
	uint32_t details[3] = { req->data.word, 0, 0 };

	if (!eq)
		return STATUS_NOT_FOUND;
	eq_post(eq, GDMA_EQE_HWC_RESET_REQUEST, details);
	return STATUS_OK;
}

/** create_queue() - event queues; the other kinds are created with a vPort's or RNIC's objects
 */
static uint32_t create_queue(struct adapter *adapter, struct command *command)
{
	const struct gdma_create_queue_req *req = (const void *)command->request;
	struct gdma_create_queue_resp *resp = command->response;
	const struct queue_place place = {
		.list = memory_list_find(&adapter->memory, req->dma_region),
		.size = req->queue_size,
		.doorbell = req->doorbell_page,
		.pd = req->pdid,
	};
	struct eq *eq;
	int err;

	if (!place.list)
		return STATUS_NOT_FOUND;
	if (req->type != GDMA_EQ || req->eq_msix_index >= ADAPTER_MSIX ||
	    req->queue_size & (req->queue_size - 1) || req->doorbell_page >= ADAPTER_DOORBELL_PAGES)
		return STATUS_INVALID;
	eq = eq_create(adapter, &place, req->eq_msix_index, &err);
	if (!eq)
		return status_from_errno(err);
	resp->queue_index = eq->id;
	return STATUS_OK;
}

static uint32_t disable_queue(struct adapter *adapter, struct command *command)
{
	const struct gdma_disable_queue_req *req = (const void *)command->request;
	struct eq *eq = table_get(&adapter->eqs, req->queue_index);

	if (req->type != GDMA_EQ)
		return STATUS_INVALID;
	if (!eq)
		return STATUS_NOT_FOUND;
	if (eq == adapter->hwc.eq || eq->completions)
		return STATUS_BUSY;
	eq_destroy(eq);
	return STATUS_OK;
}

static uint32_t change_msix(struct adapter *adapter, struct command *command)
{
	const struct gdma_change_msix_req *req = (const void *)command->request;
	struct eq *eq = table_get(&adapter->eqs, req->queue_index);

	if (!eq)
		return STATUS_NOT_FOUND;
	if (req->msix >= ADAPTER_MSIX)
		return STATUS_INVALID;
	spin_lock(&eq->lock);
	eq->msix = req->msix;
	spin_unlock(&eq->lock);
	return STATUS_OK;
}

static uint32_t allocate_range(struct adapter *adapter, struct command *command)
{
	const struct gdma_allocate_resource_range_req *req = (const void *)command->request;
	struct gdma_allocate_resource_range_resp *resp = command->response;
	int64_t first;

	if (req->resource_type != GDMA_RESOURCE_DOORBELL_PAGE || !req->num_resources ||
	    req->num_resources > ADAPTER_DOORBELL_PAGES || req->alignment > ADAPTER_DOORBELL_PAGES)
		return STATUS_INVALID;
	first = doorbell_page_alloc(adapter, req->num_resources, req->alignment);
	if (first < 0)
		return STATUS_NO_RESOURCE;
	resp->allocated_resources = (uint32_t)first;
	return STATUS_OK;
}

static uint32_t destroy_range(struct adapter *adapter, struct command *command)
{
	const struct gdma_destroy_resource_range_req *req = (const void *)command->request;
	uint32_t first = req->allocated_resources, last;

	if (req->resource_type != GDMA_RESOURCE_DOORBELL_PAGE ||
	    req->num_resources > ADAPTER_DOORBELL_PAGES || first >= ADAPTER_DOORBELL_PAGES)
		return STATUS_INVALID;
	last = first + req->num_resources - 1;
	if ((adapter->hwc.eq && adapter->hwc.eq->doorbell - first <= last - first) ||
	    (adapter->ethernet.active && adapter->ethernet.doorbell - first <= last - first) ||
	    (adapter->rdma.active && adapter->rdma.doorbell - first <= last - first))
		return STATUS_BUSY;
	return status_from_errno(doorbell_page_free(adapter, first, req->num_resources));
}

/** list_status() - must the driver send more pages? */
static uint32_t list_status(const struct dma_list *list)
{
	return list->have < list->pages ? (uint32_t)GDMA_STATUS_MORE_ENTRIES : STATUS_OK;
}

static uint32_t create_dma_region(struct adapter *adapter, struct command *command)
{
	const struct gdma_create_dma_region_req *req = (const void *)command->request;
	struct gdma_create_dma_region_resp *resp = command->response;
	struct dma_list *list;

	if (req->page_addr_list_len > (command->len - sizeof(*req)) / sizeof(uint64_t))
		return STATUS_SHORT;
	if (req->page_type > GDMA_PAGE_TYPE_MAX || req->page_addr_list_len > req->page_count)
		return STATUS_INVALID;
	if (req->page_count > MEMORY_PAGES_MAX - adapter->memory.pages_used)
		return STATUS_NO_RESOURCE;
	list = memory_list_create(&adapter->memory, req->length, req->offset_in_page,
				  MANA_PAGE_SHIFT + req->page_type, req->page_count);
	if (!list)
		return STATUS_INVALID;
	if (memory_list_add(list, req->page_addr_list, req->page_addr_list_len)) {
		memory_list_free(&adapter->memory, list);
		return STATUS_INVALID;
	}
	resp->dma_region = list->handle;
	return list_status(list);
}

static uint32_t add_pages(struct adapter *adapter, struct command *command)
{
	const struct gdma_dma_region_add_pages_req *req = (const void *)command->request;
	struct dma_list *list = memory_list_find(&adapter->memory, req->dma_region);

	if (!list)
		return STATUS_NOT_FOUND;
	if (req->page_addr_list_len > (command->len - sizeof(*req)) / sizeof(uint64_t))
		return STATUS_SHORT;
	if (memory_list_add(list, req->page_addr_list, req->page_addr_list_len))
		return STATUS_INVALID;
	return list_status(list);
}

static uint32_t destroy_dma_region(struct adapter *adapter, struct command *command)
{
	const struct gdma_destroy_dma_region_req *req = (const void *)command->request;
	struct dma_list *list = memory_list_find(&adapter->memory, req->dma_region);

	if (!list)
		return STATUS_NOT_FOUND;
	memory_list_free(&adapter->memory, list);
	return STATUS_OK;
}

static uint32_t create_pd(struct adapter *adapter, struct command *command)
{
	struct gdma_create_pd_resp *resp = command->response;
	struct protection_domain *pd = memory_pd_create(&adapter->memory);

	if (!pd)
		return STATUS_NO_RESOURCE;
	resp->pd_handle = pd->handle;
	resp->pd_id = pd->id;
	return STATUS_OK;
}

static uint32_t destroy_pd(struct adapter *adapter, struct command *command)
{
	const struct gdma_destroy_pd_req *req = (const void *)command->request;
	struct protection_domain *pd = memory_pd_find(&adapter->memory, req->pd_handle);

	if (!pd)
		return STATUS_NOT_FOUND;
	if (pd->users || pd == adapter->ethernet.pd || pd == adapter->rdma.pd)
		return STATUS_BUSY;
	memory_pd_free(&adapter->memory, pd);
	return STATUS_OK;
}

/** rights_from_flags() - what the driver's flags allow */
static struct memory_rights rights_from_flags(uint32_t flags)
{
	struct memory_rights rights = { .local = DMA_READ };

	if (flags & (GDMA_ACCESS_LOCAL_WRITE | GDMA_ACCESS_REMOTE_WRITE))
		rights.local |= DMA_WRITE;
	if (flags & GDMA_ACCESS_REMOTE_READ)
		rights.remote |= DMA_READ;
	if (flags & GDMA_ACCESS_REMOTE_WRITE)
		rights.remote |= DMA_WRITE;
	return rights;
}

static uint32_t create_mr(struct adapter *adapter, struct command *command)
{
	const struct gdma_create_mr_req *req = (const void *)command->request;
	struct gdma_create_mr_resp *resp = command->response;
	struct protection_domain *pd = memory_pd_find(&adapter->memory, req->pd_handle);
	struct device_memory *device;
	struct memory_region *mr;
	struct dma_list *list;

	if (!pd)
		return STATUS_NOT_FOUND;
	switch (req->mr_type) {
	case GDMA_MR_GPA:
		mr = memory_mr_create(&adapter->memory, pd, MR_PHYSICAL, 0, MEMORY_OWNER, NULL);
		break;
	case GDMA_MR_GVA:
	case GDMA_MR_ZBVA:
		list = memory_list_find(&adapter->memory, req->gva.dma_region);
		if (!list)
			return STATUS_NOT_FOUND;
		if (list->have < list->pages)
			return STATUS_INVALID;
		if (req->mr_type == GDMA_MR_GVA)
			mr = memory_mr_create(&adapter->memory, pd, MR_LISTED,
					      req->gva.virtual_address,
					      rights_from_flags(req->gva.access_flags), list);
		else
			mr = memory_mr_create(&adapter->memory, pd, MR_LISTED, 0,
					      rights_from_flags(req->zbva.access_flags), list);
		break;
	case GDMA_MR_DM:
		device = memory_device_find(&adapter->memory, req->dm.dm_handle);
		if (!device)
			return STATUS_NOT_FOUND;
		if (!req->dm_length || req->dm.offset > device->size ||
		    req->dm_length > device->size - req->dm.offset)
			return STATUS_INVALID;
		mr = memory_mr_device(&adapter->memory, pd, rights_from_flags(req->dm.access_flags),
				      device, req->dm.offset, req->dm_length);
		break;
	case GDMA_MR_MW1:
	case GDMA_MR_MW2:
		mr = memory_mr_create(&adapter->memory, pd, MR_WINDOW, 0, MEMORY_NOBODY, NULL);
		break;
	default:
		return STATUS_INVALID;
	}
	if (!mr)
		return STATUS_NO_RESOURCE;
	resp->mr_handle = mr->handle;
	resp->lkey = mr->key;
	resp->rkey = mr->key;
	return STATUS_OK;
}

static uint32_t destroy_mr(struct adapter *adapter, struct command *command)
{
	const struct gdma_destroy_mr_req *req = (const void *)command->request;
	struct memory_region *mr = memory_mr_find(&adapter->memory, req->mr_handle);

	if (!mr)
		return STATUS_NOT_FOUND;
	if (mr == adapter->hwc.mr || mr == adapter->ethernet.mr || mr == adapter->rdma.mr)
		return STATUS_BUSY;
	memory_mr_free(&adapter->memory, mr);
	return STATUS_OK;
}

static uint32_t alloc_dm(struct adapter *adapter, struct command *command)
{
	const struct gdma_alloc_dm_req *req = (const void *)command->request;
	struct gdma_alloc_dm_resp *resp = command->response;
	struct device_memory *device;

	/* A logarithm, as in ibv_alloc_dm(); all of it is aligned to pages. */
	if (!req->length || req->alignment > MANA_PAGE_SHIFT)
		return STATUS_INVALID;
	device = memory_device_create(&adapter->memory, req->length);
	if (!device)
		return STATUS_NO_RESOURCE;
	resp->dm_handle = device->handle;
	return STATUS_OK;
}

static uint32_t destroy_dm(struct adapter *adapter, struct command *command)
{
	const struct gdma_destroy_dm_req *req = (const void *)command->request;
	struct device_memory *device = memory_device_find(&adapter->memory, req->dm_handle);

	if (!device)
		return STATUS_NOT_FOUND;
	if (device->users)
		return STATUS_BUSY;
	memory_device_free(&adapter->memory, device);
	return STATUS_OK;
}

static uint32_t query_hwc_timeout(struct adapter *adapter, struct command *command)
{
	struct gdma_query_hwc_timeout_resp *resp = command->response;

	resp->timeout_ms = adapter->hwc_timeout_ms;
	return STATUS_OK;
}

#define GENERAL_REQ  sizeof(struct gdma_general_req)
#define GENERAL_RESP sizeof(struct gdma_general_resp)

const struct command_entry gdma_commands[] = {
	{ GDMA_VERIFY_VF_DRIVER_VERSION, "VERIFY_VF_DRIVER_VERSION",
	  sizeof(struct gdma_verify_version_req), sizeof(struct gdma_verify_version_resp),
	  verify_version },
	{ GDMA_QUERY_MAX_RESOURCES, "QUERY_MAX_RESOURCES", GENERAL_REQ,
	  sizeof(struct gdma_query_max_resources_resp), query_max_resources },
	{ GDMA_LIST_DEVICES, "LIST_DEVICES", GENERAL_REQ, sizeof(struct gdma_list_devices_resp),
	  list_devices },
	{ GDMA_REGISTER_DEVICE, "REGISTER_DEVICE", GENERAL_REQ,
	  sizeof(struct gdma_register_device_resp), register_device },
	{ GDMA_DEREGISTER_DEVICE, "DEREGISTER_DEVICE", GENERAL_REQ, GENERAL_RESP,
	  deregister_device },
	{ GDMA_GENERATE_TEST_EQE, "GENERATE_TEST_EQE", sizeof(struct gdma_generate_test_event_req),
	  GENERAL_RESP, generate_test_eqe },
	{ GDMA_GENERATE_RESET_REQUEST_EQE, "GENERATE_RESET_REQUEST_EQE",
	  sizeof(struct gdma_generate_reset_event_req), GENERAL_RESP, generate_reset_request },
	{ GDMA_CREATE_QUEUE, "CREATE_QUEUE", sizeof(struct gdma_create_queue_req),
	  sizeof(struct gdma_create_queue_resp), create_queue },
	{ GDMA_DISABLE_QUEUE, "DISABLE_QUEUE", sizeof(struct gdma_disable_queue_req), GENERAL_RESP,
	  disable_queue },
	{ GDMA_ALLOCATE_RESOURCE_RANGE, "ALLOCATE_RESOURCE_RANGE",
	  sizeof(struct gdma_allocate_resource_range_req),
	  sizeof(struct gdma_allocate_resource_range_resp), allocate_range },
	{ GDMA_DESTROY_RESOURCE_RANGE, "DESTROY_RESOURCE_RANGE",
	  sizeof(struct gdma_destroy_resource_range_req), GENERAL_RESP, destroy_range },
	{ GDMA_CREATE_DMA_REGION, "CREATE_DMA_REGION", sizeof(struct gdma_create_dma_region_req),
	  sizeof(struct gdma_create_dma_region_resp), create_dma_region },
	{ GDMA_DMA_REGION_ADD_PAGES, "DMA_REGION_ADD_PAGES",
	  sizeof(struct gdma_dma_region_add_pages_req), GENERAL_RESP, add_pages },
	{ GDMA_DESTROY_DMA_REGION, "DESTROY_DMA_REGION", sizeof(struct gdma_destroy_dma_region_req),
	  GENERAL_RESP, destroy_dma_region },
	{ GDMA_CREATE_PD, "CREATE_PD", sizeof(struct gdma_create_pd_req),
	  sizeof(struct gdma_create_pd_resp), create_pd },
	{ GDMA_DESTROY_PD, "DESTROY_PD", sizeof(struct gdma_destroy_pd_req), GENERAL_RESP,
	  destroy_pd },
	/* The request of older drivers ends before the last field, which is for device memory. */
	{ GDMA_CREATE_MR, "CREATE_MR", offsetof(struct gdma_create_mr_req, dm_length),
	  sizeof(struct gdma_create_mr_resp), create_mr },
	{ GDMA_DESTROY_MR, "DESTROY_MR", sizeof(struct gdma_destroy_mr_req), GENERAL_RESP,
	  destroy_mr },
	{ GDMA_CHANGE_MSIX_FOR_EQ, "CHANGE_MSIX_FOR_EQ", sizeof(struct gdma_change_msix_req),
	  GENERAL_RESP, change_msix },
	{ GDMA_QUERY_HWC_TIMEOUT, "QUERY_HWC_TIMEOUT", sizeof(struct gdma_query_hwc_timeout_req),
	  sizeof(struct gdma_query_hwc_timeout_resp), query_hwc_timeout },
	{ GDMA_ALLOC_DM, "ALLOC_DM", sizeof(struct gdma_alloc_dm_req),
	  sizeof(struct gdma_alloc_dm_resp), alloc_dm },
	{ GDMA_DESTROY_DM, "DESTROY_DM", sizeof(struct gdma_destroy_dm_req), GENERAL_RESP,
	  destroy_dm },
	{ 0 },
};
