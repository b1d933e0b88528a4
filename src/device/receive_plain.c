/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * Nearly all packets are alike: one piece, no tag, TCP or UDP right behind an IP
 * header without options, no wrong checksum; and so are nearly all buffers:
 * one piece, long enough. They are taken in three passes over a burst, each of which
 * has the memory that the next one needs on its way before that one starts:
 *
 *	look	copy the headers once, check them, find the queue; sort by queue
 *	fetch	take an entry of the queue for each, find its buffer, want its cache lines
 *	fill	copy the packet into the buffer, fill in completions
 *
 * Whatever is different ends the run; receive.c takes that packet, and says what
 * is wrong with it or its buffer. Nothing has been done to it here.
 */
#include <string.h>

#include "base/cpu.h"
#include "device/checksum.h"
#include "device/headers.h"
#include "device/receive.h"
#include "device/scratch.h"

#define COPY_LINES       4u /* cache lines of a buffer that are asked for ahead */
#define WANT_AHEAD       256u /* entries: nobody writes to the next ones any more */

/* Offsets in a frame, in bytes */
#define OFF_TYPE         12u
#define OFF_IP           14u
#define OFF_IP4_TOTAL    16u
#define OFF_IP4_FRAG     20u
#define OFF_IP4_PROTO    23u
#define OFF_IP4_TUPLE    26u /* addresses, and the ports right behind them */
#define OFF_IP4_L4       34u
#define OFF_IP6_PAYLOAD  18u
#define OFF_IP6_NEXT     20u
#define OFF_IP6_TUPLE    22u
#define OFF_IP6_L4       54u
#define IP4_PLAIN        0x45u /* version 4, 20 bytes */
#define PORTS_LEN        4u
#define TCP_MIN          20u
#define UDP_LEN          8u
#define OFF_UDP_SIZE     4u /* from the header */
#define OFF_UDP_CHECKSUM 6u

/** copy_header() - the first PLAIN_HEADER bytes of a frame, or all if it has fewer */
static inline void copy_header(uint8_t *to, const uint8_t *from, uint32_t len)
{
	typedef uint64_t part __attribute__((vector_size(32), aligned(1), may_alias));
	uint32_t last = len - 32;
	uint32_t second = last < 32 ? last : 32, third = last < 64 ? last : 64;
	/* All loads come before the stores: both may be the same memory. */
	part a = *(const part *)from;
	part b = *(const part *)(from + second);
	part c = *(const part *)(from + third);

	*(part *)to = a;
	*(part *)(to + second) = b;
	*(part *)(to + third) = c;
}

/** struct place - where the headers of a plain packet lie, in bytes from the start of the frame */
struct place {
	uint32_t tuple;
	uint32_t l4;
	uint32_t end; /* of the IP packet */
	bool tcp;
};

/** find_headers() - false if they are not plain, or do not fit together */
static inline bool find_headers(const uint8_t *header, uint32_t len, struct place *place)
{
	uint16_t type = headers_get16(header + OFF_TYPE);
	uint32_t l4_len;
	uint8_t protocol;

	if (type == ETHERTYPE_IP4) {
		if (header[OFF_IP] != IP4_PLAIN || headers_get16(header + OFF_IP4_FRAG) & 0x3fffu)
			return false;
		place->tuple = OFF_IP4_TUPLE;
		place->l4 = OFF_IP4_L4;
		place->end = OFF_IP + headers_get16(header + OFF_IP4_TOTAL);
		protocol = header[OFF_IP4_PROTO];
	} else if (type == ETHERTYPE_IP6) {
		if (header[OFF_IP] >> 4 != 6 || len < OFF_IP6_L4 + UDP_LEN)
			return false;
		place->tuple = OFF_IP6_TUPLE;
		place->l4 = OFF_IP6_L4;
		place->end = OFF_IP6_L4 + headers_get16(header + OFF_IP6_PAYLOAD);
		protocol = header[OFF_IP6_NEXT];
	} else {
		return false;
	}
	place->tcp = protocol == IP_PROTO_TCP;
	if (place->tcp) {
		if (len < place->l4 + TCP_MIN)
			return false;
		l4_len = (uint32_t)(header[place->l4 + 12] >> 4) * 4;
		if (l4_len < TCP_MIN)
			return false;
	} else if (protocol == IP_PROTO_UDP) {
		l4_len = UDP_LEN;
	} else {
		return false;
	}
	return place->end <= len && place->l4 + l4_len <= place->end;
}

/**
 * ip4_right() - is the checksum of a header of 20 bytes right?
 *
 * The copy was stored in vectors a moment ago: no load may reach over the end of one, or it
 * waits until they are in the cache.
 */
static inline bool ip4_right(const uint8_t *header)
{
	uint16_t first, last;
	uint64_t sum, a, b;

	memcpy(&first, header + OFF_IP, sizeof(first));
	memcpy(&a, header + 16, sizeof(a));
	memcpy(&b, header + 24, sizeof(b));
	memcpy(&last, header + 32, sizeof(last));
	sum = (a & UINT32_MAX) + (a >> 32) + (b & UINT32_MAX) + (b >> 32) + first + last;
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return sum == UINT16_MAX;
}

/** verify() - the checksum of layer 4; CHECKSUM_BAD stands for everything that is not plain */
static enum checksum_result verify(const struct plain_packet *packet, const struct place *place)
{
	const uint8_t *header = packet->header;
	uint32_t l4_len = place->end - place->l4;
	uint32_t copied = packet->len < PLAIN_HEADER ? packet->len : PLAIN_HEADER;
	uint32_t end = place->end < copied ? place->end : copied;
	uint8_t pseudo[4] = { 0, place->tcp ? IP_PROTO_TCP : IP_PROTO_UDP, (uint8_t)(l4_len >> 8),
			      (uint8_t)l4_len };
	struct checksum checksum = { 0 };

	if (place->l4 == OFF_IP4_L4 && !ip4_right(header))
		return CHECKSUM_BAD;
	if (!place->tcp && !headers_get16(header + place->l4 + OFF_UDP_CHECKSUM))
		return CHECKSUM_NONE;
	if (!place->tcp && headers_get16(header + place->l4 + OFF_UDP_SIZE) != l4_len)
		return CHECKSUM_BAD;
	checksum_add(&checksum, pseudo, sizeof(pseudo));
	/* From the addresses on it is one piece. */
	checksum_add(&checksum, header + place->tuple, end - place->tuple);
	if (place->end > copied)
		checksum_add(&checksum, packet->from + copied, place->end - copied);
	return checksum_finish(&checksum) == 0 ? CHECKSUM_GOOD : CHECKSUM_BAD;
}

/* struct mana_rxcomp_oob's flags in the second word of a completion */
#define HEAD_HASH_L4  ((uint32_t)MANA_HASH_L4 << 16)
#define HEAD_IP_GOOD  (1u << 25)
#define HEAD_TCP_GOOD (1u << 27)
#define HEAD_UDP_GOOD (1u << 29)

static inline union receive_head make_head(bool tcp, bool hashed, bool good)
{
	union receive_head head = { .cqe_hdr = { .cqe_type = MANA_CQE_RX_OKAY,
						 .client_type = MANA_CLIENT_COMPLETION } };

	head.word[1] = HEAD_IP_GOOD | (hashed ? HEAD_HASH_L4 : 0) |
		       (good ? tcp ? HEAD_TCP_GOOD : HEAD_UDP_GOOD : 0);
	return head;
}

/* frame.seen: the steering it is about; TCP or UDP; checksum; and the hash in the upper half */
#define SEEN_TAG_SHIFT 2
#define SEEN_TCP       2u
#define SEEN_GOOD      1u

/** recall() - what was found when the frame was looked at last; false: nothing, under other rules */
static inline bool recall(const struct steering *steering, const struct frame *frame,
			  struct plain_packet *packet)
{
	uint64_t seen = __atomic_load_n(frame->seen, __ATOMIC_RELAXED);

	if ((uint32_t)seen >> SEEN_TAG_SHIFT != steering->tag || !steering->tag)
		return false;
	packet->from = frame->iov->iov_base;
	packet->first = packet->from;
	packet->len = frame->len;
	packet->hash = (uint32_t)(seen >> 32);
	packet->rq = steering->rss ? steering->table[packet->hash & steering->mask] :
				     steering->fallback;
	packet->head = make_head(seen & SEEN_TCP, steering->rss, seen & SEEN_GOOD);
	return packet->rq != NULL;
}

/** look() - copy the headers of a frame; false if it is not plain */
static inline bool look(const struct steering *steering, const struct frame *frame,
			struct plain_packet *packet)
{
	enum checksum_result l4 = CHECKSUM_GOOD;
	struct place place;

	if (frame->seen && recall(steering, frame, packet))
		return true;
	if (frame->iovcnt != 1 || frame->flags & (FRAME_GSO | FRAME_CSUM_PARTIAL) ||
	    frame->len < OFF_IP4_L4 + UDP_LEN || frame->len > UINT16_MAX)
		return false;
	packet->from = frame->iov->iov_base;
	packet->first = packet->header;
	packet->len = frame->len;
	copy_header(packet->header, packet->from, packet->len);
	/* From here on the copy is what counts. */
	__asm__ volatile("" ::: "memory");
	if (!find_headers(packet->header, packet->len, &place))
		return false;
	if (!(frame->flags & FRAME_CSUM_VALID))
		l4 = verify(packet, &place);
	if (l4 == CHECKSUM_BAD)
		return false;
	packet->hash = 0;
	packet->rq = steering->fallback;
	if (steering->rss) {
		packet->hash = place.l4 == OFF_IP4_L4 ?
				       toeplitz_hash(&steering->toeplitz,
						     packet->header + OFF_IP4_TUPLE,
						     OFF_IP4_L4 - OFF_IP4_TUPLE + PORTS_LEN) :
				       toeplitz_hash(&steering->toeplitz,
						     packet->header + OFF_IP6_TUPLE,
						     OFF_IP6_L4 - OFF_IP6_TUPLE + PORTS_LEN);
		packet->rq = steering->table[packet->hash & steering->mask];
	}
	packet->head = make_head(place.tcp, steering->rss, l4 == CHECKSUM_GOOD);
	if (frame->seen)
		__atomic_store_n(frame->seen,
				 (uint64_t)packet->hash << 32 | steering->tag << SEEN_TAG_SHIFT |
					 (place.tcp ? SEEN_TCP : 0) |
					 (l4 == CHECKSUM_GOOD ? SEEN_GOOD : 0),
				 __ATOMIC_RELAXED);
	return packet->rq != NULL;
}

/** fetch() - an entry of a locked queue for each packet; how many there were */
static inline unsigned int fetch(struct receive_burst *burst, struct wq *rq,
				 struct plain_packet *const *packets, unsigned int n)
{
	const struct memory *memory = &rq->adapter->memory;
	uint32_t mask = rq->ring.size - 1;
	uint32_t available;
	unsigned int i;

	if (!ring_ready(&rq->ring) || rq->stopped)
		return 0;
	if (rq->seen - rq->taken < n)
		rq->seen = wq_posted(rq);
	available = rq->seen - rq->taken;
	if (available > rq->units)
		return 0;
	if (n > available)
		n = available;
	for (i = 0; i < n; i++) {
		struct plain_packet *packet = packets[i];
		struct wq_plain entry;

		packet->offset = rq->taken * GDMA_WQE_UNIT & mask;
		memcpy(&entry, ring_at(&rq->ring, packet->offset), sizeof(entry));
		if (!wq_is_plain(&entry) || entry.sge.size < packet->len)
			break;
		if (!burst->mr || burst->mr->key != entry.sge.mem_key)
			burst->mr = table_get(&memory->keys, entry.sge.mem_key >> 8);
		if (!burst->mr || burst->mr->key != entry.sge.mem_key ||
		    burst->mr->kind != MR_PHYSICAL || burst->mr->pd != rq->pd ||
		    !(burst->mr->access & DMA_WRITE))
			break;
		packet->to = dma_map_lookup(memory->map, entry.sge.address, entry.sge.size,
					    DMA_WRITE, &burst->hint);
		if (!packet->to)
			break;
		for (uint32_t line = 0; line < COPY_LINES && line * 64 < packet->len; line++)
			cpu_prefetch_write(packet->to + (size_t)line * 64);
		rq->taken++;
	}
	/* What comes next has been written for long, unless the driver has just caught up. */
	if (rq->seen - rq->taken >= WANT_AHEAD)
		wq_want(rq, i);
	return i;
}

static inline void fill(struct receive_burst *burst, struct plain_packet *const *packets,
			unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct plain_packet *packet = packets[i];

		copy_header(packet->to, packet->first, packet->len);
		/* A client may send from where it receives. */
		if (packet->len > PLAIN_HEADER)
			memmove(packet->to + PLAIN_HEADER, packet->from + PLAIN_HEADER,
				packet->len - PLAIN_HEADER);
		receive_tally(burst, packet->first, packet->len);
		receive_complete(burst, packet->head, packet->len, packet->hash, packet->offset);
	}
}

/**
 * struct spread - packets of a burst by queue
 * @queue:	by their numbers, which is the order they are locked in
 * @first:	where the packets of a queue start in @order; those of the next one end them
 * @order:	packets of a queue are in the order in which they came
 * @cqs:	their completion queues are locked with them
 */
struct spread {
	bool cqs;
	unsigned int queues;
	struct wq *queue[FABRIC_BURST];
	unsigned int first[FABRIC_BURST + 1];
	struct plain_packet *order[FABRIC_BURST];
};
static_assert(ADAPTER_QUEUES_MAX <= 64, "a bit for each queue of a vPort");

static inline void sort(struct spread *spread, struct plain_packet *packets, unsigned int n)
{
	unsigned int next[ADAPTER_QUEUES_MAX]; /* of queues in @present */
	uint64_t present = 0;
	unsigned int at = 0, same = 1;

	while (same < n && packets[same].rq == packets[0].rq)
		same++;
	if (same >= n) {
		for (unsigned int i = 0; i < n; i++)
			spread->order[i] = &packets[i];
		spread->queues = n != 0;
		spread->queue[0] = packets[0].rq;
		spread->first[0] = 0;
		spread->first[1] = n;
		return;
	}
	for (unsigned int i = 0; i < n; i++) {
		const struct wq *rq = packets[i].rq;

		if (!(present >> rq->index & 1))
			next[rq->index] = 0;
		present |= UINT64_C(1) << rq->index;
		next[rq->index]++;
	}
	spread->queues = 0;
	for (; present; present &= present - 1) {
		unsigned int index = (unsigned int)__builtin_ctzll(present);
		unsigned int count = next[index];

		spread->first[spread->queues++] = at;
		next[index] = at;
		at += count;
	}
	spread->first[spread->queues] = at;
	for (unsigned int i = 0; i < n; i++)
		spread->order[next[packets[i].rq->index]++] = &packets[i];
	for (unsigned int k = 0; k < spread->queues; k++)
		spread->queue[k] = spread->order[spread->first[k]]->rq;
}

/**
 * lock_all() - the queues of a spread in place of the one that is locked now
 *
 * Their completion queues too, if they are in order, as they are unless a driver wants
 * something special: taking a lock waits for all stores before it, and there are none yet.
 */
static inline void lock_all(struct receive_burst *burst, struct spread *spread)
{
	spread->cqs = true;
	receive_use(burst, NULL);
	for (unsigned int k = 0; k < spread->queues; k++) {
		spin_lock(&spread->queue[k]->lock);
		if (ring_ready(&spread->queue[k]->ring))
			wq_want(spread->queue[k], spread->first[k + 1] - spread->first[k]);
		if (k && spread->queue[k]->cq->id <= spread->queue[k - 1]->cq->id)
			spread->cqs = false;
	}
	for (unsigned int k = 0; k < spread->queues && spread->cqs; k++) {
		unsigned int n = spread->first[k + 1] - spread->first[k];

		cq_begin(spread->queue[k]->cq);
		cq_want(spread->queue[k]->cq, (n + MANA_RXCOMP_PACKETS - 1) / MANA_RXCOMP_PACKETS);
	}
}

/** use_locked() - write completions of a queue that lock_all() has locked */
static inline void use_locked(struct receive_burst *burst, const struct spread *spread,
			      struct wq *rq)
{
	burst->rq = rq;
	if (!spread->cqs)
		cq_begin(rq->cq);
}

/**
 * receive_spread() - take packets for several queues, queue by queue
 *
 * Out of the order they came in, so it must be known beforehand that there is a buffer for
 * each. Nobody who waits for one of the locks holds another but those of lower numbers.
 *
 * Return: false and nothing done if there is not
 */
static inline bool receive_spread(struct receive_burst *burst, struct spread *spread)
{
	uint32_t taken[FABRIC_BURST];
	unsigned int fetched;
	bool all = true;

	lock_all(burst, spread);
	for (fetched = 0; fetched < spread->queues && all; fetched++) {
		struct wq *rq = spread->queue[fetched];
		unsigned int n = spread->first[fetched + 1] - spread->first[fetched];

		taken[fetched] = rq->taken;
		all = fetch(burst, rq, &spread->order[spread->first[fetched]], n) == n;
	}
	for (unsigned int k = 0; k < spread->queues; k++) {
		struct wq *rq = spread->queue[k];

		if (!all) {
			if (k < fetched)
				rq->taken = taken[k];
			if (spread->cqs)
				cq_end(rq->cq);
			spin_unlock(&rq->lock);
			continue;
		}
		use_locked(burst, spread, rq);
		fill(burst, &spread->order[spread->first[k]],
		     spread->first[k + 1] - spread->first[k]);
		receive_use(burst, NULL);
	}
	return all;
}

/** look_all() - at the first frames, as far as they are plain; how many */
static inline unsigned int look_all(struct receive_burst *burst, const struct frame *frames,
				    unsigned int n)
{
	struct plain_packet *packets = burst->scratch->plain;
	unsigned int looked = 0;

	if (n > FABRIC_BURST)
		n = FABRIC_BURST;
	if (!burst->steering->rss && burst->steering->fallback) {
		receive_use(burst, burst->steering->fallback);
		if (ring_ready(&burst->rq->ring))
			wq_want(burst->rq, n);
		cq_want(burst->rq->cq, (n + MANA_RXCOMP_PACKETS - 1) / MANA_RXCOMP_PACKETS);
	}
	while (looked < n && look(burst->steering, &frames[looked], &packets[looked]))
		looked++;
	return looked;
}

CPU_CLONES unsigned int receive_plain_offer(struct receive_burst *burst, const struct frame *frames,
					    unsigned int n, uint64_t *left)
{
	struct plain_packet *packets = burst->scratch->plain;
	unsigned int looked = look_all(burst, frames, n), others = 0;
	unsigned int fetched[FABRIC_BURST], other[FABRIC_BURST];
	struct spread spread;
	bool one;

	if (!looked)
		return 0;
	sort(&spread, packets, looked);
	one = burst->rq == spread.queue[0] && spread.queues == 1;
	if (!one)
		lock_all(burst, &spread);
	for (unsigned int k = 0; k < spread.queues; k++) {
		struct wq *rq = spread.queue[k];
		unsigned int first = spread.first[k], end = spread.first[k + 1];

		fetched[k] = fetch(burst, rq, &spread.order[first], end - first);
		for (unsigned int i = first + fetched[k]; i < end; i++) {
			unsigned int at = (unsigned int)(spread.order[i] - packets);

			if (rq->taken == rq->seen)
				*left |= UINT64_C(1) << at;
			else
				other[others++] = at;
		}
	}
	for (unsigned int k = 0; k < spread.queues; k++) {
		if (!one)
			use_locked(burst, &spread, spread.queue[k]);
		fill(burst, &spread.order[spread.first[k]], fetched[k]);
		receive_use(burst, NULL);
	}
	for (unsigned int i = 0; i < others; i++)
		if (!receive_any(burst, &frames[other[i]]))
			*left |= UINT64_C(1) << other[i];
	return looked;
}

CPU_CLONES unsigned int receive_plain(struct receive_burst *burst, const struct frame *frames,
				      unsigned int n)
{
	struct plain_packet *packets = burst->scratch->plain;
	unsigned int looked, done = 0;
	struct spread spread;

	if (burst->odd)
		return 0;
	looked = look_all(burst, frames, n);
	sort(&spread, packets, looked);
	if (spread.queues > 1 && receive_spread(burst, &spread))
		return looked;
	for (unsigned int i = 0; i < looked; i++)
		spread.order[i] = &packets[i];
	while (done < looked) {
		struct wq *rq = packets[done].rq;
		unsigned int run = 1, fetched;

		while (done + run < looked && packets[done + run].rq == rq)
			run++;
		receive_use(burst, rq);
		fetched = fetch(burst, rq, &spread.order[done], run);
		fill(burst, &spread.order[done], fetched);
		done += fetched;
		if (fetched < run) {
			burst->odd = true;
			break;
		}
	}
	return done;
}
