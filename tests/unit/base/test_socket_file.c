/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/socket_file.h"
#include "process.h"

static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
static char folder[32], path[64];
static unsigned int fds;

static int setup(void **state)
{
	(void)state;
	fds = count_fds();
	strcpy(folder, "/tmp/test-socket-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	return 0;
}

/* Nothing is left in the folder. */
static int teardown(void **state)
{
	(void)state;
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(count_fds(), fds);
	return 0;
}

static int open_socket(int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

/** bound() - what binding another socket there gives */
static int bound(int type)
{
	struct socket_file file;
	int fd = open_socket(type), err = socket_file_bind(fd, path, 4, &file);

	close(fd);
	if (err)
		assert_string_equal(file.path, "");
	else
		socket_file_remove(&file);
	return err;
}

static void test_only_the_owner_may_connect(void **state)
{
	struct socket_file file;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		mode_t mask = umask(0);
		int fd = open_socket(types[i]);

		assert_int_equal(socket_file_bind(fd, path, 4, &file), 0);
		umask(mask);
		assert_int_equal(lstat(path, &st), 0);
		assert_int_equal(st.st_mode, S_IFSOCK | 0600);
		socket_file_remove(&file);
		assert_int_equal(lstat(path, &st), -1);
		/* Again is not wrong. */
		socket_file_remove(&file);
		close(fd);
	}
}

static void test_a_socket_in_use_stays_and_a_stale_one_is_replaced(void **state)
{
	struct socket_file file;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 3; j++) {
			int fd = open_socket(types[i]);

			assert_int_equal(socket_file_bind(fd, path, 4, &file), 0);
			assert_int_equal(bound(types[j]), -EADDRINUSE);
			close(fd);
			assert_int_equal(bound(types[j]), 0);
		}
}

static void test_what_is_not_a_socket_stays(void **state)
{
	char target[64];
	struct stat st;
	int fd;

	(void)state;
	snprintf(target, sizeof(target), "%s/target", folder);
	fd = open(path, O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(bound(SOCK_SEQPACKET), -EEXIST);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(unlink(path), 0);
	/* A symbolic link is neither followed nor removed, wherever it leads. */
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(bound(SOCK_DGRAM), -EEXIST);
	assert_int_equal(lstat(target, &st), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(bound(SOCK_STREAM), -EEXIST);
	assert_int_equal(rmdir(path), 0);
}

static void test_what_has_taken_its_place_is_not_removed(void **state)
{
	int fd = open_socket(SOCK_SEQPACKET), other = open_socket(SOCK_SEQPACKET);
	struct socket_file file, others;
	struct stat st;

	(void)state;
	assert_int_equal(socket_file_bind(fd, path, 4, &file), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(socket_file_bind(other, path, 4, &others), 0);
	socket_file_remove(&file);
	assert_int_equal(lstat(path, &st), 0);
	socket_file_remove(&others);
	close(fd);
	close(other);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_only_the_owner_may_connect),
		TEST(test_a_socket_in_use_stays_and_a_stale_one_is_replaced),
		TEST(test_what_is_not_a_socket_stays),
		TEST(test_what_has_taken_its_place_is_not_removed),
	};

	return cmocka_run_group_tests_name("base/socket_file", tests, NULL, NULL);
}
