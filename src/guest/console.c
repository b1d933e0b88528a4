/* SPDX-License-Identifier: BSD-3-Clause */
/* guest/console.c - what the guest's kernel prints. */
#include "guest/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/** put() - to the log; one that cannot be written is no reason to end a guest */
static void put(int log, const char *data, size_t n)
{
	if (write(log, data, n) < 0)
		return;
}

bool console_take(struct console *console)
{
	static const char ends[] = "\nmanakin lab: this log ends at 64 MiB\n";
	char data[4096];
	ssize_t n = read(console->port, data, sizeof(data));

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	for (ssize_t i = 0; i < n; i++)
		console->kept[console->total++ % CONSOLE_KEPT] = data[i];
	if (console->total <= CONSOLE_LOG_MAX)
		put(console->log, data, (size_t)n);
	else if (console->total - (size_t)n <= CONSOLE_LOG_MAX)
		put(console->log, ends, strlen(ends));
	if (console->verbose)
		fwrite(data, 1, (size_t)n, stderr);
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
