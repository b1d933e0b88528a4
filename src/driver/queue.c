/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/queue.c - what is rare enough on the hot path to be out of line
 */
#include "driver/queue.h"

void driver_txq_error(struct driver_txq *txq, const struct gdma_cqe *cqe)
{
	const struct mana_tx_comp_oob *oob = (const struct mana_tx_comp_oob *)cqe;
	const struct driver_signal *signal = &txq->signals[txq->answered & txq->wq.mask];
	struct mana_tx_comp_oob copy;
	uint32_t type, ahead;

	memcpy(&copy, oob, sizeof(copy));
	type = copy.cqe_hdr.cqe_type;
	if (type <= MANA_CQE_TX_OKAY || !driver_wq_used(&txq->wq)) {
		/* A good one that nobody asked for, something of a receive queue, or nothing sent
		 */
		txq->cq.broken = true;
		return;
	}
	if (type > MANA_CQE_TX_GDMA_ERR)
		type = MANA_CQE_TX_GDMA_ERR + 1;
	txq->errors[type - MANA_CQE_TX_SA_DROP]++;
	if (txq->answered == txq->asked)
		return;
	/*
	 * A failed entry is completed whether it asked or not. One before the next that asked did
	 * not ask: it is counted, and freed when that one is completed. Whether the adapter counts
	 * units on and on or begins again at the ring's start is all the same in the ring.
	 */
	ahead = (copy.tx_wqe_offset - txq->wq.head) & txq->wq.mask;
	if (ahead < signal->start - txq->wq.head)
		return;
	txq->wq.head = signal->end;
	txq->answered++;
}
