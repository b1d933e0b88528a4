/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRIES_MAX 1000u

int host_open(const char *sysroot, struct host *host, struct error *error)
{
	bool machine = !sysroot || !strcmp(sysroot, "/");
	int err;

	*host->path = '\0';
	if (!machine && strlen(sysroot) >= sizeof(host->path)) {
		host->fd = -1;
		return error_fail(error, -ENAMETOOLONG,
				  "--sysroot: the name of the directory is too long");
	}
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

void host_close(struct host *host)
{
	if (host->fd >= 0)
		close(host->fd);
	host->fd = -1;
}

bool host_is_machine(const struct host *host)
{
	return !*host->path;
}

/**
 * open_at() - open @path below the root
 *
 * The links of a copied tree must not lead out of it; the machine's own may be followed by the
 * older call, which kernels before 5.6 have too.
 *
 * Return: a descriptor or a negative errno
 */
static int open_at(const struct host *host, const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned int)(flags | O_CLOEXEC),
				.resolve = RESOLVE_IN_ROOT };
	unsigned int tries = 0;
	long fd;

	while (*path == '/')
		path++;
	if (!*path)
		path = ".";
	if (host_is_machine(host))
		fd = openat(host->fd, path, flags | O_CLOEXEC);
	else
		do {
			fd = syscall(SYS_openat2, host->fd, path, &how, sizeof(how));
			/* For a ".." while anything is mounted or renamed; see openat2(2) */
		} while (fd < 0 && errno == EAGAIN && ++tries < TRIES_MAX);
	return fd < 0 ? -errno : (int)fd;
}

/** open_format() - the same, with a format for the path */
__attribute__((format(printf, 3, 0))) static int open_format(const struct host *host, int flags,
							     const char *format, va_list ap)
{
	char path[4096];
	int len = vsnprintf(path, sizeof(path), format, ap);

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	return open_at(host, path, flags);
}

int host_open_file(const struct host *host, const char *format, ...)
{
	va_list ap;
	int fd;

	va_start(ap, format);
	fd = open_format(host, O_RDONLY, format, ap);
	va_end(ap);
	return fd;
}

/** read_text() - all of a descriptor, which is closed; see host_read() */
static ssize_t read_text(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got = 0;

	*text = '\0';
	if (fd < 0)
		return fd;
	while (len < size && (got = read(fd, text + len, size - len)) > 0)
		len += (size_t)got;
	got = got < 0 ? -errno : 0;
	close(fd);
	if (!got && len == size)
		got = -EFBIG;
	if (got) {
		*text = '\0';
		return got;
	}
	if (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	return (ssize_t)len;
}

ssize_t host_read(const struct host *host, char *text, size_t size, const char *format, ...)
{
	va_list ap;
	int fd;

	va_start(ap, format);
	fd = open_format(host, O_RDONLY, format, ap);
	va_end(ap);
	return read_text(fd, text, size);
}

int host_number(const struct host *host, unsigned long long *value, const char *format, ...)
{
	char text[64], *end;
	va_list ap;
	ssize_t len;
	int fd;

	va_start(ap, format);
	fd = open_format(host, O_RDONLY, format, ap);
	va_end(ap);
	len = read_text(fd, text, sizeof(text));
	if (len < 0)
		return (int)len;
	errno = 0;
	*value = strtoull(text, &end, 0);
	return errno || end == text || *end ? -EINVAL : 0;
}

int host_link(const struct host *host, char *name, size_t size, const char *format, ...)
{
	char target[4096];
	const char *last;
	va_list ap;
	ssize_t len;
	int fd;

	*name = '\0';
	va_start(ap, format);
	fd = open_format(host, O_PATH | O_NOFOLLOW, format, ap);
	va_end(ap);
	if (fd < 0)
		return fd;
	len = readlinkat(fd, "", target, sizeof(target) - 1);
	if (len < 0)
		len = errno == ENOENT ? -EINVAL : -errno; /* for what is not a link */
	close(fd);
	if (len < 0)
		return (int)len;
	target[len] = '\0';
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (strlen(last) >= size)
		return -ENAMETOOLONG;
	strcpy(name, last);
	return 0;
}

bool host_exists(const struct host *host, const char *format, ...)
{
	va_list ap;
	int fd;

	va_start(ap, format);
	fd = open_format(host, O_PATH, format, ap);
	va_end(ap);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
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

int host_list(const struct host *host, struct names *names, const char *format, ...)
{
	struct dirent *entry;
	va_list ap;
	int fd, err = 0;
	DIR *dir;

	memset(names, 0, sizeof(*names));
	va_start(ap, format);
	fd = open_format(host, O_RDONLY | O_DIRECTORY, format, ap);
	va_end(ap);
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
	va_list ap;
	ssize_t put;
	int fd, err = 0;

	va_start(ap, format);
	fd = open_format(host, O_WRONLY, format, ap);
	va_end(ap);
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
