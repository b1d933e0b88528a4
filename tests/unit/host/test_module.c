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
	assert_true(module_index(&host));
	assert_int_equal(tree_run("rm -r \"$1\"/lib"), 0);
	assert_false(module_index(&host));
	assert_int_equal(module_state(&host, "mana", &found), 0);
	assert_int_equal(found, MODULE_MISSING);
	assert_int_equal(tree_run("rm \"$1\"/proc/sys/kernel/osrelease"), 0);
	assert_int_equal(module_state(&host, "mana", &found), -ENOENT);
	assert_int_equal(module_state(&host, "ib_uverbs", &found), 0);
	assert_int_equal(found, MODULE_LOADED);
}

static void configured(void **state)
{
	(void)state;
	assert_int_equal(module_config(&host, "MICROSOFT_MANA"), MODULE_CONFIG_UNKNOWN);
	tree_put("# head\nCONFIG_MICROSOFT_MANA=m\n# CONFIG_MANA_INFINIBAND is not set\n"
		 "CONFIG_HYPERV_NET=y\n",
		 "boot/config-" RELEASE);
	assert_int_equal(module_config(&host, "MICROSOFT_MANA"), MODULE_CONFIG_YES);
	assert_int_equal(module_config(&host, "HYPERV_NET"), MODULE_CONFIG_YES);
	assert_int_equal(module_config(&host, "MANA_INFINIBAND"), MODULE_CONFIG_NO);
	assert_int_equal(module_config(&host, "MANA"), MODULE_CONFIG_NO);
	/* Where Fedora and its like keep it */
	assert_int_equal(tree_run("mv \"$1\"/boot/config-* \"$1\"/" MODULES "/config"), 0);
	assert_int_equal(module_config(&host, "MICROSOFT_MANA"), MODULE_CONFIG_YES);
	tree_put("\x1f\x8b no configuration\n", MODULES "/config");
	assert_int_equal(module_config(&host, "MICROSOFT_MANA"), MODULE_CONFIG_UNKNOWN);
}

static void blocked(void **state)
{
	char where[128], what[128];

	(void)state;
	assert_false(module_blocked(&host, "mana", where, what));
	tree_put("blacklist mana_ib\n# blacklist mana\ninstall manage /bin/false\n"
		 "options mana x=1\ninstall mana /sbin/modprobe --ignore-install mana\n",
		 "usr/lib/modprobe.d/a.conf");
	assert_false(module_blocked(&host, "mana", where, what));
	assert_true(module_blocked(&host, "mana_ib", where, what));
	assert_string_equal(where, "/usr/lib/modprobe.d/a.conf");
	assert_string_equal(what, "blacklist mana_ib");
	tree_put("blacklist mana\n", "etc/modprobe.d/ignored.txt");
	assert_false(module_blocked(&host, "mana", where, what));
	tree_put("  install\tmana  /usr/bin/false", "etc/modprobe.d/b.conf");
	assert_true(module_blocked(&host, "mana", where, what));
	assert_string_equal(where, "/etc/modprobe.d/b.conf");
	tree_put("blacklist mana-ib\n", "etc/modprobe.d/b.conf");
	assert_true(module_blocked(&host, "mana_ib", where, what));
	assert_false(module_blocked(&host, "mana", where, what));
	tree_put("quiet modprobe.blacklist=floppy,mana module_blacklist=ib_uverbs\n",
		 "proc/cmdline");
	assert_true(module_blocked(&host, "mana", where, what));
	assert_string_equal(what, "modprobe.blacklist=mana");
	assert_string_equal(where, "/proc/cmdline");
	assert_true(module_blocked(&host, "ib_uverbs", where, what));
	assert_false(module_blocked(&host, "uverbs", where, what));
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
		cmocka_unit_test(configured),
		cmocka_unit_test(blocked),
		cmocka_unit_test(no_modules),
		cmocka_unit_test(load_what_cannot_be),
	};

	return cmocka_run_group_tests_name("host module", tests, setup, teardown);
}
