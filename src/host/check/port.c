/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The checks of ports: who owns them, and what they can do.
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/check/exam.h"
#include "host/machine/ask.h"
#include "host/machine/limit.h"

#define DESCRIPTORS_MIN 64u /* net_mana's least, and its step (drivers/net/mana/mana.h) */

static bool is_kept(const struct netdev *dev)
{
	return dev && (dev->default_route || dev->ssh);
}

/** who_is_up() - the interfaces of a port that are up, in words */
static const char *who_is_up(const struct mana_port *port, char text[80])
{
	const char *one = netdev_is_up(port->synthetic) ? port->synthetic->name : NULL;
	const char *other = netdev_is_up(port->vf) ? port->vf->name : NULL;

	if (one && other)
		snprintf(text, 80, "%s and its VF %s are up", one, other);
	else
		snprintf(text, 80, "%s%s is up", one ? "" : "the VF ", one ? one : other);
	return text;
}

/** judge_kernels() - a port that the kernel uses */
static void judge_kernels(struct exam *exam, const struct mana_port *port)
{
	char fix[160], up[80];

	snprintf(fix, sizeof(fix), "sudo manakin setup %s", port->name);
	who_is_up(port, up);
	if (is_kept(port->synthetic) || is_kept(port->vf))
		find(exam, exam->asked ? VERDICT_FAIL : VERDICT_OK, port->name, NULL,
		     "%s; the default route or this SSH session uses it: %s", up,
		     exam->asked ? "give DPDK another interface" : "it stays with the kernel");
	else if (exam->asked)
		find(exam, VERDICT_FAIL, port->name, fix,
		     "%s; both must be down before DPDK starts, or it cannot create its queues",
		     up);
	else
		find(exam, VERDICT_WARNING, port->name, fix,
		     "%s and owned by the kernel; hand it over before DPDK uses it", up);
}

/** judge_taken() - a port whose synthetic device is DPDK's */
static void judge_taken(struct exam *exam, const struct mana_port *port)
{
	char fix[96];

	if (!netdev_is_up(port->vf)) {
		find(exam, VERDICT_OK, port->name, NULL,
		     "handed over: uio_hv_generic has its VMBus device%s%s%s",
		     port->vf ? ", and the VF " : "", port->vf ? port->vf->name : "",
		     port->vf ? " is down" : "");
		return;
	}
	snprintf(fix, sizeof(fix), "sudo ip link set %s down", port->vf->name);
	find(exam, VERDICT_FAIL, port->name, fix,
	     "its VMBus device is handed over, but the VF %s "
	     "is still up, so DPDK cannot create its queues",
	     port->vf->name);
}

static void judge_port(struct exam *exam, const struct mana_port *port)
{
	const struct mana_adapter *adapter = exam_adapter(exam, port);

	if (!adapter && exam_driverless(exam)) {
		find(exam, exam->asked ? VERDICT_FAIL : VERDICT_WARNING, port->name, NULL,
		     "has no VF that can be seen while the adapter %s has no driver",
		     exam_driverless(exam)->address);
		return;
	}
	if (!adapter) {
		find(exam, exam->asked ? VERDICT_FAIL : VERDICT_WARNING, port->name, NULL,
		     "has no MANA VF: enable accelerated networking on it "
		     "(az network nic update --accelerated-networking true)");
		return;
	}
	switch (port->owner) {
	case OWNER_KERNEL:
		judge_kernels(exam, port);
		break;
	case OWNER_FREE:
		find(exam, VERDICT_OK, port->name, NULL, "free: its interfaces are down");
		break;
	case OWNER_NETVSC:
		judge_taken(exam, port);
		break;
	case OWNER_DPDK_MANA:
		find(exam, VERDICT_OK, port->name, NULL, "down, and in use by %s",
		     *port->users ? port->users : "a DPDK process");
		break;
	case OWNER_MANAKIN:
		find(exam, exam->asked ? VERDICT_WARNING : VERDICT_OK, port->name, NULL,
		     "of an adapter in software that %s uses",
		     *port->users ? port->users : "a client");
		break;
	case OWNER_UNKNOWN:
		find(exam, VERDICT_UNKNOWN, port->name, NULL,
		     "of an adapter in software that does not answer this user; "
		     "only the user who started it, or root, may query it");
		break;
	}
}

void check_interfaces(struct exam *exam)
{
	size_t kept = 0;

	for (size_t i = 0; i < exam->n_ports; i++) {
		kept += is_kept(exam->port[i]->synthetic) || is_kept(exam->port[i]->vf);
		judge_port(exam, exam->port[i]);
	}
	if (!host_has_interfaces(exam->host))
		find(exam, VERDICT_UNKNOWN, NULL, NULL,
		     "a tree (--sysroot) has no interfaces; a file of 'manakin report' has them");
	if (!exam->asked && kept && kept == exam->n_ports)
		find(exam, VERDICT_WARNING, NULL, NULL,
		     "no interface is left for DPDK: attach a "
		     "second one to the VM (az vm nic add)");
}

/** cpus() - how many are online; 0: not known, as in a tree */
static unsigned int cpus(const struct host *host)
{
	json_t *answer;
	long n = 0;
	int err;

	if (ask_recall(host, &answer, &err, "cpus")) {
		n = (long)json_integer_value(answer);
		json_decref(answer);
		return (unsigned int)n;
	}
	n = host->tree ? 0 : sysconf(_SC_NPROCESSORS_ONLN);
	ask_note(host, 0, json_integer(n), "cpus");
	return (unsigned int)n;
}

void check_queues(struct exam *exam)
{
	unsigned int wanted = exam->request->queues;

	for (size_t i = 0; i < exam->n_ports; i++) {
		const struct mana_port *port = exam->port[i];
		unsigned int most;
		char fix[64];

		if (!port->vf || limits_queues(exam->host, port->vf->name, &most)) {
			if (wanted)
				find(exam, VERDICT_UNKNOWN, port->name, NULL,
				     "the number of queue pairs cannot be determined%s",
				     port->vf ? "" : ": it has no interface to query");
			continue;
		}
		snprintf(fix, sizeof(fix), "use --rxq=%u --txq=%u", most, most);
		if (wanted > most && most == cpus(exam->host))
			find(exam, VERDICT_WARNING, port->name, fix,
			     "%u queue pairs are requested; the kernel's driver has %u, "
			     "one for each CPU, so the adapter may or may not have more",
			     wanted, most);
		else if (wanted > most)
			find(exam, VERDICT_FAIL, port->name, fix,
			     "%u queue pairs are requested, but the adapter has %u", wanted, most);
		else
			find(exam, VERDICT_OK, port->name, NULL, "up to %u queue pair%s", most,
			     most == 1 ? "" : "s");
	}
}

void check_descriptors(struct exam *exam)
{
	unsigned int wanted = exam->request->descriptors;
	unsigned int near = wanted / DESCRIPTORS_MIN * DESCRIPTORS_MIN;
	char fix[64];

	if (!wanted)
		return;
	if (near < DESCRIPTORS_MIN)
		near = DESCRIPTORS_MIN;
	snprintf(fix, sizeof(fix), "use --txd=%u --rxd=%u", near, near);
	if (wanted < DESCRIPTORS_MIN)
		find(exam, VERDICT_FAIL, NULL, fix,
		     "%u per queue are too few: net_mana needs at least %u", wanted,
		     DESCRIPTORS_MIN);
	else if (wanted % DESCRIPTORS_MIN)
		find(exam, VERDICT_FAIL, NULL, fix,
		     "%u per queue: net_mana accepts only multiples of %u", wanted,
		     DESCRIPTORS_MIN);
	else
		find(exam, VERDICT_OK, NULL, NULL, "%u per queue", wanted);
}
