/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/loop.c - return what the vPort sends to it.
 *
 * The frames are delivered within fabric_send(), from the sender's memory, with
 * their flags unchanged: a partial checksum comes back partial.
 */
#include "fabric/port.h"

static int loop_open(struct fabric_port *port, const struct fabric_spec *spec, struct error *error)
{
	fabric_set_caps(port, FABRIC_CSUM | FABRIC_GSO);
	return fabric_option_none(port, spec, error);
}

static void loop_close(struct fabric_port *port)
{
	(void)port;
}

static void loop_send(struct fabric_port *port, unsigned int lane, const struct frame *frames,
		      unsigned int n)
{
	uint64_t bytes = fabric_count_sent(port, lane, frames, n);

	fabric_offer_or_drop(port, lane, frames, n, bytes);
}

const struct fabric_ops fabric_loop = {
	.name = "loop",
	.usage = "loop",
	.open = loop_open,
	.close = loop_close,
	.send = loop_send,
};
