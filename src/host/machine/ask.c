/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/ask.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_TEXT 512

bool ask_recall(const struct host *host, json_t **answer, int *err, const char *format, ...)
{
	const struct answer *found;
	char name[NAME_TEXT];
	va_list ap;

	*answer = NULL;
	*err = 0;
	if (!host_is_report(host))
		return false;
	va_start(ap, format);
	vsnprintf(name, sizeof(name), format, ap);
	va_end(ap);
	found = answers_find(host->answers, ASKED_ELSE, name);
	*err = found ? found->err : -ENODATA;
	if (!*err) {
		*answer = json_loadb(found->data, found->len, JSON_DECODE_ANY, NULL);
		*err = *answer ? 0 : -EBADMSG;
	}
	return true;
}

bool ask_noted(const struct host *host)
{
	return host->answers && !host_is_report(host);
}

void ask_note(const struct host *host, int err, json_t *answer, const char *format, ...)
{
	char name[NAME_TEXT], *text = NULL;
	va_list ap;

	va_start(ap, format);
	vsnprintf(name, sizeof(name), format, ap);
	va_end(ap);
	if (ask_noted(host)) {
		text = err ? NULL : json_dumps(answer, JSON_ENCODE_ANY | JSON_INDENT(1));
		if (err || text)
			answers_put(host->answers, ASKED_ELSE, name, err, text,
				    text ? strlen(text) : 0);
	}
	free(text);
	json_decref(answer);
}

void ask_text(const json_t *answer, const char *name, char *text, size_t size)
{
	const char *value = json_string_value(json_object_get(answer, name));

	*text = '\0';
	if (value && strlen(value) < size)
		strcpy(text, value);
}
