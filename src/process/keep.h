/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * process/keep.h - keep an application's output, bounded in size, to explain a failure.
 */
#ifndef MANAKIN_PROCESS_KEEP_H
#define MANAKIN_PROCESS_KEEP_H

#include <stddef.h>

#define KEEP_HEAD (1u << 20) /* bytes at the start, always kept */
#define KEEP_MAX  (8u << 20) /* bytes in all; at this size, those after the start are dropped */

/** keep_open() - an in-memory file; 0 if it cannot be created, and then nothing is kept */
int keep_open(void);

/** keep_more() - append to it; nothing happens if @keep is 0 */
void keep_more(int keep, const void *data, size_t len);

struct keep_tee;

/**
 * keep_tee() - pass on what is written to a descriptor, and keep it
 * @keep:	from keep_open()
 * @to:		where it goes
 * @from:	filled in: the descriptor to write to, for a child; the caller closes its own
 *
 * Return: NULL on failure; then @from is @to
 */
struct keep_tee *keep_tee(int keep, int to, int *from);

/** keep_tee_end() - when all others have closed @from: pass on the rest */
void keep_tee_end(struct keep_tee *tee);

#endif
