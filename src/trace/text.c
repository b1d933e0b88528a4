/* SPDX-License-Identifier: BSD-3-Clause */
#include "trace/text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mac.h"
#include "base/quote.h"
#include "trace/names.h"
#include "trace/pcapng.h"
#include "wire/gdma.h"
#include "wire/vport.h"
#include "wire/wq.h"

#define ETHERNET      14u
#define ETHERTYPE_IP4 0x0800u
#define ETHERTYPE_IP6 0x86ddu
#define ETHERTYPE_TAG 0x8100u

/** struct text - a text that is being written */
struct text {
	char *to;
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(text->to + text->len, TRACE_TEXT - text->len, format, ap);
	va_end(ap);
	if (len > 0)
		text->len += (size_t)len;
	if (text->len >= TRACE_TEXT)
		text->len = TRACE_TEXT - 1;
}

/** add_name() - a name, or the number where there is none */
static void add_name(struct text *text, const char *name, uint32_t number)
{
	if (name)
		add(text, "%s", name);
	else
		add(text, "0x%x", number);
}

bool trace_copy(const struct trace_item *item, void *to, size_t size)
{
	size_t have = item->captured < size ? item->captured : size;

	memset((uint8_t *)to + have, 0, size - have);
	if (have)
		memcpy(to, item->data, have);
	return have == size;
}

/* ---- Queues ---- */

static unsigned int add_of(struct trace_of *of, unsigned int n, uint32_t type, uint32_t id)
{
	of[n] = (struct trace_of){ type, id };
	return n + 1;
}

unsigned int trace_queues(const struct trace_item *item, struct trace_of *of)
{
	const struct trace_record *record = &item->record;
	struct trace_queue queue;
	struct gdma_cqe cqe;
	struct gdma_eqe eqe;
	uint32_t type, id;
	unsigned int n;

	if (item->frame)
		return item->direction == PCAPNG_OUTBOUND ? add_of(of, 0, GDMA_SQ, item->queue) : 0;
	switch (record->kind) {
	case TRACE_QUEUE:
		trace_copy(item, &queue, sizeof(queue));
		n = add_of(of, 0, queue.type, record->queue);
		if (queue.type == GDMA_EQ || queue.parent == TRACE_NO_PARENT)
			return n;
		return add_of(of, n, queue.type == GDMA_CQ ? GDMA_EQ : GDMA_CQ, queue.parent);
	case TRACE_DOORBELL:
		if (record->position == TRACE_SHARED)
			return add_of(of, 0, record->type, record->queue);
		type = trace_doorbell_queue(record->type, record->value, &id);
		return type ? add_of(of, 0, type, id) : 0;
	case TRACE_ENTRY:
		return add_of(of, 0, record->type, record->queue);
	case TRACE_COMPLETION:
		n = add_of(of, 0, GDMA_CQ, record->queue);
		if (!trace_copy(item, &cqe, sizeof(cqe)))
			return n;
		return add_of(of, n, cqe.is_sq ? GDMA_SQ : GDMA_RQ, cqe.wq_num);
	case TRACE_EVENT:
		n = add_of(of, 0, GDMA_EQ, record->queue);
		if (!trace_copy(item, &eqe, sizeof(eqe)) || eqe.type != GDMA_EQE_COMPLETION)
			return n;
		return add_of(of, n, GDMA_CQ, eqe.details[0] & GDMA_EQE_CQ_ID_MASK);
	default:
		return 0;
	}
}

/* ---- Words ---- */

static uint16_t big16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/** add_ip() - addresses, and ports if there are some */
static void add_ip(struct text *text, const uint8_t *at, size_t len, bool six)
{
	size_t header = six ? 40 : len ? (at[0] & 15u) * 4u : 0;
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
	uint8_t protocol;

	if (len < (six ? 40u : 20u))
		return;
	protocol = six ? at[6] : at[9];
	inet_ntop(six ? AF_INET6 : AF_INET, at + (six ? 8 : 12), from, sizeof(from));
	inet_ntop(six ? AF_INET6 : AF_INET, at + (six ? 24 : 16), to, sizeof(to));
	add(text, ", %s > %s", from, to);
	if (protocol != 6 && protocol != 17)
		add(text, ", protocol %u", protocol);
	else if (header >= 20 && len >= header + 4)
		add(text, ", %s %u > %u", protocol == 6 ? "TCP" : "UDP", big16(at + header),
		    big16(at + header + 2));
}

static void frame_text(struct text *text, const struct trace_item *item)
{
	const uint8_t *at = item->data;
	size_t len = item->captured, l3 = ETHERNET;
	char from[MAC_TEXT], to[MAC_TEXT];
	uint16_t type;

	add(text, "%s, %u bytes",
	    item->direction == PCAPNG_OUTBOUND  ? "sent"
	    : item->direction == PCAPNG_INBOUND ? "received"
						: "frame",
	    item->len);
	if (len < ETHERNET)
		return;
	add(text, ", %s > %s", mac_text(at + 6, from), mac_text(at, to));
	type = big16(at + 12);
	if (type == ETHERTYPE_TAG && len >= ETHERNET + 4) {
		add(text, ", VLAN %u", big16(at + 14) & 0xfffu);
		type = big16(at + 16);
		l3 += 4;
	}
	if (type == ETHERTYPE_IP4 || type == ETHERTYPE_IP6)
		add_ip(text, at + l3, len - l3, type == ETHERTYPE_IP6);
	else
		add(text, ", type 0x%04x", type);
}

/** entry_text() - the entry's shape */
static void entry_text(struct text *text, const struct trace_item *item)
{
	struct gdma_wqe header;
	uint64_t bytes = 0;
	uint32_t at;

	add(text, "unit %u, %u bytes", item->record.position, item->len);
	if (!trace_copy(item, &header, sizeof(header)))
		return;
	at = gdma_wqe_sgl_offset(&header);
	for (uint32_t i = 0; i < header.num_sge; i++, at += (uint32_t)sizeof(struct gdma_sge)) {
		struct gdma_sge sge;

		if (item->captured < at + sizeof(sge))
			break;
		memcpy(&sge, item->data + at, sizeof(sge));
		bytes += sge.size;
	}
	add(text, ": %u element%s, %" PRIu64 " bytes%s", header.num_sge,
	    header.num_sge == 1 ? "" : "s", bytes, header.client_oob_in_sgl ? ", TSO" : "");
}

static void completion_text(struct text *text, const struct trace_item *item)
{
	struct gdma_cqe cqe;
	bool error;
	uint8_t first;

	if (!trace_copy(item, &cqe, sizeof(cqe))) {
		add(text, "cut short");
		return;
	}
	first = (uint8_t)cqe.data[0];
	add_name(text, trace_completion_name(first, &error), first & MANA_CQE_TYPE_MASK);
	add(text, " of %s%u", cqe.is_sq ? "sq" : "rq", cqe.wq_num);
	if (first >> 6 == MANA_CLIENT_COMPLETION && !cqe.is_sq) {
		struct mana_rxcomp_oob oob;

		memcpy(&oob, cqe.data, sizeof(oob));
		for (unsigned int i = 0; i < MANA_RXCOMP_PACKETS && oob.ppi[i].pkt_len; i++) {
			add(text, "%s%u", i ? "+" : ", ", oob.ppi[i].pkt_len);
			if (oob.cqe_hdr.cqe_type != MANA_CQE_RX_COALESCED_4)
				break;
		}
		add(text, " bytes");
	}
	add(text, ", slot %u%s", item->record.position, error ? ", an error" : "");
}

static void doorbell_text(struct text *text, const struct trace_item *item)
{
	const struct trace_record *record = &item->record;
	const union gdma_doorbell bell = { .word = record->value };
	uint32_t id, type;

	if (record->position == TRACE_SHARED) {
		add(text, "in shared memory, tail %" PRIu64, record->value);
		return;
	}
	type = trace_doorbell_queue(record->type, record->value, &id);
	add(text, "page %u offset 0x%x", record->position, record->type);
	if (!type)
		add(text, ", which is no doorbell, value 0x%" PRIx64, record->value);
	else if (record->type == GDMA_DB_CQ_MODERATION)
		add(text, ", moderation: %u us, %u completions", bell.moderation.usec,
		    bell.moderation.comps);
	else if (record->type & 0x10 && record->type != GDMA_DB_EQ)
		add(text, ", short, %u more", (uint32_t)record->value & 0xffffu);
	else if (type == GDMA_SQ || type == GDMA_RQ)
		add(text, ", tail %u", bell.sq.tail);
	else
		add(text, ", tail %u%s", (uint32_t)bell.cq.tail, bell.cq.arm ? ", armed" : "");
}

static void queue_text(struct text *text, const struct trace_item *item)
{
	struct trace_queue queue;

	trace_copy(item, &queue, sizeof(queue));
	add(text, "%s, %u bytes, doorbell page %u", item->record.type ? "destroyed" : "created",
	    queue.size, queue.doorbell);
	if (queue.parent == TRACE_NO_PARENT)
		add(text, ", without events");
	else
		add(text, ", %s %u",
		    queue.type == GDMA_EQ   ? "vector"
		    : queue.type == GDMA_CQ ? "eq"
					    : "cq",
		    queue.parent);
}

/** command_text() - a request or a response */
static void command_text(struct text *text, const struct trace_item *item)
{
	const struct trace_record *record = &item->record;
	struct gdma_msg_header header;

	trace_copy(item, &header, sizeof(header));
	add_name(text, trace_command_name(record->type), record->type);
	add(text, " (0x%x) version %u, message %u, %u bytes", record->type, header.msg_version,
	    record->position, item->len);
	if (record->kind == TRACE_ANSWER)
		add(text, ", status 0x%" PRIx64, record->value);
}

static void client_text(struct text *text, const struct trace_item *item)
{
	static const char *const words[] = { "attached", "detached", "reset" };

	if (item->record.type < sizeof(words) / sizeof(words[0]))
		add(text, "%s", words[item->record.type]);
	else
		add(text, "event %u", item->record.type);
}

static void memory_text(struct text *text, const struct trace_item *item)
{
	static const char *const words[] = { "mapped", "unmapped", "all unmapped" };
	uint64_t size;

	if (item->record.type < sizeof(words) / sizeof(words[0]))
		add(text, "%s", words[item->record.type]);
	if (item->record.type == TRACE_UNMAPPED_ALL)
		return;
	trace_copy(item, &size, sizeof(size));
	add(text, " 0x%" PRIx64 ", %" PRIu64 " bytes", item->record.value, size);
}

/** words_text() - data that is a text */
static void words_text(struct text *text, const struct trace_item *item)
{
	char words[TRACE_TEXT / 2] = "", visible[TRACE_TEXT];
	size_t len = item->captured < sizeof(words) - 1 ? item->captured : sizeof(words) - 1;

	if (len)
		memcpy(words, item->data, len);
	add(text, "%s", quote_visible(visible, sizeof(visible), words));
}

void trace_text(const struct trace_item *item, char to[TRACE_TEXT])
{
	const struct trace_record *record = &item->record;
	struct text text = { .to = to };
	struct gdma_eqe eqe;

	*to = '\0';
	if (item->frame) {
		frame_text(&text, item);
		return;
	}
	switch (record->kind) {
	case TRACE_CLIENT:
		client_text(&text, item);
		break;
	case TRACE_MEMORY:
		memory_text(&text, item);
		break;
	case TRACE_SMC:
		add(&text, "%s", record->type ? "answer" : "request");
		break;
	case TRACE_COMMAND:
	case TRACE_ANSWER:
		command_text(&text, item);
		break;
	case TRACE_QUEUE:
		queue_text(&text, item);
		break;
	case TRACE_DOORBELL:
		doorbell_text(&text, item);
		break;
	case TRACE_ENTRY:
		entry_text(&text, item);
		break;
	case TRACE_COMPLETION:
		completion_text(&text, item);
		break;
	case TRACE_EVENT:
		trace_copy(item, &eqe, sizeof(eqe));
		add_name(&text, trace_event_name(eqe.type), eqe.type);
		if (eqe.type == GDMA_EQE_COMPLETION)
			add(&text, " of cq%u", eqe.details[0] & GDMA_EQE_CQ_ID_MASK);
		add(&text, ", slot %u%s", record->position,
		    record->value ? ", raises an interrupt" : "");
		break;
	case TRACE_INTERRUPT:
		add(&text, "vector %u", record->position);
		break;
	case TRACE_FAULT:
	case TRACE_START:
		words_text(&text, item);
		break;
	case TRACE_LOST:
		add(&text, "%" PRIu64 " could not be kept before here", record->value);
		break;
	default:
		add(&text, "a record that this version does not know, %u bytes", item->len);
	}
}
