/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * process/signals.h - hold back the signals that would end this process, and read them instead.
 *
 * Setup and restore hold them back until no step is half-done. Commands that start something wait
 * for them along with everything else, and end what they started in their own order. Children do
 * not inherit the mask: child_start() clears it.
 */
#ifndef MANAKIN_PROCESS_SIGNALS_H
#define MANAKIN_PROCESS_SIGNALS_H

#include <signal.h>

/**
 * struct signals - signals that are held back
 * @fd:		readable once one has come; -1: they are not read
 * @before:	the mask to go back to
 */
struct signals {
	int fd;
	sigset_t before;
};

/**
 * signals_hold() - hold back SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGPIPE until signals_close()
 *
 * So neither Ctrl-C nor a closed pipe at our output leaves a change half-done.
 */
void signals_hold(struct signals *signals);

/**
 * signals_open() - hold back SIGINT, SIGTERM and SIGHUP, in this thread and those it will start
 * @signals:	filled in
 * @more:	another signal to be read the same way, such as SIGWINCH; 0: none
 *
 * SIGHUP stays ignored under nohup(1).
 *
 * Return: 0 or a negative errno; then nothing is held back
 */
int signals_open(struct signals *signals, int more);

/** signals_read() - number of a signal that has come, without waiting; 0: none */
int signals_read(const struct signals *signals);

/** signals_close() - restore the mask. Signals that came after signals_open() and were not read are
 * dropped; those that came after signals_hold() take effect now */
void signals_close(struct signals *signals);

#endif
