/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/driver.c - the user-space driver on an adapter that answers anything.
 *
 * Input: byte 0 is how much of the adapter's answers is made up (of 256); each further byte is its
 * next decision. After the last one the adapter is honest (decisions are 255).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "unit/driver/hostile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t left;
};

static uint8_t next(void *ctx)
{
	struct input *input = ctx;

	if (!input->left)
		return 255;
	input->left--;
	return *input->data++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *memory;
	struct input input = { .data = data + 1, .left = size - 1 };
	struct hostile_source source = { .next = next, .ctx = &input };
	struct hostile_result result;

	if (!size)
		return 0;
	if (!memory)
		memory = aligned_alloc(4096, HOSTILE_MEMORY);
	source.rate = data[0];
	if (!memory || !hostile_run(&source, memory, &result))
		abort();
	return 0;
}
