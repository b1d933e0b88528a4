/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/transmit.h - a send queue's turn on its lane.
 */
#ifndef MANAKIN_DEVICE_TRANSMIT_H
#define MANAKIN_DEVICE_TRANSMIT_H

#include "device/lane.h"

/** transmit_run() - send what the driver has posted, up to a few bursts */
lane_run transmit_run;

/** transmit_held() - send what the impairments of the vPort's fabric have held long enough */
lane_run transmit_held;

/** transmit_rest() - before the lane sleeps: the driver must ring from now on */
lane_rest transmit_rest;

#endif
