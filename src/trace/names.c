/* SPDX-License-Identifier: BSD-3-Clause */
#include "trace/names.h"

#include <stddef.h>

#include "trace/format.h"
#include "wire/gdma.h"
#include "wire/native.h"
#include "wire/rnic.h"
#include "wire/vport.h"
#include "wire/wq.h"

struct name {
	uint32_t number;
	const char *text;
};

#define GDMA(command)                                                                              \
	{                                                                                          \
		GDMA_##command, #command                                                           \
	}
#define MANA(command)                                                                              \
	{                                                                                          \
		MANA_##command, #command                                                           \
	}
#define RNIC(command)                                                                              \
	{                                                                                          \
		RNIC_##command, "RNIC_" #command                                                   \
	}

static const struct name commands[] = {
	GDMA(VERIFY_VF_DRIVER_VERSION),
	GDMA(QUERY_MAX_RESOURCES),
	GDMA(LIST_DEVICES),
	GDMA(REGISTER_DEVICE),
	GDMA(DEREGISTER_DEVICE),
	GDMA(GENERATE_TEST_EQE),
	GDMA(GENERATE_RESET_REQUEST_EQE),
	GDMA(CREATE_QUEUE),
	GDMA(DISABLE_QUEUE),
	GDMA(ALLOCATE_RESOURCE_RANGE),
	GDMA(DESTROY_RESOURCE_RANGE),
	GDMA(CREATE_DMA_REGION),
	GDMA(DMA_REGION_ADD_PAGES),
	GDMA(DESTROY_DMA_REGION),
	GDMA(CREATE_PD),
	GDMA(DESTROY_PD),
	GDMA(CREATE_MR),
	GDMA(DESTROY_MR),
	GDMA(CHANGE_MSIX_FOR_EQ),
	GDMA(QUERY_HWC_TIMEOUT),
	GDMA(ALLOC_DM),
	GDMA(DESTROY_DM),
	MANA(QUERY_DEV_CONFIG),
	MANA(QUERY_GF_STAT),
	MANA(CONFIG_VPORT_TX),
	MANA(CREATE_WQ_OBJ),
	MANA(DESTROY_WQ_OBJ),
	MANA(FENCE_RQ),
	MANA(CONFIG_VPORT_RX),
	MANA(QUERY_VPORT_CONFIG),
	MANA(QUERY_LINK_CONFIG),
	MANA(SET_BW_CLAMP),
	MANA(QUERY_PHY_STAT),
	MANA(VTL2_ASSIGN_SERIAL_NUMBER),
	MANA(VTL2_MOVE_FILTER),
	MANA(VTL2_QUERY_FILTER_STATE),
	MANA(REGISTER_FILTER),
	MANA(DEREGISTER_FILTER),
	MANA(REGISTER_HW_PORT),
	MANA(DEREGISTER_HW_PORT),
	RNIC(QUERY_ADAPTER_CAP),
	RNIC(CREATE_ADAPTER),
	RNIC(DESTROY_ADAPTER),
	RNIC(CONFIG_IP_ADDR),
	RNIC(CONFIG_MAC_ADDR),
	RNIC(CREATE_UD_QP),
	RNIC(DESTROY_UD_QP),
	RNIC(CREATE_CQ),
	RNIC(DESTROY_CQ),
	RNIC(CREATE_RC_QP),
	RNIC(DESTROY_RC_QP),
	RNIC(SET_QP_STATE),
	RNIC(CREATE_UC_QP),
	RNIC(QUERY_VF_COUNTERS),
	RNIC(QUERY_DEVICE_COUNTERS),
	{ NATIVE_BIND_DOORBELL, "NATIVE_BIND_DOORBELL" },
	{ 0, NULL },
};

static const struct name events[] = {
	{ GDMA_EQE_COMPLETION, "COMPLETION" },
	{ GDMA_EQE_TEST_EVENT, "TEST_EVENT" },
	{ GDMA_EQE_HWC_INIT_EQ_ID_DB, "HWC_INIT_EQ_ID_DB" },
	{ GDMA_EQE_HWC_INIT_DATA, "HWC_INIT_DATA" },
	{ GDMA_EQE_HWC_INIT_DONE, "HWC_INIT_DONE" },
	{ GDMA_EQE_HWC_FPGA_RECONFIG, "HWC_FPGA_RECONFIG" },
	{ GDMA_EQE_HWC_RECONFIG_DATA, "HWC_RECONFIG_DATA" },
	{ GDMA_EQE_HWC_SOC_SERVICE, "HWC_SOC_SERVICE" },
	{ GDMA_EQE_HWC_RESET_REQUEST, "HWC_RESET_REQUEST" },
	{ GDMA_EQE_RNIC_QP_FATAL, "RNIC_QP_FATAL" },
	{ 0, NULL },
};

#define CQE(type)                                                                                  \
	{                                                                                          \
		MANA_CQE_##type, #type                                                             \
	}
#define RCQE(type)                                                                                 \
	{                                                                                          \
		RNIC_CQE_##type, #type                                                             \
	}

static const struct name ethernet_completions[] = {
	CQE(INVALID),
	CQE(RX_OKAY),
	CQE(RX_COALESCED_4),
	CQE(RX_OBJECT_FENCE),
	CQE(RX_TRUNCATED),
	CQE(TX_OKAY),
	CQE(TX_SA_DROP),
	CQE(TX_MTU_DROP),
	CQE(TX_INVALID_OOB),
	CQE(TX_INVALID_ETH_TYPE),
	CQE(TX_HDR_PROCESSING_ERROR),
	CQE(TX_VF_DISABLED),
	CQE(TX_VPORT_IDX_OUT_OF_RANGE),
	CQE(TX_VPORT_DISABLED),
	CQE(TX_VLAN_TAGGING_VIOLATION),
	CQE(TX_GDMA_ERR),
	{ 0, NULL },
};

static const struct name rdma_completions[] = {
	RCQE(UD_SEND),      RCQE(UD_SEND_IMM), RCQE(RC_SEND), RCQE(RC_SEND_IMM), RCQE(RC_SEND_INV),
	RCQE(RC_WRITE_IMM), RCQE(ARMED_CMPL),  RCQE(LWR),     RCQE(ERROR),       { 0, NULL },
};

static const char *find(const struct name *name, uint32_t number)
{
	while (name->text && name->number != number)
		name++;
	return name->text;
}

const char *trace_kind_name(uint8_t kind)
{
	static const char *const names[TRACE_KINDS] = {
		[TRACE_CLIENT] = "client",
		[TRACE_MEMORY] = "memory",
		[TRACE_SMC] = "smc",
		[TRACE_COMMAND] = "command",
		[TRACE_ANSWER] = "answer",
		[TRACE_QUEUE] = "queue",
		[TRACE_DOORBELL] = "doorbell",
		[TRACE_ENTRY] = "entry",
		[TRACE_COMPLETION] = "completion",
		[TRACE_EVENT] = "event",
		[TRACE_INTERRUPT] = "interrupt",
		[TRACE_FAULT] = "fault",
		[TRACE_LOST] = "lost",
		[TRACE_START] = "start",
	};

	return kind < TRACE_KINDS ? names[kind] : NULL;
}

const char *trace_command_name(uint32_t code)
{
	return find(commands, code);
}

const char *trace_queue_name(uint32_t type)
{
	static const char *const names[] = {
		[GDMA_SQ] = "sq", [GDMA_RQ] = "rq", [GDMA_CQ] = "cq", [GDMA_EQ] = "eq"
	};

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;
}

const char *trace_event_name(uint32_t type)
{
	return find(events, type);
}

const char *trace_completion_name(uint8_t first, bool *error)
{
	uint32_t type = first & MANA_CQE_TYPE_MASK;

	switch (first >> 6) {
	case MANA_CLIENT_COMPLETION:
		*error = type != MANA_CQE_RX_OKAY && type != MANA_CQE_RX_COALESCED_4 &&
			 type != MANA_CQE_RX_OBJECT_FENCE && type != MANA_CQE_TX_OKAY;
		return find(ethernet_completions, type);
	case 0:
		/* The hardware channel's for what was sent has nothing in it. */
		*error = type == RNIC_CQE_ERROR;
		return type ? find(rdma_completions, type) : "SENT";
	default:
		*error = false;
		return "MESSAGE"; /* of the hardware channel: struct hwc_rx_oob, som and eom */
	}
}

uint32_t trace_doorbell_queue(uint32_t offset, uint64_t value, uint32_t *number)
{
	const union gdma_doorbell bell = { .word = value };
	const union gdma_doorbell_short brief = { .word = (uint32_t)value };

	switch (offset) {
	case GDMA_DB_SQ:
		*number = bell.sq.id;
		return GDMA_SQ;
	case GDMA_DB_RQ:
	case GDMA_DB_RQ_CLIENT:
		*number = bell.rq.id;
		return GDMA_RQ;
	case GDMA_DB_CQ:
	case GDMA_DB_CQ_MODERATION:
		*number = bell.cq.id;
		return GDMA_CQ;
	case GDMA_DB_EQ:
		*number = bell.eq.id;
		return GDMA_EQ;
	case GDMA_DB_SQ_SHORT:
		*number = brief.sq.id;
		return GDMA_SQ;
	case GDMA_DB_RQ_SHORT:
		*number = brief.rq.id;
		return GDMA_RQ;
	case GDMA_DB_CQ_SHORT:
		*number = brief.cq.id;
		return GDMA_CQ;
	case GDMA_DB_EQ_SHORT:
		*number = brief.eq.id;
		return GDMA_EQ;
	default:
		*number = 0;
		return 0;
	}
}
