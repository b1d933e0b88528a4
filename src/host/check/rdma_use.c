/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The section about RDMA applications (ibv_rc_pingpong, perftest, rping), which DPDK does not need:
 * what this kernel, this rdma-core and the adapter's ports have for them. A machine may
 * need none of it, so nothing here is worse than a note.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/check/exam.h"
#include "host/machine/limit.h"
#include "host/machine/module.h"
#include "host/machine/rdma.h"
#include "host/machine/rdma_ability.h"

#define LIST_SIZE  400u
#define HEADERS    84u /* IPv6, UDP, and of RoCE BTH, RETH, immediate data and ICRC */

/* The first release of rdma-core with each ability */
#define CORE_RC    53u
#define CORE_ERROR 57u /* commits 8c7b201b5, 1ed5bdc22 */
#define CORE_SGE   61u /* dc9f5515a */
#define CORE_MW    63u /* 4c1aee0a7 */
#define CORE_UC    65u /* pull request 1719 */

static const char *const ability_names[] = {
	[RDMA_RC] = "RC queue pairs",
	[RDMA_UD] =
		"UD and GSI queue pairs of the kernel, which rdma_cm needs (rping, perftest -R)",
	[RDMA_UC] = "UC queue pairs",
	[RDMA_DMABUF] = "memory regions of dma-buf",
	[RDMA_WINDOWS] = "memory windows",
};

/** list_abilities() - the names of those of which this is known; false: none */
static bool list_abilities(const struct rdma_kernel *kernel, enum rdma_known known,
			   char list[LIST_SIZE])
{
	size_t len = 0;

	*list = '\0';
	for (size_t i = 0; i < RDMA_ABILITIES; i++)
		if (kernel->has[i] == known && len < LIST_SIZE)
			len += (size_t)snprintf(list + len, LIST_SIZE - len, "%s%s",
						len ? ", " : "", ability_names[i]);
	return len > 0;
}

/** judge_seen() - a kernel whose module is loaded, and says what it has */
static void judge_seen(struct exam *exam, const struct rdma_kernel *kernel)
{
	char has[LIST_SIZE], lacks[LIST_SIZE];

	list_abilities(kernel, RDMA_LACKS, lacks);
	if (!list_abilities(kernel, RDMA_HAS, has) || kernel->has[RDMA_RC] != RDMA_HAS)
		find(exam, VERDICT_NOTE, NULL, "for RC, boot a kernel that has it; Linux 6.12 does",
		     "mana_ib of this kernel makes raw queue pairs, for DPDK, and no RC ones: no "
		     "application of RDMA works");
	else if (kernel->has[RDMA_UD] != RDMA_HAS)
		find(exam, VERDICT_NOTE, NULL,
		     "for rdma_cm, boot a kernel that has these; Linux 7.2 does",
		     "mana_ib of this kernel has %s; it lacks %s", has, lacks);
	else
		find(exam, VERDICT_OK, NULL, NULL, "mana_ib of this kernel has %s%s%s", has,
		     *lacks ? "; it lacks " : "", lacks);
}

void check_rdma_kernel(struct exam *exam)
{
	enum module_state state = MODULE_MISSING;
	char has[LIST_SIZE], rest[LIST_SIZE];
	struct rdma_kernel kernel;

	rdma_kernel_read(exam->host, exam->release, &kernel);
	if (kernel.seen) {
		judge_seen(exam, &kernel);
		return;
	}
	if (!*exam->release || module_state(exam->host, "mana_ib", &state)) {
		find(exam, VERDICT_UNKNOWN, NULL, NULL, "its release and modules cannot be read");
		return;
	}
	if (state == MODULE_MISSING) {
		find(exam, VERDICT_NOTE, NULL, NULL,
		     "this kernel has no mana_ib, so there is no RDMA on MANA");
		return;
	}
	if (list_abilities(&kernel, RDMA_HAS, has))
		find(exam, VERDICT_OK, NULL, NULL, "%s: Linux of this release has %s%s%s",
		     exam->release, has,
		     list_abilities(&kernel, RDMA_UNKNOWN, rest) ? "; not known: " : "", rest);
	else
		find(exam, VERDICT_UNKNOWN, NULL,
		     state == MODULE_PRESENT ? "sudo modprobe mana_ib" : NULL,
		     "cannot determine which queue pairs mana_ib of %s supports besides DPDK's raw "
		     "ones: %s",
		     exam->release,
		     state == MODULE_PRESENT
			     ? "it is not loaded, and distributions backport to such kernels"
			     : "there is no /sys/kernel/btf/mana_ib, and distributions backport to "
			       "such kernels");
}

/** core_has_rc() - does libmana make RC queue pairs? @missing: there is no libmana */
static enum rdma_known core_has_rc(const struct exam *exam, const struct rdma_core *core,
				   bool *missing)
{
	struct rdma_providers providers;
	const struct rdma_provider *mana;
	enum rdma_known known;

	rdma_providers_read(exam->host, core, &providers);
	mana = rdma_named(&providers, "mana");
	*missing = !mana || !*mana->path;
	known = *missing ? RDMA_LACKS : mana->shadow;
	if (!*missing && known == RDMA_UNKNOWN && core->version)
		known = core->version >= CORE_RC ? RDMA_HAS : RDMA_LACKS;
	rdma_providers_free(&providers);
	return known;
}

void check_rdma_library(struct exam *exam)
{
	struct rdma_core core;
	enum rdma_known rc;
	char words[32] = "";
	bool missing;

	if (rdma_core_read(exam->host, &core)) {
		find(exam, VERDICT_NOTE, NULL, NULL, RDMA_LIBRARY " is not installed");
		return;
	}
	if (core.version)
		snprintf(words, sizeof(words), " %u", core.version);
	rc = core_has_rc(exam, &core, &missing);
	if (missing) {
		find(exam, VERDICT_NOTE, NULL, NULL,
		     "rdma-core%s has no libmana that it would load: see rdma-provider above",
		     words);
		return;
	}
	switch (rc) {
	case RDMA_UNKNOWN:
		find(exam, VERDICT_UNKNOWN, NULL, NULL, "libmana cannot be read");
		return;
	case RDMA_LACKS:
		find(exam, VERDICT_NOTE, NULL, "for RC, install rdma-core 53 or later",
		     "libmana of rdma-core%s makes raw queue pairs, for DPDK, and no RC ones: "
		     "\"Couldn't create QP\" is what an application gets",
		     words);
		return;
	case RDMA_HAS:
		break;
	}
	if (!core.version)
		find(exam, VERDICT_OK, NULL, NULL,
		     "libmana has RC queue pairs; the rest depends on its version, which is not "
		     "known");
	else if (core.version < CORE_ERROR)
		find(exam, VERDICT_NOTE, NULL, "for these, install rdma-core 61 or later",
		     "libmana of rdma-core%s has RC queue pairs; a send that fails ends without a "
		     "completion (with one from 57 on), sends of several SGEs may be wrong (right "
		     "from 61 on), and there are no memory regions of dma-buf (57)",
		     words);
	else if (core.version < CORE_SGE)
		find(exam, VERDICT_NOTE, NULL, "for these, install rdma-core 61 or later",
		     "libmana of rdma-core%s has RC queue pairs, completions of sends that fail, and "
		     "dma-buf; sends of several SGEs may be wrong (right from 61 on)",
		     words);
	else
		find(exam, VERDICT_OK, NULL, NULL,
		     "libmana of rdma-core%s has RC queue pairs, completions of sends that fail, "
		     "dma-buf%s%s; no UD queue pairs for applications%s",
		     words, core.version >= CORE_MW ? ", memory windows" : "",
		     core.version >= CORE_UC ? ", UC queue pairs" : "",
		     core.version >= CORE_UC ? "" : ", and no UC ones");
}

/** judge_gids() - which indices an application may give, as to ibv_rc_pingpong -g */
static void judge_gids(struct exam *exam, const char *subject, const struct rdma_port *port)
{
	static const char *const kinds[] = {
		[RDMA_GID_LOCAL] = "link-local",
		[RDMA_GID_IPV4] = "IPv4",
		[RDMA_GID_IPV6] = "IPv6",
	};
	const char *interface = "";
	bool address = false;
	char list[LIST_SIZE];
	size_t len = 0;

	*list = '\0';
	for (size_t i = 0; i < port->n_gids && len < sizeof(list); i++) {
		const struct rdma_gid *gid = &port->gid[i];

		address |= gid->kind != RDMA_GID_LOCAL;
		interface = *gid->interface ? gid->interface : interface;
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%u %s", len ? ", " : "",
					gid->index, kinds[gid->kind]);
	}
	if (address)
		find(exam, VERDICT_OK, subject, NULL, "GIDs of RoCE v2: index %s%s%s", list,
		     *interface ? ", of " : "", interface);
	else if (port->n_gids)
		find(exam, VERDICT_NOTE, subject,
		     "for a peer elsewhere, give the interface an address: its GID is made from it",
		     "GIDs of RoCE v2: index %s alone, which reaches peers on the same link", list);
	else
		find(exam, VERDICT_NOTE, subject,
		     "set the interface up, and give it an address: a GID is made from it",
		     "no GID of RoCE v2");
}

/** judge_mtu() - the path MTU of a port whose interface has this MTU */
static void judge_mtu(struct exam *exam, const char *subject, unsigned int mtu)
{
	unsigned int path = 256;

	if (mtu < path)
		return;
	while (path < 4096 && path * 2 <= mtu)
		path *= 2;
	if (mtu - path < HEADERS)
		find(exam, VERDICT_NOTE, subject, NULL,
		     "the interface's MTU is %u, so the kernel reports a path MTU of %u, whose "
		     "packets have up to %u bytes of headers more, and may not fit: use %u (-m %u)",
		     mtu, path, HEADERS, path / 2, path / 2);
	else
		find(exam, VERDICT_OK, subject, NULL,
		     "a path MTU of up to %u, as the interface's MTU is %u", path, mtu);
}

/** interface_mtu() - of the VF of an adapter's port; 0: not known */
static unsigned int interface_mtu(const struct exam *exam, const struct mana_adapter *adapter,
				  unsigned int number)
{
	for (size_t i = 0; i < exam->machine.n_ports; i++) {
		const struct mana_port *port = &exam->machine.port[i];

		if (exam_adapter(exam, port) == adapter && port->number + 1 == number)
			return port->mtu;
	}
	return 0;
}

/** judge_ports() - those of a device that have GIDs; the others are for raw queue pairs */
static void judge_ports(struct exam *exam, const struct mana_adapter *adapter, const char *name)
{
	struct rdma_ports ports;
	char subject[RDMA_NAME + 16];
	bool any = false;

	if (rdma_ports_read(exam->host, name, &ports)) {
		find(exam, VERDICT_UNKNOWN, name, NULL, "its ports cannot be read");
		return;
	}
	for (size_t i = 0; i < ports.n; i++) {
		const struct rdma_port *port = &ports.port[i];

		if (!port->table)
			continue;
		any = true;
		snprintf(subject, sizeof(subject), "%s/%u", name, port->number);
		if (strcmp(port->state, "ACTIVE") != 0)
			find(exam, VERDICT_NOTE, subject, "set its interface up",
			     "the port is %s: queue pairs on it send and receive nothing",
			     *port->state ? port->state : "not active");
		judge_gids(exam, subject, port);
		judge_mtu(exam, subject, interface_mtu(exam, adapter, port->number));
	}
	if (!any)
		find(exam, VERDICT_NOTE, name, NULL,
		     "none of its ports has room for a GID: the device is for DPDK's raw queue "
		     "pairs alone");
}

/** judge_files() - /dev/infiniband, as an application without root opens it */
static void judge_files(struct exam *exam, const struct rdma_device *device, bool cm)
{
	const char *fix = container_fix(exam, WANT_INFINIBAND);
	char path[RDMA_NAME + 32];

	if (exam->host->tree && exam->container.kind == CONTAINER_NONE)
		return;
	snprintf(path, sizeof(path), "/dev/infiniband/%s", device->uverbs);
	if (!*device->uverbs || !host_exists(exam->host, "%s", path))
		find(exam, VERDICT_NOTE, device->name, fix ? fix : "sudo udevadm trigger",
		     "%s is not there, so no application finds the device", path);
	else if (host_may(exam->host, R_OK | W_OK, "%s", path) == -EACCES)
		find(exam, VERDICT_NOTE, device->name, NULL, "this user may not open %s", path);
	if (cm && !host_exists(exam->host, "/dev/infiniband/rdma_cm"))
		find(exam, VERDICT_NOTE, device->name, fix ? fix : "sudo modprobe rdma_ucm",
		     "/dev/infiniband/rdma_cm is not there, so rdma_cm does not work (rping, "
		     "perftest -R)");
}

/** judge_locked() - memory regions are locked, and so are the buffers of queues */
static void judge_locked(struct exam *exam)
{
	const char *fix = container_fix(exam, WANT_MEMLOCK);
	struct limits limits;

	if (limits_read(exam->host, &limits))
		return; /* check_memlock() says it */
	if (limits.locked == ULLONG_MAX)
		find(exam, VERDICT_OK, "memlock", NULL,
		     "no limit to the memory that this user may register");
	else
		find(exam, VERDICT_NOTE, "memlock", fix ? fix : "ulimit -l unlimited",
		     "this user may lock %llu KiB; memory regions and queues count, and more than "
		     "that gets ENOMEM",
		     limits.locked >> 10);
}

/** is_for_dpdk() - Linux 6.16 and later create a second device, for raw queue pairs only */
static bool is_for_dpdk(const struct rdma_device *device)
{
	return !strncmp(device->name, "manae_", 6);
}

void check_rdma_ports(struct exam *exam)
{
	struct rdma_devices devices;
	struct rdma_kernel kernel;
	bool any = false;

	rdma_kernel_read(exam->host, exam->release, &kernel);
	rdma_devices_read(exam->host, &devices);
	for (size_t i = 0; i < exam->machine.n_adapters; i++) {
		const struct mana_adapter *adapter = &exam->machine.adapter[i];
		bool dpdk = false, found = false;

		for (size_t j = 0; j < devices.n && adapter->kind != ADAPTER_SOFTWARE; j++) {
			const struct rdma_device *device = &devices.device[j];

			if (strcmp(device->bus, adapter->address) != 0)
				continue;
			if (is_for_dpdk(device)) {
				dpdk = true;
				continue;
			}
			found = any = true;
			judge_ports(exam, adapter, device->name);
			judge_files(exam, device, kernel.has[RDMA_UD] == RDMA_HAS);
		}
		if (dpdk && !found)
			find(exam, VERDICT_NOTE, adapter->address, NULL,
			     "mana_ib made a device for DPDK alone (manae_*): it has none for RDMA "
			     "here");
	}
	if (any)
		judge_locked(exam);
}
