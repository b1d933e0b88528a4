/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/evidence.h - what a log has shown so far: from reading it (diagnosis.c) to the
 * verdict (verdict.c; follow.c if the log has no end), and of crashes crash_rules.c. Only these
 * include it.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_EVIDENCE_H
#define MANAKIN_HOST_DIAGNOSIS_EVIDENCE_H

#include "host/diagnosis/diagnosis.h"
#include "host/diagnosis/names.h"
#include "host/diagnosis/tally.h"

#define CAPTURES 16u
#define CAPTURED 160u /* bytes of one, and the end */
#define SPOKEN   4u   /* ports that the lines of one rule name */

/**
 * struct seen - what the log had of a pattern
 * @lines:	that it matches
 * @last:	number of the last of them; 0: none
 * @tried:	offset in the log up to which it does not match
 * @kept:	lines that were kept
 */
struct seen {
	uint64_t lines, last, tried;
	uint32_t tries, kept;
};

/**
 * struct capture - a name in a line
 * @whose:	of whom the line is; empty, if the rule does not ask (Per), or the line does not say
 */
struct capture {
	char name[36];
	char whose[TALLY_WORD];
	char value[CAPTURED];
};

/**
 * struct evidence - what the log had of a rule
 * @kept, @counted: numbers of the last lines that were
 * @whose:	the verdict is about this one (Per) alone; empty: about all
 * @ports:	that its lines name, each as far as they do
 * @tally:	of its lines; only if the rule counts them, or they may be over
 * @missing:	it lacks one of Needs, or has one of Unless
 * @holds:	and the machine has the facts that it needs
 */
struct evidence {
	struct finding_line *lines;
	size_t n_lines;
	uint64_t count, kept, counted;
	struct capture *captures;
	size_t n_captures;
	struct port_names *ports;
	size_t n_ports;
	struct tally *tally;
	char whose[TALLY_WORD];
	bool missing, holds;
};

/**
 * struct diagnosis - a log
 * @names:	the ports that it speaks of
 * @named:	number of the last line that was read for these
 * @crash_log:	of the kernel
 * @buffer, @fill: what has not been searched yet
 * @offset:	in the log, of the buffer
 * @line, @counted: number of the line that is at this offset of the buffer
 * @cut:	the buffer begins within a line
 * @bare:	offset in the log up to which lines need not be unwrapped
 * @wrapped, @wrapped_len: the line as it was before, while the unwrapped one is searched
 * @unwrapped, @unwrapped_to: the line that was unwrapped last, and the offset in the log of its end
 * @wide:	UTF-16: 1 or 2, 1 plus the place of the byte that counts; 0: not
 * @odd:	the next byte is the second of its two
 */
struct diagnosis {
	const struct rules *rules;
	struct matcher *matcher;
	struct seen *seen;
	struct evidence *evidence;
	struct log_ports names;
	uint64_t named;
	struct crash_log *crash_log;
	char *buffer;
	size_t fill;
	char *unwrapped;
	const char *wrapped;
	size_t wrapped_len;
	uint64_t offset, bytes, line, bare, unwrapped_to;
	size_t counted, region;
	bool cut, odd;
	int wide;
	struct finding *findings;
	size_t n_findings;
};

/** evidence_capture() - what a rule's patterns captured under this name; NULL: nothing */
const char *evidence_capture(const struct evidence *evidence, const char *name);

/** evidence_clear() - release what is kept, as if the log had shown nothing of the rule */
void evidence_clear(struct evidence *evidence);

/** evidence_port() - the port that is called @whose; NULL: the lines name none */
const struct port_names *evidence_port(const struct evidence *evidence, const char *whose);

/** evidence_is_of() - is a line about @whose? */
bool evidence_is_of(const struct finding_line *line, const char *whose);

/** evidence_drop() - forget all that the log had of a rule */
void evidence_drop(struct diagnosis *diagnosis, size_t rule);

/** evidence_settle() - the same of one (Per), whose lines still count for those that come */
void evidence_settle(struct diagnosis *diagnosis, size_t rule, const char *whose);

/** diagnosis_look() - search what is left in the buffer; the log has ended */
void diagnosis_look(struct diagnosis *diagnosis);

/** diagnosis_part() - the same if the log goes on in another file: its lines are counted from 1 */
void diagnosis_part(struct diagnosis *diagnosis);

/** finding_free() - what a finding owns */
void finding_free(struct finding *finding);

/** verdict_enough() - has the log as many lines of a rule as it asks for? */
bool verdict_enough(const struct diagnosis *diagnosis, size_t rule);

/** verdict_whose() - if a rule has enough lines of one (Per), decide about that one */
void verdict_whose(struct diagnosis *diagnosis, size_t rule);

/** verdict_facts() - does the machine have the facts that a rule needs? */
bool verdict_facts(const struct diagnosis *diagnosis, size_t rule, const struct fact *facts,
		   size_t n);

/** verdict_open() - forget the findings that there are, and have room for others; 0 or -ENOMEM */
int verdict_open(struct diagnosis *diagnosis);

/** verdict_add() - a rule holds and is told: make a finding of it; 0 or -ENOMEM */
int verdict_add(struct diagnosis *diagnosis, size_t rule, const struct fact *facts, size_t n);

/** verdict_sort() - findings into the order of their first lines */
void verdict_sort(struct diagnosis *diagnosis);

#endif
