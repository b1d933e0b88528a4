/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * process/child.h - processes that a command starts, none of which outlives it.
 *
 * The room process/ is what commands need to run other programs: children that die with us (here),
 * signals that are held back (signals.h), a child's output (keep.h), programs in PATH (program.h),
 * CPUs (cpus.h), and hugepages that are free or added for a while (hugepages.h, hugepage_loan.h).
 * It uses host/machine/ to count and set hugepages. It knows no application, no guest and no
 * adapter, and leaves no change to the machine behind.
 */
#ifndef MANAKIN_PROCESS_CHILD_H
#define MANAKIN_PROCESS_CHILD_H

#include <stddef.h>
#include <sys/types.h>

#define CHILD_FDS_MAX 24u

/**
 * struct child_plan - how to start a process
 * @argv:	program and arguments, NULL-terminated; a program without a slash is
 *		looked for in PATH
 * @directory:	where it works; NULL for here
 * @in:	file descriptor for its standard input; 0 for /dev/null
 * @out:	file descriptor for its standard output
 * @err:	file descriptor for its standard error
 * @fds:	file descriptors that it inherits, with the same numbers
 * @n_fds:	number of @fds
 */
struct child_plan {
	char **argv;
	const char *directory;
	int in;
	int out;
	int err;
	int fds[CHILD_FDS_MAX];
	size_t n_fds;
};

/**
 * struct child - a process that was started
 * @pid:	0: none, or reaped
 * @pidfd:	readable once it has ended
 */
struct child {
	pid_t pid;
	int pidfd;
};

/**
 * child_start() - start a process that is killed when this one dies
 * @child:	filled in
 * @plan:	how to start it
 *
 * It leads a process group of its own, so Ctrl-C on a terminal reaches only this process, which
 * then stops its children in order. Its signal mask and handlers are the usual ones.
 *
 * Return: 0 or a negative errno, that of exec() included
 */
int child_start(struct child *child, const struct child_plan *plan);

/**
 * child_stop() - stop a process and its group, and reap it
 * @child:	nothing happens if it was not started
 * @signal:	sent first; 0: send nothing, and wait
 * @patience_ms: how long to wait before SIGKILL, in milliseconds; -1: forever
 *
 * Return: the wait status
 */
int child_stop(struct child *child, int signal, int patience_ms);

/** child_fate() - "exited with status 1", "was killed by signal 11 (...)" into @text */
const char *child_fate(int wait_status, char *text, size_t size);

/**
 * child_args_add() - append an argument to a NULL-terminated vector
 * @argv:	the vector, reallocated; starts as NULL
 * @format:	as printf()
 *
 * Return: 0 or -ENOMEM
 */
__attribute__((format(printf, 2, 3))) int child_args_add(char ***argv, const char *format, ...);
void child_args_free(char **argv);

#endif
