/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/journal.h - what setup is about to change and has changed, kept where it
 * survives a killed process.
 *
 * The journal is a file of JSON objects, one on each line. The first names the format, its version
 * and the boot it belongs to. Each line ends with a checksum over all lines up to it, so that a
 * line that was cut off, changed, left out or moved is found. A line that was cut off at the end is
 * one whose step was never made, as a step is made after its line is on the disk.
 */
#ifndef MANAKIN_HOST_HANDOVER_JOURNAL_H
#define MANAKIN_HOST_HANDOVER_JOURNAL_H

#include "base/error.h"
#include <jansson.h>
#include <stdint.h>

#include "host/machine/root.h"

#define JOURNAL_DIRECTORY "/run/manakin/setup"
#define JOURNAL_VERSION   1
#define JOURNAL_MAX       (16u << 20) /* bytes; a setup of 16 ports with 1000 routes has 5 MB */

/**
 * struct journal - an open journal
 * @dir:	its directory; -1: there is none
 * @lock:	locked while we may write; -1: reading only
 * @fd:		the file; -1: there is none (yet)
 * @end:	bytes of it that are good
 * @sum:	of all lines so far
 * @records:	array of what was read and appended, without the first line
 * @boot:	id of the boot that runs
 * @path:	the file's name, for messages
 * @notice:	a sentence for the user on what was found; may be empty
 */
struct journal {
	int dir, lock, fd;
	size_t end;
	uint64_t sum;
	json_t *records;
	char boot[64];
	char path[4200];
	char notice[4400];
};

/**
 * struct journal_text - what journal_parse() found
 * @records:	array, without the first line
 * @boot:	that it was written in; empty if there is no whole first line
 * @good:	bytes up to the end of the last whole line
 * @sum:	up to there
 */
struct journal_text {
	json_t *records;
	char boot[64];
	size_t good;
	uint64_t sum;
};

/**
 * journal_parse() - the records of a journal's text
 * @text:	@len bytes, any
 * @found:	filled in; journal_text_free() it, after a failure too
 * @error:	on failure, what is wrong and in which line
 *
 * An incomplete last line is ignored.
 *
 * Return: 0; -EBADMSG: damaged; -EPROTONOSUPPORT: of another version; -ENOMEM
 */
int journal_parse(const char *text, size_t len, struct journal_text *found, struct error *error);
void journal_text_free(struct journal_text *found);

/**
 * journal_open() - open the journal of a machine
 * @write:	to change the machine: the directory is made, and locked against others. A journal
 *		of another boot is set aside
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno: -EBUSY: another process has it; -EROFS ...: it cannot be kept;
 * -EBADMSG ...: as journal_parse()
 */
int journal_open(const struct host *host, bool write, struct journal *journal, struct error *error);
void journal_close(struct journal *journal);

/**
 * journal_append() - add a record, and sync it to the disk
 * @record:	an object; this function owns it from now on. NULL: there was no memory for it
 *
 * Return: 0; or a negative errno, and the journal is unchanged
 */
int journal_append(struct journal *journal, json_t *record, struct error *error);

/** journal_forget() - nothing is left to undo: remove the file */
int journal_forget(struct journal *journal, struct error *error);

#endif
