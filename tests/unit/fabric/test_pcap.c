/* SPDX-License-Identifier: BSD-3-Clause */
#include "process.h"
#include "support.h"

#include "base/budget.h"
#include "fabric/capture.h"
#include "../range.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAGIC_NS 0xa1b23c4du
#define MAGIC_US 0xa1b2c3d4u
#define FRAMES   100u
#define ROUNDS   200u

static char directory[] = "/tmp/fabric-pcap-XXXXXX";

/* A file in the test's directory; good until four calls later. */
static const char *path(const char *name)
{
	static char made[4][128];
	static unsigned int turn;
	char *to = made[turn++ % 4];

	snprintf(to, sizeof(made[0]), "%s/%s", directory, name);
	return to;
}

static const char *spec(const char *format, const char *a, const char *b)
{
	static char made[512];

	snprintf(made, sizeof(made), format, a, b);
	return made;
}

static size_t read_all(const char *name, uint8_t *to, size_t room)
{
	FILE *file = fopen(name, "r");
	size_t len;

	assert_non_null(file);
	len = fread(to, 1, room, file);
	fclose(file);
	return len;
}

static void write_all(const char *name, const void *bytes, size_t len)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return value;
}

/* Builds a capture by hand. Return: its length so far */
static size_t put_header(uint8_t *to, uint32_t magic, uint32_t link)
{
	uint32_t words[6] = { magic, 4u << 16 | 2, 0, 0, 262144, link };

	memcpy(to, words, sizeof(words));
	return sizeof(words);
}

static size_t put_record(uint8_t *to, size_t at, const uint8_t *bytes, uint32_t caplen,
			 uint32_t len)
{
	uint32_t words[4] = { 1700000000, (uint32_t)at, caplen, len };

	memcpy(to + at, words, sizeof(words));
	memcpy(to + at + sizeof(words), bytes, caplen);
	return at + sizeof(words) + caplen;
}

/* The frames that the tests write and replay: lengths from 14 bytes up. */
static uint32_t test_frame(unsigned int i, uint8_t *to)
{
	return (uint32_t)make_frame(to, station(9), station(1), i == 7 ? 9014 : 14 + i * 13 % 1500,
				    i);
}

/* A capture of FRAMES of them. */
static void write_capture(const char *name, uint32_t magic)
{
	uint8_t *file = malloc(1 << 20), bytes[9014];
	size_t at = put_header(file, magic, 1);

	for (unsigned int i = 0; i < FRAMES; i++) {
		uint32_t len = test_frame(i, bytes);

		at = put_record(file, at, bytes, len, len);
	}
	write_all(name, file, at);
	free(file);
}

static void check_replayed(const struct receiver *receiver, unsigned int count)
{
	uint8_t bytes[9014];

	assert_int_equal(receiver->kept_count, count);
	for (unsigned int i = 0; i < count; i++) {
		uint32_t len = test_frame(i % FRAMES, bytes);

		assert_int_equal(receiver->kept[i].frame.len, len);
		assert_int_equal(receiver->kept[i].frame.flags, 0);
		assert_memory_equal(receiver->kept[i].bytes, bytes, len);
	}
}

static void sent_frames_are_written(void **state)
{
	const char *name = path("out.pcap");
	struct fabric_port *port = open_port(spec("pcap:%s", name, ""), 1, 2, NULL);
	uint8_t bytes[9014], *file = malloc(1 << 20);
	uint64_t before = (uint64_t)time(NULL), sum = 0, stamp = 0, last = 0;
	size_t len, at = 24;
	struct stat status;

	(void)state;
	for (unsigned int i = 0; i < FRAMES; i++) {
		uint32_t size = test_frame(i, bytes);
		struct iovec iov[3] = { { bytes, 5 }, { bytes + 5, 0 }, { bytes + 5, size - 5 } };
		struct frame frame = { .iov = iov, .iovcnt = 3, .len = size };

		fabric_send(port, i % 2, &frame, 1);
		sum += size;
	}
	assert_int_equal(fabric_caps(port), 0);
	assert_int_equal(fabric_fd(port), -1);
	assert_false(fabric_is_source(port));
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	assert_int_equal(counters_of(port).tx_frames, FRAMES);
	assert_int_equal(counters_of(port).tx_bytes, sum);
	assert_int_equal(counters_of(port).tx_dropped, 0);

	/* all there soon after a flush, and nothing more after closing */
	fabric_flush(port);
	do {
		pause_us(1000);
		assert_int_equal(stat(name, &status), 0);
	} while (status.st_size != (off_t)(24 + FRAMES * 16 + sum));
	/* what others send is nobody else's to read */
	assert_int_equal(status.st_mode, S_IFREG | 0600);
	fabric_close(port);
	len = read_all(name, file, 1 << 20);
	assert_int_equal(len, 24 + FRAMES * 16 + sum);

	assert_int_equal(get32(file), MAGIC_NS);
	assert_int_equal(get32(file + 20), 1);
	for (unsigned int i = 0; i < FRAMES; i++) {
		uint32_t size = test_frame(i, bytes);

		assert_range(get32(file + at), before, (uint64_t)time(NULL));
		assert_true(get32(file + at + 4) < 1000000000);
		stamp = get32(file + at) * 1000000000ull + get32(file + at + 4);
		assert_true(stamp >= last);
		last = stamp;
		assert_int_equal(get32(file + at + 8), size);
		assert_int_equal(get32(file + at + 12), size);
		assert_memory_equal(file + at + 16, bytes, size);
		at += 16 + size;
	}
	assert_int_equal(at, len);
	free(file);
}

struct lane {
	pthread_t thread;
	struct fabric_port *port;
	unsigned int lane;
};

static void *lane_main(void *arg)
{
	struct lane *lane = arg;
	uint8_t bytes[FABRIC_BURST][100];
	struct iovec iov[FABRIC_BURST];
	struct frame frames[FABRIC_BURST];

	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < FABRIC_BURST; i++) {
			unsigned int seed = round * FABRIC_BURST + i;

			make_frame(bytes[i], station(9), station(lane->lane), 100, seed);
			bytes[i][14] = (uint8_t)(seed >> 8);
			bytes[i][15] = (uint8_t)seed;
			iov[i] = (struct iovec){ bytes[i], 100 };
			frames[i] = (struct frame){ .iov = &iov[i], .iovcnt = 1, .len = 100 };
		}
		fabric_send(lane->port, lane->lane, frames, FABRIC_BURST);
		if (round % 10 == 0)
			fabric_flush(lane->port);
	}
	return NULL;
}

static void lanes_write_one_after_the_other(void **state)
{
	const char *name = path("lanes.pcap");
	struct fabric_port *port = open_port(spec("pcap:%s", name, ""), 1, 3, NULL);
	uint8_t *file = malloc(8 << 20);
	unsigned int next[3] = { 0 };
	struct lane lanes[3];
	size_t len;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		lanes[i] = (struct lane){ .port = port, .lane = i };
		assert_int_equal(pthread_create(&lanes[i].thread, NULL, lane_main, &lanes[i]), 0);
	}
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(lanes[i].thread, NULL);
	fabric_close(port);
	len = read_all(name, file, 8 << 20);
	assert_int_equal(len, 24 + 3 * ROUNDS * FABRIC_BURST * 116);
	for (size_t at = 24; at < len; at += 116) {
		const uint8_t *frame = file + at + 16;

		assert_int_equal(get32(file + at + 8), 100);
		assert_true(frame[11] < 3);
		assert_int_equal(frame[14] << 8 | frame[15], next[frame[11]]++);
	}
	free(file);
}

static void a_replay_is_byte_for_byte(void **state)
{
	static const uint32_t magics[] = { MAGIC_NS, MAGIC_US };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct receiver *receiver = receiver_new();
		struct fabric_port *port;

		write_capture(path("in.pcap"), magics[i]);
		port = open_port(spec("pcap+replay=%s", path("in.pcap"), ""), 1, 2, receiver);
		assert_true(fabric_is_source(port));
		for (unsigned int round = 0; fabric_is_source(port) && round < 1000; round++) {
			receiver->buffers = round % 4;
			fabric_poll(port, round % 2, 32);
		}
		check_replayed(receiver, FRAMES);
		receiver->buffers = -1;
		assert_int_equal(fabric_poll(port, 0, 32), 0);
		assert_int_equal(counters_of(port).rx_frames, FRAMES);
		assert_int_equal(counters_of(port).rx_dropped, 0);
		/* nothing is written, but it is counted */
		send_one(port, 0, receiver->kept[7].bytes, 9014);
		assert_int_equal(counters_of(port).tx_frames, 1);
		fabric_flush(port);
		fabric_close(port);
		receiver_free(receiver);
	}
}

static void a_loop_begins_again(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port;

	(void)state;
	write_capture(path("in.pcap"), MAGIC_US);
	port = open_port(spec("pcap+replay=%s+loop", path("in.pcap"), ""), 1, 1, receiver);
	while (receiver->kept_count < 1000) {
		receiver->buffers = 1 + receiver->kept_count % 40;
		if (receiver->buffers > 1000 - receiver->kept_count)
			receiver->buffers = 1000 - receiver->kept_count;
		fabric_poll(port, 0, 64);
	}
	check_replayed(receiver, 1000);
	assert_true(fabric_is_source(port));
	fabric_close(port);
	receiver_free(receiver);
}

static void a_replay_without_receiver_delivers_nothing(void **state)
{
	struct fabric_port *port;

	(void)state;
	write_capture(path("in.pcap"), MAGIC_US);
	port = open_port(spec("pcap+replay=%s", path("in.pcap"), ""), 1, 1, NULL);
	assert_false(fabric_is_source(port));
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	fabric_close(port);
}

static void written_and_replayed_at_once(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port;

	(void)state;
	write_capture(path("in.pcap"), MAGIC_US);
	port = open_port(spec("pcap:%s+replay=%s", path("copy.pcap"), path("in.pcap")), 1, 1,
			 receiver);
	while (fabric_poll(port, 0, 32))
		;
	check_replayed(receiver, FRAMES);
	for (unsigned int i = 0; i < FRAMES; i++)
		send_one(port, 0, receiver->kept[i].bytes, receiver->kept[i].frame.len);
	fabric_close(port);

	/* and what was written can be replayed */
	receiver_clear(receiver);
	port = open_port(spec("pcap+replay=%s", path("copy.pcap"), ""), 1, 1, receiver);
	while (fabric_poll(port, 0, 32))
		;
	check_replayed(receiver, FRAMES);
	fabric_close(port);
	receiver_free(receiver);
}

static void bad_captures_are_refused(void **state)
{
	uint8_t file[4096], bytes[2000] = { 2 };
	size_t at;

	(void)state;
	open_fails(spec("pcap+replay=%s", path("nothing.pcap"), ""), -ENOENT,
		   "nothing.pcap|No such file");
	open_fails(spec("pcap+replay=%s", directory, ""), -EINVAL, "not a regular file");
	assert_int_equal(mkfifo(path("fifo"), 0600), 0);
	open_fails(spec("pcap+replay=%s", path("fifo"), ""), -EINVAL, "not a regular file");

	write_all(path("bad.pcap"), "", 0);
	open_fails(spec("pcap+replay=%s", path("bad.pcap"), ""), -EINVAL, "not a capture file");
	write_all(path("bad.pcap"), "this is no capture at all, is it?", 33);
	open_fails(spec("pcap+replay=%s", path("bad.pcap"), ""), -EINVAL, "not a capture file");

	at = put_header(file, MAGIC_US, 1);
	write_all(path("bad.pcap"), file, at);
	open_fails(spec("pcap+replay=%s", path("bad.pcap"), ""), -EINVAL, "no frames");

	at = put_record(file, at, bytes, 60, 60);
	at = put_record(file, at, bytes, 60, 60);
	for (size_t cut = at - 1; cut > at - 76; cut--) {
		write_all(path("bad.pcap"), file, cut);
		open_fails(spec("pcap+replay=%s", path("bad.pcap"), ""), -EINVAL,
			   "damaged after frame 1|truncated");
	}
	write_all(path("bad.pcap"), file, at - 76);
	fabric_close(open_port(spec("pcap+replay=%s", path("bad.pcap"), ""), 1, 1, NULL));

	at = put_header(file, MAGIC_US, 113); /* Linux cooked */
	at = put_record(file, at, bytes, 60, 60);
	write_all(path("bad.pcap"), file, at);
	open_fails(spec("pcap+replay=%s", path("bad.pcap"), ""), -EINVAL, "LINUX_SLL|not Ethernet");

	at = put_header(file, MAGIC_US, 1);
	at = put_record(file, at, bytes, 60, 1500);
	write_all(path("bad.pcap"), file, at);
	open_fails(spec("pcap+replay=%s", path("bad.pcap"), ""), -EINVAL,
		   "60 of its 1500|snapshot");

	at = put_header(file, MAGIC_US, 1);
	at = put_record(file, at, bytes, 13, 13);
	write_all(path("bad.pcap"), file, at);
	open_fails(spec("pcap+replay=%s", path("bad.pcap"), ""), -EINVAL, "13 bytes|14 to 65550");

	open_fails(spec("pcap:%s+loop", path("x.pcap"), ""), -EINVAL, "loop needs replay");
	open_fails(spec("pcap+replay=%s+limit=100", path("x.pcap"), ""), -EINVAL,
		   "limit needs a file");
	open_fails(spec("pcap:%s+limit=23", path("x.pcap"), ""), -EINVAL, "limit|24");
}

/** passed() - the spec of a capture that is passed as a descriptor */
static const char *passed(const char *format, int fd)
{
	static char text[64];

	snprintf(text, sizeof(text), format, fd);
	return text;
}

static void captures_that_are_passed_are_used(void **state)
{
	struct receiver *receiver = receiver_new();
	uint8_t bytes[60] = { 2 };
	struct fabric_port *port;
	int fd = open(path("passed.pcap"), O_RDWR | O_CREAT, 0600);

	(void)state;
	port = open_port(passed("pcap:fd:%d", fd), 1, 1, NULL);
	send_one(port, 0, bytes, sizeof(bytes));
	fabric_close(port);
	fd = open(path("passed.pcap"), O_RDONLY);
	port = open_port(passed("pcap+replay=fd:%d", fd), 1, 1, receiver);
	assert_int_equal(fabric_poll(port, 0, 32), 1);
	assert_memory_equal(receiver->kept[0].bytes, bytes, sizeof(bytes));
	fabric_close(port);
	receiver_free(receiver);

	open_fails("pcap:fd:1000", -EBADF, "no descriptor was passed|fd:1000");
	fd = open(directory, O_RDONLY);
	open_fails(passed("pcap:fd:%d", fd), -EINVAL, "not a regular file");
}

static void files_that_cannot_be_written_are_refused(void **state)
{
	struct fabric_port *port;
	struct stat before, after;

	(void)state;
	open_fails(spec("pcap:%s/no/such.pcap", directory, ""), -ENOENT, "such.pcap|No such file");
	open_fails(spec("pcap:%s", directory, ""), -EISDIR, "directory");
	/* the pipe has no reader: that must not hang */
	open_fails(spec("pcap:%s", path("fifo"), ""), -ENXIO, "fifo");

	write_capture(path("in.pcap"), MAGIC_US);
	assert_int_equal(stat(path("in.pcap"), &before), 0);
	open_fails(spec("pcap:%s+replay=%s", path("in.pcap"), path("in.pcap")), -EINVAL,
		   "replayed and written");
	assert_int_equal(stat(path("in.pcap"), &after), 0);
	assert_int_equal(before.st_size, after.st_size);

	port = open_port(spec("pcap:%s", path("mine.pcap"), ""), 1, 1, NULL);
	open_fails(spec("pcap:%s", path("mine.pcap"), ""), -EBUSY, "another port");
	fabric_close(port);
	fabric_close(open_port(spec("pcap:%s", path("mine.pcap"), ""), 1, 1, NULL));
}

static void a_full_disk_is_reported_and_counted(void **state)
{
	struct fabric_port *port = open_port("pcap:/dev/full", 1, 1, NULL);
	struct fabric_counters counters;
	unsigned int sent = 0;
	uint8_t bytes[1500];

	(void)state;
	catch_log();
	make_frame(bytes, station(9), station(1), sizeof(bytes), 0);
	/* The thread that writes finds out, while the lane goes on. */
	fabric_flush(port);
	for (; !logged("No space left"); sent++)
		send_one(port, 0, bytes, sizeof(bytes));
	send_one(port, 0, bytes, sizeof(bytes));
	counters = counters_of(port);
	assert_int_equal(counters.tx_frames + counters.tx_dropped, sent + 1);
	assert_range(counters.tx_dropped, 1, sent);
	fabric_flush(port);
	fabric_close(port);
	assert_int_equal(logged("No space left"), 1);

	/* found by the flush */
	catch_log();
	port = open_port("pcap:/dev/full", 1, 1, NULL);
	send_one(port, 0, bytes, sizeof(bytes));
	assert_int_equal(logged("No space left"), 0);
	fabric_flush(port);
	while (!logged("No space left"))
		pause_us(1000);
	send_one(port, 0, bytes, sizeof(bytes));
	assert_int_equal(counters_of(port).tx_dropped, 1);
	fabric_close(port);
	assert_int_equal(logged("No space left"), 1);
	log_set(NULL, LOG_ERROR);
}

/* A disk that takes nothing: a pipe that nobody reads */
static void a_slow_disk_does_not_hold_up_a_lane(void **state)
{
	struct capture *capture;
	struct error error;
	unsigned int sent = 0;
	uint8_t bytes[9000];
	struct iovec iov = { bytes, sizeof(bytes) };
	const struct frame frame = { .iov = &iov, .iovcnt = 1, .len = sizeof(bytes) };
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	signal(SIGPIPE, SIG_IGN);
	catch_log();
	assert_int_equal(capture_start(ends[1], "slow", UINT64_MAX, &capture, &error), 0);
	capture_flush(capture);
	make_frame(bytes, station(9), station(1), sizeof(bytes), 0);
	/* 64 MiB wait, besides what the pipe holds, and not a frame more */
	while (capture_add(capture, &frame, 1))
		sent++;
	assert_range(sent, (64u << 20) / 9016, (66u << 20) / 9016);
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(capture_add(capture, &frame, 1), 0);
	assert_int_equal(logged("faster than they can be written"), 1);
	/* The write that has begun fails, and the rest is not waited for. */
	close(ends[0]);
	capture_stop(capture);
	log_set(NULL, LOG_ERROR);
}

static void captured_frames_are_paid_for(void **state)
{
	struct capture *capture;
	struct error error;
	uint8_t bytes[1514];
	/* In two pieces, as a driver may send it */
	struct iovec iov[] = { { bytes, 14 }, { bytes + 14, sizeof(bytes) - 14 } };
	const struct frame frame = { .iov = iov, .iovcnt = 2, .len = sizeof(bytes) };
	uint32_t before;
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(capture_start(fd, "paid", UINT64_MAX, &capture, &error), 0);
	make_frame(bytes, station(9), station(1), sizeof(bytes), 0);
	before = budget_spent;
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(capture_add(capture, &frame, 1), 1);
	assert_true(budget_since(before) >= 100 * (BUDGET_FILED + budget_bytes(sizeof(bytes))));
	capture_stop(capture);
}

static void only_a_file_of_ones_own_is_written(void **state)
{
	struct stat status;

	(void)state;
	write_all(path("kept"), "kept", 4);
	assert_int_equal(symlink("kept", path("link.pcap")), 0);
	open_fails(spec("pcap:%s", path("link.pcap"), ""), -ELOOP, "link.pcap is a symbolic link");
	assert_int_equal(unlink(path("link.pcap")), 0);
	assert_int_equal(symlink("none", path("link.pcap")), 0);
	open_fails(spec("pcap:%s", path("link.pcap"), ""), -ELOOP, "link.pcap is a symbolic link");
	assert_int_equal(unlink(path("link.pcap")), 0);
	assert_int_equal(link(path("kept"), path("link.pcap")), 0);
	open_fails(spec("pcap:%s", path("link.pcap"), ""), -EPERM, "hard link");
	assert_int_equal(unlink(path("link.pcap")), 0);
	if (!geteuid()) {
		assert_int_equal(chown(path("kept"), 1, 1), 0);
		open_fails(spec("pcap:%s", path("kept"), ""), -EPERM, "belongs to another user");
		assert_int_equal(chown(path("kept"), 0, 0), 0);
	}
	assert_int_equal(stat(path("kept"), &status), 0);
	assert_int_equal(status.st_size, 4);
	/* One that others could read is made its owner's. */
	assert_int_equal(chmod(path("kept"), 0644), 0);
	fabric_close(open_port(spec("pcap:%s", path("kept"), ""), 1, 1, NULL));
	assert_int_equal(stat(path("kept"), &status), 0);
	assert_int_equal(status.st_mode, S_IFREG | 0600);
	assert_int_equal(unlink(path("kept")), 0);
}

/* A sparse file would not do: each byte of it is written. /dev/null takes them all. */
static void a_capture_has_a_limit_unless_it_is_lifted(void **state)
{
	static const struct {
		const char *spec;
		unsigned int frames; /* of 65550 bytes until it ends; 0: it does not */
	} cases[] = { { "pcap:/dev/null", (1u << 30) / (65550 + 16) },
		      { "pcap:/dev/null+limit=none", 0 } };
	static uint8_t bytes[FABRIC_FRAME_MAX];

	(void)state;
	make_frame(bytes, station(9), station(1), sizeof(bytes), 0);
	for (size_t i = 0; i < 2; i++) {
		struct fabric_port *port = open_port(cases[i].spec, 1, 1, NULL);
		unsigned int wanted = 17000;

		catch_log();
		fabric_flush(port);
		while (!logged("limit") && counters_of(port).tx_frames < wanted)
			send_one(port, 0, bytes, sizeof(bytes));
		if (cases[i].frames) {
			assert_int_equal(counters_of(port).tx_frames, cases[i].frames);
			assert_int_equal(logged("the limit of 1073741824 bytes is reached; "
						"+limit=BYTES sets another, +limit=none lifts it"),
					 1);
		} else {
			assert_int_equal(logged("limit"), 0);
		}
		fabric_close(port);
		log_set(NULL, LOG_ERROR);
	}
	open_fails("pcap:/dev/null+limit=all", -EINVAL, "limit");
}

static void a_limit_is_kept(void **state)
{
	struct fabric_port *port =
		open_port(spec("pcap:%s+limit=%s", path("limit.pcap"), "254"), 1, 1, NULL);
	uint8_t bytes[60];
	struct stat status;

	(void)state;
	catch_log();
	make_frame(bytes, station(9), station(1), sizeof(bytes), 0);
	for (unsigned int i = 0; i < 10; i++)
		send_one(port, 0, bytes, sizeof(bytes));
	/* 24 + 3 * 76 = 252 */
	assert_int_equal(counters_of(port).tx_frames, 3);
	assert_int_equal(counters_of(port).tx_dropped, 7);
	assert_int_equal(logged("the limit of 254 bytes is reached"), 1);
	fabric_close(port);
	assert_int_equal(stat(path("limit.pcap"), &status), 0);
	assert_int_equal(status.st_size, 252);
	log_set(NULL, LOG_ERROR);
}

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	static const char *const names[] = { "out.pcap",  "lanes.pcap",  "in.pcap",
					     "copy.pcap", "bad.pcap",    "fifo",
					     "mine.pcap", "passed.pcap", "limit.pcap" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(path(names[i]));
	return rmdir(directory); /* fails if a test has left a file that it should not have made */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sent_frames_are_written),
		cmocka_unit_test(lanes_write_one_after_the_other),
		cmocka_unit_test(a_replay_is_byte_for_byte),
		cmocka_unit_test(a_loop_begins_again),
		cmocka_unit_test(a_replay_without_receiver_delivers_nothing),
		cmocka_unit_test(written_and_replayed_at_once),
		cmocka_unit_test(bad_captures_are_refused),
		cmocka_unit_test(captures_that_are_passed_are_used),
		cmocka_unit_test(files_that_cannot_be_written_are_refused),
		cmocka_unit_test(a_full_disk_is_reported_and_counted),
		cmocka_unit_test(a_limit_is_kept),
		cmocka_unit_test(a_slow_disk_does_not_hold_up_a_lane),
		cmocka_unit_test(captured_frames_are_paid_for),
		cmocka_unit_test(only_a_file_of_ones_own_is_written),
		cmocka_unit_test(a_capture_has_a_limit_unless_it_is_lifted),
	};

	return cmocka_run_group_tests_name("fabric pcap", tests, make_directory, remove_directory);
}
