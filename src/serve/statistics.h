/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve/statistics.h - the statistics of each port of the running adapters, as a table or
 * JSON.
 */
#ifndef MANAKIN_SERVE_STATISTICS_H
#define MANAKIN_SERVE_STATISTICS_H

#include <stdbool.h>

#include "device/adapter.h"

/** statistics_print() - to standard output; a table, or JSON with the list "ports" */
void statistics_print(struct adapter *const *adapters, unsigned int n, bool json);

/** statistics_text() - the same as a string to be freed; NULL when out of memory */
char *statistics_text(struct adapter *const *adapters, unsigned int n, bool json);

#endif
