/* SPDX-License-Identifier: BSD-3-Clause */
/* guest/console.c - what the guest's kernel prints. */
#include "guest/console.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

bool console_take(struct console *console)
{
	char data[4096];
	ssize_t n = read(console->port, data, sizeof(data));

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	for (ssize_t i = 0; i < n; i++)
		console->kept[console->total++ % CONSOLE_KEPT] = data[i];
	/* A log that cannot be written is no reason to end a guest. */
	if (write(console->log, data, (size_t)n) < 0 || console->verbose)
		fwrite(data, 1, console->verbose ? (size_t)n : 0, stderr);
	return true;
}

void console_show(const struct console *console)
{
	size_t total = console->total;
	size_t at = total > CONSOLE_KEPT ? total - CONSOLE_KEPT : 0;
	bool begun = at == 0; /* not in the middle of a line */

	if (console->verbose)
		return;
	for (; at < total; at++) {
		char byte = console->kept[at % CONSOLE_KEPT];

		if (begun && byte != '\r')
			fputc(byte, stderr);
		begun |= byte == '\n';
	}
}
