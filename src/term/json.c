/* SPDX-License-Identifier: BSD-3-Clause */
#include "term/json.h"

#include <stdio.h>

#include "term/say.h"
#include "term/term.h"

int output_json(json_t *root)
{
	int err = !root || json_dumpf(root, stdout, JSON_INDENT(2)) || putchar('\n') == EOF;

	json_decref(root);
	if (!root) {
		say("out of memory");
		return EXIT_FAILED;
	}
	return stdout_flushed() || err ? EXIT_FAILED : EXIT_OK;
}

json_t *output_text(const char *text)
{
	json_t *string;

	if (!text || !*text)
		return json_null();
	string = json_string(text);
	/* JSON must be UTF-8, but a file name, for example, may have any bytes. */
	return string ? string : json_string("?");
}
