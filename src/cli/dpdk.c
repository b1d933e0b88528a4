/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin dpdk: list DPDK installations, install one from source, and remove it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/look.h"
#include "host/dpdk/dpdk.h"
#include "host/dpdk/driver.h"
#include "host/dpdk/install.h"
#include "host/dpdk/record.h"
#include "process/signals.h"
#include "term/commands.h"
#include "term/json.h"
#include "term/options.h"
#include "term/table.h"
#include "term/text.h"
#include "term/value.h"

#define WHY_WIDTH 28u /* characters: the table then usually fits into 80 columns */

/* ---- list ---- */

static const struct option_moved list_moved[] = { { 's', "sysroot" }, { 0 } };

static const char list_doc[] =
	"List the DPDK installations on this machine, and whether each can drive MANA. With "
	"PROGRAM, also list DPDK applications, with the drivers that are linked into them."
	"\vExamples:\n"
	"  manakin dpdk\n"
	"  manakin dpdk list ./my-static-app\n"
	"  manakin dpdk --json | jq '.installations[] | select(.drives_mana).prefix'\n\n"
	"Exit status: 0 success (even if there is none), 1 a program cannot be read, 2 wrong "
	"usage.";

/** struct list - the command line */
struct list {
	struct shared_options shared;
	char **programs;
	size_t n_programs;
};

static error_t parse_list(int key, char *arg, struct argp_state *state)
{
	struct list *list = state->input;

	(void)arg;
	if (key != ARGP_KEY_ARGS)
		return ARGP_ERR_UNKNOWN;
	list->programs = state->argv + state->next;
	list->n_programs = (size_t)(state->argc - state->next);
	return 0;
}

/** linkage() - "shared", "static", "shared, static" */
static const char *linkage(const struct dpdk *dpdk)
{
	if (dpdk->program)
		return *dpdk->abi ? "program, shared" : "program, static";
	if (!*dpdk->abi)
		return "static";
	return dpdk->archives ? "shared, static" : "shared";
}

static int print_list_json(const struct dpdk_list *list)
{
	json_t *all = json_array();

	for (size_t i = 0; i < list->n; i++) {
		const struct dpdk *dpdk = &list->dpdk[i];
		json_t *drivers = json_object();
		const char *why;
		bool can = dpdk_can_drive(dpdk, &why);

		for (int d = 0; d < DPDK_DRIVERS; d++)
			json_object_set_new(drivers, dpdk_driver_name((enum dpdk_driver)d),
					    json_boolean(dpdk->has[d]));
		json_array_append_new(
			all,
			json_pack("{s:s, s:b, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:b, s:s}",
				  "prefix", dpdk->prefix, "program", dpdk->program, "version",
				  output_text(dpdk->version), "abi", output_text(dpdk->abi),
				  "shared", *dpdk->abi != 0, "static",
				  dpdk->archives || !*dpdk->abi, "libdir",
				  output_text(dpdk->libdir), "plugins", output_text(dpdk->plugins),
				  "pkgconfig", output_text(dpdk->pkgconfig), "drivers", drivers,
				  "drives_mana", can, "why", why));
	}
	return output_json(json_pack("{s:o}", "installations", all));
}

static int print_table(const struct dpdk_list *list)
{
	static const struct output_column columns[] = {
		{ "PREFIX", false, false, false }, { "VERSION", false, false, false },
		{ "LINKED", false, false, false }, { "DRIVERS", false, false, false },
		{ "MANA", false, false, true },
	};
	struct libscols_table *table = output_table(columns, 5);

	for (size_t i = 0; i < list->n; i++) {
		const struct dpdk *dpdk = &list->dpdk[i];
		struct libscols_line *line = output_line(table, NULL);
		char drivers[128] = "", mana[256];
		const char *why;
		bool can = dpdk_can_drive(dpdk, &why);

		for (int d = 0; d < DPDK_DRIVERS; d++)
			if (dpdk->has[d])
				snprintf(drivers + strlen(drivers),
					 sizeof(drivers) - strlen(drivers), "%s%s",
					 *drivers ? " " : "",
					 dpdk_driver_name((enum dpdk_driver)d));
		output_cell(line, 0, "%s", dpdk->prefix);
		output_cell(line, 1, "%s", *dpdk->version ? dpdk->version : "?");
		output_cell(line, 2, "%s", linkage(dpdk));
		output_cell(line, 3, "%s", *drivers ? drivers : "-");
		snprintf(mana, sizeof(mana), "%s: %s", can ? "yes" : "no", why);
		if (output_width(stdout))
			output_wrap(mana, WHY_WIDTH);
		output_cell(line, 4, "%s", mana);
		output_cell_style(line, 4, can ? STYLE_GOOD : STYLE_WARNING);
	}
	return output_table_print(table);
}

/** list_command() - 'manakin dpdk [list]'; an exit status */
static int list_command(int argc, char **argv)
{
	static const struct command_line line = {
		.parse = parse_list,
		.arguments = "[PROGRAM...]",
		.doc = list_doc,
		.shared = SHARED_JSON | SHARED_SYSROOT | SHARED_FROM,
		.moved = list_moved,
	};
	struct list list = { .programs = NULL };
	struct dpdk_list found;
	struct host host;
	struct error error;
	int err, status = EXIT_OK;

	if (options_parse(&line, argc, argv, &list.shared, &list))
		return EXIT_USAGE;
	if (look_open(&list.shared, false, &host))
		return EXIT_FAILED;
	err = dpdk_find(&host, &found);
	host_close(&host);
	/* The user names programs by paths on this machine, relative to the current directory. */
	for (size_t i = 0; !err && i < list.n_programs; i++) {
		char *path = realpath(list.programs[i], NULL);
		int bad = path ? host_open(NULL, &host, &error) : -errno;

		if (!bad) {
			bad = dpdk_program(&host, path, &found);
			host_close(&host);
		}
		if (bad) {
			say("cannot read the program %s: %s", list.programs[i],
			    bad == -ENOEXEC ? "it is not an ELF program" : error_reason(-bad));
			status = EXIT_FAILED;
		}
		free(path);
	}
	if (err) {
		say("cannot look for DPDK: %s", error_reason(-err));
		status = EXIT_FAILED;
	} else if (status == EXIT_OK && list.shared.json) {
		status = print_list_json(&found);
	} else if (status == EXIT_OK && !found.n) {
		puts("DPDK is not installed on this machine; "
		     "'manakin dpdk install --release 24.11.1' installs it.");
	} else if (status == EXIT_OK) {
		status = print_table(&found);
	}
	dpdk_list_free(&found);
	return status;
}

/* ---- install ---- */

enum {
	OPTION_RELEASE = 0x100,
	OPTION_TARBALL,
	OPTION_PREFIX,
	OPTION_DRIVERS,
	OPTION_SHA256,
	OPTION_NO_PACKAGES,
};

static const struct argp_option install_options[] = {
	{ "release", OPTION_RELEASE, "V", 0,
	  "Download this release, such as 23.11.5, from dpdk.org", 0 },
	{ "tarball", OPTION_TARBALL, "FILE", 0, "Take the sources from this file", 0 },
	{ "sha256", OPTION_SHA256, "HEX", 0,
	  "The SHA-256 digest that the sources must have; required for a download, except of "
	  "24.11.1 and 23.07, whose digests are known",
	  0 },
	{ "prefix", OPTION_PREFIX, "DIR", 0, "Where to install (default: /usr/local)", 0 },
	{ "drivers", OPTION_DRIVERS, "LIST", 0,
	  "Build only these drivers, such as bus/pci,bus/vmbus,net/mana,net/netvsc (default: all)",
	  0 },
	{ "no-packages", OPTION_NO_PACKAGES, NULL, 0,
	  "Do not install the packages needed for building", 0 },
	{ 0 },
};

static const struct option_moved install_moved[] = {
	{ 'd', "drivers" }, { 'p', "prefix" }, { 't', "tarball" }, { 'v', "release" }, { 0 }
};

static const char install_doc[] =
	"Build DPDK from source and install it, as Azure's guide does, with the distribution's "
	"packages, meson and ninja. A record of the installed files is kept for 'manakin dpdk "
	"uninstall PREFIX'."
	"\vExamples:\n"
	"  manakin dpdk install --tarball dpdk-23.11.5.tar.xz --prefix /opt/dpdk-23.11\n"
	"  manakin dpdk install --release 24.11.1\n"
	"  manakin dpdk install --release 23.11.5 --sha256 HEX --dry-run\n\n"
	"Exit status: 0 success, 1 it failed, and nothing is left behind, 2 wrong usage.";

/**
 * struct install - the command line, and what is printed
 * @commands:	of --json: the programs, as arrays of words; else NULL
 * @tenth:	progress of the running program that was printed last, in tenths
 * @line:	the terminal's line has a program's name and progress on it
 */
struct install {
	struct dpdk_wish wish;
	json_t *commands;
	unsigned int tenth;
	struct shared_options shared;
	bool line;
};

/** check_wish() - was a DPDK named, and can a download be verified? */
static error_t check_wish(struct dpdk_wish *wish)
{
	if (!wish->version == !wish->tarball)
		return say_usage("give --release V or --tarball FILE");
	if (wish->version && !wish->sha256)
		wish->sha256 = dpdk_known_digest(wish->version);
	if (wish->version && !wish->sha256)
		return say_usage(
			"--release %s needs --sha256: only the digests of 24.11.1 and 23.07 "
			"are known, and a download that cannot be verified is not "
			"installed; take the digest from a source that you trust, such as "
			"your distribution's source package",
			wish->version);
	return 0;
}

static error_t parse_install(int key, char *arg, struct argp_state *state)
{
	struct install *install = state->input;

	switch (key) {
	case OPTION_RELEASE:
		if (!*arg || arg[strspn(arg, "0123456789.")] || strlen(arg) > 16)
			return value_bad("release", arg, "a release such as 23.11.5");
		install->wish.version = arg;
		return 0;
	case OPTION_TARBALL:
		install->wish.tarball = arg;
		return 0;
	case OPTION_SHA256:
		if (strlen(arg) != SHA256_DIGITS || arg[strspn(arg, "0123456789abcdefABCDEF")])
			return value_bad("sha256", arg, "%u hexadecimal digits", SHA256_DIGITS);
		install->wish.sha256 = arg;
		return 0;
	case OPTION_PREFIX:
		if (*arg != '/' || strlen(arg) > 2000)
			return value_bad("prefix", arg, "an absolute path such as /opt/dpdk");
		install->wish.prefix = arg;
		return 0;
	case OPTION_DRIVERS:
		if (!*arg || arg[strspn(arg, "abcdefghijklmnopqrstuvwxyz0123456789_/,*")])
			return value_bad("drivers", arg, "a list such as bus/pci,net/mana");
		install->wish.drivers = arg;
		return 0;
	case OPTION_NO_PACKAGES:
		install->wish.packages = false;
		return 0;
	case ARGP_KEY_END:
		return check_wish(&install->wish);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** end_line() - of the program that ran */
static void end_line(struct install *install)
{
	if (install->line)
		fputc('\n', stderr);
	install->line = false;
}

/** collect() - add a command as an array of its words; without memory, words are missing */
static void collect(json_t *commands, char *const *argv)
{
	json_t *words = json_array();

	for (size_t i = 0; argv[i]; i++)
		json_array_append_new(words, output_text(argv[i]));
	json_array_append_new(commands, words);
}

/** show_begin() - see struct program_watch */
static void show_begin(void *arg, const char *what, char *const *argv)
{
	struct install *install = arg;

	end_line(install);
	install->tenth = 0;
	if (install->commands)
		collect(install->commands, argv);
	else if (install->wish.dry)
		output_command(stdout, argv);
	if (install->wish.dry)
		return;
	install->line = output_can_rewrite(stderr);
	fprintf(stderr, install->line ? "%s " : "%s\n", what);
}

/** show_progress() - the same */
static void show_progress(void *arg, const char *what, unsigned int at, unsigned int all)
{
	struct install *install = arg;

	if (install->line) {
		fprintf(stderr, OUTPUT_REWRITE "%s: %u of %u (%u %%) ", what, at, all,
			100 * at / all);
	} else if (10 * at / all > install->tenth) {
		install->tenth = 10 * at / all;
		fprintf(stderr, "%s: %u %%\n", what, install->tenth * 10);
	}
}

static void show_note(void *arg, const char *text)
{
	end_line(arg);
	say("%s", text);
}

/** show_failure() - the reason, and the last output of the program that failed */
static void show_failure(const struct error *error, const char *output)
{
	say(*output ? "%s; its last output:" : "%s", error->text);
	while (*output) {
		size_t len = strcspn(output, "\n");

		output_visible(stderr, "  | %.*s\n", (int)len, output);
		output += len + (output[len] != '\0');
	}
}

/** hear_ctrl_c() - while programs build; prints a message on failure */
static bool hear_ctrl_c(struct signals *signals)
{
	int err = signals_open(signals, 0);

	if (err)
		say("cannot wait for Ctrl-C: %s", error_reason(-err));
	return !err;
}

/** print_installed() - the result, or with --dry-run the plan, as JSON; an exit status */
static int print_installed(const struct install *install, const struct dpdk_installed *installed)
{
	const struct dpdk_wish *wish = &install->wish;
	bool done = !wish->dry;

	return output_json(json_pack(
		"{s:s, s:o, s:o, s:b, s:b, s:o, s:O}", "prefix", wish->prefix, "version",
		output_text(done ? installed->release : wish->version), "sha256",
		output_text(done ? installed->sha256 : wish->sha256), "dry_run", wish->dry,
		"installed", done, "net_mana", done ? json_boolean(installed->mana) : json_null(),
		"commands", install->commands));
}

/** install_dpdk() - and report the result; an exit status */
static int install_dpdk(struct install *install)
{
	struct dpdk_installed installed;
	struct signals signals;
	struct error error;
	int err;

	if (!hear_ctrl_c(&signals))
		return EXIT_FAILED;
	install->wish.watch =
		(struct program_watch){ show_begin, show_progress, install, signals.fd };
	install->wish.note = show_note;
	err = dpdk_install(&install->wish, &installed, &error);
	end_line(install);
	signals_close(&signals);
	if (err) {
		show_failure(&error, installed.output);
		return EXIT_FAILED;
	}
	if (install->shared.json)
		return print_installed(install, &installed);
	if (!install->wish.dry)
		output_visible(
			stdout,
			"DPDK %s is installed in %s; 'manakin dpdk uninstall %s' removes it\n",
			installed.release, install->wish.prefix, install->wish.prefix);
	return EXIT_OK;
}

/** take_old_name() - accept --version V for --release V; without V it prints the version */
static void take_old_name(int argc, char **argv)
{
	static const char old[] = "--version", name[] = "--release";
	size_t len = sizeof(old) - 1;

	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : "";

		if (!strncmp(argv[i], old, len) &&
		    (argv[i][len] == '=' || (!argv[i][len] && *next >= '0' && *next <= '9')))
			memcpy(argv[i], name, len);
	}
}

/** install_command() - 'manakin dpdk install'; an exit status */
static int install_command(int argc, char **argv)
{
	static const struct command_line line = {
		.options = install_options,
		.parse = parse_install,
		.doc = install_doc,
		.shared = SHARED_JSON | SHARED_DRY_RUN,
		.moved = install_moved,
	};
	struct install install = { .wish = { .prefix = "/usr/local", .packages = true } };
	int status;

	take_old_name(argc, argv);
	if (options_parse(&line, argc, argv, &install.shared, &install))
		return EXIT_USAGE;
	install.wish.dry = install.shared.dry_run;
	if (install.shared.json && !(install.commands = json_array())) {
		say("out of memory");
		return EXIT_FAILED;
	}
	status = install_dpdk(&install);
	json_decref(install.commands);
	return status;
}

/* ---- driver ---- */

enum { OPTION_HEADERS = 0x200 };

static const struct argp_option driver_options[] = {
	{ "prefix", OPTION_PREFIX, "DIR", 0, "Where DPDK is installed (default: /usr/local)", 0 },
	{ "headers", OPTION_HEADERS, "DIR", 0,
	  "Take DPDK's headers for drivers from here (default: from its other headers)", 0 },
	{ "output", 'o', "FILE", 0,
	  "Where to put the driver (default: manakin/librte_net_manakin.so beside DPDK's "
	  "libraries)",
	  0 },
	{ 0 },
};

static const char driver_doc[] =
	"Build the poll-mode driver net_manakin for a DPDK that is installed, with its headers, a "
	"compiler, meson and ninja. A driver fits only the release of DPDK that it was built with."
	"\vExamples:\n"
	"  manakin dpdk driver --prefix /opt/dpdk-23.11\n"
	"  manakin dpdk driver --prefix /usr --output /usr/local/lib/librte_net_manakin.so\n\n"
	"Exit status: 0 success, 1 it failed, and nothing has changed, 2 wrong usage.";

/** struct driver - the command line; how to show progress is as in struct install */
struct driver {
	struct dpdk_driver_wish wish;
	struct install shown;
};

static error_t parse_driver(int key, char *arg, struct argp_state *state)
{
	struct driver *driver = state->input;

	switch (key) {
	case OPTION_PREFIX:
		if (*arg != '/' || strlen(arg) > 2000)
			return value_bad("prefix", arg, "an absolute path such as /opt/dpdk");
		driver->wish.prefix = arg;
		return 0;
	case OPTION_HEADERS:
		if (*arg != '/' || strlen(arg) > 2000)
			return value_bad("headers", arg, "an absolute path");
		driver->wish.headers = arg;
		return 0;
	case 'o':
		if (*arg != '/' || strlen(arg) > 2000 || arg[strlen(arg) - 1] == '/')
			return value_bad("output", arg,
					 "the absolute path of a file such as "
					 "/opt/dpdk/librte_net_manakin.so");
		driver->wish.output = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** build_driver() - and report the result; an exit status */
static int build_driver(struct driver *driver)
{
	struct dpdk_driver_built built;
	struct signals signals;
	struct error error;
	int err;

	if (!hear_ctrl_c(&signals))
		return EXIT_FAILED;
	driver->wish.watch =
		(struct program_watch){ show_begin, show_progress, &driver->shown, signals.fd };
	err = dpdk_driver_build(&driver->wish, &built, &error);
	end_line(&driver->shown);
	signals_close(&signals);
	if (err) {
		show_failure(&error, built.output);
		return EXIT_FAILED;
	}
	if (driver->shown.commands)
		return output_json(json_pack("{s:s, s:s, s:s, s:b, s:O}", "prefix",
					     driver->wish.prefix, "version", built.version,
					     "driver", built.path, "dry_run", driver->wish.dry,
					     "commands", driver->shown.commands));
	if (!driver->wish.dry)
		output_visible(stdout,
			       "The driver for DPDK %s is %s; 'dpdk-testpmd -d %s' and 'manakin "
			       "run --plugin %s' use it\n",
			       built.version, built.path, built.path, built.path);
	return EXIT_OK;
}

/** driver_command() - 'manakin dpdk driver'; an exit status */
static int driver_command(int argc, char **argv)
{
	static const struct command_line line = {
		.options = driver_options,
		.parse = parse_driver,
		.doc = driver_doc,
		.shared = SHARED_JSON | SHARED_DRY_RUN,
	};
	struct driver driver = { .wish = { .prefix = "/usr/local" } };
	struct shared_options *shared = &driver.shown.shared;
	int status;

	if (options_parse(&line, argc, argv, shared, &driver))
		return EXIT_USAGE;
	driver.wish.dry = driver.shown.wish.dry = shared->dry_run;
	if (shared->json && !(driver.shown.commands = json_array())) {
		say("out of memory");
		return EXIT_FAILED;
	}
	status = build_driver(&driver);
	json_decref(driver.shown.commands);
	return status;
}

/* ---- uninstall ---- */

static const char uninstall_doc[] =
	"Remove the DPDK that 'manakin dpdk install' put into PREFIX: the files listed in its "
	"record, with the drivers that 'manakin dpdk driver' added, and the directories that they "
	"created, if they are empty."
	"\vExample:\n"
	"  manakin dpdk uninstall /opt/dpdk-23.11\n\n"
	"Exit status: 0 success, 1 there is no record, or a file cannot be removed, 2 wrong "
	"usage.";

/** struct uninstall - the command line */
struct uninstall {
	struct shared_options shared;
	const char *prefix;
};

static error_t parse_uninstall(int key, char *arg, struct argp_state *state)
{
	struct uninstall *uninstall = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (uninstall->prefix)
			return say_usage("only one prefix at a time; '%s' is one too many", arg);
		uninstall->prefix = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		return say_usage("name the prefix that it was installed in, such as /usr/local");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** uninstall_command() - 'manakin dpdk uninstall'; an exit status */
static int uninstall_command(int argc, char **argv)
{
	static const struct command_line line = {
		.parse = parse_uninstall,
		.arguments = "PREFIX",
		.doc = uninstall_doc,
		.shared = SHARED_JSON,
	};
	struct uninstall uninstall = { .prefix = NULL };
	struct error error;
	size_t removed;

	if (options_parse(&line, argc, argv, &uninstall.shared, &uninstall))
		return EXIT_USAGE;
	if (dpdk_record_undo(uninstall.prefix, &removed, &error)) {
		say("%s", error.text);
		return EXIT_FAILED;
	}
	if (uninstall.shared.json)
		return output_json(json_pack("{s:s, s:I}", "prefix", uninstall.prefix, "removed",
					     (json_int_t)removed));
	output_visible(stdout, "%zu files were removed from %s\n", removed, uninstall.prefix);
	return EXIT_OK;
}

/** list_unnamed() - 'manakin dpdk' without a command; an exit status */
static int list_unnamed(int argc, char **argv)
{
	say_as("dpdk list");
	return list_command(argc, argv);
}

int cmd_dpdk(int argc, char **argv)
{
	static const struct command commands[] = {
		{ "list", list_command, "list the installations (the default)" },
		{ "install", install_command, "build and install a release from source" },
		{ "driver", driver_command, "build the driver net_manakin for an installed DPDK" },
		{ "uninstall", uninstall_command, "remove what 'install' and 'driver' put there" },
	};
	static const struct command_set set = {
		.name = "dpdk",
		.about = "DPDK on this machine, and whether it can drive MANA.",
		.commands = commands,
		.n = 4,
		.otherwise = list_unnamed,
	};

	return commands_run(&set, argc, argv);
}
