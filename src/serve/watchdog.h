/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve/watchdog.h - a thread that sees when the others do not get on, and ends the process if they
 * do not end it.
 */
#ifndef MANAKIN_SERVE_WATCHDOG_H
#define MANAKIN_SERVE_WATCHDOG_H

struct watchdog;

/**
 * struct watchdog_config - what it needs to know
 * @stop:	a descriptor; readable: the process is to end
 * @ended:	a pidfd of this process, so readable once all its threads have ended; -1: there is
 *		none (Linux before 5.3). Stays the caller's
 * @status:	exit status of a process that was stopped
 * @abandon:	called on the watchdog's thread before it ends the process: removes the files that
 *		others would take for a running one. Another thread may be doing the same
 * @ctx:	for @abandon
 */
struct watchdog_config {
	int stop, ended;
	int status;
	void (*abandon)(void *ctx);
	void *ctx;
};

/**
 * watchdog_start() - start the thread
 * @config:	copied
 *
 * The calling thread is the control thread, and is looked at from now on; see base/pulse.h.
 *
 * Return: 0 or a negative errno
 */
int watchdog_start(const struct watchdog_config *config, struct watchdog **watchdog);

/** watchdog_stop() - the process ends in order, or goes on without it */
void watchdog_stop(struct watchdog *watchdog);

#endif
