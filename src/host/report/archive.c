/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/report/archive.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define BLOCK 512u

/** struct ustar - a header, as POSIX.1 has it (pax, "ustar Interchange Format"); 512 bytes */
struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type;
	char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8];
	char prefix[155], rest[12];
};

_Static_assert(sizeof(struct ustar) == BLOCK, "ustar");

struct archive {
	gzFile to;
	char mtime[12];
};

/** sum_of() - of the header's bytes, that of the sum itself as blanks */
static unsigned int sum_of(const struct ustar *header)
{
	const unsigned char *byte = (const unsigned char *)header;
	unsigned int sum = 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= offsetof(struct ustar, sum) && i < offsetof(struct ustar, type)
			       ? ' '
			       : byte[i];
	return sum;
}

bool archive_name_ok(const char *name)
{
	size_t len = strlen(name), part = 0;

	if (!len || len >= ARCHIVE_NAME || *name == '/' || name[len - 1] == '/')
		return false;
	for (size_t i = 0; i <= len; i++) {
		if (name[i] && name[i] != '/')
			continue;
		/* "", ".", ".." */
		if (i == part || (i - part == 1 && name[part] == '.') ||
		    (i - part == 2 && name[part] == '.' && name[part + 1] == '.'))
			return false;
		part = i + 1;
	}
	return true;
}

/* ---- written ---- */

struct archive *archive_create(int fd)
{
	struct archive *archive = calloc(1, sizeof(*archive));
	int copy = dup(fd);

	if (archive)
		archive->to = copy < 0 ? NULL : gzdopen(copy, "wb6");
	if (archive && archive->to) {
		snprintf(archive->mtime, sizeof(archive->mtime), "%011llo",
			 (unsigned long long)time(NULL) & 077777777777);
		return archive;
	}
	if (copy >= 0)
		close(copy);
	free(archive);
	return NULL;
}

/** put() - 0 or a negative errno */
static int put(struct archive *archive, const void *data, size_t len)
{
	if (!len || gzwrite(archive->to, data, (unsigned int)len) == (int)len)
		return 0;
	return errno ? -errno : -EIO;
}

/** set_name() - in two parts if it is long; false if it cannot be divided */
static bool set_name(struct ustar *header, const char *name)
{
	size_t len = strlen(name), at;

	if (len <= sizeof(header->name)) {
		memcpy(header->name, name, len);
		return true;
	}
	for (at = len - sizeof(header->name) - 1; at < len && name[at] != '/'; at++)
		;
	if (at >= len || at > sizeof(header->prefix))
		return false;
	memcpy(header->prefix, name, at);
	memcpy(header->name, name + at + 1, len - at - 1);
	return true;
}

int archive_add(struct archive *archive, const char *name, const void *data, size_t len)
{
	static const char zeros[BLOCK];
	struct ustar header = { .type = '0' };
	int err;

	if (!archive_name_ok(name) || !set_name(&header, name) || len > ARCHIVE_MAX)
		return -ENAMETOOLONG;
	strcpy(header.mode, "0000644");
	strcpy(header.uid, "0000000");
	strcpy(header.gid, "0000000");
	snprintf(header.size, sizeof(header.size), "%011zo", len);
	memcpy(header.mtime, archive->mtime, sizeof(header.mtime));
	memcpy(header.magic, "ustar", 6);
	memcpy(header.version, "00", 2);
	snprintf(header.sum, sizeof(header.sum), "%06o", sum_of(&header));
	header.sum[7] = ' ';
	errno = 0;
	err = put(archive, &header, sizeof(header));
	if (!err)
		err = put(archive, data, len);
	if (!err)
		err = put(archive, zeros, (BLOCK - len % BLOCK) % BLOCK);
	return err;
}

int archive_finish(struct archive *archive)
{
	static const char zeros[2 * BLOCK];
	int err, closed;

	errno = 0;
	err = put(archive, zeros, sizeof(zeros));
	closed = gzclose(archive->to);
	if (!err && closed != Z_OK)
		err = closed == Z_ERRNO && errno ? -errno : -EIO;
	free(archive);
	return err;
}

/* ---- read ---- */

/** struct reading - an archive that is read; @left: bytes that it may still have */
struct reading {
	gzFile from;
	size_t left;
	size_t files;
	struct error *error;
};

/** get() - this many bytes; 0 or a negative errno */
static int get(struct reading *reading, void *data, size_t len)
{
	int got, number;

	if (len > reading->left)
		return error_fail(reading->error, -EFBIG, "it has more than %u MB in it",
				  ARCHIVE_MAX >> 20);
	reading->left -= len;
	got = len ? gzread(reading->from, data, (unsigned int)len) : 0;
	if (got >= 0 && (size_t)got == len)
		return 0;
	gzerror(reading->from, &number);
	return error_fail(reading->error, -EBADMSG,
			  got < 0 && number == Z_DATA_ERROR ? "it is damaged" : "it is cut off");
}

/** octal() - a number of a header; false if it is none */
static bool octal(const char *text, size_t size, size_t *number)
{
	size_t i = 0;

	*number = 0;
	for (; i < size && text[i] >= '0' && text[i] <= '7'; i++)
		*number = *number << 3 | (size_t)(text[i] - '0');
	return i && (i == size || !text[i] || text[i] == ' ');
}

/** check_header() - is it that of a regular file? Fills in its name and size */
static int check_header(const struct ustar *header, char name[ARCHIVE_NAME], size_t *size,
			struct error *error)
{
	size_t sum;
	int len;

	if (memcmp(header->magic, "ustar", 5) || !octal(header->sum, sizeof(header->sum), &sum) ||
	    sum != sum_of(header))
		return error_fail(error, -EBADMSG, "it is damaged, or not a tar archive");
	if (!octal(header->size, sizeof(header->size), size))
		return error_fail(error, -EBADMSG, "it is damaged");
	len = snprintf(name, ARCHIVE_NAME, "%.*s%s%.*s",
		       (int)strnlen(header->prefix, sizeof(header->prefix)), header->prefix,
		       *header->prefix ? "/" : "", (int)strnlen(header->name, sizeof(header->name)),
		       header->name);
	if (len >= (int)ARCHIVE_NAME || (header->type != '0' && header->type) ||
	    !archive_name_ok(name))
		return error_fail(error, -EBADMSG,
				  "it has an entry that no report has: a link, a directory, or a "
				  "name that leads out of it");
	return 0;
}

/** read_file() - the next one; 1: there is none */
static int read_file(struct reading *reading, archive_each_t each, void *arg)
{
	static const struct ustar zeros;
	char name[ARCHIVE_NAME], rest[BLOCK], *data;
	struct ustar header;
	size_t size = 0;
	int err = get(reading, &header, sizeof(header));

	if (err)
		return err;
	if (!memcmp(&header, &zeros, sizeof(header)))
		return 1;
	err = check_header(&header, name, &size, reading->error);
	if (err)
		return err;
	if (size > reading->left || ++reading->files > ARCHIVE_FILES)
		return error_fail(reading->error, -EFBIG,
				  "it has more than %u MB, or %u files, in it", ARCHIVE_MAX >> 20,
				  ARCHIVE_FILES);
	data = malloc(size + 1);
	if (!data)
		return error_fail(reading->error, -ENOMEM, "out of memory");
	err = get(reading, data, size);
	data[err ? 0 : size] = '\0';
	if (!err)
		err = get(reading, rest, (BLOCK - size % BLOCK) % BLOCK);
	if (!err)
		err = each(name, data, size, arg, reading->error);
	free(data);
	return err;
}

/** read_end() - what comes after the last file, so that zlib compares the checksum */
static int read_end(struct reading *reading)
{
	char block[BLOCK];
	int got, number;

	while ((got = gzread(reading->from, block, sizeof(block))) > 0) {
		if (reading->left < (size_t)got)
			return error_fail(reading->error, -EFBIG, "it has more than %u MB in it",
					  ARCHIVE_MAX >> 20);
		reading->left -= (size_t)got;
	}
	gzerror(reading->from, &number);
	if (number == Z_OK || number == Z_STREAM_END)
		return 0;
	return error_fail(reading->error, -EBADMSG,
			  number == Z_DATA_ERROR ? "it is damaged" : "it is cut off");
}

int archive_read(int fd, archive_each_t each, void *arg, struct error *error)
{
	struct reading reading = { .left = ARCHIVE_MAX, .error = error };
	int copy = dup(fd), err = 0;

	if (copy < 0)
		return error_fail(error, -errno, "%s", error_reason(errno));
	reading.from = gzdopen(copy, "rb");
	if (!reading.from) {
		close(copy);
		return error_fail(error, -ENOMEM, "out of memory");
	}
	/* zlib hands through what is not compressed. */
	if (gzdirect(reading.from))
		err = error_fail(error, -EBADMSG, "it is not compressed with gzip");
	while (!err)
		err = read_file(&reading, each, arg);
	if (err > 0)
		err = read_end(&reading);
	gzclose(reading.from);
	return err;
}
