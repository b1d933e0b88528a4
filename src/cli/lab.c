/* SPDX-License-Identifier: BSD-3-Clause */
/* cli/lab.c - manakin lab: what the user types. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "guest/status.h"
#include "guest/cache.h"
#include "guest/run.h"

#define DEFAULT_SUITE     "trixie"
#define DEFAULT_CPUS      4    /* the guide's first testpmd command uses CPUs 1 to 3 */
#define DEFAULT_MEMORY_MB 3072 /* the guide reserves 1024 hugepages of 2 MB */
#define MIN_MEMORY_MB     512
#define MAX_MEMORY_MB     (1024 * 1024)
#define MAX_CPUS          64
#define SUITES_MAX        8

enum option_key {
	KEY_SUITE = 's',
	KEY_FORCE = 'f',
	KEY_CPUS = 'c',
	KEY_MEMORY = 'm',
	KEY_DEVICE = 'd',
	KEY_ATTACH = 'a',
	KEY_TIMEOUT = 't',
	KEY_VERBOSE = 'v',
	KEY_SHARE = 0x100, /* these have no short form */
	KEY_ACCEL,
	KEY_LOGS,
	KEY_NO_DEVICE,
	KEY_NETVSC,
	KEY_REBOOT,
	KEY_TAP,
};

#define GUEST_OPTIONS                                                                               \
	{ "suite", KEY_SUITE, "NAME", 0, "Debian suite of the guest (" DEFAULT_SUITE ")", 0 },      \
		{ "cpus", KEY_CPUS, "N", 0, "CPUs of the guest (4)", 0 },                           \
		{ "memory", KEY_MEMORY, "SIZE", 0, "Memory of the guest, as 2G or 1500M (3G)", 0 }, \
		{ "device",                                                                         \
		  KEY_DEVICE,                                                                       \
		  "OPTIONS",                                                                        \
		  0,                                                                                \
		  "Give the guest an adapter of its own: manakin device with these options, read "  \
		  "as a "                                                                           \
		  "shell reads them. Can be repeated. Without this and --attach: one adapter, "     \
		  "two ports "                                                                      \
		  "on one switch",                                                                  \
		  0 },                                                                              \
		{ "attach",                                                                         \
		  KEY_ATTACH,                                                                       \
		  "SOCKET",                                                                         \
		  0,                                                                                \
		  "Give the guest the adapter that manakin device serves at SOCKET. Can be "        \
		  "repeated",                                                                       \
		  0 },                                                                              \
		{ "no-device", KEY_NO_DEVICE, NULL, 0, "Give the guest no adapter", 0 },            \
		{ "netvsc", KEY_NETVSC, NULL, 0,                                                    \
		  "Give each port a synthetic interface too, with the port joined to it, as on "    \
		  "Azure (trixie)",                                                                 \
		  0 },                                                                              \
		{ "share", KEY_SHARE, "DIR", 0, "Mount DIR at /mnt/share, to read and write", 0 },  \
		{ "virtio-tap",                                                                     \
		  KEY_TAP,                                                                          \
		  "NAME",                                                                           \
		  0,                                                                                \
		  "Give the guest QEMU's own network card on the host's tap NAME as well",          \
		  0 },                                                                              \
		{ "accel",                                                                          \
		  KEY_ACCEL,                                                                        \
		  "kvm|tcg",                                                                        \
		  0,                                                                                \
		  "What runs the guest's CPUs (KVM where it works, TCG otherwise)",                 \
		  0 },                                                                              \
		{ "logs",                                                                           \
		  KEY_LOGS,                                                                         \
		  "DIR",                                                                            \
		  0,                                                                                \
		  "Keep the logs in DIR: console.log (the kernel's), qemu.log, share.log, "         \
		  "adapter-N.log",                                                                  \
		  0 },                                                                              \
	{                                                                                           \
		"verbose", KEY_VERBOSE, NULL, 0,                                                    \
			"Kernel and adapter messages to standard error, as they come", 0            \
	}

static const struct argp_option run_options[] = {
	GUEST_OPTIONS,
	{ "timeout", KEY_TIMEOUT, "S", 0, "End all after S seconds, with status 124", 0 },
	{ "reboot", KEY_REBOOT, NULL, 0, "Restart the guest once before COMMAND", 0 },
	{ 0 },
};

static const struct argp_option shell_options[] = {
	GUEST_OPTIONS,
	{ 0 },
};

static const struct argp_option build_options[] = {
	{ "suite", KEY_SUITE, "NAME", 0,
	  "Debian suite of the guest (" DEFAULT_SUITE "). Can be repeated", 0 },
	{ "force", KEY_FORCE, NULL, 0, "Build again what is there, with today's packages", 0 },
	{ 0 },
};

/**
 * number() - a number that the user typed
 * @state:	for the message
 * @option:	its name
 * @text:	what was typed
 * @min:	least
 * @max:	most
 *
 * Return: the number; does not return if it is none
 */
static unsigned int number(const struct argp_state *state, const char *option, const char *text,
			   unsigned long min, unsigned long max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value < min || value > max)
		argp_error(state, "--%s takes a number from %lu to %lu, not \"%s\"", option, min,
			   max, text);
	return (unsigned int)value;
}

/* A size in mebibytes from 2G, 1500M or 1500; does not return if it is none. */
static unsigned int memory_size(const struct argp_state *state, const char *text)
{
	unsigned long value, unit = 1;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (*end == 'G' || *end == 'g')
		unit = 1024;
	if (strchr("GgMm", *end) && *end)
		end++;
	if (errno || end == text || *end || *text == '-' || value > MAX_MEMORY_MB / unit ||
	    value * unit < MIN_MEMORY_MB)
		argp_error(state,
			   "--memory takes a size of at least %dM, as 2G or 1500M, not \"%s\"",
			   MIN_MEMORY_MB, text);
	return (unsigned int)(value * unit);
}

static double seconds(const struct argp_state *state, const char *text)
{
	double value;
	char *end;

	value = strtod(text, &end);
	if (end == text || *end || !(value > 0 && value < 1e9))
		argp_error(state, "--timeout takes a number of seconds, not \"%s\"", text);
	return value;
}

static void add_adapter(const struct argp_state *state, struct run_options *options, bool attach,
			const char *text)
{
	if (options->n_adapters == GUEST_ADAPTERS_MAX)
		argp_error(state, "a guest takes at most %u adapters", GUEST_ADAPTERS_MAX);
	options->adapters[options->n_adapters++] =
		(struct run_adapter){ .attach = attach, .text = text };
}

/* A directory or an interface that must be there, before anything is started. */
static void check_host(const struct argp_state *state, const struct run_options *options)
{
	char path[64];
	struct stat status;

	if (options->share && (stat(options->share, &status) < 0 || !S_ISDIR(status.st_mode)))
		argp_error(state, "--share %s: there is no such directory", options->share);
	if (options->accel == ACCEL_KVM && !guest_kvm_works())
		argp_error(state, "KVM does not work here (no /dev/kvm, no right to open it, or no "
				  "hardware virtualization); leave --accel away");
	if (options->bare && options->n_adapters)
		argp_error(state, "--no-device contradicts --device and --attach");
	if (options->bare && options->netvsc)
		argp_error(state, "--no-device contradicts --netvsc, whose cards are an adapter's");
	if (!options->tap)
		return;
	if (strlen(options->tap) > 15 || strpbrk(options->tap, "/, \t\n"))
		argp_error(state, "--virtio-tap %s: that is no interface's name", options->tap);
	snprintf(path, sizeof(path), "/sys/class/net/%s/tun_flags", options->tap);
	if (access(path, F_OK) < 0)
		argp_error(state,
			   "--virtio-tap %s: there is no such tap; make it first: "
			   "ip tuntap add %s mode tap",
			   options->tap, options->tap);
}

/* The words of the command: one word is for the guest's shell, several are as they are. */
static char **command_words(char **words, int n)
{
	static char shell[] = "/bin/bash", dash_c[] = "-c";
	static char *script[] = { shell, dash_c, NULL, NULL };

	if (n > 1)
		return words;
	script[2] = words[0];
	return script;
}

static error_t parse_guest(int key, char *arg, struct argp_state *state)
{
	struct run_options *options = state->input;

	switch (key) {
	case KEY_SUITE:
		options->suite = arg;
		return 0;
	case KEY_CPUS:
		options->cpus = number(state, "cpus", arg, 1, MAX_CPUS);
		return 0;
	case KEY_MEMORY:
		options->memory_mb = memory_size(state, arg);
		return 0;
	case KEY_DEVICE:
		add_adapter(state, options, false, arg);
		return 0;
	case KEY_ATTACH:
		add_adapter(state, options, true, arg);
		return 0;
	case KEY_NO_DEVICE:
		options->bare = true;
		return 0;
	case KEY_NETVSC:
		options->netvsc = true;
		return 0;
	case KEY_SHARE:
		options->share = arg;
		return 0;
	case KEY_TAP:
		options->tap = arg;
		return 0;
	case KEY_ACCEL:
		if (!strcmp(arg, "kvm"))
			options->accel = ACCEL_KVM;
		else if (!strcmp(arg, "tcg"))
			options->accel = ACCEL_TCG;
		else
			argp_error(state, "--accel takes kvm or tcg, not \"%s\"", arg);
		return 0;
	case KEY_LOGS:
		options->logs = arg;
		return 0;
	case KEY_VERBOSE:
		options->verbose = true;
		return 0;
	case ARGP_KEY_END:
		check_host(state, options);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_run(int key, char *arg, struct argp_state *state)
{
	struct run_options *options = state->input;

	switch (key) {
	case KEY_TIMEOUT:
		options->timeout_s = seconds(state, arg);
		return 0;
	case KEY_REBOOT:
		options->reboot = true;
		return 0;
	case ARGP_KEY_ARG: /* the command begins here, and its options are its own */
		options->command =
			command_words(&state->argv[state->next - 1], state->argc - state->next + 1);
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "no command: say what to run in the guest, as in "
				  "manakin lab run -- lspci -nn (for a shell: manakin lab shell)");
		return 0;
	default:
		return parse_guest(key, arg, state);
	}
}

static error_t parse_shell(int key, char *arg, struct argp_state *state)
{
	if (key == ARGP_KEY_ARG)
		argp_error(state,
			   "\"%s\" is too much: a shell takes no command (manakin lab run -- %s)",
			   arg, arg);
	return parse_guest(key, arg, state);
}

/**
 * struct build_wanted - what lab build was asked for
 * @suites:	names
 * @n_suites:	number of @suites
 * @force:	again, though it is there
 */
struct build_wanted {
	const char *suites[SUITES_MAX];
	size_t n_suites;
	bool force;
};

static error_t parse_build(int key, char *arg, struct argp_state *state)
{
	struct build_wanted *wanted = state->input;

	switch (key) {
	case KEY_SUITE:
		if (wanted->n_suites == SUITES_MAX)
			argp_error(state, "at most %d suites at once", SUITES_MAX);
		wanted->suites[wanted->n_suites++] = arg;
		return 0;
	case KEY_FORCE:
		wanted->force = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\" is too much: a suite is named with --suite %s", arg, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int lab_build(int argc, char **argv)
{
	static const struct argp argp = {
		.options = build_options,
		.parser = parse_build,
		.doc = "Build the guest of a Debian suite and the QEMU that runs it, unless they "
		       "are "
		       "in the cache.\v"
		       "The cache is ~/.cache/manakin/lab, or the directory MANAKIN_LAB_DIR names. "
		       "Guests need root to build; without it, sudo is asked.\n\n"
		       "Examples:\n"
		       "  manakin lab build\n"
		       "  manakin lab build --suite bookworm --suite trixie\n",
	};
	struct build_wanted wanted = { 0 };
	struct cache_item item;

	argp_parse(&argp, argc, argv, 0, NULL, &wanted);
	if (!wanted.n_suites)
		wanted.suites[wanted.n_suites++] = DEFAULT_SUITE;
	if (cache_find(&item, CACHE_QEMU, NULL) || cache_build(&item, wanted.force))
		return LAB_FAILED;
	printf("qemu: %s\n", item.path);
	for (size_t i = 0; i < wanted.n_suites; i++) {
		if (cache_find(&item, CACHE_IMAGE, wanted.suites[i]) ||
		    cache_build(&item, wanted.force))
			return LAB_FAILED;
		printf("%s: %s\n", item.suite, item.path);
	}
	return 0;
}

static int lab_guest(int argc, char **argv, const struct argp *argp)
{
	static char login[] = "-l", shell[] = "/bin/bash";
	static char *piped[] = { shell, login, NULL };
	struct run_options options = {
		.suite = DEFAULT_SUITE,
		.cpus = DEFAULT_CPUS,
		.memory_mb = DEFAULT_MEMORY_MB,
	};

	argp_parse(argp, argc, argv, ARGP_IN_ORDER, NULL, &options);
	/* A shell without a terminal reads its commands, as everywhere. */
	if (!options.command && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
		options.command = piped;
	if (options.accel == ACCEL_AUTO)
		options.accel = guest_kvm_works() ? ACCEL_KVM : ACCEL_TCG;
	return lab_run(&options);
}

static int lab_command(int argc, char **argv)
{
	static const struct argp argp = {
		.options = run_options,
		.parser = parse_run,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "Boot a guest with adapters, run COMMAND in it as root, pass its output and "
		       "exit status through, and leave nothing running.\v"
		       "A COMMAND of one word is read by the guest's shell (bash); several words "
		       "are "
		       "run as they are. Standard input is COMMAND's.\n\n"
		       "Exit status: COMMAND's; 124 after --timeout; 125 if the lab could not do "
		       "its "
		       "part; 128 and the signal's number if a signal ended it.\n\n"
		       "Examples:\n"
		       "  manakin lab run -- lspci -nn -d 1414:00ba\n"
		       "  manakin lab run 'ip -br link | grep ^eth'\n"
		       "  manakin lab run --suite bookworm --share . -- /mnt/share/test.sh\n"
		       "  manakin lab run --device '--port mac=00:0d:3a:00:00:01,fabric=sink' -- "
		       "\\\n"
		       "      ethtool -S eth0\n",
	};

	return lab_guest(argc, argv, &argp);
}

static int lab_shell(int argc, char **argv)
{
	static const struct argp argp = {
		.options = shell_options,
		.parser = parse_shell,
		.doc = "Boot a guest with adapters and open a shell in it. It ends with the shell; "
		       "Ctrl-] three times within a second ends it at once.\v"
		       "Example:\n"
		       "  manakin lab shell --device '--port "
		       "mac=00:0d:3a:00:00:01,fabric=tap:tap0'\n",
	};

	return lab_guest(argc, argv, &argp);
}

static const struct {
	const char *name;
	char *full; /* for messages */
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "build", (char[]){ "manakin lab build" }, lab_build },
	{ "run", (char[]){ "manakin lab run" }, lab_command },
	{ "shell", (char[]){ "manakin lab shell" }, lab_shell },
};

static error_t parse_lab(int key, char *arg, struct argp_state *state)
{
	int *chosen = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
			if (!strcmp(arg, commands[i].name))
				*chosen = (int)i;
		}
		if (*chosen < 0)
			argp_error(state,
				   "there is no command \"%s\"; there are build, run and shell",
				   arg);
		state->next = state->argc; /* what follows is the command's */
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "no command; there are build, run and shell");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* A standard stream that is closed would be the number of the next file opened. */
static void open_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int cmd_lab(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_lab,
		.args_doc = "build|run|shell [OPTION...]",
		.doc = "The unmodified Linux, RDMA and DPDK stack of a Debian suite in a virtual "
		       "machine, with adapters of manakin device.\v"
		       "  build   make the guest and the QEMU that runs it, and keep them\n"
		       "  run     run a command in a guest\n"
		       "  shell   open a shell in a guest\n\n"
		       "Each has --help. More in manakin-lab(1).\n",
	};
	static char name[] = "manakin lab";
	int chosen = -1, at = 1;

	open_standard_streams();
	argp_err_exit_status = LAB_FAILED;
	argv[0] = name;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &chosen);
	for (at = 1; at < argc && strcmp(argv[at], commands[chosen].name); at++)
		;
	argv[at] = commands[chosen].full;
	return commands[chosen].run(argc - at, argv + at);
}
