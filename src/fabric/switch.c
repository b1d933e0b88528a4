/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/switch.c - a learning Ethernet switch between vPorts of one process.
 *
 * Theory of operation
 *
 * Ports that name the same switch are connected, whichever adapters their vPorts belong to. A frame
 * is delivered within fabric_send(), from the sender's memory, with its flags unchanged; if the
 * receiving vPort has no buffer, it is dropped. VLAN tags are neither examined nor changed.
 *
 *	destination				goes to
 *	a vPort's address			that vPort
 *	an address seen in the last 300 s	the port on which it was last seen
 *	any other, broadcast, multicast		every port
 *	01:80:c2:00:00:00 to :0f		none (IEEE 802.1D: not forwarded)
 *
 * and never to the port it came from.
 *
 * There are two tables. A vPort's own address is a static entry in struct view, which changes only
 * when ports come and go, never because of a frame: no vPort can attract another one's frames by
 * sending from its address. Other source addresses are learned in a hash table of fixed size, at
 * most SWITCH_LEARNED_MAX per port, in buckets that a client cannot guess: a client that floods the
 * table fills only its own share; frames to addresses that could not be learned go to every port,
 * as they would without learning.
 *
 * What a frame costs is bounded: after frames that went to many ports a call ends early, and a
 * switch with many ports takes large sends only in segments, so that none is cut for each of them.
 *
 * Threads. Lanes read without a lock. An entry is a single word, address and port together, so that
 * it cannot be seen half written; entries are added and removed under a lock for which a lane uses
 * trylock: if it is taken, the address is learned from a later frame. The view is replaced as a
 * whole: the control thread publishes a new one and waits until each lane has been seen outside
 * fabric_send(), or in a later call, before it frees the old view or the port that has left. For
 * this purpose each lane increments a number, in its own cache line, when it enters and when it
 * leaves; an odd number means inside.
 */
#include "fabric/port.h"

#include "base/log.h"
#include "base/uninitialized.h"
#include "base/mac.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define SWITCH_DEFAULT       "default" /* name of the switch if none is given */
#define SWITCH_NAME_MAX      63u       /* characters */
#define SWITCH_PORTS_MAX     64u
#define SWITCH_STATIC_SLOTS  256u  /* a power of two, several times SWITCH_PORTS_MAX */
#define SWITCH_LEARNED_MAX   64u   /* addresses learned per port */
#define SWITCH_BUCKETS       1024u /* twice what all ports can learn, divided by 8 */
#define SWITCH_BUCKET_SLOTS  8u
#define SWITCH_AGE           300u /* seconds until an address that is not seen is forgotten */
#define SWITCH_AGE_MAX       1000000u
#define SWITCH_SWEEP         10u             /* seconds between two searches for such addresses */
#define SWITCH_ADDRESSES     12u             /* bytes of a frame that the switch examines */
#define SWITCH_GSO_PORTS     8u              /* a switch with more gets large sends in segments */
#define SWITCH_RESERVED      0x0180c2000000u /* and the fifteen that follow */

/* Where a frame goes, if not to the port with that index. */
#define TO_ALL               SWITCH_PORTS_MAX
#define TO_NONE              (SWITCH_PORTS_MAX + 1)
#define TO_DROP              (SWITCH_PORTS_MAX + 2) /* too short to have addresses */

/* An address and a port in one word; 0 is an empty slot. */
#define ENTRY(address, port) ((uint64_t)(address) << 16 | ((port) + 1u))
#define ENTRY_ADDRESS(entry) ((entry) >> 16)
#define ENTRY_PORT(entry)    ((unsigned int)((entry)&0xffff) - 1u)

/**
 * struct view - the ports at one time; immutable once published
 * @ports:	by index; NULL where there is none
 * @used:	indices in use
 * @used_count:	of @used
 * @stations:	the vPorts' own addresses: a hash table with linear probing
 */
struct view {
	struct fabric_port *ports[SWITCH_PORTS_MAX];
	uint8_t used[SWITCH_PORTS_MAX];
	unsigned int used_count;
	uint64_t stations[SWITCH_STATIC_SLOTS];
};

/* A learned address, and when it was last seen (seconds). */
struct learned {
	_Atomic uint64_t entry;
	_Atomic uint32_t seen;
};

/* Odd while the lane reads the view; in a separate cache line. */
struct switch_lane {
	_Alignas(CACHE_LINE) _Atomic uint64_t turn;
};

/**
 * struct ethernet_switch - one switch
 * @next:	in the list of all
 * @view:	the ports; replaced under switches_lock
 * @age:	seconds until an address that is not seen is forgotten
 * @lanes, @lane_count: one per lane
 * @secret:	keeps clients from guessing buckets
 * @buckets:	the learned addresses
 * @learning:	held to add to or remove from @buckets
 * @learned_count: for each port: its entries; written under @learning
 * @swept:	when old entries were last searched for, in seconds
 */
struct ethernet_switch {
	struct ethernet_switch *next;
	char name[SWITCH_NAME_MAX + 1];
	_Atomic(struct view *) view;
	uint32_t age;
	struct switch_lane *lanes;
	unsigned int lane_count;
	uint64_t secret;
	struct learned (*buckets)[SWITCH_BUCKET_SLOTS];
	pthread_mutex_t learning;
	_Atomic uint32_t learned_count[SWITCH_PORTS_MAX];
	_Atomic uint32_t swept;
};

/**
 * struct switch_port - a port's own state
 * @owner:	its switch
 * @index:	in struct view
 * @address:	the vPort's
 * @spare:	the view without it, so that leaving needs no allocation
 * @said:	it has been logged that it sends from another vPort's address
 */
struct switch_port {
	struct ethernet_switch *owner;
	unsigned int index;
	uint64_t address;
	struct view *spare;
	atomic_bool said;
};

static pthread_mutex_t switches_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ethernet_switch *switches;

/** seconds() - the clock for the ageing of addresses: coarse, and therefore cheap */
static uint32_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)now.tv_sec;
}

/** since() - seconds from @then to @now; 0 if another lane's clock was ahead of this one's */
static uint32_t since(uint32_t now, uint32_t then)
{
	return (int32_t)(now - then) < 0 ? 0 : now - then;
}

/** load_address() - six bytes as a number; the first byte is the highest */
static uint64_t load_address(const uint8_t *from)
{
	return (uint64_t)load_be16(from) << 32 | (uint64_t)load_be16(from + 2) << 16 |
	       load_be16(from + 4);
}

/* An address as text. */
struct address_text {
	char text[MAC_TEXT];
};

static struct address_text print_address(uint64_t address)
{
	struct address_text to;
	uint8_t mac[6];

	for (unsigned int i = 0; i < sizeof(mac); i++)
		mac[i] = (uint8_t)(address >> (40 - 8 * i));
	mac_text(mac, to.text);
	return to;
}

static bool is_multicast(uint64_t address)
{
	return address >> 40 & ETHERNET_MULTICAST_BIT;
}

/** mix() - spread a number's bits (the finalizer of MurmurHash3) */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdu;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53u;
	return x ^ x >> 33;
}

/** find_station() - the port of the vPort with that address; TO_ALL if there is none */
static unsigned int find_station(const struct view *view, uint64_t address)
{
	uint64_t slot = mix(address);

	for (;; slot++) {
		uint64_t entry = view->stations[slot % SWITCH_STATIC_SLOTS];

		if (!entry)
			return TO_ALL;
		if (ENTRY_ADDRESS(entry) == address)
			return ENTRY_PORT(entry);
	}
}

static struct learned *bucket_of(const struct ethernet_switch *sw, uint64_t address)
{
	return sw->buckets[mix(address ^ sw->secret) % SWITCH_BUCKETS];
}

/** find_learned() - the slot that holds an address; NULL if none does */
static struct learned *find_learned(const struct ethernet_switch *sw, uint64_t address)
{
	struct learned *slot = bucket_of(sw, address);

	for (unsigned int i = 0; i < SWITCH_BUCKET_SLOTS; i++, slot++) {
		uint64_t entry = atomic_load_explicit(&slot->entry, memory_order_relaxed);

		if (entry && ENTRY_ADDRESS(entry) == address)
			return slot;
	}
	return NULL;
}

/** forget() - empty a slot; under sw->learning */
static void forget(struct ethernet_switch *sw, struct learned *slot, uint64_t entry)
{
	atomic_store_explicit(&slot->entry, 0, memory_order_relaxed);
	atomic_fetch_sub_explicit(&sw->learned_count[ENTRY_PORT(entry)], 1, memory_order_relaxed);
}

/**
 * sweep() - forget addresses that have not been seen for long; under sw->learning
 * @now:	in seconds
 * @port:	forget everything on this port too; TO_NONE for no port
 */
static void sweep(struct ethernet_switch *sw, uint32_t now, unsigned int port)
{
	struct learned *slot = sw->buckets[0];

	for (unsigned int i = 0; i < SWITCH_BUCKETS * SWITCH_BUCKET_SLOTS; i++, slot++) {
		uint64_t entry = atomic_load_explicit(&slot->entry, memory_order_relaxed);
		uint32_t seen = atomic_load_explicit(&slot->seen, memory_order_relaxed);

		if (entry && (ENTRY_PORT(entry) == port || since(now, seen) > sw->age))
			forget(sw, slot, entry);
	}
	atomic_store_explicit(&sw->swept, now, memory_order_relaxed);
}

/**
 * add() - learn an address, or that it has moved; under sw->learning
 * @port:	index of its port
 * @now:	in seconds
 */
static void add(struct ethernet_switch *sw, uint64_t address, unsigned int port, uint32_t now)
{
	struct learned *slot = find_learned(sw, address), *bucket = bucket_of(sw, address);
	uint64_t entry;

	for (unsigned int i = 0; i < SWITCH_BUCKET_SLOTS && !slot; i++) {
		if (!atomic_load_explicit(&bucket[i].entry, memory_order_relaxed))
			slot = &bucket[i];
	}
	if (!slot)
		return;
	entry = atomic_load_explicit(&slot->entry, memory_order_relaxed);
	if (entry == ENTRY(address, port))
		return; /* another lane was faster */
	if (entry)
		forget(sw, slot, entry);
	atomic_store_explicit(&slot->seen, now, memory_order_relaxed);
	atomic_store_explicit(&slot->entry, ENTRY(address, port), memory_order_relaxed);
	atomic_fetch_add_explicit(&sw->learned_count[port], 1, memory_order_relaxed);
}

/**
 * learn() - note where a frame came from
 * @source:	its source address, not the address of the port's own vPort
 * @now:	in seconds
 */
static void learn(struct ethernet_switch *sw, const struct view *view, struct switch_port *from,
		  uint64_t source, uint32_t now)
{
	struct learned *slot;
	uint64_t entry;

	if (is_multicast(source) || !source)
		return;
	if (find_station(view, source) != TO_ALL) {
		log_once(&from->said, LOG_WARNING,
			 "switch %s: the vPort %s sends from %s, another vPort's address; frames "
			 "for that address still go to that vPort",
			 sw->name, print_address(from->address).text, print_address(source).text);
		return;
	}
	slot = find_learned(sw, source);
	if (slot) {
		entry = atomic_load_explicit(&slot->entry, memory_order_relaxed);
		if (entry == ENTRY(source, from->index)) {
			/* At most once per second: the line is shared with other lanes. */
			if (atomic_load_explicit(&slot->seen, memory_order_relaxed) != now)
				atomic_store_explicit(&slot->seen, now, memory_order_relaxed);
			return;
		}
	}
	if (atomic_load_explicit(&sw->learned_count[from->index], memory_order_relaxed) >=
	    SWITCH_LEARNED_MAX)
		return;
	if (pthread_mutex_trylock(&sw->learning))
		return;
	if (atomic_load_explicit(&sw->learned_count[from->index], memory_order_relaxed) <
	    SWITCH_LEARNED_MAX)
		add(sw, source, from->index, now);
	pthread_mutex_unlock(&sw->learning);
}

/** look_up() - the destination of frames to an address */
static unsigned int look_up(const struct ethernet_switch *sw, const struct view *view,
			    const struct switch_port *from, uint64_t destination, uint32_t now)
{
	unsigned int to;

	if (is_multicast(destination))
		return (destination & ~0xfull) == SWITCH_RESERVED ? TO_NONE : TO_ALL;
	to = find_station(view, destination);
	if (to == TO_ALL) {
		const struct learned *slot = find_learned(sw, destination);

		if (slot && since(now, atomic_load_explicit(&slot->seen, memory_order_relaxed)) <=
				    sw->age) {
			uint64_t entry = atomic_load_explicit(&slot->entry, memory_order_relaxed);

			/* The slot may have been emptied or taken by another address meanwhile. */
			if (entry && ENTRY_ADDRESS(entry) == destination &&
			    view->ports[ENTRY_PORT(entry)])
				to = ENTRY_PORT(entry);
		}
	}
	return to == from->index ? TO_NONE : to;
}

/**
 * hand_out() - deliver frames with the same destination
 * @to:		index of a port, or TO_ALL
 */
static void hand_out(const struct view *view, const struct switch_port *from, unsigned int lane,
		     unsigned int to, const struct frame *frames, unsigned int n)
{
	uint64_t bytes = frames_bytes(frames, n);

	if (to != TO_ALL) {
		fabric_offer_or_drop(view->ports[to], lane, frames, n, bytes);
		return;
	}
	for (unsigned int i = 0; i < view->used_count; i++) {
		if (view->used[i] != from->index)
			fabric_offer_or_drop(view->ports[view->used[i]], lane, frames, n, bytes);
	}
}

/**
 * pass_on() - deliver a burst with one call per destination
 * @to:		for each frame, where it goes
 */
static void pass_on(const struct view *view, const struct switch_port *from, unsigned int lane,
		    const struct frame *frames, const uint8_t *to, unsigned int n)
{
	struct frame gathered[FABRIC_BURST] uninitialized;
	uint64_t left = 0;

	for (unsigned int i = 0; i < n; i++)
		left |= (uint64_t)(to[i] <= TO_ALL) << i;
	while (left) {
		unsigned int first = (unsigned int)__builtin_ctzll(left), end = first, count = 0;
		uint64_t same = 0;

		while (end < n && to[end] == to[first])
			end++;
		for (unsigned int i = first; i < n; i++)
			same |= (uint64_t)(to[i] == to[first]) << i;
		left &= ~same;
		/* They are usually adjacent already. */
		if (__builtin_popcountll(same) == (int)(end - first)) {
			hand_out(view, from, lane, to[first], frames + first, end - first);
			continue;
		}
		for (; same; same &= same - 1)
			gathered[count++] = frames[__builtin_ctzll(same)];
		hand_out(view, from, lane, to[first], gathered, count);
	}
}

/** flood_cost() - what it costs to deliver a frame to every port but its own, at most */
static uint64_t flood_cost(const struct view *view, const struct frame *frame)
{
	uint64_t each = BUDGET_PACKET + budget_bytes(frame->len);

	if (frame->flags & FRAME_GSO)
		each += (uint64_t)frame->len / frame->gso_size * BUDGET_SEGMENT;
	return each * (view->used_count - 1);
}

/**
 * forward() - decide on each frame of a burst, and pass it on
 * @view:	does not change during the call
 *
 * Return: how many; fewer than @n after frames that went to many ports
 */
static unsigned int forward(struct fabric_port *port, const struct view *view, unsigned int lane,
			    const struct frame *frames, unsigned int n)
{
	struct fabric_counters *counters = &port->lanes[lane].counters;
	struct switch_port *from = port->state;
	struct ethernet_switch *sw = from->owner;
	uint32_t now = seconds();
	uint64_t last_source = from->address, last_destination = UINT64_MAX;
	unsigned int last_to = TO_NONE, flooded = 0, filtered = 0, dropped = 0;
	uint8_t to[FABRIC_BURST] uninitialized;
	uint64_t cost = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint8_t addresses[SWITCH_ADDRESSES];
		uint64_t destination, source;

		if (frames[i].len < ETHERNET_HEADER_SIZE ||
		    frame_copy(&frames[i], addresses, sizeof(addresses)) < sizeof(addresses)) {
			to[i] = TO_DROP;
			dropped++;
			continue;
		}
		destination = load_address(addresses);
		source = load_address(addresses + 6);
		if (source != last_source && source != from->address)
			learn(sw, view, from, source, now);
		last_source = source;
		if (destination != last_destination)
			last_to = look_up(sw, view, from, destination, now);
		last_destination = destination;
		if (last_to == TO_ALL && view->used_count > 1) {
			flooded++;
			cost += flood_cost(view, &frames[i]);
		} else if (last_to == TO_NONE || last_to == TO_ALL) {
			filtered++;
		}
		to[i] = (uint8_t)last_to;
		if (cost > BUDGET_TURN)
			n = i + 1;
	}
	if (!dropped)
		fabric_count_sent(port, lane, frames, n);
	for (unsigned int i = 0; dropped && i < n; i++) {
		if (to[i] != TO_DROP)
			fabric_count_sent(port, lane, &frames[i], 1);
	}
	if (flooded)
		counter_add(&counters->tx_flooded, flooded);
	if (filtered)
		counter_add(&counters->tx_filtered, filtered);
	if (dropped)
		counter_add(&counters->tx_dropped, dropped);
	pass_on(view, from, lane, frames, to, n);

	if (since(now, atomic_load_explicit(&sw->swept, memory_order_relaxed)) >= SWITCH_SWEEP &&
	    !pthread_mutex_trylock(&sw->learning)) {
		if (since(now, atomic_load_explicit(&sw->swept, memory_order_relaxed)) >=
		    SWITCH_SWEEP)
			sweep(sw, now, TO_NONE);
		pthread_mutex_unlock(&sw->learning);
	}
	return n;
}

static unsigned int switch_send(struct fabric_port *port, unsigned int lane,
				const struct frame *frames, unsigned int n)
{
	struct switch_port *from = port->state;
	struct switch_lane *own = &from->owner->lanes[lane];

	/*
	 * In one order for all (seq_cst): either the control thread sees that the lane is
	 * inside, or the lane sees the new view.
	 */
	atomic_fetch_add(&own->turn, 1);
	n = forward(port, atomic_load(&from->owner->view), lane, frames, n);
	atomic_fetch_add_explicit(&own->turn, 1, memory_order_release);
	return n;
}

/**
 * publish() - replace a switch's view; under switches_lock
 * @fresh:	the new one
 *
 * On return no lane uses the old one, which is freed, nor a port that is only in it.
 */
static void publish(struct ethernet_switch *sw, struct view *fresh)
{
	struct view *old = atomic_exchange(&sw->view, fresh);
	unsigned int caps = FABRIC_CSUM;

	if (fresh->used_count <= SWITCH_GSO_PORTS)
		caps |= FABRIC_GSO;
	for (unsigned int i = 0; i < fresh->used_count; i++)
		fabric_set_caps(fresh->ports[fresh->used[i]], caps);
	for (unsigned int lane = 0; lane < sw->lane_count; lane++) {
		uint64_t turn = atomic_load(&sw->lanes[lane].turn);

		while (turn & 1 && atomic_load(&sw->lanes[lane].turn) == turn)
			sched_yield();
	}
	free(old);
}

/** add_station() - put a vPort's address into a view under construction */
static void add_station(struct view *view, uint64_t address, unsigned int index)
{
	uint64_t slot = mix(address);

	while (view->stations[slot % SWITCH_STATIC_SLOTS])
		slot++;
	view->stations[slot % SWITCH_STATIC_SLOTS] = ENTRY(address, index);
}

/**
 * fill_view() - build a view
 * @ports:	by index; NULL where there is none
 */
static void fill_view(struct view *view, struct fabric_port *const *ports)
{
	memset(view, 0, sizeof(*view));
	for (unsigned int i = 0; i < SWITCH_PORTS_MAX; i++) {
		const struct switch_port *state;

		if (!ports[i])
			continue;
		state = ports[i]->state;
		view->ports[i] = ports[i];
		view->used[view->used_count++] = (uint8_t)i;
		add_station(view, state->address, i);
	}
}

static void switch_free(struct ethernet_switch *sw)
{
	pthread_mutex_destroy(&sw->learning);
	free(atomic_load(&sw->view));
	free(sw->lanes);
	free(sw->buckets);
	free(sw);
}

/** switch_new() - a switch without ports; NULL when out of memory */
static struct ethernet_switch *switch_new(const char *name, unsigned int lanes, uint32_t age)
{
	struct ethernet_switch *sw = calloc(1, sizeof(*sw));

	if (!sw)
		return NULL;
	pthread_mutex_init(&sw->learning, NULL);
	strcpy(sw->name, name);
	atomic_store(&sw->view, calloc(1, sizeof(struct view)));
	sw->age = age;
	sw->lane_count = lanes;
	sw->lanes = aligned_alloc(CACHE_LINE, lanes * sizeof(*sw->lanes));
	sw->buckets = calloc(SWITCH_BUCKETS, sizeof(*sw->buckets));
	if (!atomic_load(&sw->view) || !sw->lanes || !sw->buckets ||
	    getrandom(&sw->secret, sizeof(sw->secret), 0) != sizeof(sw->secret)) {
		switch_free(sw);
		return NULL;
	}
	memset(sw->lanes, 0, lanes * sizeof(*sw->lanes));
	return sw;
}

/** find_switch() - by name; NULL if there is none. Under switches_lock */
static struct ethernet_switch *find_switch(const char *name)
{
	struct ethernet_switch *sw = switches;

	while (sw && strcmp(sw->name, name))
		sw = sw->next;
	return sw;
}

/**
 * join() - add a port to a switch; under switches_lock
 * @sw:		the switch
 * @state:	the port's state; owner and index are set
 *
 * Return: 0, or negative errno with @error set
 */
static int join(struct ethernet_switch *sw, struct fabric_port *port, struct switch_port *state,
		struct error *error)
{
	struct view *now = atomic_load(&sw->view), *fresh;
	struct fabric_port *ports[SWITCH_PORTS_MAX];
	unsigned int index = 0;

	if (port->config.lanes != sw->lane_count)
		return error_fail(error, -EINVAL,
				  "fabric switch: a port for %u lanes cannot join switch %s, which "
				  "has %u",
				  port->config.lanes, sw->name, sw->lane_count);
	if (find_station(now, state->address) != TO_ALL)
		return error_fail(error, -EEXIST,
				  "fabric switch: another vPort on switch "
				  "%s has the address %s; give each its own",
				  sw->name, print_address(state->address).text);
	while (index < SWITCH_PORTS_MAX && now->ports[index])
		index++;
	if (index == SWITCH_PORTS_MAX)
		return error_fail(error, -ENOSPC,
				  "fabric switch: switch %s has %u ports and no room for more; use "
				  "another switch",
				  sw->name, SWITCH_PORTS_MAX);
	fresh = malloc(sizeof(*fresh));
	state->spare = malloc(sizeof(*state->spare));
	if (!fresh || !state->spare) {
		free(fresh);
		free(state->spare);
		return error_fail(error, -ENOMEM, "fabric switch: out of memory");
	}

	state->owner = sw;
	state->index = index;
	port->state = state;
	memcpy(ports, now->ports, sizeof(ports));
	ports[index] = port;
	fill_view(fresh, ports);
	publish(sw, fresh);
	return 0;
}

/** discard() - remove an empty switch from the list and free it; under switches_lock */
static void discard(struct ethernet_switch *sw)
{
	struct ethernet_switch **link = &switches;

	while (*link != sw)
		link = &(*link)->next;
	*link = sw->next;
	switch_free(sw);
}

static int switch_open(struct fabric_port *port, const struct fabric_spec *spec,
		       struct error *error)
{
	const char *name = spec->argument ? spec->argument : SWITCH_DEFAULT;
	uint64_t address = load_address(port->config.mac);
	struct switch_port *state;
	struct ethernet_switch *sw;
	uint64_t age = 0;
	int rc;

	for (unsigned int i = 0; i < spec->count; i++) {
		if (strcmp(spec->options[i].key, "age"))
			return fabric_option_unknown(port, &spec->options[i], error);
		rc = fabric_option_number(port, &spec->options[i], 1, SWITCH_AGE_MAX, &age, error);
		if (rc)
			return rc;
	}
	if (!*name || strlen(name) > SWITCH_NAME_MAX)
		return error_fail(
			error, -EINVAL,
			"fabric switch: a switch's name has 1 to %u characters, '%s' has %zu",
			SWITCH_NAME_MAX, name, strlen(name));
	if (!address || is_multicast(address))
		return error_fail(error, -EINVAL, "fabric switch: %s is not a unicast address",
				  print_address(address).text);
	state = calloc(1, sizeof(*state));
	if (!state)
		return error_fail(error, -ENOMEM, "fabric switch: out of memory");
	state->address = address;

	pthread_mutex_lock(&switches_lock);
	sw = find_switch(name);
	if (!sw) {
		sw = switch_new(name, port->config.lanes, age ? (uint32_t)age : SWITCH_AGE);
		if (sw) {
			sw->next = switches;
			switches = sw;
		}
	}
	if (!sw)
		rc = error_fail(error, -ENOMEM, "fabric switch: out of memory");
	else if (age && age != sw->age)
		rc = error_fail(
			error, -EINVAL,
			"fabric switch: switch %s already has an age of %u s; give all its ports "
			"the same",
			sw->name, sw->age);
	else
		rc = join(sw, port, state, error);
	if (rc) {
		if (sw && !atomic_load(&sw->view)->used_count)
			discard(sw);
		free(state);
	}
	pthread_mutex_unlock(&switches_lock);
	return rc;
}

static void switch_close(struct fabric_port *port)
{
	struct switch_port *state = port->state;
	struct ethernet_switch *sw = state->owner;
	struct fabric_port *ports[SWITCH_PORTS_MAX];

	pthread_mutex_lock(&switches_lock);
	memcpy(ports, atomic_load(&sw->view)->ports, sizeof(ports));
	ports[state->index] = NULL;
	fill_view(state->spare, ports);
	publish(sw, state->spare);
	/* The index is free from now on: nothing may refer to its next owner. */
	pthread_mutex_lock(&sw->learning);
	sweep(sw, seconds(), state->index);
	pthread_mutex_unlock(&sw->learning);
	if (!atomic_load(&sw->view)->used_count)
		discard(sw);
	pthread_mutex_unlock(&switches_lock);
	free(state);
}

const struct fabric_ops fabric_switch = {
	.name = "switch",
	.usage = "switch[:NAME][+age=SECONDS]",
	.open = switch_open,
	.close = switch_close,
	.send_some = switch_send,
};
