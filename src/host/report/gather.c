/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a report has besides the machine's answers: logs; and the names that must not be in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/machine/kmsg.h"
#include "host/report/filter.h"
#include "host/report/report.h"

#define HEAD_MAX (1u << 20) /* bytes of the beginning of a log that is longer than all may be */
#define CUT_SIZE (sizeof(REPORT_CUT) - 1)
#define USER_MIN 1000ul /* of people; the others' are the same on all machines */

/* ---- logs ---- */

/** read_part() - from one place on; its length or a negative errno */
static ssize_t read_part(int fd, char *to, size_t size, off_t at)
{
	size_t len = 0;
	ssize_t got = 1;

	while (len < size && (got = at < 0 ? read(fd, to + len, size - len)
					   : pread(fd, to + len, size - len, at + (off_t)len)) > 0)
		len += (size_t)got;
	return got < 0 ? -errno : (ssize_t)len;
}

/** read_log() - all, or the beginning and the end in whole lines; its length or a negative errno */
static ssize_t read_log(int fd, char *to)
{
	struct stat st;
	size_t tail = REPORT_LOG_MAX - HEAD_MAX - CUT_SIZE;
	ssize_t head, got;
	char *line;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) || st.st_size <= (off_t)REPORT_LOG_MAX)
		return read_part(fd, to, REPORT_LOG_MAX, -1);
	head = read_part(fd, to, HEAD_MAX, 0);
	if (head < 0)
		return head;
	while (head && to[head - 1] != '\n')
		head--;
	to += head;
	memcpy(to, REPORT_CUT, CUT_SIZE);
	to += CUT_SIZE;
	got = read_part(fd, to, tail, st.st_size - (off_t)tail);
	if (got < 0)
		return got;
	line = memchr(to, '\n', (size_t)got);
	tail = line ? (size_t)(to + got - line) - 1 : 0;
	if (tail)
		memmove(to, line + 1, tail);
	return head + (ssize_t)(CUT_SIZE + tail);
}

int report_add_file(struct report *report, const char *path, struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	char name[32], *text = malloc(REPORT_LOG_MAX);
	unsigned int number = 1;
	ssize_t len = fd < 0 ? -errno : text ? read_log(fd, text) : -ENOMEM;

	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < report->n_logs; i++)
		number += !strncmp(report->log[i].name, "application", 11);
	snprintf(name, sizeof(name), "application-%u", number);
	if (len < 0)
		err = error_fail(error, (int)len, "cannot read the log %s: %s", path,
				 error_reason((int)-len));
	else if (memchr(text, '\0', (size_t)len) || (len > 1 && !memcmp(text, "\x1f\x8b", 2)))
		err = error_fail(error, -EINVAL,
				 "the log %s is not plain text, so addresses in it would not be "
				 "found: decompress it, or convert it to UTF-8, first",
				 path);
	else
		err = report_add_log(report, name, text, (size_t)len);
	if (err == -E2BIG)
		error_say(error, "there are more than %u logs; name fewer", REPORT_LOGS - 1);
	else if (err == -ENOMEM)
		error_say(error, "out of memory");
	free(text);
	return err;
}

int report_add_kernel(struct report *report, const char *const *names, size_t n)
{
	char *text;
	size_t len;
	int err = kmsg_all(&text, &len);

	if (err && err != -ENOMEM) {
		snprintf(report->missing, sizeof(report->missing), "the kernel's log: %s",
			 err == -EPERM || err == -EACCES ? "only root may read it"
							 : strerror(-err));
		free(text);
		return 0;
	}
	if (!err)
		err = report_add_log(report, "kernel", text, filter_kernel(text, len, names, n));
	free(text);
	return err;
}

/* ---- names ---- */

/** learn_users() - those of people */
static int learn_users(const struct host *host, struct private *private)
{
	FILE *file = host_stream(host, "/etc/passwd");
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	while (file && !err && getline(&line, &size, file) > 0) {
		char *rest = line, *name = strsep(&rest, ":"), *id;

		strsep(&rest, ":"); /* the password, which may be empty */
		id = strsep(&rest, ":");
		if (id && strtoul(id, NULL, 10) >= USER_MIN)
			err = private_word(private, PRIVATE_USER, name);
	}
	free(line);
	if (file)
		fclose(file);
	return err;
}

/** learn_id() - that of the machine (machine-id(5)): a UUID without dashes */
static int learn_id(const struct host *host, struct private *private)
{
	char id[64], uuid[64];

	if (host_read(host, id, sizeof(id), "/etc/machine-id") != 32)
		return 0;
	snprintf(uuid, sizeof(uuid), "%.8s-%.4s-%.4s-%.4s-%.12s", id, id + 8, id + 12, id + 16,
		 id + 20);
	return private_learn(private, uuid, strlen(uuid));
}

int report_learn_names(const struct host *host, struct private *private)
{
	static const char *const files[] = { "/proc/sys/kernel/hostname", "/etc/hostname" };
	static const char *const variables[] = { "SUDO_USER", "USER", "LOGNAME" };
	struct host unrecorded = host_unrecorded(host);
	int err = learn_users(&unrecorded, private);
	char name[256];

	if (!err)
		err = learn_id(&unrecorded, private);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && !err; i++)
		if (host_read(&unrecorded, name, sizeof(name), "%s", files[i]) > 0) {
			name[strcspn(name, " \t\n")] = '\0';
			err = private_word(private, PRIVATE_HOST, name);
		}
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]) && !err; i++) {
		const char *value = host_is_machine(host) ? getenv(variables[i]) : NULL;

		if (value)
			err = private_word(private, PRIVATE_USER, value);
	}
	return err;
}
