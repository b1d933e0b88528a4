/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/target.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "term/say.h"
#include "serve/control.h"
#include "process/child.h"
#include "cli/look.h"
#include "host/machine/software.h"
#include "vfio_user/client.h"

/** software_named() - the adapter of that name; NULL: there is none, and @others are there */
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
		error_say(error, "another application uses the adapter %s; end it, or start "
			 "another adapter: manakin device --name NAME",
			 name);
	else
		error_say(error, "the adapter %s does not answer: %s; start it again: "
			 "manakin device --name %s",
			 name, strerror(-err), name);
	return err;
}

/** add_software() - arguments for an adapter in software with all its ports */
static int add_software(const struct target_wish *wish, const struct software_adapter *adapter,
			struct run_target *target, struct error *error)
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

/** find_software() - an adapter in software, by its name */
static int find_software(const struct target_wish *wish, const struct host *host, const char *name,
			 struct run_target *target, struct error *error)
{
	const struct software_adapter *adapter;
	struct software_adapters all;
	char others[256];
	int err;

	target->software = true;
	if (!*name || strlen(name) >= SOFTWARE_NAME_TEXT || strchr(name, '/')) {
		return error_fail(error, -ENOENT, "'%s' is not the name of an adapter", name);
	}
	snprintf(target->name, sizeof(target->name), "%s", name);
	snprintf(target->sysfs, sizeof(target->sysfs), SOFTWARE_DIRECTORY "/%s/pci", name);
	if (access(target->sysfs, R_OK) && errno == EACCES) {
		return error_fail(error, -EACCES, "this user may not use the adapter %s; whoever started it "
			 "may, and root: try sudo",
			 name);
	}
	err = software_read(host, &all);
	adapter = software_named(&all, name, others, sizeof(others));
	if (err)
		error_say(error, "cannot look for adapters in %s: %s", SOFTWARE_DIRECTORY,
			 strerror(-err));
	else if (adapter)
		err = add_software(wish, adapter, target, error);
	else
		err = -ENOENT;
	if (err == -ENOENT && !adapter)
		error_say(error, "there is no adapter %s on this machine; start it: manakin "
			 "device --name %s%s%s",
			 name, name, *others ? "; running are: " : "", others);
	software_free(&all);
	return err;
}

/** may_be_taken() - is the port DPDK's to take, and nobody has it? */
static int may_be_taken(const struct mana_port *port, bool netvsc, struct error *error)
{
	if (port->owner == OWNER_KERNEL || (netvsc && port->owner == OWNER_FREE)) {
		return error_fail(error, -EBUSY, "%s is the kernel's; hand it over to DPDK first: sudo manakin setup%s %s",
			 port->name, netvsc ? "" : " --pmd mana", port->name);
	}
	if (*port->users) {
		return error_fail(error, -EBUSY, "%s is in use by %s; end it first", port->name,
			 port->users);
	}
	return 0;
}

/** add_port() - to the target: its name that stays; 0 or -ENOMEM */
static int add_port(struct run_target *target, const struct mana_port *port)
{
	char mac[MAC_TEXT];

	target->ports++;
	return child_args_add(&target->keys, "%s",
			      port->has_mac ? mac_text(port->mac, mac) : port->uuid);
}

/** take_ports() - these ports become the target */
static int take_ports(const struct target_wish *wish, const struct machine *machine,
		      const struct mana_port *const *ports, size_t n, struct run_target *target,
		      int *numa_node, struct error *error)
{
	struct eal_args eal;
	int err = eal_args_make(machine, ports, n, wish->pmd, EAL_VDEV, wish->plugin, &eal, error);

	for (size_t i = 0; !err && i < n; i++) {
		err = add_port(target, ports[i]);
		if (err)
			error_say(error, "out of memory");
		else if (!wish->only_look && !*eal.sysfs)
			err = may_be_taken(ports[i], !strcmp(eal.pmd, "netvsc"), error);
	}
	if (!err) {
		snprintf(target->name, sizeof(target->name), "%s", ports[0]->name);
		target->name[strcspn(target->name, ":")] = '\0';
		strcpy(target->sysfs, eal.sysfs);
		strcpy(target->warning, eal.warning[0]);
		*numa_node = eal.numa_node;
		target->software = *eal.sysfs;
		target->eal = eal.argv;
		eal.argv = NULL;
	}
	if (!err && target->software && !wish->only_look) {
		char socket[128];

		snprintf(socket, sizeof(socket), SOFTWARE_DIRECTORY "/%s/socket", target->name);
		err = attachable(socket, target->name, error);
	}
	eal_args_free(&eal);
	return err;
}

/** find_ports() - ports that the user named */
static int find_ports(const struct target_wish *wish, const struct host *host,
		      const struct machine *machine, struct run_target *target, struct error *error)
{
	const struct mana_port **ports = calloc(wish->n, sizeof(*ports)), *port;
	size_t n = 0, known;
	int err = ports ? 0 : -ENOMEM, node = -1;

	if (err)
		error_say(error, "out of memory");
	for (size_t i = 0; !err && i < wish->n; i++) {
		err = look_for_port(host, machine, wish->words[i], &port, error);
		if (err)
			break;
		for (known = 0; known < n && ports[known] != port;)
			known++;
		ports[known] = port;
		n += known == n;
	}
	if (!err)
		err = take_ports(wish, machine, ports, n, target, &node, error);
	if (!err && node >= 0 &&
	    host_read(host, target->cpus, sizeof(target->cpus),
		      "/sys/devices/system/node/node%d/cpulist", node) < 0)
		*target->cpus = '\0';
	free(ports);
	return err;
}

/**
 * names_adapter() - is it an adapter in software that is meant, running or not?
 *
 * So it is if there is one, or if there is neither such an interface nor a MANA adapter that
 * the word could have been meant for.
 */
static bool names_adapter(const struct machine *machine, const char *word)
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

int target_find(const struct target_wish *wish, struct run_target *target, struct error *error)
{
	struct machine machine;
	struct host host;
	int err;

	memset(target, 0, sizeof(*target));
	err = host_open(wish->sysroot, &host, error);
	if (err)
		return err;
	err = machine_read(&host, &machine, error);
	if (!err && !wish->n)
		err = find_software(wish, &host, "mana0", target, error);
	else if (!err && wish->n == 1 && names_adapter(&machine, wish->words[0]))
		err = find_software(wish, &host, wish->words[0], target, error);
	else if (!err)
		err = find_ports(wish, &host, &machine, target, error);
	machine_free(&machine);
	host_close(&host);
	return err;
}

void target_free(struct run_target *target)
{
	child_args_free(target->eal);
	child_args_free(target->keys);
	target->eal = target->keys = NULL;
}

/** field() - the number that comes next under this name; NULL if there is none */
static const char *field(const char *text, const char *name, uint64_t *value)
{
	const char *at = text ? strstr(text, name) : NULL;

	return at && sscanf(at + strlen(name), "\": %" SCNu64, value) == 1 ? at : NULL;
}

int target_counters(const struct run_target *target, struct traffic *traffic, unsigned int *ports)
{
	static char answer[CONTROL_ANSWER_MAX + 1];
	const char *at = answer;
	ssize_t len;

	if (!*target->control)
		return -ENOTSUP;
	len = software_ask(target->control, "stats json", answer, sizeof(answer));
	if (len <= 0)
		return len ? (int)len : -EPIPE;
	/* One object a port, with these four in this order. */
	for (*ports = 0; *ports < TESTPMD_PORTS_MAX; (*ports)++) {
		struct traffic *port = &traffic[*ports];

		at = field(at, "\"tx_packets", &port->tx_packets);
		at = field(at, "\"tx_bytes", &port->tx_bytes);
		at = field(at, "\"rx_packets", &port->rx_packets);
		at = field(at, "\"rx_bytes", &port->rx_bytes);
		if (!at)
			break;
	}
	return *ports ? 0 : -EPROTO;
}
