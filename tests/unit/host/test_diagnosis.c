/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine that applies rules to logs. The rules that the program ships: test_rules.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/diagnosis/diagnosis.h"
#include "host/diagnosis/pattern.h"
#include "host/diagnosis/scan.h"

/* ---- the tests' own rules ---- */

#define RULE(id, more) "Id: " id "\nTitle: t\n" more "Cause: c\nFix: f\nSource: s\nExample: e\n\n"

static struct rules *made(const char *text)
{
	struct rules *rules = rules_open();
	struct error error = { "" };

	if (rules_read(rules, "made", text, strlen(text), &error) || rules_ready(rules, &error))
		fail_msg("%s", error.text);
	return rules;
}

static struct diagnosis *diagnose(const struct rules *rules, const char *log, size_t len,
				  const struct fact *facts, size_t n)
{
	struct diagnosis *d = diagnosis_open(rules);

	assert_non_null(d);
	diagnosis_feed(d, log, len);
	assert_int_equal(diagnosis_finish(d, facts, n), 0);
	return d;
}

/* The ids that are reported for a log, in their order, with blanks between them */
static const char *told_with(const char *text, const char *log, const struct fact *facts, size_t n)
{
	static char ids[256];
	struct rules *rules = made(text);
	struct diagnosis *d = diagnose(rules, log, strlen(log), facts, n);
	const struct finding *finding;

	ids[0] = 0;
	for (size_t i = 0; (finding = diagnosis_finding(d, i)); i++)
		snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%s", i ? " " : "",
			 finding->rule->id);
	diagnosis_close(d);
	rules_close(rules);
	return ids;
}

static const char *told(const char *text, const char *log)
{
	return told_with(text, log, NULL, 0);
}

static void needs_and_unless(void **state)
{
	const char *rules = RULE("a", "Match: first\nNeeds: second\nUnless: third\n");
	(void)state;

	assert_string_equal(told(rules, "first\n"), "");
	assert_string_equal(told(rules, "second\n"), "");
	assert_string_equal(told(rules, "second\nfirst\n"), "a");
	assert_string_equal(told(rules, "first\nsecond"), "a");
	assert_string_equal(told(rules, "third\nsecond\nfirst\n"), "");
}

static void what_is_explained_is_not_told(void **state)
{
	const char *rules = RULE("a", "Match: alpha\nExplains: b*\n") RULE("b1", "Match: beta\n")
		RULE("b2", "Match: gamma\nExplains: c\n") RULE("c", "Match: delta\n")
			RULE("z", "Match: omega\nLast-Resort: yes\n");
	(void)state;

	assert_string_equal(told(rules, "beta\ngamma\ndelta\n"), "b1 b2");
	assert_string_equal(told(rules, "delta\ngamma\nbeta\nalpha\n"), "a");
	assert_string_equal(told(rules, "omega\n"), "z");
	assert_string_equal(told(rules, "omega\ndelta\n"), "c");
}

static void what_is_over_is_not_told(void **state)
{
	const char *rules = RULE("a", "Match: gone\nUntil: back\n")
		RULE("b", "Match: (?<if>eth\\d): lost\nUntil: (?<if>eth\\d): found\n"
			  "Until: started\nPer: if\n");
	(void)state;

	assert_string_equal(told(rules, "gone\n"), "a");
	assert_string_equal(told(rules, "gone\nback\n"), "");
	assert_string_equal(told(rules, "back\ngone\n"), "a");
	assert_string_equal(told(rules, "gone\nback\ngone\n"), "a");
	assert_string_equal(told(rules, "eth0: lost\neth0: found\n"), "");
	assert_string_equal(told(rules, "eth0: lost\neth1: found\n"), "b");
	assert_string_equal(told(rules, "eth0: lost\neth1: lost\nstarted\n"), "");
}

static void what_is_over_leaves_no_lines(void **state)
{
	struct rules *rules = made(
		"Id: a\nTitle: {if} is lost\nMatch: (?<if>eth\\d): lost\nUntil: (?<if>eth\\d): "
		"found\nPer: if\nCause: c\nFix: f\nSource: s\nExample: e\n");
	const char *log = "eth0: lost\neth1: lost\neth0: found\neth2: lost\neth2: found\n";
	struct diagnosis *d = diagnose(rules, log, strlen(log), NULL, 0);
	const struct finding *finding = diagnosis_finding(d, 0);
	(void)state;

	assert_non_null(finding);
	assert_string_equal(finding->title, "eth1 is lost");
	assert_int_equal(finding->n_lines, 1);
	assert_int_equal(finding->lines[0].number, 2);
	diagnosis_close(d);
	log = "eth0: lost\neth0: found\neth3: lost\n";
	d = diagnose(rules, log, strlen(log), NULL, 0);
	finding = diagnosis_finding(d, 0);
	assert_non_null(finding);
	assert_string_equal(finding->title, "eth3 is lost");
	assert_int_equal(finding->count, 1);
	assert_int_equal(finding->lines[0].number, 3);
	diagnosis_close(d);
	rules_close(rules);
}

#define UUID_A "f8615163-0001-1000-2000-7c1e52a3b4c5"
#define UUID_B "f8615163-0002-1000-2000-7c1e52a3b4c6"

static void the_port_that_is_named_is_the_one_that_has_it(void **state)
{
	struct rules *rules = made(
		"Id: a\nTitle: {interface} is lost\nMatch: hv_netvsc (?<uuid>\\S+) "
		"(?<interface>\\S+): VF slot \\d removed\nUntil: hv_netvsc (?<uuid>\\S+) \\S+: VF "
		"slot \\d added\nPer: uuid\nCause: c\nFix: f\nSource: s\nExample: e\n");
	const char *log = "hv_netvsc " UUID_A " eth1: VF slot 1 removed\n"
			  "hv_netvsc " UUID_B " eth10: VF slot 1 removed\n"
			  "hv_netvsc " UUID_A " eth1: VF slot 1 added\n";
	struct diagnosis *d = diagnose(rules, log, strlen(log), NULL, 0);
	const struct finding *finding = diagnosis_finding(d, 0);
	(void)state;

	assert_non_null(finding);
	assert_string_equal(finding->title, "eth10 is lost");
	assert_int_equal(finding->n_lines, 1);
	assert_int_equal(finding->lines[0].number, 2);
	diagnosis_close(d);
	rules_close(rules);
}

static void lines_in_a_time_are_counted(void **state)
{
	const char *rules =
		RULE("three", "Match: (?<if>eth\\d) down\nPer: if\nTimes: 3 in 10 min\n")
			RULE("two", "Match: reset\nTimes: 2\n");
	(void)state;

	assert_string_equal(told(rules, "reset\n"), "");
	assert_string_equal(told(rules, "[ 1.000000] reset\n[900000.000000] reset\n"), "two");
	/* Lines without a time are near each other. */
	assert_string_equal(told(rules, "eth0 down\neth0 down\n"), "");
	assert_string_equal(told(rules, "eth0 down\neth0 down\neth0 down\n"), "three");
	assert_string_equal(told(rules, "eth0 down\neth1 down\neth0 down\neth1 down\n"), "");
	assert_string_equal(told(rules, "[   10.500000] eth0 down\n[  300.000000] eth0 down\n"
					"[  610.500000] eth0 down\n"),
			    "three");
	assert_string_equal(told(rules, "[   10.500000] eth0 down\n[  300.000000] eth0 down\n"
					"[  610.600000] eth0 down\n"),
			    "");
	assert_string_equal(told(rules, "[   10.500000] eth0 down\n[ 9000.000000] eth0 down\n"
					"[ 9001.000000] eth0 down\n[ 9002.000000] eth0 down\n"
					"[99999.000000] eth0 down\n"),
			    "three");
	/* The machine was started again in between. */
	assert_string_equal(told(rules, "[   10.500000] eth0 down\n[   11.000000] eth0 down\n"
					"[    9.000000] eth0 down\n"),
			    "");
	assert_string_equal(told(rules, "Oct 16 23:58:23 vm kernel: eth0 down\n"
					"Oct 16 23:59:23 vm kernel: eth0 down\n"
					"Oct 17 00:03:23 vm kernel: eth0 down\n"),
			    "three");
	assert_string_equal(told(rules, "Oct 14 08:58:23 vm kernel: eth0 down\n"
					"Oct 15 08:58:24 vm kernel: eth0 down\n"
					"Oct 16 08:58:25 vm kernel: eth0 down\n"),
			    "");
	assert_string_equal(told(rules, "2026-10-14T08:58:23.1+00:00 vm kernel: eth0 down\n"
					"2026-10-15T08:58:24.2+00:00 vm kernel: eth0 down\n"
					"2026-10-16T08:58:25.3+00:00 vm kernel: eth0 down\n"),
			    "");
	assert_string_equal(told(rules, "[Thu Sep  3 05:08:02 2026] eth0 down\n"
					"[Thu Sep  3 05:09:02 2026] eth0 down\n"
					"[Thu Sep  3 05:18:01 2026] eth0 down\n"),
			    "three");
}

static void numbers_choose_among_causes(void **state)
{
	const char *text = RULE("refused",
				"Match: command failed: (?<errno>\\S+)\nMatch: no number\n"
				"When: errno != ETIMEDOUT, 71\n")
		RULE("silent", "Match: command failed: (?<errno>.+)\nWhen: errno = ETIMEDOUT\n")
			RULE("old", "Match: status (?<status>0x[0-9a-f]+)\n"
				    "When: status = 0xc00000bb, 0xc0000001\n")
				RULE("many",
				     "Match: queues=(?<n>\\d+)\nWhen: n > 16\nWhen: n < 100\n")
					RULE("other", "Match: port \\d+(?: is (?<how>\\w+))?\n"
						      "When: how = down\n");
	(void)state;

	assert_string_equal(told(text, "command failed: -5\n"), "refused");
	assert_string_equal(told(text, "no number\n"), "refused");
	assert_string_equal(told(text, "command failed: -71\n"), "");
	for (const char *const *timed_out =
		     (const char *const[]){ "-110", "110", "0xffffff92", "0xffffffffffffff92",
					    "4294967186", "ETIMEDOUT", NULL };
	     *timed_out; timed_out++) {
		char line[64];

		snprintf(line, sizeof(line), "command failed: %s\n", *timed_out);
		assert_string_equal(told(text, line), "silent");
	}
	assert_string_equal(told(text, "command failed: Connection timed out.\n"),
			    "refused silent");
	assert_string_equal(told(text, "status 0xc00000bb\n"), "old");
	assert_string_equal(told(text, "status 0xC0000001\n"), "");
	assert_string_equal(told(text, "status 0xc0000002\n"), "");
	assert_string_equal(told(text, "queues=16\n"), "");
	assert_string_equal(told(text, "queues=17\n"), "many");
	assert_string_equal(told(text, "queues=100\n"), "");
	assert_string_equal(told(text, "port 1\n"), "");
	assert_string_equal(told(text, "port 1 is up\nport 2 is down\n"), "other");
}

static void a_number_need_not_be_in_the_same_line(void **state)
{
	const char *text =
		RULE("memory", "Match: cannot start queue \\d\n"
			       "Needs: start failed: (?<errno>-\\d+)\nWhen: errno = ENOMEM\n");
	(void)state;

	assert_string_equal(told(text, "cannot start queue 1\nstart failed: -12\n"), "memory");
	assert_string_equal(told(text, "cannot start queue 1\nstart failed: -22\n"), "");
}

static void lines_are_counted(void **state)
{
	const char *text =
		RULE("a", "Match: switched (?<way>to|from)\nWhen: way = from\nTimes: 3\n");
	(void)state;

	assert_string_equal(told(text, "switched from\nswitched from\nswitched to\n"), "");
	assert_string_equal(told(text, "switched from\nswitched from\nswitched from\n"), "a");
}

static void facts_are_needed_or_confirm(void **state)
{
	const char *text = RULE("a", "Match: alpha\nNeeds-Fact: hugepages.free < 10\n"
				     "Confirm: provider = mismatch, missing\n");
	struct fact facts[] = { { "hugepages.free", "9", "9 free hugepages", 0 },
				{ "provider", "match", "mana_0 has its own", 0 },
				{ "provider", "missing", "mana_1 has none", 0 } };
	struct rules *rules = made(text);
	struct diagnosis *d;
	(void)state;

	assert_string_equal(told(text, "alpha\n"), "");
	assert_string_equal(told_with(text, "alpha\n", facts, 1), "a");
	d = diagnose(rules, "alpha\n", 6, facts, 3);
	assert_true(diagnosis_finding(d, 0)->confirmed);
	assert_int_equal(diagnosis_finding(d, 0)->n_evidence, 2);
	assert_string_equal(diagnosis_finding(d, 0)->evidence[1], "mana_1 has none");
	diagnosis_close(d);
	facts[0].value = "10";
	assert_string_equal(told_with(text, "alpha\n", facts, 3), "");
	facts[0].value = "unlimited";
	assert_string_equal(told_with(text, "alpha\n", facts, 3), "");
	rules_close(rules);
}

/* ---- which port ---- */

#define OF(n, synthetic, vf_name, address, end, is)                                                \
	{ "interface", synthetic, "", n }, { "vf", vf_name, "", n }, { "pci", address, "", n },    \
		{ "mac", "00:0d:3a:76:3b:" end, "", n },                                           \
		{ "uuid", "f8615163-0001-1000-2000-000d3a763b" end, "", n },                       \
	{                                                                                          \
		"interface.up", is, synthetic " is " is, n                                         \
	}

/* The user reaches the machine through eth0; eth1 is down, eth2 up. All are up or down by "yes", "no" */
static const struct fact ports[] = {
	OF(1, "eth0", "enP1s0", "7870:00:00.0", "d0", "yes"),
	{ FACT_KEPT, "yes", "", 1 },
	OF(2, "eth1", "enP1s1", "7870:00:00.0", "d1", "no"),
	OF(3, "eth2", "enP2s0", "7871:00:00.0", "d2", "yes"),
};
#define N_PORTS (sizeof(ports) / sizeof(ports[0]))

#define PORT_RULE                                                                                    \
	"Id: a\nTitle: {interface|one} {vf|one} {pci|one} {mac|one} {uuid|one}\n"                    \
	"Match: start of (?:.* )?failed\nCause: c\nFix: take {interface} down\nElse: take it down\n" \
	"Run: ip link set {interface} down\nRun: ip link set {vf} down\n"                            \
	"Confirm: interface.up = yes\nSource: s\nExample: e\n"

/* A finding as "TITLE | EVIDENCE... | FIX; FIX..." */
static const char *finding_with(const char *text, const char *log, const struct fact *facts,
				size_t n)
{
	static char page[1024];
	struct rules *rules = made(text);
	struct diagnosis *d = diagnose(rules, log, strlen(log), facts, n);
	const struct finding *finding = diagnosis_finding(d, 0);
	FILE *to = fmemopen(page, sizeof(page), "w");

	assert_non_null(finding);
	assert_non_null(to);
	assert_int_equal(finding->confirmed, finding->n_evidence > 0);
	fprintf(to, "%s |", finding->title);
	for (size_t i = 0; i < finding->n_evidence; i++)
		fprintf(to, " %s", finding->evidence[i]);
	fprintf(to, " |");
	for (size_t i = 0; i < finding->n_fix; i++)
		fprintf(to, "%s %s%s", i ? ";" : "", finding->command[i] ? "$ " : "",
			finding->fix[i]);
	fclose(to);
	diagnosis_close(d);
	rules_close(rules);
	return page;
}

static void the_log_says_which_port(void **state)
{
	(void)state;
	/* By any of its names, and what the machine has for the others */
	for (const char *const *line =
		     (const char *const[]){
			     "mana 7871:00:00.0 enP2s0: start of port failed\n",
			     "hv_netvsc f8615163-0001-1000-2000-000d3a763bd2 eth2: start of port failed\n",
			     "start of 00:0D:3A:76:3B:D2 failed\n",
			     "start of 7871:00:00.0 failed\n",
			     "-a 7871:00:00.0,mac=00:0d:3a:76:3b:d2\nstart of failed\n",
			     "mana_arg_parse_callback(): key=mac value=00:0d:3a:76:3b:d2 index=0\n"
			     "start of failed\n",
			     NULL };
	     *line; line++)
		assert_string_equal(finding_with(PORT_RULE, *line, ports, N_PORTS),
				    "eth2 enP2s0 7871:00:00.0 00:0d:3a:76:3b:d2 "
				    "f8615163-0001-1000-2000-000d3a763bd2 | eth2 is yes |"
				    " take eth2 down; $ ip link set eth2 down; "
				    "$ ip link set enP2s0 down");
}

static void another_port_confirms_nothing(void **state)
{
	(void)state;
	assert_string_equal(finding_with(PORT_RULE,
					 "mana 7870:00:00.0 enP1s1: start of it failed\n", ports,
					 N_PORTS),
			    "eth1 enP1s1 7870:00:00.0 00:0d:3a:76:3b:d1 "
			    "f8615163-0001-1000-2000-000d3a763bd1 | | take eth1 down; "
			    "$ ip link set eth1 down; $ ip link set enP1s1 down");
	/* It names none, and not all are up */
	assert_string_equal(finding_with(PORT_RULE, "start of failed\n", ports, N_PORTS),
			    "one one one one one | | take it down");
	/* It names one that this machine has not */
	assert_string_equal(
		finding_with(PORT_RULE, "start of 00:0d:3a:00:00:01 failed\n", ports, N_PORTS),
		"one one one 00:0d:3a:00:00:01 one | | take it down");
	/* It names two */
	assert_string_equal(finding_with(PORT_RULE,
					 "-a 7871:00:00.0,mac=00:0d:3a:76:3b:d2\n"
					 "-a 7870:00:00.0,mac=00:0d:3a:76:3b:d1\nstart of failed\n",
					 ports, N_PORTS),
			    "one one one one one | | take it down");
}

static void the_users_own_port_is_in_no_command(void **state)
{
	(void)state;
	assert_string_equal(finding_with(PORT_RULE,
					 "mana 7870:00:00.0 enP1s0: start of it failed\n", ports,
					 N_PORTS),
			    "eth0 enP1s0 7870:00:00.0 00:0d:3a:76:3b:d0 "
			    "f8615163-0001-1000-2000-000d3a763bd0 | eth0 is yes | take eth0 down");
	/* Where the log names none, it is not the one that is meant. */
	assert_string_equal(finding_with(PORT_RULE, "start of failed\n", ports, 13),
			    "eth1 enP1s1 7870:00:00.0 00:0d:3a:76:3b:d1 "
			    "f8615163-0001-1000-2000-000d3a763bd1 | | take eth1 down; "
			    "$ ip link set eth1 down; $ ip link set enP1s1 down");
}

/* Without a machine, the log alone knows that they are one port */
static void lines_join_a_ports_names(void **state)
{
	(void)state;
	assert_string_equal(
		finding_with(
			PORT_RULE,
			"hv_netvsc f8615163-0001-1000-2000-000d3a763bd1 eth1: VF registering: eth0\n"
			"mana 7870:00:00.0 eth0: joined to eth1\n"
			"mana 7870:00:00.0 enP1s1: renamed from eth0\n"
			"hv_netvsc f8615163-0001-1000-2000-000d3a763bd2 eth2: VF registering: eth0\n"
			"mana 7871:00:00.0 eth0: joined to eth2\n"
			"mana 7871:00:00.0 enP2s0: renamed from eth0\n"
			"start of 00:0d:3a:76:3b:d1 failed\n",
			NULL, 0),
		"eth1 enP1s1 7870:00:00.0 00:0d:3a:76:3b:d1 "
		"f8615163-0001-1000-2000-000d3a763bd1 | | take eth1 down; "
		"$ ip link set eth1 down; $ ip link set enP1s1 down");
	/* A command that wants a port takes its VF as well, once */
	assert_string_equal(
		finding_with(PORT_RULE, "mana 7871:00:00.0 enP2s0: start of it failed\n", NULL, 0),
		"enP2s0 enP2s0 7871:00:00.0 one one | | take enP2s0 down; "
		"$ ip link set enP2s0 down");
}

static void names_are_filled_in(void **state)
{
	const char *text =
		"Id: a\nTitle: {what} {interface|of a port}\nMatch: broken: (?<what>.*)\n"
		"Cause: c\nFix: mend {what}\nRun: mend {what}\nRun: {install:kernel}\n"
		"Else: install it\nRun: show {vf}\nSource: s\nExample: e\n";
	struct fact facts[] = { { "interface", "eth7", "", 1 },
				{ "install:kernel", "sudo apt-get install $(uname -r)", "", 0 } };
	(void)state;

	assert_string_equal(finding_with(text, "broken: a.b:c/d_1\n", facts, 2),
			    "a.b:c/d_1 eth7 | | mend a.b:c/d_1; $ mend a.b:c/d_1; "
			    "$ sudo apt-get install $(uname -r)");
	/* A log may come from anyone, and people copy commands. */
	assert_string_equal(finding_with(text, "broken: $(reboot)\n", facts, 1),
			    "$(reboot) eth7 | | mend $(reboot); install it");
	assert_string_equal(finding_with(text, "broken: \n", NULL, 0),
			    "unknown of a port | | install it");
}

static void in_a_container_no_command_is_for_sudo(void **state)
{
	const char *text = "Id: a\nTitle: t\nMatch: broken\nCause: c\n"
			   "Run: echo 1 | sudo tee a && sudo reboot\nRun: show b\n"
			   "Run: {install:rdma-core}\nElse: install it\nSource: s\nExample: e\n";
	struct fact facts[] = { { "install:rdma-core", "sudo apt-get install rdma-core", "", 0 },
				{ "container", "no", "", 0 } };
	(void)state;

	assert_string_equal(finding_with(text, "broken\n", facts, 2),
			    "t | | $ echo 1 | sudo tee a && sudo reboot; $ show b; "
			    "$ sudo apt-get install rdma-core");
	facts[1].value = "kubernetes";
	assert_string_equal(finding_with(text, "broken\n", facts, 2),
			    "t | | On the host, not in the container: echo 1 | tee a && reboot; "
			    "$ show b; In the container's image: apt-get install rdma-core");
}

static void lines_are_numbered_and_clean(void **state)
{
	static const char log[] = "one\n\n\x1b[31mtwo\x1b[0m \xff\x01 \xc3\xa4 failure\r\nfailure";
	struct rules *rules = made(RULE("a", "Match: failure\n"));
	struct diagnosis *d = diagnose(rules, log, sizeof(log) - 1, NULL, 0);
	const struct finding *finding = diagnosis_finding(d, 0);
	(void)state;

	assert_non_null(finding);
	assert_int_equal(finding->n_lines, 2);
	assert_int_equal(finding->lines[0].number, 3);
	assert_string_equal(finding->lines[0].text, "two ?? \xc3\xa4 failure");
	assert_int_equal(finding->lines[1].number, 4);
	assert_int_equal(finding->count, 2);
	diagnosis_close(d);
	rules_close(rules);
}

static void one_line_may_have_all_patterns(void **state)
{
	struct rules *rules = made(RULE("a", "Match: failure\nMatch: broken\nNeeds: ^error\n"));
	const char *log = "error: failure, broken\n";
	struct diagnosis *d = diagnose(rules, log, strlen(log), NULL, 0);
	const struct finding *finding = diagnosis_finding(d, 0);
	(void)state;

	assert_non_null(finding);
	assert_int_equal(finding->count, 1);
	assert_int_equal(finding->n_lines, 1);
	diagnosis_close(d);
	rules_close(rules);
}

static void pieces_of_any_size_are_the_same(void **state)
{
	struct rules *rules = made(RULE("a", "Match: ^error \\d+ here$\n"));
	char log[5000] = "";
	(void)state;

	for (int i = 0; i < 100; i++)
		snprintf(log + strlen(log), sizeof(log) - strlen(log), "error %d %s\n", i,
			 i % 7 ? "there" : "here");
	for (size_t piece = 1; piece < 300; piece += 37) {
		struct diagnosis *d = diagnosis_open(rules);
		const struct finding *finding;

		for (size_t at = 0; at < strlen(log); at += piece)
			diagnosis_feed(d, log + at, strnlen(log + at, piece));
		assert_int_equal(diagnosis_finish(d, NULL, 0), 0);
		finding = diagnosis_finding(d, 0);
		assert_non_null(finding);
		assert_int_equal(finding->count, 15);
		assert_int_equal(finding->lines[1].number, 8);
		diagnosis_close(d);
	}
	rules_close(rules);
}

static void a_line_without_end_is_bounded(void **state)
{
	struct rules *rules = made(RULE("a", "Match: needle (?<n>\\d+)$\n"));
	struct diagnosis *d = diagnosis_open(rules);
	char *block = malloc(1 << 16);
	(void)state;

	/* 64 MiB that hold the fixed text everywhere, and match only at the very end */
	for (size_t i = 0; i < 1 << 16; i++)
		block[i] = "needle x"[i % 8];
	for (int i = 0; i < 1024; i++)
		diagnosis_feed(d, block, 1 << 16);
	diagnosis_feed(d, "needle 7\nend", 12);
	assert_int_equal(diagnosis_finish(d, NULL, 0), 0);
	assert_non_null(diagnosis_finding(d, 0));
	assert_int_equal(diagnosis_finding(d, 0)->lines[0].number, 1);
	assert_true(strlen(diagnosis_finding(d, 0)->lines[0].text) < DIAGNOSIS_LINE);
	diagnosis_close(d);
	free(block);
	rules_close(rules);
}

static void utf_16_is_read(void **state)
{
	const char *line = "first\nsome failure\n";
	struct rules *rules = made(RULE("a", "Match: failure\n"));
	(void)state;

	for (int big = 0; big < 2; big++) {
		char log[64];
		struct diagnosis *d;
		size_t n = 2;

		memcpy(log, big ? "\xfe\xff" : "\xff\xfe", 2);
		for (const char *p = line; *p; p++) {
			log[n + (size_t)big] = *p;
			log[n + (size_t)!big] = 0;
			n += 2;
		}
		d = diagnose(rules, log, n, NULL, 0);
		assert_non_null(diagnosis_finding(d, 0));
		assert_int_equal(diagnosis_finding(d, 0)->lines[0].number, 2);
		assert_string_equal(diagnosis_finding(d, 0)->lines[0].text, "some failure");
		diagnosis_close(d);
	}
	rules_close(rules);
}

static void feed(struct diagnosis *d, const char *text)
{
	diagnosis_feed(d, text, strlen(text));
}

/* What a pattern captures, and the line that is shown, are the program's and no more */
static void carried_lines_are_unwrapped(void **state)
{
	static const struct {
		const char *log, *why;
	} cases[] = {
		{ "failed: it is \"a\"\n", "it is \"a\"" },
		{ "failed: it\r\n", "it" },
		{ "{\"log\":\"failed: it is \\\"a\\\"\\n\",\"stream\":\"stderr\"}\n",
		  "it is \"a\"" },
		{ "[pod] {\"a\": 1, \"log\": \"failed: it\\ttoo\\r\\n\"}\n", "it too" },
		{ "{ \"log\" : \"one\\nfailed: two\\nthree\" }\n", "two" },
		{ "{\"log\":\"{\\\"msg\\\":\\\"failed: \\\\\\\"a\\\\\\\"\\\"}\\n\"}\n", "\"a\"" },
		{ "\t\"MESSAGE\" : \"failed: 3\\/4 \\u20ac\",\n", "3/4 \xe2\x82\xac" },
		{ "{\"MESSAGE\":[27,91,49,109,102,97,105,108,101,100,58,32,27,91,48,109,120,10]}\n",
		  "x" },
		{ "level=error msg=\"failed: \\\"a\\\"\" pod=b\n", "\"a\"" },
		{ "\x1b[1mfai\x1b[31mled:\x1b[0m it\x1b[K\n", "it" },
		{ "fai#033[31mled: it#033[0m#012more\n", "it" },
		{ "\\x1b[31mfai\\x1b[0mled: it\n", "it" },
		{ "[31mfai[0mled: [mana] it\n", "[mana] it" },
		{ "^[[31mfai^[[0mled: it\n", "it" },
		/* What only looks like it stays. */
		{ "failed: {\"a\", \"b\"} {x}\n", "{\"a\", \"b\"} {x}" },
		{ "failed: [31mana] \\n\n", "[31mana] \\n" },
		{ "{\"a\":[1,2,x]} failed: [1,2] #01 \\u12\n", "[1,2] #01 \\u12" },
	};
	struct rules *rules =
		made("Id: a\nTitle: {why}\nMatch: failed: (?<why>.+)$\nCause: c\nFix: f\n"
		     "Source: s\nExample: e\n");
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct diagnosis *d = diagnosis_open(rules);
		char line[128];

		feed(d, "one\n");
		feed(d, cases[i].log);
		assert_int_equal(diagnosis_finish(d, NULL, 0), 0);
		if (!diagnosis_finding(d, 0))
			fail_msg("nothing is found in %s", cases[i].log);
		assert_string_equal(diagnosis_finding(d, 0)->title, cases[i].why);
		assert_int_equal(diagnosis_finding(d, 0)->lines[0].number, 2);
		snprintf(line, sizeof(line), "failed: %s", cases[i].why);
		assert_non_null(strstr(diagnosis_finding(d, 0)->lines[0].text, line));
		diagnosis_close(d);
	}
	rules_close(rules);
}

/* A line of 1 MB that has to be unwrapped everywhere */
static void a_long_line_is_unwrapped_in_pieces(void **state)
{
	struct rules *rules = made(RULE("a", "Match: needle \"(?<n>\\d+)\"\n"));
	struct diagnosis *d = diagnosis_open(rules);
	(void)state;

	feed(d, "{\"log\":\"");
	for (int i = 0; i < 100000; i++)
		feed(d, "needle \\\"x\\\" ");
	feed(d, "needle \\\"7\\\"\"}\nneedle \"8\"\n");
	assert_int_equal(diagnosis_finish(d, NULL, 0), 0);
	assert_non_null(diagnosis_finding(d, 0));
	assert_int_equal(diagnosis_finding(d, 0)->count, 2);
	assert_int_equal(diagnosis_finding(d, 0)->lines[1].number, 2);
	diagnosis_close(d);
	rules_close(rules);
}

/* A runtime or a journal may write the time, where the line itself has none */
static void carried_lines_have_a_time(void **state)
{
	const char *text = RULE("a", "Match: switched off\nTimes: 2 in 10 min\n");
	(void)state;

#define AT(time) "{\"log\":\"switched off\\n\",\"stream\":\"stderr\",\"time\":\"" time "Z\"}\n"
	assert_string_equal(told(text, AT("2026-03-11T20:01:44.1") AT("2026-03-11T20:05:00.1")),
			    "a");
	assert_string_equal(told(text, AT("2026-03-11T20:01:44.1") AT("2026-03-12T20:02:00.1")),
			    "");
#undef AT
#define AT(time) "{\"MESSAGE\":\"switched off\",\"__REALTIME_TIMESTAMP\" : \"" time "\"}\n"
	assert_string_equal(told(text, AT("1760000000000000") AT("1760000599000000")), "a");
	assert_string_equal(told(text, AT("1760000000000000") AT("1760000601000000")), "");
#undef AT
}

/* ---- mistakes ---- */

static void refused(const char *text, const char *why)
{
	struct rules *rules = rules_open();
	struct error error = { "nothing was said" };
	int err = rules_read(rules, "x.rules", text, strlen(text), &error);

	if (!err)
		err = rules_ready(rules, &error);
	assert_int_equal(err, -22);
	if (!strstr(error.text, why) || strncmp(error.text, "x.rules:", 8))
		fail_msg("'%s' should be refused with '%s', not with '%s'", text, why, error.text);
	rules_close(rules);
}

static void mistakes_are_named(void **state)
{
	(void)state;
	refused("Id: a\nTimes: 3 in 5 days\n", "x.rules:2: Times: '3 in 5 days' is not a number");
	refused("Id: a\nTimes: 3 in\n", "x.rules:2: Times: '3 in' is not a number of lines");
	refused(RULE("a", "Match: abcdef\nTimes: 65 in 5 s\n"), "x.rules:1: Times: at most 64");
	refused(RULE("a", "Match: (?<x>a)bcdef\nPer: x\n"), "x.rules:1: Per: it needs a Times");
	refused(RULE("a", "Match: abcdef\nPer: x\nTimes: 2\n"),
		"x.rules:1: Per: 'abcdef' does not capture 'x'");
	refused("Id: a\nTitel: t\n", "x.rules:2: unknown field 'Titel'");
	refused("Id: a\n\nId: b\n", "x.rules:1: this rule has no field Title");
	refused("Id: a\nId: b\n", "x.rules:2: duplicate Id");
	refused("Id: A b\n", "must be at most 63 lower-case letters");
	refused("Id:\nTitle: t\n", "x.rules:1: Id is empty");
	refused("nonsense\n", "x.rules:1: expected 'Field: value'");
	refused("  continued\n", "begins with a blank");
	refused("Id: a\r\n", "not a Unix text file");
	refused("Id: a\nMatch: abc\n\n", "four literal characters in a row");
	refused("Id: a\nMatch: (failure)\n\n", "four literal characters in a row");
	refused("Id: a\nMatch: (?i)failure\n\n", "of the groups");
	refused("Id: a\nMatch: failure|error\n\n", "write two fields");
	refused("Id: a\nMatch: failure (\n\n", "missing closing parenthesis");
	refused("Id: a\nMatch: failure \\1\n\n", "of the escapes");
	refused("Id: a\nMatch: failure [a\n\n", "unmatched [");
	refused("Id: a\nMatch: failure {x}\n\n", "write \\{");
	refused("Id: a\nConfirm: moon = full\n\n", "unknown fact 'moon'");
	refused("Id: a\nConfirm: provider mismatch\n\n", "write NAME = VALUE");
	refused("Id: a\nLast-Resort: no\n\n", "the only value is 'yes'");
	refused("Id: a\nConfirm: memlock < much\n\n", "compare with one number");
	refused("Id: a\nConfirm: memlock < 1, 2\n\n", "compare with one number");
	refused("Id: a\nConfirm: memlock = ,\n\n", "a value is empty");
	refused("Id: a\nWhen: errno is 5\n\n", "When: write NAME = VALUE");
	refused(RULE("a", "Match: failure\nWhen: errno = 5\n"), "no pattern of this rule captures");
	refused(RULE("a", "Match: failure\nWhen: provider = match\n"), "write Needs-Fact");
	refused("Id: a\nTimes: 1\n\n", "is not a number of lines, 2 or more");
	refused("Id: a\nTitle: t\nElse: f\n", "Else: it must follow a Fix or a Run");
	refused("Id: a\nTitle: {thing}\nMatch: failure\nMatch: error (?<thing>.)\nCause: c\nFix: f\n"
		"Source: s\nExample: e\n",
		"{thing} may be unknown: write {thing|other words}");
	refused("Id: a\nTitle: t\nMatch: failure\nCause: c\nRun: r {interface}\nSource: s\nExample: e\n",
		"each step has a name that may be unknown");
	refused("Id: a\nTitle: {thing}\nMatch: failure\nCause: c\nFix: f\nSource: s\nExample: e\n",
		"{thing} is neither captured by a pattern");
	refused(RULE("a", "Match: failure\n") RULE("a", "Match: failure\n"),
		"there is a 'a' already");
	refused(RULE("a", "Match: failure\nExplains: nobody\n"), "there is no rule 'nobody'");
	refused(RULE("a", "Match: failure\nExplains: b\n")
			RULE("b", "Match: failure\nExplains: c\n")
				RULE("c", "Match: failure\nExplains: a\n"),
		"explains itself through other rules");
	refused(RULE("a", "Match: failure\nExplains: b\nLast-Resort: yes\n")
			RULE("b", "Match: failure\n"),
		"a last resort cannot explain 'b', which is none");
}

/* What a log must contain for a pattern to be tried on it */
static void fixed_texts_are_safe(void **state)
{
	static const struct {
		const char *pattern, *fixed;
	} cases[] = {
		{ "abcdef", "abcdef" },
		{ "abcdef?", "abcde" },
		{ "abcd{0,2}efghi", "efghi" },
		{ "abcde+f", "abcde" },
		{ "ab(cdefghijk)lmno", "lmno" },
		{ "abcd.(efghijkl|m)*", "abcd" },
		{ "abcd\\.efgh", "abcd.efgh" },
		{ "abcd[efgh]ijklm", "ijklm" },
		{ "abcd[]efgh]ijklm", "ijklm" },
		{ "abcd[[:alpha:]]ijklm", "ijklm" },
		{ "abcd\\befghi", "efghi" },
		{ "ibv_\\S+ failed to .*", "ibv_" },
		{ "\\d failed: \\d", " failed: " },
		{ "(?<!x)abcd", "abcd" },
	};
	struct pattern_fixed fixed;
	char error[256];
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(pattern_fixed(cases[i].pattern, &fixed, error, sizeof(error)), 0);
		assert_string_equal(fixed.text, cases[i].fixed);
	}
}

/* With which bytes a pattern may go on behind its fixed text */
static void what_follows_a_fixed_text_is_known(void **state)
{
	static const struct {
		const char *pattern, *can, *cannot;
	} cases[] = {
		{ "abcd\\d+", "09", "a /:" },
		{ "abcd\\S", "0a(", " \t" },
		{ "abcd[0-9a-f]{4}", "0f", "g-" },
		{ "abcd[^ :]x", "0f", " :" },
		{ "abcd[]\\s-]x", "] -", "a0" },
		{ "abcd(?:one|two[0-9]|\\d|[x-z])!", "ot15xz", "nw" },
		{ "abcd(?<n>0x)?z", "0zq", "" },
		{ "abcd(?:(?:a|b)c|d)", "abd", "ce" },
		{ "abcd(?:|d)", "dz", "" },
		{ "abcd(?!x)y", "yx", "" },
		{ "abcd\\.e?", "ez", "" },
		{ "abcd\\[", "[x", "" },
		{ "abcd+e", "de", "f " },
		{ "abcde?_x", "e_", "xf" },
		{ "abcde*[0-9]", "e7", "df" },
		{ "abcd[xy]?+z", "xz", "" },
		{ "abcde??f", "efz", "" },
		{ "abcd.", "xy", "" },
		{ "abcd[[:alpha:]]", "x0", "" },
		{ "abcdefghijklmnopqrstuvwxyz", "y", "az" },
	};
	char error[256], text[64];
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pattern_fixed fixed;
		size_t len;

		assert_int_equal(pattern_fixed(cases[i].pattern, &fixed, error, sizeof(error)), 0);
		len = strlen(fixed.text);
		for (const char *p = cases[i].can; *p; p++) {
			snprintf(text, sizeof(text), "%s%c", fixed.text, *p);
			if (!pattern_goes_on(&fixed, text, len + 1, len))
				fail_msg("'%s' should go on with '%c'", cases[i].pattern, *p);
		}
		for (const char *p = cases[i].cannot; *p; p++) {
			snprintf(text, sizeof(text), "%s%c", fixed.text, *p);
			if (pattern_goes_on(&fixed, text, len + 1, len))
				fail_msg("'%s' should not go on with '%c'", cases[i].pattern, *p);
		}
		assert_true(pattern_goes_on(&fixed, fixed.text, len, len));
	}
}

static void note_hit(void *arg, uint32_t text, size_t end)
{
	char *notes = arg;

	sprintf(notes + strlen(notes), "%u@%zu ", text, end);
}

static void texts_within_texts_are_found(void **state)
{
	static const struct scan_text texts[] = { { "she", 3 }, { "he", 2 },  { "hers", 4 },
						  { "his", 3 }, { "she", 3 }, { "e", 1 } };
	struct scan *scan = scan_open(texts, 6);
	char notes[256] = "";
	(void)state;

	assert_non_null(scan);
	scan_run(scan, "ushers", 6, note_hit, notes);
	assert_string_equal(notes, "4@4 0@4 1@4 5@4 2@6 ");
	notes[0] = 0;
	scan_run(scan, "hi\0sh", 5, note_hit, notes);
	assert_string_equal(notes, "");
	scan_close(scan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(needs_and_unless),
		cmocka_unit_test(what_is_explained_is_not_told),
		cmocka_unit_test(what_is_over_is_not_told),
		cmocka_unit_test(what_is_over_leaves_no_lines),
		cmocka_unit_test(the_port_that_is_named_is_the_one_that_has_it),
		cmocka_unit_test(lines_in_a_time_are_counted),
		cmocka_unit_test(numbers_choose_among_causes),
		cmocka_unit_test(a_number_need_not_be_in_the_same_line),
		cmocka_unit_test(lines_are_counted),
		cmocka_unit_test(facts_are_needed_or_confirm),
		cmocka_unit_test(the_log_says_which_port),
		cmocka_unit_test(another_port_confirms_nothing),
		cmocka_unit_test(the_users_own_port_is_in_no_command),
		cmocka_unit_test(lines_join_a_ports_names),
		cmocka_unit_test(names_are_filled_in),
		cmocka_unit_test(in_a_container_no_command_is_for_sudo),
		cmocka_unit_test(lines_are_numbered_and_clean),
		cmocka_unit_test(one_line_may_have_all_patterns),
		cmocka_unit_test(pieces_of_any_size_are_the_same),
		cmocka_unit_test(a_line_without_end_is_bounded),
		cmocka_unit_test(utf_16_is_read),
		cmocka_unit_test(carried_lines_are_unwrapped),
		cmocka_unit_test(a_long_line_is_unwrapped_in_pieces),
		cmocka_unit_test(carried_lines_have_a_time),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(fixed_texts_are_safe),
		cmocka_unit_test(what_follows_a_fixed_text_is_known),
		cmocka_unit_test(texts_within_texts_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
