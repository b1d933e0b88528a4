/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/dpdk/install.h - build DPDK from source and install it, as Azure's guide does.
 *
 * host/dpdk/record.h has the way back.
 */
#ifndef MANAKIN_HOST_DPDK_INSTALL_H
#define MANAKIN_HOST_DPDK_INSTALL_H

#include <stdbool.h>

#include "base/error.h"
#include "host/dpdk/program.h"

#define SHA256_DIGITS 64u /* hexadecimal */

/**
 * struct dpdk_wish - what is to be installed
 * @version:	release to download, or NULL
 * @tarball:	the sources, if @version is NULL
 * @sha256:	digest that the sources must have; NULL: any
 * @prefix:	where to
 * @drivers:	to build, in the form of meson's enable_drivers; NULL: all
 * @packages:	install the distribution's packages that building needs
 * @dry:	only report to @watch which programs would run
 * @watch:	is called for each program
 * @note:	gets a sentence that the user should read, with the arg of @watch
 */
struct dpdk_wish {
	const char *version, *tarball, *sha256, *prefix, *drivers;
	bool packages, dry;
	struct program_watch watch;
	void (*note)(void *arg, const char *text);
};

/**
 * struct dpdk_installed - the result
 * @release:	that the sources say they are
 * @sha256:	of the sources
 * @mana:	net_mana is part of it
 * @output:	the last output of the program that failed; else empty
 */
struct dpdk_installed {
	char release[32], sha256[SHA256_DIGITS + 1];
	bool mana;
	char output[PROGRAM_OUTPUT];
};

/** dpdk_known_digest() - of a release, or NULL */
const char *dpdk_known_digest(const char *version);

/**
 * dpdk_install() - build and install it; after a failure, nothing of it is left
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno; -EINTR: @watch asked to stop
 */
int dpdk_install(const struct dpdk_wish *wish, struct dpdk_installed *installed,
		 struct error *error);

#endif
