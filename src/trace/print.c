/* SPDX-License-Identifier: BSD-3-Clause */
#include "trace/print.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/quote.h"
#include "trace/names.h"
#include "trace/text.h"

#define SECOND 1000000000u /* ns */

/** text_json() - a text, or null for an empty one; ? for one that is not UTF-8 */
static json_t *text_json(const char *text)
{
	json_t *string = *text ? json_string(text) : json_null();

	return string ? string : json_string("?");
}

/** queue_text() - the first of an item's queues; empty if there is none */
static const char *queue_text(const struct trace_of *of, unsigned int n, char text[16])
{
	const char *name = n ? trace_queue_name(of->type) : NULL;

	*text = '\0';
	if (name)
		snprintf(text, 16, "%s%u", name, of->id);
	return text;
}

/** item_kind() - in a word */
static const char *item_kind(const struct trace_item *item)
{
	const char *name = item->frame ? "packet" : trace_kind_name(item->record.kind);

	return name ? name : "unknown";
}

/** print_line() - for people; 0 or -EIO */
static int print_line(FILE *to, const struct trace_item *item, uint64_t start)
{
	struct trace_of of[TRACE_QUEUES_MAX];
	unsigned int n = trace_queues(item, of);
	char text[TRACE_TEXT], queue[16], name[4 * sizeof(item->interface->name)];
	uint64_t since = item->time - start;

	trace_text(item, text);
	fprintf(to, "%5" PRIu64 ".%09" PRIu64 "  %-8s %-10s %-8s %s\n", since / SECOND,
		since % SECOND, quote_visible(name, sizeof(name), item->interface->name),
		item_kind(item), queue_text(of, n, queue), text);
	return ferror(to) ? -EIO : 0;
}

/** data_json() - an item's data in hexadecimal digits */
static json_t *data_json(const struct trace_item *item)
{
	char *text = malloc(2 * (size_t)item->captured + 1);
	json_t *json;

	if (!text)
		return NULL;
	*text = '\0';
	for (uint32_t i = 0; i < item->captured; i++)
		sprintf(text + 2 * (size_t)i, "%02x", item->data[i]);
	json = json_string(text);
	free(text);
	return json;
}

/** print_object() - for programs; 0 or -EIO */
static int print_object(FILE *to, const struct trace_item *item)
{
	struct trace_of of[TRACE_QUEUES_MAX];
	unsigned int n = trace_queues(item, of);
	char text[TRACE_TEXT], queue[16];
	const struct trace_record *record = &item->record;
	json_t *root;
	int err;

	trace_text(item, text);
	root = json_pack("{s:I, s:I, s:o, s:s, s:o, s:o, s:I, s:o}", "number",
			 (json_int_t)item->number, "time", (json_int_t)item->time, "interface",
			 text_json(item->interface->name), "kind", item_kind(item), "queue",
			 text_json(queue_text(of, n, queue)), "text", text_json(text), "len",
			 (json_int_t)item->len, "data", data_json(item));
	if (root && n > 1)
		json_object_set_new(root, "other_queue",
				    text_json(queue_text(of + 1, n - 1, queue)));
	if (root && !item->frame) {
		json_object_set_new(root, "type", json_integer(record->type));
		json_object_set_new(root, "position", json_integer(record->position));
		/* A JSON integer has a sign; a doorbell's value may be larger. */
		snprintf(text, sizeof(text), "0x%" PRIx64, record->value);
		json_object_set_new(root, "value", json_string(text));
		json_object_set_new(root, "thread", json_integer(record->thread));
	}
	err = !root || json_dumpf(root, to, JSON_COMPACT) || putc('\n', to) == EOF;
	json_decref(root);
	return err ? -EIO : 0;
}

bool trace_queue_parse(const char *text, struct trace_of *of)
{
	unsigned long long id;
	char *end;

	for (of->type = 1; trace_queue_name(of->type); of->type++)
		if (!strncasecmp(text, trace_queue_name(of->type), 2))
			break;
	if (!trace_queue_name(of->type) || !isdigit((unsigned char)text[2]))
		return false;
	id = strtoull(text + 2, &end, 10);
	of->id = (uint32_t)id;
	return !*end && id <= UINT32_MAX;
}

/** is_wanted() - is this item to be printed? */
static bool is_wanted(const struct trace_filter *filter, const struct trace_item *item)
{
	struct trace_of of[TRACE_QUEUES_MAX];
	unsigned int n = trace_queues(item, of);
	bool about = !filter->of.type;

	if (filter->some_kinds && !filter->kinds[item->frame ? TRACE_PACKETS : item->record.kind])
		return false;
	for (unsigned int i = 0; i < n; i++)
		about |= of[i].type == filter->of.type && of[i].id == filter->of.id;
	return about;
}

int trace_print(FILE *to, struct trace_reader *reader, const struct trace_filter *filter, bool json)
{
	struct trace_item item;
	uint64_t start = 0;
	int err = 0;

	while (!err && trace_reader_next(reader, &item) > 0) {
		if (item.number == 1)
			start = item.time;
		if (is_wanted(filter, &item))
			err = json ? print_object(to, &item) : print_line(to, &item, start);
	}
	return err;
}

void trace_print_findings(FILE *to, const struct trace_findings *findings)
{
	char name[256];

	if (!findings->n)
		fputs("Nothing remarkable: each command succeeded, and each queue got on.\n", to);
	for (size_t i = 0; i < findings->n; i++) {
		const struct trace_finding *finding = &findings->finding[i];
		uint64_t since = finding->time - findings->start;

		if (finding->number)
			fprintf(to, "%5" PRIu64 ".%09" PRIu64 "  %-8s %s\n", since / SECOND,
				since % SECOND, quote_visible(name, sizeof(name), finding->adapter),
				finding->text);
		else
			fprintf(to, "%s\n", finding->text);
	}
}

static json_t *finding_json(const struct trace_finding *finding)
{
	bool somewhere = finding->number;

	return json_pack("{s:s, s:o, s:o, s:o, s:s}", "finding", finding->what, "adapter",
			 text_json(finding->adapter), "number",
			 somewhere ? json_integer((json_int_t)finding->number) : json_null(),
			 "time", somewhere ? json_integer((json_int_t)finding->time) : json_null(),
			 "text", finding->text);
}

json_t *trace_findings_json(const struct trace_findings *findings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < findings->n; i++)
		json_array_append_new(list, finding_json(&findings->finding[i]));
	return json_pack("{s:o}", "findings", list);
}
