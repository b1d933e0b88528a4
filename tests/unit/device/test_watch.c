/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watchers: what is told of a driver's start, of packets on a loop, and of its end; nobody is told
 * what he does not want, or after he has left.
 */
#include "harness.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "device/state.h"

#define PACKETS 100u

/** struct record - a watcher that counts */
struct record {
	struct watcher watcher;
	_Atomic unsigned int count[WATCH_KINDS];
	_Atomic unsigned int queues[2];      /* created, destroyed */
	_Atomic unsigned int sent, received; /* entries, by the kind of queue */
	_Atomic unsigned int sent_okay, lengths_wrong;
	uint32_t command, answered; /* the last */
	uint32_t status;
};

static void tell(struct watcher *watcher, const struct watch_event *event)
{
	struct record *record = (struct record *)watcher;

	record->count[event->kind]++;
	switch (event->kind) {
	case WATCH_COMMAND:
		record->command = event->type;
		break;
	case WATCH_ANSWER:
		record->answered = event->type;
		record->status = (uint32_t)event->value;
		break;
	case WATCH_QUEUE:
		record->queues[event->type]++;
		break;
	case WATCH_ENTRY:
		if (event->type == GDMA_SQ)
			record->sent++;
		else
			record->received++;
		record->lengths_wrong += event->len % GDMA_WQE_UNIT != 0;
		break;
	case WATCH_COMPLETION:
		record->sent_okay += (((const struct mana_cqe_header *)event->data)->cqe_type ==
				      MANA_CQE_TX_OKAY);
		break;
	default:
		break;
	}
}

/** packets() - send some through the loop, and receive them */
static void packets(struct guest *guest, struct gnet *net, unsigned int n)
{
	struct mana_tx_oob oob = send_oob(&net->port, &net->sq);

	memset(net->frame, 0x11, 60);
	net->frame[0] = 0x02;
	for (unsigned int i = 0; i < n; i++) {
		net_post(guest, net, 1);
		send_frame(guest, &net->sq, &oob, net->frame, 60);
		assert_int_equal(tx_wait(guest, &net->sq), MANA_CQE_TX_OKAY);
		rx_wait(guest, &net->rq);
		net_buffer(net);
	}
}

static void test_everything_is_told(void **state)
{
	const char *fabrics[] = { "loop", NULL };
	struct record record = { .watcher = { .kinds = UINT32_MAX, .tell = tell } };
	struct host host;
	struct guest guest;
	struct gnet net;
	unsigned int sent, posted;

	(void)state;
	host_open(&host, 1, NULL, fabrics);
	assert_int_equal(watch_add(&host.adapter->watch, &record.watcher), 0);
	guest_attach(&guest, &host);
	ethernet_up(&guest);
	net_up(&guest, 0, &net);
	settle(&host);

	assert_int_equal(record.count[WATCH_SMC], 2);
	assert_true(record.count[WATCH_MEMORY] >= 1);
	assert_true(record.count[WATCH_COMMAND] > 5);
	assert_int_equal(record.count[WATCH_COMMAND], record.count[WATCH_ANSWER]);
	assert_int_equal(record.command, record.answered);
	assert_int_equal(record.status, 0);
	/* Four of the channel; an event queue, and two of each kind of the vPort */
	assert_int_equal(record.queues[WATCH_CREATED], 9);
	assert_int_equal(record.queues[WATCH_DESTROYED], 0);
	sent = record.sent;
	posted = record.received;

	packets(&guest, &net, PACKETS);
	settle(&host);
	assert_int_equal(record.count[WATCH_FRAME_TX], PACKETS);
	assert_int_equal(record.count[WATCH_FRAME_RX], PACKETS);
	assert_int_equal(record.sent - sent, PACKETS);
	assert_int_equal(record.received - posted, PACKETS);
	assert_int_equal(record.sent_okay, PACKETS);
	assert_int_equal(record.lengths_wrong, 0);
	assert_true(record.count[WATCH_DOORBELL] >= 2 * PACKETS);
	assert_true(record.count[WATCH_EVENT] > 0);
	assert_true(record.count[WATCH_INTERRUPT] > 0);

	guest_detach(&guest);
	assert_int_equal(record.queues[WATCH_DESTROYED], 9);
	/* Attached, reset when the channel is made and at the end, detached */
	assert_true(record.count[WATCH_CLIENT] >= 3);
	watch_remove(&host.adapter->watch, &record.watcher, host.lanes);
	host_close(&host);
}

static void test_only_what_is_wanted(void **state)
{
	const char *fabrics[] = { "loop", NULL };
	struct record frames = { .watcher = { .kinds = WATCH_BIT(WATCH_FRAME_TX), .tell = tell } };
	struct record all = { .watcher = { .kinds = UINT32_MAX, .tell = tell } };
	struct host host;
	struct guest guest;
	struct gnet net;

	(void)state;
	host_open(&host, 1, NULL, fabrics);
	guest_attach(&guest, &host);
	ethernet_up(&guest);
	net_up(&guest, 0, &net);
	assert_int_equal(watch_add(&host.adapter->watch, &frames.watcher), 0);
	assert_int_equal(watch_add(&host.adapter->watch, &all.watcher), 0);
	packets(&guest, &net, PACKETS);
	watch_remove(&host.adapter->watch, &all.watcher, host.lanes);
	assert_int_equal(all.count[WATCH_FRAME_TX], PACKETS);
	packets(&guest, &net, PACKETS);
	settle(&host);
	assert_int_equal(all.count[WATCH_FRAME_TX], PACKETS);
	assert_int_equal(frames.count[WATCH_FRAME_TX], 2 * PACKETS);
	for (unsigned int kind = 0; kind < WATCH_KINDS; kind++)
		if (kind != WATCH_FRAME_TX)
			assert_int_equal(frames.count[kind], 0);
	watch_remove(&host.adapter->watch, &frames.watcher, host.lanes);
	assert_false(watch_wants(&host.adapter->watch, UINT32_MAX));
	guest_detach(&guest);
	host_close(&host);
}

static void test_no_more_than_there_is_room_for(void **state)
{
	static struct record record[WATCHERS_MAX + 1];
	struct watch watch = { 0 };

	(void)state;
	for (unsigned int i = 0; i <= WATCHERS_MAX; i++) {
		record[i].watcher = (struct watcher){ .kinds = 1, .tell = tell };
		assert_int_equal(watch_add(&watch, &record[i].watcher),
				 i < WATCHERS_MAX ? 0 : -ENOSPC);
	}
	watch_tell(&watch, &(struct watch_event){ .kind = WATCH_CLIENT });
	assert_int_equal(record[0].count[WATCH_CLIENT], 1);
	assert_int_equal(record[WATCHERS_MAX - 1].count[WATCH_CLIENT], 1);
	assert_int_equal(record[WATCHERS_MAX].count[WATCH_CLIENT], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_is_told),
		cmocka_unit_test(test_only_what_is_wanted),
		cmocka_unit_test(test_no_more_than_there_is_room_for),
	};

	guard_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
