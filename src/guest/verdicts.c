/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/verdicts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "term/json.h"
#include "term/say.h"

/** why() - in a few words */
static const char *why(const struct scenario_verdict *verdict, char *text, size_t size)
{
	size_t used = 0, i;
	json_t *rule;

	text[0] = '\0';
	if (!verdict->broken)
		snprintf(text, size, "there is no report");
	else if (verdict->status == LAB_TIMED_OUT)
		snprintf(text, size, "it took too long");
	else if (verdict->status)
		snprintf(text, size, "the script ended with status %d", verdict->status);
	used = strlen(text);
	json_array_foreach(verdict->broken, i, rule) {
		if (used < size)
			snprintf(text + used, size - used, "%s%s", used ? ", " : "",
				 json_string_value(rule));
		used = strlen(text);
	}
	return text;
}

static int print_json(const struct scenarios *scenarios)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < scenarios->n; i++) {
		const struct scenario_verdict *verdict = &scenarios->verdict[i];

		json_array_append_new(list, json_pack("{s:s, s:b, s:i, s:f, s:O?}", "scenario",
						      verdict->name, "passed", verdict->passed,
						      "status", verdict->status, "seconds",
						      verdict->seconds, "broken", verdict->broken));
	}
	return output_json(json_pack("{s:o}", "scenarios", list));
}

static void print_text(const struct scenarios *scenarios)
{
	char text[512];

	printf("%-16s %-8s %8s  %s\n", "scenario", "verdict", "seconds", "broken");
	for (unsigned int i = 0; i < scenarios->n; i++) {
		const struct scenario_verdict *verdict = &scenarios->verdict[i];

		printf("%-16s %-8s %8.0f  %s\n", verdict->name,
		       verdict->passed ? "passed" : "FAILED", verdict->seconds,
		       why(verdict, text, sizeof(text)));
	}
}

static int print_junit(const struct scenarios *scenarios, unsigned int failed, const char *path)
{
	FILE *file = fopen(path, "we");
	char text[512];

	if (file) {
		fprintf(file,
			"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
			"  <testsuite name=\"manakin lab examine\" tests=\"%u\" failures=\"%u\">\n",
			scenarios->n, failed);
		for (unsigned int i = 0; i < scenarios->n; i++) {
			const struct scenario_verdict *verdict = &scenarios->verdict[i];

			fprintf(file, "    <testcase name=\"%s\" time=\"%.1f\"", verdict->name,
				verdict->seconds);
			if (verdict->passed)
				fprintf(file, "/>\n");
			else
				fprintf(file, "><failure message=\"%s\"/></testcase>\n",
					why(verdict, text, sizeof(text)));
		}
		fprintf(file, "  </testsuite>\n</testsuites>\n");
	}
	if (file && !ferror(file) && !fclose(file))
		return 0;
	say("cannot write %s: %s; choose another file with --junit", path, strerror(errno));
	return -EIO;
}

int verdicts_print(const struct scenarios *scenarios, bool json, const char *junit)
{
	unsigned int failed = 0;
	int err = 0;

	for (unsigned int i = 0; i < scenarios->n; i++)
		failed += !scenarios->verdict[i].passed;
	if (json)
		err = print_json(scenarios);
	else
		print_text(scenarios);
	if (junit && print_junit(scenarios, failed, junit))
		err = 1;
	return err || failed ? EXIT_FAILED : EXIT_OK;
}
