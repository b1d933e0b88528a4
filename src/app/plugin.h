/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * app/plugin.h - where this project's poll-mode driver is.
 */
#ifndef MANAKIN_APP_PLUGIN_H
#define MANAKIN_APP_PLUGIN_H

#include <stddef.h>

#include "base/error.h"

/**
 * plugin_find() - the poll-mode driver, where DPDK will load it
 * @wanted:	path from the user; NULL: look next to this program and where it was installed
 * @path:	filled in
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int plugin_find(const char *wanted, char *path, size_t size, struct error *error);

#endif
