/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/retire.h - objects that lanes may still be using, and those that are many.
 *
 * The control thread makes an object unreachable and retires it. When all lanes have passed a quiet
 * point it may be freed; and because a client can have tens of thousands of objects, they are freed
 * over several visits.
 */
#ifndef MANAKIN_DEVICE_RETIRE_H
#define MANAKIN_DEVICE_RETIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/lane.h"

struct retired_block;

/**
 * struct retired - objects to be freed, in order; initially all zero but for @lanes
 * @lanes:	who may be using them
 * @first, @last: blocks of them
 * @settled:	objects from the first one on that no lane uses any more
 * @count:	all
 * @revoked:	one of them lets lanes use memory of the client's, who must not be told that it is
 *		gone before retire_settle()
 */
struct retired {
	struct lanes *lanes;
	struct retired_block *first, *last;
	size_t settled, count;
	bool revoked;
};

/**
 * retire() - free an object later
 * @release:	frees it; not called by retire(), unless memory has run out
 */
void retire(struct retired *retired, void (*release)(void *what), void *what);

/** retire_settle() - wait until no lane uses what has been retired */
void retire_settle(struct retired *retired);

/**
 * retire_free() - free objects that no lane uses any more
 * @units:	stop when about so much has been spent, see base/budget.h
 *
 * Return: true if there are more
 */
bool retire_free(struct retired *retired, uint32_t units);

#endif
