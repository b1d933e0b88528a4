/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/dpdk.c - any record of an installation of DPDK, ELF file, and libdpdk.pc.
 *
 * Input: a byte, and a file. The byte modulo 3 says which: the record below a prefix, by which
 * "dpdk uninstall" removes files, as root; a program; or a libdpdk.pc. What must hold: a record
 * removes nothing that is not below its prefix, neither by .. nor through a symbolic link, and no
 * name of what is found is longer than its place.
 */
#include "host/dpdk/dpdk.h"
#include "host/dpdk/record.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PREFIX  "prefix"
#define PACKAGE "usr/lib/x86_64-linux-gnu/pkgconfig/libdpdk.pc"

static struct host host = { .fd = -1 };

static void start(void)
{
	struct error error;

	scratch_start();
	scratch_directories("outside/sub/");
	scratch_directories(PREFIX "/lib/dpdk/");
	scratch_directories(PREFIX "/" DPDK_RECORD);
	scratch_directories(PACKAGE);
	scratch_write("outside/keep", "keep", 4);
	scratch_write("outside/sub/keep", "keep", 4);
	scratch_write("usr/lib/x86_64-linux-gnu/librte_eal.so.23.0", "", 0);
	scratch_write("usr/lib/x86_64-linux-gnu/librte_net_mana.so.23", "", 0);
	require(host_open(scratch, &host, &error) == 0);
}

/** tree() - what an installation left below the prefix; what is there already stays */
static void tree(void)
{
	scratch_directories(PREFIX "/lib/dpdk/");
	scratch_directories(PREFIX "/" DPDK_RECORD);
	scratch_write(PREFIX "/lib/a", "", 0);
	scratch_write(PREFIX "/lib/dpdk/b", "", 0);
	if (faccessat(scratch_fd, PREFIX "/out", F_OK, AT_SYMLINK_NOFOLLOW))
		require(!symlinkat("../outside", scratch_fd, PREFIX "/out"));
	if (faccessat(scratch_fd, PREFIX "/lib/sub", F_OK, AT_SYMLINK_NOFOLLOW))
		require(!symlinkat("../../outside/sub", scratch_fd, PREFIX "/lib/sub"));
}

static void undo(const uint8_t *data, size_t size)
{
	struct error error = { .text = "" };
	char prefix[64];
	size_t removed = 0;

	tree();
	scratch_write(PREFIX "/" DPDK_RECORD, data, size);
	snprintf(prefix, sizeof(prefix), "%s/" PREFIX, scratch);
	if (dpdk_record_undo(prefix, &removed, &error))
		require(*error.text);
	require(!faccessat(scratch_fd, "outside/keep", F_OK, 0) &&
		!faccessat(scratch_fd, "outside/sub/keep", F_OK, 0));
}

static void look_at(const struct dpdk_list *list)
{
	const char *why = NULL;

	for (size_t i = 0; i < list->n; i++) {
		const struct dpdk *dpdk = &list->dpdk[i];

		require(memchr(dpdk->prefix, 0, DPDK_PATH) && memchr(dpdk->libdir, 0, DPDK_PATH) &&
			memchr(dpdk->pkgconfig, 0, DPDK_PATH) &&
			memchr(dpdk->version, 0, sizeof(dpdk->version)) &&
			memchr(dpdk->abi, 0, sizeof(dpdk->abi)));
		dpdk_can_drive(dpdk, &why);
		require(why != NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dpdk_list list = { 0 };

	if (!size)
		return 0;
	if (host.fd < 0)
		start();
	switch (data[0] % 3) {
	case 0:
		undo(data + 1, size - 1);
		return 0;
	case 1:
		scratch_write("program", data + 1, size - 1);
		dpdk_program(&host, "/program", &list);
		break;
	default:
		scratch_write(PACKAGE, data + 1, size - 1);
		require(dpdk_find(&host, &list) == 0 && list.n == 1);
	}
	look_at(&list);
	dpdk_list_free(&list);
	return 0;
}
