/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli/diagnose.h - diagnosis of logs, for commands that have one.
 */
#ifndef MANAKIN_CLI_DIAGNOSE_H
#define MANAKIN_CLI_DIAGNOSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "host/diagnosis/diagnosis.h"
#include "host/diagnosis/facts.h"
#include "term/options.h"

/**
 * diagnose_rules() - the rules of the program and of the machine's administrator
 * @directory:	to read instead, or NULL
 *
 * Return: ready; NULL after printing why
 */
struct rules *diagnose_rules(const char *directory);

/**
 * diagnose_facts() - of the machine that the options name; none if it cannot be examined
 * @shared:	NULL: this one
 */
void diagnose_facts(const struct shared_options *shared, struct facts *facts);

/** diagnose_print() - what was found, for a person; how many causes */
size_t diagnose_print(const struct diagnosis *diagnosis, FILE *to);

/** diagnose_print_one() - one of them */
void diagnose_print_one(const struct finding *finding, FILE *to);

/** diagnose_object() - the same for a program; NULL if there is no memory */
json_t *diagnose_object(const struct finding *finding);

/** diagnose_print_json() - the same for a program; how many, or a negative errno */
int diagnose_print_json(const struct diagnosis *diagnosis, FILE *to);

/**
 * struct diagnose_log - a log to follow, and how to tell what it shows
 * @file:	NULL: standard input
 * @kernel:	the kernel's instead
 * @log_only:	without the facts of this machine, or of the one that @shared names
 * @again_ms:	milliseconds without a line of a cause, after which it is told again
 */
struct diagnose_log {
	const char *file;
	const struct shared_options *shared;
	bool kernel, json, log_only;
	uint64_t again_ms;
};

/**
 * diagnose_follow() - print what a log shows as it comes, until it ends or a signal comes
 * @told:	filled in: something was told
 *
 * Return: 0, or a negative errno after printing why
 */
int diagnose_follow(const struct diagnose_log *log, const struct rules *rules, bool *told);

/**
 * diagnose_explain() - print the causes that a log shows, if any; for other commands
 * @log:	descriptor, read from its beginning if it can seek
 *
 * Return: how many causes were reported; 0 if none is known or the log could not be read
 */
size_t diagnose_explain(int log, FILE *to);

#endif
