/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/manager.h"

#include <ctype.h>
#include <string.h>

#define STATE_MAX 65536u /* bytes of a file of states; real ones have less than 2000 */

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

/** find_running() - by their names in /proc */
static void find_running(const struct host *host, bool running[MANAGERS])
{
	struct names pids;
	char comm[32];

	memset(running, 0, MANAGERS * sizeof(*running));
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

/** value() - of a line "KEY=VALUE" among others; false: there is none */
static bool value(char *text, const char *key, char **found)
{
	size_t len = strlen(key);
	char *line;

	while ((line = strsep(&text, "\n")))
		if (!strncmp(line, key, len) && line[len] == '=') {
			*found = line + len + 1;
			return true;
		}
	return false;
}

/** networkmanager() - from its own notes for its next start; they are empty if it leaves it alone */
static enum manager_grip networkmanager(const struct host *host, int index)
{
	char text[STATE_MAX], again[STATE_MAX], *found;

	if (host_read(host, text, sizeof(text), "/run/NetworkManager/devices/%d", index) < 0)
		return GRIP_UNKNOWN;
	strcpy(again, text);
	if (!value(text, "managed", &found) || !strcmp(found, "false"))
		return GRIP_NONE;
	return value(again, "connection-uuid", &found) ? GRIP_HOLDS : GRIP_IDLE;
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
	char text[STATE_MAX], *found;

	if (host_read(host, text, sizeof(text), "/run/systemd/netif/links/%d", index) < 0 ||
	    !value(text, "ADMIN_STATE", &found))
		return GRIP_UNKNOWN;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (!strcmp(found, states[i].state))
			return states[i].grip;
	return GRIP_UNKNOWN;
}

enum manager_grip manager_grip(const struct host *host, enum manager manager, int index)
{
	if (manager == MANAGER_NETWORKMANAGER)
		return networkmanager(host, index);
	return manager == MANAGER_NETWORKD ? networkd(host, index) : GRIP_UNKNOWN;
}
