/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/answers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/** place_of() - where an answer is, or belongs */
static size_t place_of(const struct answers *answers, enum question question, const char *name,
		       bool *found)
{
	size_t low = 0, high = answers->n;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct answer *answer = &answers->answer[middle];
		int order = answer->question != question ? (int)answer->question - (int)question
							 : strcmp(answer->name, name);

		if (!order) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/** copy() - with a NUL at the end; NULL: no memory */
static char *copy(const void *data, size_t len)
{
	char *to = malloc(len + 1);

	if (to && len)
		memcpy(to, data, len);
	if (to)
		to[len] = '\0';
	return to;
}

/** make_room() - for one more; 0 or -ENOMEM */
static int make_room(struct answers *answers)
{
	size_t room = answers->room ? 2 * answers->room : 64;
	struct answer *more;

	if (answers->n < answers->room)
		return 0;
	more = reallocarray(answers->answer, room, sizeof(*more));
	if (!more)
		return -ENOMEM;
	answers->answer = more;
	answers->room = room;
	return 0;
}

int answers_put(struct answers *answers, enum question question, const char *name, int err,
		const void *data, size_t len)
{
	struct answer new = { .question = question, .err = err };
	struct answer *old;
	bool found;
	size_t at = place_of(answers, question, name, &found);

	if (found && (!answers->answer[at].err || err))
		return 0;
	new.data = copy(data, err ? 0 : len);
	new.len = err ? 0 : len;
	if (!new.data)
		return -ENOMEM;
	if (found) {
		old = &answers->answer[at];
		free(old->data);
		new.name = old->name;
		*old = new;
		return 0;
	}
	new.name = strdup(name);
	if (!new.name || make_room(answers)) {
		free(new.name);
		free(new.data);
		return -ENOMEM;
	}
	old = &answers->answer[at];
	memmove(old + 1, old, (answers->n++ - at) * sizeof(*old));
	*old = new;
	return 0;
}

const struct answer *answers_find(const struct answers *answers, enum question question,
				  const char *name)
{
	bool found;
	size_t at = place_of(answers, question, name, &found);

	return found ? &answers->answer[at] : NULL;
}

void answers_free(struct answers *answers)
{
	for (size_t i = 0; i < answers->n; i++) {
		free(answers->answer[i].name);
		free(answers->answer[i].data);
	}
	free(answers->answer);
	memset(answers, 0, sizeof(*answers));
}
