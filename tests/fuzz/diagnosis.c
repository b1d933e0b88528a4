/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/diagnosis.c - any bytes as rules, and as a log.
 *
 * Input: a byte, and text. If the byte is odd, the text is a file of rules, and then a log that
 * these rules are applied to. If it is even, the text is a log for a few fixed rules; half of the
 * byte is the number of bytes per read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/diagnosis/diagnosis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RULE(id, more)                                                                             \
	"Id: " id "\nTitle: {what}\n" more "Cause: c {what}\nFix: f\nRun: r {what}\n"              \
	"Source: s\nExample: e\n\n"

static const char some_rules[] = RULE(
	"a", "Match: hugepages (?<what>.*) node\nExplains: c*\nConfirm: interface.up = yes\n")
	RULE("b", "Match: failed (?<what>\\d+)\nNeeds: ^error\nUnless: never\n") RULE(
		"c",
		"Match: [ab]+cdef(?<what>[^ ]*)$\nMatch: (?<what>x?)failed\nLast-Resort: yes\n");

static void require(int holds)
{
	if (!holds)
		abort();
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
				strpbrk(finding->rule->fix[n], "$`;&|<>(){}\n"));
	}
}

static void read_log(const struct rules *rules, const uint8_t *data, size_t size, size_t step)
{
	struct fact facts[] = { { "interface.up", "yes", "it is" }, { "memlock", "64", "so" } };
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
	require(diagnosis_finish(d, facts, 2) == 0);
	require(diagnosis_bytes(d) == size);
	look_at_findings(d);
	diagnosis_close(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules *rules = rules_open();
	struct error error;
	bool own = size && data[0] & 1;
	int err;

	require(rules != NULL);
	if (!size) {
		rules_close(rules);
		return 0;
	}
	if (own)
		err = rules_read(rules, "fuzz", (const char *)data + 1, size - 1, &error);
	else
		err = rules_read(rules, "fuzz", some_rules, sizeof(some_rules) - 1, &error);
	if (!err)
		err = rules_ready(rules, &error);
	require(own || !err);
	if (err)
		require(*error.text);
	else
		read_log(rules, data + 1, size - 1, own ? size : data[0] / 2 + 1u);
	rules_close(rules);
	return 0;
}
