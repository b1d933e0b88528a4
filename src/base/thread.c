/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>

#if defined(__has_feature)
#define HAS_FEATURE(feature) __has_feature(feature)
#else
#define HAS_FEATURE(feature) 0
#endif

#if defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
/* The sanitizer takes clone() for fork(), and the child for another process with its own memory */
extern int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);
#define clone __clone
#endif

int thread_start(pthread_t *thread, size_t stack, void *(*function)(void *), void *argument)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int err;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, stack);
	/* A thread inherits what is blocked. */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(thread, &attr, function, argument);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

int thread_child(int flags, void *stack, int (*function)(void *), void *argument)
{
	int pid = clone(function, stack, CLONE_VM | CLONE_FILES | flags, argument);

	return pid < 0 ? -errno : pid;
}
