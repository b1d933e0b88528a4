/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/directory.h - the directory of a run: its sockets, and its logs unless they go elsewhere.
 */
#ifndef MANAKIN_GUEST_DIRECTORY_H
#define MANAKIN_GUEST_DIRECTORY_H

#include <limits.h>
#include <stdbool.h>

/**
 * struct directory - one run's
 * @path:	created by directory_make()
 * @logs:	where the logs go: @path, or the user's choice
 * @lock:	lock on @path while it is in use; -1: none
 */
struct directory {
	char path[PATH_MAX];
	char logs[PATH_MAX];
	int lock;
};

/**
 * directory_make() - create a run's directory; remove what runs left there over a day ago
 * @directory:	filled in; directory_remove() it, after a failure too
 * @logs:	directory for the logs, created if missing; NULL: the run's own
 *
 * Return: 0 or a negative errno; the user has been told why
 */
int directory_make(struct directory *directory, const char *logs);

/** directory_remove() - remove it with its files; @keep leaves all of it there, for the logs */
void directory_remove(struct directory *directory, bool keep);

/**
 * directory_log() - create one of the run's logs
 * @directory:	the run's
 * @name:	the file's
 *
 * Return: a file descriptor or a negative errno; the user has been told why
 */
int directory_log(const struct directory *directory, const char *name);

/** directory_show() - print the end of one of the run's logs on standard error */
void directory_show(const struct directory *directory, const char *name);

#endif
