/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation of a file: watched are the file, its directory, and the directory that a
 * symbolic link leads to. Events are taken first, then the file is read, so that whatever is
 * written after the look makes another event.
 *
 * When another file has the name, a program may go on to write to the old one until somebody tells
 * it. So the old one is left only when the new one has its first bytes and the old one no more.
 *
 * A file was truncated if the last bytes that were read of it are not there any more: it may have
 * grown again in between. They are read again together with what follows. A program that does not
 * append goes on at its old place then, and leaves a hole before it.
 */
#include "host/diagnosis/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/machine/kmsg.h"

#define GUARD 64u /* bytes before the place in a file, which tell whether it is still the same */

#define OF_DIRECTORY                                                                               \
	(IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define OF_FILE (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)

enum kind { TAIL_FILE, TAIL_STREAM, TAIL_KERNEL };

/**
 * struct tail - a log
 * @fd:		what is read; -1: no file yet
 * @own:	@fd is ours to close
 * @opened:	when we began, milliseconds
 * @caught_up:	all that was there at the start has been read
 * @path, @real: the file's name, and what it leads to
 * @inotify:	-1: not a file
 * @directories: watches of the directories of @path and @real
 * @watch:	of @fd
 * @next:	the file that has the name now, while @fd is still read; -1: none
 * @at:		place in @fd
 * @guard:	the last bytes before it
 * @look:	the name may have changed its file
 * @begins:	what is read next is the beginning of a file
 * @hole:	zeros at the beginning are no part of the log
 */
struct tail {
	enum kind kind;
	int fd;
	bool own;
	uint64_t opened;
	bool caught_up;
	struct kmsg kmsg;
	char *path, *real;
	int inotify, directories[2], watch, next, next_watch;
	off_t at;
	char guard[GUARD];
	size_t guarded;
	bool look, begins, hole, gone;
	int trouble;
};

static uint64_t now_ms(void)
{
	return clock_ns() / NS_PER_MS;
}

static struct tail *tail_new(enum kind kind, struct error *error)
{
	struct tail *tail = calloc(1, sizeof(*tail));

	if (!tail) {
		error_say(error, "out of memory");
		return NULL;
	}
	tail->kind = kind;
	tail->fd = tail->inotify = tail->next = tail->kmsg.fd = -1;
	tail->opened = now_ms();
	return tail;
}

void tail_close(struct tail *tail)
{
	if (!tail)
		return;
	if (tail->own && tail->fd >= 0)
		close(tail->fd);
	if (tail->next >= 0)
		close(tail->next);
	if (tail->inotify >= 0)
		close(tail->inotify);
	kmsg_close(&tail->kmsg);
	free(tail->path);
	free(tail->real);
	free(tail);
}

struct tail *tail_stream(int fd, struct error *error)
{
	struct tail *tail = tail_new(TAIL_STREAM, error);

	if (tail)
		tail->fd = fd;
	return tail;
}

struct tail *tail_kernel(struct error *error)
{
	struct tail *tail = tail_new(TAIL_KERNEL, error);

	if (tail && kmsg_open(&tail->kmsg, error)) {
		tail_close(tail);
		return NULL;
	}
	return tail;
}

int tail_fd(const struct tail *tail)
{
	return tail->kind == TAIL_FILE     ? tail->inotify
	       : tail->kind == TAIL_KERNEL ? tail->kmsg.fd
					   : tail->fd;
}

bool tail_waits(const struct tail *tail)
{
	return tail->kind == TAIL_FILE && tail->fd < 0;
}

uint64_t tail_lost(const struct tail *tail)
{
	return tail->kmsg.lost;
}

int tail_trouble(struct tail *tail)
{
	int trouble = tail->trouble;

	tail->trouble = 0;
	return trouble;
}

/* ---- a file ---- */

/** watch_directory() - that of a file's name; its watch, or a negative errno */
static int watch_directory(const struct tail *tail, const char *path)
{
	char *copy = strdup(path);
	int watch;

	if (!copy)
		return -ENOMEM;
	watch = inotify_add_watch(tail->inotify, dirname(copy), OF_DIRECTORY);
	if (watch < 0)
		watch = -errno;
	free(copy);
	return watch;
}

/** watch_file() - an open one, whatever its name is by now */
static int watch_file(const struct tail *tail, int fd)
{
	char name[40];
	int watch;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	watch = inotify_add_watch(tail->inotify, name, OF_FILE);
	return watch < 0 ? inotify_add_watch(tail->inotify, tail->path, OF_FILE) : watch;
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return a >= 0 && b >= 0 && !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/** read_this() - the file that has the name now is the one to read */
static void read_this(struct tail *tail)
{
	if (tail->fd >= 0) {
		inotify_rm_watch(tail->inotify, tail->watch);
		close(tail->fd);
	}
	tail->fd = tail->next;
	tail->watch = tail->next_watch;
	tail->next = -1;
	tail->at = 0;
	tail->guarded = 0;
	tail->begins = true;
	tail->hole = false;
}

/** find() - which file has the name now? */
static void find(struct tail *tail)
{
	char real[PATH_MAX];
	struct stat st;
	int fd = open(tail->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int before;

	tail->look = false;
	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
		errno = EINVAL;
	}
	if (fd < 0) {
		/* ENOENT: between the old one and the new one */
		tail->trouble = errno == ENOENT ? 0 : errno;
		return;
	}
	if (same_file(fd, tail->fd) || same_file(fd, tail->next)) {
		close(fd);
		return;
	}
	if (tail->next >= 0) {
		inotify_rm_watch(tail->inotify, tail->next_watch);
		close(tail->next);
	}
	tail->next = fd;
	tail->next_watch = watch_file(tail, fd);
	if (realpath(tail->path, real) && (!tail->real || strcmp(real, tail->real) != 0)) {
		free(tail->real);
		tail->real = strdup(real);
		before = tail->directories[1];
		tail->directories[1] = watch_directory(tail, real);
		/* One watch stands for all names of a directory. */
		if (before >= 0 && before != tail->directories[0] && before != tail->directories[1])
			inotify_rm_watch(tail->inotify, before);
	}
	if (tail->fd < 0)
		read_this(tail);
}

static bool is_last_part(const char *path, const char *name)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return path && !strcmp(slash ? slash + 1 : path, name);
}

static void take_event(struct tail *tail, const struct inotify_event *event)
{
	bool directory = event->wd == tail->directories[0] || event->wd == tail->directories[1];

	if (event->mask & IN_Q_OVERFLOW) {
		tail->look = true;
	} else if (directory) {
		if (event->wd == tail->directories[0] &&
		    event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT))
			tail->gone = true;
		if (!event->len || is_last_part(tail->path, event->name) ||
		    is_last_part(tail->real, event->name))
			tail->look = true;
	} else if (event->mask & ~(uint32_t)IN_MODIFY) {
		tail->look = true;
	}
}

static void take_events(struct tail *tail)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;

	while ((n = read(tail->inotify, buffer, sizeof(buffer))) > 0) {
		const struct inotify_event *event;

		for (ssize_t i = 0; i < n; i += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const void *)(buffer + i);
			take_event(tail, event);
		}
	}
}

/** begin_again() - at the first bytes of a file that was truncated */
static void begin_again(struct tail *tail)
{
	off_t data = lseek(tail->fd, 0, SEEK_DATA);

	tail->at = data > 0 ? data : 0;
	tail->guarded = 0;
	tail->begins = tail->hole = true;
}

/** keep_guard() - of what was read last */
static void keep_guard(struct tail *tail, const char *data, size_t len)
{
	size_t old = tail->guarded;

	if (len >= GUARD) {
		memcpy(tail->guard, data + len - GUARD, GUARD);
		tail->guarded = GUARD;
		return;
	}
	if (old + len > GUARD) {
		memmove(tail->guard, tail->guard + old + len - GUARD, GUARD - len);
		old = GUARD - len;
	}
	memcpy(tail->guard + old, data, len);
	tail->guarded = old + len;
}

/** read_here() - as pread(), after a look at the bytes before; -ESTALE: they are others now */
static ssize_t read_here(struct tail *tail, char *to, size_t size)
{
	char before[GUARD];
	struct iovec parts[2] = { { before, tail->guarded }, { to, size } };
	off_t from = tail->at - (off_t)tail->guarded;
	ssize_t n;

	do {
		n = preadv(tail->fd, parts, 2, from);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n < tail->guarded || memcmp(before, tail->guard, tail->guarded) != 0)
		return -ESTALE;
	return n - (ssize_t)tail->guarded;
}

/** read_more() - of the file that is read now; 0: no more there */
static ssize_t read_more(struct tail *tail, char *to, size_t size)
{
	size_t zeros;
	ssize_t n;

	do {
		while ((n = read_here(tail, to, size)) == -ESTALE)
			begin_again(tail);
		if (n <= 0)
			return n;
		tail->at += n;
		keep_guard(tail, to, (size_t)n);
		zeros = 0;
		while (tail->hole && zeros < (size_t)n && !to[zeros])
			zeros++;
	} while (zeros == (size_t)n);
	tail->hole = false;
	memmove(to, to + zeros, (size_t)n - zeros);
	return n - (ssize_t)zeros;
}

static bool has_bytes(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_size > 0;
}

static ssize_t read_file(struct tail *tail, char *to, size_t size, struct error *error)
{
	ssize_t n = 0;

	take_events(tail);
	for (;;) {
		bool left = tail->next >= 0 && has_bytes(tail->next);

		if (tail->fd >= 0)
			n = read_more(tail, to, size);
		if (n < 0)
			return error_fail(error, (int)n, "cannot read the log %.4000s: %s",
					  tail->path, error_reason((int)-n));
		if (n > 0)
			return n;
		if (left)
			read_this(tail);
		else if (tail->look)
			find(tail);
		else
			break;
	}
	if (tail->gone)
		return error_fail(error, -ENOENT,
				  "cannot follow the log %.4000s any longer: its directory was "
				  "removed or renamed",
				  tail->path);
	return -EAGAIN;
}

/** follow_file() - prepare for what has or will have this name; 0 or a negative errno */
static int follow_file(struct tail *tail, const char *path)
{
	tail->path = strdup(path);
	tail->own = true;
	tail->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (!tail->path || tail->inotify < 0)
		return tail->path ? -errno : -ENOMEM;
	tail->directories[1] = -1;
	tail->directories[0] = watch_directory(tail, path);
	if (tail->directories[0] < 0)
		return tail->directories[0];
	find(tail);
	return tail->trouble ? -tail->trouble : 0;
}

struct tail *tail_file(const char *path, struct error *error)
{
	struct tail *tail;
	struct stat st;
	bool there = !stat(path, &st);
	int err;

	if (there && S_ISDIR(st.st_mode)) {
		error_say(error,
			  "cannot read the log %.4000s: it is a directory; name a file in it",
			  path);
		return NULL;
	}
	tail = tail_new(!there || S_ISREG(st.st_mode) ? TAIL_FILE : TAIL_STREAM, error);
	if (!tail)
		return NULL;
	if (tail->kind == TAIL_FILE) {
		err = follow_file(tail, path);
	} else {
		tail->own = true;
		tail->fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
		err = tail->fd < 0 ? -errno : 0;
	}
	if (!err)
		return tail;
	tail_close(tail);
	if (err == -ENOSPC)
		error_say(error,
			  "cannot follow the log %.4000s: this user watches too many files; raise "
			  "fs.inotify.max_user_watches",
			  path);
	else
		error_say(error, "cannot read the log %.4000s: %s", path, error_reason(-err));
	return NULL;
}

/* ---- all ---- */

static ssize_t read_stream(struct tail *tail, void *to, size_t size, struct error *error)
{
	struct pollfd poll_fd = { .fd = tail->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&poll_fd, 1, 0) == 0)
		return -EAGAIN;
	n = read(tail->fd, to, size);
	if (n >= 0)
		return n;
	if (errno == EINTR || errno == EAGAIN)
		return -EAGAIN;
	return error_fail(error, -errno, "cannot read the log: %s", error_reason(errno));
}

/** read_kernel() - one message */
static ssize_t read_kernel(struct tail *tail, void *to, size_t size, struct error *error)
{
	ssize_t n = kmsg_read(&tail->kmsg, to, size);

	if (n < 0 && n != -EAGAIN)
		return error_fail(error, (int)n, "cannot read the kernel's log: %s",
				  error_reason((int)-n));
	return n;
}

ssize_t tail_read(struct tail *tail, void *to, size_t size, struct tail_news *news,
		  struct error *error)
{
	ssize_t n = tail->kind == TAIL_FILE     ? read_file(tail, to, size, error)
		    : tail->kind == TAIL_KERNEL ? read_kernel(tail, to, size, error)
						: read_stream(tail, to, size, error);

	if (n == -EAGAIN)
		tail->caught_up = true;
	if (n <= 0)
		return n;
	news->ms = tail->caught_up || tail->kind == TAIL_STREAM ? now_ms() : tail->opened;
	news->begins = tail->begins;
	tail->begins = false;
	return n;
}
