/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * Something happens; each rule that waits for it counts it, and decides by its own count and its own
 * generator of random numbers whether it applies. So what one rule does depends on what it waits
 * for and on nothing else: with one lane a scenario does the same each time, to the packet.
 *
 * A rule that applies says what is to be done with the thing itself (struct fault_verdict), and puts
 * other faults into a list, each with its time: now, for act.c to take. The end of a fault that
 * lasts for a time is such an entry too.
 */
#include "device/fault.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEWS_BURST 20u         /* times that a rule is logged, before ... */
#define NEWS_EVERY 1000000000u /* ... it is logged once in so many ns */
#define MILLION    1000000u

/** struct later - a fault and its time; those of the same time keep their order */
struct later {
	uint64_t at;
	struct fault fault;
};

struct faults {
	pthread_mutex_t lock;
	struct fault_rule *rules[FAULT_RULES_MAX];
	unsigned int n;
	unsigned int ids;
	struct later *later;
	unsigned int waiting;
	unsigned int answers;
	struct fault waits[FAULT_WAITS_MAX]; /* for a queue */
	unsigned int n_waits;
	_Atomic bool vectors;
	struct fault_switch switches;
	void (*told)(void *ctx, const char *text);
	void *ctx;
};

struct faults *faults_new(void)
{
	struct faults *faults = calloc(1, sizeof(*faults));

	if (!faults)
		return NULL;
	faults->later = calloc(FAULT_LATER_MAX, sizeof(*faults->later));
	if (!faults->later) {
		free(faults);
		return NULL;
	}
	pthread_mutex_init(&faults->lock, NULL);
	return faults;
}

void faults_listen(struct faults *faults, void (*told)(void *ctx, const char *text), void *ctx)
{
	faults->told = told;
	faults->ctx = ctx;
}

static void forget_rules(struct faults *faults)
{
	for (unsigned int i = 0; i < faults->n; i++)
		free(faults->rules[i]);
	faults->n = 0;
	atomic_store(&faults->vectors, false);
}

void faults_free(struct faults *faults)
{
	if (!faults)
		return;
	forget_rules(faults);
	for (unsigned int i = 0; i < faults->waiting; i++)
		free(faults->later[i].fault.answer);
	pthread_mutex_destroy(&faults->lock);
	free(faults->later);
	free(faults);
}

struct fault_switch *fault_switches(struct faults *faults)
{
	return &faults->switches;
}

/* ---- The list of rules ---- */

/** look_again() - what rules ask about may have changed */
static void look_again(struct faults *faults)
{
	bool vectors = false;

	for (unsigned int i = 0; i < faults->n; i++)
		vectors = vectors || faults->rules[i]->when.event == FAULT_ON_INTERRUPT;
	atomic_store(&faults->vectors, vectors);
}

/** add_one() - the lock is held; 0 or -ENOSPC */
static int add_one(struct faults *faults, const struct fault_rule *rule, uint64_t now)
{
	struct fault_rule *copy = faults->n < FAULT_RULES_MAX ? malloc(sizeof(*copy)) : NULL;

	if (!copy)
		return -ENOSPC;
	*copy = *rule;
	copy->id = ++faults->ids;
	if ((copy->when.event == FAULT_AT || copy->when.event == FAULT_EVERY) &&
	    copy->when.after == FAULT_AT)
		copy->next = now + copy->when.time;
	faults->rules[faults->n++] = copy;
	return 0;
}

int faults_add(struct faults *faults, const struct fault_rule *rules, unsigned int n, uint64_t now)
{
	int err = 0;

	pthread_mutex_lock(&faults->lock);
	if (n > FAULT_RULES_MAX - faults->n)
		err = -ENOSPC;
	for (unsigned int i = 0; !err && i < n; i++)
		err = add_one(faults, &rules[i], now);
	look_again(faults);
	pthread_mutex_unlock(&faults->lock);
	return err;
}

/** drop() - the rule in that place; the lock is held */
static void drop(struct faults *faults, unsigned int place)
{
	free(faults->rules[place]);
	faults->n--;
	memmove(&faults->rules[place], &faults->rules[place + 1],
		(faults->n - place) * sizeof(faults->rules[0]));
	look_again(faults);
}

int faults_remove(struct faults *faults, unsigned int id)
{
	int err = -ENOENT;

	pthread_mutex_lock(&faults->lock);
	for (unsigned int i = 0; err && i < faults->n; i++)
		if (faults->rules[i]->id == id) {
			drop(faults, i);
			err = 0;
		}
	pthread_mutex_unlock(&faults->lock);
	return err;
}

int faults_refuse(struct faults *faults, uint32_t command, const char *name, uint32_t status)
{
	struct fault_rule rule = {
		.when = { .event = FAULT_ON_COMMAND, .number = command },
		.what = { { .kind = FAULT_STATUS, .number = status } },
		.whats = 1,
		.refusal = true,
	};
	int err = 0;

	pthread_mutex_lock(&faults->lock);
	for (unsigned int i = faults->n; i-- > 0;)
		if (faults->rules[i]->refusal)
			drop(faults, i);
	if (command) {
		snprintf(rule.text, sizeof(rule.text), "on command %s: status %#x", name, status);
		err = add_one(faults, &rule, 0);
	}
	pthread_mutex_unlock(&faults->lock);
	return err;
}

void faults_clear(struct faults *faults)
{
	unsigned int kept = 0;

	pthread_mutex_lock(&faults->lock);
	forget_rules(faults);
	for (unsigned int i = 0; i < faults->waiting; i++)
		if (faults->later[i].fault.kind == FAULT_ANSWER)
			faults->later[kept++] = faults->later[i];
	faults->waiting = kept;
	faults->n_waits = 0;
	pthread_mutex_unlock(&faults->lock);
}

bool faults_get(struct faults *faults, unsigned int place, struct fault_rule *rule)
{
	bool there;

	pthread_mutex_lock(&faults->lock);
	there = place < faults->n;
	if (there)
		*rule = *faults->rules[place];
	pthread_mutex_unlock(&faults->lock);
	return there;
}

/* ---- When ---- */

/** draw() - a number below @bound, from the rule's own generator: splitmix64 */
static uint64_t draw(struct fault_rule *rule, uint64_t bound)
{
	uint64_t z = rule->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % bound;
}

/** applies(faults, ) - what the rule waits for has happened once more: does it apply? */
static bool applies(const struct faults *faults, struct fault_rule *rule)
{
	const struct fault_when *when = &rule->when;
	bool now = true;

	rule->seen++;
	switch (when->which) {
	case FAULT_EACH:
		break;
	case FAULT_RANGE:
		now = rule->seen >= when->first && rule->seen <= when->last;
		break;
	case FAULT_NTH:
		now = rule->seen % when->first == 0;
		break;
	case FAULT_PERCENT:
		now = draw(rule, 100 * MILLION) < when->first;
		break;
	}
	rule->fired += now;
	if (now && faults->told)
		faults->told(faults->ctx, rule->text);
	return now;
}

/** put() - have a fault done at a time; the lock is held */
static bool put(struct faults *faults, const struct fault *fault, uint64_t at)
{
	unsigned int i = faults->waiting;

	if (i == FAULT_LATER_MAX)
		return false;
	for (; i && faults->later[i - 1].at > at; i--)
		faults->later[i] = faults->later[i - 1];
	faults->later[i] = (struct later){ at, *fault };
	faults->waiting++;
	return true;
}

/** judge() - what the rule says about the thing that happened; other faults go into the list */
static void judge(struct faults *faults, const struct fault_rule *rule,
		  struct fault_verdict *verdict, uint64_t now)
{
	for (unsigned int i = 0; i < rule->whats; i++) {
		const struct fault *what = &rule->what[i];

		switch (what->kind) {
		case FAULT_LATE:
			verdict->does |= FAULT_DO_LATE;
			verdict->late = what->time;
			break;
		case FAULT_LOST:
			verdict->does |= FAULT_DO_LOSE;
			break;
		case FAULT_IGNORED:
			verdict->does |= FAULT_DO_IGNORE;
			break;
		case FAULT_TWICE:
			verdict->does |= FAULT_DO_TWICE;
			break;
		case FAULT_STATUS:
			verdict->does |= FAULT_DO_STATUS;
			verdict->status = (uint32_t)what->number;
			break;
		case FAULT_SHORT:
			verdict->does |= FAULT_DO_RESIZE;
			verdict->more = -(int32_t)what->number;
			break;
		case FAULT_LONG:
			verdict->does |= FAULT_DO_RESIZE;
			verdict->more = (int32_t)what->number;
			break;
		case FAULT_ERROR:
			verdict->does |= FAULT_DO_ERROR;
			verdict->error = (uint32_t)what->number;
			break;
		case FAULT_DMA:
			verdict->does |= FAULT_DO_DMA;
			break;
		case FAULT_STALL:
			verdict->does |= FAULT_DO_STALL;
			verdict->stall = what->time;
			break;
		default:
			verdict->act |= put(faults, what, now);
		}
	}
	/* The log is to hear of it. */
	verdict->act = true;
}

static bool matches(uint32_t wanted, uint32_t number)
{
	return wanted == FAULT_ANY || wanted == number;
}

/** happens() - count an event in each rule that @is it, and judge */
static bool happens(struct faults *faults, enum fault_event event, uint32_t number,
		    const struct fault_queue *queue, struct fault_verdict *verdict)
{
	bool any = false;

	*verdict = (struct fault_verdict){ 0 };
	pthread_mutex_lock(&faults->lock);
	for (unsigned int i = 0; i < faults->n; i++) {
		struct fault_rule *rule = faults->rules[i];
		const struct fault_when *when = &rule->when;

		if (when->event != event)
			continue;
		if (queue ? when->queue.type != queue->type ||
				    !matches(when->queue.port, queue->port) ||
				    !matches(when->queue.index, queue->index)
			  : !matches(when->number, number))
			continue;
		if (!applies(faults, rule))
			continue;
		judge(faults, rule, verdict, 0);
		any = true;
	}
	pthread_mutex_unlock(&faults->lock);
	return any;
}

bool fault_command(struct faults *faults, uint32_t code, struct fault_verdict *verdict)
{
	return happens(faults, FAULT_ON_COMMAND, code, NULL, verdict);
}

bool fault_interrupt(struct faults *faults, uint32_t vector, struct fault_verdict *verdict)
{
	return happens(faults, FAULT_ON_INTERRUPT, vector, NULL, verdict);
}

bool fault_packet(struct faults *faults, const struct fault_queue *queue,
		  struct fault_verdict *verdict)
{
	return happens(faults, FAULT_ON_PACKET, 0, queue, verdict);
}

bool fault_completion(struct faults *faults, const struct fault_queue *queue,
		      struct fault_verdict *verdict)
{
	return happens(faults, FAULT_ON_COMPLETION, 0, queue, verdict);
}

/** start_times() - time rules that count from this, start to count; the lock is held */
static void start_times(struct faults *faults, enum fault_event event, const char *name,
			uint64_t now)
{
	for (unsigned int i = 0; i < faults->n; i++) {
		struct fault_rule *rule = faults->rules[i];
		const struct fault_when *when = &rule->when;

		if (when->event != FAULT_AT && when->event != FAULT_EVERY)
			continue;
		if (when->after == event && (!name || !strcmp(name, when->name)))
			rule->next = now + when->time;
		/* With the client goes what counts from its steps. */
		else if (event == FAULT_ON_DETACH &&
			 (when->after == FAULT_ON_ATTACH || when->after == FAULT_ON_CHANNEL))
			rule->next = 0;
	}
}

bool fault_moment(struct faults *faults, enum fault_event event, uint64_t now)
{
	struct fault_verdict verdict;
	bool any = happens(faults, event, 0, NULL, &verdict);

	pthread_mutex_lock(&faults->lock);
	start_times(faults, event, NULL, now);
	any = any || faults->n;
	pthread_mutex_unlock(&faults->lock);
	return any;
}

int fault_signal(struct faults *faults, const char *name, uint64_t now)
{
	struct fault_verdict verdict = { 0 };
	int err = -ENOENT;

	pthread_mutex_lock(&faults->lock);
	for (unsigned int i = 0; i < faults->n; i++) {
		struct fault_rule *rule = faults->rules[i];
		const struct fault_when *when = &rule->when;

		if (strcmp(when->name, name))
			continue;
		err = 0;
		if (when->event == FAULT_ON_SIGNAL && applies(faults, rule))
			judge(faults, rule, &verdict, 0);
	}
	start_times(faults, FAULT_ON_SIGNAL, name, now);
	pthread_mutex_unlock(&faults->lock);
	return err;
}

uint32_t fault_queue(struct faults *faults, const struct fault_queue *queue)
{
	uint32_t asked = 0;

	pthread_mutex_lock(&faults->lock);
	for (unsigned int i = 0; i < faults->n; i++) {
		const struct fault_when *when = &faults->rules[i]->when;

		if ((when->event != FAULT_ON_PACKET && when->event != FAULT_ON_COMPLETION) ||
		    when->queue.type != queue->type || !matches(when->queue.port, queue->port) ||
		    !matches(when->queue.index, queue->index))
			continue;
		asked |= when->event == FAULT_ON_PACKET ? FAULT_PACKETS : FAULT_COMPLETIONS;
	}
	pthread_mutex_unlock(&faults->lock);
	return asked;
}

bool fault_vectors(const struct faults *faults)
{
	return atomic_load_explicit(&faults->vectors, memory_order_relaxed);
}

bool fault_counting(struct faults *faults)
{
	bool any = false;

	pthread_mutex_lock(&faults->lock);
	for (unsigned int i = 0; i < faults->n; i++)
		any = any || faults->rules[i]->when.event == FAULT_ON_COUNTER;
	pthread_mutex_unlock(&faults->lock);
	return any;
}

void fault_count(struct faults *faults, uint32_t port, const uint64_t values[FAULT_COUNTERS])
{
	struct fault_verdict verdict = { 0 };

	pthread_mutex_lock(&faults->lock);
	for (unsigned int i = 0; i < faults->n; i++) {
		struct fault_rule *rule = faults->rules[i];
		const struct fault_when *when = &rule->when;
		bool reached;

		if (when->event != FAULT_ON_COUNTER || !matches(when->queue.port, port))
			continue;
		reached = values[when->number] >= when->value;
		if (reached && !rule->reached && applies(faults, rule))
			judge(faults, rule, &verdict, 0);
		rule->reached = reached;
	}
	pthread_mutex_unlock(&faults->lock);
}

/* ---- What ---- */

bool fault_later(struct faults *faults, const struct fault *fault, uint64_t at)
{
	bool room;

	pthread_mutex_lock(&faults->lock);
	room = (fault->kind != FAULT_ANSWER || faults->answers < FAULT_ANSWERS) &&
	       put(faults, fault, at);
	faults->answers += room && fault->kind == FAULT_ANSWER;
	pthread_mutex_unlock(&faults->lock);
	return room;
}

bool fault_wait(struct faults *faults, const struct fault *fault)
{
	bool room;

	pthread_mutex_lock(&faults->lock);
	room = faults->n_waits < FAULT_WAITS_MAX;
	if (room)
		faults->waits[faults->n_waits++] = *fault;
	pthread_mutex_unlock(&faults->lock);
	return room;
}

bool fault_waited(struct faults *faults, const struct fault_queue *queue, struct fault *fault)
{
	bool any = false;

	pthread_mutex_lock(&faults->lock);
	for (unsigned int i = 0; !any && i < faults->n_waits; i++) {
		const struct fault_queue *wanted = &faults->waits[i].queue;

		if (wanted->type != queue->type || !matches(wanted->port, queue->port) ||
		    !matches(wanted->index, queue->index))
			continue;
		*fault = faults->waits[i];
		faults->waits[i] = faults->waits[--faults->n_waits];
		any = true;
	}
	pthread_mutex_unlock(&faults->lock);
	return any;
}

/** run_times() - time rules whose time has come apply; the lock is held */
static void run_times(struct faults *faults, uint64_t now)
{
	struct fault_verdict verdict;

	for (unsigned int i = 0; i < faults->n; i++) {
		struct fault_rule *rule = faults->rules[i];
		uint64_t at = rule->next;

		if (!at || at > now)
			continue;
		if (applies(faults, rule))
			judge(faults, rule, &verdict, at);
		/* Times that nobody was there to see are not made up for. */
		rule->next = rule->when.event != FAULT_EVERY ? 0
			     : at + rule->when.time > now    ? at + rule->when.time
							     : now + rule->when.time;
	}
}

bool fault_take(struct faults *faults, uint64_t now, struct fault *fault)
{
	bool there;

	pthread_mutex_lock(&faults->lock);
	run_times(faults, now);
	there = faults->waiting && faults->later[0].at <= now;
	if (there) {
		*fault = faults->later[0].fault;
		faults->answers -= fault->kind == FAULT_ANSWER;
		faults->waiting--;
		memmove(&faults->later[0], &faults->later[1],
			faults->waiting * sizeof(faults->later[0]));
	}
	pthread_mutex_unlock(&faults->lock);
	return there;
}

uint64_t fault_deadline(struct faults *faults)
{
	uint64_t first = UINT64_MAX;

	pthread_mutex_lock(&faults->lock);
	if (faults->waiting)
		first = faults->later[0].at;
	for (unsigned int i = 0; i < faults->n; i++) {
		const struct fault_rule *rule = faults->rules[i];

		if (rule->next && rule->next < first)
			first = rule->next;
		if (rule->told != rule->fired && rule->tell_at < first)
			first = rule->tell_at;
	}
	pthread_mutex_unlock(&faults->lock);
	/* At once, but 0 would be never to a timer. */
	return first ? first : 1;
}

bool fault_news(struct faults *faults, uint64_t now, struct fault_news *news)
{
	bool any = false;

	pthread_mutex_lock(&faults->lock);
	for (unsigned int i = 0; !any && i < faults->n; i++) {
		struct fault_rule *rule = faults->rules[i];

		if (rule->told == rule->fired || rule->tell_at > now)
			continue;
		*news = (struct fault_news){ .id = rule->id, .times = rule->fired - rule->told };
		memcpy(news->text, rule->text, sizeof(news->text));
		rule->told = rule->fired;
		if (rule->fired >= NEWS_BURST)
			rule->tell_at = now + NEWS_EVERY;
		any = true;
	}
	pthread_mutex_unlock(&faults->lock);
	return any;
}
