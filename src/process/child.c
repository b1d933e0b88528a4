/* SPDX-License-Identifier: BSD-3-Clause */
#include "process/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
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

/* ---- the end of a child before Linux 5.3, which has no pidfd_open() ---- */

/**
 * struct ending - a child that a thread waits for
 * @event:	an eventfd, which then becomes readable
 */
struct ending {
	pid_t pid;
	int event;
};

/** wait_for() - a thread; the child stays to be reaped. If it is already, there is nothing to do */
static void *wait_for(void *arg)
{
	struct ending *ending = arg;
	siginfo_t info;

	while (waitid(P_PID, (id_t)ending->pid, &info, WEXITED | WNOWAIT) && errno == EINTR)
		;
	eventfd_write(ending->event, 1);
	close(ending->event);
	free(ending);
	return NULL;
}

/** end_by_thread() - a descriptor that is readable once the child has ended, or a negative errno */
static int end_by_thread(pid_t pid)
{
	struct ending *ending = malloc(sizeof(*ending));
	sigset_t all, before;
	pthread_t thread;
	int event, err;

	if (!ending)
		return -ENOMEM;
	event = eventfd(0, EFD_CLOEXEC);
	/* The thread has a descriptor of its own: the child may be reaped, and the other one closed. */
	*ending = (struct ending){ pid, fcntl(event, F_DUPFD_CLOEXEC, 0) };
	err = ending->event < 0 ? errno : 0;
	if (!err) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		err = pthread_create(&thread, NULL, wait_for, ending);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	if (!err) {
		pthread_detach(thread);
		return event;
	}
	if (ending->event >= 0)
		close(ending->event);
	if (event >= 0)
		close(event);
	free(ending);
	return -err;
}

/** end_of() - a descriptor that is readable once the child has ended, or a negative errno */
static int end_of(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd >= 0)
		return fd;
	/* EPERM: a container's filter that does not know the call */
	return errno == ENOSYS || errno == EPERM ? end_by_thread(pid) : -errno;
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
		*child = (struct child){ pid, end_of(pid) };
		if (!error && child->pidfd < 0)
			error = -child->pidfd;
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
