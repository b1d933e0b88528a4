/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * app/run.h - what the files of `manakin run` share: run.c has the command line and what is looked
 * at before anything starts, run_app.c the application while it runs.
 */
#ifndef MANAKIN_APP_RUN_H
#define MANAKIN_APP_RUN_H

#include <stdio.h>

#include "process/cpus.h"
#include "app/rates.h"
#include "app/target.h"

/**
 * struct run - the command line
 * @args:	what follows --; with a -- in it, @eal_args comes before that
 * @descriptors: [0] of receive queues, [1] of send queues; 0: as fits their number
 */
struct run {
	struct target_wish wish;
	const char *cores;
	const char *mode;
	const char *app;
	char **eal_args, **args;
	unsigned int queues;
	unsigned int descriptors[2];
	double seconds;
	bool tx_first;
	bool restore;
	bool dry_run;
	enum rates_form form;
	bool failed;
};

/**
 * struct session - a run in progress
 * @cpus:	the application's
 * @stop:	readable when the user wants an end
 * @log:	what the application says, of keep_open()
 * @show:	where the rate goes as it changes
 */
struct session {
	const struct run *run;
	struct run_target target;
	unsigned int cpus[CPUS_MAX];
	unsigned int n_cpus;
	int stop;
	int log;
	FILE *show;
	struct rates *rates;
};

/** is_testpmd() - does the application take testpmd's arguments and commands? */
bool is_testpmd(const struct run *run);

/** run_ports() - how many ports the application will have, as far as is known; at least 1 */
unsigned int run_ports(const struct session *s);

/** run_descriptors() - of each queue; @send: of those that send */
unsigned int run_descriptors(const struct run *run, bool send);

/** run_mbufs() - for so many ports: what the queues hold, and some under way */
unsigned int run_mbufs(const struct run *run, unsigned int ports);

/** run_command() - the whole command line, NULL-terminated, for child_args_free(); NULL: no memory
 */
char **run_command(const struct session *s);

/** run_application() - start it, show rates, end it; an exit status */
int run_application(struct session *s);

#endif
