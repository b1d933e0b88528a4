/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin run: a DPDK application on an adapter.
 *
 * Theory of operation: everything that can be known to be missing is looked for first, so that
 * the user gets one sentence with the command that mends it, and not DPDK's log. Then
 * testpmd is started, forwards, and is asked for its counters each second; or another application
 * is started with the same EAL arguments, and the adapter is asked for its own counters. What
 * differs between adapters is in run_target.c alone.
 */
#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cpus.h"
#include "cli/hugepages.h"
#include "cli/lab_child.h"
#include "cli/run_rates.h"
#include "cli/run_target.h"
#include "cli/testpmd.h"

#define QUEUES_MAX    64u
#define SECONDS_MAX   (365 * 86400.0)
#define MBUF          2560ull /* bytes, with its room and what the pool adds */
#define MEMORY_BESIDE (64ull << 20)
#define END_MS        10000

enum {
	OPTION_QUEUES = 'q',
	OPTION_CORES = 'c',
	OPTION_MODE = 'm',
	OPTION_SECONDS = 't',
	OPTION_JSON = 'j',
	OPTION_APP = 0x100,
	OPTION_FIRST,
	OPTION_PLUGIN,
};

static const struct argp_option options[] = {
	{ "queues", OPTION_QUEUES, "N", 0, "Queue pairs of each port, 1 to 64 (default: 1)", 0 },
	{ "cores", OPTION_CORES, "LIST", 0,
	  "CPUs such as 1,3 or 2-5: the first for commands, the others to forward (default: "
	  "as many of this process's as there is work for)",
	  0 },
	{ "mode", OPTION_MODE, "MODE", 0,
	  "What testpmd does: txonly (default), rxonly, io, mac, macswap, csum, 5tswap, ...", 0 },
	{ "tx-first", OPTION_FIRST, NULL, 0,
	  "Send a burst on each queue first, so that modes that send back have something to", 0 },
	{ "app", OPTION_APP, "PATH", 0, "Run this DPDK application in place of testpmd", 0 },
	{ "seconds", OPTION_SECONDS, "S", 0, "End after so long (default: at Ctrl-C)", 0 },
	{ "json", OPTION_JSON, NULL, 0, "Print the summary as JSON", 0 },
	{ "plugin", OPTION_PLUGIN, "FILE", 0,
	  "The poll-mode driver (default: beside this program, or where it is installed)", 0 },
	{ 0 },
};

static const char doc[] =
	"Run DPDK's testpmd, or another DPDK application, on the adapter NAME (default: mana0) "
	"that "
	"'manakin device --name NAME' runs on this machine. Shows the rate as it goes, and a "
	"summary."
	"\vARGS are added to the application's own arguments; with a -- among them, those before "
	"it to EAL's.\n\n"
	"Examples:\n"
	"  manakin run --seconds 10\n"
	"  manakin run mana0 --queues 8 --cores 0-4 --mode rxonly\n"
	"  manakin run --mode io --tx-first -- --txd=128 --rxd=128 --burst=64\n"
	"  manakin run --app ./l2fwd -- -- -p 1\n\n"
	"Exit status: 0 done, 1 it did not work, 2 wrong usage.";

/**
 * struct run - the command line
 * @args:	what follows --; with a -- in it, @eal_args comes before that
 */
struct run {
	const char *name;
	const char *cores;
	const char *mode;
	const char *app;
	const char *plugin;
	char **eal_args, **args;
	unsigned int queues;
	double seconds;
	bool tx_first;
	bool json;
	bool failed;
};

/**
 * struct session - a run in progress
 * @cpus:	the application's
 * @stop:	readable when the user wants an end
 * @show:	where the rate goes as it changes
 */
struct session {
	const struct run *run;
	struct run_target target;
	char plugin[4096];
	unsigned int cpus[CPUS_MAX];
	unsigned int n_cpus;
	int stop;
	FILE *show;
	struct rates *rates;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct run *run = state->input;
	unsigned int cpus[CPUS_MAX], n;
	char *end;

	switch (key) {
	case OPTION_QUEUES:
		run->queues = (unsigned int)strtoul(arg, &end, 10);
		if (*end || *arg < '0' || *arg > '9' || strlen(arg) > 3 || !run->queues ||
		    run->queues > QUEUES_MAX)
			return usage_error(&run->failed, "--queues: '%s' is not 1 to %u", arg,
					   QUEUES_MAX);
		return 0;
	case OPTION_CORES:
		if (cpus_parse(arg, cpus, &n))
			return usage_error(&run->failed,
					   "--cores: '%s' is not a list such as 1,3 or 2-5", arg);
		run->cores = arg;
		return 0;
	case OPTION_MODE:
		if (!*arg || arg[strspn(arg, "abcdefghijklmnopqrstuvwxyz0123456789-")])
			return usage_error(&run->failed,
					   "--mode: '%s' is not a mode of testpmd's such as txonly",
					   arg);
		run->mode = arg;
		return 0;
	case OPTION_SECONDS:
		run->seconds = strtod(arg, &end);
		if (*end || end == arg || !(run->seconds >= 0.1 && run->seconds <= SECONDS_MAX))
			return usage_error(&run->failed,
					   "--seconds: '%s' is not a time of 0.1 seconds or more",
					   arg);
		return 0;
	case OPTION_FIRST:
		run->tx_first = true;
		return 0;
	case OPTION_APP:
		run->app = arg;
		return 0;
	case OPTION_JSON:
		run->json = true;
		return 0;
	case OPTION_PLUGIN:
		run->plugin = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (run->name)
			return usage_error(&run->failed, "one adapter at a time, not '%s' too",
					   arg);
		run->name = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** split_args() - what follows the first -- is not ours; what precedes a second one is EAL's */
static void split_args(struct run *run, int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		argv[i] = NULL;
		run->args = argv + i + 1;
		for (char **arg = run->args; *arg; arg++)
			if (!strcmp(*arg, "--")) {
				*arg = NULL;
				run->eal_args = run->args;
				run->args = arg + 1;
				break;
			}
		*argc = i;
		return;
	}
}

/** given() - is there such an argument, alone or with a value? */
static bool given(char **args, const char *name)
{
	size_t len = strlen(name);

	for (; args && *args; args++)
		if (!strncmp(*args, name, len) && (!(*args)[len] || (*args)[len] == '='))
			return true;
	return false;
}

/** is_testpmd() - does the application take testpmd's arguments and commands? */
static bool is_testpmd(const struct run *run)
{
	return !run->app || strstr(run->app, "testpmd");
}

static unsigned int descriptors(const struct run *run)
{
	return run->queues <= 8 ? 1024 : run->queues <= 16 ? 512 : 256;
}

/** mbufs() - for this many ports: what the queues hold, and some under way */
static unsigned int mbufs(const struct run *run, unsigned int ports)
{
	return ports * run->queues * 2 * descriptors(run) + 8192;
}

/** check_hugepages() - there are enough, and DPDK can use them; has said why if not */
static int check_hugepages(const struct run *run, unsigned int ports)
{
	unsigned long long need = mbufs(run, ports) * MBUF + MEMORY_BESIDE, there;
	unsigned long pages = (unsigned long)((need + HUGEPAGE_SIZE - 1) / HUGEPAGE_SIZE);

	if (given(run->eal_args, "--no-huge") || !is_testpmd(run))
		return 0;
	there = hugepages_memory();
	if (there < need) {
		say("DPDK needs %lu free hugepages of 2 MB for this, and there are %llu; make "
		    "more: echo "
		    "%lu | sudo tee " HUGEPAGES_COUNT,
		    pages, there / HUGEPAGE_SIZE,
		    hugepages_total() + pages - (unsigned long)(there / HUGEPAGE_SIZE));
		return -ENOMEM;
	}
	if (!hugepages_mounted() && !given(run->eal_args, "--in-memory")) {
		say("hugepages are not mounted where this user may write; mount them: sudo mkdir "
		    "-p "
		    "/dev/hugepages && sudo mount -t hugetlbfs hugetlbfs /dev/hugepages (or let "
		    "DPDK do "
		    "without: -- --in-memory --)");
		return -ENODEV;
	}
	return 0;
}

/** choose_cpus() - one for commands, and one a queue to forward; fewer if there are not so many */
static int choose_cpus(struct session *s, unsigned int ports)
{
	unsigned int allowed[CPUS_MAX], n, want = 1 + ports * s->run->queues;

	if (cpus_allowed(allowed, &n))
		return -ENODEV;
	if (!s->run->cores) {
		s->n_cpus = want < n ? want : n;
		memcpy(s->cpus, allowed, s->n_cpus * sizeof(allowed[0]));
		return 0;
	}
	cpus_parse(s->run->cores, s->cpus, &s->n_cpus);
	for (unsigned int i = 0; i < s->n_cpus; i++) {
		unsigned int j = 0;

		while (j < n && allowed[j] != s->cpus[i])
			j++;
		if (j == n) {
			say("--cores: this process may not use CPU %u; it may use %u to %u",
			    s->cpus[i], allowed[0], allowed[n - 1]);
			return -ENODEV;
		}
	}
	return 0;
}

/** check() - everything that has to be there; has said why if not */
static int check(struct session *s)
{
	const struct run *run = s->run;
	struct traffic traffic[TESTPMD_PORTS_MAX];
	const char *app = run->app ? run->app : TESTPMD_APP;
	unsigned int ports = 1;
	char error[512];

	if (!program_find(app)) {
		say(run->app ? "there is no program %s that could be run"
			     : "there is no %s in PATH; install DPDK's applications: apt-get "
			       "install "
			       "dpdk-dev",
		    app);
		return -ENOENT;
	}
	if (target_find(run->name ? run->name : "mana0", &s->target, error, sizeof(error)) ||
	    plugin_find(run->plugin, s->plugin, sizeof(s->plugin), error, sizeof(error))) {
		say("%s", error);
		return -ENOENT;
	}
	/* A target that cannot be asked has as many ports as it may have addresses; one is the
	 * rule. */
	if (target_counters(&s->target, traffic, &ports))
		ports = 1;
	return choose_cpus(s, ports) || check_hugepages(run, ports) ? -ENODEV : 0;
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
	err |= child_args_add(argv, "-d");
	err |= child_args_add(argv, "%s", s->plugin);
	err |= child_args_add(argv, "--vdev=%s%s", s->target.address, s->target.macs);
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
	err |= child_args_add(argv, "--rxd=%u", descriptors(run));
	err |= child_args_add(argv, "--txd=%u", descriptors(run));
	err |= child_args_add(argv, "--total-num-mbufs=%u", mbufs(run, ports));
	return err | add_all(argv, run->args);
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
static int read_testpmd(struct testpmd *testpmd, unsigned int ports,
			struct testpmd_counters *counters)
{
	for (unsigned int p = 0; p < ports; p++) {
		int err = testpmd_counters(testpmd, p, &counters[p]);

		if (err)
			return err;
	}
	return 0;
}

/** watch_testpmd() - read its counters until the time is over; 0, -EINTR, or what went wrong */
static int watch_testpmd(struct session *s, struct testpmd *testpmd, unsigned int ports)
{
	struct testpmd_counters *counters = calloc(ports, sizeof(*counters));
	double start = now(), left = 0, step = interval(s->run);
	int err = counters ? read_testpmd(testpmd, ports, counters) : -ENOMEM;
	unsigned int queues = counters && counters[0].queues ? counters[0].queues : 0;

	if (!err)
		s->rates = rates_open(ports, queues);
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
			err = read_testpmd(testpmd, ports, counters);
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

/** run_testpmd() - start it, forward, show rates, end it; an exit status */
static int run_testpmd(struct session *s)
{
	struct testpmd_plan plan = { .app = s->run->app ? s->run->app : TESTPMD_APP,
				     .sysfs = *s->target.sysfs ? s->target.sysfs : NULL };
	struct traffic traffic[TESTPMD_PORTS_MAX];
	struct testpmd *testpmd = NULL;
	unsigned int ports = 1;
	char error[512], fate[80];
	int err, status;

	if (target_counters(&s->target, traffic, &ports))
		ports = 1;
	err = eal_arguments(s, &plan.eal) | testpmd_arguments(s, &plan.args, ports);
	if (err)
		say("out of memory");
	else
		err = testpmd_open(&plan, s->stop, &testpmd, error, sizeof(error));
	child_args_free(plan.eal);
	child_args_free(plan.args);
	if (!testpmd) {
		if (err != -EINTR)
			say("%s", error);
		return EXIT_FAILED;
	}
	err = set_mode(testpmd, s->run->mode ? s->run->mode : "txonly");
	if (err == -EINVAL) {
		testpmd_close(testpmd);
		return EXIT_USAGE;
	}
	if (!err)
		err = testpmd_ports(testpmd, &ports);
	if (!err)
		err = testpmd_ask(testpmd, s->run->tx_first ? "start tx_first" : "start", NULL);
	if (!err)
		err = watch_testpmd(s, testpmd, ports);
	if (isatty(fileno(s->show)))
		fputc('\n', s->show);
	if (err == -EINTR)
		err = 0;
	if (err != -EPIPE) {
		testpmd_close(testpmd);
	} else {
		status = testpmd_close(testpmd);
		say("%s ended by itself: it %s", plan.app, child_fate(status, fate, sizeof(fate)));
		return EXIT_FAILED;
	}
	if (err == -ENODEV)
		say("the adapter %s has gone: its port was removed", s->target.name);
	else if (err)
		say("%s cannot be asked for its counters: %s", plan.app, strerror(-err));
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
		s->rates = rates_open(ports, 0);
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
	struct child_plan plan = { .out = s->run->json ? STDERR_FILENO : STDOUT_FILENO,
				   .err = STDERR_FILENO };
	struct child app;
	char fate[80];
	bool ended;
	int err, status;

	err = child_args_add(&plan.argv, "%s", s->run->app) | eal_arguments(s, &plan.argv) |
	      child_args_add(&plan.argv, "--") | add_all(&plan.argv, s->run->args);
	if (*s->target.sysfs)
		setenv("SYSFS_PCI_DEVICES", s->target.sysfs, 1);
	if (!err)
		err = child_start(&app, &plan);
	child_args_free(plan.argv);
	if (err) {
		say("cannot start %s: %s", s->run->app, strerror(-err));
		return EXIT_FAILED;
	}
	ended = watch_app(s, &app);
	if (isatty(fileno(s->show)))
		fputc('\n', s->show);
	status = child_stop(&app, ended ? 0 : SIGINT, END_MS);
	/* One that knows no end but a signal does what it was asked for. */
	if (!status || (!ended && WIFSIGNALED(status) && WTERMSIG(status) == SIGINT))
		return EXIT_OK;
	say("%s %s", s->run->app, child_fate(status, fate, sizeof(fate)));
	return EXIT_FAILED;
}

/** stop_signals() - a descriptor that is readable when the user wants an end */
static int stop_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int cmd_run(int argc, char **argv)
{
	static const struct argp argp = { options, parse_option, "[NAME] [-- ARGS...]", doc, NULL,
					  NULL,    NULL };
	struct run run = { .queues = 1 };
	struct session *s;
	int status;

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"manakin run";
	split_args(&run, &argc, argv);
	if (argp_parse(&argp, argc, argv, 0, NULL, &run))
		return EXIT_USAGE;
	if (run.app && !is_testpmd(&run) && (run.mode || run.tx_first)) {
		say("--mode and --tx-first are testpmd's; %s is another application", run.app);
		return EXIT_USAGE;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		say("out of memory");
		return EXIT_FAILED;
	}
	s->run = &run;
	s->show = run.json ? stderr : stdout;
	s->stop = stop_signals();
	status = check(s) ? EXIT_FAILED : is_testpmd(&run) ? run_testpmd(s) : run_app(s);
	if (s->rates) {
		rates_summary(s->rates, run.json, stdout);
		rates_close(s->rates);
	}
	close(s->stop);
	free(s);
	return status;
}
