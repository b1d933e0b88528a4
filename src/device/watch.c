/* SPDX-License-Identifier: BSD-3-Clause */
#include "device/watch.h"

#include <errno.h>

#include "device/lane.h"
#include "fabric/fabric.h"

/** watch_update() - note what is wanted; the caller is the only thread that changes it */
static void watch_update(struct watch *watch)
{
	uint32_t wanted = 0;

	for (unsigned int i = 0; i < WATCHERS_MAX; i++) {
		const struct watcher *watcher = atomic_load(&watch->watcher[i]);

		if (watcher)
			wanted |= watcher->kinds;
	}
	atomic_store(&watch->wanted, wanted);
}

int watch_add(struct watch *watch, struct watcher *watcher)
{
	for (unsigned int i = 0; i < WATCHERS_MAX; i++) {
		if (atomic_load(&watch->watcher[i]))
			continue;
		atomic_store_explicit(&watch->watcher[i], watcher, memory_order_release);
		watch_update(watch);
		return 0;
	}
	return -ENOSPC;
}

void watch_remove(struct watch *watch, struct watcher *watcher, struct lanes *lanes)
{
	for (unsigned int i = 0; i < WATCHERS_MAX; i++)
		if (atomic_load(&watch->watcher[i]) == watcher)
			atomic_store(&watch->watcher[i], NULL);
	watch_update(watch);
	/* A lane may have found it just before. */
	lanes_sync(lanes);
}

void watch_tell(struct watch *watch, const struct watch_event *event)
{
	for (unsigned int i = 0; i < WATCHERS_MAX; i++) {
		struct watcher *watcher =
			atomic_load_explicit(&watch->watcher[i], memory_order_acquire);

		if (watcher && watcher->kinds & WATCH_BIT(event->kind))
			watcher->tell(watcher, event);
	}
}

void watch_tell_frames(struct watch *watch, const struct watch_frames *frames)
{
	struct watch_event event = { .kind = frames->kind,
				     .port = frames->port,
				     .queue = frames->queue };

	for (unsigned int i = 0; i < frames->n; i++) {
		if (i < 64 && frames->left >> i & 1)
			continue;
		event.frame = &frames->frames[i];
		watch_tell(watch, &event);
	}
}
