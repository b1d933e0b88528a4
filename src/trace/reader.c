/* SPDX-License-Identifier: BSD-3-Clause */
#include "trace/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/pcapng.h"

#define NS_DIGITS  9u           /* 10^-9 s */
#define LOOK_AHEAD (256u << 10) /* bytes that are read at a time */

/** struct place - where a block of a packet is, and its time */
struct place {
	uint64_t time, offset;
	uint32_t section; /* number of its section's first interface */
};

/**
 * struct trace_reader - a file
 * @window:	bytes of the file from @from on, @have of them, in @room
 * @section:	number of the current section's first interface
 * @places:	of all packets, @n of them
 * @next:	which is returned next
 * @cut:	see trace_reader_cut()
 */
struct trace_reader {
	int fd;
	uint8_t *window;
	uint64_t from;
	size_t have, room;
	struct trace_interface *interfaces;
	uint32_t n_interfaces, section;
	struct place *places;
	size_t n, places_room, next;
	uint64_t cut;
};

/** look() - @len bytes of the file at @offset; NULL: there are fewer, or there is no memory */
static const uint8_t *look(struct trace_reader *reader, uint64_t offset, size_t len)
{
	if (offset >= reader->from && offset + len <= reader->from + reader->have)
		return reader->window + (offset - reader->from);
	if (len > reader->room) {
		size_t room = len > LOOK_AHEAD ? len : LOOK_AHEAD;
		uint8_t *grown = realloc(reader->window, room);

		if (!grown)
			return NULL;
		reader->window = grown;
		reader->room = room;
	}
	reader->from = offset;
	reader->have = 0;
	while (reader->have < reader->room) {
		ssize_t got = pread(reader->fd, reader->window + reader->have,
				    reader->room - reader->have, (off_t)(offset + reader->have));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		reader->have += (size_t)got;
	}
	return reader->have < len ? NULL : reader->window;
}

/** look_block() - the block at @offset, of @block->len bytes; NULL: there is no whole one */
static const uint8_t *look_block(struct trace_reader *reader, uint64_t offset,
				 struct pcapng_block *block)
{
	const uint8_t *bytes = look(reader, offset, sizeof(*block));
	uint32_t again;

	if (!bytes)
		return NULL;
	memcpy(block, bytes, sizeof(*block));
	if (block->len < PCAPNG_BLOCK_MIN || block->len > PCAPNG_BLOCK_MAX || block->len % 4)
		return NULL;
	bytes = look(reader, offset, block->len);
	if (!bytes)
		return NULL;
	memcpy(&again, bytes + block->len - sizeof(again), sizeof(again));
	return again == block->len ? bytes : NULL;
}

/**
 * find_option() - the value of an option of a block; NULL: it has none
 * @fixed:	bytes of the block before its options
 * @len:	filled in: bytes of the value
 */
static const uint8_t *find_option(const uint8_t *block, uint32_t block_len, size_t fixed,
				  uint16_t code, uint16_t *len)
{
	size_t end = block_len - sizeof(uint32_t);

	while (fixed + sizeof(struct pcapng_option) <= end) {
		struct pcapng_option option;

		memcpy(&option, block + fixed, sizeof(option));
		fixed += sizeof(option);
		if (option.code == PCAPNG_END || option.len > end - fixed)
			break;
		if (option.code == code) {
			*len = option.len;
			return block + fixed;
		}
		fixed += pcapng_padded(option.len);
	}
	return NULL;
}

/** option_number() - the value of an option of that many bytes; 0 if there is none */
static uint64_t option_number(const uint8_t *block, uint32_t block_len, size_t fixed, uint16_t code,
			      uint16_t bytes)
{
	uint16_t len;
	const uint8_t *value = find_option(block, block_len, fixed, code, &len);
	uint64_t number = 0;

	if (value && len == bytes)
		memcpy(&number, value, bytes);
	return number;
}

/** see_interface() - an interface description; 0 or a negative errno */
static int see_interface(struct trace_reader *reader, const uint8_t *bytes, uint32_t block_len)
{
	struct trace_interface *grown, *interface;
	struct pcapng_interface description;
	unsigned int digits = 6;
	const uint8_t *value;
	uint16_t len;

	if (block_len < sizeof(description) + sizeof(uint32_t))
		return -EBADMSG;
	if (reader->n_interfaces == TRACE_INTERFACES_MAX)
		return -E2BIG;
	grown = realloc(reader->interfaces, (reader->n_interfaces + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	reader->interfaces = grown;
	interface = &grown[reader->n_interfaces++];
	memset(interface, 0, sizeof(*interface));
	memcpy(&description, bytes, sizeof(description));
	interface->link = description.link;
	value = find_option(bytes, block_len, sizeof(description), PCAPNG_IF_NAME, &len);
	if (value)
		memcpy(interface->name, value,
		       len < sizeof(interface->name) ? len : sizeof(interface->name) - 1);
	value = find_option(bytes, block_len, sizeof(description), PCAPNG_IF_TSRESOL, &len);
	if (value && len == 1)
		digits = *value;
	if (digits > NS_DIGITS)
		return -ENOTSUP;
	interface->multiply = 1;
	for (; digits < NS_DIGITS; digits++)
		interface->multiply *= 10;
	return 0;
}

/** see_packet() - note where it is; 0 or a negative errno */
static int see_packet(struct trace_reader *reader, const uint8_t *bytes, uint32_t block_len,
		      uint64_t offset)
{
	struct pcapng_packet packet;
	uint32_t number;

	if (block_len < sizeof(packet) + sizeof(uint32_t))
		return -EBADMSG;
	memcpy(&packet, bytes, sizeof(packet));
	number = packet.interface;
	if (number >= reader->n_interfaces - reader->section ||
	    packet.captured > block_len - sizeof(packet) - sizeof(uint32_t))
		return -EBADMSG;
	if (reader->n == reader->places_room) {
		size_t room = 2 * reader->places_room + 1024;
		struct place *grown = realloc(reader->places, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		reader->places = grown;
		reader->places_room = room;
	}
	reader->places[reader->n++] = (struct place){
		.time = ((uint64_t)packet.time_high << 32 | packet.time_low) *
			reader->interfaces[reader->section + number].multiply,
		.offset = offset,
		.section = reader->section,
	};
	return 0;
}

static int see_statistics(struct trace_reader *reader, const uint8_t *bytes, uint32_t block_len)
{
	struct pcapng_statistics statistics;
	struct trace_interface *interface;

	if (block_len < sizeof(statistics) + sizeof(uint32_t))
		return -EBADMSG;
	memcpy(&statistics, bytes, sizeof(statistics));
	if (statistics.interface >= reader->n_interfaces - reader->section)
		return -EBADMSG;
	interface = &reader->interfaces[reader->section + statistics.interface];
	interface->counted = true;
	interface->received = option_number(bytes, block_len, sizeof(statistics), PCAPNG_ISB_IFRECV,
					    sizeof(uint64_t));
	interface->lost = option_number(bytes, block_len, sizeof(statistics), PCAPNG_ISB_IFDROP,
					sizeof(uint64_t));
	return 0;
}

/** see_all() - look through the file; 0 or a negative errno. What is damaged ends it */
static int see_all(struct trace_reader *reader)
{
	uint64_t offset = 0;
	int err = 0;

	while (!err && look(reader, offset, 1)) {
		struct pcapng_block block;
		const uint8_t *bytes = look_block(reader, offset, &block);

		if (!bytes) {
			reader->cut = offset;
			break;
		}
		switch (block.type) {
		case PCAPNG_SECTION:
			reader->section = reader->n_interfaces;
			break;
		case PCAPNG_INTERFACE:
			err = see_interface(reader, bytes, block.len);
			break;
		case PCAPNG_PACKET:
			err = see_packet(reader, bytes, block.len, offset);
			break;
		case PCAPNG_STATISTICS:
			err = see_statistics(reader, bytes, block.len);
			break;
		}
		if (err == -EBADMSG) {
			reader->cut = offset;
			return 0;
		}
		offset += block.len;
	}
	return err;
}

/** earlier() - by time, and those of the same time as they are in the file */
static int earlier(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/** check_start() - is it a file of this kind? */
static int check_start(struct trace_reader *reader, const char *name, struct error *error)
{
	struct pcapng_section section;
	const uint8_t *bytes;

	errno = 0;
	bytes = look(reader, 0, sizeof(section));
	if (bytes)
		memcpy(&section, bytes, sizeof(section));
	if (!bytes && errno)
		return error_fail(error, -errno, "%s cannot be read: %s", name,
				  error_reason(errno));
	if (!bytes || section.block.type != PCAPNG_SECTION)
		return error_fail(error, -EINVAL,
				  "%s is not a trace: it is no pcapng file; name one that manakin "
				  "device --trace has written",
				  name);
	if (section.magic != PCAPNG_MAGIC || section.major != 1)
		return error_fail(error, -EINVAL,
				  "%s is not a trace of this program: its byte order or version is "
				  "another; Wireshark may read it",
				  name);
	return 0;
}

/** check_interfaces() - does it have records? */
static int check_interfaces(const struct trace_reader *reader, const char *name,
			    struct error *error)
{
	for (uint32_t i = 0; i < reader->n_interfaces; i++)
		if (reader->interfaces[i].link == TRACE_LINK_USER0)
			return 0;
	return error_fail(error, -EINVAL,
			  "%s is not a trace: it has no interface with records of an adapter; "
			  "tcpdump -r or tshark -r print captures",
			  name);
}

int trace_reader_take(int fd, const char *name, struct trace_reader **out, struct error *error)
{
	struct trace_reader *reader = calloc(1, sizeof(*reader));
	int err;

	if (!reader) {
		close(fd);
		return error_fail(error, -ENOMEM, "out of memory");
	}
	reader->fd = fd;
	err = check_start(reader, name, error);
	if (!err) {
		err = see_all(reader);
		if (err == -ENOTSUP)
			error_say(error,
				  "%s has time stamps finer than a nanosecond; Wireshark may "
				  "read it",
				  name);
		else if (err)
			error_say(error, "%s cannot be read: %s", name, error_reason(-err));
	}
	if (!err)
		err = check_interfaces(reader, name, error);
	if (err) {
		trace_reader_close(reader);
		return err;
	}
	if (reader->n)
		qsort(reader->places, reader->n, sizeof(*reader->places), earlier);
	*out = reader;
	return 0;
}

int trace_reader_open(const char *name, struct trace_reader **reader, struct error *error)
{
	int fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC), err;
	struct stat status;

	if (fd < 0)
		return error_fail(error, -errno, "%s cannot be opened: %s", name,
				  error_reason(errno));
	if (!fstat(fd, &status) && S_ISREG(status.st_mode))
		return trace_reader_take(fd, name, reader, error);
	err = error_fail(error, -EINVAL, "%s is not a regular file; name the file of a trace",
			 name);
	close(fd);
	return err;
}

/** take_record() - the record that a packet is; one that is not known has kind 0 */
static void take_record(struct trace_item *item)
{
	struct trace_record *record = &item->record;
	uint32_t header;

	if (item->captured < sizeof(*record))
		return;
	memcpy(record, item->data, sizeof(*record));
	header = record->header;
	if (record->version != TRACE_VERSION || header < sizeof(*record) ||
	    header > item->captured || record->kind >= TRACE_KINDS) {
		record->kind = 0;
		return;
	}
	item->data += header;
	item->captured -= header;
	item->len = record->len;
	if (item->captured > item->len)
		item->captured = item->len;
}

int trace_reader_next(struct trace_reader *reader, struct trace_item *item)
{
	const struct place *place = &reader->places[reader->next];
	struct pcapng_packet packet;
	struct pcapng_block block;
	const uint8_t *bytes;
	size_t options;

	if (reader->next == reader->n)
		return 0;
	bytes = look_block(reader, place->offset, &block);
	/* It may have been written over meanwhile: then it must be looked at as if it were new. */
	if (!bytes || block.type != PCAPNG_PACKET || block.len < sizeof(packet) + sizeof(uint32_t))
		return 0;
	memcpy(&packet, bytes, sizeof(packet));
	if (packet.captured > block.len - sizeof(packet) - sizeof(uint32_t) ||
	    packet.interface >= reader->n_interfaces - place->section)
		return 0;
	memset(item, 0, sizeof(*item));
	item->number = ++reader->next;
	item->time = place->time;
	item->interface = &reader->interfaces[place->section + packet.interface];
	item->data = bytes + sizeof(packet);
	item->captured = packet.captured;
	item->len = packet.len;
	item->frame = item->interface->link == TRACE_LINK_ETHERNET;
	if (item->interface->link == TRACE_LINK_USER0)
		take_record(item);
	options = sizeof(packet) + pcapng_padded(packet.captured);
	item->direction = (uint32_t)option_number(bytes, block.len, options, PCAPNG_EPB_FLAGS,
						  sizeof(uint32_t)) &
			  3u;
	item->queue = (uint32_t)option_number(bytes, block.len, options, PCAPNG_EPB_QUEUE,
					      sizeof(uint32_t));
	return 1;
}

void trace_reader_rewind(struct trace_reader *reader)
{
	reader->next = 0;
}

bool trace_reader_ended(const struct trace_reader *reader, uint64_t *lost)
{
	bool ended = true;

	*lost = 0;
	for (uint32_t i = 0; i < reader->n_interfaces; i++) {
		ended &= reader->interfaces[i].counted;
		*lost += reader->interfaces[i].lost;
	}
	return ended;
}

bool trace_reader_missing(const struct trace_reader *reader, const char *name, struct error *error)
{
	bool ended;
	uint64_t lost;

	ended = trace_reader_ended(reader, &lost);
	if (reader->cut)
		error_say(error,
			  "%s ends, or is damaged, at byte %" PRIu64 ": nothing after it is read",
			  name, reader->cut);
	else if (!ended)
		error_say(error,
			  "%s is still being written, or its end could not be: its end is missing",
			  name);
	else if (lost)
		error_say(error,
			  "%" PRIu64 " records and frames are missing in %s: they came faster "
			  "than they could be written",
			  lost, name);
	return reader->cut || !ended || lost;
}

uint64_t trace_reader_cut(const struct trace_reader *reader)
{
	return reader->cut;
}

void trace_reader_close(struct trace_reader *reader)
{
	close(reader->fd);
	free(reader->window);
	free(reader->interfaces);
	free(reader->places);
	free(reader);
}
