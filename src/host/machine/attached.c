/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/attached.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "host/machine/netlink.h"

/**
 * struct reading - a dump of qdiscs
 */
struct reading {
	const struct netdev *dev;
	struct attachments *found;
};

static int qdisc_kind(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == TCA_KIND)
		*(const char **)arg = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

/** one_qdisc() - keep it, if somebody added it: the kernel's own have no handle */
static int one_qdisc(const struct nlmsghdr *header, void *arg)
{
	const struct tcmsg *info = mnl_nlmsg_get_payload(header);
	const struct reading *reading = arg;
	const char *kind = "?";
	char where[32] = "";
	int err;

	if (header->nlmsg_type != RTM_NEWQDISC || info->tcm_ifindex != reading->dev->index ||
	    !TC_H_MAJ(info->tcm_handle))
		return MNL_CB_OK;
	mnl_attr_parse(header, sizeof(*info), qdisc_kind, &kind);
	if (info->tcm_parent == TC_H_ROOT)
		strcpy(where, " at the root");
	else if (info->tcm_parent != TC_H_INGRESS) /* also clsact's */
		snprintf(where, sizeof(where), " at %x:%x", info->tcm_parent >> 16,
			 info->tcm_parent & 0xffff);
	err = attached_add(reading->found, "qdisc", false,
			   "qdisc %.32s %x:%s, with its classes and filters", kind,
			   info->tcm_handle >> 16, where);
	errno = -err;
	return err ? MNL_CB_ERROR : MNL_CB_OK;
}

static int qdiscs(const struct netdev *dev, struct attachments *found)
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct tcmsg *info = netlink_begin(request, RTM_GETQDISC, NLM_F_DUMP, sizeof(*info));
	struct reading reading = { dev, found };
	struct mnl_socket *socket = netlink_open();
	int err;

	if (!socket)
		return -errno;
	info->tcm_ifindex = dev->index;
	err = netlink_talk(socket, request, one_qdisc, &reading);
	mnl_socket_close(socket);
	return err == -EOPNOTSUPP ? 0 : err; /* a kernel without qdiscs */
}

int attached_read(const struct host *host, const struct netdev *dev, struct attachments *found)
{
	int err;

	memset(found, 0, sizeof(*found));
	err = qdiscs(dev, found);
	if (!err && dev->xdp)
		err = attached_add(found, "xdp", false, "XDP program %u", dev->xdp);
	if (!err)
		err = attached_nftables(host, dev, found);
	return err ? err : attached_settings(dev, found);
}
