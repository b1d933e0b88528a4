/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/diagnosis/evidence.h"

#include <stdlib.h>
#include <string.h>

const char *evidence_capture(const struct evidence *e, const char *name)
{
	for (size_t i = 0; i < e->n_captures; i++)
		if (!strcmp(e->captures[i].name, name))
			return e->captures[i].value;
	return NULL;
}

void evidence_clear(struct evidence *e)
{
	free(e->lines);
	free(e->captures);
	free(e->ports);
	tally_close(e->tally);
	*e = (struct evidence){ .lines = NULL };
}

void finding_free(struct finding *finding)
{
	free(finding->title);
	free(finding->cause);
	for (size_t i = 0; finding->fix && i < finding->n_fix; i++)
		free(finding->fix[i]);
	free(finding->fix);
	free(finding->command);
	for (size_t i = 0; i < finding->n_evidence; i++)
		free(finding->evidence[i]);
	free(finding->evidence);
}
