/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/stream.c - a stream socket: QEMU's "-netdev stream", passt, and whoever else speaks as they do.
 *
 * Theory of operation
 *
 * Both ways each frame follows its length, 32 bits in network byte order (QEMU, net/stream.c and
 * docs of -netdev stream; passt, tap.c). Nothing else goes over the socket, so offloads do not: the
 * adapter finishes each frame first.
 *
 *	direction	system call	memory
 *	from the vPort	sendmsg()	the client's own pieces; not copied
 *	to the vPort	read()		an arena of the port's
 *
 * Sending never waits: a frame for which the socket has no room is dropped, as by any full queue.
 * Of the last frame that went in part the rest is kept; it goes as soon as there is room, before any
 * other.
 *
 * port->fd is an epoll instance with the listening socket while there is no peer, and with the
 * peer's while there is one. Only the lane that holds the backlog changes the peer, and it also holds
 * the lock of the senders then. A peer that connects while there is one waits until that has left. A
 * port that connected itself stays without a peer once it has left: the process may connect no more
 * (docs/confinement.md).
 *
 * A peer is not trusted: a length that no frame has ends the connection.
 */
#include "fabric/backlog.h"
#include "fabric/port.h"

#include "base/log.h"
#include "base/passed.h"
#include "base/rights.h"
#include "base/socket_file.h"
#include "fabric/stream_address.h"

#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PREFIX      ((uint32_t)sizeof(uint32_t)) /* bytes before a frame: its length */
#define ARENA_SIZE  (256u << 10) /* bytes; the longest frame, or many ordinary ones */
#define SOCKET_ROOM (1 << 20)    /* bytes to ask for, each way: bursts of large segments */

static_assert(ARENA_SIZE >= 2 * (FABRIC_FRAME_MAX + PREFIX), "a frame fits behind a part of one");

/**
 * struct stream - the fabric's state
 * @name:	as the user wrote it
 * @file:	of the listening socket
 * @limits:	of messages that peers cause
 * @looks:	the kernel does not refuse descriptors that a peer sends: look before each read
 * @parked:	a peer has sent one
 * @listener:	-1 if the port connected itself
 * @peer:	its socket; -1: none. Changed with @sending locked and the backlog held
 * @sending:	locks all from here to @tail
 * @iov, @prefix: of the frames being sent
 * @tail:	the rest of a frame that has gone in part: @tail_len bytes from @tail_at on
 * @said_send:	it has been logged why a frame could not be sent
 * @backlog:	frames in @arena; also locks all from here on
 * @cut, @end:	in @arena: bytes from @cut to @end are not yet cut into frames
 * @more:	there may be more to read or cut, though nothing was delivered
 */
struct stream {
	char *name;
	struct socket_file file;
	struct log_limits limits;
	int listener;
	bool looks, parked;
	_Atomic int peer;
	_Alignas(CACHE_LINE) pthread_mutex_t sending;
	struct iovec iov[IOV_MAX];
	uint32_t prefix[FABRIC_BURST];
	uint8_t tail[FABRIC_FRAME_MAX + PREFIX];
	size_t tail_at, tail_len;
	atomic_bool said_send;
	struct backlog backlog;
	size_t cut, end;
	atomic_bool more;
	uint8_t arena[ARENA_SIZE];
};

/* ---- The peer ---- */

/** watch() - have port->fd say when the socket is readable, and with @writable when there is room */
static int watch(const struct fabric_port *port, int how, int fd, bool writable)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | (writable ? EPOLLOUT : 0) };

	return epoll_ctl(port->fd, how, fd, &event) < 0 ? -errno : 0;
}

/** is_unix() - can a peer send descriptors over it? */
static bool is_unix(int fd)
{
	int domain = 0;
	socklen_t size = sizeof(domain);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) && domain == AF_UNIX;
}

/** prepare() - options of a socket to a peer; what it does not have it does without */
static void prepare(int fd)
{
	int room = SOCKET_ROOM, on = 1;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/** leave() - the peer has left, or is sent away; the backlog is held */
static void leave(struct fabric_port *port, const char *why)
{
	struct stream *stream = port->state;
	int peer;

	fabric_lock(&stream->sending);
	peer = atomic_exchange(&stream->peer, -1);
	stream->tail_len = 0;
	pthread_mutex_unlock(&stream->sending);
	stream->cut = stream->end = 0;
	/* A closed descriptor leaves the epoll instance. */
	close(peer);
	if (stream->listener >= 0)
		watch(port, EPOLL_CTL_ADD, stream->listener, false);
	log_limited(&stream->limits, LOG_NOTICE, "stream %s: %s%s", stream->name, why,
		    stream->listener >= 0 ? "; waiting for the next peer"
					  : "; its vPort is disconnected until the adapter is "
					    "restarted");
}

/** join() - take the next peer, if there is one; the backlog is held */
static void join(struct fabric_port *port)
{
	struct stream *stream = port->state;
	int peer = accept4(stream->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	budget_charge(BUDGET_CALL);
	if (peer < 0)
		return;
	prepare(peer);
	if (watch(port, EPOLL_CTL_ADD, peer, false)) {
		close(peer);
		return;
	}
	epoll_ctl(port->fd, EPOLL_CTL_DEL, stream->listener, NULL);
	fabric_lock(&stream->sending);
	atomic_store(&stream->peer, peer);
	pthread_mutex_unlock(&stream->sending);
	log_limited(&stream->limits, LOG_NOTICE, "stream %s: a peer has connected", stream->name);
}

/* ---- From the vPort ---- */

/** send_tail() - send the rest of a frame; true if nothing of it is left. The lock is held */
static bool send_tail(struct fabric_port *port, int peer)
{
	struct stream *stream = port->state;

	while (stream->tail_len) {
		ssize_t sent = send(peer, stream->tail + stream->tail_at, stream->tail_len,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		stream->tail_at += (size_t)sent;
		stream->tail_len -= (size_t)sent;
		if (!stream->tail_len)
			watch(port, EPOLL_CTL_MOD, peer, false);
	}
	return true;
}

/** keep_tail() - keep what is left of a frame after @gone bytes, its length included */
static void keep_tail(struct fabric_port *port, int peer, const struct frame *frame, size_t gone)
{
	struct stream *stream = port->state;
	uint32_t prefix = htobe32(frame->len);

	memcpy(stream->tail, &prefix, PREFIX);
	frame_copy(frame, stream->tail + PREFIX, frame->len);
	stream->tail_at = gone;
	stream->tail_len = frame->len + PREFIX - gone;
	watch(port, EPOLL_CTL_MOD, peer, true);
}

/** gather() - the pieces of as many frames as one call takes; returns how many frames */
static unsigned int gather(struct stream *stream, const struct frame *frames, unsigned int n,
			   size_t *pieces)
{
	unsigned int i;

	*pieces = 0;
	for (i = 0; i < n && *pieces + 1 + frames[i].iovcnt <= IOV_MAX; i++) {
		stream->prefix[i] = htobe32(frames[i].len);
		stream->iov[(*pieces)++] =
			(struct iovec){ .iov_base = &stream->prefix[i], .iov_len = PREFIX };
		memcpy(&stream->iov[*pieces], frames[i].iov,
		       frames[i].iovcnt * sizeof(struct iovec));
		*pieces += frames[i].iovcnt;
	}
	return i;
}

/** send_batch() - send frames with one call; returns how many went, the last one maybe in part */
static unsigned int send_batch(struct fabric_port *port, int peer, const struct frame *frames,
			       unsigned int n)
{
	struct stream *stream = port->state;
	struct msghdr message = { .msg_iov = stream->iov };
	unsigned int batch = gather(stream, frames, n, &message.msg_iovlen), done = 0;
	ssize_t sent;
	size_t left;

	do
		sent = sendmsg(peer, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0) {
		/* A peer that has left is noticed when its socket is read. */
		if (errno != EAGAIN && errno != EPIPE && errno != ECONNRESET)
			log_once(&stream->said_send, LOG_WARNING,
				 "stream %s does not take frames: %s (logged once; counted as "
				 "dropped)",
				 stream->name, error_reason(errno));
		return 0;
	}
	budget_charge(BUDGET_CALL + budget_bytes((uint64_t)sent));
	for (left = (size_t)sent; done < batch && left; done++) {
		size_t len = frames[done].len + PREFIX;

		if (left < len) {
			keep_tail(port, peer, &frames[done], left);
			return done + 1;
		}
		left -= len;
	}
	return done;
}

static void stream_send(struct fabric_port *port, unsigned int lane, const struct frame *frames,
			unsigned int n)
{
	struct stream *stream = port->state;
	unsigned int done = 0;
	int peer;

	fabric_lock(&stream->sending);
	peer = atomic_load(&stream->peer);
	while (peer >= 0 && done < n && send_tail(port, peer)) {
		unsigned int sent = send_batch(port, peer, frames + done, n - done);

		if (!sent)
			break;
		done += sent;
	}
	pthread_mutex_unlock(&stream->sending);
	fabric_count_sent(port, lane, frames, done);
	if (done < n)
		counter_add(&port->lanes[lane].counters.tx_dropped, n - done);
}

/* ---- To the vPort ---- */

/** next_length() - of the next frame in the arena; 0 if that is not all there */
static size_t next_length(const struct stream *stream, uint32_t *len)
{
	size_t have = stream->end - stream->cut;
	uint32_t prefix;

	if (have < PREFIX)
		return 0;
	memcpy(&prefix, stream->arena + stream->cut, PREFIX);
	*len = be32toh(prefix);
	return *len <= FABRIC_FRAME_MAX && have < *len + PREFIX ? 0 : *len + PREFIX;
}

/**
 * cut_frames() - put whole frames of the arena into the empty backlog
 * @max:	most of them
 *
 * Return: how many; -EPROTO if the next has a length that no frame has
 */
static int cut_frames(struct fabric_port *port, unsigned int lane, unsigned int max)
{
	struct stream *stream = port->state;
	unsigned int n = 0;
	uint32_t len;
	size_t all;

	while (n < max && (all = next_length(stream, &len))) {
		if (len > FABRIC_FRAME_MAX)
			return n ? (int)n : -EPROTO;
		if (len < ETHERNET_HEADER_SIZE) {
			counter_add(&port->lanes[lane].counters.rx_dropped, 1);
		} else {
			struct iovec *piece = &stream->backlog.iov[n];

			*piece = (struct iovec){ .iov_base = stream->arena + stream->cut + PREFIX,
						 .iov_len = len };
			stream->backlog.frames[n++] =
				(struct frame){ .iov = piece, .iovcnt = 1, .len = len };
		}
		stream->cut += all;
	}
	return (int)n;
}

/**
 * park() - a peer has sent a descriptor: read its socket no more, and do not close it
 *
 * Closing that descriptor, which reading does as well, can take as long as the peer likes. The port
 * stays without a peer: more of them would be more such sockets.
 */
static void park(struct fabric_port *port)
{
	struct stream *stream = port->state;

	epoll_ctl(port->fd, EPOLL_CTL_DEL, atomic_load(&stream->peer), NULL);
	fabric_lock(&stream->sending);
	atomic_store(&stream->peer, -1);
	stream->tail_len = 0;
	pthread_mutex_unlock(&stream->sending);
	stream->parked = true;
	stream->cut = stream->end = 0;
	log_say(LOG_WARNING,
		"stream %s: the peer sent a descriptor, which nobody asked for; its vPort is "
		"disconnected until the adapter is restarted",
		stream->name);
}

/** read_more() - read what the peer has sent; 0 if there is nothing now */
static ssize_t read_more(struct fabric_port *port, int peer)
{
	struct stream *stream = port->state;
	ssize_t got;

	memmove(stream->arena, stream->arena + stream->cut, stream->end - stream->cut);
	stream->end -= stream->cut;
	stream->cut = 0;
	if (stream->looks && rights_waiting(peer)) {
		park(port);
		return -1;
	}
	do
		got = read(peer, stream->arena + stream->end, ARENA_SIZE - stream->end);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return 0;
	if (got <= 0) {
		leave(port, got ? error_reason(errno) : "the peer has left");
		return -1;
	}
	budget_charge(BUDGET_CALL + budget_bytes((uint64_t)got));
	stream->end += (size_t)got;
	return got;
}

/** fill() - put frames into the empty backlog, at most @max; as many as the turn allows */
static void fill(struct fabric_port *port, unsigned int lane, unsigned int max)
{
	struct stream *stream = port->state;
	int peer = atomic_load(&stream->peer);
	uint32_t start = budget_spent;
	ssize_t got = 1;
	int n;

	/* A part of a frame is no reason to stop: the descriptor tells of it only once. */
	while (!(n = cut_frames(port, lane, max)) && got > 0 && budget_since(start) < BUDGET_TURN)
		got = read_more(port, peer);
	atomic_store_explicit(&stream->more, !n && got > 0, memory_order_relaxed);
	if (n < 0)
		leave(port, "the peer sent a length that no frame has, and was disconnected");
	else
		backlog_filled(&stream->backlog, (unsigned int)n);
}

static unsigned int stream_poll(struct fabric_port *port, unsigned int lane, unsigned int budget)
{
	struct stream *stream = port->state;
	unsigned int done, max = budget < FABRIC_BURST ? budget : FABRIC_BURST;

	if (!backlog_begin(&stream->backlog))
		return 0;
	if (atomic_load(&stream->peer) < 0 && stream->listener >= 0 && !stream->parked)
		join(port);
	if (atomic_load(&stream->peer) >= 0) {
		fabric_lock(&stream->sending);
		send_tail(port, atomic_load(&stream->peer));
		pthread_mutex_unlock(&stream->sending);
		if (!backlog_pending(&stream->backlog))
			fill(port, lane, max);
	}
	done = backlog_deliver(&stream->backlog, port, lane, budget);
	backlog_end(&stream->backlog);
	return done;
}

static bool stream_is_source(const struct fabric_port *port)
{
	const struct stream *stream = port->state;

	return backlog_is_source(&stream->backlog) ||
	       atomic_load_explicit(&stream->more, memory_order_relaxed);
}

/* ---- Opening ---- */

/**
 * open_passed() - a socket that this process was started with: a peer's, or one that listens
 *
 * Return: the descriptor, or a negative errno with @error set
 */
static int open_passed(const char *name, bool *listens, struct error *error)
{
	int type = 0, accepting = 0, fd = passed_fd(name);
	socklen_t size = sizeof(type);

	if (fd < 0)
		return error_fail(
			error, fd,
			"fabric stream: no descriptor was passed for %s; open the socket in "
			"the program that starts this one",
			name);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM)
		return error_fail(error, -EINVAL,
				  "fabric stream: %s is not a stream socket; pass one of type "
				  "SOCK_STREAM",
				  name);
	size = sizeof(accepting);
	getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &size);
	*listens = accepting;
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return error_fail(error, -errno,
				  "fabric stream: %s cannot be made non-blocking: %s", name,
				  error_reason(errno));
	return fd;
}

/** open_socket() - as the spec says; as open_passed() */
static int open_socket(struct stream *stream, const char *address, bool *listens,
		       struct error *error)
{
	if (passed_is(address))
		return open_passed(address, listens, error);
	return *listens ? stream_address_listen(address, &stream->file, error)
			: stream_address_connect(address, error);
}

/** plug() - have the socket in the epoll instance that is port->fd */
static int plug(struct fabric_port *port, int fd, bool listens, struct error *error)
{
	struct stream *stream = port->state;

	stream->looks = is_unix(fd) && !rights_refuse(fd);
	port->fd = epoll_create1(EPOLL_CLOEXEC);
	if (port->fd < 0 || watch(port, EPOLL_CTL_ADD, fd, false))
		return error_fail(error, -errno, "fabric stream: cannot watch %s: %s", stream->name,
				  error_reason(errno));
	if (listens) {
		stream->listener = fd;
		return 0;
	}
	prepare(fd);
	atomic_store(&stream->peer, fd);
	return 0;
}

static void stream_close(struct fabric_port *port)
{
	struct stream *stream = port->state;
	int peer = atomic_load(&stream->peer);

	socket_file_remove(&stream->file);
	if (stream->listener >= 0)
		close(stream->listener);
	if (peer >= 0)
		close(peer);
	if (port->fd >= 0)
		close(port->fd);
	pthread_mutex_destroy(&stream->sending);
	free(stream->name);
	free(stream);
}

static int stream_open(struct fabric_port *port, const struct fabric_spec *spec,
		       struct error *error)
{
	struct stream *stream;
	bool listens = false;
	int fd, rc;

	if (!spec->argument || !*spec->argument)
		return error_fail(error, -EINVAL,
				  "fabric stream: a socket is missing; write stream:PATH or "
				  "stream:HOST:PORT");
	for (unsigned int i = 0; i < spec->count; i++) {
		if (strcmp(spec->options[i].key, "listen"))
			return fabric_option_unknown(port, &spec->options[i], error);
		if (spec->options[i].value)
			return error_fail(error, -EINVAL,
					  "fabric stream: listen takes no value; write +listen");
		listens = true;
	}
	stream = aligned_alloc(CACHE_LINE,
			       (sizeof(*stream) + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1));
	if (!stream)
		return error_fail(error, -ENOMEM, "fabric stream: out of memory");
	memset(stream, 0, sizeof(*stream));
	pthread_mutex_init(&stream->sending, NULL);
	atomic_store(&stream->peer, -1);
	stream->listener = -1;
	stream->name = strdup(spec->argument);
	port->state = stream;
	if (!stream->name) {
		stream_close(port);
		return error_fail(error, -ENOMEM, "fabric stream: out of memory");
	}
	fd = open_socket(stream, spec->argument, &listens, error);
	rc = fd < 0 ? fd : plug(port, fd, listens, error);
	if (rc) {
		if (fd >= 0)
			close(fd);
		stream_close(port);
		port->fd = -1;
	}
	return rc;
}

const struct fabric_ops fabric_stream = {
	.name = "stream",
	.usage = "stream:PATH|HOST:PORT[+listen]",
	.open = stream_open,
	.close = stream_close,
	.send = stream_send,
	.poll = stream_poll,
	.is_source = stream_is_source,
};
