/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: the child loads libibverbs, as an application does, has it list the
 * devices, and writes what it finds into a pipe. After a public struct ibv_device there is
 * the private part, which begins with a pointer to the provider's structure, which begins with a
 * pointer to its name (struct verbs_device of libibverbs/driver.h; so from rdma-core 17 on). The
 * dynamic linker knows what file that structure was loaded from. With a libibverbs that differs,
 * the child may crash or write nonsense, which the parent notices; that is what the child is
 * for.
 */
#include "base/error.h"
#include "host/machine/rdma.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define DEADLINE_MS 10000 /* tens of milliseconds is usual */

/* What a provider begins with */
struct ops {
	const char *name;
};

/* The public struct ibv_device of infiniband/verbs.h, and the pointer after it */
struct device {
	void *dummy[2];
	int node_type, transport_type;
	char name[64];
	char dev_name[64];
	char dev_path[256];
	char ibdev_path[256];
	const struct ops *ops;
};

_Static_assert(offsetof(struct device, ops) == 664, "as libibverbs of 64-bit machines has it");

/** copy() - text that fits, or nothing */
static void copy(char *to, size_t size, const char *from)
{
	if (from && strlen(from) < size)
		strcpy(to, from);
}

/** child() - never returns */
static _Noreturn void child(const char *library, int out)
{
	struct rlimit none = { 0, 0 };
	struct device **(*get_list)(int *n);
	struct device **list = NULL;
	int null = open("/dev/null", O_RDWR), n = 0;
	void *handle;

	setrlimit(RLIMIT_CORE, &none);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO); /* other checks report what it warns about, in better words */
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	handle = dlopen(library, RTLD_NOW);
	if (!handle)
		_exit(2);
	*(void **)&get_list = dlsym(handle, "ibv_get_device_list");
	if (!get_list)
		_exit(2);
	list = get_list(&n);
	for (int i = 0; list && i < n; i++) {
		struct rdma_pick pick = { .device = "" };
		Dl_info from;

		copy(pick.device, sizeof(pick.device), list[i]->name);
		if (dladdr(list[i]->ops, &from))
			copy(pick.file, sizeof(pick.file), from.dli_fname);
		copy(pick.provider, sizeof(pick.provider), list[i]->ops->name);
		if (write(out, &pick, sizeof(pick)) != sizeof(pick))
			_exit(3);
	}
	_exit(0);
}

/** collect() - what the child writes, until it ends or runs out of time */
static ssize_t collect(int in, void *to, size_t size)
{
	uint64_t deadline = clock_deadline(DEADLINE_MS);
	struct pollfd wait = { .fd = in, .events = POLLIN };
	size_t len = 0;

	while (!clock_passed(deadline)) {
		ssize_t got;

		if (poll(&wait, 1, clock_left_ms(deadline)) < 0 && errno != EINTR)
			return -errno;
		if (!wait.revents)
			continue;
		got = read(in, (char *)to + len, size - len);
		if (got <= 0)
			return got < 0 ? -errno : (ssize_t)len;
		len += (size_t)got;
	}
	return -ETIMEDOUT;
}

/** believable() - are these NUL-terminated, and names? */
static bool believable(const struct rdma_pick *pick)
{
	if (!memchr(pick->device, 0, sizeof(pick->device)) ||
	    !memchr(pick->provider, 0, sizeof(pick->provider)) ||
	    !memchr(pick->file, 0, sizeof(pick->file)) || !*pick->device || !*pick->provider)
		return false;
	for (const char *c = pick->provider; *c; c++)
		if (*c < '!' || *c > '~')
			return false;
	return true;
}

int rdma_pick(const char *library, struct rdma_pick *picks, struct error *error)
{
	ssize_t len;
	int fds[2], status, n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return error_fail(error, -errno, "cannot create a pipe: %s", error_reason(errno));
	pid = fork();
	if (pid < 0) {
		n = error_fail(error, -errno, "cannot start a process: %s", error_reason(errno));
		close(fds[0]);
		close(fds[1]);
		return n;
	}
	if (!pid)
		child(library, fds[1]);
	close(fds[1]);
	len = collect(fds[0], picks, RDMA_DEVICES * sizeof(*picks));
	close(fds[0]);
	if (len < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (len == -ETIMEDOUT)
		return error_fail(error, -ETIMEDOUT, "%s does not list its devices within %d s",
				  library, DEADLINE_MS / 1000);
	if (len >= 0 && WIFSIGNALED(status))
		return error_fail(error, -EIO, "%s crashes when it lists its devices (signal %d)",
				  library, WTERMSIG(status));
	if (len < 0 || WEXITSTATUS(status)) {
		error_say(error, "%s cannot be loaded", library);
		return len < 0 ? (int)len : -ELIBACC;
	}
	n = (int)(len / (ssize_t)sizeof(*picks));
	for (int i = 0; i < n; i++)
		if (!believable(&picks[i]))
			return error_fail(error, -EPROTO, "%s has an unknown layout", library);
	return n;
}
