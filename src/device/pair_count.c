/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What queue pairs have counted, for each vPort and for the driver.
 *
 * A queue pair counts on its lane, without atomic operations. So a reader asks each lane once, for all
 * of its queue pairs.
 */
#include "base/budget.h"
#include "device/pair.h"

static void pair_count(const struct pair *pair, struct roce_counters *to)
{
	roce_counters_add(to, roce_qp_counters(pair->qp), &pair->before);
}

/**
 * struct visit_call - for each lane in turn: visit its queue pairs
 * @lane:	which one it is
 */
struct visit_call {
	const struct adapter *adapter;
	pair_visit *visit;
	void *argument;
	unsigned int lane;
};

static void visit_lane(void *argument)
{
	struct visit_call *call = argument;
	const struct table *pairs = &call->adapter->pairs;

	/* pair_create() has put them there. */
	for (uint32_t i = call->lane++; i < pairs->fresh; i += lanes_count(call->adapter->lanes)) {
		const struct pair *pair = table_get(pairs, i);

		if (pair)
			call->visit(pair, call->argument);
	}
}

void pairs_visit(const struct adapter *adapter, pair_visit *visit, void *argument)
{
	struct visit_call call = { .adapter = adapter, .visit = visit, .argument = argument };

	budget_charge((uint64_t)adapter->pairs.used * BUDGET_OBJECT);
	if (adapter->pairs.used)
		lanes_call(adapter->lanes, visit_lane, &call);
}

static void count_visit(const struct pair *pair, void *argument)
{
	struct roce_counters *sums = argument;

	if (pair->counted)
		pair_count(pair, &sums[pair->counted - pair->adapter->vport]);
}

void pairs_count(const struct adapter *adapter, struct roce_counters *sums)
{
	pairs_visit(adapter, count_visit, sums);
}

void pair_counted(struct pair *pair, struct vport *vport)
{
	if (pair->counted)
		pair_count(pair, &pair->counted->gone_roce);
	pair->before = *roce_qp_counters(pair->qp);
	pair->counted = vport;
}
