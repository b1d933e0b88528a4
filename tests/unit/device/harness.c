/* SPDX-License-Identifier: BSD-3-Clause */
#include "harness.h"
#include "base/budget.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "device/state.h"
#include "dma/map.h"
#include "vfio_user/descriptors.h"
#include "vfio_user/message.h"
#include "vfio_user/server.h"
#include "../range.h"

#define SHM_OFFSET 0x1000u /* checked against the register when the HWC comes up */

static const char version_json[] = "{\"capabilities\":{\"max_msg_fds\":16}}";

/* ---- Log ---- */

/* Messages, one after the other, as far as they fit */
struct notes {
	char text[1 << 16];
	size_t used;
};

static struct notes all_notes, warning_notes;
static atomic_uint warning_count;
static pthread_mutex_t notes_lock = PTHREAD_MUTEX_INITIALIZER;

static void notes_add(struct notes *notes, const char *message)
{
	size_t len = strlen(message);

	if (len + 2 > sizeof(notes->text) - notes->used)
		return;
	memcpy(notes->text + notes->used, message, len);
	notes->used += len;
	notes->text[notes->used++] = '\n';
	notes->text[notes->used] = '\0';
}

static bool notes_have(struct notes *notes, const char *words)
{
	bool found;

	pthread_mutex_lock(&notes_lock);
	found = strstr(notes->text, words) != NULL;
	pthread_mutex_unlock(&notes_lock);
	return found;
}

static void note(enum log_level level, const char *message)
{
	if (getenv("VERBOSE"))
		fprintf(stderr, "%d %s\n", (int)level, message);
	pthread_mutex_lock(&notes_lock);
	notes_add(&all_notes, message);
	if (level <= LOG_WARNING) {
		notes_add(&warning_notes, message);
		atomic_fetch_add(&warning_count, 1);
	}
	pthread_mutex_unlock(&notes_lock);
}

void harness_log(void)
{
	all_notes.used = warning_notes.used = 0;
	all_notes.text[0] = warning_notes.text[0] = '\0';
	atomic_store(&warning_count, 0);
	log_set(note, LOG_INFO);
}

unsigned int warnings(void)
{
	return atomic_load(&warning_count);
}

bool harness_said(const char *words)
{
	return notes_have(&warning_notes, words);
}

bool harness_noted(const char *words)
{
	return notes_have(&all_notes, words);
}

/* ---- The machine ---- */

static struct sigaction guard;

void guard_install(void)
{
	if (dma_guard_install() < 0 || sigaction(SIGBUS, NULL, &guard) < 0)
		abort();
}

void guard_enable(void)
{
	assert_int_equal(sigaction(SIGBUS, &guard, NULL), 0);
}

/* ---- The adapter ---- */

void host_open_config(struct host *host, unsigned int lanes, struct host *share)
{
	struct error error = { "" };

	harness_log();
	strcpy(host->folder, "/tmp/test-device-XXXXXX");
	assert_non_null(mkdtemp(host->folder));
	snprintf(host->path, sizeof(host->path), "%s/socket", host->folder);
	host->config.name = "mana0";
	host->config.socket = host->path;
	if (lanes)
		assert_int_equal(lanes_start(NULL, lanes, &host->lanes), 0);
	if (adapter_open(&host->config, lanes ? host->lanes : share->lanes, &host->adapter, &error))
		fail_msg("adapter_open: %s", error.text);
	assert_false(adapter_busy(host->adapter));
}

void host_open(struct host *host, unsigned int lanes, struct host *share,
	       const char *const *fabrics)
{
	static uint8_t adapters;

	memset(host, 0, sizeof(*host));
	adapters++;
	for (; fabrics[host->config.ports]; host->config.ports++) {
		struct adapter_port_config *port = &host->config.port[host->config.ports];
		uint8_t mac[6] = { 0, 0x0d, 0x3a, 0xaa, adapters, (uint8_t)host->config.ports };

		memcpy(port->mac, mac, sizeof(mac));
		port->fabric = fabrics[host->config.ports];
		port->mtu = 9000;
		port->queues = 64;
	}
	host_open_config(host, lanes, share);
}

void host_close(struct host *host)
{
	adapter_close(host->adapter);
	if (host->lanes)
		lanes_stop(host->lanes);
	assert_int_equal(rmdir(host->folder), 0);
	log_set(NULL, LOG_ERROR);
}

void host_serve(struct host *host)
{
	struct pollfd poll_fd[2] = { { .fd = adapter_fd(host->adapter), .events = POLLIN },
				     { .fd = adapter_guard_fd(), .events = POLLIN } };
	uint64_t lost;

	for (unsigned int n = 0; poll(poll_fd, 2, 0) > 0; n++) {
		assert_true(n < 100000);
		if (poll_fd[0].revents) {
			uint32_t start = budget_spent, waited = budget_waited, worked;

			adapter_serve(host->adapter);
			host->spent += budget_since(start);
			worked = budget_since(start) - (budget_waited - waited);
			if (worked > host->dearest)
				host->dearest = worked;
		}
		if (poll_fd[1].revents && read(poll_fd[1].fd, &lost, sizeof(lost)) > 0)
			adapter_check(host->adapter);
	}
}

struct adapter_port_counters host_counters(struct host *host, unsigned int port)
{
	struct adapter_port_counters counters[ADAPTER_PORTS_MAX];

	adapter_counters(host->adapter, counters);
	return counters[port];
}

void settle(struct host *host)
{
	/* A kick is seen in the next turn; its results, in the one after. */
	for (unsigned int i = 0; i < 4; i++) {
		host_serve(host);
		if (host->lanes)
			lanes_sync(host->lanes);
		pause_us(50);
	}
}

/* Serve until there is something to read from @fd; the server may have to wait for its closer */
static void serve_until_readable(struct host *host, int fd)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
				{ .fd = adapter_fd(host->adapter), .events = POLLIN } };

	do
		host_serve(host);
	while (poll(fds, 2, PATIENCE_MS) > 0 && !fds[0].revents);
	assert_true(fds[0].revents);
}

/* ---- Messages ---- */

static void send_message(int fd, uint16_t id, uint16_t code, uint32_t flags, const void *body,
			 size_t len, const int *fds, unsigned int n)
{
	struct vfu_header header = {
		.id = id, .command = code, .size = (uint32_t)(sizeof(header) + len), .flags = flags
	};
	union descriptors_room room;
	struct iovec iov[2] = { { &header, sizeof(header) }, { (void *)(uintptr_t)body, len } };
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 2 };

	descriptors_put(&message, &room, fds, n);
	assert_int_equal(sendmsg(fd, &message, MSG_NOSIGNAL), (ssize_t)(sizeof(header) + len));
}

int guest_call(struct guest *guest, uint16_t code, const void *body, size_t len, void *reply,
	       size_t reply_len, const int *fds, unsigned int n)
{
	static uint16_t id;
	struct vfu_header header;

	send_message(guest->fd, ++id, code, 0, body, len, fds, n);
	serve_until_readable(guest->host, guest->fd);
	assert_int_equal(recv(guest->fd, &header, sizeof(header), MSG_WAITALL), sizeof(header));
	assert_int_equal(header.id, id);
	if (header.flags & VFU_FLAG_ERROR)
		return (int)header.error;
	assert_int_equal(header.size, sizeof(header) + reply_len);
	if (reply_len)
		assert_int_equal(recv(guest->fd, reply, reply_len, MSG_WAITALL),
				 (ssize_t)reply_len);
	return 0;
}

static void region_write(struct guest *guest, uint32_t region, uint64_t offset, const void *data,
			 size_t len)
{
	struct vfu_region_access at = { .offset = offset,
					.region = region,
					.count = (uint32_t)len };
	uint8_t body[sizeof(at) + 4096];

	assert_true(len <= 4096);
	memcpy(body, &at, sizeof(at));
	memcpy(body + sizeof(at), data, len);
	send_message(guest->fd, 0, VFU_CMD_REGION_WRITE, VFU_FLAG_NO_REPLY, body, sizeof(at) + len,
		     NULL, 0);
	host_serve(guest->host);
}

static void region_read(struct guest *guest, uint32_t region, uint64_t offset, void *data,
			size_t len)
{
	struct vfu_region_access at = { .offset = offset,
					.region = region,
					.count = (uint32_t)len };
	uint8_t reply[sizeof(at) + 4096];

	assert_true(len <= 4096);
	assert_int_equal(guest_call(guest, VFU_CMD_REGION_READ, &at, sizeof(at), reply,
				    sizeof(at) + len, NULL, 0),
			 0);
	memcpy(data, reply + sizeof(at), len);
}

void bar_write(struct guest *guest, uint64_t offset, const void *data, size_t len)
{
	region_write(guest, 0, offset, data, len);
}

void bar_read(struct guest *guest, uint64_t offset, void *data, size_t len)
{
	region_read(guest, 0, offset, data, len);
}

void config_space_write(struct guest *guest, uint64_t offset, const void *data, size_t len)
{
	region_write(guest, VFU_REGION_CONFIG, offset, data, len);
}

void config_space_read(struct guest *guest, uint64_t offset, void *data, size_t len)
{
	region_read(guest, VFU_REGION_CONFIG, offset, data, len);
}

int guest_map(struct guest *guest, uint64_t iova, uint64_t size, int fd, uint64_t offset,
	      bool writable)
{
	struct vfu_dma_map map = { .argsz = sizeof(map),
				   .flags = VFIO_DMA_MAP_FLAG_READ |
					    (writable ? VFIO_DMA_MAP_FLAG_WRITE : 0u),
				   .offset = offset,
				   .address = iova,
				   .size = size };

	return guest_call(guest, VFU_CMD_DMA_MAP, &map, sizeof(map), NULL, 0, &fd, fd >= 0);
}

int guest_unmap(struct guest *guest, uint64_t iova, uint64_t size)
{
	struct vfu_dma_unmap unmap = { .argsz = sizeof(unmap), .address = iova, .size = size };
	struct vfu_dma_unmap reply;

	return guest_call(guest, VFU_CMD_DMA_UNMAP, &unmap, sizeof(unmap), &reply, sizeof(reply),
			  NULL, 0);
}

int guest_reset(struct guest *guest)
{
	return guest_call(guest, VFU_CMD_DEVICE_RESET, NULL, 0, NULL, 0, NULL, 0);
}

/* ---- The client ---- */

void guest_connect(struct guest *guest, struct host *host)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	uint8_t body[64] = { 0 };
	struct vfu_header header;
	char reply[512];

	memset(guest, 0, sizeof(*guest));
	guest->host = host;
	guest->memory_fd = -1;
	for (unsigned int i = 0; i < GUEST_VECTORS; i++)
		guest->vector[i] = -1;
	guest->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(guest->fd >= 0);
	strcpy(address.sun_path, host->path);
	assert_int_equal(connect(guest->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(setsockopt(guest->fd, SOL_SOCKET, SO_RCVTIMEO,
				    &(struct timeval){ .tv_sec = 5 }, sizeof(struct timeval)),
			 0);
	memcpy(body + sizeof(struct vfu_version), version_json, sizeof(version_json));
	send_message(guest->fd, 1, VFU_CMD_VERSION, 0, body,
		     sizeof(struct vfu_version) + sizeof(version_json), NULL, 0);
	serve_until_readable(host, guest->fd);
	assert_int_equal(recv(guest->fd, &header, sizeof(header), MSG_WAITALL), sizeof(header));
	assert_int_equal(header.flags, VFU_TYPE_REPLY);
	assert_true(header.size - sizeof(header) <= sizeof(reply));
	assert_int_equal(recv(guest->fd, reply, header.size - sizeof(header), MSG_WAITALL),
			 (ssize_t)(header.size - sizeof(header)));
	assert_true(adapter_busy(host->adapter));
}

static void set_vectors(struct guest *guest)
{
	for (uint32_t start = 0; start < GUEST_VECTORS; start += VFU_FDS_MAX) {
		uint32_t n =
			GUEST_VECTORS - start < VFU_FDS_MAX ? GUEST_VECTORS - start : VFU_FDS_MAX;
		struct vfu_irq_set set = { .argsz = sizeof(set),
					   .flags = VFIO_IRQ_SET_DATA_EVENTFD |
						    VFIO_IRQ_SET_ACTION_TRIGGER,
					   .index = VFU_IRQ_MSIX,
					   .start = start,
					   .count = n };

		for (uint32_t i = 0; i < n; i++) {
			guest->vector[start + i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
			assert_true(guest->vector[start + i] >= 0);
		}
		assert_int_equal(guest_call(guest, VFU_CMD_DEVICE_SET_IRQS, &set, sizeof(set), NULL,
					    0, &guest->vector[start], n),
				 0);
	}
}

void guest_attach(struct guest *guest, struct host *host)
{
	uint16_t master = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	guest_connect(guest, host);
	guest->memory_fd = memfd_create("guest", MFD_CLOEXEC);
	assert_true(guest->memory_fd >= 0);
	assert_int_equal(ftruncate(guest->memory_fd, GUEST_SIZE), 0);
	guest->memory =
		mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, guest->memory_fd, 0);
	assert_ptr_not_equal(guest->memory, MAP_FAILED);
	assert_int_equal(guest_map(guest, GUEST_IOVA, GUEST_SIZE, guest->memory_fd, 0, true), 0);
	set_vectors(guest);
	config_space_write(guest, PCI_COMMAND, &master, sizeof(master));
}

void guest_detach(struct guest *guest)
{
	close(guest->fd);
	for (unsigned int i = 0; adapter_busy(guest->host->adapter) && i < 5000; i++) {
		host_serve(guest->host);
		poll(NULL, 0, adapter_busy(guest->host->adapter));
	}
	assert_false(adapter_busy(guest->host->adapter));
	if (guest->memory)
		munmap(guest->memory, GUEST_SIZE);
	if (guest->memory_fd >= 0)
		close(guest->memory_fd);
	for (unsigned int i = 0; i < GUEST_VECTORS; i++)
		if (guest->vector[i] >= 0)
			close(guest->vector[i]);
}

unsigned int open_both(struct host *host, struct guest *guest, unsigned int lanes,
		       const char *const *fabrics)
{
	unsigned int fds_before = count_fds();

	host_open(host, lanes, NULL, fabrics);
	guest_attach(guest, host);
	return fds_before;
}

void close_both(struct host *host, struct guest *guest, unsigned int fds_before)
{
	guest_detach(guest);
	host_close(host);
	fds_left(fds_before);
}

bool guest_gone(struct guest *guest)
{
	char bytes[4096];
	ssize_t n;

	host_serve(guest->host);
	do
		n = recv(guest->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	while (n > 0);
	return n == 0 || errno == ECONNRESET;
}

void *guest_alloc(struct guest *guest, size_t len)
{
	void *pointer = guest->memory + guest->used;

	guest->used += (len + MANA_PAGE_SIZE - 1) & ~(size_t)(MANA_PAGE_SIZE - 1);
	assert_true(guest->used <= GUEST_SIZE);
	return pointer;
}

uint64_t guest_iova(struct guest *guest, const void *pointer)
{
	return GUEST_IOVA + (uint64_t)((const uint8_t *)pointer - guest->memory);
}

uint64_t vector_take(struct guest *guest, uint32_t vector)
{
	uint64_t n;

	return read(guest->vector[vector], &n, sizeof(n)) == sizeof(n) ? n : 0;
}

/* ---- Shared-memory channel ---- */

union smc_header smc_send(struct guest *guest, const struct smc_message *message)
{
	union smc_header header;

	for (unsigned int i = 0; i < SMC_WORDS; i++)
		bar_write(guest, SHM_OFFSET + 4 * i, (const uint8_t *)message + 4 * i, 4);
	bar_read(guest, SHM_OFFSET + SMC_HEADER_OFFSET, &header, sizeof(header));
	return header;
}

struct smc_message hwc_message(struct guest *guest)
{
	struct smc_message message = { .header.msg_type = SMC_ESTABLISH_HWC };
	uint8_t *page = guest_alloc(guest, 4 * MANA_PAGE_SIZE);

	memset(page, 0, 4 * MANA_PAGE_SIZE);
	guest->heq = (struct geq){ .ring = (void *)page,
				   .count = MANA_PAGE_SIZE / GDMA_EQE_SIZE,
				   .index = MANA_PAGE_SIZE / GDMA_EQE_SIZE };
	guest->hcq = (struct gcq){ .ring = (void *)(page + MANA_PAGE_SIZE),
				   .count = MANA_PAGE_SIZE / GDMA_CQE_SIZE,
				   .index = MANA_PAGE_SIZE / GDMA_CQE_SIZE };
	guest->hrq = (struct gwq){ .type = GDMA_RQ, .ring = page + 2 * MANA_PAGE_SIZE };
	guest->hsq = (struct gwq){ .type = GDMA_SQ, .ring = page + 3 * MANA_PAGE_SIZE };
	guest->hrq.size = guest->hsq.size = MANA_PAGE_SIZE;
	guest->answers = 0;
	for (unsigned int i = 0; i < 4; i++)
		smc_message_set_address(&message, (enum smc_queue)i,
					guest_iova(guest, page + i * MANA_PAGE_SIZE));
	if (!guest->request) {
		guest->request = guest_alloc(guest, 2 * MANA_PAGE_SIZE);
		guest->response = guest_alloc(guest, 2 * MANA_PAGE_SIZE);
	}
	return message;
}

bool hwc_events(struct guest *guest)
{
	struct gdma_eqe eqe;
	bool first = true;

	guest->init_seen = 0;
	while (eq_take(&guest->heq, &eqe)) {
		union hwc_event_data data = { .word = eqe.details[0] };
		union hwc_init_eq_id_db ids = { .word = eqe.details[0] };

		if (eqe.type == GDMA_EQE_HWC_INIT_DONE)
			return true;
		if (eqe.type == GDMA_EQE_HWC_INIT_EQ_ID_DB) {
			assert_true(first);
			guest->heq.id = ids.eq_id;
			guest->heq.doorbell = guest->hcq.doorbell = ids.doorbell;
			guest->hrq.doorbell = guest->hsq.doorbell = ids.doorbell;
		} else {
			assert_int_equal(eqe.type, GDMA_EQE_HWC_INIT_DATA);
			guest->init_seen |= 1u << data.type;
			switch (data.type) {
			case HWC_INIT_CQ_ID:
				guest->hcq.id = data.value;
				break;
			case HWC_INIT_RQ_ID:
				guest->hrq.id = data.value;
				break;
			case HWC_INIT_SQ_ID:
				guest->hsq.id = data.value;
				break;
			case HWC_INIT_MAX_CQS:
				guest->max_cqs = data.value;
				break;
			case HWC_INIT_PD_ID:
				guest->hwc_pd = data.value;
				break;
			case HWC_INIT_GPA_MKEY:
				guest->hwc_key = data.value;
				break;
			}
		}
		first = false;
	}
	return false;
}

void hwc_up(struct guest *guest)
{
	struct smc_message message = hwc_message(guest);
	union smc_header header = smc_send(guest, &message);

	assert_int_equal(header.word, 0x81);
	assert_true(vector_take(guest, 0) > 0);
	assert_true(hwc_events(guest));
	ring_eq(guest, &guest->heq, true);
}

uint32_t hwc_down(struct guest *guest)
{
	union smc_header header = { .msg_type = SMC_DESTROY_HWC };

	bar_write(guest, SHM_OFFSET + SMC_HEADER_OFFSET, &header, sizeof(header));
	bar_read(guest, SHM_OFFSET + SMC_HEADER_OFFSET, &header, sizeof(header));
	assert_int_equal(header.msg_type, SMC_DESTROY_HWC);
	assert_int_equal(header.response, 1);
	return header.status;
}

/* ---- Hardware channel ---- */

bool guest_send(struct guest *guest, const void *message, uint32_t len)
{
	struct {
		struct gdma_wqe header;
		struct hwc_tx_oob oob;
		struct gdma_sge sge;
		uint8_t padding[16];
	} sqe = { .header = { .num_sge = 1, .inline_oob_size_div4 = 6 },
		  .oob = { .vscq_id = guest->hcq.id & 0xffffffu,
			   .vsq_id = guest->hsq.id & 0xffffffu },
		  .sge = { guest_iova(guest, guest->request), guest->hwc_key, len } };
	struct gdma_sge buffer = { guest_iova(guest, guest->response), guest->hwc_key,
				   MANA_PAGE_SIZE };
	struct gdma_cqe cqe;
	struct hwc_rx_oob oob;

	_Static_assert(sizeof(sqe) == 64, "entry");
	memcpy(guest->request, message, len);
	memset(guest->response, 0xee, MANA_PAGE_SIZE);
	receive_post(&guest->hrq, &buffer, 1);
	ring_wq(guest, &guest->hrq);
	wqe_put(&guest->hsq, &sqe, sizeof(sqe));
	ring_wq(guest, &guest->hsq);
	/* A command may have to wait for a lane's work. */
	WAIT(guest->host, !guest->host->adapter->hwc.closing);
	if (!cq_take(&guest->hcq, &cqe))
		return false;
	assert_int_equal(cqe.wq_num, guest->hsq.id);
	assert_int_equal(cqe.is_sq, 1);
	assert_true(cq_take(&guest->hcq, &cqe));
	assert_int_equal(cqe.wq_num, guest->hrq.id);
	assert_int_equal(cqe.is_sq, 0);
	memcpy(&oob, cqe.data, sizeof(oob));
	/* A buffer that an earlier request left is used first. */
	assert_int_equal(oob.wqe_offset % guest->hrq.size,
			 guest->answers++ * GDMA_WQE_UNIT % guest->hrq.size);
	guest->response_len = oob.tx_oob_data_size;
	assert_false(cq_take(&guest->hcq, &cqe));
	return true;
}

void request_begin(struct guest *guest, void *request, uint32_t code, uint32_t len,
		   uint32_t response_len, uint16_t version)
{
	struct gdma_req_header *header = request;

	header->req.hdr_type = GDMA_HEADER_TYPE_STANDARD;
	header->req.msg_type = code;
	header->req.msg_version = GDMA_MESSAGE_V1;
	header->req.hwc_msg_id = ++guest->message_id;
	header->req.msg_size = len;
	header->resp = header->req;
	header->resp.msg_version = version;
	header->resp.msg_size = response_len;
	header->activity_id = 0xac710000u + guest->message_id;
	if (!header->dev_id.type && code >> 16 == 2)
		header->dev_id.type = GDMA_DEVICE_MANA;
	if (!header->dev_id.type && code >> 16 == 3)
		header->dev_id.type = GDMA_DEVICE_MANA_IB;
}

uint32_t command(struct guest *guest, void *request, uint32_t len, void *response)
{
	const struct gdma_req_header *asked = request;
	struct gdma_resp_header header;

	assert_true(guest_send(guest, request, len));
	memcpy(&header, guest->response, sizeof(header));
	assert_int_equal(guest->response_len, asked->resp.msg_size);
	assert_int_equal(header.response.msg_size, asked->resp.msg_size);
	assert_int_equal(header.response.msg_type, asked->req.msg_type);
	assert_int_equal(header.response.hwc_msg_id, asked->req.hwc_msg_id);
	assert_range(header.response.msg_version, 1, asked->resp.msg_version);
	assert_memory_equal(&header.dev_id, &asked->dev_id, sizeof(header.dev_id));
	assert_int_equal(header.activity_id, asked->activity_id);
	/* Not a byte more than was asked for, and none left out */
	for (uint32_t i = guest->response_len; i < MANA_PAGE_SIZE; i++)
		assert_int_equal(guest->response[i], 0xee);
	if (response)
		memcpy(response, guest->response, guest->response_len);
	return header.status;
}

uint32_t simple(struct guest *guest, uint32_t code, uint16_t device, void *response,
		uint32_t response_len, uint16_t version)
{
	struct gdma_general_req request = { .hdr.dev_id.type = device };

	request_begin(guest, &request, code, sizeof(request), response_len, version);
	return command(guest, &request, sizeof(request), response);
}

/* ---- Objects ---- */

uint32_t region_create(struct guest *guest, uint64_t iova, uint64_t len, uint64_t *handle)
{
	static struct {
		struct gdma_create_dma_region_req head;
		uint64_t page[(4096 - sizeof(struct gdma_create_dma_region_req)) / 8];
	} request;
	static struct {
		struct gdma_dma_region_add_pages_req head;
		uint64_t page[(4096 - sizeof(struct gdma_dma_region_add_pages_req)) / 8];
	} more;
	struct gdma_create_dma_region_resp response;
	struct gdma_general_resp answer;
	uint32_t room = sizeof(request.page) / 8, status, size;
	uint32_t pages, given;

	memset(&request, 0, sizeof(request));
	request.head.length = len;
	request.head.offset_in_page = (uint32_t)(iova % MANA_PAGE_SIZE);
	pages = (uint32_t)((request.head.offset_in_page + len + MANA_PAGE_SIZE - 1) /
			   MANA_PAGE_SIZE);
	request.head.page_count = pages;
	given = pages < room ? pages : room;
	request.head.page_addr_list_len = given;
	iova -= request.head.offset_in_page;
	for (uint32_t i = 0; i < given; i++)
		request.page[i] = iova + (uint64_t)i * MANA_PAGE_SIZE;
	size = (uint32_t)sizeof(request.head) + given * 8;
	request_begin(guest, &request, GDMA_CREATE_DMA_REGION, size, sizeof(response), 1);
	status = command(guest, &request, size, &response);
	*handle = response.dma_region;
	room = sizeof(more.page) / 8;
	while (status == GDMA_STATUS_MORE_ENTRIES) {
		uint32_t n = pages - given < room ? pages - given : room;

		assert_true(n > 0);
		memset(&more, 0, sizeof(more));
		more.head.dma_region = *handle;
		more.head.page_addr_list_len = n;
		for (uint32_t i = 0; i < n; i++)
			more.page[i] = iova + (uint64_t)(given + i) * MANA_PAGE_SIZE;
		given += n;
		size = (uint32_t)sizeof(more.head) + n * 8;
		request_begin(guest, &more, GDMA_DMA_REGION_ADD_PAGES, size, sizeof(answer), 1);
		status = command(guest, &more, size, &answer);
	}
	return status;
}

uint64_t region_of(struct guest *guest, const void *pointer, size_t len)
{
	uint64_t handle;

	return region_create(guest, guest_iova(guest, pointer), len, &handle) ? 0 : handle;
}

uint32_t region_destroy(struct guest *guest, uint64_t handle)
{
	struct gdma_destroy_dma_region_req request = { .dma_region = handle };
	struct gdma_general_resp response;

	return COMMAND(guest, GDMA_DESTROY_DMA_REGION, &request, &response, 1);
}

void ethernet_up(struct guest *guest)
{
	struct gdma_verify_version_req verify = { .protocol_ver_min = GDMA_PROTOCOL_V1,
						  .protocol_ver_max = GDMA_PROTOCOL_V1,
						  .driver_cap_flags1 = ALL_CAPS,
						  .os_type = GDMA_OS_LINUX };
	struct gdma_verify_version_resp verified;
	struct gdma_register_device_resp registered;

	hwc_up(guest);
	assert_int_equal(COMMAND(guest, GDMA_VERIFY_VF_DRIVER_VERSION, &verify, &verified, 1), 0);
	assert_int_equal(simple(guest, GDMA_REGISTER_DEVICE, GDMA_DEVICE_MANA, &registered,
				sizeof(registered), 1),
			 0);
	guest->pd = registered.pdid;
	guest->key = registered.gpa_mkey;
	guest->doorbell = registered.db_id;
}

void port_up(struct guest *guest, uint32_t index, struct gport *port)
{
	struct mana_query_vport_config_req query = { .vport_index = index };
	struct mana_query_vport_config_resp config;
	struct mana_config_vport_tx_req tx = { .pdid = guest->pd,
					       .doorbell_page = guest->doorbell };
	struct mana_config_vport_tx_resp offset;

	assert_int_equal(COMMAND(guest, MANA_QUERY_VPORT_CONFIG, &query, &config, 1), 0);
	port->handle = config.vport;
	port->table = config.num_indirection_ent;
	memcpy(port->mac, config.mac_addr, 6);
	tx.vport = config.vport;
	assert_int_equal(COMMAND(guest, MANA_CONFIG_VPORT_TX, &tx, &offset, 1), 0);
	port->offset = offset.tx_vport_offset;
}

uint32_t eq_new(struct guest *guest, struct geq *eq, uint32_t entries, uint32_t vector)
{
	struct gdma_create_queue_req request = { .type = GDMA_EQ,
						 .pdid = guest->pd,
						 .doorbell_page = guest->doorbell,
						 .queue_size = entries * GDMA_EQE_SIZE,
						 .log2_throttle_limit = 3,
						 .eq_msix_index = vector };
	struct gdma_create_queue_resp response;
	uint32_t status;

	*eq = (struct geq){
		.count = entries, .index = entries, .doorbell = guest->doorbell, .vector = vector
	};
	eq->ring = guest_alloc(guest, request.queue_size);
	memset(eq->ring, 0, request.queue_size);
	eq->iova = guest_iova(guest, eq->ring);
	request.dma_region = region_of(guest, eq->ring, request.queue_size);
	assert_true(request.dma_region != 0);
	status = COMMAND(guest, GDMA_CREATE_QUEUE, &request, &response, 1);
	eq->id = response.queue_index;
	return status;
}

uint32_t eq_end(struct guest *guest, const struct geq *eq)
{
	struct gdma_disable_queue_req request = { .type = GDMA_EQ,
						  .queue_index = eq->id,
						  .alloc_res_id_on_creation = 1 };
	struct gdma_general_resp response;

	return COMMAND(guest, GDMA_DISABLE_QUEUE, &request, &response, 1);
}

uint32_t wq_new(struct guest *guest, const struct gport *port, uint32_t type, uint32_t size,
		uint32_t entries, const struct geq *eq, struct gwq *wq)
{
	struct mana_create_wq_obj_req request = { .vport = port->handle,
						  .wq_type = type,
						  .wq_size = size,
						  .cq_size = entries * GDMA_CQE_SIZE,
						  .cq_parent_eq_id = eq ? eq->id : GDMA_CQ_NO_EQ };
	struct mana_create_wq_obj_resp response;
	uint32_t status;

	*wq = (struct gwq){ .type = type, .size = size, .doorbell = guest->doorbell };
	wq->cq = (struct gcq){ .count = entries, .index = entries, .doorbell = guest->doorbell };
	wq->ring = guest_alloc(guest, size);
	wq->iova = guest_iova(guest, wq->ring);
	wq->cq.ring = guest_alloc(guest, request.cq_size);
	wq->cq.iova = guest_iova(guest, wq->cq.ring);
	memset(wq->cq.ring, 0, request.cq_size);
	request.wq_dma_region = wq->wq_region = region_of(guest, wq->ring, size);
	request.cq_dma_region = wq->cq_region = region_of(guest, wq->cq.ring, request.cq_size);
	assert_true(request.wq_dma_region && request.cq_dma_region);
	status = COMMAND(guest, MANA_CREATE_WQ_OBJ, &request, &response, 1);
	wq->id = response.wq_id;
	wq->cq.id = response.cq_id;
	wq->handle = response.wq_obj;
	return status;
}

uint32_t wq_end(struct guest *guest, const struct gwq *wq)
{
	struct mana_destroy_wq_obj_req request = { .wq_type = wq->type, .wq_obj = wq->handle };
	struct gdma_general_resp response;

	return COMMAND(guest, MANA_DESTROY_WQ_OBJ, &request, &response, 1);
}

uint32_t steer(struct guest *guest, const struct gport *port, const struct gsteer *steer)
{
	struct {
		struct mana_config_vport_rx_req_v2 head;
		uint64_t table[MANA_INDIRECTION_MAX];
	} request = { .head.v1 = { .vport = port->handle,
				   .indir_tab_offset = sizeof(request.head),
				   .rx_enable = steer->enable,
				   .rss_enable = steer->rss,
				   .update_hashkey = steer->key != NULL,
				   .update_indir_tab = steer->rq != NULL,
				   .update_default_rxobj = 1,
				   .default_rxobj = steer->fallback ? steer->fallback->handle
								    : MANA_INVALID_HANDLE },
		      .head.cqe_coalescing_enable = steer->coalesce,
		      .head.cqe8_coalescing_enable = steer->coalesce_8,
		      .head.rss_hash_types = steer->hash_types };
	struct gdma_general_resp response;
	uint32_t n = steer->rq ? steer->entries : 0;
	uint32_t len = (uint32_t)sizeof(request.head) + n * 8;

	request.head.v1.num_indir_entries = (uint16_t)n;
	for (uint32_t i = 0; i < n; i++)
		request.table[i] = steer->rq[i % steer->rqs].handle;
	if (steer->key)
		memcpy(request.head.v1.hashkey, steer->key, MANA_HASH_KEY_SIZE);
	request_begin(guest, &request, MANA_CONFIG_VPORT_RX, len, sizeof(response), 1);
	request.head.v1.hdr.req.msg_version =
		steer->hash_types || steer->coalesce_8 ? GDMA_MESSAGE_V5 : GDMA_MESSAGE_V2;
	return command(guest, &request, len, &response);
}

uint32_t pd_new(struct guest *guest, uint64_t *handle, uint32_t *id)
{
	struct gdma_create_pd_req request = { 0 };
	struct gdma_create_pd_resp response;
	uint32_t status = COMMAND(guest, GDMA_CREATE_PD, &request, &response, 1);

	*handle = response.pd_handle;
	*id = response.pd_id;
	return status;
}

uint32_t mr_new(struct guest *guest, uint64_t pd, const void *pointer, size_t len, uint64_t address,
		uint32_t access, uint64_t *handle, uint32_t *key)
{
	struct gdma_create_mr_req request = { .pd_handle = pd, .mr_type = GDMA_MR_GVA };
	struct gdma_create_mr_resp response;
	uint32_t status;

	status = region_create(guest, guest_iova(guest, pointer), len, &request.gva.dma_region);
	assert_int_equal(status, 0);
	request.gva.virtual_address = address;
	request.gva.access_flags = access;
	status = COMMAND(guest, GDMA_CREATE_MR, &request, &response, 1);
	*handle = response.mr_handle;
	*key = response.lkey;
	return status;
}

/* ---- Queues ---- */

void doorbell(struct guest *guest, uint32_t page, uint32_t offset, union gdma_doorbell value)
{
	bar_write(guest, GUEST_DB_BASE + (uint64_t)page * MANA_PAGE_SIZE + offset, &value,
		  sizeof(value));
}

void doorbell_short(struct guest *guest, uint32_t page, uint32_t offset,
		    union gdma_doorbell_short value)
{
	bar_write(guest, GUEST_DB_BASE + (uint64_t)page * MANA_PAGE_SIZE + offset, &value,
		  sizeof(value));
}

void ring_wq(struct guest *guest, struct gwq *wq)
{
	union gdma_doorbell value = { .sq = { .id = wq->id & 0xffffffu, .tail = wq->tail } };

	doorbell(guest, wq->doorbell, wq->type == GDMA_SQ ? GDMA_DB_SQ : GDMA_DB_RQ, value);
}

void ring_cq(struct guest *guest, struct gcq *cq, bool arm)
{
	union gdma_doorbell value = {
		.cq = { .id = cq->id & 0xffffffu, .tail = cq->index & 0x7fffffffu, .arm = arm }
	};

	doorbell(guest, cq->doorbell, GDMA_DB_CQ, value);
}

void ring_eq(struct guest *guest, struct geq *eq, bool arm)
{
	union gdma_doorbell value = {
		.eq = { .id = eq->id & 0xffffu, .tail = eq->index & 0x7fffffffu, .arm = arm }
	};

	doorbell(guest, eq->doorbell, GDMA_DB_EQ, value);
}

bool cq_take(struct gcq *cq, struct gdma_cqe *cqe)
{
	const struct gdma_cqe *at = &cq->ring[cq->index % cq->count];
	uint32_t info = __atomic_load_n(&at->info, __ATOMIC_ACQUIRE);

	switch (gdma_entry_state(info, cq->index, cq->count)) {
	case GDMA_ENTRY_NONE:
		return false;
	case GDMA_ENTRY_OVERFLOW:
		fail_msg("a completion was written over, index %u, word %#x", cq->index, info);
		return false;
	case GDMA_ENTRY_NEW:
		break;
	}
	*cqe = *at;
	cq->index = gdma_index_next(cq->index, cq->count);
	return true;
}

bool eq_take(struct geq *eq, struct gdma_eqe *eqe)
{
	const struct gdma_eqe *at = &eq->ring[eq->index % eq->count];
	uint32_t info = __atomic_load_n(&at->info, __ATOMIC_ACQUIRE);

	switch (gdma_entry_state(info, eq->index, eq->count)) {
	case GDMA_ENTRY_NONE:
		return false;
	case GDMA_ENTRY_OVERFLOW:
		fail_msg("an event was written over, index %u, word %#x", eq->index, info);
		return false;
	case GDMA_ENTRY_NEW:
		break;
	}
	*eqe = *at;
	eq->index = gdma_index_next(eq->index, eq->count);
	return true;
}

struct gdma_cqe cq_wait(struct guest *guest, struct gcq *cq)
{
	struct gdma_cqe cqe = { .info = 0 };

	WAIT(guest->host, cq_take(cq, &cqe));
	return cqe;
}

void wqe_put(struct gwq *wq, const void *wqe, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		wq->ring[(wq->tail + i) % wq->size] = ((const uint8_t *)wqe)[i];
	wq->tail += size;
}

struct mana_tx_oob send_oob(const struct gport *port, const struct gwq *sq)
{
	struct mana_tx_oob oob = { .s = { .vcq_num = sq->cq.id & 0xffffffu,
					  .vsq_frame = mana_vsq_frame(sq->id) & 0x3fffu,
					  .short_vp_offset = port->offset & 0xffu } };

	return oob;
}

void send_post(struct gwq *sq, const struct gsend *send)
{
	bool is_long = send->oob.s.pkt_fmt == MANA_PACKET_LONG;
	uint8_t wqe[GDMA_SQE_SIZE_MAX] = { 0 };
	struct gdma_wqe header = { .num_sge = send->sges & 0xffu,
				   .inline_oob_size_div4 = is_long ? 6 : 2,
				   .client_oob_in_sgl = send->tso,
				   .client_data_unit = send->mss & 0x3fffu };

	if (send->tso)
		header.last_vbytes = send->sge[0].size & 0xffu;
	memcpy(wqe, &header, sizeof(header));
	memcpy(wqe + 8, &send->oob, is_long ? 24 : 8);
	memcpy(wqe + (is_long ? 32 : 16), send->sge, send->sges * sizeof(*send->sge));
	wqe_put(sq, wqe, gdma_wqe_size(&header));
}

void send_frame(struct guest *guest, struct gwq *sq, const struct mana_tx_oob *oob,
		const void *frame, uint32_t len)
{
	struct gdma_sge sge = sge_of(guest, frame, len);
	struct gsend send = { .sge = &sge, .sges = 1, .oob = *oob };

	send_post(sq, &send);
	ring_wq(guest, sq);
}

unsigned int tx_wait(struct guest *guest, struct gwq *sq)
{
	struct gdma_cqe cqe = cq_wait(guest, &sq->cq);
	struct mana_tx_comp_oob oob;

	memcpy(&oob, cqe.data, sizeof(oob));
	assert_int_equal(cqe.wq_num, sq->id);
	assert_int_equal(cqe.is_sq, 1);
	assert_int_equal(oob.cqe_hdr.client_type, MANA_CLIENT_COMPLETION);
	return oob.cqe_hdr.cqe_type;
}

void receive_post(struct gwq *rq, const struct gdma_sge *sge, uint32_t sges)
{
	uint8_t wqe[GDMA_RQE_SIZE_MAX] = { 0 };
	struct gdma_wqe header = { .num_sge = sges & 0xffu, .inline_oob_size_div4 = 2 };

	memcpy(wqe, &header, sizeof(header));
	memcpy(wqe + 16, sge, sges * sizeof(*sge));
	wqe_put(rq, wqe, gdma_wqe_size(&header));
}

struct mana_rxcomp_oob rx_wait(struct guest *guest, struct gwq *rq)
{
	struct gdma_cqe cqe = cq_wait(guest, &rq->cq);
	struct mana_rxcomp_oob oob;

	memcpy(&oob, cqe.data, sizeof(oob));
	assert_int_equal(cqe.wq_num, rq->id);
	assert_int_equal(cqe.is_sq, 0);
	assert_int_equal(oob.cqe_hdr.client_type, MANA_CLIENT_COMPLETION);
	return oob;
}

struct gdma_sge sge_of(struct guest *guest, const void *pointer, uint32_t len)
{
	return (struct gdma_sge){ guest_iova(guest, pointer), guest->key, len };
}

/* ---- The usual start ---- */

void net_up(struct guest *guest, uint32_t index, struct gnet *net)
{
	struct gsteer all = { .enable = true, .fallback = &net->rq };

	memset(net, 0, sizeof(*net));
	port_up(guest, index, &net->port);
	assert_int_equal(eq_new(guest, &net->eq, 256, 1 + index), 0);
	assert_int_equal(wq_new(guest, &net->port, GDMA_SQ, 16384, 256, &net->eq, &net->sq), 0);
	assert_int_equal(wq_new(guest, &net->port, GDMA_RQ, 4096, 256, &net->eq, &net->rq), 0);
	net->buffers = guest_alloc(guest, GNET_BUFFERS * GNET_BUFFER);
	net->frame = guest_alloc(guest, GNET_FRAME);
	assert_int_equal(steer(guest, &net->port, &all), 0);
}

void net_post(struct guest *guest, struct gnet *net, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint8_t *buffer = net->buffers + (net->posted++ % GNET_BUFFERS) * GNET_BUFFER;
		struct gdma_sge sge = sge_of(guest, buffer, GNET_BUFFER);

		receive_post(&net->rq, &sge, 1);
	}
	assert_true(net->posted - net->taken <= GNET_BUFFERS);
	ring_wq(guest, &net->rq);
}

uint8_t *net_buffer(struct gnet *net)
{
	return net->buffers + (net->taken++ % GNET_BUFFERS) * GNET_BUFFER;
}
