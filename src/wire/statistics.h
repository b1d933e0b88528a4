/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire/statistics.h - the Ethernet device's counters: of the function, and of its physical port
 *
 * Known from Linux include/net/mana/mana.h (6.1, 6.12, 7.2) unless a comment names another source.
 */
#ifndef MANAKIN_WIRE_STATISTICS_H
#define MANAKIN_WIRE_STATISTICS_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/hwc.h"

/* ---- MANA_QUERY_GF_STAT ---- */

/*
 * Bits of req_stats and reported_stats. Broadcast and multicast have the other order in the
 * response than here. Linux STATISTICS_FLAGS_*; openvmm has the same bits.
 */
enum mana_gf_stat {
	MANA_GF_RX_DISCARDS_NO_WQE = 0,
	MANA_GF_RX_ERR_VPORT_DISABLED = 1,
	MANA_GF_RX_BYTES = 2,
	MANA_GF_RX_UCAST_PACKETS = 3,
	MANA_GF_RX_UCAST_BYTES = 4,
	MANA_GF_RX_MCAST_PACKETS = 5,
	MANA_GF_RX_MCAST_BYTES = 6,
	MANA_GF_RX_BCAST_PACKETS = 7,
	MANA_GF_RX_BCAST_BYTES = 8,
	MANA_GF_TX_ERR_GF_DISABLED = 9,
	MANA_GF_TX_ERR_VPORT_DISABLED = 10,
	MANA_GF_TX_ERR_VPORT_OFFSET = 11,
	MANA_GF_TX_ERR_VLAN = 12,
	MANA_GF_TX_ERR_ETHERTYPE = 13,
	MANA_GF_TX_ERR_SA = 14,
	MANA_GF_TX_ERR_SQ_PDID = 15,
	MANA_GF_TX_ERR_CQ_PDID = 16,
	MANA_GF_TX_ERR_MTU = 17,
	MANA_GF_TX_ERR_OOB = 18,
	MANA_GF_TX_BYTES = 19,
	MANA_GF_TX_UCAST_PACKETS = 20,
	MANA_GF_TX_UCAST_BYTES = 21,
	MANA_GF_TX_MCAST_PACKETS = 22,
	MANA_GF_TX_MCAST_BYTES = 23,
	MANA_GF_TX_BCAST_PACKETS = 24,
	MANA_GF_TX_BCAST_BYTES = 25,
	MANA_GF_TX_ERR_GDMA = 26, /* version 2 of the response */
	MANA_GF_STAT_COUNT = 27,
};

#define MANA_GF_STAT_ALL ((1ull << MANA_GF_STAT_COUNT) - 1)

/**
 * struct mana_query_gf_stat_req
 * @req_stats:	MANA_GF_STAT_ALL
 *
 * Linux mana.h, struct mana_query_gf_stat_req. It names no vPort: the counters are those of the
 * whole function.
 */
struct mana_query_gf_stat_req {
	struct gdma_req_header hdr;
	uint64_t req_stats;
};
static_assert(sizeof(struct mana_query_gf_stat_req) == 48, "GF statistics");

/**
 * struct mana_query_gf_stat_resp
 * @reported_stats: which of the other fields are valid
 * @tx_err_gdma: from version 2 on; Linux 6.1 asks for version 1, with room for it and for the bit
 *
 * Linux mana.h, struct mana_query_gf_stat_resp. Bytes are of frames without FCS.
 * openvmm has multicast before broadcast here; this is Linux's order.
 */
struct mana_query_gf_stat_resp {
	struct gdma_resp_header hdr;
	uint64_t reported_stats;
	uint64_t rx_discards_no_wqe;
	uint64_t rx_err_vport_disabled;
	uint64_t rx_bytes;
	uint64_t rx_ucast_packets;
	uint64_t rx_ucast_bytes;
	uint64_t rx_bcast_packets;
	uint64_t rx_bcast_bytes;
	uint64_t rx_mcast_packets;
	uint64_t rx_mcast_bytes;
	uint64_t tx_err_gf_disabled;
	uint64_t tx_err_vport_disabled;
	uint64_t tx_err_vport_offset;
	uint64_t tx_err_vlan;
	uint64_t tx_err_ethertype;
	uint64_t tx_err_sa;
	uint64_t tx_err_sq_pdid;
	uint64_t tx_err_cq_pdid;
	uint64_t tx_err_mtu;
	uint64_t tx_err_oob;
	uint64_t tx_bytes;
	uint64_t tx_ucast_packets;
	uint64_t tx_ucast_bytes;
	uint64_t tx_bcast_packets;
	uint64_t tx_bcast_bytes;
	uint64_t tx_mcast_packets;
	uint64_t tx_mcast_bytes;
	uint64_t tx_err_gdma;
};
static_assert(sizeof(struct mana_query_gf_stat_resp) == 256, "GF statistics");
static_assert(offsetof(struct mana_query_gf_stat_resp, tx_bytes) == 192, "GF statistics");

/* ---- MANA_QUERY_PHY_STAT. Linux 7.2 ---- */

#define MANA_TRAFFIC_CLASSES 8u

/**
 * struct mana_query_phy_stat_req
 * @req_stats:	0
 */
struct mana_query_phy_stat_req {
	struct gdma_req_header hdr;
	uint64_t req_stats;
};
static_assert(sizeof(struct mana_query_phy_stat_req) == 48, "port statistics");

/* One counter in both directions */
struct mana_rx_tx {
	uint64_t rx;
	uint64_t tx;
};

/**
 * struct mana_query_phy_stat_resp - counters of the physical port
 * @reported_stats: no driver reads it
 * @drops:	packets
 * @packets, @bytes, @pauses: by traffic class
 *
 * Linux 7.2 mana.h, struct mana_query_phy_stat_resp.
 */
struct mana_query_phy_stat_resp {
	struct gdma_resp_header hdr;
	uint64_t reported_stats;
	struct mana_rx_tx drops;
	struct mana_rx_tx packets[MANA_TRAFFIC_CLASSES];
	struct mana_rx_tx bytes[MANA_TRAFFIC_CLASSES];
	struct mana_rx_tx pauses[MANA_TRAFFIC_CLASSES];
};
static_assert(sizeof(struct mana_query_phy_stat_resp) == 440, "port statistics");

#endif /* MANAKIN_WIRE_STATISTICS_H */
