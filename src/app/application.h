/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * app/application.h - run a DPDK application on a target: testpmd, or another one.
 *
 * The room app/ runs unmodified DPDK applications: what they run on (target.h), the EAL arguments
 * for it (eal_args.h, plugin.h), testpmd's commands and answers (testpmd.h), and the rates while it
 * runs (rates.h). It uses host/machine/ for the adapters of this machine, vfio_user/ to see whether
 * one in software is free, process/ for the child, and term/ to tell the user. It never links with
 * DPDK, never changes the machine, and parses no command line.
 */
#ifndef MANAKIN_APP_APPLICATION_H
#define MANAKIN_APP_APPLICATION_H

#include <stdbool.h>
#include <stdio.h>

#include "app/rates.h"
#include "app/target.h"
#include "base/error.h"
#include "process/cpus.h"

/**
 * struct application - an application, and a run of it
 * @program:	path, or a name in PATH; NULL: testpmd
 * @eal_args:	EAL arguments to add, NULL-terminated; may be NULL
 * @args:	its own arguments to add, the same way
 * @mode:	forwarding mode of testpmd; NULL: txonly
 * @tx_first:	testpmd sends a burst on each queue first
 * @queues:	queue pairs of each port
 * @descriptors: [0] of receive queues, [1] of send queues; 0: chosen by the number of queues
 * @seconds:	how long to run it; 0: until it ends or is stopped
 * @target:	what it runs on
 * @cpus:	its own, @n_cpus of them
 * @stop:	a descriptor; readable: the user wants it to stop
 * @log:	from keep_open(): what it prints is kept there
 * @show:	gets the live rates, and the output of an application other than testpmd
 * @rates:	of application_run(): what was measured; NULL: nothing
 * @suspect:	of application_run(): it failed, or was too slow, in a way that the log may explain
 */
struct application {
	const char *program;
	char **eal_args, **args;
	const char *mode;
	bool tx_first;
	unsigned int queues;
	unsigned int descriptors[2];
	double seconds;
	struct target target;
	unsigned int cpus[CPUS_MAX];
	unsigned int n_cpus;
	int stop;
	int log;
	FILE *show;
	struct rates *rates;
	bool suspect;
};

/** application_program() - the program to start */
const char *application_program(const struct application *app);

/** application_is_testpmd() - does it accept testpmd's arguments and commands? */
bool application_is_testpmd(const struct application *app);

/** application_ports() - how many ports it will have, as far as is known; at least 1 */
unsigned int application_ports(const struct application *app);

/**
 * application_choose_cpus() - one for commands and one per queue to forward; fewer if need be
 * @list:	what the user asked for, such as 1,3; NULL: those near the target
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int application_choose_cpus(struct application *app, const char *list, struct error *error);

/**
 * application_check_memory() - are there enough hugepages for testpmd, and can it use them?
 * @error:	if not, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int application_check_memory(const struct application *app, struct error *error);

/** application_mbufs() - of testpmd: as many as the queues of @ports hold, and some in flight */
unsigned int application_mbufs(const struct application *app, unsigned int ports);

/**
 * application_command() - the whole command line
 *
 * Return: NULL-terminated, for child_args_free(); NULL: out of memory
 */
char **application_command(const struct application *app);

/** application_run() - start it, show rates, stop it; prints messages; returns an exit status */
int application_run(struct application *app);

#endif
