/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's answers about network interfaces, from rtnetlink (libmnl; rtnetlink(7),
 * <linux/if_link.h>) and sysfs.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compat.h"
#include "host/machine/netdev.h"
#include "host/machine/netdev_route.h"
#include "host/machine/netlink.h"

/* IFLA_PERM_ADDRESS of Linux 5.6, which older headers lack */
#define PERMANENT_ADDRESS 54

#define TRIES             20u /* of a dump, while interfaces come and go */

/** add_altname() - append to the list of other names; 0 or -ENOMEM */
static int add_altname(struct netdev *dev, const char *name)
{
	char *more = NULL;

	if (asprintf(&more, "%s%s%s", dev->altnames ? dev->altnames : "", dev->altnames ? " " : "",
		     name) < 0)
		return -ENOMEM;
	free(dev->altnames);
	dev->altnames = more;
	return 0;
}

/** altname() - one of the names in IFLA_PROP_LIST */
static int altname(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == IFLA_ALT_IFNAME &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 &&
	    add_altname(arg, mnl_attr_get_str(attr))) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

/** vrf_data() - one of the attributes in IFLA_INFO_DATA of a VRF */
static int vrf_data(const struct nlattr *attr, void *arg)
{
	struct netdev *dev = arg;

	if (mnl_attr_get_type(attr) == IFLA_VRF_TABLE &&
	    mnl_attr_get_payload_len(attr) == sizeof(uint32_t))
		dev->vrf_table = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

/** kind_attribute() - one of those in IFLA_LINKINFO; the kind comes before its data */
static int kind_attribute(const struct nlattr *attr, void *arg)
{
	struct netdev *dev = arg;

	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
		snprintf(dev->kind, sizeof(dev->kind), "%.*s", (int)mnl_attr_get_payload_len(attr),
			 mnl_attr_get_str(attr));
	if (mnl_attr_get_type(attr) == IFLA_INFO_DATA && !strcmp(dev->kind, "vrf"))
		return mnl_attr_parse_nested(attr, vrf_data, dev);
	return MNL_CB_OK;
}

/** xdp_attribute() - one of those in IFLA_XDP: the program, of whichever mode */
static int xdp_attribute(const struct nlattr *attr, void *arg)
{
	struct netdev *dev = arg;
	uint16_t type = mnl_attr_get_type(attr);

	if ((type == IFLA_XDP_PROG_ID || type == IFLA_XDP_DRV_PROG_ID ||
	     type == IFLA_XDP_SKB_PROG_ID || type == IFLA_XDP_HW_PROG_ID) &&
	    mnl_attr_get_payload_len(attr) == sizeof(uint32_t) && mnl_attr_get_u32(attr))
		dev->xdp = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

/** link_attribute() - of an interface, as rtnetlink reports it */
static int link_attribute(const struct nlattr *attr, void *arg)
{
	struct netdev *dev = arg;
	uint16_t len = mnl_attr_get_payload_len(attr);
	bool number = len == sizeof(uint32_t);

	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		snprintf(dev->name, sizeof(dev->name), "%.*s", (int)len, mnl_attr_get_str(attr));
		break;
	case IFLA_ADDRESS:
		if (len == sizeof(dev->mac))
			memcpy(dev->mac, mnl_attr_get_payload(attr), sizeof(dev->mac));
		break;
	case IFLA_MTU:
		if (number)
			dev->mtu = mnl_attr_get_u32(attr);
		break;
	case IFLA_MASTER:
		if (number)
			dev->master = (int)mnl_attr_get_u32(attr);
		break;
	case IFLA_LINK:
		if (number)
			dev->lower = (int)mnl_attr_get_u32(attr);
		break;
	case IFLA_LINK_NETNSID:
		dev->lower = 0; /* a number of another namespace; it comes after IFLA_LINK */
		break;
	case IFLA_NUM_TX_QUEUES:
		if (number)
			dev->queues_max = mnl_attr_get_u32(attr);
		break;
	case IFLA_CARRIER:
		dev->carrier = len == 1 && mnl_attr_get_u8(attr);
		break;
	case PERMANENT_ADDRESS:
		dev->has_permanent = len == sizeof(dev->permanent);
		if (dev->has_permanent)
			memcpy(dev->permanent, mnl_attr_get_payload(attr), len);
		break;
	case IFLA_XDP:
		return mnl_attr_parse_nested(attr, xdp_attribute, dev);
	case IFLA_LINKINFO:
		return mnl_attr_parse_nested(attr, kind_attribute, dev);
	case IFLA_PROP_LIST:
		return mnl_attr_parse_nested(attr, altname, dev);
	default:
		break;
	}
	return MNL_CB_OK;
}

static int add_link(const struct nlmsghdr *header, void *arg)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(header);
	struct netdevs *netdevs = arg;
	struct netdev *more, *dev;

	if (header->nlmsg_type != RTM_NEWLINK || info->ifi_family != AF_UNSPEC)
		return MNL_CB_OK;
	more = reallocarray(netdevs->dev, netdevs->n + 1, sizeof(*more));
	if (!more) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	netdevs->dev = more;
	dev = &more[netdevs->n++];
	memset(dev, 0, sizeof(*dev));
	dev->index = info->ifi_index;
	dev->flags = info->ifi_flags;
	return mnl_attr_parse(header, sizeof(*info), link_attribute, dev);
}

/** read_ip() - an address of the family's length; false if it has another */
static bool read_ip(uint8_t family, const struct nlattr *attr, uint8_t ip[16])
{
	size_t len = family == AF_INET ? 4 : 16;

	if (mnl_attr_get_payload_len(attr) != len)
		return false;
	memcpy(ip, mnl_attr_get_payload(attr), len);
	return true;
}

/**
 * struct address_read - an address that is being read
 * @end:	IFA_ADDRESS: the other end's on a point-to-point link, where IFA_LOCAL is ours; it
 *		is ours where there is no IFA_LOCAL (IPv6)
 * @local:	IFA_LOCAL was there
 */
struct address_read {
	struct netdev_address *address;
	uint8_t end[16];
	bool local;
};

/** address_attribute() - of an address, as rtnetlink reports it */
static int address_attribute(const struct nlattr *attr, void *arg)
{
	struct address_read *r = arg;

	if (mnl_attr_get_type(attr) == IFA_LOCAL)
		r->local = read_ip(r->address->family, attr, r->address->address);
	else if (mnl_attr_get_type(attr) == IFA_ADDRESS)
		read_ip(r->address->family, attr, r->end);
	return MNL_CB_OK;
}

static void read_address(const struct nlmsghdr *header, struct netdev_address *address)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(header);
	struct address_read r = { .address = address };

	*address = (struct netdev_address){ .family = info->ifa_family,
					    .prefix = info->ifa_prefixlen };
	mnl_attr_parse(header, sizeof(*info), address_attribute, &r);
	if (!r.local)
		memcpy(address->address, r.end, sizeof(r.end));
}

static int add_address(const struct nlmsghdr *header, void *arg)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(header);
	struct netdev_address *more;
	struct netdev *dev;

	if (header->nlmsg_type != RTM_NEWADDR ||
	    (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
		return MNL_CB_OK;
	dev = netdevs_by_index(arg, (int)info->ifa_index);
	if (!dev) /* it appeared after the interfaces were read */
		return MNL_CB_OK;
	more = reallocarray(dev->addresses, dev->n_addresses + 1, sizeof(*more));
	if (!more) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	dev->addresses = more;
	read_address(header, &more[dev->n_addresses++]);
	return MNL_CB_OK;
}

/** read_device() - what sysfs knows: the device below it, and the queues in use */
static void read_device(const struct host *host, struct netdev *dev)
{
	unsigned long long number;
	struct names queues;

	if (host_link(host, dev->device, sizeof(dev->device), "/sys/class/net/%s/device",
		      dev->name)) {
		*dev->device = '\0';
		return;
	}
	if (host_link(host, dev->driver, sizeof(dev->driver), "/sys/class/net/%s/device/driver",
		      dev->name))
		*dev->driver = '\0';
	if (!host_number(host, &number, "/sys/class/net/%s/dev_port", dev->name))
		dev->dev_port = (unsigned int)number;
	host_list(host, &queues, "/sys/class/net/%s/queues", dev->name);
	for (size_t i = 0; i < queues.n; i++)
		dev->queues += !strncmp(queues.name[i], "rx-", 3);
	names_free(&queues);
}

/** dump() - ask for all links or all addresses */
static int dump(const struct host *host, struct mnl_socket *socket, uint16_t type,
		struct netdevs *netdevs)
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool links = type == RTM_GETLINK;

	netlink_begin(request, type, NLM_F_DUMP,
		      links ? sizeof(struct ifinfomsg) : sizeof(struct ifaddrmsg));
	return netlink_ask(host, socket, links ? "links" : "addresses", request,
			   links ? add_link : add_address, netdevs);
}

/** read_once() - see netdevs_read(); -EINTR: something changed in the meantime */
static int read_once(const struct host *host, struct netdevs *netdevs)
{
	struct mnl_socket *socket = host_is_report(host) ? NULL : netlink_open();
	int err;

	memset(netdevs, 0, sizeof(*netdevs));
	if (!socket && !host_is_report(host))
		return -errno;
	err = dump(host, socket, RTM_GETLINK, netdevs);
	if (!err)
		err = dump(host, socket, RTM_GETADDR, netdevs);
	for (size_t i = 0; !err && i < netdevs->n; i++)
		read_device(host, &netdevs->dev[i]);
	if (!err)
		err = netdevs_mark_routes(host, socket, netdevs);
	if (socket)
		mnl_socket_close(socket);
	return err;
}

int netdevs_read(const struct host *host, struct netdevs *netdevs)
{
	int err;

	memset(netdevs, 0, sizeof(*netdevs));
	if (!host_has_interfaces(host))
		return 0;
	err = read_once(host, netdevs);
	/* The kernel reports this if something changed during the dump. */
	for (unsigned int i = 0; err == -EINTR && i < TRIES; i++) {
		netdevs_free(netdevs);
		err = read_once(host, netdevs);
	}
	return err;
}
