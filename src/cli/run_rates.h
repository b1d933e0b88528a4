/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli/run_rates.h - the rates of ports and queues over a run.
 */
#ifndef MANAKIN_CLI_RUN_RATES_H
#define MANAKIN_CLI_RUN_RATES_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/testpmd.h"

struct rates;

/** rates_open() - for so many ports and queues of each; NULL when out of memory */
struct rates *rates_open(unsigned int ports, unsigned int queues);
void rates_close(struct rates *rates);

/**
 * rates_add() - the counters of all ports as they are now
 * @counters:	one a port
 * @time:	when they were read, in seconds
 */
void rates_add(struct rates *rates, const struct testpmd_counters *counters, double time);

/** rates_line() - the rate over all ports between the last two readings; redrawn on a terminal */
void rates_line(const struct rates *rates, FILE *to);

/** rates_summary() - a table or JSON: packets, bytes, and rates of each port and queue */
void rates_summary(struct rates *rates, bool json, FILE *to);

#endif
