/* SPDX-License-Identifier: BSD-3-Clause */
#include "device/receive_burst.h"

#include <string.h>

#include "device/faulty.h"

/** faulty() - what rules say of the completion being filled; false: it is lost */
static bool faulty(struct receive_burst *burst)
{
	uint32_t type, fault = faulty_completion(burst->rq, &type);

	if (fault & FAULT_DO_ERROR)
		burst->head.cqe_hdr.cqe_type = type & MANA_CQE_TYPE_MASK;
	return !(fault & FAULT_DO_LOSE);
}

void receive_put(struct mana_rxcomp_oob *oob, unsigned int i, struct receive_info info, bool pairs)
{
	struct mana_rxcomp_pair_info *pair = &oob->pair[i / 2];

	if (!pairs) {
		oob->ppi[i] = (struct mana_rxcomp_perpkt_info){ .pkt_len = info.len,
								.pkt_hash = info.hash };
	} else if (i % 2) {
		pair->pkt_len1 = info.len;
		pair->pkt_hash1 = info.hash;
	} else {
		*pair = (struct mana_rxcomp_pair_info){ .pkt_len0 = info.len,
							.pkt_hash0 = info.hash };
	}
}

/*
 * The driver polls the entry: it is written as a whole, not packet by packet, so that its cache
 * line is taken from the driver only once.
 */
void receive_flush(struct receive_burst *burst)
{
	struct wq *rq = burst->rq;
	struct mana_rxcomp_oob *oob;
	struct gdma_cqe *cqe;

	if (!burst->packets)
		return;
	cqe = cq_next(rq->cq);
	if (__builtin_expect(atomic_load_explicit(&rq->fault, memory_order_relaxed), 0) &&
	    !faulty(burst))
		cqe = NULL;
	if (cqe) {
		bool pairs = burst->packets > MANA_RXCOMP_PACKETS;

		oob = (struct mana_rxcomp_oob *)cqe;
		if (burst->packets > 1 && burst->head.cqe_hdr.cqe_type == MANA_CQE_RX_OKAY) {
			burst->head.cqe_hdr.cqe_type =
				pairs ? MANA_CQE_RX_COALESCED_8 : MANA_CQE_RX_COALESCED_4;
			burst->tally.coalesced++;
		}
		memcpy(oob, &burst->head, sizeof(burst->head));
		memset(oob->ppi, 0, sizeof(oob->ppi));
		for (unsigned int i = 0; i < burst->packets; i++)
			receive_put(oob, i, burst->info[i], pairs);
		cq_hold(rq->cq, burst->offset, rq->id, false);
	}
	burst->packets = 0;
}

/** write_tally() - add what was counted to the locked queue's counters */
static void write_tally(struct receive_burst *burst)
{
	struct wq_counters *counters = &burst->rq->counters;
	struct receive_tally *tally = &burst->tally;

	for (unsigned int cast = 0; cast < 3; cast++) {
		if (!tally->frames[cast])
			continue;
		counter_add(&counters->frames, tally->frames[cast]);
		counter_add(&counters->bytes, tally->bytes[cast]);
		counter_add(&counters->cast_frames[cast], tally->frames[cast]);
		counter_add(&counters->cast_bytes[cast], tally->bytes[cast]);
	}
	if (tally->coalesced)
		counter_add(&counters->coalesced, tally->coalesced);
	memset(tally, 0, sizeof(*tally));
}

void receive_use(struct receive_burst *burst, struct wq *rq)
{
	if (burst->rq == rq)
		return;
	if (burst->rq) {
		receive_flush(burst);
		write_tally(burst);
		if (watch_wants(&burst->rq->adapter->watch, WATCH_ENTRIES))
			wq_tell(burst->rq, burst->rq->first);
		cq_end(burst->rq->cq, &burst->raise);
		spin_unlock(&burst->rq->lock);
	}
	burst->rq = rq;
	if (rq) {
		spin_lock(&rq->lock);
		cq_begin(rq->cq);
		receive_mark(rq);
	}
}
