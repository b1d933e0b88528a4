/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/netlink.c - any answer of the kernel about interfaces, addresses, routes and RDMA.
 *
 * Input: a byte, and the kernel's answers (kernel.h), from which the interfaces are read, then the
 * state of each of them is saved as before a handover. If the byte is odd, it is a message about
 * RDMA devices instead. What must hold: what is saved has the form that is accepted later, and when an
 * address or route of it is put back, the message is whole. See saved.c for other saved ones.
 */
#include "host/handover/saved.h"
#include "host/machine/attached.h"
#include "host/machine/rdma.h"
#include "kernel.h"
#include "put_back.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct host *host)
{
	static const uint8_t factory[6] = { 0x60, 0x45, 0xbd };
	struct attachments found;
	struct netdevs netdevs;
	json_t *saved;

	if (netdevs_read(host, &netdevs)) {
		netdevs_free(&netdevs);
		return;
	}
	for (size_t i = 0; i < netdevs.n && i < 4; i++) {
		const struct netdev *dev = &netdevs.dev[i];

		require(strnlen(dev->name, sizeof(dev->name)) < sizeof(dev->name));
		require(dev->index <= 0 || netdevs_by_index(&netdevs, dev->index) != NULL);
		attached_read(host, dev, &found);
		for (size_t a = 0; a < found.n; a++)
			require(memchr(found.item[a].what, 0, sizeof(found.item[a].what)));
		attached_free(&found);
		/* Not by a name that the kernel would not give it; and JSON has UTF-8 */
		if (saved_interface(&netdevs, dev, i & 1 ? factory : NULL, &saved))
			continue;
		require(!*dev->name || saved_ok(saved));
		put_back(saved, "addresses");
		put_back(saved, "routes");
		json_decref(saved);
	}
	netdevs_free(&netdevs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct host host = { .fd = -1 };
	struct rdma_devices devices = { 0 };
	struct error error;

	if (host.fd < 0) {
		scratch_start();
		scratch_write(&HOST_INTERFACES[1], "", 0);
		require(host_open(scratch, &host, &error) == 0);
	}
	if (!size)
		return 0;
	kernel_start(data + 1, size - 1);
	if (data[0] & 1) {
		/* In memory of its own, so that ASan guards its end */
		uint8_t *copy = malloc(size);

		require(copy != NULL);
		memcpy(copy, data + 1, size - 1);
		rdma_parse(copy, size - 1, &devices);
		free(copy);
	} else {
		look_at(&host);
	}
	require(!kernel.sockets);
	return 0;
}
