/* SPDX-License-Identifier: BSD-3-Clause */
/* guest/examine.c - scenarios for a driver in a guest. They are the scripts of share/examine. */
#include "guest/examine.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/paths.h"
#include "term/say.h"

#define SUFFIX      ".sh"
#define LIBRARY     "lib.sh"
#define APPLICATION "app-" /* what the names of their scenarios begin with */
#define REPORT      "report.json"
#define TIMED_OUT_S 1800.0 /* for a scenario, on a machine that emulates its guests */

/* ---- Which ---- */

static int is_scenario(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > sizeof(SUFFIX) - 1 && len < EXAMINE_NAME && entry->d_name[0] != '.' &&
	       !strcmp(entry->d_name + len - (sizeof(SUFFIX) - 1), SUFFIX) &&
	       strcmp(entry->d_name, LIBRARY);
}

static bool is_wanted(const char *name, char *const *wanted, unsigned int n, const char *app)
{
	if (app && !strncmp(name, APPLICATION, sizeof(APPLICATION) - 1) &&
	    !strcmp(name + sizeof(APPLICATION) - 1, app))
		return true;
	for (unsigned int i = 0; i < n; i++)
		if (!strcmp(name, wanted[i]))
			return true;
	return !n && strncmp(name, APPLICATION, sizeof(APPLICATION) - 1) != 0;
}

/** find_place() - the directory of the scripts */
static int find_place(char path[PATH_MAX])
{
	if (paths_find(PLACE_EXAMINE, path, PATH_MAX) == 0)
		return 0;
	say("the scenarios are missing: %s; install the program again", path);
	return -ENOENT;
}

/** check_found() - was everything found that the user has named? */
static int check_found(const struct scenarios *scenarios, char *const *wanted, unsigned int n,
		       const char *app)
{
	char name[EXAMINE_NAME + sizeof(APPLICATION)];

	for (unsigned int i = 0; i < n + (app != NULL); i++) {
		bool found = false;

		snprintf(name, sizeof(name), "%s%.31s", i < n ? "" : APPLICATION,
			 i < n ? wanted[i] : app);
		for (unsigned int k = 0; k < scenarios->n; k++)
			found = found || !strcmp(scenarios->verdict[k].name, name);
		if (found)
			continue;
		say("there is no scenario '%s'; see manakin-lab(1) for their names", name);
		return -ENOENT;
	}
	return 0;
}

int scenarios_find(struct scenarios *scenarios, char *const *wanted, unsigned int n,
		   const char *app)
{
	struct dirent **entries;
	char place[PATH_MAX];
	int found;

	memset(scenarios, 0, sizeof(*scenarios));
	if (find_place(place))
		return -ENOENT;
	found = scandir(place, &entries, is_scenario, alphasort);
	for (int i = 0; i < found; i++) {
		char *name = entries[i]->d_name;

		name[strlen(name) - (sizeof(SUFFIX) - 1)] = '\0';
		if (scenarios->n < EXAMINE_SCENARIOS_MAX && is_wanted(name, wanted, n, app))
			snprintf(scenarios->verdict[scenarios->n++].name, EXAMINE_NAME, "%.31s",
				 name);
		free(entries[i]);
	}
	if (found >= 0)
		free(entries);
	return check_found(scenarios, wanted, n, app);
}

/* ---- One of them ---- */

static int copy_file(const char *from, const char *to)
{
	FILE *in = fopen(from, "re"), *out = in ? fopen(to, "we") : NULL;
	char buffer[4096];
	int err = in && out ? 0 : -errno;
	size_t n;

	while (!err && (n = fread(buffer, 1, sizeof(buffer), in)) > 0)
		if (fwrite(buffer, 1, n, out) != n)
			err = -EIO;
	if (in)
		fclose(in);
	if (out && fclose(out) && !err)
		err = -errno;
	return err;
}

/** share_make() - a directory for the guest, with a scenario's script */
static int share_make(char share[PATH_MAX], const char *scenario)
{
	const char *temporary = getenv("TMPDIR");
	char place[PATH_MAX], from[PATH_MAX + 64], to[PATH_MAX + 64];
	const char *names[] = { scenario, "lib" };
	int err = 0;

	if (find_place(place))
		return -ENOENT;
	snprintf(share, PATH_MAX, "%.4000s/manakin-examine-XXXXXX", temporary ? temporary : "/tmp");
	if (!mkdtemp(share)) {
		err = -errno;
		say("cannot create %s: %s", share, error_reason(-err));
		return err;
	}
	for (unsigned int i = 0; !err && i < 2; i++) {
		snprintf(from, sizeof(from), "%s/%s" SUFFIX, place, names[i]);
		snprintf(to, sizeof(to), "%s/%s" SUFFIX, share, names[i]);
		err = copy_file(from, to);
	}
	if (err)
		say("cannot copy a scenario to %s: %s", share, error_reason(-err));
	return err;
}

/** share_remove() - with what is known to be in it */
static void share_remove(const char *share, const char *scenario)
{
	const char *names[] = { scenario, "lib" };
	char path[PATH_MAX + 64];

	for (unsigned int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s" SUFFIX, share, names[i]);
		unlink(path);
	}
	rmdir(share);
}

/** broken_rules() - the names of rules that the report says were broken; NULL: there is no report */
static json_t *broken_rules(const char *report)
{
	json_t *root = json_load_file(report, 0, NULL), *names, *client, *rule;
	size_t i, k;

	if (!json_array_size(json_object_get(root, "clients"))) {
		json_decref(root);
		return NULL;
	}
	names = json_array();
	json_array_foreach(json_object_get(root, "clients"), i, client)
		json_array_foreach(json_object_get(client, "rules"), k, rule)
			if (json_integer_value(json_object_get(rule, "broken")))
				json_array_append(names, json_object_get(rule, "rule"));
	json_decref(root);
	return names;
}

/** run_one() - one scenario in a guest; a negative errno, or 0 and its verdict */
static int run_one(struct scenario_verdict *verdict, const struct run_options *wanted)
{
	static char bash[] = "/bin/bash";
	char share[PATH_MAX], script[64], report[PATH_MAX + 64];
	char *command[] = { bash, script, NULL };
	struct run_options options = *wanted;
	uint64_t start = clock_ns();
	int err = share_make(share, verdict->name);

	if (err)
		return err;
	/* Beside the directory: the guest can write to everything in it. */
	snprintf(report, sizeof(report), "%s." REPORT, share);
	snprintf(script, sizeof(script), "/mnt/share/%s" SUFFIX, verdict->name);
	options.share = share;
	options.examine = true;
	options.report = report;
	options.command = command;
	if (options.timeout_s <= 0)
		options.timeout_s = TIMED_OUT_S;
	verdict->status = guest_run(&options);
	verdict->seconds = (double)(clock_ns() - start) / 1e9;
	verdict->broken = broken_rules(report);
	/* LAB_BROKEN says no more than the report. */
	if (verdict->status == LAB_BROKEN && json_array_size(verdict->broken))
		verdict->status = 0;
	verdict->passed = !verdict->status && verdict->broken && !json_array_size(verdict->broken);
	unlink(report);
	share_remove(share, verdict->name);
	return 0;
}

static int run_all(struct scenarios *scenarios, const struct run_options *options)
{
	for (unsigned int i = 0; i < scenarios->n; i++) {
		struct scenario_verdict *verdict = &scenarios->verdict[i];

		say("%s: a guest is started", verdict->name);
		if (run_one(verdict, options))
			return LAB_FAILED;
		if (verdict->status == LAB_FAILED || verdict->status == 128 + SIGINT ||
		    verdict->status == 128 + SIGTERM || verdict->status == 128 + SIGHUP)
			return verdict->status;
		say("%s: %s, after %.0f s", verdict->name, verdict->passed ? "passed" : "FAILED",
		    verdict->seconds);
	}
	return 0;
}

int scenarios_run(struct scenarios *scenarios, const struct run_options *options)
{
	int kept = dup(STDOUT_FILENO), status;

	fflush(stdout);
	if (kept < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
		say("cannot redirect standard output: %s", error_reason(errno));
		return LAB_FAILED;
	}
	status = run_all(scenarios, options);
	dup2(kept, STDOUT_FILENO);
	close(kept);
	return status;
}

void scenarios_free(struct scenarios *scenarios)
{
	for (unsigned int i = 0; i < scenarios->n; i++)
		json_decref(scenarios->verdict[i].broken);
}
