/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace/pcapng.h - the blocks of a pcapng file, as far as traces have them.
 *
 * draft-ietf-opsawg-pcapng. A block is its type, its length, its body, its length again; all in the
 * byte order of the file's first block, which here is little-endian. Options follow the fixed part
 * of a body: a code, a length, the value, filled up to four bytes.
 */
#ifndef MANAKIN_TRACE_PCAPNG_H
#define MANAKIN_TRACE_PCAPNG_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define PCAPNG_SECTION        0x0a0d0d0au
#define PCAPNG_INTERFACE      1u
#define PCAPNG_STATISTICS     5u
#define PCAPNG_PACKET         6u
#define PCAPNG_SPACE          0x80000001u /* a block for local use: space that is not used */

#define PCAPNG_MAGIC          0x1a2b3c4du
#define PCAPNG_BLOCK_MIN      12u        /* bytes: type, length, length */
#define PCAPNG_BLOCK_MAX      (1u << 24) /* bytes of one that is read */

#define PCAPNG_END            0u /* option codes */
#define PCAPNG_COMMENT        1u
#define PCAPNG_SHB_USERAPPL   4u
#define PCAPNG_IF_NAME        2u
#define PCAPNG_IF_DESCRIPTION 3u
#define PCAPNG_IF_TSRESOL     9u
#define PCAPNG_EPB_FLAGS      2u
#define PCAPNG_EPB_QUEUE      6u
#define PCAPNG_ISB_IFRECV     4u
#define PCAPNG_ISB_IFDROP     5u
#define PCAPNG_ISB_USRDELIV   8u

#define PCAPNG_INBOUND        1u /* epb_flags */
#define PCAPNG_OUTBOUND       2u

struct pcapng_block {
	uint32_t type;
	uint32_t len;
};

struct pcapng_section {
	struct pcapng_block block;
	uint32_t magic;
	uint16_t major, minor;
	uint32_t section[2]; /* its length: all ones, not known */
};
static_assert(sizeof(struct pcapng_section) == 24, "section header");

struct pcapng_interface {
	struct pcapng_block block;
	uint16_t link, reserved;
	uint32_t snaplen;
};
static_assert(sizeof(struct pcapng_interface) == 16, "interface description");

struct pcapng_packet {
	struct pcapng_block block;
	uint32_t interface;
	uint32_t time_high, time_low;
	uint32_t captured, len;
};
static_assert(sizeof(struct pcapng_packet) == 28, "enhanced packet");

struct pcapng_statistics {
	struct pcapng_block block;
	uint32_t interface;
	uint32_t time_high, time_low;
};
static_assert(sizeof(struct pcapng_statistics) == 20, "interface statistics");

struct pcapng_option {
	uint16_t code;
	uint16_t len;
};
static_assert(sizeof(struct pcapng_option) == 4, "option");

/** pcapng_padded() - a length, filled up to four bytes */
static inline size_t pcapng_padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

/*
 * Writing: each returns the bytes it has put, a multiple of 4. The caller has the room, which is
 * not larger than: PCAPNG_TEXT_ROOM for a section or interface, PCAPNG_STATISTICS_ROOM, and
 * pcapng_packet_room().
 */
#define PCAPNG_TEXT_MAX        120u /* bytes of a text; the rest is cut off */
#define PCAPNG_TEXT_ROOM       512u
#define PCAPNG_STATISTICS_ROOM 256u

size_t pcapng_put_section(uint8_t *at, const char *program);
size_t pcapng_put_interface(uint8_t *at, uint16_t link, uint32_t snaplen, const char *name,
			    const char *description);

/**
 * struct pcapng_counts - what a statistics block says
 * @received:	what there was to record
 * @lost:	of it, what could not be kept
 * @kept:	of it, what has been written; less may be left, see @comment
 */
struct pcapng_counts {
	uint64_t received, lost, kept;
	const char *comment;
};

size_t pcapng_put_statistics(uint8_t *at, uint32_t interface, uint64_t time,
			     const struct pcapng_counts *counts);

/** pcapng_packet_room() - bytes of a packet's block */
static inline size_t pcapng_packet_room(uint32_t captured)
{
	return sizeof(struct pcapng_packet) + pcapng_padded(captured) + 3 * 8 + sizeof(uint32_t);
}

/**
 * pcapng_put_packet() - all but the bytes of the packet, which the caller has put behind
 *			 struct pcapng_packet already
 * @direction:	PCAPNG_INBOUND, PCAPNG_OUTBOUND, or 0: neither; then @queue is not told
 */
size_t pcapng_put_packet(uint8_t *at, uint32_t interface, uint64_t time, uint32_t captured,
			 uint32_t len, uint32_t direction, uint32_t queue);

/** pcapng_put_space() - a block of @len bytes, of which only the beginning and the end are written */
void pcapng_put_space(uint8_t *at, uint32_t len);

#endif
