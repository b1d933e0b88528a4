/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * term/json.h - what --json prints.
 */
#ifndef MANAKIN_TERM_JSON_H
#define MANAKIN_TERM_JSON_H

#include <jansson.h>

/**
 * output_json() - print to standard output
 * @root:	freed in any case; NULL: memory ran out
 *
 * Return: an exit status; if it is a failure, the reason was printed
 */
int output_json(json_t *root);

/** output_text() - a JSON string, or null for NULL and an empty text */
json_t *output_text(const char *text);

#endif
