/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/run.c - manakin lab run and shell: a guest, its adapters, a command.
 *
 * Everything a run makes on the host is a child process or in one directory, and
 * both are gone when it ends; the directory stays, with the logs, if it failed.
 */
#include "guest/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "term/say.h"
#include "guest/status.h"
#include "guest/adapter.h"
#include "guest/cache.h"
#include "guest/session.h"

#define RUN_STEM        "manakin-lab."
#define LOGS_KEPT_S     (24 * 3600)
#define ADAPTER_STOP_MS 5000
#define LOG_TAIL_BYTES  4096

/* The adapter of a run that asks for none: the two NICs of the guide's VM. */
static const char default_adapter[] = "--port mac=00:0d:3a:00:00:01,fabric=switch "
				      "--port mac=00:0d:3a:00:00:02,fabric=switch";

/**
 * struct run - what a run has made so far
 * @options:	what the user wants
 * @directory:	its own
 * @lock:	@directory's, which says that it is in use; -1 if not made
 * @logs:	where logs go: @directory or the user's
 * @adapters:	processes of its own adapters
 * @slots:	PCI slot of each of them, counted from 0
 * @n_adapters:	number of both
 * @n_slots:	adapters in the guest, attached ones included
 * @booted:	was there ever a guest?
 */
struct run {
	const struct run_options *options;
	char directory[PATH_MAX];
	int lock;
	char logs[PATH_MAX];
	struct child adapters[GUEST_ADAPTERS_MAX];
	unsigned int slots[GUEST_ADAPTERS_MAX];
	size_t n_adapters;
	unsigned int n_slots;
	bool booted;
};

/**
 * open_log() - create one of the run's logs
 * @run:	the run
 * @name:	the file's
 *
 * Return: a file descriptor or a negative errno; the user has been told why
 */
static int open_log(const struct run *run, const char *name)
{
	char path[PATH_MAX + 64];
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s", run->logs, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	if (fd >= 0)
		return fd;
	err = errno;
	say("cannot write the log %s: %s", path, strerror(err));
	return -err;
}

/* Show the end of one of the run's logs. */
static void show_log(const struct run *run, const char *name)
{
	char path[PATH_MAX + 64], line[512];
	FILE *log;

	snprintf(path, sizeof(path), "%s/%s", run->logs, name);
	log = fopen(path, "re");
	if (!log)
		return;
	if (fseek(log, -LOG_TAIL_BYTES, SEEK_END) == 0 && fgets(line, sizeof(line), log))
		fputs("  ...\n", stderr); /* instead of half a line */
	while (fgets(line, sizeof(line), log))
		fprintf(stderr, "  %s", line);
	fclose(log);
}

/* Which names make_directory() makes. */
static int is_run(const struct dirent *entry)
{
	return !strncmp(entry->d_name, RUN_STEM, strlen(RUN_STEM));
}

/* Remove a directory that has no directories in it. */
static void remove_flat(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory)
		closedir(directory);
	rmdir(path);
}

/**
 * prune() - remove what runs left a day ago: logs of failures, all of those killed
 * @temporary:	where runs have their directories
 *
 * A run that is under way holds a lock on its directory.
 */
static void prune(const char *temporary)
{
	struct dirent **entries;
	char path[PATH_MAX];
	struct stat status;
	int n, fd;

	n = scandir(temporary, &entries, is_run, NULL);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", temporary, entries[i]->d_name);
		free(entries[i]);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
		    status.st_mtime < time(NULL) - LOGS_KEPT_S && flock(fd, LOCK_EX | LOCK_NB) == 0)
			remove_flat(path);
		close(fd);
	}
	if (n >= 0)
		free(entries);
}

/**
 * make_directory() - the run's own directory, and where its logs go
 * @run:	gets both
 *
 * Return: 0 or a negative errno; the user has been told why
 */
static int make_directory(struct run *run)
{
	const char *temporary = getenv("TMPDIR"), *logs = run->options->logs;
	int err;

	if (!temporary || *temporary != '/')
		temporary = "/tmp";
	prune(temporary);
	snprintf(run->directory, sizeof(run->directory), "%s/" RUN_STEM "XXXXXX", temporary);
	if (mkdtemp(run->directory))
		run->lock = open(run->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->lock < 0 || flock(run->lock, LOCK_SH) < 0) {
		err = errno;
		say("cannot make a directory like %s: %s; set TMPDIR to another place",
		    run->directory, strerror(err));
		return -err;
	}
	if (!logs) {
		snprintf(run->logs, sizeof(run->logs), "%s", run->directory);
		return 0;
	}
	if ((mkdir(logs, 0755) < 0 && errno != EEXIST) || !realpath(logs, run->logs)) {
		err = errno;
		say("cannot make the directory %s for the logs: %s", logs, strerror(err));
		return -err;
	}
	return 0;
}

/**
 * remove_directory() - the run's own directory and the few files in it
 * @run:	the run
 * @failed:	keep it for its logs
 */
static void remove_directory(const struct run *run, bool failed)
{
	if (run->lock < 0)
		return;
	if (failed && run->booted && !run->options->logs && !run->options->verbose)
		say("all logs of this run are in %s", run->directory);
	else
		remove_flat(run->directory);
	close(run->lock);
}

/**
 * start_adapters() - all that the user asked for
 * @run:	gets them
 *
 * Return: 0 or a negative errno; the user has been told why
 */
static int start_adapters(struct run *run)
{
	const struct run_adapter fallback = { .text = default_adapter };
	const struct run_options *options = run->options;
	const struct run_adapter *adapters = options->adapters;
	size_t n = options->n_adapters;
	char name[32];
	int err = 0, log;

	if (!n && !options->bare) {
		adapters = &fallback;
		n = 1;
	}
	for (; !err && run->n_slots < n; run->n_slots++) {
		const struct run_adapter *wanted = &adapters[run->n_slots];

		if (wanted->attach) {
			err = adapter_attach(wanted->text, run->directory, run->n_slots,
					     options->netvsc);
			continue;
		}
		snprintf(name, sizeof(name), "adapter-%u.log", run->n_slots);
		log = options->verbose ? dup(STDERR_FILENO) : open_log(run, name);
		if (log < 0)
			return -EIO;
		err = adapter_start(&run->adapters[run->n_adapters], wanted->text, run->directory,
				    run->n_slots, options->netvsc, log);
		close(log);
		if (err && !options->verbose)
			show_log(run, name);
		run->slots[run->n_adapters++] = run->n_slots;
	}
	return err;
}

/**
 * stop_adapters() - all that the run started
 * @run:	the run
 *
 * Return: 0, or LAB_FAILED if one did not end as it should; the user has been told
 */
static int stop_adapters(struct run *run)
{
	char fate[80], name[32];
	int status, result = 0;

	for (size_t i = 0; i < run->n_adapters; i++) {
		if (run->adapters[i].pid <= 0)
			continue;
		status = child_stop(&run->adapters[i], SIGTERM, ADAPTER_STOP_MS);
		if (status == 0)
			continue;
		snprintf(name, sizeof(name), "adapter-%u.log", run->slots[i]);
		if (!run->options->verbose)
			show_log(run, name);
		say("adapter %u %s", run->slots[i], child_fate(status, fate, sizeof(fate)));
		result = LAB_FAILED;
	}
	return result;
}

/**
 * run_guest() - the machine, once its adapters are there
 * @run:	the run
 * @qemu:	the cache's
 * @image:	the cache's
 *
 * Return: the exit status
 */
static int run_guest(struct run *run, const struct cache_item *qemu, const struct cache_item *image)
{
	const struct run_options *options = run->options;
	struct guest_config machine = {
		.qemu = qemu->path,
		.image = image->path,
		.directory = run->directory,
		.logs = run->logs,
		.accel = options->accel,
		.cpus = options->cpus,
		.memory_mb = options->memory_mb,
		.adapters = run->n_slots,
		.netvsc = options->netvsc,
		.share = options->share,
		.tap = options->tap,
		.reboots = options->reboot,
		.talkative = options->verbose || options->logs,
	};
	struct session_config session = {
		.command = options->command,
		.reboot = options->reboot,
		.timeout_s = options->timeout_s,
		.verbose = options->verbose,
		.adapters = run->adapters,
		.n_adapters = run->n_adapters,
	};
	int status = LAB_FAILED;
	struct guest guest;

	session.console = open_log(run, "console.log");
	if (session.console < 0)
		return LAB_FAILED;
	if (guest_start(&guest, &machine) == 0) {
		run->booted = true;
		status = session_run(&guest, &session);
	}
	guest_stop(&guest);
	if (status == LAB_FAILED) {
		show_log(run, "qemu.log");
		show_log(run, "share.log");
	}
	close(session.console);
	return status;
}

/* Ctrl-C and the like are for the session, however early they come. */
static void hold_signals(sigset_t *before)
{
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGHUP);
	sigprocmask(SIG_BLOCK, &held, before);
}

int lab_run(const struct run_options *options)
{
	struct run run = { .options = options, .lock = -1 };
	struct cache_item qemu, image;
	int status = LAB_FAILED, stopped;
	sigset_t before;

	if (cache_find(&qemu, CACHE_QEMU, NULL) ||
	    cache_find(&image, CACHE_IMAGE, options->suite) || cache_build(&qemu, false) ||
	    cache_build(&image, false))
		return LAB_FAILED;
	hold_signals(&before);
	if (make_directory(&run) == 0 && start_adapters(&run) == 0)
		status = run_guest(&run, &qemu, &image);
	stopped = stop_adapters(&run);
	if (stopped && status != LAB_TIMED_OUT && status <= LAB_FAILED)
		status = stopped;
	remove_directory(&run, status == LAB_FAILED || status == LAB_TIMED_OUT);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return status;
}
