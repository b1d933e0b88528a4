/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/software.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/machine/netdev.h"

#define ANSWER_SECONDS 2

ssize_t software_ask(const char *path, const char *request, char *answer, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = ANSWER_SECONDS };
	ssize_t len = -1;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	strcpy(address.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
	    send(fd, request, strlen(request), MSG_NOSIGNAL) > 0)
		len = recv(fd, answer, size - 1, 0);
	if (len < 0)
		len = -errno;
	close(fd);
	if (len >= 0)
		answer[len] = '\0';
	return len;
}

/** read_port() - from what the adapter says of it; false if that makes no sense */
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

/** read_answer() - the adapter's description of itself */
static void read_answer(const char *answer, struct software_adapter *adapter)
{
	json_t *root, *port;
	size_t i;

	if (strncmp(answer, "ok\n", 3))
		return;
	root = json_loads(answer + 3, 0, NULL);
	if (!root)
		return;
	adapter->running = true;
	adapter->attached = json_is_true(json_object_get(root, "attached"));
	json_array_foreach(json_object_get(root, "ports"), i, port)
		if (adapter->n_ports < SOFTWARE_PORTS_MAX &&
		    read_port(port, &adapter->port[adapter->n_ports]))
			adapter->n_ports++;
	json_decref(root);
}

/** describe() - ask the adapter whose directory this is, below any root */
static void describe(const struct host *host, struct software_adapter *adapter, char *answer)
{
	char path[64];
	int fd = host_open_file(host, SOFTWARE_DIRECTORY "/%s", adapter->name);

	if (fd < 0)
		return;
	/* The directory's own path may be longer than a socket's may be. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d/socket" SOFTWARE_CONTROL_SUFFIX, fd);
	if (software_ask(path, "describe", answer, SOFTWARE_ANSWER_MAX + 1) > 0)
		read_answer(answer, adapter);
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
	char *answer = NULL;
	struct names names;
	int err;

	memset(adapters, 0, sizeof(*adapters));
	err = host_list(host, &names, SOFTWARE_DIRECTORY);
	if (err == -ENOENT || err == -EACCES)
		err = 0;
	if (!err && names.n) {
		adapters->adapter = calloc(names.n, sizeof(*adapters->adapter));
		answer = malloc(SOFTWARE_ANSWER_MAX + 1);
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
