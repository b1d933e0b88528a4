/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin list: list the MANA adapters of the machine, their ports, and who owns them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/look.h"
#include "term/json.h"
#include "term/options.h"
#include "term/table.h"

static const struct option_moved moved[] = { { 's', "sysroot" }, { 0 } };

static const char doc[] =
	"List the MANA adapters of this machine and their ports: interfaces, addresses, and "
	"the owner of each port. With IFACE (an interface, a MAC address, a VMBus UUID, or "
	"NAME:PORT of an adapter in software), list only those ports."
	"\vRoot is not required, but without it the processes of other users are not visible.\n\n"
	"Examples:\n"
	"  manakin list\n"
	"  manakin list eth1\n"
	"  manakin list --json | jq -r '.adapters[].ports[] | select(.ssh | not).name'\n\n"
	"Exit status: 0 success (even if there is no adapter), 1 no such port, or the machine "
	"could not be examined, 2 wrong usage.";

/**
 * struct list - the command line, and the machine
 * @wanted:	the ports to show; NULL: all
 */
struct list {
	struct shared_options shared;
	char **words;
	size_t n_words;
	struct machine machine;
	const struct mana_port **wanted;
	size_t n_wanted;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct list *list = state->input;

	(void)arg;
	if (key != ARGP_KEY_ARGS)
		return ARGP_ERR_UNKNOWN;
	list->words = state->argv + state->next;
	list->n_words = (size_t)(state->argc - state->next);
	return 0;
}

/** is_wanted() - is the port to be shown? */
static bool is_wanted(const struct list *list, const struct mana_port *port)
{
	bool wanted = !list->wanted;

	for (size_t i = 0; i < list->n_wanted; i++)
		wanted |= list->wanted[i] == port;
	return wanted;
}

/** adapter_wanted() - is the adapter to be shown? If none is named, also one without ports */
static bool adapter_wanted(const struct list *list, size_t adapter)
{
	bool wanted = !list->wanted;

	for (size_t i = 0; i < list->n_wanted; i++)
		wanted |= list->wanted[i]->adapter == (int)adapter;
	return wanted;
}

/** link_text() - of an interface, or of a port by the interface that applications see */
static const char *link_text(const struct netdev *dev)
{
	if (!dev)
		return NULL;
	return !(dev->flags & IFF_UP) ? "down" : dev->carrier ? "up" : "no-carrier";
}

static const struct netdev *shown_netdev(const struct mana_port *port)
{
	return port->synthetic ? port->synthetic : port->vf;
}

/** address_text() - 10.0.0.4/24 */
static const char *address_text(const struct netdev_address *address, char *text, size_t size)
{
	char ip[INET6_ADDRSTRLEN];

	if (!inet_ntop(address->family, address->address, ip, sizeof(ip)))
		strcpy(ip, "?");
	snprintf(text, size, "%s/%u", ip, address->prefix);
	return text;
}

/* ---- JSON ---- */

/** count_json() - a number that is at least 1, or null where it is not known */
static json_t *count_json(unsigned int count)
{
	return count ? json_integer(count) : json_null();
}

static json_t *netdev_json(const struct netdev *dev)
{
	json_t *addresses, *names;
	char text[64];

	if (!dev)
		return json_null();
	addresses = json_array();
	for (size_t i = 0; i < dev->n_addresses; i++)
		json_array_append_new(addresses, json_string(address_text(&dev->addresses[i], text,
									  sizeof(text))));
	names = json_array();
	for (const char *at = dev->altnames; at && *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");

		json_array_append_new(names, json_stringn(at, len));
		at += len;
	}
	return json_pack("{s:s, s:i, s:s, s:o, s:o, s:o, s:o, s:o}", "name", dev->name, "index",
			 dev->index, "link", link_text(dev), "mtu", count_json(dev->mtu), "queues",
			 count_json(dev->queues), "queues_max", count_json(dev->queues_max),
			 "addresses", addresses, "altnames", names);
}

static json_t *port_json(const struct mana_port *port)
{
	char mac[MAC_TEXT];

	return json_pack(
		"{s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:b, s:b, s:o, s:o, s:o}",
		"name", port->name, "number", (int)port->number, "mac",
		output_text(port->has_mac ? mac_text(port->mac, mac) : NULL), "uuid",
		output_text(port->uuid), "vmbus_driver", output_text(port->vmbus_driver), "link",
		output_text(link_text(shown_netdev(port))), "mtu", count_json(port->mtu), "queues",
		count_json(port->queues), "owner", owner_name(port->owner), "users",
		output_text(port->users), "default_route", port_default_route(port), "ssh",
		port_ssh(port), "fabric", output_text(port->fabric), "vf", netdev_json(port->vf),
		"synthetic", netdev_json(port->synthetic));
}

/** ports_json() - those of an adapter, or (-1) those without */
static json_t *ports_json(const struct list *list, int adapter)
{
	json_t *ports = json_array();

	for (size_t i = 0; i < list->machine.n_ports; i++)
		if (list->machine.port[i].adapter == adapter &&
		    is_wanted(list, &list->machine.port[i]))
			json_array_append_new(ports, port_json(&list->machine.port[i]));
	return ports;
}

static int print_json(const struct list *list)
{
	json_t *adapters = json_array();

	for (size_t i = 0; i < list->machine.n_adapters; i++) {
		const struct mana_adapter *adapter = &list->machine.adapter[i];

		if (!adapter_wanted(list, i))
			continue;
		json_array_append_new(
			adapters,
			json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "kind",
				  adapter_kind_name(adapter->kind), "name",
				  output_text(adapter->name), "address",
				  output_text(adapter->address), "driver",
				  output_text(adapter->driver), "rdma", output_text(adapter->rdma),
				  "firmware", output_text(adapter->firmware), "numa_node",
				  adapter->numa_node < 0 ? json_null()
							 : json_integer(adapter->numa_node),
				  "ports", ports_json(list, (int)i)));
	}
	return output_json(
		json_pack("{s:o, s:o}", "adapters", adapters, "other_ports", ports_json(list, -1)));
}

/* ---- text ---- */

/** join() - append a word to a list of words */
__attribute__((format(printf, 4, 5))) static void join(char *text, size_t size, const char *between,
						       const char *format, ...)
{
	size_t len = strlen(text);
	va_list ap;

	if (len && len + strlen(between) < size) {
		strcpy(text + len, between);
		len = strlen(text);
	}
	va_start(ap, format);
	vsnprintf(text + len, size - len, format, ap);
	va_end(ap);
}

/** join_addresses() - those of both of the port's interfaces */
static void join_addresses(const struct mana_port *port, char *text, size_t size,
			   const char *between)
{
	const struct netdev *devs[] = { port->synthetic, port->vf };
	char one[64];

	for (size_t d = 0; d < 2; d++)
		for (size_t i = 0; devs[d] && i < devs[d]->n_addresses; i++)
			join(text, size, between, "%s",
			     address_text(&devs[d]->addresses[i], one, sizeof(one)));
}

/** join_uses() - what depends on the port: the default route, the SSH session */
static void join_uses(const struct mana_port *port, char *text, size_t size, const char *between,
		      const char *route, const char *ssh)
{
	if (port_default_route(port))
		join(text, size, between, "%s", route);
	if (port_ssh(port))
		join(text, size, between, "%s", ssh);
}

/** adapter_text() - what is known of an adapter, in one or two lines of words */
static void adapter_text(const struct mana_adapter *adapter, char *text, size_t size)
{
	*text = '\0';
	if (adapter->kind == ADAPTER_SOFTWARE)
		join(text, size, ", ", *adapter->address ? "in software, at %s" : "in software",
		     adapter->address);
	else
		join(text, size, ", ", adapter->kind == ADAPTER_PF ? "PF" : "VF");
	if (adapter->kind != ADAPTER_SOFTWARE)
		join(text, size, ", ", *adapter->driver ? "driver %s" : "no driver",
		     adapter->driver);
	if (adapter->numa_node >= 0)
		join(text, size, ", ", "NUMA node %d", adapter->numa_node);
	/* Not wider than a UUID: so the table fits into 80 characters. */
	if (*adapter->rdma)
		join(text, size, "\n", "RDMA %s", adapter->rdma);
	if (*adapter->firmware)
		join(text, size, *adapter->rdma ? ", " : "\n", "firmware %s", adapter->firmware);
}

enum { NAME, DEVICE, STATE, OWNER, ADDRESSES };

/** tree_port() - a port, a few short lines in each column */
static void tree_port(struct libscols_table *table, struct libscols_line *parent,
		      const struct mana_port *port)
{
	struct libscols_line *line = output_line(table, parent);
	const char *link = link_text(shown_netdev(port));
	char mac[MAC_TEXT], device[256] = "", state[128] = "", addresses[1024] = "";
	bool kernel = port->owner == OWNER_KERNEL || port->owner == OWNER_FREE;

	if (port->has_mac)
		join(device, sizeof(device), "\n", "%s", mac_text(port->mac, mac));
	if (port->vf)
		join(device, sizeof(device), "\n", "VF %s", port->vf->name);
	if (*port->uuid)
		join(device, sizeof(device), "\n", "%s\n%s", port->uuid,
		     *port->vmbus_driver ? port->vmbus_driver : "no driver");
	if (*port->fabric)
		join(device, sizeof(device), "\n", "%s", port->fabric);
	if (link)
		join(state, sizeof(state), "\n", "%s", link);
	if (port->mtu)
		join(state, sizeof(state), "\n", "MTU %u", port->mtu);
	if (port->queues)
		join(state, sizeof(state), "\n", "%u queues", port->queues);
	join_addresses(port, addresses, sizeof(addresses), "\n");
	join_uses(port, addresses, sizeof(addresses), "\n", "default route", "this SSH session");
	output_cell(line, NAME, "%s", port->name);
	output_cell(line, DEVICE, "%s", device);
	output_cell(line, STATE, "%s", state);
	output_cell(line, OWNER, "%s%s%s", owner_name(port->owner), *port->users ? "\n" : "",
		    port->users);
	output_cell(line, ADDRESSES, "%s", addresses);
	output_cell_style(line, OWNER, kernel ? STYLE_PLAIN : STYLE_GOOD);
	if (port_ssh(port) || port_default_route(port))
		output_cell_style(line, ADDRESSES, STYLE_WARNING);
}

/** print_tree() - for a person: ports under their adapters */
static int print_tree(const struct list *list)
{
	static const struct output_column columns[] = {
		[NAME] = { "NAME", .tree = true },
		[DEVICE] = { "DEVICE", .lines = true },
		[STATE] = { "STATE", .lines = true },
		[OWNER] = { "OWNER", .lines = true },
		[ADDRESSES] = { "ADDRESSES", .lines = true },
	};
	struct libscols_table *table = output_table(columns, sizeof(columns) / sizeof(*columns));
	const struct machine *machine = &list->machine;

	for (int a = 0; a <= (int)machine->n_adapters; a++) {
		bool none = a == (int)machine->n_adapters;
		struct libscols_line *line = NULL;
		char text[256];

		if (!none && !adapter_wanted(list, (size_t)a))
			continue;
		if (!none) {
			const struct mana_adapter *adapter = &machine->adapter[a];

			adapter_text(adapter, text, sizeof(text));
			line = output_line(table, NULL);
			output_cell(line, NAME, "%s",
				    *adapter->name ? adapter->name : adapter->address);
			output_cell(line, DEVICE, "%s", text);
			output_cell_style(line, NAME, STYLE_STRONG);
		}
		for (size_t i = 0; i < machine->n_ports; i++)
			if (machine->port[i].adapter == (none ? -1 : a) &&
			    is_wanted(list, &machine->port[i]))
				tree_port(table, line, &machine->port[i]);
	}
	return output_table_print(table);
}

#define LINE_CELLS 14u

/** line_cells() - fill in a line, with a dash for what is missing */
static void line_cells(struct libscols_line *line, const char *const cells[LINE_CELLS])
{
	for (size_t c = 0; c < LINE_CELLS; c++)
		output_cell(line, c, "%s", cells[c] && *cells[c] ? cells[c] : "-");
}

static void print_port_line(struct libscols_table *table, const struct mana_adapter *adapter,
			    const struct mana_port *port)
{
	char mac[MAC_TEXT], addresses[1024] = "", uses[64] = "", mtu[16], queues[16];

	join_addresses(port, addresses, sizeof(addresses), ",");
	join_uses(port, uses, sizeof(uses), ",", "default-route", "ssh");
	snprintf(mtu, sizeof(mtu), "%u", port->mtu);
	snprintf(queues, sizeof(queues), "%u", port->queues);
	line_cells(output_line(table, NULL),
		   (const char *[LINE_CELLS]){
			   port->name,
			   adapter ? adapter->address : "",
			   adapter ? adapter_kind_name(adapter->kind) : "",
			   port->has_mac ? mac_text(port->mac, mac) : "",
			   port->vf ? port->vf->name : "",
			   port->uuid,
			   port->vmbus_driver,
			   link_text(shown_netdev(port)),
			   port->mtu ? mtu : "",
			   port->queues ? queues : "",
			   owner_name(port->owner),
			   port->users,
			   addresses,
			   uses,
		   });
}

/** print_lines() - for other programs: a line for each port, and for each adapter without ports */
static int print_lines(const struct list *list)
{
	static const char *const names[LINE_CELLS] = {
		"PORT", "ADAPTER", "KIND",   "MAC",   "VF",    "UUID",      "DRIVER",
		"LINK", "MTU",     "QUEUES", "OWNER", "USERS", "ADDRESSES", "USE",
	};
	struct output_column columns[LINE_CELLS];
	struct libscols_table *table;
	const struct machine *machine = &list->machine;
	const struct mana_adapter *adapter = machine->adapter;

	for (size_t i = 0; i < LINE_CELLS; i++)
		columns[i] = (struct output_column){ .name = names[i] };
	table = output_table(columns, LINE_CELLS);
	for (size_t a = 0; a < machine->n_adapters; a++) {
		size_t ports = 0;

		for (size_t i = 0; i < machine->n_ports; i++)
			ports += machine->port[i].adapter == (int)a;
		if (!ports && !list->wanted)
			line_cells(output_line(table, NULL),
				   (const char *[LINE_CELLS]){
					   [0] = adapter[a].name,
					   [1] = adapter[a].address,
					   [2] = adapter_kind_name(adapter[a].kind),
					   [10] = owner_name(OWNER_UNKNOWN),
				   });
	}
	for (size_t i = 0; i < machine->n_ports; i++) {
		const struct mana_port *port = &machine->port[i];

		if (is_wanted(list, port))
			print_port_line(table, port->adapter < 0 ? NULL : &adapter[port->adapter],
					port);
	}
	return output_table_print(table);
}

/** print() - in the requested form; an exit status */
static int print(const struct list *list)
{
	const struct machine *machine = &list->machine;

	if (list->shared.json)
		return print_json(list);
	if (!machine->n_adapters && !machine->n_ports) {
		say("this machine has no MANA adapter%s; 'manakin check' shows what it has, and "
		    "'manakin device' runs one in software",
		    machine->legacy ? ", but an older one from Mellanox" : "");
		return EXIT_OK;
	}
	return output_is_terminal(stdout) ? print_tree(list) : print_lines(list);
}

int cmd_list(int argc, char **argv)
{
	static const struct command_line line = {
		.parse = parse_option,
		.arguments = "[IFACE...]",
		.doc = doc,
		.shared = SHARED_JSON | SHARED_SYSROOT | SHARED_FROM,
		.moved = moved,
	};
	struct list list = { 0 };
	struct host host;
	int status = EXIT_FAILED;

	if (options_parse(&line, argc, argv, &list.shared, &list))
		return EXIT_USAGE;
	if (look_at_machine(&list.shared, &host, &list.machine))
		return EXIT_FAILED;
	if (!list.n_words || !look_for_ports(&host, &list.machine, list.words, list.n_words,
					     &list.wanted, &list.n_wanted))
		status = print(&list);
	free(list.wanted);
	look_away(&host, &list.machine);
	return status;
}
