/* SPDX-License-Identifier: BSD-3-Clause */
#include "device/reset.h"

#include <string.h>

#include "device/hwc.h"
#include "device/native.h"
#include "device/rnic.h"
#include "device/state.h"
#include "device/vport.h"

/** change_limits() - there are no queues: what ports offer may change, by a fault */
static void change_limits(struct adapter *adapter)
{
	for (uint32_t i = 0; i < adapter->config.ports; i++) {
		struct adapter_port_config *config = &adapter->config.port[i];
		struct vport *vport = &adapter->vport[i];

		if (vport->next_mtu)
			config->mtu = vport->next_mtu;
		if (vport->next_queues)
			config->queues = vport->next_queues;
		vport->next_mtu = 0;
		vport->next_queues = 0;
	}
}

void adapter_reset(struct adapter *adapter)
{
	watch_tell(&adapter->watch,
		   &(struct watch_event){ .kind = WATCH_CLIENT, .type = WATCH_RESET });
	wqs_stop(adapter);
	for (uint32_t i = 0; i < adapter->config.ports; i++)
		vport_reset(&adapter->vport[i]);
	rnic_reset(adapter);
	hwc_destroy(adapter);
	for (uint32_t i = 0; i < adapter->eqs.fresh; i++)
		if (table_get(&adapter->eqs, i))
			eq_destroy(table_get(&adapter->eqs, i));
	memory_clear(&adapter->memory);
	/* What was freed goes in later visits; no lane uses it from here on. */
	retire_settle(&adapter->retired);
	memset(&adapter->ethernet, 0, sizeof(adapter->ethernet));
	memset(&adapter->rdma, 0, sizeof(adapter->rdma));
	memset(adapter->doorbell_pages, 0, sizeof(adapter->doorbell_pages));
	memset(adapter->smc, 0, sizeof(adapter->smc));
	native_reset(adapter);
	change_limits(adapter);
}
