/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/fault_word.h - the words of a scenario: numbers, times, queues, names, and what is said where
 * there is none of them. Only for fault_parse.c, which reads rules.
 *
 * What reads returns 0 or more, or -EINVAL after it has told the mistake.
 */
#ifndef MANAKIN_DEVICE_FAULT_WORD_H
#define MANAKIN_DEVICE_FAULT_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/fault.h"

/**
 * struct reader - where reading has got to
 * @line, @end:	of the line
 * @at:		the next character
 * @word, @len:	the last word; @len 0: the line ended
 */
struct reader {
	const char *source;
	const struct fault_known *known;
	struct error *error;
	unsigned int number;
	const char *line, *end, *at;
	const char *word;
	size_t len;
	uint64_t seed;
};

/** word_next() - read the next word; colons and commas are words of their own */
bool word_next(struct reader *reader);

/** word_peek() - is the next word this one? Then it is read */
bool word_peek(struct reader *reader, const char *word);

/** word_more() - is there another word before a colon, a comma or the end? It is not read */
bool word_more(const struct reader *reader);

/** word_fail() - a mistake at the last word; -EINVAL */
__attribute__((format(printf, 2, 3))) int word_fail(struct reader *reader, const char *format, ...);

/** word_unexpected() - the last word is none of what is known here; -EINVAL */
int word_unexpected(struct reader *reader, const char *known);

/** word_list() - words, with commas between them */
void word_list(const char *const *words, char *text, size_t size);

/** word_find() - place of the last word in a list; negative: it is not there */
int word_find(const struct reader *reader, const char *const *words);

/** word_pick() - read one of these words; its place */
int word_pick(struct reader *reader, const char *const *words);

/** word_digits() - the number that the word starts with; where it ends, or NULL */
const char *word_digits(const struct reader *reader, uint64_t *value);

/** word_number() - read one; @what: for messages */
int word_number(struct reader *reader, uint64_t first, uint64_t last, uint64_t *value,
		const char *what);

int word_time(struct reader *reader, uint64_t *ns);

/** word_maybe_time() - a time, if one follows; else @ns is left alone */
int word_maybe_time(struct reader *reader, uint64_t *ns);

/** word_any() - a number below @end, or "any" */
int word_any(struct reader *reader, uint32_t end, uint32_t *number, const char *what);

int word_port(struct reader *reader, uint32_t *port);

/** word_queue() - PORT.QUEUE */
int word_queue(struct reader *reader, uint32_t type, struct fault_queue *queue);

/** word_name() - of a signal */
int word_name(struct reader *reader, char name[FAULT_NAME_MAX]);

#endif
