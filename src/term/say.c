/* SPDX-License-Identifier: BSD-3-Clause */
#include "term/say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/quote.h"
#include "base/version.h"

static const char *command_name;

const char *say_name(void)
{
	static char name[64];

	snprintf(name, sizeof(name), "manakin%s%s", command_name ? " " : "",
		 command_name ? command_name : "");
	return name;
}

int say_version(void)
{
	puts("manakin " MANAKIN_VERSION);
	return stdout_flushed();
}

static void say_to(const char *format, va_list ap)
{
	char *text = NULL;

	fprintf(stderr, "%s: ", say_name());
	if (vasprintf(&text, format, ap) < 0)
		vfprintf(stderr, format, ap);
	else
		quote_print(stderr, text); /* names in it may be anybody's */
	free(text);
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

int stdout_flushed(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_OK;
	say("cannot write to standard output: %s; the disk may be full, or the reader is gone",
	    strerror(errno));
	return EXIT_FAILED;
}

void stdio_open(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}
