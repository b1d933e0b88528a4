/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/terminal.h - the user's terminal while a shell in the guest uses it.
 */
#ifndef MANAKIN_GUEST_TERMINAL_H
#define MANAKIN_GUEST_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

/**
 * struct terminal - the terminal at standard input
 * @raw:	every key goes to the guest, Ctrl-C too
 * @saved:	how it was before
 * @escapes:	how often the escape key was pressed in a row
 * @escape_first: when it was first pressed, in seconds of the monotonic clock
 */
struct terminal {
	bool raw;
	struct termios saved;
	unsigned int escapes;
	double escape_first;
};

/** terminal_open() - pass every key on to the guest, if standard input is a terminal */
void terminal_open(struct terminal *terminal);

/** terminal_close() - undo terminal_open(); may be called again */
void terminal_close(struct terminal *terminal);

/** terminal_size() - its rows and columns; false if unknown */
bool terminal_size(unsigned int *rows, unsigned int *columns);

/** terminal_left() - did these keys leave the shell: Ctrl-] three times within a second? */
bool terminal_left(struct terminal *terminal, const uint8_t *keys, size_t n);

#endif
