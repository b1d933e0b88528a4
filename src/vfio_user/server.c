/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_user/server.c - offer a PCI device to one client over a UNIX socket.
 *
 * Theory of operation
 * ===================
 *
 * Connections. Whoever connects is "waiting" until he has sent a VERSION that
 * we accept, then he is "the client". There is one client at most; the VERSION
 * of another is answered with EBUSY and his connection is closed. A few may be
 * waiting; when there are too many, the one that has waited longest goes, so
 * nobody can keep others out by connecting and saying nothing.
 *
 * Reading. A posted write (a doorbell) is a message of 40 bytes, and there are
 * many: the socket is read in bulk, up to READ_MAX bytes with one call, and the
 * messages are taken from the buffer. One call of vfu_server_serve() reads
 * once from each connection and handles all whole messages it then has, so its
 * work is bounded and nothing whole is left in the buffer when it returns: what
 * is left for later is in the socket, where epoll sees it.
 *
 * File descriptors. The kernel delivers descriptors with the bytes of the
 * sendmsg() they were given to, and ends a read after the bytes of that
 * sendmsg() (unix(7): ancillary data is a barrier). But the read may begin with
 * bytes of earlier ones. So the descriptors of a read belong to the message
 * that its last byte is in, whole or not; see receive(). This holds for every
 * client that gives each message with descriptors a sendmsg() of its own, as
 * QEMU does.
 *
 *	sendmsg() calls    |write|write|map    + fd|write|
 *	what one read gets |-----------------------|
 *	the fd belongs to              ^ this message
 *
 * Writing. Replies collect in a buffer that is sent after the messages of one
 * read have been handled. What the socket does not take stays there until it
 * does; when it is full the client does not read its replies, and is dropped.
 *
 * Dropping. A handler that cannot go on with a connection condemns it, and
 * nothing else; it is torn down when no handler is running.
 *
 * Interrupts. A lane takes an eventfd from the table and writes to it without
 * a lock. Who takes one out of the table closes it only after ops->quiesce().
 *
 * What is answered to bad messages is in docs/vfio-user.md.
 */
#include "vfio_user/server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "vfio_user/descriptors.h"
#include "vfio_user/message.h"

static_assert(VFU_REGION_COUNT == VFIO_PCI_NUM_REGIONS, "VFIO's regions");
static_assert(VFU_IRQ_COUNT == VFIO_PCI_NUM_IRQS, "VFIO's interrupts");
static_assert(VFU_IRQ_MSIX == VFIO_PCI_MSIX_IRQ_INDEX, "VFIO's MSI-X");
static_assert(VFU_DMA_READ == VFIO_DMA_MAP_FLAG_READ, "VFIO's DMA flags");
static_assert(VFU_DMA_WRITE == VFIO_DMA_MAP_FLAG_WRITE, "VFIO's DMA flags");

#define READ_MAX       (16u << 10) /* bytes read from a connection in one call of vfu_server_serve() */
#define IN_SIZE        (VFU_MESSAGE_MAX + READ_MAX)
#define OUT_SIZE       (4u * VFU_MESSAGE_MAX)
#define CONN_MAX       5u    /* the client and those waiting */
#define MSIX_MAX       2048u /* vectors that PCI lets a function have */
#define LOCK_MS        1000 /* how long to wait for somebody else who opens a socket in that folder */
#define LISTEN_BACKLOG 16

/*
 * What we tell the client of us. QEMU has room for a reply as long as its own VERSION
 * message (some 250 bytes) and rejects a longer one.
 */
static const char capabilities[] = "{\"capabilities\":{\"max_msg_fds\":16,"
				   "\"max_data_xfer_size\":65536,\"pgsizes\":4096,"
				   "\"max_dma_maps\":4096,\"write_multiple\":true}}";
static_assert(VFU_FDS_MAX == 16 && VFU_DATA_MAX == 65536 && VFU_DMA_MAPS_MAX == 4096,
	      "the capabilities say so");

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

/* Name of a command, for the log */
static const char *command_name(unsigned int command)
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

/*
 * The connection is to be torn down as soon as no handler is running; say why. Of connections
 * that are not the client there can be any number, so they do not matter to a user.
 */
static void condemn(struct vfu_server *server, struct conn *conn, enum log_level level,
		    const char *why)
{
	if (conn->dead)
		return;
	conn->dead = true;
	log_say(conn == server->client ? level : LOG_INFO, "%s: %s (pid %d) is disconnected: %s",
		server->path, conn == server->client ? "the client" : "a connection",
		(int)conn->pid, why);
}

static void close_fds(int *fds, unsigned int *n)
{
	for (unsigned int i = 0; i < *n; i++)
		close(fds[i]);
	*n = 0;
}

/* Watch for room in the connection's socket, or no longer */
static void watch_out(struct vfu_server *server, struct conn *conn, bool out)
{
	struct epoll_event event = { .events = EPOLLIN | (out ? (uint32_t)EPOLLOUT : 0),
				     .data.ptr = conn };

	if (conn->polls_out == out)
		return;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event) < 0)
		condemn(server, conn, LOG_ERROR, "its socket cannot be watched");
	conn->polls_out = out;
}

/**
 * send_part() - send up to the next descriptor, with the one that goes with the first byte
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

/* Send what the socket takes, and watch for room if that is not all */
static void flush(struct vfu_server *server, struct conn *conn)
{
	while (!conn->dead && conn->out_head < conn->out_used) {
		ssize_t n = send_part(conn);

		if (n > 0)
			conn->out_head += (size_t)n;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			condemn(server, conn, LOG_NOTICE,
				"it has gone without reading its replies");
	}
	if (conn->out_head == conn->out_used)
		conn->out_head = conn->out_used = 0;
	if (!conn->dead)
		watch_out(server, conn, conn->out_used > 0);
}

/**
 * begin_reply() - make room for a reply and write its header
 * @server:	the server
 * @conn:	where the command came from
 * @command:	its header
 * @error:	a positive errno, or 0
 * @len:	bytes of the body
 *
 * Return: room for the body, zeroed; NULL if the connection has been condemned
 */
static void *begin_reply(struct vfu_server *server, struct conn *conn,
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
		flush(server, conn);
		memmove(conn->out, conn->out + conn->out_head, conn->out_used - conn->out_head);
		for (unsigned int i = 0; i < conn->n_out_fds; i++)
			conn->out_fds[i].at -= conn->out_head;
		conn->out_used -= conn->out_head;
		conn->out_head = 0;
	}
	if (header.size > OUT_SIZE - conn->out_used) {
		condemn(server, conn, LOG_WARNING, "it does not read its replies");
		return NULL;
	}
	room = conn->out + conn->out_used;
	memcpy(room, &header, sizeof(header));
	memset(room + sizeof(header), 0, len);
	conn->out_used += header.size;
	return room + sizeof(header);
}

/* Answer with a body, unless no reply is asked for; always 0 */
static int reply(struct vfu_server *server, struct conn *conn, const struct vfu_header *command,
		 const void *body, size_t len)
{
	void *room;

	if (command->flags & VFU_FLAG_NO_REPLY)
		return 0;
	room = begin_reply(server, conn, command, 0, len);
	if (room && len)
		memcpy(room, body, len);
	return 0;
}

/* Answer with @error, a negative errno, unless no reply is asked for; log the first of each */
static void reply_error(struct vfu_server *server, struct conn *conn,
			const struct vfu_header *command, int error)
{
	bool posted = command->flags & VFU_FLAG_NO_REPLY;
	unsigned int complaint = posted ? COMPLAINT_POSTED : COMPLAINT_ASKED;

	if (!(conn->complained & complaint))
		log_say(conn == server->client ? LOG_WARNING : LOG_INFO,
			"%s: pid %d sent a%s %s (command %u, %u bytes) that fails: %s. "
			"Further ones that fail are not logged",
			server->path, (int)conn->pid, posted ? " posted" : "",
			command_name(command->command), command->command, command->size,
			strerror(-error));
	conn->complained |= complaint;
	if (!posted)
		begin_reply(server, conn, command, -error, 0);
}

/**
 * vectors_set() - put eventfds into the table, and close what was there
 * @server:	the server
 * @start, @count: the vectors, in range
 * @fds:	@count eventfds, which are the table's from now on; NULL to unset
 */
static void vectors_set(struct vfu_server *server, unsigned int start, unsigned int count,
			const int *fds)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < count; i++) {
		/* Release: a lane that sees the number sees the eventfd set up */
		int old = atomic_exchange_explicit(&server->vectors[start + i], fds ? fds[i] : -1,
						   memory_order_acq_rel);

		if (old >= 0)
			server->retired[n++] = old;
	}
	if (!n)
		return;
	server->config.ops->quiesce(server->config.ctx);
	close_fds(server->retired, &n);
}

void vfu_irq_raise(struct vfu_server *server, unsigned int vector)
{
	const uint64_t one = 1;
	int fd;

	if (vector >= server->config.irqs[VFU_IRQ_MSIX])
		return;
	fd = atomic_load_explicit(&server->vectors[vector], memory_order_acquire);
	/* EAGAIN: the counter is full, so the client has been told and has not looked */
	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_once(&server->cannot_raise, LOG_ERROR,
			 "%s: interrupt %u cannot be signalled: %s", server->path, vector,
			 strerror(errno));
}

/**
 * eventfd_check() - is it one, and will writing to it never block?
 * @fd:		received from a client
 *
 * Lanes write to it, so nothing else will do: a pipe would block when full. The flag is the
 * open file's, which the client shares, so a process that clears it again and fills the counter
 * can stop a lane. A guest cannot; and such a process runs as our user, or it could not connect.
 *
 * Return: 0, -EINVAL if it is something else, or another negative errno
 */
static int eventfd_check(int fd)
{
	static const char expected[] = "anon_inode:[eventfd]";
	char path[32], target[sizeof(expected)];
	ssize_t n;
	int flags;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target));
	if (n < 0)
		return -errno;
	if ((size_t)n != sizeof(expected) - 1 || memcmp(target, expected, sizeof(expected) - 1))
		return -EINVAL;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

/**
 * json_number() - the number that a capability has in a client's VERSION
 * @json:	NUL-terminated
 * @name:	of the capability, in quotes
 * @absent:	what to return if it is not there
 *
 * Of the JSON only this much is understood: the name, a colon, digits. What is not
 * understood is taken as absent, which is always safe.
 */
static uint64_t json_number(const char *json, const char *name, uint64_t absent)
{
	const char *at = strstr(json, name);
	uint64_t value = 0;

	if (!at)
		return absent;
	at += strlen(name);
	at += strspn(at, " \t\r\n");
	if (*at++ != ':')
		return absent;
	at += strspn(at, " \t\r\n");
	if (*at < '0' || *at > '9')
		return absent;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (value > (UINT64_MAX - 9) / 10)
			return absent;
		value = value * 10 + (uint64_t)(*at - '0');
	}
	return value;
}

/* As json_number(), for a capability that is true or false */
static bool json_true(const char *json, const char *name)
{
	const char *at = strstr(json, name);

	if (!at)
		return false;
	at += strlen(name);
	at += strspn(at, " \t\r\n");
	if (*at++ != ':')
		return false;
	at += strspn(at, " \t\r\n");
	return !strncmp(at, "true", 4);
}

/*
 * The handlers. Each gets a command whose body has at least the length in the table below
 * and whose descriptors, in conn->fds, are no more than stated there; those it leaves there
 * are closed after it. It replies and returns 0, or returns a negative errno to be sent.
 */

static int handle_version(struct vfu_server *server, struct conn *conn,
			  const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct {
		struct vfu_version version;
		char capabilities[sizeof(capabilities)];
	} answer = { { VFU_MAJOR, VFU_MINOR }, { 0 } };
	const char *json = (const char *)body + sizeof(struct vfu_version);
	struct vfu_version version;

	memcpy(&version, body, sizeof(version));
	if (conn == server->client)
		return -EINVAL;
	if (len == sizeof(version))
		json = "";
	else if (body[len - 1])
		return -EINVAL;
	if (version.major != VFU_MAJOR)
		return -ENOTSUP;
	if (server->client) {
		log_say(LOG_NOTICE, "%s: pid %d wants to attach while pid %d is attached",
			server->path, (int)conn->pid, (int)server->client->pid);
		reply_error(server, conn, command, -EBUSY);
		flush(server, conn);
		condemn(server, conn, LOG_NOTICE, "another client is attached");
		return 0;
	}
	conn->takes_fd = json_number(json, "\"max_msg_fds\"", 1) > 0;
	conn->data_max = json_number(json, "\"max_data_xfer_size\"", VFU_DATA_MAX);
	conn->asks_mmap = json_true(json, "\"region_mmap\"");
	server->client = conn;
	log_say(LOG_NOTICE, "%s: a client (pid %d) is attached", server->path, (int)conn->pid);
	server->config.ops->attached(server->config.ctx);
	memcpy(answer.capabilities, capabilities, sizeof(capabilities));
	return reply(server, conn, command, &answer,
		     sizeof(answer.version) + sizeof(answer.capabilities));
}

static int handle_dma_map(struct vfu_server *server, struct conn *conn,
			  const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct vfu_dma_map map;
	int ret;

	(void)len;
	memcpy(&map, body, sizeof(map));
	if (map.argsz < sizeof(map) || !map.size || map.size - 1 > UINT64_MAX - map.address ||
	    !map.flags || (map.flags & ~(VFU_DMA_READ | VFU_DMA_WRITE)))
		return -EINVAL;
	ret = server->config.ops->dma_map(server->config.ctx, map.address, map.size,
					  conn->n_fds ? conn->fds[0] : -1, map.offset, map.flags);
	return ret ? ret : reply(server, conn, command, NULL, 0);
}

static int handle_dma_unmap(struct vfu_server *server, struct conn *conn,
			    const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct vfu_dma_unmap unmap;
	int ret = 0;

	(void)len;
	memcpy(&unmap, body, sizeof(unmap));
	if (unmap.argsz < sizeof(unmap))
		return -EINVAL;
	if (unmap.flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP)
		return -ENOTSUP;
	if (unmap.flags == VFIO_DMA_UNMAP_FLAG_ALL && !unmap.address && !unmap.size)
		server->config.ops->dma_unmap_all(server->config.ctx);
	else if (!unmap.flags)
		ret = server->config.ops->dma_unmap(server->config.ctx, unmap.address, unmap.size);
	else
		ret = -EINVAL;
	return ret ? ret : reply(server, conn, command, &unmap, sizeof(unmap));
}

static int handle_get_info(struct vfu_server *server, struct conn *conn,
			   const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct vfu_device_info info;

	(void)len;
	memcpy(&info, body, sizeof(info));
	if (info.argsz < sizeof(info))
		return -EINVAL;
	info = (struct vfu_device_info){
		.argsz = sizeof(info),
		.flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI,
		.num_regions = VFU_REGION_COUNT,
		.num_irqs = VFU_IRQ_COUNT,
	};
	return reply(server, conn, command, &info, sizeof(info));
}

static int handle_get_region_info(struct vfu_server *server, struct conn *conn,
				  const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct {
		struct vfu_region_info info;
		struct vfu_sparse_mmap sparse;
	} answer = { 0 };
	const struct vfu_region *region;
	struct vfu_region_info asked;
	size_t size = sizeof(answer.info);

	(void)len;
	memcpy(&asked, body, sizeof(asked));
	if (asked.argsz < sizeof(asked) || asked.index >= VFU_REGION_COUNT)
		return -EINVAL;
	region = &server->config.regions[asked.index];
	answer.info = (struct vfu_region_info){
		.argsz = sizeof(answer.info),
		.flags = (region->readable ? VFIO_REGION_INFO_FLAG_READ : 0) |
			 (region->writable ? VFIO_REGION_INFO_FLAG_WRITE : 0),
		.index = asked.index,
		.size = region->size,
	};
	if (region->mmap_fd < 0 || !conn->takes_fd || (region->mmap_asked && !conn->asks_mmap))
		return reply(server, conn, command, &answer, size);

	/*
	 * A client without room for the capability asks again, with as much as argsz says. Till
	 * then the region is not called mappable: the descriptor comes with the capability, and
	 * QEMU rejects the flag CAPS without one.
	 */
	answer.info.argsz = sizeof(answer);
	if (asked.argsz >= sizeof(answer) && !(command->flags & VFU_FLAG_NO_REPLY)) {
		if (conn->n_out_fds == VFU_REGION_COUNT)
			flush(server, conn);
		if (conn->n_out_fds == VFU_REGION_COUNT) {
			condemn(server, conn, LOG_WARNING, "it does not read its replies");
			return 0;
		}
		size = sizeof(answer);
		answer.info.flags |= VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS;
		answer.info.cap_offset = sizeof(answer.info);
		answer.sparse = (struct vfu_sparse_mmap){
			.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP,
			.version = 1,
			.nr_areas = 1,
			.offset = region->mmap_offset,
			.size = region->mmap_size,
		};
	}
	reply(server, conn, command, &answer, size);
	if (size == sizeof(answer) && !conn->dead) {
		conn->out_fds[conn->n_out_fds].at = conn->out_used - sizeof(*command) - size;
		conn->out_fds[conn->n_out_fds++].fd = region->mmap_fd;
	}
	return 0;
}

static int handle_get_irq_info(struct vfu_server *server, struct conn *conn,
			       const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct vfu_irq_info info;

	(void)len;
	memcpy(&info, body, sizeof(info));
	if (info.argsz < sizeof(info) || info.index >= VFU_IRQ_COUNT)
		return -EINVAL;
	info.argsz = sizeof(info);
	info.count = server->config.irqs[info.index];
	/* Not NORESIZE: vectors can be added while others are in use */
	info.flags = info.count ? VFIO_IRQ_INFO_EVENTFD : 0;
	return reply(server, conn, command, &info, sizeof(info));
}

static int handle_set_irqs(struct vfu_server *server, struct conn *conn,
			   const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct vfu_irq_set set;
	const uint8_t *data = body + sizeof(set);
	size_t data_len = len - sizeof(set);
	uint32_t count;
	int ret = 0;

	memcpy(&set, body, sizeof(set));
	if (set.argsz < sizeof(set) || set.argsz > len || set.index >= VFU_IRQ_COUNT)
		return -EINVAL;
	count = server->config.irqs[set.index];
	if (set.start > count || set.count > count - set.start)
		return -EINVAL;
	if (set.index != VFU_IRQ_MSIX)
		return set.count ? -ENOTSUP : reply(server, conn, command, NULL, 0);

	switch (set.flags) {
	case VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER:
		if (conn->n_fds)
			return -EINVAL;
		if (!set.count && !set.start)
			vectors_set(server, 0, count, NULL);
		for (uint32_t i = 0; i < set.count; i++)
			vfu_irq_raise(server, set.start + i);
		break;
	case VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER:
		if (conn->n_fds || set.count > data_len)
			return -EINVAL;
		for (uint32_t i = 0; i < set.count; i++)
			if (data[i])
				vfu_irq_raise(server, set.start + i);
		break;
	case VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER:
		if (!set.count || (conn->n_fds && conn->n_fds != set.count))
			return -EINVAL;
		for (unsigned int i = 0; i < conn->n_fds && !ret; i++)
			ret = eventfd_check(conn->fds[i]);
		if (ret)
			return ret;
		vectors_set(server, set.start, set.count, conn->n_fds ? conn->fds : NULL);
		conn->n_fds = 0;
		break;
	default:
		/* MSI-X masks its vectors in the device's own table, not here */
		return -ENOTSUP;
	}
	return reply(server, conn, command, NULL, 0);
}

/* Is it within a region that may be accessed so? 0 or a negative errno */
static int access_check(const struct vfu_server *server, const struct vfu_region_access *access,
			bool write)
{
	const struct vfu_region *region;

	if (access->region >= VFU_REGION_COUNT || !access->count)
		return -EINVAL;
	region = &server->config.regions[access->region];
	if (access->offset > region->size || access->count > region->size - access->offset)
		return -EINVAL;
	return (write ? region->writable : region->readable) ? 0 : -EACCES;
}

static int handle_region_read(struct vfu_server *server, struct conn *conn,
			      const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct vfu_region_access access;
	size_t before;
	uint8_t *room;
	int ret;

	(void)len;
	memcpy(&access, body, sizeof(access));
	ret = access_check(server, &access, false);
	if (ret)
		return ret;
	if (access.count > VFU_DATA_MAX || access.count > conn->data_max ||
	    (command->flags & VFU_FLAG_NO_REPLY))
		return -EINVAL;
	room = begin_reply(server, conn, command, 0, sizeof(access) + access.count);
	if (!room)
		return 0;
	before = conn->out_used - sizeof(*command) - sizeof(access) - access.count;
	memcpy(room, &access, sizeof(access));
	ret = server->config.ops->read(server->config.ctx, access.region, access.offset,
				       room + sizeof(access), access.count);
	if (ret)
		conn->out_used = before; /* an error reply takes its place */
	return ret;
}

static int handle_region_write(struct vfu_server *server, struct conn *conn,
			       const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct vfu_region_access access;
	int ret;

	memcpy(&access, body, sizeof(access));
	if (access.count != len - sizeof(access))
		return -EINVAL;
	ret = access_check(server, &access, true);
	if (!ret)
		ret = server->config.ops->write(server->config.ctx, access.region, access.offset,
						body + sizeof(access), access.count);
	return ret ? ret : reply(server, conn, command, &access, sizeof(access));
}

static int handle_region_write_multi(struct vfu_server *server, struct conn *conn,
				     const struct vfu_header *command, const uint8_t *body,
				     size_t len)
{
	struct vfu_write_one one;
	uint64_t count;
	int ret = 0;

	memcpy(&count, body, sizeof(count));
	body += sizeof(count);
	len -= sizeof(count);
	if (count != len / sizeof(one) || len % sizeof(one))
		return -EINVAL;
	/* All or nothing, as far as that can be told beforehand */
	for (uint64_t i = 0; i < count && !ret; i++) {
		memcpy(&one, body + i * sizeof(one), sizeof(one));
		ret = one.at.count > sizeof(one.data) ? -EINVAL
						      : access_check(server, &one.at, true);
	}
	for (uint64_t i = 0; i < count && !ret && !conn->dead; i++) {
		memcpy(&one, body + i * sizeof(one), sizeof(one));
		ret = server->config.ops->write(server->config.ctx, one.at.region, one.at.offset,
						one.data, one.at.count);
	}
	return ret ? ret : reply(server, conn, command, &count, sizeof(count));
}

static int handle_reset(struct vfu_server *server, struct conn *conn,
			const struct vfu_header *command, const uint8_t *body, size_t len)
{
	(void)body;
	if (len)
		return -EINVAL;
	server->config.ops->reset(server->config.ctx);
	return reply(server, conn, command, NULL, 0);
}

/**
 * struct handler - what is served
 * @handle:	see above
 * @body:	bytes that its body has at least
 * @fds:	descriptors that may come with it
 */
static const struct handler {
	int (*handle)(struct vfu_server *server, struct conn *conn,
		      const struct vfu_header *command, const uint8_t *body, size_t len);
	uint32_t body;
	unsigned int fds;
} handlers[VFU_CMD_COUNT] = {
	[VFU_CMD_VERSION] = { handle_version, sizeof(struct vfu_version), 0 },
	[VFU_CMD_DMA_MAP] = { handle_dma_map, sizeof(struct vfu_dma_map), 1 },
	[VFU_CMD_DMA_UNMAP] = { handle_dma_unmap, sizeof(struct vfu_dma_unmap), 0 },
	[VFU_CMD_DEVICE_GET_INFO] = { handle_get_info, sizeof(struct vfu_device_info), 0 },
	[VFU_CMD_DEVICE_GET_REGION_INFO] = { handle_get_region_info, sizeof(struct vfu_region_info),
					     0 },
	[VFU_CMD_DEVICE_GET_IRQ_INFO] = { handle_get_irq_info, sizeof(struct vfu_irq_info), 0 },
	[VFU_CMD_DEVICE_SET_IRQS] = { handle_set_irqs, sizeof(struct vfu_irq_set), VFU_FDS_MAX },
	[VFU_CMD_REGION_READ] = { handle_region_read, sizeof(struct vfu_region_access), 0 },
	[VFU_CMD_REGION_WRITE] = { handle_region_write, sizeof(struct vfu_region_access), 0 },
	[VFU_CMD_REGION_WRITE_MULTI] = { handle_region_write_multi, sizeof(uint64_t), 0 },
	[VFU_CMD_DEVICE_RESET] = { handle_reset, 0, 0 },
};

/* Check what all commands have in common, and handle one; 0 or a negative errno to be sent */
static int handle(struct vfu_server *server, struct conn *conn, const struct vfu_header *command,
		  const uint8_t *body)
{
	size_t len = command->size - sizeof(*command);
	const struct handler *handler;

	if ((command->flags & VFU_FLAG_TYPE) != VFU_TYPE_COMMAND)
		return -EINVAL;
	if (command->command >= VFU_CMD_COUNT || !handlers[command->command].handle)
		return -ENOTSUP;
	if (conn != server->client && command->command != VFU_CMD_VERSION)
		return -EINVAL;
	handler = &handlers[command->command];
	if (conn->fds_error)
		return -conn->fds_error;
	if (len < handler->body || conn->n_fds > handler->fds)
		return -EINVAL;
	return handler->handle(server, conn, command, body, len);
}

/* Add descriptors to those of the message at hand; what is too many is closed */
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
 * process() - handle all whole messages in the buffer
 * @server:	the server
 * @conn:	the connection
 * @fds, @n_fds: descriptors that came with the last read
 * @fds_error:	why some of them did not, a positive errno, or 0
 *
 * Those of earlier reads are in conn->fds and belong to the message at the beginning.
 */
static void process(struct vfu_server *server, struct conn *conn, int *fds, unsigned int *n_fds,
		    int fds_error)
{
	struct vfu_header command;
	size_t at = 0, left;
	int ret;

	while (!conn->dead) {
		left = conn->in_used - at;
		if (left >= sizeof(command))
			memcpy(&command, conn->in + at, sizeof(command));
		/* Does the last byte of the read belong to this message? So do the descriptors */
		if ((*n_fds || fds_error) && left &&
		    (left < sizeof(command) || command.size >= left)) {
			adopt_fds(conn, fds, n_fds);
			if (fds_error)
				conn->fds_error = fds_error;
			fds_error = 0;
		}
		if (left < sizeof(command))
			break;
		if (command.size < sizeof(command)) {
			condemn(server, conn, LOG_WARNING,
				"it sent a message shorter than a header");
			break;
		}
		if (command.size > VFU_MESSAGE_MAX) {
			condemn(server, conn, LOG_WARNING, "it sent a message longer than agreed");
			break;
		}
		if (left < command.size)
			break;
		if (log_wants(LOG_DEBUG))
			log_say(LOG_DEBUG, "%s: %s, id %u, %u bytes, flags 0x%x", server->path,
				command_name(command.command), command.id, command.size,
				command.flags);
		ret = handle(server, conn, &command, conn->in + at + sizeof(command));
		if (ret)
			reply_error(server, conn, &command, ret);
		close_fds(conn->fds, &conn->n_fds);
		conn->fds_error = 0;
		at += command.size;
	}
	memmove(conn->in, conn->in + at, conn->in_used - at);
	conn->in_used -= at;
}

/* Read once from a connection and handle what is whole */
static void receive(struct vfu_server *server, struct conn *conn)
{
	struct iovec iov = { .iov_base = conn->in + conn->in_used, .iov_len = READ_MAX };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	union descriptors_room room;
	int fds[DESCRIPTORS_MAX], fds_error;
	unsigned int n_fds;
	ssize_t n;

	descriptors_expect(&message, &room);
	/* There is room: what was left is less than one message */
	n = recvmsg(conn->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		condemn(server, conn, LOG_NOTICE, n < 0 ? strerror(errno) : "it has left");
		return;
	}
	n_fds = descriptors_take(&message, fds);
	/* As many as one call can carry fit, so what is missing this process could not have */
	fds_error = message.msg_flags & MSG_CTRUNC ? EMFILE : 0;
	conn->in_used += (size_t)n;
	process(server, conn, fds, &n_fds, fds_error);
	close_fds(fds, &n_fds);
	flush(server, conn);
}

/* Tear a connection down; the device forgets the client */
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
	close_fds(conn->fds, &conn->n_fds);
	close(conn->fd);
	free(conn);
}

/* Tear down those that have been condemned */
static void reap(struct vfu_server *server)
{
	for (unsigned int i = 0; i < CONN_MAX; i++)
		if (server->conns[i] && server->conns[i]->dead)
			conn_close(server, server->conns[i]);
}

/**
 * turn_away() - close a connection that could not be accepted, else epoll reports it for ever
 * @server:	the server
 * @error:	why it could not
 */
static void turn_away(struct vfu_server *server, int error)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };
	int fd;

	if (!server->turning_away)
		log_say(LOG_ERROR, "%s: connections are turned away: %s", server->path,
			strerror(error));
	server->turning_away = true;
	if (server->spare_fd >= 0)
		close(server->spare_fd);
	fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	else
		nanosleep(&pause, NULL); /* it is reported again at once: not at full speed */
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Accept one connection, if there is a place; else make one, to accept it next time */
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
		condemn(server, oldest, LOG_WARNING, "it has said nothing and others want in");
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
			strerror(errno));
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
 * client_left() - has the client closed its end, whatever is still to be read from it?
 *
 * Who connects after the client has ended is the next one, not one too many: that the client's
 * last doorbells or its end have not been read yet is nothing he could know.
 */
static bool client_left(const struct vfu_server *server)
{
	struct pollfd end = { .fd = server->client ? server->client->fd : -1 };

	return server->client &&
	       (server->client->dead || (poll(&end, 1, 0) == 1 && end.revents & POLLHUP));
}

void vfu_server_serve(struct vfu_server *server)
{
	struct epoll_event events[CONN_MAX + 1];
	int n = epoll_wait(server->epoll_fd, events, CONN_MAX + 1, 0);

	server->serving = true;
	for (int i = 0; i < n; i++) {
		struct conn *conn = events[i].data.ptr;

		if (!conn) {
			accept_one(server);
			continue;
		}
		if (events[i].events & EPOLLOUT)
			flush(server, conn);
		if (conn != server->client && client_left(server)) {
			/* What this one says is read when the client has been torn down. */
			condemn(server, server->client, LOG_NOTICE, "it has left");
			continue;
		}
		if (!conn->dead && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
			receive(server, conn);
	}
	server->serving = false;
	reap(server);
}

void vfu_server_drop(struct vfu_server *server, const char *why)
{
	if (!server->client)
		return;
	condemn(server, server->client, LOG_WARNING, why);
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

/**
 * lock_folder() - keep others from opening a socket in the same folder meanwhile
 * @path:	of the socket
 *
 * Two that find the same stale socket would each replace it, the second one that of the
 * first. A lock that is not free within LOCK_MS is done without: anybody may lock /tmp.
 *
 * Return: a descriptor that holds the lock until it is closed, or -1
 */
static int lock_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)] = ".";
	int fd;

	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path + 1), path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int ms = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && ms < LOCK_MS; ms += 10)
		nanosleep(&pause, NULL);
	return fd;
}

/**
 * remove_stale() - remove a socket that nobody listens on
 * @address:	of the socket
 *
 * Return: 0 if nothing is there any more; -EADDRINUSE if somebody listens; -EEXIST if it
 * is no socket; another negative errno
 */
static int remove_stale(const struct sockaddr_un *address)
{
	struct stat st;
	int fd, ret;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	ret = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	close(fd);
	/* EAGAIN: a queue of connections is full, so there is one */
	if (ret == 0 || ret == -EAGAIN)
		return -EADDRINUSE;
	if (ret != -ECONNREFUSED)
		return ret;
	return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

/**
 * listen_at() - create the socket file and listen
 * @server:	gets the listening socket and the file's identity
 *
 * Return: 0 or a negative errno
 */
static int listen_at(struct vfu_server *server)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;
	int lock, ret;

	if (strlen(server->path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, server->path);
	server->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listen_fd < 0)
		return -errno;
	/* bind() creates the file with the mode that the socket has, less the umask */
	if (fchmod(server->listen_fd, 0600) < 0)
		return -errno;
	lock = lock_folder(server->path);
	ret = remove_stale(&address);
	if (!ret && bind(server->listen_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		ret = -errno;
	if (!ret &&
	    (lstat(server->path, &st) < 0 || listen(server->listen_fd, LISTEN_BACKLOG) < 0)) {
		ret = -errno;
		unlink(server->path);
	}
	if (lock >= 0)
		close(lock);
	if (ret)
		return ret;
	server->device = st.st_dev;
	server->inode = st.st_ino;
	return 0;
}

int vfu_server_open(const struct vfu_config *config, struct vfu_server **result)
{
	uint32_t vectors = config->irqs[VFU_IRQ_MSIX];
	struct epoll_event event = { .events = EPOLLIN };
	struct vfu_server *server;
	int ret = -ENOMEM;

	if (vectors > MSIX_MAX)
		return -EINVAL;
	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->config = *config;
	server->listen_fd = server->epoll_fd = server->spare_fd = -1;
	server->path = strdup(config->path);
	server->vectors = calloc(vectors + 1, sizeof(*server->vectors));
	server->retired = calloc(vectors + 1, sizeof(*server->retired));
	if (!server->path || !server->vectors || !server->retired)
		goto fail;
	server->config.path = server->path;
	for (uint32_t i = 0; i < vectors; i++)
		atomic_init(&server->vectors[i], -1);
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server->spare_fd < 0 || server->epoll_fd < 0) {
		ret = -errno;
		goto fail;
	}
	ret = listen_at(server);
	if (ret)
		goto fail;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->listen_fd, &event) < 0) {
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
	free(server->vectors);
	free(server->retired);
	free(server->path);
	free(server);
}
