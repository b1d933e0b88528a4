/* SPDX-License-Identifier: BSD-3-Clause */
#include "term/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static const char *command_name;

const char *say_name(void)
{
	static char name[64];

	snprintf(name, sizeof(name), "manakin%s%s", command_name ? " " : "",
		 command_name ? command_name : "");
	return name;
}

static void say_to(const char *format, va_list ap)
{
	fprintf(stderr, "%s: ", say_name());
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
}

void say_as(const char *command)
{
	command_name = command;
}

void say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say_to(format, ap);
	va_end(ap);
}

int say_usage(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say_to(format, ap);
	va_end(ap);
	return EINVAL;
}

int usage_error(bool *failed, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (!*failed)
		say_to(format, ap);
	va_end(ap);
	*failed = true;
	return EINVAL;
}
