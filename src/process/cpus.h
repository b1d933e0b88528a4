/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * process/cpus.h - lists of CPUs.
 */
#ifndef MANAKIN_PROCESS_CPUS_H
#define MANAKIN_PROCESS_CPUS_H

#define CPUS_MAX 256u

/**
 * cpus_parse() - read a list such as 1,3 or 2-5
 * @cpus:	CPUS_MAX of them, filled in as they come
 * @n:		how many
 *
 * Return: 0 or -EINVAL
 */
int cpus_parse(const char *list, unsigned int *cpus, unsigned int *n);

/** cpus_allowed() - those that this process may use, in order; 0 or a negative errno */
int cpus_allowed(unsigned int *cpus, unsigned int *n);

#endif
