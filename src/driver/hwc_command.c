/* SPDX-License-Identifier: BSD-3-Clause */
#include "driver/hwc.h"

#include <errno.h>

#include "base/log.h"

void hwc_distrust(struct hwc_driver *hwc)
{
	hwc->channel.dead = true;
	hwc->transport->ops->reset(hwc->transport);
	if (hwc->transport->ops->alive(hwc->transport) == 0)
		driver_note_reset(&hwc->driver);
}

int hwc_command(struct hwc_driver *hwc, struct command *command)
{
	bool was_dead = hwc->channel.dead;
	int err;

	/* The adapter can shorten the wait, and not lengthen it. */
	hwc->channel.timeout_ms = hwc->driver.timeout_ms;
	if (hwc->told_ms && hwc->told_ms < hwc->driver.timeout_ms)
		hwc->channel.timeout_ms = hwc->told_ms;
	err = channel_command(&hwc->channel, command);
	if (!was_dead && hwc->channel.dead)
		hwc_distrust(hwc);
	return err;
}

int hwc_nonsense(struct hwc_driver *hwc, const char *what, uint64_t value)
{
	log_say(LOG_ERROR, "%s: the adapter reports %s as %llu, which is impossible; resetting it",
		hwc->driver.name, what, (unsigned long long)value);
	hwc_distrust(hwc);
	return -EPROTO;
}

int hwc_region(struct hwc_driver *hwc, const void *memory, uint32_t size, uint64_t *handle)
{
	uint64_t buffer[HWC_BOOT_MESSAGE_SIZE / 8] = { 0 };
	struct gdma_create_dma_region_req *request = (void *)buffer;
	struct gdma_create_dma_region_resp response;
	uint32_t pages = size / MANA_PAGE_SIZE;
	size_t len = sizeof(*request) + pages * sizeof(request->page_addr_list[0]);
	int err;

	if (len > sizeof(buffer))
		return -EMSGSIZE;
	request->length = size;
	request->page_type = GDMA_PAGE_TYPE_4K;
	request->page_count = pages;
	request->page_addr_list_len = pages;
	for (uint32_t i = 0; i < pages; i++)
		request->page_addr_list[i] = (uintptr_t)memory + (uint64_t)i * MANA_PAGE_SIZE;
	err = hwc_command(hwc, &(struct command){ .code = GDMA_CREATE_DMA_REGION,
						  .request = request,
						  .request_len = len,
						  .response = &response,
						  .response_len = sizeof(response) });
	if (err)
		return err;
	if (response.dma_region == GDMA_INVALID_DMA_REGION)
		return hwc_nonsense(hwc, "a DMA region's handle", response.dma_region);
	*handle = response.dma_region;
	return 0;
}

void hwc_region_destroy(struct hwc_driver *hwc, uint64_t handle)
{
	struct gdma_destroy_dma_region_req request = { .dma_region = handle };
	struct gdma_general_resp response;

	hwc_ask(hwc, HWC_FUNCTION, GDMA_DESTROY_DMA_REGION, &request, &response);
}
