/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/dpdk/record.h - what an installation put below its prefix, so that it can be removed.
 *
 * The record is a text file below the prefix: a line "manakin dpdk VERSION", then "d PATH" for each
 * directory that was created, and "f PATH" for each file, relative to the prefix.
 */
#ifndef MANAKIN_HOST_DPDK_RECORD_H
#define MANAKIN_HOST_DPDK_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define DPDK_RECORD "share/manakin/dpdk-installed"

/**
 * dpdk_record_write() - record what will be installed, before anything is
 * @stage:	directory with the files as they will be below @prefix
 * @error:	on failure, a sentence for the user
 *
 * Return: 0; -EEXIST: one of the files exists, or a record does; or another negative errno
 */
int dpdk_record_write(const char *prefix, const char *stage, const char *version,
		      struct error *error);

/**
 * dpdk_record_add() - add a file that is put into an installation later, if there is a record
 * @path:	of the file; one that is not below @prefix is not recorded
 * @directory:	that of the file was created for it
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int dpdk_record_add(const char *prefix, const char *path, bool directory, struct error *error);

/**
 * dpdk_record_undo() - remove what the record names, and the record
 * @removed:	filled in: files that existed
 *
 * A missing file is not an error: an installation may have been interrupted.
 *
 * Return: 0 or a negative errno: -ENOENT: there is no record, -EINVAL: it is damaged, and
 * nothing was removed
 */
int dpdk_record_undo(const char *prefix, size_t *removed, struct error *error);

#endif
