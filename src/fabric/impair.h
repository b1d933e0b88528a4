/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/impair.h - loss, duplication, reordering and delay of what a vPort sends. Only for this
 * room.
 *
 * Options that every fabric has. A port without them has no struct impair, and its fabric is called
 * directly.
 */
#ifndef MANAKIN_FABRIC_IMPAIR_H
#define MANAKIN_FABRIC_IMPAIR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define IMPAIR_USAGE                                                                               \
	"+loss=PERCENT%, +duplicate=PERCENT%, +reorder=PERCENT%, +delay=TIME or +seed=N"
#define IMPAIR_MEMORY ((size_t)64u << 20) /* bytes of a port's frames that are held */

struct fabric_port;
struct fabric_spec;

/**
 * impair_open() - take the options for impairments out of a spec
 * @port:	gets its struct impair, or NULL if there are no such options
 * @spec:	what is left is the fabric's
 *
 * To be called before the fabric is opened, and undone with impair_free() if that fails.
 *
 * Return: 0, or negative errno with @error set
 */
int impair_open(struct fabric_port *port, struct fabric_spec *spec, struct error *error);

/** impair_plug() - the fabric is open: from now on frames come here first, and close() frees both */
void impair_plug(struct fabric_port *port);

/** impair_free() - free a port's struct impair, if it has one, and what it holds */
void impair_free(struct fabric_port *port);

/** impair_timer_fd(), impair_release() - see fabric_timer_fd(), fabric_release() */
int impair_timer_fd(const struct fabric_port *port);
bool impair_release(struct fabric_port *port, unsigned int lane);

#endif
