/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files that are no traces, damaged ones, and every way to change a byte of a good one.
 */
#include "file.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/** made() - a file with a bit of everything; @len: its bytes */
static uint8_t *made(size_t *len)
{
	struct gdma_cqe cqe = { .wq_num = 5, .is_sq = 1 };
	struct gdma_eqe eqe = { .details = { 3 }, .type = GDMA_EQE_COMPLETION };
	struct trace_queue queue = { .type = GDMA_SQ, .size = 4096, .parent = 3 };
	uint8_t wqe[32] = { [4] = 1, [5] = 2 };
	uint64_t size = 4096;
	int fd = file_new();
	struct recorder *recorder = file_recorder(fd, 1, 128, true);
	uint8_t *bytes;

	cqe.data[0] = MANA_CQE_TX_OKAY | MANA_CLIENT_COMPLETION << 6;
	for (uint8_t kind = 0; kind <= TRACE_KINDS; kind++)
		put(recorder, (struct trace_record){ .kind = kind, .type = 1 });
	put_data(recorder, (struct trace_record){ .kind = TRACE_MEMORY }, &size, sizeof(size));
	put_data(recorder, (struct trace_record){ .kind = TRACE_QUEUE, .queue = 5 }, &queue,
		 sizeof(queue));
	put_data(recorder, (struct trace_record){ .kind = TRACE_ENTRY, .type = 1, .queue = 5 }, wqe,
		 sizeof(wqe));
	put_data(recorder, (struct trace_record){ .kind = TRACE_COMPLETION, .queue = 3 }, &cqe,
		 sizeof(cqe));
	put_data(recorder, (struct trace_record){ .kind = TRACE_EVENT, .queue = 0 }, &eqe,
		 sizeof(eqe));
	put_data(recorder, (struct trace_record){ .kind = TRACE_FAULT }, "an \033[31mevil text",
		 18);
	put_frame(recorder, 60);
	put_frame(recorder, 5);
	file_end(recorder);
	*len = (size_t)lseek(fd, 0, SEEK_END);
	bytes = malloc(*len);
	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, *len, 0), *len);
	close(fd);
	return bytes;
}

/** file_of() - these bytes as a file */
static int file_of(const uint8_t *bytes, size_t len)
{
	int fd = file_new();

	assert_int_equal(write(fd, bytes, len), len);
	return fd;
}

/** read_all() - and print and explain all; returns the items */
static unsigned int read_all(struct trace_reader *reader)
{
	struct trace_findings findings;
	unsigned int n = 0;
	struct trace_item item;

	while (trace_reader_next(reader, &item) > 0) {
		struct trace_of of[TRACE_QUEUES_MAX];
		char text[TRACE_TEXT];

		assert_true(item.captured <= TRACE_SNAPLEN_MAX * 4);
		assert_true(trace_queues(&item, of) <= TRACE_QUEUES_MAX);
		trace_text(&item, text);
		for (const char *at = text; *at; at++)
			assert_true((unsigned char)*at >= ' ');
		n++;
	}
	trace_reader_rewind(reader);
	assert_int_equal(trace_explain(reader, &findings), 0);
	for (size_t i = 0; i < findings.n; i++)
		assert_true(strlen(findings.finding[i].text) > 0);
	free(findings.finding);
	return n;
}

static void test_texts_have_nothing_that_a_terminal_obeys(void **state)
{
	size_t len;
	uint8_t *bytes = made(&len);
	int fd = file_of(bytes, len);
	struct trace_reader *reader = file_open(fd);

	(void)state;
	assert_int_equal(read_all(reader), TRACE_KINDS + 1 + 8);
	trace_reader_close(reader);
	close(fd);
	free(bytes);
}

static void test_what_is_no_trace_is_named(void **state)
{
	uint8_t bytes[2048] = { 0 };
	struct trace_reader *reader;
	struct error error;
	size_t len;
	int fd;

	(void)state;
	fd = file_of((const uint8_t *)"", 0);
	assert_int_equal(trace_reader_take(dup(fd), "FILE", &reader, &error), -EINVAL);
	assert_non_null(strstr(error.text, "FILE is not a trace: it is no pcapng file"));
	close(fd);
	fd = file_of(bytes, sizeof(bytes));
	assert_int_equal(trace_reader_take(dup(fd), "FILE", &reader, &error), -EINVAL);
	assert_non_null(strstr(error.text, "no pcapng file"));
	close(fd);
	/* A capture, as tcpdump writes it */
	len = pcapng_put_section(bytes, "tcpdump");
	len += pcapng_put_interface(bytes + len, TRACE_LINK_ETHERNET, 0, "eth0", NULL);
	fd = file_of(bytes, len);
	assert_int_equal(trace_reader_take(dup(fd), "FILE", &reader, &error), -EINVAL);
	assert_non_null(strstr(error.text, "no interface with records of an adapter"));
	close(fd);
	/* The other byte order */
	bytes[8] = 0x1a;
	fd = file_of(bytes, len);
	assert_int_equal(trace_reader_take(dup(fd), "FILE", &reader, &error), -EINVAL);
	assert_non_null(strstr(error.text, "byte order"));
	close(fd);
}

static void test_a_file_that_ends_anywhere_is_read_up_to_there(void **state)
{
	size_t len;
	uint8_t *bytes = made(&len);
	unsigned int most = 0;

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		int fd = file_of(bytes, cut);
		struct trace_reader *reader;
		struct error error;

		if (!trace_reader_take(dup(fd), "FILE", &reader, &error)) {
			unsigned int n = read_all(reader);

			assert_true(n >= most);
			most = n;
			trace_reader_close(reader);
		}
		close(fd);
	}
	assert_int_equal(most, TRACE_KINDS + 1 + 8);
	free(bytes);
}

static void test_a_changed_byte_does_no_harm(void **state)
{
	static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };
	size_t len;
	uint8_t *bytes = made(&len);

	(void)state;
	for (size_t at = 0; at < len; at++) {
		uint8_t was = bytes[at];

		for (size_t i = 0; i < sizeof(values); i++) {
			struct trace_reader *reader;
			struct error error;
			int fd;

			bytes[at] = values[i];
			fd = file_of(bytes, len);
			if (!trace_reader_take(dup(fd), "FILE", &reader, &error)) {
				read_all(reader);
				trace_reader_close(reader);
			}
			close(fd);
		}
		bytes[at] = was;
	}
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_have_nothing_that_a_terminal_obeys),
		cmocka_unit_test(test_what_is_no_trace_is_named),
		cmocka_unit_test(test_a_file_that_ends_anywhere_is_read_up_to_there),
		cmocka_unit_test(test_a_changed_byte_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
