/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The messages are those of Linux 5.15 to 7.3: drivers/net/ethernet/microsoft/mana (hw_channel.c,
 * gdma_main.c), drivers/net/hyperv/netvsc_drv.c, and really_probe() in drivers/base/dd.c.
 */
#include "host/machine/driver_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/machine/kmsg.h"

#define RECORDED "/dev/kmsg" /* as which a report has it */
#define FILE_MAX (8u << 20)  /* bytes; of a file, its end */

/** struct log - all of it that there is: the kernel keeps the newest lines */
struct log {
	char *text;
	size_t len;
};

/** read_end() - the end of a file that is open; it is closed */
static int read_end(int fd, struct log *log)
{
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t got = 0;

	if (size > (off_t)FILE_MAX)
		size = FILE_MAX;
	log->text = size < 0 ? NULL : malloc((size_t)size + 1);
	if (log->text && lseek(fd, -size, SEEK_END) >= 0)
		while (log->len < (size_t)size &&
		       (got = read(fd, log->text + log->len, (size_t)size - log->len)) > 0)
			log->len += (size_t)got;
	close(fd);
	if (!log->text || got < 0)
		return -EIO;
	for (size_t i = 0; i < log->len; i++)
		if (!log->text[i])
			log->text[i] = ' '; /* as a machine that lost power leaves them */
	log->text[log->len] = '\0';
	return 0;
}

/** recall() - what a report has of it */
static int recall(const struct host *host, struct log *log)
{
	FILE *file = host_stream(host, RECORDED), *to;
	char part[4096];
	size_t n;

	if (!file)
		return -errno;
	to = open_memstream(&log->text, &log->len);
	while (to && (n = fread(part, 1, sizeof(part), file)))
		fwrite(part, 1, n, to);
	fclose(file);
	return !to || fclose(to) ? -ENOMEM : 0;
}

/** find_log() - see read_log() */
static int find_log(const struct host *host, struct log *log)
{
	static const char *const files[] = { "/var/log/dmesg", "/var/log/kern.log" };

	if (host_is_report(host))
		return recall(host, log);
	if (host_is_machine(host))
		return kmsg_all(&log->text, &log->len);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int fd = host_open_file(host, "%s", files[i]);

		if (fd >= 0)
			return read_end(fd, log);
	}
	return -ENOENT;
}

/** read_log() - to be freed, after a failure too */
static int read_log(const struct host *host, struct log *log)
{
	int err;

	memset(log, 0, sizeof(*log));
	err = find_log(host, log);
	host_note(host, RECORDED, err, log->text, err ? 0 : log->len);
	return err;
}

/** next_line() - copy a line, without what cannot be printed; NULL at the end */
static const char *next_line(const char *at, char *line, size_t size)
{
	size_t len, n = 0;

	if (!at || !*at)
		return NULL;
	len = strcspn(at, "\n");
	for (size_t i = 0; i < len && n + 1 < size; i++)
		if (at[i] >= ' ' && at[i] != 0x7f)
			line[n++] = at[i];
	line[n] = '\0';
	return at + len + (at[len] == '\n');
}

/** number_after() - the number in a line after a text, decimal or 0x; 0: there is none */
static long number_after(const char *line, const char *text)
{
	const char *at = strstr(line, text);

	return at ? strtol(at + strlen(text), NULL, 0) : 0;
}

/** status_of() - the status of a refused command; 0: the line is not about one */
static unsigned long status_of(const char *line)
{
	static const char *const before[] = { "Failed hw_channel req: ", "failed with status: ",
					      "status=", "status: ", "err: " };
	const char *at;

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		at = strstr(line, before[i]);
		if (at && !strncmp(at + strlen(before[i]), "0x", 2))
			return strtoul(at + strlen(before[i]), NULL, 16);
	}
	return 0;
}

/** err_of() - the errno that a probe failed with; 0: the line is not about one */
static int err_of(const char *line)
{
	long err = number_after(line, "failed with error ");

	if (!err && strstr(line, "probe failed"))
		err = number_after(line, "err = ");
	return err < 0 && err > -4096 ? (int)-err : 0;
}

/** look_at_probe() - take from a line what it says of the probe */
static void look_at_probe(const char *line, const char *mana, struct driver_probe *probe)
{
	unsigned long status = status_of(line);
	bool silent = strstr(line, "timed out") || strstr(line, "not ready");
	int err = err_of(line);

	/* Said near the end of a probe that succeeds; and the driver was asked again. */
	if (strstr(line, "protocol version") || strstr(line, "enabling device")) {
		memset(probe, 0, sizeof(*probe));
		return;
	}
	/* The first says why, those after it what follows. */
	if ((status || silent || err) && !*probe->line)
		snprintf(probe->line, sizeof(probe->line), "%s", mana);
	if (!probe->status && !probe->silent) {
		probe->status = status;
		probe->silent = silent;
	}
	if (err)
		probe->err = err;
}

int driver_log_probe(const struct host *host, const char *address, struct driver_probe *probe)
{
	struct log log;
	int err = read_log(host, &log);
	const char *at = err ? NULL : log.text;
	char line[400];

	memset(probe, 0, sizeof(*probe));
	while ((at = next_line(at, line, sizeof(line)))) {
		const char *mana = strstr(line, "mana");

		if (mana && strstr(line, address))
			look_at_probe(line, mana, probe);
	}
	free(log.text);
	return err;
}

enum driver_slot driver_log_slot(const struct host *host)
{
	enum driver_slot slot = SLOT_UNKNOWN;
	struct log log;
	const char *at = read_log(host, &log) ? NULL : log.text;
	char line[400];

	while ((at = next_line(at, line, sizeof(line)))) {
		const char *text = strstr(line, "VF slot ");

		if (!text || !strstr(line, "hv_netvsc"))
			continue;
		if (strstr(text, " added"))
			slot = SLOT_ADDED;
		else if (strstr(text, " removed"))
			slot = SLOT_REMOVED;
	}
	free(log.text);
	return slot;
}
