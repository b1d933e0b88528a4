/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/diagnosis/tail.h - a log that is still being written: a file, a stream, the kernel's.
 *
 * A file is followed by its name: if it is replaced (rotated), the old one is read to its end, and
 * then the new one from its beginning; if it is truncated, it is read from its beginning again.
 * inotify(7) says when to look, nothing is polled.
 */
#ifndef MANAKIN_HOST_DIAGNOSIS_TAIL_H
#define MANAKIN_HOST_DIAGNOSIS_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct tail;

/**
 * struct tail_news - about what tail_read() returned
 * @begins:	another file begins here, or the same one again
 * @ms:		when the lines came, on base/clock.h's clock; what was there at the start came then
 */
struct tail_news {
	bool begins;
	uint64_t ms;
};

/**
 * tail_file() - a file, read from its beginning; or what else has a name: a FIFO, a terminal
 * @path:	may be missing as long as its directory is there
 * @error:	on failure, a sentence for the user
 *
 * Return: NULL on failure
 */
struct tail *tail_file(const char *path, struct error *error);

/** tail_stream() - a descriptor, which stays the caller's */
struct tail *tail_stream(int fd, struct error *error);

/** tail_kernel() - the kernel's log, from the oldest message that it has */
struct tail *tail_kernel(struct error *error);

void tail_close(struct tail *tail);

/** tail_fd() - for poll(): readable if there may be more */
int tail_fd(const struct tail *tail);

/**
 * tail_read() - more of the log
 * @to:		@size bytes, KMSG_RECORD of them at least
 * @news:	filled in, if there is more
 * @error:	on failure, a sentence for the user
 *
 * Return: its length; 0: the stream has ended; -EAGAIN: nothing now; or another negative errno
 */
ssize_t tail_read(struct tail *tail, void *to, size_t size, struct tail_news *news,
		  struct error *error);

/** tail_waits() - is there no file of this name yet? */
bool tail_waits(const struct tail *tail);

/** tail_lost() - messages of the kernel that were overwritten before they were read */
uint64_t tail_lost(const struct tail *tail);

/**
 * tail_trouble() - why the file that has the name now cannot be read, if so: the old one still is
 *
 * Return: a positive errno, once each time; 0: no trouble
 */
int tail_trouble(struct tail *tail);

#endif
