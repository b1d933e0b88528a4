/* SPDX-License-Identifier: BSD-3-Clause */
/* guest/terminal.c - the user's terminal while a shell in the guest uses it. */
#include "guest/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

#define ESCAPE_KEY   0x1d /* Ctrl-] */
#define ESCAPE_TIMES 3u
#define ESCAPE_S     1.0

void terminal_open(struct terminal *terminal)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &terminal->saved) < 0)
		return;
	raw = terminal->saved;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0)
		terminal->raw = true;
}

void terminal_close(struct terminal *terminal)
{
	if (terminal->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->saved);
	terminal->raw = false;
}

bool terminal_size(unsigned int *rows, unsigned int *columns)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row)
		return false;
	*rows = size.ws_row;
	*columns = size.ws_col;
	return true;
}

bool terminal_left(struct terminal *terminal, const uint8_t *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (keys[i] != ESCAPE_KEY) {
			terminal->escapes = 0;
			continue;
		}
		if (terminal->escapes == 0 || clock_seconds() - terminal->escape_first > ESCAPE_S) {
			terminal->escapes = 0;
			terminal->escape_first = clock_seconds();
		}
		if (++terminal->escapes == ESCAPE_TIMES)
			return true;
	}
	return false;
}
