/* SPDX-License-Identifier: BSD-3-Clause */
#include "process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compat.h"

/**
 * child_become() - the child's side of child_start(); never returns
 * @plan:	what to become
 * @parent:	PID that must still be the parent's
 * @report:	gets the errno of what failed; closed by exec()
 */
static _Noreturn void child_become(const struct child_plan *plan, pid_t parent, int report)
{
	int in = plan->in, error;
	sigset_t none;
	ssize_t said;

	setpgid(0, 0);
	/*
	 * Set before the parent is checked: it may be gone already, but cannot go unnoticed later.
	 */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		goto fail;
	if (getppid() != parent)
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTTIN, SIG_DFL);
	signal(SIGTTOU, SIG_DFL);
	if (!in)
		in = open("/dev/null", O_RDONLY);
	if (in < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(plan->out, STDOUT_FILENO) < 0 ||
	    dup2(plan->err, STDERR_FILENO) < 0)
		goto fail;
	for (size_t i = 0; i < plan->n_fds; i++) {
		if (fcntl(plan->fds[i], F_SETFD, 0) < 0)
			goto fail;
	}
	if (plan->directory && chdir(plan->directory) < 0)
		goto fail;
	execvp(plan->argv[0], plan->argv);
fail:
	error = errno;
	said = write(report, &error, sizeof(error));
	_exit(said < 0 ? 126 : 127);
}

int child_start(struct child *child, const struct child_plan *plan)
{
	int report[2], error = 0;
	pid_t parent = getpid(), pid;
	ssize_t n;

	*child = (struct child){ .pidfd = -1 };
	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		child_become(plan, parent, report[1]);
	if (pid < 0)
		error = errno;
	close(report[1]);
	if (pid > 0) {
		do
			n = read(report[0], &error, sizeof(error));
		while (n < 0 && errno == EINTR);
		if (n != sizeof(error))
			error = 0;
		*child = (struct child){ pid, (int)syscall(SYS_pidfd_open, pid, 0) };
		if (!error && child->pidfd < 0)
			error = errno;
		if (error)
			child_stop(child, SIGKILL, 0);
	}
	close(report[0]);
	return -error;
}

int child_stop(struct child *child, int signal, int patience_ms)
{
	struct pollfd gone = { .fd = child->pidfd, .events = POLLIN };
	int status = 0;

	if (child->pid <= 0)
		return 0;
	/* The group too: a shell's children do not end with it. */
	kill(-child->pid, signal);
	while (gone.fd >= 0 && poll(&gone, 1, patience_ms) < 0 && errno == EINTR)
		;
	kill(-child->pid, SIGKILL);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (child->pidfd >= 0)
		close(child->pidfd);
	*child = (struct child){ .pidfd = -1 };
	return status;
}

const char *child_fate(int wait_status, char *text, size_t size)
{
	if (WIFSIGNALED(wait_status))
		snprintf(text, size, "was killed by signal %d (%s)", WTERMSIG(wait_status),
			 strsignal(WTERMSIG(wait_status)));
	else
		snprintf(text, size, "exited with status %d", WEXITSTATUS(wait_status));
	return text;
}

int child_args_add(char ***argv, const char *format, ...)
{
	size_t n = 0;
	char **grown;
	va_list args;
	int length;

	while (*argv && (*argv)[n])
		n++;
	grown = realloc(*argv, (n + 2) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	*argv = grown;
	grown[n] = grown[n + 1] = NULL;
	va_start(args, format);
	length = vasprintf(&grown[n], format, args);
	va_end(args);
	if (length < 0) {
		grown[n] = NULL;
		return -ENOMEM;
	}
	return 0;
}

void child_args_free(char **argv)
{
	for (size_t i = 0; argv && argv[i]; i++)
		free(argv[i]);
	free(argv);
}
