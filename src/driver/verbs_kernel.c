/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/verbs_kernel.c - what the kernel reports about an adapter that it owns
 *
 * An adapter that mana.ko drives has an RDMA device, if mana_ib.ko is loaded, and a network
 * interface for each vPort. The interface's "dev_port" identifies the vPort: RDMA counts ports from
 * 1, dev_port from 0.
 */
#include "driver/verbs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mac.h"

#define ATTRIBUTE_MAX 64u

struct ibv_device *verbs_device(struct ibv_device **list, const char *pci)
{
	for (; *list; list++) {
		char path[IBV_SYSFS_PATH_MAX + 8], target[PATH_MAX];
		const char *name;

		snprintf(path, sizeof(path), "%s/device", (*list)->ibdev_path);
		if (!realpath(path, target))
			continue;
		name = strrchr(target, '/');
		if (name && !strcmp(name + 1, pci))
			return *list;
	}
	return NULL;
}

/** attribute() - read one of an interface's sysfs files into @text; false on failure */
static bool attribute(const char *directory, const char *interface, const char *file,
		      char text[ATTRIBUTE_MAX])
{
	char path[PATH_MAX];
	FILE *stream;
	bool ok;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s/%s", directory, interface, file) >=
	    sizeof(path))
		return false;
	stream = fopen(path, "re");
	if (!stream)
		return false;
	ok = fgets(text, ATTRIBUTE_MAX, stream) != NULL;
	fclose(stream);
	if (ok)
		text[strcspn(text, "\n")] = '\0';
	return ok;
}

/** mtu_max() - the largest MTU that an interface supports; sysfs has only the current one */
static uint32_t mtu_max(unsigned int index)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = RTM_GETLINK,
			    .nlmsg_flags = NLM_F_REQUEST },
		.info = { .ifi_family = AF_UNSPEC, .ifi_index = (int)index },
	};
	struct nlmsghdr answer[1024]; /* 16 KiB, aligned for netlink */
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	uint32_t mtu = 0;
	ssize_t len;

	if (fd < 0)
		return 0;
	len = send(fd, &request, sizeof(request), 0) < 0 ? -1 : recv(fd, answer, sizeof(answer), 0);
	close(fd);
	if (len < 0 || !NLMSG_OK(answer, (size_t)len) || answer->nlmsg_type != RTM_NEWLINK)
		return 0;
	len = (ssize_t)NLMSG_PAYLOAD(answer, sizeof(struct ifinfomsg));
	for (struct rtattr *at = IFLA_RTA(NLMSG_DATA(answer)); RTA_OK(at, len);
	     at = RTA_NEXT(at, len))
		if (at->rta_type == IFLA_MAX_MTU && RTA_PAYLOAD(at) == sizeof(mtu))
			memcpy(&mtu, RTA_DATA(at), sizeof(mtu));
	return mtu;
}

/** describe() - read the properties of the interface @name */
static int describe(const char *directory, const char *name, struct verbs_interface *interface)
{
	char text[ATTRIBUTE_MAX];

	if (!attribute(directory, name, "address", text) || mac_parse(text, interface->mac))
		return -ENODEV;
	snprintf(interface->name, sizeof(interface->name), "%.*s", IF_NAMESIZE - 1, name);
	interface->up =
		attribute(directory, name, "flags", text) && strtoul(text, NULL, 16) & IFF_UP;
	interface->mtu_max = mtu_max(if_nametoindex(name));
	return 0;
}

int verbs_interface(const struct ibv_device *device, unsigned int index,
		    struct verbs_interface *interface)
{
	char directory[IBV_SYSFS_PATH_MAX + 16], text[ATTRIBUTE_MAX];
	const struct dirent *entry;
	int err = -ENODEV;
	DIR *dir;

	snprintf(directory, sizeof(directory), "%s/device/net", device->ibdev_path);
	dir = opendir(directory);
	if (!dir)
		return -ENODEV;
	while (err && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
		    !attribute(directory, entry->d_name, "dev_port", text) ||
		    strtoul(text, NULL, 10) != index)
			continue;
		err = describe(directory, entry->d_name, interface);
	}
	closedir(dir);
	return err;
}

int verbs_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}
