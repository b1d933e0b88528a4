/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * A thread loses its rights in an order in which each step can still be made:
 *
 *	the empty mount namespace	needs CAP_SYS_ADMIN
 *	the bounding set		needs CAP_SETPCAP; without it the set means nothing, as
 *					no_new_privs forbids to gain anything from it
 *	the user			needs CAP_SETUID and CAP_SETGID
 *	all capabilities
 *	no_new_privs
 *	Landlock			needs no_new_privs
 *	seccomp				likewise; from here on these calls are gone themselves
 *
 * The C library's setuid() and the like would change all threads at once, by a signal to each. The
 * system calls change one, so each thread changes itself.
 */
#include "confine/confine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "confine/calls.h"
#include "confine/files.h"

/* A sanitizer's library reads files, starts threads and processes, and more, whenever it likes. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
	__has_feature(memory_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/** enum step - what a thread does; the order of the list above */
enum step { STEP_FILES, STEP_LIMITS, STEP_USER, STEP_CAPABILITIES, STEP_PRIVS, STEP_CALLS, STEPS };

static const char *const step_name[STEPS] = {
	[STEP_FILES] = "a file system without files (Landlock, or an empty mount namespace)",
	[STEP_LIMITS] = "resource limits",
	[STEP_USER] = "another user",
	[STEP_CAPABILITIES] = "no capabilities",
	[STEP_PRIVS] = "no_new_privs",
	[STEP_CALLS] = "a filter of system calls (seccomp)",
};

/**
 * struct confine - the sandbox
 * @files:	how files are put out of reach
 * @filter:	of system calls, for each role; NULL: none
 * @tasks:	/proc/self/task, to count threads; NULL: not to be had
 * @entered:	threads that are in the sandbox
 * @failed:	for each step, the errno of a thread that failed; 0: none did
 */
struct confine {
	const struct confine_config *config;
	struct files files;
	scmp_filter_ctx filter[CONFINE_ROLES];
	DIR *tasks;
	_Atomic unsigned int entered;
	_Atomic int failed[STEPS];
};

/** note() - a step's result; its first failure is kept */
static void note(struct confine *confine, enum step step, int err)
{
	int none = 0;

	if (err)
		atomic_compare_exchange_strong(&confine->failed[step], &none, -err);
}

int confine_find_user(const char *name, struct confine_user *user, struct error *error)
{
	struct passwd *found;

	errno = 0;
	found = getpwnam(name);
	if (!found)
		return error_fail(error, errno ? -errno : -ENOENT,
				  "there is no user '%s'; create one: useradd --system %s", name,
				  name);
	*user = (struct confine_user){ .uid = found->pw_uid, .gid = found->pw_gid };
	return 0;
}

/* ---- What holds for the whole process ---- */

static int limit(__rlimit_resource_t resource, rlim_t most)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return -errno;
	limit.rlim_max = limit.rlim_cur = most < limit.rlim_cur ? most : limit.rlim_cur;
	return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

/** grows() - is this descriptor a file that a log may be appended to? */
static bool grows(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/** set_limits() - no core files, no more descriptors than now, no file that grows */
static int set_limits(const struct confine_config *config)
{
	int err = limit(RLIMIT_CORE, 0);

	if (!err)
		err = limit(RLIMIT_NOFILE, RLIM_INFINITY);
	if (!err && !config->writes_files && !grows(STDOUT_FILENO) && !grows(STDERR_FILENO))
		err = limit(RLIMIT_FSIZE, config->file_max);
	if (!err && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		err = -errno;
	return err;
}

int confine_new(const struct confine_config *config, struct confine **out, struct error *error)
{
	struct confine *confine = calloc(1, sizeof(*confine));
	int err = 0;

	if (!confine)
		return error_fail(error, -ENOMEM, "out of memory");
	*out = confine;
	confine->config = config;
	confine->files = (struct files){ .ruleset = -1, .root = -1 };
	confine->tasks = opendir("/proc/self/task");
	if (config->off)
		return 0;
	for (unsigned int role = 0; !err && !SANITIZED && role < CONFINE_ROLES; role++)
		err = calls_filter((enum confine_role)role, &confine->filter[role]);
	note(confine, STEP_CALLS, SANITIZED ? -ENOTSUP : err);
	note(confine, STEP_FILES, SANITIZED ? -ENOTSUP : files_prepare(&confine->files, config));
	note(confine, STEP_LIMITS, set_limits(config));
	return 0;
}

/* ---- Each thread ---- */

/** drop_bounding() - what a program that is executed could gain; nobody may execute one */
static void drop_bounding(void)
{
	for (unsigned long capability = 0; capability < 64; capability++)
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return;
}

static int change_user(const struct confine_user *user)
{
	int parent_death = 0, err;

	/* The kernel forgets this signal when the user changes. */
	prctl(PR_GET_PDEATHSIG, &parent_death, 0, 0, 0);
	err = syscall(SYS_setgroups, 0, NULL) < 0 ||
			      syscall(SYS_setresgid, user->gid, user->gid, user->gid) < 0 ||
			      syscall(SYS_setresuid, user->uid, user->uid, user->uid) < 0
		      ? -errno
		      : 0;
	if (!err && parent_death)
		prctl(PR_SET_PDEATHSIG, parent_death, 0, 0, 0);
	return err;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	/* A kernel before 4.3 has no ambient set, and answers EINVAL. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -errno;
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

void confine_thread(struct confine *confine, enum confine_role role)
{
	const struct confine_config *config = confine->config;

	if (!config->off)
		note(confine, STEP_FILES, files_enter_root(&confine->files));
	if (!config->off)
		drop_bounding();
	if (config->user)
		note(confine, STEP_USER, change_user(config->user));
	if (!config->off) {
		note(confine, STEP_CAPABILITIES, drop_capabilities());
		note(confine, STEP_PRIVS, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0);
		note(confine, STEP_FILES, files_enter_ruleset(&confine->files));
		if (confine->filter[role])
			note(confine, STEP_CALLS, seccomp_load(confine->filter[role]));
	}
	atomic_fetch_add(&confine->entered, 1);
}

/* ---- The result ---- */

/** threads() - of this process; 0 if that is not known */
static unsigned int threads(DIR *tasks)
{
	unsigned int n = 0;

	for (struct dirent *entry; tasks && (entry = readdir(tasks));)
		n += *entry->d_name != '.';
	return n;
}

/** say_result() - what is missing, in one line; or what holds */
static void say_result(const struct confine *confine, const char *missing)
{
	if (confine->config->off)
		log_say(LOG_WARNING,
			"the sandbox is off (--no-sandbox): a client that takes this process over "
			"has all its rights");
	else if (*missing)
		log_say(LOG_WARNING, "the sandbox is incomplete; it lacks %s", missing);
	else
		log_say(LOG_INFO, "the sandbox is complete: %s, seccomp, no capabilities",
			confine->files.ruleset >= 0 ? "Landlock" : "an empty mount namespace");
}

int confine_finish(struct confine *confine, struct error *error)
{
	const struct confine_config *config = confine->config;
	unsigned int running = threads(confine->tasks), entered;
	char missing[1024] = "";
	int err = 0;

	confine_thread(confine, CONFINE_CONTROL);
	/* Without a sandbox there may be threads that are not ours: an emulator's (qemu-user). */
	entered = atomic_load(&confine->entered);
	for (unsigned int i = 0; i < STEPS; i++) {
		size_t len = strlen(missing);

		if (confine->failed[i])
			snprintf(missing + len, sizeof(missing) - len, "%s%s: %s", len ? ", " : "",
				 step_name[i],
				 SANITIZED && confine->failed[i] == ENOTSUP
					 ? "this program was built with a sanitizer"
					 : strerror(confine->failed[i]));
	}
	if (confine->failed[STEP_USER])
		err = error_fail(error, -EPERM,
				 "cannot change to the user of --user: %s; run as root, or leave "
				 "--user away",
				 strerror(confine->failed[STEP_USER]));
	else if (!SANITIZED && !config->off && running && running != entered)
		err = error_fail(error, -EPERM,
				 "%u of %u threads are not in the sandbox; report this mistake",
				 running - entered, running);
	else if (config->strict && *missing)
		err = error_fail(error, -EPERM,
				 "--sandbox=strict: the sandbox would lack %s; use a kernel that "
				 "has it, or --sandbox=on",
				 missing);
	else
		say_result(confine, missing);
	for (unsigned int role = 0; role < CONFINE_ROLES; role++)
		if (confine->filter[role])
			seccomp_release(confine->filter[role]);
	files_release(&confine->files);
	if (confine->tasks)
		closedir(confine->tasks);
	free(confine);
	return err;
}
