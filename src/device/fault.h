/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/fault.h - faults on demand: the rules of a scenario, and which of them apply now.
 *
 * A rule says when, and what: "on command CREATE_WQ_OBJ 2: status 0x10006". docs/faults.md explains
 * the text, and fault_parse.c reads it. This file and fault.c decide; they know nothing of an adapter.
 * The files in which a fault happens ask here and do what they are told: hwc.c for commands,
 * state.c for interrupts, transmit.c and receive_any.c for packets, queue.c for completions. What no
 * file asks for, such as a link that goes down, act.c takes from here and does.
 *
 * Threads: lanes and the control thread ask; rules change on the control thread. A mutex is held
 * meanwhile, for a look at each rule and no longer. Nobody asks while there is no scenario, and
 * about a queue or a vector only if a rule names it.
 */
#ifndef MANAKIN_DEVICE_FAULT_H
#define MANAKIN_DEVICE_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define FAULT_RULES_MAX 256u                     /* of an adapter */
#define FAULT_WHATS_MAX 4u                       /* of a rule */
#define FAULT_TEXT_MAX  200u                     /* bytes of a rule */
#define FAULT_NAME_MAX  32u                      /* bytes of a signal's name */
#define FAULT_LATER_MAX 4096u                    /* faults that wait for their time */
#define FAULT_ANSWERS   16u                      /* answers among them */
#define FAULT_WAITS_MAX 64u                      /* faults that wait for a queue */
#define FAULT_ANY       UINT32_MAX               /* any port, queue, vector, command */
#define FAULT_FOREVER   UINT64_MAX               /* no end */
#define FAULT_TIME_MAX  (86400ull * 1000000000u) /* ns: a day */

/* What a rule waits for */
enum fault_event {
	FAULT_ON_COMMAND,
	FAULT_ON_INTERRUPT,
	FAULT_ON_PACKET,     /* an entry of a send queue, a packet for a receive queue */
	FAULT_ON_COMPLETION, /* of such a queue */
	FAULT_ON_SIGNAL,
	FAULT_ON_ATTACH,  /* a client attached */
	FAULT_ON_DETACH,  /* it left */
	FAULT_ON_CHANNEL, /* the hardware channel came up */
	FAULT_ON_RESET,   /* the function was reset, or the channel taken down */
	FAULT_ON_COUNTER,
	FAULT_AT,    /* a time after something */
	FAULT_EVERY, /* again and again */
};

/* Which of these */
enum fault_which {
	FAULT_EACH,
	FAULT_RANGE,   /* from the first to the last */
	FAULT_NTH,     /* every Nth */
	FAULT_PERCENT, /* by chance */
};

/** struct fault_queue - a vPort's work queue; FAULT_ANY for any. @type: GDMA_SQ or GDMA_RQ */
struct fault_queue {
	uint32_t type, port, index;
};

/**
 * struct fault_when - when a rule applies
 * @number:	the command's code, the vector, or the counter's place in fault_counters[]
 * @queue:	of a packet or completion; its port also of a counter
 * @first, @last: FAULT_RANGE; @first: FAULT_NTH, and FAULT_PERCENT in millionths
 * @value:	a counter has reached it
 * @time:	FAULT_AT, FAULT_EVERY: ns
 * @after:	what @time counts from; FAULT_AT: from when the rule was added
 * @name:	of a signal
 */
struct fault_when {
	enum fault_event event;
	uint32_t number;
	struct fault_queue queue;
	enum fault_which which;
	uint64_t first, last;
	uint64_t value;
	uint64_t time;
	enum fault_event after;
	char name[FAULT_NAME_MAX];
};

enum fault_kind {
	/* About what the rule waits for */
	FAULT_LATE,    /* time */
	FAULT_LOST,    /* a command is carried out, but not answered */
	FAULT_IGNORED, /* a command is not carried out either */
	FAULT_TWICE,
	FAULT_STATUS, /* number: of the answer; the command is not carried out */
	FAULT_SHORT,  /* number: bytes that the answer lacks */
	FAULT_LONG,   /* number: bytes that it has too many */
	FAULT_ERROR,  /* number: enum mana_cqe_type */
	FAULT_DMA,    /* the entry's memory cannot be reached */
	FAULT_STALL,  /* the queue; time */

	/* By themselves */
	FAULT_CHANNEL_SILENT, /* time; number: 1: also after it was set up again */
	FAULT_CHANNEL_SPEAKS,
	FAULT_QUEUE_STALL, /* queue; time */
	FAULT_QUEUE_GOES,  /* queue */
	FAULT_QUEUE_SLOW, /* queue; time: latency; number: jitter in ns; data: seed of the jitter */
	FAULT_QUEUE_RATE, /* queue; number: packets a second */
	FAULT_RAISE,      /* number: vector */
	FAULT_EVENT,      /* number: type of the event; data */
	FAULT_TIMEOUT,    /* number: ms */
	FAULT_LINK_DOWN,  /* queue.port; time */
	FAULT_LINK_UP,    /* queue.port */
	FAULT_LINK_FLAP,  /* queue.port; number: times; time: of each half */
	FAULT_LINK_SPEED, /* queue.port; number: Mbit/s */
	FAULT_VF_REVOKE,  /* time */
	FAULT_VF_RETURN,
	FAULT_CARD_PULL, /* queue.port */
	FAULT_FATAL,     /* time */
	FAULT_FATAL_OVER,
	FAULT_DISCONNECT,
	FAULT_OVERFLOW, /* number: vector of the event queues */
	FAULT_SIGNAL,   /* name */
	FAULT_MTU,      /* queue.port; number: bytes, from the next reset on */
	FAULT_QUEUES,   /* queue.port; number, from the next reset on */
	FAULT_JUMP,     /* number is added to the counters that a driver is told */
	FAULT_ANSWER,   /* an answer whose time has come; see hwc.c */
	FAULT_SHOW,     /* number: completion queue whose late entries are due */
};

/** struct fault - what happens; which fields count, enum fault_kind says. @time: ns */
struct fault {
	enum fault_kind kind;
	struct fault_queue queue;
	uint64_t number;
	uint64_t time;
	uint32_t data;
	char name[FAULT_NAME_MAX];
	void *answer;
};

/**
 * struct fault_rule - a rule
 * @id:		its number in lists, from 1 on; never used again
 * @text:	as it was written
 * @refusal:	made by fault_refuse()
 * @seen:	how often what it waits for has happened
 * @fired:	how often it has applied
 * @told:	the same, as far as the log knows
 * @tell_at:	when the log is told next, if it has heard a lot
 * @next:	when a time rule applies next; 0: not yet known
 * @random:	state of its own generator
 * @reached:	a counter has reached the value
 */
struct fault_rule {
	struct fault_when when;
	struct fault what[FAULT_WHATS_MAX];
	unsigned int whats;
	unsigned int id, line;
	char text[FAULT_TEXT_MAX];
	bool refusal;
	uint64_t seen, fired, told;
	uint64_t tell_at;
	uint64_t next;
	uint64_t random;
	bool reached;
};

/**
 * struct fault_known - what exists on the adapter, so that a scenario cannot ask for more
 * @command:	code of a command, or 0
 * @command_name: the n-th command's name; NULL: there are no more
 * @queues:	of each port
 */
struct fault_known {
	uint32_t (*command)(const char *name);
	const char *(*command_name)(unsigned int n);
	unsigned int ports, vectors;
	const unsigned int *queues;
};

/**
 * fault_parse() - read a scenario
 * @text:	its lines
 * @source:	where they come from, for messages: a file's name
 * @rules:	room for FAULT_RULES_MAX
 * @n:		rules that were read
 * @error:	on failure, "SOURCE:LINE:COLUMN: a sentence"
 *
 * Return: 0, or -EINVAL
 */
int fault_parse(const char *text, const char *source, const struct fault_known *known,
		struct fault_rule *rules, unsigned int *n, struct error *error);

/** fault_counters - names of counters that a rule can wait for, in the order of fault_tick()'s */
extern const char *const fault_counters[];
#define FAULT_COUNTERS  8u

/* What is to be done with a command, an interrupt, a packet, a completion */
#define FAULT_DO_LATE   (1u << 0)
#define FAULT_DO_LOSE   (1u << 1)
#define FAULT_DO_IGNORE (1u << 2)
#define FAULT_DO_TWICE  (1u << 3)
#define FAULT_DO_STATUS (1u << 4)
#define FAULT_DO_RESIZE (1u << 5)
#define FAULT_DO_ERROR  (1u << 6)
#define FAULT_DO_DMA    (1u << 7)
#define FAULT_DO_STALL  (1u << 8)

/**
 * struct fault_verdict - the answer of fault_command() and its kin
 * @does:	FAULT_DO_*; 0: nothing
 * @late:	ns
 * @stall:	ns, or FAULT_FOREVER
 * @more:	bytes that the answer has too many
 * @error:	enum mana_cqe_type
 * @act:	other faults were set off: the control thread has something to do
 */
struct fault_verdict {
	uint32_t does;
	uint32_t status;
	int32_t more;
	uint32_t error;
	uint64_t late;
	uint64_t stall;
	bool act;
};

/* What a queue is told by fault_queue(): its packets, its completions are asked about */
#define FAULT_PACKETS     (1u << 0)
#define FAULT_COMPLETIONS (1u << 1)
/* ... and what act.c makes it do */
#define FAULT_STALLED     (1u << 2)
#define FAULT_SLOW        (1u << 3)

struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *faults);

/**
 * faults_listen() - be told of each rule that applies, where and when it does
 * @told:	called with locks held, of this and of the queue concerned: it takes none of them
 *
 * Before any rule is added.
 */
void faults_listen(struct faults *faults, void (*told)(void *ctx, const char *text), void *ctx);

/** faults_add() - add rules; 0, or -ENOSPC */
int faults_add(struct faults *faults, const struct fault_rule *rules, unsigned int n, uint64_t now);

/** faults_refuse() - instead of an earlier one, the rule that a command fails; @command 0: no rule */
int faults_refuse(struct faults *faults, uint32_t command, const char *name, uint32_t status);

/** faults_remove() - -ENOENT: there is no rule of this number */
int faults_remove(struct faults *faults, unsigned int id);

/** faults_clear() - remove all rules, and what waits for its time but answers */
void faults_clear(struct faults *faults);

/** faults_get() - a copy of the rule in that place; false: there are no more */
bool faults_get(struct faults *faults, unsigned int place, struct fault_rule *rule);

/*
 * What has happened. Each returns true if @verdict says to do something, or that the control thread
 * has something to do.
 */
bool fault_command(struct faults *faults, uint32_t code, struct fault_verdict *verdict);
bool fault_interrupt(struct faults *faults, uint32_t vector, struct fault_verdict *verdict);
bool fault_packet(struct faults *faults, const struct fault_queue *queue,
		  struct fault_verdict *verdict);
bool fault_completion(struct faults *faults, const struct fault_queue *queue,
		      struct fault_verdict *verdict);

/** fault_moment() - FAULT_ON_ATTACH to FAULT_ON_RESET; true: there is something to do */
bool fault_moment(struct faults *faults, enum fault_event event, uint64_t now);

/** fault_signal() - 0, or -ENOENT if no rule waits for it */
int fault_signal(struct faults *faults, const char *name, uint64_t now);

/** fault_queue() - FAULT_PACKETS, FAULT_COMPLETIONS: what rules ask about this queue */
uint32_t fault_queue(struct faults *faults, const struct fault_queue *queue);

/** fault_vectors() - does a rule ask about interrupts? */
bool fault_vectors(const struct faults *faults);

/** fault_counting() - does a rule wait for a counter? */
bool fault_counting(struct faults *faults);

/** fault_count() - the counters of a port are these, in the order of fault_counters */
void fault_count(struct faults *faults, uint32_t port, const uint64_t values[FAULT_COUNTERS]);

/** fault_later() - do that then; false: too much waits */
bool fault_later(struct faults *faults, const struct fault *fault, uint64_t at);

/** fault_wait() - do that when such a queue exists; false: too much waits */
bool fault_wait(struct faults *faults, const struct fault *fault);

/** fault_waited() - a queue was created: the next fault that has waited for it; false: none */
bool fault_waited(struct faults *faults, const struct fault_queue *queue, struct fault *fault);

/** fault_take() - the next fault that is to be done now */
bool fault_take(struct faults *faults, uint64_t now, struct fault *fault);

/** fault_deadline() - when fault_take() has something next; UINT64_MAX: nothing waits */
uint64_t fault_deadline(struct faults *faults);

/** struct fault_news - what the log has not heard yet: a rule applied @times more */
struct fault_news {
	unsigned int id;
	uint64_t times;
	char text[FAULT_TEXT_MAX];
};

/** fault_news() - false: none */
bool fault_news(struct faults *faults, uint64_t now, struct fault_news *news);

/**
 * struct fault_switch - what is on or off, and asked on many paths
 * @silent:	the hardware channel neither takes nor says anything
 * @forever:	and stays so when it is set up again
 * @fatal:	the function answers nothing at all
 */
struct fault_switch {
	_Atomic bool silent, forever, fatal;
};

struct fault_switch *fault_switches(struct faults *faults);

#endif
