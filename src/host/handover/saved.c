/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/handover/saved.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/compat.h"
#include "base/quote.h"
#include "host/machine/netlink.h"

#define MESSAGE_MAX        16384u /* bytes of one; a route of 256 next hops has 7 KiB */
#define ALTNAME_MAX        128u   /* bytes of another name, with the end (ALTIFNAMSIZ) */
#define FOREVER            UINT32_MAX
#define TRIES              20u /* of a dump, while addresses and routes come and go */

/* From <linux/if_addr.h> of Linux 5.18, which older headers lack */
#define ADDRESS_PROTOCOL   11 /* IFA_PROTO */
#define PROTOCOL_LINKLOCAL 3  /* IFAPROT_KERNEL_LL */

/**
 * struct saving - a dump of addresses or routes in progress
 * @dev:	whose are kept
 * @list:	array they go to
 */
struct saving {
	const struct netdevs *netdevs;
	const struct netdev *dev;
	json_t *list;
};

static long seconds_since_boot(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

/** attribute() - the first of this type among a message's, or NULL */
static const struct nlattr *attribute(const struct nlmsghdr *header, size_t family_size, int type)
{
	const struct nlattr *attr;

	netlink_each(attr, header, family_size)
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

/** value() - of an attribute of 32 bits, or @otherwise */
static uint32_t value(const struct nlattr *attr, uint32_t otherwise)
{
	return attr && mnl_attr_get_payload_len(attr) == sizeof(uint32_t) ? mnl_attr_get_u32(attr)
									  : otherwise;
}

/** number() - a 32-bit attribute's value, or @otherwise */
static uint32_t number(const struct nlmsghdr *header, size_t family_size, int type,
		       uint32_t otherwise)
{
	return value(attribute(header, family_size, type), otherwise);
}

/** keep() - add a message and its words to the list; @text is freed */
static int keep(const struct saving *saving, const struct nlmsghdr *header, char *text)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = (const uint8_t *)header;
	const uint8_t *family = mnl_nlmsg_get_payload(header);
	size_t len = header->nlmsg_len;
	char *hex = text ? malloc(2 * len + 1) : NULL;
	int err = -ENOMEM;

	if (hex) {
		for (size_t i = 0; i < len; i++) {
			hex[2 * i] = digits[bytes[i] >> 4];
			hex[2 * i + 1] = digits[bytes[i] & 15];
		}
		hex[2 * len] = '\0';
		err = json_array_append_new(saving->list, json_pack("{s:i, s:s, s:s}", "family",
								    *family == AF_INET6 ? 6 : 4,
								    "text", text, "netlink", hex))
			      ? -ENOMEM
			      : 0;
	}
	free(hex);
	free(text);
	errno = -err;
	return err ? MNL_CB_ERROR : MNL_CB_OK;
}

/** put_address() - an address attribute as text, after @word */
static void put_address(FILE *out, const char *word, uint8_t family, const struct nlattr *attr)
{
	char text[INET6_ADDRSTRLEN];

	if (attr && mnl_attr_get_payload_len(attr) == (family == AF_INET ? 4 : 16))
		fprintf(out, "%s%s", word,
			inet_ntop(family, mnl_attr_get_payload(attr), text, sizeof(text)));
}

/** put_name() - a name that somebody chose, after a word of ip(8), as a shell takes it */
static void put_name(FILE *out, const char *word, const char *name)
{
	fputs(word, out);
	quote_word(out, name);
}

/** address_text() - as ip-address(8) expects it; allocated, or NULL */
static char *address_text(const struct nlmsghdr *header, const struct netdev *dev)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(header);
	const struct nlattr *local = attribute(header, sizeof(*info), IFA_LOCAL);
	const struct nlattr *address = attribute(header, sizeof(*info), IFA_ADDRESS);
	const struct nlattr *label = attribute(header, sizeof(*info), IFA_LABEL);
	const struct nlattr *life = attribute(header, sizeof(*info), IFA_CACHEINFO);
	uint32_t flags = number(header, sizeof(*info), IFA_FLAGS, info->ifa_flags);
	uint32_t metric = number(header, sizeof(*info), IFA_RT_PRIORITY, 0);
	size_t size, len = info->ifa_family == AF_INET ? 4 : 16;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	put_address(out, "", info->ifa_family, local ? local : address);
	if (local && address && mnl_attr_get_payload_len(local) == len &&
	    mnl_attr_get_payload_len(address) == len &&
	    memcmp(mnl_attr_get_payload(local), mnl_attr_get_payload(address), len))
		put_address(out, " peer ", info->ifa_family, address);
	fprintf(out, "/%u", info->ifa_prefixlen);
	put_address(out, " broadcast ", info->ifa_family,
		    attribute(header, sizeof(*info), IFA_BROADCAST));
	if (info->ifa_family == AF_INET && info->ifa_scope != RT_SCOPE_UNIVERSE)
		fprintf(out, " scope %u", info->ifa_scope);
	if (info->ifa_family == AF_INET && label &&
	    mnl_attr_validate(label, MNL_TYPE_NUL_STRING) >= 0 &&
	    strcmp(mnl_attr_get_str(label), dev->name))
		put_name(out, " label ", mnl_attr_get_str(label));
	if (metric)
		fprintf(out, " metric %u", metric);
	fprintf(out, "%s%s%s%s", flags & IFA_F_NODAD ? " nodad" : "",
		flags & IFA_F_HOMEADDRESS ? " home" : "",
		flags & IFA_F_MANAGETEMPADDR ? " mngtmpaddr" : "",
		flags & IFA_F_NOPREFIXROUTE ? " noprefixroute" : "");
	put_name(out, " dev ", dev->name);
	if (life && mnl_attr_get_payload_len(life) >= sizeof(struct ifa_cacheinfo)) {
		const struct ifa_cacheinfo *info_life = mnl_attr_get_payload(life);

		if (info_life->ifa_valid != FOREVER)
			fprintf(out, " valid_lft %u", info_life->ifa_valid);
		if (info_life->ifa_prefered != FOREVER)
			fprintf(out, " preferred_lft %u", info_life->ifa_prefered);
	}
	fclose(out);
	return text;
}

/** one_address() - keep it, if it is the interface's and the kernel does not create it by itself */
static int one_address(const struct nlmsghdr *header, void *arg)
{
	const struct saving *saving = arg;
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(header);
	const struct nlattr *protocol;

	if (header->nlmsg_type != RTM_NEWADDR || (int)info->ifa_index != saving->dev->index ||
	    (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
		return MNL_CB_OK;
	protocol = attribute(header, sizeof(*info), ADDRESS_PROTOCOL);
	if (protocol && mnl_attr_get_payload_len(protocol) == 1 &&
	    mnl_attr_get_u8(protocol) == PROTOCOL_LINKLOCAL)
		return MNL_CB_OK;
	if (info->ifa_family == AF_INET6 && (info->ifa_flags & IFA_F_TEMPORARY))
		return MNL_CB_OK;
	return keep(saving, header, address_text(header, saving->dev));
}

/** name_of() - an interface's, for messages */
static const char *name_of(const struct saving *saving, int index)
{
	const struct netdev *dev = netdevs_by_index(saving->netdevs, index);

	return dev ? dev->name : "?";
}

/** put_gateway() - the next hop's address */
static void put_gateway(FILE *out, uint8_t family, const struct nlattr *gateway,
			const struct nlattr *via)
{
	put_address(out, " via ", family, gateway);
	if (via && mnl_attr_get_payload_len(via) == sizeof(struct rtvia) + 16) {
		const struct rtvia *address = mnl_attr_get_payload(via);
		char text[INET6_ADDRSTRLEN];

		fprintf(out, " via inet6 %s",
			inet_ntop(AF_INET6, address->rtvia_addr, text, sizeof(text)));
	}
}

/** put_metrics() - as ip-route(8) names them */
static void put_metrics(FILE *out, const struct nlattr *metrics)
{
	static const char *const names[] = {
		[RTAX_MTU] = "mtu",           [RTAX_WINDOW] = "window",
		[RTAX_SSTHRESH] = "ssthresh", [RTAX_CWND] = "cwnd",
		[RTAX_ADVMSS] = "advmss",     [RTAX_REORDERING] = "reordering",
		[RTAX_HOPLIMIT] = "hoplimit", [RTAX_INITCWND] = "initcwnd",
		[RTAX_INITRWND] = "initrwnd", [RTAX_QUICKACK] = "quickack",
	};
	const struct nlattr *attr;
	uint32_t lock = 0;

	netlink_each_nested(attr, metrics)
		if (mnl_attr_get_type(attr) == RTAX_LOCK)
			lock = value(attr, 0);
	netlink_each_nested(attr, metrics) {
		uint16_t type = mnl_attr_get_type(attr);

		if (type < sizeof(names) / sizeof(names[0]) && names[type])
			fprintf(out, " %s %s%u", names[type], lock & 1u << type ? "lock " : "",
				value(attr, 0));
	}
}

/** put_hops() - several next hops of one route */
static void put_hops(FILE *out, const struct saving *saving, uint8_t family,
		     const struct nlattr *hops)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(hops);
	int left = mnl_attr_get_payload_len(hops);

	for (; netlink_hop_ok(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
		const struct nlattr *gateway = NULL, *via = NULL, *attr;

		for (attr = (const struct nlattr *)(hop + 1);
		     netlink_inside(attr, (const char *)hop + hop->rtnh_len);
		     attr = mnl_attr_next(attr)) {
			if (mnl_attr_get_type(attr) == RTA_GATEWAY)
				gateway = attr;
			if (mnl_attr_get_type(attr) == RTA_VIA)
				via = attr;
		}
		fprintf(out, " nexthop");
		put_gateway(out, family, gateway, via);
		put_name(out, " dev ", name_of(saving, hop->rtnh_ifindex));
		fprintf(out, " weight %d%s", hop->rtnh_hops + 1,
			hop->rtnh_flags & RTNH_F_ONLINK ? " onlink" : "");
	}
}

/** route_text() - as ip-route(8) expects it; allocated, or NULL */
static char *route_text(const struct nlmsghdr *header, const struct saving *saving)
{
	static const char *const types[] = { [RTN_LOCAL] = "local ",
					     [RTN_BROADCAST] = "broadcast ",
					     [RTN_ANYCAST] = "anycast ",
					     [RTN_MULTICAST] = "multicast " };
	const struct rtmsg *route = mnl_nlmsg_get_payload(header);
	const struct nlattr *attr = attribute(header, sizeof(*route), RTA_DST);
	uint32_t table = number(header, sizeof(*route), RTA_TABLE, route->rtm_table);
	uint32_t metric = number(header, sizeof(*route), RTA_PRIORITY, 0);
	uint32_t index = number(header, sizeof(*route), RTA_OIF, 0);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (route->rtm_type < sizeof(types) / sizeof(types[0]) && types[route->rtm_type])
		fputs(types[route->rtm_type], out);
	if (attr)
		put_address(out, "", route->rtm_family, attr);
	else
		fputs(route->rtm_family == AF_INET6 ? "::" : "0.0.0.0", out);
	fprintf(out, "/%u", route->rtm_dst_len);
	if (route->rtm_tos)
		fprintf(out, " tos 0x%02x", route->rtm_tos);
	put_gateway(out, route->rtm_family, attribute(header, sizeof(*route), RTA_GATEWAY),
		    attribute(header, sizeof(*route), RTA_VIA));
	if (index)
		put_name(out, " dev ", name_of(saving, (int)index));
	put_address(out, " src ", route->rtm_family,
		    attribute(header, sizeof(*route), RTA_PREFSRC));
	fprintf(out, " table %u proto %u", table, route->rtm_protocol);
	if (route->rtm_family == AF_INET && route->rtm_scope)
		fprintf(out, " scope %u", route->rtm_scope);
	if (metric)
		fprintf(out, " metric %u", metric);
	if (index && route->rtm_flags & RTNH_F_ONLINK)
		fputs(" onlink", out);
	attr = attribute(header, sizeof(*route), RTA_METRICS);
	if (attr)
		put_metrics(out, attr);
	attr = attribute(header, sizeof(*route), RTA_MULTIPATH);
	if (attr)
		put_hops(out, saving, route->rtm_family, attr);
	fclose(out);
	return text;
}

/** leaves_by() - does a route have a next hop through this interface? */
static bool leaves_by(const struct nlmsghdr *header, int index)
{
	const struct nlattr *hops = attribute(header, sizeof(struct rtmsg), RTA_MULTIPATH);
	const struct rtnexthop *hop;
	int left;

	if ((int)number(header, sizeof(struct rtmsg), RTA_OIF, 0) == index)
		return true;
	if (!hops)
		return false;
	hop = mnl_attr_get_payload(hops);
	left = mnl_attr_get_payload_len(hops);
	for (; netlink_hop_ok(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop))
		if (hop->rtnh_ifindex == index)
			return true;
	return false;
}

/** one_route() - keep it, if it leaves by the interface and does not come back by itself */
static int one_route(const struct nlmsghdr *header, void *arg)
{
	const struct saving *saving = arg;
	const struct rtmsg *route = mnl_nlmsg_get_payload(header);

	if (header->nlmsg_type != RTM_NEWROUTE || (route->rtm_flags & RTM_F_CLONED) ||
	    (route->rtm_family != AF_INET && route->rtm_family != AF_INET6) ||
	    route->rtm_protocol == RTPROT_KERNEL || route->rtm_protocol == RTPROT_REDIRECT ||
	    route->rtm_protocol == RTPROT_RA || !leaves_by(header, saving->dev->index))
		return MNL_CB_OK;
	return keep(saving, header, route_text(header, saving));
}

/** dump_once() - all addresses, or routes of all tables; @each keeps those that matter */
static int dump_once(struct saving *saving, uint16_t type, size_t family_size, mnl_cb_t each)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct mnl_socket *socket = netlink_open();
	int err = socket ? 0 : -errno;

	for (size_t i = 0; !err && i < sizeof(families); i++) {
		uint8_t *family = netlink_begin(request, type, NLM_F_DUMP, family_size);

		*family = families[i];
		err = netlink_talk(socket, request, each, saving);
		if (err == -EAFNOSUPPORT || err == -EOPNOTSUPP)
			err = 0; /* a kernel without IPv6 */
	}
	if (socket)
		mnl_socket_close(socket);
	return err;
}

/** dump() - the same, repeated until nothing changes during the dump */
static int dump(struct saving *saving, uint16_t type, size_t family_size, mnl_cb_t each)
{
	int err = -EINTR;

	for (unsigned int i = 0; err == -EINTR && i < TRIES; i++) {
		json_array_clear(saving->list);
		err = dump_once(saving, type, family_size, each);
	}
	return err;
}

/** other_names() - an array; NULL: no memory */
static json_t *other_names(const struct netdev *dev)
{
	char *text = strdup(dev->altnames ? dev->altnames : ""), *rest = text, *name;
	json_t *names = text ? json_array() : NULL;
	int err = 0;

	while (names && (name = strsep(&rest, " ")))
		if (*name)
			err |= json_array_append_new(names, json_string(name));
	free(text);
	if (!err)
		return names;
	json_decref(names);
	return NULL;
}

int saved_interface(const struct netdevs *netdevs, const struct netdev *dev,
		    const uint8_t factory[6], json_t **saved)
{
	const struct netdev *master = dev->master ? netdevs_by_index(netdevs, dev->master) : NULL;
	json_t *addresses = json_array(), *routes = json_array(), *names = other_names(dev);
	struct saving saving = { .netdevs = netdevs, .dev = dev, .list = addresses };
	bool changed = factory && memcmp(dev->mac, factory, sizeof(dev->mac)) != 0;
	int err = addresses && routes && names ? 0 : -ENOMEM;
	char mac[MAC_TEXT];

	*saved = NULL;
	if (!err)
		err = dump(&saving, RTM_GETADDR, sizeof(struct ifaddrmsg), one_address);
	saving.list = routes;
	if (!err)
		err = dump(&saving, RTM_GETROUTE, sizeof(struct rtmsg), one_route);
	if (!err) {
		*saved = json_pack("{s:s, s:i, s:b, s:i, s:s*, s:s*, s:O, s:I, s:O, s:O}", "name",
				   dev->name, "index", dev->index, "up", netdev_is_up(dev), "mtu",
				   (int)dev->mtu, "master", master ? master->name : NULL, "mac",
				   changed ? mac_text(dev->mac, mac) : NULL, "altnames", names,
				   "at", (json_int_t)seconds_since_boot(), "addresses", addresses,
				   "routes", routes);
		err = *saved ? 0 : -ENOMEM;
	}
	json_decref(addresses);
	json_decref(routes);
	json_decref(names);
	return err;
}

/** names_ok() - none, or a list of names? */
static bool names_ok(const json_t *names)
{
	const json_t *name;
	size_t i;

	if (names && !json_is_array(names))
		return false;
	json_array_foreach(names, i, name)
		if (!json_is_string(name) || strlen(json_string_value(name)) >= ALTNAME_MAX)
			return false;
	return true;
}

/** mac_ok() - none, or an address? */
static bool mac_ok(const json_t *mac)
{
	uint8_t address[6];

	return !mac || (json_is_string(mac) && !mac_parse(json_string_value(mac), address));
}

/** entries_ok() - a list of texts and messages? */
static bool entries_ok(const json_t *list)
{
	const json_t *entry;
	size_t i;

	if (!json_is_array(list))
		return false;
	json_array_foreach(list, i, entry)
		if (!json_is_integer(json_object_get(entry, "family")) ||
		    !json_is_string(json_object_get(entry, "text")) ||
		    !json_is_string(json_object_get(entry, "netlink")))
			return false;
	return true;
}

bool saved_ok(const json_t *saved)
{
	const char *name = json_string_value(json_object_get(saved, "name"));

	return name && *name && strlen(name) < IFNAMSIZ &&
	       json_is_integer(json_object_get(saved, "index")) &&
	       json_is_boolean(json_object_get(saved, "up")) &&
	       json_is_integer(json_object_get(saved, "mtu")) &&
	       json_is_integer(json_object_get(saved, "at")) &&
	       mac_ok(json_object_get(saved, "mac")) &&
	       names_ok(json_object_get(saved, "altnames")) &&
	       entries_ok(json_object_get(saved, "addresses")) &&
	       entries_ok(json_object_get(saved, "routes"));
}

/** digit() - of a hexadecimal number, or -1 */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/**
 * message() - a message from its digits
 * @buffer:	MESSAGE_MAX bytes
 *
 * Return: 0, or -EBADMSG: it is not a message of an address or a route
 */
static int message(const char *hex, uint8_t *buffer)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)buffer;
	size_t len = strlen(hex) / 2, least = 0;
	const struct nlattr *attr;

	if (strlen(hex) % 2 || len > MESSAGE_MAX || len < sizeof(*header))
		return -EBADMSG;
	for (size_t i = 0; i < len; i++) {
		int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EBADMSG;
		buffer[i] = (uint8_t)(high << 4 | low);
	}
	if (header->nlmsg_len != len)
		return -EBADMSG;
	if (header->nlmsg_type == RTM_NEWADDR)
		least = sizeof(struct ifaddrmsg);
	if (header->nlmsg_type == RTM_NEWROUTE)
		least = sizeof(struct rtmsg);
	if (!least || len < sizeof(*header) + least)
		return -EBADMSG;
	netlink_each(attr, header, least)
		;
	return (const uint8_t *)attr >= buffer + len ? 0 : -EBADMSG;
}

/** now_of() - the number an interface has now */
static int now_of(int index, const struct saved_index *moved, size_t n_moved)
{
	for (size_t i = 0; i < n_moved; i++)
		if (moved[i].then == index)
			return moved[i].now;
	return index;
}

/**
 * age() - subtract the time that the interface was away from a lifetime
 *
 * Return: false if it has expired
 */
static bool age(struct nlmsghdr *header, long passed)
{
	const struct nlattr *attr = attribute(header, sizeof(struct ifaddrmsg), IFA_CACHEINFO);
	struct ifa_cacheinfo *life = attr ? mnl_attr_get_payload(attr) : NULL;

	if (!attr || mnl_attr_get_payload_len(attr) < sizeof(*life))
		return true;
	if (life->ifa_valid != FOREVER) {
		if (passed >= (long)life->ifa_valid)
			return false;
		life->ifa_valid -= (uint32_t)passed;
	}
	if (life->ifa_prefered != FOREVER)
		life->ifa_prefered = passed >= (long)life->ifa_prefered
					     ? 0
					     : life->ifa_prefered - (uint32_t)passed;
	return true;
}

/** move_route() - to the numbers that its interfaces have now, without the kernel's own flags */
static void move_route(struct nlmsghdr *header, const struct saved_index *moved, size_t n_moved)
{
	const unsigned int told = RTNH_F_DEAD | RTNH_F_LINKDOWN | RTNH_F_OFFLOAD | RTNH_F_TRAP;
	struct rtmsg *route = mnl_nlmsg_get_payload(header);
	const struct nlattr *attr;

	route->rtm_flags &= ~told;
	netlink_each(attr, header, sizeof(*route)) {
		struct rtnexthop *hop = mnl_attr_get_payload(attr);
		int left = mnl_attr_get_payload_len(attr);
		uint32_t index;

		if (mnl_attr_get_type(attr) == RTA_OIF && left == sizeof(index)) {
			index = (uint32_t)now_of((int)value(attr, 0), moved, n_moved);
			memcpy(hop, &index, sizeof(index));
		}
		if (mnl_attr_get_type(attr) != RTA_MULTIPATH)
			continue;
		for (; netlink_hop_ok(hop, left);
		     left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
			hop->rtnh_ifindex = now_of(hop->rtnh_ifindex, moved, n_moved);
			hop->rtnh_flags &= (unsigned char)~told;
		}
	}
}

int saved_put(const json_t *saved, const json_t *entry, const struct saved_index *moved,
	      size_t n_moved)
{
	uint8_t buffer[MESSAGE_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *header = (struct nlmsghdr *)buffer;
	long now = seconds_since_boot();
	json_int_t at = json_integer_value(json_object_get(saved, "at"));
	/* A time that cannot be: nothing has passed. */
	long passed = at >= 0 && at <= now ? now - (long)at : 0;
	struct mnl_socket *socket;
	int err = message(json_string_value(json_object_get(entry, "netlink")), buffer);

	if (err)
		return err;
	if (header->nlmsg_type == RTM_NEWADDR) {
		struct ifaddrmsg *info = mnl_nlmsg_get_payload(header);

		info->ifa_index = (uint32_t)now_of((int)info->ifa_index, moved, n_moved);
		if (!age(header, passed))
			return 0;
	} else {
		move_route(header, moved, n_moved);
	}
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	header->nlmsg_pid = 0;
	socket = netlink_open();
	if (!socket)
		return -errno;
	err = netlink_talk(socket, header, NULL, NULL);
	mnl_socket_close(socket);
	return err == -EEXIST ? 0 : err;
}
