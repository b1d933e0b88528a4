/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire/reg.h - PCI identity, BAR 0 registers and the shared-memory channel
 *
 * The room
 *
 * wire/ holds the formats of MANA, one header per layer, which uses those of the layers below:
 *
 *	reg.h		PCI identity, registers, shared-memory channel
 *	wq.h		entries of work, completion and event queues; doorbells
 *	hwc.h		the hardware channel, and what all commands begin with
 *	gdma.h		commands of the function
 *	vport.h		commands of the Ethernet device; packets in entries and completions
 *	rnic.h		commands of the RDMA device
 *	native.h	doorbells in shared memory, which only this project has
 *	synthetic.h	datagrams of the lab's synthetic cards
 *
 * It uses the C library's types and nothing else. It has no code beyond accessors, so the adapter
 * and the drivers share it without sharing any behaviour. Each structure has an assertion of its
 * size and names its source; all are little-endian, and so must the machine be. It never decides
 * what to do with a field: that is up to the room that uses it.
 *
 * Theory of operation
 *
 * A driver finds three numbers in BAR 0: where the doorbell pages start, how long one is, and where
 * the shared-memory channel (SMC) is. The SMC is a 32-byte aperture that carries one message at a
 * time. Its last 32-bit word is a header with an ownership bit; writing that word passes the
 * aperture to the adapter, which passes it back with the answer in it. The SMC does only two
 * things: it sets up the hardware channel (wire/hwc.h) and tears it down.
 *
 *	SMC byte	ESTABLISH_HWC request
 *	 0 ..  5	EQ page frame number, bits 47:0
 *	 6 .. 11	CQ page frame number, bits 47:0
 *	12 .. 17	RQ page frame number, bits 47:0
 *	18 .. 23	SQ page frame number, bits 47:0
 *	24 .. 25	bits 51:48 of the four: EQ 3:0, CQ 7:4, RQ 11:8, SQ 15:12
 *	26 .. 27	MSI-X vector of the EQ
 *	28 .. 31	header
 *
 * A page frame number is an address divided by 4096, 52 bits of it.
 *
 * Known from Linux (include/net/mana/gdma.h, drivers/net/ethernet/microsoft/
 * mana/gdma_main.c and shm_channel.c) and from openvmm (gdma_defs/src/lib.rs),
 * which has names for words that Linux does not read.
 */
#ifndef MANAKIN_WIRE_REG_H
#define MANAKIN_WIRE_REG_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* PCI identity. Linux gdma_main.c (mana_id_table), DPDK drivers/net/mana/mana.h */
#define MANA_PCI_VENDOR_ID    0x1414u
#define MANA_PCI_DEVICE_ID_PF 0x00b9u
#define MANA_PCI_DEVICE_ID_VF 0x00bau
#define MANA_PCI_DEVICE_ID_PF2                                                                     \
	0x00c1u                   /* a PF with the register layout of a VF. Linux 7.2        \
				   */
#define MANA_PCI_CLASS  0x020000u /* network controller, Ethernet */

#define MANA_BAR        0u /* the registers, the SMC and the doorbell pages; BAR 2: wire/native.h */
#define MANA_MSIX_BAR   4u /* the MSI-X table and its pending bits */

/* Memory is described to the adapter in pages of this many bytes, whatever the CPU's page size */
#define MANA_PAGE_SHIFT 12
#define MANA_PAGE_SIZE  (1u << MANA_PAGE_SHIFT)

/**
 * struct mana_vf_regs - BAR 0 from offset 0, when the function is a VF
 * @version_micro, @version_minor, @version_major: of the register map
 * @db_page_offset:	first doorbell page, bytes from the start of BAR 0
 * @db_page_size:	length of a doorbell page in bytes, in the low 16 bits
 * @shm_offset:		SMC, bytes from the start of BAR 0
 * @shm_size:		size of the SMC in bytes
 *
 * Linux reads @db_page_offset, @db_page_size and @shm_offset
 * (GDMA_REG_DB_PAGE_OFFSET, _DB_PAGE_SIZE, _SHM_OFFSET); the rest is known
 * only from openvmm's RegMap.
 */
struct mana_vf_regs {
	uint16_t version_micro;
	uint8_t version_minor;
	uint8_t version_major;
	uint32_t reserved1;
	uint64_t db_page_offset;
	uint16_t db_page_size;
	uint16_t reserved2;
	uint32_t reserved3;
	uint64_t shm_offset;
	uint16_t shm_size;
	uint16_t reserved4;
	uint32_t reserved5;
};
static_assert(sizeof(struct mana_vf_regs) == 0x28, "VF register map");
static_assert(offsetof(struct mana_vf_regs, db_page_offset) == 0x08, "VF register map");
static_assert(offsetof(struct mana_vf_regs, db_page_size) == 0x10, "VF register map");
static_assert(offsetof(struct mana_vf_regs, shm_offset) == 0x18, "VF register map");
static_assert(offsetof(struct mana_vf_regs, shm_size) == 0x20, "VF register map");

#define MANA_VF_REG_DB_PAGE_OFFSET   0x08u /* 64 bits */
#define MANA_VF_REG_DB_PAGE_SIZE     0x10u /* 32 bits read, low 16 used */
#define MANA_VF_REG_SHM_OFFSET       0x18u /* 64 bits */

/*
 * The same three for a PF. The SMC's offset is found in two steps: the 64-bit
 * word at MANA_PF_REG_SRIOV_CFG_BASE is the start of the SR-IOV block in
 * BAR 0, and the 64-bit word at MANA_PF_SRIOV_REG_SHM_OFFSET in that block is
 * the SMC's distance from the block's start.
 * Linux gdma.h GDMA_PF_REG_*, GDMA_SRIOV_REG_CFG_BASE_OFF; gdma_main.c
 * mana_gd_init_pf_regs().
 */
#define MANA_PF_REG_DB_PAGE_OFFSET   0xc8u  /* 64 bits */
#define MANA_PF_REG_DB_PAGE_SIZE     0xd0u  /* 32 bits read, low 16 used */
#define MANA_PF_REG_SRIOV_CFG_BASE   0x108u /* 64 bits */
#define MANA_PF_SRIOV_REG_SHM_OFFSET 0x70u  /* 64 bits, in the SR-IOV block */

#define MANA_REG_DB_PAGE_SIZE_MASK   0xffffu

/*
 * The last doorbell of a page ends at 4096. Linux 7.2 rejects an adapter whose pages are shorter,
 * or whose doorbell pages or SMC are outside BAR 0; older versions do not check.
 */
#define MANA_DB_PAGE_SIZE_MIN        4096u

/* The shared-memory channel. Linux shm_channel.c; openvmm SmcProtoHdr */

#define SMC_SIZE                     32u             /* bytes of the aperture */
#define SMC_WORDS                    (SMC_SIZE / 4u) /* it is read and written in 32-bit words */
#define SMC_HEADER_OFFSET            (SMC_SIZE - 4u) /* writing it passes the aperture on */
#define SMC_RESET_VALUE              0xffffffffu     /* header word while the function resets */

enum smc_message_type {
	SMC_ESTABLISH_HWC = 1,
	SMC_DESTROY_HWC = 2,
	SMC_REPORT_HWC_TIMEOUT = 4, /* openvmm only: the driver reports that the HWC timed out */
};

/* The newest version of each message. Linux shm_channel.c; the third from openvmm */
#define SMC_ESTABLISH_HWC_VERSION      0u
#define SMC_DESTROY_HWC_VERSION        0u
#define SMC_REPORT_HWC_TIMEOUT_VERSION 1u

/* Any status but 0 is a failure to every driver; the meaning of the values is not documented */
enum smc_status {
	SMC_STATUS_SUCCESS = 0,
	SMC_STATUS_FAILURE = 1,
};

/**
 * union smc_header - last word of the aperture
 * @msg_type:	enum smc_message_type; the answer repeats the request's
 * @msg_version: an answer may carry a lower one than the request, not a higher one
 * @response:	0 driver to adapter, 1 adapter to driver
 * @status:	enum smc_status, in an answer
 * @reset_vf:	in a request: reset the function along with it
 * @owner_is_pf: 1 while the adapter works on the message, 0 when the driver may
 *
 * Linux shm_channel.c, union smc_proto_hdr.
 */
union smc_header {
	uint32_t word;
	struct {
		uint32_t msg_type : 3;
		uint32_t msg_version : 3;
		uint32_t reserved1 : 1;
		uint32_t response : 1;
		uint32_t status : 8;
		uint32_t reserved2 : 8;
		uint32_t reset_vf : 1;
		uint32_t reserved3 : 6;
		uint32_t owner_is_pf : 1;
	};
};
static_assert(sizeof(union smc_header) == 4, "SMC header");

/**
 * struct smc_message - the aperture as ESTABLISH_HWC fills it
 * @pfn_low:	page frame numbers, bits 47:0, little-endian; index enum smc_queue
 * @pfn_high:	bits 51:48 of the four, 4 bits each, from bit 0 up
 * @msix:	MSI-X vector of the EQ
 * @header:	see union smc_header
 *
 * Linux shm_channel.c, mana_smc_setup_hwc(); openvmm EstablishHwc.
 */
struct smc_message {
	uint8_t pfn_low[4][6];
	uint16_t pfn_high;
	uint16_t msix;
	union smc_header header;
};
static_assert(sizeof(struct smc_message) == SMC_SIZE, "SMC message");
static_assert(offsetof(struct smc_message, pfn_high) == 24, "SMC message");
static_assert(offsetof(struct smc_message, msix) == 26, "SMC message");
static_assert(offsetof(struct smc_message, header) == SMC_HEADER_OFFSET, "SMC message");

/* The order of the four queues in the message */
enum smc_queue {
	SMC_QUEUE_EQ = 0,
	SMC_QUEUE_CQ = 1,
	SMC_QUEUE_RQ = 2,
	SMC_QUEUE_SQ = 3,
};

/**
 * smc_message_set_address() - write a queue's address into a message
 * @msg:	message
 * @queue:	which of the four
 * @address:	bus address, a multiple of 4096; all 64 bits fit
 */
static inline void smc_message_set_address(struct smc_message *msg, enum smc_queue queue,
					   uint64_t address)
{
	uint64_t pfn = address >> MANA_PAGE_SHIFT;
	unsigned int shift = (unsigned int)queue * 4;

	for (unsigned int i = 0; i < 6; i++)
		msg->pfn_low[queue][i] = (uint8_t)(pfn >> (8 * i));
	msg->pfn_high = (uint16_t)((msg->pfn_high & ~(0xfu << shift)) |
				   (((unsigned int)(pfn >> 48) & 0xfu) << shift));
}

/**
 * smc_message_address() - read a queue's address from a message
 * @msg:	message
 * @queue:	which of the four
 *
 * Return: bus address, a multiple of 4096
 */
static inline uint64_t smc_message_address(const struct smc_message *msg, enum smc_queue queue)
{
	uint64_t pfn = ((uint64_t)msg->pfn_high >> ((unsigned int)queue * 4)) & 0xfu;

	for (unsigned int i = 6; i-- > 0;)
		pfn = pfn << 8 | msg->pfn_low[queue][i];
	return pfn << MANA_PAGE_SHIFT;
}

/**
 * smc_header_answer() - header with which the adapter returns the aperture
 * @request:	header of the request
 * @version:	version the adapter answers in; not above the request's
 * @status:	enum smc_status
 *
 * Return: header word, owned by the driver
 */
static inline union smc_header smc_header_answer(union smc_header request, uint32_t version,
						 enum smc_status status)
{
	union smc_header answer = { .word = 0 };

	answer.msg_type = request.msg_type & 7u;
	answer.msg_version = version & 7u;
	answer.response = 1;
	answer.status = (uint32_t)status & 0xffu;
	return answer;
}

#endif /* MANAKIN_WIRE_REG_H */
