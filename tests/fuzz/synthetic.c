/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/synthetic.c - any host of synthetic cards, at the adapter's datagram socket.
 *
 * The socket exists, but its datagrams do not pass through the kernel: the program is linked so that
 * recvfrom() and sendmsg() of the adapter are the functions below. What they do to the adapter is
 * what a socket does, a fifth as expensive.
 *
 * Input: operations, each an opcode byte followed by its arguments. A host sends valid messages
 * with a few bytes changed, or anything at all; the control thread removes the VF and the cards
 * meanwhile. Two vPorts are on a switch and one is on a loop, so that a card's frames reach another
 * one, with the checksums and large frames that were left to the adapter.
 *
 * What must hold: the adapter's messages to the host have the format of docs/vmbus.md, its frames
 * are acceptable to a card, and a host that connects after all this gets every port announced.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "device/state.h"
#include "cost.h"
#include "input.h"
#include "wire/synthetic.h"

#define PORTS     3u
#define OPS_MAX   200u
#define TURNS_MAX 1000u /* until a datagram is handled */
#define ROOM      (SYNTHETIC_FRAME_MAX + 512u)
#define HEADERS   54u /* bytes: Ethernet, IPv4, TCP */
#define ETHERNET  14u
#define CHANGED   26u /* bytes after the headers that may be changed, too */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/fuzz-synthetic-XXXXXX", path[64];
static struct lanes *lanes;
static struct adapter *adapter;
static struct lane_work *reader; /* of the adapter's datagrams */

/* What was announced to the host since its last hello: a bit for each port, and the end */
static unsigned int told;
#define TOLD_END (1u << PORTS)

static uint16_t take16(void)
{
	uint16_t value = take();

	return (uint16_t)(value | take() << 8);
}

/* Change a few bytes, if the input says so */
static void change(uint8_t *bytes, size_t len)
{
	unsigned int n = take();

	if (n < 0x80)
		return;
	for (n &= 7; n; n--)
		bytes[take16() % len] = take();
}

/* ---- The host's end ---- */

/* The datagram that the adapter reads next; no more than one is under way */
static struct {
	const uint8_t *bytes;
	size_t len;
	bool there;
} datagram;

static bool named = true; /* the host's socket has a name, as QEMU's: it can be answered */

ssize_t __wrap_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *from,
			socklen_t *from_len);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

ssize_t __wrap_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *from,
			socklen_t *from_len)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "host" };

	(void)fd;
	require(flags & MSG_DONTWAIT && flags & MSG_TRUNC && *from_len == sizeof(address));
	if (!datagram.there) {
		errno = EAGAIN;
		return -1;
	}
	datagram.there = false;
	memcpy(buffer, datagram.bytes, datagram.len < size ? datagram.len : size);
	memcpy(from, &address, sizeof(address));
	*from_len = named ? sizeof(address) : 0;
	return (ssize_t)datagram.len;
}

/** hear() - check a message from the adapter */
static void hear(const uint8_t *bytes, size_t len)
{
	struct synthetic_header header;

	require(len >= sizeof(header));
	memcpy(&header, bytes, sizeof(header));
	len -= sizeof(header);
	require(header.magic == SYNTHETIC_MAGIC && header.port < PORTS && !header.flags);
	switch (header.type) {
	case SYNTHETIC_PORT:
		require(len == sizeof(struct synthetic_port));
		told |= 1u << header.port;
		break;
	case SYNTHETIC_FRAME:
		require(len >= ETHERNET && len <= SYNTHETIC_FRAME_MAX);
		break;
	case SYNTHETIC_VF:
		require(len == sizeof(uint32_t));
		break;
	case SYNTHETIC_ALL_SAID:
		told |= TOLD_END;
		break;
	default:
		require(header.type == SYNTHETIC_PULL && !len);
	}
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	static uint8_t bytes[ROOM];
	size_t len = 0;

	(void)fd;
	require(flags & MSG_DONTWAIT && flags & MSG_NOSIGNAL && message->msg_namelen);
	for (size_t i = 0; i < message->msg_iovlen; i++) {
		require(message->msg_iov[i].iov_len <= sizeof(bytes) - len);
		if (message->msg_iov[i].iov_len)
			memcpy(bytes + len, message->msg_iov[i].iov_base,
			       message->msg_iov[i].iov_len);
		len += message->msg_iov[i].iov_len;
	}
	hear(bytes, len);
	return (ssize_t)len;
}

/** say() - send a datagram to the adapter, which has handled it on return */
static void say(const uint8_t *bytes, size_t len)
{
	bool more = true;

	datagram.bytes = bytes;
	datagram.len = len;
	datagram.there = true;
	/* The lane has no thread, and looks at no descriptor. */
	lane_kick(reader);
	for (unsigned int n = 0; more; n++) {
		uint32_t start = budget_spent;

		require(n < TURNS_MAX);
		more = lanes_step(lanes);
		cost_bound(start, COST_TURN);
	}
	require(!datagram.there);
}

static void say_number(uint8_t type, uint32_t number)
{
	uint8_t bytes[sizeof(struct synthetic_header) + sizeof(number)];
	struct synthetic_header header = { .magic = SYNTHETIC_MAGIC,
					   .type = type,
					   .port = take() % PORTS };

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), &number, sizeof(number));
	change(bytes, sizeof(bytes));
	say(bytes, sizeof(bytes) - (take() & 0x80 ? take() % sizeof(bytes) : 0));
}

/* ---- Operations ---- */

static void op_hello(void)
{
	say_number(SYNTHETIC_HELLO, 1);
}

static void op_path(void)
{
	say_number(SYNTHETIC_PATH, take() & 1);
}

static void op_vf_done(void)
{
	say_number(SYNTHETIC_VF_DONE, take() & 1);
}

/* A frame: Ethernet, IPv4 or IPv6, TCP or UDP, with changes by the input */
static void op_frame(void)
{
	static const uint8_t tcp4[HEADERS] = { 2, 0,  0,    0, 0, 1,  2,  0, 0, 0, 0,    2,
					       8, 0,  0x45, 0, 0, 80, 0,  1, 0, 0, 64,   6,
					       0, 0,  10,   0, 0, 1,  10, 0, 0, 2, 0,    80,
					       0, 80, 0,    0, 0, 1,  0,  0, 0, 1, 0x50, 0x18 };
	static uint8_t bytes[ROOM];
	uint8_t *frame = bytes + sizeof(struct synthetic_header), how = take();
	size_t len = HEADERS + take16() % (ROOM - HEADERS - sizeof(struct synthetic_header));
	struct synthetic_header header = { .magic = SYNTHETIC_MAGIC,
					   .type = SYNTHETIC_FRAME,
					   .port = how % PORTS,
					   .flags = take() & 7,
					   .csum_start = 34,
					   .csum_offset = 16,
					   .hdr_len = HEADERS,
					   .gso_size = take16() };

	if (!bytes[ROOM - 1])
		memset(bytes, 0x5a, sizeof(bytes));
	memset(frame, 0x5a, HEADERS + CHANGED);
	memcpy(frame, tcp4, sizeof(tcp4));
	frame[5] = how >> 2 & 3;
	frame[16] = (uint8_t)((len - ETHERNET) >> 8);
	frame[17] = (uint8_t)(len - ETHERNET);
	if (how & 16)
		frame[23] = 17;
	if (how & 32) {
		frame[12] = 0x86;
		frame[13] = 0xdd;
		frame[14] = 0x60;
		frame[18] = (uint8_t)((len - HEADERS) >> 8);
		frame[19] = (uint8_t)(len - HEADERS);
		frame[20] = frame[23];
	}
	if (how & 64)
		memset(frame, 0xff, 6);
	memcpy(bytes, &header, sizeof(header));
	change(bytes, sizeof(header));
	change(frame, HEADERS + CHANGED);
	say(bytes, sizeof(header) + len);
}

/* Any bytes; half of the time after the magic number, so that they are parsed */
static void op_raw(void)
{
	uint8_t bytes[128];
	const uint32_t magic = SYNTHETIC_MAGIC;
	size_t len = take() % sizeof(bytes);

	for (size_t i = 0; i < len; i++)
		bytes[i] = take();
	if (len >= sizeof(magic) && take() & 1)
		memcpy(bytes, &magic, sizeof(magic));
	say(bytes, len);
}

static void op_control(void)
{
	uint8_t how = take();

	if (how & 1)
		adapter_set_vf(adapter, how & 2);
	if (how & 4)
		adapter_pull_card(adapter, how >> 4 & 3);
	if (how & 8)
		adapter_set_link(adapter, (how >> 4 & 3) % PORTS, how & 64);
}

/* Another host instead, as after a guest's restart; or one that cannot be answered */
static void op_again(void)
{
	named = take() & 1;
}

static void (*const operations[])(void) = { op_hello, op_frame,   op_path, op_vf_done,
					    op_raw,   op_control, op_again };

/* ---- */

static void clean_up(void)
{
	adapter_close(adapter);
	lanes_stop(lanes);
	rmdir(folder);
}

static void start(void)
{
	struct adapter_config config = {
		.name = "fuzz", .socket = path, .synthetic = true, .ports = PORTS
	};
	struct error error;

	require(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/socket", folder);
	for (uint8_t i = 0; i < PORTS; i++)
		config.port[i] =
			(struct adapter_port_config){ .mac = { 2, 0, 0, 0, 0, i },
						      .fabric = i < 2 ? "switch:fuzz" : "loop",
						      .mtu = 1500,
						      .queues = 1 };
	require(lanes_embed(1, &lanes) == 0);
	require(adapter_open(&config, lanes, &adapter, &error) == 0);
	reader = (struct lane_work *)adapter->synthetic; /* its first member */
	atexit(clean_up);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int n = 0;

	if (!adapter)
		start();
	in = data;
	left = size;
	while (left && n++ < OPS_MAX)
		operations[take() % (sizeof(operations) / sizeof(operations[0]))]();

	left = 0;
	named = true;
	told = 0;
	op_hello();
	require(told == (TOLD_END | (TOLD_END - 1)));
	adapter_set_vf(adapter, true);
	for (unsigned int i = 0; i < PORTS; i++)
		adapter_set_link(adapter, i, true);
	return 0;
}
