/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stream sockets: two ports that talk to each other, and peers that the test plays by hand, whole and
 * bad ones.
 */
#include "support.h"
#include "process.h"

#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FRAME_ROOM 65550u

static char folder[] = "/tmp/test-stream-XXXXXX";
static char path[64], spec_listen[96], spec_connect[96];
static uint8_t bytes[FRAME_ROOM], wire[FRAME_ROOM + 4];

static int make_folder(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	snprintf(spec_listen, sizeof(spec_listen), "stream:%s+listen", path);
	snprintf(spec_connect, sizeof(spec_connect), "stream:%s", path);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

/** poll_until() - poll until the receiver has that many frames */
static void poll_until(struct fabric_port *port, const struct receiver *receiver, uint64_t frames)
{
	uint64_t until = now_ms() + PATIENCE_MS;

	while (receiver->frames < frames) {
		assert_true(now_ms() < until);
		if (!fabric_poll(port, 0, 64))
			pause_us(100);
	}
}

/** poll_until_said() - poll until the log says so */
static void poll_until_said(struct fabric_port *port, const char *words, unsigned int times)
{
	uint64_t until = now_ms() + PATIENCE_MS;

	while (logged(words) < times) {
		assert_true(now_ms() < until);
		fabric_poll(port, 0, 64);
		pause_us(100);
	}
}

/** peer() - connect to the listening port by hand */
static int peer(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/** wired() - a frame with its length before it, in wire[]; returns the bytes of both */
static size_t wired(size_t len, unsigned int seed)
{
	uint32_t prefix = htobe32((uint32_t)len);

	memcpy(wire, &prefix, sizeof(prefix));
	make_frame(wire + 4, station(1), station(9), len, seed);
	return len + 4;
}

static void write_all(int fd, const void *from, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t wrote = write(fd, (const uint8_t *)from + done, len - done);

		assert_true(wrote > 0);
		done += (size_t)wrote;
	}
}

static void read_all(int fd, void *to, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t got = read(fd, (uint8_t *)to + done, len - done);

		assert_true(got > 0);
		done += (size_t)got;
	}
}

/** same() - is the kept frame the one that make_frame() makes of these? */
static void same(const struct kept *kept, size_t len, unsigned int seed)
{
	make_frame(bytes, station(1), station(9), len, seed);
	assert_int_equal(kept->frame.len, len);
	assert_memory_equal(kept->bytes, bytes, len);
}

static void test_specs(void **state)
{
	(void)state;
	open_fails("stream", -EINVAL, "a socket is missing|stream:PATH");
	open_fails("stream:/nowhere/socket", -ENOENT,
		   "cannot connect to /nowhere/socket|start the peer first|+listen");
	open_fails("stream:/nowhere/socket+listen", -ENOENT, "cannot listen on /nowhere/socket");
	open_fails("stream:/x+listen=yes", -EINVAL, "listen takes no value");
	open_fails("stream:/x+offload=on", -EINVAL, "offload");
	open_fails("stream::", -EINVAL, "neither a path nor HOST:PORT");
	open_fails("stream:127.0.0.1:1", -ECONNREFUSED, "127.0.0.1:1|start the peer first");
	open_fails("stream:fd:987", -EBADF, "no descriptor was passed for fd:987");
	open_fails("stream:fd:0", -EINVAL, "not a stream socket");
}

static void test_both_ways_any_size(void **state)
{
	static const size_t sizes[] = { 14, 15, 60, 64, 1514, 1518, 9014, 32768, 65535, 65550 };
	const unsigned int n = sizeof(sizes) / sizeof(sizes[0]);
	struct receiver *here = receiver_new(), *there = receiver_new();
	struct fabric_port *listens, *connects;
	struct stat status;

	(void)state;
	catch_log();
	listens = open_port(spec_listen, 1, 1, here);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0077, 0);
	connects = open_port(spec_connect, 2, 1, there);
	for (unsigned int i = 0; i < n; i++) {
		make_frame(bytes, station(1), station(9), sizes[i], i);
		send_one(connects, 0, bytes, sizes[i]);
		poll_until(listens, here, i + 1);
		same(&here->kept[i], sizes[i], i);
		send_one(listens, 0, bytes, sizes[i]);
		poll_until(connects, there, i + 1);
		same(&there->kept[i], sizes[i], i);
	}
	assert_int_equal(logged("a peer has connected"), 1);
	assert_int_equal(counters_of(listens).tx_frames, n);
	assert_int_equal(counters_of(listens).tx_dropped, 0);
	assert_int_equal(counters_of(connects).rx_frames, n);
	assert_true(fabric_fd(listens) >= 0);
	fabric_close(connects);
	fabric_close(listens);
	assert_int_equal(access(path, F_OK), -1);
	receiver_free(here);
	receiver_free(there);
}

static void test_a_full_socket_drops_whole_frames(void **state)
{
	struct receiver *here = receiver_new(), *there = receiver_new();
	struct fabric_port *listens, *connects;
	unsigned int sent = 0, seeds[KEPT_MAX];
	uint64_t before;

	(void)state;
	listens = open_port(spec_listen, 1, 1, here);
	connects = open_port(spec_connect, 2, 1, there);
	/* Nobody reads until frames of all sizes have found no room, some of them in the middle. */
	for (unsigned int i = 0; counters_of(connects).tx_dropped < 20; i++) {
		size_t len = 100 + i * 977 % 9000;

		assert_true(i < KEPT_MAX);
		before = counters_of(connects).tx_frames;
		make_frame(bytes, station(1), station(9), len, i);
		send_one(connects, 0, bytes, len);
		if (counters_of(connects).tx_frames > before)
			seeds[sent++] = i;
	}
	/* The rest of the last frame leaves when there is room again, without another frame. */
	for (uint64_t until = now_ms() + PATIENCE_MS; here->frames < sent;) {
		assert_true(now_ms() < until);
		fabric_poll(listens, 0, 64);
		fabric_poll(connects, 0, 64);
	}
	for (unsigned int i = 0; i < sent; i++)
		same(&here->kept[i], 100 + seeds[i] * 977 % 9000, seeds[i]);
	fabric_close(connects);
	fabric_close(listens);
	receiver_free(here);
	receiver_free(there);
}

static void test_a_frame_in_any_number_of_parts(void **state)
{
	struct receiver *here = receiver_new();
	struct fabric_port *port = open_port(spec_listen, 1, 1, here);
	size_t len = wired(300, 7);
	int fd = peer();

	(void)state;
	for (size_t i = 0; i < len; i++) {
		write_all(fd, wire + i, 1);
		fabric_poll(port, 0, 64);
		if (i + 1 < len)
			assert_int_equal(here->frames, 0);
	}
	poll_until(port, here, 1);
	same(&here->kept[0], 300, 7);
	close(fd);
	fabric_close(port);
	receiver_free(here);
}

static void test_peers_come_and_go(void **state)
{
	struct receiver *here = receiver_new();
	struct fabric_port *port;
	uint32_t prefix;

	(void)state;
	catch_log();
	port = open_port(spec_listen, 1, 1, here);
	/* Without a peer */
	send_one(port, 0, bytes, 60);
	assert_int_equal(counters_of(port).tx_dropped, 1);
	for (unsigned int i = 0; i < 50; i++) {
		size_t len = wired(60 + i, i);
		int fd = peer();

		write_all(fd, wire, len);
		poll_until(port, here, i + 1);
		same(&here->kept[i], 60 + i, i);
		send_one(port, 0, here->kept[i].bytes, 60 + i);
		read_all(fd, &prefix, sizeof(prefix));
		assert_int_equal(be32toh(prefix), 60 + i);
		read_all(fd, bytes, 60 + i);
		assert_memory_equal(bytes, here->kept[i].bytes, 60 + i);
		/* In the middle of a frame */
		write_all(fd, wire, len / 2);
		close(fd);
		/* What peers cause again and again is not told each time. */
		if (i < 5)
			poll_until_said(port, "the peer has left; waiting for the next peer",
					i + 1);
	}
	assert_int_equal(here->frames, 50);
	fabric_close(port);
	receiver_free(here);
}

static void test_bad_peers(void **state)
{
	static const uint32_t absurd[] = { 65551, 0x7fffffff, 0x80000000, 0xffffffff };
	struct receiver *here = receiver_new();
	struct fabric_port *port;
	uint64_t frames = 0;

	(void)state;
	catch_log();
	port = open_port(spec_listen, 1, 1, here);
	for (unsigned int i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++) {
		uint32_t prefix = htobe32(absurd[i]);
		size_t len = wired(100, i);
		int fd = peer();
		char byte;

		/* What came before it counts. */
		write_all(fd, wire, len);
		write_all(fd, &prefix, sizeof(prefix));
		poll_until(port, here, ++frames);
		poll_until_said(port, "a length that no frame has", i + 1);
		assert_int_equal(read(fd, &byte, 1), 0);
		close(fd);
	}
	/* Too short for an Ethernet header: dropped alone */
	{
		static const uint8_t nothing[4], runt[4 + 13] = { 0, 0, 0, 13 };
		size_t len = wired(64, 5);
		int fd = peer();

		write_all(fd, nothing, sizeof(nothing));
		write_all(fd, runt, sizeof(runt));
		write_all(fd, wire, len);
		poll_until(port, here, ++frames);
		same(&here->kept[frames - 1], 64, 5);
		assert_int_equal(counters_of(port).rx_dropped, 2);
		close(fd);
	}
	fabric_close(port);
	receiver_free(here);
}

static void test_a_slow_vport(void **state)
{
	struct receiver *here = receiver_new();
	struct fabric_port *port = open_port(spec_listen, 1, 1, here);
	int fd = peer();

	(void)state;
	here->buffers = 3;
	for (unsigned int i = 0; i < 10; i++)
		write_all(fd, wire, wired(200, i));
	poll_until(port, here, 3);
	fabric_poll(port, 0, 64);
	assert_int_equal(here->frames, 3);
	assert_true(fabric_is_source(port));
	here->buffers = -1;
	poll_until(port, here, 10);
	for (unsigned int i = 0; i < 10; i++)
		same(&here->kept[i], 200, i);
	assert_false(fabric_is_source(port));
	assert_int_equal(counters_of(port).rx_dropped, 0);
	close(fd);
	fabric_close(port);
	receiver_free(here);
}

static void test_a_connected_port_says_that_its_peer_has_left(void **state)
{
	struct receiver *here = receiver_new();
	struct fabric_port *port;
	char spec[32];
	int ends[2];

	(void)state;
	catch_log();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	snprintf(spec, sizeof(spec), "stream:fd:%d", ends[0]);
	port = open_port(spec, 1, 1, here);
	write_all(ends[1], wire, wired(70, 1));
	poll_until(port, here, 1);
	same(&here->kept[0], 70, 1);
	close(ends[1]);
	poll_until_said(port, "disconnected until the adapter is restarted", 1);
	send_one(port, 0, bytes, 60);
	assert_int_equal(counters_of(port).tx_dropped, 1);
	assert_int_equal(fabric_poll(port, 0, 64), 0);
	fabric_close(port);
	receiver_free(here);
}

/** over_tcp() - both ends at an address of this machine */
static void over_tcp(int family, const char *text)
{
	struct receiver *here = receiver_new(), *there = receiver_new();
	struct sockaddr_storage address = { .ss_family = (sa_family_t)family };
	socklen_t size = sizeof(address);
	struct fabric_port *listens, *connects;
	int fd = socket(family, SOCK_STREAM, 0);
	char spec[64];

	/* A port that is free now */
	assert_int_equal(
		bind(fd, (struct sockaddr *)&address,
		     family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)),
		0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	close(fd);
	/* The port is at the same place in both. */
	snprintf(spec, sizeof(spec), "stream:%s:%u+listen", text,
		 ntohs(((struct sockaddr_in *)&address)->sin_port));
	listens = open_port(spec, 1, 1, here);
	*strchr(spec, '+') = '\0';
	connects = open_port(spec, 2, 1, there);
	make_frame(bytes, station(1), station(9), 1514, 3);
	send_one(connects, 0, bytes, 1514);
	poll_until(listens, here, 1);
	same(&here->kept[0], 1514, 3);
	fabric_close(connects);
	fabric_close(listens);
	receiver_free(here);
	receiver_free(there);
}

static void test_over_tcp(void **state)
{
	(void)state;
	over_tcp(AF_INET, "127.0.0.1");
	over_tcp(AF_INET6, "[::1]");
}

/** struct sender - a lane that sends */
struct sender {
	struct fabric_port *port;
	unsigned int lane;
	uint8_t frame[1000];
};

static void *send_many(void *argument)
{
	struct sender *sender = argument;

	for (unsigned int i = 0; i < 20000; i++)
		send_one(sender->port, sender->lane, sender->frame, sizeof(sender->frame));
	return NULL;
}

static void test_lanes_send_at_once(void **state)
{
	struct receiver *here = receiver_new(), *there = receiver_new();
	struct fabric_port *listens = open_port(spec_listen, 1, 1, here);
	struct fabric_port *connects = open_port(spec_connect, 2, 3, there);
	struct sender sender[2];
	pthread_t threads[2];
	uint64_t sent;

	(void)state;
	here->keep = false;
	for (unsigned int i = 0; i < 2; i++) {
		sender[i].port = connects;
		sender[i].lane = i + 1;
		make_frame(sender[i].frame, station(1), station(9), sizeof(sender[i].frame), i);
		assert_int_equal(pthread_create(&threads[i], NULL, send_many, &sender[i]), 0);
	}
	for (unsigned int i = 0; i < 1000; i++) {
		fabric_poll(listens, 0, 64);
		fabric_poll(connects, 0, 64);
	}
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	sent = counters_of(connects).tx_frames;
	assert_int_equal(sent + counters_of(connects).tx_dropped, 40000);
	for (uint64_t until = now_ms() + PATIENCE_MS; here->frames < sent;) {
		assert_true(now_ms() < until);
		fabric_poll(connects, 0, 64);
		fabric_poll(listens, 0, 64);
	}
	assert_int_equal(here->frames, sent);
	assert_int_equal(here->bytes, sent * 1000);
	fabric_close(connects);
	fabric_close(listens);
	receiver_free(here);
	receiver_free(there);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_specs),
		cmocka_unit_test(test_both_ways_any_size),
		cmocka_unit_test(test_a_full_socket_drops_whole_frames),
		cmocka_unit_test(test_a_frame_in_any_number_of_parts),
		cmocka_unit_test(test_peers_come_and_go),
		cmocka_unit_test(test_bad_peers),
		cmocka_unit_test(test_a_slow_vport),
		cmocka_unit_test(test_a_connected_port_says_that_its_peer_has_left),
		cmocka_unit_test(test_over_tcp),
		cmocka_unit_test(test_lanes_send_at_once),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
