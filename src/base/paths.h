/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/paths.h - where the files are that belong to the program.
 *
 * The program runs from the build tree or from where it was installed, and looks nowhere else:
 *
 *	build tree	the source tree's share/ and lab/; the plugin beside the program
 *	installed	below the prefix that the program is in, so an installed tree can be moved;
 *			else below the prefix that it was configured for
 *
 * A plugin beside the program is taken in either case. Nothing is taken from a directory that
 * everybody may write to because the program is in it.
 */
#ifndef MANAKIN_BASE_PATHS_H
#define MANAKIN_BASE_PATHS_H

#include <stddef.h>

enum place {
	PLACE_RULES,  /* directory of the diagnosis's rules */
	PLACE_LAB,    /* directory of the lab's recipes; the variable MANAKIN_LAB_RECIPES wins */
	PLACE_PLUGIN, /* DPDK's poll-mode driver for the adapter */
};

/**
 * paths_find() - where a file or directory of the program's is
 * @place:	which one
 * @path:	filled in; if it is not there, with the place where it should be
 * @size:	of @path; PATH_MAX is enough
 *
 * Return: 0 or -ENOENT
 */
int paths_find(enum place place, char *path, size_t size);

#endif
