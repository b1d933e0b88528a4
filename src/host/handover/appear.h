/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/appear.h - wait for what a driver does after it was bound to a device.
 *
 * The driver has changed when write() returns, but the interface, its name, and the VF under it may
 * come later: workqueues, udev and the host take part.
 */
#ifndef MANAKIN_HOST_HANDOVER_APPEAR_H
#define MANAKIN_HOST_HANDOVER_APPEAR_H

#include <net/if.h>

#include "host/machine/manager.h"
#include "host/machine/root.h"

/** appear_driver() - until a VMBus device has this driver (NULL: none); 0 or -ETIMEDOUT */
int appear_driver(const struct host *host, const char *uuid, const char *driver, unsigned int ms);

/** appear_find() - the number of a VMBus device's interface; 0: it has none */
int appear_find(const struct host *host, const char *uuid);

/** appear_wait() - until it has one; 0 or -ETIMEDOUT, or another negative errno */
int appear_wait(const struct host *host, const char *uuid, unsigned int ms);

/**
 * appear_named() - until an interface is called @wanted
 * @name:	filled in with what it is called
 *
 * Return: 0, -ETIMEDOUT, or -ENODEV: it is gone
 */
int appear_named(int index, const char *wanted, unsigned int ms, char name[IFNAMSIZ]);

/** appear_grip() - until a manager's grip on interface @index is at least @wanted; 0 or -ETIMEDOUT */
int appear_grip(const struct host *host, enum manager manager, int index, enum manager_grip wanted,
		unsigned int ms);

/** appear_let_go() - until a manager leaves interface @index alone; 0 or -ETIMEDOUT */
int appear_let_go(const struct host *host, enum manager manager, int index, unsigned int ms);

/** appear_joined() - until interface @vf is under that of a VMBus device; 0 or -ETIMEDOUT */
int appear_joined(const struct host *host, int vf, const char *uuid, unsigned int ms);

#endif
