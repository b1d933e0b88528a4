/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * measure/copy.h - the upper bound: two cores, one of which copies each packet.
 */
#ifndef MANAKIN_MEASURE_COPY_H
#define MANAKIN_MEASURE_COPY_H

#include "measure/point.h"

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
