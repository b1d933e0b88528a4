/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/report/report.h - a machine in a file, for a bug report.
 *
 * The room host/report makes a file of what was recorded of a machine (host/machine/answers.h) and of
 * logs, with private names and addresses replaced, and reads such a file. It uses base/,
 * host/machine and zlib. It decides what may be in a report: filter.h says which lines of a
 * file, private.h what is replaced. It never examines a machine itself but for the kernel's log,
 * never prints, and writes nothing but the report; what it reads it keeps in
 * memory.
 *
 * The file is a tar archive, compressed with gzip:
 *
 *	manakin-report.json	the form's number, who made it, when not everything is in it: why
 *	files/PATH		files of the machine
 *	answers/NAME.json	what the kernel, libraries and processes answered
 *	index.json		directories, links, what is there, and what failed
 *	logs/NAME		lines of logs
 */
#ifndef MANAKIN_HOST_REPORT_REPORT_H
#define MANAKIN_HOST_REPORT_REPORT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "host/machine/root.h"
#include "host/report/private.h"

#define REPORT_FORM 1
#define REPORT_LOG_MAX                                                                             \
	(4u << 20) /* bytes of all logs: of a longer one, the beginning and the end */
#define REPORT_LOGS    16u
#define REPORT_ANSWERS 50000u /* that one may have */
#define REPORT_CUT     "[manakin report: lines were left out here]\n"

/**
 * struct report_log - lines of a log
 * @name:	"kernel", "application-1"
 */
struct report_log {
	char name[32];
	char *text;
	size_t len;
};

/**
 * struct report - all that is in one
 * @tree:	of a tree (--sysroot), not of a machine
 * @made_by:	version of manakin
 * @missing:	what is not in it, and why; empty: nothing
 */
struct report {
	struct answers answers;
	struct report_log log[REPORT_LOGS];
	size_t n_logs;
	bool tree;
	char made_by[32];
	char missing[256];
};

/** report_add_log() - a copy of its lines; 0, -ENOMEM, or -E2BIG: there are too many logs */
int report_add_log(struct report *report, const char *name, const char *text, size_t len);

/**
 * report_add_file() - a log of an application
 * @error:	on failure, a sentence for the user
 *
 * It must be text: names and addresses in anything else would not be found.
 */
int report_add_file(struct report *report, const char *path, struct error *error);

/**
 * report_add_kernel() - what the kernel's log says about MANA; see filter.h
 *
 * If it cannot be read, @report says so.
 *
 * Return: 0 or -ENOMEM
 */
int report_add_kernel(struct report *report, const char *const *names, size_t n);

/** report_learn_names() - the names of the machine and of its users; 0 or -ENOMEM */
int report_learn_names(const struct host *host, struct private *private);

/** report_trim() - take out of files what is not read, and cut long ones and logs; 0 or -ENOMEM */
int report_trim(struct report *report);

/**
 * report_hide() - replace what is private in all of it
 * @private:	may know names already; afterwards, the table
 *
 * Return: 0 or -ENOMEM
 */
int report_hide(struct report *report, struct private *private);

/**
 * report_write() - to a descriptor, which stays open
 *
 * Return: 0; -EFBIG: more, or larger, answers than report_read() permits; or another negative errno
 */
int report_write(const struct report *report, int fd);

/**
 * report_save() - to a new file, which nobody else may read
 * @path:	of the file; there is none yet
 * @bytes:	gets its size
 *
 * What sudo runs gives the file to its user.
 *
 * Return: 0, with a text in @error if it could not be given; or a negative errno, with @error set
 * and no file left
 */
int report_save(const struct report *report, const char *path, off_t *bytes, struct error *error);

/**
 * report_read() - from a file
 * @report:	filled in; report_free() it, after a failure too
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int report_read(const char *path, struct report *report, struct error *error);

/** report_logs() - all logs in one memory file; a descriptor or a negative errno; -ENOENT: none */
int report_logs(const struct report *report);

void report_free(struct report *report);

#endif
