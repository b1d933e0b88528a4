/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/cost.h - an input that costs more than its budget is a finding.
 *
 * What is compared is base/budget.h's count of this thread, which follows from the input alone. A
 * turn may overdraw its budget by one more step, and a visit likewise; so the bounds are not the
 * budgets, but what docs/architecture.md promises the other clients: 200 us on a lane and 1 ms on
 * the control thread, in units of about a nanosecond.
 */
#ifndef MANAKIN_TESTS_FUZZ_COST_H
#define MANAKIN_TESTS_FUZZ_COST_H

#include "base/budget.h"
#include "input.h"

#define COST_TURN                200000u  /* of a round of a lane that has one client */
#define COST_VISIT               1000000u /* of the control thread's work for one client */

/** cost_bound() - what was spent since budget_spent was @start is within the bound */
#define cost_bound(start, bound) require(budget_since(start) <= (bound))

#endif
