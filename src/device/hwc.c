/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * The hardware channel (HWC) carries commands. Its four queues are one page each,
 * at the addresses that the driver passed through the shared-memory channel. Once
 * they exist, the adapter reports their numbers and limits in events:
 *
 *	EQ_ID_DB, DATA (CQ, RQ, SQ, depth, sizes, number of CQs, PD, key), DONE
 *
 * From then on a command is a message that the driver posts to the SQ:
 *
 *	SQ entry -> copy the message -> run the command -> RQ entry -> copy the
 *	response -> completions of both, with one event
 *
 * All of this runs on the control thread, which has other adapters to serve: a visit handles
 * commands until it has spent its budget, and the rest in the next visit. A command that has to
 * wait for a lane's work is answered when that is done.
 */
#include "device/hwc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/uninitialized.h"
#include "base/log.h"
#include "device/command.h"
#include "device/doorbell.h"
#include "device/gdma.h"
#include "device/native.h"
#include "device/rnic.h"
#include "device/state.h"
#include "device/vport.h"
#include "wire/rnic.h"

#define HWC_QUEUE_SIZE MANA_PAGE_SIZE
#define HWC_PIECES_MAX 32u /* of a message */
#define HWC_BATCH      8u  /* commands that are answered together */

/**
 * struct answers - responses that wait until lanes no longer use what the commands have taken back
 * @n:		how many
 * @len:	of each, in bytes
 *
 * The lanes are waited for once, not for each command. A driver has one command in flight, so only
 * a hostile one gets more than one answer at a time.
 */
struct answers {
	unsigned int n;
	uint32_t len[HWC_BATCH];
	uint64_t response[HWC_BATCH][HWC_MESSAGE_MAX / 8];
};

/** is_silent() - has a fault silenced the channel? */
static bool is_silent(const struct adapter *adapter)
{
	struct faults *faults = faults_of(adapter);

	return __builtin_expect(faults != NULL, 0) && atomic_load(&fault_switches(faults)->silent);
}

void hwc_event(struct adapter *adapter, unsigned int type, uint32_t detail)
{
	uint32_t details[3] = { detail, 0, 0 };

	if (adapter->hwc.eq && !is_silent(adapter))
		eq_post(adapter->hwc.eq, type, details);
}

static void hwc_tell(struct adapter *adapter, enum hwc_init_data type, uint32_t value)
{
	union hwc_event_data data = { .value = value & 0xffffffu, .type = (uint32_t)type & 0xffu };

	hwc_event(adapter, GDMA_EQE_HWC_INIT_DATA, data.word);
}

/** hwc_page() - a page list for the single page of a queue of the channel */
static struct dma_list *hwc_page(struct adapter *adapter, const struct smc_message *message,
				 enum smc_queue queue)
{
	uint64_t address = smc_message_address(message, queue);
	struct dma_list *list =
		memory_list_create(&adapter->memory, HWC_QUEUE_SIZE, 0, MANA_PAGE_SHIFT, 1);

	if (list)
		memory_list_add(list, &address, 1);
	return list;
}

/** hwc_queues() - create the four queues; on failure hwc_destroy() frees those that exist */
static int hwc_queues(struct adapter *adapter, const struct smc_message *message)
{
	struct hwc *hwc = &adapter->hwc;
	struct protection_domain *pd = memory_pd_create(&adapter->memory);
	int64_t doorbell = doorbell_page_alloc(adapter, 1, 1);
	struct queue_place place = { .size = HWC_QUEUE_SIZE, .doorbell = (uint32_t)doorbell };
	int err = -ENOMEM;

	if (!pd || doorbell < 0)
		return -ENOMEM;
	place.pd = pd->id;
	hwc->pd = pd->id;
	hwc->mr = memory_mr_create(&adapter->memory, pd, MR_PHYSICAL, 0, MEMORY_OWNER, NULL);
	if (!hwc->mr)
		return -ENOMEM;
	place.list = hwc_page(adapter, message, SMC_QUEUE_EQ);
	if (place.list)
		hwc->eq = eq_create(adapter, &place, message->msix, &err);
	if (!hwc->eq)
		return err;
	place.list = hwc_page(adapter, message, SMC_QUEUE_CQ);
	if (place.list)
		hwc->cq = cq_create(adapter, &place, hwc->eq, &err);
	if (!hwc->cq)
		return err;
	place.list = hwc_page(adapter, message, SMC_QUEUE_RQ);
	if (place.list)
		hwc->rq = wq_create(adapter, GDMA_RQ, &place, hwc->cq, &err);
	if (!hwc->rq)
		return err;
	place.list = hwc_page(adapter, message, SMC_QUEUE_SQ);
	if (place.list)
		hwc->sq = wq_create(adapter, GDMA_SQ, &place, hwc->cq, &err);
	return hwc->sq ? 0 : err;
}

int hwc_establish(struct adapter *adapter, const struct smc_message *message)
{
	struct hwc *hwc = &adapter->hwc;
	union hwc_init_eq_id_db eq_id_db = { .word = 0 };
	int err;

	if (hwc->up) {
		adapter_say(adapter, LOG_WARNING,
			    "the driver set up the hardware channel while it was up; refused (tear "
			    "it down first, or request a reset)");
		return -EBUSY;
	}
	if (message->msix >= ADAPTER_MSIX) {
		adapter_say(adapter, LOG_WARNING, "the hardware channel's vector %u does not exist",
			    message->msix);
		return -EINVAL;
	}
	err = hwc_queues(adapter, message);
	if (err) {
		adapter_say(adapter, LOG_WARNING,
			    "cannot set up the hardware channel: %s; check the "
			    "queues' addresses in the driver's message",
			    strerror(-err));
		return err;
	}
	hwc->up = true;
	adapter->channels++;
	eq_id_db.eq_id = hwc->eq->id & 0xffffu;
	eq_id_db.doorbell = hwc->eq->doorbell & 0xffffu;
	hwc_event(adapter, GDMA_EQE_HWC_INIT_EQ_ID_DB, eq_id_db.word);
	hwc_tell(adapter, HWC_INIT_CQ_ID, hwc->cq->id);
	hwc_tell(adapter, HWC_INIT_RQ_ID, hwc->rq->id);
	hwc_tell(adapter, HWC_INIT_SQ_ID, hwc->sq->id);
	hwc_tell(adapter, HWC_INIT_QUEUE_DEPTH, HWC_DEPTH);
	hwc_tell(adapter, HWC_INIT_MAX_REQUEST, HWC_MESSAGE_MAX);
	hwc_tell(adapter, HWC_INIT_MAX_RESPONSE, HWC_MESSAGE_MAX);
	hwc_tell(adapter, HWC_INIT_MAX_CQS, ADAPTER_CQS);
	hwc_tell(adapter, HWC_INIT_PD_ID, hwc->pd);
	hwc_tell(adapter, HWC_INIT_GPA_MKEY, hwc->mr->key);
	if (adapter->config.physical) {
		hwc_tell(adapter, HWC_INIT_PF_DEST_RQ_ID, hwc->rq->id);
		hwc_tell(adapter, HWC_INIT_PF_DEST_CQ_ID, hwc->cq->id);
	}
	hwc_event(adapter, GDMA_EQE_HWC_INIT_DONE, 0);
	adapter_say(adapter, LOG_INFO, "hardware channel is up");
	if (faults_of(adapter) && fault_moment(faults_of(adapter), FAULT_ON_CHANNEL, clock_ns()))
		adapter_again(adapter);
	return 0;
}

void hwc_destroy(struct adapter *adapter)
{
	struct faults *faults = faults_of(adapter);
	struct hwc *hwc = &adapter->hwc;

	/* A new channel is a new beginning. */
	if (faults && hwc->up && !atomic_load(&fault_switches(faults)->forever))
		atomic_store(&fault_switches(faults)->silent, false);

	/* memory_clear() frees the page, the key and the protection domain. */
	if (hwc->sq)
		wq_destroy(hwc->sq);
	if (hwc->rq)
		wq_destroy(hwc->rq);
	if (hwc->cq)
		cq_destroy(hwc->cq);
	if (hwc->eq)
		eq_destroy(hwc->eq);
	memset(hwc, 0, sizeof(*hwc));
}

/** visit_over() - has the control thread to go on to the next adapter? */
static bool visit_over(const struct adapter *adapter)
{
	return budget_since(adapter->visit) >= BUDGET_VISIT;
}

/** hwc_buffers() - the memory that an entry describes; its length, or a negative errno */
static int64_t hwc_buffers(struct adapter *adapter, struct wq *wq, const struct wqe *wqe,
			   unsigned int access, struct pieces *pieces)
{
	int64_t len = 0;

	for (uint32_t i = 0; i < wqe->sges; i++) {
		struct gdma_sge sge = wqe_sge(wqe)[i];
		int err;

		len += sge.size;
		err = memory_translate(&adapter->memory, wq->pd, &sge, access, pieces);
		if (err)
			return err;
	}
	return len;
}

/** hwc_copy() - copy between a linear buffer and pieces; returns the bytes copied */
static size_t hwc_copy(void *linear, size_t len, const struct pieces *pieces, bool out)
{
	size_t done = 0;

	for (uint32_t i = 0; i < pieces->n && done < len; i++) {
		const struct iovec *iov = &pieces->iov[i];
		size_t part = iov->iov_len < len - done ? iov->iov_len : len - done;

		if (out)
			memcpy(iov->iov_base, (uint8_t *)linear + done, part);
		else
			memcpy((uint8_t *)linear + done, iov->iov_base, part);
		done += part;
	}
	return done;
}

/** tell_message() - tell watchers of a command, or of an answer */
static void tell_message(struct adapter *adapter, enum watch_kind kind, const void *message,
			 uint32_t len)
{
	/* The headers of both begin alike. */
	const struct gdma_req_header *header = message;
	struct watch_event event = { .kind = kind, .data = message, .len = len };

	if (!watch_wants(&adapter->watch, WATCH_BIT(kind)))
		return;
	event.type = header->req.msg_type;
	event.position = header->req.hwc_msg_id;
	if (kind == WATCH_ANSWER)
		event.value = ((const struct gdma_resp_header *)message)->status;
	watch_tell(&adapter->watch, &event);
}

static const uint8_t sent[GDMA_COMP_DATA_SIZE];

/** hwc_reply() - write the response into the next receive buffer; also completes the request */
static void hwc_reply(struct adapter *adapter, void *response, uint32_t len)
{
	struct hwc *hwc = &adapter->hwc;
	struct hwc_rx_oob oob = { .eom = 1, .som = 1 };
	uint8_t completion[GDMA_COMP_DATA_SIZE] = { 0 };
	uint32_t offset = hwc->rq->taken * GDMA_WQE_UNIT & (hwc->rq->ring.size - 1);
	struct iovec iov[HWC_PIECES_MAX];
	struct pieces pieces = { .iov = iov, .max = HWC_PIECES_MAX };
	struct raise raise = { 0 };
	struct wqe wqe;
	int64_t room;

	if (!ring_ready(&hwc->rq->ring) || wq_fetch(hwc->rq, &wqe) != WQ_ENTRY) {
		wq_mistake(hwc->rq, "no buffer for a response; the response is lost");
		return;
	}
	if (watch_wants(&adapter->watch, WATCH_ENTRIES))
		wq_tell(hwc->rq, hwc->rq->taken - wqe.size / GDMA_WQE_UNIT);
	room = hwc_buffers(adapter, hwc->rq, &wqe, DMA_WRITE, &pieces);
	if (room < (int64_t)len) {
		wq_mistake(hwc->rq,
			   "buffer for a response of %u bytes cannot be used (%lld); the response "
			   "is lost",
			   len, (long long)room);
		return;
	}
	tell_message(adapter, WATCH_ANSWER, response, len);
	hwc_copy(response, len, &pieces, true);
	oob.src_virt_wq = hwc->sq->id & 0xffffffu;
	oob.wqe_offset = offset;
	oob.tx_oob_data_size = len;
	memcpy(completion, &oob, sizeof(oob));
	cq_begin(hwc->cq);
	cq_post(hwc->cq, sent, hwc->sq->id, true);
	cq_post(hwc->cq, completion, hwc->rq->id, false);
	cq_end(hwc->cq, &raise);
	adapter_raise_all(adapter, &raise);
}

static const struct command_entry *const sets[] = { gdma_commands, vport_commands, rnic_commands,
						    native_commands };
#define SETS (sizeof(sets) / sizeof(sets[0]))

/** command_find() - by its code, or by its name if that is not NULL */
static const struct command_entry *command_find(uint32_t code, const char *name)
{
	for (size_t i = 0; i < SETS; i++)
		for (const struct command_entry *entry = sets[i]; entry->name; entry++)
			if (name ? !strcmp(entry->name, name) : entry->code == code)
				return entry;
	return NULL;
}

const char *hwc_command_name(unsigned int n)
{
	for (size_t i = 0; i < SETS; i++)
		for (const struct command_entry *entry = sets[i]; entry->name; entry++)
			if (!n--)
				return entry->name;
	return NULL;
}

uint32_t hwc_command_code(const char *name)
{
	const struct command_entry *entry = command_find(0, name);

	return entry ? entry->code : 0;
}

/** command_device() - is the command for the right device, and allowed now? */
static uint32_t command_device(const struct adapter *adapter, const struct gdma_req_header *request)
{
	switch (request->req.msg_type >> 16) {
	case 2:
		if (request->dev_id.type != GDMA_DEVICE_MANA)
			return STATUS_DEVICE;
		/* Linux 7.2 queries the device before it registers it. */
		if (!adapter->ethernet.active && request->req.msg_type != MANA_QUERY_DEV_CONFIG)
			return STATUS_DEVICE;
		return STATUS_OK;
	case 3:
		return request->dev_id.type == GDMA_DEVICE_MANA_IB && adapter->rdma.active
			       ? STATUS_OK
			       : STATUS_DEVICE;
	default:
		return STATUS_OK;
	}
}

/** command_version() - the highest version of a command's response */
static uint16_t command_version(uint32_t code)
{
	switch (code) {
	case MANA_QUERY_DEV_CONFIG:
	case RNIC_QUERY_ADAPTER_CAP:
		return GDMA_MESSAGE_V4;
	case MANA_QUERY_GF_STAT:
	case MANA_CREATE_WQ_OBJ:
	case MANA_CONFIG_VPORT_RX:
	case MANA_QUERY_LINK_CONFIG:
	case RNIC_QUERY_VF_COUNTERS:
		return GDMA_MESSAGE_V2;
	default:
		return GDMA_MESSAGE_V1;
	}
}

/** hwc_sent() - complete a request whose answer is lost */
static void hwc_sent(struct adapter *adapter)
{
	struct hwc *hwc = &adapter->hwc;
	struct raise raise = { 0 };

	cq_begin(hwc->cq);
	cq_post(hwc->cq, sent, hwc->sq->id, true);
	cq_end(hwc->cq, &raise);
	adapter_raise_all(adapter, &raise);
}

/** hwc_send() - send the answers */
static void hwc_send(struct adapter *adapter, struct answers *answers)
{
	/* The driver may reuse what it has taken back as soon as it reads this. */
	if (adapter->retired.revoked)
		retire_settle(&adapter->retired);
	for (unsigned int i = 0; i < answers->n && adapter->hwc.up; i++) {
		if (answers->len[i])
			hwc_reply(adapter, answers->response[i], answers->len[i]);
		else
			hwc_sent(adapter);
	}
	answers->n = 0;
}

/** hwc_answer() - complete the response of a command, in the next place of @answers */
static void hwc_answer(const struct command *command, uint32_t status, struct answers *answers)
{
	const struct gdma_req_header *request = command->request;
	struct gdma_resp_header *response = command->response;
	uint32_t room = request->resp.msg_size;

	response->response.hdr_type = GDMA_HEADER_TYPE_STANDARD;
	response->response.msg_type = request->resp.msg_type;
	response->response.msg_version = command->version;
	response->response.hwc_msg_id = request->req.hwc_msg_id;
	/* A driver accepts only a response of the length it requested, whatever the version. */
	if (room < sizeof(*response) || room > HWC_MESSAGE_MAX)
		room = command->response_len;
	if (room > command->response_len)
		memset((uint8_t *)command->response + command->response_len, 0,
		       room - command->response_len);
	response->response.msg_size = room;
	response->dev_id = request->dev_id;
	response->activity_id = request->activity_id;
	response->status = status;
	answers->len[answers->n++] = room;
}

/**
 * struct late_answer - an answer that a fault keeps
 * @channel:	which channel it is for: adapter->channels
 * @copy:	the same has been sent before: if there is no buffer for it, it waits for one until
 *		@until
 */
struct late_answer {
	uint32_t channel;
	uint32_t len;
	bool copy;
	uint64_t until;
	uint8_t response[];
};

/** keep_answer() - send that at a time; false: out of room */
static bool keep_answer(struct adapter *adapter, const void *response, uint32_t len, bool copy,
			uint64_t at)
{
	/* A short one too is told of with its header. */
	size_t room = len < sizeof(struct gdma_resp_header) ? sizeof(struct gdma_resp_header) : len;
	struct late_answer *answer = calloc(1, sizeof(*answer) + room);
	struct fault fault = { .kind = FAULT_ANSWER, .answer = answer };

	if (!answer)
		return false;
	*answer = (struct late_answer){
		.channel = adapter->channels, .len = len, .copy = copy, .until = at + NS_PER_S
	};
	memcpy(answer->response, response, len);
	if (fault_later(faults_of(adapter), &fault, at))
		return true;
	free(answer);
	return false;
}

void hwc_answer_late(struct adapter *adapter, const struct fault *fault)
{
	struct late_answer *answer = fault->answer;
	struct hwc *hwc = &adapter->hwc;
	const uint64_t now = clock_ns();
	const bool same = hwc->up && answer->channel == adapter->channels && !is_silent(adapter);

	if (same && answer->copy && wq_empty(hwc->rq) && now < answer->until &&
	    fault_later(faults_of(adapter), fault, now + NS_PER_MS))
		return;
	if (same && !(answer->copy && wq_empty(hwc->rq)))
		hwc_reply(adapter, answer->response, answer->len);
	free(answer);
}

/** spoil() - do to the last answer what rules say */
static __attribute__((noinline)) void spoil(struct adapter *adapter, struct answers *answers,
					    const struct fault_verdict *verdict)
{
	const uint32_t last = answers->n - 1, does = verdict->does;
	struct gdma_resp_header *response = (void *)answers->response[last];
	const uint64_t now = clock_ns();
	uint32_t *len = &answers->len[last];

	if (does & FAULT_DO_RESIZE) {
		int64_t wanted = (int64_t)*len + verdict->more;
		uint32_t resized = wanted < 1                 ? 1
				   : wanted > HWC_MESSAGE_MAX ? HWC_MESSAGE_MAX
							      : (uint32_t)wanted;

		if (resized > *len)
			memset((uint8_t *)response + *len, 0, resized - *len);
		response->response.msg_size = *len = resized;
	}
	if (does & FAULT_DO_LOSE)
		*len = 0;
	else if (does & FAULT_DO_LATE &&
		 keep_answer(adapter, response, *len, false, now + verdict->late))
		answers->n--;
	if (does & FAULT_DO_TWICE && *len)
		keep_answer(adapter, response, *len, true, now + verdict->late + NS_PER_MS);
}

/** hwc_run_one() - execute a request */
static void hwc_run_one(struct adapter *adapter, const void *message, uint32_t len,
			struct answers *answers)
{
	const struct gdma_req_header *request = message;
	const struct command_entry *entry = command_find(request->req.msg_type, NULL);
	struct command command = {
		.code = request->req.msg_type,
		.request = request,
		.len = len,
		.response = answers->response[answers->n],
		.response_len = sizeof(struct gdma_resp_header),
		.version = request->resp.msg_version,
	};
	struct fault_verdict verdict = { 0 };
	struct faults *faults = faults_of(adapter);
	uint32_t status;

	if (__builtin_expect(faults != NULL, 0) && fault_command(faults, command.code, &verdict))
		adapter_again(adapter);
	if (verdict.does & FAULT_DO_IGNORE)
		return;
	memset(command.response, 0, entry ? entry->response : sizeof(struct gdma_resp_header));
	if (!entry) {
		status = GDMA_STATUS_CMD_UNSUPPORTED;
	} else if (len < entry->request) {
		status = STATUS_SHORT;
	} else if (verdict.does & FAULT_DO_STATUS) {
		status = verdict.status;
	} else {
		uint16_t highest = command_version(command.code);

		if (command.version > highest)
			command.version = highest;
		status = command_device(adapter, request);
		if (!status) {
			command.response_len = entry->response;
			status = entry->run(adapter, &command);
		}
	}
	if (status == STATUS_LATER) {
		adapter->hwc.request = *request;
		adapter->hwc.request.resp.msg_version = command.version;
		adapter->hwc.verdict = verdict;
		return;
	}
	if (status && status != GDMA_STATUS_MORE_ENTRIES)
		adapter_say(adapter, LOG_WARNING, "command %s (%#x, %u bytes) failed: status %#x",
			    entry ? entry->name : "unknown", command.code, len, status);
	else
		log_say(LOG_DEBUG, "%s: command %s", adapter->config.name, entry->name);
	hwc_answer(&command, status, answers);
	if (verdict.does)
		spoil(adapter, answers, &verdict);
}

/** hwc_run_later() - complete the command that waits; false if it has to wait on */
static bool hwc_run_later(struct adapter *adapter, struct answers *answers)
{
	struct hwc *hwc = &adapter->hwc;
	struct command command = {
		.request = &hwc->request,
		.response_len = sizeof(struct gdma_general_resp),
		.version = hwc->request.resp.msg_version,
	};

	if (!hwc->closing)
		return true;
	if (!vport_closed(adapter))
		return false;
	command.response = answers->response[answers->n];
	memset(command.response, 0, command.response_len);
	hwc_answer(&command, STATUS_OK, answers);
	if (hwc->verdict.does)
		spoil(adapter, answers, &hwc->verdict);
	return true;
}

/** hwc_next() - copy the next request; its length, or 0 if there is none */
static uint32_t hwc_next(struct adapter *adapter, uint64_t message[HWC_MESSAGE_MAX / 8])
{
	struct hwc *hwc = &adapter->hwc;
	struct iovec iov[HWC_PIECES_MAX];
	struct wqe wqe;

	while (!visit_over(adapter) && ring_ready(&hwc->sq->ring) &&
	       wq_fetch(hwc->sq, &wqe) == WQ_ENTRY) {
		struct pieces pieces = { .iov = iov, .max = HWC_PIECES_MAX };
		int64_t len = hwc_buffers(adapter, hwc->sq, &wqe, DMA_READ, &pieces);

		budget_charge(BUDGET_COMMAND);
		if (watch_wants(&adapter->watch, WATCH_ENTRIES))
			wq_tell(hwc->sq, hwc->sq->taken - wqe.size / GDMA_WQE_UNIT);
		if (len >= (int64_t)sizeof(struct gdma_req_header) && len <= HWC_MESSAGE_MAX) {
			hwc_copy(message, (size_t)len, &pieces, false);
			/* Fields that an older driver's message lacks are 0, not the last one's. */
			memset((uint8_t *)message + len, 0, HWC_MESSAGE_MAX - (size_t)len);
			return (uint32_t)len;
		}
		wq_mistake(
			hwc->sq,
			"request of %lld bytes is too short, too long, or outside mapped memory; "
			"dropped",
			(long long)len);
	}
	return 0;
}

/** run() - hwc_run(), with the memory for a request and answers */
static __attribute__((noinline)) void run(struct adapter *adapter)
{
	uint64_t message[HWC_MESSAGE_MAX / 8] uninitialized;
	struct answers answers uninitialized;
	uint32_t len;

	answers.n = 0;
	while (adapter->hwc.up && !is_silent(adapter) && hwc_run_later(adapter, &answers)) {
		if (answers.n == HWC_BATCH)
			hwc_send(adapter, &answers);
		len = hwc_next(adapter, message);
		if (!len) {
			if (visit_over(adapter))
				adapter_again(adapter);
			break;
		}
		tell_message(adapter, WATCH_COMMAND, message, len);
		hwc_run_one(adapter, message, len, &answers);
	}
	hwc_send(adapter, &answers);
}

void hwc_run(struct adapter *adapter)
{
	const struct hwc *hwc = &adapter->hwc;

	/* Each visit begins here, and few find a request. */
	if (hwc->up && (hwc->closing || !wq_empty(hwc->sq)))
		run(adapter);
}
