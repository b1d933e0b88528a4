/* SPDX-License-Identifier: BSD-3-Clause */
#include "process/hugepages.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/machine/hugepage.h"

#define SIZE_KIB   (HUGEPAGE_SIZE >> 10)
#define MOUNTS_MAX 16

/* The machine itself; nothing here is asked often enough to keep it open. */
static int machine(struct host *host)
{
	struct error error;

	return host_open(NULL, host, &error);
}

/** count() - pages of 2 MB on all nodes: how many, how many unused, and bytes unused in any size */
static void count(unsigned long *total, unsigned long *unused, unsigned long long *bytes)
{
	struct hugepages_found found;
	struct host host;

	*total = 0;
	*unused = 0;
	*bytes = 0;
	if (machine(&host))
		return;
	hugepages_read(&host, &found);
	for (size_t i = 0; i < found.n; i++) {
		const struct hugepage *page = &found.page[i];

		*bytes += (unsigned long long)page->free * page->kib * 1024;
		if (page->kib != SIZE_KIB)
			continue;
		*total += page->total;
		*unused += page->free;
	}
	if (*unused) {
		unsigned long reserved = hugepages_reserved(&host, SIZE_KIB);

		*unused = *unused > reserved ? *unused - reserved : 0;
	}
	hugepages_found_free(&found);
	host_close(&host);
}

/** write_number() - as many pages as the kernel finds memory for, up to @number */
static int write_number(unsigned long number)
{
	struct host host;
	int err = machine(&host);

	if (err)
		return err;
	err = hugepages_set(&host, -1, SIZE_KIB, number);
	host_close(&host);
	return err == -ENOMEM ? 0 : err;
}

unsigned long hugepages_total(void)
{
	unsigned long total, unused;
	unsigned long long bytes;

	count(&total, &unused, &bytes);
	return total;
}

unsigned long hugepages_free(void)
{
	unsigned long total, unused;
	unsigned long long bytes;

	count(&total, &unused, &bytes);
	return unused;
}

unsigned long long hugepages_memory(void)
{
	unsigned long total, unused;
	unsigned long long bytes;

	count(&total, &unused, &bytes);
	return bytes;
}

bool hugepages_mounted(void)
{
	struct hugepage_mount mounts[MOUNTS_MAX];
	bool found = false;
	struct host host;
	int n;

	if (machine(&host))
		return false;
	n = hugepage_mounts(&host, mounts, MOUNTS_MAX);
	for (int i = 0; i < n; i++)
		found |= mounts[i].writable;
	host_close(&host);
	return found;
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

	/* Neither a terminal's Ctrl-C nor whoever waits for our output's end is to notice us. */
	setsid();
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (pipe > 3)
		close_range(3, (unsigned int)pipe - 1, 0);
	close_range((unsigned int)pipe + 1, ~0u, 0);
	close_range(0, 2, 0);
	while (read(pipe, &none, 1) < 0 && errno == EINTR)
		;
	give_back(added);
	_exit(0);
}

int hugepages_borrow(unsigned long pages, struct hugepages *hugepages, struct error *error)
{
	unsigned long unused = hugepages_free(), before = hugepages_total(), added;
	int fds[2], err;

	*hugepages = (struct hugepages){ .pipe = -1 };
	if (unused >= pages)
		return 0;
	err = write_number(before + pages - unused);
	if (err) {
		error_say(error, "%lu free hugepages of 2 MB are needed, there are %lu, and "
			 "their number cannot be changed: %s; run it as root, or "
			 "first 'echo %lu | sudo tee " HUGEPAGES_COUNT "'",
			 pages, unused, strerror(-err), before + pages - unused);
		return err;
	}
	added = hugepages_total() - before;
	if (pipe(fds) < 0)
		goto fail;
	hugepages->keeper = fork();
	if (!hugepages->keeper) {
		close(fds[1]);
		keep(fds[0], added);
	}
	close(fds[0]);
	hugepages->pipe = fds[1];
	if (hugepages->keeper < 0)
		goto fail;
	unused = hugepages_free();
	if (unused >= pages)
		return 0;
	return error_fail(error, -ENOMEM, "%lu free hugepages of 2 MB are needed and there are %lu: the rest "
		 "of the memory is in use or in small pieces; end other programs, or "
		 "restart the machine",
		 pages, unused);
fail:
	err = -errno;
	give_back(added);
	hugepages->keeper = 0;
	error_say(error, "cannot watch over the number of hugepages: %s",
		 strerror(-err));
	return err;
}

void hugepages_return(struct hugepages *hugepages)
{
	if (hugepages->pipe >= 0)
		close(hugepages->pipe);
	if (hugepages->keeper > 0)
		while (waitpid(hugepages->keeper, NULL, 0) < 0 && errno == EINTR)
			;
	*hugepages = (struct hugepages){ .pipe = -1 };
}
