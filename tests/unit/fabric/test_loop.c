/* SPDX-License-Identifier: BSD-3-Clause */
#include "support.h"

static void frames_come_back_as_they_are(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_port("loop", 1, 2, receiver);
	uint8_t head[54], tail[3000];
	struct iovec iov[2] = { { head, sizeof(head) }, { tail, sizeof(tail) } };
	struct frame frame = {
		.iov = iov,
		.iovcnt = 2,
		.len = sizeof(head) + sizeof(tail),
		.flags = FRAME_GSO_TCP4 | FRAME_CSUM_PARTIAL,
		.csum_start = 34,
		.csum_offset = 16,
		.hdr_len = 54,
		.gso_size = 1448,
	};
	struct fabric_counters counters;

	(void)state;
	make_frame(head, station(9), station(1), sizeof(head), 1);
	memset(tail, 0x5a, sizeof(tail));
	fabric_send(port, 1, &frame, 1);
	assert_int_equal(receiver->kept_count, 1);
	assert_int_equal(receiver->kept[0].lane, 1);
	assert_int_equal(receiver->kept[0].frame.len, frame.len);
	assert_int_equal(receiver->kept[0].frame.flags, frame.flags);
	assert_int_equal(receiver->kept[0].frame.csum_start, frame.csum_start);
	assert_int_equal(receiver->kept[0].frame.csum_offset, frame.csum_offset);
	assert_int_equal(receiver->kept[0].frame.hdr_len, frame.hdr_len);
	assert_int_equal(receiver->kept[0].frame.gso_size, frame.gso_size);
	assert_memory_equal(receiver->kept[0].bytes, head, sizeof(head));
	assert_memory_equal(receiver->kept[0].bytes + sizeof(head), tail, sizeof(tail));

	counters = counters_of(port);
	assert_int_equal(counters.tx_frames, 1);
	assert_int_equal(counters.tx_bytes, frame.len);
	assert_int_equal(counters.tx_gso_frames, 1);
	assert_int_equal(counters.tx_csum_frames, 1);
	assert_int_equal(counters.rx_frames, 1);
	assert_int_equal(counters.rx_bytes, frame.len);
	assert_int_equal(counters.rx_dropped, 0);
	assert_int_equal(fabric_caps(port), FABRIC_CSUM | FABRIC_GSO);
	assert_int_equal(fabric_fd(port), -1);
	assert_false(fabric_is_source(port));
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	fabric_flush(port);
	fabric_close(port);
	receiver_free(receiver);
}

static void frames_not_accepted_are_dropped(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_port("loop", 1, 1, receiver);
	uint8_t bytes[60];
	struct iovec iov = { bytes, sizeof(bytes) };
	struct frame frames[20];
	struct fabric_counters counters;

	(void)state;
	make_frame(bytes, station(1), station(1), sizeof(bytes), 2);
	for (unsigned int i = 0; i < 20; i++)
		frames[i] = (struct frame){ .iov = &iov, .iovcnt = 1, .len = sizeof(bytes) };
	receiver->buffers = 7;
	fabric_send(port, 0, frames, 20);
	counters = counters_of(port);
	assert_int_equal(counters.tx_frames, 20);
	assert_int_equal(counters.rx_frames, 7);
	assert_int_equal(counters.rx_bytes, 7 * sizeof(bytes));
	assert_int_equal(counters.rx_dropped, 13);
	fabric_close(port);
	receiver_free(receiver);
}

/* Accepts every frame except those that begin with 0xff: their queue has no buffer. */
static unsigned int one_queue_is_full(void *ctx, unsigned int lane, const struct frame *frames,
				      unsigned int n)
{
	unsigned int *taken = ctx;

	(void)lane;
	for (unsigned int i = 0; i < n; i++) {
		if (*(const uint8_t *)frames[i].iov->iov_base == 0xff)
			return i;
		(*taken)++;
	}
	return n;
}

static void a_full_queue_does_not_stop_the_others(void **state)
{
	struct fabric_port_config config = { .mac = { 2 }, .mtu = 1500, .lanes = 1, .queues = 2 };
	unsigned int taken = 0;
	struct fabric_receiver receiver = { .deliver = one_queue_is_full, .ctx = &taken };
	uint8_t full[60] = { 0xff }, good[60] = { 2 };
	struct iovec iov[2] = { { full, sizeof(full) }, { good, sizeof(good) } };
	struct frame frames[30];
	struct fabric_port *port;
	struct fabric_counters counters;

	(void)state;
	assert_int_equal(fabric_open("loop", &config, &receiver, &port, NULL), 0);
	for (unsigned int i = 0; i < 30; i++)
		frames[i] = (struct frame){ .iov = &iov[i % 3 != 0], .iovcnt = 1, .len = 60 };
	fabric_send(port, 0, frames, 30);
	counters = counters_of(port);
	assert_int_equal(taken, 20);
	assert_int_equal(counters.rx_frames, 20);
	assert_int_equal(counters.rx_dropped, 10);
	fabric_close(port);
}

static void without_a_receiver_all_is_dropped(void **state)
{
	struct fabric_port *port = open_port("loop", 1, 1, NULL);
	uint8_t bytes[60];

	(void)state;
	send_one(port, 0, bytes, make_frame(bytes, station(1), station(1), sizeof(bytes), 2));
	assert_int_equal(counters_of(port).tx_frames, 1);
	assert_int_equal(counters_of(port).rx_dropped, 1);
	fabric_close(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_back_as_they_are),
		cmocka_unit_test(frames_not_accepted_are_dropped),
		cmocka_unit_test(a_full_queue_does_not_stop_the_others),
		cmocka_unit_test(without_a_receiver_all_is_dropped),
	};

	return cmocka_run_group_tests_name("fabric loop", tests, NULL, NULL);
}
