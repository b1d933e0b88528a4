/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/pcap.c - capture files: write what the vPort sends, replay to it.
 *
 * Theory of operation
 *
 * A capture is written by a thread of its own (fabric/capture.c). A file that can no longer be
 * written (a full disk, the limit) keeps what it has, and further frames are counted as dropped.
 * The file holds what clients sent to each other: it is readable by its owner only, and is neither
 * reached through a symbolic link nor somebody else's.
 *
 * A capture to be replayed is read completely when the port is opened: errors in it are reported
 * before a client attaches, and a poll delivers prepared frames from memory. One lane at a time
 * replays, so that the order is that of the file; a frame waits until the vPort has a buffer for
 * it.
 */
#include "base/error.h"
#include "fabric/capture.h"
#include "fabric/port.h"

#include "base/passed.h"

/* pcap/pcap.h needs the BSD names of the integer types. */
#include <sys/types.h>

#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PCAP_REPLAY_MAX        (256u << 20) /* bytes of frames */
#define PCAP_REPLAY_FRAMES_MAX (4u << 20)

/**
 * struct replay - a capture in memory
 * @bytes:	the frames, one after the other; NULL if there is no replay
 * @iov:	one per frame
 * @frames:	the same; for a loop, followed by the first ones again, so that a burst never has to
 *		wrap
 * @count:	frames in the file
 * @loop:	start again at the end
 * @next:	the next frame; @count when there are no more
 * @reading:	a lane is replaying
 */
struct replay {
	uint8_t *bytes;
	struct iovec *iov;
	struct frame *frames;
	uint32_t count;
	bool loop;
	_Atomic uint32_t next;
	atomic_flag reading;
};

struct pcap_state {
	struct capture *capture; /* NULL: nothing is written */
	struct replay replay;
};

/**
 * struct loading - a capture being loaded
 * @bytes, @size, @room: the frames so far, and room for them
 * @lens, @count, @lens_room: the same for their lengths
 */
struct loading {
	uint8_t *bytes;
	size_t size, room;
	uint32_t *lens;
	uint32_t count, lens_room;
};

/**
 * load_frame() - append a frame
 * @name:	of the file
 *
 * Return: 0, or negative errno with @error set
 */
static int load_frame(struct loading *loading, const char *name, const struct pcap_pkthdr *header,
		      const uint8_t *bytes, struct error *error)
{
	uint32_t number = loading->count + 1;

	if (header->caplen < header->len)
		return error_fail(
			error, -EINVAL,
			"fabric pcap: frame %u of %s holds only %u of its %u bytes; capture again "
			"without a snapshot length (tcpdump -s 0)",
			number, name, header->caplen, header->len);
	if (header->caplen < ETHERNET_HEADER_SIZE || header->caplen > FABRIC_FRAME_MAX)
		return error_fail(error, -EINVAL,
				  "fabric pcap: frame %u of %s has %u bytes; a frame has %u to %u",
				  number, name, header->caplen, ETHERNET_HEADER_SIZE,
				  FABRIC_FRAME_MAX);
	if (loading->size + header->caplen > PCAP_REPLAY_MAX || number > PCAP_REPLAY_FRAMES_MAX)
		return error_fail(error, -EFBIG,
				  "fabric pcap: %s holds more than %u "
				  "MB or %u frames; cut it (editcap -c)",
				  name, PCAP_REPLAY_MAX >> 20, PCAP_REPLAY_FRAMES_MAX);
	if (loading->size + header->caplen > loading->room) {
		size_t room = 2 * loading->room + FABRIC_FRAME_MAX;
		uint8_t *grown = realloc(loading->bytes, room);

		if (!grown)
			return error_fail(error, -ENOMEM, "fabric pcap: out of memory");
		loading->bytes = grown;
		loading->room = room;
	}
	if (loading->count == loading->lens_room) {
		uint32_t room = 2 * loading->lens_room + 1024;
		uint32_t *grown = realloc(loading->lens, room * sizeof(*grown));

		if (!grown)
			return error_fail(error, -ENOMEM, "fabric pcap: out of memory");
		loading->lens = grown;
		loading->lens_room = room;
	}
	memcpy(loading->bytes + loading->size, bytes, header->caplen);
	loading->size += header->caplen;
	loading->lens[loading->count++] = header->caplen;
	return 0;
}

/**
 * load_file() - read all frames of a capture
 * @in:		the file; closed
 * @name:	of it
 * @loading:	filled in, also on failure
 *
 * Return: 0, or negative errno with @error set
 */
static int load_file(FILE *in, const char *name, struct loading *loading, struct error *error)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	struct pcap_pkthdr *header;
	const uint8_t *bytes;
	pcap_t *handle = pcap_fopen_offline(in, why);
	int link, more, rc = 0;

	if (!handle) {
		fclose(in);
		return error_fail(error, -EINVAL, "fabric pcap: %s is not a capture file: %s", name,
				  why);
	}
	link = pcap_datalink(handle);
	if (link != DLT_EN10MB) {
		const char *what = pcap_datalink_val_to_name(link);

		rc = error_fail(error, -EINVAL,
				"fabric pcap: %s holds frames of link type %s (%d), not Ethernet; "
				"capture on an Ethernet interface",
				name, what ? what : "unknown", link);
	}
	while (!rc) {
		more = pcap_next_ex(handle, &header, &bytes);
		if (more == 1)
			rc = load_frame(loading, name, header, bytes, error);
		else if (more == PCAP_ERROR_BREAK)
			break;
		else
			rc = error_fail(error, -EINVAL,
					"fabric pcap: %s is damaged after frame %u: %s", name,
					loading->count, pcap_geterr(handle));
	}
	if (!rc && !loading->count)
		rc = error_fail(error, -EINVAL, "fabric pcap: %s holds no frames", name);
	pcap_close(handle);
	return rc;
}

/**
 * open_file() - open a file that cannot block, as a pipe could, or take one that was passed
 * @flags:	as for open()
 * @what:	for the message: to read or to write it
 * @status:	what fstat() says
 *
 * Return: a descriptor, or negative errno with @error set
 */
static int open_file(const char *name, int flags, const char *what, struct stat *status,
		     struct error *error)
{
	int fd = passed_is(name) ? passed_fd(name)
				 : open(name, flags | O_NONBLOCK | O_CLOEXEC, 0600);
	int rc = 0;

	if (fd < 0 && passed_is(name))
		return error_fail(error, fd,
				  "fabric pcap: no descriptor was passed for %s; redirect one, as "
				  "in 5<>FILE",
				  name);
	if (fd < 0 && errno == ELOOP && flags & O_NOFOLLOW)
		rc = error_fail(error, -ELOOP,
				"fabric pcap: %s is a symbolic link, and none is followed to %s a "
				"file; name the file itself",
				name, what);
	else if (fd < 0 || fstat(fd, status))
		rc = error_fail(error, -errno, "fabric pcap: %s cannot be opened to %s it: %s",
				name, what, error_reason(errno));
	else if (!S_ISREG(status->st_mode) && !S_ISCHR(status->st_mode))
		rc = error_fail(error, -EINVAL,
				"fabric pcap: %s is not a regular file; name one to %s it", name,
				what);
	if (rc && fd >= 0)
		close(fd);
	return rc ? rc : fd;
}

/**
 * open_replay() - load a capture
 * @name:	of the file
 * @status:	what fstat() says of it
 *
 * Return: 0, or negative errno with @error set and nothing in @replay to free
 */
static int open_replay(struct replay *replay, const char *name, struct stat *status,
		       struct error *error)
{
	struct loading loading = { 0 };
	uint32_t ready;
	size_t at = 0;
	FILE *in;
	int rc;

	rc = open_file(name, O_RDONLY, "read", status, error);
	if (rc < 0)
		return rc;
	in = fdopen(rc, "r");
	if (!in) {
		close(rc);
		return error_fail(error, -ENOMEM, "fabric pcap: out of memory");
	}
	rc = load_file(in, name, &loading, error);
	if (rc)
		goto out;

	replay->count = loading.count;
	ready = replay->count + (replay->loop ? FABRIC_BURST - 1 : 0);
	replay->iov = calloc(replay->count, sizeof(*replay->iov));
	replay->frames = calloc(ready, sizeof(*replay->frames));
	if (!replay->iov || !replay->frames) {
		free(replay->iov);
		free(replay->frames);
		rc = error_fail(error, -ENOMEM, "fabric pcap: out of memory");
		goto out;
	}
	for (uint32_t i = 0; i < replay->count; i++) {
		replay->iov[i] = (struct iovec){ .iov_base = loading.bytes + at,
						 .iov_len = loading.lens[i] };
		at += loading.lens[i];
	}
	for (uint32_t i = 0; i < ready; i++) {
		uint32_t frame = i % replay->count;

		replay->frames[i] = (struct frame){ .iov = &replay->iov[frame],
						    .iovcnt = 1,
						    .len = loading.lens[frame] };
	}
	replay->bytes = loading.bytes;
	loading.bytes = NULL;
	atomic_flag_clear(&replay->reading);
out:
	free(loading.bytes);
	free(loading.lens);
	return rc;
}

static void close_replay(struct replay *replay)
{
	if (!replay->bytes)
		return;
	free(replay->bytes);
	free(replay->iov);
	free(replay->frames);
}

/** claim() - may this file be written, by this port only? Then empty it */
static int claim(int fd, const char *name, const struct stat *status, struct error *error)
{
	if (!S_ISREG(status->st_mode))
		return 0;
	/* Whoever passed an open file has decided whose it is. */
	if (!passed_is(name) && (status->st_uid != geteuid() || status->st_nlink > 1))
		return error_fail(error, -EPERM,
				  "fabric pcap: %s %s; remove it, or name another file", name,
				  status->st_nlink > 1 ? "has another name, too (a hard link)"
						       : "belongs to another user");
	if (flock(fd, LOCK_EX | LOCK_NB))
		return error_fail(error, errno == EWOULDBLOCK ? -EBUSY : -errno,
				  "fabric pcap: %s is being written by "
				  "another port or process; name another file",
				  name);
	if ((!passed_is(name) && fchmod(fd, 0600)) || ftruncate(fd, 0))
		return error_fail(error, -errno, "fabric pcap: %s cannot be truncated: %s", name,
				  error_reason(errno));
	return 0;
}

/**
 * open_capture() - begin the file to be written
 * @name:	of the file
 * @limit:	its maximum size in bytes
 * @in:		the file that is replayed, or NULL
 *
 * Return: 0, or negative errno with @error set
 */
static int open_capture(struct capture **capture, const char *name, uint64_t limit,
			const struct stat *in, struct error *error)
{
	struct stat status;
	int fd, rc;

	fd = open_file(name, O_WRONLY | O_CREAT | O_NOFOLLOW, "write", &status, error);
	if (fd < 0)
		return fd;
	if (in && status.st_dev == in->st_dev && status.st_ino == in->st_ino)
		rc = error_fail(
			error, -EINVAL,
			"fabric pcap: %s cannot be both replayed and written; write to another "
			"file",
			name);
	else
		rc = claim(fd, name, &status, error);
	if (rc) {
		close(fd);
		return rc;
	}
	return capture_start(fd, name, limit, capture, error);
}

static int pcap_fabric_open(struct fabric_port *port, const struct fabric_spec *spec,
			    struct error *error)
{
	const char *replay = NULL;
	bool loop = false, limited = false;
	struct pcap_state *state;
	struct stat in;
	uint64_t limit = CAPTURE_LIMIT_DEFAULT;
	int rc = 0;

	for (unsigned int i = 0; i < spec->count && !rc; i++) {
		const struct fabric_option *option = &spec->options[i];

		if (!strcmp(option->key, "replay") && option->value && *option->value) {
			replay = option->value;
		} else if (!strcmp(option->key, "loop") && !option->value) {
			loop = true;
		} else if (!strcmp(option->key, "limit")) {
			limited = true;
			if (option->value && !strcmp(option->value, "none"))
				limit = UINT64_MAX;
			else
				rc = fabric_option_number(port, option, CAPTURE_HEADER,
							  UINT64_MAX - 1, &limit, error);
		} else {
			rc = fabric_option_unknown(port, option, error);
		}
	}
	if (rc)
		return rc;
	if (spec->argument ? !*spec->argument : !replay)
		return error_fail(error, -EINVAL, "fabric pcap: a file is missing; write %s",
				  port->ops->usage);
	if ((loop && !replay) || (limited && !spec->argument))
		return error_fail(error, -EINVAL, "fabric pcap: %s; write %s",
				  loop && !replay ? "loop needs replay"
						  : "limit needs a file to write",
				  port->ops->usage);

	state = calloc(1, sizeof(*state));
	if (!state)
		return error_fail(error, -ENOMEM, "fabric pcap: out of memory");
	state->replay.loop = loop;
	if (replay)
		rc = open_replay(&state->replay, replay, &in, error);
	if (!rc && spec->argument) {
		rc = open_capture(&state->capture, spec->argument, limit, replay ? &in : NULL,
				  error);
		if (rc)
			close_replay(&state->replay);
	}
	if (rc) {
		free(state);
		return rc;
	}
	port->state = state;
	return 0;
}

static void pcap_fabric_close(struct fabric_port *port)
{
	struct pcap_state *state = port->state;

	if (state->capture)
		capture_stop(state->capture);
	close_replay(&state->replay);
	free(state);
}

static void pcap_send(struct fabric_port *port, unsigned int lane, const struct frame *frames,
		      unsigned int n)
{
	struct pcap_state *state = port->state;
	unsigned int written = n;

	if (state->capture)
		written = capture_add(state->capture, frames, n);
	fabric_count_sent(port, lane, frames, written);
	if (written < n)
		counter_add(&port->lanes[lane].counters.tx_dropped, n - written);
}

static unsigned int pcap_poll(struct fabric_port *port, unsigned int lane, unsigned int budget)
{
	struct pcap_state *state = port->state;
	struct replay *replay = &state->replay;
	unsigned int taken = 0, want = budget;
	uint32_t next;

	if (!replay->bytes || !port->receiver.deliver ||
	    atomic_flag_test_and_set_explicit(&replay->reading, memory_order_acquire))
		return 0;
	next = atomic_load_explicit(&replay->next, memory_order_relaxed);
	if (!replay->loop && replay->count - next < want)
		want = replay->count - next;
	if (want)
		taken = fabric_deliver(port, lane, &replay->frames[next], want);
	next += taken;
	if (replay->loop && next >= replay->count)
		next %= replay->count;
	atomic_store_explicit(&replay->next, next, memory_order_relaxed);
	atomic_flag_clear_explicit(&replay->reading, memory_order_release);
	return taken;
}

static bool pcap_is_source(const struct fabric_port *port)
{
	const struct pcap_state *state = port->state;

	return state->replay.bytes && port->receiver.deliver &&
	       atomic_load_explicit(&state->replay.next, memory_order_relaxed) <
		       state->replay.count;
}

static void pcap_flush_file(struct fabric_port *port)
{
	struct pcap_state *state = port->state;

	if (state->capture)
		capture_flush(state->capture);
}

const struct fabric_ops fabric_pcap = {
	.name = "pcap",
	.usage = "pcap:FILE[+limit=BYTES|none][+replay=FILE[+loop]] or pcap+replay=FILE[+loop]",
	.open = pcap_fabric_open,
	.close = pcap_fabric_close,
	.send = pcap_send,
	.poll = pcap_poll,
	.is_source = pcap_is_source,
	.flush = pcap_flush_file,
};
