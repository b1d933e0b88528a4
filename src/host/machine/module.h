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

/**
 * module_load() - as modprobe(8) does, with what it depends on
 * @error:	on failure, a sentence for the user
 */
int module_load(const struct host *host, const char *name, struct error *error);

#endif
