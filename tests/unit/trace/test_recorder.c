/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is recorded is in the file, in order; what is not, is counted.
 */
#include "file.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define EACH 20000u /* records of a thread */

static void test_file_has_what_was_recorded(void **state)
{
	static const uint8_t data[5000] = { 0xab, 0xcd };
	int fd = file_new();
	struct recorder *recorder = file_recorder(fd, 1, 128, true);
	struct trace_reader *reader;
	struct trace_item item;
	struct recorder_result result;

	(void)state;
	put_data(recorder, (struct trace_record){ .kind = TRACE_START }, "test", 4);
	put_data(recorder,
		 (struct trace_record){ .kind = TRACE_COMMAND,
					.type = 0x20001,
					.position = 3,
					.value = UINT64_MAX,
					.queue = 7 },
		 data, sizeof(data));
	put_frame(recorder, 60);
	put_frame(recorder, 9001);
	result = file_end(recorder);
	assert_int_equal(result.kept, 4);
	assert_int_equal(result.lost, 0);
	assert_int_equal(result.overwritten, 0);

	reader = file_open(fd);
	assert_int_equal(trace_reader_next(reader, &item), 1);
	assert_int_equal(item.record.kind, TRACE_START);
	assert_int_equal(item.captured, 4);
	assert_memory_equal(item.data, "test", 4);
	assert_string_equal(item.interface->name, "test");
	assert_int_equal(trace_reader_next(reader, &item), 1);
	assert_int_equal(item.number, 2);
	assert_int_equal(item.record.kind, TRACE_COMMAND);
	assert_int_equal(item.record.type, 0x20001);
	assert_int_equal(item.record.position, 3);
	assert_int_equal(item.record.queue, 7);
	assert_true(item.record.value == UINT64_MAX);
	assert_int_equal(item.captured, TRACE_DATA_MAX); /* the rest is cut off */
	assert_int_equal(item.len, sizeof(data));
	assert_memory_equal(item.data, data, TRACE_DATA_MAX);
	assert_int_equal(trace_reader_next(reader, &item), 1);
	assert_true(item.frame);
	assert_int_equal(item.captured, 60);
	assert_int_equal(item.direction, PCAPNG_OUTBOUND);
	assert_int_equal(item.queue, 5);
	assert_int_equal(trace_reader_next(reader, &item), 1);
	assert_int_equal(item.captured, 128);
	assert_int_equal(item.len, 9001);
	assert_string_equal(item.interface->name, "test:0");
	assert_true(item.interface->counted);
	assert_int_equal(item.interface->received, 2);
	assert_int_equal(trace_reader_next(reader, &item), 0);
	assert_int_equal(trace_reader_cut(reader), 0);
	trace_reader_close(reader);
	close(fd);
}

static void test_whole_frames_are_kept_on_request(void **state)
{
	int fd = file_new();
	struct recorder *recorder = file_recorder(fd, 1, TRACE_SNAPLEN_MAX, true);
	struct trace_reader *reader;
	struct trace_item item;

	(void)state;
	put_frame(recorder, TRACE_SNAPLEN_MAX);
	file_end(recorder);
	reader = file_open(fd);
	assert_int_equal(trace_reader_next(reader, &item), 1);
	assert_int_equal(item.captured, TRACE_SNAPLEN_MAX);
	trace_reader_close(reader);
	close(fd);
}

/** check_series() - the file's records have the values up to @end, without a gap; returns how many */
static uint64_t check_series(int fd, uint64_t end)
{
	struct trace_reader *reader = file_open(fd);
	uint64_t n = 0, next = 0;
	struct trace_item item;

	while (trace_reader_next(reader, &item) > 0) {
		if (n++)
			assert_int_equal(item.record.value, next);
		next = item.record.value + 1;
	}
	assert_int_equal(next, end);
	trace_reader_close(reader);
	return n;
}

static void test_the_last_of_it_is_kept(void **state)
{
	static const uint8_t data[1000];
	int fd = file_new();
	struct recorder *recorder = file_recorder(fd, 1, 128, true);
	struct recorder_result result;
	const uint64_t n = 3500; /* three times the file, and less than a ring */

	(void)state;
	for (uint64_t i = 0; i < n; i++)
		put_data(recorder, (struct trace_record){ .kind = TRACE_FAULT, .value = i }, data,
			 sizeof(data));
	result = file_end(recorder);
	assert_int_equal(result.lost, 0);
	assert_int_equal(result.kept + result.overwritten, n);
	assert_in_range(lseek(fd, 0, SEEK_END), 900000, (1 << 20) + 4096);
	assert_int_equal(check_series(fd, n), result.kept);
	assert_in_range(result.kept, 600, 1100); /* at least three of four pieces */
	close(fd);
}

static void test_all_of_it_is_kept_without_a_limit(void **state)
{
	static const uint8_t data[1000];
	int fd = file_new();
	struct recorder *recorder = file_recorder(fd, 0, 128, true);
	struct recorder_result result;

	(void)state;
	for (uint64_t i = 0; i < 3000; i++)
		put_data(recorder, (struct trace_record){ .kind = TRACE_FAULT, .value = i }, data,
			 sizeof(data));
	result = file_end(recorder);
	assert_int_equal(result.kept, 3000);
	assert_int_equal(check_series(fd, 3000), 3000);
	close(fd);
}

static void test_what_does_not_fit_is_counted_and_told_in_its_place(void **state)
{
	int fd = file_new();
	struct recorder *recorder =
		file_recorder(fd, 16, 128, false); /* nobody empties the rings */
	uint64_t told = 0, frames = 0, records = 0, put_records = 0, lost;
	struct recorder_result result;
	struct trace_reader *reader;
	struct trace_item item;
	const uint64_t n = 50000;

	(void)state;
	for (uint64_t i = 0; i < n; i++)
		put_frame(recorder, 128);
	assert_true(recorder_result(recorder).lost > 10000);
	assert_int_equal(recorder_start(recorder), 0);
	/* Until there is room: then a record says what is missing before it. */
	do {
		usleep(1000);
		lost = recorder_result(recorder).lost;
		put(recorder, (struct trace_record){ .kind = TRACE_FAULT });
		put_records++;
	} while (recorder_result(recorder).lost != lost);
	result = file_end(recorder);
	reader = file_open(fd);
	while (trace_reader_next(reader, &item) > 0) {
		if (item.frame)
			frames++;
		else if (item.record.kind == TRACE_LOST)
			told += item.record.value;
		else
			records++;
	}
	assert_true(frames > 10000 && frames < n);
	assert_int_equal(told, result.lost);
	assert_int_equal(frames + records + result.lost, n + put_records);
	assert_true(trace_reader_ended(reader, &lost));
	assert_int_equal(lost, result.lost);
	trace_reader_close(reader);
	close(fd);
}

static void *record_many(void *recorder)
{
	for (uint64_t i = 0; i < EACH; i++) {
		if (i % 2)
			put_frame(recorder, 100);
		else
			put(recorder, (struct trace_record){ .kind = TRACE_DOORBELL, .value = i });
	}
	return NULL;
}

static void test_threads_do_not_disturb_each_other(void **state)
{
	int fd = file_new();
	struct recorder *recorder = file_recorder(fd, 0, 128, true);
	struct recorder_result result;
	struct trace_reader *reader;
	struct trace_item item;
	pthread_t threads[3];
	uint64_t last = 0, n = 0, lost = 0, of[3] = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, record_many, recorder), 0);
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	result = file_end(recorder);
	reader = file_open(fd);
	while (trace_reader_next(reader, &item) > 0) {
		assert_true(item.time >= last);
		last = item.time;
		if (!item.frame && item.record.kind == TRACE_LOST) {
			lost++;
			continue;
		}
		n++;
		if (item.frame)
			continue;
		/* Each thread's own are in order. */
		assert_in_range(item.record.thread, 0, 2);
		assert_true(!of[item.record.thread] || item.record.value > of[item.record.thread]);
		of[item.record.thread] = item.record.value;
	}
	assert_int_equal(n + result.lost, 3 * EACH);
	assert_int_equal(n + lost, result.kept);
	trace_reader_close(reader);
	close(fd);
}

static void test_more_threads_than_expected_are_counted(void **state)
{
	int fd = file_new();
	struct recorder *recorder = file_recorder(fd, 0, 128, true);
	struct recorder_result result;
	pthread_t thread;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(pthread_create(&thread, NULL, record_many, recorder), 0);
		pthread_join(thread, NULL);
	}
	result = file_end(recorder);
	assert_true(result.lost >= EACH);
	close(fd);
}

static void test_a_file_that_cannot_grow_is_told_and_stays_readable(void **state)
{
	const struct rlimit small = { .rlim_cur = 700000, .rlim_max = RLIM_INFINITY };
	struct rlimit before;
	static const uint8_t data[1000];
	int fd = file_new();
	struct recorder *recorder;
	struct recorder_result result;
	struct trace_reader *reader;
	struct trace_item item;
	uint64_t n = 0;

	(void)state;
	catch_log();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	recorder = file_recorder(fd, 2, 128, true);
	for (uint64_t i = 0; i < 1500; i++)
		put_data(recorder, (struct trace_record){ .kind = TRACE_FAULT, .value = i }, data,
			 sizeof(data));
	result = file_end(recorder);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(result.failed);
	assert_true(result.lost > 0);
	assert_true(logged("trace /a/file: it cannot be written: File too large; it ends here"));
	reader = file_open(fd);
	while (trace_reader_next(reader, &item) > 0)
		assert_int_equal(item.record.value, n++);
	assert_in_range(n, 200, 700);
	assert_int_equal(trace_reader_cut(reader), 0);
	trace_reader_close(reader);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file_has_what_was_recorded),
		cmocka_unit_test(test_whole_frames_are_kept_on_request),
		cmocka_unit_test(test_the_last_of_it_is_kept),
		cmocka_unit_test(test_all_of_it_is_kept_without_a_limit),
		cmocka_unit_test(test_what_does_not_fit_is_counted_and_told_in_its_place),
		cmocka_unit_test(test_threads_do_not_disturb_each_other),
		cmocka_unit_test(test_more_threads_than_expected_are_counted),
		cmocka_unit_test(test_a_file_that_cannot_grow_is_told_and_stays_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
