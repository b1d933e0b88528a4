/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/diagnosis.c - any bytes as rules, as known bugs, and as a log.
 *
 * Input: a byte, and text. If the byte is odd, the text is a file of rules (255: of known bugs),
 * and then a log that these are applied to. If it is even, the text is a log for a few fixed rules
 * and bugs; half of the byte is the number of bytes per read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/blocks.h"
#include "host/diagnosis/crash_rules.h"
#include "host/diagnosis/diagnosis.h"
#include "host/diagnosis/follow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RULE(id, more)                                                                             \
	"Id: " id "\nTitle: {what}\n" more "Cause: c {interface|i}\nFix: f\nRun: r {what}\n"       \
	"Run: r {interface} {vf}\nElse: e\nRun: r {mac} {pci} {uuid}\nSource: s\nExample: e\n\n"

static const char some_rules[] = RULE(
	"a", "Match: hugepages (?<what>.*) node\nExplains: c*\nConfirm: interface.up = yes\n")
	RULE("b", "Match: failed (?<what>\\d+)\nWhen: what != 22, ENOMEM\nWhen: what < 0x80\n"
		  "Needs: ^error\nUnless: never\n")
		RULE("c",
		     "Match: [ab]+cdef(?<what>[^ ]*)$\nMatch: (?<what>x?)failed\nLast-Resort: yes\n")
			RULE("d",
			     "Match: gone (?<what>\\w+)\nUntil: back (?<what>\\w+)\nUntil: ^Linux\n"
			     "Per: what\nTimes: 2 in 10 s\n");

#define BUG(id, more)                                                                              \
	"Id: " id "\nTitle: t {module|m} {function|f}\n" more                                      \
	"Cause: c {whether|w} {kernel|k}\nFix: {mended}\nRun: r {function} {interface}\n"          \
	"Source: s\nExample: e\n\n"

static const char some_bugs[] =
	BUG("p", "Module: mana\nCrash: at f* g; kind oops\nCrash: trace g h; line some line\n"
		 "Since: 6.2\nMended: 6.6.40 7.1\nMaybe-Mended: 6.12.3\n")
		BUG("q", "Crash: any oops warning hang cut\n");

static void require(int holds)
{
	if (!holds)
		abort();
}

/* Has a rule commands with characters that no name may bring into them? */
static int is_odd(const struct rule *rule)
{
	for (size_t i = 0; i < rule->n_steps; i++) {
		const char *text = rule->steps[i].text;
		struct blocks_name name;

		for (size_t len; *text; text += len ? len : 1) {
			len = blocks_name(text, &name);
			if (len ? name.words != NULL : strchr("$`;&|<>(){}\n", *text) != NULL)
				return 1;
		}
	}
	return 0;
}

/* Output must be safe for a terminal and valid in JSON */
static void look_at_findings(const struct diagnosis *d)
{
	const struct finding *finding;
	uint64_t last = 0;

	for (size_t i = 0; (finding = diagnosis_finding(d, i)); i++) {
		require(finding->n_lines > 0 && finding->n_lines <= DIAGNOSIS_LINES);
		require(finding->count > 0 && finding->lines[0].number >= last);
		last = finding->lines[0].number;
		for (size_t n = 0; n < finding->n_lines; n++) {
			const char *text = finding->lines[n].text;

			require(strlen(text) < DIAGNOSIS_LINE);
			for (; *text; text++)
				require((unsigned char)*text >= 0x20 && *text != 0x7f);
		}
		for (size_t n = 0; n < finding->n_fix; n++)
			require(!finding->command[n] ||
				!strpbrk(finding->fix[n], "$`;&|<>(){}\n") ||
				is_odd(finding->rule));
	}
}

static void read_log(const struct rules *rules, const uint8_t *data, size_t size, size_t step)
{
	struct fact facts[] = {
		{ "interface.up", "yes", "it is", 1 }, { "interface", "eth1", "eth1", 1 },
		{ "mac", "00:0d:3a:76:3b:d0", "", 1 }, { FACT_KEPT, "yes", "", 2 },
		{ "interface", "eth0", "eth0", 2 },    { "interface.up", "no", "it is not", 3 },
		{ "memlock", "64", "so", 0 }
	};
	struct diagnosis *d = diagnosis_open(rules);

	require(d != NULL);
	for (size_t at = 0; at < size; at += step) {
		size_t n = step < size - at ? step : size - at;
		uint8_t *piece = malloc(n);

		/* Each piece in separate memory, so that ASan guards it */
		require(piece != NULL);
		memcpy(piece, data + at, n);
		diagnosis_feed(d, piece, n);
		free(piece);
	}
	require(diagnosis_finish(d, facts, sizeof(facts) / sizeof(facts[0])) == 0);
	require(diagnosis_bytes(d) == size);
	look_at_findings(d);
	diagnosis_close(d);
}

/* The same log without an end: each piece comes some time after the one before */
static void follow_log(const struct rules *rules, const uint8_t *data, size_t size, size_t step)
{
	struct follow *follow = follow_open(rules, 60000);
	uint64_t now = 0;

	require(follow != NULL);
	for (size_t at = 0; at < size; at += step) {
		size_t n = step < size - at ? step : size - at;

		now += (uint64_t)data[at] * data[at];
		if (follow_due(follow) <= now) {
			require(follow_judge(follow, now, false, NULL, 0) == 0);
			require(follow_due(follow) > now);
			for (size_t i = 0; follow_finding(follow, i); i++)
				require(follow_finding(follow, i)->n_lines > 0);
		}
		if (data[at] == '!')
			follow_part(follow, now);
		follow_feed(follow, now, data + at, n);
	}
	require(follow_judge(follow, now, true, NULL, 0) == 0);
	require(follow_due(follow) == UINT64_MAX);
	follow_close(follow);
}

/* Known bugs beside the rules: the text's, or the fixed ones */
static int add_bugs(struct rules *rules, bool own, const uint8_t *data, size_t size,
		    struct error *error)
{
	struct bugs bugs = { .n = 0 };
	int err = own ? bugs_read(&bugs, "fuzz", (const char *)data, size, error)
		      : bugs_read(&bugs, "fuzz", some_bugs, sizeof(some_bugs) - 1, error);

	if (!err)
		err = rules_bugs(rules, &bugs, error);
	bugs_free(&bugs);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules *rules = rules_open();
	struct error error;
	bool own = size && data[0] & 1, own_bugs = size && data[0] == 255;
	int err;

	require(rules != NULL);
	if (!size) {
		rules_close(rules);
		return 0;
	}
	if (own && !own_bugs)
		err = rules_read(rules, "fuzz", (const char *)data + 1, size - 1, &error);
	else
		err = rules_read(rules, "fuzz", some_rules, sizeof(some_rules) - 1, &error);
	if (!err && (own_bugs || !own))
		err = add_bugs(rules, own_bugs, data + 1, size - 1, &error);
	if (!err)
		err = rules_ready(rules, &error);
	require(own || !err);
	if (err) {
		require(*error.text);
	} else {
		read_log(rules, data + 1, size - 1, own ? size : data[0] / 2 + 1u);
		follow_log(rules, data + 1, size - 1, data[0] / 2 + 1u);
	}
	rules_close(rules);
	return 0;
}
