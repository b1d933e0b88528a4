/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/hwc.c - the control plane that talks to the adapter itself
 *
 * Theory of operation
 *
 *	driver_open()		reset, bus mastering
 *	driver_start()		hardware channel (channel.c), then
 *	  VERIFY_VF_DRIVER_VERSION	capabilities, shared doorbells among them
 *	  QUERY_HWC_TIMEOUT		how long to wait for answers
 *	  QUERY_MAX_RESOURCES		limits
 *	  LIST_DEVICES, REGISTER_DEVICE	protection domain, memory key, doorbell page
 *	  QUERY_DEV_CONFIG		number of vPorts, maximum frame size
 *	  QUERY_VPORT_CONFIG		each vPort's handle, MAC, limits
 *	driver_port_open()	CONFIG_VPORT_TX
 *	driver_?xq_create()	memory, two DMA regions, CREATE_WQ_OBJ, NATIVE_BIND_DOORBELL
 *	driver_rss()		CONFIG_VPORT_RX
 *	driver_restart()	reset and all of the above up to the vPorts
 *
 * The memory key from REGISTER_DEVICE is valid for all mapped memory, at its bus address, which is
 * its virtual address here: there is one region for all memory.
 */
#include "driver/hwc.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

#define TABLE_MAX 256u /* entries that fit in a message of 4096 bytes, a power of two */

/* ---- Memory ---- */

static int map(struct driver *driver, void *va, uint64_t size, int fd, uint64_t offset)
{
	struct hwc_driver *hwc = hwc_of(driver);

	return hwc->transport->ops->dma_map(hwc->transport, (uintptr_t)va, va, size, fd, offset);
}

static int unmap(struct driver *driver, void *va, uint64_t size)
{
	struct hwc_driver *hwc = hwc_of(driver);

	return hwc->transport->ops->dma_unmap(hwc->transport, (uintptr_t)va, size);
}

static int region(struct driver *driver, unsigned int port, const void *va,
		  struct driver_region *region)
{
	(void)port;
	(void)va;
	*region =
		(struct driver_region){ .start = 0, .end = UINT64_MAX, .key = hwc_of(driver)->key };
	return 0;
}

/* ---- Bring-up ---- */

/** query_timeout() - how long to wait for answers from now on */
static int query_timeout(struct hwc_driver *hwc)
{
	struct gdma_query_hwc_timeout_req request = { .timeout_ms = hwc->driver.timeout_ms };
	struct gdma_query_hwc_timeout_resp response;
	int err = hwc_ask(hwc, HWC_FUNCTION, GDMA_QUERY_HWC_TIMEOUT, &request, &response);

	if (!err)
		hwc->told_ms = response.timeout_ms;
	return err == -EIO || err == -EOPNOTSUPP ? 0 : err;
}

/** verify_version() - negotiate the protocol; finds out whether there are shared doorbells */
static int verify_version(struct hwc_driver *hwc, bool *shared)
{
	struct gdma_verify_version_req request = {
		.protocol_ver_min = GDMA_PROTOCOL_V1,
		.protocol_ver_max = GDMA_PROTOCOL_V1,
		.driver_cap_flags1 = GDMA_DRV_CAP_1_EQ_SHARING_MULTI_VPORT |
				     GDMA_DRV_CAP_1_HWC_TIMEOUT_RECONFIG |
				     GDMA_DRV_CAP_1_VARIABLE_INDIRECTION |
				     GDMA_DRV_CAP_1_LINK_AWARE | GDMA_DRV_CAP_1_DEV_LIST_HOLES |
				     GDMA_DRV_CAP_1_SELF_RESET_ON_EQE,
		.os_type = GDMA_OS_LINUX,
		.os_ver_str = { "Linux", "Manakin" },
	};
	struct gdma_verify_version_resp response;
	int err = hwc_ask(hwc, HWC_FUNCTION, GDMA_VERIFY_VF_DRIVER_VERSION, &request, &response);

	if (err)
		return err;
	if (response.protocol_ver != GDMA_PROTOCOL_V1)
		return hwc_nonsense(hwc, "the version of the protocol", response.protocol_ver);
	*shared = response.pf_cap_flags4 & NATIVE_PF_CAP_4_SHARED_DOORBELLS;
	return response.pf_cap_flags1 & GDMA_PF_CAP_1_QUERY_HWC_TIMEOUT ? query_timeout(hwc) : 0;
}

static int query_resources(struct hwc_driver *hwc)
{
	struct gdma_general_req request;
	struct gdma_query_max_resources_resp response;
	struct driver_info *info = &hwc->driver.info;
	int err = hwc_ask(hwc, HWC_FUNCTION, GDMA_QUERY_MAX_RESOURCES, &request, &response);

	if (err)
		return err;
	if (!response.max_sq || !response.max_rq || !response.max_cq)
		return hwc_nonsense(hwc, "the maximum number of queues", 0);
	info->max_eq = response.max_eq;
	info->max_cq = response.max_cq;
	info->max_sq = response.max_sq;
	info->max_rq = response.max_rq;
	hwc->vector_count =
		response.max_msix < HWC_VECTORS_MAX ? response.max_msix : HWC_VECTORS_MAX;
	return 0;
}

/** find_device() - find the Ethernet device in the list */
static int find_device(struct hwc_driver *hwc)
{
	struct gdma_general_req request;
	struct gdma_list_devices_resp response;
	int err = hwc_ask(hwc, HWC_FUNCTION, GDMA_LIST_DEVICES, &request, &response);

	if (err)
		return err;
	for (unsigned int i = 0; i < GDMA_LIST_DEVICES_MAX; i++)
		if (response.devs[i].type == GDMA_DEVICE_MANA) {
			hwc->dev = response.devs[i];
			return 0;
		}
	log_say(LOG_ERROR, "%s: the adapter has no Ethernet device", hwc->driver.name);
	return -ENODEV;
}

static int register_device(struct hwc_driver *hwc)
{
	struct gdma_general_req request;
	struct gdma_register_device_resp response;
	int err = hwc_ask(hwc, hwc->dev, GDMA_REGISTER_DEVICE, &request, &response);

	if (err)
		return err;
	hwc->pd = response.pdid;
	hwc->key = response.gpa_mkey;
	hwc->page = response.db_id;
	err = bell_page_init(&hwc->bell, &hwc->channel, hwc->page);
	if (err)
		return err;
	hwc->driver.doorbell =
		(struct driver_doorbell){ .ring = bell_page_ring, .ctx = &hwc->bell };
	return 0;
}

static int query_device(struct hwc_driver *hwc)
{
	struct mana_query_device_config_req request = { .proto_minor_ver = 1,
							.proto_micro_ver = 1 };
	struct mana_query_device_config_resp response;
	struct driver_info *info = &hwc->driver.info;
	int err = hwc_ask_version(hwc, hwc->dev, MANA_QUERY_DEV_CONFIG, &request, &response,
				  GDMA_MESSAGE_V2);

	if (err)
		return err;
	if (!response.max_num_vports || response.max_num_vports > DRIVER_PORTS_MAX)
		return hwc_nonsense(hwc, "the number of vPorts", response.max_num_vports);
	info->ports = response.max_num_vports;
	/* 0 from an adapter that does not report it: then what every Ethernet supports */
	info->frame_max = response.adapter_mtu ? response.adapter_mtu : 1514;
	if (info->frame_max < 68 + 14)
		return hwc_nonsense(hwc, "the maximum frame size", info->frame_max);
	return 0;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static int query_link(struct driver *driver, unsigned int index)
{
	struct hwc_driver *hwc = hwc_of(driver);
	struct mana_query_link_config_req request = { .vport = hwc->vport[index] };
	struct mana_query_link_config_resp response;
	int err = hwc_ask_version(hwc, hwc->dev, MANA_QUERY_LINK_CONFIG, &request, &response,
				  GDMA_MESSAGE_V2);

	if (!err)
		driver->port_info[index].speed_mbps = response.link_speed_mbps;
	/* An adapter may not know the command. */
	return err == -EIO || err == -EOPNOTSUPP ? 0 : err;
}

static int query_vport(struct hwc_driver *hwc, unsigned int index)
{
	struct mana_query_vport_config_req request = { .vport_index = index };
	struct mana_query_vport_config_resp response;
	struct driver_port_info *info = &hwc->driver.port_info[index];
	int err = hwc_ask(hwc, hwc->dev, MANA_QUERY_VPORT_CONFIG, &request, &response);

	if (err)
		return err;
	if (!response.max_num_sq || !response.max_num_rq)
		return hwc_nonsense(hwc, "the number of a vPort's queues", 0);
	if (!response.vport || response.vport == MANA_INVALID_HANDLE)
		return hwc_nonsense(hwc, "a vPort's handle", response.vport);
	hwc->vport[index] = response.vport;
	memcpy(info->mac, response.mac_addr, sizeof(info->mac));
	info->link_up = true;
	info->max_txq =
		least(least(response.max_num_sq, hwc->driver.info.max_sq), DRIVER_QUEUES_MAX);
	info->max_rxq =
		least(least(response.max_num_rq, hwc->driver.info.max_rq), DRIVER_QUEUES_MAX);
	info->table_size = response.num_indirection_ent;
	if (!info->table_size || info->table_size & (info->table_size - 1))
		info->table_size = MANA_INDIRECTION_DEF;
	info->table_size = least(info->table_size, TABLE_MAX);
	return query_link(&hwc->driver, index);
}

/** open_shared() - map BAR 2; without it doorbells are messages */
static void open_shared(struct hwc_driver *hwc)
{
	uint64_t size;
	int err = 0;

	if (!hwc->bar) {
		err = hwc->transport->ops->map_region(hwc->transport, NATIVE_BAR, &hwc->bar, &size);
		size = err ? 0 : size / NATIVE_DOORBELL_SIZE;
		hwc->bar_pages =
			size < NATIVE_DOORBELL_PAGES ? (uint32_t)size : NATIVE_DOORBELL_PAGES;
	}

	if (err) {
		log_say(LOG_NOTICE,
			"%s: doorbells are sent as messages, because BAR 2 cannot be mapped: %s",
			hwc->driver.name, error_reason(-err));
		return;
	}
	hwc->page_count = hwc->bar_pages;
	hwc->driver.doorbell.shared = hwc->bar;
	hwc->driver.info.shared_doorbells = true;
}

/** channel_event() - handle an event that is not about the channel */
static void channel_event(void *ctx, unsigned int type, uint32_t word)
{
	struct hwc_driver *hwc = ctx;
	union hwc_event_data data = { .word = word };

	switch (type) {
	case GDMA_EQE_HWC_RECONFIG_DATA:
		if (data.type == HWC_RECONFIG_TIMEOUT)
			hwc->told_ms = data.value;
		if (data.type != HWC_RECONFIG_LINK_CONNECT &&
		    data.type != HWC_RECONFIG_LINK_DISCONNECT)
			return;
		if (data.value < hwc->driver.info.ports)
			driver_note_link(&hwc->driver, data.value,
					 data.type == HWC_RECONFIG_LINK_CONNECT);
		return;
	case GDMA_EQE_HWC_FPGA_RECONFIG:
	case GDMA_EQE_HWC_RESET_REQUEST:
		driver_note_reset(&hwc->driver);
		return;
	default:
		return;
	}
}

static int bring_up(struct hwc_driver *hwc)
{
	bool shared = false;
	int err = verify_version(hwc, &shared);

	if (!err)
		err = query_resources(hwc);
	if (!err)
		err = find_device(hwc);
	if (!err)
		err = register_device(hwc);
	if (!err)
		err = query_device(hwc);
	for (unsigned int i = 0; !err && i < hwc->driver.info.ports; i++)
		err = query_vport(hwc, i);
	if (!err && shared)
		open_shared(hwc);
	return err;
}

static int start(struct driver *driver)
{
	struct hwc_driver *hwc = hwc_of(driver);
	struct epoll_event event = { .events = EPOLLIN };
	int err;

	hwc->channel = (struct channel){ .transport = hwc->transport,
					 .name = driver->name,
					 .allocator = &driver->allocator,
					 .event = channel_event,
					 .ctx = hwc,
					 .timeout_ms = driver->timeout_ms };
	err = channel_open(&hwc->channel);
	if (!err) {
		hwc->vectors[0] = 1;
		err = bring_up(hwc);
		if (!err &&
		    epoll_ctl(driver->event_fd, EPOLL_CTL_ADD, hwc->channel.irq_fd, &event) < 0)
			err = -errno;
		if (err) {
			hwc->transport->ops->reset(hwc->transport);
			channel_close(&hwc->channel);
		}
	}
	if (err) {
		memset(&driver->info, 0, sizeof(driver->info));
		log_say(LOG_ERROR, "%s: cannot bring up the adapter: %s", driver->name,
			error_reason(-err));
		return err;
	}
	memcpy(driver->info.version, hwc->channel.version, sizeof(driver->info.version));
	return 0;
}

/** take_over() - check that it is a MANA, and enable bus mastering */
static int take_over(struct transport *transport)
{
	uint16_t identity[2], command;
	int err = transport->ops->reset(transport);

	if (!err)
		err = transport->ops->read(transport, TRANSPORT_CONFIG, PCI_VENDOR_ID, identity,
					   sizeof(identity));
	if (err)
		return err;
	if (identity[0] != MANA_PCI_VENDOR_ID ||
	    (identity[1] != MANA_PCI_DEVICE_ID_VF && identity[1] != MANA_PCI_DEVICE_ID_PF2)) {
		log_say(LOG_ERROR,
			"%s: the device is %04x:%04x, and this driver is for a MANA VF, %04x:%04x",
			transport->name, identity[0], identity[1], MANA_PCI_VENDOR_ID,
			MANA_PCI_DEVICE_ID_VF);
		return -ENODEV;
	}
	err = transport->ops->read(transport, TRANSPORT_CONFIG, PCI_COMMAND, &command,
				   sizeof(command));
	if (err)
		return err;
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	return transport->ops->write(transport, TRANSPORT_CONFIG, PCI_COMMAND, &command,
				     sizeof(command));
}

static int restart(struct driver *driver)
{
	struct hwc_driver *hwc = hwc_of(driver);
	int err;

	/* The other side has a duplicate of the descriptor, which would keep it in the epoll. */
	if (hwc->channel.irq_fd >= 0)
		epoll_ctl(driver->event_fd, EPOLL_CTL_DEL, hwc->channel.irq_fd, NULL);
	err = take_over(hwc->transport);
	channel_close(&hwc->channel);
	memset(hwc->pages, 0, sizeof(hwc->pages));
	memset(hwc->vectors, 0, sizeof(hwc->vectors));
	hwc->page_count = 0;
	hwc->told_ms = 0;
	return err ? err : start(driver);
}

static void poll_events(struct driver *driver)
{
	struct hwc_driver *hwc = hwc_of(driver);

	channel_poll(&hwc->channel);
	if (!driver->removed_noted && hwc->transport->ops->alive(hwc->transport) < 0) {
		/* The end of a connection is permanent: report it to a poller only once. */
		hwc->transport->ops->watch(hwc->transport, driver->event_fd, false);
		driver_note_removed(driver);
	}
}

static void close_driver(struct driver *driver)
{
	struct hwc_driver *hwc = hwc_of(driver);

	/* After this the adapter knows none of our queues and none of our memory. */
	hwc->transport->ops->reset(hwc->transport);
	channel_close(&hwc->channel);
	hwc->transport->ops->close(hwc->transport);
	driver_fini(driver);
	free(hwc);
}

/* ---- The rest ---- */

static int stats(struct driver *driver, struct mana_query_gf_stat_resp *stats)
{
	struct mana_query_gf_stat_req request = { .req_stats = MANA_GF_STAT_ALL };

	return hwc_ask_version(hwc_of(driver), hwc_of(driver)->dev, MANA_QUERY_GF_STAT, &request,
			       stats, GDMA_MESSAGE_V2);
}

static int registers(struct driver *driver, uint64_t offset, void *data, size_t len)
{
	struct hwc_driver *hwc = hwc_of(driver);

	return hwc->transport->ops->read(hwc->transport, TRANSPORT_BAR0, offset, data, len);
}

static int share(struct driver *driver, struct driver_share *share)
{
	struct hwc_driver *hwc = hwc_of(driver);

	share->page = hwc->bell.base;
	return hwc->transport->ops->share(hwc->transport, &share->transport);
}

static const struct control_ops ops = {
	.map = map,
	.unmap = unmap,
	.region = region,
	.start = start,
	.restart = restart,
	.query_link = query_link,
	.port_alloc = hwc_port_alloc,
	.port_open = hwc_port_open,
	.txq_create = hwc_txq_create,
	.txq_destroy = hwc_txq_destroy,
	.rxq_create = hwc_rxq_create,
	.rxq_destroy = hwc_rxq_destroy,
	.rss = hwc_rss,
	.rxq_event_fd = hwc_rxq_event_fd,
	.rxq_arm = hwc_rxq_arm,
	.poll = poll_events,
	.stats = stats,
	.registers = registers,
	.share = share,
	.close = close_driver,
};

int driver_open(struct transport *transport, const struct driver_allocator *allocator,
		struct driver **driver)
{
	struct hwc_driver *hwc = calloc(1, sizeof(*hwc));
	int err;

	if (!hwc) {
		transport->ops->close(transport);
		return -ENOMEM;
	}
	err = driver_init(&hwc->driver, &ops, transport->name, allocator);
	if (err) {
		transport->ops->close(transport);
		free(hwc);
		return err;
	}
	hwc->transport = transport;
	hwc->channel.irq_fd = -1;
	hwc->channel.epoll_fd = -1;
	err = take_over(transport);
	if (!err)
		err = transport->ops->watch(transport, hwc->driver.event_fd, true);
	if (err) {
		log_say(LOG_ERROR, "%s: cannot take over the adapter: %s", transport->name,
			error_reason(-err));
		driver_fini(&hwc->driver);
		transport->ops->close(transport);
		free(hwc);
		return err;
	}
	*driver = &hwc->driver;
	return 0;
}
