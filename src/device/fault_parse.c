/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the text of a scenario to rules. docs/faults.md describes the language.
 *
 *	# comment
 *	seed NUMBER
 *	WHEN: WHAT, WHAT ...
 *
 * A line is read word by word, from left to right, and nothing is read twice: so the word at which
 * reading stops is the mistake, and what could have been there is known there.
 */
#include "device/adapter.h"
#include "device/fault_word.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/gdma.h"
#include "wire/vport.h"
#include "wire/wq.h"

#define WORDS_MAX 48u /* that can be in one place */

const char *const fault_counters[FAULT_COUNTERS + 1] = {
	"tx_frames",    "tx_bytes",    "tx_errors",    "rx_frames", "rx_bytes",
	"rx_no_buffer", "rx_disabled", "rx_truncated", NULL,
};

/* ---- When ---- */

static int read_command(struct reader *reader, uint32_t *code)
{
	const struct fault_known *known = reader->known;
	char name[64], all[2048] = "any";
	size_t len = strlen(all);
	uint64_t value;

	*code = FAULT_ANY;
	if (word_peek(reader, "any"))
		return 0;
	word_next(reader);
	if (reader->len && word_digits(reader, &value) == reader->word + reader->len && value &&
	    value < FAULT_ANY) {
		*code = (uint32_t)value;
		return 0;
	}
	snprintf(name, sizeof(name), "%.*s", (int)reader->len, reader->word);
	*code = known->command(name);
	if (*code)
		return 0;
	for (unsigned int i = 0; known->command_name(i) && len < sizeof(all); i++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, ", %s",
					known->command_name(i));
	return word_unexpected(reader, all);
}

#define WHICH_WORDS                                                                                \
	"which of them (3, 3-7, from 3, every 3, 0.5%), or a colon and what is to happen"

/** read_percent() - the last word is one; in millionths of one per cent */
static bool read_percent(const struct reader *reader, uint64_t *millionths)
{
	char word[16];
	double value;
	char *end;

	if (!isdigit((unsigned char)*reader->word) || reader->len >= sizeof(word))
		return false;
	memcpy(word, reader->word, reader->len);
	word[reader->len] = '\0';
	if (strspn(word, "0123456789.") + 1 != reader->len)
		return false;
	value = strtod(word, &end);
	if (strcmp(end, "%") || value > 100)
		return false;
	*millionths = (uint64_t)(value * 1000000 + 0.5);
	return *millionths;
}

/** read_which() - which of the events: optional, before the colon */
static int read_which(struct reader *reader, struct fault_when *when)
{
	struct reader first;
	const char *end;
	char *dash;

	if (!word_more(reader))
		return 0;
	if (word_peek(reader, "from")) {
		when->which = FAULT_RANGE;
		when->last = UINT64_MAX;
		return word_number(reader, 1, UINT32_MAX, &when->first, "the first one");
	}
	if (word_peek(reader, "every")) {
		when->which = FAULT_NTH;
		return word_number(reader, 1, UINT32_MAX, &when->first, "how many");
	}
	word_next(reader);
	if (reader->word[reader->len - 1] == '%') {
		when->which = FAULT_PERCENT;
		return read_percent(reader, &when->first)
			       ? 0
			       : word_unexpected(reader, "a part in per cent, such as 0.5% or 20%");
	}
	when->which = FAULT_RANGE;
	first = *reader;
	dash = memchr(reader->word, '-', reader->len);
	end = word_digits(&first, &when->first);
	when->last = when->first;
	if (!end || !when->first)
		return word_unexpected(reader, WHICH_WORDS);
	if (!dash)
		return end == reader->word + reader->len ? 0 : word_unexpected(reader, WHICH_WORDS);
	first.word = dash + 1;
	first.len = reader->len - (size_t)(dash + 1 - reader->word);
	if (end != dash || !first.len ||
	    word_digits(&first, &when->last) != reader->word + reader->len ||
	    when->last < when->first)
		return word_unexpected(reader, WHICH_WORDS);
	return 0;
}

/** read_after() - "after WHAT": optional; @kind: what FAULT_AT and FAULT_EVERY count from */
static int read_after(struct reader *reader, struct fault_when *when)
{
	static const char *const words[] = {
		"attach", "detach", "channel", "reset", "signal", NULL
	};
	static const enum fault_event events[] = { FAULT_ON_ATTACH, FAULT_ON_DETACH,
						   FAULT_ON_CHANNEL, FAULT_ON_RESET,
						   FAULT_ON_SIGNAL };
	int place;

	when->after = FAULT_AT;
	if (!word_peek(reader, "after"))
		return 0;
	place = word_pick(reader, words);
	if (place < 0)
		return place;
	when->after = events[place];
	return when->after == FAULT_ON_SIGNAL ? word_name(reader, when->name) : 0;
}

static int read_counter(struct reader *reader, struct fault_when *when)
{
	static const char *const over[] = { "reaches", NULL };
	int place = word_port(reader, &when->queue.port);

	if (!place)
		place = word_pick(reader, fault_counters);
	if (place < 0)
		return place;
	when->number = (uint32_t)place;
	if (word_pick(reader, over) < 0)
		return -EINVAL;
	return word_number(reader, 1, UINT64_MAX / 2, &when->value, "its value");
}

/** read_on() - after "on" */
static int read_on(struct reader *reader, struct fault_when *when)
{
	static const char *const words[] = { "command", "interrupt", "sq",     "rq",
					     "signal",  "attach",    "detach", "channel",
					     "reset",   "counter",   NULL };
	static const enum fault_event events[] = {
		FAULT_ON_COMMAND, FAULT_ON_INTERRUPT, FAULT_ON_PACKET, FAULT_ON_PACKET,
		FAULT_ON_SIGNAL,  FAULT_ON_ATTACH,    FAULT_ON_DETACH, FAULT_ON_CHANNEL,
		FAULT_ON_RESET,   FAULT_ON_COUNTER,
	};
	static const char *const things[] = { "packet", "completion", NULL };
	int place = word_pick(reader, words), err = 0;

	if (place < 0)
		return place;
	when->event = events[place];
	switch (when->event) {
	case FAULT_ON_COMMAND:
		err = read_command(reader, &when->number);
		break;
	case FAULT_ON_INTERRUPT:
		err = word_any(reader, reader->known->vectors, &when->number,
			       "an interrupt vector, or 'any'");
		break;
	case FAULT_ON_PACKET:
		err = word_queue(reader, *words[place] == 's' ? GDMA_SQ : GDMA_RQ, &when->queue);
		if (err)
			break;
		err = word_pick(reader, things);
		if (err < 0)
			break;
		when->event = err ? FAULT_ON_COMPLETION : FAULT_ON_PACKET;
		err = 0;
		break;
	case FAULT_ON_SIGNAL:
		err = word_name(reader, when->name);
		break;
	case FAULT_ON_COUNTER:
		err = read_counter(reader, when);
		break;
	default:
		break;
	}
	return err ? err : read_which(reader, when);
}

/** read_when() - up to the colon */
static int read_when(struct reader *reader, struct fault_when *when)
{
	static const char *const words[] = { "on", "at", "every", "seed", NULL };
	int place = word_find(reader, words), err;

	switch (place) {
	case 0:
		err = read_on(reader, when);
		break;
	case 1:
	case 2:
		when->event = place == 1 ? FAULT_AT : FAULT_EVERY;
		err = word_time(reader, &when->time);
		if (!err)
			err = read_after(reader, when);
		break;
	default:
		return word_unexpected(reader, "on, at, every, seed, or a comment after #");
	}
	if (err)
		return err;
	if (word_peek(reader, ":"))
		return 0;
	word_next(reader);
	if (when->event == FAULT_AT || when->event == FAULT_EVERY)
		return word_unexpected(reader, when->after == FAULT_AT
						       ? "after, or a colon and what is to happen"
						       : "a colon and what is to happen");
	return word_unexpected(reader, when->which == FAULT_EACH ? WHICH_WORDS
								 : "a colon and what is to happen");
}

/* ---- What ---- */

static int read_silence(struct reader *reader, struct fault *what)
{
	static const char *const words[] = { "silent", "speaks", NULL };
	int place = word_pick(reader, words);

	if (place < 0)
		return place;
	what->kind = place ? FAULT_CHANNEL_SPEAKS : FAULT_CHANNEL_SILENT;
	what->time = FAULT_FOREVER;
	if (place)
		return 0;
	what->number = word_peek(reader, "forever");
	return what->number ? 0 : word_maybe_time(reader, &what->time);
}

/** read_queue_fault() - what a queue is to do */
static int read_queue_fault(struct reader *reader, uint32_t type, struct fault *what)
{
	static const char *const words[] = { "stall", "go", "latency", "rate", NULL };
	static const enum fault_kind kinds[] = { FAULT_QUEUE_STALL, FAULT_QUEUE_GOES,
						 FAULT_QUEUE_SLOW, FAULT_QUEUE_RATE };
	int place = word_queue(reader, type, &what->queue);

	if (!place)
		place = word_pick(reader, words);
	if (place < 0)
		return place;
	what->kind = kinds[place];
	what->time = FAULT_FOREVER;
	what->data = (uint32_t)reader->seed;
	switch (what->kind) {
	case FAULT_QUEUE_STALL:
		return word_maybe_time(reader, &what->time);
	case FAULT_QUEUE_SLOW:
		if (word_time(reader, &what->time))
			return -EINVAL;
		return word_peek(reader, "jitter") ? word_time(reader, &what->number) : 0;
	case FAULT_QUEUE_RATE:
		return word_number(reader, 1, 10000000, &what->number, "packets a second");
	default:
		return 0;
	}
}

/** read_event() - an event of the hardware channel */
static int read_event(struct reader *reader, struct fault *what)
{
	uint64_t data = 0;
	int err = word_number(reader, 1, 255, &what->number, "its type");

	if (!err && word_more(reader))
		err = word_number(reader, 0, UINT32_MAX, &data, "its data");
	what->data = (uint32_t)data;
	return err;
}

static int read_link(struct reader *reader, struct fault *what)
{
	static const char *const words[] = { "down", "up", "flap", "speed", NULL };
	static const enum fault_kind kinds[] = { FAULT_LINK_DOWN, FAULT_LINK_UP, FAULT_LINK_FLAP,
						 FAULT_LINK_SPEED };
	int place = word_port(reader, &what->queue.port);

	if (!place)
		place = word_pick(reader, words);
	if (place < 0)
		return place;
	what->kind = kinds[place];
	what->time = FAULT_FOREVER;
	if (what->kind == FAULT_LINK_DOWN)
		return word_maybe_time(reader, &what->time);
	if (what->kind == FAULT_LINK_UP)
		return 0;
	if (what->kind == FAULT_LINK_SPEED)
		return word_number(reader, 1, 400000, &what->number, "Mbit/s");
	if (word_number(reader, 1, 1000, &what->number, "how often"))
		return -EINVAL;
	return word_time(reader, &what->time);
}

/** read_limit() - what a port offers */
static int read_limit(struct reader *reader, struct fault *what)
{
	static const char *const words[] = { "mtu", "queues", NULL };
	int place = word_port(reader, &what->queue.port);

	if (!place)
		place = word_pick(reader, words);
	if (place < 0)
		return place;
	what->kind = place ? FAULT_QUEUES : FAULT_MTU;
	return place ? word_number(reader, 1, ADAPTER_QUEUES_MAX, &what->number, "queue pairs")
		     : word_number(reader, ADAPTER_MTU_MIN, ADAPTER_MTU_MAX, &what->number,
				   "bytes");
}

static int read_vf(struct reader *reader, struct fault *what)
{
	static const char *const words[] = { "revoke", "return", NULL };
	int place = word_pick(reader, words);

	if (place < 0)
		return place;
	what->kind = place ? FAULT_VF_RETURN : FAULT_VF_REVOKE;
	what->time = FAULT_FOREVER;
	return place ? 0 : word_maybe_time(reader, &what->time);
}

/** read_one_of() - a word that has to follow */
static int read_one_of(struct reader *reader, const char *word)
{
	const char *const words[] = { word, NULL };

	return word_pick(reader, words);
}

/* Words with which a fault of its own begins */
static const char *const acts[] = { "channel", "sq",   "rq",       "interrupt", "event",
				    "reset",   "fpga", "soc",      "timeout",   "link",
				    "vf",      "card", "device",   "client",    "eq",
				    "signal",  "port", "counters", NULL };
enum {
	ACT_CHANNEL,
	ACT_SQ,
	ACT_RQ,
	ACT_INTERRUPT,
	ACT_EVENT,
	ACT_RESET,
	ACT_FPGA,
	ACT_SOC,
	ACT_TIMEOUT,
	ACT_LINK,
	ACT_VF,
	ACT_CARD,
	ACT_DEVICE,
	ACT_CLIENT,
	ACT_EQ,
	ACT_SIGNAL,
	ACT_PORT,
	ACT_COUNTERS,
};

/** read_request() - what the adapter tells the driver over the hardware channel */
static int read_request(struct reader *reader, int act, struct fault *what)
{
	static const char *const soc[] = { "suspend", "resume", NULL };
	uint64_t data = 0;
	int err = 0;

	what->kind = FAULT_EVENT;
	switch (act) {
	case ACT_RESET:
		what->number = GDMA_EQE_HWC_RESET_REQUEST;
		if (word_more(reader))
			err = word_number(reader, 0, UINT32_MAX, &data, "its data");
		what->data = (uint32_t)data;
		return err;
	case ACT_FPGA:
		what->number = GDMA_EQE_HWC_FPGA_RECONFIG;
		return read_one_of(reader, "reconfigure");
	case ACT_SOC:
		err = word_pick(reader, soc);
		if (err < 0)
			return err;
		what->number = GDMA_EQE_HWC_SOC_SERVICE;
		what->data = (union hwc_soc_service){ .type = err ? HWC_SOC_RDMA_RESUME
								  : HWC_SOC_RDMA_SUSPEND }
				     .word;
		return 0;
	default:
		return read_event(reader, what);
	}
}

/** read_act() - a fault of its own, whose first word has been read */
static int read_act(struct reader *reader, int act, struct fault *what)
{
	int err;

	switch (act) {
	case ACT_CHANNEL:
		return read_silence(reader, what);
	case ACT_SQ:
	case ACT_RQ:
		return read_queue_fault(reader, act == ACT_SQ ? GDMA_SQ : GDMA_RQ, what);
	case ACT_INTERRUPT:
		what->kind = FAULT_RAISE;
		return word_number(reader, 0, reader->known->vectors - 1, &what->number,
				   "its vector");
	case ACT_TIMEOUT:
		what->kind = FAULT_TIMEOUT;
		return word_number(reader, 1, 0xffffff, &what->number, "milliseconds");
	case ACT_LINK:
		return read_link(reader, what);
	case ACT_VF:
		return read_vf(reader, what);
	case ACT_CARD:
		what->kind = FAULT_CARD_PULL;
		err = word_port(reader, &what->queue.port);
		return err ? err : read_one_of(reader, "pull");
	case ACT_DEVICE:
		what->kind = FAULT_FATAL;
		what->time = FAULT_FOREVER;
		err = read_one_of(reader, "fatal");
		return err ? err : word_maybe_time(reader, &what->time);
	case ACT_CLIENT:
		what->kind = FAULT_DISCONNECT;
		return read_one_of(reader, "drop");
	case ACT_EQ:
		what->kind = FAULT_OVERFLOW;
		err = word_number(reader, 0, reader->known->vectors - 1, &what->number,
				  "the event queue's vector");
		return err ? err : read_one_of(reader, "overflow");
	case ACT_SIGNAL:
		what->kind = FAULT_SIGNAL;
		return word_name(reader, what->name);
	case ACT_PORT:
		return read_limit(reader, what);
	case ACT_COUNTERS:
		what->kind = FAULT_JUMP;
		err = read_one_of(reader, "jump");
		return err ? err : word_number(reader, 1, UINT64_MAX / 2, &what->number, "how far");
	default:
		return read_request(reader, act, what);
	}
}

/* What can happen to the thing that a rule waits for */
static const char *const about_command[] = { "status", "late",  "never", "ignored",
					     "twice",  "short", "long",  NULL };
static const char *const about_interrupt[] = { "lost", "late", "twice", NULL };
static const char *const about_sq_packet[] = { "error", "dma-fail", "stall", NULL };
static const char *const about_rq_packet[] = { "dma-fail", "stall", NULL };
static const char *const about_completion[] = { "error", "late", "lost", NULL };
static const char *const about_nothing[] = { NULL };

static const char *const *words_about(const struct fault_when *when)
{
	switch (when->event) {
	case FAULT_ON_COMMAND:
		return about_command;
	case FAULT_ON_INTERRUPT:
		return about_interrupt;
	case FAULT_ON_PACKET:
		return when->queue.type == GDMA_SQ ? about_sq_packet : about_rq_packet;
	case FAULT_ON_COMPLETION:
		return about_completion;
	default:
		return about_nothing;
	}
}

/** read_error() - the type of a completion, as a number or a name */
static int read_error(struct reader *reader, const struct fault_when *when, struct fault *what)
{
	static const char *const sent[] = {
		"source-address", "mtu",         "oob",         "ethertype",
		"headers",        "vf-disabled", "vport-index", "vport-disabled",
		"vlan",           "gdma",        NULL
	};
	const bool is_sq = when->queue.type == GDMA_SQ;
	char known[512] = "truncated, or a number from 1 to 63";
	size_t len;
	int place;

	word_next(reader);
	if (word_digits(reader, &what->number) == reader->word + reader->len && what->number >= 1 &&
	    what->number <= MANA_CQE_TYPE_MASK)
		return 0;
	place = word_find(reader, sent);
	what->number = MANA_CQE_TX_SA_DROP + (uint64_t)place;
	if (is_sq && place >= 0)
		return 0;
	what->number = MANA_CQE_RX_TRUNCATED;
	if (!is_sq && reader->len == 9 && !memcmp(reader->word, "truncated", 9))
		return 0;
	if (is_sq) {
		word_list(sent, known, sizeof(known));
		len = strlen(known);
		snprintf(known + len, sizeof(known) - len, ", or a number from 1 to 63");
	}
	return word_unexpected(reader, known);
}

/** read_about() - something happens to what the rule waits for */
static int read_about(struct reader *reader, const struct fault_when *when, const char *word,
		      struct fault *what)
{
	static const struct {
		const char *word;
		enum fault_kind kind;
	} kinds[] = { { "status", FAULT_STATUS }, { "late", FAULT_LATE },
		      { "never", FAULT_LOST },    { "ignored", FAULT_IGNORED },
		      { "twice", FAULT_TWICE },   { "short", FAULT_SHORT },
		      { "long", FAULT_LONG },     { "lost", FAULT_LOST },
		      { "error", FAULT_ERROR },   { "dma-fail", FAULT_DMA },
		      { "stall", FAULT_STALL } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].word, word))
			what->kind = kinds[i].kind;
	switch (what->kind) {
	case FAULT_STATUS:
		return word_number(reader, 1, UINT32_MAX, &what->number, "the status");
	case FAULT_LATE:
		return word_time(reader, &what->time);
	case FAULT_SHORT:
	case FAULT_LONG:
		what->number = 8;
		return word_more(reader) ? word_number(reader, 1, 4096, &what->number, "bytes") : 0;
	case FAULT_ERROR:
		return read_error(reader, when, what);
	case FAULT_STALL:
		what->time = FAULT_FOREVER;
		return word_maybe_time(reader, &what->time);
	default:
		return 0;
	}
}

/** read_what() - one fault */
static int read_what(struct reader *reader, const struct fault_when *when, struct fault *what)
{
	const char *const *about = words_about(when);
	const char *words[WORDS_MAX] = { NULL };
	unsigned int own = 0, n = 0;
	int place;

	for (; about[own]; own++)
		words[n++] = about[own];
	for (unsigned int i = 0; acts[i]; i++)
		words[n++] = acts[i];
	place = word_pick(reader, words);
	if (place < 0)
		return place;
	if ((unsigned int)place < own)
		return read_about(reader, when, about[place], what);
	return read_act(reader, place - (int)own, what);
}

/** excluded() - can these two not both happen? */
static bool excluded(const struct fault *a, const struct fault *b)
{
	return a->kind == b->kind && a->kind <= FAULT_STALL;
}

/** read_whats() - the faults of a rule, up to the end of the line */
static int read_whats(struct reader *reader, struct fault_rule *rule)
{
	int err;

	do {
		if (rule->whats == FAULT_WHATS_MAX)
			return word_fail(reader,
					 "more than %u faults in a rule; write another rule",
					 FAULT_WHATS_MAX);
		err = read_what(reader, &rule->when, &rule->what[rule->whats]);
		if (err < 0)
			return -EINVAL;
		for (unsigned int i = 0; i < rule->whats; i++)
			if (excluded(&rule->what[i], &rule->what[rule->whats]))
				return word_fail(reader, "the same fault twice in a rule");
		rule->whats++;
	} while (word_peek(reader, ","));
	return word_next(reader)
		       ? word_unexpected(reader, "a comma and another fault, or the end of the "
						 "line")
		       : 0;
}

/** read_seed() - a line of its own */
static int read_seed(struct reader *reader)
{
	int err = word_number(reader, 0, UINT32_MAX, &reader->seed, "the seed");

	if (err)
		return err;
	return word_next(reader) ? word_unexpected(reader, "the end of the line") : 0;
}

/** keep_text() - the rule as it was written, without a comment */
static int keep_text(struct reader *reader, const char *first, struct fault_rule *rule)
{
	size_t len;

	/* Reading ended at the comment, or at the end. */
	len = (size_t)(reader->word - first);
	while (len && isblank((unsigned char)first[len - 1]))
		len--;
	if (len >= sizeof(rule->text)) {
		reader->word = first + sizeof(rule->text) - 1;
		return word_fail(reader, "the rule is longer than %u characters",
				 FAULT_TEXT_MAX - 1);
	}
	memcpy(rule->text, first, len);
	rule->text[len] = '\0';
	rule->line = reader->number;
	return 0;
}

/** read_line() - a rule, a seed, a comment, or nothing */
static int read_line(struct reader *reader, struct fault_rule *rules, unsigned int *n)
{
	struct fault_rule *rule = &rules[*n];
	const char *first;
	int err;

	for (const char *at = reader->line; at < reader->end; at++)
		if ((unsigned char)*at < ' ' && *at != '\t') {
			reader->word = at;
			return word_fail(reader, "a character that is not text");
		}
	if (!word_next(reader))
		return 0;
	first = reader->word;
	if (reader->len == 4 && !memcmp(first, "seed", 4))
		return read_seed(reader);
	if (*n == FAULT_RULES_MAX)
		return word_fail(reader, "more than %u rules", FAULT_RULES_MAX);
	memset(rule, 0, sizeof(*rule));
	err = read_when(reader, &rule->when);
	if (!err)
		err = read_whats(reader, rule);
	if (!err)
		err = keep_text(reader, first, rule);
	if (err)
		return err;
	/* Each rule has its own numbers, whatever the others do. */
	rule->random = reader->seed * UINT64_C(0x100000001b3) + *n + 1;
	(*n)++;
	return 0;
}

int fault_parse(const char *text, const char *source, const struct fault_known *known,
		struct fault_rule *rules, unsigned int *n, struct error *error)
{
	struct reader reader = { .source = source, .known = known, .error = error, .line = text };

	*n = 0;
	while (*reader.line) {
		size_t len = strcspn(reader.line, "\n");
		int err;

		reader.number++;
		reader.end = reader.line + len;
		if (len && reader.end[-1] == '\r')
			reader.end--;
		reader.at = reader.line;
		err = read_line(&reader, rules, n);
		if (err)
			return err;
		reader.line += len;
		reader.line += *reader.line == '\n';
	}
	return 0;
}
