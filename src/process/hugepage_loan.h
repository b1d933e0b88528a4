/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * process/hugepage_loan.h - hugepages of 2 MB, added to the machine for a while.
 */
#ifndef MANAKIN_PROCESS_HUGEPAGE_LOAN_H
#define MANAKIN_PROCESS_HUGEPAGE_LOAN_H

#include <sys/types.h>

#include "base/error.h"

/**
 * struct hugepage_loan - pages that were added to the machine's
 * @keeper:	process that removes them when this one has ended, however it ends; 0: none
 * @pipe:	its end tells the keeper that we have ended; -1: none
 */
struct hugepage_loan {
	pid_t keeper;
	int pipe;
};

/**
 * hugepage_loan_open() - add pages until @pages are free
 * @pages:	needed
 * @loan:	filled in; hugepage_loan_close() it, after a failure too
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int hugepage_loan_open(unsigned long pages, struct hugepage_loan *loan, struct error *error);

/** hugepage_loan_close() - remove the added pages */
void hugepage_loan_close(struct hugepage_loan *loan);

#endif
