/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/driver_log.h: the words of Linux 5.15 to 7.3.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "host/machine/driver_log.h"
#include "tree.h"

#define AT "7870:00:00.0"

static const struct {
	const char *log;
	unsigned long status;
	bool silent;
	int err;
	const char *line;
} probes[] = {
	{ "", 0, false, 0, "" },
	{ "[    2.4] mana 7870:00:00.0: enabling device (0000 -> 0002)\n"
	  "[    2.9] mana 7870:00:00.0: Microsoft Azure Network Adapter protocol version: 0.1.1\n",
	  0, false, 0, "" },
	{ "<3>[    3.1] mana 7870:00:00.0: HWC: Failed hw_channel req: 0xc00000bb\n"
	  "<3>[    3.2] mana 7870:00:00.0: gdma probe failed: err = -71\n"
	  "<4>[    3.3] mana: probe of 7870:00:00.0 failed with error -71\n",
	  0xc00000bb, false, EPROTO, "mana 7870:00:00.0: HWC: Failed hw_channel req: 0xc00000bb" },
	{ "mana 7870:00:00.0: Command 0xa failed with status: 0xc00000bb\n"
	  "mana 7870:00:00.0: probe with driver mana failed with error -71\n",
	  0xc00000bb, false, EPROTO,
	  "mana 7870:00:00.0: Command 0xa failed with status: 0xc00000bb" },
	{ "mana 7870:00:00.0: HWC: Request timed out!\n"
	  "mana 7870:00:00.0: gdma probe failed: err = -110\n",
	  0, true, ETIMEDOUT, "mana 7870:00:00.0: HWC: Request timed out!" },
	{ "mana 7870:00:00.0: HWC: Request timed out: 30000 ms\n", 0, true, 0,
	  "mana 7870:00:00.0: HWC: Request timed out: 30000 ms" },
	{ "mana 7870:00:00.0: Command 0x1 timed out: 30000 ms\n", 0, true, 0,
	  "mana 7870:00:00.0: Command 0x1 timed out: 30000 ms" },
	/* The first refusal is the cause, the second what follows. */
	{ "mana 7870:00:00.0: HWC: Failed hw_channel req: 0x1d\n"
	  "mana 7870:00:00.0: HWC: Failed hw_channel req: 0x5\n",
	  0x1d, false, 0, "mana 7870:00:00.0: HWC: Failed hw_channel req: 0x1d" },
	/* Another adapter's; another driver's; an earlier probe's */
	{ "mana 7871:00:00.0: gdma probe failed: err = -12\n", 0, false, 0, "" },
	{ "hv_pci 7870:00:00.0: failed with error -12\n", 0, false, 0, "" },
	{ "mana 7870:00:00.0: gdma probe failed: err = -110\n"
	  "mana 7870:00:00.0: enabling device (0000 -> 0002)\n",
	  0, false, 0, "" },
	{ "mana: probe of 7870:00:00.0 failed with error -12\n", 0, false, ENOMEM,
	  "mana: probe of 7870:00:00.0 failed with error -12" },
	{ "mana 7870:00:00.0: failed with error -99999999\nmana 7870:00:00.0: err = x", 0, false, 0,
	  "" },
};

static void why_a_probe_failed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		struct driver_probe probe;

		tree_put(probes[i].log, "var/log/dmesg");
		assert_int_equal(driver_log_probe(&tree_host, AT, &probe), 0);
		if (probe.status != probes[i].status || probe.silent != probes[i].silent ||
		    probe.err != probes[i].err || strcmp(probe.line, probes[i].line))
			fail_msg("%s: 0x%lx %d %d '%s'", probes[i].log, probe.status, probe.silent,
				 probe.err, probe.line);
	}
}

static enum driver_slot slot_of(const char *text)
{
	tree_put(text, "var/log/dmesg");
	return driver_log_slot(&tree_host);
}

static void what_became_of_the_vf(void **state)
{
	(void)state;
	assert_int_equal(slot_of("hv_netvsc f861 eth0: Data path switched\n"), SLOT_UNKNOWN);
	assert_int_equal(slot_of("hv_netvsc f861 eth0: VF slot 1 added\n"), SLOT_ADDED);
	assert_int_equal(slot_of("hv_netvsc f861 eth0: VF slot 1 added\n"
				 "hv_netvsc f861 eth0: VF slot 1 removed\n"),
			 SLOT_REMOVED);
	assert_int_equal(slot_of("hv_netvsc f861 eth0: VF slot 1 removed\n"
				 "hv_netvsc f861 eth0: VF slot 1 added\n"),
			 SLOT_ADDED);
	assert_int_equal(slot_of("logger: VF slot 1 added\n"), SLOT_UNKNOWN);
}

/** none; bytes that cannot be printed; one without an end; one that is large: its end counts */
static void odd_logs(void **state)
{
	struct driver_probe probe;

	(void)state;
	assert_int_equal(tree_run("rm \"$1\"/var/log/dmesg"), 0);
	assert_int_equal(driver_log_probe(&tree_host, AT, &probe), -ENOENT);
	assert_int_equal(driver_log_slot(&tree_host), SLOT_UNKNOWN);
	assert_int_equal(
		tree_run("cd \"$1\"/var/log; head -c 9000000 /dev/urandom >kern.log;"
			 "printf '\\nmana 7870:00:00.0: \\033[31mgdma probe failed: err = -5' "
			 ">>kern.log"),
		0);
	assert_int_equal(driver_log_probe(&tree_host, AT, &probe), 0);
	assert_int_equal(probe.err, EIO);
	assert_string_equal(probe.line, "mana 7870:00:00.0: [31mgdma probe failed: err = -5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(why_a_probe_failed),
		cmocka_unit_test(what_became_of_the_vf),
		cmocka_unit_test(odd_logs),
	};

	return cmocka_run_group_tests_name("host driver_log", tests, tree_setup, tree_teardown);
}
