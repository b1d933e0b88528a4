/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The adapters of this process, by PCI address, with reference counts: an adapter stays until its
 * last user has put it, which may be in an application's callback. Also what all files share: the
 * log, and this process's access to the doorbells.
 */
#include <string.h>

#include "pmd/pmd.h"

RTE_LOG_REGISTER(pmd_logtype, pmd.net.manakin, NOTICE)

const struct driver_doorbell *pmd_doorbell[RTE_MAX_ETHPORTS];

static TAILQ_HEAD(, pmd_adapter) adapters = TAILQ_HEAD_INITIALIZER(adapters);

struct pmd_adapter *pmd_adapter_find(const char *name)
{
	struct pmd_adapter *adapter;

	TAILQ_FOREACH(adapter, &adapters, next)
	if (!strcmp(adapter->pci->name, name))
		return adapter;
	return NULL;
}

void pmd_adapter_add(struct pmd_adapter *adapter)
{
	adapter->users = 1;
	TAILQ_INSERT_TAIL(&adapters, adapter, next);
}

void pmd_adapter_get(struct pmd_adapter *adapter)
{
	atomic_fetch_add(&adapter->users, 1);
}

void pmd_adapter_put(struct pmd_adapter *adapter)
{
	if (atomic_fetch_sub(&adapter->users, 1) > 1)
		return;
	TAILQ_REMOVE(&adapters, adapter, next);
	adapter->release(adapter);
}
