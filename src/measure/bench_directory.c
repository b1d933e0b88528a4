/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: a bench locks its directory for as long as it lives, and its adapter's
 * directory below SOFTWARE_DIRECTORY is named after it. When a bench is killed, its children end
 * with it and both directories stay; once the lock can be taken, nobody uses them.
 */
#include "measure/bench_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "term/say.h"
#include "host/machine/software.h"
#include "serve/pci_view.h"

#define PREFIX "/tmp/manakin-bench-"

static const char *const sockets[] = { "memif", "vhost" };

/** lock() - lock a directory of ours that nobody holds; a descriptor, or a negative errno */
static int lock(const char *path)
{
	struct stat here, there;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &here) < 0)
		err = -errno;
	/* Another bench may have removed it before it was locked. */
	else if (here.st_uid != geteuid() || lstat(path, &there) < 0 ||
		 here.st_ino != there.st_ino || here.st_dev != there.st_dev)
		err = -ENOENT;
	if (!err)
		return fd;
	close(fd);
	return err;
}

int bench_directory_make(char *path)
{
	int fd;

	do {
		memcpy(path, PREFIX "XXXXXX", BENCH_DIRECTORY_SIZE);
		if (!mkdtemp(path))
			return -errno;
		fd = lock(path);
	} while (fd == -ENOENT || fd == -EWOULDBLOCK);
	return fd;
}

void bench_directory_adapter(const char *path, char *name, size_t size)
{
	snprintf(name, size, "bench-%s", path + strlen(PREFIX));
}

void bench_directory_remove(int fd, const char *path)
{
	static const char *const files[] = { "socket", "socket.ctl" };
	char adapter[64], name[32], file[96];

	bench_directory_adapter(path, name, sizeof(name));
	snprintf(adapter, sizeof(adapter), SOFTWARE_DIRECTORY "/%s", name);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(file, sizeof(file), "%s/%s", adapter, files[i]);
		unlink(file);
	}
	pci_view_remove(adapter, PCI_VIEW_ADDRESS_DEFAULT);
	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++)
		unlinkat(fd, sockets[i], 0);
	rmdir(path);
	close(fd);
}

void bench_directory_sweep(void)
{
	glob_t found;

	if (glob(PREFIX "??????", 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int fd = lock(found.gl_pathv[i]);

		if (fd >= 0)
			bench_directory_remove(fd, found.gl_pathv[i]);
	}
	globfree(&found);
}
