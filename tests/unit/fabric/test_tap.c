/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tap, against the kernel: in a network namespace of the test's own, with a packet
 * socket on the interface, and TCP between two namespaces across two taps. Needs root.
 */
#include "support.h"
#include "emulated.h"
#include "process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAME_ROOM 70000u

static struct fabric_port *open_tap(const char *spec, uint16_t mtu, unsigned int lanes,
				    struct receiver *receiver)
{
	struct fabric_port_config config = { .mtu = mtu, .lanes = lanes, .queues = 1 };
	struct fabric_receiver side = receiver_side(receiver);
	struct fabric_port *port;
	struct error error;

	memcpy(config.mac, station(1), 6);
	if (fabric_open(spec, &config, &side, &port, &error))
		fail_msg("%s", error.text);
	return port;
}

/* Asks the kernel about an interface. Return: false if there is none */
static bool interface(const char *name, int *mtu, short *flags)
{
	int control = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq request = { 0 };
	bool there;

	assert_true(control >= 0);
	strcpy(request.ifr_name, name);
	there = !ioctl(control, SIOCGIFFLAGS, &request);
	*flags = request.ifr_flags;
	if (there)
		assert_int_equal(ioctl(control, SIOCGIFMTU, &request), 0);
	*mtu = request.ifr_mtu;
	close(control);
	return there;
}

static void set_interface(const char *name, bool up, int mtu)
{
	int control = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq request = { .ifr_mtu = mtu };

	assert_true(control >= 0);
	strcpy(request.ifr_name, name);
	assert_int_equal(ioctl(control, SIOCSIFMTU, &request), 0);
	assert_int_equal(ioctl(control, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
	assert_int_equal(ioctl(control, SIOCSIFFLAGS, &request), 0);
	close(control);
}

/* Creates a persistent interface. */
static int make_persistent(const char *name, int flags)
{
	struct ifreq request = { .ifr_flags = (short)flags };
	int fd = open("/dev/net/tun", O_RDWR);

	assert_true(fd >= 0);
	strcpy(request.ifr_name, name);
	assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
	assert_int_equal(ioctl(fd, TUNSETPERSIST, 1), 0);
	return fd;
}

static void delete_interface(const char *name)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = RTM_DELLINK,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.info = { .ifi_index = (int)if_nametoindex(name) },
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} answer;
	int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	assert_true(netlink >= 0);
	assert_int_equal(send(netlink, &request, sizeof(request), 0), sizeof(request));
	assert_true(recv(netlink, &answer, sizeof(answer), 0) > 0);
	assert_int_equal(answer.error.error, 0);
	close(netlink);
}

/* The other side of a tap; frames come and go with a virtio_net_hdr. */
static int packet_socket(const char *name)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_ALL),
				       .sll_ifindex = (int)if_nametoindex(name) };
	int yes = 1, room = 1 << 22, fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof(yes)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void host_sends(int packet, const struct virtio_net_hdr *header, const void *bytes,
		       size_t len)
{
	static const struct virtio_net_hdr nothing;
	struct iovec iov[2] = {
		{ (void *)(uintptr_t)(header ? header : &nothing), sizeof(nothing) },
		{ (void *)(uintptr_t)bytes, len },
	};

	assert_int_equal(writev(packet, iov, 2), sizeof(nothing) + len);
}

/* Return: length of the next frame the host gets; 0 if there is none */
static size_t host_receives(int packet, struct virtio_net_hdr *header, uint8_t *bytes)
{
	struct iovec iov[2] = { { header, sizeof(*header) }, { bytes, FRAME_ROOM } };
	struct pollfd fd = { .fd = packet, .events = POLLIN };
	ssize_t got;

	if (poll(&fd, 1, 100) == 0)
		return 0;
	got = readv(packet, iov, 2);
	assert_true(got >= (ssize_t)sizeof(*header));
	return (size_t)got - sizeof(*header);
}

/* Polls until @n frames have come or nothing more does. */
static void poll_for(struct fabric_port *port, unsigned int n)
{
	struct pollfd fd = { .fd = fabric_fd(port), .events = POLLIN };

	for (unsigned int got = 0; got < n;) {
		assert_int_equal(poll(&fd, 1, 1000), 1);
		got += fabric_poll(port, 0, n - got);
	}
}

static void a_tap_is_created_and_removed(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_tap("tap:made", 9000, 1, receiver);
	short flags;
	int mtu;

	(void)state;
	assert_true(interface("made", &mtu, &flags));
	assert_int_equal(mtu, 9000);
	assert_true(flags & IFF_UP);
	assert_int_equal(fabric_caps(port), FABRIC_CSUM | FABRIC_GSO);
	assert_true(fabric_fd(port) >= 0);
	assert_false(fabric_is_source(port));
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	fabric_close(port);
	assert_false(interface("made", &mtu, &flags));
	receiver_free(receiver);
}

static void frames_go_both_ways(void **state)
{
	static const size_t sizes[] = { 14, 15, 60, 63, 64, 1514, 1515, 4096, 9014 };
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_tap("tap:both", 9000, 1, receiver);
	uint8_t bytes[9014], got[FRAME_ROOM];
	int packet = packet_socket("both");
	struct virtio_net_hdr header;
	uint64_t sum = 0;
	size_t count = sizeof(sizes) / sizeof(sizes[0]);

	(void)state;
	for (unsigned int i = 0; i < count; i++) {
		size_t len = make_frame(bytes, station(2), station(1), sizes[i], i);
		struct iovec iov[4] = {
			{ bytes, 1 }, { bytes + 1, 0 }, { bytes + 1, 13 }, { bytes + 14, len - 14 }
		};
		struct frame frame = { .iov = iov, .iovcnt = 4, .len = (uint32_t)len };

		fabric_send(port, 0, &frame, 1);
		assert_int_equal(host_receives(packet, &header, got), len);
		assert_memory_equal(got, bytes, len);
		assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_NONE);
		sum += len;

		host_sends(packet, NULL, bytes, len);
		poll_for(port, 1);
		assert_int_equal(receiver->kept_count, i + 1);
		assert_int_equal(receiver->kept[i].frame.len, len);
		assert_int_equal(receiver->kept[i].frame.flags, 0);
		assert_memory_equal(receiver->kept[i].bytes, bytes, len);
	}
	assert_int_equal(counters_of(port).tx_frames, count);
	assert_int_equal(counters_of(port).tx_bytes, sum);
	assert_int_equal(counters_of(port).rx_frames, count);
	assert_int_equal(counters_of(port).rx_bytes, sum);
	assert_int_equal(counters_of(port).tx_dropped + counters_of(port).rx_dropped, 0);

	/* a frame that the kernel does not accept */
	catch_log();
	send_one(port, 0, bytes, 13);
	send_one(port, 0, bytes, 13);
	assert_int_equal(counters_of(port).tx_dropped, 2);
	assert_int_equal(logged("does not accept"), 1);
	close(packet);
	fabric_close(port);
	receiver_free(receiver);
	log_set(NULL, LOG_ERROR);
}

static void bursts_keep_their_order(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_tap("tap:burst", 1500, 1, receiver);
	int packet = packet_socket("burst");
	uint8_t bytes[1514];

	(void)state;
	for (unsigned int i = 0; i < 200; i++)
		host_sends(packet, NULL, bytes,
			   make_frame(bytes, station(1), station(2), 60 + i * 7, i));
	poll_for(port, 200);
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	assert_int_equal(receiver->kept_count, 200);
	assert_true(receiver->largest > 16);
	for (unsigned int i = 0; i < 200; i++) {
		make_frame(bytes, station(1), station(2), 60 + i * 7, i);
		assert_int_equal(receiver->kept[i].frame.len, 60 + i * 7);
		assert_memory_equal(receiver->kept[i].bytes, bytes, 60 + i * 7);
	}
	close(packet);
	fabric_close(port);
	receiver_free(receiver);
}

/* Makes the checksum of a frame of ip_frame() partial: TCP over IPv4 or IPv6. */
static void make_partial(uint8_t *frame, int version)
{
	uint8_t *ip = frame + 14, *tcp = ip + (version == 4 ? 20 : 40), pseudo[40] = { 0 };
	uint32_t len;
	uint16_t sum;

	if (version == 4) {
		len = (uint32_t)(ip[2] << 8 | ip[3]) - 20;
		memcpy(pseudo, ip + 12, 8);
	} else {
		len = (uint32_t)(ip[4] << 8 | ip[5]);
		memcpy(pseudo, ip + 8, 32);
	}
	pseudo[34] = (uint8_t)(len >> 8);
	pseudo[35] = (uint8_t)len;
	pseudo[39] = 6;
	sum = (uint16_t)~sum16(0, pseudo, sizeof(pseudo));
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
}

static void offloads_go_to_the_host(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_tap("tap:offload", 1500, 1, receiver);
	uint8_t *bytes = malloc(FRAME_ROOM), *got = malloc(FRAME_ROOM);
	int packet = packet_socket("offload");
	struct virtio_net_hdr header;

	(void)state;
	for (int version = 4; version <= 6; version += 2) {
		uint16_t l4 = version == 4 ? 34 : 54;
		size_t len = ip_frame(bytes, station(2), station(1), version, 6, 500);
		struct iovec iov[2] = { { bytes, 70 }, { bytes + 70, len - 70 } };
		struct frame frame = {
			.iov = iov,
			.iovcnt = 2,
			.len = (uint32_t)len,
			.flags = FRAME_CSUM_PARTIAL,
			.csum_start = l4,
			.csum_offset = 16,
		};

		make_partial(bytes, version);
		fabric_send(port, 0, &frame, 1);
		assert_int_equal(host_receives(packet, &header, got), len);
		assert_memory_equal(got, bytes, len);
		assert_int_equal(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(header.csum_start, l4);
		assert_int_equal(header.csum_offset, 16);
		assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_NONE);

		/* the largest there can be */
		len = ip_frame(bytes, station(2), station(1), version, 6, 65495);
		make_partial(bytes, version);
		iov[1].iov_len = len - 70;
		frame.len = (uint32_t)len;
		frame.flags |= version == 4 ? FRAME_GSO_TCP4 : FRAME_GSO_TCP6;
		frame.hdr_len = (uint16_t)(l4 + 20);
		frame.gso_size = 1400;
		if (version == 6) {
			/* 20 bytes more of header: over what a frame can be; as large as it can */
			len = ip_frame(bytes, station(2), station(1), version, 6,
				       FABRIC_FRAME_MAX - 74);
			make_partial(bytes, version);
			iov[1].iov_len = len - 70;
			frame.len = (uint32_t)len;
		}
		fabric_send(port, 0, &frame, 1);
		assert_int_equal(host_receives(packet, &header, got), len);
		assert_memory_equal(got, bytes, len);
		assert_int_equal(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(header.gso_type, version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4
							       : VIRTIO_NET_HDR_GSO_TCPV6);
		assert_int_equal(header.gso_size, 1400);
	}
	assert_int_equal(counters_of(port).tx_gso_frames, 2);
	assert_int_equal(counters_of(port).tx_csum_frames, 4);
	assert_int_equal(counters_of(port).tx_dropped, 0);
	close(packet);
	fabric_close(port);
	receiver_free(receiver);
	free(bytes);
	free(got);
}

static void offloads_come_from_the_host(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_tap("tap:offload", 1500, 1, receiver);
	uint8_t *bytes = malloc(FRAME_ROOM);
	int packet = packet_socket("offload");
	const struct kept *kept = receiver->kept;

	(void)state;
	for (int version = 4; version <= 6; version += 2, kept += 2) {
		uint16_t l4 = version == 4 ? 34 : 54;
		struct virtio_net_hdr header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
						 .csum_start = l4,
						 .csum_offset = 16 };
		size_t len = ip_frame(bytes, station(1), station(2), version, 6, 500);

		make_partial(bytes, version);
		host_sends(packet, &header, bytes, len);
		poll_for(port, 1);
		assert_int_equal(kept[0].frame.len, len);
		assert_memory_equal(kept[0].bytes, bytes, len);
		assert_int_equal(kept[0].frame.flags, FRAME_CSUM_PARTIAL);
		assert_int_equal(kept[0].frame.csum_start, l4);
		assert_int_equal(kept[0].frame.csum_offset, 16);

		len = ip_frame(bytes, station(1), station(2), version, 6, 64000);
		make_partial(bytes, version);
		header.gso_type =
			version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
		header.gso_size = 1400;
		header.hdr_len = (uint16_t)(l4 + 20);
		host_sends(packet, &header, bytes, len);
		poll_for(port, 1);
		assert_int_equal(kept[1].frame.len, len);
		assert_memory_equal(kept[1].bytes, bytes, len);
		assert_int_equal(kept[1].frame.flags,
				 FRAME_CSUM_PARTIAL |
					 (version == 4 ? FRAME_GSO_TCP4 : FRAME_GSO_TCP6));
		assert_int_equal(kept[1].frame.gso_size, 1400);
		assert_int_equal(kept[1].frame.hdr_len, l4 + 20);
		assert_int_equal(kept[1].frame.csum_start, l4);
	}
	close(packet);
	fabric_close(port);
	receiver_free(receiver);
	free(bytes);
}

static void without_offload_the_host_does_it(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_tap("tap:plain+offload=off", 1500, 1, receiver);
	struct fabric_port *sink = open_port("sink+verify", 1, 1, NULL);
	struct virtio_net_hdr header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					 .csum_start = 34,
					 .csum_offset = 16,
					 .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
					 .gso_size = 1400,
					 .hdr_len = 54 };
	uint8_t *bytes = malloc(FRAME_ROOM);
	int packet = packet_socket("plain");
	size_t len = ip_frame(bytes, station(1), station(2), 4, 6, 20 * 1400 + 1), payload = 0;

	(void)state;
	assert_int_equal(fabric_caps(port), 0);
	make_partial(bytes, 4);
	host_sends(packet, &header, bytes, len);
	poll_for(port, 21);
	for (unsigned int i = 0; i < 21; i++) {
		const struct kept *kept = &receiver->kept[i];

		assert_int_equal(kept->frame.flags & (FRAME_GSO | FRAME_CSUM_PARTIAL), 0);
		assert_memory_equal(kept->bytes + 54, bytes + 54 + payload, kept->frame.len - 54);
		payload += kept->frame.len - 54;
		send_one(sink, 0, kept->bytes, kept->frame.len);
	}
	assert_int_equal(payload, 20 * 1400 + 1);
	assert_int_equal(counters_of(sink).tx_bad, 0);
	close(packet);
	fabric_close(sink);
	fabric_close(port);
	receiver_free(receiver);
	free(bytes);
}

static void tags_stay_in_their_place(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_tap("tap:tags", 1500, 1, receiver);
	int packet = packet_socket("tags");
	uint8_t bytes[200];

	(void)state;
	make_frame(bytes, station(1), station(2), sizeof(bytes), 3);
	memcpy(bytes + 12, (uint8_t[]){ 0x81, 0, 0x60, 42, TYPE_TEST >> 8, TYPE_TEST & 0xff }, 6);
	host_sends(packet, NULL, bytes, sizeof(bytes));
	poll_for(port, 1);
	assert_int_equal(receiver->kept[0].frame.len, sizeof(bytes));
	assert_memory_equal(receiver->kept[0].bytes, bytes, sizeof(bytes));
	close(packet);
	fabric_close(port);
	receiver_free(receiver);
}

static void frames_wait_for_buffers_but_not_forever(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_tap("tap:wait", 1500, 1, receiver);
	int packet = packet_socket("wait");
	uint8_t bytes[60];

	(void)state;
	/* kept, and delivered in order as buffers become available */
	receiver->buffers = 0;
	for (unsigned int i = 0; i < 10; i++)
		host_sends(packet, NULL, bytes, make_frame(bytes, station(1), station(2), 60, i));
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	assert_true(fabric_is_source(port));
	receiver->buffers = 4;
	assert_int_equal(fabric_poll(port, 0, 3), 3);
	assert_int_equal(fabric_poll(port, 0, 32), 1);
	assert_true(fabric_is_source(port));
	receiver->buffers = -1;
	assert_int_equal(fabric_poll(port, 0, 32), 6);
	assert_false(fabric_is_source(port));
	for (unsigned int i = 0; i < 10; i++) {
		make_frame(bytes, station(1), station(2), 60, i);
		assert_memory_equal(receiver->kept[i].bytes, bytes, 60);
	}
	assert_int_equal(counters_of(port).rx_dropped, 0);

	/* slow, but alive: nothing is lost however long it takes */
	for (unsigned int i = 0; i < 10; i++)
		host_sends(packet, NULL, bytes, make_frame(bytes, station(1), station(2), 60, i));
	for (unsigned int i = 0; i < 10; i++) {
		receiver->buffers = 1;
		assert_int_equal(fabric_poll(port, 0, 32), 1);
		pause_us(10000);
	}
	assert_int_equal(counters_of(port).rx_dropped, 0);
	assert_int_equal(counters_of(port).rx_frames, 20);

	/* dead: dropped after a while, and from then on at once */
	receiver->buffers = 0;
	for (unsigned int i = 0; i < 5; i++)
		host_sends(packet, NULL, bytes, sizeof(bytes));
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	assert_int_equal(counters_of(port).rx_dropped, 0);
	pause_us(25000);
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	assert_int_equal(counters_of(port).rx_dropped, 5);
	/* It is asked once more, for what may be behind them. */
	assert_true(fabric_is_source(port));
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	assert_false(fabric_is_source(port));
	for (unsigned int i = 0; i < 5; i++)
		host_sends(packet, NULL, bytes, sizeof(bytes));
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	assert_int_equal(counters_of(port).rx_dropped, 10);

	/* then it gets another chance */
	pause_us(120000);
	host_sends(packet, NULL, bytes, sizeof(bytes));
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	assert_int_equal(counters_of(port).rx_dropped, 10);
	receiver->buffers = -1;
	assert_int_equal(fabric_poll(port, 0, 32), 1);
	assert_int_equal(counters_of(port).rx_frames, 21);
	close(packet);
	fabric_close(port);
	receiver_free(receiver);
}

static void bad_taps_are_refused(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_tap("tap:mine", 1500, 1, receiver);
	int tun = make_persistent("layer3", IFF_TUN | IFF_NO_PI);

	(void)state;
	open_fails("tap:mine", -EBUSY, "mine|in use|another name");
	open_fails("tap:lo", -EINVAL, "lo|not a tap");
	open_fails("tap:layer3", -EINVAL, "layer3|not a tap");
	open_fails("tap:sixteencharacter", -ENAMETOOLONG, "sixteencharacter|at most 15");
	open_fails("tap:a/b", -EINVAL, "a/b");
	open_fails("tap:a b", -EINVAL, "a b");
	open_fails("tap:tap%d", -EINVAL, "tap%d");
	open_fails("tap:..", -EINVAL, "'..'");
	fabric_close(port);
	ioctl(tun, TUNSETPERSIST, 0);
	close(tun);
	receiver_free(receiver);
}

static void without_permission_it_says_what_to_do(void **state)
{
	struct __user_cap_header_struct who = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];
	int status;
	pid_t child;

	(void)state;
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct fabric_port_config config = { .mtu = 1500, .lanes = 1, .mac = { 2 } };
		struct fabric_port *port;
		struct error error = { "" };
		int rc;

		if (syscall(SYS_capget, &who, caps))
			_exit(1);
		caps[CAP_NET_ADMIN / 32].effective &= ~(1u << CAP_NET_ADMIN % 32);
		if (syscall(SYS_capset, &who, caps))
			_exit(2);
		rc = fabric_open("tap:denied", &config, NULL, &port, &error);
		_exit(rc != -EPERM                                  ? 3
		      : !strstr(error.text, "CAP_NET_ADMIN")        ? 4
		      : !strstr(error.text, "ip tuntap add denied") ? 5
								    : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_tap_that_exists_is_used_as_it_is(void **state)
{
	static const int kinds[] = { IFF_TAP | IFF_NO_PI, IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct receiver *receiver = receiver_new();
		int maker = make_persistent("given", kinds[i]), packet, mtu;
		struct virtio_net_hdr header;
		uint8_t bytes[100], got[FRAME_ROOM];
		struct fabric_port *port;
		short flags;

		close(maker);
		set_interface("given", false, 1400);
		catch_log();
		port = open_tap("tap:given", 1500, 1, receiver);
		assert_int_equal(logged("ip link set given up"), 1);
		assert_int_equal(logged("MTU of 1400"), 1);
		assert_true(interface("given", &mtu, &flags));
		assert_int_equal(mtu, 1400);
		assert_false(flags & IFF_UP);

		/* nothing gets through while it is down */
		make_frame(bytes, station(2), station(1), sizeof(bytes), 1);
		send_one(port, 0, bytes, sizeof(bytes));
		assert_int_equal(counters_of(port).tx_dropped, 1);
		assert_int_equal(logged("check that it is up"), 1);
		set_interface("given", true, 1400);
		packet = packet_socket("given");
		send_one(port, 0, bytes, sizeof(bytes));
		assert_int_equal(host_receives(packet, &header, got), sizeof(bytes));
		assert_memory_equal(got, bytes, sizeof(bytes));
		host_sends(packet, NULL, bytes, sizeof(bytes));
		poll_for(port, 1);
		close(packet);

		fabric_close(port);
		assert_true(interface("given", &mtu, &flags));
		delete_interface("given");
		receiver_free(receiver);
		log_set(NULL, LOG_ERROR);
	}
}

/** passed() - the spec of a tap that is passed as a descriptor */
static const char *passed(int fd)
{
	static char spec[32];

	snprintf(spec, sizeof(spec), "tap:fd:%d", fd);
	return spec;
}

static void a_tap_that_is_passed_is_used(void **state)
{
	int fd = make_persistent("handed", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
	struct receiver *receiver = receiver_new();
	uint8_t bytes[100], got[FRAME_ROOM];
	struct virtio_net_hdr header;
	struct fabric_port *port;
	int packet, other;

	(void)state;
	set_interface("handed", true, 1500);
	packet = packet_socket("handed");
	port = open_port(passed(fd), 1, 1, receiver);
	make_frame(bytes, station(2), station(1), sizeof(bytes), 1);
	send_one(port, 0, bytes, sizeof(bytes));
	assert_int_equal(host_receives(packet, &header, got), sizeof(bytes));
	assert_memory_equal(got, bytes, sizeof(bytes));
	host_sends(packet, NULL, bytes, sizeof(bytes));
	poll_for(port, 1);
	close(packet);
	fabric_close(port);
	delete_interface("handed");
	receiver_free(receiver);

	open_fails("tap:fd:1000", -EBADF, "no descriptor was passed|fd:1000");
	open_fails("tap:fd:name", -EBADF, "no descriptor was passed|fd:name");
	other = open("/dev/null", O_RDWR);
	open_fails(passed(other), -EINVAL, "is not a tap|TUNSETIFF");
	close(other);
	other = make_persistent("layer3", IFF_TUN | IFF_NO_PI);
	open_fails(passed(other), -EINVAL, "layer3|attached otherwise|IFF_VNET_HDR");
	ioctl(other, TUNSETPERSIST, 0);
	close(other);
}

static void a_deleted_tap_is_reported_once(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_tap("tap:doomed", 1500, 1, receiver);
	struct pollfd fd = { .fd = fabric_fd(port), .events = POLLIN };
	uint8_t bytes[60];

	(void)state;
	catch_log();
	delete_interface("doomed");
	make_frame(bytes, station(2), station(1), sizeof(bytes), 1);
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	send_one(port, 0, bytes, sizeof(bytes));
	assert_int_equal(fabric_poll(port, 0, 32), 0);
	assert_int_equal(counters_of(port).tx_dropped, 1);
	assert_int_equal(logged("was deleted"), 1);
	/* no lane spins on it */
	assert_int_equal(poll(&fd, 1, 0), 0);
	fabric_close(port);
	receiver_free(receiver);
	log_set(NULL, LOG_ERROR);
}

struct poller {
	pthread_t thread;
	struct fabric_port *port;
	unsigned int lane;
	_Atomic bool *stop;
};

static void *poller_main(void *arg)
{
	struct poller *poller = arg;

	while (!atomic_load(poller->stop)) {
		if (!fabric_poll(poller->port, poller->lane, 8))
			sched_yield();
	}
	return NULL;
}

static void lanes_that_poll_together_keep_the_order(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_tap("tap:lanes", 1500, 2, receiver);
	int packet = packet_socket("lanes");
	_Atomic bool stop = false;
	struct poller pollers[2];
	uint8_t bytes[60];

	(void)state;
	receiver->slow = true;
	for (unsigned int i = 0; i < 2; i++) {
		pollers[i] = (struct poller){ .port = port, .lane = i, .stop = &stop };
		assert_int_equal(pthread_create(&pollers[i].thread, NULL, poller_main, &pollers[i]),
				 0);
	}
	for (unsigned int i = 0; i < 3000; i++) {
		make_frame(bytes, station(1), station(2), 60, 0);
		bytes[14] = (uint8_t)(i >> 8);
		bytes[15] = (uint8_t)i;
		host_sends(packet, NULL, bytes, 60);
		/* no more than the interface's queue holds */
		for (unsigned int wait = 0; i % 100 == 99 && wait < 5000; wait++) {
			if (counters_of(port).rx_frames == i + 1)
				break;
			pause_us(1000);
		}
	}
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(pollers[i].thread, NULL);
	assert_int_equal(receiver->kept_count, 3000);
	for (unsigned int i = 0; i < 3000; i++)
		assert_int_equal(receiver->kept[i].bytes[14] << 8 | receiver->kept[i].bytes[15], i);
	close(packet);
	fabric_close(port);
	receiver_free(receiver);
}

/*
 * TCP from one namespace to another, across two taps with a wire between them.
 */
#define STREAM_SIZE (64u << 20) /* bytes each way */

struct wire {
	struct fabric_port *ends[2];
	_Atomic bool stop;
};

static unsigned int cross(void *ctx, unsigned int lane, const struct frame *frames, unsigned int n)
{
	fabric_send(*(struct fabric_port **)ctx, lane, frames, n);
	return n;
}

static void *wire_main(void *arg)
{
	struct wire *wire = arg;
	struct pollfd fds[2] = { { .fd = fabric_fd(wire->ends[0]), .events = POLLIN },
				 { .fd = fabric_fd(wire->ends[1]), .events = POLLIN } };

	while (!atomic_load(&wire->stop)) {
		poll(fds, 2, 50);
		for (unsigned int i = 0; i < 2; i++)
			fabric_poll(wire->ends[i], 0, 64);
	}
	return NULL;
}

static struct fabric_port *plug_end(const char *spec, unsigned int mac, struct fabric_port **other,
				    const char *address)
{
	struct fabric_port_config config = { .mtu = 1500, .lanes = 1, .queues = 1 };
	struct fabric_receiver receiver = { .deliver = cross, .ctx = other };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct ifreq request = { 0 };
	struct fabric_port *port;
	struct error error;
	int control = socket(AF_INET, SOCK_DGRAM, 0);

	memcpy(config.mac, station(mac), 6);
	if (fabric_open(spec, &config, &receiver, &port, &error))
		fail_msg("%s", error.text);
	strcpy(request.ifr_name, strchr(spec, ':') + 1);
	inet_pton(AF_INET, address, &in.sin_addr);
	memcpy(&request.ifr_addr, &in, sizeof(in));
	assert_int_equal(ioctl(control, SIOCSIFADDR, &request), 0);
	in.sin_addr.s_addr = htonl(0xffffff00);
	memcpy(&request.ifr_netmask, &in, sizeof(in));
	assert_int_equal(ioctl(control, SIOCSIFNETMASK, &request), 0);
	close(control);
	return port;
}

static uint8_t stream_byte(size_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) + (at >> 16) * 7);
}

static void *talk(void *arg)
{
	int fd = *(int *)arg;
	uint8_t bytes[32768];

	for (size_t at = 0; at < STREAM_SIZE;) {
		size_t done = 0;

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = stream_byte(at + i);
		while (done < sizeof(bytes)) {
			ssize_t sent = send(fd, bytes + done, sizeof(bytes) - done, MSG_NOSIGNAL);

			if (sent <= 0)
				return "send failed";
			done += (size_t)sent;
		}
		at += sizeof(bytes);
	}
	return NULL;
}

static void *listen_to(void *arg)
{
	int fd = *(int *)arg;
	uint8_t bytes[65536];

	for (size_t at = 0; at < STREAM_SIZE;) {
		ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

		if (got <= 0)
			return "recv failed";
		for (ssize_t i = 0; i < got; i++, at++) {
			if (bytes[i] != stream_byte(at))
				return "wrong byte";
		}
	}
	return NULL;
}

static void tcp_crosses_two_taps(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(5001) };
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), server, fds[2];
	struct timeval patience = { .tv_sec = 20 };
	struct wire wire = { .stop = false };
	pthread_t thread, talkers[2], listeners[2];

	(void)state;
	assert_true(here >= 0);
	wire.ends[0] = plug_end("tap:left", 1, &wire.ends[1], "192.0.2.1");
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	wire.ends[1] = plug_end("tap:right", 2, &wire.ends[0], "192.0.2.2");
	server = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server, 1), 0);
	assert_int_equal(setns(here, CLONE_NEWNET), 0);
	assert_int_equal(pthread_create(&thread, NULL, wire_main, &wire), 0);

	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	inet_pton(AF_INET, "192.0.2.2", &address.sin_addr);
	assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)),
			 0);
	assert_int_equal(connect(fds[0], (struct sockaddr *)&address, sizeof(address)), 0);
	fds[1] = accept(server, NULL, NULL);
	assert_true(fds[1] >= 0);
	for (unsigned int i = 0; i < 2; i++) {
		setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		setsockopt(fds[i], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		pthread_create(&talkers[i], NULL, talk, &fds[i]);
		pthread_create(&listeners[i], NULL, listen_to, &fds[i]);
	}
	for (unsigned int i = 0; i < 2; i++) {
		void *why;

		pthread_join(talkers[i], &why);
		assert_null(why);
		pthread_join(listeners[i], &why);
		assert_null(why);
	}
	atomic_store(&wire.stop, true);
	pthread_join(thread, NULL);

	for (unsigned int i = 0; i < 2; i++) {
		struct fabric_counters counters = counters_of(wire.ends[i]);

		assert_true(counters.rx_bytes > STREAM_SIZE);
		assert_true(counters.tx_gso_frames > 100);
		assert_true(counters.tx_csum_frames >= counters.tx_gso_frames);
		assert_int_equal(counters.tx_dropped + counters.rx_dropped, 0);
		assert_int_equal(counters.tx_frames, counters_of(wire.ends[!i]).rx_frames);
		close(fds[i]);
	}
	for (unsigned int i = 0; i < 2; i++)
		fabric_close(wire.ends[i]);
	close(server);
	close(here);
}

static void quiet(const char *name)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC);

	/* A kernel without IPv6 has nothing to say either. */
	if (fd < 0)
		return;
	assert_int_equal(write(fd, "1", 1), 1);
	close(fd);
}

static int enter_namespace(void **state)
{
	(void)state;
	if (geteuid()) {
		fprintf(stderr, "this test creates taps in a network namespace: run it as root\n");
		return -1;
	}
	if (unshare(CLONE_NEWNET)) {
		fprintf(stderr, "cannot create a network namespace: %s\n", strerror(errno));
		return -1;
	}
	/* The kernel's own IPv6 chatter would be counted. */
	quiet("/proc/sys/net/ipv6/conf/default/disable_ipv6");
	return 0;
}

int main(void)
{
	/* Those that need no socket on the host's side */
	const struct CMUnitTest few[] = {
		cmocka_unit_test(a_tap_is_created_and_removed),
		cmocka_unit_test(bad_taps_are_refused),
		cmocka_unit_test(without_permission_it_says_what_to_do),
		cmocka_unit_test(a_deleted_tap_is_reported_once),
		cmocka_unit_test(tcp_crosses_two_taps),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tap_is_created_and_removed),
		cmocka_unit_test(frames_go_both_ways),
		cmocka_unit_test(bursts_keep_their_order),
		cmocka_unit_test(offloads_go_to_the_host),
		cmocka_unit_test(offloads_come_from_the_host),
		cmocka_unit_test(without_offload_the_host_does_it),
		cmocka_unit_test(tags_stay_in_their_place),
		cmocka_unit_test(frames_wait_for_buffers_but_not_forever),
		cmocka_unit_test(bad_taps_are_refused),
		cmocka_unit_test(without_permission_it_says_what_to_do),
		cmocka_unit_test(a_tap_that_exists_is_used_as_it_is),
		cmocka_unit_test(a_tap_that_is_passed_is_used),
		cmocka_unit_test(a_deleted_tap_is_reported_once),
		cmocka_unit_test(lanes_that_poll_together_keep_the_order),
		cmocka_unit_test(tcp_crosses_two_taps),
	};

	if (emulated("single frames through a tap", "it has no PACKET_VNET_HDR"))
		return cmocka_run_group_tests_name("fabric tap", few, enter_namespace, NULL);
	return cmocka_run_group_tests_name("fabric tap", tests, enter_namespace, NULL);
}
