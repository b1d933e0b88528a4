/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The checks of RDMA: rdma-core with its provider, and whether the provider and the kernel agree
 * on the driver id.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/check/exam.h"
#include "host/machine/module.h"
#include "host/machine/rdma.h"

#define PROVIDER "mana"

/**
 * provider_fix() - what brings the provider mana
 * @words:	filled in: which distributions have it, if this one does not
 */
static void provider_fix(const struct exam *exam, char fix[256], char words[EXAM_WORDS])
{
	const char *name = *exam->distro.name ? exam->distro.name : "this distribution";
	struct packages_answer answer = { .state = PACKAGES_UNKNOWN };

	*words = '\0';
	if (exam->packages)
		packages_library(exam->packages, &exam->distro, "libmana", &answer);
	snprintf(fix, 256, "%s", answer.install);
	if (*fix)
		return;
	snprintf(fix, 256,
		 "build rdma-core 44 or later from its sources (github.com/linux-rdma/rdma-core)");
	if (answer.state == PACKAGES_LACKS)
		snprintf(words, EXAM_WORDS,
			 "; no package of %s has libmana; those of these have: %s", name,
			 answer.others);
}

void check_rdma_core(struct exam *exam)
{
	struct rdma_providers providers;
	char fix[256], words[EXAM_WORDS];
	struct rdma_core core;
	bool backport = false;

	provider_fix(exam, fix, words);
	if (rdma_core_read(exam->host, &core)) {
		find(exam, VERDICT_FAIL, NULL, fix,
		     RDMA_LIBRARY " is not installed: rdma-core 44 or later is needed%s", words);
		return;
	}
	if (!core.version || core.version >= 44) {
		if (core.version)
			find(exam, VERDICT_OK, NULL, NULL, "version %u (%s)", core.version,
			     core.path);
		else
			find(exam, VERDICT_OK, NULL, NULL,
			     "%s; its name has no version, and what counts is the provider",
			     core.path);
		return;
	}
	rdma_providers_read(exam->host, &core, &providers);
	for (size_t i = 0; i < providers.n; i++)
		backport |= !strcmp(providers.provider[i].claim.name, PROVIDER);
	rdma_providers_free(&providers);
	find(exam, backport ? VERDICT_OK : VERDICT_FAIL, NULL, backport ? NULL : fix,
	     "version %u (%s) is older than 44%s%s", core.version, core.path,
	     backport ? ", but has the provider mana" : " and has no provider mana",
	     backport ? "" : words);
}

void check_rdma_provider(struct exam *exam)
{
	const struct rdma_provider *mana;
	char fix[256], words[EXAM_WORDS];
	struct rdma_providers providers;
	struct rdma_core core;

	if (rdma_core_read(exam->host, &core))
		return; /* reported above */
	provider_fix(exam, fix, words);
	rdma_providers_read(exam->host, &core, &providers);
	mana = rdma_named(&providers, PROVIDER);
	if (!mana)
		find(exam, VERDICT_FAIL, NULL, fix,
		     "no file in %s says 'driver mana', so libibverbs will not load it%s",
		     core.configuration, words);
	else if (!*mana->path)
		find(exam, VERDICT_FAIL, NULL, fix,
		     "%s names mana, but there is no libmana%s in %s, and %s loads no other",
		     core.configuration, *core.suffix ? core.suffix : "-rdmav*.so",
		     *core.providers ? core.providers : "the library directories", core.path);
	else if (!mana->claim.n)
		find(exam, VERDICT_WARNING, NULL, fix,
		     "%s is installed, but no device that it claims could be read from it",
		     mana->path);
	else
		find(exam, VERDICT_OK, NULL, NULL, "%s claims driver id %llu", mana->path,
		     (unsigned long long)mana->claim.id[0]);
	rdma_providers_free(&providers);
}

/** judge_match() - does libibverbs use the provider mana for the device? */
static void judge_match(struct exam *exam, const struct rdma_device *device,
			const struct rdma_providers *providers)
{
	static const char fix[] =
		"use the kernel and the rdma-core of one distribution: remove the rdma-core that "
		"was built separately, or build one whose rdma_driver_id matches the kernel's";
	static const char broken[] = "remove the file below /etc/libibverbs.d whose provider "
				     "crashes; 'ibv_devices' shows whether that helps";
	char words[RDMA_WORDS];

	switch (rdma_match(exam->host, device, providers, PROVIDER, words)) {
	case RDMA_MATCH_OK:
		find(exam, VERDICT_OK, device->name, NULL, "%s", words);
		break;
	case RDMA_MATCH_NOT:
		find(exam, VERDICT_FAIL, device->name, fix, "%s", words);
		break;
	case RDMA_MATCH_BROKEN:
		find(exam, VERDICT_FAIL, device->name, broken, "%s", words);
		break;
	case RDMA_MATCH_NO_FILE:
		break; /* judge_file() or check_container() says it */
	case RDMA_MATCH_UNKNOWN:
		find(exam, VERDICT_UNKNOWN, device->name, NULL, "%s", words);
		break;
	}
}

/** has_file() - is its device file there? In a tree there is none, unless it is of a container */
static bool has_file(const struct exam *exam, const struct rdma_device *device)
{
	return (exam->host->tree && exam->container.kind == CONTAINER_NONE) || !*device->uverbs ||
	       host_exists(exam->host, "/dev/infiniband/%s", device->uverbs);
}

/** judge_file() - may this user open the device? */
static void judge_file(struct exam *exam, const struct rdma_device *device)
{
	char path[sizeof(device->uverbs) + 32];

	/* Of a container, check_container() says it. */
	if (exam->host->tree || !*device->uverbs || exam->container.kind != CONTAINER_NONE)
		return;
	snprintf(path, sizeof(path), "/dev/infiniband/%s", device->uverbs);
	if (host_may(exam->host, F_OK, "%s", path))
		find(exam, VERDICT_FAIL, device->name, "sudo udevadm trigger",
		     "%s does not exist; udev creates it", path);
	else if (host_may(exam->host, R_OK | W_OK, "%s", path))
		find(exam, VERDICT_WARNING, device->name, NULL,
		     "this user may not open %s; run DPDK as root, or let udev set its mode", path);
}

/** judge_no_device() - an adapter without an RDMA device */
static void judge_no_device(struct exam *exam, const struct mana_adapter *adapter)
{
	enum module_state state = MODULE_MISSING;
	char fix[256], words[EXAM_WORDS];

	module_state(exam->host, "mana_ib", &state);
	if (strcmp(adapter->driver, "mana") != 0) {
		find(exam, VERDICT_FAIL, adapter->address, NULL,
		     "the adapter has no RDMA device, as mana does not drive it");
	} else if (state == MODULE_PRESENT) {
		find(exam, VERDICT_FAIL, adapter->address, "sudo modprobe mana_ib",
		     "the adapter has no RDMA device: mana_ib is not loaded");
	} else if (state == MODULE_MISSING) {
		exam_module(exam, "mana_ib", fix, words);
		find(exam, VERDICT_FAIL, adapter->address, *fix ? fix : NULL,
		     "the adapter has no RDMA device: mana_ib is missing%s", words);
	} else {
		find(exam, VERDICT_FAIL, adapter->address, "sudo dmesg | manakin diagnose",
		     "the adapter has no RDMA device: mana_ib is loaded, but made none for it");
	}
}

void check_rdma_device(struct exam *exam)
{
	struct rdma_devices devices;
	struct rdma_providers providers = { 0 };
	struct rdma_core core;

	if (rdma_core_read(exam->host, &core))
		return; /* reported above */
	rdma_providers_read(exam->host, &core, &providers);
	rdma_devices_read(exam->host, &devices);
	for (size_t i = 0; i < exam->machine.n_adapters; i++) {
		const struct mana_adapter *adapter = &exam->machine.adapter[i];
		bool found = false;

		if (adapter->kind == ADAPTER_SOFTWARE)
			continue;
		for (size_t j = 0; j < devices.n; j++) {
			if (strcmp(devices.device[j].bus, adapter->address))
				continue;
			found = true;
			if (has_file(exam, &devices.device[j]))
				judge_match(exam, &devices.device[j], &providers);
			else
				find(exam, VERDICT_UNKNOWN, devices.device[j].name, NULL,
				     "/dev/infiniband/%s is not there, and without it libibverbs "
				     "looks for no provider",
				     devices.device[j].uverbs);
			judge_file(exam, &devices.device[j]);
		}
		if (!found)
			judge_no_device(exam, adapter);
	}
	rdma_providers_free(&providers);
}
