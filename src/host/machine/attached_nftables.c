/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What nftables has that names an interface: flowtables and chains of family netdev hold on to the
 * device, `iif` and `oif` to its number, `iifname` and `oifname` to its name. The messages are those
 * of <linux/netfilter/nf_tables.h>; a rule is a list of expressions, in which a "meta" that loads
 * the interface comes before the "cmp" or "lookup" that compares it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/compat.h"
#include "host/machine/attached.h"
#include "host/machine/module.h"
#include "host/machine/netlink.h"

#define TRIES         20u  /* of a dump, while the rule set changes */
#define NAMES_MAX     400u /* bytes of a table's and a set's name that a request has room for */
#define DEVICE_PREFIX 2    /* NFTA_DEVICE_PREFIX of Linux 6.16, which older headers lack */
#define DESTINATION   1    /* number of the register that most expressions load */
#define TYPE(message) ((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | (message)))

/**
 * struct reading - one pass over the rule set
 * @sets:	a second socket, for the elements of a set, while the first one dumps rules
 */
struct reading {
	const struct netdev *dev;
	struct attachments *found;
	struct mnl_socket *sets;
	int err;
};

static const char *family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_ARP:
		return "arp";
	case NFPROTO_BRIDGE:
		return "bridge";
	case NFPROTO_NETDEV:
		return "netdev";
	default:
		return "?";
	}
}

/** noted() - what a callback returns after attached_add() */
static int noted(struct reading *reading, int err)
{
	if (err)
		reading->err = err;
	errno = -err;
	return err ? MNL_CB_ERROR : MNL_CB_OK;
}

/** holds_name() - is the interface's name in these bytes, filled up as the kernel does? */
static bool holds_name(const struct netdev *dev, const struct nlattr *value)
{
	const char *bytes = mnl_attr_get_payload(value);
	size_t len = mnl_attr_get_payload_len(value);
	char name[IFNAMSIZ] = "";

	memcpy(name, dev->name, strlen(dev->name));
	if (len < sizeof(name)) /* "eth*" */
		return len && !memcmp(name, bytes, len);
	return memmem(bytes, len, name, sizeof(name));
}

/** holds() - is it this interface that a value means? */
static bool holds(const struct netdev *dev, uint32_t key, const struct nlattr *value)
{
	uint32_t index = (uint32_t)dev->index;

	if (key == NFT_META_IIFNAME || key == NFT_META_OIFNAME)
		return holds_name(dev, value);
	return mnl_attr_get_payload_len(value) >= sizeof(index) &&
	       memmem(mnl_attr_get_payload(value), mnl_attr_get_payload_len(value), &index,
		      sizeof(index));
}

/** nested() - the attribute of this type in a nest, or NULL */
static const struct nlattr *nested(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *attr;

	if (nest)
		netlink_each_nested(attr, nest)
			if (mnl_attr_get_type(attr) == type)
				return attr;
	return NULL;
}

static const char *text(const struct nlattr *attr)
{
	return attr && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 ? mnl_attr_get_str(attr)
									 : "";
}

static uint32_t number(const struct nlattr *attr)
{
	return attr && mnl_attr_get_payload_len(attr) == sizeof(uint32_t)
		       ? ntohl(mnl_attr_get_u32(attr))
		       : 0;
}

/**
 * struct elements - the elements of a set, compared one by one
 */
struct elements {
	const struct netdev *dev;
	uint32_t key;
	bool match;
};

static int one_element(const struct nlmsghdr *header, void *arg)
{
	struct elements *elements = arg;
	const struct nlattr *attr, *element, *value;

	if (header->nlmsg_type != TYPE(NFT_MSG_NEWSETELEM))
		return MNL_CB_OK;
	netlink_each(attr, header, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		netlink_each_nested(element, attr) {
			value = nested(nested(element, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
			elements->match |= value && holds(elements->dev, elements->key, value);
		}
	}
	return MNL_CB_OK;
}

/** in_set() - is the interface in the set that a "lookup" names? */
static bool in_set(const struct reading *reading, uint8_t family, const char *table,
		   const struct nlattr *set, uint32_t key)
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct elements elements = { .dev = reading->dev, .key = key };
	struct nfgenmsg *info;

	if (strlen(table) + strlen(text(set)) > NAMES_MAX)
		return false;
	info = netlink_begin(request, TYPE(NFT_MSG_GETSETELEM), NLM_F_DUMP, sizeof(*info));
	info->nfgen_family = family;
	mnl_attr_put_strz((struct nlmsghdr *)request, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz((struct nlmsghdr *)request, NFTA_SET_ELEM_LIST_SET, text(set));
	netlink_talk(reading->sets, request, one_element, &elements);
	return elements.match;
}

/** part() - an attribute of a flowtable, chain or rule, or NULL */
static const struct nlattr *part(const struct nlmsghdr *header, uint16_t type)
{
	const struct nlattr *attr;

	netlink_each(attr, header, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

/** in_list() - is the interface in a list of devices? */
static bool in_list(const struct netdev *dev, const struct nlattr *list)
{
	const struct nlattr *attr;

	if (list)
		netlink_each_nested(attr, list)
			if ((mnl_attr_get_type(attr) == NFTA_DEVICE_NAME &&
			     !strcmp(text(attr), dev->name)) ||
			    (mnl_attr_get_type(attr) == DEVICE_PREFIX && *text(attr) &&
			     !strncmp(text(attr), dev->name, strlen(text(attr)))))
				return true;
	return false;
}

static int one_flowtable(const struct nlmsghdr *header, void *arg)
{
	const struct nfgenmsg *info = mnl_nlmsg_get_payload(header);
	struct reading *reading = arg;
	const struct nlattr *hook;

	if (header->nlmsg_type != TYPE(NFT_MSG_NEWFLOWTABLE))
		return MNL_CB_OK;
	hook = part(header, NFTA_FLOWTABLE_HOOK);
	if (!in_list(reading->dev, nested(hook, NFTA_FLOWTABLE_HOOK_DEVS)))
		return MNL_CB_OK;
	return noted(reading, attached_add(reading->found, "flowtable", false,
					   "its place in the nftables flowtable %s %.64s %.64s",
					   family_name(info->nfgen_family),
					   text(part(header, NFTA_FLOWTABLE_TABLE)),
					   text(part(header, NFTA_FLOWTABLE_NAME))));
}

static int one_chain(const struct nlmsghdr *header, void *arg)
{
	const struct nfgenmsg *info = mnl_nlmsg_get_payload(header);
	struct reading *reading = arg;
	const struct nlattr *hook;

	if (header->nlmsg_type != TYPE(NFT_MSG_NEWCHAIN))
		return MNL_CB_OK;
	hook = part(header, NFTA_CHAIN_HOOK);
	if (!in_list(reading->dev, nested(hook, NFTA_HOOK_DEVS)) &&
	    strcmp(text(nested(hook, NFTA_HOOK_DEV)), reading->dev->name) != 0)
		return MNL_CB_OK;
	return noted(reading, attached_add(reading->found, "chain", false,
					   "the hook of the nftables chain %s %.64s %.64s",
					   family_name(info->nfgen_family),
					   text(part(header, NFTA_CHAIN_TABLE)),
					   text(part(header, NFTA_CHAIN_NAME))));
}

/** key_name() - of a "meta" that loads an interface; NULL: it loads something else */
static const char *key_name(uint32_t key)
{
	switch (key) {
	case NFT_META_IIF:
		return "iif";
	case NFT_META_OIF:
		return "oif";
	case NFT_META_IIFNAME:
		return "iifname";
	case NFT_META_OIFNAME:
		return "oifname";
	default:
		return NULL;
	}
}

/**
 * struct loaded - which register has the interface, while a rule's expressions are read
 * @key:	what was loaded
 * @at:		the register; 0: none
 */
struct loaded {
	uint32_t key, at;
};

/** compares() - does this expression compare the loaded interface with ours? */
static bool compares(const struct reading *reading, uint8_t family, const char *table,
		     const struct nlattr *expression, struct loaded *loaded)
{
	const char *name = text(nested(expression, NFTA_EXPR_NAME));
	const struct nlattr *data = nested(expression, NFTA_EXPR_DATA), *value;

	if (!strcmp(name, "meta")) {
		uint32_t at = number(nested(data, NFTA_META_DREG));
		uint32_t key = number(nested(data, NFTA_META_KEY));

		if (at && (key_name(key) || at == loaded->at))
			*loaded = (struct loaded){ key, key_name(key) ? at : 0 };
	} else if (!strcmp(name, "cmp")) {
		value = nested(nested(data, NFTA_CMP_DATA), NFTA_DATA_VALUE);
		return loaded->at && loaded->at == number(nested(data, NFTA_CMP_SREG)) && value &&
		       holds(reading->dev, loaded->key, value);
	} else if (!strcmp(name, "lookup")) {
		return loaded->at && loaded->at == number(nested(data, NFTA_LOOKUP_SREG)) &&
		       in_set(reading, family, table, nested(data, NFTA_LOOKUP_SET), loaded->key);
	} else if (loaded->at && number(nested(data, DESTINATION)) == loaded->at) {
		loaded->at = 0; /* overwritten */
	}
	return false;
}

static int one_rule(const struct nlmsghdr *header, void *arg)
{
	const struct nfgenmsg *info = mnl_nlmsg_get_payload(header);
	const char *table = text(part(header, NFTA_RULE_TABLE));
	const struct nlattr *list = part(header, NFTA_RULE_EXPRESSIONS), *expression;
	struct reading *reading = arg;
	struct loaded loaded = { 0, 0 };
	int err = 0;

	if (header->nlmsg_type != TYPE(NFT_MSG_NEWRULE) || !list)
		return MNL_CB_OK;
	netlink_each_nested(expression, list) {
		if (err || !compares(reading, info->nfgen_family, table, expression, &loaded))
			continue;
		err = attached_add(
			reading->found, "rule",
			loaded.key == NFT_META_IIFNAME || loaded.key == NFT_META_OIFNAME,
			"what the rules of the nftables chain %s %.64s %.64s match by %s",
			family_name(info->nfgen_family), table, text(part(header, NFTA_RULE_CHAIN)),
			key_name(loaded.key));
	}
	return noted(reading, err);
}

/** dump() - all objects of a kind, of all families */
static int dump(struct mnl_socket *socket, int message, mnl_cb_t each, struct reading *reading)
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	int err = -EINTR;

	for (unsigned int i = 0; err == -EINTR && i < TRIES; i++) {
		netlink_begin(request, TYPE(message), NLM_F_DUMP, sizeof(struct nfgenmsg));
		err = netlink_talk(socket, request, each, reading);
	}
	return err;
}

int attached_nftables(const struct host *host, const struct netdev *dev, struct attachments *found)
{
	static const struct {
		int message;
		mnl_cb_t each;
	} kinds[] = { { NFT_MSG_GETFLOWTABLE, one_flowtable },
		      { NFT_MSG_GETCHAIN, one_chain },
		      { NFT_MSG_GETRULE, one_rule } };
	struct reading reading = { .dev = dev, .found = found };
	struct mnl_socket *socket;
	enum module_state state;

	/* The question alone would load the module, and without it there are no rules. */
	if (!module_state(host, "nf_tables", &state) && state == MODULE_PRESENT)
		return 0;
	socket = netlink_open_bus(NETLINK_NETFILTER);
	reading.sets = socket ? netlink_open_bus(NETLINK_NETFILTER) : NULL;
	/* Without nf_tables, or root, nothing is seen. */
	for (size_t i = 0; reading.sets && !reading.err && i < sizeof(kinds) / sizeof(kinds[0]);
	     i++)
		dump(socket, kinds[i].message, kinds[i].each, &reading);
	if (reading.sets)
		mnl_socket_close(reading.sets);
	if (socket)
		mnl_socket_close(socket);
	return reading.err;
}
