/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/persist.h - the systemd unit that hands interfaces over at boot, with a line for
 * each port.
 */
#ifndef MANAKIN_HOST_HANDOVER_PERSIST_H
#define MANAKIN_HOST_HANDOVER_PERSIST_H

#include "host/machine/root.h"

#define PERSIST_DIRECTORY "/etc/systemd/system"
#define PERSIST_UNIT      "manakin-setup.service"
#define PERSIST_WANTS     "multi-user.target.wants"

/**
 * persist_text() - the unit as it should be
 * @key:	whose line; it is the line's last word. NULL: all lines
 * @command:	what the line runs, without the key; NULL: remove the line
 * @text:	allocated; NULL if no line is left
 *
 * Return: 0, -ENOMEM
 */
int persist_text(const struct host *host, const char *key, const char *command, char **text);

/** persist_has() - is there a line for this port (NULL: for any), or what a killed setup left? */
bool persist_has(const struct host *host, const char *key);

/** persist_is() - is the port's line this one, and the unit enabled? */
bool persist_is(const struct host *host, const char *key, const char *command);

/** persist_put() - write the unit, or remove it (NULL), and what enables it */
int persist_put(const struct host *host, const char *text);

#endif
