/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/kmsg.h - the kernel's log, message by message: /dev/kmsg.
 *
 * What programs have written into it (systemd at boot, for one) is left out.
 */
#ifndef MANAKIN_HOST_MACHINE_KMSG_H
#define MANAKIN_HOST_MACHINE_KMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define KMSG_RECORD                                                                                \
	8192u /* bytes, of the longest that the kernel makes (printk's CONSOLE_EXT_LOG_MAX) */

/**
 * struct kmsg - the log as far as it was read
 * @fd:		for poll(): readable if there is a message
 * @sequence:	number of the next message
 * @lost:	messages that were overwritten before they were read
 */
struct kmsg {
	int fd;
	uint64_t sequence, lost;
};

/**
 * kmsg_open() - from the oldest message that the kernel still has
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int kmsg_open(struct kmsg *kmsg, struct error *error);
void kmsg_close(struct kmsg *kmsg);

/**
 * kmsg_read() - the next message, as dmesg(1) prints it: "[   12.345678] text", with a line feed
 * @line:	not NUL-terminated; cut off where it does not fit. Some messages have several lines
 *
 * Return: its length; -EAGAIN: there is none now; or another negative errno
 */
ssize_t kmsg_read(struct kmsg *kmsg, char *line, size_t size);

/**
 * kmsg_all() - all messages that there are now
 * @text:	filled in: @len bytes and a NUL, to be freed, after a failure too
 *
 * Return: 0 or a negative errno
 */
int kmsg_all(char **text, size_t *len);

/**
 * kmsg_parse() - the same of a record of /dev/kmsg
 * @sequence:	filled in: its number
 *
 * Return: the line's length; 0: a program wrote it, or it is no record
 */
size_t kmsg_parse(const char *record, size_t len, char *line, size_t size, uint64_t *sequence);

#endif
