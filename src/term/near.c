/* SPDX-License-Identifier: BSD-3-Clause */
#include "term/near.h"

#include <string.h>

#define WORD_MAX 32u /* longer ones are not guessed at */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/** distance() - typing errors between two words (the "optimal string alignment" distance) */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t cost[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= a_len; i++)
		cost[i][0] = i;
	for (size_t j = 0; j <= b_len; j++)
		cost[0][j] = j;
	for (size_t i = 1; i <= a_len; i++)
		for (size_t j = 1; j <= b_len; j++) {
			size_t replaced = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			cost[i][j] = least(replaced, least(cost[i - 1][j], cost[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1);
		}
	return cost[a_len][b_len];
}

const char *near_word(const char *word, const char *const *words, size_t n)
{
	size_t len = strlen(word), best = 1 + len / 6;
	const char *nearest = NULL;

	if (len < 2 || len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t other = strlen(words[i]), mistakes;

		if (!strncmp(word, words[i], len))
			return words[i];
		if (other > WORD_MAX)
			continue;
		mistakes = distance(word, len, words[i], other);
		/* The first of equally close ones; a word that shares no letter is not close. */
		if (mistakes < other && mistakes < len && mistakes < best + !nearest) {
			best = mistakes;
			nearest = words[i];
		}
	}
	return nearest;
}
