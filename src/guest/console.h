/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/console.h - what the guest's kernel prints.
 */
#ifndef MANAKIN_GUEST_CONSOLE_H
#define MANAKIN_GUEST_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#define CONSOLE_KEPT    4096u       /* bytes of its end, shown when a guest fails */
#define CONSOLE_LOG_MAX (64u << 20) /* bytes in the log: a guest can print for ever */

/**
 * struct console - a guest's
 * @port:	non-blocking socket, from which the kernel's messages come
 * @log:	file descriptor that gets the first CONSOLE_LOG_MAX bytes of it
 * @verbose:	standard error gets it too, as it arrives
 * @kept:	the last CONSOLE_KEPT bytes, a ring
 * @total:	bytes received
 */
struct console {
	int port;
	int log;
	bool verbose;
	char kept[CONSOLE_KEPT];
	size_t total;
};

/** console_take() - read what has arrived; false at the end */
bool console_take(struct console *console);

/** console_show() - print its end on standard error, unless @verbose did */
void console_show(const struct console *console);

#endif
