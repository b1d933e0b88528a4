/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/distro.h. The texts are the files of the distributions' own packages, shortened.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "host/machine/distro.h"

static const struct {
	const char *text;
	const char *id, *like, *version, *name;
} files[] = {
	{ "PRETTY_NAME=\"Ubuntu 22.04.3 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"\nID=ubuntu\n"
	  "ID_LIKE=debian\n",
	  "ubuntu", "debian", "22.04", "Ubuntu 22.04.3 LTS" },
	{ "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nVERSION_ID=\"13\"\nID=debian\n", "debian",
	  "", "13", "Debian GNU/Linux 13 (trixie)" },
	{ "NAME=\"Red Hat Enterprise Linux\"\nID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"9.4\"\n"
	  "PRETTY_NAME=\"Red Hat Enterprise Linux 9.4 (Plow)\"\n",
	  "rhel", "fedora", "9.4", "Red Hat Enterprise Linux 9.4 (Plow)" },
	{ "ID='someclone'\nID_LIKE=\"rhel centos fedora\"\n", "someclone", "rhel centos fedora", "",
	  "" },
	{ "ID=azurelinux\nVERSION_ID=\"3.0\"\n", "azurelinux", "", "3.0", "" },
	{ "ID=mariner\nVERSION_ID=\"2.0\"", "mariner", "", "2.0", "" },
	{ "ID=\"sles\"\nID_LIKE=\"suse\"\nVERSION_ID=\"15.6\"\n", "sles", "suse", "15.6", "" },
	{ "ID=arch\n", "arch", "", "", "" },
	{ "", "", "", "", "" },
	{ "ID=\nID_LIKE=\n=\nID\nVERSION_ID=\"", "", "", "", "" },
};

static void parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct distro distro;
		char text[512];

		strcpy(text, files[i].text);
		distro_parse(text, &distro);
		assert_string_equal(distro.like, files[i].like);
		assert_string_equal(distro.id, files[i].id);
		assert_string_equal(distro.version, files[i].version);
		assert_string_equal(distro.name, files[i].name);
	}
}

static void a_name_too_long(void **state)
{
	struct distro distro;
	char text[600] = "ID=";

	(void)state;
	memset(text + 3, 'x', 500);
	distro_parse(text, &distro);
	assert_int_equal(strlen(distro.id), sizeof(distro.id) - 1);
}

static void versions(void **state)
{
	(void)state;
	assert_int_equal(version_compare("6.2", "6.2"), 0);
	assert_true(version_compare("6.12.1", "6.2") > 0);
	assert_true(version_compare("5.15.0-1045-azure", "6.2") < 0);
	assert_true(version_compare("5.15.0-1044-azure", "5.15.0-1045-azure") < 0);
	assert_true(version_compare("5.15.0-1100-azure", "5.15.0-1045-azure") > 0);
	assert_true(version_compare("9.4", "9.4.1") < 0);
	assert_true(version_compare("8.10", "8.9") > 0);
	assert_int_equal(version_compare("", ""), 0);
}

static bool supported(const char *id, const char *version, const char *kernel, const char **older)
{
	struct distro distro = { .id = "" };

	strcpy(distro.id, id);
	strcpy(distro.version, version);
	return distro_supported(&distro, kernel, older);
}

static void images(void **state)
{
	const char *older;

	(void)state;
	assert_true(supported("ubuntu", "20.04", "5.15.0-1045-azure", &older));
	assert_true(supported("ubuntu", "22.04", "5.15.0-1064-azure", &older));
	assert_true(supported("ubuntu", "22.04", "6.2.0-1005-azure", &older));
	assert_false(supported("ubuntu", "22.04", "5.15.0-1030-azure", &older));
	assert_string_equal(older, "5.15.0-1045-azure");
	assert_false(supported("ubuntu", "24.04", "6.8.0-1020-azure", &older));
	assert_null(older);
	assert_true(supported("rhel", "8.9", "4.18.0-513.5.1.el8_9.x86_64", &older));
	assert_true(supported("rhel", "8.10", "4.18.0-553.el8_10.x86_64", &older));
	assert_true(supported("rhel", "9.4", "5.14.0-427.13.1.el9_4.x86_64", &older));
	assert_false(supported("rhel", "9.2", "5.14.0-284.el9_2.x86_64", &older));
	assert_false(supported("debian", "12", "6.1.0-18-cloud-amd64", &older));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),
		cmocka_unit_test(a_name_too_long),
		cmocka_unit_test(versions),
		cmocka_unit_test(images),
	};

	return cmocka_run_group_tests_name("host distro", tests, NULL, NULL);
}
