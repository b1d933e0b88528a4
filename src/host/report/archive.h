/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/report/archive.h - a compressed archive of small files: ustar (POSIX.1), with gzip around it.
 *
 * Nothing of an archive that is read is written anywhere. It is read into memory, up to a limit,
 * and only regular files are accepted, with names that stay below a directory. zlib compresses: it
 * is on every machine, and needs 32 KiB of memory, whatever it is given.
 */
#ifndef MANAKIN_HOST_REPORT_ARCHIVE_H
#define MANAKIN_HOST_REPORT_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define ARCHIVE_MAX   (16u << 20) /* bytes of what is in it, headers included */
#define ARCHIVE_FILES 20000u
#define ARCHIVE_NAME  256u /* bytes of a name, and the NUL */

struct archive;

/** archive_create() - to a descriptor, which stays open; NULL: no memory */
struct archive *archive_create(int fd);

/** archive_name_ok() - does it fit, and stay below a directory? */
bool archive_name_ok(const char *name);

/** archive_add() - a file; a name that is not ok is a failure; 0 or a negative errno */
int archive_add(struct archive *archive, const char *name, const void *data, size_t len);

/** archive_finish() - write the rest, and free it; 0 or a negative errno */
int archive_finish(struct archive *archive);

/**
 * archive_each_t - what to do with a file of an archive
 * @data:	@len bytes, and a NUL that is not counted; valid until the function returns
 *
 * Return: 0, or a negative errno, with which archive_read() ends
 */
typedef int (*archive_each_t)(const char *name, char *data, size_t len, void *arg,
			      struct error *error);

/**
 * archive_read() - all files of an archive
 * @fd:		read from where it is; stays open
 * @error:	on failure, what is wrong with it, for the end of a sentence: "it is cut off"
 *
 * Return: 0; -EBADMSG: it is not an archive of this kind, or damaged; -EFBIG; or what @each returned
 */
int archive_read(int fd, archive_each_t each, void *arg, struct error *error);

#endif
