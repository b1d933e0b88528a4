/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/software.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/machine/ask.h"
#include "host/machine/control.h"
#include "host/machine/netdev.h"

#define ANSWER_SECONDS 2

/** read_port() - from the adapter's description; false if that is invalid */
static bool read_port(const json_t *object, struct software_port *port)
{
	const char *mac = json_string_value(json_object_get(object, "mac"));
	const char *fabric = json_string_value(json_object_get(object, "fabric"));

	if (!mac || mac_parse(mac, port->mac))
		return false;
	snprintf(port->fabric, sizeof(port->fabric), "%s", fabric ? fabric : "");
	port->mtu = (unsigned int)json_integer_value(json_object_get(object, "mtu"));
	port->queues = (unsigned int)json_integer_value(json_object_get(object, "queues"));
	return true;
}

/** read_description() - the adapter, from its description */
static void read_description(const json_t *root, struct software_adapter *adapter)
{
	const json_t *port;
	size_t i;

	adapter->running = true;
	adapter->attached = json_is_true(json_object_get(root, "attached"));
	json_array_foreach(json_object_get(root, "ports"), i, port)
		if (adapter->n_ports < SOFTWARE_PORTS_MAX &&
		    read_port(port, &adapter->port[adapter->n_ports]))
			adapter->n_ports++;
}

/** describe() - ask the adapter whose directory this is, below any root */
static void describe(const struct host *host, struct software_adapter *adapter,
		     struct control_answer *answer)
{
	char socket[64], path[64];
	json_t *recorded;
	int fd, err;

	if (ask_recall(host, &recorded, &err, "software/%s", adapter->name)) {
		if (!err)
			read_description(recorded, adapter);
		json_decref(recorded);
		return;
	}
	fd = host_open_file(host, SOFTWARE_DIRECTORY "/%s", adapter->name);
	if (fd < 0)
		return;
	/* The directory's own path may be too long for a socket's. */
	snprintf(socket, sizeof(socket), "/proc/self/fd/%d/socket", fd);
	if (!control_path(socket, path, sizeof(path)) &&
	    !control_ask(path, "describe", ANSWER_SECONDS, answer) && !answer->refused) {
		recorded = json_loads(answer->text, 0, NULL);
		if (recorded) {
			read_description(recorded, adapter);
			ask_note(host, 0, recorded, "software/%s", adapter->name);
		}
	}
	close(fd);
}

/** read_adapter() - of this name; false if there is no adapter in the directory */
static bool read_adapter(const struct host *host, const char *name,
			 struct software_adapter *adapter)
{
	struct names names;
	unsigned long long device;
	bool found = false;
	int err;

	if (strlen(name) >= sizeof(adapter->name))
		return false;
	err = host_list(host, &names, SOFTWARE_DIRECTORY "/%s/pci", name);
	for (size_t i = 0; i < names.n && !found; i++)
		if (pci_address_ok(names.name[i])) {
			strcpy(adapter->address, names.name[i]);
			found = true;
		}
	names_free(&names);
	if (!found && err != -EACCES)
		return false;
	strcpy(adapter->name, name);
	adapter->physical = !host_number(host, &device, SOFTWARE_DIRECTORY "/%s/pci/%s/device",
					 name, adapter->address) &&
			    device == PCI_DEVICE_MANA_PF;
	return true;
}

int software_read(const struct host *host, struct software_adapters *adapters)
{
	struct control_answer *answer = NULL;
	struct names names;
	int err;

	memset(adapters, 0, sizeof(*adapters));
	err = host_list(host, &names, SOFTWARE_DIRECTORY);
	if (err == -ENOENT || err == -EACCES)
		err = 0;
	if (!err && names.n) {
		adapters->adapter = calloc(names.n, sizeof(*adapters->adapter));
		answer = malloc(sizeof(*answer));
		if (!adapters->adapter || !answer)
			err = -ENOMEM;
	}
	for (size_t i = 0; !err && i < names.n; i++) {
		struct software_adapter *adapter = &adapters->adapter[adapters->n];

		if (read_adapter(host, names.name[i], adapter)) {
			describe(host, adapter, answer);
			adapters->n++;
		}
	}
	free(answer);
	names_free(&names);
	return err;
}

void software_free(struct software_adapters *adapters)
{
	free(adapters->adapter);
	memset(adapters, 0, sizeof(*adapters));
}
