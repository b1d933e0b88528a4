/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The form of a record: Linux, Documentation/ABI/testing/dev-kmsg:
 *
 *	6,339,5140900,-;NET: Registered protocol family 10
 *	 SUBSYSTEM=...
 *
 * Priority and facility, sequence number, microseconds, flags; after the semicolon the text, in
 * which bytes that are no printable ASCII, and the backslash, are \xNN; then lines with more.
 */
#include "host/machine/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG     "/dev/kmsg"
#define LOG_MAX (16u << 20) /* bytes; usual are 256 KiB */

int kmsg_open(struct kmsg *kmsg, struct error *error)
{
	int err;

	*kmsg = (struct kmsg){ .fd = open(LOG, O_RDONLY | O_NONBLOCK | O_CLOEXEC) };
	if (kmsg->fd >= 0)
		return 0;
	err = -errno;
	return error_fail(error, err,
			  err == -EPERM || err == -EACCES
				  ? "cannot read the kernel's log " LOG ": %s; with "
				    "kernel.dmesg_restrict it takes root, or CAP_SYSLOG"
				  : "cannot read the kernel's log " LOG ": %s",
			  strerror(-err));
}

void kmsg_close(struct kmsg *kmsg)
{
	if (kmsg->fd >= 0)
		close(kmsg->fd);
	kmsg->fd = -1;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** unescape() - \xNN to the byte; the length */
static size_t unescape(char *to, size_t size, const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < size; i++) {
		if (len - i >= 4 && text[i] == '\\' && text[i + 1] == 'x' &&
		    digit(text[i + 2]) >= 0 && digit(text[i + 3]) >= 0) {
			to[n] = (char)(digit(text[i + 2]) << 4 | digit(text[i + 3]));
			i += 3;
		} else {
			to[n] = text[i];
		}
		n++;
	}
	return n;
}

size_t kmsg_parse(const char *record, size_t len, char *line, size_t size, uint64_t *sequence)
{
	const char *text = memchr(record, ';', len), *end;
	char head[80];
	unsigned int priority;
	uint64_t us;
	size_t n;
	int wrote;

	if (!text || (size_t)(text - record) >= sizeof(head) || size < sizeof(head))
		return 0;
	memcpy(head, record, (size_t)(text - record));
	head[text - record] = 0;
	if (sscanf(head, "%u,%" SCNu64 ",%" SCNu64, &priority, sequence, &us) != 3)
		return 0;
	/* Three bits of priority; the facility of the kernel itself is 0. */
	if (priority > 7)
		return 0;
	text++;
	end = memchr(text, '\n', len - (size_t)(text - record));
	if (!end)
		end = record + len;
	wrote = snprintf(line, size, "[%5" PRIu64 ".%06" PRIu64 "] ", us / 1000000, us % 1000000);
	n = (size_t)wrote;
	n += unescape(line + n, size - n - 1, text, (size_t)(end - text));
	line[n++] = '\n';
	return n;
}

ssize_t kmsg_read(struct kmsg *kmsg, char *line, size_t size)
{
	char record[KMSG_RECORD];
	uint64_t sequence;
	size_t length;
	ssize_t n;

	for (;;) {
		n = read(kmsg->fd, record, sizeof(record));
		/* EPIPE: the next message was overwritten; then the oldest one is next. */
		if (n < 0 && (errno == EINTR || errno == EPIPE))
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		sequence = kmsg->sequence;
		length = kmsg_parse(record, (size_t)n, line, size, &sequence);
		if (kmsg->sequence && sequence > kmsg->sequence)
			kmsg->lost += sequence - kmsg->sequence;
		kmsg->sequence = sequence + 1;
		if (length)
			return (ssize_t)length;
	}
}

int kmsg_all(char **text, size_t *len)
{
	char line[KMSG_RECORD];
	struct error error;
	struct kmsg kmsg;
	ssize_t got = 0;
	int err = kmsg_open(&kmsg, &error);
	FILE *to;

	*text = NULL;
	*len = 0;
	if (err)
		return err;
	to = open_memstream(text, len);
	while (to && (size_t)ftell(to) < LOG_MAX &&
	       (got = kmsg_read(&kmsg, line, sizeof(line))) > 0)
		fwrite(line, 1, (size_t)got, to);
	kmsg_close(&kmsg);
	if (!to || fclose(to))
		return -ENOMEM;
	return got < 0 && got != -EAGAIN ? (int)got : 0;
}
