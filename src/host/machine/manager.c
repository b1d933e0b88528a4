/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/manager.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "host/machine/ask.h"

#define STATE_MAX 65536u /* bytes of a file of states; real ones have less than 2000 */
#define VALUE_MAX 64u    /* of what matters in it */

/**
 * The managers
 * @comm:	its name in /proc, of 15 characters at most; NULL: it does not stay
 * @traces:	files that are there once it has run in this boot, or because it is enabled
 * @off:	a file that says that it is off
 */
static const struct {
	const char *name, *comm;
	const char *traces[3];
	const char *off;
} table[MANAGERS] = {
	[MANAGER_NETWORKMANAGER] = { "NetworkManager",
				     "NetworkManager",
				     { "/run/NetworkManager",
				       "/etc/systemd/system/multi-user.target.wants/"
				       "NetworkManager.service" },
				     NULL },
	[MANAGER_NETWORKD] = { "systemd-networkd",
			       "systemd-network",
			       { "/run/systemd/netif/state",
				 "/etc/systemd/system/multi-user.target.wants/"
				 "systemd-networkd.service" },
			       NULL },
	[MANAGER_CLOUD_INIT] = { "cloud-init",
				 NULL,
				 { "/run/cloud-init" },
				 "/run/cloud-init/disabled" },
};

const char *manager_name(enum manager manager)
{
	return table[manager].name;
}

enum manager manager_named(const char *name)
{
	enum manager manager = 0;

	while (manager < MANAGERS && strcmp(table[manager].name, name))
		manager++;
	return manager;
}

/** search_processes() - by their names in /proc */
static void search_processes(const struct host *host, bool running[MANAGERS])
{
	struct names pids;
	char comm[32];

	host_list(host, &pids, "/proc");
	for (size_t i = 0; i < pids.n; i++) {
		if (!isdigit((unsigned char)*pids.name[i]) ||
		    host_read(host, comm, sizeof(comm), "/proc/%s/comm", pids.name[i]) <= 0)
			continue;
		for (size_t j = 0; j < MANAGERS; j++)
			running[j] |= table[j].comm && !strcmp(comm, table[j].comm);
	}
	names_free(&pids);
}

/** find_running() - which of them run */
static void find_running(const struct host *host, bool running[MANAGERS])
{
	json_t *answer, *names;
	int err;

	memset(running, 0, MANAGERS * sizeof(*running));
	if (ask_recall(host, &answer, &err, "managers")) {
		const json_t *name;
		size_t i;

		json_array_foreach(answer, i, name) {
			const char *text = json_string_value(name);
			enum manager manager = text ? manager_named(text) : MANAGERS;

			if (manager < MANAGERS)
				running[manager] = true;
		}
		json_decref(answer);
		return;
	}
	search_processes(host, running);
	if (!ask_noted(host))
		return;
	names = json_array();
	for (size_t i = 0; i < MANAGERS; i++)
		if (running[i])
			json_array_append_new(names, json_string(table[i].name));
	ask_note(host, 0, names, "managers");
}

void managers_read(const struct host *host, struct managers *managers)
{
	find_running(host, managers->running);
	for (size_t i = 0; i < MANAGERS; i++) {
		managers->there[i] = managers->running[i];
		for (size_t j = 0; table[i].traces[j]; j++)
			managers->there[i] |= host_exists(host, "%s", table[i].traces[j]);
		if (table[i].off && host_exists(host, "%s", table[i].off))
			managers->there[i] = false;
	}
}

bool manager_runs(const struct host *host, enum manager manager)
{
	bool running[MANAGERS];

	find_running(host, running);
	return running[manager];
}

/** value_of() - what follows "KEY=" at the beginning of a line; false: there is no such line */
static bool value_of(const char *text, const char *key, char value[VALUE_MAX])
{
	size_t len = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) || line[len] != '=')
			continue;
		snprintf(value, VALUE_MAX, "%.*s", (int)strcspn(line + len + 1, "\n"),
			 line + len + 1);
		return true;
	}
	return false;
}

/** networkmanager() - from its own notes for its next start; they are empty if it leaves it alone */
static enum manager_grip networkmanager(const struct host *host, int index)
{
	char text[STATE_MAX], value[VALUE_MAX];

	if (host_read(host, text, sizeof(text), "/run/NetworkManager/devices/%d", index) < 0)
		return GRIP_UNKNOWN;
	if (!value_of(text, "managed", value) || !strcmp(value, "false"))
		return GRIP_NONE;
	return value_of(text, "connection-uuid", value) ? GRIP_HOLDS : GRIP_IDLE;
}

/** networkd() - from what sd_network_link_get_setup_state(3) reads */
static enum manager_grip networkd(const struct host *host, int index)
{
	static const struct {
		const char *state;
		enum manager_grip grip;
	} states[] = {
		{ "unmanaged", GRIP_NONE },     { "pending", GRIP_TAKING },
		{ "initialized", GRIP_TAKING }, { "configuring", GRIP_TAKING },
		{ "configured", GRIP_HOLDS },   { "failed", GRIP_IDLE },
	};
	char text[STATE_MAX], value[VALUE_MAX];

	if (host_read(host, text, sizeof(text), "/run/systemd/netif/links/%d", index) < 0 ||
	    !value_of(text, "ADMIN_STATE", value))
		return GRIP_UNKNOWN;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (!strcmp(value, states[i].state))
			return states[i].grip;
	return GRIP_UNKNOWN;
}

enum manager_grip manager_grip(const struct host *host, enum manager manager, int index)
{
	if (manager == MANAGER_NETWORKMANAGER)
		return networkmanager(host, index);
	return manager == MANAGER_NETWORKD ? networkd(host, index) : GRIP_UNKNOWN;
}
