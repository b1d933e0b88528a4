/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/dpdk/place.h - move what was built to where it is installed.
 */
#ifndef MANAKIN_HOST_DPDK_PLACE_H
#define MANAKIN_HOST_DPDK_PLACE_H

#include "base/error.h"

/**
 * dpdk_place() - copy a staged tree below a prefix that exists
 * @stage:	directory with the files as they will be below @prefix
 * @stop:	readable when the user wants to stop
 * @error:	on failure, a sentence for the user
 *
 * Creates files and never overwrites one. Follows no symbolic link below @prefix, whoever puts one
 * there meanwhile: "ninja install" would.
 *
 * Return: 0 or a negative errno; -EINTR: it was stopped
 */
int dpdk_place(const char *prefix, const char *stage, int stop, struct error *error);

#endif
