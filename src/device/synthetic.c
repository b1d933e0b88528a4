/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/synthetic.c - the other path into a vPort's fabric: the host of synthetic cards.
 *
 * Theory of operation
 * -------------------
 * On Azure a NIC is two devices in a guest: a card that the host emulates, and a VF. They have the
 * same address, and frames for it go to the one that the guest's driver has switched to. Here the
 * VF is a vPort of this adapter, and the cards' host is a module in the guest (lab/vmbus/), which
 * exchanges datagrams with the adapter (wire/synthetic.h).
 *
 *	vPort's queues --.                 .-- receive_deliver()   path: VF
 *	                  >-- fabric port -<
 *	cards' host -----'                 '-- datagram            path: synthetic
 *
 * One lane reads the socket; any lane writes to it. A frame that does not fit into the socket is
 * lost, as on a wire. The host is as untrusted as any client: its datagrams are copies, and are
 * checked.
 *
 * The VF can be removed: the host gets a message, notifies the driver in the guest, and removes the
 * function from the guest's PCI bus; from then on frames take the synthetic path. When the VF
 * returns, the function is on the bus before the driver is notified.
 */
#include "device/synthetic.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/rights.h"
#include "device/checksum.h"
#include "device/receive.h"
#include "device/segment.h"
#include "device/state.h"
#include "wire/synthetic.h"

#define DATAGRAM_MAX (SYNTHETIC_FRAME_MAX + sizeof(struct synthetic_header))
#define TURN         64u     /* datagrams per turn */
#define SOCKET_BYTES 1048576 /* requested for each direction */
#define SAY_MS       500u

/**
 * struct synthetic - the socket
 * @work:	reads it, on a lane
 * @adapter:	whose
 * @fd:		bound next to the adapter's own socket
 * @looks:	whether a datagram carries descriptors must be looked at
 * @path:	where
 * @peer, @peer_len: the host: the last sender of SYNTHETIC_HELLO; under @lock
 * @lock:	protects the peer
 * @vf_wanted:	should the VF be present?
 * @vf:		is it present, and should the driver use it?
 * @buffer:	a datagram, on the lane that reads
 */
struct synthetic {
	struct lane_work work;
	struct adapter *adapter;
	int fd;
	bool looks;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct sockaddr_un peer;
	socklen_t peer_len;
	pthread_mutex_t lock;
	_Atomic bool vf_wanted;
	_Atomic bool vf;
	uint8_t buffer[DATAGRAM_MAX];
};

/**
 * send_datagram() - send to the host, if there is one
 * @synthetic:	the socket
 * @header:	complete except for the magic number
 * @iov:	the data after it; [0] is free for the header
 * @iovcnt:	including [0]
 *
 * Return: 0, or a negative errno if it is lost
 */
static int send_datagram(struct synthetic *synthetic, struct synthetic_header *header,
			 struct iovec *iov, uint32_t iovcnt)
{
	struct sockaddr_un peer;
	struct msghdr message = { .msg_name = &peer, .msg_iov = iov, .msg_iovlen = iovcnt };

	pthread_mutex_lock(&synthetic->lock);
	peer = synthetic->peer;
	message.msg_namelen = synthetic->peer_len;
	pthread_mutex_unlock(&synthetic->lock);
	if (!message.msg_namelen)
		return -ENOTCONN;
	header->magic = SYNTHETIC_MAGIC;
	iov[0] = (struct iovec){ .iov_base = header, .iov_len = sizeof(*header) };
	return sendmsg(synthetic->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* A message that is not a frame: it waits for room, for SAY_MS at most. */
static void say(struct synthetic *synthetic, uint8_t type, uint8_t port, const void *what,
		size_t size)
{
	struct synthetic_header header = { .type = type, .port = port };
	const struct timespec nap = { .tv_nsec = 1000000 };
	struct iovec iov[2];

	/* sendmsg() does not write to it */
	iov[1] = (struct iovec){ .iov_base = (void *)(uintptr_t)what, .iov_len = size };
	for (unsigned int ms = 0; ms < SAY_MS; ms++) {
		if (send_datagram(synthetic, &header, iov, 2) != -EAGAIN)
			return;
		nanosleep(&nap, NULL);
	}
	adapter_say(synthetic->adapter, LOG_WARNING,
		    "the host of synthetic cards does not accept messages");
}

/** say_port() - announce a port and its current state */
static void say_port(struct synthetic *synthetic, uint32_t index)
{
	const struct vport *vport = &synthetic->adapter->vport[index];
	struct synthetic_port port = {
		.mtu = vport->config->mtu,
		.up = !atomic_load(&vport->link_down),
		.vf = atomic_load(&synthetic->vf),
	};

	memcpy(port.mac, vport->config->mac, sizeof(port.mac));
	say(synthetic, SYNTHETIC_PORT, (uint8_t)index, &port, sizeof(port));
}

/* ---- From the host ---- */

/*
 * A guest that has just started has the function on its bus: it is told the desired state of the
 * VF.
 */
static void take_hello(struct synthetic *synthetic, const struct sockaddr_un *from, socklen_t len)
{
	bool vf = atomic_load(&synthetic->vf_wanted);
	const uint32_t go = 0;

	pthread_mutex_lock(&synthetic->lock);
	synthetic->peer = *from;
	synthetic->peer_len = len;
	pthread_mutex_unlock(&synthetic->lock);
	atomic_store(&synthetic->vf, vf);
	for (uint32_t i = 0; i < synthetic->adapter->config.ports; i++) {
		atomic_store(&synthetic->adapter->vport[i].synthetic, true);
		say_port(synthetic, i);
	}
	say(synthetic, SYNTHETIC_ALL_SAID, 0, NULL, 0);
	if (!vf)
		say(synthetic, SYNTHETIC_VF, 0, &go, sizeof(go));
	adapter_say(synthetic->adapter, LOG_NOTICE, "the host of synthetic cards has connected");
}

/** take_vf_done() - the VF has appeared on the guest's bus, or has left it */
static void take_vf_done(struct synthetic *synthetic, bool there)
{
	struct adapter *adapter = synthetic->adapter;

	adapter_say(adapter, LOG_INFO, "the VF %s the guest's bus", there ? "is on" : "has left");
	if (!there || !atomic_load(&synthetic->vf_wanted) || atomic_exchange(&synthetic->vf, true))
		return;
	for (uint32_t i = 0; i < adapter->config.ports; i++)
		say_port(synthetic, i);
}

/** take_frame() - send a frame of a card */
static void take_frame(struct synthetic *synthetic, const struct synthetic_header *header,
		       const uint8_t *data, size_t len, unsigned int lane)
{
	struct fabric_port *fabric = synthetic->adapter->vport[header->port].fabric;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	struct iovec segment[3];
	struct frame frame = { .iov = &iov, .iovcnt = 1, .len = (uint32_t)len };
	uint8_t headers[HEADERS_MAX];
	struct segmenter segmenter;
	int pieces;

	if (len < ETHERNET_HEADER_LEN)
		return;
	if (header->flags & (SYNTHETIC_GSO_TCP4 | SYNTHETIC_GSO_TCP6)) {
		frame.flags = FRAME_CSUM_PARTIAL;
		frame.flags |= header->flags & SYNTHETIC_GSO_TCP4 ? FRAME_GSO_TCP4 : FRAME_GSO_TCP6;
		frame.hdr_len = header->hdr_len;
		frame.gso_size = header->gso_size;
		if (segment_begin(&segmenter, &frame))
			return;
		while ((pieces = segment_next(&segmenter, headers, segment, 3)) > 0) {
			struct frame each = { .iov = segment,
					      .iovcnt = (uint32_t)pieces,
					      .len = segmenter.len,
					      .flags = FRAME_CSUM_VALID };

			fabric_send(fabric, lane, &each, 1);
		}
		return;
	}
	/* The datagram is a copy, so its checksum can be finished where it is. */
	if (header->flags & SYNTHETIC_CSUM_PARTIAL &&
	    checksum_complete(synthetic->buffer + sizeof(*header), len, header->csum_start,
			      header->csum_offset))
		return;
	fabric_send(fabric, lane, &frame, 1);
}

/** take() - handle a datagram from the host */
static void take(struct synthetic *synthetic, size_t len, const struct sockaddr_un *from,
		 socklen_t from_len, unsigned int lane)
{
	const uint8_t *data = synthetic->buffer + sizeof(struct synthetic_header);
	struct adapter *adapter = synthetic->adapter;
	struct synthetic_header header;
	uint32_t value = 0;

	if (len < sizeof(header))
		return;
	memcpy(&header, synthetic->buffer, sizeof(header));
	len -= sizeof(header);
	if (header.magic != SYNTHETIC_MAGIC || header.port >= adapter->config.ports)
		return;
	if (len >= sizeof(value))
		memcpy(&value, data, sizeof(value));
	switch (header.type) {
	case SYNTHETIC_HELLO:
		take_hello(synthetic, from, from_len);
		break;
	case SYNTHETIC_FRAME:
		take_frame(synthetic, &header, data, len, lane);
		break;
	case SYNTHETIC_PATH:
		atomic_store(&adapter->vport[header.port].synthetic,
			     !value || !atomic_load(&synthetic->vf));
		adapter_say(adapter, LOG_INFO, "port %u: the data path is the %s", header.port,
			    value ? "VF" : "synthetic card");
		break;
	case SYNTHETIC_VF_DONE:
		take_vf_done(synthetic, value);
		break;
	default:
		break;
	}
}

static bool synthetic_run(struct lane_work *work, unsigned int lane)
{
	struct synthetic *synthetic = (struct synthetic *)work;
	struct sockaddr_un from;
	socklen_t from_len;
	ssize_t len;

	for (unsigned int i = 0; i < TURN; i++) {
		/* Where the kernel does not refuse descriptors: it is no host, and the path ends here */
		if (synthetic->looks && rights_waiting(synthetic->fd))
			return false;
		from_len = sizeof(from);
		/* MSG_TRUNC: returns the full length, so a truncated datagram is detected */
		len = recvfrom(synthetic->fd, synthetic->buffer, sizeof(synthetic->buffer),
			       MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_len);
		if (len < 0)
			return false;
		work->progress = true;
		if ((size_t)len <= sizeof(synthetic->buffer))
			take(synthetic, (size_t)len, &from, from_len, lane);
	}
	return true;
}

/* ---- To the host ---- */

/** give() - send one frame to a card, which accepts neither partial checksums nor large frames */
static int give(struct synthetic *synthetic, uint8_t port, const struct frame *frame)
{
	struct synthetic_header header = { .type = SYNTHETIC_FRAME, .port = port };
	struct iovec iov[FABRIC_PIECES_MAX + 2];
	uint8_t headers[HEADERS_MAX], whole[SYNTHETIC_FRAME_MAX];
	struct segmenter segmenter;
	int pieces, err = 0;

	if (frame->flags & FRAME_GSO) {
		if (segment_begin(&segmenter, frame))
			return -EINVAL;
		while (!err && (pieces = segment_next(&segmenter, headers, iov + 1,
						      FABRIC_PIECES_MAX + 1)) > 0)
			err = send_datagram(synthetic, &header, iov, (uint32_t)pieces + 1);
		return err;
	}
	if (frame->len > SYNTHETIC_FRAME_MAX || frame->iovcnt > FABRIC_PIECES_MAX)
		return -EMSGSIZE;
	if (frame->flags & FRAME_CSUM_PARTIAL) {
		size_t len = headers_copy(frame->iov, frame->iovcnt, whole, frame->len);

		if (checksum_complete(whole, len, frame->csum_start, frame->csum_offset))
			return -EINVAL;
		iov[1] = (struct iovec){ .iov_base = whole, .iov_len = len };
		return send_datagram(synthetic, &header, iov, 2);
	}
	memcpy(iov + 1, frame->iov, frame->iovcnt * sizeof(*iov));
	return send_datagram(synthetic, &header, iov, frame->iovcnt + 1);
}

unsigned int synthetic_deliver(void *ctx, unsigned int lane, const struct frame *frames,
			       unsigned int n)
{
	struct vport *vport = ctx;

	if (!atomic_load_explicit(&vport->synthetic, memory_order_relaxed))
		return receive_deliver(ctx, lane, frames, n);
	for (unsigned int i = 0; i < n; i++)
		give(vport->adapter->synthetic, (uint8_t)vport->index, &frames[i]);
	return n;
}

void synthetic_link_changed(struct adapter *adapter, unsigned int port)
{
	if (adapter->synthetic)
		say_port(adapter->synthetic, port);
}

/** has_peer() - has a host connected? */
static bool has_peer(struct synthetic *synthetic)
{
	bool has;

	pthread_mutex_lock(&synthetic->lock);
	has = synthetic->peer_len != 0;
	pthread_mutex_unlock(&synthetic->lock);
	return has;
}

int synthetic_set_vf(struct adapter *adapter, bool there)
{
	struct synthetic *synthetic = adapter->synthetic;
	uint32_t value = there;

	if (!synthetic)
		return -EOPNOTSUPP;
	if (!has_peer(synthetic))
		return -ENOTCONN;
	atomic_store(&synthetic->vf_wanted, there);
	if (!there) {
		atomic_store(&synthetic->vf, false);
		for (uint32_t i = 0; i < adapter->config.ports; i++) {
			atomic_store(&adapter->vport[i].synthetic, true);
			say_port(synthetic, i);
		}
	}
	say(synthetic, SYNTHETIC_VF, 0, &value, sizeof(value));
	return 0;
}

int synthetic_pull(struct adapter *adapter, unsigned int port)
{
	struct synthetic *synthetic = adapter->synthetic;

	if (!synthetic)
		return -EOPNOTSUPP;
	if (!has_peer(synthetic))
		return -ENOTCONN;
	say(synthetic, SYNTHETIC_PULL, (uint8_t)port, NULL, 0);
	return 0;
}

/* ---- Life ---- */

int synthetic_open(struct adapter *adapter, struct error *error)
{
	struct synthetic *synthetic = calloc(1, sizeof(*synthetic));
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int size = SOCKET_BYTES;
	int err = 0;

	if (!synthetic)
		return -ENOMEM;
	adapter->synthetic = synthetic;
	synthetic->adapter = adapter;
	synthetic->work.run = synthetic_run;
	synthetic->work.step = "serving the synthetic cards";
	atomic_store(&synthetic->work.client, adapter->pulse);
	atomic_store(&synthetic->vf_wanted, true);
	atomic_store(&synthetic->vf, true);
	pthread_mutex_init(&synthetic->lock, NULL);
	synthetic->fd = adapter->config.passed
				? adapter->config.synthetic_fd
				: socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (synthetic->fd < 0) {
		err = -errno;
	} else if (adapter->config.passed) {
		setsockopt(synthetic->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	} else if (snprintf(address.sun_path, sizeof(address.sun_path), "%s" SYNTHETIC_SUFFIX,
			    adapter->config.socket) >= (int)sizeof(address.sun_path)) {
		err = -ENAMETOOLONG;
	} else {
		synthetic->looks = !rights_refuse(synthetic->fd);
		setsockopt(synthetic->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		/* The adapter's own socket is bound already, so an existing file is a leftover. */
		unlink(address.sun_path);
		if (bind(synthetic->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		    chmod(address.sun_path, 0600) < 0)
			err = -errno;
		else
			strcpy(synthetic->path, address.sun_path);
	}
	if (!err)
		err = lane_add(adapter->member, adapter->config.ports, &synthetic->work,
			       synthetic->fd);
	if (err)
		error_say(error, "cannot listen for synthetic cards at %s%s: %s",
			  adapter->config.socket, SYNTHETIC_SUFFIX, error_reason(-err));
	return err;
}

void synthetic_close(struct adapter *adapter)
{
	struct synthetic *synthetic = adapter->synthetic;

	if (!synthetic)
		return;
	lane_remove(&synthetic->work, synthetic->fd);
	lanes_sync(adapter->lanes);
	if (synthetic->fd >= 0)
		close(synthetic->fd);
	if (*synthetic->path)
		unlink(synthetic->path);
	pthread_mutex_destroy(&synthetic->lock);
	free(synthetic);
	adapter->synthetic = NULL;
}
