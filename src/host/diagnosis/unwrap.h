/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/unwrap.h - a line as a program printed it, out of what has carried it since.
 *
 * Container runtimes and journals put lines into JSON, loggers colour them and escape quotes,
 * syslog escapes control characters, and editors save them with two bytes to a character.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_UNWRAP_H
#define MANAKIN_HOST_DIAGNOSIS_UNWRAP_H

#include <stdbool.h>
#include <stddef.h>

#include "host/diagnosis/scan.h"

/**
 * unwrap_needed() - does a piece of a line have something that unwrap() changes?
 *
 * It may say so of one that has not.
 */
bool unwrap_needed(const char *text, size_t len);

/**
 * unwrap() - unwrap a line, or a piece of one
 * @to:		@len bytes; may be @text
 *
 * What was one field among others, or one line among others, is between carriage returns then.
 *
 * Return: length of what is left
 */
size_t unwrap(char *to, const char *text, size_t len);

/** unwrap_texts() - a line with one of these may hide what it says until it is unwrapped */
extern const struct scan_text unwrap_texts[];
extern const size_t unwrap_n_texts;

#endif
