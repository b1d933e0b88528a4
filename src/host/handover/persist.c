/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The unit runs after the network is up, not before it: only then does setup see which interface
 * carries the default route, and refuses that one at boot as it does at any other time.
 */
#include "host/handover/persist.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"

#define UNIT_MAX 65536u /* bytes */
#define UNIT_NEW PERSIST_UNIT ".new"
#define START    "ExecStart="

static const char head[] = "# Written by 'manakin setup --persist'; 'manakin restore' removes it.\n"
			   "[Unit]\n"
			   "Description=Hand network interfaces over to DPDK\n"
			   "Documentation=man:manakin-setup(1)\n"
			   "Wants=network-online.target\n"
			   "After=network-online.target\n"
			   "\n"
			   "[Service]\n"
			   "Type=oneshot\n"
			   "RemainAfterExit=yes\n";
static const char tail[] = "\n[Install]\nWantedBy=multi-user.target\n";

/** is_of() - is this the line of a port? */
static bool is_of(const char *line, const char *key)
{
	const char *last = strrchr(line, ' ');

	return !strncmp(line, START, sizeof(START) - 1) &&
	       (!key || (last && !strcmp(last + 1, key)));
}

/** unit() - the unit as it is; empty if there is none */
static void unit(const struct host *host, char text[UNIT_MAX])
{
	if (host_read(host, text, UNIT_MAX, PERSIST_DIRECTORY "/" PERSIST_UNIT) < 0)
		*text = '\0';
}

bool persist_has(const struct host *host, const char *key)
{
	char text[UNIT_MAX], *rest = text, *line;

	unit(host, text);
	while ((line = strsep(&rest, "\n")))
		if (is_of(line, key))
			return true;
	/* A setup that was killed may have left this. */
	return host_exists(host, PERSIST_DIRECTORY "/" UNIT_NEW);
}

bool persist_is(const struct host *host, const char *key, const char *command)
{
	char text[UNIT_MAX], *rest = text, *line;
	size_t len = strlen(command);

	unit(host, text);
	while ((line = strsep(&rest, "\n")))
		if (is_of(line, key) && !strncmp(line + sizeof(START) - 1, command, len) &&
		    !strcmp(line + sizeof(START) - 1 + len + 1, key))
			return host_exists(host,
					   PERSIST_DIRECTORY "/" PERSIST_WANTS "/" PERSIST_UNIT);
	return false;
}

int persist_text(const struct host *host, const char *key, const char *command, char **text)
{
	char old[UNIT_MAX], *rest = old, *line;
	size_t size, lines = 0;
	FILE *out = open_memstream(text, &size);

	if (!out)
		return -ENOMEM;
	unit(host, old);
	fputs(head, out);
	while ((line = strsep(&rest, "\n"))) {
		if (!is_of(line, NULL) || is_of(line, key))
			continue;
		fprintf(out, "%s\n", line);
		lines++;
	}
	if (command) {
		fprintf(out, START "%s %s\n", command, key);
		lines++;
	}
	fputs(tail, out);
	fclose(out);
	if (!lines) {
		free(*text);
		*text = NULL;
	}
	return 0;
}

/** write_unit() - write it beside the old one, then rename it */
static int write_unit(int dir, const char *text)
{
	int fd, err;

	beneath_remove(dir, UNIT_NEW, 0); /* what a killed setup left */
	fd = beneath_open(dir, UNIT_NEW, O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		return fd;
	err = beneath_write(fd, text);
	if (!err && fsync(fd))
		err = -errno;
	close(fd);
	if (!err)
		err = beneath_rename(dir, UNIT_NEW, PERSIST_UNIT);
	if (err)
		beneath_remove(dir, UNIT_NEW, 0);
	return err;
}

/** enable() - as 'systemctl enable' does */
static int enable(int dir)
{
	int err = beneath_mkdir(dir, PERSIST_WANTS, 0755);

	if (err && err != -EEXIST)
		return err;
	err = beneath_symlink(dir, "../" PERSIST_UNIT, PERSIST_WANTS "/" PERSIST_UNIT);
	return err == -EEXIST ? 0 : err;
}

int persist_put(const struct host *host, const char *text)
{
	int dir = host_open_file(host, PERSIST_DIRECTORY), err;

	if (dir < 0)
		return dir;
	if (text) {
		err = write_unit(dir, text);
		if (!err)
			err = enable(dir);
	} else {
		static const char *const files[] = { PERSIST_WANTS "/" PERSIST_UNIT, PERSIST_UNIT,
						     UNIT_NEW };

		err = 0;
		for (size_t i = 0; !err && i < sizeof(files) / sizeof(files[0]); i++) {
			err = beneath_remove(dir, files[i], 0);
			if (err == -ENOENT)
				err = 0;
		}
	}
	close(dir);
	return err;
}
