/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/rdma_provider.h - which RDMA devices a provider of rdma-core claims, read from its
 * file.
 */
#ifndef MANAKIN_HOST_MACHINE_RDMA_PROVIDER_H
#define MANAKIN_HOST_MACHINE_RDMA_PROVIDER_H

#include <stddef.h>
#include <stdint.h>

#define PROVIDER_NAME 32u
#define PROVIDER_IDS  8u

/**
 * struct provider_claim - what a provider tells libibverbs
 * @name:	as the provider calls itself
 * @id:		the kernel's driver ids that it claims, @n of them; providers older than those ids
 *		claim PCI devices, and have none
 */
struct provider_claim {
	char name[PROVIDER_NAME];
	uint64_t id[PROVIDER_IDS];
	size_t n;
};

/**
 * provider_claim_read() - from the bytes of a shared library, without loading it
 *
 * Return: 0; -ENOEXEC: not a library of this machine's kind; -ENOENT: no provider is in it
 */
int provider_claim_read(const unsigned char *data, size_t size, struct provider_claim *claim);

#endif
