/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_user/conn.h - the server's connections and the messages on them. Only for the server's
 * files; each uses those below it:
 *
 *	server.c	accepts connections, reads messages, drops clients
 *	handlers.c	one function per command
 *	vectors.c	interrupts		listen.c	the socket file
 *	conn.c		replies
 *	notify.c	signals an eventfd	closer.c	closes what came from clients
 */
#ifndef MANAKIN_VFIO_USER_CONN_H
#define MANAKIN_VFIO_USER_CONN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/budget.h"
#include "base/log.h"
#include "base/socket_file.h"
#include "vfio_user/closer.h"
#include "vfio_user/descriptors.h"
#include "vfio_user/message.h"
#include "vfio_user/notify.h"
#include "vfio_user/server.h"

#define READ_MAX          (16u << 10) /* bytes read from a connection in one call of vfu_server_serve() */
#define IN_SIZE           (VFU_MESSAGE_MAX + READ_MAX)
#define OUT_SIZE          (4u * VFU_MESSAGE_MAX)
#define CONN_MAX          5u /* the client and waiting connections */

/*
 * Descriptors that wait to be closed. While CLOSER_BUSY strange ones do, nobody is let in, and who
 * sent such is not read. While CLOSER_FULL of any kind do, the client is not read in any case. There
 * is room for what one visit and the end of all connections add after that.
 */
#define CLOSER_BUSY       64u
#define CLOSER_FULL       512u

/* What is logged once per connection: bits of conn->complained */
#define COMPLAINT_ASKED   (1u << 0) /* a command answered with an error */
#define COMPLAINT_POSTED  (1u << 1) /* a posted command that failed */
#define COMPLAINT_STRANGE (1u << 2) /* a descriptor that is not taken */

/**
 * struct conn - one connection
 * @fd:		the socket
 * @pid:	of the peer, for the log
 * @since:	its number in the order of acceptance
 * @dead:	to be torn down
 * @strange:	it has sent descriptors that were not taken
 * @watched:	epoll watches its socket
 * @polls_out:	epoll watches for room in the socket
 * @takes_fd:	the peer can receive a descriptor
 * @asks_mmap:	the peer has asked for the regions of struct vfu_region's @mmap_asked
 * @complained:	COMPLAINT_*
 * @data_max:	bytes of data that the peer accepts in one message
 * @more:	@in has a whole message, which the last visit has not handled to its end
 * @writes:	of REGION_WRITE_MULTI: what has been done of it in earlier visits
 * @late_fds, @n_late_fds, @late_error: descriptors of the last read that are not in @fds yet, and
 *		why some are missing: they belong to the message with the last byte in @in
 * @fds, @n_fds: descriptors of the message at the beginning of @in
 * @fds_error:	why some of its descriptors are missing, a positive errno, or 0
 * @reason:	why the current command failed, where an errno does not say it; or NULL
 * @in, @in_used: data read but not yet handled: part of one message, unless there is @more
 * @out, @out_head, @out_used: data not yet sent is from @out_head to @out_used
 * @out_fds, @n_out_fds: descriptors to send with the byte at @at of @out
 */
struct conn {
	int fd;
	pid_t pid;
	uint64_t since;
	bool dead, strange, watched, polls_out, takes_fd, asks_mmap, more;
	uint64_t writes;
	int late_fds[DESCRIPTORS_MAX];
	unsigned int n_late_fds;
	int late_error;
	unsigned int complained;
	uint64_t data_max;
	int fds[VFU_FDS_MAX];
	unsigned int n_fds;
	int fds_error;
	const char *reason;
	size_t in_used;
	size_t out_head, out_used;
	struct {
		size_t at;
		int fd;
	} out_fds[VFU_REGION_COUNT];
	unsigned int n_out_fds;
	uint8_t in[IN_SIZE];
	uint8_t out[OUT_SIZE];
};

/**
 * struct vfu_server - a device that is offered
 * @config:	the caller's
 * @path:	our copy of its path
 * @listen_fd:	the listening socket
 * @epoll_fd:	watches it and the connections
 * @spare_fd:	closed for a moment to reject a connection when descriptors have run out
 * @file:	the socket's, if it was not passed
 * @again_fd:	eventfd for vfu_server_again(), in @epoll_fd
 * @visit:	budget_spent when the visit began
 * @held:	the device has not finished: no message is handled
 * @timer_fd:	for another look at what is waiting
 * @at_fd:	for vfu_server_at()
 * @listening:	epoll watches @listen_fd
 * @crowded:	much is waiting to be closed, and must be done by then (clock_ns()); 0: not much
 * @told_crowded: it was not done by then, which has been logged
 * @serving:	a handler may be running
 * @turning_away: connections cannot be accepted, which has been logged
 * @cannot_raise: an interrupt could not be signalled, which has been logged
 * @limits:	of messages that clients cause
 * @accepted:	connections accepted so far
 * @conns:	the connections, NULL where there is none
 * @client:	one of them, or NULL
 * @vectors:	an eventfd or -1 for each MSI-X vector; read by lanes
 * @retired:	room for as many that have been replaced
 * @notifier:	signals them
 * @closer:	closes what came from clients
 * @cut_lock, @cut_fd: the client's socket, or -1, for vfu_server_cut()
 */
struct vfu_server {
	struct vfu_config config;
	char *path;
	int listen_fd, epoll_fd, spare_fd, again_fd, timer_fd, at_fd;
	uint32_t visit;
	bool held;
	struct socket_file file;
	bool serving, turning_away, listening, told_crowded;
	uint64_t crowded;
	atomic_bool cannot_raise;
	struct log_limits limits;
	uint64_t accepted;
	struct conn *conns[CONN_MAX];
	struct conn *client;
	atomic_int *vectors;
	int *retired;
	struct notifier notifier;
	struct closer *closer;
	pthread_mutex_t cut_lock;
	int cut_fd;
};

/** visit_over() - has the control thread to go on to the next adapter? */
static inline bool visit_over(const struct vfu_server *server)
{
	return server->held || budget_since(server->visit) >= BUDGET_VISIT;
}

/** command_name() - a command's name, for the log */
const char *command_name(unsigned int command);

/**
 * conn_condemn() - mark the connection, to be torn down when no handler is running; logs why
 *
 * There can be any number of connections besides the client, so they are logged at a lower level.
 */
void conn_condemn(struct vfu_server *server, struct conn *conn, enum log_level level,
		  const char *why);

/**
 * conn_discard() - have descriptors of a client closed, on the closer's thread
 * @n:		how many; 0 afterwards
 * @strange:	see closer_add()
 */
void conn_discard(struct vfu_server *server, int *fds, unsigned int *n, bool strange);

/** conn_set_cut() - vfu_server_cut() ends this client's connection from now on; NULL: nobody's */
void conn_set_cut(struct vfu_server *server, const struct conn *client);

/** conn_watch() - have epoll watch the connection, or not */
void conn_watch(struct vfu_server *server, struct conn *conn, bool watch);

/** conn_flush() - send what the socket accepts, and watch for room if data is left */
void conn_flush(struct vfu_server *server, struct conn *conn);

/**
 * conn_begin_reply() - make room for a reply and write its header
 * @server:	the server
 * @conn:	where the command came from
 * @command:	its header
 * @error:	a positive errno, or 0
 * @len:	bytes of the body
 *
 * Return: room for the body, zeroed; NULL if the connection is being torn down
 */
void *conn_begin_reply(struct vfu_server *server, struct conn *conn,
		       const struct vfu_header *command, int error, size_t len);

/** conn_reply() - reply with a body, unless no reply is requested; always 0 */
int conn_reply(struct vfu_server *server, struct conn *conn, const struct vfu_header *command,
	       const void *body, size_t len);

/**
 * conn_reply_error() - reply with @error, a negative errno, unless no reply is requested
 *
 * The first of each kind is logged, with conn->reason if that is set.
 */
void conn_reply_error(struct vfu_server *server, struct conn *conn,
		      const struct vfu_header *command, int error);

#endif
