/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: what an application will lack is found before it starts, so that the user
 * gets a message with the command that fixes it, and not DPDK's log.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "app/application.h"
#include "process/hugepages.h"

#define MBUF          2560ull /* bytes, with headroom and the pool's overhead */
#define MEMORY_BESIDE (64ull << 20)

/** given() - is there such an argument, alone or with a value? */
static bool given(char **args, const char *name)
{
	size_t len = strlen(name);

	for (; args && *args; args++)
		if (!strncmp(*args, name, len) && (!(*args)[len] || (*args)[len] == '='))
			return true;
	return false;
}

int application_check_memory(const struct application *app, struct error *error)
{
	unsigned long long need, there;
	unsigned long pages;

	if (given(app->eal_args, "--no-huge") || !application_is_testpmd(app))
		return 0;
	need = application_mbufs(app, application_ports(app)) * MBUF + MEMORY_BESIDE;
	pages = (unsigned long)((need + HUGEPAGE_SIZE - 1) / HUGEPAGE_SIZE);
	there = hugepages_memory();
	if (there < need)
		return error_fail(
			error, -ENOMEM,
			"DPDK needs %lu free hugepages of 2 MB for this, and there are %llu; reserve more: echo %lu | sudo tee " HUGEPAGES_COUNT,
			pages, there / HUGEPAGE_SIZE,
			hugepages_total() + pages - (unsigned long)(there / HUGEPAGE_SIZE));
	if (!hugepages_mounted() && !given(app->eal_args, "--in-memory"))
		return error_fail(
			error, -ENODEV,
			"no hugetlbfs is mounted that this user may write to; mount one: sudo mkdir -p /dev/hugepages && sudo mount -t hugetlbfs hugetlbfs /dev/hugepages (or run DPDK without: -- --in-memory --)");
	return 0;
}

/** near_cpus() - of those allowed, the ones of the target's NUMA node, if there are any */
static void near_cpus(const struct target *target, unsigned int *cpus, unsigned int *n)
{
	unsigned int near[CPUS_MAX], n_near, both[CPUS_MAX], n_both = 0;

	if (cpus_parse(target->cpus, near, &n_near))
		return;
	for (unsigned int i = 0; i < *n; i++)
		for (unsigned int j = 0; j < n_near; j++)
			if (cpus[i] == near[j])
				both[n_both++] = cpus[i];
	if (!n_both)
		return;
	memcpy(cpus, both, n_both * sizeof(both[0]));
	*n = n_both;
}

int application_choose_cpus(struct application *app, const char *list, struct error *error)
{
	unsigned int allowed[CPUS_MAX], n, want = 1 + application_ports(app) * app->queues;
	int err = cpus_allowed(allowed, &n);

	if (err)
		return error_fail(error, err,
				  "cannot determine which CPUs this process may use: %s",
				  error_reason(-err));
	if (!list) {
		near_cpus(&app->target, allowed, &n);
		app->n_cpus = want < n ? want : n;
		memcpy(app->cpus, allowed, app->n_cpus * sizeof(allowed[0]));
		return 0;
	}
	err = cpus_parse(list, app->cpus, &app->n_cpus);
	if (err)
		return error_fail(error, err,
				  "--cpus: '%s' is not a list of CPUs such as 1,3 or 2-5", list);
	for (unsigned int i = 0; i < app->n_cpus; i++) {
		unsigned int j = 0;

		while (j < n && allowed[j] != app->cpus[i])
			j++;
		if (j == n)
			return error_fail(error, -ENODEV,
					  "--cpus: this process may not use CPU %u; it may use "
					  "%u to %u",
					  app->cpus[i], allowed[0], allowed[n - 1]);
	}
	return 0;
}
