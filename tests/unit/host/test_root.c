/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/root.h on a tree made for the purpose.
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

#include "host/root.h"

static char tree[] = "/tmp/test-root-XXXXXX";
static struct host host;

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void directory(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	assert_return_code(mkdir(path, 0755), errno);
}

static void point(const char *name, const char *target)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	assert_return_code(symlink(target, path), errno);
}

static int setup(void **state)
{
	char error[256];

	(void)state;
	assert_non_null(mkdtemp(tree));
	directory("sys");
	directory("sys/devices");
	directory("sys/devices/7870:00:00.0");
	directory("sys/bus");
	put("sys/devices/7870:00:00.0/vendor", "0x1414\n");
	put("sys/devices/7870:00:00.0/numa_node", "-1\n");
	put("sys/devices/7870:00:00.0/empty", "");
	put("sys/devices/7870:00:00.0/.hidden", "");
	point("sys/bus/relative", "../devices/7870:00:00.0");
	point("sys/bus/absolute", "/sys/devices/7870:00:00.0");
	point("sys/bus/out", "../../../../../../etc/passwd");
	point("sys/bus/dangling", "../devices/1:2");
	return host_open(tree, &host, error, sizeof(error));
}

static int teardown(void **state)
{
	char command[300];

	(void)state;
	host_close(&host);
	snprintf(command, sizeof(command), "rm -r '%s'", tree);
	return system(command);
}

static void files(void **state)
{
	unsigned long long value;
	char text[16], tight[7];

	(void)state;
	assert_false(host_is_machine(&host));
	assert_int_equal(host_read(&host, text, sizeof(text), "/sys/devices/%s/vendor",
				   "7870:00:00.0"),
			 6);
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
	char error[256] = "";
	struct host other;

	(void)state;
	assert_int_equal(host_open("/no/such/place", &other, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, "/no/such/place"));
	host_close(&other);
	assert_int_equal(host_open("/", &other, error, sizeof(error)), 0);
	assert_true(host_is_machine(&other));
	assert_true(host_exists(&other, "/proc/self/stat"));
	host_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),  cmocka_unit_test(links_stay_inside),
		cmocka_unit_test(lists),  cmocka_unit_test(writes),
		cmocka_unit_test(roots),
	};

	return cmocka_run_group_tests_name("host root", tests, setup, teardown);
}
