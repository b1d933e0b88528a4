/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * old_kernel [seccomp] [landlock] -- COMMAND... - run a command as on a kernel without these
 *
 * Their system calls fail as they do there.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/compat.h"

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int err = 0, i;

	if (!filter)
		return 125;
	err |= seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "landlock")) {
			err |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
						SYS_landlock_create_ruleset, 0);
		} else {
			err |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp),
						0);
			err |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1,
						SCMP_A0_64(SCMP_CMP_EQ, PR_SET_SECCOMP));
		}
	}
	if (err || i + 1 >= argc || seccomp_load(filter))
		return 125;
	execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 127;
}
