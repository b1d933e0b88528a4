/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire/vport.h - the Ethernet device: vPort commands, transmit and receive OOBs. Its statistics are
 * in wire/statistics.h.
 *
 * Theory of operation
 *
 * The Ethernet device (GDMA_DEVICE_MANA) has vPorts: network interfaces with a
 * MAC address, send and receive queues and a receive steering of their own.
 * Commands identify a vPort by the handle that MANA_QUERY_VPORT_CONFIG returns.
 *
 * A send queue's entries carry a transmit OOB: the short one (8 bytes) or the
 * short one followed by the long one (24 bytes). The adapter writes one
 * completion per entry, or none if the OOB asks for none and the entry
 * succeeds; the driver then takes a later completion to cover all entries
 * before it. A receive queue's entries carry only buffers, one packet each; one
 * completion reports one packet, or up to four or eight in a row if the steering
 * command allows it.
 *
 * Messages begin with the headers of wire/hwc.h. Linux (mana_en.c) refuses an
 * answer whose msg_size is less than its own idea of the response structure,
 * and (hw_channel.c) one that is longer than what the request announced: answer
 * with exactly the number of bytes the request announced.
 *
 * Known from Linux include/net/mana/mana.h and drivers/net/ethernet/microsoft/
 * mana/mana_en.c (6.1, 6.12, 7.2) unless a comment names another source.
 */
#ifndef MANAKIN_WIRE_VPORT_H
#define MANAKIN_WIRE_VPORT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/hwc.h"
#include "wire/statistics.h"

#define MANA_VPORTS_MAX       256u /* Linux MAX_PORTS_IN_MANA_DEV */
#define MANA_VPORT_QUEUES_MAX 64u  /* Linux MANA_MAX_NUM_QUEUES */
#define MANA_INVALID_HANDLE   UINT64_MAX
#define MANA_MAC_SIZE         6u
#define MANA_HASH_KEY_SIZE    40u  /* bytes of the Toeplitz key */
#define MANA_INDIRECTION_DEF  64u  /* entries; default of a driver that gets no usable number */
#define MANA_INDIRECTION_MAX  512u /* entries; a power of two. Linux */

/* 32 bits: yes, no, unchanged. Linux enum TRI_STATE, openvmm Tristate */
enum mana_tristate {
	MANA_FALSE = 0,
	MANA_TRUE = 1,
	MANA_UNCHANGED = 0xffffffff,
};

enum mana_command {
	MANA_QUERY_DEV_CONFIG = 0x20001,
	MANA_QUERY_GF_STAT = 0x20002,
	MANA_CONFIG_VPORT_TX = 0x20003,
	MANA_CREATE_WQ_OBJ = 0x20004,
	MANA_DESTROY_WQ_OBJ = 0x20005,
	MANA_FENCE_RQ = 0x20006,
	MANA_CONFIG_VPORT_RX = 0x20007,
	MANA_QUERY_VPORT_CONFIG = 0x20008,
	MANA_QUERY_LINK_CONFIG = 0x2000a, /* Linux 7.2 */
	MANA_SET_BW_CLAMP = 0x2000b,      /* Linux 7.2 */
	MANA_QUERY_PHY_STAT = 0x2000c,    /* Linux 7.2 */

	/* openvmm only: VTL2 is a paravisor that can pass the vPort to its guest */
	MANA_VTL2_ASSIGN_SERIAL_NUMBER = 0x27801,
	MANA_VTL2_MOVE_FILTER = 0x27802,
	MANA_VTL2_QUERY_FILTER_STATE = 0x27803,

	/* from a PF's driver */
	MANA_REGISTER_FILTER = 0x28000,
	MANA_DEREGISTER_FILTER = 0x28001,
	MANA_REGISTER_HW_PORT = 0x28003,
	MANA_DEREGISTER_HW_PORT = 0x28004,
};

/* ---- MANA_QUERY_DEV_CONFIG ---- */

/**
 * struct mana_query_device_config_req
 * @driver_cap_flags1 ...: 0 so far
 * @proto_major_ver ...: Linux 0.1.1, openvmm 1.0.0
 *
 * Linux mana.h, struct mana_query_device_cfg_req. The response's version is asked
 * for in hdr.resp.msg_version: Linux 6.1 and 6.12: 2, 7.2: 3, openvmm: 4.
 */
struct mana_query_device_config_req {
	struct gdma_req_header hdr;
	uint64_t driver_cap_flags1;
	uint64_t driver_cap_flags2;
	uint64_t driver_cap_flags3;
	uint64_t driver_cap_flags4;
	uint32_t proto_major_ver;
	uint32_t proto_minor_ver;
	uint32_t proto_micro_ver;
	uint32_t reserved;
};
static_assert(sizeof(struct mana_query_device_config_req) == 88, "device config");

/* mana_query_device_config_resp.pf_cap_flags1. openvmm BasicNicDriverFlags; the last: Linux 7.3 */
#define MANA_PF_CAP_1_QUERY_LINK_STATUS  (1ull << 0)
#define MANA_PF_CAP_1_ETHERTYPE_ENFORCED (1ull << 1)
#define MANA_PF_CAP_1_QUERY_FILTER_STATE (1ull << 2)
#define MANA_PF_CAP_1_COALESCE_8         (1ull << 5)

/**
 * struct mana_query_device_config_resp
 * @pf_cap_flags1: MANA_PF_CAP_1_*
 * @max_num_vports: vPorts of the device
 * @bm_hostmode: from version 3 on: not 0 on a bare-metal host
 * @max_num_eqs: no driver reads it
 * @adapter_mtu: from version 2 on: largest frame in bytes, the Ethernet header included, FCS and
 *		VLAN tag not: 1514 or 9014. Linux 6.1 and 6.12 use it only if the answer's version
 *		is exactly 2
 * @link_speed_mbps: from version 4 on (openvmm only): 10^6 bits per second, 0 if unknown
 *
 * Linux mana.h, struct mana_query_device_cfg_resp. Version 1 ends before
 * @adapter_mtu, but Linux accepts no answer that is shorter than the whole structure.
 */
struct mana_query_device_config_resp {
	struct gdma_resp_header hdr;
	uint64_t pf_cap_flags1;
	uint64_t pf_cap_flags2;
	uint64_t pf_cap_flags3;
	uint64_t pf_cap_flags4;
	uint16_t max_num_vports;
	uint8_t bm_hostmode;
	uint8_t reserved1;
	uint32_t max_num_eqs;
	uint16_t adapter_mtu;
	uint16_t reserved2;
	uint32_t link_speed_mbps;
};
static_assert(sizeof(struct mana_query_device_config_resp) == 80, "device config");
static_assert(offsetof(struct mana_query_device_config_resp, adapter_mtu) == 72, "device config");

/* ---- MANA_QUERY_VPORT_CONFIG ---- */

/**
 * struct mana_query_vport_config_req
 * @vport_index: from 0 to max_num_vports - 1
 *
 * Linux mana.h, struct mana_query_vport_cfg_req.
 */
struct mana_query_vport_config_req {
	struct gdma_req_header hdr;
	uint32_t vport_index;
};
static_assert(sizeof(struct mana_query_vport_config_req) == 44, "vPort config");

/**
 * struct mana_query_vport_config_resp
 * @max_num_sq, @max_num_rq: queues of the vPort; Linux fails if one is 0
 * @num_indirection_ent: entries of the indirection table; a power of two
 * @mac_addr:	as on the wire
 * @vport:	handle
 *
 * Linux mana.h, struct mana_query_vport_cfg_resp.
 */
struct mana_query_vport_config_resp {
	struct gdma_resp_header hdr;
	uint32_t max_num_sq;
	uint32_t max_num_rq;
	uint32_t num_indirection_ent;
	uint32_t reserved1;
	uint8_t mac_addr[MANA_MAC_SIZE];
	uint8_t reserved2[2];
	uint64_t vport;
};
static_assert(sizeof(struct mana_query_vport_config_resp) == 64, "vPort config");
static_assert(offsetof(struct mana_query_vport_config_resp, vport) == 56, "vPort config");

/* ---- MANA_CONFIG_VPORT_TX ---- */

/**
 * struct mana_config_vport_tx_req - who will use the vPort's queues
 * @vport:	handle
 * @pdid:	protection domain of its queues
 * @doorbell_page: index of the doorbell page that they use
 *
 * Linux mana.h, struct mana_config_vport_req. There is no command to undo it.
 */
struct mana_config_vport_tx_req {
	struct gdma_req_header hdr;
	uint64_t vport;
	uint32_t pdid;
	uint32_t doorbell_page;
};
static_assert(sizeof(struct mana_config_vport_tx_req) == 56, "vPort transmit");

/**
 * struct mana_config_vport_tx_resp
 * @tx_vport_offset: goes into every transmit OOB; above MANA_SHORT_VPORT_OFFSET_MAX the long OOB is
 *		needed
 * @short_form_allowed: 1 if the short OOB may be used. mana_ib hands it to user space; mana stores
 *		it and checks only @tx_vport_offset
 *
 * Linux mana.h, struct mana_config_vport_resp.
 */
struct mana_config_vport_tx_resp {
	struct gdma_resp_header hdr;
	uint16_t tx_vport_offset;
	uint8_t short_form_allowed;
	uint8_t reserved;
};
static_assert(sizeof(struct mana_config_vport_tx_resp) == 36, "vPort transmit");

#define MANA_SHORT_VPORT_OFFSET_MAX 255u

/* ---- MANA_CREATE_WQ_OBJ, MANA_DESTROY_WQ_OBJ ---- */

/**
 * struct mana_create_wq_obj_req - a work queue and its completion queue
 * @vport:	handle
 * @wq_type:	GDMA_SQ or GDMA_RQ
 * @wq_dma_region, @cq_dma_region: handles of the queues' memory; the adapter owns the regions
 *		from now on
 * @wq_size, @cq_size: bytes. All are powers of two except net_mana's @cq_size, which is 64 times
 *		the number of descriptors, itself a multiple of 64
 * @cq_mod_ctx_id: moderation context; 0
 * @cq_parent_eq_id: EQ of the CQ, or GDMA_CQ_NO_EQ
 *
 * Linux mana.h, struct mana_create_wqobj_req until 7.2.
 */
struct mana_create_wq_obj_req {
	struct gdma_req_header hdr;
	uint64_t vport;
	uint32_t wq_type;
	uint32_t reserved;
	uint64_t wq_dma_region;
	uint64_t cq_dma_region;
	uint32_t wq_size;
	uint32_t cq_size;
	uint32_t cq_mod_ctx_id;
	uint32_t cq_parent_eq_id;
};
static_assert(sizeof(struct mana_create_wq_obj_req) == 88, "create work queue");
static_assert(offsetof(struct mana_create_wq_obj_req, wq_dma_region) == 56, "create work queue");

/**
 * struct mana_create_wq_obj_req_v3 - the same, version 3
 * @v1:		as in version 1
 * @allow_rqwqe_chain: from version 2 on; 0
 * @req_cq_moderation: from version 3 on, as what follows: not 0: moderate the CQ's events
 * @cq_moderation_comps, @cq_moderation_usec: as in union gdma_doorbell
 *
 * Linux 7.3 mana.h, struct mana_create_wqobj_req.
 */
struct mana_create_wq_obj_req_v3 {
	struct mana_create_wq_obj_req v1;
	uint8_t allow_rqwqe_chain;
	uint8_t req_cq_moderation;
	uint16_t cq_moderation_comps;
	uint16_t cq_moderation_usec;
	uint8_t reserved2[2];
};
static_assert(sizeof(struct mana_create_wq_obj_req_v3) == 96, "create work queue");

/**
 * struct mana_create_wq_obj_resp
 * @wq_id:	number of the work queue. For an SQ see mana_vsq_frame()
 * @cq_id:	number of the completion queue; below the value of
 *		HWC_INIT_MAX_CQS
 * @wq_obj:	handle of the pair, not MANA_INVALID_HANDLE
 *
 * Linux mana.h, struct mana_create_wqobj_resp until 7.2.
 */
struct mana_create_wq_obj_resp {
	struct gdma_resp_header hdr;
	uint32_t wq_id;
	uint32_t cq_id;
	uint64_t wq_obj;
};
static_assert(sizeof(struct mana_create_wq_obj_resp) == 48, "create work queue");

/**
 * struct mana_create_wq_obj_resp_v2 - the same, version 2
 * @v1:		as in version 1
 * @cq_moderation_comps ...: what is in force; no driver reads it
 *
 * Linux 7.3 mana.h, struct mana_create_wqobj_resp.
 */
struct mana_create_wq_obj_resp_v2 {
	struct mana_create_wq_obj_resp v1;
	uint16_t cq_moderation_comps;
	uint16_t cq_moderation_usec;
	uint8_t cq_moderation_enabled;
	uint8_t reserved[3];
};
static_assert(sizeof(struct mana_create_wq_obj_resp_v2) == 56, "create work queue");

/**
 * struct mana_destroy_wq_obj_req - gdma_general_resp
 * @wq_type:	GDMA_SQ or GDMA_RQ
 * @wq_obj:	handle
 *
 * Linux mana.h, struct mana_destroy_wqobj_req.
 */
struct mana_destroy_wq_obj_req {
	struct gdma_req_header hdr;
	uint32_t wq_type;
	uint32_t reserved;
	uint64_t wq_obj;
};
static_assert(sizeof(struct mana_destroy_wq_obj_req) == 56, "destroy work queue");

/* ---- MANA_FENCE_RQ: gdma_general_resp, and a completion MANA_CQE_RX_OBJECT_FENCE ---- */

/**
 * struct mana_fence_rq_req
 * @wq_obj:	handle of a receive queue. The fence's completion comes after those of all
 *		packets steered there before the command
 *
 * Linux mana.h, struct mana_fence_rq_req. Linux waits 10 s for the completion.
 */
struct mana_fence_rq_req {
	struct gdma_req_header hdr;
	uint64_t wq_obj;
};
static_assert(sizeof(struct mana_fence_rq_req) == 48, "fence");

/* ---- MANA_CONFIG_VPORT_RX ---- */

/**
 * struct mana_config_vport_rx_req - receive steering, version 1
 * @vport:	handle
 * @num_indir_entries: handles in the table
 * @indir_tab_offset: where the table is, in bytes from the start of @hdr
 * @rx_enable, @rss_enable: enum mana_tristate
 * @update_default_rxobj, @update_hashkey, @update_indir_tab: 1: use the field below
 * @default_rxobj: handle of the RQ for packets without a hash
 * @hashkey:	Toeplitz key, in the byte order of the hashed fields
 *
 * openvmm ManaCfgRxSteerReq, which sends a table of 128 entries after it, whatever
 * @num_indir_entries is. No Linux sends version 1.
 */
struct mana_config_vport_rx_req {
	struct gdma_req_header hdr;
	uint64_t vport;
	uint16_t num_indir_entries;
	uint16_t indir_tab_offset;
	uint32_t rx_enable;
	uint32_t rss_enable;
	uint8_t update_default_rxobj;
	uint8_t update_hashkey;
	uint8_t update_indir_tab;
	uint8_t reserved1;
	uint64_t default_rxobj;
	uint8_t hashkey[MANA_HASH_KEY_SIZE];
};
static_assert(sizeof(struct mana_config_vport_rx_req) == 112, "receive steering");
static_assert(offsetof(struct mana_config_vport_rx_req, rx_enable) == 52, "receive steering");
static_assert(offsetof(struct mana_config_vport_rx_req, default_rxobj) == 64, "receive steering");

/**
 * struct mana_config_vport_rx_req_v2 - receive steering, version 2
 * @v1:		as in version 1
 * @cqe_coalescing_enable: 1: a completion may report up to four packets. mana 6.1 and 6.12: 0,
 *		7.2: as ethtool sets it; mana_ib: always 1
 * @rss_hash_types: from version 5 on: MANA_HASH_* of the packets that are hashed. Linux 7.3:
 *		MANA_HASH_SUPPORTED
 * @cqe8_coalescing_enable: from version 5 on: 1: up to eight packets. Linux 7.3: as ethtool sets it
 * @indir_tab:	handles of RQs; the hash modulo @v1.num_indir_entries picks one
 *
 * Linux mana.h, struct mana_cfg_rx_steer_req_v2.
 */
struct mana_config_vport_rx_req_v2 {
	struct mana_config_vport_rx_req v1;
	uint8_t cqe_coalescing_enable;
	uint8_t reserved2[3];
	uint16_t rss_hash_types;
	uint8_t cqe8_coalescing_enable;
	uint8_t reserved3;
	uint64_t indir_tab[];
};
static_assert(sizeof(struct mana_config_vport_rx_req_v2) == 120, "receive steering");
static_assert(offsetof(struct mana_config_vport_rx_req_v2, indir_tab) == 120, "receive steering");

/**
 * struct mana_config_vport_rx_resp
 * @cqe_coalescing_timeout_ns: version 2 (Linux 7.2): how long a packet may wait for others
 *
 * Linux 7.2 mana.h, struct mana_cfg_rx_steer_resp; version 1 is gdma_general_resp.
 */
struct mana_config_vport_rx_resp {
	struct gdma_resp_header hdr;
	uint32_t cqe_coalescing_timeout_ns;
	uint32_t reserved;
};
static_assert(sizeof(struct mana_config_vport_rx_resp) == 40, "receive steering");

/* ---- MANA_QUERY_LINK_CONFIG. Linux 7.2 ---- */

/** struct mana_query_link_config_req */
struct mana_query_link_config_req {
	struct gdma_req_header hdr;
	uint64_t vport;
};
static_assert(sizeof(struct mana_query_link_config_req) == 48, "link config");

/**
 * struct mana_query_link_config_resp
 * @qos_speed_mbps: maximum for the VM's size, 10^6 bits per second
 * @qos_unconfigured: not 0: there is no such limit, and the other fields are
 *		not valid
 * @link_speed_mbps: the current setting
 *
 * Linux 7.2 mana.h, struct mana_query_link_config_resp; it asks for version 2.
 */
struct mana_query_link_config_resp {
	struct gdma_resp_header hdr;
	uint32_t qos_speed_mbps;
	uint8_t qos_unconfigured;
	uint8_t reserved1[3];
	uint32_t link_speed_mbps;
	uint8_t reserved2[4];
};
static_assert(sizeof(struct mana_query_link_config_resp) == 48, "link config");

/* ---- MANA_SET_BW_CLAMP. Linux 7.2 ---- */

/**
 * struct mana_set_bw_clamp_req - limit the vPort's rate
 * @vport:	handle
 * @enable_clamping: enum mana_tristate
 * @link_speed_mbps: 10^6 bits a second
 *
 * Linux 7.2 mana.h, struct mana_set_bw_clamp_req.
 */
struct mana_set_bw_clamp_req {
	struct gdma_req_header hdr;
	uint64_t vport;
	uint32_t enable_clamping;
	uint32_t link_speed_mbps;
};
static_assert(sizeof(struct mana_set_bw_clamp_req) == 56, "bandwidth clamp");

struct mana_set_bw_clamp_resp {
	struct gdma_resp_header hdr;
	uint8_t qos_unconfigured;
	uint8_t reserved[7];
};
static_assert(sizeof(struct mana_set_bw_clamp_resp) == 40, "bandwidth clamp");

/* ---- Commands of a PF's driver ---- */

/**
 * struct mana_register_hw_port_req - MANA_REGISTER_HW_PORT: create a vPort
 * @attached_gfid: function the vPort belongs to; Linux 1
 * @is_pf_default_vport, @allow_all_ether_types: Linux 1
 *
 * Linux mana.h, struct mana_register_hw_vport_req.
 */
struct mana_register_hw_port_req {
	struct gdma_req_header hdr;
	uint16_t attached_gfid;
	uint8_t is_pf_default_vport;
	uint8_t reserved1;
	uint8_t allow_all_ether_types;
	uint8_t reserved2[3];
};
static_assert(sizeof(struct mana_register_hw_port_req) == 48, "register vPort");

/**
 * struct mana_register_hw_port_resp
 * @vport:	handle; replaces the one that MANA_QUERY_VPORT_CONFIG returned
 */
struct mana_register_hw_port_resp {
	struct gdma_resp_header hdr;
	uint64_t vport;
};
static_assert(sizeof(struct mana_register_hw_port_resp) == 40, "register vPort");

/** struct mana_deregister_hw_port_req - gdma_general_resp */
struct mana_deregister_hw_port_req {
	struct gdma_req_header hdr;
	uint64_t vport;
};
static_assert(sizeof(struct mana_deregister_hw_port_req) == 48, "deregister vPort");

/**
 * struct mana_register_filter_req - MANA_REGISTER_FILTER: packets to a MAC go to a vPort
 * @vport:	handle
 * @mac_addr:	as on the wire
 *
 * Linux mana.h, struct mana_register_filter_req.
 */
struct mana_register_filter_req {
	struct gdma_req_header hdr;
	uint64_t vport;
	uint8_t mac_addr[MANA_MAC_SIZE];
	uint8_t reserved1[6];
	uint32_t reserved2[3];
};
static_assert(sizeof(struct mana_register_filter_req) == 72, "register filter");

struct mana_register_filter_resp {
	struct gdma_resp_header hdr;
	uint64_t filter;
};
static_assert(sizeof(struct mana_register_filter_resp) == 40, "register filter");

/** struct mana_deregister_filter_req - gdma_general_resp */
struct mana_deregister_filter_req {
	struct gdma_req_header hdr;
	uint64_t filter;
};
static_assert(sizeof(struct mana_deregister_filter_req) == 48, "deregister filter");

/* ---- Commands of a paravisor. openvmm gdma_defs/src/bnic.rs only ---- */

/** struct mana_vtl2_move_filter_req - version 2; gdma_general_resp */
struct mana_vtl2_move_filter_req {
	struct gdma_req_header hdr;
	uint64_t vport;
	uint8_t direction_to_vtl0;
	uint8_t reserved1[3];
	uint32_t reserved2;
};
static_assert(sizeof(struct mana_vtl2_move_filter_req) == 56, "move filter");

/** struct mana_vtl2_assign_serial_req - gdma_general_resp */
struct mana_vtl2_assign_serial_req {
	struct gdma_req_header hdr;
	uint64_t vport;
	uint32_t serial_number;
	uint32_t reserved;
};
static_assert(sizeof(struct mana_vtl2_assign_serial_req) == 56, "serial number");

struct mana_vtl2_query_filter_req {
	struct gdma_req_header hdr;
	uint64_t vport;
};
static_assert(sizeof(struct mana_vtl2_query_filter_req) == 48, "filter state");

struct mana_vtl2_query_filter_resp {
	struct gdma_resp_header hdr;
	uint8_t direction_to_vtl0;
	uint8_t reserved[7];
};
static_assert(sizeof(struct mana_vtl2_query_filter_resp) == 40, "filter state");

/* ---- Transmit ---- */

enum mana_packet_format {
	MANA_PACKET_SHORT = 0, /* only mana_tx_short_oob */
	MANA_PACKET_LONG = 1,  /* mana_tx_oob */
};

/**
 * struct mana_tx_short_oob - transmit OOB, 8 bytes
 * @pkt_fmt:	enum mana_packet_format
 * @is_outer_ipv4, @is_outer_ipv6: what the packet is. Linux sets one of them only together
 *		with an offload, DPDK whenever the application does
 * @comp_iphdr_csum: compute the IPv4 header checksum. Linux sets it only for TSO, also over IPv6
 * @comp_tcp_csum: compute the TCP checksum; the field holds the pseudo header's sum
 * @comp_udp_csum: the same for UDP
 * @suppress_txcqe: no completion on success. DPDK sets it on all packets of a burst but the last. A
 *		good completion then covers all entries before it
 * @vcq_num:	the SQ's completion queue
 * @trans_off:	where the TCP header starts, bytes from the packet's start. Both drivers leave it
 *		0 for UDP
 * @vsq_frame:	bits 23:10 of the SQ's number
 * @short_vp_offset: tx_vport_offset
 *
 * Linux mana.h, struct mana_tx_short_oob; DPDK mana.h, struct transmit_short_oob_v2.
 */
struct mana_tx_short_oob {
	uint32_t pkt_fmt : 2;
	uint32_t is_outer_ipv4 : 1;
	uint32_t is_outer_ipv6 : 1;
	uint32_t comp_iphdr_csum : 1;
	uint32_t comp_tcp_csum : 1;
	uint32_t comp_udp_csum : 1;
	uint32_t suppress_txcqe : 1;
	uint32_t vcq_num : 24;

	uint32_t trans_off : 10;
	uint32_t vsq_frame : 14;
	uint32_t short_vp_offset : 8;
};
static_assert(sizeof(struct mana_tx_short_oob) == 8, "short transmit OOB");

/* The same fields in the OOB as a little-endian word, for code that writes or compares it whole */
#define MANA_TX_WORD_FORMAT(format)    ((uint64_t)(format))
#define MANA_TX_WORD_IPV4              (UINT64_C(1) << 2)
#define MANA_TX_WORD_IPV6              (UINT64_C(1) << 3)
#define MANA_TX_WORD_IP_CSUM           (UINT64_C(1) << 4)
#define MANA_TX_WORD_TCP_CSUM          (UINT64_C(1) << 5)
#define MANA_TX_WORD_UDP_CSUM          (UINT64_C(1) << 6)
#define MANA_TX_WORD_SUPPRESS          (UINT64_C(1) << 7)
#define MANA_TX_WORD_VCQ(cq)           ((uint64_t)(cq) << 8)
#define MANA_TX_WORD_TRANS_OFF(n)      ((uint64_t)((n)&0x3ffu) << 32)
#define MANA_TX_WORD_VP_OFFSET(offset) ((uint64_t)(offset) << 56)

/**
 * struct mana_tx_long_oob - after the short OOB, 16 bytes
 * @is_encap, @inner_is_ipv6, @inner_tcp_opt, @inner_frame_offset, @inner_ip_rel_offset:
 *		tunnels; no driver sets them
 * @inject_vlan_tag: insert an 802.1Q tag of @pcp, @dei and @vlan_id. DPDK sets no other field
 *		of this structure and leaves the rest of it uninitialised
 * @long_vp_offset: tx_vport_offset, if it does not fit in the short OOB (Linux; then the short
 *		one's is 0). DPDK always uses the short one's
 *
 * Linux mana.h, struct mana_tx_long_oob; DPDK mana.h, struct transmit_long_oob_v2.
 */
struct mana_tx_long_oob {
	uint32_t is_encap : 1;
	uint32_t inner_is_ipv6 : 1;
	uint32_t inner_tcp_opt : 1;
	uint32_t inject_vlan_tag : 1;
	uint32_t reserved1 : 12;
	uint32_t pcp : 3;
	uint32_t dei : 1;
	uint32_t vlan_id : 12;

	uint32_t inner_frame_offset : 10;
	uint32_t inner_ip_rel_offset : 6;
	uint32_t long_vp_offset : 12;
	uint32_t reserved2 : 4;

	uint32_t reserved3;
	uint32_t reserved4;
};
static_assert(sizeof(struct mana_tx_long_oob) == 16, "long transmit OOB");

/* Its first word, for a tag as in a frame: inject_vlan_tag, pcp, dei, vlan_id */
#define MANA_TX_WORD_VLAN(tci)                                                                     \
	(UINT64_C(1) << 3 | (uint64_t)((tci) >> 13) << 16 | (uint64_t)((tci) >> 12 & 1) << 19 |    \
	 (uint64_t)((tci)&0xfffu) << 20)

/** struct mana_tx_oob - the inline OOB of an entry with 24 bytes of it */
struct mana_tx_oob {
	struct mana_tx_short_oob s;
	struct mana_tx_long_oob l;
};
static_assert(sizeof(struct mana_tx_oob) == 24, "transmit OOB");
static_assert(offsetof(struct mana_tx_oob, l) == 8, "transmit OOB");

/**
 * mana_vsq_frame() - the value of vsq_frame in a transmit OOB
 * @sq_id:	number of the send queue
 */
static inline uint32_t mana_vsq_frame(uint32_t sq_id)
{
	return (sq_id >> 10) & 0x3fffu;
}

/* ---- Completions ---- */

/*
 * What a completion reports. Linux mana.h, enum mana_cqe_type; the last one from openvmm. Linux
 * counts 33 to 41 as transmit errors and any other value but 32 as an unknown one, and frees the
 * packet whatever it is. A failed entry is completed even if it asked for no completion (DPDK
 * commit 823dbf2860, by the vendor).
 */
enum mana_cqe_type {
	MANA_CQE_INVALID = 0,
	MANA_CQE_RX_OKAY = 1,
	MANA_CQE_RX_COALESCED_4 = 2, /* up to four packets */
	MANA_CQE_RX_OBJECT_FENCE = 3,
	MANA_CQE_RX_TRUNCATED = 4,   /* the packet is longer than the buffer */
	MANA_CQE_RX_COALESCED_8 = 7, /* up to eight packets, in mana_rxcomp_oob.pair. Linux 7.3 */

	MANA_CQE_TX_OKAY = 32,
	MANA_CQE_TX_SA_DROP = 33,  /* source address is not the vPort's */
	MANA_CQE_TX_MTU_DROP = 34, /* packet or segment too long */
	MANA_CQE_TX_INVALID_OOB = 35,
	MANA_CQE_TX_INVALID_ETH_TYPE = 36,
	MANA_CQE_TX_HDR_PROCESSING_ERROR = 37, /* headers are not what the OOB says */
	MANA_CQE_TX_VF_DISABLED = 38,
	MANA_CQE_TX_VPORT_IDX_OUT_OF_RANGE = 39,
	MANA_CQE_TX_VPORT_DISABLED = 40,
	MANA_CQE_TX_VLAN_TAGGING_VIOLATION = 41,
	MANA_CQE_TX_GDMA_ERR = 42, /* openvmm only: the entry itself is bad */
};

#define MANA_CLIENT_COMPLETION 1u /* mana_cqe_header.client_type. Linux MANA_CQE_COMPLETION */

/**
 * struct mana_cqe_header - first word of an Ethernet completion
 * @cqe_type:	enum mana_cqe_type
 * @client_type: MANA_CLIENT_COMPLETION; Linux warns about a transmit completion with any other
 *		value
 * @vendor_err:	for the log
 *
 * Linux mana.h, struct mana_cqe_header.
 */
struct mana_cqe_header {
	uint32_t cqe_type : 6;
	uint32_t client_type : 2;
	uint32_t vendor_err : 24;
};
static_assert(sizeof(struct mana_cqe_header) == 4, "completion header");

#define MANA_CQE_TYPE_MASK 0x3fu /* cqe_type in the header as a little-endian word */

/**
 * struct mana_tx_comp_oob - transmit completion, 60 bytes
 * @cqe_hdr:	see above
 * @tx_data_offset, @tx_sgl_offset: no driver reads them
 * @tx_wqe_offset: where the entry starts, in basic units, to be taken modulo the ring's size.
 *		Only openvmm reads it, for its log; completions are in the order of the entries
 *
 * Linux mana.h, struct mana_tx_comp_oob.
 */
struct mana_tx_comp_oob {
	struct mana_cqe_header cqe_hdr;
	uint32_t tx_data_offset;
	uint32_t tx_sgl_offset : 5;
	uint32_t tx_wqe_offset : 27;
	uint32_t reserved[12];
};
static_assert(sizeof(struct mana_tx_comp_oob) == 60, "transmit completion");

/*
 * How a packet was hashed: mana_rxcomp_oob.rx_hashtype. NDIS's numbering. Linux NDIS_HASH_*.
 * net_mana uses the hash only if the whole field equals MANA_HASH_L3 or MANA_HASH_L4.
 */
#define MANA_HASH_IPV4        (1u << 0)
#define MANA_HASH_TCP_IPV4    (1u << 1)
#define MANA_HASH_UDP_IPV4    (1u << 2)
#define MANA_HASH_IPV6        (1u << 3)
#define MANA_HASH_TCP_IPV6    (1u << 4)
#define MANA_HASH_UDP_IPV6    (1u << 5)
#define MANA_HASH_IPV6_EX     (1u << 6)
#define MANA_HASH_TCP_IPV6_EX (1u << 7)
#define MANA_HASH_UDP_IPV6_EX (1u << 8)

#define MANA_HASH_L3          (MANA_HASH_IPV4 | MANA_HASH_IPV6 | MANA_HASH_IPV6_EX)
#define MANA_HASH_L4                                                                               \
	(MANA_HASH_TCP_IPV4 | MANA_HASH_UDP_IPV4 | MANA_HASH_TCP_IPV6 | MANA_HASH_UDP_IPV6 |       \
	 MANA_HASH_TCP_IPV6_EX | MANA_HASH_UDP_IPV6_EX)

/* What Linux 7.3 asks for: MANA_HASH_ENABLE_SUPPORTED */
#define MANA_HASH_SUPPORTED                                                                        \
	(MANA_HASH_IPV4 | MANA_HASH_TCP_IPV4 | MANA_HASH_UDP_IPV4 | MANA_HASH_IPV6 |               \
	 MANA_HASH_TCP_IPV6 | MANA_HASH_UDP_IPV6)

/**
 * struct mana_rxcomp_perpkt_info - one packet of a receive completion
 * @pkt_len:	bytes, FCS and a stripped VLAN tag not included; 0: no further packet
 * @pkt_hash:	Toeplitz hash
 *
 * Linux mana.h, struct mana_rxcomp_perpkt_info.
 */
struct mana_rxcomp_perpkt_info {
	uint16_t pkt_len;
	uint16_t reserved1;
	uint32_t reserved2;
	uint32_t pkt_hash;
};
static_assert(sizeof(struct mana_rxcomp_perpkt_info) == 12, "packet in a completion");

/**
 * struct mana_rxcomp_pair_info - two packets of a receive completion of type MANA_CQE_RX_COALESCED_8
 *
 * Linux 7.3 mana.h, union mana_rxcomp_perpkt_info.
 */
struct mana_rxcomp_pair_info {
	uint32_t pkt_hash0;
	uint16_t pkt_len0;
	uint16_t pkt_len1;
	uint32_t pkt_hash1;
};
static_assert(sizeof(struct mana_rxcomp_pair_info) == 12, "two packets in a completion");

#define MANA_RXCOMP_PACKETS     4u
#define MANA_RXCOMP_PACKETS_MAX 8u

/**
 * struct mana_rxcomp_oob - receive completion, 60 bytes
 * @cqe_hdr:	see above
 * @rx_vlan_id:	VLAN ID of the tag that was stripped
 * @rx_vlantag_present: a tag was stripped
 * @rx_outer_iphdr_csum_succeed ... @rx_udp_csum_fail: checked and right, checked and wrong;
 *		neither: not checked. Linux uses the TCP and UDP bits only together with
 *		@rx_iphdr_csum_succeed, IPv6 included
 * @rx_hashtype: MANA_HASH_*
 * @ppi:	the packets, in the order of their receive-queue entries. All packets of a
 *		completion share the flags, so coalesce only packets whose flags are the same
 * @pair:	the same in a completion of type MANA_CQE_RX_COALESCED_8
 * @rx_wqe_offset: where the (first) entry starts, in bytes, to be taken modulo the ring's size
 *		(openvmm). No other Ethernet driver reads it; completions are in the order of the
 *		entries
 *
 * Linux mana.h, struct mana_rxcomp_oob.
 */
struct mana_rxcomp_oob {
	struct mana_cqe_header cqe_hdr;
	uint32_t rx_vlan_id : 12;
	uint32_t rx_vlantag_present : 1;
	uint32_t rx_outer_iphdr_csum_succeed : 1;
	uint32_t rx_outer_iphdr_csum_fail : 1;
	uint32_t reserved1 : 1;
	uint32_t rx_hashtype : 9;
	uint32_t rx_iphdr_csum_succeed : 1;
	uint32_t rx_iphdr_csum_fail : 1;
	uint32_t rx_tcp_csum_succeed : 1;
	uint32_t rx_tcp_csum_fail : 1;
	uint32_t rx_udp_csum_succeed : 1;
	uint32_t rx_udp_csum_fail : 1;
	uint32_t reserved2 : 1;
	union {
		struct mana_rxcomp_perpkt_info ppi[MANA_RXCOMP_PACKETS];
		struct mana_rxcomp_pair_info pair[MANA_RXCOMP_PACKETS_MAX / 2];
	};
	uint32_t rx_wqe_offset;
};
static_assert(sizeof(struct mana_rxcomp_oob) == 60, "receive completion");
static_assert(offsetof(struct mana_rxcomp_oob, ppi) == 8, "receive completion");

/* The same fields in its second word, little-endian, for code that reads or writes it whole */
#define MANA_RX_WORD_VLAN_ID_MASK 0xfffu
#define MANA_RX_WORD_VLAN         (1u << 12)
#define MANA_RX_WORD_HASH(type)   ((uint32_t)(type) << 16)
#define MANA_RX_WORD_HASH_MASK    MANA_RX_WORD_HASH(0x1ffu)
#define MANA_RX_WORD_IP_GOOD      (1u << 25)
#define MANA_RX_WORD_IP_BAD       (1u << 26)
#define MANA_RX_WORD_TCP_GOOD     (1u << 27)
#define MANA_RX_WORD_TCP_BAD      (1u << 28)
#define MANA_RX_WORD_UDP_GOOD     (1u << 29)
#define MANA_RX_WORD_UDP_BAD      (1u << 30)
static_assert(offsetof(struct mana_rxcomp_oob, rx_wqe_offset) == 56, "receive completion");

#endif /* MANAKIN_WIRE_VPORT_H */
