/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/root.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/in_root.h"

#define PATH_TEXT  4096u
#define STREAM_MAX (1u << 20) /* bytes of a file that are recorded */

int host_open(const char *sysroot, struct host *host, struct error *error)
{
	bool machine = !sysroot || !strcmp(sysroot, "/");
	int err;

	*host = (struct host){ .fd = -1, .tree = !machine };
	if (!machine && strlen(sysroot) >= sizeof(host->path))
		return error_fail(error, -ENAMETOOLONG,
				  "--sysroot: the name of the directory is too long");
	host->fd = open(machine ? "/" : sysroot, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (host->fd < 0) {
		err = -errno;
		error_say(error,
			  "cannot open %s: %s; --sysroot needs a directory "
			  "with a copy of a machine's /sys, /proc and /etc",
			  machine ? "/" : sysroot, strerror(-err));
		return err;
	}
	if (!machine)
		strcpy(host->path, sysroot);
	return 0;
}

int host_report(struct host *host, const char *path, bool tree, struct answers *answers)
{
	*host = (struct host){ .fd = -1, .tree = tree, .answers = malloc(sizeof(*answers)) };
	if (!host->answers)
		return -ENOMEM;
	snprintf(host->path, sizeof(host->path), "%s", path);
	*host->answers = *answers;
	memset(answers, 0, sizeof(*answers));
	return 0;
}

void host_close(struct host *host)
{
	if (host_is_report(host)) {
		answers_free(host->answers);
		free(host->answers);
	} else if (host->fd >= 0) {
		close(host->fd);
	}
	host->fd = -1;
	host->answers = NULL;
}

bool host_is_machine(const struct host *host)
{
	return !*host->path;
}

bool host_is_report(const struct host *host)
{
	return host->fd < 0 && host->answers;
}

bool host_has_interfaces(const struct host *host)
{
	return host_is_report(host)
		       ? answers_find(host->answers, ASKED_ELSE, "netlink/links") != NULL
		       : !host->tree || host_exists(host, HOST_INTERFACES);
}

struct host host_unrecorded(const struct host *host)
{
	struct host same = *host;

	if (!host_is_report(host))
		same.answers = NULL;
	return same;
}

/* ---- answers ---- */

/** is_private() - is it about processes, most of which are nobody's business? */
static bool is_private(const char *path)
{
	return !strncmp(path, "/proc", 5) && (!path[5] || isdigit((unsigned char)path[6]));
}

/** note() - record an answer, if there is somebody to record it */
static void note(const struct host *host, enum question question, const char *path, int err,
		 const void *data, size_t len)
{
	/* Without memory it is missing, and the report says less. */
	if (host->answers && !host_is_report(host) && !is_private(path))
		answers_put(host->answers, question, path, err, data, len);
}

void host_note(const struct host *host, const char *path, int err, const void *data, size_t len)
{
	note(host, ASKED_FILE, path, err, data, len);
}

/** recall() - what a report answers; NULL with @err set */
static const struct answer *recall(const struct host *host, enum question question,
				   const char *path, int *err)
{
	const struct answer *answer = answers_find(host->answers, question, path);

	*err = answer ? answer->err : -ENOENT;
	return *err ? NULL : answer;
}

/** path_of() - the path that a format makes; 0 or -ENAMETOOLONG */
__attribute__((format(printf, 2, 0))) static int path_of(char path[PATH_TEXT], const char *format,
							 va_list ap)
{
	int len = vsnprintf(path, PATH_TEXT, format, ap);

	return len < 0 || (size_t)len >= PATH_TEXT ? -ENAMETOOLONG : 0;
}

/** memory_file() - a file that has these bytes; a descriptor or a negative errno */
static int memory_file(const char *data, size_t len)
{
	int fd = memfd_create("manakin", MFD_CLOEXEC), err = 0;
	size_t at = 0;

	if (fd < 0)
		return -errno;
	while (at < len && !err) {
		ssize_t put = write(fd, data + at, len - at);

		err = put < 0 ? -errno : 0;
		at += put > 0 ? (size_t)put : 0;
	}
	if (!err && lseek(fd, 0, SEEK_SET) < 0)
		err = -errno;
	if (err)
		close(fd);
	return err ? err : fd;
}

/* ---- files ---- */

/**
 * open_at() - open @path below the root
 *
 * The links of a copied tree must not lead out of it.
 *
 * Return: a descriptor or a negative errno
 */
static int open_at(const struct host *host, const char *path, int flags)
{
	int fd;

	while (*path == '/')
		path++;
	if (!*path)
		path = ".";
	if (host_is_machine(host))
		fd = openat(host->fd, path, flags | O_CLOEXEC);
	else
		return in_root_open(host->fd, path, flags);
	return fd < 0 ? -errno : fd;
}

int host_open_file(const struct host *host, const char *format, ...)
{
	char path[PATH_TEXT];
	va_list ap;
	int err;

	va_start(ap, format);
	err = path_of(path, format, ap);
	va_end(ap);
	if (!err && host_is_report(host))
		err = -ENOENT;
	return err ? err : open_at(host, path, O_RDONLY);
}

/** read_all() - all that fits; its length or a negative errno. The descriptor is closed */
static ssize_t read_all(int fd, char *data, size_t size)
{
	size_t len = 0;
	ssize_t got = 0;

	if (fd < 0)
		return fd;
	while (len < size && (got = read(fd, data + len, size - len)) > 0)
		len += (size_t)got;
	got = got < 0 ? -errno : 0;
	close(fd);
	return got ? got : (ssize_t)len;
}

/** read_text() - see host_read(); the same of a file, or of what is recorded of it */
static ssize_t read_text(const struct host *host, char *text, size_t size, const char *path)
{
	const struct answer *answer = NULL;
	ssize_t len;
	int err = 0;

	*text = '\0';
	if (host_is_report(host)) {
		answer = recall(host, ASKED_FILE, path, &err);
		len = answer ? (ssize_t)(answer->len < size ? answer->len : size) : err;
		if (len > 0)
			memcpy(text, answer->data, (size_t)len);
	} else {
		len = read_all(open_at(host, path, O_RDONLY), text, size);
		if (len >= 0 && (size_t)len == size)
			note(host, ASKED_FILE, path, -EFBIG, NULL, 0);
		else
			note(host, ASKED_FILE, path, len < 0 ? (int)len : 0, text, (size_t)len);
	}
	if (len >= 0 && (size_t)len == size)
		len = -EFBIG;
	if (len < 0) {
		*text = '\0';
		return len;
	}
	if (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	return len;
}

ssize_t host_read(const struct host *host, char *text, size_t size, const char *format, ...)
{
	char path[PATH_TEXT];
	va_list ap;
	int err;

	*text = '\0';
	va_start(ap, format);
	err = path_of(path, format, ap);
	va_end(ap);
	return err ? err : read_text(host, text, size, path);
}

/** recorded_stream() - the file's bytes, recorded first; a descriptor or a negative errno */
static int recorded_stream(const struct host *host, const char *path)
{
	char *data = malloc(STREAM_MAX);
	ssize_t len = data ? read_all(open_at(host, path, O_RDONLY), data, STREAM_MAX) : -ENOMEM;
	int fd;

	note(host, ASKED_FILE, path, len < 0 ? (int)len : 0, data, len < 0 ? 0 : (size_t)len);
	fd = len < 0 ? (int)len : memory_file(data, (size_t)len);
	free(data);
	return fd;
}

FILE *host_stream(const struct host *host, const char *format, ...)
{
	const struct answer *answer;
	char path[PATH_TEXT];
	FILE *file = NULL;
	va_list ap;
	int fd;

	va_start(ap, format);
	fd = path_of(path, format, ap);
	va_end(ap);
	if (!fd && host_is_report(host)) {
		answer = recall(host, ASKED_FILE, path, &fd);
		fd = answer ? memory_file(answer->data, answer->len) : fd;
	} else if (!fd) {
		fd = host->answers ? recorded_stream(host, path) : open_at(host, path, O_RDONLY);
	}
	if (fd < 0)
		errno = -fd;
	else if (!(file = fdopen(fd, "r")))
		close(fd);
	return file;
}

bool host_each_line(const struct host *host, const char *path, bool (*call)(char *line, void *data),
		    void *data)
{
	FILE *file = host_stream(host, "%s", path);
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (file && !found && getline(&line, &size, file) > 0)
		found = call(line, data);
	free(line);
	if (file)
		fclose(file);
	return found;
}

int host_number(const struct host *host, unsigned long long *value, const char *format, ...)
{
	char path[PATH_TEXT], text[64], *end;
	va_list ap;
	ssize_t len;

	va_start(ap, format);
	len = path_of(path, format, ap);
	va_end(ap);
	if (!len)
		len = read_text(host, text, sizeof(text), path);
	if (len < 0)
		return (int)len;
	errno = 0;
	*value = strtoull(text, &end, 0);
	return errno || end == text || *end ? -EINVAL : 0;
}

/** read_link() - the last component of a link's target; 0 or a negative errno */
static int read_link(const struct host *host, char *target, size_t size, const char *path)
{
	int fd = open_at(host, path, O_PATH | O_NOFOLLOW);
	const char *last;
	ssize_t len;

	if (fd < 0)
		return fd;
	len = readlinkat(fd, "", target, size - 1);
	if (len < 0)
		len = errno == ENOENT ? -EINVAL : -errno; /* for what is not a link */
	close(fd);
	if (len < 0)
		return (int)len;
	target[len] = '\0';
	last = strrchr(target, '/');
	if (last)
		memmove(target, last + 1, strlen(last));
	return 0;
}

int host_link(const struct host *host, char *name, size_t size, const char *format, ...)
{
	char path[PATH_TEXT], target[PATH_TEXT];
	const struct answer *answer;
	const char *last = target;
	va_list ap;
	int err;

	*name = '\0';
	va_start(ap, format);
	err = path_of(path, format, ap);
	va_end(ap);
	if (err)
		return err;
	if (host_is_report(host)) {
		answer = recall(host, ASKED_LINK, path, &err);
		last = answer ? answer->data : NULL;
	} else {
		err = read_link(host, target, sizeof(target), path);
		note(host, ASKED_LINK, path, err, target, err ? 0 : strlen(target));
	}
	if (!err && strlen(last) >= size)
		err = -ENAMETOOLONG;
	if (!err)
		strcpy(name, last);
	return err;
}

bool host_exists(const struct host *host, const char *format, ...)
{
	char path[PATH_TEXT];
	va_list ap;
	int fd;

	va_start(ap, format);
	fd = path_of(path, format, ap);
	va_end(ap);
	if (fd)
		return false;
	if (host_is_report(host))
		return recall(host, ASKED_THERE, path, &fd);
	fd = open_at(host, path, O_PATH);
	if (fd >= 0)
		close(fd);
	note(host, ASKED_THERE, path, fd < 0 ? fd : 0, NULL, 0);
	return fd >= 0;
}

int host_may(const struct host *host, int mode, const char *format, ...)
{
	char path[PATH_TEXT], asked[PATH_TEXT + 16];
	va_list ap;
	int err;

	va_start(ap, format);
	err = path_of(path, format, ap);
	va_end(ap);
	if (!err && host->tree)
		err = -ENODATA;
	if (err)
		return err;
	snprintf(asked, sizeof(asked), "%d %s", mode, path);
	if (host_is_report(host)) {
		recall(host, ASKED_MAY, asked, &err);
		return err;
	}
	err = access(path, mode) ? -errno : 0;
	note(host, ASKED_MAY, asked, err, NULL, 0);
	return err;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(struct names *names, const char *name)
{
	char **more = reallocarray(names->name, names->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	names->name = more;
	more[names->n] = strdup(name);
	if (!more[names->n])
		return -ENOMEM;
	names->n++;
	return 0;
}

/** read_names() - of a directory, whose descriptor is closed */
static int read_names(int fd, struct names *names)
{
	struct dirent *entry;
	int err = 0;
	DIR *dir;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		err = -errno;
		close(fd);
		return err;
	}
	while (!err && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			err = add_name(names, entry->d_name);
	closedir(dir);
	if (names->n)
		qsort(names->name, names->n, sizeof(*names->name), by_name);
	return err;
}

/** note_names() - record them, one after another */
static void note_names(const struct host *host, const char *path, int err,
		       const struct names *names)
{
	char *all = NULL;
	size_t len = 0;
	FILE *to;

	if (!host->answers || !(to = open_memstream(&all, &len)))
		return;
	for (size_t i = 0; i < names->n; i++)
		fwrite(names->name[i], 1, strlen(names->name[i]) + 1, to);
	if (!fclose(to))
		note(host, ASKED_LIST, path, err, all, len);
	free(all);
}

int host_list(const struct host *host, struct names *names, const char *format, ...)
{
	const struct answer *answer;
	char path[PATH_TEXT];
	va_list ap;
	int err;

	memset(names, 0, sizeof(*names));
	va_start(ap, format);
	err = path_of(path, format, ap);
	va_end(ap);
	if (err)
		return err;
	if (host_is_report(host)) {
		answer = recall(host, ASKED_LIST, path, &err);
		for (size_t at = 0; answer && !err && at < answer->len;
		     at += strlen(answer->data + at) + 1)
			err = add_name(names, answer->data + at);
		return err;
	}
	err = read_names(open_at(host, path, O_RDONLY | O_DIRECTORY), names);
	note_names(host, path, err, names);
	return err;
}

void names_free(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->name[i]);
	free(names->name);
	memset(names, 0, sizeof(*names));
}

int host_write(const struct host *host, const char *text, const char *format, ...)
{
	size_t len = strlen(text);
	char path[PATH_TEXT];
	va_list ap;
	ssize_t put;
	int fd, err = 0;

	va_start(ap, format);
	fd = path_of(path, format, ap);
	va_end(ap);
	if (!fd)
		fd = host_is_report(host) ? -EROFS : open_at(host, path, O_WRONLY);
	if (fd < 0)
		return fd;
	put = write(fd, text, len);
	if (put < 0)
		err = -errno;
	else if ((size_t)put != len)
		err = -EIO;
	close(fd);
	return err;
}
