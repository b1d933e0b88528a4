/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/attached.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void attached_free(struct attachments *found)
{
	free(found->item);
	memset(found, 0, sizeof(*found));
}

int attached_add(struct attachments *found, const char *kind, bool by_name, const char *format, ...)
{
	struct attachment new = { .kind = kind, .by_name = by_name }, *more;
	va_list ap;

	va_start(ap, format);
	vsnprintf(new.what, sizeof(new.what), format, ap);
	va_end(ap);
	/* A name of a table may have any bytes, and this is printed as a comment of a script. */
	for (char *c = new.what; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	for (size_t i = 0; i < found->n; i++)
		if (!strcmp(found->item[i].what, new.what))
			return 0;
	more = reallocarray(found->item, found->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	found->item = more;
	more[found->n++] = new;
	return 0;
}
