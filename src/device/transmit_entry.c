/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 *	check -> translate the scatter-gather list into pieces -> apply what the OOB asks for
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
 * The old contents of the checksum field do not matter: not all drivers put the
 * pseudo-header's sum there.
 */
#include "device/transmit_entry.h"

#include <string.h>

#include "base/budget.h"
#include "device/checksum.h"
#include "device/headers.h"
#include "device/scratch.h"
#include "device/state.h"

#define TCP_CHECKSUM 16u   /* bytes into the TCP header */
#define UDP_CHECKSUM 6u    /* bytes into the UDP header */
#define SEGMENTS_MAX 2048u /* of a large send; TCP's smallest segments make fewer */

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

	if (transmit_is_tso(job) && wqe_sge(job->wqe)[0].size > HEADERS_MAX)
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
	if (transmit_is_tso(job))
		err = offload_tso(job, &headers);
	else if (s->comp_iphdr_csum && headers.ip_version == 4)
		checksum_ipv4_write(job->header + headers.l3_off, headers.l3_len);
	if (err == MANA_CQE_TX_OKAY) {
		if (s->comp_tcp_csum || s->comp_udp_csum)
			err = offload_checksum(job, &headers);
		else if (transmit_is_tso(job))
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

enum mana_cqe_type transmit_prepare(struct transmit_job *job, unsigned int caps)
{
	const struct mana_tx_short_oob *s = &job->oob.s;
	enum mana_cqe_type err = read_oob(job);

	if (err == MANA_CQE_TX_OKAY)
		err = read_sgl(job);
	if (err != MANA_CQE_TX_OKAY)
		return err;
	if (!transmit_is_tso(job) && too_long(job)) {
		wq_mistake(job->sq, "a frame of %u bytes exceeds the MTU of %u", job->len,
			   job->sq->vport->config->mtu);
		return MANA_CQE_TX_MTU_DROP;
	}
	memset(job->frame, 0, sizeof(*job->frame));
	if (transmit_is_tso(job) || s->comp_iphdr_csum || s->comp_tcp_csum || s->comp_udp_csum ||
	    job->oob.l.inject_vlan_tag || job->sq->vport->config->check_source)
		return offload(job, caps);
	job->frame->iov = job->pieces + 1;
	job->frame->iovcnt = job->n;
	job->frame->len = job->len;
	return MANA_CQE_TX_OKAY;
}
