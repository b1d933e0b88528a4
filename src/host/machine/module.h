/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/module.h - kernel modules, through libkmod.
 */
#ifndef MANAKIN_HOST_MACHINE_MODULE_H
#define MANAKIN_HOST_MACHINE_MODULE_H

#include "base/error.h"
#include "host/machine/root.h"

enum module_state {
	MODULE_MISSING, /* the running kernel does not have it */
	MODULE_PRESENT, /* can be loaded */
	MODULE_LOADED,
	MODULE_BUILTIN,
};

/** module_state() - of a module of the running kernel (or of the one in the tree's /proc) */
int module_state(const struct host *host, const char *name, enum module_state *state);

/** module_index() - is there a list of the running kernel's modules? A container has none */
bool module_index(const struct host *host);

/** What the running kernel was configured to have */
enum module_config {
	MODULE_CONFIG_UNKNOWN, /* its configuration is not there to read */
	MODULE_CONFIG_NO,
	MODULE_CONFIG_YES, /* as a module, or built in */
};

/**
 * module_config() - from /boot/config-RELEASE or /lib/modules/RELEASE/config
 * @option:	without CONFIG_: MICROSOFT_MANA, MANA_INFINIBAND, ...
 */
enum module_config module_config(const struct host *host, const char *option);

/**
 * module_blocked() - is it kept from being loaded?
 * @where:	filled in: a file of modprobe.d(5), or /proc/cmdline
 * @what:	filled in: "blacklist mana", "install mana /bin/false", "module_blacklist=mana"
 */
bool module_blocked(const struct host *host, const char *name, char where[128], char what[128]);

/**
 * module_load() - as modprobe(8) does, with what it depends on
 * @error:	on failure, a sentence for the user
 */
int module_load(const struct host *host, const char *name, struct error *error);

#endif
