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
 * lost, as on a wire. A message that does not fit waits in a queue until the lane's next turn: no
 * thread waits for the host. The host is as untrusted as any client: its datagrams are copies, and
 * are checked, and what a card sends obeys the rules for what the VF sends: the link, source=check,
 * the MTU, and how small the segments of a large send may be. A turn has a budget, and a large send
 * is cut over several turns.
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
#include <sys/un.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/error.h"
#include "base/rights.h"
#include "base/socket_file.h"
#include "base/uninitialized.h"
#include "device/checksum.h"
#include "device/receive.h"
#include "device/segment.h"
#include "device/state.h"
#include "wire/synthetic.h"

#define DATAGRAM_MAX (SYNTHETIC_FRAME_MAX + sizeof(struct synthetic_header))
#define SOCKET_BYTES 1048576 /* requested for each direction */
#define MESSAGES_MAX 64u     /* that wait for room in the socket */
#define SEGMENTS_MAX 2048u   /* of a large send of a card; as for the VF, see transmit.c */
#define TO_CARD_MAX  128u    /* of a large frame for a card: 64 KiB at an MTU of 576 */

/** struct message - one for the host, which is not a frame */
struct message {
	uint8_t type, port, size;
	uint8_t data[sizeof(struct synthetic_port)];
};

/**
 * struct cutting - a large send that is being cut, in struct synthetic.buffer
 * @left:	there are more segments
 */
struct cutting {
	struct segmenter segmenter;
	struct fabric_port *fabric;
	struct iovec iov;
	bool left;
};

/**
 * struct synthetic - the socket
 * @work:	reads it, on a lane
 * @adapter:	whose
 * @fd:		bound next to the adapter's own socket
 * @looks:	whether a datagram carries descriptors must be looked at
 * @file:	where
 * @peer, @peer_len: the host: the last sender of SYNTHETIC_HELLO; under @lock
 * @messages, @first, @count: those that wait for room in the socket, a ring; under @lock
 * @lock:	protects these
 * @cutting:	on the lane that reads
 * @vf_wanted:	should the VF be present?
 * @vf:		is it present, and should the driver use it?
 * @buffer:	a datagram, on the lane that reads
 */
struct synthetic {
	struct lane_work work;
	struct adapter *adapter;
	int fd;
	bool looks;
	struct socket_file file;
	struct sockaddr_un peer;
	socklen_t peer_len;
	struct message messages[MESSAGES_MAX];
	unsigned int first, count;
	pthread_mutex_t lock;
	struct cutting cutting;
	_Atomic bool vf_wanted;
	_Atomic bool vf;
	uint8_t buffer[DATAGRAM_MAX];
};

/** send_to() - send to @peer, if there is one; see send_datagram() */
static int send_to(const struct synthetic *synthetic, struct sockaddr_un *peer, socklen_t peer_len,
		   struct synthetic_header *header, struct iovec *iov, uint32_t iovcnt)
{
	struct msghdr message = {
		.msg_name = peer, .msg_namelen = peer_len, .msg_iov = iov, .msg_iovlen = iovcnt
	};

	if (!peer_len)
		return -ENOTCONN;
	header->magic = SYNTHETIC_MAGIC;
	iov[0] = (struct iovec){ .iov_base = header, .iov_len = sizeof(*header) };
	budget_charge(BUDGET_CALL);
	return sendmsg(synthetic->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

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
	socklen_t peer_len;

	pthread_mutex_lock(&synthetic->lock);
	peer = synthetic->peer;
	peer_len = synthetic->peer_len;
	pthread_mutex_unlock(&synthetic->lock);
	return send_to(synthetic, &peer, peer_len, header, iov, iovcnt);
}

/** send_messages() - those that wait, as far as there is room; under the lock */
static void send_messages(struct synthetic *synthetic)
{
	for (; synthetic->count; synthetic->count--) {
		struct message *message = &synthetic->messages[synthetic->first];
		struct synthetic_header header = { .type = message->type, .port = message->port };
		struct iovec iov[2] = { [1] = { message->data, message->size } };
		int err =
			send_to(synthetic, &synthetic->peer, synthetic->peer_len, &header, iov, 2);

		if (err == -EAGAIN || err == -ENOBUFS)
			return;
		synthetic->first = (synthetic->first + 1) % MESSAGES_MAX;
	}
}

/** send_waiting() - the same on the lane; true if some still wait */
static bool send_waiting(struct synthetic *synthetic)
{
	bool waiting;

	pthread_mutex_lock(&synthetic->lock);
	send_messages(synthetic);
	waiting = synthetic->count;
	pthread_mutex_unlock(&synthetic->lock);
	return waiting;
}

/** say() - a message that is not a frame; it may have to wait for room, but no thread does */
static void say(struct synthetic *synthetic, uint8_t type, uint8_t port, const void *what,
		size_t size)
{
	struct message message = { .type = type, .port = port, .size = (uint8_t)size };
	bool full, waiting;

	memcpy(message.data, what, size);
	pthread_mutex_lock(&synthetic->lock);
	full = synthetic->count == MESSAGES_MAX;
	if (!full)
		synthetic->messages[(synthetic->first + synthetic->count++) % MESSAGES_MAX] =
			message;
	send_messages(synthetic);
	waiting = synthetic->count;
	pthread_mutex_unlock(&synthetic->lock);
	if (full)
		adapter_say(synthetic->adapter, LOG_WARNING,
			    "the host of synthetic cards does not read its messages; one is lost");
	else if (waiting)
		lane_kick(&synthetic->work);
}

/** has_host() - has a host said SYNTHETIC_HELLO? */
static bool has_host(struct synthetic *synthetic)
{
	bool has;

	pthread_mutex_lock(&synthetic->lock);
	has = synthetic->peer_len;
	pthread_mutex_unlock(&synthetic->lock);
	return has;
}

/** say_port() - announce a port and its current state */
static void say_port(struct synthetic *synthetic, uint32_t index)
{
	const struct vport *vport = &synthetic->adapter->vport[index];
	bool down = atomic_load(&vport->link_down), vf = atomic_load(&synthetic->vf);
	struct synthetic_port port = { .mtu = vport->config->mtu, .up = !down, .vf = vf };

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
	synthetic->count = 0; /* what waits is for another host */
	pthread_mutex_unlock(&synthetic->lock);
	atomic_store(&synthetic->vf, vf);
	for (uint32_t i = 0; i < synthetic->adapter->config.ports; i++) {
		atomic_store(&synthetic->adapter->vport[i].synthetic, true);
		say_port(synthetic, i);
	}
	say(synthetic, SYNTHETIC_ALL_SAID, 0, "", 0);
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

/** drop() - count a frame that a card must not send, and say why */
static void drop(struct vport *vport, const char *why)
{
	atomic_fetch_add_explicit(&vport->card_dropped, 1, memory_order_relaxed);
	adapter_say(vport->adapter, LOG_WARNING, "port %u: a synthetic card sends %s; dropped",
		    vport->index, why);
}

/** begin_large() - check a large send, to be cut by cut_some() */
static void begin_large(struct synthetic *synthetic, struct vport *vport,
			const struct synthetic_header *header, struct frame *frame)
{
	struct cutting *cutting = &synthetic->cutting;

	frame->flags = FRAME_CSUM_PARTIAL;
	frame->flags |= header->flags & SYNTHETIC_GSO_TCP4 ? FRAME_GSO_TCP4 : FRAME_GSO_TCP6;
	frame->hdr_len = header->hdr_len;
	frame->gso_size = header->gso_size;
	cutting->iov = frame->iov[0];
	frame->iov = &cutting->iov;
	if (segment_begin(&cutting->segmenter, frame))
		drop(vport, "a large frame whose headers are invalid");
	else if (cutting->segmenter.count > SEGMENTS_MAX)
		drop(vport, "a large frame with segments that are too small");
	else if ((uint32_t)(header->hdr_len - cutting->segmenter.headers.l3_off) +
			 header->gso_size >
		 vport->config->mtu)
		drop(vport, "a large frame with segments longer than the MTU");
	else
		cutting->left = true;
	cutting->fabric = vport->fabric;
}

/** cut_some() - send segments of a large send, until the turn that began at @start ends */
static void cut_some(struct synthetic *synthetic, uint32_t start, unsigned int lane)
{
	struct cutting *cutting = &synthetic->cutting;
	uint8_t headers[HEADERS_MAX];
	struct iovec iov[3];
	int pieces = 1;

	while (budget_since(start) < BUDGET_TURN) {
		pieces = segment_next(&cutting->segmenter, headers, iov, 3);
		if (pieces <= 0)
			break;
		budget_charge(BUDGET_SEGMENT + budget_bytes(cutting->segmenter.len));
		fabric_send(cutting->fabric, lane,
			    &(struct frame){ .iov = iov,
					     .iovcnt = (uint32_t)pieces,
					     .len = cutting->segmenter.len,
					     .flags = FRAME_CSUM_VALID },
			    1);
	}
	cutting->left = pieces > 0;
}

/** take_frame() - send a frame of a card */
static void take_frame(struct synthetic *synthetic, const struct synthetic_header *header,
		       const uint8_t *data, size_t len, unsigned int lane)
{
	struct vport *vport = &synthetic->adapter->vport[header->port];
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	struct frame frame = { .iov = &iov, .iovcnt = 1, .len = (uint32_t)len };

	if (len < ETHERNET_HEADER_LEN)
		return;
	if (atomic_load_explicit(&vport->link_down, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&vport->card_dropped, 1, memory_order_relaxed);
	} else if (vport->config->check_source && memcmp(data + 6, vport->config->mac, 6)) {
		drop(vport, "from an address that is not the vPort's");
	} else if (header->flags & (SYNTHETIC_GSO_TCP4 | SYNTHETIC_GSO_TCP6)) {
		begin_large(synthetic, vport, header, &frame);
	} else if (headers_exceed_mtu(data, (uint32_t)len, vport->config->mtu)) {
		drop(vport, "a frame longer than the MTU");
	} else if (header->flags & SYNTHETIC_CSUM_PARTIAL &&
		   /* The datagram is a copy, so its checksum can be finished where it is. */
		   checksum_complete(synthetic->buffer + sizeof(*header), len, header->csum_start,
				     header->csum_offset)) {
		drop(vport, "a frame whose checksum is not inside it");
	} else {
		fabric_send(vport->fabric, lane, &frame, 1);
	}
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
		budget_charge((adapter->config.ports + 2) * BUDGET_CALL);
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
	uint32_t start = budget_spent;
	struct sockaddr_un from;
	socklen_t from_len;
	ssize_t len;

	send_waiting(synthetic);
	while (budget_since(start) < BUDGET_TURN) {
		if (synthetic->cutting.left) {
			work->progress = true;
			cut_some(synthetic, start, lane);
			continue;
		}
		/* Where the kernel does not refuse descriptors: it is no host, and the path ends here */
		if (synthetic->looks && rights_waiting(synthetic->fd))
			return false;
		from_len = sizeof(from);
		/* MSG_TRUNC: returns the full length, so a truncated datagram is detected */
		len = recvfrom(synthetic->fd, synthetic->buffer, sizeof(synthetic->buffer),
			       MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_len);
		if (len < 0) {
			/* Nothing says when the host has made room. */
			work->blocked = send_waiting(synthetic);
			return false;
		}
		work->progress = true;
		budget_charge(BUDGET_CALL + budget_bytes((uint64_t)len));
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
	struct iovec iov[FABRIC_PIECES_MAX + 2] uninitialized;
	uint8_t headers[HEADERS_MAX] uninitialized, whole[SYNTHETIC_FRAME_MAX] uninitialized;
	struct segmenter segmenter uninitialized;
	int pieces, err = 0;

	if (frame->flags & FRAME_GSO) {
		if (segment_begin(&segmenter, frame) || segmenter.count > TO_CARD_MAX)
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
	if (atomic_load_explicit(&vport->link_down, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&vport->rx_disabled, n, memory_order_relaxed);
		return n;
	}
	for (unsigned int i = 0; i < n; i++)
		give(vport->adapter->synthetic, (uint8_t)vport->index, &frames[i]);
	return n;
}

void synthetic_link_changed(struct adapter *adapter, unsigned int port)
{
	if (adapter->synthetic)
		say_port(adapter->synthetic, port);
}

int synthetic_set_vf(struct adapter *adapter, bool there)
{
	struct synthetic *synthetic = adapter->synthetic;
	uint32_t value = there;

	if (!synthetic)
		return -EOPNOTSUPP;
	if (!has_host(synthetic))
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
	if (!has_host(synthetic))
		return -ENOTCONN;
	say(synthetic, SYNTHETIC_PULL, (uint8_t)port, "", 0);
	return 0;
}

/* ---- Life ---- */

int synthetic_open(struct adapter *adapter, struct error *error)
{
	struct synthetic *synthetic = calloc(1, sizeof(*synthetic));
	const int size = SOCKET_BYTES;
	char path[SOCKET_FILE_PATH];
	int err = 0;

	if (!synthetic)
		return error_fail(error, -ENOMEM, "out of memory");
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
	} else {
		synthetic->looks = !rights_refuse(synthetic->fd);
		setsockopt(synthetic->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	if (!err && !adapter->config.passed) {
		int len =
			snprintf(path, sizeof(path), "%s" SYNTHETIC_SUFFIX, adapter->config.socket);

		err = len < (int)sizeof(path)
			      ? socket_file_bind(synthetic->fd, path, 0, &synthetic->file)
			      : -ENAMETOOLONG;
	}
	if (!err)
		err = lane_add(adapter->member, adapter->config.ports, &synthetic->work,
			       synthetic->fd);
	if (err)
		error_say(error,
			  "cannot listen for synthetic cards at %s%s: %s; choose another "
			  "--socket",
			  adapter->config.socket, SYNTHETIC_SUFFIX, socket_file_reason(err));
	return err;
}

void synthetic_close(struct adapter *adapter)
{
	struct synthetic *synthetic = adapter->synthetic;

	if (!synthetic)
		return;
	lane_remove(&synthetic->work, synthetic->fd);
	lanes_sync(adapter->lanes);
	socket_file_remove(&synthetic->file);
	if (synthetic->fd >= 0)
		close(synthetic->fd);
	pthread_mutex_destroy(&synthetic->lock);
	free(synthetic);
	adapter->synthetic = NULL;
}
