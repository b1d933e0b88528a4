/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_user/conn.h - the server's connections, and what is said over them. For the server's files
 * only, which are, each using those below it:
 *
 *	server.c	accepts connections, reads messages, drops clients
 *	handlers.c	a function a command
 *	vectors.c	interrupts		listen.c	the socket file
 *	conn.c		replies
 */
#ifndef MANAKIN_VFIO_USER_CONN_H
#define MANAKIN_VFIO_USER_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/log.h"
#include "vfio_user/message.h"
#include "vfio_user/server.h"

#define READ_MAX         (16u << 10) /* bytes read from a connection in one call of vfu_server_serve() */
#define IN_SIZE          (VFU_MESSAGE_MAX + READ_MAX)
#define OUT_SIZE         (4u * VFU_MESSAGE_MAX)
#define CONN_MAX         5u /* the client and those waiting */

/* What is logged once a connection: bits of conn->complained */
#define COMPLAINT_ASKED  (1u << 0) /* a command answered with an error */
#define COMPLAINT_POSTED (1u << 1) /* a posted command that failed */

/**
 * struct conn - one connection
 * @fd:		the socket
 * @pid:	of the peer, for the log
 * @since:	its number, counting those accepted
 * @dead:	condemned
 * @polls_out:	epoll watches for room in the socket
 * @takes_fd:	the peer can receive a descriptor
 * @asks_mmap:	the peer has asked for the regions of struct vfu_region's @mmap_asked
 * @complained:	COMPLAINT_*
 * @data_max:	bytes of data the peer takes in one message
 * @fds, @n_fds: descriptors of the message at the beginning of @in
 * @fds_error:	why some of its descriptors are not there, a positive errno, or 0
 * @in, @in_used: what has been read and not handled: part of one message, except in process()
 * @out, @out_head, @out_used: what has not been sent is from @out_head to @out_used
 * @out_fds, @n_out_fds: descriptors to send with the byte at @at of @out
 */
struct conn {
	int fd;
	pid_t pid;
	uint64_t since;
	bool dead, polls_out, takes_fd, asks_mmap;
	unsigned int complained;
	uint64_t data_max;
	int fds[VFU_FDS_MAX];
	unsigned int n_fds;
	int fds_error;
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
 * struct vfu_server - a device on offer
 * @config:	the caller's
 * @path:	our copy of its path
 * @listen_fd:	the listening socket
 * @epoll_fd:	watches it and the connections
 * @spare_fd:	given up for a moment to turn a connection away when descriptors have run out
 * @device, @inode: of the socket file, to remove no other
 * @serving:	a handler may be running
 * @turning_away: connections cannot be accepted, and that has been logged
 * @cannot_raise: an interrupt could not be signalled, and that has been logged
 * @accepted:	connections accepted so far
 * @conns:	the connections, NULL where there is none
 * @client:	one of them, or NULL
 * @vectors:	an eventfd or -1 for each MSI-X vector; read by lanes
 * @retired:	room for as many that have been taken out
 */
struct vfu_server {
	struct vfu_config config;
	char *path;
	int listen_fd, epoll_fd, spare_fd;
	dev_t device;
	ino_t inode;
	bool serving, turning_away;
	atomic_bool cannot_raise;
	uint64_t accepted;
	struct conn *conns[CONN_MAX];
	struct conn *client;
	atomic_int *vectors;
	int *retired;
};

/** command_name() - of a command, for the log */
const char *command_name(unsigned int command);

/**
 * conn_condemn() - tear the connection down as soon as no handler is running; say why
 *
 * Of connections that are not the client there can be any number, so they do not matter to a user.
 */
void conn_condemn(struct vfu_server *server, struct conn *conn, enum log_level level,
		  const char *why);

/** conn_flush() - send what the socket takes, and watch for room if that is not all */
void conn_flush(struct vfu_server *server, struct conn *conn);

/**
 * conn_begin_reply() - make room for a reply and write its header
 * @server:	the server
 * @conn:	where the command came from
 * @command:	its header
 * @error:	a positive errno, or 0
 * @len:	bytes of the body
 *
 * Return: room for the body, zeroed; NULL if the connection has been condemned
 */
void *conn_begin_reply(struct vfu_server *server, struct conn *conn,
		       const struct vfu_header *command, int error, size_t len);

/** conn_reply() - answer with a body, unless no reply is asked for; always 0 */
int conn_reply(struct vfu_server *server, struct conn *conn, const struct vfu_header *command,
	       const void *body, size_t len);

/**
 * conn_reply_error() - answer with @error, a negative errno, unless no reply is asked for
 *
 * The first of each kind is logged.
 */
void conn_reply_error(struct vfu_server *server, struct conn *conn,
		      const struct vfu_header *command, int error);

#endif
