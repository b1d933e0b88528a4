/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: the automaton of Aho and Corasick ("Efficient string matching: an aid to
 * bibliographic search", CACM 18, 1975), made deterministic: one table look-up per byte, however
 * many texts there are. The state after a byte is the longest beginning of any text that the
 * bytes seen so far end with.
 *
 * Most bytes occur in no text and are of one class, so that the table has tens of columns and
 * its busy part stays in the first-level cache. A state is the offset of its row in the table, so that
 * the next one is one load away, and those in which a text ends are the last rows: nothing but the
 * table is read until one of these comes.
 */
#include "host/diagnosis/scan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX (1u << 17) /* of all texts: the table then has 50 MB */
#define NONE      UINT32_MAX

/**
 * struct scan - the automaton
 * @column:	offset in a row, of each byte; 0 for bytes that are in no text
 * @classes:	columns; while it is made, @column has their numbers
 * @table:	offset of the next state's row; while it is made, its number
 * @row:	bytes of one
 * @ends:	offset of the first row in which a text ends
 * @first:	[state] first text that ends there, or NONE
 * @shorter:	[state] the next state in which a shorter text ends, or 0
 * @same:	[text] the next one that is the same, or NONE
 */
struct scan {
	uint32_t column[256];
	uint32_t classes, states;
	uint32_t *table;
	uint32_t row, ends;
	uint32_t *first;
	uint32_t *shorter;
	uint32_t *same;
};

/** add_text() - a path of states from the start for a text; in @table, 0 is no transition yet */
static void add_text(struct scan *scan, const struct scan_text *text, uint32_t number)
{
	uint32_t at = 0;

	for (size_t i = 0; i < text->len; i++) {
		uint32_t *way = &scan->table[at * scan->classes +
					     scan->column[(unsigned char)text->bytes[i]]];

		if (!*way)
			*way = scan->states++;
		at = *way;
	}
	scan->same[number] = scan->first[at];
	scan->first[at] = number;
}

/** close_ways() - breadth first: a missing transition is that of the longest proper suffix */
static int close_ways(struct scan *scan)
{
	uint32_t *queue = calloc(scan->states, sizeof(*queue));
	uint32_t *suffix = calloc(scan->states, sizeof(*suffix));
	uint32_t head = 0, tail = 1; /* the start is in it */
	int err = queue && suffix ? 0 : -ENOMEM;

	while (!err && head < tail) {
		uint32_t at = queue[head++];

		for (uint32_t c = 0; c < scan->classes; c++) {
			uint32_t *way = &scan->table[at * scan->classes + c];
			uint32_t fall = at ? scan->table[suffix[at] * scan->classes + c] : 0;

			if (!*way) {
				*way = fall;
				continue;
			}
			suffix[*way] = fall;
			scan->shorter[*way] =
				scan->first[fall] != NONE ? fall : scan->shorter[fall];
			queue[tail++] = *way;
		}
	}
	free(queue);
	free(suffix);
	return err;
}

static bool text_ends(const struct scan *scan, uint32_t at)
{
	return scan->first[at] != NONE || scan->shorter[at];
}

/** number_states() - those in which a text ends are the last; a number becomes a row's offset */
static int number_states(struct scan *scan)
{
	uint32_t n = scan->states, next = 0;
	uint32_t *number = calloc(n, sizeof(*number));
	uint32_t *table = malloc((size_t)n * scan->classes * sizeof(*table));
	uint32_t *first = malloc(n * sizeof(*first)), *shorter = malloc(n * sizeof(*shorter));
	int err = number && table && first && shorter ? 0 : -ENOMEM;

	scan->row = scan->classes * (uint32_t)sizeof(*table);
	for (int ends = 0; !err && ends < 2; ends++) {
		if (ends)
			scan->ends = next * scan->row;
		for (uint32_t at = 0; at < n; at++)
			if (text_ends(scan, at) == (ends != 0))
				number[at] = next++;
	}
	for (uint32_t at = 0; !err && at < n; at++) {
		first[number[at]] = scan->first[at];
		shorter[number[at]] = number[scan->shorter[at]];
		for (uint32_t c = 0; c < scan->classes; c++)
			table[number[at] * scan->classes + c] =
				number[scan->table[at * scan->classes + c]] * scan->row;
	}
	for (size_t i = 0; i < 256; i++)
		scan->column[i] *= (uint32_t)sizeof(*table);
	free(number);
	free(scan->table);
	free(scan->first);
	free(scan->shorter);
	scan->table = table;
	scan->first = first;
	scan->shorter = shorter;
	return err;
}

struct scan *scan_open(const struct scan_text *texts, size_t n)
{
	struct scan *scan = calloc(1, sizeof(*scan));
	size_t bytes = 1;

	if (!scan)
		return NULL;
	scan->classes = 1;
	for (size_t i = 0; i < n; i++) {
		bytes += texts[i].len;
		for (size_t j = 0; j < texts[i].len; j++) {
			uint32_t *column = &scan->column[(unsigned char)texts[i].bytes[j]];

			if (!*column)
				*column = scan->classes++;
		}
	}
	if (bytes > BYTES_MAX || n >= NONE) {
		free(scan);
		errno = E2BIG;
		return NULL;
	}
	scan->table = calloc(bytes * scan->classes, sizeof(*scan->table));
	scan->first = malloc(bytes * sizeof(*scan->first));
	scan->shorter = calloc(bytes, sizeof(*scan->shorter));
	scan->same = calloc(n ? n : 1, sizeof(*scan->same));
	if (!scan->table || !scan->first || !scan->shorter || !scan->same)
		goto fail;
	for (size_t i = 0; i < bytes; i++)
		scan->first[i] = NONE;
	scan->states = 1;
	for (size_t i = 0; i < n; i++)
		add_text(scan, &texts[i], (uint32_t)i);
	if (!close_ways(scan) && !number_states(scan))
		return scan;
fail:
	scan_close(scan);
	errno = ENOMEM;
	return NULL;
}

void scan_close(struct scan *scan)
{
	if (!scan)
		return;
	free(scan->table);
	free(scan->first);
	free(scan->shorter);
	free(scan->same);
	free(scan);
}

/** tell() - report all texts that end in a state */
static void tell(const struct scan *scan, uint32_t at, size_t end, scan_hit *hit, void *arg)
{
	for (; at; at = scan->shorter[at])
		for (uint32_t text = scan->first[at]; text != NONE; text = scan->same[text])
			hit(arg, text, end);
}

void scan_run(const struct scan *scan, const char *data, size_t len, scan_hit *hit, void *arg)
{
	const char *table = (const char *)scan->table;
	const uint32_t ends = scan->ends;
	uint32_t at = 0;

	for (size_t i = 0; i < len; i++) {
		const char *column = table + scan->column[(unsigned char)data[i]];

		at = *(const uint32_t *)(const void *)(column + at);
		if (__builtin_expect(at >= ends, 0))
			tell(scan, at / scan->row, i + 1, hit, arg);
	}
}
