/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A process confines itself as an adapter's does and then tries what an intruder would. Each
 * attempt is a child of its own, because most of them end it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/compat.h"
#include "base/log.h"
#include "confine/confine.h"
#include "emulated.h"
#include "process.h"

#include <setjmp.h>
#include <cmocka.h>

#define DONE 0 /* exit statuses of a child: it did what it was to do, ... */
#define HELD 1 /* ... was told no, ... */
#define LOST 2 /* ... or could not even enter the sandbox */

/** struct attempt - something to try */
struct attempt {
	const char *what;
	void (*try)(void);
};

static char folder[] = "/tmp/test-confine-XXXXXX";
static struct confine_config normal;
static char said[4096];

static void keep_log(enum log_level level, const char *message)
{
	(void)level;
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n", message);
}

/** finish() - of a child */
static _Noreturn void finish(bool done)
{
	syscall(SYS_exit_group, done ? DONE : HELD);
	abort();
}

/** enter() - the only thread of this process enters the sandbox */
static void enter(const struct confine_config *config, enum confine_role role)
{
	struct confine *confine;
	struct error error;

	if (confine_new(config, &confine, &error))
		_exit(LOST);
	/* A role other than the control thread's adds its own filter to the control thread's. */
	if (role != CONFINE_CONTROL)
		confine_thread(confine, role);
	else if (confine_finish(confine, &error))
		_exit(LOST);
}

/** outcome() - a child's wait status, after it has entered and tried */
static int outcome(const struct confine_config *config, enum confine_role role, void (*try)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		enter(config, role);
		try();
		finish(true);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

/* ---- What kills ---- */

static void open_socket(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
}

static void open_network(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
}

static void open_netlink(void)
{
	socket(AF_NETLINK, SOCK_RAW, 0);
}

static void make_pair(void)
{
	int pair[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static void connect_out(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };

	connect(0, (struct sockaddr *)&address, sizeof(address));
}

static void execute(void)
{
	execl("/bin/true", "true", NULL);
}

static void execute_at(void)
{
	char *const none[] = { NULL };

	syscall(SYS_execveat, 0, "", none, none, AT_EMPTY_PATH);
}

static void start_process(void)
{
	syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void trace(void)
{
	ptrace(PTRACE_ATTACH, 1, 0, 0);
}

static void read_memory(void)
{
	syscall(SYS_process_vm_readv, 1, NULL, 0ul, NULL, 0ul, 0ul);
}

static void kill_other(void)
{
	kill(getppid(), 0);
}

static void kill_thread_of_other(void)
{
	syscall(SYS_tgkill, 1, 1, 0);
}

static void become_root(void)
{
	syscall(SYS_setresuid, 0, 0, 0);
}

static void take_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct all[2] = { { 1, 1, 1 } };

	syscall(SYS_capset, &header, all);
}

static void mount_something(void)
{
	mount("none", "/tmp", "tmpfs", 0, NULL);
}

static void leave_namespace(void)
{
	unshare(CLONE_NEWUSER);
}

static void change_root(void)
{
	syscall(SYS_chroot, "/");
}

static void write_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static void open_by_handle(void)
{
	syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0);
}

static void open_beneath(void)
{
	syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", NULL, 0ul);
}

static void start_ring(void)
{
	syscall(SYS_io_uring_setup, 1, NULL);
}

static void load_program(void)
{
	syscall(SYS_bpf, 0, NULL, 0);
}

static void watch_faults(void)
{
	syscall(SYS_userfaultfd, 0);
}

static void rename_file(void)
{
	rename("/etc/passwd", "/etc/passwd.old");
}

static void make_link(void)
{
	(void)!symlink("/etc", "/tmp/etc");
}

static void make_folder(void)
{
	mkdir("/tmp/confined", 0700);
}

static void change_mode(void)
{
	chmod("/etc/shadow", 0666);
}

static void cut_file(void)
{
	(void)!truncate("/etc/shadow", 0);
}

static void push_key(void)
{
	ioctl(0, TIOCSTI, "x");
}

static void change_limit(void)
{
	struct rlimit limit = { 1, 1 };

	setrlimit(RLIMIT_NOFILE, &limit);
}

static void signal_owner(void)
{
	fcntl(0, F_SETOWN, 1);
}

static const struct attempt deadly[] = {
	{ "socket(AF_UNIX)", open_socket },
	{ "socket(AF_INET)", open_network },
	{ "socket(AF_NETLINK)", open_netlink },
	{ "socketpair()", make_pair },
	{ "connect()", connect_out },
	{ "execve()", execute },
	{ "execveat()", execute_at },
	{ "fork()", start_process },
	{ "ptrace()", trace },
	{ "process_vm_readv()", read_memory },
	{ "kill()", kill_other },
	{ "tgkill() of another process", kill_thread_of_other },
	{ "setresuid()", become_root },
	{ "capset()", take_capabilities },
	{ "mount()", mount_something },
	{ "unshare()", leave_namespace },
	{ "chroot()", change_root },
	{ "mmap() of code", write_code },
	{ "mprotect() to code", make_code },
	{ "open_by_handle_at()", open_by_handle },
	{ "openat2()", open_beneath },
	{ "io_uring_setup()", start_ring },
	{ "bpf()", load_program },
	{ "userfaultfd()", watch_faults },
	{ "rename()", rename_file },
	{ "symlink()", make_link },
	{ "mkdir()", make_folder },
	{ "chmod()", change_mode },
	{ "truncate()", cut_file },
	{ "ioctl(TIOCSTI)", push_key },
	{ "fcntl(F_SETOWN)", signal_owner },
	{ "setrlimit()", change_limit },
};

static void what_is_forbidden_kills(void **state)
{
	(void)state;
	for (unsigned int role = 0; role < CONFINE_ROLES; role++)
		for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
			int status = outcome(&normal, (enum confine_role)role, deadly[i].try);

			if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
				fail_msg("role %u, %s: wait status 0x%x, not killed by SIGSYS",
					 role, deadly[i].what, status);
		}
}

/* ---- What fails ---- */

static void try_to_open(const char *path, int flags)
{
	if (open(path, flags, 0600) >= 0)
		finish(true);
	if (errno != EACCES && errno != ENOENT)
		finish(true);
}

static void open_files(void)
{
	static const char *const files[] = { "/",
					     "/etc/passwd",
					     "/etc/shadow",
					     "/proc/self/mem",
					     "/proc/1/environ",
					     "/dev/null",
					     "/dev/net/tun",
					     "/run",
					     "." };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		try_to_open(files[i], O_RDONLY);
		try_to_open(files[i], O_PATH);
		try_to_open(files[i], O_WRONLY);
	}
	try_to_open("/tmp/confined", O_RDWR | O_CREAT);
	finish(false);
}

static void files_are_out_of_reach(void **state)
{
	(void)state;
	for (unsigned int role = 0; role < CONFINE_ROLES; role++) {
		int status = outcome(&normal, (enum confine_role)role, open_files);

		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), HELD);
	}
}

/** without_filter() - Landlock, or the empty namespace, has to hold by itself */
static void without_filter(void)
{
	int any = open("/etc/passwd", O_RDONLY);

	if (any >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) < 0)
		finish(true);
	try_to_open("/etc/passwd", O_RDONLY);
	try_to_open("/dev/null", O_RDWR);
	try_to_open("/tmp/confined", O_RDWR | O_CREAT);
	finish(false);
}

/** refuse() - from now on the kernel has no such system call, as an older one */
static void refuse(bool landlock, bool seccomp)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	if (landlock)
		seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SYS_landlock_create_ruleset, 0);
	if (seccomp) {
		seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0);
		seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1,
				 SCMP_A0_64(SCMP_CMP_EQ, PR_SET_SECCOMP, 0));
	}
	if (seccomp_load(filter))
		_exit(LOST);
	seccomp_release(filter);
}

/** old_kernel() - what happens in the sandbox on a kernel that lacks something */
static int old_kernel(bool landlock, bool seccomp, bool strict, void (*try)(void))
{
	struct confine_config config = { .strict = strict };
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		refuse(landlock, seccomp);
		enter(&config, CONFINE_CONTROL);
		try();
		finish(true);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void an_old_kernel_still_hides_files(void **state)
{
	bool root = !geteuid();
	int status;

	(void)state;
	status = old_kernel(false, true, false, without_filter);
	assert_int_equal(WEXITSTATUS(status), HELD);
	/* The empty mount namespace needs a privilege. */
	status = old_kernel(true, true, false, without_filter);
	assert_int_equal(WEXITSTATUS(status), root ? HELD : DONE);
}

/** enter_chroot() - a root that is a part of the machine's: all of it, mounted once more */
static void enter_chroot(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("/", folder, NULL, MS_BIND | MS_REC, NULL) || chroot(folder) || chdir("/"))
		_exit(LOST);
}

static void a_chroot_hides_files_too(void **state)
{
	const struct confine_config config = { .strict = false };
	int status;
	pid_t child;

	(void)state;
	if (geteuid()) {
		print_message("not root: there is no chroot to be in\n");
		return;
	}
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		enter_chroot();
		refuse(true, true);
		enter(&config, CONFINE_CONTROL);
		without_filter();
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), HELD);
}

static void nothing(void)
{
}

static void strict_refuses_what_is_incomplete(void **state)
{
	bool root = !geteuid();

	(void)state;
	assert_int_equal(WEXITSTATUS(old_kernel(false, false, true, nothing)), DONE);
	assert_int_equal(WEXITSTATUS(old_kernel(false, true, true, nothing)), LOST);
	assert_int_equal(WEXITSTATUS(old_kernel(true, false, true, nothing)), root ? DONE : LOST);
	assert_int_equal(WEXITSTATUS(old_kernel(true, true, true, nothing)), LOST);
}

static void what_is_missing_is_said_once(void **state)
{
	static const char lacks[] = "the sandbox is incomplete; it lacks a filter of system calls "
				    "(seccomp): ";
	struct confine_config config = { .strict = false };
	struct confine *confine;
	struct error error;
	int status;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (!child) {
		refuse(false, true);
		*said = '\0';
		if (confine_new(&config, &confine, &error) || confine_finish(confine, &error))
			_exit(LOST);
		/* The reason is libseccomp's word. */
		finish(!strncmp(said, lacks, strlen(lacks)) &&
		       strchr(said, '\n') == said + strlen(said) - 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), DONE);
}

/* ---- What can be removed ---- */

static char inside[64], below[64], outside[64];

static void remove_things(void)
{
	if (unlink(outside) == 0 || errno != EACCES || access(outside, F_OK) == 0)
		finish(false);
	finish(unlink(inside) == 0 && rmdir(below) == 0);
}

static void remove_inside(void)
{
	unlink(inside);
}

static void only_its_own_folder_can_be_emptied(void **state)
{
	struct confine_config config = { .folders = { folder }, .n_folders = 1 };
	int status;

	(void)state;
	snprintf(inside, sizeof(inside), "%s/socket", folder);
	snprintf(below, sizeof(below), "%s/below", folder);
	snprintf(outside, sizeof(outside), "%s.outside", folder);
	close(open(inside, O_CREAT | O_WRONLY, 0600));
	close(open(outside, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(mkdir(below, 0700), 0);
	status = outcome(&config, CONFINE_LANE, remove_inside);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	assert_int_equal(access(inside, F_OK), 0);
	status = outcome(&config, CONFINE_CONTROL, remove_things);
	assert_int_equal(WEXITSTATUS(status), DONE);
	assert_int_equal(access(inside, F_OK), -1);
	assert_int_equal(access(below, F_OK), -1);
	assert_int_equal(unlink(outside), 0);
}

/* ---- Threads ---- */

/** struct pair - two threads of a child, and how they are held */
struct pair {
	struct confine *confine;
	int entered, go;
	bool forgotten;
};

static void *second(void *argument)
{
	struct pair *pair = argument;
	uint64_t one = 1;

	if (!pair->forgotten)
		confine_thread(pair->confine, CONFINE_LANE);
	if (write(pair->entered, &one, sizeof(one)) < 0 || read(pair->go, &one, sizeof(one)) < 0)
		finish(false);
	return NULL;
}

/** both() - a child with two threads; the control thread says @ready when both are inside */
static void both(const struct confine_config *config, bool forgotten, int ready, int go)
{
	struct pair pair = { .entered = eventfd(0, 0), .go = go, .forgotten = forgotten };
	struct error error;
	pthread_t thread;
	uint64_t one = 1;

	if (confine_new(config, &pair.confine, &error) ||
	    pthread_create(&thread, NULL, second, &pair) ||
	    read(pair.entered, &one, sizeof(one)) < 0)
		_exit(LOST);
	if (confine_finish(pair.confine, &error))
		syscall(SYS_exit_group,
			!strcmp(error.text, "1 of 2 threads are not in the sandbox; report this "
					    "mistake")
				? DONE
				: LOST);
	if (write(ready, &one, sizeof(one)) < 0)
		finish(false);
	pthread_join(thread, NULL);
	finish(!forgotten);
}

static void a_forgotten_thread_is_found(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	if (!child)
		both(&normal, true, -1, eventfd(0, 0));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), DONE);
}

/** line() - of a file of /proc, without its name and blanks; "" if there is none */
static const char *line(pid_t pid, pid_t task, const char *file, const char *name)
{
	static char text[256];
	char path[64];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, task, file);
	in = fopen(path, "r");
	assert_non_null(in);
	while (fgets(text, sizeof(text), in)) {
		if (strncmp(text, name, strlen(name)))
			continue;
		fclose(in);
		text[strcspn(text, "\n")] = '\0';
		return text + strlen(name) + strspn(text + strlen(name), " \t");
	}
	fclose(in);
	return "";
}

/** check_thread() - of a process that has been root, or not */
static void check_thread(pid_t pid, pid_t task)
{
	static const char *const none[] = { "CapInh:", "CapPrm:", "CapEff:", "CapAmb:" };

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_string_equal(line(pid, task, "status", none[i]), "0000000000000000");
	assert_string_equal(line(pid, task, "status", "NoNewPrivs:"), "1");
	assert_string_equal(line(pid, task, "status", "Seccomp:"), "2");
	if (geteuid())
		return;
	assert_string_equal(line(pid, task, "status", "CapBnd:"), "0000000000000000");
	assert_string_equal(line(pid, task, "status", "Uid:"), "12345\t12345\t12345\t12345");
	assert_string_equal(line(pid, task, "status", "Gid:"), "23456\t23456\t23456\t23456");
	assert_string_equal(line(pid, task, "status", "Groups:"), "");
}

static void each_thread_has_no_rights_left(void **state)
{
	struct confine_user user = { .uid = 12345, .gid = 23456 };
	struct confine_config config = { .user = geteuid() ? NULL : &user };
	int ready = eventfd(0, 0), go = eventfd(0, EFD_SEMAPHORE), status;
	unsigned int threads = 0;
	struct dirent *task;
	uint64_t one = 1;
	char path[64];
	pid_t child = fork();
	DIR *tasks;

	(void)state;
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		both(&config, false, ready, go);
	}
	assert_int_equal(read(ready, &one, sizeof(one)), sizeof(one));
	snprintf(path, sizeof(path), "/proc/%d/task", child);
	tasks = opendir(path);
	assert_non_null(tasks);
	while ((task = readdir(tasks))) {
		if (*task->d_name == '.')
			continue;
		check_thread(child, atoi(task->d_name));
		threads++;
	}
	closedir(tasks);
	assert_int_equal(threads, 2);
	one = 1;
	assert_int_equal(write(go, &one, sizeof(one)), sizeof(one));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), DONE);
	close(ready);
	close(go);
}

/* ---- What works on ---- */

static void work(void)
{
	int memory = 5, timer;
	struct epoll_event event = { .events = EPOLLIN };
	uint64_t one = 1;
	char *grown, *page;

	grown = malloc(1 << 20);
	grown = realloc(grown, 1 << 24);
	memset(grown, 1, 1 << 24);
	free(grown);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	if (page == MAP_FAILED || timer < 0)
		finish(false);
	*page = 1;
	finish(fcntl(6, F_GETFL) >= 0 && write(7, &one, sizeof(one)) == sizeof(one) &&
	       epoll_ctl(6, EPOLL_CTL_ADD, 7, &event) == 0 && epoll_wait(6, &event, 1, -1) == 1);
}

/* isatty() of any C library: TCGETS2, 44 bytes on x86-64 and arm64, is what that of glibc 2.43 asks. */
static void ask_for_terminal(void)
{
	char settings[64];

	ioctl(7, TCGETS, settings);
	ioctl(7, _IOC(_IOC_READ, 'T', 0x2a, 44), settings);
}

static void a_terminal_may_be_asked_for(void **state)
{
	(void)state;
	dup2(eventfd(0, 0), 7);
	for (unsigned int role = 0; role < CONFINE_ROLES; role++)
		assert_true(WIFEXITED(outcome(&normal, (enum confine_role)role, ask_for_terminal)));
}

static void descriptors_stay_usable(void **state)
{
	(void)state;
	dup2(memfd_create("memory", 0), 5);
	assert_int_equal(ftruncate(5, 4096), 0);
	for (unsigned int role = 0; role < CONFINE_ROLES; role++) {
		int status;

		dup2(epoll_create1(0), 6);
		dup2(eventfd(0, 0), 7);
		status = outcome(&normal, (enum confine_role)role, work);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), DONE);
	}
}

static void *third(void *argument)
{
	(void)argument;
	open_socket();
	return NULL;
}

static void start_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, third, NULL) == 0)
		pthread_join(thread, NULL);
}

static void a_later_thread_is_in_the_sandbox(void **state)
{
	int status = outcome(&normal, CONFINE_CONTROL, start_thread);

	(void)state;
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	assert_int_equal(WEXITSTATUS(outcome(&normal, CONFINE_CONTROL, nothing)), DONE);
}

static void off_leaves_all_rights(void **state)
{
	struct confine_config off = { .off = true };
	int status = outcome(&off, CONFINE_CONTROL, open_socket);

	(void)state;
	assert_int_equal(WEXITSTATUS(status), DONE);
	assert_true(WIFEXITED(status));
}

static void an_unknown_user_is_named(void **state)
{
	struct confine_user user;
	struct error error;

	(void)state;
	assert_int_equal(confine_find_user("no-such-user", &user, &error), -ENOENT);
	assert_string_equal(error.text, "there is no user 'no-such-user'; create one: useradd "
					"--system no-such-user");
	assert_int_equal(confine_find_user("nobody", &user, &error), 0);
	assert_int_not_equal(user.uid, 0);
}

static void a_sanitizer_is_named(void **state)
{
	struct confine *confine;
	struct error error;

	(void)state;
	assert_int_equal(confine_new(&normal, &confine, &error), 0);
	assert_int_equal(confine_finish(confine, &error), 0);
	assert_non_null(strstr(said, "built with a sanitizer"));
}

static int make_folder_first(void **state)
{
	(void)state;
	log_set(keep_log, LOG_INFO);
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_forbidden_kills),
		cmocka_unit_test(files_are_out_of_reach),
		cmocka_unit_test(an_old_kernel_still_hides_files),
		cmocka_unit_test(a_chroot_hides_files_too),
		cmocka_unit_test(strict_refuses_what_is_incomplete),
		cmocka_unit_test(what_is_missing_is_said_once),
		cmocka_unit_test(only_its_own_folder_can_be_emptied),
		cmocka_unit_test(a_forgotten_thread_is_found),
		cmocka_unit_test(each_thread_has_no_rights_left),
		cmocka_unit_test(descriptors_stay_usable),
		cmocka_unit_test(a_terminal_may_be_asked_for),
		cmocka_unit_test(a_later_thread_is_in_the_sandbox),
		cmocka_unit_test(off_leaves_all_rights),
		cmocka_unit_test(an_unknown_user_is_named),
	};
	/* A sanitizer's own calls would be forbidden: the sandbox does without the filters then. */
	const struct CMUnitTest with_sanitizer[] = {
		cmocka_unit_test(an_unknown_user_is_named),
		cmocka_unit_test(a_sanitizer_is_named),
	};

	const struct CMUnitTest with_emulator[] = {
		cmocka_unit_test(off_leaves_all_rights),
		cmocka_unit_test(an_unknown_user_is_named),
	};

	if (emulated("confine/", "it has neither seccomp nor Landlock"))
		return cmocka_run_group_tests(with_emulator, make_folder_first, remove_folder);
	if (sanitized)
		return cmocka_run_group_tests(with_sanitizer, make_folder_first, remove_folder);
	return cmocka_run_group_tests(tests, make_folder_first, remove_folder);
}
