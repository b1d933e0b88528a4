/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/distro.h - the distribution, its kernel, and how to install packages on it.
 */
#ifndef MANAKIN_HOST_MACHINE_DISTRO_H
#define MANAKIN_HOST_MACHINE_DISTRO_H

#include "host/machine/root.h"
#include "host/machine/version.h"

struct packages;

/** What can be missing */
enum distro_package {
	PACKAGE_RDMA,         /* libibverbs, and the provider mana */
	PACKAGE_MODULES,      /* mana_ib for the running kernel, in a package of its own */
	PACKAGE_KERNEL,       /* a kernel of this release with mana_ib */
	PACKAGE_NEWER_KERNEL, /* the same; if there is none, the newest with mana */
	PACKAGES,
};

/**
 * struct distro - from os-release(5)
 * @id:		"ubuntu"
 * @like:	others that its packages are like, the closest first: "rhel centos fedora"
 * @version:	"22.04"; may be empty
 * @name:	"Ubuntu 22.04.3 LTS"
 * @install:	see distro_install()
 */
struct distro {
	char id[32];
	char like[128];
	char version[32];
	char name[96];
	char install[PACKAGES][256];
};

/** distro_read() - 0, or a negative errno; @distro then has no ID. It has no commands yet */
int distro_read(const struct host *host, struct distro *distro);

/** distro_parse() - the same from the text of os-release, which is changed */
void distro_parse(char *text, struct distro *distro);

/**
 * distro_commands() - fill in the commands, as far as the data file knows this release
 * @packages:	that file, see packages.h
 * @kernel:	the running one, as uname -r says
 * @contained:	in a container: there is no sudo, and the kernel is the host's
 */
void distro_commands(struct distro *distro, const struct packages *packages, const char *kernel,
		     bool contained);

/**
 * distro_supported() - is it on the guide's list of images?
 * @kernel:	the running kernel
 * @older:	set to the kernel on the list, if only the running one is too old
 */
bool distro_supported(const struct distro *distro, const char *kernel, const char **older);

/**
 * distro_install() - the command that brings it to this machine; NULL: none is known to
 *
 * In a container it is a command for the container's image.
 */
const char *distro_install(const struct distro *distro, enum distro_package package);

#endif
