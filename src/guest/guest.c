/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/guest.c - one run of a guest: build what is missing, start its adapters and the machine,
 * and stop them.
 *
 * Everything that a run creates on the host is a child process or in one directory. Both are gone
 * when it ends; if it failed, the directory stays, with the logs.
 */
#include "guest/guest.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/adapter.h"
#include "guest/cache.h"
#include "guest/directory.h"
#include "guest/session.h"
#include "process/signals.h"
#include "term/say.h"

#define ADAPTER_STOP_MS 5000

/* The adapter of a run that names none: the two NICs of the guide's VM. */
static const char default_adapter[] = "--port mac=00:0d:3a:00:00:01,fabric=switch "
				      "--port mac=00:0d:3a:00:00:02,fabric=switch";

/**
 * struct run - what a run has started so far
 * @options:	what the user wants
 * @directory:	its own
 * @signals:	held back from the start
 * @adapters:	processes of its own adapters
 * @slots:	PCI slot of each of them, counted from 0
 * @n_adapters:	number of both
 * @n_slots:	adapters in the guest, attached ones included
 * @booted:	a guest was started
 */
struct run {
	const struct run_options *options;
	struct directory directory;
	struct signals signals;
	struct child adapters[GUEST_ADAPTERS_MAX];
	unsigned int slots[GUEST_ADAPTERS_MAX];
	size_t n_adapters;
	unsigned int n_slots;
	bool booted;
};

/**
 * report_path() - where the examiner of an adapter writes to
 *
 * With several adapters the second one's file is REPORT-1.SUFFIX. Without a name it is with the
 * logs, from where it is printed at the end.
 */
static const char *report_path(const struct run *run, unsigned int slot, char path[PATH_MAX])
{
	const char *wanted = run->options->report, *dot, *slash;

	if (!wanted) {
		snprintf(path, PATH_MAX, "%.4000s/examine-%u.txt", run->directory.logs, slot);
		return path;
	}
	dot = strrchr(wanted, '.');
	slash = strrchr(wanted, '/');
	if (!slot)
		snprintf(path, PATH_MAX, "%s", wanted);
	else if (dot && (!slash || dot > slash))
		snprintf(path, PATH_MAX, "%.*s-%u%s", (int)(dot - wanted), wanted, slot, dot);
	else
		snprintf(path, PATH_MAX, "%s-%u", wanted, slot);
	return path;
}

/** print_report() - the report of an adapter's examiner, if it has no file of its own */
static void print_report(const struct run *run, unsigned int slot)
{
	char path[PATH_MAX], line[512];
	FILE *file;

	if (!run->options->examine || run->options->report)
		return;
	file = fopen(report_path(run, slot, path), "re");
	while (file && fgets(line, sizeof(line), file))
		fputs(line, stderr);
	if (file)
		fclose(file);
}

/**
 * start_adapters() - start or attach all that the user asked for
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
	struct adapter_extra extra = { .synthetic = options->netvsc };
	char name[32], path[PATH_MAX];
	int err = 0, log;

	if (!n && !options->bare) {
		adapters = &fallback;
		n = 1;
	}
	for (; !err && run->n_slots < n; run->n_slots++) {
		const struct run_adapter *wanted = &adapters[run->n_slots];

		if (wanted->attach) {
			err = adapter_attach(wanted->text, run->directory.path, run->n_slots,
					     options->netvsc);
			continue;
		}
		snprintf(name, sizeof(name), "adapter-%u.log", run->n_slots);
		log = options->verbose ? dup(STDERR_FILENO) : directory_log(&run->directory, name);
		if (log < 0)
			return -EIO;
		if (options->examine)
			extra.examine = report_path(run, run->n_slots, path);
		err = adapter_start(&run->adapters[run->n_adapters], wanted->text,
				    run->directory.path, run->n_slots, &extra, log);
		close(log);
		if (err && !options->verbose)
			directory_show(&run->directory, name);
		run->slots[run->n_adapters++] = run->n_slots;
	}
	return err;
}

/**
 * stop_adapters() - stop all that the run started
 * @run:	the run
 *
 * Return: 0; LAB_FAILED if one did not end cleanly (the user has been told), or LAB_BROKEN
 */
static int stop_adapters(struct run *run)
{
	char fate[80], name[32];
	int status, result = 0;

	for (size_t i = 0; i < run->n_adapters; i++) {
		if (run->adapters[i].pid <= 0)
			continue;
		status = child_stop(&run->adapters[i], SIGTERM, ADAPTER_STOP_MS);
		print_report(run, run->slots[i]);
		if (status == 0)
			continue;
		/* manakin-device(1), EXIT STATUS */
		if (WIFEXITED(status) && WEXITSTATUS(status) == LAB_BROKEN &&
		    run->options->examine) {
			result = result ? result : LAB_BROKEN;
			continue;
		}
		snprintf(name, sizeof(name), "adapter-%u.log", run->slots[i]);
		if (!run->options->verbose)
			directory_show(&run->directory, name);
		say("adapter %u %s when it was stopped", run->slots[i],
		    child_fate(status, fate, sizeof(fate)));
		result = LAB_FAILED;
	}
	return result;
}

/**
 * run_guest() - run the machine, once its adapters are ready
 * @run:	the run
 * @cached_qemu: the cache's
 * @image:	the cache's
 * @kernel:	the cache's; used if the user wants another kernel than the guest's own
 *
 * Return: the exit status
 */
static int run_guest(struct run *run, const struct cache_item *cached_qemu,
		     const struct cache_item *image, const struct cache_item *kernel)
{
	const struct run_options *options = run->options;
	struct qemu_config machine = {
		.arch = options->kind.arch,
		.qemu = cached_qemu->path,
		.image = image->path,
		.kernel = options->kind.kernel ? kernel->path : NULL,
		.directory = &run->directory,
		.accel = options->accel,
		.cpus = options->cpus,
		.memory_mb = options->memory_mb,
		.adapters = run->n_slots,
		.root_ports = options->root_ports,
		.netvsc = options->netvsc,
		.share = options->share,
		.tap = options->tap,
		.stream = options->stream,
		.reboots = options->reboot,
		.talkative = options->verbose || options->logs,
	};
	struct session_config session = {
		.command = options->command,
		.reboot = options->reboot,
		.timeout_s = options->timeout_s,
		.verbose = options->verbose,
		.signals = &run->signals,
		.adapters = run->adapters,
		.n_adapters = run->n_adapters,
	};
	int status = LAB_FAILED;
	struct qemu qemu;

	session.console = directory_log(&run->directory, "console.log");
	if (session.console < 0)
		return LAB_FAILED;
	if (qemu_start(&qemu, &machine) == 0) {
		run->booted = true;
		status = session_run(&qemu, &session);
	}
	qemu_stop(&qemu);
	if (status == LAB_FAILED) {
		directory_show(&run->directory, "qemu.log");
		directory_show(&run->directory, "share.log");
	}
	close(session.console);
	return status;
}

/* Remove the run's directory, or say that it was kept for its logs. */
static void remove_directory(struct run *run, bool failed)
{
	bool keep = failed && run->booted && !run->options->logs && !run->options->verbose;

	if (keep)
		say("all logs of this run are in %s", run->directory.path);
	directory_remove(&run->directory, keep);
}

/* Find what a run needs, and build what is missing. Returns 0 or a negative errno, with a message */
static int find_built(struct cache_item items[CACHE_KINDS], const struct run_options *options)
{
	const unsigned int n = options->kind.kernel ? CACHE_KINDS : CACHE_KERNEL;
	int err = 0;

	/* Check all names first: nobody should wait for QEMU to learn that there is no such suite. */
	for (unsigned int kind = 0; kind < n && !err; kind++)
		err = cache_find(&items[kind], (enum cache_kind)kind, &options->kind);
	for (unsigned int kind = 0; kind < n && !err; kind++)
		err = cache_build(&items[kind], false);
	return err;
}

int guest_run(const struct run_options *options)
{
	struct run run = { .options = options, .directory.lock = -1 };
	int status = LAB_FAILED, stopped, caught, err;
	struct cache_item items[CACHE_KINDS];

	if (find_built(items, options))
		return LAB_FAILED;
	err = signals_open(&run.signals, SIGWINCH);
	if (err) {
		say("cannot wait for signals: %s; raise the limit of open files (ulimit -n)",
		    strerror(-err));
		return LAB_FAILED;
	}
	if (directory_make(&run.directory, options->logs) == 0 && start_adapters(&run) == 0)
		status = run_guest(&run, &items[CACHE_QEMU], &items[CACHE_IMAGE],
				   &items[CACHE_KERNEL]);
	stopped = stop_adapters(&run);
	if (stopped == LAB_BROKEN) {
		status = status ? status : LAB_BROKEN;
		stopped = 0;
	}
	if (stopped && status != LAB_TIMED_OUT && status <= LAB_FAILED)
		status = stopped;
	remove_directory(&run, status == LAB_FAILED || status == LAB_TIMED_OUT);
	/* A signal that came before or after the session */
	while ((caught = signals_read(&run.signals))) {
		if (caught != SIGWINCH)
			status = 128 + caught;
	}
	signals_close(&run.signals);
	return status;
}
