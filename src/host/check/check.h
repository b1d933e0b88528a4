/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/check/check.h - does the machine have what MANA and DPDK need?
 *
 * The room host/check judges what host/machine and host/dpdk found: a table of checks (check.c) in
 * the order of Azure's guide, each a function that reports findings with a verdict, the evidence
 * in words, and the command that fixes it. It uses base/ and those two rooms. It changes nothing,
 * needs no root, prints nothing, and starts no process but the child that asks libibverbs. What
 * cannot be determined gets the verdict "unknown", never a guess.
 *
 * docs/check.md explains what is checked, why, and what the sources are.
 */
#ifndef MANAKIN_HOST_CHECK_CHECK_H
#define MANAKIN_HOST_CHECK_CHECK_H

#include "base/error.h"
#include "host/machine/root.h"

enum verdict {
	VERDICT_OK,
	VERDICT_NOTE,    /* good to know, and of the section about RDMA alone */
	VERDICT_UNKNOWN, /* cannot be determined; the evidence says why */
	VERDICT_WARNING, /* works, but not as it should; or needs a step of setup */
	VERDICT_FAIL,    /* DPDK will not work on MANA */
};

/**
 * struct finding - what one check found of one thing
 * @check:	name of the check
 * @rdma:	it is about applications of RDMA, which DPDK does not need
 * @subject:	of what: an interface, a module; empty if there is but one
 * @evidence:	what was seen, in words
 * @fix:	command that fixes it; NULL if there is none, or nothing to fix
 */
struct finding {
	const char *check;
	bool rdma;
	char *subject;
	enum verdict verdict;
	char *evidence;
	char *fix;
};

/**
 * struct check_report - all that was found
 * @worst:	of the verdicts; notes and unknown ones are no worse than good ones
 */
struct check_report {
	struct finding *finding;
	size_t n;
	enum verdict worst;
};

/**
 * struct check_request - what the user asks for
 * @words:	interfaces, as machine_find() takes them; none: whatever there is
 * @queues, @descriptors: that the application will use; 0: not known
 * @arguments:	of the DPDK application, @n_arguments of them
 */
struct check_request {
	char *const *words;
	size_t n_words;
	unsigned int queues, descriptors;
	char *const *arguments;
	size_t n_arguments;
};

/**
 * check_run() - run all checks
 * @report:	filled in; check_report_free() it, after a failure too
 * @error:	on failure, a sentence for the user
 *
 * Return: 0; -ENODEV or -EINVAL: a word names no interface; or another negative errno
 */
int check_run(const struct host *host, const struct check_request *request,
	      struct check_report *report, struct error *error);
void check_report_free(struct check_report *report);

/** verdict_name() - "ok", "note", "unknown", "warning", "fail" */
const char *verdict_name(enum verdict verdict);

#endif
