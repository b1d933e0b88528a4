/* SPDX-License-Identifier: BSD-3-Clause */
/* guest/status.h - the exit statuses of the lab. */
#ifndef MANAKIN_GUEST_STATUS_H
#define MANAKIN_GUEST_STATUS_H

/* The lab's own; any other is that of the command in the guest. */
enum lab_status {
	LAB_BROKEN = 3, /* with --examine: COMMAND has succeeded, and the driver broke a rule */
	LAB_TIMED_OUT = 124, /* as timeout(1) */
	LAB_FAILED = 125,    /* the lab itself failed; wrong usage too */
};

#endif
