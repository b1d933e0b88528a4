/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/generator.c - frames for the vPort, as fast as it posts buffers.
 *
 * Theory of operation
 *
 * A frame per flow is built when the port is opened, with right checksums, and delivered
 * repeatedly, burst= times in a row: a poll only chooses where to start in the array of prepared
 * struct frame. The beginning of the array is repeated after its end so that a burst never has to
 * wrap.
 *
 * A lane has its own position; lanes start evenly spaced. A flow whose queue has no buffer is
 * skipped: no frame is lost, because none existed yet, and a queue that is not drained does not
 * stop the others.
 *
 *	flow	0 to flows-1, different source address each
 *	IPv4	198.18.x.x to 198.19.0.1 (RFC 2544's range for benchmarks)
 *	IPv6	2001:2::x to 2001:2::1:0:1 (RFC 5180's)
 *	ports	49152 + flow % 16384 to 9 (discard)
 *
 * A count is shared by all lanes: a poll takes its share before it delivers and returns what was
 * not accepted. A rate works the same way on the frames that have become due since the start; a
 * long backlog is not made up for.
 */
#include "base/error.h"
#include "fabric/port.h"

#include "base/clock.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define GENERATOR_SIZE            64u  /* default frame, in bytes */
#define GENERATOR_FLOWS           256u /* default, and minimum */
#define GENERATOR_FLOWS_PER_QUEUE 16u  /* so that each of many queues gets some */
#define GENERATOR_FLOWS_MAX       65536u
#define GENERATOR_MEMORY_MAX      (64u << 20) /* bytes of frames */
#define GENERATOR_BURST_MAX       256u
#define GENERATOR_FRAMES_MAX      (1u << 20)  /* flows times burst */
#define GENERATOR_RATE_MAX        1000000000u /* frames per second */
#define GENERATOR_BACKLOG         50u         /* the longest: a second's frames by this */
#define GENERATOR_TICK            1000000u    /* shortest timer interval, in nanoseconds */

#define IPV4_HEADER_SIZE          20u /* bytes */
#define IPV6_HEADER_SIZE          40u
#define TCP_HEADER_SIZE           20u
#define UDP_HEADER_SIZE           8u

enum kind {
	UDP4,
	TCP4,
	UDP6,
	TCP6,
	MIXED, /* in turn */
};

static const char *const kinds[] = {
	[UDP4] = "udp4", [TCP4] = "tcp4", [UDP6] = "udp6", [TCP6] = "tcp6", [MIXED] = "mixed",
};

/* A lane's position; in a cache line of its own. */
struct generator_lane {
	_Alignas(CACHE_LINE) uint32_t next;
};

/**
 * struct generator - the fabric's state
 * @flows:	how many
 * @round:	frames in a cycle: flows times burst=
 * @size:	of each frame, in bytes
 * @tagged:	with a VLAN tag
 * @vlan:	its ID
 * @kind:	the protocols of the frames
 * @memory:	the frames' bytes
 * @iov:	one per flow
 * @seen:	one per flow, for the receiver
 * @frames:	@round + FABRIC_BURST - 1 of them, ready for delivery
 * @lanes:	one per lane
 * @count:	frames in total; UINT64_MAX for no limit
 * @left:	how many of @count no poll has taken yet
 * @rate:	frames per second; 0 for as many as the vPort accepts
 * @start:	when @rate started, in nanoseconds
 * @issued:	frames due since then that a poll has taken, or that were
 *		skipped
 */
struct generator {
	uint32_t flows;
	uint32_t round;
	uint32_t size;
	bool tagged;
	uint16_t vlan;
	enum kind kind;
	uint8_t *memory;
	struct iovec *iov;
	_Atomic uint64_t *seen;
	struct frame *frames;
	struct generator_lane *lanes;
	uint64_t count;
	_Alignas(CACHE_LINE) _Atomic uint64_t left;
	uint64_t rate;
	uint64_t start;
	_Alignas(CACHE_LINE) _Atomic uint64_t issued;
};

/** headers_size() - bytes before the payload */
static uint32_t headers_size(const struct generator *generator, enum kind kind)
{
	uint32_t ip = kind == UDP4 || kind == TCP4 ? IPV4_HEADER_SIZE : IPV6_HEADER_SIZE;
	uint32_t transport = kind == UDP4 || kind == UDP6 ? UDP_HEADER_SIZE : TCP_HEADER_SIZE;

	return ETHERNET_HEADER_SIZE + (generator->tagged ? ETHERNET_VLAN_TAG_SIZE : 0) + ip +
	       transport;
}

/** smallest() - bytes of the smallest frame that holds every header */
static uint32_t smallest(const struct generator *generator)
{
	uint32_t size = 0;

	if (generator->kind != MIXED)
		return headers_size(generator, generator->kind);
	for (enum kind kind = UDP4; kind < MIXED; kind++) {
		if (headers_size(generator, kind) > size)
			size = headers_size(generator, kind);
	}
	return size;
}

/**
 * build_ip() - write an IP header
 * @ip:		where
 * @len:	of the packet, in bytes
 * @sum:	sum of the addresses, for the pseudo-header
 *
 * Return: size of the header, in bytes
 */
static uint32_t build_ip(uint8_t *ip, uint32_t len, bool v6, uint8_t protocol, uint32_t flow,
			 uint64_t *sum)
{
	static const uint8_t prefix6[6] = { 0x20, 0x01, 0x00, 0x02 };

	if (v6) {
		memset(ip, 0, IPV6_HEADER_SIZE);
		ip[0] = 0x60;
		store_be16(ip + 4, (uint16_t)(len - IPV6_HEADER_SIZE));
		ip[6] = protocol;
		ip[7] = 64;
		memcpy(ip + 8, prefix6, sizeof(prefix6));
		store_be16(ip + 22, (uint16_t)flow);
		memcpy(ip + 24, prefix6, sizeof(prefix6));
		ip[35] = 1;
		ip[39] = 1;
		*sum = checksum_add(0, ip + 8, 32);
		return IPV6_HEADER_SIZE;
	}
	memset(ip, 0, IPV4_HEADER_SIZE);
	ip[0] = 0x45;
	store_be16(ip + 2, (uint16_t)len);
	store_be16(ip + 6, 0x4000); /* don't fragment */
	ip[8] = 64;
	ip[9] = protocol;
	store_be16(ip + 12, 198 << 8 | 18);
	store_be16(ip + 14, (uint16_t)flow);
	store_be16(ip + 16, 198 << 8 | 19);
	ip[19] = 1;
	store_be16(ip + 10, checksum_fold(checksum_add(0, ip, IPV4_HEADER_SIZE)));
	*sum = checksum_add(0, ip + 12, 8);
	return IPV4_HEADER_SIZE;
}

/**
 * build_transport() - write a TCP or UDP header and the payload
 * @at:		where
 * @len:	of both, in bytes
 * @sum:	sum of the addresses
 */
static void build_transport(uint8_t *at, uint32_t len, uint8_t protocol, uint32_t flow,
			    uint64_t sum)
{
	bool tcp = protocol == IPPROTO_TCP;
	uint32_t header = tcp ? TCP_HEADER_SIZE : UDP_HEADER_SIZE;
	uint16_t checksum;

	memset(at, 0, header);
	store_be16(at, (uint16_t)(49152 + flow % 16384));
	store_be16(at + 2, 9);
	if (tcp) {
		at[12] = TCP_HEADER_SIZE / 4 << 4;
		at[13] = 0x10; /* ACK */
		store_be16(at + 14, UINT16_MAX);
	} else {
		store_be16(at + 4, (uint16_t)len);
	}
	for (uint32_t i = header; i < len; i++)
		at[i] = (uint8_t)i;
	checksum = checksum_fold(checksum_add(sum + protocol + len, at, len));
	if (!tcp && !checksum)
		checksum = UINT16_MAX; /* RFC 768: zero would mean no checksum */
	store_be16(at + (tcp ? 16 : 6), checksum);
}

/**
 * build() - write the frame of a flow
 * @frame:	generator->size bytes
 */
static void build(const struct generator *generator, const uint8_t *mac, uint32_t flow,
		  uint8_t *frame)
{
	static const uint8_t source[6] = { 0x02, 0x00, 0x5e, 0x00, 0x00, 0x01 };
	enum kind kind = generator->kind == MIXED ? flow % MIXED : generator->kind;
	uint8_t protocol = kind == TCP4 || kind == TCP6 ? IPPROTO_TCP : IPPROTO_UDP;
	bool v6 = kind == UDP6 || kind == TCP6;
	uint8_t *at = frame;
	uint64_t sum;

	memcpy(at, mac, 6);
	memcpy(at + 6, source, 6);
	at += 12;
	if (generator->tagged) {
		store_be16(at, ETHERTYPE_VLAN);
		store_be16(at + 2, generator->vlan);
		at += ETHERNET_VLAN_TAG_SIZE;
	}
	store_be16(at, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	at += 2;
	at += build_ip(at, generator->size - (uint32_t)(at - frame), v6, protocol, flow, &sum);
	build_transport(at, generator->size - (uint32_t)(at - frame), protocol, flow, sum);
}

/**
 * read_options() - the options of the spec, and defaults for the others
 *
 * Return: 0, or -EINVAL with @error set
 */
static int read_options(struct fabric_port *port, struct generator *generator,
			const struct fabric_spec *spec, struct error *error)
{
	uint64_t size = 0, flows = 0, burst = 1, vlan = 0, largest;
	int rc = 0;

	generator->count = UINT64_MAX;
	generator->kind = UDP4;
	for (unsigned int i = 0; i < spec->count && !rc; i++) {
		const struct fabric_option *option = &spec->options[i];

		if (!strcmp(option->key, "size")) {
			rc = fabric_option_number(port, option, 1, FABRIC_FRAME_MAX, &size, error);
		} else if (!strcmp(option->key, "flows")) {
			rc = fabric_option_number(port, option, 1, GENERATOR_FLOWS_MAX, &flows,
						  error);
		} else if (!strcmp(option->key, "burst")) {
			rc = fabric_option_number(port, option, 1, GENERATOR_BURST_MAX, &burst,
						  error);
		} else if (!strcmp(option->key, "rate")) {
			rc = fabric_option_number(port, option, 1, GENERATOR_RATE_MAX,
						  &generator->rate, error);
		} else if (!strcmp(option->key, "count")) {
			rc = fabric_option_number(port, option, 1, UINT64_MAX - 1,
						  &generator->count, error);
		} else if (!strcmp(option->key, "vlan")) {
			rc = fabric_option_number(port, option, 0, 4094, &vlan, error);
			generator->tagged = true;
		} else if (!strcmp(option->key, "proto")) {
			enum kind kind = UDP4;

			while (kind <= MIXED &&
			       (!option->value || strcmp(kinds[kind], option->value)))
				kind++;
			if (kind > MIXED)
				return error_fail(error, -EINVAL,
						  "fabric generator: unknown proto '%s'; write "
						  "udp4, tcp4, udp6, tcp6 or mixed",
						  option->value ? option->value : "");
			generator->kind = kind;
		} else {
			rc = fabric_option_unknown(port, option, error);
		}
	}
	if (rc)
		return rc;

	generator->vlan = (uint16_t)vlan;
	largest = ETHERNET_HEADER_SIZE + (generator->tagged ? ETHERNET_VLAN_TAG_SIZE : 0u) +
		  port->config.mtu;
	if (!size)
		size = smallest(generator) > GENERATOR_SIZE ? smallest(generator) : GENERATOR_SIZE;
	if (size < smallest(generator) || size > largest)
		return error_fail(
			error, -EINVAL,
			"fabric generator: a frame cannot have %llu bytes; with this proto%s and "
			"an MTU of %u it has %u to %llu",
			(unsigned long long)size, generator->tagged ? ", a VLAN tag" : "",
			port->config.mtu, smallest(generator), (unsigned long long)largest);
	if (!flows) {
		flows = (uint64_t)port->config.queues * GENERATOR_FLOWS_PER_QUEUE;
		if (flows < GENERATOR_FLOWS)
			flows = GENERATOR_FLOWS;
		if (flows > GENERATOR_FLOWS_MAX)
			flows = GENERATOR_FLOWS_MAX;
	}
	if (flows * size > GENERATOR_MEMORY_MAX)
		return error_fail(
			error, -EINVAL,
			"fabric generator: %llu flows of %llu bytes need more than %u MB; use "
			"fewer flows",
			(unsigned long long)flows, (unsigned long long)size,
			GENERATOR_MEMORY_MAX >> 20);
	if (flows * burst > GENERATOR_FRAMES_MAX)
		return error_fail(error, -EINVAL,
				  "fabric generator: %llu flows with bursts of %llu are more than "
				  "%u frames; use fewer flows",
				  (unsigned long long)flows, (unsigned long long)burst,
				  GENERATOR_FRAMES_MAX);
	generator->flows = (uint32_t)flows;
	generator->round = (uint32_t)(flows * burst);
	generator->size = (uint32_t)size;
	return 0;
}

/** start_timer() - a descriptor that is readable as often as frames become due; or -errno */
static int start_timer(uint64_t rate)
{
	uint64_t interval = NS_PER_S / rate;
	struct itimerspec when;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (interval < GENERATOR_TICK)
		interval = GENERATOR_TICK;
	when.it_interval.tv_sec = (time_t)(interval / NS_PER_S);
	when.it_interval.tv_nsec = (long)(interval % NS_PER_S);
	when.it_value = when.it_interval;
	if (timerfd_settime(fd, 0, &when, NULL)) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

static void generator_free(struct generator *generator)
{
	free(generator->memory);
	free(generator->iov);
	free(generator->seen);
	free(generator->frames);
	free(generator->lanes);
	free(generator);
}

static int generator_open(struct fabric_port *port, const struct fabric_spec *spec,
			  struct error *error)
{
	struct generator *generator = aligned_alloc(CACHE_LINE, sizeof(*generator));
	size_t stride;
	uint32_t ready, burst;
	int rc;

	if (!generator)
		return error_fail(error, -ENOMEM, "fabric generator: out of memory");
	memset(generator, 0, sizeof(*generator));
	rc = read_options(port, generator, spec, error);
	if (rc)
		goto fail;

	burst = generator->round / generator->flows;
	ready = generator->round + FABRIC_BURST - 1;
	stride = ((size_t)generator->size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	generator->memory = aligned_alloc(CACHE_LINE, generator->flows * stride);
	generator->iov = calloc(generator->flows, sizeof(*generator->iov));
	generator->seen = calloc(generator->flows, sizeof(*generator->seen));
	generator->frames = calloc(ready, sizeof(*generator->frames));
	generator->lanes =
		aligned_alloc(CACHE_LINE, port->config.lanes * sizeof(*generator->lanes));
	if (!generator->memory || !generator->iov || !generator->seen || !generator->frames ||
	    !generator->lanes) {
		rc = error_fail(error, -ENOMEM, "fabric generator: out of memory");
		goto fail;
	}
	for (uint32_t flow = 0; flow < generator->flows; flow++) {
		uint8_t *frame = generator->memory + flow * stride;

		build(generator, port->config.mac, flow, frame);
		generator->iov[flow] =
			(struct iovec){ .iov_base = frame, .iov_len = generator->size };
	}
	for (uint32_t i = 0; i < ready; i++)
		generator->frames[i] = (struct frame){
			.iov = &generator->iov[i / burst % generator->flows],
			.iovcnt = 1,
			.len = generator->size,
			.flags = FRAME_CSUM_VALID,
			.seen = &generator->seen[i / burst % generator->flows],
		};
	for (unsigned int lane = 0; lane < port->config.lanes; lane++)
		generator->lanes[lane].next =
			(uint32_t)((uint64_t)generator->round * lane / port->config.lanes);

	generator->left = generator->count;
	if (generator->rate) {
		rc = start_timer(generator->rate);
		if (rc < 0) {
			rc = error_fail(error, rc, "fabric generator: cannot create a timer: %s",
					error_reason(-rc));
			goto fail;
		}
		port->fd = rc;
		generator->start = clock_ns();
	}
	port->state = generator;
	return 0;
fail:
	generator_free(generator);
	return rc;
}

static void generator_close(struct fabric_port *port)
{
	if (port->fd >= 0)
		close(port->fd);
	generator_free(port->state);
}

static void generator_send(struct fabric_port *port, unsigned int lane, const struct frame *frames,
			   unsigned int n)
{
	fabric_count_sent(port, lane, frames, n);
}

/** finished() - has the vPort accepted the last frame? */
static bool finished(const struct fabric_port *port)
{
	const struct generator *generator = port->state;
	struct fabric_counters counters;

	if (!port->receiver.deliver)
		return true;
	if (generator->count == UINT64_MAX ||
	    atomic_load_explicit(&generator->left, memory_order_relaxed))
		return false;
	/* A lane may still hold some of them, and return them. */
	fabric_counters(port, &counters);
	return counters.rx_frames >= generator->count;
}

/**
 * take_left() - take a share of the count
 * @want:	most frames
 *
 * Return: frames to deliver, or to return
 */
static unsigned int take_left(struct generator *generator, unsigned int want)
{
	uint64_t left = atomic_load_explicit(&generator->left, memory_order_relaxed);
	unsigned int take;

	do {
		take = left < want ? (unsigned int)left : want;
	} while (take && !atomic_compare_exchange_weak_explicit(&generator->left, &left,
								left - take, memory_order_relaxed,
								memory_order_relaxed));
	return take;
}

/** take_due() - the same, of the frames that are due by now at the generator's rate */
static unsigned int take_due(struct generator *generator, unsigned int want)
{
	uint64_t elapsed = clock_ns() - generator->start;
	uint64_t due = (uint64_t)((unsigned __int128)elapsed * generator->rate / NS_PER_S);
	uint64_t backlog = generator->rate / GENERATOR_BACKLOG + 2;
	uint64_t issued = atomic_load_explicit(&generator->issued, memory_order_relaxed);
	uint64_t from;
	unsigned int take;

	do {
		/* Another lane may have read a later clock. */
		if (issued >= due)
			return 0;
		from = due - issued > backlog ? due - backlog : issued;
		take = due - from < want ? (unsigned int)(due - from) : want;
	} while (!atomic_compare_exchange_weak_explicit(&generator->issued, &issued, from + take,
							memory_order_relaxed,
							memory_order_relaxed));
	return take;
}

/** idle() - nothing is due: consume the timer's tick so that the lane can sleep until the next */
static void idle(struct fabric_port *port)
{
	static const struct itimerspec never;
	uint64_t ticks;

	if (finished(port))
		timerfd_settime(port->fd, 0, &never, NULL);
	if (read(port->fd, &ticks, sizeof(ticks)) < 0)
		return; /* EAGAIN: no tick yet, or another lane has consumed it */
}

/**
 * hand_over() - offer @want frames to the vPort; skips flows that have no buffer
 *
 * Return: how many were taken
 */
static unsigned int hand_over(struct fabric_port *port, unsigned int lane, unsigned int want)
{
	struct generator *generator = port->state;
	struct generator_lane *own = &generator->lanes[lane];
	const struct frame *frames = &generator->frames[own->next];
	unsigned int taken = fabric_offer(port, lane, frames, want, frames_bytes(frames, want));

	own->next += want;
	if (own->next >= generator->round)
		own->next %= generator->round;
	return taken;
}

static unsigned int generator_poll(struct fabric_port *port, unsigned int lane, unsigned int budget)
{
	struct generator *generator = port->state;
	bool counted = generator->count != UINT64_MAX;
	unsigned int want = budget, taken;

	if (!port->receiver.deliver)
		return 0;
	if (counted)
		want = take_left(generator, want);
	if (generator->rate) {
		unsigned int due = want ? take_due(generator, want) : 0;

		if (counted && due < want)
			atomic_fetch_add_explicit(&generator->left, want - due,
						  memory_order_relaxed);
		want = due;
		if (!want)
			idle(port);
	}
	if (!want)
		return 0;

	taken = hand_over(port, lane, want);
	if (taken < want) {
		if (counted)
			atomic_fetch_add_explicit(&generator->left, want - taken,
						  memory_order_relaxed);
		if (generator->rate)
			atomic_fetch_sub_explicit(&generator->issued, want - taken,
						  memory_order_relaxed);
	}
	/* The lane is about to wait for the timer, which is readable until its tick is consumed. */
	if (!taken && generator->rate)
		idle(port);
	return taken;
}

static bool generator_is_source(const struct fabric_port *port)
{
	const struct generator *generator = port->state;

	return !generator->rate && !finished(port);
}

const struct fabric_ops fabric_generator = {
	.name = "generator",
	.usage = "generator[:size=BYTES,flows=N,burst=N,rate=PPS,count=N,vlan=ID,"
		 "proto=udp4|tcp4|udp6|tcp6|mixed]",
	.arguments_are_options = true,
	.open = generator_open,
	.close = generator_close,
	.send = generator_send,
	.poll = generator_poll,
	.is_source = generator_is_source,
};
