/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/native.h - doorbells in shared memory.
 */
#ifndef MANAKIN_DEVICE_NATIVE_H
#define MANAKIN_DEVICE_NATIVE_H

#include <stdbool.h>

#include "device/command.h"
#include "device/queue.h"

extern const struct command_entry native_commands[];

/** native_open() - create the memory of BAR 2; 0 or a negative errno */
int native_open(struct adapter *adapter);
void native_close(struct adapter *adapter);
void native_reset(struct adapter *adapter);

/** native_unbind() - unbind a queue before it is destroyed; wq_destroy() frees its page */
void native_unbind(const struct wq *wq);

/** native_rest() - tell the driver whether to ring; true if it has posted meanwhile */
bool native_rest(struct wq *wq, bool asleep);

#endif
