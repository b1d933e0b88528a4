/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * This handles frames one by one, of any kind: in pieces, tagged, large, with a partial checksum,
 * for a queue whose buffers are in pieces.
 *
 *	frame -> copy its headers once -> strip the VLAN tag -> hash -> steer
 *	-> fetch an entry of the queue -> copy the packet into its buffers
 *	-> completion, for one packet or up to four or eight
 *
 * Large frames are segmented here, partial checksums completed here: a driver gets what it would
 * get from a wire. Checksums of other frames are verified.
 */
#include "device/receive_any.h"

#include <stddef.h>
#include <string.h>

#include "base/budget.h"
#include "device/checksum.h"
#include "device/faulty.h"
#include "device/scratch.h"

#define HEADER_LOOK  128u  /* bytes copied to examine; HEADERS_MAX if the headers are longer */
#define SEGMENTS_MAX 2048u /* most that a large frame makes; more is an attack on the receiver */

/** struct packet - a frame being received */
struct packet {
	const struct frame *frame;
	struct packet_headers headers;
	uint8_t *header; /* the copy, including any tag */
	size_t copied;
	uint32_t hash;
	uint32_t hash_type;
};

enum received { RECEIVED, NO_BUFFER };

/** looked_enough() - does the copy have all headers, and the checksum to complete? */
static bool looked_enough(const struct packet *packet)
{
	const struct packet_headers *headers = &packet->headers;
	const struct frame *frame = packet->frame;

	if (frame->flags & FRAME_CSUM_PARTIAL &&
	    (size_t)frame->csum_start + frame->csum_offset + sizeof(uint16_t) > packet->copied)
		return false;
	return !headers->ip_version || headers->l4 || headers->is_fragment;
}

/** look() - copy the beginning of a frame and parse it */
static void look(struct packet *packet, const struct frame *frame, uint8_t *header)
{
	packet->frame = frame;
	packet->header = header;
	for (size_t max = HEADER_LOOK;; max = HEADERS_MAX) {
		packet->copied = headers_copy(frame->iov, frame->iovcnt, header, max);
		if (headers_parse(header, packet->copied, &packet->headers))
			memset(&packet->headers, 0, sizeof(packet->headers));
		if (max == HEADERS_MAX || packet->copied < max || looked_enough(packet))
			break;
	}
}

/** steer() - the queue that a packet belongs to; NULL if there is none */
static struct wq *steer(const struct steering *steering, struct packet *packet)
{
	packet->hash_type = 0;
	packet->hash = 0;
	if (!steering->rss)
		return steering->fallback;
	packet->hash = toeplitz_packet(&steering->toeplitz, &packet->headers, packet->header,
				       steering->hash_types, &packet->hash_type);
	return steering->table[packet->hash & steering->mask];
}

/** complete_partial() - write a partial checksum's value into the copy; false if it does not fit */
static bool complete_partial(struct packet *packet)
{
	const struct frame *frame = packet->frame;
	size_t at = (size_t)frame->csum_start + frame->csum_offset;
	uint16_t value;

	if (checksum_partial(frame, &value) || at + sizeof(value) > packet->copied)
		return false;
	memcpy(packet->header + at, &value, sizeof(value));
	return true;
}

/** check_l4() - is the checksum of TCP or UDP, which is not a partial one, right? */
static enum checksum_result check_l4(const struct packet *packet)
{
	const struct frame *frame = packet->frame;

	if (frame->flags & FRAME_CSUM_VALID)
		return packet->headers.l4 ? CHECKSUM_GOOD : CHECKSUM_NONE;
	return checksum_verify_l4(frame, &packet->headers, packet->header);
}

/** struct checks - what is known about a packet's checksums */
struct checks {
	bool ip_bad; /* IPv4's; IPv6 has none */
	enum checksum_result l4;
};

/** finish_checksums() - complete a partial checksum in the copy, verify others */
static struct checks finish_checksums(struct packet *packet)
{
	const struct packet_headers *headers = &packet->headers;
	struct checks checks = { 0 };

	if (!(packet->frame->flags & FRAME_CSUM_PARTIAL))
		checks.l4 = check_l4(packet);
	else
		checks.l4 = complete_partial(packet) ? CHECKSUM_GOOD : CHECKSUM_BAD;
	checks.ip_bad = headers->ip_version == 4 &&
			!checksum_ipv4_ok(packet->header + headers->l3_off, headers->l3_len);
	return checks;
}

/** describe() - the head of a completion: what its packets must have in common */
static union receive_head describe(const struct packet *packet, struct checks checks)
{
	const struct packet_headers *headers = &packet->headers;
	struct mana_rxcomp_oob oob = { .cqe_hdr = { .cqe_type = MANA_CQE_RX_OKAY,
						    .client_type = MANA_CLIENT_COMPLETION } };
	union receive_head head;

	/* As a class: net_mana uses a hash only if every type of its layer is set. */
	if (packet->hash_type & MANA_HASH_L4)
		oob.rx_hashtype = MANA_HASH_L4;
	else if (packet->hash_type & MANA_HASH_L3)
		oob.rx_hashtype = MANA_HASH_L3;
	if (headers->vlan_present) {
		oob.rx_vlantag_present = 1;
		/* The completion has only twelve bits: priority and DEI are lost. */
		oob.rx_vlan_id = headers->vlan_tci & 0xfffu;
	}
	if (headers->ip_version) {
		oob.rx_iphdr_csum_succeed = !checks.ip_bad;
		oob.rx_iphdr_csum_fail = checks.ip_bad;
	}
	if (headers->l4 == HEADERS_L4_TCP) {
		oob.rx_tcp_csum_succeed = checks.l4 == CHECKSUM_GOOD;
		oob.rx_tcp_csum_fail = checks.l4 == CHECKSUM_BAD;
	} else if (headers->l4 == HEADERS_L4_UDP) {
		oob.rx_udp_csum_succeed = checks.l4 == CHECKSUM_GOOD;
		oob.rx_udp_csum_fail = checks.l4 == CHECKSUM_BAD;
	}
	memcpy(&head, &oob, sizeof(head));
	return head;
}

/** struct writer - fills a driver's buffers in order */
struct writer {
	const struct iovec *iov;
	uint32_t n;
	size_t offset; /* in the first piece */
	uint32_t done;
	bool full;
};

static void writer_put(struct writer *writer, const uint8_t *data, size_t len)
{
	while (len) {
		size_t room, part;

		if (!writer->n) {
			writer->full = true;
			return;
		}
		room = writer->iov->iov_len - writer->offset;
		part = room < len ? room : len;
		/* They may overlap: a client may send from its receive buffers. */
		memmove((uint8_t *)writer->iov->iov_base + writer->offset, data, part);
		data += part;
		len -= part;
		writer->offset += part;
		writer->done += (uint32_t)part;
		if (writer->offset == writer->iov->iov_len) {
			writer->iov++;
			writer->n--;
			writer->offset = 0;
		}
	}
}

/** write_packet() - write the copied headers without the tag, then the rest of the frame */
static void write_packet(struct writer *writer, const struct packet *packet)
{
	const struct frame *frame = packet->frame;
	size_t skip = packet->copied;

	if (packet->headers.vlan_present) {
		writer_put(writer, packet->header, 12);
		writer_put(writer, packet->header + 12 + VLAN_TAG_LEN,
			   packet->copied - 12 - VLAN_TAG_LEN);
	} else {
		writer_put(writer, packet->header, packet->copied);
	}
	for (uint32_t i = 0; i < frame->iovcnt && !writer->full; i++) {
		const uint8_t *base = frame->iov[i].iov_base;
		size_t len = frame->iov[i].iov_len;
		size_t part = skip < len ? skip : len;

		skip -= part;
		writer_put(writer, base + part, len - part);
	}
}

/** receive_packet() - into the next buffer of its queue */
static enum received receive_packet(struct receive_burst *burst, const struct frame *frame)
{
	struct receive_scratch *scratch = burst->scratch;
	struct pieces pieces = { .iov = scratch->buffer, .max = FABRIC_PIECES_MAX };
	struct writer writer = { .iov = scratch->buffer };
	union receive_head head;
	struct packet packet;
	struct checks checks;
	uint64_t room = 0;
	uint32_t offset, start, type, fault = 0;
	uint64_t due;
	struct wq *rq;

	look(&packet, frame, scratch->header);
	rq = steer(burst->steering, &packet);
	if (!rq) {
		atomic_fetch_add_explicit(&burst->vport->rx_disabled, 1, memory_order_relaxed);
		return RECEIVED;
	}
	receive_use(burst, rq);
	start = rq->taken;
	offset = start * GDMA_WQE_UNIT & (rq->ring.size - 1);
	if (!ring_ready(&rq->ring) || rq->fault & FAULT_STALLED ||
	    (rq->fault & FAULT_SLOW && faulty_waits(rq, &due)))
		return NO_BUFFER;
	switch (wq_fetch(rq, &scratch->wqe)) {
	case WQ_EMPTY:
		return NO_BUFFER;
	case WQ_BROKEN:
		return NO_BUFFER;
	case WQ_ENTRY:
		if (__builtin_expect(rq->fault, 0))
			fault = faulty_packet(rq, start, &type);
		if (fault & FAULT_DO_STALL)
			return NO_BUFFER;
		break;
	}
	budget_charge(BUDGET_ODD + scratch->wqe.sges * BUDGET_LOOKUP);
	checks = finish_checksums(&packet);
	counter_add(&rq->counters.csum_bad, checks.ip_bad || checks.l4 == CHECKSUM_BAD);
	head = describe(&packet, checks);
	for (uint32_t i = 0; i < scratch->wqe.sges && room < frame->len; i++) {
		const struct gdma_sge *sge = &wqe_sge(&scratch->wqe)[i];

		room += sge->size;
		if (fault & FAULT_DO_DMA) {
			pieces.n = 0;
			break;
		}
		if (memory_translate(&rq->adapter->memory, rq->pd, sge, DMA_WRITE, &pieces)) {
			wq_mistake(rq, "buffer of %u bytes at %#llx, key %#x cannot be written",
				   sge->size, (unsigned long long)sge->address, sge->mem_key);
			pieces.n = 0;
			break;
		}
	}
	writer.n = pieces.n;
	write_packet(&writer, &packet);
	/* A completion has 16 bits for the length. */
	if (writer.full || writer.done > UINT16_MAX) {
		counter_add(&rq->counters.truncated, 1);
		receive_flush(burst);
		head.cqe_hdr.cqe_type = MANA_CQE_RX_TRUNCATED;
		receive_complete(burst, head, writer.done, packet.hash, offset);
		receive_flush(burst);
		return RECEIVED;
	}
	receive_tally(burst, packet.header, writer.done);
	if (packet.headers.vlan_present && packet.headers.vlan_tci >> 13)
		class_add(&burst->vport->rx_class[packet.headers.vlan_tci >> 13], frame->len);
	receive_complete(burst, head, writer.done, packet.hash, offset);
	return RECEIVED;
}

/** lost() - count a frame that is dropped here, not by the fabric, for lack of buffers */
static void lost(struct vport *vport)
{
	atomic_fetch_add_explicit(&vport->rx_lost, 1, memory_order_relaxed);
}

/** has_buffers() - are there about @n buffers in the queue that a large frame goes to? */
static bool has_buffers(struct receive_burst *burst, const struct frame *frame, uint32_t n)
{
	struct packet packet;
	struct wq *rq;

	look(&packet, frame, burst->scratch->header);
	rq = steer(burst->steering, &packet);
	if (!rq)
		return true;
	receive_use(burst, rq);
	return wq_posted(rq) - rq->taken >= n;
}

/** receive_large() - segment a large frame; all of its segments are received or none */
static enum received receive_large(struct receive_burst *burst, const struct frame *frame)
{
	struct receive_scratch *scratch = burst->scratch;
	int pieces;

	if (segment_begin(&scratch->segmenter, frame) || scratch->segmenter.count > SEGMENTS_MAX) {
		lost(burst->vport);
		return RECEIVED;
	}
	if (!has_buffers(burst, frame, scratch->segmenter.count)) {
		/* A queue that can never hold them all must not hold up the rest. */
		if (!burst->rq || scratch->segmenter.count <= burst->rq->units)
			return NO_BUFFER;
		lost(burst->vport);
		return RECEIVED;
	}
	budget_charge(scratch->segmenter.count * BUDGET_SEGMENT);
	for (;;) {
		struct frame segment = { .iov = scratch->segment_pieces,
					 .flags = FRAME_CSUM_VALID };

		pieces = segment_next(&scratch->segmenter, scratch->segment_header,
				      scratch->segment_pieces, FABRIC_PIECES_MAX + 1);
		if (pieces <= 0)
			return RECEIVED;
		segment.iovcnt = (uint32_t)pieces;
		segment.len = scratch->segmenter.len;
		/* Entries of several basic units are fewer buffers than has_buffers() assumes. */
		if (receive_packet(burst, &segment) == NO_BUFFER)
			lost(burst->vport);
	}
}

bool receive_any(struct receive_burst *burst, const struct frame *frame)
{
	enum received received = frame->flags & FRAME_GSO ? receive_large(burst, frame)
							  : receive_packet(burst, frame);

	return received == RECEIVED;
}
