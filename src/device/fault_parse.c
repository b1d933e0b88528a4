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
#include "device/fault.h"

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
#define NS_PER_US 1000u
#define NS_PER_MS 1000000u
#define NS_PER_S  1000000000ull

const char *const fault_counters[FAULT_COUNTERS + 1] = {
	"tx_frames",    "tx_bytes",    "tx_errors",    "rx_frames", "rx_bytes",
	"rx_no_buffer", "rx_disabled", "rx_truncated", NULL,
};

/**
 * struct reader - where reading has got to
 * @line, @end:	of the line
 * @at:		the next character
 * @word, @len:	the last word; @len 0: the line ended
 */
struct reader {
	const char *source;
	const struct fault_known *known;
	struct error *error;
	unsigned int number;
	const char *line, *end, *at;
	const char *word;
	size_t len;
	uint64_t seed;
};

/** next() - read the next word; colons and commas are words of their own */
static bool next(struct reader *reader)
{
	const char *at = reader->at;

	while (at < reader->end && isblank((unsigned char)*at))
		at++;
	reader->word = at;
	if (at < reader->end && *at == '#')
		at = reader->end;
	else if (at < reader->end && strchr(":,", *at))
		reader->len = (size_t)(++at - reader->word);
	else
		while (at < reader->end && !isblank((unsigned char)*at) && !strchr(":,#", *at))
			at++;
	reader->len = *reader->word == '#' ? 0 : (size_t)(at - reader->word);
	reader->at = at;
	return reader->len;
}

/** peek() - is the next word this one? Then it is read */
static bool peek(struct reader *reader, const char *word)
{
	struct reader before = *reader;

	if (next(reader) && reader->len == strlen(word) && !memcmp(reader->word, word, reader->len))
		return true;
	*reader = before;
	return false;
}

/** more() - is there another word before a colon, a comma or the end? It is not read */
static bool more(const struct reader *reader)
{
	struct reader ahead = *reader;

	return next(&ahead) && *ahead.word != ':' && *ahead.word != ',';
}

/** fail() - a mistake at the last word; -EINVAL */
__attribute__((format(printf, 2, 3))) static int fail(struct reader *reader, const char *format,
						      ...)
{
	va_list ap;
	char text[ERROR_TEXT - 512];

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	error_say(reader->error, "%s:%u:%u: %s", reader->source, reader->number,
		  (unsigned int)(reader->word - reader->line) + 1, text);
	return -EINVAL;
}

/** unexpected() - the last word is none of what is known here */
static int unexpected(struct reader *reader, const char *known)
{
	if (!reader->len)
		return fail(reader, "the line ends too early; here: %s", known);
	return fail(reader, "'%.*s' is not known here; here: %s", (int)reader->len, reader->word,
		    known);
}

static void list_words(const char *const *words, char *text, size_t size)
{
	size_t len = 0;

	*text = '\0';
	for (; *words && len < size; words++)
		len += (size_t)snprintf(text + len, size - len, "%s%s", len ? ", " : "", *words);
}

/** find() - place of the last word in a list; negative: it is not there */
static int find(const struct reader *reader, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (strlen(words[i]) == reader->len && !memcmp(words[i], reader->word, reader->len))
			return i;
	return -ENOENT;
}

/** pick() - read one of these words; its place, or -EINVAL */
static int pick(struct reader *reader, const char *const *words)
{
	char known[1024];
	int place;

	next(reader);
	place = find(reader, words);
	if (place >= 0)
		return place;
	list_words(words, known, sizeof(known));
	return unexpected(reader, known);
}

/* ---- Values ---- */

/** digits() - the number that the word starts with; where it ends, or NULL */
static const char *digits(const struct reader *reader, uint64_t *value)
{
	char word[24];
	char *end;

	if (!isdigit((unsigned char)*reader->word) || reader->len >= sizeof(word))
		return NULL;
	memcpy(word, reader->word, reader->len);
	word[reader->len] = '\0';
	errno = 0;
	*value = strtoull(word, &end, strncmp(word, "0x", 2) ? 10 : 16);
	return errno ? NULL : reader->word + (end - word);
}

/** read_number() - @what: for messages */
static int read_number(struct reader *reader, uint64_t first, uint64_t last, uint64_t *value,
		       const char *what)
{
	char known[128];
	const char *end = NULL;

	if (next(reader))
		end = digits(reader, value);
	if (end && end == reader->word + reader->len && *value >= first && *value <= last)
		return 0;
	snprintf(known, sizeof(known), "%s, a number from %llu to %llu", what,
		 (unsigned long long)first, (unsigned long long)last);
	return unexpected(reader, known);
}

/** is_time() - is the last word a time? */
static bool is_time(const struct reader *reader, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "us", NS_PER_US },    { "ms", NS_PER_MS },      { "s", NS_PER_S },
		      { "m", 60 * NS_PER_S }, { "h", 3600 * NS_PER_S }, { "", NS_PER_S } };
	uint64_t value;
	const char *unit = digits(reader, &value);
	size_t len;

	if (!unit)
		return false;
	len = (size_t)(reader->word + reader->len - unit);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == len && !memcmp(unit, units[i].name, len)) {
			*ns = value * units[i].ns;
			return value && value <= FAULT_TIME_MAX / units[i].ns;
		}
	return false;
}

#define TIME_WORDS "a time up to a day, such as 2s, 500ms or 20us"

static int read_time(struct reader *reader, uint64_t *ns)
{
	if (next(reader) && is_time(reader, ns))
		return 0;
	return unexpected(reader, TIME_WORDS);
}

/** maybe_time() - a time, if one follows; else @ns is left alone */
static int maybe_time(struct reader *reader, uint64_t *ns)
{
	return more(reader) ? read_time(reader, ns) : 0;
}

/** read_any() - a number below @end, or "any" */
static int read_any(struct reader *reader, uint32_t end, uint32_t *number, const char *what)
{
	uint64_t value;

	if (peek(reader, "any")) {
		*number = FAULT_ANY;
		return 0;
	}
	if (read_number(reader, 0, end - 1, &value, what))
		return -EINVAL;
	*number = (uint32_t)value;
	return 0;
}

static int read_port(struct reader *reader, uint32_t *port)
{
	return read_any(reader, reader->known->ports, port, "a port, or 'any'");
}

/** part() - a number or "any" in @at up to @end; false: neither */
static bool part(const char *at, const char *end, uint32_t *number)
{
	struct reader word = { .word = at, .len = (size_t)(end - at) };
	uint64_t value;

	*number = FAULT_ANY;
	if (word.len == 3 && !memcmp(at, "any", 3))
		return true;
	if (!word.len || digits(&word, &value) != end || value > UINT16_MAX)
		return false;
	*number = (uint32_t)value;
	return true;
}

#define QUEUE_WORDS                                                                                \
	"a port and a queue of it, such as 0.1, where each can be 'any'; or 'any' for all"

/** read_queue() - PORT.QUEUE */
static int read_queue(struct reader *reader, uint32_t type, struct fault_queue *queue)
{
	const struct fault_known *known = reader->known;
	const char *dot, *end;

	*queue = (struct fault_queue){ .type = type, .port = FAULT_ANY, .index = FAULT_ANY };
	if (peek(reader, "any"))
		return 0;
	next(reader);
	end = reader->word + reader->len;
	dot = memchr(reader->word, '.', reader->len);
	if (!dot || !part(reader->word, dot, &queue->port) || !part(dot + 1, end, &queue->index))
		return unexpected(reader, QUEUE_WORDS);
	if (queue->port != FAULT_ANY && queue->port >= known->ports)
		return fail(reader, "there can be no port %u: the adapter has %u, numbered from 0",
			    queue->port, known->ports);
	for (unsigned int i = 0; queue->index != FAULT_ANY && i < known->ports; i++)
		if ((queue->port == i || queue->port == FAULT_ANY) &&
		    queue->index < known->queues[i])
			return 0;
	if (queue->index == FAULT_ANY)
		return 0;
	return fail(reader, "there can be no queue %u: port %u has at most %u, numbered from 0",
		    queue->index, queue->port == FAULT_ANY ? 0 : queue->port,
		    known->queues[queue->port == FAULT_ANY ? 0 : queue->port]);
}

/** read_name() - of a signal */
static int read_name(struct reader *reader, char name[FAULT_NAME_MAX])
{
	size_t i = 0;

	next(reader);
	while (i < reader->len &&
	       (isalnum((unsigned char)reader->word[i]) || strchr("-_", reader->word[i])))
		i++;
	if (!i || i < reader->len || i >= FAULT_NAME_MAX)
		return unexpected(reader,
				  "a name of up to 31 letters, digits, '-' and '_', which manakin "
				  "control fault signal sends");
	memcpy(name, reader->word, i);
	name[i] = '\0';
	return 0;
}

/* ---- When ---- */

static int read_command(struct reader *reader, uint32_t *code)
{
	const struct fault_known *known = reader->known;
	char name[64], all[2048] = "any";
	size_t len = strlen(all);
	uint64_t value;

	*code = FAULT_ANY;
	if (peek(reader, "any"))
		return 0;
	next(reader);
	if (reader->len && digits(reader, &value) == reader->word + reader->len && value &&
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
	return unexpected(reader, all);
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

	if (!more(reader))
		return 0;
	if (peek(reader, "from")) {
		when->which = FAULT_RANGE;
		when->last = UINT64_MAX;
		return read_number(reader, 1, UINT32_MAX, &when->first, "the first one");
	}
	if (peek(reader, "every")) {
		when->which = FAULT_NTH;
		return read_number(reader, 1, UINT32_MAX, &when->first, "how many");
	}
	next(reader);
	if (reader->word[reader->len - 1] == '%') {
		when->which = FAULT_PERCENT;
		return read_percent(reader, &when->first)
			       ? 0
			       : unexpected(reader, "a part in per cent, such as 0.5% or 20%");
	}
	when->which = FAULT_RANGE;
	first = *reader;
	dash = memchr(reader->word, '-', reader->len);
	end = digits(&first, &when->first);
	when->last = when->first;
	if (!end || !when->first)
		return unexpected(reader, WHICH_WORDS);
	if (!dash)
		return end == reader->word + reader->len ? 0 : unexpected(reader, WHICH_WORDS);
	first.word = dash + 1;
	first.len = reader->len - (size_t)(dash + 1 - reader->word);
	if (end != dash || !first.len ||
	    digits(&first, &when->last) != reader->word + reader->len || when->last < when->first)
		return unexpected(reader, WHICH_WORDS);
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
	if (!peek(reader, "after"))
		return 0;
	place = pick(reader, words);
	if (place < 0)
		return place;
	when->after = events[place];
	return when->after == FAULT_ON_SIGNAL ? read_name(reader, when->name) : 0;
}

static int read_counter(struct reader *reader, struct fault_when *when)
{
	static const char *const over[] = { "reaches", NULL };
	int place = read_port(reader, &when->queue.port);

	if (!place)
		place = pick(reader, fault_counters);
	if (place < 0)
		return place;
	when->number = (uint32_t)place;
	if (pick(reader, over) < 0)
		return -EINVAL;
	return read_number(reader, 1, UINT64_MAX / 2, &when->value, "its value");
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
	int place = pick(reader, words), err = 0;

	if (place < 0)
		return place;
	when->event = events[place];
	switch (when->event) {
	case FAULT_ON_COMMAND:
		err = read_command(reader, &when->number);
		break;
	case FAULT_ON_INTERRUPT:
		err = read_any(reader, reader->known->vectors, &when->number,
			       "an interrupt vector, or 'any'");
		break;
	case FAULT_ON_PACKET:
		err = read_queue(reader, *words[place] == 's' ? GDMA_SQ : GDMA_RQ, &when->queue);
		if (err)
			break;
		err = pick(reader, things);
		if (err < 0)
			break;
		when->event = err ? FAULT_ON_COMPLETION : FAULT_ON_PACKET;
		err = 0;
		break;
	case FAULT_ON_SIGNAL:
		err = read_name(reader, when->name);
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
	int place = find(reader, words), err;

	switch (place) {
	case 0:
		err = read_on(reader, when);
		break;
	case 1:
	case 2:
		when->event = place == 1 ? FAULT_AT : FAULT_EVERY;
		err = read_time(reader, &when->time);
		if (!err)
			err = read_after(reader, when);
		break;
	default:
		return unexpected(reader, "on, at, every, seed, or a comment after #");
	}
	if (err)
		return err;
	if (peek(reader, ":"))
		return 0;
	next(reader);
	if (when->event == FAULT_AT || when->event == FAULT_EVERY)
		return unexpected(reader, when->after == FAULT_AT
						  ? "after, or a colon and what is to happen"
						  : "a colon and what is to happen");
	return unexpected(reader, when->which == FAULT_EACH ? WHICH_WORDS
							    : "a colon and what is to happen");
}

/* ---- What ---- */

static int read_silence(struct reader *reader, struct fault *what)
{
	static const char *const words[] = { "silent", "speaks", NULL };
	int place = pick(reader, words);

	if (place < 0)
		return place;
	what->kind = place ? FAULT_CHANNEL_SPEAKS : FAULT_CHANNEL_SILENT;
	what->time = FAULT_FOREVER;
	if (place)
		return 0;
	what->number = peek(reader, "forever");
	return what->number ? 0 : maybe_time(reader, &what->time);
}

/** read_queue_fault() - what a queue is to do */
static int read_queue_fault(struct reader *reader, uint32_t type, struct fault *what)
{
	static const char *const words[] = { "stall", "go", NULL };
	int place = read_queue(reader, type, &what->queue);

	if (!place)
		place = pick(reader, words);
	if (place < 0)
		return place;
	what->kind = place ? FAULT_QUEUE_GOES : FAULT_QUEUE_STALL;
	what->time = FAULT_FOREVER;
	return place ? 0 : maybe_time(reader, &what->time);
}

/** read_event() - an event of the hardware channel */
static int read_event(struct reader *reader, struct fault *what)
{
	uint64_t data = 0;
	int err = read_number(reader, 1, 255, &what->number, "its type");

	if (!err && more(reader))
		err = read_number(reader, 0, UINT32_MAX, &data, "its data");
	what->data = (uint32_t)data;
	return err;
}

static int read_link(struct reader *reader, struct fault *what)
{
	static const char *const words[] = { "down", "up", "flap", NULL };
	static const enum fault_kind kinds[] = { FAULT_LINK_DOWN, FAULT_LINK_UP, FAULT_LINK_FLAP };
	int place = read_port(reader, &what->queue.port);

	if (!place)
		place = pick(reader, words);
	if (place < 0)
		return place;
	what->kind = kinds[place];
	what->time = FAULT_FOREVER;
	if (what->kind == FAULT_LINK_DOWN)
		return maybe_time(reader, &what->time);
	if (what->kind == FAULT_LINK_UP)
		return 0;
	if (read_number(reader, 1, 1000, &what->number, "how often"))
		return -EINVAL;
	return read_time(reader, &what->time);
}

static int read_vf(struct reader *reader, struct fault *what)
{
	static const char *const words[] = { "revoke", "return", NULL };
	int place = pick(reader, words);

	if (place < 0)
		return place;
	what->kind = place ? FAULT_VF_RETURN : FAULT_VF_REVOKE;
	what->time = FAULT_FOREVER;
	return place ? 0 : maybe_time(reader, &what->time);
}

/** read_one_of() - a word that has to follow */
static int read_one_of(struct reader *reader, const char *word)
{
	const char *const words[] = { word, NULL };

	return pick(reader, words);
}

/* Words with which a fault of its own begins */
static const char *const acts[] = { "channel", "sq",     "rq",      "interrupt", "event", "reset",
				    "fpga",    "soc",    "timeout", "link",      "vf",    "card",
				    "device",  "client", "eq",      "signal",    NULL };
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
		if (more(reader))
			err = read_number(reader, 0, UINT32_MAX, &data, "its data");
		what->data = (uint32_t)data;
		return err;
	case ACT_FPGA:
		what->number = GDMA_EQE_HWC_FPGA_RECONFIG;
		return read_one_of(reader, "reconfigure");
	case ACT_SOC:
		err = pick(reader, soc);
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
		return read_number(reader, 0, reader->known->vectors - 1, &what->number,
				   "its vector");
	case ACT_TIMEOUT:
		what->kind = FAULT_TIMEOUT;
		return read_number(reader, 1, 0xffffff, &what->number, "milliseconds");
	case ACT_LINK:
		return read_link(reader, what);
	case ACT_VF:
		return read_vf(reader, what);
	case ACT_CARD:
		what->kind = FAULT_CARD_PULL;
		err = read_port(reader, &what->queue.port);
		return err ? err : read_one_of(reader, "pull");
	case ACT_DEVICE:
		what->kind = FAULT_FATAL;
		what->time = FAULT_FOREVER;
		err = read_one_of(reader, "fatal");
		return err ? err : maybe_time(reader, &what->time);
	case ACT_CLIENT:
		what->kind = FAULT_DISCONNECT;
		return read_one_of(reader, "drop");
	case ACT_EQ:
		what->kind = FAULT_OVERFLOW;
		err = read_number(reader, 0, reader->known->vectors - 1, &what->number,
				  "the event queue's vector");
		return err ? err : read_one_of(reader, "overflow");
	case ACT_SIGNAL:
		what->kind = FAULT_SIGNAL;
		return read_name(reader, what->name);
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

	next(reader);
	if (digits(reader, &what->number) == reader->word + reader->len && what->number >= 1 &&
	    what->number <= MANA_CQE_TYPE_MASK)
		return 0;
	place = find(reader, sent);
	what->number = MANA_CQE_TX_SA_DROP + (uint64_t)place;
	if (is_sq && place >= 0)
		return 0;
	what->number = MANA_CQE_RX_TRUNCATED;
	if (!is_sq && reader->len == 9 && !memcmp(reader->word, "truncated", 9))
		return 0;
	if (is_sq) {
		list_words(sent, known, sizeof(known));
		len = strlen(known);
		snprintf(known + len, sizeof(known) - len, ", or a number from 1 to 63");
	}
	return unexpected(reader, known);
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
		return read_number(reader, 1, UINT32_MAX, &what->number, "the status");
	case FAULT_LATE:
		return read_time(reader, &what->time);
	case FAULT_SHORT:
	case FAULT_LONG:
		what->number = 8;
		return more(reader) ? read_number(reader, 1, 4096, &what->number, "bytes") : 0;
	case FAULT_ERROR:
		return read_error(reader, when, what);
	case FAULT_STALL:
		what->time = FAULT_FOREVER;
		return maybe_time(reader, &what->time);
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
	place = pick(reader, words);
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
			return fail(reader, "more than %u faults in a rule; write another rule",
				    FAULT_WHATS_MAX);
		err = read_what(reader, &rule->when, &rule->what[rule->whats]);
		if (err < 0)
			return -EINVAL;
		for (unsigned int i = 0; i < rule->whats; i++)
			if (excluded(&rule->what[i], &rule->what[rule->whats]))
				return fail(reader, "the same fault twice in a rule");
		rule->whats++;
	} while (peek(reader, ","));
	return next(reader) ? unexpected(reader, "a comma and another fault, or the end of the "
						 "line")
			    : 0;
}

/** read_seed() - a line of its own */
static int read_seed(struct reader *reader)
{
	int err = read_number(reader, 0, UINT32_MAX, &reader->seed, "the seed");

	if (err)
		return err;
	return next(reader) ? unexpected(reader, "the end of the line") : 0;
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
		return fail(reader, "the rule is longer than %u characters", FAULT_TEXT_MAX - 1);
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
			return fail(reader, "a character that is not text");
		}
	if (!next(reader))
		return 0;
	first = reader->word;
	if (reader->len == 4 && !memcmp(first, "seed", 4))
		return read_seed(reader);
	if (*n == FAULT_RULES_MAX)
		return fail(reader, "more than %u rules", FAULT_RULES_MAX);
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
