/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The examiner: entries of work queues, as the adapter takes them.
 *
 * Two rules need more than the entry. Whether an entry was there when its doorbell was rung: a
 * digest of each unit is kept from then on. (A doorbell in shared memory tells nobody when it is
 * moved, so its queue has none.) And whether a receive buffer was posted twice: buffers that were
 * taken are kept by their address, with how far the driver had posted then. An entry with the same
 * address before that position was posted while the buffer was out.
 */
#include <string.h>

#include "device/examine_state.h"
#include "device/headers.h"
#include "device/reach.h"
#include "wire/vport.h"

#define DIGEST_MAX 4096u /* units that one doorbell may have digested */

/* The rules that a plain entry keeps; those of an Ethernet send queue last, from PLAIN_RULES_ANY on */
static const enum examine_rule plain_rules[] = {
	RULE_ENTRY_SIZE, RULE_ENTRY_HEADER, RULE_ENTRY_MEMORY, RULE_TX_QUEUE,
	RULE_TX_OOB,     RULE_TX_CHECKSUM,  RULE_TX_TSO,
};
#define PLAIN_RULES_ANY 3u

void exam_count_runs(const struct exam_queue *queue, uint64_t *kept)
{
	unsigned int n = queue->type == GDMA_SQ ? sizeof(plain_rules) / sizeof(plain_rules[0])
						: PLAIN_RULES_ANY;

	for (unsigned int i = 0; i < n; i++)
		kept[plain_rules[i]] += queue->runs;
}

/* ---- Was it there when the doorbell was rung? ---- */

static uint64_t digest(const void *unit)
{
	uint64_t word[GDMA_WQE_UNIT / 8], sum = 0;

	memcpy(word, unit, sizeof(word));
	for (unsigned int i = 0; i < GDMA_WQE_UNIT / 8; i++)
		sum = (sum ^ word[i]) * UINT64_C(0x9e3779b97f4a7c15) + (sum >> 29);
	return sum;
}

/** unit_at() - a unit in client memory, by the ring's page list: lanes may be looking it up */
static const void *unit_at(const struct wq *wq, uint32_t unit)
{
	const struct dma_list *list = wq->ring.list;
	uint64_t offset = (uint64_t)(unit & (wq->units - 1)) * GDMA_WQE_UNIT + list->offset;
	uint64_t page = offset >> list->page_shift;

	if (page >= list->have)
		return NULL;
	return dma_map_pointer(wq->ring.memory->map,
			       list->page[page] +
				       (offset & ((UINT64_C(1) << list->page_shift) - 1)),
			       GDMA_WQE_UNIT, DMA_READ);
}

void exam_digest(struct exam_queue *queue, uint32_t tail)
{
	uint32_t from = atomic_load(&queue->wq->posted);

	if (queue->end != from)
		queue->first = from;
	if (!queue->words || tail - from > DIGEST_MAX) {
		queue->first = queue->end = tail;
		return;
	}
	for (uint32_t unit = from; unit != tail; unit++) {
		const void *at = unit_at(queue->wq, unit);

		if (!at) {
			queue->first = queue->end = tail;
			return;
		}
		queue->words[unit & (queue->count - 1)] = digest(at);
	}
	queue->end = tail;
	if (tail - queue->first > queue->count)
		queue->first = tail - queue->count;
}

/** changed() - is a unit not what it was when its doorbell was rung? The queue is locked */
static bool changed(const struct exam_queue *queue, uint32_t unit, const void *bytes)
{
	return unit - queue->first < queue->end - queue->first &&
	       queue->words[unit & (queue->count - 1)] != digest(bytes);
}

/* ---- Was the buffer out already? ---- */

/** out() - note that a buffer is taken; true if the entry was posted while it was out; locked */
static bool out(struct exam_queue *queue, uint64_t address, uint32_t position, uint32_t posted)
{
	uint32_t at = (uint32_t)((address >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
	struct exam_buffer *buffer = &queue->buffers[at & queue->buffers_mask];
	bool twice = buffer->address == address && buffer->position != position &&
		     (int32_t)(position - buffer->position) > 0 &&
		     (int32_t)(buffer->posted - position) > 0;

	*buffer = (struct exam_buffer){ address, position, posted };
	return twice;
}

/* ---- Each entry ---- */

/** struct exam_entry - an entry that is looked at */
struct exam_entry {
	struct examiner *examiner;
	const struct exam_queue *queue;
	const struct wq *wq;
	struct wqe wqe;
	uint32_t position;
};

/** judge_header() - the header of an entry of Ethernet's or the hardware channel's */
static void judge_header(const struct exam_entry *entry)
{
	const struct gdma_wqe *header = &entry->wqe.header;
	const bool is_sq = entry->wq->type == GDMA_SQ;
	bool okay = !header->num_padding_sgls && !header->reserved1 && !header->reserved2 &&
		    !header->consume_credit && !header->fence && !header->check_sn &&
		    !header->sgl_direct &&
		    (header->inline_oob_size_div4 == GDMA_OOB_SMALL / 4 ||
		     (is_sq && header->inline_oob_size_div4 == GDMA_OOB_LARGE / 4)) &&
		    (is_sq || (!header->client_oob_in_sgl && !header->client_data_unit));

	exam_judge(
		entry->examiner, RULE_ENTRY_HEADER,
		okay && header->num_sge &&
			header->num_sge <= (is_sq ? GDMA_SQE_SGES_MAX : GDMA_RQE_SGES_MAX),
		entry->queue, entry->position,
		"header %#llx|reserved bits 0, an OOB of 8 or 24 bytes (RQ: 8), 1 to %u elements",
		(unsigned long long)((const uint64_t *)entry->wqe.bytes)[0],
		is_sq ? GDMA_SQE_SGES_MAX : GDMA_RQE_SGES_MAX);
}

/** judge_memory() - the elements: does their key give access, also behind the ring's end? */
static void judge_memory(const struct exam_entry *entry)
{
	const struct wq *wq = entry->wq;
	const uint32_t start = (entry->position & (wq->units - 1)) * GDMA_WQE_UNIT;
	const bool wraps = start + entry->wqe.size > wq->ring.size;
	unsigned int access = wq->type == GDMA_SQ ? DMA_READ : DMA_WRITE;
	uint32_t bad = entry->wqe.sges;
	struct gdma_sge sge = { 0 };

	for (uint32_t i = 0; i < entry->wqe.sges && bad == entry->wqe.sges; i++) {
		memcpy(&sge, wqe_sge(&entry->wqe) + i, sizeof(sge));
		/* An entry without data has one element, without a size. */
		if (sge.size ? !memory_allows(&entry->examiner->adapter->memory, wq->pd, &sge,
					      access)
			     : entry->wqe.sges > 1)
			bad = i;
	}
	/* Behind the end there is what an earlier entry left, or nothing. */
	if (bad < entry->wqe.sges &&
	    start + entry->wqe.sgl + bad * (uint32_t)sizeof(sge) >= wq->ring.size) {
		exam_broke(entry->examiner, RULE_ENTRY_WRAP, entry->queue, entry->position,
			   "element %u, at the start of the ring, has key %#x"
			   "|a list that goes on at the start of the ring",
			   bad, sge.mem_key);
		return;
	}
	if (wraps)
		exam_kept(entry->examiner, RULE_ENTRY_WRAP, 1);
	exam_judge(entry->examiner, RULE_ENTRY_MEMORY, bad == entry->wqe.sges, entry->queue,
		   entry->position,
		   "element %u: %u bytes at %#llx with key %#x"
		   "|memory that the key gives access to, in the queue's protection domain",
		   bad, sge.size, (unsigned long long)sge.address, sge.mem_key);
}

/** judge_tso() - a large send, or the fields of one where none is asked for */
static void judge_tso(const struct exam_entry *entry, const struct mana_tx_short_oob *oob)
{
	const struct gdma_wqe *header = &entry->wqe.header;
	uint32_t first = entry->wqe.sges ? wqe_sge(&entry->wqe)[0].size : 0;
	bool okay;

	if (header->client_oob_in_sgl)
		okay = header->num_sge >= 2 && first && first <= HEADERS_MAX &&
		       header->client_data_unit && oob->comp_tcp_csum &&
		       (!header->last_vbytes || header->last_vbytes == (first & 0xff));
	else
		okay = !header->client_data_unit && !header->last_vbytes;
	exam_judge(entry->examiner, RULE_TX_TSO, okay, entry->queue, entry->position,
		   "client_oob_in_sgl %u, %u elements, the first of %u bytes, client_data_unit %u, "
		   "TCP checksum %u|headers alone in the first element (at most %u bytes), an MSS, "
		   "TCP checksum; or none of it",
		   (unsigned int)header->client_oob_in_sgl, (unsigned int)header->num_sge, first,
		   (unsigned int)header->client_data_unit, (unsigned int)oob->comp_tcp_csum,
		   (unsigned int)HEADERS_MAX);
}

/** judge_tx() - the OOB of an entry on an Ethernet send queue */
static void judge_tx(const struct exam_entry *entry)
{
	const uint32_t size = gdma_wqe_oob_size(&entry->wqe.header);
	const struct wq *wq = entry->wq;
	struct mana_tx_oob oob = { 0 };
	const struct mana_tx_short_oob *s = &oob.s;
	uint32_t offset;

	memcpy(&oob, wqe_oob(&entry->wqe), size < sizeof(oob) ? size : sizeof(oob));
	exam_judge(entry->examiner, RULE_TX_OOB,
		   s->pkt_fmt == (size == GDMA_OOB_SMALL ? MANA_PACKET_SHORT : MANA_PACKET_LONG),
		   entry->queue, entry->position,
		   "format %u with an OOB of %u bytes|0 with 8 bytes, 1 with 24",
		   (unsigned int)s->pkt_fmt, size);
	offset = s->pkt_fmt == MANA_PACKET_LONG && wq->vport->index > MANA_SHORT_VPORT_OFFSET_MAX
			 ? oob.l.long_vp_offset
			 : s->short_vp_offset;
	exam_judge(entry->examiner, RULE_TX_QUEUE,
		   s->vcq_num == wq->cq->id && s->vsq_frame == mana_vsq_frame(wq->id) &&
			   offset == wq->vport->index,
		   entry->queue, entry->position, "CQ %u, SQ frame %u, vPort offset %u|%u, %u, %u",
		   (unsigned int)s->vcq_num, (unsigned int)s->vsq_frame, offset, wq->cq->id,
		   mana_vsq_frame(wq->id), wq->vport->index);
	exam_judge(entry->examiner, RULE_TX_CHECKSUM,
		   !(s->comp_tcp_csum && s->comp_udp_csum) &&
			   !(s->is_outer_ipv4 && s->is_outer_ipv6) &&
			   (!(s->comp_tcp_csum || s->comp_udp_csum) || s->is_outer_ipv4 ||
			    s->is_outer_ipv6),
		   entry->queue, entry->position,
		   "IPv4 %u, IPv6 %u, TCP checksum %u, UDP checksum %u"
		   "|one IP version, and a checksum of one protocol",
		   (unsigned int)s->is_outer_ipv4, (unsigned int)s->is_outer_ipv6,
		   (unsigned int)s->comp_tcp_csum, (unsigned int)s->comp_udp_csum);
	judge_tso(entry, s);
}

/** judge_any() - an entry that is not plain; returns its size in units */
static __attribute__((noinline)) uint32_t judge_any(struct examiner *examiner,
						    const struct exam_queue *queue,
						    const struct wq *wq, uint32_t position,
						    uint32_t left)
{
	const uint32_t mask = wq->ring.size - 1;
	struct exam_entry entry = {
		.examiner = examiner, .queue = queue, .wq = wq, .position = position
	};
	uint32_t size;

	memcpy(entry.wqe.bytes, ring_at(&wq->ring, position * GDMA_WQE_UNIT & mask), GDMA_WQE_UNIT);
	size = gdma_wqe_size(&entry.wqe.header);
	/* It was short enough when the adapter took it, so the driver has written it again. */
	if (size > left * GDMA_WQE_UNIT || size > sizeof(entry.wqe.bytes))
		return left;
	for (uint32_t done = GDMA_WQE_UNIT; done < size; done += GDMA_WQE_UNIT)
		memcpy(entry.wqe.bytes + done,
		       ring_at(&wq->ring, (position * GDMA_WQE_UNIT + done) & mask), GDMA_WQE_UNIT);
	entry.wqe.size = size;
	entry.wqe.sgl = gdma_wqe_sgl_offset(&entry.wqe.header);
	entry.wqe.sges = entry.wqe.header.num_sge;
	exam_kept(examiner, RULE_ENTRY_SIZE, 1);
	judge_header(&entry);
	judge_memory(&entry);
	if (wq->vport && wq->type == GDMA_SQ)
		judge_tx(&entry);
	return size / GDMA_WQE_UNIT;
}

/**
 * struct plain - what a plain entry of a queue looks like
 * @oob, @mask:	its OOB where the mask has a bit
 * @reach:	for its element
 */
struct plain {
	uint64_t oob, mask;
	struct reach reach;
};

static void plain_begin(struct plain *plain, const struct wq *wq)
{
	*plain = (struct plain){ 0 };
	reach_begin(&plain->reach, wq->pd, wq->type == GDMA_SQ ? DMA_READ : DMA_WRITE);
	if (wq->type == GDMA_RQ || !wq->vport)
		return;
	plain->oob = MANA_TX_WORD_VCQ(wq->cq->id) | MANA_TX_WORD_VP_OFFSET(wq->vport->index) |
		     (uint64_t)mana_vsq_frame(wq->id) << 42;
	plain->mask = MANA_TX_WORD_FORMAT(3) | MANA_TX_WORD_IP_CSUM | MANA_TX_WORD_TCP_CSUM |
		      MANA_TX_WORD_UDP_CSUM | MANA_TX_WORD_VCQ(0xffffffu) |
		      MANA_TX_WORD_VP_OFFSET(0xffu) | UINT64_C(0x3fff) << 42;
}

/** is_plain() - does the entry keep all of plain_rules[]? */
static inline bool is_plain(struct plain *plain, const struct memory *memory,
			    const struct wq_plain *entry)
{
	const uint64_t both = MANA_TX_WORD_IPV4 | MANA_TX_WORD_IPV6;

	return entry->header == (GDMA_WQE_WORD_SGES(1) | GDMA_WQE_WORD_OOB(GDMA_OOB_SMALL)) &&
	       !((entry->oob ^ plain->oob) & plain->mask) &&
	       (!plain->mask || (entry->oob & both) != both) && entry->sge.size &&
	       reach_at(&plain->reach, memory, entry->sge);
}

/** struct found - what was found in the entries of a burst */
struct found {
	uint32_t later, later_at; /* units that have changed */
	uint32_t twice, twice_at; /* buffers posted twice */
	uint64_t twice_address;
	uint32_t entries;
	uint32_t digests; /* units that have not changed */
};

/** walk() - look at the entries from @from on; the queue is locked */
static void walk(struct examiner *examiner, struct exam_queue *queue, const struct wq *wq,
		 uint32_t from, struct found *found)
{
	const struct memory *memory = &examiner->adapter->memory;
	const uint32_t mask = wq->units - 1, end = wq->taken;
	const bool digests = queue->first != queue->end;
	const struct ring_view ring = ring_view(&wq->ring);
	struct plain plain;
	uint32_t runs = 0, step;

	plain_begin(&plain, wq);
	for (uint32_t unit = from; unit != end && !wq->pair; unit += step) {
		const uint8_t *at = ring_view_at(&ring, (unit & mask) * GDMA_WQE_UNIT);
		struct wq_plain entry = wq_plain_read(at);

		step = 1;
		if (is_plain(&plain, memory, &entry))
			runs++;
		else
			step = judge_any(examiner, queue, wq, unit, end - unit);
		found->entries++;
		if (queue->buffers && out(queue, entry.sge.address, unit, wq->ahead)) {
			found->twice++;
			found->twice_at = unit;
			found->twice_address = entry.sge.address;
		}
	}
	queue->runs += runs;
	for (uint32_t unit = from; digests && unit != end; unit++)
		if (changed(queue, unit, ring_view_at(&ring, (unit & mask) * GDMA_WQE_UNIT))) {
			found->later++;
			found->later_at = unit;
		}
	found->digests = digests ? end - from - found->later : 0;
}

/** judge_found() - what walk() has found */
static void judge_found(struct examiner *examiner, const struct exam_queue *queue,
			const struct found *found)
{
	atomic_fetch_add_explicit(&examiner->entries, found->entries, memory_order_relaxed);
	if (found->digests)
		exam_kept(examiner, RULE_ENTRY_VISIBLE, found->digests);
	if (found->later)
		exam_broke(examiner, RULE_ENTRY_VISIBLE, queue, found->later_at,
			   "an entry that has changed since its doorbell was rung"
			   "|an entry that is complete before its doorbell");
	if (queue->buffers)
		exam_kept(examiner, RULE_RX_TWICE, found->entries - found->twice);
	if (found->twice)
		exam_broke(examiner, RULE_RX_TWICE, queue, found->twice_at,
			   "address %#llx was posted again while it was outstanding"
			   "|one entry for a buffer until its completion was read",
			   (unsigned long long)found->twice_address);
}

void exam_reached(struct examiner *examiner, uint32_t type, uint32_t id, uint32_t from)
{
	const struct adapter *adapter = examiner->adapter;
	struct exam_queue *queue = exam_queue(examiner, type, id);
	struct wq *wq = table_get(type == GDMA_SQ ? &adapter->sqs : &adapter->rqs, id);
	struct found found = { 0 };

	if (!queue || !queue->live || !wq || !ring_ready(&wq->ring))
		return;
	spin_lock(&queue->lock);
	/* Those up to queue->taken have been looked at, unless the queue has begun again. */
	if (from == EXAM_NOWHERE || wq->taken - queue->taken <= wq->taken - from)
		from = queue->taken;
	if (wq->taken - from <= wq->units)
		walk(examiner, queue, wq, from, &found);
	queue->taken = wq->taken;
	spin_unlock(&queue->lock);
	judge_found(examiner, queue, &found);
}

void exam_refused(struct examiner *examiner, const struct watch_event *event)
{
	const struct exam_queue *queue = exam_queue(examiner, event->type, event->queue);
	const uint32_t limit = event->type == GDMA_SQ ? GDMA_SQE_SIZE_MAX : GDMA_RQE_SIZE_MAX;
	struct gdma_wqe header;

	if (!queue || !queue->live)
		return;
	memcpy(&header, event->data, sizeof(header));
	exam_broke(
		examiner, RULE_ENTRY_SIZE, queue, event->position,
		"an entry of %u bytes, with %llu posted|at most %u bytes, and no more than posted",
		gdma_wqe_size(&header), (unsigned long long)event->value, limit);
}
