/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin diagnose --follow: tell what is wrong as soon as the log shows it, until a signal comes
 * or the log ends.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/diagnose.h"
#include "host/diagnosis/follow.h"
#include "host/diagnosis/tail.h"
#include "process/signals.h"
#include "term/say.h"
#include "term/term.h"

#define PIECE (64u << 10) /* bytes that are read at a time */

/**
 * struct watch - a log that is followed
 * @lost:	messages of the kernel that were reported as lost
 * @told:	something was told
 * @waited:	it was said that there is no such file yet
 */
struct watch {
	const struct diagnose_log *log;
	struct tail *tail;
	struct follow *follow;
	struct signals signals;
	uint64_t lost;
	bool told, waited;
};

static uint64_t now_ms(void)
{
	return clock_ns() / NS_PER_MS;
}

/** put_json() - a line with one object; 0 or a negative errno */
static int put_json(const struct watch *watch, const struct finding *finding, const char *at)
{
	json_t *object = diagnose_object(finding), *explains = json_array();
	const struct rule *rule;
	int err = -ENOMEM;

	for (size_t i = 0; (rule = follow_explained(watch->follow, finding, i)); i++)
		json_array_append_new(explains, json_string(rule->id));
	if (object && !json_object_set_new(object, "at", json_string(at)) &&
	    !json_object_set(object, "explains", explains))
		err = json_dumpf(object, stdout, JSON_COMPACT) || putchar('\n') == EOF ? -EIO : 0;
	json_decref(explains);
	json_decref(object);
	return err;
}

static void put_text(const struct watch *watch, const struct finding *finding, const char *at)
{
	const struct rule *rule;

	printf("%s%s%s%s\n", watch->told ? "\n" : "", output_style(stdout, STYLE_DIM), at,
	       output_style(stdout, STYLE_PLAIN));
	diagnose_print_one(finding, stdout);
	for (size_t i = 0; (rule = follow_explained(watch->follow, finding, i)); i++)
		printf("%s    %s [%s]\n",
		       i ? "" : "\n  This is also the cause of what was reported before\n",
		       rule->title, rule->id);
}

/** put_all() - what was decided; 0 or a negative errno */
static int put_all(struct watch *watch)
{
	const struct finding *finding;
	time_t seconds = time(NULL);
	struct tm tm;
	char at[40];
	int err = 0;

	gmtime_r(&seconds, &tm);
	strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm);
	for (size_t i = 0; !err && (finding = follow_finding(watch->follow, i)); i++) {
		if (watch->log->json)
			err = put_json(watch, finding, at);
		else
			put_text(watch, finding, at);
		watch->told = true;
	}
	if (!err && fflush(stdout))
		err = -errno;
	if (err)
		say("cannot print a diagnosis: %s", error_reason(-err));
	return err;
}

/** judge() - decide what is due, and print it; 0 or a negative errno */
static int judge(struct watch *watch, uint64_t now, bool ended)
{
	struct facts facts = { 0 };
	int err;

	if (!watch->log->log_only)
		diagnose_facts(watch->log->shared, &facts);
	err = follow_judge(watch->follow, now, ended, facts.fact, facts.n);
	if (err)
		say("out of memory");
	else
		err = put_all(watch);
	facts_free(&facts);
	return err;
}

/** say_news() - what the user has to know of the log itself */
static void say_news(struct watch *watch)
{
	uint64_t lost = tail_lost(watch->tail);
	int trouble = tail_trouble(watch->tail);

	if (lost > watch->lost)
		say("%" PRIu64 " messages of the kernel were overwritten before they could be read",
		    lost - watch->lost);
	watch->lost = lost;
	if (trouble)
		say("the log %s was replaced by what cannot be read: %s; waiting for another one",
		    watch->log->file, error_reason(trouble));
	if (tail_waits(watch->tail) && !watch->waited)
		say("there is no log %s yet; waiting for it", watch->log->file);
	watch->waited = true;
}

/**
 * read_on() - all that there is of the log, and what it shows
 *
 * Return: 1: the log goes on; 0: it has ended, or a signal has come; or a negative errno
 */
static int read_on(struct watch *watch)
{
	static char piece[PIECE];
	struct tail_news news;
	struct error error;
	ssize_t n;

	while ((n = tail_read(watch->tail, piece, sizeof(piece), &news, &error)) > 0) {
		if (follow_due(watch->follow) <= news.ms && judge(watch, news.ms, false))
			return -EIO;
		if (news.begins)
			follow_part(watch->follow, news.ms);
		follow_feed(watch->follow, news.ms, piece, (size_t)n);
		/* A log that comes without a pause must not keep us from ending. */
		if (signals_read(&watch->signals))
			return 0;
	}
	if (n < 0 && n != -EAGAIN) {
		say("%s", error.text);
		return (int)n;
	}
	return n != 0;
}

/** wait_more() - until there is more of the log, something is due, or (0) a signal has come */
static int wait_more(const struct watch *watch)
{
	struct pollfd fds[2] = { { .fd = watch->signals.fd, .events = POLLIN },
				 { .fd = tail_fd(watch->tail), .events = POLLIN } };
	uint64_t due = follow_due(watch->follow);
	int ms = due == UINT64_MAX ? -1 : clock_left_ms(due * NS_PER_MS);

	if (poll(fds, 2, ms) < 0 && errno != EINTR)
		return -errno;
	return !signals_read(&watch->signals);
}

/** run() - until the log ends or a signal comes; 0 or a negative errno, after printing why */
static int run(struct watch *watch)
{
	int more;

	while ((more = read_on(watch)) > 0) {
		say_news(watch);
		if (follow_due(watch->follow) <= now_ms() && judge(watch, now_ms(), false))
			return -EIO;
		more = wait_more(watch);
		if (more < 0)
			say("cannot wait for the log: %s", error_reason(-more));
		if (more <= 0)
			break;
	}
	return more < 0 ? more : judge(watch, now_ms(), true);
}

static struct tail *open_tail(const struct diagnose_log *log)
{
	struct tail *tail;
	struct error error;

	if (log->kernel)
		tail = tail_kernel(&error);
	else if (log->file)
		tail = tail_file(log->file, &error);
	else
		tail = tail_stream(STDIN_FILENO, &error);
	if (!tail)
		say("%s", error.text);
	return tail;
}

int diagnose_follow(const struct diagnose_log *log, const struct rules *rules, bool *told)
{
	struct watch watch = { .log = log };
	int err = signals_open(&watch.signals, 0);

	if (err) {
		say("cannot wait for signals: %s", error_reason(-err));
		return err;
	}
	watch.tail = open_tail(log);
	watch.follow = watch.tail ? follow_open(rules, log->again_ms) : NULL;
	if (watch.tail && !watch.follow)
		say("out of memory");
	err = watch.follow ? run(&watch) : -EIO;
	*told = watch.told;
	follow_close(watch.follow);
	tail_close(watch.tail);
	signals_close(&watch.signals);
	return err;
}
