/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * app/rates.h - the rates of ports and queues over a run.
 */
#ifndef MANAKIN_APP_RATES_H
#define MANAKIN_APP_RATES_H

#include <stdbool.h>
#include <stdio.h>

#include "app/testpmd.h"

struct rates;

enum rates_form { RATES_TABLE, RATES_JSON, RATES_CSV };

/**
 * rates_open() - begin
 * @ports:	how many
 * @numbers:	their IDs; NULL: 0, 1, ...
 * @queues:	of each port
 *
 * Return: NULL when out of memory
 */
struct rates *rates_open(unsigned int ports, const unsigned int *numbers, unsigned int queues);
void rates_close(struct rates *rates);

/**
 * rates_add() - the counters of all ports as they are now
 * @counters:	one per port
 * @time:	when they were read, in seconds
 */
void rates_add(struct rates *rates, const struct testpmd_counters *counters, double time);

/** rates_line() - the rate over all ports between the last two readings; redrawn on a terminal */
void rates_line(const struct rates *rates, FILE *to);

/** rates_median() - of @n values, which it sorts; 0 if there are none */
double rates_median(double *values, unsigned int n);

/** rates_sent() - median of what a port sent per second: packets, and @bits */
double rates_sent(const struct rates *rates, unsigned int port, double *bits);

/** rates_summary() - packets, bytes, and rates of each port and queue */
void rates_summary(struct rates *rates, enum rates_form form, FILE *to);

#endif
