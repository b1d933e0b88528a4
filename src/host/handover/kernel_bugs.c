/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A known bug refuses no plan: the user may know better, or have no other kernel. If the file of
 * known bugs cannot be read, the plan says that in place of a bug.
 */
#include "host/handover/kernel_bugs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/known/bugs.h"

/** add() - a note of the plan; NULL: no memory */
static struct plan_bug *add(struct plan *plan, const char *id, const char *module)
{
	struct plan_bug *more = reallocarray(plan->bug, plan->n_bugs + 1, sizeof(*more));

	if (!more)
		return NULL;
	plan->bug = more;
	more = &more[plan->n_bugs++];
	memset(more, 0, sizeof(*more));
	snprintf(more->id, sizeof(more->id), "%s", id);
	snprintf(more->module, sizeof(more->module), "%s", module);
	return more;
}

/** is_met() - do the plan's steps come to what the bug is about? */
static bool is_met(const struct plan *plan, const struct bug *bug)
{
	enum step_kind kind = plan->setup ? STEP_BIND : STEP_UNBIND;

	if (strcmp(bug->module, DRIVER_USER) != 0)
		return plan->n_ports > 0 && plan->n_steps > 0;
	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->step[i].kind == kind && !strcmp(plan->step[i].driver, DRIVER_USER))
			return true;
	return false;
}

int kernel_bugs_add(const struct planning *p)
{
	unsigned int before = p->plan->setup ? BUG_BEFORE_SETUP : BUG_BEFORE_RESTORE;
	struct kernel_version version;
	struct plan_bug *added;
	char mended[160];
	struct bugs bugs;
	struct error error;
	int err = 0;

	if (!p->plan->n_steps || !kernel_version_read(p->host, &version))
		return 0;
	if (bugs_open(&bugs, &error)) {
		added = add(p->plan, "", "");
		if (added)
			snprintf(added->what, sizeof(added->what),
				 "whether the kernel has known bugs was not determined: %.300s",
				 error.text);
		err = added ? 0 : -ENOMEM;
		bugs.n = 0;
	}
	for (size_t i = 0; !err && i < bugs.n; i++) {
		const struct bug *bug = &bugs.bug[i];

		if (bug->replaced || !(bug->before & before) || !is_met(p->plan, bug) ||
		    bug_state(bug, &version) != BUG_PRESENT)
			continue;
		added = add(p->plan, bug->id, bug->module);
		err = added ? 0 : -ENOMEM;
		if (added)
			snprintf(added->what, sizeof(added->what),
				 "kernel %s has a known bug in %s: %.160s; fixed in %s",
				 version.release, bug->module, bug->warning,
				 bug_mended_text(bug, &version, mended, sizeof(mended)));
	}
	bugs_free(&bugs);
	return err;
}
