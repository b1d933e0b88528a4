/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/impair.c - loss, duplication, reordering and delay of what a vPort sends.
 *
 * Theory of operation
 *
 * The options are the same for all fabrics. A port that has any of them calls its fabric through
 * functions of its own, which impair_plug() puts in place of the fabric's; the others do not know
 * that this file exists. Large sends are not accepted: the adapter cuts them first, so that each
 * packet on the wire has its own fate.
 *
 *	vPort -> drawn: lost? -> drawn: twice? -> delay -> drawn: held back? -> fabric
 *
 * What happens to the n-th frame of a lane depends on the seed, the lane and n only: the draws are
 * SplitMix64's (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014), computed
 * from n directly. So one option does not change what another one hits, and a run is repeatable.
 *
 * Delay. A frame is copied into the lane's ring and leaves it when its time has come; the delay is
 * constant, so the ring is in order. What does not fit is dropped and counted.
 *
 * Reordering. A frame that is held back is overtaken by the next 1 to BACK_MAX frames of its lane.
 * If none come, it waits for at most BACK_WAIT. At most BACK_MAX frames are held back at a time; they
 * are in the ring too.
 *
 * Time. There is no thread. A lane that sends first releases what is due, so that a sender cannot
 * outrun its own frames. For the others there is a timer, which is set to the moment at which the
 * next frame is due: its descriptor wakes the lane that polls the fabric, and impair_release() goes
 * through the rings of all lanes. A frame that is due in a moment is waited for without the timer.
 *
 * Threads. A lane's state is its own, but for impair_release(): with a timer there is a lock for
 * each lane. It is held while frames are handed to the fabric, so that they stay in order. A sender
 * may have to wait for the release of some frames, at its own expense; impair_release() waits for
 * nobody.
 */
#include "fabric/impair.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mac.h"
#include "fabric/port.h"

#define SHARE_PLACES 6u                         /* digits after the point of a percentage */
#define SHARE_ALL    100000000u                 /* 100 % */
#define DELAY_MAX    ((uint64_t)10 * NS_PER_S)  /* ns */
#define BACK_MAX     8u                         /* most frames that overtake one */
#define BACK_WAIT    ((uint64_t)1 * NS_PER_MS)  /* ns, for frames that overtake */
#define SOON         ((uint64_t)20 * NS_PER_US) /* ns for which no timer is set */
#define BATCH        16u                        /* frames handed to the fabric in one call */
#define NEVER        UINT64_MAX
#define DIGITS       10u /* before the point of a number */

/**
 * struct record - a frame in a lane's ring, followed by its bytes
 * @due:	when its delay ends, in ns
 * @size:	with this header, and up to the next record
 * @len:	bytes of the frame
 * @flags, @csum_start, @csum_offset: of struct frame
 * @back:	how many frames overtake it
 * @gone:	it has been sent, or was never a frame: the end of the ring was too small for one
 */
struct record {
	uint64_t due;
	uint32_t size;
	uint32_t len;
	uint32_t flags;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint8_t back;
	bool gone;
};
#define RECORD_ALIGN 32u
static_assert(sizeof(struct record) == RECORD_ALIGN, "one fits wherever the ring ends");

/**
 * struct held_back - a frame that others are to overtake
 * @after:	the value of struct impair_lane.passed at which it goes
 * @until:	when it goes at the latest, in ns
 */
struct held_back {
	struct record *record;
	uint32_t after;
	uint64_t until;
};

/**
 * struct impair_lane - the frames of one lane
 * @lock:	of all that follows, if there is a timer
 * @stream:	where its draws begin
 * @number:	frames that it has been given
 * @ring:	impair->room bytes
 * @head, @next, @tail: positions in it, which grow without bound: of the oldest record, of the next
 *		one to leave the delay, of the end
 * @passed:	frames that have left the delay
 * @back, @backs: those that are held back
 * @out, @from, @iov, @count: frames for the fabric; @from is where one lies in the ring, or NULL
 */
struct impair_lane {
	_Alignas(CACHE_LINE) pthread_mutex_t lock;
	uint64_t stream;
	uint64_t number;
	uint8_t *ring;
	uint64_t head, next, tail;
	uint32_t passed;
	unsigned int backs;
	struct held_back back[BACK_MAX];
	unsigned int count;
	struct frame out[BATCH];
	struct record *from[BATCH];
	struct iovec iov[BATCH];
};

/**
 * struct impair - a port's impairments
 * @ops:	called in place of @fabric
 * @fabric:	what the port is plugged into
 * @loss, @duplicate, @reorder: shares of 2^32
 * @delay:	in ns
 * @seed:	of all draws
 * @timer:	-1: no frame is ever held
 * @setting:	protects the timer
 * @armed:	what it is set to, in ns
 * @first:	index of the lane that impair_release() visits first
 * @memory:	the rings
 * @room:	bytes of a ring
 * @said_full:	it has been logged that a ring is full
 */
struct impair {
	struct fabric_ops ops;
	const struct fabric_ops *fabric;
	uint64_t loss, duplicate, reorder;
	uint64_t delay;
	uint64_t seed;
	int timer;
	pthread_mutex_t setting;
	_Atomic uint64_t armed;
	unsigned int first;
	uint8_t *memory;
	size_t room;
	atomic_bool said_full;
	struct impair_lane *lanes;
};

/**
 * struct sending - a call that sends or releases
 * @own:	the state of the lane that sent the frames
 * @lane:	the calling lane
 * @now:	in ns; 0 if nothing is ever held
 * @start:	budget_spent at the beginning
 */
struct sending {
	struct fabric_port *port;
	struct impair *impair;
	struct impair_lane *own;
	unsigned int lane;
	uint64_t now;
	uint32_t start;
};

/* ---- Options ---- */

/**
 * read_decimal() - read a number such as 12 or 0.25
 * @places:	most digits after the point
 * @number:	in units of 10^-places
 *
 * Return: what follows it; NULL if it is no such number
 */
static const char *read_decimal(const char *text, unsigned int places, uint64_t *number)
{
	size_t digits = strspn(text, "0123456789"), after = 0;

	*number = 0;
	if (!digits || digits > DIGITS)
		return NULL;
	for (; digits; digits--)
		*number = *number * 10 + (uint64_t)(*text++ - '0');
	if (*text == '.') {
		after = strspn(++text, "0123456789");
		if (!after || after > places)
			return NULL;
	}
	for (size_t i = 0; i < places; i++)
		*number = *number * 10 + (uint64_t)(i < after ? *text++ - '0' : 0);
	return text;
}

static int read_share(const struct fabric_port *port, const struct fabric_option *option,
		      uint64_t *share, struct error *error)
{
	const char *value = option->value ? option->value : "";
	const char *end = read_decimal(value, SHARE_PLACES, share);

	if (!end || strcmp(end, "%") || *share > SHARE_ALL)
		return error_fail(
			error, -EINVAL,
			"fabric %s: '%s' is not a valid value for %s; write 0%% to 100%%, "
			"with up to %u digits after the point, such as 0.5%%",
			port->ops->name, value, option->key, SHARE_PLACES);
	*share = (*share << 32) / SHARE_ALL;
	return 0;
}

static int read_delay(const struct fabric_port *port, const struct fabric_option *option,
		      uint64_t *delay, struct error *error)
{
	/* From 10^-6 of a unit to nanoseconds */
	static const struct {
		const char *name;
		unsigned int times, divided;
	} units[] = { { "us", 1, 1000 }, { "ms", 1, 1 }, { "s", 1000, 1 } };
	const char *value = option->value ? option->value : "";
	const char *end = read_decimal(value, 6, delay);

	for (size_t i = 0; end && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name))
			continue;
		*delay = *delay * units[i].times / units[i].divided;
		if (*delay <= DELAY_MAX)
			return 0;
	}
	return error_fail(error, -EINVAL,
			  "fabric %s: '%s' is not a valid value for %s; write a time of up to 10s, "
			  "such as 500us, 2ms or 0.1s",
			  port->ops->name, value, option->key);
}

/**
 * read_options() - read the options for impairments, and take them out of the spec
 * @asked:	how many there were
 * @seeded:	one of them was the seed
 */
static int read_options(const struct fabric_port *port, struct fabric_spec *spec,
			unsigned int *asked, bool *seeded, struct error *error)
{
	struct impair *impair = port->impair;
	unsigned int kept = 0;
	int rc = 0;

	for (unsigned int i = 0; i < spec->count && !rc; i++) {
		const struct fabric_option *option = &spec->options[i];

		if (!strcmp(option->key, "loss"))
			rc = read_share(port, option, &impair->loss, error);
		else if (!strcmp(option->key, "duplicate"))
			rc = read_share(port, option, &impair->duplicate, error);
		else if (!strcmp(option->key, "reorder"))
			rc = read_share(port, option, &impair->reorder, error);
		else if (!strcmp(option->key, "delay"))
			rc = read_delay(port, option, &impair->delay, error);
		else if (!strcmp(option->key, "seed"))
			*seeded = !(rc = fabric_option_number(port, option, 0, UINT64_MAX,
							      &impair->seed, error));
		else
			spec->options[kept++] = *option;
	}
	*asked = spec->count - kept;
	spec->count = kept;
	if (!rc && *asked == 1 && *seeded)
		rc = error_fail(error, -EINVAL,
				"fabric %s: there is nothing to draw with this seed; add loss, "
				"duplicate or reorder",
				port->ops->name);
	return rc;
}

/* ---- Draws ---- */

/** mix() - the output function of SplitMix64 */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/**
 * draw() - a random number
 * @number:	of the frame
 * @which:	0 to 3, of the frame's
 */
static uint64_t draw(const struct impair_lane *own, uint64_t number, unsigned int which)
{
	return mix(own->stream + (4 * number + which + 1) * 0x9e3779b97f4a7c15u);
}

/* ---- The ring ---- */

static struct record *record_at(const struct impair *impair, const struct impair_lane *own,
				uint64_t position)
{
	return (struct record *)(own->ring + position % impair->room);
}

/**
 * hold() - copy a frame into the ring
 * @due:	when its delay ends, in ns
 * @back:	how many frames overtake it
 *
 * Return: where it lies; NULL if it does not fit
 */
static struct record *hold(const struct sending *sending, const struct frame *frame, uint64_t due,
			   uint8_t back)
{
	struct impair *impair = sending->impair;
	struct impair_lane *own = sending->own;
	uint32_t len = frame->len < FABRIC_FRAME_MAX ? frame->len : FABRIC_FRAME_MAX;
	uint32_t size =
		((uint32_t)sizeof(struct record) + len + RECORD_ALIGN - 1) & ~(RECORD_ALIGN - 1);
	size_t rest = impair->room - own->tail % impair->room;
	struct record *record;

	if (own->tail + size + (size > rest ? rest : 0) - own->head > impair->room) {
		log_once(&impair->said_full, LOG_WARNING,
			 "fabric %s: more frames are delayed than the %zu MiB for a port hold (a "
			 "part for each lane); some are dropped (logged once; counted as dropped)",
			 impair->fabric->name, IMPAIR_MEMORY >> 20);
		return NULL;
	}
	if (size > rest) {
		*record_at(impair, own, own->tail) =
			(struct record){ .size = (uint32_t)rest, .gone = true };
		own->tail += rest;
	}
	record = record_at(impair, own, own->tail);
	*record = (struct record){ .due = due,
				   .size = size,
				   .flags = frame->flags,
				   .csum_start = frame->csum_start,
				   .csum_offset = frame->csum_offset,
				   .back = back };
	record->len = frame_copy(frame, record + 1, len);
	own->tail += size;
	budget_charge(BUDGET_HELD + budget_bytes(len));
	return record;
}

/** flush() - hand what has gathered to the fabric, and free what it occupied */
static void flush(const struct sending *sending)
{
	const struct fabric_ops *fabric = sending->impair->fabric;
	struct impair_lane *own = sending->own;
	unsigned int sent = 0;

	while (sent < own->count && fabric->send_some)
		sent += fabric->send_some(sending->port, sending->lane, own->out + sent,
					  own->count - sent);
	if (sent < own->count)
		fabric->send(sending->port, sending->lane, own->out, own->count);
	budget_charge(budget_bytes(frames_bytes(own->out, own->count)));
	for (unsigned int i = 0; i < own->count; i++) {
		if (own->from[i])
			own->from[i]->gone = true;
	}
	own->count = 0;
	while (own->head != own->next && record_at(sending->impair, own, own->head)->gone)
		own->head += record_at(sending->impair, own, own->head)->size;
	/* From the start again: a ring with little in it touches little memory. */
	if (own->head == own->tail)
		own->head = own->next = own->tail = 0;
}

/** put_out() - the fabric gets this frame next; @record is where it lies in the ring, or NULL */
static void put_out(const struct sending *sending, const struct frame *frame, struct record *record)
{
	struct impair_lane *own = sending->own;

	/* A fabric that ends a call after frames that cost much is asked after each: so are we. */
	if (own->count == BATCH || (own->count && sending->impair->fabric->send_some))
		flush(sending);
	own->from[own->count] = record;
	if (record) {
		own->iov[own->count] =
			(struct iovec){ .iov_base = record + 1, .iov_len = record->len };
		own->out[own->count] = (struct frame){ .iov = &own->iov[own->count],
						       .iovcnt = 1,
						       .len = record->len,
						       .flags = record->flags,
						       .csum_start = record->csum_start,
						       .csum_offset = record->csum_offset };
	} else {
		own->out[own->count] = *frame;
	}
	own->count++;
}

/** put_out_back() - those that were held back long enough */
static void put_out_back(const struct sending *sending)
{
	struct impair_lane *own = sending->own;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < own->backs; i++) {
		if ((int32_t)(own->passed - own->back[i].after) >= 0 ||
		    own->back[i].until <= sending->now)
			put_out(sending, NULL, own->back[i].record);
		else
			own->back[kept++] = own->back[i];
	}
	own->backs = kept;
}

/** pass() - a frame leaves the delay: it goes out, or is held back; either way it overtakes others */
static void pass(const struct sending *sending, const struct frame *frame, struct record *record)
{
	struct impair_lane *own = sending->own;
	uint8_t back = record ? record->back : 0;

	own->passed++;
	if (!back)
		put_out(sending, frame, record);
	if (own->backs)
		put_out_back(sending);
	if (back)
		own->back[own->backs++] = (struct held_back){ .record = record,
							      .after = own->passed + back,
							      .until = sending->now + BACK_WAIT };
}

/**
 * release() - let frames whose time has come leave the delay
 * @max:	most of them
 */
static void release(const struct sending *sending, unsigned int max)
{
	const struct impair *impair = sending->impair;
	struct impair_lane *own = sending->own;

	while (own->next != own->tail) {
		struct record *record = record_at(impair, own, own->next);

		if (!record->gone && (record->due > sending->now || !max-- ||
				      budget_since(sending->start) >= BUDGET_TURN))
			break;
		own->next += record->size;
		if (record->gone)
			continue;
		budget_charge(BUDGET_IMPAIR);
		pass(sending, NULL, record);
	}
	put_out_back(sending);
	flush(sending);
}

/* ---- Time ---- */

/** soonest() - when a frame of a lane is due next; NEVER if there is none */
static uint64_t soonest(const struct impair *impair, const struct impair_lane *own)
{
	uint64_t at = own->next, when = own->backs ? own->back[0].until : NEVER;

	while (at != own->tail && record_at(impair, own, at)->gone)
		at += record_at(impair, own, at)->size;
	if (at != own->tail && record_at(impair, own, at)->due < when)
		when = record_at(impair, own, at)->due;
	return when;
}

/** arm() - have the timer expire at @when, or before */
static void arm(struct impair *impair, uint64_t when)
{
	const struct itimerspec timer = { .it_value = { .tv_sec = (time_t)(when / NS_PER_S),
							.tv_nsec = (long)(when % NS_PER_S) } };

	if (atomic_load_explicit(&impair->armed, memory_order_relaxed) <= when)
		return;
	fabric_lock(&impair->setting);
	if (atomic_load_explicit(&impair->armed, memory_order_relaxed) > when) {
		atomic_store_explicit(&impair->armed, when, memory_order_relaxed);
		timerfd_settime(impair->timer, TFD_TIMER_ABSTIME, &timer, NULL);
		budget_charge(BUDGET_CALL);
	}
	pthread_mutex_unlock(&impair->setting);
}

bool impair_release(struct fabric_port *port, unsigned int lane)
{
	struct impair *impair = port->impair;
	struct sending sending = { .port = port, .impair = impair, .lane = lane };
	unsigned int count = port->config.lanes;
	uint64_t next = NEVER;
	bool again = false;

	if (!impair || impair->timer < 0)
		return false;
	sending.now = clock_ns();
	sending.start = budget_spent;
	/* A lane that holds a frame from now on sets the timer, or is seen below. */
	fabric_lock(&impair->setting);
	atomic_store_explicit(&impair->armed, NEVER, memory_order_relaxed);
	pthread_mutex_unlock(&impair->setting);
	for (unsigned int i = 0; i < count; i++) {
		struct impair_lane *own = &impair->lanes[(impair->first + i) % count];
		uint64_t when;

		if (budget_since(sending.start) >= BUDGET_TURN) {
			impair->first = (impair->first + i) % count;
			return true;
		}
		/* It is sending, and what is due is released there. */
		if (pthread_mutex_trylock(&own->lock)) {
			again = true;
			continue;
		}
		sending.own = own;
		release(&sending, UINT32_MAX);
		when = soonest(impair, own);
		pthread_mutex_unlock(&own->lock);
		if (when < next)
			next = when;
	}
	impair->first = (impair->first + 1) % count;
	if (again || next < sending.now + SOON)
		return true;
	if (next != NEVER)
		arm(impair, next);
	return false;
}

int impair_timer_fd(const struct fabric_port *port)
{
	return port->impair ? port->impair->timer : -1;
}

/* ---- Sending ---- */

/** send_copy() - pass on a frame that is not lost, or its duplicate */
static void send_copy(const struct sending *sending, const struct frame *frame, uint64_t drawn)
{
	struct fabric_counters *counters = &sending->port->lanes[sending->lane].counters;
	const struct impair *impair = sending->impair;
	struct record *record;
	uint8_t back = 0;

	if ((uint32_t)drawn < impair->reorder)
		back = (uint8_t)(1 + (drawn >> 32) % BACK_MAX);
	if (!impair->delay && !back) {
		pass(sending, frame, NULL);
		return;
	}
	record = hold(sending, frame, sending->now + impair->delay, back);
	if (!record) {
		counter_add(&counters->tx_dropped, 1);
		return;
	}
	if (back)
		counter_add(&counters->tx_reordered, 1);
	if (impair->delay) {
		counter_add(&counters->tx_delayed, 1);
		return;
	}
	sending->own->next = sending->own->tail;
	pass(sending, NULL, record);
}

/** send_one() - draw what happens to a frame */
static void send_one(const struct sending *sending, const struct frame *frame)
{
	struct fabric_counters *counters = &sending->port->lanes[sending->lane].counters;
	const struct impair *impair = sending->impair;
	uint64_t number = sending->own->number++, drawn = draw(sending->own, number, 0);

	budget_charge(BUDGET_IMPAIR);
	if ((uint32_t)drawn < impair->loss) {
		counter_add(&counters->tx_lost, 1);
		return;
	}
	send_copy(sending, frame, impair->reorder ? draw(sending->own, number, 1) : 0);
	if (drawn >> 32 >= impair->duplicate)
		return;
	counter_add(&counters->tx_duplicated, 1);
	send_copy(sending, frame, impair->reorder ? draw(sending->own, number, 2) : 0);
}

static unsigned int impair_send(struct fabric_port *port, unsigned int lane,
				const struct frame *frames, unsigned int n)
{
	struct impair *impair = port->impair;
	struct impair_lane *own = &impair->lanes[lane];
	struct sending sending = {
		.port = port, .impair = impair, .own = own, .lane = lane, .start = budget_spent
	};
	uint64_t when;

	if (impair->timer >= 0) {
		fabric_lock(&own->lock);
		sending.now = clock_ns();
		release(&sending, 2 * n);
		sending.start = budget_spent; /* what was due is not the cost of these frames */
	}
	for (unsigned int i = 0; i < n; i++) {
		send_one(&sending, &frames[i]);
		if (budget_since(sending.start) >= BUDGET_TURN)
			n = i + 1;
	}
	flush(&sending);
	if (impair->timer >= 0) {
		when = soonest(impair, own);
		if (when != NEVER)
			arm(impair, when);
		pthread_mutex_unlock(&own->lock);
	}
	return n;
}

/* ---- Opening and closing ---- */

void impair_free(struct fabric_port *port)
{
	struct impair *impair = port->impair;

	if (!impair)
		return;
	for (unsigned int i = 0; impair->lanes && i < port->config.lanes; i++)
		pthread_mutex_destroy(&impair->lanes[i].lock);
	if (impair->memory)
		munmap(impair->memory, IMPAIR_MEMORY);
	if (impair->timer >= 0)
		close(impair->timer);
	pthread_mutex_destroy(&impair->setting);
	free(impair->lanes);
	free(impair);
	port->impair = NULL;
}

static void impair_close(struct fabric_port *port)
{
	port->impair->fabric->close(port);
	impair_free(port);
}

/** prepare_lanes() - their rings and draws; 0 or a negative errno */
static int prepare_lanes(struct impair *impair, unsigned int count)
{
	impair->lanes = aligned_alloc(CACHE_LINE, count * sizeof(*impair->lanes));
	if (!impair->lanes)
		return -ENOMEM;
	memset(impair->lanes, 0, count * sizeof(*impair->lanes));
	for (unsigned int i = 0; i < count; i++) {
		pthread_mutex_init(&impair->lanes[i].lock, NULL);
		impair->lanes[i].stream = mix(mix(impair->seed) + i);
	}
	if (!impair->delay && !impair->reorder)
		return 0;

	impair->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (impair->timer < 0)
		return -errno;
	/* Pages of it are taken as they are needed. */
	impair->memory = mmap(NULL, IMPAIR_MEMORY, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (impair->memory == MAP_FAILED) {
		impair->memory = NULL;
		return -ENOMEM;
	}
	impair->room = IMPAIR_MEMORY / count / RECORD_ALIGN * RECORD_ALIGN;
	for (unsigned int i = 0; i < count; i++)
		impair->lanes[i].ring = impair->memory + i * impair->room;
	return 0;
}

/** choose_seed() - any, and log it, so that the run can be repeated */
static int choose_seed(struct fabric_port *port)
{
	char mac[MAC_TEXT];
	uint32_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -errno;
	port->impair->seed = seed;
	log_say(LOG_NOTICE,
		"fabric %s: the impairments of the vPort %s use the seed %u; to repeat them, add "
		"+seed=%u",
		port->ops->name, mac_text(port->config.mac, mac), seed, seed);
	return 0;
}

int impair_open(struct fabric_port *port, struct fabric_spec *spec, struct error *error)
{
	struct impair *impair = calloc(1, sizeof(*impair));
	unsigned int asked = 0;
	bool seeded = false;
	int rc;

	if (!impair)
		return error_fail(error, -ENOMEM, "fabric %s: out of memory", port->ops->name);
	impair->timer = -1;
	impair->armed = NEVER;
	pthread_mutex_init(&impair->setting, NULL);
	port->impair = impair;
	rc = read_options(port, spec, &asked, &seeded, error);
	if (rc)
		return rc;
	if (!asked) {
		impair_free(port);
		return 0;
	}
	if (!seeded && (impair->loss || impair->duplicate || impair->reorder))
		rc = choose_seed(port);
	if (!rc)
		rc = prepare_lanes(impair, port->config.lanes);
	return rc ? error_fail(error, rc, "fabric %s: cannot prepare its impairments: %s",
			       port->ops->name, error_reason(-rc))
		  : 0;
}

void impair_plug(struct fabric_port *port)
{
	struct impair *impair = port->impair;

	impair->fabric = port->ops;
	impair->ops = *port->ops;
	impair->ops.send = NULL;
	impair->ops.send_some = impair_send;
	impair->ops.close = impair_close;
	port->ops = &impair->ops;
}
