/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli/look.h - how commands read the machine and find the ports that a user names.
 */
#ifndef MANAKIN_CLI_LOOK_H
#define MANAKIN_CLI_LOOK_H

#include "base/error.h"
#include "host/machine/port.h"
#include "term/options.h"

/**
 * look_open() - open the machine that the options name: a tree, a report, or this one
 * @interfaces:	they are needed; if a tree does not have them, that is said
 *
 * Return: 0, or a negative errno after printing why; then nothing is open
 */
int look_open(const struct shared_options *shared, bool interfaces, struct host *host);

/** look_at_machine() - look_open(), and read the machine; the same */
int look_at_machine(const struct shared_options *shared, struct host *host,
		    struct machine *machine);
void look_away(struct host *host, struct machine *machine);

/**
 * look_for_ports() - the ports that a user names, each once; prints why if one does not exist
 *
 * An interface that is gone because `manakin setup` handed it over can still be named.
 *
 * @words:	@n of them
 * @ports:	filled in: as many as @n pointers; owned by the caller
 * @found:	how many they are
 *
 * Return: 0 or a negative errno
 */
int look_for_ports(const struct host *host, const struct machine *machine, char *const *words,
		   size_t n, const struct mana_port ***ports, size_t *found);

/** look_for_report() - ask what diagnose and args ask besides, so that it is recorded */
void look_for_report(const struct host *host);

/** look_for_port() - one of them; @error: on failure, a sentence for the user */
int look_for_port(const struct host *host, const struct machine *machine, const char *word,
		  const struct mana_port **port, struct error *error);

#endif
