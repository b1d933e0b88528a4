/* SPDX-License-Identifier: BSD-3-Clause */
#include "device/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/state.h"
#include "device/watch.h"
#include "fabric/fabric.h"
#include "trace/pcapng.h"

/**
 * struct adapter_trace - an adapter that is recorded
 * @first:	number of its interface for records; those of its vPorts follow
 */
struct adapter_trace {
	struct watcher watcher;
	struct adapter *adapter;
	struct recorder *recorder;
	uint32_t first;
};

/*
 * The numbers of a file do not change with those of this program. What has none here is told in
 * another way too, and not recorded.
 */
static const uint8_t kinds[WATCH_KINDS] = {
	[WATCH_CLIENT] = TRACE_CLIENT,
	[WATCH_MEMORY] = TRACE_MEMORY,
	[WATCH_SMC] = TRACE_SMC,
	[WATCH_COMMAND] = TRACE_COMMAND,
	[WATCH_ANSWER] = TRACE_ANSWER,
	[WATCH_QUEUE] = TRACE_QUEUE,
	[WATCH_DOORBELL] = TRACE_DOORBELL,
	[WATCH_ENTRY] = TRACE_ENTRY,
	[WATCH_COMPLETION] = TRACE_COMPLETION,
	[WATCH_EVENT] = TRACE_EVENT,
	[WATCH_INTERRUPT] = TRACE_INTERRUPT,
	[WATCH_FAULT] = TRACE_FAULT,
};

static_assert((unsigned int)WATCH_ATTACHED == TRACE_ATTACHED &&
		      (unsigned int)WATCH_DETACHED == TRACE_DETACHED &&
		      (unsigned int)WATCH_RESET == TRACE_RESET,
	      "clients");
static_assert((unsigned int)WATCH_MAPPED == TRACE_MAPPED &&
		      (unsigned int)WATCH_UNMAPPED == TRACE_UNMAPPED &&
		      (unsigned int)WATCH_UNMAPPED_ALL == TRACE_UNMAPPED_ALL,
	      "memory");
static_assert(WATCH_SMC_REQUEST == 0 && WATCH_SMC_ANSWER == 1 && WATCH_CREATED == 0 &&
		      WATCH_DESTROYED == 1 && WATCH_SHARED == TRACE_SHARED &&
		      WATCH_NO_PARENT == TRACE_NO_PARENT,
	      "as in a file");
static_assert(sizeof(struct watch_queue) == sizeof(struct trace_queue) &&
		      offsetof(struct watch_queue, parent) == offsetof(struct trace_queue, parent),
	      "as in a file");

static void tell_frame(const struct adapter_trace *trace, const struct watch_event *event)
{
	const struct recorder_frame frame = {
		.iov = event->frame->iov,
		.iovcnt = event->frame->iovcnt,
		.len = event->frame->len,
		.direction = event->kind == WATCH_FRAME_TX ? PCAPNG_OUTBOUND : PCAPNG_INBOUND,
		.queue = event->queue,
	};

	recorder_frame(trace->recorder, trace->first + 1 + event->port, &frame);
}

static void tell(struct watcher *watcher, const struct watch_event *event)
{
	const struct adapter_trace *trace = (const struct adapter_trace *)watcher;
	const struct trace_record record = {
		.kind = event->kind < WATCH_KINDS ? kinds[event->kind] : 0,
		.queue = event->queue,
		.type = event->type,
		.position = event->position,
		.value = event->value,
		.len = event->data ? event->len : 0,
	};

	if (event->frame)
		tell_frame(trace, event);
	else
		recorder_record(trace->recorder, trace->first, &record, event->data);
}

unsigned int adapter_trace_interfaces(const struct adapter *adapter, uint32_t first,
				      struct recorder_interface *interfaces)
{
	const struct adapter_config *config = &adapter->config;
	unsigned int n = 0;

	interfaces[n] = (struct recorder_interface){ .link = TRACE_LINK_USER0,
						     .description = "manakin trace 1",
						     .records = first };
	snprintf(interfaces[n++].name, sizeof(interfaces->name), "%s", config->name);
	for (unsigned int port = 0; port < config->ports; port++) {
		interfaces[n] =
			(struct recorder_interface){ .link = TRACE_LINK_ETHERNET,
						     .description = config->port[port].fabric,
						     .records = first };
		snprintf(interfaces[n++].name, sizeof(interfaces->name), "%s:%u", config->name,
			 port);
	}
	return n;
}
static_assert(TRACE_VERSION == 1, "the description of the interface says so");

int adapter_trace_start(struct adapter *adapter, struct recorder *recorder, uint32_t first,
			struct adapter_trace **out)
{
	struct adapter_trace *trace = calloc(1, sizeof(*trace));
	struct trace_record start = { .kind = TRACE_START, .type = adapter_busy(adapter) };
	int err;

	if (!trace)
		return -ENOMEM;
	start.len = (uint32_t)strlen(adapter->config.name);
	trace->watcher.kinds = WATCH_BIT(WATCH_FRAME_TX) | WATCH_BIT(WATCH_FRAME_RX);
	for (unsigned int kind = 0; kind < WATCH_KINDS; kind++)
		if (kinds[kind])
			trace->watcher.kinds |= WATCH_BIT(kind);
	trace->watcher.tell = tell;
	trace->adapter = adapter;
	trace->recorder = recorder;
	trace->first = first;
	/* Nothing comes before it: the lanes do not know of the trace yet. */
	recorder_record(recorder, first, &start, adapter->config.name);
	err = watch_add(&adapter->watch, &trace->watcher);
	if (err) {
		free(trace);
		return err;
	}
	*out = trace;
	return 0;
}

void adapter_trace_stop(struct adapter_trace *trace)
{
	watch_remove(&trace->adapter->watch, &trace->watcher, trace->adapter->lanes);
	free(trace);
}
