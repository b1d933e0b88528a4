/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: a bug has points where it came in and points where it was mended. Each is
 * the release of a stable series (6.12.59: that series from there on) or of mainline (6.16: all
 * later series). A kernel has the bug if it is past one of the first and none of the second. Bugs
 * that only a backport brought have no point of mainline among the first.
 */
#include "host/known/bugs.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blocks.h"
#include "base/paths.h"

#define ADDED "/etc/manakin/known-bugs"
#define SHOWN 4u /* releases with the mend that a sentence names */

/** series() - compare two series: 6.1 < 6.12 */
static int series(unsigned int major, unsigned int minor, const struct bug_point *point)
{
	if (major != point->major)
		return major < point->major ? -1 : 1;
	return minor < point->minor ? -1 : minor > point->minor;
}

/** is_past() - is the kernel past the point? @whole: a release candidate of its series is not */
static bool is_past(const struct kernel_version *v, const struct bug_point *point, bool whole)
{
	int order = series(v->major, v->minor, point);

	if (point->mainline)
		return order > 0 || (!order && !(whole && v->rc));
	return !order && !v->rc && v->patch >= point->patch;
}

static bool is_past_any(const struct kernel_version *v, const struct bug_point *points, size_t n,
			bool whole)
{
	for (size_t i = 0; i < n; i++)
		if (is_past(v, &points[i], whole))
			return true;
	return false;
}

static bool is_named(const struct bug_words *patterns, const struct kernel_version *v)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (!fnmatch(patterns->word[i], v->release, 0))
			return true;
	return false;
}

enum bug_state bug_state(const struct bug *bug, const struct kernel_version *v)
{
	if (is_named(&bug->mended_kernels, v))
		return BUG_MENDED;
	if (is_named(&bug->kernels, v))
		return BUG_PRESENT;
	if (v->number == KERNEL_UNKNOWN)
		return BUG_UNKNOWN;
	if (is_past_any(v, bug->mended, bug->n_mended, true))
		return BUG_MENDED;
	if (v->number == KERNEL_LEAST || is_past_any(v, bug->maybe, bug->n_maybe, true))
		return BUG_UNKNOWN;
	return is_past_any(v, bug->since, bug->n_since, false) ? BUG_PRESENT : BUG_ABSENT;
}

bool bug_of_base(const struct bug *bug, const struct kernel_version *v)
{
	struct kernel_version base = *v;

	base.number = KERNEL_EXACT;
	if (v->number != KERNEL_LEAST || bug_state(bug, &base) != BUG_PRESENT)
		return false;
	for (size_t i = 0; i < bug->n_mended; i++)
		if (!bug->mended[i].mainline && !series(v->major, v->minor, &bug->mended[i]))
			return true;
	return false;
}

static size_t put(char *text, size_t size, size_t at, const char *before,
		  const struct bug_point *point)
{
	int len = snprintf(text + at, size - at, "%s%u.%u", before, point->major, point->minor);

	at += len > 0 && (size_t)len < size - at ? (size_t)len : 0;
	if (point->mainline)
		return at;
	len = snprintf(text + at, size - at, ".%u", point->patch);
	return at + (len > 0 && (size_t)len < size - at ? (size_t)len : 0);
}

const char *bug_mended_text(const struct bug *bug, const struct kernel_version *v, char *text,
			    size_t size)
{
	size_t first = bug->n_mended > SHOWN ? bug->n_mended - SHOWN : 0, at = 0;

	snprintf(text, size, "none yet");
	for (size_t i = 0; i < bug->n_mended; i++)
		if (!bug->mended[i].mainline && !series(v->major, v->minor, &bug->mended[i])) {
			at = put(text, size, at, "", &bug->mended[i]);
			snprintf(text + at, size - at, " or later");
			return text;
		}
	/* The newest are of use to everybody. */
	for (size_t i = first; i < bug->n_mended; i++)
		at = put(text, size, at,
			 i == first                ? ""
			 : i + 1 < bug->n_mended   ? ", "
			 : bug->mended[i].mainline ? ", or "
						   : " or ",
			 &bug->mended[i]);
	if (bug->n_mended)
		snprintf(text + at, size - at,
			 bug->mended[bug->n_mended - 1].mainline ? " and later" : " or later");
	return text;
}

/* ---- files ---- */

int bugs_file(struct bugs *bugs, const char *path, struct error *error)
{
	char *text;
	size_t len;
	int err = blocks_file(path, "the known bugs", &text, &len, error);

	if (!err)
		err = bugs_read(bugs, path, text, len, error);
	free(text);
	return err;
}

int bugs_open(struct bugs *bugs, struct error *error)
{
	char own[PATH_MAX];
	int err;

	memset(bugs, 0, sizeof(*bugs));
	paths_find(PLACE_KNOWN_BUGS, own, sizeof(own));
	err = bugs_file(bugs, own, error);
	if (err)
		return err;
	err = bugs_file(bugs, ADDED, error);
	return err == -ENOENT ? 0 : err;
}

static void free_words(struct bug_words *words)
{
	for (size_t i = 0; i < words->n; i++)
		free(words->word[i]);
	free(words->word);
}

static void free_bug(struct bug *bug)
{
	char *texts[] = { bug->id,      bug->title,  bug->module, bug->cause,
			  bug->warning, bug->source, bug->file };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	free_words(&bug->fix);
	free_words(&bug->explains);
	free_words(&bug->kernels);
	free_words(&bug->mended_kernels);
	free_words(&bug->examples);
	free_words(&bug->counterexamples);
	for (size_t i = 0; i < bug->n_crashes; i++) {
		free_words(&bug->crash[i].at);
		free_words(&bug->crash[i].trace);
		free(bug->crash[i].line);
	}
	free(bug->crash);
	free(bug->command);
	free(bug->since);
	free(bug->mended);
	free(bug->maybe);
}

void bugs_free(struct bugs *bugs)
{
	for (size_t i = 0; i < bugs->n; i++)
		free_bug(&bugs->bug[i]);
	free(bugs->bug);
	memset(bugs, 0, sizeof(*bugs));
}
