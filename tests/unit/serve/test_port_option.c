/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What manakin device --port accepts, and what it says about what it refuses.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "serve/port_option.h"

/** struct parsed - a result, and the text it points into */
struct parsed {
	struct adapter_port_config port;
	char text[256];
	struct error error;
	int err;
};

/** parse() - as the command line does; the text is exactly as long as its buffer */
static struct parsed *parse(const char *text)
{
	struct parsed *parsed = test_calloc(1, sizeof(*parsed));

	assert_true(strlen(text) < sizeof(parsed->text));
	strcpy(parsed->text, text);
	parsed->err = port_option_parse(parsed->text, &parsed->port, &parsed->error);
	return parsed;
}

static void assert_refused(const char *text, const char *why)
{
	struct parsed *parsed = parse(text);

	if (parsed->err != -EINVAL)
		fail_msg("'%s' was taken", text);
	if (!strstr(parsed->error.text, why))
		fail_msg("'%s': the message '%s' does not say '%s'", text, parsed->error.text, why);
	assert_memory_equal(parsed->error.text, "--port: ", 8);
	test_free(parsed);
}

static void defaults_are_filled_in(void **state)
{
	static const uint8_t none[6];
	struct parsed *parsed = parse("");

	(void)state;
	assert_int_equal(parsed->err, 0);
	assert_memory_equal(parsed->port.mac, none, 6);
	assert_string_equal(parsed->port.fabric, "sink");
	assert_int_equal(parsed->port.mtu, 1500);
	assert_int_equal(parsed->port.queues, 16);
	assert_false(parsed->port.check_source);
	assert_int_equal(parsed->port.speed, 0);
	test_free(parsed);
}

static void all_keys_are_read(void **state)
{
	static const uint8_t mac[6] = { 0x00, 0x0d, 0x3a, 0x76, 0x3b, 0xd0 };
	struct parsed *parsed =
		parse("source=check,queues=64,mtu=9000,fabric=tap:tap0,speed=400000,"
		      "mac=00:0D:3a:76:3B:d0");

	(void)state;
	assert_int_equal(parsed->err, 0);
	assert_memory_equal(parsed->port.mac, mac, 6);
	assert_string_equal(parsed->port.fabric, "tap:tap0");
	assert_int_equal(parsed->port.mtu, 9000);
	assert_int_equal(parsed->port.queues, 64);
	assert_true(parsed->port.check_source);
	assert_int_equal(parsed->port.speed, ADAPTER_SPEED_MAX);
	test_free(parsed);
}

static void the_smallest_values_are_allowed(void **state)
{
	struct parsed *parsed = parse("mtu=576,queues=1,source=any,speed=1");

	(void)state;
	assert_int_equal(parsed->err, 0);
	assert_int_equal(parsed->port.mtu, ADAPTER_MTU_MIN);
	assert_int_equal(parsed->port.queues, 1);
	assert_false(parsed->port.check_source);
	assert_int_equal(parsed->port.speed, 1);
	test_free(parsed);
}

/* A fabric's own options have commas in them; only what is a key ends them. */
static void a_fabric_keeps_its_commas(void **state)
{
	struct parsed *parsed = parse("fabric=generator:size=64,flows=8,rate=1000,queues=4");

	(void)state;
	assert_int_equal(parsed->err, 0);
	assert_string_equal(parsed->port.fabric, "generator:size=64,flows=8,rate=1000");
	assert_int_equal(parsed->port.queues, 4);
	test_free(parsed);
}

static void the_last_of_a_repeated_key_counts(void **state)
{
	struct parsed *parsed = parse("mtu=9000,mtu=1400");

	(void)state;
	assert_int_equal(parsed->err, 0);
	assert_int_equal(parsed->port.mtu, 1400);
	test_free(parsed);
}

static void an_invalid_mac_address_is_refused(void **state)
{
	static const char *const texts[] = {
		"mac=",
		"mac=00:0d:3a:76:3b",
		"mac=00:0d:3a:76:3b:d0:01",
		"mac=00:0d:3a:76:3b:d0 ",
		"mac=000d3a763bd0",
		"mac=00-0d-3a-76-3b-d0",
		"mac=00:0d:3a:76:3b:dg",
		"mac=01:0d:3a:76:3b:d0", /* to several */
		"mac=ff:ff:ff:ff:ff:ff",
		"mac=00:00:00:00:00:00",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused(texts[i], "unicast MAC address");
}

static void invalid_numbers_are_refused(void **state)
{
	static const char *const values[] = {
		"", "x", "1500x", "-1", "0", "65537", "99999999999999999999"
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(text, sizeof(text), "mtu=%s", values[i]);
		assert_refused(text, "576 to 9000 bytes");
		snprintf(text, sizeof(text), "queues=%s", values[i]);
		assert_refused(text, "queues must be 1 to 64");
	}
	assert_refused("mtu=575", "'575'");
	assert_refused("mtu=9001", "'9001'");
	assert_refused("queues=65", "'65'");
	assert_refused("speed=0", "1 to 400000 Mbit/s");
	assert_refused("speed=400001", "'400001'");
	assert_refused("speed=25G", "'25G'");
}

static void unknown_keys_and_values_are_refused(void **state)
{
	(void)state;
	assert_refused("source=", "'check' or 'any'");
	assert_refused("source=checked", "'check' or 'any'");
	assert_refused("rate=10", "unknown key 'rate'");
	assert_refused("sink", "not KEY=VALUE");
	assert_refused("mtu", "not KEY=VALUE");
	assert_refused("=", "unknown key ''");
	/* Not a key, so it belongs to the number before it */
	assert_refused("mtu=1500,rate=10", "'1500,rate=10'");
	assert_refused("mtu=1500,", "'1500,'");
	assert_refused("MTU=1500", "unknown key 'MTU'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_filled_in),
		cmocka_unit_test(all_keys_are_read),
		cmocka_unit_test(the_smallest_values_are_allowed),
		cmocka_unit_test(a_fabric_keeps_its_commas),
		cmocka_unit_test(the_last_of_a_repeated_key_counts),
		cmocka_unit_test(an_invalid_mac_address_is_refused),
		cmocka_unit_test(invalid_numbers_are_refused),
		cmocka_unit_test(unknown_keys_and_values_are_refused),
	};

	return cmocka_run_group_tests_name("cli/port", tests, NULL, NULL);
}
