/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * term/json.h - what --json prints.
 */
#ifndef MANAKIN_TERM_JSON_H
#define MANAKIN_TERM_JSON_H

#include <jansson.h>

/**
 * output_json() - print to standard output
 * @root:	given up, whatever happens; NULL: there was no memory for it
 *
 * Return: an exit status; it has said why if it failed
 */
int output_json(json_t *root);

/** output_text() - a JSON string, or null for NULL and an empty text */
json_t *output_text(const char *text);

#endif
