/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/packages.h - which package of which distribution has which module and library: the
 * data file share/packages, whose head explains its fields.
 */
#ifndef MANAKIN_HOST_MACHINE_PACKAGES_H
#define MANAKIN_HOST_MACHINE_PACKAGES_H

#include "base/error.h"
#include "host/machine/distro.h"

struct packages;

enum packages_state {
	PACKAGES_UNKNOWN, /* the file does not say */
	PACKAGES_HAS,     /* the running kernel's package has it; or a library's package */
	PACKAGES_EXTRA,   /* another package for the running kernel has it */
	PACKAGES_LACKS,
};

/**
 * struct packages_answer - where something is to be had
 * @state:	does this kernel, or this release, have it?
 * @install:	the command that brings it; empty: none is known to
 * @reboot:	that command brings another kernel
 * @others:	releases of distributions that have it ("Debian 13; RHEL 8, 9")
 */
struct packages_answer {
	enum packages_state state;
	char install[256];
	bool reboot;
	char others[256];
};

/**
 * packages_open() - read the file
 * @packages:	packages_close() it; NULL on failure
 * @path:	NULL: the program's own
 * @error:	on failure, a sentence for the user: file, line, what is wrong
 *
 * Return: 0 or a negative errno
 */
int packages_open(struct packages **packages, const char *path, struct error *error);
void packages_close(struct packages *packages);

/**
 * packages_module() - a kernel module
 * @kernel:	the running kernel, as uname -r says
 */
void packages_module(const struct packages *packages, const struct distro *distro,
		     const char *kernel, const char *module, struct packages_answer *answer);

/** packages_library() - a library of rdma-core: libibverbs, libmana, librdmacm */
void packages_library(const struct packages *packages, const struct distro *distro,
		      const char *library, struct packages_answer *answer);

/** packages_upgrade() - the newest kernel of this release that has a module */
void packages_upgrade(const struct packages *packages, const struct distro *distro,
		      const char *kernel, const char *module, struct packages_answer *answer);

/**
 * packages_needed() - install all packages that something needs
 * @purpose:	a word of For: "dpdk", to build DPDK
 * @command:	filled in, without sudo; empty: packages of this distribution are not known
 *
 * Return: false if @command is too small
 */
bool packages_needed(const struct packages *packages, const struct distro *distro,
		     const char *purpose, char *command, size_t size);

/** packages_too_old() - is the kernel known to be refused by newer hosts? */
bool packages_too_old(const struct packages *packages, const struct distro *distro,
		      const char *kernel);

/**
 * packages_of_kernel() - the distribution that a kernel is of, by its name
 * @distro:	filled in: id, version, name
 *
 * A container knows its node's distribution by this only.
 */
bool packages_of_kernel(const struct packages *packages, const char *kernel, struct distro *distro);

#endif
