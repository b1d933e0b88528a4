/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * mbufs[] is parallel to the ring. A completion reports one to four packets; they are in the next
 * mbufs of mbufs[], because packets fill buffers in the order in which these were posted:
 *
 *	completion -> what all of its packets share (checksums, tag, kind of hash)
 *		   -> for each: length and hash into its mbuf
 *
 * A burst may end in the middle of a completion: rxq->taken counts the packets of it that were
 * returned, and it stays in the ring until all of them have been.
 *
 * Buffers are taken from the pool in bulk, rxq->refill_at at a time, directly into mbufs[]. If the
 * pool has none, the queue continues with what it has and tries again at the next burst.
 *
 * Longer packets (scatter): an entry has several buffers, and so a fixed number of units.
 * A packet keeps the buffers that it fills; the others are posted again.
 *
 * The adapter always strips a VLAN tag; for an application that did not request that, it is put
 * back.
 *
 * A completion may change while it is read. So each of its fields is read once, and what is read is
 * what is checked and used; a completion of which a part was returned is looked at anew by the next
 * burst. A completion without packets, and a packet with an impossible length, uses up a place of
 * the burst: however fast the adapter writes them, a burst ends.
 */
#include <errno.h>
#include <string.h>

#include <rte_ether.h>

#include "base/cpu.h"
#include "base/shared.h"
#include "pmd/pmd.h"

#define WANT_COMPLETIONS 7u /* completions that are prefetched */

/** csum_flags() - mbuf flags for the second word of a completion */
static inline uint64_t csum_flags(uint32_t word)
{
	uint64_t flags = 0;

	if (word & MANA_RX_WORD_IP_BAD)
		flags |= RTE_MBUF_F_RX_IP_CKSUM_BAD;
	else if (word & MANA_RX_WORD_IP_GOOD)
		flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if (word & (MANA_RX_WORD_TCP_BAD | MANA_RX_WORD_UDP_BAD))
		flags |= RTE_MBUF_F_RX_L4_CKSUM_BAD;
	else if (word & (MANA_RX_WORD_TCP_GOOD | MANA_RX_WORD_UDP_GOOD))
		flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return flags;
}

/** struct shared - what all packets of a completion have in common */
struct shared {
	uint64_t flags;
	uint16_t tci;
	bool put_back;
};

static inline struct shared read_shared(const struct pmd_rxq *rxq, const struct gdma_cqe *cqe)
{
	uint32_t word = shared_load(&cqe->data[1]);
	struct shared shared = { .flags = csum_flags(word) };

	if (rxq->hash && word & MANA_RX_WORD_HASH_MASK)
		shared.flags |= RTE_MBUF_F_RX_RSS_HASH;
	if (unlikely(word & MANA_RX_WORD_VLAN)) {
		shared.tci = (uint16_t)(word & MANA_RX_WORD_VLAN_ID_MASK);
		shared.put_back = !rxq->strip;
		if (rxq->strip)
			shared.flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	}
	return shared;
}

/** packet_len() - a packet's length; whoever uses it checks what this call returned */
static inline uint16_t packet_len(const struct mana_rxcomp_perpkt_info *info)
{
	return shared_load(&info->pkt_len);
}

/** cqe_type() - the kind of a completion, MANA_CQE_RX_* */
static inline uint32_t cqe_type(const struct gdma_cqe *cqe)
{
	return shared_load(&cqe->data[0]) & MANA_CQE_TYPE_MASK;
}

/** cqe_packets() - how many packets a completion of that type reports; 0: none, or it is invalid */
static inline uint32_t cqe_packets(const struct mana_rxcomp_oob *oob, uint32_t type)
{
	uint32_t n;

	if (type == MANA_CQE_RX_OKAY)
		return 1;
	if (type != MANA_CQE_RX_COALESCED_4)
		return 0;
	for (n = 0; n < MANA_RXCOMP_PACKETS && packet_len(&oob->ppi[n]); n++)
		;
	return n;
}

/** put_tag_back() - for an application that did not request VLAN stripping */
static __rte_noinline void put_tag_back(struct rte_mbuf **m, uint16_t tci)
{
	(*m)->vlan_tci = tci;
	/* If the packet has no room for it, it can still be reported in the mbuf. */
	if (rte_vlan_insert(m))
		(*m)->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
}

/** rearm() - set offset, references, segments and port of a fresh mbuf, in one store */
static inline void rearm(struct rte_mbuf *m, uint64_t initial)
{
	memcpy(__builtin_assume_aligned((uint8_t *)m + offsetof(struct rte_mbuf, rearm_data), 8),
	       &initial, sizeof(initial));
}

/**
 * want_completions() - prefetch the next completions
 * @got, @n:	packets that the burst has, and its maximum
 *
 * The adapter makes a burst's completions visible together: where there is one, others follow. What
 * this burst cannot take is not prefetched, because the adapter may be writing to it.
 */
static inline void want_completions(const struct driver_cq *cq, uint32_t got, uint32_t n)
{
	uint32_t lines = (n - got) / MANA_RXCOMP_PACKETS;
	uint32_t from = got ? WANT_COMPLETIONS : 1, to = RTE_MIN(lines, WANT_COMPLETIONS + 1);

	for (uint32_t i = from; i < to; i++)
		rte_prefetch0(&cq->ring[(cq->index + i) & cq->mask]);
}

/* ---- One buffer an entry ---- */

/** refill_plain() - post buffers in entries of one unit */
static bool refill_plain(struct pmd_rxq *rxq)
{
	struct driver_wq *wq = &rxq->driver.wq;
	uint32_t want = rxq->limit - driver_wq_used(wq);
	bool enough = true;

	driver_wq_want_bell(wq, pmd_doorbell[rxq->port]);

	while (want) {
		uint32_t slot = wq->tail & wq->mask;
		uint32_t n = RTE_MIN(want, RTE_MIN(wq->mask + 1 - slot, 64u));
		struct rte_mbuf **mbufs = &rxq->mbufs[slot];

		if (unlikely(rte_mempool_get_bulk(rxq->pool, (void **)mbufs, n))) {
			/* A bulk is all or nothing, but a pool's last few buffers are useful too. */
			if (n > 1) {
				want = n / 2;
				enough = false;
				continue;
			}
			rxq->nombuf++;
			enough = false;
			break;
		}
		for (uint32_t i = 0; i < RTE_MIN(n, 4u); i++)
			rte_prefetch0(mbufs[i]);
		for (uint32_t i = 0; i < n; i++) {
			const uint8_t *data =
				(const uint8_t *)mbufs[i]->buf_addr + RTE_PKTMBUF_HEADROOM;

			if (i + 4 < n)
				rte_prefetch0(mbufs[i + 4]);
			if (unlikely(!pmd_region_key(rxq->owner, data, &rxq->region))) {
				rte_mempool_put_bulk(rxq->pool, (void **)&mbufs[i], n - i);
				driver_wq_commit(wq, pmd_doorbell[rxq->port]);
				return false;
			}
			driver_rx_post(&rxq->driver, (uint64_t)(uintptr_t)data, rxq->region.key,
				       rxq->room);
		}
		want -= n;
	}
	driver_wq_commit(wq, pmd_doorbell[rxq->port]);
	return enough;
}

/** odd_completion() - a completion without packets: step over it, or stop */
static __rte_noinline void odd_completion(struct pmd_rxq *rxq, uint32_t type)
{
	uint32_t slot;

	/* It reported more packets when the last burst returned a part of them. */
	if (rxq->taken)
		type = UINT32_MAX;
	switch (type) {
	case MANA_CQE_RX_TRUNCATED:
		rxq->truncated++;
		rxq->errors++;
		if (!driver_rxq_take(&rxq->driver, rxq->entry_units, &slot))
			return;
		if (rxq->scatter)
			rte_pktmbuf_free_bulk(
				&rxq->mbufs[(rxq->done++ & rxq->entries_mask) * rxq->segments],
				rxq->segments);
		else
			rte_pktmbuf_free(rxq->mbufs[slot]);
		break;
	case MANA_CQE_RX_OBJECT_FENCE:
		break;
	default:
		rxq->errors++;
		rxq->driver.cq.broken = true;
		return;
	}
	driver_cq_step(&rxq->driver.cq, 1);
}

/**
 * pmd_rx_burst() - receive packets of one buffer each
 * @queue:	struct pmd_rxq
 * @pkts:	array for the packets
 * @n:		its size
 *
 * Return: how many. Fewer than @n does not mean that there are no more
 */
CPU_CLONES uint16_t pmd_rx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct pmd_rxq *rxq = queue;
	struct driver_cq *cq = &rxq->driver.cq;
	const uint64_t initial = rxq->initial;
	uint64_t bytes = 0;
	uint16_t got = 0;

	if (unlikely(!pmd_enter(&rxq->busy, &rxq->running)))
		return 0;
	while (got < n) {
		const struct gdma_cqe *cqe = driver_cq_peek(cq, 0);
		const struct mana_rxcomp_oob *oob;
		struct shared shared;
		uint32_t type, total, take, slot;

		if (!cqe)
			break;
		want_completions(cq, got, n);
		oob = driver_rx_cqe(cqe);
		type = cqe_type(cqe);
		total = cqe_packets(oob, type);
		if (unlikely(total <= rxq->taken)) {
			odd_completion(rxq, type);
			if (cq->broken)
				break;
			n--;
			continue;
		}
		take = RTE_MIN(total - rxq->taken, (uint32_t)(n - got));
		if (unlikely(!driver_rxq_take(&rxq->driver, take, &slot)))
			break;
		/* The slots for the buffers that replace them. */
		driver_wq_want(&rxq->driver.wq, rxq->driver.wq.head - take + rxq->limit, take);
		shared = read_shared(rxq, cqe);
		for (uint32_t i = 0; i < take; i++) {
			const struct mana_rxcomp_perpkt_info *info = &oob->ppi[rxq->taken + i];
			struct rte_mbuf *m = rxq->mbufs[(slot + i) & rxq->driver.wq.mask];
			uint16_t len = packet_len(info);

			rte_prefetch0(rxq->mbufs[(slot + i + 4) & rxq->driver.wq.mask]);
			if (unlikely(len > rxq->room || !len)) {
				/* More than the buffer holds: nothing in it can be trusted. */
				rxq->errors++;
				rte_mbuf_raw_free(m);
				n--;
				continue;
			}
			rearm(m, initial);
			m->ol_flags = shared.flags;
			m->packet_type = 0;
			m->pkt_len = len;
			m->data_len = len;
			m->vlan_tci = shared.tci;
			m->hash.rss = shared_load(&info->pkt_hash);
			if (unlikely(shared.put_back))
				put_tag_back(&m, shared.tci);
			bytes += m->pkt_len;
			pkts[got++] = m;
		}
		rxq->taken = (uint8_t)(rxq->taken + take);
		if (rxq->taken == total) {
			rxq->taken = 0;
			rxq->completions++;
			driver_cq_step(cq, 1);
		}
	}
	rxq->packets += got;
	rxq->bytes += bytes;
	if (rxq->limit - driver_wq_used(&rxq->driver.wq) >= rxq->refill_at)
		refill_plain(rxq);
	pmd_leave(&rxq->busy);
	return got;
}

/* ---- Several buffers an entry ---- */

/** post_entry() - write an entry with the buffers at @mbufs */
static void post_entry(struct pmd_rxq *rxq, struct rte_mbuf **mbufs)
{
	struct driver_wq *wq = &rxq->driver.wq;
	uint64_t word[2 * PMD_RX_SEGMENTS_MAX + 4] = {
		DRIVER_WQE_SGES(rxq->segments) | DRIVER_WQE_SHORT, 0
	};

	for (unsigned int i = 0; i < rxq->segments; i++) {
		const uint8_t *data = (const uint8_t *)mbufs[i]->buf_addr + RTE_PKTMBUF_HEADROOM;

		word[2 + 2 * i] = (uint64_t)(uintptr_t)data;
		word[3 + 2 * i] = GDMA_SGE_WORD(rxq->region.key, rxq->room);
	}
	for (unsigned int i = 0; i < rxq->entry_units; i++)
		driver_unit_write(&wq->ring[wq->tail++ & wq->mask], word[4 * i], word[4 * i + 1],
				  word[4 * i + 2], word[4 * i + 3]);
}

/** refill_scatter() - post entries of several buffers */
static bool refill_scatter(struct pmd_rxq *rxq)
{
	struct driver_wq *wq = &rxq->driver.wq;

	while (driver_wq_used(wq) + rxq->entry_units <= rxq->limit) {
		struct rte_mbuf **mbufs =
			&rxq->mbufs[(rxq->posted & rxq->entries_mask) * rxq->segments];
		bool reachable = true;

		if (rte_mempool_get_bulk(rxq->pool, (void **)mbufs, rxq->segments)) {
			rxq->nombuf++;
			break;
		}
		for (unsigned int i = 0; i < rxq->segments; i++)
			reachable = reachable &&
				    pmd_region_key(rxq->owner, mbufs[i]->buf_addr, &rxq->region);
		if (!reachable) {
			rte_mempool_put_bulk(rxq->pool, (void **)mbufs, rxq->segments);
			break;
		}
		post_entry(rxq, mbufs);
		rxq->posted++;
	}
	driver_wq_commit(wq, pmd_doorbell[rxq->port]);
	return driver_wq_used(wq) + rxq->entry_units > rxq->limit;
}

/** make_chain() - chain the buffers that a packet has filled; free the others */
static struct rte_mbuf *make_chain(struct pmd_rxq *rxq, struct rte_mbuf **mbufs, uint32_t len)
{
	struct rte_mbuf *head = mbufs[0];
	uint32_t left = len, i = 0;

	do {
		struct rte_mbuf *m = mbufs[i];
		uint32_t part = RTE_MIN(left, rxq->room);

		rearm(m, rxq->initial);
		m->ol_flags = 0;
		m->data_len = (uint16_t)part;
		m->next = NULL;
		if (i)
			mbufs[i - 1]->next = m;
		left -= part;
		i++;
	} while (left);
	head->nb_segs = (uint16_t)i;
	head->pkt_len = len;
	if (i < rxq->segments)
		rte_mempool_put_bulk(rxq->pool, (void **)&mbufs[i], rxq->segments - i);
	return head;
}

/** pmd_rx_burst_scatter() - receive packets that may need several buffers; as pmd_rx_burst() */
uint16_t pmd_rx_burst_scatter(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct pmd_rxq *rxq = queue;
	struct driver_cq *cq = &rxq->driver.cq;
	uint16_t got = 0;

	if (unlikely(!pmd_enter(&rxq->busy, &rxq->running)))
		return 0;
	while (got < n) {
		const struct gdma_cqe *cqe = driver_cq_peek(cq, 0);
		const struct mana_rxcomp_oob *oob;
		const struct mana_rxcomp_perpkt_info *info;
		struct rte_mbuf **mbufs, *m;
		struct shared shared;
		uint32_t type, total, slot, len;

		if (!cqe)
			break;
		oob = driver_rx_cqe(cqe);
		type = cqe_type(cqe);
		total = cqe_packets(oob, type);
		if (unlikely(total <= rxq->taken)) {
			odd_completion(rxq, type);
			if (cq->broken)
				break;
			n--;
			continue;
		}
		if (!driver_rxq_take(&rxq->driver, rxq->entry_units, &slot))
			break;
		mbufs = &rxq->mbufs[(rxq->done++ & rxq->entries_mask) * rxq->segments];
		info = &oob->ppi[rxq->taken++];
		len = packet_len(info);
		shared = read_shared(rxq, cqe);
		if (unlikely(len > rxq->room * rxq->segments || !len)) {
			rxq->errors++;
			rte_mempool_put_bulk(rxq->pool, (void **)mbufs, rxq->segments);
			n--;
		} else {
			m = make_chain(rxq, mbufs, len);
			m->ol_flags = shared.flags;
			m->packet_type = 0;
			m->vlan_tci = shared.tci;
			m->hash.rss = shared_load(&info->pkt_hash);
			if (unlikely(shared.put_back))
				put_tag_back(&m, shared.tci);
			rxq->bytes += m->pkt_len;
			pkts[got++] = m;
		}
		if (rxq->taken == total) {
			rxq->taken = 0;
			rxq->completions++;
			driver_cq_step(cq, 1);
		}
	}
	rxq->packets += got;
	if (rxq->limit - driver_wq_used(&rxq->driver.wq) >= rxq->refill_at)
		refill_scatter(rxq);
	pmd_leave(&rxq->busy);
	return got;
}

uint16_t pmd_rx_burst_any(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	const struct pmd_rxq *rxq = queue;

	return rxq->scatter ? pmd_rx_burst_scatter(queue, pkts, n) : pmd_rx_burst(queue, pkts, n);
}

/* ---- The rest ---- */

bool pmd_rx_refill(struct pmd_rxq *rxq)
{
	return rxq->scatter ? refill_scatter(rxq) : refill_plain(rxq);
}

void pmd_rxq_free_all(struct pmd_rxq *rxq)
{
	struct driver_wq *wq = &rxq->driver.wq;

	if (rxq->scatter) {
		for (; rxq->done != rxq->posted; rxq->done++)
			rte_mempool_put_bulk(rxq->pool,
					     (void **)&rxq->mbufs[(rxq->done & rxq->entries_mask) *
								  rxq->segments],
					     rxq->segments);
		return;
	}
	for (; wq->head != wq->tail; wq->head++)
		rte_mbuf_raw_free(rxq->mbufs[wq->head & wq->mask]);
}

/** pmd_rx_queue_count() - packets that a burst would find now */
pmd_count pmd_rx_queue_count(void *queue)
{
	struct pmd_rxq *rxq = queue;
	uint32_t count = 0;

	if (!pmd_enter(&rxq->busy, &rxq->running))
		return 0;
	for (uint32_t ahead = 0; ahead <= rxq->driver.cq.mask; ahead++) {
		const struct gdma_cqe *cqe = driver_cq_peek(&rxq->driver.cq, ahead);

		if (!cqe)
			break;
		count += cqe_packets(driver_rx_cqe(cqe), cqe_type(cqe));
	}
	count -= RTE_MIN(count, (uint32_t)rxq->taken);
	pmd_leave(&rxq->busy);
	return (pmd_count)count;
}
