/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/version.h"

#include <stdlib.h>
#include <string.h>

int version_compare(const char *a, const char *b)
{
	static const char digits[] = "0123456789";

	for (;;) {
		unsigned long one, other;
		char *end_a, *end_b;

		a += strcspn(a, digits);
		b += strcspn(b, digits);
		if (!*a || !*b)
			return (*a != '\0') - (*b != '\0');
		one = strtoul(a, &end_a, 10);
		other = strtoul(b, &end_b, 10);
		if (one != other)
			return one < other ? -1 : 1;
		a = end_a;
		b = end_b;
	}
}
