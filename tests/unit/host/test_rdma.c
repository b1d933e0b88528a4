/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/rdma.h and rdma_provider.h. The netlink messages are those of Linux 6.12 with
 * mana_ib on an adapter in software, unchanged. The provider is this machine's own libmana.
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

#include "host/machine/rdma.h"
#include "../emulated.h"

/* RDMA_NLDEV_CMD_GET: index 0, mana_0, ... */
static const _Alignas(4) unsigned char answer_get[] = {
	0x74, 0x00, 0x00, 0x00, 0x01, 0x14, 0x02, 0x00, 0x01, 0x00, 0x00, 0x00, 0xda, 0x00, 0x00,
	0x00, 0x08, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0b, 0x00, 0x02, 0x00, 0x6d, 0x61,
	0x6e, 0x61, 0x5f, 0x30, 0x00, 0x00, 0x08, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x00, 0x0c,
	0x00, 0x04, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0c, 0x00, 0x06, 0x00,
	0x01, 0x00, 0x00, 0xfe, 0xff, 0x3a, 0x0d, 0x02, 0x0c, 0x00, 0x07, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x00, 0x0e, 0x00, 0x01, 0x00, 0x00, 0x00, 0x05, 0x00,
	0x54, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x00, 0x65, 0x00, 0x00, 0x00, 0x00, 0x00, 0x09,
	0x00, 0x43, 0x00, 0x72, 0x6f, 0x63, 0x65, 0x00, 0x00, 0x00, 0x00,
};

/* RDMA_NLDEV_CMD_GET_CHARDEV: driver id 20, uverbs0; @ID: where the id is */
static const _Alignas(4) unsigned char answer_chardev[] = {
	0x3c, 0x00, 0x00, 0x00, 0x0f, 0x14, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0xda, 0x00, 0x00,
	0x00, 0x08, 0x00, 0x49, 0x00, 0x14, 0x00, 0x00, 0x00, 0x0c, 0x00, 0x48, 0x00, 0xc0, 0xe7,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0c, 0x00, 0x47, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x0c, 0x00, 0x46, 0x00, 0x75, 0x76, 0x65, 0x72, 0x62, 0x73, 0x30, 0x00,
};

static struct rdma_devices one_device(void)
{
	static struct rdma_devices devices;

	memset(&devices, 0, sizeof(devices));
	strcpy(devices.device[0].name, "mana_0");
	devices.n = 1;
	return devices;
}

static void answers(void **state)
{
	struct rdma_devices devices = one_device();

	(void)state;
	assert_int_equal(rdma_parse(answer_chardev, sizeof(answer_chardev), &devices), 0);
	assert_false(devices.device[0].has_driver_id); /* that comes with the next message */
	assert_int_equal(rdma_parse(answer_get, sizeof(answer_get), &devices), 0);
	assert_true(devices.device[0].has_index);
	assert_int_equal(devices.device[0].index, 0);
	assert_int_equal(rdma_parse(answer_chardev, sizeof(answer_chardev), &devices), 0);
	assert_true(devices.device[0].has_driver_id);
	assert_int_equal(devices.device[0].driver_id, 20);
	assert_string_equal(devices.device[0].uverbs, "uverbs0");
}

static void answers_for_others(void **state)
{
	struct rdma_devices devices = one_device();
	_Alignas(4) unsigned char other[sizeof(answer_chardev)];

	(void)state;
	strcpy(devices.device[0].name, "mlx5_0");
	assert_int_equal(rdma_parse(answer_get, sizeof(answer_get), &devices), 0);
	assert_false(devices.device[0].has_index);
	devices = one_device();
	rdma_parse(answer_get, sizeof(answer_get), &devices);
	memcpy(other, answer_chardev, sizeof(other));
	other[8] = 7; /* the sequence number: device 7 */
	assert_int_equal(rdma_parse(other, sizeof(other), &devices), 0);
	assert_false(devices.device[0].has_driver_id);
}

static void no_driver_id(void **state)
{
	struct rdma_devices devices = one_device();
	_Alignas(4) unsigned char old[sizeof(answer_chardev)];

	(void)state;
	rdma_parse(answer_get, sizeof(answer_get), &devices);
	memcpy(old, answer_chardev, sizeof(old));
	old[18] = 0x7f; /* another attribute in its place, as from a kernel without it */
	assert_int_equal(rdma_parse(old, sizeof(old), &devices), 0);
	assert_false(devices.device[0].has_driver_id);
	assert_string_equal(devices.device[0].uverbs, "uverbs0");
}

/* Each in memory of exactly its length, so that a sanitizer sees a byte too far. */
static void cut_and_damaged(void **state)
{
	const struct {
		const unsigned char *bytes;
		size_t size;
	} messages[] = { { answer_get, sizeof(answer_get) },
			 { answer_chardev, sizeof(answer_chardev) } };

	(void)state;
	for (size_t m = 0; m < 2; m++)
		for (size_t len = 0; len < messages[m].size; len++) {
			unsigned char *copy = malloc(len ? len : 1);
			struct rdma_devices devices = one_device();

			assert_non_null(copy);
			memcpy(copy, messages[m].bytes, len);
			assert_int_equal(rdma_parse(copy, len, &devices), -EBADMSG);
			free(copy);
		}
	for (size_t m = 0; m < 2; m++)
		for (size_t at = 0; at < messages[m].size; at++)
			for (int value = 0; value < 256; value += 5) {
				struct rdma_devices devices = one_device();
				unsigned char *copy = malloc(messages[m].size);

				assert_non_null(copy);
				memcpy(copy, messages[m].bytes, messages[m].size);
				copy[at] = (unsigned char)value;
				devices.device[0].has_index = true;
				rdma_parse(copy, messages[m].size, &devices);
				assert_int_equal(devices.n, 1);
				assert_non_null(memchr(devices.device[0].uverbs, 0, RDMA_NAME));
				free(copy);
			}
}

/* ---- providers ---- */

static struct host host;
static struct rdma_core core;
static struct rdma_providers providers;

static int setup(void **state)
{
	struct error error;

	(void)state;
	assert_int_equal(host_open(NULL, &host, &error), 0);
	assert_int_equal(rdma_core_read(&host, &core), 0);
	return rdma_providers_read(&host, &core, &providers);
}

static int teardown(void **state)
{
	(void)state;
	rdma_providers_free(&providers);
	host_close(&host);
	return 0;
}

static const struct rdma_provider *named(const char *name)
{
	for (size_t i = 0; i < providers.n; i++)
		if (!strcmp(providers.provider[i].name, name))
			return &providers.provider[i];
	return NULL;
}

static void this_machines_rdma_core(void **state)
{
	const struct rdma_provider *mana = named("mana"), *mlx5 = named("mlx5");

	(void)state;
	print_message("%s is rdma-core %u; %s/lib*%s; %s\n", core.path, core.version,
		      core.providers, core.suffix, core.configuration);
	assert_true(core.version >= 22);
	assert_int_equal(strncmp(core.suffix, "-rdmav", 6), 0);
	/* RDMA_DRIVER_MANA of rdma/ib_user_ioctl_verbs.h; mlx5's is the first of all. */
	assert_non_null(mlx5);
	assert_int_equal(mlx5->claim.id[0], 1);
	assert_ptr_equal(rdma_claimant(&providers, 20), mana);
	/* libmana came with rdma-core 44. */
	assert_int_equal(mana != NULL, core.version >= 44);
	if (mana) {
		assert_string_equal(mana->claim.name, "mana");
		assert_int_equal(mana->claim.n, 1);
		assert_int_equal(mana->claim.id[0], 20);
	}
	assert_null(rdma_claimant(&providers, 4711));
}

static void a_provider_cut_and_damaged(void **state)
{
	const struct rdma_provider *mlx5 = named("mlx5");
	struct provider_claim claim;
	unsigned char *data, *copy;
	unsigned int seed = 1;
	size_t size;

	(void)state;
	assert_non_null(mlx5);
	assert_int_equal(library_load(&host, mlx5->path, &data, &size), 0);
	for (size_t len = 0; len < size; len += len < 512 ? 1 : 509) {
		copy = malloc(len ? len : 1);
		assert_non_null(copy);
		memcpy(copy, data, len);
		provider_claim_read(copy, len, &claim);
		free(copy);
	}
	copy = malloc(size);
	assert_non_null(copy);
	for (int round = 0; round < 3000; round++) {
		memcpy(copy, data, size);
		for (int i = 0; i < 4; i++) {
			/* The headers, half of the time: there is more to break. */
			size_t at = (size_t)rand_r(&seed) % (round & 1 ? size : 0x1000);

			copy[at] = (unsigned char)rand_r(&seed);
		}
		if (!provider_claim_read(copy, size, &claim)) {
			assert_non_null(memchr(claim.name, 0, sizeof(claim.name)));
			assert_true(claim.n <= PROVIDER_IDS);
		}
	}
	free(copy);
	free(data);
}

static void no_providers(void **state)
{
	static const char *const others[] = { "/etc/passwd", "/proc/self/exe" };
	struct provider_claim claim;

	(void)state;
	assert_int_equal(provider_claim_read((const unsigned char *)"", 0, &claim), -ENOEXEC);
	if (emulated("files that are no providers of rdma-core",
		     "it has another directory for \"/\""))
		return;
	for (size_t i = 0; i < 2; i++) {
		unsigned char *data;
		size_t size;

		assert_int_equal(library_load(&host, others[i], &data, &size), 0);
		assert_int_equal(provider_claim_read(data, size, &claim), i ? -ENOENT : -ENOEXEC);
		assert_int_equal(claim.n, 0);
		free(data);
	}
}

/* ---- what libibverbs picks ---- */

static int pick(const char *stub, struct rdma_pick *picks, struct error *error)
{
	error->text[0] = '\0';
	setenv("STUB", stub, 1);
	return rdma_pick(STUB_LIBRARY, picks, error);
}

static void picks_of_a_library(void **state)
{
	static struct rdma_pick picks[RDMA_DEVICES];
	struct error error;

	(void)state;
	assert_int_equal(pick("good", picks, &error), 2);
	assert_string_equal(picks[0].device, "mana_0");
	assert_string_equal(picks[0].provider, "erdma");
	assert_string_equal(picks[0].file, STUB_LIBRARY);
	assert_string_equal(picks[1].device, "mlx5_0");
	assert_int_equal(pick("none", picks, &error), 0);
}

static void libraries_that_misbehave(void **state)
{
	static struct rdma_pick picks[RDMA_DEVICES];
	struct error error;

	(void)state;
	assert_int_equal(pick("crash", picks, &error), -EIO);
	assert_non_null(strstr(error.text, "crashes"));
	assert_true(pick("wild", picks, &error) < 0);
	assert_int_equal(pick("strange", picks, &error), -EPROTO);
	assert_int_equal(pick("hang", picks, &error), -ETIMEDOUT);
	assert_non_null(strstr(error.text, "within 10 s"));
	assert_int_equal(rdma_pick("libno_such_library.so.1", picks, &error), -ELIBACC);
}

static void this_machines_libibverbs(void **state)
{
	static struct rdma_pick picks[RDMA_DEVICES];
	struct error error = { "" };

	(void)state;
	assert_return_code(rdma_pick("libibverbs.so.1", picks, &error), errno);
	assert_string_equal(error.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(answers_for_others),
		cmocka_unit_test(no_driver_id),
		cmocka_unit_test(cut_and_damaged),
		cmocka_unit_test(this_machines_rdma_core),
		cmocka_unit_test(a_provider_cut_and_damaged),
		cmocka_unit_test(no_providers),
		cmocka_unit_test(picks_of_a_library),
		cmocka_unit_test(libraries_that_misbehave),
		cmocka_unit_test(this_machines_libibverbs),
	};

	return cmocka_run_group_tests_name("host rdma", tests, setup, teardown);
}
