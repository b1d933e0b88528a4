/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * confine/calls.h - the system calls that a thread may make.
 */
#ifndef MANAKIN_CONFINE_CALLS_H
#define MANAKIN_CONFINE_CALLS_H

#include <seccomp.h>

#include "confine/confine.h"

/**
 * calls_filter() - the filter of a role
 * @filter:	to be released with seccomp_release()
 *
 * Return: 0 or a negative errno
 */
int calls_filter(enum confine_role role, scmp_filter_ctx *filter);

#endif
