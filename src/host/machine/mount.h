/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/mount.h - the mounts that this process sees.
 */
#ifndef MANAKIN_HOST_MACHINE_MOUNT_H
#define MANAKIN_HOST_MACHINE_MOUNT_H

#include "host/machine/root.h"

/**
 * struct mount - a line of /proc/self/mountinfo, cut into words
 * @root:	what of the file system is mounted
 * @options:	of the mount; @super: of the file system
 */
struct mount {
	const char *root, *point, *options, *type, *super;
};

/** mount_cut() - cut a line, which is changed; false if it is not such a line */
bool mount_cut(char *line, struct mount *mount);

/** mount_has_word() - is it in a list with commas? */
bool mount_has_word(const char *list, const char *word);

/** mount_is_readonly() - is a file system mounted there that cannot be written to? */
bool mount_is_readonly(const struct host *host, const char *path);

#endif
