/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

void error_say_args(struct error *error, const char *format, va_list ap)
{
	if (error)
		vsnprintf(error->text, sizeof(error->text), format, ap);
}

void error_say(struct error *error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	error_say_args(error, format, ap);
	va_end(ap);
}

void error_add(struct error *error, const char *format, ...)
{
	size_t len;
	va_list ap;

	if (!error)
		return;
	len = strlen(error->text);
	va_start(ap, format);
	vsnprintf(error->text + len, sizeof(error->text) - len, format, ap);
	va_end(ap);
}

int error_fail(struct error *error, int code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	error_say_args(error, format, ap);
	va_end(ap);
	return code;
}
