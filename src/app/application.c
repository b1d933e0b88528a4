/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: testpmd is started, forwards packets, and is asked for its counters every
 * second. Another application is started with the same EAL arguments; its counters are the
 * adapter's own, if the adapter can be asked. The output of testpmd, and the standard error of
 * another application, is kept: the caller can look there for the reason of a failure, or of a rate
 * far below what MANA can send.
 */
#include "app/application.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/clock.h"
#include "process/child.h"
#include "process/keep.h"
#include "term/say.h"
#include "term/term.h"

#define END_MS          10000

/*
 * The least that a port of a MANA VF sends per second when nothing is wrong: this many packets or,
 * if they are large, this many bits. Microsoft's own tests expect millions of packets from one
 * queue; a port whose interface is still up sends none, or thousands. The link's speed is no guide:
 * it is the host's, 100 Gbit/s and more, and with 64 bytes one core reaches a hundredth of that.
 * The limits that Azure sets for a VM's size begin at several Gbit/s.
 */
#define SENT_LEAST      100000.0
#define SENT_LEAST_BITS 1e9

const char *application_program(const struct application *app)
{
	return app->program ? app->program : TESTPMD_APP;
}

bool application_is_testpmd(const struct application *app)
{
	return strstr(application_program(app), "testpmd");
}

unsigned int application_ports(const struct application *app)
{
	struct traffic traffic[TESTPMD_PORTS_MAX];
	unsigned int ports;

	if (app->target.ports)
		return app->target.ports;
	/* The number of ports of an adapter that does not answer is unknown; usually it is one. */
	return target_counters(&app->target, traffic, &ports) ? 1 : ports;
}

/** descriptors() - per queue; @send: of send queues */
static unsigned int descriptors(const struct application *app, bool send)
{
	if (app->descriptors[send])
		return app->descriptors[send];
	return app->queues <= 8 ? 1024 : app->queues <= 16 ? 512 : 256;
}

unsigned int application_mbufs(const struct application *app, unsigned int ports)
{
	return ports * app->queues * (descriptors(app, false) + descriptors(app, true)) + 8192;
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
static int eal_arguments(const struct application *app, char ***argv)
{
	char list[CPUS_MAX * 5] = "";
	size_t len = 0;
	int err = 0;

	for (unsigned int i = 0; i < app->n_cpus; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%u@%u", i ? "," : "", i,
					app->cpus[i]);
	/* testpmd needs one lcore for commands and one to forward, if need be on one CPU. */
	if (app->n_cpus == 1)
		snprintf(list, sizeof(list), "(0,1)@%u", app->cpus[0]);
	err |= child_args_add(argv, "--lcores=%s", list);
	err |= child_args_add(argv, "--file-prefix=manakin-%s", app->target.name);
	err |= add_all(argv, app->target.eal);
	return err | add_all(argv, app->eal_args);
}

/** testpmd_arguments() - its own, then those that the user added, which take precedence */
static int testpmd_arguments(const struct application *app, char ***argv, unsigned int ports)
{
	unsigned int cores = app->n_cpus > 1 ? app->n_cpus - 1 : 1;
	int err = 0;

	if (cores > ports * app->queues)
		cores = ports * app->queues;
	err |= child_args_add(argv, "--nb-cores=%u", cores);
	err |= child_args_add(argv, "--rxq=%u", app->queues);
	err |= child_args_add(argv, "--txq=%u", app->queues);
	err |= child_args_add(argv, "--rxd=%u", descriptors(app, false));
	err |= child_args_add(argv, "--txd=%u", descriptors(app, true));
	err |= child_args_add(argv, "--total-num-mbufs=%u", application_mbufs(app, ports));
	return err | add_all(argv, app->args);
}

/** own_arguments() - what follows EAL's -- */
static int own_arguments(const struct application *app, char ***argv)
{
	return application_is_testpmd(app) ? testpmd_arguments(app, argv, application_ports(app))
					   : add_all(argv, app->args);
}

char **application_command(const struct application *app)
{
	char **argv = NULL;
	int err = child_args_add(&argv, "%s", application_program(app));

	err |= eal_arguments(app, &argv) | child_args_add(&argv, "--") | own_arguments(app, &argv);
	if (!err)
		return argv;
	child_args_free(argv);
	return NULL;
}

/** interval() - seconds between two readings: a second, or less in a short run */
static double interval(const struct application *app)
{
	return app->seconds > 0 && app->seconds < 3 ? app->seconds / 3 : 1;
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

/** watch_testpmd() - read its counters until the time is over; 0 or a negative errno */
static int watch_testpmd(struct application *app, struct testpmd *testpmd,
			 const unsigned int *numbers, unsigned int ports)
{
	struct testpmd_counters *counters = calloc(ports, sizeof(*counters));
	double start = clock_seconds(), left = 0, step = interval(app);
	int err = counters ? read_testpmd(testpmd, numbers, ports, counters) : -ENOMEM;
	unsigned int queues = counters && counters[0].queues ? counters[0].queues : 0;

	if (!err)
		app->rates = rates_open(ports, numbers, queues);
	if (!err && !app->rates)
		err = -ENOMEM;
	if (!err)
		rates_add(app->rates, counters, clock_seconds());
	while (!err) {
		if (app->seconds > 0)
			left = start + app->seconds - clock_seconds();
		if (app->seconds > 0 && left < step / 4)
			break;
		err = testpmd_wait(testpmd, app->seconds > 0 && left < step ? left : step);
		if (!err)
			err = read_testpmd(testpmd, numbers, ports, counters);
		if (!err) {
			rates_add(app->rates, counters, clock_seconds());
			rates_line(app->rates, app->show);
		}
	}
	free(counters);
	return err;
}

/** set_mode() - 0; -EINVAL, with a message, if this testpmd does not have it */
static int set_mode(struct testpmd *testpmd, const char *mode)
{
	char command[64];
	const char *answer;
	int err;

	snprintf(command, sizeof(command), "set fwd %.40s", mode);
	err = testpmd_ask(testpmd, command, &answer);
	if (err || strstr(answer, "packet forwarding mode"))
		return err;
	say("--mode: testpmd has no mode '%s'; it has txonly, rxonly, io, mac, macswap, csum, 5tswap and those that its 'help' lists",
	    mode);
	return -EINVAL;
}

/** too_slow() - has a port of a MANA adapter sent far less than it can? Says so */
static bool too_slow(const struct application *app, const unsigned int *numbers, unsigned int ports)
{
	const char *mode = app->mode ? app->mode : "txonly";
	bool slow = false;

	if (app->target.software || !app->rates || strcmp(mode, "txonly"))
		return false;
	for (unsigned int p = 0; p < ports; p++) {
		double bits, packets = rates_sent(app->rates, p, &bits);

		if (packets >= SENT_LEAST || bits >= SENT_LEAST_BITS)
			continue;
		slow = true;
		say("%s: port %u sent %.0f packets per second, far fewer than MANA can",
		    app->target.name, numbers[p], packets);
	}
	return slow;
}

/** forward() - make a running testpmd forward, and watch it; 0 or a negative errno */
static int forward(struct application *app, struct testpmd *testpmd, unsigned int *numbers,
		   unsigned int *ports)
{
	int err = testpmd_ports(testpmd, numbers, ports);

	if (!err && !*ports)
		err = -ENODEV;
	if (!err)
		err = testpmd_ask(testpmd, app->tx_first ? "start tx_first" : "start", NULL);
	if (!err)
		err = watch_testpmd(app, testpmd, numbers, *ports);
	if (output_can_rewrite(app->show))
		fputc('\n', app->show);
	return err == -EINTR ? 0 : err;
}

/** run_testpmd() - start it, forward, show rates, end it; an exit status */
static int run_testpmd(struct application *app)
{
	struct testpmd_plan plan = { .app = application_program(app),
				     .sysfs = *app->target.sysfs ? app->target.sysfs : NULL,
				     .log = app->log };
	struct testpmd *testpmd = NULL;
	unsigned int numbers[TESTPMD_PORTS_MAX], ports = 0;
	struct error error;
	char fate[80];
	int err, status;

	err = eal_arguments(app, &plan.eal) | own_arguments(app, &plan.args);
	if (err)
		say("out of memory");
	else
		err = testpmd_open(&plan, app->stop, &testpmd, &error);
	child_args_free(plan.eal);
	child_args_free(plan.args);
	if (!testpmd) {
		if (err != -EINTR && err != -ENOMEM) {
			say("%s", error.text);
			app->suspect = true;
		}
		return EXIT_FAILED;
	}
	err = set_mode(testpmd, app->mode ? app->mode : "txonly");
	if (err == -EINVAL) {
		testpmd_close(testpmd);
		return EXIT_USAGE;
	}
	if (!err)
		err = forward(app, testpmd, numbers, &ports);
	status = testpmd_close(testpmd);
	if (err == -ENODEV && ports) {
		say("the adapter %s is gone: its port was removed", app->target.name);
		return EXIT_FAILED;
	}
	if (err == -EPIPE)
		say("%s ended by itself: it %s", plan.app, child_fate(status, fate, sizeof(fate)));
	else if (err == -ENODEV)
		say("%s found no port of %s", plan.app, app->target.name);
	else if (err)
		say("cannot read the counters of %s: %s", plan.app, error_reason(-err));
	app->suspect = err || too_slow(app, numbers, ports);
	return err ? EXIT_FAILED : EXIT_OK;
}

/** read_target() - the adapter's own counters, as if a testpmd had them */
static int read_target(const struct application *app, struct testpmd_counters *counters,
		       unsigned int *ports)
{
	struct traffic traffic[TESTPMD_PORTS_MAX];
	int err = target_counters(&app->target, traffic, ports);

	for (unsigned int p = 0; !err && p < *ports; p++)
		counters[p].all = traffic[p];
	return err;
}

/** watch_other() - read the adapter's counters until the time is over or the application ends */
static bool watch_other(struct application *app, const struct child *child)
{
	struct testpmd_counters *counters = calloc(TESTPMD_PORTS_MAX, sizeof(*counters));
	struct pollfd fds[2] = { { .fd = child->pidfd, .events = POLLIN },
				 { .fd = app->stop, .events = POLLIN } };
	double end = clock_seconds() + app->seconds, step = interval(app), left;
	unsigned int ports = 0;
	bool ended = false;

	if (counters && !read_target(app, counters, &ports))
		app->rates = rates_open(ports, NULL, 0);
	if (app->rates)
		rates_add(app->rates, counters, clock_seconds());
	for (;;) {
		left = app->seconds > 0 ? end - clock_seconds() : step;
		if (left < step / 4)
			break;
		if (poll(fds, 2, (int)((left < step ? left : step) * 1e3)) < 0 && errno != EINTR)
			break;
		ended = fds[0].revents;
		if (ended || fds[1].revents)
			break;
		if (app->rates && !read_target(app, counters, &ports)) {
			rates_add(app->rates, counters, clock_seconds());
			rates_line(app->rates, app->show);
		}
	}
	free(counters);
	return ended;
}

/** run_other() - another application: its output goes to the user; an exit status */
static int run_other(struct application *app)
{
	struct child_plan plan = { .out = fileno(app->show), .err = STDERR_FILENO };
	struct keep_tee *tee;
	struct child child;
	char fate[80];
	bool ended;
	int err, status;

	/* EAL's log goes to standard error, unless the application redirects it. */
	tee = keep_tee(app->log, STDERR_FILENO, &plan.err);
	plan.argv = application_command(app);
	err = plan.argv ? 0 : -ENOMEM;
	if (*app->target.sysfs)
		setenv("SYSFS_PCI_DEVICES", app->target.sysfs, 1);
	if (!err)
		err = child_start(&child, &plan);
	child_args_free(plan.argv);
	if (tee)
		close(plan.err);
	if (err) {
		keep_tee_end(tee);
		say("cannot start %s: %s", app->program, error_reason(-err));
		return EXIT_FAILED;
	}
	ended = watch_other(app, &child);
	if (output_can_rewrite(app->show))
		fputc('\n', app->show);
	status = child_stop(&child, ended ? 0 : SIGINT, END_MS);
	keep_tee_end(tee);
	/* An application that runs until a signal ends it did as it was asked. */
	if (!status || (!ended && WIFSIGNALED(status) && WTERMSIG(status) == SIGINT))
		return EXIT_OK;
	say("%s %s", app->program, child_fate(status, fate, sizeof(fate)));
	app->suspect = true;
	return EXIT_FAILED;
}

int application_run(struct application *app)
{
	return application_is_testpmd(app) ? run_testpmd(app) : run_other(app);
}
