/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/dpdk/record.h"
#include "base/beneath.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC     "manakin dpdk "
#define LINES_MAX 65536u

/** fail() - a sentence with the reason of @err */
static int fail(struct error *error, const char *what, const char *path, int err)
{
	return error_fail(error, err, "%s %s: %s", what, path, error_reason(-err));
}

/** make_directories() - those above a file below the prefix; new ones are noted in @to */
static int make_directories(int at, const char *file, FILE *to)
{
	char path[PATH_MAX];

	for (const char *slash = strchr(file, '/'); slash; slash = strchr(slash + 1, '/')) {
		int err;

		snprintf(path, sizeof(path), "%.*s", (int)(slash - file), file);
		err = beneath_mkdir(at, path, 0755);
		if (!err)
			fprintf(to, "d %s\n", path);
		else if (err != -EEXIST)
			return err;
	}
	return 0;
}

/**
 * look_at() - is a path below the prefix taken?
 * @at:		the prefix; negative: it does not exist
 *
 * Return: 0: by a directory; 1: by something else; -ENOENT; another negative errno
 */
static int look_at(int at, const char *below)
{
	int fd = at < 0 ? -ENOENT : beneath_open(at, below, O_PATH | O_DIRECTORY, 0);

	if (fd < 0)
		return fd == -ENOTDIR || fd == -ELOOP ? 1 : fd;
	close(fd);
	return 0;
}

/** write_entry() - one entry of the staged tree */
static int write_entry(int at, const char *prefix, const FTSENT *entry, size_t root, FILE *to,
		       struct error *error)
{
	const char *below = entry->fts_path + root + 1;
	int taken;

	if (entry->fts_info == FTS_DP || entry->fts_level == 0)
		return 0;
	if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)
		return fail(error, "cannot read", entry->fts_path, -entry->fts_errno);
	if (strchr(below, '\n'))
		return error_fail(error, -EINVAL, "a file's name has a line feed in it: %s", below);
	taken = look_at(at, below);
	if (taken < 0 && taken != -ENOENT)
		return fail(error, "cannot look at", below, taken);
	if (entry->fts_info == FTS_D) {
		if (taken > 0)
			return error_fail(
				error, -ENOTDIR,
				"%s/%s is a symbolic link or a file, and nothing is "
				"installed through a link; choose another --prefix, or make "
				"it a directory",
				prefix, below);
		if (taken)
			fprintf(to, "d %s\n", below);
		return 0;
	}
	if (taken != -ENOENT)
		return error_fail(error, -EEXIST,
				  "the file %s/%s exists and would be overwritten; choose "
				  "another --prefix, or remove the other installation",
				  prefix, below);
	fprintf(to, "f %s\n", below);
	return 0;
}

/** write_file() - the record itself */
static int write_file(int at, const char *text, size_t size)
{
	int fd = beneath_open(at, DPDK_RECORD, O_WRONLY | O_CREAT | O_EXCL, 0644), err = 0;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (fd < 0)
		return fd;
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	if (fwrite(text, 1, size, file) != size || fflush(file) || fsync(fd))
		err = -errno;
	fclose(file);
	return err;
}

int dpdk_record_write(const char *prefix, const char *stage, const char *version,
		      struct error *error)
{
	char *roots[] = { (char *)stage, NULL }, *text = NULL;
	int at = open(prefix, O_PATH | O_DIRECTORY | O_CLOEXEC), err = 0;
	FTS *tree = NULL;
	FTSENT *entry;
	size_t size;
	FILE *to;

	if (at < 0 && errno != ENOENT)
		return fail(error, "cannot install in", prefix, -errno);
	to = open_memstream(&text, &size);
	if (!to) {
		err = fail(error, "cannot record", prefix, -ENOMEM);
		goto out;
	}
	if (look_at(at, DPDK_RECORD) >= 0) {
		error_say(error,
			  "manakin already installed a DPDK in %s; "
			  "remove it first: manakin dpdk uninstall %s",
			  prefix, prefix);
		err = -EEXIST;
	}
	fprintf(to, MAGIC "%s\n", version);
	tree = err ? NULL : fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	while (tree && !err && (entry = fts_read(tree)))
		err = write_entry(at, prefix, entry, strlen(stage), to, error);
	if (tree)
		fts_close(tree);
	if (!err && at < 0) {
		at = mkdir(prefix, 0755) ? -1 : open(prefix, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (at < 0)
			err = fail(error, "cannot create the directory", prefix, -errno);
	}
	/* The record's own directory is removed with it. */
	if (!err) {
		err = make_directories(at, DPDK_RECORD, to);
		if (err)
			fail(error, "cannot write below", prefix, err);
	}
	if (fclose(to) && !err)
		err = fail(error, "cannot record", prefix, -ENOMEM);
	if (!err) {
		err = write_file(at, text, size);
		if (err)
			fail(error, "cannot write " DPDK_RECORD " below", prefix, err);
	}
out:
	free(text);
	if (at >= 0)
		close(at);
	return err;
}

/** is_below() - may this path be removed below a prefix? Never one that leads out of it */
static bool is_below(const char *path)
{
	if (!*path || *path == '/')
		return false;
	for (const char *part = path; part; part = strchr(part, '/')) {
		part += *part == '/';
		if (!strncmp(part, "..", 2) && (part[2] == '/' || !part[2]))
			return false;
	}
	return true;
}

/** read_lines() - of the record; how many, or a negative errno */
static int read_lines(FILE *file, char **lines)
{
	char *line = NULL;
	size_t size = 0, n = 0;
	ssize_t len;
	int err = 0;

	len = getline(&line, &size, file);
	if (len < 0 || strncmp(line, MAGIC, sizeof(MAGIC) - 1))
		err = -EINVAL;
	while (!err && (len = getline(&line, &size, file)) > 0) {
		if (line[len - 1] != '\n' || n == LINES_MAX || strlen(line) != (size_t)len) {
			err = -EINVAL;
			break;
		}
		line[len - 1] = 0;
		if ((strncmp(line, "f ", 2) && strncmp(line, "d ", 2)) || !is_below(line + 2)) {
			err = -EINVAL;
			break;
		}
		lines[n] = strdup(line);
		if (!lines[n])
			err = -ENOMEM;
		else
			n++;
	}
	free(line);
	if (err)
		while (n)
			free(lines[--n]);
	return err ? err : (int)n;
}

/** open_record() - a stream, or NULL with *err set */
static FILE *open_record(int at, int *err)
{
	int fd = at < 0 ? at : beneath_open(at, DPDK_RECORD, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;
	FILE *file = NULL;

	*err = fd < 0 ? fd : fstat(fd, &st) ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (!*err) {
		file = fdopen(fd, "r");
		*err = file ? 0 : -ENOMEM;
	}
	if (!file && fd >= 0)
		close(fd);
	return file;
}

/** is_recorded() - among the record's lines? They are freed. Or a negative errno */
static int is_recorded(FILE *file, const char *below)
{
	char **lines = calloc(LINES_MAX, sizeof(*lines));
	int n = lines ? read_lines(file, lines) : -ENOMEM, found = n < 0 ? n : 0;

	if (n > (int)LINES_MAX - 2)
		found = -E2BIG;
	for (int i = 0; i < n; i++) {
		if (lines[i][0] == 'f' && found == 0 && !strcmp(lines[i] + 2, below))
			found = 1;
		free(lines[i]);
	}
	free(lines);
	return found;
}

/** append() - the lines of a file and, if it was made for it, of its directory */
static int append(int at, const char *below, bool directory)
{
	char text[2 * PATH_MAX + 8] = "";
	const char *slash = strrchr(below, '/');
	int fd = beneath_open(at, DPDK_RECORD, O_WRONLY | O_APPEND | O_NONBLOCK, 0), err;
	struct stat before;

	if (fd < 0)
		return fd;
	err = fstat(fd, &before) ? -errno : 0;
	if (directory && slash)
		snprintf(text, sizeof(text), "d %.*s\n", (int)(slash - below), below);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "f %s\n", below);
	if (!err)
		err = beneath_write(fd, text);
	if (!err && fsync(fd))
		err = -errno;
	/* Half a line would spoil the record. */
	if (err && ftruncate(fd, before.st_size))
		err = -errno;
	close(fd);
	return err;
}

int dpdk_record_add(const char *prefix, const char *path, bool directory, struct error *error)
{
	size_t len = strlen(prefix);
	const char *below = path + len;
	FILE *file;
	int at, err;

	if (strncmp(path, prefix, len) || (*below != '/' && (!len || prefix[len - 1] != '/')))
		return 0;
	below += strspn(below, "/");
	if (!is_below(below) || strchr(below, '\n') || strlen(below) >= PATH_MAX)
		return 0;
	at = open(prefix, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return fail(error, "cannot look at", prefix, -errno);
	file = open_record(at, &err);
	if (file) {
		err = is_recorded(file, below);
		fclose(file);
		if (!err)
			err = append(at, below, directory);
	}
	close(at);
	/* Without a record, and none is written through a link, somebody else installed the DPDK. */
	if (err >= 0 || err == -ENOENT || err == -ENOTDIR || err == -ELOOP)
		return 0;
	return error_fail(error, err, "cannot add %s to the record %s/" DPDK_RECORD ": %s", below,
			  prefix, err == -EINVAL ? "it is damaged" : error_reason(-err));
}

/** remove_file() - one that the record names; @removed: counts it if it was there */
static int remove_file(int at, const char *below, size_t *removed, struct error *error)
{
	int err = beneath_remove(at, below, 0);

	if (!err)
		++*removed;
	if (!err || err == -ENOENT || err == -ENOTDIR)
		return 0;
	if (err == -ELOOP)
		return error_fail(
			error, err,
			"%s is not removed: a directory on the way to it is now a symbolic "
			"link, and none is followed; put the directory back, or remove the "
			"line from %s",
			below, DPDK_RECORD);
	return fail(error, "cannot remove", below, err);
}

int dpdk_record_undo(const char *prefix, size_t *removed, struct error *error)
{
	char path[PATH_MAX], **lines = calloc(LINES_MAX, sizeof(*lines));
	int at = open(prefix, O_PATH | O_DIRECTORY | O_CLOEXEC), n = at < 0 ? -errno : 0, err = 0;
	FILE *file = lines && !n ? open_record(at, &n) : NULL;

	*removed = 0;
	snprintf(path, sizeof(path), "%s/%s", prefix, DPDK_RECORD);
	n = !lines ? -ENOMEM : !file ? n : read_lines(file, lines);
	if (file)
		fclose(file);
	if (n == -ENOENT)
		error_say(error, "there is no record of an installation by manakin below %s (%s)",
			  prefix, DPDK_RECORD);
	else if (n == -EINVAL)
		error_say(error, "the record %s is damaged; nothing was removed", path);
	else if (n == -ELOOP)
		error_say(
			error,
			"the record %s is reached through a symbolic link below the prefix, which "
			"is not followed; nothing was removed",
			path);
	else if (n < 0)
		fail(error, "cannot read", path, n);
	for (int i = 0; i < n && !err; i++)
		if (lines[i][0] == 'f')
			err = remove_file(at, lines[i] + 2, removed, error);
	if (n >= 0 && !err) {
		err = beneath_remove(at, DPDK_RECORD, 0);
		if (err)
			fail(error, "cannot remove", path, err);
	}
	/* Directories last, the deepest first; one that has other files in it stays. */
	for (int i = n - 1; i >= 0; i--) {
		if (!err && lines[i][0] == 'd')
			beneath_remove(at, lines[i] + 2, AT_REMOVEDIR);
		free(lines[i]);
	}
	free(lines);
	if (at >= 0)
		close(at);
	return n < 0 ? n : err;
}
