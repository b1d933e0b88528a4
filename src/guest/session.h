/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/session.h - follow a guest from its boot to the exit status of its command.
 */
#ifndef MANAKIN_GUEST_SESSION_H
#define MANAKIN_GUEST_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "guest/qemu.h"
#include "process/child.h"
#include "process/signals.h"

/**
 * struct session_config - what to do in the guest
 * @command:	words of the command, NULL-terminated; NULL: an interactive shell on
 *		this terminal
 * @reboot:	restart the guest once, then run the command
 * @timeout_s:	limit for all of it, in seconds; 0: none
 * @console:	file descriptor of the log of the kernel's messages
 * @verbose:	print them on standard error too
 * @signals:	the signals that end the session, and SIGWINCH
 * @adapters:	processes that the guest cannot run without
 * @n_adapters:	number of @adapters
 */
struct session_config {
	char **command;
	bool reboot;
	double timeout_s;
	int console;
	bool verbose;
	const struct signals *signals;
	const struct child *adapters;
	size_t n_adapters;
};

/**
 * session_run() - follow a guest that was just started to its end
 * @qemu:	from qemu_start(); has ended on success, else may still run
 * @config:	what to do
 *
 * Return: the command's exit status, LAB_TIMED_OUT, LAB_FAILED (the user has been told why), or
 * 128 and the number of the signal that ended the session
 */
int session_run(struct qemu *qemu, const struct session_config *config);

#endif
