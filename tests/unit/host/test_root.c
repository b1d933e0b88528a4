/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/root.h on a tree made for the purpose.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/machine/root.h"
#include "tree.h"
#include "../emulated.h"

static struct host host;

static void point(const char *name, const char *target)
{
	assert_return_code(symlink(target, tree_path(name)), errno);
}

static int setup(void **state)
{
	(void)state;
	if (tree_open(&host, NULL))
		return -1;
	tree_put("0x1414\n", "sys/devices/7870:00:00.0/vendor");
	tree_put("-1\n", "sys/devices/7870:00:00.0/numa_node");
	tree_put("", "sys/devices/7870:00:00.0/empty");
	tree_put("", "sys/devices/7870:00:00.0/.hidden");
	assert_return_code(mkdir(tree_path("sys/bus"), 0755), errno);
	point("sys/bus/relative", "../devices/7870:00:00.0");
	point("sys/bus/absolute", "/sys/devices/7870:00:00.0");
	point("sys/bus/out", "../../../../../../etc/passwd");
	point("sys/bus/dangling", "../devices/1:2");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return tree_close(&host);
}

static void files(void **state)
{
	unsigned long long value;
	char text[16], tight[7];

	(void)state;
	assert_false(host_is_machine(&host));
	assert_int_equal(
		host_read(&host, text, sizeof(text), "/sys/devices/%s/vendor", "7870:00:00.0"), 6);
	assert_string_equal(text, "0x1414");
	assert_int_equal(host_read(&host, tight, 7, "/sys/bus/relative/vendor"), -EFBIG);
	assert_string_equal(tight, "");
	assert_int_equal(host_read(&host, text, sizeof(text), "/sys/bus/relative/empty"), 0);
	assert_int_equal(host_read(&host, text, sizeof(text), "/sys/bus/none"), -ENOENT);
	assert_int_equal(host_read(&host, text, sizeof(text), "/sys/bus"), -EISDIR);
	assert_int_equal(host_number(&host, &value, "/sys/bus/relative/vendor"), 0);
	assert_int_equal(value, 0x1414);
	assert_int_equal(host_number(&host, &value, "/sys/bus/relative/empty"), -EINVAL);
	assert_true(host_exists(&host, "/sys/bus/relative/vendor"));
	assert_false(host_exists(&host, "/sys/bus/dangling"));
}

static void links_stay_inside(void **state)
{
	char name[32];

	(void)state;
	assert_int_equal(host_link(&host, name, sizeof(name), "/sys/bus/absolute"), 0);
	assert_string_equal(name, "7870:00:00.0");
	assert_int_equal(host_link(&host, name, sizeof(name), "/sys/bus/dangling"), 0);
	assert_string_equal(name, "1:2");
	assert_int_equal(host_link(&host, name, 12, "/sys/bus/absolute"), -ENAMETOOLONG);
	assert_int_equal(host_link(&host, name, sizeof(name), "/sys/bus"), -EINVAL);
	assert_int_equal(host_link(&host, name, sizeof(name), "/sys/none"), -ENOENT);
	assert_true(host_exists(&host, "/sys/bus/absolute/vendor"));
	assert_false(host_exists(&host, "/sys/bus/out"));
	assert_false(host_exists(&host, "/../../../../etc/passwd"));
}

static void lists(void **state)
{
	struct names names;

	(void)state;
	assert_int_equal(host_list(&host, &names, "/sys/bus/absolute"), 0);
	assert_int_equal(names.n, 3);
	assert_string_equal(names.name[0], "empty");
	assert_string_equal(names.name[2], "vendor");
	names_free(&names);
	assert_int_equal(host_list(&host, &names, "/sys/none"), -ENOENT);
	assert_int_equal(names.n, 0);
	names_free(&names);
}

static void writes(void **state)
{
	char text[16];

	(void)state;
	assert_int_equal(host_write(&host, "abcdef", "/sys/bus/absolute/empty"), 0);
	assert_int_equal(host_read(&host, text, sizeof(text), "/sys/bus/absolute/empty"), 6);
	assert_string_equal(text, "abcdef");
	assert_int_equal(host_write(&host, "1", "/sys/bus/none"), -ENOENT);
}

static void roots(void **state)
{
	struct error error = { "" };
	struct host other;

	(void)state;
	assert_int_equal(host_open("/no/such/place", &other, &error), -ENOENT);
	assert_non_null(strstr(error.text, "/no/such/place"));
	host_close(&other);
	assert_int_equal(host_open("/", &other, &error), 0);
	assert_true(host_is_machine(&other));
	if (!emulated("files of the machine's own root", "it has another directory for \"/\""))
		assert_true(host_exists(&other, "/proc/self/stat"));
	host_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files), cmocka_unit_test(links_stay_inside),
		cmocka_unit_test(lists), cmocka_unit_test(writes),
		cmocka_unit_test(roots),
	};

	return cmocka_run_group_tests_name("host root", tests, setup, teardown);
}
