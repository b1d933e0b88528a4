/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve/examination.h - the examiners of a process's adapters, and their report.
 *
 * The report is written when a client leaves, and anew with the next one: it is about all clients
 * so far, up to the last EXAMINATION_CLIENTS. Its file is opened before the process gives its
 * rights up.
 */
#ifndef MANAKIN_SERVE_EXAMINATION_H
#define MANAKIN_SERVE_EXAMINATION_H

#include <stdbool.h>

#include "base/error.h"
#include "device/adapter.h"

#define EXAMINATION_CLIENTS 16u /* that a report is about: the last ones */

enum examination_format { EXAMINATION_TEXT, EXAMINATION_JSON, EXAMINATION_JUNIT };

/**
 * struct examination_config - what was asked for
 * @wanted:	examine
 * @file:	of the report; NULL: standard output
 * @format:	of the report
 */
struct examination_config {
	bool wanted;
	const char *file;
	enum examination_format format;
};

struct examinations;

/** examination_format_of() - by a file's name: .json, .xml; text otherwise */
enum examination_format examination_format_of(const char *file);

/**
 * examinations_open() - open the report; no adapter is examined yet
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int examinations_open(const struct examination_config *config, struct examinations **examinations,
		      struct error *error);

/** examinations_add() - examine an adapter's clients; 0 or -ENOMEM */
int examinations_add(struct examinations *examinations, struct adapter *adapter);

/**
 * examinations_close() - end all of them, before the adapters are closed
 *
 * Return: how many rules were broken, counted for each client
 */
unsigned int examinations_close(struct examinations *examinations);

#endif
