/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/library.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIBRARY_MAX                                                                                \
	(64ll << 20) /* bytes; the largest provider of rdma-core has less than one MiB */

/** is_in() - is the library in this directory? */
static bool is_in(const struct host *host, const char *directory, size_t len, const char *name,
		  char *path)
{
	return (size_t)snprintf(path, LIBRARY_PATH, "%.*s/%s", (int)len, directory, name) <
		       LIBRARY_PATH &&
	       host_exists(host, "%s", path);
}

/** is_named_by() - is it in a directory that this file of ld.so.conf names? */
static bool is_named_by(const struct host *host, const char *conf, const char *name, char *path)
{
	char text[4096], *rest = text, *line;

	if (host_read(host, text, sizeof(text), "%s", conf) <= 0)
		return false;
	while ((line = strsep(&rest, "\n"))) {
		line += strspn(line, " \t");
		if (*line == '/' && is_in(host, line, strcspn(line, " \t#"), name, path))
			return true;
	}
	return false;
}

int library_find(const struct host *host, const char *name, char *path)
{
	static const char *const directories[] = {
		"/lib/x86_64-linux-gnu",
		"/usr/lib/x86_64-linux-gnu",
		"/lib/aarch64-linux-gnu",
		"/usr/lib/aarch64-linux-gnu",
		"/lib64",
		"/usr/lib64",
		"/lib",
		"/usr/lib",
	};
	const char *list = host_is_machine(host) ? getenv("LD_LIBRARY_PATH") : NULL;
	struct names confs;
	bool found = false;

	for (; list && *list; list += strcspn(list, ":;"), list += *list != '\0')
		if (strcspn(list, ":;") && is_in(host, list, strcspn(list, ":;"), name, path))
			return 0;
	if (is_named_by(host, "/etc/ld.so.conf", name, path))
		return 0;
	host_list(host, &confs, "/etc/ld.so.conf.d");
	for (size_t i = 0; !found && i < confs.n; i++) {
		char conf[300];

		snprintf(conf, sizeof(conf), "/etc/ld.so.conf.d/%s", confs.name[i]);
		found = is_named_by(host, conf, name, path);
	}
	names_free(&confs);
	for (size_t i = 0; !found && i < sizeof(directories) / sizeof(directories[0]); i++)
		found = is_in(host, directories[i], strlen(directories[i]), name, path);
	if (!found)
		*path = '\0';
	return found ? 0 : -ENOENT;
}

int library_load(const struct host *host, const char *path, unsigned char **data, size_t *size)
{
	int fd = host_open_file(host, "%s", path), err = 0;
	struct stat info;
	size_t len = 0;

	*data = NULL;
	*size = 0;
	if (fd < 0)
		return fd;
	if (fstat(fd, &info))
		err = -errno;
	else if (!S_ISREG(info.st_mode))
		err = -EINVAL;
	else if (info.st_size > LIBRARY_MAX)
		err = -EFBIG;
	else if (!(*data = malloc((size_t)info.st_size + 1)))
		err = -ENOMEM;
	while (!err && len < (size_t)info.st_size) {
		ssize_t got = read(fd, *data + len, (size_t)info.st_size - len);

		if (got <= 0) {
			err = got ? -errno : -EIO;
			break;
		}
		len += (size_t)got;
	}
	close(fd);
	if (err) {
		free(*data);
		*data = NULL;
		return err;
	}
	(*data)[len] = '\0'; /* so that the last string ends */
	*size = len;
	return 0;
}

const char *library_string(const unsigned char *data, size_t size, const char *piece)
{
	const unsigned char *at = memmem(data, size, piece, strlen(piece));

	while (at && at > data && at[-1])
		at--;
	return (const char *)at;
}
