/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/packages.h: the tree's own share/packages, what it answers, and files with mistakes.
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

#include "host/machine/packages.h"
#include "tree.h"

static struct packages *packages;
static struct host host;

static int setup(void **state)
{
	struct error error;

	(void)state;
	if (tree_open(&host, NULL))
		return -1;
	if (packages_open(&packages, PACKAGES_FILE, &error)) {
		print_error("%s\n", error.text);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	packages_close(packages);
	return tree_close(&host);
}

/* What is asked of which machine, and the command; NULL: none is known to bring it */
static const struct {
	const char *id, *version, *kernel, *module;
	enum packages_state state;
	const char *install;
} modules[] = {
	/* Debian 12's kernel has no mana_ib in any flavour; the one of its backports has. */
	{ "debian", "12", "6.1.0-18-cloud-amd64", "mana_ib", PACKAGES_LACKS,
	  "sudo apt-get install -t bookworm-backports linux-image-cloud-amd64 && sudo reboot" },
	{ "debian", "12", "6.1.0-18-amd64", "mana_ib", PACKAGES_LACKS,
	  "sudo apt-get install -t bookworm-backports linux-image-cloud-amd64 && sudo reboot" },
	{ "debian", "12", "6.1.0-18-cloud-amd64", "mana", PACKAGES_HAS,
	  "sudo apt-get install --reinstall linux-image-$(uname -r)" },
	{ "debian", "12", "6.12.95+deb12-cloud-amd64", "mana_ib", PACKAGES_HAS,
	  "sudo apt-get install --reinstall linux-image-$(uname -r)" },
	{ "debian", "13", "6.12.117+deb13-amd64", "mana_ib", PACKAGES_HAS,
	  "sudo apt-get install --reinstall linux-image-$(uname -r)" },
	{ "ubuntu", "22.04", "5.15.0-1030-azure", "mana_ib", PACKAGES_LACKS,
	  "sudo apt-get install linux-azure && sudo reboot" },
	{ "ubuntu", "22.04", "5.15.0-1102-azure", "mana_ib", PACKAGES_EXTRA,
	  "sudo apt-get install linux-modules-extra-$(uname -r)" },
	{ "ubuntu", "20.04", "5.4.0-1010-azure", "mana", PACKAGES_LACKS,
	  "sudo apt-get install linux-azure && sudo reboot" },
	{ "ubuntu", "22.04", "6.5.0-1025-azure", "mana_ib", PACKAGES_EXTRA,
	  "sudo apt-get install linux-modules-extra-$(uname -r)" },
	{ "ubuntu", "24.04", "6.8.0-1028-azure", "mana_ib", PACKAGES_EXTRA,
	  "sudo apt-get install linux-modules-extra-$(uname -r)" },
	{ "ubuntu", "26.04", "7.0.0-1021-azure", "mana_ib", PACKAGES_HAS,
	  "sudo apt-get install --reinstall linux-modules-$(uname -r)" },
	{ "ubuntu", "24.04", "6.8.0-1046-azure", "mana_ib", PACKAGES_HAS,
	  "sudo apt-get install --reinstall linux-modules-$(uname -r)" },
	{ "ubuntu", "24.04", "6.8.0-45-generic", "mana_ib", PACKAGES_UNKNOWN,
	  "sudo apt-get install linux-azure && sudo reboot" },
	{ "rhel", "8.8", "4.18.0-477.27.1.el8_8.x86_64", "mana_ib", PACKAGES_LACKS,
	  "sudo dnf install kernel kernel-modules && sudo reboot" },
	{ "rhel", "8.10", "4.18.0-553.el8_10.x86_64", "mana_ib", PACKAGES_EXTRA,
	  "sudo dnf install kernel-modules-$(uname -r)" },
	{ "rhel", "9.4", "5.14.0-427.13.1.el9_4.x86_64", "uio_hv_generic", PACKAGES_EXTRA,
	  "sudo dnf install kernel-modules-$(uname -r)" },
	{ "almalinux", "9.2", "5.14.0-284.11.1.el9_2.x86_64", "mana_ib", PACKAGES_LACKS,
	  "sudo dnf install kernel kernel-modules && sudo reboot" },
	{ "azurelinux", "3.0", "6.6.134.1-1.azl3", "mana_ib", PACKAGES_LACKS, NULL },
	{ "azurelinux", "3.0", "6.6.100.mshv1-1.azl3", "mana", PACKAGES_LACKS,
	  "sudo tdnf install kernel && sudo reboot" },
	{ "mariner", "2.0", "5.15.202.1-1.cm2", "mana_ib", PACKAGES_LACKS, NULL },
	{ "sles", "15.6", "6.4.0-150600.23.25-default", "mana_ib", PACKAGES_HAS,
	  "sudo zypper install --force kernel-default" },
	{ "arch", "", "6.17.1-arch1-1", "mana_ib", PACKAGES_UNKNOWN, NULL },
	{ "debian", "11", "5.10.0-30-cloud-amd64", "mana_ib", PACKAGES_UNKNOWN, NULL },
	{ "debian", "13", "6.12.117+deb13-amd64", "no_such_module", PACKAGES_UNKNOWN, NULL },
};

static struct distro distro_of(const char *id, const char *version)
{
	struct distro distro = { .id = "" };

	strcpy(distro.id, id);
	strcpy(distro.version, version);
	return distro;
}

static void which_module(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		struct distro distro = distro_of(modules[i].id, modules[i].version);
		struct packages_answer answer;

		packages_module(packages, &distro, modules[i].kernel, modules[i].module, &answer);
		if (answer.state != modules[i].state ||
		    strcmp(answer.install, modules[i].install ? modules[i].install : ""))
			fail_msg("%s %s, %s, %s: state %d, '%s'", modules[i].id, modules[i].version,
				 modules[i].kernel, modules[i].module, (int)answer.state,
				 answer.install);
		assert_int_equal(answer.reboot, strstr(answer.install, "reboot") != NULL);
	}
}

/** releases() - of the file, in its words: those that have a module, without any that lacks it */
static void others(void **state)
{
	struct distro azure = distro_of("azurelinux", "3.0");
	struct packages_answer answer;

	(void)state;
	packages_module(packages, &azure, "6.6.134.1-1.azl3", "mana_ib", &answer);
	assert_string_equal(
		answer.others,
		"Debian 12, 13; Ubuntu 20.04, 22.04, 24.04, 26.04; RHEL 8, 9, 10; SLES 15.4, "
		"15.5, 15.6, 15.7");
	packages_module(packages, &azure, "6.6.134.1-1.azl3", "no_such_module", &answer);
	assert_string_equal(answer.others, "");
	packages_library(packages, &azure, "libmana", &answer);
	assert_string_equal(answer.install, "sudo tdnf install rdma-core libibverbs");
	assert_null(strstr(answer.others, "22.04"));
}

static void which_library(void **state)
{
	static const struct {
		const char *id, *version;
		enum packages_state state;
		const char *install;
	} libraries[] = {
		{ "debian", "12", PACKAGES_HAS,
		  "sudo apt-get install rdma-core ibverbs-providers" },
		{ "ubuntu", "20.04", PACKAGES_LACKS, "" },
		{ "ubuntu", "22.04", PACKAGES_LACKS, "" },
		{ "ubuntu", "24.04", PACKAGES_HAS,
		  "sudo apt-get install rdma-core ibverbs-providers" },
		{ "ubuntu", "26.04", PACKAGES_HAS,
		  "sudo apt-get install rdma-core ibverbs-providers" },
		{ "rocky", "9.4", PACKAGES_HAS, "sudo dnf install rdma-core libibverbs" },
		{ "mariner", "2.0", PACKAGES_LACKS, "" },
		{ "sles", "15.6", PACKAGES_HAS,
		  "sudo zypper install rdma-core libibverbs1 libmana1" },
		{ "arch", "", PACKAGES_UNKNOWN, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
		struct distro distro = distro_of(libraries[i].id, libraries[i].version);
		struct packages_answer answer;

		packages_library(packages, &distro, "libmana", &answer);
		assert_int_equal(answer.state, libraries[i].state);
		assert_string_equal(answer.install, libraries[i].install);
	}
}

static void newer_kernels(void **state)
{
	struct distro distro = distro_of("azurelinux", "3.0");
	struct packages_answer answer;

	(void)state;
	packages_upgrade(packages, &distro, "6.6.121.1-1.azl3", "mana_ib", &answer);
	assert_string_equal(answer.install, "");
	packages_upgrade(packages, &distro, "6.12.57.1-1.azl3", "mana", &answer);
	assert_string_equal(answer.install, "sudo tdnf install kernel-hwe && sudo reboot");
	distro = distro_of("ubuntu", "22.04");
	packages_upgrade(packages, &distro, "6.2.0-1018-azure", "mana_ib", &answer);
	assert_string_equal(answer.install, "sudo apt-get install linux-azure && sudo reboot");
	assert_true(packages_too_old(packages, &distro, "6.2.0-1018-azure"));
	assert_false(packages_too_old(packages, &distro, "6.8.0-1062-azure"));
	distro = distro_of("rocky", "9.6");
	assert_true(packages_too_old(packages, &distro, "5.14.0-570.12.1.el9_6.x86_64"));
	assert_false(packages_too_old(packages, &distro, "5.14.0-570.58.1.el9_6.x86_64"));
	distro = distro_of("rhel", "9.4");
	assert_false(packages_too_old(packages, &distro, "5.14.0-427.13.1.el9_4.x86_64"));
}

static void whose_kernel(void **state)
{
	struct distro distro;

	(void)state;
	assert_true(packages_of_kernel(packages, "6.6.121.1-1.azl3", &distro));
	assert_string_equal(distro.id, "azurelinux");
	assert_string_equal(distro.name, "Azure Linux 3");
	assert_true(packages_of_kernel(packages, "6.8.0-1020-azure", &distro));
	assert_string_equal(distro.id, "ubuntu");
	assert_string_equal(distro.name, "Ubuntu");
	assert_false(packages_of_kernel(packages, "6.17.1-arch1-1", &distro));
	assert_string_equal(distro.id, "");
}

/** the commands as a diagnosis prints them; in a container none for a kernel, and none with sudo */
static void commands(void **state)
{
	struct distro distro = distro_of("debian", "12");

	(void)state;
	for (int i = 0; i < PACKAGES; i++)
		assert_null(distro_install(&distro, (enum distro_package)i));
	distro_commands(&distro, packages, "6.1.0-18-cloud-amd64", false);
	assert_string_equal(distro_install(&distro, PACKAGE_RDMA),
			    "sudo apt-get install rdma-core ibverbs-providers");
	assert_null(distro_install(&distro, PACKAGE_MODULES));
	assert_non_null(strstr(distro_install(&distro, PACKAGE_KERNEL), "bookworm-backports"));
	distro = distro_of("azurelinux", "3.0");
	distro_commands(&distro, packages, "6.6.134.1-1.azl3", false);
	assert_null(distro_install(&distro, PACKAGE_KERNEL));
	assert_string_equal(distro_install(&distro, PACKAGE_NEWER_KERNEL),
			    "sudo tdnf install kernel && sudo reboot");
	distro = distro_of("azurelinux", "3.0");
	distro_commands(&distro, packages, "6.6.134.1-1.azl3", true);
	assert_string_equal(distro_install(&distro, PACKAGE_RDMA),
			    "tdnf install rdma-core libibverbs");
	assert_null(distro_install(&distro, PACKAGE_NEWER_KERNEL));
}

static void needs(void **state)
{
	static const struct {
		const char *id, *like, *begins, *has;
	} distros[] = {
		{ "debian", "", "apt-get install -y --no-install-recommends gcc ",
		  " libnuma-dev " },
		{ "pop", "ubuntu debian", "apt-get install ", " meson " },
		{ "ol", "fedora", "dnf install -y --setopt=", " numactl-devel " },
		{ "fedora", "", "dnf install -y gcc ", " numactl-devel " },
		{ "azurelinux", "", "tdnf install -y gcc ", " libnuma-devel " },
		{ "sles", "suse", "zypper --non-interactive install gcc ", " libelf-devel " },
	};
	struct distro distro = { .id = "arch" };
	char command[2048];

	(void)state;
	assert_true(packages_needed(packages, &distro, "dpdk", command, sizeof(command)));
	assert_string_equal(command, "");
	for (size_t i = 0; i < sizeof(distros) / sizeof(distros[0]); i++) {
		strcpy(distro.id, distros[i].id);
		strcpy(distro.like, distros[i].like);
		assert_true(packages_needed(packages, &distro, "dpdk", command, sizeof(command)));
		assert_int_equal(strncmp(command, distros[i].begins, strlen(distros[i].begins)), 0);
		if (!strstr(command, distros[i].has))
			fail_msg("%s: %s", distro.id, command);
		/* Each once, though libibverbs and libmana are in one package */
		assert_null(strstr(strstr(command, " meson") + 1, " meson "));
		assert_false(packages_needed(packages, &distro, "dpdk", command, 60));
	}
}

#define DISTRIBUTION "Distribution: x\nName: X\nInstall: a\nReinstall: c\n"
#define RELEASE      "Release: x 1\nKernel: *\nSource: s\n"

static void mistakes(void **state)
{
	static const struct {
		const char *text, *message;
	} files[] = {
		{ "nonsense\n", ":1: expected 'Field: value', a comment, or an empty line" },
		{ "Nam: x\n", ":1: unknown field 'Nam'" },
		{ "# a\n\nName: \n", ":3: Name is empty" },
		{ "Name: x\nName: y\n", ":2: duplicate Name" },
		{ "Name: x\n", ":1: a block needs one of Distribution, Release, Family and Need" },
		{ "Distribution: x\nRelease: x 1\n",
		  ":1: a block needs only one of Distribution and Release" },
		{ "Distribution: x\nName: X\n", ":1: it needs either As, or Install" },
		{ "Distribution: x\nName: X\nAs: y\nInstall: a\nReinstall: c\n",
		  ":1: it needs either As, or Install" },
		{ DISTRIBUTION "Has: mana\n", ":1: Has is not a field of such a block" },
		{ DISTRIBUTION "\nRelease: x\nKernel: *\nSource: s\n", ":6: Release: an ID and" },
		{ "Release: x 1\nSource: s\n", ":1: a release needs either Kernel or Library" },
		{ "Release: x 1\nKernel: *\nLibrary: 4\nSource: s\n", ":1: a release needs" },
		{ "Release: x 1\nKernel: *\n", ":1: there is no Source" },
		{ RELEASE "Extra: mana\n", ":1: Extra: a package, a colon, and its modules" },
		{ "Family: x\nIds: x\nNames: Debian\nElse: e\n", ":1: a family needs Ids, Names" },
		{ "Family: x\nIds: x\nNames: Arch\nAdd: a\nElse: e\n", ":1: Names: Debian, RHEL" },
		{ "Need: x\nFor: build\n", ":1: a need needs For and Found" },
		{ "Need: x\nFor: build\nFound: libc\nAt-Least: 2\n", ":1: At-Least and Older go" },
		{ "Need: x\nFor: build\nFound: libc\nAdd: a\n", ":1: Add is not a field of such" },
	};
	struct packages *read;
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		tree_put(files[i].text, "packages");
		assert_int_equal(packages_open(&read, tree_path("packages"), &error), -EINVAL);
		assert_null(read);
		if (!strstr(error.text, files[i].message))
			fail_msg("%s: %s", files[i].text, error.text);
	}
	tree_put(DISTRIBUTION "\n" RELEASE, "packages");
	assert_int_equal(packages_open(&read, tree_path("packages"), &error), 0);
	packages_close(read);
	assert_int_equal(packages_open(&read, "/no/such/file", &error), -ENOENT);
	assert_non_null(strstr(error.text, "/no/such/file"));
	assert_int_equal(packages_open(&read, "/dev/zero", &error), -EINVAL);
	assert_int_equal(packages_open(&read, "/proc", &error), -EINVAL);
	assert_int_equal(tree_run("printf 'Name: x\\0y\\n' >\"$1\"/packages"), 0);
	assert_int_equal(packages_open(&read, tree_path("packages"), &error), -EINVAL);
}

static void too_many_blocks(void **state)
{
	struct packages *read;
	struct error error;
	char *text = malloc(1100 * 40), *at = text;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < 1100; i++)
		at = stpcpy(at, RELEASE "\n");
	tree_put(text, "packages");
	free(text);
	assert_int_equal(packages_open(&read, tree_path("packages"), &error), -EINVAL);
	assert_non_null(strstr(error.text, "more than 1024 blocks"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_module),    cmocka_unit_test(others),
		cmocka_unit_test(which_library),   cmocka_unit_test(newer_kernels),
		cmocka_unit_test(whose_kernel),    cmocka_unit_test(commands),
		cmocka_unit_test(needs),           cmocka_unit_test(mistakes),
		cmocka_unit_test(too_many_blocks),
	};

	return cmocka_run_group_tests_name("host packages", tests, setup, teardown);
}
