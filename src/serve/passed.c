/* SPDX-License-Identifier: BSD-3-Clause */
#include "serve/passed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/passed.h"

#define TEXT_MAX 256u

/** option() - of a socket, as a number; -1 if this is no socket */
static int option(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

/** add() - find out what a descriptor is for */
static int add(struct passed *passed, const char *text, int fd, struct error *error)
{
	int *place = NULL, type;

	if (fd < 0)
		return error_fail(error, -EINVAL,
				  "--socket: no descriptor was passed for %s; redirect one, as in "
				  "3<>FILE, or let systemd pass it",
				  text);
	type = option(fd, SO_TYPE);
	if (option(fd, SO_DOMAIN) == AF_UNIX && type == SOCK_DGRAM)
		place = &passed->synthetic;
	else if (option(fd, SO_DOMAIN) == AF_UNIX && option(fd, SO_ACCEPTCONN) == 1)
		place = type == SOCK_STREAM ? &passed->client : &passed->control;
	if (!place)
		return error_fail(error, -EINVAL,
				  "--socket: %s is not a UNIX socket that listens; pass one of "
				  "type stream, for control requests one of type seqpacket",
				  text);
	if (*place >= 0)
		return error_fail(
			error, -EINVAL,
			"--socket: %s is another socket of the same type; repeat --socket "
			"for each adapter",
			text);
	*place = fd;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return 0;
}

/** name() - check that a client can connect, and where */
static int name(struct passed *passed, const char *text, char *path, size_t size,
		struct error *error)
{
	struct sockaddr_un address = { .sun_path = "" };
	socklen_t len = sizeof(address);

	if (passed->client < 0)
		return error_fail(error, -EINVAL,
				  "--socket: %s has no socket for a client; pass one of type "
				  "stream that listens",
				  text);
	if (getsockname(passed->client, (struct sockaddr *)&address, &len) < 0 ||
	    !*address.sun_path)
		snprintf(path, size, "%s", text);
	else
		snprintf(path, size, "%s", address.sun_path);
	passed->given = true;
	return 0;
}

int passed_parse(const char *text, struct passed *passed, char *path, size_t size,
		 struct error *error)
{
	char list[TEXT_MAX], *rest = list, *item;
	int err = 0;

	*passed = (struct passed){ .client = -1, .control = -1, .synthetic = -1 };
	if (strlen(text) >= sizeof(list))
		return error_fail(error, -EINVAL, "--socket: %s is too long", text);
	strcpy(list, text);
	while (!err && (item = strsep(&rest, ","))) {
		char one[TEXT_MAX + 3];

		snprintf(one, sizeof(one), "%s%s", passed_is(item) ? "" : "fd:", item);
		err = add(passed, one, passed_fd(one), error);
	}
	return err ? err : name(passed, text, path, size, error);
}

int passed_listen(struct passed *passed, char *path, size_t size, struct error *error)
{
	unsigned int n = passed_count();
	int err = 0;

	*passed = (struct passed){ .client = -1, .control = -1, .synthetic = -1 };
	for (unsigned int i = 0; !err && i < n; i++) {
		char text[16];
		int fd;

		snprintf(text, sizeof(text), "fd:%u", PASSED_FIRST + i);
		fd = passed_fd(text);
		/* A file or tap is for a fabric. */
		if (fd < 0 || option(fd, SO_TYPE) >= 0)
			err = add(passed, text, fd, error);
	}
	return err ? err : name(passed, "LISTEN_FDS", path, size, error);
}
