/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/module.h on a tree that has the text of depmod(8)'s indexes. The indexes that libkmod reads
 * are the lab's: tests/lab/host.bats.
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
#include <unistd.h>

#include "host/machine/module.h"
#include "tree.h"

#define RELEASE "5.15.0-1045-azure"
#define MODULES "lib/modules/" RELEASE

static struct host host;

static const char make_tree[] =
	"set -e; cd \"$1\"\n"
	"mkdir -p proc/sys/kernel sys/module/ib_uverbs sys/module/vmbus " MODULES "\n"
	"echo " RELEASE " >proc/sys/kernel/osrelease\n"
	"echo live >sys/module/ib_uverbs/initstate\n"
	"echo kernel/drivers/net/hyperv/hv_netvsc.ko >" MODULES "/modules.builtin\n"
	"echo kernel/drivers/infiniband/hw/mana/mana-ib.ko.zst: kernel/net/mana.ko "
	">" MODULES "/modules.dep\n"
	"echo kernel/net/mana.ko: >>" MODULES "/modules.dep\n";

static int setup(void **state)
{
	(void)state;
	return tree_open(&host, make_tree);
}

static int teardown(void **state)
{
	(void)state;
	return tree_close(&host);
}

static void states(const char *const names[4])
{
	enum module_state state;

	for (int wanted = MODULE_MISSING; wanted <= MODULE_BUILTIN; wanted++) {
		assert_int_equal(module_state(&host, names[wanted], &state), 0);
		assert_int_equal(state, wanted);
	}
}

static const char *const names[] = { "uio_hv_generic", "mana", "ib_uverbs", "hv_netvsc" };
static const char *const others[] = { "man", "mana_ib", "ib_uverbs", "vmbus" };

static void by_text(void **state)
{
	(void)state;
	states(names);
	states(others);
}

static void no_modules(void **state)
{
	enum module_state found;

	(void)state;
	assert_int_equal(tree_run("rm -r \"$1\"/lib"), 0);
	assert_int_equal(module_state(&host, "mana", &found), 0);
	assert_int_equal(found, MODULE_MISSING);
	assert_int_equal(tree_run("rm \"$1\"/proc/sys/kernel/osrelease"), 0);
	assert_int_equal(module_state(&host, "mana", &found), -ENOENT);
	assert_int_equal(module_state(&host, "ib_uverbs", &found), 0);
	assert_int_equal(found, MODULE_LOADED);
}

static void load_what_cannot_be(void **state)
{
	struct error error = { "" };
	struct host machine;

	(void)state;
	assert_int_equal(module_load(&host, "mana", &error), -EOPNOTSUPP);
	assert_non_null(strstr(error.text, "in a tree"));
	assert_int_equal(host_open(NULL, &machine, &error), 0);
	assert_int_equal(module_load(&machine, "no_such_module", &error), -ENOENT);
	assert_non_null(strstr(error.text, "has no module no_such_module"));
	host_close(&machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_text),
		cmocka_unit_test(no_modules),
		cmocka_unit_test(load_what_cannot_be),
	};

	return cmocka_run_group_tests_name("host module", tests, setup, teardown);
}
