/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * descriptors.c - attacks with descriptors on which a call of the adapter's blocks
 *
 *	linger		closing a TCP socket that has unsent data waits for its peer
 *	event		writing to an eventfd that is full and not O_NONBLOCK waits for a reader; the
 *			flag belongs to the open file, so the client can clear it at any time
 *	fuse		most calls on a file of FUSE wait for the process that serves the file system
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/vfio.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "attacker.h"
#include "attacks.h"
#include "base/clock.h"
#include "vfio_user/message.h"

#define LINGER_S   4          /* seconds: longer than the attack */
#define AGAIN_US   50000u     /* until the next one */
#define PIPELINE   65536      /* bytes */
#define FUSE_MOUNT "/mnt"     /* in a mount namespace of its own */
#define FUSE_FILE  2u         /* its inode */
#define FUSE_SIZE  (1u << 20) /* bytes */
#define STRANGER   99u        /* no command */

/** lingering() - a TCP socket with more data than its peer has room for */
static int lingering(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct linger linger = { 1, LINGER_S };
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	static char data[PIPELINE];
	int room = 2048;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	room = 1 << 20;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	attack_check(bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
				     listen(listener, 1) ||
				     getsockname(listener, (struct sockaddr *)&address, &len) ||
				     connect(fd, (struct sockaddr *)&address, len)
			     ? errno
			     : 0,
		     "a TCP connection to 127.0.0.1");
	attack_check(accept(listener, NULL, NULL) < 0 ? errno : 0, "a TCP connection");
	close(listener);
	while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	attack_check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) ? errno : 0,
		     "SO_LINGER");
	return fd;
}

/** linger() - pass such sockets beside a message that is no command, again and again */
static void __attribute__((noreturn)) linger(const char *socket, bool version)
{
	int next = lingering();

	attack_begin();
	for (;;) {
		int fd = socket_connect(socket);

		if (fd >= 0 && version && message_version(fd)) {
			close(fd);
			clock_pause_us(1000);
			continue;
		}
		if (fd >= 0) {
			message_send(fd, STRANGER, VFU_FLAG_NO_REPLY, NULL, 0, &next, 1);
			/* Ours is not the last one, so this does not wait. */
			close(next);
			close(fd);
			next = lingering();
		}
		clock_pause_us(AGAIN_US);
	}
}

static void linger_before(const char *socket)
{
	linger(socket, false);
}

static void linger_after(const char *socket)
{
	linger(socket, true);
}

/* ---- Eventfds ---- */

/** event_set() - vector @vector signals @fd */
static void event_set(struct attacker *attacker, uint32_t vector, int fd)
{
	attack_check(attacker->transport->ops->irqs(attacker->transport, vector, &fd, 1),
		     "an interrupt");
}

/** event_full() - fill an eventfd, and make writing to it wait */
static void event_full(int fd)
{
	attack_check(eventfd_write(fd, UINT64_MAX - 1) ||
				     fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK)
			     ? errno
			     : 0,
		     "an eventfd");
}

/** event_lane() - the lane raises the interrupt, for a completion */
static void event_lane(const char *socket)
{
	struct gdma_create_queue_req request = { .type = GDMA_EQ,
						 .queue_size = 4096,
						 .eq_msix_index = 1 };
	struct gdma_create_queue_resp response;
	struct attacker attacker;
	struct driver_unit entry;
	struct driver_eq eq;
	struct queue queue;
	void *ring;
	int fd = eventfd(0, EFD_NONBLOCK);

	attacker_open(&attacker, socket, 8u << 20, false);
	event_set(&attacker, 1, fd);
	ring = attacker_alloc(&attacker, 4096);
	request.pdid = attacker.hwc->pd;
	request.doorbell_page = attacker.hwc->page;
	attack_check(hwc_region(attacker.hwc, ring, 4096, &request.dma_region), "a ring");
	attack_check(
		hwc_ask(attacker.hwc, attacker.hwc->dev, GDMA_CREATE_QUEUE, &request, &response),
		"an event queue");
	eq_init(&eq, ring, 4096);
	eq.id = response.queue_index;
	queue_open(&attacker, 0, GDMA_SQ, 4096, 8192, eq.id, &queue);
	entry = (struct driver_unit){ { DRIVER_WQE_SGES(1) | DRIVER_WQE_SHORT, queue.oob,
					(uintptr_t)frame_tcp(&attacker, 0, 64, false),
					GDMA_SGE_WORD(attacker.hwc->key, 64) } };
	queue_fill(&queue, &entry, 1);
	event_full(fd);
	attack_begin();
	for (;;) {
		struct gdma_eqe event;

		/* Both queues are armed again, so that each ring raises an interrupt. */
		queue_announce(&attacker, &queue);
		while (!driver_cq_peek(&queue.cq, 127)) {
			attack_check(attacker.transport->ops->alive(attacker.transport), "event");
			clock_pause_us(100);
		}
		driver_cq_step(&queue.cq, 128);
		while (eq_take(&eq, &event))
			;
		driver_doorbell_ring(driver_doorbell(attacker.driver), GDMA_DB_EQ, eq_bell(&eq));
		driver_doorbell_ring(driver_doorbell(attacker.driver), GDMA_DB_CQ,
				     driver_cq_bell(&queue.cq, true));
	}
}

/** event_control() - the control thread raises it, because the client asks for that */
static void event_control(const char *socket)
{
	struct vfu_irq_set set = { .argsz = sizeof(set),
				   .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
				   .index = VFIO_PCI_MSIX_IRQ_INDEX,
				   .start = 1,
				   .count = 1 };
	struct attacker attacker;
	int fd = eventfd(0, EFD_NONBLOCK);

	attacker_open(&attacker, socket, 8u << 20, false);
	event_set(&attacker, 1, fd);
	event_full(fd);
	attack_begin();
	for (;;) {
		attack_check(message_send(attacker.fd, VFU_CMD_DEVICE_SET_IRQS, VFU_FLAG_NO_REPLY,
					  &set, sizeof(set), NULL, 0),
			     "an interrupt");
		clock_pause_us(1000);
	}
}

/* ---- FUSE ---- */

/** struct fuse_message - a request */
struct fuse_message {
	struct fuse_in_header header;
	uint8_t body[FUSE_MIN_READ_BUFFER * 2];
};

static void fuse_answer(int fd, const struct fuse_message *request, int error, const void *body,
			size_t len)
{
	struct fuse_out_header header = { .len = (uint32_t)(sizeof(header) + len),
					  .error = error,
					  .unique = request->header.unique };
	struct iovec iov[2] = { { &header, sizeof(header) }, { (void *)(uintptr_t)body, len } };

	if (writev(fd, iov, 2) < 0)
		_exit(0);
}

/** fuse_serve() - until the file has been opened; nothing after that */
static void __attribute__((noreturn)) fuse_serve(int fd)
{
	static struct fuse_message request;
	bool open = false;

	for (;;) {
		struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
					      .minor = FUSE_KERNEL_MINOR_VERSION,
					      .max_write = 4096 };
		struct fuse_entry_out entry = {
			.nodeid = FUSE_FILE,
			.generation = 1,
			.attr = { .ino = FUSE_FILE,
				  .mode = S_IFREG | 0600,
				  .size = FUSE_SIZE,
				  .nlink = 1 },
		};
		struct fuse_attr_out attr = {
			.attr = { .ino = 1, .mode = S_IFDIR | 0755, .nlink = 2 }
		};
		struct fuse_open_out opened = { .fh = 1 };

		if (read(fd, &request, sizeof(request)) < 0) {
			if (errno == EINTR || errno == ENOENT)
				continue;
			_exit(0);
		}
		if (open)
			continue;
		switch (request.header.opcode) {
		case FUSE_INIT:
			fuse_answer(fd, &request, 0, &init, sizeof(init));
			break;
		case FUSE_LOOKUP:
			fuse_answer(fd, &request, 0, &entry, sizeof(entry));
			break;
		case FUSE_GETATTR:
			if (request.header.nodeid == FUSE_FILE)
				attr.attr = entry.attr;
			fuse_answer(fd, &request, 0, &attr, sizeof(attr));
			break;
		case FUSE_OPEN:
			fuse_answer(fd, &request, 0, &opened, sizeof(opened));
			open = true;
			break;
		default:
			fuse_answer(fd, &request, -ENOSYS, NULL, 0);
		}
	}
}

/** fuse_open() - a file whose server answers nothing any more */
static int fuse_open(void)
{
	int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[80];
	int fd;

	attack_check(device < 0 ? errno : 0, "/dev/fuse (modprobe fuse)");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	attack_check(unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
				     mount("attack", FUSE_MOUNT, "fuse", 0, options)
			     ? errno
			     : 0,
		     "a FUSE file system at " FUSE_MOUNT);
	/* A process of its own: when it dies, nobody waits for it any more. */
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fuse_serve(device);
	}
	close(device);
	fd = open(FUSE_MOUNT "/memory", O_RDWR | O_CLOEXEC);
	attack_check(fd < 0 ? errno : 0, "a file of FUSE");
	return fd;
}

/** fuse() - such a file as memory, and beside a message that is no command */
static void fuse(const char *socket)
{
	struct vfu_dma_map map = { .argsz = sizeof(map),
				   .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
				   .address = UINT64_C(1) << 41,
				   .size = FUSE_SIZE };
	struct attacker attacker;
	int fd = fuse_open();

	attacker_open(&attacker, socket, 8u << 20, false);
	attack_begin();
	for (;;) {
		attack_check(message_send(attacker.fd, VFU_CMD_DMA_MAP, VFU_FLAG_NO_REPLY, &map,
					  sizeof(map), &fd, 1),
			     "mapping");
		attack_check(
			message_send(attacker.fd, STRANGER, VFU_FLAG_NO_REPLY, NULL, 0, &fd, 1),
			"a stranger");
		clock_pause_us(1000);
	}
}

const struct attack descriptors[] = {
	{ "linger-before", linger_before, NULL, false },
	{ "linger-after", linger_after, NULL, false },
	{ "event-lane", event_lane, NULL, false },
	{ "event-control", event_control, NULL, false },
	{ "fuse", fuse, NULL, false },
	{ 0 },
};
