/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control: registers, the shared-memory channel, the hardware channel and its commands, as a driver
 * uses them and as a bad one does. Each test ends with the adapter in its first state: no client,
 * no additional descriptor.
 */
#include "harness.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "device/command.h"
#include "device/gdma.h"
#include "device/hwc.h"
#include "device/rnic.h"
#include "device/state.h"
#include "device/vport.h"
#include "vfio_user/conn.h"
#include "../range.h"

static const char *const two_sinks[] = { "sink", "sink", NULL };

struct test {
	struct host host;
	struct guest guest;
	unsigned int fds_before;
};

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	test->fds_before = open_both(&test->host, &test->guest, 1, two_sinks);
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;

	close_both(&test->host, &test->guest, test->fds_before);
	free(test);
	return 0;
}

/* ---- Registers ---- */

static void registers_of_a_vf(void **state)
{
	struct test *test = *state;
	struct mana_vf_regs regs;
	uint8_t bytes[16];
	uint32_t word;

	bar_read(&test->guest, 0, &regs, sizeof(regs));
	assert_int_equal(regs.db_page_offset, GUEST_DB_BASE);
	assert_int_equal(regs.db_page_size, MANA_PAGE_SIZE);
	assert_int_equal(regs.shm_size, SMC_SIZE);
	assert_true(regs.shm_offset % 4 == 0);
	assert_int_equal(regs.version_major, 1);
	/* Any width and alignment */
	bar_read(&test->guest, 5, bytes, 11);
	assert_memory_equal(bytes, (uint8_t *)&regs + 5, 11);
	bar_read(&test->guest, MANA_VF_REG_DB_PAGE_SIZE, &word, 4);
	assert_int_equal(word & MANA_REG_DB_PAGE_SIZE_MASK, MANA_PAGE_SIZE);
	/* Writes to registers change nothing */
	memset(bytes, 0xff, sizeof(bytes));
	bar_write(&test->guest, 8, bytes, 8);
	bar_write(&test->guest, 0, bytes, 16);
	bar_write(&test->guest, 0x3ffffc, bytes, 8);
	bar_read(&test->guest, 8, bytes, 8);
	assert_memory_equal(bytes, &regs.db_page_offset, 8);
}

static void configuration_space(void **state)
{
	struct test *test = *state;
	uint32_t word, size = 0xffffffff;
	uint16_t command = 0xffff, got;
	uint8_t all[256], more[16];

	config_space_read(&test->guest, 0, &word, 4);
	assert_int_equal(word, 0x00ba1414);
	config_space_read(&test->guest, PCI_CLASS_REVISION, &word, 4);
	assert_int_equal(word >> 8, MANA_PCI_CLASS);
	config_space_write(&test->guest, PCI_BASE_ADDRESS_0, &size, 4);
	config_space_read(&test->guest, PCI_BASE_ADDRESS_0, &word, 4);
	assert_int_equal(~(word & ~0xfu) + 1, 0x800000);
	config_space_write(&test->guest, PCI_BASE_ADDRESS_4, &size, 4);
	config_space_read(&test->guest, PCI_BASE_ADDRESS_4, &word, 4);
	assert_int_equal(~(word & ~0xfu) + 1, 0x4000);
	config_space_write(&test->guest, PCI_COMMAND, &command, 2);
	config_space_read(&test->guest, PCI_COMMAND, &got, 2);
	assert_int_equal(got, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	/* The end of it, and what is beyond the first 256 bytes */
	memset(all, 0xff, sizeof(all));
	config_space_write(&test->guest, 4096 - 16, all, 16);
	config_space_write(&test->guest, 250, all, 16);
	config_space_read(&test->guest, 4096 - 16, more, 16);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(more[i], 0);
	/* Identity is not for writing */
	config_space_write(&test->guest, 0, all, 4);
	config_space_read(&test->guest, 0, &word, 4);
	assert_int_equal(word, 0x00ba1414);
}

static void registers_of_a_pf(void **state)
{
	struct host host = { .config = { .physical = true, .ports = 2 } };
	struct guest guest;
	uint64_t base, shm;
	struct mana_register_hw_port_req reg = { .is_pf_default_vport = 1 };
	struct mana_register_hw_port_resp port[2], third;
	struct mana_register_filter_req filter = { 0 };
	struct mana_register_filter_resp filtered;
	struct mana_deregister_filter_req unfilter = { 0 };
	struct mana_deregister_hw_port_req unreg = { 0 };
	struct gdma_general_resp answer;
	uint32_t word;

	(void)state;
	for (unsigned int i = 0; i < 2; i++)
		host.config.port[i] =
			(struct adapter_port_config){ .mac = { 2, 0, 0, 0, 0, (uint8_t)i },
						      .fabric = "sink",
						      .mtu = 1500,
						      .queues = 2 };
	host_open_config(&host, 1, NULL);
	guest_attach(&guest, &host);
	config_space_read(&guest, 0, &word, 4);
	assert_int_equal(word, 0x00b91414);
	bar_read(&guest, MANA_PF_REG_DB_PAGE_OFFSET, &base, 8);
	assert_int_equal(base, GUEST_DB_BASE);
	bar_read(&guest, MANA_PF_REG_DB_PAGE_SIZE, &word, 4);
	assert_int_equal(word & MANA_REG_DB_PAGE_SIZE_MASK, MANA_PAGE_SIZE);
	bar_read(&guest, MANA_PF_REG_SRIOV_CFG_BASE, &base, 8);
	bar_read(&guest, base + MANA_PF_SRIOV_REG_SHM_OFFSET, &shm, 8);
	assert_int_equal(base + shm, 0x1000);
	ethernet_up(&guest);
	assert_true(guest.init_seen & 1u << HWC_INIT_PF_DEST_RQ_ID);
	assert_true(guest.init_seen & 1u << HWC_INIT_PF_DEST_CQ_ID);

	assert_int_equal(COMMAND(&guest, MANA_REGISTER_HW_PORT, &reg, &port[0], 1), 0);
	assert_int_equal(COMMAND(&guest, MANA_REGISTER_HW_PORT, &reg, &port[1], 1), 0);
	assert_true(port[0].vport != port[1].vport);
	assert_int_not_equal(COMMAND(&guest, MANA_REGISTER_HW_PORT, &reg, &third, 1), 0);
	filter.vport = port[1].vport;
	assert_int_equal(COMMAND(&guest, MANA_REGISTER_FILTER, &filter, &filtered, 1), 0);
	assert_int_not_equal(COMMAND(&guest, MANA_REGISTER_FILTER, &filter, &filtered, 1), 0);
	filter.vport ^= 1;
	assert_int_not_equal(COMMAND(&guest, MANA_REGISTER_FILTER, &filter, &filtered, 1), 0);
	filter.vport ^= 1;
	unreg.vport = port[0].vport;
	assert_int_equal(COMMAND(&guest, MANA_DEREGISTER_HW_PORT, &unreg, &answer, 1), 0);
	assert_int_not_equal(COMMAND(&guest, MANA_DEREGISTER_HW_PORT, &unreg, &answer, 1), 0);
	assert_int_equal(COMMAND(&guest, MANA_REGISTER_HW_PORT, &reg, &port[0], 1), 0);
	assert_int_not_equal(COMMAND(&guest, MANA_DEREGISTER_FILTER, &unfilter, &answer, 1), 0);
	guest_detach(&guest);
	host_close(&host);
}

static void vf_has_no_ports_to_register(void **state)
{
	struct test *test = *state;
	struct mana_register_hw_port_req reg = { 0 };
	struct mana_register_hw_port_resp port;
	struct mana_deregister_filter_req unfilter = { .filter = 1 };
	struct mana_register_filter_req filter = { .vport = 1 };
	struct mana_register_filter_resp filtered;
	struct mana_deregister_hw_port_req unreg = { .vport = 1 };
	struct gdma_general_resp answer;

	ethernet_up(&test->guest);
	assert_int_equal(COMMAND(&test->guest, MANA_REGISTER_HW_PORT, &reg, &port, 1),
			 GDMA_STATUS_CMD_UNSUPPORTED);
	assert_int_equal(COMMAND(&test->guest, MANA_DEREGISTER_HW_PORT, &unreg, &answer, 1),
			 GDMA_STATUS_CMD_UNSUPPORTED);
	assert_int_equal(COMMAND(&test->guest, MANA_REGISTER_FILTER, &filter, &filtered, 1),
			 GDMA_STATUS_CMD_UNSUPPORTED);
	assert_int_equal(COMMAND(&test->guest, MANA_DEREGISTER_FILTER, &unfilter, &answer, 1),
			 GDMA_STATUS_CMD_UNSUPPORTED);
}

/* ---- Shared-memory channel ---- */

static void hwc_comes_up_and_goes(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gdma_generate_test_event_req event = { 0 };
	struct gdma_general_resp answer;
	struct gdma_eqe eqe;

	for (unsigned int i = 0; i < 3; i++) {
		hwc_up(guest);
		assert_int_equal(guest->init_seen, 0x3fe);
		assert_int_equal(guest->max_cqs, ADAPTER_CQS);
		event.queue_index = guest->heq.id;
		assert_int_equal(COMMAND(guest, GDMA_GENERATE_TEST_EQE, &event, &answer, 1), 0);
		assert_true(eq_take(&guest->heq, &eqe));
		assert_int_equal(eqe.type, GDMA_EQE_TEST_EVENT);
		assert_int_equal(hwc_down(guest), 0);
	}
	/* Twice: there is nothing to tear down, which is fine */
	assert_int_equal(hwc_down(guest), 0);
	assert_int_equal(warnings(), 0);
}

static void hwc_set_up_twice(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct smc_message message;
	struct gdma_query_max_resources_resp resources;
	struct gcq old_cq;

	hwc_up(guest);
	old_cq = guest->hcq;
	{
		struct guest second = *guest;

		message = hwc_message(&second);
		guest->used = second.used;
		assert_int_equal(smc_send(guest, &message).status, SMC_STATUS_FAILURE);
		assert_int_equal(second.heq.ring[0].info, 0);
	}
	/* The first one is as it was */
	assert_int_equal(guest->hcq.index, old_cq.index);
	assert_int_equal(
		simple(guest, GDMA_QUERY_MAX_RESOURCES, 0, &resources, sizeof(resources), 1), 0);
	assert_true(harness_said("while it was up"));

	/* With reset_vf it is a new start */
	message = hwc_message(guest);
	message.header.reset_vf = 1;
	assert_int_equal(smc_send(guest, &message).status, 0);
	assert_true(hwc_events(guest));
	ring_eq(guest, &guest->heq, true);
	assert_int_equal(
		simple(guest, GDMA_QUERY_MAX_RESOURCES, 0, &resources, sizeof(resources), 1), 0);
}

static void smc_misused(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct smc_message message;
	union smc_header header;
	uint8_t bytes[64];
	uint32_t word, after;

	/* Messages that do not exist */
	for (uint32_t type = 0; type < 8; type++) {
		if (type == SMC_ESTABLISH_HWC || type == SMC_DESTROY_HWC ||
		    type == SMC_REPORT_HWC_TIMEOUT)
			continue;
		memset(&message, 0, sizeof(message));
		message.header.msg_type = type & 7u;
		header = smc_send(guest, &message);
		assert_int_equal(header.response, 1);
		assert_int_equal(header.status, SMC_STATUS_FAILURE);
		assert_int_equal(header.msg_type, type);
	}
	memset(&message, 0, sizeof(message));
	message.header.msg_type = SMC_REPORT_HWC_TIMEOUT;
	message.header.msg_version = 1;
	assert_int_equal(smc_send(guest, &message).status, 0);

	/* No request: an answer, or the adapter's turn */
	memset(&message, 0, sizeof(message));
	message.header.word = 0x81;
	assert_int_equal(smc_send(guest, &message).word, 0x81);
	message.header.word = 0x80000001;
	assert_int_equal(smc_send(guest, &message).word, 0x80000001);

	/* A vector that does not exist; memory that is not mapped, each of the four */
	message = hwc_message(guest);
	message.msix = GUEST_VECTORS;
	assert_int_equal(smc_send(guest, &message).status, SMC_STATUS_FAILURE);
	for (unsigned int i = 0; i < 4; i++) {
		message = hwc_message(guest);
		smc_message_set_address(&message, (enum smc_queue)i,
					i % 2 ? GUEST_IOVA + GUEST_SIZE : 0xffffffffff000000ull);
		assert_int_equal(smc_send(guest, &message).status, SMC_STATUS_FAILURE);
	}

	/* Not in words */
	memset(bytes, 0x01, sizeof(bytes));
	bar_read(guest, 0x1000, &word, 4);
	bar_write(guest, 0x1001, bytes, 4);
	bar_write(guest, 0x1000, bytes, 3);
	bar_write(guest, 0x101c, bytes, 8);
	bar_write(guest, 0xffc, bytes, 8);
	bar_read(guest, 0x1000, &after, 4);
	assert_int_equal(after, word);
	bar_read(guest, 0x101c, &after, 4);
	assert_int_equal(after, 0x181);
	/* All 32 bytes at once is fine, and so is a 64-bit write of the end */
	message = hwc_message(guest);
	bar_write(guest, 0x1000, &message, sizeof(message));
	assert_true(hwc_events(guest));
	assert_int_equal(hwc_down(guest), 0);
	message = hwc_message(guest);
	for (unsigned int i = 0; i < 4; i++)
		bar_write(guest, 0x1000 + 8 * i, (uint8_t *)&message + 8 * i, 8);
	assert_true(hwc_events(guest));
}

static void hwc_teardown_frees_all(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct memory *memory = &test->host.adapter->memory;
	struct gnet net[2];
	uint64_t pd, mr;
	uint32_t id, key;

	ethernet_up(guest);
	net_up(guest, 0, &net[0]);
	net_up(guest, 1, &net[1]);
	assert_int_equal(pd_new(guest, &pd, &id), 0);
	assert_int_equal(
		mr_new(guest, pd, net[0].frame, 8192, 0x7000, GDMA_ACCESS_LOCAL_WRITE, &mr, &key),
		0);
	assert_true(region_of(guest, net[0].frame, 8192) != 0);
	assert_true(memory->lists.used > 0 && test->host.adapter->cqs.used > 0);
	assert_int_equal(hwc_down(guest), 0);
	assert_int_equal(memory->lists.used, 0);
	assert_int_equal(memory->pds.used, 0);
	assert_int_equal(memory->keys.used, 0);
	assert_int_equal(memory->pages_used, 0);
	assert_int_equal(test->host.adapter->eqs.used, 0);
	assert_int_equal(test->host.adapter->cqs.used, 0);
	assert_int_equal(test->host.adapter->sqs.used, 0);
	assert_int_equal(test->host.adapter->rqs.used, 0);
	for (unsigned int i = 0; i < ADAPTER_DOORBELL_PAGES / 64; i++)
		assert_int_equal(test->host.adapter->doorbell_pages[i], 0);
	/* Nothing answers, and nothing is written */
	memset(net[0].rq.cq.ring, 0, 4096);
	ring_wq(guest, &net[0].sq);
	ring_wq(guest, &net[0].rq);
	ring_cq(guest, &net[0].rq.cq, true);
	ring_eq(guest, &net[0].eq, true);
	ring_wq(guest, &guest->hsq);
	ethernet_up(guest);
}

static void function_resets(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	uint16_t flr = PCI_EXP_DEVCTL_BCR_FLR, master = PCI_COMMAND_MASTER;
	struct gnet net;

	/* FLR, then a reset through the protocol */
	ethernet_up(guest);
	net_up(guest, 0, &net);
	config_space_write(guest, 0x60 + PCI_EXP_DEVCTL, &flr, 2);
	assert_int_equal(test->host.adapter->eqs.used, 0);
	config_space_read(guest, 0x60 + PCI_EXP_DEVCTL, &flr, 2);
	assert_int_equal(flr, 0);
	ethernet_up(guest);
	net_up(guest, 0, &net);
	assert_int_equal(guest_reset(guest), 0);
	assert_int_equal(test->host.adapter->eqs.used, 0);
	/* Not a bus master now: doorbells and interrupts have no effect */
	vector_take(guest, 0);
	{
		struct smc_message message = hwc_message(guest);

		smc_send(guest, &message);
		assert_int_equal(vector_take(guest, 0), 0);
		hwc_down(guest);
	}
	config_space_write(guest, PCI_COMMAND, &master, 2);
	ethernet_up(guest);
	net_up(guest, 0, &net);
}

/* ---- Commands, as they should be ---- */

static void versions_and_limits(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gdma_verify_version_req verify = { .protocol_ver_min = 1, .protocol_ver_max = 5 };
	struct gdma_verify_version_resp verified;
	struct gdma_query_max_resources_resp max;
	struct gdma_list_devices_resp devices;
	struct gdma_query_hwc_timeout_req timeout = { .timeout_ms = 1234 };
	struct gdma_query_hwc_timeout_resp time;
	bool ethernet = false, rdma = false;

	hwc_up(guest);
	assert_int_equal(COMMAND(guest, GDMA_VERIFY_VF_DRIVER_VERSION, &verify, &verified, 1), 0);
	assert_int_equal(verified.protocol_ver, 1);
	assert_true(verified.pf_cap_flags1 & GDMA_PF_CAP_1_QUERY_HWC_TIMEOUT);
	assert_true(verified.pf_cap_flags1 & GDMA_PF_CAP_1_CQ_MODERATION);
	assert_true(verified.pf_cap_flags1 & GDMA_PF_CAP_1_LARGE_GDMA_PAGES);
	verify.protocol_ver_min = 2;
	assert_int_not_equal(COMMAND(guest, GDMA_VERIFY_VF_DRIVER_VERSION, &verify, &verified, 1),
			     0);
	verify.protocol_ver_min = 0;
	verify.protocol_ver_max = 0;
	assert_int_not_equal(COMMAND(guest, GDMA_VERIFY_VF_DRIVER_VERSION, &verify, &verified, 1),
			     0);
	assert_int_equal(simple(guest, GDMA_QUERY_MAX_RESOURCES, 0, &max, sizeof(max), 1), 0);
	assert_true(max.max_msix <= GUEST_VECTORS && max.max_msix > 1);
	assert_true(max.max_sq >= 64 && max.max_rq >= 64 && max.max_cq >= 128 && max.max_eq >= 64);
	assert_true(max.max_cq < guest->max_cqs);
	assert_int_equal(simple(guest, GDMA_LIST_DEVICES, 0, &devices, sizeof(devices), 1), 0);
	for (uint32_t i = 0; i < devices.num_of_devs; i++) {
		ethernet = ethernet || devices.devs[i].type == GDMA_DEVICE_MANA;
		rdma = rdma || devices.devs[i].type == GDMA_DEVICE_MANA_IB;
	}
	assert_true(ethernet && rdma);
	assert_int_equal(COMMAND(guest, GDMA_QUERY_HWC_TIMEOUT, &timeout, &time, 1), 0);
	assert_int_equal(time.timeout_ms, HWC_TIMEOUT_MS);
}

/* A guest's description of itself reaches the operator's terminal */
static void driver_name_is_printed_safely(void **state)
{
	struct test *test = *state;
	struct gdma_verify_version_req verify = { .protocol_ver_min = 1, .protocol_ver_max = 1 };
	struct gdma_verify_version_resp verified;

	hwc_up(&test->guest);
	memset(verify.os_ver_str, 'x', sizeof(verify.os_ver_str));
	memcpy(verify.os_ver_str[0], "Li\nnux\033[2J", 11);
	assert_int_equal(
		COMMAND(&test->guest, GDMA_VERIFY_VF_DRIVER_VERSION, &verify, &verified, 1), 0);
	assert_true(harness_noted("Li?nux?[2J"));
	assert_false(harness_noted("\033"));
}

/* The requested version if it is known, else the highest; always as many bytes as requested */
static void versions_of_responses(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gdma_resp_header header;
	uint8_t bytes[1024];

	ethernet_up(guest);
	for (uint16_t version = 1; version <= 9; version++) {
		struct mana_query_device_config_req config = { .proto_major_ver = 1 };
		struct mana_query_device_config_resp resp;
		struct mana_query_gf_stat_req stat = { .req_stats = MANA_GF_STAT_ALL };
		struct mana_query_gf_stat_resp stats;
		struct mana_query_vport_config_req vport = { 0 };
		struct mana_query_vport_config_resp vport_resp;

		assert_int_equal(COMMAND(guest, MANA_QUERY_DEV_CONFIG, &config, &resp, version), 0);
		assert_int_equal(resp.hdr.response.msg_version, version < 4 ? version : 4);
		assert_int_equal(resp.max_num_vports, 2);
		if (version >= 2)
			assert_int_equal(resp.adapter_mtu, 9014);
		if (version >= 4)
			assert_true(resp.link_speed_mbps > 0);
		assert_int_equal(COMMAND(guest, MANA_QUERY_GF_STAT, &stat, &stats, version), 0);
		assert_int_equal(stats.hdr.response.msg_version, version < 2 ? 1 : 2);
		assert_int_equal(stats.reported_stats, MANA_GF_STAT_ALL);
		assert_int_equal(
			COMMAND(guest, MANA_QUERY_VPORT_CONFIG, &vport, &vport_resp, version), 0);
		assert_int_equal(vport_resp.hdr.response.msg_version, 1);
	}
	/* Announced lengths that differ from the command's: cut off, or followed by zeros */
	for (uint32_t len = sizeof(header); len <= sizeof(bytes); len++) {
		assert_int_equal(simple(guest, GDMA_LIST_DEVICES, 0, bytes, len, 1), 0);
		for (uint32_t i = sizeof(struct gdma_list_devices_resp); i < len; i++)
			assert_int_equal(bytes[i], 0);
	}
	assert_int_equal(simple(guest, GDMA_LIST_DEVICES, 0, NULL, 4096, 1), 0);
	/* Failures as well, unknown ones too */
	assert_int_equal(simple(guest, 0x4242, 0, bytes, 100, 3), GDMA_STATUS_CMD_UNSUPPORTED);
	memcpy(&header, bytes, sizeof(header));
	assert_int_equal(header.response.msg_size, 100);
}

/* Lengths that no response can have: the usual one comes */
static void invalid_response_lengths(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	static const uint32_t lengths[] = { 0, 1, 31, 4097, 65536, 0xffffffff };

	hwc_up(guest);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct gdma_general_req request = { 0 };

		request_begin(guest, &request, GDMA_QUERY_MAX_RESOURCES, sizeof(request),
			      lengths[i], 1);
		assert_true(guest_send(guest, &request, sizeof(request)));
		assert_int_equal(guest->response_len, sizeof(struct gdma_query_max_resources_resp));
	}
}

static void every_ethernet_command(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct mana_query_link_config_req link = { 0 };
	struct mana_query_link_config_resp linked;
	struct mana_set_bw_clamp_req clamp = { .enable_clamping = 1, .link_speed_mbps = 1000 };
	struct mana_set_bw_clamp_resp clamped;
	struct mana_query_phy_stat_req phy = { .req_stats = 7 };
	struct mana_query_phy_stat_resp phys;
	struct mana_fence_rq_req fence = { 0 };
	struct gdma_general_resp answer;
	struct mana_config_vport_rx_req_v2 rx = { .v1 = { .rx_enable = 1,
							  .rss_enable = MANA_UNCHANGED,
							  .num_indir_entries = 0,
							  .indir_tab_offset = 120 } };
	struct mana_config_vport_rx_resp rx_resp;
	struct gdma_change_msix_req change = { .msix = 5 };
	struct gdma_generate_reset_event_req reset = { .data.revoke_vtl0_vf = 1 };
	struct gdma_eqe eqe;
	struct gdma_cqe cqe;
	struct gnet net;

	ethernet_up(guest);
	net_up(guest, 1, &net);
	assert_int_equal(net.port.table, 128);
	link.vport = clamp.vport = rx.v1.vport = net.port.handle;
	assert_int_equal(COMMAND(guest, MANA_QUERY_LINK_CONFIG, &link, &linked, 2), 0);
	assert_int_equal(linked.qos_unconfigured, 0);
	assert_int_equal(linked.link_speed_mbps, 200000);
	assert_int_equal(linked.qos_speed_mbps, 200000);
	assert_int_equal(COMMAND(guest, MANA_SET_BW_CLAMP, &clamp, &clamped, 1), 0);
	assert_int_equal(COMMAND(guest, MANA_QUERY_PHY_STAT, &phy, &phys, 1), 0);
	assert_int_equal(COMMAND(guest, MANA_CONFIG_VPORT_RX, &rx, &rx_resp, 2), 0);
	fence.wq_obj = net.rq.handle;
	assert_int_equal(COMMAND(guest, MANA_FENCE_RQ, &fence, &answer, 1), 0);
	assert_int_equal(rx_wait(guest, &net.rq).cqe_hdr.cqe_type, MANA_CQE_RX_OBJECT_FENCE);
	assert_false(cq_take(&net.rq.cq, &cqe));

	/* The fence's event is on vector 2; the next ones are to come on 5 */
	assert_true(eq_take(&net.eq, &eqe));
	assert_int_equal(vector_take(guest, 2), 1);
	ring_eq(guest, &net.eq, true);
	change.queue_index = net.eq.id;
	assert_int_equal(COMMAND(guest, GDMA_CHANGE_MSIX_FOR_EQ, &change, &answer, 1), 0);
	reset.queue_index = net.eq.id;
	assert_int_equal(COMMAND(guest, GDMA_GENERATE_RESET_REQUEST_EQE, &reset, &answer, 1), 0);
	assert_true(eq_take(&net.eq, &eqe));
	assert_int_equal(eqe.type, GDMA_EQE_HWC_RESET_REQUEST);
	assert_int_equal(eqe.details[0], 1);
	assert_int_equal(vector_take(guest, 2), 0);
	assert_int_equal(vector_take(guest, 5), 1);
	change.msix = GUEST_VECTORS;
	assert_int_not_equal(COMMAND(guest, GDMA_CHANGE_MSIX_FOR_EQ, &change, &answer, 1), 0);

	assert_int_equal(wq_end(guest, &net.sq), 0);
	assert_int_equal(wq_end(guest, &net.rq), 0);
	assert_int_equal(eq_end(guest, &net.eq), 0);
	assert_int_equal(
		simple(guest, GDMA_DEREGISTER_DEVICE, GDMA_DEVICE_MANA, &answer, sizeof(answer), 1),
		0);
	assert_int_equal(warnings(), 1); /* the vector */
}

static void every_rdma_command(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gdma_register_device_resp registered;
	struct rnic_query_adapter_cap_resp caps;
	struct gdma_general_req query = { 0 };
	struct rnic_create_adapter_req create = { 0 };
	struct rnic_create_adapter_resp created;
	struct rnic_config_ip_addr_req ip = { .op = RNIC_ADDR_ADD, .addr_type = RNIC_ADDR_IPV4 };
	struct rnic_config_mac_addr_req mac = { .op = RNIC_ADDR_ADD };
	struct rnic_create_cq_req cq = { 0 };
	struct rnic_create_cq_resp cqs[2];
	struct rnic_destroy_cq_req cq_end = { 0 };
	struct rnic_create_rc_qp_req rc = { 0 };
	struct rnic_create_rc_qp_resp rc_qp;
	struct rnic_create_ud_qp_req ud = { 0 };
	struct rnic_create_ud_qp_resp ud_qp;
	struct rnic_set_qp_state_req state_req = { 0 };
	struct rnic_destroy_qp_req qp_end = { 0 };
	struct rnic_query_counters_req counters = { 0 };
	struct rnic_query_vf_counters_resp vf;
	struct rnic_query_device_counters_resp device;
	struct rnic_destroy_adapter_req destroy = { 0 };
	struct gdma_general_resp answer;
	union gdma_doorbell ring = { .word = 0 };
	struct geq eq;
	uint64_t pd;
	uint32_t pd_id;

	ethernet_up(guest);
	assert_int_equal(simple(guest, GDMA_REGISTER_DEVICE, GDMA_DEVICE_MANA_IB, &registered,
				sizeof(registered), 1),
			 0);
	assert_int_equal(eq_new(guest, &eq, 256, 3), 0);
	request_begin(guest, &query, RNIC_QUERY_ADAPTER_CAP, sizeof(query), 104, 3);
	assert_int_equal(command(guest, &query, sizeof(query), &caps), 0);
	assert_int_equal(caps.hdr.response.msg_version, 3);
	assert_true(caps.max_send_sge_count <= 30 && caps.max_mr_count && caps.max_pd_count);
	assert_int_equal(COMMAND(guest, RNIC_QUERY_ADAPTER_CAP, &query, &caps, 4), 0);
	assert_int_equal(caps.hdr.response.msg_version, 4);
	create.notify_eq_id = eq.id;
	assert_int_equal(COMMAND(guest, RNIC_CREATE_ADAPTER, &create, &created, 1), 0);
	assert_int_not_equal(COMMAND(guest, RNIC_CREATE_ADAPTER, &create, &created, 1), 0);
	assert_int_not_equal(COMMAND(guest, RNIC_DESTROY_ADAPTER, &destroy, &answer, 1), 0);
	/* Everything goes with the device */
	assert_int_equal(simple(guest, GDMA_DEREGISTER_DEVICE, GDMA_DEVICE_MANA_IB, &answer,
				sizeof(answer), 1),
			 0);
	assert_int_equal(simple(guest, GDMA_REGISTER_DEVICE, GDMA_DEVICE_MANA_IB, &registered,
				sizeof(registered), 1),
			 0);
	assert_int_equal(COMMAND(guest, RNIC_CREATE_ADAPTER, &create, &created, 1), 0);
	/* The events' queue is in use */
	assert_int_not_equal(eq_end(guest, &eq), 0);
	ip.adapter = mac.adapter = cq.adapter = rc.adapter = ud.adapter = created.adapter;
	state_req.adapter = qp_end.adapter = counters.adapter = destroy.adapter = created.adapter;
	cq_end.adapter = created.adapter;
	assert_int_equal(COMMAND(guest, RNIC_CONFIG_IP_ADDR, &ip, &answer, 1), 0);
	assert_int_equal(COMMAND(guest, RNIC_CONFIG_MAC_ADDR, &mac, &answer, 1), 0);
	ip.op = RNIC_ADDR_REMOVE;
	assert_int_equal(COMMAND(guest, RNIC_CONFIG_IP_ADDR, &ip, &answer, 1), 0);
	ip.op = 77;
	assert_int_not_equal(COMMAND(guest, RNIC_CONFIG_IP_ADDR, &ip, &answer, 1), 0);
	ip.op = RNIC_ADDR_ADD;
	ip.adapter ^= 1ull << 40;
	assert_int_not_equal(COMMAND(guest, RNIC_CONFIG_IP_ADDR, &ip, &answer, 1), 0);

	for (unsigned int i = 0; i < 2; i++) {
		cq.dma_region = region_of(guest, guest_alloc(guest, 8192), 8192);
		cq.eq_id = eq.id;
		cq.doorbell_page = registered.db_id;
		assert_int_equal(COMMAND(guest, RNIC_CREATE_CQ, &cq, &cqs[i], 1), 0);
	}
	/* Its region is the queue's now */
	assert_int_not_equal(COMMAND(guest, RNIC_CREATE_CQ, &cq, &cqs[1], 1), 0);
	assert_int_equal(pd_new(guest, &pd, &pd_id), 0);
	cqs[1].cq_handle = cqs[0].cq_handle;
	rc.pd_handle = ud.pd_handle = pd;
	rc.send_cq_handle = rc.recv_cq_handle = ud.send_cq_handle = ud.recv_cq_handle =
		cqs[0].cq_handle;
	rc.doorbell_page = ud.doorbell_page = registered.db_id;
	for (unsigned int i = 0; i < RNIC_RC_QUEUE_COUNT; i++)
		rc.dma_region[i] =
			i == RNIC_RC_SQ_FMR ? 0 : region_of(guest, guest_alloc(guest, 4096), 4096);
	assert_int_equal(COMMAND(guest, RNIC_CREATE_RC_QP, &rc, &rc_qp, 1), 0);
	for (unsigned int i = 0; i < RNIC_UD_QUEUE_COUNT; i++)
		ud.dma_region[i] = region_of(guest, guest_alloc(guest, 4096), 4096);
	assert_int_equal(COMMAND(guest, RNIC_CREATE_UD_QP, &ud, &ud_qp, 1), 0);
	/* Used twice: fails, and the driver can still destroy the regions that it owned */
	ud.dma_region[1] = region_of(guest, guest_alloc(guest, 4096), 4096);
	assert_int_not_equal(COMMAND(guest, RNIC_CREATE_UD_QP, &ud, &ud_qp, 1), 0);
	assert_int_equal(region_destroy(guest, ud.dma_region[1]), 0);
	ud.dma_region[0] = region_of(guest, guest_alloc(guest, 4096), 4096);
	assert_int_not_equal(COMMAND(guest, RNIC_CREATE_UD_QP, &ud, &ud_qp, 1), 0);
	assert_int_equal(region_destroy(guest, ud.dma_region[0]), 0);

	cq_end.cq_handle = cqs[0].cq_handle;
	assert_int_not_equal(COMMAND(guest, RNIC_DESTROY_CQ, &cq_end, &answer, 1), 0);
	state_req.qp_handle = qp_end.qp_handle = rc_qp.qp_handle;
	assert_int_equal(COMMAND(guest, RNIC_SET_QP_STATE, &state_req, &answer, 1), 0);
	request_begin(guest, &state_req, RNIC_SET_QP_STATE, 160, sizeof(answer), 1);
	assert_int_equal(command(guest, &state_req, 160, &answer), 0);
	/* In this state entries are not sent. */
	ring.sq.id = rc_qp.queue_ids[RNIC_RC_SQ_REQUESTER] & 0xffffffu;
	ring.sq.tail = 64;
	doorbell(guest, registered.db_id, GDMA_DB_SQ, ring);
	assert_int_equal(COMMAND(guest, RNIC_QUERY_VF_COUNTERS, &counters, &vf, 2), 0);
	assert_int_equal(COMMAND(guest, RNIC_QUERY_DEVICE_COUNTERS, &counters, &device, 1), 0);
	assert_int_not_equal(COMMAND(guest, RNIC_DESTROY_UD_QP, &qp_end, &answer, 1), 0);
	assert_int_equal(COMMAND(guest, RNIC_DESTROY_RC_QP, &qp_end, &answer, 1), 0);
	assert_int_not_equal(COMMAND(guest, RNIC_DESTROY_RC_QP, &qp_end, &answer, 1), 0);
	assert_int_not_equal(COMMAND(guest, RNIC_SET_QP_STATE, &state_req, &answer, 1), 0);
	/* The rest goes with the adapter */
	assert_int_equal(COMMAND(guest, RNIC_DESTROY_ADAPTER, &destroy, &answer, 1), 0);
	assert_int_not_equal(COMMAND(guest, RNIC_DESTROY_ADAPTER, &destroy, &answer, 1), 0);
	assert_int_equal(eq_end(guest, &eq), 0);
	assert_int_equal(test->host.adapter->cqs.used, 1); /* the HWC's */
}

/* ---- Commands, wrong ---- */

/* Each command, with each length that is too short; nothing after its last byte is needed */
static void commands_too_short(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	static const struct command_entry *const sets[] = { gdma_commands, vport_commands,
							    rnic_commands };
	struct gdma_register_device_resp registered;
	unsigned int commands = 0;
	uint8_t message[4096];

	ethernet_up(guest);
	assert_int_equal(simple(guest, GDMA_REGISTER_DEVICE, GDMA_DEVICE_MANA_IB, &registered,
				sizeof(registered), 1),
			 0);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		for (const struct command_entry *entry = sets[i]; entry->name; entry++) {
			commands++;
			assert_true(entry->request >= sizeof(struct gdma_req_header));
			for (uint32_t len = sizeof(struct gdma_req_header); len < entry->request;
			     len++) {
				memset(message, 0, sizeof(message));
				request_begin(guest, message, entry->code, len, entry->response, 1);
				assert_int_equal(command(guest, message, len, NULL), STATUS_SHORT);
			}
		}
	assert_true(commands >= 50);
	/* Too short for a header: no answer, but the next one is answered */
	for (uint32_t len = 0; len < sizeof(struct gdma_req_header); len++) {
		memset(message, 0, sizeof(message));
		request_begin(guest, message, GDMA_LIST_DEVICES, len, 296, 1);
		assert_false(guest_send(guest, message, len));
	}
	assert_int_equal(simple(guest, GDMA_LIST_DEVICES, 0, NULL, 296, 1), 0);
	/* Too long: a message has 4096 bytes at most */
	memset(message, 0, sizeof(message));
	assert_false(guest_send(guest, guest->memory, 4097));
	request_begin(guest, message, GDMA_LIST_DEVICES, 4096, 296, 1);
	assert_int_equal(command(guest, message, 4096, NULL), 0);
}

static void commands_unknown_or_elsewhere(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	static const uint32_t unknown[] = { 0,       6,       9,       11 << 8,   28,
					    33,      85,      0x20000, 0x20009,   0x2000d,
					    0x30000, 0x3000c, 0x40001, 0xffffffff };
	struct gdma_register_device_resp registered;
	struct mana_query_vport_config_req query = { 0 };
	struct mana_query_vport_config_resp config;

	hwc_up(guest);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(simple(guest, unknown[i], 0, NULL, 32, 1),
				 GDMA_STATUS_CMD_UNSUPPORTED);
	/* Before the device is registered: commands that change something fail */
	assert_int_equal(simple(guest, GDMA_DEREGISTER_DEVICE, GDMA_DEVICE_MANA, NULL, 32, 1),
			 STATUS_DEVICE);
	for (uint16_t device = 0; device < 16; device++) {
		if (device == GDMA_DEVICE_MANA || device == GDMA_DEVICE_MANA_IB)
			continue;
		assert_int_equal(simple(guest, GDMA_REGISTER_DEVICE, device, &registered,
					sizeof(registered), 1),
				 STATUS_DEVICE);
	}
	assert_int_equal(simple(guest, GDMA_REGISTER_DEVICE, GDMA_DEVICE_MANA, &registered,
				sizeof(registered), 1),
			 0);
	assert_int_equal(simple(guest, GDMA_REGISTER_DEVICE, GDMA_DEVICE_MANA, &registered,
				sizeof(registered), 1),
			 STATUS_BUSY);
	/* A vPort's command to the RDMA device, and the other way round */
	query.hdr.dev_id.type = GDMA_DEVICE_MANA_IB;
	assert_int_equal(COMMAND(guest, MANA_QUERY_VPORT_CONFIG, &query, &config, 1),
			 STATUS_DEVICE);
	query.hdr.dev_id.type = GDMA_DEVICE_HWC;
	assert_int_equal(COMMAND(guest, MANA_QUERY_VPORT_CONFIG, &query, &config, 1),
			 STATUS_DEVICE);
	assert_int_equal(simple(guest, RNIC_QUERY_ADAPTER_CAP, GDMA_DEVICE_MANA, NULL, 104, 3),
			 STATUS_DEVICE);
	assert_int_equal(simple(guest, RNIC_QUERY_ADAPTER_CAP, GDMA_DEVICE_MANA_IB, NULL, 104, 3),
			 STATUS_DEVICE);
}

/* Linux 7.2 queries the device before it registers it */
static void device_is_asked_before_it_is_registered(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct mana_query_device_config_req config = { .proto_major_ver = 1 };
	struct mana_query_device_config_resp resp;

	hwc_up(guest);
	assert_int_equal(COMMAND(guest, MANA_QUERY_DEV_CONFIG, &config, &resp, 3), 0);
	assert_int_equal(resp.hdr.response.msg_version, 3);
	assert_int_equal(resp.bm_hostmode, 0);
	assert_int_equal(resp.adapter_mtu, 9014);
}

static void invalid_handles(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct mana_create_wq_obj_req create;
	struct mana_create_wq_obj_resp created;
	struct mana_destroy_wq_obj_req destroy = { .wq_type = GDMA_SQ };
	struct mana_fence_rq_req fence = { 0 };
	struct mana_config_vport_tx_req tx = { 0 };
	struct mana_config_vport_tx_resp tx_resp;
	struct mana_query_vport_config_req query = { .vport_index = 2 };
	struct mana_query_vport_config_resp config;
	struct gdma_destroy_pd_req pd_end = { 0 };
	struct gdma_destroy_mr_req mr_end = { 0 };
	struct gdma_create_mr_req mr_req = { .mr_type = GDMA_MR_GVA };
	struct gdma_create_mr_resp mr_resp;
	struct gdma_disable_queue_req disable = { .type = GDMA_EQ };
	struct gdma_generate_test_event_req event = { .queue_index = 4000 };
	struct gdma_general_resp answer;
	struct gwq wq;
	struct geq eq;
	struct gnet net;
	uint64_t pd, pd2, mr, region, other;
	uint32_t id, key;

	ethernet_up(guest);
	net_up(guest, 0, &net);
	assert_int_equal(COMMAND(guest, MANA_QUERY_VPORT_CONFIG, &query, &config, 1),
			 STATUS_NOT_FOUND);
	query.vport_index = 0xffffffff;
	assert_int_equal(COMMAND(guest, MANA_QUERY_VPORT_CONFIG, &query, &config, 1),
			 STATUS_NOT_FOUND);

	/* Each kind of handle in place of each other kind */
	assert_int_equal(pd_new(guest, &pd, &id), 0);
	assert_int_equal(mr_new(guest, pd, net.frame, 4096, 0, 1, &mr, &key), 0);
	region = region_of(guest, net.frame, 4096);
	assert_true(region != 0);
	{
		const uint64_t handles[] = { 0,
					     1,
					     ~0ull,
					     pd,
					     mr,
					     region,
					     net.port.handle,
					     net.sq.handle,
					     net.rq.handle,
					     region + 1,
					     region ^ 1ull << 33,
					     pd + 1,
					     mr ^ 1ull << 34,
					     net.sq.handle ^ 1ull << 35 };

		for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
			uint64_t handle = handles[i];

			if (handle != region)
				assert_int_equal(region_destroy(guest, handle), STATUS_NOT_FOUND);
			pd_end.pd_handle = handle;
			if (handle != pd)
				assert_int_equal(
					COMMAND(guest, GDMA_DESTROY_PD, &pd_end, &answer, 1),
					STATUS_NOT_FOUND);
			mr_end.mr_handle = handle;
			if (handle != mr)
				assert_int_equal(
					COMMAND(guest, GDMA_DESTROY_MR, &mr_end, &answer, 1),
					STATUS_NOT_FOUND);
			tx.vport = handle;
			tx.pdid = guest->pd;
			if (handle != net.port.handle)
				assert_int_equal(
					COMMAND(guest, MANA_CONFIG_VPORT_TX, &tx, &tx_resp, 1),
					STATUS_NOT_FOUND);
			destroy.wq_obj = handle;
			destroy.wq_type = GDMA_SQ;
			if (handle != net.sq.handle)
				assert_int_equal(
					COMMAND(guest, MANA_DESTROY_WQ_OBJ, &destroy, &answer, 1),
					STATUS_NOT_FOUND);
			destroy.wq_type = GDMA_RQ;
			if (handle != net.rq.handle)
				assert_int_equal(
					COMMAND(guest, MANA_DESTROY_WQ_OBJ, &destroy, &answer, 1),
					STATUS_NOT_FOUND);
			fence.wq_obj = handle;
			if (handle != net.rq.handle)
				assert_int_equal(COMMAND(guest, MANA_FENCE_RQ, &fence, &answer, 1),
						 STATUS_NOT_FOUND);
			mr_req.gva.dma_region = handle;
			mr_req.pd_handle = pd;
			if (handle != region)
				assert_int_equal(
					COMMAND(guest, GDMA_CREATE_MR, &mr_req, &mr_resp, 1),
					STATUS_NOT_FOUND);
			mr_req.gva.dma_region = region;
			mr_req.pd_handle = handle;
			if (handle != pd)
				assert_int_equal(
					COMMAND(guest, GDMA_CREATE_MR, &mr_req, &mr_resp, 1),
					STATUS_NOT_FOUND);
		}
	}
	destroy.wq_type = GDMA_CQ;
	destroy.wq_obj = net.rq.handle;
	assert_int_equal(COMMAND(guest, MANA_DESTROY_WQ_OBJ, &destroy, &answer, 1), STATUS_INVALID);

	/* In use: a PD with a region in it, an EQ with a CQ on it, the devices' own things */
	pd_end.pd_handle = pd;
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_PD, &pd_end, &answer, 1), STATUS_BUSY);
	assert_int_equal(eq_end(guest, &net.eq), STATUS_BUSY);
	disable.queue_index = guest->heq.id;
	assert_int_equal(COMMAND(guest, GDMA_DISABLE_QUEUE, &disable, &answer, 1), STATUS_BUSY);
	disable.type = GDMA_CQ;
	assert_int_equal(COMMAND(guest, GDMA_DISABLE_QUEUE, &disable, &answer, 1), STATUS_INVALID);

	/* Used twice; gone with what it was used for */
	mr_req.mr_type = GDMA_MR_ZBVA;
	mr_req.pd_handle = pd;
	mr_req.zbva.dma_region = region;
	assert_int_equal(COMMAND(guest, GDMA_CREATE_MR, &mr_req, &mr_resp, 1), 0);
	assert_int_equal(COMMAND(guest, GDMA_CREATE_MR, &mr_req, &mr_resp, 1), STATUS_NOT_FOUND);
	assert_int_equal(region_destroy(guest, region), STATUS_NOT_FOUND);
	/* Destroyed twice; the handle is stale though its number may be given again */
	mr_end.mr_handle = mr;
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_MR, &mr_end, &answer, 1), 0);
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_MR, &mr_end, &answer, 1), STATUS_NOT_FOUND);
	assert_int_equal(pd_new(guest, &pd2, &id), 0);
	pd_end.pd_handle = pd2;
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_PD, &pd_end, &answer, 1), 0);
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_PD, &pd_end, &answer, 1), STATUS_NOT_FOUND);
	assert_int_equal(wq_end(guest, &net.sq), 0);
	assert_int_equal(wq_end(guest, &net.sq), STATUS_NOT_FOUND);
	assert_int_equal(wq_new(guest, &net.port, GDMA_SQ, 4096, 64, &net.eq, &wq), 0);
	assert_int_equal(wq_end(guest, &net.sq), STATUS_NOT_FOUND);

	/* CREATE_WQ_OBJ: everything that it names */
	region = region_of(guest, net.frame, 8192);
	other = region_of(guest, net.frame + 8192, 8192);
	create = (struct mana_create_wq_obj_req){ .vport = net.port.handle,
						  .wq_type = GDMA_SQ,
						  .wq_dma_region = region,
						  .cq_dma_region = other,
						  .wq_size = 8192,
						  .cq_size = 8192,
						  .cq_parent_eq_id = net.eq.id };
#define EXPECT(field, value, status)                                                               \
	do {                                                                                       \
		struct mana_create_wq_obj_req changed = create;                                    \
		changed.field = value;                                                             \
		assert_int_equal(COMMAND(guest, MANA_CREATE_WQ_OBJ, &changed, &created, 1),        \
				 status);                                                          \
	} while (0)
	EXPECT(vport, net.port.handle + 1, STATUS_NOT_FOUND);
	EXPECT(vport, 0, STATUS_NOT_FOUND);
	EXPECT(wq_type, GDMA_CQ, STATUS_INVALID);
	EXPECT(wq_type, GDMA_EQ, STATUS_INVALID);
	EXPECT(wq_type, 0, STATUS_INVALID);
	EXPECT(wq_dma_region, other, STATUS_NOT_FOUND);
	EXPECT(wq_dma_region, 0, STATUS_NOT_FOUND);
	EXPECT(cq_dma_region, wq.cq_region, STATUS_NOT_FOUND);
	EXPECT(cq_parent_eq_id, 4095, STATUS_NOT_FOUND);
	EXPECT(cq_parent_eq_id, 0xfffffff0, STATUS_NOT_FOUND);
	EXPECT(cq_parent_eq_id, guest->heq.id, STATUS_NOT_FOUND);
	EXPECT(wq_size, 0, STATUS_INVALID);
	EXPECT(wq_size, 32, STATUS_INVALID);
	EXPECT(wq_size, 12288, STATUS_INVALID);
	EXPECT(wq_size, 16384, STATUS_INVALID);
	EXPECT(wq_size, 0x80000000, STATUS_INVALID);
	EXPECT(cq_size, 0, STATUS_INVALID);
	EXPECT(cq_size, 4095, STATUS_INVALID);
	EXPECT(cq_size, 16384, STATUS_INVALID);
	EXPECT(cq_size, 0xfffff000, STATUS_INVALID);
#undef EXPECT
	/* After all that they can still be used */
	assert_int_equal(COMMAND(guest, MANA_CREATE_WQ_OBJ, &create, &created, 1), 0);

	/* The other vPort was not configured for transmission */
	query.vport_index = 1;
	assert_int_equal(COMMAND(guest, MANA_QUERY_VPORT_CONFIG, &query, &config, 1), 0);
	create.vport = config.vport;
	create.wq_dma_region = region_of(guest, net.frame, 8192);
	create.cq_dma_region = region_of(guest, net.frame + 8192, 8192);
	assert_int_equal(COMMAND(guest, MANA_CREATE_WQ_OBJ, &create, &created, 1), STATUS_INVALID);
	tx.vport = config.vport;
	tx.pdid = 4095;
	assert_int_equal(COMMAND(guest, MANA_CONFIG_VPORT_TX, &tx, &tx_resp, 1), STATUS_NOT_FOUND);
	tx.pdid = guest->pd;
	tx.doorbell_page = 0xffffffff;
	assert_int_equal(COMMAND(guest, MANA_CONFIG_VPORT_TX, &tx, &tx_resp, 1), STATUS_INVALID);

	assert_int_equal(COMMAND(guest, GDMA_GENERATE_TEST_EQE, &event, &answer, 1),
			 STATUS_NOT_FOUND);
	assert_int_equal(eq_new(guest, &eq, 256, GUEST_VECTORS), STATUS_INVALID);
	assert_int_equal(eq_new(guest, &eq, 768, 1), STATUS_INVALID);
	assert_int_equal(eq_new(guest, &eq, 16, 1), STATUS_INVALID);
}

static void invalid_steering(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct {
		struct mana_config_vport_rx_req_v2 head;
		uint64_t table[400];
	} request = { .head.v1 = { .indir_tab_offset = 120,
				   .rx_enable = 1,
				   .rss_enable = 1,
				   .update_indir_tab = 1,
				   .num_indir_entries = 4 } };
	struct gdma_general_resp answer;
	struct gnet net, other;

	ethernet_up(guest);
	net_up(guest, 0, &net);
	net_up(guest, 1, &other);
	request.head.v1.vport = net.port.handle;
	for (unsigned int i = 0; i < 400; i++)
		request.table[i] = net.rq.handle;
#define STEER(len)                                                                                 \
	(request_begin(guest, &request, MANA_CONFIG_VPORT_RX, len, sizeof(answer), 1),             \
	 request.head.v1.hdr.req.msg_version = 2, command(guest, &request, len, &answer))
	assert_int_equal(STEER(152), 0);
	assert_int_equal(STEER(151), STATUS_INVALID); /* the table is cut off */
	request.head.v1.indir_tab_offset = 0xffff;
	assert_int_equal(STEER(152), STATUS_INVALID);
	request.head.v1.indir_tab_offset = 153;
	assert_int_equal(STEER(152), STATUS_INVALID);
	request.head.v1.indir_tab_offset = 120;
	request.head.v1.num_indir_entries = 0;
	assert_int_equal(STEER(152), STATUS_INVALID);
	request.head.v1.num_indir_entries = 3;
	assert_int_equal(STEER(152), STATUS_INVALID);
	request.head.v1.num_indir_entries = 1024;
	assert_int_equal(STEER((uint32_t)sizeof(request)), STATUS_INVALID);
	request.head.v1.num_indir_entries = 0xffff;
	assert_int_equal(STEER(152), STATUS_INVALID);
	request.head.v1.num_indir_entries = 4;
	request.table[3] = other.rq.handle; /* another vPort's */
	assert_int_equal(STEER(152), STATUS_INVALID);
	request.table[3] = net.sq.handle;
	assert_int_equal(STEER(152), STATUS_INVALID);
	request.table[3] = 0;
	assert_int_equal(STEER(152), STATUS_INVALID);
	request.table[3] = net.rq.handle;
	request.head.v1.update_default_rxobj = 1;
	request.head.v1.default_rxobj = other.rq.handle;
	assert_int_equal(STEER(152), STATUS_NOT_FOUND);
	request.head.v1.default_rxobj = 0;
	assert_int_equal(STEER(152), STATUS_NOT_FOUND);
	request.head.v1.default_rxobj = MANA_INVALID_HANDLE;
	assert_int_equal(STEER(152), 0);
	request.head.v1.vport = 0;
	assert_int_equal(STEER(152), STATUS_NOT_FOUND);
	/* openvmm's: version 1, the table 8 bytes earlier */
	request.head.v1.vport = net.port.handle;
	request.head.v1.indir_tab_offset = 112;
	memcpy((uint8_t *)&request + 112, &net.rq.handle, 8);
	request.head.v1.num_indir_entries = 1;
	request_begin(guest, &request, MANA_CONFIG_VPORT_RX, 120, sizeof(answer), 1);
	assert_int_equal(command(guest, &request, 120, &answer), 0);
#undef STEER
}

/* ---- DMA regions ---- */

static uint32_t region_ask(struct guest *guest, uint64_t length, uint32_t offset, uint32_t type,
			   uint32_t count, uint32_t given, uint64_t first, uint64_t *handle)
{
	static struct {
		struct gdma_create_dma_region_req head;
		uint64_t page[504];
	} request;
	struct gdma_create_dma_region_resp response;
	uint32_t present = given < 504 ? given : 504;
	uint32_t len = (uint32_t)sizeof(request.head) + present * 8, status;

	memset(&request, 0, sizeof(request));
	request.head.length = length;
	request.head.offset_in_page = offset;
	request.head.page_type = type;
	request.head.page_count = count;
	request.head.page_addr_list_len = given;
	for (uint32_t i = 0; i < present; i++)
		request.page[i] = first + (uint64_t)i * (4096ull << (type < 20 ? type : 0));
	request_begin(guest, &request, GDMA_CREATE_DMA_REGION, len, sizeof(response), 1);
	status = command(guest, &request, len, &response);
	*handle = response.dma_region;
	return status;
}

static uint32_t region_more(struct guest *guest, uint64_t handle, uint32_t given, uint64_t first)
{
	static struct {
		struct gdma_dma_region_add_pages_req head;
		uint64_t page[504];
	} request;
	struct gdma_general_resp answer;
	uint32_t present = given < 504 ? given : 504;
	uint32_t len = (uint32_t)sizeof(request.head) + present * 8;

	memset(&request, 0, sizeof(request));
	request.head.dma_region = handle;
	request.head.page_addr_list_len = given;
	for (uint32_t i = 0; i < present; i++)
		request.page[i] = first + (uint64_t)i * 4096;
	request_begin(guest, &request, GDMA_DMA_REGION_ADD_PAGES, len, sizeof(answer), 1);
	return command(guest, &request, len, &answer);
}

static void valid_and_invalid_regions(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct memory *memory = &test->host.adapter->memory;
	struct gdma_create_mr_req mr = { .mr_type = GDMA_MR_GVA };
	struct gdma_create_mr_resp mr_resp;
	uint64_t handle, big, pd;
	uint32_t id, lists, pages;

	ethernet_up(guest);
	lists = memory->lists.used;
	pages = memory->pages_used;
	assert_int_equal(region_ask(guest, 4096, 0, 0, 1, 1, GUEST_IOVA, &handle), 0);
	assert_int_equal(region_destroy(guest, handle), 0);
	assert_int_equal(region_destroy(guest, handle), STATUS_NOT_FOUND);
	/* Not where it is aligned; longer than its pages; no length; no pages */
	assert_int_equal(region_ask(guest, 4096, 0, 0, 1, 1, GUEST_IOVA + 1, &handle),
			 STATUS_INVALID);
	assert_int_equal(region_ask(guest, 8192, 0, 1, 1, 1, GUEST_IOVA + 4096, &handle),
			 STATUS_INVALID);
	assert_int_equal(region_ask(guest, 4097, 0, 0, 1, 1, GUEST_IOVA, &handle), STATUS_INVALID);
	assert_int_equal(region_ask(guest, 4096, 1, 0, 1, 1, GUEST_IOVA, &handle), STATUS_INVALID);
	assert_int_equal(region_ask(guest, 1, 4096, 0, 2, 2, GUEST_IOVA, &handle), STATUS_INVALID);
	assert_int_equal(region_ask(guest, 0, 0, 0, 1, 1, GUEST_IOVA, &handle), STATUS_INVALID);
	assert_int_equal(region_ask(guest, ~0ull, 0, 0, 1, 1, GUEST_IOVA, &handle), STATUS_INVALID);
	assert_int_equal(region_ask(guest, 4096, 0, 0, 0, 0, GUEST_IOVA, &handle), STATUS_INVALID);
	/* Page sizes: 2 MB and 2 GB are, beyond is not */
	assert_int_equal(region_ask(guest, 2 << 20, 0, 9, 1, 1, GUEST_IOVA, &handle), 0);
	assert_int_equal(region_destroy(guest, handle), 0);
	assert_int_equal(region_ask(guest, 6 << 20, 0, 10, 2, 2, GUEST_IOVA, &handle), 0);
	assert_int_equal(region_destroy(guest, handle), 0);
	assert_int_equal(region_ask(guest, 1 << 20, 4096, 18, 1, 1, GUEST_IOVA, &handle), 0);
	assert_int_equal(region_destroy(guest, handle), 0);
	assert_int_equal(region_ask(guest, 4096, 0x7ffff000, 19, 1, 1, 0x80000000, &handle), 0);
	assert_int_equal(region_destroy(guest, handle), 0);
	assert_int_equal(region_ask(guest, 4096, 0, 20, 1, 1, 0, &handle), STATUS_INVALID);
	assert_int_equal(region_ask(guest, 4096, 0, 0xffffffff, 1, 1, 0, &handle), STATUS_INVALID);
	/* More pages than announced, than are in the message, than any client gets */
	assert_int_equal(region_ask(guest, 4096, 0, 0, 1, 2, GUEST_IOVA, &handle), STATUS_INVALID);
	assert_int_equal(region_ask(guest, 4096, 0, 0, 1000, 505, GUEST_IOVA, &handle),
			 STATUS_SHORT);
	assert_int_equal(region_ask(guest, 4096, 0, 0, 0xffffffff, 0xffffffff, GUEST_IOVA, &handle),
			 STATUS_SHORT);
	assert_int_equal(region_ask(guest, 4096, 0, 0, 0xffffffff, 1, GUEST_IOVA, &handle),
			 STATUS_NO_RESOURCE);
	assert_int_equal(region_ask(guest, 4096, 0, 0, MEMORY_PAGES_MAX, 1, GUEST_IOVA, &handle),
			 STATUS_NO_RESOURCE);

	/* A list over several messages, of the kind a large memory region needs */
	assert_int_equal(region_create(guest, GUEST_IOVA + 100, 5000ull * 4096, &big), 0);
	assert_int_equal(memory->pages_used, pages + 5001);
	assert_int_equal(region_more(guest, big, 1, GUEST_IOVA), STATUS_INVALID);
	assert_int_equal(region_destroy(guest, big), 0);
	assert_int_equal(region_ask(guest, 1001ull * 4096, 0, 0, 1001, 500, GUEST_IOVA, &handle),
			 GDMA_STATUS_MORE_ENTRIES);
	/* Not usable before it is complete */
	assert_int_equal(pd_new(guest, &pd, &id), 0);
	mr.pd_handle = pd;
	mr.gva.dma_region = handle;
	assert_int_equal(COMMAND(guest, GDMA_CREATE_MR, &mr, &mr_resp, 1), STATUS_INVALID);
	assert_int_equal(region_more(guest, handle, 0, 0), GDMA_STATUS_MORE_ENTRIES);
	assert_int_equal(region_more(guest, handle, 600, GUEST_IOVA), STATUS_SHORT);
	assert_int_equal(region_more(guest, handle, 1, GUEST_IOVA + 8), STATUS_INVALID);
	assert_int_equal(region_more(guest, handle, 500, GUEST_IOVA), GDMA_STATUS_MORE_ENTRIES);
	assert_int_equal(region_more(guest, handle, 2, GUEST_IOVA), STATUS_INVALID);
	assert_int_equal(region_more(guest, handle + 1, 1, GUEST_IOVA), STATUS_NOT_FOUND);
	assert_int_equal(region_more(guest, handle, 1, GUEST_IOVA), 0);
	assert_int_equal(COMMAND(guest, GDMA_CREATE_MR, &mr, &mr_resp, 1), 0);
	assert_int_equal(region_more(guest, handle, 1, GUEST_IOVA), STATUS_NOT_FOUND);

	/* Pages that are not mapped: a region may name them, a queue may not lie in them */
	{
		struct gdma_create_queue_req queue = { .type = GDMA_EQ,
						       .pdid = guest->pd,
						       .queue_size = 8192 };
		struct gdma_create_queue_resp queue_resp;

		assert_int_equal(region_ask(guest, 8192, 0, 0, 2, 2, GUEST_IOVA + GUEST_SIZE - 4096,
					    &handle),
				 0);
		queue.dma_region = handle;
		assert_int_equal(COMMAND(guest, GDMA_CREATE_QUEUE, &queue, &queue_resp, 1),
				 STATUS_FAULT);
		assert_int_equal(region_destroy(guest, handle), 0);
		/* Nor in part of a page, nor in more than the region */
		assert_int_equal(region_ask(guest, 4096, 100, 0, 2, 2, GUEST_IOVA, &handle), 0);
		queue.dma_region = handle;
		queue.queue_size = 4096;
		assert_int_equal(COMMAND(guest, GDMA_CREATE_QUEUE, &queue, &queue_resp, 1),
				 STATUS_INVALID);
		assert_int_equal(region_destroy(guest, handle), 0);
	}
	assert_int_equal(memory->lists.used, lists + 1);
}

/* Every limit is enforced, and everything is freed again */
static void limits_are_kept(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct adapter *adapter = test->host.adapter;
	struct gdma_allocate_resource_range_req range = {
		.resource_type = GDMA_RESOURCE_DOORBELL_PAGE, .num_resources = 1, .alignment = 1
	};
	struct gdma_allocate_resource_range_resp ranged;
	struct gdma_destroy_resource_range_req range_end = { .resource_type =
								     GDMA_RESOURCE_DOORBELL_PAGE };
	struct gdma_general_resp answer;
	uint64_t handle, pd;
	unsigned int n;
	uint32_t id;

	ethernet_up(guest);
	for (n = 0; region_ask(guest, 4096, 0, 0, 1, 1, GUEST_IOVA, &handle) == 0; n++)
		assert_true(n < 100000);
	assert_true(n > 10000);
	for (n = 0; pd_new(guest, &pd, &id) == 0; n++)
		assert_true(n < 100000);
	assert_true(n > 1000);
	for (n = 0; COMMAND(guest, GDMA_ALLOCATE_RESOURCE_RANGE, &range, &ranged, 1) == 0; n++)
		assert_true(n < ADAPTER_DOORBELL_PAGES);
	assert_int_equal(n, ADAPTER_DOORBELL_PAGES - 2); /* the HWC's and the device's */
	assert_int_equal(COMMAND(guest, GDMA_ALLOCATE_RESOURCE_RANGE, &range, &ranged, 1),
			 STATUS_NO_RESOURCE);
	range_end.num_resources = 4;
	range_end.allocated_resources = 100;
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_RESOURCE_RANGE, &range_end, &answer, 1), 0);
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_RESOURCE_RANGE, &range_end, &answer, 1),
			 STATUS_INVALID);
	range.num_resources = 3;
	range.alignment = 2;
	assert_int_equal(COMMAND(guest, GDMA_ALLOCATE_RESOURCE_RANGE, &range, &ranged, 1), 0);
	assert_int_equal(ranged.allocated_resources, 100);
	range.num_resources = 0;
	assert_int_equal(COMMAND(guest, GDMA_ALLOCATE_RESOURCE_RANGE, &range, &ranged, 1),
			 STATUS_INVALID);
	range.num_resources = 0xffffffff;
	assert_int_equal(COMMAND(guest, GDMA_ALLOCATE_RESOURCE_RANGE, &range, &ranged, 1),
			 STATUS_INVALID);
	range.num_resources = 1;
	range.resource_type = 1;
	assert_int_equal(COMMAND(guest, GDMA_ALLOCATE_RESOURCE_RANGE, &range, &ranged, 1),
			 STATUS_INVALID);
	/* The device's own page, the end of the range */
	range_end.num_resources = 1;
	range_end.allocated_resources = guest->doorbell;
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_RESOURCE_RANGE, &range_end, &answer, 1),
			 STATUS_BUSY);
	range_end.allocated_resources = 0xffffffff;
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_RESOURCE_RANGE, &range_end, &answer, 1),
			 STATUS_INVALID);
	range_end.allocated_resources = ADAPTER_DOORBELL_PAGES - 1;
	range_end.num_resources = 2;
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_RESOURCE_RANGE, &range_end, &answer, 1),
			 STATUS_INVALID);
	assert_int_equal(hwc_down(guest), 0);
	assert_int_equal(adapter->memory.lists.used, 0);
	assert_int_equal(adapter->memory.pds.used, 0);
}

/* A client's mistakes, however many, do not fill the operator's disk */
static void log_is_not_flooded(void **state)
{
	struct test *test = *state;

	hwc_up(&test->guest);
	for (unsigned int i = 0; i < 5000; i++)
		assert_int_not_equal(simple(&test->guest, 0x777, 0, NULL, 32, 1), 0);
	for (unsigned int i = 0; i < 100; i++)
		hwc_down(&test->guest);
	for (unsigned int i = 0; i < 1000; i++)
		bar_write(&test->guest, 0x101c, "\x07\0\0", 4);
	assert_true(harness_said("0x777"));
	assert_range(warnings(), 1, 300);
}

/* ---- Device memory ---- */

static void device_memory(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gdma_alloc_dm_req alloc = { .length = 8192, .alignment = 6 };
	struct gdma_alloc_dm_resp dm;
	struct gdma_destroy_dm_req dm_end = { 0 };
	struct gdma_create_mr_req mr = { .mr_type = GDMA_MR_DM };
	struct gdma_create_mr_resp mr_resp;
	struct gdma_destroy_mr_req mr_end = { 0 };
	struct gdma_general_resp answer;
	uint64_t pd, handles[64];
	unsigned int n;
	uint32_t id;

	ethernet_up(guest);
	assert_int_equal(pd_new(guest, &pd, &id), 0);
	assert_int_equal(COMMAND(guest, GDMA_ALLOC_DM, &alloc, &dm, 1), 0);
	assert_true(dm.dm_handle != 0);
	mr.pd_handle = pd;
	mr.dm.dm_handle = dm.dm_handle;
	mr.dm.offset = 4096;
	mr.dm.access_flags = GDMA_ACCESS_LOCAL_WRITE;
	mr.dm_length = 4096;
	assert_int_equal(COMMAND(guest, GDMA_CREATE_MR, &mr, &mr_resp, 1), 0);
	assert_true(mr_resp.lkey != 0);
	mr.dm.offset = 4097;
	assert_int_equal(COMMAND(guest, GDMA_CREATE_MR, &mr, &mr_resp, 1), STATUS_INVALID);
	mr.dm.offset = ~0ull;
	assert_int_equal(COMMAND(guest, GDMA_CREATE_MR, &mr, &mr_resp, 1), STATUS_INVALID);
	mr.dm.offset = 0;
	mr.dm_length = 0;
	assert_int_equal(COMMAND(guest, GDMA_CREATE_MR, &mr, &mr_resp, 1), STATUS_INVALID);
	mr.dm_length = 4096;
	mr.dm.dm_handle = pd;
	assert_int_equal(COMMAND(guest, GDMA_CREATE_MR, &mr, &mr_resp, 1), STATUS_NOT_FOUND);
	/* A request without a length has none */
	mr.dm.dm_handle = dm.dm_handle;
	request_begin(guest, &mr, GDMA_CREATE_MR, 80, sizeof(mr_resp), 1);
	assert_int_equal(command(guest, &mr, 80, &mr_resp), STATUS_INVALID);

	/* In use */
	dm_end.dm_handle = dm.dm_handle;
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_DM, &dm_end, &answer, 1), STATUS_BUSY);
	assert_int_equal(COMMAND(guest, GDMA_CREATE_MR, &mr, &mr_resp, 1), 0);
	mr_end.mr_handle = mr_resp.mr_handle;
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_MR, &mr_end, &answer, 1), 0);
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_DM, &dm_end, &answer, 1), STATUS_BUSY);

	/* Sizes, alignments; not more than there is */
	alloc.length = 0;
	assert_int_equal(COMMAND(guest, GDMA_ALLOC_DM, &alloc, &dm, 1), STATUS_INVALID);
	alloc.length = ~0ull;
	assert_int_equal(COMMAND(guest, GDMA_ALLOC_DM, &alloc, &dm, 1), STATUS_NO_RESOURCE);
	alloc.length = 4096;
	alloc.alignment = 13; /* 8192 bytes */
	assert_int_equal(COMMAND(guest, GDMA_ALLOC_DM, &alloc, &dm, 1), STATUS_INVALID);
	alloc.alignment = 0x80000000;
	assert_int_equal(COMMAND(guest, GDMA_ALLOC_DM, &alloc, &dm, 1), STATUS_INVALID);
	alloc.alignment = 0;
	alloc.length = 1 << 20;
	for (n = 0; COMMAND(guest, GDMA_ALLOC_DM, &alloc, &dm, 1) == 0; n++) {
		assert_true(n < 16);
		handles[n] = dm.dm_handle;
	}
	assert_int_equal(n, 15); /* and the 8192 bytes */
	dm_end.dm_handle = handles[3];
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_DM, &dm_end, &answer, 1), 0);
	assert_int_equal(COMMAND(guest, GDMA_DESTROY_DM, &dm_end, &answer, 1), STATUS_NOT_FOUND);
	assert_int_equal(COMMAND(guest, GDMA_ALLOC_DM, &alloc, &dm, 1), 0);
	/* The rest goes with the channel */
	assert_int_equal(hwc_down(guest), 0);
	ethernet_up(guest);
	for (n = 0; COMMAND(guest, GDMA_ALLOC_DM, &alloc, &dm, 1) == 0; n++)
		assert_true(n < 16);
	assert_int_equal(n, 16);
}

/* ---- Buffers of the channel ---- */

static void unusable_response_buffers(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gdma_general_req request = { 0 };
	struct gdma_sge sge[2];
	struct gdma_cqe cqe;
	struct {
		struct gdma_wqe header;
		struct hwc_tx_oob oob;
		struct gdma_sge sge;
		uint8_t padding[16];
	} sqe = { .header = { .num_sge = 1, .inline_oob_size_div4 = 6 } };
	struct gdma_sge bad[5];

	hwc_up(guest);
	request_begin(guest, &request, GDMA_LIST_DEVICES, sizeof(request), 296, 1);
	memcpy(guest->request, &request, sizeof(request));
	sqe.sge = (struct gdma_sge){ guest_iova(guest, guest->request), guest->hwc_key, 40 };
	/* None */
	wqe_put(&guest->hsq, &sqe, sizeof(sqe));
	ring_wq(guest, &guest->hsq);
	assert_false(cq_take(&guest->hcq, &cqe));
	/* Too short; unmapped; wrong key; across the end */
	bad[0] = (struct gdma_sge){ guest_iova(guest, guest->response), guest->hwc_key, 295 };
	bad[1] = (struct gdma_sge){ 0x1000, guest->hwc_key, 4096 };
	bad[2] = (struct gdma_sge){ guest_iova(guest, guest->response), guest->hwc_key + 1, 4096 };
	bad[3] = (struct gdma_sge){ GUEST_IOVA + GUEST_SIZE - 100, guest->hwc_key, 4096 };
	bad[4] = (struct gdma_sge){ ~0ull - 10, guest->hwc_key, 0xffffffff };
	for (unsigned int i = 0; i < 5; i++) {
		receive_post(&guest->hrq, &bad[i], 1);
		ring_wq(guest, &guest->hrq);
		wqe_put(&guest->hsq, &sqe, sizeof(sqe));
		ring_wq(guest, &guest->hsq);
		assert_false(cq_take(&guest->hcq, &cqe));
	}
	/* In pieces is fine */
	sge[0] = (struct gdma_sge){ guest_iova(guest, guest->response), guest->hwc_key, 33 };
	sge[1] = (struct gdma_sge){ guest_iova(guest, guest->response) + 100, guest->hwc_key, 296 };
	receive_post(&guest->hrq, sge, 2);
	ring_wq(guest, &guest->hrq);
	wqe_put(&guest->hsq, &sqe, sizeof(sqe));
	ring_wq(guest, &guest->hsq);
	assert_true(cq_take(&guest->hcq, &cqe));
	assert_true(cq_take(&guest->hcq, &cqe));
	/* The request: the same mistakes */
	for (unsigned int i = 1; i < 5; i++) {
		sqe.sge = bad[i];
		wqe_put(&guest->hsq, &sqe, sizeof(sqe));
		ring_wq(guest, &guest->hsq);
		assert_false(cq_take(&guest->hcq, &cqe));
	}
	guest->answers = 7; /* basic units of buffers that were used up */
	assert_int_equal(simple(guest, GDMA_LIST_DEVICES, 0, NULL, 296, 1), 0);
	/* An invalid entry: the channel stops, until it is set up again */
	sqe.header.num_sge = 255;
	wqe_put(&guest->hsq, &sqe, sizeof(sqe));
	ring_wq(guest, &guest->hsq);
	assert_false(guest_send(guest, &request, sizeof(request)));
	assert_int_equal(hwc_down(guest), 0);
	hwc_up(guest);
}

/* ---- Coming and going ---- */

static void clients_attach_and_detach(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	size_t before = 0, growth;
	unsigned int fds = 0, strange;

	for (unsigned int i = 0; i < 200; i++) {
		struct gnet net[2];

		ethernet_up(guest);
		net_up(guest, 0, &net[0]);
		net_up(guest, 1, &net[1]);
		net_post(guest, &net[0], 10);
		send_frame(guest, &net[0].sq, &(struct mana_tx_oob){ 0 }, net[0].frame, 64);
		tx_wait(guest, &net[0].sq);
		if (i % 3 == 0)
			hwc_down(guest);
		if (i % 3 == 1)
			guest_reset(guest);
		guest_detach(guest);
		assert_int_equal(test->host.adapter->eqs.used, 0);
		assert_int_equal(test->host.adapter->cqs.used, 0);
		assert_int_equal(test->host.adapter->memory.lists.used, 0);
		guest_attach(guest, &test->host);
		if (i == 20) {
			/* The closer's thread may be behind */
			WAIT(&test->host,
			     !closer_waiting(test->host.adapter->server->closer, &strange));
			before = resident_kib();
			fds = count_fds();
		}
	}
	WAIT(&test->host, !closer_waiting(test->host.adapter->server->closer, &strange));
	assert_int_equal(count_fds(), fds);
	growth = resident_kib() - before;
	if (!sanitized)
		assert_range((int64_t)growth > 0 ? growth : 0, 0, 256);
	assert_int_equal(host_counters(&test->host, 0).tx_queues, 0);
}

/* A client that leaves in the middle of its work */
static void clients_leave_at_any_time(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct gnet net;

	hwc_up(guest);
	guest_detach(guest);
	guest_connect(guest, &test->host);
	guest_detach(guest);
	guest_attach(guest, &test->host);
	ethernet_up(guest);
	net_up(guest, 0, &net);
	for (unsigned int i = 0; i < 100; i++) {
		struct gdma_sge sge = sge_of(guest, net.frame, 9000);
		struct gsend send = { .sge = &sge, .sges = 1, .oob = send_oob(&net.port, &net.sq) };

		send_post(&net.sq, &send);
	}
	ring_wq(guest, &net.sq);
	guest_detach(guest);
	guest_attach(guest, &test->host);
	ethernet_up(guest);
}

/* ---- Events ---- */

static void events_from_the_operator(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct adapter *adapter = test->host.adapter;
	struct gdma_query_hwc_timeout_req timeout = { .timeout_ms = 1234 };
	struct gdma_query_hwc_timeout_resp time;
	union hwc_event_data data;
	struct gdma_eqe eqe;

	assert_int_equal(adapter_set_link(adapter, 2, true), -EINVAL);
	assert_int_equal(adapter_set_link(adapter, 0, false), -ENOTCONN);
	assert_int_equal(adapter_set_link(adapter, 0, true), -ENOTCONN);
	assert_int_equal(adapter_reconfigure(adapter, 1000), -ENOTCONN);
	assert_int_equal(adapter_request_reset(adapter), -ENOTCONN);
	ethernet_up(guest);
	assert_int_equal(COMMAND(guest, GDMA_QUERY_HWC_TIMEOUT, &timeout, &time, 1), 0);
	assert_int_equal(time.timeout_ms, 1000); /* from before the driver came */
	vector_take(guest, 0);
	ring_eq(guest, &guest->heq, true);
	vector_take(guest, 0);
	while (eq_take(&guest->heq, &eqe))
		continue;
	ring_eq(guest, &guest->heq, true);
	assert_int_equal(adapter_set_link(adapter, 1, false), 0);
	assert_true(eq_take(&guest->heq, &eqe));
	data.word = eqe.details[0];
	assert_int_equal(eqe.type, GDMA_EQE_HWC_RECONFIG_DATA);
	assert_int_equal(data.type, HWC_RECONFIG_LINK_DISCONNECT);
	assert_int_equal(vector_take(guest, 0), 1);
	assert_int_equal(adapter_set_link(adapter, 1, true), 0);
	assert_true(eq_take(&guest->heq, &eqe));
	data.word = eqe.details[0];
	assert_int_equal(data.type, HWC_RECONFIG_LINK_CONNECT);
	assert_int_equal(vector_take(guest, 0), 0); /* not armed since */
	assert_int_equal(adapter_reconfigure(adapter, 0), -EINVAL);
	assert_int_equal(adapter_reconfigure(adapter, 0x1000000), -EINVAL);
	assert_int_equal(adapter_reconfigure(adapter, 5000), 0);
	assert_true(eq_take(&guest->heq, &eqe));
	data.word = eqe.details[0];
	assert_int_equal(data.type, HWC_RECONFIG_TIMEOUT);
	assert_int_equal(data.value, 5000);
	assert_int_equal(adapter_request_reset(adapter), 0);
	assert_true(eq_take(&guest->heq, &eqe));
	assert_int_equal(eqe.type, GDMA_EQE_HWC_RESET_REQUEST);
}

static void the_operator_has_a_command_refused(void **state)
{
	struct test *test = *state;
	struct guest *guest = &test->guest;
	struct adapter *adapter = test->host.adapter;
	struct gdma_create_pd_req create = { 0 };
	struct gdma_create_pd_resp pd;

	ethernet_up(guest);
	assert_int_equal(adapter_refuse(adapter, "CREATE_P"), -ENOENT);
	assert_int_equal(COMMAND(guest, GDMA_CREATE_PD, &create, &pd, 1), 0);
	assert_int_equal(adapter_refuse(adapter, "CREATE_PD"), 0);
	assert_int_equal(COMMAND(guest, GDMA_CREATE_PD, &create, &pd, 1), STATUS_NO_RESOURCE);
	assert_int_equal(adapter_refuse(adapter, "CREATE_MR"), 0);
	assert_int_equal(COMMAND(guest, GDMA_CREATE_PD, &create, &pd, 1), 0);
	assert_int_equal(adapter_refuse(adapter, "CREATE_PD"), 0);
	assert_int_equal(adapter_refuse(adapter, NULL), 0);
	assert_int_equal(COMMAND(guest, GDMA_CREATE_PD, &create, &pd, 1), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(registers_of_a_vf),
		TEST(configuration_space),
		cmocka_unit_test(registers_of_a_pf),
		TEST(vf_has_no_ports_to_register),
		TEST(hwc_comes_up_and_goes),
		TEST(hwc_set_up_twice),
		TEST(smc_misused),
		TEST(hwc_teardown_frees_all),
		TEST(function_resets),
		TEST(versions_and_limits),
		TEST(driver_name_is_printed_safely),
		TEST(versions_of_responses),
		TEST(invalid_response_lengths),
		TEST(every_ethernet_command),
		TEST(every_rdma_command),
		TEST(commands_too_short),
		TEST(commands_unknown_or_elsewhere),
		TEST(device_is_asked_before_it_is_registered),
		TEST(invalid_handles),
		TEST(invalid_steering),
		TEST(valid_and_invalid_regions),
		TEST(limits_are_kept),
		TEST(log_is_not_flooded),
		TEST(device_memory),
		TEST(unusable_response_buffers),
		TEST(clients_attach_and_detach),
		TEST(clients_leave_at_any_time),
		TEST(events_from_the_operator),
		TEST(the_operator_has_a_command_refused),
	};

	guard_install(); /* whose descriptor stays */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
