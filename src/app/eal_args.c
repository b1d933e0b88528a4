/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/eal_args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "process/child.h"
#include "app/plugin.h"
#include "host/machine/software.h"

/** struct request - what the arguments are made from */
struct request {
	const struct machine *machine;
	const struct mana_port *const *ports;
	size_t n;
	enum eal_form form;
	bool netvsc;
	struct eal_args *args;
};

static bool is_software(const struct machine *machine, const struct mana_port *port)
{
	return port->adapter >= 0 && machine->adapter[port->adapter].kind == ADAPTER_SOFTWARE;
}

static bool is_wanted(const struct request *r, const struct mana_port *port)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->ports[i] == port)
			return true;
	return false;
}

/** check_ports() - can one application use all of these? */
static int check_ports(const struct request *r, struct error *error)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct mana_port *port = r->ports[i];

		if (is_software(r->machine, port) != is_software(r->machine, r->ports[0])) {
			return error_fail(
				error, -EINVAL,
				"one application cannot use both %s and %s: one is in software, the other is not",
				r->ports[0]->name, port->name);
		}
		if (port->adapter < 0) {
			return error_fail(
				error, -ENODEV,
				"%s has no VF, so it is not on a MANA adapter; check in Azure that accelerated networking is enabled",
				port->name);
		}
		if (r->netvsc && !*port->uuid) {
			return error_fail(
				error, -ENODEV,
				"%s has no VMBus device that DPDK's netvsc could use; try --pmd mana",
				port->name);
		}
	}
	return 0;
}

/** add_adapter() - the argument for all ports of an adapter; 0 or -ENOMEM */
static int add_adapter(const struct request *r, int adapter)
{
	const char *address = r->machine->adapter[adapter].address;
	char macs[1024] = "", mac[MAC_TEXT];
	size_t len = 0;

	for (size_t i = 0; i < r->n && len < sizeof(macs) - MAC_TEXT - 5; i++)
		if (r->ports[i]->adapter == adapter)
			len += (size_t)snprintf(macs + len, sizeof(macs) - len, ",mac=%s",
						mac_text(r->ports[i]->mac, mac));
	if (!len)
		return 0;
	if (r->form == EAL_VDEV)
		return child_args_add(&r->args->argv, "--vdev=%s%s", address, macs);
	return child_args_add(&r->args->argv, r->form == EAL_ALLOW ? "-a" : "-w") |
	       child_args_add(&r->args->argv, "%s%s", address, macs);
}

/** add_vmbus() - select VMBus devices, where necessary; 0 or -ENOMEM */
static int add_vmbus(const struct request *r)
{
	char *warning = r->args->warning[1];
	int err = 0;

	for (size_t i = 0; !err && i < r->machine->n_ports; i++) {
		const struct mana_port *port = &r->machine->port[i];
		bool taken = port->owner == OWNER_NETVSC;
		bool wanted = r->netvsc && is_wanted(r, port);

		if (r->form == EAL_VDEV && taken && !wanted)
			err = child_args_add(&r->args->argv, "-b") |
			      child_args_add(&r->args->argv, "%s", port->uuid);
		if (r->form != EAL_VDEV && wanted)
			err = child_args_add(&r->args->argv, r->form == EAL_ALLOW ? "-a" : "-w") |
			      child_args_add(&r->args->argv, "%s", port->uuid);
		/* EAL does not accept -a together with -b, so this one cannot be excluded.
		 */
		if (r->form != EAL_VDEV && taken && !wanted && !r->netvsc)
			snprintf(
				warning, sizeof(r->args->warning[1]),
				"%s was handed over too, and the application will take it; give it back: manakin restore %s, or omit --allow",
				port->name, port->name);
	}
	return err;
}

/** warn_of_kernel() - warn of a port that the kernel still uses */
static void warn_of_kernel(const struct request *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct mana_port *port = r->ports[i];
		bool late = r->netvsc ? port->owner != OWNER_NETVSC : port->owner == OWNER_KERNEL;

		if (!late || *r->args->warning[0])
			continue;
		snprintf(r->args->warning[0], sizeof(r->args->warning[0]),
			 "%s is not handed over to DPDK yet: manakin setup%s %s", port->name,
			 r->netvsc ? "" : " --pmd mana", port->name);
	}
}

/** add_software() - the path of this project's driver, and where it finds the adapter */
static int add_software(const struct request *r, const char *plugin, struct error *error)
{
	const struct mana_adapter *adapter = &r->machine->adapter[r->ports[0]->adapter];
	char path[4096];
	int err;

	for (size_t i = 1; i < r->n; i++)
		if (r->ports[i]->adapter != r->ports[0]->adapter) {
			return error_fail(
				error, -EINVAL,
				"%s and %s are ports of two adapters in software; an application can use only one",
				r->ports[0]->name, r->ports[i]->name);
		}
	err = plugin_find(plugin, path, sizeof(path), error);
	if (err)
		return err;
	snprintf(r->args->sysfs, sizeof(r->args->sysfs), SOFTWARE_DIRECTORY "/%s/pci",
		 adapter->name);
	r->args->pmd = "manakin";
	return child_args_add(&r->args->argv, "-d") | child_args_add(&r->args->argv, "%s", path);
}

/** numa_node_of() - of all the ports; -1 if they differ or are unknown */
static int numa_node_of(const struct request *r)
{
	int node = -1;

	for (size_t i = 0; i < r->n; i++) {
		int this = r->machine->adapter[r->ports[i]->adapter].numa_node;

		if (i && this != node)
			return -1;
		node = this;
	}
	return node;
}

int eal_args_make(const struct machine *machine, const struct mana_port *const *ports, size_t n,
		  enum eal_pmd pmd, enum eal_form form, const char *plugin, struct eal_args *args,
		  struct error *error)
{
	struct request r = {
		.machine = machine, .ports = ports, .n = n, .form = form, .args = args
	};
	int err;

	memset(args, 0, sizeof(*args));
	args->numa_node = -1;
	r.netvsc = pmd != EAL_PMD_MANA;
	/*
	 * Ports that the kernel still owns will be handed over by setup, which also prefers netvsc.
	 */
	for (size_t i = 0; pmd == EAL_PMD_ANY && i < n; i++)
		r.netvsc &= ports[i]->owner == OWNER_NETVSC ||
			    (ports[i]->owner == OWNER_KERNEL && *ports[i]->uuid);
	args->pmd = r.netvsc ? "netvsc" : "mana";
	if (is_software(machine, ports[0]))
		r.netvsc = false;
	err = check_ports(&r, error);
	if (!err && is_software(machine, ports[0]))
		err = add_software(&r, plugin, error);
	else if (!err)
		warn_of_kernel(&r);
	if (err)
		return err;
	for (size_t i = 0; !err && i < machine->n_adapters; i++)
		err = add_adapter(&r, (int)i);
	if (!err && !is_software(machine, ports[0]))
		err = add_vmbus(&r);
	if (err)
		error_say(error, "out of memory");
	else
		args->numa_node = numa_node_of(&r);
	return err ? -ENOMEM : 0;
}

void eal_args_free(struct eal_args *args)
{
	child_args_free(args->argv);
	args->argv = NULL;
}
