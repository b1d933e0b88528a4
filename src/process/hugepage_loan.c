/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: pages that were added must be removed again even if this process is
 * killed. So a keeper is forked. It waits for the end of a pipe that only we hold open, removes as
 * many pages as were added, and exits.
 */
#include "process/hugepage_loan.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compat.h"
#include "base/error.h"
#include "host/machine/hugepage.h"
#include "process/hugepages.h"

/** write_number() - as many pages as the kernel finds memory for, up to @number */
static int write_number(unsigned long number)
{
	struct host host;
	struct error error;
	int err = host_open(NULL, &host, &error);

	if (err)
		return err;
	err = hugepages_set(&host, -1, HUGEPAGE_SIZE >> 10, number);
	host_close(&host);
	return err == -ENOMEM ? 0 : err;
}

/** give_back() - what was added, whatever others have done to the number since */
static void give_back(unsigned long added)
{
	unsigned long number = hugepages_total();

	write_number(number > added ? number - added : 0);
}

/** keep() - the keeper's life; never returns */
static _Noreturn void keep(int pipe, unsigned long added)
{
	char none;

	/* A terminal's Ctrl-C must not reach the keeper, and it must not hold our output open. */
	setsid();
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (pipe > 3)
		compat_close_range(3, (unsigned int)pipe - 1);
	compat_close_range((unsigned int)pipe + 1, ~0u);
	compat_close_range(0, 2);
	while (read(pipe, &none, 1) < 0 && errno == EINTR)
		;
	give_back(added);
	_exit(0);
}

int hugepage_loan_open(unsigned long pages, struct hugepage_loan *loan, struct error *error)
{
	unsigned long unused = hugepages_free(), before = hugepages_total(), added;
	int fds[2], err;

	*loan = (struct hugepage_loan){ .pipe = -1 };
	if (unused >= pages)
		return 0;
	err = write_number(before + pages - unused);
	if (err) {
		error_say(
			error,
			"%lu free hugepages of 2 MB are needed, there are %lu, and their number cannot be changed: %s; run as root, or first run 'echo %lu | sudo tee " HUGEPAGES_COUNT
			"'",
			pages, unused, strerror(-err), before + pages - unused);
		return err;
	}
	added = hugepages_total() - before;
	if (pipe(fds) < 0)
		goto fail;
	loan->keeper = fork();
	if (!loan->keeper) {
		close(fds[1]);
		keep(fds[0], added);
	}
	close(fds[0]);
	loan->pipe = fds[1];
	if (loan->keeper < 0)
		goto fail;
	unused = hugepages_free();
	if (unused >= pages)
		return 0;
	return error_fail(
		error, -ENOMEM,
		"%lu free hugepages of 2 MB are needed and there are %lu: the rest of the memory is in use or fragmented; stop other programs, or restart the machine",
		pages, unused);
fail:
	err = -errno;
	give_back(added);
	loan->keeper = 0;
	error_say(error, "cannot ensure that the number of hugepages is restored: %s",
		  error_reason(-err));
	return err;
}

void hugepage_loan_close(struct hugepage_loan *loan)
{
	if (loan->pipe >= 0)
		close(loan->pipe);
	if (loan->keeper > 0)
		while (waitpid(loan->keeper, NULL, 0) < 0 && errno == EINTR)
			;
	*loan = (struct hugepage_loan){ .pipe = -1 };
}
