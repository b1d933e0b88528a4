/* SPDX-License-Identifier: BSD-3-Clause */
/* guest/directory.c - the directory of a run. */
#include "guest/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/beneath.h"
#include "term/say.h"

#define STEM           "manakin-lab."
#define KEPT_S         (24 * 3600)
#define LOG_TAIL_BYTES 4096

int directory_log(const struct directory *directory, const char *name)
{
	int at = open(directory->logs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = at < 0 ? -errno
			: beneath_open(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);

	if (at >= 0)
		close(at);
	if (fd < 0)
		say("cannot write the log %s/%s: %s; name another directory with --logs",
		    directory->logs, name, strerror(-fd));
	return fd;
}

void directory_show(const struct directory *directory, const char *name)
{
	char path[PATH_MAX + 64], line[512];
	FILE *log;

	snprintf(path, sizeof(path), "%s/%s", directory->logs, name);
	log = fopen(path, "re");
	if (!log)
		return;
	if (fseek(log, -LOG_TAIL_BYTES, SEEK_END) == 0 && fgets(line, sizeof(line), log))
		fputs("  ...\n", stderr); /* instead of half a line */
	while (fgets(line, sizeof(line), log))
		fprintf(stderr, "  %s", line);
	fclose(log);
}

/* Is this a name that directory_make() creates? */
static int is_run(const struct dirent *entry)
{
	return !strncmp(entry->d_name, STEM, strlen(STEM));
}

/* Remove the directory @fd, which has no directories in it. */
static void remove_flat(int fd, const char *path)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		unlinkat(fd, entry->d_name, 0);
	if (directory)
		closedir(directory);
	rmdir(path);
}

/**
 * prune() - remove what runs left over a day ago: logs of failed runs, all files of killed ones
 * @temporary:	where runs have their directories
 *
 * A running one holds a lock on its directory.
 */
static void prune(const char *temporary)
{
	struct dirent **entries;
	char path[PATH_MAX];
	struct stat status;
	int n, fd;

	n = scandir(temporary, &entries, is_run, NULL);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", temporary, entries[i]->d_name);
		free(entries[i]);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
		    status.st_mtime < time(NULL) - KEPT_S && flock(fd, LOCK_EX | LOCK_NB) == 0)
			remove_flat(fd, path);
		close(fd);
	}
	if (n >= 0)
		free(entries);
}

int directory_make(struct directory *directory, const char *logs)
{
	const char *temporary = getenv("TMPDIR");
	int err;

	if (!temporary || *temporary != '/')
		temporary = "/tmp";
	prune(temporary);
	directory->lock = -1;
	snprintf(directory->path, sizeof(directory->path), "%s/" STEM "XXXXXX", temporary);
	if (mkdtemp(directory->path))
		directory->lock = open(directory->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory->lock < 0 || flock(directory->lock, LOCK_SH) < 0) {
		err = errno;
		say("cannot create a directory such as %s: %s; set TMPDIR to another directory",
		    directory->path, strerror(err));
		return -err;
	}
	if (!logs) {
		snprintf(directory->logs, sizeof(directory->logs), "%s", directory->path);
		return 0;
	}
	if ((mkdir(logs, 0755) < 0 && errno != EEXIST) || !realpath(logs, directory->logs)) {
		err = errno;
		say("cannot create the directory %s for the logs: %s; name another one with --logs",
		    logs, strerror(err));
		return -err;
	}
	return 0;
}

void directory_remove(struct directory *directory, bool keep)
{
	if (directory->lock < 0)
		return;
	if (!keep)
		remove_flat(directory->lock, directory->path);
	close(directory->lock);
	directory->lock = -1;
}
