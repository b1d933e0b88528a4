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
	pthread_mutex_init(&adapter->lock, NULL);
	pthread_cond_init(&adapter->idle, NULL);
	adapter->users = 1;
	TAILQ_INSERT_TAIL(&adapters, adapter, next);
}

void pmd_adapter_get(struct pmd_adapter *adapter)
{
	atomic_fetch_add(&adapter->users, 1);
}

void pmd_adapter_put(struct pmd_adapter *adapter)
{
	if (pmd_adapter_drop(adapter))
		pmd_adapter_free(adapter);
}

bool pmd_adapter_drop(struct pmd_adapter *adapter)
{
	return atomic_fetch_sub(&adapter->users, 1) == 1;
}

void pmd_adapter_free(struct pmd_adapter *adapter)
{
	TAILQ_REMOVE(&adapters, adapter, next);
	adapter->release(adapter);
}

int pmd_lock(const struct rte_eth_dev *dev)
{
	struct pmd_adapter *adapter = pmd_port(dev)->adapter;

	pthread_mutex_lock(&adapter->lock);
	if (!adapter->recovering)
		return 0;
	pthread_mutex_unlock(&adapter->lock);
	return -EBUSY;
}

void pmd_unlock(const struct rte_eth_dev *dev)
{
	pthread_mutex_unlock(&pmd_port(dev)->adapter->lock);
}
