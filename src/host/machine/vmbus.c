/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/vmbus.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/machine/pci.h"

#define DIGITS 32u /* hexadecimal, of a UUID */

bool vmbus_uuid_ok(const char *text)
{
	for (unsigned int i = 0; i < VMBUS_UUID_TEXT - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return !text[VMBUS_UUID_TEXT - 1];
}

/** six_bytes() - from twelve hexadecimal digits */
static void six_bytes(const char *digits, uint8_t mac[6])
{
	for (unsigned int i = 0; i < 6; i++) {
		char byte[3] = { digits[2 * i], digits[2 * i + 1] };

		mac[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
}

/**
 * uuid_mac() - the MAC address in a network device's UUID
 *
 * Azure's have two forms. 000d3af5-76bd-000d-3af5-76bd000d3af5 is the address, repeated
 * (Microsoft's "How Accelerated Networking works" shows such a boot log);
 * f8615163-0001-1000-2000-6045bdfdd8eb is the first part of the class, the interface's number,
 * two constants, and the address (kernel log in vyos-1x's pull request 5338). Hyper-V elsewhere
 * uses random ones.
 *
 * Return: false if there is none
 */
static bool uuid_mac(const char *uuid, uint8_t mac[6])
{
	char digits[DIGITS] = { 0 };
	unsigned int n = 0, i;

	for (i = 0; uuid[i] && n < DIGITS; i++)
		if (uuid[i] != '-')
			digits[n++] = (char)tolower((unsigned char)uuid[i]);
	if (!memcmp(digits, VMBUS_CLASS_NETWORK, 8) && !memcmp(digits + 12, "10002000", 8)) {
		six_bytes(digits + 20, mac);
		return true;
	}
	for (i = 12; i < n; i++)
		if (digits[i] != digits[i % 12])
			return false;
	six_bytes(digits, mac);
	return true;
}

/** is_of() - is it a device of this class? */
static bool is_of(const struct host *host, const char *uuid, const char *wanted)
{
	char class[48];

	/* The kernel puts braces around it. */
	return host_read(host, class, sizeof(class), "/sys/bus/vmbus/devices/%s/class_id", uuid) >
		       0 &&
	       !strncasecmp(class + (*class == '{'), wanted, VMBUS_UUID_TEXT - 1);
}

/** driver_of() - the driver that a device is bound to; empty: none */
static void driver_of(const struct host *host, const char *uuid, char *driver, size_t size)
{
	if (host_link(host, driver, size, "/sys/bus/vmbus/devices/%s/driver", uuid))
		*driver = '\0';
}

/** driven_by() - is the device bound to this driver? */
static bool driven_by(const struct host *host, const char *uuid, const char *driver)
{
	char now[32];

	driver_of(host, uuid, now, sizeof(now));
	return !strcmp(now, driver);
}

int vmbus_read(const struct host *host, struct vmbus_devices *devices)
{
	struct vmbus_device *device;
	struct names names;
	int err;

	memset(devices, 0, sizeof(*devices));
	err = host_list(host, &names, "/sys/bus/vmbus/devices");
	if (err == -ENOENT || err == -ENOTDIR)
		err = 0;
	devices->device = calloc(names.n + 1, sizeof(*devices->device));
	if (!devices->device)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < names.n; i++) {
		if (!vmbus_uuid_ok(names.name[i]) ||
		    !is_of(host, names.name[i], VMBUS_CLASS_NETWORK))
			continue;
		device = &devices->device[devices->n++];
		strcpy(device->uuid, names.name[i]);
		driver_of(host, device->uuid, device->driver, sizeof(device->driver));
		device->has_mac = uuid_mac(device->uuid, device->mac);
	}
	names_free(&names);
	return err;
}

void vmbus_free(struct vmbus_devices *devices)
{
	free(devices->device);
	memset(devices, 0, sizeof(*devices));
}

/** has_function() - is there a PCI function behind the device? Below it is its bus: pci7870:00 */
static bool has_function(const struct host *host, const char *uuid)
{
	struct names below, functions;
	bool found = false;

	host_list(host, &below, "/sys/bus/vmbus/devices/%s", uuid);
	for (size_t i = 0; i < below.n && !found; i++) {
		if (strncmp(below.name[i], "pci", 3) != 0)
			continue;
		host_list(host, &functions, "/sys/bus/vmbus/devices/%s/%s", uuid, below.name[i]);
		for (size_t j = 0; j < functions.n && !found; j++)
			found = pci_address_ok(functions.name[j]);
		names_free(&functions);
	}
	names_free(&below);
	return found;
}

void vmbus_pci_read(const struct host *host, struct vmbus_pci *pci)
{
	struct names names;
	char driver[32];

	memset(pci, 0, sizeof(*pci));
	host_list(host, &names, "/sys/bus/vmbus/devices");
	for (size_t i = 0; i < names.n; i++) {
		const char *uuid = names.name[i];

		if (!vmbus_uuid_ok(uuid) || !is_of(host, uuid, VMBUS_CLASS_PCI))
			continue;
		pci->n++;
		driver_of(host, uuid, driver, sizeof(driver));
		if (*driver && has_function(host, uuid))
			continue;
		if (!*pci->uuid)
			strcpy(pci->uuid, uuid);
		if (*driver)
			pci->without_function++;
		else
			pci->without_driver++;
	}
	names_free(&names);
}

int vmbus_override(const struct host *host, const char *uuid, char driver[32])
{
	ssize_t len =
		host_read(host, driver, 32, "/sys/bus/vmbus/devices/%s/driver_override", uuid);

	/* What the kernel shows while there is none */
	if (len < 0 || !strcmp(driver, "(null)"))
		*driver = '\0';
	return len < 0 ? (int)len : 0;
}

int vmbus_set_override(const struct host *host, const char *uuid, const char *driver)
{
	char line[40];

	snprintf(line, sizeof(line), "%s\n", driver);
	return host_write(host, line, "/sys/bus/vmbus/devices/%s/driver_override", uuid);
}

int vmbus_new_id(const struct host *host, const char *driver)
{
	int err = host_write(host, VMBUS_CLASS_NETWORK, "/sys/bus/vmbus/drivers/%s/new_id", driver);

	return err == -EEXIST ? 1 : err;
}

int vmbus_remove_id(const struct host *host, const char *driver)
{
	int err = host_write(host, VMBUS_CLASS_NETWORK, "/sys/bus/vmbus/drivers/%s/remove_id",
			     driver);

	return err == -ENODEV ? 0 : err;
}

int vmbus_unbind(const struct host *host, const char *driver, const char *uuid)
{
	int err = host_write(host, uuid, "/sys/bus/vmbus/drivers/%s/unbind", driver);

	return err == -ENODEV && host_exists(host, "/sys/bus/vmbus/devices/%s", uuid) &&
			       !driven_by(host, uuid, driver)
		       ? 0
		       : err;
}

int vmbus_bind(const struct host *host, const char *driver, const char *uuid)
{
	int err = host_write(host, uuid, "/sys/bus/vmbus/drivers/%s/bind", driver);

	/* new_id itself binds devices without a driver. */
	return err && driven_by(host, uuid, driver) ? 0 : err;
}
