/* SPDX-License-Identifier: BSD-3-Clause */
#include "device/state.h"

#include <stdarg.h>

#include "base/clock.h"

#define TWICE_NS 1000000u /* between an interrupt and the same again */

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

/** spoil() - what rules say of an interrupt; false: it is not raised now */
static bool spoil(struct adapter *adapter, struct faults *faults, uint32_t vector)
{
	struct fault again = { .kind = FAULT_RAISE, .number = vector };
	struct fault_verdict verdict;

	if (!fault_interrupt(faults, vector, &verdict))
		return true;
	if (verdict.does & FAULT_DO_LATE)
		fault_later(faults, &again, clock_ns() + verdict.late);
	else if (verdict.does & FAULT_DO_TWICE)
		fault_later(faults, &again, clock_ns() + TWICE_NS);
	adapter_again(adapter);
	return !(verdict.does & (FAULT_DO_LATE | FAULT_DO_LOSE));
}

/** spoil_all() - leave out what is not to be raised now */
static __attribute__((noinline)) void spoil_all(struct adapter *adapter, struct faults *faults,
						struct raise *raise)
{
	bool dead = atomic_load(&fault_switches(faults)->fatal);

	if (!dead && !fault_vectors(faults))
		return;
	for (uint32_t word = 0; word < 2; word++)
		for (uint64_t left = raise->vectors[word]; left; left &= left - 1) {
			uint32_t bit = (uint32_t)__builtin_ctzll(left);

			if (dead || !spoil(adapter, faults, word * 64 + bit))
				raise->vectors[word] &= ~(UINT64_C(1) << bit);
		}
}

void adapter_raise(struct adapter *adapter, uint32_t vector)
{
	if (atomic_load(&adapter->bus_master))
		vfu_irq_raise(adapter->server, vector);
}

void adapter_raise_all(struct adapter *adapter, struct raise *raise)
{
	bool allowed = atomic_load_explicit(&adapter->bus_master, memory_order_relaxed);
	struct faults *faults = faults_of(adapter);

	if (__builtin_expect(faults != NULL, 0))
		spoil_all(adapter, faults, raise);
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
