/* SPDX-License-Identifier: BSD-3-Clause */
#include "support.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PORTS 4u

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* A separate switch of PORTS vPorts, numbered from 1. */
struct fixture {
	struct receiver *receivers[PORTS + 1];
	struct fabric_port *ports[PORTS + 1];
};

static struct fixture *plug(const char *spec, unsigned int lanes)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	for (unsigned int i = 1; i <= PORTS; i++) {
		fixture->receivers[i] = receiver_new();
		fixture->ports[i] = open_port(spec, i, lanes, fixture->receivers[i]);
	}
	return fixture;
}

static void unplug(struct fixture *fixture)
{
	for (unsigned int i = 1; i <= PORTS; i++) {
		fabric_close(fixture->ports[i]);
		receiver_free(fixture->receivers[i]);
	}
	free(fixture);
}

static void send_from(struct fixture *fixture, unsigned int port, const uint8_t *destination,
		      const uint8_t *source)
{
	uint8_t bytes[60];

	send_one(fixture->ports[port], 0, bytes,
		 make_frame(bytes, destination, source, sizeof(bytes), port));
}

/* How many frames each port got since the last call: one digit per port. */
static unsigned int arrived(struct fixture *fixture)
{
	unsigned int digits = 0;

	for (unsigned int i = 1; i <= PORTS; i++) {
		digits = digits * 10 + (unsigned int)fixture->receivers[i]->frames;
		receiver_clear(fixture->receivers[i]);
	}
	return digits;
}

static void vports_reach_each_other(void **state)
{
	struct fixture *fixture = plug("switch", 1);
	struct fabric_counters counters;

	(void)state;
	send_from(fixture, 1, station(2), station(1));
	assert_int_equal(fixture->receivers[2]->kept_count, 1);
	assert_memory_equal(fixture->receivers[2]->kept[0].bytes, station(2), 6);
	assert_memory_equal(fixture->receivers[2]->kept[0].bytes + 6, station(1), 6);
	assert_int_equal(fixture->receivers[2]->kept[0].bytes[59], (uint8_t)(37 + 59 * 11));
	assert_int_equal(arrived(fixture), 100);
	send_from(fixture, 4, station(1), station(4));
	assert_int_equal(arrived(fixture), 1000);
	/* to itself: nowhere */
	send_from(fixture, 3, station(3), station(3));
	assert_int_equal(arrived(fixture), 0);
	counters = counters_of(fixture->ports[3]);
	assert_int_equal(counters.tx_frames, 1);
	assert_int_equal(counters.tx_filtered, 1);
	/* broadcast, multicast, unknown: everybody else */
	send_from(fixture, 3, broadcast, station(3));
	assert_int_equal(arrived(fixture), 1101);
	send_from(fixture, 3, (uint8_t[]){ 0x33, 0x33, 0, 0, 0, 1 }, station(3));
	assert_int_equal(arrived(fixture), 1101);
	send_from(fixture, 1, station(99), station(1));
	assert_int_equal(arrived(fixture), 111);
	/* what a switch does not forward */
	send_from(fixture, 1, (uint8_t[]){ 0x01, 0x80, 0xc2, 0, 0, 0x0f }, station(1));
	assert_int_equal(arrived(fixture), 0);
	send_from(fixture, 1, (uint8_t[]){ 0x01, 0x80, 0xc2, 0, 0, 0x10 }, station(1));
	assert_int_equal(arrived(fixture), 111);

	counters = counters_of(fixture->ports[1]);
	assert_int_equal(counters.tx_frames, 4);
	assert_int_equal(counters.tx_bytes, 4 * 60);
	assert_int_equal(counters.tx_flooded, 2);
	assert_int_equal(counters.tx_filtered, 1);
	assert_int_equal(counters.rx_frames, 3);
	assert_int_equal(fabric_caps(fixture->ports[1]), FABRIC_CSUM | FABRIC_GSO);
	assert_int_equal(fabric_fd(fixture->ports[1]), -1);
	assert_false(fabric_is_source(fixture->ports[1]));
	assert_int_equal(fabric_poll(fixture->ports[1], 0, 32), 0);
	unplug(fixture);
}

static void frames_pass_with_flags_and_pieces(void **state)
{
	struct fixture *fixture = plug("switch", 1);
	uint8_t head[54], tail[9000], tagged[64];
	/* the addresses are in three pieces */
	struct iovec iov[4] = {
		{ head, 3 }, { head + 3, 4 }, { head + 7, sizeof(head) - 7 }, { tail, sizeof(tail) }
	};
	struct frame frame = {
		.iov = iov,
		.iovcnt = 4,
		.len = sizeof(head) + sizeof(tail),
		.flags = FRAME_GSO_TCP6 | FRAME_CSUM_PARTIAL,
		.csum_start = 34,
		.csum_offset = 16,
		.hdr_len = 54,
		.gso_size = 1400,
	};
	const struct kept *kept = &fixture->receivers[2]->kept[0];

	(void)state;
	make_frame(head, station(2), station(1), sizeof(head), 1);
	memset(tail, 0x77, sizeof(tail));
	fabric_send(fixture->ports[1], 0, &frame, 1);
	assert_int_equal(arrived(fixture), 100);
	assert_int_equal(kept->frame.len, frame.len);
	assert_int_equal(kept->frame.flags, frame.flags);
	assert_int_equal(kept->frame.csum_start, 34);
	assert_int_equal(kept->frame.csum_offset, 16);
	assert_int_equal(kept->frame.hdr_len, 54);
	assert_int_equal(kept->frame.gso_size, 1400);
	assert_memory_equal(kept->bytes, head, sizeof(head));
	assert_memory_equal(kept->bytes + sizeof(head), tail, sizeof(tail));
	assert_int_equal(counters_of(fixture->ports[1]).tx_gso_frames, 1);

	make_frame(tagged, station(2), station(1), sizeof(tagged), 5);
	memcpy(tagged + 12, (uint8_t[]){ 0x81, 0, 0xe0, 9 }, 4);
	send_one(fixture->ports[1], 0, tagged, sizeof(tagged));
	assert_memory_equal(kept->bytes, tagged, sizeof(tagged));

	/* too short to have addresses and a type */
	send_one(fixture->ports[1], 0, tagged, 13);
	assert_int_equal(counters_of(fixture->ports[1]).tx_dropped, 1);
	assert_int_equal(counters_of(fixture->ports[1]).tx_frames, 2);
	unplug(fixture);
}

static void addresses_are_learned_and_move(void **state)
{
	struct fixture *fixture = plug("switch", 1);

	(void)state;
	send_from(fixture, 2, station(1), station(50));
	assert_int_equal(arrived(fixture), 1000);
	send_from(fixture, 1, station(50), station(1));
	assert_int_equal(arrived(fixture), 100);
	/* from its own port */
	send_from(fixture, 2, station(50), station(51));
	assert_int_equal(arrived(fixture), 0);
	send_from(fixture, 3, broadcast, station(50));
	assert_int_equal(arrived(fixture), 1101);
	send_from(fixture, 1, station(50), station(1));
	assert_int_equal(arrived(fixture), 10);
	/* no address of a group is a source */
	send_from(fixture, 3, station(1), (uint8_t[]){ 1, 0, 0, 0, 0, 1 });
	assert_int_equal(arrived(fixture), 1000);
	send_from(fixture, 2, (uint8_t[]){ 1, 0, 0, 0, 0, 1 }, station(2));
	assert_int_equal(arrived(fixture), 1011);
	/* gone with its port */
	fabric_close(fixture->ports[3]);
	send_from(fixture, 1, station(50), station(1));
	assert_int_equal(arrived(fixture), 101);
	fixture->ports[3] = open_port("switch", 3, 1, fixture->receivers[3]);
	send_from(fixture, 1, station(50), station(1));
	assert_int_equal(arrived(fixture), 111);
	unplug(fixture);
}

static void a_share_is_not_used_up(void **state)
{
	struct fixture *fixture = plug("switch", 1);

	(void)state;
	/* neither by addresses that move back and forth, nor by groups */
	for (unsigned int round = 0; round < 5; round++) {
		for (unsigned int i = 0; i < 64; i++)
			send_from(fixture, 2 + round % 2, station(1), station(1000 + i));
	}
	for (unsigned int i = 0; i < 100; i++)
		send_from(fixture, 4, station(1), (uint8_t[]){ 1, 0, 0, 0, 0, (uint8_t)i });
	for (unsigned int i = 0; i < 64; i++)
		send_from(fixture, 4, station(1), station(2000 + i));
	arrived(fixture);
	for (unsigned int i = 0; i < 64; i++) {
		send_from(fixture, 1, station(1000 + i), station(1));
		assert_int_equal(arrived(fixture), 100);
		send_from(fixture, 1, station(2000 + i), station(1));
		assert_int_equal(arrived(fixture), 1);
	}
	unplug(fixture);
}

static void addresses_are_forgotten(void **state)
{
	struct fixture *fixture = plug("switch+age=1", 1);

	(void)state;
	send_from(fixture, 2, station(1), station(50));
	arrived(fixture);
	send_from(fixture, 1, station(50), station(1));
	assert_int_equal(arrived(fixture), 100);
	nanosleep(&(struct timespec){ .tv_sec = 2, .tv_nsec = 100000000 }, NULL);
	send_from(fixture, 1, station(50), station(1));
	assert_int_equal(arrived(fixture), 111);
	/* a vPort's own address never is */
	send_from(fixture, 1, station(2), station(1));
	assert_int_equal(arrived(fixture), 100);
	unplug(fixture);
}

static void an_attacker_does_not_disturb_the_others(void **state)
{
	struct fixture *fixture = plug("switch", 1);
	struct fabric_counters counters;
	uint8_t bytes[60];

	(void)state;
	catch_log();
	for (unsigned int i = 0; i < 64; i++)
		send_from(fixture, 2, station(1), station(1000 + i));
	arrived(fixture);

	/* Port 4 floods the table, and sends from the addresses of vPorts 2 and 3. */
	for (unsigned int i = 0; i < 200000; i++) {
		make_frame(bytes, station(4), station(0x10000 + i), sizeof(bytes), i);
		send_one(fixture->ports[4], 0, bytes, sizeof(bytes));
	}
	for (unsigned int i = 0; i < 100; i++) {
		send_from(fixture, 4, broadcast, station(2));
		send_from(fixture, 4, station(1), station(3));
	}
	assert_int_equal(logged("another vPort's"), 1);
	for (unsigned int i = 1; i <= PORTS; i++)
		receiver_clear(fixture->receivers[i]);

	/* everything known is still known */
	send_from(fixture, 1, station(2), station(1));
	assert_int_equal(arrived(fixture), 100);
	send_from(fixture, 1, station(3), station(1));
	assert_int_equal(arrived(fixture), 10);
	for (unsigned int i = 0; i < 64; i++) {
		send_from(fixture, 1, station(1000 + i), station(1));
		assert_int_equal(arrived(fixture), 100);
	}
	/* it still learns others' addresses, and has learned no more than the attacker's share
	 */
	send_from(fixture, 3, station(1), station(2000));
	arrived(fixture);
	send_from(fixture, 1, station(2000), station(1));
	assert_int_equal(arrived(fixture), 10);
	counters = counters_of(fixture->ports[1]);
	for (unsigned int i = 0; i < 200000; i++) {
		make_frame(bytes, station(0x10000 + i), station(1), sizeof(bytes), i);
		send_one(fixture->ports[1], 0, bytes, sizeof(bytes));
	}
	assert_int_equal(counters_of(fixture->ports[1]).tx_flooded - counters.tx_flooded,
			 200000 - 64);
	unplug(fixture);
	log_set(NULL, LOG_ERROR);
}

static void a_full_port_does_not_stop_the_others(void **state)
{
	struct fixture *fixture = plug("switch", 1);

	(void)state;
	fixture->receivers[2]->buffers = 1;
	for (unsigned int i = 0; i < 5; i++)
		send_from(fixture, 1, broadcast, station(1));
	assert_int_equal(arrived(fixture), 155);
	assert_int_equal(counters_of(fixture->ports[2]).rx_frames, 1);
	assert_int_equal(counters_of(fixture->ports[2]).rx_dropped, 4);
	assert_int_equal(counters_of(fixture->ports[3]).rx_dropped, 0);
	unplug(fixture);
}

static void a_mixed_burst_keeps_its_order(void **state)
{
	struct fixture *fixture = plug("switch", 1);
	static const unsigned int to[] = { 2, 3, 2, 0, 4, 3, 2, 1, 2, 0, 4, 4, 3 };
	uint8_t bytes[FABRIC_BURST][60];
	struct iovec iov[FABRIC_BURST];
	struct frame frames[FABRIC_BURST];
	unsigned int expected[PORTS + 1] = { 0 };

	(void)state;
	for (unsigned int i = 0; i < FABRIC_BURST; i++) {
		unsigned int destination = to[i % (sizeof(to) / sizeof(to[0]))];

		make_frame(bytes[i], destination ? station(destination) : broadcast, station(1), 60,
			   0);
		bytes[i][14] = (uint8_t)i;
		iov[i] = (struct iovec){ bytes[i], 60 };
		frames[i] = (struct frame){ .iov = &iov[i], .iovcnt = 1, .len = 60 };
		for (unsigned int port = 2; port <= PORTS; port++)
			expected[port] += destination == 0 || destination == port;
	}
	fabric_send(fixture->ports[1], 0, frames, FABRIC_BURST);
	assert_int_equal(fixture->receivers[1]->frames, 0);
	for (unsigned int port = 2; port <= PORTS; port++) {
		const struct receiver *receiver = fixture->receivers[port];
		int last[2] = { -1, -1 }; /* order holds within unicast, and within broadcast */

		assert_int_equal(receiver->kept_count, expected[port]);
		assert_int_equal(receiver->calls, 2);
		for (unsigned int i = 0; i < receiver->kept_count; i++) {
			const uint8_t *got = receiver->kept[i].bytes;

			assert_memory_equal(got, bytes[got[14]], 60);
			assert_true(got[14] > last[got[0] == 0xff]);
			last[got[0] == 0xff] = got[14];
		}
	}
	unplug(fixture);
}

static void switches_are_apart(void **state)
{
	struct receiver *receivers[3] = { receiver_new(), receiver_new(), receiver_new() };
	struct fabric_port *a = open_port("switch:red", 1, 1, receivers[0]);
	struct fabric_port *b = open_port("switch:red", 2, 1, receivers[1]);
	struct fabric_port *c = open_port("switch:blue", 2, 1, receivers[2]);
	uint8_t bytes[60];

	(void)state;
	send_one(a, 0, bytes, make_frame(bytes, broadcast, station(1), sizeof(bytes), 0));
	assert_int_equal(receivers[1]->frames, 1);
	assert_int_equal(receivers[2]->frames, 0);
	/* alone: no other port */
	send_one(c, 0, bytes, make_frame(bytes, broadcast, station(2), sizeof(bytes), 0));
	assert_int_equal(receivers[1]->frames, 1);
	assert_int_equal(counters_of(c).tx_filtered, 1);
	assert_int_equal(counters_of(c).tx_flooded, 0);
	fabric_close(a);
	fabric_close(b);
	fabric_close(c);
	for (unsigned int i = 0; i < 3; i++)
		receiver_free(receivers[i]);
}

static void bad_ports_are_refused(void **state)
{
	struct fabric_port_config config = { .mac = { 1 }, .mtu = 1500, .lanes = 1 };
	struct fabric_port *port, *other, *many[64];
	struct error error;
	char name[80] = "switch:";

	(void)state;
	port = open_port("switch", 1, 1, NULL);
	open_fails("switch", -EEXIST, "switch default|02:00:00:00:00:01");
	open_fails("switch+age=7", -EINVAL, "an age of 300 s");
	other = open_port("switch:other+age=7", 1, 1, NULL);
	open_fails("switch:other+age=8", -EINVAL, "an age of 7 s");
	assert_int_equal(fabric_open("switch", &config, NULL, &many[0], &error), -EINVAL);
	assert_non_null(strstr(error.text, "01:00:00:00:00:00"));
	config.mac[0] = 2;
	config.lanes = 2;
	assert_int_equal(fabric_open("switch", &config, NULL, &many[0], &error), -EINVAL);
	assert_non_null(strstr(error.text, "lanes"));
	fabric_close(port);
	fabric_close(other);

	memset(name + 7, 'n', 64);
	open_fails(name, -EINVAL, "1 to 63");
	name[70] = '\0';
	fabric_close(open_port(name, 1, 1, NULL));

	for (unsigned int i = 0; i < 64; i++)
		many[i] = open_port("switch", 100 + i, 1, NULL);
	open_fails("switch", -ENOSPC, "64 ports|another switch");
	for (unsigned int i = 0; i < 64; i++)
		fabric_close(many[i]);
}

/*
 * Several lanes send through all ports at the same time, while one more port comes and goes.
 */
#define LANES  3u
#define VISITS 60u

struct vport {
	_Atomic uint64_t frames;
	_Atomic bool open;
	_Atomic bool stray;
};

static unsigned int count_deliver(void *ctx, unsigned int lane, const struct frame *frames,
				  unsigned int n)
{
	struct vport *vport = ctx;

	(void)lane;
	(void)frames;
	/* A frame for a port that is closed would be a use after free. */
	if (!atomic_load(&vport->open))
		atomic_store(&vport->stray, true);
	atomic_fetch_add_explicit(&vport->frames, n, memory_order_relaxed);
	return n;
}

struct lane {
	pthread_t thread;
	unsigned int lane;
	struct fabric_port **ports;
	uint64_t sent, broadcasts;
};

static _Atomic bool enough;

static void *lane_main(void *arg)
{
	struct lane *lane = arg;
	uint8_t bytes[8][60];
	struct iovec iov[8];
	struct frame frames[8];

	for (unsigned int round = 0; !atomic_load(&enough); round++) {
		unsigned int from = round % PORTS;

		for (unsigned int i = 0; i < 8; i++) {
			unsigned int to = (from + 1 + i % (PORTS - 1)) % PORTS;
			bool all = (round + i) % 97 == 0;

			/* Learned addresses move between lanes and ports all the time. */
			make_frame(bytes[i], all ? broadcast : station(to + 1),
				   station(i % 2 ? from + 1 : 500 + round % 50), 60, i);
			lane->broadcasts += all;
			iov[i] = (struct iovec){ bytes[i], 60 };
			frames[i] = (struct frame){ .iov = &iov[i], .iovcnt = 1, .len = 60 };
		}
		fabric_send(lane->ports[from], lane->lane, frames, 8);
		lane->sent += 8;
	}
	return NULL;
}

static void lanes_send_while_ports_come_and_go(void **state)
{
	struct fabric_port_config config = { .mtu = 1500, .lanes = LANES };
	struct vport vports[PORTS] = { 0 }, visitor = { 0 };
	struct fabric_receiver receiver = { .deliver = count_deliver };
	struct fabric_port *ports[PORTS], *guest;
	uint64_t sent = 0, broadcasts = 0, taken = 0, counted = 0, received = 0, flooded = 0;
	struct lane lanes[LANES];

	(void)state;
	for (unsigned int i = 0; i < PORTS; i++) {
		memcpy(config.mac, station(i + 1), 6);
		receiver.ctx = &vports[i];
		vports[i].open = true;
		assert_int_equal(fabric_open("switch", &config, &receiver, &ports[i], NULL), 0);
	}
	for (unsigned int i = 0; i < LANES; i++) {
		lanes[i] = (struct lane){ .lane = i, .ports = ports };
		assert_int_equal(pthread_create(&lanes[i].thread, NULL, lane_main, &lanes[i]), 0);
	}
	memcpy(config.mac, station(77), 6);
	receiver.ctx = &visitor;
	for (unsigned int visits = 0; visits < VISITS || !atomic_load(&visitor.frames); visits++) {
		atomic_store(&visitor.open, true);
		assert_int_equal(fabric_open("switch", &config, &receiver, &guest, NULL), 0);
		sched_yield();
		fabric_close(guest);
		atomic_store(&visitor.open, false);
	}
	atomic_store(&enough, true);
	for (unsigned int i = 0; i < LANES; i++) {
		pthread_join(lanes[i].thread, NULL);
		sent += lanes[i].sent;
		broadcasts += lanes[i].broadcasts;
	}
	assert_false(atomic_load(&visitor.stray));
	for (unsigned int i = 0; i < PORTS; i++) {
		struct fabric_counters counters = counters_of(ports[i]);

		counted += counters.tx_frames;
		flooded += counters.tx_flooded;
		received += counters.rx_frames;
		assert_int_equal(counters.rx_frames, atomic_load(&vports[i].frames));
		assert_int_equal(counters.rx_dropped + counters.tx_dropped + counters.tx_filtered,
				 0);
		taken += vports[i].frames;
		assert_false(atomic_load(&vports[i].stray));
		fabric_close(ports[i]);
	}
	assert_int_equal(counted, sent);
	assert_int_equal(flooded, broadcasts);
	assert_int_equal(received, taken);
	assert_int_equal(taken, sent - broadcasts + broadcasts * (PORTS - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vports_reach_each_other),
		cmocka_unit_test(frames_pass_with_flags_and_pieces),
		cmocka_unit_test(addresses_are_learned_and_move),
		cmocka_unit_test(a_share_is_not_used_up),
		cmocka_unit_test(addresses_are_forgotten),
		cmocka_unit_test(an_attacker_does_not_disturb_the_others),
		cmocka_unit_test(a_full_port_does_not_stop_the_others),
		cmocka_unit_test(a_mixed_burst_keeps_its_order),
		cmocka_unit_test(switches_are_apart),
		cmocka_unit_test(bad_ports_are_refused),
		cmocka_unit_test(lanes_send_while_ports_come_and_go),
	};

	return cmocka_run_group_tests_name("fabric switch", tests, NULL, NULL);
}
