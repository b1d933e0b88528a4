/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams between the host and a guest: bytes, keys, and the messages of the guest's kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../range.h"
#include "guest/console.h"
#include "guest/flow.h"
#include "guest/terminal.h"

static void a_flow_loses_nothing_and_ends_with_its_input(void **state)
{
	struct flow flow = { 0 };
	char sent[10000], got[sizeof(sent)];
	int in[2], out[2];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 7);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe2(out, O_NONBLOCK), 0);
	assert_int_equal(write(in[1], sent, sizeof(sent)), sizeof(sent));
	close(in[1]);
	flow.from = in[0];
	flow.to = out[1];
	assert_true(flow_fill(&flow));
	assert_int_equal(flow.length, sizeof(sent));
	while (flow.length) {
		ssize_t part;

		flow_drain(&flow);
		while ((part = read(out[0], got + n, sizeof(got) - n)) > 0)
			n += (size_t)part;
	}
	assert_int_equal(n, sizeof(sent));
	assert_memory_equal(got, sent, n);
	assert_false(flow_fill(&flow));
	assert_int_equal(flow.from, -1);
	assert_false(flow.broken);
	close(in[0]);
	close(out[0]);
	close(out[1]);
}

static void a_flow_that_nobody_reads_is_broken_and_empty(void **state)
{
	struct flow flow = { .length = 10 };
	int out[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(out), 0);
	close(out[0]);
	flow.to = out[1];
	flow_drain(&flow);
	assert_true(flow.broken);
	assert_int_equal(flow.length, 0);
	close(out[1]);
}

static void three_escape_keys_in_a_row_leave_a_shell(void **state)
{
	static const uint8_t thrice[] = { 0x1d, 0x1d, 0x1d }, mixed[] = { 0x1d, 0x1d, 'a', 0x1d };
	struct terminal terminal = { 0 };

	(void)state;
	assert_false(terminal_left(&terminal, mixed, sizeof(mixed)));
	assert_false(terminal_left(&terminal, thrice, 1));
	assert_true(terminal_left(&terminal, thrice, 1));

	/* The first of them was too long ago. */
	terminal = (struct terminal){ .escapes = 2, .escape_first = -10 };
	assert_false(terminal_left(&terminal, thrice, 2));
	assert_true(terminal_left(&terminal, thrice, 1));
}

/* What console_show() prints, in @text. */
static void shown(const struct console *console, char *text, size_t size)
{
	int before = dup(STDERR_FILENO);
	FILE *file = tmpfile();
	size_t n;

	assert_non_null(file);
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	console_show(console);
	fflush(stderr);
	dup2(before, STDERR_FILENO);
	close(before);
	rewind(file);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	fclose(file);
}

static void the_end_of_the_console_is_shown_from_the_start_of_a_line(void **state)
{
	char text[2 * CONSOLE_KEPT], line[32];
	struct console console = { 0 };
	int port[2], log[2];

	(void)state;
	assert_int_equal(pipe(port), 0);
	assert_int_equal(pipe(log), 0);
	console.port = port[0];
	console.log = log[1];
	for (int i = 0; i < 500; i++) {
		int n = snprintf(line, sizeof(line), "line %03d\r\n", i);

		assert_int_equal(write(port[1], line, (size_t)n), n);
	}
	close(port[1]);
	while (console_take(&console))
		;
	assert_int_equal(console.total, 500 * 10);
	/* All of it is in the log; the last 4096 bytes are kept, of which the first are half a
	 * line. */
	assert_int_equal(read(log[0], text, sizeof(text)), 500 * 10);
	shown(&console, text, sizeof(text));
	assert_memory_equal(text, "line 091\n", 9);
	assert_string_equal(text + strlen(text) - 9, "line 499\n");
	console.verbose = true;
	shown(&console, text, sizeof(text));
	assert_string_equal(text, "");
	close(port[0]);
	close(log[0]);
	close(log[1]);
}

/* A guest that prints for ever fills neither the disk nor the memory. */
static void the_log_of_the_console_has_a_bound(void **state)
{
	struct console console = { 0 };
	char data[4096], end[64] = "";
	int port[2], log = memfd_create("log", MFD_CLOEXEC);
	const off_t most = CONSOLE_LOG_MAX;
	off_t size;

	(void)state;
	memset(data, 'x', sizeof(data));
	assert_int_equal(pipe2(port, O_NONBLOCK), 0);
	console.port = port[0];
	console.log = log;
	while (console.total < CONSOLE_LOG_MAX + 10 * sizeof(data)) {
		assert_int_equal(write(port[1], data, sizeof(data)), sizeof(data));
		assert_true(console_take(&console));
	}
	size = lseek(log, 0, SEEK_END);
	assert_range(size, most, most + (off_t)sizeof(end));
	assert_true(pread(log, end, sizeof(end) - 1, most) > 0);
	assert_string_equal(end, "\nmanakin lab: this log ends at 64 MiB\n");
	close(port[0]);
	close(port[1]);
	close(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_loses_nothing_and_ends_with_its_input),
		cmocka_unit_test(a_flow_that_nobody_reads_is_broken_and_empty),
		cmocka_unit_test(three_escape_keys_in_a_row_leave_a_shell),
		cmocka_unit_test(the_end_of_the_console_is_shown_from_the_start_of_a_line),
		cmocka_unit_test(the_log_of_the_console_has_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
