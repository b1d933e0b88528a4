/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: a known bug is recognized by functions: the one where it happens, those on
 * the stack. Of the bugs that look so, one that the kernel's number says it has comes first, then
 * one of which the number says nothing.
 *
 * Any other crash is a driver's if it happened in one of its functions, or in a function of the
 * kernel that a driver called. Where the stack leaves the driver for the network stack, or for
 * another driver, the crash is theirs: mana_poll() is on the stack of every packet that comes in.
 */
#include "host/diagnosis/crash_verdict.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

const char *bugs_text(const struct bugs *bugs, size_t n)
{
	for (size_t i = 0; i < bugs->n; i++)
		for (size_t c = 0; c < bugs->bug[i].n_crashes; c++)
			if (bugs->bug[i].crash[c].line && !n--)
				return bugs->bug[i].crash[c].line;
	return NULL;
}

/* ---- whose it is ---- */

static bool is_one_of(const char *const *patterns, size_t n, const char *function)
{
	for (size_t i = 0; i < n; i++)
		if (!fnmatch(patterns[i], function, 0))
			return true;
	return false;
}

#define IS_ONE_OF(patterns, function)                                                              \
	is_one_of(patterns, sizeof(patterns) / sizeof(patterns[0]), function)

/** is_carrier() - does this function of VMBus only call those of other drivers? */
static bool is_carrier(const char *function)
{
	static const char *const carriers[] = {
		"vmbus_isr",
		"vmbus_on_event",
		"vmbus_chan_sched",
		"vmbus_probe",
		"vmbus_remove",
		"vmbus_shutdown",
		"vmbus_suspend",
		"vmbus_resume",
		"vmbus_bus_suspend",
		"vmbus_bus_resume",
		"vmbus_device_register",
		"vmbus_device_unregister",
		"vmbus_add_channel_work",
		"vmbus_onoffer_rescind",
		"vmbus_onmessage_work",
		"vmbus_match",
		"vmbus_percpu_isr",
		"vmbus_message_sched",
		"vmbus_reset_channel_cb",
	};

	return IS_ONE_OF(carriers, function);
}

/** is_passed() - does this frame say nothing of whose it is? uio works for the driver below it */
static bool is_passed(const struct crash_frame *frame)
{
	return !strcmp(frame->module, "uio") || is_carrier(frame->function);
}

/** is_beyond() - has the stack left whoever called this for another part of the kernel? */
static bool is_beyond(const struct crash_frame *frame)
{
	static const char *const others[] = {
		"napi_gro_*",           "gro_receive_*",   "netif_receive_skb*",
		"__netif_receive_skb*", "process_backlog", "asm_sysvec_*",
		"asm_common_interrupt", "el1h_64_irq*",    "el1_irq",
	};

	return !*frame->function || IS_ONE_OF(others, frame->function);
}

/** is_lock() - a function that waits until another task leaves a lock */
static bool is_lock(const char *function)
{
	static const char *const locks[] = { "rtnl_lock*",    "__rtnl_lock*", "mutex_lock*",
					     "__mutex_lock*", "down_read*",   "down_write*",
					     "rwsem_down_*" };

	return IS_ONE_OF(locks, function);
}

/** find_ours() - the driver's function that it happened in, or that called where it did; or NULL */
static const struct crash_frame *find_ours(const struct crash *crash)
{
	if (*crash->at.function) {
		if (crash_driver(&crash->at))
			return &crash->at;
		/* A transmit queue that stalls is no bug of who finds it out. */
		if ((*crash->at.module && !is_passed(&crash->at)) ||
		    !strcmp(crash->at.function, "dev_watchdog"))
			return NULL;
	}
	for (size_t i = 0; i < crash->n_frames; i++) {
		const struct crash_frame *frame = &crash->frame[i];

		if (!frame->sure)
			continue;
		if (is_beyond(frame) || (crash->kind == CRASH_HANG && is_lock(frame->function)))
			return NULL;
		if (is_passed(frame))
			continue;
		if (crash_driver(frame))
			return frame;
		if (*frame->module)
			return NULL;
	}
	/* What was pasted of a worker's stack may end before the function that the worker called. */
	return crash->kind == CRASH_HANG && crash_driver(&crash->work) ? &crash->work : NULL;
}

/* ---- a known bug? ---- */

static bool is_on_stack(const struct crash *crash, const char *pattern)
{
	if (!fnmatch(pattern, crash->at.function, 0))
		return true;
	for (size_t i = 0; i < crash->n_frames; i++)
		if (!fnmatch(pattern, crash->frame[i].function, 0))
			return true;
	return false;
}

/** is_at() - did it happen in one of these? If the log does not say, the stack's top counts */
static bool is_at(const struct crash *crash, const struct bug_words *at)
{
	const char *function = crash->at.function;

	for (size_t i = 0; !*function && i < crash->n_frames; i++)
		if (crash->frame[i].sure)
			function = crash->frame[i].function;
	return !at->n || is_one_of((const char *const *)at->word, at->n, function);
}

/** fits() - does a crash look like this? @seen: the log has the text that it wants */
static bool fits(const struct crash *crash, const struct bug_crash *look, bool seen)
{
	if (look->any || !seen || !is_at(crash, &look->at) ||
	    (crash->kind != CRASH_CUT && !(look->kinds & 1u << crash->kind)))
		return false;
	for (size_t i = 0; i < look->trace.n; i++)
		if (!is_on_stack(crash, look->trace.word[i]))
			return false;
	return true;
}

/** find_known() - the bug that it looks like, in this state; false if there is none */
static bool find_known(const struct crash *crash, const struct bugs *bugs, const bool *seen,
		       const struct kernel_version *kernel, enum bug_state state, size_t *bug)
{
	size_t text = 0;

	for (size_t i = 0; i < bugs->n; i++) {
		const struct bug *known = &bugs->bug[i];
		bool looks = false;

		for (size_t c = 0; c < known->n_crashes; c++)
			looks |= fits(crash, &known->crash[c],
				      !known->crash[c].line || seen[text++]);
		if (known->replaced || !looks ||
		    state != (kernel ? bug_state(known, kernel) : BUG_UNKNOWN))
			continue;
		*bug = i;
		return true;
	}
	return false;
}

/** find_any() - the entry for crashes of this kind that no known bug explains */
static bool find_any(const struct crash *crash, const struct bugs *bugs, size_t *bug)
{
	for (size_t i = 0; i < bugs->n; i++)
		for (size_t c = 0; !bugs->bug[i].replaced && c < bugs->bug[i].n_crashes; c++)
			if (bugs->bug[i].crash[c].any &&
			    bugs->bug[i].crash[c].kinds & 1u << crash->kind) {
				*bug = i;
				return true;
			}
	return false;
}

/* ---- the verdict ---- */

/** find_kernel() - that a crash happened on: what says most of its release; NULL: not known */
static const struct kernel_version *find_kernel(const struct crash *crash,
						const struct kernel_version *machine)
{
	const struct kernel_version *others[] = { crash->has_booted ? &crash->booted : NULL,
						  machine };

	for (size_t i = 0; i < 2; i++)
		if (others[i] &&
		    (!crash->has_kernel || (crash->kernel.number == KERNEL_UNKNOWN &&
					    !strcmp(crash->kernel.release, others[i]->release))))
			return others[i];
	return crash->has_kernel ? &crash->kernel : NULL;
}

static void say_state(struct crash_told *told, const struct bug *bug,
		      const struct kernel_version *kernel)
{
	static const struct kernel_version none = { .number = KERNEL_UNKNOWN };

	bug_mended_text(bug, kernel ? kernel : &none, told->mended, sizeof(told->mended));
	if (!kernel)
		snprintf(told->whether, sizeof(told->whether),
			 "The log does not name the version of the kernel.");
	else if (bug_state(bug, kernel) == BUG_PRESENT)
		snprintf(told->whether, sizeof(told->whether), "Kernel %s has it.",
			 kernel->release);
	else
		snprintf(told->whether, sizeof(told->whether),
			 "The number of kernel %s does not say whether it has the fix.",
			 kernel->release);
	snprintf(told->kernel, sizeof(told->kernel), "%s", kernel ? kernel->release : "");
}

/** add() - tell a crash; of several that one bug explains, the first */
static size_t add(struct crash_told *told, size_t n, size_t bug, const struct crash *crash)
{
	const struct crash_frame *ours = find_ours(crash);

	for (size_t i = 0; i < n; i++)
		if (told[i].bug == bug) {
			told[i].count++;
			return n;
		}
	memset(&told[n], 0, sizeof(told[n]));
	told[n].bug = bug;
	told[n].crash = crash;
	told[n].count = 1;
	if (ours) {
		told[n].driver = crash_driver(ours);
		told[n].function = ours->function;
	} else {
		told[n].function = crash->at.function;
	}
	return n + 1;
}

size_t crashes_judge(const struct crashes *crashes, const struct bugs *bugs, const bool *seen,
		     const struct kernel_version *machine, struct crash_told told[CRASHES_MAX])
{
	const struct kernel_version *kernel;
	const struct crash *crash;
	size_t n = 0, bug;

	for (size_t i = 0; (crash = crashes_get(crashes, i)); i++) {
		kernel = find_kernel(crash, machine);
		if (!crash->ignored && (find_known(crash, bugs, seen, kernel, BUG_PRESENT, &bug) ||
					find_known(crash, bugs, seen, kernel, BUG_UNKNOWN, &bug)))
			n = add(told, n, bug, crash);
	}
	/* What follows the first crash may well follow from it. */
	for (size_t i = 0; !n && (crash = crashes_get(crashes, i)); i++)
		if (!crash->ignored && find_ours(crash) && find_any(crash, bugs, &bug))
			n = add(told, n, bug, crash);
	for (size_t i = 0; i < n; i++) {
		kernel = find_kernel(told[i].crash, machine);
		say_state(&told[i], &bugs->bug[told[i].bug], kernel);
		if (!told[i].driver)
			told[i].driver = bugs->bug[told[i].bug].module;
	}
	return n;
}
