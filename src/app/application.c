/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: testpmd is started, forwards, and is asked for its counters each second; or
 * another application is started with the same EAL arguments, and the adapter, if it can be asked,
 * for its own counters. What testpmd says, and what the other writes to standard error, is kept.
 * When it fails, or sends on a MANA adapter far less than that can, that is read for what is known
 * of such failures.
 */
#include "app/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "term/say.h"
#include "cli/diagnose.h"
#include "process/keep.h"
#include "process/child.h"

#define END_MS          10000

/*
 * What each port of a MANA VF sends in a second at least when all is well: so many packets, or, of
 * large ones, so many bits. Microsoft's own tests ask for millions of packets from one queue; a
 * port whose interface is still up sends none, or thousands. The speed of the link tells nothing:
 * it is the host's, 100 Gbit/s and more, and one core comes to a hundredth of it with 64 bytes.
 * What a VM's size is held to by Azure begins at several Gbit/s.
 */
#define SENT_LEAST      100000.0
#define SENT_LEAST_BITS 1e9

bool is_testpmd(const struct run *run)
{
	return !run->app || strstr(run->app, "testpmd");
}

unsigned int run_ports(const struct session *s)
{
	struct traffic traffic[TESTPMD_PORTS_MAX];
	unsigned int ports;

	if (s->target.ports)
		return s->target.ports;
	/* One that cannot be asked has as many as it may have addresses; one is the rule. */
	return target_counters(&s->target, traffic, &ports) ? 1 : ports;
}

unsigned int run_descriptors(const struct run *run, bool send)
{
	if (run->descriptors[send])
		return run->descriptors[send];
	return run->queues <= 8 ? 1024 : run->queues <= 16 ? 512 : 256;
}

unsigned int run_mbufs(const struct run *run, unsigned int ports)
{
	return ports * run->queues * (run_descriptors(run, false) + run_descriptors(run, true)) +
	       8192;
}

/** add_all() - append arguments */
static int add_all(char ***argv, char **args)
{
	int err = 0;

	for (; args && *args; args++)
		err |= child_args_add(argv, "%s", *args);
	return err;
}

/** eal_arguments() - cores, plugin, device, and what the user added */
static int eal_arguments(const struct session *s, char ***argv)
{
	char list[CPUS_MAX * 5] = "";
	size_t len = 0;
	int err = 0;

	for (unsigned int i = 0; i < s->n_cpus; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%u@%u", i ? "," : "", i,
					s->cpus[i]);
	/* One for commands and one to forward there are always, if need be on one CPU. */
	if (s->n_cpus == 1)
		snprintf(list, sizeof(list), "(0,1)@%u", s->cpus[0]);
	err |= child_args_add(argv, "--lcores=%s", list);
	err |= child_args_add(argv, "--file-prefix=manakin-%s", s->target.name);
	err |= add_all(argv, s->target.eal);
	return err | add_all(argv, s->run->eal_args);
}

/** testpmd_arguments() - its own, and what the user added, which count more */
static int testpmd_arguments(const struct session *s, char ***argv, unsigned int ports)
{
	const struct run *run = s->run;
	unsigned int cores = s->n_cpus > 1 ? s->n_cpus - 1 : 1;
	int err = 0;

	if (cores > ports * run->queues)
		cores = ports * run->queues;
	err |= child_args_add(argv, "--nb-cores=%u", cores);
	err |= child_args_add(argv, "--rxq=%u", run->queues);
	err |= child_args_add(argv, "--txq=%u", run->queues);
	err |= child_args_add(argv, "--rxd=%u", run_descriptors(run, false));
	err |= child_args_add(argv, "--txd=%u", run_descriptors(run, true));
	err |= child_args_add(argv, "--total-num-mbufs=%u", run_mbufs(run, ports));
	return err | add_all(argv, run->args);
}

/** own_arguments() - what follows EAL's -- */
static int own_arguments(const struct session *s, char ***argv)
{
	return is_testpmd(s->run) ? testpmd_arguments(s, argv, run_ports(s))
				  : add_all(argv, s->run->args);
}

char **run_command(const struct session *s)
{
	const char *app = s->run->app ? s->run->app : TESTPMD_APP;
	char **argv = NULL;
	int err = child_args_add(&argv, "%s", app);

	err |= eal_arguments(s, &argv) | child_args_add(&argv, "--") | own_arguments(s, &argv);
	if (!err)
		return argv;
	child_args_free(argv);
	return NULL;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/** interval() - seconds between two readings: a second, or less in a short run */
static double interval(const struct run *run)
{
	return run->seconds && run->seconds < 3 ? run->seconds / 3 : 1;
}

/** read_testpmd() - the counters of all its ports */
static int read_testpmd(struct testpmd *testpmd, const unsigned int *numbers, unsigned int ports,
			struct testpmd_counters *counters)
{
	for (unsigned int p = 0; p < ports; p++) {
		int err = testpmd_counters(testpmd, numbers[p], &counters[p]);

		if (err)
			return err;
	}
	return 0;
}

/** watch_testpmd() - read its counters until the time is over; 0, -EINTR, or what went wrong */
static int watch_testpmd(struct session *s, struct testpmd *testpmd, const unsigned int *numbers,
			 unsigned int ports)
{
	struct testpmd_counters *counters = calloc(ports, sizeof(*counters));
	double start = now(), left = 0, step = interval(s->run);
	int err = counters ? read_testpmd(testpmd, numbers, ports, counters) : -ENOMEM;
	unsigned int queues = counters && counters[0].queues ? counters[0].queues : 0;

	if (!err)
		s->rates = rates_open(ports, numbers, queues);
	if (!err && !s->rates)
		err = -ENOMEM;
	if (!err)
		rates_add(s->rates, counters, now());
	while (!err) {
		if (s->run->seconds)
			left = start + s->run->seconds - now();
		if (s->run->seconds && left < step / 4)
			break;
		err = testpmd_wait(testpmd, s->run->seconds && left < step ? left : step);
		if (!err)
			err = read_testpmd(testpmd, numbers, ports, counters);
		if (!err) {
			rates_add(s->rates, counters, now());
			rates_line(s->rates, s->show);
		}
	}
	free(counters);
	return err;
}

/** set_mode() - 0; -EINVAL and has said so if this testpmd does not know it */
static int set_mode(struct testpmd *testpmd, const char *mode)
{
	char command[64];
	const char *answer;
	int err;

	snprintf(command, sizeof(command), "set fwd %.40s", mode);
	err = testpmd_ask(testpmd, command, &answer);
	if (err || strstr(answer, "packet forwarding mode"))
		return err;
	say("--mode: testpmd knows no mode '%s'; it has txonly, rxonly, io, mac, macswap, csum, "
	    "5tswap "
	    "and what 'help' tells in it",
	    mode);
	return -EINVAL;
}

/** explain() - what the log shows to be wrong, if it is known; else where to look */
static void explain(const struct session *s)
{
	fflush(s->show);
	if (!s->log || diagnose_explain(s->log, stderr) || s->target.software)
		return;
	say("nothing in what it said is known to be wrong; look at the machine: manakin check %s",
	    s->target.keys[0]);
}

/** judge_rate() - say so if a port of a MANA adapter sent far less than it can */
static void judge_rate(const struct session *s, const unsigned int *numbers, unsigned int ports)
{
	const char *mode = s->run->mode ? s->run->mode : "txonly";
	bool slow = false;

	if (s->target.software || !s->rates || strcmp(mode, "txonly"))
		return;
	for (unsigned int p = 0; p < ports; p++) {
		double bits, packets = rates_sent(s->rates, p, &bits);

		if (packets >= SENT_LEAST || bits >= SENT_LEAST_BITS)
			continue;
		slow = true;
		say("%s: port %u sent %.0f packets a second, far less than MANA does",
		    s->target.name, numbers[p], packets);
	}
	if (slow)
		explain(s);
}

/** forward() - tell a testpmd that has started what to do, and watch it; 0 or a negative errno */
static int forward(struct session *s, struct testpmd *testpmd, unsigned int *numbers,
		   unsigned int *ports)
{
	int err = testpmd_ports(testpmd, numbers, ports);

	if (!err && !*ports)
		err = -ENODEV;
	if (!err)
		err = testpmd_ask(testpmd, s->run->tx_first ? "start tx_first" : "start", NULL);
	if (!err)
		err = watch_testpmd(s, testpmd, numbers, *ports);
	if (isatty(fileno(s->show)))
		fputc('\n', s->show);
	return err == -EINTR ? 0 : err;
}

/** run_testpmd() - start it, forward, show rates, end it; an exit status */
static int run_testpmd(struct session *s)
{
	struct testpmd_plan plan = { .app = s->run->app ? s->run->app : TESTPMD_APP,
				     .sysfs = *s->target.sysfs ? s->target.sysfs : NULL,
				     .log = s->log };
	struct testpmd *testpmd = NULL;
	unsigned int numbers[TESTPMD_PORTS_MAX], ports = 0;
	struct error error;
	char fate[80];
	int err, status;

	err = eal_arguments(s, &plan.eal) | own_arguments(s, &plan.args);
	if (err)
		say("out of memory");
	else
		err = testpmd_open(&plan, s->stop, &testpmd, &error);
	child_args_free(plan.eal);
	child_args_free(plan.args);
	if (!testpmd) {
		if (err != -EINTR && err != -ENOMEM) {
			say("%s", error.text);
			explain(s);
		}
		return EXIT_FAILED;
	}
	err = set_mode(testpmd, s->run->mode ? s->run->mode : "txonly");
	if (err == -EINVAL) {
		testpmd_close(testpmd);
		return EXIT_USAGE;
	}
	if (!err)
		err = forward(s, testpmd, numbers, &ports);
	status = testpmd_close(testpmd);
	if (err == -EPIPE) {
		say("%s ended by itself: it %s", plan.app, child_fate(status, fate, sizeof(fate)));
		explain(s);
	} else if (err == -ENODEV && !ports) {
		say("%s found no port of %s", plan.app, s->target.name);
		explain(s);
	} else if (err == -ENODEV) {
		say("the adapter %s has gone: its port was removed", s->target.name);
	} else if (err) {
		say("%s cannot be asked for its counters: %s", plan.app, strerror(-err));
		explain(s);
	} else {
		judge_rate(s, numbers, ports);
	}
	return err ? EXIT_FAILED : EXIT_OK;
}

/** read_target() - the adapter's own counters, as if a testpmd had them */
static int read_target(const struct session *s, struct testpmd_counters *counters,
		       unsigned int *ports)
{
	struct traffic traffic[TESTPMD_PORTS_MAX];
	int err = target_counters(&s->target, traffic, ports);

	for (unsigned int p = 0; !err && p < *ports; p++)
		counters[p].all = traffic[p];
	return err;
}

/** watch_app() - read the adapter's counters until the time is over or the application ends */
static bool watch_app(struct session *s, const struct child *app)
{
	struct testpmd_counters *counters = calloc(TESTPMD_PORTS_MAX, sizeof(*counters));
	struct pollfd fds[2] = { { .fd = app->pidfd, .events = POLLIN },
				 { .fd = s->stop, .events = POLLIN } };
	double end = now() + s->run->seconds, step = interval(s->run), left;
	unsigned int ports = 0;
	bool ended = false;

	if (counters && !read_target(s, counters, &ports))
		s->rates = rates_open(ports, NULL, 0);
	if (s->rates)
		rates_add(s->rates, counters, now());
	for (;;) {
		left = s->run->seconds ? end - now() : step;
		if (left < step / 4)
			break;
		if (poll(fds, 2, (int)((left < step ? left : step) * 1e3)) < 0 && errno != EINTR)
			break;
		ended = fds[0].revents;
		if (ended || fds[1].revents)
			break;
		if (s->rates && !read_target(s, counters, &ports)) {
			rates_add(s->rates, counters, now());
			rates_line(s->rates, s->show);
		}
	}
	free(counters);
	return ended;
}

/** run_app() - another application: its output is the user's; an exit status */
static int run_app(struct session *s)
{
	struct child_plan plan = { .out = s->run->form == RATES_TABLE ? STDOUT_FILENO
								      : STDERR_FILENO,
				   .err = STDERR_FILENO };
	struct keep_tee *tee;
	struct child app;
	char fate[80];
	bool ended;
	int err, status;

	/* EAL's log goes to standard error, unless the application has other wishes. */
	tee = keep_tee(s->log, STDERR_FILENO, &plan.err);
	plan.argv = run_command(s);
	err = plan.argv ? 0 : -ENOMEM;
	if (*s->target.sysfs)
		setenv("SYSFS_PCI_DEVICES", s->target.sysfs, 1);
	if (!err)
		err = child_start(&app, &plan);
	child_args_free(plan.argv);
	if (tee)
		close(plan.err);
	if (err) {
		keep_tee_end(tee);
		say("cannot start %s: %s", s->run->app, strerror(-err));
		return EXIT_FAILED;
	}
	ended = watch_app(s, &app);
	if (isatty(fileno(s->show)))
		fputc('\n', s->show);
	status = child_stop(&app, ended ? 0 : SIGINT, END_MS);
	keep_tee_end(tee);
	/* One that knows no end but a signal does what it was asked for. */
	if (!status || (!ended && WIFSIGNALED(status) && WTERMSIG(status) == SIGINT))
		return EXIT_OK;
	say("%s %s", s->run->app, child_fate(status, fate, sizeof(fate)));
	explain(s);
	return EXIT_FAILED;
}

int run_application(struct session *s)
{
	return is_testpmd(s->run) ? run_testpmd(s) : run_app(s);
}
