/* SPDX-License-Identifier: BSD-3-Clause */
#include "trace/create.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/passed.h"

/** claim() - may this file be written, by this trace only? Then empty it */
static int claim(int fd, const char *name, bool passed, struct error *error)
{
	struct stat status;

	if (fstat(fd, &status))
		return error_fail(error, -errno, "trace %s: it cannot be opened to write it: %s",
				  name, error_reason(errno));
	if (!S_ISREG(status.st_mode))
		return error_fail(error, -EINVAL,
				  "trace %s: it is not a regular file; name one to write it", name);
	if (fcntl(fd, F_GETFL) & O_APPEND)
		return error_fail(
			error, -EINVAL,
			"trace %s: it is opened to append to it, and a trace begins at its "
			"head again; redirect it as in 5<>FILE",
			name);
	/* Whoever passed an open file has decided whose it is. */
	if (!passed && (status.st_uid != geteuid() || status.st_nlink > 1))
		return error_fail(error, -EPERM, "trace %s: it %s; remove it, or name another file",
				  name,
				  status.st_nlink > 1 ? "has another name, too (a hard link)"
						      : "belongs to another user");
	if (flock(fd, LOCK_EX | LOCK_NB))
		return error_fail(error, errno == EWOULDBLOCK ? -EBUSY : -errno,
				  "trace %s: it is being written by another process; name another "
				  "file",
				  name);
	if ((!passed && fchmod(fd, 0600)) || ftruncate(fd, 0))
		return error_fail(error, -errno, "trace %s: it cannot be truncated: %s", name,
				  error_reason(errno));
	return 0;
}

int trace_create(const char *name, struct error *error)
{
	bool passed = passed_is(name);
	int fd, err;

	fd = passed ? passed_fd(name)
		    : open(name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0 && passed)
		return error_fail(error, fd,
				  "trace %s: no such descriptor was passed; redirect one, as in "
				  "5<>FILE",
				  name);
	if (fd < 0 && errno == ELOOP)
		return error_fail(
			error, -ELOOP,
			"trace %s: it is a symbolic link, and none is followed to write a "
			"file; name the file itself",
			name);
	if (fd < 0)
		return error_fail(error, -errno, "trace %s: it cannot be opened to write it: %s",
				  name, error_reason(errno));
	err = claim(fd, name, passed, error);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}
