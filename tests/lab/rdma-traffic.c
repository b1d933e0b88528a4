/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rdma-traffic.c - RC queue pairs between two processes: every byte and every completion is checked.
 *
 * usage: rdma-traffic -a OWN_ADDRESS [OPTION...] [SERVER]
 *
 *   -a ADDRESS	IPv4 or IPv6: its GID is used, and the server listens there
 *   -l ADDRESS	the server listens there instead
 *   -d NAME	of the devices, only those whose names begin so
 *   -n BATCHES	how many (default 4); 0: until one end gets SIGTERM
 *   -o OPS	requests in a batch, of each queue pair (64)
 *   -q PAIRS	queue pairs (1)
 *   -b		the server posts requests, too
 *   -s BYTES	longest message (65536)
 *   -k KINDS	of "siwWr": SEND, SEND with immediate, WRITE, WRITE with immediate, READ (all)
 *   -g SGES	up to that many elements in an entry (1)
 *   -m MTU	path MTU (1024)
 *   -t CODE	ack timeout: 4.096 us * 2^CODE (16)
 *   -r RANDOM	seed (1)
 *   -e		wait for completions with events
 *   -c CYCLES	create all objects, run, destroy all: that many times (1)
 *   -x BATCH	the client destroys its first queue pair in the middle of this batch, counted from 1;
 *		the others go on
 *   -K BATCH	the client kills itself in the middle of this batch
 *   -w SECONDS	give up after so long without progress (200)
 *
 * Both ends get the same options, but for -a, -l, -d, -e and -w. Status: 0 all is right; 1 something is not;
 * 3 the peer has left, and our queue pairs ended in error; 4 one did, and the peer is still there.
 *
 * Theory of operation
 * -------------------
 * Both ends compute the same plan of a batch from the seed: kind, size and place of each request.
 * A request has a slot at the same offset in an arena at either end. The bytes that it carries
 * follow from the seed, too. What will be written to is poisoned first, and each slot ends with
 * a guard that nothing may touch.
 *
 * When a completion comes, what it promises is compared: a READ's bytes; or a message's, and those
 * of all WRITEs before it. Its wr_id must be the next one. After a batch, when the peer is done too,
 * no other completion may come, and all arenas are compared, sources and guards included.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "rdma-plan.h"

#define PAIRS_MAX     64
#define SGES_MAX      16
#define SEND_DEPTH    32
#define RECEIVE_DEPTH 8
#define PORT          "18655"
#define RECEIVE       (1ull << 31) /* in a wr_id */

struct pair {
	struct ibv_qp *qp;
	struct ibv_mr *mr;
	struct flow out, in;
	uint8_t *memory;
	uint32_t receives; /* posted, not completed */
	bool leaving;      /* in this batch it is destroyed by one of us */
	bool gone;
	bool fatal;
};

/* What one end tells the other of a queue pair */
struct card {
	uint64_t out, in; /* addresses of arenas */
	uint32_t qpn, psn, rkey;
	union ibv_gid gid;
};

static struct {
	const char *own, *listens, *device, *server;
	unsigned int seed, batches, ops, pairs, mtu, timeout, cycles, destroy, kill, patience;
	struct limits limits;
	bool both, events;
} options = { .device = "",
	      .limits = { .kinds = kind_names, .longest = 65536, .sges = 1 },
	      .seed = 1,
	      .batches = 4,
	      .ops = 64,
	      .pairs = 1,
	      .mtu = 1024,
	      .timeout = 16,
	      .cycles = 1,
	      .patience = 200 };

static struct ibv_context *context;
static struct ibv_pd *domain;
static struct ibv_comp_channel *channel;
static struct ibv_cq *queues[2]; /* of requests, and of receives; a server has one for both */
static struct pair pairs[PAIRS_MAX];
static struct card cards[PAIRS_MAX]; /* the peer's */
static int peer = -1, gid_index;
static union ibv_gid own_gid;
static unsigned int batch;
static uint64_t messages, bytes;
static time_t progress, began;
static bool alone;                    /* the peer has left */
static volatile sig_atomic_t stopped; /* after this batch */

static __attribute__((noreturn, format(printf, 2, 3))) void end(int status, const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fprintf(stderr, "%s, batch %u: ", options.server ? "client" : "server", batch + 1);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	for (unsigned int i = 0; i < options.pairs; i++) {
		const struct pair *pair = &pairs[i];

		fprintf(stderr,
			"  queue pair %u%s: requests: %u of %u posted, %u completed; received up to %u of %u, "
			"%u receives\n",
			i, pair->gone ? " (destroyed)" : "", pair->out.posted, pair->out.count,
			pair->out.done, pair->in.done, pair->in.count, pair->receives);
	}
	exit(status);
}

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/* ---- Bytes ---- */

static void compare(const struct flow *flow, uint32_t i, const char *what)
{
	const struct op *op = &flow->ops[i];

	if (difference(flow, op) < op->size)
		end(1, "%s: request %u ('%c', %u bytes) differs at byte %u", what, i,
		    kind_names[op->kind], op->size, difference(flow, op));
}

/* Is all of the batch's memory as it has to be? */
static void compare_all(const struct flow *flow, bool target)
{
	size_t at = damage(flow, target);
	uint32_t i = 0;

	if (at == flow->size)
		return;
	while (i + 1 < flow->count && flow->ops[i + 1].offset <= at)
		i++;
	end(1, "%s's memory is damaged, %zd bytes after the start of request %u ('%c', %u bytes)",
	    target ? "the target" : "the requester", (ssize_t)(at - flow->ops[i].offset), i,
	    kind_names[flow->ops[i].kind], flow->ops[i].size);
}

/* ---- The peer ---- */

/* Whoever reads the answer notices that the peer has left. */
static void tell(const void *data, size_t size)
{
	if (send(peer, data, size, MSG_NOSIGNAL) != (ssize_t)size && errno != EPIPE &&
	    errno != ECONNRESET)
		end(1, "the peer cannot be told: %s", strerror(errno));
}

static bool peer_left(void)
{
	struct pollfd poll_peer = { .fd = peer, .events = POLLRDHUP };

	return poll(&poll_peer, 1, 0) > 0 && poll_peer.revents;
}

static void connect_peer(void)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST },
			*address;
	int listener, one = 1;

	if (!options.listens)
		options.listens = options.own;
	if (getaddrinfo(options.server ? options.server : options.listens, PORT, &hints, &address))
		end(1, "%s is no address", options.server ? options.server : options.listens);
	if (options.server) {
		do {
			if (now() - progress > (time_t)options.patience)
				end(1, "no connection to %s: %s", options.server, strerror(errno));
			if (peer >= 0)
				usleep(50000);
			close(peer);
			peer = socket(address->ai_family, SOCK_STREAM, 0);
		} while (connect(peer, address->ai_addr, address->ai_addrlen));
	} else {
		listener = socket(address->ai_family, SOCK_STREAM, 0);
		setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		alarm(options.patience);
		if (bind(listener, address->ai_addr, address->ai_addrlen) || listen(listener, 1))
			end(1, "cannot listen: %s", strerror(errno));
		peer = accept(listener, NULL, NULL);
		alarm(0);
		close(listener);
	}
	if (peer < 0)
		end(1, "no connection: %s", strerror(errno));
	freeaddrinfo(address);
	/* A guest that is killed says nothing. */
	setsockopt(peer, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(peer, IPPROTO_TCP, TCP_KEEPIDLE, &(int){ 20 }, sizeof(int));
	setsockopt(peer, IPPROTO_TCP, TCP_KEEPINTVL, &(int){ 10 }, sizeof(int));
	setsockopt(peer, IPPROTO_TCP, TCP_KEEPCNT, &(int){ 6 }, sizeof(int));
	setsockopt(peer, IPPROTO_TCP, TCP_USER_TIMEOUT, &(int){ 80000 }, sizeof(int));
}

/* ---- Objects ---- */

/* Look for the GID of our own address in an adapter */
static bool has_gid(const union ibv_gid *wanted)
{
	union ibv_gid gid;
	struct ibv_port_attr port;

	if (ibv_query_port(context, 1, &port))
		return false;
	for (gid_index = 0; gid_index < port.gid_tbl_len; gid_index++) {
		if (!ibv_query_gid(context, 1, gid_index, &gid) &&
		    !memcmp(&gid, wanted, sizeof(gid)))
			return true;
	}
	return false;
}

/* Open the adapter that has our own address; the kernel adds the GID a moment after the address */
static void open_device(void)
{
	struct ibv_device **list = ibv_get_device_list(NULL);

	own_gid = (union ibv_gid){ .raw = { [10] = 0xff, [11] = 0xff } };
	if (inet_pton(AF_INET, options.own, &own_gid.raw[12]) != 1 &&
	    inet_pton(AF_INET6, options.own, &own_gid) != 1)
		end(1, "%s is no address", options.own);
	for (; now() - progress <= (time_t)options.patience && !context; usleep(50000)) {
		for (struct ibv_device **device = list; list && *device && !context; device++) {
			if (strncmp(ibv_get_device_name(*device), options.device,
				    strlen(options.device)))
				continue;
			context = ibv_open_device(*device);
			if (context && !has_gid(&own_gid)) {
				ibv_close_device(context);
				context = NULL;
			}
		}
	}
	if (!context)
		end(1, "no adapter has a GID for %s", options.own);
	ibv_free_device_list(list);
	fcntl(context->async_fd, F_SETFL, O_NONBLOCK);
}

static void create_pair(struct pair *pair)
{
	struct ibv_qp_init_attr init = { .send_cq = queues[0],
					 .recv_cq = queues[1],
					 .qp_type = IBV_QPT_RC,
					 .cap = { .max_send_wr = SEND_DEPTH,
						  .max_recv_wr = RECEIVE_DEPTH,
						  .max_send_sge = options.limits.sges,
						  .max_recv_sge = options.limits.sges } };
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_INIT,
				    .port_num = 1,
				    .qp_access_flags =
					    IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ };

	pair->in.size = pair->out.size = arena_size(options.ops, options.limits.longest);
	pair->memory = malloc(2 * pair->in.size);
	pair->out.arena = pair->memory;
	pair->in.arena = pair->memory + pair->out.size;
	pair->out.ops = calloc(options.ops, sizeof(struct op));
	pair->in.ops = calloc(options.ops, sizeof(struct op));
	if (!pair->memory || !pair->out.ops || !pair->in.ops)
		end(1, "out of memory");
	pair->mr = ibv_reg_mr(domain, pair->memory, 2 * pair->in.size,
			      IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
				      IBV_ACCESS_REMOTE_READ);
	if (!pair->mr)
		end(1, "no memory region: %s", strerror(errno));
	pair->qp = ibv_create_qp(domain, &init);
	if (!pair->qp)
		end(1, "no queue pair: %s", strerror(errno));
	if (ibv_modify_qp(pair->qp, &attr,
			  IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS))
		end(1, "queue pair not to INIT: %s", strerror(errno));
}

static void connect_pair(struct pair *pair, const struct card *card, uint32_t psn)
{
	enum ibv_mtu mtu = IBV_MTU_256;
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RTR,
				    .dest_qp_num = card->qpn,
				    .rq_psn = card->psn,
				    .max_dest_rd_atomic = 8,
				    .min_rnr_timer = 12,
				    .timeout = (uint8_t)options.timeout,
				    .retry_cnt = 7,
				    .rnr_retry = 7,
				    .max_rd_atomic = 8,
				    .sq_psn = psn,
				    .ah_attr = { .is_global = 1,
						 .port_num = 1,
						 .grh = { .dgid = card->gid,
							  .sgid_index = (uint8_t)gid_index,
							  .hop_limit = 64 } } };

	while (128u << mtu < options.mtu)
		mtu++;
	attr.path_mtu = mtu;
	if (ibv_modify_qp(pair->qp, &attr,
			  IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
				  IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER))
		end(1, "queue pair not to RTR: %s", strerror(errno));
	attr.qp_state = IBV_QPS_RTS;
	if (ibv_modify_qp(pair->qp, &attr,
			  IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
				  IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC))
		end(1, "queue pair not to RTS: %s", strerror(errno));
}

static void create(void)
{
	int entries = (int)options.pairs * (SEND_DEPTH + RECEIVE_DEPTH + 2);
	struct card card = { .gid = own_gid };

	domain = ibv_alloc_pd(context);
	channel = options.events ? ibv_create_comp_channel(context) : NULL;
	queues[0] = ibv_create_cq(context, entries, NULL, channel, 0);
	queues[1] = options.server ? ibv_create_cq(context, entries, NULL, channel, 0) : queues[0];
	if (!domain || (options.events && !channel) || !queues[0] || !queues[1])
		end(1, "no protection domain or completion queue: %s", strerror(errno));
	/*
	 * Once, and then after each event. Who arms again without having polled anything can miss an event:
	 * libmana then names the next entry as read (doorbells.h, last_armed_head), which the adapter may
	 * have written when it gets the doorbell.
	 */
	for (unsigned int i = 0; channel && i < 2; i++) {
		fcntl(channel->fd, F_SETFL, O_NONBLOCK);
		if ((!i || queues[1] != queues[0]) && ibv_req_notify_cq(queues[i], 0))
			end(1, "a completion queue cannot be armed");
	}
	for (unsigned int i = 0; i < options.pairs; i++) {
		create_pair(&pairs[i]);
		card.out = (uintptr_t)pairs[i].out.arena;
		card.in = (uintptr_t)pairs[i].in.arena;
		card.qpn = pairs[i].qp->qp_num;
		card.rkey = pairs[i].mr->rkey;
		/* One that starts at the end soon wraps. */
		card.psn = i % 2 ? (uint32_t)mix(card.qpn) & 0xffffff : 0xffffe0;
		tell(&card, sizeof(card));
		if (recv(peer, &cards[i], sizeof(card), MSG_WAITALL) != sizeof(card))
			end(1, "the peer has left");
		connect_pair(&pairs[i], &cards[i], card.psn);
	}
}

static void destroy_pair(struct pair *pair)
{
	if (ibv_destroy_qp(pair->qp))
		end(1, "a queue pair is not destroyed: %s", strerror(errno));
	if (ibv_dereg_mr(pair->mr))
		end(1, "a memory region is not destroyed: %s", strerror(errno));
	free(pair->memory);
	free(pair->out.ops);
	free(pair->in.ops);
	*pair = (struct pair){ .gone = true };
}

static void destroy(void)
{
	for (unsigned int i = 0; i < options.pairs; i++) {
		if (pairs[i].qp)
			destroy_pair(&pairs[i]);
		pairs[i] = (struct pair){ 0 };
	}
	if (ibv_destroy_cq(queues[0]) || (queues[1] != queues[0] && ibv_destroy_cq(queues[1])) ||
	    (channel && ibv_destroy_comp_channel(channel)) || ibv_dealloc_pd(domain))
		end(1, "an object is not destroyed: %s", strerror(errno));
}

/* ---- Traffic ---- */

/* The elements of an entry; returns how many. An entry without bytes may have none */
static int elements(struct ibv_sge *list, const struct pair *pair, const uint8_t *slot,
		    const struct op *op)
{
	uint32_t at = 0;

	for (unsigned int i = 0; i < op->sges; i++) {
		uint32_t length = i + 1 < op->sges ? (op->size - at) / 2 : op->size - at;

		list[i] = (struct ibv_sge){ .addr = (uintptr_t)slot + at,
					    .length = length,
					    .lkey = pair->mr->lkey };
		at += length;
	}
	return op->size ? (int)op->sges : 0;
}

static void post_requests(struct pair *pair, unsigned int number)
{
	static const enum ibv_wr_opcode opcodes[] = { [SEND] = IBV_WR_SEND,
						      [SEND_IMM] = IBV_WR_SEND_WITH_IMM,
						      [WRITE] = IBV_WR_RDMA_WRITE,
						      [WRITE_IMM] = IBV_WR_RDMA_WRITE_WITH_IMM,
						      [READ] = IBV_WR_RDMA_READ };
	struct flow *flow = &pair->out;

	for (; flow->posted < flow->count && flow->posted - flow->done < SEND_DEPTH;
	     flow->posted++) {
		const struct op *op = &flow->ops[flow->posted];
		struct ibv_sge list[SGES_MAX];
		struct ibv_send_wr request = { .wr_id = (uint64_t)number << 32 | flow->posted,
					       .sg_list = list,
					       .num_sge = elements(list, pair,
								   flow->arena + op->offset, op),
					       .opcode = opcodes[op->kind],
					       .send_flags = op->flags,
					       .imm_data = (uint32_t)op->key,
					       .wr.rdma = { .remote_addr =
								    cards[number].in + op->remote,
							    .rkey = cards[number].rkey } },
				   *bad;

		if (ibv_post_send(pair->qp, &request, &bad))
			end(1, "queue pair %u: request %u is not taken: %s", number, flow->posted,
			    strerror(errno));
	}
}

static void post_receives(struct pair *pair, unsigned int number)
{
	struct flow *flow = &pair->in;

	for (; flow->posted < flow->count && pair->receives < RECEIVE_DEPTH; flow->posted++) {
		struct op op = flow->ops[flow->posted];
		struct ibv_sge list[SGES_MAX];
		struct ibv_recv_wr receive = { .wr_id = (uint64_t)number << 32 | RECEIVE |
							flow->posted,
					       .sg_list = list },
				   *bad;

		if (!takes_receive(&op))
			continue;
		/* Room for more than the message; a WRITE needs none. */
		op.size = op.kind == WRITE_IMM ? 0 : op.size + (uint32_t)(op.key % GUARD);
		receive.num_sge = elements(list, pair, flow->arena + op.offset, &op);
		if (ibv_post_recv(pair->qp, &receive, &bad))
			end(1, "queue pair %u: receive %u is not taken: %s", number, flow->posted,
			    strerror(errno));
		pair->receives++;
	}
}

static void received(struct pair *pair, unsigned int number, const struct ibv_wc *wc)
{
	struct flow *flow = &pair->in;
	const struct op *op;
	uint32_t next = flow->done;
	unsigned int flags;

	while (next < flow->count && !takes_receive(&flow->ops[next]))
		next++;
	if (next == flow->count || wc->wr_id != ((uint64_t)number << 32 | RECEIVE | next))
		end(1, "queue pair %u: receive %#llx has completed instead of %u", number,
		    (unsigned long long)wc->wr_id, next);
	op = &flow->ops[next];
	flags = op->kind == SEND ? 0 : IBV_WC_WITH_IMM;
	if (wc->opcode != (op->kind == WRITE_IMM ? IBV_WC_RECV_RDMA_WITH_IMM : IBV_WC_RECV) ||
	    wc->byte_len != op->size || (wc->wc_flags & IBV_WC_WITH_IMM) != flags ||
	    (flags && wc->imm_data != (uint32_t)op->key))
		end(1,
		    "queue pair %u: receive %u ('%c', %u bytes): opcode %d, %u bytes, flags %#x, immediate %#x",
		    number, next, kind_names[op->kind], op->size, wc->opcode, wc->byte_len,
		    wc->wc_flags, wc->imm_data);
	/* What came before it is there, too. */
	for (; flow->done <= next; flow->done++) {
		if (flow->ops[flow->done].kind != READ)
			compare(flow, flow->done, "arrived");
	}
	pair->receives--;
}

static void completed(struct pair *pair, unsigned int number, const struct ibv_wc *wc)
{
	static const enum ibv_wc_opcode opcodes[] = { [SEND] = IBV_WC_SEND,
						      [SEND_IMM] = IBV_WC_SEND,
						      [WRITE] = IBV_WC_RDMA_WRITE,
						      [WRITE_IMM] = IBV_WC_RDMA_WRITE,
						      [READ] = IBV_WC_RDMA_READ };
	struct flow *flow = &pair->out;
	uint32_t next = flow->done;

	while (next < flow->posted && !(flow->ops[next].flags & IBV_SEND_SIGNALED))
		next++;
	if (next == flow->posted || wc->wr_id != ((uint64_t)number << 32 | next))
		end(1, "queue pair %u: request %#llx has completed instead of %u", number,
		    (unsigned long long)wc->wr_id, next);
	if (wc->opcode != opcodes[flow->ops[next].kind])
		end(1, "queue pair %u: request %u ('%c') has completed as %d", number, next,
		    kind_names[flow->ops[next].kind], wc->opcode);
	for (; flow->done <= next; flow->done++) {
		if (flow->ops[flow->done].kind == READ)
			compare(flow, flow->done, "read");
		messages++;
		bytes += flow->ops[flow->done].size;
	}
}

static bool poll_queue(struct ibv_cq *queue)
{
	struct ibv_wc wc[16];
	int count = ibv_poll_cq(queue, 16, wc);

	if (count < 0)
		end(1, "a completion queue has overflowed");
	for (int i = 0; i < count; i++) {
		unsigned int number = (unsigned int)(wc[i].wr_id >> 32);
		struct pair *pair = &pairs[number];

		if (number >= options.pairs)
			end(1, "a completion without a request: %#llx",
			    (unsigned long long)wc[i].wr_id);
		if (wc[i].status != IBV_WC_SUCCESS) {
			if (!pair->fatal)
				printf("queue pair %u: %s, vendor code %#x\n", number,
				       ibv_wc_status_str(wc[i].status), wc[i].vendor_err);
			pair->fatal = true;
		} else if (alone) {
			continue; /* acknowledged before it left */
		} else if (pair->gone) {
			end(1, "a completion of queue pair %u, which is destroyed", number);
		} else if (wc[i].qp_num != pair->qp->qp_num) {
			end(1, "a completion of queue pair %u has the number %u", number,
			    wc[i].qp_num);
		} else if (wc[i].wr_id & RECEIVE) {
			received(pair, number, &wc[i]);
		} else {
			completed(pair, number, &wc[i]);
		}
	}
	return count > 0;
}

static bool poll_queues(void)
{
	bool any = poll_queue(queues[0]);

	if (queues[1] != queues[0])
		any |= poll_queue(queues[1]);
	return any;
}

/* Events of queue pairs in error */
static void look_for_fatal(void)
{
	struct ibv_async_event event;

	while (!ibv_get_async_event(context, &event)) {
		for (unsigned int i = 0; i < options.pairs; i++) {
			if (event.event_type == IBV_EVENT_QP_FATAL &&
			    pairs[i].qp == event.element.qp) {
				printf("queue pair %u: fatal error\n", i);
				pairs[i].fatal = true;
			}
		}
		ibv_ack_async_event(&event);
	}
	for (unsigned int i = 0; i < options.pairs; i++) {
		if (!pairs[i].fatal || pairs[i].leaving)
			continue;
		/* The notice that the peer has left comes over another connection, and may be late. */
		for (time_t since = now(); !peer_left(); usleep(10000)) {
			if (now() - since > 100)
				end(4, "queue pair %u is in error", i);
		}
	}
}

static bool all_fatal(void)
{
	for (unsigned int i = 0; i < options.pairs; i++) {
		if (!pairs[i].fatal && !pairs[i].gone)
			return false;
	}
	return true;
}

/* The peer is not there any more: each queue pair that waits for it must notice */
static __attribute__((noreturn)) void without_peer(void)
{
	alone = true;
	for (unsigned int i = 0; i < options.pairs; i++) {
		struct pair *pair = &pairs[i];
		struct ibv_sge list = { .addr = (uintptr_t)pair->memory, .length = 1 };
		struct ibv_send_wr request = { .sg_list = &list,
					       .num_sge = 1,
					       .opcode = IBV_WR_RDMA_WRITE,
					       .send_flags = IBV_SEND_SIGNALED,
					       .wr.rdma = { cards[i].in, cards[i].rkey } },
				   *bad;

		if (pair->gone || pair->out.posted > pair->out.done)
			continue;
		list.lkey = pair->mr->lkey;
		ibv_post_send(pair->qp, &request, &bad);
	}
	for (progress = now(); !all_fatal(); usleep(10000)) {
		if (now() - progress > (time_t)options.patience)
			end(1, "the peer has left, and a queue pair has not noticed");
		poll_queues();
		look_for_fatal();
	}
	end(3, "the peer has left");
}

/* Wait a moment, or for an event */
static void rest(unsigned int idle)
{
	struct pollfd wait_for[] = { { .fd = channel ? channel->fd : -1, .events = POLLIN },
				     { .fd = context->async_fd, .events = POLLIN },
				     { .fd = peer, .events = POLLRDHUP } };
	struct ibv_cq *queue;
	void *unused;

	if (channel) {
		if (poll(wait_for, 3, (int)options.patience * 1000) > 0) {
			while (wait_for[0].revents && !ibv_get_cq_event(channel, &queue, &unused)) {
				ibv_ack_cq_events(queue, 1);
				if (ibv_req_notify_cq(queue, 0))
					end(1, "a completion queue cannot be armed");
			}
		}
	} else {
		/* Spinning would take the CPU from what we wait for. */
		usleep(idle < 20 ? 0 : 200);
		if (idle % 64)
			return;
	}
	look_for_fatal();
	if (peer_left())
		without_peer();
	if (now() - progress > (time_t)options.patience)
		end(1, "no progress");
}

/* Until both ends have come here; does one want to stop? */
static bool meet(void)
{
	struct {
		uint32_t batch, stopped;
	} mine = { batch, (uint32_t)stopped }, other;
	ssize_t got;

	tell(&mine, sizeof(mine));
	while ((got = recv(peer, &other, sizeof(other), MSG_WAITALL | MSG_DONTWAIT)) < 0 &&
	       errno == EAGAIN) {
		struct pollfd wait_for[] = { { .fd = peer, .events = POLLIN } };

		poll(wait_for, 1, 1000);
		look_for_fatal();
		if (now() - progress > (time_t)options.patience)
			end(1, "the peer makes no progress");
	}
	if (got <= 0)
		without_peer();
	if (got != sizeof(other) || other.batch != mine.batch)
		end(1, "the peer is in another batch");
	progress = now();
	return mine.stopped || other.stopped;
}

static bool finished(void)
{
	for (unsigned int i = 0; i < options.pairs; i++) {
		const struct pair *pair = &pairs[i];

		if (pair->gone || pair->leaving)
			continue;
		if (pair->out.done < pair->out.count || pair->receives ||
		    pair->in.posted < pair->in.count)
			return false;
	}
	return true;
}

static void prepare(struct pair *pair, unsigned int number)
{
	uint64_t state = mix(options.seed ^ mix(number) ^ mix(batch + 1000ull));
	bool client = options.server;

	plan(&pair->out, client || options.both ? options.ops : 0, &options.limits, state + client);
	plan(&pair->in, !client || options.both ? options.ops : 0, &options.limits,
	     state + !client);
	memset(pair->memory, POISON, 2 * pair->in.size);
	for (uint32_t i = 0; i < pair->out.count; i++) {
		if (pair->out.ops[i].kind != READ)
			fill(&pair->out, &pair->out.ops[i]);
	}
	for (uint32_t i = 0; i < pair->in.count; i++) {
		const struct op *op = &pair->in.ops[i];

		if (op->kind == READ && op->remote == op->offset)
			fill(&pair->in, op);
	}
}

/* One batch; should another one follow? */
static bool run_batch(void)
{
	unsigned int idle = 0;
	bool last;

	pairs[0].leaving = options.destroy == batch + 1;
	for (unsigned int i = 0; i < options.pairs; i++) {
		if (!pairs[i].gone)
			prepare(&pairs[i], i);
	}
	meet();
	do {
		for (unsigned int i = 0; i < options.pairs; i++) {
			if (pairs[i].gone)
				continue;
			post_receives(&pairs[i], i);
			post_requests(&pairs[i], i);
			if (pairs[i].leaving && options.server &&
			    pairs[i].out.done > options.ops / 4)
				destroy_pair(&pairs[i]);
		}
		if (poll_queues()) {
			progress = now();
			idle = 0;
		} else {
			rest(++idle);
		}
		if (options.kill == batch + 1 && options.server &&
		    pairs[0].out.done > options.ops / 4)
			raise(SIGKILL);
	} while (!finished() || (pairs[0].leaving && options.server));
	last = meet();
	if (pairs[0].leaving)
		destroy_pair(&pairs[0]);
	if (poll_queues())
		end(1, "a completion too many");
	for (unsigned int i = 0; i < options.pairs; i++) {
		if (!pairs[i].gone) {
			compare_all(&pairs[i].out, false);
			compare_all(&pairs[i].in, true);
		}
	}
	return !last;
}

static unsigned int number(const char *text, unsigned int most)
{
	char *rest;
	unsigned long value = strtoul(text, &rest, 0);

	if (!*text || *rest || value > most)
		end(2, "%s: not a number up to %u", text, most);
	return (unsigned int)value;
}

static void parse(int argc, char **argv)
{
	static const struct {
		int option;
		unsigned int *value, most;
	} numbers[] = {
		{ 'n', &options.batches, 1000000 },      { 'o', &options.ops, 65536 },
		{ 'q', &options.pairs, PAIRS_MAX },      { 's', &options.limits.longest, 1 << 26 },
		{ 'g', &options.limits.sges, SGES_MAX }, { 'm', &options.mtu, 4096 },
		{ 't', &options.timeout, 31 },           { 'r', &options.seed, 1u << 31 },
		{ 'c', &options.cycles, 1000000 },       { 'x', &options.destroy, 1000000 },
		{ 'K', &options.kill, 1000000 },         { 'w', &options.patience, 86400 }
	};
	int option;

	while ((option = getopt(argc, argv, "a:l:d:n:o:q:bs:k:g:m:t:r:ec:x:K:w:")) != -1) {
		unsigned int i = 0;

		while (i < sizeof(numbers) / sizeof(numbers[0]) && numbers[i].option != option)
			i++;
		if (i < sizeof(numbers) / sizeof(numbers[0]))
			*numbers[i].value = number(optarg, numbers[i].most);
		else if (option == 'a')
			options.own = optarg;
		else if (option == 'l')
			options.listens = optarg;
		else if (option == 'd')
			options.device = optarg;
		else if (option == 'k')
			options.limits.kinds = optarg;
		else if (option == 'b')
			options.both = true;
		else if (option == 'e')
			options.events = true;
		else
			exit(2);
	}
	options.server = argv[optind];
	if (!options.own || !options.ops || !options.pairs || !options.limits.sges ||
	    !*options.limits.kinds ||
	    strspn(options.limits.kinds, kind_names) != strlen(options.limits.kinds)) {
		fprintf(stderr, "usage: see the head of rdma-traffic.c\n");
		exit(2);
	}
}

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = true;
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	signal(SIGTERM, stop);
	progress = now();
	open_device();
	connect_peer();
	began = now();
	for (unsigned int cycle = 0; cycle < options.cycles; cycle++) {
		create();
		batch = 0;
		while (run_batch() && ++batch != options.batches)
			;
		meet();
		destroy();
	}
	printf("%llu requests, %llu bytes in %ld s, all right\n", (unsigned long long)messages,
	       (unsigned long long)bytes, (long)(now() - began));
	if (ibv_close_device(context))
		end(1, "the device is not closed");
	return 0;
}
