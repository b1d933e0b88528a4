/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve/control_server.h - answer requests to a running adapter, such as those of `manakin
 * control`.
 *
 * The protocol is in host/machine/control.h.
 */
#ifndef MANAKIN_SERVE_CONTROL_SERVER_H
#define MANAKIN_SERVE_CONTROL_SERVER_H

#include "base/error.h"
#include "device/adapter.h"

struct control_server;

/**
 * control_server_open() - listen for requests about @adapter
 * @passed:	a socket that listens already, from now on the server's; -1: create one
 * @lanes:	of the process
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int control_server_open(struct adapter *adapter, int passed, unsigned int lanes,
			struct control_server **server, struct error *error);
/** control_server_close() - NULL is none */
void control_server_close(struct control_server *server);

/** control_server_fd() - readable when control_server_serve() has something to do */
int control_server_fd(const struct control_server *server);

/** control_server_serve() - answer all pending requests, without blocking */
void control_server_serve(struct control_server *server);

#endif
