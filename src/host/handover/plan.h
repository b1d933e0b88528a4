/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/plan.h - plan the steps, from a machine, a journal and what the user wants.
 *
 * The room host/handover hands interfaces over to DPDK and gives them back. plan_setup.c and
 * plan_restore.c decide on steps; step.c has what a step is and does; setup.c and restore.c carry a
 * plan out. Every change is written to the journal (journal.h) before it is made, so a setup that
 * is killed can be undone at any time later. The room uses base/, host/machine, host/known, and
 * process/ for the commands that make network managers read their configuration again. It is the
 * only one that changes how the machine's devices are bound and its interfaces are configured, and
 * it does so only in steps. It never prints, and never takes an interface in use unless it is
 * forced.
 *
 * A plan itself changes nothing.
 */
#ifndef MANAKIN_HOST_HANDOVER_PLAN_H
#define MANAKIN_HOST_HANDOVER_PLAN_H

#include "base/error.h"
#include "host/handover/ledger.h"
#include "host/handover/step.h"
#include "host/machine/port.h"

#define PLAN_PAGES     1024ul /* hugepages on each node, and ... */
#define PLAN_PAGES_KIB 2048u  /* ... their size: the guide's */

/**
 * struct plan_port - a port that the plan is about
 * @uuid:	of its VMBus device; may be empty
 * @name:	what to call it: synthetic interface, VF or UUID
 * @vf:		name of its VF's interface; may be empty
 * @address:	of its adapter on the PCI bus; may be empty
 * @netvsc:	for DPDK's netvsc driver; else for its mana driver directly
 * @index:	of the interface that came back; 0: none has yet
 * @save:	its state must be recorded; else the journal has it already
 * @forced:	even if its interfaces are in use
 * @steps:	it has steps in the plan
 * @gone:	of restore: this machine no longer has the device
 * @journalled:	the journal knows it
 */
struct plan_port {
	char key[KEY_TEXT];
	char uuid[VMBUS_UUID_TEXT];
	char name[64];
	char vf[IFNAMSIZ];
	char address[PCI_ADDRESS_TEXT];
	const struct mana_port *port;
	int index;
	bool netvsc, forced, save, steps, gone, journalled;
};

#define PLAN_LOSS_TEXT 200u

/**
 * struct plan_loss - what an interface loses by a setup, beside addresses and the like
 * @kind:	"altname", "mac", or as struct attachment has it
 * @back:	restore brings it back
 * @what:	in words
 */
struct plan_loss {
	char key[KEY_TEXT];
	char interface[IFNAMSIZ];
	const char *kind;
	bool back;
	char what[PLAN_LOSS_TEXT];
};

/**
 * struct plan_bug - a bug of the running kernel that the plan's steps meet
 * @id:		of host/known; empty: the bugs could not be read
 * @module:	the driver that has it
 * @what:	in words
 */
struct plan_bug {
	char id[64];
	char module[32];
	char what[480];
};

/**
 * struct plan - the steps, and what they are about
 * @setup:	it hands over; else it gives back
 */
struct plan {
	bool setup;
	struct plan_port *port;
	size_t n_ports;
	struct plan_loss *loss;
	size_t n_losses;
	struct plan_bug *bug;
	size_t n_bugs;
	struct step *step;
	size_t n_steps;
};

/* Which DPDK driver is to use a port */
enum setup_pmd {
	PMD_AUTO, /* netvsc where there is a synthetic interface, else mana */
	PMD_NETVSC,
	PMD_MANA,
};

/**
 * struct setup_options - what the user wants
 * @pages:	of @kib KiB on each node, at least
 * @pages_asked: the user gave it; else the step is skipped if other pages suffice
 * @force:	also an interface that is in use
 * @program:	path of this program, for @persist; NULL: not at boot
 */
struct setup_options {
	enum setup_pmd pmd;
	unsigned long pages;
	unsigned int kib;
	bool pages_asked;
	bool force;
	const char *program;
};

/**
 * struct plan_from - what a plan is made from
 * @host, @machine: the machine as it is
 * @ledger:	of its journal
 * @words:	@n_words names that the user gave; of plan_undo(): keys of ports
 */
struct plan_from {
	const struct host *host;
	const struct machine *machine;
	const struct ledger *ledger;
	const char *const *words;
	size_t n_words;
};

/**
 * plan_setup() - how to hand interfaces over
 * @plan:	filled in; points into the machine; plan_free() it, after a failure too
 * @error:	on failure, a sentence for the user
 *
 * Return: 0; -EINVAL, -ENODEV, -ENOTSUP: as machine_find(); -EBUSY: refused, as it is in use;
 * -ENOENT: the kernel has no such module or hugepages; another negative errno
 */
int plan_setup(const struct plan_from *from, const struct setup_options *options, struct plan *plan,
	       struct error *error);

/**
 * plan_restore() - how to give interfaces back; without words, all that the journal or the buses
 * know of
 *
 * Return: as plan_setup(); -EBUSY: a process has it open
 */
int plan_restore(const struct plan_from *from, struct plan *plan, struct error *error);

/**
 * plan_undo() - how to undo what a failed setup has done
 * @since:	number of the last step before it
 */
int plan_undo(const struct plan_from *from, json_int_t since, struct plan *plan,
	      struct error *error);

void plan_free(struct plan *plan);

/** plan_find() - the port of this key, or NULL */
struct plan_port *plan_find(const struct plan *plan, const char *key);

/* Only for the files of the plan */

/** plan_add() - add @step, with its words; 0 or -ENOMEM */
int plan_add(const struct host *host, struct plan *plan, const struct step *step);

/** plan_add_port() - add a port once; NULL: no memory. @port may be NULL: it is gone */
struct plan_port *plan_add_port(struct plan *plan, const struct machine *machine,
				const struct ledger *ledger, const struct mana_port *port,
				const char *key);

/** port_key() - under which the journal knows a port */
const char *port_key(const struct mana_port *port, char key[KEY_TEXT]);

#endif
