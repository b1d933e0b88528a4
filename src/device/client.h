/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/client.h - what the socket's client does to the adapter.
 */
#ifndef MANAKIN_DEVICE_CLIENT_H
#define MANAKIN_DEVICE_CLIENT_H

#include "vfio_user/server.h"

/** client_ops - what the server calls for its client; the context is the adapter */
extern const struct vfu_ops client_ops;

#endif
