/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: the kernel prints a crash as some twenty lines, of which most begin with
 * what only a crash has. The search for fixed texts (scan.h) finds those; the others, registers and
 * code, are never looked at. A line that says what happened opens a crash, unless the one before
 * has said no more than that yet: "BUG: kernel NULL pointer dereference" and "Oops: 0000" are one.
 * The line with RIP or pc says where, and each function+0x12/0x345 is a frame. A crash is as often
 * pasted in part, so one may also begin with RIP or Call Trace. Any prefix may be before all this.
 *
 * printk() may name the task or CPU that a line is of ("[  T123]"). Then crashes of several CPUs at
 * once are kept apart; without it, Linux prints an oops at a time anyway.
 */
#include "host/diagnosis/crash.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/diagnosis/text.h"

#define OPEN  4u   /* crashes that are being read at the same time */
#define GAP   400u /* lines without anything of a crash, after which it has ended */
#define HEADS 16u  /* lines that may be between two that say what happened */

/* What a text is to a crash */
enum role {
	ROLE_HEAD,    /* says what happened */
	ROLE_BUG,     /* the same; what follows it says what kind */
	ROLE_WARNING, /* the same, if more of the line is as the kernel has it */
	ROLE_OTHER,   /* begins a stack that is no crash's */
	ROLE_NMI,     /* begins the stack of a CPU, perhaps of the one that does not get on */
	ROLE_CPU,     /* is before the kernel's release */
	ROLE_AT,      /* is before where it happened */
	ROLE_STACK,   /* begins the stack */
	ROLE_ASIDE,   /* begins the stack of an earlier time */
	ROLE_WORK,    /* is before the work queue of the task, and what it was given to do */
	ROLE_CONTEXT, /* what follows on the stack was interrupted */
	ROLE_FRAME,   /* is in a frame */
	ROLE_END,
	ROLE_BOOT, /* is before the release of the kernel that starts */
};

/* Linux 5.15 to 7.3: arch/x86/kernel/dumpstack.c, arch/arm64/kernel/{process,traps}.c, arch/x86 and
 * arm64/mm/fault.c, kernel/{panic,hung_task,watchdog}.c, kernel/rcu/tree_stall.h, lib/ubsan.c,
 * mm/kasan/report.c, mm/page_alloc.c. */
#define TEXTS                                                                                      \
	X("BUG: ", ROLE_BUG, CRASH_OOPS)                                                           \
	X("Unable to handle kernel ", ROLE_HEAD, CRASH_OOPS)                                       \
	X("Internal error: ", ROLE_HEAD, CRASH_OOPS)                                               \
	X("general protection fault", ROLE_HEAD, CRASH_OOPS)                                       \
	X("kernel BUG at ", ROLE_HEAD, CRASH_OOPS)                                                 \
	X("Oops: ", ROLE_HEAD, CRASH_OOPS)                                                         \
	X("invalid opcode: ", ROLE_HEAD, CRASH_OOPS)                                               \
	X("divide error: ", ROLE_HEAD, CRASH_OOPS)                                                 \
	X("stack segment: ", ROLE_HEAD, CRASH_OOPS)                                                \
	X("double fault: ", ROLE_HEAD, CRASH_OOPS)                                                 \
	X("WARNING: ", ROLE_WARNING, CRASH_WARNING)                                                \
	X("UBSAN: ", ROLE_HEAD, CRASH_WARNING)                                                     \
	X("refcount_t: ", ROLE_HEAD, CRASH_WARNING)                                                \
	X("list_add corruption", ROLE_HEAD, CRASH_WARNING)                                         \
	X("list_del corruption", ROLE_HEAD, CRASH_WARNING)                                         \
	X("CFI failure ", ROLE_HEAD, CRASH_WARNING)                                                \
	X("detected field-spanning write", ROLE_HEAD, CRASH_WARNING)                               \
	X("cannot create duplicate filename", ROLE_HEAD, CRASH_WARNING)                            \
	X("blocked for more than ", ROLE_HEAD, CRASH_HANG)                                         \
	X("soft lockup - CPU", ROLE_HEAD, CRASH_HANG)                                              \
	X("hard LOCKUP on cpu", ROLE_HEAD, CRASH_HANG)                                             \
	X("self-detected stall on CPU", ROLE_HEAD, CRASH_HANG)                                     \
	X("detected stalls on CPUs", ROLE_HEAD, CRASH_HANG)                                        \
	X("detected expedited stalls on CPUs", ROLE_HEAD, CRASH_HANG)                              \
	X("page allocation failure", ROLE_OTHER, 0)                                                \
	X("invoked oom-killer", ROLE_OTHER, 0)                                                     \
	X("sysrq: ", ROLE_OTHER, 0)                                                                \
	X("NMI backtrace for cpu", ROLE_NMI, 0)                                                    \
	X("Not tainted ", ROLE_CPU, 0)                                                             \
	X("Tainted: ", ROLE_CPU, 0)                                                                \
	X("IP: ", ROLE_AT, 0)                                                                      \
	X("pc : ", ROLE_AT, 0)                                                                     \
	X("PC is at ", ROLE_AT, 0)                                                                 \
	X("Call Trace:", ROLE_STACK, 0)                                                            \
	X("Call trace:", ROLE_STACK, 0)                                                            \
	X("Workqueue: ", ROLE_WORK, 0)                                                             \
	X("Allocated by task ", ROLE_ASIDE, 0)                                                     \
	X("Freed by task ", ROLE_ASIDE, 0)                                                         \
	X("</IRQ>", ROLE_CONTEXT, 0)                                                               \
	X("</NMI>", ROLE_CONTEXT, 0)                                                               \
	X("</SOFTIRQ>", ROLE_CONTEXT, 0)                                                           \
	X("+0x", ROLE_FRAME, 0)                                                                    \
	X("---[ end ", ROLE_END, 0)                                                                \
	X("Linux version ", ROLE_BOOT, 0)

#define X(text, role, kind) text,
const char *const crash_texts[] = { TEXTS };
#undef X
const size_t crash_n_texts = sizeof(crash_texts) / sizeof(crash_texts[0]);

#define X(text, role, kind) { role, kind },
static const struct {
	enum role role;
	unsigned int kind;
} meaning[] = { TEXTS };
#undef X

/**
 * struct crashes - those of a log
 * @open:	that are being read, the latest first
 * @line, @role: the line that is being read, and what the last text in it was
 * @booted:	the last kernel that started
 * @news:	more has come of a crash of interest
 */
struct crashes {
	const struct bugs *bugs;
	struct crash *all[CRASHES_MAX];
	size_t n;
	struct crash *open[OPEN];
	uint64_t line;
	enum role role;
	struct kernel_version booted;
	bool has_booted, news;
};

/** struct hit - what crashes_hit() was called with */
struct hit {
	uint64_t number;
	const char *text;
	size_t len, end;
};

struct crashes *crashes_open(const struct bugs *bugs)
{
	struct crashes *crashes = calloc(1, sizeof(*crashes));

	if (crashes)
		crashes->bugs = bugs;
	return crashes;
}

void crashes_forget(struct crashes *crashes)
{
	for (size_t i = 0; i < crashes->n; i++)
		free(crashes->all[i]);
	crashes->n = 0;
	memset(crashes->open, 0, sizeof(crashes->open));
}

void crashes_close(struct crashes *crashes)
{
	if (!crashes)
		return;
	crashes_forget(crashes);
	free(crashes);
}

bool crashes_news(struct crashes *crashes)
{
	bool news = crashes->news;

	crashes->news = false;
	return news;
}

const struct crash *crashes_get(const struct crashes *crashes, size_t n)
{
	return n < crashes->n ? crashes->all[n] : NULL;
}

void crashes_part(struct crashes *crashes)
{
	memset(crashes->open, 0, sizeof(crashes->open));
	crashes->line = 0;
}

const char *crash_driver(const struct crash_frame *frame)
{
	static const char *const drivers[] = { "mana",           "mana_ib",  "hv_netvsc",
					       "uio_hv_generic", "hv_vmbus", "pci_hyperv" };
	/* drivers/{net/ethernet/microsoft,infiniband/hw,net/hyperv,uio,hv,pci/controller} */
	static const struct {
		const char *begins, *driver;
	} names[] = {
		{ "mana_ib_", "mana_ib" },
		{ "mana_", "mana" },
		{ "netvsc_", "hv_netvsc" },
		{ "rndis_filter_", "hv_netvsc" },
		{ "hv_uio_", "uio_hv_generic" },
		{ "vmbus_", "hv_vmbus" },
		{ "__vmbus_", "hv_vmbus" },
		{ "hv_ringbuffer_", "hv_vmbus" },
		{ "hv_pkt_iter_", "hv_vmbus" },
		{ "hv_get_ringbuffer", "hv_vmbus" },
		{ "hv_get_bytes_to_", "hv_vmbus" },
		{ "hv_pci_", "pci_hyperv" },
		{ "hv_compose_msi_msg", "pci_hyperv" },
		{ "hv_irq_unmask", "pci_hyperv" },
	};

	for (size_t i = 0; *frame->module && i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (!strcmp(frame->module, drivers[i]))
			return drivers[i];
	for (size_t i = 0; !*frame->module && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(frame->function, names[i].begins, strlen(names[i].begins)))
			return names[i].driver;
	return NULL;
}

/* ---- which crash a line is of ---- */

/** read_caller() - "[  T123]" or "[  C3]" before the text; else an empty string */
static void read_caller(const struct hit *hit, char caller[16])
{
	size_t from = 0;

	caller[0] = 0;
	while (from < hit->end) {
		const char *open = memchr(hit->text + from, '[', hit->end - from);
		size_t at, len = 0;

		if (!open)
			return;
		at = from = (size_t)(open - hit->text) + 1;
		while (at < hit->end && hit->text[at] == ' ')
			at++;
		if (at == hit->end || (hit->text[at] != 'T' && hit->text[at] != 'C'))
			continue;
		while (at + len + 1 < hit->end && isdigit((unsigned char)hit->text[at + len + 1]))
			len++;
		if (!len || len > 12 || at + len + 1 >= hit->end || hit->text[at + len + 1] != ']')
			continue;
		snprintf(caller, 16, "%.*s", (int)len + 1, hit->text + at);
		return;
	}
}

/** find_open() - the crash that a line of this caller goes on with; NULL if there is none */
static struct crash *find_open(struct crashes *c, uint64_t number, const char *caller)
{
	for (size_t i = 0; i < OPEN; i++) {
		struct crash *crash = c->open[i];

		if (crash && !strcmp(crash->caller, caller) && number <= crash->last + GAP)
			return crash;
	}
	return NULL;
}

/** forget() - drop a crash that is of no interest, the first; false if there is none */
static bool forget(struct crashes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		bool open = false;

		for (size_t o = 0; o < OPEN; o++)
			open |= c->open[o] == c->all[i];
		if (open || c->all[i]->interesting)
			continue;
		free(c->all[i]);
		c->n--;
		memmove(&c->all[i], &c->all[i + 1], (c->n - i) * sizeof(c->all[0]));
		return true;
	}
	return false;
}

/** begin() - a new crash; NULL if there are too many, or no memory */
static struct crash *begin(struct crashes *c, uint64_t number, const char *caller,
			   unsigned int kind)
{
	struct crash *crash = NULL;
	size_t slot = OPEN - 1;

	/* What follows is not the last crash's, whether there is room for a new one or not. */
	for (size_t i = 0; i < OPEN; i++)
		if (c->open[i] && !strcmp(c->open[i]->caller, caller))
			slot = i;
	memmove(&c->open[1], &c->open[0], slot * sizeof(c->open[0]));
	c->open[0] = NULL;
	if (c->n < CRASHES_MAX || forget(c))
		crash = calloc(1, sizeof(*crash));
	if (!crash)
		return NULL;
	c->open[0] = crash;
	c->all[c->n++] = crash;
	crash->kind = kind;
	crash->begin = crash->last = number;
	crash->booted = c->booted;
	crash->has_booted = c->has_booted;
	memcpy(crash->caller, caller, sizeof(crash->caller));
	return crash;
}

static void keep(struct crash_line *line, const struct hit *hit)
{
	size_t len = hit->len;

	if (line->number)
		return;
	line->number = hit->number;
	while (len && (hit->text[len - 1] == '\r' || hit->text[len - 1] == '\n'))
		len--;
	text_clean(line->text, sizeof(line->text), hit->text, len);
}

/** head() - a line says what happened */
static void head(struct crashes *c, const struct hit *hit, unsigned int kind)
{
	struct crash *crash;
	char caller[16];

	read_caller(hit, caller);
	crash = find_open(c, hit->number, caller);
	/* More of the same, or a new one? */
	if (!crash || crash->ignored || crash->ended || hit->number > crash->last + HEADS ||
	    *crash->at.function || crash->n_frames || crash->traced)
		crash = begin(c, hit->number, caller, kind);
	if (!crash)
		return;
	crash->last = hit->number;
	if (kind == CRASH_OOPS || crash->kind == CRASH_CUT)
		crash->kind = kind;
	keep(&crash->head, hit);
}

/* ---- what a text says ---- */

/** next() - does the line go on with this word? */
static bool next(const struct hit *hit, const char *word)
{
	size_t len = strlen(word);

	return hit->len - hit->end >= len && !memcmp(hit->text + hit->end, word, len);
}

/** bug() - after "BUG: " */
static void bug(struct crashes *c, const struct hit *hit)
{
	static const char *const warnings[] = {
		"KASAN:",       "KFENCE:",           "KMSAN:",
		"KCSAN:",       "sleeping function", "scheduling while atomic",
		"Invalid wait", "Bad page"
	};
	unsigned int kind =
		next(hit, "soft lockup") || next(hit, "workqueue lockup") ? CRASH_HANG : CRASH_OOPS;

	for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++)
		if (next(hit, warnings[i]))
			kind = CRASH_WARNING;
	head(c, hit, kind);
}

/**
 * warning() - after "WARNING: ", which others print, too
 *
 * "CPU: 0 PID: 10 at FILE:LINE FUNCTION", from 6.19 on "FILE:LINE at FUNCTION, CPU#0: TASK/PID"; or
 * what lockdep has found.
 */
static void warning(struct crashes *c, const struct hit *hit)
{
	static const char *const locks[] = { "possible ", "suspicious RCU", "bad unlock",
					     "inconsistent lock" };
	const char *rest = hit->text + hit->end;
	size_t left = hit->len - hit->end;
	bool is = next(hit, "CPU: ") || memmem(rest, left < 200 ? left : 200, "+0x", 3);

	for (size_t i = 0; !is && i < sizeof(locks) / sizeof(locks[0]); i++)
		is = next(hit, locks[i]);
	if (is)
		head(c, hit, CRASH_WARNING);
}

/** kernel_after() - the release, and what follows it, after "tainted" and its letters */
static bool kernel_after(const struct hit *hit, struct kernel_version *version)
{
	char text[256];
	const char *p = text;

	text_clean(text, sizeof(text), hit->text + hit->end, hit->len - hit->end);
	for (; p; p = strchr(p, ' ')) {
		p += strspn(p, " ");
		if (isdigit((unsigned char)*p) && kernel_version_parse(p, version))
			return true;
	}
	return false;
}

/** open_crash() - the one that a line belongs to; without its beginning, one that is cut; or NULL */
static struct crash *open_crash(struct crashes *c, const struct hit *hit)
{
	struct crash *crash;
	char caller[16];

	read_caller(hit, caller);
	crash = find_open(c, hit->number, caller);
	if (!crash || crash->ended)
		crash = begin(c, hit->number, caller, CRASH_CUT);
	if (crash)
		crash->last = hit->number;
	return crash;
}

/** cpu() - "CPU: 3 PID: 0 Comm: swapper/3 Not tainted 6.12.57+deb13-amd64 #1 Debian 6.12.57-1" */
static void cpu(struct crashes *c, const struct hit *hit)
{
	struct crash *crash = open_crash(c, hit);

	if (!crash)
		return;
	if (!crash->has_kernel)
		crash->has_kernel = kernel_after(hit, &crash->kernel);
	keep(&crash->cpu, hit);
}

/** stack() - "Call Trace:" */
static void stack(struct crashes *c, const struct hit *hit)
{
	struct crash *crash = open_crash(c, hit);

	if (!crash)
		return;
	crash->traced = true;
	if (!crash->head.number)
		keep(&crash->head, hit);
}

/** parse_frame() - function+0x12/0x345 [module], whose "+0x" ends here */
static bool parse_frame(const struct hit *hit, struct crash_frame *frame)
{
	const char *text = hit->text;
	size_t to = hit->end - 3, from = to, at = hit->end, len;

	while (from && (isalnum((unsigned char)text[from - 1]) || strchr("_.$", text[from - 1])) &&
	       text[from - 1])
		from--;
	while (at < hit->len && isxdigit((unsigned char)text[at]))
		at++;
	if (from == to || isdigit((unsigned char)text[from]) || at == hit->end ||
	    hit->len - at < 4 || memcmp(text + at, "/0x", 3))
		return false;
	for (at += 3; at < hit->len && isxdigit((unsigned char)text[at]); at++)
		;
	memset(frame, 0, sizeof(*frame));
	/* What the compiler added, as .isra.0, is not part of the name. */
	len = to - from;
	for (size_t i = 1; i < len; i++)
		if (text[from + i] == '.')
			len = i;
	snprintf(frame->function, sizeof(frame->function), "%.*s", (int)len, text + from);
	frame->sure = from < 2 || text[from - 2] != '?';
	frame->line = hit->number;
	/* "[mana]", or with its build id "[mana 0123abcd]" */
	if (hit->len - at > 2 && text[at] == ' ' && text[at + 1] == '[') {
		for (len = 0; at + 2 + len < hit->len &&
			      (isalnum((unsigned char)text[at + 2 + len]) ||
			       text[at + 2 + len] == '_' || text[at + 2 + len] == '-');
		     len++)
			;
		snprintf(frame->module, sizeof(frame->module), "%.*s", (int)len, text + at + 2);
	}
	return true;
}

/** is_place_of() - is this where a bug is known to show? */
static bool is_place_of(const struct bug *bug, const char *function)
{
	for (size_t i = 0; i < bug->n_crashes; i++)
		for (size_t n = 0; n < bug->crash[i].at.n; n++)
			if (!fnmatch(bug->crash[i].at.word[n], function, 0))
				return true;
	return false;
}

/** place() - the frame is where it happened */
static void place(struct crashes *c, struct crash *crash, const struct hit *hit,
		  const struct crash_frame *frame)
{
	/* An interrupted function's registers are on the stack, too. */
	if (*crash->at.function || crash->traced)
		return;
	crash->at = *frame;
	crash->at.sure = true;
	keep(&crash->place, hit);
	for (size_t i = 0; !crash->interesting && i < c->bugs->n; i++)
		crash->interesting = is_place_of(&c->bugs->bug[i], frame->function);
}

/** kind_of() - what a function on the stack says of why the kernel shows it; CRASH_CUT: nothing */
static unsigned int kind_of(const char *function)
{
	static const struct {
		const char *function;
		unsigned int kind;
	} shows[] = {
		{ "page_fault_oops", CRASH_OOPS },
		{ "__die", CRASH_OOPS },
		{ "__die_body", CRASH_OOPS },
		{ "__warn", CRASH_WARNING },
	};

	for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++)
		if (!strcmp(function, shows[i].function))
			return shows[i].kind;
	return CRASH_CUT;
}

/** frame() - a function, on the stack or where it happened */
static void frame(struct crashes *c, const struct hit *hit)
{
	bool at = c->role == ROLE_AT, headed = c->role <= ROLE_WARNING;
	struct crash_frame frame;
	struct crash *crash;
	unsigned int kind;
	char caller[16];

	if (!parse_frame(hit, &frame))
		return;
	read_caller(hit, caller);
	crash = find_open(c, hit->number, caller);
	kind = kind_of(frame.function);
	if (at && (!crash || (crash->ended && strcmp(crash->at.function, frame.function)))) {
		crash = begin(c, hit->number, caller, CRASH_CUT);
	} else if ((!crash || crash->ended) && kind < CRASH_CUT) {
		/* The stack's own first line is missing, too. */
		crash = begin(c, hit->number, caller, kind);
		if (crash) {
			crash->traced = true;
			keep(&crash->head, hit);
		}
	}
	if (!crash || crash->ended)
		return;
	if (crash->kind == CRASH_CUT)
		crash->kind = kind;
	crash->last = hit->number;
	if (crash_driver(&frame)) {
		crash->interesting = true;
		if (frame.sure)
			keep(&crash->ours, hit);
	}
	if (at || headed)
		place(c, crash, hit, &frame);
	c->news |= crash->interesting;
	if (at || headed)
		return;
	frame.sure = frame.sure && !crash->aside;
	if (crash->n_frames < CRASH_FRAMES)
		crash->frame[crash->n_frames++] = frame;
}

/** work() - "Workqueue: hv_vmbus_con vmbus_onmessage_work [hv_vmbus]", before the stack */
static void work(struct crashes *c, const struct hit *hit)
{
	struct crash *crash;
	char caller[16], text[128];

	read_caller(hit, caller);
	crash = find_open(c, hit->number, caller);
	if (!crash || crash->ended || crash->ignored || *crash->work.function)
		return;
	text_clean(text, sizeof(text), hit->text + hit->end, hit->len - hit->end);
	if (sscanf(text, "%*s %63[A-Za-z0-9_] [%31[a-z0-9_]", crash->work.function,
		   crash->work.module) < 1)
		return;
	crash->work.line = hit->number;
	crash->last = hit->number;
	if (!crash_driver(&crash->work))
		return;
	crash->interesting = true;
	c->news = true;
	keep(&crash->worker, hit);
}

/** mark() - what is said of the crash that this line goes on with */
static void mark(struct crashes *c, const struct hit *hit, enum role role)
{
	struct crash *crash;
	char caller[16];

	read_caller(hit, caller);
	crash = find_open(c, hit->number, caller);
	if (!crash)
		return;
	if (role == ROLE_END)
		crash->ended = true;
	else if (role == ROLE_ASIDE)
		crash->aside = true;
	else if (crash->n_frames < CRASH_FRAMES)
		crash->frame[crash->n_frames++] = (struct crash_frame){ .sure = true };
}

/** other() - a stack that is no crash's begins */
static void other(struct crashes *c, const struct hit *hit, enum role role)
{
	struct crash *crash;
	char caller[16];

	read_caller(hit, caller);
	crash = find_open(c, hit->number, caller);
	/* A CPU that does not get on may be shown by an NMI only. */
	if (role == ROLE_NMI && crash && crash->kind == CRASH_HANG && !*crash->at.function &&
	    !crash->n_frames)
		return;
	if (crash && crash->ignored) {
		crash->last = hit->number;
		return;
	}
	crash = begin(c, hit->number, caller, CRASH_CUT);
	if (crash)
		crash->ignored = true;
}

void crashes_hit(struct crashes *c, size_t which, uint64_t number, const char *text, size_t len,
		 size_t end)
{
	const struct hit hit = { number, text, len, end };
	enum role role = meaning[which].role;

	if (c->line != number)
		c->role = ROLE_FRAME;
	c->line = number;
	switch (role) {
	case ROLE_HEAD:
		head(c, &hit, meaning[which].kind);
		break;
	case ROLE_BUG:
		bug(c, &hit);
		break;
	case ROLE_WARNING:
		warning(c, &hit);
		break;
	case ROLE_OTHER:
	case ROLE_NMI:
		other(c, &hit, role);
		break;
	case ROLE_CPU:
		cpu(c, &hit);
		break;
	case ROLE_STACK:
		stack(c, &hit);
		break;
	case ROLE_WORK:
		work(c, &hit);
		break;
	case ROLE_FRAME:
		frame(c, &hit);
		return;
	case ROLE_BOOT:
		if (kernel_after(&hit, &c->booted))
			c->has_booted = true;
		memset(c->open, 0, sizeof(c->open));
		break;
	case ROLE_AT:
		break;
	default:
		mark(c, &hit, role);
	}
	c->role = role;
}
