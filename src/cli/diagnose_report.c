/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "cli/cli.h"
#include "cli/diagnose.h"
#include "cli/look.h"
#include "host/diagnosis/crash_rules.h"
#include "term/term.h"

#define WIDTH     80u /* characters of a line, and the most on a wider terminal: */
#define WIDTH_MAX 100u
#define ADDED     "/etc/manakin/rules.d"

/* ---- rules ---- */

/** add_bugs() - known bugs of kernels: the directory's, or else the program's own */
static int add_bugs(struct rules *rules, const char *directory, struct error *error)
{
	struct bugs bugs = { .n = 0 };
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/known-bugs", directory ? directory : "");
	if (directory && !access(path, F_OK))
		err = bugs_file(&bugs, path, error);
	else
		err = bugs_open(&bugs, error);
	if (!err)
		err = rules_bugs(rules, &bugs, error);
	bugs_free(&bugs);
	return err;
}

struct rules *diagnose_rules(const char *directory)
{
	struct rules *rules = rules_open();
	char own[PATH_MAX];
	struct error error;
	int err;

	if (!rules) {
		say("out of memory");
		return NULL;
	}
	if (!directory)
		paths_find(PLACE_RULES, own, sizeof(own));
	err = rules_directory(rules, directory ? directory : own, &error);
	if (!err && !directory) {
		err = rules_directory(rules, ADDED, &error);
		if (err == -ENOENT)
			err = 0;
	}
	if (!err)
		err = add_bugs(rules, directory, &error);
	if (!err)
		err = rules_ready(rules, &error);
	if (!err)
		return rules;
	say("%s", error.text);
	rules_close(rules);
	return NULL;
}

void diagnose_facts(const struct shared_options *shared, struct facts *facts)
{
	static const struct shared_options none;
	struct host host;

	memset(facts, 0, sizeof(*facts));
	if (look_open(shared ? shared : &none, true, &host))
		return;
	/* Without facts, the log alone is diagnosed. */
	facts_read(&host, facts);
	host_close(&host);
}

/* ---- for a person ---- */

/**
 * struct page - where text goes
 * @bold, @dim, @good, @plain: what changes a terminal's colours, or nothing
 */
struct page {
	FILE *to;
	unsigned int width;
	const char *bold, *dim, *good, *plain;
};

static struct page page_open(FILE *to)
{
	struct page page = {
		.to = to,
		.width = WIDTH,
		.bold = output_style(to, STYLE_STRONG),
		.dim = output_style(to, STYLE_DIM),
		.good = output_style(to, STYLE_GOOD),
		.plain = output_style(to, STYLE_PLAIN),
	};
	unsigned int width = output_width(to);

	if (width >= 40)
		page.width = width < WIDTH_MAX ? width : WIDTH_MAX;
	return page;
}

/** put_text() - wrap words to the page's width, each line indented by so many blanks */
static void put_text(const struct page *page, unsigned int indent, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (column && column + 1 + word > page->width) {
			fputc('\n', page->to);
			column = 0;
		}
		if (column)
			column += (size_t)fprintf(page->to, " %.*s", (int)word, text);
		else
			column = (size_t)fprintf(page->to, "%*s%.*s", (int)indent, "", (int)word,
						 text);
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', page->to);
}

static void put_lines(const struct page *page, const struct finding *finding)
{
	fprintf(page->to, "\n  Shown by\n");
	for (size_t i = 0; i < finding->n_lines; i++)
		fprintf(page->to, "    %s%5" PRIu64 ":%s %s\n", page->dim, finding->lines[i].number,
			page->plain, finding->lines[i].text);
	if (finding->count > finding->n_lines)
		fprintf(page->to, "    %s(%" PRIu64 " lines show it)%s\n", page->dim,
			finding->count, page->plain);
}

static void put_finding(const struct page *page, const struct finding *finding)
{
	fprintf(page->to, "%s%s%s [%s]\n", page->bold, finding->title, page->plain,
		finding->rule->id);
	put_text(page, 2, finding->cause);
	for (size_t i = 0; i < finding->n_evidence; i++)
		fprintf(page->to, "  %sConfirmed by this machine: %s%s\n", page->good,
			finding->evidence[i], page->plain);
	put_lines(page, finding);
	fprintf(page->to, "\n  What to do\n");
	for (size_t i = 0; i < finding->n_fix; i++) {
		if (finding->command[i])
			fprintf(page->to, "      %s%s%s\n", page->bold, finding->fix[i],
				page->plain);
		else
			put_text(page, 4, finding->fix[i]);
	}
}

void diagnose_print_one(const struct finding *finding, FILE *to)
{
	struct page page = page_open(to);

	put_finding(&page, finding);
}

size_t diagnose_print(const struct diagnosis *diagnosis, FILE *to)
{
	struct page page = page_open(to);
	const struct finding *finding;
	size_t n = 0;

	while ((finding = diagnosis_finding(diagnosis, n))) {
		if (n++)
			fputc('\n', to);
		put_finding(&page, finding);
	}
	return n;
}

/* ---- for a program ---- */

static json_t *strings(char *const *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

static json_t *lines(const struct finding *finding)
{
	json_t *array = json_array();

	for (size_t i = 0; i < finding->n_lines; i++)
		json_array_append_new(array, json_pack("{s:I, s:s}", "number",
						       (json_int_t)finding->lines[i].number, "text",
						       finding->lines[i].text));
	return array;
}

json_t *diagnose_object(const struct finding *finding)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:b, s:o, s:s}", "id", finding->rule->id,
			 "title", finding->title, "cause", finding->cause, "fix",
			 strings(finding->fix, finding->n_fix), "lines", lines(finding), "count",
			 (json_int_t)finding->count, "confirmed", finding->confirmed, "evidence",
			 strings(finding->evidence, finding->n_evidence), "source",
			 finding->rule->source);
}

int diagnose_print_json(const struct diagnosis *diagnosis, FILE *to)
{
	json_t *list = json_array(), *object;
	const struct finding *finding;
	int n = 0, err;

	while ((finding = diagnosis_finding(diagnosis, (size_t)n))) {
		n++;
		json_array_append_new(list, diagnose_object(finding));
	}
	object = json_pack("{s:o}", "diagnoses", list);
	err = !object || json_array_size(list) != (size_t)n ? -ENOMEM : 0;
	if (!err && (json_dumpf(object, to, JSON_INDENT(2)) || fputc('\n', to) == EOF))
		err = -EIO;
	json_decref(object);
	return err ? err : n;
}

/* ---- for other commands ---- */

size_t diagnose_explain(int log, FILE *to)
{
	struct rules *rules = diagnose_rules(NULL);
	struct diagnosis *diagnosis = rules ? diagnosis_open(rules) : NULL;
	struct facts facts;
	size_t n = 0;

	if (diagnosis) {
		lseek(log, 0, SEEK_SET);
		diagnose_facts(NULL, &facts);
		if (!diagnosis_read(diagnosis, log) &&
		    !diagnosis_finish(diagnosis, facts.fact, facts.n))
			n = diagnose_print(diagnosis, to);
		facts_free(&facts);
	}
	diagnosis_close(diagnosis);
	rules_close(rules);
	return n;
}
