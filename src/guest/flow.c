/* SPDX-License-Identifier: BSD-3-Clause */
/* guest/flow.c - copy bytes from one file descriptor to another. */
#include "guest/flow.h"

#include <errno.h>
#include <unistd.h>

#define ATOMIC_BYTES 4096u /* a writable pipe accepts this many without blocking */

bool flow_fill(struct flow *flow)
{
	ssize_t n = read(flow->from, flow->data, FLOW_BYTES);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	/* EIO: this process is in the background of the terminal */
	if (n <= 0) {
		flow->from = -1;
		return false;
	}
	flow->start = 0;
	flow->length = (size_t)n;
	return true;
}

void flow_drain(struct flow *flow)
{
	size_t size = flow->length < ATOMIC_BYTES ? flow->length : ATOMIC_BYTES;
	ssize_t n = write(flow->to, flow->data + flow->start, size);

	if (n < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		flow->broken = true;
		flow->from = -1;
		n = (ssize_t)flow->length;
	}
	flow->start += (size_t)n;
	flow->length -= (size_t)n;
}
