/* SPDX-License-Identifier: BSD-3-Clause */
#include "support.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAME_ROOM 2048u

static void it_takes_and_counts_everything(void **state)
{
	struct fabric_port *port = open_port("sink", 1, 3, NULL);
	uint8_t *big = calloc(1, FABRIC_FRAME_MAX);
	struct iovec iov[3] = { { big, 14 }, { big + 14, 0 }, { big + 14, FABRIC_FRAME_MAX - 14 } };
	struct frame frame = { .iov = iov, .iovcnt = 3, .len = FABRIC_FRAME_MAX };
	struct fabric_counters counters;

	(void)state;
	for (unsigned int lane = 0; lane < 3; lane++)
		fabric_send(port, lane, &frame, 1);
	send_one(port, 2, big, 60);
	send_one(port, 2, big, 1);
	counters = counters_of(port);
	assert_int_equal(counters.tx_frames, 5);
	assert_int_equal(counters.tx_bytes, 3 * FABRIC_FRAME_MAX + 61);
	assert_int_equal(counters.tx_dropped, 0);
	assert_int_equal(counters.tx_bad, 0);
	assert_int_equal(counters.rx_frames, 0);
	assert_int_equal(fabric_caps(port), 0);
	assert_int_equal(fabric_fd(port), -1);
	assert_false(fabric_is_source(port));
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	fabric_close(port);
	free(big);
}

/* A sink that does not read the last byte would survive this. */
static void it_reads_each_byte(void **state)
{
	uint8_t *pages =
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct fabric_port *port = open_port("sink", 1, 1, NULL);
	int status;
	pid_t child;

	(void)state;
	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + 4096, 4096, PROT_NONE), 0);
	send_one(port, 0, pages + 4096 - 1000, 1000);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		/* A sanitizer would report it; cmocka would call it a failure. */
		close(STDERR_FILENO);
		signal(SIGSEGV, SIG_DFL);
		send_one(port, 0, pages + 4096 - 1000, 1001);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	fabric_close(port);
	munmap(pages, 8192);
}

static uint64_t bad_after(struct fabric_port *port, const uint8_t *bytes, size_t len)
{
	uint64_t before = counters_of(port).tx_bad;

	send_one(port, 0, bytes, len);
	return counters_of(port).tx_bad - before;
}

/* All kinds of good frames: i counts up until NULL. */
static size_t good_frame(unsigned int i, uint8_t *to)
{
	static const struct {
		int version, protocol;
		size_t payload;
	} kinds[] = {
		{ 4, 6, 0 },    { 4, 6, 1 },     { 4, 17, 0 },   { 4, 17, 101 },
		{ 6, 6, 0 },    { 6, 6, 333 },   { 6, 17, 0 },   { 6, 17, 7 },
		{ 4, 6, 1460 }, { 4, 17, 1472 }, { 6, 6, 1440 }, { 6, 17, 1452 },
	};

	if (i >= sizeof(kinds) / sizeof(kinds[0]))
		return 0;
	return ip_frame(to, station(9), station(1), kinds[i].version, kinds[i].protocol,
			kinds[i].payload);
}

static void good_frames_verify(void **state)
{
	struct fabric_port *port = open_port("sink+verify", 1, 1, NULL);
	uint8_t bytes[FRAME_ROOM], tagged[FRAME_ROOM];
	uint64_t count = 0;
	size_t len;

	(void)state;
	for (unsigned int i = 0; (len = good_frame(i, bytes)); i++, count += 4) {
		assert_int_equal(bad_after(port, bytes, len), 0);
		/* padded to Ethernet's minimum */
		if (len < 60) {
			memset(bytes + len, 0xee, 60 - len);
			assert_int_equal(bad_after(port, bytes, 60), 0);
			count++;
		}
		/* one tag, two tags, and in several pieces */
		memcpy(tagged, bytes, 12);
		memcpy(tagged + 12, (uint8_t[]){ 0x81, 0, 0x20, 5 }, 4);
		memcpy(tagged + 16, bytes + 12, len - 12);
		assert_int_equal(bad_after(port, tagged, len + 4), 0);
		memcpy(tagged + 12, (uint8_t[]){ 0x88, 0xa8, 0, 7, 0x81, 0, 0, 8 }, 8);
		memcpy(tagged + 20, bytes + 12, len - 12);
		assert_int_equal(bad_after(port, tagged, len + 8), 0);
		struct iovec iov[4] = {
			{ bytes, 3 }, { bytes + 3, 20 }, { bytes + 23, 0 }, { bytes + 23, len - 23 }
		};
		struct frame frame = { .iov = iov, .iovcnt = 4, .len = (uint32_t)len };

		fabric_send(port, 0, &frame, 1);
	}
	assert_int_equal(counters_of(port).tx_bad, 0);
	assert_int_equal(counters_of(port).tx_frames, count);
	fabric_close(port);
}

static void other_protocols_verify(void **state)
{
	struct fabric_port *port = open_port("sink+verify", 1, 1, NULL);
	uint8_t bytes[FRAME_ROOM];
	size_t len;

	(void)state;
	/* ARP and the like; IEEE 802.3 */
	assert_int_equal(bad_after(port, bytes, make_frame(bytes, station(9), station(1), 14, 0)),
			 0);
	make_frame(bytes, station(9), station(1), 60, 0);
	bytes[12] = 0;
	bytes[13] = 46;
	assert_int_equal(bad_after(port, bytes, 60), 0);
	bytes[13] = 47;
	assert_int_equal(bad_after(port, bytes, 60), 1);

	/* ICMP is not examined */
	len = ip_frame(bytes, station(9), station(1), 4, 17, 20);
	bytes[23] = 1;
	bytes[24] = bytes[25] = 0;
	uint16_t sum = sum16(0, bytes + 14, 20);
	bytes[24] = (uint8_t)(sum >> 8);
	bytes[25] = (uint8_t)sum;
	assert_int_equal(bad_after(port, bytes, len), 0);

	/* a fragment's checksum is that of the whole datagram */
	len = ip_frame(bytes, station(9), station(1), 4, 17, 20);
	bytes[20] = 0x20;
	bytes[24] = bytes[25] = 0;
	sum = sum16(0, bytes + 14, 20);
	bytes[24] = (uint8_t)(sum >> 8);
	bytes[25] = (uint8_t)sum;
	bytes[len - 1] ^= 0xff;
	assert_int_equal(bad_after(port, bytes, len), 0);

	/* UDP may be without a checksum over IPv4, not over IPv6 */
	len = ip_frame(bytes, station(9), station(1), 4, 17, 20);
	bytes[14 + 20 + 6] = bytes[14 + 20 + 7] = 0;
	assert_int_equal(bad_after(port, bytes, len), 0);
	len = ip_frame(bytes, station(9), station(1), 6, 17, 20);
	bytes[14 + 40 + 6] = bytes[14 + 40 + 7] = 0;
	assert_int_equal(bad_after(port, bytes, len), 1);
	fabric_close(port);
}

/* Inserts @size bytes of extension header before the payload of an IPv6 frame. */
static size_t extend(uint8_t *bytes, size_t len, uint8_t kind, const uint8_t *extension,
		     size_t size)
{
	memmove(bytes + 54 + size, bytes + 54, len - 54);
	memcpy(bytes + 54, extension, size);
	bytes[54] = bytes[20];
	bytes[20] = kind;
	len += size;
	bytes[18] = (uint8_t)((len - 54) >> 8);
	bytes[19] = (uint8_t)(len - 54);
	return len;
}

static void extension_headers_are_walked(void **state)
{
	struct fabric_port *port = open_port("sink+verify", 1, 1, NULL);
	uint8_t bytes[FRAME_ROOM], eight[8] = { 0, 0 }, sixteen[16] = { 0, 1 }, far[8] = { 0, 40 };
	uint8_t routing[8] = { 0, 0, 4, 1 };
	size_t len;

	(void)state;
	len = ip_frame(bytes, station(9), station(1), 6, 6, 50);
	len = extend(bytes, len, 60, sixteen, 16);
	len = extend(bytes, len, 0, eight, 8);
	assert_int_equal(bad_after(port, bytes, len), 0);
	bytes[len - 1] ^= 1;
	assert_int_equal(bad_after(port, bytes, len), 1);

	/* with segments left in a routing header, and in a fragment, it cannot be known */
	len = ip_frame(bytes, station(9), station(1), 6, 6, 50);
	len = extend(bytes, len, 43, routing, 8);
	bytes[len - 1] ^= 1;
	assert_int_equal(bad_after(port, bytes, len), 0);
	len = ip_frame(bytes, station(9), station(1), 6, 6, 50);
	len = extend(bytes, len, 44, eight, 8);
	bytes[len - 1] ^= 1;
	assert_int_equal(bad_after(port, bytes, len), 0);

	/* beyond the end */
	len = ip_frame(bytes, station(9), station(1), 6, 6, 50);
	len = extend(bytes, len, 60, far, 8);
	assert_int_equal(bad_after(port, bytes, len), 1);
	len = ip_frame(bytes, station(9), station(1), 6, 17, 0);
	bytes[20] = 0;
	bytes[19] = 7;
	assert_int_equal(bad_after(port, bytes, len), 1);
	bytes[20] = 44;
	assert_int_equal(bad_after(port, bytes, len), 1);
	fabric_close(port);
}

static void each_wrong_bit_is_found(void **state)
{
	struct fabric_port *port = open_port("sink+verify", 1, 1, NULL);
	static const int protocols[] = { 6, 17 };
	uint8_t bytes[FRAME_ROOM];

	(void)state;
	for (unsigned int p = 0; p < 2; p++) {
		size_t len = ip_frame(bytes, station(9), station(1), 4, protocols[p], 41);

		for (size_t bit = 14 * 8; bit < len * 8; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (!bad_after(port, bytes, len))
				fail_msg("protocol %d: bit %zu of byte %zu is not noticed",
					 protocols[p], bit % 8, bit / 8);
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_int_equal(bad_after(port, bytes, len), 0);
	}
	fabric_close(port);
}

static void each_cut_is_found(void **state)
{
	struct fabric_port *port = open_port("sink+verify", 1, 1, NULL);
	uint8_t bytes[FRAME_ROOM];
	size_t len;

	(void)state;
	for (unsigned int i = 0; (len = good_frame(i, bytes)); i++) {
		/* The missing bytes are still in the sink's buffer, from the previous frame. */
		assert_int_equal(bad_after(port, bytes, len), 0);
		for (size_t cut = 1; cut < len; cut++) {
			if (!bad_after(port, bytes, cut))
				fail_msg("frame %u cut to %zu of %zu bytes is not found", i, cut,
					 len);
		}
	}
	fabric_close(port);
}

static void lengths_are_checked(void **state)
{
	struct fabric_port *port = open_port("sink+verify", 1, 1, NULL);
	uint8_t bytes[FRAME_ROOM];
	size_t len;
	uint16_t sum;

	(void)state;
	catch_log();
	/* one byte more than the MTU, IPv4 and IPv6 and something else */
	assert_int_equal(
		bad_after(port, bytes, ip_frame(bytes, station(9), station(1), 4, 6, 1461)), 1);
	assert_int_equal(
		bad_after(port, bytes, ip_frame(bytes, station(9), station(1), 6, 6, 1441)), 1);
	assert_int_equal(bad_after(port, bytes, make_frame(bytes, station(9), station(1), 1514, 0)),
			 0);
	assert_int_equal(bad_after(port, bytes, make_frame(bytes, station(9), station(1), 1515, 0)),
			 1);
	assert_int_equal(logged("MTU"), 1);

	/* UDP: longer than its packet, shorter than its header */
	len = ip_frame(bytes, station(9), station(1), 4, 17, 10);
	bytes[39]++;
	assert_int_equal(bad_after(port, bytes, len), 1);
	bytes[39] = 7;
	assert_int_equal(bad_after(port, bytes, len), 1);
	bytes[39] = 19; /* one more than there is, and no checksum to tell */
	bytes[40] = bytes[41] = 0;
	assert_int_equal(bad_after(port, bytes, len), 1);
	assert_int_equal(logged("UDP length"), 1);

	/* TCP: header shorter than it can be, longer than the segment, with a right checksum */
	for (unsigned int i = 0; i < 3; i++) {
		static const uint8_t lengths[] = { 0x40, 0x80, 0x70 };

		len = ip_frame(bytes, station(9), station(1), 4, 6, 10);
		sum = (uint16_t)(bytes[50] << 8 | bytes[51]);
		sum = (uint16_t)~sum16((uint16_t)~sum, (uint8_t[]){ lengths[i], 0x10, 0xaf, 0xef },
				       4);
		bytes[46] = lengths[i];
		bytes[50] = (uint8_t)(~sum >> 8);
		bytes[51] = (uint8_t)~sum;
		assert_int_equal(bad_after(port, bytes, len), lengths[i] != 0x70);
	}
	assert_int_equal(logged("TCP header"), 1);

	/* an IPv4 header longer than the packet, with a right checksum */
	len = ip_frame(bytes, station(9), station(1), 4, 17, 30);
	bytes[14] = 0x4f;
	bytes[17] = 50;
	bytes[24] = bytes[25] = 0;
	sum = sum16(0, bytes + 14, 58);
	bytes[24] = (uint8_t)(sum >> 8);
	bytes[25] = (uint8_t)sum;
	assert_int_equal(bad_after(port, bytes, len), 1);

	/* offloads that have not been done */
	struct iovec iov = { bytes, ip_frame(bytes, station(9), station(1), 4, 6, 10) };
	struct frame frame = {
		.iov = &iov, .iovcnt = 1, .len = (uint32_t)iov.iov_len, .flags = FRAME_CSUM_PARTIAL
	};

	fabric_send(port, 0, &frame, 1);
	assert_int_equal(logged("offload"), 1);
	assert_int_equal(counters_of(port).tx_csum_frames, 1);
	fabric_close(port);
	log_set(NULL, LOG_ERROR);
}

static void noise_does_no_harm(void **state)
{
	struct fabric_port *port = open_port("sink+verify", 1, 1, NULL);
	uint8_t bytes[FRAME_ROOM], noisy[FRAME_ROOM];
	uint32_t random = 12345;
	size_t len;

	(void)state;
	for (unsigned int i = 0; (len = good_frame(i, bytes)); i++) {
		for (unsigned int round = 0; round < 3000; round++) {
			memcpy(noisy, bytes, len);
			for (unsigned int changes = 0; changes < 3; changes++) {
				random = random * 1664525 + 1013904223;
				noisy[12 + (random >> 8) % 60 % (len - 12)] =
					(uint8_t)(random >> 24);
			}
			send_one(port, 0, noisy, len - (random >> 4) % 3);
		}
	}
	assert_true(counters_of(port).tx_bad > 20000);
	fabric_close(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_takes_and_counts_everything),
		cmocka_unit_test(it_reads_each_byte),
		cmocka_unit_test(good_frames_verify),
		cmocka_unit_test(other_protocols_verify),
		cmocka_unit_test(extension_headers_are_walked),
		cmocka_unit_test(each_wrong_bit_is_found),
		cmocka_unit_test(each_cut_is_found),
		cmocka_unit_test(lengths_are_checked),
		cmocka_unit_test(noise_does_no_harm),
	};

	return cmocka_run_group_tests_name("fabric sink", tests, NULL, NULL);
}
