/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/blocks.h"

#include <string.h>

size_t blocks_name(const char *text, struct blocks_name *name)
{
	size_t len, end;

	if (*text != '{')
		return 0;
	len = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz0123456789_:-");
	end = 1 + len;
	if (!len || len >= sizeof(name->name))
		return 0;
	memcpy(name->name, text + 1, len);
	name->name[len] = 0;
	name->words = NULL;
	name->words_len = 0;
	if (text[end] == '|') {
		name->words = text + end + 1;
		name->words_len = strcspn(name->words, "{}");
		end += 1 + name->words_len;
	}
	return text[end] == '}' ? end + 1 : 0;
}
