/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rules of the examiner, in words: the same as in docs/driver-rules.md.
 */
#include "device/examine.h"

/* clang-format off */
const struct examine_rule_text examine_rules[EXAMINE_RULES] = {
	[RULE_SMC_MESSAGE] = {
		"smc-message", "The channel",
		"A message through the shared-memory channel is a request of a known type and "
		"version, with all other bits of its header 0.",
		"Linux 6.12 shm_channel.c mana_smc_setup_hwc(), mana_smc_teardown_hwc()",
		"the adapter answers with a failure, or not at all: the driver waits 20 s and "
		"gives up",
	},
	[RULE_HWC_ONCE] = {
		"hwc-once", "The channel",
		"The hardware channel is set up while there is none: after power-on, "
		"SMC_DESTROY_HWC or a reset.",
		"Linux 6.12 hw_channel.c mana_hwc_create_channel(), "
		"mana_hwc_destroy_channel()",
		"the adapter refuses, or uses the old queues, whose memory may have been "
		"freed",
	},
	[RULE_HWC_HEADER] = {
		"hwc-header", "The channel",
		"Both headers of a request have type 0, and the expected answer is that of "
		"the same command.",
		"Linux 6.12 include/net/mana/gdma.h mana_gd_init_req_hdr()",
		"an answer of another type, which the driver takes for damaged",
	},
	[RULE_HWC_LENGTH] = {
		"hwc-length", "The channel",
		"The header says how long the request is.",
		"Linux 6.12 gdma.h mana_gd_init_req_hdr(), hw_channel.c "
		"mana_hwc_send_request()",
		"the adapter reads too little, or what was left of an older request",
	},
	[RULE_HWC_MESSAGE_ID] = {
		"hwc-message-id", "The channel",
		"No two requests in flight have the same message id.",
		"Linux 6.12 hw_channel.c mana_hwc_get_msg_index(), mana_hwc_handle_resp()",
		"an answer completes the wrong request, and is copied into its buffer",
	},
	[RULE_HWC_DEPTH] = {
		"hwc-depth", "The channel",
		"No more requests are in flight than the adapter has said "
		"(HWC_INIT_QUEUE_DEPTH).",
		"Linux 6.12 hw_channel.c mana_hwc_init_inflight_msg(), "
		"mana_hwc_get_msg_index()",
		"requests or answers are lost",
	},
	[RULE_HWC_RECEIVE] = {
		"hwc-receive", "The channel",
		"A receive buffer for the answer is posted before a request.",
		"Linux 6.12 hw_channel.c mana_hwc_handle_resp(), which posts the buffer "
		"before it wakes the caller",
		"the answer is lost, and the request times out",
	},
	[RULE_COMMAND_LENGTH] = {
		"command-length", "The channel",
		"A request is as long as its version says; a list is as long as its number of "
		"entries.",
		"Linux 6.12 gdma.h and mana.h, the structures' size assertions; gdma_main.c "
		"mana_gd_create_dma_region()",
		"the adapter refuses the command, or reads fields that are not there",
	},
	[RULE_COMMAND_ANSWER] = {
		"command-answer", "The channel",
		"There is room for the answer's structure, and no more is asked for than a "
		"message can hold.",
		"Linux 6.12 hw_channel.c mana_hwc_verify_resp_msg(); mana_en.c "
		"mana_verify_resp_hdr()",
		"the answer is cut short, and the driver rejects it",
	},
	[RULE_COMMAND_VERSION] = {
		"command-version", "The channel",
		"Versions of messages count from 1.",
		"Linux 6.12 gdma.h GDMA_MESSAGE_V1, mana_gd_init_req_hdr()",
		"the adapter cannot know which fields there are",
	},
	[RULE_COMMAND_RESERVED] = {
		"command-reserved", "The channel",
		"Reserved fields of requests are 0.",
		"Linux 6.12 gdma.h struct gdma_create_queue_req, mana.h struct "
		"mana_create_wqobj_req: all requests are zeroed",
		"a later adapter gives the field a meaning",
	},
	[RULE_COMMAND_AGREED] = {
		"command-agreed", "The channel",
		"What is optional is used only if the adapter has offered it: "
		"GDMA_QUERY_HWC_TIMEOUT, and pages of more than 2 MB.",
		"Linux 6.12 gdma_main.c mana_gd_verify_vf_version(); Linux 7.2 mana_ib main.c "
		"mana_ib_create_dma_region()",
		"the command fails on adapters that do not have it",
	},
	[RULE_COMMAND_FIRST] = {
		"command-first", "The channel",
		"GDMA_VERIFY_VF_DRIVER_VERSION comes before all commands but "
		"GDMA_GENERATE_TEST_EQE.",
		"Linux 6.12 gdma_main.c mana_gd_setup(); hw_channel.c mana_hwc_test_channel()",
		"the adapter does not know the driver's protocol and capabilities",
	},
	[RULE_COMMAND_DEVICE] = {
		"command-device", "The channel",
		"A command names the device that it is for, and that device is registered, "
		"once.",
		"Linux 6.12 gdma_main.c mana_gd_register_device(); mana_en.c "
		"mana_send_request()",
		"the adapter refuses the command",
	},
	[RULE_OBJECT_KNOWN] = {
		"object-known", "Objects",
		"Handles and numbers in commands are those that the adapter has returned.",
		"Linux 6.12 mana_en.c mana_create_wq_obj(); mana_ib main.c",
		"the command fails, or hits another object",
	},
	[RULE_OBJECT_DESTROYED] = {
		"object-destroyed", "Objects",
		"An object is not named in a command after it has been destroyed.",
		"Linux 6.12 gdma_main.c mana_gd_create_mana_eq() and mana_en.c "
		"mana_create_txq(), which forget a region's handle once a queue has it",
		"the command hits an object that got the same name later",
	},
	[RULE_REGION_ALIGNED] = {
		"region-aligned", "Objects",
		"The pages of a DMA region are aligned to their size, and a queue starts at "
		"the beginning of its first page.",
		"Linux 6.12 gdma_main.c mana_gd_create_dma_region(); mana_ib main.c "
		"mana_ib_gd_create_dma_region()",
		"the adapter reads and writes other memory",
	},
	[RULE_REGION_WHOLE] = {
		"region-whole", "Objects",
		"A region has as many pages as its bytes need, no more are added, and it is "
		"used once all are there.",
		"Linux 6.12 mana_ib main.c mana_ib_gd_create_dma_region(), "
		"mana_ib_gd_add_dma_region()",
		"the end of a queue lies outside the driver's memory",
	},
	[RULE_REGION_SIZE] = {
		"region-size", "Objects",
		"A queue fits in its region.",
		"Linux 6.12 gdma_main.c mana_gd_create_mana_eq(): both are the same number",
		"the adapter writes behind the queue's memory",
	},
	[RULE_REGION_OWNED] = {
		"region-owned", "Objects",
		"A region has one owner: a queue or a memory region. It goes with the owner "
		"and is not destroyed, or given away, before.",
		"Linux 6.12 mana_en.c mana_create_txq(), which sets the handle to "
		"GDMA_INVALID_DMA_REGION",
		"the adapter writes to memory that was freed",
	},
	[RULE_QUEUE_SIZE] = {
		"queue-size", "Objects",
		"Work and event queues are powers of two, completion queues multiples of "
		"4096; all have at least 4096 bytes.",
		"Linux 6.12 gdma_main.c mana_gd_alloc_memory(), mana.h MANA_MIN_QSIZE; DPDK "
		"25.11 mana/tx.c mana_start_tx_queues()",
		"positions modulo 2^32 do not name an entry",
	},
	[RULE_QUEUE_VECTOR] = {
		"queue-vector", "Objects",
		"The vector of an event queue is one that the function has.",
		"Linux 6.12 gdma_main.c mana_gd_setup_irqs(), mana_gd_register_irq()",
		"no interrupt arrives",
	},
	[RULE_VPORT_CONFIGURED] = {
		"vport-configured", "Objects",
		"MANA_CONFIG_VPORT_TX says whose queues a vPort's are before the first one is "
		"created.",
		"Linux 6.12 mana_en.c mana_create_vport(), mana_cfg_vport(); mana_ib main.c "
		"mana_ib_cfg_vport()",
		"the queue has no doorbell page and no protection domain",
	},
	[RULE_STEERING_QUEUE] = {
		"steering-queue", "Objects",
		"Packets are steered only to existing receive queues of the same vPort.",
		"Linux 6.12 mana_en.c mana_cfg_vport_steering(), mana_rss_table_init()",
		"packets arrive in memory that was freed, or nowhere",
	},
	[RULE_ORDER_STEERED] = {
		"order-steered", "Objects",
		"No packets are steered to a receive queue that is destroyed.",
		"Linux 6.12 mana_en.c mana_dealloc_queues(); Linux 7.2 and 6.12 mana_ib qp.c "
		"mana_ib_destroy_qp_rss(), whose comment says what happens",
		"completions in a completion queue that is another one's by then",
	},
	[RULE_ORDER_FENCE] = {
		"order-fence", "Objects",
		"A receive queue of the Ethernet device is fenced after packets are no longer "
		"steered to it and before it is destroyed. (A user's queue is not: net_mana "
		"takes the fence's completion for a packet.)",
		"Linux 6.12 mana_en.c mana_dealloc_queues(), mana_fence_rqs()",
		"a packet that was on its way is written to a buffer that was freed",
	},
	[RULE_ORDER_EQ] = {
		"order-eq", "Objects",
		"An event queue is destroyed after the completion queues, and the RNIC, that "
		"use it.",
		"Linux 6.12 mana_en.c mana_remove(): mana_destroy_eq() after the ports; "
		"mana_ib device.c mana_ib_remove()",
		"the adapter refuses, or writes an event to freed memory",
	},
	[RULE_ORDER_CQ] = {
		"order-cq", "Objects",
		"An RDMA completion queue is destroyed after its queue pairs, and the RNIC "
		"after both.",
		"Linux 6.12 mana_ib device.c mana_ib_remove(), qp.c mana_ib_destroy_rc_qp()",
		"completions of a queue pair are written to freed memory",
	},
	[RULE_ORDER_PD] = {
		"order-pd", "Objects",
		"A protection domain is destroyed after its memory regions and queues.",
		"Linux 6.12 mana_ib main.c mana_ib_dealloc_pd(); "
		"drivers/infiniband/core/verbs.c ib_dealloc_pd_user()",
		"keys that nobody can take back",
	},
	[RULE_MEMORY_UNMAPPED] = {
		"memory-unmapped", "Objects",
		"The memory of a queue stays mapped until the adapter has answered that the "
		"queue is destroyed.",
		"Linux 6.12 gdma_main.c mana_gd_destroy_queue(); shm_channel.c "
		"mana_smc_teardown_hwc(), whose comment says why it waits",
		"the adapter writes to memory that has another owner",
	},
	[RULE_LEAK_QUEUE] = {
		"leak-queue", "Objects",
		"All queues of a device are destroyed before it is deregistered, and all "
		"event queues before the hardware channel is torn down.",
		"Linux 6.12 mana_en.c mana_remove(); mana_ib device.c mana_ib_remove()",
		"the adapter goes on writing to their memory",
	},
	[RULE_LEAK_DEVICE] = {
		"leak-device", "Objects",
		"Devices are deregistered before the hardware channel is torn down.",
		"Linux 6.12 gdma_main.c mana_gd_deregister_device(), mana_gd_remove()",
		"the next driver finds the device registered",
	},
	[RULE_LEAK_REGION] = {
		"leak-region", "Objects",
		"A DMA region that got no owner is destroyed.",
		"Linux 6.12 gdma_main.c mana_gd_destroy_queue(), mana_gd_destroy_dma_region()",
		"the adapter's memory for regions runs out, and knows pages that were freed",
	},
	[RULE_LEAK_MEMORY] = {
		"leak-memory", "Objects",
		"Protection domains, memory regions and device memory are destroyed before "
		"the hardware channel is torn down.",
		"Linux 6.12 mana_ib mr.c mana_ib_dereg_mr(), main.c mana_ib_dealloc_pd()",
		"keys to memory that was freed stay valid",
	},
	[RULE_LEAK_DOORBELL] = {
		"leak-doorbell", "Objects",
		"Doorbell pages are given back.",
		"Linux 6.12 mana_ib main.c mana_ib_dealloc_ucontext()",
		"they run out",
	},
	[RULE_LEAK_FILTER] = {
		"leak-filter", "Objects",
		"A PF's driver deregisters filters and ports before the device.",
		"Linux 6.12 mana_en.c mana_pf_deregister_filter(), "
		"mana_pf_deregister_hw_vport()",
		"the adapter goes on passing packets to the port",
	},
	[RULE_DOORBELL_PLACE] = {
		"doorbell-place", "Doorbells",
		"A doorbell is one write of 8 bytes, or of 4 for the short form, at the "
		"offset of its kind.",
		"Linux 6.12 gdma_main.c mana_gd_ring_doorbell(); DPDK 25.11 mana/gdma.c "
		"mana_ring_doorbell(), mana_ring_short_doorbell()",
		"the adapter ignores it: the queue stalls",
	},
	[RULE_DOORBELL_QUEUE] = {
		"doorbell-queue", "Doorbells",
		"A doorbell names a queue that exists.",
		"Linux 6.12 gdma_main.c mana_gd_ring_doorbell()",
		"the adapter ignores it, or rings another queue",
	},
	[RULE_DOORBELL_DESTROYED] = {
		"doorbell-destroyed", "Doorbells",
		"A queue's doorbell is not rung after the queue was destroyed.",
		"Linux 6.12 mana_en.c mana_destroy_txq(), which stops NAPI first",
		"it rings the queue that got the number later",
	},
	[RULE_DOORBELL_PAGE] = {
		"doorbell-page", "Doorbells",
		"A doorbell is rung on the page that the queue was created with.",
		"Linux 6.12 gdma_main.c mana_gd_ring_doorbell(): db_page_base + db_page_size "
		"* db_index",
		"the adapter ignores it: pages keep processes apart",
	},
	[RULE_DOORBELL_RESERVED] = {
		"doorbell-reserved", "Doorbells",
		"Reserved bits of a doorbell are 0.",
		"Linux 6.12 gdma.h union gdma_doorbell_entry",
		"a later adapter gives them a meaning",
	},
	[RULE_TAIL_UNIT] = {
		"tail-unit", "Doorbells",
		"A work queue's tail is a multiple of 32 bytes.",
		"Linux 6.12 gdma_main.c mana_gd_wq_ring_doorbell(): head * GDMA_WQE_BU_SIZE",
		"the adapter reads from the middle of an entry",
	},
	[RULE_TAIL_RANGE] = {
		"tail-range", "Doorbells",
		"A tail is the number of bytes posted since the queue was created, modulo "
		"2^32: it never goes back, and never forward by more than the ring.",
		"Linux 6.12 gdma_main.c mana_gd_wq_ring_doorbell(); rdma-core "
		"providers/mana/wr.c",
		"the adapter takes old entries for new ones",
	},
	[RULE_TAIL_OVERFLOW] = {
		"tail-overflow", "Doorbells",
		"No more is posted than the ring holds: an entry is overwritten after its "
		"completion was read.",
		"Linux 6.12 gdma_main.c mana_gd_wq_avail_space(), "
		"mana_gd_post_work_request(); DPDK 25.11 mana/gdma.c gdma_post_work_request()",
		"entries are lost, or half an old one and half a new one are carried out",
	},
	[RULE_RQ_COUNT] = {
		"rq-count", "Doorbells",
		"The doorbell of a receive queue that is not a queue pair's has wqe_cnt 0.",
		"Linux 6.12 gdma_main.c mana_gd_wq_ring_doorbell(), DPDK 25.11 mana/rx.c "
		"mana_rq_ring_doorbell(): both quote the hardware's specification",
		"not known; the specification forbids it",
	},
	[RULE_CQ_TAIL] = {
		"cq-tail", "Doorbells",
		"A completion queue's index moves forward, to at most what the adapter has "
		"written.",
		"Linux 6.12 gdma_main.c mana_gd_ring_cq()",
		"the adapter raises no event for completions that it takes to have been read",
	},
	[RULE_CQ_OVERRUN] = {
		"cq-overrun", "Doorbells",
		"A completion queue never has more unread completions than entries.",
		"Linux 6.12 gdma_main.c mana_gd_read_cqe(), mana_en.c mana_create_txq(): the "
		"queue is as long as all that can complete",
		"completions are overwritten, and their buffers are never freed",
	},
	[RULE_CQ_CREDIT] = {
		"cq-credit", "Doorbells",
		"A driver that rings a completion queue rings it at least once in eight "
		"rounds.",
		"Linux 6.12 mana_en.c mana_cq_handler(), whose comment quotes the hardware's "
		"specification. net_mana polls and never rings",
		"the adapter cannot tell the rounds apart",
	},
	[RULE_CQ_ARMED] = {
		"cq-armed", "Doorbells",
		"An Ethernet completion queue is armed again only after an event, or after "
		"something was read.",
		"Linux 6.12 mana_en.c mana_cq_handler(); DPDK 25.11 mana/rx.c mana_arm_cq()",
		"doorbells that cost time and have no effect; more often a lost count of "
		"events",
	},
	[RULE_EQ_TAIL] = {
		"eq-tail", "Doorbells",
		"An event queue's index moves forward, to at most what the adapter has "
		"written.",
		"Linux 6.12 gdma_main.c mana_gd_process_eq_events()",
		"the adapter raises no interrupt for events that it takes to have been read",
	},
	[RULE_EQ_OVERRUN] = {
		"eq-overrun", "Doorbells",
		"An event queue never has more unread events than entries.",
		"Linux 6.12 gdma_main.c mana_gd_process_eq_events(): \"overflow detected\"",
		"events are overwritten, and their queues stall",
	},
	[RULE_EQ_ARMED] = {
		"eq-armed", "Doorbells",
		"An event queue is armed again only after an interrupt, or after something "
		"was read.",
		"Linux 6.12 gdma_main.c mana_gd_process_eq_events(), which rings nothing if "
		"it found nothing",
		"doorbells that cost time and have no effect",
	},
	[RULE_ENTRY_SIZE] = {
		"entry-size", "Entries",
		"An entry has at most 512 bytes (send) or 256 (receive), and all of it is "
		"posted at once.",
		"Linux 6.12 gdma_main.c mana_gd_post_work_request(): GDMA_MAX_SQE_SIZE, "
		"GDMA_MAX_RQE_SIZE",
		"the queue stops: it is not known where the next entry starts",
	},
	[RULE_ENTRY_HEADER] = {
		"entry-header", "Entries",
		"The header's reserved bits are 0, the OOB has 8 or 24 bytes (8 in a receive "
		"queue), and there are 1 to 30 elements (15 in a receive queue).",
		"Linux 6.12 gdma_main.c mana_gd_write_client_oob(), "
		"mana_gd_post_work_request(); gdma.h struct gdma_wqe",
		"the adapter looks for the elements in the wrong place",
	},
	[RULE_ENTRY_WRAP] = {
		"entry-wrap", "Entries",
		"An entry that reaches the end of the ring goes on at its start.",
		"Linux 6.12 gdma_main.c mana_gd_write_sgl(); DPDK 25.11 mana/gdma.c "
		"write_scatter_gather_list()",
		"the adapter takes what was left at the start for elements, and the driver "
		"writes behind its memory",
	},
	[RULE_ENTRY_MEMORY] = {
		"entry-memory", "Entries",
		"Each element lies in memory that its key gives access to, in the queue's "
		"protection domain.",
		"Linux 6.12 mana_en.c mana_map_skb(): gpa_mkey; DPDK 25.11 mana/mr.c "
		"mana_alloc_pmd_mr()",
		"the packet is not sent, or no packet arrives",
	},
	[RULE_ENTRY_VISIBLE] = {
		"entry-visible", "Entries",
		"An entry is complete before its doorbell is rung, and does not change "
		"afterwards.",
		"Linux 6.12 gdma_main.c mana_gd_ring_doorbell(): wmb(); DPDK 25.11 "
		"mana/gdma.c mana_ring_doorbell(): rte_wmb()",
		"the adapter carries out what was there before",
	},
	[RULE_TX_QUEUE] = {
		"tx-queue", "Entries",
		"The OOB names the queue's completion queue, bits 23:10 of the queue's "
		"number, and the vPort's offset.",
		"Linux 6.12 mana_en.c mana_start_xmit(); DPDK 25.11 mana/tx.c "
		"mana_tx_burst(), get_vsq_frame_num()",
		"the packet is dropped, or its completion goes elsewhere",
	},
	[RULE_TX_OOB] = {
		"tx-oob", "Entries",
		"The OOB has 8 bytes in the short format and 24 in the long one.",
		"Linux 6.12 mana_en.c mana_start_xmit()",
		"VLAN tag and vPort are what happened to be there",
	},
	[RULE_TX_CHECKSUM] = {
		"tx-checksum", "Entries",
		"At most one of the TCP and UDP checksums is asked for, and for it, one IP "
		"version.",
		"Linux 6.12 mana_en.c mana_start_xmit(), mana_checksum_info(); DPDK 25.11 "
		"mana/tx.c mana_tx_burst()",
		"a packet with a wrong checksum, or none",
	},
	[RULE_TX_TSO] = {
		"tx-tso", "Entries",
		"A large send has its headers, and nothing else, in the first of two or more "
		"elements, a segment's payload in client_data_unit, and asks for the TCP "
		"checksum. Other entries have none of these fields.",
		"Linux 6.12 mana_en.c mana_start_xmit(), mana_fix_skb_head(); gdma_main.c "
		"mana_gd_write_client_oob()",
		"segments with damaged headers",
	},
	[RULE_RX_TWICE] = {
		"rx-twice", "Entries",
		"A receive buffer is posted once until its completion was read.",
		"Linux 6.12 mana_en.c mana_process_rx_cqe(), mana_refill_rx_oob(), "
		"mana_post_pkt_rxq(); DPDK 25.11 mana/rx.c mana_alloc_and_post_rx_wqe()",
		"two packets in one buffer: the first is damaged",
	},
	[RULE_CQE_WRITTEN] = {
		"cqe-written", "Entries",
		"The driver does not write into a completion queue that is in use.",
		"Linux 6.12 gdma_main.c mana_gd_read_cqe(): entries are only read",
		"owner bits that are wrong a round later",
	},
	[RULE_EQE_WRITTEN] = {
		"eqe-written", "Entries",
		"The driver does not write into an event queue that is in use.",
		"Linux 6.12 gdma_main.c mana_gd_process_eq_events(): entries are only read",
		"owner bits that are wrong a round later",
	},
};
/* clang-format on */
