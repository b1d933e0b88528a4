/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * mbufs are in memory that all processes of an application share. A secondary process lacks the
 * ports and queues (state.c), and access to the doorbells; it requests both from the primary:
 *
 *	secondary			primary
 *	request: PCI address	->
 *				<-	vPorts that are ethdevs; descriptors
 *	driver_attach()
 *	pmd_state_attach()
 *
 * From then on it sends and receives without the primary. Only the primary starts and stops ports.
 * In a secondary process, a stopped queue returns no packets and accepts none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_errno.h>

#include "base/error.h"
#include "pmd/pmd.h"

#define ACTION  "net_manakin"
#define TIMEOUT 5 /* seconds */

/** struct share_request - the request to the primary process */
struct share_request {
	char pci[RTE_DEV_NAME_MAX_LEN];
};

/**
 * struct share_answer - its reply
 * @err:	0 or a negative errno
 * @state:	address of the ports' and queues' memory
 * @share:	without the descriptors, which the message carries: the memory's first
 * @ports:	bit i % 64 of word i / 64: vPort i is an ethdev
 */
struct share_answer {
	int32_t err;
	void *state;
	struct driver_share share;
	uint64_t ports[DRIVER_PORTS_MAX / 64];
};
static_assert(sizeof(struct share_answer) <= RTE_MP_MAX_PARAM_LEN, "fits into a message");

/** struct attached - a device of a secondary process */
struct attached {
	TAILQ_ENTRY(attached) next;
	struct rte_pci_device *pci;
	struct driver_doorbell *doorbell;
};

static TAILQ_HEAD(, attached) devices = TAILQ_HEAD_INITIALIZER(devices);

/* ---- Primary ---- */

/** describe() - an adapter that works, to a secondary process; the lock is held */
static void describe(struct pmd_adapter *adapter, struct share_answer *out,
		     struct rte_mp_msg *reply)
{
	if (adapter->gone)
		return;
	out->err = adapter->recovering ? -EBUSY : driver_share(adapter->driver, &out->share);
	if (!out->err) {
		reply->fds[reply->num_fds++] = pmd_state_share(&out->state);
		reply->fds[reply->num_fds++] = out->share.transport.post_fd;
		if (out->share.transport.bar_fd >= 0)
			reply->fds[reply->num_fds++] = out->share.transport.bar_fd;
	}
	for (unsigned int i = 0; i < DRIVER_PORTS_MAX; i++)
		if (adapter->ports[i])
			out->ports[i / 64] |= UINT64_C(1) << (i % 64);
}

static int answer(const struct rte_mp_msg *message, const void *peer)
{
	const struct share_request *request = (const void *)message->param;
	struct share_answer out = { .err = -ENODEV };
	struct rte_mp_msg reply = { .len_param = sizeof(out) };
	struct pmd_adapter *adapter = NULL;

	if (message->len_param == sizeof(*request) && memchr(request->pci, 0, sizeof(request->pci)))
		adapter = pmd_adapter_find(request->pci);
	if (adapter) {
		pthread_mutex_lock(&adapter->lock);
		describe(adapter, &out, &reply);
		pthread_mutex_unlock(&adapter->lock);
	}
	snprintf(reply.name, sizeof(reply.name), "%s", ACTION);
	memcpy(reply.param, &out, sizeof(out));
	return rte_mp_reply(&reply, peer);
}

int pmd_share_start(void)
{
	/* Without shared files (--in-memory) there are no secondary processes. */
	if (rte_mp_action_register(ACTION, answer) < 0 && rte_errno != EEXIST &&
	    rte_errno != ENOTSUP) {
		PMD_LOG(ERR, "cannot serve secondary processes: %s", error_reason(rte_errno));
		return -rte_errno;
	}
	return 0;
}

/* ---- Secondary ---- */

/** ask() - ask the primary for a device; its doorbell is owned by the caller */
static int ask(const struct rte_pci_device *pci, struct share_answer *out,
	       struct driver_doorbell **doorbell)
{
	struct timespec timeout = { .tv_sec = TIMEOUT };
	struct rte_mp_msg message = { .len_param = sizeof(struct share_request) };
	struct share_request request = { 0 };
	struct rte_mp_reply replies = { 0 };
	int err = -EPROTO;

	snprintf(request.pci, sizeof(request.pci), "%s", pci->name);
	snprintf(message.name, sizeof(message.name), "%s", ACTION);
	memcpy(message.param, &request, sizeof(request));
	if (rte_mp_request_sync(&message, &replies, &timeout) < 0)
		return -rte_errno;
	if (replies.nb_received == 1 && replies.msgs[0].len_param == sizeof(*out)) {
		int fds = replies.msgs[0].num_fds;

		memcpy(out, replies.msgs[0].param, sizeof(*out));
		err = out->err;
		out->share.transport.post_fd = fds > 1 ? replies.msgs[0].fds[1] : -1;
		out->share.transport.bar_fd = fds > 2 ? replies.msgs[0].fds[2] : -1;
		if (!err)
			err = driver_attach(&out->share, doorbell);
		if (err && fds > 0)
			close(replies.msgs[0].fds[0]);
		if (!err) {
			err = pmd_state_attach(fds > 0 ? replies.msgs[0].fds[0] : -1, out->state);
			if (err)
				driver_detach(*doorbell);
		}
	}
	free(replies.msgs);
	return err;
}

/** attach_port() - attach the ethdev that the primary process has created */
static int attach_port(struct rte_pci_device *pci, unsigned int index,
		       const struct driver_doorbell *doorbell)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	struct rte_eth_dev *dev;

	snprintf(name, sizeof(name), "%s_port%u", pci->name, index);
	dev = rte_eth_dev_attach_secondary(name);
	if (!dev)
		return -ENODEV;
	dev->device = &pci->device;
	dev->dev_ops = &pmd_secondary_ops;
	pmd_doorbell[dev->data->port_id] = doorbell;
	pmd_set_bursts(dev);
	rte_eth_dev_probing_finish(dev);
	return 0;
}

int pmd_share_attach(struct rte_pci_device *pci)
{
	struct attached *device = calloc(1, sizeof(*device));
	struct share_answer out;
	int err;

	if (!device)
		return -ENOMEM;
	device->pci = pci;
	err = ask(pci, &out, &device->doorbell);
	if (err) {
		PMD_LOG(ERR, "the primary process does not share the adapter at %s: %s", pci->name,
			error_reason(-err));
		free(device);
		return err;
	}
	TAILQ_INSERT_TAIL(&devices, device, next);
	for (unsigned int i = 0; i < DRIVER_PORTS_MAX && !err; i++)
		if (out.ports[i / 64] >> (i % 64) & 1)
			err = attach_port(pci, i, device->doorbell);
	if (err)
		PMD_LOG(ERR,
			"the primary process's ports of the adapter at %s do not match what it "
			"announced: %s",
			pci->name, error_reason(-err));
	return err;
}

void pmd_share_detach(struct rte_pci_device *pci)
{
	struct attached *device;

	TAILQ_FOREACH(device, &devices, next)
	if (device->pci == pci)
		break;
	if (!device)
		return;
	TAILQ_REMOVE(&devices, device, next);
	driver_detach(device->doorbell);
	free(device);
}
