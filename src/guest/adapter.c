/* SPDX-License-Identifier: BSD-3-Clause */
/* guest/adapter.c - a guest's adapters: a "manakin device" process each. */
#include "guest/adapter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <wordexp.h>

#include "base/error.h"
#include "base/clock.h"
#include "term/say.h"

#define READY_MS     10000        /* for an adapter to listen */
#define LOOK_MS      5            /* between two checks whether it does */
#define SYNTHETIC    ".synthetic" /* what manakin device --synthetic adds to its socket's path */
#define CABLE_BYTES  1048576      /* in flight, asked for */
#define UNIX_LISTENS 0x10000ul    /* in the flags column of /proc/net/unix */

/**
 * listens() - does a process listen on a UNIX socket?
 * @path:	the socket's, as it was bound
 *
 * Connecting would show it too, but an adapter has only one client at a time.
 */
static bool listens(const char *path)
{
	FILE *table = fopen("/proc/net/unix", "re");
	char *line = NULL, *name;
	unsigned long flags;
	bool found = false;
	size_t size = 0;

	while (table && !found && getline(&line, &size, table) > 0) {
		line[strcspn(line, "\n")] = '\0';
		name = strchr(line, '/');
		found = name && !strcmp(name, path) &&
			sscanf(line, "%*s %*s %*s %lx", &flags) == 1 && flags & UNIX_LISTENS;
	}
	free(line);
	if (table)
		fclose(table);
	return found;
}

/**
 * device_command() - the words that start an adapter
 * @argv:	filled in, to be freed with child_args_free()
 * @options:	the user's
 * @socket:	where it listens
 * @extra:	what else it gets
 *
 * Return: 0 or a negative errno; -EINVAL if @options are not valid shell words
 */
static int device_command(char ***argv, const char *options, const char *socket,
			  const struct adapter_extra *extra)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	wordexp_t words;
	int err;

	if (length < 0)
		return -errno;
	self[length] = '\0';
	switch (wordexp(options, &words, WRDE_NOCMD | WRDE_UNDEF)) {
	case 0:
		break;
	case WRDE_NOSPACE:
		return -ENOMEM;
	default:
		return -EINVAL;
	}
	err = child_args_add(argv, "%s", self);
	err |= child_args_add(argv, "device");
	err |= child_args_add(argv, "--socket=%s", socket);
	if (extra->synthetic)
		err |= child_args_add(argv, "--synthetic");
	if (extra->examine)
		err |= child_args_add(argv, "--examine=%s", extra->examine);
	for (size_t i = 0; i < words.we_wordc; i++)
		err |= child_args_add(argv, "%s", words.we_wordv[i]);
	wordfree(&words);
	return err;
}

int adapter_start(struct child *child, const char *options, const char *directory,
		  unsigned int index, const struct adapter_extra *extra, int log)
{
	struct child_plan plan = { .out = log, .err = log };
	char socket[PATH_MAX], fate[80];
	struct pollfd gone;
	uint64_t deadline;
	int err;

	snprintf(socket, sizeof(socket), "%s/adapter-%u", directory, index);
	err = device_command(&plan.argv, options, socket, extra);
	if (!err)
		err = child_start(child, &plan);
	child_args_free(plan.argv);
	if (err) {
		say("cannot start the adapter with the options \"%s\": %s", options,
		    err == -EINVAL
			    ? "they are not valid shell words; look for an open quote, an undefined variable or one of |&;<>(){}"
			    : error_reason(-err));
		return err;
	}
	gone = (struct pollfd){ .fd = child->pidfd, .events = POLLIN };
	for (deadline = clock_deadline(READY_MS); !clock_passed(deadline);) {
		if (listens(socket))
			return 0;
		if (poll(&gone, 1, LOOK_MS) <= 0)
			continue;
		say("the adapter with the options \"%s\" %s before it could be attached to",
		    options, child_fate(child_stop(child, 0, -1), fate, sizeof(fate)));
		return -ENODEV;
	}
	say("the adapter with the options \"%s\" did not listen within %d s", options,
	    READY_MS / 1000);
	return -ENODEV;
}

int adapter_attach(const char *path, const char *directory, unsigned int index, bool synthetic)
{
	char name[PATH_MAX], target[PATH_MAX];
	struct stat status;
	int err = 0;

	snprintf(name, sizeof(name), "%s/adapter-%u", directory, index);
	if (!realpath(path, target) || stat(target, &status) < 0)
		err = -errno;
	else if (!S_ISSOCK(status.st_mode))
		err = -ENOTSOCK;
	else if (symlink(target, name) < 0)
		err = -errno;
	if (!err && synthetic) {
		strncat(name, SYNTHETIC, sizeof(name) - strlen(name) - 1);
		strncat(target, SYNTHETIC, sizeof(target) - strlen(target) - 1);
		if (symlink(target, name) < 0)
			err = -errno;
	}
	if (err)
		say("cannot attach to the adapter at %s: %s; start it first: manakin device --socket %s ...",
		    path, strerror(-err), path);
	return err;
}

int adapter_cable(const char *directory, unsigned int index)
{
	struct sockaddr_un none = { .sun_family = AF_UNIX }, address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
	const int size = CABLE_BYTES;

	if (fd < 0)
		err = -errno;
	else if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/adapter-%u%s", directory,
			  index, SYNTHETIC) >= (int)sizeof(address.sun_path))
		err = -ENAMETOOLONG;
	/* Bind with the family only: the kernel then chooses an address, which replies need. */
	else if (bind(fd, (struct sockaddr *)&none, sizeof(none.sun_family)) < 0 ||
		 connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err = -errno;
	if (!err) {
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		return fd;
	}
	say("cannot reach the synthetic cards of adapter %u: %s; start it with "
	    "manakin device --synthetic",
	    index, strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}
