/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/diagnosis.h - the causes of failure that a log shows.
 *
 * The room host/diagnosis finds known failures in a log of any size. What is known is data
 * (share/rules, rules.h); facts of the machine, if it has an adapter, confirm causes and fill in
 * names (facts.h). A log is untrusted: it may have any bytes, and every pattern has a bound on the
 * work it may cause. The room uses base/, host/machine and PCRE2. It prints nothing and changes
 * nothing; it never explains a line that no rule describes.
 *
 *	diagnosis_open(), diagnosis_feed() or diagnosis_read(), diagnosis_finish(), then
 *	diagnosis_finding() for each cause.
 *
 * However long the log is, memory is bounded by the number of rules.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_DIAGNOSIS_H
#define MANAKIN_HOST_DIAGNOSIS_DIAGNOSIS_H

#include "host/diagnosis/rules.h"

#define DIAGNOSIS_LINES 6u   /* kept for each rule */
#define DIAGNOSIS_LINE  400u /* bytes kept of each, and the end */

#define FACT_KEPT       "port.kept"
#define FACT_KERNEL     "kernel.version" /* /proc/version */

/**
 * struct fact - something known of the machine
 * @name:	one of those that rules_fact_known() knows, or FACT_KERNEL, or FACT_KEPT: a port
 *		that is not for DPDK, because the user reaches the machine through it. Several
 *		facts may have one name
 * @value:	a word, or a number in decimal
 * @words:	for the user: "eth1 is up"
 * @port:	number of the port that it is about, from 1; 0: it is about the machine
 */
struct fact {
	const char *name;
	const char *value;
	const char *words;
	unsigned int port;
};

/**
 * struct finding_line - a line that shows a cause
 * @number:	from 1
 * @text:	valid UTF-8 without control characters; long lines are cut
 */
struct finding_line {
	uint64_t number;
	char text[DIAGNOSIS_LINE];
};

/**
 * struct finding - a cause, with the names in its texts filled in
 * @fix:	steps; without those whose names nobody knows
 * @command:	of each step: is it a command to be typed?
 * @lines:	in their order; its own
 * @count:	of lines that show it, kept or not
 * @confirmed:	the machine confirms it, and @evidence says how
 */
struct finding {
	const struct rule *rule;
	char *title, *cause;
	char **fix;
	bool *command;
	size_t n_fix;
	struct finding_line *lines;
	size_t n_lines;
	uint64_t count;
	bool confirmed;
	char **evidence;
	size_t n_evidence;
};

struct diagnosis;

/**
 * diagnosis_open() - begin with a log
 * @rules:	ready; owned by the caller, and unchanged until diagnosis_close()
 *
 * Return: NULL if there is no memory
 */
struct diagnosis *diagnosis_open(const struct rules *rules);
void diagnosis_close(struct diagnosis *diagnosis);

/** diagnosis_feed() - more of the log, in pieces of any size */
void diagnosis_feed(struct diagnosis *diagnosis, const void *data, size_t len);

/** diagnosis_read() - all of a file or pipe; 0 or a negative errno */
int diagnosis_read(struct diagnosis *diagnosis, int fd);

/**
 * diagnosis_finish() - the log has ended: which causes does it show?
 * @facts:	of the machine; none if @n is 0
 *
 * Return: 0 or -ENOMEM
 */
int diagnosis_finish(struct diagnosis *diagnosis, const struct fact *facts, size_t n);

/** diagnosis_bytes() - length of the log so far */
uint64_t diagnosis_bytes(const struct diagnosis *diagnosis);

/** diagnosis_finding() - a cause, in the order of their first lines; NULL after the last */
const struct finding *diagnosis_finding(const struct diagnosis *diagnosis, size_t n);

#endif
