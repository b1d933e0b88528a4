/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/vport.h - vPorts: their commands, queues and steering.
 */
#ifndef MANAKIN_DEVICE_VPORT_H
#define MANAKIN_DEVICE_VPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "device/command.h"
#include "device/queue.h"

struct vport;

extern const struct command_entry vport_commands[];

/** vport_limit() - have its send queues keep the rate that is set, or the link's speed */
void vport_limit(struct vport *vport);

/** vport_reset() - drop the driver's queues and settings of the vPort */
void vport_reset(struct vport *vport);

/**
 * vport_closed() - has the send queue that a command destroys sent what it had?
 *
 * hwc.closing says which. If so, it is destroyed, and the command can be answered.
 */
bool vport_closed(struct adapter *adapter);

/** vport_sum() - sum the counters of all its queues, destroyed ones included */
void vport_sum(const struct vport *vport, struct wq_counters *tx, struct wq_counters *rx);

/** vport_no_buffer() - frames that were dropped for lack of a buffer */
uint64_t vport_no_buffer(const struct vport *vport);

#endif
