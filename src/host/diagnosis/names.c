/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: a line is taken apart into words. A word that has the form of a bus
 * address, a MAC address or a UUID is one. An interface is known by what comes before it: the
 * driver and the device ("hv_netvsc UUID eth1:"), or the words of a message ("joined to eth1").
 *
 * The table has a line for each port. A line of the log that gives two names of a port joins what
 * was known by either. A UUID or a MAC address is for ever; an interface's name may be another's
 * in the next line, as a VF is registered under a name that it soon loses.
 */
#include "host/diagnosis/names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *const names_texts[] = {
	": joined to ",
	"VF registering: ",
	"Data path switched to VF: ",
	": renamed from ",
	": device located port ",
	"key=mac value=",
	",mac=",
	",iface=",
	"net_mana (1414:",
};
const size_t names_n_texts = sizeof(names_texts) / sizeof(names_texts[0]);

/* ---- the forms of names ---- */

/** fits() - has text the form? There x stands for a hexadecimal digit */
static bool fits(const char *text, size_t len, const char *form)
{
	size_t i;

	for (i = 0; i < len && form[i]; i++)
		if (form[i] == 'x' ? !isxdigit((unsigned char)text[i]) : text[i] != form[i])
			return false;
	return i == len && !form[i];
}

static bool is_pci(const char *text, size_t len)
{
	return fits(text, len, "xxxx:xx:xx.x") || fits(text, len, "xxxxx:xx:xx.x");
}

static bool is_mac(const char *text, size_t len)
{
	return fits(text, len, "xx:xx:xx:xx:xx:xx");
}

static bool is_uuid(const char *text, size_t len)
{
	return fits(text, len, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
}

static bool is_interface(const char *text, size_t len)
{
	if (!len || len >= IF_NAMESIZE || !isalpha((unsigned char)*text))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("._-@", text[i]))
			return false;
	return true;
}

/** put() - a name; addresses in small letters, as the machine's */
static void put(char *to, const char *text, size_t len, bool small)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (char)(small ? tolower((unsigned char)text[i]) : text[i]);
	to[len] = 0;
}

/* ---- a line ---- */

/**
 * struct word - of a line
 * @colon:	it ends with one, which is not part of it
 */
struct word {
	const char *text;
	size_t len;
	bool colon;
};

static bool is(const struct word *word, const char *text)
{
	return word->len == strlen(text) && !memcmp(word->text, text, word->len);
}

/** next_word() - from @p on; false: there is none */
static bool next_word(const char **p, const char *end, struct word *word)
{
	static const char between[] = " \t\r\n,;=\"'()[]<>|";

	while (*p < end && (!**p || strchr(between, **p)))
		++*p;
	word->text = *p;
	while (*p < end && **p && !strchr(between, **p))
		++*p;
	word->len = (size_t)(*p - word->text);
	word->colon = word->len && word->text[word->len - 1] == ':';
	while (word->len && strchr(":.", word->text[word->len - 1]))
		word->len--;
	return word->text < end;
}

/** is_vf_driver() - of functions that are joined to a synthetic interface */
static bool is_vf_driver(const struct word *word)
{
	return is(word, "mana") || is(word, "mlx5_core") || is(word, "mlx4_core") ||
	       is(word, "mlx4_en");
}

/** take_address() - a word that has an address's form; false: it has not */
static bool take_address(struct port_names *names, const struct word *word,
			 const struct word *before)
{
	if (is_pci(word->text, word->len)) {
		if (!*names->pci)
			put(names->pci, word->text, word->len, true);
		return true;
	}
	if (is_mac(word->text, word->len)) {
		if (!*names->mac)
			put(names->mac, word->text, word->len, true);
		names->asked |= is(before, "mac") || is(before, "value") || is(before, "address");
		return true;
	}
	/* hv_pci's device is the bus, which has a UUID of its own */
	if (is_uuid(word->text, word->len)) {
		if (!*names->uuid && !is(before, "hv_pci"))
			put(names->uuid, word->text, word->len, true);
		return true;
	}
	return false;
}

/** take_interface() - a word that names an interface because of the words before it */
static void take_interface(struct port_names *names, const struct word *word,
			   const struct word before[3])
{
	const struct word *last = &before[0], *second = &before[1];
	char *to = NULL;

	if (!is_interface(word->text, word->len))
		return;
	if (word->colon && !last->colon && is_pci(last->text, last->len) && is_vf_driver(second))
		to = names->vf;
	else if (word->colon && !last->colon && is_uuid(last->text, last->len) &&
		 is(second, "hv_netvsc"))
		to = names->interface;
	else if (is(last, "to") && is(second, "joined"))
		to = names->interface;
	else if (is(last, "with") && is(second, "namespace"))
		to = names->interface;
	else if (is(last, "from") && is(second, "renamed"))
		to = names->was;
	else if ((is(last, "registering") || is(last, "unregistering")) && is(second, "VF"))
		to = names->vf;
	else if (is(last, "VF") && (is(second, "to") || is(second, "from")) && last->colon)
		to = names->vf;
	else if (is(last, "slave") && is(second, "open"))
		to = names->vf;
	else if (is(last, "iface"))
		to = names->interface;
	if (!to || *to)
		return;
	put(to, word->text, word->len, false);
	names->asked |= is(last, "iface");
}

/** is_next() - does this word begin with another port, in arguments such as mac=A,mac=B? */
static bool is_next(const struct port_names *names, const struct word *word,
		    const struct word *before)
{
	if (is(before, "mac"))
		return *names->mac && is_mac(word->text, word->len);
	return is(before, "iface") && *names->interface;
}

bool port_names_read(struct port_names *names, const char **line, const char *end)
{
	struct word word, before[3] = { { "", 0, false }, { "", 0, false }, { "", 0, false } };
	const char *p = *line;

	memset(names, 0, sizeof(*names));
	while (next_word(&p, end, &word)) {
		if (is_next(names, &word, &before[0])) {
			*line = before[0].text;
			return true;
		}
		if (!take_address(names, &word, &before[0]))
			take_interface(names, &word, before);
		before[2] = before[1];
		before[1] = before[0];
		before[0] = word;
	}
	*line = end;
	return *names->interface || *names->vf || *names->pci || *names->mac || *names->uuid;
}

/* ---- names ---- */

/* Where each is; from the one that says most to the one that says least */
static const struct {
	const char *name;
	size_t offset;
	bool (*fits)(const char *text, size_t len);
	bool lasting, small;
} fields[] = {
	{ "mac", offsetof(struct port_names, mac), is_mac, true, true },
	{ "uuid", offsetof(struct port_names, uuid), is_uuid, true, true },
	{ "vf", offsetof(struct port_names, vf), is_interface, false, false },
	{ "interface", offsetof(struct port_names, interface), is_interface, false, false },
	{ "pci", offsetof(struct port_names, pci), is_pci, false, true },
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))
#define PCI    (FIELDS - 1) /* several ports have one: it does not tell them apart */

static char *field(struct port_names *names, size_t i)
{
	return (char *)names + fields[i].offset;
}

static const char *value(const struct port_names *names, size_t i)
{
	return (const char *)names + fields[i].offset;
}

const char *port_names_get(const struct port_names *names, const char *name)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (!strcmp(fields[i].name, name))
			return *value(names, i) ? value(names, i) : NULL;
	return NULL;
}

void port_names_set(struct port_names *names, const char *name, const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < FIELDS; i++)
		if (!strcmp(fields[i].name, name) && fields[i].fits(text, len))
			put(field(names, i), text, len, fields[i].small);
}

/**
 * azure_uuid() - does the UUID have this MAC address?
 *
 * Hyper-V in Azure makes an interface's UUID of its address: f8615163-0001-1000-2000-6045bda6bd76.
 */
static bool azure_uuid(const char *uuid, const char *mac)
{
	char end[13];

	if (!*uuid || !*mac)
		return false;
	snprintf(end, sizeof(end), "%.2s%.2s%.2s%.2s%.2s%.2s", mac, mac + 3, mac + 6, mac + 9,
		 mac + 12, mac + 15);
	return !strcmp(uuid + strlen(uuid) - 12, end);
}

/** differ() - are they different ports for sure? */
static bool differ(const struct port_names *a, const struct port_names *b)
{
	return (*a->mac && *b->mac && strcmp(a->mac, b->mac)) ||
	       (*a->uuid && *b->uuid && strcmp(a->uuid, b->uuid));
}

bool port_names_same(const struct port_names *a, const struct port_names *b)
{
	if (differ(a, b))
		return false;
	for (size_t i = 0; i < PCI; i++)
		if (*value(a, i) && !strcmp(value(a, i), value(b, i)))
			return true;
	return azure_uuid(a->uuid, b->mac) || azure_uuid(b->uuid, a->mac);
}

bool port_names_adapter(const struct port_names *names)
{
	return !*names->mac && !*names->uuid && !*names->vf && !*names->interface;
}

void port_names_add(struct port_names *names, const struct port_names *more)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (!*field(names, i))
			strcpy(field(names, i), value(more, i));
	names->asked |= more->asked;
}

/* ---- the table ---- */

/** give_up() - a name is now another port's */
static void give_up(struct port_names *names, const struct port_names *owner)
{
	for (size_t i = 0; i < PCI; i++)
		if (!fields[i].lasting && !strcmp(value(names, i), value(owner, i)))
			*field(names, i) = 0;
}

/** rename_port() - the interface of this line had another name until now */
static void rename_port(struct log_ports *names, const struct port_names *port)
{
	for (size_t i = 0; i < names->n; i++) {
		struct port_names *known = &names->port[i];

		if (*port->vf && !strcmp(known->vf, port->was))
			strcpy(known->vf, port->vf);
		else if (*port->interface && !strcmp(known->interface, port->was))
			strcpy(known->interface, port->interface);
	}
}

void names_learn(struct log_ports *names, const struct port_names *port)
{
	struct port_names all = *port;
	size_t kept = 0;

	if (*port->was)
		rename_port(names, port);
	*all.was = 0;
	/* What is known of this port by any of its names becomes one entry, the last. */
	for (size_t i = 0; i < names->n; i++) {
		struct port_names *known = &names->port[i];

		if (port_names_same(known, &all)) {
			port_names_add(&all, known);
			continue;
		}
		give_up(known, port);
		names->port[kept++] = *known;
	}
	names->n = kept;
	if (names->n < NAMES_MAX && !port_names_adapter(&all))
		names->port[names->n++] = all;
}

void names_complete(const struct log_ports *names, struct port_names *port)
{
	for (size_t i = 0; i < names->n; i++)
		if (port_names_same(&names->port[i], port)) {
			port_names_add(port, &names->port[i]);
			return;
		}
}
