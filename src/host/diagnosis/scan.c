/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: the automaton of Aho and Corasick ("Efficient string matching: an aid to
 * bibliographic search", CACM 18, 1975), made deterministic: one table look-up per byte, however
 * many texts there are. The state after a byte is the longest beginning of any text that the
 * bytes seen so far end with.
 *
 * Most bytes occur in no text and are of one class, so that the table has tens of columns and
 * its busy part stays in the first-level cache. The uppermost bit of an entry says that
 * a text ends there: nothing but the table is read until one does.
 */
#include "host/diagnosis/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STATES_MAX 0x7fffu
#define ENDS       0x8000u /* bit of an entry: a text ends in that state */
#define NONE       UINT32_MAX

/**
 * struct scan - the automaton
 * @class:	of each byte; 0 for bytes that are in no text
 * @classes:	columns of @next
 * @next:	[state * classes + class]
 * @first:	[state] first text that ends there, or NONE
 * @shorter:	[state] the next state in which a shorter text ends, or 0
 * @same:	[text] the next one that is the same, or NONE
 */
struct scan {
	uint8_t class[256];
	uint32_t classes, states;
	uint16_t *next;
	uint32_t *first;
	uint16_t *shorter;
	uint32_t *same;
};

/** add_text() - a path of states from the start for a text; in @next, 0 is no transition yet */
static int add_text(struct scan *scan, const struct scan_text *text, uint32_t number)
{
	uint32_t at = 0;

	for (size_t i = 0; i < text->len; i++) {
		uint16_t *way = &scan->next[at * scan->classes +
					    scan->class[(unsigned char)text->bytes[i]]];

		if (!*way)
			*way = (uint16_t)scan->states++;
		at = *way;
	}
	scan->same[number] = scan->first[at];
	scan->first[at] = number;
	return 0;
}

/** close_ways() - breadth first: a missing transition is that of the longest proper suffix */
static int close_ways(struct scan *scan)
{
	uint16_t *queue = calloc(scan->states, sizeof(*queue));
	uint16_t *suffix = calloc(scan->states, sizeof(*suffix));
	uint32_t head = 0, tail = 1; /* the start is in it */
	int err = queue && suffix ? 0 : -ENOMEM;

	while (!err && head < tail) {
		uint32_t at = queue[head++];

		for (uint32_t c = 0; c < scan->classes; c++) {
			uint16_t *way = &scan->next[at * scan->classes + c];
			uint16_t fall = at ? scan->next[suffix[at] * scan->classes + c] : 0;

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
	for (size_t i = 0; !err && i < (size_t)scan->states * scan->classes; i++) {
		uint16_t to = scan->next[i];

		if (scan->first[to] != NONE || scan->shorter[to])
			scan->next[i] |= ENDS;
	}
	free(queue);
	free(suffix);
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
			uint8_t *class = &scan->class[(unsigned char)texts[i].bytes[j]];

			/* 255 classes at most: a pattern's text has no NUL */
			if (!*class)
				*class = (uint8_t)scan->classes++;
		}
	}
	if (bytes > STATES_MAX || n >= NONE) {
		free(scan);
		errno = E2BIG;
		return NULL;
	}
	scan->next = calloc(bytes * scan->classes, sizeof(*scan->next));
	scan->first = malloc(bytes * sizeof(*scan->first));
	scan->shorter = calloc(bytes, sizeof(*scan->shorter));
	scan->same = calloc(n ? n : 1, sizeof(*scan->same));
	if (!scan->next || !scan->first || !scan->shorter || !scan->same)
		goto fail;
	for (size_t i = 0; i < bytes; i++)
		scan->first[i] = NONE;
	scan->states = 1;
	for (size_t i = 0; i < n; i++)
		add_text(scan, &texts[i], (uint32_t)i);
	if (!close_ways(scan))
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
	free(scan->next);
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
	const uint16_t *next = scan->next;
	const size_t classes = scan->classes;
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		uint16_t to = next[at * classes + scan->class[(unsigned char)data[i]]];

		at = to & ~ENDS;
		if (__builtin_expect(to & ENDS, 0))
			tell(scan, (uint32_t)at, i + 1, hit, arg);
	}
}
