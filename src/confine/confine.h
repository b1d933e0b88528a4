/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * confine/confine.h - a process gives up every right that it does not need.
 *
 * The room confine/ takes rights away from a process that serves hostile clients, once all that it
 * needs is open: capabilities and user (confine.c), system calls (calls.c), files (files.c). What
 * happens to memory that a client has corrupted then stays in this process. It uses base/ and
 * libseccomp. It knows nothing of adapters, opens nothing for others, gives no right back, and
 * never prints.
 *
 * The kernel keeps these rights for each thread, and only the thread itself can give them up. So
 * the sandbox is built once, each thread enters it, and confine_finish() checks that all have. A
 * thread that is started later inherits the sandbox of the one that starts it.
 *
 *	confine_new()		on the control thread, while it still has its rights
 *	confine_thread()	on each other thread
 *	confine_finish()	on the control thread, which enters too; says what could not be had
 */
#ifndef MANAKIN_CONFINE_CONFINE_H
#define MANAKIN_CONFINE_CONFINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define CONFINE_FOLDERS_MAX 40u

/** enum confine_role - what a thread does, and thus which system calls it may make (calls.c) */
enum confine_role {
	CONFINE_CONTROL, /* serves sockets, executes commands, creates and destroys */
	CONFINE_LANE,    /* moves packets */
	CONFINE_ROLES
};

/** struct confine_user - whom to become; found before files are out of reach */
struct confine_user {
	uid_t uid;
	gid_t gid;
};

/**
 * struct confine_config - what to take away
 * @off:	nothing but the user is changed (for debuggers)
 * @strict:	fail if anything cannot be had
 * @user:	change to this user, without supplementary groups; NULL: stay
 * @writes_files: a file that grows is open
 * @file_max:	else: bytes up to which a file may grow that is passed later
 * @sends_abstract: datagrams go to sockets with an abstract address
 * @folders:	files may be removed from these, and empty folders
 * @n_folders:	how many
 */
struct confine_config {
	bool off, strict;
	const struct confine_user *user;
	bool writes_files, sends_abstract;
	uint64_t file_max;
	const char *folders[CONFINE_FOLDERS_MAX];
	unsigned int n_folders;
};

struct confine;

/** confine_find_user() - look up a user by name; 0 or a negative errno with @error set */
int confine_find_user(const char *name, struct confine_user *user, struct error *error);

/**
 * confine_new() - build the sandbox; this thread keeps its rights
 * @config:	must stay valid
 * @confine:	the sandbox; released by confine_finish()
 *
 * Return: 0 or a negative errno, with @error set
 */
int confine_new(const struct confine_config *config, struct confine **confine, struct error *error);

/**
 * confine_thread() - this thread, not the control thread, enters the sandbox for good
 *
 * What fails is told by confine_finish(). From now on a system call that the role does not need
 * kills the process.
 */
void confine_thread(struct confine *confine, enum confine_role role);

/**
 * confine_finish() - enter, check that all threads have, say what could not be had, release
 *
 * Return: 0; -EPERM with @error set if the user could not be changed, a thread was forgotten or,
 * with @strict, anything could not be had
 */
int confine_finish(struct confine *confine, struct error *error);

#endif
