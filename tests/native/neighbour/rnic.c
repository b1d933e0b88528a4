/* SPDX-License-Identifier: BSD-3-Clause */
#include "rnic.h"

#include <errno.h>
#include <string.h>

#include "wire/rnic.h"

#define COMPLETIONS 65536u /* bytes */

/* The verbs' numbers: what each transition names, and the states */
enum { STATE_INIT = 1, STATE_RTR, STATE_RTS };
#define MASK_INIT 0x39u
#define MASK_RTR  0x129181u
#define MASK_RTS  0x12e01u

static int ring_new(const struct rnic *rnic, uint32_t size, void **ring, uint64_t *region)
{
	*ring = arena_take(rnic->arena, size, MANA_PAGE_SIZE);
	return *ring ? hwc_region(rnic->hwc, *ring, size, region) : -ENOMEM;
}

static int eq_new(const struct rnic *rnic, uint32_t *id)
{
	struct gdma_create_queue_req request = { .type = GDMA_EQ,
						 .pdid = rnic->hwc->pd,
						 .doorbell_page = rnic->hwc->page,
						 .queue_size = RNIC_RING,
						 .eq_msix_index = 1 };
	struct gdma_create_queue_resp response;
	void *ring;
	int err = ring_new(rnic, RNIC_RING, &ring, &request.dma_region);

	if (!err)
		err = hwc_ask(rnic->hwc, rnic->hwc->dev, GDMA_CREATE_QUEUE, &request, &response);
	*id = response.queue_index;
	return err;
}

static int addresses_set(const struct rnic *rnic)
{
	struct rnic_config_ip_addr_req ip = { .adapter = rnic->adapter,
					      .op = RNIC_ADDR_ADD,
					      .addr_type = RNIC_ADDR_IPV4 };
	struct rnic_config_mac_addr_req mac = { .adapter = rnic->adapter, .op = RNIC_ADDR_ADD };
	uint8_t gid[RNIC_IP_SIZE] = { [10] = 0xff, [11] = 0xff };
	struct gdma_general_resp answer;
	int err;

	memcpy(gid + 12, rnic->ip, sizeof(rnic->ip));
	rnic_reverse(ip.ip_addr, gid, sizeof(gid));
	rnic_reverse(mac.mac_addr, rnic->mac, RNIC_MAC_SIZE);
	err = hwc_ask(rnic->hwc, rnic->dev, RNIC_CONFIG_IP_ADDR, &ip, &answer);
	return err ? err : hwc_ask(rnic->hwc, rnic->dev, RNIC_CONFIG_MAC_ADDR, &mac, &answer);
}

/** memory_open() - a protection domain, and a key for all that peers may reach */
static int memory_open(struct rnic *rnic, uint64_t region)
{
	struct gdma_create_pd_req pd_request = { .flags = 0 };
	struct gdma_create_pd_resp pd;
	struct gdma_create_mr_req request = {
		.mr_type = GDMA_MR_GVA,
		.gva = { .dma_region = region,
			 .access_flags = GDMA_ACCESS_LOCAL_READ | GDMA_ACCESS_LOCAL_WRITE |
					 GDMA_ACCESS_REMOTE_READ | GDMA_ACCESS_REMOTE_WRITE },
	};
	struct gdma_create_mr_resp mr;
	int err = hwc_ask(rnic->hwc, HWC_FUNCTION, GDMA_CREATE_PD, &pd_request, &pd);

	if (err)
		return err;
	rnic->pd = request.pd_handle = pd.pd_handle;
	err = hwc_ask(rnic->hwc, HWC_FUNCTION, GDMA_CREATE_MR, &request, &mr);
	rnic->rkey = mr.rkey;
	return err;
}

int rnic_open(struct rnic *rnic, struct hwc_driver *hwc, struct arena *arena, const uint8_t mac[6],
	      uint8_t host, uint64_t region)
{
	const struct gdma_dev_id dev = { .type = GDMA_DEVICE_MANA_IB };
	struct gdma_general_req registration = { .hdr = { .activity_id = 0 } };
	struct gdma_register_device_resp registered;
	struct rnic_create_adapter_req create = { .feature_flags = 0 };
	struct rnic_create_adapter_resp created;
	struct rnic_create_cq_req cq_request = { .doorbell_page = hwc->page };
	struct rnic_create_cq_resp cq;
	void *ring;
	int err;

	*rnic = (struct rnic){ .hwc = hwc, .arena = arena, .dev = dev, .ip = { 192, 0, 2, host } };
	memcpy(rnic->mac, mac, sizeof(rnic->mac));
	err = hwc_ask(hwc, dev, GDMA_REGISTER_DEVICE, &registration, &registered);
	if (!err)
		err = eq_new(rnic, &create.notify_eq_id);
	if (!err)
		err = hwc_ask(hwc, dev, RNIC_CREATE_ADAPTER, &create, &created);
	if (err)
		return err;
	rnic->adapter = cq_request.adapter = created.adapter;
	cq_request.eq_id = create.notify_eq_id;
	err = addresses_set(rnic);
	if (!err)
		err = memory_open(rnic, region);
	if (!err)
		err = ring_new(rnic, COMPLETIONS, &ring, &cq_request.dma_region);
	if (!err)
		err = hwc_ask(hwc, dev, RNIC_CREATE_CQ, &cq_request, &cq);
	rnic->cq = cq.cq_handle;
	return err;
}

int rnic_pair_open(struct rnic *rnic, struct rnic_pair *pair)
{
	struct rnic_create_rc_qp_req request = { .adapter = rnic->adapter,
						 .pd_handle = rnic->pd,
						 .send_cq_handle = rnic->cq,
						 .recv_cq_handle = rnic->cq,
						 .flags = RNIC_RC_FLAG_NO_FMR,
						 .doorbell_page = rnic->hwc->page };
	struct rnic_create_rc_qp_resp response;
	void *ring[RNIC_RC_QUEUE_COUNT];
	int err = 0;

	for (unsigned int i = 0; i < RNIC_RC_QUEUE_COUNT && !err; i++)
		if (i != RNIC_RC_SQ_FMR)
			err = ring_new(rnic, RNIC_RING, &ring[i], &request.dma_region[i]);
	if (!err)
		err = hwc_ask(rnic->hwc, rnic->dev, RNIC_CREATE_RC_QP, &request, &response);
	if (err)
		return err;
	pair->handle = response.qp_handle;
	pair->number = response.queue_ids[RNIC_RC_RQ_RESPONDER];
	wq_init(&pair->send, ring[RNIC_RC_SQ_REQUESTER], RNIC_RING, GDMA_DB_SQ,
		response.queue_ids[RNIC_RC_SQ_REQUESTER]);
	wq_init(&pair->read, ring[RNIC_RC_RQ_REQUESTER], RNIC_RING, GDMA_DB_RQ,
		response.queue_ids[RNIC_RC_RQ_REQUESTER]);
	pair->send.page = pair->read.page = DRIVER_NO_PAGE;
	return 0;
}

int rnic_pair_connect(const struct rnic *rnic, const struct rnic_pair *pair, const uint8_t mac[6],
		      uint8_t host, uint32_t number)
{
	static const uint32_t masks[] = {
		[STATE_INIT] = MASK_INIT, [STATE_RTR] = MASK_RTR, [STATE_RTS] = MASK_RTS
	};
	uint8_t gid[RNIC_IP_SIZE] = { [10] = 0xff, [11] = 0xff, 192, 0, 2 };
	struct rnic_set_qp_state_req request = { .adapter = rnic->adapter,
						 .qp_handle = pair->handle,
						 .path_mtu = RNIC_MTU_CODE,
						 .rq_psn = RNIC_PSN,
						 .sq_psn = RNIC_PSN,
						 .dest_qpn = number,
						 .max_dest_rd_atomic = 16,
						 .retry_cnt = 7,
						 .rnr_retry = 7,
						 .min_rnr_timer = 1 };
	struct gdma_general_resp answer;
	int err = 0;

	request.ah_attr = (struct rnic_ah_attr){ .src_addr_type = RNIC_ADDR_IPV4,
						 .dest_addr_type = RNIC_ADDR_IPV4,
						 .src_port = 0xc123,
						 .dest_port = ROCE_UDP_PORT };
	gid[15] = rnic->ip[3];
	rnic_reverse(request.ah_attr.src_addr, gid, sizeof(gid));
	gid[15] = host;
	rnic_reverse(request.ah_attr.dest_addr, gid, sizeof(gid));
	rnic_reverse(request.ah_attr.src_mac, rnic->mac, RNIC_MAC_SIZE);
	rnic_reverse(request.ah_attr.dest_mac, mac, RNIC_MAC_SIZE);
	for (uint32_t state = STATE_INIT; state <= STATE_RTS && !err; state++) {
		request.attr_mask = masks[state];
		request.qp_state = state;
		err = hwc_command(rnic->hwc,
				  &(struct command){ .code = RNIC_SET_QP_STATE,
						     .dev = rnic->dev,
						     .request = &request,
						     .request_len = RNIC_SET_QP_STATE_REQ_V1_SIZE,
						     .response = &answer,
						     .response_len = sizeof(answer) });
	}
	return err;
}
