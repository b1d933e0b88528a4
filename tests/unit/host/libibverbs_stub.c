/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A libibverbs that does what the real one cannot be made to do: it crashes, hangs, or has another
 * layout. The environment's STUB says which. The layout is that of infiniband/verbs.h.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ops {
	const char *name;
};

struct device {
	void *dummy[2];
	int node_type, transport_type;
	char name[64], dev_name[64], dev_path[256], ibdev_path[256];
	const struct ops *ops;
};

struct device **ibv_get_device_list(int *n);

struct device **ibv_get_device_list(int *n)
{
	static const struct ops ops = { "erdma" }, strange = { "\x01\x02" };
	static struct device one = { .name = "mana_0", .ops = &ops };
	static struct device two = { .name = "mlx5_0", .ops = &ops };
	static struct device *list[] = { &one, &two, NULL };
	const char *stub = getenv("STUB");

	if (!strcmp(stub, "crash"))
		abort();
	if (!strcmp(stub, "hang"))
		pause();
	if (!strcmp(stub, "wild"))
		one.ops = (const struct ops *)(unsigned long)0x10;
	if (!strcmp(stub, "strange"))
		one.ops = &strange;
	if (!strcmp(stub, "none")) {
		*n = 0;
		return NULL;
	}
	*n = 2;
	return list;
}
