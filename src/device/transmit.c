/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * A send queue's turn on its lane takes up to a burst of entries:
 *
 *	fetch -> turn into a frame (transmit_entry.c) -> hand the burst to the fabric
 *	-> complete each entry, unless the driver suppressed it
 *
 * Most entries request nothing: one unit, one piece, no offload. They take a fast
 * path, plain_entries(), which leaves everything else to the slow path.
 *
 * A turn ends when it has spent its budget (base/budget.h), if need be in the middle of a burst or
 * of a large send: entries whose frames were not sent are taken again in the next turn. Nothing of
 * an entry is kept from one turn to the next but the number of segments that have been sent.
 */
#include "device/transmit.h"

#include <string.h>

#include "base/budget.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "device/faulty.h"
#include "device/native.h"
#include "device/reach.h"
#include "device/scratch.h"
#include "device/transmit_entry.h"

#define WHOLE_MAX  64u /* more are cut here, in turns, whatever the fabric takes */

#define CAST_BYTES 6u /* of a frame: its destination */

/** frame_cast() - unicast, multicast or broadcast? */
static enum wq_cast frame_cast(const struct frame *frame)
{
	static const uint8_t all[CAST_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint8_t address[CAST_BYTES];

	headers_copy(frame->iov, frame->iovcnt, address, sizeof(address));
	if (!(address[0] & 1))
		return WQ_UNICAST;
	return memcmp(address, all, sizeof(all)) ? WQ_MULTICAST : WQ_BROADCAST;
}

/**
 * struct transmit_burst - the entries of a burst
 * @frames:	in scratch->frames
 * @done:	in scratch->done: entries to be completed
 * @first:	sq->taken at the beginning
 * @marks:	frames whose entry's position is in scratch->start; any other one's is a unit after
 *		that of the frame before it
 * @csum, @tso, @vlan: frames with these offloads, a bit each
 * @longest:	longest frame that the vPort sends, in bytes; 0 if no entry may take the fast path
 * @ends:	nothing more is taken: the last frame is a large send that is cut here
 * @plain:	all frames are plain_entries()'s
 * @reach:	of the pieces
 */
struct transmit_burst {
	unsigned int frames;
	unsigned int done;
	uint32_t first;
	uint64_t marks;
	uint64_t csum, tso, vlan;
	uint32_t longest;
	bool ends;
	bool plain;
	struct reach reach;
};
static_assert(FABRIC_BURST <= 64, "a bit for each frame of a burst");

/** tally_classes() - count frames whose tag was inserted, a bit each, by their priority */
static __attribute__((noinline)) void tally_classes(struct vport *vport, const struct frame *frames,
						    uint64_t tagged)
{
	for (; tagged; tagged &= tagged - 1) {
		const struct frame *frame = &frames[__builtin_ctzll(tagged)];
		/* Its first piece is our copy of the headers. */
		const uint8_t *header = frame->iov[0].iov_base;

		if (header[14] >> 5)
			class_add(&vport->tx_class[header[14] >> 5], frame->len);
	}
}

/** tally() - count the first @n frames of a burst, which have been sent */
static void tally(struct wq *sq, const struct transmit_burst *burst,
		  const struct transmit_scratch *scratch, unsigned int n)
{
	const struct frame *frames = scratch->frames;
	struct wq_counters *counters = &sq->counters;
	uint64_t count[3] = { n, 0, 0 }, bytes[3] = { 0 };
	uint64_t sent = UINT64_MAX >> (64 - n);
	unsigned int odd = 0;

	for (unsigned int i = 0; burst->plain && i < n; i++) {
		bytes[WQ_UNICAST] += scratch->plain[i].iov_len;
		odd |= *(const uint8_t *)scratch->plain[i].iov_base & 1;
	}
	for (unsigned int i = 0; !burst->plain && i < n; i++) {
		const struct iovec *first = frames[i].iov;

		bytes[WQ_UNICAST] += frames[i].len;
		odd |= first->iov_len < CAST_BYTES || *(const uint8_t *)first->iov_base & 1;
	}
	budget_charge(budget_bytes(bytes[WQ_UNICAST]));
	for (unsigned int i = 0; odd && i < n; i++) {
		enum wq_cast cast = frame_cast(&frames[i]);

		count[WQ_UNICAST]--;
		bytes[WQ_UNICAST] -= frames[i].len;
		count[cast]++;
		bytes[cast] += frames[i].len;
	}
	for (unsigned int cast = 0; cast < 3; cast++) {
		if (!count[cast])
			continue;
		counter_add(&counters->cast_frames[cast], count[cast]);
		counter_add(&counters->cast_bytes[cast], bytes[cast]);
		counter_add(&counters->frames, count[cast]);
		counter_add(&counters->bytes, bytes[cast]);
	}
	if (!(burst->csum | burst->vlan))
		return;
	counter_add(&counters->csum, (uint64_t)__builtin_popcountll(burst->csum & sent));
	counter_add(&counters->tso, (uint64_t)__builtin_popcountll(burst->tso & sent));
	counter_add(&counters->vlan, (uint64_t)__builtin_popcountll(burst->vlan & sent));
	if (burst->vlan & sent)
		tally_classes(sq->vport, frames, burst->vlan & sent);
}

/** segments_of() - how many segments a large send makes */
static uint32_t segments_of(const struct frame *frame)
{
	return (frame->len - frame->hdr_len + frame->gso_size - 1u) / frame->gso_size;
}

/** cut_here() - is this a large send that the fabric does not get as it is? */
static bool cut_here(const struct frame *frame, unsigned int caps)
{
	return frame->flags & FRAME_GSO && (!(caps & FABRIC_GSO) || segments_of(frame) > WHOLE_MAX);
}

/**
 * send_segments() - cut a large send, from the first segment that has not been sent
 *
 * Return: false if the turn ended before the last one: sq->segment says where
 */
static __attribute__((noinline)) bool send_segments(struct wq *sq, unsigned int lane,
						    struct transmit_scratch *scratch,
						    const struct frame *frame, uint32_t start)
{
	struct segmenter *segmenter = &scratch->segmenter;
	unsigned int n = 0, sent;
	uint64_t bytes = 0;
	int pieces;

	if (segment_begin(segmenter, frame)) {
		sq->segment = 0;
		return true;
	}
	segment_skip(segmenter, sq->segment);
	do {
		struct frame *segment = &scratch->segments[n];

		pieces = segment_next(segmenter, scratch->segment_headers[n],
				      scratch->segment_pieces[n], FABRIC_PIECES_MAX);
		if (pieces > 0) {
			*segment = (struct frame){ .iov = scratch->segment_pieces[n],
						   .iovcnt = (uint32_t)pieces,
						   .len = segmenter->len,
						   .flags = FRAME_CSUM_VALID };
			bytes += segmenter->len;
			n++;
		}
		if (n < FABRIC_BURST && (pieces > 0 || !n))
			continue;
		budget_charge(n * BUDGET_SEGMENT + budget_bytes(bytes));
		sent = fabric_send_some(sq->vport->fabric, lane, scratch->segments, n);
		sq->segment = segmenter->index - (n - sent);
		if (sq->segment < segmenter->count &&
		    (sent < n || budget_since(start) >= BUDGET_TURN))
			return false;
		n = 0;
		bytes = 0;
	} while (pieces > 0);
	sq->segment = 0;
	return true;
}

/** send_burst() - send to the fabric, in order; returns how many frames it has sent */
static unsigned int send_burst(struct wq *sq, unsigned int lane, struct transmit_scratch *scratch,
			       const struct transmit_burst *burst, uint32_t start)
{
	unsigned int n = burst->frames - burst->ends, sent = 0;

	if (n)
		sent = fabric_send_some(sq->vport->fabric, lane, scratch->frames, n);
	if (sent == n && burst->ends)
		sent += send_segments(sq, lane, scratch, &scratch->frames[n], start);
	return sent;
}

/** error_counter() - of a completion's type; those that are no error of sending share the first one */
static uint64_t *error_counter(struct wq *sq, uint32_t type)
{
	uint32_t at = type - MANA_CQE_TX_OKAY;

	return &sq->counters.errors[at < 16 ? at : 0];
}

/**
 * put_back() - the frames from @n on were not sent: their entries have not been taken
 *
 * Nor have those of the errors among them, which are found again.
 */
static __attribute__((noinline)) void put_back(struct wq *sq, struct transmit_burst *burst,
					       const struct transmit_scratch *scratch,
					       unsigned int n)
{
	unsigned int mark =
		63 - (unsigned int)__builtin_clzll(burst->marks & UINT64_MAX >> (63 - n));
	uint32_t start = scratch->start[mark] + (n - mark);
	uint32_t kept = start - burst->first;

	sq->taken = start;
	sq->stopped = false;
	burst->frames = n;
	while (burst->done) {
		const struct transmit_done *last = &scratch->done[burst->done - 1];

		if (((last->offset - burst->first) & (sq->units - 1)) < kept)
			break;
		/* It will be counted again. */
		if (last->type != MANA_CQE_TX_OKAY)
			counter_add(error_counter(sq, last->type), UINT64_MAX);
		burst->done--;
	}
}

/** complete() - complete entries of a burst, in order */
static void complete(struct wq *sq, const struct transmit_done *done, unsigned int n)
{
	struct raise raise = { 0 };

	cq_begin(sq->cq);
	for (unsigned int i = 0; i < n; i++) {
		struct mana_tx_comp_oob oob = { 0 };
		uint32_t type = done[i].type;

		if (__builtin_expect(atomic_load_explicit(&sq->fault, memory_order_relaxed), 0)) {
			uint32_t fault = faulty_completion(sq, &type);

			if (fault & FAULT_DO_LOSE)
				continue;
			type = fault & FAULT_DO_ERROR ? type : done[i].type;
		}
		oob.cqe_hdr.cqe_type = type & MANA_CQE_TYPE_MASK;
		oob.cqe_hdr.client_type = MANA_CLIENT_COMPLETION;
		oob.tx_wqe_offset = done[i].offset & 0x7ffffffu;
		cq_post(sq->cq, &oob, sq->id, true);
	}
	cq_end(sq->cq, &raise);
	adapter_raise_all(sq->adapter, &raise);
}

/* The relevant fields in the OOB's word for an entry that requests nothing */
#define PLAIN_OOB(cq, offset)                                                                      \
	(MANA_TX_WORD_FORMAT(MANA_PACKET_SHORT) | MANA_TX_WORD_VCQ(cq) |                           \
	 MANA_TX_WORD_VP_OFFSET(offset))
#define PLAIN_OOB_MASK                                                                             \
	(MANA_TX_WORD_FORMAT(3) | MANA_TX_WORD_IP_CSUM | MANA_TX_WORD_TCP_CSUM |                   \
	 MANA_TX_WORD_UDP_CSUM | MANA_TX_WORD_VCQ(0xffffffu) | MANA_TX_WORD_VP_OFFSET(0xffu))

/**
 * plain_entries() - take entries that request nothing, up to the first other one
 * @max:	most of them
 *
 * Return: how many
 */
static inline unsigned int plain_entries(struct wq *sq, struct transmit_burst *burst,
					 struct transmit_scratch *scratch, unsigned int max)
{
	const struct memory *memory = &sq->adapter->memory;
	const uint64_t oob = PLAIN_OOB(sq->cq->id, sq->vport->index);
	const uint32_t more = burst->longest - ETHERNET_HEADER_LEN;
	const uint32_t available = sq->seen - sq->taken, mask = sq->ring.size - 1;
	const uint32_t taken = sq->taken, units = sq->units - 1;
	const struct ring_view ring = ring_view(&sq->ring);
	const uint8_t *at = NULL, *end = NULL;
	struct reach reach = burst->reach;
	struct frame *frame = &scratch->frames[burst->frames];
	struct iovec *piece = &scratch->plain[burst->frames];
	unsigned int n = available < max ? available : max, i;

	if (available > sq->units || !burst->longest)
		return 0;
	for (i = 0; i < n; i++, frame++, piece++, at += GDMA_WQE_UNIT) {
		struct wq_plain entry;

		if (at == end) {
			uint32_t offset = (taken + i) * GDMA_WQE_UNIT & mask;

			at = ring_view_at(&ring, offset);
			end = at + ring_view_run(&ring, offset, mask + 1);
		}
		entry = wq_plain_read(at);
		if (!wq_is_plain(&entry) || (entry.oob ^ oob) & PLAIN_OOB_MASK ||
		    entry.sge.size - ETHERNET_HEADER_LEN > more)
			break;
		piece->iov_base = reach_at(&reach, memory, entry.sge);
		if (!piece->iov_base)
			break;
		piece->iov_len = entry.sge.size;
		__builtin_prefetch(piece->iov_base);
		*frame = (struct frame){ .iov = piece, .iovcnt = 1, .len = entry.sge.size };
		if (!(entry.oob & MANA_TX_WORD_SUPPRESS))
			scratch->done[burst->done++] =
				(struct transmit_done){ .offset = (taken + i) & units,
							.type = MANA_CQE_TX_OKAY };
	}
	burst->reach = reach;
	if (i) {
		burst->marks |= UINT64_C(1) << burst->frames;
		scratch->start[burst->frames] = taken;
	}
	burst->frames += i;
	sq->taken = taken + i;
	return i;
}

/** any_entry() - take the next entry, of any kind; false if there is none, or it must be the last */
static bool any_entry(struct wq *sq, struct transmit_burst *burst, struct transmit_scratch *scratch,
		      unsigned int caps)
{
	struct transmit_done *done = &scratch->done[burst->done];
	unsigned int at = burst->frames;
	uint32_t start = sq->taken, type, fault = 0;
	struct transmit_job job = {
		.sq = sq,
		.wqe = &scratch->wqe,
		.pieces = scratch->pieces + at * FABRIC_PIECES_MAX,
		.header = scratch->headers[at],
		.frame = &scratch->frames[at],
	};

	scratch->start[at] = sq->taken;
	done->offset = sq->taken & (sq->units - 1);
	done->type = MANA_CQE_TX_GDMA_ERR;
	switch (wq_fetch(sq, &scratch->wqe)) {
	case WQ_EMPTY:
		return false;
	case WQ_BROKEN:
		break;
	case WQ_ENTRY:
		if (__builtin_expect(atomic_load_explicit(&sq->fault, memory_order_relaxed), 0))
			fault = faulty_packet(sq, start, &type);
		if (fault & FAULT_DO_STALL)
			return false;
		if (fault & FAULT_DO_ERROR)
			done->type = (uint8_t)type;
		else if (!(fault & FAULT_DO_DMA))
			done->type = (uint8_t)transmit_prepare(&job, caps);
		break;
	}
	budget_charge(BUDGET_ODD);
	if (done->type != MANA_CQE_TX_OKAY || fault & FAULT_DO_ERROR) {
		/* An error is reported even if the driver suppressed the completion. */
		counter_add(error_counter(sq, done->type), 1);
		burst->done++;
		return !sq->stopped;
	}
	burst->marks |= UINT64_C(1) << at;
	burst->csum |= (uint64_t)job.csum << at;
	burst->tso |= (uint64_t)transmit_is_tso(&job) << at;
	burst->vlan |= (uint64_t)job.vlan << at;
	burst->frames++;
	burst->done += !job.oob.s.suppress_txcqe;
	burst->ends = cut_here(job.frame, caps);
	burst->plain = false;
	return !burst->ends;
}

/** want_entries() - prefetch entries, as far as the driver has written them */
static void want_entries(struct wq *sq)
{
	uint32_t n = sq->seen - sq->taken;

	if (n < FABRIC_BURST) {
		sq->seen = wq_posted(sq);
		n = sq->seen - sq->taken;
	}
	if (n > FABRIC_BURST)
		n = FABRIC_BURST;
	wq_want(sq, n);
}

/** tell_burst() - tell watchers of the entries taken, and the frames sent */
static __attribute__((noinline)) void
tell_burst(struct wq *sq, const struct transmit_scratch *scratch, uint32_t first, unsigned int sent)
{
	struct watch *watch = &sq->adapter->watch;

	if (watch_wants(watch, WATCH_ENTRIES))
		wq_tell(sq, first);
	if (watch_wants(watch, WATCH_BIT(WATCH_FRAME_TX)))
		watch_tell_frames(watch, &(struct watch_frames){ .kind = WATCH_FRAME_TX,
								 .port = sq->vport->index,
								 .queue = sq->id,
								 .frames = scratch->frames,
								 .n = sent });
}

#define TRANSMIT_WATCHED (WATCH_ENTRIES | WATCH_BIT(WATCH_FRAME_TX))

/**
 * run_burst() - handle up to a burst of entries
 * @start:	budget_spent when the turn began
 * @most:	of them, at most FABRIC_BURST
 *
 * Return: false if no entry is left
 */
CPU_CLONES static bool run_burst(struct wq *sq, unsigned int lane, struct transmit_scratch *scratch,
				 uint32_t start, uint32_t most)
{
	const struct adapter_port_config *config = sq->vport->config;
	unsigned int caps = fabric_caps(sq->vport->fabric);
	struct transmit_burst burst = { .longest = config->mtu + ETHERNET_HEADER_LEN,
					.first = sq->taken,
					.plain = true };
	unsigned int entries = 0, sent = 0;
	bool more;

	if (config->check_source || sq->vport->link_down || sq->stopped ||
	    atomic_load_explicit(&sq->fault, memory_order_relaxed))
		burst.longest = 0;
	reach_begin(&burst.reach, sq->pd, DMA_READ);
	want_entries(sq);
	do
		entries += plain_entries(sq, &burst, scratch, most - entries);
	while (entries < most && any_entry(sq, &burst, scratch, caps) && ++entries < most &&
	       budget_since(start) < BUDGET_TURN);
	more = entries == most || burst.ends || budget_since(start) >= BUDGET_TURN;
	budget_charge(entries * BUDGET_ENTRY);
	if (burst.frames) {
		/* By now the prefetches of plain frames have arrived. */
		sent = send_burst(sq, lane, scratch, &burst, start);
		if (sent)
			tally(sq, &burst, scratch, sent);
		if (sent < burst.frames) {
			put_back(sq, &burst, scratch, sent);
			more = true;
		}
	}
	if (watch_wants(&sq->adapter->watch, TRANSMIT_WATCHED))
		tell_burst(sq, scratch, burst.first, sent);
	if (burst.done)
		complete(sq, scratch->done, burst.done);
	return more;
}

/** shaped_kick() - it is this queue's turn, unless it is -1 */
static void shaped_kick(const struct vport *vport, int queue)
{
	struct wq *sq =
		queue < 0 ? NULL : atomic_load_explicit(&vport->sq[queue], memory_order_acquire);

	if (sq)
		lane_kick(&sq->work);
}

/** run_shaped() - a turn of a queue whose vPort has a limit, or had one until now */
static __attribute__((noinline)) bool run_shaped(struct wq *sq, unsigned int lane)
{
	struct shaper *shaper = &sq->vport->shaper;
	struct scratch *scratch = scratch_of(sq->adapter, lane);
	const uint32_t start = budget_spent;
	bool more = scratch && ring_ready(&sq->ring);

	sq->work.deadline = 0;
	while (more && budget_since(start) < BUDGET_TURN) {
		const uint32_t longest = sq->vport->config->mtu + ETHERNET_HEADER_LEN;
		uint32_t most = FABRIC_BURST, taken = sq->taken;
		uint64_t before = sq->counters.bytes;

		if (shaper_rate(shaper)) {
			sq->work.deadline = shaper_ask(shaper, sq->index, clock_ns());
			if (sq->work.deadline)
				return false;
			most = shaper_frames(shaper, longest, FABRIC_BURST);
		}
		more = run_burst(sq, lane, &scratch->transmit, start, most) && !sq->stopped;
		sq->work.progress |= sq->taken != taken || sq->segment;
		more = more && !wq_empty(sq);
		shaped_kick(sq->vport, shaper_pay(shaper, sq->index, clock_ns(),
						  sq->counters.bytes - before, more));
	}
	if (!more)
		shaped_kick(sq->vport, shaper_leave(shaper, sq->index));
	return more;
}

/** closed() - has a queue that is to be destroyed sent what it had? */
static bool closed(struct wq *sq)
{
	return atomic_load_explicit(&sq->closing, memory_order_acquire) == WQ_CLOSED ||
	       sq->stopped || (int32_t)(sq->taken - sq->close_at) >= 0;
}

/** run_closing() - a turn of a queue that is to be destroyed; the control thread waits for its end */
static __attribute__((noinline)) bool run_closing(struct wq *sq, unsigned int lane)
{
	struct scratch *scratch = scratch_of(sq->adapter, lane);
	uint32_t start = budget_spent;
	/* A queue that stands still by a fault can be destroyed, as hardware's can. */
	bool more = scratch && ring_ready(&sq->ring) && !(sq->fault & FAULT_STALLED);
	uint64_t before = sq->counters.bytes;

	while (more && !closed(sq) && budget_since(start) < BUDGET_TURN)
		more = run_burst(sq, lane, &scratch->transmit, start, FABRIC_BURST);
	/* It does not wait, or the driver would wait for it; what is sent next pays for it. */
	if (shaper_rate(&sq->vport->shaper))
		shaped_kick(sq->vport, shaper_pay(&sq->vport->shaper, sq->index, clock_ns(),
						  sq->counters.bytes - before, false));
	if (more && !closed(sq))
		return true;
	if (atomic_exchange(&sq->closing, WQ_CLOSED) == WQ_CLOSING)
		adapter_again(sq->adapter);
	return false;
}

/** run_faulty() - a turn of a queue that rules ask about: entry by entry */
static __attribute__((noinline)) bool run_faulty(struct wq *sq, unsigned int lane)
{
	struct scratch *scratch = scratch_of(sq->adapter, lane);
	uint32_t start = budget_spent;

	sq->work.deadline = 0;
	while (scratch && ring_ready(&sq->ring) && !(sq->fault & FAULT_STALLED) && !sq->stopped &&
	       !wq_empty(sq)) {
		if (budget_since(start) >= BUDGET_TURN)
			return true;
		if (faulty_waits(sq, &sq->work.deadline))
			return false;
		sq->work.deadline = 0;
		sq->work.progress = true;
		run_burst(sq, lane, &scratch->transmit, start, 1);
	}
	return false;
}

bool transmit_run(struct lane_work *work, unsigned int lane)
{
	struct wq *sq = (struct wq *)work;
	uint32_t start = budget_spent;
	struct scratch *scratch;

	if (__builtin_expect(atomic_load_explicit(&sq->closing, memory_order_relaxed), 0))
		return run_closing(sq, lane);
	if (__builtin_expect(atomic_load_explicit(&sq->fault, memory_order_relaxed), 0))
		return run_faulty(sq, lane);
	/* With many queues most are idle, and touching them slows the busy ones down. */
	if (sq->seen == sq->taken && wq_empty(sq)) {
		work->deadline = 0;
		return false;
	}
	if (__builtin_expect(shaper_rate(&sq->vport->shaper) || work->deadline, 0))
		return run_shaped(sq, lane);
	scratch = scratch_of(sq->adapter, lane);
	if (!scratch || !ring_ready(&sq->ring))
		return false;
	do {
		uint32_t before = sq->taken;
		bool more = run_burst(sq, lane, &scratch->transmit, start, FABRIC_BURST);

		work->progress |= sq->taken != before || sq->segment;
		if (!more)
			return false;
	} while (budget_since(start) < BUDGET_TURN);
	return !wq_empty(sq);
}

bool transmit_rest(struct lane_work *work, bool asleep)
{
	return native_rest((struct wq *)work, asleep);
}

bool transmit_held(struct lane_work *work, unsigned int lane)
{
	const struct vport *vport =
		(const struct vport *)((const char *)work - offsetof(struct vport, held));

	return fabric_release(vport->fabric, lane);
}
