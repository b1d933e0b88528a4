/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: this is the control thread. It waits in one epoll set for the request to
 * stop, the timer of the statistics, client memory that was taken away, and, for each adapter, its
 * client and its control socket. Each of these is a source with a function that serves it without
 * blocking. Packets are moved by the lanes, which are threads of their own.
 */
#include "serve/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/compat.h"
#include "base/error.h"
#include "base/log.h"
#include "base/socket_file.h"
#include "base/pulse.h"
#include "host/machine/control.h"
#include "host/machine/software.h"
#include "serve/confinement.h"
#include "serve/control_server.h"
#include "serve/examination.h"
#include "serve/statistics.h"
#include "serve/tracing.h"
#include "serve/watchdog.h"
#include "term/say.h"
#include "trace/create.h"

#define EVENTS_MAX         8
#define SOURCES_MAX        (3 + 2 * SERVE_ADAPTERS_MAX)
#define DESCRIPTORS_WANTED 65536u
#define STOPPED            0 /* exit status of a process that was told to stop */

/**
 * struct source - a descriptor to wait for
 * @serve:	called when it is readable, with @what
 * @step:	what that is, for the watchdog
 */
struct source {
	void (*serve)(void *what);
	void *what;
	const char *step;
};

/**
 * struct process - what is open
 * @open:	how many adapters, each with its control server
 * @timer:	of the statistics; never fires if none are wanted
 * @made:	files to remove if the process cannot end in order
 * @ended:	see struct watchdog_config
 */
struct process {
	const struct serve_config *config;
	struct lanes *lanes;
	struct adapter *adapters[SERVE_ADAPTERS_MAX];
	struct control_server *controls[SERVE_ADAPTERS_MAX];
	struct examinations *examinations;
	unsigned int open;
	int epoll, timer;
	bool stopped;
	struct source sources[SOURCES_MAX];
	unsigned int n_sources;
	struct socket_file made[3 * SERVE_ADAPTERS_MAX];
	unsigned int n_made;
	struct watchdog *watchdog;
	struct tracing *tracing; /* of all adapters; NULL: none is wanted */
	int ended;
};

static void serve_adapter(void *adapter)
{
	adapter_serve(adapter);
}

static void serve_control(void *control)
{
	control_server_serve(control);
}

static void serve_stop(void *process)
{
	((struct process *)process)->stopped = true;
}

/** serve_guard() - a client took memory away: each adapter checks whether it was its own client */
static void serve_guard(void *what)
{
	struct process *process = what;
	uint64_t count;

	if (read(adapter_guard_fd(), &count, sizeof(count)) < 0)
		return;
	for (unsigned int i = 0; i < process->open; i++)
		adapter_check(process->adapters[i]);
}

static void serve_timer(void *what)
{
	struct process *process = what;
	uint64_t expired;

	if (read(process->timer, &expired, sizeof(expired)) > 0)
		statistics_print(process->adapters, process->open, process->config->json);
}

static int watch(struct process *process, int fd, const char *step, void (*serve)(void *what),
		 void *what)
{
	struct source *source = &process->sources[process->n_sources++];
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = source };

	*source = (struct source){ serve, what, step };
	return epoll_ctl(process->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/** watch_all() - fill the epoll set; 0 or a negative errno */
static int watch_all(struct process *process, int stop)
{
	unsigned int seconds = process->config->stats_seconds;
	struct itimerspec every = { .it_interval.tv_sec = seconds, .it_value.tv_sec = seconds };
	int err;

	process->epoll = epoll_create1(EPOLL_CLOEXEC);
	process->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (process->epoll < 0 || process->timer < 0 ||
	    timerfd_settime(process->timer, 0, &every, NULL) < 0)
		return -errno;
	err = watch(process, stop, "the request to stop", serve_stop, process);
	if (!err)
		err = watch(process, process->timer, "statistics", serve_timer, process);
	if (!err)
		err = watch(process, adapter_guard_fd(), "truncated memory", serve_guard, process);
	for (unsigned int i = 0; !err && i < process->open; i++) {
		err = watch(process, adapter_fd(process->adapters[i]), "a client", serve_adapter,
			    process->adapters[i]);
		if (!err && process->controls[i])
			err = watch(process, control_server_fd(process->controls[i]),
				    "a control request", serve_control, process->controls[i]);
	}
	return err;
}

/** serve_until_stopped() - the loop */
static void serve_until_stopped(struct process *process)
{
	struct epoll_event events[EVENTS_MAX];

	while (!process->stopped) {
		int n;

		pulse_rest();
		n = epoll_wait(process->epoll, events, EVENTS_MAX, -1);
		for (int i = 0; i < n; i++) {
			struct source *source = events[i].data.ptr;

			pulse_beat(source->step, PULSE_NOBODY);
			source->serve(source->what);
		}
	}
}

/** make_run_directory() - for a socket below SOFTWARE_DIRECTORY; an existing one stays */
static int make_run_directory(const char *socket)
{
	char path[SERVE_SOCKET_TEXT];
	int err;

	if (strncmp(socket, SOFTWARE_DIRECTORY "/", strlen(SOFTWARE_DIRECTORY) + 1))
		return 0;
	strcpy(path, socket);
	*strrchr(path, '/') = '\0';
	if ((!mkdir(SOFTWARE_DIRECTORY, 0755) || errno == EEXIST) &&
	    (!mkdir(path, 0700) || errno == EEXIST))
		return 0;
	err = -errno;
	say("cannot create %s: %s; run as root, or choose another --socket", path, strerror(-err));
	return err;
}

/** lanes_of() - how many there are */
static unsigned int lanes_of(const struct serve_config *config)
{
	return config->lanes ? config->lanes : 1;
}

/** open_adapter() - the next one of the configuration, with its control socket */
static int open_adapter(struct process *process)
{
	const struct adapter_config *config = &process->config->adapters[process->open];
	struct adapter **adapter = &process->adapters[process->open];
	struct error error;
	const struct passed *passed = &process->config->passed[process->open];
	int err = passed->given ? 0 : make_run_directory(config->socket);

	if (err)
		return err;
	err = adapter_open(config, process->lanes, adapter, &error);
	if (!err && passed->given && passed->control < 0) {
		log_say(LOG_NOTICE,
			"%s: no control socket was passed: manakin control and manakin list cannot ask it",
			config->name);
	} else if (!err) {
		err = control_server_open(*adapter, passed->given ? passed->control : -1,
					  lanes_of(process->config),
					  &process->controls[process->open], &error);
		if (err)
			adapter_close(*adapter);
	}
	if (err)
		say("%s", error.text);
	else
		process->open++;
	return err;
}

/** examine_all() - the adapters' clients, if that is asked for; prints a message on failure */
static int examine_all(struct process *process)
{
	const struct examination_config *config = &process->config->examine;
	struct error error;
	int err;

	if (!config->wanted)
		return 0;
	err = examinations_open(config, &process->examinations, &error);
	for (unsigned int i = 0; !err && i < process->open; i++) {
		err = examinations_add(process->examinations, process->adapters[i]);
		if (err)
			error_say(&error, "cannot examine %s: %s",
				  adapter_config(process->adapters[i])->name, error_reason(-err));
	}
	if (err)
		say("%s", error.text);
	return err;
}

/** open_all() - the adapters, and the view for DPDK; prints a message on failure */
static int open_all(struct process *process)
{
	const struct serve_config *config = process->config;
	struct error error;
	int err = 0;

	while (!err && process->open < config->count)
		err = open_adapter(process);
	if (!err)
		err = examine_all(process);
	if (err || !*config->directory)
		return err;
	err = pci_view_make(config->directory, config->address, config->physical, &error);
	if (err)
		say("%s", error.text);
	return err;
}

/** open_trace() - of all adapters, if one is wanted; prints a message on failure */
static int open_trace(struct process *process)
{
	const struct serve_config *config = process->config;
	struct tracing_config tracing = { .name = config->trace,
					  .mib = config->trace_mib,
					  .snaplen = config->trace_snaplen,
					  .lanes = lanes_of(config) };
	struct error error;
	int err;

	if (!config->trace)
		return 0;
	tracing.fd = trace_create(config->trace, &error);
	err = tracing.fd < 0 ? tracing.fd
			     : tracing_open(&tracing, process->adapters, process->open,
					    &process->tracing, &error);
	if (err)
		say("%s", error.text);
	return err;
}

/** start_trace() - in the sandbox; prints a message on failure */
static int start_trace(struct process *process)
{
	int err = process->tracing ? tracing_start(process->tracing) : 0;

	if (err)
		say("the trace cannot be started: %s", error_reason(-err));
	return err;
}

/** note_made() - remember a file, if it is there */
static void note_made(struct process *process, const char *socket, const char *suffix)
{
	struct socket_file *made = &process->made[process->n_made];
	struct stat st;

	snprintf(made->path, sizeof(made->path), "%s%s", socket, suffix);
	if (lstat(made->path, &st) < 0)
		return;
	made->device = st.st_dev;
	made->inode = st.st_ino;
	process->n_made++;
}

/** abandon() - see struct watchdog_config; on the watchdog's thread, so it uses only what stays */
static void abandon(void *what)
{
	struct process *process = what;
	const struct serve_config *config = process->config;

	for (unsigned int i = 0; i < process->n_made; i++)
		socket_file_remove(&process->made[i]);
	if (*config->directory)
		pci_view_remove(config->directory, config->address);
}

/** start_watchdog() - from now on the process ends when it is told to; prints a message on failure */
static int start_watchdog(struct process *process, int stop)
{
	struct watchdog_config config = { .stop = stop,
					  .ended = process->ended,
					  .status = STOPPED,
					  .abandon = abandon,
					  .ctx = process };
	int err;

	for (unsigned int i = 0; i < process->open; i++) {
		const char *socket = adapter_config(process->adapters[i])->socket;

		if (process->config->passed[i].given)
			continue;
		note_made(process, socket, "");
		note_made(process, socket, CONTROL_SUFFIX);
		note_made(process, socket, SYNTHETIC_SUFFIX);
	}
	err = watchdog_start(&config, &process->watchdog);
	if (err)
		say("cannot start the watchdog: %s", error_reason(-err));
	return err;
}

/** close_all() - returns how many rules were broken, of those that were examined */
static unsigned int close_all(struct process *process)
{
	unsigned int broken = examinations_close(process->examinations);
	bool opened = process->open;

	tracing_close(process->tracing);
	while (process->open) {
		control_server_close(process->controls[--process->open]);
		adapter_close(process->adapters[process->open]);
	}
	if (opened && *process->config->directory)
		pci_view_remove(process->config->directory, process->config->address);
	if (process->timer >= 0)
		close(process->timer);
	if (process->epoll >= 0)
		close(process->epoll);
	return broken;
}

/**
 * allow_descriptors() - as many open files as the administrator permits
 *
 * What clients may have open is bounded, but it is more than the usual 1024 if there are several.
 */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur < DESCRIPTORS_WANTED)
		limit.rlim_cur =
			limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int serve_run(const struct serve_config *config, int stop)
{
	struct process process = { .config = config, .epoll = -1, .timer = -1 };
	unsigned int broken;
	int err;

	allow_descriptors();
	process.ended = (int)syscall(SYS_pidfd_open, getpid(), 0);
	err = lanes_start(config->lanes ? config->cpus : NULL, lanes_of(config), &process.lanes);
	if (err) {
		say("cannot start the data lanes: %s; check that each CPU of --cpus exists and that this process may use it",
		    strerror(-err));
		return err;
	}
	err = open_all(&process);
	if (!err)
		err = open_trace(&process);
	if (!err) {
		err = watch_all(&process, stop);
		if (err)
			say("cannot wait for clients: %s", error_reason(-err));
	}
	if (!err)
		err = confinement_enter(config, process.lanes);
	/* Its thread inherits the sandbox. */
	if (!err)
		err = start_watchdog(&process, stop);
	if (!err)
		err = start_trace(&process);
	for (unsigned int i = 0; !err && i < process.open; i++) {
		const struct adapter_config *adapter = adapter_config(process.adapters[i]);

		/* Captures start their threads in the sandbox. */
		adapter_flush(process.adapters[i]);
		log_say(LOG_NOTICE, "%s: %u port%s, waiting for a client at %s", adapter->name,
			adapter->ports, adapter->ports == 1 ? "" : "s", adapter->socket);
	}
	if (!err) {
		serve_until_stopped(&process);
		statistics_print(process.adapters, process.open, config->json);
	}
	broken = close_all(&process);
	lanes_stop(process.lanes);
	if (process.watchdog)
		watchdog_stop(process.watchdog);
	if (process.ended >= 0)
		close(process.ended);
	return err ? err : broken != 0;
}
