/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A trace has the names that the adapter logs, and Wireshark's dissector has those of the trace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/gdma.h"
#include "device/native.h"
#include "device/rnic.h"
#include "device/vport.h"
#include "trace/format.h"
#include "trace/names.h"
#include "wire/gdma.h"
#include "wire/vport.h"

static char dissector[65536];

/** has() - does the dissector have [number] = "name"? In decimal or hexadecimal digits */
static void has(uint32_t number, const char *name)
{
	char entry[2][128];

	snprintf(entry[0], sizeof(entry[0]), "[%u] = \"%s\"", number, name);
	snprintf(entry[1], sizeof(entry[1]), "[0x%x] = \"%s\"", number, name);
	if (!strstr(dissector, entry[0]) && !strstr(dissector, entry[1]))
		fail_msg("the dissector does not have %s", entry[1]);
}

static void test_commands_have_the_adapters_names(void **state)
{
	const struct command_entry *const tables[] = { gdma_commands, vport_commands, rnic_commands,
						       native_commands };

	(void)state;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct command_entry *entry = tables[i]; entry->name; entry++) {
			const char *name = trace_command_name(entry->code);

			if (!name)
				fail_msg("%s (0x%x) has no name", entry->name, entry->code);
			assert_string_equal(name, entry->name);
		}
}

static void test_dissector_has_all_names(void **state)
{
	const char *name;
	bool error;

	(void)state;
	for (uint32_t code = 0; code < 0x800000; code++)
		if ((name = trace_command_name(code)) != NULL)
			has(code, name);
	for (uint32_t type = 0; type < 256; type++)
		if ((name = trace_event_name(type)) != NULL)
			has(type, name);
	for (uint32_t type = 0; type < 64; type++) {
		name = trace_completion_name((uint8_t)(type | MANA_CLIENT_COMPLETION << 6), &error);
		if (name)
			has(type, name);
		if (type && (name = trace_completion_name((uint8_t)type, &error)) != NULL)
			has(type, name);
	}
	for (uint8_t kind = 1; kind < TRACE_KINDS; kind++) {
		assert_non_null(trace_kind_name(kind));
		has(kind, trace_kind_name(kind));
	}
}

static void test_doorbells_are_for_queues(void **state)
{
	uint32_t id;

	(void)state;
	assert_int_equal(trace_doorbell_queue(GDMA_DB_SQ, 0xffffffff01234567, &id), GDMA_SQ);
	assert_int_equal(id, 0x234567);
	assert_int_equal(trace_doorbell_queue(GDMA_DB_RQ, 0x1000005, &id), GDMA_RQ);
	assert_int_equal(id, 5);
	assert_int_equal(trace_doorbell_queue(GDMA_DB_EQ, 0xabcd1234, &id), GDMA_EQ);
	assert_int_equal(id, 0x1234);
	assert_int_equal(trace_doorbell_queue(GDMA_DB_CQ_SHORT, 0x8fff0001, &id), GDMA_CQ);
	assert_int_equal(id, 0xfff);
	assert_int_equal(trace_doorbell_queue(0x7f8, 1, &id), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands_have_the_adapters_names),
		cmocka_unit_test(test_dissector_has_all_names),
		cmocka_unit_test(test_doorbells_are_for_queues),
	};
	FILE *file = fopen(DISSECTOR, "r");
	size_t len;

	if (!file)
		return 1;
	len = fread(dissector, 1, sizeof(dissector) - 1, file);
	dissector[len] = '\0';
	fclose(file);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
