/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/examine.h - the examiner: does the client's driver keep the rules of docs/driver-rules.md?
 *
 * It is a watcher (watch.h). It compares what the driver does with what the adapter knows, just
 * before the adapter acts on it: on the control thread for commands and doorbells, on the lanes for
 * entries and completions. It changes nothing: the adapter answers a mistake as it always does.
 *
 * An examination is of one client, from its attaching to its leaving.
 */
#ifndef MANAKIN_DEVICE_EXAMINE_H
#define MANAKIN_DEVICE_EXAMINE_H

#include <stdbool.h>
#include <stdint.h>

struct adapter;
struct examiner;

/* In the order of docs/driver-rules.md, which a test compares with examine_rules[] */
enum examine_rule {
	/* The shared-memory channel and the hardware channel */
	RULE_SMC_MESSAGE,
	RULE_HWC_ONCE,
	RULE_HWC_HEADER,
	RULE_HWC_LENGTH,
	RULE_HWC_MESSAGE_ID,
	RULE_HWC_DEPTH,
	RULE_HWC_RECEIVE,
	RULE_COMMAND_LENGTH,
	RULE_COMMAND_ANSWER,
	RULE_COMMAND_VERSION,
	RULE_COMMAND_RESERVED,
	RULE_COMMAND_AGREED,
	RULE_COMMAND_FIRST,
	RULE_COMMAND_DEVICE,
	/* Objects */
	RULE_OBJECT_KNOWN,
	RULE_OBJECT_DESTROYED,
	RULE_REGION_ALIGNED,
	RULE_REGION_WHOLE,
	RULE_REGION_SIZE,
	RULE_REGION_OWNED,
	RULE_QUEUE_SIZE,
	RULE_QUEUE_VECTOR,
	RULE_VPORT_CONFIGURED,
	RULE_STEERING_QUEUE,
	RULE_ORDER_STEERED,
	RULE_ORDER_FENCE,
	RULE_ORDER_EQ,
	RULE_ORDER_CQ,
	RULE_ORDER_PD,
	RULE_MEMORY_UNMAPPED,
	RULE_LEAK_QUEUE,
	RULE_LEAK_DEVICE,
	RULE_LEAK_REGION,
	RULE_LEAK_MEMORY,
	RULE_LEAK_DOORBELL,
	RULE_LEAK_FILTER,
	/* Doorbells */
	RULE_DOORBELL_PLACE,
	RULE_DOORBELL_QUEUE,
	RULE_DOORBELL_DESTROYED,
	RULE_DOORBELL_PAGE,
	RULE_DOORBELL_RESERVED,
	RULE_TAIL_UNIT,
	RULE_TAIL_RANGE,
	RULE_TAIL_OVERFLOW,
	RULE_RQ_COUNT,
	RULE_CQ_TAIL,
	RULE_CQ_OVERRUN,
	RULE_CQ_CREDIT,
	RULE_CQ_ARMED,
	RULE_EQ_TAIL,
	RULE_EQ_OVERRUN,
	RULE_EQ_ARMED,
	/* Entries */
	RULE_ENTRY_SIZE,
	RULE_ENTRY_HEADER,
	RULE_ENTRY_WRAP,
	RULE_ENTRY_MEMORY,
	RULE_ENTRY_VISIBLE,
	RULE_TX_QUEUE,
	RULE_TX_OOB,
	RULE_TX_CHECKSUM,
	RULE_TX_TSO,
	RULE_RX_TWICE,
	RULE_CQE_WRITTEN,
	RULE_EQE_WRITTEN,
	EXAMINE_RULES
};

/**
 * struct examine_rule_text - a rule in words
 * @id:		its name in reports and in docs/driver-rules.md
 * @topic:	the document's section
 * @must:	what a driver must do
 * @source:	where that is known from: project, version, file, function
 * @breaks:	what happens otherwise
 */
struct examine_rule_text {
	const char *id, *topic, *must, *source, *breaks;
};

extern const struct examine_rule_text examine_rules[EXAMINE_RULES];

#define EXAMINE_COMMANDS     8u /* the last ones that a report shows */
#define EXAMINE_COMMAND_TEXT 112u
#define EXAMINE_TEXT         160u

/**
 * struct examine_break - where a rule was broken for the first time
 * @after_ns:	since the client attached
 * @queue:	such as "SQ 5"; empty: none is concerned
 * @position:	in the queue, in its own units
 * @seen, @expected: in words
 * @commands:	the last commands before it, the newest last
 */
struct examine_break {
	uint64_t after_ns;
	char queue[24];
	uint64_t position;
	char seen[EXAMINE_TEXT], expected[EXAMINE_TEXT];
	unsigned int n_commands;
	char commands[EXAMINE_COMMANDS][EXAMINE_COMMAND_TEXT];
};

struct examine_verdict {
	uint64_t kept, broken;
	struct examine_break first; /* if it was broken */
};

/**
 * struct examination - what is known of a client
 * @driver:	what it says of itself, from GDMA_VERIFY_VF_DRIVER_VERSION; may be empty
 * @number:	counts the adapter's clients, from 1
 * @duration_ns: since it attached
 * @orderly:	it has torn down its hardware channel, so that leaks could be looked for
 * @commands, @doorbells, @entries, @completions, @events: looked at
 */
struct examination {
	char driver[128];
	unsigned int number;
	uint64_t duration_ns;
	bool orderly;
	uint64_t commands, doorbells, entries, completions, events;
	struct examine_verdict verdict[EXAMINE_RULES];
};

/**
 * examiner_open() - examine the adapter's clients from now on; on the control thread
 * @ended:	called when a client leaves, with what is known of it
 *
 * Return: NULL when out of memory, or when too many watch
 */
struct examiner *examiner_open(struct adapter *adapter,
			       void (*ended)(void *ctx, const struct examination *examination),
			       void *ctx);

/** examiner_close() - also ends the examination of a client that is still there */
void examiner_close(struct examiner *examiner);

/** examiner_look() - what is known of the client so far; false: there is none */
bool examiner_look(struct examiner *examiner, struct examination *examination);

#endif
