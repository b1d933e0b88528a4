/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/error.h - why something failed, as a sentence for the user.
 *
 * A function whose failure needs an explanation takes a pointer to a struct error as its last
 * parameter, and fills it in if it fails. The caller owns it; it needs no initialization and no
 * release. A sentence starts with a lower-case letter and has no full stop, because it is printed
 * after the command's name.
 *
 * The room
 *
 * base/ holds small, independent pieces that any room but wire/ may need:
 *
 *	error.h		why something failed
 *	log.h		messages for the user, and how often they are repeated
 *	clock.h		the monotonic clock, and deadlines
 *	beneath.h	files below a directory, without following symbolic links
 *	blocks.h	files of blocks of "Field: value" lines
 *	budget.h	what work for a client costs
 *	counter.h	counters with one writer
 *	cpu.h		code for particular CPUs
 *	mac.h		Ethernet addresses as text
 *	passed.h	descriptors in place of names
 *	paths.h		the program's own files
 *	pulse.h		whether a thread gets on
 *	rights.h	sockets that take no descriptors
 *	uninitialized.h	arrays that need not be cleared
 *	quote.h		names in scripts and on terminals
 *	socket_file.h	the file of a UNIX socket
 *	thread.h	threads without signals
 *	shared.h	memory shared with other programs or devices
 *
 * It uses the C library and no other room. It knows nothing of MANA, of DPDK or of commands. It
 * never prints or exits, starts no thread of its own, and keeps no state but the log's sink and
 * level, what a thread has spent (budget.h) and who is watched (pulse.h).
 */
#ifndef MANAKIN_BASE_ERROR_H
#define MANAKIN_BASE_ERROR_H

#include <stdarg.h>

#define ERROR_TEXT 4608 /* bytes: a path of 4096 and the words around it */

/**
 * struct error - the sentence
 * @text:	NUL-terminated; cut off where it does not fit
 */
struct error {
	char text[ERROR_TEXT];
};

/** error_say() - write the sentence, as printf() does; does nothing if @error is NULL */
__attribute__((format(printf, 2, 3))) void error_say(struct error *error, const char *format, ...);

/** error_say_args() - the same with the arguments in @ap */
void error_say_args(struct error *error, const char *format, va_list ap);

/** error_add() - append to the sentence */
__attribute__((format(printf, 2, 3))) void error_add(struct error *error, const char *format, ...);

/** error_fail() - error_say() for a function that fails: returns @code, a negative errno */
__attribute__((format(printf, 3, 4))) int error_fail(struct error *error, int code,
						     const char *format, ...);

/**
 * error_reason() - strerror() of @err (a positive errno), and what the user can do about it
 *
 * For the end of a message that has no better next step. The text is valid until this thread's next
 * call.
 */
const char *error_reason(int err);

#endif
