/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/rdma.h - the two halves of RDMA that must match: the kernel's devices, and
 * rdma-core's library with its providers.
 */
#ifndef MANAKIN_HOST_MACHINE_RDMA_H
#define MANAKIN_HOST_MACHINE_RDMA_H

#include "base/error.h"
#include "host/machine/library.h"
#include "host/machine/rdma_provider.h"
#include "host/machine/root.h"

#define RDMA_NAME    64u /* IB_DEVICE_NAME_MAX */
#define RDMA_DEVICES 64u
#define RDMA_WORDS   1024u
#define RDMA_LIBRARY "libibverbs.so.1"

/**
 * struct rdma_device - a device as the kernel reports it
 * @name:	such as mana_0
 * @bus:	its device's name: a PCI address
 * @index:	the kernel's number; @has_index: it is known
 * @uverbs:	its file in /dev/infiniband; empty: it has none
 * @has_driver_id, @driver_id: enum rdma_driver_id, as the running kernel numbers it
 */
struct rdma_device {
	char name[RDMA_NAME];
	char bus[32];
	bool has_index;
	uint32_t index;
	char uverbs[RDMA_NAME];
	bool has_driver_id;
	uint64_t driver_id;
};

struct rdma_devices {
	struct rdma_device device[RDMA_DEVICES];
	size_t n;
};

/**
 * rdma_devices_read() - the devices of /sys/class/infiniband, and what RDMA netlink adds
 *
 * A tree may have the kernel's answers as they came, one after another, in the file
 * /netlink-rdma.
 *
 * Return: 0 or a negative errno; after a netlink error, @devices still has what sysfs reported
 */
int rdma_devices_read(const struct host *host, struct rdma_devices *devices);

/** rdma_parse() - add one message of RDMA netlink to @devices; 0 or -EBADMSG */
int rdma_parse(const void *message, size_t len, struct rdma_devices *devices);

/**
 * struct rdma_core - the library
 * @path:	of libibverbs
 * @version:	of rdma-core; 0: not in the library's name
 * @suffix:	how its providers' names end: -rdmav34.so; empty: unknown
 * @configuration: directory of the files that name the providers
 * @providers:	directory that the providers are in; empty: the libraries' directories
 */
struct rdma_core {
	char path[LIBRARY_PATH];
	unsigned int version;
	char suffix[32];
	char configuration[256];
	char providers[256];
};

/** rdma_core_read() - 0; -ENOENT: there is no libibverbs */
int rdma_core_read(const struct host *host, struct rdma_core *core);

/** Is the ability there? */
enum rdma_known { RDMA_UNKNOWN, RDMA_LACKS, RDMA_HAS };

/**
 * struct rdma_provider - a provider that libibverbs is configured to load
 * @name:	in the configuration
 * @path:	of its file; empty: there is none
 * @claim:	what it claims; its name is empty if the file could not be read as a provider
 * @shadow:	of libmana: does it have shadow queues, which only RC queue pairs use?
 */
struct rdma_provider {
	char name[PROVIDER_NAME];
	char path[LIBRARY_PATH];
	struct provider_claim claim;
	enum rdma_known shadow;
};

struct rdma_providers {
	struct rdma_provider *provider;
	size_t n;
};

int rdma_providers_read(const struct host *host, const struct rdma_core *core,
			struct rdma_providers *providers);
void rdma_providers_free(struct rdma_providers *providers);

/** rdma_named() - the provider that the configuration names so; NULL: none */
const struct rdma_provider *rdma_named(const struct rdma_providers *providers, const char *name);

/** rdma_claimant() - the first provider that claims a driver id; NULL: none */
const struct rdma_provider *rdma_claimant(const struct rdma_providers *providers, uint64_t id);

/**
 * struct rdma_pick - which provider libibverbs uses for a device
 * @device:	its name
 * @provider:	as it calls itself
 * @file:	that it was loaded from
 */
struct rdma_pick {
	char device[RDMA_NAME];
	char provider[PROVIDER_NAME];
	char file[LIBRARY_PATH];
};

/**
 * rdma_pick() - ask libibverbs itself, in a child process that may crash or hang
 * @library:	libibverbs
 * @picks:	filled in, up to RDMA_DEVICES
 * @error:	on failure, a sentence for the user
 *
 * Return: how many, or a negative errno
 */
int rdma_pick(const char *library, struct rdma_pick *picks, struct error *error);

enum rdma_match {
	RDMA_MATCH_OK,
	RDMA_MATCH_NOT,    /* another provider gets the device, or none */
	RDMA_MATCH_BROKEN, /* libibverbs itself crashes, or cannot be loaded */
	RDMA_MATCH_NO_FILE, /* libibverbs does not list it, as its file in /dev/infiniband is missing */
	RDMA_MATCH_UNKNOWN,
};

/**
 * rdma_match() - does a device get the provider that is made for it?
 * @provider:	that it should get
 * @words:	filled in, RDMA_WORDS bytes: what was found, with both driver ids
 *
 * On the machine itself libibverbs is asked; a crash is an answer, too. In a tree, what the
 * providers claim is compared with the kernel's driver id.
 */
enum rdma_match rdma_match(const struct host *host, const struct rdma_device *device,
			   const struct rdma_providers *providers, const char *provider,
			   char *words);

#endif
