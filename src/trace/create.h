/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace/create.h - the file that a trace is written to.
 */
#ifndef MANAKIN_TRACE_CREATE_H
#define MANAKIN_TRACE_CREATE_H

#include "base/error.h"

/**
 * trace_create() - create a file, or empty one
 * @name:	of it; fd:N and fd:NAME are descriptors (base/passed.h)
 *
 * A trace holds what clients sent to each other: the file is readable by its owner only, and is
 * neither reached through a symbolic link nor somebody else's. Nobody else writes it as a trace.
 *
 * Return: a descriptor, or a negative errno with @error set
 */
int trace_create(const char *name, struct error *error);

#endif
