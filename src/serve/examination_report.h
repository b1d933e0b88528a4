/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve/examination_report.h - examinations as text, JSON and JUnit.
 */
#ifndef MANAKIN_SERVE_EXAMINATION_REPORT_H
#define MANAKIN_SERVE_EXAMINATION_REPORT_H

#include <stdio.h>

#include "device/examine.h"
#include "serve/examination.h"

/** struct examined - a client, of an adapter */
struct examined {
	const char *adapter;
	struct examination examination;
};

/** examined_broken() - how many rules it has broken */
unsigned int examined_broken(const struct examined *examined);

/**
 * examination_report() - write a report
 * @examined:	@n clients, in the order in which they left
 *
 * Return: 0, or -ENOMEM
 */
int examination_report(FILE *to, enum examination_format format,
		       const struct examined *const *examined, unsigned int n);

#endif
