/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files below a directory: every test runs twice, with openat2() and with a filter that makes the
 * kernel answer like one without it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/compat.h"
#include "emulated.h"
#include "process.h"

struct test {
	char root[32];
	int dir; /* root/prefix */
	unsigned int fds;
};

/*
 * root/prefix/lib/real   a file          root/outside/file   not below the prefix
 * root/prefix/out        -> ../outside   root/prefix/absolute -> root/outside
 * root/prefix/inside     -> lib          root/prefix/lib/link -> real
 */
static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));
	char outside[64];

	test->fds = count_fds();
	strcpy(test->root, "/tmp/test-beneath-XXXXXX");
	assert_non_null(mkdtemp(test->root));
	assert_int_equal(chdir(test->root), 0);
	assert_int_equal(mkdir("prefix", 0755) | mkdir("prefix/lib", 0755) | mkdir("outside", 0755),
			 0);
	make_file("prefix/lib/real", "real");
	make_file("outside/file", "outside");
	snprintf(outside, sizeof(outside), "%s/outside", test->root);
	assert_int_equal(symlink("../outside", "prefix/out") | symlink(outside, "prefix/absolute") |
				 symlink("lib", "prefix/inside") |
				 symlink("real", "prefix/lib/link"),
			 0);
	test->dir = open("prefix", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(test->dir >= 0);
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;
	char command[64];

	close(test->dir);
	assert_int_equal(count_fds(), test->fds);
	snprintf(command, sizeof(command), "rm -rf %s", test->root);
	assert_int_equal(chdir("/") | system(command), 0);
	free(test);
	return 0;
}

static int opened(const struct test *test, const char *path, int flags)
{
	int fd = beneath_open(test->dir, path, flags, 0600);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static void what_is_below_is_opened(void **state)
{
	const struct test *test = *state;

	assert_int_equal(opened(test, "lib/real", O_RDONLY), 0);
	assert_int_equal(opened(test, "lib//real", O_RDONLY), 0);
	assert_int_equal(opened(test, "./lib/./real", O_RDONLY), 0);
	assert_int_equal(opened(test, "lib", O_PATH | O_DIRECTORY), 0);
	assert_int_equal(opened(test, "lib/", O_RDONLY | O_DIRECTORY), 0);
	assert_int_equal(opened(test, ".", O_RDONLY | O_DIRECTORY), 0);
	assert_int_equal(opened(test, "lib/none", O_RDONLY), -ENOENT);
	assert_int_equal(opened(test, "", O_RDONLY), -ENOENT);
	assert_int_equal(opened(test, "lib/real/more", O_RDONLY), -ENOTDIR);
	assert_int_equal(opened(test, "lib/real/", O_RDONLY), -ENOTDIR);
	assert_int_equal(opened(test, "lib/new", O_WRONLY | O_CREAT | O_EXCL), 0);
	assert_int_equal(opened(test, "lib/new", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
}

static void no_link_is_followed(void **state)
{
	static const char *const paths[] = { "out/file",      "absolute/file", "inside/real",
					     "lib/link",      "out",           "absolute",
					     "inside/../lib", "out/" };
	const struct test *test = *state;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(opened(test, paths[i], O_RDONLY), -ELOOP);
		assert_int_equal(opened(test, paths[i], O_PATH), -ELOOP);
		assert_int_equal(opened(test, paths[i], O_RDONLY | O_DIRECTORY), -ELOOP);
	}
	assert_int_equal(opened(test, "lib/link", O_WRONLY | O_TRUNC), -ELOOP);
	assert_int_equal(opened(test, "out/new", O_WRONLY | O_CREAT), -ELOOP);
	assert_int_equal(beneath_mkdir(test->dir, "out/new", 0755), -ELOOP);
	assert_int_equal(beneath_directory(test->dir, "out/new/deep", 0755), -ELOOP);
	assert_int_equal(beneath_remove(test->dir, "out/file", 0), -ELOOP);
	assert_int_equal(beneath_symlink(test->dir, "x", "absolute/new"), -ELOOP);
	assert_int_equal(beneath_rename(test->dir, "lib/real", "out/file"), -ELOOP);
	assert_int_equal(beneath_rename(test->dir, "out/file", "lib/real"), -ELOOP);
	assert_int_equal(access("outside/new", F_OK), -1);
	assert_int_equal(access("outside/file", F_OK), 0);
}

static void nothing_leads_out(void **state)
{
	static const char *const paths[] = { "../outside/file", "lib/../../outside/file", "..",
					     "/etc/passwd", "/" };
	const struct test *test = *state;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(opened(test, paths[i], O_RDONLY), -EXDEV);
		assert_int_not_equal(beneath_remove(test->dir, paths[i], 0), 0);
		assert_int_not_equal(beneath_mkdir(test->dir, paths[i], 0755), 0);
	}
	assert_int_equal(access("outside/file", F_OK), 0);
}

static void links_are_made_read_and_removed(void **state)
{
	const struct test *test = *state;
	char target[16];
	struct stat st;
	int fd;

	assert_int_equal(beneath_symlink(test->dir, "../elsewhere", "lib/new"), 0);
	assert_int_equal(beneath_link(test->dir, "lib/new", target, sizeof(target)), 12);
	assert_string_equal(target, "../elsewhere");
	assert_int_equal(beneath_link(test->dir, "lib/new", target, 12), -ENAMETOOLONG);
	assert_int_equal(beneath_link(test->dir, "lib/real", target, sizeof(target)), -EINVAL);
	assert_int_equal(beneath_rename(test->dir, "lib/new", "renamed"), 0);
	/* A link at the end is removed itself. */
	assert_int_equal(beneath_remove(test->dir, "renamed", 0), 0);
	assert_int_equal(beneath_remove(test->dir, "out", 0), 0);
	assert_int_equal(lstat("prefix/out", &st), -1);
	assert_int_equal(access("outside/file", F_OK), 0);
	fd = beneath_directory(test->dir, "a/b//c/", 0700);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(stat("prefix/a/b/c", &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_int_equal(beneath_remove(test->dir, "a/b/c", AT_REMOVEDIR), 0);
	assert_int_equal(beneath_remove(test->dir, "a", AT_REMOVEDIR), -ENOTEMPTY);
}

static void a_tree_is_removed_and_nothing_beside_it(void **state)
{
	const struct test *test = *state;
	struct stat st;
	int fd = beneath_directory(test->dir, "tree/a/b", 0755);

	assert_true(fd >= 0);
	close(fd);
	make_file("prefix/tree/a/b/file", "");
	assert_int_equal(symlink("../../outside", "prefix/tree/a/out") |
				 symlink("nowhere", "prefix/tree/dangling"),
			 0);
	assert_int_equal(beneath_remove_tree(test->dir, "out"), -ELOOP);
	assert_int_equal(beneath_remove_tree(test->dir, "tree"), 0);
	assert_int_equal(lstat("prefix/tree", &st), -1);
	assert_int_equal(beneath_remove_tree(test->dir, "tree"), 0);
	assert_int_equal(access("outside/file", F_OK), 0);
}

static void a_text_is_written_whole(void **state)
{
	struct test *test = *state;
	int fd = beneath_open(test->dir, "lib/text", O_RDWR | O_CREAT | O_EXCL, 0600);
	char read_back[16] = "";

	assert_true(fd >= 0);
	assert_int_equal(beneath_write(fd, "a text\n"), 0);
	assert_int_equal(pread(fd, read_back, sizeof(read_back), 0), 7);
	assert_string_equal(read_back, "a text\n");
	close(fd);
	assert_int_equal(beneath_remove(test->dir, "lib/text", 0), 0);
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_int_equal(beneath_write(fd, "a text\n"), -ENOSPC);
	close(fd);
}

static int run(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_below_is_opened),
		TEST(no_link_is_followed),
		TEST(nothing_leads_out),
		TEST(links_are_made_read_and_removed),
		TEST(a_tree_is_removed_and_nothing_beside_it),
		TEST(a_text_is_written_whole),
	};

	return cmocka_run_group_tests_name("base/beneath", tests, NULL, NULL);
}

/** forbid_openat2() - for this process and its children */
static void forbid_openat2(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };
	struct open_how how = { .flags = O_PATH };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ||
	    syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how)) >= 0 || errno != ENOSYS) {
		fputs("the kernel does not filter system calls, which this test needs\n", stderr);
		exit(1);
	}
}

int main(void)
{
	int failed = run();

	if (emulated("base/beneath.c without openat2()", "it has no seccomp"))
		return failed;
	forbid_openat2();
	return failed + run();
}
