/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/known/kernel_version.h - which of the kernel's releases a kernel is built from.
 */
#ifndef MANAKIN_HOST_KNOWN_KERNEL_VERSION_H
#define MANAKIN_HOST_KNOWN_KERNEL_VERSION_H

#include <stdbool.h>
#include <stddef.h>

struct host;

/* What the number of a kernel says of the fixes that it has */
enum kernel_number {
	KERNEL_UNKNOWN, /* nothing: a distribution's own series, as Red Hat's 5.14.0-570.el9 */
	KERNEL_LEAST,   /* those of this release, and others: Ubuntu */
	KERNEL_EXACT,   /* those of this release */
};

#define KERNEL_RELEASE_TEXT 80u

/**
 * struct kernel_version - a kernel
 * @major, @minor, @patch: 6, 12, 57
 * @rc:		of a release candidate, from 1; else 0
 * @release:	as uname(1) prints it; empty if there is none
 */
struct kernel_version {
	enum kernel_number number;
	unsigned int major, minor, patch, rc;
	char release[KERNEL_RELEASE_TEXT];
};

/**
 * kernel_version_parse() - from a line of a log, or of /proc/version
 * @text:	"[Linux version ]RELEASE" and the rest of the line, where Debian and Ubuntu name the
 *		release that they built from: "Debian 6.1.158-1",
 *		"Ubuntu 6.8.0-1021.25-azure 6.8.12"
 *
 * Return: false if the text does not begin so
 */
bool kernel_version_parse(const char *text, struct kernel_version *version);

/** kernel_version_read() - of a machine; false if it cannot be read */
bool kernel_version_read(const struct host *host, struct kernel_version *version);

/** kernel_version_text() - /proc/version and what else names the release, for _parse() */
void kernel_version_text(const struct host *host, char *text, size_t size);

#endif
