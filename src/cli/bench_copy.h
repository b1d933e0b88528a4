/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli/bench_copy.h - what two cores can do at best when one has to copy each packet.
 */
#ifndef MANAKIN_CLI_BENCH_COPY_H
#define MANAKIN_CLI_BENCH_COPY_H

#include "cli/bench_subject.h"

/**
 * copy_turn() - let two threads copy for a while
 * @point:	case, size and CPUs
 * @seconds:	how long is measured, after a warm-up
 * @mpps:	filled in
 *
 * Return: 0 or a negative errno
 */
int copy_turn(const struct point *point, double seconds, double *mpps);

#endif
