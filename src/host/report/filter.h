/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/report/filter.h - which lines of a file, and of a log, belong into a report.
 */
#ifndef MANAKIN_HOST_REPORT_FILTER_H
#define MANAKIN_HOST_REPORT_FILTER_H

#include <stdbool.h>
#include <stddef.h>

/**
 * filter_file() - take out the lines of a file that the program does not read
 * @path:	of the machine's file
 * @text:	@len bytes, changed in place
 *
 * Return: the bytes that are left
 */
size_t filter_file(const char *path, char *text, size_t len);

/**
 * filter_kernel() - the lines of a kernel log that are about MANA, its drivers, DPDK and memory
 * @names:	@n more words that make a line belong to it: interfaces, bus addresses
 * @text:	@len bytes, changed in place
 *
 * A warning or a crash is kept from its first line to its last if one of its lines is.
 *
 * Return: the bytes that are left
 */
size_t filter_kernel(char *text, size_t len, const char *const *names, size_t n);

#endif
