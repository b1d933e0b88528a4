/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/segment.c - cut a large TCP frame into segments (TSO in software).
 *
 * Theory of operation
 *
 * The headers are copied from the frame once and checked; each segment gets its
 * own copy of them, with these fields adapted:
 *
 *	IPv4	total length, identification (incremented), header checksum
 *	IPv6	payload length
 *	TCP	sequence number, checksum; CWR stays in the first segment only
 *		(RFC 3168, section 6.1.2), FIN and PSH in the last only
 *
 * The payload is not copied: a segment's pieces point into the frame. It is summed
 * in place, so if its owner changes bytes meanwhile, the checksum is wrong, and
 * nothing worse happens.
 */
#include "device/segment.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "device/checksum.h"

/* Offsets in bytes */
#define IP4_OFF_TOTAL_LEN   2u
#define IP4_OFF_ID          4u
#define IP6_OFF_PAYLOAD_LEN 4u
#define IP6_HEADER_LEN      40u
#define TCP_OFF_SEQ         4u
#define TCP_OFF_FLAGS       13u
#define TCP_OFF_CHECKSUM    16u

#define TCP_FIN             0x01u
#define TCP_PSH             0x08u
#define TCP_CWR             0x80u

#define IP_TOTAL_MAX        UINT16_MAX /* bytes in an IPv4 packet, or after an IPv6 header */

/* Advance the start of the rest of the frame by @n bytes, which its pieces have */
static void advance(struct segmenter *segmenter, size_t n)
{
	segmenter->iov_off += n;
	while (segmenter->iov_left && segmenter->iov_off >= segmenter->iov->iov_len) {
		segmenter->iov_off -= segmenter->iov->iov_len;
		segmenter->iov++;
		segmenter->iov_left--;
	}
}

int segment_begin(struct segmenter *segmenter, const struct frame *frame)
{
	const uint8_t version = frame->flags & FRAME_GSO_TCP4 ? 4 : 6;
	const struct packet_headers *headers = &segmenter->headers;
	uint32_t ip_len;
	size_t have = 0;

	if (!(frame->flags & FRAME_GSO) || !frame->gso_size || frame->hdr_len > HEADERS_MAX ||
	    frame->hdr_len > frame->len)
		return -EINVAL;
	for (uint32_t i = 0; i < frame->iovcnt && have < frame->len; i++)
		have += frame->iov[i].iov_len;
	if (have < frame->len)
		return -EINVAL;

	headers_copy(frame->iov, frame->iovcnt, segmenter->header, frame->hdr_len);
	if (headers_parse(segmenter->header, frame->hdr_len, &segmenter->headers))
		return -EINVAL;
	if (headers->ip_version != version || headers->l4 != HEADERS_L4_TCP ||
	    headers->l4_off + headers->l4_len != frame->hdr_len)
		return -EINVAL;

	segmenter->left = frame->len - frame->hdr_len;
	ip_len = (uint32_t)(frame->hdr_len - headers->l3_off) +
		 (segmenter->left < frame->gso_size ? segmenter->left : frame->gso_size);
	if (version == 6)
		ip_len -= IP6_HEADER_LEN;
	if (ip_len > IP_TOTAL_MAX)
		return -EINVAL;

	segmenter->hdr_len = frame->hdr_len;
	segmenter->gso_size = frame->gso_size;
	segmenter->index = 0;
	segmenter->len = 0;
	/* A frame without payload is one segment */
	segmenter->count = segmenter->left ? (segmenter->left - 1) / frame->gso_size + 1 : 1;
	segmenter->iov = frame->iov;
	segmenter->iov_left = frame->iovcnt;
	segmenter->iov_off = 0;
	advance(segmenter, frame->hdr_len);
	return 0;
}

void segment_skip(struct segmenter *segmenter, uint32_t n)
{
	uint64_t bytes = (uint64_t)n * segmenter->gso_size;

	if (n > segmenter->count - segmenter->index)
		n = segmenter->count - segmenter->index;
	if (bytes > segmenter->left)
		bytes = segmenter->left;
	segmenter->index += n;
	segmenter->left -= (uint32_t)bytes;
	advance(segmenter, (size_t)bytes);
}

/**
 * payload_pieces() - list the pieces of the next segment's payload, and sum them
 * @segmenter:	the state; not changed
 * @len:	bytes of payload
 * @iov:	the pieces
 * @iovcnt:	size of @iov
 * @checksum:	takes the payload
 *
 * Return: number of pieces, or -ENOBUFS
 */
static int payload_pieces(const struct segmenter *segmenter, uint32_t len, struct iovec *iov,
			  uint32_t iovcnt, struct checksum *checksum)
{
	const struct iovec *from = segmenter->iov;
	size_t offset = segmenter->iov_off;
	uint32_t pieces = 0;

	for (; len; from++, offset = 0) {
		size_t n = from->iov_len - offset < len ? from->iov_len - offset : len;

		if (!n)
			continue;
		if (pieces == iovcnt)
			return -ENOBUFS;
		iov[pieces].iov_base = (uint8_t *)from->iov_base + offset;
		iov[pieces].iov_len = n;
		checksum_add(checksum, iov[pieces].iov_base, n);
		pieces++;
		len -= (uint32_t)n;
	}
	return (int)pieces;
}

int segment_next(struct segmenter *segmenter, uint8_t *header, struct iovec *iov, uint32_t iovcnt)
{
	const struct packet_headers *headers = &segmenter->headers;
	uint8_t *ip = header + headers->l3_off, *tcp = header + headers->l4_off;
	struct checksum checksum = { 0 };
	uint32_t payload_len;
	uint16_t value;
	int pieces;

	if (segmenter->index == segmenter->count)
		return 0;
	if (!iovcnt)
		return -ENOBUFS;
	payload_len = segmenter->left < segmenter->gso_size ? segmenter->left : segmenter->gso_size;
	pieces = payload_pieces(segmenter, payload_len, iov + 1, iovcnt - 1, &checksum);
	if (pieces < 0)
		return pieces;

	memcpy(header, segmenter->header, segmenter->hdr_len);
	segmenter->len = segmenter->hdr_len + payload_len;
	if (headers->ip_version == 4) {
		put16(ip + IP4_OFF_TOTAL_LEN, segmenter->len - headers->l3_off);
		put16(ip + IP4_OFF_ID, get16(ip + IP4_OFF_ID) + segmenter->index);
		checksum_ipv4_write(ip, headers->l3_len);
	} else {
		put16(ip + IP6_OFF_PAYLOAD_LEN, segmenter->len - headers->l3_off - IP6_HEADER_LEN);
	}
	put32(tcp + TCP_OFF_SEQ, get32(tcp + TCP_OFF_SEQ) + segmenter->index * segmenter->gso_size);
	if (segmenter->index != 0)
		tcp[TCP_OFF_FLAGS] &= (uint8_t)~TCP_CWR;
	if (segmenter->index != segmenter->count - 1)
		tcp[TCP_OFF_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);

	/* The payload was added first: its last odd byte must not shift what comes now */
	checksum.odd = false;
	put16(tcp + TCP_OFF_CHECKSUM, 0);
	checksum_add_pseudo(&checksum, headers, header, headers->l4_len + payload_len);
	checksum_add(&checksum, tcp, headers->l4_len);
	value = checksum_finish(&checksum);
	memcpy(tcp + TCP_OFF_CHECKSUM, &value, sizeof(value));

	iov[0].iov_base = header;
	iov[0].iov_len = segmenter->hdr_len;
	segmenter->index++;
	segmenter->left -= payload_len;
	advance(segmenter, payload_len);
	return pieces + 1;
}
