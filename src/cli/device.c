/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin device: run MANA adapters in software until told to stop.
 */
#include <argp.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "serve/control.h"
#include "process/cpus.h"
#include "serve/port.h"
#include "serve/summary.h"
#include "serve/view.h"
#include "device/adapter.h"

#define ADAPTERS_MAX 16u

enum {
	OPTION_NAME = 'n',
	OPTION_SOCKET = 's',
	OPTION_PORT = 'p',
	OPTION_CPUS = 'c',
	OPTION_LOG = 'l',
	OPTION_STATS = 't',
	OPTION_JSON = 'j',
	OPTION_PF = 0x100,
	OPTION_ADDRESS,
	OPTION_SYNTHETIC,
};

static const struct argp_option options[] = {
	{ "name", OPTION_NAME, "NAME", 0, "What the adapter is called (default: mana0)", 0 },
	{ "socket", OPTION_SOCKET, "PATH", 0,
	  "Where the client connects (default: " SOFTWARE_DIRECTORY "/NAME/socket). Given again, another "
	  "adapter in the same process; the --port options that follow are its own",
	  0 },
	{ "port", OPTION_PORT, "SPEC", 0,
	  "A vPort: mac=ADDRESS,fabric=FABRIC,mtu=BYTES,queues=N,source=check|any. Given again, "
	  "another one, up to 16 (default: one with a sink)",
	  0 },
	{ "address", OPTION_ADDRESS, "ADDRESS", 0,
	  "PCI address that DPDK finds the adapter at, in " SOFTWARE_DIRECTORY "/NAME/pci (default: "
	  VIEW_ADDRESS_DEFAULT ")",
	  0 },
	{ "cpus", OPTION_CPUS, "LIST", 0,
	  "A data lane on each of these CPUs, such as 1,3 or 2-5 (default: one lane, on any)", 0 },
	{ "pf", OPTION_PF, NULL, 0, "Present the physical function (00b9), not a VF (00ba)", 0 },
	{ "synthetic", OPTION_SYNTHETIC, NULL, 0,
	  "Let the host of synthetic network cards connect at SOCKET" SYNTHETIC_SUFFIX
	  ": manakin lab --netvsc has it", 0 },
	{ "log", OPTION_LOG, "LEVEL", 0, "error, warning, notice (default), info or debug", 0 },
	{ "stats", OPTION_STATS, "SECONDS", 0, "Print what each port did, every so often", 0 },
	{ "json", OPTION_JSON, NULL, 0, "Print statistics as JSON", 0 },
	{ 0 },
};

static const char doc[] =
	"Run a MANA adapter in software. A virtual machine attaches with QEMU's vfio-user-pci, and "
	"gets the device 1414:00ba."
	"\vFABRIC is what a vPort is plugged into: sink, generator, loop, switch, tap:NAME or "
	"pcap:FILE; manakin-device(1) has their options. SIGINT or SIGTERM stops the adapter with a "
	"summary.\n\n"
	"Examples:\n"
	"  manakin device --socket /tmp/mana.sock \\\n"
	"      --port mac=00:0d:3a:76:3b:d0,fabric=tap:tap0\n"
	"  manakin device --port fabric=generator:size=64 --port fabric=sink\n\n"
	"Exit status: 0 stopped as asked, 1 could not start, 2 wrong usage.";

/** struct setup - the command line */
struct setup {
	struct adapter_config adapters[ADAPTERS_MAX];
	char sockets[ADAPTERS_MAX][108];
	char names[ADAPTERS_MAX][64];
	unsigned int count;
	unsigned int cpus[CPUS_MAX];
	unsigned int lanes;
	enum log_level level;
	unsigned int stats_seconds;
	bool json;
	bool physical;
	bool synthetic;
	const char *name;
	const char *address;
	char directory[64]; /* with the view; empty with a --socket of one's own */
	bool failed;
};

static int parse_level(struct setup *setup, const char *name)
{
	static const char *const names[] = { "error", "warning", "notice", "info", "debug" };

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i])) {
			setup->level = (enum log_level)i;
			return 0;
		}
	return -EINVAL;
}

/** add_adapter() - the options that follow are this adapter's */
static error_t add_adapter(struct setup *setup, const char *socket)
{
	if (setup->count == ADAPTERS_MAX)
		return usage_error(&setup->failed, "at most %u adapters a process; start another one",
				   ADAPTERS_MAX);
	if (strlen(socket) >= sizeof(setup->sockets[0]))
		return usage_error(&setup->failed, "the socket's path is too long: at most %zu bytes",
				   sizeof(setup->sockets[0]) - 1);
	strcpy(setup->sockets[setup->count++], socket);
	return 0;
}

static error_t add_port(struct setup *setup, char *text)
{
	struct adapter_config *adapter;
	struct error error;

	/* Ports before the first --socket belong to the first adapter. */
	adapter = &setup->adapters[setup->count ? setup->count - 1 : 0];
	if (adapter->ports == ADAPTER_PORTS_MAX)
		return usage_error(&setup->failed, "an adapter has at most %u ports", ADAPTER_PORTS_MAX);
	if (port_parse(text, &adapter->port[adapter->ports], &error))
		return usage_error(&setup->failed, "%s", error.text);
	adapter->ports++;
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct setup *setup = state->input;
	unsigned long seconds;
	char *end;

	switch (key) {
	case OPTION_NAME:
		if (!*arg || strlen(arg) > 31 || strchr(arg, '/'))
			return usage_error(&setup->failed, "--name: '%s' is not a name of up to 31 characters "
						  "without a slash", arg);
		setup->name = arg;
		return 0;
	case OPTION_SOCKET:
		return add_adapter(setup, arg);
	case OPTION_PORT:
		return add_port(setup, arg);
	case OPTION_CPUS:
		if (cpus_parse(arg, setup->cpus, &setup->lanes) || setup->lanes > LANES_MAX)
			return usage_error(&setup->failed, "--cpus: '%s' is not a list such as 1,3 or 2-5 of up "
						  "to %u CPUs", arg, LANES_MAX);
		return 0;
	case OPTION_ADDRESS:
		if (!view_address_ok(arg))
			return usage_error(&setup->failed, "--address: '%s' is not a PCI address such as "
						  VIEW_ADDRESS_DEFAULT, arg);
		setup->address = arg;
		return 0;
	case OPTION_PF:
		setup->physical = true;
		return 0;
	case OPTION_SYNTHETIC:
		setup->synthetic = true;
		return 0;
	case OPTION_LOG:
		if (parse_level(setup, arg))
			return usage_error(&setup->failed, "--log: '%s' is none of error, warning, notice, info, "
						  "debug", arg);
		return 0;
	case OPTION_STATS:
		seconds = strtoul(arg, &end, 10);
		if (*end || end == arg || !seconds || seconds > 86400)
			return usage_error(&setup->failed, "--stats: '%s' is not 1 to 86400 seconds", arg);
		setup->stats_seconds = (unsigned int)seconds;
		return 0;
	case OPTION_JSON:
		setup->json = true;
		return 0;
	case ARGP_KEY_ARG:
		return usage_error(&setup->failed, "'%s' is not an option; see manakin device --help", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool mac_is_set(const uint8_t mac[6])
{
	return mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5];
}

/** mac_taken() - the port that has this address already, other than the one given */
static bool mac_taken(const struct setup *setup, const struct adapter_port_config *port)
{
	for (unsigned int a = 0; a < setup->count; a++)
		for (unsigned int p = 0; p < setup->adapters[a].ports; p++) {
			const struct adapter_port_config *other = &setup->adapters[a].port[p];

			if (other != port && !memcmp(other->mac, port->mac, sizeof(port->mac)))
				return true;
		}
	return false;
}

/** give_addresses() - ports without a MAC get one of their own; two may not have the same */
static int give_addresses(struct setup *setup)
{
	for (unsigned int a = 0; a < setup->count; a++)
		for (unsigned int p = 0; p < setup->adapters[a].ports; p++) {
			struct adapter_port_config *port = &setup->adapters[a].port[p];
			/* Locally administered; "MANA" can be seen in it. */
			uint8_t made[6] = { 0x02, 0x4d, 0x41, 0x4e, (uint8_t)a, (uint8_t)p };

			if (!mac_is_set(port->mac)) {
				do {
					memcpy(port->mac, made, sizeof(made));
					made[3]++;
				} while (mac_taken(setup, port));
			} else if (mac_taken(setup, port)) {
				usage_error(&setup->failed, "two ports have the MAC address "
						   "%02x:%02x:%02x:%02x:%02x:%02x; give each its own",
					    port->mac[0], port->mac[1], port->mac[2], port->mac[3],
					    port->mac[4], port->mac[5]);
				return -EINVAL;
			}
		}
	return 0;
}

/** complete_setup() - fill in what the command line left open */
static int complete_setup(struct setup *setup)
{
	struct error error;
	char spec[1] = "";

	if (!setup->count) {
		char path[108];

		snprintf(setup->directory, sizeof(setup->directory), SOFTWARE_DIRECTORY "/%s",
			 setup->name);
		snprintf(path, sizeof(path), "%s/socket", setup->directory);
		add_adapter(setup, path);
	}
	for (unsigned int a = 0; a < setup->count; a++) {
		struct adapter_config *adapter = &setup->adapters[a];

		if (!adapter->ports) {
			port_parse(spec, &adapter->port[0], &error);
			adapter->ports = 1;
		}
		snprintf(setup->names[a], sizeof(setup->names[a]), a ? "%s.%u" : "%s", setup->name,
			 a);
		adapter->name = setup->names[a];
		adapter->socket = setup->sockets[a];
		adapter->physical = setup->physical;
		adapter->synthetic = setup->synthetic;
	}
	return give_addresses(setup);
}

static void log_to_stderr(enum log_level level, const char *message)
{
	static const char *const prefix[] = { "error: ", "warning: ", "", "", "" };

	fprintf(stderr, "%s%s\n", prefix[level], message);
}

/** make_run_directory() - for the default socket; an existing one is left alone */
static int make_run_directory(const char *socket)
{
	char path[128];
	char *slash;

	if (strncmp(socket, SOFTWARE_DIRECTORY "/", strlen(SOFTWARE_DIRECTORY) + 1))
		return 0;
	snprintf(path, sizeof(path), "%s", socket);
	slash = strrchr(path, '/');
	*slash = '\0';
	if ((mkdir(SOFTWARE_DIRECTORY, 0755) < 0 && errno != EEXIST) ||
	    (mkdir(path, 0700) < 0 && errno != EEXIST)) {
		say("cannot make %s: %s; run it as root, or choose a --socket elsewhere", path,
		    strerror(errno));
		return -errno;
	}
	return 0;
}

/** struct source - a descriptor that the control thread waits for, and who serves it */
struct source {
	void (*serve)(void *what);
	void *what;
};

static int watch(int epoll, int fd, struct source *source)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = source };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/** stop_signals() - a descriptor for SIGINT and SIGTERM, which are blocked in every thread */
static int stop_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int stats_timer(unsigned int seconds)
{
	struct itimerspec every = { .it_interval.tv_sec = seconds, .it_value.tv_sec = seconds };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0 && seconds)
		timerfd_settime(fd, 0, &every, NULL);
	return fd;
}

static void serve_adapter(void *adapter)
{
	adapter_serve(adapter);
}

/** struct guard - what serve_guard() needs to find who lost memory */
struct guard {
	int fd;
	struct adapter **adapters;
	unsigned int count;
};

static void serve_guard(void *what)
{
	struct guard *guard = what;
	uint64_t count;

	if (read(guard->fd, &count, sizeof(count)) < 0)
		return;
	for (unsigned int i = 0; i < guard->count; i++)
		adapter_check(guard->adapters[i]);
}

static void serve_control(void *control)
{
	control_server_serve(control);
}

static void serve_stop(void *stop)
{
	*(bool *)stop = true;
}

/** struct ticker - what serve_tick() needs to print */
struct ticker {
	int fd;
	struct adapter **adapters;
	const struct setup *setup;
};

static void serve_tick(void *what)
{
	struct ticker *ticker = what;
	uint64_t expired;

	if (read(ticker->fd, &expired, sizeof(expired)) > 0)
		summary_print(ticker->adapters, ticker->setup->count, ticker->setup->json);
}

/** serve() - until a signal */
static void serve(const struct setup *setup, struct adapter **adapters,
		  struct control_server **controls, int signals, int timer)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[8];
	struct source sources[3 + 2 * ADAPTERS_MAX];
	struct guard guard = { adapter_guard_fd(), adapters, setup->count };
	struct ticker ticker = { timer, adapters, setup };
	bool stop = false;

	sources[0] = (struct source){ serve_stop, &stop };
	sources[1] = (struct source){ serve_tick, &ticker };
	watch(epoll, signals, &sources[0]);
	watch(epoll, timer, &sources[1]);
	sources[2] = (struct source){ serve_guard, &guard };
	watch(epoll, guard.fd, &sources[2]);
	for (unsigned int i = 0; i < setup->count; i++) {
		sources[3 + 2 * i] = (struct source){ serve_adapter, adapters[i] };
		sources[4 + 2 * i] = (struct source){ serve_control, controls[i] };
		watch(epoll, adapter_fd(adapters[i]), &sources[3 + 2 * i]);
		watch(epoll, control_server_fd(controls[i]), &sources[4 + 2 * i]);
	}
	while (!stop) {
		int n = epoll_wait(epoll, events, 8, -1);

		for (int i = 0; i < n; i++) {
			struct source *source = events[i].data.ptr;

			source->serve(source->what);
		}
	}
	close(epoll);
}

/** run() - start everything, serve, stop everything */
static int run(struct setup *setup)
{
	struct adapter *adapters[ADAPTERS_MAX];
	struct control_server *controls[ADAPTERS_MAX];
	int signals = stop_signals();
	int timer = stats_timer(setup->stats_seconds);
	struct lanes *lanes;
	struct error error;
	unsigned int open = 0;
	bool open_once;
	int err;

	err = lanes_start(setup->lanes ? setup->cpus : NULL, setup->lanes ? setup->lanes : 1, &lanes);
	if (err) {
		say("cannot start the data lanes: %s; does each CPU of --cpus exist, and may this "
		    "process use it?", strerror(-err));
		return EXIT_FAILED;
	}
	while (open < setup->count && !err) {
		struct adapter_config *config = &setup->adapters[open];

		err = make_run_directory(config->socket);
		if (err)
			break;
		err = adapter_open(config, lanes, &adapters[open], &error);
		if (!err) {
			err = control_server_open(adapters[open], &controls[open], &error);
			if (err)
				adapter_close(adapters[open]);
		}
		if (err)
			say("%s", error.text);
		else
			open++;
	}
	if (!err && *setup->directory) {
		err = view_make(setup->directory, setup->address, setup->physical, &error);
		if (err)
			say("%s", error.text);
	}
	if (!err) {
		for (unsigned int i = 0; i < open; i++)
			log_say(LOG_NOTICE, "%s: %u port%s, waiting for a client at %s",
				adapter_config(adapters[i])->name, adapter_config(adapters[i])->ports,
				adapter_config(adapters[i])->ports == 1 ? "" : "s",
				adapter_config(adapters[i])->socket);
		serve(setup, adapters, controls, signals, timer);
		summary_print(adapters, open, setup->json);
	}
	open_once = open > 0;
	while (open) {
		control_server_close(controls[--open]);
		adapter_close(adapters[open]);
	}
	if (*setup->directory && open_once)
		view_remove(setup->directory, setup->address);
	lanes_stop(lanes);
	close(timer);
	close(signals);
	return err ? EXIT_FAILED : EXIT_OK;
}

int cmd_device(int argc, char **argv)
{
	static const struct argp argp = { options, parse_option, NULL, doc, NULL, NULL, NULL };
	struct setup *setup = calloc(1, sizeof(*setup));
	int status = EXIT_USAGE;

	if (!setup) {
		say("out of memory");
		return EXIT_FAILED;
	}
	setup->name = "mana0";
	setup->address = VIEW_ADDRESS_DEFAULT;
	setup->level = LOG_NOTICE;
	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"manakin device";
	if (!argp_parse(&argp, argc, argv, 0, NULL, setup) && !complete_setup(setup)) {
		log_set(log_to_stderr, setup->level);
		status = run(setup);
	}
	free(setup);
	return status;
}
