/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace/recorder.h - a trace that is written while lanes move packets.
 *
 * Theory of operation
 *
 * A write to a file can take seconds, so those who have something to record only copy it: each
 * thread has a ring of its own, with finished blocks of the file in it. What does not fit is
 * counted, and a record says so at the place in the time line where it is missing. One more thread
 * takes the blocks out of all rings in the order of their time stamps, and writes them.
 *
 * The file is a ring too, unless no limit is wanted: a beginning that stays (the section and its
 * interfaces), and after it pieces of RECORDER_PIECE bytes. No block crosses the end of a piece:
 * what is left of it is a block of unused space, which readers skip. So once the file has its size,
 * the oldest piece can be written over, and the file is complete at any moment, also if the process
 * is killed. Its newest piece is then somewhere in the middle; readers sort (reader.h).
 *
 * recorder_new() and recorder_free() are for one thread, the control thread; recorder_record() and
 * recorder_frame() are for any, between recorder_start() and recorder_stop().
 */
#ifndef MANAKIN_TRACE_RECORDER_H
#define MANAKIN_TRACE_RECORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "trace/format.h"

#define RECORDER_PIECE      (256u << 10) /* bytes of the file */
#define RECORDER_RING       (4u << 20)   /* bytes that wait to be written, of a thread */
#define RECORDER_MIB        64u          /* of the file, by default */
#define RECORDER_MIB_MAX    4096u
#define RECORDER_INTERFACES 288u /* most that a file has */

struct recorder;

/**
 * struct recorder_interface - an interface of the file
 * @name:	copied into the file, as @description is
 * @link:	TRACE_LINK_ETHERNET or TRACE_LINK_USER0
 * @records:	the interface that takes the records about it: number in the file
 */
struct recorder_interface {
	char name[64];
	const char *description;
	uint16_t link;
	uint32_t records;
};

/**
 * struct recorder_config - a trace
 * @fd:		the file, empty and open for writing; belongs to the recorder, also after a failure
 * @name:	of the file, for messages; copied
 * @program:	who writes it
 * @mib:	what the file may grow to; 0: no limit
 * @snaplen:	bytes that are kept of a frame; 0: all
 * @threads:	that record
 * @interfaces:	@n of them; needed during recorder_new() only
 */
struct recorder_config {
	int fd;
	const char *name, *program;
	uint32_t mib, snaplen;
	unsigned int threads;
	const struct recorder_interface *interfaces;
	unsigned int n;
};

/** recorder_new() - 0 or a negative errno, with @error set */
int recorder_new(const struct recorder_config *config, struct recorder **recorder,
		 struct error *error);

/** recorder_start() - start the thread, which inherits this one's sandbox; 0 or a negative errno */
int recorder_start(struct recorder *recorder);

/** recorder_record() - @data: @record->len bytes; @record->version, header and thread are filled in */
void recorder_record(struct recorder *recorder, uint32_t interface,
		     const struct trace_record *record, const void *data);

/**
 * struct recorder_frame - a frame to be recorded
 * @iov, @iovcnt: its pieces
 * @len:	bytes of it
 * @direction:	PCAPNG_OUTBOUND: sent by the client, on @queue; PCAPNG_INBOUND
 */
struct recorder_frame {
	const struct iovec *iov;
	uint32_t iovcnt, len;
	uint32_t direction, queue;
};

void recorder_frame(struct recorder *recorder, uint32_t interface,
		    const struct recorder_frame *frame);

/** recorder_stop() - have the rest written, and the file closed; nobody may record any more */
void recorder_stop(struct recorder *recorder);

/** recorder_ended() - after recorder_stop(): has that happened? */
bool recorder_ended(const struct recorder *recorder);

/** struct recorder_result - records and frames of all interfaces; see struct pcapng_counts */
struct recorder_result {
	uint64_t kept, lost, overwritten;
	bool failed;
};

/** recorder_result() - so far; all of it once it has ended */
struct recorder_result recorder_result(const struct recorder *recorder);

/**
 * recorder_free() - stop if it was not; gives up on a disk that takes longer than a moment
 *
 * Says what was kept and lost in the log.
 */
void recorder_free(struct recorder *recorder);

#endif
