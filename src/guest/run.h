/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/run.h - manakin lab run and shell: a guest, its adapters, a command.
 */
#ifndef MANAKIN_GUEST_RUN_H
#define MANAKIN_GUEST_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "guest/qemu.h"

/**
 * struct run_adapter - what goes into one of the guest's PCI slots
 * @attach:	is @text the socket of an adapter that runs, or options for a new one?
 * @text:	as the user typed it
 */
struct run_adapter {
	bool attach;
	const char *text;
};

/**
 * struct run_options - what the user wants of a guest
 * @suite:	Debian suite
 * @accel:	what runs its CPUs
 * @cpus:	how many
 * @memory_mb:	in mebibytes
 * @adapters:	in the order of their PCI slots
 * @n_adapters:	number of @adapters; 0: one with two ports
 * @bare:	no adapter at all
 * @netvsc:	synthetic interfaces too
 * @share:	directory of the host for /mnt/share, or NULL
 * @tap:	tap of the host for a virtio network card, or NULL
 * @logs:	directory for the logs, or NULL: kept only if something fails
 * @timeout_s:	0: any time
 * @reboot:	restart the guest once before the command
 * @verbose:	everybody's messages to standard error, as they come
 * @command:	words, NULL-terminated; NULL: an interactive shell
 */
struct run_options {
	const char *suite;
	enum guest_accel accel;
	unsigned int cpus;
	unsigned int memory_mb;
	struct run_adapter adapters[GUEST_ADAPTERS_MAX];
	size_t n_adapters;
	bool bare;
	bool netvsc;
	const char *share;
	const char *tap;
	const char *logs;
	double timeout_s;
	bool reboot;
	bool verbose;
	char **command;
};

/** lab_run() - run it, building what is missing first. Returns the exit status */
int lab_run(const struct run_options *options);

#endif
