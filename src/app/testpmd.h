/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * app/testpmd.h - DPDK's testpmd as a child: give it commands, read its answers.
 */
#ifndef MANAKIN_APP_TESTPMD_H
#define MANAKIN_APP_TESTPMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define TESTPMD_APP        "dpdk-testpmd"
#define TESTPMD_PORTS_MAX  16u
#define TESTPMD_QUEUES_MAX 64u

/**
 * struct testpmd_plan - how to start it
 * @app:	program; without a slash it is looked for in PATH
 * @sysfs:	where DPDK's PCI bus looks for devices; NULL for the system's
 * @eal:	EAL arguments, NULL-terminated
 * @args:	its own arguments, NULL-terminated, without -i
 * @log:	from keep_open(), where its output is kept; 0: nowhere
 */
struct testpmd_plan {
	const char *app;
	const char *sysfs;
	char **eal;
	char **args;
	int log;
};

struct testpmd;

/**
 * testpmd_open() - start a testpmd, and wait until it accepts commands
 * @stop:	a descriptor; when it becomes readable, waiting ends with -EINTR, here and in
 *		all that follows; -1 for none
 * @error:	on failure, a sentence for the user
 *
 * It is killed when this process dies.
 *
 * Return: 0 or a negative errno
 */
int testpmd_open(const struct testpmd_plan *plan, int stop, struct testpmd **out,
		 struct error *error);

/**
 * testpmd_ask() - give it a command
 * @command:	without a line feed
 * @answer:	what it printed until the next prompt; valid until the next call
 *
 * Return: 0; -EPIPE if it has ended; -ETIMEDOUT if it did not answer, -EINTR
 */
int testpmd_ask(struct testpmd *testpmd, const char *command, const char **answer);

/** testpmd_wait() - let @seconds pass; 0, -EPIPE if it ended, or -EINTR */
int testpmd_wait(struct testpmd *testpmd, double seconds);

/** struct testpmd_rates - of one port, since they were last read */
struct testpmd_rates {
	uint64_t rx_packets, tx_packets; /* since it was started */
	uint64_t rx_pps, tx_pps;
};

/** testpmd_rates() - as testpmd measured them; 0 or a negative errno */
int testpmd_rates(struct testpmd *testpmd, unsigned int port, struct testpmd_rates *rates);

/** struct traffic - what went through a port or a queue since it was started */
struct traffic {
	uint64_t rx_packets, rx_bytes;
	uint64_t tx_packets, tx_bytes;
};

/**
 * struct testpmd_counters - of one port
 * @all:	of the port
 * @queues:	how many queues the driver counts separately
 */
struct testpmd_counters {
	struct traffic all;
	struct traffic queue[TESTPMD_QUEUES_MAX];
	unsigned int queues;
};

/**
 * testpmd_ports() - the IDs of its ports
 * @numbers:	filled in, TESTPMD_PORTS_MAX at most: not 0, 1, ... if a driver's port has other
 *		ports
 *		below it, as that of netvsc
 * @n:		how many
 *
 * Return: 0 or a negative errno
 */
int testpmd_ports(struct testpmd *testpmd, unsigned int *numbers, unsigned int *n);

/** testpmd_counters() - also -ENODEV if the port is gone */
int testpmd_counters(struct testpmd *testpmd, unsigned int port, struct testpmd_counters *counters);

/** testpmd_said() - the end of its output, for error messages */
const char *testpmd_said(const struct testpmd *testpmd);

/** testpmd_close() - end it; its wait status */
int testpmd_close(struct testpmd *testpmd);

#endif
