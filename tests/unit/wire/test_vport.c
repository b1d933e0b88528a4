/* SPDX-License-Identifier: BSD-3-Clause */
/* vPort commands and Ethernet OOBs, against bytes worked out by hand from the layout */
#include "check.h"

#include "wire/gdma.h"
#include "wire/vport.h"
#include "wire/wq.h"

static void short_oob(void **state)
{
	struct mana_tx_short_oob oob;

	(void)state;
	/* a TCP packet over IPv4 with both checksums wanted, as DPDK sends it */
	memset(&oob, 0, sizeof(oob));
	oob.pkt_fmt = MANA_PACKET_SHORT;
	oob.is_outer_ipv4 = 1;
	oob.comp_iphdr_csum = 1;
	oob.comp_tcp_csum = 1;
	oob.suppress_txcqe = 1;
	oob.vcq_num = 0x010203;
	oob.trans_off = 34;
	oob.vsq_frame = 0x2001;
	oob.short_vp_offset = 0x7f;
	check_bytes(oob, 0xb4, 0x03, 0x02, 0x01, /* 0 + bits 2 4 5 7, CQ */
		    0x22, 0x04, 0x80, 0x7f);     /* 34 | 0x2001 << 10 */

	memset(&oob, 0, sizeof(oob));
	oob.pkt_fmt = MANA_PACKET_LONG;
	oob.is_outer_ipv6 = 1;
	oob.comp_udp_csum = 1;
	oob.trans_off = 0x3ff;
	check_bytes(oob, 0x49, 0, 0, 0, 0xff, 0x03, 0, 0);
}

static void long_oob(void **state)
{
	struct mana_tx_oob oob;

	(void)state;
	memset(&oob, 0, sizeof(oob));
	oob.s.pkt_fmt = MANA_PACKET_LONG;
	oob.l.inject_vlan_tag = 1;
	oob.l.pcp = 5;
	oob.l.dei = 1;
	oob.l.vlan_id = 0xabc;
	oob.l.long_vp_offset = 0x123;
	check_bytes(oob, 0x01, 0, 0, 0, 0, 0, 0, 0, /* short part */
		    0x08, 0x00, 0xcd, 0xab,         /* bit 3; 5 | 1 << 3 | 0xabc << 4 */
		    0x00, 0x00, 0x23, 0x01,         /* vPort offset at bit 16 */
		    0, 0, 0, 0, 0, 0, 0, 0);

	memset(&oob.l, 0, sizeof(oob.l));
	oob.l.is_encap = 1;
	oob.l.inner_is_ipv6 = 1;
	oob.l.inner_tcp_opt = 1;
	oob.l.inner_frame_offset = 0x3ff;
	oob.l.inner_ip_rel_offset = 0x21;
	check_bytes(oob.l, 0x07, 0, 0, 0, 0xff, 0x87, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

static void vsq_frames(void **state)
{
	(void)state;
	assert_int_equal(mana_vsq_frame(0), 0);
	assert_int_equal(mana_vsq_frame(0x3ff), 0);
	assert_int_equal(mana_vsq_frame(0x400), 1);
	assert_int_equal(mana_vsq_frame(0xfffc00), 0x3fff);
	assert_int_equal(mana_vsq_frame(0xff000400), 1); /* only 14 bits are told */
}

static void transmit_completion(void **state)
{
	struct mana_tx_comp_oob oob;

	(void)state;
	memset(&oob, 0, sizeof(oob));
	oob.cqe_hdr.cqe_type = MANA_CQE_TX_GDMA_ERR;
	oob.cqe_hdr.client_type = MANA_CLIENT_COMPLETION;
	oob.cqe_hdr.vendor_err = 0x112233;
	oob.tx_data_offset = 0x44;
	oob.tx_sgl_offset = 0x1f;
	oob.tx_wqe_offset = 0x7000001;
	check_bytes_at(oob, 0, 0x6a, 0x33, 0x22, 0x11, /* 42 | 1 << 6, error */
		       0x44, 0, 0, 0,                  /* data offset */
		       0x3f, 0x00, 0x00, 0xe0);        /* 31 | 0x7000001 << 5 */
	assert_int_equal(sizeof(oob), GDMA_COMP_DATA_SIZE);
}

static void receive_completion(void **state)
{
	struct mana_rxcomp_oob oob;

	(void)state;
	memset(&oob, 0, sizeof(oob));
	oob.cqe_hdr.cqe_type = MANA_CQE_RX_COALESCED_4;
	oob.cqe_hdr.client_type = MANA_CLIENT_COMPLETION;
	oob.rx_vlan_id = 0x123;
	oob.rx_vlantag_present = 1;
	oob.rx_hashtype = MANA_HASH_TCP_IPV4;
	oob.rx_iphdr_csum_succeed = 1;
	oob.rx_tcp_csum_succeed = 1;
	for (uint16_t i = 0; i < MANA_RXCOMP_PACKETS; i++) {
		oob.ppi[i].pkt_len = (uint16_t)(1514 + i);
		oob.ppi[i].pkt_hash = 0xaabbcc00u + i;
	}
	oob.rx_wqe_offset = 0x01020304;
	check_bytes(oob, 0x42, 0, 0, 0,     /* type 2, client 1 */
		    0x23, 0x11, 0x02, 0x0a, /* vlan, bit 12; hash at 16; bits 25 and 27 */
		    0xea, 0x05, 0, 0, 0, 0, 0, 0, 0x00, 0xcc, 0xbb, 0xaa, /* packets */
		    0xeb, 0x05, 0, 0, 0, 0, 0, 0, 0x01, 0xcc, 0xbb, 0xaa, 0xec, 0x05, 0, 0, 0, 0, 0,
		    0, 0x02, 0xcc, 0xbb, 0xaa, 0xed, 0x05, 0, 0, 0, 0, 0, 0, 0x03, 0xcc, 0xbb, 0xaa,
		    0x04, 0x03, 0x02, 0x01); /* offset */
	assert_int_equal(sizeof(oob), GDMA_COMP_DATA_SIZE);

	/* the failures lie one above the successes */
	memset(&oob, 0, sizeof(oob));
	oob.rx_outer_iphdr_csum_succeed = 1;
	oob.rx_outer_iphdr_csum_fail = 1;
	oob.rx_hashtype = MANA_HASH_UDP_IPV6_EX;
	oob.rx_iphdr_csum_fail = 1;
	oob.rx_tcp_csum_fail = 1;
	oob.rx_udp_csum_succeed = 1;
	oob.rx_udp_csum_fail = 1;
	check_bytes_at(oob, 4, 0x00, 0x60, 0x00, 0x75);
}

/* The values net_mana compares the field with */
static void hash_sets(void **state)
{
	(void)state;
	assert_int_equal(MANA_HASH_L3, 0x049);
	assert_int_equal(MANA_HASH_L4, 0x1b6);
	assert_int_equal(MANA_HASH_L3 | MANA_HASH_L4, 0x1ff);
}

static void device_config(void **state)
{
	struct mana_query_device_config_resp resp;

	(void)state;
	memset(&resp, 0, sizeof(resp));
	resp.pf_cap_flags1 = MANA_PF_CAP_1_QUERY_FILTER_STATE;
	resp.max_num_vports = 2;
	resp.bm_hostmode = 1;
	resp.max_num_eqs = 0x41;
	resp.adapter_mtu = 9014;
	resp.link_speed_mbps = 200000;
	check_bytes_at(resp, 32, 4, 0, 0, 0, 0, 0, 0, 0);
	check_bytes_at(resp, 64, 2, 0, 1, 0, 0x41, 0, 0, 0,    /* vPorts, mode, EQs */
		       0x36, 0x23, 0, 0, 0x40, 0x0d, 0x03, 0); /* MTU, speed */
}

static void vport_config(void **state)
{
	struct mana_query_vport_config_resp resp;
	struct mana_config_vport_tx_resp tx;

	(void)state;
	memset(&resp, 0, sizeof(resp));
	resp.max_num_sq = 16;
	resp.max_num_rq = 32;
	resp.num_indirection_ent = MANA_INDIRECTION_DEF;
	memcpy(resp.mac_addr, "\x00\x0d\x3a\x76\x3b\xd0", 6);
	resp.vport = 0x1122334455667788;
	check_bytes_at(resp, 32, 16, 0, 0, 0, 32, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0x00, 0x0d,
		       0x3a, 0x76, 0x3b, 0xd0, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22,
		       0x11);

	memset(&tx, 0, sizeof(tx));
	tx.tx_vport_offset = 0x0102;
	tx.short_form_allowed = 1;
	check_bytes_at(tx, 32, 0x02, 0x01, 1, 0);
}

static void work_queue_objects(void **state)
{
	struct mana_create_wq_obj_req req;
	struct mana_create_wq_obj_resp resp;

	(void)state;
	memset(&req, 0, sizeof(req));
	req.vport = 1;
	req.wq_type = GDMA_RQ;
	req.wq_dma_region = 3;
	req.cq_dma_region = 4;
	req.wq_size = 0x4000;
	req.cq_size = 0x8000;
	req.cq_mod_ctx_id = 5;
	req.cq_parent_eq_id = 6;
	check_bytes_at(req, 40, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, /* vPort, type */
		       3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0,          /* regions */
		       0, 0x40, 0, 0, 0, 0x80, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0);

	memset(&resp, 0, sizeof(resp));
	resp.wq_id = 0x400;
	resp.cq_id = 7;
	resp.wq_obj = 8;
	check_bytes_at(resp, 32, 0, 4, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0);
}

/* Version 2 with a table of two, whose offset in the message is the structure's length */
static void receive_steering(void **state)
{
	struct {
		struct mana_config_vport_rx_req_v2 req;
		uint64_t table[2];
	} msg;

	(void)state;
	memset(&msg, 0, sizeof(msg));
	msg.req.v1.vport = 1;
	msg.req.v1.num_indir_entries = 2;
	msg.req.v1.indir_tab_offset = offsetof(struct mana_config_vport_rx_req_v2, indir_tab);
	msg.req.v1.rx_enable = MANA_TRUE;
	msg.req.v1.rss_enable = MANA_UNCHANGED;
	msg.req.v1.update_default_rxobj = 1;
	msg.req.v1.update_hashkey = 2;
	msg.req.v1.update_indir_tab = 3;
	msg.req.v1.default_rxobj = 0x99;
	for (uint8_t i = 0; i < MANA_HASH_KEY_SIZE; i++)
		msg.req.v1.hashkey[i] = (uint8_t)(0x40 + i);
	msg.req.cqe_coalescing_enable = 1;
	msg.req.indir_tab[0] = 0xa;
	msg.req.indir_tab[1] = 0xb;
	check_bytes_at(msg, 40, 1, 0, 0, 0, 0, 0, 0, 0,        /* vPort */
		       2, 0, 120, 0, 1, 0, 0, 0,               /* entries, offset, receive */
		       0xff, 0xff, 0xff, 0xff, 1, 2, 3, 0,     /* RSS, updates */
		       0x99, 0, 0, 0, 0, 0, 0, 0,              /* default */
		       0x40, 0x41, 0x42);                      /* key */
	check_bytes_at(msg, 111, 0x67, 1, 0, 0, 0, 0, 0, 0, 0, /* end of the key, coalescing */
		       0xa, 0, 0, 0, 0, 0, 0, 0, 0xb, 0, 0, 0, 0, 0, 0, 0);
}

/* Each counter is where Linux reads it; the request's bits are in another order */
static void gf_statistics(void **state)
{
	struct mana_query_gf_stat_resp resp;
	const uint64_t *words = (const uint64_t *)(const void *)((const char *)&resp + 32);

	(void)state;
	memset(&resp, 0, sizeof(resp));
	resp.reported_stats = MANA_GF_STAT_ALL;
	resp.rx_discards_no_wqe = 1;
	resp.rx_bytes = 3;
	resp.rx_bcast_packets = 6;
	resp.rx_mcast_bytes = 9;
	resp.tx_err_gf_disabled = 10;
	resp.tx_err_oob = 19;
	resp.tx_bytes = 20;
	resp.tx_bcast_packets = 23;
	resp.tx_mcast_bytes = 26;
	resp.tx_err_gdma = 27;
	assert_true(words[0] == 0x7ffffff);
	assert_int_equal(words[1], 1);
	assert_int_equal(words[3], 3);
	assert_int_equal(words[6], 6);
	assert_int_equal(words[9], 9);
	assert_int_equal(words[10], 10);
	assert_int_equal(words[19], 19);
	assert_int_equal(words[20], 20);
	assert_int_equal(words[23], 23);
	assert_int_equal(words[26], 26);
	assert_int_equal(words[27], 27);

	/* bits that Linux's header writes out as numbers */
	assert_true(1ull << MANA_GF_RX_MCAST_PACKETS == 0x20);
	assert_true(1ull << MANA_GF_RX_BCAST_BYTES == 0x100);
	assert_true(1ull << MANA_GF_TX_ERR_GF_DISABLED == 0x200);
	assert_true(1ull << MANA_GF_TX_ERR_OOB == 0x40000);
	assert_true(1ull << MANA_GF_TX_ERR_GDMA == 0x4000000);
}

static void port_statistics(void **state)
{
	struct mana_query_phy_stat_resp resp;
	const uint64_t *words = (const uint64_t *)(const void *)((const char *)&resp + 32);

	(void)state;
	memset(&resp, 0, sizeof(resp));
	resp.drops.rx = 1;
	resp.drops.tx = 2;
	resp.packets[0].rx = 3;
	resp.packets[7].tx = 18;
	resp.bytes[0].rx = 19;
	resp.pauses[0].rx = 35;
	resp.pauses[7].tx = 50;
	assert_int_equal(words[1], 1);
	assert_int_equal(words[2], 2);
	assert_int_equal(words[3], 3);
	assert_int_equal(words[18], 18);
	assert_int_equal(words[19], 19);
	assert_int_equal(words[35], 35);
	assert_int_equal(words[50], 50);
}

static void link_config(void **state)
{
	struct mana_query_link_config_resp resp;
	struct mana_set_bw_clamp_req clamp;

	(void)state;
	memset(&resp, 0, sizeof(resp));
	resp.qos_speed_mbps = 25000;
	resp.qos_unconfigured = 1;
	resp.link_speed_mbps = 10000;
	check_bytes_at(resp, 32, 0xa8, 0x61, 0, 0, 1, 0, 0, 0, 0x10, 0x27, 0, 0, 0, 0, 0, 0);

	memset(&clamp, 0, sizeof(clamp));
	clamp.vport = 2;
	clamp.enable_clamping = MANA_TRUE;
	clamp.link_speed_mbps = 10000;
	check_bytes_at(clamp, 40, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x10, 0x27, 0, 0);
}

/* The word constants agree with the fields of the structures */
static void transmit_words(void **state)
{
	static const struct {
		struct mana_tx_short_oob oob;
		uint64_t word;
	} same[] = {
		{ { .pkt_fmt = MANA_PACKET_LONG }, MANA_TX_WORD_FORMAT(MANA_PACKET_LONG) },
		{ { .is_outer_ipv4 = 1 }, MANA_TX_WORD_IPV4 },
		{ { .is_outer_ipv6 = 1 }, MANA_TX_WORD_IPV6 },
		{ { .comp_iphdr_csum = 1 }, MANA_TX_WORD_IP_CSUM },
		{ { .comp_tcp_csum = 1 }, MANA_TX_WORD_TCP_CSUM },
		{ { .comp_udp_csum = 1 }, MANA_TX_WORD_UDP_CSUM },
		{ { .suppress_txcqe = 1 }, MANA_TX_WORD_SUPPRESS },
		{ { .vcq_num = 0xabcdef }, MANA_TX_WORD_VCQ(0xabcdefu) },
		{ { .trans_off = 0x201 }, MANA_TX_WORD_TRANS_OFF(0xfe01u) },
		{ { .short_vp_offset = 0x81 }, MANA_TX_WORD_VP_OFFSET(0x81u) },
	};
	const struct mana_tx_long_oob tag = {
		.inject_vlan_tag = 1, .pcp = 5, .dei = 1, .vlan_id = 0x801
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_int_equal(word_at(&same[i].oob, 0), same[i].word);
	assert_int_equal(word_at(&tag, 0), MANA_TX_WORD_VLAN(5u << 13 | 1u << 12 | 0x801u));
}

static void receive_words(void **state)
{
	static const struct {
		struct mana_rxcomp_oob oob;
		uint32_t word;
	} same[] = {
		{ { .rx_vlan_id = 0xfff }, MANA_RX_WORD_VLAN_ID_MASK },
		{ { .rx_vlantag_present = 1 }, MANA_RX_WORD_VLAN },
		{ { .rx_hashtype = MANA_HASH_L4 }, MANA_RX_WORD_HASH(MANA_HASH_L4) },
		{ { .rx_hashtype = 0x1ff }, MANA_RX_WORD_HASH_MASK },
		{ { .rx_iphdr_csum_succeed = 1 }, MANA_RX_WORD_IP_GOOD },
		{ { .rx_iphdr_csum_fail = 1 }, MANA_RX_WORD_IP_BAD },
		{ { .rx_tcp_csum_succeed = 1 }, MANA_RX_WORD_TCP_GOOD },
		{ { .rx_tcp_csum_fail = 1 }, MANA_RX_WORD_TCP_BAD },
		{ { .rx_udp_csum_succeed = 1 }, MANA_RX_WORD_UDP_GOOD },
		{ { .rx_udp_csum_fail = 1 }, MANA_RX_WORD_UDP_BAD },
	};
	const struct mana_cqe_header header = { .cqe_type = MANA_CQE_TYPE_MASK };
	uint32_t word;

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_int_equal(word_at(&same[i].oob, 0) >> 32, same[i].word);
	memcpy(&word, &header, sizeof(word));
	assert_int_equal(word, MANA_CQE_TYPE_MASK);
}

static void pf_commands(void **state)
{
	struct mana_register_hw_port_req port;
	struct mana_register_filter_req filter;

	(void)state;
	memset(&port, 0, sizeof(port));
	port.attached_gfid = 1;
	port.is_pf_default_vport = 2;
	port.allow_all_ether_types = 3;
	check_bytes_at(port, 40, 1, 0, 2, 0, 3, 0, 0, 0);

	memset(&filter, 0, sizeof(filter));
	filter.vport = 4;
	memcpy(filter.mac_addr, "\x02\x00\x00\x00\x00\x05", 6);
	check_bytes_at(filter, 40, 4, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 5, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_oob),          cmocka_unit_test(long_oob),
		cmocka_unit_test(vsq_frames),         cmocka_unit_test(transmit_completion),
		cmocka_unit_test(receive_completion), cmocka_unit_test(hash_sets),
		cmocka_unit_test(device_config),      cmocka_unit_test(vport_config),
		cmocka_unit_test(work_queue_objects), cmocka_unit_test(receive_steering),
		cmocka_unit_test(gf_statistics),      cmocka_unit_test(port_statistics),
		cmocka_unit_test(link_config),        cmocka_unit_test(pf_commands),
		cmocka_unit_test(transmit_words),     cmocka_unit_test(receive_words),
	};

	return cmocka_run_group_tests_name("wire/vport", tests, NULL, NULL);
}
