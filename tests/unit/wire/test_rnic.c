/* SPDX-License-Identifier: BSD-3-Clause */
/* RNIC commands, OOBs and completions, against bytes worked out by hand from the layout */
#include "check.h"

#include "wire/rnic.h"
#include "wire/wq.h"

/* An IPv4 address is the end of an IPv6 one, and so the start of the reversed field */
static void addresses(void **state)
{
	static const uint8_t gid[RNIC_IP_SIZE] = { 0, 0, 0,    0,    0,  0, 0, 0,
						   0, 0, 0xff, 0xff, 10, 1, 2, 3 };
	static const uint8_t mac[RNIC_MAC_SIZE] = { 0x00, 0x0d, 0x3a, 0x76, 0x3b, 0xd0 };
	struct rnic_config_ip_addr_req ip;
	struct rnic_config_mac_addr_req req;
	uint8_t back[RNIC_IP_SIZE];

	(void)state;
	memset(&ip, 0, sizeof(ip));
	ip.adapter = 1;
	ip.op = RNIC_ADDR_ADD;
	ip.addr_type = RNIC_ADDR_IPV4;
	rnic_reverse(ip.ip_addr, gid, RNIC_IP_SIZE);
	check_bytes_at(ip, 40, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, /* op, type */
		       3, 2, 1, 10, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	rnic_reverse(back, ip.ip_addr, RNIC_IP_SIZE);
	assert_memory_equal(back, gid, RNIC_IP_SIZE);

	memset(&req, 0, sizeof(req));
	req.adapter = 2;
	req.op = RNIC_ADDR_REMOVE;
	rnic_reverse(req.mac_addr, mac, RNIC_MAC_SIZE);
	check_bytes_at(req, 40, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, /* op */
		       0xd0, 0x3b, 0x76, 0x3a, 0x0d, 0x00, 0, 0, 0, 0, 0, 0);
}

static void capabilities(void **state)
{
	struct rnic_query_adapter_cap_resp resp;

	(void)state;
	memset(&resp, 0, sizeof(resp));
	resp.max_sq_id = 1;
	resp.max_srq_count = 11;
	resp.max_requester_sq_size = 12;
	resp.max_requester_rq_size = 14;
	resp.max_inline_data_size = 18;
	resp.feature_flags = RNIC_FEATURE_MULTI_PORT;
	check_bytes_at(resp, 32, 1, 0, 0, 0);
	check_bytes_at(resp, 72, 11, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 14, 0, 0, 0);
	check_bytes_at(resp, 100, 18, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0);
	assert_int_equal(offsetof(struct rnic_query_adapter_cap_resp, feature_flags),
			 RNIC_QUERY_ADAPTER_CAP_RESP_V3_SIZE);
}

static void queue_pairs(void **state)
{
	struct rnic_create_rc_qp_req rc;
	struct rnic_create_ud_qp_req ud;
	struct rnic_set_qp_state_req qp;

	(void)state;
	memset(&rc, 0, sizeof(rc));
	rc.dma_region[RNIC_RC_SQ_REQUESTER] = 1;
	rc.dma_region[RNIC_RC_RQ_RESPONDER] = 5;
	rc.flags = RNIC_RC_FLAG_NO_FMR;
	rc.doorbell_page = 6;
	check_bytes_at(rc, 72, 1, 0, 0, 0, 0, 0, 0, 0);
	check_bytes_at(rc, 104, 5, 0, 0, 0, 0, 0, 0, 0);
	check_bytes_at(rc, 128, 2, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0);

	memset(&ud, 0, sizeof(ud));
	ud.dma_region[RNIC_UD_RQ] = 2;
	ud.qp_type = 1;
	ud.doorbell_page = 3;
	check_bytes_at(ud, 80, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0);

	memset(&qp, 0, sizeof(qp));
	qp.qp_state = 3;
	qp.ah_attr.hop_limit = 64;
	qp.ah_attr.dest_port = 4791;
	qp.qkey = 0x80010000;
	qp.max_rd_atomic = 16;
	check_bytes_at(qp, 64, 3, 0, 0, 0);
	check_bytes_at(qp, 150, 64, 0, 0, 0, 0xb7, 0x12, 0, 0, 0, 0);
	check_bytes_at(qp, 168, 0, 0, 1, 0x80, 0, 0, 0, 0, 0, 16);
	assert_int_equal(offsetof(struct rnic_set_qp_state_req, reserved1),
			 RNIC_SET_QP_STATE_REQ_V1_SIZE);
}

static void oobs(void **state)
{
	struct rnic_send_oob send;
	struct rnic_recv_oob recv;

	(void)state;
	memset(&send, 0, sizeof(send));
	send.wqe_type = RNIC_WQE_WRITE;
	send.fence = 1;
	send.signaled = 1;
	send.psn = 0x010203;
	send.ssn_or_rqpn = 0x040506;
	send.rdma.address_high = 0x11;
	send.rdma.address_low = 0x22;
	send.rdma.rkey = 0x33;
	send.rdma.length = 0x44;
	check_bytes(send, 0x65, 0x03, 0x02, 0x01, 0x06, 0x05, 0x04, 0x00, 0x11, 0, 0, 0, /* high */
		    0x22, 0, 0, 0, 0x33, 0, 0, 0, 0x44, 0, 0, 0);
	assert_int_equal(sizeof(send), GDMA_OOB_LARGE);

	memset(&recv, 0, sizeof(recv));
	recv.psn_start = 0x010203;
	recv.psn_range = 0x040506;
	check_bytes(recv, 0x03, 0x02, 0x01, 0, 0x06, 0x05, 0x04, 0);
	assert_int_equal(sizeof(recv), GDMA_OOB_SMALL);
}

static void completions(void **state)
{
	union rnic_cqe cqe;

	(void)state;
	memset(&cqe, 0, sizeof(cqe));
	cqe.recv.type = RNIC_CQE_RC_SEND_IMM;
	cqe.recv.msg_len = 0x1234;
	cqe.recv.psn = 0x00abcd;
	cqe.recv.imm_data = 0x55;
	cqe.recv.rx_wqe_offset = 0x66;
	assert_int_equal(cqe.type, RNIC_CQE_RC_SEND_IMM);
	check_bytes_at(cqe, 0, 4, 0, 0, 0, 0x34, 0x12, 0, 0, 0xcd, 0xab, 0, 0, 0x55, 0, 0, 0, 0x66,
		       0, 0, 0);

	memset(&cqe, 0, sizeof(cqe));
	cqe.error.type = RNIC_CQE_ERROR;
	cqe.error.vendor_error = 0x3ff;
	cqe.error.msn = 1;
	cqe.error.syndrome = 0x60;
	cqe.error.psn = 2;
	cqe.error.opcode = 3;
	cqe.error.rsp_msn = 4;
	cqe.error.rsp_psn = 5;
	check_bytes_at(cqe, 0, 34, 0xff, 0x03, 0, 1, 0, 0, 0x60, 2, 0, 0, 3, 4, 0, 0, 0, 5, 0, 0,
		       0);

	memset(&cqe, 0, sizeof(cqe));
	cqe.ud_send.type = RNIC_CQE_UD_SEND;
	cqe.ud_send.vendor_error = 0x1ff;
	cqe.ud_send.sge_offset = 1;
	cqe.ud_send.tx_wqe_offset = 2;
	check_bytes_at(cqe, 0, 1, 0xff, 0x01, 0, 0x41, 0, 0, 0);

	memset(&cqe, 0, sizeof(cqe));
	cqe.armed.type = RNIC_CQE_ARMED_CMPL;
	cqe.armed.syndrome = 0x1f;
	cqe.armed.psn = 7;
	check_bytes_at(cqe, 0, 7, 0, 0, 0, 0, 0, 0, 0x1f, 7, 0, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),   cmocka_unit_test(capabilities),
		cmocka_unit_test(queue_pairs), cmocka_unit_test(oobs),
		cmocka_unit_test(completions),
	};

	return cmocka_run_group_tests_name("wire/rnic", tests, NULL, NULL);
}
