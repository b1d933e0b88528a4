/* SPDX-License-Identifier: BSD-3-Clause */
#include "device/state.h"

#include <stdarg.h>

void adapter_again(struct adapter *adapter)
{
	vfu_server_again(adapter->server);
}

static_assert(ADAPTER_MSIX <= 64 * sizeof(struct raise) / sizeof(uint64_t), "a bit for each");

/** tell_interrupt() - tell watchers */
static __attribute__((noinline)) void tell_interrupt(struct adapter *adapter, unsigned int vector)
{
	const struct watch_event event = { .kind = WATCH_INTERRUPT, .position = vector };

	watch_tell(&adapter->watch, &event);
}

void adapter_raise_all(struct adapter *adapter, struct raise *raise)
{
	bool allowed = atomic_load_explicit(&adapter->bus_master, memory_order_relaxed);

	for (unsigned int word = 0; word < 2; word++) {
		for (uint64_t left = raise->vectors[word]; left && allowed; left &= left - 1) {
			unsigned int vector = word * 64 + (unsigned int)__builtin_ctzll(left);

			if (watch_wants(&adapter->watch, WATCH_BIT(WATCH_INTERRUPT)))
				tell_interrupt(adapter, vector);
			vfu_irq_raise(adapter->server, vector);
		}
		raise->vectors[word] = 0;
	}
}

void adapter_say(struct adapter *adapter, enum log_level level, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	log_limited_args(&adapter->limits, level, adapter->config.name, format, ap);
	va_end(ap);
}

uint64_t adapter_handle(struct adapter *adapter, unsigned int kind, uint32_t low)
{
	return (uint64_t)kind << 56 | (uint64_t)(++adapter->handles & 0xffffffu) << 32 | low;
}
