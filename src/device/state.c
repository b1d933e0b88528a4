/* SPDX-License-Identifier: BSD-3-Clause */
#include "device/state.h"

#include <stdarg.h>
#include <stdio.h>

#define SAID_MAX 200u /* messages about one client */

void adapter_again(struct adapter *adapter)
{
	vfu_server_again(adapter->server);
}

static_assert(ADAPTER_MSIX <= 64 * sizeof(struct raise) / sizeof(uint64_t), "a bit for each");

void adapter_raise_all(struct adapter *adapter, struct raise *raise)
{
	bool allowed = atomic_load_explicit(&adapter->bus_master, memory_order_relaxed);

	for (unsigned int word = 0; word < 2; word++) {
		for (uint64_t left = raise->vectors[word]; left && allowed; left &= left - 1)
			vfu_irq_raise(adapter->server,
				      word * 64 + (unsigned int)__builtin_ctzll(left));
		raise->vectors[word] = 0;
	}
}

void adapter_say(struct adapter *adapter, enum log_level level, const char *format, ...)
{
	char text[400];
	uint32_t said;
	va_list ap;

	if (!log_wants(level))
		return;
	/* At the highest log level nothing is suppressed. */
	said = level > LOG_NOTICE ? 0 : atomic_load_explicit(&adapter->said, memory_order_relaxed);
	if (said > SAID_MAX)
		return;
	if (level <= LOG_NOTICE)
		said = atomic_fetch_add_explicit(&adapter->said, 1, memory_order_relaxed);
	if (said < SAID_MAX) {
		va_start(ap, format);
		vsnprintf(text, sizeof(text), format, ap);
		va_end(ap);
		log_say(level, "%s: %s", adapter->config.name, text);
	} else if (said == SAID_MAX) {
		log_say(LOG_WARNING,
			"%s: %u messages about this client; further ones are suppressed",
			adapter->config.name, SAID_MAX);
	}
}

uint64_t adapter_handle(struct adapter *adapter, unsigned int kind, uint32_t low)
{
	return (uint64_t)kind << 56 | (uint64_t)(++adapter->handles & 0xffffffu) << 32 | low;
}
