/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_user/server.c - offer a PCI device to one client over a UNIX socket.
 *
 * Theory of operation
 * ===================
 *
 * Connections. A new connection is "waiting" until it has sent a VERSION that
 * we accept; then it is "the client". There is at most one client; another
 * connection's VERSION is answered with EBUSY and that connection is closed. A
 * few may be waiting; when there are too many, the one that has waited longest
 * is closed, so silent connections cannot keep others out.
 *
 * Reading. A posted write (a doorbell) is a message of 40 bytes, and there are
 * many: the socket is read in bulk, up to READ_MAX bytes with one call, and the
 * messages are taken from the buffer. One call of vfu_server_serve() (a visit)
 * reads at most once from each connection, and handles complete messages until
 * it has spent its budget. What is left then stays in the buffer, the eventfd
 * again_fd brings the control thread back, and nothing more is read from that
 * connection before.
 *
 * File descriptors. The kernel delivers descriptors with the bytes of the
 * sendmsg() they were passed to, and ends a read after the bytes of that
 * sendmsg() (unix(7): ancillary data is a barrier). But the read may begin with
 * bytes of earlier ones. So the descriptors of a read belong to the message
 * that contains its last byte, complete or not; see receive(). This holds for
 * every client that sends each message with descriptors in a sendmsg() of its
 * own, as QEMU does.
 *
 *	sendmsg() calls    |write|write|map    + fd|write|
 *	what one read gets |-----------------------|
 *	the fd belongs to              ^ this message
 *
 * Writing. Replies are collected in a buffer that is sent after the messages of
 * one read have been handled. What the socket does not accept stays in the
 * buffer; when that is full, the client is not reading its replies, and is
 * dropped.
 *
 * Dropping. A handler that cannot continue with a connection only marks it
 * (conn_condemn()); it is torn down when no handler is running.
 *
 * docs/vfio-user.md describes the answers to bad messages.
 */
#include "vfio_user/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/clock.h"
#include "base/pulse.h"
#include "vfio_user/conn.h"
#include "vfio_user/descriptors.h"
#include "vfio_user/handlers.h"
#include "vfio_user/listen.h"
#include "vfio_user/vectors.h"

#define MSIX_MAX   2048u /* vectors that PCI allows a function */
#define PAUSE_MS   10   /* before connections are accepted again, and before a look at the closer */
#define CROWDED_MS 500u /* for descriptors to be closed, before those who sent them are dropped */

/* Have descriptors closed that are of no use */
static void refuse_fds(struct vfu_server *server, struct conn *conn, int *fds, unsigned int *n)
{
	if (*n && !conn->strange && conn != server->client)
		log_say(LOG_NOTICE, "%s: pid %d sent a descriptor with a message that takes none",
			server->path, (int)conn->pid);
	if (*n)
		conn->strange = true;
	conn_discard(server, fds, n, true);
}

/* Add descriptors to those of the current message; the excess is refused */
static void adopt_fds(struct vfu_server *server, struct conn *conn, int *fds, unsigned int *n)
{
	unsigned int i = 0;

	while (i < *n && conn->n_fds < VFU_FDS_MAX)
		conn->fds[conn->n_fds++] = fds[i++];
	if (i < *n)
		conn->fds_error = E2BIG;
	*n -= i;
	refuse_fds(server, conn, fds + i, n);
}

/**
 * adopt_late_fds() - do the last read's descriptors belong to the message at hand?
 * @command:	its header, if @left is enough for one
 * @left:	bytes in the buffer, from its first byte on
 *
 * They do if it has the last byte of the read.
 */
static void adopt_late_fds(struct vfu_server *server, struct conn *conn,
			   const struct vfu_header *command, size_t left)
{
	if ((!conn->n_late_fds && !conn->late_error) || !left ||
	    (left >= sizeof(*command) && command->size < left))
		return;
	adopt_fds(server, conn, conn->late_fds, &conn->n_late_fds);
	if (conn->late_error)
		conn->fds_error = conn->late_error;
	conn->late_error = 0;
}

/** whole() - is there a whole message at the start of @left bytes? Condemns a malformed one */
static bool whole(struct vfu_server *server, struct conn *conn, const struct vfu_header *command,
		  size_t left)
{
	const char *why = NULL;

	if (left < sizeof(*command))
		return false;
	if (command->size < sizeof(*command))
		why = "it sent a message shorter than a header";
	else if (command->size > VFU_MESSAGE_MAX)
		why = "it sent a message longer than agreed";
	if (why)
		conn_condemn(server, conn, LOG_WARNING, why);
	return !why && left >= command->size;
}

/* Have epoll watch the listening socket, or not */
static void listen_watch(struct vfu_server *server, bool watch)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (watch == server->listening)
		return;
	if (epoll_ctl(server->epoll_fd, watch ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, server->listen_fd,
		      &event) < 0)
		log_say(LOG_ERROR, "%s: the socket cannot be watched: %s", server->path,
			error_reason(errno));
	else
		server->listening = watch;
}

/* Have count_waiting() called after a moment */
static void set_timer(struct vfu_server *server, unsigned int ms)
{
	const struct itimerspec moment = { .it_value.tv_nsec = (long)ms * NS_PER_MS };

	timerfd_settime(server->timer_fd, 0, &moment, NULL);
}

/* Drop those who sent what cannot be closed */
static void drop_strange(struct vfu_server *server, unsigned int waiting)
{
	log_say(LOG_WARNING,
		"%s: %u descriptors that clients sent cannot be closed, because something keeps "
		"close() waiting; until that ends, no connection is accepted",
		server->path, waiting);
	for (unsigned int i = 0; i < CONN_MAX; i++)
		if (server->conns[i] && server->conns[i]->strange)
			conn_condemn(server, server->conns[i], LOG_WARNING,
				     "it sent descriptors that are not taken");
}

/**
 * count_waiting() - bound what waits to be closed
 *
 * The closer may be held up by what one client sent. While much is waiting, only the client is read,
 * unless it is the one who sent that. If it does not get less, whoever sent such things is dropped.
 */
static void count_waiting(struct vfu_server *server)
{
	unsigned int strange, waiting = closer_waiting(server->closer, &strange);
	bool full = waiting >= CLOSER_FULL, crowded = full || strange >= CLOSER_BUSY;

	if (crowded && !server->crowded)
		server->crowded = clock_deadline(CROWDED_MS);
	else if (!crowded)
		server->crowded = server->told_crowded = 0;
	if (crowded && clock_passed(server->crowded) && !server->told_crowded) {
		server->told_crowded = true;
		drop_strange(server, waiting);
	}
	for (unsigned int i = 0; i < CONN_MAX; i++) {
		struct conn *conn = server->conns[i];
		bool first = conn && conn == server->client && !conn->strange;

		if (conn && !conn->dead)
			conn_watch(server, conn, first ? !full : !crowded);
	}
	listen_watch(server, !crowded);
	if (!crowded)
		return;
	closer_wake(server->closer);
	if (!server->told_crowded)
		set_timer(server, PAUSE_MS);
}

/**
 * process() - handle whole messages in the buffer, as many as the visit allows
 *
 * Descriptors of earlier reads are in conn->fds and belong to the first message.
 */
static void process(struct vfu_server *server, struct conn *conn)
{
	struct vfu_header command;
	size_t at = 0, left;
	int ret;

	conn->more = false;
	while (!conn->dead) {
		left = conn->in_used - at;
		if (left >= sizeof(command))
			memcpy(&command, conn->in + at, sizeof(command));
		adopt_late_fds(server, conn, &command, left);
		if (!whole(server, conn, &command, left))
			break;
		if (visit_over(server)) {
			conn->more = true;
			break;
		}
		budget_charge(BUDGET_MESSAGE);
		if (log_wants(LOG_DEBUG))
			log_say(LOG_DEBUG, "%s: %s, id %u, %u bytes, flags 0x%x", server->path,
				command_name(command.command), command.id, command.size,
				command.flags);
		pulse_beat(command_name(command.command),
			   conn == server->client ? server->config.pulse : PULSE_NOBODY);
		ret = command_handle(server, conn, &command, conn->in + at + sizeof(command));
		if (ret == -EINPROGRESS) {
			conn->more = true;
			break;
		}
		if (ret)
			conn_reply_error(server, conn, &command, ret);
		refuse_fds(server, conn, conn->fds, &conn->n_fds);
		conn->fds_error = 0;
		conn->reason = NULL;
		at += command.size;
	}
	memmove(conn->in, conn->in + at, conn->in_used - at);
	conn->in_used -= at;
	if (conn->more)
		vfu_server_again(server);
	else
		refuse_fds(server, conn, conn->late_fds, &conn->n_late_fds);
	conn_flush(server, conn);
	count_waiting(server);
}

/* Read once from a connection and handle complete messages */
static void receive(struct vfu_server *server, struct conn *conn)
{
	struct iovec iov = { .iov_base = conn->in + conn->in_used, .iov_len = READ_MAX };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	union descriptors_room room;
	ssize_t n;

	descriptors_expect(&message, &room);
	/* There is room: less than one message was left */
	n = recvmsg(conn->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_condemn(server, conn, LOG_NOTICE, n < 0 ? strerror(errno) : "it left");
		return;
	}
	conn->n_late_fds = descriptors_take(&message, conn->late_fds);
	/* All that one call can carry fit; what is missing, this process could not take */
	conn->late_error = message.msg_flags & MSG_CTRUNC ? EMFILE : 0;
	conn->in_used += (size_t)n;
	process(server, conn);
}

/**
 * close_socket() - of a connection
 *
 * Messages that have not been read may carry descriptors, which are closed with the socket. The
 * peer can send nothing more after shutdown(2), and each message in the socket has at least a byte.
 */
static void close_socket(struct vfu_server *server, int fd)
{
	int unread;

	shutdown(fd, SHUT_RDWR);
	if (ioctl(fd, FIONREAD, &unread) < 0 || unread)
		closer_add(server->closer, fd, true);
	else
		close(fd);
}

/* Tear a connection down, and detach the client from the device */
static void conn_close(struct vfu_server *server, struct conn *conn)
{
	if (conn == server->client) {
		pulse_beat("the end of a client", server->config.pulse);
		conn_set_cut(server, NULL);
		vectors_set(server, 0, server->config.irqs[VFU_IRQ_MSIX], NULL);
		server->config.ops->detached(server->config.ctx);
		server->client = NULL;
	}
	for (unsigned int i = 0; i < CONN_MAX; i++)
		if (server->conns[i] == conn)
			server->conns[i] = NULL;
	conn_watch(server, conn, false);
	conn_discard(server, conn->fds, &conn->n_fds, true);
	conn_discard(server, conn->late_fds, &conn->n_late_fds, true);
	close_socket(server, conn->fd);
	free(conn);
}

/* Tear down the connections that have been marked */
static void reap(struct vfu_server *server)
{
	for (unsigned int i = 0; i < CONN_MAX; i++)
		if (server->conns[i] && server->conns[i]->dead)
			conn_close(server, server->conns[i]);
}

/**
 * turn_away() - close a connection that could not be accepted, or epoll reports it forever
 * @server:	the server
 * @error:	why it could not
 */
static void turn_away(struct vfu_server *server, int error)
{
	int fd;

	if (!server->turning_away)
		log_limited(&server->limits, LOG_ERROR, "%s: connections are turned away: %s",
			    server->path, error_reason(error));
	server->turning_away = true;
	if (server->spare_fd >= 0)
		close(server->spare_fd);
	fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0) {
		close_socket(server, fd);
	} else {
		/* It would be reported again at once */
		listen_watch(server, false);
		set_timer(server, PAUSE_MS);
	}
	server->spare_fd = fcntl(server->listen_fd, F_DUPFD_CLOEXEC, 0);
}

/* Accept one connection, if there is a slot; else free one, to accept it next time */
static void accept_one(struct vfu_server *server)
{
	struct conn **place = NULL, *oldest = NULL, *conn;
	struct ucred peer = { .pid = 0 };
	socklen_t len = sizeof(peer);
	int fd;

	for (unsigned int i = 0; i < CONN_MAX; i++) {
		conn = server->conns[i];
		if (!conn)
			place = &server->conns[i];
		else if (conn != server->client && (!oldest || conn->since < oldest->since))
			oldest = conn;
	}
	if (!place) {
		conn_condemn(server, oldest, LOG_WARNING,
			     "it sent nothing, and others are waiting "
			     "to connect");
		return;
	}
	fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			turn_away(server, errno);
		return;
	}
	conn = calloc(1, sizeof(*conn));
	if (!conn) {
		log_limited(&server->limits, LOG_ERROR, "%s: a connection is turned away: %s",
			    server->path, error_reason(errno));
		close_socket(server, fd);
		return;
	}
	/* Out-of-band bytes stay in line: the kernel would drop them, and close what came with them */
	setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &(int){ 1 }, sizeof(int));
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	conn->fd = fd;
	conn->pid = peer.pid;
	conn_watch(server, conn, true);
	conn->since = server->accepted++;
	server->turning_away = false;
	*place = conn;
}

/**
 * client_left() - has the client closed its end, even if data from it is still unread?
 *
 * A process that connects after the client has ended is the next client, not a second one: it
 * cannot know that the client's last messages have not been read yet.
 */
static bool client_left(const struct vfu_server *server)
{
	struct pollfd end = { .fd = server->client ? server->client->fd : -1 };

	return server->client &&
	       (server->client->dead || (poll(&end, 1, 0) == 1 && end.revents & POLLHUP));
}

void vfu_server_again(struct vfu_server *server)
{
	const uint64_t one = 1;

	/* It can only fail if the counter is full, and then it is readable anyway. */
	if (write(server->again_fd, &one, sizeof(one)) < 0)
		return;
}

void vfu_server_at(struct vfu_server *server, uint64_t when)
{
	const struct itimerspec at = { .it_value = { .tv_sec = (time_t)(when / NS_PER_S),
						     .tv_nsec = (long)(when % NS_PER_S) } };
	const struct itimerspec never = { 0 };

	timerfd_settime(server->at_fd, TFD_TIMER_ABSTIME, when == UINT64_MAX ? &never : &at, NULL);
}

/** serve_conn() - what epoll reports about a connection */
static void serve_conn(struct vfu_server *server, struct conn *conn, uint32_t events)
{
	if (!conn->watched)
		return;
	if (events & EPOLLOUT)
		conn_flush(server, conn);
	if (conn != server->client && client_left(server)) {
		/* This connection is read when the client has been torn down. */
		conn_condemn(server, server->client, LOG_NOTICE, "it left");
		return;
	}
	if (!conn->dead && !conn->more && !visit_over(server) &&
	    events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(server, conn);
}

/** empty() - read one of the server's own descriptors that became readable */
static bool empty(struct vfu_server *server, const void *which)
{
	uint64_t count;
	int fd = -1;

	if (which == &server->again_fd)
		fd = server->again_fd;
	else if (which == &server->timer_fd)
		fd = server->timer_fd;
	else if (which == &server->at_fd)
		fd = server->at_fd;
	else if (which == server->closer)
		fd = closer_fd(server->closer);
	if (fd < 0)
		return false;
	if (read(fd, &count, sizeof(count)) > 0 && which != &server->again_fd &&
	    which != &server->at_fd)
		count_waiting(server);
	return true;
}

void vfu_server_serve(struct vfu_server *server)
{
	struct epoll_event events[CONN_MAX + 5];
	bool own[CONN_MAX + 5];
	int n;

	server->visit = budget_spent;
	server->serving = true;
	n = epoll_wait(server->epoll_fd, events, CONN_MAX + 5, 0);
	for (int i = 0; i < n; i++)
		own[i] = empty(server, events[i].data.ptr);
	/* After that: who calls vfu_server_again() from here on has another visit. */
	server->held = server->config.ops->visit && !server->config.ops->visit(server->config.ctx);
	if (server->held)
		vfu_server_again(server);
	for (unsigned int i = 0; i < CONN_MAX; i++)
		if (server->conns[i] && server->conns[i]->more && !server->conns[i]->dead)
			process(server, server->conns[i]);
	for (int i = 0; i < n; i++) {
		if (!events[i].data.ptr)
			accept_one(server);
		else if (!own[i])
			serve_conn(server, events[i].data.ptr, events[i].events);
	}
	server->serving = false;
	reap(server);
}

void vfu_server_drop(struct vfu_server *server, const char *why)
{
	if (!server->client)
		return;
	conn_condemn(server, server->client, LOG_WARNING, why);
	if (!server->serving)
		reap(server);
}

void vfu_server_cut(struct vfu_server *server)
{
	pthread_mutex_lock(&server->cut_lock);
	if (server->cut_fd >= 0)
		shutdown(server->cut_fd, SHUT_RDWR);
	pthread_mutex_unlock(&server->cut_lock);
}

bool vfu_server_busy(const struct vfu_server *server)
{
	return server->client;
}

int vfu_server_fd(const struct vfu_server *server)
{
	return server->epoll_fd;
}

/* Open what the server needs besides its socket; 0 or a negative errno */
static int open_parts(struct vfu_server *server)
{
	const uint32_t vectors = server->config.irqs[VFU_IRQ_MSIX];
	const unsigned int visit = DESCRIPTORS_MAX + VFU_FDS_MAX + vectors;
	const unsigned int end = CONN_MAX * (VFU_FDS_MAX + DESCRIPTORS_MAX + 1) + vectors + 1;
	struct epoll_event event = { .events = EPOLLIN };
	int ret;

	ret = closer_open(CLOSER_FULL + CONN_MAX * visit + end, &server->closer);
	if (!ret)
		ret = notifier_open(&server->notifier);
	if (ret)
		return ret;
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	server->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	server->at_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	server->again_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->epoll_fd < 0 || server->timer_fd < 0 || server->at_fd < 0 ||
	    server->again_fd < 0)
		return -errno;
	event.data.ptr = &server->again_fd;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->again_fd, &event) < 0)
		return -errno;
	event.data.ptr = &server->timer_fd;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->timer_fd, &event) < 0)
		return -errno;
	event.data.ptr = &server->at_fd;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->at_fd, &event) < 0)
		return -errno;
	event.data.ptr = server->closer;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, closer_fd(server->closer), &event) < 0)
		return -errno;
	return 0;
}

int vfu_server_open(const struct vfu_config *config, struct vfu_server **result)
{
	uint32_t vectors = config->irqs[VFU_IRQ_MSIX];
	struct vfu_server *server;
	int ret = -ENOMEM;

	if (vectors > MSIX_MAX)
		return -EINVAL;
	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->config = *config;
	server->listen_fd = server->epoll_fd = server->spare_fd = server->timer_fd = server->at_fd =
		server->again_fd = -1;
	server->notifier.pipe[0] = server->notifier.pipe[1] = server->cut_fd = -1;
	pthread_mutex_init(&server->cut_lock, NULL);
	server->path = strdup(config->path);
	server->vectors = calloc(vectors + 1, sizeof(*server->vectors));
	server->retired = calloc(vectors + 1, sizeof(*server->retired));
	if (!server->path || !server->vectors || !server->retired)
		goto fail;
	server->config.path = server->path;
	for (uint32_t i = 0; i < vectors; i++)
		atomic_init(&server->vectors[i], -1);
	ret = open_parts(server);
	if (!ret)
		ret = listen_at(server);
	if (ret)
		goto fail;
	server->spare_fd = fcntl(server->listen_fd, F_DUPFD_CLOEXEC, 0);
	if (server->spare_fd < 0) {
		ret = -errno;
		goto fail;
	}
	listen_watch(server, true);
	if (!server->listening) {
		ret = -EMFILE;
		goto fail;
	}
	*result = server;
	return 0;
fail:
	vfu_server_close(server);
	return ret;
}

void vfu_server_close(struct vfu_server *server)
{
	for (unsigned int i = 0; i < CONN_MAX; i++)
		if (server->conns[i])
			conn_close(server, server->conns[i]);
	socket_file_remove(&server->file);
	if (server->epoll_fd >= 0)
		close(server->epoll_fd);
	if (server->spare_fd >= 0)
		close(server->spare_fd);
	if (server->timer_fd >= 0)
		close(server->timer_fd);
	if (server->at_fd >= 0)
		close(server->at_fd);
	if (server->again_fd >= 0)
		close(server->again_fd);
	/* Connections that were not accepted, and what they sent, go with the socket */
	if (server->listen_fd >= 0)
		closer_add(server->closer, server->listen_fd, true);
	if (server->closer)
		closer_close(server->closer);
	notifier_close(&server->notifier);
	pthread_mutex_destroy(&server->cut_lock);
	free(server->vectors);
	free(server->retired);
	free(server->path);
	free(server);
}
