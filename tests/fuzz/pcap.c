/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/pcap.c - any file as a capture that is replayed.
 *
 * Input: a byte, and the file. Bit 0 of the byte: it is replayed again and again; bits 1-3: frames
 * that the vPort accepts at a time. What must hold: every frame is as fabric/fabric.h says, in the
 * same order each time, and a capture of what was replayed holds just that when it is replayed
 * itself.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fabric/fabric.h"
#include "scratch.h"

#define POLLS_MAX     64u
#define ETHERNET      14u
#define FILE_HEADER   24u
#define RECORD_HEADER 16u
#define PATIENCE_MS   60000u
#define SUM_START     0xcbf29ce484222325u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What has been replayed */
struct seen {
	unsigned int at_a_time;
	uint64_t frames, bytes, sum;
	struct fabric_port *copy; /* where it is captured; NULL: nowhere */
};

static unsigned int deliver(void *ctx, unsigned int lane, const struct frame *frames,
			    unsigned int n)
{
	struct seen *seen = ctx;

	if (n > seen->at_a_time)
		n = seen->at_a_time;
	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *bytes = frames[i].iov->iov_base;

		require(frames[i].iovcnt == 1 && frames[i].iov->iov_len == frames[i].len &&
			frames[i].len >= ETHERNET && frames[i].len <= FABRIC_FRAME_MAX &&
			!frames[i].flags);
		for (uint32_t b = 0; b < frames[i].len; b++)
			seen->sum = (seen->sum ^ bytes[b]) * 0x100000001b3u;
		seen->sum = (seen->sum ^ frames[i].len) * 0x100000001b3u;
		seen->frames++;
		seen->bytes += frames[i].len;
	}
	if (seen->copy)
		fabric_send(seen->copy, lane, frames, n);
	return n;
}

static struct fabric_port *plug(const char *spec, struct seen *seen)
{
	struct fabric_port_config config = { .mac = { 2 }, .mtu = 9000, .lanes = 1, .queues = 1 };
	struct fabric_receiver receiver = { .deliver = deliver, .ctx = seen };
	struct fabric_port *port = NULL;
	struct error error = { .text = "" };

	if (fabric_open(spec, &config, &receiver, &port, &error)) {
		require(*error.text);
		return NULL;
	}
	return port;
}

/** replay() - all of a capture, or POLLS_MAX polls of one without an end; false: it is none */
static bool replay(const char *name, bool loop, struct seen *seen)
{
	struct fabric_counters counters;
	struct fabric_port *port;
	char spec[128];

	snprintf(spec, sizeof(spec), "pcap+replay=%s/%s%s", scratch, name, loop ? "+loop" : "");
	port = plug(spec, seen);
	if (!port)
		return false;
	seen->sum = SUM_START;
	for (unsigned int i = 0; i < POLLS_MAX && fabric_is_source(port); i++)
		require(fabric_poll(port, 0, FABRIC_BURST) <= FABRIC_BURST);
	fabric_counters(port, &counters);
	require(counters.rx_frames == seen->frames && counters.rx_bytes == seen->bytes);
	fabric_close(port);
	return true;
}

/** await_file() - all that was captured is in the file: at its end a capture waits for no slow disk */
static void await_file(const struct seen *seen)
{
	const uint64_t size = FILE_HEADER + seen->frames * RECORD_HEADER + seen->bytes;
	struct stat st = { .st_size = 0 };

	fabric_flush(seen->copy);
	for (unsigned int i = 0; i < PATIENCE_MS && (uint64_t)st.st_size < size; i++) {
		if (i)
			usleep(1000);
		require(fstatat(scratch_fd, "out", &st, 0) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen first = { 0 }, second = { .at_a_time = FABRIC_BURST };
	char spec[128];

	if (scratch_fd < 0)
		scratch_start();
	if (!size)
		return 0;
	scratch_write("in", data + 1, size - 1);
	snprintf(spec, sizeof(spec), "pcap:%s/out", scratch);
	first.at_a_time = (data[0] >> 1 & 7u) * 8 + 1;
	first.copy = plug(spec, NULL);
	require(first.copy != NULL);
	if (!replay("in", data[0] & 1, &first)) {
		fabric_close(first.copy);
		return 0;
	}
	await_file(&first);
	fabric_close(first.copy);
	if (!first.frames || first.frames > POLLS_MAX * FABRIC_BURST)
		return 0;
	require(replay("out", false, &second));
	require(second.frames == first.frames && second.bytes == first.bytes &&
		second.sum == first.sum);
	return 0;
}
