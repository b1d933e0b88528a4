/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation
 *
 * Nearly all packets are alike: one piece, no tag, TCP or UDP directly after an IP header without
 * options, no wrong checksum; and so are nearly all buffers: one piece, long enough. They are
 * handled in three passes over a burst, each of which prefetches the memory that the next one
 * needs:
 *
 *	look	copy the headers once, check them, find the queue; sort by queue
 *	fetch	take an entry of the queue for each, find its buffer, prefetch its cache lines
 *	fill	copy the packet into the buffer, fill in completions
 *
 * Anything else ends the run; receive_any.c handles that packet, and logs what is wrong with it or
 * its buffer. Nothing has been done to it here.
 */
#include "device/receive_plain.h"

#include <string.h>

#include "base/cpu.h"
#include "base/uninitialized.h"
#include "device/checksum.h"
#include "device/headers.h"
#include "device/reach.h"
#include "device/receive_any.h"
#include "device/scratch.h"

#define COPY_LINES       4u   /* cache lines of a buffer that are prefetched */
#define WANT_AHEAD       256u /* entries to prefetch: written long ago */

/* Offsets in a frame, in bytes */
#define OFF_TYPE         12u
#define OFF_IP           14u
#define OFF_IP4_TUPLE    26u /* addresses, and the ports directly after them */
#define OFF_IP4_L4       34u
#define OFF_IP6_PAYLOAD  18u
#define OFF_IP6_NEXT     20u
#define OFF_IP6_TUPLE    22u
#define OFF_IP6_L4       54u
#define PORTS_LEN        4u
#define TCP_MIN          20u
#define UDP_LEN          8u
#define OFF_UDP_SIZE     4u /* from the header */
#define OFF_UDP_CHECKSUM 6u
#define PLAIN_MIN        (OFF_IP4_L4 + UDP_LEN)

/** copy_header() - the first PLAIN_HEADER bytes of a frame, or all if it has fewer */
static inline void copy_header(uint8_t *to, const uint8_t *from, uint32_t len)
{
	typedef uint64_t part __attribute__((vector_size(32), aligned(1), may_alias));
	uint32_t last = len - 32;
	part a, b, c;

	/* All loads come before the stores: source and destination may be the same memory. */
	a = *(const part *)from;
	if (__builtin_expect(len <= 2 * sizeof(part), 1)) {
		b = *(const part *)(from + last);
		*(part *)to = a;
		*(part *)(to + last) = b;
		return;
	}
	if (len > PLAIN_HEADER)
		last = PLAIN_HEADER - sizeof(part);
	b = *(const part *)(from + sizeof(part));
	c = *(const part *)(from + last);
	*(part *)to = a;
	*(part *)(to + sizeof(part)) = b;
	*(part *)(to + last) = c;
}

/** struct place - where the headers of a plain packet lie, in bytes from the start of the frame */
struct place {
	uint32_t tuple;
	uint32_t l4;
	uint32_t end; /* of the IP packet */
	uint8_t protocol;
};

/**
 * struct words - a copied header in aligned words, as they lie in memory (little-endian)
 * @type:	bytes 8 to 15: EtherType, version and header length, type of service
 * @ip4:	total length, identification, fragment, time to live, protocol
 * @source:	checksum, source, half of the destination
 * @ports:	the other half, ports, two bytes of layer 4
 *
 * The copy has just been stored in vectors: a load that crosses the end of one has to wait until
 * they are in the cache.
 */
struct words {
	uint64_t type, ip4, source, ports;
};
#define IP4_PLAIN    UINT64_C(0x450008)       /* IPv4, 20 bytes of header: @type's upper half */
#define IP4_FRAGMENT UINT64_C(0xff3f00000000) /* more, or not the first, in @ip4 */

static inline uint64_t load64(const uint8_t *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	return word;
}

/** ip4_right() - is the checksum of a header of 20 bytes right? */
static inline bool ip4_right(const struct words *words)
{
	uint64_t sum = words->ip4 + words->source;
	uint64_t rest = (words->type >> 48) + (words->ports & UINT16_MAX);

	/* Modulo 2^16 - 1, 2^16 is 1, and so is 2^64, the value of a carry. The version is not 0. */
	sum += sum < words->ip4;
	sum += rest;
	sum += sum < rest;
	return sum % UINT16_MAX == 0;
}

/** find_ip4() - false for a fragment */
static inline bool find_ip4(const struct words *words, struct place *place)
{
	place->tuple = OFF_IP4_TUPLE;
	place->l4 = OFF_IP4_L4;
	place->end = OFF_IP + (uint32_t)__builtin_bswap16((uint16_t)words->ip4);
	place->protocol = (uint8_t)(words->ip4 >> 56);
	return !(words->ip4 & IP4_FRAGMENT);
}

/** find_ip6() - false if it is something else */
static inline bool find_ip6(const uint8_t *header, uint32_t len, struct place *place)
{
	if (headers_get16(header + OFF_TYPE) != ETHERTYPE_IP6 || header[OFF_IP] >> 4 != 6 ||
	    len < OFF_IP6_L4 + UDP_LEN)
		return false;
	place->tuple = OFF_IP6_TUPLE;
	place->l4 = OFF_IP6_L4;
	place->end = OFF_IP6_L4 + headers_get16(header + OFF_IP6_PAYLOAD);
	place->protocol = header[OFF_IP6_NEXT];
	return true;
}

/** fits() - is it UDP or TCP, whose header is whole, and the frame long enough? */
static inline bool fits(const struct plain_packet *packet, const struct place *place)
{
	uint32_t l4_len = UDP_LEN;

	if (place->protocol == IP_PROTO_TCP) {
		if (packet->len < place->l4 + TCP_MIN)
			return false;
		l4_len = (uint32_t)(packet->header[place->l4 + 12] >> 4) * 4;
		if (l4_len < TCP_MIN)
			return false;
	} else if (place->protocol != IP_PROTO_UDP) {
		return false;
	}
	return place->end <= packet->len && place->l4 + l4_len <= place->end;
}

/** sum() - the layer 4 checksum over the copy and the rest of the frame */
static inline enum checksum_result sum(const struct plain_packet *packet, const struct place *place)
{
	uint32_t l4_len = place->end - place->l4;
	uint32_t copied = packet->len < PLAIN_HEADER ? packet->len : PLAIN_HEADER;
	uint32_t end = place->end < copied ? place->end : copied;
	uint8_t pseudo[4] = { 0, place->protocol, (uint8_t)(l4_len >> 8), (uint8_t)l4_len };
	struct checksum checksum = { 0 };

	checksum_add(&checksum, pseudo, sizeof(pseudo));
	/* Contiguous from the addresses on. */
	checksum_add(&checksum, packet->header + place->tuple, end - place->tuple);
	if (place->end > copied)
		checksum_add(&checksum, packet->from + copied, place->end - copied);
	return checksum_finish(&checksum) == 0 ? CHECKSUM_GOOD : CHECKSUM_BAD;
}

/** verify() - check the checksums; CHECKSUM_BAD also means: not plain */
static inline enum checksum_result verify(const struct plain_packet *packet,
					  const struct words *words, const struct place *place)
{
	const uint8_t *udp = packet->header + place->l4;

	if (place->l4 == OFF_IP4_L4 && !ip4_right(words))
		return CHECKSUM_BAD;
	if (place->protocol == IP_PROTO_TCP)
		return sum(packet, place);
	if (!headers_get16(udp + OFF_UDP_CHECKSUM))
		return CHECKSUM_NONE;
	if (headers_get16(udp + OFF_UDP_SIZE) != place->end - place->l4)
		return CHECKSUM_BAD;
	return sum(packet, place);
}

static inline union receive_head make_head(bool tcp, bool hashed, bool good)
{
	const union receive_head okay = { .cqe_hdr = { .cqe_type = MANA_CQE_RX_OKAY,
						       .client_type = MANA_CLIENT_COMPLETION } };
	uint32_t word = MANA_RX_WORD_IP_GOOD;

	if (hashed)
		word |= MANA_RX_WORD_HASH(MANA_HASH_L4);
	if (good)
		word |= tcp ? MANA_RX_WORD_TCP_GOOD : MANA_RX_WORD_UDP_GOOD;
	return (union receive_head){ .all = okay.all | (uint64_t)word << 32 };
}

/* frame.seen: the steering's tag; TCP or UDP; checksum; and the hash in the upper half */
#define SEEN_TAG_SHIFT 2
#define SEEN_TCP       2u
#define SEEN_GOOD      1u

/** recall() - what an earlier look at the frame found; false: nothing, or under another steering
 */
static inline bool recall(const struct steering *steering, const struct frame *frame,
			  struct plain_packet *packet)
{
	uint64_t seen = atomic_load_explicit(frame->seen, memory_order_relaxed);

	if ((uint32_t)seen >> SEEN_TAG_SHIFT != steering->tag || !steering->tag)
		return false;
	packet->from = frame->iov->iov_base;
	packet->first = packet->from;
	packet->len = frame->len;
	packet->hash = (uint32_t)(seen >> 32);
	packet->rq =
		steering->rss ? steering->table[packet->hash & steering->mask] : steering->fallback;
	packet->head = make_head(seen & SEEN_TCP, steering->rss, seen & SEEN_GOOD);
	return packet->rq != NULL;
}

/**
 * decide() - is the packet plain in all other respects, and which queue does it go to?
 *
 * Inlined for each IP version, where @place's offsets are constants.
 */
static inline __attribute__((always_inline)) bool
decide(const struct steering *steering, const struct frame *frame, struct plain_packet *packet,
       const struct words *words, const struct place *place)
{
	enum checksum_result l4 = CHECKSUM_GOOD;
	bool tcp = place->protocol == IP_PROTO_TCP;
	uint32_t hash = 0;

	if (!fits(packet, place))
		return false;
	if (!(frame->flags & FRAME_CSUM_VALID))
		l4 = verify(packet, words, place);
	if (l4 == CHECKSUM_BAD)
		return false;
	if (steering->rss) {
		hash = toeplitz_hash(&steering->toeplitz, packet->header + place->tuple,
				     place->l4 - place->tuple + PORTS_LEN);
		packet->rq = steering->table[hash & steering->mask];
		packet->head = make_head(tcp, true, l4 == CHECKSUM_GOOD);
	} else {
		packet->rq = steering->fallback;
		packet->head = make_head(tcp, false, l4 == CHECKSUM_GOOD);
	}
	packet->hash = hash;
	return packet->rq != NULL;
}

/** look() - copy the headers of a frame; false if it is not plain */
static inline bool look(const struct steering *steering, const struct frame *frame,
			struct plain_packet *packet)
{
	struct words words;
	struct place place;

	if (frame->iovcnt != 1 || frame->flags & (FRAME_GSO | FRAME_CSUM_PARTIAL) ||
	    frame->len - PLAIN_MIN > UINT16_MAX - PLAIN_MIN)
		return false;
	packet->from = frame->iov->iov_base;
	packet->first = packet->header;
	packet->len = frame->len;
	copy_header(packet->header, packet->from, packet->len);
	/* From here on only the copy is used. */
	__asm__ volatile("" ::: "memory");
	words = (struct words){ load64(packet->header + 8), load64(packet->header + 16),
				load64(packet->header + 24), load64(packet->header + 32) };
	if (__builtin_expect((words.type >> 32 & 0xffffff) == IP4_PLAIN, 1))
		return find_ip4(&words, &place) && decide(steering, frame, packet, &words, &place);
	return find_ip6(packet->header, packet->len, &place) &&
	       decide(steering, frame, packet, &words, &place);
}

/** look_kept() - look at a frame that never changes, and keep what was found */
static __attribute__((noinline)) bool
look_kept(const struct steering *steering, const struct frame *frame, struct plain_packet *packet)
{
	uint64_t seen;

	if (!look(steering, frame, packet))
		return false;
	seen = (uint64_t)packet->hash << 32 | steering->tag << SEEN_TAG_SHIFT;
	if (packet->head.word[1] & MANA_RX_WORD_TCP_GOOD)
		seen |= SEEN_TCP | SEEN_GOOD;
	if (packet->head.word[1] & MANA_RX_WORD_UDP_GOOD)
		seen |= SEEN_GOOD;
	atomic_store_explicit(frame->seen, seen, memory_order_relaxed);
	return true;
}

/** fetch() - take an entry of a locked queue for each packet; returns how many there were */
static inline unsigned int fetch(struct receive_burst *burst, struct wq *rq,
				 struct plain_packet *const *packets, unsigned int n)
{
	const struct memory *memory = &rq->adapter->memory;
	const uint32_t mask = rq->ring.size - 1, taken = rq->taken;
	uint32_t offset = taken * GDMA_WQE_UNIT;
	const uint8_t *at = NULL, *end = NULL;
	struct ring_view ring;
	struct reach reach;
	uint32_t available;
	unsigned int i;

	if (!ring_ready(&rq->ring) || rq->stopped)
		return 0;
	if (rq->seen - taken < n)
		rq->seen = wq_posted(rq);
	available = rq->seen - taken;
	if (available > rq->units)
		return 0;
	if (n > available)
		n = available;
	reach_begin(&burst->reach, rq->pd, DMA_WRITE);
	reach = burst->reach;
	ring = ring_view(&rq->ring);
	for (i = 0; i < n; i++, at += GDMA_WQE_UNIT, offset += GDMA_WQE_UNIT) {
		struct plain_packet *packet = packets[i];
		struct wq_plain entry;

		if (at == end) {
			offset &= mask;
			at = ring_view_at(&ring, offset);
			end = at + ring_view_run(&ring, offset, mask + 1);
		}
		packet->offset = offset;
		entry = wq_plain_read(at);
		if (!wq_is_plain(&entry) || entry.sge.size < packet->len)
			break;
		packet->to = reach_at(&reach, memory, entry.sge);
		if (!packet->to)
			break;
		for (uint32_t line = 0; line < COPY_LINES && line * 64 < packet->len; line++)
			cpu_prefetch_write(packet->to + (size_t)line * 64);
	}
	burst->reach = reach;
	rq->taken = taken + i;
	/* The next entries were written long ago, unless the driver has just caught up. */
	if (available - i >= WANT_AHEAD)
		wq_want(rq, i);
	return i;
}

/** tell_packets() - write what is said of each of @n packets; inlined for the usual number */
static inline __attribute__((always_inline)) void
tell_packets(struct mana_rxcomp_oob *oob, struct plain_packet *const *packets, unsigned int n)
{
	CPU_UNROLL(4)
	for (unsigned int i = 0; i < MANA_RXCOMP_PACKETS; i++)
		oob->ppi[i] =
			i < n ? (struct mana_rxcomp_perpkt_info){ .pkt_len =
									  (uint16_t)packets[i]->len,
								  .pkt_hash = packets[i]->hash }
			      : (struct mana_rxcomp_perpkt_info){ 0 };
}

/**
 * tell() - write a completion for up to MANA_RXCOMP_PACKETS packets with the same head
 *
 * Like receive_flush(), but directly from the packets.
 */
static inline void tell(struct receive_burst *burst, struct plain_packet *const *packets,
			unsigned int n)
{
	struct cq *cq = burst->rq->cq;
	struct mana_rxcomp_oob *oob = (struct mana_rxcomp_oob *)cq_next(cq);
	union receive_head head = packets[0]->head;

	if (n > 1) {
		head.cqe_hdr.cqe_type = MANA_CQE_RX_COALESCED_4;
		burst->tally.coalesced++;
	}
	if (!oob)
		return;
	memcpy(oob, &head, sizeof(head));
	if (n == MANA_RXCOMP_PACKETS)
		tell_packets(oob, packets, MANA_RXCOMP_PACKETS);
	else
		tell_packets(oob, packets, n);
	cq_hold(cq, packets[0]->offset, burst->rq->id, false);
}

/** fill_eights() - complete packets with up to MANA_RXCOMP_PACKETS_MAX in a completion */
static __attribute__((noinline)) void
fill_eights(struct receive_burst *burst, struct plain_packet *const *packets, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		receive_complete(burst, packets[i]->head, packets[i]->len, packets[i]->hash,
				 packets[i]->offset);
	receive_flush(burst);
}

/**
 * fill() - copy packets into the buffers that fetch() has found, and complete them
 * @alike:	their heads are known to be the same
 */
static inline void fill(struct receive_burst *burst, struct plain_packet *const *packets,
			unsigned int n, bool alike)
{
	const unsigned int most = burst->steering->coalesce;
	unsigned int several = 0;
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct plain_packet *packet = packets[i];

		copy_header(packet->to, packet->first, packet->len);
		/* A client may send from where it receives. */
		if (packet->len > PLAIN_HEADER)
			memmove(packet->to + PLAIN_HEADER, packet->from + PLAIN_HEADER,
				packet->len - PLAIN_HEADER);
		several |= packet->first[0];
		bytes += packet->len;
	}
	if (several & 1) {
		for (unsigned int i = 0; i < n; i++)
			receive_tally(burst, packets[i]->first, packets[i]->len);
	} else {
		burst->tally.frames[WQ_UNICAST] += n;
		burst->tally.bytes[WQ_UNICAST] += bytes;
	}
	if (n)
		receive_flush(burst);
	if (__builtin_expect(most > MANA_RXCOMP_PACKETS, 0)) {
		fill_eights(burst, packets, n);
		return;
	}
	for (unsigned int i = 0, run; i < n; i += run) {
		unsigned int longest = n - i < most ? n - i : most;

		for (run = alike ? longest : 1; run < longest; run++)
			if (packets[i + run]->head.all != packets[i]->head.all)
				break;
		tell(burst, packets + i, run);
	}
}

/**
 * struct spread - packets of a burst by queue
 * @queue:	by their numbers, which is the order they are locked in
 * @first:	where the packets of a queue start in @order; they end where those of the next one
 *		start
 * @order:	packets of a queue are in order of arrival
 * @cqs:	their completion queues are locked with them
 * @alike:	all packets have the same head
 */
struct spread {
	bool cqs;
	bool alike;
	unsigned int queues;
	struct wq *queue[FABRIC_BURST];
	unsigned int first[FABRIC_BURST + 1];
	struct plain_packet *order[FABRIC_BURST];
};
static_assert(ADAPTER_QUEUES_MAX <= 64, "a bit for each queue of a vPort");

/** sort() - find the queues of packets that go to several, and put the packets in order */
static __attribute__((noinline)) void sort(struct spread *spread, struct plain_packet *packets,
					   unsigned int n)
{
	unsigned int next[ADAPTER_QUEUES_MAX] uninitialized; /* of queues in @present */
	uint64_t present = 0;
	unsigned int at = 0;

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
 * lock_all() - lock the queues of a spread instead of the one that is locked now
 *
 * Also locks their completion queues if their numbers are in order, as they nearly always are:
 * taking a lock waits for all earlier stores, and there are none yet.
 */
static inline void lock_all(struct receive_burst *burst, struct spread *spread)
{
	spread->cqs = true;
	receive_use(burst, NULL);
	for (unsigned int k = 0; k < spread->queues; k++) {
		spin_lock(&spread->queue[k]->lock);
		receive_mark(spread->queue[k]);
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
 * receive_spread() - receive packets for several queues, queue by queue
 *
 * Not in order of arrival, so it must be known beforehand that there is a buffer for each. A thread
 * that waits for one of the locks holds only locks with lower numbers.
 *
 * Return: false, with nothing done, if there is not
 */
static inline bool receive_spread(struct receive_burst *burst, struct spread *spread)
{
	uint32_t taken[FABRIC_BURST] uninitialized;
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
				cq_end(rq->cq, &burst->raise);
			spin_unlock(&rq->lock);
			continue;
		}
		use_locked(burst, spread, rq);
		fill(burst, &spread->order[spread->first[k]],
		     spread->first[k + 1] - spread->first[k], spread->alike);
		receive_use(burst, NULL);
	}
	return all;
}

/**
 * look_each() - look at the first frames, as far as they are plain, and sort them by queue
 * @kept:	the fabric keeps what is found in them
 *
 * Return: how many
 */
static inline __attribute__((always_inline)) unsigned int
look_each(const struct steering *steering, const struct frame *frames, unsigned int n,
	  struct plain_packet *packets, struct spread *spread, bool kept)
{
	uint64_t queues = 0, heads = 0;
	unsigned int looked;

	for (looked = 0; looked < n; looked++) {
		const struct frame *frame = &frames[looked];
		struct plain_packet *packet = &packets[looked];

		if (kept && frame->seen) {
			if (!recall(steering, frame, packet) && !look_kept(steering, frame, packet))
				break;
		} else if (!look(steering, frame, packet)) {
			break;
		}
		spread->order[looked] = packet;
		queues |= (uintptr_t)packet->rq ^ (uintptr_t)packets->rq;
		heads |= packet->head.all ^ packets->head.all;
	}
	spread->alike = !heads;
	spread->queues = looked != 0;
	spread->queue[0] = packets->rq;
	spread->first[0] = 0;
	spread->first[1] = looked;
	if (queues)
		sort(spread, packets, looked);
	return looked;
}

/** look_all() - look_each(), after a prefetch of what is known to be needed */
static inline unsigned int look_all(struct receive_burst *burst, const struct frame *frames,
				    unsigned int n, struct spread *spread)
{
	const struct steering *steering = burst->steering;
	struct plain_packet *packets = burst->scratch->plain;

	if (n > FABRIC_BURST)
		n = FABRIC_BURST;
	if (!steering->rss && steering->fallback) {
		receive_use(burst, steering->fallback);
		if (ring_ready(&burst->rq->ring))
			wq_want(burst->rq, n);
		cq_want(burst->rq->cq, (n + MANA_RXCOMP_PACKETS - 1) / MANA_RXCOMP_PACKETS);
	}
	return frames->seen ? look_each(steering, frames, n, packets, spread, true)
			    : look_each(steering, frames, n, packets, spread, false);
}

CPU_CLONES unsigned int receive_plain_offer(struct receive_burst *burst, const struct frame *frames,
					    unsigned int n, uint64_t *left)
{
	struct plain_packet *packets = burst->scratch->plain;
	unsigned int looked, others = 0;
	unsigned int fetched[FABRIC_BURST] uninitialized, other[FABRIC_BURST] uninitialized;
	struct spread spread uninitialized;
	bool one;

	if (burst->odd)
		return 0;
	looked = look_all(burst, frames, n, &spread);
	if (!looked)
		return 0;
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
		fill(burst, &spread.order[spread.first[k]], fetched[k], spread.alike);
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
	struct spread spread uninitialized;

	if (burst->odd)
		return 0;
	looked = look_all(burst, frames, n, &spread);
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
		fill(burst, &spread.order[done], fetched, spread.alike);
		done += fetched;
		if (fetched < run) {
			burst->odd = true;
			break;
		}
	}
	return done;
}
