/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/trace.h - what happens on an adapter goes into a trace (trace/recorder.h).
 */
#ifndef MANAKIN_DEVICE_TRACE_H
#define MANAKIN_DEVICE_TRACE_H

#include "trace/recorder.h"

struct adapter;
struct adapter_trace;

/**
 * adapter_trace_interfaces() - the interfaces that an adapter has in a trace: its records, its vPorts
 * @first:	number of the first one in the file
 * @interfaces:	filled in: room for ADAPTER_PORTS_MAX + 1
 *
 * Return: how many they are
 */
unsigned int adapter_trace_interfaces(const struct adapter *adapter, uint32_t first,
				      struct recorder_interface *interfaces);

/**
 * adapter_trace_start() - from now on, record
 * @recorder:	has these interfaces from @first on; outlives the trace
 *
 * On the control thread. Return: 0, -ENOMEM, or -ENOSPC: too many watch this adapter
 */
int adapter_trace_start(struct adapter *adapter, struct recorder *recorder, uint32_t first,
			struct adapter_trace **trace);

/** adapter_trace_stop() - on return nothing more is recorded; on the control thread */
void adapter_trace_stop(struct adapter_trace *trace);

#endif
