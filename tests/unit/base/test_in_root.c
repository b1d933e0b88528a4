/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files of a copied tree: every path is opened by openat2(), and again with a filter that makes the
 * kernel answer like one without it. Both have to find the same file, or fail the same way.
 */
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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/compat.h"
#include "base/in_root.h"
#include "emulated.h"
#include "process.h"

/*
 * tree/etc/file			tree/usr/lib/file		file	not in the tree
 * tree/lib	-> usr/lib		tree/absolute	-> /etc/file
 * tree/out	-> ../../../file	tree/loop	-> loop
 * tree/usr/up	-> ../etc/		tree/dangling	-> /nowhere/file
 */
static const struct {
	const char *path;
	int flags;
	const char *content; /* of a file; NULL: it is no file */
	int err;
} cases[] = {
	{ "etc/file", O_RDONLY, "etc", 0 },
	{ "//etc///file", O_RDONLY, "etc", 0 },
	{ "./etc/./file", O_RDONLY, "etc", 0 },
	{ "lib/file", O_RDONLY, "lib", 0 },
	{ "lib/../../etc/file", O_RDONLY, "etc", 0 },
	{ "absolute", O_RDONLY, "etc", 0 },
	{ "/absolute", O_RDONLY, "etc", 0 },
	{ "usr/up/file", O_RDONLY, "etc", 0 },
	{ "usr/up/../absolute", O_RDONLY, "etc", 0 },
	{ "../../etc/file", O_RDONLY, "etc", 0 },
	{ ".", O_RDONLY | O_DIRECTORY, NULL, 0 },
	{ "/", O_RDONLY | O_DIRECTORY, NULL, 0 },
	{ "..", O_PATH, NULL, 0 },
	{ "etc/", O_RDONLY, NULL, 0 },
	{ "lib/", O_RDONLY, NULL, 0 },
	{ "usr/lib/..", O_RDONLY, NULL, 0 },
	{ "lib", O_PATH | O_NOFOLLOW, NULL, 0 },
	{ "out", O_RDONLY, "inside", 0 },
	{ "", O_RDONLY, NULL, -ENOENT },
	{ "etc/file/", O_RDONLY, NULL, -ENOTDIR },
	{ "etc/file/..", O_RDONLY, NULL, -ENOTDIR },
	{ "etc/file", O_RDONLY | O_DIRECTORY, NULL, -ENOTDIR },
	{ "absolute", O_RDONLY | O_NOFOLLOW, NULL, -ELOOP },
	{ "loop", O_RDONLY, NULL, -ELOOP },
	{ "loop/file", O_RDONLY, NULL, -ELOOP },
	{ "dangling", O_RDONLY, NULL, -ENOENT },
	{ "none", O_RDONLY, NULL, -ENOENT },
	{ "none/../etc/file", O_RDONLY, NULL, -ENOENT },
};

static char place[] = "/tmp/test-in-root-XXXXXX";
static int tree;

static int make(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(place));
	assert_int_equal(chdir(place), 0);
	assert_int_equal(mkdir("tree", 0755) | mkdir("tree/etc", 0755) | mkdir("tree/usr", 0755) |
				 mkdir("tree/usr/lib", 0755),
			 0);
	make_file("file", "outside");
	make_file("tree/file", "inside");
	make_file("tree/etc/file", "etc");
	make_file("tree/usr/lib/file", "lib");
	assert_int_equal(symlink("usr/lib", "tree/lib") | symlink("/etc/file", "tree/absolute") |
				 symlink("../../../file", "tree/out") |
				 symlink("loop", "tree/loop") | symlink("../etc/", "tree/usr/up") |
				 symlink("/nowhere/file", "tree/dangling"),
			 0);
	tree = open("tree", O_PATH | O_CLOEXEC);
	assert_true(tree >= 0);
	return 0;
}

static int clean(void **state)
{
	char command[64];

	(void)state;
	close(tree);
	snprintf(command, sizeof(command), "rm -r %s", place);
	return system(command); /* NOLINT(cert-env33-c) */
}

static void every_path_finds_its_file(void **state)
{
	unsigned int fds = count_fds();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = in_root_open(tree, cases[i].path, cases[i].flags);
		char text[16] = "";

		print_message("\"%s\": %d\n", cases[i].path, fd);
		assert_int_equal(fd < 0 ? fd : 0, cases[i].err);
		if (fd < 0)
			continue;
		if (cases[i].content) {
			assert_true(read(fd, text, sizeof(text) - 1) > 0);
			assert_string_equal(text, cases[i].content);
		}
		close(fd);
	}
	assert_int_equal(count_fds(), fds);
}

static void a_deep_tree_and_a_long_chain_are_refused(void **state)
{
	char path[600] = "", name[16];
	int fd;

	(void)state;
	for (int i = 0; i < 60; i++) {
		char target[16];

		snprintf(name, sizeof(name), "tree/chain%d", i);
		snprintf(target, sizeof(target), "chain%d", i + 1);
		assert_int_equal(symlink(i == 59 ? "etc/file" : target, name), 0);
	}
	assert_int_equal(in_root_open(tree, "chain0", O_RDONLY), -ELOOP);
	fd = in_root_open(tree, "chain30", O_RDONLY);
	assert_true(fd >= 0);
	close(fd);
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "tree/chain%d", i);
		unlink(name);
	}
	/* ".." leaves what was gone into: a path may be longer than it is deep. */
	for (int i = 0; i < 80; i++)
		strcat(path, "etc/../");
	strcat(path, "etc");
	fd = in_root_open(tree, path, O_RDONLY);
	assert_true(fd >= 0);
	close(fd);
}

static int run(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_path_finds_its_file),
		cmocka_unit_test(a_deep_tree_and_a_long_chain_are_refused),
	};

	strcpy(place, "/tmp/test-in-root-XXXXXX");
	return cmocka_run_group_tests_name("base/in_root", tests, make, clean);
}

int main(void)
{
	static const long missing[] = { SYS_openat2 };
	int failed = run();

	if (emulated("base/in_root.c without openat2()", "it has no seccomp"))
		return failed;
	if (!without_calls(missing, sizeof(missing) / sizeof(missing[0])))
		return 1;
	return failed + run();
}
