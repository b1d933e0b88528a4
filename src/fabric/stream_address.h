/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/stream_address.h - the address of a stream socket, as text: PATH, or HOST:PORT. Only for
 * this room.
 *
 * A text with a slash, or without a colon, is the path of a UNIX socket. HOST is a name or an
 * address, of IPv6 in brackets.
 */
#ifndef MANAKIN_FABRIC_STREAM_ADDRESS_H
#define MANAKIN_FABRIC_STREAM_ADDRESS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/socket_file.h"

/** stream_address_is_path() - is it a UNIX socket's? */
bool stream_address_is_path(const char *text);

/**
 * stream_address_connect() - a socket that is connected to who listens there
 *
 * Waits for at most 5 seconds.
 *
 * Return: the descriptor, non-blocking, or a negative errno with @error set
 */
int stream_address_connect(const char *text, struct error *error);

/**
 * stream_address_listen() - a socket that listens there
 * @file:	filled in for a UNIX socket, which only its owner can connect to
 *
 * Return: as above
 */
int stream_address_listen(const char *text, struct socket_file *file, struct error *error);

#endif
