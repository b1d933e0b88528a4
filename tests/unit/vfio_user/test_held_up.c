/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client whose descriptors keep whoever touches them waiting: which are taken, who closes the
 * others, and that nobody waits meanwhile. The server runs in the test's thread, so a call of it
 * that waits for the file system would never return.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "emulated.h"
#include "process.h"
#include "slow_file.h"
#include "vfio_user/closer.h"
#include "vfio_user/descriptors.h"
#include "vfio_user/message.h"
#include "vfio_user/notify.h"
#include "vfio_user/server.h"

#define VECTORS 8u

struct test {
	char folder[64], path[96];
	struct vfu_server *server;
	int client;
	unsigned int maps;
};

static struct slow_file slow;
static char logged[4096];

static void keep_log(enum log_level level, const char *message)
{
	size_t len = strlen(logged);

	if (level <= LOG_NOTICE)
		snprintf(logged + len, sizeof(logged) - len, "%s\n", message);
}

static int device_map(void *ctx, uint64_t iova, uint64_t size, int fd, uint64_t offset,
		      unsigned int access)
{
	(void)iova, (void)size, (void)fd, (void)offset, (void)access;
	((struct test *)ctx)->maps++;
	return 0;
}

static void device_event(void *ctx)
{
	(void)ctx;
}

static const struct vfu_ops ops = {
	.dma_map = device_map,
	.quiesce = device_event,
	.attached = device_event,
	.detached = device_event,
};

/* ---- The client ---- */

static void ask(int fd, uint16_t command, const void *body, size_t len, const int *fds,
		unsigned int n)
{
	uint8_t bytes[256];
	struct vfu_header header = { .id = command,
				     .command = command,
				     .size = (uint32_t)(sizeof(header) + len) };
	struct iovec iov = { .iov_base = bytes, .iov_len = header.size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	union descriptors_room room;

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), body, len);
	descriptors_put(&message, &room, fds, n);
	assert_int_equal(sendmsg(fd, &message, MSG_NOSIGNAL), (ssize_t)header.size);
}

/* Serve until @fd is readable; false: it is not, within @ms */
static bool serve(struct test *test, int fd, unsigned int ms)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
				{ .fd = vfu_server_fd(test->server), .events = POLLIN } };
	uint64_t end = now_ms() + ms;

	while (now_ms() < end && !fds[0].revents) {
		poll(fds, 2, 10);
		if (fds[1].revents)
			vfu_server_serve(test->server);
	}
	return fds[0].revents;
}

/* The error in the reply; -1: disconnected */
static int reply(struct test *test, int fd)
{
	struct vfu_header header;
	char body[512];

	assert_true(serve(test, fd, PATIENCE_MS));
	if (recv(fd, &header, sizeof(header), MSG_WAITALL) != sizeof(header))
		return -1;
	assert_true(header.size - sizeof(header) <= sizeof(body));
	if (header.size > sizeof(header))
		assert_true(recv(fd, body, header.size - sizeof(header), MSG_WAITALL) > 0);
	return (int)header.error;
}

static int dma_map(struct test *test, int fd)
{
	const struct vfu_dma_map map = { 32, 3, 0, 0, 4096 };

	ask(test->client, VFU_CMD_DMA_MAP, &map, sizeof(map), &fd, 1);
	return reply(test, test->client);
}

static int set_irq(struct test *test, int fd)
{
	const struct vfu_irq_set set = { 20,
					 VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
					 VFU_IRQ_MSIX, 0, 1 };

	ask(test->client, VFU_CMD_DEVICE_SET_IRQS, &set, sizeof(set), &fd, 1);
	return reply(test, test->client);
}

static int attach(struct test *test)
{
	int fd = connect_to(test->path);

	ask(fd, VFU_CMD_VERSION, "\0\0\0\0", 4, NULL, 0);
	assert_int_equal(reply(test, fd), 0);
	return fd;
}

static void check_served(struct test *test)
{
	const struct vfu_device_info info = { .argsz = sizeof(info) };

	ask(test->client, VFU_CMD_DEVICE_GET_INFO, &info, sizeof(info), NULL, 0);
	assert_int_equal(reply(test, test->client), 0);
}

static int setup(void **state)
{
	struct test *test = calloc(1, sizeof(*test));
	struct vfu_config config = { .irqs = { [VFU_IRQ_MSIX] = VECTORS }, .ops = &ops };

	assert_non_null(test);
	strcpy(test->folder, "/tmp/manakin-held-XXXXXX");
	assert_non_null(mkdtemp(test->folder));
	snprintf(test->path, sizeof(test->path), "%s/socket", test->folder);
	config.path = test->path;
	config.ctx = test;
	for (unsigned int i = 0; i < VFU_REGION_COUNT; i++)
		config.regions[i].mmap_fd = -1;
	assert_int_equal(vfu_server_open(&config, &test->server), 0);
	logged[0] = '\0';
	log_set(keep_log, LOG_INFO);
	test->client = attach(test);
	*state = test;
	return 0;
}

static int teardown(void **state)
{
	struct test *test = *state;

	close(test->client);
	vfu_server_close(test->server);
	rmdir(test->folder);
	log_set(NULL, LOG_ERROR);
	free(test);
	return 0;
}

/* ---- Which descriptors are taken ---- */

static void each_kind_of_descriptor(void **state)
{
	struct test *test = *state;
	char path[] = "/dev/shm/manakin-XXXXXX", disk[128];
	int pair[2], pipes[2], huge;

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	snprintf(disk, sizeof(disk), "/proc/self/exe");
	const struct {
		const char *name;
		int fd;
		bool memory, event;
	} kinds[] = {
		{ "memfd", memfd_create("m", MFD_CLOEXEC), true, false },
		{ "tmpfs", mkostemp(path, O_CLOEXEC), true, false },
		{ "eventfd", eventfd(0, EFD_CLOEXEC), false, true },
		{ "file on disk", open(disk, O_RDONLY | O_CLOEXEC), false, false },
		{ "directory", open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC), false, false },
		{ "proc", open("/proc/version", O_RDONLY | O_CLOEXEC), false, false },
		{ "device", open("/dev/zero", O_RDWR | O_CLOEXEC), false, false },
		{ "path", open("/dev/null", O_PATH | O_CLOEXEC), false, false },
		{ "pipe", pipes[0], false, false },
		{ "pipe's other end", pipes[1], false, false },
		{ "UNIX socket", pair[0], false, false },
		{ "TCP socket", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), false, false },
		{ "timerfd", timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), false, false },
		{ "epoll", epoll_create1(EPOLL_CLOEXEC), false, false },
		{ "FUSE", slow_file_open(&slow), false, false },
	};

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].fd < 0)
			fail_msg("%s: %s", kinds[i].name, strerror(errno));
		if (dma_map(test, kinds[i].fd) != (kinds[i].memory ? 0 : EOPNOTSUPP))
			fail_msg("memory: %s", kinds[i].name);
		if (set_irq(test, kinds[i].fd) != (kinds[i].event ? 0 : EINVAL))
			fail_msg("interrupt: %s", kinds[i].name);
	}
	/* Pages need not be there for the file to be of the right kind */
	huge = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB);
	assert_true(huge >= 0);
	assert_int_equal(dma_map(test, huge), 0);
	assert_int_equal(test->maps, 3);
	assert_non_null(strstr(logged, "failed: a descriptor is not an eventfd"));
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		close(kinds[i].fd);
	close(huge);
	close(pair[1]);
	unlink(path);
}

/* Without AIO, what /proc says decides */
static void eventfds_without_aio(void **state)
{
	struct notifier with, without = { .context = 0, .pipe = { -1, -1 } };
	int event = eventfd(0, EFD_CLOEXEC), memory = memfd_create("m", MFD_CLOEXEC);
	uint64_t count = UINT64_MAX - 1;

	(void)state;
	assert_int_equal(notifier_open(&with), 0);
	if (!emulated("interrupts by AIO", "it has no io_submit()"))
		assert_true(with.context);
	for (unsigned int i = 0; i < 2; i++) {
		const struct notifier *notifier = i ? &with : &without;

		assert_int_equal(notifier_takes(notifier, event), 0);
		assert_int_equal(notifier_takes(notifier, memory), -EINVAL);
		for (unsigned int n = 0; n < 1000; n++)
			assert_int_equal(notifier_signal(notifier, event), 0);
		assert_int_equal(read(event, &count, sizeof(count)), sizeof(count));
		assert_int_equal(count, 1000);
		/* Full, and it would block whoever writes to it */
		count = UINT64_MAX - 1;
		assert_int_equal(write(event, &count, sizeof(count)), sizeof(count));
		assert_int_equal(notifier_signal(notifier, event), 0);
		assert_int_equal(notifier_signal(notifier, event), 0);
		assert_int_equal(read(event, &count, sizeof(count)), sizeof(count));
		assert_true(count >= UINT64_MAX - 1);
	}
	notifier_close(&with);
	close(event);
	close(memory);
}

/* ---- Who waits ---- */

/* fstat() and close() of the file wait until the end of the test */
static void a_slow_file_holds_nobody_up(void **state)
{
	struct test *test = *state;
	int fd = slow_file_open(&slow);
	unsigned int asked = atomic_load(&slow.shared->attributes);
	unsigned int flushed = atomic_load(&slow.shared->flushes);
	uint64_t end;

	atomic_store(&slow.shared->hold, true);
	assert_int_equal(dma_map(test, fd), EOPNOTSUPP);
	assert_int_equal(set_irq(test, fd), EINVAL);
	assert_non_null(strstr(logged, "failed: its descriptor is not a memfd, nor a file on "
				       "tmpfs or hugetlbfs"));
	check_served(test);
	/* The closer is at it, and the server serves on */
	for (end = now_ms() + PATIENCE_MS; !atomic_load(&slow.shared->held) && now_ms() < end;)
		pause_us(1000);
	assert_true(atomic_load(&slow.shared->flushes) > flushed);
	assert_int_equal(atomic_load(&slow.shared->attributes), asked);
	check_served(test);
	/* Nor does the end of the server wait */
	close(test->client);
	vfu_server_close(test->server);
	test->server = NULL;
	assert_true(atomic_load(&slow.shared->held) > 0);
	atomic_store(&slow.shared->hold, false);
	close(fd);
	free(test);
	*state = NULL;
}

static int no_teardown(void **state)
{
	return *state ? teardown(state) : 0;
}

/* More of them than may wait: who sent them is dropped; others are let in when they are closed */
static void strangers_are_bounded(void **state)
{
	struct test *test = *state;
	int slow_fds[DESCRIPTORS_MAX], fd = slow_file_open(&slow), stranger, next;

	for (unsigned int i = 0; i < DESCRIPTORS_MAX; i++)
		slow_fds[i] = fd;
	stranger = connect_to(test->path);
	atomic_store(&slow.shared->hold, true);
	ask(stranger, VFU_CMD_VERSION, "\0\0\0\0", 4, slow_fds, DESCRIPTORS_MAX);
	assert_int_equal(reply(test, stranger), E2BIG);
	assert_int_equal(reply(test, stranger), -1);
	/* The client notices nothing of it */
	check_served(test);
	assert_non_null(strstr(logged, "no connection is accepted"));
	next = connect_to(test->path);
	ask(next, VFU_CMD_VERSION, "\0\0\0\0", 4, NULL, 0);
	assert_false(serve(test, next, 100));
	check_served(test);
	atomic_store(&slow.shared->hold, false);
	assert_int_equal(reply(test, next), EBUSY);
	close(stranger);
	close(next);
	close(fd);
}

/* In the queue of a socket that is closed before they are read */
static void unread_descriptors_hold_nobody_up(void **state)
{
	struct test *test = *state;
	struct linger linger = { 1, 3600 };
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0), peer;
	struct vfu_header header = { .id = 1, .command = 1, .size = 15 };
	static const uint8_t zeros[65536];
	struct iovec iov = { .iov_base = &header, .iov_len = sizeof(header) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	union descriptors_room room;
	int stranger = connect_to(test->path);

	/* A socket whose close() waits until its peer has read */
	assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(connect(tcp, (struct sockaddr *)&address, len), 0);
	peer = accept(listener, NULL, NULL);
	assert_true(peer >= 0);
	while (send(tcp, zeros, sizeof(zeros), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(setsockopt(tcp, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
	/* The first message gets the connection dropped; the second one is never read */
	assert_int_equal(sendmsg(stranger, &message, 0), sizeof(header));
	descriptors_put(&message, &room, &tcp, 1);
	assert_int_equal(sendmsg(stranger, &message, 0), sizeof(header));
	close(tcp);
	assert_int_equal(reply(test, stranger), -1);
	check_served(test);
	close(stranger);
	close(peer);
	close(listener);
}

/* The thread may be gone while it closes */
static void the_closer_ends_by_itself(void **state)
{
	unsigned int fds = count_fds(), strange;
	int fd = slow_file_open(&slow);
	struct closer *closer;

	(void)state;
	atomic_store(&slow.shared->hold, true);
	assert_int_equal(closer_open(8, &closer), 0);
	closer_add(closer, dup(fd), true);
	closer_add(closer, eventfd(0, EFD_CLOEXEC), false);
	assert_int_equal(closer_waiting(closer, &strange), 2);
	assert_int_equal(strange, 1);
	closer_close(closer);
	atomic_store(&slow.shared->hold, false);
	close(fd);
	fds_left(fds);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, no_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_kind_of_descriptor),
		cmocka_unit_test(eventfds_without_aio),
		TEST(a_slow_file_holds_nobody_up),
		TEST(strangers_are_bounded),
		TEST(unread_descriptors_hold_nobody_up),
		cmocka_unit_test(the_closer_ends_by_itself),
	};
	int failed;

	slow_file_mount(&slow);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	slow_file_unmount(&slow);
	return failed;
}
