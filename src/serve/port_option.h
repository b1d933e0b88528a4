/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve/port_option.h - read the --port option of `manakin device`.
 */
#ifndef MANAKIN_SERVE_PORT_OPTION_H
#define MANAKIN_SERVE_PORT_OPTION_H

#include "base/error.h"
#include <stddef.h>

#include "device/adapter.h"

/**
 * port_option_parse() - read mac=..,fabric=..,mtu=..,queues=..,source=check,speed=..
 * @text:	modified, and must stay valid: @port points into it
 * @port:	filled in, with defaults except for the MAC address, which is all zero if not given
 * @error:	on failure, a sentence for the user
 *
 * A comma that is not followed by one of the keys belongs to the value before it, so that
 * fabric=generator:size=64,flows=8 needs no quotes.
 *
 * Return: 0 or -EINVAL
 */
int port_option_parse(char *text, struct adapter_port_config *port, struct error *error);

/** port_option_default() - a port without any options: a sink */
void port_option_default(struct adapter_port_config *port);

#endif
