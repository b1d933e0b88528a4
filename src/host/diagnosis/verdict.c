/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: a rule holds if the log had one of its Match patterns, all of Needs, none
 * of Unless, and the machine has the facts it needs. A rule that another one explains is a
 * consequence, and is not reported.
 *
 * A machine may have several ports, and a cause is one port's. Which one: that which the rule's
 * lines name; else those that an application was told to use; else any that the log names; else
 * any that may be DPDK's. What is said of a port must hold for all that are left then, and names
 * are filled in where all have the same. A port that the user reaches the machine through is
 * never put into a command.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/blocks.h"
#include "host/diagnosis/crash_rules.h"
#include "host/diagnosis/evidence.h"
#include "host/diagnosis/numbers.h"
#include "host/machine/container.h"

#define PORTS_MAX 64u /* of a machine; facts of more are not used */

/**
 * struct known - what is known beside a rule's captures
 * @port:	of the log; the first that it may be about
 * @may:	the machine's ports that it may be about: bit n is port n + 1
 */
struct known {
	const struct fact *facts;
	size_t n;
	struct port_names port;
	uint64_t may;
};

/* ---- which port ---- */

static uint64_t bit(unsigned int port)
{
	return port && port <= PORTS_MAX ? UINT64_C(1) << (port - 1) : 0;
}

/** with() - the machine's ports that have this fact; @value NULL: any */
static uint64_t with(const struct known *known, const char *name, const char *value)
{
	uint64_t ports = 0;

	for (size_t i = 0; i < known->n; i++)
		if (!strcmp(known->facts[i].name, name) &&
		    (!value || !strcmp(known->facts[i].value, value)))
			ports |= bit(known->facts[i].port);
	return ports;
}

/** ports_named() - those of the machine's that a port of the log may be */
static uint64_t ports_named(const struct known *known, const struct port_names *port)
{
	uint64_t ports = 0;

	if (*port->mac)
		ports |= with(known, "mac", port->mac);
	if (*port->uuid)
		ports |= with(known, "uuid", port->uuid);
	if (ports)
		return ports;
	/* A log may say either of a port's two interfaces where it says one. */
	if (*port->vf)
		ports |= with(known, "vf", port->vf) | with(known, "interface", port->vf);
	if (*port->interface)
		ports |= with(known, "interface", port->interface) |
			 with(known, "vf", port->interface);
	if (!ports && *port->pci && !*port->mac && !*port->uuid)
		ports = with(known, "pci", port->pci);
	return ports;
}

/** know_ports() - decide which ports this is about, of some that the log names */
static void know_ports(const struct diagnosis *d, struct known *known,
		       const struct port_names *ports, size_t n)
{
	known->may = 0;
	for (size_t i = 0; i < n; i++) {
		struct port_names port = ports[i];

		names_complete(&d->names, &port);
		known->may |= ports_named(known, &port);
		if (!i)
			known->port = port;
	}
}

/** know_log() - the same if the rule's lines name none: by what the log names elsewhere */
static void know_log(const struct diagnosis *d, struct known *known)
{
	const struct log_ports *names = &d->names;
	struct port_names asked[NAMES_MAX];
	uint64_t kept = with(known, FACT_KEPT, NULL);
	size_t n = 0;

	for (size_t i = 0; i < names->n; i++)
		if (names->port[i].asked)
			asked[n++] = names->port[i];
	if (n)
		know_ports(d, known, asked, n);
	else
		know_ports(d, known, names->port, names->n);
	if ((n ? n : names->n) != 1)
		memset(&known->port, 0, sizeof(known->port));
	if (!names->n)
		known->may = with(known, "interface", NULL) | with(known, "vf", NULL) |
			     with(known, "interface.up", NULL);
	/* What an application was told to use may be what it should not. */
	if (!n)
		known->may &= ~kept;
}

/** names_captured() - the port that a rule's captures and lines name, as far as they name one */
static struct port_names names_captured(const struct evidence *e)
{
	static const char *const names[] = { "interface", "vf", "pci", "mac", "uuid" };
	const struct port_names *whose = evidence_port(e, e->whose);
	struct port_names port = { .asked = false };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = evidence_capture(e, names[i]);

		if (value)
			port_names_set(&port, names[i], value);
	}
	if (whose)
		port_names_add(&port, whose);
	else if (e->n_ports == 1 || (e->n_ports && port_names_same(&port, &e->ports[0])))
		port_names_add(&port, &e->ports[0]);
	return port;
}

/** know() - what is known for a rule, beside what it captured */
static struct known know(const struct diagnosis *d, const struct evidence *e,
			 const struct fact *facts, size_t n)
{
	struct known known = { .facts = facts, .n = n };
	struct port_names port = names_captured(e);

	if (e->n_ports > 1 && !evidence_port(e, e->whose)) {
		know_ports(d, &known, e->ports, e->n_ports);
	} else if (!port_names_adapter(&port)) {
		know_ports(d, &known, &port, 1);
	} else {
		know_log(d, &known);
		if (*port.pci && !d->names.n)
			known.may &= with(&known, "pci", port.pci);
		port_names_add(&known.port, &port);
	}
	return known;
}

/* ---- facts ---- */

/**
 * fits() - does a condition hold of the machine?
 *
 * Of several facts about the machine one is enough. What is about ports must hold of all ports that
 * this may be about.
 */
static bool fits(const struct known *known, const struct rule_condition *want)
{
	bool some = false;

	for (size_t i = 0; i < known->n; i++) {
		const struct fact *fact = &known->facts[i];

		if (strcmp(fact->name, want->name) ||
		    (fact->port && !(known->may & bit(fact->port))))
			continue;
		if (condition_holds(want, fact->value))
			some = true;
		else if (fact->port)
			return false;
	}
	return some;
}

void verdict_whose(struct diagnosis *d, size_t number)
{
	struct evidence *e = &d->evidence[number];
	const char *whose = d->rules->rules[number].per ? tally_enough(e->tally, 0) : NULL;

	snprintf(e->whose, sizeof(e->whose), "%s", whose ? whose : "");
}

bool verdict_facts(const struct diagnosis *d, size_t number, const struct fact *facts, size_t n)
{
	const struct rule *rule = &d->rules->rules[number];
	const struct evidence *e = &d->evidence[number];
	struct known known;

	if (!rule->n_facts)
		return true;
	known = know(d, e, facts, n);
	for (size_t i = 0; i < rule->n_facts; i++)
		if (rule->facts[i].needed && !fits(&known, &rule->facts[i].condition))
			return false;
	return true;
}

bool verdict_enough(const struct diagnosis *d, size_t number)
{
	const struct evidence *e = &d->evidence[number];

	if (e->tally)
		return tally_enough(e->tally, 0);
	return e->count && e->count >= d->rules->rules[number].times;
}

/** holds() - does the rule hold, by the log and by the facts that it needs? */
static bool holds(const struct diagnosis *d, size_t number, const struct fact *facts, size_t n)
{
	return !d->rules->rules[number].replaced && !d->evidence[number].missing &&
	       verdict_enough(d, number) && verdict_facts(d, number, facts, n);
}

/** weigh_patterns() - which rules lack one of Needs, or have one of Unless? */
static void weigh_patterns(struct diagnosis *d)
{
	for (size_t i = 0; i < d->rules->n_patterns; i++) {
		const struct rule_pattern *pattern = &d->rules->patterns[i];
		struct evidence *e = &d->evidence[pattern->rule];

		if (pattern->role == RULE_NEEDS)
			e->missing |= !d->seen[i].lines;
		else if (pattern->role == RULE_UNLESS)
			e->missing |= d->seen[i].lines > 0;
	}
}

/** is_told() - does it hold, neither explained by another rule nor a last resort beside one? */
static bool is_told(const struct diagnosis *d, size_t number)
{
	const struct rule *rule = &d->rules->rules[number];

	if (!d->evidence[number].holds)
		return false;
	for (size_t i = 0; i < d->rules->n_rules; i++) {
		const struct rule *other = &d->rules->rules[i];

		if (!d->evidence[i].holds)
			continue;
		if (rules_explains(other, rule) || (rule->last && !other->last))
			return false;
	}
	return true;
}

/* ---- names in texts ---- */

/** is_plain() - may a word from a log stand in a command that a person copies into a shell? */
static bool is_plain(const char *word)
{
	return *word && *word != '-' &&
	       !word[strspn(
		       word,
		       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@%+-")];
}

/** of_machine() - what the machine has under this name; NULL: nothing, or not the same of all */
static const char *of_machine(const struct known *known, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < known->n; i++) {
		const struct fact *fact = &known->facts[i];

		if (strcmp(fact->name, name) || (fact->port && !(known->may & bit(fact->port))))
			continue;
		if (value && strcmp(value, fact->value))
			return NULL;
		value = fact->value;
	}
	return value;
}

/** is_kept() - is it an interface through which the user reaches this machine? */
static bool is_kept(const struct known *known, const char *value)
{
	return (with(known, FACT_KEPT, NULL) &
		(with(known, "interface", value) | with(known, "vf", value) |
		 with(known, "pci", value))) != 0;
}

/** name_value() - what {name} stands for; NULL: not known */
static const char *name_value(const struct evidence *e, const struct known *known, const char *name,
			      bool command)
{
	const char *value = evidence_capture(e, name);

	if (!value)
		value = port_names_get(&known->port, name);
	if (!value)
		value = of_machine(known, name);
	/* Commands that want a port take either of its interfaces. */
	if (!value && !strcmp(name, "interface"))
		return name_value(e, known, "vf", command);
	if (!value || !command || !strncmp(name, "install:", 8))
		return value;
	return is_plain(value) && !is_kept(known, value) ? value : NULL;
}

/**
 * fill_in() - a rule's text with its names
 * @otherwise:	what stands for a name that is not known; NULL: then there is no text
 */
static char *fill_in(const char *text, const struct evidence *e, const struct known *known,
		     bool command, const char *otherwise)
{
	struct blocks_name name;
	char *filled = NULL;
	bool whole = true;
	size_t size, len;
	FILE *to = open_memstream(&filled, &size);

	if (!to)
		return NULL;
	for (; *text; text += len) {
		const char *value;

		len = blocks_name(text, &name);
		if (!len) {
			fputc(*text, to);
			len = 1;
			continue;
		}
		value = name_value(e, known, name.name, command);
		if (value)
			fputs(value, to);
		else if (name.words)
			fwrite(name.words, 1, name.words_len, to);
		else if (otherwise)
			fputs(otherwise, to);
		else
			whole = false;
	}
	if (fclose(to) || !whole) {
		free(filled);
		return NULL;
	}
	return filled;
}

/** said() - a text that stands in any case: its names are known, or part of a line was left out */
static char *said(const char *text, const struct evidence *e, const struct known *known)
{
	return fill_in(text, e, known, false, "unknown");
}

/** in_container() - does this process see only what a container has of the machine? */
static bool in_container(const struct known *known)
{
	const char *container = of_machine(known, "container");

	return container && strcmp(container, "no") != 0;
}

/**
 * elsewhere() - where to give a command that needs root, for a user in a container
 *
 * Most images have no sudo, and what it did would not last: packages belong into the image, and
 * all else is the host's. Frees the command; returns NULL if there is no memory.
 */
static char *elsewhere(char *command, const char *step)
{
	char *sentence = container_command(strstr(step, "{install:rdma-core}")
						   ? "In the container's image"
						   : "On the host, not in the container",
					   command);

	free(command);
	return sentence;
}

/** add_step() - unless a name is not known, or it is there already; false if there is no memory */
static bool add_step(struct finding *finding, const struct rule_step *step,
		     const struct evidence *e, const struct known *known)
{
	bool command = step->command;
	char *text = fill_in(step->text, e, known, command, NULL);

	if (!text && step->instead) {
		text = said(step->instead, e, known);
		command = false;
		if (!text)
			return false;
	}
	if (text && command && strstr(text, "sudo ") && in_container(known)) {
		text = elsewhere(text, step->text);
		command = false;
		if (!text)
			return false;
	}
	for (size_t i = 0; text && i < finding->n_fix; i++)
		if (finding->command[i] == command && !strcmp(finding->fix[i], text)) {
			free(text);
			return true;
		}
	if (!text)
		return true;
	finding->fix[finding->n_fix] = text;
	finding->command[finding->n_fix++] = command;
	return true;
}

/** add_evidence() - how the machine confirms a condition; false if there is no memory */
static bool add_evidence(struct finding *finding, const struct known *known,
			 const struct rule_condition *want)
{
	for (size_t i = 0; i < known->n; i++) {
		const struct fact *fact = &known->facts[i];
		char **bigger;

		if (strcmp(fact->name, want->name) || !condition_holds(want, fact->value) ||
		    (fact->port && !(known->may & bit(fact->port))))
			continue;
		bigger = reallocarray(finding->evidence, finding->n_evidence + 1, sizeof(*bigger));
		if (!bigger)
			return false;
		finding->evidence = bigger;
		bigger[finding->n_evidence] = strdup(fact->words);
		if (!bigger[finding->n_evidence])
			return false;
		finding->n_evidence++;
		finding->confirmed = true;
		if (!fact->port)
			break;
	}
	return true;
}

/** add_lines() - those that are about the one that it is of; false if there is no memory */
static bool add_lines(struct finding *finding, const struct evidence *e)
{
	finding->lines = calloc(e->n_lines + 1, sizeof(*finding->lines));
	if (!finding->lines)
		return false;
	for (size_t i = 0; i < e->n_lines; i++)
		if (evidence_is_of(&e->lines[i], e->whose))
			finding->lines[finding->n_lines++] = e->lines[i];
	/* Of many that are spoken of, none of this one's was kept. */
	if (!finding->n_lines && e->n_lines) {
		memcpy(finding->lines, e->lines, e->n_lines * sizeof(*e->lines));
		finding->n_lines = e->n_lines;
	}
	finding->count = *e->whose ? tally_lines(e->tally, e->whose) : e->count;
	return true;
}

/** tell() - make a finding of a rule; after -ENOMEM, free it all the same */
static int tell(struct finding *finding, const struct diagnosis *d, size_t number,
		const struct fact *facts, size_t n)
{
	const struct rule *rule = &d->rules->rules[number];
	const struct evidence *e = &d->evidence[number];
	struct known known = know(d, e, facts, n);

	finding->rule = rule;
	finding->title = said(rule->title, e, &known);
	finding->cause = said(rule->cause, e, &known);
	finding->fix = calloc(rule->n_steps, sizeof(*finding->fix));
	finding->command = calloc(rule->n_steps, sizeof(*finding->command));
	if (!finding->title || !finding->cause || !finding->fix || !finding->command ||
	    !add_lines(finding, e))
		return -ENOMEM;
	for (size_t i = 0; i < rule->n_steps; i++)
		if (!add_step(finding, &rule->steps[i], e, &known))
			return -ENOMEM;
	for (size_t i = 0; i < rule->n_facts; i++)
		if (fits(&known, &rule->facts[i].condition) &&
		    !add_evidence(finding, &known, &rule->facts[i].condition))
			return -ENOMEM;
	return 0;
}

static uint64_t first_line(const struct finding *finding)
{
	return finding->n_lines ? finding->lines[0].number : 0;
}

static int by_line(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (first_line(x) != first_line(y))
		return first_line(x) < first_line(y) ? -1 : 1;
	return strcmp(x->rule->id, y->rule->id);
}

int verdict_open(struct diagnosis *d)
{
	for (size_t i = 0; i < d->n_findings; i++)
		finding_free(&d->findings[i]);
	d->n_findings = 0;
	return 0;
}

int verdict_add(struct diagnosis *d, size_t number, const struct fact *facts, size_t n)
{
	struct finding *finding =
		reallocarray(d->findings, d->n_findings + 1, sizeof(*d->findings));

	if (!finding)
		return -ENOMEM;
	d->findings = finding;
	finding += d->n_findings++;
	memset(finding, 0, sizeof(*finding));
	return tell(finding, d, number, facts, n);
}

void verdict_sort(struct diagnosis *d)
{
	if (d->n_findings)
		qsort(d->findings, d->n_findings, sizeof(*d->findings), by_line);
}

int diagnosis_finish(struct diagnosis *d, const struct fact *facts, size_t n)
{
	int err;

	diagnosis_look(d);
	weigh_patterns(d);
	crash_log_weigh(d, facts, n);
	for (size_t i = 0; i < d->rules->n_rules; i++)
		verdict_whose(d, i);
	for (size_t i = 0; i < d->rules->n_rules; i++)
		d->evidence[i].holds = holds(d, i, facts, n);
	err = verdict_open(d);
	for (size_t i = 0; !err && i < d->rules->n_rules; i++)
		if (is_told(d, i))
			err = verdict_add(d, i, facts, n);
	if (!err)
		verdict_sort(d);
	return err;
}

const struct finding *diagnosis_finding(const struct diagnosis *d, size_t n)
{
	return n < d->n_findings ? &d->findings[n] : NULL;
}
