/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: testpmd reads commands from its standard input and writes its
 * prompt when it has carried one out. Input and output are pipes here; stdbuf(1) makes
 * it write whole lines at once, as on a terminal, so that an answer is complete when the
 * next prompt comes. The end of its output is kept, up to a limit; an answer is what it printed
 * since the command was written.
 */
#include "app/testpmd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/clock.h"
#include "process/child.h"
#include "process/keep.h"

#define PROMPT        "testpmd> "
#define SAID_MAX      (1u << 20) /* bytes: xstats of 64 queues are about 40 KB */
#define START_SECONDS 60
#define ASK_SECONDS   30
#define QUIT_MS       10000

/**
 * struct testpmd - a child that takes commands
 * @in, @out:	our ends of its standard input and output
 * @stop:	readable when the user wants to stop; -1
 * @said:	its output, NUL-terminated
 * @len:	bytes of @said
 * @from:	where in @said the answer to the last command begins
 * @log:	where its output is kept, too; 0: nowhere
 */
struct testpmd {
	struct child child;
	int in;
	int out;
	int stop;
	char *said;
	size_t len;
	size_t from;
	int log;
};

/** take() - read its output; 0, or -EPIPE at the end */
static int take(struct testpmd *testpmd)
{
	ssize_t n;

	if (testpmd->len > SAID_MAX / 2 && testpmd->from > SAID_MAX / 4) {
		/* Forget old answers. */
		memmove(testpmd->said, testpmd->said + testpmd->from,
			testpmd->len - testpmd->from + 1);
		testpmd->len -= testpmd->from;
		testpmd->from = 0;
	}
	if (testpmd->len == SAID_MAX) {
		/* No answer is this long: keep the end. */
		memmove(testpmd->said, testpmd->said + SAID_MAX / 2, SAID_MAX / 2 + 1);
		testpmd->len -= SAID_MAX / 2;
		testpmd->from = 0;
	}
	do
		n = read(testpmd->out, testpmd->said + testpmd->len, SAID_MAX - testpmd->len);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return -EPIPE;
	keep_more(testpmd->log, testpmd->said + testpmd->len, (size_t)n);
	testpmd->len += (size_t)n;
	testpmd->said[testpmd->len] = '\0';
	return 0;
}

/** prompted() - has the last command been carried out? */
static bool prompted(const struct testpmd *testpmd)
{
	/* Not only at the end: events of a port are printed after the prompt. */
	return strstr(testpmd->said + testpmd->from, PROMPT);
}

/**
 * pass_time() - read its output for a while
 * @seconds:	how long
 * @prompt:	return once it accepts commands
 *
 * Return: 0, -ETIMEDOUT if there was no prompt, -EPIPE if it has ended, -EINTR
 */
static int pass_time(struct testpmd *testpmd, double seconds, bool prompt)
{
	double end = clock_seconds() + seconds, left;
	struct pollfd fds[2] = { { .fd = testpmd->out, .events = POLLIN },
				 { .fd = testpmd->stop, .events = POLLIN } };

	while (!(prompt && prompted(testpmd))) {
		left = end - clock_seconds();
		if (left <= 0)
			return prompt ? -ETIMEDOUT : 0;
		if (poll(fds, 2, (int)(left * 1e3) + 1) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents)
			return -EINTR;
		if (fds[0].revents && take(testpmd))
			return -EPIPE;
	}
	return 0;
}

/** build_argv() - the whole command line; NULL when out of memory */
static char **build_argv(const struct testpmd_plan *plan)
{
	char **argv = NULL;
	int err = 0;

	err |= child_args_add(&argv, "stdbuf");
	err |= child_args_add(&argv, "-oL");
	err |= child_args_add(&argv, "%s", plan->app);
	for (char **a = plan->eal; a && *a; a++)
		err |= child_args_add(&argv, "%s", *a);
	err |= child_args_add(&argv, "--");
	err |= child_args_add(&argv, "-i");
	for (char **a = plan->args; a && *a; a++)
		err |= child_args_add(&argv, "%s", *a);
	if (!err)
		return argv;
	child_args_free(argv);
	return NULL;
}

/** start() - the child and the pipes to it */
static int start(struct testpmd *testpmd, const struct testpmd_plan *plan)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err = -ENOMEM;
	char **argv = build_argv(plan);
	struct child_plan child = { .argv = argv };

	if (!argv)
		return err;
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0) {
		err = -errno;
		goto out;
	}
	child.in = in[0];
	child.out = child.err = out[1];
	if (plan->sysfs)
		setenv("SYSFS_PCI_DEVICES", plan->sysfs, 1);
	err = child_start(&testpmd->child, &child);
	if (plan->sysfs)
		unsetenv("SYSFS_PCI_DEVICES");
	if (!err) {
		testpmd->in = in[1];
		testpmd->out = out[0];
		in[1] = out[0] = -1;
	}
out:
	for (int i = 0; i < 2; i++) {
		if (in[i] >= 0)
			close(in[i]);
		if (out[i] >= 0)
			close(out[i]);
	}
	child_args_free(argv);
	return err;
}

/** reason() - the line that most likely says why it ended; into @text */
static const char *reason(const struct testpmd *testpmd, char *text, size_t size)
{
	static const char *const signs[] = { "net_manakin: ", "Cause: ", "EAL: FATAL",
					     "Creation of",   "must be", "rror",
					     "nvalid",        "annot",   "ailed" };
	const char *at = NULL;

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]) && !at; i++)
		at = strstr(testpmd->said, signs[i]);
	if (!at) {
		snprintf(text, size, "it gave no reason");
		return text;
	}
	while (at > testpmd->said && at[-1] != '\n')
		at--;
	snprintf(text, size, "%.*s", (int)strcspn(at, "\r\n"), at);
	return text;
}

int testpmd_open(const struct testpmd_plan *plan, int stop, struct testpmd **out,
		 struct error *error)
{
	struct testpmd *testpmd = calloc(1, sizeof(*testpmd));
	char why[300], fate[80];
	int err, status;

	if (testpmd)
		testpmd->said = calloc(1, SAID_MAX + 1);
	if (!testpmd || !testpmd->said) {
		free(testpmd);
		return error_fail(error, -ENOMEM, "out of memory");
	}
	testpmd->in = testpmd->out = -1;
	testpmd->stop = stop;
	testpmd->log = plan->log;
	/* It may end at any time, and a write to it must not kill us. */
	signal(SIGPIPE, SIG_IGN);
	err = start(testpmd, plan);
	if (err) {
		error_say(error, "cannot start %s: %s", plan->app, error_reason(-err));
		testpmd_close(testpmd);
		return err;
	}
	err = pass_time(testpmd, START_SECONDS, true);
	if (!err) {
		*out = testpmd;
		return 0;
	}
	status = child_stop(&testpmd->child, SIGTERM, err == -EPIPE ? QUIT_MS : 0);
	error_say(error, "%s did not start: %s; %s", plan->app,
		  err == -EPIPE   ? child_fate(status, fate, sizeof(fate))
		  : err == -EINTR ? "interrupted"
				  : "its prompt did not appear",
		  reason(testpmd, why, sizeof(why)));
	testpmd_close(testpmd);
	return err;
}

int testpmd_ask(struct testpmd *testpmd, const char *command, const char **answer)
{
	char line[256];
	int len = snprintf(line, sizeof(line), "%s\n", command), err;

	testpmd->from = testpmd->len;
	if (write(testpmd->in, line, (size_t)len) != len)
		return -EPIPE;
	err = pass_time(testpmd, ASK_SECONDS, true);
	if (answer)
		*answer = testpmd->said + testpmd->from;
	return err;
}

int testpmd_wait(struct testpmd *testpmd, double seconds)
{
	return pass_time(testpmd, seconds, false);
}

/** number_after() - the number that follows @name in @text */
static int number_after(const char *text, const char *name, uint64_t *value)
{
	const char *at = strstr(text, name);
	char *end;

	if (!at)
		return -EPROTO;
	at += strlen(name);
	*value = strtoull(at, &end, 10);
	return end == at ? -EPROTO : 0;
}

int testpmd_rates(struct testpmd *testpmd, unsigned int port, struct testpmd_rates *rates)
{
	const char *answer;
	char command[40];
	int err;

	snprintf(command, sizeof(command), "show port stats %u", port);
	err = testpmd_ask(testpmd, command, &answer);
	if (err)
		return err;
	if (number_after(answer, "RX-packets:", &rates->rx_packets) ||
	    number_after(answer, "TX-packets:", &rates->tx_packets) ||
	    number_after(answer, "Rx-pps:", &rates->rx_pps) ||
	    number_after(answer, "Tx-pps:", &rates->tx_pps))
		return -EPROTO;
	return 0;
}

int testpmd_ports(struct testpmd *testpmd, unsigned int *numbers, unsigned int *n)
{
	const char *answer, *line;
	uint64_t count;
	int err = testpmd_ask(testpmd, "show port summary all", &answer);

	if (err)
		return err;
	if (number_after(answer, "Number of available ports:", &count) || count > TESTPMD_PORTS_MAX)
		return -EPROTO;
	/* A heading, then a line per port that begins with its ID and its address. */
	*n = 0;
	for (line = strstr(answer, "Number of"); line && *n < count; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%u %*2[0-9A-Fa-f]:", &numbers[*n]) == 1)
			(*n)++;
	}
	return *n == count ? 0 : -EPROTO;
}

/** take_counter() - one line of extended statistics, if it is one that we know */
static void take_counter(const char *line, struct testpmd_counters *counters)
{
	struct traffic *traffic = &counters->all;
	char direction, what[16];
	unsigned int queue;
	uint64_t value, *to;

	/* Drivers name a queue's counters rx_queue_0_packets, ethdev its own rx_q0_packets.
	 */
	if (sscanf(line, "%cx_queue_%u_%15[a-z]: %" SCNu64, &direction, &queue, what, &value) ==
		    4 ||
	    sscanf(line, "%cx_q%u_%15[a-z]: %" SCNu64, &direction, &queue, what, &value) == 4) {
		if (queue >= TESTPMD_QUEUES_MAX)
			return;
		traffic = &counters->queue[queue];
		if (queue >= counters->queues)
			counters->queues = queue + 1;
	} else if (sscanf(line, "%cx_good_%15[a-z]: %" SCNu64, &direction, what, &value) != 3) {
		return;
	}
	if (!strcmp(what, "packets"))
		to = direction == 'r' ? &traffic->rx_packets : &traffic->tx_packets;
	else if (!strcmp(what, "bytes"))
		to = direction == 'r' ? &traffic->rx_bytes : &traffic->tx_bytes;
	else
		return;
	*to = value;
}

int testpmd_counters(struct testpmd *testpmd, unsigned int port, struct testpmd_counters *counters)
{
	const char *answer;
	char command[40];
	int err;

	memset(counters, 0, sizeof(*counters));
	snprintf(command, sizeof(command), "show port xstats %u", port);
	err = testpmd_ask(testpmd, command, &answer);
	if (err)
		return err;
	if (!strstr(answer, "_good_packets:"))
		return -ENODEV;
	for (const char *line = answer; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		take_counter(line, counters);
	}
	return 0;
}

const char *testpmd_said(const struct testpmd *testpmd)
{
	return testpmd->said;
}

int testpmd_close(struct testpmd *testpmd)
{
	struct pollfd fd = { .fd = testpmd->out, .events = POLLIN };
	double end = clock_seconds() + QUIT_MS / 1e3;
	int status;

	/* It prints while it ends, and that has to be read. */
	if (testpmd->in >= 0) {
		if (write(testpmd->in, "quit\n", 5) < 0 || close(testpmd->in) < 0)
			end = clock_seconds() + 1;
		while (clock_seconds() < end && poll(&fd, 1, 100) >= 0)
			if (fd.revents && take(testpmd))
				break;
	}
	status = child_stop(&testpmd->child, SIGTERM, 1000);
	if (testpmd->out >= 0)
		close(testpmd->out);
	free(testpmd->said);
	free(testpmd);
	return status;
}
