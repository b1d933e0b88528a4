/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/names.h - which ports a log speaks of, by all the names that it has for each.
 *
 * "mana 7870:00:00.0 enP30832s1: joined to eth1" in one line makes eth1 known where another line
 * says no more than enP30832s1.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_NAMES_H
#define MANAKIN_HOST_DIAGNOSIS_NAMES_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/mac.h"
#include "host/machine/pci.h"
#include "host/machine/vmbus.h"

#define NAMES_MAX 64u /* ports of one log that are kept apart; more are not known */

/**
 * struct port_names - what is known of a port; an empty string: nothing
 * @interface:	the synthetic one
 * @was:	the name that an interface had until this line
 * @asked:	an application was told to use it
 */
struct port_names {
	char interface[IF_NAMESIZE], vf[IF_NAMESIZE], was[IF_NAMESIZE];
	char pci[PCI_ADDRESS_TEXT], mac[MAC_TEXT], uuid[VMBUS_UUID_TEXT];
	bool asked;
};

/**
 * port_names_read() - the first port that a line names
 * @line:	moves on to where the next may be named, or to @end
 *
 * Return: false if it names none
 */
bool port_names_read(struct port_names *names, const char **line, const char *end);

/** port_names_get() - by its name in rules: "interface", "vf", ...; NULL: not known */
const char *port_names_get(const struct port_names *names, const char *name);

/** port_names_set() - the same; what does not have that form is ignored */
void port_names_set(struct port_names *names, const char *name, const char *value);

/** port_names_same() - may both be one port, and is there a name that says so? */
bool port_names_same(const struct port_names *a, const struct port_names *b);

/** port_names_adapter() - is no more known than the adapter, which may have several ports? */
bool port_names_adapter(const struct port_names *names);

/** port_names_add() - what @more knows besides */
void port_names_add(struct port_names *names, const struct port_names *more);

/** struct log_ports - the ports of a log */
struct log_ports {
	struct port_names port[NAMES_MAX];
	size_t n;
};

/** names_learn() - a line speaks of this port */
void names_learn(struct log_ports *names, const struct port_names *port);

/** names_complete() - add what the log says of this port elsewhere */
void names_complete(const struct log_ports *names, struct port_names *port);

/** names_texts() - lines with one of these are worth port_names_read(), which learns from them */
extern const char *const names_texts[];
extern const size_t names_n_texts;

#endif
