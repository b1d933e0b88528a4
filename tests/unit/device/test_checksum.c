/* SPDX-License-Identifier: BSD-3-Clause */
/* The Internet checksum against the plain one, for all ways to divide a frame into pieces. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device/checksum.h"
#include "device/headers.h"
#include "packet.h"

static uint8_t packet[PACKET_MAX], copied[PACKET_MAX];

/* A 16-bit result as it would be in a packet */
static uint32_t in_packet(uint16_t value)
{
	uint8_t bytes[2];

	memcpy(bytes, &value, sizeof(bytes));
	return be16(bytes);
}

static void rfc1071_example(void **state)
{
	/* Section 3: the sum of these bytes is 0xddf2 */
	static const uint8_t data[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	struct checksum checksum = { 0 };

	(void)state;
	checksum_add(&checksum, data, sizeof(data));
	assert_int_equal(in_packet(checksum_fold(&checksum)), 0xddf2);
	assert_int_equal(in_packet(checksum_finish(&checksum)), 0x220d);
}

static void every_length_and_alignment(void **state)
{
	struct random random = { 11 };

	(void)state;
	random_bytes(&random, packet, 1200);
	for (size_t len = 0; len <= 600; len++) {
		for (size_t shift = 0; shift < 9; shift++) {
			struct checksum sum = { 0 }, copy = { 0 };
			uint16_t want = plain_fold(plain_sum(0, packet + shift, len));
			/* Memory that ends with the data */
			uint8_t *src = malloc(len + shift + 1), *dst = malloc(len + 1);

			assert_non_null(src);
			assert_non_null(dst);
			memcpy(src + 1 + shift, packet + shift, len);
			checksum_add(&sum, src + 1 + shift, len);
			assert_int_equal(in_packet(checksum_fold(&sum)), want);
			dst[0] = 0xa5;
			checksum_copy(&copy, dst + 1, src + 1 + shift, len);
			assert_int_equal(in_packet(checksum_fold(&copy)), want);
			assert_memory_equal(dst + 1, packet + shift, len);
			assert_int_equal(dst[0], 0xa5);
			free(src);
			free(dst);
		}
	}
}

static void large_sums_do_not_overflow(void **state)
{
	struct checksum checksum = { 0 };
	uint64_t sum = 0;

	(void)state;
	memset(packet, 0xff, PACKET_MAX);
	packet[0] = 0xfe;
	for (int i = 0; i < 3000; i++) {
		checksum_add(&checksum, packet, PACKET_MAX);
		sum = plain_fold(plain_sum(sum, packet, PACKET_MAX));
	}
	assert_int_equal(in_packet(checksum_fold(&checksum)), sum);
}

static void pieces_of_any_length(void **state)
{
	struct random random = { 12 };

	(void)state;
	for (int i = 0; i < 3000; i++) {
		size_t len = random_between(&random, 0, i % 10 ? 700 : 20000);
		size_t offset = random_between(&random, 0, (uint32_t)len);
		size_t part = random_between(&random, 0, (uint32_t)(len - offset));
		struct checksum whole = { 0 }, range = { 0 }, copy = { 0 };
		struct iovec iov[17];
		size_t at = 0;
		uint32_t n;

		random_bytes(&random, packet, len);
		n = pieces_make(&random, packet, len, iov, 17);
		assert_int_equal(checksum_add_iov(&whole, iov, n, 0, len), 0);
		assert_int_equal(in_packet(checksum_fold(&whole)),
				 plain_fold(plain_sum(0, packet, len)));
		assert_int_equal(checksum_add_iov(&range, iov, n, offset, part), 0);
		assert_int_equal(in_packet(checksum_fold(&range)),
				 plain_fold(plain_sum(0, packet + offset, part)));
		for (uint32_t j = 0; j < n; j++) {
			checksum_copy(&copy, copied + at, iov[j].iov_base, iov[j].iov_len);
			at += iov[j].iov_len;
		}
		assert_int_equal(checksum_fold(&copy), checksum_fold(&whole));
		assert_memory_equal(copied, packet, len);

		/* One byte more than there is */
		assert_int_equal(checksum_add_iov(&range, iov, n, offset, len - offset + 1),
				 -EINVAL);
		pieces_free(iov, n);
	}
}

static void ip4_header(void **state)
{
	struct random random = { 13 };

	(void)state;
	for (unsigned int i = 0; i < 2000; i++) {
		struct recipe recipe = { .version = 4, .proto = 6, .ip_options = i % 11 };
		uint8_t header[60];
		size_t header_len;

		packet_build(packet, &recipe, &random);
		header_len = recipe.l4 - recipe.l3;
		memcpy(header, packet + recipe.l3, header_len);
		assert_true(checksum_ipv4_ok(header, header_len));
		set16(header + 10, random_next(&random) & 0xffff);
		checksum_ipv4_write(header, header_len);
		assert_memory_equal(header, packet + recipe.l3, header_len);
		header[random_next(&random) % header_len] ^= (uint8_t)(1u << i % 8);
		assert_false(checksum_ipv4_ok(header, header_len));
	}
}

/* Verify @len bytes of the packet as a frame in random pieces */
static enum checksum_result verify(struct random *random, size_t len)
{
	struct iovec iov[8];
	struct frame frame = { .iov = iov, .len = (uint32_t)len };
	struct packet_headers headers;
	uint8_t data[HEADERS_MAX];
	enum checksum_result result;
	size_t have;

	frame.iovcnt = pieces_make(random, packet, len, iov, 8);
	have = headers_copy(iov, frame.iovcnt, data, sizeof(data));
	assert_int_equal(headers_parse(data, have, &headers), 0);
	result = checksum_verify_l4(&frame, &headers, data);
	pieces_free(iov, frame.iovcnt);
	return result;
}

static void l4_is_verified(void **state)
{
	struct random random = { 14 };

	(void)state;
	for (int i = 0; i < 4000; i++) {
		struct recipe recipe = recipe_random(&random, random_between(&random, 0, 1600));
		size_t len = packet_build(packet, &recipe, &random);
		size_t padded = len + random_between(&random, 0, 30), at;

		assert_int_equal(verify(&random, len), CHECKSUM_GOOD);
		/* Ethernet's padding does not count, whatever is in it */
		random_bytes(&random, packet + len, padded - len);
		assert_int_equal(verify(&random, padded), CHECKSUM_GOOD);
		/* One bit of the payload, the ports or an address is wrong */
		at = i & 1 && recipe.payload_len
			     ? recipe.payload + random_next(&random) % recipe.payload_len
			     : recipe.l4 + random_next(&random) % 4;
		if (i % 5 == 0)
			at = recipe.l3 + (recipe.version == 4 ? 12 : 8) + random_next(&random) % 8;
		packet[at] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(verify(&random, padded), CHECKSUM_BAD);
	}
}

static void l4_lengths_that_contradict(void **state)
{
	struct random random = { 15 };

	(void)state;
	for (unsigned int variant = 0; variant < 4; variant++) {
		struct recipe recipe = { .version = variant & 1 ? 4 : 6,
					 .proto = variant & 2 ? 6 : 17,
					 .payload_len = 50 };
		size_t len = packet_build(packet, &recipe, &random);
		uint8_t *l3_len = packet + recipe.l3 + (recipe.version == 4 ? 2 : 4);
		uint32_t right = be16(l3_len);
		uint32_t l4_header = (uint32_t)(recipe.payload - recipe.l4);

		/* The frame was cut short */
		assert_int_equal(verify(&random, len - 1), CHECKSUM_BAD);
		/* The IP length exceeds the frame, or is less than its headers */
		set16(l3_len, right + 1);
		assert_int_equal(verify(&random, len), CHECKSUM_BAD);
		set16(l3_len, (recipe.version == 4 ? 20 : 0) + l4_header - 1);
		assert_int_equal(verify(&random, len), CHECKSUM_BAD);
		set16(l3_len, 0);
		assert_int_equal(verify(&random, len), CHECKSUM_BAD);
		set16(l3_len, 0xffff);
		assert_int_equal(verify(&random, len), CHECKSUM_BAD);
		set16(l3_len, right);
		assert_int_equal(verify(&random, len), CHECKSUM_GOOD);

		if (recipe.proto != 17)
			continue;
		/* UDP's own length */
		set16(packet + recipe.l4 + 4, 7);
		assert_int_equal(verify(&random, len), CHECKSUM_BAD);
		set16(packet + recipe.l4 + 4, (uint32_t)(len - recipe.l4 + 1));
		assert_int_equal(verify(&random, len), CHECKSUM_BAD);
	}
}

static void udp_ends_where_it_says(void **state)
{
	struct random random = { 16 };
	struct recipe recipe = { .version = 4, .proto = 17, .payload_len = 41 };
	size_t len = packet_build(packet, &recipe, &random);

	(void)state;
	/* IP carries 9 bytes more than the datagram takes */
	random_bytes(&random, packet + len, 9);
	set16(packet + recipe.l3 + 2, (uint32_t)(len + 9 - recipe.l3));
	assert_int_equal(verify(&random, len + 9), CHECKSUM_GOOD);

	/* It is more than IP carries, although the frame continues and the sum is right */
	len = packet_build(packet, &recipe, &random);
	set16(packet + recipe.l3 + 2, (uint32_t)(len - 9 - recipe.l3));
	assert_int_equal(verify(&random, len), CHECKSUM_BAD);
}

static void l4_without_a_checksum(void **state)
{
	struct random random = { 17 };
	struct recipe recipe = { .version = 4, .proto = 17, .payload_len = 20 };
	size_t len = packet_build(packet, &recipe, &random);

	(void)state;
	set16(packet + recipe.l4 + 6, 0);
	assert_int_equal(verify(&random, len), CHECKSUM_NONE);

	recipe.proto = 6;
	len = packet_build(packet, &recipe, &random);
	set16(packet + recipe.l3 + 6, 0x2000);
	assert_int_equal(verify(&random, len), CHECKSUM_NONE);
	packet[recipe.l3 + 9] = 1;
	assert_int_equal(verify(&random, len), CHECKSUM_NONE);
}

static void partial_is_completed(void **state)
{
	struct random random = { 18 };

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct recipe recipe = recipe_random(&random, random_between(&random, 0, 2000));
		size_t len = packet_build(packet, &recipe, &random);
		uint8_t *field = packet + recipe.l4 + (recipe.proto == 6 ? 16 : 6);
		struct frame frame = { .flags = FRAME_CSUM_PARTIAL, .len = (uint32_t)len };
		struct checksum pseudo = { 0 };
		struct packet_headers headers;
		struct iovec iov[8];
		uint32_t right = be16(field);
		uint16_t value;

		/* A transmitter stores the pseudo-header's sum there */
		assert_int_equal(headers_parse(packet, len, &headers), 0);
		checksum_add_pseudo(&pseudo, &headers, packet, (uint32_t)(len - recipe.l4));
		value = checksum_fold(&pseudo);
		assert_int_equal(in_packet(value),
				 plain_fold(plain_pseudo(packet, &recipe, len - recipe.l4)));
		memcpy(field, &value, sizeof(value));

		frame.csum_start = (uint16_t)recipe.l4;
		frame.csum_offset = recipe.proto == 6 ? 16 : 6;
		frame.iov = iov;
		frame.iovcnt = pieces_make(&random, packet, len, iov, 8);
		assert_int_equal(checksum_partial(&frame, &value), 0);
		/* 0 and 0xffff are one number, and UDP needs the latter */
		assert_int_equal(in_packet(value), right ? right : 0xffff);
		pieces_free(iov, frame.iovcnt);

		memcpy(copied, packet, len);
		assert_int_equal(
			checksum_complete(copied, len, frame.csum_start, frame.csum_offset), 0);
		set16(field, right ? right : 0xffff);
		assert_memory_equal(copied, packet, len);
	}
}

static void completed_checksum_is_never_zero(void **state)
{
	uint8_t data[4] = { 0xff, 0xff, 0x00, 0x00 };
	struct iovec iov = { data, sizeof(data) };
	struct frame frame = { .iov = &iov, .iovcnt = 1, .len = 4, .csum_offset = 2 };
	uint16_t value;

	(void)state;
	assert_int_equal(checksum_partial(&frame, &value), 0);
	assert_int_equal(value, 0xffff);
	assert_int_equal(checksum_complete(data, sizeof(data), 0, 2), 0);
	assert_int_equal(be16(data + 2), 0xffff);
}

static void partial_outside_the_frame(void **state)
{
	static const struct {
		uint16_t start, offset;
		int err;
	} cases[] = {
		{ 0, 0, 0 },
		{ 0, 58, 0 },
		{ 58, 0, 0 },
		{ 0, 59, -EINVAL },
		{ 59, 0, -EINVAL },
		{ 60, 0, -EINVAL },
		{ 58, 1, -EINVAL },
		{ 0, 0xffff, -EINVAL },
		{ 0xffff, 0, -EINVAL },
		{ 34, 25, -EINVAL },
		{ 0xffff, 2, -EINVAL },
		{ 0xffff, 0xffff, -EINVAL },
		{ 34, 24, 0 },
		{ 0x8000, 0x8000, -EINVAL },
	};
	uint8_t *data = malloc(60);
	struct iovec iov = { data, 60 };
	struct frame frame = { .iov = &iov, .iovcnt = 1, .len = 60 };

	(void)state;
	assert_non_null(data);
	memset(data, 1, 60);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint16_t value;

		frame.csum_start = cases[i].start;
		frame.csum_offset = cases[i].offset;
		assert_int_equal(checksum_partial(&frame, &value), cases[i].err);
		assert_int_equal(checksum_complete(data, 60, cases[i].start, cases[i].offset),
				 cases[i].err);
	}
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc1071_example),
		cmocka_unit_test(every_length_and_alignment),
		cmocka_unit_test(large_sums_do_not_overflow),
		cmocka_unit_test(pieces_of_any_length),
		cmocka_unit_test(ip4_header),
		cmocka_unit_test(l4_is_verified),
		cmocka_unit_test(l4_lengths_that_contradict),
		cmocka_unit_test(udp_ends_where_it_says),
		cmocka_unit_test(l4_without_a_checksum),
		cmocka_unit_test(partial_is_completed),
		cmocka_unit_test(completed_checksum_is_never_zero),
		cmocka_unit_test(partial_outside_the_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
