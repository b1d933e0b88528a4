/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve/control.h - let `manakin control` reach a running adapter.
 *
 * A UNIX socket of type SOCK_SEQPACKET beside the adapter's own, with ".ctl" after
 * its name. A packet is a request in words, answered by one packet: "ok" or
 * "error", a line feed, and text. Only the adapter's user and root can connect.
 */
#ifndef MANAKIN_SERVE_CONTROL_H
#define MANAKIN_SERVE_CONTROL_H

#include "base/error.h"
#include <stddef.h>

#include "device/adapter.h"
#include "host/machine/software.h"

#define CONTROL_SUFFIX SOFTWARE_CONTROL_SUFFIX
#define CONTROL_REQUEST_MAX 256u
#define CONTROL_ANSWER_MAX SOFTWARE_ANSWER_MAX

struct control_server;

/**
 * control_server_open() - listen for requests about @adapter
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int control_server_open(struct adapter *adapter, struct control_server **server, struct error *error);
void control_server_close(struct control_server *server);

/** control_server_fd() - readable when control_server_serve() has something to do */
int control_server_fd(const struct control_server *server);

/** control_server_serve() - answer whoever waits, without blocking */
void control_server_serve(struct control_server *server);

/** control_path() - the control socket of the adapter at @socket; -ENAMETOOLONG */
int control_path(const char *socket, char *path, size_t size);

#endif
