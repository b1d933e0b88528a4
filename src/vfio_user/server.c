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
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/clock.h"
#include "vfio_user/conn.h"
#include "vfio_user/descriptors.h"
#include "vfio_user/handlers.h"
#include "vfio_user/listen.h"
#include "vfio_user/vectors.h"

#define MSIX_MAX 2048u /* vectors that PCI allows a function */

/* Add descriptors to those of the current message; the excess is closed */
static void adopt_fds(struct conn *conn, int *fds, unsigned int *n)
{
	unsigned int i = 0;

	while (i < *n && conn->n_fds < VFU_FDS_MAX)
		conn->fds[conn->n_fds++] = fds[i++];
	if (i < *n)
		conn->fds_error = E2BIG;
	for (; i < *n; i++)
		close(fds[i]);
	*n = 0;
}

/**
 * adopt_late_fds() - do the last read's descriptors belong to the message at hand?
 * @command:	its header, if @left is enough for one
 * @left:	bytes in the buffer, from its first byte on
 *
 * They do if it has the last byte of the read.
 */
static void adopt_late_fds(struct conn *conn, const struct vfu_header *command, size_t left)
{
	if ((!conn->n_late_fds && !conn->late_error) || !left ||
	    (left >= sizeof(*command) && command->size < left))
		return;
	adopt_fds(conn, conn->late_fds, &conn->n_late_fds);
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
		adopt_late_fds(conn, &command, left);
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
		ret = command_handle(server, conn, &command, conn->in + at + sizeof(command));
		if (ret == -EINPROGRESS) {
			conn->more = true;
			break;
		}
		if (ret)
			conn_reply_error(server, conn, &command, ret);
		descriptors_close(conn->fds, &conn->n_fds);
		conn->fds_error = 0;
		at += command.size;
	}
	memmove(conn->in, conn->in + at, conn->in_used - at);
	conn->in_used -= at;
	if (conn->more)
		vfu_server_again(server);
	else
		descriptors_close(conn->late_fds, &conn->n_late_fds);
	conn_flush(server, conn);
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

/* Tear a connection down, and detach the client from the device */
static void conn_close(struct vfu_server *server, struct conn *conn)
{
	if (conn == server->client) {
		vectors_set(server, 0, server->config.irqs[VFU_IRQ_MSIX], NULL);
		server->config.ops->detached(server->config.ctx);
		server->client = NULL;
	}
	for (unsigned int i = 0; i < CONN_MAX; i++)
		if (server->conns[i] == conn)
			server->conns[i] = NULL;
	descriptors_close(conn->fds, &conn->n_fds);
	descriptors_close(conn->late_fds, &conn->n_late_fds);
	close(conn->fd);
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
		log_say(LOG_ERROR, "%s: connections are turned away: %s", server->path,
			error_reason(error));
	server->turning_away = true;
	if (server->spare_fd >= 0)
		close(server->spare_fd);
	fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	else
		clock_pause_us(1000); /* it is reported again at once: do not spin */
	/* Not a file: a process without rights cannot open one */
	server->spare_fd = fcntl(server->epoll_fd, F_DUPFD_CLOEXEC, 0);
}

/* Accept one connection, if there is a slot; else free one, to accept it next time */
static void accept_one(struct vfu_server *server)
{
	struct epoll_event event = { .events = EPOLLIN };
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
	event.data.ptr = conn;
	if (!conn || epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		log_say(LOG_ERROR, "%s: a connection is turned away: %s", server->path,
			error_reason(errno));
		free(conn);
		close(fd);
		return;
	}
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	conn->fd = fd;
	conn->pid = peer.pid;
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

/** serve_conn() - what epoll reports about a connection */
static void serve_conn(struct vfu_server *server, struct conn *conn, uint32_t events)
{
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

void vfu_server_serve(struct vfu_server *server)
{
	struct epoll_event events[CONN_MAX + 2];
	uint64_t count;
	int n;

	server->visit = budget_spent;
	server->serving = true;
	server->held = server->config.ops->visit && !server->config.ops->visit(server->config.ctx);
	n = epoll_wait(server->epoll_fd, events, CONN_MAX + 2, 0);
	for (int i = 0; i < n; i++)
		if (events[i].data.ptr == &server->again_fd &&
		    read(server->again_fd, &count, sizeof(count)) < 0)
			continue;
	if (server->held)
		vfu_server_again(server);
	for (unsigned int i = 0; i < CONN_MAX; i++)
		if (server->conns[i] && server->conns[i]->more && !server->conns[i]->dead)
			process(server, server->conns[i]);
	for (int i = 0; i < n; i++) {
		if (!events[i].data.ptr)
			accept_one(server);
		else if (events[i].data.ptr != &server->again_fd)
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

bool vfu_server_busy(const struct vfu_server *server)
{
	return server->client;
}

int vfu_server_fd(const struct vfu_server *server)
{
	return server->epoll_fd;
}

int vfu_server_open(const struct vfu_config *config, struct vfu_server **result)
{
	uint32_t vectors = config->irqs[VFU_IRQ_MSIX];
	struct epoll_event event = { .events = EPOLLIN }, again = { .events = EPOLLIN };
	struct vfu_server *server;
	int ret = -ENOMEM;

	if (vectors > MSIX_MAX)
		return -EINVAL;
	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->config = *config;
	server->listen_fd = server->epoll_fd = server->spare_fd = -1;
	server->again_fd = server->own_fds = -1;
	server->path = strdup(config->path);
	server->vectors = calloc(vectors + 1, sizeof(*server->vectors));
	server->retired = calloc(vectors + 1, sizeof(*server->retired));
	if (!server->path || !server->vectors || !server->retired)
		goto fail;
	server->config.path = server->path;
	again.data.ptr = &server->again_fd;
	for (uint32_t i = 0; i < vectors; i++)
		atomic_init(&server->vectors[i], -1);
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll_fd >= 0)
		server->spare_fd = fcntl(server->epoll_fd, F_DUPFD_CLOEXEC, 0);
	server->again_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	server->own_fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (server->spare_fd < 0 || server->again_fd < 0 || server->own_fds < 0) {
		ret = -errno;
		goto fail;
	}
	ret = listen_at(server);
	if (ret)
		goto fail;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->listen_fd, &event) < 0 ||
	    epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->again_fd, &again) < 0) {
		ret = -errno;
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
	struct stat st;

	for (unsigned int i = 0; i < CONN_MAX; i++)
		if (server->conns[i])
			conn_close(server, server->conns[i]);
	if (server->inode && lstat(server->path, &st) == 0 && st.st_dev == server->device &&
	    st.st_ino == server->inode)
		unlink(server->path);
	if (server->listen_fd >= 0)
		close(server->listen_fd);
	if (server->epoll_fd >= 0)
		close(server->epoll_fd);
	if (server->spare_fd >= 0)
		close(server->spare_fd);
	if (server->again_fd >= 0)
		close(server->again_fd);
	if (server->own_fds >= 0)
		close(server->own_fds);
	free(server->vectors);
	free(server->retired);
	free(server->path);
	free(server);
}
