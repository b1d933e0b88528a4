/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/saved.c - any saved state of an interface, as it is in the journal of setup.
 *
 * Input: a byte, and JSON; if the byte is odd, the digits of a netlink message, which are put into
 * valid JSON here. What must hold: what is accepted can be put back without a message to the kernel
 * that is not whole (kernel.h).
 */
#include "host/handover/saved.h"
#include "kernel.h"
#include "put_back.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *saved, *entry;

	if (!size)
		return 0;
	kernel_start(NULL, 0);
	if (data[0] & 1) {
		entry = json_pack("{s:i, s:s, s:s%}", "family", 4, "text", "", "netlink",
				  (const char *)data + 1, size - 1);
		if (!entry)
			return 0;
		saved = json_pack("{s:s, s:i, s:b, s:i, s:i, s:[o], s:[]}", "name", "eth1", "index",
				  2, "up", 1, "mtu", 1500, "at", 0, "addresses", entry, "routes");
		require(saved && saved_ok(saved));
	} else {
		saved = json_loadb((const char *)data + 1, size - 1, 0, NULL);
	}
	if (saved && saved_ok(saved)) {
		put_back(saved, "addresses");
		put_back(saved, "routes");
	}
	json_decref(saved);
	require(!kernel.sockets);
	return 0;
}
