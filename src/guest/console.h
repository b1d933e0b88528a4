/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/console.h - what the guest's kernel prints.
 */
#ifndef MANAKIN_GUEST_CONSOLE_H
#define MANAKIN_GUEST_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#define CONSOLE_KEPT 4096u /* bytes of its end, shown when a guest fails */

/**
 * struct console - a guest's
 * @port:	what the kernel prints comes from there; does not block
 * @log:	file descriptor that gets all of it
 * @verbose:	standard error gets it too, as it comes
 * @kept:	its end, a ring
 * @total:	bytes that have come
 */
struct console {
	int port;
	int log;
	bool verbose;
	char kept[CONSOLE_KEPT];
	size_t total;
};

/** console_take() - take what has come; false once there is no more to come */
bool console_take(struct console *console);

/** console_show() - print its end on standard error, where it is not yet */
void console_show(const struct console *console);

#endif
