/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets that were passed to the process: what they are for, and wrong ones. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/passed.h"
#include "serve/passed.h"

#include <setjmp.h>
#include <cmocka.h>

enum { CLIENT = 3, CONTROL, SYNTHETIC, FILE_FD, DEAF, UNUSED };

static char path[] = "/tmp/test-passed-XXXXXX/socket";

/** place() - a socket at this number */
static void place(int number, int type, const char *where, bool listens)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);

	strcpy(address.sun_path, where);
	assert_true(fd >= 0);
	/* Only the family: the kernel chooses an address. */
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      *where ? sizeof(address) : sizeof(address.sun_family)),
			 0);
	if (listens)
		assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(dup2(fd, number), number);
	if (fd != number)
		close(fd);
}

static int make(void **state)
{
	char *slash = strrchr(path, '/');
	int file;

	(void)state;
	*slash = '\0';
	if (!mkdtemp(path))
		return -1;
	*slash = '/';
	for (int fd = CLIENT; fd <= UNUSED; fd++)
		close(fd);
	place(CLIENT, SOCK_STREAM, path, true);
	place(CONTROL, SOCK_SEQPACKET, "", true);
	place(SYNTHETIC, SOCK_DGRAM, "", false);
	place(DEAF, SOCK_STREAM, "", false);
	file = open("/dev/null", O_RDWR);
	dup2(file, FILE_FD);
	if (file != FILE_FD)
		close(file);
	close(UNUSED);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	unlink(path);
	*strrchr(path, '/') = '\0';
	return rmdir(path);
}

static void types_say_what_sockets_are_for(void **state)
{
	struct passed passed;
	struct error error;
	char where[108];

	(void)state;
	assert_int_equal(passed_parse("fd:5,3,fd:4", &passed, where, sizeof(where), &error), 0);
	assert_true(passed.given);
	assert_int_equal(passed.client, CLIENT);
	assert_int_equal(passed.control, CONTROL);
	assert_int_equal(passed.synthetic, SYNTHETIC);
	assert_string_equal(where, path);
	assert_true(fcntl(CLIENT, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(CLIENT, F_GETFL) & O_NONBLOCK);
	assert_int_equal(passed_parse("fd:3", &passed, where, sizeof(where), &error), 0);
	assert_int_equal(passed.control, -1);
}

static void wrong_descriptors_are_named(void **state)
{
	static const struct {
		const char *text, *message;
	} wrong[] = {
		{ "fd:6", "--socket: fd:6 is not a UNIX socket that listens; pass one of type "
			  "stream, for control requests one of type seqpacket" },
		{ "fd:3,7", "--socket: fd:7 is not a UNIX socket that listens; pass one of type "
			    "stream, for control requests one of type seqpacket" },
		{ "fd:8", "--socket: no descriptor was passed for fd:8; redirect one, as in "
			  "3<>FILE, or let systemd pass it" },
		{ "fd:", "--socket: no descriptor was passed for fd:; redirect one, as in "
			 "3<>FILE, or let systemd pass it" },
		{ "fd:-1", "--socket: no descriptor was passed for fd:-1; redirect one, as in "
			   "3<>FILE, or let systemd pass it" },
		{ "fd:4", "--socket: fd:4 has no socket for a client; pass one of type stream "
			  "that listens" },
		{ "fd:3,3", "--socket: fd:3 is another socket of the same type; repeat --socket "
			    "for each adapter" },
	};
	struct passed passed;
	struct error error;
	char where[108];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(passed_parse(wrong[i].text, &passed, where, sizeof(where), &error),
				 -EINVAL);
		assert_string_equal(error.text, wrong[i].message);
	}
}

/** pretend() - that systemd started this process */
static void pretend(const char *count, const char *names)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", count, 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

static void systemd_passes_by_name(void **state)
{
	struct passed passed;
	struct error error;
	char where[108];

	(void)state;
	pretend("4", "client:control:cards:file");
	assert_int_equal(passed_count(), 4);
	assert_int_equal(passed_fd("fd:client"), CLIENT);
	assert_int_equal(passed_fd("fd:file"), FILE_FD);
	assert_int_equal(passed_fd("fd:fil"), -EBADF);
	assert_int_equal(passed_fd("fd:files"), -EBADF);
	/* The file is for a fabric. */
	assert_int_equal(passed_listen(&passed, where, sizeof(where), &error), 0);
	assert_int_equal(passed.client, CLIENT);
	assert_int_equal(passed.synthetic, SYNTHETIC);
	setenv("LISTEN_PID", "1", 1);
	assert_int_equal(passed_count(), 0);
	assert_int_equal(passed_fd("fd:client"), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_say_what_sockets_are_for),
		cmocka_unit_test(wrong_descriptors_are_named),
		cmocka_unit_test(systemd_passes_by_name),
	};

	return cmocka_run_group_tests(tests, make, clean);
}
