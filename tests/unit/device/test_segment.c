/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cutting large TCP frames, against a reference that builds each segment from the
 * original packet with the plain checksum.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device/segment.h"
#include "packet.h"

#define PIECES_MAX 33u

#define TCP_FIN    0x01u
#define TCP_PSH    0x08u
#define TCP_CWR    0x80u

static uint8_t packet[PACKET_MAX], got[PACKET_MAX], want[PACKET_MAX];

/* The expected segment @index of the packet. Return: its length, 0 after the last */
static size_t reference(const struct recipe *recipe, size_t index, size_t gso_size)
{
	size_t at = index * gso_size, n;
	bool last;

	if (at >= recipe->payload_len && (index || recipe->payload_len))
		return 0;
	n = recipe->payload_len - at < gso_size ? recipe->payload_len - at : gso_size;
	last = at + n == recipe->payload_len;
	memcpy(want, packet, recipe->payload);
	memcpy(want + recipe->payload, packet + recipe->payload + at, n);
	if (recipe->version == 4) {
		set16(want + recipe->l3 + 2, (uint32_t)(recipe->payload - recipe->l3 + n));
		set16(want + recipe->l3 + 4, be16(packet + recipe->l3 + 4) + (uint32_t)index);
	} else {
		set16(want + recipe->l3 + 4, (uint32_t)(recipe->payload - recipe->l3 - 40 + n));
	}
	set32(want + recipe->l4 + 4, be32(packet + recipe->l4 + 4) + (uint32_t)at);
	if (index)
		want[recipe->l4 + 13] &= 0xff & ~TCP_CWR;
	if (!last)
		want[recipe->l4 + 13] &= 0xff & ~(TCP_FIN | TCP_PSH);
	packet_seal(want, recipe, recipe->payload + n);
	return recipe->payload + n;
}

static struct frame frame_of(const struct recipe *recipe, uint16_t gso_size)
{
	return (struct frame){
		.flags = recipe->version == 4 ? FRAME_GSO_TCP4 : FRAME_GSO_TCP6,
		.len = (uint32_t)(recipe->payload + recipe->payload_len),
		.hdr_len = (uint16_t)recipe->payload,
		.gso_size = gso_size,
	};
}

/* Cut the packet in random pieces and compare every segment with the reference */
static void assert_cut(struct random *random, const struct recipe *recipe, uint16_t gso_size)
{
	struct frame frame = frame_of(recipe, gso_size);
	struct iovec iov[PIECES_MAX], out[PIECES_MAX + 1];
	struct segmenter segmenter;
	uint8_t header[HEADERS_MAX];
	size_t index = 0;
	int n;

	frame.iov = iov;
	frame.iovcnt = pieces_make(random, packet, frame.len, iov, PIECES_MAX);
	memset(&segmenter, 0xa5, sizeof(segmenter));
	assert_int_equal(segment_begin(&segmenter, &frame), 0);
	while ((n = segment_next(&segmenter, header, out, frame.iovcnt + 1)) > 0) {
		size_t len = reference(recipe, index, gso_size);

		assert_true(n <= (int)frame.iovcnt + 1);
		assert_ptr_equal(out[0].iov_base, header);
		assert_int_equal(segmenter.len, len);
		assert_int_equal(pieces_join(out, (uint32_t)n, got), len);
		assert_memory_equal(got, want, len);
		index++;
	}
	assert_int_equal(n, 0);
	assert_int_equal(reference(recipe, index, gso_size), 0);
	assert_int_equal(segmenter.count, index);
	/* It stays at the end */
	assert_int_equal(segment_next(&segmenter, header, out, frame.iovcnt + 1), 0);
	pieces_free(iov, frame.iovcnt);
}

static void every_kind_of_header(void **state)
{
	struct random random = { 20 };

	(void)state;
	for (unsigned int i = 0; i < 1500; i++) {
		struct recipe recipe = recipe_random(&random, random_between(&random, 0, 4000));

		recipe.proto = 6;
		packet_build(packet, &recipe, &random);
		assert_cut(&random, &recipe, (uint16_t)random_between(&random, 1 + i % 400, 1500));
	}
}

static void the_largest_frames(void **state)
{
	struct random random = { 21 };

	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		struct recipe recipe = { .version = i & 1 ? 4 : 6,
					 .proto = 6,
					 .vlan = i & 2,
					 .tcp_options = 3,
					 .flags = 0xff };

		recipe.payload_len = FABRIC_FRAME_MAX - (recipe.vlan ? 18 : 14) -
				     (recipe.version == 4 ? 20 : 40) - 32;
		packet_build(packet, &recipe, &random);
		assert_cut(&random, &recipe, i & 4 ? 1448 : 8948);
	}
}

static void payload_against_gso_size(void **state)
{
	struct random random = { 22 };
	static const size_t payloads[] = { 0, 1, 99, 100, 101, 199, 200, 201, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		struct recipe recipe = { .version = 4,
					 .proto = 6,
					 .flags = TCP_FIN | TCP_PSH | TCP_CWR | 0x10,
					 .payload_len = payloads[i] };

		packet_build(packet, &recipe, &random);
		assert_cut(&random, &recipe, 100);
		assert_cut(&random, &recipe, 1);
	}
}

static void numbers_wrap(void **state)
{
	struct random random = { 23 };
	struct recipe recipe = { .version = 4, .proto = 6, .payload_len = 1000 };

	(void)state;
	packet_build(packet, &recipe, &random);
	set16(packet + recipe.l3 + 4, 0xfffe);
	set32(packet + recipe.l4 + 4, 0xffffff00);
	assert_cut(&random, &recipe, 100);
}

/* Fields that a driver leaves to the adapter do not matter: Linux stores 0 there */
static void lengths_and_checksums_are_not_read(void **state)
{
	struct random random = { 24 };

	(void)state;
	for (unsigned int version = 4; version <= 6; version += 2) {
		struct recipe recipe = { .version = version, .proto = 6, .payload_len = 5000 };

		packet_build(packet, &recipe, &random);
		set16(packet + recipe.l3 + (version == 4 ? 2 : 4), 0);
		if (version == 4)
			set16(packet + recipe.l3 + 10, 0xdead);
		set16(packet + recipe.l4 + 16, 0xbeef);
		assert_cut(&random, &recipe, 1460);
	}
}

static void too_few_pieces_can_be_retried(void **state)
{
	struct random random = { 25 };
	struct recipe recipe = { .version = 6, .proto = 6, .payload_len = 50 };
	struct frame frame;
	struct iovec iov[3], out[4];
	struct segmenter segmenter;
	uint8_t header[HEADERS_MAX];

	(void)state;
	packet_build(packet, &recipe, &random);
	frame = frame_of(&recipe, 100);
	iov[0] = (struct iovec){ packet, recipe.payload };
	iov[1] = (struct iovec){ packet + recipe.payload, 20 };
	iov[2] = (struct iovec){ packet + recipe.payload + 20, 30 };
	frame.iov = iov;
	frame.iovcnt = 3;
	assert_int_equal(segment_begin(&segmenter, &frame), 0);
	for (uint32_t room = 0; room < 3; room++)
		assert_int_equal(segment_next(&segmenter, header, out, room), -ENOBUFS);
	assert_int_equal(segment_next(&segmenter, header, out, 3), 3);
	assert_int_equal(pieces_join(out, 3, got), reference(&recipe, 0, 100));
	assert_memory_equal(got, want, segmenter.len);
	assert_int_equal(segment_next(&segmenter, header, out, 3), 0);
}

/* The owner of the bytes changes them once the headers are checked */
static void headers_are_read_once(void **state)
{
	struct random random = { 26 };
	struct recipe recipe = { .version = 4, .proto = 6, .payload_len = 300 };
	struct iovec iov, out[2];
	struct frame frame;
	struct segmenter segmenter;
	uint8_t header[HEADERS_MAX];
	static uint8_t original[PACKET_MAX];

	(void)state;
	packet_build(packet, &recipe, &random);
	frame = frame_of(&recipe, 100);
	memcpy(original, packet, frame.len);
	iov = (struct iovec){ original, frame.len };
	frame.iov = &iov;
	frame.iovcnt = 1;
	assert_int_equal(segment_begin(&segmenter, &frame), 0);
	memset(original, 0xff, recipe.payload);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(segment_next(&segmenter, header, out, 2), 2);
		assert_int_equal(pieces_join(out, 2, got), reference(&recipe, i, 100));
		assert_memory_equal(got, want, segmenter.len);
	}
}

static int begin(const struct frame *frame)
{
	struct segmenter segmenter;

	return segment_begin(&segmenter, frame);
}

static void hostile_headers_are_refused(void **state)
{
	struct random random = { 27 };

	(void)state;
	for (unsigned int version = 4; version <= 6; version += 2) {
		struct recipe recipe = {
			.version = version, .proto = 6, .vlan = true, .payload_len = 2000
		};
		size_t len = packet_build(packet, &recipe, &random);
		const struct frame good = frame_of(&recipe, 100);
		struct iovec iov = { packet, len };
		struct frame frame = good;
		uint8_t kept;

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		frame = good;                                                                      \
		frame.iov = &iov;                                                                  \
		frame.iovcnt = 1;                                                                  \
		assert_int_equal(begin(&frame), 0);                                                \
		change;                                                                            \
		assert_int_equal(begin(&frame), -EINVAL);                                          \
	} while (0)
#define REFUSED_BYTE(at, value)                                                                    \
	do {                                                                                       \
		kept = packet[at];                                                                 \
		REFUSED(packet[at] = (uint8_t)(value));                                            \
		packet[at] = kept;                                                                 \
	} while (0)

		/* The frame's own description */
		REFUSED(frame.flags = FRAME_CSUM_PARTIAL);
		REFUSED(frame.flags ^= FRAME_GSO);
		REFUSED(frame.gso_size = 0);
		REFUSED(frame.hdr_len = 0);
		REFUSED(frame.hdr_len = 13);
		REFUSED(frame.hdr_len--);
		REFUSED(frame.hdr_len++);
		REFUSED(frame.hdr_len = (uint16_t)(frame.hdr_len + 4));
		REFUSED(frame.hdr_len = HEADERS_MAX + 1);
		REFUSED(frame.hdr_len = 0xffff);
		REFUSED(frame.len = frame.hdr_len - 1u);
		REFUSED(frame.len = 0);
		REFUSED(frame.iovcnt = 0);
		REFUSED(frame.len++);

		/* The bytes */
		REFUSED_BYTE(16, 0x12);
		REFUSED_BYTE(12, 0x12);
		REFUSED_BYTE(recipe.l3, 0x10);
		REFUSED_BYTE(recipe.l3 + (version == 4 ? 9 : 6), 17);
		REFUSED_BYTE(recipe.l4 + 12, 0x40);
		REFUSED_BYTE(recipe.l4 + 12, 0x60);
		REFUSED_BYTE(recipe.l4 + 12, 0xf0);
		if (version == 4) {
			REFUSED_BYTE(recipe.l3, 0x46);
			REFUSED_BYTE(recipe.l3 + 6, 0x20);
			REFUSED_BYTE(recipe.l3 + 7, 0x01);
		}
	}
}

static void udp_is_refused(void **state)
{
	struct random random = { 30 };

	(void)state;
	for (unsigned int version = 4; version <= 6; version += 2) {
		struct recipe recipe = { .version = version, .proto = 17, .payload_len = 500 };
		struct iovec iov = { packet, packet_build(packet, &recipe, &random) };
		struct frame frame = frame_of(&recipe, 100);

		frame.iov = &iov;
		frame.iovcnt = 1;
		assert_int_equal(begin(&frame), -EINVAL);
	}
}

/* The length of an IP packet has 16 bits */
static void a_segment_fits_an_ip_packet(void **state)
{
	struct random random = { 29 };

	(void)state;
	for (unsigned int version = 4; version <= 6; version += 2) {
		struct recipe recipe = { .version = version, .proto = 6 };
		struct iovec iov = { packet, PACKET_MAX };
		uint16_t most = version == 4 ? 65535 - 40 : 65535 - 20;
		struct frame frame;

		packet_build(packet, &recipe, &random);
		recipe.payload_len = PACKET_MAX - recipe.payload;
		frame = frame_of(&recipe, most);
		frame.iov = &iov;
		frame.iovcnt = 1;
		assert_cut(&random, &recipe, most);
		frame.gso_size++;
		assert_int_equal(begin(&frame), -EINVAL);
		/* With less payload than that it is one segment */
		frame.len = (uint32_t)recipe.payload + most;
		assert_int_equal(begin(&frame), 0);
		frame.len++;
		assert_int_equal(begin(&frame), -EINVAL);
	}
}

/* Damaged frames: refused, or cut into segments that hold just their payload */
static void damaged_frames(void **state)
{
	struct random random = { 28 };
	unsigned int cut = 0, refused = 0;

	(void)state;
	for (int i = 0; i < 40000; i++) {
		struct recipe recipe = recipe_random(&random, random_between(&random, 0, 300));
		struct iovec iov[9], out[10];
		struct segmenter segmenter;
		struct frame frame;
		uint8_t header[HEADERS_MAX];
		unsigned int hits = random_between(&random, 0, 4);
		size_t payload = 0;
		uint32_t segments = 0;
		int n;

		recipe.proto = 6;
		packet_build(packet, &recipe, &random);
		frame = frame_of(&recipe, (uint16_t)random_between(&random, 1, 400));
		while (hits--)
			packet[12 + random_next(&random) % (recipe.payload - 12)] =
				(uint8_t)random_next(&random);
		if (i % 4 == 0)
			frame.hdr_len = (uint16_t)random_between(&random, 0, frame.len + 5);
		if (i % 7 == 0)
			frame.flags ^= FRAME_GSO;
		frame.iov = iov;
		frame.iovcnt = pieces_make(&random, packet, frame.len, iov, 9);
		if (segment_begin(&segmenter, &frame)) {
			refused++;
			pieces_free(iov, frame.iovcnt);
			continue;
		}
		cut++;
		while ((n = segment_next(&segmenter, header, out, frame.iovcnt + 1)) > 0) {
			size_t len = pieces_join(out + 1, (uint32_t)n - 1, got);

			assert_true(len <= frame.gso_size);
			assert_int_equal(out[0].iov_len, frame.hdr_len);
			assert_int_equal(segmenter.len, frame.hdr_len + len);
			assert_memory_equal(got, packet + frame.hdr_len + payload, len);
			payload += len;
			segments++;
		}
		assert_int_equal(n, 0);
		assert_int_equal(payload, frame.len - frame.hdr_len);
		assert_int_equal(segments, segmenter.count);
		pieces_free(iov, frame.iovcnt);
	}
	assert_true(cut > 1000);
	assert_true(refused > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_header),
		cmocka_unit_test(the_largest_frames),
		cmocka_unit_test(payload_against_gso_size),
		cmocka_unit_test(numbers_wrap),
		cmocka_unit_test(lengths_and_checksums_are_not_read),
		cmocka_unit_test(too_few_pieces_can_be_retried),
		cmocka_unit_test(headers_are_read_once),
		cmocka_unit_test(hostile_headers_are_refused),
		cmocka_unit_test(udp_is_refused),
		cmocka_unit_test(a_segment_fits_an_ip_packet),
		cmocka_unit_test(damaged_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
