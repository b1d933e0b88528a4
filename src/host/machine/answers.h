/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/answers.h - what a machine answered, so that it can be asked again elsewhere.
 *
 * Each question that this room asks of a machine can be recorded with its answer, also if that is
 * a failure: a file's content, a directory's names, a link's target, whether something is there, and
 * what the kernel says without files. With all of them, a struct host answers like that machine.
 */
#ifndef MANAKIN_HOST_MACHINE_ANSWERS_H
#define MANAKIN_HOST_MACHINE_ANSWERS_H

#include <stddef.h>
#include <stdint.h>

/* What was asked */
enum question {
	ASKED_FILE,  /* a path: its content */
	ASKED_LIST,  /* a path: the names in it, each with a NUL */
	ASKED_LINK,  /* a path: the last component of the target */
	ASKED_THERE, /* a path: is it there? Nothing, or a failure */
	ASKED_MAY,   /* a mode of access() and a path: nothing, or a failure */
	ASKED_ELSE,  /* a name: what the kernel, or a library, says; JSON */
	QUESTIONS,
};

/**
 * struct answer - to one question
 * @name:	the path, or the name
 * @err:	0 or a negative errno; then there is no @data
 * @data:	@len bytes, and a NUL that is not counted
 */
struct answer {
	enum question question;
	char *name;
	int err;
	char *data;
	size_t len;
};

/** struct answers - in the order of question and name; all zero is empty */
struct answers {
	struct answer *answer;
	size_t n, room;
};

/**
 * answers_put() - add an answer
 *
 * The first one to a question counts, but any answer is better than a failure.
 *
 * Return: 0 or -ENOMEM
 */
int answers_put(struct answers *answers, enum question question, const char *name, int err,
		const void *data, size_t len);

/** answers_find() - NULL: this was not asked */
const struct answer *answers_find(const struct answers *answers, enum question question,
				  const char *name);

void answers_free(struct answers *answers);

#endif
