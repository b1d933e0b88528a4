/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/verbs_memory.c - memory regions of the verbs control plane
 *
 * Theory of operation
 *
 * Mapping memory only records its range here. A key is created when an address is looked up: for
 * the whole run of ranges around it, so that a buffer across two hugepages is in one region, and
 * few keys serve many buffers. A protection domain belongs to one vPort, and so does a key.
 *
 *	range added	next to a key's run: that key is retired
 *	range removed	inside a key's run: that key is retired
 *	key requested	the longest run at that moment is registered
 *
 * A retired key stays registered, because entries that use it may be in flight, but it is no longer
 * returned. It is deregistered when its vPort has no queues. Until then the kernel keeps its pages
 * pinned, also those that the application has freed.
 */
#include "driver/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define ROOM_FIRST 64u

void verbs_memory_init(struct verbs_memory *memory)
{
	pthread_mutex_init(&memory->lock, NULL);
}

void verbs_memory_fini(struct verbs_memory *memory)
{
	pthread_mutex_destroy(&memory->lock);
	free(memory->ranges);
	free(memory->keys);
}

/** grow() - make room for one more in an array; NULL if out of memory */
static void *grow(void *array, size_t count, size_t *room, size_t size)
{
	size_t want = *room ? *room * 2 : ROOM_FIRST;
	void *larger;

	if (count < *room)
		return array;
	larger = reallocarray(array, want, size);
	if (larger)
		*room = want;
	return larger;
}

/** find_range() - the first one that ends after @va; the lock is held */
static size_t find_range(const struct verbs_memory *memory, uint64_t va)
{
	size_t low = 0, high = memory->range_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (memory->ranges[middle].end <= va)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/** retire() - retire keys whose run touches a range; the lock is held */
static void retire(struct verbs_memory *memory, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < memory->key_count; i++) {
		struct verbs_key *key = &memory->keys[i];

		if (key->range.start <= end && key->range.end >= start)
			key->retired = true;
	}
}

int verbs_memory_add(struct verbs_memory *memory, uint64_t start, uint64_t size)
{
	struct verbs_range *ranges;
	size_t at;
	int err = 0;

	pthread_mutex_lock(&memory->lock);
	at = find_range(memory, start);
	ranges = grow(memory->ranges, memory->range_count, &memory->range_room,
		      sizeof(*memory->ranges));
	if (!ranges) {
		err = -ENOMEM;
	} else {
		memory->ranges = ranges;
		if (at < memory->range_count && ranges[at].start < start + size)
			err = -EEXIST;
	}
	if (!err) {
		memmove(&ranges[at + 1], &ranges[at], (memory->range_count - at) * sizeof(*ranges));
		ranges[at] = (struct verbs_range){ start, start + size };
		memory->range_count++;
		retire(memory, start, start + size);
	}
	pthread_mutex_unlock(&memory->lock);
	return err;
}

int verbs_memory_remove(struct verbs_memory *memory, uint64_t start, uint64_t size)
{
	struct verbs_range *ranges = memory->ranges;
	size_t at;
	int err = -ENOENT;

	pthread_mutex_lock(&memory->lock);
	at = find_range(memory, start);
	if (at < memory->range_count && ranges[at].start == start &&
	    ranges[at].end == start + size) {
		memory->range_count--;
		memmove(&ranges[at], &ranges[at + 1], (memory->range_count - at) * sizeof(*ranges));
		retire(memory, start, start + size);
		err = 0;
	}
	pthread_mutex_unlock(&memory->lock);
	return err;
}

/** find_key() - of @va at a vPort; NULL if there is none; the lock is held */
static const struct verbs_key *find_key(const struct verbs_memory *memory, unsigned int port,
					uint64_t va)
{
	for (size_t i = 0; i < memory->key_count; i++) {
		const struct verbs_key *key = &memory->keys[i];

		if (key->port == port && !key->retired && key->range.start <= va &&
		    va < key->range.end)
			return key;
	}
	return NULL;
}

/** find_run() - the longest run of ranges without holes around @va; the lock is held */
static bool find_run(const struct verbs_memory *memory, uint64_t va, struct verbs_range *run)
{
	const struct verbs_range *ranges = memory->ranges;
	size_t first = find_range(memory, va), last = first;

	if (first == memory->range_count || ranges[first].start > va)
		return false;
	while (first && ranges[first - 1].end == ranges[first].start)
		first--;
	while (last + 1 < memory->range_count && ranges[last + 1].start == ranges[last].end)
		last++;
	*run = (struct verbs_range){ ranges[first].start, ranges[last].end };
	return true;
}

/** make_key() - register the run around @va; the lock is held */
static int make_key(struct verbs_memory *memory, unsigned int port, struct ibv_pd *pd, uint64_t va,
		    const char *name, const struct verbs_key **out)
{
	struct verbs_key key = { .port = port };
	struct verbs_key *keys;
	int err;

	if (!find_run(memory, va, &key.range))
		return -ENOENT;
	keys = grow(memory->keys, memory->key_count, &memory->key_room, sizeof(*memory->keys));
	if (!keys)
		return -ENOMEM;
	memory->keys = keys;
	key.mr = ibv_reg_mr(pd, (void *)(uintptr_t)key.range.start, key.range.end - key.range.start,
			    IBV_ACCESS_LOCAL_WRITE);
	if (!key.mr) {
		err = -errno;
		log_say(LOG_ERROR, "%s: cannot register %llu bytes at %#llx for vPort %u: %s%s",
			name, (unsigned long long)(key.range.end - key.range.start),
			(unsigned long long)key.range.start, port, strerror(-err),
			err == -ENOMEM ? "; raise the limit of locked memory (ulimit -l)" : "");
		return err;
	}
	keys[memory->key_count] = key;
	*out = &keys[memory->key_count++];
	return 0;
}

int verbs_memory_key(struct verbs_memory *memory, unsigned int port, struct ibv_pd *pd, uint64_t va,
		     const char *name, struct driver_region *region)
{
	const struct verbs_key *key;
	int err = 0;

	pthread_mutex_lock(&memory->lock);
	key = find_key(memory, port, va);
	if (!key)
		err = make_key(memory, port, pd, va, name, &key);
	if (!err)
		*region = (struct driver_region){ .start = key->range.start,
						  .end = key->range.end,
						  .key = key->mr->lkey };
	pthread_mutex_unlock(&memory->lock);
	return err;
}

void verbs_memory_drop(struct verbs_memory *memory, unsigned int port, bool all)
{
	size_t kept = 0;

	pthread_mutex_lock(&memory->lock);
	for (size_t i = 0; i < memory->key_count; i++) {
		struct verbs_key *key = &memory->keys[i];

		if (key->port == port && (all || key->retired))
			ibv_dereg_mr(key->mr);
		else
			memory->keys[kept++] = *key;
	}
	memory->key_count = kept;
	pthread_mutex_unlock(&memory->lock);
}
