/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/synthetic.c: the messages to a host of synthetic cards, and their order.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "process.h"
#include "wire/synthetic.h"
#include "../range.h"

#define PORTS    2u
#define WAIT_MS  5000
#define QUIET_MS 50 /* nothing more comes */

/**
 * struct cards - the host's end of the cable
 * @host:	the adapter
 * @fd:		connected to its socket
 * @path:	bound there
 */
struct cards {
	struct host host;
	int fd;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

static void cards_open_config(struct cards *cards, bool check_source)
{
	struct sockaddr_un own = { .sun_family = AF_UNIX }, there = { .sun_family = AF_UNIX };

	memset(cards, 0, sizeof(*cards));
	cards->host.config.synthetic = true;
	cards->host.config.ports = PORTS;
	for (unsigned int i = 0; i < PORTS; i++)
		cards->host.config.port[i] =
			(struct adapter_port_config){ .mac = { 2, 0, 0, 0, 0, (uint8_t)i },
						      .fabric = "switch",
						      .mtu = 1500,
						      .queues = 1,
						      .check_source = check_source };
	host_open_config(&cards->host, 1, NULL);
	snprintf(cards->path, sizeof(cards->path), "%s.cards", cards->host.path);
	strcpy(own.sun_path, cards->path);
	snprintf(there.sun_path, sizeof(there.sun_path), "%s" SYNTHETIC_SUFFIX, cards->host.path);
	cards->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(cards->fd, (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(connect(cards->fd, (struct sockaddr *)&there, sizeof(there)), 0);
}

static void cards_open(struct cards *cards)
{
	cards_open_config(cards, false);
}

static void cards_close(struct cards *cards)
{
	close(cards->fd);
	unlink(cards->path);
	host_close(&cards->host);
}

/** say() - a message with one number */
static void say(struct cards *cards, uint8_t type, uint8_t port, uint32_t number)
{
	struct synthetic_header header = { .magic = SYNTHETIC_MAGIC, .type = type, .port = port };
	uint8_t bytes[sizeof(header) + sizeof(number)];

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), &number, sizeof(number));
	assert_int_equal(send(cards->fd, bytes, sizeof(bytes), 0), sizeof(bytes));
}

/** hear() - the next message must be this; its content goes to @data. Returns the content's length
 */
static size_t hear(struct cards *cards, uint8_t type, uint8_t port, void *data, size_t size)
{
	uint8_t bytes[2048];
	struct pollfd poll_fd = { .fd = cards->fd, .events = POLLIN };
	struct synthetic_header header;
	ssize_t len;

	assert_int_equal(poll(&poll_fd, 1, WAIT_MS), 1);
	len = recv(cards->fd, bytes, sizeof(bytes), 0);
	assert_true(len >= (ssize_t)sizeof(header));
	memcpy(&header, bytes, sizeof(header));
	assert_int_equal(header.magic, SYNTHETIC_MAGIC);
	assert_int_equal(header.type, type);
	assert_int_equal(header.port, port);
	len -= (ssize_t)sizeof(header);
	assert_true((size_t)len <= size);
	memcpy(data, bytes + sizeof(header), (size_t)len);
	return (size_t)len;
}

static void hear_nothing(struct cards *cards)
{
	struct pollfd poll_fd = { .fd = cards->fd, .events = POLLIN };

	assert_int_equal(poll(&poll_fd, 1, QUIET_MS), 0);
}

/** hear_ports() - all ports, with the VF there or not */
static void hear_ports(struct cards *cards, bool vf)
{
	for (uint8_t i = 0; i < PORTS; i++) {
		struct synthetic_port port;

		assert_int_equal(hear(cards, SYNTHETIC_PORT, i, &port, sizeof(port)), sizeof(port));
		assert_int_equal(port.mac[5], i);
		assert_int_equal(port.mtu, 1500);
		assert_int_equal(port.up, 1);
		assert_int_equal(port.vf, vf);
	}
}

static void hear_vf(struct cards *cards, bool there)
{
	uint32_t number = 7;

	assert_int_equal(hear(cards, SYNTHETIC_VF, 0, &number, sizeof(number)), sizeof(number));
	assert_int_equal(number, there);
}

static void hello(struct cards *cards, bool vf)
{
	uint8_t none[1];

	say(cards, SYNTHETIC_HELLO, 0, 1);
	hear_ports(cards, vf);
	assert_int_equal(hear(cards, SYNTHETIC_ALL_SAID, 0, none, sizeof(none)), 0);
}

/* The VF is to be removed: first the drivers are notified, then the function goes. */
static void vf_go(struct cards *cards)
{
	assert_int_equal(adapter_set_vf(cards->host.adapter, false), 0);
	hear_ports(cards, false);
	hear_vf(cards, false);
}

/* The driver is notified before the function goes, and after it has appeared. */
static void revoke_and_return(void **state)
{
	struct cards cards;

	cards_open(&cards);
	assert_int_equal(adapter_set_vf(cards.host.adapter, false), -ENOTCONN);
	hello(&cards, true);
	for (unsigned int turn = 0; turn < 3; turn++) {
		vf_go(&cards);
		say(&cards, SYNTHETIC_VF_DONE, 0, 0);
		hear_nothing(&cards);
		assert_int_equal(adapter_set_vf(cards.host.adapter, true), 0);
		hear_vf(&cards, true);
		hear_nothing(&cards);
		say(&cards, SYNTHETIC_VF_DONE, 0, 1);
		hear_ports(&cards, true);
	}
	say(&cards, SYNTHETIC_VF_DONE, 0, 1);
	hear_nothing(&cards);
	cards_close(&cards);
	(void)state;
}

/* To be removed again before it has appeared: then its arrival is not announced to a driver. */
static void revoke_while_it_returns(void **state)
{
	struct cards cards;

	cards_open(&cards);
	hello(&cards, true);
	vf_go(&cards);
	assert_int_equal(adapter_set_vf(cards.host.adapter, true), 0);
	hear_vf(&cards, true);
	vf_go(&cards);
	say(&cards, SYNTHETIC_VF_DONE, 0, 1);
	hear_nothing(&cards);
	cards_close(&cards);
	(void)state;
}

/* A guest that starts has the function on its bus, whatever the previous one was told. */
static void guest_restarts(void **state)
{
	struct cards cards;

	cards_open(&cards);
	hello(&cards, true);
	vf_go(&cards);
	hello(&cards, false);
	hear_vf(&cards, false);
	assert_int_equal(adapter_set_vf(cards.host.adapter, true), 0);
	hear_vf(&cards, true);
	hello(&cards, true);
	hear_nothing(&cards);
	cards_close(&cards);
	(void)state;
}

/* A card's frame goes to the card of the other port, its checksum finished; and is counted. */
static void frames(void **state)
{
	struct {
		struct synthetic_header header;
		uint8_t frame[60];
	} sent = { .header = { .magic = SYNTHETIC_MAGIC,
			       .type = SYNTHETIC_FRAME,
			       .flags = SYNTHETIC_CSUM_PARTIAL,
			       .csum_start = 34,
			       .csum_offset = 6 },
		   .frame = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 8, 0 } };
	struct adapter_port_counters counters;
	struct cards cards;
	uint8_t got[60];

	cards_open(&cards);
	hello(&cards, true);
	memset(sent.frame + 42, 0x11, 18);
	assert_int_equal(send(cards.fd, &sent, sizeof(sent), 0), sizeof(sent));
	assert_int_equal(hear(&cards, SYNTHETIC_FRAME, 1, got, sizeof(got)), sizeof(got));
	/* 9 words of 0x1111: their sum's complement, at the offset that the header names */
	assert_int_equal(got[40] << 8 | got[41], 0xffff - 9 * 0x1111 % 0xffff);
	memset(got + 40, 0, 2);
	assert_memory_equal(got, sent.frame, sizeof(got));
	counters = host_counters(&cards.host, 0);
	assert_int_equal(counters.fabric.tx_frames, 1);
	assert_int_equal(counters.tx_frames, 0);
	cards_close(&cards);
	(void)state;
}

/** card_sends() - from port 0's card to port 1's; @source: the last byte of its source address */
static void card_sends(struct cards *cards, uint8_t source, size_t len, bool tagged)
{
	struct {
		struct synthetic_header header;
		uint8_t frame[2000];
	} sent = { .header = { .magic = SYNTHETIC_MAGIC, .type = SYNTHETIC_FRAME },
		   .frame = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, source, 8, 0 } };

	if (tagged)
		sent.frame[12] = 0x81;
	assert_int_equal(send(cards->fd, &sent, sizeof(sent.header) + len, 0),
			 sizeof(sent.header) + len);
}

static void hear_frame(struct cards *cards, size_t len)
{
	uint8_t got[2048];

	assert_int_equal(hear(cards, SYNTHETIC_FRAME, 1, got, sizeof(got)), len);
}

/** dropped() - the frames that port 0's card must not send, once the last datagram is handled */
static uint64_t dropped(struct cards *cards)
{
	card_sends(cards, 0, 60, false);
	hear_frame(cards, 60);
	return host_counters(&cards->host, 0).tx_errors;
}

/* What the VF must not send, the card must not send either. */
static void a_card_obeys_what_the_vf_obeys(void **state)
{
	struct synthetic_port port;
	struct cards cards;

	cards_open_config(&cards, true);
	hello(&cards, true);
	assert_int_equal(dropped(&cards), 0);
	card_sends(&cards, 7, 60, false);
	assert_int_equal(dropped(&cards), 1);
	assert_true(harness_said("port 0: a synthetic card sends from an address that is not"));
	/* The MTU, to which a tag does not count */
	card_sends(&cards, 0, 1514, false);
	hear_frame(&cards, 1514);
	card_sends(&cards, 0, 1518, true);
	hear_frame(&cards, 1518);
	card_sends(&cards, 0, 1515, false);
	card_sends(&cards, 0, 1518, false);
	card_sends(&cards, 0, 1519, true);
	assert_int_equal(dropped(&cards), 4);
	assert_true(harness_said("a synthetic card sends a frame longer than the MTU"));
	/* The link of the sender */
	assert_int_equal(adapter_set_link(cards.host.adapter, 0, false), -ENOTCONN);
	hear(&cards, SYNTHETIC_PORT, 0, &port, sizeof(port));
	assert_int_equal(port.up, 0);
	card_sends(&cards, 0, 60, false);
	card_sends(&cards, 0, 60, false);
	while (host_counters(&cards.host, 0).tx_errors != 6)
		pause_us(1000);
	assert_int_equal(adapter_set_link(cards.host.adapter, 0, true), -ENOTCONN);
	hear(&cards, SYNTHETIC_PORT, 0, &port, sizeof(port));
	assert_int_equal(dropped(&cards), 6);
	/* The link of the receiver */
	assert_int_equal(adapter_set_link(cards.host.adapter, 1, false), -ENOTCONN);
	hear(&cards, SYNTHETIC_PORT, 1, &port, sizeof(port));
	card_sends(&cards, 0, 60, false);
	while (host_counters(&cards.host, 1).rx_disabled != 1)
		pause_us(1000);
	hear_nothing(&cards);
	cards_close(&cards);
	(void)state;
}

/** card_sends_large() - a large send of TCP with so many bytes of payload, in segments of @gso */
static void card_sends_large(struct cards *cards, size_t payload, uint16_t gso)
{
	struct {
		struct synthetic_header header;
		uint8_t frame[SYNTHETIC_FRAME_MAX];
	} sent = { .header = { .magic = SYNTHETIC_MAGIC,
			       .type = SYNTHETIC_FRAME,
			       .flags = SYNTHETIC_CSUM_PARTIAL | SYNTHETIC_GSO_TCP4,
			       .csum_start = 34,
			       .csum_offset = 16,
			       .hdr_len = 54,
			       .gso_size = gso },
		   .frame = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 8, 0, 0x45, [22] = 64, 6 } };

	sent.frame[16] = (uint8_t)((40 + payload) >> 8);
	sent.frame[17] = (uint8_t)(40 + payload);
	sent.frame[46] = 0x50;
	assert_int_equal(send(cards->fd, &sent, sizeof(sent.header) + 54 + payload, 0),
			 sizeof(sent.header) + 54 + payload);
}

/* A large send is cut over several turns; one that makes too many segments is not cut. */
static void large_sends_are_cut_and_have_a_bound(void **state)
{
	struct cards cards;

	cards_open_config(&cards, true);
	hello(&cards, true);
	card_sends_large(&cards, 2 * 1460 + 100, 1460);
	hear_frame(&cards, 1514);
	hear_frame(&cards, 1514);
	hear_frame(&cards, 154);
	/* 300 segments, in three turns: their order is kept, and nothing comes between them. */
	card_sends_large(&cards, 300 * 50, 50);
	card_sends(&cards, 0, 60, false);
	for (unsigned int i = 0; i < 300; i++)
		hear_frame(&cards, 104);
	hear_frame(&cards, 60);
	assert_int_equal(dropped(&cards), 0);
	card_sends_large(&cards, 2049, 1);
	assert_int_equal(dropped(&cards), 1);
	assert_true(harness_said("a large frame with segments that are too small"));
	card_sends_large(&cards, 3000, 1461);
	assert_int_equal(dropped(&cards), 2);
	assert_true(harness_said("a large frame with segments longer than the MTU"));
	card_sends_large(&cards, 100, 0);
	assert_int_equal(dropped(&cards), 3);
	cards_close(&cards);
	(void)state;
}

/* It neither holds up the thread that has something to say to it, nor a lane, nor loses the order. */
static void a_host_that_does_not_read_holds_up_nobody(void **state)
{
	struct cards cards;
	struct synthetic_port port;
	unsigned int heard = 0;
	struct pollfd more = { .events = POLLIN };

	cards_open(&cards);
	hello(&cards, true);
	/* With half a second's wait for each, this would take an hour. */
	for (unsigned int i = 0; i < 8000; i++)
		adapter_set_link(cards.host.adapter, 0, i % 2);
	assert_true(harness_said("the host of synthetic cards does not read its messages"));
	more.fd = cards.fd;
	while (poll(&more, 1, heard < 64 ? WAIT_MS : QUIET_MS) == 1) {
		hear(&cards, SYNTHETIC_PORT, 0, &port, sizeof(port));
		assert_int_equal(port.up, heard++ % 2);
	}
	assert_range(heard, 64, 7999);
	/* It reads again, and is told again. */
	adapter_set_link(cards.host.adapter, 0, true);
	hear(&cards, SYNTHETIC_PORT, 0, &port, sizeof(port));
	assert_int_equal(port.up, 1);
	cards_close(&cards);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(revoke_and_return),
		cmocka_unit_test(revoke_while_it_returns),
		cmocka_unit_test(guest_restarts),
		cmocka_unit_test(frames),
		cmocka_unit_test(a_card_obeys_what_the_vf_obeys),
		cmocka_unit_test(large_sends_are_cut_and_have_a_bound),
		cmocka_unit_test(a_host_that_does_not_read_holds_up_nobody),
	};

	guard_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
