/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/headers.c - any bytes as a frame through headers, hash, checksums and TSO.
 *
 * Input, CONTROL_LEN bytes and the frame:
 *
 *	0, 1	hdr_len and csum_start, little endian; 0 stands for the hdr_len that is right
 *	2, 3	gso_size and csum_offset, little endian
 *	4	enum frame_flags; the upper half sets the EtherType, so that
 *		mutations need not find it: 1 IPv4, 2 IPv6, 5 and 6 the same after a VLAN tag
 *	5	where the frame is divided into pieces
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "device/checksum.h"
#include "device/headers.h"
#include "device/segment.h"
#include "device/toeplitz.h"

#define CONTROL_LEN 6u
#define PIECES_MAX  8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

/* Put a frame into pieces, each in separate memory so that ASan guards it */
static uint32_t cut(const uint8_t *data, size_t len, size_t step, struct iovec *iov)
{
	uint32_t n = 0;

	for (size_t at = 0, piece; at < len; at += piece, n++) {
		piece = n + 1 < PIECES_MAX && step < len - at ? step : len - at;
		iov[n].iov_base = malloc(piece);
		iov[n].iov_len = piece;
		require(iov[n].iov_base != NULL);
		memcpy(iov[n].iov_base, data + at, piece);
		step += step / 2 + 1;
	}
	return n;
}

static void look_at_headers(struct frame *frame)
{
	static struct toeplitz toeplitz;
	static int ready;
	struct packet_headers headers;
	uint32_t type_used;
	uint8_t *copy = malloc(HEADERS_MAX);
	size_t have;

	if (!ready) {
		static const uint8_t key[TOEPLITZ_KEY_LEN] = { 0x6d, 0x5a };

		toeplitz_set_key(&toeplitz, key);
		ready = 1;
	}
	require(copy != NULL);
	have = headers_copy(frame->iov, frame->iovcnt, copy, HEADERS_MAX);
	/* What is parsed ends where its memory ends */
	copy = realloc(copy, have ? have : 1);
	require(copy != NULL);
	if (!headers_parse(copy, have, &headers)) {
		require(headers.l3_off <= have);
		if (headers.ip_version)
			require(headers.l4_off <= have);
		if (headers.l4 != HEADERS_L4_NONE)
			require((size_t)headers.l4_off + headers.l4_len <= have);
		if (!frame->hdr_len)
			frame->hdr_len = (uint16_t)(headers.l4_off + headers.l4_len);
		toeplitz_packet(&toeplitz, &headers, copy, UINT32_MAX, &type_used);
		require(headers.ip_version ? type_used != 0 : type_used == 0);
		checksum_verify_l4(frame, &headers, copy);
		if (headers.ip_version == 4)
			checksum_ipv4_ok(copy + headers.l3_off, headers.l3_len);
	}
	free(copy);
}

static void cut_to_segments(const struct frame *frame)
{
	struct iovec out[PIECES_MAX + 1];
	struct segmenter segmenter;
	uint8_t header[HEADERS_MAX];
	size_t payload = 0;
	int n;

	if (segment_begin(&segmenter, frame))
		return;
	while ((n = segment_next(&segmenter, header, out, frame->iovcnt + 1)) > 0) {
		struct packet_headers headers;
		struct frame segment = { .iov = out, .iovcnt = (uint32_t)n, .len = segmenter.len };

		require(out[0].iov_base == header && out[0].iov_len == frame->hdr_len);
		payload += segmenter.len - frame->hdr_len;
		require(headers_parse(header, frame->hdr_len, &headers) == 0);
		require(checksum_verify_l4(&segment, &headers, header) == CHECKSUM_GOOD);
		if (headers.ip_version == 4)
			require(checksum_ipv4_ok(header + headers.l3_off, headers.l3_len));
	}
	require(n == 0 && payload == frame->len - frame->hdr_len);
}

static void set_ethertype(uint8_t *frame, size_t len, unsigned int choice)
{
	size_t at = 12;

	if (choice & 4 && len >= at + 2) {
		frame[at] = 0x81;
		frame[at + 1] = 0x00;
		at += 4;
	}
	if ((choice & 3) == 1 && len >= at + 2) {
		frame[at] = 0x08;
		frame[at + 1] = 0x00;
	} else if ((choice & 3) == 2 && len >= at + 2) {
		frame[at] = 0x86;
		frame[at + 1] = 0xdd;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[FABRIC_FRAME_MAX];
	struct iovec iov[PIECES_MAX];
	struct frame frame = { .iov = iov };
	uint16_t value;

	if (size < CONTROL_LEN || size > CONTROL_LEN + FABRIC_FRAME_MAX)
		return 0;
	frame.hdr_len = (uint16_t)(data[0] | data[1] << 8);
	frame.gso_size = (uint16_t)(data[2] | data[3] << 8);
	frame.csum_start = frame.hdr_len;
	frame.csum_offset = frame.gso_size;
	frame.flags = data[4] & 0xf;
	frame.len = (uint32_t)(size - CONTROL_LEN);
	memcpy(bytes, data + CONTROL_LEN, frame.len);
	set_ethertype(bytes, frame.len, data[4] >> 4);
	frame.iovcnt = cut(bytes, frame.len, data[5], iov);

	checksum_partial(&frame, &value);
	look_at_headers(&frame);
	cut_to_segments(&frame);

	for (uint32_t i = 0; i < frame.iovcnt; i++)
		free(iov[i].iov_base);
	return 0;
}
