/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/receive_any.h - frames one by one, of any kind.
 */
#ifndef MANAKIN_DEVICE_RECEIVE_ANY_H
#define MANAKIN_DEVICE_RECEIVE_ANY_H

#include <stdbool.h>

#include "device/receive_burst.h"
#include "fabric/fabric.h"

/** receive_any() - receive one frame of any kind; false if there is no buffer */
bool receive_any(struct receive_burst *burst, const struct frame *frame);

#endif
