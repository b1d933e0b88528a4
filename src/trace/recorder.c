/* SPDX-License-Identifier: BSD-3-Clause */
#include "trace/recorder.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "trace/ring.h"

#define WAKE_AT   (RECORDER_RING / 4) /* bytes in a ring that wake the writer */
#define PAUSE_MS  100u                /* what waits in a ring for longer is written anyway */
#define STOP_MS   250u                /* to write what waits at the end */
#define RING_SIZE ((size_t)RECORDER_RING + RING_SLACK)

/**
 * struct recorder - a trace
 * @clock:	what is added to clock_ns() for the time of day
 * @interfaces:	link type and records of each, @n of them
 * @rings:	@threads of them; @memory has their bytes, of which pages are taken when they are used
 * @unringed:	recorded by more threads than there are rings, and lost
 * @wake:	for the writer: posted if it @sleeps
 * @stop:	write what waits, and end
 * @abandon:	end now
 * @ended:	the file is complete and closed
 * @failed:	nothing more can be written; the reason has been logged
 *
 * The writer's own:
 * @start_bytes: @start of them, of the file before its first piece
 * @pieces:	how many it may have; 0: any number
 * @piece:	number of the current one, not reduced by @pieces
 * @buffer:	the current one, with @used bytes, of which the file has @flushed
 * @flush_at:	when to write a piece that is not full
 */
struct recorder {
	int fd;
	char *name;
	uint32_t snaplen;
	uint64_t clock;
	unsigned int n, threads;
	struct recorder_link {
		uint16_t link;
		uint32_t records;
	} interfaces[RECORDER_INTERFACES];
	struct ring *rings;
	uint8_t *memory;
	struct ring_counts *counts;
	_Atomic uint64_t unringed;
	sem_t wake;
	pthread_t thread;
	bool started, stopped;
	_Atomic bool sleeps, stop, abandon, ended, failed;
	uint8_t *start_bytes;
	uint32_t start;
	uint32_t pieces;
	uint64_t piece;
	uint8_t *buffer;
	uint32_t used, flushed;
	uint32_t *in_piece;
	_Atomic uint64_t written, overwritten;
	uint64_t flush_at;
};

/* ---- Whoever has something to record ---- */

/** thread_number() - of the calling thread, from 1 on */
static uint64_t thread_number(void)
{
	static _Atomic uint64_t last;
	static _Thread_local uint64_t mine;

	if (!mine)
		mine = atomic_fetch_add(&last, 1) + 1;
	return mine;
}

/** my_ring() - the calling thread's; NULL if there is none left */
static struct ring *my_ring(struct recorder *recorder)
{
	uint64_t me = thread_number();

	for (unsigned int i = 0; i < recorder->threads; i++) {
		struct ring *ring = &recorder->rings[i];
		uint64_t owner = atomic_load_explicit(&ring->owner, memory_order_relaxed);

		if (owner == me ||
		    (!owner && atomic_compare_exchange_strong(&ring->owner, &owner, me)))
			return ring;
	}
	atomic_fetch_add_explicit(&recorder->unringed, 1, memory_order_relaxed);
	return NULL;
}

/** count() - one more; only its owner writes a counter */
static inline void count(_Atomic uint64_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

static void lose(struct ring *ring, uint32_t interface)
{
	count(&ring->counts[interface].lost);
	ring->gap++;
}

/** finish() - the block of @len bytes at ring_room() is complete */
static void finish(struct recorder *recorder, struct ring *ring, size_t len)
{
	/* One thread wakes it, and none again until it sleeps again. */
	if (ring_add(ring, len) > WAKE_AT &&
	    atomic_load_explicit(&recorder->sleeps, memory_order_relaxed) &&
	    atomic_exchange(&recorder->sleeps, false))
		sem_post(&recorder->wake);
}

/** put_record() - false if it does not fit */
static bool put_record(struct recorder *recorder, struct ring *ring, uint32_t interface,
		       const struct trace_record *record, const void *data)
{
	uint32_t keep = record->len < TRACE_DATA_MAX ? record->len : TRACE_DATA_MAX;
	uint32_t captured = (uint32_t)sizeof(*record) + keep;
	uint8_t *at = ring_room(ring, pcapng_packet_room(captured));
	struct trace_record out = *record;

	if (!at)
		return false;
	out.version = TRACE_VERSION;
	out.header = sizeof(out);
	out.thread = ring->number;
	memcpy(at + sizeof(struct pcapng_packet), &out, sizeof(out));
	if (keep)
		memcpy(at + sizeof(struct pcapng_packet) + sizeof(out), data, keep);
	finish(recorder, ring,
	       pcapng_put_packet(at, interface, clock_ns() + recorder->clock, captured,
				 (uint32_t)sizeof(out) + record->len, 0, 0));
	return true;
}

/** begin() - count what comes, and say what is missing before it; false: it is lost */
static bool begin(struct recorder *recorder, struct ring *ring, uint32_t interface)
{
	const struct trace_record gap = { .kind = TRACE_LOST, .value = ring->gap };

	count(&ring->counts[interface].received);
	if (!atomic_load_explicit(&recorder->failed, memory_order_relaxed)) {
		uint32_t records = recorder->interfaces[interface].records;

		if (!ring->gap)
			return true;
		if (put_record(recorder, ring, records, &gap, NULL)) {
			count(&ring->counts[records].received);
			ring->gap = 0;
			return true;
		}
	}
	lose(ring, interface);
	return false;
}

void recorder_record(struct recorder *recorder, uint32_t interface,
		     const struct trace_record *record, const void *data)
{
	struct ring *ring = my_ring(recorder);

	if (ring && begin(recorder, ring, interface) &&
	    !put_record(recorder, ring, interface, record, data))
		lose(ring, interface);
}

void recorder_frame(struct recorder *recorder, uint32_t interface,
		    const struct recorder_frame *frame)
{
	uint32_t keep = frame->len < recorder->snaplen ? frame->len : recorder->snaplen;
	struct ring *ring = my_ring(recorder);
	uint32_t done = 0;
	uint8_t *at;

	if (!ring || !begin(recorder, ring, interface))
		return;
	at = ring_room(ring, pcapng_packet_room(keep));
	if (!at) {
		lose(ring, interface);
		return;
	}
	for (uint32_t i = 0; i < frame->iovcnt && done < keep; i++) {
		size_t part = frame->iov[i].iov_len;

		if (part > keep - done)
			part = keep - done;
		memcpy(at + sizeof(struct pcapng_packet) + done, frame->iov[i].iov_base, part);
		done += (uint32_t)part;
	}
	finish(recorder, ring,
	       pcapng_put_packet(at, interface, clock_ns() + recorder->clock, done, frame->len,
				 frame->direction, frame->queue));
}

/* ---- The writer ---- */

/** give_up() - write no more, and say why */
static void give_up(struct recorder *recorder, const char *why)
{
	if (!atomic_exchange(&recorder->failed, true))
		log_say(LOG_ERROR,
			"trace %s: it cannot be written: %s; it ends here, and what comes now is "
			"counted as lost",
			recorder->name, why);
}

/** write_at() - all of it; returns what has been written, less than @len after a failure */
static uint32_t write_at(struct recorder *recorder, uint64_t offset, const uint8_t *bytes,
			 uint32_t len)
{
	uint32_t done = 0;

	if (lseek(recorder->fd, (off_t)offset, SEEK_SET) < 0) {
		give_up(recorder, strerror(errno));
		return 0;
	}
	while (done < len) {
		ssize_t put = write(recorder->fd, bytes + done, len - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0) {
			give_up(recorder, strerror(put ? errno : EIO));
			break;
		}
		done += (uint32_t)put;
	}
	return done;
}

/**
 * cover() - a write has ended within a block: make @len bytes a block that readers skip
 *
 * So the file is complete, and ends with what was written before.
 */
static void cover(struct recorder *recorder, uint64_t offset, uint32_t len)
{
	uint8_t block[PCAPNG_BLOCK_MIN];

	len &= ~3u;
	if (len < sizeof(block))
		return;
	pcapng_put_space(block, sizeof(block));
	memcpy(block + offsetof(struct pcapng_block, len), &len, sizeof(len));
	write_at(recorder, offset, block, sizeof(struct pcapng_block));
	write_at(recorder, offset + len - sizeof(len), (const uint8_t *)&len, sizeof(len));
}

/** flush() - write the current piece as far as it goes */
static void flush(struct recorder *recorder)
{
	bool again = recorder->pieces && recorder->piece >= recorder->pieces;
	uint64_t place = recorder->pieces ? recorder->piece % recorder->pieces : recorder->piece;
	uint64_t offset = recorder->start + place * RECORDER_PIECE;
	uint32_t from = again ? 0 : recorder->flushed;
	uint32_t len = (again ? RECORDER_PIECE : recorder->used) - from, done;

	if (recorder->used == recorder->flushed || atomic_load(&recorder->failed))
		return;
	if (again && recorder->used < RECORDER_PIECE)
		pcapng_put_space(recorder->buffer + recorder->used,
				 RECORDER_PIECE - recorder->used);
	done = write_at(recorder, offset + from, recorder->buffer + from, len);
	if (done < len && !again)
		cover(recorder, offset + from, done);
	recorder->flushed = recorder->used;
}

/** turn_over() - end the current piece and begin the next one */
static void turn_over(struct recorder *recorder)
{
	if (recorder->used < RECORDER_PIECE)
		pcapng_put_space(recorder->buffer + recorder->used,
				 RECORDER_PIECE - recorder->used);
	recorder->used = RECORDER_PIECE;
	flush(recorder);
	recorder->piece++;
	recorder->used = recorder->flushed = 0;
	if (recorder->pieces && recorder->piece >= recorder->pieces) {
		uint32_t *blocks = &recorder->in_piece[recorder->piece % recorder->pieces];

		atomic_store_explicit(&recorder->overwritten, recorder->overwritten + *blocks,
				      memory_order_relaxed);
		*blocks = 0;
	}
}

/** place() - where to put a block of @len bytes in the current piece */
static uint8_t *place(struct recorder *recorder, size_t len)
{
	size_t left = RECORDER_PIECE - recorder->used;

	/* What is left must have room for a block of space, or be nothing. */
	if (len != left && len + PCAPNG_BLOCK_MIN > left)
		turn_over(recorder);
	return recorder->buffer + recorder->used;
}

static void take(struct recorder *recorder, const uint8_t *block, uint32_t len)
{
	if (atomic_load_explicit(&recorder->failed, memory_order_relaxed))
		return;
	memcpy(place(recorder, len), block, len);
	recorder->used += len;
	count(&recorder->written);
	if (recorder->pieces)
		recorder->in_piece[recorder->piece % recorder->pieces]++;
}

/** struct taking - a ring of which blocks are being taken */
struct taking {
	struct ring *ring;
	uint64_t at, end;
	uint64_t time; /* of the block at @at */
};

/** block_len() - of the block at a position; @time: when it was recorded */
static uint32_t block_len(const struct ring *ring, uint64_t position, uint64_t *time)
{
	struct pcapng_packet packet;

	memcpy(&packet, ring_at(ring, position), sizeof(packet));
	*time = (uint64_t)packet.time_high << 32 | packet.time_low;
	return packet.block.len;
}

/** drain() - take what the rings have now, in order; false if that was nothing */
static bool drain(struct recorder *recorder, struct taking *taking)
{
	unsigned int n = 0;
	bool any;

	for (unsigned int i = 0; i < recorder->threads; i++) {
		struct taking *one = &taking[n];

		one->ring = &recorder->rings[i];
		one->at = atomic_load_explicit(&one->ring->tail, memory_order_relaxed);
		one->end = atomic_load_explicit(&one->ring->head, memory_order_acquire);
		if (one->at == one->end)
			continue;
		block_len(one->ring, one->at, &one->time);
		n++;
	}
	any = n;
	while (n && !atomic_load_explicit(&recorder->abandon, memory_order_relaxed)) {
		struct taking *first = taking;
		uint32_t len;

		for (unsigned int i = 1; i < n; i++)
			if (taking[i].time < first->time)
				first = &taking[i];
		len = block_len(first->ring, first->at, &first->time);
		take(recorder, ring_at(first->ring, first->at), len);
		first->at += len;
		/* The owner gets its room back block by block: it may be waited for. */
		atomic_store_explicit(&first->ring->tail, first->at, memory_order_release);
		if (first->at < first->end)
			block_len(first->ring, first->at, &first->time);
		else
			*first = taking[--n];
	}
	return any;
}

/** put_statistics() - at the end, a block for each interface */
static void put_statistics(struct recorder *recorder)
{
	char comment[PCAPNG_TEXT_MAX];

	snprintf(comment, sizeof(comment),
		 "all interfaces: %" PRIu64 " older ones were overwritten, as --trace-size asks",
		 atomic_load(&recorder->overwritten));
	for (uint32_t i = 0; i < recorder->n; i++) {
		struct pcapng_counts counts = { .comment = atomic_load(&recorder->overwritten)
								   ? comment
								   : NULL };

		for (unsigned int k = 0; k < recorder->threads; k++) {
			const struct ring_counts *of = &recorder->rings[k].counts[i];

			counts.received += atomic_load(&of->received);
			counts.lost += atomic_load(&of->lost);
		}
		counts.kept = counts.received - counts.lost;
		recorder->used +=
			(uint32_t)pcapng_put_statistics(place(recorder, PCAPNG_STATISTICS_ROOM), i,
							clock_ns() + recorder->clock, &counts);
	}
}

/** rest() - sleep until there is much to do, or for a while */
static void rest(struct recorder *recorder)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += PAUSE_MS * NS_PER_MS;
	if (until.tv_nsec >= NS_PER_S) {
		until.tv_nsec -= NS_PER_S;
		until.tv_sec++;
	}
	atomic_store(&recorder->sleeps, true);
	if (!atomic_load(&recorder->stop))
		sem_timedwait(&recorder->wake, &until);
	atomic_store(&recorder->sleeps, false);
}

static void *write_all(void *arg)
{
	struct recorder *recorder = arg;
	struct taking taking[recorder->threads];

	write_at(recorder, 0, recorder->start_bytes, recorder->start);
	for (;;) {
		bool stop = atomic_load(&recorder->stop);
		bool any = drain(recorder, taking);

		if (atomic_load(&recorder->abandon) || (stop && !any))
			break;
		if (clock_passed(recorder->flush_at)) {
			flush(recorder);
			recorder->flush_at = clock_deadline(PAUSE_MS);
		}
		if (!stop)
			rest(recorder);
	}
	if (!atomic_load(&recorder->abandon) && !atomic_load(&recorder->failed)) {
		put_statistics(recorder);
		flush(recorder);
	}
	if (close(recorder->fd) < 0)
		give_up(recorder, strerror(errno));
	recorder->fd = -1;
	atomic_store(&recorder->ended, true);
	return NULL;
}

/* ---- Its beginning and end ---- */

static void destroy(struct recorder *recorder)
{
	if (recorder->fd >= 0)
		close(recorder->fd);
	if (recorder->memory != MAP_FAILED)
		munmap(recorder->memory, recorder->threads * RING_SIZE);
	sem_destroy(&recorder->wake);
	free(recorder->in_piece);
	free(recorder->start_bytes);
	free(recorder->buffer);
	free(recorder->counts);
	free(recorder->rings);
	free(recorder->name);
	free(recorder);
}

/** set_up() - rings and buffers; false: no memory */
static bool set_up(struct recorder *recorder, const struct recorder_config *config)
{
	size_t size = recorder->threads * sizeof(*recorder->rings);

	recorder->name = strdup(config->name);
	recorder->rings = aligned_alloc(_Alignof(struct ring), size);
	recorder->counts =
		calloc((size_t)recorder->threads * recorder->n, sizeof(*recorder->counts));
	recorder->buffer = malloc(RECORDER_PIECE);
	recorder->in_piece = calloc(recorder->pieces + 1, sizeof(*recorder->in_piece));
	if (!recorder->name || !recorder->rings || !recorder->counts || !recorder->buffer ||
	    !recorder->in_piece || recorder->memory == MAP_FAILED)
		return false;
	memset(recorder->rings, 0, size);
	for (unsigned int i = 0; i < recorder->threads; i++) {
		recorder->rings[i].number = (uint16_t)i;
		recorder->rings[i].bytes = recorder->memory + i * RING_SIZE;
		recorder->rings[i].counts = recorder->counts + (size_t)i * recorder->n;
	}
	return true;
}

/** make_start() - the section and its interfaces; false: no memory */
static bool make_start(struct recorder *recorder, const struct recorder_config *config)
{
	uint8_t *bytes = malloc((recorder->n + 1) * PCAPNG_TEXT_ROOM);
	size_t len;

	if (!bytes)
		return false;
	len = pcapng_put_section(bytes, config->program);
	for (unsigned int i = 0; i < recorder->n; i++) {
		const struct recorder_interface *interface = &config->interfaces[i];
		uint32_t snaplen = interface->link == TRACE_LINK_ETHERNET ? recorder->snaplen : 0;

		len += pcapng_put_interface(bytes + len, interface->link, snaplen, interface->name,
					    interface->description);
		recorder->interfaces[i] =
			(struct recorder_link){ interface->link, interface->records };
	}
	recorder->start_bytes = bytes;
	recorder->start = (uint32_t)len;
	return true;
}

int recorder_new(const struct recorder_config *config, struct recorder **out, struct error *error)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));
	struct timespec now;

	if (!recorder) {
		close(config->fd);
		return error_fail(error, -ENOMEM, "out of memory");
	}
	recorder->fd = config->fd;
	recorder->snaplen = config->snaplen ? config->snaplen : TRACE_SNAPLEN_MAX;
	recorder->threads = config->threads;
	recorder->n = config->n;
	recorder->pieces = config->mib * ((1u << 20) / RECORDER_PIECE);
	clock_gettime(CLOCK_REALTIME, &now);
	recorder->clock = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec - clock_ns();
	sem_init(&recorder->wake, 0, 0);
	recorder->memory = mmap(NULL, recorder->threads * RING_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!set_up(recorder, config) || !make_start(recorder, config)) {
		destroy(recorder);
		return error_fail(error, -ENOMEM, "out of memory");
	}
	*out = recorder;
	return 0;
}

int recorder_start(struct recorder *recorder)
{
	int err = pthread_create(&recorder->thread, NULL, write_all, recorder);

	recorder->started = !err;
	return -err;
}

void recorder_stop(struct recorder *recorder)
{
	recorder->stopped = true;
	atomic_store(&recorder->stop, true);
	sem_post(&recorder->wake);
}

bool recorder_ended(const struct recorder *recorder)
{
	return !recorder->started || atomic_load(&recorder->ended);
}

struct recorder_result recorder_result(const struct recorder *recorder)
{
	struct recorder_result result = { .lost = atomic_load(&recorder->unringed),
					  .overwritten = atomic_load(&recorder->overwritten),
					  .failed = atomic_load(&recorder->failed) };
	uint64_t received = 0;

	for (size_t i = 0; i < (size_t)recorder->threads * recorder->n; i++) {
		received += atomic_load(&recorder->counts[i].received);
		result.lost += atomic_load(&recorder->counts[i].lost);
	}
	result.kept = atomic_load(&recorder->written) - result.overwritten;
	/* What was in a ring when it failed is lost, too. */
	if (result.failed && received > atomic_load(&recorder->written))
		result.lost = received - atomic_load(&recorder->written);
	return result;
}

void recorder_free(struct recorder *recorder)
{
	uint64_t deadline = clock_deadline(STOP_MS);
	struct recorder_result result;

	if (!recorder->stopped)
		recorder_stop(recorder);
	while (!recorder_ended(recorder) && !clock_passed(deadline))
		clock_pause_us(1000);
	/* What is left would take too long: only the write that has begun is waited for. */
	if (!recorder_ended(recorder)) {
		atomic_store(&recorder->abandon, true);
		log_say(LOG_WARNING, "trace %s: the disk is slow; its end is missing",
			recorder->name);
	}
	if (recorder->started)
		pthread_join(recorder->thread, NULL);
	result = recorder_result(recorder);
	log_say(result.lost ? LOG_WARNING : LOG_NOTICE,
		"trace %s: it has %" PRIu64 " records and frames; %" PRIu64
		" could not be kept, and %" PRIu64 " older ones were overwritten",
		recorder->name, result.kept, result.lost, result.overwritten);
	destroy(recorder);
}
