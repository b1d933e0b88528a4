/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The check of the kernel's known bugs: those that a setup leads to. Bugs that only a crash brings
 * to light are manakin diagnose's.
 */
#include <stdio.h>
#include <string.h>

#include "host/check/exam.h"
#include "host/known/bugs.h"
#include "host/machine/vmbus.h"

/** warn() - the kernel has it */
static void warn(struct exam *exam, const struct bug *bug, const struct kernel_version *version)
{
	char mended[160], fix[240];

	bug_mended_text(bug, version, mended, sizeof(mended));
	snprintf(fix, sizeof(fix), "boot a kernel with the fix: %s", mended);
	find(exam, VERDICT_WARNING, bug->module, fix, "known bug of kernel %s: %s [%s]",
	     version->release, bug->warning, bug->id);
}

/** suspect() - the release that it is built from has it, and it may have taken the fix since */
static void suspect(struct exam *exam, const struct bug *bug, const struct kernel_version *version)
{
	find(exam, VERDICT_UNKNOWN, bug->module, NULL,
	     "Linux %u.%u.%u, which kernel %s is built from, has a known bug: %s [%s]; its number "
	     "does not tell whether it has the fix",
	     version->major, version->minor, version->patch, version->release, bug->warning,
	     bug->id);
}

void check_kernel_bugs(struct exam *exam)
{
	struct kernel_version version;
	struct error error;
	struct bugs bugs;
	size_t n = 0;

	if (!kernel_version_read(exam->host, &version)) {
		find(exam, VERDICT_UNKNOWN, NULL, NULL, "the kernel's version cannot be read");
		return;
	}
	if (bugs_open(&bugs, &error)) {
		find(exam, VERDICT_UNKNOWN, NULL, NULL, "%s", error.text);
		bugs_free(&bugs);
		return;
	}
	for (size_t i = 0; i < bugs.n; i++) {
		const struct bug *bug = &bugs.bug[i];

		if (bug->replaced || !(bug->before & BUG_BEFORE_SETUP) ||
		    (!exam->hyperv && !strcmp(bug->module, DRIVER_USER)))
			continue;
		if (bug_state(bug, &version) == BUG_PRESENT)
			warn(exam, bug, &version);
		else if (bug_of_base(bug, &version))
			suspect(exam, bug, &version);
		else
			continue;
		n++;
	}
	bugs_free(&bugs);
	if (n)
		return;
	if (version.number == KERNEL_EXACT)
		find(exam, VERDICT_OK, NULL, NULL, "no bug of %s is known that a setup leads to",
		     version.release);
	else
		find(exam, VERDICT_UNKNOWN, NULL, NULL,
		     "the number of %s does not tell which fixes of stable releases it has",
		     version.release);
}
