/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/unmanage.h - tell the programs that manage the network to leave a port alone.
 *
 * Each is told in its own configuration, by a file in /run that names the port's MAC address. So
 * it holds for both interfaces of the port, under whatever name and number they come back; it holds
 * for a manager that is restarted, or started later; and it is gone after the next boot, as the
 * hand-over itself is. Commands such as 'nmcli device set' or 'networkctl down' hold for one
 * interface, and until the manager's next start.
 */
#ifndef MANAKIN_HOST_HANDOVER_UNMANAGE_H
#define MANAKIN_HOST_HANDOVER_UNMANAGE_H

#include <stdio.h>

#include "base/error.h"
#include "host/machine/manager.h"

#define UNMANAGE_PATH 128u

/** unmanage_path() - the manager's file for a port; false: @key is no MAC address */
bool unmanage_path(enum manager manager, const char *key, char path[UNMANAGE_PATH]);

/** unmanage_is() - does the file say what it should? */
bool unmanage_is(const struct host *host, enum manager manager, const char *key);

/** unmanage_has() - is it there, or what a setup that was killed left of it? */
bool unmanage_has(const struct host *host, enum manager manager, const char *key);

/** unmanage_print() - its text */
void unmanage_print(FILE *out, enum manager manager, const char *key);

/** unmanage_put(), unmanage_remove() - the file; 0 or a negative errno, 0 if it is gone already */
int unmanage_put(const struct host *host, enum manager manager, const char *key);
int unmanage_remove(const struct host *host, enum manager manager, const char *key);

/** unmanage_command() - what makes a manager that runs read its files again; NULL: nothing need */
const char *unmanage_command(const struct host *host, enum manager manager);

/**
 * unmanage_first() - what comes before the file is removed; NULL: nothing
 *
 * Rules of udev, such as those of Azure's images, tell the managers to leave a VF alone that is under
 * its synthetic interface. They have to see that it is, as udev was not told when it came to be so.
 */
char *unmanage_first(const struct host *host, enum manager manager, const char *key);

/**
 * unmanage_run() - run such a command; NULL: nothing
 * @error:	on failure, why, with what the command printed
 *
 * Return: 0; -ENOENT: the program is not installed; -ETIMEDOUT; -EIO: it failed
 */
int unmanage_run(const struct host *host, const char *command, struct error *error);

/** unmanage_busy() - has a manager that holds the interface @name still to configure it? */
bool unmanage_busy(const struct host *host, enum manager manager, const char *name);

#endif
