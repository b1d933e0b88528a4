/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/library.h - shared libraries: where the dynamic linker finds them, and what is in
 * them.
 */
#ifndef MANAKIN_HOST_MACHINE_LIBRARY_H
#define MANAKIN_HOST_MACHINE_LIBRARY_H

#include <stdint.h>

#include "host/machine/root.h"

#define LIBRARY_PATH 512u

/**
 * library_find() - the file that the dynamic linker loads for a library of this name
 * @name:	such as libibverbs.so.1
 * @path:	filled in, LIBRARY_PATH bytes: the name as it was found, which may be a link
 *
 * In the order of ld.so(8): LD_LIBRARY_PATH (on the machine itself), the directories of
 * ld.so.conf, the system's.
 *
 * Return: 0 or -ENOENT
 */
int library_find(const struct host *host, const char *name, char *path);

/**
 * library_load() - all of a file's bytes
 * @data:	filled in; to be freed
 *
 * Return: 0 or a negative errno; -EFBIG beyond 64 MiB
 */
int library_load(const struct host *host, const char *path, unsigned char **data, size_t *size);

/**
 * library_string() - find a string in a library by a part of it
 * @piece:	the part
 *
 * Return: the whole string, or NULL
 */
const char *library_string(const unsigned char *data, size_t size, const char *piece);

#endif
