/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/receive.h - from a vPort's fabric into its receive queues.
 */
#ifndef MANAKIN_DEVICE_RECEIVE_H
#define MANAKIN_DEVICE_RECEIVE_H

#include <stdint.h>

#include "device/lane.h"
#include "fabric/fabric.h"

struct wq;

/** receive_poll() - the fabric's turn: accept what it has for the vPort */
lane_run receive_poll;

/** receive_rest() - before the lane sleeps: if frames wait, a buffer's doorbell must wake it */
lane_rest receive_rest;

/** receive_deliver(), receive_offer() - of struct fabric_receiver; the context is the vPort */
unsigned int receive_deliver(void *vport, unsigned int lane, const struct frame *frames,
			     unsigned int n);
uint64_t receive_offer(void *vport, unsigned int lane, const struct frame *frames, unsigned int n);

/** receive_fence() - write a fence completion after all packets so far */
void receive_fence(struct wq *rq);

#endif
