/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli/diagnose.h - diagnosis of logs, for commands that have one.
 */
#ifndef MANAKIN_CLI_DIAGNOSE_H
#define MANAKIN_CLI_DIAGNOSE_H

#include <stdbool.h>
#include <stdio.h>

#include "host/diagnosis/diagnosis.h"
#include "host/diagnosis/facts.h"

/**
 * diagnose_rules() - the rules of the program and of the machine's administrator
 * @directory:	to read instead, or NULL
 *
 * Return: ready; NULL after printing why
 */
struct rules *diagnose_rules(const char *directory);

/** diagnose_facts() - of the machine, or the tree @sysroot; none if it cannot be examined */
void diagnose_facts(const char *sysroot, struct facts *facts);

/** diagnose_print() - what was found, for a person; how many causes */
size_t diagnose_print(const struct diagnosis *diagnosis, FILE *to);

/** diagnose_print_json() - the same for a program; how many, or a negative errno */
int diagnose_print_json(const struct diagnosis *diagnosis, FILE *to);

/**
 * diagnose_explain() - print the causes that a log shows, if any; for other commands
 * @log:	descriptor, read from its beginning if it can seek
 *
 * Return: how many causes were reported; 0 if none is known or the log could not be read
 */
size_t diagnose_explain(int log, FILE *to);

#endif
