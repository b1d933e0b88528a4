/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/scan.h - search for many fixed strings in one pass.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_SCAN_H
#define MANAKIN_HOST_DIAGNOSIS_SCAN_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct scan_text - a text to search for
 * @bytes:	not NUL-terminated
 * @len:	1 or more
 */
struct scan_text {
	const char *bytes;
	size_t len;
};

struct scan;

/**
 * typedef scan_hit - a text was found
 * @arg:	scan_run()'s
 * @text:	its number in the list given to scan_open()
 * @end:	offset of the byte after it
 */
typedef void scan_hit(void *arg, uint32_t text, size_t end);

/**
 * scan_open() - prepare to search for texts
 * @texts:	not needed afterwards
 *
 * Return: NULL with errno set: ENOMEM, or E2BIG if they are too many
 */
struct scan *scan_open(const struct scan_text *texts, size_t n);

void scan_close(struct scan *scan);

/**
 * scan_run() - call @hit for each place where a text is, in the order of their ends
 *
 * Runs are independent: a text that begins in one and ends in the next is not found.
 */
void scan_run(const struct scan *scan, const char *data, size_t len, scan_hit *hit, void *arg);

#endif
