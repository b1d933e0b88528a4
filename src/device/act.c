/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an operator or a scenario makes happen: events to the driver, links, faults that no other file
 * asks about. fault.h explains rules; docs/faults.md is for users.
 */
#include "device/act.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "device/adapter.h"
#include "device/command.h"
#include "device/faulty.h"
#include "device/hwc.h"
#include "device/state.h"
#include "device/synthetic.h"
#include "device/vport.h"

#define COUNT_EVERY (10 * NS_PER_MS) /* between two looks at counters that rules wait for */
#define ACTS_MAX    256u             /* faults in a visit; the others come in the next one */

/* ---- Events ---- */

int adapter_set_link(struct adapter *adapter, unsigned int port, bool up)
{
	union hwc_event_data data = { .type = up ? HWC_RECONFIG_LINK_CONNECT
						 : HWC_RECONFIG_LINK_DISCONNECT };

	if (port >= adapter->config.ports)
		return -EINVAL;
	atomic_store(&adapter->vport[port].link_down, !up);
	lane_kick(&adapter->vport[port].source);
	synthetic_link_changed(adapter, port);
	if (!adapter->hwc.up)
		return -ENOTCONN;
	data.value = port & 0xffffffu;
	if (adapter->hwc.driver_caps & GDMA_DRV_CAP_1_LINK_AWARE)
		hwc_event(adapter, GDMA_EQE_HWC_RECONFIG_DATA, data.word);
	return 0;
}

int adapter_set_vf(struct adapter *adapter, bool there)
{
	return synthetic_set_vf(adapter, there);
}

int adapter_pull_card(struct adapter *adapter, unsigned int port)
{
	return port < adapter->config.ports ? synthetic_pull(adapter, port) : -EINVAL;
}

int adapter_reconfigure(struct adapter *adapter, uint32_t hwc_timeout_ms)
{
	union hwc_event_data data = { .type = HWC_RECONFIG_TIMEOUT,
				      .value = hwc_timeout_ms & 0xffffffu };

	if (!hwc_timeout_ms || hwc_timeout_ms > 0xffffff)
		return -EINVAL;
	adapter->hwc_timeout_ms = hwc_timeout_ms;
	if (!adapter->hwc.up)
		return -ENOTCONN;
	hwc_event(adapter, GDMA_EQE_HWC_RECONFIG_DATA, data.word);
	return 0;
}

int adapter_request_reset(struct adapter *adapter)
{
	if (!adapter->hwc.up)
		return -ENOTCONN;
	hwc_event(adapter, GDMA_EQE_HWC_RESET_REQUEST, 0);
	return 0;
}

/* ---- Faults ---- */

/** act_later() - the other half of a fault that lasts for a time */
static void act_later(struct adapter *adapter, const struct fault *fault, enum fault_kind kind)
{
	struct fault end = *fault;

	end.kind = kind;
	if (fault->time != FAULT_FOREVER)
		fault_later(faults_of(adapter), &end, clock_ns() + fault->time);
}

/** act_on_queues() - on those that exist; if there are none, on the first that comes */
static void act_on_queues(struct adapter *adapter, const struct fault *fault)
{
	if (!faulty_each(adapter, fault))
		fault_wait(faults_of(adapter), fault);
}

/** act_on_all() - on the queues of both directions */
static void act_on_all(struct adapter *adapter, enum fault_kind kind)
{
	struct fault all = { .kind = kind,
			     .queue = { GDMA_SQ, FAULT_ANY, FAULT_ANY },
			     .time = FAULT_FOREVER };

	faulty_each(adapter, &all);
	all.queue.type = GDMA_RQ;
	faulty_each(adapter, &all);
}

static void set_links(struct adapter *adapter, uint32_t port, bool up)
{
	for (uint32_t i = 0; i < adapter->config.ports; i++)
		if (port == FAULT_ANY || port == i)
			adapter_set_link(adapter, i, up);
}

/** flap() - one time down; the next one comes later */
static void flap(struct adapter *adapter, const struct fault *fault)
{
	struct fault next = *fault, up = { .kind = FAULT_LINK_UP, .queue = fault->queue };
	uint64_t now = clock_ns();

	set_links(adapter, fault->queue.port, false);
	fault_later(faults_of(adapter), &up, now + fault->time);
	if (--next.number)
		fault_later(faults_of(adapter), &next, now + 2 * fault->time);
}

/** set_vf() - through the host of synthetic cards; without them, a surprise removal */
static void set_vf(struct adapter *adapter, bool there)
{
	if (adapter->synthetic) {
		synthetic_set_vf(adapter, there);
		return;
	}
	adapter->revoked = !there;
	if (!there)
		vfu_server_drop(adapter->server, "a fault took the function away");
}

static void pull_cards(struct adapter *adapter, uint32_t port)
{
	for (uint32_t i = 0; i < adapter->config.ports; i++)
		if (port == FAULT_ANY || port == i)
			adapter_pull_card(adapter, i);
}

/** silence() - the channel, or let it speak: it finds requests that were posted meanwhile */
static void silence(struct adapter *adapter, bool silent, bool forever)
{
	struct fault_switch *switches = fault_switches(faults_of(adapter));

	atomic_store(&switches->silent, silent);
	atomic_store(&switches->forever, silent && forever);
	if (!silent)
		hwc_run(adapter);
}

static void set_fatal(struct adapter *adapter, bool fatal)
{
	atomic_store(&fault_switches(faults_of(adapter))->fatal, fatal);
	act_on_all(adapter, fatal ? FAULT_QUEUE_STALL : FAULT_QUEUE_GOES);
	silence(adapter, fatal, fatal);
}

/** overflow() - more events than the queues of a vector hold */
static void overflow(struct adapter *adapter, uint32_t vector)
{
	for (uint32_t i = 0; i < adapter->eqs.fresh; i++) {
		struct eq *eq = table_get(&adapter->eqs, i);

		if (eq && eq->msix == vector)
			eq_overflow(eq);
	}
}

/** change_ports() - what they offer; the rest of it when no driver has queues */
static void change_ports(struct adapter *adapter, const struct fault *fault)
{
	for (uint32_t i = 0; i < adapter->config.ports; i++) {
		struct vport *vport = &adapter->vport[i];

		if (fault->queue.port != FAULT_ANY && fault->queue.port != i)
			continue;
		if (fault->kind == FAULT_MTU) {
			vport->next_mtu = (uint16_t)fault->number;
		} else if (fault->kind == FAULT_QUEUES) {
			vport->next_queues = (unsigned int)fault->number;
		} else {
			adapter->config.port[i].speed = (uint32_t)fault->number;
			vport_limit(vport);
		}
	}
}

/** catch_up() - show late completions of a queue, and come again for those that are not yet due */
static void catch_up(struct adapter *adapter, const struct fault *fault)
{
	struct cq *cq = table_get(&adapter->cqs, (uint32_t)fault->number);
	uint64_t next = cq ? cq_catch_up(cq, clock_ns()) : 0;

	if (next)
		fault_later(faults_of(adapter), fault, next);
}

/** act() - one fault, now */
static void act(struct adapter *adapter, const struct fault *fault)
{
	const uint32_t port = fault->queue.port;

	switch (fault->kind) {
	case FAULT_CHANNEL_SILENT:
		silence(adapter, true, fault->number);
		act_later(adapter, fault, FAULT_CHANNEL_SPEAKS);
		break;
	case FAULT_CHANNEL_SPEAKS:
		silence(adapter, false, false);
		break;
	case FAULT_QUEUE_STALL:
	case FAULT_QUEUE_SLOW:
	case FAULT_QUEUE_RATE:
		act_on_queues(adapter, fault);
		break;
	case FAULT_QUEUE_GOES:
		faulty_each(adapter, fault);
		break;
	case FAULT_RAISE:
		adapter_raise(adapter, (uint32_t)fault->number);
		break;
	case FAULT_EVENT:
		hwc_event(adapter, (unsigned int)fault->number, fault->data);
		break;
	case FAULT_TIMEOUT:
		adapter_reconfigure(adapter, (uint32_t)fault->number);
		break;
	case FAULT_LINK_DOWN:
		set_links(adapter, port, false);
		act_later(adapter, fault, FAULT_LINK_UP);
		break;
	case FAULT_LINK_UP:
		set_links(adapter, port, true);
		break;
	case FAULT_LINK_FLAP:
		flap(adapter, fault);
		break;
	case FAULT_VF_REVOKE:
		set_vf(adapter, false);
		act_later(adapter, fault, FAULT_VF_RETURN);
		break;
	case FAULT_VF_RETURN:
		set_vf(adapter, true);
		break;
	case FAULT_CARD_PULL:
		pull_cards(adapter, port);
		break;
	case FAULT_FATAL:
		set_fatal(adapter, true);
		act_later(adapter, fault, FAULT_FATAL_OVER);
		break;
	case FAULT_FATAL_OVER:
		set_fatal(adapter, false);
		break;
	case FAULT_DISCONNECT:
		vfu_server_drop(adapter->server, "a fault disconnects it");
		break;
	case FAULT_OVERFLOW:
		overflow(adapter, (uint32_t)fault->number);
		break;
	case FAULT_SIGNAL:
		fault_signal(faults_of(adapter), fault->name, clock_ns());
		break;
	case FAULT_ANSWER:
		hwc_answer_late(adapter, fault);
		break;
	case FAULT_LINK_SPEED:
	case FAULT_MTU:
	case FAULT_QUEUES:
		change_ports(adapter, fault);
		break;
	case FAULT_JUMP:
		adapter->jump += fault->number;
		break;
	case FAULT_SHOW:
		catch_up(adapter, fault);
		break;
	default:
		break;
	}
}

/** told() - watchers hear that a rule applies */
static void told(void *ctx, const char *text)
{
	struct adapter *adapter = ctx;
	const struct watch_event event = { .kind = WATCH_FAULT,
					   .data = text,
					   .len = (uint32_t)strlen(text) };

	if (watch_wants(&adapter->watch, WATCH_BIT(WATCH_FAULT)))
		watch_tell(&adapter->watch, &event);
}

/** tell() - the log hears which rules have applied */
static void tell(struct adapter *adapter, struct faults *faults)
{
	struct fault_news news;

	while (fault_news(faults, clock_ns(), &news)) {
		if (news.times == 1)
			log_say(LOG_NOTICE, "%s: fault %u: %s", adapter->config.name, news.id,
				news.text);
		else
			log_say(LOG_NOTICE, "%s: fault %u, %llu times: %s", adapter->config.name,
				news.id, (unsigned long long)news.times, news.text);
	}
}

/** count() - tell rules the counters that they wait for */
static void count(struct adapter *adapter, struct faults *faults)
{
	for (uint32_t i = 0; i < adapter->config.ports; i++) {
		struct vport *vport = &adapter->vport[i];
		struct wq_counters tx, rx;
		uint64_t errors = 0;

		vport_sum(vport, &tx, &rx);
		for (size_t k = 1; k < sizeof(tx.errors) / sizeof(tx.errors[0]); k++)
			errors += tx.errors[k];
		/* In the order of fault_counters[] */
		fault_count(faults, i,
			    (const uint64_t[FAULT_COUNTERS]){
				    tx.frames, tx.bytes, errors, rx.frames, rx.bytes,
				    vport_no_buffer(vport), atomic_load(&vport->rx_disabled),
				    rx.truncated });
	}
}

void act_visit(struct adapter *adapter)
{
	struct faults *faults = faults_of(adapter);
	uint64_t again = UINT64_MAX, next;
	struct fault fault;

	if (!faults)
		return;
	if (fault_counting(faults)) {
		count(adapter, faults);
		again = clock_ns() + COUNT_EVERY;
	}
	/* A scenario that signals itself without end must not hold the control thread up. */
	for (unsigned int i = 0; i < ACTS_MAX && fault_take(faults, clock_ns(), &fault); i++)
		act(adapter, &fault);
	tell(adapter, faults);
	next = fault_deadline(faults);
	vfu_server_at(adapter->server, next < again ? next : again);
}

void act_moment(struct adapter *adapter, enum fault_event event)
{
	struct faults *faults = faults_of(adapter);

	if (faults && fault_moment(faults, event, clock_ns()))
		adapter_again(adapter);
}

void act_reset(struct adapter *adapter)
{
	struct faults *faults = faults_of(adapter);

	if (!faults)
		return;
	if (atomic_load(&fault_switches(faults)->fatal))
		set_fatal(adapter, false);
	act_moment(adapter, FAULT_ON_RESET);
}

/* ---- Scenarios ---- */

/** faults_make() - the adapter's engine; NULL: out of memory */
static struct faults *faults_make(struct adapter *adapter)
{
	struct faults *faults = faults_of(adapter);

	if (!faults) {
		faults = faults_new();
		if (faults)
			faults_listen(faults, told, adapter);
		atomic_store_explicit(&adapter->faults, faults, memory_order_release);
	}
	return faults;
}

int adapter_fault_add(struct adapter *adapter, const char *text, const char *source,
		      struct error *error)
{
	unsigned int queues[ADAPTER_PORTS_MAX];
	const struct fault_known known = { .command = hwc_command_code,
					   .command_name = hwc_command_name,
					   .ports = adapter->config.ports,
					   .vectors = ADAPTER_MSIX,
					   .queues = queues };
	struct fault_rule *rules = calloc(FAULT_RULES_MAX, sizeof(*rules));
	struct faults *faults = faults_make(adapter);
	unsigned int n;
	int err = rules && faults ? 0 : error_fail(error, -ENOMEM, "out of memory");

	for (uint32_t i = 0; i < adapter->config.ports; i++)
		queues[i] = adapter->config.port[i].queues;
	if (!err)
		err = fault_parse(text, source, &known, rules, &n, error);
	if (!err && faults_add(faults, rules, n, clock_ns()))
		err = error_fail(error, -ENOSPC, "an adapter has at most %u rules",
				 FAULT_RULES_MAX);
	free(rules);
	if (err)
		return err;
	faulty_refresh(adapter);
	adapter_again(adapter);
	return 0;
}

int adapter_fault_remove(struct adapter *adapter, unsigned int id)
{
	struct faults *faults = faults_of(adapter);
	int err = faults ? faults_remove(faults, id) : -ENOENT;

	if (!err)
		faulty_refresh(adapter);
	return err;
}

void adapter_fault_clear(struct adapter *adapter)
{
	struct faults *faults = faults_of(adapter);

	if (!faults)
		return;
	faults_clear(faults);
	faulty_refresh(adapter);
	/* What they have begun ends. */
	set_fatal(adapter, false);
	adapter->revoked = false;
	adapter->jump = 0;
	for (uint32_t i = 0; i < adapter->cqs.fresh; i++) {
		struct cq *cq = table_get(&adapter->cqs, i);

		if (cq)
			cq_catch_up(cq, UINT64_MAX);
	}
}

int adapter_fault_signal(struct adapter *adapter, const char *name)
{
	struct faults *faults = faults_of(adapter);
	int err = faults ? fault_signal(faults, name, clock_ns()) : -ENOENT;

	adapter_again(adapter);
	return err;
}

bool adapter_fault_get(struct adapter *adapter, unsigned int place, struct adapter_fault *fault)
{
	struct faults *faults = faults_of(adapter);
	struct fault_rule rule;

	if (!faults || !faults_get(faults, place, &rule))
		return false;
	*fault = (struct adapter_fault){ .id = rule.id, .seen = rule.seen, .fired = rule.fired };
	memcpy(fault->text, rule.text, sizeof(fault->text));
	return true;
}

int adapter_refuse(struct adapter *adapter, const char *command)
{
	uint32_t code = command ? hwc_command_code(command) : 0;
	struct faults *faults;

	if (command && !code)
		return -ENOENT;
	faults = command ? faults_make(adapter) : faults_of(adapter);
	if (!faults)
		return command ? -ENOMEM : 0;
	return faults_refuse(faults, code, command, STATUS_NO_RESOURCE);
}
