/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire/hwc.h - the hardware channel (HWC), and the headers of the commands it carries
 *
 * Theory of operation
 *
 * The HWC is a send queue, a receive queue, a completion queue and an event queue that are set up
 * through the shared-memory channel (wire/reg.h). The adapter first describes them to the driver in
 * initialization events. From then on the driver sends each command as one work-queue entry and
 * finds the response in a receive buffer that it posted before:
 *
 *	request:	gdma_req_header, then the command's own fields
 *	response:	gdma_resp_header, then the command's own fields
 *
 * A request states which response it expects: message type, version and maximum length in bytes.
 * The response repeats the message id, with which the driver finds the request. A response of an
 * older version is shorter, never laid out differently.
 *
 * Commands about the function as a whole are in wire/gdma.h, those that belong to a vPort in
 * wire/vport.h, those of the RNIC in wire/rnic.h; all use the headers of this file.
 *
 * Every multi-byte field is little-endian, as on the only machines the drivers run on. A "handle"
 * is a 64-bit name that the adapter assigns, never 0 and never all ones; an "id" is a small number.
 *
 * Known from Linux (include/net/mana/gdma.h, include/net/mana/hw_channel.h,
 * drivers/net/ethernet/microsoft/mana/{gdma_main,hw_channel}.c, versions 6.1,
 * 6.12 and 7.2) unless a comment names another source.
 */
#ifndef MANAKIN_WIRE_HWC_H
#define MANAKIN_WIRE_HWC_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- The channel itself ---- */

/* Size of a driver's buffers before the adapter has reported the maximum message size, in bytes */
#define HWC_BOOT_MESSAGE_SIZE  4096u
/* Messages in flight that a driver sizes its HWC queues for; Linux never requests more */
#define HWC_BOOT_QUEUE_DEPTH   1u
/* How long Linux waits: for an answer, unless GDMA_QUERY_HWC_TIMEOUT changes it, in ms */
#define HWC_DEFAULT_TIMEOUT_MS 30000u
/* How long Linux waits for GDMA_EQE_HWC_INIT_DONE, in ms */
#define HWC_INIT_TIMEOUT_MS    60000u

/**
 * union hwc_init_eq_id_db - first word of a GDMA_EQE_HWC_INIT_EQ_ID_DB event
 * @eq_id:	number of the HWC's event queue
 * @doorbell:	index of the doorbell page of the HWC's queues
 */
union hwc_init_eq_id_db {
	uint32_t word;
	struct {
		uint32_t eq_id : 16;
		uint32_t doorbell : 16;
	};
};
static_assert(sizeof(union hwc_init_eq_id_db) == 4, "HWC event data");

/**
 * union hwc_event_data - first word of GDMA_EQE_HWC_INIT_DATA and GDMA_EQE_HWC_RECONFIG_DATA
 * @value:	depends on @type
 * @type:	enum hwc_init_data or enum hwc_reconfig_data
 */
union hwc_event_data {
	uint32_t word;
	struct {
		uint32_t value : 24;
		uint32_t type : 8;
	};
};
static_assert(sizeof(union hwc_event_data) == 4, "HWC event data");

/* What a GDMA_EQE_HWC_INIT_DATA event carries. Linux hw_channel.h HWC_INIT_DATA_* */
enum hwc_init_data {
	HWC_INIT_CQ_ID = 1,
	HWC_INIT_RQ_ID = 2,
	HWC_INIT_SQ_ID = 3,
	HWC_INIT_QUEUE_DEPTH = 4,  /* messages in flight at most */
	HWC_INIT_MAX_REQUEST = 5,  /* bytes */
	HWC_INIT_MAX_RESPONSE = 6, /* bytes */
	HWC_INIT_MAX_CQS = 7,      /* completion queues of the whole function; ids are below it */
	HWC_INIT_PD_ID = 8,
	HWC_INIT_GPA_MKEY = 9,       /* memory key for guest-physical addresses, HWC buffers only */
	HWC_INIT_PF_DEST_RQ_ID = 10, /* PF only: goes into hwc_tx_oob.vrq_id */
	HWC_INIT_PF_DEST_CQ_ID = 11, /* PF only: goes into hwc_tx_oob.vrcq_id */
};

/* What a GDMA_EQE_HWC_RECONFIG_DATA event carries. Linux hw_channel.h HWC_DATA_*; openvmm */
enum hwc_reconfig_data {
	HWC_RECONFIG_TIMEOUT = 1,         /* value: new HWC timeout in ms */
	HWC_RECONFIG_LINK_CONNECT = 2,    /* Linux 7.2, openvmm; only to a link-aware driver */
	HWC_RECONFIG_LINK_DISCONNECT = 3, /* the same */
};

/**
 * union hwc_soc_service - first word of a GDMA_EQE_HWC_SOC_SERVICE event
 * @value:	not used by a driver
 * @type:	enum hwc_soc_service_type
 *
 * Linux 7.2 hw_channel.h, union hwc_init_soc_service_type.
 */
union hwc_soc_service {
	uint32_t word;
	struct {
		uint32_t value : 28;
		uint32_t type : 4;
	};
};
static_assert(sizeof(union hwc_soc_service) == 4, "HWC event data");

enum hwc_soc_service_type {
	HWC_SOC_RDMA_SUSPEND = 1,
	HWC_SOC_RDMA_RESUME = 2,
};

/**
 * union hwc_vf_reset - first word of a GDMA_EQE_HWC_RESET_REQUEST event
 * @revoke_vtl0_vf: openvmm only; Linux does not read the word
 */
union hwc_vf_reset {
	uint32_t word;
	struct {
		uint32_t revoke_vtl0_vf : 1;
		uint32_t reserved : 31;
	};
};
static_assert(sizeof(union hwc_vf_reset) == 4, "HWC event data");

/**
 * struct hwc_tx_oob - inline out-of-band data of an HWC send, 24 bytes
 * @vrq_id:	receive queue for the message; 0 from a VF
 * @dest_vfid:	function that owns it; 0
 * @vrcq_id:	completion queue of that receive queue; 0 from a VF
 * @vscq_id:	the sender's completion queue
 * @loopback, @lso_override: not used
 * @dest_pf:	not used by Linux; openvmm names it as well
 * @vsq_id:	the sender's send queue
 *
 * Linux hw_channel.h, struct hwc_tx_oob.
 */
struct hwc_tx_oob {
	uint32_t reserved1;
	uint32_t reserved2;
	uint32_t vrq_id : 24;
	uint32_t dest_vfid : 8;
	uint32_t vrcq_id : 24;
	uint32_t reserved3 : 8;
	uint32_t vscq_id : 24;
	uint32_t loopback : 1;
	uint32_t lso_override : 1;
	uint32_t dest_pf : 1;
	uint32_t reserved4 : 5;
	uint32_t vsq_id : 24;
	uint32_t reserved5 : 8;
};
static_assert(sizeof(struct hwc_tx_oob) == 24, "HWC send OOB");

/**
 * struct hwc_rx_oob - completion data of the HWC, in both directions
 * @type:	no driver reads it
 * @eom, @som:	last and first part of a message
 * @vendor_err:	no driver reads it
 * @src_virt_wq, @src_vfid: where the message came from; no driver reads them
 * @wqe_offset:	where the entry that received the message starts: bytes posted before it, or the
 *		same modulo the queue's size; Linux accepts both
 * @wqe_addr_high: with @wqe_offset an address, in a form that no driver uses
 * @client_data_unit: of the sender's entry
 * @tx_oob_data_size: bytes of the message
 * @chunk_offset: of this part in the message; no driver reads it
 *
 * Linux hw_channel.h, struct hwc_rx_oob. The driver reads @wqe_offset and
 * @tx_oob_data_size, and finds the buffer through the entry's SGE.
 */
struct hwc_rx_oob {
	uint32_t type : 6;
	uint32_t eom : 1;
	uint32_t som : 1;
	uint32_t vendor_err : 8;
	uint32_t reserved1 : 16;
	uint32_t src_virt_wq : 24;
	uint32_t src_vfid : 8;
	uint32_t reserved2;
	uint32_t wqe_offset;
	uint32_t wqe_addr_high;
	uint32_t client_data_unit : 14;
	uint32_t reserved3 : 18;
	uint32_t tx_oob_data_size;
	uint32_t chunk_offset : 21;
	uint32_t reserved4 : 11;
};
static_assert(sizeof(struct hwc_rx_oob) == 32, "HWC completion OOB");
static_assert(offsetof(struct hwc_rx_oob, wqe_offset) == 12, "HWC completion OOB");
static_assert(offsetof(struct hwc_rx_oob, tx_oob_data_size) == 24, "HWC completion OOB");

/* ---- Message headers ---- */

#define GDMA_HEADER_TYPE_STANDARD 0u

enum gdma_message_version {
	GDMA_MESSAGE_V1 = 1,
	GDMA_MESSAGE_V2 = 2,
	GDMA_MESSAGE_V3 = 3,
	GDMA_MESSAGE_V4 = 4,
	GDMA_MESSAGE_V5 = 5,
};

/**
 * struct gdma_msg_header - description of one message
 * @hdr_type:	GDMA_HEADER_TYPE_STANDARD
 * @msg_type:	enum gdma_command, mana_command or rnic_command
 * @msg_version: enum gdma_message_version
 * @hwc_msg_id:	matches a response to its request; below the queue depth
 * @msg_size:	bytes, headers included
 *
 * Linux gdma.h, struct gdma_msg_hdr.
 */
struct gdma_msg_header {
	uint32_t hdr_type;
	uint32_t msg_type;
	uint16_t msg_version;
	uint16_t hwc_msg_id;
	uint32_t msg_size;
};
static_assert(sizeof(struct gdma_msg_header) == 16, "message header");

/* Kinds of device behind one function. Linux gdma.h GDMA_DEVICE_* */
enum gdma_device_type {
	GDMA_DEVICE_NONE = 0, /* with instance 0: a hole in the list of devices */
	GDMA_DEVICE_HWC = 1,
	GDMA_DEVICE_MANA = 2,    /* Ethernet, wire/vport.h */
	GDMA_DEVICE_MANA_IB = 3, /* RNIC, wire/rnic.h */
};

/**
 * struct gdma_dev_id - a device of the function
 * @type:	enum gdma_device_type
 * @instance:	0 for the HWC; the adapter's choice for the others
 *
 * Linux gdma.h, struct gdma_dev_id.
 */
struct gdma_dev_id {
	uint16_t type;
	uint16_t instance;
};
static_assert(sizeof(struct gdma_dev_id) == 4, "device id");

/**
 * struct gdma_req_header - start of every request
 * @req:	of this message
 * @resp:	of the expected response; @resp.msg_size is its maximum length,
 *		@resp.hwc_msg_id is not set by Linux
 * @dev_id:	device the command is for
 * @activity_id: the driver's own mark, repeated in the response
 *
 * Linux gdma.h, struct gdma_req_hdr.
 */
struct gdma_req_header {
	struct gdma_msg_header req;
	struct gdma_msg_header resp;
	struct gdma_dev_id dev_id;
	uint32_t activity_id;
};
static_assert(sizeof(struct gdma_req_header) == 40, "request header");
static_assert(offsetof(struct gdma_req_header, dev_id) == 32, "request header");

/**
 * struct gdma_resp_header - start of every response
 * @response:	of this message
 * @dev_id, @activity_id: repeated from the request
 * @status:	enum gdma_status
 *
 * Linux gdma.h, struct gdma_resp_hdr. For every command Linux finds the waiting
 * request by @response.hwc_msg_id; for vPort commands it also requires its own
 * msg_type, dev_id and activity_id in the response, a version of at least 1, and
 * a msg_size not below the size of its structure. A message longer than the
 * request announced is dropped with EPROTO. So always answer with the number of
 * bytes announced.
 */
struct gdma_resp_header {
	struct gdma_msg_header response;
	struct gdma_dev_id dev_id;
	uint32_t activity_id;
	uint32_t status;
	uint32_t reserved;
};
static_assert(sizeof(struct gdma_resp_header) == 32, "response header");
static_assert(offsetof(struct gdma_resp_header, status) == 24, "response header");

/*
 * Results. To a driver anything but 0 and GDMA_STATUS_MORE_ENTRIES is a failure; the only other
 * value that a driver distinguishes is GDMA_STATUS_CMD_UNSUPPORTED (Linux 7.2), which becomes
 * EOPNOTSUPP. Older drivers report it like the others.
 */
enum gdma_status {
	GDMA_STATUS_SUCCESS = 0,
	GDMA_STATUS_MORE_ENTRIES = 0x105, /* a page list continues in GDMA_DMA_REGION_ADD_PAGES */
	GDMA_STATUS_CMD_UNSUPPORTED = 0xffffffff,
};

enum gdma_command {
	GDMA_VERIFY_VF_DRIVER_VERSION = 1,
	GDMA_QUERY_MAX_RESOURCES = 2,
	GDMA_LIST_DEVICES = 3,
	GDMA_REGISTER_DEVICE = 4,
	GDMA_DEREGISTER_DEVICE = 5,
	GDMA_GENERATE_TEST_EQE = 10,
	GDMA_GENERATE_RESET_REQUEST_EQE = 11, /* openvmm only */
	GDMA_CREATE_QUEUE = 12,
	GDMA_DISABLE_QUEUE = 13,
	GDMA_ALLOCATE_RESOURCE_RANGE = 22,
	GDMA_DESTROY_RESOURCE_RANGE = 24,
	GDMA_CREATE_DMA_REGION = 25,
	GDMA_DMA_REGION_ADD_PAGES = 26,
	GDMA_DESTROY_DMA_REGION = 27,
	GDMA_CREATE_PD = 29,
	GDMA_DESTROY_PD = 30,
	GDMA_CREATE_MR = 31,
	GDMA_DESTROY_MR = 32,
	GDMA_CHANGE_MSIX_FOR_EQ = 81, /* openvmm only */
	GDMA_QUERY_HWC_TIMEOUT = 84,
	GDMA_ALLOC_DM = 96,   /* Linux 7.2 */
	GDMA_DESTROY_DM = 97, /* Linux 7.2 */
};

/**
 * struct gdma_general_req - request without fields of its own
 *
 * GDMA_QUERY_MAX_RESOURCES, GDMA_LIST_DEVICES, GDMA_REGISTER_DEVICE,
 * GDMA_DEREGISTER_DEVICE. The last two are about hdr.dev_id.
 */
struct gdma_general_req {
	struct gdma_req_header hdr;
};
static_assert(sizeof(struct gdma_general_req) == 40, "request without fields");

/**
 * struct gdma_general_resp - response without fields of its own
 *
 * GDMA_DEREGISTER_DEVICE, GDMA_GENERATE_TEST_EQE, GDMA_DISABLE_QUEUE,
 * GDMA_DESTROY_RESOURCE_RANGE, GDMA_DMA_REGION_ADD_PAGES,
 * GDMA_DESTROY_DMA_REGION, GDMA_DESTROY_PD, GDMA_DESTROY_MR, GDMA_DESTROY_DM,
 * and many of the vPort's and the RNIC's.
 */
struct gdma_general_resp {
	struct gdma_resp_header hdr;
};
static_assert(sizeof(struct gdma_general_resp) == 32, "response without fields");

#endif /* MANAKIN_WIRE_HWC_H */
