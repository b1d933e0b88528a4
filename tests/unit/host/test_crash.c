/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Crashes of the kernel in logs, against the shipped rules and known bugs. RULES is the directory
 * of the first, KNOWN_BUGS the file of the second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/diagnosis/crash_rules.h"
#include "host/diagnosis/diagnosis.h"
#include "host/diagnosis/follow.h"

static struct rules *rules;

static int open_rules(void **state)
{
	struct bugs bugs = { .n = 0 };
	struct error error = { "" };
	(void)state;

	rules = rules_open();
	assert_non_null(rules);
	if (rules_directory(rules, RULES, &error) || bugs_file(&bugs, KNOWN_BUGS, &error) ||
	    rules_bugs(rules, &bugs, &error) || rules_ready(rules, &error))
		fail_msg("%s", error.text);
	return 0;
}

static int close_rules(void **state)
{
	(void)state;
	rules_close(rules);
	return 0;
}

static struct diagnosis *diagnose_with(const char *log, const char *kernel)
{
	struct fact fact = { FACT_KERNEL, kernel, "it runs that", 0 };
	struct diagnosis *d = diagnosis_open(rules);

	assert_non_null(d);
	diagnosis_feed(d, log, strlen(log));
	assert_int_equal(diagnosis_finish(d, &fact, kernel ? 1 : 0), 0);
	return d;
}

/** told_on() - the ids of what is told, with blanks between them */
static const char *told_on(const char *log, const char *kernel)
{
	struct diagnosis *d = diagnose_with(log, kernel);
	const struct finding *finding;
	static char ids[512];
	size_t at = 0;

	ids[0] = 0;
	for (size_t i = 0; (finding = diagnosis_finding(d, i)); i++)
		at += (size_t)snprintf(ids + at, sizeof(ids) - at, "%s%s", i ? " " : "",
				       finding->rule->id);
	diagnosis_close(d);
	return ids;
}

static const char *told(const char *log)
{
	return told_on(log, NULL);
}

/** is_told() - is this rule among what is told of a log? */
static bool is_told(const char *log, const char *id)
{
	struct diagnosis *d = diagnose_with(log, NULL);
	const struct finding *finding;
	bool found = false;

	for (size_t i = 0; (finding = diagnosis_finding(d, i)); i++)
		found |= !strcmp(finding->rule->id, id);
	diagnosis_close(d);
	return found;
}

/* The examples of the known bugs */

static void each_example_has_its_bug_alone(void **state)
{
	size_t examples = 0;
	(void)state;

	for (size_t i = 0; i < rules->bugs->n; i++) {
		const struct bug *bug = &rules->bugs->bug[i];

		for (size_t e = 0; e < bug->examples.n; e++, examples++)
			if (strcmp(told(bug->examples.word[e]), bug->id) != 0)
				fail_msg("%s: its example is told as '%s': %s", bug->id,
					 told(bug->examples.word[e]), bug->examples.word[e]);
		for (size_t e = 0; e < bug->counterexamples.n; e++)
			if (is_told(bug->counterexamples.word[e], bug->id))
				fail_msg("%s is told of its counterexample: %s", bug->id,
					 bug->counterexamples.word[e]);
	}
	assert_true(examples >= 35);
}

/** on_kernel() - an example with another kernel in its line "Not tainted ..." */
static void on_kernel(char *to, size_t size, const char *example, const char *release)
{
	const char *kernel = strstr(example, "ainted"), *end;

	assert_non_null(kernel);
	kernel += strcspn(kernel, "0123456789\n");
	assert_true(*kernel >= '0' && *kernel <= '9');
	end = kernel + strcspn(kernel, "\n");
	snprintf(to, size, "%.*s%s #1%s", (int)(kernel - example), example, release, end);
}

static void a_bug_is_not_told_of_a_kernel_that_carries_the_mend(void **state)
{
	size_t tried = 0;
	(void)state;

	for (size_t i = 0; i < rules->bugs->n; i++) {
		const struct bug *bug = &rules->bugs->bug[i];

		for (size_t e = 0; e < bug->examples.n; e++)
			for (size_t m = 0; m < bug->n_mended; m++, tried++) {
				const struct bug_point *at = &bug->mended[m];
				char release[32], log[8192];

				snprintf(release, sizeof(release), "%u.%u.%u", at->major, at->minor,
					 at->patch);
				on_kernel(log, sizeof(log), bug->examples.word[e], release);
				if (is_told(log, bug->id))
					fail_msg("%s is told of %s", bug->id, release);
			}
	}
	assert_true(tried > 100);
}

static void a_bug_is_told_with_reservation_if_the_kernel_does_not_tell(void **state)
{
	struct diagnosis *d;
	char log[8192];
	(void)state;

	for (size_t i = 0; i < rules->bugs->n; i++) {
		const struct bug *bug = &rules->bugs->bug[i];

		if (!bug->n_since)
			continue;
		on_kernel(log, sizeof(log), bug->examples.word[0], "5.14.0-570.12.1.el9_6.x86_64");
		if (strcmp(told(log), bug->id) != 0)
			fail_msg("%s: '%s' is told of a kernel of Red Hat", bug->id, told(log));
	}
	d = diagnose_with(log, NULL);
	assert_non_null(strstr(diagnosis_finding(d, 0)->cause,
			       "The number of kernel 5.14.0-570.12.1.el9_6.x86_64 does not say"));
	diagnosis_close(d);
}

/* Whose crash it is */

#define OOPS(kernel)                                                                               \
	"BUG: kernel NULL pointer dereference, address: 0000000000000010\n"                        \
	"Oops: Oops: 0000 [#1] SMP NOPTI\n"                                                        \
	"CPU: 1 UID: 0 PID: 7 Comm: x Not tainted " kernel "\n"

static void a_crash_of_ours_is_told_with_its_function(void **state)
{
	struct diagnosis *d;
	(void)state;

	d = diagnose_with(
		OOPS("6.18.40 #1") "RIP: 0010:kfree+0x10/0x90\nCall Trace:\n <TASK>\n"
				   " ? kfree+0x10/0x90\n ? nf_hook_slow+0x1/0x2 [nf_tables]\n"
				   " mana_create_txq+0x111/0x222 [mana]\n ksys_write+0x1/0x2\n",
		NULL);
	assert_string_equal(diagnosis_finding(d, 0)->rule->id, "kernel-crash");
	assert_string_equal(diagnosis_finding(d, 0)->title,
			    "The kernel crashed in mana, function mana_create_txq");
	assert_int_equal(diagnosis_finding(d, 0)->n_lines, 4);
	diagnosis_close(d);
	/* Built in, so there is no module */
	assert_string_equal(told(OOPS("6.18.40") "RIP: 0010:netvsc_poll+0x10/0x90\n"),
			    "kernel-crash");
	assert_string_equal(
		told(OOPS("6.18.40") "RIP: 0010:mana_ib_poll+0x10/0x90 [mana_ib 0abc1234]\n"),
		"kernel-crash");
}

static void a_crash_elsewhere_is_not_ours(void **state)
{
	(void)state;
	assert_string_equal(
		told(OOPS("6.18.40") "RIP: 0010:ext4_read+0x10/0x90 [ext4]\nCall Trace:\n"
				     " mana_poll+0x1/0x2 [mana]\n"),
		"");
	/* A packet came in through mana, and the network stack crashed. */
	assert_string_equal(
		told(OOPS(
			"6.18.40") "RIP: 0010:tcp_v4_rcv+0x10/0x90\nCall Trace:\n <IRQ>\n"
				   " ip_rcv+0x1/0x2\n __netif_receive_skb_core.constprop.0+0x1/0x2\n"
				   " napi_gro_receive+0x1/0x2\n mana_poll+0x1/0x2 [mana]\n"),
		"");
	/* An interrupt came while mana was at work. */
	assert_string_equal(
		told(OOPS("6.18.40") "RIP: 0010:tick_sched+0x10/0x90\nCall Trace:\n <IRQ>\n"
				     " hrtimer_run+0x1/0x2\n </IRQ>\n <TASK>\n"
				     " mana_poll+0x1/0x2 [mana]\n"),
		"");
	/* VMBus called another driver. */
	assert_string_equal(
		told(OOPS("6.18.40") "RIP: 0010:memcpy+0x10/0x90\nCall Trace:\n"
				     " storvsc_on_channel_callback+0x1/0x2 [hv_storvsc]\n"
				     " vmbus_on_event+0x1/0x2 [hv_vmbus]\n"),
		"");
	assert_string_equal(told(OOPS("6.18.40") "RIP: 0010:some_probe+0x10/0x90\nCall Trace:\n"
						 " vmbus_probe+0x1/0x2 [hv_vmbus]\n"),
			    "");
	assert_string_equal(told("testpmd: WARNING: mana_poll is slow\nOops: see mana\n"), "");
}

static void what_uio_does_for_a_driver_is_the_drivers(void **state)
{
	(void)state;
	assert_string_equal(
		told(OOPS(
			"6.18.40 #1") "RIP: 0010:uio_unregister_device+0x1/0x2 [uio]\nCall Trace:\n"
				      " hv_uio_remove+0x1/0x2 [uio_hv_generic]\n vmbus_remove+0x1/0x2\n"),
		"kernel-crash");
	assert_string_equal(
		told(OOPS(
			"6.18.40 #1") "RIP: 0010:uio_unregister_device+0x1/0x2 [uio]\nCall Trace:\n"
				      " other_remove+0x1/0x2 [uio_pci_generic]\n"),
		"");
}

static void a_stack_that_is_no_crash_is_not_told(void **state)
{
	(void)state;
	assert_string_equal(told("manakin: page allocation failure: order:7, mode:0xdc0\n"
				 "CPU: 1 PID: 7 Comm: x Not tainted 6.18.40 #1\nCall Trace:\n"
				 " dump_stack+0x1/0x2\n vmbus_alloc_ring+0x4f/0xd0 [hv_vmbus]\n"
				 " hv_uio_probe+0xd1/0x400 [uio_hv_generic]\n"),
			    "vmbus-memory");
	assert_string_equal(
		told("sysrq: Show Blocked State\nCall Trace:\n"
		     " mana_poll+0x1/0x2 [mana]\nCall Trace:\n mana_close+0x1/0x2 [mana]\n"),
		"");
	/* A task waits for who has the lock. */
	assert_string_equal(
		told("INFO: task ip:7 blocked for more than 120 seconds.\n"
		     "      Not tainted 6.18.40 #1\nCall Trace:\n schedule+0x1/0x2\n"
		     " __mutex_lock.constprop.0+0x1/0x2\n mana_set_channels+0x1/0x2 [mana]\n"),
		"");
}

/* How a log may be */

#define PANIC(prefix, prefix2)                                                                     \
	prefix "BUG: kernel NULL pointer dereference, address: 00000000000000a0\n" prefix          \
	       "Oops: Oops: 0000 [#1] PREEMPT SMP PTI\n" prefix2                                   \
	       "CPU: 3 UID: 0 PID: 0 Comm: swapper/3 Tainted: G        W  OE      "                \
	       "6.12.57+deb13-amd64 #1  Debian 6.12.57-1\n" prefix                                 \
	       "RIP: 0010:hv_uio_channel_cb+0xd/0x20 [uio_hv_generic]\n" prefix2                   \
	       "Call Trace:\n" prefix " <IRQ>\n" prefix " vmbus_isr+0x1a5/0x210 [hv_vmbus]\n"

static void prefixes_of_any_kind_are_read(void **state)
{
	(void)state;
	assert_string_equal(told(PANIC("", "")), "uio-subchannel-interrupt");
	assert_string_equal(told(PANIC("[   19.6] ", "[   19.8] ")), "uio-subchannel-interrupt");
	assert_string_equal(told(PANIC("[   19.6][    C3] ", "[   19.8][    C3] ")),
			    "uio-subchannel-interrupt");
	assert_string_equal(
		told(PANIC("Nov 12 10:00:00 vm kernel: [T1] ", "Nov 12 10:00:01 vm kernel: ")),
		"uio-subchannel-interrupt");
	assert_string_equal(told(PANIC("<1>2025-11-12T10:00:00.000000+00:00 vm kernel: \x1b[31m",
				       "<6>[  19.1] \x1b[0m")),
			    "uio-subchannel-interrupt");
	assert_string_equal(told(PANIC("> > ", "> > ")), "uio-subchannel-interrupt");
	assert_string_equal(
		told("{\"MESSAGE\":\"RIP: 0010:hv_uio_channel_cb+0xd/0x20 [uio_hv_generic]\","
		     "\"_HOSTNAME\":\"vm\"}\n"),
		"uio-subchannel-interrupt");
}

static void a_log_that_is_cut_is_enough(void **state)
{
	(void)state;
	assert_string_equal(told("RIP: 0010:hv_uio_channel_cb+0xd/0x20 [uio_hv_generic]\n"),
			    "uio-subchannel-interrupt");
	assert_string_equal(told("[Sat Feb 21 18:53:48 2026] Call Trace:\n"
				 "[Sat Feb 21 18:53:48 2026]  <TASK>\n"
				 "[Sat Feb 21 18:53:48 2026]  mana_gd_cleanup+0x33/0x70 [mana]\n"
				 "[Sat Feb 21 18:53:48 2026]  mana_gd_remove+0x3a/0xc0 [mana]\n"),
			    "mana-service-workqueue");
	assert_string_equal(told(OOPS("6.18.40 #1")), "");
}

static void lines_in_between_do_not_matter(void **state)
{
	char log[40000] = "BUG: unable to handle page fault for address: ffff\n";
	(void)state;

	strcat(log, "Oops: 0002 [#1]\nRIP: 0010:mana_poll+0x1/0x2 [mana]\nCall Trace:\n");
	for (size_t i = 0; i < 300; i++)
		strcat(log, "audit: type=1400 something else altogether, with WARNING: in it\n");
	strcat(log, " __napi_poll+0x1/0x2\n");
	assert_string_equal(told(log), "kernel-crash");
}

static void crashes_of_two_cpus_are_kept_apart(void **state)
{
	(void)state;
	assert_string_equal(
		told("[ 1.0][   C1] BUG: unable to handle page fault for address: ffff\n"
		     "[ 1.0][   C2] BUG: unable to handle page fault for address: eeee\n"
		     "[ 1.0][   C1] CPU: 1 PID: 1 Comm: a Not tainted 6.18.40 #1\n"
		     "[ 1.0][   C2] CPU: 2 PID: 2 Comm: b Not tainted 6.18.40 #1\n"
		     "[ 1.0][   C2] RIP: 0010:nft_do_chain+0x1/0x2 [nf_tables]\n"
		     "[ 1.0][   C1] RIP: 0010:memcpy+0x1/0x2\n"
		     "[ 1.0][   C2] Call Trace:\n"
		     "[ 1.0][   C1] Call Trace:\n"
		     "[ 1.0][   C2]  nf_hook_slow+0x1/0x2\n"
		     "[ 1.0][   C1]  mana_rx_skb+0x1/0x2 [mana]\n"),
		"kernel-crash");
	assert_string_equal(
		told("[ 1.0][   C1] WARNING: CPU: 1 PID: 1 at a.c:1 a+0x1/0x2\n"
		     "[ 1.0][   C2] WARNING: CPU: 2 PID: 1 at b.c:1 nft_b+0x1/0x2 [nf_tables]\n"
		     "[ 1.0][   C1] Call Trace:\n"
		     "[ 1.0][   C2] Call Trace:\n"
		     "[ 1.0][   C2]  mana_poll+0x1/0x2 [mana]\n"
		     "[ 1.0][   C1]  ksys_write+0x1/0x2\n"),
		"");
}

static void what_others_crash_does_not_hide_ours(void **state)
{
	static const char other[] = "WARNING: CPU: 0 PID: 1 at x.c:1 some+0x1/0x2 [other]\n"
				    "CPU: 0 PID: 1 Comm: x Not tainted 6.18.40 #1\n"
				    "Call Trace:\n more+0x1/0x2 [other]\n"
				    "---[ end trace 0000000000000000 ]---\n";
	char *log = malloc(100 * sizeof(other) + 200);
	(void)state;

	assert_non_null(log);
	log[0] = 0;
	for (size_t i = 0; i < 100; i++)
		strcat(log, other);
	strcat(log, OOPS("6.18.40 #1") "RIP: 0010:mana_poll+0x1/0x2 [mana]\n");
	assert_string_equal(told(log), "kernel-crash");
	free(log);
}

static void the_kernel_is_the_crashs_the_logs_or_the_machines(void **state)
{
	static const char crash[] = "RIP: 0010:hv_uio_channel_cb+0xd/0x20 [uio_hv_generic]\n";
	char log[1000];
	(void)state;

	assert_string_equal(told_on(crash, "Linux version 6.12.57 (x)"),
			    "uio-subchannel-interrupt");
	assert_string_equal(told_on(crash, "Linux version 6.12.60 (x)"), "kernel-stack");
	snprintf(log, sizeof(log), "Linux version 6.12.60 (x) #1 SMP\n%s", crash);
	assert_string_equal(told_on(log, "Linux version 6.12.57 (x)"), "kernel-stack");
	/* It crashed before the last start. */
	snprintf(log, sizeof(log),
		 "Linux version 6.12.57 (x) #1 SMP\nCPU: 0 PID: 0 Comm: x Not tainted 6.12.57 #1\n"
		 "%sLinux version 6.12.60 (x) #1 SMP\n",
		 crash);
	assert_string_equal(told_on(log, "Linux version 6.12.60 (x)"), "uio-subchannel-interrupt");
	/* And does not say on which kernel */
	snprintf(log, sizeof(log), "%sLinux version 6.12.60 (x) #1 SMP\n", crash);
	assert_string_equal(told_on(log, "Linux version 6.12.57 (x)"), "uio-subchannel-interrupt");
	/* Ubuntu says more as it boots. */
	assert_string_equal(told("Linux version 6.12.0-1010-azure (b) #10-Ubuntu SMP (Ubuntu "
				 "6.12.0-1010.10-azure 6.12.59)\n"
				 "CPU: 0 PID: 0 Comm: x Not tainted 6.12.0-1010-azure #10-Ubuntu\n"
				 "RIP: 0010:hv_uio_channel_cb+0xd/0x20 [uio_hv_generic]\n"),
			    "kernel-stack");
}

static void an_old_kernels_crash_is_read(void **state)
{
	(void)state;
	assert_string_equal(
		told("BUG: unable to handle kernel NULL pointer dereference at 0000000000000004\n"
		     "IP: [<ffffffffa5837cdf>] hv_get_ringbuffer_availbytes+0x3/0x29\n"
		     "Oops: 0000 [#1] SMP\n"
		     "CPU: 0 PID: 24348 Comm: kworker/0:4 Tainted: G        W       4.9.13 #1\n"
		     "RIP: 0010:[<ffffffffa5837cdf>]  [<ffffffffa5837cdf>] "
		     "hv_get_ringbuffer_availbytes+0x3/0x29\n"),
		"kernel-crash");
}

static void an_arm64_crash_is_read(void **state)
{
	(void)state;
	assert_string_equal(
		told("[  12.3] Unable to handle kernel paging request at virtual address dead000000000108\n"
		     "[  12.3] Internal error: Oops: 0000000096000044 [#1] SMP\n"
		     "[  12.3] CPU: 2 PID: 0 Comm: swapper/2 Not tainted 6.18.40 #1\n"
		     "[  12.3] pstate: 60400005 (nZCv daif +PAN -UAO -TCO -DIT -SSBS BTYPE=--)\n"
		     "[  12.3] pc : mana_poll+0x90/0x2f0 [mana]\n"
		     "[  12.3] lr : mana_poll+0x60/0x2f0 [mana]\n"
		     "[  12.3] Call trace:\n"
		     "[  12.3]  mana_poll+0x90/0x2f0 [mana] (P)\n"),
		"kernel-crash");
}

static void reports_of_checkers_are_read(void **state)
{
	struct diagnosis *d;
	(void)state;

	d = diagnose_with("BUG: KASAN: slab-use-after-free in mana_close+0x1b0/0x2a0 [mana]\n"
			  "Read of size 8 at addr ffff88810a3b4c60 by task ip/11\n"
			  "CPU: 0 UID: 0 PID: 11 Comm: ip Not tainted 6.18.40 #1\nCall Trace:\n"
			  " dump_stack_lvl+0x60/0x80\n mana_close+0x1b0/0x2a0 [mana]\n"
			  "Freed by task 10:\n netvsc_remove+0x1/0x2 [hv_netvsc]\n",
			  NULL);
	assert_string_equal(diagnosis_finding(d, 0)->title,
			    "The kernel warns of a bug of its own in mana, function mana_close");
	diagnosis_close(d);
	assert_string_equal(
		told("refcount_t: underflow; use-after-free.\n"
		     "WARNING: CPU: 0 PID: 1 at lib/refcount.c:28 refcount_warn_saturate+0xba/0x110\n"
		     "CPU: 0 PID: 1 Comm: x Not tainted 6.18.40 #1\n"
		     "RIP: 0010:refcount_warn_saturate+0xba/0x110\nCall Trace:\n"
		     " hv_pci_remove+0x1/0x2 [pci_hyperv]\n"),
		"kernel-warning");
	assert_string_equal(
		told("UBSAN: array-index-out-of-bounds in drivers/hv/channel.c:3:4\n"
		     "CPU: 0 PID: 1 Comm: x Not tainted 6.18.40 #1\nCall Trace:\n"
		     " __ubsan_handle_out_of_bounds+0x1/0x2\n vmbus_open+0x1/0x2 [hv_vmbus]\n"
		     "RIP: 0010:__slab_free+0x0/0x360\n"),
		"kernel-warning");
	assert_string_equal(
		told("rcu: INFO: rcu_sched self-detected stall on CPU\n"
		     "NMI backtrace for cpu 3\nCPU: 3 PID: 1 Comm: x Not tainted 6.18.40 #1\n"
		     "RIP: 0010:hv_ringbuffer_write+0x1/0x2 [hv_vmbus]\n"),
		"kernel-hang");
}

/** what was pasted of the stack may end before it comes to a driver's function */
static void a_worker_that_hangs_is_whose_work_it_does(void **state)
{
	(void)state;
	assert_string_equal(
		told("INFO: task kworker/0:0:3642 blocked for more than 120 seconds.\n"
		     "      Not tainted 4.9.60 #1\nkworker/0:0     D    0  3642      2 0x0\n"
		     "Workqueue: hv_vmbus_con vmbus_onmessage_work\nCall Trace:\n"
		     " [<ffffffff9e7f5e03>] ? __schedule+0x364/0x465\n"
		     " [<ffffffff9e7f5f82>] ? schedule+0x7e/0x87\n"),
		"kernel-hang");
	assert_string_equal(told("INFO: task kworker/0:2:96 blocked for more than 122 seconds.\n"
				 "Workqueue: events mana_serv_func [mana]\nCall Trace:\n"
				 " __schedule+0x364/0x465\n schedule+0x7e/0x87\n"),
			    "kernel-hang");
	/* It waits for another task, its work is nobody's here, or it is another module that hangs. */
	assert_string_equal(told("INFO: task kworker/0:2:96 blocked for more than 122 seconds.\n"
				 "Workqueue: events netvsc_link_change [hv_netvsc]\nCall Trace:\n"
				 " schedule+0x7e/0x87\n rtnl_lock+0x15/0x20\n"),
			    "");
	assert_string_equal(told("INFO: task kworker/0:2:96 blocked for more than 122 seconds.\n"
				 "Workqueue: events_unbound async_run_entry_fn\nCall Trace:\n"
				 " __schedule+0x364/0x465\n"),
			    "");
	assert_string_equal(told("INFO: task kworker/0:2:96 blocked for more than 122 seconds.\n"
				 "Workqueue: hv_vmbus_con vmbus_onmessage_work\nCall Trace:\n"
				 " schedule+0x7e/0x87\n storvsc_remove+0x1/0x2 [hv_storvsc]\n"),
			    "");
	/* A page that cannot be allocated is no crash. */
	assert_string_equal(
		told("kworker/0:2: page allocation failure: order:0, mode:0xdc0(GFP_KERNEL)\n"
		     "Workqueue: hv_pri_chan vmbus_add_channel_work\nCall Trace:\n"
		     " warn_alloc+0x10d/0x180\n"),
		"");
}

static void a_panic_after_the_crash_is_no_other(void **state)
{
	(void)state;
	assert_string_equal(
		told(PANIC("", "") "---[ end trace 0000000000000000 ]---\n"
				   "RIP: 0010:hv_uio_channel_cb+0xd/0x20 [uio_hv_generic]\n"
				   "Kernel panic - not syncing: Fatal exception in interrupt\n"
				   "INFO: task ip:7 blocked for more than 120 seconds.\n"
				   "      Not tainted 6.12.57 #1\nCall Trace:\n schedule+0x1/0x2\n"
				   " mana_detach+0x1/0x2 [mana]\n"),
		"uio-subchannel-interrupt");
}

/* What is told of a log that has no end, at this time */
static const char *told_at(struct follow *follow, uint64_t now)
{
	const struct finding *finding;
	static char ids[200];
	size_t at = 0;

	ids[0] = 0;
	assert_int_equal(follow_judge(follow, now, false, NULL, 0), 0);
	for (size_t i = 0; (finding = follow_finding(follow, i)); i++)
		at += (size_t)snprintf(ids + at, sizeof(ids) - at, "%s%s", i ? " " : "",
				       finding->rule->id);
	return ids;
}

static void a_crash_is_told_once_when_it_is_whole(void **state)
{
	static const char first[] = OOPS("6.12.57 #1"), crash[] = PANIC("", ""),
			  other[] =
				  OOPS("6.18.40 #1") "RIP: 0010:netvsc_poll+0x1/0x2 [hv_netvsc]\n";
	struct follow *follow = follow_open(rules, 3600000);
	(void)state;

	assert_non_null(follow);
	follow_feed(follow, 1000, first, strlen(first));
	assert_true(follow_due(follow) == UINT64_MAX);
	follow_feed(follow, 2000, crash, strlen(crash));
	assert_true(follow_due(follow) == 2000 + FOLLOW_SETTLE);
	follow_feed(follow, 2500, " mana_poll+0x1/0x2 [mana]\n", 26);
	assert_true(follow_due(follow) == 2500 + FOLLOW_SETTLE);
	assert_string_equal(told_at(follow, 3500), "uio-subchannel-interrupt");
	assert_true(follow_due(follow) == UINT64_MAX);
	/* Once, but another one is another */
	follow_feed(follow, 9000, crash, strlen(crash));
	assert_string_equal(told_at(follow, 10000), "");
	follow_feed(follow, 11000, other, strlen(other));
	assert_string_equal(told_at(follow, 12000), "kernel-crash");
	/* And after a long time again */
	follow_feed(follow, 12000 + 3600000, "x\n", 2);
	follow_feed(follow, 9000000, crash, strlen(crash));
	assert_string_equal(told_at(follow, 9001000), "uio-subchannel-interrupt");
	follow_close(follow);
}

static void a_bug_with_the_id_of_a_rule_is_refused(void **state)
{
	static const char rule[] = "Id: same\nTitle: t\nMatch: something\nCause: c\nFix: f\n"
				   "Source: s\nExample: something\n";
	static const char bug[] = "Id: same\nTitle: t\nModule: mana\nCrash: at f\nSince: 6.2\n"
				  "Cause: c\nFix: f\nSource: s\nExample: e\n";
	struct rules *own = rules_open();
	struct bugs bugs = { .n = 0 };
	struct error error = { "" };
	(void)state;

	assert_non_null(own);
	assert_int_equal(rules_read(own, "rules", rule, strlen(rule), &error), 0);
	assert_int_equal(bugs_read(&bugs, "bugs", bug, strlen(bug), &error), 0);
	assert_int_equal(rules_bugs(own, &bugs, &error), -22);
	assert_string_equal(error.text, "bugs:1: Id: there is a rule 'same' already");
	rules_close(own);
	bugs_free(&bugs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_example_has_its_bug_alone),
		cmocka_unit_test(a_bug_is_not_told_of_a_kernel_that_carries_the_mend),
		cmocka_unit_test(a_bug_is_told_with_reservation_if_the_kernel_does_not_tell),
		cmocka_unit_test(a_crash_of_ours_is_told_with_its_function),
		cmocka_unit_test(a_crash_elsewhere_is_not_ours),
		cmocka_unit_test(what_uio_does_for_a_driver_is_the_drivers),
		cmocka_unit_test(a_stack_that_is_no_crash_is_not_told),
		cmocka_unit_test(prefixes_of_any_kind_are_read),
		cmocka_unit_test(a_log_that_is_cut_is_enough),
		cmocka_unit_test(lines_in_between_do_not_matter),
		cmocka_unit_test(crashes_of_two_cpus_are_kept_apart),
		cmocka_unit_test(what_others_crash_does_not_hide_ours),
		cmocka_unit_test(the_kernel_is_the_crashs_the_logs_or_the_machines),
		cmocka_unit_test(an_old_kernels_crash_is_read),
		cmocka_unit_test(an_arm64_crash_is_read),
		cmocka_unit_test(reports_of_checkers_are_read),
		cmocka_unit_test(a_worker_that_hangs_is_whose_work_it_does),
		cmocka_unit_test(a_panic_after_the_crash_is_no_other),
		cmocka_unit_test(a_crash_is_told_once_when_it_is_whole),
		cmocka_unit_test(a_bug_with_the_id_of_a_rule_is_refused),
	};

	return cmocka_run_group_tests(tests, open_rules, close_rules);
}
