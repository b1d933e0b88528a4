/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: each subject except the bare copy is one testpmd, the application, whose
 * port leads to a peer on the other CPU: the adapter's lane, or the forwarding core of a second
 * testpmd. (net_null has none.) The application's work is the same for all: txonly, rxonly or
 * io with the same packets, queues, descriptors and memory.
 *
 * A testpmd has two lcores on one CPU: its main one reads commands and sleeps, the other one
 * forwards. Between turns all forwarding is stopped and all processes sleep, so those of
 * all subjects can wait for their turns side by side. The rate of a turn is what testpmd
 * measured itself between two readings of its port's counters, after a warm-up.
 *
 * All have DPDK's memory in one unnamed file (--in-memory --single-file-segments): a vhost-user
 * backend accepts at most eight regions of memory.
 */
#include "measure/subject.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "app/testpmd.h"
#include "base/clock.h"
#include "host/machine/software.h"
#include "measure/copy.h"
#include "measure/bench_directory.h"
#include "process/child.h"
#include "process/hugepages.h"
#include "process/program.h"
#include "serve/pci_view.h"

#define MAC               "00:0d:3a:76:3b:d0"
#define VIRTIO_QUEUES_MAX 8u /* pairs of net_virtio_user */
#define READY_SECONDS     10

struct subject {
	enum bench_subject which;
	struct point point;
	struct child adapter;
	int adapter_said; /* its summary */
	char adapter_name[32];
	struct testpmd *app;
	struct testpmd *peer;
};

bool subject_can(enum bench_subject which, const struct point *point, const char **why)
{
	*why = NULL;
	if (which == SUBJECT_VHOST && point->queues > VIRTIO_QUEUES_MAX)
		*why = "net_virtio_user has at most 8 queue pairs";
	else if (which == SUBJECT_NULL && point->what == CASE_LATENCY)
		*why = "net_null has no packets in flight";
	else if (which == SUBJECT_COPY && point->queues > 1)
		*why = "the bare copy has one queue";
	return !*why;
}

/** driver_there() - is a DPDK driver installed where DPDK's programs look for drivers? */
static bool driver_there(const char *name)
{
	static const char *const places[] = { "/usr/lib/*/dpdk/pmds-*", "/usr/lib*/dpdk/pmds-*",
					      "/usr/local/lib/*/dpdk/pmds-*",
					      "/usr/local/lib*/dpdk/pmds-*" };
	bool found = false;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !found; i++) {
		char pattern[128];
		glob_t files;

		snprintf(pattern, sizeof(pattern), "%s/librte_%s.so*", places[i], name);
		found = !glob(pattern, GLOB_NOSORT, NULL, &files);
		if (found)
			globfree(&files);
	}
	return found;
}

int subject_needs(enum bench_subject which, struct error *error)
{
	static const char *const needs[SUBJECTS][2] = {
		[SUBJECT_MEMIF] = { "memif" },
		[SUBJECT_VHOST] = { "vhost", "virtio" },
		[SUBJECT_NULL] = { "null" },
	};

	if (which == SUBJECT_COPY)
		return 0;
	if (!program_find(TESTPMD_APP)) {
		return error_fail(
			error, -ENOENT,
			TESTPMD_APP
			" is not in PATH; install DPDK's applications: apt-get install dpdk-dev");
	}
	for (int i = 0; i < 2 && needs[which][i]; i++) {
		char driver[32];

		snprintf(driver, sizeof(driver), "net_%s", needs[which][i]);
		if (!driver_there(driver)) {
			return error_fail(error, -ENOENT,
					  "DPDK's %s is not installed; install it: apt-get "
					  "install 'librte-net-%s*', or choose others with "
					  "--subject",
					  driver, needs[which][i]);
		}
	}
	return 0;
}

/** descriptors() - per queue; fewer when there are many, as mbufs fill them all */
static unsigned int descriptors(const struct point *point)
{
	return point->queues <= 8 ? 1024 : point->queues <= 16 ? 512 : 256;
}

static unsigned int mbufs(const struct point *point)
{
	return 2 * point->queues * descriptors(point) + 6144;
}

unsigned long subject_pages(enum bench_subject which, const struct point *point)
{
	/* An mbuf with headroom and the pool's overhead; rings, stacks, DPDK's own memory. */
	unsigned long one = mbufs(point) * 2560ul / HUGEPAGE_SIZE + 32 + point->queues;

	switch (which) {
	case SUBJECT_COPY:
		return 8;
	case SUBJECT_MEMIF:
	case SUBJECT_VHOST:
		return 2 * one;
	default:
		return one;
	}
}

/** forward_mode() - of the application, or of its peer */
static const char *forward_mode(enum bench_case what, bool peer)
{
	switch (what) {
	case CASE_TX:
		return peer ? "rxonly" : "txonly";
	case CASE_RX:
		return peer ? "txonly" : "rxonly";
	default:
		return "io";
	}
}

/**
 * open_testpmd() - one that uses this device
 * @cpu:	for both its lcores
 * @pci:	directory for DPDK's PCI bus; NULL to do without one
 * @vdev:	the device
 */
static int open_testpmd(const struct point *point, bool peer, const char *pci, const char *vdev,
			struct testpmd **out, struct error *error)
{
	struct testpmd_plan plan = { .app = TESTPMD_APP, .sysfs = pci };
	int err = 0;

	err |= child_args_add(&plan.eal, "--in-memory");
	err |= child_args_add(&plan.eal, "--single-file-segments");
	err |= child_args_add(&plan.eal, "--no-telemetry");
	err |= child_args_add(&plan.eal, "--lcores=(0,1)@%u", point->cpus[peer]);
	if (pci) {
		err |= child_args_add(&plan.eal, "-d");
		err |= child_args_add(&plan.eal, "%s", point->plugin);
	} else {
		err |= child_args_add(&plan.eal, "--no-pci");
	}
	err |= child_args_add(&plan.eal, "--vdev=%s", vdev);
	err |= child_args_add(&plan.args, "--disable-link-check");
	err |= child_args_add(&plan.args, "--nb-cores=1");
	err |= child_args_add(&plan.args, "--forward-mode=%s", forward_mode(point->what, peer));
	err |= child_args_add(&plan.args, "--txpkts=%u", point->size);
	err |= child_args_add(&plan.args, "--rxq=%u", point->queues);
	err |= child_args_add(&plan.args, "--txq=%u", point->queues);
	err |= child_args_add(&plan.args, "--rxd=%u", descriptors(point));
	err |= child_args_add(&plan.args, "--txd=%u", descriptors(point));
	err |= child_args_add(&plan.args, "--total-num-mbufs=%u", mbufs(point));
	if (err) {
		error_say(error, "out of memory");
		err = -ENOMEM;
	} else {
		err = testpmd_open(&plan, point->stop, out, error);
	}
	child_args_free(plan.eal);
	child_args_free(plan.args);
	return err;
}

/** open_adapter() - a `manakin device` with its lane on the peer's CPU; waits until it is there */
static int open_adapter(struct subject *s, struct error *error)
{
	const struct point *point = &s->point;
	char fabric[64], ready[128];
	struct child_plan plan = { .err = STDERR_FILENO };
	double end = clock_seconds() + READY_SECONDS;
	int err = 0;

	snprintf(fabric, sizeof(fabric), "%s",
		 point->what == CASE_TX   ? "sink"
		 : point->what == CASE_RX ? "generator"
					  : "loop");
	if (point->what == CASE_RX)
		snprintf(fabric, sizeof(fabric), "generator:size=%u,burst=%u", point->size,
			 BENCH_BURST);
	err |= child_args_add(&plan.argv, "/proc/self/exe");
	err |= child_args_add(&plan.argv, "device");
	err |= child_args_add(&plan.argv, "--name=%s", s->adapter_name);
	err |= child_args_add(&plan.argv, "--port=mac=" MAC ",mtu=2000,queues=%u,fabric=%s",
			      point->queues, fabric);
	err |= child_args_add(&plan.argv, "--cpus=%u", point->cpus[1]);
	err |= child_args_add(&plan.argv, "--json");
	err |= child_args_add(&plan.argv, "--log=warning");
	plan.out = s->adapter_said = memfd_create("summary", MFD_CLOEXEC);
	if (err || plan.out < 0)
		err = -ENOMEM;
	else
		err = child_start(&s->adapter, &plan);
	child_args_free(plan.argv);
	snprintf(ready, sizeof(ready),
		 SOFTWARE_DIRECTORY "/%s/pci/" PCI_VIEW_ADDRESS_DEFAULT "/manakin_socket",
		 s->adapter_name);
	while (!err && access(ready, F_OK)) {
		usleep(5000);
		if (clock_seconds() > end)
			err = -ETIMEDOUT;
	}
	if (err)
		error_say(error, "cannot start the adapter: %s", error_reason(-err));
	return err;
}

/** await_link() - wait until both ends have connected */
static int await_link(struct testpmd *testpmd, struct error *error)
{
	double end = clock_seconds() + READY_SECONDS;
	const char *answer;
	int err;

	do {
		err = testpmd_ask(testpmd, "show port info 0", &answer);
		if (!err && strstr(answer, "Link status: up"))
			return 0;
		if (!err)
			err = testpmd_wait(testpmd, 0.05);
	} while (!err && clock_seconds() < end);
	error_say(error, "the two testpmds did not connect within %d seconds", READY_SECONDS);
	return err ? err : -ETIMEDOUT;
}

/** open_ends() - the processes of a subject */
static int open_ends(struct subject *s, struct error *error)
{
	const struct point *p = &s->point;
	char vdev[256], pci[64];
	int err;

	switch (s->which) {
	case SUBJECT_MANAKIN:
		err = open_adapter(s, error);
		if (err)
			return err;
		snprintf(pci, sizeof(pci), SOFTWARE_DIRECTORY "/%s/pci", s->adapter_name);
		return open_testpmd(p, false, pci, PCI_VIEW_ADDRESS_DEFAULT ",mac=" MAC, &s->app,
				    error);
	case SUBJECT_MEMIF:
		snprintf(vdev, sizeof(vdev),
			 "net_memif0,role=server,socket=%s/memif,socket-abstract=no,"
			 "rsize=%d,bsize=2048",
			 p->directory, __builtin_ctz(descriptors(p)));
		err = open_testpmd(p, true, NULL, vdev, &s->peer, error);
		memcpy(strstr(vdev, "server"), "client", 6);
		if (!err)
			err = open_testpmd(p, false, NULL, vdev, &s->app, error);
		break;
	case SUBJECT_VHOST:
		snprintf(vdev, sizeof(vdev), "net_vhost0,iface=%s/vhost,queues=%u", p->directory,
			 p->queues);
		err = open_testpmd(p, true, NULL, vdev, &s->peer, error);
		/* The fastest settings of this driver: half as much again as with its defaults. */
		snprintf(vdev, sizeof(vdev),
			 "net_virtio_user0,path=%s/vhost,queues=%u,queue_size=%u,packed_vq=1,"
			 "mrg_rxbuf=0,in_order=1",
			 p->directory, p->queues, descriptors(p));
		if (!err)
			err = open_testpmd(p, false, NULL, vdev, &s->app, error);
		break;
	case SUBJECT_NULL:
		snprintf(vdev, sizeof(vdev), "net_null0,size=%u,copy=0", p->size);
		return open_testpmd(p, false, NULL, vdev, &s->app, error);
	default:
		return 0;
	}
	if (!err)
		err = await_link(s->app, error);
	if (!err)
		err = await_link(s->peer, error);
	return err;
}

int subject_open(enum bench_subject which, const struct point *point, struct subject **out,
		 struct error *error)
{
	struct subject *s = calloc(1, sizeof(*s));
	struct error ignored;
	int err;

	if (!s) {
		return error_fail(error, -ENOMEM, "out of memory");
	}
	s->which = which;
	s->point = *point;
	s->adapter = (struct child){ .pidfd = -1 };
	s->adapter_said = -1;
	bench_directory_adapter(point->directory, s->adapter_name, sizeof(s->adapter_name));
	err = open_ends(s, error);
	if (err)
		subject_close(s, &ignored);
	else
		*out = s;
	return err;
}

/** start() - start both ends, first the one that must not miss anything */
static int start(struct subject *s)
{
	unsigned int bursts = 1;
	char first[40];
	int err = 0;

	if (s->point.what == CASE_LOOP && s->point.queues < BENCH_LOOP_BURSTS)
		bursts = BENCH_LOOP_BURSTS / s->point.queues;
	/* net_null makes packets itself: those that are sent first would be too many. */
	if (s->point.what < CASE_LOOP || s->which == SUBJECT_NULL)
		snprintf(first, sizeof(first), "start");
	else
		snprintf(first, sizeof(first), "start tx_first %u", bursts);
	if (s->peer && s->point.what != CASE_RX)
		err = testpmd_ask(s->peer, "start", NULL);
	if (!err)
		err = testpmd_ask(s->app, first, NULL);
	if (!err && s->peer && s->point.what == CASE_RX)
		err = testpmd_ask(s->peer, "start", NULL);
	return err;
}

/** stop() - the sender stops first, so that no packet is left in flight */
static int stop(struct subject *s)
{
	struct testpmd *order[2] = { s->app, s->peer };
	int err = 0;

	if (s->peer && s->point.what == CASE_RX) {
		order[0] = s->peer;
		order[1] = s->app;
	}
	for (int i = 0; i < 2 && !err; i++)
		if (order[i])
			err = testpmd_ask(order[i], "stop", NULL);
	return err;
}

int subject_turn(struct subject *s, double seconds, double *mpps, struct error *error)
{
	struct testpmd_rates rates;
	int err;

	if (s->which == SUBJECT_COPY) {
		err = copy_turn(&s->point, seconds, mpps);
		if (err)
			error_say(error, "cannot copy: %s", error_reason(-err));
		return err;
	}
	err = start(s);
	if (!err)
		err = testpmd_wait(s->app, BENCH_WARM_UP_MS / 1e3);
	if (!err)
		err = testpmd_rates(s->app, 0, &rates);
	if (!err)
		err = testpmd_wait(s->app, seconds);
	if (!err)
		err = testpmd_rates(s->app, 0, &rates);
	if (!err)
		err = stop(s);
	if (err) {
		error_say(error, "%s: %s", subject_names[s->which],
			  err == -EPIPE   ? "testpmd ended by itself"
			  : err == -EINTR ? "interrupted"
					  : error_reason(-err));
		return err;
	}
	*mpps = (double)(s->point.what == CASE_TX ? rates.tx_pps : rates.rx_pps) / 1e6;
	if (*mpps <= 0) {
		return error_fail(error, -EIO, "%s: no packets in the case %s",
				  subject_names[s->which], case_names[s->point.what]);
	}
	return 0;
}

/** arrived() - frames at the adapter's fabric, from the statistics it printed when it stopped */
static int arrived(int said, uint64_t *frames)
{
	json_t *root, *value;

	/* What the adapter wrote moved the offset, which is ours too. */
	lseek(said, 0, SEEK_SET);
	root = json_loadfd(said, 0, NULL);
	value = json_object_get(json_array_get(json_object_get(root, "ports"), 0), "wire_tx");
	*frames = (uint64_t)json_integer_value(value);
	json_decref(root);
	return value ? 0 : -EPROTO;
}

int subject_close(struct subject *s, struct error *error)
{
	struct testpmd_rates rates = { 0 };
	uint64_t frames = 0;
	bool compare = false;
	int err = 0;

	if (s->app) {
		compare = s->which == SUBJECT_MANAKIN && s->point.what == CASE_TX &&
			  !testpmd_rates(s->app, 0, &rates);
		testpmd_close(s->app);
	}
	if (s->peer)
		testpmd_close(s->peer);
	if (s->adapter.pid > 0)
		child_stop(&s->adapter, SIGINT, 5000);
	if (compare && (arrived(s->adapter_said, &frames) || frames != rates.tx_packets)) {
		error_say(error,
			  "testpmd sent %" PRIu64 " packets, but %" PRIu64
			  " arrived at the adapter's sink",
			  rates.tx_packets, frames);
		err = -EIO;
	}
	if (s->adapter_said >= 0)
		close(s->adapter_said);
	free(s);
	return err;
}
