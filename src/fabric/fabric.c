/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fabric/fabric.c - find a fabric by its spec, and dispatch to it.
 *
 * Theory of operation
 *
 * A spec is NAME[:ARGUMENT][+OPTION[=VALUE]]...; a doubled + stands for a
 * literal one, so that any file can be named. A fabric that takes only options
 * accepts them after the colon too, separated by commas. Options for impairments
 * (impair.c) are taken out before the fabric sees the others.
 */
#include "fabric/port.h"

#include "base/passed.h"
#include "fabric/impair.h"
#include "fabric/stream_address.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define FABRIC_LANES_MAX 1024u
#define FABRIC_MTU_MIN   68u /* bytes; the least that IPv4 allows (RFC 791) */

static const struct fabric_ops *const fabrics[] = {
	&fabric_sink, &fabric_generator, &fabric_loop, &fabric_switch,
	&fabric_tap,  &fabric_stream,    &fabric_pcap,
};

#define FABRICS (sizeof(fabrics) / sizeof(fabrics[0]))

/**
 * cut() - end a string at the first single @at
 * @text:	shortened in place; a doubled @at becomes a single one
 *
 * Return: what follows @at, or NULL if there is none
 */
static char *cut(char *text, char at)
{
	char *from = text, *to = text;

	for (; *from; from++, to++) {
		if (*from == at) {
			if (from[1] != at) {
				*to = '\0';
				return from + 1;
			}
			from++;
		}
		*to = *from;
	}
	*to = '\0';
	return NULL;
}

/**
 * add_options() - split a list of options
 * @list:	changed in place, kept by @spec; NULL adds nothing
 * @between:	what separates options
 *
 * Return: 0, or -EINVAL with @error set
 */
static int add_options(struct fabric_spec *spec, char *list, char between, struct error *error)
{
	while (list) {
		char *next = cut(list, between);
		char *value = strchr(list, '=');

		if (value)
			*value++ = '\0';
		if (!*list)
			return error_fail(error, -EINVAL,
					  "fabric %s: an option's name is missing next to '%c'",
					  spec->name, value ? '=' : between);
		if (spec->count == FABRIC_OPTIONS_MAX)
			return error_fail(error, -EINVAL, "fabric %s: more than %u options",
					  spec->name, FABRIC_OPTIONS_MAX);
		for (unsigned int i = 0; i < spec->count; i++) {
			if (!strcmp(spec->options[i].key, list))
				return error_fail(error, -EINVAL,
						  "fabric %s: option %s is given twice", spec->name,
						  list);
		}
		spec->options[spec->count++] =
			(struct fabric_option){ .key = list, .value = value };
		list = next;
	}
	return 0;
}

/**
 * find_fabric() - look a fabric up by name
 *
 * Return: the fabric; NULL, with @error naming the known ones
 */
static const struct fabric_ops *find_fabric(const char *name, struct error *error)
{
	char known[256] = "";
	size_t at = 0;

	for (size_t i = 0; i < FABRICS; i++) {
		if (!strcmp(fabrics[i]->name, name))
			return fabrics[i];
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", i ? ", " : "",
				       fabrics[i]->name);
	}
	error_fail(error, -EINVAL, "unknown fabric '%s'; the known ones are %s", name, known);
	return NULL;
}

/**
 * open_spec() - parse and open
 * @text:	the spec, changed in place
 * @port:	filled in, except what the spec determines
 *
 * Return: 0, or negative errno with @error set
 */
static int open_spec(char *text, struct fabric_port *port, struct error *error)
{
	struct fabric_spec spec = { .name = text };
	char *options = cut(text, '+');
	char *colon = strchr(text, ':');
	int rc;

	if (colon) {
		*colon = '\0';
		spec.argument = colon + 1;
	}
	port->ops = find_fabric(spec.name, error);
	if (!port->ops)
		return -EINVAL;
	if (port->ops->arguments_are_options) {
		rc = add_options(&spec, spec.argument, ',', error);
		if (rc)
			return rc;
		spec.argument = NULL;
	}
	rc = add_options(&spec, options, '+', error);
	if (rc)
		return rc;
	rc = impair_open(port, &spec, error);
	if (!rc)
		rc = port->ops->open(port, &spec, error);
	if (!rc && port->impair)
		impair_plug(port);
	return rc;
}

bool fabric_socket_file(const char *spec, char *path)
{
	char text[SOCKET_FILE_PATH + 64], *options, *argument;

	if (strncmp(spec, "stream:", strlen("stream:")) || strlen(spec) >= sizeof(text))
		return false;
	strcpy(text, spec);
	options = cut(text, '+');
	argument = text + strlen("stream:");
	if (!options || !strstr(options, "listen") || !stream_address_is_path(argument) ||
	    passed_is(argument) || strlen(argument) >= SOCKET_FILE_PATH)
		return false;
	strcpy(path, argument);
	return true;
}

int fabric_open(const char *spec, const struct fabric_port_config *config,
		const struct fabric_receiver *receiver, struct fabric_port **result,
		struct error *error)
{
	struct fabric_port *port;
	char *text;
	int rc;

	*result = NULL;
	if (!config->lanes || config->lanes > FABRIC_LANES_MAX)
		return error_fail(error, -EINVAL, "fabric '%s': %u lanes; it must be 1 to %u", spec,
				  config->lanes, FABRIC_LANES_MAX);
	if (config->mtu < FABRIC_MTU_MIN)
		return error_fail(error, -EINVAL, "fabric '%s': an MTU of %u is below %u", spec,
				  config->mtu, FABRIC_MTU_MIN);

	text = strdup(spec);
	port = calloc(1, sizeof(*port));
	if (port)
		port->lanes = aligned_alloc(CACHE_LINE, config->lanes * sizeof(*port->lanes));
	if (!text || !port || !port->lanes) {
		rc = error_fail(error, -ENOMEM, "fabric '%s': out of memory", spec);
		goto fail;
	}
	memset(port->lanes, 0, config->lanes * sizeof(*port->lanes));
	port->config = *config;
	port->fd = -1;
	if (receiver)
		port->receiver = *receiver;

	rc = open_spec(text, port, error);
	if (rc)
		goto fail;
	free(text);
	*result = port;
	return 0;
fail:
	if (port) {
		impair_free(port);
		free(port->lanes);
	}
	free(port);
	free(text);
	return rc;
}

void fabric_close(struct fabric_port *port)
{
	if (!port)
		return;
	port->ops->close(port);
	free(port->lanes);
	free(port);
}

unsigned int fabric_caps(const struct fabric_port *port)
{
	return atomic_load_explicit(&port->caps, memory_order_relaxed);
}

unsigned int fabric_send_some(struct fabric_port *port, unsigned int lane,
			      const struct frame *frames, unsigned int n)
{
	assert(lane < port->config.lanes);
	if (n > FABRIC_BURST)
		n = FABRIC_BURST;
	if (port->ops->send_some)
		return port->ops->send_some(port, lane, frames, n);
	port->ops->send(port, lane, frames, n);
	return n;
}

void fabric_send(struct fabric_port *port, unsigned int lane, const struct frame *frames,
		 unsigned int n)
{
	for (unsigned int part; n; frames += part, n -= part)
		part = fabric_send_some(port, lane, frames, n);
}

unsigned int fabric_poll(struct fabric_port *port, unsigned int lane, unsigned int budget)
{
	unsigned int done = 0;

	assert(lane < port->config.lanes);
	if (!port->ops->poll)
		return 0;
	while (done < budget) {
		unsigned int want = budget - done < FABRIC_BURST ? budget - done : FABRIC_BURST;
		unsigned int got = port->ops->poll(port, lane, want);

		done += got;
		if (got < want)
			break;
	}
	return done;
}

int fabric_fd(const struct fabric_port *port)
{
	return port->fd;
}

bool fabric_is_source(const struct fabric_port *port)
{
	return port->ops->is_source && port->ops->is_source(port);
}

int fabric_timer_fd(const struct fabric_port *port)
{
	return impair_timer_fd(port);
}

bool fabric_release(struct fabric_port *port, unsigned int lane)
{
	assert(lane < port->config.lanes);
	return impair_release(port, lane);
}

void fabric_flush(struct fabric_port *port)
{
	if (port->ops->flush)
		port->ops->flush(port);
}
