/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/handover/planning.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct planning planning_begin(const struct plan_from *from, struct plan *plan, struct error *error)
{
	memset(plan, 0, sizeof(*plan));
	error->text[0] = '\0';
	return (struct planning){ .host = from->host,
				  .machine = from->machine,
				  .ledger = from->ledger,
				  .plan = plan,
				  .error = error };
}

int plan_fail(const struct planning *p, int err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	error_say_args(p->error, format, ap);
	va_end(ap);
	return err;
}

int plan_no_memory(const struct planning *p)
{
	return plan_fail(p, -ENOMEM, "out of memory");
}

const struct mana_port *planning_port(const struct planning *p, const char *key)
{
	char text[KEY_TEXT];

	for (size_t i = 0; i < p->machine->n_ports; i++)
		if (!strcmp(port_key(&p->machine->port[i], text), key))
			return &p->machine->port[i];
	return NULL;
}
