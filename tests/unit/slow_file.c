/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file system is a process: if it were a thread, and the test failed while the file is held,
 * the test's end would wait for a thread that has ended.
 */
#include "slow_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAITING_MAX 1024u

struct waiting {
	uint64_t unique;
	uint32_t opcode;
};

static void reply(int fd, uint64_t unique, int error, const void *body, size_t len)
{
	uint8_t bytes[512];
	struct fuse_out_header header = { .len = (uint32_t)(sizeof(header) + len),
					  .error = -error,
					  .unique = unique };

	memcpy(bytes, &header, sizeof(header));
	if (len)
		memcpy(bytes + sizeof(header), body, len);
	if (write(fd, bytes, header.len) < 0)
		return;
}

static void answer(int fd, const struct waiting *request)
{
	const struct fuse_attr_out attributes = {
		.attr = { .ino = 1, .size = 1 << 20, .mode = S_IFREG | 0644, .nlink = 1 }
	};
	const struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
					    .minor = FUSE_KERNEL_MINOR_VERSION,
					    .max_write = 65536,
					    .max_background = 16,
					    .congestion_threshold = 12 };
	const struct fuse_open_out open = { .fh = 1 };

	switch (request->opcode) {
	case FUSE_INIT:
		reply(fd, request->unique, 0, &init, sizeof(init));
		break;
	case FUSE_GETATTR:
		reply(fd, request->unique, 0, &attributes, sizeof(attributes));
		break;
	case FUSE_OPEN:
		reply(fd, request->unique, 0, &open, sizeof(open));
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		reply(fd, request->unique, 0, NULL, 0);
		break;
	case FUSE_INTERRUPT:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		break;
	default:
		reply(fd, request->unique, ENOSYS, NULL, 0);
	}
}

static void serve_file(int fd, struct slow_shared *shared)
{
	static struct waiting held[WAITING_MAX];
	static uint8_t bytes[FUSE_MIN_READ_BUFFER + (1 << 17)];
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	unsigned int n = 0;

	for (;;) {
		struct fuse_in_header header;
		struct waiting request;

		if (!atomic_load(&shared->hold))
			while (n)
				answer(fd, &held[--n]);
		atomic_store(&shared->held, n);
		if (poll(&readable, 1, 2) <= 0)
			continue;
		if (read(fd, bytes, sizeof(bytes)) < (ssize_t)sizeof(header)) {
			if (errno == ENODEV)
				return;
			continue;
		}
		memcpy(&header, bytes, sizeof(header));
		request = (struct waiting){ header.unique, header.opcode };
		atomic_fetch_add(&shared->flushes, header.opcode == FUSE_FLUSH);
		atomic_fetch_add(&shared->attributes, header.opcode == FUSE_GETATTR);
		if (atomic_load(&shared->hold) && n < WAITING_MAX &&
		    (header.opcode == FUSE_FLUSH || header.opcode == FUSE_GETATTR))
			held[n++] = request;
		else
			answer(fd, &request);
	}
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* A mount namespace in which we may mount */
static void own_namespace(void)
{
	char map[64];
	unsigned int uid = getuid(), gid = getgid();

	if (unshare(CLONE_NEWNS) < 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			fail_msg("a mount namespace cannot be had (%s): run as root, or allow "
				 "user namespaces",
				 strerror(errno));
		put("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", uid);
		put("/proc/self/uid_map", map);
		snprintf(map, sizeof(map), "0 %u 1", gid);
		put("/proc/self/gid_map", map);
	}
	assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
}

void slow_file_mount(struct slow_file *file)
{
	pid_t parent = getpid();
	char options[96];
	int fd, target;

	own_namespace();
	strcpy(file->path, "/tmp/manakin-slow-XXXXXX");
	target = mkstemp(file->path);
	assert_true(target >= 0);
	close(target);
	file->shared = mmap(NULL, sizeof(*file->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(file->shared, MAP_FAILED);
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail_msg("/dev/fuse cannot be opened: %s", strerror(errno));
	snprintf(options, sizeof(options), "fd=%d,rootmode=100644,user_id=0,group_id=0", fd);
	if (mount("slow", file->path, "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		fail_msg("a FUSE file system cannot be mounted: %s", strerror(errno));
	file->server = fork();
	assert_true(file->server >= 0);
	if (!file->server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			serve_file(fd, file->shared);
		_exit(0);
	}
	close(fd);
}

int slow_file_open(const struct slow_file *file)
{
	int fd = open(file->path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

void slow_file_unmount(struct slow_file *file)
{
	atomic_store(&file->shared->hold, false);
	umount2(file->path, MNT_DETACH);
	unlink(file->path);
	kill(file->server, SIGKILL);
	waitpid(file->server, NULL, 0);
	munmap(file->shared, sizeof(*file->shared));
}
