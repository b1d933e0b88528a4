/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c - what an attack on one adapter costs the neighbour on another one of the same process.
 *
 *	neighbour --ports ATTACK		the attacker's ports, for manakin device; the neighbour's
 *	neighbour ADAPTER-PID LANE-CPU OTHER-CPU SOCKET OTHER-SOCKET ATTACK
 *
 * Theory of operation
 *
 * Windows without and with the attack take turns, so that whatever else the machine does meanwhile
 * is in both. A window's rate is what the neighbour has sent, divided by the time that the lane
 * could have used: the window without the time in which the kernel ran something else on the lane's
 * CPU. The ratio of an attacked window is its rate divided by the mean of the two beside it; of all
 * ratios the median counts. Of all doorbells the worst counts, save that one window may be worse
 * than allowed: an attack that can hold a doorbell up does it in each. A window in which the kernel
 * let the lane or the neighbour wait for a CPU for long says nothing, and is measured again.
 *
 * The attacker is another process, killed at the end of its window, which is part of the window;
 * one that the adapter has dropped is started again. At the end a client must be able to use the
 * attacked adapter, and then, while it is attacked once more, SIGTERM must end the process.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attacker.h"
#include "attacks.h"
#include "base/clock.h"
#include "base/compat.h"
#include "neighbour.h"

#define PAIRS         3u /* of windows without and with the attack */
#define WINDOW_MS     300u
#define SETTLE_MS     50u    /* after an attack, until the neighbour alone is measured */
#define LEAVE_MS      30u    /* of an attacked window, after the attacker was killed */
#define BEGIN_MS      20000u /* until an attack must have begun */
#define RECOVER_MS    4000u
#define RATIO_MIN     0.4
#define WAIT_MAX_MS   20.0
#define AWAKE_MAX     0.2 /* of a window, for a lane that has nothing to do */
#define END_MAX_MS    1000u
#define FIRST_NICE    (-20) /* the adapter and the neighbour */
#define ATTACKER_NICE (-10) /* after them, before everything else */
#define DISTURBED     0.3   /* of a window, without a CPU */
#define AGAIN         4u    /* windows that are measured again */
#define BUSY_MIN      0.8   /* of a window: the lane limits the neighbour */

static const struct attack *attack;
static pid_t adapter_pid;
static const char *attacked_socket;
static struct adapter_threads threads;

/* ---- Processes and threads ---- */

/** tasks_each() - call @each for each thread of a process, until it returns true */
static bool tasks_each(pid_t pid, bool (*each)(pid_t tid, long argument), long argument)
{
	struct dirent *entry;
	bool found = false;
	char path[64];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && !found && (entry = readdir(tasks)))
		found = atoi(entry->d_name) > 0 && each(atoi(entry->d_name), argument);
	if (tasks)
		closedir(tasks);
	return found;
}

static bool renice(pid_t tid, long nice)
{
	setpriority(PRIO_PROCESS, (id_t)tid, (int)nice);
	return false;
}

/**
 * favour() - have a process preferred to whatever else the machine does
 *
 * With autogroups nice values count only within a session, which has another one of its own; so each
 * such process is in a session of its own. This needs CAP_SYS_NICE; without it the figures are as
 * good as the machine is idle.
 */
static void favour(pid_t pid, int nice)
{
	char path[64];
	int fd;

	tasks_each(pid, renice, nice);
	snprintf(path, sizeof(path), "/proc/%d/autogroup", pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	dprintf(fd, "%d", nice);
	close(fd);
}

static int schedstat_open(pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", adapter_pid, tid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/** lane_found() - is it pinned to that CPU, and not the control thread? */
static bool lane_found(pid_t tid, long cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (tid == adapter_pid || sched_getaffinity(tid, sizeof(set), &set) ||
	    CPU_COUNT(&set) != 1 || !CPU_ISSET((size_t)cpu, &set))
		return false;
	threads.lane = schedstat_open(tid);
	return threads.lane >= 0;
}

/* ---- The attacker's process ---- */

struct running {
	pid_t pid;
	unsigned int starts;
};

static void attacker_kill(struct running *running)
{
	if (running->pid <= 0)
		return;
	kill(-running->pid, SIGKILL);
	kill(running->pid, SIGKILL); /* before its setsid() */
	waitpid(running->pid, NULL, 0);
	running->pid = 0;
}

/** attacker_start() - returns when the attack has begun; false if it could not */
static bool attacker_start(struct running *running)
{
	struct pollfd begun = { .events = POLLIN };
	int ends[2];

	if (pipe(ends))
		return false;
	running->pid = fork();
	if (!running->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setsid();
		favour(getpid(), ATTACKER_NICE);
		close(ends[0]);
		attack_prepare(ends[1]);
		attack->run(attacked_socket);
		_exit(ATTACK_BROKEN);
	}
	close(ends[1]);
	begun.fd = ends[0];
	if (poll(&begun, 1, BEGIN_MS) == 1 && begun.revents & POLLIN) {
		close(ends[0]);
		running->starts++;
		return true;
	}
	close(ends[0]);
	attacker_kill(running);
	return false;
}

/** attacker_watch() - start it again if it was dropped; false if it cannot attack */
static bool attacker_watch(struct running *running)
{
	int status;

	if (waitpid(running->pid, &status, WNOHANG) != running->pid)
		return true;
	running->pid = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != ATTACK_LOST) {
		fprintf(stderr, "the attacker has ended with status %#x\n", (unsigned int)status);
		return false;
	}
	return attacker_start(running);
}

/* ---- Windows ---- */

struct moment {
	uint64_t ns, sent, held_up;
	struct times lane;
};

/**
 * struct window - what was measured
 * @rate:	packets in a second of the lane's
 * @busy:	part of the time that the lane ran
 * @seen_ms, @sent_ms: see struct neighbour_waits
 * @disturbed:	the lane or the sender had no CPU for a good part of it
 */
struct window {
	double rate, busy, seen_ms, sent_ms;
	bool disturbed;
};

static struct moment moment_now(void)
{
	return (struct moment){ clock_ns(), neighbour_sent(), neighbour_held_up(),
				times_of(threads.lane) };
}

static struct window window_of(const struct moment *from, const struct moment *to)
{
	double ns = (double)(to->ns - from->ns);
	double waited = (double)(to->lane.waited - from->lane.waited);
	double held_up = (double)(to->held_up - from->held_up);
	double ours = waited < ns / 2 ? ns - waited : ns / 2;
	struct neighbour_waits waits = neighbour_waits();

	return (struct window){ .rate = (double)(to->sent - from->sent) / ours * NS_PER_S,
				.busy = (double)(to->lane.run - from->lane.run) / ours,
				.seen_ms = (double)waits.seen / NS_PER_MS,
				.sent_ms = (double)waits.sent / NS_PER_MS,
				.disturbed = waited > ns * DISTURBED || held_up > ns * DISTURBED };
}

static struct window window_alone(void)
{
	struct moment from, to;

	clock_pause_us(SETTLE_MS * 1000);
	neighbour_waits();
	from = moment_now();
	clock_pause_us(WINDOW_MS * 1000);
	to = moment_now();
	return window_of(&from, &to);
}

/** window_attacked() - false if there was no attack */
static bool window_attacked(struct window *window, struct running *running)
{
	uint64_t end;
	struct moment from, to;

	neighbour_rest(attack->quiet);
	if (!attacker_start(running))
		return false;
	neighbour_waits();
	from = moment_now();
	end = clock_deadline(WINDOW_MS);
	while (!clock_passed(end)) {
		clock_pause_us(1000);
		if (!attacker_watch(running))
			return false;
	}
	to = moment_now();
	attacker_kill(running);
	clock_pause_us(LEAVE_MS * 1000);
	*window = window_of(&from, &to);
	neighbour_rest(false);
	return true;
}

/** recovered() - has the neighbour sent anything again after an attack? */
static bool recovered(void)
{
	uint64_t deadline = clock_deadline(RECOVER_MS);
	uint64_t before;

	clock_pause_us(1000);
	neighbour_waits();
	before = neighbour_sent();
	while (!clock_passed(deadline) && !neighbour_lost()) {
		struct neighbour_waits waits;

		clock_pause_us(5000);
		waits = neighbour_waits();
		if (neighbour_sent() != before && waits.sent && waits.sent < NS_PER_S)
			return true;
	}
	return false;
}

/* ---- The verdict ---- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void sort(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), compare);
}

/**
 * result() - print the line; true if everything holds
 * @n:		attacked windows; one more without the attack, unless the adapter stands still
 */
static bool result(const struct window *alone, const struct window *attacked, unsigned int n,
		   bool stands_still, const struct running *running)
{
	double ratio[PAIRS], rate[PAIRS], busy[PAIRS], seen[PAIRS], sent[PAIRS];
	double alone_busy[PAIRS];
	unsigned int worst = n > 1 ? n - 2 : 0;

	for (unsigned int i = 0; i < n; i++) {
		bool last = i + 1 == n && stands_still;
		double beside = last ? alone[i].rate : (alone[i].rate + alone[i + 1].rate) / 2;

		rate[i] = beside;
		alone_busy[i] = alone[i].busy;
		ratio[i] = beside > 0 ? attacked[i].rate / beside : 0;
		busy[i] = attacked[i].busy;
		seen[i] = attacked[i].seen_ms;
		sent[i] = attacked[i].sent_ms;
	}
	sort(ratio, n);
	sort(rate, n);
	sort(busy, n);
	sort(alone_busy, n);
	sort(seen, n);
	sort(sent, n);
	if (attack->quiet) {
		printf("%-14s the lane runs %.2f of the time with nothing to do\n", attack->name,
		       busy[n / 2]);
		return busy[n / 2] <= AWAKE_MAX && !stands_still;
	}
	printf("%-14s alone %.2f M/s (lane busy %.2f), attacked %.2f of it (%.2f to %.2f); "
	       "doorbell seen after %.1f ms (%.1f), sent after %.1f ms (%.1f); %u attackers\n",
	       attack->name, rate[n / 2] / 1e6, alone_busy[n / 2], ratio[n / 2], ratio[0],
	       ratio[n - 1], seen[worst], seen[n - 1], sent[worst], sent[n - 1], running->starts);
	if (alone_busy[n / 2] < BUSY_MIN)
		printf("%-14s the lane does not limit the neighbour\n", attack->name);
	if (stands_still)
		printf("%-14s the adapter stands still, also after the attack\n", attack->name);
	return ratio[n / 2] >= RATIO_MIN && seen[worst] <= WAIT_MAX_MS &&
	       sent[worst] <= WAIT_MAX_MS && !stands_still;
}

/** ends() - SIGTERM ends the process while it is attacked */
static bool ends(struct running *running)
{
	struct pollfd gone = { .events = POLLIN };
	uint64_t begin;
	bool ended;

	gone.fd = (int)syscall(SYS_pidfd_open, adapter_pid, 0);
	if (gone.fd < 0 || !attacker_start(running))
		return false;
	clock_pause_us(SETTLE_MS * 1000);
	begin = clock_ns();
	kill(adapter_pid, SIGTERM);
	ended = poll(&gone, 1, END_MAX_MS) == 1;
	if (ended)
		printf("%-14s ends on SIGTERM after %.0f ms\n", attack->name,
		       (double)(clock_ns() - begin) / NS_PER_MS);
	else
		printf("%-14s does not end on SIGTERM within %u ms\n", attack->name, END_MAX_MS);
	attacker_kill(running);
	return ended;
}

/** attacks_by_rdma() - is the attack one for which the neighbour has queue pairs? */
static bool attacks_by_rdma(void)
{
	for (const struct attack *one = rdma; one->name; one++)
		if (one == attack)
			return true;
	return false;
}

static int measure(const char *neighbour_socket)
{
	struct window alone[PAIRS + 1], attacked[PAIRS];
	struct running running = { 0 };
	bool still = false, good;
	unsigned int n = 0, again = AGAIN;
	int err;

	neighbour_start(neighbour_socket, &threads);
	if (attacks_by_rdma())
		rdma_target(neighbour_rdma());
	alone[0] = window_alone();
	while (n < PAIRS && !still) {
		if (!window_attacked(&attacked[n], &running)) {
			printf("%-14s the attack does not begin\n", attack->name);
			return 1;
		}
		still = !recovered();
		if (!still)
			alone[n + 1] = window_alone();
		if (!still && again && (attacked[n].disturbed || alone[n + 1].disturbed)) {
			again--;
			alone[n] = alone[n + 1];
			continue;
		}
		n++;
	}
	good = result(alone, attacked, n, still, &running);
	if (still)
		return 1;
	err = neighbour_try(attacked_socket);
	if (err) {
		printf("%-14s the attacked adapter does not serve any more: %s\n", attack->name,
		       strerror(-err));
		good = false;
	}
	neighbour_rest(true);
	return ends(&running) && good ? 0 : 1;
}

static const struct attack *attack_find(const char *name)
{
	const struct attack *const all[] = { sends, commands, connections, descriptors, rdma };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (const struct attack *one = all[i]; one->name; one++)
			if (!strcmp(one->name, name))
				return one;
	fprintf(stderr, "no attack is called %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	cpu_set_t cpus;

	if (argc == 3 && !strcmp(argv[1], "--ports")) {
		attack = attack_find(argv[2]);
		puts(attack->ports ? attack->ports : "--port fabric=sink");
		printf("--port fabric=sink %s\n", attacks_by_rdma() ? NEIGHBOUR_RDMA_PORT : "");
		return 0;
	}
	if (argc != 7) {
		fputs("usage: neighbour ADAPTER-PID LANE-CPU OTHER-CPU SOCKET OTHER-SOCKET ATTACK\n"
		      "       neighbour --ports ATTACK\n",
		      stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	adapter_pid = atoi(argv[1]);
	attacked_socket = argv[4];
	attack = attack_find(argv[6]);
	threads.control = schedstat_open(adapter_pid);
	if (!tasks_each(adapter_pid, lane_found, atol(argv[2]))) {
		fprintf(stderr, "the adapter %s has no lane on CPU %s\n", argv[1], argv[2]);
		return 1;
	}
	if (!times_of(threads.lane).run) {
		fputs("the kernel does not tell how long a thread has run (schedstat); this test needs that\n",
		      stderr);
		return 1;
	}
	CPU_ZERO(&cpus);
	CPU_SET(strtoul(argv[3], NULL, 10), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	setsid();
	favour(adapter_pid, FIRST_NICE);
	favour(getpid(), FIRST_NICE);
	return measure(argv[5]);
}
