/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/paths.c - where the program's own files are.
 *
 * A program in the build tree has the file TREE next to it, which meson writes and which is not
 * installed. It contains the path from there to the source tree. So the program itself contains no
 * path of the source tree, and a copy of it is not mistaken for the one that was built.
 */
#include "base/paths.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TREE "manakin.tree"

/* MANAKIN_PREFIX is absolute; MANAKIN_BINARIES and its like (bin, share, lib) are below it. */
static const struct {
	const char *variable;  /* environment variable; it wins, because the user set it */
	const char *source;    /* in the source tree */
	const char *beside;    /* next to the program, where meson builds it */
	const char *installed; /* under the prefix */
} places[] = {
	[PLACE_RULES] = { NULL, "share/rules", NULL, MANAKIN_DATA "/manakin/rules" },
	[PLACE_PACKAGES] = { "MANAKIN_PACKAGES", "share/packages", NULL,
			     MANAKIN_DATA "/manakin/packages" },
	[PLACE_KNOWN_BUGS] = { NULL, "share/known-bugs", NULL, MANAKIN_DATA "/manakin/known-bugs" },
	[PLACE_LAB] = { "MANAKIN_LAB_RECIPES", "lab", NULL, MANAKIN_DATA "/manakin/lab" },
	[PLACE_EXAMINE] = { NULL, "share/examine", NULL, MANAKIN_DATA "/manakin/examine" },
	[PLACE_DRIVER] = { NULL, ".", NULL, MANAKIN_DATA "/manakin/driver" },
	[PLACE_PLUGIN] = { NULL, NULL, "librte_net_manakin.so",
			   MANAKIN_LIBRARIES "/manakin/librte_net_manakin.so" },
};

/* Anybody may have put files into a world-writable directory. */
static bool everybody_writes(const char *directory)
{
	struct stat status;

	return stat(directory, &status) < 0 || status.st_mode & S_IWOTH;
}

/* Write DIRECTORY/NAME; true if it is there. */
static bool there(char *path, size_t size, const char *directory, const char *name)
{
	return snprintf(path, size, "%s/%s", directory, name) < (int)size && !access(path, F_OK);
}

/**
 * own_directory() - the directory that the program is in
 * @path:	filled in, PATH_MAX bytes
 *
 * Return: false if it cannot be determined
 */
static bool own_directory(char *path)
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (length < 0)
		return false;
	path[length] = '\0';
	slash = strrchr(path, '/');
	if (!slash || slash == path)
		return false;
	*slash = '\0';
	return true;
}

/**
 * source_tree() - the source tree that the program was built from
 * @directory:	that the program is in
 * @path:	filled in, PATH_MAX bytes
 *
 * Return: false for a program that is not in its build tree
 */
static bool source_tree(const char *directory, char *path)
{
	char name[PATH_MAX], way[PATH_MAX];
	bool found = false;
	FILE *file;

	if (everybody_writes(directory) || !there(name, sizeof(name), directory, TREE))
		return false;
	file = fopen(name, "re");
	if (!file)
		return false;
	if (fgets(way, sizeof(way), file)) {
		way[strcspn(way, "\n")] = '\0';
		found = *way && there(name, sizeof(name), directory, way) && realpath(name, path);
	}
	fclose(file);
	return found;
}

/**
 * own_prefix() - the prefix that the program is installed in
 * @directory:	that the program is in; cut to the prefix
 *
 * Return: false if it is in no directory MANAKIN_BINARIES
 */
static bool own_prefix(char *directory)
{
	size_t length = strlen(directory), tail = strlen("/" MANAKIN_BINARIES);

	if (length <= tail || strcmp(directory + length - tail, "/" MANAKIN_BINARIES) != 0)
		return false;
	directory[length - tail] = '\0';
	return !everybody_writes(directory);
}

int paths_find(enum place place, char *path, size_t size)
{
	const char *own = places[place].variable ? getenv(places[place].variable) : NULL;
	const char *beside = places[place].beside, *source = places[place].source;
	char directory[PATH_MAX], tree[PATH_MAX];

	if (own && *own)
		return snprintf(path, size, "%s", own) < (int)size ? 0 : -ENOENT;
	if (own_directory(directory)) {
		if (beside && !everybody_writes(directory) && there(path, size, directory, beside))
			return 0;
		if (source_tree(directory, tree))
			return there(path, size, source ? tree : directory,
				     source ? source : beside)
				       ? 0
				       : -ENOENT;
		if (own_prefix(directory) && there(path, size, directory, places[place].installed))
			return 0;
	}
	return there(path, size, MANAKIN_PREFIX, places[place].installed) ? 0 : -ENOENT;
}
