/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * machine_find() of host/machine/port.h: find the port that a user names.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/machine/port.h"

/** is_mana_interface() - does the port have this interface? */
static bool has_interface(const struct mana_port *port, const struct netdev *dev)
{
	return port->vf == dev || port->synthetic == dev;
}

/** list_ports() - the names of the ports of @adapter, or of all (-1), for a message */
static const char *list_ports(const struct machine *machine, int adapter, char *text, size_t size)
{
	size_t len = 0;

	*text = '\0';
	for (size_t i = 0; i < machine->n_ports && len < size; i++)
		if (adapter < 0 || machine->port[i].adapter == adapter)
			len += (size_t)snprintf(text + len, size - len, "%s%s", len ? ", " : "",
						machine->port[i].name);
	return text;
}

/** no_mana() - the interface exists, but is not MANA's */
static int no_mana(const struct machine *machine, const struct netdev *dev, struct error *error)
{
	const struct netdev *under = NULL;
	char names[256];

	for (size_t i = 0; i < machine->netdevs.n; i++)
		if (machine->netdevs.dev[i].master == dev->index && *machine->netdevs.dev[i].driver)
			under = &machine->netdevs.dev[i];
	list_ports(machine, -1, names, sizeof(names));
	if (under)
		return error_fail(error, -ENOTSUP,
				  "%s is not a MANA interface: its VF %s has the driver %s%s%s",
				  dev->name, under->name, under->driver,
				  *names ? "; the MANA interfaces are: " : "", names);
	if (*dev->driver)
		return error_fail(error, -ENOTSUP,
				  "%s is not a MANA interface: its driver is %s%s%s", dev->name,
				  dev->driver, *names ? "; the MANA interfaces are: " : "", names);
	return error_fail(error, -ENOTSUP, "%s is not a MANA interface%s%s", dev->name,
			  *names ? "; the MANA interfaces are: " : "", names);
}

/** find_bus_address() - a whole adapter was named */
static int find_bus_address(const struct machine *machine, const char *word, struct error *error)
{
	char names[256];

	for (size_t i = 0; i < machine->n_adapters; i++) {
		if (strcasecmp(machine->adapter[i].address, word))
			continue;
		list_ports(machine, (int)i, names, sizeof(names));
		return error_fail(error, -EINVAL,
				  "%s is the bus address of an adapter, which "
				  "all its ports share; name a port: %s",
				  word, *names ? names : "the kernel shows none of them");
	}
	return error_fail(error, -ENOTSUP,
			  "there is no MANA adapter at the bus address %s; "
			  "name an interface that 'manakin list' shows",
			  word);
}

/** find_software() - NAME or NAME:N of a software adapter; -ENODEV if there is none */
static int find_software(const struct machine *machine, const char *word,
			 const struct mana_port **port, struct error *error)
{
	char names[256];

	for (size_t a = 0; a < machine->n_adapters; a++) {
		const char *name = machine->adapter[a].name;
		const struct mana_port *only = NULL;
		unsigned int n = 0;

		if (machine->adapter[a].kind != ADAPTER_SOFTWARE ||
		    strncmp(word, name, strlen(name)))
			continue;
		for (size_t i = 0; i < machine->n_ports; i++) {
			if (machine->port[i].adapter != (int)a)
				continue;
			if (!strcmp(machine->port[i].name, word)) {
				*port = &machine->port[i];
				return 0;
			}
			only = &machine->port[i];
			n++;
		}
		if (strcmp(word, name))
			continue;
		if (!n)
			return error_fail(error, -EACCES,
					  "the adapter %s does not answer this user; run as "
					  "the user who started it, or with sudo; if it was "
					  "killed, start it again: manakin device --name %s",
					  name, name);
		if (n > 1)
			return error_fail(error, -EINVAL,
					  "the adapter %s has %u ports; name one: %s", name, n,
					  list_ports(machine, (int)a, names, sizeof(names)));
		*port = only;
		return 0;
	}
	return -ENODEV;
}

/** not_there() - no interface, port or adapter has this name */
static int not_there(const struct machine *machine, const char *word, struct error *error)
{
	bool handed_over = false;
	char names[256];

	if (!machine->n_ports)
		return error_fail(error, -ENODEV,
				  "there is no interface %s, and no MANA "
				  "port on this machine; see manakin check",
				  word);
	list_ports(machine, -1, names, sizeof(names));
	for (size_t i = 0; i < machine->n_ports; i++)
		handed_over |= machine->port[i].owner == OWNER_NETVSC;
	return error_fail(error, -ENODEV, "there is no interface %s; the MANA interfaces are: %s%s",
			  word, names,
			  handed_over ? " (a port that was handed over to DPDK has "
					"no interface: use its UUID or MAC address)"
				      : "");
}

int machine_find(const struct machine *machine, const char *word, const struct mana_port **port,
		 struct error *error)
{
	const struct netdev *dev = netdevs_by_name(&machine->netdevs, word);
	bool uuid = vmbus_uuid_ok(word), mac;
	uint8_t address[6];
	int err;

	*port = NULL;
	mac = !mac_parse(word, address);
	for (size_t i = 0; i < machine->n_ports && !*port; i++) {
		const struct mana_port *p = &machine->port[i];

		if (dev ? has_interface(p, dev)
			: (mac && p->has_mac && !memcmp(p->mac, address, sizeof(address))) ||
				    (uuid && !strcasecmp(p->uuid, word)))
			*port = p;
	}
	if (*port)
		return 0;
	if (dev)
		return no_mana(machine, dev, error);
	if (pci_address_ok(word))
		return find_bus_address(machine, word, error);
	err = find_software(machine, word, port, error);
	return err == -ENODEV ? not_there(machine, word, error) : err;
}
