/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/capture.h - a capture file that is written while lanes send. Only for pcap.c.
 */
#ifndef MANAKIN_FABRIC_CAPTURE_H
#define MANAKIN_FABRIC_CAPTURE_H

#include <stdint.h>

#include "base/error.h"
#include "fabric/fabric.h"

#define CAPTURE_HEADER        24u                 /* bytes at the start of the file */
#define CAPTURE_RECORD        16u                 /* bytes before each frame */
#define CAPTURE_LIMIT_DEFAULT (UINT64_C(1) << 30) /* bytes of a file */
#define CAPTURE_RING          ((size_t)64u << 20) /* bytes that wait to be written */

struct capture;

/**
 * capture_start() - begin a file
 * @fd:		the file, open for writing; belongs to the capture, also after a failure
 * @name:	for messages; copied
 * @limit:	largest size of the file, in bytes
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int capture_start(int fd, const char *name, uint64_t limit, struct capture **capture,
		  struct error *error);

/** capture_stop() - write what waits, and close the file */
void capture_stop(struct capture *capture);

/**
 * capture_add() - append frames, in order; any lane
 *
 * Copies them and does not wait for the disk.
 *
 * Return: how many were taken; the others do not fit
 */
unsigned int capture_add(struct capture *capture, const struct frame *frames, unsigned int n);

/** capture_flush() - have everything written that waits; does not wait for it. The first one starts
 * the thread: only for the control thread */
void capture_flush(struct capture *capture);

#endif
