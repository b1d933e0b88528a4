/* SPDX-License-Identifier: BSD-3-Clause */
/* guest/share.c - share a directory of the host at /mnt/share, with virtiofsd. */
#include "guest/share.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "term/say.h"

/**
 * listen_at() - a listening UNIX socket in a run's directory
 * @directory:	the run's, short enough for a socket's address
 * @name:	the socket's
 *
 * Return: a file descriptor or a negative errno
 */
static int listen_at(const char *directory, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", directory, name) >=
	    (int)sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 1) == 0)
		return fd;
	err = errno;
	close(fd);
	return -err;
}

/** done() - did this child exit with status 0? */
static bool done(pid_t child)
{
	int status;

	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return child > 0 && WIFEXITED(status) && !WEXITSTATUS(status);
}

/**
 * namespaces_work() - can virtiofsd have its own mounts and processes?
 *
 * It makes namespaces and mounts a /proc for them. Many containers forbid one or the other, and
 * virtiofsd would end before the guest has started. So two children try.
 */
static bool namespaces_work(void)
{
	int own = geteuid() ? CLONE_NEWUSER : 0;
	pid_t child = fork();

	if (child)
		return done(child);
	if (unshare(own | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) < 0)
		_exit(1);
	child = fork();
	if (child)
		_exit(!done(child));
	_exit(mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 ||
	      mount("proc", "/proc", "proc", MS_NODEV | MS_NOEXEC | MS_NOSUID, NULL) < 0);
}

/** sandbox() - the best of virtiofsd's that works here; its seccomp filter comes with each */
static const char *sandbox(void)
{
	if (namespaces_work())
		return "namespace";
	if (!geteuid())
		return "chroot";
	say("the guest's server of the shared directory runs without namespaces, because this user may not make any; to protect its other files, run as root, or allow user namespaces");
	return "none";
}

int share_start(struct child *child, const struct share_config *config)
{
	int listening = listen_at(config->directory, "share"), err = 0;
	struct child_plan plan = {
		.out = config->log, .err = config->log, .fds = { listening }, .n_fds = 1
	};

	if (listening < 0)
		err = listening;
	if (!err) {
		err |= child_args_add(&plan.argv, "%s/run", config->qemu);
		err |= child_args_add(&plan.argv, "virtiofsd");
		err |= child_args_add(&plan.argv, "--fd=%d", listening);
		err |= child_args_add(&plan.argv, "--shared-dir=%s", config->shared);
		err |= child_args_add(&plan.argv, "--sandbox=%s", sandbox());
		err |= child_args_add(&plan.argv, "--log-level=warn");
	}
	if (!err)
		err = child_start(child, &plan);
	if (err)
		say("cannot start the server of the shared directory %s: %s; rebuild it with manakin lab build --force",
		    config->shared, strerror(-err));
	child_args_free(plan.argv);
	if (listening >= 0)
		close(listening);
	return err;
}
