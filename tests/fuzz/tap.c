/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/tap.c - any frame with any virtio_net_hdr, from the network stack behind a tap.
 *
 * There is no tap: the program is linked so that the system calls of fabric/tap.c are the functions
 * below. Input: operations, each an opcode byte followed by its arguments:
 *
 *	0	poll. The stack has frames until it takes an odd byte: each a header of 10 bytes, two
 *		bytes for the length and one for what the frame is, and up to 64 bytes of it; the
 *		rest is filled in. The vPort accepts as many as the byte before them says
 *	1	the same, and the interface is deleted meanwhile
 *	2	send a frame: its flags, lengths and offsets, which need not fit together
 *	3	as 0, but the stack has nothing
 *
 * What must hold: a frame that reaches the vPort is as fabric/fabric.h says, and cutting it as the
 * vPort does stays inside it; a frame that is sent has one header that says the same; each frame is
 * counted once.
 */
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "device/checksum.h"
#include "device/headers.h"
#include "device/segment.h"
#include "fabric/fabric.h"
#include "input.h"

#define OPS_MAX  64u
#define POLLED   16u /* frames: the budget of a poll */
#define ETHERNET 14u
#define PIECES   4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
ssize_t __wrap_readv(int fd, const struct iovec *iov, int n);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int n);

static struct fabric_port *port;
static uint8_t
	wire[FABRIC_FRAME_MAX + 16]; /* what is filled in after the input's part of a frame */
static bool quiet, deleted;
static unsigned int room; /* frames that the vPort accepts */
static uint64_t written, accepted;
static const struct frame *sending;

static uint16_t take16(void)
{
	uint16_t value = take();

	return (uint16_t)(value | take() << 8);
}

/* ---- The kernel ---- */

int __wrap_open(const char *path, int flags, ...)
{
	(void)path;
	(void)flags;
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int __wrap_open64(const char *path, int flags, ...)
{
	return __wrap_open(path, flags);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	(void)fd;
	(void)request;
	return 0;
}

ssize_t __wrap_readv(int fd, const struct iovec *iov, int n)
{
	uint8_t *to = iov[1].iov_base;
	uint8_t how;
	size_t len, own;

	(void)fd;
	require(n == 2 && iov[0].iov_len == sizeof(struct virtio_net_hdr) &&
		iov[1].iov_len > FABRIC_FRAME_MAX);
	how = take();
	if (quiet || !left || how & 1) {
		errno = deleted ? EBADFD : EAGAIN;
		return -1;
	}
	if ((how & 0xe) == 2) {
		errno = EINTR;
		return -1;
	}
	for (size_t i = 0; i < sizeof(struct virtio_net_hdr); i++)
		((uint8_t *)iov[0].iov_base)[i] = take();
	if ((how & 0xe) == 4)
		return take() % sizeof(struct virtio_net_hdr);
	len = take16() % iov[1].iov_len + 1;
	own = take() % 64u;
	if (own > len)
		own = len;
	memcpy(to, wire, len);
	/* IPv4 or IPv6 with TCP, as a large frame has to be */
	if (how & 0x10 && len >= ETHERNET + 40) {
		to[12] = how & 0x20 ? 0x86 : 0x08;
		to[13] = how & 0x20 ? 0xdd : 0x00;
		to[14] = how & 0x20 ? 0x60 : 0x45;
		to[how & 0x20 ? 20 : 23] = 6;
		to[(how & 0x20 ? 54 : 34) + 12] = 0x50;
	}
	for (size_t i = 0, at = how & 0x40 ? take() : 0; i < own; i++)
		to[(at + i) % len] = take();
	return (ssize_t)(sizeof(struct virtio_net_hdr) + len);
}

ssize_t __wrap_writev(int fd, const struct iovec *iov, int n)
{
	const struct virtio_net_hdr *header = iov->iov_base;
	size_t len = 0;

	(void)fd;
	require(n == (int)sending->iovcnt + 1 && iov->iov_len == sizeof(*header));
	require(!(sending->flags & FRAME_CSUM_PARTIAL) ==
		!(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM));
	require(!(sending->flags & FRAME_GSO) == (header->gso_type == VIRTIO_NET_HDR_GSO_NONE));
	for (int i = 1; i < n; i++)
		len += iov[i].iov_len;
	require(len == sending->len && len <= FABRIC_FRAME_MAX);
	switch (take() & 7) {
	case 1:
		errno = EAGAIN;
		return -1;
	case 2:
		errno = EIO;
		return -1;
	case 3:
		errno = deleted ? EBADFD : EINVAL;
		return -1;
	default:
		written++;
		return (ssize_t)(sizeof(*header) + len);
	}
}

/* ---- The vPort ---- */

/* As the vPort does with a frame whose checksum, or whose cutting, was left to it */
static void receive(const struct frame *frame)
{
	struct iovec out[PIECES];
	struct segmenter segmenter;
	uint8_t header[HEADERS_MAX];
	size_t payload = 0;
	uint16_t value;
	int n;

	require(frame->len >= ETHERNET && frame->len <= FABRIC_FRAME_MAX && frame->iovcnt == 1 &&
		frame->iov->iov_len == frame->len);
	if (frame->flags & FRAME_CSUM_PARTIAL)
		require((uint32_t)frame->csum_start + frame->csum_offset + 2 <= frame->len);
	if (!(frame->flags & FRAME_GSO)) {
		if (frame->flags & FRAME_CSUM_PARTIAL)
			checksum_partial(frame, &value);
		return;
	}
	require(frame->flags & FRAME_CSUM_PARTIAL && frame->gso_size);
	require((frame->flags & FRAME_GSO) != FRAME_GSO && frame->hdr_len <= frame->len);
	if (segment_begin(&segmenter, frame))
		return;
	while ((n = segment_next(&segmenter, header, out, PIECES)) > 0)
		payload += segmenter.len - frame->hdr_len;
	require(n == 0 && payload == frame->len - frame->hdr_len);
}

static unsigned int deliver(void *ctx, unsigned int lane, const struct frame *frames,
			    unsigned int n)
{
	unsigned int i;

	(void)ctx;
	(void)lane;
	for (i = 0; i < n && room; i++, room--)
		receive(&frames[i]);
	accepted += i;
	return i;
}

/* ---- Operations ---- */

static void op_send(void)
{
	struct iovec iov[FABRIC_PIECES_MAX + 1];
	struct frame frame = { .iov = iov, .flags = take() & 0xf };

	frame.iovcnt = take() % (FABRIC_PIECES_MAX + 2);
	frame.csum_start = take16();
	frame.csum_offset = take16();
	frame.hdr_len = take16();
	frame.gso_size = take16();
	for (uint32_t i = 0; i < frame.iovcnt; i++) {
		iov[i] = (struct iovec){ .iov_base = wire, .iov_len = take16() };
		frame.len += (uint32_t)iov[i].iov_len;
	}
	sending = &frame;
	fabric_send(port, 0, &frame, 1);
}

static void start(void)
{
	struct fabric_port_config config = { .mac = { 2 }, .mtu = 9000, .lanes = 1, .queues = 1 };
	struct fabric_receiver receiver = { .deliver = deliver };
	struct error error;

	require(fabric_open("tap:fuzz", &config, &receiver, &port, &error) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fabric_counters counters;
	uint64_t sent = 0;
	unsigned int op, n = 0;

	start();
	in = data;
	left = size;
	deleted = false;
	written = accepted = 0;
	while (left && n++ < OPS_MAX) {
		op = take();
		quiet = (op & 3) == 3;
		deleted |= (op & 3) == 1;
		if ((op & 3) == 2) {
			op_send();
			sent++;
			continue;
		}
		room = op >> 2 & 15;
		require(fabric_poll(port, 0, POLLED) <= POLLED);
		fabric_is_source(port);
	}
	fabric_counters(port, &counters);
	require(counters.tx_frames == written && counters.tx_frames + counters.tx_dropped == sent);
	require(counters.rx_frames == accepted);
	fabric_close(port);
	return 0;
}
