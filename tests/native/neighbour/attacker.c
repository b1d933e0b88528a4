/* SPDX-License-Identifier: BSD-3-Clause */
#include "attacker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "vfio_user/descriptors.h"
#include "vfio_user/message.h"

#define OPEN_MS    5000u /* until the last client's end has been handled */
#define PAUSE_US   200u  /* between two looks at the rings */
#define PAGES_EACH 480u  /* page addresses in a command */

static int begin_fd = -1;
static bool begun;

void attack_prepare(int fd)
{
	begin_fd = fd;
	begun = false;
}

void attack_begin(void)
{
	if (!begun && write(begin_fd, "b", 1) != 1)
		_exit(ATTACK_BROKEN);
	begun = true;
}

void attack_check(int err, const char *doing)
{
	if (!err)
		return;
	if (begun)
		_exit(ATTACK_LOST);
	fprintf(stderr, "the attack cannot be prepared: %s: %s\n", doing, strerror(abs(err)));
	_exit(ATTACK_BROKEN);
}

/* ---- The client ---- */

void *attacker_alloc(struct attacker *attacker, size_t size)
{
	void *memory = arena_take(&attacker->arena, size, MANA_PAGE_SIZE);

	attack_check(memory ? 0 : ENOMEM, "memory of the attack");
	return memory;
}

void attacker_open(struct attacker *attacker, const char *socket, size_t size, bool shared)
{
	static struct transport_ops ordinary;
	struct driver_allocator allocator = { arena_take, arena_give, &attacker->arena };
	struct driver_port_config config = { .rx_interrupts = false };
	uint64_t deadline = clock_deadline(OPEN_MS);
	struct transport_share share;
	int err;

	memset(attacker, 0, sizeof(*attacker));
	attacker->arena.size = size;
	attacker->memory_fd = memfd_create("attacker", MFD_CLOEXEC);
	attack_check(ftruncate(attacker->memory_fd, (off_t)size) ? errno : 0, "memory");
	attacker->arena.memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, attacker->memory_fd, 0);
	attack_check(attacker->arena.memory == MAP_FAILED ? errno : 0, "memory");
	do {
		err = transport_vfio_user(socket, &attacker->transport);
		if (err == -EBUSY || err == -ENODEV)
			clock_pause_us(1000);
	} while ((err == -EBUSY || err == -ENODEV) && !clock_passed(deadline));
	attack_check(err, "attaching");
	if (!shared) {
		ordinary = *attacker->transport->ops;
		ordinary.map_region = refuse_map_region;
		attacker->transport->ops = &ordinary;
	}
	attack_check(driver_open(attacker->transport, &allocator, &attacker->driver), "driver");
	attack_check(
		driver_map(attacker->driver, attacker->arena.memory, size, attacker->memory_fd, 0),
		"mapping memory");
	attack_check(driver_start(attacker->driver), "bringing the adapter up");
	attack_check(driver_port_open(attacker->driver, 0, &config, &attacker->port), "vPort");
	attacker->hwc = hwc_of(attacker->driver);
	attack_check(attacker->transport->ops->share(attacker->transport, &share), "the socket");
	attacker->fd = share.post_fd;
}

uint64_t attacker_region(struct attacker *attacker, const uint64_t *pages, uint32_t count,
			 unsigned int shift)
{
	uint64_t buffer[HWC_BOOT_MESSAGE_SIZE / 8] = { 0 };
	struct gdma_create_dma_region_req *create = (void *)buffer;
	struct gdma_dma_region_add_pages_req *add = (void *)buffer;
	struct gdma_create_dma_region_resp made;
	struct gdma_general_resp answer;
	uint32_t n = count < PAGES_EACH ? count : PAGES_EACH;

	create->length = (uint64_t)count << shift;
	create->page_type = shift - MANA_PAGE_SHIFT;
	create->page_count = count;
	create->page_addr_list_len = n;
	memcpy(create->page_addr_list, pages, n * sizeof(*pages));
	attack_check(hwc_command(attacker->hwc,
				 &(struct command){ .code = GDMA_CREATE_DMA_REGION,
						    .request = buffer,
						    .request_len = sizeof(*create) + n * 8,
						    .response = &made,
						    .response_len = sizeof(made) }),
		     "a DMA region");
	for (uint32_t at = n; at < count; at += n) {
		n = count - at < PAGES_EACH ? count - at : PAGES_EACH;
		memset(buffer, 0, sizeof(*add));
		add->dma_region = made.dma_region;
		add->page_addr_list_len = n;
		memcpy(add->page_addr_list, pages + at, n * sizeof(*pages));
		attack_check(hwc_command(attacker->hwc,
					 &(struct command){ .code = GDMA_DMA_REGION_ADD_PAGES,
							    .request = buffer,
							    .request_len = sizeof(*add) + n * 8,
							    .response = &answer,
							    .response_len = sizeof(answer) }),
			     "a DMA region's pages");
	}
	return made.dma_region;
}

uint32_t attacker_key(struct attacker *attacker, uint64_t region, uint64_t length)
{
	struct gdma_create_pd_req pd_request = { .flags = 0 };
	struct gdma_create_pd_resp pd;
	struct mana_config_vport_tx_req config = { .vport = attacker->hwc->vport[0],
						   .doorbell_page = attacker->hwc->page };
	struct mana_config_vport_tx_resp configured;
	struct gdma_create_mr_req request = {
		.mr_type = GDMA_MR_GVA,
		.gva = { .dma_region = region,
			 .access_flags = GDMA_ACCESS_LOCAL_READ | GDMA_ACCESS_LOCAL_WRITE },
	};
	struct gdma_create_mr_resp mr;

	(void)length;
	attack_check(hwc_ask(attacker->hwc, HWC_FUNCTION, GDMA_CREATE_PD, &pd_request, &pd), "PD");
	request.pd_handle = pd.pd_handle;
	attack_check(hwc_ask(attacker->hwc, HWC_FUNCTION, GDMA_CREATE_MR, &request, &mr),
		     "a memory key");
	/* Queues that are created from now on use this protection domain. */
	config.pdid = pd.pd_id;
	attack_check(hwc_ask(attacker->hwc, attacker->hwc->dev, MANA_CONFIG_VPORT_TX, &config,
			     &configured),
		     "a vPort's protection domain");
	return mr.lkey;
}

/* ---- Queues ---- */

void queue_open(struct attacker *attacker, unsigned int port, uint32_t type, uint32_t size,
		uint32_t completions, uint32_t eq, struct queue *queue)
{
	struct hwc_driver *hwc = attacker->hwc;
	struct mana_create_wq_obj_req request = { .vport = hwc->vport[port],
						  .wq_type = type,
						  .wq_size = size,
						  .cq_size = completions,
						  .cq_parent_eq_id = eq };
	struct mana_create_wq_obj_resp made;
	uint8_t *ring = attacker_alloc(attacker, size);
	uint8_t *cq = attacker_alloc(attacker, completions);

	/* Of an earlier queue at the same place */
	memset(cq, 0, completions);
	attack_check(hwc_region(hwc, ring, size, &request.wq_dma_region), "a ring");
	attack_check(hwc_region(hwc, cq, completions, &request.cq_dma_region), "a ring");
	attack_check(hwc_ask(hwc, hwc->dev, MANA_CREATE_WQ_OBJ, &request, &made), "a queue");
	wq_init(&queue->wq, ring, size, type == GDMA_SQ ? GDMA_DB_SQ : GDMA_DB_RQ, made.wq_id);
	queue->wq.page = DRIVER_NO_PAGE;
	cq_init(&queue->cq, cq, completions, made.cq_id);
	queue->handle = made.wq_obj;
	queue->oob = MANA_TX_WORD_FORMAT(MANA_PACKET_SHORT) | MANA_TX_WORD_VCQ(made.cq_id) |
		     MANA_TX_WORD_VP_OFFSET(port);
}

void queue_destroy(struct attacker *attacker, uint32_t type, const struct queue *queue)
{
	struct mana_destroy_wq_obj_req request = { .wq_type = type, .wq_obj = queue->handle };
	struct gdma_general_resp response;

	attack_check(hwc_ask(attacker->hwc, attacker->hwc->dev, MANA_DESTROY_WQ_OBJ, &request,
			     &response),
		     "destroying a queue");
}

struct driver_unit entry_plain(const struct queue *queue, const uint8_t *frame, uint32_t key,
			       uint32_t len)
{
	return (struct driver_unit){ { DRIVER_WQE_SGES(1) | DRIVER_WQE_SHORT,
				       queue->oob | DRIVER_TX_SUPPRESS, (uintptr_t)frame,
				       GDMA_SGE_WORD(key, len) } };
}

void queue_fill(struct queue *queue, const struct driver_unit *entry, unsigned int units)
{
	for (uint32_t at = 0; at + units <= queue->wq.mask + 1; at += units)
		memcpy(&queue->wq.ring[at], entry, units * sizeof(*entry));
}

void queue_announce(struct attacker *attacker, struct queue *queue)
{
	queue->wq.tail += queue->wq.mask + 1;
	driver_wq_commit(&queue->wq, driver_doorbell(attacker->driver));
}

void queues_flood(struct attacker *attacker, struct queue *queues, unsigned int n, uint32_t each)
{
	for (unsigned int i = 0; i < n; i++)
		queue_announce(attacker, &queues[i]);
	for (;;) {
		for (unsigned int i = 0; i < n; i++) {
			if (!driver_cq_peek(&queues[i].cq, each - 1))
				continue;
			driver_cq_step(&queues[i].cq, each);
			queue_announce(attacker, &queues[i]);
		}
		attack_check(attacker->transport->ops->alive(attacker->transport), "flood");
		clock_pause_us(PAUSE_US);
	}
}

uint8_t *frame_tcp(struct attacker *attacker, unsigned int port, size_t len, bool broadcast)
{
	static const uint8_t ip[] = { 0x45, 0, 0,  0, 0,    0,    0,    0, 64, 6, 0, 0, 10, 0,
				      0,    1, 10, 0, 0,    2,    0,    1, 0,  2, 0, 0, 0,  1,
				      0,    0, 0,  0, 0x50, 0x10, 0x10, 0, 0,  0, 0, 0 };
	struct driver_port_info info;
	uint8_t *frame = attacker_alloc(attacker, len);
	size_t ip_len = len - 14;

	attack_check(driver_port_info(attacker->driver, port, &info), "a vPort's address");
	memset(frame, broadcast ? 0xff : 2, 6);
	memcpy(frame + 6, info.mac, 6);
	frame[12] = 8;
	frame[13] = 0;
	memcpy(frame + 14, ip, sizeof(ip));
	frame[16] = (uint8_t)(ip_len >> 8);
	frame[17] = (uint8_t)ip_len;
	return frame;
}

/* ---- Messages ---- */

int socket_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

int message_send(int fd, uint16_t command, uint32_t flags, const void *body, size_t len,
		 const int *fds, unsigned int n)
{
	struct vfu_header header = { .command = command,
				     .size = (uint32_t)(sizeof(header) + len),
				     .flags = VFU_TYPE_COMMAND | flags };
	struct iovec iov[2] = { { &header, sizeof(header) }, { (void *)(uintptr_t)body, len } };
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };
	union descriptors_room room;
	size_t done;
	ssize_t sent;

	descriptors_put(&message, &room, fds, n);
	while ((sent = sendmsg(fd, &message, MSG_NOSIGNAL)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		clock_pause_us(PAUSE_US);
	}
	for (done = (size_t)sent; done < header.size; done += (size_t)sent) {
		if (done < sizeof(header))
			return -EPIPE; /* never so little at once */
		sent = send(fd, (const uint8_t *)body + (done - sizeof(header)), header.size - done,
			    MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (sent < 0) {
			sent = 0;
			clock_pause_us(PAUSE_US);
		}
	}
	return 0;
}

/** receive() - exactly @len bytes; NULL drops them */
static int receive(int fd, void *data, size_t len)
{
	uint8_t drop[4096];

	while (len) {
		size_t part = data || len < sizeof(drop) ? len : sizeof(drop);
		ssize_t n = recv(fd, data ? data : drop, part, 0);

		if (!n)
			return -ECONNRESET;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n < 0) {
			clock_pause_us(PAUSE_US);
			continue;
		}
		len -= (size_t)n;
		if (data)
			data = (uint8_t *)data + n;
	}
	return 0;
}

int message_answer(int fd)
{
	struct vfu_header header;
	int err = receive(fd, &header, sizeof(header));

	if (err)
		return err;
	if (header.size < sizeof(header))
		return -EPROTO;
	err = receive(fd, NULL, header.size - sizeof(header));
	return err ? err : (int)header.error;
}

int message_version(int fd)
{
	static const char json[] = "{\"capabilities\":{\"max_msg_fds\":8}}";
	uint8_t body[sizeof(struct vfu_version) + sizeof(json)] = { 0 };
	int err;

	memcpy(body + sizeof(struct vfu_version), json, sizeof(json));
	err = message_send(fd, VFU_CMD_VERSION, 0, body, sizeof(body), NULL, 0);
	return err ? err : message_answer(fd);
}
