/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * A driver describes memory to the adapter in three steps: a DMA region is a list
 * of page addresses (IOVAs); a queue or a memory region takes over such a list; a
 * memory region has a key, and packets are described by key, address and length.
 *
 *	key -> memory region -> page list -> IOVA -> struct dma_map -> pointer
 *
 * Handles contain the kind of object, a generation and a number, so that a stale
 * or foreign handle finds nothing. Keys contain the number in their upper 24
 * bits.
 */
#include "device/memory.h"

#include <errno.h>
#include <string.h>

#include "base/budget.h"
#include "wire/gdma.h"
#include "wire/reg.h"

#define PAGE_SHIFT_MAX (MANA_PAGE_SHIFT + GDMA_PAGE_TYPE_MAX)

/* Handles: kind in bits 63:56, generation in 55:32, number in 31:0 */
enum handle_kind {
	HANDLE_LIST = 0x11,
	HANDLE_PD = 0x12,
	HANDLE_MR = 0x13,
	HANDLE_DEVICE = 0x14,
};

static uint64_t handle_make(enum handle_kind kind, uint32_t number)
{
	static _Atomic uint32_t generation;

	return (uint64_t)kind << 56 |
	       (uint64_t)(atomic_fetch_add(&generation, 1) & 0xffffffu) << 32 | number;
}

static uint32_t handle_number(uint64_t handle)
{
	return (uint32_t)handle;
}

int memory_init(struct memory *memory, struct retired *retired)
{
	memset(memory, 0, sizeof(*memory));
	memory->retired = retired;
	memory->map = dma_map_new();
	if (!memory->map || table_init(&memory->lists, MEMORY_REGIONS_MAX, 1) ||
	    table_init(&memory->pds, MEMORY_PDS_MAX, 1) ||
	    table_init(&memory->keys, MEMORY_KEYS_MAX, 1) ||
	    table_init(&memory->devices, MEMORY_DEVICES_MAX, 1)) {
		memory_destroy(memory);
		return -ENOMEM;
	}
	return 0;
}

void memory_clear(struct memory *memory)
{
	for (uint32_t i = 0; memory->keys.slots && i < memory->keys.fresh; i++) {
		struct memory_region *mr = table_get(&memory->keys, i);

		if (mr)
			memory_mr_free(memory, mr);
	}
	for (uint32_t i = 0; memory->lists.slots && i < memory->lists.fresh; i++) {
		struct dma_list *list = table_get(&memory->lists, i);

		if (list)
			memory_list_free(memory, list);
	}
	for (uint32_t i = 0; memory->pds.slots && i < memory->pds.fresh; i++) {
		struct protection_domain *pd = table_get(&memory->pds, i);

		if (pd)
			memory_pd_free(memory, pd);
	}
	for (uint32_t i = 0; memory->devices.slots && i < memory->devices.fresh; i++) {
		struct device_memory *device = table_get(&memory->devices, i);

		if (device)
			memory_device_free(memory, device);
	}
}

void memory_destroy(struct memory *memory)
{
	memory_clear(memory);
	table_free(&memory->lists);
	table_free(&memory->pds);
	table_free(&memory->keys);
	table_free(&memory->devices);
	if (memory->map)
		dma_map_free(memory->map);
	memory->map = NULL;
}

struct dma_list *memory_list_create(struct memory *memory, uint64_t length, uint32_t offset,
				    uint32_t page_shift, uint32_t pages)
{
	struct dma_list *list;
	int64_t number;

	if (page_shift < MANA_PAGE_SHIFT || page_shift > PAGE_SHIFT_MAX || !length || !pages ||
	    pages > MEMORY_PAGES_MAX - memory->pages_used)
		return NULL;
	if (offset >= (UINT64_C(1) << page_shift) ||
	    length > ((uint64_t)pages << page_shift) - offset)
		return NULL;
	list = calloc(1, sizeof(*list) + pages * sizeof(list->page[0]));
	if (!list)
		return NULL;
	number = table_add(&memory->lists, list);
	if (number < 0) {
		free(list);
		return NULL;
	}
	list->handle = handle_make(HANDLE_LIST, (uint32_t)number);
	list->length = length;
	list->offset = offset;
	list->page_shift = page_shift;
	list->pages = pages;
	memory->pages_used += pages;
	return list;
}

int memory_list_add(struct dma_list *list, const uint64_t *pages, uint32_t n)
{
	uint64_t mask = (UINT64_C(1) << list->page_shift) - 1;

	if (n > list->pages - list->have)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++) {
		if (pages[i] & mask)
			return -EINVAL;
		list->page[list->have + i] = pages[i];
	}
	list->have += n;
	return 0;
}

struct dma_list *memory_list_find(struct memory *memory, uint64_t handle)
{
	struct dma_list *list = table_get(&memory->lists, handle_number(handle));

	return list && list->handle == handle && !list->owned ? list : NULL;
}

void memory_list_free(struct memory *memory, struct dma_list *list)
{
	table_remove(&memory->lists, handle_number(list->handle));
	memory->pages_used -= list->pages;
	retire(memory->retired, free, list);
}

struct protection_domain *memory_pd_create(struct memory *memory)
{
	struct protection_domain *pd = calloc(1, sizeof(*pd));
	int64_t number;

	if (!pd)
		return NULL;
	number = table_add(&memory->pds, pd);
	if (number < 0) {
		free(pd);
		return NULL;
	}
	pd->id = (uint32_t)number;
	pd->handle = handle_make(HANDLE_PD, pd->id);
	return pd;
}

struct protection_domain *memory_pd_find(struct memory *memory, uint64_t handle)
{
	struct protection_domain *pd = table_get(&memory->pds, handle_number(handle));

	return pd && pd->handle == handle ? pd : NULL;
}

void memory_pd_free(struct memory *memory, struct protection_domain *pd)
{
	table_remove(&memory->pds, pd->id);
	free(pd);
}

/** mr_add() - a region like @values gets a number and a key; NULL if there are too many */
static struct memory_region *mr_add(struct memory *memory, struct protection_domain *pd,
				    const struct memory_region *values)
{
	struct memory_region *mr = malloc(sizeof(*mr));
	int64_t number;

	if (!mr)
		return NULL;
	/* Lanes can find it after table_add(), and recognize it by the key, which is set last. */
	*mr = *values;
	mr->pd = pd->id;
	number = table_add(&memory->keys, mr);
	if (number < 0) {
		free(mr);
		return NULL;
	}
	mr->handle = handle_make(HANDLE_MR, (uint32_t)number);
	atomic_store_explicit(&mr->key,
			      (uint32_t)number << 8 | (uint32_t)(mr->handle >> 32 & 0xffu),
			      memory_order_release);
	pd->users++;
	return mr;
}

struct memory_region *memory_mr_create(struct memory *memory, struct protection_domain *pd,
				       enum mr_kind kind, uint64_t base,
				       struct memory_rights rights, struct dma_list *list)
{
	const struct memory_region values = {
		.kind = kind, .base = base, .rights = rights, .list = list
	};
	struct memory_region *mr = mr_add(memory, pd, &values);

	if (mr && list)
		list->owned = true;
	return mr;
}

struct memory_region *memory_mr_device(struct memory *memory, struct protection_domain *pd,
				       struct memory_rights rights, struct device_memory *device,
				       uint64_t offset, uint64_t size)
{
	const struct memory_region values = { .kind = MR_DEVICE,
					      .rights = rights,
					      .device = device,
					      .device_offset = offset,
					      .device_size = size };
	struct memory_region *mr = mr_add(memory, pd, &values);

	if (mr)
		device->users++;
	return mr;
}

struct memory_region *memory_mr_find(struct memory *memory, uint64_t handle)
{
	struct memory_region *mr = table_get(&memory->keys, handle_number(handle));

	return mr && mr->handle == handle ? mr : NULL;
}

void memory_mr_free(struct memory *memory, struct memory_region *mr)
{
	struct protection_domain *pd = table_get(&memory->pds, mr->pd);

	table_remove(&memory->keys, handle_number(mr->handle));
	if (pd)
		pd->users--;
	if (mr->list)
		memory_list_free(memory, mr->list);
	if (mr->device)
		mr->device->users--;
	retire(memory->retired, free, mr);
	memory->retired->revoked = true;
}

/** device_room() - how much of MEMORY_DEVICE_MAX it uses, in bytes */
static uint64_t device_room(uint64_t size)
{
	return (size + MANA_PAGE_SIZE - 1) & ~(uint64_t)(MANA_PAGE_SIZE - 1);
}

struct device_memory *memory_device_create(struct memory *memory, uint64_t size)
{
	struct device_memory *device;
	int64_t number;

	if (size > MEMORY_DEVICE_MAX || device_room(size) > MEMORY_DEVICE_MAX - memory->device_used)
		return NULL;
	device = calloc(1, sizeof(*device));
	if (!device)
		return NULL;
	device->size = size;
	device->bytes = aligned_alloc(MANA_PAGE_SIZE, device_room(size));
	number = device->bytes ? table_add(&memory->devices, device) : -1;
	if (number < 0) {
		free(device->bytes);
		free(device);
		return NULL;
	}
	memset(device->bytes, 0, device_room(size));
	device->handle = handle_make(HANDLE_DEVICE, (uint32_t)number);
	memory->device_used += (uint32_t)device_room(size);
	return device;
}

struct device_memory *memory_device_find(struct memory *memory, uint64_t handle)
{
	struct device_memory *device = table_get(&memory->devices, handle_number(handle));

	return device && device->handle == handle ? device : NULL;
}

static void device_release(void *what)
{
	struct device_memory *device = what;

	free(device->bytes);
	free(device);
}

void memory_device_free(struct memory *memory, struct device_memory *device)
{
	table_remove(&memory->devices, handle_number(device->handle));
	memory->device_used -= (uint32_t)device_room(device->size);
	retire(memory->retired, device_release, device);
}

/** pieces_add() - append a piece, or extend the last one if contiguous */
static int pieces_add(struct pieces *pieces, void *base, size_t len)
{
	struct iovec *last = pieces->n ? &pieces->iov[pieces->n - 1] : NULL;

	if (last && (uint8_t *)last->iov_base + last->iov_len == base) {
		last->iov_len += len;
		return 0;
	}
	if (pieces->n == pieces->max)
		return -ENOBUFS;
	pieces->iov[pieces->n++] = (struct iovec){ .iov_base = base, .iov_len = len };
	return 0;
}

/** region_find() - the region of an element's key, if that allows this access; else NULL */
static const struct memory_region *region_find(const struct memory *memory, uint32_t pd,
					       const struct gdma_sge *sge, unsigned int access)
{
	const struct memory_region *mr = table_get(&memory->keys, sge->mem_key >> 8);
	unsigned int rights;

	if (!mr || mr->key != sge->mem_key || mr->pd != pd)
		return NULL;
	rights = access & MEMORY_REMOTE ? mr->rights.remote : mr->rights.local;
	return access & (DMA_READ | DMA_WRITE) & ~rights ? NULL : mr;
}

/** region_holds() - is a range within a region with a page list, or in device memory? */
static bool region_holds(const struct memory_region *mr, const struct gdma_sge *sge)
{
	uint64_t size = mr->kind == MR_LISTED ? mr->list->length : mr->device_size;
	uint64_t offset = sge->address - mr->base;

	return sge->address >= mr->base && offset <= size && sge->size <= size - offset;
}

bool memory_allows(const struct memory *memory, uint32_t pd, const struct gdma_sge *sge,
		   unsigned int access)
{
	const struct memory_region *mr = region_find(memory, pd, sge, access);

	return mr && (!sge->size || mr->kind == MR_PHYSICAL || region_holds(mr, sge));
}

/** translate_listed() - translate a range of a region with a page list, page by page */
static int translate_listed(const struct memory *memory, const struct memory_region *mr,
			    const struct gdma_sge *sge, unsigned int access, struct pieces *pieces)
{
	const struct dma_list *list = mr->list;
	uint64_t offset = sge->address - mr->base;
	uint64_t left = sge->size;
	uint64_t page_size = UINT64_C(1) << list->page_shift;

	if (!region_holds(mr, sge))
		return -EFAULT;
	/* Nobody uses more, and a list of gigabytes would take long. */
	if (left > MEMORY_ELEMENT_MAX)
		left = MEMORY_ELEMENT_MAX;
	offset += list->offset;
	while (left) {
		uint64_t in_page = offset & (page_size - 1);
		uint64_t len = page_size - in_page;
		void *pointer;
		int err;

		if (len > left)
			len = left;
		budget_charge(BUDGET_LOOKUP);
		pointer = dma_map_pointer(
			memory->map, list->page[offset >> list->page_shift] + in_page, len, access);
		if (!pointer)
			return -EFAULT;
		err = pieces_add(pieces, pointer, len);
		if (err)
			return err;
		offset += len;
		left -= len;
	}
	return 0;
}

int memory_translate(const struct memory *memory, uint32_t pd, const struct gdma_sge *sge,
		     unsigned int access, struct pieces *pieces)
{
	const struct memory_region *mr = region_find(memory, pd, sge, access);
	void *pointer;

	if (!mr)
		return -EACCES;
	if (!sge->size)
		return 0;
	if (mr->kind == MR_WINDOW)
		return -EACCES; /* no driver binds one */
	access &= DMA_READ | DMA_WRITE;
	if (mr->kind == MR_LISTED)
		return translate_listed(memory, mr, sge, access, pieces);
	if (mr->kind == MR_DEVICE)
		pointer = region_holds(mr, sge)
				  ? mr->device->bytes + mr->device_offset + sge->address
				  : NULL;
	else
		pointer = dma_map_pointer(memory->map, sge->address, sge->size, access);
	if (!pointer)
		return -EFAULT;
	return pieces_add(pieces, pointer, sge->size);
}

/** ring_page() - where a 4096-byte page of the ring is now */
static uint8_t *ring_page(const struct ring *ring, uint32_t page)
{
	const struct dma_list *list = ring->list;
	uint64_t offset = (uint64_t)page << MANA_PAGE_SHIFT;
	uint64_t in_page = offset & ((UINT64_C(1) << list->page_shift) - 1);

	return dma_map_pointer(ring->memory->map, list->page[offset >> list->page_shift] + in_page,
			       MANA_PAGE_SIZE, DMA_READ | DMA_WRITE);
}

/**
 * ring_resolve() - look the pointers up again
 *
 * All at once, for at most MEMORY_RING_MAX / 4096 pages: a queue that is not ready loses entries.
 *
 * Return: 0; -EFAULT if a page is not mapped; -ENOMEM
 */
int ring_resolve(struct ring *ring)
{
	uint64_t epoch = atomic_load_explicit(&ring->memory->epoch, memory_order_acquire);
	uint32_t pages = ring->size >> MANA_PAGE_SHIFT;
	uint8_t *first = ring_page(ring, 0), *page = first;
	uint32_t i;

	ring->base = NULL;
	free(ring->page);
	ring->page = NULL;
	ring->epoch = epoch;
	for (i = 1; page && i < pages && page == first + ((size_t)(i - 1) << MANA_PAGE_SHIFT); i++)
		page = ring_page(ring, i);
	budget_charge((uint64_t)i * BUDGET_LOOKUP);
	if (!page)
		return -EFAULT;
	if (i == pages && page == first + ((size_t)(pages - 1) << MANA_PAGE_SHIFT)) {
		ring->base = first;
		return 0;
	}
	ring->page = calloc(pages, sizeof(*ring->page));
	if (!ring->page)
		return -ENOMEM;
	budget_charge((uint64_t)pages * BUDGET_LOOKUP);
	for (i = 0; i < pages; i++) {
		ring->page[i] = ring_page(ring, i);
		if (!ring->page[i]) {
			free(ring->page);
			ring->page = NULL;
			return -EFAULT;
		}
	}
	return 0;
}

int ring_open(struct ring *ring, struct memory *memory, struct dma_list *list, uint32_t size)
{
	uint32_t pages = size >> MANA_PAGE_SHIFT;
	int err;

	if (!size || size > MEMORY_RING_MAX || size % MANA_PAGE_SIZE || list->offset ||
	    list->have != list->pages || size > (uint64_t)list->pages << list->page_shift)
		return -EINVAL;
	/* Few large pages can make a ring of many small ones, with a pointer to each. */
	if (pages > MEMORY_PAGES_MAX - memory->pages_used)
		return -ENOSPC;
	memset(ring, 0, sizeof(*ring));
	ring->memory = memory;
	ring->list = list;
	ring->size = size;
	err = ring_resolve(ring);
	if (err)
		return err;
	list->owned = true;
	memory->pages_used += pages;
	return 0;
}

void ring_disown(struct ring *ring)
{
	ring->list->owned = false;
	ring->list = NULL;
}

void ring_close(struct ring *ring)
{
	ring->memory->pages_used -= ring->size >> MANA_PAGE_SHIFT;
	if (ring->list)
		memory_list_free(ring->memory, ring->list);
	ring->memory->retired->revoked = true;
}

void ring_release(struct ring *ring)
{
	free(ring->page);
}
