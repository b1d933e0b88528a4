/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/unit/driver/hostile.h - an adapter that answers correctly, except for bytes that it makes
 * up: a transport with the whole adapter behind it, in the caller's thread.
 *
 * A function decides how much it makes up, and what: random numbers in the unit test, the input in
 * the fuzz target. The same function drives the driver: hostile_run() is one life of it.
 */
#ifndef MANAKIN_TESTS_UNIT_DRIVER_HOSTILE_H
#define MANAKIN_TESTS_UNIT_DRIVER_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct hostile_source - decides
 * @next:	a byte, any
 * @ctx:	handed to @next
 * @rate:	how many of 256 answers are wrong; 0 for an honest adapter
 */
struct hostile_source {
	uint8_t (*next)(void *ctx);
	void *ctx;
	unsigned int rate;
};

/** struct hostile_result - how far the driver got: 0 or a negative errno of each step, 1 if not
 * tried */
struct hostile_result {
	int open, map, start, port, txq, rxq, rss, stats;
	unsigned int sent, received;
};

struct transport;

#define HOSTILE_PAGES 8u /* of BAR 2: more queues than that are rung by messages */

/**
 * hostile_transport() - only the adapter
 * @source:	used as long as the adapter lives
 * @bar2:	HOSTILE_PAGES pages, zeroed
 *
 * Return: its transport, for driver_open(), whose close frees it; NULL without memory
 */
struct transport *hostile_transport(const struct hostile_source *source, uint8_t *bar2);

#define HOSTILE_MEMORY (4u << 20) /* bytes that hostile_run() wants */

/**
 * hostile_run() - open, use and close the driver on such an adapter
 * @memory:	HOSTILE_MEMORY bytes, a multiple of a page
 *
 * Return: false if the driver has not freed everything
 */
bool hostile_run(const struct hostile_source *source, uint8_t *memory,
		 struct hostile_result *result);

#endif
