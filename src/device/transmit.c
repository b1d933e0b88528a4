/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * A send queue's turn on its lane takes up to a burst of entries:
 *
 *	fetch -> check -> translate the scatter-gather list into pieces
 *	-> apply what the OOB asks for -> hand the burst to the fabric
 *	-> complete each entry, unless the driver suppressed it
 *
 * Offloads never change client memory: the headers are copied once, changed in the
 * copy, and the copy becomes the frame's first piece. A fabric that accepts large
 * sends or partial checksums gets them as they are; for others the adapter
 * segments and completes.
 *
 *	requested		done to the copy		left to the fabric
 *	IPv4 header checksum	computed
 *	TCP/UDP checksum	pseudo-header's sum		FRAME_CSUM_PARTIAL
 *	TSO			lengths of the whole,		FRAME_GSO
 *				pseudo-header's sum
 *	VLAN			tag inserted
 *
 * Most entries request nothing: one unit, one piece, no offload. They take a fast
 * path, plain_entries(), which leaves everything else to the slow path.
 *
 * A turn ends when it has spent its budget (base/budget.h), if need be in the middle of a burst or
 * of a large send: entries whose frames were not sent are taken again in the next turn. Nothing of
 * an entry is kept from one turn to the next but the number of segments that have been sent.
 *
 * The old contents of the checksum field do not matter: not all drivers put the
 * pseudo-header's sum there.
 */
#include "device/transmit.h"

#include <string.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "device/checksum.h"
#include "device/faulty.h"
#include "device/native.h"
#include "device/reach.h"
#include "device/scratch.h"

#define TCP_CHECKSUM 16u   /* bytes into the TCP header */
#define UDP_CHECKSUM 6u    /* bytes into the UDP header */
#define SEGMENTS_MAX 2048u /* of a large send; TCP's smallest segments make fewer */
#define WHOLE_MAX    64u   /* more are cut here, in turns, whatever the fabric takes */

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

static bool is_tso(const struct transmit_job *job)
{
	return job->wqe->header.client_oob_in_sgl;
}

/** read_oob() - what the driver requests; MANA_CQE_TX_OKAY, or the error */
static enum mana_cqe_type read_oob(struct transmit_job *job)
{
	const struct vport *vport = job->sq->vport;
	bool is_long;

	memset(&job->oob, 0, sizeof(job->oob));
	memcpy(&job->oob.s, wqe_oob(job->wqe), sizeof(job->oob.s));
	is_long = job->oob.s.pkt_fmt == MANA_PACKET_LONG;
	if (is_long) {
		if (gdma_wqe_oob_size(&job->wqe->header) < GDMA_OOB_LARGE)
			return MANA_CQE_TX_INVALID_OOB;
		memcpy(&job->oob, wqe_oob(job->wqe), sizeof(job->oob));
	} else if (job->oob.s.pkt_fmt != MANA_PACKET_SHORT) {
		return MANA_CQE_TX_INVALID_OOB;
	}
	if (job->oob.s.vcq_num != job->sq->cq->id)
		return MANA_CQE_TX_INVALID_OOB;
	/*
	 * An offset below 256 is in the short part of a long OOB too. Only the tag of the long part
	 * is valid: net_mana does not initialize the rest.
	 */
	if (job->oob.s.short_vp_offset != vport->index)
		return MANA_CQE_TX_VPORT_IDX_OUT_OF_RANGE;
	return atomic_load_explicit(&vport->link_down, memory_order_relaxed)
		       ? MANA_CQE_TX_VPORT_DISABLED
		       : MANA_CQE_TX_OKAY;
}

/** read_sgl() - find the frame's pieces */
static enum mana_cqe_type read_sgl(struct transmit_job *job)
{
	/* One piece is kept free for the copy of the headers. */
	struct pieces pieces = { .iov = job->pieces + 1, .max = FABRIC_PIECES_MAX - 1 };
	uint64_t len = 0;

	budget_charge(job->wqe->sges * BUDGET_LOOKUP);
	for (uint32_t i = 0; i < job->wqe->sges && len <= FABRIC_FRAME_MAX; i++) {
		const struct gdma_sge *sge = &wqe_sge(job->wqe)[i];
		int err = memory_translate(&job->sq->adapter->memory, job->sq->pd, sge, DMA_READ,
					   &pieces);

		if (err) {
			wq_mistake(job->sq, "element %u (%s): %u bytes at %#llx, key %#x", i,
				   strerror(-err), sge->size, (unsigned long long)sge->address,
				   sge->mem_key);
			return MANA_CQE_TX_GDMA_ERR;
		}
		len += sge->size;
	}
	if (len < ETHERNET_HEADER_LEN) {
		wq_mistake(job->sq, "a frame of %llu bytes has no Ethernet header",
			   (unsigned long long)len);
		return MANA_CQE_TX_HDR_PROCESSING_ERROR;
	}
	if (len > FABRIC_FRAME_MAX) {
		wq_mistake(job->sq, "a frame of %llu bytes or more is too long",
			   (unsigned long long)len);
		return MANA_CQE_TX_MTU_DROP;
	}
	job->n = pieces.n;
	job->len = (uint32_t)len;
	return MANA_CQE_TX_OKAY;
}

/** skip() - drop the first @len bytes of the pieces */
static void skip(struct transmit_job *job, uint32_t len)
{
	struct iovec *piece = job->pieces + 1;

	while (len && job->n) {
		size_t part = piece->iov_len < len ? piece->iov_len : len;

		piece->iov_base = (uint8_t *)piece->iov_base + part;
		piece->iov_len -= part;
		len -= (uint32_t)part;
		if (piece->iov_len)
			break;
		piece++;
		job->n--;
	}
	/* The rest moves up, after the place for the headers. */
	memmove(job->pieces + 1, piece, job->n * sizeof(*piece));
}

static enum mana_cqe_type header_error(struct transmit_job *job, const char *why)
{
	wq_mistake(job->sq, "offload of a frame with inconsistent headers: %s", why);
	return MANA_CQE_TX_HDR_PROCESSING_ERROR;
}

/** offload_tso() - set lengths and flags of a large send */
static enum mana_cqe_type offload_tso(struct transmit_job *job, struct packet_headers *headers)
{
	uint32_t header_len = wqe_sge(job->wqe)[0].size;
	uint32_t mss = job->wqe->header.client_data_unit;
	uint32_t l3 = job->len - headers->l3_off;
	uint16_t field;

	/* A tag makes them longer, and they must still be found for segmentation. */
	if (job->oob.l.inject_vlan_tag && headers->vlan_present) {
		wq_mistake(job->sq, "a second VLAN tag for a large send");
		return MANA_CQE_TX_VLAN_TAGGING_VIOLATION;
	}
	if (job->oob.l.inject_vlan_tag && header_len + VLAN_TAG_LEN > HEADERS_MAX)
		return header_error(job, "more than 256 bytes of headers with the VLAN tag");
	if (headers->l4 != HEADERS_L4_TCP || headers->l4_off + headers->l4_len != header_len)
		return header_error(job,
				    "the first element of a large send is not the TCP/IP headers");
	if (job->len <= header_len || !mss || (job->len - header_len) / mss >= SEGMENTS_MAX)
		return header_error(job, "a large send without payload, or with segments that are "
					 "too small");
	if (header_len - headers->l3_off + mss > job->sq->vport->config->mtu)
		return MANA_CQE_TX_MTU_DROP;
	if (l3 > UINT16_MAX)
		return header_error(job, "a large send of more than 65535 bytes");
	if (headers->ip_version == 4) {
		field = __builtin_bswap16((uint16_t)l3);
		memcpy(job->header + headers->l3_off + 2, &field, sizeof(field));
		checksum_ipv4_write(job->header + headers->l3_off, headers->l3_len);
		job->frame->flags |= FRAME_GSO_TCP4;
	} else {
		field = __builtin_bswap16((uint16_t)(l3 - 40));
		memcpy(job->header + headers->l3_off + 4, &field, sizeof(field));
		job->frame->flags |= FRAME_GSO_TCP6;
	}
	headers->l3_total_len = l3;
	job->frame->hdr_len = (uint16_t)header_len;
	job->frame->gso_size = (uint16_t)mss;
	return MANA_CQE_TX_OKAY;
}

/** offload_checksum() - leave a partial checksum of layer 4 */
static enum mana_cqe_type offload_checksum(struct transmit_job *job,
					   const struct packet_headers *headers)
{
	bool tcp = headers->l4 == HEADERS_L4_TCP;
	struct checksum pseudo = { 0 };
	uint16_t offset = tcp ? TCP_CHECKSUM : UDP_CHECKSUM;
	uint16_t sum;

	if (headers->l4 == HEADERS_L4_NONE || tcp != job->oob.s.comp_tcp_csum)
		return header_error(job, "a checksum for a protocol that the frame does not have");
	if (headers->l3_total_len < (uint32_t)headers->l3_len + headers->l4_len ||
	    headers->l3_total_len > job->len - headers->l3_off)
		return header_error(job, "the IP length does not match the frame");
	checksum_add_pseudo(&pseudo, headers, job->header, headers->l3_total_len - headers->l3_len);
	sum = checksum_fold(&pseudo);
	memcpy(job->header + headers->l4_off + offset, &sum, sizeof(sum));
	job->frame->flags |= FRAME_CSUM_PARTIAL;
	job->frame->csum_start = headers->l4_off;
	job->frame->csum_offset = offset;
	return MANA_CQE_TX_OKAY;
}

/** put_tag() - insert the VLAN tag of the OOB into the copy; returns its new length */
static uint32_t put_tag(struct transmit_job *job, uint32_t header_len)
{
	uint16_t tag[2] = { __builtin_bswap16(ETHERTYPE_VLAN),
			    __builtin_bswap16((uint16_t)(job->oob.l.pcp << 13 |
							 job->oob.l.dei << 12 |
							 job->oob.l.vlan_id)) };

	memmove(job->header + 12 + sizeof(tag), job->header + 12, header_len - 12);
	memcpy(job->header + 12, tag, sizeof(tag));
	job->frame->csum_start = (uint16_t)(job->frame->csum_start + sizeof(tag));
	job->frame->hdr_len = (uint16_t)(job->frame->hdr_len + sizeof(tag));
	job->len += (uint32_t)sizeof(tag);
	return header_len + (uint32_t)sizeof(tag);
}

/** complete_partial() - complete the checksum; the packet ends at @end, padding may follow */
static void complete_partial(struct transmit_job *job, uint32_t end)
{
	struct frame packet = *job->frame;
	uint16_t value;

	packet.len = end;
	if (checksum_partial(&packet, &value))
		return;
	memcpy(job->header + job->frame->csum_start + job->frame->csum_offset, &value,
	       sizeof(value));
	job->frame->flags &= ~(uint32_t)FRAME_CSUM_PARTIAL;
	job->frame->flags |= FRAME_CSUM_VALID;
}

/** offload() - apply offloads to a copy of the headers */
static enum mana_cqe_type offload(struct transmit_job *job, unsigned int caps)
{
	const struct mana_tx_short_oob *s = &job->oob.s;
	struct packet_headers headers;
	uint32_t header_len, padding;
	enum mana_cqe_type err = MANA_CQE_TX_OKAY;
	size_t copied;

	if (is_tso(job) && wqe_sge(job->wqe)[0].size > HEADERS_MAX)
		return header_error(job, "more than 256 bytes of headers");
	copied = headers_copy(job->pieces + 1, job->n, job->header, HEADERS_MAX);
	if (headers_parse(job->header, copied, &headers))
		return header_error(job, "no Ethernet header");
	header_len = headers.l4           ? (uint32_t)headers.l4_off + headers.l4_len
		     : headers.ip_version ? (uint32_t)headers.l3_off + headers.l3_len
					  : (uint32_t)headers.l3_off;
	if (job->sq->vport->config->check_source &&
	    memcmp(job->header + 6, job->sq->vport->config->mac, 6)) {
		wq_mistake(job->sq, "a frame from an address that is not the vPort's; dropped");
		return MANA_CQE_TX_SA_DROP;
	}
	if (is_tso(job))
		err = offload_tso(job, &headers);
	else if (s->comp_iphdr_csum && headers.ip_version == 4)
		checksum_ipv4_write(job->header + headers.l3_off, headers.l3_len);
	if (err == MANA_CQE_TX_OKAY) {
		if (s->comp_tcp_csum || s->comp_udp_csum)
			err = offload_checksum(job, &headers);
		else if (is_tso(job))
			err = header_error(job, "a large send without TCP checksum offload");
		else
			err = MANA_CQE_TX_OKAY;
	}
	if (err != MANA_CQE_TX_OKAY)
		return err;
	/* Checked by offload_checksum(); otherwise it does not matter */
	padding = job->len - headers.l3_off - headers.l3_total_len;
	skip(job, header_len);
	if (job->oob.l.inject_vlan_tag) {
		header_len = put_tag(job, header_len);
		job->vlan = true;
	}
	job->pieces[0].iov_base = job->header;
	job->pieces[0].iov_len = header_len;
	job->frame->iov = job->pieces;
	job->frame->iovcnt = job->n + 1;
	job->frame->len = job->len;
	job->csum = s->comp_iphdr_csum || s->comp_tcp_csum || s->comp_udp_csum;
	/* For a fabric that needs complete checksums; it does not know about padding. */
	if (job->frame->flags & FRAME_CSUM_PARTIAL && !(job->frame->flags & FRAME_GSO) &&
	    (padding || !(caps & FABRIC_CSUM)))
		complete_partial(job, job->len - padding);
	return MANA_CQE_TX_OKAY;
}

/** too_long() - does an unsegmented frame exceed the vPort's MTU? A tag does not count */
static bool too_long(const struct transmit_job *job)
{
	uint32_t longest = job->sq->vport->config->mtu + ETHERNET_HEADER_LEN;
	uint8_t header[ETHERNET_HEADER_LEN];

	if (job->len <= longest)
		return false;
	headers_copy(job->pieces + 1, job->n, header, sizeof(header));
	return headers_exceed_mtu(header, job->len, job->sq->vport->config->mtu);
}

/** prepare() - turn an entry into a frame */
static __attribute__((noinline)) enum mana_cqe_type prepare(struct transmit_job *job,
							    unsigned int caps)
{
	const struct mana_tx_short_oob *s = &job->oob.s;
	enum mana_cqe_type err = read_oob(job);

	if (err == MANA_CQE_TX_OKAY)
		err = read_sgl(job);
	if (err != MANA_CQE_TX_OKAY)
		return err;
	if (!is_tso(job) && too_long(job)) {
		wq_mistake(job->sq, "a frame of %u bytes exceeds the MTU of %u", job->len,
			   job->sq->vport->config->mtu);
		return MANA_CQE_TX_MTU_DROP;
	}
	memset(job->frame, 0, sizeof(*job->frame));
	if (is_tso(job) || s->comp_iphdr_csum || s->comp_tcp_csum || s->comp_udp_csum ||
	    job->oob.l.inject_vlan_tag || job->sq->vport->config->check_source)
		return offload(job, caps);
	job->frame->iov = job->pieces + 1;
	job->frame->iovcnt = job->n;
	job->frame->len = job->len;
	return MANA_CQE_TX_OKAY;
}

#define CAST_BYTES 6u /* of a frame: its destination */

/** frame_cast() - unicast, multicast or broadcast? */
static enum wq_cast frame_cast(const struct frame *frame)
{
	static const uint8_t all[CAST_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint8_t address[CAST_BYTES];

	headers_copy(frame->iov, frame->iovcnt, address, sizeof(address));
	if (!(address[0] & 1))
		return WQ_UNICAST;
	return memcmp(address, all, sizeof(all)) ? WQ_MULTICAST : WQ_BROADCAST;
}

/**
 * struct transmit_burst - the entries of a burst
 * @frames:	in scratch->frames
 * @done:	in scratch->done: entries to be completed
 * @first:	sq->taken at the beginning
 * @marks:	frames whose entry's position is in scratch->start; any other one's is a unit after
 *		that of the frame before it
 * @csum, @tso, @vlan: frames with these offloads, a bit each
 * @longest:	longest frame that the vPort sends, in bytes; 0 if no entry may take the fast path
 * @ends:	nothing more is taken: the last frame is a large send that is cut here
 * @plain:	all frames are plain_entries()'s
 * @reach:	of the pieces
 */
struct transmit_burst {
	unsigned int frames;
	unsigned int done;
	uint32_t first;
	uint64_t marks;
	uint64_t csum, tso, vlan;
	uint32_t longest;
	bool ends;
	bool plain;
	struct reach reach;
};
static_assert(FABRIC_BURST <= 64, "a bit for each frame of a burst");

/** tally_classes() - count frames whose tag was inserted, a bit each, by their priority */
static __attribute__((noinline)) void tally_classes(struct vport *vport, const struct frame *frames,
						    uint64_t tagged)
{
	for (; tagged; tagged &= tagged - 1) {
		const struct frame *frame = &frames[__builtin_ctzll(tagged)];
		/* Its first piece is our copy of the headers. */
		const uint8_t *header = frame->iov[0].iov_base;

		if (header[14] >> 5)
			class_add(&vport->tx_class[header[14] >> 5], frame->len);
	}
}

/** tally() - count the first @n frames of a burst, which have been sent */
static void tally(struct wq *sq, const struct transmit_burst *burst,
		  const struct transmit_scratch *scratch, unsigned int n)
{
	const struct frame *frames = scratch->frames;
	struct wq_counters *counters = &sq->counters;
	uint64_t count[3] = { n, 0, 0 }, bytes[3] = { 0 };
	uint64_t sent = UINT64_MAX >> (64 - n);
	unsigned int odd = 0;

	for (unsigned int i = 0; burst->plain && i < n; i++) {
		bytes[WQ_UNICAST] += scratch->plain[i].iov_len;
		odd |= *(const uint8_t *)scratch->plain[i].iov_base & 1;
	}
	for (unsigned int i = 0; !burst->plain && i < n; i++) {
		const struct iovec *first = frames[i].iov;

		bytes[WQ_UNICAST] += frames[i].len;
		odd |= first->iov_len < CAST_BYTES || *(const uint8_t *)first->iov_base & 1;
	}
	budget_charge(budget_bytes(bytes[WQ_UNICAST]));
	for (unsigned int i = 0; odd && i < n; i++) {
		enum wq_cast cast = frame_cast(&frames[i]);

		count[WQ_UNICAST]--;
		bytes[WQ_UNICAST] -= frames[i].len;
		count[cast]++;
		bytes[cast] += frames[i].len;
	}
	for (unsigned int cast = 0; cast < 3; cast++) {
		if (!count[cast])
			continue;
		counter_add(&counters->cast_frames[cast], count[cast]);
		counter_add(&counters->cast_bytes[cast], bytes[cast]);
		counter_add(&counters->frames, count[cast]);
		counter_add(&counters->bytes, bytes[cast]);
	}
	if (!(burst->csum | burst->vlan))
		return;
	counter_add(&counters->csum, (uint64_t)__builtin_popcountll(burst->csum & sent));
	counter_add(&counters->tso, (uint64_t)__builtin_popcountll(burst->tso & sent));
	counter_add(&counters->vlan, (uint64_t)__builtin_popcountll(burst->vlan & sent));
	if (burst->vlan & sent)
		tally_classes(sq->vport, frames, burst->vlan & sent);
}

/** segments_of() - how many segments a large send makes */
static uint32_t segments_of(const struct frame *frame)
{
	return (frame->len - frame->hdr_len + frame->gso_size - 1u) / frame->gso_size;
}

/** cut_here() - is this a large send that the fabric does not get as it is? */
static bool cut_here(const struct frame *frame, unsigned int caps)
{
	return frame->flags & FRAME_GSO && (!(caps & FABRIC_GSO) || segments_of(frame) > WHOLE_MAX);
}

/**
 * send_segments() - cut a large send, from the first segment that has not been sent
 *
 * Return: false if the turn ended before the last one: sq->segment says where
 */
static __attribute__((noinline)) bool send_segments(struct wq *sq, unsigned int lane,
						    struct transmit_scratch *scratch,
						    const struct frame *frame, uint32_t start)
{
	struct segmenter *segmenter = &scratch->segmenter;
	unsigned int n = 0, sent;
	uint64_t bytes = 0;
	int pieces;

	if (segment_begin(segmenter, frame)) {
		sq->segment = 0;
		return true;
	}
	segment_skip(segmenter, sq->segment);
	do {
		struct frame *segment = &scratch->segments[n];

		pieces = segment_next(segmenter, scratch->segment_headers[n],
				      scratch->segment_pieces[n], FABRIC_PIECES_MAX);
		if (pieces > 0) {
			*segment = (struct frame){ .iov = scratch->segment_pieces[n],
						   .iovcnt = (uint32_t)pieces,
						   .len = segmenter->len,
						   .flags = FRAME_CSUM_VALID };
			bytes += segmenter->len;
			n++;
		}
		if (n < FABRIC_BURST && (pieces > 0 || !n))
			continue;
		budget_charge(n * BUDGET_SEGMENT + budget_bytes(bytes));
		sent = fabric_send_some(sq->vport->fabric, lane, scratch->segments, n);
		sq->segment = segmenter->index - (n - sent);
		if (sq->segment < segmenter->count &&
		    (sent < n || budget_since(start) >= BUDGET_TURN))
			return false;
		n = 0;
		bytes = 0;
	} while (pieces > 0);
	sq->segment = 0;
	return true;
}

/** send_burst() - send to the fabric, in order; returns how many frames it has sent */
static unsigned int send_burst(struct wq *sq, unsigned int lane, struct transmit_scratch *scratch,
			       const struct transmit_burst *burst, uint32_t start)
{
	unsigned int n = burst->frames - burst->ends, sent = 0;

	if (n)
		sent = fabric_send_some(sq->vport->fabric, lane, scratch->frames, n);
	if (sent == n && burst->ends)
		sent += send_segments(sq, lane, scratch, &scratch->frames[n], start);
	return sent;
}

/**
 * put_back() - the frames from @n on were not sent: their entries have not been taken
 *
 * Nor have those of the errors among them, which are found again.
 */
static __attribute__((noinline)) void put_back(struct wq *sq, struct transmit_burst *burst,
					       const struct transmit_scratch *scratch,
					       unsigned int n)
{
	unsigned int mark =
		63 - (unsigned int)__builtin_clzll(burst->marks & UINT64_MAX >> (63 - n));
	uint32_t start = scratch->start[mark] + (n - mark);
	uint32_t kept = start - burst->first;

	sq->taken = start;
	sq->stopped = false;
	burst->frames = n;
	while (burst->done) {
		const struct transmit_done *last = &scratch->done[burst->done - 1];

		if (((last->offset - burst->first) & (sq->units - 1)) < kept)
			break;
		/* It will be counted again. */
		if (last->type != MANA_CQE_TX_OKAY)
			counter_add(&sq->counters.errors[(last->type - MANA_CQE_TX_OKAY) % 16],
				    UINT64_MAX);
		burst->done--;
	}
}

/** complete() - complete entries of a burst, in order */
static void complete(struct wq *sq, const struct transmit_done *done, unsigned int n)
{
	struct raise raise = { 0 };

	cq_begin(sq->cq);
	for (unsigned int i = 0; i < n; i++) {
		struct mana_tx_comp_oob oob = { 0 };
		uint32_t type = done[i].type;

		if (__builtin_expect(atomic_load_explicit(&sq->fault, memory_order_relaxed), 0)) {
			uint32_t fault = faulty_completion(sq, &type);

			if (fault & FAULT_DO_LOSE)
				continue;
			type = fault & FAULT_DO_ERROR ? type : done[i].type;
		}
		oob.cqe_hdr.cqe_type = type & MANA_CQE_TYPE_MASK;
		oob.cqe_hdr.client_type = MANA_CLIENT_COMPLETION;
		oob.tx_wqe_offset = done[i].offset & 0x7ffffffu;
		cq_post(sq->cq, &oob, sq->id, true);
	}
	cq_end(sq->cq, &raise);
	adapter_raise_all(sq->adapter, &raise);
}

/* The relevant fields in the OOB's word for an entry that requests nothing */
#define PLAIN_OOB(cq, offset)                                                                      \
	(MANA_TX_WORD_FORMAT(MANA_PACKET_SHORT) | MANA_TX_WORD_VCQ(cq) |                           \
	 MANA_TX_WORD_VP_OFFSET(offset))
#define PLAIN_OOB_MASK                                                                             \
	(MANA_TX_WORD_FORMAT(3) | MANA_TX_WORD_IP_CSUM | MANA_TX_WORD_TCP_CSUM |                   \
	 MANA_TX_WORD_UDP_CSUM | MANA_TX_WORD_VCQ(0xffffffu) | MANA_TX_WORD_VP_OFFSET(0xffu))

/**
 * plain_entries() - take entries that request nothing, up to the first other one
 * @max:	most of them
 *
 * Return: how many
 */
static inline unsigned int plain_entries(struct wq *sq, struct transmit_burst *burst,
					 struct transmit_scratch *scratch, unsigned int max)
{
	const struct memory *memory = &sq->adapter->memory;
	const uint64_t oob = PLAIN_OOB(sq->cq->id, sq->vport->index);
	const uint32_t more = burst->longest - ETHERNET_HEADER_LEN;
	const uint32_t available = sq->seen - sq->taken, mask = sq->ring.size - 1;
	const uint32_t taken = sq->taken, units = sq->units - 1;
	const struct ring_view ring = ring_view(&sq->ring);
	const uint8_t *at = NULL, *end = NULL;
	struct reach reach = burst->reach;
	struct frame *frame = &scratch->frames[burst->frames];
	struct iovec *piece = &scratch->plain[burst->frames];
	unsigned int n = available < max ? available : max, i;

	if (available > sq->units || !burst->longest)
		return 0;
	for (i = 0; i < n; i++, frame++, piece++, at += GDMA_WQE_UNIT) {
		struct wq_plain entry;

		if (at == end) {
			uint32_t offset = (taken + i) * GDMA_WQE_UNIT & mask;

			at = ring_view_at(&ring, offset);
			end = at + ring_view_run(&ring, offset, mask + 1);
		}
		entry = wq_plain_read(at);
		if (!wq_is_plain(&entry) || (entry.oob ^ oob) & PLAIN_OOB_MASK ||
		    entry.sge.size - ETHERNET_HEADER_LEN > more)
			break;
		piece->iov_base = reach_at(&reach, memory, entry.sge);
		if (!piece->iov_base)
			break;
		piece->iov_len = entry.sge.size;
		__builtin_prefetch(piece->iov_base);
		*frame = (struct frame){ .iov = piece, .iovcnt = 1, .len = entry.sge.size };
		if (!(entry.oob & MANA_TX_WORD_SUPPRESS))
			scratch->done[burst->done++] =
				(struct transmit_done){ .offset = (taken + i) & units,
							.type = MANA_CQE_TX_OKAY };
	}
	burst->reach = reach;
	if (i) {
		burst->marks |= UINT64_C(1) << burst->frames;
		scratch->start[burst->frames] = taken;
	}
	burst->frames += i;
	sq->taken = taken + i;
	return i;
}

/** any_entry() - take the next entry, of any kind; false if there is none, or it must be the last */
static bool any_entry(struct wq *sq, struct transmit_burst *burst, struct transmit_scratch *scratch,
		      unsigned int caps)
{
	struct transmit_done *done = &scratch->done[burst->done];
	unsigned int at = burst->frames;
	uint32_t start = sq->taken, type, fault = 0;
	struct transmit_job job = {
		.sq = sq,
		.wqe = &scratch->wqe,
		.pieces = scratch->pieces + at * FABRIC_PIECES_MAX,
		.header = scratch->headers[at],
		.frame = &scratch->frames[at],
	};

	scratch->start[at] = sq->taken;
	done->offset = sq->taken & (sq->units - 1);
	done->type = MANA_CQE_TX_GDMA_ERR;
	switch (wq_fetch(sq, &scratch->wqe)) {
	case WQ_EMPTY:
		return false;
	case WQ_BROKEN:
		break;
	case WQ_ENTRY:
		if (__builtin_expect(atomic_load_explicit(&sq->fault, memory_order_relaxed), 0))
			fault = faulty_packet(sq, start, &type);
		if (fault & FAULT_DO_STALL)
			return false;
		if (fault & FAULT_DO_ERROR)
			done->type = (uint8_t)type;
		else if (!(fault & FAULT_DO_DMA))
			done->type = (uint8_t)prepare(&job, caps);
		break;
	}
	budget_charge(BUDGET_ODD);
	if (done->type != MANA_CQE_TX_OKAY || fault & FAULT_DO_ERROR) {
		/* An error is reported even if the driver suppressed the completion. */
		counter_add(&sq->counters.errors[(done->type - MANA_CQE_TX_OKAY) % 16], 1);
		burst->done++;
		return !sq->stopped;
	}
	burst->marks |= UINT64_C(1) << at;
	burst->csum |= (uint64_t)job.csum << at;
	burst->tso |= (uint64_t)is_tso(&job) << at;
	burst->vlan |= (uint64_t)job.vlan << at;
	burst->frames++;
	burst->done += !job.oob.s.suppress_txcqe;
	burst->ends = cut_here(job.frame, caps);
	burst->plain = false;
	return !burst->ends;
}

/** want_entries() - prefetch entries, as far as the driver has written them */
static void want_entries(struct wq *sq)
{
	uint32_t n = sq->seen - sq->taken;

	if (n < FABRIC_BURST) {
		sq->seen = wq_posted(sq);
		n = sq->seen - sq->taken;
	}
	if (n > FABRIC_BURST)
		n = FABRIC_BURST;
	wq_want(sq, n);
}

/** tell_burst() - tell watchers of the entries taken, and the frames sent */
static __attribute__((noinline)) void
tell_burst(struct wq *sq, const struct transmit_scratch *scratch, uint32_t first, unsigned int sent)
{
	struct watch *watch = &sq->adapter->watch;

	if (watch_wants(watch, WATCH_ENTRIES))
		wq_tell(sq, first);
	if (watch_wants(watch, WATCH_BIT(WATCH_FRAME_TX)))
		watch_tell_frames(watch, &(struct watch_frames){ .kind = WATCH_FRAME_TX,
								 .port = sq->vport->index,
								 .queue = sq->id,
								 .frames = scratch->frames,
								 .n = sent });
}

#define TRANSMIT_WATCHED (WATCH_ENTRIES | WATCH_BIT(WATCH_FRAME_TX))

/**
 * run_burst() - handle up to a burst of entries
 * @start:	budget_spent when the turn began
 * @most:	of them, at most FABRIC_BURST
 *
 * Return: false if no entry is left
 */
CPU_CLONES static bool run_burst(struct wq *sq, unsigned int lane, struct transmit_scratch *scratch,
				 uint32_t start, uint32_t most)
{
	const struct adapter_port_config *config = sq->vport->config;
	unsigned int caps = fabric_caps(sq->vport->fabric);
	struct transmit_burst burst = { .longest = config->mtu + ETHERNET_HEADER_LEN,
					.first = sq->taken,
					.plain = true };
	unsigned int entries = 0, sent = 0;
	bool more;

	if (config->check_source || sq->vport->link_down || sq->stopped ||
	    atomic_load_explicit(&sq->fault, memory_order_relaxed))
		burst.longest = 0;
	reach_begin(&burst.reach, sq->pd, DMA_READ);
	want_entries(sq);
	do
		entries += plain_entries(sq, &burst, scratch, most - entries);
	while (entries < most && any_entry(sq, &burst, scratch, caps) && ++entries < most &&
	       budget_since(start) < BUDGET_TURN);
	more = entries == most || burst.ends || budget_since(start) >= BUDGET_TURN;
	budget_charge(entries * BUDGET_ENTRY);
	if (burst.frames) {
		/* By now the prefetches of plain frames have arrived. */
		sent = send_burst(sq, lane, scratch, &burst, start);
		if (sent)
			tally(sq, &burst, scratch, sent);
		if (sent < burst.frames) {
			put_back(sq, &burst, scratch, sent);
			more = true;
		}
	}
	if (watch_wants(&sq->adapter->watch, TRANSMIT_WATCHED))
		tell_burst(sq, scratch, burst.first, sent);
	if (burst.done)
		complete(sq, scratch->done, burst.done);
	return more;
}

/** shaped_kick() - it is this queue's turn, unless it is -1 */
static void shaped_kick(const struct vport *vport, int queue)
{
	struct wq *sq =
		queue < 0 ? NULL : atomic_load_explicit(&vport->sq[queue], memory_order_acquire);

	if (sq)
		lane_kick(&sq->work);
}

/** run_shaped() - a turn of a queue whose vPort has a limit, or had one until now */
static __attribute__((noinline)) bool run_shaped(struct wq *sq, unsigned int lane)
{
	struct shaper *shaper = &sq->vport->shaper;
	struct scratch *scratch = scratch_of(sq->adapter, lane);
	const uint32_t start = budget_spent;
	bool more = scratch && ring_ready(&sq->ring);

	sq->work.deadline = 0;
	while (more && budget_since(start) < BUDGET_TURN) {
		const uint32_t longest = sq->vport->config->mtu + ETHERNET_HEADER_LEN;
		uint32_t most = FABRIC_BURST, taken = sq->taken;
		uint64_t before = sq->counters.bytes;

		if (shaper_rate(shaper)) {
			sq->work.deadline = shaper_ask(shaper, sq->index, clock_ns());
			if (sq->work.deadline)
				return false;
			most = shaper_frames(shaper, longest, FABRIC_BURST);
		}
		more = run_burst(sq, lane, &scratch->transmit, start, most) && !sq->stopped;
		sq->work.progress |= sq->taken != taken || sq->segment;
		more = more && !wq_empty(sq);
		shaped_kick(sq->vport, shaper_pay(shaper, sq->index, clock_ns(),
						  sq->counters.bytes - before, more));
	}
	if (!more)
		shaped_kick(sq->vport, shaper_leave(shaper, sq->index));
	return more;
}

/** closed() - has a queue that is to be destroyed sent what it had? */
static bool closed(struct wq *sq)
{
	return atomic_load_explicit(&sq->closing, memory_order_acquire) == WQ_CLOSED ||
	       sq->stopped || (int32_t)(sq->taken - sq->close_at) >= 0;
}

/** run_closing() - a turn of a queue that is to be destroyed; the control thread waits for its end */
static __attribute__((noinline)) bool run_closing(struct wq *sq, unsigned int lane)
{
	struct scratch *scratch = scratch_of(sq->adapter, lane);
	uint32_t start = budget_spent;
	/* A queue that stands still by a fault can be destroyed, as hardware's can. */
	bool more = scratch && ring_ready(&sq->ring) && !(sq->fault & FAULT_STALLED);
	uint64_t before = sq->counters.bytes;

	while (more && !closed(sq) && budget_since(start) < BUDGET_TURN)
		more = run_burst(sq, lane, &scratch->transmit, start, FABRIC_BURST);
	/* It does not wait, or the driver would wait for it; what is sent next pays for it. */
	if (shaper_rate(&sq->vport->shaper))
		shaped_kick(sq->vport, shaper_pay(&sq->vport->shaper, sq->index, clock_ns(),
						  sq->counters.bytes - before, false));
	if (more && !closed(sq))
		return true;
	if (atomic_exchange(&sq->closing, WQ_CLOSED) == WQ_CLOSING)
		adapter_again(sq->adapter);
	return false;
}

/** run_faulty() - a turn of a queue that rules ask about: entry by entry */
static __attribute__((noinline)) bool run_faulty(struct wq *sq, unsigned int lane)
{
	struct scratch *scratch = scratch_of(sq->adapter, lane);
	uint32_t start = budget_spent;

	while (scratch && ring_ready(&sq->ring) && !(sq->fault & FAULT_STALLED) && !sq->stopped &&
	       !wq_empty(sq)) {
		if (budget_since(start) >= BUDGET_TURN)
			return true;
		sq->work.progress = true;
		run_burst(sq, lane, &scratch->transmit, start, 1);
	}
	return false;
}

bool transmit_run(struct lane_work *work, unsigned int lane)
{
	struct wq *sq = (struct wq *)work;
	uint32_t start = budget_spent;
	struct scratch *scratch;

	if (__builtin_expect(atomic_load_explicit(&sq->closing, memory_order_relaxed), 0))
		return run_closing(sq, lane);
	if (__builtin_expect(atomic_load_explicit(&sq->fault, memory_order_relaxed), 0))
		return run_faulty(sq, lane);
	/* With many queues most are idle, and touching them slows the busy ones down. */
	if (sq->seen == sq->taken && wq_empty(sq))
		return false;
	if (__builtin_expect(shaper_rate(&sq->vport->shaper) || work->deadline, 0))
		return run_shaped(sq, lane);
	scratch = scratch_of(sq->adapter, lane);
	if (!scratch || !ring_ready(&sq->ring))
		return false;
	do {
		uint32_t before = sq->taken;
		bool more = run_burst(sq, lane, &scratch->transmit, start, FABRIC_BURST);

		work->progress |= sq->taken != before || sq->segment;
		if (!more)
			return false;
	} while (budget_since(start) < BUDGET_TURN);
	return !wq_empty(sq);
}

bool transmit_rest(struct lane_work *work, bool asleep)
{
	return native_rest((struct wq *)work, asleep);
}

bool transmit_held(struct lane_work *work, unsigned int lane)
{
	const struct vport *vport =
		(const struct vport *)((const char *)work - offsetof(struct vport, held));

	return fabric_release(vport->fabric, lane);
}
