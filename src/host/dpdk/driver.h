/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/dpdk/driver.h - build the poll-mode driver for a DPDK that is installed.
 *
 * A driver fits the DPDK that it was built with, to the release. The driver's sources are installed
 * with the program, so it can be built for any other on the spot, with a compiler, meson and ninja.
 */
#ifndef MANAKIN_HOST_DPDK_DRIVER_H
#define MANAKIN_HOST_DPDK_DRIVER_H

#include <limits.h>
#include <stdbool.h>

#include "base/error.h"
#include "host/dpdk/program.h"

/**
 * struct dpdk_driver_wish - what to build, and where to put it
 * @prefix:	that DPDK is installed in
 * @headers:	directory of DPDK's headers for drivers; NULL: they are with its others
 * @output:	path of the driver; NULL: manakin/librte_net_manakin.so beside DPDK's libraries
 * @dry:	only report to @watch which programs would run
 * @watch:	is called for each program
 */
struct dpdk_driver_wish {
	const char *prefix, *headers, *output;
	bool dry;
	struct program_watch watch;
};

/**
 * struct dpdk_driver_built - the result
 * @version:	of DPDK
 * @path:	of the driver
 * @output:	the last output of the program that failed; else empty
 */
struct dpdk_driver_built {
	char version[32], path[PATH_MAX];
	char output[PROGRAM_OUTPUT];
};

/**
 * dpdk_driver_build() - build and install it; a driver that is there is replaced at once
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno; -EINTR: @watch asked to stop
 */
int dpdk_driver_build(const struct dpdk_driver_wish *wish, struct dpdk_driver_built *built,
		      struct error *error);

#endif
