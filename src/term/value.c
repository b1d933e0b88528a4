/* SPDX-License-Identifier: BSD-3-Clause */
#include "term/value.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "term/near.h"
#include "term/say.h"

#define WORDS_TEXT 256u /* bytes: the longest list of words in a message */

int value_bad(const char *option, const char *text, const char *wanted, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, wanted);
	vsnprintf(what, sizeof(what), wanted, ap);
	va_end(ap);
	return say_usage("--%s: '%s' is not %s; see %s --help", option, text, what, say_name());
}

/** digits() - read a number; false if there is none, or one above @max */
static bool digits(const char **at, unsigned int max, unsigned int *number)
{
	unsigned long value;
	char *end;

	/* strtoul() would accept blanks and a sign. */
	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	value = strtoul(*at, &end, 10);
	if (errno || value > max)
		return false;
	*at = end;
	*number = (unsigned int)value;
	return true;
}

int value_number(const char *option, const char *text, unsigned int min, unsigned int max,
		 unsigned int *number)
{
	const char *end = text;

	if (!digits(&end, max, number) || *end || *number < min)
		return value_bad(option, text, "a number from %u to %u", min, max);
	return 0;
}

int value_numbers(const char *option, const char *text, unsigned int min, unsigned int max,
		  unsigned int *numbers, unsigned int room, unsigned int *n)
{
	const char *at = text;

	for (*n = 0; *n < room; at++) {
		if (!digits(&at, max, &numbers[*n]) || numbers[*n] < min || (*at && *at != ','))
			break;
		++*n;
		if (!*at)
			return 0;
	}
	return value_bad(option, text, "a list of up to %u numbers from %u to %u such as %u,%u",
			 room, min, max, min, max);
}

int value_seconds(const char *option, const char *text, double min, double max, double *seconds)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = { { "", 1 },   { "s", 1 },    { "ms", 1e-3 },
		      { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	char *end;
	/* strtod() would accept blanks, a sign, and words such as nan. */
	double value = strchr("0123456789.", *text) ? strtod(text, &end) : 0;

	for (size_t i = 0; *text && value > 0 && i < sizeof(units) / sizeof(units[0]); i++) {
		*seconds = value * units[i].seconds;
		if (!strcmp(end, units[i].name) && *seconds >= min && *seconds <= max)
			return 0;
	}
	return value_bad(option, text, "a time from %g to %.10g seconds such as 10, 500ms or 2m",
			 min, max);
}

int value_mib(const char *option, const char *text, unsigned int min, unsigned int max,
	      unsigned int *mib)
{
	const char *end = text;
	unsigned int value, unit = 1;
	bool good = digits(&end, max, &value);

	if (good && (*end == 'G' || *end == 'g'))
		unit = 1024;
	if (good && *end && strchr("GgMm", *end))
		end++;
	if (!good || *end || value > max / unit || value * unit < min)
		return value_bad(option, text, "a size of %uM to %uG such as 2G or 1500M", min,
				 max / 1024);
	*mib = value * unit;
	return 0;
}

/** list_words() - "netvsc or mana", for a message */
static const char *list_words(char *text, const char *const *words, unsigned int n,
			      const char *last)
{
	size_t len = 0;

	for (unsigned int i = 0; i < n && len < WORDS_TEXT; i++)
		len += (size_t)snprintf(text + len, WORDS_TEXT - len, "%s%s",
					!i          ? ""
					: i + 1 < n ? ", "
						    : last,
					words[i]);
	return text;
}

/** find_word() - its index in @words; @n if it is not one of them */
static unsigned int find_word(const char *text, size_t len, const char *const *words,
			      unsigned int n)
{
	unsigned int i = 0;

	while (i < n && (strlen(words[i]) != len || memcmp(words[i], text, len)))
		i++;
	return i;
}

int value_word(const char *option, const char *text, const char *const *words, unsigned int n,
	       unsigned int *chosen)
{
	const char *near = near_word(text, words, n);
	char list[WORDS_TEXT] = "";

	*chosen = find_word(text, strlen(text), words, n);
	if (*chosen < n)
		return 0;
	list_words(list, words, n, " or ");
	if (near)
		return say_usage("--%s: '%s' is not %s; did you mean '%s'?", option, text, list,
				 near);
	return value_bad(option, text, "%s", list);
}

int value_words(const char *option, const char *text, const char *const *words, unsigned int n,
		bool *chosen)
{
	char list[WORDS_TEXT] = "";

	memset(chosen, 0, n * sizeof(*chosen));
	for (const char *at = text;; at++) {
		size_t len = strcspn(at, ",");
		unsigned int i = find_word(at, len, words, n);

		if (i == n)
			break;
		chosen[i] = true;
		at += len;
		if (!*at)
			return 0;
	}
	return value_bad(option, text, "a list of %s", list_words(list, words, n, ", "));
}
