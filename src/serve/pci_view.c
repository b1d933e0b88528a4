/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The files are those that drivers/bus/pci/linux/pci.c of DPDK reads of a device under
 * /sys/bus/pci/devices, and manakin_socket, which tells this project's driver where to connect.
 * DPDK skips a device without a driver link, so there is one; it dangles.
 */
#include "serve/pci_view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/native.h"
#include "wire/reg.h"

#define LINK_DRIVER "driver"
#define LINK_SOCKET "manakin_socket"

static const char *const files[] = { "vendor",           "device",           "class",
				     "subsystem_vendor", "subsystem_device", "numa_node",
				     "resource",         "max_vfs" };

bool pci_view_address_ok(const char *address)
{
	unsigned int domain, bus, device, function;
	int end = 0;

	return sscanf(address, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) == 4 &&
	       end == 12 && !address[end] && device < 32 && function < 8;
}

static int write_file(const char *directory, const char *name, const char *text)
{
	char path[256];
	FILE *file;
	int err = 0;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	if (!file)
		return -errno;
	if (fputs(text, file) < 0)
		err = -EIO;
	if (fclose(file) && !err)
		err = -errno;
	return err;
}

static int write_files(const char *directory, bool physical)
{
	char device[16], resource[512];
	const char *const texts[] = { "0x1414\n", device, "0x020000\n", "0x1414\n",
				      device,     "-1\n", resource,     "0\n" };

	static_assert(sizeof(texts) / sizeof(texts[0]) == sizeof(files) / sizeof(files[0]),
		      "a text for each file");
	snprintf(device, sizeof(device), "0x%04x\n",
		 physical ? MANA_PCI_DEVICE_ID_PF : MANA_PCI_DEVICE_ID_VF);
	/* No region can be mapped through sysfs: all of them come through the socket. */
	resource[0] = '\0';
	for (int i = 0; i < 7; i++)
		strcat(resource, "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int err = write_file(directory, files[i], texts[i]);

		if (err)
			return err;
	}
	return 0;
}

static int make_link(const char *directory, const char *name, const char *target)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return symlink(target, path) < 0 ? -errno : 0;
}

int pci_view_make(const char *directory, const char *address, bool physical, struct error *error)
{
	char path[200];
	int err = 0;

	pci_view_remove(directory, address);
	/* Created here if it was missing, or was empty and thus removed above. */
	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		err = -errno;
	snprintf(path, sizeof(path), "%s/pci", directory);
	if (!err && mkdir(path, 0755) < 0 && errno != EEXIST)
		err = -errno;
	snprintf(path, sizeof(path), "%s/pci/%s", directory, address);
	if (!err && mkdir(path, 0755) < 0)
		err = -errno;
	if (!err)
		err = write_files(path, physical);
	if (!err)
		err = make_link(path, LINK_DRIVER, "../../drivers/mana");
	if (!err)
		err = make_link(path, LINK_SOCKET, "../../socket");
	if (err)
		error_say(error, "cannot create %s: %s; choose another --name or --socket", path,
			  strerror(-err));
	return err;
}

void pci_view_remove(const char *directory, const char *address)
{
	char path[256];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/pci/%s/%s", directory, address, files[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/pci/%s/" LINK_DRIVER, directory, address);
	unlink(path);
	snprintf(path, sizeof(path), "%s/pci/%s/" LINK_SOCKET, directory, address);
	unlink(path);
	snprintf(path, sizeof(path), "%s/pci/%s", directory, address);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/pci", directory);
	rmdir(path);
	rmdir(directory);
}

int pci_view_give(const char *directory, const char *address, uid_t uid, gid_t gid)
{
	static const char *const folders[] = { "", "/pci", "/pci/" };
	char path[200];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s%s%s", directory, folders[i],
			 i == 2 ? address : "");
		if (lchown(path, uid, gid) < 0)
			return -errno;
	}
	return 0;
}
