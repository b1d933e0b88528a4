/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/paths.h - where the program's own files are.
 *
 * The program runs from the build tree or from where it was installed, and looks nowhere else:
 *
 *	build tree	the source tree's share/ and lab/; the plugin next to the program
 *	installed	below the prefix that the program is in, so an installed tree can be moved;
 *			else below the prefix that it was configured for
 *
 * A plugin next to the program is used in either case. No file is used only because it is next to
 * the program if that directory is world-writable.
 */
#ifndef MANAKIN_BASE_PATHS_H
#define MANAKIN_BASE_PATHS_H

#include <stddef.h>

enum place {
	PLACE_RULES,      /* directory of the diagnosis's rules */
	PLACE_PACKAGES,   /* which package has which module; the variable MANAKIN_PACKAGES wins */
	PLACE_KNOWN_BUGS, /* bugs of kernels that are known */
	PLACE_LAB,     /* directory of the lab's recipes; the variable MANAKIN_LAB_RECIPES wins */
	PLACE_EXAMINE, /* directory of the scenarios of lab examine */
	PLACE_DRIVER,  /* directory of the sources that the poll-mode driver is built from */
	PLACE_PLUGIN,  /* DPDK's poll-mode driver for the adapter */
};

/**
 * paths_find() - find one of the program's own files or directories
 * @place:	which one
 * @path:	filled in; if it does not exist, with the path where it should
 *		be
 * @size:	of @path; PATH_MAX is enough
 *
 * Return: 0 or -ENOENT
 */
int paths_find(enum place place, char *path, size_t size);

#endif
