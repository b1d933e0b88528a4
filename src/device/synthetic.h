/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/synthetic.h - the connection to the host of synthetic cards.
 */
#ifndef MANAKIN_DEVICE_SYNTHETIC_H
#define MANAKIN_DEVICE_SYNTHETIC_H

#include <stdbool.h>

#include "base/error.h"
#include "fabric/fabric.h"

struct adapter;

int synthetic_open(struct adapter *adapter, struct error *error);
void synthetic_close(struct adapter *adapter);

/** synthetic_deliver() - receive_deliver(), or to the card if that has the data path */
unsigned int synthetic_deliver(void *vport, unsigned int lane, const struct frame *frames,
			       unsigned int n);
void synthetic_link_changed(struct adapter *adapter, unsigned int port);
int synthetic_set_vf(struct adapter *adapter, bool there);
int synthetic_pull(struct adapter *adapter, unsigned int port);

#endif
