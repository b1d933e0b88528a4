/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * confine/files.h - no file of the machine is within reach.
 */
#ifndef MANAKIN_CONFINE_FILES_H
#define MANAKIN_CONFINE_FILES_H

#include "confine/confine.h"

/**
 * struct files - how files are put out of reach
 * @ruleset:	of Landlock, or -1
 * @root:	a mount namespace with nothing in it, or -1
 */
struct files {
	int ruleset, root;
};

/**
 * files_prepare() - build what the threads will enter
 * @files:	filled in, to be released with files_release()
 *
 * Without Landlock this thread is in the empty mount namespace already.
 *
 * Return: 0, or a negative errno if neither can be had
 */
int files_prepare(struct files *files, const struct confine_config *config);

/** files_enter_root() - while the thread has its capabilities; 0 or a negative errno */
int files_enter_root(const struct files *files);

/** files_enter_ruleset() - after no_new_privs; 0 or a negative errno */
int files_enter_ruleset(const struct files *files);

void files_release(struct files *files);

#endif
