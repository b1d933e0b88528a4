/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/facts.h - what rules may ask of the machine that a log is from.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_FACTS_H
#define MANAKIN_HOST_DIAGNOSIS_FACTS_H

#include "host/diagnosis/diagnosis.h"
#include "host/machine/root.h"

struct facts {
	struct fact *fact;
	size_t n;
};

/**
 * facts_read() - read the machine's facts
 * @facts:	filled in; facts_free() it, after a failure too. None on a machine without a MANA
 *		adapter: the log is from another machine, or there is nothing to confirm
 *
 * Return: 0 or a negative errno
 */
int facts_read(const struct host *host, struct facts *facts);
void facts_free(struct facts *facts);

#endif
