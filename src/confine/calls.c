/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * confine/calls.c - the system calls that a thread may make.
 *
 * Theory of operation
 *
 * calls[] is the whole list. A call that is not in it kills the process: the program does not make
 * it, so somebody else does. A few calls that the C library makes on its own account, to look at
 * files of the system, fail instead (EACCES), as they would if the file were not readable.
 *
 * A thread that the control thread starts later inherits its filter, and everything else.
 *
 * A call with a condition costs a few instructions of the kernel's filter, one without nothing: the
 * kernel remembers that it is allowed. So calls of the packet path have none.
 *
 * Names that this kernel or libseccomp does not have are skipped.
 */
#include "confine/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define C    (1u << CONFINE_CONTROL)
#define L    (1u << CONFINE_LANE)
#define ALL  (C | L)
#define INT  0xffffffffull /* a mask: of an int the kernel looks at no more */
#define SELF UINT64_MAX    /* a value: this process */

/* What pthread_create() asks clone() for: a thread of this process, which inherits its filter */
#define THREAD                                                                                     \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |        \
	 CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

/*
 * TCGETS2, which isatty() of glibc 2.43 asks in place of TCGETS. Its definition needs a structure of
 * <asm/termbits.h>, which cannot be included with the C library's headers; it is 44 bytes on x86-64
 * and arm64 (asm-generic/termbits.h).
 */
#define TERMINAL2 0x802c542aull

/* vfio_user/closer.c, serve/watchdog.c */
#define CHILD     (CLONE_VM | CLONE_FILES)

/**
 * struct call - a permission
 * @name:	of the system call
 * @roles:	whose threads have it
 * @fails:	the errno with which the call fails instead; 0: it is made
 * @where:	if @mask is not 0: only while this argument ...
 * @mask:	... under this mask ...
 * @value:	... has this value
 */
struct call {
	const char *name;
	unsigned int roles;
	uint16_t fails;
	unsigned int where;
	uint64_t mask, value;
};

static const struct call calls[] = {
	/* packets, interrupts, the log */
	{ .name = "read", ALL },
	{ .name = "readv", ALL },
	{ .name = "write", ALL },
	{ .name = "writev", ALL },
	{ .name = "recvfrom", C | L },
	{ .name = "recvmsg", C | L },
	{ .name = "sendto", C | L },
	{ .name = "sendmsg", C | L },
	{ .name = "io_submit", ALL },
	{ .name = "lseek", ALL },
	/* waiting */
	{ .name = "epoll_wait", ALL },
	{ .name = "epoll_pwait", ALL },
	{ .name = "epoll_ctl", ALL },
	{ .name = "poll", ALL },
	{ .name = "ppoll", ALL },
	{ .name = "futex", ALL },
	{ .name = "nanosleep", ALL },
	{ .name = "clock_nanosleep", ALL },
	{ .name = "restart_syscall", ALL },
	{ .name = "sched_yield", ALL },
	{ .name = "clock_gettime", ALL },
	{ .name = "gettimeofday", ALL },
	/* memory: none that can be executed */
	{ .name = "mmap", ALL, .where = 2, .mask = PROT_EXEC, .value = 0 },
	{ .name = "mprotect", ALL, .where = 2, .mask = PROT_EXEC, .value = 0 },
	{ .name = "munmap", ALL },
	{ .name = "mremap", ALL },
	{ .name = "madvise", ALL },
	{ .name = "brk", ALL },
	/* threads and signals of this process */
	{ .name = "rt_sigaction", ALL },
	{ .name = "rt_sigprocmask", ALL },
	{ .name = "rt_sigreturn", ALL },
	{ .name = "sigaltstack", ALL },
	{ .name = "getpid", ALL },
	{ .name = "gettid", ALL },
	{ .name = "tgkill", ALL, .where = 0, .mask = INT, .value = SELF },
	{ .name = "clone", C, .where = 0, .mask = INT, .value = THREAD },
	{ .name = "clone3", C, .fails = ENOSYS }, /* has no flags to look at: use clone() */
	/* children that close descriptors, or hold them to the end: in our memory, with our filter */
	{ .name = "clone", C, .where = 0, .mask = INT, .value = CHILD | CLONE_VFORK },
	{ .name = "clone", C, .where = 0, .mask = INT, .value = CHILD },
	{ .name = "wait4", C },
	{ .name = "getppid", C },
	{ .name = "sched_getaffinity", ALL },
	{ .name = "getcpu", ALL },
	{ .name = "set_robust_list", ALL },
	{ .name = "rseq", ALL },
	{ .name = "getrandom", ALL },
	{ .name = "exit", ALL },
	{ .name = "exit_group", ALL },
	/* clients and peers come and go; a tap is deleted, and a timer replaces it */
	{ .name = "accept4", ALL },
	{ .name = "getsockopt", C },
	{ .name = "setsockopt", ALL },
	{ .name = "shutdown", C },
	{ .name = "close", ALL },
	{ .name = "fcntl", ALL, .where = 1, .mask = INT, .value = F_GETFL },
	{ .name = "fcntl", ALL, .where = 1, .mask = INT, .value = F_SETFL },
	{ .name = "fcntl", C, .where = 1, .mask = INT, .value = F_GET_SEALS },
	{ .name = "fcntl", C, .where = 1, .mask = INT, .value = F_DUPFD_CLOEXEC },
	{ .name = "dup3", ALL },
	{ .name = "eventfd2", C },
	{ .name = "timerfd_create", ALL },
	{ .name = "timerfd_settime", ALL },
	{ .name = "io_destroy", C },
	/* what a descriptor is; for the C library, also the size of a terminal */
	{ .name = "fstat", ALL },
	{ .name = "readlink", C }, /* without AIO */
	{ .name = "readlinkat", C },
	{ .name = "fstatfs", C },
	{ .name = "newfstatat", ALL, .where = 3, .mask = INT, .value = AT_EMPTY_PATH },
	{ .name = "ioctl", ALL, .where = 1, .mask = INT, .value = TCGETS },
	{ .name = "ioctl", ALL, .where = 1, .mask = INT, .value = TERMINAL2 },
	{ .name = "ioctl", C, .where = 1, .mask = INT, .value = TIOCGWINSZ },
	{ .name = "ioctl", C, .where = 1, .mask = INT, .value = FIONREAD },
	{ .name = "sysinfo", C },
	/* at the end, sockets and folders are removed: files.c limits where */
	{ .name = "lstat", C },
	{ .name = "newfstatat", C, .where = 3, .mask = INT, .value = AT_SYMLINK_NOFOLLOW },
	{ .name = "unlink", C },
	{ .name = "unlinkat", C },
	{ .name = "rmdir", C },
	/* the C library, which would like to know the number of CPUs, a time zone, a message's text */
	{ .name = "open", ALL, .fails = EACCES },
	{ .name = "openat", ALL, .fails = EACCES },
	{ .name = "access", ALL, .fails = EACCES },
	{ .name = "faccessat", ALL, .fails = EACCES },
	{ .name = "faccessat2", ALL, .fails = EACCES },
	{ .name = "stat", ALL, .fails = EACCES },
	{ .name = "readlink", L, .fails = EACCES },
	{ .name = "readlinkat", L, .fails = EACCES },
};

static int add(scmp_filter_ctx filter, const struct call *call)
{
	uint32_t action = call->fails ? SCMP_ACT_ERRNO(call->fails) : SCMP_ACT_ALLOW;
	uint64_t self = (uint64_t)getpid(), value = call->value == SELF ? self : call->value;
	struct scmp_arg_cmp only = SCMP_CMP64(call->where, SCMP_CMP_MASKED_EQ, call->mask, value);
	int number = seccomp_syscall_resolve_name(call->name);

	/* Of another architecture, or not known yet */
	if (number < 0)
		return 0;
	return seccomp_rule_add_array(filter, action, number, call->mask ? 1 : 0, &only);
}

int calls_filter(enum confine_role role, scmp_filter_ctx *out)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err;

	/* EFAULT: there is no filter at NULL, but there could be one. */
	if (!filter)
		return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) < 0 && errno == EFAULT
			       ? -ENOMEM
			       : -ENOSYS;
	err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* No code of others runs here, so there is nothing to slow speculation down for. */
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	for (size_t i = 0; !err && i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].roles & 1u << role)
			err = add(filter, &calls[i]);
	if (err) {
		seccomp_release(filter);
		return err;
	}
	*out = filter;
	return 0;
}
