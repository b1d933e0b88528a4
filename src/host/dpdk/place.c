/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/dpdk/place.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"

#define PART_MAX (16u << 20) /* bytes copied between two looks at whether to stop */

static bool stopped(int stop)
{
	struct pollfd fd = { .fd = stop, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

/** copy_data() - from one descriptor to another; 0 or a negative errno */
static int copy_data(int from, int to, int stop)
{
	ssize_t n;

	while ((n = sendfile(to, from, NULL, PART_MAX)) > 0)
		if (stopped(stop))
			return -EINTR;
	return n < 0 ? -errno : 0;
}

/** place_file() - a regular file; 0 or a negative errno */
static int place_file(int at, const char *below, const FTSENT *entry, int stop)
{
	int from = open(entry->fts_accpath, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), to, err;

	if (from < 0)
		return -errno;
	to = beneath_open(at, below, O_WRONLY | O_CREAT | O_EXCL, 0600);
	err = to < 0 ? to : copy_data(from, to, stop);
	if (!err && fchmod(to, entry->fts_statp->st_mode & 0777))
		err = -errno;
	if (to >= 0 && close(to) && !err)
		err = -errno;
	close(from);
	return err;
}

/** place_link() - a symbolic link; 0 or a negative errno */
static int place_link(int at, const char *below, const FTSENT *entry)
{
	char target[PATH_MAX];
	ssize_t len = readlink(entry->fts_accpath, target, sizeof(target) - 1);

	if (len < 0)
		return -errno;
	target[len] = '\0';
	return beneath_symlink(at, target, below);
}

/** place_entry() - one entry of the staged tree; 0 or a negative errno */
static int place_entry(int at, const char *below, const FTSENT *entry, int stop)
{
	int err;

	switch (entry->fts_info) {
	case FTS_D:
		err = entry->fts_level ? beneath_mkdir(at, below, 0755) : 0;
		return err == -EEXIST ? 0 : err;
	case FTS_DP:
		return 0;
	case FTS_F:
		return place_file(at, below, entry, stop);
	case FTS_SL:
	case FTS_SLNONE:
		return place_link(at, below, entry);
	default:
		return entry->fts_errno ? -entry->fts_errno : -EINVAL;
	}
}

int dpdk_place(const char *prefix, const char *stage, int stop, struct error *error)
{
	char *roots[] = { (char *)stage, NULL };
	int at = open(prefix, O_PATH | O_DIRECTORY | O_CLOEXEC), err = at < 0 ? -errno : 0;
	FTS *tree = err ? NULL : fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	if (err)
		return error_fail(error, err, "cannot install in %s: %s", prefix,
				  error_reason(-err));
	if (!tree)
		err = error_fail(error, -errno, "cannot read %s: %s", stage, error_reason(errno));
	while (!err && (entry = fts_read(tree))) {
		const char *below = entry->fts_level ? entry->fts_path + strlen(stage) + 1 : prefix;

		err = stopped(stop) ? -EINTR : place_entry(at, below, entry, stop);
		if (err == -EINTR)
			error_say(error, "interrupted; everything is undone");
		else if (err == -ELOOP)
			error_say(error,
				  "cannot install %s/%s: there is a symbolic link on the way, and "
				  "none is followed; choose another --prefix",
				  prefix, below);
		else if (err)
			error_say(error, "cannot install %s/%s: %s", prefix, below,
				  error_reason(-err));
	}
	if (tree)
		fts_close(tree);
	close(at);
	return err;
}
