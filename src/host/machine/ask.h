/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/ask.h - what is asked of a machine other than its files: the kernel by system calls,
 * libibverbs, a directory of libraries, all processes.
 *
 * Whoever asks calls ask_recall() first, which answers for a report, and ask_note() afterwards,
 * which records the answer if the machine is being recorded. The answer is JSON with no more in it
 * than the program needs: not all libraries, but those of DPDK; not all processes, but those that
 * have the adapter open.
 */
#ifndef MANAKIN_HOST_MACHINE_ASK_H
#define MANAKIN_HOST_MACHINE_ASK_H

#include <jansson.h>
#include <stdbool.h>

#include "host/machine/root.h"

/**
 * ask_recall() - the answer that was recorded
 * @answer:	filled in; NULL with @err; json_decref() it
 * @err:	filled in: 0 or a negative errno; -ENODATA: it was not asked
 *
 * Return: true if the machine is a report, so that nothing else can be asked
 */
__attribute__((format(printf, 4, 5))) bool ask_recall(const struct host *host, json_t **answer,
						      int *err, const char *format, ...);

/** ask_noted() - is it of use to make an answer for ask_note()? */
bool ask_noted(const struct host *host);

/** ask_note() - record an answer, which is freed in any case, or a failure */
__attribute__((format(printf, 4, 5))) void ask_note(const struct host *host, int err,
						    json_t *answer, const char *format, ...);

/** ask_text() - copy a member of an answer; empty if it is missing or does not fit */
void ask_text(const json_t *answer, const char *name, char *text, size_t size);

#endif
