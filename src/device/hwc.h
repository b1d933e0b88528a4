/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/hwc.h - the hardware channel, which carries commands.
 */
#ifndef MANAKIN_DEVICE_HWC_H
#define MANAKIN_DEVICE_HWC_H

#include <stdint.h>

#include "wire/reg.h"

#define HWC_TIMEOUT_MS 30000u /* reported to the driver, until the operator changes it */

struct adapter;
struct fault;

/**
 * hwc_establish() - create the channel's queues at the driver's addresses
 *
 * Return: 0 or a negative errno; adapter_reset() frees what was created before the failure
 */
int hwc_establish(struct adapter *adapter, const struct smc_message *message);
void hwc_destroy(struct adapter *adapter);

/** hwc_command_code() - of the command of this name; 0: there is none */
uint32_t hwc_command_code(const char *name);

/** hwc_command_name() - of the n-th command, from 0 on; NULL: there are no more */
const char *hwc_command_name(unsigned int n);

/** hwc_answer_late() - send an answer that a fault has kept; @fault: FAULT_ANSWER */
void hwc_answer_late(struct adapter *adapter, const struct fault *fault);

/** hwc_run() - process the requests that the driver has posted */
void hwc_run(struct adapter *adapter);

/** hwc_event() - post an event to the hardware channel's queue */
void hwc_event(struct adapter *adapter, unsigned int type, uint32_t detail);

#endif
