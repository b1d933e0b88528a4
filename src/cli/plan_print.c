/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/plan_print.h"

#include <stdio.h>

#include "base/quote.h"
#include "cli/cli.h"
#include "term/json.h"

/* By enum step_state */
static const char *const states[] = {
	[STEP_PLANNED] = "planned",
	[STEP_DONE] = "done",
	[STEP_UNCHANGED] = "unchanged",
	[STEP_FAILED] = "failed",
};

/** print_losses() - what the interfaces lose, a line each that begins with @line */
static void print_losses(const struct plan *plan, const char *line, FILE *to)
{
	for (size_t i = 0; i < plan->n_losses; i++) {
		char name[4 * IFNAMSIZ], what[1024]; /* others chose the names in them */

		fprintf(to, "%s%s loses %s: %s\n", line,
			quote_visible(name, sizeof(name), plan->loss[i].interface),
			plan->loss[i].back ? "until restore" : "for good",
			quote_visible(what, sizeof(what), plan->loss[i].what));
	}
}

/** print_bugs() - what the kernel is known to do wrong with this, a line each */
static void print_bugs(const struct plan *plan, const char *line, FILE *to)
{
	for (size_t i = 0; i < plan->n_bugs; i++)
		fprintf(to, "%s%s%s%s%s\n", line, plan->bug[i].what, *plan->bug[i].id ? " [" : "",
			plan->bug[i].id, *plan->bug[i].id ? "]" : "");
}

void plan_print(const struct plan *plan, FILE *to)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		fprintf(to, "%3zu  %s\n", i + 1, plan->step[i].what);
	print_losses(plan, "", to);
	print_bugs(plan, "", to);
}

void plan_script(const struct plan *plan, const char *title)
{
	char visible[512];

	printf("#!/bin/sh\n# %s\n", quote_visible(visible, sizeof(visible), title));
	print_losses(plan, "# ", stdout);
	print_bugs(plan, "# ", stdout);
	printf("set -e\n");
	for (size_t i = 0; i < plan->n_steps; i++)
		printf("\n# %s\n%s\n", plan->step[i].what, plan->step[i].command);
}

/** step_json() - one step */
static json_t *step_json(const struct step *step)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", step_kind_name(step->kind),
				   "what", step->what, "command", step->command, "undo", step->undo,
				   "state", states[step->state]);
	bool failed = !object;

	if (failed)
		return NULL;
	failed |= json_object_set_new(object, "port", output_text(step->key));
	failed |= json_object_set_new(object, "note", output_text(step->why));
	if (!failed)
		return object;
	json_decref(object);
	return NULL;
}

/** losses_json() - of a setup; NULL: no memory */
static json_t *losses_json(const struct plan *plan)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < plan->n_losses; i++) {
		const struct plan_loss *loss = &plan->loss[i];

		if (!json_array_append_new(list,
					   json_pack("{s:s, s:s, s:s, s:b, s:o}", "port", loss->key,
						     "interface", loss->interface, "kind",
						     loss->kind, "restored", loss->back, "what",
						     output_text(loss->what))))
			continue;
		json_decref(list);
		list = NULL;
	}
	return list;
}

/** bugs_json() - of the kernel; NULL: no memory */
static json_t *bugs_json(const struct plan *plan)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < plan->n_bugs; i++) {
		const struct plan_bug *bug = &plan->bug[i];

		if (!json_array_append_new(
			    list, json_pack("{s:o, s:o, s:s}", "id", output_text(bug->id), "module",
					    output_text(bug->module), "what", bug->what)))
			continue;
		json_decref(list);
		list = NULL;
	}
	return list;
}

/** plan_json() - ports, steps, bugs of the kernel, and what a setup loses; NULL: no memory */
static json_t *plan_json(const struct plan *plan)
{
	json_t *ports = json_array(), *steps = json_array(), *root;
	bool failed = !ports || !steps;

	for (size_t i = 0; !failed && i < plan->n_ports; i++) {
		const struct plan_port *port = &plan->port[i];
		json_t *object = json_pack("{s:s, s:s}", "name", port->name, "key", port->key);

		failed = !object || json_array_append(ports, object) ||
			 json_object_set_new(object, "uuid", output_text(port->uuid)) ||
			 json_object_set_new(object, "vf", output_text(port->vf)) ||
			 json_object_set_new(object, "adapter", output_text(port->address)) ||
			 json_object_set_new(object, "gone", json_boolean(port->gone));
		json_decref(object);
	}
	for (size_t i = 0; !failed && i < plan->n_steps; i++)
		failed = json_array_append_new(steps, step_json(&plan->step[i]));
	root = failed ? NULL : json_pack("{s:O, s:O}", "ports", ports, "steps", steps);
	json_decref(ports);
	json_decref(steps);
	if (root && json_object_set_new(root, "bugs", bugs_json(plan))) {
		json_decref(root);
		root = NULL;
	}
	if (root && plan->setup && json_object_set_new(root, "losses", losses_json(plan))) {
		json_decref(root);
		root = NULL;
	}
	return root;
}

int plan_print_json(const struct plan *plan, bool dry_run, const char *error, int status)
{
	json_t *root = plan_json(plan);

	if (root && (json_object_set_new(root, "dry_run", json_boolean(dry_run)) ||
		     json_object_set_new(root, "error", output_text(error)))) {
		json_decref(root);
		root = NULL;
	}
	return output_json(root) == EXIT_OK ? status : EXIT_FAILED;
}

void plan_told(void *back_to, const struct step *step, bool back)
{
	/* A failed step is reported when its consequences are known. */
	if (step->state != STEP_FAILED && step->why) {
		say("%s: %s", step->what, step->why);
	} else if (back && back_to && step->state == STEP_DONE) {
		fprintf(back_to, "back: %s\n", step->what);
		fflush(back_to);
	}
}
