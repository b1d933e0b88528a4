/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin dpdk: the installations of DPDK on this machine, and one more.
 */
#include "cli/dpdk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "host/dpdk/dpdk.h"
#include "term/commands.h"
#include "term/json.h"
#include "term/options.h"
#include "term/table.h"
#include "term/text.h"

#define WHY_WIDTH 28u /* characters: with the other columns, not more than 80 as a rule */

static const struct option_moved moved[] = { { 's', "sysroot" }, { 0 } };

static const char doc[] =
	"List the installations of DPDK on this machine, and whether each can drive MANA; with "
	"PROGRAM, DPDK applications too, by the drivers that are linked into them."
	"\vExamples:\n"
	"  manakin dpdk\n"
	"  manakin dpdk list ./my-static-app\n"
	"  manakin dpdk --json | jq '.installations[] | select(.drives_mana).prefix'\n\n"
	"Exit status: 0 done (there may be none), 1 a program cannot be read, 2 wrong usage.";

struct arguments {
	struct shared_options shared;
	char **programs;
	size_t n_programs;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	(void)arg;
	if (key != ARGP_KEY_ARGS)
		return ARGP_ERR_UNKNOWN;
	arguments->programs = state->argv + state->next;
	arguments->n_programs = (size_t)(state->argc - state->next);
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

static int print_json(const struct dpdk_list *list)
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
		.parse = parse_option,
		.arguments = "[PROGRAM...]",
		.doc = doc,
		.shared = SHARED_JSON | SHARED_SYSROOT,
		.moved = moved,
	};
	struct arguments arguments = { .programs = NULL };
	struct dpdk_list list;
	struct host host;
	struct error error;
	int err, status = EXIT_OK;

	if (options_parse(&line, argc, argv, &arguments.shared, &arguments))
		return EXIT_USAGE;
	if (host_open(arguments.shared.sysroot, &host, &error)) {
		say("%s", error.text);
		return EXIT_FAILED;
	}
	err = dpdk_find(&host, &list);
	host_close(&host);
	/* Programs are the user's words: paths of this machine, from here. */
	for (size_t i = 0; !err && i < arguments.n_programs; i++) {
		char *path = realpath(arguments.programs[i], NULL);
		int bad = path ? host_open(NULL, &host, &error) : -errno;

		if (!bad) {
			bad = dpdk_program(&host, path, &list);
			host_close(&host);
		}
		if (bad) {
			say("cannot read the program %s: %s", arguments.programs[i],
			    bad == -ENOEXEC ? "it is no program (ELF)" : strerror(-bad));
			status = EXIT_FAILED;
		}
		free(path);
	}
	if (err) {
		say("cannot look for DPDK: %s", strerror(-err));
		status = EXIT_FAILED;
	} else if (status == EXIT_OK && arguments.shared.json) {
		status = print_json(&list);
	} else if (status == EXIT_OK && !list.n) {
		puts("There is no DPDK on this machine; 'manakin dpdk install --release 24.11.1' "
		     "makes one.");
	} else if (status == EXIT_OK) {
		status = print_table(&list);
	}
	dpdk_list_free(&list);
	return status;
}

/** list_unnamed() - without its name; an exit status */
static int list_unnamed(int argc, char **argv)
{
	say_as("dpdk list");
	return list_command(argc, argv);
}

int cmd_dpdk(int argc, char **argv)
{
	static const struct command commands[] = {
		{ "list", list_command, "show the installations; the default" },
		{ "install", dpdk_install_command, "build one from source and install it" },
		{ "uninstall", dpdk_uninstall_command, "remove one that was installed like this" },
	};
	static const struct command_set set = {
		.name = "dpdk",
		.about = "DPDK on this machine, and whether it can drive MANA.",
		.commands = commands,
		.n = 3,
		.otherwise = list_unnamed,
	};

	return commands_run(&set, argc, argv);
}
