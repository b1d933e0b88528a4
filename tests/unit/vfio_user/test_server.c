/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vfio-user server, as a client on its socket sees it. The device behind it records what is
 * requested of it; every test ends with the check that no file descriptor is left open.
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
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../range.h"
#include "base/compat.h"
#include "base/log.h"
#include "process.h"
#include "vfio_user/descriptors.h"
#include "vfio_user/message.h"
#include "vfio_user/server.h"

#define VECTORS     40u
#define BAR0_SIZE   0x10000u
#define BAR2_SIZE   0x8000u /* parts of which can be mapped */
#define BAR4_SIZE   0x4000u /* likewise, for a client that asks */
#define CONFIG_SIZE 256u
#define BIG_SIZE    0x100000u /* region 5: for large transfers */

/* The version that QEMU proposes (10.1 and later) */
static const char qemu_version[] =
	"{\"capabilities\": {\"migration\": {\"max_bitmap_size\": 268435456, \"pgsize\": 4096}, "
	"\"max_msg_fds\": 16, \"max_data_xfer_size\": 1048576, \"pgsizes\": 4096, "
	"\"max_dma_maps\": 65535, \"write_multiple\": true}}";

static const char our_capabilities[] =
	"{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":65536,"
	"\"pgsizes\":4096,\"max_dma_maps\":4096,\"write_multiple\":true}}";

struct test {
	char folder[64], path[96];
	unsigned int fds_before;
	struct vfu_config config;
	struct vfu_server *server;
	int client;
	int bar_fd;
	/* What has been requested of the device */
	unsigned int reads, writes, maps, unmaps, unmap_alls, resets, quiesces, attached, detached;
	struct {
		unsigned int region;
		uint64_t offset;
		size_t len;
		uint64_t value;
	} write;
	struct {
		uint64_t iova, size, offset, content;
		unsigned int access;
		bool with_fd;
	} map;
	uint64_t sequence; /* expected value of the next write */
	bool in_sequence;
	int answer; /* of the device, 0 or -errno */
	void (*on_write)(struct test *);
	void (*on_quiesce)(struct test *);
};

static atomic_uint warnings, notices;

static void count_warnings(enum log_level level, const char *message)
{
	if (getenv("VERBOSE"))
		fprintf(stderr, "%d %s\n", (int)level, message);
	if (level <= LOG_NOTICE)
		atomic_fetch_add(&notices, 1);
	if (level <= LOG_WARNING)
		atomic_fetch_add(&warnings, 1);
}

static int device_read(void *ctx, unsigned int region, uint64_t offset, void *data, size_t len)
{
	struct test *test = ctx;

	test->reads++;
	/* A pattern that shows every misplaced byte */
	for (size_t i = 0; i < len && !test->answer; i++)
		((uint8_t *)data)[i] = (uint8_t)((offset + i) * 7 + ((offset + i) >> 8) + region);
	return test->answer;
}

static int device_write(void *ctx, unsigned int region, uint64_t offset, const void *data,
			size_t len)
{
	struct test *test = ctx;

	test->write.region = region;
	test->write.offset = offset;
	test->write.len = len;
	test->write.value = 0;
	memcpy(&test->write.value, data, len < 8 ? len : 8);
	if (test->write.value != test->sequence++)
		test->in_sequence = false;
	test->writes++;
	if (test->on_write)
		test->on_write(test);
	return test->answer;
}

static int device_dma_map(void *ctx, uint64_t iova, uint64_t size, int fd, uint64_t offset,
			  unsigned int access)
{
	struct test *test = ctx;

	test->maps++;
	test->map.iova = iova;
	test->map.size = size;
	test->map.offset = offset;
	test->map.access = access;
	test->map.with_fd = fd >= 0;
	test->map.content = 0;
	if (fd >= 0 && pread(fd, &test->map.content, 8, (off_t)offset) < 0)
		return -errno;
	return test->answer;
}

static int device_dma_unmap(void *ctx, uint64_t iova, uint64_t size)
{
	struct test *test = ctx;

	test->unmaps++;
	return iova == test->map.iova && size == test->map.size ? test->answer : -ENOENT;
}

static void device_dma_unmap_all(void *ctx)
{
	((struct test *)ctx)->unmap_alls++;
}

static void device_reset(void *ctx)
{
	((struct test *)ctx)->resets++;
}

static void device_quiesce(void *ctx)
{
	struct test *test = ctx;

	test->quiesces++;
	if (test->on_quiesce)
		test->on_quiesce(test);
}

static void device_attached(void *ctx)
{
	((struct test *)ctx)->attached++;
}

static void device_detached(void *ctx)
{
	((struct test *)ctx)->detached++;
}

static const struct vfu_ops ops = {
	.read = device_read,
	.write = device_write,
	.dma_map = device_dma_map,
	.dma_unmap = device_dma_unmap,
	.dma_unmap_all = device_dma_unmap_all,
	.reset = device_reset,
	.quiesce = device_quiesce,
	.attached = device_attached,
	.detached = device_detached,
};

/* A file in memory that begins with a number */
static int file_new(uint64_t content, size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(pwrite(fd, &content, sizeof(content), 0), sizeof(content));
	return fd;
}

static int eventfd_new(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* What has been signalled since the last check */
static uint64_t eventfd_take(int fd)
{
	uint64_t value;

	return read(fd, &value, sizeof(value)) == sizeof(value) ? value : 0;
}

/* Let the server do all that it can do now; returns how often it was called */
static unsigned int serve(struct test *test)
{
	struct pollfd poll_fd = { .fd = vfu_server_fd(test->server), .events = POLLIN };
	unsigned int n = 0;

	for (; poll(&poll_fd, 1, 0) > 0; n++) {
		assert_true(n < 100000);
		vfu_server_serve(test->server);
	}
	return n;
}

/* Serve until so many descriptors are open: the server closes its client's on another thread */
static void await_fds(struct test *test, unsigned int n)
{
	for (unsigned int i = 0; count_fds() != n && i < PATIENCE_MS; i++) {
		serve(test);
		pause_us(1000);
	}
	assert_int_equal(count_fds(), n);
}

static size_t put_message(uint8_t *to, uint16_t id, uint16_t command, uint32_t flags,
			  const void *body, size_t len)
{
	struct vfu_header header = { .id = id,
				     .command = command,
				     .size = (uint32_t)(sizeof(header) + len),
				     .flags = flags };

	memcpy(to, &header, sizeof(header));
	if (len)
		memcpy(to + sizeof(header), body, len);
	return sizeof(header) + len;
}

/* Send bytes, with descriptors */
static void send_bytes(int fd, const void *data, size_t len, const int *fds, unsigned int n)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	union descriptors_room room;

	descriptors_put(&message, &room, fds, n);
	assert_int_equal(sendmsg(fd, &message, MSG_NOSIGNAL), (ssize_t)len);
}

static uint16_t next_id;

/* Send a command; its ID */
static uint16_t ask(int fd, uint16_t command, uint32_t flags, const void *body, size_t len,
		    const int *fds, unsigned int n)
{
	static uint8_t message[VFU_MESSAGE_MAX];

	len = put_message(message, ++next_id, command, flags, body, len);
	send_bytes(fd, message, len, fds, n);
	return next_id;
}

/* Receive a reply; its error, and its body in @body if it has exactly @len bytes */
static int answer(int fd, uint16_t id, uint16_t command, void *body, size_t len, int *got_fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct vfu_header header;
	struct iovec iov = { .iov_base = &header, .iov_len = sizeof(header) };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	assert_int_equal(recvmsg(fd, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC), sizeof(header));
	assert_int_equal(header.id, id);
	assert_int_equal(header.command, command);
	if (got_fd)
		*got_fd = -1;
	if (CMSG_FIRSTHDR(&message)) {
		assert_non_null(got_fd);
		memcpy(got_fd, CMSG_DATA(&control.header), sizeof(int));
	}
	if (header.flags & VFU_FLAG_ERROR) {
		assert_int_equal(header.flags, VFU_TYPE_REPLY | VFU_FLAG_ERROR);
		assert_int_equal(header.size, sizeof(header));
		assert_true(header.error > 0 && header.error < 4096);
		return (int)header.error;
	}
	assert_int_equal(header.flags, VFU_TYPE_REPLY);
	assert_int_equal(header.error, 0);
	assert_int_equal(header.size, sizeof(header) + len);
	if (len)
		assert_int_equal(recv(fd, body, len, MSG_WAITALL), (ssize_t)len);
	return 0;
}

/* Let the server work until there is something to read from @fd; it may wait for its closer */
static void serve_until_readable(struct test *test, int fd)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
				{ .fd = vfu_server_fd(test->server), .events = POLLIN } };

	do
		serve(test);
	while (poll(fds, 2, PATIENCE_MS) > 0 && !fds[0].revents);
	assert_true(fds[0].revents);
}

/* Send a command, let the server work, receive the reply */
static int call_fds(struct test *test, uint16_t command, const void *body, size_t len, void *reply,
		    size_t reply_len, const int *fds, unsigned int n, int *got_fd)
{
	uint16_t id = ask(test->client, command, 0, body, len, fds, n);

	serve_until_readable(test, test->client);
	return answer(test->client, id, command, reply, reply_len, got_fd);
}

static int call(struct test *test, uint16_t command, const void *body, size_t len, void *reply,
		size_t reply_len)
{
	return call_fds(test, command, body, len, reply, reply_len, NULL, 0, NULL);
}

/* Has nothing arrived, and is the connection still open? */
static bool silent(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* Has the server closed the connection? Reads what it had sent */
static bool gone(int fd)
{
	char bytes[4096];
	ssize_t n;

	do
		n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	while (n > 0);
	return n == 0 || errno == ECONNRESET;
}

/* The server's answer to a VERSION, with its capabilities in @json */
static int version_of(struct test *test, int fd, uint16_t major, const char *data, size_t len,
		      char json[512])
{
	uint8_t body[1024], reply[512];
	struct vfu_version version = { .major = major, .minor = 0 };
	struct vfu_header header;
	uint16_t id;

	memcpy(body, &version, sizeof(version));
	if (len)
		memcpy(body + sizeof(version), data, len);
	id = ask(fd, VFU_CMD_VERSION, 0, body, sizeof(version) + len, NULL, 0);
	serve_until_readable(test, fd);
	assert_int_equal(recv(fd, &header, sizeof(header), MSG_PEEK | MSG_WAITALL), sizeof(header));
	assert_true(header.size - sizeof(header) < sizeof(reply));
	if (answer(fd, id, VFU_CMD_VERSION, reply, header.size - sizeof(header), NULL))
		return (int)header.error;
	memcpy(&version, reply, sizeof(version));
	assert_int_equal(version.major, 0);
	assert_int_equal(version.minor, 0);
	assert_int_equal(reply[header.size - sizeof(header) - 1], 0);
	if (json)
		strcpy(json, (char *)reply + sizeof(version));
	return 0;
}

static void attach_with(struct test *test, const char *json)
{
	test->client = connect_to(test->path);
	assert_int_equal(version_of(test, test->client, 0, json, strlen(json) + 1, NULL), 0);
	assert_true(vfu_server_busy(test->server));
}

/* The client leaves, and the server has noticed */
static void detach(struct test *test)
{
	close(test->client);
	test->client = -1;
	for (unsigned int i = 0; vfu_server_busy(test->server) && i < 5000; i++) {
		serve(test);
		poll(NULL, 0, vfu_server_busy(test->server));
	}
	assert_false(vfu_server_busy(test->server));
}

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));
	struct vfu_region *regions = test->config.regions;

	log_set(count_warnings, LOG_DEBUG);
	test->fds_before = count_fds();
	test->in_sequence = true;
	strcpy(test->folder, "/tmp/test-vfio-user-XXXXXX");
	assert_non_null(mkdtemp(test->folder));
	snprintf(test->path, sizeof(test->path), "%s/socket", test->folder);
	test->bar_fd = file_new(0xb0a2, BAR2_SIZE);
	for (unsigned int i = 0; i < VFU_REGION_COUNT; i++)
		regions[i].mmap_fd = -1;
	regions[0] = (struct vfu_region){ BAR0_SIZE, true, true, -1, 0, 0, false };
	regions[1] = (struct vfu_region){ 0x1000, true, false, -1, 0, 0, false };
	regions[2] =
		(struct vfu_region){ BAR2_SIZE, true, true, test->bar_fd, 0x1000, 0x2000, false };
	regions[3] = (struct vfu_region){ 0x1000, false, true, -1, 0, 0, false };
	regions[4] = (struct vfu_region){ BAR4_SIZE, true, true, test->bar_fd, 0, BAR4_SIZE, true };
	regions[5] = (struct vfu_region){ BIG_SIZE, true, true, -1, 0, 0, false };
	regions[VFU_REGION_CONFIG] =
		(struct vfu_region){ CONFIG_SIZE, true, true, -1, 0, 0, false };
	test->config.path = test->path;
	test->config.irqs[VFU_IRQ_MSIX] = VECTORS;
	test->config.irqs[0] = 1;
	test->config.ops = &ops;
	test->config.ctx = test;
	assert_int_equal(vfu_server_open(&test->config, &test->server), 0);
	attach_with(test, qemu_version);
	assert_int_equal(test->attached, 1);
	atomic_store(&warnings, 0);
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;
	struct stat st;

	if (test->client >= 0)
		close(test->client);
	vfu_server_close(test->server);
	close(test->bar_fd);
	assert_int_equal(test->attached, test->detached);
	assert_int_equal(lstat(test->path, &st), -1);
	assert_int_equal(rmdir(test->folder), 0);
	fds_left(test->fds_before);
	log_set(NULL, LOG_ERROR);
	free(test);
	return 0;
}

static const struct vfu_device_info info_asked = { .argsz = 16 };

/* Does the server still serve its client? */
static void check_served(struct test *test)
{
	struct vfu_device_info info;

	assert_int_equal(call(test, VFU_CMD_DEVICE_GET_INFO, &info_asked, sizeof(info_asked), &info,
			      sizeof(info)),
			 0);
	assert_int_equal(info.num_regions, 9);
}

/* ---- Version ---- */

static void version_is_negotiated(void **state)
{
	struct test *test = *state;
	char json[512];

	assert_int_equal(test->attached, 1);
	assert_true(silent(test->client));
	detach(test);
	assert_int_equal(test->detached, 1);

	test->client = connect_to(test->path);
	serve(test);
	assert_false(vfu_server_busy(test->server));
	assert_int_equal(
		version_of(test, test->client, 0, qemu_version, sizeof(qemu_version), json), 0);
	assert_int_equal(test->attached, 2);
	/* QEMU takes a reply as long as its own message, and refuses more than 16 descriptors */
	assert_true(strlen(json) <= strlen(qemu_version));
	assert_string_equal(json, our_capabilities);
}

static void bad_versions(void **state)
{
	struct test *test = *state;
	struct vfu_version later = { 0, 7 };
	uint8_t reply[512];

	/* Twice */
	assert_int_equal(version_of(test, test->client, 0, NULL, 0, NULL), EINVAL);
	check_served(test);
	detach(test);

	test->client = connect_to(test->path);
	assert_int_equal(version_of(test, test->client, 1, NULL, 0, NULL), ENOTSUP);
	assert_int_equal(version_of(test, test->client, 0xffff, NULL, 0, NULL), ENOTSUP);
	/* JSON that does not end */
	assert_int_equal(version_of(test, test->client, 0, "{}", 2, NULL), EINVAL);
	/* Too short */
	assert_int_equal(call(test, VFU_CMD_VERSION, &later, 3, NULL, 0), EINVAL);
	assert_int_equal(call(test, VFU_CMD_VERSION, NULL, 0, NULL, 0), EINVAL);
	assert_int_equal(test->attached, 1);
	/* None of that hurts; a later minor version is answered with ours */
	assert_int_equal(call(test, VFU_CMD_VERSION, &later, sizeof(later), reply,
			      sizeof(later) + sizeof(our_capabilities)),
			 0);
	assert_memory_equal(reply, "\0\0\0\0", 4);
	assert_int_equal(test->attached, 2);
	check_served(test);
}

/* Unusual JSON: what is not understood counts as absent */
static void odd_capabilities(void **state)
{
	static const struct {
		const char *json;
		bool mappable;
		uint32_t largest; /* read */
	} tries[] = {
		{ "", true, 65536 },
		{ "{", true, 65536 },
		{ "\"max_msg_fds\"", true, 65536 },
		{ "\"max_msg_fds\":", true, 65536 },
		{ "{\"capabilities\":{\"max_msg_fds\":0}}", false, 65536 },
		{ "{\"capabilities\":{\"max_msg_fds\" \t:\n 0 }}", false, 65536 },
		{ "{\"max_msg_fds\":-1}", true, 65536 },
		{ "{\"max_msg_fds\":\"0\"}", true, 65536 },
		{ "{\"max_data_xfer_size\":100}", true, 100 },
		{ "{\"max_data_xfer_size\":0}", true, 0 },
		{ "{\"max_data_xfer_size\":99999999999999999999999999}", true, 65536 },
		{ "{\"max_data_xfer_size\":18446744073709551615}", true, 65536 },
		{ "{\"max_data_xfer_size\":18446744073709551616}", true, 65536 },
	};
	struct test *test = *state;
	static uint8_t reply[sizeof(struct vfu_region_access) + VFU_DATA_MAX];

	for (unsigned int i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct vfu_region_info info = { .argsz = sizeof(info), .index = 2 };
		struct vfu_region_access access = { .region = 5, .count = tries[i].largest };

		detach(test);
		attach_with(test, tries[i].json);
		assert_int_equal(call(test, VFU_CMD_DEVICE_GET_REGION_INFO, &info, sizeof(info),
				      &info, sizeof(info)),
				 0);
		/* Room for the capability is asked for where there is one */
		assert_int_equal(info.argsz > sizeof(info), tries[i].mappable);
		if (access.count)
			assert_int_equal(call(test, VFU_CMD_REGION_READ, &access, sizeof(access),
					      reply, sizeof(access) + access.count),
					 0);
		access.count++;
		assert_int_equal(call(test, VFU_CMD_REGION_READ, &access, sizeof(access), NULL, 0),
				 EINVAL);
	}
}

static void nothing_is_served_before_version(void **state)
{
	struct test *test = *state;
	uint8_t body[64] = { 64 };
	int file = file_new(1, 4096);

	detach(test);
	test->client = connect_to(test->path);
	for (uint16_t command = 2; command < VFU_CMD_COUNT; command++) {
		int error = call_fds(test, command, body, sizeof(body), NULL, 0, &file,
				     command == VFU_CMD_DMA_MAP, NULL);

		assert_true(error == EINVAL || error == ENOTSUP);
	}
	assert_int_equal(test->reads + test->writes + test->maps + test->unmaps + test->resets, 0);
	assert_false(vfu_server_busy(test->server));
	assert_int_equal(version_of(test, test->client, 0, NULL, 0, NULL), 0);
	check_served(test);
	close(file);
}

/* ---- What the device is ---- */

static void device_info(void **state)
{
	struct test *test = *state;
	struct vfu_device_info info = { .argsz = 15 };

	assert_int_equal(call(test, VFU_CMD_DEVICE_GET_INFO, &info, sizeof(info), NULL, 0), EINVAL);
	info.argsz = 1000;
	assert_int_equal(call(test, VFU_CMD_DEVICE_GET_INFO, &info, 15, NULL, 0), EINVAL);
	assert_int_equal(
		call(test, VFU_CMD_DEVICE_GET_INFO, &info, sizeof(info), &info, sizeof(info)), 0);
	assert_int_equal(info.argsz, 16);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI);
	assert_int_equal(info.num_regions, 9);
	assert_int_equal(info.num_irqs, 5);
}

struct region_answer {
	struct vfu_region_info info;
	struct vfu_sparse_mmap sparse;
};

static void region_info(void **state)
{
	struct test *test = *state;
	struct vfu_region_info info;

	for (uint32_t i = 0; i < VFU_REGION_COUNT; i++) {
		const struct vfu_region *region = &test->config.regions[i];

		if (i == 2)
			continue;
		info = (struct vfu_region_info){ .argsz = 64, .index = i };
		assert_int_equal(call(test, VFU_CMD_DEVICE_GET_REGION_INFO, &info, sizeof(info),
				      &info, sizeof(info)),
				 0);
		assert_int_equal(info.argsz, 32);
		assert_int_equal(info.index, i);
		assert_int_equal(info.size, region->size);
		assert_int_equal(info.offset, 0);
		assert_int_equal(info.cap_offset, 0);
		assert_int_equal(info.flags,
				 (region->readable ? VFIO_REGION_INFO_FLAG_READ : 0) |
					 (region->writable ? VFIO_REGION_INFO_FLAG_WRITE : 0));
	}
	info = (struct vfu_region_info){ .argsz = 32, .index = VFU_REGION_COUNT };
	assert_int_equal(call(test, VFU_CMD_DEVICE_GET_REGION_INFO, &info, 32, NULL, 0), EINVAL);
	info.index = UINT32_MAX;
	assert_int_equal(call(test, VFU_CMD_DEVICE_GET_REGION_INFO, &info, 32, NULL, 0), EINVAL);
	info = (struct vfu_region_info){ .argsz = 31 };
	assert_int_equal(call(test, VFU_CMD_DEVICE_GET_REGION_INFO, &info, 32, NULL, 0), EINVAL);
	info.argsz = 32;
	assert_int_equal(call(test, VFU_CMD_DEVICE_GET_REGION_INFO, &info, 31, NULL, 0), EINVAL);
}

static void check_mapping(int fd, const struct region_answer *got)
{
	uint64_t *memory;

	assert_int_equal(got->info.argsz, sizeof(*got));
	assert_int_equal(got->info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
						  VFIO_REGION_INFO_FLAG_MMAP |
						  VFIO_REGION_INFO_FLAG_CAPS);
	assert_int_equal(got->info.cap_offset, 32);
	assert_int_equal(got->sparse.id, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
	assert_int_equal(got->sparse.version, 1);
	assert_int_equal(got->sparse.next, 0);
	assert_int_equal(got->sparse.nr_areas, 1);
	/* The area is where the reply says */
	assert_true(fd >= 0);
	memory = mmap(NULL, got->sparse.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		      (off_t)(got->info.offset + got->sparse.offset));
	assert_ptr_not_equal(memory, MAP_FAILED);
	memory[0] = 0x1234;
	munmap(memory, got->sparse.size);
	close(fd);
}

static void region_that_can_be_mapped(void **state)
{
	struct test *test = *state;
	struct vfu_region_info info = { .argsz = 32, .index = 2 };
	struct region_answer got;
	uint64_t value;
	int fd;

	/* First without room for the capability: how much it takes */
	assert_int_equal(call_fds(test, VFU_CMD_DEVICE_GET_REGION_INFO, &info, sizeof(info), &info,
				  sizeof(info), NULL, 0, &fd),
			 0);
	assert_int_equal(fd, -1);
	assert_int_equal(info.argsz, sizeof(got));
	assert_int_equal(info.cap_offset, 0);
	assert_int_equal(info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	assert_int_equal(call_fds(test, VFU_CMD_DEVICE_GET_REGION_INFO, &info, sizeof(info), &got,
				  sizeof(got), NULL, 0, &fd),
			 0);
	assert_int_equal(got.sparse.offset, 0x1000);
	assert_int_equal(got.sparse.size, 0x2000);
	check_mapping(fd, &got);
	assert_int_equal(pread(test->bar_fd, &value, 8, 0x1000), 8);
	assert_int_equal(value, 0x1234);

	/* A region for clients that ask for it */
	detach(test);
	attach_with(test, "{\"capabilities\":{\"region_mmap\":false}}");
	info = (struct vfu_region_info){ .argsz = 64, .index = 4 };
	assert_int_equal(call(test, VFU_CMD_DEVICE_GET_REGION_INFO, &info, sizeof(info), &info,
			      sizeof(info)),
			 0);
	assert_int_equal(info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	detach(test);
	attach_with(test, "{\"capabilities\":{\"region_mmap\": true}}");
	info = (struct vfu_region_info){ .argsz = 64, .index = 4 };
	assert_int_equal(call_fds(test, VFU_CMD_DEVICE_GET_REGION_INFO, &info, sizeof(info), &got,
				  sizeof(got), NULL, 0, &fd),
			 0);
	assert_int_equal(got.sparse.offset, 0);
	assert_int_equal(got.sparse.size, BAR4_SIZE);
	check_mapping(fd, &got);
}

/* Many at once: each such reply has its own descriptor, those between have none */
static void descriptors_among_replies(void **state)
{
	enum { COUNT = 60 };
	struct test *test = *state;
	uint8_t batch[64 * COUNT];
	size_t len = 0;

	for (uint16_t i = 0; i < COUNT; i++) {
		struct vfu_region_info info = { .argsz = 64, .index = i % 2 ? 2 : 0 };

		len += put_message(batch + len, i, VFU_CMD_DEVICE_GET_REGION_INFO, 0, &info,
				   sizeof(info));
	}
	for (unsigned int round = 0; round < 5; round++) {
		send_bytes(test->client, batch, len, NULL, 0);
		serve(test);
		for (uint16_t i = 0; i < COUNT; i++) {
			struct region_answer got;
			int fd;

			assert_int_equal(answer(test->client, i, VFU_CMD_DEVICE_GET_REGION_INFO,
						&got, i % 2 ? 64 : 32, &fd),
					 0);
			assert_int_equal(fd >= 0, i % 2);
			if (i % 2)
				check_mapping(fd, &got);
		}
	}
	assert_true(silent(test->client));

	/* A client that never reads them is dropped before many are in flight */
	for (unsigned int i = 0; vfu_server_busy(test->server); i++) {
		assert_true(i < 100);
		send_bytes(test->client, batch, len, NULL, 0);
		serve(test);
	}
	assert_int_equal(atomic_load(&warnings), 1);
	assert_true(count_fds() < test->fds_before + 20);
}

static void irq_info(void **state)
{
	static const uint32_t counts[VFU_IRQ_COUNT] = { 1, 0, VECTORS, 0, 0 };
	struct test *test = *state;
	struct vfu_irq_info info;

	for (uint32_t i = 0; i < VFU_IRQ_COUNT; i++) {
		info = (struct vfu_irq_info){ .argsz = 16, .index = i };
		assert_int_equal(call(test, VFU_CMD_DEVICE_GET_IRQ_INFO, &info, sizeof(info), &info,
				      sizeof(info)),
				 0);
		assert_int_equal(info.argsz, 16);
		assert_int_equal(info.index, i);
		assert_int_equal(info.count, counts[i]);
		assert_int_equal(info.flags, counts[i] ? VFIO_IRQ_INFO_EVENTFD : 0);
	}
	info = (struct vfu_irq_info){ .argsz = 16, .index = VFU_IRQ_COUNT };
	assert_int_equal(call(test, VFU_CMD_DEVICE_GET_IRQ_INFO, &info, 16, NULL, 0), EINVAL);
	info = (struct vfu_irq_info){ .argsz = 15 };
	assert_int_equal(call(test, VFU_CMD_DEVICE_GET_IRQ_INFO, &info, 16, NULL, 0), EINVAL);
}

/* ---- Reads and writes ---- */

struct access_try {
	struct vfu_region_access access;
	int read, write; /* errors */
};

static const struct access_try access_tries[] = {
	{ { 0, 0, 4 }, 0, 0 },
	{ { 1, 0, 8 }, 0, 0 },
	{ { BAR0_SIZE - 8, 0, 8 }, 0, 0 },
	{ { BAR0_SIZE - 8, 0, 9 }, EINVAL, EINVAL },
	{ { BAR0_SIZE, 0, 1 }, EINVAL, EINVAL },
	{ { BAR0_SIZE, 0, 0 }, EINVAL, EINVAL },
	{ { 0, 0, 0 }, EINVAL, EINVAL },
	{ { UINT64_MAX, 0, 1 }, EINVAL, EINVAL },
	{ { UINT64_MAX - 3, 0, 8 }, EINVAL, EINVAL },
	{ { 0, 1, 4 }, 0, EACCES },
	{ { 0, 3, 4 }, EACCES, 0 },
	{ { 0, 6, 4 }, EINVAL, EINVAL }, /* there is no ROM */
	{ { 0, VFU_REGION_CONFIG, CONFIG_SIZE }, 0, 0 },
	{ { 4, VFU_REGION_CONFIG, CONFIG_SIZE }, EINVAL, EINVAL },
	{ { 0, VFU_REGION_COUNT, 4 }, EINVAL, EINVAL },
	{ { 0, UINT32_MAX, 4 }, EINVAL, EINVAL },
	{ { 0x1234, 5, VFU_DATA_MAX }, 0, 0 },
	{ { 0, 5, VFU_DATA_MAX + 1 }, EINVAL, EINVAL },
	{ { 0, 5, UINT32_MAX }, EINVAL, EINVAL },
};
#define ACCESS_TRIES (sizeof(access_tries) / sizeof(access_tries[0]))

static void reads(void **state)
{
	static uint8_t reply[sizeof(struct vfu_region_access) + VFU_DATA_MAX];
	struct test *test = *state;

	for (unsigned int i = 0; i < ACCESS_TRIES; i++) {
		const struct vfu_region_access *access = &access_tries[i].access;
		unsigned int before = test->reads;
		int error = call(test, VFU_CMD_REGION_READ, access, sizeof(*access), reply,
				 sizeof(*access) + access->count);

		assert_int_equal(error, access_tries[i].read);
		assert_int_equal(test->reads - before, !error);
		if (error)
			continue;
		assert_memory_equal(reply, access, sizeof(*access));
		for (uint32_t n = 0; n < access->count; n++) {
			uint64_t at = access->offset + n;

			assert_int_equal(reply[sizeof(*access) + n],
					 (uint8_t)(at * 7 + (at >> 8) + access->region));
		}
	}
	/* The device's own error; a body too short; a read that requests no reply */
	test->answer = -EIO;
	assert_int_equal(call(test, VFU_CMD_REGION_READ, &access_tries[0].access, 16, NULL, 0),
			 EIO);
	test->answer = 0;
	assert_int_equal(call(test, VFU_CMD_REGION_READ, &access_tries[0].access, 15, NULL, 0),
			 EINVAL);
	ask(test->client, VFU_CMD_REGION_READ, VFU_FLAG_NO_REPLY, &access_tries[0].access, 16, NULL,
	    0);
	serve(test);
	assert_true(silent(test->client));
	check_served(test);
}

static void writes(void **state)
{
	static uint8_t body[sizeof(struct vfu_region_access) + VFU_DATA_MAX];
	struct test *test = *state;

	memset(body, 0x5c, sizeof(body));
	for (unsigned int i = 0; i < ACCESS_TRIES; i++) {
		const struct vfu_region_access *access = &access_tries[i].access;
		size_t len = access->count <= VFU_DATA_MAX ? access->count : VFU_DATA_MAX;
		unsigned int before = test->writes;
		struct vfu_region_access reply;
		int error;

		memcpy(body, access, sizeof(*access));
		error = call(test, VFU_CMD_REGION_WRITE, body, sizeof(*access) + len, &reply,
			     sizeof(reply));
		assert_int_equal(error, access_tries[i].write);
		assert_int_equal(test->writes - before, !error);
		if (error)
			continue;
		assert_memory_equal(&reply, access, sizeof(*access));
		assert_int_equal(test->write.region, access->region);
		assert_int_equal(test->write.offset, access->offset);
		assert_int_equal(test->write.len, access->count);
	}
	/* A count that is not the length of the data */
	memcpy(body, &(struct vfu_region_access){ 0, 0, 8 }, 16);
	assert_int_equal(call(test, VFU_CMD_REGION_WRITE, body, 16 + 7, NULL, 0), EINVAL);
	assert_int_equal(call(test, VFU_CMD_REGION_WRITE, body, 16 + 9, NULL, 0), EINVAL);
	assert_int_equal(call(test, VFU_CMD_REGION_WRITE, body, 16, NULL, 0), EINVAL);
	assert_int_equal(call(test, VFU_CMD_REGION_WRITE, body, 15, NULL, 0), EINVAL);
	test->answer = -EPERM;
	assert_int_equal(call(test, VFU_CMD_REGION_WRITE, body, 16 + 8, NULL, 0), EPERM);
}

struct write8 {
	struct vfu_region_access access;
	uint64_t value;
};

/* Doorbells: thousands of posted writes, in order, with few calls */
static void posted_writes(void **state)
{
	enum { COUNT = 4000, SIZE = 16 + sizeof(struct write8) };
	struct test *test = *state;
	uint8_t *batch = malloc(COUNT * SIZE);
	unsigned int calls;
	size_t len = 0;

	assert_non_null(batch);
	for (uint64_t i = 0; i < COUNT; i++) {
		struct write8 write = { { 8 * (i % 64), 0, 8 }, i };

		len += put_message(batch + len, (uint16_t)i, VFU_CMD_REGION_WRITE,
				   VFU_FLAG_NO_REPLY, &write, sizeof(write));
	}
	send_bytes(test->client, batch, len, NULL, 0);
	calls = serve(test);
	assert_int_equal(test->writes, COUNT);
	assert_true(test->in_sequence);
	/* 16 KiB a call; and no call does more than that */
	assert_range(calls, COUNT * SIZE / 16384, COUNT * SIZE / 16384 + 2);
	assert_true(silent(test->client));

	/* Errors of posted writes are not sent, and logged once */
	test->answer = -EIO;
	send_bytes(test->client, batch, len, NULL, 0);
	serve(test);
	assert_true(silent(test->client));
	assert_int_equal(atomic_load(&warnings), 1);
	test->answer = 0;
	check_served(test);
	free(batch);
}

/* Errors with a reply are logged once, too */
static void complaints_are_bounded(void **state)
{
	struct test *test = *state;

	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(call(test, 99, NULL, 0, NULL, 0), ENOTSUP);
	assert_int_equal(atomic_load(&warnings), 1);
}

/* Each connection could be one line, or more: a client that comes again and again gets a few. */
static void reconnecting_does_not_flood_the_log(void **state)
{
	struct test *test = *state;

	atomic_store(&notices, 0);
	for (unsigned int i = 0; i < 2000; i++) {
		detach(test);
		attach_with(test, qemu_version);
	}
	assert_range(atomic_load(&notices), LOG_BURST, 10 * LOG_BURST);
}

static void several_writes_in_one(void **state)
{
	struct {
		uint64_t count;
		struct vfu_write_one one[200];
	} multi = { .count = 200 };
	struct test *test = *state;
	uint64_t count;

	for (uint64_t i = 0; i < 200; i++) {
		multi.one[i].at = (struct vfu_region_access){ 8 * i, 0, 8 };
		memcpy(multi.one[i].data, &i, 8);
	}
	/* As QEMU sends it */
	ask(test->client, VFU_CMD_REGION_WRITE_MULTI, VFU_FLAG_NO_REPLY, &multi, sizeof(multi),
	    NULL, 0);
	serve(test);
	assert_true(silent(test->client));
	assert_int_equal(test->writes, 200);
	assert_true(test->in_sequence);
	assert_int_equal(test->write.offset, 8 * 199);

	multi.one[1].at.count = 3;
	multi.count = 2;
	assert_int_equal(call(test, VFU_CMD_REGION_WRITE_MULTI, &multi, 8 + 48, &count, 8), 0);
	assert_int_equal(count, 2);
	assert_int_equal(test->writes, 202);
	assert_int_equal(test->write.len, 3);
	multi.count = 0;
	assert_int_equal(call(test, VFU_CMD_REGION_WRITE_MULTI, &multi, 8, &count, 8), 0);
	assert_int_equal(count, 0);

	/* Wrong counts, one of them after multiplication */
	static const uint64_t counts[] = { 0, 1, 3, UINT64_MAX, 1ull << 61, UINT64_MAX / 24 + 1 };
	for (unsigned int i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		multi.count = counts[i];
		assert_int_equal(call(test, VFU_CMD_REGION_WRITE_MULTI, &multi, 8 + 48, NULL, 0),
				 EINVAL);
	}
	multi.count = 2;
	assert_int_equal(call(test, VFU_CMD_REGION_WRITE_MULTI, &multi, 8 + 47, NULL, 0), EINVAL);
	assert_int_equal(call(test, VFU_CMD_REGION_WRITE_MULTI, &multi, 7, NULL, 0), EINVAL);
	/* One bad write: none is done */
	multi.one[1].at.count = 9;
	assert_int_equal(call(test, VFU_CMD_REGION_WRITE_MULTI, &multi, 8 + 48, NULL, 0), EINVAL);
	multi.one[1].at = (struct vfu_region_access){ BAR0_SIZE, 0, 1 };
	assert_int_equal(call(test, VFU_CMD_REGION_WRITE_MULTI, &multi, 8 + 48, NULL, 0), EINVAL);
	multi.one[1].at = (struct vfu_region_access){ 0, 1, 1 };
	assert_int_equal(call(test, VFU_CMD_REGION_WRITE_MULTI, &multi, 8 + 48, NULL, 0), EACCES);
	assert_int_equal(test->writes, 202);
	/* A write that the device refuses ends it */
	multi.one[1].at = (struct vfu_region_access){ 0, 0, 1 };
	test->answer = -EIO;
	assert_int_equal(call(test, VFU_CMD_REGION_WRITE_MULTI, &multi, 8 + 48, NULL, 0), EIO);
	assert_int_equal(test->writes, 203);
}

/* ---- Memory ---- */

static const struct vfu_dma_map good_map = { 32, 3, 4096, 0x100000, 0x3000 };

static void dma_maps(void **state)
{
	static const struct vfu_dma_map bad[] = {
		{ 31, 3, 0, 0, 4096 },       { 32, 0, 0, 0, 4096 }, { 32, 4, 0, 0, 4096 },
		{ 32, 19, 0, 0, 4096 },      { 32, 3, 0, 0, 0 },    { 32, 3, 0, UINT64_MAX, 2 },
		{ 32, 3, 0, 2, UINT64_MAX },
	};
	struct test *test = *state;
	int files[2] = { file_new(0xf11e, 8192), file_new(0, 4096) };
	unsigned int fds;

	serve(test);
	fds = count_fds();
	assert_int_equal(pwrite(files[0], "\x77", 1, 4096), 1);
	assert_int_equal(call_fds(test, VFU_CMD_DMA_MAP, &good_map, 32, NULL, 0, files, 1, NULL),
			 0);
	assert_true(test->map.with_fd);
	assert_int_equal(test->map.iova, 0x100000);
	assert_int_equal(test->map.size, 0x3000);
	assert_int_equal(test->map.offset, 4096);
	assert_int_equal(test->map.access, VFU_DMA_READ | VFU_DMA_WRITE);
	assert_int_equal(test->map.content, 0x77);
	assert_int_equal(call(test, VFU_CMD_DMA_MAP, &good_map, 32, NULL, 0), 0);
	assert_false(test->map.with_fd);
	assert_int_equal(test->maps, 2);
	test->answer = -EEXIST;
	assert_int_equal(call_fds(test, VFU_CMD_DMA_MAP, &good_map, 32, NULL, 0, files, 1, NULL),
			 EEXIST);
	test->answer = 0;
	/* All of IOVA space but its last byte: the sum does not wrap */
	assert_int_equal(call(test, VFU_CMD_DMA_MAP,
			      &(struct vfu_dma_map){ 32, 1, 0, 0, UINT64_MAX }, 32, NULL, 0),
			 0);
	assert_int_equal(test->maps, 4);

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			call_fds(test, VFU_CMD_DMA_MAP, &bad[i], 32, NULL, 0, files, 1, NULL),
			EINVAL);
	assert_int_equal(call_fds(test, VFU_CMD_DMA_MAP, &good_map, 32, NULL, 0, files, 2, NULL),
			 EINVAL);
	assert_int_equal(call_fds(test, VFU_CMD_DMA_MAP, &good_map, 31, NULL, 0, files, 1, NULL),
			 EINVAL);
	assert_int_equal(test->maps, 4);
	/* Posted, although no client does that */
	ask(test->client, VFU_CMD_DMA_MAP, VFU_FLAG_NO_REPLY, &good_map, 32, files, 1);
	serve(test);
	assert_true(silent(test->client));
	assert_int_equal(test->maps, 5);
	await_fds(test, fds);
	close(files[0]);
	close(files[1]);
}

static void dma_unmaps(void **state)
{
	struct test *test = *state;
	struct vfu_dma_unmap unmap = { 24, 0, 0x100000, 0x3000 }, reply;

	assert_int_equal(call(test, VFU_CMD_DMA_MAP, &good_map, 32, NULL, 0), 0);
	assert_int_equal(call(test, VFU_CMD_DMA_UNMAP, &unmap, 24, &reply, 24), 0);
	assert_memory_equal(&reply, &unmap, sizeof(unmap));
	assert_int_equal(test->unmaps, 1);
	unmap.size = 0x2000;
	assert_int_equal(call(test, VFU_CMD_DMA_UNMAP, &unmap, 24, NULL, 0), ENOENT);
	unmap = (struct vfu_dma_unmap){ 24, VFIO_DMA_UNMAP_FLAG_ALL, 0, 0 };
	assert_int_equal(call(test, VFU_CMD_DMA_UNMAP, &unmap, 24, &reply, 24), 0);
	assert_int_equal(test->unmap_alls, 1);
	unmap.size = 4096;
	assert_int_equal(call(test, VFU_CMD_DMA_UNMAP, &unmap, 24, NULL, 0), EINVAL);
	unmap.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	assert_int_equal(call(test, VFU_CMD_DMA_UNMAP, &unmap, 24, NULL, 0), ENOTSUP);
	unmap.flags = 1u << 31;
	assert_int_equal(call(test, VFU_CMD_DMA_UNMAP, &unmap, 24, NULL, 0), EINVAL);
	unmap = (struct vfu_dma_unmap){ 23, 0, 0x100000, 0x3000 };
	assert_int_equal(call(test, VFU_CMD_DMA_UNMAP, &unmap, 24, NULL, 0), EINVAL);
	assert_int_equal(call(test, VFU_CMD_DMA_UNMAP, &unmap, 23, NULL, 0), EINVAL);
	assert_int_equal(test->unmaps, 2);
	assert_int_equal(test->unmap_alls, 1);
}

/* ---- Interrupts ---- */

static int set_irqs(struct test *test, uint32_t flags, uint32_t index, uint32_t start,
		    uint32_t count, const int *fds, unsigned int n)
{
	struct vfu_irq_set set = { sizeof(set), flags, index, start, count };

	return call_fds(test, VFU_CMD_DEVICE_SET_IRQS, &set, sizeof(set), NULL, 0, fds, n, NULL);
}

#define EVENTFDS (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define NONE     (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)
#define BOOL     (VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER)
#define MSIX     VFU_IRQ_MSIX

static void interrupts(void **state)
{
	struct test *test = *state;
	int fds[VECTORS];
	unsigned int open_fds;

	for (unsigned int i = 0; i < VECTORS; i++)
		fds[i] = eventfd_new();
	open_fds = count_fds();

	/* As QEMU enables MSI-X: vector 0 without a descriptor, then all in parts of 16 */
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 1, NULL, 0), 0);
	for (unsigned int i = 0; i < VECTORS; i += 16) {
		unsigned int n = VECTORS - i < 16 ? VECTORS - i : 16;

		assert_int_equal(set_irqs(test, EVENTFDS, MSIX, i, n, fds + i, n), 0);
	}
	await_fds(test, open_fds + VECTORS);
	for (unsigned int i = 0; i < VECTORS; i++)
		for (unsigned int n = 0; n <= i; n++)
			vfu_irq_raise(test->server, i);
	for (unsigned int i = 0; i < VECTORS; i++)
		assert_int_equal(eventfd_take(fds[i]), i + 1);
	vfu_irq_raise(test->server, VECTORS);
	vfu_irq_raise(test->server, UINT32_MAX);

	/* The client raises them itself: a range, and those it picks */
	assert_int_equal(set_irqs(test, NONE, MSIX, 3, 2, NULL, 0), 0);
	assert_int_equal(eventfd_take(fds[2]) + eventfd_take(fds[5]), 0);
	assert_int_equal(eventfd_take(fds[3]) + eventfd_take(fds[4]), 2);
	struct {
		struct vfu_irq_set set;
		uint8_t chosen[4];
	} pick = { { 24, BOOL, MSIX, 10, 4 }, { 1, 0, 0, 0xff } };
	assert_int_equal(call(test, VFU_CMD_DEVICE_SET_IRQS, &pick, sizeof(pick), NULL, 0), 0);
	assert_int_equal(eventfd_take(fds[10]) + eventfd_take(fds[13]), 2);
	assert_int_equal(eventfd_take(fds[11]) + eventfd_take(fds[12]), 0);
	pick.set.count = 5;
	assert_int_equal(call(test, VFU_CMD_DEVICE_SET_IRQS, &pick, sizeof(pick), NULL, 0), EINVAL);

	/* A part is unset, then replaced, then all are disabled */
	assert_int_equal(test->quiesces, 0);
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 20, 10, NULL, 0), 0);
	assert_int_equal(test->quiesces, 1);
	await_fds(test, open_fds + VECTORS - 10);
	vfu_irq_raise(test->server, 20);
	vfu_irq_raise(test->server, 30);
	assert_int_equal(eventfd_take(fds[20]), 0);
	assert_int_equal(eventfd_take(fds[30]), 1);
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 30, 1, &fds[20], 1), 0);
	vfu_irq_raise(test->server, 30);
	assert_int_equal(eventfd_take(fds[30]), 0);
	assert_int_equal(eventfd_take(fds[20]), 1);
	assert_int_equal(set_irqs(test, NONE, MSIX, 0, 0, NULL, 0), 0);
	await_fds(test, open_fds);
	vfu_irq_raise(test->server, 0);
	assert_int_equal(eventfd_take(fds[0]), 0);
	/* Again, with nothing there */
	assert_int_equal(set_irqs(test, NONE, MSIX, 0, 0, NULL, 0), 0);

	/* When a client leaves, its eventfds are closed */
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 16, fds, 16), 0);
	detach(test);
	vfu_irq_raise(test->server, 0);
	assert_int_equal(eventfd_take(fds[0]), 0);
	for (unsigned int i = 0; i < VECTORS; i++)
		close(fds[i]);
	assert_int_equal(atomic_load(&warnings), 1); /* the BOOL with a count too large */
}

static void bad_interrupts(void **state)
{
	struct test *test = *state;
	int fds[17], pipes[2], file = file_new(0, 4096);
	unsigned int open_fds;
	struct vfu_irq_set set = { 20, EVENTFDS, MSIX, 0, 1 };

	for (unsigned int i = 0; i < 17; i++)
		fds[i] = eventfd_new();
	assert_int_equal(pipe(pipes), 0);
	open_fds = count_fds();

	assert_int_equal(set_irqs(test, EVENTFDS, VFU_IRQ_COUNT, 0, 1, fds, 1), EINVAL);
	assert_int_equal(set_irqs(test, EVENTFDS, UINT32_MAX, 0, 1, fds, 1), EINVAL);
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, VECTORS, 1, fds, 1), EINVAL);
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, VECTORS - 1, 2, fds, 2), EINVAL);
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, UINT32_MAX, 2, fds, 2), EINVAL);
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 1, UINT32_MAX, fds, 1), EINVAL);
	assert_int_equal(set_irqs(test, NONE, MSIX, 0, VECTORS + 1, NULL, 0), EINVAL);
	/* Not as many descriptors as vectors */
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 2, fds, 1), EINVAL);
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 1, fds, 2), EINVAL);
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 0, fds, 1), EINVAL);
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 0, NULL, 0), EINVAL);
	assert_int_equal(set_irqs(test, NONE, MSIX, 0, 0, fds, 1), EINVAL);
	/* More than a message may carry */
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 17, fds, 17), E2BIG);
	/* Invalid flags, or that MSI-X has no use for */
	assert_int_equal(set_irqs(test, 0, MSIX, 0, 1, NULL, 0), ENOTSUP);
	assert_int_equal(set_irqs(test, EVENTFDS | VFIO_IRQ_SET_DATA_NONE, MSIX, 0, 1, fds, 1),
			 ENOTSUP);
	assert_int_equal(set_irqs(test, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, MSIX, 0,
				  1, NULL, 0),
			 ENOTSUP);
	assert_int_equal(set_irqs(test, 0xffffffff, MSIX, 0, 1, NULL, 0), ENOTSUP);
	/* Kinds that the device does not signal */
	assert_int_equal(set_irqs(test, EVENTFDS, 0, 0, 1, fds, 1), ENOTSUP);
	assert_int_equal(set_irqs(test, NONE, 0, 0, 0, NULL, 0), 0);
	assert_int_equal(set_irqs(test, EVENTFDS, 4, 0, 1, fds, 1), EINVAL);
	/* Not an eventfd, alone and after an eventfd: nothing is set */
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 1, &pipes[1], 1), EINVAL);
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 1, &file, 1), EINVAL);
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 2, (int[]){ fds[0], file }, 2), EINVAL);
	vfu_irq_raise(test->server, 0);
	assert_int_equal(eventfd_take(fds[0]), 0);
	/* Sizes */
	set.argsz = 19;
	assert_int_equal(call_fds(test, VFU_CMD_DEVICE_SET_IRQS, &set, 20, NULL, 0, fds, 1, NULL),
			 EINVAL);
	set.argsz = 21;
	assert_int_equal(call_fds(test, VFU_CMD_DEVICE_SET_IRQS, &set, 20, NULL, 0, fds, 1, NULL),
			 EINVAL);
	set.argsz = 20;
	assert_int_equal(call_fds(test, VFU_CMD_DEVICE_SET_IRQS, &set, 19, NULL, 0, fds, 1, NULL),
			 EINVAL);

	await_fds(test, open_fds);
	assert_int_equal(test->quiesces, 0);
	for (unsigned int i = 0; i < 17; i++)
		close(fds[i]);
	close(pipes[0]);
	close(pipes[1]);
	close(file);
}

/* A client that never reads its eventfd, and one that would block writers */
static void full_eventfd_blocks_nobody(void **state)
{
	struct test *test = *state;
	int fd = eventfd(0, EFD_CLOEXEC);
	uint64_t almost = UINT64_MAX - 1;

	assert_true(fd >= 0);
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 1, &fd, 1), 0);
	assert_int_equal(write(fd, &almost, 8), 8);
	vfu_irq_raise(test->server, 0);
	vfu_irq_raise(test->server, 0);
	assert_true(eventfd_take(fd) >= almost); /* the kernel's own signals go one further */
	vfu_irq_raise(test->server, 0);
	assert_int_equal(eventfd_take(fd), 1);
	assert_int_equal(atomic_load(&warnings), 0);
	close(fd);
}

static unsigned int fds_in_quiesce;

static void look_in_quiesce(struct test *test)
{
	fds_in_quiesce = count_fds();
	/* Other threads see the new one already */
	vfu_irq_raise(test->server, 0);
}

/* A replaced one stays open until no thread can be using it */
static void replaced_eventfds_are_closed_late(void **state)
{
	struct test *test = *state;
	int old = eventfd_new(), new = eventfd_new();
	unsigned int open_fds = count_fds();

	test->on_quiesce = look_in_quiesce;
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 1, &old, 1), 0);
	assert_int_equal(test->quiesces, 0);
	await_fds(test, open_fds + 1);
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 1, &new, 1), 0);
	assert_int_equal(test->quiesces, 1);
	assert_int_equal(fds_in_quiesce, open_fds + 2);
	await_fds(test, open_fds + 1);
	assert_int_equal(eventfd_take(old), 0);
	assert_int_equal(eventfd_take(new), 1);
	close(old);
	close(new);
}

struct raiser {
	struct test *test;
	atomic_uint quiet;
	atomic_bool stop;
};

static struct raiser raiser;

static void *raise_all(void *argument)
{
	struct raiser *all = argument;

	while (!atomic_load(&all->stop)) {
		for (unsigned int i = 0; i < VECTORS; i++)
			vfu_irq_raise(all->test->server, i);
		if (atomic_fetch_add(&all->quiet, 1) % 16 == 0)
			sched_yield();
	}
	return NULL;
}

static void wait_for_raiser(struct test *test)
{
	unsigned int before = atomic_load(&raiser.quiet);

	(void)test;
	while (atomic_load(&raiser.quiet) - before < 2)
		sched_yield();
}

/* A lane raises interrupts all the time; a write to a closed descriptor would be logged */
static void interrupts_change_meanwhile(void **state)
{
	struct test *test = *state;
	int fds[16], first = eventfd_new();
	pthread_t thread;

	for (unsigned int i = 0; i < 16; i++)
		fds[i] = eventfd_new();
	memset(&raiser, 0, sizeof(raiser));
	raiser.test = test;
	test->on_quiesce = wait_for_raiser;
	assert_int_equal(pthread_create(&thread, NULL, raise_all, &raiser), 0);
	for (unsigned int i = 0; i < 200; i++) {
		assert_int_equal(set_irqs(test, EVENTFDS, MSIX, i % (VECTORS - 16), 16, fds, 16),
				 0);
		if (i % 3 == 0)
			assert_int_equal(set_irqs(test, NONE, MSIX, 0, 0, NULL, 0), 0);
		if (i % 50 == 0) {
			detach(test);
			attach_with(test, qemu_version);
		}
	}
	/* An interrupt through an eventfd that is set arrives */
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 1, &first, 1), 0);
	wait_for_raiser(test);
	assert_true(eventfd_take(first) > 0);
	detach(test);
	atomic_store(&raiser.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&warnings), 0);
	for (unsigned int i = 0; i < 16; i++)
		close(fds[i]);
	close(first);
}

/* ---- The stream, and the descriptors beside it ---- */

/* The reading relies on this: a read ends with the bytes that carried descriptors */
static void kernel_ends_a_read_after_descriptors(void **state)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(253 * sizeof(int))];
	} control;
	char bytes[64];
	struct iovec iov = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
	struct test *test = *state;
	int pair[2], fd;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	send_bytes(pair[0], "first ", 6, NULL, 0);
	send_bytes(pair[0], "second ", 7, &test->bar_fd, 1);
	send_bytes(pair[0], "third ", 6, &test->bar_fd, 1);
	send_bytes(pair[0], "fourth ", 7, NULL, 0);
	for (unsigned int i = 0; i < 2; i++) {
		message.msg_controllen = sizeof(control);
		assert_int_equal(recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC), i ? 6 : 13);
		assert_memory_equal(bytes, i ? "third " : "first second ", i ? 6 : 13);
		assert_non_null(CMSG_FIRSTHDR(&message));
		assert_int_equal(control.header.cmsg_len, CMSG_LEN(sizeof(int)));
		memcpy(&fd, CMSG_DATA(&control.header), sizeof(int));
		close(fd);
	}
	message.msg_controllen = sizeof(control);
	assert_int_equal(recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC), 7);
	assert_null(CMSG_FIRSTHDR(&message));
	close(pair[0]);
	close(pair[1]);
}

/* Messages with and without, all waiting before the server reads the first byte */
static void descriptors_find_their_message(void **state)
{
	struct test *test = *state;
	struct write8 write = { { 0, 0, 8 }, 0 };
	struct vfu_dma_map map = good_map;
	uint16_t ids[6];

	map.offset = 0;
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < 6; i++) {
			int file = file_new(1000 + i, 4096);

			/* In the second round one map has no file, between others that have */
			for (unsigned int n = 0; n < 3; n++)
				ask(test->client, VFU_CMD_REGION_WRITE, VFU_FLAG_NO_REPLY, &write,
				    sizeof(write), NULL, 0);
			map.address = i;
			ids[i] = ask(test->client, VFU_CMD_DMA_MAP, 0, &map, 32, &file,
				     !(round && i == 3));
			close(file);
		}
		for (unsigned int i = 0; i < 6; i++) {
			unsigned int before = test->maps;

			/* One read is one step: each ends with a map that has a file */
			while (test->maps == before)
				vfu_server_serve(test->server);
			if (round && i == 3) {
				/* This one and the next came with one read */
				assert_int_equal(test->maps, before + 2);
				i++;
			}
			assert_int_equal(test->map.iova, i);
			assert_true(test->map.with_fd);
			assert_int_equal(test->map.content, 1000 + i);
		}
		for (unsigned int i = 0; i < 6; i++)
			assert_int_equal(
				answer(test->client, ids[i], VFU_CMD_DMA_MAP, NULL, 0, NULL), 0);
	}
	assert_int_equal(test->writes, 36);
}

/* A message in two parts, cut anywhere, its descriptor with either part; then more messages */
static void descriptors_of_cut_messages(void **state)
{
	struct test *test = *state;
	uint8_t bytes[128];
	size_t len = put_message(bytes, 77, VFU_CMD_DMA_MAP, 0,
				 &(struct vfu_dma_map){ 32, 1, 0, 0, 4096 }, 32),
	       more;

	more = put_message(bytes + len, 78, VFU_CMD_DMA_MAP, 0,
			   &(struct vfu_dma_map){ 32, 2, 0, 4096, 4096 }, 32);
	for (size_t cut = 1; cut < len; cut++) {
		for (unsigned int part = 0; part < 2; part++) {
			int file = file_new(cut, 4096);

			/* With the first part, more messages follow the second one */
			send_bytes(test->client, bytes, cut, &file, part == 0);
			serve(test);
			assert_true(silent(test->client));
			send_bytes(test->client, bytes + cut, len - cut + (part ? 0 : more), &file,
				   part == 1);
			close(file);
			serve(test);
			assert_int_equal(answer(test->client, 77, VFU_CMD_DMA_MAP, NULL, 0, NULL),
					 0);
			if (part == 0) {
				assert_int_equal(
					answer(test->client, 78, VFU_CMD_DMA_MAP, NULL, 0, NULL),
					0);
				assert_int_equal(test->map.iova, 4096);
				assert_false(test->map.with_fd);
			} else {
				assert_true(test->map.with_fd);
				assert_int_equal(test->map.content, cut);
			}
		}
	}
	/* One with each part is one too many */
	int file = file_new(1, 4096);
	send_bytes(test->client, bytes, 20, &file, 1);
	serve(test);
	send_bytes(test->client, bytes + 20, len - 20, &file, 1);
	serve(test);
	assert_int_equal(answer(test->client, 77, VFU_CMD_DMA_MAP, NULL, 0, NULL), EINVAL);
	close(file);
	check_served(test);
}

/* Descriptors with every message that should have none */
static void unwanted_descriptors(void **state)
{
	struct test *test = *state;
	struct write8 write = { { 0, 0, 8 }, 0 };
	int fds[253];
	unsigned int open_fds;

	for (unsigned int i = 0; i < 253; i++) {
		fds[i] = dup(test->bar_fd);
		assert_true(fds[i] >= 0);
	}
	open_fds = count_fds();
	assert_int_equal(
		call_fds(test, VFU_CMD_REGION_WRITE, &write, sizeof(write), NULL, 0, fds, 1, NULL),
		EINVAL);
	assert_int_equal(call_fds(test, VFU_CMD_VERSION, "\0\0\0\0", 4, NULL, 0, fds, 3, NULL),
			 EINVAL);
	assert_int_equal(call_fds(test, 4711, NULL, 0, NULL, 0, fds, 16, NULL), ENOTSUP);
	assert_int_equal(call_fds(test, VFU_CMD_DEVICE_RESET, NULL, 0, NULL, 0, fds, 1, NULL),
			 EINVAL);
	assert_int_equal(call_fds(test, VFU_CMD_DEVICE_RESET, NULL, 0, NULL, 0, fds, 253, NULL),
			 E2BIG);
	await_fds(test, open_fds);
	assert_int_equal(call_fds(test, VFU_CMD_DMA_MAP, &good_map, 32, NULL, 0, fds, 253, NULL),
			 E2BIG);
	await_fds(test, open_fds);
	assert_int_equal(call_fds(test, 4711, NULL, 0, NULL, 0, fds, 253, NULL), ENOTSUP);
	assert_int_equal(test->maps + test->writes + test->resets, 0);
	await_fds(test, open_fds);
	check_served(test);

	/* With a message that never ends, again and again */
	uint8_t start[16];
	put_message(start, 1, VFU_CMD_DMA_MAP, 0, NULL, 0);
	memcpy(start + 4, &(uint32_t){ 48 }, 4);
	for (unsigned int i = 0; i < 16; i++) {
		send_bytes(test->client, start + i, 1, fds, 100);
		serve(test);
		for (unsigned int n = 0; count_fds() > open_fds + VFU_FDS_MAX && n < 5000; n++) {
			poll(NULL, 0, 1);
			serve(test);
		}
		assert_true(count_fds() <= open_fds + VFU_FDS_MAX);
	}
	detach(test);
	await_fds(test, open_fds - 2);
	/* With one for which the client is dropped, and with one that is never read */
	attach_with(test, "");
	memcpy(start + 4, &(uint32_t){ 15 }, 4);
	send_bytes(test->client, start, 16, fds, 5);
	send_bytes(test->client, start, 16, fds, 5);
	serve(test);
	assert_true(gone(test->client));
	await_fds(test, open_fds - 1);
	for (unsigned int i = 0; i < 253; i++)
		close(fds[i]);
}

/* The process has no descriptors left: new connections are refused, and the server continues */
static void out_of_descriptors(void **state)
{
	struct test *test = *state;
	struct rlimit before, now;
	int file = file_new(5, 8192), extra, filler[64];
	unsigned int n = 0;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	extra = connect_to(test->path);
	now = before;
	now.rlim_cur = (rlim_t)extra + 8;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	while (n < 64 && (filler[n] = dup(file)) >= 0)
		n++;
	assert_int_equal(errno, EMFILE);
	/* The connection that waits is turned away, and does not keep the server busy */
	assert_true(serve(test) < 10);
	assert_true(gone(extra));
	assert_int_equal(call_fds(test, VFU_CMD_DMA_MAP, &good_map, 32, NULL, 0, &file, 1, NULL),
			 EMFILE);
	assert_int_equal(test->maps, 0);
	check_served(test);
	while (n)
		close(filler[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(call_fds(test, VFU_CMD_DMA_MAP, &good_map, 32, NULL, 0, &file, 1, NULL),
			 0);
	close(extra);
	extra = connect_to(test->path);
	assert_int_equal(version_of(test, extra, 0, NULL, 0, NULL), EBUSY);
	close(extra);
	close(file);
}

/* One conversation, sent byte by byte */
static void byte_by_byte(void **state)
{
	struct test *test = *state;
	struct vfu_region_access access = { 0x40, 0, 16 };
	struct write8 write = { { 8, 0, 8 }, 0 };
	uint8_t bytes[256], reply[32];
	size_t len = 0;

	len += put_message(bytes + len, 1, VFU_CMD_DEVICE_GET_INFO, 0, &info_asked, 16);
	len += put_message(bytes + len, 2, VFU_CMD_REGION_WRITE, VFU_FLAG_NO_REPLY, &write, 24);
	len += put_message(bytes + len, 3, VFU_CMD_REGION_READ, 0, &access, 16);
	len += put_message(bytes + len, 4, VFU_CMD_DEVICE_RESET, 0, NULL, 0);
	for (size_t i = 0; i < len; i++) {
		send_bytes(test->client, bytes + i, 1, NULL, 0);
		serve(test);
	}
	assert_int_equal(answer(test->client, 1, VFU_CMD_DEVICE_GET_INFO, reply, 16, NULL), 0);
	assert_int_equal(answer(test->client, 3, VFU_CMD_REGION_READ, reply, 32, NULL), 0);
	assert_int_equal(answer(test->client, 4, VFU_CMD_DEVICE_RESET, NULL, 0, NULL), 0);
	assert_true(silent(test->client));
	assert_int_equal(test->writes, 1);
	assert_int_equal(test->resets, 1);
}

/* ---- Malformed messages ---- */

static void send_header(int fd, uint16_t command, uint32_t size, uint32_t flags)
{
	struct vfu_header header = { ++next_id, command, size, flags, 0 };

	send_bytes(fd, &header, sizeof(header), NULL, 0);
}

static void sizes_that_end_the_stream(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 15, VFU_MESSAGE_MAX + 1, 1u << 20, UINT32_MAX };
	struct test *test = *state;

	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		atomic_store(&warnings, 0);
		send_header(test->client, VFU_CMD_DEVICE_GET_INFO, sizes[i], 0);
		serve(test);
		assert_true(gone(test->client));
		assert_false(vfu_server_busy(test->server));
		assert_int_equal(test->detached, i + 1);
		assert_int_equal(atomic_load(&warnings), 1);
		close(test->client);
		attach_with(test, qemu_version);
	}
	/* And from a connection that has not sent its version */
	int other = connect_to(test->path);
	send_header(other, VFU_CMD_VERSION, 3, 0);
	serve(test);
	assert_true(gone(other));
	close(other);
	check_served(test);
}

static void invalid_messages(void **state)
{
	static const uint16_t unknown[] = { 0, 6, 11, 12, 14, 16, 17, 18, 19, 255, 65535 };
	static const uint16_t known[] = { 1, 2, 3, 4, 5, 7, 8, 9, 10, 15 };
	struct test *test = *state;
	uint8_t body[64] = { 0 };

	for (unsigned int i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(call(test, unknown[i], body, sizeof(body), NULL, 0), ENOTSUP);
	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_int_equal(call(test, known[i], NULL, 0, NULL, 0), EINVAL);
	assert_int_equal(call(test, VFU_CMD_DEVICE_RESET, body, 1, NULL, 0), EINVAL);
	assert_int_equal(test->resets, 0);
	/* Replies, and messages that are neither */
	for (uint32_t type = 1; type < 16; type++) {
		uint16_t id = ask(test->client, VFU_CMD_DEVICE_RESET, type, NULL, 0, NULL, 0);

		serve(test);
		assert_int_equal(answer(test->client, id, VFU_CMD_DEVICE_RESET, NULL, 0, NULL),
				 EINVAL);
	}
	assert_int_equal(test->resets, 0);
	/* Flags and an error that mean nothing in a command are ignored */
	struct vfu_header header = { 9, VFU_CMD_DEVICE_RESET, 16, 0xffffffe0, 5 };
	send_bytes(test->client, &header, sizeof(header), NULL, 0);
	serve(test);
	assert_int_equal(answer(test->client, 9, VFU_CMD_DEVICE_RESET, NULL, 0, NULL), 0);
	assert_int_equal(test->resets, 1);
}

/* A long message is read in parts, also the longest; one that never ends does no harm */
static void long_messages(void **state)
{
	static uint8_t body[sizeof(struct vfu_region_access) + VFU_DATA_MAX];
	struct vfu_region_access access = { 0, 5, VFU_DATA_MAX }, reply;
	struct test *test = *state;

	memcpy(body, &access, sizeof(access));
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(
			call(test, VFU_CMD_REGION_WRITE, body, sizeof(body), &reply, sizeof(reply)),
			0);
	assert_int_equal(test->write.len, VFU_DATA_MAX);
	send_header(test->client, VFU_CMD_REGION_WRITE, VFU_MESSAGE_MAX, 0);
	send_bytes(test->client, body, sizeof(body) - 1, NULL, 0);
	serve(test);
	assert_true(silent(test->client));
	detach(test);
	assert_int_equal(test->writes, 3);
}

/* ---- Replies that are not read ---- */

static void client_that_does_not_read(void **state)
{
	struct vfu_region_access access = { 0, 5, VFU_DATA_MAX };
	struct test *test = *state;
	unsigned int i;

	for (i = 0; i < 1000 && vfu_server_busy(test->server); i++) {
		uint8_t bytes[32];

		put_message(bytes, 1, VFU_CMD_REGION_READ, 0, &access, sizeof(access));
		if (send(test->client, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		serve(test);
	}
	/* The socket takes some, the server keeps a few */
	assert_range(i, 4, 100);
	assert_false(vfu_server_busy(test->server));
	assert_int_equal(test->detached, 1);
	assert_int_equal(atomic_load(&warnings), 1);
	close(test->client);
	attach_with(test, qemu_version);
	check_served(test);
}

/* A client that reads late gets everything, in order, with the right descriptors */
static void client_that_reads_late(void **state)
{
	enum { BEHIND = 5, ROUNDS = 60 };
	static uint8_t reply[sizeof(struct vfu_region_access) + VFU_DATA_MAX];
	struct test *test = *state;
	struct vfu_region_info info = { .argsz = 64, .index = 2 };
	struct region_answer got;
	int fd;

	/* More is in flight than the socket accepts, so the server's buffer wraps around */
	for (uint16_t i = 0; i < ROUNDS + BEHIND; i++) {
		if (i < ROUNDS) {
			struct vfu_region_access access = { 0x1000u * i, 5,
							    VFU_DATA_MAX - 100u * i };
			uint8_t bytes[128];
			size_t len = put_message(bytes, i, VFU_CMD_REGION_READ, 0, &access, 16);

			len += put_message(bytes + len, i, VFU_CMD_DEVICE_GET_REGION_INFO, 0, &info,
					   32);
			send_bytes(test->client, bytes, len, NULL, 0);
			serve(test);
		}
		if (i >= BEHIND) {
			uint16_t k = (uint16_t)(i - BEHIND);
			uint32_t count = VFU_DATA_MAX - 100u * k;
			uint64_t at = 0x1000u * k + count - 1;

			assert_int_equal(answer(test->client, k, VFU_CMD_REGION_READ, reply,
						16 + count, NULL),
					 0);
			assert_int_equal(reply[16 + count - 1], (uint8_t)(at * 7 + (at >> 8) + 5));
			serve(test);
			assert_int_equal(answer(test->client, k, VFU_CMD_DEVICE_GET_REGION_INFO,
						&got, sizeof(got), &fd),
					 0);
			check_mapping(fd, &got);
			serve(test);
		}
	}
	assert_true(silent(test->client));
	check_served(test);
}

/* A client that leaves while there are replies for it */
static void client_that_leaves_early(void **state)
{
	struct test *test = *state;

	for (unsigned int i = 0; i < 50; i++) {
		struct vfu_region_access access = { 0, 5, i % 2 ? VFU_DATA_MAX : 4 };

		for (unsigned int n = 0; n < 3; n++)
			ask(test->client, VFU_CMD_REGION_READ, 0, &access, sizeof(access), NULL, 0);
		if (i % 3 == 0)
			vfu_server_serve(test->server);
		detach(test);
		attach_with(test, qemu_version);
	}
	assert_int_equal(test->attached, 51);
	assert_int_equal(test->detached, 50);
	check_served(test);
}

/* ---- Who is served ---- */

static void second_client(void **state)
{
	struct test *test = *state;
	int other[3];

	for (unsigned int i = 0; i < 3; i++) {
		other[i] = connect_to(test->path);
		assert_int_equal(
			version_of(test, other[i], 0, qemu_version, sizeof(qemu_version), NULL),
			EBUSY);
		assert_true(gone(other[i]));
		close(other[i]);
		check_served(test);
	}
	assert_int_equal(test->attached, 1);

	/* A silent waiting connection is served when the first client is gone */
	other[0] = connect_to(test->path);
	serve(test);
	detach(test);
	test->client = other[0];
	assert_int_equal(version_of(test, test->client, 0, NULL, 0, NULL), 0);
	check_served(test);
}

/* A connection after the client's end is the next client, even if data of the old one is unread */
static void next_client(void **state)
{
	enum { COUNT = 2000, SIZE = 16 + sizeof(struct write8) };
	struct test *test = *state;
	uint8_t *batch = malloc(COUNT * SIZE);
	int other = connect_to(test->path);
	size_t len = 0;

	assert_non_null(batch);
	serve(test);
	for (uint64_t i = 0; i < COUNT; i++) {
		struct write8 write = { { 8 * (i % 64), 0, 8 }, i };

		len += put_message(batch + len, (uint16_t)i, VFU_CMD_REGION_WRITE,
				   VFU_FLAG_NO_REPLY, &write, sizeof(write));
	}
	send_bytes(test->client, batch, len, NULL, 0);
	free(batch);
	close(test->client);
	test->client = other;
	assert_int_equal(version_of(test, other, 0, qemu_version, sizeof(qemu_version), NULL), 0);
	assert_int_equal(test->attached, 2);
	assert_int_equal(test->detached, 1);
	check_served(test);
}

/* Silent connections keep no other out, least of all the client */
static void silent_connections(void **state)
{
	struct test *test = *state;
	int silent_ones[20];

	for (unsigned int i = 0; i < 10; i++) {
		silent_ones[i] = connect_to(test->path);
		serve(test);
	}
	check_served(test);
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(gone(silent_ones[i]), i < 6);
	detach(test);
	for (unsigned int i = 10; i < 20; i++)
		silent_ones[i] = connect_to(test->path);
	attach_with(test, qemu_version);
	check_served(test);
	for (unsigned int i = 0; i < 20; i++)
		close(silent_ones[i]);
}

static void drop_in_write(struct test *test)
{
	vfu_server_drop(test->server, "the test says so");
}

static void dropping(void **state)
{
	struct test *test = *state;
	struct write8 write = { { 0, 0, 8 }, 0 };

	vfu_server_drop(test->server, "the test says so");
	assert_false(vfu_server_busy(test->server));
	assert_int_equal(test->detached, 1);
	assert_true(gone(test->client));
	vfu_server_drop(test->server, "nobody is there");
	assert_int_equal(test->detached, 1);

	/* By the device, while it handles one of several messages: the others are not handled */
	close(test->client);
	attach_with(test, qemu_version);
	test->on_write = drop_in_write;
	for (unsigned int i = 0; i < 5; i++)
		ask(test->client, VFU_CMD_REGION_WRITE, 0, &write, sizeof(write), NULL, 0);
	serve(test);
	assert_int_equal(test->writes, 1);
	assert_int_equal(test->detached, 2);
	assert_true(gone(test->client));
	close(test->client);

	struct {
		uint64_t count;
		struct vfu_write_one one[3];
	} multi = { .count = 3 };
	for (unsigned int i = 0; i < 3; i++)
		multi.one[i].at.count = 1;
	attach_with(test, qemu_version);
	ask(test->client, VFU_CMD_REGION_WRITE_MULTI, 0, &multi, sizeof(multi), NULL, 0);
	serve(test);
	assert_int_equal(test->writes, 2);
	assert_int_equal(test->detached, 3);
	close(test->client);
	test->on_write = NULL;
	attach_with(test, qemu_version);
	check_served(test);
}

/* ---- The socket file ---- */

static void socket_file(void **state)
{
	struct test *test = *state;
	struct vfu_config config = test->config;
	struct vfu_server *second = NULL;
	char path[128], long_path[200];
	struct stat st;
	mode_t mask;
	int fd;

	/* In use: by a server that serves, and by one whose queue is full */
	assert_int_equal(vfu_server_open(&config, &second), -EADDRINUSE);
	check_served(test);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(path, sizeof(path), "%s/other", test->folder);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 0), 0);
	int waiting = connect_to(path);
	config.path = path;
	assert_int_equal(vfu_server_open(&config, &second), -EADDRINUSE);
	close(waiting);

	/* Stale: the listener is gone and left the file */
	close(fd);
	for (unsigned int i = 0; i < 3; i++) {
		mask = umask(i == 0 ? 0 : i == 1 ? 022 : 0177);
		assert_int_equal(vfu_server_open(&config, &second), 0);
		umask(mask);
		assert_int_equal(lstat(path, &st), 0);
		assert_int_equal(st.st_mode, S_IFSOCK | 0600);
		fd = connect_to(path);
		close(fd);
		vfu_server_close(second);
		assert_int_equal(lstat(path, &st), -1);
		fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		close(fd);
		/* A file that is no socket is not ours to replace */
		assert_int_equal(vfu_server_open(&config, &second), -EEXIST);
		assert_int_equal(unlink(path), 0);
	}

	/* A socket that another process has put there meanwhile is not ours to remove */
	assert_int_equal(vfu_server_open(&config, &second), 0);
	assert_int_equal(unlink(path), 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	vfu_server_close(second);
	assert_int_equal(lstat(path, &st), 0);
	close(fd);
	assert_int_equal(unlink(path), 0);

	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = 0;
	config.path = long_path;
	assert_int_equal(vfu_server_open(&config, &second), -ENAMETOOLONG);
	config.path = "/tmp/there/is/no/such/folder/socket";
	assert_int_equal(vfu_server_open(&config, &second), -ENOENT);
	config.path = path;
	config.irqs[VFU_IRQ_MSIX] = 2049;
	assert_int_equal(vfu_server_open(&config, &second), -EINVAL);
}

#define OPENERS 3

struct opener {
	char path[128];
	struct vfu_config config;
	pthread_barrier_t *start;
	struct vfu_server *server;
};

static void *open_one(void *argument)
{
	struct opener *opener = argument;

	opener->config.path = opener->path;
	opener->server = NULL;
	pthread_barrier_wait(opener->start);
	if (vfu_server_open(&opener->config, &opener->server))
		opener->server = NULL;
	return NULL;
}

/* Several servers find the same stale socket at the same time: exactly one gets it */
static void several_open_one_stale_socket(void **state)
{
	struct test *test = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct opener openers[OPENERS];
	pthread_t threads[OPENERS];
	pthread_barrier_t start;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/race", test->folder);
	assert_int_equal(pthread_barrier_init(&start, NULL, OPENERS), 0);
	for (unsigned int round = 0; round < 100; round++) {
		int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		unsigned int n = 0;

		assert_int_equal(bind(stale, (struct sockaddr *)&address, sizeof(address)), 0);
		close(stale);
		for (unsigned int i = 0; i < OPENERS; i++) {
			strcpy(openers[i].path, address.sun_path);
			openers[i].config = test->config;
			openers[i].start = &start;
			assert_int_equal(pthread_create(&threads[i], NULL, open_one, &openers[i]),
					 0);
		}
		for (unsigned int i = 0; i < OPENERS; i++) {
			pthread_join(threads[i], NULL);
			n += openers[i].server != NULL;
		}
		assert_int_equal(n, 1);
		close(connect_to(address.sun_path));
		for (unsigned int i = 0; i < OPENERS; i++)
			if (openers[i].server)
				vfu_server_close(openers[i].server);
	}
	pthread_barrier_destroy(&start);
}

/* How QEMU starts, message by message */
static void as_qemu_begins(void **state)
{
	struct test *test = *state;
	struct vfu_dma_map maps[] = {
		{ 32, 3, 0, 0, 0xa0000 },
		{ 32, 1, 0, 0xc0000, 0x20000 }, /* ROM: without a file */
		{ 32, 3, 0x100000, 0x100000, 0x7ff00000 },
	};
	struct vfu_region_access access = { 0, VFU_REGION_CONFIG, CONFIG_SIZE };
	uint8_t config[sizeof(access) + CONFIG_SIZE];
	int memory = file_new(0, 1 << 20), event = eventfd_new();
	uint16_t ids[3];

	/* Maps are sent without waiting, and waited for together */
	for (unsigned int i = 0; i < 3; i++)
		ids[i] = ask(test->client, VFU_CMD_DMA_MAP, 0, &maps[i], 32, &memory, i != 1);
	serve(test);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(answer(test->client, ids[i], VFU_CMD_DMA_MAP, NULL, 0, NULL), 0);
	assert_int_equal(test->maps, 3);
	check_served(test);
	for (uint32_t i = 0; i < 9; i++) {
		struct vfu_region_info info = { .argsz = 32, .index = i };

		assert_int_equal(call(test, VFU_CMD_DEVICE_GET_REGION_INFO, &info, 32, &info, 32),
				 0);
	}
	assert_int_equal(call(test, VFU_CMD_REGION_READ, &access, 16, config, sizeof(config)), 0);
	for (uint32_t i = 0; i < 5; i++) {
		struct vfu_irq_info info = { .argsz = 16, .index = i };

		assert_int_equal(call(test, VFU_CMD_DEVICE_GET_IRQ_INFO, &info, 16, &info, 16), 0);
	}
	assert_int_equal(call(test, VFU_CMD_DEVICE_RESET, NULL, 0, NULL, 0), 0);
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 1, NULL, 0), 0);
	assert_int_equal(set_irqs(test, EVENTFDS, MSIX, 0, 1, &event, 1), 0);
	vfu_irq_raise(test->server, 0);
	assert_int_equal(eventfd_take(event), 1);
	assert_int_equal(atomic_load(&warnings), 0);
	close(memory);
	close(event);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(version_is_negotiated),
		TEST(bad_versions),
		TEST(odd_capabilities),
		TEST(nothing_is_served_before_version),
		TEST(device_info),
		TEST(region_info),
		TEST(region_that_can_be_mapped),
		TEST(descriptors_among_replies),
		TEST(irq_info),
		TEST(reads),
		TEST(writes),
		TEST(posted_writes),
		TEST(complaints_are_bounded),
		TEST(reconnecting_does_not_flood_the_log),
		TEST(several_writes_in_one),
		TEST(dma_maps),
		TEST(dma_unmaps),
		TEST(interrupts),
		TEST(bad_interrupts),
		TEST(full_eventfd_blocks_nobody),
		TEST(replaced_eventfds_are_closed_late),
		TEST(interrupts_change_meanwhile),
		TEST(kernel_ends_a_read_after_descriptors),
		TEST(descriptors_find_their_message),
		TEST(descriptors_of_cut_messages),
		TEST(unwanted_descriptors),
		TEST(out_of_descriptors),
		TEST(byte_by_byte),
		TEST(sizes_that_end_the_stream),
		TEST(invalid_messages),
		TEST(long_messages),
		TEST(client_that_does_not_read),
		TEST(client_that_reads_late),
		TEST(client_that_leaves_early),
		TEST(second_client),
		TEST(next_client),
		TEST(silent_connections),
		TEST(dropping),
		TEST(socket_file),
		TEST(several_open_one_stale_socket),
		TEST(as_qemu_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
