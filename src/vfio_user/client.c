/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_user/client.c - see client.h
 *
 * Theory of operation
 *
 * Only one request is in flight at a time: the lock "exchange" is held from its first byte to the
 * last byte of its answer. Posted writes have no answer and do not take it; they take "send", which
 * keeps messages whole and is held for one sendmsg().
 *
 *	exchange	send
 *	  request --> [sendmsg]
 *	  answer       [sendmsg] <-- posted writes of any thread
 *
 * The socket is non-blocking. A caller that finds no room or no answer waits with poll() until the
 * deadline. After the deadline, or after invalid data in the stream, the message boundaries are
 * lost, so the connection is shut down: every later call fails at once, and a poller of the
 * descriptor sees a hang-up.
 *
 * Every length in an answer is checked against the request; unexpected descriptors are closed.
 */
#include "vfio_user/client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "vfio_user/descriptors.h"
#include "vfio_user/message.h"

#define BODY_MAX    (VFU_CLIENT_DATA_MAX + 64u) /* bytes of a body that is sent or stored */
#define RETRY_US    1000                        /* between attempts to connect */
#define FOREIGN_MAX 16u                         /* commands of the server instead of an answer */

struct vfu_client {
	int fd;
	unsigned int timeout_ms;
	_Atomic bool lost;
	pthread_mutex_t exchange;
	pthread_mutex_t send;
	uint16_t id;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

/**
 * struct exchange - a request and what is known of its answer
 * @command:	enum vfu_command
 * @body, @body_len: sent after the header
 * @data, @data_len: sent after the body
 * @fd:		sent with it; -1 for none
 * @answer, @answer_max: buffer for the answer's body
 * @answer_len:	bytes received
 * @answer_fd:	the descriptor received with it, or -1; NULL if none is wanted
 */
struct exchange {
	uint16_t command;
	const void *body;
	size_t body_len;
	const void *data;
	size_t data_len;
	int fd;
	void *answer;
	size_t answer_max;
	size_t answer_len;
	int *answer_fd;
};

/** wait_for() - until the socket has @events or the deadline comes; 0 or a negative errno */
static int wait_for(int fd, short events, uint64_t deadline)
{
	for (;;) {
		struct pollfd pollfd = { .fd = fd, .events = events };
		int n = poll(&pollfd, 1, clock_left_ms(deadline));

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/** lose() - shut the connection down because of @err; logs why, once. Returns @err */
static int lose(struct vfu_client *client, const char *doing, int err)
{
	if (!atomic_exchange(&client->lost, true)) {
		shutdown(client->fd, SHUT_RDWR);
		log_say(LOG_WARNING, "%s: %s: %s; closing the connection to the adapter",
			client->path, doing, strerror(-err));
	}
	return err;
}

/**
 * send_all() - put a message into the stream
 * @fd:		socket
 * @iov, @iovcnt: the message; changed
 * @pass:	descriptor sent with its first byte, or -1
 * @deadline:	for room to send
 */
static int send_all(int fd, struct iovec *iov, unsigned int iovcnt, int pass, uint64_t deadline)
{
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = iovcnt };
	union descriptors_room room;

	descriptors_put(&message, &room, &pass, pass >= 0);
	while (message.msg_iovlen) {
		ssize_t n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		int err;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			err = wait_for(fd, POLLOUT, deadline);
			if (err)
				return err;
			continue;
		}
		if (n < 0)
			return errno == EPIPE ? -ECONNRESET : -errno;
		descriptors_put(&message, &room, NULL, 0);
		while (message.msg_iovlen && (size_t)n >= message.msg_iov->iov_len) {
			n -= (ssize_t)message.msg_iov->iov_len;
			message.msg_iov++;
			message.msg_iovlen--;
		}
		if (message.msg_iovlen) {
			message.msg_iov->iov_base = (uint8_t *)message.msg_iov->iov_base + n;
			message.msg_iov->iov_len -= (size_t)n;
		}
	}
	return 0;
}

/** keep_fds() - take a received message's descriptors; the first goes into @kept, if that is -1 */
static void keep_fds(struct msghdr *message, int *kept)
{
	int fds[DESCRIPTORS_MAX];
	unsigned int n = descriptors_take(message, fds);

	for (unsigned int i = 0; i < n; i++) {
		if (kept && *kept < 0)
			*kept = fds[i];
		else
			close(fds[i]);
	}
}

/**
 * receive_all() - take exactly @len bytes from the stream
 * @client:	the client
 * @data:	where they go; NULL drops them
 * @kept:	see keep_fds()
 * @deadline:	for all of them
 */
static int receive_all(struct vfu_client *client, void *data, size_t len, int *kept,
		       uint64_t deadline)
{
	uint8_t drop[512];
	size_t done = 0;

	while (done < len) {
		union descriptors_room room;
		struct iovec iov = { .iov_base = data ? (uint8_t *)data + done : drop,
				     .iov_len = len - done };
		struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n;
		int err;

		if (!data && iov.iov_len > sizeof(drop))
			iov.iov_len = sizeof(drop);
		descriptors_expect(&message, &room);
		n = recvmsg(client->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n > 0) {
			keep_fds(&message, kept);
			done += (size_t)n;
			continue;
		}
		if (n == 0)
			return -ECONNRESET;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		err = wait_for(client->fd, POLLIN, deadline);
		if (err)
			return err;
	}
	return 0;
}

/** refuse() - answer a command of the server; this client accepts none */
static int refuse(struct vfu_client *client, const struct vfu_header *command, uint64_t deadline)
{
	struct vfu_header answer = { .id = command->id,
				     .command = command->command,
				     .size = sizeof(answer),
				     .flags = VFU_TYPE_REPLY | VFU_FLAG_ERROR,
				     .error = ENOTSUP };
	struct iovec iov = { &answer, sizeof(answer) };
	int err;

	if (command->flags & VFU_FLAG_NO_REPLY)
		return 0;
	pthread_mutex_lock(&client->send);
	err = send_all(client->fd, &iov, 1, -1, deadline);
	pthread_mutex_unlock(&client->send);
	return err;
}

/** receive_answer() - receive and check the answer to request @id, into @exchange */
static int receive_answer(struct vfu_client *client, uint16_t id, struct exchange *exchange,
			  uint64_t deadline)
{
	struct vfu_header header;
	size_t len;
	int err;

	for (unsigned int foreign = 0;; foreign++) {
		err = receive_all(client, &header, sizeof(header), exchange->answer_fd, deadline);
		if (err)
			return err;
		if (header.size < sizeof(header) || header.size > VFU_MESSAGE_MAX)
			return -EPROTO;
		len = header.size - sizeof(header);
		if ((header.flags & VFU_FLAG_TYPE) == VFU_TYPE_REPLY)
			break;
		/* A server may send commands, but not without end. */
		if ((header.flags & VFU_FLAG_TYPE) != VFU_TYPE_COMMAND || foreign == FOREIGN_MAX)
			return -EPROTO;
		err = receive_all(client, NULL, len, NULL, deadline);
		if (!err)
			err = refuse(client, &header, deadline);
		if (err)
			return err;
	}
	if (header.id != id || header.command != exchange->command)
		return -EPROTO;
	if (header.flags & VFU_FLAG_ERROR) {
		err = receive_all(client, NULL, len, NULL, deadline);
		if (err)
			return err;
		/* Positive, so that the caller can tell it from an error of the connection. */
		return header.error && header.error < 4096 ? (int)header.error : EIO;
	}
	if (len > exchange->answer_max)
		return -EPROTO;
	exchange->answer_len = len;
	return receive_all(client, exchange->answer, len, exchange->answer_fd, deadline);
}

/**
 * request() - send a command and wait for its answer
 * @exchange:	the command; filled in with the answer
 *
 * Return: 0, or a negative errno: from the server, or why the connection was
 * lost
 */
static int request(struct vfu_client *client, struct exchange *exchange)
{
	struct vfu_header header = {
		.command = exchange->command,
		.size = (uint32_t)(sizeof(header) + exchange->body_len + exchange->data_len),
		.flags = VFU_TYPE_COMMAND,
	};
	struct iovec iov[3] = { { &header, sizeof(header) } };
	unsigned int iovcnt = 1;
	uint64_t deadline;
	int err;

	if (exchange->body_len)
		iov[iovcnt++] =
			(struct iovec){ (void *)(uintptr_t)exchange->body, exchange->body_len };
	if (exchange->data_len)
		iov[iovcnt++] =
			(struct iovec){ (void *)(uintptr_t)exchange->data, exchange->data_len };
	if (exchange->answer_fd)
		*exchange->answer_fd = -1;
	pthread_mutex_lock(&client->exchange);
	if (atomic_load(&client->lost)) {
		pthread_mutex_unlock(&client->exchange);
		return -ENODEV;
	}
	deadline = clock_deadline(client->timeout_ms);
	header.id = ++client->id;
	pthread_mutex_lock(&client->send);
	err = send_all(client->fd, iov, iovcnt, exchange->fd, deadline);
	pthread_mutex_unlock(&client->send);
	if (!err)
		err = receive_answer(client, header.id, exchange, deadline);
	if (err < 0)
		lose(client, "request", err);
	pthread_mutex_unlock(&client->exchange);
	if (err && exchange->answer_fd && *exchange->answer_fd >= 0) {
		close(*exchange->answer_fd);
		*exchange->answer_fd = -1;
	}
	return err > 0 ? -err : err;
}

/**
 * ask() - request() for commands whose answer has a body of fixed size
 * @in, @in_len: body to send
 * @fd:		sent with it, or -1
 * @out, @out_len: body of the answer, which must be that long
 */
static int ask(struct vfu_client *client, uint16_t command, const void *in, size_t in_len, int fd,
	       void *out, size_t out_len)
{
	struct exchange exchange = { .command = command,
				     .body = in,
				     .body_len = in_len,
				     .fd = fd,
				     .answer = out,
				     .answer_max = out_len };
	int err = request(client, &exchange);

	if (!err && exchange.answer_len != out_len)
		return lose(client, "answer with a wrong length", -EPROTO);
	return err;
}

/** negotiate() - negotiate the version */
static int negotiate(struct vfu_client *client)
{
	static const char capabilities[] =
		"{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":4096,"
		"\"region_mmap\":true}}";
	struct vfu_version version = { VFU_MAJOR, VFU_MINOR };
	uint8_t answer[BODY_MAX];
	struct exchange exchange = { .command = VFU_CMD_VERSION,
				     .body = &version,
				     .body_len = sizeof(version),
				     .data = capabilities,
				     .data_len = sizeof(capabilities),
				     .fd = -1,
				     .answer = answer,
				     .answer_max = sizeof(answer) };
	int err = request(client, &exchange);

	if (err)
		return err;
	if (exchange.answer_len < sizeof(version))
		return -EPROTO;
	/* The server's limits are not read: one descriptor and little data at a time
	 */
	memcpy(&version, answer, sizeof(version));
	return version.major == VFU_MAJOR && version.minor <= VFU_MINOR ? 0 : -ENOTSUP;
}

/** connect_to() - a connected socket, or a negative errno; waits while the backlog is full */
static int connect_to(const char *path, uint64_t deadline)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	while (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		int err = errno;

		if ((err == EAGAIN || err == EINTR) && !clock_passed(deadline)) {
			clock_pause_us(RETRY_US);
			continue;
		}
		close(fd);
		return err == EAGAIN ? -ETIMEDOUT : -err;
	}
	return fd;
}

int vfu_client_connect(const char *path, unsigned int timeout_ms, struct vfu_client **result)
{
	struct vfu_client *client = calloc(1, sizeof(*client));
	int err;

	if (!client)
		return -ENOMEM;
	client->timeout_ms = timeout_ms ? timeout_ms : VFU_CLIENT_TIMEOUT_MS;
	client->fd = connect_to(path, clock_deadline(client->timeout_ms));
	if (client->fd < 0) {
		err = client->fd;
		free(client);
		return err;
	}
	memcpy(client->path, path, strlen(path) + 1);
	pthread_mutex_init(&client->exchange, NULL);
	pthread_mutex_init(&client->send, NULL);
	err = negotiate(client);
	if (err) {
		vfu_client_close(client);
		return err;
	}
	*result = client;
	return 0;
}

void vfu_client_close(struct vfu_client *client)
{
	close(client->fd);
	pthread_mutex_destroy(&client->exchange);
	pthread_mutex_destroy(&client->send);
	free(client);
}

int vfu_client_fd(const struct vfu_client *client)
{
	return client->fd;
}

int vfu_client_alive(struct vfu_client *client)
{
	struct pollfd pollfd = { .fd = client->fd, .events = POLLRDHUP };

	if (!atomic_load(&client->lost) && poll(&pollfd, 1, 0) > 0 &&
	    pollfd.revents & (POLLRDHUP | POLLHUP | POLLERR))
		lose(client, "the adapter has closed the socket", -ECONNRESET);
	return atomic_load(&client->lost) ? -ENODEV : 0;
}

int vfu_client_info(struct vfu_client *client, uint32_t *regions, uint32_t *irqs)
{
	struct vfu_device_info info = { .argsz = sizeof(info) };
	int err =
		ask(client, VFU_CMD_DEVICE_GET_INFO, &info, sizeof(info), -1, &info, sizeof(info));

	if (err)
		return err;
	*regions = info.num_regions;
	*irqs = info.num_irqs;
	return 0;
}

/** read_areas() - the mappable parts of a region, from the capabilities after its info */
static int read_areas(const uint8_t *answer, size_t len, uint32_t at,
		      struct vfu_client_region *region)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	/* Each capability must come after the last one, or a hostile chain would never end. */
	while (at) {
		struct vfio_region_info_cap_sparse_mmap sparse;
		uint32_t next;

		if (at % 8 || at > len || len - at < sizeof(sparse.header))
			return -EPROTO;
		memcpy(&sparse.header, answer + at, sizeof(sparse.header));
		next = sparse.header.next;
		if (next && next <= at)
			return -EPROTO;
		if (sparse.header.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP) {
			if (len - at < sizeof(sparse))
				return -EPROTO;
			memcpy(&sparse, answer + at, sizeof(sparse));
			if (sparse.nr_areas > VFU_CLIENT_AREAS_MAX ||
			    sparse.nr_areas >
				    (len - at - sizeof(sparse)) / sizeof(region->areas[0]))
				return -EPROTO;
			memcpy(region->areas, answer + at + sizeof(sparse),
			       sparse.nr_areas * sizeof(region->areas[0]));
			region->n_areas = sparse.nr_areas;
		}
		at = next;
	}
	if (!region->n_areas) {
		region->areas[0] = (struct vfu_client_area){ 0, region->size };
		region->n_areas = 1;
	}
	for (unsigned int i = 0; i < region->n_areas; i++) {
		const struct vfu_client_area *area = &region->areas[i];

		if (!area->size || area->offset > region->size ||
		    area->size > region->size - area->offset || area->offset % page ||
		    area->size % page)
			return -EPROTO;
	}
	return 0;
}

int vfu_client_region(struct vfu_client *client, uint32_t index, struct vfu_client_region *region)
{
	uint8_t answer[BODY_MAX] = { 0 };
	struct vfu_region_info info = { .argsz = sizeof(answer), .index = index };
	struct exchange exchange = { .command = VFU_CMD_DEVICE_GET_REGION_INFO,
				     .body = &info,
				     .body_len = sizeof(info),
				     .fd = -1,
				     .answer = answer,
				     .answer_max = sizeof(answer),
				     .answer_fd = &region->fd };
	int err;

	memset(region, 0, sizeof(*region));
	err = request(client, &exchange);
	if (err)
		return err;
	memcpy(&info, answer, sizeof(info));
	if (exchange.answer_len < sizeof(info) || info.index != index) {
		err = lose(client, "region info", -EPROTO);
	} else {
		region->size = info.size;
		region->offset = info.offset;
		if (info.flags & VFIO_REGION_INFO_FLAG_MMAP && region->fd >= 0)
			err = read_areas(answer, exchange.answer_len,
					 info.flags & VFIO_REGION_INFO_FLAG_CAPS ? info.cap_offset
										 : 0,
					 region);
	}
	if (region->fd >= 0 && (err || !region->n_areas)) {
		close(region->fd);
		region->fd = -1;
	}
	return err;
}

int vfu_client_map(int fd, uint64_t offset, const struct vfu_client_area *area, void **va)
{
	const int wanted = F_SEAL_SHRINK;
	struct stat stat;
	uint64_t end, start;
	int seals;

	if (__builtin_add_overflow(offset, area->offset, &start) ||
	    __builtin_add_overflow(start, area->size, &end) || end > INT64_MAX)
		return -EPROTO;
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & wanted) != wanted)
		return -EACCES;
	if (fstat(fd, &stat) < 0)
		return -errno;
	if (stat.st_size < 0 || end > (uint64_t)stat.st_size)
		return -EPROTO;
	*va = mmap(NULL, area->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)start);
	if (*va == MAP_FAILED)
		return -errno;
	return 0;
}

int vfu_client_irq_count(struct vfu_client *client, uint32_t index, uint32_t *count)
{
	struct vfu_irq_info info = { .argsz = sizeof(info), .index = index };
	int err = ask(client, VFU_CMD_DEVICE_GET_IRQ_INFO, &info, sizeof(info), -1, &info,
		      sizeof(info));

	if (!err)
		*count = info.count;
	return err;
}

int vfu_client_set_irq(struct vfu_client *client, uint32_t index, uint32_t vector, int fd)
{
	struct vfu_irq_set set = { .argsz = sizeof(set),
				   .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
				   .index = index,
				   .start = vector,
				   .count = 1 };

	return ask(client, VFU_CMD_DEVICE_SET_IRQS, &set, sizeof(set), fd, NULL, 0);
}

int vfu_client_read(struct vfu_client *client, uint32_t region, uint64_t offset, void *data,
		    size_t len)
{
	struct vfu_region_access access = { .offset = offset,
					    .region = region,
					    .count = (uint32_t)len };
	uint8_t answer[sizeof(access) + VFU_CLIENT_DATA_MAX];
	int err;

	if (!len || len > VFU_CLIENT_DATA_MAX)
		return -EINVAL;
	err = ask(client, VFU_CMD_REGION_READ, &access, sizeof(access), -1, answer,
		  sizeof(access) + len);
	if (!err)
		memcpy(data, answer + sizeof(access), len);
	return err;
}

int vfu_client_write(struct vfu_client *client, uint32_t region, uint64_t offset, const void *data,
		     size_t len)
{
	struct vfu_region_access access = { .offset = offset,
					    .region = region,
					    .count = (uint32_t)len };
	struct vfu_region_access done;
	struct exchange exchange = { .command = VFU_CMD_REGION_WRITE,
				     .body = &access,
				     .body_len = sizeof(access),
				     .data = data,
				     .data_len = len,
				     .fd = -1,
				     .answer = &done,
				     .answer_max = sizeof(done) };

	if (!len || len > VFU_CLIENT_DATA_MAX)
		return -EINVAL;
	return request(client, &exchange);
}

int vfu_client_post_fd(int fd, unsigned int timeout_ms, uint32_t region, uint64_t offset,
		       uint64_t value)
{
	struct {
		struct vfu_header header;
		struct vfu_region_access access;
		uint64_t value;
	} message = {
		.header = { .command = VFU_CMD_REGION_WRITE,
			    .size = sizeof(message),
			    .flags = VFU_TYPE_COMMAND | VFU_FLAG_NO_REPLY },
		.access = { .offset = offset, .region = region, .count = sizeof(value) },
		.value = value,
	};
	struct iovec iov = { &message, sizeof(message) };
	ssize_t n;

	/* There is nearly always room: read the clock only when there is none. */
	n = send(fd, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == (ssize_t)sizeof(message))
		return 0;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return errno == EPIPE ? -ECONNRESET : -errno;
	if (n > 0) {
		iov.iov_base = (uint8_t *)&message + n;
		iov.iov_len -= (size_t)n;
	}
	return send_all(fd, &iov, 1, -1, clock_deadline(timeout_ms));
}

int vfu_client_post(struct vfu_client *client, uint32_t region, uint64_t offset, uint64_t value)
{
	int err;

	if (atomic_load_explicit(&client->lost, memory_order_relaxed))
		return -ENODEV;
	pthread_mutex_lock(&client->send);
	err = vfu_client_post_fd(client->fd, client->timeout_ms, region, offset, value);
	pthread_mutex_unlock(&client->send);
	return err ? lose(client, "doorbell", err) : 0;
}

int vfu_client_dma_map(struct vfu_client *client, uint64_t iova, uint64_t size, int fd,
		       uint64_t offset)
{
	struct vfu_dma_map map = { .argsz = sizeof(map),
				   .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
				   .offset = offset,
				   .address = iova,
				   .size = size };

	return ask(client, VFU_CMD_DMA_MAP, &map, sizeof(map), fd, NULL, 0);
}

int vfu_client_dma_unmap(struct vfu_client *client, uint64_t iova, uint64_t size)
{
	struct vfu_dma_unmap unmap = { .argsz = sizeof(unmap), .address = iova, .size = size };

	return ask(client, VFU_CMD_DMA_UNMAP, &unmap, sizeof(unmap), -1, &unmap, sizeof(unmap));
}

int vfu_client_reset(struct vfu_client *client)
{
	return ask(client, VFU_CMD_DEVICE_RESET, NULL, 0, -1, NULL, 0);
}
