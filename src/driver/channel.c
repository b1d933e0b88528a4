/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver/channel.c - see channel.h; docs/wire.md describes the messages
 *
 * Theory of operation
 *
 *	channel_open()
 *	  registers		where the SMC and the doorbell pages are
 *	  vector 0		an eventfd
 *	  SMC ESTABLISH_HWC	addresses of four pages
 *	  events		numbers of the queues, limits, "done"
 *	channel_command(), one at a time
 *	  entry in the RQ	a page for the response
 *	  entry in the SQ	the request
 *	  two completions	the response is checked and copied out
 *
 * To wait, the driver arms the queues and sleeps on the eventfd. It arms them with its read index,
 * so entries that came in between raise the event at once, and no wake-up is lost. The wait also
 * ends when the adapter disappears, and at the deadline.
 *
 * The response is in memory that the adapter can write at any time: it is copied once, and the copy
 * is checked.
 */
#include "driver/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/shared.h"

#define PAGES       6u /* of struct channel.memory */
#define PAGE(n)     ((n)*MANA_PAGE_SIZE)
#define PAGE_EQ     PAGE(0u)
#define PAGE_CQ     PAGE(1u)
#define PAGE_RQ     PAGE(2u)
#define PAGE_SQ     PAGE(3u)
#define PAGE_REQ    PAGE(4u)
#define PAGE_RESP   PAGE(5u)
#define WAIT_MS     100 /* between checks that the adapter is there */
#define SMC_WAIT_US 200 /* between reads of the SMC */
#define NEEDED                                                                                     \
	(1u << HWC_INIT_CQ_ID | 1u << HWC_INIT_RQ_ID | 1u << HWC_INIT_SQ_ID |                      \
	 1u << HWC_INIT_MAX_CQS | 1u << HWC_INIT_GPA_MKEY)

/* ---- Queues ---- */

static uint32_t log2_of(uint32_t n)
{
	return (uint32_t)__builtin_ctz(n);
}

void eq_init(struct driver_eq *eq, const void *ring, uint32_t size)
{
	uint32_t n = size / GDMA_EQE_SIZE;

	*eq = (struct driver_eq){ .ring = ring, .mask = n - 1, .shift = log2_of(n), .index = n };
}

bool eq_take(struct driver_eq *eq, struct gdma_eqe *event)
{
	const struct gdma_eqe *eqe = &eq->ring[eq->index & eq->mask];
	uint32_t info = shared_load_acquire(&eqe->info);
	uint32_t ahead = ((info >> GDMA_OWNER_SHIFT) - (eq->index >> eq->shift)) & GDMA_OWNER_MASK;

	if (ahead == GDMA_OWNER_MASK || eq->broken)
		return false;
	if (ahead) {
		eq->broken = true;
		return false;
	}
	memcpy(event, eqe, sizeof(*event));
	event->info = info;
	eq->index++;
	return true;
}

union gdma_doorbell eq_bell(const struct driver_eq *eq)
{
	uint32_t span = (eq->mask + 1) << GDMA_OWNER_BITS;

	return (union gdma_doorbell){ .word = GDMA_DB_WORD_ARM(true) |
					      GDMA_DB_WORD(eq->id, eq->index & (span - 1)) };
}

void cq_init(struct driver_cq *cq, const void *ring, uint32_t size, uint32_t id)
{
	uint32_t n = size / GDMA_CQE_SIZE;

	*cq = (struct driver_cq){
		.ring = ring, .mask = n - 1, .shift = log2_of(n), .index = n, .id = id
	};
}

void wq_init(struct driver_wq *wq, void *ring, uint32_t size, uint32_t bell, uint32_t id)
{
	*wq = (struct driver_wq){ .ring = ring,
				  .mask = size / GDMA_WQE_UNIT - 1,
				  .page = DRIVER_NO_PAGE,
				  .bell = bell,
				  .id = id };
}

void bell_page_ring(void *ctx, uint32_t offset, uint64_t value)
{
	const struct bell_page *page = ctx;

	/* The code that waits for the result notices by itself if the adapter is gone. */
	page->transport->ops->post(page->transport, TRANSPORT_BAR0, page->base + offset, value);
}

int bell_page_init(struct bell_page *page, const struct channel *channel, uint32_t number)
{
	if (number >= channel->bell_pages) {
		log_say(LOG_ERROR,
			"%s: the adapter reports doorbell page %u, but has only "
			"%u",
			channel->name, number, channel->bell_pages);
		return -EPROTO;
	}
	page->transport = channel->transport;
	page->base = channel->bells + (uint64_t)number * channel->bell_size;
	return 0;
}

/* ---- Registers and the shared-memory channel ---- */

static int read32(const struct channel *channel, uint64_t offset, uint32_t *value)
{
	return channel->transport->ops->read(channel->transport, TRANSPORT_BAR0, offset, value,
					     sizeof(*value));
}

/** read_registers() - read the layout of BAR 0 */
static int read_registers(struct channel *channel)
{
	struct mana_vf_regs regs;
	uint64_t size;
	int err = channel->transport->ops->size(channel->transport, TRANSPORT_BAR0, &size);

	if (!err && size < sizeof(regs))
		err = -EPROTO;
	if (!err)
		err = channel->transport->ops->read(channel->transport, TRANSPORT_BAR0, 0, &regs,
						    sizeof(regs));
	if (err)
		return err;
	channel->version[0] = regs.version_major;
	channel->version[1] = regs.version_minor;
	channel->version[2] = regs.version_micro;
	channel->bells = regs.db_page_offset;
	channel->bell_size = regs.db_page_size;
	channel->smc = regs.shm_offset;
	if (channel->bell_size < MANA_DB_PAGE_SIZE_MIN || channel->bells % sizeof(uint64_t) ||
	    channel->bells >= size || channel->smc % sizeof(uint32_t) || channel->smc >= size ||
	    size - channel->smc < SMC_SIZE) {
		log_say(LOG_ERROR,
			"%s: the adapter's registers are invalid: doorbell pages of %u bytes at "
			"%#llx, shared-memory channel at %#llx, in %#llx bytes",
			channel->name, channel->bell_size, (unsigned long long)channel->bells,
			(unsigned long long)channel->smc, (unsigned long long)size);
		return -EPROTO;
	}
	size = (size - channel->bells) / channel->bell_size;
	channel->bell_pages = size > UINT16_MAX ? UINT16_MAX : (uint32_t)size;
	return 0;
}

/** smc_wait() - wait until the driver owns the aperture; its header goes into @header */
static int smc_wait(const struct channel *channel, union smc_header *header)
{
	uint64_t deadline = clock_deadline(channel->timeout_ms);

	for (;;) {
		int err = read32(channel, channel->smc + SMC_HEADER_OFFSET, &header->word);

		if (err)
			return err;
		if (!header->owner_is_pf)
			return 0;
		if (clock_passed(deadline))
			return -ETIMEDOUT;
		clock_pause_us(SMC_WAIT_US);
	}
}

/** smc_establish() - pass the four pages to the adapter */
static int smc_establish(const struct channel *channel)
{
	struct smc_message message = { .msix = 0 };
	union smc_header header;
	uint32_t words[SMC_WORDS];
	int err = smc_wait(channel, &header);

	if (err)
		return err;
	smc_message_set_address(&message, SMC_QUEUE_EQ, (uintptr_t)channel->memory + PAGE_EQ);
	smc_message_set_address(&message, SMC_QUEUE_CQ, (uintptr_t)channel->memory + PAGE_CQ);
	smc_message_set_address(&message, SMC_QUEUE_RQ, (uintptr_t)channel->memory + PAGE_RQ);
	smc_message_set_address(&message, SMC_QUEUE_SQ, (uintptr_t)channel->memory + PAGE_SQ);
	message.header.msg_type = SMC_ESTABLISH_HWC;
	message.header.msg_version = SMC_ESTABLISH_HWC_VERSION;
	memcpy(words, &message, sizeof(words));
	for (unsigned int i = 0; i < SMC_WORDS && !err; i++)
		err = channel->transport->ops->write(channel->transport, TRANSPORT_BAR0,
						     channel->smc + i * sizeof(words[0]), &words[i],
						     sizeof(words[0]));
	if (!err)
		err = smc_wait(channel, &header);
	if (err)
		return err;
	if (!header.response || header.msg_type != SMC_ESTABLISH_HWC ||
	    header.status != SMC_STATUS_SUCCESS) {
		log_say(LOG_ERROR, "%s: the adapter refuses to set up the hardware channel (%#x)",
			channel->name, header.word);
		return -EPROTO;
	}
	return 0;
}

/* ---- Events ---- */

/** init_event() - handle an event about the channel itself; false if it is not one */
static bool init_event(struct channel *channel, const struct gdma_eqe *event)
{
	union hwc_init_eq_id_db eq_id_db = { .word = event->details[0] };
	union hwc_event_data data = { .word = event->details[0] };

	switch (event->type) {
	case GDMA_EQE_HWC_INIT_EQ_ID_DB:
		channel->eq.id = eq_id_db.eq_id;
		if (channel->doorbell.ring)
			return true;
		if (bell_page_init(&channel->page, channel, eq_id_db.doorbell))
			channel->eq.broken = true; /* ends the wait, and what follows is not read */
		else
			channel->doorbell = (struct driver_doorbell){ .ring = bell_page_ring,
								      .ctx = &channel->page };
		return true;
	case GDMA_EQE_HWC_INIT_DONE:
		channel->done = true;
		return true;
	case GDMA_EQE_HWC_INIT_DATA:
		break;
	default:
		return false;
	}
	if (data.type < 32)
		channel->told |= 1u << data.type;
	switch (data.type) {
	case HWC_INIT_CQ_ID:
		channel->cq.id = data.value;
		break;
	case HWC_INIT_RQ_ID:
		channel->rq.id = data.value;
		break;
	case HWC_INIT_SQ_ID:
		channel->sq.id = data.value;
		break;
	case HWC_INIT_MAX_REQUEST:
		channel->max_request = data.value;
		break;
	case HWC_INIT_MAX_RESPONSE:
		channel->max_response = data.value;
		break;
	case HWC_INIT_MAX_CQS:
		channel->max_cqs = data.value;
		break;
	case HWC_INIT_GPA_MKEY:
		channel->key = data.value;
		break;
	default:
		break;
	}
	return true;
}

/** take_events() - handle all pending events, at most a full ring */
static void take_events(struct channel *channel)
{
	struct gdma_eqe event;
	bool taken = false;
	uint64_t count;

	/* Fails if the vector has not been raised; the queue is read anyway. */
	if (read(channel->irq_fd, &count, sizeof(count)) < 0)
		count = 0;
	for (uint32_t i = 0; i <= channel->eq.mask && eq_take(&channel->eq, &event); i++) {
		taken = true;
		/* Once the channel is up, its numbers no longer change. */
		if (channel->up || !init_event(channel, &event))
			channel->event(channel->ctx, event.type, event.details[0]);
	}
	/* Without an event the queue is still armed: it is so when it is created. */
	if (taken && channel->doorbell.ring)
		driver_doorbell_ring(&channel->doorbell, GDMA_DB_EQ, eq_bell(&channel->eq));
}

/** wait_event() - sleep until an event; 0, -ENODEV or -ETIMEDOUT */
static int wait_event(struct channel *channel, uint64_t deadline)
{
	struct epoll_event event;
	int left = clock_left_ms(deadline);

	if (!left)
		return -ETIMEDOUT;
	if (channel->eq.broken)
		return -EPROTO;
	if (epoll_wait(channel->epoll_fd, &event, 1, left < WAIT_MS ? left : WAIT_MS) < 0 &&
	    errno != EINTR)
		return -errno;
	return channel->transport->ops->alive(channel->transport);
}

void channel_poll(struct channel *channel)
{
	if (channel->up && !channel->dead)
		take_events(channel);
}

/** wait_init() - wait until the adapter has described the channel completely */
static int wait_init(struct channel *channel)
{
	uint64_t deadline = clock_deadline(channel->timeout_ms);

	for (;;) {
		int err;

		take_events(channel);
		if (channel->done)
			break;
		err = wait_event(channel, deadline);
		if (err)
			return err;
	}
	if ((channel->told & NEEDED) != NEEDED || !channel->doorbell.ring || !channel->max_cqs ||
	    channel->max_request < HWC_BOOT_MESSAGE_SIZE ||
	    channel->max_response < HWC_BOOT_MESSAGE_SIZE) {
		log_say(LOG_ERROR,
			"%s: the adapter's description of its hardware channel is incomplete (%#x; "
			"messages of %u and %u bytes)",
			channel->name, channel->told, channel->max_request, channel->max_response);
		return -EPROTO;
	}
	return 0;
}

/* ---- Up and down ---- */

static int open_events(struct channel *channel)
{
	struct epoll_event event = { .events = EPOLLIN };

	channel->irq_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	channel->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (channel->irq_fd < 0 || channel->epoll_fd < 0 ||
	    epoll_ctl(channel->epoll_fd, EPOLL_CTL_ADD, channel->irq_fd, &event) < 0)
		return -errno;
	return channel->transport->ops->watch(channel->transport, channel->epoll_fd, true);
}

int channel_open(struct channel *channel)
{
	int err;

	channel->irq_fd = -1;
	channel->epoll_fd = -1;
	channel->max_request = HWC_BOOT_MESSAGE_SIZE;
	channel->max_response = HWC_BOOT_MESSAGE_SIZE;
	err = read_registers(channel);
	if (err)
		return err;
	err = open_events(channel);
	if (!err)
		err = channel->transport->ops->irqs(channel->transport, 0, &channel->irq_fd, 1);
	if (!err) {
		channel->memory = channel->allocator->alloc(channel->allocator->ctx, PAGE(PAGES),
							    MANA_PAGE_SIZE);
		err = channel->memory ? 0 : -ENOMEM;
	}
	if (!err) {
		memset(channel->memory, 0, PAGE(PAGES));
		eq_init(&channel->eq, channel->memory + PAGE_EQ, MANA_PAGE_SIZE);
		cq_init(&channel->cq, channel->memory + PAGE_CQ, MANA_PAGE_SIZE, 0);
		wq_init(&channel->rq, channel->memory + PAGE_RQ, MANA_PAGE_SIZE, GDMA_DB_RQ, 0);
		wq_init(&channel->sq, channel->memory + PAGE_SQ, MANA_PAGE_SIZE, GDMA_DB_SQ, 0);
		err = smc_establish(channel);
	}
	if (!err)
		err = wait_init(channel);
	if (err) {
		channel->transport->ops->reset(channel->transport);
		channel_close(channel);
		return err;
	}
	channel->up = true;
	return 0;
}

void channel_close(struct channel *channel)
{
	if (channel->memory)
		channel->allocator->free(channel->allocator->ctx, channel->memory, PAGE(PAGES));
	if (channel->irq_fd >= 0)
		close(channel->irq_fd);
	if (channel->epoll_fd >= 0)
		close(channel->epoll_fd);
	channel->memory = NULL;
	channel->irq_fd = -1;
	channel->epoll_fd = -1;
	channel->up = false;
}

/* ---- Commands ---- */

/** post_request() - post a page for the response, then the request */
static void post_request(struct channel *channel, size_t len)
{
	struct hwc_tx_oob oob = { .vscq_id = channel->cq.id & 0xffffffu,
				  .vsq_id = channel->sq.id & 0xffffffu };
	uint64_t words[GDMA_OOB_LARGE / 8];
	struct driver_wq *rq = &channel->rq, *sq = &channel->sq;

	driver_unit_write(&rq->ring[rq->tail++ & rq->mask], DRIVER_WQE_SGES(1) | DRIVER_WQE_SHORT,
			  0, (uintptr_t)channel->memory + PAGE_RESP,
			  GDMA_SGE_WORD(channel->key, MANA_PAGE_SIZE));
	driver_wq_commit(rq, &channel->doorbell);
	memcpy(words, &oob, sizeof(words));
	driver_unit_write(&sq->ring[sq->tail++ & sq->mask], DRIVER_WQE_SGES(1) | DRIVER_WQE_LONG,
			  words[0], words[1], words[2]);
	driver_unit_write(&sq->ring[sq->tail++ & sq->mask], (uintptr_t)channel->memory + PAGE_REQ,
			  GDMA_SGE_WORD(channel->key, (uint32_t)len), 0, 0);
	driver_wq_commit(sq, &channel->doorbell);
}

/** take_completions() - take one of each queue; @len: bytes of the response; or -EAGAIN */
static int take_completions(struct channel *channel, bool *sent, bool *answered, uint32_t *len)
{
	const struct gdma_cqe *next;

	while ((next = driver_cq_peek(&channel->cq, 0))) {
		struct gdma_cqe cqe;
		struct hwc_rx_oob oob;

		memcpy(&cqe, next, sizeof(cqe));
		memcpy(&oob, cqe.data, sizeof(oob));
		driver_cq_step(&channel->cq, 1);
		if (cqe.is_sq ? *sent || cqe.wq_num != channel->sq.id
			      : *answered || cqe.wq_num != channel->rq.id)
			return -EPROTO;
		if (cqe.is_sq) {
			*sent = true;
		} else {
			*answered = true;
			*len = oob.tx_oob_data_size;
		}
	}
	if (channel->cq.broken)
		return -EPROTO;
	return *sent && *answered ? 0 : -EAGAIN;
}

/** wait_answer() - wait until the request has been taken and answered */
static int wait_answer(struct channel *channel, uint32_t *len)
{
	uint64_t deadline = clock_deadline(channel->timeout_ms);
	bool sent = false, answered = false;

	for (;;) {
		int err = take_completions(channel, &sent, &answered, len);

		if (err != -EAGAIN)
			return err;
		take_events(channel);
		driver_doorbell_ring(&channel->doorbell, GDMA_DB_CQ,
				     driver_cq_bell(&channel->cq, true));
		err = wait_event(channel, deadline);
		if (err)
			return err;
	}
}

/** exchange() - send a request, receive a response of @len bytes, check its header */
static int exchange(struct channel *channel, const struct command *command)
{
	const struct gdma_req_header *request = command->request;
	struct gdma_resp_header *response = command->response;
	uint32_t len = 0;
	int err;

	memcpy(channel->memory + PAGE_REQ, command->request, command->request_len);
	post_request(channel, command->request_len);
	err = wait_answer(channel, &len);
	channel->rq.head = channel->rq.tail;
	channel->sq.head = channel->sq.tail;
	if (err)
		return err;
	if (len < sizeof(*response) || len > command->response_len)
		return -EPROTO;
	memcpy(response, channel->memory + PAGE_RESP, len);
	if (response->response.hwc_msg_id != request->req.hwc_msg_id ||
	    response->response.msg_type != command->code ||
	    response->activity_id != request->activity_id ||
	    response->dev_id.type != request->dev_id.type ||
	    response->dev_id.instance != request->dev_id.instance)
		return -EPROTO;
	/* Responses to failed commands may be short. */
	if (!response->status && len != command->response_len)
		return -EPROTO;
	return 0;
}

int channel_command(struct channel *channel, struct command *command)
{
	struct gdma_req_header *request = command->request;
	const struct gdma_resp_header *response = command->response;
	int err;

	if (!channel->up || channel->dead)
		return -ENODEV;
	if (command->request_len > HWC_BOOT_MESSAGE_SIZE ||
	    command->response_len > HWC_BOOT_MESSAGE_SIZE)
		return -EMSGSIZE;
	*request = (struct gdma_req_header){
		.req = { .hdr_type = GDMA_HEADER_TYPE_STANDARD,
			 .msg_type = command->code,
			 .msg_version = command->request_version ? command->request_version
								 : GDMA_MESSAGE_V1,
			 .msg_size = (uint32_t)command->request_len },
		.resp = { .hdr_type = GDMA_HEADER_TYPE_STANDARD,
			  .msg_type = command->code,
			  .msg_version = command->response_version ? command->response_version
								   : GDMA_MESSAGE_V1,
			  .msg_size = (uint32_t)command->response_len },
		.dev_id = command->dev,
		.activity_id = ++channel->activity,
	};
	memset(command->response, 0, command->response_len);
	err = exchange(channel, command);
	if (err) {
		channel->dead = true;
		log_say(LOG_ERROR,
			"%s: command %#x to the adapter: %s; the adapter is no longer "
			"used",
			channel->name, command->code,
			err == -EPROTO ? "invalid answer" : strerror(-err));
		return err;
	}
	if (response->status && response->status != GDMA_STATUS_MORE_ENTRIES) {
		log_say(LOG_INFO, "%s: the adapter refuses command %#x: status %#x", channel->name,
			command->code, response->status);
		return response->status == GDMA_STATUS_CMD_UNSUPPORTED ? -EOPNOTSUPP : -EIO;
	}
	return 0;
}
