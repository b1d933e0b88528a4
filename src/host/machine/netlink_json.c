/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: a table says for each type of message which fields its family's header has,
 * and for each attribute that is kept what its payload is. Attributes are an array of objects with
 * one member, since their order matters and some are repeated.
 */
#include "host/machine/netlink_json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/compat.h"
#include "base/mac.h"
#include "host/machine/netlink.h"

#define PERMANENT_ADDRESS 54 /* IFLA_PERM_ADDRESS, as in netdev_read.c */
#define DEPTH_MAX         4

/* What an attribute's payload is */
enum shape {
	SHAPE_NUMBER, /* of @size bytes */
	SHAPE_TEXT,
	SHAPE_MAC,
	SHAPE_IP,
	SHAPE_HERE, /* that it is there matters; no payload is kept */
	SHAPE_NEST,
	SHAPE_HOPS,  /* struct rtnexthop: their interfaces */
	SHAPE_GROUP, /* struct nexthop_grp: their ids */
};

struct attribute {
	const char *name;
	uint16_t type;
	uint16_t size;
	enum shape shape;
	const struct attribute *nest;
};

/** struct field - of a family's header; without a name its bytes are zero */
struct field {
	const char *name;
	size_t size;
};

struct message {
	const char *name;
	uint16_t type;
	const struct field *field;
	const struct attribute *attribute;
};

static const struct attribute xdp[] = {
	{ "prog_id", IFLA_XDP_PROG_ID, 4, SHAPE_NUMBER, NULL },
	{ "drv_prog_id", IFLA_XDP_DRV_PROG_ID, 4, SHAPE_NUMBER, NULL },
	{ "skb_prog_id", IFLA_XDP_SKB_PROG_ID, 4, SHAPE_NUMBER, NULL },
	{ "hw_prog_id", IFLA_XDP_HW_PROG_ID, 4, SHAPE_NUMBER, NULL },
	{ 0 },
};

/* Of a VRF; of another kind the number means something else, and is read by nobody. */
static const struct attribute info_data[] = {
	{ "vrf_table", IFLA_VRF_TABLE, 4, SHAPE_NUMBER, NULL },
	{ 0 },
};

static const struct attribute info[] = {
	{ "kind", IFLA_INFO_KIND, 0, SHAPE_TEXT, NULL },
	{ "data", IFLA_INFO_DATA, 0, SHAPE_NEST, info_data },
	{ 0 },
};

static const struct attribute properties[] = {
	{ "alt_ifname", IFLA_ALT_IFNAME, 0, SHAPE_TEXT, NULL },
	{ 0 },
};

static const struct attribute link_attributes[] = {
	{ "ifname", IFLA_IFNAME, 0, SHAPE_TEXT, NULL },
	{ "address", IFLA_ADDRESS, 0, SHAPE_MAC, NULL },
	{ "perm_address", PERMANENT_ADDRESS, 0, SHAPE_MAC, NULL },
	{ "mtu", IFLA_MTU, 4, SHAPE_NUMBER, NULL },
	{ "master", IFLA_MASTER, 4, SHAPE_NUMBER, NULL },
	{ "link", IFLA_LINK, 4, SHAPE_NUMBER, NULL },
	{ "link_netnsid", IFLA_LINK_NETNSID, 4, SHAPE_NUMBER, NULL },
	{ "num_tx_queues", IFLA_NUM_TX_QUEUES, 4, SHAPE_NUMBER, NULL },
	{ "carrier", IFLA_CARRIER, 1, SHAPE_NUMBER, NULL },
	{ "xdp", IFLA_XDP, 0, SHAPE_NEST, xdp },
	{ "linkinfo", IFLA_LINKINFO, 0, SHAPE_NEST, info },
	{ "prop_list", IFLA_PROP_LIST, 0, SHAPE_NEST, properties },
	{ 0 },
};

static const struct field link_header[] = {
	{ "family", 1 }, { NULL, 1 },     { "type", 2 }, { "index", 4 },
	{ "flags", 4 },  { "change", 4 }, { 0 }
};

static const struct attribute address_attributes[] = {
	{ "local", IFA_LOCAL, 0, SHAPE_IP, NULL },
	{ "address", IFA_ADDRESS, 0, SHAPE_IP, NULL },
	{ 0 },
};

static const struct field address_header[] = { { "family", 1 }, { "prefix", 1 }, { "flags", 1 },
					       { "scope", 1 },  { "index", 4 },  { 0 } };

static const struct attribute route_attributes[] = {
	{ "dst", RTA_DST, 0, SHAPE_IP, NULL },
	{ "gateway", RTA_GATEWAY, 0, SHAPE_IP, NULL },
	{ "table", RTA_TABLE, 4, SHAPE_NUMBER, NULL },
	{ "oif", RTA_OIF, 4, SHAPE_NUMBER, NULL },
	{ "nh_id", RTA_NH_ID, 4, SHAPE_NUMBER, NULL },
	{ "multipath", RTA_MULTIPATH, 0, SHAPE_HOPS, NULL },
	{ 0 },
};

static const struct field route_header[] = {
	{ "family", 1 },   { "dst_len", 1 }, { "src_len", 1 }, { "tos", 1 },   { "table", 1 },
	{ "protocol", 1 }, { "scope", 1 },   { "kind", 1 },    { "flags", 4 }, { 0 }
};

static const struct attribute rule_attributes[] = {
	{ "table", FRA_TABLE, 4, SHAPE_NUMBER, NULL },
	{ "l3mdev", FRA_L3MDEV, 1, SHAPE_NUMBER, NULL },
	{ "src", FRA_SRC, 0, SHAPE_IP, NULL },
	{ "iifname", FRA_IIFNAME, 0, SHAPE_TEXT, NULL },
	{ "oifname", FRA_OIFNAME, 0, SHAPE_TEXT, NULL },
	{ "fwmark", FRA_FWMARK, 0, SHAPE_HERE, NULL },
	{ "dst", FRA_DST, 0, SHAPE_HERE, NULL },
	{ "uid_range", FRA_UID_RANGE, 0, SHAPE_HERE, NULL },
	{ "ip_proto", FRA_IP_PROTO, 0, SHAPE_HERE, NULL },
	{ "sport_range", FRA_SPORT_RANGE, 0, SHAPE_HERE, NULL },
	{ "dport_range", FRA_DPORT_RANGE, 0, SHAPE_HERE, NULL },
	{ 0 },
};

static const struct field rule_header[] = { { "family", 1 }, { "dst_len", 1 }, { "src_len", 1 },
					    { "tos", 1 },    { "table", 1 },   { NULL, 2 },
					    { "action", 1 }, { "flags", 4 },   { 0 } };

static const struct attribute nexthop_attributes[] = {
	{ "id", NHA_ID, 4, SHAPE_NUMBER, NULL },
	{ "oif", NHA_OIF, 4, SHAPE_NUMBER, NULL },
	{ "group", NHA_GROUP, 0, SHAPE_GROUP, NULL },
	{ 0 },
};

static const struct field nexthop_header[] = { { "family", 1 }, { "scope", 1 }, { "protocol", 1 },
					       { NULL, 1 },     { "flags", 4 }, { 0 } };

static const struct message messages[] = {
	{ "newlink", RTM_NEWLINK, link_header, link_attributes },
	{ "newaddr", RTM_NEWADDR, address_header, address_attributes },
	{ "newroute", RTM_NEWROUTE, route_header, route_attributes },
	{ "newrule", RTM_NEWRULE, rule_header, rule_attributes },
	{ "newnexthop", RTM_NEWNEXTHOP, nexthop_header, nexthop_attributes },
};

/** header_size() - of a family's header */
static size_t header_size(const struct message *message)
{
	size_t size = 0;

	for (const struct field *field = message->field; field->size; field++)
		size += field->size;
	return size;
}

/* ---- to JSON ---- */

/** number_at() - of 1, 2, 4 or 8 bytes */
static uint64_t number_at(const void *from, size_t size)
{
	uint64_t number = 0;

	memcpy(&number, from, size); /* of a little-endian machine, like all that have MANA */
	return number;
}

static json_t *pairs(const struct attribute *table, const struct nlattr *first, const void *end,
		     int depth);

/** hops() - the interfaces of RTA_MULTIPATH */
static json_t *hops(const struct nlattr *attr)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(attr);
	int left = mnl_attr_get_payload_len(attr);
	json_t *list = json_array();

	for (; netlink_hop_ok(hop, left); left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop))
		json_array_append_new(list, json_integer(hop->rtnh_ifindex));
	return list;
}

/** group() - the ids of NHA_GROUP */
static json_t *group(const struct nlattr *attr)
{
	const struct nexthop_grp *member = mnl_attr_get_payload(attr);
	json_t *list = json_array();

	for (size_t i = 0; i < mnl_attr_get_payload_len(attr) / sizeof(*member); i++)
		json_array_append_new(list, json_integer(member[i].id));
	return list;
}

/** text_json() - NULL if it is not text */
static json_t *text_json(const struct nlattr *attr)
{
	const char *text = mnl_attr_get_payload(attr);

	return json_stringn(text, strnlen(text, mnl_attr_get_payload_len(attr)));
}

/** value_json() - an attribute's payload; NULL: it is not what the table says */
static json_t *value_json(const struct attribute *known, const struct nlattr *attr, int depth)
{
	const void *payload = mnl_attr_get_payload(attr);
	uint16_t len = mnl_attr_get_payload_len(attr);
	char text[INET6_ADDRSTRLEN];

	switch (known->shape) {
	case SHAPE_NUMBER:
		return len == known->size ? json_integer((json_int_t)number_at(payload, len))
					  : NULL;
	case SHAPE_TEXT:
		return text_json(attr);
	case SHAPE_MAC:
		return len == 6 ? json_string(mac_text(payload, text)) : NULL;
	case SHAPE_IP:
		if (len != 4 && len != 16)
			return NULL;
		return json_string(
			inet_ntop(len == 4 ? AF_INET : AF_INET6, payload, text, sizeof(text)));
	case SHAPE_HERE:
		return json_true();
	case SHAPE_NEST:
		return depth < DEPTH_MAX ? pairs(known->nest, payload, mnl_attr_next(attr), depth)
					 : NULL;
	case SHAPE_HOPS:
		return hops(attr);
	case SHAPE_GROUP:
		return group(attr);
	}
	return NULL;
}

/** pairs() - the attributes that the table has */
static json_t *pairs(const struct attribute *table, const struct nlattr *first, const void *end,
		     int depth)
{
	json_t *list = json_array();

	for (const struct nlattr *attr = first; netlink_inside(attr, end);
	     attr = mnl_attr_next(attr)) {
		const struct attribute *known = table;
		json_t *value;

		while (known->name && known->type != mnl_attr_get_type(attr))
			known++;
		value = known->name ? value_json(known, attr, depth + 1) : NULL;
		if (value)
			json_array_append_new(list, json_pack("{s:o}", known->name, value));
	}
	return list;
}

json_t *netlink_to_json(const struct nlmsghdr *header)
{
	const struct message *message = messages;
	const char *at = mnl_nlmsg_get_payload(header);
	json_t *json;

	while (message < messages + sizeof(messages) / sizeof(*messages) &&
	       message->type != header->nlmsg_type)
		message++;
	if (message == messages + sizeof(messages) / sizeof(*messages) ||
	    mnl_nlmsg_get_payload_len(header) < header_size(message))
		return NULL;
	json = json_object();
	json_object_set_new(json, "message", json_string(message->name));
	for (const struct field *field = message->field; field->size; at += field->size, field++)
		if (field->name)
			json_object_set_new(json, field->name,
					    json_integer((json_int_t)number_at(at, field->size)));
	json_object_set_new(json, "attributes",
			    pairs(message->attribute, (const struct nlattr *)at,
				  mnl_nlmsg_get_payload_tail(header), 0));
	return json;
}

/* ---- from JSON ---- */

/** struct making - a message that is being made; @bad: it is not one, or does not fit */
struct making {
	struct nlmsghdr *header;
	bool bad;
};

static void put(struct making *making, uint16_t type, size_t len, const void *data)
{
	if (len > UINT16_MAX / 2 ||
	    !mnl_attr_put_check(making->header, NETLINK_JSON_MAX, type, len, data))
		making->bad = true;
}

static void put_pairs(struct making *making, const struct attribute *table, const json_t *list,
		      int depth);

/** put_list() - interfaces of hops, or ids of a group */
static void put_list(struct making *making, const struct attribute *known, const json_t *list)
{
	struct nlattr *nest =
		mnl_attr_nest_start_check(making->header, NETLINK_JSON_MAX, known->type);
	const json_t *entry;
	size_t i;

	if (!nest) {
		making->bad = true;
		return;
	}
	nest->nla_type = known->type; /* neither has the flag of a nest */
	json_array_foreach(list, i, entry) {
		struct rtnexthop hop = { .rtnh_len = sizeof(hop),
					 .rtnh_ifindex = (int)json_integer_value(entry) };
		struct nexthop_grp member = { .id = (uint32_t)json_integer_value(entry) };
		bool is_hop = known->shape == SHAPE_HOPS;
		size_t size = is_hop ? sizeof(hop) : sizeof(member);

		if (making->header->nlmsg_len + size > NETLINK_JSON_MAX) {
			making->bad = true;
			return;
		}
		memcpy(mnl_nlmsg_get_payload_tail(making->header), is_hop ? (void *)&hop : &member,
		       size);
		making->header->nlmsg_len += (uint32_t)size;
	}
	mnl_attr_nest_end(making->header, nest);
}

static void put_ip(struct making *making, const struct attribute *known, const char *text)
{
	uint8_t ip[16];

	if (text && inet_pton(AF_INET, text, ip) == 1)
		put(making, known->type, 4, ip);
	else if (text && inet_pton(AF_INET6, text, ip) == 1)
		put(making, known->type, 16, ip);
	else
		making->bad = true;
}

static void put_value(struct making *making, const struct attribute *known, const json_t *value,
		      int depth)
{
	uint64_t number = (uint64_t)json_integer_value(value);
	const char *text = json_string_value(value);
	struct nlattr *nest;
	uint8_t mac[6];

	switch (known->shape) {
	case SHAPE_NUMBER:
		put(making, known->type, known->size, &number);
		break;
	case SHAPE_TEXT:
		if (text)
			put(making, known->type, strlen(text) + 1, text);
		break;
	case SHAPE_MAC:
		if (!text || mac_parse(text, mac))
			making->bad = true;
		else
			put(making, known->type, sizeof(mac), mac);
		break;
	case SHAPE_IP:
		put_ip(making, known, text);
		break;
	case SHAPE_HERE:
		put(making, known->type, 0, "");
		break;
	case SHAPE_NEST:
		nest = mnl_attr_nest_start_check(making->header, NETLINK_JSON_MAX, known->type);
		if (!nest || depth >= DEPTH_MAX) {
			making->bad = true;
			break;
		}
		put_pairs(making, known->nest, value, depth);
		mnl_attr_nest_end(making->header, nest);
		break;
	case SHAPE_HOPS:
	case SHAPE_GROUP:
		put_list(making, known, value);
		break;
	}
}

/** put_pairs() - what the table has; another version's attributes are left out */
static void put_pairs(struct making *making, const struct attribute *table, const json_t *list,
		      int depth)
{
	json_t *pair;
	size_t i;

	json_array_foreach(list, i, pair) {
		void *member = json_object_iter(pair);
		const char *name = member ? json_object_iter_key(member) : NULL;
		const struct attribute *known = table;

		if (making->bad || !name) {
			making->bad = true;
			return;
		}
		while (known->name && strcmp(known->name, name))
			known++;
		if (known->name)
			put_value(making, known, json_object_iter_value(member), depth + 1);
	}
}

int netlink_from_json(const json_t *json, void *buffer)
{
	const char *name = json_string_value(json_object_get(json, "message"));
	struct making making = { .header = mnl_nlmsg_put_header(buffer) };
	const struct message *message = messages;
	char *at;

	while (message < messages + sizeof(messages) / sizeof(*messages) &&
	       (!name || strcmp(message->name, name)))
		message++;
	if (message == messages + sizeof(messages) / sizeof(*messages))
		return -EBADMSG;
	making.header->nlmsg_type = message->type;
	at = mnl_nlmsg_put_extra_header(making.header, header_size(message));
	for (const struct field *field = message->field; field->size; at += field->size, field++) {
		uint64_t number =
			!field->name
				? 0
				: (uint64_t)json_integer_value(json_object_get(json, field->name));

		memcpy(at, &number, field->size);
	}
	put_pairs(&making, message->attribute, json_object_get(json, "attributes"), 0);
	return making.bad ? -EBADMSG : 0;
}
