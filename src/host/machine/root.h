/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/root.h - the machine's files, or a directory tree shaped like them.
 *
 * This room reads a machine's files below one directory: / on the machine itself, --sysroot DIR
 * for a copy of another's /sys, /proc, /etc and /usr. Symbolic links are followed inside it,
 * never out of it. Interfaces, addresses and routes are not files: a machine's kernel is asked for
 * them. A tree has none, unless it has a file HOST_INTERFACES, which says that its interfaces are
 * those of this process's network namespace; tests make such trees.
 *
 * What is read can be recorded (answers.h). A report, --from FILE, is such a record: there is no
 * directory, and all that the machine answered, the kernel included, is in memory.
 *
 * Several threads may read from one struct host, but not while one of them writes.
 */
#ifndef MANAKIN_HOST_MACHINE_ROOT_H
#define MANAKIN_HOST_MACHINE_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/error.h"
#include "host/machine/answers.h"

#define HOST_INTERFACES "/.interfaces"

/**
 * struct host - a machine's files
 * @fd:		the directory; -1: a report
 * @path:	its name, for messages; empty on the machine itself
 * @tree:	it is a copy of files, or a report of one: no kernel answers for it, but for its
 *		interfaces
 * @answers:	of a report: all that there is. Else: where to record what is read, or NULL
 */
struct host {
	int fd;
	char path[4096];
	bool tree;
	struct answers *answers;
};

/**
 * struct names - names in a directory, in order
 * @name:	each allocated; the list too
 */
struct names {
	char **name;
	size_t n;
};

/**
 * host_open() - open a machine
 * @sysroot:	directory; NULL or "/": the machine itself
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int host_open(const char *sysroot, struct host *host, struct error *error);
void host_close(struct host *host);

/**
 * host_report() - a machine that is only known by its answers
 * @path:	of the report, for messages
 * @answers:	taken over, and emptied
 *
 * Return: 0 or -ENOMEM
 */
int host_report(struct host *host, const char *path, bool tree, struct answers *answers);

/** host_is_machine() - is it the machine that this process runs on? */
bool host_is_machine(const struct host *host);

/** host_is_report() - are there only recorded answers? */
bool host_is_report(const struct host *host);

/** host_has_interfaces() - is it known which interfaces it has? Not of a tree alone */
bool host_has_interfaces(const struct host *host);

/** host_unrecorded() - the same, and nothing that is read from it is recorded */
struct host host_unrecorded(const struct host *host);

/* In all of these, @format and what follows make an absolute path ("/sys/class/net/%s/mtu"). */

/**
 * host_open_file() - a file's descriptor for reading, or a negative errno
 *
 * What is read from it is not recorded, and a report has none.
 */
__attribute__((format(printf, 2, 3))) int host_open_file(const struct host *host,
							 const char *format, ...);

/**
 * host_read() - a small text file, as a string without the line feed at its end
 *
 * Return: its length; -ENOENT ...; -EFBIG if it does not fit
 */
__attribute__((format(printf, 4, 5))) ssize_t host_read(const struct host *host, char *text,
							size_t size, const char *format, ...);

/** host_stream() - a text file of any size, for reading; NULL with errno set. fclose() it */
__attribute__((format(printf, 2, 3))) FILE *host_stream(const struct host *host, const char *format,
							...);

/** host_each_line() - call for each line of a file until it returns true; false: it never did */
bool host_each_line(const struct host *host, const char *path, bool (*call)(char *line, void *data),
		    void *data);

/** host_number() - a file that holds a number, decimal or 0x; 0 or a negative errno */
__attribute__((format(printf, 3, 4))) int
host_number(const struct host *host, unsigned long long *value, const char *format, ...);

/** host_link() - the last component of what a symbolic link points to; 0 or a negative errno */
__attribute__((format(printf, 4, 5))) int host_link(const struct host *host, char *name,
						    size_t size, const char *format, ...);

/** host_exists() - is it there? */
__attribute__((format(printf, 2, 3))) bool host_exists(const struct host *host, const char *format,
						       ...);

/** host_note() - record what a file had, for one that is not read by the functions above */
void host_note(const struct host *host, const char *path, int err, const void *data, size_t len);

/**
 * host_may() - access(): may this user do that with a file?
 * @mode:	F_OK, R_OK | W_OK ...
 *
 * Return: 0 or a negative errno; -ENODATA: not known, of a tree
 */
__attribute__((format(printf, 3, 4))) int host_may(const struct host *host, int mode,
						   const char *format, ...);

/**
 * host_list() - the names in a directory, sorted, without those that begin with a dot
 * @names:	filled in; names_free() it, after a failure too
 */
__attribute__((format(printf, 3, 4))) int host_list(const struct host *host, struct names *names,
						    const char *format, ...);
void names_free(struct names *names);

/**
 * host_write() - write a text to a file that is there, in one write()
 *
 * The only function of this room that changes a file of the kernel's.
 *
 * Return: 0 or a negative errno, as the kernel gave it
 */
__attribute__((format(printf, 3, 4))) int host_write(const struct host *host, const char *text,
						     const char *format, ...);

#endif
