/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve/summary.h - what each port of the running adapters did, as a table or JSON.
 */
#ifndef MANAKIN_SERVE_SUMMARY_H
#define MANAKIN_SERVE_SUMMARY_H

#include <stdbool.h>

#include "device/adapter.h"

/** summary_print() - to standard output; a table, or JSON with the list "ports" */
void summary_print(struct adapter *const *adapters, unsigned int n, bool json);

/** summary_text() - the same as a string to be freed; NULL when out of memory */
char *summary_text(struct adapter *const *adapters, unsigned int n, bool json);

#endif
