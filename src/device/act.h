/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/act.h - what the operator or a scenario makes happen, on the control thread. The operator's
 * calls are declared in adapter.h.
 */
#ifndef MANAKIN_DEVICE_ACT_H
#define MANAKIN_DEVICE_ACT_H

#include <stdbool.h>
#include <stdint.h>

#include "device/fault.h"

struct adapter;

/** act_visit() - do what is due, tell the log, and have the control thread come back in time */
void act_visit(struct adapter *adapter);

/** act_moment() - a client has attached, and so on: rules may wait for that */
void act_moment(struct adapter *adapter, enum fault_event event);

/** act_reset() - the client has reset the function: it lives again */
void act_reset(struct adapter *adapter);

#endif
