/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The adapter as its owner sees it: opening and closing, and counters. What an operator triggers is in
 * act.c.
 */
#include "device/adapter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/pulse.h"
#include "base/socket_file.h"
#include "device/client.h"
#include "device/config.h"
#include "device/hwc.h"
#include "device/native.h"
#include "device/pair.h"
#include "device/receive.h"
#include "device/state.h"
#include "device/synthetic.h"
#include "device/transmit.h"
#include "device/vport.h"

#define WQ_NUMBERS (ADAPTER_WQS + ADAPTER_PAIRS * PAIR_BLOCK)

/* ---- Life ---- */

/** open_port() - plug a vPort into its fabric, which a lane polls from now on */
static int open_port(struct adapter *adapter, uint32_t index, struct error *error)
{
	struct vport *vport = &adapter->vport[index];
	struct adapter_port_config *config = &adapter->config.port[index];
	struct fabric_port_config fabric = { .mtu = config->mtu,
					     .lanes = lanes_count(adapter->lanes),
					     .queues = config->queues };
	struct fabric_receiver receiver = {
		.deliver = receive_deliver,
		.offer = receive_offer,
		.ctx = vport,
	};
	int err;

	if (adapter->config.synthetic)
		receiver = (struct fabric_receiver){ .deliver = synthetic_deliver, .ctx = vport };
	adapter->specs[index] = strdup(config->fabric);
	if (!adapter->specs[index])
		return -ENOMEM;
	config->fabric = adapter->specs[index];
	vport->adapter = adapter;
	vport->config = config;
	vport_limit(vport);
	vport->index = index;
	memcpy(fabric.mac, config->mac, sizeof(fabric.mac));
	err = fabric_open(config->fabric, &fabric, &receiver, &vport->fabric, error);
	if (err)
		return err;
	vport->source.step = "receiving from the fabric";
	atomic_store(&vport->source.client, adapter->pulse);
	vport->source.run = receive_poll;
	vport->source.rest = receive_rest;
	err = lane_add(adapter->member, index, &vport->source, fabric_fd(vport->fabric));
	vport->held.step = "sending delayed frames";
	atomic_store(&vport->held.client, adapter->pulse);
	vport->held.run = transmit_held;
	if (!err && fabric_timer_fd(vport->fabric) >= 0)
		err = lane_add(adapter->member, index, &vport->held,
			       fabric_timer_fd(vport->fabric));
	if (err)
		error_say(error, "cannot watch the fabric '%s' of port %u: %s", config->fabric,
			  index, error_reason(-err));
	return err;
}

/** open_server() - listen for the client */
static int open_server(struct adapter *adapter, struct error *error)
{
	struct vfu_config config = {
		.path = adapter->config.socket,
		.passed = adapter->config.passed,
		.listen_fd = adapter->config.client_fd,
		.irqs = { [VFU_IRQ_MSIX] = ADAPTER_MSIX },
		.pulse = adapter->pulse,
		.ops = &client_ops,
		.ctx = adapter,
	};
	int err;

	for (unsigned int i = 0; i < VFU_REGION_COUNT; i++)
		config.regions[i].mmap_fd = -1;
	config.regions[MANA_BAR] = (struct vfu_region){
		.size = BAR_SIZE, .readable = true, .writable = true, .mmap_fd = -1
	};
	config.regions[NATIVE_BAR] = (struct vfu_region){ .size = NATIVE_BAR_SIZE,
							  .readable = true,
							  .writable = true,
							  .mmap_fd = adapter->native_fd,
							  .mmap_size = NATIVE_BAR_SIZE,
							  .mmap_asked = true };
	config.regions[MANA_MSIX_BAR] = (struct vfu_region){
		.size = BAR_MSIX_SIZE, .readable = true, .writable = true, .mmap_fd = -1
	};
	config.regions[VFU_REGION_CONFIG] = (struct vfu_region){
		.size = CONFIG_SIZE, .readable = true, .writable = true, .mmap_fd = -1
	};
	err = vfu_server_open(&config, &adapter->server);
	if (err == -EADDRINUSE)
		error_say(error,
			  "cannot listen on %s: another adapter listens there; stop it, or choose "
			  "another --socket",
			  adapter->config.socket);
	else if (err)
		error_say(error, "cannot listen on %s: %s; choose another --socket",
			  adapter->config.socket, socket_file_reason(err));
	return err;
}

/** cut_client() - see pulse_client_add() */
static void cut_client(void *adapter)
{
	struct vfu_server *server = ((struct adapter *)adapter)->server;

	if (server)
		vfu_server_cut(server);
}

int adapter_open(const struct adapter_config *config, struct lanes *lanes, struct adapter **out,
		 struct error *error)
{
	struct adapter *adapter = calloc(1, sizeof(*adapter));
	int err = -ENOMEM;

	error_say(error, "out of memory");
	if (!adapter)
		return -ENOMEM;
	adapter->config = *config;
	adapter->lanes = lanes;
	adapter->hwc_timeout_ms = HWC_TIMEOUT_MS;
	snprintf(adapter->names[0], sizeof(adapter->names[0]), "%s", config->name);
	snprintf(adapter->names[1], sizeof(adapter->names[1]), "%s", config->socket);
	adapter->config.name = adapter->names[0];
	adapter->config.socket = adapter->names[1];
	adapter->pulse = pulse_client_add(adapter->config.name, cut_client, adapter);
	config_reset(adapter);
	adapter->retired.lanes = lanes;
	if (memory_init(&adapter->memory, &adapter->retired) ||
	    table_init(&adapter->eqs, ADAPTER_EQS, 0) ||
	    table_init(&adapter->cqs, ADAPTER_CQS, 0) || table_init(&adapter->sqs, WQ_NUMBERS, 0) ||
	    table_init(&adapter->rqs, WQ_NUMBERS, PAIR_GSI + 1) ||
	    table_init(&adapter->pairs, ADAPTER_PAIRS, 0))
		goto fail;
	adapter->sqs.limit = adapter->rqs.limit = ADAPTER_WQS;
	err = lanes_join(lanes, &adapter->member);
	if (err) {
		error_say(error, "the lanes cannot serve another adapter: %s", error_reason(-err));
		goto fail;
	}
	err = dma_guard_install();
	if (!err)
		err = native_open(adapter);
	if (err) {
		error_say(error,
			  "cannot create the adapter's shared memory: "
			  "%s",
			  error_reason(-err));
		goto fail;
	}
	for (uint32_t i = 0; i < config->ports; i++) {
		err = open_port(adapter, i, error);
		if (err)
			goto fail;
	}
	err = open_server(adapter, error);
	if (err)
		goto fail;
	if (config->synthetic)
		err = synthetic_open(adapter, error);
	if (!err && config->faults)
		err = adapter_fault_add(adapter, config->faults, config->faults_source, error);
	if (err)
		goto fail;
	*out = adapter;
	return 0;
fail:
	adapter_close(adapter);
	return err;
}

void adapter_close(struct adapter *adapter)
{
	pulse_client_remove(adapter->pulse);
	if (adapter->server)
		vfu_server_close(adapter->server);
	synthetic_close(adapter);
	for (uint32_t i = 0; i < adapter->config.ports; i++) {
		struct vport *vport = &adapter->vport[i];

		if (vport->fabric) {
			lane_remove(&vport->source, fabric_fd(vport->fabric));
			lane_remove(&vport->held, fabric_timer_fd(vport->fabric));
			lanes_sync(adapter->lanes);
			fabric_close(vport->fabric);
		}
		free(adapter->specs[i]);
	}
	if (adapter->member)
		lanes_leave(adapter->member);
	native_close(adapter);
	/* The lanes have left: nobody uses what is left over. */
	if (adapter->memory.map)
		dma_map_release(adapter->memory.map, adapter->leaving);
	memory_destroy(&adapter->memory);
	adapter->retired.settled = adapter->retired.count;
	retire_free(&adapter->retired, UINT32_MAX);
	table_free(&adapter->eqs);
	table_free(&adapter->cqs);
	table_free(&adapter->sqs);
	table_free(&adapter->rqs);
	table_free(&adapter->pairs);
	faults_free(faults_of(adapter));
	free(adapter);
}

int adapter_fd(const struct adapter *adapter)
{
	return vfu_server_fd(adapter->server);
}

int adapter_guard_fd(void)
{
	return dma_guard_fd();
}

void adapter_serve(struct adapter *adapter)
{
	vfu_server_serve(adapter->server);
	adapter_check(adapter);
}

void adapter_check(struct adapter *adapter)
{
	if (dma_map_lost(adapter->memory.map))
		vfu_server_drop(adapter->server, "it truncated a file that it had mapped");
}

bool adapter_busy(const struct adapter *adapter)
{
	return vfu_server_busy(adapter->server);
}

void adapter_flush(struct adapter *adapter)
{
	for (uint32_t i = 0; i < adapter->config.ports; i++)
		fabric_flush(adapter->vport[i].fabric);
}

const struct adapter_config *adapter_config(const struct adapter *adapter)
{
	return &adapter->config;
}

/* ---- Counters ---- */

static void count_rdma(struct vport *vport, const struct roce_counters *sum,
		       struct adapter_port_counters *out)
{
	out->rdma.tx_packets = sum->tx_packets;
	out->rdma.tx_bytes = sum->tx_bytes;
	out->rdma.rx_packets = sum->rx_packets;
	out->rdma.rx_bytes = sum->rx_bytes;
	out->rdma.retransmitted = sum->tx_again;
	out->rdma.naks = sum->requester_sequence_naks + sum->requester_error_naks +
			 sum->responder_sequence_naks + sum->responder_invalid_request_naks +
			 sum->responder_access_naks + sum->responder_operational_naks;
	out->rdma.rnr_naks = sum->requester_rnr_naks + sum->responder_rnr_naks;
	out->rdma.out_of_sequence = sum->responder_out_of_sequence + sum->requester_read_mismatches;
	out->rdma.icrc_errors = atomic_load(&vport->roce_icrc_errors);
	out->rdma.dropped = atomic_load(&vport->roce_dropped) + sum->rx_dropped;
}

/** count_port() - @sum: of all queue pairs that the vPort has and had */
static void count_port(struct vport *vport, const struct roce_counters *sum,
		       struct adapter_port_counters *out)
{
	struct wq_counters tx, rx;

	vport_sum(vport, &tx, &rx);
	memset(out, 0, sizeof(*out));
	fabric_counters(vport->fabric, &out->fabric);
	out->tx_frames = tx.frames;
	out->tx_bytes = tx.bytes;
	for (size_t i = 1; i < sizeof(tx.errors) / sizeof(tx.errors[0]); i++)
		out->tx_errors += tx.errors[i];
	out->tx_errors += atomic_load(&vport->card_dropped);
	out->tx_csum = tx.csum;
	out->tx_tso = tx.tso;
	out->tx_vlan = tx.vlan;
	out->rx_frames = rx.frames;
	out->rx_bytes = rx.bytes;
	out->rx_truncated = rx.truncated;
	out->rx_csum_bad = rx.csum_bad;
	out->rx_coalesced = rx.coalesced;
	out->rx_disabled = atomic_load(&vport->rx_disabled);
	count_rdma(vport, sum, out);
	out->rx_no_buffer = vport_no_buffer(vport);
	for (uint32_t i = 0; i < ADAPTER_QUEUES_MAX; i++) {
		out->tx_queues += vport->sq[i] != NULL;
		out->rx_queues += vport->rq[i] != NULL;
	}
}

void adapter_counters(struct adapter *adapter, struct adapter_port_counters *counters)
{
	struct roce_counters sums[ADAPTER_PORTS_MAX];

	for (uint32_t i = 0; i < adapter->config.ports; i++)
		sums[i] = adapter->vport[i].gone_roce;
	pairs_count(adapter, sums);
	for (uint32_t i = 0; i < adapter->config.ports; i++)
		count_port(&adapter->vport[i], &sums[i], &counters[i]);
}

uint64_t adapter_rx_queue_frames(struct adapter *adapter, unsigned int port, unsigned int queue)
{
	const struct wq *rq = adapter->vport[port].rq[queue];

	return rq ? rq->counters.frames : 0;
}
