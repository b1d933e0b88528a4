/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/kmod.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

static struct kmod_library library;
static const struct kmod_library *found;

static void find(void)
{
	void *handle = dlopen(KMOD_LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return;
#define KMOD_FIND(name)                                                                            \
	*(void **)&library.name = dlsym(handle, #name);                                            \
	if (!library.name)                                                                         \
		return;
	KMOD_CALLS(KMOD_FIND)
#undef KMOD_FIND
	found = &library;
}

const struct kmod_library *kmod_library(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, find);
	return found;
}
