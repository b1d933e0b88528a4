/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * A fabric hands frames over on the lane that polls it (or that sends, for a
 * switch); the receive queue may belong to any lane, so it is locked for the
 * packets of the burst that go to it:
 *
 *	frame -> copy its headers once -> take off the VLAN tag -> hash -> steer
 *	-> fetch an entry of the queue -> copy the packet into its buffers
 *	-> completion, alone or up to four packets together
 *
 * Large frames are cut here, partial checksums completed here: a driver gets what
 * it would get from a wire. Checksums of other frames are verified.
 *
 * A frame for a queue without buffers is not taken: deliver() returns early, and
 * the fabric drops it or keeps it.
 *
 * This file takes packets one by one and can take any. Runs of packets that need
 * nothing unusual go through receive_plain.c.
 */
#include "device/receive.h"

#include <stddef.h>
#include <string.h>

#include "device/checksum.h"
#include "device/scratch.h"

#define HASH_TYPES                                                                                 \
	(MANA_HASH_IPV4 | MANA_HASH_TCP_IPV4 | MANA_HASH_UDP_IPV4 | MANA_HASH_IPV6 |               \
	 MANA_HASH_TCP_IPV6 | MANA_HASH_UDP_IPV6)
#define HEADER_LOOK  128u /* bytes copied to look at; HEADERS_MAX if the headers are longer */
#define POLL_BUDGET  64u
#define SEGMENTS_MAX 2048u /* a large frame makes at most; more is an attack on the receiver */

/** struct packet - a frame being received */
struct packet {
	const struct frame *frame;
	struct packet_headers headers;
	uint8_t *header; /* the copy; a tag is still in it */
	size_t copied;
	uint32_t hash;
	uint32_t hash_type;
};

enum received { RECEIVED, NO_BUFFER };

/*
 * The driver looks at the entry again and again: it is written as a whole, not packet by
 * packet, so that its cache line is taken away from the driver only once.
 */
void receive_flush(struct receive_burst *burst)
{
	struct mana_rxcomp_oob *oob;
	struct gdma_cqe *cqe;

	if (!burst->packets)
		return;
	cqe = cq_next(burst->rq->cq);
	if (cqe) {
		oob = (struct mana_rxcomp_oob *)cqe;
		if (burst->packets > 1) {
			burst->head.cqe_hdr.cqe_type = MANA_CQE_RX_COALESCED_4;
			burst->tally.coalesced++;
		}
		memcpy(oob, &burst->head, sizeof(burst->head));
		memcpy(oob->ppi, burst->info, sizeof(oob->ppi));
		cq_hold(burst->rq->cq, burst->offset, burst->rq->id, false);
	}
	burst->packets = 0;
	memset(burst->info, 0, sizeof(burst->info));
}

/** write_tally() - what was counted for the queue that is locked */
static void write_tally(struct receive_burst *burst)
{
	struct wq_counters *counters = &burst->rq->counters;
	struct receive_tally *tally = &burst->tally;

	for (unsigned int cast = 0; cast < 3; cast++) {
		if (!tally->frames[cast])
			continue;
		wq_count(&counters->frames, tally->frames[cast]);
		wq_count(&counters->bytes, tally->bytes[cast]);
		wq_count(&counters->cast_frames[cast], tally->frames[cast]);
		wq_count(&counters->cast_bytes[cast], tally->bytes[cast]);
	}
	if (tally->coalesced)
		wq_count(&counters->coalesced, tally->coalesced);
	memset(tally, 0, sizeof(*tally));
}

void receive_use(struct receive_burst *burst, struct wq *rq)
{
	if (burst->rq == rq)
		return;
	if (burst->rq) {
		receive_flush(burst);
		write_tally(burst);
		cq_end(burst->rq->cq);
		spin_unlock(&burst->rq->lock);
	}
	burst->rq = rq;
	if (rq) {
		spin_lock(&rq->lock);
		cq_begin(rq->cq);
	}
}

/** looked_enough() - are all headers in the copy, and the checksum that is to be completed? */
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

/** steer() - the queue a packet belongs to, NULL if there is none */
static struct wq *steer(const struct steering *steering, struct packet *packet)
{
	packet->hash_type = 0;
	packet->hash = 0;
	if (!steering->rss)
		return steering->fallback;
	packet->hash = toeplitz_packet(&steering->toeplitz, &packet->headers, packet->header,
				       HASH_TYPES, &packet->hash_type);
	return steering->table[packet->hash & steering->mask];
}

/** check_l4() - is the checksum right? Completes a partial one in the copy of the headers */
static enum checksum_result check_l4(struct packet *packet)
{
	const struct frame *frame = packet->frame;
	uint16_t value;

	if (frame->flags & FRAME_CSUM_PARTIAL) {
		size_t at = (size_t)frame->csum_start + frame->csum_offset;

		if (checksum_partial(frame, &value) || at + sizeof(value) > packet->copied)
			return CHECKSUM_BAD;
		memcpy(packet->header + at, &value, sizeof(value));
		return CHECKSUM_GOOD;
	}
	if (frame->flags & FRAME_CSUM_VALID)
		return packet->headers.l4 ? CHECKSUM_GOOD : CHECKSUM_NONE;
	return checksum_verify_l4(frame, &packet->headers, packet->header);
}

/** describe() - the head of a completion: what packets have to share to be in one */
static union receive_head describe(struct wq *rq, struct packet *packet)
{
	const struct packet_headers *headers = &packet->headers;
	struct mana_rxcomp_oob oob = { .cqe_hdr = { .cqe_type = MANA_CQE_RX_OKAY,
						    .client_type = MANA_CLIENT_COMPLETION } };
	union receive_head head;
	enum checksum_result l4 = check_l4(packet);
	bool ip_ok = headers->ip_version == 6;

	/* As a class: net_mana takes a hash over only if every type of its layer is named. */
	if (packet->hash_type & MANA_HASH_L4)
		oob.rx_hashtype = MANA_HASH_L4;
	else if (packet->hash_type & MANA_HASH_L3)
		oob.rx_hashtype = MANA_HASH_L3;
	if (headers->vlan_present) {
		oob.rx_vlantag_present = 1;
		/* Twelve bits is all there is: priority and DEI are lost, as on the wire format. */
		oob.rx_vlan_id = headers->vlan_tci & 0xfffu;
	}
	if (headers->ip_version == 4)
		ip_ok = checksum_ipv4_ok(packet->header + headers->l3_off, headers->l3_len);
	if (headers->ip_version) {
		oob.rx_iphdr_csum_succeed = ip_ok;
		oob.rx_iphdr_csum_fail = !ip_ok;
	}
	if (headers->l4 == HEADERS_L4_TCP) {
		oob.rx_tcp_csum_succeed = l4 == CHECKSUM_GOOD;
		oob.rx_tcp_csum_fail = l4 == CHECKSUM_BAD;
	} else if (headers->l4 == HEADERS_L4_UDP) {
		oob.rx_udp_csum_succeed = l4 == CHECKSUM_GOOD;
		oob.rx_udp_csum_fail = l4 == CHECKSUM_BAD;
	}
	wq_count(&rq->counters.csum_bad, (headers->ip_version && !ip_ok) || l4 == CHECKSUM_BAD);
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
		/* A client may send from where it receives. */
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

/** write_packet() - the copied headers, less the tag, then the rest of the frame */
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
	struct writer writer = { .iov = scratch->buffer };
	union receive_head head;
	struct packet packet;
	uint32_t offset;
	struct wq *rq;

	look(&packet, frame, scratch->header);
	rq = steer(burst->steering, &packet);
	if (!rq) {
		atomic_fetch_add_explicit(&burst->vport->rx_disabled, 1, memory_order_relaxed);
		return RECEIVED;
	}
	receive_use(burst, rq);
	offset = rq->taken * GDMA_WQE_UNIT & (rq->ring.size - 1);
	if (!ring_ready(&rq->ring))
		return NO_BUFFER;
	switch (wq_fetch(rq, &scratch->wqe)) {
	case WQ_EMPTY:
		return NO_BUFFER;
	case WQ_BROKEN:
		return NO_BUFFER;
	case WQ_ENTRY:
		break;
	}
	head = describe(rq, &packet);
	for (uint32_t i = 0; i < scratch->wqe.sges; i++) {
		const struct gdma_sge *sge = &wqe_sge(&scratch->wqe)[i];

		if (memory_translate(&rq->adapter->memory, rq->pd, sge, DMA_WRITE, scratch->buffer,
				     &writer.n, FABRIC_PIECES_MAX)) {
			wq_mistake(rq, "buffer of %u bytes at %#llx, key %#x cannot be written",
				   sge->size, (unsigned long long)sge->address, sge->mem_key);
			writer.n = 0;
			break;
		}
	}
	write_packet(&writer, &packet);
	/* A completion has 16 bits for the length. */
	if (writer.full || writer.done > UINT16_MAX) {
		wq_count(&rq->counters.truncated, 1);
		receive_flush(burst);
		head.cqe_hdr.cqe_type = MANA_CQE_RX_TRUNCATED;
		receive_complete(burst, head, writer.done, packet.hash, offset);
		receive_flush(burst);
		return RECEIVED;
	}
	receive_tally(burst, packet.header, writer.done);
	receive_complete(burst, head, writer.done, packet.hash, offset);
	return RECEIVED;
}

/** lost() - count a frame that is dropped here, and not by the fabric, for want of buffers */
static void lost(struct vport *vport)
{
	atomic_fetch_add_explicit(&vport->rx_lost, 1, memory_order_relaxed);
}

/** has_buffers() - about @n packets' worth, in the queue a large frame goes to */
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

/** receive_large() - cut a large frame; all of its segments are taken or none */
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
	for (;;) {
		struct frame segment = { .iov = scratch->segment_pieces,
					 .flags = FRAME_CSUM_VALID };

		pieces = segment_next(&scratch->segmenter, scratch->segment_header,
				      scratch->segment_pieces, FABRIC_PIECES_MAX + 1);
		if (pieces <= 0)
			return RECEIVED;
		segment.iovcnt = (uint32_t)pieces;
		segment.len = scratch->segmenter.len;
		/* Entries of several basic units make fewer buffers than has_buffers() takes them
		 * for. */
		if (receive_packet(burst, &segment) == NO_BUFFER)
			lost(burst->vport);
	}
}

bool receive_any(struct receive_burst *burst, const struct frame *frame)
{
	enum received received = frame->flags & FRAME_GSO ? receive_large(burst, frame) :
							    receive_packet(burst, frame);

	return received == RECEIVED;
}

/** begin() - false if the vPort takes nothing now: the frames are counted and gone */
static bool begin(struct receive_burst *burst, struct vport *vport, unsigned int lane,
		  unsigned int n)
{
	struct scratch *scratch = scratch_of(vport->adapter, lane);

	*burst = (struct receive_burst){
		.vport = vport,
		.steering = atomic_load_explicit(&vport->steering, memory_order_acquire),
	};
	if (!scratch || !burst->steering || !burst->steering->enabled ||
	    atomic_load_explicit(&vport->link_down, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&vport->rx_disabled, n, memory_order_relaxed);
		return false;
	}
	burst->scratch = &scratch->receive;
	return true;
}

unsigned int receive_deliver(void *ctx, unsigned int lane, const struct frame *frames,
			     unsigned int n)
{
	struct receive_burst burst;
	unsigned int done;

	if (!begin(&burst, ctx, lane, n))
		return n;
	for (done = 0; done < n; done++) {
		done += receive_plain(&burst, frames + done, n - done);
		if (done == n || !receive_any(&burst, &frames[done]))
			break;
	}
	receive_use(&burst, NULL);
	return done;
}

uint64_t receive_offer(void *ctx, unsigned int lane, const struct frame *frames, unsigned int n)
{
	struct receive_burst burst;
	uint64_t left = 0;

	if (!begin(&burst, ctx, lane, n))
		return 0;
	for (unsigned int done = 0; done < n; done++) {
		uint64_t some = 0;
		unsigned int taken = receive_plain_offer(&burst, frames + done, n - done, &some);

		left |= some << done;
		done += taken;
		if (done < n && !receive_any(&burst, &frames[done]))
			left |= UINT64_C(1) << done;
	}
	receive_use(&burst, NULL);
	return left;
}

/** receiving() - does the vPort take frames now? */
static bool receiving(const struct vport *vport)
{
	const struct steering *steering =
		atomic_load_explicit(&vport->steering, memory_order_acquire);

	return steering && steering->enabled &&
	       !atomic_load_explicit(&vport->link_down, memory_order_relaxed);
}

/** receive_poll() - the fabric's turn: take what it has for the vPort */
bool receive_poll(struct lane_work *work, unsigned int lane)
{
	struct vport *vport = (struct vport *)work;
	unsigned int n;

	/* A generator or a replay waits for a vPort that receives; a wire does not. */
	if (fabric_fd(vport->fabric) < 0 && !receiving(vport))
		return false;
	n = fabric_poll(vport->fabric, lane, POLL_BUDGET);
	work->progress = n;
	/* Descriptors are watched for edges: what is there has to be taken to the end. */
	if (n)
		return true;
	/* It has more, but nobody takes it: a buffer's doorbell is the next chance. */
	work->blocked = fabric_is_source(vport->fabric);
	return false;
}

/** receive_rest() - the lane sleeps: a buffer's doorbell has to wake it if frames are waiting */
bool receive_rest(struct lane_work *work, bool asleep)
{
	struct vport *vport = (struct vport *)work;
	bool more = false;

	/* The control thread may be taking a queue away: it waits for this turn to end. */
	for (uint32_t i = 0; i < ADAPTER_QUEUES_MAX; i++) {
		struct wq *rq = __atomic_load_n(&vport->rq[i], __ATOMIC_ACQUIRE);

		if (rq && native_rest(rq, asleep))
			more = true;
	}
	return more && receiving(vport) && fabric_is_source(vport->fabric);
}

void receive_fence(struct wq *rq)
{
	struct mana_rxcomp_oob oob = { .cqe_hdr = { .cqe_type = MANA_CQE_RX_OBJECT_FENCE,
						    .client_type = MANA_CLIENT_COMPLETION } };

	spin_lock(&rq->lock);
	cq_begin(rq->cq);
	cq_post(rq->cq, &oob, rq->id, false);
	cq_end(rq->cq);
	spin_unlock(&rq->lock);
}
