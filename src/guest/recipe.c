/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/recipe.c - the scripts in lab/ that build what the cache holds.
 *
 * A recipe that needs root runs in mount and process namespaces of its own where that is possible:
 * whatever it leaves mounted or running goes with them.
 */
#include "guest/recipe.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "process/child.h"
#include "term/say.h"

const struct recipe recipe_qemu = { "qemu", "build-qemu.sh", { "lib.sh" }, false };
const struct recipe recipe_image = {
	"image", "build-image.sh", { "lib.sh", "guest", "vmbus" }, true
};
const struct recipe recipe_unpacked = {
	"image", "build-unpacked.sh", { "lib.sh", "kernel/lib.sh", "guest" }, true
};
const struct recipe recipe_kernel = {
	"kernel", "build-kernel.sh", { "lib.sh", "kernel", "guest/boot" }, false
};

/* FNV-1a, 64 bits: identifies a recipe; no protection against tampering. */
static void hash_bytes(uint64_t *hash, const void *data, size_t size)
{
	const uint8_t *byte = data;

	while (size--)
		*hash = (*hash ^ *byte++) * UINT64_C(0x100000001b3);
}

/**
 * hash_file() - hash the name and the bytes of a file, or of all files of a directory
 * @hash:	updated
 * @directory:	where
 * @name:	what, in @directory
 *
 * Return: 0 or a negative errno
 */
static int hash_file(uint64_t *hash, const char *directory, const char *name)
{
	char path[PATH_MAX], buffer[4096];
	struct dirent **entries;
	int n, err = 0;
	size_t got;
	FILE *file;

	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	n = scandir(path, &entries, NULL, alphasort);
	if (n >= 0) {
		for (int i = 0; i < n; i++) {
			if (!err && entries[i]->d_name[0] != '.')
				err = hash_file(hash, path, entries[i]->d_name);
			free(entries[i]);
		}
		free(entries);
		return err;
	}
	if (errno != ENOTDIR)
		return -errno;
	file = fopen(path, "re");
	if (!file)
		return -errno;
	hash_bytes(hash, name, strlen(name) + 1);
	while ((got = fread(buffer, 1, sizeof(buffer), file)) > 0)
		hash_bytes(hash, buffer, got);
	if (ferror(file))
		err = -EIO;
	fclose(file);
	return err;
}

int recipe_hash(const struct recipe *recipe, uint64_t *hash)
{
	char lab[PATH_MAX];
	int err;

	*hash = UINT64_C(0xcbf29ce484222325);
	paths_find(PLACE_LAB, lab, sizeof(lab));
	err = hash_file(hash, lab, recipe->script);
	for (size_t i = 0; !err && i < 4 && recipe->also[i]; i++)
		err = hash_file(hash, lab, recipe->also[i]);
	if (err)
		say("cannot read the lab's recipes in %s: %s; install the package manakin-lab, or manakin again, or set MANAKIN_LAB_RECIPES to lab/ in its sources",
		    lab, strerror(-err));
	return err;
}

/* Can this process give a recipe namespaces of its own? */
static bool can_unshare(void)
{
	return geteuid() == 0 &&
	       system("unshare --mount --pid --fork --mount-proc true 2>/dev/null") == 0;
}

char **recipe_command(const struct recipe *recipe, const char *const *arguments,
		      const char *directory)
{
	static const char *const apart[] = { "unshare",      "--mount",           "--pid", "--fork",
					     "--mount-proc", "--kill-child=KILL", "--" };
	char lab[PATH_MAX];
	char **argv = NULL;
	int err = 0;

	paths_find(PLACE_LAB, lab, sizeof(lab));
	if (can_unshare()) {
		for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++)
			err |= child_args_add(&argv, "%s", apart[i]);
	} else if (recipe->needs_root && geteuid() != 0) {
		err |= child_args_add(&argv, "sudo");
	}
	err |= child_args_add(&argv, "sh");
	err |= child_args_add(&argv, "%s/%s", lab, recipe->script);
	for (; *arguments; arguments++)
		err |= child_args_add(&argv, "%s", *arguments);
	err |= child_args_add(&argv, "%s", directory);
	if (!err)
		return argv;
	child_args_free(argv);
	return NULL;
}
