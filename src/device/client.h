/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/client.h - calls from the socket's client.
 */
#ifndef MANAKIN_DEVICE_CLIENT_H
#define MANAKIN_DEVICE_CLIENT_H

#include "vfio_user/server.h"

/** client_ops - called by the server for its client; the context is the adapter */
extern const struct vfu_ops client_ops;

#endif
