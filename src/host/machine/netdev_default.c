/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: a default route counts in whatever table it is, if this machine's packets
 * get there. They do by a rule (ip-rule(8)) that names the table, or, in the table of a VRF, by the
 * rule for all VRFs. Without a rule, nobody uses a table.
 *
 * A rule for an interface's own packets does not count: with several interfaces, each often has a
 * table of its own, with a default route for what is sent from its addresses. That traffic ends
 * with the interface, and the rest of the machine does not miss it.
 *
 * The two halves 0.0.0.0/1 and 128.0.0.0/1, with which VPNs override a default route, count like
 * one.
 */
#include "host/machine/netdev_default.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compat.h"
#include "host/machine/netlink.h"

/**
 * struct rule - a rule that looks a table up
 * @table:	0: that of the VRF that a packet belongs to
 * @source:	the first @source_bits of a packet's source address are these
 * @in, @out:	the interface by which it came, or to which its socket is bound; may be empty
 * @other:	the rule has more conditions, or is for the packets that do not meet them
 */
struct rule {
	uint8_t family, source_bits;
	uint32_t table;
	uint8_t source[16];
	char in[IFNAMSIZ], out[IFNAMSIZ];
	bool other;
};

/**
 * struct nexthop - a nexthop object (ip-nexthop(8)), or one of a group of them
 * @member:	of a group: the object; else 0
 * @index:	the interface that it leaves by
 */
struct nexthop {
	uint32_t id, member;
	int index;
};

/**
 * struct tables - the rules and nexthop objects, while routes are read
 */
struct tables {
	const struct host *host;
	struct mnl_socket *socket;
	struct netdevs *netdevs;
	struct rule *rule;
	size_t n;
	struct nexthop *nexthop;
	size_t n_nexthops;
};

static int rule_attribute(const struct nlattr *attr, void *arg)
{
	uint16_t len = mnl_attr_get_payload_len(attr);
	struct rule *rule = arg;

	switch (mnl_attr_get_type(attr)) {
	case FRA_TABLE:
		if (len == sizeof(uint32_t) && rule->table)
			rule->table = mnl_attr_get_u32(attr);
		break;
	case FRA_L3MDEV:
		rule->table = 0;
		break;
	case FRA_SRC:
		if (len <= sizeof(rule->source))
			memcpy(rule->source, mnl_attr_get_payload(attr), len);
		break;
	case FRA_IIFNAME:
		snprintf(rule->in, sizeof(rule->in), "%.*s", (int)len, mnl_attr_get_str(attr));
		break;
	case FRA_OIFNAME:
		snprintf(rule->out, sizeof(rule->out), "%.*s", (int)len, mnl_attr_get_str(attr));
		break;
	case FRA_FWMARK:
	case FRA_DST:
	case FRA_UID_RANGE:
	case FRA_IP_PROTO:
	case FRA_SPORT_RANGE:
	case FRA_DPORT_RANGE:
		rule->other = true;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int add_rule(const struct nlmsghdr *header, void *arg)
{
	const struct fib_rule_hdr *info = mnl_nlmsg_get_payload(header);
	struct tables *tables = arg;
	struct rule *more, *rule;

	if (header->nlmsg_type != RTM_NEWRULE || info->action != FR_ACT_TO_TBL)
		return MNL_CB_OK;
	more = reallocarray(tables->rule, tables->n + 1, sizeof(*more));
	if (!more) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	tables->rule = more;
	rule = &more[tables->n++];
	*rule = (struct rule){ .family = info->family,
			       .source_bits = info->src_len,
			       .table = info->table ? info->table : RT_TABLE_COMPAT,
			       .other = info->flags & FIB_RULE_INVERT || info->tos };
	return mnl_attr_parse(header, sizeof(*info), rule_attribute, rule);
}

/** add_nexthop() - with the id and interface, or member; 0 or -ENOMEM */
static int add_nexthop(struct tables *tables, struct nexthop nexthop)
{
	struct nexthop *more = reallocarray(tables->nexthop, tables->n_nexthops + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	tables->nexthop = more;
	more[tables->n_nexthops++] = nexthop;
	return 0;
}

static int add_nexthops(const struct nlmsghdr *header, void *arg)
{
	struct nexthop nexthop = { 0, 0, 0 };
	const struct nlattr *attr, *group = NULL;
	int err = 0;

	if (header->nlmsg_type != RTM_NEWNEXTHOP)
		return MNL_CB_OK;
	netlink_each(attr, header, sizeof(struct nhmsg)) {
		bool number = mnl_attr_get_payload_len(attr) == sizeof(uint32_t);

		if (mnl_attr_get_type(attr) == NHA_ID && number)
			nexthop.id = mnl_attr_get_u32(attr);
		if (mnl_attr_get_type(attr) == NHA_OIF && number)
			nexthop.index = (int)mnl_attr_get_u32(attr);
		if (mnl_attr_get_type(attr) == NHA_GROUP)
			group = attr;
	}
	if (!group)
		err = add_nexthop(arg, nexthop);
	for (size_t i = 0;
	     group && !err && i < mnl_attr_get_payload_len(group) / sizeof(struct nexthop_grp);
	     i++) {
		nexthop.member = ((const struct nexthop_grp *)mnl_attr_get_payload(group))[i].id;
		err = add_nexthop(arg, nexthop);
	}
	errno = -err;
	return err ? MNL_CB_ERROR : MNL_CB_OK;
}

/** same_port() - are the two one interface, or joined under each other? */
static bool same_port(const struct netdev *one, const struct netdev *other)
{
	return one == other || one->master == other->index || other->master == one->index;
}

/** within() - is the address in the rule's source prefix? */
static bool within(const struct netdev_address *address, const struct rule *rule)
{
	size_t bytes = rule->source_bits / 8u;
	unsigned int rest = rule->source_bits % 8u;

	/* Those of the kernel are no longer than an address; those of a report may be. */
	return address->family == rule->family && rule->source_bits <= 8 * sizeof(rule->source) &&
	       !memcmp(address->address, rule->source, bytes) &&
	       (!rest || !((address->address[bytes] ^ rule->source[bytes]) >> (8u - rest)));
}

/** from_own() - is the rule only for packets with an address of this interface? */
static bool from_own(const struct netdevs *netdevs, const struct rule *rule,
		     const struct netdev *dev)
{
	bool own = false;

	if (!rule->source_bits)
		return false;
	for (size_t i = 0; i < netdevs->n; i++)
		for (size_t a = 0; a < netdevs->dev[i].n_addresses; a++) {
			if (!within(&netdevs->dev[i].addresses[a], rule))
				continue;
			if (!same_port(&netdevs->dev[i], dev))
				return false;
			own = true;
		}
	return own;
}

/** named_own() - does a rule name this interface, or one that it is joined with? */
static bool named_own(const struct netdevs *netdevs, const char *name, const struct netdev *dev)
{
	const struct netdev *other = *name ? netdevs_by_name(netdevs, name) : NULL;

	return other && !other->vrf_table && same_port(other, dev);
}

/** is_vrf() - is the table that of a VRF? */
static bool is_vrf(const struct netdevs *netdevs, uint32_t table)
{
	for (size_t i = 0; i < netdevs->n; i++)
		if (netdevs->dev[i].vrf_table == table)
			return true;
	return false;
}

/** serves_others() - do packets get to this table that are not only the interface's own? */
static bool serves_others(const struct tables *tables, uint8_t family, uint32_t table,
			  const struct netdev *dev)
{
	if (!tables->n) /* a kernel without rules, which knows only this table */
		return table == RT_TABLE_MAIN;
	for (size_t i = 0; i < tables->n; i++) {
		const struct rule *rule = &tables->rule[i];

		if (rule->family != family)
			continue;
		if (!rule->table ? !is_vrf(tables->netdevs, table) : rule->table != table)
			continue;
		if (!rule->other && (from_own(tables->netdevs, rule, dev) ||
				     named_own(tables->netdevs, rule->in, dev) ||
				     named_own(tables->netdevs, rule->out, dev)))
			continue;
		return true;
	}
	return false;
}

/** mark() - an interface by which a default route of the table leaves */
static void mark(const struct tables *tables, uint8_t family, uint32_t table, int index)
{
	struct netdev *dev = netdevs_by_index(tables->netdevs, index);

	if (!dev || !serves_others(tables, family, table, dev))
		return;
	/* If it has several, the main table's is the one to name. */
	if (!dev->default_route || table == RT_TABLE_MAIN)
		dev->default_table = table;
	dev->default_route = true;
}

/** mark_object() - the interfaces by which a nexthop object leaves; a group has no groups in it */
static void mark_object(const struct tables *tables, uint8_t family, uint32_t table, uint32_t id)
{
	for (size_t i = 0; i < tables->n_nexthops; i++) {
		const struct nexthop *hop = &tables->nexthop[i];

		if (hop->id != id)
			continue;
		mark(tables, family, table, hop->index);
		for (size_t j = 0; hop->member && j < tables->n_nexthops; j++)
			if (tables->nexthop[j].id == hop->member)
				mark(tables, family, table, tables->nexthop[j].index);
	}
}

/**
 * struct leaving - a default route's attributes
 * @object:	its nexthop object; 0: none. The kernel may then not say which interface that means
 */
struct leaving {
	const struct tables *tables;
	const struct nlattr *hops;
	uint32_t table, object;
	int index;
};

static int route_attribute(const struct nlattr *attr, void *arg)
{
	struct leaving *leaving = arg;
	bool number = mnl_attr_get_payload_len(attr) == sizeof(uint32_t);

	if (mnl_attr_get_type(attr) == RTA_TABLE && number)
		leaving->table = mnl_attr_get_u32(attr);
	if (mnl_attr_get_type(attr) == RTA_OIF && number)
		leaving->index = (int)mnl_attr_get_u32(attr);
	if (mnl_attr_get_type(attr) == RTA_NH_ID && number)
		leaving->object = mnl_attr_get_u32(attr);
	if (mnl_attr_get_type(attr) == RTA_MULTIPATH)
		leaving->hops = attr;
	return MNL_CB_OK;
}

static int default_route(const struct nlmsghdr *header, void *arg)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(header);
	struct leaving leaving = { .tables = arg, .table = route->rtm_table };
	const struct rtnexthop *hop;
	int left;

	/* An unreachable default route, as lo has one for IPv6, carries nothing. */
	if (header->nlmsg_type != RTM_NEWROUTE || route->rtm_dst_len > NETLINK_DEFAULT_BITS ||
	    route->rtm_type != RTN_UNICAST || route->rtm_flags & RTM_F_CLONED)
		return MNL_CB_OK;
	mnl_attr_parse(header, sizeof(*route), route_attribute, &leaving);
	mark(arg, route->rtm_family, leaving.table, leaving.index);
	if (leaving.object)
		mark_object(arg, route->rtm_family, leaving.table, leaving.object);
	if (!leaving.hops)
		return MNL_CB_OK;
	hop = mnl_attr_get_payload(leaving.hops);
	left = mnl_attr_get_payload_len(leaving.hops);
	for (; netlink_hop_ok(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop))
		mark(arg, route->rtm_family, leaving.table, hop->rtnh_ifindex);
	return MNL_CB_OK;
}

/** dump() - all nexthops or rules, or the routes of all tables, of one family; 0 or a negative errno */
static int dump(const struct tables *tables, const char *name, uint16_t type, uint8_t family,
		size_t header_size, mnl_cb_t each)
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	uint8_t *first = netlink_begin(request, type, NLM_F_DUMP, header_size);
	int err;

	*first = family;
	err = netlink_ask(tables->host, tables->socket, name, request, each, (void *)tables);
	/* A kernel without IPv6 or nexthops, or without rules: then there is only the main table. */
	return err == -EOPNOTSUPP || err == -ENOENT || err == -EAFNOSUPPORT ? 0 : err;
}

int netdevs_mark_default(const struct host *host, struct mnl_socket *socket,
			 struct netdevs *netdevs)
{
	static const struct {
		uint8_t family;
		const char *rules, *routes;
	} families[] = {
		{ AF_INET, "rules-inet", "routes-inet" },
		{ AF_INET6, "rules-inet6", "routes-inet6" },
	};
	struct tables tables = { .host = host, .socket = socket, .netdevs = netdevs };
	int err = dump(&tables, "nexthops", RTM_GETNEXTHOP, AF_UNSPEC, sizeof(struct nhmsg),
		       add_nexthops);

	for (size_t i = 0; !err && i < sizeof(families) / sizeof(families[0]); i++) {
		tables.n = 0;
		err = dump(&tables, families[i].rules, RTM_GETRULE, families[i].family,
			   sizeof(struct fib_rule_hdr), add_rule);
		if (!err)
			err = dump(&tables, families[i].routes, RTM_GETROUTE, families[i].family,
				   sizeof(struct rtmsg), default_route);
	}
	free(tables.nexthop);
	free(tables.rule);
	return err;
}
