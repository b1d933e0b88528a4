/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The files are those that drivers/bus/pci/linux/pci.c of DPDK reads of a device under
 * /sys/bus/pci/devices, and manakin_socket, which tells this project's driver where to connect.
 * DPDK skips a device without a driver link, so there is one; it dangles.
 */
#include "serve/pci_view.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "wire/native.h"
#include "wire/reg.h"

#define VIEW_PATH   256u /* bytes */
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

static int write_file(int at, const char *name, const char *text)
{
	int fd = beneath_open(at, name, O_WRONLY | O_CREAT | O_EXCL, 0644), err;

	if (fd < 0)
		return fd;
	err = beneath_write(fd, text);
	close(fd);
	return err;
}

static int write_files(int at, bool physical)
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
		int err = write_file(at, files[i], texts[i]);

		if (err)
			return err;
	}
	return 0;
}

/** make_directory() - one that may exist; 0 or a negative errno */
static int make_directory(int at, const char *path, mode_t mode)
{
	int err = beneath_mkdir(at, path, mode);

	return err == -EEXIST ? 0 : err;
}

/** below() - a path below the parent of @directory: @directory's name and what follows */
__attribute__((format(printf, 3, 4))) static const char *
below(char path[VIEW_PATH], const char *directory, const char *format, ...)
{
	const char *name = strrchr(directory, '/');
	size_t len = (size_t)snprintf(path, VIEW_PATH, "%s", name ? name + 1 : directory);
	va_list ap;

	va_start(ap, format);
	if (len < VIEW_PATH)
		vsnprintf(path + len, VIEW_PATH - len, format, ap);
	va_end(ap);
	return path;
}

/** open_parent() - the directory that @directory is in; a descriptor or a negative errno */
static int open_parent(const char *directory)
{
	char path[VIEW_PATH];
	const char *slash = strrchr(directory, '/');
	int fd;

	snprintf(path, sizeof(path), "%.*s", slash ? (int)(slash - directory) : 1,
		 slash ? directory : ".");
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int pci_view_make(const char *directory, const char *address, bool physical, struct error *error)
{
	char path[VIEW_PATH];
	int at = open_parent(directory), view = -1, err = at < 0 ? at : 0;

	pci_view_remove(directory, address);
	/* Created here if it was missing, or was empty and thus removed above. */
	if (!err)
		err = make_directory(at, below(path, directory, "%s", ""), 0700);
	if (!err)
		err = make_directory(at, below(path, directory, "/pci"), 0755);
	if (!err)
		err = beneath_mkdir(at, below(path, directory, "/pci/%s", address), 0755);
	if (!err) {
		view = beneath_open(at, path, O_PATH | O_DIRECTORY, 0);
		err = view < 0 ? view : write_files(view, physical);
	}
	if (!err)
		err = beneath_symlink(view, "../../drivers/mana", LINK_DRIVER);
	if (!err)
		err = beneath_symlink(view, "../../socket", LINK_SOCKET);
	if (view >= 0)
		close(view);
	if (at >= 0)
		close(at);
	if (err)
		error_say(error, "cannot create %s/pci/%s: %s; choose another --name or --socket",
			  directory, address, strerror(-err));
	return err;
}

/**
 * remove_one() - a file or directory of the view
 * @at:		as open_parent() returned it. In a sandbox nothing can be opened, but nothing can be
 *		removed outside of @directory either, whatever links there are
 */
static void remove_one(int at, const char *directory, const char *rest, int flags)
{
	char path[VIEW_PATH];

	if (at >= 0)
		beneath_remove(at, below(path, directory, "%s", rest), flags);
	else if (snprintf(path, sizeof(path), "%s%s", directory, rest) < (int)sizeof(path))
		unlinkat(AT_FDCWD, path, flags);
}

void pci_view_remove(const char *directory, const char *address)
{
	static const char *const links[] = { LINK_DRIVER, LINK_SOCKET };
	int at = open_parent(directory);
	char rest[VIEW_PATH];

	if (at < 0 && at != -EACCES)
		return;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(rest, sizeof(rest), "/pci/%s/%s", address, files[i]);
		remove_one(at, directory, rest, 0);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		snprintf(rest, sizeof(rest), "/pci/%s/%s", address, links[i]);
		remove_one(at, directory, rest, 0);
	}
	snprintf(rest, sizeof(rest), "/pci/%s", address);
	remove_one(at, directory, rest, AT_REMOVEDIR);
	remove_one(at, directory, "/pci", AT_REMOVEDIR);
	remove_one(at, directory, "", AT_REMOVEDIR);
	if (at >= 0)
		close(at);
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
