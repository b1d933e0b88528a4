/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/passed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX    "fd:"
#define COUNT_MAX 1024u

/** number() - all of a text, as a decimal number; -1 if it is none */
static long number(const char *text)
{
	char *end;
	long value;

	if (!text || *text < '0' || *text > '9')
		return -1;
	errno = 0;
	value = strtol(text, &end, 10);
	return errno || *end || value > INT_MAX ? -1 : value;
}

bool passed_is(const char *text)
{
	return text && !strncmp(text, PREFIX, strlen(PREFIX));
}

unsigned int passed_count(void)
{
	long pid = number(getenv("LISTEN_PID")), n = number(getenv("LISTEN_FDS"));

	return pid == getpid() && n > 0 && n <= (long)COUNT_MAX ? (unsigned int)n : 0;
}

/** by_name() - the place of a name in the list of LISTEN_FDNAMES; -1 if it is not in it */
static long by_name(const char *name)
{
	const char *list = getenv("LISTEN_FDNAMES");
	unsigned int count = passed_count();
	size_t len = strlen(name);

	for (unsigned int i = 0; list && *name && i < count; i++) {
		const char *end = strchrnul(list, ':');

		if ((size_t)(end - list) == len && !memcmp(list, name, len))
			return PASSED_FIRST + (long)i;
		list = *end ? end + 1 : NULL;
	}
	return -1;
}

int passed_fd(const char *text)
{
	long fd = number(text + strlen(PREFIX));

	if (fd < 0)
		fd = by_name(text + strlen(PREFIX));
	if (fd >= 0 && fcntl((int)fd, F_SETFD, FD_CLOEXEC) == 0)
		return (int)fd;
	errno = EBADF;
	return -EBADF;
}
