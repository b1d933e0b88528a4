/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: a rule's Match line makes the rule pending. When it is due (it has settled,
 * or what would excuse it had its time to come) it is decided:
 *
 *	- an Unless pattern was near: the lines mean nothing, and are forgotten;
 *	- it lacks something in Needs, lines (Times), or a fact: nothing is told, and the lines are
 *	  kept;
 *	- another rule that holds explains it: it counts as told;
 *	- another rule that is still pending would explain it: it is decided together with that one;
 *	- else it is told.
 *
 * What a rule has kept of the log is released when it is decided. What is left is when each
 * pattern was last in the log, and for which devices it was decided. After the time for "again" that
 * is forgotten, too: then the rule is as if the log had begun now.
 *
 * A rule that counts lines of each device by itself (Per), or within some time, is decided for each
 * that has enough. It is counted on: as long as so many come within that time, the fault goes on,
 * and single lines are none. It is told again after none of that for as long as "again", or for as
 * long as it counts, if that is longer.
 */
#include "host/diagnosis/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/diagnosis/crash_rules.h"
#include "host/diagnosis/evidence.h"

#define NEVER   UINT64_MAX
#define DEVICES 8u /* for each of which a rule is told; it is not told for more */

/**
 * struct passed - what the log had of a pattern
 * @lines:	so far; 0: none, or forgotten
 * @last:	when
 */
struct passed {
	uint64_t lines, last;
};

/**
 * struct device - one for which a rule was decided
 * @whose:	its name, if the rule counts (Per); else @port is what the log said of it
 * @last:	when a line showed that the fault goes on
 */
struct device {
	char whose[TALLY_WORD];
	struct port_names port;
	uint64_t last;
};

/**
 * struct fault - where a rule stands
 * @since:	when its first line came that was not decided about
 * @last:	when its last Match line came
 * @due:	when to decide; NEVER: it is not pending
 * @seen:	it has Match lines that are not forgotten
 * @holds:	it was told, or explained by another one
 * @told:	it was told
 * @devices:	that it was decided for, as far as the log named them; NULL: for none that has a name
 */
struct fault {
	uint64_t since, last, due;
	bool seen, holds, told;
	struct device *devices;
	unsigned int n_devices;
};

/**
 * struct follow - a log
 * @forget:	when to look for what is to be forgotten
 * @aged:	when texts that belong to crashes last became older
 * @crash_since, @crash_due: when a crash of the kernel began to come, and when to weigh it, or NEVER
 */
struct follow {
	const struct rules *rules;
	struct diagnosis *diagnosis;
	uint64_t again, forget, aged, crash_since, crash_due;
	struct passed *passed;
	struct fault *faults;
};

struct follow *follow_open(const struct rules *rules, uint64_t again)
{
	struct follow *follow = calloc(1, sizeof(*follow));

	if (!follow)
		return NULL;
	follow->rules = rules;
	follow->again = again;
	follow->forget = follow->crash_due = NEVER;
	follow->diagnosis = diagnosis_open(rules);
	follow->passed = calloc(rules->n_patterns + 1, sizeof(*follow->passed));
	follow->faults = calloc(rules->n_rules + 1, sizeof(*follow->faults));
	if (!follow->diagnosis || !follow->passed || !follow->faults) {
		follow_close(follow);
		return NULL;
	}
	for (size_t i = 0; i < rules->n_rules; i++)
		follow->faults[i].due = NEVER;
	return follow;
}

void follow_close(struct follow *follow)
{
	if (!follow)
		return;
	diagnosis_close(follow->diagnosis);
	for (size_t i = 0; follow->faults && i < follow->rules->n_rules; i++)
		free(follow->faults[i].devices);
	free(follow->passed);
	free(follow->faults);
	free(follow);
}

/* ---- what is kept ---- */

/** counts() - is the rule decided for each of those that it counts lines of? */
static bool counts(const struct follow *follow, size_t rule)
{
	return follow->rules->rules[rule].per || follow->rules->rules[rule].within;
}

/** quiet() - for how long none of it comes, until it is told again */
static uint64_t quiet(const struct follow *follow, size_t rule)
{
	uint64_t within = follow->rules->rules[rule].within * UINT64_C(1000);

	return within > follow->again ? within : follow->again;
}

/** forget_pattern() - as if the log had not had it */
static void forget_pattern(struct follow *follow, size_t pattern)
{
	follow->passed[pattern].lines = 0;
	follow->diagnosis->seen[pattern].lines = 0;
}

/** look_again() - at the lines that show this rule: they are of another time than those before */
static void look_again(struct follow *follow, size_t rule)
{
	for (size_t i = 0; i < follow->rules->n_patterns; i++)
		if (follow->rules->patterns[i].rule == rule &&
		    follow->rules->patterns[i].role == RULE_MATCH)
			follow->passed[i].lines = 0;
}

/** forget_matches() - as if the log had not shown this rule */
static void forget_matches(struct follow *follow, size_t rule)
{
	for (size_t i = 0; i < follow->rules->n_patterns; i++)
		if (follow->rules->patterns[i].rule == rule &&
		    follow->rules->patterns[i].role == RULE_MATCH)
			forget_pattern(follow, i);
	follow->faults[rule].seen = false;
}

/** forget_at() - look for what is to be forgotten then, at the latest */
static void forget_at(struct follow *follow, uint64_t when)
{
	if (when < follow->forget)
		follow->forget = when;
}

/** forget_devices() - of a rule, those for which nothing has come for long */
static void forget_devices(struct follow *follow, size_t rule, uint64_t now)
{
	struct evidence *e = &follow->diagnosis->evidence[rule];
	struct fault *fault = &follow->faults[rule];
	unsigned int kept = 0;

	for (unsigned int i = 0; i < fault->n_devices; i++) {
		const struct device *device = &fault->devices[i];

		if (device->last + quiet(follow, rule) > now) {
			forget_at(follow, device->last + quiet(follow, rule));
			fault->devices[kept++] = *device;
		} else if (counts(follow, rule) && e->tally) {
			tally_over(e->tally, device->whose);
		}
	}
	if (counts(follow, rule) && fault->n_devices && !kept)
		fault->holds = fault->told = false;
	fault->n_devices = kept;
}

/** forget() - patterns and rules of which nothing has come for long */
static void forget(struct follow *follow, uint64_t now)
{
	struct log_ports *names = &follow->diagnosis->names;

	/* A log that has had so many ports has others by now. */
	if (names->n == NAMES_MAX)
		names->n = 0;
	if (now < follow->forget)
		return;
	follow->forget = NEVER;
	for (size_t i = 0; i < follow->rules->n_patterns; i++) {
		struct passed *passed = &follow->passed[i];

		if (!passed->lines)
			continue;
		if (passed->last + follow->again <= now)
			forget_pattern(follow, i);
		else
			forget_at(follow, passed->last + follow->again);
	}
	for (size_t i = 0; i < follow->rules->n_rules; i++) {
		struct fault *fault = &follow->faults[i];

		forget_devices(follow, i, now);
		if (!fault->seen || fault->due != NEVER)
			continue;
		if (fault->last + quiet(follow, i) > now) {
			forget_at(follow, fault->last + quiet(follow, i));
			continue;
		}
		free(fault->devices);
		*fault = (struct fault){ .due = NEVER };
		evidence_drop(follow->diagnosis, i);
	}
}

/* ---- what comes ---- */

static bool has(const struct rules *rules, size_t rule, enum rule_role role)
{
	for (size_t i = 0; i < rules->n_patterns; i++)
		if (rules->patterns[i].rule == rule && rules->patterns[i].role == role)
			return true;
	return false;
}

/** settled() - when what has come since then, and now, is whole */
static uint64_t settled(uint64_t since, uint64_t now)
{
	uint64_t latest = since + FOLLOW_LATEST;

	return now + FOLLOW_SETTLE < latest ? now + FOLLOW_SETTLE : latest;
}

/** wait_for() - a line of an undecided rule has come: when is it due? */
static void wait_for(struct follow *follow, size_t rule, uint64_t now)
{
	struct fault *fault = &follow->faults[rule];

	if (fault->due == NEVER)
		fault->since = now;
	if (follow->rules->rules[rule].until)
		fault->due = fault->since + FOLLOW_UNTIL;
	else if (has(follow->rules, rule, RULE_UNLESS))
		fault->due = fault->since + FOLLOW_UNLESS;
	else
		fault->due = settled(fault->since, now);
}

/** is_other() - are these two ports for sure? */
static bool is_other(const struct port_names *a, const struct port_names *b)
{
	if (port_names_same(a, b))
		return false;
	if (*a->pci && *b->pci && strcmp(a->pci, b->pci) != 0)
		return true;
	return (*a->mac && *b->mac) || (*a->uuid && *b->uuid) || (*a->vf && *b->vf) ||
	       (*a->interface && *b->interface);
}

/** device_of() - for which a rule that does not count was decided, if the port is one of these */
static struct device *device_of(const struct fault *fault, const struct port_names *port)
{
	for (unsigned int i = 0; i < fault->n_devices; i++)
		if (!is_other(&fault->devices[i].port, port))
			return &fault->devices[i];
	return NULL;
}

/** device_called() - the same of one that counts */
static struct device *device_called(const struct fault *fault, const char *whose)
{
	for (unsigned int i = 0; i < fault->n_devices; i++)
		if (!strcmp(fault->devices[i].whose, whose))
			return &fault->devices[i];
	return NULL;
}

/** is_new() - do lines of a rule that was decided name a port that it was not decided for? */
static bool is_new(struct follow *follow, size_t rule, uint64_t now)
{
	const struct evidence *e = &follow->diagnosis->evidence[rule];
	const struct fault *fault = &follow->faults[rule];
	bool is = false;

	for (size_t n = 0; fault->devices && n < e->n_ports; n++) {
		struct port_names port = e->ports[n];
		struct device *device;

		names_complete(&follow->diagnosis->names, &port);
		device = device_of(fault, &port);
		if (device)
			device->last = now;
		else
			is |= fault->n_devices < DEVICES;
	}
	return is;
}

/** add_device() - a rule is decided for it; all are known as long as there is room */
static void add_device(struct fault *fault, const char *whose, const struct port_names *port)
{
	struct device *device;

	if (!fault->devices)
		fault->devices = calloc(DEVICES, sizeof(*fault->devices));
	if (!fault->devices || fault->n_devices == DEVICES)
		return;
	device = &fault->devices[fault->n_devices++];
	*device = (struct device){ .last = fault->last };
	snprintf(device->whose, sizeof(device->whose), "%s", whose);
	if (port)
		device->port = *port;
}

/** add_ports() - a rule is decided for the ports that its lines name */
static void add_ports(struct follow *follow, size_t rule)
{
	const struct evidence *e = &follow->diagnosis->evidence[rule];
	struct fault *fault = &follow->faults[rule];

	for (size_t n = 0; n < e->n_ports; n++) {
		struct port_names port = e->ports[n];

		names_complete(&follow->diagnosis->names, &port);
		if (!device_of(fault, &port))
			add_device(fault, "", &port);
	}
}

/** counted() - a line that shows the fault has come, of a rule that counts: of whom are enough? */
static void counted(struct follow *follow, size_t rule, uint64_t now)
{
	const struct evidence *e = &follow->diagnosis->evidence[rule];
	struct fault *fault = &follow->faults[rule];
	const char *whose;
	size_t n = 0;

	while ((whose = tally_enough(e->tally, n))) {
		struct device *device = device_called(fault, whose);

		if (device)
			device->last = now;
		if (device || fault->n_devices == DEVICES)
			evidence_settle(follow->diagnosis, rule, whose);
		else
			n++;
	}
	if (n)
		wait_for(follow, rule, now);
}

/** matched() - a line that shows the fault has come */
static void matched(struct follow *follow, size_t rule, uint64_t now)
{
	struct fault *fault = &follow->faults[rule];

	fault->seen = true;
	fault->last = now;
	forget_at(follow, now + quiet(follow, rule));
	if (counts(follow, rule)) {
		counted(follow, rule, now);
	} else if (!fault->holds || is_new(follow, rule, now)) {
		fault->holds = fault->told = false;
		wait_for(follow, rule, now);
	} else {
		evidence_drop(follow->diagnosis, rule);
	}
}

/** over() - a line has come after which a fault has ended, if it was there: the next is another */
static void over(struct follow *follow, size_t rule)
{
	const struct evidence *e = &follow->diagnosis->evidence[rule];
	struct fault *fault = &follow->faults[rule];
	unsigned int kept = 0;

	for (unsigned int i = 0; counts(follow, rule) && i < fault->n_devices; i++)
		if (!tally_ended(e->tally, fault->devices[i].whose) &&
		    tally_lines(e->tally, fault->devices[i].whose))
			fault->devices[kept++] = fault->devices[i];
	fault->n_devices = kept;
	if (!kept)
		fault->holds = fault->told = false;
	if (counts(follow, rule) ? tally_enough(e->tally, 0) != NULL : e->count != 0) {
		look_again(follow, rule); /* of another port, or there again */
		return;
	}
	if (!kept)
		forget_matches(follow, rule);
	fault->due = NEVER;
}

/** note_crash() - has more of a crash of the kernel come? */
static void note_crash(struct follow *follow, uint64_t now)
{
	if (!crash_log_news(follow->diagnosis->crash_log))
		return;
	if (follow->crash_due == NEVER)
		follow->crash_since = now;
	follow->crash_due = settled(follow->crash_since, now);
}

/**
 * note_excuse() - was what excuses a rule in what came?
 *
 * In a log that ends once is enough, and it is not looked for again: here it has to be.
 */
static void note_excuse(struct follow *follow, size_t pattern, uint64_t now)
{
	struct seen *seen = &follow->diagnosis->seen[pattern];

	if (!seen->lines)
		return;
	seen->lines = 0;
	follow->passed[pattern] = (struct passed){ .lines = 1, .last = now };
	forget_at(follow, now + follow->again);
}

/** note_patterns() - which patterns were in what came? @until: those that end a fault, or the others */
static void note_patterns(struct follow *follow, uint64_t now, bool until)
{
	const struct rules *rules = follow->rules;

	for (size_t i = 0; i < rules->n_patterns; i++) {
		const struct rule_pattern *pattern = &rules->patterns[i];
		struct passed *passed = &follow->passed[i];
		uint64_t lines = follow->diagnosis->seen[i].lines;

		if (pattern->role == RULE_UNLESS) {
			note_excuse(follow, i, now);
			continue;
		}
		if (lines == passed->lines || (pattern->role == RULE_UNTIL) != until)
			continue;
		passed->lines = lines;
		if (!lines)
			continue; /* taken back by what follows */
		passed->last = now;
		forget_at(follow, now + follow->again);
		if (pattern->role == RULE_MATCH)
			matched(follow, pattern->rule, now);
		else if (pattern->role == RULE_UNTIL)
			over(follow, pattern->rule);
		else if (pattern->role == RULE_NEEDS && follow->faults[pattern->rule].seen &&
			 (counts(follow, pattern->rule) || !follow->faults[pattern->rule].holds))
			wait_for(follow, pattern->rule, now);
	}
}

/** note() - what was in what came? If a fault ended and came again, that is another one */
static void note(struct follow *follow, uint64_t now)
{
	note_crash(follow, now);
	note_patterns(follow, now, true);
	note_patterns(follow, now, false);
}

void follow_feed(struct follow *follow, uint64_t now, const void *data, size_t len)
{
	forget(follow, now);
	if (now >= follow->aged + follow->again) {
		crash_log_age(follow->diagnosis->crash_log);
		follow->aged = now;
	}
	diagnosis_feed(follow->diagnosis, data, len);
	note(follow, now);
}

void follow_part(struct follow *follow, uint64_t now)
{
	diagnosis_part(follow->diagnosis);
	note(follow, now);
}

/* ---- what is decided ---- */

uint64_t follow_due(const struct follow *follow)
{
	uint64_t due = follow->crash_due;

	for (size_t i = 0; i < follow->rules->n_rules; i++)
		if (follow->faults[i].due < due)
			due = follow->faults[i].due;
	return due;
}

/** is_excused() - was something in its Unless near? */
static bool is_excused(const struct follow *follow, size_t rule)
{
	for (size_t i = 0; i < follow->rules->n_patterns; i++) {
		const struct rule_pattern *pattern = &follow->rules->patterns[i];
		const struct passed *passed = &follow->passed[i];

		if (pattern->rule == rule && pattern->role == RULE_UNLESS && passed->lines &&
		    passed->last + FOLLOW_BEFORE >= follow->faults[rule].since)
			return true;
	}
	return false;
}

/** lacks() - is something in its Needs missing, or lines, or a fact? */
static bool lacks(const struct follow *follow, size_t rule, const struct fact *facts, size_t n)
{
	if (!verdict_enough(follow->diagnosis, rule))
		return true;
	for (size_t i = 0; i < follow->rules->n_patterns; i++)
		if (follow->rules->patterns[i].rule == rule &&
		    follow->rules->patterns[i].role == RULE_NEEDS && !follow->passed[i].lines)
			return true;
	return !verdict_facts(follow->diagnosis, rule, facts, n);
}

/**
 * covered() - does another rule that holds, or may hold, explain this one?
 * @due:	filled in: when that one is decided, if it is not yet; else 0
 */
static bool covered(const struct follow *follow, size_t rule, const struct fact *facts, size_t n,
		    uint64_t *due)
{
	const struct rule *this = &follow->rules->rules[rule];
	bool found = false;

	*due = 0;
	for (size_t i = 0; i < follow->rules->n_rules; i++) {
		const struct rule *other = &follow->rules->rules[i];
		const struct fault *fault = &follow->faults[i];

		if (i == rule || !fault->seen ||
		    fault->last + FOLLOW_EXPLAIN < follow->faults[rule].since ||
		    !(rules_explains(other, this) || (this->last && !other->last)))
			continue;
		if (fault->holds)
			found = true;
		else if (fault->due != NEVER && !is_excused(follow, i) &&
			 !lacks(follow, i, facts, n))
			*due = fault->due > *due ? fault->due : *due;
	}
	if (found)
		*due = 0;
	return found || *due;
}

/**
 * decided() - a rule holds: it is not decided again for this device
 *
 * It is due as before if it counts, and others have enough, too.
 */
static void decided(struct follow *follow, size_t rule, bool told)
{
	const struct evidence *e = &follow->diagnosis->evidence[rule];
	struct fault *fault = &follow->faults[rule];

	fault->holds = true;
	fault->told = told || (counts(follow, rule) && fault->told);
	if (counts(follow, rule)) {
		tally_ended(e->tally, e->whose);
		add_device(fault, e->whose, NULL);
		evidence_settle(follow->diagnosis, rule, e->whose);
		if (tally_enough(e->tally, 0) && fault->n_devices < DEVICES)
			return;
	} else {
		add_ports(follow, rule);
		evidence_drop(follow->diagnosis, rule);
	}
	fault->due = NEVER;
}

/**
 * decide() - about a rule that is due
 * @now:	or UINT64_MAX if the log has ended
 * @err:	filled in if there is no memory
 *
 * Return: false if another rule that is due has to be decided first, or one that is due later
 */
static bool decide(struct follow *follow, size_t rule, uint64_t now, const struct fact *facts,
		   size_t n, int *err)
{
	struct fault *fault = &follow->faults[rule];
	uint64_t due;

	verdict_whose(follow->diagnosis, rule);
	if (is_excused(follow, rule)) {
		forget_matches(follow, rule);
		evidence_drop(follow->diagnosis, rule);
		fault->due = NEVER;
	} else if (lacks(follow, rule, facts, n)) {
		fault->due = NEVER;
	} else if (!covered(follow, rule, facts, n, &due)) {
		*err = verdict_add(follow->diagnosis, rule, facts, n);
		decided(follow, rule, true);
	} else if (due) {
		fault->due = due > now ? due : fault->due;
		return false;
	} else {
		decided(follow, rule, false);
	}
	return true;
}

/** weigh_crashes() - what is known of crashes that are due makes their rules due */
static void weigh_crashes(struct follow *follow, uint64_t now, const struct fact *facts, size_t n)
{
	const struct rules *rules = follow->rules;

	crash_log_weigh(follow->diagnosis, facts, n);
	crash_log_forget(follow->diagnosis->crash_log);
	follow->crash_due = NEVER;
	for (size_t i = 0; i < rules->bugs->n; i++) {
		size_t rule = rules->bug_rule + i;

		if (!follow->diagnosis->evidence[rule].count)
			continue;
		matched(follow, rule, now);
		if (follow->faults[rule].due != NEVER)
			follow->faults[rule].due = now;
	}
}

int follow_judge(struct follow *follow, uint64_t now, bool ended, const struct fact *facts,
		 size_t n)
{
	bool more = true;
	int err;

	if (ended)
		follow_part(follow, now);
	if (follow->crash_due != NEVER && (ended || follow->crash_due <= now))
		weigh_crashes(follow, now, facts, n);
	err = verdict_open(follow->diagnosis);
	/* Rules do not explain each other in circles, so of those that are due one can be decided. */
	while (more && !err) {
		more = false;
		for (size_t i = 0; i < follow->rules->n_rules && !err; i++)
			if (follow->faults[i].due != NEVER &&
			    (ended || follow->faults[i].due <= now))
				more |= decide(follow, i, ended ? NEVER : now, facts, n, &err);
	}
	if (!err)
		verdict_sort(follow->diagnosis);
	return err;
}

const struct finding *follow_finding(const struct follow *follow, size_t n)
{
	return diagnosis_finding(follow->diagnosis, n);
}

const struct rule *follow_explained(const struct follow *follow, const struct finding *finding,
				    size_t n)
{
	const struct fault *cause = &follow->faults[finding->rule - follow->rules->rules];

	for (size_t i = 0; i < follow->rules->n_rules; i++) {
		const struct fault *fault = &follow->faults[i];

		if (!fault->told || !rules_explains(finding->rule, &follow->rules->rules[i]) ||
		    fault->last + FOLLOW_EXPLAIN < cause->since)
			continue;
		if (!n--)
			return &follow->rules->rules[i];
	}
	return NULL;
}
