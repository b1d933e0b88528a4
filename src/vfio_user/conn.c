/* SPDX-License-Identifier: BSD-3-Clause */
#include "vfio_user/conn.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/pulse.h"
#include "vfio_user/descriptors.h"

const char *command_name(unsigned int command)
{
	static const char *const names[VFU_CMD_COUNT] = {
		[VFU_CMD_VERSION] = "VERSION",
		[VFU_CMD_DMA_MAP] = "DMA_MAP",
		[VFU_CMD_DMA_UNMAP] = "DMA_UNMAP",
		[VFU_CMD_DEVICE_GET_INFO] = "DEVICE_GET_INFO",
		[VFU_CMD_DEVICE_GET_REGION_INFO] = "DEVICE_GET_REGION_INFO",
		[VFU_CMD_DEVICE_GET_REGION_IO_FDS] = "DEVICE_GET_REGION_IO_FDS",
		[VFU_CMD_DEVICE_GET_IRQ_INFO] = "DEVICE_GET_IRQ_INFO",
		[VFU_CMD_DEVICE_SET_IRQS] = "DEVICE_SET_IRQS",
		[VFU_CMD_REGION_READ] = "REGION_READ",
		[VFU_CMD_REGION_WRITE] = "REGION_WRITE",
		[VFU_CMD_DMA_READ] = "DMA_READ",
		[VFU_CMD_DMA_WRITE] = "DMA_WRITE",
		[VFU_CMD_DEVICE_RESET] = "DEVICE_RESET",
		[VFU_CMD_REGION_WRITE_MULTI] = "REGION_WRITE_MULTI",
		[VFU_CMD_DEVICE_FEATURE] = "DEVICE_FEATURE",
		[VFU_CMD_MIG_DATA_READ] = "MIG_DATA_READ",
		[VFU_CMD_MIG_DATA_WRITE] = "MIG_DATA_WRITE",
	};

	return command < VFU_CMD_COUNT && names[command] ? names[command] : "unknown command";
}

void conn_condemn(struct vfu_server *server, struct conn *conn, enum log_level level,
		  const char *why)
{
	if (conn->dead)
		return;
	conn->dead = true;
	log_limited(&server->limits, conn == server->client ? level : LOG_INFO,
		    "%s: %s (pid %d) is disconnected: %s", server->path,
		    conn == server->client ? "the client" : "a connection", (int)conn->pid, why);
}

void conn_set_cut(struct vfu_server *server, const struct conn *client)
{
	pulse_client_pid(server->config.pulse, client ? client->pid : 0);
	pthread_mutex_lock(&server->cut_lock);
	server->cut_fd = client ? client->fd : -1;
	pthread_mutex_unlock(&server->cut_lock);
}

void conn_discard(struct vfu_server *server, int *fds, unsigned int *n, bool strange)
{
	for (unsigned int i = 0; i < *n; i++)
		closer_add(server->closer, fds[i], strange);
	*n = 0;
}

/* Have epoll watch what the connection is to be watched for */
static void set_watch(struct vfu_server *server, struct conn *conn, bool watch, bool out)
{
	struct epoll_event event = { .events = EPOLLIN | (out ? (uint32_t)EPOLLOUT : 0),
				     .data.ptr = conn };
	int change = !watch ? EPOLL_CTL_DEL : conn->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	bool changes = watch != conn->watched || (watch && out != conn->polls_out);

	if (changes && epoll_ctl(server->epoll_fd, change, conn->fd, &event) < 0)
		conn_condemn(server, conn, LOG_ERROR, "its socket cannot be watched");
	conn->watched = watch;
	conn->polls_out = out;
}

void conn_watch(struct vfu_server *server, struct conn *conn, bool watch)
{
	set_watch(server, conn, watch, conn->polls_out);
}

/**
 * send_part() - send up to the next descriptor, with the one that belongs to the first byte
 * @conn:	connection with something to send
 *
 * Return: number of bytes sent, -1 with errno set
 */
static ssize_t send_part(struct conn *conn)
{
	union descriptors_room room;
	struct iovec iov = { .iov_base = conn->out + conn->out_head };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	bool with_fd = conn->n_out_fds && conn->out_fds[0].at == conn->out_head;
	size_t end = conn->out_used;
	ssize_t n;

	descriptors_put(&message, &room, &conn->out_fds[0].fd, with_fd);
	if (with_fd < conn->n_out_fds)
		end = conn->out_fds[with_fd].at;
	iov.iov_len = end - conn->out_head;
	n = sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0 && with_fd)
		memmove(conn->out_fds, conn->out_fds + 1,
			--conn->n_out_fds * sizeof(conn->out_fds[0]));
	return n;
}

void conn_flush(struct vfu_server *server, struct conn *conn)
{
	while (!conn->dead && conn->out_head < conn->out_used) {
		ssize_t n = send_part(conn);

		if (n > 0)
			conn->out_head += (size_t)n;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			conn_condemn(server, conn, LOG_NOTICE,
				     "it left without reading its replies");
	}
	if (conn->out_head == conn->out_used)
		conn->out_head = conn->out_used = 0;
	if (!conn->dead)
		set_watch(server, conn, conn->watched, conn->out_used > 0);
}

void *conn_begin_reply(struct vfu_server *server, struct conn *conn,
		       const struct vfu_header *command, int error, size_t len)
{
	const struct vfu_header header = {
		.id = command->id,
		.command = command->command,
		.size = (uint32_t)(sizeof(header) + len),
		.flags = VFU_TYPE_REPLY | (error ? VFU_FLAG_ERROR : 0),
		.error = (uint32_t)error,
	};
	uint8_t *room;

	if (header.size > OUT_SIZE - conn->out_used) {
		conn_flush(server, conn);
		memmove(conn->out, conn->out + conn->out_head, conn->out_used - conn->out_head);
		for (unsigned int i = 0; i < conn->n_out_fds; i++)
			conn->out_fds[i].at -= conn->out_head;
		conn->out_used -= conn->out_head;
		conn->out_head = 0;
	}
	if (header.size > OUT_SIZE - conn->out_used) {
		conn_condemn(server, conn, LOG_WARNING, "it does not read its replies");
		return NULL;
	}
	room = conn->out + conn->out_used;
	memcpy(room, &header, sizeof(header));
	memset(room + sizeof(header), 0, len);
	conn->out_used += header.size;
	return room + sizeof(header);
}

int conn_reply(struct vfu_server *server, struct conn *conn, const struct vfu_header *command,
	       const void *body, size_t len)
{
	void *room;

	if (command->flags & VFU_FLAG_NO_REPLY)
		return 0;
	room = conn_begin_reply(server, conn, command, 0, len);
	if (room && len)
		memcpy(room, body, len);
	return 0;
}

void conn_reply_error(struct vfu_server *server, struct conn *conn,
		      const struct vfu_header *command, int error)
{
	bool posted = command->flags & VFU_FLAG_NO_REPLY;
	unsigned int complaint = conn->reason ? COMPLAINT_STRANGE
				 : posted     ? COMPLAINT_POSTED
					      : COMPLAINT_ASKED;

	if (!(conn->complained & complaint))
		log_limited(
			&server->limits, conn == server->client ? LOG_WARNING : LOG_INFO,
			"%s: pid %d sent a%s %s (command %u, %u bytes) that failed: %s; further "
			"failures are not logged",
			server->path, (int)conn->pid, posted ? " posted" : "",
			command_name(command->command), command->command, command->size,
			conn->reason ? conn->reason : strerror(-error));
	conn->complained |= complaint;
	if (!posted)
		conn_begin_reply(server, conn, command, -error, 0);
}
