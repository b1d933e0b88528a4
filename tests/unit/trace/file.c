/* SPDX-License-Identifier: BSD-3-Clause */
#include "file.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define PATIENCE_MS 60000u

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_text[65536];

int file_new(void)
{
	int fd = memfd_create("trace", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

struct recorder *file_recorder(int fd, uint32_t mib, uint32_t snaplen, bool start)
{
	static const struct recorder_interface interfaces[] = {
		{ .name = "test", .link = TRACE_LINK_USER0, .description = "manakin trace 1" },
		{ .name = "test:0", .link = TRACE_LINK_ETHERNET, .description = "sink" },
	};
	struct recorder_config config = { .fd = dup(fd),
					  .name = "/a/file",
					  .program = "a test",
					  .mib = mib,
					  .snaplen = snaplen,
					  .threads = 3,
					  .interfaces = interfaces,
					  .n = 2 };
	struct recorder *recorder;
	struct error error;

	assert_true(config.fd >= 0);
	assert_int_equal(recorder_new(&config, &recorder, &error), 0);
	if (start)
		assert_int_equal(recorder_start(recorder), 0);
	return recorder;
}

struct recorder_result file_end(struct recorder *recorder)
{
	uint64_t deadline = clock_deadline(PATIENCE_MS);
	struct recorder_result result;

	recorder_stop(recorder);
	while (!recorder_ended(recorder)) {
		assert_false(clock_passed(deadline));
		clock_pause_us(1000);
	}
	result = recorder_result(recorder);
	recorder_free(recorder);
	return result;
}

struct trace_reader *file_open(int fd)
{
	struct trace_reader *reader;
	struct error error = { .text = "" };

	if (trace_reader_take(dup(fd), "FILE", &reader, &error))
		fail_msg("%s", error.text);
	return reader;
}

void put(struct recorder *recorder, struct trace_record record)
{
	recorder_record(recorder, RECORDS, &record, NULL);
}

void put_data(struct recorder *recorder, struct trace_record record, const void *data, size_t len)
{
	record.len = (uint32_t)len;
	recorder_record(recorder, RECORDS, &record, data);
}

void put_frame(struct recorder *recorder, uint32_t len)
{
	static const uint8_t bytes[TRACE_SNAPLEN_MAX] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8 };
	const struct iovec iov[2] = {
		{ .iov_base = (void *)(uintptr_t)bytes, .iov_len = len / 2 },
		{ .iov_base = (void *)(uintptr_t)(bytes + len / 2), .iov_len = len - len / 2 },
	};

	recorder_frame(recorder, PORT,
		       &(struct recorder_frame){ .iov = iov,
						 .iovcnt = 2,
						 .len = len,
						 .direction = PCAPNG_OUTBOUND,
						 .queue = 5 });
}

static void sink(enum log_level level, const char *message)
{
	size_t len;

	(void)level;
	pthread_mutex_lock(&log_lock);
	len = strlen(log_text);
	snprintf(log_text + len, sizeof(log_text) - len, "%s\n", message);
	pthread_mutex_unlock(&log_lock);
}

void catch_log(void)
{
	*log_text = '\0';
	log_set(sink, LOG_NOTICE);
}

bool logged(const char *part)
{
	bool found;

	pthread_mutex_lock(&log_lock);
	found = strstr(log_text, part) != NULL;
	pthread_mutex_unlock(&log_lock);
	return found;
}
