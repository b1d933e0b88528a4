/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin device: run MANA adapters in software until stopped.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "cli/cli.h"
#include "process/cpus.h"
#include "process/signals.h"
#include "serve/process.h"
#include "term/log.h"
#include "term/options.h"
#include "term/value.h"
#include "trace/recorder.h"

#define EXIT_BROKEN 3 /* a client has broken a rule */

enum {
	OPTION_SOCKET = 's',
	OPTION_PORT = 'p',
	OPTION_CPUS = 'c',
	OPTION_LOG = 'l',
	OPTION_NAME = 0x100,
	OPTION_STATS,
	OPTION_PF,
	OPTION_ADDRESS,
	OPTION_SYNTHETIC,
	OPTION_USER,
	OPTION_SANDBOX,
	OPTION_NO_SANDBOX,
	OPTION_FAULTS,
	OPTION_EXAMINE,
	OPTION_EXAMINE_FORMAT,
	OPTION_TRACE,
	OPTION_TRACE_SIZE,
	OPTION_TRACE_SNAPLEN,
};

static const struct argp_option options[] = {
	{ "name", OPTION_NAME, "NAME", 0, "The adapter's name (default: mana0)", 0 },
	{ "socket", OPTION_SOCKET, "PATH", 0,
	  "Where the client connects (default: " SOFTWARE_DIRECTORY
	  "/NAME/socket); fd:N is an open descriptor. If repeated, each starts another adapter in "
	  "the same process; the --port options that follow belong to it",
	  0 },
	{ "port", OPTION_PORT, "SPEC", 0,
	  "A vPort: mac=ADDRESS, fabric=FABRIC, mtu=BYTES, queues=N, source=check|any, "
	  "speed=MBIT, with commas between them and no blanks. Can be repeated, up to 16 (default: one with a sink)",
	  0 },
	{ "address", OPTION_ADDRESS, "ADDRESS", 0,
	  "PCI address at which DPDK finds the adapter, in " SOFTWARE_DIRECTORY
	  "/NAME/pci (default: " PCI_VIEW_ADDRESS_DEFAULT ")",
	  0 },
	{ "cpus", OPTION_CPUS, "LIST", 0,
	  "Start a data lane on each of these CPUs, such as 1,3 or 2-5 (default: one lane, on any "
	  "CPU)",
	  0 },
	{ "pf", OPTION_PF, NULL, 0, "Present the physical function (00b9), not a VF (00ba)", 0 },
	{ "synthetic", OPTION_SYNTHETIC, NULL, 0,
	  "Let a host of synthetic network cards (manakin lab run --netvsc) connect at "
	  "SOCKET" SYNTHETIC_SUFFIX,
	  0 },
	{ "faults", OPTION_FAULTS, "FILE", 0,
	  "Make the faults happen that this file asks for; of the adapter whose --socket comes before it. "
	  "manakin-device(1) has an example",
	  0 },
	{ "user", OPTION_USER, "NAME", 0,
	  "Once everything is open, become this user and give it the sockets", 0 },
	{ "sandbox", OPTION_SANDBOX, "MODE", 0,
	  "on (default): give up each right that is not needed; what cannot be given up is logged. "
	  "strict: in that case, do not start",
	  0 },
	{ "no-sandbox", OPTION_NO_SANDBOX, NULL, 0,
	  "Keep all rights, for debuggers; see manakin-device(1)", 0 },
	{ "examine", OPTION_EXAMINE, "FILE", OPTION_ARG_OPTIONAL,
	  "Examine what the client's driver does, and write a report when it leaves: which rules of "
	  "docs/driver-rules.md it kept, and where it broke one first (default: to standard output)",
	  0 },
	{ "examine-format", OPTION_EXAMINE_FORMAT, "text|json|junit", 0,
	  "Format of that report (default: by FILE's suffix: .json, .xml for JUnit; else text)",
	  0 },
	{ "log", OPTION_LOG, "LEVEL", 0,
	  "Log messages from this level on: error, warning, notice (default), info or debug", 0 },
	{ "trace", OPTION_TRACE, "FILE", 0,
	  "Write what happens on the adapter, and the frames of its ports, to a pcapng file: see "
	  "manakin-trace(1)",
	  0 },
	{ "trace-size", OPTION_TRACE_SIZE, "SIZE", 0,
	  "Keep about the last SIZE of it, such as 256M or 1G; 0: all of it (default: 64M)", 0 },
	{ "trace-snaplen", OPTION_TRACE_SNAPLEN, "BYTES", 0,
	  "Keep this much of each frame; 0: all of it (default: 128)", 0 },
	{ "stats", OPTION_STATS, "SECONDS", 0, "Print the statistics of each port at this interval",
	  0 },
	{ 0 },
};

static const struct option_moved moved[] = { { 'n', "name" }, { 't', "stats" }, { 0 } };

static const char doc[] =
	"Run a MANA adapter in software. A virtual machine attaches with QEMU's vfio-user-pci, "
	"and sees the device 1414:00ba; a DPDK application attaches with manakin-pmd(7)."
	"\vFABRIC is what a vPort is plugged into: sink, generator, loop, switch, tap:NAME, "
	"stream:SOCKET or pcap:FILE (a capture ends at 1 GiB, or at +limit=BYTES); manakin-device(1) has their options. "
	"All of them take +loss=1%, +duplicate=1%, +reorder=1%, +delay=2ms and +seed=7, which impair "
	"what the vPort sends. SIGINT or SIGTERM stops the adapter and prints a summary.\n\n"
	"Examples:\n"
	"  manakin device --socket /tmp/mana.sock \\\n"
	"          --port mac=00:0d:3a:76:3b:d0,fabric=tap:tap0\n"
	"  manakin device --port fabric=generator:size=64 --port fabric=sink\n\n"
	"Exit status: 0 stopped by SIGINT or SIGTERM, 1 could not start, 2 wrong usage, 3 stopped, and "
	"--examine found that a client had broken a rule.";

/** struct device - the command line */
struct device {
	struct serve_config serve;
	struct confine_user user;
	struct shared_options shared;
	enum log_level level;
	bool examine_format;
};

/** parse_cpus() - a lane on each */
static error_t parse_cpus(struct serve_config *serve, const char *list)
{
	unsigned int cpus[CPUS_MAX];

	if (cpus_parse(list, cpus, &serve->lanes) || serve->lanes > LANES_MAX)
		return value_bad("cpus", list, VALUE_CPUS " of at most %u CPUs", LANES_MAX);
	memcpy(serve->cpus, cpus, serve->lanes * sizeof(cpus[0]));
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	static const char *const levels[] = { "error", "warning", "notice", "info", "debug" };
	static const char *const modes[] = { "on", "strict" };
	static const char *const formats[] = { "text", "json", "junit" };
	struct device *device = state->input;
	struct serve_config *serve = &device->serve;
	struct error error;
	unsigned int level;

	switch (key) {
	case OPTION_NAME:
		if (!*arg || strlen(arg) >= SERVE_NAME_TEXT || strchr(arg, '/'))
			return value_bad("name", arg,
					 "a name of up to %u characters without a slash",
					 SERVE_NAME_TEXT - 1);
		serve->name = arg;
		return 0;
	case OPTION_SOCKET:
		return serve_config_add_adapter(serve, arg, &error) ? say_usage("%s", error.text)
								    : 0;
	case OPTION_PORT:
		return serve_config_add_port(serve, arg, &error) ? say_usage("%s", error.text) : 0;
	case OPTION_CPUS:
		return parse_cpus(serve, arg);
	case OPTION_ADDRESS:
		if (!pci_view_address_ok(arg))
			return value_bad("address", arg,
					 "a PCI address such as " PCI_VIEW_ADDRESS_DEFAULT);
		serve->address = arg;
		return 0;
	case OPTION_PF:
		serve->physical = true;
		return 0;
	case OPTION_SYNTHETIC:
		serve->synthetic = true;
		return 0;
	case OPTION_FAULTS:
		return serve_config_add_faults(serve, arg, &error) ? say_usage("%s", error.text)
								   : 0;
	case OPTION_USER:
		if (confine_find_user(arg, &device->user, &error))
			return say_usage("--user: %s", error.text);
		serve->user = &device->user;
		return 0;
	case OPTION_SANDBOX:
		if (value_word("sandbox", arg, modes, 2, &level))
			return EINVAL;
		serve->strict = level == 1;
		return 0;
	case OPTION_NO_SANDBOX:
		serve->no_sandbox = true;
		return 0;
	case OPTION_EXAMINE:
		serve->examine.wanted = true;
		serve->examine.file = arg;
		return 0;
	case OPTION_EXAMINE_FORMAT:
		if (value_word("examine-format", arg, formats, 3, &level))
			return EINVAL;
		serve->examine.format = (enum examination_format)level;
		device->examine_format = true;
		return 0;
	case ARGP_KEY_END:
		if (!device->examine_format)
			serve->examine.format = examination_format_of(serve->examine.file);
		else if (!serve->examine.wanted)
			return say_usage("--examine-format is the format of --examine's report; "
					 "add --examine");
		return serve->strict && serve->no_sandbox
			       ? say_usage("--sandbox=strict and --no-sandbox exclude each other")
			       : 0;
	case OPTION_TRACE:
		serve->trace = arg;
		return 0;
	case OPTION_TRACE_SIZE:
		return value_mib("trace-size", arg, 0, RECORDER_MIB_MAX, &serve->trace_mib);
	case OPTION_TRACE_SNAPLEN:
		return value_number("trace-snaplen", arg, 0, TRACE_SNAPLEN_MAX,
				    &serve->trace_snaplen);
	case OPTION_LOG:
		if (value_word("log", arg, levels, 5, &level))
			return EINVAL;
		device->level = (enum log_level)level;
		return 0;
	case OPTION_STATS:
		return value_number("stats", arg, 1, 86400, &serve->stats_seconds);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** serve_until_signal() - an exit status */
static int serve_until_signal(const struct serve_config *config)
{
	struct signals signals;
	int err = signals_open(&signals, 0);

	if (err) {
		say("cannot wait for signals: %s", error_reason(-err));
		return EXIT_FAILED;
	}
	err = serve_run(config, signals.fd);
	signals_close(&signals);
	if (err > 0)
		return EXIT_BROKEN;
	return err ? EXIT_FAILED : EXIT_OK;
}

int cmd_device(int argc, char **argv)
{
	static const struct command_line line = {
		.options = options,
		.parse = parse_option,
		.doc = doc,
		.shared = SHARED_JSON,
		.moved = moved,
	};
	struct device *device = calloc(1, sizeof(*device));
	struct error error;
	int status = EXIT_USAGE;

	if (!device) {
		say("out of memory");
		return EXIT_FAILED;
	}
	device->serve.name = "mana0";
	device->serve.address = PCI_VIEW_ADDRESS_DEFAULT;
	device->serve.trace_mib = RECORDER_MIB;
	device->serve.trace_snaplen = TRACE_SNAPLEN_DEFAULT;
	device->level = LOG_NOTICE;
	if (options_parse(&line, argc, argv, &device->shared, device))
		goto out;
	device->serve.json = device->shared.json;
	if (serve_config_complete(&device->serve, &error)) {
		say("%s", error.text);
		goto out;
	}
	log_set(log_to_stderr, device->level);
	status = serve_until_signal(&device->serve);
out:
	serve_config_free(&device->serve);
	free(device);
	return status;
}
