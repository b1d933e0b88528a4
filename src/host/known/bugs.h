/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/known/bugs.h - bugs of kernels, as data that a person can read and add to.
 *
 * The room host/known knows which kernels have which bugs in the drivers that MANA and DPDK need:
 * share/known-bugs says how each shows, since when it is there, and which releases carry the mend.
 * host/diagnosis finds their crashes in logs, host/check warns of them, and host/handover names
 * them in its plans. It may use base/ and host/machine. It judges by the number of the kernel
 * alone: it reads no log, runs nothing and changes nothing, and where a number does not tell, it
 * says so.
 *
 * The format of the file is in docs/diagnosis.md.
 */
#ifndef MANAKIN_HOST_KNOWN_BUGS_H
#define MANAKIN_HOST_KNOWN_BUGS_H

#include "base/error.h"
#include "host/known/kernel_version.h"

/* What the kernel says of itself, in a log */
enum crash_kind {
	CRASH_OOPS,    /* it cannot go on with what it was doing */
	CRASH_WARNING, /* it goes on: WARNING, KASAN, UBSAN, a reference count */
	CRASH_HANG,    /* a task or a CPU does not get on */
	CRASH_CUT,     /* the log does not have what it says, only where */
	CRASH_KINDS,
};

/* What of the program meets a bug */
enum bug_before {
	BUG_BEFORE_SETUP = 1,
	BUG_BEFORE_RESTORE = 2,
};

/**
 * struct bug_point - a release from which on something holds
 * @mainline:	for all later series, too; else only in this one, from @patch on
 */
struct bug_point {
	unsigned int major, minor, patch;
	bool mainline;
};

/**
 * struct bug_words - a list of words
 */
struct bug_words {
	char **word;
	size_t n;
};

/**
 * struct bug_crash - how a bug shows in a log
 * @kinds:	bits, by enum crash_kind
 * @at:		functions in one of which it happens; shell patterns. None: in any
 * @trace:	functions that are all on the stack
 * @line:	a text that the log has as well; or NULL
 * @any:	this bug is for what no other bug explains
 */
struct bug_crash {
	unsigned int kinds;
	struct bug_words at, trace;
	char *line;
	bool any;
};

/**
 * struct bug - a known bug
 * @module:	the driver that has it
 * @cause:	what goes wrong
 * @fix, @command: what to do, as in struct rule of host/diagnosis
 * @warning:	in a few words, for who is about to meet it
 * @before:	bits of enum bug_before: what meets it
 * @since, @mended: where it came, and where it was mended; @maybe: from where on that is not known
 * @kernels, @mended_kernels: releases, as uname(1) prints them, that have it or the mend, whatever
 *		their number says; shell patterns
 * @explains:	rules of host/diagnosis that are not reported beside it
 * @replaced:	a later file has another of this @id
 */
struct bug {
	char *id, *title, *module, *cause, *warning, *source;
	struct bug_words fix, explains, kernels, mended_kernels, examples, counterexamples;
	bool *command;
	unsigned int before;
	struct bug_point *since, *mended, *maybe;
	size_t n_since, n_mended, n_maybe;
	struct bug_crash *crash;
	size_t n_crashes;
	bool replaced;
	char *file;
	unsigned int line, text;
};

struct bugs {
	struct bug *bug;
	size_t n;
	unsigned int texts;
};

enum bug_state {
	BUG_ABSENT,  /* the kernel never had it */
	BUG_MENDED,  /* it carries the mend */
	BUG_PRESENT, /* it has it */
	BUG_UNKNOWN, /* its number does not tell */
};

/** bug_state() - has a kernel the bug? */
enum bug_state bug_state(const struct bug *bug, const struct kernel_version *version);

/**
 * bug_of_base() - has the release that a kernel is built from the bug, and a later one of that series
 * the mend?
 *
 * Of a kernel that may have taken the mend without changing its number.
 */
bool bug_of_base(const struct bug *bug, const struct kernel_version *version);

/** bug_mended_text() - the releases with the mend that are of use to one who has this kernel */
const char *bug_mended_text(const struct bug *bug, const struct kernel_version *version, char *text,
			    size_t size);

/**
 * bugs_open() - read the program's own file, and the administrator's
 * @bugs:	filled in; bugs_free() it, after a failure too
 * @error:	the mistake as FILE:LINE: SENTENCE, or why a file cannot be read
 */
int bugs_open(struct bugs *bugs, struct error *error);

/** bugs_file() - add what is in a file; one of the same Id replaces an earlier file's */
int bugs_file(struct bugs *bugs, const char *path, struct error *error);

/** bugs_read() - the same from a text of @len bytes, any; @name is for messages */
int bugs_read(struct bugs *bugs, const char *name, const char *text, size_t len,
	      struct error *error);

void bugs_free(struct bugs *bugs);

#endif
