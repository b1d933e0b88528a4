/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: what is found is a secret, with its kind and its value, in a tree (tsearch(3)).
 * Replacements are chosen when all are known: so none is the value of another secret, and those of
 * MAC addresses are in the order of the addresses.
 */
#include "host/report/private.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mac.h"
#include "host/report/secret.h"
#include "host/report/token.h"

/* What begins the usual names of interfaces; the rest of such a name is digits and letters of these */
static const char *const usual[] = { "eth",    "enP",    "en",      "ib",     "docker", "br-",
				     "veth",   "virbr",  "bond",    "team",   "vlan",   "tun",
				     "tap",    "dummy",  "sit",     "ip6tnl", "gre",    "wg",
				     "cni",    "cali",   "flannel", "lxc",    "azv",    "vxlan",
				     "lo",     "br",     "usb",     "wl",     "rename", "tunl",
				     "erspan", "gretap", "ip_vti",  "ip6_vti" };
#define USUAL_REST "0123456789abcdefPpsdvfniux.:@_-"

/* Words that the program, a kernel or DPDK says itself: a host that is called so is not hidden. */
static const char *const spoken[] = {
	"localhost",
	"localdomain",
	"debian",
	"ubuntu",
	"rhel",
	"fedora",
	"centos",
	"suse",
	"azure",
	"azurelinux",
	"mariner",
	"linux",
	"kernel",
	"mana",
	"mana_ib",
	"manakin",
	"dpdk",
	"testpmd",
	"eal",
	"root",
	"daemon",
	"nobody",
	"nfsnobody",
	"vpp",
	"ovs",
	"netvsc",
	"hv_netvsc",
	"vmbus",
	"pci",
	"device",
	"driver",
	"port",
	"host",
	"guest",
	"user",
	"memory",
	"page",
	"error",
	"failed",
	"warning",
	"none",
	"true",
	"false",
	"null",
	"name",
	"address",
	"default",
	"up",
	"down",
	"on",
	"off",
	"yes",
	"no",
	"ok",
	"unknown",
	"usr",
	"lib",
	"etc",
	"sys",
	"proc",
	"dev",
	"net",
	"class",
	"bus",
	"run",
	"home",
	"opt",
	"local",
	"share",
	"bin",
	"sbin",
	"shared",
	"static",
	"version",
	"prefix",
	"files",
	"limits",
	"modules",
	"queues",
	"channels",
	"missing",
	"networkmanager",
	"systemd-networkd",
	"networkd",
	"cloud-init",
	"bridge",
	"vrf",
	"vlan",
	"macvlan",
	"ipvlan",
	"bond",
	"veth",
	"dummy",
	"tun",
	"hugetlbfs",
	"rw",
	"mlx4_core",
	"mlx5_core",
	"uio_hv_generic",
	"uio_pci_generic",
	"vfio-pci",
	"i40e",
	"ice",
	"present",
	"loaded",
	"builtin",
	"family",
	"index",
	"flags",
	"type",
	"table",
	"trace",
	"verbose",
	"debug",
	"info",
	"notice",
	"warn",
	"err",
	"crit",
	"critical",
	"alert",
	"emerg",
	"fatal",
	"stdin",
	"stdout",
	"stderr",
};

/* Ids of VMBus's kinds of devices, which all machines share (include/linux/hyperv.h of Linux) */
static const char *const common[] = {
	"f8615163-df3e-46c5-913f-f2d2f965ed0e", "44c4f61d-4444-4400-9d52-802e27ede19f",
	"ba6163d9-04a1-4d29-b605-72e2ffb1dc7f", "cfa8b69e-5b4a-4cc0-b98b-8ba1a1f3f95a",
	"f912ad6d-2b17-48ea-bd65-f927a61c7684", "da0a7802-e377-4aac-8e77-0558eb1073f8",
	"57164f39-9115-4e78-ab55-382f3bd5422d", "9527e630-d0ae-497b-adce-e80ab0175caf",
	"a9a0f4e7-5a45-4d96-b827-8a841e8c03e6", "35fa2e29-ea23-4236-96ae-3a6ebacba440",
	"34d14be3-dee4-41c8-9ae7-6b174977c192", "525074dc-8985-46e2-8057-a307dc18a502",
	"3375baf4-9e15-4b30-b765-67acb10d607b", "276aacf4-ac15-426c-98dd-7521ad3f01fe",
	"f8e65716-3cb3-4a06-9a60-1889c5cccab5", "3b0f3c2f-0000-0000-0000-000000000000",
	"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *private_kind_name(enum private_kind kind)
{
	static const char *const names[PRIVATE_KINDS] = {
		[PRIVATE_MAC] = "MAC address",     [PRIVATE_IP] = "IP address",
		[PRIVATE_UUID] = "UUID",           [PRIVATE_HARDWARE] = "hardware address",
		[PRIVATE_HOST] = "host name",      [PRIVATE_USER] = "user name",
		[PRIVATE_INTERFACE] = "interface", [PRIVATE_RESOURCE] = "Azure resource",
		[PRIVATE_MAIL] = "mail address",
	};

	return names[kind];
}

int secret_by_value(const void *a, const void *b)
{
	const struct secret *one = a, *other = b;

	if (one->kind != other->kind)
		return one->kind < other->kind ? -1 : 1;
	if (one->n != other->n)
		return one->n < other->n ? -1 : 1;
	return memcmp(one->key, other->key, one->n);
}

struct private *private_open(void)
{
	return calloc(1, sizeof(struct private));
}

static void no_free(void *secret)
{
	(void)secret; /* private_close() has them in a list */
}

void private_close(struct private *private)
{
	if (!private)
		return;
	tdestroy(private->tree, no_free);
	tdestroy(private->chosen, no_free);
	for (size_t i = 0; i < private->n; i++)
		free(private->secret[i]);
	free(private->secret);
	free(private->network);
	free(private->word);
	free(private);
}

struct secret *secret_find(const struct private *private, enum private_kind kind, const void *key,
			   size_t n)
{
	struct secret wanted = { .kind = kind, .n = n };
	void *node;

	memcpy(wanted.key, key, n);
	node = tfind(&wanted, &private->tree, secret_by_value);
	return node ? *(struct secret **)node : NULL;
}

/** add() - a secret, unless it is known or there are too many; 0 or -ENOMEM */
static int add(struct private *private, enum private_kind kind, const void *key, size_t n,
	       const char *original, size_t len)
{
	struct secret *new, **more;

	if (n > KEY_MAX || secret_find(private, kind, key, n))
		return 0;
	if (private->n == SECRETS_MAX) {
		private->full = true;
		return 0;
	}
	/* Room for powers of two */
	if (!(private->n & (private->n - 1))) {
		more = reallocarray(private->secret, private->n ? 2 * private->n : 1,
				    sizeof(*more));
		if (!more)
			return -ENOMEM;
		private->secret = more;
	}
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->kind = kind;
	new->n = n;
	memcpy(new->key, key, n);
	snprintf(new->original, sizeof(new->original), "%.*s", (int)len, original);
	if (!tsearch(new, &private->tree, secret_by_value)) {
		free(new);
		return -ENOMEM;
	}
	private->secret[private->n++] = new;
	return 0;
}

/* ---- what is learned ---- */

int private_word(struct private *private, enum private_kind kind, const char *word)
{
	size_t len = strlen(word), label = strcspn(word, ".");
	char host[NAME_BYTES];

	/* Without its domain, however long that is, it is the same host. */
	if (kind == PRIVATE_HOST && word[label] && label < sizeof(host)) {
		snprintf(host, sizeof(host), "%.*s", (int)label, word);
		if (private_word(private, kind, host))
			return -ENOMEM;
	}
	if (len < 2 || len >= NAME_BYTES)
		return 0;
	for (size_t i = 0; i < COUNT(spoken); i++)
		if (!strcasecmp(spoken[i], word))
			return 0;
	if (strspn(word, "0123456789.") == len)
		return 0;
	return add(private, kind, word, len, word, len);
}

int private_interface(struct private *private, const char *name)
{
	for (size_t i = 0; i < COUNT(usual); i++) {
		size_t len = strlen(usual[i]);

		if (!strncmp(name, usual[i], len) && !name[len + strspn(name + len, USUAL_REST)])
			return 0;
	}
	return private_word(private, PRIVATE_INTERFACE, name);
}

int private_network(struct private *private, const uint8_t *address, size_t bytes,
		    unsigned int prefix)
{
	unsigned int most = bytes == 4 ? 24 : 64;
	struct network *more;

	more = reallocarray(private->network, private->n_networks + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	private->network = more;
	more += private->n_networks++;
	*more = (struct network){ .bytes = bytes, .prefix = prefix < most ? prefix : most };
	memcpy(more->address, address, bytes);
	return 0;
}

bool secret_is_nobodys(const uint8_t *ip, size_t bytes)
{
	static const uint8_t azure[2][4] = { { 168, 63, 129, 16 }, { 169, 254, 169, 254 } };
	static const uint8_t zero[15];

	if (bytes == 4)
		return !ip[0] || ip[0] == 127 || ip[0] >= 224 || !memcmp(ip, azure[0], 4) ||
		       !memcmp(ip, azure[1], 4);
	return ip[0] == 0xff || (!memcmp(ip, zero, 15) && ip[15] <= 1);
}

bool secret_is_mapped(const uint8_t ip[16])
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	return !memcmp(ip, mapped, 12);
}

/** is_common() - a UUID that all machines share */
static bool is_common(const char *text)
{
	for (size_t i = 0; i < COUNT(common); i++)
		if (!strncasecmp(common[i], text, 36))
			return true;
	return false;
}

static int learn_mac(struct private *private, const uint8_t mac[6])
{
	static const uint8_t none[6], all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	char text[MAC_TEXT];

	if (!memcmp(mac, none, 6) || !memcmp(mac, all, 6))
		return 0;
	return add(private, PRIVATE_MAC, mac, 6, mac_text(mac, text), MAC_TEXT - 1);
}

static int learn_ip(struct private *private, const struct token *token, const char *text)
{
	char plain[INET_ADDRSTRLEN];

	if (token->n == 16 && secret_is_mapped(token->bytes)) {
		if (secret_is_nobodys(token->bytes + 12, 4))
			return 0;
		inet_ntop(AF_INET, token->bytes + 12, plain, sizeof(plain));
		return add(private, PRIVATE_IP, token->bytes + 12, 4, plain, strlen(plain));
	}
	if (secret_is_nobodys(token->bytes, token->n))
		return 0;
	return add(private, PRIVATE_IP, token->bytes, token->n, text, token->len);
}

/** learn() - a token; 0 or -ENOMEM */
static int learn(struct private *private, const struct token *token, const char *text, bool named)
{
	uint8_t mac[6];

	switch (token->form) {
	case TOKEN_MAC:
	case TOKEN_MAC_DOTS:
		return learn_mac(private, token->bytes);
	case TOKEN_MAC_BARE:
		return named ? learn_mac(private, token->bytes) : 0;
	case TOKEN_GUID:
		if (token_mac_of_guid(token->bytes, mac))
			return learn_mac(private, mac);
		return add(private, PRIVATE_HARDWARE, token->bytes, token->n, text, token->len);
	case TOKEN_HARDWARE:
		return add(private, PRIVATE_HARDWARE, token->bytes, token->n, text, token->len);
	case TOKEN_UUID:
		if (is_common(text))
			return 0;
		if (token_mac_of_uuid(token->bytes, mac) && learn_mac(private, mac))
			return -ENOMEM;
		return add(private, PRIVATE_UUID, token->bytes, 16, text, token->len);
	case TOKEN_IPV6:
		if (token_mac_of_guid(token->bytes + 8, mac) && learn_mac(private, mac))
			return -ENOMEM;
		return learn_ip(private, token, text);
	case TOKEN_IPV4:
		return learn_ip(private, token, text);
	case TOKEN_MAIL:
		return add(private, PRIVATE_MAIL, text, token->len < KEY_MAX ? token->len : KEY_MAX,
			   text, token->len);
	case TOKEN_GUID_BARE: /* as likely any other number */
	case TOKEN_UUID_BARE:
	case TOKEN_NONE:
		break;
	}
	return 0;
}

static bool in_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

/** learn_named() - the name that follows @before, which ends here */
static int learn_named(struct private *private, const char *text, size_t len, size_t at,
		       const char *before, enum private_kind kind)
{
	size_t size = strlen(before), n = 0;
	char name[NAME_BYTES];

	if (at < size || strncasecmp(text + at - size, before, size))
		return 0;
	while (at + n < len && n < sizeof(name) - 1 && in_name(text[at + n])) {
		name[n] = text[at + n];
		n++;
	}
	name[n] = '\0';
	return private_word(private, kind, name);
}

/** learn_path() - a name that follows a slash: of a home directory, or of a resource of Azure */
static int learn_path(struct private *private, const char *text, size_t len, size_t at)
{
	static const char *const resources[] = {
		"/resourceGroups/",        "/virtualMachines/", "/networkInterfaces/",
		"/virtualNetworks/",       "/subnets/",         "/publicIPAddresses/",
		"/storageAccounts/",       "/disks/",           "/virtualMachineScaleSets/",
		"/networkSecurityGroups/",
	};
	int err = learn_named(private, text, len, at, "/home/", PRIVATE_USER);

	for (size_t i = 0; !err && i < COUNT(resources); i++)
		err = learn_named(private, text, len, at, resources[i], PRIVATE_RESOURCE);
	return err;
}

/** learn_logger() - the host that a line of syslog names: "Nov 29 07:55:07 HOST ", "2026-11-29T... HOST " */
static int learn_logger(struct private *private, const char *line, size_t len)
{
	char copy[320], name[256];
	size_t n = 0;
	int end = 0;

	while (n < len && n < sizeof(copy) - 1 && line[n] && line[n] != '\n') {
		copy[n] = line[n];
		n++;
	}
	copy[n] = '\0';
	if ((sscanf(copy, "%*3[A-Za-z] %*2d %*2d:%*2d:%*2d %255[A-Za-z0-9_.-]%n", name, &end) ==
		     1 ||
	     sscanf(copy, "%*4d-%*2d-%*2dT%*[0-9:.]%*[Z0-9:+-] %255[A-Za-z0-9_.-]%n", name, &end) ==
		     1 ||
	     sscanf(copy, "%*4d-%*2d-%*2dT%*[0-9:.] %255[A-Za-z0-9_.-]%n", name, &end) == 1) &&
	    end && copy[end] == ' ')
		return private_word(private, PRIVATE_HOST, name);
	return 0;
}

int private_learn(struct private *private, const char *text, size_t len)
{
	struct token token;
	int err = learn_logger(private, text, len);

	for (size_t i = 0; i < len && !err; i++) {
		char c = text[i];

		if (c == '\n')
			err = learn_logger(private, text + i + 1, len - i - 1);
		else if (c == '/' && i + 1 < len)
			err = learn_path(private, text, len, i + 1);
		if (err || (!isalnum((unsigned char)c) && c != ':') ||
		    !token_at(text, len, i, &token))
			continue;
		err = learn(private, &token, text + i, i >= 3 && !strncmp(text + i - 3, "enx", 3));
		/* A mail address may have others in it. */
		i += token.len - 1;
	}
	return err;
}

/* ---- the table ---- */

static int in_table(const void *a, const void *b)
{
	const struct private_line *one = a, *other = b;

	return one->kind != other->kind ? (int)one->kind - (int)other->kind
					: strcmp(one->replacement, other->replacement);
}

size_t private_lines(const struct private *private, struct private_line **line)
{
	size_t n = 0;

	*line = calloc(private->n + 1, sizeof(**line));
	for (size_t i = 0; *line && i < private->n; i++) {
		const struct secret *secret = private->secret[i];

		if (secret->times && strcmp(secret->original, secret->text) != 0)
			(*line)[n++] = (struct private_line){ secret->kind, secret->original,
							      secret->text, secret->times };
	}
	if (n)
		qsort(*line, n, sizeof(**line), in_table);
	return n;
}
