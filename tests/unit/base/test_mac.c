/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/mac.h"

static void test_text_and_back(void **state)
{
	static const char *const bad[] = { "",
					   "0",
					   "00:0d:3a:76:3b",
					   "00:0d:3a:76:3b:d0:00",
					   "00:0d:3a:76:3b:d",
					   "00.0d.3a.76.3b.d0",
					   "00:0d:3a:76:3b:g0",
					   "000d3a763bd0",
					   " 0:0d:3a:76:3b:d0",
					   "00:0d:3a:76:3b:d0 " };
	uint8_t mac[6] = { 0 }, zero[6] = { 0 };
	char text[MAC_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(mac_parse(bad[i], mac), -EINVAL);
		assert_memory_equal(mac, zero, sizeof(mac));
	}
	assert_int_equal(mac_parse("00-0D-3a-76-3B-d0", mac), 0);
	assert_string_equal(mac_text(mac, text), "00:0d:3a:76:3b:d0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_and_back),
	};

	return cmocka_run_group_tests_name("base/mac", tests, NULL, NULL);
}
