/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * report_hide() of host/report/report.h.
 *
 * Theory of operation: paths and files are rewritten as text; of JSON, only the values that are
 * strings. So nothing that is replaced can change the form of a report.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/report/report.h"

/** struct hiding - @rewrite: texts are rewritten; else they are learned from */
struct hiding {
	struct private *private;
	bool rewrite;
	int err;
};

/** visit() - learn from a text, or rewrite it; NULL: as it is, or no memory */
static char *visit(struct hiding *hiding, const char *text, size_t len, size_t *new_len)
{
	char *new = NULL;
	FILE *to;

	if (hiding->err)
		return NULL;
	if (!hiding->rewrite) {
		hiding->err = private_learn(hiding->private, text, len);
		return NULL;
	}
	to = open_memstream(&new, new_len);
	if (to)
		private_rewrite(hiding->private, text, len, to);
	if (!to || fclose(to)) {
		free(new);
		hiding->err = -ENOMEM;
		return NULL;
	}
	return new;
}

/** visit_json() - the strings in it */
static void visit_json(struct hiding *hiding, json_t *json)
{
	const char *key;
	size_t i, len;
	json_t *value;
	char *new;

	json_object_foreach(json, key, value) visit_json(hiding, value);
	json_array_foreach(json, i, value)
		visit_json(hiding, value);
	if (!json_is_string(json))
		return;
	new = visit(hiding, json_string_value(json), json_string_length(json), &len);
	if (new &&json_string_setn(json, new, len))
		hiding->err = -ENOMEM;
	free(new);
}

/** visit_data() - what was answered; filled into @new if it is rewritten */
static void visit_data(struct hiding *hiding, const struct answer *answer, char **new, size_t *len)
{
	json_t *json;

	*new = NULL;
	*len = 0;
	if (answer->question != ASKED_ELSE) {
		*new = visit(hiding, answer->data, answer->len, len);
		return;
	}
	json = answer->err ? NULL : json_loadb(answer->data, answer->len, JSON_DECODE_ANY, NULL);
	if (json)
		visit_json(hiding, json);
	if (json && hiding->rewrite) {
		*new = json_dumps(json, JSON_ENCODE_ANY | JSON_INDENT(1));
		*len = *new ? strlen(*new) : 0;
	}
	json_decref(json);
}

/** visit_answers() - all of them; rewritten, they are in the order of their new names */
static void visit_answers(struct hiding *hiding, struct answers *answers)
{
	struct answers rewritten = { 0 };

	for (size_t i = 0; i < answers->n && !hiding->err; i++) {
		const struct answer *answer = &answers->answer[i];
		size_t len, name_len;
		char *data, *name = visit(hiding, answer->name, strlen(answer->name), &name_len);

		visit_data(hiding, answer, &data, &len);
		if (hiding->rewrite && !hiding->err)
			hiding->err = answers_put(&rewritten, answer->question, name, answer->err,
						  data, len);
		free(name);
		free(data);
	}
	if (!hiding->rewrite || hiding->err) {
		answers_free(&rewritten);
		return;
	}
	answers_free(answers);
	*answers = rewritten;
}

static void visit_logs(struct hiding *hiding, struct report *report)
{
	for (size_t i = 0; i < report->n_logs; i++) {
		struct report_log *log = &report->log[i];
		size_t len;
		char *new = visit(hiding, log->text, log->len, &len);

		if (!new)
			continue;
		free(log->text);
		log->text = new;
		log->len = len;
	}
}

/** learn_networks() - those of the interfaces' addresses */
static int learn_networks(const struct report *report, struct private *private)
{
	const struct answer *answer =
		answers_find(&report->answers, ASKED_ELSE, "netlink/addresses");
	json_t *messages =
		answer && !answer->err ? json_loadb(answer->data, answer->len, 0, NULL) : NULL;
	json_t *message, *pair;
	size_t i, j;
	int err = 0;

	json_array_foreach(messages, i, message) {
		json_int_t prefix = json_integer_value(json_object_get(message, "prefix"));

		json_array_foreach(json_object_get(message, "attributes"), j, pair) {
			void *member = json_object_iter(pair);
			const char *text =
				member ? json_string_value(json_object_iter_value(member)) : NULL;
			uint8_t ip[16];

			if (err || !text || prefix < 0 || prefix > 128)
				continue;
			if (inet_pton(AF_INET, text, ip) == 1)
				err = private_network(private, ip, 4, (unsigned int)prefix);
			else if (inet_pton(AF_INET6, text, ip) == 1)
				err = private_network(private, ip, 16, (unsigned int)prefix);
		}
	}
	json_decref(messages);
	return err;
}

/** learn_interfaces() - the names that somebody chose */
static int learn_interfaces(const struct report *report, struct private *private)
{
	const struct answer *answer = answers_find(&report->answers, ASKED_ELSE, "netlink/links");
	json_t *messages =
		answer && !answer->err ? json_loadb(answer->data, answer->len, 0, NULL) : NULL;
	json_t *message, *pair, *property;
	size_t i, j, k;
	int err = 0;

	json_array_foreach(messages, i, message)
		json_array_foreach(json_object_get(message, "attributes"), j, pair) {
			const char *name = json_string_value(json_object_get(pair, "ifname"));

			if (name && !err)
				err = private_interface(private, name);
			json_array_foreach(json_object_get(pair, "prop_list"), k, property) {
				name = json_string_value(json_object_get(property, "alt_ifname"));
				if (name && !err)
					err = private_interface(private, name);
			}
		}
	json_decref(messages);
	return err;
}

int report_hide(struct report *report, struct private *private)
{
	struct hiding hiding = { .private = private };

	hiding.err = learn_networks(report, private);
	if (!hiding.err)
		hiding.err = learn_interfaces(report, private);
	visit_answers(&hiding, &report->answers);
	visit_logs(&hiding, report);
	if (!hiding.err)
		hiding.err = private_decide(private);
	hiding.rewrite = true;
	visit_answers(&hiding, &report->answers);
	visit_logs(&hiding, report);
	return hiding.err;
}
