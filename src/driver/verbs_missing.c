/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/verbs_missing.c - in place of verbs*.c where rdma-core has no libmana (before 44).
 *
 * Adapters in software are reached without it.
 */
#include <errno.h>

#include "base/log.h"
#include "driver/driver.h"

int driver_open_verbs(const char *pci, const struct driver_allocator *allocator,
		      struct driver **driver)
{
	(void)allocator;
	(void)driver;
	log_say(LOG_ERROR,
		"%s: cannot use an adapter through the kernel: this driver was built without libmana; build it with rdma-core 44 or later",
		pci);
	return -ENOTSUP;
}
