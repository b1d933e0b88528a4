/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/handover/carry.h"

#include <string.h>

int carry_step(const struct carry *carry, struct step *step, bool back, struct error *why)
{
	struct plan_port *port = plan_find(carry->plan, step->key);
	struct step_site site = { .host = carry->host,
				  .uuid = port ? port->uuid : "",
				  .index = port ? port->index : 0,
				  .vf = port && port->port ? port->port->vf : NULL,
				  .records = carry->journal->records };
	int err = step_make(&site, step, why);

	if (port)
		port->index = site.index;
	step->state = err < 0 ? STEP_FAILED : err == STEP_CHANGED ? STEP_DONE : STEP_UNCHANGED;
	if (*why->text)
		step->why = strdup(why->text); /* without memory the sentence is missing */
	if (carry->told)
		carry->told(carry->arg, step, back);
	return err;
}

int carry_note(const struct carry *carry, json_t *record, struct error *error)
{
	return journal_append(carry->journal, record, error);
}
