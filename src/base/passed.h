/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/passed.h - descriptors that this process was started with, in place of names.
 *
 * Where an option takes the name of a file or socket, fd:N stands for descriptor N, and fd:NAME for
 * one that systemd passed under this name (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS and
 * LISTEN_FDNAMES). A process to which all is passed needs no right to open anything.
 */
#ifndef MANAKIN_BASE_PASSED_H
#define MANAKIN_BASE_PASSED_H

#include <stdbool.h>

#define PASSED_FIRST 3 /* the first descriptor that systemd passes */

/** passed_is() - does this text stand for a descriptor? */
bool passed_is(const char *text);

/**
 * passed_fd() - the descriptor that a text stands for; from now on not inherited
 * @text:	fd:N or fd:NAME
 *
 * Return: the descriptor, or -EBADF, also in errno: there is none
 */
int passed_fd(const char *text);

/** passed_count() - how many systemd passed, from PASSED_FIRST on; 0 if it did not start us */
unsigned int passed_count(void);

#endif
