/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/step.h - one change to the machine: its name, its words, and how it is made.
 */
#ifndef MANAKIN_HOST_HANDOVER_STEP_H
#define MANAKIN_HOST_HANDOVER_STEP_H

#include <jansson.h>

#include "base/error.h"
#include "host/machine/port.h"

#define KEY_TEXT     40u
#define STEP_CHANGED 1 /* what step_make() returns if the step changed something */

/* The kinds; step.c has a table of them */
enum step_kind {
	/* of setup */
	STEP_HUGEPAGES, /* of one node and size, from @before to @after */
	STEP_MODULE,    /* load @object */
	STEP_UNMANAGE,  /* manager @driver is to leave the port alone; @before: its grip on it */
	STEP_LINK_DOWN, /* of interface @object */
	STEP_NEW_ID,    /* let @driver bind network devices */
	STEP_OVERRIDE,  /* let device @object be bound to @driver only; empty: to any */
	STEP_UNBIND,    /* device @object from @driver */
	STEP_BIND,      /* device @object to @driver, and wait until it is bound */
	STEP_REMOVE_ID, /* what STEP_NEW_ID added; of restore, too */
	STEP_PERSIST,   /* at boot too: @object is a line of the unit */
	/* of restore, besides */
	STEP_RENAME,  /* the interface to @object */
	STEP_ALTNAME, /* the interface's other name @entry */
	STEP_MAC,     /* to @entry */
	STEP_MTU,     /* to @after */
	STEP_LINK_UP,
	STEP_ADDRESS, /* @entry */
	STEP_ROUTE,   /* @entry */
	STEP_JOIN,    /* wait until the VF is under its synthetic interface */
	STEP_MANAGE,  /* manager @driver may have the port again; @after: its grip before setup */
	STEP_UNPERSIST,
	STEP_KINDS
};

/* Which interface of a port is meant */
enum role { ROLE_NONE, ROLE_SYNTHETIC, ROLE_VF };

enum step_state { STEP_PLANNED, STEP_DONE, STEP_UNCHANGED, STEP_FAILED };

/**
 * struct step - one change
 * @key:	of the port; empty: the machine's
 * @index:	of an interface that exists; 0: it has yet to come back
 * @node:	NUMA node, or -1: the machine has none
 * @kib:	size of a hugepage
 * @undoes:	number of the step in the journal; 0: none
 * @vf:		name of the port's VF; empty: none, or it does not matter
 * @vf_too:	the manager had that in its hands as well, not only the interface above it
 * @saved:	an interface as it was; the ledger's
 * @entry:	an address or route of it, another name, its MAC address
 * @what:	in words
 * @command:	for a shell; several lines if necessary
 * @undo:	how it is undone, as a command or in words
 * @why:	its result, if there is more to say than @state; else NULL
 */
struct step {
	enum step_kind kind;
	enum role role;
	enum step_state state;
	char key[KEY_TEXT];
	char object[512];
	char driver[32];
	int index;
	int node;
	unsigned int kib;
	unsigned long before, after;
	json_int_t undoes;
	char vf[IFNAMSIZ];
	bool vf_too;
	const json_t *saved, *entry;
	char *what, *command, *undo, *why;
};

/**
 * struct step_site - where a step is made
 * @uuid:	VMBus device of the step's port; empty: it has none, or the step is the machine's
 * @index:	number of the interface that this device has after it was bound; 0: not known
 *		yet, and filled in when it is
 * @vf:		the port's other interface, or NULL
 * @records:	of the journal
 */
struct step_site {
	const struct host *host;
	const char *uuid;
	int index;
	const struct netdev *vf;
	const json_t *records;
};

/** step_kind_name() - "hugepages", "link-down", ...; the journal has these names */
const char *step_kind_name(enum step_kind kind);

/** step_describe() - fill in @what, @command and @undo; 0 or -ENOMEM */
int step_describe(const struct host *host, struct step *step);

/**
 * step_make() - make the change
 * @why:	filled in with what there is to say, on success too; may stay empty
 *
 * Return: STEP_CHANGED; 0: there was nothing to change; or a negative errno
 */
int step_make(struct step_site *site, const struct step *step, struct error *why);

/** step_may_fail() - must a failure of this step not hold up the steps after it? */
bool step_may_fail(enum step_kind kind);

/** step_free() - its texts */
void step_free(struct step *step);

#endif
