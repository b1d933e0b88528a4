/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/report/report.h"

/** give_to_user() - of sudo, who is to send it; 0 or a negative errno */
static int give_to_user(int fd)
{
	const char *user = getenv("SUDO_UID"), *group = getenv("SUDO_GID");

	if (geteuid() || !user || !group)
		return 0;
	return fchown(fd, (uid_t)strtoul(user, NULL, 10), (gid_t)strtoul(group, NULL, 10)) ? -errno
											   : 0;
}

int report_save(const struct report *report, const char *path, off_t *bytes, struct error *error)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), err;
	struct stat st = { .st_size = 0 };
	int given = 0;

	*error->text = '\0';
	if (fd < 0)
		return error_fail(error, -errno, "cannot create %s: %s", path, error_reason(errno));
	err = report_write(report, fd);
	if (!err && fstat(fd, &st))
		err = -errno;
	if (!err)
		given = give_to_user(fd);
	if (close(fd) && !err)
		err = -errno;
	*bytes = st.st_size;
	if (!err && given)
		error_say(error, "cannot give %s to the user of sudo: %s", path,
			  error_reason(-given));
	if (!err)
		return 0;
	unlink(path);
	return error_fail(error, err, "cannot write %s: %s", path, error_reason(-err));
}
