/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire/wq.h - work, completion and event queue entries, and doorbells
 *
 * Theory of operation
 *
 * A work queue (SQ or RQ) is a ring of 32-byte basic units. An entry (WQE) takes one or more of
 * them in a row and may wrap around the ring's end:
 *
 *	byte 0		struct gdma_wqe
 *	8		inline out-of-band data (OOB) of the client: 8, 24 or 32 bytes
 *	16, 32 or 48	struct gdma_sge, num_sge times
 *	...		padding to a multiple of 32
 *
 * The 8-byte header and an OOB of 8 or 24 bytes never wrap; an SGE list may, between any two SGEs.
 * The driver then writes a doorbell with the queue's new tail: bytes written since the queue was
 * created, modulo 2^32, not reduced by the queue's size.
 *
 * Completion (CQ) and event (EQ) queues are rings of fixed entries, 64 and 16 bytes, that the
 * adapter writes. Three owner bits in its last byte tell whether an entry is new. Both sides count
 * entries with an index that starts at the ring's number of entries, not at 0; the owner bits of
 * the entry with index i in a ring of n are
 *
 *	(i / n) mod 8
 *
 * so a zeroed ring has owner bits 0 everywhere and the first pass writes 1. The reader at index i
 * finds (i / n - 1) mod 8: nothing new; (i / n) mod 8: an entry; anything else: the adapter has
 * wrapped around and overwritten entries that were not read. The owner bits are written last and
 * read first.
 *
 * A reader that polls need not ring at all (net_mana does not), so the last doorbell says nothing
 * about the room in the ring: only a reader of the owner bits detects an overflow. Linux rings at
 * least every four rounds, because the hardware requires it once in eight.
 *
 * A doorbell for such a queue says how far the driver has read (its index modulo 8 n) and whether
 * it wants an event for the next entry ("arm"). Arming with an index before the adapter's raises
 * the event at once. A queue is armed when it is created (openvmm's model; Linux waits for events
 * on new queues without a doorbell). An event or interrupt disarms it.
 *
 * Known from Linux include/net/mana/gdma.h, drivers/net/ethernet/microsoft/
 * mana/gdma_main.c; DPDK drivers/net/mana/{mana.h,gdma.c}; rdma-core
 * providers/mana/{gdma.h,doorbells.h,wr.c}; openvmm vm/devices/net/gdma_defs
 * and gdma/src/queues.rs.
 */
#ifndef MANAKIN_WIRE_WQ_H
#define MANAKIN_WIRE_WQ_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Work queue entries ---- */

#define GDMA_WQE_UNIT       32u   /* bytes; a basic unit */
#define GDMA_SQE_SIZE_MAX   512u  /* bytes */
#define GDMA_RQE_SIZE_MAX   256u  /* bytes */
#define GDMA_QUEUE_SIZE_MIN 4096u /* bytes of any queue. Linux MANA_MIN_QSIZE */

/* The most that drivers put into one entry. Linux MAX_TX_WQE_SGL_ENTRIES, MAX_RX_... ; DPDK 30 */
#define GDMA_SQE_SGES_MAX   30u
#define GDMA_RQE_SGES_MAX   15u

#define GDMA_OOB_SMALL      8u  /* bytes */
#define GDMA_OOB_LARGE      24u /* bytes */
#define GDMA_OOB_EXTRA      32u /* bytes; rdma-core and openvmm only */

/**
 * struct gdma_sge - a piece of memory
 * @address:	in the address space of @mem_key: bus address or virtual address
 * @mem_key:	memory key of the protection domain that owns the queue
 * @size:	bytes
 *
 * Linux gdma.h, struct gdma_sge. An entry without data has one SGE with address 1
 * and size 0 (rdma-core, DPDK).
 */
struct gdma_sge {
	uint64_t address;
	uint32_t mem_key;
	uint32_t size;
};
static_assert(sizeof(struct gdma_sge) == 16, "SGE");

/* The second half of an SGE as a little-endian word, for code that writes it whole */
#define GDMA_SGE_WORD(key, size) ((uint64_t)(size) << 32 | (uint32_t)(key))

/**
 * struct gdma_wqe - header of a work-queue entry
 * @num_padding_sgls: unused SGEs at the end that @num_sge counts (rdma-core only)
 * @last_vbytes: with @client_oob_in_sgl and padding (Linux GDMA_WR_PAD_BY_SGE0): low 8
 *		bits of the first SGE's size; with @sgl_direct: bytes of the last 16
 *		that count (openvmm). Otherwise 0
 * @num_sge:	SGEs that follow
 * @inline_oob_size_div4: bytes of OOB / 4: 2 for 8, 6 for 24, 7 for 32
 * @client_oob_in_sgl: the first SGE is the client's OOB, beyond the inline one. An Ethernet
 *		sender sets it for TSO: the first SGE holds the headers, all of them
 *		and nothing else
 * @consume_credit, @fence: RNIC (DPDK and rdma-core name them, Linux reserves them)
 * @client_data_unit: SQ: TSO: payload bytes of a segment; RNIC: path MTU in bytes; else 0
 * @check_sn:	RNIC (DPDK, rdma-core)
 * @sgl_direct:	data instead of SGEs in the list's place (DPDK, rdma-core, openvmm); no
 *		Ethernet driver sets it
 *
 * Linux gdma.h, struct gdma_wqe, which reserves what is marked above.
 */
struct gdma_wqe {
	uint32_t num_padding_sgls : 5;
	uint32_t reserved1 : 19;
	uint32_t last_vbytes : 8;
	uint32_t num_sge : 8;
	uint32_t inline_oob_size_div4 : 3;
	uint32_t client_oob_in_sgl : 1;
	uint32_t consume_credit : 1;
	uint32_t fence : 1;
	uint32_t reserved2 : 2;
	uint32_t client_data_unit : 14;
	uint32_t check_sn : 1;
	uint32_t sgl_direct : 1;
};
static_assert(sizeof(struct gdma_wqe) == 8, "WQE header");

/* The same fields in the header as a little-endian word, for code that handles it as a whole */
#define GDMA_WQE_WORD_LAST(n)      ((uint64_t)((n)&0xffu) << 24)
#define GDMA_WQE_WORD_SGES(n)      ((uint64_t)(n) << 32)
#define GDMA_WQE_WORD_OOB(bytes)   ((uint64_t)((bytes) / 4) << 40)
#define GDMA_WQE_WORD_OOB_IN_SGL   (UINT64_C(1) << 43)
#define GDMA_WQE_WORD_DATA_UNIT(n) ((uint64_t)((n)&0x3fffu) << 48)
/* The fields that determine the layout: num_sge, inline_oob_size_div4, client_oob_in_sgl */
#define GDMA_WQE_WORD_SHAPE_MASK   (UINT64_C(0xfff) << 32)

/**
 * gdma_wqe_oob_size() - bytes of inline OOB
 * @wqe:	header
 *
 * Return: 8, 24 or 32, and 8 for a code that no driver writes, as in openvmm
 */
static inline uint32_t gdma_wqe_oob_size(const struct gdma_wqe *wqe)
{
	switch (wqe->inline_oob_size_div4) {
	case GDMA_OOB_LARGE / 4:
		return GDMA_OOB_LARGE;
	case GDMA_OOB_EXTRA / 4 - 1: /* 8 does not fit in three bits */
		return GDMA_OOB_EXTRA;
	default:
		return GDMA_OOB_SMALL;
	}
}

/**
 * gdma_wqe_sgl_offset() - where the SGEs start, in bytes from the entry's start
 * @wqe:	header
 */
static inline uint32_t gdma_wqe_sgl_offset(const struct gdma_wqe *wqe)
{
	return ((uint32_t)sizeof(*wqe) + gdma_wqe_oob_size(wqe) + 15) & ~15u;
}

/**
 * gdma_wqe_size() - bytes the entry takes in its queue
 * @wqe:	header
 *
 * An empty list takes as much room as one SGE: DPDK writes a dummy there.
 *
 * Return: a multiple of GDMA_WQE_UNIT, from 32 to 4128; more than GDMA_SQE_SIZE_MAX or
 * GDMA_RQE_SIZE_MAX is the driver's mistake
 */
static inline uint32_t gdma_wqe_size(const struct gdma_wqe *wqe)
{
	uint32_t sges = wqe->num_sge ? wqe->num_sge : 1;
	uint32_t len = gdma_wqe_sgl_offset(wqe) + sges * (uint32_t)sizeof(struct gdma_sge);

	return (len + GDMA_WQE_UNIT - 1) & ~(GDMA_WQE_UNIT - 1);
}

/* ---- Doorbells ---- */

/*
 * The offset of each kind in a doorbell page. The long ones are one 64-bit write, the short ones
 * one 32-bit write. Linux gdma_main.c DOORBELL_OFFSET_*; rdma-core doorbells.h; short: DPDK gdma.c,
 * built only for 32-bit CPUs, and the EQ's not used even there.
 */
enum gdma_doorbell_offset {
	GDMA_DB_SQ = 0x000,
	GDMA_DB_SQ_SHORT = 0x010,
	GDMA_DB_RQ = 0x400,
	GDMA_DB_RQ_CLIENT = 0x408, /* RNIC: rdma-core, openvmm */
	GDMA_DB_RQ_SHORT = 0x410,
	GDMA_DB_CQ = 0x800,
	GDMA_DB_CQ_SHORT = 0x810,
	GDMA_DB_CQ_MODERATION = 0x820, /* Linux 7.3, DOORBELL_OFFSET_DIM */
	GDMA_DB_EQ_SHORT = 0xff0,
	GDMA_DB_EQ = 0xff8,
};

/**
 * union gdma_doorbell - long doorbell
 * @sq.tail:	bytes posted since creation, modulo 2^32; a multiple of 32
 * @rq.wqe_cnt:	entries posted since the last doorbell; Ethernet: 0 (DPDK: by the
 *		specification), RNIC: 1 to 255
 * @rq.tail:	as @sq.tail. rdma-core wraps its index at 2^27 units, which is the same
 * @rq_client:	RNIC: asks for a completion at packet sequence number @low; @high is 1
 * @cq.tail:	index up to which the driver has read, modulo 8 times the entries
 * @cq.arm:	1: the CQ's next entry is to raise an event
 * @eq:		the same; the next entry is to raise an interrupt
 * @moderation:	of a CQ: its event is held for @usec microseconds or until there are @comps
 *		completions; a field is used only if the bit after it is set
 *
 * Linux gdma.h, union gdma_doorbell_entry; rdma-core doorbells.h for @rq_client; Linux 7.3 for
 * @moderation.
 */
union gdma_doorbell {
	uint64_t word;
	struct {
		uint64_t id : 24;
		uint64_t reserved : 8;
		uint64_t tail : 32;
	} sq;
	struct {
		uint64_t id : 24;
		uint64_t wqe_cnt : 8;
		uint64_t tail : 32;
	} rq;
	struct {
		uint64_t id : 24;
		uint64_t high : 8;
		uint64_t low : 32;
	} rq_client;
	struct {
		uint64_t id : 24;
		uint64_t reserved : 8;
		uint64_t tail : 31;
		uint64_t arm : 1;
	} cq;
	struct {
		uint64_t id : 16;
		uint64_t reserved : 16;
		uint64_t tail : 31;
		uint64_t arm : 1;
	} eq;
	struct {
		uint64_t id : 24;
		uint64_t reserved1 : 8;
		uint64_t usec : 10;
		uint64_t reserved2 : 5;
		uint64_t usec_valid : 1;
		uint64_t comps : 8;
		uint64_t reserved3 : 7;
		uint64_t comps_valid : 1;
	} moderation;
};
static_assert(sizeof(union gdma_doorbell) == 8, "doorbell");

#define GDMA_MODERATION_USEC_MAX   1023u /* Linux 7.3 MANA_INTR_MODR_USEC_MAX */

/* Fields of @word: number and tail of any queue, and arm of a CQ or EQ */
#define GDMA_DB_WORD(id, tail)     ((uint64_t)(tail) << 32 | (uint32_t)(id))
#define GDMA_DB_WORD_ARM(arm)      ((uint64_t)(arm) << 63)
#define GDMA_DB_TAIL_MAX           0x7fffffffu /* of a CQ or EQ */

#define GDMA_DB_SHORT_ID_MAX       0xfffu  /* queues with a larger number need the long form */
#define GDMA_DB_SHORT_TAIL_INC_MAX 0xffffu /* bytes or entries that one doorbell can add */

/**
 * union gdma_doorbell_short - short doorbell: the increment since the last one
 * @sq.tail_inc, @rq.tail_inc: bytes; a multiple of 32
 * @cq.tail_inc, @eq.tail_inc: entries
 * @cq.arm, @eq.arm: as in the long form
 *
 * DPDK gdma.c, union gdma_short_doorbell_entry.
 */
union gdma_doorbell_short {
	uint32_t word;
	struct {
		uint32_t tail_inc : 16;
		uint32_t id : 12;
		uint32_t reserved : 4;
	} sq;
	struct {
		uint32_t tail_inc : 16;
		uint32_t id : 12;
		uint32_t reserved : 4;
	} rq;
	struct {
		uint32_t tail_inc : 16;
		uint32_t id : 12;
		uint32_t reserved : 3;
		uint32_t arm : 1;
	} cq;
	struct {
		uint32_t tail_inc : 16;
		uint32_t id : 12;
		uint32_t reserved : 3;
		uint32_t arm : 1;
	} eq;
};
static_assert(sizeof(union gdma_doorbell_short) == 4, "short doorbell");

/* ---- Completion and event queue entries ---- */

#define GDMA_CQE_SIZE        64u /* bytes */
#define GDMA_EQE_SIZE        16u /* bytes */

#define GDMA_COMP_DATA_SIZE  60u /* bytes of a completion that belong to the client */
#define GDMA_EVENT_DATA_SIZE 12u /* bytes of an event that belong to its sender */

/**
 * struct gdma_cqe - completion queue entry
 * @data:	mana_tx_comp_oob, mana_rxcomp_oob (wire/vport.h), hwc_rx_oob (wire/hwc.h) or
 *		rnic_cqe (wire/rnic.h)
 * @wq_num:	work queue that it belongs to
 * @is_sq:	set if that is a send queue
 * @cmpln:	named only by openvmm, reserved elsewhere; write 0
 * @owner_bits:	see gdma_owner_bits()
 *
 * Linux gdma.h, struct gdma_cqe.
 */
struct gdma_cqe {
	uint32_t data[GDMA_COMP_DATA_SIZE / 4];
	union {
		uint32_t info;
		struct {
			uint32_t wq_num : 24;
			uint32_t is_sq : 1;
			uint32_t cmpln : 1;
			uint32_t reserved : 3;
			uint32_t owner_bits : 3;
		};
	};
};
static_assert(sizeof(struct gdma_cqe) == GDMA_CQE_SIZE, "CQE");
static_assert(offsetof(struct gdma_cqe, info) == 60, "CQE");

#define GDMA_CQE_INFO_IS_SQ (1u << 24) /* is_sq in @info; wq_num are the bits below */

/* Types of events. Linux gdma.h, enum gdma_eqe_type; comments say which drivers know them */
enum gdma_event_type {
	GDMA_EQE_COMPLETION = 3,          /* details[0] bits 23:0: CQ with new entries. All */
	GDMA_EQE_TEST_EVENT = 64,         /* requested with GDMA_GENERATE_TEST_EQE. All */
	GDMA_EQE_HWC_INIT_EQ_ID_DB = 129, /* union hwc_init_eq_id_db. All */
	GDMA_EQE_HWC_INIT_DATA = 130,     /* union hwc_event_data. All */
	GDMA_EQE_HWC_INIT_DONE = 131,     /* no data. All */
	GDMA_EQE_HWC_FPGA_RECONFIG = 132, /* no data. 7.2 removes the device and rescans */
	GDMA_EQE_HWC_RECONFIG_DATA = 133, /* union hwc_event_data. 7.2, openvmm; older drop it */
	GDMA_EQE_HWC_SOC_SERVICE = 134,   /* union hwc_soc_service. 7.2 */
	GDMA_EQE_HWC_RESET_REQUEST = 135, /* union hwc_vf_reset. 7.2, openvmm */
	GDMA_EQE_RNIC_QP_FATAL = 176,     /* details[0]: QP number. mana_ib from 6.12 on */
};

/**
 * struct gdma_eqe - event queue entry
 * @details:	depends on @type
 * @type:	enum gdma_event_type
 * @client_id:	no driver reads it
 * @owner_bits:	see gdma_owner_bits()
 *
 * Linux gdma.h, struct gdma_eqe and union gdma_eqe_info.
 */
struct gdma_eqe {
	uint32_t details[GDMA_EVENT_DATA_SIZE / 4];
	union {
		uint32_t info;
		struct {
			uint32_t type : 8;
			uint32_t reserved1 : 8;
			uint32_t client_id : 2;
			uint32_t reserved2 : 11;
			uint32_t owner_bits : 3;
		};
	};
};
static_assert(sizeof(struct gdma_eqe) == GDMA_EQE_SIZE, "EQE");
static_assert(offsetof(struct gdma_eqe, info) == 12, "EQE");

#define GDMA_EQE_CQ_ID_MASK 0xffffffu /* of details[0] in a GDMA_EQE_COMPLETION */

/* ---- Owner bits ---- */

#define GDMA_OWNER_BITS     3u
#define GDMA_OWNER_SHIFT    29u /* in the last word of a CQE and of an EQE */
#define GDMA_OWNER_MASK     ((1u << GDMA_OWNER_BITS) - 1)

/**
 * gdma_owner_bits() - owner bits of an entry
 * @index:	the entry's, counted from the first one = @count
 * @count:	entries in the ring. A power of two in kernel queues; net_mana's CQs have as
 *		many as the queue has descriptors, a multiple of 64
 */
static inline uint32_t gdma_owner_bits(uint32_t index, uint32_t count)
{
	return (index / count) & GDMA_OWNER_MASK;
}

/**
 * gdma_index_next() - the index after an index, without overflow
 * @index:	in 0 .. 8 * @count - 1
 * @count:	entries in the ring, at most 2^29 - 1
 *
 * Return: in 0 .. 8 * @count - 1, as in doorbells
 */
static inline uint32_t gdma_index_next(uint32_t index, uint32_t count)
{
	return index + 1 == count << GDMA_OWNER_BITS ? 0 : index + 1;
}

/**
 * gdma_index_distance() - entries written but not read
 * @written:	the writer's index, in 0 .. 8 * @count - 1
 * @read:	the reader's index, as in a doorbell
 * @count:	entries in the ring
 *
 * Return: in 0 .. 8 * @count - 1. More than @count: the reader is wrong, or entries were lost
 */
static inline uint32_t gdma_index_distance(uint32_t written, uint32_t read, uint32_t count)
{
	uint32_t span = count << GDMA_OWNER_BITS;

	read %= span;
	return written >= read ? written - read : written + (span - read);
}

/* What a reader finds in a ring */
enum gdma_entry_state {
	GDMA_ENTRY_NONE,     /* nothing new */
	GDMA_ENTRY_NEW,      /* the entry at the reader's index */
	GDMA_ENTRY_OVERFLOW, /* entries were overwritten */
};

/**
 * gdma_entry_state() - is the entry at an index new?
 * @info:	last word of the entry in the ring
 * @index:	the reader's
 * @count:	entries in the ring
 */
static inline enum gdma_entry_state gdma_entry_state(uint32_t info, uint32_t index, uint32_t count)
{
	uint32_t owner = info >> GDMA_OWNER_SHIFT;
	uint32_t current = index / count;

	if (owner == ((current - 1) & GDMA_OWNER_MASK))
		return GDMA_ENTRY_NONE;
	return owner == (current & GDMA_OWNER_MASK) ? GDMA_ENTRY_NEW : GDMA_ENTRY_OVERFLOW;
}

#endif /* MANAKIN_WIRE_WQ_H */
