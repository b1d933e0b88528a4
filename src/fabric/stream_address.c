/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/stream_address.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECT_MS 5000 /* until a peer that does not answer is given up */
#define TYPE       (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

bool stream_address_is_path(const char *text)
{
	return strchr(text, '/') || !strchr(text, ':');
}

/** path_fits() - 0, or -ENAMETOOLONG with @error set */
static __attribute__((nonnull)) int path_fits(const char *path, struct error *error)
{
	if (strlen(path) < SOCKET_FILE_PATH)
		return 0;
	return error_fail(error, -ENAMETOOLONG,
			  "fabric stream: the path %s is too long; a socket's has at most %u bytes",
			  path, SOCKET_FILE_PATH - 1);
}

/** resolve() - HOST:PORT; 0, or -EINVAL with @error set */
static int resolve(const char *text, int flags, struct addrinfo **found, struct error *error)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags };
	const char *colon = strrchr(text, ':');
	size_t len = (size_t)(colon - text);
	char host[256];
	int rc;

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (!len || len >= sizeof(host) || !colon[1])
		return error_fail(
			error, -EINVAL,
			"fabric stream: '%s' is neither a path nor HOST:PORT; a path has a "
			"slash in it, as ./NAME",
			text);
	memcpy(host, text, len);
	host[len] = '\0';
	rc = getaddrinfo(host, colon + 1, &hints, found);
	if (rc)
		return error_fail(error, -EINVAL, "fabric stream: %s, port %s: %s", host, colon + 1,
				  gai_strerror(rc));
	return 0;
}

/** finish() - wait until a connection is made; 0 or a negative errno */
static int finish(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int err = 0;

	if (poll(&wait, 1, CONNECT_MS) != 1)
		return -ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size);
	return -err;
}

/** connect_to() - a socket that is connected to an address; or a negative errno */
static int connect_to(int family, const struct sockaddr *address, socklen_t size)
{
	int fd = socket(family, TYPE, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, address, size) < 0)
		err = errno == EINPROGRESS ? finish(fd) : -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/** cannot_connect() - tell why */
static int cannot_connect(const char *text, int err, struct error *error)
{
	const char *next =
		err == -ECONNREFUSED || err == -ENOENT
			? "; start the peer first, or add +listen and start it afterwards"
			: "";

	return error_fail(error, err, "fabric stream: cannot connect to %s: %s%s", text,
			  error_reason(-err), next);
}

int stream_address_connect(const char *text, struct error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct addrinfo *found;
	int fd;

	if (stream_address_is_path(text)) {
		fd = path_fits(text, error);
		if (fd)
			return fd;
		strcpy(address.sun_path, text);
		fd = connect_to(AF_UNIX, (const struct sockaddr *)&address, sizeof(address));
		return fd < 0 ? cannot_connect(text, fd, error) : fd;
	}
	fd = resolve(text, 0, &found, error);
	if (fd)
		return fd;
	fd = -EADDRNOTAVAIL;
	for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
		fd = connect_to(at->ai_family, at->ai_addr, at->ai_addrlen);
	freeaddrinfo(found);
	return fd < 0 ? cannot_connect(text, fd, error) : fd;
}

/** listen_at() - a socket that listens at an address; or a negative errno */
static int listen_at(const struct addrinfo *at)
{
	int fd = socket(at->ai_family, TYPE, 0), on = 1, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, at->ai_addr, at->ai_addrlen) && !listen(fd, 1))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int stream_address_listen(const char *text, struct socket_file *file, struct error *error)
{
	struct addrinfo *found;
	int fd, err;

	if (stream_address_is_path(text)) {
		err = path_fits(text, error);
		if (err)
			return err;
		fd = socket(AF_UNIX, TYPE, 0);
		err = fd < 0 ? -errno : socket_file_bind(fd, text, 1, file);
		if (!err)
			return fd;
		if (fd >= 0)
			close(fd);
		return error_fail(error, err, "fabric stream: cannot listen on %s: %s", text,
				  socket_file_reason(err));
	}
	err = resolve(text, AI_PASSIVE, &found, error);
	if (err)
		return err;
	fd = -EADDRNOTAVAIL;
	for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
		fd = listen_at(at);
	freeaddrinfo(found);
	if (fd < 0)
		return error_fail(error, fd,
				  "fabric stream: cannot listen on %s: %s; choose another port",
				  text, error_reason(-fd));
	return fd;
}
