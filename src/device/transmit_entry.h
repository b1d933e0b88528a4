/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/transmit_entry.h - one entry of a send queue, turned into a frame.
 */
#ifndef MANAKIN_DEVICE_TRANSMIT_ENTRY_H
#define MANAKIN_DEVICE_TRANSMIT_ENTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "device/queue.h"
#include "fabric/fabric.h"
#include "wire/vport.h"

/** struct transmit_job - one entry being turned into a frame */
struct transmit_job {
	struct wq *sq;
	const struct wqe *wqe;
	struct mana_tx_oob oob;
	struct iovec *pieces;
	uint32_t n;
	uint32_t len;
	uint8_t *header; /* SCRATCH_HEADER bytes */
	struct frame *frame;
	bool csum, vlan; /* offloads that were done, to be counted */
};

/** transmit_is_tso() - is it a large send? */
static inline bool transmit_is_tso(const struct transmit_job *job)
{
	return job->wqe->header.client_oob_in_sgl;
}

/**
 * transmit_prepare() - turn an entry into a frame
 * @job:	of which sq, wqe, pieces, header and frame are set
 * @caps:	enum fabric_caps: what need not be done to it
 *
 * Return: MANA_CQE_TX_OKAY, or how the entry is completed instead of being sent
 */
enum mana_cqe_type transmit_prepare(struct transmit_job *job, unsigned int caps);

#endif
