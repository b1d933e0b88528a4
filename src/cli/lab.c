/* SPDX-License-Identifier: BSD-3-Clause */
/* cli/lab.c - manakin lab: what the user types. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "guest/cache.h"
#include "guest/examine.h"
#include "guest/guest.h"
#include "guest/possible.h"
#include "guest/verdicts.h"
#include "term/commands.h"
#include "term/json.h"
#include "term/options.h"
#include "term/say.h"
#include "term/value.h"

#define DEFAULT_SUITE     "trixie"
#define DEFAULT_CPUS      4    /* the guide's first testpmd command uses CPUs 1 to 3 */
#define DEFAULT_MEMORY_MB 3072 /* the guide reserves 1024 hugepages of 2 MB */
#define MIN_MEMORY_MB     512
#define MAX_MEMORY_MB     (1024 * 1024)
#define MAX_CPUS          64
#define SUITES_MAX        8

enum {
	KEY_FORCE = 'f',
	KEY_CPUS = 'c',
	KEY_MEMORY = 'm',
	KEY_DEVICE = 'd',
	KEY_VERBOSE = 'v',
	KEY_SUITE = 0x100,
	KEY_ATTACH,
	KEY_TIMEOUT,
	KEY_SHARE,
	KEY_ACCEL,
	KEY_LOGS,
	KEY_NO_DEVICE,
	KEY_ROOT_PORT,
	KEY_NETVSC,
	KEY_REBOOT,
	KEY_TAP,
	KEY_STREAM,
	KEY_ARCH,
	KEY_PAGES,
	KEY_KERNEL,
	KEY_EXAMINE,
	KEY_APP,
	KEY_JUNIT,
};

#define SUITE_OPTION(more)                                                                         \
	{                                                                                          \
		"suite", KEY_SUITE, "NAME", 0,                                                     \
			"Suite of Debian or Ubuntu (default: " DEFAULT_SUITE ")" more, 0           \
	}

/* clang-format off */
#define KIND_OPTIONS                                                                               \
	{ "arch", KEY_ARCH, "amd64|arm64", 0,                                                      \
	  "Architecture of the guest's CPUs, emulated if it is not this machine's (default: this " \
	  "machine's)", 0 },                                                                       \
	{ "pages", KEY_PAGES, "4k|16k", 0,                                                         \
	  "Page size of the guest's kernel; 16k only with --arch arm64 (default: 4k)", 0 },    \
	{ "kernel", KEY_KERNEL, "generic", 0,                                                      \
	  "Boot Debian's generic kernel, which has modules that the cloud kernel lacks, such as "  \
	  "rdma_rxe (default: the suite's cloud kernel)", 0 }

#define GUEST_OPTIONS                                                                              \
	SUITE_OPTION(""),                                                                          \
	KIND_OPTIONS,                                                                              \
	{ "cpus", KEY_CPUS, "N", 0, "CPUs of the guest (default: 4)", 0 },                         \
	{ "memory", KEY_MEMORY, "SIZE", 0,                                                         \
	  "Memory of the guest, such as 2G or 1500M (default: 3G)", 0 },                           \
	{ "device", KEY_DEVICE, "OPTIONS", 0,                                                      \
	  "Give the guest an adapter of its own: 'manakin device' with these options, split as "   \
	  "a shell splits them. Can be repeated. Without this and --attach: one adapter with "     \
	  "two ports on one switch", 0 },                                                          \
	{ "attach", KEY_ATTACH, "SOCKET", 0,                                                       \
	  "Give the guest the adapter that 'manakin device' serves at SOCKET. Can be repeated",    \
	  0 },                                                                                     \
	{ "no-device", KEY_NO_DEVICE, NULL, 0, "Give the guest no adapter", 0 },                   \
	{ "root-port", KEY_ROOT_PORT, NULL, 0,                                                     \
	  "Put each adapter behind a PCI Express root port of its own, at 01:00.0, 02:00.0 and "   \
	  "so on (default: on the root bus, at 00:10.0, 00:11.0 and so on)",                       \
	  0 },                                                                                     \
	{ "netvsc", KEY_NETVSC, NULL, 0,                                                           \
	  "Also give each port a synthetic interface, with the port joined to it, as on Azure "    \
	  "(amd64 trixie only)", 0 },                                                                    \
	{ "share", KEY_SHARE, "DIR", 0, "Mount DIR at /mnt/share, writable", 0 },                  \
	{ "examine", KEY_EXAMINE, "FILE", OPTION_ARG_OPTIONAL,                                     \
	  "Have what the guest's driver does examined, as by 'manakin device --examine=FILE' "     \
	  "(default: the report goes to standard error)", 0 },                                     \
	{ "virtio-tap", KEY_TAP, "NAME", 0,                                                        \
	  "Also give the guest QEMU's own network card, on the host's tap NAME", 0 },              \
	{ "virtio-stream", KEY_STREAM, "SOCKET", 0,                                                \
	  "Also give the guest QEMU's own network card, on the UNIX socket SOCKET, such as that "  \
	  "of a port with fabric=stream:SOCKET+listen", 0 },                                       \
	{ "accel", KEY_ACCEL, "kvm|tcg", 0,                                                        \
	  "What runs the guest's CPUs (default: KVM where it works, TCG otherwise)", 0 },          \
	{ "logs", KEY_LOGS, "DIR", 0,                                                              \
	  "Keep the logs in DIR: console.log (the kernel's), qemu.log, share.log, adapter-N.log",  \
	  0 },                                                                                     \
	{ "verbose", KEY_VERBOSE, NULL, 0,                                                         \
	  "Print kernel and adapter messages to standard error as they come", 0 }
/* clang-format on */

static const struct option_moved moved[] = {
	{ 'a', "attach" }, { 's', "suite" }, { 't', "timeout" }, { 0 }
};

static const struct argp_option run_options[] = {
	GUEST_OPTIONS,
	{ "timeout", KEY_TIMEOUT, "S", 0, "Stop everything after S seconds, with status 124", 0 },
	{ "reboot", KEY_REBOOT, NULL, 0, "Reboot the guest once before COMMAND", 0 },
	{ 0 },
};

/* clang-format off */
static const struct argp_option examine_options[] = {
	SUITE_OPTION(""),
	KIND_OPTIONS,
	{ "app", KEY_APP, "testpmd", 0,
	  "Also run the scenario of an application, on the driver that it brings", 0 },
	{ "junit", KEY_JUNIT, "FILE", 0, "Also write the verdicts to FILE, as JUnit's XML", 0 },
	{ "accel", KEY_ACCEL, "kvm|tcg", 0,
	  "What runs the guest's CPUs (default: KVM where it works, TCG otherwise)", 0 },
	{ "logs", KEY_LOGS, "DIR", 0,
	  "Keep the logs in DIR: console.log (the kernel's), qemu.log, share.log, adapter-N.log",
	  0 },
	{ "timeout", KEY_TIMEOUT, "S", 0,
	  "Stop a scenario after S seconds; it has failed then (default: 1800)", 0 },
	{ 0 },
};
/* clang-format on */

static const struct argp_option shell_options[] = {
	GUEST_OPTIONS,
	{ 0 },
};

static const struct argp_option build_options[] = {
	SUITE_OPTION(". Can be repeated"),
	KIND_OPTIONS,
	{ "force", KEY_FORCE, NULL, 0, "Rebuild what is in the cache, with today's packages", 0 },
	{ 0 },
};

/* Parse --arch, --pages and --kernel. */
static error_t parse_kind(struct guest_kind *kind, int key, char *arg)
{
	static const char *const kernels[] = { GUEST_KERNEL_GENERIC };
	static const char *const sizes[] = { "4k", "16k" };
	unsigned int chosen;

	if (key == KEY_KERNEL) {
		if (value_word("kernel", arg, kernels, 1, &chosen))
			return EINVAL;
		kind->kernel = kernels[chosen];
		return 0;
	}
	if (key == KEY_ARCH) {
		if (value_word("arch", arg, guest_arch_names, GUEST_ARCHES, &chosen))
			return EINVAL;
		kind->arch = chosen;
		return 0;
	}
	if (value_word("pages", arg, sizes, 2, &chosen))
		return EINVAL;
	kind->pages_kb = chosen ? 16 : 4;
	return 0;
}

static error_t add_adapter(struct run_options *options, bool attach, const char *text)
{
	if (options->n_adapters == GUEST_ADAPTERS_MAX)
		return say_usage("a guest can have at most %u adapters; omit one",
				 GUEST_ADAPTERS_MAX);
	options->adapters[options->n_adapters++] =
		(struct run_adapter){ .attach = attach, .text = text };
	return 0;
}

static error_t parse_guest(int key, char *arg, struct argp_state *state)
{
	static const char *const accelerators[] = { "kvm", "tcg" };
	struct run_options *options = state->input;
	unsigned int chosen;

	switch (key) {
	case KEY_SUITE:
		options->kind.suite = arg;
		return 0;
	case KEY_ARCH:
	case KEY_PAGES:
	case KEY_KERNEL:
		return parse_kind(&options->kind, key, arg);
	case KEY_CPUS:
		return value_number("cpus", arg, 1, MAX_CPUS, &options->cpus);
	case KEY_MEMORY:
		return value_mib("memory", arg, MIN_MEMORY_MB, MAX_MEMORY_MB, &options->memory_mb);
	case KEY_DEVICE:
		return add_adapter(options, false, arg);
	case KEY_ATTACH:
		return add_adapter(options, true, arg);
	case KEY_NO_DEVICE:
		options->bare = true;
		return 0;
	case KEY_ROOT_PORT:
		options->root_ports = true;
		return 0;
	case KEY_NETVSC:
		options->netvsc = true;
		return 0;
	case KEY_SHARE:
		options->share = arg;
		return 0;
	case KEY_EXAMINE:
		options->examine = true;
		options->report = arg;
		return 0;
	case KEY_TAP:
		options->tap = arg;
		return 0;
	case KEY_STREAM:
		options->stream = arg;
		return 0;
	case KEY_ACCEL:
		if (value_word("accel", arg, accelerators, 2, &chosen))
			return EINVAL;
		options->accel = chosen ? ACCEL_TCG : ACCEL_KVM;
		return 0;
	case KEY_LOGS:
		options->logs = arg;
		return 0;
	case KEY_VERBOSE:
		options->verbose = true;
		return 0;
	case ARGP_KEY_END:
		return guest_possible(options);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_run(int key, char *arg, struct argp_state *state)
{
	struct run_options *options = state->input;

	switch (key) {
	case KEY_TIMEOUT:
		return value_seconds("timeout", arg, 0.001, 365 * 86400.0, &options->timeout_s);
	case KEY_REBOOT:
		options->reboot = true;
		return 0;
	case ARGP_KEY_ARG: /* the command begins here, and its options are its own */
		options->command = guest_command_words(&state->argv[state->next - 1],
						       state->argc - state->next + 1);
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		return say_usage("name a command to run in the guest, for example "
				 "manakin lab run -- lspci -nn (for a shell: manakin lab shell)");
	default:
		return parse_guest(key, arg, state);
	}
}

static error_t parse_shell(int key, char *arg, struct argp_state *state)
{
	if (key == ARGP_KEY_ARG)
		return say_usage("unexpected argument '%s': lab shell takes no command; use "
				 "manakin lab run -- %s",
				 arg, arg);
	return parse_guest(key, arg, state);
}

/**
 * struct build_wanted - what lab build was asked for
 * @suites:	names
 * @n_suites:	number of @suites
 * @kind:	architecture, pages and kernel of all of them
 * @force:	build even what is in the cache
 */
struct build_wanted {
	const char *suites[SUITES_MAX];
	size_t n_suites;
	struct guest_kind kind;
	bool force;
};

static error_t parse_build(int key, char *arg, struct argp_state *state)
{
	struct build_wanted *wanted = state->input;

	switch (key) {
	case KEY_SUITE:
		if (wanted->n_suites == SUITES_MAX)
			return say_usage("at most %d suites at once; build the others after them",
					 SUITES_MAX);
		wanted->suites[wanted->n_suites++] = arg;
		return 0;
	case KEY_ARCH:
	case KEY_PAGES:
	case KEY_KERNEL:
		return parse_kind(&wanted->kind, key, arg);
	case KEY_FORCE:
		wanted->force = true;
		return 0;
	case ARGP_KEY_END:
		return guest_kind_possible(&wanted->kind);
	case ARGP_KEY_ARG:
		return say_usage("unexpected argument '%s': name a suite with --suite %s", arg,
				 arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/**
 * build_guest() - build a guest, or the kernel that it boots, and print where it is
 * @wanted:	which one, its suite in ->kind
 * @kind:	CACHE_IMAGE or CACHE_KERNEL
 * @guest:	gets the path, instead of standard output, unless NULL
 *
 * Return: 0 or a negative errno; the user has been told why
 */
static int build_guest(const struct build_wanted *wanted, enum cache_kind kind, json_t *guest)
{
	const char *kernel = kind == CACHE_KERNEL ? wanted->kind.kernel : NULL;
	struct cache_item item;
	int err = cache_find(&item, kind, &wanted->kind);

	if (!err)
		err = cache_build(&item, wanted->force);
	if (err)
		return err;
	if (guest) {
		json_object_set_new(guest, "suite", json_string(item.suite));
		json_object_set_new(guest, kernel ? "kernel" : "path", output_text(item.path));
	} else {
		printf("%s%s%s: %s\n", item.suite, kernel ? ", kernel " : "", kernel ? kernel : "",
		       item.path);
	}
	return 0;
}

static int lab_build(int argc, char **argv)
{
	static const struct command_line line = {
		.options = build_options,
		.parse = parse_build,
		.shared = SHARED_JSON,
		.moved = moved,
		.doc = "Build the guest of a suite and the QEMU that runs it, unless they "
		       "are in the cache.\v"
		       "The cache is ~/.cache/manakin/lab, or the directory in MANAKIN_LAB_DIR. "
		       "Building a guest requires root; without it, sudo is used.\n\n"
		       "Examples:\n"
		       "  manakin lab build\n"
		       "  manakin lab build --suite bookworm --suite trixie\n"
		       "  manakin lab build --arch arm64 --pages 16k\n"
		       "  manakin lab build --kernel generic\n",
	};
	struct build_wanted wanted = { .kind = { .arch = guest_arch_here(), .pages_kb = 4 } };
	struct shared_options shared = { .json = false };
	json_t *guests, *qemu, *guest;
	struct cache_item item;
	int err;

	if (options_parse(&line, argc, argv, &shared, &wanted))
		return EXIT_USAGE;
	if (!wanted.n_suites)
		wanted.suites[wanted.n_suites++] = DEFAULT_SUITE;
	if (cache_find(&item, CACHE_QEMU, &wanted.kind) || cache_build(&item, wanted.force))
		return LAB_FAILED;
	if (!shared.json)
		printf("qemu: %s\n", item.path);
	guests = json_array();
	qemu = output_text(item.path);
	err = 0;
	for (size_t i = 0; !err && i < wanted.n_suites; i++) {
		wanted.kind.suite = wanted.suites[i];
		guest = shared.json ? json_object() : NULL;
		err = build_guest(&wanted, CACHE_IMAGE, guest);
		if (!err && wanted.kind.kernel)
			err = build_guest(&wanted, CACHE_KERNEL, guest);
		json_array_append_new(guests, guest);
	}
	if (!err && shared.json)
		return output_json(json_pack("{s:o, s:o}", "qemu", qemu, "guests", guests));
	json_decref(guests);
	json_decref(qemu);
	return err ? LAB_FAILED : EXIT_OK;
}

static int lab_guest(int argc, char **argv, const struct command_line *line)
{
	static char login[] = "-l", shell[] = "/bin/bash";
	static char *piped[] = { shell, login, NULL };
	struct run_options options = {
		.kind = { .suite = DEFAULT_SUITE, .arch = guest_arch_here(), .pages_kb = 4 },
		.cpus = DEFAULT_CPUS,
		.memory_mb = DEFAULT_MEMORY_MB,
	};

	if (options_parse(line, argc, argv, NULL, &options))
		return LAB_FAILED;
	/* Without a terminal the shell reads its commands from standard input, as elsewhere. */
	if (!options.command && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
		options.command = piped;
	if (options.accel == ACCEL_AUTO)
		options.accel = guest_kvm_works(options.kind.arch) ? ACCEL_KVM : ACCEL_TCG;
	return guest_run(&options);
}

static int lab_command(int argc, char **argv)
{
	static const struct command_line line = {
		.options = run_options,
		.parse = parse_run,
		.moved = moved,
		.in_order = true,
		.arguments = "COMMAND [ARGUMENT...]",
		.doc = "Boot a guest with adapters, run COMMAND in it as root, pass its output and "
		       "exit status through, and leave nothing running.\v"
		       "A COMMAND of one word is interpreted by the guest's shell (bash); several "
		       "words are run as they are. Standard input goes to COMMAND.\n\n"
		       "Exit status: COMMAND's; 3 if that is 0 and --examine found a broken rule; 124 after --timeout; 125 if the lab itself failed, "
		       "or for wrong usage; 128 and the signal's number if a signal ended it.\n\n"
		       "Examples:\n"
		       "  manakin lab run -- lspci -nn -d 1414:00ba\n"
		       "  manakin lab run 'ip -br link | grep ^eth'\n"
		       "  manakin lab run --suite bookworm --share . -- /mnt/share/test.sh\n"
		       "  manakin lab run --arch arm64 -- ibv_devices\n"
		       "  manakin lab run --device '--port mac=00:0d:3a:00:00:01,fabric=sink' -- \\\n"
		       "      ethtool -S eth0\n",
	};

	return lab_guest(argc, argv, &line);
}

static int lab_shell(int argc, char **argv)
{
	static const struct command_line line = {
		.options = shell_options,
		.parse = parse_shell,
		.moved = moved,
		.in_order = true,
		.doc = "Boot a guest with adapters and open a shell in it. It ends with the shell; "
		       "Ctrl-] three times within a second ends it at once.\v"
		       "Example:\n"
		       "  manakin lab shell --device '--port "
		       "mac=00:0d:3a:00:00:01,fabric=tap:tap0'\n",
	};

	return lab_guest(argc, argv, &line);
}

/**
 * struct examine_wanted - what lab examine was asked for
 * @options:	of the guests
 * @scenarios:	@n names
 */
struct examine_wanted {
	struct run_options options;
	char *scenarios[EXAMINE_SCENARIOS_MAX];
	unsigned int n;
	const char *app, *junit;
};

static error_t parse_examine(int key, char *arg, struct argp_state *state)
{
	struct examine_wanted *wanted = state->input;

	switch (key) {
	case KEY_APP:
		wanted->app = arg;
		return 0;
	case KEY_JUNIT:
		wanted->junit = arg;
		return 0;
	case KEY_TIMEOUT:
		return value_seconds("timeout", arg, 0.001, 365 * 86400.0,
				     &wanted->options.timeout_s);
	case ARGP_KEY_ARG:
		if (wanted->n == EXAMINE_SCENARIOS_MAX)
			return say_usage("at most %u scenarios at once", EXAMINE_SCENARIOS_MAX);
		wanted->scenarios[wanted->n++] = arg;
		return 0;
	default:
		state->input = &wanted->options;
		key = parse_guest(key, arg, state);
		state->input = wanted;
		return key;
	}
}

static int lab_examine(int argc, char **argv)
{
	static const struct command_line line = {
		.options = examine_options,
		.parse = parse_examine,
		.shared = SHARED_JSON,
		.moved = moved,
		.arguments = "[SCENARIO...]",
		.doc = "Run a driver through scenarios, each in a guest, and say of each whether it "
		       "kept the rules of docs/driver-rules.md.\v"
		       "SCENARIO: probe, traffic, offloads, resize, reset, reload (default: all).\n\n"
		       "Exit status: 0 all passed; 1 one did not; 124, 125 as of 'manakin lab run'.\n\n"
		       "Examples:\n"
		       "  manakin lab examine\n"
		       "  manakin lab examine --suite bookworm --junit verdicts.xml probe traffic\n"
		       "  manakin lab examine --app testpmd probe\n",
	};
	struct examine_wanted wanted = {
		.options = { .kind = { .suite = DEFAULT_SUITE,
				       .arch = guest_arch_here(),
				       .pages_kb = 4 },
			     .cpus = DEFAULT_CPUS,
			     .memory_mb = DEFAULT_MEMORY_MB },
	};
	struct shared_options shared = { .json = false };
	struct scenarios scenarios;
	int status;

	if (options_parse(&line, argc, argv, &shared, &wanted) ||
	    scenarios_find(&scenarios, wanted.scenarios, wanted.n, wanted.app))
		return LAB_FAILED;
	if (wanted.options.accel == ACCEL_AUTO)
		wanted.options.accel =
			guest_kvm_works(wanted.options.kind.arch) ? ACCEL_KVM : ACCEL_TCG;
	status = scenarios_run(&scenarios, &wanted.options);
	if (!status)
		status = verdicts_print(&scenarios, shared.json, wanted.junit);
	scenarios_free(&scenarios);
	return status;
}

int cmd_lab(int argc, char **argv)
{
	static const struct command commands[] = {
		{ "build", lab_build, "build the guest and the QEMU that runs it, and cache them" },
		{ "run", lab_command, "run a command in a guest" },
		{ "shell", lab_shell, "open a shell in a guest" },
		{ "examine", lab_examine, "say whether a driver keeps the rules" },
	};
	static const struct command_set set = {
		.name = "lab",
		.about = "A virtual machine with the unmodified Linux, RDMA and DPDK of a Debian\n"
			 "suite, which uses adapters of 'manakin device'.",
		.commands = commands,
		.n = 4,
	};

	stdio_open();
	return commands_run(&set, argc, argv);
}
