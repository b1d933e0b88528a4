/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/error.h - why something failed, as a sentence for the user.
 *
 * A function that can fail for a reason the user has to know takes a pointer to one as its last
 * parameter, and fills it in if it fails. The caller owns it; it needs no initialization and no
 * release. A sentence starts with a lower-case letter and has no full stop, as it is printed after
 * the command's name.
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

/** error_say() - write the sentence, as printf() does; NULL: nobody wants to know */
__attribute__((format(printf, 2, 3))) void error_say(struct error *error, const char *format, ...);

/** error_say_args() - the same with the arguments in @ap */
void error_say_args(struct error *error, const char *format, va_list ap);

/** error_add() - write on behind the sentence that is there */
__attribute__((format(printf, 2, 3))) void error_add(struct error *error, const char *format, ...);

/** error_fail() - the same, for a function that fails: returns @code, a negative errno */
__attribute__((format(printf, 3, 4))) int error_fail(struct error *error, int code,
						     const char *format, ...);

/**
 * error_reason() - what strerror() says of @err (a positive errno), and what can be done about it
 *
 * For the end of a message that has no better next step. The text is good until this thread's
 * next call.
 */
const char *error_reason(int err);

#endif
