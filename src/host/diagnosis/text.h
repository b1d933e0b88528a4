/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/text.h - pieces of a log as text that is safe to print.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_TEXT_H
#define MANAKIN_HOST_DIAGNOSIS_TEXT_H

#include <stddef.h>

/** escape_length() - of a terminal's escape sequence, such as a colour; 0: it is not one */
size_t escape_length(const char *text, size_t left);

/**
 * text_clean() - a piece of a log as valid UTF-8 without control characters, also safe in JSON
 * @to, @size:	filled in; cut with "..." if it does not fit
 */
void text_clean(char *to, size_t size, const char *text, size_t len);

#endif
