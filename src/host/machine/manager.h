/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/manager.h - the programs that configure a machine's network interfaces by
 * themselves, and could set one up again that was handed over.
 *
 * What a manager does with an interface is read from the files that it keeps in /run, as sd-network
 * (systemd) and NetworkManager itself read them after a restart.
 */
#ifndef MANAKIN_HOST_MACHINE_MANAGER_H
#define MANAKIN_HOST_MACHINE_MANAGER_H

#include <stdbool.h>

#include "host/machine/root.h"

enum manager {
	MANAGER_NETWORKMANAGER,
	MANAGER_NETWORKD,
	MANAGER_CLOUD_INIT, /* which udev calls when an interface appears or disappears */
	MANAGERS,
};

/* What a manager does with an interface */
enum manager_grip {
	GRIP_UNKNOWN, /* it does not know the interface, or does not run */
	GRIP_NONE,    /* it leaves it alone: "unmanaged" */
	GRIP_TAKING,  /* it is configuring it */
	GRIP_IDLE,    /* it is in charge of it, and has nothing (more) to configure */
	GRIP_HOLDS,   /* it has configured it */
};

/**
 * struct managers - those of a machine
 * @there:	it runs, has run since the boot, or is enabled at boot
 * @running:	it runs now; cloud-init, which runs only when called, never does
 */
struct managers {
	bool there[MANAGERS];
	bool running[MANAGERS];
};

/** managers_read() - which there are */
void managers_read(const struct host *host, struct managers *managers);

/** manager_name() - "NetworkManager", "systemd-networkd", "cloud-init" */
const char *manager_name(enum manager manager);

/** manager_named() - by that name, or MANAGERS */
enum manager manager_named(const char *name);

/** manager_runs() - does it run now? */
bool manager_runs(const struct host *host, enum manager manager);

/** manager_grip() - of a manager that runs, on interface @index */
enum manager_grip manager_grip(const struct host *host, enum manager manager, int index);

#endif
