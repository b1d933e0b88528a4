/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vfio-user client: against the real server, and against servers that break the rules. Every
 * test ends with the check that no file descriptor is left open.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "process.h"
#include "vfio_user/client.h"
#include "vfio_user/descriptors.h"
#include "vfio_user/message.h"
#include "vfio_user/server.h"

#define TIMEOUT_MS 300
#define BAR_SIZE   0x4000u
#define VECTORS    8u

struct test {
	char folder[64], path[96];
	unsigned int fds_before;
	pthread_t thread;
	/* The real server */
	struct vfu_server *server;
	int stop_fd;
	int bar_fd;
	atomic_uint writes, resets;
	_Atomic uint64_t last[8]; /* what each writer wrote last, to register 8 * its number */
	atomic_bool in_order;
	uint64_t mapped_content;
	atomic_uint maps;
	/* A bad one */
	int listen_fd;
	void (*script)(struct test *test, int fd);
	uint32_t random;
};

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));

	assert_non_null(test);
	test->fds_before = count_fds();
	snprintf(test->folder, sizeof(test->folder), "/tmp/manakin-client-XXXXXX");
	assert_non_null(mkdtemp(test->folder));
	snprintf(test->path, sizeof(test->path), "%s/socket", test->folder);
	atomic_store(&test->in_order, true);
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;

	unlink(test->path);
	rmdir(test->folder);
	assert_int_equal(count_fds(), test->fds_before);
	free(test);
	return 0;
}

/* ---- The real server ---- */

static int device_read(void *ctx, unsigned int region, uint64_t offset, void *data, size_t len)
{
	(void)ctx;
	if (offset == 0x3000)
		return -EPERM;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)data)[i] = (uint8_t)((offset + i) * 7 + region);
	return 0;
}

static int device_write(void *ctx, unsigned int region, uint64_t offset, const void *data,
			size_t len)
{
	struct test *test = ctx;
	uint64_t value = 0;

	(void)region;
	if (offset == 0x3000)
		return -EPERM;
	memcpy(&value, data, len < 8 ? len : 8);
	if (value != atomic_load(&test->last[offset / 8 % 8]) + 1)
		atomic_store(&test->in_order, false);
	atomic_store(&test->last[offset / 8 % 8], value);
	atomic_fetch_add(&test->writes, 1);
	return 0;
}

static int device_dma_map(void *ctx, uint64_t iova, uint64_t size, int fd, uint64_t offset,
			  unsigned int access)
{
	struct test *test = ctx;

	assert_int_equal(access, VFU_DMA_READ | VFU_DMA_WRITE);
	if (iova == 0xdead000)
		return -EEXIST;
	assert_int_equal(size, 8192);
	assert_int_equal(pread(fd, &test->mapped_content, 8, (off_t)offset), 8);
	atomic_fetch_add(&test->maps, 1);
	return 0;
}

static int device_dma_unmap(void *ctx, uint64_t iova, uint64_t size)
{
	struct test *test = ctx;

	(void)size;
	if (iova == 0xdead000)
		return -ENOENT;
	atomic_fetch_sub(&test->maps, 1);
	return 0;
}

static void device_reset(void *ctx)
{
	atomic_fetch_add(&((struct test *)ctx)->resets, 1);
}

static void nothing(void *ctx)
{
	(void)ctx;
}

static const struct vfu_ops device_ops = {
	.read = device_read,
	.write = device_write,
	.dma_map = device_dma_map,
	.dma_unmap = device_dma_unmap,
	.dma_unmap_all = nothing,
	.reset = device_reset,
	.quiesce = nothing,
	.attached = nothing,
	.detached = nothing,
};

static void *serve(void *argument)
{
	struct test *test = argument;
	struct pollfd fds[2] = { { .fd = vfu_server_fd(test->server), .events = POLLIN },
				 { .fd = test->stop_fd, .events = POLLIN } };

	for (;;) {
		poll(fds, 2, -1);
		if (fds[1].revents)
			return NULL;
		vfu_server_serve(test->server);
	}
}

static void server_start(struct test *test, bool sealed)
{
	struct vfu_config config = { .path = test->path, .ops = &device_ops, .ctx = test };

	test->bar_fd = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(test->bar_fd >= 0);
	assert_int_equal(ftruncate(test->bar_fd, BAR_SIZE), 0);
	if (sealed)
		assert_int_equal(fcntl(test->bar_fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	for (unsigned int i = 0; i < VFU_REGION_COUNT; i++)
		config.regions[i].mmap_fd = -1;
	config.regions[0] = (struct vfu_region){
		.size = BAR_SIZE, .readable = true, .writable = true, .mmap_fd = -1
	};
	config.regions[2] = (struct vfu_region){ .size = BAR_SIZE,
						 .readable = true,
						 .writable = true,
						 .mmap_fd = test->bar_fd,
						 .mmap_offset = 0x1000,
						 .mmap_size = 0x2000,
						 .mmap_asked = true };
	config.irqs[VFU_IRQ_MSIX] = VECTORS;
	assert_int_equal(vfu_server_open(&config, &test->server), 0);
	test->stop_fd = eventfd(0, EFD_CLOEXEC);
	assert_true(test->stop_fd >= 0);
	assert_int_equal(pthread_create(&test->thread, NULL, serve, test), 0);
}

static void server_stop(struct test *test)
{
	uint64_t one = 1;

	assert_int_equal(write(test->stop_fd, &one, sizeof(one)), sizeof(one));
	pthread_join(test->thread, NULL);
	vfu_server_close(test->server);
	close(test->stop_fd);
	close(test->bar_fd);
}

static void test_no_server(void **state)
{
	struct test *test = *state;
	struct vfu_client *client;
	char long_path[300];

	assert_int_equal(vfu_client_connect(test->path, 0, &client), -ENOENT);
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(vfu_client_connect(long_path, 0, &client), -ENAMETOOLONG);
}

static void test_device(void **state)
{
	struct test *test = *state;
	struct vfu_client *client, *second;
	struct vfu_client_region region;
	uint8_t data[VFU_CLIENT_DATA_MAX + 1];
	uint32_t regions, irqs, count;
	uint64_t value = 1, got;
	int memory, event;
	void *va;

	server_start(test, true);
	assert_int_equal(vfu_client_connect(test->path, 0, &client), 0);
	assert_int_equal(vfu_client_connect(test->path, 0, &second), -EBUSY);
	assert_int_equal(vfu_client_alive(client), 0);
	assert_int_equal(vfu_client_info(client, &regions, &irqs), 0);
	assert_int_equal(regions, VFU_REGION_COUNT);
	assert_int_equal(irqs, VFU_IRQ_COUNT);

	/* Regions */
	assert_int_equal(vfu_client_region(client, 0, &region), 0);
	assert_int_equal(region.size, BAR_SIZE);
	assert_int_equal(region.fd, -1);
	assert_int_equal(vfu_client_region(client, 99, &region), -EINVAL);
	assert_int_equal(vfu_client_region(client, 2, &region), 0);
	assert_int_equal(region.n_areas, 1);
	assert_int_equal(region.areas[0].offset, 0x1000);
	assert_int_equal(region.areas[0].size, 0x2000);
	assert_int_equal(vfu_client_map(region.fd, region.offset, &region.areas[0], &va), 0);
	memcpy(va, "through memory", 15);
	assert_int_equal(pread(test->bar_fd, data, 15, 0x1000), 15);
	assert_string_equal((char *)data, "through memory");
	munmap(va, 0x2000);
	close(region.fd);

	/* Access */
	for (size_t len = 1; len <= VFU_CLIENT_DATA_MAX; len = len * 2 + 1) {
		assert_int_equal(vfu_client_read(client, 0, 5, data, len), 0);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(data[i], (uint8_t)((5 + i) * 7));
	}
	assert_int_equal(vfu_client_read(client, 0, 0, data, VFU_CLIENT_DATA_MAX + 1), -EINVAL);
	assert_int_equal(vfu_client_read(client, 0, 0, data, 0), -EINVAL);
	assert_int_equal(vfu_client_read(client, 0, BAR_SIZE, data, 1), -EINVAL);
	assert_int_equal(vfu_client_read(client, 0, 0x3000, data, 1), -EPERM);
	assert_int_equal(vfu_client_write(client, 0, 0x3000, data, 1), -EPERM);
	assert_int_equal(vfu_client_write(client, 0, 0, &value, 8), 0);
	assert_int_equal(atomic_load(&test->writes), 1);
	assert_int_equal(vfu_client_write(client, 0, 0, &value, 0), -EINVAL);

	/* Memory */
	memory = memfd_create("memory", MFD_CLOEXEC);
	assert_int_equal(ftruncate(memory, 16384), 0);
	value = 0x1234567890abcdef;
	assert_int_equal(pwrite(memory, &value, 8, 4096), 8);
	assert_int_equal(vfu_client_dma_map(client, 0x100000, 8192, memory, 4096), 0);
	assert_true(test->mapped_content == value);
	assert_int_equal(vfu_client_dma_map(client, 0xdead000, 8192, memory, 0), -EEXIST);
	assert_int_equal(vfu_client_dma_unmap(client, 0x100000, 8192), 0);
	assert_int_equal(vfu_client_dma_unmap(client, 0xdead000, 8192), -ENOENT);
	assert_int_equal(atomic_load(&test->maps), 0);
	close(memory);

	/* Interrupts */
	assert_int_equal(vfu_client_irq_count(client, VFU_IRQ_MSIX, &count), 0);
	assert_int_equal(count, VECTORS);
	event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_equal(vfu_client_set_irq(client, VFU_IRQ_MSIX, 3, event), 0);
	assert_int_equal(vfu_client_set_irq(client, VFU_IRQ_MSIX, VECTORS, event), -EINVAL);
	vfu_irq_raise(test->server, 3);
	assert_int_equal(read(event, &got, 8), 8);
	assert_int_equal(vfu_client_set_irq(client, VFU_IRQ_MSIX, 3, -1), 0);
	vfu_irq_raise(test->server, 3);
	assert_int_equal(read(event, &got, 8), -1);
	close(event);

	assert_int_equal(vfu_client_reset(client), 0);
	assert_int_equal(atomic_load(&test->resets), 1);
	vfu_client_close(client);
	/* The next one is served. */
	while (vfu_client_connect(test->path, 0, &client) == -EBUSY)
		sched_yield();
	vfu_client_close(client);
	server_stop(test);
}

/** test_unsealed_file_is_not_mapped() - a file that could be truncated is not mapped */
static void test_unsealed_file_is_not_mapped(void **state)
{
	struct test *test = *state;
	struct vfu_client_region region;
	struct vfu_client_area area;
	struct vfu_client *client;
	void *va;

	server_start(test, false);
	assert_int_equal(vfu_client_connect(test->path, 0, &client), 0);
	assert_int_equal(vfu_client_region(client, 2, &region), 0);
	assert_int_equal(vfu_client_map(region.fd, region.offset, &region.areas[0], &va), -EACCES);
	assert_int_equal(fcntl(region.fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	area = (struct vfu_client_area){ 0, 1ull << 40 };
	assert_int_equal(vfu_client_map(region.fd, 0, &area, &va), -EPROTO);
	assert_int_equal(vfu_client_map(region.fd, UINT64_MAX - 4095, &area, &va), -EPROTO);
	close(region.fd);
	vfu_client_close(client);
	server_stop(test);
}

#define WRITERS 4u
#define POSTS   20000u

struct writer {
	struct vfu_client *client;
	unsigned int number;
	int fd; /* -1: through the client; else as another process would */
};

static void *post_all(void *argument)
{
	struct writer *writer = argument;

	for (uint64_t i = 1; i <= POSTS; i++) {
		int err = writer->fd < 0
				  ? vfu_client_post(writer->client, 0, writer->number * 8, i)
				  : vfu_client_post_fd(writer->fd, 5000, 0, writer->number * 8, i);

		if (err)
			return NULL;
	}
	return writer;
}

/** test_posted_writes() - writes of many threads, mixed with requests, arrive whole and in order */
static void test_posted_writes(void **state)
{
	struct test *test = *state;
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	struct vfu_client *client;
	uint8_t data[64];

	server_start(test, true);
	assert_int_equal(vfu_client_connect(test->path, 0, &client), 0);
	for (unsigned int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ client, i,
					      i == WRITERS - 1 ? dup(vfu_client_fd(client)) : -1 };
		assert_int_equal(pthread_create(&threads[i], NULL, post_all, &writers[i]), 0);
	}
	for (unsigned int i = 0; i < 500; i++)
		assert_int_equal(vfu_client_read(client, 0, 8 * WRITERS, data, sizeof(data)), 0);
	for (unsigned int i = 0; i < WRITERS; i++) {
		void *done;

		pthread_join(threads[i], &done);
		assert_non_null(done);
	}
	/* A request arrives after everything that was posted before it. */
	assert_int_equal(vfu_client_read(client, 0, 0, data, 1), 0);
	assert_int_equal(atomic_load(&test->writes), WRITERS * POSTS);
	assert_true(atomic_load(&test->in_order));
	close(writers[WRITERS - 1].fd);
	vfu_client_close(client);
	server_stop(test);
}

static void test_server_gone(void **state)
{
	struct test *test = *state;
	struct vfu_client *client;
	uint8_t data[8];

	server_start(test, true);
	assert_int_equal(vfu_client_connect(test->path, 0, &client), 0);
	server_stop(test);
	assert_int_equal(vfu_client_alive(client), -ENODEV);
	assert_int_equal(vfu_client_read(client, 0, 0, data, 1), -ENODEV);
	assert_int_equal(vfu_client_post(client, 0, 0, 1), -ENODEV);
	assert_int_equal(vfu_client_reset(client), -ENODEV);
	vfu_client_close(client);

	server_start(test, true);
	assert_int_equal(vfu_client_connect(test->path, 0, &client), 0);
	server_stop(test);
	/* A post detects it by itself. */
	assert_int_equal(vfu_client_post(client, 0, 0, 1), -ECONNRESET);
	assert_int_equal(vfu_client_post(client, 0, 0, 1), -ENODEV);
	vfu_client_close(client);
}

/* ---- Bad servers ---- */

/** take() - receive a request from the client; false when it is gone */
static bool take(int fd, struct vfu_header *header)
{
	uint8_t body[8192];
	size_t len;

	if (recv(fd, header, sizeof(*header), MSG_WAITALL) != sizeof(*header))
		return false;
	len = header->size - sizeof(*header);
	return !len || recv(fd, body, len, MSG_WAITALL) == (ssize_t)len;
}

static void answer(int fd, struct vfu_header header, const void *body, size_t len)
{
	header.flags = VFU_TYPE_REPLY;
	header.size = (uint32_t)(sizeof(header) + len);
	send(fd, &header, sizeof(header), MSG_NOSIGNAL | (len ? MSG_MORE : 0));
	if (len)
		send(fd, body, len, MSG_NOSIGNAL);
}

/** agree() - negotiate the version */
static bool agree(int fd)
{
	struct vfu_version version = { VFU_MAJOR, VFU_MINOR };
	struct vfu_header header;

	if (!take(fd, &header))
		return false;
	answer(fd, header, &version, sizeof(version));
	return true;
}

static void *misbehave(void *argument)
{
	struct test *test = argument;
	int fd = accept4(test->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0) {
		test->script(test, fd);
		close(fd);
	}
	return NULL;
}

static void bad_start(struct test *test, void (*script)(struct test *test, int fd))
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memcpy(address.sun_path, test->path, strlen(test->path) + 1);
	unlink(test->path);
	test->script = script;
	test->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(test->listen_fd >= 0);
	assert_int_equal(bind(test->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(test->listen_fd, 4), 0);
	assert_int_equal(pthread_create(&test->thread, NULL, misbehave, test), 0);
}

static void bad_stop(struct test *test)
{
	shutdown(test->listen_fd, SHUT_RDWR);
	pthread_join(test->thread, NULL);
	close(test->listen_fd);
}

/** bad_read() - connect, and read from a region of a server that behaves until then */
static int bad_read(struct test *test, void (*script)(struct test *test, int fd))
{
	struct vfu_client *client;
	uint8_t data[8];
	uint64_t start = now_ms();
	int err;

	bad_start(test, script);
	assert_int_equal(vfu_client_connect(test->path, TIMEOUT_MS, &client), 0);
	err = vfu_client_read(client, 0, 0, data, sizeof(data));
	assert_true(now_ms() - start < 3 * TIMEOUT_MS);
	if (err) {
		/* Lost for good, and a poller sees it. */
		struct pollfd pollfd = { .fd = vfu_client_fd(client), .events = POLLRDHUP };

		assert_int_equal(vfu_client_read(client, 0, 0, data, sizeof(data)), -ENODEV);
		assert_int_equal(poll(&pollfd, 1, 0), 1);
		assert_true(pollfd.revents & POLLRDHUP);
	}
	vfu_client_close(client);
	bad_stop(test);
	return err;
}

#define BAD(name, what)                                                                            \
	static void name(struct test *test, int fd)                                                \
	{                                                                                          \
		uint8_t body[256] = { 0 };                                                         \
		struct vfu_header header;                                                          \
                                                                                                   \
		(void)test;                                                                        \
		(void)body;                                                                        \
		if (!agree(fd) || !take(fd, &header))                                              \
			return;                                                                    \
		what;                                                                              \
		/* Until the client has gone */                                                    \
		while (take(fd, &header))                                                          \
			continue;                                                                  \
	}

BAD(wrong_id, header.id++; answer(fd, header, body, 24))
BAD(wrong_command, header.command++; answer(fd, header, body, 24))
BAD(too_short, answer(fd, header, body, 23))
BAD(too_long, answer(fd, header, body, 25))
BAD(empty, answer(fd, header, NULL, 0))
BAD(silent, )
BAD(says_small, header.flags = VFU_TYPE_REPLY; header.size = 8;
    send(fd, &header, sizeof(header), MSG_NOSIGNAL))
BAD(says_huge, header.flags = VFU_TYPE_REPLY; header.size = UINT32_MAX;
    send(fd, &header, sizeof(header), MSG_NOSIGNAL))
BAD(half_header, send(fd, &header, 7, MSG_NOSIGNAL))
BAD(half_body, header.flags = VFU_TYPE_REPLY; header.size = 16 + 24;
    send(fd, &header, sizeof(header), MSG_NOSIGNAL); send(fd, body, 10, MSG_NOSIGNAL))
BAD(hangs_up, shutdown(fd, SHUT_RDWR))
BAD(no_type, header.flags = 7; header.size = 16; send(fd, &header, sizeof(header), MSG_NOSIGNAL))
BAD(floods, header.flags = VFU_TYPE_COMMAND; header.size = 16; header.command = VFU_CMD_DMA_READ;
    for (int i = 0; i < 40; i++) send(fd, &header, sizeof(header), MSG_NOSIGNAL))

static void asks_first(struct test *test, int fd)
{
	struct vfu_header header, command = { .id = 77,
					      .command = VFU_CMD_DMA_READ,
					      .size = sizeof(command) + 16,
					      .flags = VFU_TYPE_COMMAND };
	uint8_t body[24] = { 0 };

	if (!agree(fd) || !take(fd, &header))
		return;
	send(fd, &command, sizeof(command), MSG_NOSIGNAL);
	send(fd, body, 16, MSG_NOSIGNAL);
	/* The client refuses it, and keeps waiting for its own answer. */
	if (recv(fd, &command, sizeof(command), MSG_WAITALL) == sizeof(command) &&
	    command.id == 77 && command.flags == (VFU_TYPE_REPLY | VFU_FLAG_ERROR) &&
	    command.error == ENOTSUP)
		atomic_store(&test->writes, 1);
	answer(fd, header, body, sizeof(body));
}

static void test_bad_answers(void **state)
{
	struct test *test = *state;

	assert_int_equal(bad_read(test, wrong_id), -EPROTO);
	assert_int_equal(bad_read(test, wrong_command), -EPROTO);
	assert_int_equal(bad_read(test, too_short), -EPROTO);
	assert_int_equal(bad_read(test, too_long), -EPROTO);
	assert_int_equal(bad_read(test, empty), -EPROTO);
	assert_int_equal(bad_read(test, says_small), -EPROTO);
	assert_int_equal(bad_read(test, says_huge), -EPROTO);
	assert_int_equal(bad_read(test, no_type), -EPROTO);
	assert_int_equal(bad_read(test, floods), -EPROTO);
	assert_int_equal(bad_read(test, silent), -ETIMEDOUT);
	assert_int_equal(bad_read(test, half_header), -ETIMEDOUT);
	assert_int_equal(bad_read(test, half_body), -ETIMEDOUT);
	assert_int_equal(bad_read(test, hangs_up), -ECONNRESET);
	assert_int_equal(bad_read(test, asks_first), 0);
	assert_int_equal(atomic_load(&test->writes), 1);
}

static void error_of(struct test *test, int fd)
{
	struct vfu_header header;

	if (!agree(fd))
		return;
	for (unsigned int i = 0; take(fd, &header); i++) {
		static const uint32_t errors[] = { EPERM, 0, 4096, UINT32_MAX };

		(void)test;
		header.flags = VFU_TYPE_REPLY | VFU_FLAG_ERROR;
		header.size = sizeof(header);
		header.error = errors[i % 4];
		send(fd, &header, sizeof(header), MSG_NOSIGNAL);
	}
}

static void test_errors(void **state)
{
	struct test *test = *state;
	struct vfu_client *client;
	uint8_t data[8];

	bad_start(test, error_of);
	assert_int_equal(vfu_client_connect(test->path, TIMEOUT_MS, &client), 0);
	assert_int_equal(vfu_client_read(client, 0, 0, data, 8), -EPERM);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(vfu_client_read(client, 0, 0, data, 8), -EIO);
	assert_int_equal(vfu_client_alive(client), 0);
	vfu_client_close(client);
	bad_stop(test);
}

/* Bad versions */

static void version_silent(struct test *test, int fd)
{
	struct vfu_header header;

	(void)test;
	take(fd, &header);
	take(fd, &header);
}

static void version_new(struct test *test, int fd)
{
	struct vfu_version version = { 1, 0 };
	struct vfu_header header;

	(void)test;
	if (take(fd, &header))
		answer(fd, header, &version, sizeof(version));
	take(fd, &header);
}

static void version_short(struct test *test, int fd)
{
	struct vfu_header header;

	(void)test;
	if (take(fd, &header))
		answer(fd, header, "x", 1);
	take(fd, &header);
}

static void version_error(struct test *test, int fd)
{
	struct vfu_header header;

	(void)test;
	if (!take(fd, &header))
		return;
	header.flags = VFU_TYPE_REPLY | VFU_FLAG_ERROR;
	header.size = sizeof(header);
	header.error = EBUSY;
	send(fd, &header, sizeof(header), MSG_NOSIGNAL);
}

static void test_bad_versions(void **state)
{
	static const struct {
		void (*script)(struct test *test, int fd);
		int err;
	} cases[] = { { version_silent, -ETIMEDOUT },
		      { version_new, -ENOTSUP },
		      { version_short, -EPROTO },
		      { version_error, -EBUSY } };
	struct test *test = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vfu_client *client;

		bad_start(test, cases[i].script);
		assert_int_equal(vfu_client_connect(test->path, TIMEOUT_MS, &client), cases[i].err);
		bad_stop(test);
	}
}

/** answer_fds() - an answer with descriptors beside it */
static void answer_fds(int fd, struct vfu_header header, void *body, size_t len, int pass,
		       unsigned int n)
{
	struct iovec iov[2] = { { &header, sizeof(header) }, { body, len } };
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };
	union descriptors_room room;
	int fds[8];

	header.flags = VFU_TYPE_REPLY;
	header.size = (uint32_t)(sizeof(header) + len);
	for (unsigned int i = 0; i < n; i++)
		fds[i] = pass;
	descriptors_put(&message, &room, fds, n);
	sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* Region infos with a descriptor and invalid capabilities */
static void bad_regions(struct test *test, int fd)
{
	struct {
		struct vfu_region_info info;
		struct vfu_sparse_mmap sparse;
		uint64_t areas[2 * 32];
	} body;
	int memory = memfd_create("region", MFD_CLOEXEC);
	struct vfu_header header;

	(void)test;
	if (!agree(fd))
		goto out;
	for (unsigned int i = 0; take(fd, &header); i++) {
		memset(&body, 0, sizeof(body));
		body.info = (struct vfu_region_info){
			.argsz = sizeof(body),
			.flags = VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS,
			.cap_offset = sizeof(body.info),
			.size = 0x10000,
		};
		body.sparse = (struct vfu_sparse_mmap){ .id = VFIO_REGION_INFO_CAP_SPARSE_MMAP,
							.version = 1,
							.nr_areas = 1,
							.size = 0x1000 };
		switch (i) {
		case 0: /* outside the region */
			body.sparse.offset = 0x10000;
			break;
		case 1: /* runs over */
			body.sparse.offset = 0xfffffffffffff000;
			body.sparse.size = 0x2000;
			break;
		case 2: /* nothing */
			body.sparse.size = 0;
			break;
		case 3: /* not of pages */
			body.sparse.offset = 0x10;
			break;
		case 4: /* more than there is */
			body.sparse.nr_areas = UINT32_MAX;
			break;
		case 5: /* more than are taken */
			body.sparse.nr_areas = 33;
			break;
		case 6: /* a chain without an end */
			body.sparse.id = 99;
			body.sparse.next = sizeof(body.info);
			break;
		case 7: /* outside the answer */
			body.info.cap_offset = 0x7fffffff;
			break;
		case 8: /* cut off */
			body.info.cap_offset = sizeof(body) - 8;
			body.areas[2 * 32 - 1] = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
			break;
		case 9: /* not aligned */
			body.info.cap_offset = 33;
			break;
		default:
			break;
		}
		answer_fds(fd, header, &body, sizeof(body), memory, i == 10 ? 8 : 1);
	}
out:
	close(memory);
}

static void test_bad_regions(void **state)
{
	struct test *test = *state;
	struct vfu_client_region region;
	struct vfu_client *client;

	bad_start(test, bad_regions);
	assert_int_equal(vfu_client_connect(test->path, TIMEOUT_MS, &client), 0);
	for (unsigned int i = 0; i < 10; i++) {
		assert_int_equal(vfu_client_region(client, 0, &region), -EPROTO);
		assert_int_equal(region.fd, -1);
	}
	/* With more descriptors than there should be: one is kept, and good. */
	assert_int_equal(vfu_client_region(client, 0, &region), 0);
	assert_true(region.fd >= 0);
	close(region.fd);
	/* It says that it is another region. */
	assert_int_equal(vfu_client_region(client, 1, &region), -EPROTO);
	vfu_client_close(client);
	bad_stop(test);
}

/** deaf() - reads nothing, so posted writes fill the socket */
static void deaf(struct test *test, int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLRDHUP };

	(void)test;
	if (agree(fd))
		poll(&pollfd, 1, 20000);
}

static void test_server_that_reads_nothing(void **state)
{
	struct test *test = *state;
	struct vfu_client *client;
	uint64_t start;
	int err = 0;

	bad_start(test, deaf);
	assert_int_equal(vfu_client_connect(test->path, TIMEOUT_MS, &client), 0);
	start = now_ms();
	for (unsigned int i = 0; i < 1000000 && !err; i++)
		err = vfu_client_post(client, 0, 0, i);
	assert_int_equal(err, -ETIMEDOUT);
	assert_true(now_ms() - start < 10 * TIMEOUT_MS);
	assert_int_equal(vfu_client_post(client, 0, 0, 0), -ENODEV);
	vfu_client_close(client);
	bad_stop(test);
}

static uint32_t next_random(struct test *test)
{
	test->random = test->random * 1664525 + 1013904223;
	return test->random >> 8;
}

/** babble() - answers with a nearly right header and a random body */
static void babble(struct test *test, int fd)
{
	struct vfu_header header;
	uint8_t body[512];

	if (!agree(fd))
		return;
	while (take(fd, &header)) {
		uint32_t len = next_random(test) % sizeof(body);

		for (uint32_t i = 0; i < len; i++)
			body[i] = (uint8_t)next_random(test);
		if (len >= 12)
			memcpy(body + 8, "\0\0\0\0", 4); /* region 0, if it is a region */
		header.flags = VFU_TYPE_REPLY;
		header.size = (uint32_t)sizeof(header) + len;
		if (next_random(test) % 8 == 0)
			((uint8_t *)&header)[next_random(test) % 16] = (uint8_t)next_random(test);
		answer_fds(fd, header, body, len, fd, 1 + next_random(test) % 4);
		if (next_random(test) % 16 == 0)
			return;
	}
}

static void test_random_answers(void **state)
{
	struct test *test = *state;
	unsigned int connected = 0;

	for (unsigned int round = 0; round < 500; round++) {
		struct vfu_client_region region;
		struct vfu_client *client;
		uint32_t a, b;
		uint8_t data[16];
		int err;

		test->random = round;
		bad_start(test, babble);
		/* Short, as many answers do not come; a busy machine may be slower than that. */
		err = vfu_client_connect(test->path, 50, &client);
		if (err) {
			assert_int_equal(err, -ETIMEDOUT);
			bad_stop(test);
			continue;
		}
		connected++;
		for (unsigned int i = 0; i < 20 && !vfu_client_alive(client); i++) {
			switch (i % 5) {
			case 0:
				if (!vfu_client_region(client, 0, &region) && region.fd >= 0)
					close(region.fd);
				break;
			case 1:
				vfu_client_read(client, 0, 0, data, sizeof(data));
				break;
			case 2:
				vfu_client_info(client, &a, &b);
				break;
			case 3:
				vfu_client_dma_map(client, 0, 4096, 0, 0);
				break;
			default:
				vfu_client_dma_unmap(client, 0, 4096);
				break;
			}
		}
		vfu_client_close(client);
		bad_stop(test);
	}
	assert_true(connected > 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_device, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unsealed_file_is_not_mapped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_posted_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_regions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_that_reads_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_answers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
