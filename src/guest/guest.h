/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/guest.h - run a command, or a shell, in a guest: the lab.
 *
 * The room guest/ builds and keeps guests and the QEMU that runs them (cache.h, recipe.h, build.h),
 * starts a guest's adapters (adapter.h), its shared directory (share.h) and its machine (qemu.h),
 * and follows it from its boot to the exit status of its command (session.h). What happens inside
 * the guest is in lab/guest. It uses process/ for children and signals, and term/ to tell the user.
 * It never includes device/: a guest's adapter is a process of its own, "manakin device", started
 * with a command line and reached through its sockets like any other. It parses no command line,
 * and leaves nothing on the host but the cache and the logs of a run that failed.
 */
#ifndef MANAKIN_GUEST_GUEST_H
#define MANAKIN_GUEST_GUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "guest/arch.h"
#include "guest/qemu.h"
#include "guest/status.h"

/**
 * struct run_adapter - what goes into one of the guest's PCI slots
 * @attach:	@text is the socket of a running adapter; else options for a new one
 * @text:	as the user typed it
 */
struct run_adapter {
	bool attach;
	const char *text;
};

/**
 * struct run_options - what the user wants of a guest
 * @kind:	which guest
 * @accel:	what runs its CPUs
 * @cpus:	how many
 * @memory_mb:	in mebibytes
 * @adapters:	in the order of their PCI slots
 * @n_adapters:	number of @adapters; 0: one with two ports
 * @bare:	no adapter at all
 * @root_ports:	adapters behind PCI Express root ports
 * @netvsc:	synthetic interfaces too
 * @share:	directory of the host for /mnt/share, or NULL
 * @tap:	tap of the host for a virtio network card, or NULL
 * @stream:	UNIX socket of the host for another one, or NULL
 * @logs:	directory for the logs, or NULL: kept only if something fails
 * @timeout_s:	in seconds; 0: none
 * @reboot:	restart the guest once before the command
 * @examine:	have what the guest's driver does examined
 * @report:	file of the examiner's report; NULL: standard error
 * @verbose:	kernel's and adapters' messages to standard error as they come
 * @command:	words, NULL-terminated; NULL: an interactive shell
 */
struct run_options {
	struct guest_kind kind;
	enum guest_accel accel;
	unsigned int cpus;
	unsigned int memory_mb;
	struct run_adapter adapters[GUEST_ADAPTERS_MAX];
	size_t n_adapters;
	bool bare;
	bool root_ports;
	bool netvsc;
	const char *share;
	const char *tap;
	const char *stream;
	const char *logs;
	double timeout_s;
	bool reboot;
	bool examine;
	const char *report;
	bool verbose;
	char **command;
};

/** guest_run() - run it, building what is missing first. Returns the exit status */
int guest_run(const struct run_options *options);

#endif
