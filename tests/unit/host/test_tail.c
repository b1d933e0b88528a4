/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A log that is still being written: files that grow, are rotated and truncated; streams; and the
 * form of the kernel's messages. inotify's events are there when the change is made, so
 * nothing waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/diagnosis/tail.h"
#include "host/machine/kmsg.h"

static char directory[64];

static int in_a_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/test_tail.XXXXXX");
	return mkdtemp(directory) && !chdir(directory) ? 0 : -1;
}

static int remove_it(void **state)
{
	char command[128];
	(void)state;

	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return chdir("/") || system(command);
}

/* put() - write a text at the end of a file, which is made if it is missing */
static void put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_APPEND | O_CREAT, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static struct tail *follow(const char *file)
{
	struct error error = { "" };
	struct tail *tail = tail_file(file, &error);

	if (!tail)
		fail_msg("%s", error.text);
	return tail;
}

/* All that there is now: "|" where a file begins */
static const char *now(struct tail *tail)
{
	static char all[8192];
	char piece[512];
	struct tail_news news;
	struct error error = { "" };
	size_t at = 0;
	ssize_t n;

	while ((n = tail_read(tail, piece, sizeof(piece), &news, &error)) > 0) {
		if (news.begins)
			all[at++] = '|';
		assert_true(at + (size_t)n < sizeof(all));
		memcpy(all + at, piece, (size_t)n);
		at += (size_t)n;
	}
	all[at] = 0;
	if (n != -EAGAIN)
		fail_msg("%zd: %s", n, error.text);
	return all;
}

static void a_file_that_grows_is_read_on(void **state)
{
	struct tail *tail;
	(void)state;

	put("log", "one\n");
	tail = follow("log");
	assert_string_equal(now(tail), "|one\n");
	assert_string_equal(now(tail), "");
	put("log", "two");
	assert_string_equal(now(tail), "two");
	put("log", "\n");
	assert_string_equal(now(tail), "\n");
	tail_close(tail);
}

static void a_file_that_is_not_there_yet_is_waited_for(void **state)
{
	struct error error = { "" };
	struct tail *tail = follow("log");
	(void)state;

	assert_true(tail_waits(tail));
	assert_string_equal(now(tail), "");
	put("other", "nothing\n");
	assert_string_equal(now(tail), "");
	put("log", "one\n");
	assert_string_equal(now(tail), "|one\n");
	assert_false(tail_waits(tail));
	tail_close(tail);
	assert_null(tail_file("none/log", &error));
	assert_non_null(strstr(error.text, "cannot read the log none/log: No such file"));
}

static void a_rotated_file_is_read_to_its_end_then_the_new_one(void **state)
{
	struct tail *tail;
	(void)state;

	put("log", "one\n");
	tail = follow("log");
	assert_string_equal(now(tail), "|one\n");
	put("log", "two\n");
	assert_int_equal(rename("log", "log.1"), 0);
	assert_string_equal(now(tail), "two\n");
	/* The program has not been told yet. */
	put("log.1", "three\n");
	assert_string_equal(now(tail), "three\n");
	put("log", "");
	assert_string_equal(now(tail), "");
	put("log.1", "four\n");
	assert_string_equal(now(tail), "four\n");
	put("log.1", "five\n");
	put("log", "six\n");
	assert_string_equal(now(tail), "five\n|six\n");
	put("log.1", "too late\n");
	put("log", "seven\n");
	assert_string_equal(now(tail), "seven\n");
	/* Twice between two looks: what was in the middle is gone, the rest is not. */
	assert_int_equal(rename("log", "log.1"), 0);
	put("log", "eight\n");
	assert_int_equal(rename("log", "log.2"), 0);
	put("log", "nine\n");
	assert_string_equal(now(tail), "|nine\n");
	tail_close(tail);
}

static void a_file_that_is_removed_and_made_again_is_read_on(void **state)
{
	struct tail *tail;
	(void)state;

	put("log", "one\n");
	tail = follow("log");
	assert_string_equal(now(tail), "|one\n");
	put("log", "two\n");
	assert_int_equal(unlink("log"), 0);
	assert_string_equal(now(tail), "two\n");
	put("log", "three\n");
	assert_string_equal(now(tail), "|three\n");
	/* As editors and atomic writers do */
	put("new", "four\n");
	assert_int_equal(rename("new", "log"), 0);
	assert_string_equal(now(tail), "|four\n");
	tail_close(tail);
}

static void a_truncated_file_is_read_from_its_beginning(void **state)
{
	struct tail *tail;
	char longer[3000];
	(void)state;

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = 0;
	put("log", "one\ntwo\n");
	tail = follow("log");
	assert_string_equal(now(tail), "|one\ntwo\n");
	assert_int_equal(truncate("log", 0), 0);
	assert_string_equal(now(tail), "");
	put("log", "three\n");
	assert_string_equal(now(tail), "|three\n");
	/* It is longer than before already when we look. */
	assert_int_equal(truncate("log", 0), 0);
	put("log", longer);
	assert_string_equal(now(tail) + 1, longer);
	assert_int_equal(truncate("log", 1000), 0);
	assert_int_equal(strlen(now(tail)), 1001);
	tail_close(tail);
}

static void a_program_that_does_not_append_leaves_a_hole_that_is_skipped(void **state)
{
	int fd = open("log", O_WRONLY | O_CREAT, 0644);
	char longer[7000];
	struct tail *tail;
	(void)state;

	memset(longer, 'x', sizeof(longer));
	assert_int_equal(write(fd, longer, sizeof(longer)), sizeof(longer));
	tail = follow("log");
	assert_int_equal(strlen(now(tail)), 1 + sizeof(longer));
	assert_int_equal(truncate("log", 0), 0);
	assert_int_equal(write(fd, "one\n", 4), 4);
	assert_string_equal(now(tail), "|one\n");
	assert_int_equal(write(fd, "two\n", 4), 4);
	assert_string_equal(now(tail), "two\n");
	close(fd);
	tail_close(tail);
}

static void a_symbolic_link_is_followed_by_both_names(void **state)
{
	struct tail *tail;
	(void)state;

	assert_int_equal(mkdir("pods", 0755), 0);
	put("pods/0.log", "one\n");
	assert_int_equal(symlink("pods/0.log", "log"), 0);
	tail = follow("log");
	assert_string_equal(now(tail), "|one\n");
	/* What it leads to is rotated. */
	assert_int_equal(rename("pods/0.log", "pods/0.log.1"), 0);
	assert_string_equal(now(tail), "");
	put("pods/0.log", "two\n");
	assert_string_equal(now(tail), "|two\n");
	/* The link itself is replaced. */
	put("pods/1.log", "three\n");
	assert_int_equal(symlink("pods/1.log", "new"), 0);
	assert_int_equal(rename("new", "log"), 0);
	assert_string_equal(now(tail), "|three\n");
	assert_int_equal(unlink("pods/1.log"), 0);
	put("pods/1.log", "four\n");
	assert_string_equal(now(tail), "|four\n");
	tail_close(tail);
}

static void a_new_file_that_may_not_be_read_is_said_and_waited_for(void **state)
{
	struct tail *tail;
	(void)state;

	put("log", "one\n");
	tail = follow("log");
	assert_string_equal(now(tail), "|one\n");
	assert_int_equal(tail_trouble(tail), 0);
	assert_int_equal(rename("log", "log.1"), 0);
	assert_int_equal(mkdir("log", 0755), 0);
	put("log.1", "two\n");
	assert_string_equal(now(tail), "two\n");
	assert_int_not_equal(tail_trouble(tail), 0);
	assert_int_equal(tail_trouble(tail), 0);
	assert_int_equal(rmdir("log"), 0);
	put("log", "three\n");
	assert_string_equal(now(tail), "|three\n");
	tail_close(tail);
}

static void a_directory_that_is_removed_ends_it(void **state)
{
	struct tail_news news;
	struct error error = { "" };
	struct tail *tail;
	char piece[64];
	(void)state;

	assert_int_equal(mkdir("logs", 0755), 0);
	put("logs/log", "one\n");
	tail = follow("logs/log");
	assert_string_equal(now(tail), "|one\n");
	put("logs/log", "two\n");
	assert_int_equal(rename("logs", "old"), 0);
	assert_int_equal(tail_read(tail, piece, sizeof(piece), &news, &error), 4);
	assert_int_equal(tail_read(tail, piece, sizeof(piece), &news, &error), -ENOENT);
	assert_non_null(strstr(error.text, "its directory was removed or renamed"));
	tail_close(tail);
}

static void a_stream_ends_and_does_not_block_before(void **state)
{
	struct tail_news news;
	struct error error = { "" };
	struct tail *tail;
	char piece[64];
	int fds[2];
	(void)state;

	assert_int_equal(pipe(fds), 0);
	tail = tail_stream(fds[0], &error);
	assert_non_null(tail);
	assert_string_equal(now(tail), "");
	assert_int_equal(write(fds[1], "one\n", 4), 4);
	assert_string_equal(now(tail), "one\n");
	assert_int_equal(write(fds[1], "two\n", 4), 4);
	close(fds[1]);
	assert_int_equal(tail_read(tail, piece, sizeof(piece), &news, &error), 4);
	assert_int_equal(tail_read(tail, piece, sizeof(piece), &news, &error), 0);
	tail_close(tail);
	close(fds[0]);
}

/* parsed() - a record, as a line */
static const char *parsed(const char *record)
{
	static char line[256];
	uint64_t sequence = 0;
	size_t n = kmsg_parse(record, strlen(record), line, sizeof(line), &sequence);

	line[n] = 0;
	if (n)
		assert_int_equal(sequence, 339);
	return line;
}

static void kernel_messages_are_read_as_dmesg_prints_them(void **state)
{
	(void)state;
	assert_string_equal(parsed("6,339,5140900,-;mana 7870:00:00.0: HWC: Request timed out!\n"),
			    "[    5.140900] mana 7870:00:00.0: HWC: Request timed out!\n");
	assert_string_equal(parsed("3,339,5140900,-,caller=T12;a\\x09b \\x5c \\x1b[0m\n"
				   " SUBSYSTEM=pci\n DEVICE=+pci:7870:00:00.0\n"),
			    "[    5.140900] a\tb \\ \x1b[0m\n");
	assert_string_equal(parsed("4,339,5140900,c;one\\x0atwo\n"), "[    5.140900] one\ntwo\n");
	assert_string_equal(parsed("6,339,5140900,-;no line feed \\x4"),
			    "[    5.140900] no line feed \\x4\n");
	/* systemd's: facility 3 */
	assert_string_equal(parsed("30,339,5140900,-;systemd[1]: HWC: Request timed out!\n"), "");
	assert_string_equal(parsed(""), "");
	assert_string_equal(parsed("6,339;x"), "");
	assert_string_equal(parsed("nonsense"), "");
}

static void a_message_that_is_too_long_is_cut(void **state)
{
	char record[4096] = "6,339,5140900,-;", line[128];
	uint64_t sequence;
	size_t n;
	(void)state;

	memset(record + strlen(record), 'x', 4000 - strlen(record));
	n = kmsg_parse(record, 4000, line, sizeof(line), &sequence);
	assert_int_equal(n, sizeof(line));
	assert_int_equal(line[n - 1], '\n');
	assert_int_equal(line[n - 2], 'x');
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, in_a_directory, remove_it)
	const struct CMUnitTest tests[] = {
		TEST(a_file_that_grows_is_read_on),
		TEST(a_file_that_is_not_there_yet_is_waited_for),
		TEST(a_rotated_file_is_read_to_its_end_then_the_new_one),
		TEST(a_file_that_is_removed_and_made_again_is_read_on),
		TEST(a_truncated_file_is_read_from_its_beginning),
		TEST(a_program_that_does_not_append_leaves_a_hole_that_is_skipped),
		TEST(a_symbolic_link_is_followed_by_both_names),
		TEST(a_new_file_that_may_not_be_read_is_said_and_waited_for),
		TEST(a_directory_that_is_removed_ends_it),
		TEST(a_stream_ends_and_does_not_block_before),
		cmocka_unit_test(kernel_messages_are_read_as_dmesg_prints_them),
		cmocka_unit_test(a_message_that_is_too_long_is_cut),
	};

	return cmocka_run_group_tests_name("host tail", tests, NULL, NULL);
}
