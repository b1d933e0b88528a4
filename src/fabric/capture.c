/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/capture.c - a capture file that is written while lanes send.
 *
 * Theory of operation
 *
 * A write to a file can take seconds when the disk is busy, and a lane that waits for it would hold
 * up all clients. So lanes only copy: under a lock, a frame is given its time stamp and appended to
 * a ring in memory. A thread of the capture's own writes the ring to the file, WRITE_MAX bytes at a
 * time and outside the lock. Where frames come faster than the disk takes them, the ring fills, and
 * what does not fit is counted as dropped.
 *
 * The thread is started by the first capture_flush(), when the process is in its sandbox, so that it
 * inherits that (confine/confine.h). It is woken when WRITE_MIN bytes wait, and by capture_flush().
 * When the ring has become empty it starts at its beginning again, so a capture with little traffic
 * touches little memory.
 */
#include "fabric/capture.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/log.h"
#include "fabric/port.h"

#define WRITE_MIN     ((size_t)64 << 10)  /* bytes */
#define WRITE_MAX     ((size_t)256 << 10) /* bytes */
#define STOP_MS       250u                /* to write what waits at the end */
#define MAGIC_NS      0xa1b23c4du         /* time stamps are in nanoseconds */
#define VERSION_MAJOR 2u
#define VERSION_MINOR 4u
#define SNAPLEN       262144u /* bytes; what tools use for "all" */
#define LINK_ETHERNET 1u

/* Both in the writer's byte order: draft-ietf-opsawg-pcap */
struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t reserved[2];
	uint32_t snaplen, link;
};
static_assert(sizeof(struct file_header) == CAPTURE_HEADER, "file header");

struct record {
	uint32_t seconds, nanoseconds;
	uint32_t captured, len;
};
static_assert(sizeof(struct record) == CAPTURE_RECORD, "record header");

/**
 * struct capture - a file that is written
 * @name:	as the user wrote it
 * @limit, @size: of the file in bytes: the largest, and with what waits
 * @lock:	protects what follows
 * @wake:	there is something for the thread to do
 * @ended:	the thread has written all
 * @ring:	CAPTURE_RING bytes
 * @first, @used: what waits in it
 * @started:	the thread runs
 * @flush:	write it now
 * @stop:	write it now, and end
 * @gone:	the thread ends
 * @full:	no more can be written; the reason has been logged
 * @slow:	frames were dropped because the ring was full, which has been logged
 */
struct capture {
	char *name;
	int fd;
	uint64_t limit, size;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake, ended;
	uint8_t *ring;
	size_t first, used;
	bool started, flush, stop, gone, full, slow;
};

/** give_up() - write no more; log why. Under the lock */
static void give_up(struct capture *capture, const char *why)
{
	if (capture->full)
		return;
	capture->full = true;
	log_say(LOG_ERROR,
		"pcap %s: %s; frames sent from now on are not written (counted as dropped)",
		capture->name, why);
}

/** write_some() - write a part of the ring; under the lock, which is released meanwhile */
static void write_some(struct capture *capture)
{
	size_t len = capture->used, first = capture->first;
	ssize_t put;
	int err;

	if (len > CAPTURE_RING - first)
		len = CAPTURE_RING - first;
	if (len > WRITE_MAX)
		len = WRITE_MAX;
	pthread_mutex_unlock(&capture->lock);
	put = write(capture->fd, capture->ring + first, len);
	err = put < 0 ? errno : put == 0 ? EIO : 0;
	pthread_mutex_lock(&capture->lock);
	if (err == EINTR)
		return;
	if (err) {
		give_up(capture, strerror(err));
		put = (ssize_t)capture->used;
	}
	/* capture_stop() may have given up on it. */
	capture->used -= (size_t)put < capture->used ? (size_t)put : capture->used;
	capture->first = capture->used ? (first + (size_t)put) % CAPTURE_RING : 0;
}

static void *write_all(void *arg)
{
	struct capture *capture = arg;

	pthread_mutex_lock(&capture->lock);
	for (;;) {
		if (capture->used &&
		    (capture->flush || capture->stop || capture->used >= WRITE_MIN)) {
			write_some(capture);
			continue;
		}
		capture->flush = false;
		if (capture->stop)
			break;
		pthread_cond_wait(&capture->wake, &capture->lock);
	}
	capture->gone = true;
	pthread_cond_signal(&capture->ended);
	pthread_mutex_unlock(&capture->lock);
	return NULL;
}

/** capture_free() - all but the thread */
static void capture_free(struct capture *capture)
{
	if (capture->ring != MAP_FAILED)
		munmap(capture->ring, CAPTURE_RING);
	close(capture->fd);
	pthread_mutex_destroy(&capture->lock);
	pthread_cond_destroy(&capture->wake);
	pthread_cond_destroy(&capture->ended);
	free(capture->name);
	free(capture);
}

int capture_start(int fd, const char *name, uint64_t limit, struct capture **out,
		  struct error *error)
{
	const struct file_header header = { .magic = MAGIC_NS,
					    .major = VERSION_MAJOR,
					    .minor = VERSION_MINOR,
					    .snaplen = SNAPLEN,
					    .link = LINK_ETHERNET };
	struct capture *capture = calloc(1, sizeof(*capture));
	pthread_condattr_t clock;
	int err;

	if (!capture) {
		close(fd);
		return error_fail(error, -ENOMEM, "fabric pcap: out of memory");
	}
	capture->fd = fd;
	capture->limit = limit;
	capture->size = CAPTURE_HEADER;
	capture->name = strdup(name);
	pthread_mutex_init(&capture->lock, NULL);
	pthread_cond_init(&capture->wake, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&capture->ended, &clock);
	pthread_condattr_destroy(&clock);
	/* Pages of it are taken as they are needed. */
	capture->ring = mmap(NULL, CAPTURE_RING, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	err = capture->name && capture->ring != MAP_FAILED ? 0 : -ENOMEM;
	if (!err) {
		memcpy(capture->ring, &header, sizeof(header));
		capture->used = sizeof(header);
	}
	if (err) {
		error_say(error, "fabric pcap: cannot start to write %s: %s", name,
			  error_reason(-err));
		capture_free(capture);
		return err;
	}
	*out = capture;
	return 0;
}

/** start() - the thread, on the control thread; under the lock */
static void start(struct capture *capture)
{
	int err = capture->started ? 0 : pthread_create(&capture->thread, NULL, write_all, capture);

	capture->started |= !err;
	if (err)
		give_up(capture, strerror(err));
}

void capture_stop(struct capture *capture)
{
	uint64_t deadline = clock_deadline(STOP_MS);
	const struct timespec until = { .tv_sec = (time_t)(deadline / NS_PER_S),
					.tv_nsec = (long)(deadline % NS_PER_S) };

	pthread_mutex_lock(&capture->lock);
	capture->stop = true;
	start(capture);
	capture->gone |= !capture->started;
	pthread_cond_signal(&capture->wake);
	while (!capture->gone && !clock_passed(deadline))
		pthread_cond_timedwait(&capture->ended, &capture->lock, &until);
	/* What is left would take too long: only the write that has begun is waited for. */
	if (!capture->gone && capture->used)
		log_say(LOG_WARNING, "pcap %s: the disk is slow; its last %zu bytes are missing",
			capture->name, capture->used);
	capture->full = true;
	capture->used = 0;
	pthread_mutex_unlock(&capture->lock);
	if (capture->started)
		pthread_join(capture->thread, NULL);
	capture_free(capture);
}

/** ring_put() - copy bytes for which there is room to @after what waits; under the lock */
static void ring_put(struct capture *capture, size_t after, const void *bytes, size_t len)
{
	size_t at = (capture->first + capture->used + after) % CAPTURE_RING;
	size_t part = len < CAPTURE_RING - at ? len : CAPTURE_RING - at;

	memcpy(capture->ring + at, bytes, part);
	memcpy(capture->ring, (const uint8_t *)bytes + part, len - part);
}

/** ring_put_frame() - the same for a frame; returns its bytes */
static uint32_t ring_put_frame(struct capture *capture, size_t after, const struct frame *frame)
{
	uint32_t max = frame->len < FABRIC_FRAME_MAX ? frame->len : FABRIC_FRAME_MAX;
	uint32_t done = 0;

	for (uint32_t i = 0; i < frame->iovcnt && done < max; i++) {
		size_t part = frame->iov[i].iov_len;

		if (part > max - done)
			part = max - done;
		ring_put(capture, after + done, frame->iov[i].iov_base, part);
		done += (uint32_t)part;
	}
	return done;
}

/** add_frame() - append one; under the lock. False if it does not fit */
static bool add_frame(struct capture *capture, const struct frame *frame)
{
	uint64_t len = CAPTURE_RECORD + (uint64_t)frame->len;
	struct record record = { .len = frame->len };
	struct timespec now;
	char why[128];

	if (capture->full)
		return false;
	if (capture->limit - capture->size < len) {
		snprintf(why, sizeof(why),
			 "the limit of %llu bytes is reached; +limit=BYTES sets another, "
			 "+limit=none lifts it",
			 (unsigned long long)capture->limit);
		give_up(capture, why);
		return false;
	}
	if (CAPTURE_RING - capture->used < len) {
		if (!capture->slow)
			log_say(LOG_WARNING,
				"pcap %s: frames come faster than they can be written; some are "
				"missing in it (counted as dropped)",
				capture->name);
		capture->slow = true;
		return false;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	record.seconds = (uint32_t)now.tv_sec;
	record.nanoseconds = (uint32_t)now.tv_nsec;
	record.captured = ring_put_frame(capture, CAPTURE_RECORD, frame);
	ring_put(capture, 0, &record, sizeof(record));
	capture->used += CAPTURE_RECORD + record.captured;
	capture->size += CAPTURE_RECORD + record.captured;
	budget_charge(BUDGET_FILED + budget_bytes(record.captured));
	return true;
}

unsigned int capture_add(struct capture *capture, const struct frame *frames, unsigned int n)
{
	unsigned int added = 0;
	size_t before;

	fabric_lock(&capture->lock);
	before = capture->used;
	while (added < n && add_frame(capture, &frames[added]))
		added++;
	if (before < WRITE_MIN && capture->used >= WRITE_MIN)
		pthread_cond_signal(&capture->wake);
	pthread_mutex_unlock(&capture->lock);
	return added;
}

void capture_flush(struct capture *capture)
{
	pthread_mutex_lock(&capture->lock);
	capture->flush = true;
	start(capture);
	pthread_cond_signal(&capture->wake);
	pthread_mutex_unlock(&capture->lock);
}
