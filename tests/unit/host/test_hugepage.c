/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/hugepage.h on a tree: two NUMA nodes with two sizes, in the layout of Linux's
 * hugetlbpage.rst; this test plays the kernel's part.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/machine/hugepage.h"
#include "tree.h"

static void put_pages(const char *where, unsigned int kib, const char *total, const char *unused)
{
	tree_put(total, "%s/hugepages-%ukB/nr_hugepages", where, kib);
	tree_put(unused, "%s/hugepages-%ukB/free_hugepages", where, kib);
}

#define NODES   "sys/devices/system/node"
#define MACHINE "sys/kernel/mm/hugepages"

static void nodes_and_sizes(void **state)
{
	struct hugepages_found found;

	(void)state;
	put_pages(NODES "/node10/hugepages", 2048, "8\n", "7\n");
	put_pages(NODES "/node0/hugepages", 1048576, "2\n", "1\n");
	put_pages(NODES "/node0/hugepages", 2048, "1024\n", "1000\n");
	put_pages(MACHINE, 2048, "1032\n", "1007\n");
	tree_put("5\n", NODES "/node0/hugepages/hugepages-odd/nr_hugepages");
	tree_put("0,10\n", NODES "/online");
	assert_int_equal(hugepages_read(&tree_host, &found), 0);
	assert_int_equal(found.n, 3);
	assert_int_equal(found.page[0].node, 0);
	assert_int_equal(found.page[0].kib, 2048);
	assert_int_equal(found.page[0].total, 1024);
	assert_int_equal(found.page[0].free, 1000);
	assert_int_equal(found.page[1].kib, 1048576);
	assert_int_equal(found.page[1].free, 1);
	assert_int_equal(found.page[2].node, 10);
	assert_int_equal(found.page[2].free, 7);
	hugepages_found_free(&found);
}

static void no_nodes(void **state)
{
	struct hugepages_found found;

	(void)state;
	assert_int_equal(hugepages_read(&tree_host, &found), 0);
	assert_int_equal(found.n, 0);
	put_pages(MACHINE, 2048, "3\n", "2\n");
	assert_int_equal(hugepages_reserved(&tree_host, 2048), 0);
	tree_put("1\n", MACHINE "/hugepages-2048kB/resv_hugepages");
	assert_int_equal(hugepages_read(&tree_host, &found), 0);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.page[0].node, -1);
	assert_int_equal(found.page[0].total, 3);
	assert_int_equal(hugepages_reserved(&tree_host, 2048), 1);
	hugepages_found_free(&found);
}

static void set(void **state)
{
	unsigned long long number;

	(void)state;
	put_pages(NODES "/node1/hugepages", 2048, "0\n", "0\n");
	put_pages(MACHINE, 1048576, "0\n", "0\n");
	assert_int_equal(hugepages_set(&tree_host, 1, 2048, 12), 0);
	assert_int_equal(host_number(&tree_host, &number,
				     "/" NODES "/node1/hugepages/hugepages-2048kB/nr_hugepages"),
			 0);
	assert_int_equal(number, 12);
	assert_int_equal(hugepages_set(&tree_host, -1, 1048576, 1), 0);
	assert_int_equal(
		host_number(&tree_host, &number, "/" MACHINE "/hugepages-1048576kB/nr_hugepages"),
		0);
	assert_int_equal(number, 1);
	assert_int_equal(hugepages_set(&tree_host, 2, 2048, 12), -ENOENT);
	assert_int_equal(hugepages_set(&tree_host, 1, 1048576, 12), -ENOENT);
}

static void mounts(void **state)
{
	struct hugepage_mount mount[4];

	(void)state;
	assert_int_equal(hugepage_mounts(&tree_host, mount, 4), -ENOENT);
	tree_put("MemTotal: 1 kB\nHugepagesize:       2048 kB\n", "proc/meminfo");
	tree_put("sysfs /sys sysfs rw 0 0\n"
		 "hugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0\n"
		 "none /mnt/huge\\0401G hugetlbfs rw,pagesize=1024M 0 0\n"
		 "none /mnt/g hugetlbfs ro,pagesize=1G 0 0\n"
		 "none /mnt/default hugetlbfs rw 0 0\n"
		 "none /mnt/more hugetlbfs rw 0 0\n",
		 "proc/mounts");
	assert_int_equal(hugepage_mounts(&tree_host, mount, 4), 4);
	assert_string_equal(mount[0].path, "/dev/hugepages");
	assert_int_equal(mount[0].kib, 2048);
	assert_true(mount[0].writable);
	assert_string_equal(mount[1].path, "/mnt/huge 1G");
	assert_int_equal(mount[1].kib, 1048576);
	assert_int_equal(mount[2].kib, 1048576);
	assert_false(mount[2].writable);
	assert_int_equal(mount[3].kib, 2048);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nodes_and_sizes, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(no_nodes, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(set, tree_setup, tree_teardown),
		cmocka_unit_test_setup_teardown(mounts, tree_setup, tree_teardown),
	};

	return cmocka_run_group_tests_name("host hugepage", tests, NULL, NULL);
}
