/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire/gdma.h - the GDMA commands: those about the function, independent of its devices
 *
 * Known from Linux (include/net/mana/gdma.h, drivers/net/ethernet/microsoft/mana/gdma_main.c,
 * versions 6.1, 6.12 and 7.2) unless a comment names another source.
 */
#ifndef MANAKIN_WIRE_GDMA_H
#define MANAKIN_WIRE_GDMA_H

#include "wire/hwc.h"

/* ---- GDMA_VERIFY_VF_DRIVER_VERSION ---- */

#define GDMA_PROTOCOL_V1                      1u

/* gdma_verify_version_req.driver_cap_flags1: what the driver can do. Linux GDMA_DRV_CAP_FLAG_1_* */
#define GDMA_DRV_CAP_1_EQ_SHARING_MULTI_VPORT (1ull << 0)
#define GDMA_DRV_CAP_1_NAPI_WKDONE_FIX        (1ull << 2)
#define GDMA_DRV_CAP_1_HWC_TIMEOUT_RECONFIG   (1ull << 3)
#define GDMA_DRV_CAP_1_LARGE_GDMA_PAGES       (1ull << 4) /* defined in 7.2, not sent */
#define GDMA_DRV_CAP_1_VARIABLE_INDIRECTION   (1ull << 5)
#define GDMA_DRV_CAP_1_LINK_AWARE             (1ull << 6)
#define GDMA_DRV_CAP_1_DEV_LIST_HOLES         (1ull << 11)
#define GDMA_DRV_CAP_1_DYNAMIC_IRQ_ALLOC      (1ull << 13)
#define GDMA_DRV_CAP_1_SELF_RESET_ON_EQE      (1ull << 14)
#define GDMA_DRV_CAP_1_VTL2_REVOKE_ON_RESET   (1ull << 16) /* openvmm only */
#define GDMA_DRV_CAP_1_HANDLE_RECONFIG_EQE    (1ull << 17)
#define GDMA_DRV_CAP_1_STALL_SQ_RECOVERY      (1ull << 18)
#define GDMA_DRV_CAP_1_EQ_MSI_UNSHARE         (1ull << 19)
#define GDMA_DRV_CAP_1_SKB_LINEARIZE          (1ull << 20)
#define GDMA_DRV_CAP_1_PERIODIC_STATS_QUERY   (1ull << 21)
#define GDMA_DRV_CAP_1_PROBE_RECOVERY         (1ull << 22)
#define GDMA_DRV_CAP_1_HWC_TIMEOUT_RECOVERY   (1ull << 25)
#define GDMA_DRV_CAP_1_VTL2_SELECTIVE_REVOKE  (1ull << 27) /* openvmm only */
#define GDMA_DRV_CAP_1_CQ_MODERATION          (1ull << 28) /* Linux 7.3 */
#define GDMA_DRV_CAP_1_SCATTERED_QUEUES       (1ull << 30) /* Linux 7.3 */

/*
 * gdma_verify_version_resp.pf_cap_flags1: what the adapter can do. Linux tests these bits by the
 * driver's names for them (same positions); openvmm has names of its own for bits 3 and 7.
 */
#define GDMA_PF_CAP_1_QUERY_HWC_TIMEOUT       (1ull << 3)  /* then Linux sends command 84 */
#define GDMA_PF_CAP_1_LARGE_GDMA_PAGES        (1ull << 4)  /* then mana_ib 7.2 uses large pages */
#define GDMA_PF_CAP_1_EQE_REQUEST_SELF_RESET  (1ull << 7)  /* openvmm only */
#define GDMA_PF_CAP_1_CQ_MODERATION           (1ull << 15) /* then Linux 7.3 moderates CQs */

/* gdma_verify_version_req.os_type */
enum gdma_os_type {
	GDMA_OS_LINUX = 0x10,
	GDMA_OS_WINDOWS = 0x20,
	GDMA_OS_OTHER = 0x30,
	GDMA_OS_OHCL = 0x60, /* openvmm only */
};

/**
 * struct gdma_verify_version_req - the first command on a new HWC
 * @protocol_ver_min, @protocol_ver_max: GDMA protocol the driver speaks, GDMA_PROTOCOL_V1
 * @driver_cap_flags1: GDMA_DRV_CAP_1_*; 2 to 4 are 0 so far
 * @driver_ver:	0
 * @os_type:	enum gdma_os_type
 * @os_ver_major ... @os_ver_platform: for the adapter's records
 * @os_ver_str:	the same, as text, 0-terminated; Linux: name, release, version, empty
 *
 * Linux gdma.h, struct gdma_verify_ver_req.
 */
struct gdma_verify_version_req {
	struct gdma_req_header hdr;
	uint64_t protocol_ver_min;
	uint64_t protocol_ver_max;
	uint64_t driver_cap_flags1;
	uint64_t driver_cap_flags2;
	uint64_t driver_cap_flags3;
	uint64_t driver_cap_flags4;
	uint64_t driver_ver;
	uint32_t os_type;
	uint32_t reserved1;
	uint32_t os_ver_major;
	uint32_t os_ver_minor;
	uint32_t os_ver_build;
	uint32_t os_ver_platform;
	uint64_t reserved2;
	char os_ver_str[4][128];
};
static_assert(sizeof(struct gdma_verify_version_req) == 640, "verify version");
static_assert(offsetof(struct gdma_verify_version_req, os_type) == 96, "verify version");
static_assert(offsetof(struct gdma_verify_version_req, os_ver_str) == 128, "verify version");

/**
 * struct gdma_verify_version_resp
 * @protocol_ver: the one agreed on
 * @pf_cap_flags1: GDMA_PF_CAP_1_*
 *
 * Linux gdma.h, struct gdma_verify_ver_resp.
 */
struct gdma_verify_version_resp {
	struct gdma_resp_header hdr;
	uint64_t protocol_ver;
	uint64_t pf_cap_flags1;
	uint64_t pf_cap_flags2;
	uint64_t pf_cap_flags3;
	uint64_t pf_cap_flags4;
};
static_assert(sizeof(struct gdma_verify_version_resp) == 72, "verify version");

/* ---- GDMA_QUERY_MAX_RESOURCES: gdma_general_req ---- */

/**
 * struct gdma_query_max_resources_resp - how many of each the function has
 * @status:	0; Linux reads the header's status instead
 * @max_mst:	memory translation entries, that is memory keys
 * @max_cq_mod_ctx, @max_mod_cq: completion moderation contexts, and CQs in one
 * @max_msix:	vectors, the HWC's included; Linux needs at least 2
 *
 * Linux gdma.h, struct gdma_query_max_resources_resp.
 */
struct gdma_query_max_resources_resp {
	struct gdma_resp_header hdr;
	uint32_t status;
	uint32_t max_sq;
	uint32_t max_rq;
	uint32_t max_cq;
	uint32_t max_eq;
	uint32_t max_db;
	uint32_t max_mst;
	uint32_t max_cq_mod_ctx;
	uint32_t max_mod_cq;
	uint32_t max_msix;
};
static_assert(sizeof(struct gdma_query_max_resources_resp) == 72, "max resources");

/* ---- GDMA_LIST_DEVICES: gdma_general_req ---- */

#define GDMA_LIST_DEVICES_MAX 64u

/**
 * struct gdma_list_devices_resp
 * @num_of_devs: devices in the list, holes not counted; the HWC is one of them
 * @devs:	all-zero entries are holes; put none before a device unless the driver
 *		has GDMA_DRV_CAP_1_DEV_LIST_HOLES
 *
 * Linux gdma.h, struct gdma_list_devices_resp.
 */
struct gdma_list_devices_resp {
	struct gdma_resp_header hdr;
	uint32_t num_of_devs;
	uint32_t reserved;
	struct gdma_dev_id devs[GDMA_LIST_DEVICES_MAX];
};
static_assert(sizeof(struct gdma_list_devices_resp) == 296, "list of devices");

/* ---- GDMA_REGISTER_DEVICE: gdma_general_req ---- */

/**
 * struct gdma_register_device_resp - what a device needs to own queues
 * @pdid:	protection domain of its queues
 * @gpa_mkey:	memory key for all of the guest's memory, at its bus address
 * @db_id:	index of the doorbell page for its queues
 *
 * Linux gdma.h, struct gdma_register_device_resp.
 */
struct gdma_register_device_resp {
	struct gdma_resp_header hdr;
	uint32_t pdid;
	uint32_t gpa_mkey;
	uint32_t db_id;
};
static_assert(sizeof(struct gdma_register_device_resp) == 44, "register device");

/* ---- GDMA_GENERATE_TEST_EQE: answered by gdma_general_resp and one GDMA_EQE_TEST_EVENT ---- */

/**
 * struct gdma_generate_test_event_req
 * @queue_index: EQ to put the event into
 *
 * Linux gdma.h, struct gdma_generate_test_event_req. A driver sends it for each new
 * EQ and before it destroys one, and waits for the event.
 */
struct gdma_generate_test_event_req {
	struct gdma_req_header hdr;
	uint32_t queue_index;
};
static_assert(sizeof(struct gdma_generate_test_event_req) == 44, "test event");

/**
 * struct gdma_generate_reset_event_req - GDMA_GENERATE_RESET_REQUEST_EQE, gdma_general_resp
 * @queue_index: EQ to put a GDMA_EQE_HWC_RESET_REQUEST into
 * @data:	the event's first word
 *
 * openvmm gdma_defs, GdmaGenerateResetEventReq; no Linux driver sends it.
 */
struct gdma_generate_reset_event_req {
	struct gdma_req_header hdr;
	uint32_t queue_index;
	union hwc_vf_reset data;
};
static_assert(sizeof(struct gdma_generate_reset_event_req) == 48, "reset event");

/* ---- GDMA_CREATE_QUEUE ---- */

/* Also wq_type in wire/vport.h. Linux gdma.h, enum gdma_queue_type */
enum gdma_queue_type {
	GDMA_QUEUE_INVALID = 0,
	GDMA_SQ = 1,
	GDMA_RQ = 2,
	GDMA_CQ = 3,
	GDMA_EQ = 4,
};

#define GDMA_INVALID_DMA_REGION 0ull
#define GDMA_CQ_NO_EQ           0xffffu     /* a CQ's parent EQ: none. Linux mana.h */
#define GDMA_INVALID_ID         0xffffffffu /* what drivers store until they have an id */

/**
 * struct gdma_create_queue_req
 * @type:	enum gdma_queue_type; Linux creates only EQs with this command
 * @pdid:	protection domain
 * @doorbell_page: index of the doorbell page that the queue uses
 * @dma_region:	handle of the queue's memory; the adapter owns the region from now on
 * @queue_size:	bytes, a power of two, at least 4096
 * @log2_throttle_limit: of an EQ; 2^n is at most its number of entries
 * @eq_msix_index: of an EQ
 * @cq_mod_ctx_id: of a CQ: moderation context
 * @cq_parent_eq_id: of a CQ
 * @rq_drop_on_overrun, @rq_err_on_wqe_overflow, @rq_chain_rec_wqes: of an RQ
 * @sq_hw_db:	of an SQ
 *
 * Linux gdma.h, struct gdma_create_queue_req.
 */
struct gdma_create_queue_req {
	struct gdma_req_header hdr;
	uint32_t type;
	uint32_t reserved1;
	uint32_t pdid;
	uint32_t doorbell_page;
	uint64_t dma_region;
	uint32_t reserved2;
	uint32_t queue_size;
	uint32_t log2_throttle_limit;
	uint32_t eq_msix_index;
	uint32_t cq_mod_ctx_id;
	uint32_t cq_parent_eq_id;
	uint8_t rq_drop_on_overrun;
	uint8_t rq_err_on_wqe_overflow;
	uint8_t rq_chain_rec_wqes;
	uint8_t sq_hw_db;
	uint32_t reserved3;
};
static_assert(sizeof(struct gdma_create_queue_req) == 96, "create queue");
static_assert(offsetof(struct gdma_create_queue_req, dma_region) == 56, "create queue");
static_assert(offsetof(struct gdma_create_queue_req, rq_drop_on_overrun) == 88, "create queue");

/**
 * struct gdma_create_queue_resp
 * @queue_index: number of the queue, used in doorbells and other commands
 */
struct gdma_create_queue_resp {
	struct gdma_resp_header hdr;
	uint32_t queue_index;
};
static_assert(sizeof(struct gdma_create_queue_resp) == 36, "create queue");

/* ---- GDMA_DISABLE_QUEUE: gdma_general_resp ---- */

/**
 * struct gdma_disable_queue_req - destroy a queue
 * @type:	enum gdma_queue_type
 * @queue_index: its number
 * @alloc_res_id_on_creation: 1: the adapter chose the number, which is free again
 *
 * Linux gdma.h, struct gdma_disable_queue_req.
 */
struct gdma_disable_queue_req {
	struct gdma_req_header hdr;
	uint32_t type;
	uint32_t queue_index;
	uint32_t alloc_res_id_on_creation;
};
static_assert(sizeof(struct gdma_disable_queue_req) == 52, "disable queue");

/**
 * struct gdma_change_msix_req - GDMA_CHANGE_MSIX_FOR_EQ, gdma_general_resp
 * @queue_index: EQ
 * @msix:	its vector from now on
 *
 * openvmm gdma_defs, GdmaChangeMsixVectorIndexForEq; no Linux driver sends it.
 */
struct gdma_change_msix_req {
	struct gdma_req_header hdr;
	uint32_t queue_index;
	uint32_t msix;
	uint32_t reserved1;
	uint32_t reserved2;
};
static_assert(sizeof(struct gdma_change_msix_req) == 56, "change vector");

/* ---- GDMA_ALLOCATE_RESOURCE_RANGE, GDMA_DESTROY_RESOURCE_RANGE ---- */

#define GDMA_RESOURCE_DOORBELL_PAGE 27u /* the only type any driver asks for */

/**
 * struct gdma_allocate_resource_range_req
 * @resource_type: GDMA_RESOURCE_DOORBELL_PAGE
 * @num_resources: how many in a row; 1
 * @alignment:	of the first; 1
 * @allocated_resources: 0
 *
 * Linux gdma.h; mana_ib sends it, one page for each user context.
 */
struct gdma_allocate_resource_range_req {
	struct gdma_req_header hdr;
	uint32_t resource_type;
	uint32_t num_resources;
	uint32_t alignment;
	uint32_t allocated_resources;
};
static_assert(sizeof(struct gdma_allocate_resource_range_req) == 56, "allocate range");

/**
 * struct gdma_allocate_resource_range_resp
 * @allocated_resources: the first of the range
 */
struct gdma_allocate_resource_range_resp {
	struct gdma_resp_header hdr;
	uint32_t allocated_resources;
};
static_assert(sizeof(struct gdma_allocate_resource_range_resp) == 36, "allocate range");

/**
 * struct gdma_destroy_resource_range_req - gdma_general_resp
 * @allocated_resources: the first of the range
 */
struct gdma_destroy_resource_range_req {
	struct gdma_req_header hdr;
	uint32_t resource_type;
	uint32_t num_resources;
	uint32_t allocated_resources;
};
static_assert(sizeof(struct gdma_destroy_resource_range_req) == 52, "destroy range");

/* ---- GDMA_CREATE_DMA_REGION, GDMA_DMA_REGION_ADD_PAGES, GDMA_DESTROY_DMA_REGION ---- */

/*
 * Page size of a region: 4096 bytes << value. Linux 6.1 and 6.12 name the values 0 (4 KB) to 9
 * (2 MB); 7.2 names none, computes the logarithm, and goes up to 2 GB (19) when the adapter has
 * GDMA_PF_CAP_1_LARGE_GDMA_PAGES.
 */
#define GDMA_PAGE_TYPE_4K  0u
#define GDMA_PAGE_TYPE_2M  9u
#define GDMA_PAGE_TYPE_MAX 19u

/**
 * gdma_page_type_size() - bytes of a region's page
 * @type:	gdma_create_dma_region_req.page_type, at most GDMA_PAGE_TYPE_MAX
 */
static inline uint64_t gdma_page_type_size(uint32_t type)
{
	return 4096ull << type;
}

/**
 * struct gdma_create_dma_region_req - describe scattered memory by its pages
 * @length:	bytes
 * @offset_in_page: where it starts in the first page, bytes
 * @page_type:	see gdma_page_type_size()
 * @page_count:	pages in all
 * @page_addr_list_len: pages in this message. If fewer than @page_count the response's
 *		status is GDMA_STATUS_MORE_ENTRIES and the rest follows in
 *		GDMA_DMA_REGION_ADD_PAGES
 * @page_addr_list: bus addresses, each a multiple of the page size
 *
 * Linux gdma.h, struct gdma_create_dma_region_req.
 */
struct gdma_create_dma_region_req {
	struct gdma_req_header hdr;
	uint64_t length;
	uint32_t offset_in_page;
	uint32_t page_type;
	uint32_t page_count;
	uint32_t page_addr_list_len;
	uint64_t page_addr_list[];
};
static_assert(sizeof(struct gdma_create_dma_region_req) == 64, "create DMA region");

/**
 * struct gdma_create_dma_region_resp
 * @dma_region:	handle, not GDMA_INVALID_DMA_REGION
 */
struct gdma_create_dma_region_resp {
	struct gdma_resp_header hdr;
	uint64_t dma_region;
};
static_assert(sizeof(struct gdma_create_dma_region_resp) == 40, "create DMA region");

/**
 * struct gdma_dma_region_add_pages_req - gdma_general_resp
 * @dma_region:	handle
 * @page_addr_list_len: pages in this message
 * @page_addr_list: as in gdma_create_dma_region_req
 *
 * Linux gdma.h, struct gdma_dma_region_add_pages_req. Status GDMA_STATUS_MORE_ENTRIES
 * until the region is whole, then 0; mana_ib checks that.
 */
struct gdma_dma_region_add_pages_req {
	struct gdma_req_header hdr;
	uint64_t dma_region;
	uint32_t page_addr_list_len;
	uint32_t reserved;
	uint64_t page_addr_list[];
};
static_assert(sizeof(struct gdma_dma_region_add_pages_req) == 56, "add pages");

/**
 * struct gdma_destroy_dma_region_req - gdma_general_resp
 * @dma_region:	handle of a region that no queue and no memory region owns
 */
struct gdma_destroy_dma_region_req {
	struct gdma_req_header hdr;
	uint64_t dma_region;
};
static_assert(sizeof(struct gdma_destroy_dma_region_req) == 48, "destroy DMA region");

/* ---- GDMA_CREATE_PD, GDMA_DESTROY_PD ---- */

#define GDMA_PD_FLAG_ALLOW_GPA_MR (1u << 0) /* Linux 7.2, for kernel users */

/**
 * struct gdma_create_pd_req
 * @flags:	GDMA_PD_FLAG_*
 *
 * Linux gdma.h, struct gdma_create_pd_req.
 */
struct gdma_create_pd_req {
	struct gdma_req_header hdr;
	uint32_t flags;
	uint32_t reserved;
};
static_assert(sizeof(struct gdma_create_pd_req) == 48, "create PD");

/**
 * struct gdma_create_pd_resp
 * @pd_handle:	used in commands
 * @pd_id:	used in queues
 */
struct gdma_create_pd_resp {
	struct gdma_resp_header hdr;
	uint64_t pd_handle;
	uint32_t pd_id;
	uint32_t reserved;
};
static_assert(sizeof(struct gdma_create_pd_resp) == 48, "create PD");

/** struct gdma_destroy_pd_req - gdma_general_resp */
struct gdma_destroy_pd_req {
	struct gdma_req_header hdr;
	uint64_t pd_handle;
};
static_assert(sizeof(struct gdma_destroy_pd_req) == 48, "destroy PD");

/* ---- GDMA_CREATE_MR, GDMA_DESTROY_MR ---- */

/* Linux 6.1 and 6.12 create only GDMA_MR_GVA */
enum gdma_mr_type {
	GDMA_MR_GPA = 1,  /* all of the guest's memory, at its bus address. 7.2 */
	GDMA_MR_GVA = 2,  /* a region, at the virtual address the driver gives it */
	GDMA_MR_ZBVA = 4, /* a region, at address 0. 7.2 */
	GDMA_MR_DM = 5,   /* device memory. 7.2 */
	GDMA_MR_MW1 = 6,  /* memory window type 1. 7.2 */
	GDMA_MR_MW2 = 7,  /* memory window type 2. 7.2 */
};

#define GDMA_ACCESS_LOCAL_READ    (1u << 0)
#define GDMA_ACCESS_LOCAL_WRITE   (1u << 1)
#define GDMA_ACCESS_REMOTE_READ   (1u << 2)
#define GDMA_ACCESS_REMOTE_WRITE  (1u << 3)
#define GDMA_ACCESS_REMOTE_ATOMIC (1u << 4)
#define GDMA_ACCESS_BIND_MW       (1u << 5) /* Linux 7.2 */

/**
 * struct gdma_create_mr_req - give a region a memory key
 * @pd_handle:	protection domain
 * @mr_type:	enum gdma_mr_type, selects the member of the union
 * @gva.dma_region: handle; the adapter owns the region from now on
 * @gva.virtual_address: address of the region's first byte in work-queue entries
 * @gva.access_flags: GDMA_ACCESS_*
 * @zbva:	the same, with 0 as the address of the first byte
 * @dm.dm_handle: of GDMA_ALLOC_DM
 * @dm.offset:	in the device memory, bytes
 * @dm_length:	with @dm: bytes
 *
 * Linux gdma.h, struct gdma_create_mr_request. It is 88 bytes in every version;
 * up to 6.12 the last 12 are unused padding.
 */
struct gdma_create_mr_req {
	struct gdma_req_header hdr;
	uint64_t pd_handle;
	uint32_t mr_type;
	uint32_t reserved1;
	union {
		struct {
			uint64_t dma_region;
			uint64_t virtual_address;
			uint32_t access_flags;
			uint32_t reserved;
		} gva;
		struct {
			uint64_t dma_region;
			uint32_t access_flags;
			uint32_t reserved[3];
		} zbva;
		struct {
			uint64_t dm_handle;
			uint64_t offset;
			uint32_t access_flags;
			uint32_t reserved;
		} dm;
	};
	uint64_t dm_length;
};
static_assert(sizeof(struct gdma_create_mr_req) == 88, "create MR");
static_assert(offsetof(struct gdma_create_mr_req, gva.dma_region) == 56, "create MR");
static_assert(offsetof(struct gdma_create_mr_req, gva.access_flags) == 72, "create MR");
static_assert(offsetof(struct gdma_create_mr_req, zbva.access_flags) == 64, "create MR");
static_assert(offsetof(struct gdma_create_mr_req, dm.access_flags) == 72, "create MR");
static_assert(offsetof(struct gdma_create_mr_req, dm_length) == 80, "create MR");

/**
 * struct gdma_create_mr_resp
 * @mr_handle:	for GDMA_DESTROY_MR
 * @lkey:	memory key for the owner's work-queue entries
 * @rkey:	memory key for the remote side
 */
struct gdma_create_mr_resp {
	struct gdma_resp_header hdr;
	uint64_t mr_handle;
	uint32_t lkey;
	uint32_t rkey;
};
static_assert(sizeof(struct gdma_create_mr_resp) == 48, "create MR");

/** struct gdma_destroy_mr_req - gdma_general_resp */
struct gdma_destroy_mr_req {
	struct gdma_req_header hdr;
	uint64_t mr_handle;
};
static_assert(sizeof(struct gdma_destroy_mr_req) == 48, "destroy MR");

/* ---- GDMA_QUERY_HWC_TIMEOUT ---- */

/**
 * struct gdma_query_hwc_timeout_req
 * @timeout_ms:	how long the driver waits for an answer now, ms
 *
 * Linux gdma.h, struct gdma_query_hwc_timeout_req. Sent if the adapter has
 * GDMA_PF_CAP_1_QUERY_HWC_TIMEOUT.
 */
struct gdma_query_hwc_timeout_req {
	struct gdma_req_header hdr;
	uint32_t timeout_ms;
	uint32_t reserved;
};
static_assert(sizeof(struct gdma_query_hwc_timeout_req) == 48, "HWC timeout");

/**
 * struct gdma_query_hwc_timeout_resp
 * @timeout_ms:	how long it is to wait from now on, ms
 */
struct gdma_query_hwc_timeout_resp {
	struct gdma_resp_header hdr;
	uint32_t timeout_ms;
	uint32_t reserved;
};
static_assert(sizeof(struct gdma_query_hwc_timeout_resp) == 40, "HWC timeout");

/* ---- GDMA_ALLOC_DM, GDMA_DESTROY_DM: memory in the adapter. Linux 7.2 ---- */

/**
 * struct gdma_alloc_dm_req
 * @length:	bytes
 * @alignment:	as mana_ib has it from ibv_alloc_dm's log_align_req
 * @flags:	0
 *
 * Linux 7.2 gdma.h, struct gdma_alloc_dm_req.
 */
struct gdma_alloc_dm_req {
	struct gdma_req_header hdr;
	uint64_t length;
	uint32_t alignment;
	uint32_t flags;
};
static_assert(sizeof(struct gdma_alloc_dm_req) == 56, "allocate device memory");

struct gdma_alloc_dm_resp {
	struct gdma_resp_header hdr;
	uint64_t dm_handle;
};
static_assert(sizeof(struct gdma_alloc_dm_resp) == 40, "allocate device memory");

/** struct gdma_destroy_dm_req - gdma_general_resp */
struct gdma_destroy_dm_req {
	struct gdma_req_header hdr;
	uint64_t dm_handle;
};
static_assert(sizeof(struct gdma_destroy_dm_req) == 48, "destroy device memory");

#endif /* MANAKIN_WIRE_GDMA_H */
