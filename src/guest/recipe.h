/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/recipe.h - the scripts in lab/ that build what the cache holds.
 */
#ifndef MANAKIN_GUEST_RECIPE_H
#define MANAKIN_GUEST_RECIPE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct recipe - how an item is built
 * @makes:	"qemu", "image" or "kernel": what the item's name begins with
 * @script:	run as SCRIPT ARGUMENT... DIRECTORY
 * @also:	files and directories that it reads, in lab/
 * @needs_root:	run it with sudo unless this process is root
 */
struct recipe {
	const char *makes;
	const char *script;
	const char *also[4];
	bool needs_root;
};

/* The QEMU for an architecture; a guest of this machine's own; one of another; another kernel (lab/) */
extern const struct recipe recipe_qemu, recipe_image, recipe_unpacked, recipe_kernel;

/**
 * recipe_hash() - hash the names and contents of a recipe's files
 * @recipe:	which one
 * @hash:	set
 *
 * Return: 0 or a negative errno; the user has been told why
 */
int recipe_hash(const struct recipe *recipe, uint64_t *hash);

/**
 * recipe_command() - the words that run a recipe
 * @recipe:	which one
 * @arguments:	its arguments before the directory, NULL-terminated
 * @directory:	where it puts what it builds
 *
 * Return: a vector to be freed with child_args_free(), or NULL when out of memory
 */
char **recipe_command(const struct recipe *recipe, const char *const *arguments,
		      const char *directory);

#endif
