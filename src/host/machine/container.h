/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/container.h - the container that this process is in.
 */
#ifndef MANAKIN_HOST_MACHINE_CONTAINER_H
#define MANAKIN_HOST_MACHINE_CONTAINER_H

#include "host/machine/root.h"

enum container_kind {
	CONTAINER_NONE,
	CONTAINER_KUBERNETES, /* a pod, whatever runs it */
	CONTAINER_DOCKER,
	CONTAINER_PODMAN,
	CONTAINER_LXC,
	CONTAINER_OTHER,
};

/**
 * struct container - what surrounds this process
 * @why:	what shows it, in words
 * @has_capabilities: @capabilities are known, as a mask of 1 << CAP_...
 * @user:	it is in a user namespace of its own ("rootless")
 */
struct container {
	enum container_kind kind;
	char why[128];
	bool has_capabilities;
	unsigned long long capabilities;
	bool user;
};

/**
 * container_read() - is this process in a container?
 *
 * The file /.dockerenv alone proves nothing: a VM whose disk was made from a container's image has
 * it too.
 */
void container_read(const struct host *host, struct container *container);

/** container_name() - "kubernetes", "docker", "podman", "lxc", "other", "no" */
const char *container_name(enum container_kind kind);

/**
 * container_command() - a command that needs root, for a user in a container: "WHERE: COMMAND"
 *
 * Most images have no sudo, so that is left out; and what it did there would not last.
 *
 * Return: to be freed; NULL: no memory
 */
char *container_command(const char *where, const char *command);

#endif
