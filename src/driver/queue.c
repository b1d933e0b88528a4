/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/queue.c - rare parts of the hot path, out of line
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
		/* A good one that was not requested, one of a receive queue, or with nothing sent
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
	 * A failed entry is always completed. If it is before the next entry that requested a
	 * completion, it did not request one: it is counted, and freed when that entry is
	 * completed. In the ring it does not matter whether the adapter's unit count wraps at the
	 * ring's size.
	 */
	ahead = (copy.tx_wqe_offset - txq->wq.head) & txq->wq.mask;
	if (ahead < signal->start - txq->wq.head)
		return;
	txq->wq.head = signal->end;
	txq->answered++;
}
