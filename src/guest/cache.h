/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/cache.h - what the lab builds once and keeps.
 */
#ifndef MANAKIN_GUEST_CACHE_H
#define MANAKIN_GUEST_CACHE_H

#include <limits.h>
#include <stdbool.h>

#include "guest/arch.h"

enum cache_kind {
	CACHE_QEMU,   /* QEMU and what it needs to run */
	CACHE_IMAGE,  /* a guest of one kind */
	CACHE_KERNEL, /* a kernel that is not the guest's own */
	CACHE_KINDS,
};

/**
 * struct cache_item - one thing in the cache
 * @kind:	what it is
 * @guest:	which guest it is, or for which guests
 * @suite:	@guest's; empty for CACHE_QEMU
 * @name:	of its directory: what it is, and the recipe's hash
 * @path:	its directory, complete or missing
 */
struct cache_item {
	enum cache_kind kind;
	struct guest_kind guest;
	char suite[64];
	char name[128];
	char path[PATH_MAX];
};

/**
 * cache_find() - name an item and where it belongs
 * @item:	filled in
 * @kind:	what is wanted
 * @guest:	which guest; its suite as typed by the user
 *
 * Return: 0 or a negative errno; the user has been told why
 */
int cache_find(struct cache_item *item, enum cache_kind kind, const struct guest_kind *guest);

/** cache_has() - is the item built? If so, its time of last use is set */
bool cache_has(const struct cache_item *item);

/**
 * cache_build() - build the item unless it exists; shows progress on standard error
 * @item:	from cache_find()
 * @again:	build even if it exists
 *
 * Other builders of the same item wait, and then find it built. If a build is killed, the next one
 * starts over.
 *
 * Return: 0 or a negative errno; the user has been told why
 */
int cache_build(const struct cache_item *item, bool again);

#endif
