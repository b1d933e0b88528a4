/* SPDX-License-Identifier: BSD-3-Clause */
#include "trace/pcapng.h"

#include <string.h>

/** put_end() - the length of a block of @len bytes without it, at both places; returns all bytes */
static size_t put_end(uint8_t *at, size_t len)
{
	uint32_t all = (uint32_t)(len + sizeof(uint32_t));

	memcpy(at + offsetof(struct pcapng_block, len), &all, sizeof(all));
	memcpy(at + len, &all, sizeof(all));
	return all;
}

static size_t put_option(uint8_t *at, uint16_t code, const void *value, size_t len)
{
	const struct pcapng_option option = { .code = code, .len = (uint16_t)len };

	memcpy(at, &option, sizeof(option));
	memset(at + sizeof(option), 0, pcapng_padded(len));
	memcpy(at + sizeof(option), value, len);
	return sizeof(option) + pcapng_padded(len);
}

static size_t put_text(uint8_t *at, uint16_t code, const char *text)
{
	return text ? put_option(at, code, text, strnlen(text, PCAPNG_TEXT_MAX)) : 0;
}

size_t pcapng_put_section(uint8_t *at, const char *program)
{
	const struct pcapng_section section = { .block.type = PCAPNG_SECTION,
						.magic = PCAPNG_MAGIC,
						.major = 1,
						.section = { UINT32_MAX, UINT32_MAX } };
	size_t len = sizeof(section);

	memcpy(at, &section, sizeof(section));
	len += put_text(at + len, PCAPNG_SHB_USERAPPL, program);
	len += put_option(at + len, PCAPNG_END, "", 0);
	return put_end(at, len);
}

size_t pcapng_put_interface(uint8_t *at, uint16_t link, uint32_t snaplen, const char *name,
			    const char *description)
{
	const struct pcapng_interface interface = { .block.type = PCAPNG_INTERFACE,
						    .link = link,
						    .snaplen = snaplen };
	const uint8_t nanoseconds = 9; /* 10^-9 s */
	size_t len = sizeof(interface);

	memcpy(at, &interface, sizeof(interface));
	len += put_text(at + len, PCAPNG_IF_NAME, name);
	len += put_text(at + len, PCAPNG_IF_DESCRIPTION, description);
	len += put_option(at + len, PCAPNG_IF_TSRESOL, &nanoseconds, sizeof(nanoseconds));
	len += put_option(at + len, PCAPNG_END, "", 0);
	return put_end(at, len);
}

size_t pcapng_put_statistics(uint8_t *at, uint32_t interface, uint64_t time,
			     const struct pcapng_counts *counts)
{
	const struct pcapng_statistics statistics = { .block.type = PCAPNG_STATISTICS,
						      .interface = interface,
						      .time_high = (uint32_t)(time >> 32),
						      .time_low = (uint32_t)time };
	size_t len = sizeof(statistics);

	memcpy(at, &statistics, sizeof(statistics));
	len += put_option(at + len, PCAPNG_ISB_IFRECV, &counts->received, sizeof(uint64_t));
	len += put_option(at + len, PCAPNG_ISB_IFDROP, &counts->lost, sizeof(uint64_t));
	len += put_option(at + len, PCAPNG_ISB_USRDELIV, &counts->kept, sizeof(uint64_t));
	len += put_text(at + len, PCAPNG_COMMENT, counts->comment);
	len += put_option(at + len, PCAPNG_END, "", 0);
	return put_end(at, len);
}

size_t pcapng_put_packet(uint8_t *at, uint32_t interface, uint64_t time, uint32_t captured,
			 uint32_t len, uint32_t direction, uint32_t queue)
{
	const struct pcapng_packet packet = { .block.type = PCAPNG_PACKET,
					      .interface = interface,
					      .time_high = (uint32_t)(time >> 32),
					      .time_low = (uint32_t)time,
					      .captured = captured,
					      .len = len };
	size_t put = sizeof(packet) + pcapng_padded(captured);

	memcpy(at, &packet, sizeof(packet));
	memset(at + sizeof(packet) + captured, 0, pcapng_padded(captured) - captured);
	if (direction) {
		put += put_option(at + put, PCAPNG_EPB_FLAGS, &direction, sizeof(direction));
		if (direction == PCAPNG_OUTBOUND)
			put += put_option(at + put, PCAPNG_EPB_QUEUE, &queue, sizeof(queue));
		put += put_option(at + put, PCAPNG_END, "", 0);
	}
	return put_end(at, put);
}

void pcapng_put_space(uint8_t *at, uint32_t len)
{
	const struct pcapng_block block = { .type = PCAPNG_SPACE, .len = len };

	memcpy(at, &block, sizeof(block));
	memcpy(at + len - sizeof(len), &len, sizeof(len));
}
