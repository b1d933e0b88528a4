/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/transmit.h - a send queue's turn on its lane.
 */
#ifndef MANAKIN_DEVICE_TRANSMIT_H
#define MANAKIN_DEVICE_TRANSMIT_H

#include "device/lane.h"

/** transmit_run() - take what the driver has posted, up to a few bursts */
lane_run transmit_run;

/** transmit_rest() - the lane sleeps: the driver has to ring from now on */
lane_rest transmit_rest;

#endif
