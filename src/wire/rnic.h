/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire/rnic.h - the RDMA device: RNIC adapter commands, its work-queue and completion formats
 *
 * Theory of operation
 *
 * The RDMA device (GDMA_DEVICE_MANA_IB) creates one RNIC adapter for its driver, which owns
 * addresses, completion queues and queue pairs. A user of raw Ethernet queues needs only GDMA
 * commands (wire/gdma.h: protection domains, memory regions, doorbell pages), and the raw queues
 * themselves are work-queue objects of a vPort (wire/vport.h): libmana and net_mana, with raw
 * packet QPs, send none of the commands of this file. But mana_ib of Linux 6.12 sends
 * RNIC_QUERY_ADAPTER_CAP, RNIC_CREATE_ADAPTER and RNIC_CONFIG_MAC_ADDR when it is probed, and
 * registers no device if one of them fails.
 *
 * Every command here has MAC and IP addresses in reverse byte order.
 *
 * Messages begin with the headers of wire/hwc.h. Known from Linux drivers/
 * infiniband/hw/mana/mana_ib.h (6.12, 7.2; 6.1 has no mana_ib), the data path
 * from rdma-core providers/mana/gdma.h.
 */
#ifndef MANAKIN_WIRE_RNIC_H
#define MANAKIN_WIRE_RNIC_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/hwc.h"

/* Linux enum mana_ib_command_code. A response without a structure here is gdma_general_resp */
enum rnic_command {
	RNIC_QUERY_ADAPTER_CAP = 0x30001,
	RNIC_CREATE_ADAPTER = 0x30002,
	RNIC_DESTROY_ADAPTER = 0x30003,
	RNIC_CONFIG_IP_ADDR = 0x30004,
	RNIC_CONFIG_MAC_ADDR = 0x30005,
	RNIC_CREATE_UD_QP = 0x30006,  /* Linux 7.2 */
	RNIC_DESTROY_UD_QP = 0x30007, /* Linux 7.2 */
	RNIC_CREATE_CQ = 0x30008,
	RNIC_DESTROY_CQ = 0x30009,
	RNIC_CREATE_RC_QP = 0x3000a,
	RNIC_DESTROY_RC_QP = 0x3000b,
	RNIC_SET_QP_STATE = 0x3000d,
	RNIC_CREATE_UC_QP = 0x30020,          /* Linux 7.3 */
	RNIC_QUERY_VF_COUNTERS = 0x30022,     /* Linux 7.2 */
	RNIC_QUERY_DEVICE_COUNTERS = 0x30023, /* Linux 7.2 */
};

/* ---- RNIC_QUERY_ADAPTER_CAP: gdma_general_req ---- */

/* rnic_query_adapter_cap_resp.feature_flags. Linux 7.2 MANA_IB_FEATURE_* */
#define RNIC_FEATURE_CLIENT_ERROR_CQE (1ull << 4)
#define RNIC_FEATURE_DEV_COUNTERS     (1ull << 5)
#define RNIC_FEATURE_MULTI_PORT       (1ull << 6)

/**
 * struct rnic_query_adapter_cap_resp - what the adapter can do
 * @max_sq_id, @max_rq_id, @max_cq_id: largest queue numbers
 * @max_qp_count ... @max_pd_count: objects at most
 * @max_inbound_read_limit, @max_outbound_read_limit: RDMA reads in flight, a QP
 * @mw_count, @max_srq_count: memory windows, shared receive queues
 * @max_requester_sq_size ... @max_responder_rq_size: bytes of an RC QP's queues. mana_ib 6.12
 *		limits the entries of every raw queue by the smaller of @max_requester_sq_size
 *		/ 512 and @max_requester_rq_size / 256
 * @max_send_sge_count, @max_recv_sge_count: SGEs of an entry; for raw queues too
 * @max_inline_data_size: bytes
 * @feature_flags: from version 4 on (7.2): RNIC_FEATURE_*
 *
 * Linux mana_ib.h, struct mana_ib_query_adapter_caps_resp. 6.12 asks for version
 * 3 and 104 bytes, 7.2 for version 4 and 112.
 */
struct rnic_query_adapter_cap_resp {
	struct gdma_resp_header hdr;
	uint32_t max_sq_id;
	uint32_t max_rq_id;
	uint32_t max_cq_id;
	uint32_t max_qp_count;
	uint32_t max_cq_count;
	uint32_t max_mr_count;
	uint32_t max_pd_count;
	uint32_t max_inbound_read_limit;
	uint32_t max_outbound_read_limit;
	uint32_t mw_count;
	uint32_t max_srq_count;
	uint32_t max_requester_sq_size;
	uint32_t max_responder_sq_size;
	uint32_t max_requester_rq_size;
	uint32_t max_responder_rq_size;
	uint32_t max_send_sge_count;
	uint32_t max_recv_sge_count;
	uint32_t max_inline_data_size;
	uint64_t feature_flags;
};
static_assert(sizeof(struct rnic_query_adapter_cap_resp) == 112, "adapter capabilities");
static_assert(offsetof(struct rnic_query_adapter_cap_resp, feature_flags) == 104,
	      "adapter capabilities");

#define RNIC_QUERY_ADAPTER_CAP_RESP_V3_SIZE 104u

/* ---- RNIC_CREATE_ADAPTER, RNIC_DESTROY_ADAPTER ---- */

/* rnic_create_adapter_req.feature_flags. Linux 7.2 MANA_IB_FEATURE_CLIENT_ERROR_CQE_REQUEST */
#define RNIC_ADAPTER_CLIENT_ERROR_CQE       (1ull << 1)

/**
 * struct rnic_create_adapter_req - version 2
 * @notify_eq_id: EQ for GDMA_EQE_RNIC_QP_FATAL
 * @feature_flags: RNIC_ADAPTER_*
 *
 * Linux mana_ib.h, struct mana_rnic_create_adapter_req.
 */
struct rnic_create_adapter_req {
	struct gdma_req_header hdr;
	uint32_t notify_eq_id;
	uint32_t reserved;
	uint64_t feature_flags;
};
static_assert(sizeof(struct rnic_create_adapter_req) == 56, "create adapter");

struct rnic_create_adapter_resp {
	struct gdma_resp_header hdr;
	uint64_t adapter;
};
static_assert(sizeof(struct rnic_create_adapter_resp) == 40, "create adapter");

struct rnic_destroy_adapter_req {
	struct gdma_req_header hdr;
	uint64_t adapter;
};
static_assert(sizeof(struct rnic_destroy_adapter_req) == 48, "destroy adapter");

/* ---- RNIC_CONFIG_IP_ADDR, RNIC_CONFIG_MAC_ADDR ---- */

enum rnic_addr_op {
	RNIC_ADDR_ADD = 1,
	RNIC_ADDR_REMOVE = 2,
};

enum rnic_addr_type {
	RNIC_ADDR_IPV4 = 1,
	RNIC_ADDR_IPV6 = 2,
};

#define RNIC_IP_SIZE  16u
#define RNIC_MAC_SIZE 6u

/**
 * struct rnic_config_ip_addr_req
 * @adapter:	handle
 * @op:		enum rnic_addr_op
 * @addr_type:	enum rnic_addr_type
 * @ip_addr:	16 bytes reversed; IPv4 as ::ffff:a.b.c.d, so its bytes are first here
 *
 * Linux mana_ib.h, struct mana_rnic_config_addr_req.
 */
struct rnic_config_ip_addr_req {
	struct gdma_req_header hdr;
	uint64_t adapter;
	uint32_t op;
	uint32_t addr_type;
	uint8_t ip_addr[RNIC_IP_SIZE];
};
static_assert(sizeof(struct rnic_config_ip_addr_req) == 72, "config IP address");

/**
 * struct rnic_config_mac_addr_req
 * @adapter:	handle
 * @op:		enum rnic_addr_op
 * @mac_addr:	reversed
 *
 * Linux mana_ib.h, struct mana_rnic_config_mac_addr_req.
 */
struct rnic_config_mac_addr_req {
	struct gdma_req_header hdr;
	uint64_t adapter;
	uint32_t op;
	uint8_t mac_addr[RNIC_MAC_SIZE];
	uint8_t reserved[6];
};
static_assert(sizeof(struct rnic_config_mac_addr_req) == 64, "config MAC address");

/**
 * rnic_reverse() - bytes of an address in the other order
 * @dst:	@len bytes; not @src
 * @src:	@len bytes
 * @len:	RNIC_IP_SIZE or RNIC_MAC_SIZE
 */
static inline void rnic_reverse(uint8_t *dst, const uint8_t *src, size_t len)
{
	for (size_t i = 0; i < len; i++)
		dst[len - 1 - i] = src[i];
}

/* ---- RNIC_CREATE_CQ, RNIC_DESTROY_CQ ---- */

/**
 * struct rnic_create_cq_req
 * @adapter:	handle
 * @dma_region:	handle; the adapter owns the region from now on
 * @eq_id:	EQ of the CQ
 * @doorbell_page: index
 *
 * Linux mana_ib.h, struct mana_rnic_create_cq_req. The CQ's size is the region's.
 */
struct rnic_create_cq_req {
	struct gdma_req_header hdr;
	uint64_t adapter;
	uint64_t dma_region;
	uint32_t eq_id;
	uint32_t doorbell_page;
};
static_assert(sizeof(struct rnic_create_cq_req) == 64, "create CQ");

struct rnic_create_cq_resp {
	struct gdma_resp_header hdr;
	uint64_t cq_handle;
	uint32_t cq_id;
	uint32_t reserved;
};
static_assert(sizeof(struct rnic_create_cq_resp) == 48, "create CQ");

struct rnic_destroy_cq_req {
	struct gdma_req_header hdr;
	uint64_t adapter;
	uint64_t cq_handle;
};
static_assert(sizeof(struct rnic_destroy_cq_req) == 56, "destroy CQ");

/* ---- RNIC_CREATE_RC_QP, RNIC_DESTROY_RC_QP ---- */

/* Linux enum mana_rc_queue_type */
enum rnic_rc_queue {
	RNIC_RC_SQ_REQUESTER = 0,
	RNIC_RC_SQ_RESPONDER = 1,
	RNIC_RC_SQ_FMR = 2,
	RNIC_RC_RQ_REQUESTER = 3,
	RNIC_RC_RQ_RESPONDER = 4, /* its number is the QP's */
	RNIC_RC_QUEUE_COUNT = 5,
};

#define RNIC_RC_FLAG_NO_FMR (1ull << 1) /* no RNIC_RC_SQ_FMR; its region is 0 */

/**
 * struct rnic_create_rc_qp_req
 * @adapter, @pd_handle, @send_cq_handle, @recv_cq_handle: handles
 * @dma_region:	handles, by enum rnic_rc_queue; the adapter owns them from now on
 * @flags:	RNIC_RC_FLAG_*; a user's QP has RNIC_RC_FLAG_NO_FMR
 * @doorbell_page: index
 * @max_send_wr ... @max_recv_sge: as the user asked for
 *
 * Linux mana_ib.h, struct mana_rnic_create_qp_req.
 */
struct rnic_create_rc_qp_req {
	struct gdma_req_header hdr;
	uint64_t adapter;
	uint64_t pd_handle;
	uint64_t send_cq_handle;
	uint64_t recv_cq_handle;
	uint64_t dma_region[RNIC_RC_QUEUE_COUNT];
	uint64_t deprecated[2];
	uint64_t flags;
	uint32_t doorbell_page;
	uint32_t max_send_wr;
	uint32_t max_recv_wr;
	uint32_t max_send_sge;
	uint32_t max_recv_sge;
	uint32_t reserved;
};
static_assert(sizeof(struct rnic_create_rc_qp_req) == 160, "create RC QP");
static_assert(offsetof(struct rnic_create_rc_qp_req, flags) == 128, "create RC QP");

struct rnic_create_rc_qp_resp {
	struct gdma_resp_header hdr;
	uint64_t qp_handle;
	uint32_t queue_ids[RNIC_RC_QUEUE_COUNT];
	uint32_t reserved;
};
static_assert(sizeof(struct rnic_create_rc_qp_resp) == 64, "create RC QP");

/* ---- RNIC_CREATE_UC_QP. Linux 7.3 ---- */

/* Linux enum mana_uc_queue_type */
enum rnic_uc_queue {
	RNIC_UC_SQ_REQUESTER = 0,
	RNIC_UC_RQ_RESPONDER = 1, /* its number is the QP's */
	RNIC_UC_SQ_MMQ = 2,       /* to bind memory windows; no driver posts to it */
	RNIC_UC_QUEUE_COUNT = 3,
};

/**
 * struct rnic_create_uc_qp_req
 *
 * As rnic_create_rc_qp_req, with these three queues. Linux 7.3 mana_ib.h, struct
 * mana_rnic_create_uc_qp_req.
 */
struct rnic_create_uc_qp_req {
	struct gdma_req_header hdr;
	uint64_t adapter;
	uint64_t pd_handle;
	uint64_t send_cq_handle;
	uint64_t recv_cq_handle;
	uint64_t dma_region[RNIC_UC_QUEUE_COUNT];
	uint64_t flags;
	uint32_t doorbell_page;
	uint32_t max_send_wr;
	uint32_t max_recv_wr;
	uint32_t max_send_sge;
	uint32_t max_recv_sge;
	uint32_t reserved;
};
static_assert(sizeof(struct rnic_create_uc_qp_req) == 128, "create UC QP");
static_assert(offsetof(struct rnic_create_uc_qp_req, flags) == 96, "create UC QP");

struct rnic_create_uc_qp_resp {
	struct gdma_resp_header hdr;
	uint64_t qp_handle;
	uint32_t queue_ids[RNIC_UC_QUEUE_COUNT];
	uint32_t reserved;
};
static_assert(sizeof(struct rnic_create_uc_qp_resp) == 56, "create UC QP");

/** struct rnic_destroy_qp_req - RNIC_DESTROY_RC_QP, also for UC, and RNIC_DESTROY_UD_QP */
struct rnic_destroy_qp_req {
	struct gdma_req_header hdr;
	uint64_t adapter;
	uint64_t qp_handle;
};
static_assert(sizeof(struct rnic_destroy_qp_req) == 56, "destroy QP");

/* ---- RNIC_CREATE_UD_QP. Linux 7.2 ---- */

/* Linux enum mana_ud_queue_type */
enum rnic_ud_queue {
	RNIC_UD_SQ = 0,
	RNIC_UD_RQ = 1,
	RNIC_UD_QUEUE_COUNT = 2,
};

/**
 * struct rnic_create_ud_qp_req
 * @qp_type:	the verbs' number of the type; mana_ib creates only IB_QPT_GSI (1)
 *
 * The rest as in rnic_create_rc_qp_req. Linux 7.2 mana_ib.h, struct mana_rnic_create_udqp_req.
 */
struct rnic_create_ud_qp_req {
	struct gdma_req_header hdr;
	uint64_t adapter;
	uint64_t pd_handle;
	uint64_t send_cq_handle;
	uint64_t recv_cq_handle;
	uint64_t dma_region[RNIC_UD_QUEUE_COUNT];
	uint32_t qp_type;
	uint32_t doorbell_page;
	uint32_t max_send_wr;
	uint32_t max_recv_wr;
	uint32_t max_send_sge;
	uint32_t max_recv_sge;
};
static_assert(sizeof(struct rnic_create_ud_qp_req) == 112, "create UD QP");

struct rnic_create_ud_qp_resp {
	struct gdma_resp_header hdr;
	uint64_t qp_handle;
	uint32_t queue_ids[RNIC_UD_QUEUE_COUNT];
};
static_assert(sizeof(struct rnic_create_ud_qp_resp) == 48, "create UD QP");

/* ---- RNIC_SET_QP_STATE ---- */

/**
 * struct rnic_ah_attr - address of the other side
 * @src_addr, @dest_addr, @src_mac, @dest_mac: reversed
 * @src_addr_type, @dest_addr_type: enum rnic_addr_type
 * @traffic_class: DSCP
 * @src_port, @dest_port: UDP ports of RoCE v2
 * @flow_label:	Linux 7.2; reserved before
 *
 * Linux mana_ib.h, struct mana_ib_ah_attr.
 */
struct rnic_ah_attr {
	uint8_t src_addr[RNIC_IP_SIZE];
	uint8_t dest_addr[RNIC_IP_SIZE];
	uint8_t src_mac[RNIC_MAC_SIZE];
	uint8_t dest_mac[RNIC_MAC_SIZE];
	uint8_t src_addr_type;
	uint8_t dest_addr_type;
	uint8_t hop_limit;
	uint8_t traffic_class;
	uint16_t src_port;
	uint16_t dest_port;
	uint32_t flow_label;
};
static_assert(sizeof(struct rnic_ah_attr) == 56, "address handle");

/**
 * struct rnic_set_qp_state_req
 * @adapter, @qp_handle: handles
 * @attr_mask:	which of the other fields are valid: the verbs' IB_QP_* bits
 * @qp_state:	the verbs' number: RESET 0, INIT 1, RTR 2, RTS 3, SQD 4, SQE 5, ERR 6
 * @path_mtu:	the verbs' number: 1 is 256 bytes, 5 is 4096
 * @ah_attr:	with IB_QP_AV
 * @rate_limit:	Linux 7.2; reserved before
 * @qkey ...:	version 3 (Linux 7.2)
 *
 * Linux mana_ib.h, struct mana_rnic_set_qp_state_req: 6.12 version 1 with 160
 * bytes, 7.2 version 3 with 184.
 */
struct rnic_set_qp_state_req {
	struct gdma_req_header hdr;
	uint64_t adapter;
	uint64_t qp_handle;
	uint64_t attr_mask;
	uint32_t qp_state;
	uint32_t path_mtu;
	uint32_t rq_psn;
	uint32_t sq_psn;
	uint32_t dest_qpn;
	uint32_t max_dest_rd_atomic;
	uint32_t retry_cnt;
	uint32_t rnr_retry;
	uint32_t min_rnr_timer;
	uint32_t rate_limit;
	struct rnic_ah_attr ah_attr;
	uint64_t reserved1;
	uint32_t qkey;
	uint32_t qp_access_flags;
	uint8_t local_ack_timeout;
	uint8_t max_rd_atomic;
	uint16_t reserved2;
	uint32_t reserved3;
};
static_assert(sizeof(struct rnic_set_qp_state_req) == 184, "QP state");
static_assert(offsetof(struct rnic_set_qp_state_req, ah_attr) == 104, "QP state");
static_assert(offsetof(struct rnic_set_qp_state_req, reserved1) == 160, "QP state");

#define RNIC_SET_QP_STATE_REQ_V1_SIZE 160u

/* ---- RNIC_QUERY_VF_COUNTERS, RNIC_QUERY_DEVICE_COUNTERS. Linux 7.2 ---- */

/** struct rnic_query_counters_req - both commands */
struct rnic_query_counters_req {
	struct gdma_req_header hdr;
	uint64_t adapter;
};
static_assert(sizeof(struct rnic_query_counters_req) == 48, "counters");

/* rnic_query_vf_counters_resp.counters; those that Manakin does not count are not named */
enum rnic_vf_counter {
	RNIC_VF_REQUESTER_TIMEOUT = 0,
	RNIC_VF_REQUESTER_OOS_NAK = 1,
	RNIC_VF_REQUESTER_RNR_NAK = 2,
	RNIC_VF_RESPONDER_RNR_NAK = 3,
	RNIC_VF_RESPONDER_OOS = 4,
	RNIC_VF_RESPONDER_DUP_REQUEST = 5,
	RNIC_VF_REQUESTER_IMPLICIT_NAK = 6,
	RNIC_VF_REQUESTER_READRESP_PSN_MISMATCH = 7,
	RNIC_VF_NAK_INV_REQ = 8,
	RNIC_VF_NAK_ACCESS_ERROR = 9,
	RNIC_VF_NAK_OPP_ERROR = 10,
	RNIC_VF_NAK_INV_READ = 11,
	RNIC_VF_RESPONDER_LOCAL_LEN_ERROR = 12,
	RNIC_VF_REQUESTER_LOCAL_PROT_ERROR = 13,
	RNIC_VF_RESPONDER_REM_ACCESS_ERROR = 14,
	RNIC_VF_RESPONDER_LOCAL_QP_ERROR = 15,
	RNIC_VF_REQUESTER_RNR_RETRIES_EXCEEDED = 18,
	RNIC_VF_REQUESTER_RETRIES_EXCEEDED = 19,
	RNIC_VF_TOTAL_FATAL_ERROR = 20,
	RNIC_VF_DUP_RX_REQUEST = 26,
	RNIC_VF_TX_BYTES = 27,
	RNIC_VF_RX_BYTES = 28,
	RNIC_VF_RX_SEND_REQUESTS = 29,
	RNIC_VF_RX_WRITE_REQUESTS = 30,
	RNIC_VF_RX_READ_REQUESTS = 31,
	RNIC_VF_TX_PACKETS = 32,
	RNIC_VF_RX_PACKETS = 33,
};

#define RNIC_VF_COUNTERS     34u
#define RNIC_DEVICE_COUNTERS 8u

/**
 * struct rnic_query_vf_counters_resp - version 2
 * @counters:	in the order of Linux 7.2 mana_ib.h, struct mana_rnic_query_vf_cntrs_resp;
 *		the last five are sends, writes and reads received, packets sent and received
 */
struct rnic_query_vf_counters_resp {
	struct gdma_resp_header hdr;
	uint64_t counters[RNIC_VF_COUNTERS];
};
static_assert(sizeof(struct rnic_query_vf_counters_resp) == 304, "counters");

/**
 * struct rnic_query_device_counters_resp
 * @counters:	in the order of Linux 7.2 mana_ib.h, struct mana_rnic_query_device_cntrs_resp
 */
struct rnic_query_device_counters_resp {
	struct gdma_resp_header hdr;
	uint32_t counters[RNIC_DEVICE_COUNTERS];
};
static_assert(sizeof(struct rnic_query_device_counters_resp) == 64, "counters");

/* ---- Data path of RC and UD queue pairs. rdma-core providers/mana/gdma.h ---- */

/* rnic_send_oob.wqe_type. rdma-core enum wqe_opcode_types */
enum rnic_wqe_type {
	RNIC_WQE_UD_SEND = 0,
	RNIC_WQE_UD_SEND_IMM = 1,
	RNIC_WQE_RC_SEND = 2,
	RNIC_WQE_RC_SEND_IMM = 3,
	RNIC_WQE_RC_SEND_INV = 4,
	RNIC_WQE_WRITE = 5,
	RNIC_WQE_WRITE_IMM = 6,
	RNIC_WQE_READ = 7,
	RNIC_WQE_UD_RECV = 8,
	RNIC_WQE_RC_RECV = 9,
	RNIC_WQE_LOCAL_INV = 10,
	RNIC_WQE_REG_MR = 11,
};

/**
 * struct rnic_send_oob - inline OOB of a send, 24 bytes
 * @wqe_type:	enum rnic_wqe_type
 * @psn:	packet sequence number of the first packet
 * @ssn_or_rqpn: RC: number of the send; UD: the other side's QP
 * @send.immediate: or the key to invalidate
 * @rdma:	READ and WRITE; with an immediate the OOB is 32 bytes and the immediate is the
 *		first word after @rdma
 * @ud:		Linux 7.2 mana_ib.h
 */
struct rnic_send_oob {
	uint32_t wqe_type : 5;
	uint32_t fence : 1;
	uint32_t signaled : 1;
	uint32_t solicited : 1;
	uint32_t psn : 24;
	uint32_t ssn_or_rqpn : 24;
	uint32_t reserved : 8;
	union {
		uint32_t details[4];
		struct {
			uint32_t immediate;
		} send;
		struct {
			uint32_t address_high;
			uint32_t address_low;
			uint32_t rkey;
			uint32_t length;
		} rdma;
		struct {
			uint32_t remote_qkey;
			uint32_t immediate;
		} ud;
	};
};
static_assert(sizeof(struct rnic_send_oob) == 24, "RNIC send OOB");
static_assert(offsetof(struct rnic_send_oob, details) == 8, "RNIC send OOB");

/**
 * struct rnic_av - whom a datagram goes to: the first element of its entry
 * @dest_ip, @src_ip: reversed; of IPv4, the last four bytes, reversed
 * @dest_mac:	reversed
 * @is_ipv6:	else IPv4
 *
 * Linux 7.2 mana_ib.h, struct mana_ib_av; ah.c, mana_ib_create_ah().
 */
struct rnic_av {
	uint8_t dest_ip[RNIC_IP_SIZE];
	uint8_t dest_mac[RNIC_MAC_SIZE];
	uint16_t udp_src_port;
	uint8_t src_ip[RNIC_IP_SIZE];
	uint32_t hop_limit : 8;
	uint32_t reserved1 : 12;
	uint32_t dscp : 6;
	uint32_t reserved2 : 5;
	uint32_t is_ipv6 : 1;
	uint32_t reserved3;
};
static_assert(sizeof(struct rnic_av) == 48, "address vector");

#define RNIC_QPT_GSI 1u /* rnic_create_ud_qp_req.qp_type: the queue pair with number 1 */

/** struct rnic_recv_oob - inline OOB of the buffer for a READ's data, 8 bytes */
struct rnic_recv_oob {
	uint32_t psn_start : 24;
	uint32_t reserved1 : 8;
	uint32_t psn_range : 24;
	uint32_t reserved2 : 8;
};
static_assert(sizeof(struct rnic_recv_oob) == 8, "RNIC receive OOB");

/* rnic_cqe.type. rdma-core CQE_TYPE_* */
enum rnic_cqe_type {
	RNIC_CQE_NOP = 0,
	RNIC_CQE_UD_SEND = 1,
	RNIC_CQE_UD_SEND_IMM = 2,
	RNIC_CQE_RC_SEND = 3,
	RNIC_CQE_RC_SEND_IMM = 4,
	RNIC_CQE_RC_SEND_INV = 5,
	RNIC_CQE_RC_WRITE_IMM = 6,
	RNIC_CQE_ARMED_CMPL = 7,
	RNIC_CQE_LWR = 8,
	RNIC_CQE_ERROR = 34,
};

/* rnic_cqe.error.vendor_error, those that Manakin reports. rdma-core enum mana_error_code */
enum rnic_vendor_error {
	RNIC_ERR_RX_MSG_LEN_OVFL = 0x102,          /* a receive entry is too short */
	RNIC_ERR_RX_MALFORMED_WQE = 0x109,         /* a receive entry makes no sense */
	RNIC_ERR_RX_READRESP_LEN_MISMATCH = 0x10f, /* a READ's response does not fit the request */
	RNIC_ERR_RX_INVALID_REQ_NAK = 0x161,
	RNIC_ERR_RX_REMOTE_ACCESS_NAK = 0x162,
	RNIC_ERR_RX_REMOTE_OP_ERR_NAK = 0x163,
	RNIC_ERR_RX_RNR_NAK = 0x164,
	RNIC_ERR_RX_SGE_ADDR_RANGE = 0x1c3, /* memory of a receive entry */
	RNIC_ERR_TX_RETRY_LIMIT_EXCEEDED = 0x1c6,
	RNIC_ERR_RX_NOT_EMPTY_ON_DISABLE = 0x1c7, /* flushed */
	RNIC_ERR_TX = 0x200,                      /* from here on: of a send queue */
	RNIC_ERR_TX_GDMA_CORRUPTED_WQE = 0x201,
	RNIC_ERR_TX_MSG_ACCESS_VIOLATION = 0x206, /* memory of a send entry */
	RNIC_ERR_TX_MALFORMED_WQE_FIELD = 0x211,
	RNIC_ERR_TX_INVALID_SGID = 0x214,
	RNIC_ERR_TX_WQE_UNSUPPORTED = 0x215,
	RNIC_ERR_TX_WQE_LEN_ERR = 0x216,
};

/**
 * union rnic_cqe - completion data, 60 bytes
 * @type:	enum rnic_cqe_type, selects the member below
 * @recv.rx_wqe_offset: bytes posted before the entry; libmana uses it to find its request
 * @ud_send.tx_wqe_offset: basic units posted before the entry
 *
 * rdma-core gdma.h, union mana_rdma_cqe; Linux 7.2 mana_ib.h, struct mana_rdma_cqe.
 */
union rnic_cqe {
	uint8_t type;
	uint32_t words[15];
	struct {
		uint32_t type : 8;
		uint32_t reserved1 : 24;
		uint32_t msg_len;
		uint32_t psn : 24; /* UD: the sender's QP */
		uint32_t reserved2 : 8;
		uint32_t imm_data;
		uint32_t rx_wqe_offset;
	} recv;
	struct {
		uint32_t type : 8;
		uint32_t vendor_error : 9;
		uint32_t reserved : 15;
		uint32_t sge_offset : 5;
		uint32_t tx_wqe_offset : 27;
	} ud_send;
	struct {
		uint32_t type : 8;
		uint32_t vendor_error : 10;
		uint32_t reserved1 : 14;
		uint32_t msn : 24;
		uint32_t syndrome : 8;
		uint32_t psn : 24;
		uint32_t opcode : 8;
		uint32_t rsp_msn : 24;
		uint32_t reserved2 : 8;
		uint32_t rsp_psn : 24;
		uint32_t reserved3 : 8;
	} error;
	struct {
		uint32_t type : 8;
		uint32_t reserved1 : 24;
		uint32_t msn : 24;
		uint32_t syndrome : 8;
		uint32_t psn : 24;
		uint32_t reserved2 : 8;
	} armed;
};
static_assert(sizeof(union rnic_cqe) == 60, "RNIC completion");

#endif /* MANAKIN_WIRE_RNIC_H */
