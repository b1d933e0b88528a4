/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/dpdk/record.h"
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

/** make_directories() - those above a file below @prefix; new ones are noted in @to */
static int make_directories(const char *prefix, const char *file, FILE *to)
{
	char path[PATH_MAX];

	for (const char *slash = strchr(file, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(path, sizeof(path), "%s/%.*s", prefix, (int)(slash - file), file);
		if (!mkdir(path, 0755))
			fprintf(to, "d %.*s\n", (int)(slash - file), file);
		else if (errno != EEXIST)
			return -errno;
	}
	return 0;
}

/** write_entry() - one entry of the staged tree */
static int write_entry(const char *prefix, const FTSENT *entry, size_t root, FILE *to,
		       struct error *error)
{
	const char *below = entry->fts_path + root + 1;
	char path[PATH_MAX];

	if (entry->fts_info == FTS_DP || entry->fts_level == 0)
		return 0;
	if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)
		return fail(error, "cannot read", entry->fts_path, -entry->fts_errno);
	snprintf(path, sizeof(path), "%s/%s", prefix, below);
	if (strchr(below, '\n'))
		return error_fail(error, -EINVAL, "a file's name has a line feed in it: %s", below);
	if (entry->fts_info == FTS_D) {
		if (access(path, F_OK))
			fprintf(to, "d %s\n", below);
		return 0;
	}
	if (!faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW))
		return error_fail(error, -EEXIST,
				  "the file %s exists and would be overwritten; choose "
				  "another --prefix, or remove the other installation",
				  path);
	fprintf(to, "f %s\n", below);
	return 0;
}

int dpdk_record_write(const char *prefix, const char *stage, const char *version,
		      struct error *error)
{
	char path[PATH_MAX], *roots[] = { (char *)stage, NULL };
	bool was_there = !access(prefix, F_OK);
	FTS *tree = NULL;
	FTSENT *entry;
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size), *file = NULL;
	int err = 0;

	if (!to)
		return fail(error, "cannot record", prefix, -ENOMEM);
	snprintf(path, sizeof(path), "%s/%s", prefix, DPDK_RECORD);
	if (!access(path, F_OK)) {
		error_say(error,
			  "manakin already installed a DPDK in %s; "
			  "remove it first: manakin dpdk uninstall %s",
			  prefix, prefix);
		err = -EEXIST;
	}
	fprintf(to, MAGIC "%s\n", version);
	tree = err ? NULL : fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	while (tree && !err && (entry = fts_read(tree)))
		err = write_entry(prefix, entry, strlen(stage), to, error);
	if (tree)
		fts_close(tree);
	if (!err && !was_there && mkdir(prefix, 0755))
		err = fail(error, "cannot create the directory", prefix, -errno);
	/* The record's own directory is removed with it. */
	if (!err) {
		err = make_directories(prefix, DPDK_RECORD, to);
		if (err)
			fail(error, "cannot write below", prefix, err);
	}
	if (fclose(to) && !err)
		err = fail(error, "cannot record", prefix, -ENOMEM);
	if (!err) {
		file = fopen(path, "wxe");
		if (!file || fwrite(text, 1, size, file) != size || fflush(file) ||
		    fsync(fileno(file)))
			err = fail(error, "cannot write", path, -errno);
		if (file)
			fclose(file);
	}
	free(text);
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

int dpdk_record_undo(const char *prefix, size_t *removed, struct error *error)
{
	char path[PATH_MAX], **lines = calloc(LINES_MAX, sizeof(*lines));
	int at = open(prefix, O_PATH | O_DIRECTORY | O_CLOEXEC), n, err = 0;
	FILE *file;

	*removed = 0;
	snprintf(path, sizeof(path), "%s/%s", prefix, DPDK_RECORD);
	file = fopen(path, "re");
	n = !lines ? -ENOMEM : !file ? -errno : read_lines(file, lines);
	if (file)
		fclose(file);
	if (n == -ENOENT)
		error_say(error, "there is no record of an installation by manakin below %s (%s)",
			  prefix, DPDK_RECORD);
	else if (n == -EINVAL)
		error_say(error, "the record %s is damaged; nothing was removed", path);
	else if (n < 0)
		fail(error, "cannot read", path, n);
	for (int i = 0; i < n && !err; i++) {
		if (lines[i][0] != 'f')
			continue;
		if (!unlinkat(at, lines[i] + 2, 0))
			++*removed;
		else if (errno != ENOENT && errno != ENOTDIR)
			err = fail(error, "cannot remove", lines[i] + 2, -errno);
	}
	if (n >= 0 && !err && unlinkat(at, DPDK_RECORD, 0))
		err = fail(error, "cannot remove", path, -errno);
	/* Directories last, the deepest first; one that has other files in it stays. */
	for (int i = n - 1; i >= 0; i--) {
		if (!err && lines[i][0] == 'd')
			unlinkat(at, lines[i] + 2, AT_REMOVEDIR);
		free(lines[i]);
	}
	free(lines);
	if (at >= 0)
		close(at);
	return n < 0 ? n : err;
}
