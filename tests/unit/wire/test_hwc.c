/* SPDX-License-Identifier: BSD-3-Clause */
/* HWC events, OOBs and GDMA commands, against bytes worked out by hand from the layout */
#include "check.h"

#include "wire/gdma.h"

static void event_words(void **state)
{
	union hwc_init_eq_id_db eq = { .word = 0 };
	union hwc_event_data data = { .word = 0 };
	union hwc_soc_service soc = { .word = 0 };
	union hwc_vf_reset reset = { .word = 0 };

	(void)state;
	eq.eq_id = 0x1234;
	eq.doorbell = 0xabcd;
	assert_int_equal(eq.word, 0xabcd1234);

	data.type = HWC_INIT_GPA_MKEY;
	data.value = 0x654321;
	assert_int_equal(data.word, 0x09654321);

	soc.type = HWC_SOC_RDMA_RESUME;
	soc.value = 0x0abcdef;
	assert_int_equal(soc.word, 0x20abcdef);

	reset.revoke_vtl0_vf = 1;
	assert_int_equal(reset.word, 1);
}

static void tx_oob(void **state)
{
	struct hwc_tx_oob oob;

	(void)state;
	memset(&oob, 0, sizeof(oob));
	oob.vrq_id = 0x010203;
	oob.dest_vfid = 0x04;
	oob.vrcq_id = 0x050607;
	oob.vscq_id = 0x08090a;
	oob.dest_pf = 1;
	oob.vsq_id = 0x0b0c0d;
	check_bytes(oob, 0, 0, 0, 0, 0, 0, 0, 0, /* reserved */
		    0x03, 0x02, 0x01, 0x04,      /* vrq, vf */
		    0x07, 0x06, 0x05, 0x00,      /* vrcq */
		    0x0a, 0x09, 0x08, 0x04,      /* vscq, bit 26 */
		    0x0d, 0x0c, 0x0b, 0x00);     /* vsq */
}

static void rx_oob(void **state)
{
	struct hwc_rx_oob oob;

	(void)state;
	memset(&oob, 0, sizeof(oob));
	oob.type = 0x21;
	oob.eom = 1;
	oob.som = 1;
	oob.vendor_err = 0x5a;
	oob.src_virt_wq = 0x112233;
	oob.src_vfid = 0x44;
	oob.wqe_offset = 0x100;
	oob.wqe_addr_high = 0x55667788;
	oob.client_data_unit = 0x3fff;
	oob.tx_oob_data_size = 296;
	oob.chunk_offset = 0x1fffff;
	check_bytes(oob, 0xe1, 0x5a, 0x00, 0x00, /* type, eom, som, error */
		    0x33, 0x22, 0x11, 0x44,      /* source */
		    0, 0, 0, 0,                  /* reserved */
		    0x00, 0x01, 0x00, 0x00,      /* offset in the queue */
		    0x88, 0x77, 0x66, 0x55,      /* address, high half */
		    0xff, 0x3f, 0x00, 0x00,      /* 14 bits */
		    0x28, 0x01, 0x00, 0x00,      /* 296 */
		    0xff, 0xff, 0x1f, 0x00);     /* 21 bits */
}

/* A whole short request and its answer, as they are in the driver's buffers */
static void headers(void **state)
{
	struct gdma_generate_test_event_req req;
	struct gdma_register_device_resp resp;

	(void)state;
	memset(&req, 0, sizeof(req));
	req.hdr.req.hdr_type = GDMA_HEADER_TYPE_STANDARD;
	req.hdr.req.msg_type = GDMA_GENERATE_TEST_EQE;
	req.hdr.req.msg_version = GDMA_MESSAGE_V1;
	req.hdr.req.hwc_msg_id = 0x0102;
	req.hdr.req.msg_size = sizeof(req);
	req.hdr.resp = req.hdr.req;
	req.hdr.resp.hwc_msg_id = 0;
	req.hdr.resp.msg_size = sizeof(struct gdma_general_resp);
	req.hdr.dev_id.type = GDMA_DEVICE_MANA;
	req.hdr.dev_id.instance = 7;
	req.hdr.activity_id = 0x11223344;
	req.queue_index = 0x55;
	check_bytes(req, 0, 0, 0, 0, 10, 0, 0, 0, 1, 0, 0x02, 0x01, 44, 0, 0, 0, /* request */
		    0, 0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0, 32, 0, 0, 0,            /* response */
		    2, 0, 7, 0, 0x44, 0x33, 0x22, 0x11,                          /* device, mark */
		    0x55, 0, 0, 0);                                              /* queue */

	memset(&resp, 0, sizeof(resp));
	resp.hdr.response.msg_type = GDMA_REGISTER_DEVICE;
	resp.hdr.response.msg_version = GDMA_MESSAGE_V1;
	resp.hdr.response.hwc_msg_id = 3;
	resp.hdr.response.msg_size = sizeof(resp);
	resp.hdr.dev_id.type = GDMA_DEVICE_MANA_IB;
	resp.hdr.activity_id = 9;
	resp.hdr.status = GDMA_STATUS_MORE_ENTRIES;
	resp.pdid = 0x21;
	resp.gpa_mkey = 0x22;
	resp.db_id = 0x23;
	check_bytes(resp, 0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 3, 0, 44, 0, 0, 0, /* response */
		    3, 0, 0, 0, 9, 0, 0, 0,                                /* device, mark */
		    0x05, 0x01, 0, 0, 0, 0, 0, 0,                          /* status */
		    0x21, 0, 0, 0, 0x22, 0, 0, 0, 0x23, 0, 0, 0);
}

static void create_queue(void **state)
{
	struct gdma_create_queue_req req;

	(void)state;
	memset(&req, 0, sizeof(req));
	req.type = GDMA_EQ;
	req.pdid = 0x0a;
	req.doorbell_page = 0x0b;
	req.dma_region = 0x1122334455667788;
	req.queue_size = 0x8000;
	req.log2_throttle_limit = 3;
	req.eq_msix_index = 5;
	req.cq_mod_ctx_id = 6;
	req.cq_parent_eq_id = GDMA_CQ_NO_EQ;
	req.rq_drop_on_overrun = 1;
	req.rq_err_on_wqe_overflow = 2;
	req.rq_chain_rec_wqes = 3;
	req.sq_hw_db = 4;
	check_bytes_at(req, 40, 4, 0, 0, 0, 0, 0, 0, 0,                /* type */
		       0x0a, 0, 0, 0, 0x0b, 0, 0, 0,                   /* PD, page */
		       0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* region */
		       0, 0, 0, 0, 0x00, 0x80, 0, 0,                   /* size */
		       3, 0, 0, 0, 5, 0, 0, 0,                         /* throttle, vector */
		       6, 0, 0, 0, 0xff, 0xff, 0, 0,                   /* moderation, EQ */
		       1, 2, 3, 4, 0, 0, 0, 0);
}

/* The three variants of GDMA_CREATE_MR overlap as they do in the drivers */
static void create_mr(void **state)
{
	struct gdma_create_mr_req req;

	(void)state;
	memset(&req, 0, sizeof(req));
	req.pd_handle = 1;
	req.mr_type = GDMA_MR_GVA;
	req.gva.dma_region = 2;
	req.gva.virtual_address = 0x7f0000001000;
	req.gva.access_flags = GDMA_ACCESS_LOCAL_READ | GDMA_ACCESS_LOCAL_WRITE;
	check_bytes_at(req, 40, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, /* PD, type */
		       2, 0, 0, 0, 0, 0, 0, 0,                                  /* region */
		       0x00, 0x10, 0x00, 0x00, 0x00, 0x7f, 0x00, 0x00,          /* address */
		       3, 0, 0, 0, 0, 0, 0, 0,                                  /* access */
		       0, 0, 0, 0, 0, 0, 0, 0);

	memset(&req, 0, sizeof(req));
	req.mr_type = GDMA_MR_ZBVA;
	req.zbva.dma_region = 5;
	req.zbva.access_flags = GDMA_ACCESS_REMOTE_WRITE;
	check_bytes_at(req, 48, 4, 0, 0, 0, 0, 0, 0, 0, /* type */
		       5, 0, 0, 0, 0, 0, 0, 0,          /* region */
		       8, 0, 0, 0, 0, 0, 0, 0);         /* access */

	memset(&req, 0, sizeof(req));
	req.mr_type = GDMA_MR_DM;
	req.dm.dm_handle = 6;
	req.dm.offset = 7;
	req.dm.access_flags = 1;
	req.dm_length = 9;
	check_bytes_at(req, 48, 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, /* type, handle */
		       7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,          /* offset, access */
		       9, 0, 0, 0, 0, 0, 0, 0);                                 /* length */
}

/* How many pages fit in the largest message a driver may send; and the offset of a page list */
static void page_lists(void **state)
{
	struct {
		struct gdma_create_dma_region_req req;
		uint64_t pages[2];
	} create;
	struct {
		struct gdma_dma_region_add_pages_req req;
		uint64_t pages[1];
	} add;

	(void)state;
	memset(&create, 0, sizeof(create));
	create.req.length = 0x1800;
	create.req.offset_in_page = 0x400;
	create.req.page_type = GDMA_PAGE_TYPE_4K;
	create.req.page_count = 2;
	create.req.page_addr_list_len = 2;
	create.req.page_addr_list[0] = 0xaa000;
	create.req.page_addr_list[1] = 0xbb000;
	check_bytes_at(create, 40, 0x00, 0x18, 0, 0, 0, 0, 0, 0,             /* length */
		       0x00, 0x04, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, /* offset ... */
		       0x00, 0xa0, 0x0a, 0, 0, 0, 0, 0, 0x00, 0xb0, 0x0b, 0, 0, 0, 0, 0);

	memset(&add, 0, sizeof(add));
	add.req.dma_region = 3;
	add.req.page_addr_list_len = 1;
	add.req.page_addr_list[0] = 0xcc000;
	check_bytes_at(add, 40, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, /* region, length */
		       0x00, 0xc0, 0x0c, 0, 0, 0, 0, 0);

	assert_int_equal((HWC_BOOT_MESSAGE_SIZE - sizeof(create.req)) / 8, 504);
	assert_int_equal((HWC_BOOT_MESSAGE_SIZE - sizeof(add.req)) / 8, 505);
}

static void page_sizes(void **state)
{
	(void)state;
	assert_int_equal(gdma_page_type_size(GDMA_PAGE_TYPE_4K), 4096);
	assert_int_equal(gdma_page_type_size(GDMA_PAGE_TYPE_2M), 2u << 20);
	assert_true(gdma_page_type_size(GDMA_PAGE_TYPE_MAX) == 2ull << 30);
}

/* A driver's description of itself, whose text starts at byte 128 of the message */
static void verify_version(void **state)
{
	struct gdma_verify_version_req req;

	(void)state;
	memset(&req, 0, sizeof(req));
	req.protocol_ver_min = GDMA_PROTOCOL_V1;
	req.protocol_ver_max = GDMA_PROTOCOL_V1;
	/* what Linux 6.12 sends */
	req.driver_cap_flags1 = GDMA_DRV_CAP_1_EQ_SHARING_MULTI_VPORT |
				GDMA_DRV_CAP_1_NAPI_WKDONE_FIX |
				GDMA_DRV_CAP_1_HWC_TIMEOUT_RECONFIG |
				GDMA_DRV_CAP_1_VARIABLE_INDIRECTION | GDMA_DRV_CAP_1_DEV_LIST_HOLES;
	req.os_type = GDMA_OS_LINUX;
	req.os_ver_major = 6;
	req.os_ver_minor = 12;
	memcpy(req.os_ver_str[0], "Linux", 6);
	check_bytes_at(req, 40, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, /* protocol */
		       0x2d, 0x08, 0, 0, 0, 0, 0, 0); /* bits 0 2 3 5 11 */
	check_bytes_at(req, 96, 0x10, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 12, 0, 0, 0);
	check_bytes_at(req, 128, 'L', 'i', 'n', 'u', 'x', 0);
	assert_ptr_equal(&req.os_ver_str[3][127] + 1, (char *)&req + 640);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(event_words),    cmocka_unit_test(tx_oob),
		cmocka_unit_test(rx_oob),         cmocka_unit_test(headers),
		cmocka_unit_test(create_queue),   cmocka_unit_test(create_mr),
		cmocka_unit_test(page_lists),     cmocka_unit_test(page_sizes),
		cmocka_unit_test(verify_version),
	};

	return cmocka_run_group_tests_name("wire/hwc", tests, NULL, NULL);
}
