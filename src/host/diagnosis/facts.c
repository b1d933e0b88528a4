/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/diagnosis/facts.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/known/kernel_version.h"
#include "host/machine/container.h"
#include "host/machine/distro.h"
#include "host/machine/hugepage.h"
#include "host/machine/hugetlb.h"
#include "host/machine/limit.h"
#include "host/machine/module.h"
#include "host/machine/packages.h"
#include "host/machine/port.h"
#include "host/machine/rdma.h"
#include "host/machine/rdma_ability.h"

#define MOUNTS_MAX 32
#define SMALL_PAGE 2048u /* KiB: hugepages are counted in these */

/** add_words() - a fact, of a port if that is not 0; @words as printf() */
__attribute__((format(printf, 5, 0))) static void add_words(struct facts *facts, unsigned int port,
							    const char *name, const char *value,
							    const char *format, va_list ap)
{
	struct fact *bigger = reallocarray(facts->fact, facts->n + 1, sizeof(*bigger));
	char *words = NULL, *copy = strdup(value);

	if (vasprintf(&words, format, ap) < 0)
		words = NULL;
	if (bigger)
		facts->fact = bigger;
	if (!bigger || !words || !copy) {
		/* A missing fact only confirms nothing. */
		free(words);
		free(copy);
		return;
	}
	facts->fact[facts->n++] = (struct fact){ name, copy, words, port };
}

__attribute__((format(printf, 4, 5))) static void add(struct facts *facts, const char *name,
						      const char *value, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_words(facts, 0, name, value, format, ap);
	va_end(ap);
}

__attribute__((format(printf, 5, 6))) static void add_of(struct facts *facts, unsigned int port,
							 const char *name, const char *value,
							 const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_words(facts, port, name, value, format, ap);
	va_end(ap);
}

/** add_name() - one of a port's names; its words are the name */
static void add_name(struct facts *facts, unsigned int port, const char *name, const char *value)
{
	if (value && *value)
		add_of(facts, port, name, value, "%s", value);
}

/** which_is_up() - of the port's interfaces; NULL: none */
static const char *which_is_up(const struct mana_port *port)
{
	if (netdev_is_up(port->synthetic))
		return port->synthetic->name;
	return netdev_is_up(port->vf) ? port->vf->name : NULL;
}

/** is_kept() - does the user reach the machine through it, so that it is not for DPDK? */
static bool is_kept(const struct mana_port *port)
{
	return (port->vf && (port->vf->default_route || port->vf->ssh)) ||
	       (port->synthetic && (port->synthetic->default_route || port->synthetic->ssh));
}

static void add_ports(struct facts *facts, const struct machine *machine)
{
	unsigned int number = 0;

	for (size_t i = 0; i < machine->n_ports; i++) {
		const struct mana_port *port = &machine->port[i];
		const char *up = which_is_up(port);
		char mac[MAC_TEXT];

		if (port->adapter < 0 || machine->adapter[port->adapter].kind == ADAPTER_SOFTWARE)
			continue;
		number++;
		if (is_kept(port))
			add_of(facts, number, FACT_KEPT, "yes", "%s is in use", port->name);
		if (up)
			add_of(facts, number, "interface.up", "yes", "%s is up", up);
		else
			add_of(facts, number, "interface.up", "no", "%s is down", port->name);
		add_name(facts, number, "interface", port->name);
		add_name(facts, number, "vf", port->vf ? port->vf->name : NULL);
		add_name(facts, number, "uuid", port->uuid);
		add_name(facts, number, "pci", machine->adapter[port->adapter].address);
		if (port->has_mac)
			add_name(facts, number, "mac", mac_text(port->mac, mac));
	}
}

static void add_hugepages(const struct host *host, struct facts *facts)
{
	struct hugepage_mount mounts[MOUNTS_MAX];
	struct hugepages_found found;
	unsigned long long pages = 0;
	char text[24];
	int n;

	if (!hugepages_read(host, &found)) {
		for (size_t i = 0; i < found.n; i++)
			pages += (unsigned long long)found.page[i].free * found.page[i].kib /
				 SMALL_PAGE;
		snprintf(text, sizeof(text), "%llu", pages);
		add(facts, "hugepages.free", text, "%llu MB are free in hugepages",
		    pages * SMALL_PAGE >> 10);
	}
	hugepages_found_free(&found);
	n = hugepage_mounts(host, mounts, MOUNTS_MAX);
	if (n >= 0)
		add(facts, "hugepages.mounted", n ? "yes" : "no", "%s",
		    n ? "a hugetlbfs is mounted" : "no hugetlbfs is mounted");
}

static void add_modules(const struct host *host, struct facts *facts)
{
	static const char *const names[] = { "module.mana", "module.mana_ib", "module.ib_uverbs",
					     "module.hv_netvsc", "module.uio_hv_generic" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *name = strchr(names[i], '.') + 1;
		enum module_state state;

		if (module_state(host, name, &state))
			continue;
		if (state == MODULE_LOADED || state == MODULE_BUILTIN)
			add(facts, names[i], "yes", "%s is loaded", name);
		else
			add(facts, names[i], "no", "%s is %s", name,
			    state == MODULE_MISSING && module_index(host) ? "missing"
									  : "not loaded");
	}
}

/** add_provider() - does libibverbs use libmana for the adapter? */
static void add_provider(const struct host *host, const struct mana_adapter *adapter,
			 struct facts *facts)
{
	struct rdma_devices devices;
	struct rdma_providers providers;
	const struct rdma_provider *mana;
	struct rdma_core core;
	char words[RDMA_WORDS];

	if (rdma_core_read(host, &core)) {
		add(facts, "provider", "missing", "libibverbs is not installed");
		return;
	}
	rdma_providers_read(host, &core, &providers);
	rdma_devices_read(host, &devices);
	mana = rdma_named(&providers, "mana");
	for (size_t i = 0; i < devices.n; i++) {
		if (strcmp(devices.device[i].bus, adapter->address))
			continue;
		switch (rdma_match(host, &devices.device[i], &providers, "mana", words)) {
		case RDMA_MATCH_OK:
			add(facts, "provider", "match", "%s: %s", devices.device[i].name, words);
			break;
		case RDMA_MATCH_NOT:
			add(facts, "provider", mana && *mana->path ? "mismatch" : "missing",
			    "%s: %s", devices.device[i].name, words);
			break;
		case RDMA_MATCH_BROKEN:
			add(facts, "provider", "broken", "%s: %s", devices.device[i].name, words);
			break;
		case RDMA_MATCH_NO_FILE:
			add(facts, "provider", "no-file", "%s: %s", devices.device[i].name, words);
			break;
		case RDMA_MATCH_UNKNOWN:
			break;
		}
	}
	rdma_providers_free(&providers);
}

/** add_queue_pairs() - which kinds the kernel makes, as far as its loaded module tells */
static void add_queue_pairs(const struct host *host, struct facts *facts)
{
	struct rdma_kernel kernel;

	rdma_kernel_read(host, "", &kernel);
	if (!kernel.seen)
		return;
	if (kernel.has[RDMA_RC] == RDMA_HAS)
		add(facts, "rdma.rc", "yes", "mana_ib makes RC queue pairs");
	else
		add(facts, "rdma.rc", "no", "mana_ib of this kernel makes no RC queue pairs");
	if (kernel.has[RDMA_UD] == RDMA_HAS)
		add(facts, "rdma.cm", "yes", "mana_ib makes the queue pairs that rdma_cm needs");
	else
		add(facts, "rdma.cm", "no",
		    "mana_ib of this kernel does not make the queue pairs that rdma_cm needs");
}

static void add_limits(const struct host *host, struct facts *facts)
{
	struct limits limits;
	char text[24];

	if (limits_read(host, &limits))
		return;
	if (limits.locked == ULLONG_MAX) {
		add(facts, "memlock", "unlimited", "this user may lock unlimited memory");
		return;
	}
	snprintf(text, sizeof(text), "%llu", limits.locked >> 10);
	add(facts, "memlock", text, "this user may lock %s KiB of memory", text);
}

/** add_packages() - the commands that install what rules may say is missing: {install:kernel} */
static void add_packages(const struct host *host, bool contained, struct facts *facts)
{
	static const struct {
		const char *name;
		enum distro_package package;
	} packages[] = { { "install:rdma-core", PACKAGE_RDMA },
			 { "install:modules", PACKAGE_MODULES },
			 { "install:kernel", PACKAGE_KERNEL },
			 { "install:newer-kernel", PACKAGE_NEWER_KERNEL } };
	struct packages *known;
	struct distro distro;
	char kernel[128] = "";
	struct error error;

	/* 'manakin check' says why the file cannot be read. */
	if (distro_read(host, &distro) || packages_open(&known, NULL, &error))
		return;
	host_read(host, kernel, sizeof(kernel), "/proc/sys/kernel/osrelease");
	distro_commands(&distro, known, kernel, contained);
	packages_close(known);
	for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++) {
		const char *command = distro_install(&distro, packages[i].package);

		if (command)
			add(facts, packages[i].name, command, "%s", command);
	}
}

/** add_container() - what this process is in, and what its cgroup leaves of hugepages */
static void add_container(const struct host *host, const struct container *container,
			  struct facts *facts)
{
	struct hugetlb_limit limits[HUGETLB_SIZES], *least = NULL;
	char text[24];
	size_t n;

	add(facts, "container", container_name(container->kind), "%s",
	    container->kind == CONTAINER_NONE ? "this is no container" : container->why);
	n = hugetlb_limits(host, limits);
	for (size_t i = 0; i < n; i++)
		if (!least || limits[i].limit < least->limit)
			least = &limits[i];
	if (!least) {
		add(facts, "hugetlb.limit", "none", "no cgroup limits hugepages");
		return;
	}
	snprintf(text, sizeof(text), "%llu", least->limit >> 20);
	add(facts, "hugetlb.limit", text, "%s allows %s MB", least->file, text);
}

static void add_kernel(const struct host *host, struct facts *facts)
{
	char text[700];

	kernel_version_text(host, text, sizeof(text));
	add(facts, FACT_KERNEL, text, "this machine runs %s", text);
}

int facts_read(const struct host *host, struct facts *facts)
{
	struct container container;
	struct machine machine;
	struct error error;
	bool some = false;
	int err;

	memset(facts, 0, sizeof(*facts));
	err = machine_read(host, &machine, &error);
	for (size_t i = 0; !err && i < machine.n_adapters; i++) {
		if (machine.adapter[i].kind == ADAPTER_SOFTWARE)
			continue;
		if (!some)
			add_provider(host, &machine.adapter[i], facts);
		some = true;
	}
	if (some) {
		add_ports(facts, &machine);
		add_hugepages(host, facts);
		add_modules(host, facts);
		add_queue_pairs(host, facts);
		add_limits(host, facts);
		add_kernel(host, facts);
		container_read(host, &container);
		add_packages(host, container.kind != CONTAINER_NONE, facts);
		add_container(host, &container, facts);
	}
	machine_free(&machine);
	return err;
}

void facts_free(struct facts *facts)
{
	for (size_t i = 0; i < facts->n; i++) {
		free((char *)facts->fact[i].value);
		free((char *)facts->fact[i].words);
	}
	free(facts->fact);
	memset(facts, 0, sizeof(*facts));
}
