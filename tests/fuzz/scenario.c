/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/scenario.c - any text as a scenario of faults.
 *
 * What must hold: what is refused is refused with line and column; a rule is within the bounds of
 * docs/faults.md, and its text, as a list shows it, is read again as the same rule; whatever happens
 * to rules, they apply no more often than what they wait for happens, and the list of what is to be
 * done does not grow without bound.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "device/adapter.h"
#include "device/fault.h"
#include "input.h"
#include "wire/gdma.h"
#include "wire/wq.h"

#define VECTORS 65u
#define TAKEN   10000u /* faults, one after the other, at most */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t command(const char *name)
{
	return !strcmp(name, "CREATE_PD") ? GDMA_CREATE_PD : 0;
}

static const char *command_name(unsigned int n)
{
	return n ? NULL : "CREATE_PD";
}

static const unsigned int queues[] = { 1, 64 };
static const struct fault_known known = { .command = command,
					  .command_name = command_name,
					  .ports = 2,
					  .vectors = VECTORS,
					  .queues = queues };

static void check_rule(const struct fault_rule *rule)
{
	static struct fault_rule again[FAULT_RULES_MAX];
	struct fault_rule copy = *rule;
	struct error error;
	unsigned int n;

	require(rule->whats >= 1 && rule->whats <= FAULT_WHATS_MAX);
	require(memchr(rule->text, '\0', sizeof(rule->text)) && *rule->text);
	require(rule->when.which != FAULT_NTH || rule->when.first);
	require(rule->when.event != FAULT_EVERY || rule->when.time);
	for (unsigned int i = 0; i < rule->whats; i++) {
		const struct fault *what = &rule->what[i];

		require(what->kind != FAULT_ANSWER && what->kind != FAULT_SHOW && !what->answer);
		require(what->time <= FAULT_TIME_MAX || what->time == FAULT_FOREVER);
		require(what->kind != FAULT_RAISE || what->number < VECTORS);
		require(what->kind != FAULT_QUEUE_RATE || what->number);
		require(what->kind != FAULT_MTU ||
			(what->number >= ADAPTER_MTU_MIN && what->number <= ADAPTER_MTU_MAX));
	}
	require(!fault_parse(rule->text, "list", &known, again, &n, &error) && n == 1);
	/* Where it stood, and the seed before it, are not in its text. */
	again->line = copy.line;
	again->random = copy.random;
	for (unsigned int i = 0; i < FAULT_WHATS_MAX; i++)
		again->what[i].data = copy.what[i].data;
	require(!memcmp(&copy, again, sizeof(copy)));
}

/** happen() - everything, some times */
static void happen(struct faults *faults)
{
	struct fault_verdict verdict;
	struct fault_rule rule;
	struct fault_news news;
	struct fault fault;
	unsigned int taken = 0;

	for (uint32_t i = 0; i < 20; i++) {
		const struct fault_queue queue = { i % 2 ? GDMA_SQ : GDMA_RQ, i % 3, i };

		fault_command(faults, GDMA_CREATE_PD, &verdict);
		fault_interrupt(faults, i, &verdict);
		fault_packet(faults, &queue, &verdict);
		fault_completion(faults, &queue, &verdict);
		fault_queue(faults, &queue);
		fault_moment(faults, FAULT_ON_ATTACH + i % 4, i + 1);
		fault_signal(faults, "a", i + 1);
		fault_count(faults, i % 2, (const uint64_t[FAULT_COUNTERS]){ i, i, i, i });
		while (taken++ < TAKEN && fault_take(faults, i * FAULT_TIME_MAX, &fault))
			if (fault.kind == FAULT_SIGNAL)
				fault_signal(faults, fault.name, i);
		while (fault_news(faults, UINT64_MAX / 2, &news))
			continue;
	}
	fault_deadline(faults);
	for (unsigned int i = 0; faults_get(faults, i, &rule); i++)
		require(rule.fired <= rule.seen && rule.told <= rule.fired);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fault_rule rules[FAULT_RULES_MAX];
	struct error error = { .text = "" };
	struct faults *faults;
	unsigned int n;
	char *text = malloc(size + 1);

	require(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (fault_parse(text, "f", &known, rules, &n, &error)) {
		require(!strncmp(error.text, "f:", 2) && strtoul(error.text + 2, NULL, 10) >= 1);
		free(text);
		return 0;
	}
	require(n <= FAULT_RULES_MAX);
	for (unsigned int i = 0; i < n; i++)
		check_rule(&rules[i]);
	faults = faults_new();
	require(faults && !faults_add(faults, rules, n, 1));
	happen(faults);
	faults_clear(faults);
	faults_free(faults);
	free(text);
	return 0;
}
