/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: what uname(1) prints is not enough. Debian 12 calls its kernels 6.1.0-41,
 * whatever stable release they are built from, and says that one in the version that follows.
 * Ubuntu names a stable release in /proc/version_signature and at the end of the first line of the
 * kernel's log, but takes later fixes without changing that number. Red Hat, SUSE and Oracle begin
 * with one release and then take fixes and whole drivers as they see fit: their numbers say
 * nothing.
 */
#include "host/known/kernel_version.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "host/machine/root.h"

#define BEGINS "Linux version "

/** numbers() - A.B[.C][-rcN]; what follows, or NULL if it does not begin so */
static const char *numbers(const char *text, struct kernel_version *v)
{
	int end = 0, more = 0;

	v->patch = v->rc = 0;
	if (!isdigit((unsigned char)*text) ||
	    sscanf(text, "%4u.%5u%n", &v->major, &v->minor, &end) != 2 || !end)
		return NULL;
	text += end;
	if (sscanf(text, ".%5u%n", &v->patch, &more) == 1)
		text += more;
	/* Fedora: 6.1.0-0.rc7.51.fc38 */
	more = 0;
	if (sscanf(text, "%*1[-~]rc%3u%n", &v->rc, &more) == 1 && more)
		text += more;
	else if (sscanf(text, "-0.rc%3u%n", &v->rc, &more) == 1 && more)
		text += more;
	return text;
}

/** named_release() - what follows "@distribution" in the text, if it is of the same series */
static const char *named_release(const char *text, const char *distribution,
				 const struct kernel_version *v, struct kernel_version *named)
{
	size_t len = strlen(distribution);

	for (text = strstr(text, distribution); text; text = strstr(text + len, distribution)) {
		const char *rest = numbers(text + len, named);

		if (rest && named->major == v->major && named->minor == v->minor)
			return rest;
	}
	return NULL;
}

/**
 * is_vendor() - does a release go on as those of a distribution with its own series do?
 * @exact:	what was before this names more than a series
 */
static bool is_vendor(const char *rest, bool exact)
{
	unsigned int service_pack;

	if (strstr(rest, ".el") || strstr(rest, "uek"))
		return true;
	/* SUSE Linux Enterprise: 6.4.0-150600.23.25-default, also 5.14.21-150500.55-default */
	if (sscanf(rest, "-%6u.", &service_pack) == 1 && service_pack >= 100000)
		return true;
	/* Ubuntu, Debian, Red Hat: A.B.0 and the number of the build */
	return !exact && rest[0] == '-' && isdigit((unsigned char)rest[1]);
}

bool kernel_version_parse(const char *text, struct kernel_version *v)
{
	struct kernel_version named;
	const char *rest;
	size_t len;

	memset(v, 0, sizeof(*v));
	if (!strncmp(text, BEGINS, strlen(BEGINS)))
		text += strlen(BEGINS);
	len = strcspn(text, " \t\r\n\"\\'");
	rest = numbers(text, v);
	if (!rest)
		return false;
	snprintf(v->release, sizeof(v->release), "%.*s", (int)len, text);
	rest = v->release + (rest - text < (int)len ? (size_t)(rest - text) : strlen(v->release));
	v->number = is_vendor(rest, v->patch || v->rc) ? KERNEL_UNKNOWN : KERNEL_EXACT;
	if (named_release(text, "Debian ", v, &named)) {
		v->number = KERNEL_EXACT;
	} else {
		rest = named_release(text, "Ubuntu ", v, &named);
		rest = rest ? strchr(rest, ' ') : NULL;
		if (!rest || !numbers(rest + 1, &named))
			return true;
		v->number = KERNEL_LEAST;
	}
	v->patch = named.patch;
	v->rc = named.rc;
	return true;
}

void kernel_version_text(const struct host *host, char *text, size_t size)
{
	char version[512] = "", signature[128] = "";

	if (host_read(host, version, sizeof(version), "/proc/version") <= 0)
		host_read(host, version, sizeof(version), "/proc/sys/kernel/osrelease");
	host_read(host, signature, sizeof(signature), "/proc/version_signature");
	snprintf(text, size, "%s %s", version, signature);
}

bool kernel_version_read(const struct host *host, struct kernel_version *version)
{
	char text[700];

	kernel_version_text(host, text, sizeof(text));
	return kernel_version_parse(text, version);
}
