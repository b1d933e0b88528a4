/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The changes of host/machine/netdev.h that setup makes to an interface and undoes.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "host/machine/netdev.h"
#include "host/machine/netlink.h"

/** send_request() - on a socket of its own, and wait for the kernel's word */
static int send_request(void *request)
{
	struct mnl_socket *socket = netlink_open();
	int err;

	if (!socket)
		return -errno;
	err = netlink_talk(socket, request, NULL, NULL);
	mnl_socket_close(socket);
	return err;
}

int netdev_set_up(int index, bool up)
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct ifinfomsg *info = netlink_begin(request, RTM_NEWLINK, NLM_F_ACK, sizeof(*info));

	info->ifi_index = index;
	info->ifi_change = IFF_UP;
	info->ifi_flags = up ? IFF_UP : 0;
	return send_request(request);
}

int netdev_set_mtu(int index, unsigned int mtu)
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct ifinfomsg *info = netlink_begin(request, RTM_NEWLINK, NLM_F_ACK, sizeof(*info));

	info->ifi_index = index;
	mnl_attr_put_u32((struct nlmsghdr *)request, IFLA_MTU, mtu);
	return send_request(request);
}

int netdev_add_address(int index, const struct netdev_address *address)
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct ifa_cacheinfo life = { .ifa_valid = address->valid,
				      .ifa_prefered = address->preferred };
	struct ifaddrmsg *info = netlink_begin(
		request, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, sizeof(*info));
	struct nlmsghdr *header = (struct nlmsghdr *)request;
	size_t len = address->family == AF_INET ? 4 : 16;

	info->ifa_family = address->family;
	info->ifa_prefixlen = address->prefix;
	info->ifa_scope = address->scope;
	info->ifa_index = (uint32_t)index;
	/* What is temporary, tentative or the like is the kernel's to say; the rest may be asked.
	 */
	mnl_attr_put_u32(header, IFA_FLAGS,
			 address->flags & (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR |
					   IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN));
	mnl_attr_put(header, IFA_LOCAL, len, address->address);
	mnl_attr_put(header, IFA_ADDRESS, len,
		     address->has_peer ? address->peer : address->address);
	if (address->family == AF_INET && *address->label)
		mnl_attr_put_strz(header, IFA_LABEL, address->label);
	mnl_attr_put(header, IFA_CACHEINFO, sizeof(life), &life);
	return send_request(request);
}
