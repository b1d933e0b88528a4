/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/root.h - the machine's files, or a directory tree shaped like them.
 *
 * This room reads a machine's files below one directory: / on the machine itself, --sysroot DIR
 * for a copy of another's /sys, /proc, /etc and /usr. Symbolic links are followed inside it,
 * never out of it. Interfaces, addresses and routes do not come from there: the kernel is asked,
 * in the process's network namespace.
 *
 * Several threads may read from one struct host, but not while one of them writes.
 */
#ifndef MANAKIN_HOST_MACHINE_ROOT_H
#define MANAKIN_HOST_MACHINE_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/**
 * struct host - a machine's files
 * @fd:		the directory
 * @path:	its name, for messages; empty on the machine itself
 */
struct host {
	int fd;
	char path[4096];
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

/** host_is_machine() - is it the machine that this process runs on? */
bool host_is_machine(const struct host *host);

/* In all of these, @format and what follows make an absolute path ("/sys/class/net/%s/mtu"). */

/** host_open_file() - a file's descriptor for reading, or a negative errno */
__attribute__((format(printf, 2, 3))) int host_open_file(const struct host *host,
							 const char *format, ...);

/**
 * host_read() - a small text file, as a string without the line feed at its end
 *
 * Return: its length; -ENOENT ...; -EFBIG if it does not fit
 */
__attribute__((format(printf, 4, 5))) ssize_t host_read(const struct host *host, char *text,
							size_t size, const char *format, ...);

/** host_number() - a file that holds a number, decimal or 0x; 0 or a negative errno */
__attribute__((format(printf, 3, 4))) int
host_number(const struct host *host, unsigned long long *value, const char *format, ...);

/** host_link() - the last component of what a symbolic link points to; 0 or a negative errno */
__attribute__((format(printf, 4, 5))) int host_link(const struct host *host, char *name,
						    size_t size, const char *format, ...);

/** host_exists() - is it there? */
__attribute__((format(printf, 2, 3))) bool host_exists(const struct host *host, const char *format,
						       ...);

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
