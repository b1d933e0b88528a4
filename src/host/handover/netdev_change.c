/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/handover/netdev_change.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "host/machine/netlink.h"

/** change_link() - ask for a change of interface @index, and wait for the kernel's answer */
static int change_link(void *request, int index)
{
	struct ifinfomsg *info = mnl_nlmsg_get_payload(request);
	struct mnl_socket *socket = netlink_open();
	int err;

	if (!socket)
		return -errno;
	info->ifi_index = index;
	err = netlink_talk(socket, request, NULL, NULL);
	mnl_socket_close(socket);
	return err;
}

int netdev_set_up(int index, bool up)
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct ifinfomsg *info = netlink_begin(request, RTM_NEWLINK, NLM_F_ACK, sizeof(*info));

	info->ifi_change = IFF_UP;
	info->ifi_flags = up ? IFF_UP : 0;
	return change_link(request, index);
}

int netdev_set_mtu(int index, unsigned int mtu)
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));

	netlink_begin(request, RTM_NEWLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
	mnl_attr_put_u32((struct nlmsghdr *)request, IFLA_MTU, mtu);
	return change_link(request, index);
}

int netdev_rename(int index, const char *name)
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));

	netlink_begin(request, RTM_NEWLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
	mnl_attr_put_strz((struct nlmsghdr *)request, IFLA_IFNAME, name);
	return change_link(request, index);
}
