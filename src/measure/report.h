/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * measure/report.h - what `manakin bench` has measured, as a table, JSON and plots.
 */
#ifndef MANAKIN_MEASURE_REPORT_H
#define MANAKIN_MEASURE_REPORT_H

#include <stdio.h>

#include "measure/point.h"

/** report_table() - a line per point; the last column is manakin divided by the better peer */
int report_table(const struct bench_result *results, size_t n, FILE *to);

/** report_json() - a list of rows, one per point and subject */
int report_json(const struct bench_result *results, size_t n, FILE *to);

/**
 * report_plots() - SVG files in @directory, drawn by gnuplot
 *
 * CASE.svg has the rates over the sizes with one queue, CASE-queues.svg those over the
 * queues with the smallest size; each if there are two points or more.
 *
 * Return: 0 or a negative errno
 */
int report_plots(const struct bench_result *results, size_t n, const char *directory);

#endif
