/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 *	room scarce?	read completions, free their packets
 *	each packet	in one piece and plain:	one unit of 32 bytes, one store
 *			anything else:		tx_slow()
 *	after a burst	the last entry requests a completion; one doorbell
 *
 * mbufs[] is parallel to the ring, with a packet at the first unit of its entry and NULL at the
 * others. After the last entry that tx_slow() wrote (txq->slow_end) all have one unit: there a
 * completion covers a run of pointers without holes, which is freed to the pool in bulk.
 *
 * A packet that no entry can describe (more pieces than the adapter supports, headers of a large
 * send that are too long or not in one piece) is freed and counted as dropped: refusing it would
 * stop the queue permanently. pmd_tx_prepare() detects it beforehand.
 */
#include <errno.h>

#include <rte_ip.h>
#include <rte_net.h>
#include <rte_tcp.h>

#include "base/cpu.h"
#include "base/uninitialized.h"
#include "pmd/pmd.h"

#define TX_FLAGS_SLOW (RTE_MBUF_F_TX_VLAN | RTE_MBUF_F_TX_TCP_SEG)
#define TX_FLAGS_OFFLOAD                                                                           \
	(TX_FLAGS_SLOW | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IPV4 |     \
	 RTE_MBUF_F_TX_IPV6)

#define TSO_SEGMENT_MAX 0x3fffu /* bytes: client_data_unit has 14 bits */
#define FREE_BATCH      64u
#define REAP_ALL        UINT32_MAX

/* ---- Packets that have been sent ---- */

/**
 * want_data() - prefetch packet data: an application that generates packets reuses the mbufs
 *
 * The adapter has read them, so a store waits for their cache lines, one after the other unless
 * they are prefetched. Packets that came from a port are usually not written to: then the lines had
 * better stay where they are.
 */
static inline void want_data(struct rte_mbuf **mbufs, uint32_t n)
{
	if (mbufs[0]->port != RTE_MBUF_PORT_INVALID)
		return;
	for (uint32_t i = 0; i < n; i++)
		cpu_prefetch_write((const uint8_t *)mbufs[i]->buf_addr + RTE_PKTMBUF_HEADROOM);
}

/** free_plain() - free @n packets, all of them in one piece */
static void free_plain(struct pmd_txq *txq, struct rte_mbuf **mbufs, uint32_t n)
{
	struct rte_mbuf *batch[FREE_BATCH] uninitialized;
	struct rte_mempool *pool = NULL;
	unsigned int count = 0;

	want_data(mbufs, n);
	if (txq->fast_free) {
		rte_mempool_put_bulk(mbufs[0]->pool, (void **)mbufs, n);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = rte_pktmbuf_prefree_seg(mbufs[i]);

		if (i + 4 < n)
			rte_prefetch0(&mbufs[i + 4]->next);
		if (!m)
			continue;
		if (count && (m->pool != pool || count == FREE_BATCH)) {
			rte_mempool_put_bulk(pool, (void **)batch, count);
			count = 0;
		}
		pool = m->pool;
		batch[count++] = m;
	}
	if (count)
		rte_mempool_put_bulk(pool, (void **)batch, count);
}

/** free_done() - free the packets of the units up to @head; returns how many */
static uint32_t free_done(struct pmd_txq *txq, uint32_t head)
{
	const uint32_t mask = txq->driver.wq.mask;
	uint32_t packets = 0;

	while (txq->freed != head) {
		uint32_t slot = txq->freed & mask;
		uint32_t n = RTE_MIN(head - txq->freed, mask + 1 - slot);

		if (likely(txq->slow_end == txq->freed)) {
			free_plain(txq, &txq->mbufs[slot], n);
			txq->slow_end += n;
			packets += n;
		} else {
			n = RTE_MIN(n, txq->slow_end - txq->freed);
			for (uint32_t i = 0; i < n; i++) {
				packets += txq->mbufs[slot + i] != NULL;
				rte_pktmbuf_free(txq->mbufs[slot + i]);
			}
		}
		txq->freed += n;
	}
	return packets;
}

void pmd_txq_free_all(struct pmd_txq *txq)
{
	free_done(txq, txq->driver.wq.tail);
}

/** pmd_tx_done_cleanup() - free about @n packets (a completion covers a burst); 0: all */
int pmd_tx_done_cleanup(void *queue, uint32_t n)
{
	struct pmd_txq *txq = queue;
	uint32_t packets = 0, index, left;

	if (!pmd_enter(&txq->busy, &txq->running))
		return 0;
	/* Each unit is completed at most once, whatever the adapter writes. */
	for (left = driver_wq_used(&txq->driver.wq); left && (!n || packets < n); left--) {
		index = txq->driver.cq.index;
		driver_txq_reap(&txq->driver, 1);
		packets += free_done(txq, txq->driver.wq.head);
		if (txq->driver.cq.index == index)
			break;
	}
	pmd_leave(&txq->busy);
	return (int)packets;
}

int pmd_tx_descriptor_status(void *queue, uint16_t offset)
{
	struct pmd_txq *txq = queue;

	uint32_t used;

	if (offset >= txq->descriptors)
		return -EINVAL;
	if (!pmd_enter(&txq->busy, &txq->running))
		return RTE_ETH_TX_DESC_UNAVAIL;
	driver_txq_reap(&txq->driver, REAP_ALL);
	used = driver_wq_used(&txq->driver.wq);
	pmd_leave(&txq->busy);
	return offset < used ? RTE_ETH_TX_DESC_FULL : RTE_ETH_TX_DESC_DONE;
}

/* ---- Packets to be sent ---- */

/** offload_flags() - the offloads of a packet, as bits of the short OOB */
static inline uint64_t offload_flags(const struct rte_mbuf *m)
{
	uint64_t flags = 0;

	if (m->ol_flags & RTE_MBUF_F_TX_IPV4)
		flags |= DRIVER_TX_IPV4;
	else if (m->ol_flags & RTE_MBUF_F_TX_IPV6)
		flags |= DRIVER_TX_IPV6;
	if (m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM)
		flags |= DRIVER_TX_IP_CSUM;
	/* The checksums of a large send are always computed, requested or not. */
	if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
		flags |= DRIVER_TX_IP_CSUM | DRIVER_TX_TCP_CSUM |
			 DRIVER_TX_TCP_OFF(m->l2_len + m->l3_len);
	else if ((m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM)
		flags |= DRIVER_TX_TCP_CSUM | DRIVER_TX_TCP_OFF(m->l2_len + m->l3_len);
	else if ((m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_UDP_CKSUM)
		flags |= DRIVER_TX_UDP_CSUM;
	return flags;
}

/**
 * collect() - collect the pieces of a packet
 * @header:	bytes that must be a separate piece, or 0
 *
 * Return: how many; 0 if the adapter does not support them
 */
static unsigned int collect(struct pmd_txq *txq, const struct rte_mbuf *m, uint32_t header,
			    struct gdma_sge *sges)
{
	unsigned int n = 0;

	for (const struct rte_mbuf *seg = m; seg; seg = seg->next) {
		const uint8_t *data = rte_pktmbuf_mtod(seg, const uint8_t *);
		uint32_t len = seg->data_len;

		if (!len)
			continue;
		if (!pmd_region_key(txq->owner, data, &txq->region))
			return 0;
		if (header && seg == m) {
			if (len < header)
				return 0;
			sges[n++] = (struct gdma_sge){ (uint64_t)(uintptr_t)data, txq->region.key,
						       header };
			data += header;
			len -= header;
			if (!len)
				continue;
		}
		if (n == DRIVER_TX_SGES)
			return 0;
		sges[n++] = (struct gdma_sge){ (uint64_t)(uintptr_t)data, txq->region.key, len };
	}
	return n;
}

enum slow { SLOW_SENT, SLOW_NO_ROOM, SLOW_DROPPED };

/** tx_slow() - send a packet in pieces, with a tag, or with TSO */
static __rte_noinline enum slow tx_slow(struct pmd_txq *txq, struct rte_mbuf *m)
{
	struct driver_wq *wq = &txq->driver.wq;
	struct gdma_sge sges[DRIVER_TX_SGES];
	uint64_t flags = offload_flags(m) | DRIVER_TX_SUPPRESS;
	uint64_t wqe = 0, vlan = 0;
	uint32_t header = 0, start = wq->tail;
	unsigned int n, units;

	if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
		header = (uint32_t)(m->l2_len + m->l3_len + m->l4_len);
		if (header > PMD_TSO_HEADER_MAX || header >= m->pkt_len || !m->tso_segsz ||
		    m->tso_segsz > TSO_SEGMENT_MAX)
			return SLOW_DROPPED;
		wqe = DRIVER_WQE_TSO | DRIVER_WQE_MSS(m->tso_segsz) | DRIVER_WQE_LAST(header);
	}
	if (m->ol_flags & RTE_MBUF_F_TX_VLAN)
		vlan = DRIVER_TX_VLAN(m->vlan_tci);
	n = collect(txq, m, header, sges);
	if (!n)
		return SLOW_DROPPED;
	units = driver_tx_units(n, vlan != 0);
	if (units > driver_wq_room(wq))
		return SLOW_NO_ROOM;
	driver_tx_many(&txq->driver, flags, wqe, vlan, sges, n);
	txq->mbufs[start & wq->mask] = m;
	for (uint32_t i = 1; i < units; i++)
		txq->mbufs[(start + i) & wq->mask] = NULL;
	txq->slow_end = wq->tail;
	return SLOW_SENT;
}

/** make_room() - read completions and free their packets */
static void make_room(struct pmd_txq *txq)
{
	driver_txq_reap(&txq->driver, REAP_ALL);
	free_done(txq, txq->driver.wq.head);
}

/**
 * pmd_tx_burst() - send packets
 * @queue:	struct pmd_txq
 * @pkts:	packets; the driver owns those sent
 * @n:		how many
 *
 * Return: how many were accepted
 */
CPU_CLONES uint16_t pmd_tx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct pmd_txq *txq = queue;
	struct driver_wq *wq = &txq->driver.wq;
	uint64_t bytes = 0;
	uint32_t room, last = 0;
	uint16_t i, dropped = 0;

	if (unlikely(!pmd_enter(&txq->busy, &txq->running)))
		return 0;
	room = driver_wq_room(wq);
	if (room < txq->free_below || room < n) {
		make_room(txq);
		room = driver_wq_room(wq);
	}
	driver_wq_want(wq, wq->tail, RTE_MIN(room, (uint32_t)n));
	driver_wq_want_bell(wq, pmd_doorbell[txq->port]);
	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint64_t flags = DRIVER_TX_SUPPRESS;
		const void *data;

		if (likely(i + 4 < n))
			rte_prefetch0(pkts[i + 4]);
		data = rte_pktmbuf_mtod(m, const void *);
		if (unlikely(m->nb_segs != 1 || m->ol_flags & TX_FLAGS_SLOW ||
			     !pmd_region_key(txq->owner, data, &txq->region))) {
			uint32_t start = wq->tail;
			uint32_t len = m->pkt_len;
			enum slow result = tx_slow(txq, m);

			if (result == SLOW_NO_ROOM)
				break;
			if (result == SLOW_DROPPED) {
				rte_pktmbuf_free(m);
				dropped++;
				continue;
			}
			last = start;
			bytes += len;
			room = driver_wq_room(wq);
			continue;
		}
		if (unlikely(!room))
			break;
		if (unlikely(m->ol_flags & TX_FLAGS_OFFLOAD))
			flags |= offload_flags(m);
		last = wq->tail;
		txq->mbufs[last & wq->mask] = m;
		driver_tx_one(&txq->driver, flags, (uint64_t)(uintptr_t)data, txq->region.key,
			      m->data_len);
		bytes += m->data_len;
		room--;
	}
	txq->dropped += dropped;
	if (likely(i > dropped)) {
		txq->packets += (uint64_t)(i - dropped);
		txq->bytes += bytes;
		driver_tx_ask(&txq->driver, last);
		driver_wq_commit(wq, pmd_doorbell[txq->port]);
	}
	pmd_leave(&txq->busy);
	return i;
}

/** tso_header() - clear the lengths, which the adapter fills in */
static int tso_header(struct rte_mbuf *m)
{
	uint32_t header = (uint32_t)(m->l2_len + m->l3_len + m->l4_len);

	if (header > PMD_TSO_HEADER_MAX || header > m->data_len || header >= m->pkt_len ||
	    !m->tso_segsz || m->tso_segsz > TSO_SEGMENT_MAX)
		return -EINVAL;
	if (m->ol_flags & RTE_MBUF_F_TX_IPV4)
		rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, m->l2_len)->total_length = 0;
	else
		rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, m->l2_len)->payload_len = 0;
	return 0;
}

/**
 * pmd_tx_prepare() - bring packets into the form that the adapter requires
 *
 * Return: how many can be sent; if not all, rte_errno says why the next one cannot: ENOTSUP: an
 * offload that the adapter does not have; EINVAL: sizes that it does not support
 */
uint16_t pmd_tx_prepare(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	(void)queue;
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		unsigned int sges = m->nb_segs + (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG ? 1u : 0u);
		int err = 0;

		if (m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK & ~TX_FLAGS_OFFLOAD)
			err = -ENOTSUP;
		else if (sges > DRIVER_TX_SGES || m->pkt_len < RTE_ETHER_HDR_LEN)
			err = -EINVAL;
		else if ((m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_SCTP_CKSUM)
			err = -ENOTSUP;
		if (!err && m->ol_flags & (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG |
					   RTE_MBUF_F_TX_IP_CKSUM))
			err = rte_net_intel_cksum_prepare(m);
		if (!err && m->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
			err = tso_header(m);
		if (err) {
			rte_errno = -err;
			return i;
		}
	}
	return n;
}
