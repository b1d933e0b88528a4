/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/handover/netdev_change.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "base/compat.h"
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

int netdev_add_altname(int index, const char *name)
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *header = (struct nlmsghdr *)request;
	struct nlattr *list;

	netlink_begin(request, RTM_NEWLINKPROP,
		      NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND,
		      sizeof(struct ifinfomsg));
	list = mnl_attr_nest_start(header, IFLA_PROP_LIST);
	mnl_attr_put_strz(header, IFLA_ALT_IFNAME, name);
	mnl_attr_nest_end(header, list);
	return change_link(request, index);
}

int netdev_set_mac(int index, const uint8_t mac[6])
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));

	netlink_begin(request, RTM_NEWLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
	mnl_attr_put((struct nlmsghdr *)request, IFLA_ADDRESS, 6, mac);
	return change_link(request, index);
}
