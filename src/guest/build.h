/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/build.h - run a recipe to its end.
 */
#ifndef MANAKIN_GUEST_BUILD_H
#define MANAKIN_GUEST_BUILD_H

#include "guest/recipe.h"

/**
 * struct build - what is built, and where
 * @recipe:	how
 * @what:	"image trixie", for the user
 * @arguments:	the recipe's, NULL-terminated
 * @directory:	where the recipe puts what it builds
 * @log:	path of the file for the recipe's output
 * @lock:	file descriptor of the item's lock, for the recipe to inherit
 */
struct build {
	const struct recipe *recipe;
	const char *what;
	const char *const *arguments;
	const char *directory;
	const char *log;
	int lock;
};

/**
 * build_run() - run the recipe, show progress on standard error, and wait for its end
 * @build:	what and where
 *
 * SIGINT, SIGTERM and SIGHUP end the recipe.
 *
 * Return: 0 or a negative errno; the user has been told why
 */
int build_run(const struct build *build);

#endif
