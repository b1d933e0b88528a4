/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/hugetlb.h - what this process's cgroups allow of hugepages.
 */
#ifndef MANAKIN_HOST_MACHINE_HUGETLB_H
#define MANAKIN_HOST_MACHINE_HUGETLB_H

#include "host/machine/root.h"

#define HUGETLB_SIZES 8u

/**
 * struct hugetlb_limit - what a cgroup allows of hugepages of one size
 * @kib:	of a page
 * @limit, @used: bytes; of the cgroup, of those above it too, that leaves least
 * @file:	that has the limit
 */
struct hugetlb_limit {
	unsigned int kib;
	unsigned long long limit, used;
	char file[600];
};

/**
 * hugetlb_limits() - the limits that there are
 *
 * Return: how many, up to HUGETLB_SIZES; 0: there is none, or none that can be seen from here
 */
size_t hugetlb_limits(const struct host *host, struct hugetlb_limit limits[HUGETLB_SIZES]);

#endif
