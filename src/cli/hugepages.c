/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/hugepages.h"

#include <errno.h>
#include <glob.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIRECTORY "/sys/kernel/mm/hugepages/hugepages-2048kB/"

static unsigned long read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long number = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%lu", &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

static int write_number(unsigned long number)
{
	FILE *file = fopen(HUGEPAGES_COUNT, "we");
	int err = 0;

	if (!file)
		return -errno;
	fprintf(file, "%lu\n", number);
	if (fclose(file))
		err = -errno;
	return err;
}

unsigned long hugepages_total(void)
{
	return read_number(HUGEPAGES_COUNT);
}

unsigned long hugepages_free(void)
{
	unsigned long unused = read_number(DIRECTORY "free_hugepages");
	unsigned long reserved = read_number(DIRECTORY "resv_hugepages");

	return unused > reserved ? unused - reserved : 0;
}

unsigned long long hugepages_memory(void)
{
	unsigned long long bytes = 0, kb;
	glob_t sizes;

	if (glob("/sys/kernel/mm/hugepages/hugepages-*kB", 0, NULL, &sizes))
		return 0;
	for (size_t i = 0; i < sizes.gl_pathc; i++) {
		char path[128];

		if (sscanf(sizes.gl_pathv[i], "/sys/kernel/mm/hugepages/hugepages-%llukB", &kb) !=
		    1)
			continue;
		snprintf(path, sizeof(path), "%s/free_hugepages", sizes.gl_pathv[i]);
		bytes += read_number(path) * kb * 1024;
	}
	globfree(&sizes);
	return bytes;
}

bool hugepages_mounted(void)
{
	FILE *mounts = setmntent("/proc/mounts", "re");
	struct mntent *mount;
	bool found = false;

	while (mounts && !found && (mount = getmntent(mounts)))
		found = !strcmp(mount->mnt_type, "hugetlbfs") && !access(mount->mnt_dir, W_OK);
	if (mounts)
		endmntent(mounts);
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

int hugepages_borrow(unsigned long pages, struct hugepages *hugepages, char *error,
		     size_t error_size)
{
	unsigned long unused = hugepages_free(), before = hugepages_total(), added;
	int fds[2], err;

	*hugepages = (struct hugepages){ .pipe = -1 };
	if (unused >= pages)
		return 0;
	err = write_number(before + pages - unused);
	if (err) {
		snprintf(error, error_size,
			 "%lu free hugepages of 2 MB are needed, there are %lu, and "
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
	snprintf(error, error_size,
		 "%lu free hugepages of 2 MB are needed and there are %lu: the rest "
		 "of the memory is in use or in small pieces; end other programs, or "
		 "restart the machine",
		 pages, unused);
	return -ENOMEM;
fail:
	err = -errno;
	give_back(added);
	hugepages->keeper = 0;
	snprintf(error, error_size, "cannot watch over the number of hugepages: %s",
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
