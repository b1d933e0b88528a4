/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The examiner: messages of the shared-memory channel, and the form of commands.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "device/command.h"
#include "device/examine_state.h"
#include "wire/gdma.h"
#include "wire/native.h"

/**
 * struct exam_format - what a command looks like
 * @version:	of the request, the newest with a length between @min and @max
 * @element:	bytes of what its list has, or 0
 * @answer:	bytes of the shortest structure that a driver has for the answer
 */
struct exam_format {
	uint32_t code;
	const char *name;
	uint16_t version;
	uint16_t min, max;
	uint16_t element;
	uint16_t answer;
};

#define GENERAL_REQ  sizeof(struct gdma_general_req)
#define GENERAL_RESP sizeof(struct gdma_general_resp)

#define FORMAT(code, version, request, answer)                                                     \
	{                                                                                          \
		code, #code, version, sizeof(request), sizeof(request), 0, sizeof(answer)          \
	}

static const struct exam_format formats[] = {
	FORMAT(GDMA_VERIFY_VF_DRIVER_VERSION, 1, struct gdma_verify_version_req,
	       struct gdma_verify_version_resp),
	FORMAT(GDMA_QUERY_MAX_RESOURCES, 1, struct gdma_general_req,
	       struct gdma_query_max_resources_resp),
	FORMAT(GDMA_LIST_DEVICES, 1, struct gdma_general_req, struct gdma_list_devices_resp),
	FORMAT(GDMA_REGISTER_DEVICE, 1, struct gdma_general_req, struct gdma_register_device_resp),
	FORMAT(GDMA_DEREGISTER_DEVICE, 1, struct gdma_general_req, struct gdma_general_resp),
	FORMAT(GDMA_GENERATE_TEST_EQE, 1, struct gdma_generate_test_event_req,
	       struct gdma_general_resp),
	FORMAT(GDMA_CREATE_QUEUE, 1, struct gdma_create_queue_req, struct gdma_create_queue_resp),
	FORMAT(GDMA_DISABLE_QUEUE, 1, struct gdma_disable_queue_req, struct gdma_general_resp),
	FORMAT(GDMA_ALLOCATE_RESOURCE_RANGE, 1, struct gdma_allocate_resource_range_req,
	       struct gdma_allocate_resource_range_resp),
	FORMAT(GDMA_DESTROY_RESOURCE_RANGE, 1, struct gdma_destroy_resource_range_req,
	       struct gdma_general_resp),
	{ GDMA_CREATE_DMA_REGION, "GDMA_CREATE_DMA_REGION", 1,
	  sizeof(struct gdma_create_dma_region_req), sizeof(struct gdma_create_dma_region_req), 8,
	  sizeof(struct gdma_create_dma_region_resp) },
	{ GDMA_DMA_REGION_ADD_PAGES, "GDMA_DMA_REGION_ADD_PAGES", 1,
	  sizeof(struct gdma_dma_region_add_pages_req),
	  sizeof(struct gdma_dma_region_add_pages_req), 8, GENERAL_RESP },
	FORMAT(GDMA_DESTROY_DMA_REGION, 1, struct gdma_destroy_dma_region_req,
	       struct gdma_general_resp),
	FORMAT(GDMA_CREATE_PD, 1, struct gdma_create_pd_req, struct gdma_create_pd_resp),
	FORMAT(GDMA_DESTROY_PD, 1, struct gdma_destroy_pd_req, struct gdma_general_resp),
	FORMAT(GDMA_CREATE_MR, 2, struct gdma_create_mr_req, struct gdma_create_mr_resp),
	FORMAT(GDMA_DESTROY_MR, 1, struct gdma_destroy_mr_req, struct gdma_general_resp),
	FORMAT(GDMA_QUERY_HWC_TIMEOUT, 1, struct gdma_query_hwc_timeout_req,
	       struct gdma_query_hwc_timeout_resp),
	FORMAT(GDMA_ALLOC_DM, 1, struct gdma_alloc_dm_req, struct gdma_alloc_dm_resp),
	FORMAT(GDMA_DESTROY_DM, 1, struct gdma_destroy_dm_req, struct gdma_general_resp),
	/* Linux 6.1 has no adapter_mtu in the answer. */
	{ MANA_QUERY_DEV_CONFIG, "MANA_QUERY_DEV_CONFIG", 1,
	  sizeof(struct mana_query_device_config_req), sizeof(struct mana_query_device_config_req),
	  0, offsetof(struct mana_query_device_config_resp, adapter_mtu) },
	{ MANA_QUERY_GF_STAT, "MANA_QUERY_GF_STAT", 1, sizeof(struct mana_query_gf_stat_req),
	  sizeof(struct mana_query_gf_stat_req), 0,
	  offsetof(struct mana_query_gf_stat_resp, tx_err_gdma) },
	FORMAT(MANA_CONFIG_VPORT_TX, 1, struct mana_config_vport_tx_req,
	       struct mana_config_vport_tx_resp),
	/* Moderation is from version 3 on, and from version 2 of the answer. */
	{ MANA_CREATE_WQ_OBJ, "MANA_CREATE_WQ_OBJ", 3, sizeof(struct mana_create_wq_obj_req),
	  sizeof(struct mana_create_wq_obj_req_v3), 0, sizeof(struct mana_create_wq_obj_resp) },
	FORMAT(MANA_DESTROY_WQ_OBJ, 1, struct mana_destroy_wq_obj_req, struct gdma_general_resp),
	FORMAT(MANA_FENCE_RQ, 1, struct mana_fence_rq_req, struct gdma_general_resp),
	{ MANA_CONFIG_VPORT_RX, "MANA_CONFIG_VPORT_RX", 2, sizeof(struct mana_config_vport_rx_req),
	  sizeof(struct mana_config_vport_rx_req_v2) + 8 * MANA_INDIRECTION_MAX, 0, GENERAL_RESP },
	FORMAT(MANA_QUERY_VPORT_CONFIG, 1, struct mana_query_vport_config_req,
	       struct mana_query_vport_config_resp),
	FORMAT(MANA_QUERY_LINK_CONFIG, 1, struct mana_query_link_config_req,
	       struct mana_query_link_config_resp),
	FORMAT(MANA_SET_BW_CLAMP, 1, struct mana_set_bw_clamp_req, struct mana_set_bw_clamp_resp),
	FORMAT(MANA_QUERY_PHY_STAT, 1, struct mana_query_phy_stat_req,
	       struct mana_query_phy_stat_resp),
	FORMAT(MANA_REGISTER_FILTER, 1, struct mana_register_filter_req,
	       struct mana_register_filter_resp),
	FORMAT(MANA_DEREGISTER_FILTER, 1, struct mana_deregister_filter_req,
	       struct gdma_general_resp),
	FORMAT(MANA_REGISTER_HW_PORT, 1, struct mana_register_hw_port_req,
	       struct mana_register_hw_port_resp),
	FORMAT(MANA_DEREGISTER_HW_PORT, 1, struct mana_deregister_hw_port_req,
	       struct gdma_general_resp),
	{ RNIC_QUERY_ADAPTER_CAP, "RNIC_QUERY_ADAPTER_CAP", 1, GENERAL_REQ, GENERAL_REQ, 0,
	  RNIC_QUERY_ADAPTER_CAP_RESP_V3_SIZE },
	FORMAT(RNIC_CREATE_ADAPTER, 2, struct rnic_create_adapter_req,
	       struct rnic_create_adapter_resp),
	FORMAT(RNIC_DESTROY_ADAPTER, 1, struct rnic_destroy_adapter_req, struct gdma_general_resp),
	FORMAT(RNIC_CONFIG_IP_ADDR, 1, struct rnic_config_ip_addr_req, struct gdma_general_resp),
	FORMAT(RNIC_CONFIG_MAC_ADDR, 1, struct rnic_config_mac_addr_req, struct gdma_general_resp),
	FORMAT(RNIC_CREATE_UD_QP, 1, struct rnic_create_ud_qp_req, struct rnic_create_ud_qp_resp),
	FORMAT(RNIC_DESTROY_UD_QP, 1, struct rnic_destroy_qp_req, struct gdma_general_resp),
	FORMAT(RNIC_CREATE_CQ, 1, struct rnic_create_cq_req, struct rnic_create_cq_resp),
	FORMAT(RNIC_DESTROY_CQ, 1, struct rnic_destroy_cq_req, struct gdma_general_resp),
	FORMAT(RNIC_CREATE_RC_QP, 1, struct rnic_create_rc_qp_req, struct rnic_create_rc_qp_resp),
	FORMAT(RNIC_DESTROY_RC_QP, 1, struct rnic_destroy_qp_req, struct gdma_general_resp),
	{ RNIC_SET_QP_STATE, "RNIC_SET_QP_STATE", 1, RNIC_SET_QP_STATE_REQ_V1_SIZE,
	  sizeof(struct rnic_set_qp_state_req), 0, GENERAL_RESP },
	FORMAT(RNIC_CREATE_UC_QP, 1, struct rnic_create_uc_qp_req, struct rnic_create_uc_qp_resp),
	FORMAT(RNIC_QUERY_VF_COUNTERS, 1, struct rnic_query_counters_req,
	       struct rnic_query_vf_counters_resp),
	FORMAT(RNIC_QUERY_DEVICE_COUNTERS, 1, struct rnic_query_counters_req,
	       struct rnic_query_device_counters_resp),
	FORMAT(NATIVE_BIND_DOORBELL, 1, struct native_bind_doorbell_req, struct gdma_general_resp),
};

static const struct exam_format *format_find(uint32_t code)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i].code == code)
			return &formats[i];
	return NULL;
}

/* ---- The shared-memory channel ---- */

void exam_smc(struct examiner *examiner, const struct watch_event *event)
{
	const struct smc_message *message = event->data;
	const union smc_header header = message->header;
	uint32_t newest = header.msg_type == SMC_REPORT_HWC_TIMEOUT;

	if (event->type != WATCH_SMC_REQUEST)
		return;
	exam_judge(examiner, RULE_SMC_MESSAGE,
		   (header.msg_type == SMC_ESTABLISH_HWC || header.msg_type == SMC_DESTROY_HWC ||
		    header.msg_type == SMC_REPORT_HWC_TIMEOUT) &&
			   header.msg_version <= newest && !header.response && !header.status &&
			   !header.owner_is_pf && !header.reserved1 && !header.reserved2 &&
			   !header.reserved3,
		   NULL, 0, "header %#x|a request of type 1, 2 or 4, version 0, other bits 0",
		   header.word);
	if (header.response || header.owner_is_pf)
		return;
	if (header.msg_type == SMC_ESTABLISH_HWC && !header.reset_vf)
		exam_judge(examiner, RULE_HWC_ONCE, !examiner->adapter->hwc.up, NULL, 0,
			   "the hardware channel is set up while it is up"
			   "|SMC_DESTROY_HWC, or a reset, before");
	if (header.msg_type == SMC_DESTROY_HWC && examiner->adapter->hwc.up) {
		exam_unload(examiner);
		examiner->orderly = true;
	}
	if (header.msg_type == SMC_ESTABLISH_HWC)
		examiner->orderly = false;
}

/* ---- Commands in flight ---- */

/** note_command() - for the list of the last commands */
static void note_command(struct examiner *examiner, const struct gdma_req_header *request,
			 uint32_t len)
{
	const struct exam_format *format = format_find(request->req.msg_type);
	char *text;

	spin_lock(&examiner->lock);
	text = examiner->commands[examiner->n_commands++ % EXAMINE_COMMANDS];
	snprintf(text, EXAMINE_COMMAND_TEXT, "%s (%#x), message %u, %u bytes, no answer yet",
		 format ? format->name : "an unknown command", request->req.msg_type,
		 request->req.hwc_msg_id, len);
	spin_unlock(&examiner->lock);
}

/** note_answer() - the newest command without an answer has one */
static void note_answer(struct examiner *examiner, uint32_t status)
{
	static const char none[] = "no answer yet";
	char *text, *at = NULL;

	spin_lock(&examiner->lock);
	for (uint64_t i = 1; !at && i <= EXAMINE_COMMANDS && i <= examiner->n_commands; i++) {
		text = examiner->commands[(examiner->n_commands - i) % EXAMINE_COMMANDS];
		at = strstr(text, none);
		if (at)
			snprintf(at, EXAMINE_COMMAND_TEXT - (size_t)(at - text), "status %#x",
				 status);
	}
	spin_unlock(&examiner->lock);
}

/** judge_flight() - how many commands are in flight, and is this one's number used? */
static void judge_flight(struct examiner *examiner, const struct gdma_req_header *request)
{
	const struct adapter *adapter = examiner->adapter;
	const struct wq *rq = adapter->hwc.rq;
	struct exam_pending *place = NULL;
	unsigned int n = 0;
	bool reused = false;

	/* What a driver does about a missing answer is no reuse of its number. */
	if (atomic_exchange_explicit(&examiner->faulted, false, memory_order_relaxed))
		memset(examiner->pending, 0, sizeof(examiner->pending));
	for (unsigned int i = 0; i < EXAMINE_PENDING; i++) {
		struct exam_pending *pending = &examiner->pending[i];

		/* One that the driver has given up. */
		if (pending->used &&
		    clock_ns() - pending->at_ns > adapter->hwc_timeout_ms * NS_PER_MS)
			pending->used = false;
		if (!pending->used) {
			place = pending;
			continue;
		}
		n++;
		reused = reused || pending->id == request->req.hwc_msg_id;
	}
	exam_judge(examiner, RULE_HWC_MESSAGE_ID, !reused, NULL, 0,
		   "message id %u, which a command in flight has|one that none in flight has",
		   request->req.hwc_msg_id);
	if (!reused)
		exam_judge(examiner, RULE_HWC_DEPTH, n < HWC_DEPTH, NULL, 0,
			   "a command with %u in flight|at most %u at a time", n, HWC_DEPTH);
	if (rq)
		exam_judge(examiner, RULE_HWC_RECEIVE, wq_posted(rq) - rq->taken > n,
			   exam_queue(examiner, GDMA_RQ, rq->id), rq->taken,
			   "a command without a receive buffer for its answer"
			   "|a buffer for each command in flight");
	if (place)
		*place = (struct exam_pending){ true, request->req.hwc_msg_id,
						request->req.msg_type, clock_ns() };
}

void exam_answer(struct examiner *examiner, const struct watch_event *event)
{
	const struct gdma_verify_version_resp *verified = event->data;

	for (unsigned int i = 0; i < EXAMINE_PENDING; i++) {
		struct exam_pending *pending = &examiner->pending[i];

		if (pending->used && pending->id == event->position &&
		    pending->code == event->type) {
			pending->used = false;
			break;
		}
	}
	note_answer(examiner, (uint32_t)event->value);
	if (event->value)
		return;
	if (event->type == GDMA_VERIFY_VF_DRIVER_VERSION && event->len >= sizeof(*verified)) {
		examiner->verified = true;
		examiner->offered = verified->pf_cap_flags1;
	}
	if (event->type == MANA_CONFIG_VPORT_RX)
		exam_steered(examiner);
}

/* ---- The form of a command ---- */

/** judge_form() - its length, version, and room for the answer */
static void judge_form(struct examiner *examiner, const struct gdma_req_header *request,
		       uint32_t len)
{
	const struct exam_format *format = format_find(request->req.msg_type);
	uint32_t min, max, elements = 0;

	exam_judge(examiner, RULE_COMMAND_VERSION,
		   request->req.msg_version && request->resp.msg_version, NULL, 0,
		   "version %u, and %u of the answer|1 or higher", request->req.msg_version,
		   request->resp.msg_version);
	if (!format)
		return;
	min = format->min;
	max = request->req.msg_version > format->version ? UINT32_MAX : format->max;
	if (request->req.msg_type == GDMA_CREATE_DMA_REGION && len >= min)
		elements = ((const struct gdma_create_dma_region_req *)(const void *)request)
				   ->page_addr_list_len;
	if (request->req.msg_type == GDMA_DMA_REGION_ADD_PAGES && len >= min)
		elements = ((const struct gdma_dma_region_add_pages_req *)(const void *)request)
				   ->page_addr_list_len;
	if (elements < HWC_MESSAGE_MAX) {
		min += elements * format->element;
		max = format->element ? min : max;
	}
	exam_judge(examiner, RULE_COMMAND_LENGTH,
		   len >= min && len <= max && elements < HWC_MESSAGE_MAX, NULL, 0,
		   "%s of %u bytes, version %u|%u to %u bytes", format->name, len,
		   request->req.msg_version, min, max);
	exam_judge(examiner, RULE_COMMAND_ANSWER,
		   request->resp.msg_size >= format->answer &&
			   request->resp.msg_size <= HWC_MESSAGE_MAX,
		   NULL, 0, "room for an answer of %u bytes to %s|%u to %u", request->resp.msg_size,
		   format->name, format->answer, HWC_MESSAGE_MAX);
}

/** judge_reserved() - fields that have no meaning yet */
static void judge_reserved(struct examiner *examiner, const struct gdma_req_header *request)
{
	const void *any = request;
	const struct gdma_create_queue_req *eq = any;
	const struct mana_create_wq_obj_req *create = any;
	const struct mana_destroy_wq_obj_req *destroy = any;
	const struct gdma_dma_region_add_pages_req *add = any;
	uint32_t bits;

	switch (request->req.msg_type) {
	case GDMA_CREATE_QUEUE:
		bits = eq->reserved1 | eq->reserved2 | eq->reserved3;
		break;
	case MANA_CREATE_WQ_OBJ:
		bits = create->reserved;
		break;
	case MANA_DESTROY_WQ_OBJ:
		bits = destroy->reserved;
		break;
	case GDMA_DMA_REGION_ADD_PAGES:
		bits = add->reserved;
		break;
	default:
		return;
	}
	exam_judge(examiner, RULE_COMMAND_RESERVED, !bits, NULL, 0,
		   "reserved fields with the bits %#x|0", bits);
}

/** judge_device() - is it for the right device, and is that registered? */
static void judge_device(struct examiner *examiner, const struct gdma_req_header *request)
{
	const struct adapter *adapter = examiner->adapter;
	const uint32_t code = request->req.msg_type;
	uint16_t type = request->dev_id.type, wanted = 0;
	bool active, okay;

	active = type == GDMA_DEVICE_MANA ? adapter->ethernet.active : adapter->rdma.active;
	switch (code >> 16) {
	case 0:
		if (code != GDMA_REGISTER_DEVICE && code != GDMA_DEREGISTER_DEVICE)
			return;
		okay = (type == GDMA_DEVICE_MANA || type == GDMA_DEVICE_MANA_IB) &&
		       active == (code == GDMA_DEREGISTER_DEVICE);
		break;
	case 2:
		wanted = GDMA_DEVICE_MANA;
		/* Linux 7.2 asks before it registers the device. */
		okay = type == wanted && (active || code == MANA_QUERY_DEV_CONFIG);
		break;
	case 3:
		wanted = GDMA_DEVICE_MANA_IB;
		okay = type == wanted && active;
		break;
	default:
		return;
	}
	exam_judge(examiner, RULE_COMMAND_DEVICE, okay, NULL, 0,
		   "command %#x for device type %u, which is %sregistered|device type %u, %s", code,
		   type, active ? "" : "not ", wanted,
		   code == GDMA_REGISTER_DEVICE ? "not registered" : "registered");
}

/** note_driver() - what the driver says of itself, without control characters */
static void note_driver(struct examiner *examiner, const struct gdma_verify_version_req *req)
{
	char *to = examiner->driver;

	snprintf(to, sizeof(examiner->driver), "%.48s %.64s", req->os_ver_str[0],
		 req->os_ver_str[1]);
	for (; *to; to++)
		if (*to < ' ' || *to > '~')
			*to = '?';
}

void exam_command(struct examiner *examiner, const struct watch_event *event)
{
	const struct gdma_req_header *request = event->data;
	const struct exam_format *format = format_find(request->req.msg_type);

	examiner->running = request->req.msg_type;
	judge_flight(examiner, request);
	note_command(examiner, request, event->len);
	exam_judge(examiner, RULE_HWC_HEADER,
		   request->req.hdr_type == GDMA_HEADER_TYPE_STANDARD &&
			   request->resp.hdr_type == GDMA_HEADER_TYPE_STANDARD &&
			   request->req.msg_type == request->resp.msg_type,
		   NULL, 0,
		   "header types %u and %u, command %#x and %#x for the answer"
		   "|types 0, and the same command",
		   request->req.hdr_type, request->resp.hdr_type, request->req.msg_type,
		   request->resp.msg_type);
	exam_judge(examiner, RULE_HWC_LENGTH, request->req.msg_size == event->len, NULL, 0,
		   "a header that says %u bytes in a message of %u|the same", request->req.msg_size,
		   event->len);
	judge_form(examiner, request, event->len);
	exam_judge(examiner, RULE_COMMAND_FIRST,
		   examiner->verified || event->type == GDMA_GENERATE_TEST_EQE ||
			   event->type == GDMA_VERIFY_VF_DRIVER_VERSION,
		   NULL, 0, "command %#x before GDMA_VERIFY_VF_DRIVER_VERSION|that one first",
		   event->type);
	judge_device(examiner, request);
	if (event->type == GDMA_QUERY_HWC_TIMEOUT)
		exam_judge(examiner, RULE_COMMAND_AGREED,
			   examiner->offered & GDMA_PF_CAP_1_QUERY_HWC_TIMEOUT, NULL, 0,
			   "GDMA_QUERY_HWC_TIMEOUT|only if the adapter offers it (bit 3)");
	/* Fields that are not there are 0, but the adapter does not run such a command. */
	if (!format || event->len < format->min)
		return;
	if (event->type == GDMA_VERIFY_VF_DRIVER_VERSION)
		note_driver(examiner, event->data);
	judge_reserved(examiner, request);
	exam_objects(examiner, request, event->len);
}
