/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/error.h"

#include <errno.h>
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

/** next_step() - what a user can do about an errno */
static const char *next_step(int err)
{
	switch (err) {
	case EACCES:
	case EPERM:
		return "run as root, or give this user permission";
	case ENOENT:
		return "check that it exists";
	case EISDIR:
		return "name a file";
	case EEXIST:
		return "remove it, or choose another name";
	case EBUSY:
	case EADDRINUSE:
		return "stop what uses it first";
	case EMFILE:
	case ENFILE:
		return "allow more open files: ulimit -n";
	case ENOMEM:
		return "free some memory";
	case ENOSPC:
	case EDQUOT:
		return "free some space";
	case EROFS:
		return "mount it writable, or choose another place";
	default:
		return "the kernel's log may say more: dmesg";
	}
}

const char *error_reason(int err)
{
	static _Thread_local char text[160];

	snprintf(text, sizeof(text), "%s; %s", strerror(err), next_step(err));
	return text;
}
