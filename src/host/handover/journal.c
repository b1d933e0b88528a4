/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/handover/journal.h"
#include "base/beneath.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT "manakin setup"
#define FNV_BASIS                                                                                  \
	0xcbf29ce484222325u /* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv */
#define FNV_PRIME  0x100000001b3u
#define SUM_TEXT   ",\"sum\":\"0123456789abcdef\"}"
#define SUM_SIZE   (sizeof(SUM_TEXT) - 1)
#define RECORD_MAX (4u << 20) /* bytes of a line */

/** sum_of() - go on with @sum over @len bytes */
static uint64_t sum_of(uint64_t sum, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ (unsigned char)text[i]) * FNV_PRIME;
	return sum;
}

/**
 * line_parse() - one line
 * @line:	@len bytes, without the line feed
 * @sum:	of the lines before; on success, with this one
 *
 * Return: the object without its checksum, or NULL: damaged
 */
static json_t *line_parse(const char *line, size_t len, uint64_t *sum)
{
	char end[SUM_SIZE + 1];
	json_t *record;
	uint64_t now;

	if (len <= SUM_SIZE || len > RECORD_MAX)
		return NULL;
	now = sum_of(*sum, line, len - SUM_SIZE);
	snprintf(end, sizeof(end), ",\"sum\":\"%016llx\"}", (unsigned long long)now);
	if (memcmp(line + len - SUM_SIZE, end, SUM_SIZE))
		return NULL;
	record = json_loadb(line, len, 0, NULL);
	if (!json_is_object(record)) {
		json_decref(record);
		return NULL;
	}
	json_object_del(record, "sum");
	*sum = now;
	return record;
}

/** first_line() - what the first record says; see journal_parse() */
static int first_line(const json_t *record, struct journal_text *found, struct error *error)
{
	const char *kind = json_string_value(json_object_get(record, "journal"));
	const char *boot = json_string_value(json_object_get(record, "boot"));
	json_int_t version = json_integer_value(json_object_get(record, "version"));

	if (!kind || strcmp(kind, FORMAT) || !boot || strlen(boot) >= sizeof(found->boot))
		return error_fail(error, -EBADMSG, "it does not begin as a journal does");
	if (version != JOURNAL_VERSION)
		return error_fail(error, -EPROTONOSUPPORT,
				  "it is of version %lld, and this program knows version %d",
				  (long long)version, JOURNAL_VERSION);
	strcpy(found->boot, boot);
	return 0;
}

int journal_parse(const char *text, size_t len, struct journal_text *found, struct error *error)
{
	unsigned long number = 0;
	int err;

	*found = (struct journal_text){ .sum = FNV_BASIS, .records = json_array() };
	if (!found->records)
		return error_fail(error, -ENOMEM, "out of memory");
	while (found->good < len) {
		const char *line = text + found->good;
		const char *end = memchr(line, '\n', len - found->good);
		size_t size = end ? (size_t)(end - line) : 0;
		json_t *record;

		if (!end)
			return 0; /* cut off, so what it announces was not done */
		number++;
		record = line_parse(line, size, &found->sum);
		if (!record)
			return error_fail(error, -EBADMSG, "line %lu is damaged", number);
		if (number == 1) {
			err = first_line(record, found, error);
			json_decref(record);
		} else {
			err = json_array_append_new(found->records, record) ? -ENOMEM : 0;
			if (err)
				error_fail(error, err, "out of memory");
		}
		if (err)
			return err;
		found->good += size + 1;
	}
	return 0;
}

void journal_text_free(struct journal_text *found)
{
	json_decref(found->records);
	found->records = NULL;
}

/** directory() - open JOURNAL_DIRECTORY below the root; @make: create what is missing of it */
static int directory(const struct host *host, bool make)
{
	const char *below = &JOURNAL_DIRECTORY[1];

	return make ? beneath_directory(host->fd, below, 0755)
		    : beneath_open(host->fd, below, O_RDONLY | O_DIRECTORY, 0);
}

/** remedy() - what to do when a file of the journal cannot be opened or written */
static const char *remedy(int err)
{
	switch (-err) {
	case EROFS:
		return "make it writable, for example with 'mount -o remount,rw', and try again";
	case ENOSPC:
	case EDQUOT:
		return "free some space there and try again";
	case EACCES:
	case EPERM:
		return "run it as root";
	default:
		return "see what is there, for example with 'ls -ld', and try again";
	}
}

/** cannot_keep() - nothing has begun, and nothing will without a journal */
static int cannot_keep(const struct journal *journal, int err, struct error *error)
{
	return error_fail(error, err, "cannot keep a journal in %s: %s; nothing was changed: %s",
			  journal->path, strerror(-err), remedy(err));
}

/** take_lock() - keep other processes from changing the machine; see journal_open() */
static int take_lock(struct journal *journal, struct error *error)
{
	char text[24] = "";
	ssize_t len;

	journal->lock = beneath_open(journal->dir, "lock", O_RDWR | O_CREAT, 0644);
	if (journal->lock < 0)
		return cannot_keep(journal, journal->lock, error);
	if (flock(journal->lock, LOCK_EX | LOCK_NB)) {
		len = pread(journal->lock, text, sizeof(text) - 1, 0);
		text[len > 0 ? strspn(text, "0123456789") : 0] = '\0';
		return error_fail(error, -EBUSY,
				  "another setup or restore is running (process %s); "
				  "nothing was changed: try again when it has ended",
				  *text ? text : "unknown");
	}
	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(journal->lock, 0) || pwrite(journal->lock, text, strlen(text), 0) < 0)
		return cannot_keep(journal, -errno, error);
	return 0;
}

/**
 * read_all() - the text of the journal's file
 * @text:	allocated
 */
static int read_all(const struct journal *journal, char **text, size_t *len, struct error *error)
{
	struct stat st;
	ssize_t got = 1;
	int err;

	*text = NULL;
	*len = 0;
	if (fstat(journal->fd, &st) < 0) {
		err = -errno;
		return error_fail(error, err, "cannot read the journal %s: %s", journal->path,
				  error_reason(-err));
	}
	if (!S_ISREG(st.st_mode) || st.st_size > JOURNAL_MAX)
		return error_fail(
			error, -EFBIG,
			"%s is not a journal of setup: it is %s; move it away, and run "
			"'manakin restore IFACE', which then goes by the state of the buses",
			journal->path, S_ISREG(st.st_mode) ? "too large" : "not a file");
	*text = malloc((size_t)st.st_size + 1);
	if (!*text)
		return error_fail(error, -ENOMEM, "out of memory");
	while (*len < (size_t)st.st_size && got > 0) {
		got = pread(journal->fd, *text + *len, (size_t)st.st_size - *len, (off_t)*len);
		if (got > 0)
			*len += (size_t)got;
	}
	if (got < 0) {
		err = -errno;
		return error_fail(error, err, "cannot read the journal %s: %s", journal->path,
				  error_reason(-err));
	}
	return 0;
}

/** set_aside() - a journal of another boot */
static int set_aside(struct journal *journal, const char *boot, bool write, struct error *error)
{
	char name[80];
	int err = 0;

	snprintf(name, sizeof(name), "journal-%.8s", boot);
	if (strspn(boot, "0123456789abcdef-") != strlen(boot))
		strcpy(name, "journal-old");
	close(journal->fd);
	journal->fd = -1;
	snprintf(journal->notice, sizeof(journal->notice),
		 "the journal %s is of an earlier boot; the restart "
		 "undid what it records, so it %s set aside as %s",
		 journal->path, write ? "is" : "would be", name);
	if (write)
		err = beneath_rename(journal->dir, "journal", name);
	if (err)
		return error_fail(error, err,
				  "cannot set aside the journal of an "
				  "earlier boot, %s: %s; nothing was changed",
				  journal->path, strerror(-err));
	return 0;
}

/** load() - read the file */
static int load(struct journal *journal, bool write, struct error *error)
{
	struct journal_text found;
	struct error why = { "" };
	char *text;
	size_t len;
	int err = read_all(journal, &text, &len, error);

	if (err)
		goto out;
	err = journal_parse(text, len, &found, &why);
	if (*found.boot && strcmp(found.boot, journal->boot)) {
		err = set_aside(journal, found.boot, write, error);
	} else if (err) {
		error_fail(error, err, "cannot use the journal %s: %s; nothing was changed: %s",
			   journal->path, why.text,
			   err == -EPROTONOSUPPORT
				   ? "use the program that wrote it"
				   : "move it away, and run 'manakin restore IFACE', "
				     "which then goes by the state of the buses");
	} else {
		journal->end = found.good;
		journal->sum = found.sum;
		json_array_extend(journal->records, found.records);
		if (write && len > found.good && ftruncate(journal->fd, (off_t)found.good))
			err = error_fail(
				error, -errno,
				"cannot write to the journal %s: %s; nothing was changed: %s",
				journal->path, strerror(errno), remedy(-errno));
	}
	journal_text_free(&found);
out:
	free(text);
	return err;
}

int journal_open(const struct host *host, bool write, struct journal *journal, struct error *error)
{
	int err;

	*journal = (struct journal){ .dir = -1, .lock = -1, .fd = -1, .sum = FNV_BASIS };
	snprintf(journal->path, sizeof(journal->path), "%s" JOURNAL_DIRECTORY, host->path);
	journal->records = json_array();
	if (!journal->records)
		return error_fail(error, -ENOMEM, "out of memory");
	if (host_read(host, journal->boot, sizeof(journal->boot),
		      "/proc/sys/kernel/random/boot_id") <= 0)
		strcpy(journal->boot, "unknown");
	journal->dir = directory(host, write);
	if (journal->dir == -ENOENT && !write)
		return 0;
	if (journal->dir < 0)
		return cannot_keep(journal, journal->dir, error);
	err = write ? take_lock(journal, error) : 0;
	if (err)
		return err;
	strcat(journal->path, "/journal");
	journal->fd = beneath_open(journal->dir, "journal",
				   (write ? O_RDWR : O_RDONLY) | O_APPEND | O_NONBLOCK, 0);
	if (journal->fd == -ENOENT)
		return 0;
	if (journal->fd < 0) {
		err = journal->fd;
		return error_fail(error, err, "cannot open the journal %s: %s", journal->path,
				  error_reason(-err));
	}
	return load(journal, write, error);
}

void journal_close(struct journal *journal)
{
	if (journal->fd >= 0)
		close(journal->fd);
	if (journal->lock >= 0)
		close(journal->lock);
	if (journal->dir >= 0)
		close(journal->dir);
	journal->fd = journal->lock = journal->dir = -1;
	json_decref(journal->records);
	journal->records = NULL;
}

/** put_line() - write a record with its checksum; the file is as it was if that fails */
static int put_line(struct journal *journal, const json_t *record)
{
	char *text = json_dumps(record, JSON_COMPACT), *line;
	uint64_t sum = journal->sum;
	int len, err = 0;
	ssize_t put;

	if (!text)
		return -ENOMEM;
	sum = sum_of(sum, text, strlen(text) - 1);
	len = asprintf(&line, "%.*s,\"sum\":\"%016llx\"}\n", (int)strlen(text) - 1, text,
		       (unsigned long long)sum);
	free(text);
	if (len < 0)
		return -ENOMEM;
	if ((size_t)len > RECORD_MAX || journal->end + (size_t)len > JOURNAL_MAX)
		err = -EFBIG;
	if (!err) {
		put = write(journal->fd, line, (size_t)len);
		if (put < 0)
			err = -errno;
		else if (put != len)
			err = -ENOSPC;
		else if (fdatasync(journal->fd))
			err = -errno;
		if (err && ftruncate(journal->fd, (off_t)journal->end))
			err = -errno; /* the next reader ignores the part that was written */
	}
	free(line);
	if (err)
		return err;
	journal->sum = sum;
	journal->end += (size_t)len;
	return 0;
}

/** begin() - create the file, with its first line */
static int begin(struct journal *journal)
{
	json_t *first;
	int err;

	if (journal->fd < 0)
		journal->fd =
			beneath_open(journal->dir, "journal", O_RDWR | O_CREAT | O_APPEND, 0644);
	if (journal->fd < 0)
		return journal->fd;
	first = json_pack("{s:s, s:i, s:s}", "journal", FORMAT, "version", JOURNAL_VERSION, "boot",
			  journal->boot);
	err = first ? put_line(journal, first) : -ENOMEM;
	json_decref(first);
	return err;
}

int journal_append(struct journal *journal, json_t *record, struct error *error)
{
	int err = record ? 0 : -ENOMEM;

	if (!err && !journal->end)
		err = begin(journal);
	if (!err)
		err = put_line(journal, record);
	if (!err && json_array_append(journal->records, record))
		err = -ENOMEM;
	json_decref(record);
	if (err)
		error_fail(error, err, "cannot write to the journal %s: %s (%s)", journal->path,
			   strerror(-err), remedy(err));
	return err;
}

int journal_forget(struct journal *journal, struct error *error)
{
	int err;

	if (journal->fd < 0)
		return 0;
	err = beneath_remove(journal->dir, "journal", 0);
	if (err)
		return error_fail(error, err, "cannot remove the journal %s: %s", journal->path,
				  error_reason(-err));
	close(journal->fd);
	journal->fd = -1;
	journal->end = 0;
	journal->sum = FNV_BASIS;
	json_array_clear(journal->records);
	return 0;
}
