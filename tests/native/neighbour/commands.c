/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * commands.c - attacks on the control thread, which executes commands and handles doorbells, and on
 * what follows from them on the lane.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attacker.h"
#include "attacks.h"
#include "base/clock.h"
#include "base/shared.h"
#include "vfio_user/message.h"
#include "wire/native.h"

#define MEMORY   (16u << 20) /* bytes */
#define BELLS    400u        /* in a message */
#define AWAKE_US 100000u
#define GIB      (UINT64_C(1) << 30)
#define FAR      (UINT64_C(1) << 41) /* a bus address at which nothing else is mapped */
#define BATCH    64u

/** struct bells - a message of doorbells */
struct bells {
	uint64_t count;
	struct vfu_write_one one[BELLS];
};

/**
 * command_bursts() - messages of doorbells, each for a ring full of the same command
 * @request, @len: the command
 */
static void __attribute__((noreturn))
command_bursts(struct attacker *attacker, void *request, uint32_t len, uint32_t code,
	       struct gdma_dev_id dev)
{
	struct channel *channel = &attacker->hwc->channel;
	struct gdma_req_header *header = request;
	uint8_t *message = attacker_alloc(attacker, HWC_BOOT_MESSAGE_SIZE);
	static struct bells bells = { .count = BELLS };

	header->req = (struct gdma_msg_header){ .msg_type = code,
						.msg_version = code == MANA_CONFIG_VPORT_RX ? 2 : 1,
						.msg_size = len };
	header->resp = (struct gdma_msg_header){ .msg_type = code,
						 .msg_version = 1,
						 .msg_size = HWC_BOOT_MESSAGE_SIZE };
	header->dev_id = dev;
	memcpy(message, request, len);
	for (uint32_t i = 0; i <= channel->sq.mask; i++)
		driver_unit_write(&channel->sq.ring[i], DRIVER_WQE_SGES(1) | DRIVER_WQE_SHORT, 0,
				  (uintptr_t)message, GDMA_SGE_WORD(channel->key, len));
	attack_begin();
	for (;;) {
		for (unsigned int i = 0; i < BELLS; i++) {
			union gdma_doorbell bell;

			channel->sq.tail += channel->sq.mask + 1;
			bell = driver_wq_bell(&channel->sq, channel->sq.tail);
			bells.one[i].at = (struct vfu_region_access){ .offset = channel->page.base +
										GDMA_DB_SQ,
								      .region = MANA_BAR,
								      .count = sizeof(bell) };
			memcpy(bells.one[i].data, &bell, sizeof(bell));
		}
		attack_check(message_send(attacker->fd, VFU_CMD_REGION_WRITE_MULTI, 0, &bells,
					  sizeof(bells), NULL, 0),
			     "doorbells");
		attack_check(message_answer(attacker->fd), "doorbells");
	}
}

/** steering() - commands that replace a vPort's steering by itself */
static void steering(const char *socket)
{
	struct attacker attacker;
	struct mana_config_vport_rx_req_v2 request = {
		.v1 = { .rx_enable = MANA_UNCHANGED, .rss_enable = MANA_UNCHANGED },
	};

	attacker_open(&attacker, socket, MEMORY, false);
	request.v1.vport = attacker.hwc->vport[0];
	command_bursts(&attacker, &request, sizeof(request), MANA_CONFIG_VPORT_RX,
		       attacker.hwc->dev);
}

/** pages_ask() - allocate doorbell pages; the first */
static uint32_t pages_ask(struct attacker *attacker, uint32_t n)
{
	struct gdma_allocate_resource_range_req request = {
		.resource_type = GDMA_RESOURCE_DOORBELL_PAGE, .num_resources = n, .alignment = 1
	};
	struct gdma_allocate_resource_range_resp response;

	attack_check(hwc_ask(attacker->hwc, HWC_FUNCTION, GDMA_ALLOCATE_RESOURCE_RANGE, &request,
			     &response),
		     "doorbell pages");
	return response.allocated_resources;
}

/** ranges() - commands that look for a range of doorbell pages which is just not there */
static void ranges(const char *socket)
{
	struct attacker attacker;
	struct gdma_destroy_resource_range_req give = { .resource_type =
								GDMA_RESOURCE_DOORBELL_PAGE,
							.num_resources = 510 };
	struct gdma_allocate_resource_range_req request = {
		.resource_type = GDMA_RESOURCE_DOORBELL_PAGE, .num_resources = 512, .alignment = 1
	};
	struct gdma_general_resp response;

	attacker_open(&attacker, socket, MEMORY, false);
	give.allocated_resources = pages_ask(&attacker, 510);
	pages_ask(&attacker, 1);
	attack_check(
		hwc_ask(attacker.hwc, HWC_FUNCTION, GDMA_DESTROY_RESOURCE_RANGE, &give, &response),
		"doorbell pages");
	command_bursts(&attacker, &request, sizeof(request), GDMA_ALLOCATE_RESOURCE_RANGE,
		       HWC_FUNCTION);
}

/** bells() - doorbells for a queue that has nothing new, as fast as they can be written */
static void bells(const char *socket)
{
	struct attacker attacker;
	struct queue queue;
	struct {
		struct vfu_region_access at;
		union gdma_doorbell bell;
	} write = { .at = { .region = MANA_BAR, .count = sizeof(write.bell) } };

	attacker_open(&attacker, socket, MEMORY, false);
	queue_open(&attacker, 0, GDMA_SQ, 4096, 4096, GDMA_CQ_NO_EQ, &queue);
	write.at.offset = attacker.hwc->bell.base + GDMA_DB_SQ;
	write.bell = driver_wq_bell(&queue.wq, 0);
	attack_begin();
	for (;;)
		attack_check(message_send(attacker.fd, VFU_CMD_REGION_WRITE, VFU_FLAG_NO_REPLY,
					  &write, sizeof(write), NULL, 0),
			     "doorbells");
}

/** remap() - map and unmap @size bytes of @fd once, without waiting for the answers */
static void remap(struct attacker *attacker, int fd, uint64_t size)
{
	struct vfu_dma_map map = { .argsz = sizeof(map),
				   .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
				   .address = FAR,
				   .size = size };
	struct vfu_dma_unmap unmap = { .argsz = sizeof(unmap), .address = FAR, .size = size };

	attack_check(message_send(attacker->fd, VFU_CMD_DMA_MAP, VFU_FLAG_NO_REPLY, &map,
				  sizeof(map), &fd, 1),
		     "mapping");
	attack_check(message_send(attacker->fd, VFU_CMD_DMA_UNMAP, VFU_FLAG_NO_REPLY, &unmap,
				  sizeof(unmap), NULL, 0),
		     "unmapping");
}

static void maps(const char *socket)
{
	struct attacker attacker;
	int fd = memfd_create("piece", MFD_CLOEXEC);

	attack_check(fd < 0 || ftruncate(fd, 1 << 20) ? errno : 0, "memory");
	attacker_open(&attacker, socket, MEMORY, false);
	attack_begin();
	for (;;)
		remap(&attacker, fd, 1 << 20);
}

/**
 * ring_huge() - a send queue whose ring is the same two pages again and again
 * @ring:	bus address of 1 GiB of memory
 *
 * Of 2 GiB, or as much of that as the adapter allows. Return: its number.
 */
static uint32_t ring_huge(struct attacker *attacker, uint64_t ring)
{
	const uint64_t pages[2] = { ring, ring };
	struct mana_create_wq_obj_req request = { .vport = attacker->hwc->vport[0],
						  .wq_type = GDMA_SQ,
						  .cq_size = 4096,
						  .cq_parent_eq_id = GDMA_CQ_NO_EQ };
	struct mana_create_wq_obj_resp made;
	int err = -EIO;

	attack_check(hwc_region(attacker->hwc, attacker_alloc(attacker, 4096), 4096,
				&request.cq_dma_region),
		     "a ring");
	for (unsigned int shift = 30; err == -EIO && shift >= 20; shift--) {
		request.wq_size = UINT32_C(2) << shift;
		request.wq_dma_region = attacker_region(attacker, pages, 2, shift);
		err = hwc_ask(attacker->hwc, attacker->hwc->dev, MANA_CREATE_WQ_OBJ, &request,
			      &made);
	}
	attack_check(err, "a large queue");
	return made.wq_id;
}

/** lookups() - a large ring, of which each change of the map invalidates all look-ups */
static void lookups(const char *socket)
{
	struct attacker attacker;
	struct driver_wq wq = { .page = DRIVER_NO_PAGE, .bell = GDMA_DB_SQ, .mask = BATCH - 1 };
	int fd = memfd_create("ring", MFD_CLOEXEC);
	int piece = memfd_create("piece", MFD_CLOEXEC);

	attack_check(ftruncate(fd, GIB) || ftruncate(piece, 4096) ? errno : 0, "memory");
	attacker_open(&attacker, socket, MEMORY, false);
	attack_check(
		attacker.transport->ops->dma_map(attacker.transport, 4 * GIB, NULL, GIB, fd, 0),
		"mapping a ring");
	wq.id = ring_huge(&attacker, 4 * GIB);
	attack_begin();
	for (;;) {
		remap(&attacker, piece, 4096);
		/* The entries are zeroes: each is a unit, and gets an error. */
		wq.tail += BATCH;
		driver_wq_commit(&wq, driver_doorbell(attacker.driver));
		attack_check(attacker.transport->ops->alive(attacker.transport), "ring");
		clock_pause_us(50);
	}
}

/** resets() - the function is reset and brought up again */
static void resets(const char *socket)
{
	struct attacker attacker;

	attacker_open(&attacker, socket, MEMORY, false);
	attack_begin();
	for (;;)
		attack_check(attacker.transport->ops->reset(attacker.transport), "reset");
}

/** unmapped() - a ring that is not mapped, and a shared tail that says there is work in it */
static void unmapped(const char *socket)
{
	static struct driver_signal signals[DRIVER_UNITS_MIN];
	static struct driver_txq queue, *txq = &queue;
	struct native_doorbell *page;
	struct attacker attacker;

	attacker_open(&attacker, socket, MEMORY, true);
	attack_check(driver_txq_create(attacker.port, 0, DRIVER_UNITS_MIN, signals, txq),
		     "a queue");
	attack_check(txq->wq.page == DRIVER_NO_PAGE ? ENOTSUP : 0, "a doorbell in shared memory");
	page = (struct native_doorbell *)(driver_doorbell(attacker.driver)->shared +
					  (size_t)txq->wq.page * NATIVE_DOORBELL_SIZE);
	attack_check(driver_unmap(attacker.driver, attacker.arena.memory, attacker.arena.size),
		     "unmapping");
	shared_store_release(&page->tail, DRIVER_UNITS_MIN / 2);
	driver_doorbell_ring(driver_doorbell(attacker.driver), GDMA_DB_SQ,
			     driver_wq_bell(&txq->wq, DRIVER_UNITS_MIN / 2));
	clock_pause_us(AWAKE_US);
	attack_begin();
	for (;;)
		pause();
}

struct truncation {
	int fd;
	off_t size;
};

/** shrink() - take the memory away while the lane is reading it */
static void *shrink(void *argument)
{
	struct truncation *truncation = argument;

	clock_pause_us(20000);
	if (ftruncate(truncation->fd, 0))
		_exit(ATTACK_BROKEN);
	return NULL;
}

static void truncated(const char *socket)
{
	struct attacker attacker;
	struct truncation truncation;
	struct driver_unit entry;
	struct queue queue;
	const uint64_t iova = FAR;
	pthread_t thread;

	attacker_open(&attacker, socket, MEMORY, false);
	truncation.size = 64 << 20;
	truncation.fd = memfd_create("truncated", MFD_CLOEXEC);
	attack_check(ftruncate(truncation.fd, truncation.size) ? errno : 0, "memory");
	attack_check(attacker.transport->ops->dma_map(attacker.transport, iova, NULL,
						      (uint64_t)truncation.size, truncation.fd, 0),
		     "mapping");
	queue_open(&attacker, 0, GDMA_SQ, 16384, 16384 * 2, GDMA_CQ_NO_EQ, &queue);
	entry = (struct driver_unit){ { DRIVER_WQE_SGES(1) | DRIVER_WQE_SHORT, queue.oob, iova,
					GDMA_SGE_WORD(attacker.hwc->key, 1514) } };
	queue_fill(&queue, &entry, 1);
	attack_begin();
	pthread_create(&thread, NULL, shrink, &truncation);
	queues_flood(&attacker, &queue, 1, 512);
}

const struct attack commands[] = {
	{ "steering", steering, NULL, false },
	{ "ranges", ranges, NULL, false },
	{ "bells", bells, NULL, false },
	{ "maps", maps, NULL, false },
	{ "lookups", lookups, NULL, false },
	{ "resets", resets, NULL, false },
	{ "truncated", truncated, NULL, false },
	{ "unmapped", unmapped, NULL, true },
	{ 0 },
};
