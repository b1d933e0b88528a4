/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/distro.h"

#include <stdio.h>
#include <string.h>

#include "host/machine/packages.h"

/* The guide, "Supported Marketplace Images"; later images of a line have what these have. */
static const struct {
	const char *id;
	const char *line; /* what the version begins with */
	const char *version, *kernel;
} images[] = {
	{ "rhel", "8.", "8.9", NULL },
	{ "rhel", "9.", "9.4", NULL },
	{ "ubuntu", "20.04", "20.04", "5.15.0-1045-azure" },
	{ "ubuntu", "22.04", "22.04", "5.15.0-1045-azure" },
};

/** value_of() - the value in a line NAME=VALUE, without its quotation marks; NULL: another name */
static char *value_of(char *line, const char *name)
{
	size_t len = strlen(name);
	char *value = line + len + 1;

	if (strncmp(line, name, len) || line[len] != '=')
		return NULL;
	if (*value == '"' || *value == '\'') {
		value[1 + strcspn(value + 1, (char[]){ *value, 0 })] = '\0';
		value++;
	}
	return value;
}

static void take(char *to, size_t size, const char *value)
{
	if (value)
		snprintf(to, size, "%s", value);
}

void distro_parse(char *text, struct distro *distro)
{
	char *line;

	memset(distro, 0, sizeof(*distro));
	while ((line = strsep(&text, "\n"))) {
		take(distro->id, sizeof(distro->id), value_of(line, "ID"));
		take(distro->version, sizeof(distro->version), value_of(line, "VERSION_ID"));
		take(distro->name, sizeof(distro->name), value_of(line, "PRETTY_NAME"));
		take(distro->like, sizeof(distro->like), value_of(line, "ID_LIKE"));
	}
}

int distro_read(const struct host *host, struct distro *distro)
{
	char text[4096];
	ssize_t len = host_read(host, text, sizeof(text), "/etc/os-release");

	if (len < 0)
		len = host_read(host, text, sizeof(text), "/usr/lib/os-release");
	if (len < 0)
		*text = '\0';
	distro_parse(text, distro);
	return len < 0 ? (int)len : 0;
}

void distro_commands(struct distro *distro, const struct packages *packages, const char *kernel,
		     bool contained)
{
	static const char sudo[] = "sudo ";
	struct packages_answer answer;
	const char *command = answer.install;

	packages_library(packages, distro, "libmana", &answer);
	if (contained && !strncmp(command, sudo, strlen(sudo)))
		command += strlen(sudo);
	strcpy(distro->install[PACKAGE_RDMA], command);
	if (contained)
		return;
	packages_module(packages, distro, kernel, "mana_ib", &answer);
	if (!answer.reboot)
		strcpy(distro->install[PACKAGE_MODULES], answer.install);
	packages_upgrade(packages, distro, kernel, "mana_ib", &answer);
	strcpy(distro->install[PACKAGE_KERNEL], answer.install);
	if (!*answer.install)
		packages_upgrade(packages, distro, kernel, "mana", &answer);
	strcpy(distro->install[PACKAGE_NEWER_KERNEL], answer.install);
}

bool distro_supported(const struct distro *distro, const char *kernel, const char **older)
{
	*older = NULL;
	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		if (strcmp(distro->id, images[i].id) ||
		    strncmp(distro->version, images[i].line, strlen(images[i].line)) ||
		    version_compare(distro->version, images[i].version) < 0)
			continue;
		if (!images[i].kernel || version_compare(kernel, images[i].kernel) >= 0)
			return true;
		*older = images[i].kernel;
	}
	return false;
}

const char *distro_install(const struct distro *distro, enum distro_package package)
{
	return *distro->install[package] ? distro->install[package] : NULL;
}
