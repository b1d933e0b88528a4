/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scenarios: what can be written, and what is said of what cannot, with the line and the column.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/fault.h"
#include "device/hwc.h"
#include "wire/wq.h"
#include "wire/gdma.h"

static const char *const names[] = { "CREATE_PD", "CREATE_WQ_OBJ", NULL };

static uint32_t command_code(const char *name)
{
	for (uint32_t i = 0; names[i]; i++)
		if (!strcmp(name, names[i]))
			return 100 + i;
	return 0;
}

static const char *command_name(unsigned int n)
{
	return n < 2 ? names[n] : NULL;
}

static const unsigned int queues[] = { 4, 16 };
static const struct fault_known known = { .command = command_code,
					  .command_name = command_name,
					  .ports = 2,
					  .vectors = 65,
					  .queues = queues };
static struct fault_rule rules[FAULT_RULES_MAX];

static int parse(const char *text, unsigned int *n, struct error *error)
{
	memset(error, 0, sizeof(*error));
	return fault_parse(text, "a.txt", &known, rules, n, error);
}

static void rules_of_each_kind_can_be_written(void **state)
{
	static const char *const good[] = {
		"on command CREATE_PD: status 0x10006",
		"on command any 3: late 2s",
		"on command 0x20003 from 2: never",
		"on command CREATE_WQ_OBJ 2-5: ignored, channel silent",
		"on command CREATE_WQ_OBJ every 2: twice",
		"on command CREATE_PD 0.5%: short",
		"on command CREATE_PD 100%: long 16, late 20us",
		"on interrupt 1: lost",
		"on interrupt any every 100: late 5ms",
		"on interrupt 64 3: twice",
		"on sq 0.3 packet 1000: stall",
		"on sq 1.15 packet: error ethertype",
		"on sq any packet 7: error 38, link 0 down",
		"on sq 1.any packet 7: dma-fail",
		"on rq any.0 packet 7: stall 500ms",
		"on rq 0.0 packet 7: dma-fail",
		"on sq 0.0 completion 7: late 1s",
		"on rq 0.0 completion 7: error truncated",
		"on rq 0.0 completion 7: lost",
		"on signal go: link any down 2s",
		"on signal a-b_C1 2: link 1 up",
		"on attach: event 134",
		"on detach: signal again",
		"on channel 2: soc suspend, soc resume",
		"on reset: fpga reconfigure",
		"on counter 1 rx_frames reaches 1000: reset 1",
		"at 10s: channel silent 5s",
		"at 10 after channel: channel silent forever",
		"at 1m after signal go: channel speaks",
		"every 1h after attach: interrupt 3",
		"every 500ms: event 255 0xffffffff",
		"at 1s: sq 0.0 stall 2s, rq 1.any go",
		"at 1s: link 0 flap 5 100ms",
		"at 1s: timeout 5000",
		"at 1s: vf revoke 3s",
		"at 1s: vf return",
		"at 1s: card 1 pull",
		"at 1s: device fatal 2s",
		"at 1s: client drop",
		"at 1s: eq 1 overflow",
		"at 1s: sq 0.0 latency 1ms jitter 200us, rq any latency 5ms",
		"at 1s: sq 0.0 rate 1000, link 0 speed 50000",
		"at 1s: port 0 mtu 1400, port any queues 3, counters jump 5000000000",
		"  on\tcommand  any :status 1,late 1s # a comment",
	};
	struct error error;
	unsigned int n;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (parse(good[i], &n, &error))
			fail_msg("%s", error.text);
		assert_int_equal(n, 1);
	}
}

static void a_rule_means_what_it_says(void **state)
{
	struct error error;
	unsigned int n;

	(void)state;
	assert_int_equal(
		parse("# first\n\nseed 7\r\n on command CREATE_WQ_OBJ 2-5: status 0x10006, "
		      "late 2s # why\nat 20us after channel: sq 1.any stall 3m",
		      &n, &error),
		0);
	assert_int_equal(n, 2);
	assert_int_equal(rules[0].line, 4);
	assert_string_equal(rules[0].text, "on command CREATE_WQ_OBJ 2-5: status 0x10006, late 2s");
	assert_int_equal(rules[0].when.event, FAULT_ON_COMMAND);
	assert_int_equal(rules[0].when.number, 101);
	assert_int_equal(rules[0].when.which, FAULT_RANGE);
	assert_int_equal(rules[0].when.first, 2);
	assert_int_equal(rules[0].when.last, 5);
	assert_int_equal(rules[0].whats, 2);
	assert_int_equal(rules[0].what[0].kind, FAULT_STATUS);
	assert_int_equal(rules[0].what[0].number, 0x10006);
	assert_int_equal(rules[0].what[1].kind, FAULT_LATE);
	assert_int_equal(rules[0].what[1].time, 2000000000);
	assert_int_equal(rules[1].when.event, FAULT_AT);
	assert_int_equal(rules[1].when.after, FAULT_ON_CHANNEL);
	assert_int_equal(rules[1].when.time, 20000);
	assert_int_equal(rules[1].what[0].kind, FAULT_QUEUE_STALL);
	assert_int_equal(rules[1].what[0].queue.type, GDMA_SQ);
	assert_int_equal(rules[1].what[0].queue.port, 1);
	assert_int_equal(rules[1].what[0].queue.index, FAULT_ANY);
	assert_int_equal(rules[1].what[0].time, 180000000000);
	assert_int_equal(parse("at 1s: soc resume, reset 1, event 133 0x1000007", &n, &error), 0);
	assert_int_equal(rules[0].what[0].number, GDMA_EQE_HWC_SOC_SERVICE);
	assert_int_equal(rules[0].what[0].data >> 28, HWC_SOC_RDMA_RESUME);
	assert_int_equal(rules[0].what[1].number, GDMA_EQE_HWC_RESET_REQUEST);
	assert_int_equal(rules[0].what[1].data, 1);
	assert_int_equal(rules[0].what[2].data, 0x1000007);
	assert_int_equal(parse("", &n, &error), 0);
	assert_int_equal(n, 0);
}

/* The mistake, and the message after "a.txt:" */
static const struct {
	const char *text, *says;
} bad[] = {
	{ "when 2s: link 0 up",
	  "1:1: 'when' is not known here; here: on, at, every, seed, or a comment "
	  "after #" },
	{ "on", "1:3: the line ends too early; here: command, interrupt, sq, rq, signal, attach, "
		"detach, channel, reset, counter" },
	{ "\n  on comand any: late 2s",
	  "2:6: 'comand' is not known here; here: command, interrupt, sq" },
	{ "on command CREATE_P: late 2s",
	  "1:12: 'CREATE_P' is not known here; here: any, CREATE_PD, CREATE_WQ_OBJ" },
	{ "on command 0: late 2s", "1:12: '0' is not known here; here: any, CREATE_PD" },
	{ "on command any", "1:15: the line ends too early; here: which of them (3, 3-7, from 3, "
			    "every 3, 0.5%), or a colon and what is to happen" },
	{ "on command any 3",
	  "1:17: the line ends too early; here: a colon and what is to happen" },
	{ "on command any 0: never", "1:16: '0' is not known here; here: which of them" },
	{ "on command any 3-: never", "1:16: '3-' is not known here; here: which" },
	{ "on command any 3-2: never", "1:16: '3-2' is not known here; here: which" },
	{ "on command any 3x: never", "1:16: '3x' is not known here; here: which" },
	{ "on command any often: never", "1:16: 'often' is not known here; here: which" },
	{ "on command any every 0: never",
	  "1:22: '0' is not known here; here: how many, a number from 1 to 4294967295" },
	{ "on command any from: never",
	  "1:20: ':' is not known here; here: the first one, a number from 1" },
	{ "on command any 0%: never",
	  "1:16: '0%' is not known here; here: a part in per cent, such as 0.5% or 20%" },
	{ "on command any 101%: never", "1:16: '101%' is not known here; here: a part" },
	{ "on command any 1.2.3%: never", "1:16: '1.2.3%' is not known here; here: a part" },
	{ "on command any:",
	  "1:16: the line ends too early; here: status, late, never, ignored, twice, "
	  "short, long, channel, sq, rq, interrupt" },
	{ "on command any: lost", "1:17: 'lost' is not known here; here: status, late" },
	{ "on command any: late",
	  "1:21: the line ends too early; here: a time up to a day, such as 2s, "
	  "500ms or 20us" },
	{ "on command any: late 2sec", "1:22: '2sec' is not known here; here: a time" },
	{ "on command any: late 0s", "1:22: '0s' is not known here; here: a time" },
	{ "on command any: late 25h", "1:22: '25h' is not known here; here: a time" },
	{ "on command any: late 99999999999999999999s",
	  "1:22: '99999999999999999999s' is not known" },
	{ "on command any: status 0",
	  "1:24: '0' is not known here; here: the status, a number from 1 to 4294967295" },
	{ "on command any: short 5000",
	  "1:23: '5000' is not known here; here: bytes, a number from 1 "
	  "to 4096" },
	{ "on command any: late 1s, late 2s", "1:31: the same fault twice in a rule" },
	{ "on command any: late 1s never",
	  "1:25: 'never' is not known here; here: a comma and another "
	  "fault, or the end of the line" },
	{ "on command any: late 1s,", "1:25: the line ends too early; here: status" },
	{ "at 1s: reset, reset, reset, reset, reset",
	  "1:34: more than 4 faults in a rule; write another rule" },
	{ "on interrupt 65: lost",
	  "1:14: '65' is not known here; here: an interrupt vector, or 'any', "
	  "a number from 0 to 64" },
	{ "on interrupt 1: status 3", "1:17: 'status' is not known here; here: lost, late, twice, "
				      "channel" },
	{ "on sq 0: stall",
	  "1:7: '0' is not known here; here: a port and a queue of it, such as 0.1, "
	  "where each can be 'any'; or 'any' for all" },
	{ "on sq 2.0 packet: stall",
	  "1:7: there can be no port 2: the adapter has 2, numbered from 0" },
	{ "on sq 0.4 packet: stall",
	  "1:7: there can be no queue 4: port 0 has at most 4, numbered from 0" },
	{ "on sq 0.0: stall", "1:10: ':' is not known here; here: packet, completion" },
	{ "on sq 0.0 packet 1: error okay",
	  "1:27: 'okay' is not known here; here: source-address, mtu, oob, ethertype, headers, "
	  "vf-disabled, vport-index, vport-disabled, vlan, gdma, or a number from 1 to 63" },
	{ "on sq 0.0 packet 1: error 64", "1:27: '64' is not known here" },
	{ "on rq 0.0 packet 1: error 4", "1:21: 'error' is not known here; here: dma-fail, stall" },
	{ "on rq 0.0 completion 1: error mtu",
	  "1:31: 'mtu' is not known here; here: truncated, or a number from 1 to 63" },
	{ "on signal: reset",
	  "1:10: ':' is not known here; here: a name of up to 31 letters, digits, "
	  "'-' and '_', which manakin control fault signal sends" },
	{ "on signal a.b: reset", "1:11: 'a.b' is not known here; here: a name" },
	{ "on signal abcdefghijklmnopqrstuvwxyzabcdef: reset",
	  "1:11: 'abcdefghijklmnopqrstuvwxyz" },
	{ "on counter 2 tx_frames reaches 1: reset",
	  "1:12: '2' is not known here; here: a port, or 'any', a number from 0 to 1" },
	{ "on counter 0 frames reaches 1: reset",
	  "1:14: 'frames' is not known here; here: tx_frames, tx_bytes, tx_errors, rx_frames, "
	  "rx_bytes, rx_no_buffer, rx_disabled, rx_truncated" },
	{ "on counter 0 tx_frames over 1: reset", "1:24: 'over' is not known here; here: reaches" },
	{ "on counter 0 tx_frames reaches 0: reset",
	  "1:32: '0' is not known here; here: its value" },
	{ "at soon: reset", "1:4: 'soon' is not known here; here: a time" },
	{ "at 1s 2s: reset", "1:7: '2s' is not known here; here: after, or a colon" },
	{ "at 1s after lunch: reset",
	  "1:13: 'lunch' is not known here; here: attach, detach, channel, "
	  "reset, signal" },
	{ "at 1s after attach 2: reset",
	  "1:20: '2' is not known here; here: a colon and what is to "
	  "happen" },
	{ "at 1s: never",
	  "1:8: 'never' is not known here; here: channel, sq, rq, interrupt, event, "
	  "reset, fpga, soc, timeout, link, vf, card, device, client, eq, signal, port, "
	  "counters" },
	{ "at 1s: channel", "1:15: the line ends too early; here: silent, speaks" },
	{ "at 1s: channel silent ever", "1:23: 'ever' is not known here; here: a time" },
	{ "at 1s: sq 0.0 stop", "1:15: 'stop' is not known here; here: stall, go, latency, rate" },
	{ "at 1s: event 256",
	  "1:14: '256' is not known here; here: its type, a number from 1 to 255" },
	{ "at 1s: event 1 2 3", "1:18: '3' is not known here; here: a comma" },
	{ "at 1s: fpga reset", "1:13: 'reset' is not known here; here: reconfigure" },
	{ "at 1s: soc stop", "1:12: 'stop' is not known here; here: suspend, resume" },
	{ "at 1s: link 0", "1:14: the line ends too early; here: down, up, flap, speed" },
	{ "at 1s: link 0 flap",
	  "1:19: the line ends too early; here: how often, a number from 1 to "
	  "1000" },
	{ "at 1s: link 0 flap 3", "1:21: the line ends too early; here: a time" },
	{ "at 1s: vf remove", "1:11: 'remove' is not known here; here: revoke, return" },
	{ "at 1s: card 0", "1:14: the line ends too early; here: pull" },
	{ "at 1s: device dead", "1:15: 'dead' is not known here; here: fatal" },
	{ "at 1s: timeout 0", "1:16: '0' is not known here; here: milliseconds, a number from 1" },
	{ "at 1s: port 0 mtu 9001",
	  "1:19: '9001' is not known here; here: bytes, a number from 576 to 9000" },
	{ "at 1s: port 0 queues 65",
	  "1:22: '65' is not known here; here: queue pairs, a number from 1 to "
	  "64" },
	{ "at 1s: port 0 speed 1", "1:15: 'speed' is not known here; here: mtu, queues" },
	{ "at 1s: counters jump 0", "1:22: '0' is not known here; here: how far" },
	{ "at 1s: sq 0.0 latency", "1:22: the line ends too early; here: a time" },
	{ "at 1s: sq 0.0 rate 0", "1:20: '0' is not known here; here: packets a second" },
	{ "seed", "1:5: the line ends too early; here: the seed, a number from 0 to 4294967295" },
	{ "seed 1 2", "1:8: '2' is not known here; here: the end of the line" },
	{ "on attach: reset\non attach: \001reset", "2:12: a character that is not text" },
};

static void a_mistake_is_told_by_line_column_and_what_is_known_there(void **state)
{
	struct error error;
	unsigned int n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!parse(bad[i].text, &n, &error))
			fail_msg("'%s' was taken", bad[i].text);
		if (strncmp(error.text, "a.txt:", 6) ||
		    strncmp(error.text + 6, bad[i].says, strlen(bad[i].says)))
			fail_msg("'%s': %s\nwanted: %s", bad[i].text, error.text, bad[i].says);
	}
}

static void a_scenario_has_its_limits(void **state)
{
	static char text[FAULT_RULES_MAX * 20 + 100];
	char line[FAULT_TEXT_MAX + 50] = "at 1s: reset";
	struct error error;
	unsigned int n;
	size_t len = 0;

	(void)state;
	for (unsigned int i = 0; i < FAULT_RULES_MAX; i++)
		len += (size_t)sprintf(text + len, "at 1s: reset\n");
	assert_int_equal(parse(text, &n, &error), 0);
	assert_int_equal(n, FAULT_RULES_MAX);
	strcpy(text + len, "at 1s: reset\n");
	assert_int_not_equal(parse(text, &n, &error), 0);
	assert_string_equal(error.text, "a.txt:257:1: more than 256 rules");
	while (strlen(line) < FAULT_TEXT_MAX - 2)
		strcat(line, " ");
	strcat(line, "9");
	assert_int_equal(parse(line, &n, &error), 0);
	line[strlen(line) - 1] = ' ';
	strcat(line, "9");
	assert_int_not_equal(parse(line, &n, &error), 0);
	assert_string_equal(error.text, "a.txt:1:200: the rule is longer than 199 characters");
}

static void each_example_of_the_documentation_is_a_rule(void **state)
{
	const struct fault_known real = { .command = hwc_command_code,
					  .command_name = hwc_command_name,
					  .ports = 2,
					  .vectors = 65,
					  .queues = queues };
	FILE *file = fopen(FAULTS_MD, "r");
	unsigned int n, examples = 0;
	struct error error;
	char line[512];

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "    on ", 7) && strncmp(line, "    at ", 7))
			continue;
		if (fault_parse(line, "faults.md", &real, rules, &n, &error))
			fail_msg("%s%s", line, error.text);
		examples += n;
	}
	fclose(file);
	assert_true(examples > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_of_each_kind_can_be_written),
		cmocka_unit_test(a_rule_means_what_it_says),
		cmocka_unit_test(a_mistake_is_told_by_line_column_and_what_is_known_there),
		cmocka_unit_test(a_scenario_has_its_limits),
		cmocka_unit_test(each_example_of_the_documentation_is_a_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
