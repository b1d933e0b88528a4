/* SPDX-License-Identifier: BSD-3-Clause */
#include "process/cpus.h"

#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

/** parse_cpu() - one number; -EINVAL */
static int parse_cpu(const char **at, unsigned long *cpu)
{
	char *end;

	/* strtoul() would accept a sign, and spaces. */
	if (!isdigit((unsigned char)**at))
		return -EINVAL;
	*cpu = strtoul(*at, &end, 10);
	*at = end;
	return *cpu < CPU_SETSIZE ? 0 : -EINVAL;
}

int cpus_parse(const char *list, unsigned int *cpus, unsigned int *n)
{
	*n = 0;
	for (;;) {
		unsigned long first, last;

		if (parse_cpu(&list, &first))
			return -EINVAL;
		last = first;
		if (*list == '-') {
			list++;
			if (parse_cpu(&list, &last))
				return -EINVAL;
		}
		if (last < first || (*list && *list != ','))
			return -EINVAL;
		for (unsigned long cpu = first; cpu <= last; cpu++) {
			if (*n == CPUS_MAX)
				return -EINVAL;
			cpus[(*n)++] = (unsigned int)cpu;
		}
		if (!*list)
			return 0;
		list++;
	}
}

int cpus_allowed(unsigned int *cpus, unsigned int *n)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return -errno;
	*n = 0;
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE && *n < CPUS_MAX; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[(*n)++] = cpu;
	return 0;
}
