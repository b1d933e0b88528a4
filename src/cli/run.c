/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin run: a DPDK application on an adapter.
 *
 * Theory of operation: everything that can be known to be missing is looked for first, so that
 * the user gets one sentence with the command that mends it, and not DPDK's log. What differs
 * between adapters is in run_target.c alone; the application is run_app.c's.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/cli.h"
#include "process/hugepages.h"
#include "process/keep.h"
#include "process/child.h"
#include "cli/look.h"
#include "term/output.h"
#include "app/run.h"

#define QUEUES_MAX      64u
#define SECONDS_MAX     (365 * 86400.0)
#define MBUF            2560ull /* bytes, with its room and what the pool adds */
#define MEMORY_BESIDE   (64ull << 20)
#define DESCRIPTORS_MIN 64u /* of a queue, as Microsoft's own tests found */
#define DESCRIPTORS_MAX 8192u

enum {
	OPTION_QUEUES = 'q',
	OPTION_CORES = 'c',
	OPTION_MODE = 'm',
	OPTION_SECONDS = 't',
	OPTION_JSON = 'j',
	OPTION_PMD = 'p',
	OPTION_DRY_RUN = 'n',
	OPTION_SYSROOT = 's',
	OPTION_APP = 0x100,
	OPTION_FIRST,
	OPTION_PLUGIN,
	OPTION_RXD,
	OPTION_TXD,
	OPTION_CSV,
	OPTION_RESTORE,
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
	{ "rxd", OPTION_RXD, "N", 0, "Descriptors of each receive queue, 64 to 8192", 0 },
	{ "txd", OPTION_TXD, "N", 0, "Descriptors of each send queue", 0 },
	{ "pmd", OPTION_PMD, "netvsc|mana", 0,
	  "DPDK's driver for an interface (default: as it was handed over)", 0 },
	{ "restore", OPTION_RESTORE, NULL, 0,
	  "Give the interfaces back to the kernel at the end, as 'manakin restore' does", 0 },
	{ "dry-run", OPTION_DRY_RUN, NULL, 0, "Print the command, and start nothing", 0 },
	{ "json", OPTION_JSON, NULL, 0, "Print the summary as JSON", 0 },
	{ "csv", OPTION_CSV, NULL, 0, "Print the summary as comma-separated values", 0 },
	{ "plugin", OPTION_PLUGIN, "FILE", 0,
	  "The poll-mode driver for an adapter in software (default: beside this program, or where "
	  "it is installed)",
	  0 },
	{ "sysroot", OPTION_SYSROOT, "DIR", 0, SYSROOT_HELP ", with --dry-run", 0 },
	{ 0 },
};

static const char doc[] =
	"Run DPDK's testpmd, or another DPDK application, on interfaces that 'manakin setup' "
	"handed "
	"over (IFACE: their names, MAC addresses or UUIDs), or on the adapter NAME (default: "
	"mana0) "
	"that 'manakin device --name NAME' runs on this machine. Shows the rate as it goes, and a "
	"summary. When it fails, the log is looked at for why."
	"\vARGS are added to the application's own arguments; with a -- among them, those before "
	"it to EAL's.\n\n"
	"Examples:\n"
	"  manakin run eth1 --queues 8 --seconds 10 --restore\n"
	"  manakin run --seconds 10\n"
	"  manakin run mana0 --queues 8 --cores 0-4 --mode rxonly\n"
	"  manakin run --mode io --tx-first -- --txd=128 --rxd=128 --burst=64\n"
	"  manakin run --app ./l2fwd -- -- -p 1\n\n"
	"Exit status: 0 done, 1 it did not work, 2 wrong usage.";

/** parse_descriptors() - of a kind of queue; 0 or EINVAL, and has said so */
static int parse_descriptors(struct run *run, bool send, const char *arg)
{
	unsigned long value;
	char *end;

	value = *arg >= '0' && *arg <= '9' && strlen(arg) < 6 ? strtoul(arg, &end, 10) : 0;
	if (value < DESCRIPTORS_MIN || value > DESCRIPTORS_MAX || *end)
		return usage_error(&run->failed,
				   "--%s: '%s' is not %u to %u descriptors; MANA wants %u at least",
				   send ? "txd" : "rxd", arg, DESCRIPTORS_MIN, DESCRIPTORS_MAX,
				   DESCRIPTORS_MIN);
	run->descriptors[send] = (unsigned int)value;
	return 0;
}

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
	case OPTION_CSV:
		if (run->form != RATES_TABLE)
			return usage_error(&run->failed, "--json or --csv, once");
		run->form = key == OPTION_JSON ? RATES_JSON : RATES_CSV;
		return 0;
	case OPTION_RXD:
	case OPTION_TXD:
		return parse_descriptors(run, key == OPTION_TXD, arg);
	case OPTION_PMD:
		run->wish.pmd = !strcmp(arg, "netvsc") ? EAL_PMD_NETVSC
				: !strcmp(arg, "mana") ? EAL_PMD_MANA
						       : EAL_PMD_ANY;
		if (run->wish.pmd == EAL_PMD_ANY)
			return usage_error(&run->failed, "--pmd: '%s' is neither netvsc nor mana",
					   arg);
		return 0;
	case OPTION_RESTORE:
		run->restore = true;
		return 0;
	case OPTION_DRY_RUN:
		run->dry_run = run->wish.only_look = true;
		return 0;
	case OPTION_SYSROOT:
		run->wish.sysroot = arg;
		return 0;
	case OPTION_PLUGIN:
		run->wish.plugin = arg;
		return 0;
	case ARGP_KEY_ARGS:
		run->wish.words = state->argv + state->next;
		run->wish.n = (size_t)(state->argc - state->next);
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

/** check_hugepages() - there are enough, and DPDK can use them; has said why if not */
static int check_hugepages(const struct run *run, unsigned int ports)
{
	unsigned long long need = run_mbufs(run, ports) * MBUF + MEMORY_BESIDE, there;
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

/** near_cpus() - of those allowed, the adapter's NUMA node's, if there are any */
static void near_cpus(const struct session *s, unsigned int *cpus, unsigned int *n)
{
	unsigned int near[CPUS_MAX], n_near, both[CPUS_MAX], n_both = 0;

	if (cpus_parse(s->target.cpus, near, &n_near))
		return;
	for (unsigned int i = 0; i < *n; i++)
		for (unsigned int j = 0; j < n_near; j++)
			if (cpus[i] == near[j])
				both[n_both++] = cpus[i];
	if (!n_both)
		return;
	memcpy(cpus, both, n_both * sizeof(both[0]));
	*n = n_both;
}

/** choose_cpus() - one for commands, and one a queue to forward; fewer if there are not so many */
static int choose_cpus(struct session *s, unsigned int ports)
{
	unsigned int allowed[CPUS_MAX], n, want = 1 + ports * s->run->queues;

	if (cpus_allowed(allowed, &n))
		return -ENODEV;
	if (!s->run->cores) {
		near_cpus(s, allowed, &n);
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
	const char *app = run->app ? run->app : TESTPMD_APP;
	struct error error;

	if (!run->dry_run && !program_find(app)) {
		say(run->app ? "there is no program %s that could be run"
			     : "there is no %s in PATH; install DPDK's applications: apt-get "
			       "install "
			       "dpdk-dev",
		    app);
		return -ENOENT;
	}
	if (target_find(&run->wish, &s->target, &error)) {
		say("%s", error.text);
		return -ENOENT;
	}
	if (*s->target.warning)
		say("%s", s->target.warning);
	if (run->restore && s->target.software) {
		say("--restore: %s is an adapter in software; there is nothing to give back",
		    s->target.name);
		return -EINVAL;
	}
	if (choose_cpus(s, run_ports(s)))
		return -ENODEV;
	return run->dry_run ? 0 : check_hugepages(run, run_ports(s));
}

/** print_command() - what would be started, for a shell; an exit status */
static int print_command(const struct session *s)
{
	char **argv = run_command(s);

	if (!argv) {
		say("out of memory");
		return EXIT_FAILED;
	}
	if (*s->target.sysfs)
		printf("SYSFS_PCI_DEVICES=%s ", s->target.sysfs);
	output_command(stdout, argv);
	child_args_free(argv);
	return EXIT_OK;
}

/** give_back() - what --restore asks for; an exit status */
static int give_back(const struct session *s)
{
	char *argv[TESTPMD_PORTS_MAX + 2] = { (char *)"restore" };
	int argc = 1, out = -1, status;

	for (char **key = s->target.keys; *key && argc <= (int)TESTPMD_PORTS_MAX; key++)
		argv[argc++] = *key;
	/* Standard output is the summary's, where another program reads it. */
	fflush(stdout);
	if (s->run->form != RATES_TABLE) {
		out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		dup2(STDERR_FILENO, STDOUT_FILENO);
	}
	status = cmd_restore(argc, argv);
	fflush(stdout);
	if (out >= 0) {
		dup2(out, STDOUT_FILENO);
		close(out);
	}
	return status;
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

/** run_it() - the application, the summary, and what comes after; an exit status */
static int run_it(struct session *s)
{
	int status = run_application(s), back = EXIT_OK;

	if (s->rates) {
		rates_summary(s->rates, s->run->form, stdout);
		rates_close(s->rates);
	}
	if (s->run->restore)
		back = give_back(s);
	return status ? status : back;
}

int cmd_run(int argc, char **argv)
{
	static const struct argp argp = { options, parse_option, "[NAME | IFACE...] [-- ARGS...]",
					  doc,     NULL,         NULL,
					  NULL };
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
	if (run.wish.sysroot && !run.dry_run) {
		say("--sysroot: an application runs on this machine; look at another with "
		    "--dry-run");
		return EXIT_USAGE;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		say("out of memory");
		return EXIT_FAILED;
	}
	s->run = &run;
	s->show = run.form == RATES_TABLE ? stdout : stderr;
	s->stop = stop_signals();
	s->log = keep_open();
	status = check(s) ? EXIT_FAILED : run.dry_run ? print_command(s) : run_it(s);
	target_free(&s->target);
	if (s->log)
		close(s->log);
	close(s->stop);
	free(s);
	return status;
}
