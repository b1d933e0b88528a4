/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/target.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "app/plugin.h"
#include "host/machine/control.h"
#include "host/machine/software.h"
#include "process/child.h"
#include "vfio_user/client.h"

#define ANSWER_SECONDS 2

/** software_named() - the adapter of that name; NULL: none has it, and @others are running */
static const struct software_adapter *software_named(const struct software_adapters *all,
						     const char *name, char *others, size_t size)
{
	size_t len = 0;

	*others = '\0';
	for (size_t i = 0; i < all->n; i++) {
		if (!strcmp(all->adapter[i].name, name))
			return &all->adapter[i];
		if (all->adapter[i].running && len < size)
			len += (size_t)snprintf(others + len, size - len, "%s%s", len ? ", " : "",
						all->adapter[i].name);
	}
	return NULL;
}

/** attachable() - attach for a moment, as an application would; 0 or a negative errno */
static int attachable(const char *socket, const char *name, struct error *error)
{
	struct vfu_client *client;
	int err = vfu_client_connect(socket, 0, &client);

	if (!err)
		vfu_client_close(client);
	else if (err == -EBUSY)
		error_say(
			error,
			"another application uses the adapter %s; stop it, or start another adapter: manakin device --name NAME",
			name);
	else
		error_say(
			error,
			"the adapter %s does not answer: %s; start it again: manakin device --name %s",
			name, strerror(-err), name);
	return err;
}

/** add_software() - arguments for an adapter in software with all its ports */
static int add_software(const struct target_wish *wish, const struct software_adapter *adapter,
			struct target *target, struct error *error)
{
	char socket[128], plugin[4096];
	int err;

	snprintf(socket, sizeof(socket), SOFTWARE_DIRECTORY "/%s/socket", adapter->name);
	err = wish->only_look ? 0 : attachable(socket, adapter->name, error);
	if (!err)
		err = plugin_find(wish->plugin, plugin, sizeof(plugin), error);
	if (err)
		return err;
	if (control_path(socket, target->control, sizeof(target->control)))
		*target->control = '\0';
	if (child_args_add(&target->eal, "-d") || child_args_add(&target->eal, "%s", plugin) ||
	    child_args_add(&target->eal, "--vdev=%s", adapter->address)) {
		return error_fail(error, -ENOMEM, "out of memory");
	}
	return 0;
}

int target_software(const struct target_wish *wish, const struct host *host, const char *name,
		    struct target *target, struct error *error)
{
	const struct software_adapter *adapter;
	struct software_adapters all;
	char others[256];
	int err;

	memset(target, 0, sizeof(*target));
	target->software = true;
	if (!*name || strlen(name) >= SOFTWARE_NAME_TEXT || strchr(name, '/'))
		return error_fail(error, -ENOENT, "'%s' is not the name of an adapter", name);
	snprintf(target->name, sizeof(target->name), "%s", name);
	snprintf(target->sysfs, sizeof(target->sysfs), SOFTWARE_DIRECTORY "/%s/pci", name);
	if (access(target->sysfs, R_OK) && errno == EACCES)
		return error_fail(
			error, -EACCES,
			"this user may not use the adapter %s; run as the user who started it, or with sudo",
			name);
	err = software_read(host, &all);
	if (err)
		return error_fail(error, err, "cannot look for adapters in %s: %s",
				  SOFTWARE_DIRECTORY, error_reason(-err));
	adapter = software_named(&all, name, others, sizeof(others));
	if (adapter)
		err = add_software(wish, adapter, target, error);
	else
		err = error_fail(
			error, -ENOENT,
			"there is no adapter %s on this machine; start it: manakin device --name %s%s%s",
			name, name, *others ? "; running are: " : "", others);
	software_free(&all);
	return err;
}

/** may_be_taken() - is the port handed over, and not in use? */
static int may_be_taken(const struct mana_port *port, bool netvsc, struct error *error)
{
	if (port->owner == OWNER_KERNEL || (netvsc && port->owner == OWNER_FREE)) {
		return error_fail(
			error, -EBUSY,
			"%s belongs to the kernel; hand it over to DPDK first: sudo manakin setup%s %s",
			port->name, netvsc ? "" : " --pmd mana", port->name);
	}
	if (*port->users) {
		return error_fail(error, -EBUSY, "%s is in use by %s; stop it first", port->name,
				  port->users);
	}
	return 0;
}

/** add_port() - add a name of the port that does not change; 0 or -ENOMEM */
static int add_port(struct target *target, const struct mana_port *port)
{
	char mac[MAC_TEXT];

	target->ports++;
	return child_args_add(&target->keys, "%s",
			      port->has_mac ? mac_text(port->mac, mac) : port->uuid);
}

/** cpus_of_node() - as the kernel lists them */
static void cpus_of_node(const struct host *host, int node, struct target *target)
{
	if (node < 0 || host_read(host, target->cpus, sizeof(target->cpus),
				  "/sys/devices/system/node/node%d/cpulist", node) < 0)
		*target->cpus = '\0';
}

/** take() - move the arguments into the target */
static void take(struct target *target, struct eal_args *eal, const char *name)
{
	snprintf(target->name, sizeof(target->name), "%s", name);
	/* Of an adapter in software: NAME:PORT */
	target->name[strcspn(target->name, ":")] = '\0';
	strcpy(target->sysfs, eal->sysfs);
	strcpy(target->warning, eal->warning[0]);
	target->software = *eal->sysfs;
	target->eal = eal->argv;
	eal->argv = NULL;
}

int target_ports(const struct target_wish *wish, const struct host *host,
		 const struct machine *machine, const struct mana_port *const *ports, size_t n,
		 struct target *target, struct error *error)
{
	char socket[128];
	struct eal_args eal;
	int err;

	memset(target, 0, sizeof(*target));
	err = eal_args_make(machine, ports, n, wish->pmd, EAL_VDEV, wish->plugin, &eal, error);
	for (size_t i = 0; !err && i < n; i++) {
		err = add_port(target, ports[i]);
		if (err)
			error_say(error, "out of memory");
		else if (!wish->only_look && !*eal.sysfs)
			err = may_be_taken(ports[i], !strcmp(eal.pmd, "netvsc"), error);
	}
	if (!err) {
		take(target, &eal, ports[0]->name);
		cpus_of_node(host, eal.numa_node, target);
	}
	if (!err && target->software && !wish->only_look) {
		snprintf(socket, sizeof(socket), SOFTWARE_DIRECTORY "/%s/socket", target->name);
		err = attachable(socket, target->name, error);
	}
	eal_args_free(&eal);
	return err;
}

bool target_is_software(const struct machine *machine, const char *word)
{
	uint8_t mac[6];
	bool mana = false;

	for (size_t i = 0; i < machine->n_adapters; i++) {
		if (!strcmp(machine->adapter[i].name, word))
			return true;
		mana |= machine->adapter[i].kind != ADAPTER_SOFTWARE;
	}
	if (mana)
		return false;
	return !netdevs_by_name(&machine->netdevs, word) && mac_parse(word, mac) &&
	       !vmbus_uuid_ok(word) && !strchr(word, ':');
}

void target_free(struct target *target)
{
	child_args_free(target->eal);
	child_args_free(target->keys);
	target->eal = target->keys = NULL;
}

/** read_traffic() - of one port, from the adapter's statistics; false if they are not there */
static bool read_traffic(const json_t *port, struct traffic *traffic)
{
	json_int_t tx_packets, tx_bytes, rx_packets, rx_bytes;

	if (json_unpack((json_t *)port, "{s:I, s:I, s:I, s:I}", "tx_packets", &tx_packets,
			"tx_bytes", &tx_bytes, "rx_packets", &rx_packets, "rx_bytes", &rx_bytes))
		return false;
	*traffic = (struct traffic){ .tx_packets = (uint64_t)tx_packets,
				     .tx_bytes = (uint64_t)tx_bytes,
				     .rx_packets = (uint64_t)rx_packets,
				     .rx_bytes = (uint64_t)rx_bytes };
	return true;
}

int target_counters(const struct target *target, struct traffic *traffic, unsigned int *ports)
{
	struct control_answer *answer;
	json_t *root, *port;
	size_t i;
	int err;

	*ports = 0;
	if (!*target->control)
		return -ENOTSUP;
	answer = malloc(sizeof(*answer));
	if (!answer)
		return -ENOMEM;
	err = control_ask(target->control, "stats json", ANSWER_SECONDS, answer);
	root = err || answer->refused ? NULL : json_loads(answer->text, 0, NULL);
	free(answer);
	if (err)
		return err;
	json_array_foreach(json_object_get(root, "ports"), i, port) {
		if (i == TESTPMD_PORTS_MAX || !read_traffic(port, &traffic[i]))
			break;
		++*ports;
	}
	json_decref(root);
	return *ports ? 0 : -EPROTO;
}
