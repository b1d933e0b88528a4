/* SPDX-License-Identifier: BSD-3-Clause */
#include "serve/examination_report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define NS_PER_SECOND 1e9

unsigned int examined_broken(const struct examined *examined)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < EXAMINE_RULES; i++)
		n += examined->examination.verdict[i].broken != 0;
	return n;
}

static double seconds(uint64_t ns)
{
	return (double)ns / NS_PER_SECOND;
}

/* ---- Text ---- */

static void text_break(FILE *to, unsigned int rule, const struct examine_verdict *verdict)
{
	const struct examine_rule_text *text = &examine_rules[rule];
	const struct examine_break *first = &verdict->first;

	fprintf(to, "\nBROKEN %s: %s\n", text->id, text->must);
	fprintf(to, "  %" PRIu64 " times, and kept %" PRIu64 " times\n", verdict->broken,
		verdict->kept);
	fprintf(to, "  first      after %.6f s", seconds(first->after_ns));
	if (*first->queue)
		fprintf(to, ", %s, position %" PRIu64, first->queue, first->position);
	fprintf(to, "\n  seen       %s\n  expected   %s\n", first->seen, first->expected);
	fprintf(to, "  known from %s\n  otherwise  %s\n", text->source, text->breaks);
	for (unsigned int i = 0; i < first->n_commands; i++)
		fprintf(to, "  %-10s %s\n", i ? "" : "commands", first->commands[i]);
}

static void text_client(FILE *to, const struct examined *examined)
{
	const struct examination *e = &examined->examination;
	unsigned int broken = examined_broken(examined), untried = 0;

	for (unsigned int i = 0; i < EXAMINE_RULES; i++)
		untried += !e->verdict[i].kept && !e->verdict[i].broken;
	fprintf(to, "%s: client %u%s%s, %.3f s\n", examined->adapter, e->number,
		*e->driver ? ", driver of " : "", e->driver, seconds(e->duration_ns));
	fprintf(to,
		"%" PRIu64 " commands, %" PRIu64 " doorbells, %" PRIu64 " entries, %" PRIu64
		" completions, %" PRIu64 " events\n",
		e->commands, e->doorbells, e->entries, e->completions, e->events);
	if (!e->orderly)
		fprintf(to, "It left without tearing down its hardware channel: what it would have "
			    "left behind is not known.\n");
	fprintf(to, "Rules: %u broken, %u kept, %u without an occasion\n", broken,
		EXAMINE_RULES - broken - untried, untried);
	for (unsigned int i = 0; i < EXAMINE_RULES; i++)
		if (e->verdict[i].broken)
			text_break(to, i, &e->verdict[i]);
	fprintf(to, "\n%-20s %12s %12s\n", "rule", "kept", "broken");
	for (unsigned int i = 0; i < EXAMINE_RULES; i++)
		fprintf(to, "%-20s %12" PRIu64 " %12" PRIu64 "\n", examine_rules[i].id,
			e->verdict[i].kept, e->verdict[i].broken);
}

/* ---- JSON ---- */

static json_t *json_first(const struct examine_break *first)
{
	json_t *commands = json_array();

	for (unsigned int i = 0; i < first->n_commands; i++)
		json_array_append_new(commands, json_string(first->commands[i]));
	return json_pack("{s:f, s:s, s:I, s:s, s:s, s:o}", "after_seconds",
			 seconds(first->after_ns), "queue", first->queue, "position",
			 (json_int_t)first->position, "seen", first->seen, "expected",
			 first->expected, "commands", commands);
}

static json_t *json_client(const struct examined *examined)
{
	const struct examination *e = &examined->examination;
	json_t *rules = json_array();

	for (unsigned int i = 0; i < EXAMINE_RULES; i++) {
		const struct examine_rule_text *text = &examine_rules[i];
		const struct examine_verdict *verdict = &e->verdict[i];
		json_t *rule =
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "rule", text->id, "topic",
				  text->topic, "must", text->must, "source", text->source, "breaks",
				  text->breaks, "kept", (json_int_t)verdict->kept, "broken",
				  (json_int_t)verdict->broken);

		if (verdict->broken)
			json_object_set_new(rule, "first", json_first(&verdict->first));
		json_array_append_new(rules, rule);
	}
	return json_pack("{s:s, s:i, s:s, s:f, s:b, s:i, s:I, s:I, s:I, s:I, s:I, s:o}", "adapter",
			 examined->adapter, "client", (int)e->number, "driver", e->driver,
			 "seconds", seconds(e->duration_ns), "orderly", e->orderly, "broken",
			 (int)examined_broken(examined), "commands", (json_int_t)e->commands,
			 "doorbells", (json_int_t)e->doorbells, "entries", (json_int_t)e->entries,
			 "completions", (json_int_t)e->completions, "events", (json_int_t)e->events,
			 "rules", rules);
}

static int report_json(FILE *to, const struct examined *const *examined, unsigned int n)
{
	json_t *clients = json_array(), *root;
	int err;

	for (unsigned int i = 0; i < n; i++)
		json_array_append_new(clients, json_client(examined[i]));
	root = json_pack("{s:o}", "clients", clients);
	if (!root)
		return -ENOMEM;
	err = json_dumpf(root, to, JSON_INDENT(2));
	json_decref(root);
	fputc('\n', to);
	return err ? -ENOMEM : 0;
}

/* ---- JUnit ---- */

/** xml() - text in an attribute or element */
static void xml(FILE *to, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		case '"':
			fputs("&quot;", to);
			break;
		default:
			fputc(*text >= ' ' || *text == '\n' ? *text : '?', to);
		}
	}
}

static void junit_broken(FILE *to, unsigned int rule, const struct examine_verdict *verdict)
{
	const struct examine_break *first = &verdict->first;

	fprintf(to, ">\n      <failure message=\"");
	xml(to, first->seen);
	fprintf(to, "; expected: ");
	xml(to, first->expected);
	fprintf(to, "\">");
	xml(to, examine_rules[rule].must);
	fprintf(to, "\nbroken %" PRIu64 " times, first after %.6f s on ", verdict->broken,
		seconds(first->after_ns));
	xml(to, *first->queue ? first->queue : "no queue");
	fprintf(to, " at %" PRIu64 "\nknown from: ", first->position);
	xml(to, examine_rules[rule].source);
	fputc('\n', to);
	for (unsigned int i = 0; i < first->n_commands; i++) {
		xml(to, first->commands[i]);
		fputc('\n', to);
	}
	fprintf(to, "</failure>\n    </testcase>\n");
}

static void junit_client(FILE *to, const struct examined *examined)
{
	const struct examination *e = &examined->examination;
	unsigned int skipped = 0;

	for (unsigned int i = 0; i < EXAMINE_RULES; i++)
		skipped += !e->verdict[i].kept && !e->verdict[i].broken;
	fprintf(to, "  <testsuite name=\"");
	xml(to, examined->adapter);
	fprintf(to, " client %u", e->number);
	if (*e->driver) {
		fprintf(to, ", driver of ");
		xml(to, e->driver);
	}
	fprintf(to, "\" tests=\"%u\" failures=\"%u\" skipped=\"%u\" time=\"%.3f\">\n",
		(unsigned int)EXAMINE_RULES, examined_broken(examined), skipped,
		seconds(e->duration_ns));
	for (unsigned int i = 0; i < EXAMINE_RULES; i++) {
		const struct examine_verdict *verdict = &e->verdict[i];

		fprintf(to, "    <testcase classname=\"");
		xml(to, examine_rules[i].topic);
		fprintf(to, "\" name=\"%s\"", examine_rules[i].id);
		if (verdict->broken)
			junit_broken(to, i, verdict);
		else if (verdict->kept)
			fprintf(to, "/>\n");
		else
			fprintf(to, "><skipped message=\"no occasion\"/></testcase>\n");
	}
	fprintf(to, "  </testsuite>\n");
}

int examination_report(FILE *to, enum examination_format format,
		       const struct examined *const *examined, unsigned int n)
{
	if (format == EXAMINATION_JSON)
		return report_json(to, examined, n);
	if (format == EXAMINATION_JUNIT)
		fprintf(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
	for (unsigned int i = 0; i < n; i++) {
		if (format == EXAMINATION_JUNIT)
			junit_client(to, examined[i]);
		else
			text_client(to, examined[i]);
		if (format == EXAMINATION_TEXT && i + 1 < n)
			fputc('\n', to);
	}
	if (format == EXAMINATION_JUNIT)
		fprintf(to, "</testsuites>\n");
	return 0;
}
