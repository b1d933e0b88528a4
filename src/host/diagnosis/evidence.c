/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/diagnosis/evidence.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *evidence_capture(const struct evidence *e, const char *name)
{
	for (size_t i = 0; i < e->n_captures; i++)
		if (!strcmp(e->captures[i].name, name) && (!*e->whose || !*e->captures[i].whose ||
							   !strcmp(e->captures[i].whose, e->whose)))
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

/** is_called() - is it one of a port's names? */
static bool is_called(const struct port_names *port, const char *name)
{
	return !strcasecmp(port->uuid, name) || !strcasecmp(port->mac, name) ||
	       !strcmp(port->interface, name) || !strcmp(port->vf, name) ||
	       !strcmp(port->pci, name);
}

const struct port_names *evidence_port(const struct evidence *e, const char *whose)
{
	for (size_t i = 0; *whose && i < e->n_ports; i++)
		if (is_called(&e->ports[i], whose))
			return &e->ports[i];
	return NULL;
}

bool evidence_is_of(const struct finding_line *line, const char *whose)
{
	size_t len = strlen(whose);

	if (!len)
		return true;
	/* The name, and not as a part of a longer one */
	for (const char *at = line->text; (at = strstr(at, whose)); at++)
		if ((at == line->text || !isalnum((unsigned char)at[-1])) &&
		    !isalnum((unsigned char)at[len]))
			return true;
	return false;
}

/** keep_again() - lines that come are kept, though as many were before */
static void keep_again(struct diagnosis *d, size_t rule)
{
	for (size_t i = 0; i < d->rules->n_patterns; i++)
		if (d->rules->patterns[i].rule == rule)
			d->seen[i].kept = 0;
}

void evidence_drop(struct diagnosis *d, size_t rule)
{
	evidence_clear(&d->evidence[rule]);
	keep_again(d, rule);
}

void evidence_settle(struct diagnosis *d, size_t rule, const char *whose)
{
	struct evidence *e = &d->evidence[rule];
	size_t lines = 0, captures = 0, ports = 0;

	for (size_t i = 0; i < e->n_lines; i++)
		if (!evidence_is_of(&e->lines[i], whose))
			e->lines[lines++] = e->lines[i];
	for (size_t i = 0; i < e->n_captures; i++)
		if (strcmp(e->captures[i].whose, whose) != 0)
			e->captures[captures++] = e->captures[i];
	for (size_t i = 0; i < e->n_ports; i++)
		if (*whose && !is_called(&e->ports[i], whose))
			e->ports[ports++] = e->ports[i];
	e->n_lines = lines;
	e->n_captures = captures;
	e->n_ports = ports;
	tally_settle(e->tally, whose);
	keep_again(d, rule);
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
	free(finding->lines);
}
