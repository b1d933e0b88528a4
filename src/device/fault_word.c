/* SPDX-License-Identifier: BSD-3-Clause */
#include "device/fault_word.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_US 1000u
#define NS_PER_MS 1000000u
#define NS_PER_S  1000000000ull

bool word_next(struct reader *reader)
{
	const char *at = reader->at;

	while (at < reader->end && isblank((unsigned char)*at))
		at++;
	reader->word = at;
	if (at < reader->end && *at == '#')
		at = reader->end;
	else if (at < reader->end && strchr(":,", *at))
		reader->len = (size_t)(++at - reader->word);
	else
		while (at < reader->end && !isblank((unsigned char)*at) && !strchr(":,#", *at))
			at++;
	reader->len = *reader->word == '#' ? 0 : (size_t)(at - reader->word);
	reader->at = at;
	return reader->len;
}

bool word_peek(struct reader *reader, const char *word)
{
	struct reader before = *reader;

	if (word_next(reader) && reader->len == strlen(word) &&
	    !memcmp(reader->word, word, reader->len))
		return true;
	*reader = before;
	return false;
}

bool word_more(const struct reader *reader)
{
	struct reader ahead = *reader;

	return word_next(&ahead) && *ahead.word != ':' && *ahead.word != ',';
}

__attribute__((format(printf, 2, 3))) int word_fail(struct reader *reader, const char *format, ...)
{
	va_list ap;
	char text[ERROR_TEXT - 512];

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	error_say(reader->error, "%s:%u:%u: %s", reader->source, reader->number,
		  (unsigned int)(reader->word - reader->line) + 1, text);
	return -EINVAL;
}

int word_unexpected(struct reader *reader, const char *known)
{
	if (!reader->len)
		return word_fail(reader, "the line ends too early; here: %s", known);
	return word_fail(reader, "'%.*s' is not known here; here: %s", (int)reader->len,
			 reader->word, known);
}

void word_list(const char *const *words, char *text, size_t size)
{
	size_t len = 0;

	*text = '\0';
	for (; *words && len < size; words++)
		len += (size_t)snprintf(text + len, size - len, "%s%s", len ? ", " : "", *words);
}

int word_find(const struct reader *reader, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (strlen(words[i]) == reader->len && !memcmp(words[i], reader->word, reader->len))
			return i;
	return -ENOENT;
}

int word_pick(struct reader *reader, const char *const *words)
{
	char known[1024];
	int place;

	word_next(reader);
	place = word_find(reader, words);
	if (place >= 0)
		return place;
	word_list(words, known, sizeof(known));
	return word_unexpected(reader, known);
}

/* ---- Values ---- */

const char *word_digits(const struct reader *reader, uint64_t *value)
{
	char word[24];
	char *end;

	if (!isdigit((unsigned char)*reader->word) || reader->len >= sizeof(word))
		return NULL;
	memcpy(word, reader->word, reader->len);
	word[reader->len] = '\0';
	errno = 0;
	*value = strtoull(word, &end, strncmp(word, "0x", 2) ? 10 : 16);
	return errno ? NULL : reader->word + (end - word);
}

int word_number(struct reader *reader, uint64_t first, uint64_t last, uint64_t *value,
		const char *what)
{
	char known[128];
	const char *end = NULL;

	if (word_next(reader))
		end = word_digits(reader, value);
	if (end && end == reader->word + reader->len && *value >= first && *value <= last)
		return 0;
	snprintf(known, sizeof(known), "%s, a number from %llu to %llu", what,
		 (unsigned long long)first, (unsigned long long)last);
	return word_unexpected(reader, known);
}

/** is_time() - is the last word a time? */
static bool is_time(const struct reader *reader, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "us", NS_PER_US },    { "ms", NS_PER_MS },      { "s", NS_PER_S },
		      { "m", 60 * NS_PER_S }, { "h", 3600 * NS_PER_S }, { "", NS_PER_S } };
	uint64_t value;
	const char *unit = word_digits(reader, &value);
	size_t len;

	if (!unit)
		return false;
	len = (size_t)(reader->word + reader->len - unit);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == len && !memcmp(unit, units[i].name, len)) {
			*ns = value * units[i].ns;
			return value && value <= FAULT_TIME_MAX / units[i].ns;
		}
	return false;
}

#define TIME_WORDS "a time up to a day, such as 2s, 500ms or 20us"

int word_time(struct reader *reader, uint64_t *ns)
{
	if (word_next(reader) && is_time(reader, ns))
		return 0;
	return word_unexpected(reader, TIME_WORDS);
}

int word_maybe_time(struct reader *reader, uint64_t *ns)
{
	return word_more(reader) ? word_time(reader, ns) : 0;
}

int word_any(struct reader *reader, uint32_t end, uint32_t *number, const char *what)
{
	uint64_t value;

	if (word_peek(reader, "any")) {
		*number = FAULT_ANY;
		return 0;
	}
	if (word_number(reader, 0, end - 1, &value, what))
		return -EINVAL;
	*number = (uint32_t)value;
	return 0;
}

int word_port(struct reader *reader, uint32_t *port)
{
	return word_any(reader, reader->known->ports, port, "a port, or 'any'");
}

/** part() - a number or "any" in @at up to @end; false: neither */
static bool part(const char *at, const char *end, uint32_t *number)
{
	struct reader word = { .word = at, .len = (size_t)(end - at) };
	uint64_t value;

	*number = FAULT_ANY;
	if (word.len == 3 && !memcmp(at, "any", 3))
		return true;
	if (!word.len || word_digits(&word, &value) != end || value > UINT16_MAX)
		return false;
	*number = (uint32_t)value;
	return true;
}

#define QUEUE_WORDS                                                                                \
	"a port and a queue of it, such as 0.1, where each can be 'any'; or 'any' for all"

int word_queue(struct reader *reader, uint32_t type, struct fault_queue *queue)
{
	const struct fault_known *known = reader->known;
	const char *dot, *end;

	*queue = (struct fault_queue){ .type = type, .port = FAULT_ANY, .index = FAULT_ANY };
	if (word_peek(reader, "any"))
		return 0;
	word_next(reader);
	end = reader->word + reader->len;
	dot = memchr(reader->word, '.', reader->len);
	if (!dot || !part(reader->word, dot, &queue->port) || !part(dot + 1, end, &queue->index))
		return word_unexpected(reader, QUEUE_WORDS);
	if (queue->port != FAULT_ANY && queue->port >= known->ports)
		return word_fail(reader,
				 "there can be no port %u: the adapter has %u, numbered from 0",
				 queue->port, known->ports);
	for (unsigned int i = 0; queue->index != FAULT_ANY && i < known->ports; i++)
		if ((queue->port == i || queue->port == FAULT_ANY) &&
		    queue->index < known->queues[i])
			return 0;
	if (queue->index == FAULT_ANY)
		return 0;
	return word_fail(reader,
			 "there can be no queue %u: port %u has at most %u, numbered from 0",
			 queue->index, queue->port == FAULT_ANY ? 0 : queue->port,
			 known->queues[queue->port == FAULT_ANY ? 0 : queue->port]);
}

int word_name(struct reader *reader, char name[FAULT_NAME_MAX])
{
	size_t i = 0;

	word_next(reader);
	while (i < reader->len &&
	       (isalnum((unsigned char)reader->word[i]) || strchr("-_", reader->word[i])))
		i++;
	if (!i || i < reader->len || i >= FAULT_NAME_MAX)
		return word_unexpected(
			reader, "a name of up to 31 letters, digits, '-' and '_', which manakin "
				"control fault signal sends");
	memcpy(name, reader->word, i);
	name[i] = '\0';
	return 0;
}
