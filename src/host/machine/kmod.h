/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/kmod.h - libkmod, where the machine has it.
 *
 * It is looked for when it is first wanted, so that the program starts without it: a container
 * has no modules, and the program may come from another machine.
 */
#ifndef MANAKIN_HOST_MACHINE_KMOD_H
#define MANAKIN_HOST_MACHINE_KMOD_H

#include <libkmod.h>

#define KMOD_LIBRARY "libkmod.so.2"

/* The functions that are called, each as libkmod.h declares it */
#define KMOD_CALLS(call)                                                                           \
	call(kmod_new) call(kmod_unref) call(kmod_set_log_priority) call(kmod_list_next)           \
		call(kmod_module_new_from_lookup) call(kmod_module_get_module)                     \
			call(kmod_module_get_path) call(kmod_module_probe_insert_module)           \
				call(kmod_module_unref) call(kmod_module_unref_list)

struct kmod_library {
#define KMOD_POINTER(name) __typeof__(&(name)) name;
	KMOD_CALLS(KMOD_POINTER)
#undef KMOD_POINTER
};

/** kmod_library() - its functions, or NULL if the machine does not have it */
const struct kmod_library *kmod_library(void);

#endif
