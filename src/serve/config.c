/* SPDX-License-Identifier: BSD-3-Clause */
#include "serve/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mac.h"
#include "base/passed.h"
#include "host/machine/software.h"
#include "serve/port_option.h"

#define SCENARIO_MAX 65536u /* bytes of a file with faults */

int serve_config_add_adapter(struct serve_config *config, const char *socket, struct error *error)
{
	int err;

	if (config->count == SERVE_ADAPTERS_MAX)
		return error_fail(error, -EINVAL,
				  "a process can run at most %u adapters; start another process",
				  SERVE_ADAPTERS_MAX);
	if (passed_is(socket)) {
		err = passed_parse(socket, &config->passed[config->count],
				   config->sockets[config->count], sizeof(config->sockets[0]),
				   error);
		config->count += !err;
		return err;
	}
	if (strlen(socket) >= sizeof(config->sockets[0]))
		return error_fail(error, -EINVAL,
				  "the socket's path is too long: at most %zu bytes",
				  sizeof(config->sockets[0]) - 1);
	strcpy(config->sockets[config->count++], socket);
	return 0;
}

int serve_config_add_port(struct serve_config *config, char *spec, struct error *error)
{
	struct adapter_config *adapter = &config->adapters[config->count ? config->count - 1 : 0];
	int err;

	if (adapter->ports == ADAPTER_PORTS_MAX)
		return error_fail(error, -EINVAL, "an adapter has at most %u ports",
				  ADAPTER_PORTS_MAX);
	err = port_option_parse(spec, &adapter->port[adapter->ports], error);
	if (!err)
		adapter->ports++;
	return err;
}

/** read_text() - a small file, as text; NULL with the reason in @error */
static char *read_text(const char *file, struct error *error)
{
	char *text = malloc(SCENARIO_MAX + 1);
	size_t len = 0;
	ssize_t got = 1;
	int fd;

	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !text) {
		error_say(error, "cannot read %s: %s", file, error_reason(text ? errno : ENOMEM));
		goto fail;
	}
	while (got > 0 && len <= SCENARIO_MAX) {
		got = read(fd, text + len, SCENARIO_MAX + 1 - len);
		len += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		error_say(error, "cannot read %s: %s", file, error_reason(errno));
	else if (len > SCENARIO_MAX)
		error_say(error, "%s is longer than %u bytes", file, SCENARIO_MAX);
	else if (memchr(text, '\0', len))
		error_say(error, "%s is not a text file", file);
	else {
		text[len] = '\0';
		close(fd);
		return text;
	}
fail:
	if (fd >= 0)
		close(fd);
	free(text);
	return NULL;
}

int serve_config_add_faults(struct serve_config *config, const char *file, struct error *error)
{
	struct adapter_config *adapter = &config->adapters[config->count ? config->count - 1 : 0];
	char *text;

	if (adapter->faults)
		return error_fail(error, -EINVAL,
				  "--faults: an adapter has one file with faults; write all rules "
				  "into it");
	text = read_text(file, error);
	if (!text)
		return -EINVAL;
	adapter->faults = text;
	adapter->faults_source = file;
	return 0;
}

void serve_config_free(struct serve_config *config)
{
	for (unsigned int i = 0; i < SERVE_ADAPTERS_MAX; i++) {
		free((void *)(uintptr_t)config->adapters[i].faults);
		config->adapters[i].faults = NULL;
	}
}

/** mac_taken() - has another port this address already? */
static bool mac_taken(const struct serve_config *config, const struct adapter_port_config *port)
{
	for (unsigned int a = 0; a < config->count; a++)
		for (unsigned int p = 0; p < config->adapters[a].ports; p++) {
			const struct adapter_port_config *other = &config->adapters[a].port[p];

			if (other != port && !memcmp(other->mac, port->mac, sizeof(port->mac)))
				return true;
		}
	return false;
}

/** make_mac() - for a port that was given none: locally administered, with "MAN" in it */
static void make_mac(const struct serve_config *config, struct adapter_port_config *port,
		     unsigned int adapter, unsigned int number)
{
	uint8_t made[6] = { 0x02, 0x4d, 0x41, 0x4e, (uint8_t)adapter, (uint8_t)number };

	do {
		memcpy(port->mac, made, sizeof(made));
		made[3]++;
	} while (mac_taken(config, port));
}

/** give_addresses() - give each port one of its own */
static int give_addresses(struct serve_config *config, struct error *error)
{
	static const uint8_t none[6];
	char mac[MAC_TEXT];

	for (unsigned int a = 0; a < config->count; a++)
		for (unsigned int p = 0; p < config->adapters[a].ports; p++) {
			struct adapter_port_config *port = &config->adapters[a].port[p];

			if (!memcmp(port->mac, none, sizeof(none)))
				make_mac(config, port, a, p);
			else if (mac_taken(config, port))
				return error_fail(error, -EINVAL,
						  "two ports have the MAC address %s; give each "
						  "its own",
						  mac_text(port->mac, mac));
		}
	return 0;
}

/**
 * add_default() - the only adapter, when the user names no socket
 *
 * Its sockets are those that systemd listens on, or are created in a directory of its own. DPDK
 * finds it in that directory.
 */
static int add_default(struct serve_config *config, struct error *error)
{
	char *socket = config->sockets[0], own[SERVE_SOCKET_TEXT];
	int err = 0;

	config->count = 1;
	snprintf(config->directory, sizeof(config->directory), SOFTWARE_DIRECTORY "/%s",
		 config->name);
	snprintf(own, sizeof(own), "%s/socket", config->directory);
	if (!passed_count()) {
		strcpy(socket, own);
		return 0;
	}
	err = passed_listen(&config->passed[0], socket, sizeof(config->sockets[0]), error);
	if (strcmp(socket, own))
		*config->directory = '\0';
	return err;
}

int serve_config_complete(struct serve_config *config, struct error *error)
{
	int err = config->count ? 0 : add_default(config, error);

	if (err)
		return err;
	for (unsigned int a = 0; a < config->count; a++) {
		struct adapter_config *adapter = &config->adapters[a];

		if (!adapter->ports)
			port_option_default(&adapter->port[adapter->ports++]);
		snprintf(config->names[a], sizeof(config->names[a]), a ? "%s.%u" : "%s",
			 config->name, a);
		adapter->name = config->names[a];
		adapter->socket = config->sockets[a];
		adapter->physical = config->physical;
		adapter->passed = config->passed[a].given;
		adapter->client_fd = config->passed[a].client;
		adapter->synthetic_fd = config->passed[a].synthetic;
		adapter->synthetic =
			config->synthetic || (adapter->passed && adapter->synthetic_fd >= 0);
		if (adapter->synthetic && adapter->passed && adapter->synthetic_fd < 0)
			return error_fail(error, -EINVAL,
					  "--synthetic: %s was passed without a socket of type "
					  "dgram; pass one with it",
					  adapter->socket);
	}
	return give_addresses(config, error);
}
