/* SPDX-License-Identifier: BSD-3-Clause */
#include "serve/port_option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mac.h"

#define MTU_DEFAULT    1500
#define QUEUES_DEFAULT 16

static const char *const keys[] = { "mac=", "fabric=", "mtu=", "queues=", "source=", "speed=" };

static bool is_key(const char *text)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strncmp(text, keys[i], strlen(keys[i])))
			return true;
	return false;
}

/** next_field() - cut the next KEY=VALUE off */
static char *next_field(char **rest)
{
	char *field = *rest;

	for (char *c = field; *c; c++) {
		if (*c == ',' && is_key(c + 1)) {
			*c = '\0';
			*rest = c + 1;
			return field;
		}
	}
	*rest = NULL;
	return field;
}

static int parse_mac(const char *value, uint8_t mac[6])
{
	static const uint8_t none[6];

	if (strchr(value, '-') || mac_parse(value, mac))
		return -EINVAL;
	return mac[0] & 1 || !memcmp(mac, none, sizeof(none)) ? -EINVAL : 0;
}

static int parse_number(const char *value, unsigned long min, unsigned long max,
			unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(value, &end, 10);
	return errno || *end || end == value || *number < min || *number > max ? -EINVAL : 0;
}

static int parse_field(const char *field, struct adapter_port_config *port, struct error *error)
{
	const char *value = strchr(field, '=');
	unsigned long number;

	if (!value)
		return error_fail(
			error, -EINVAL,
			"--port: '%s' is not KEY=VALUE; keys are mac, fabric, mtu, queues, source, speed",
			field);
	value++;
	if (!strncmp(field, "mac=", 4)) {
		if (parse_mac(value, port->mac))
			return error_fail(
				error, -EINVAL,
				"--port: '%s' is not a unicast MAC address like 00:0d:3a:76:3b:d0",
				value);
	} else if (!strncmp(field, "fabric=", 7)) {
		port->fabric = value;
	} else if (!strncmp(field, "mtu=", 4)) {
		if (parse_number(value, ADAPTER_MTU_MIN, ADAPTER_MTU_MAX, &number))
			return error_fail(error, -EINVAL,
					  "--port: an MTU must be %u to %u bytes, not '%s'",
					  ADAPTER_MTU_MIN, ADAPTER_MTU_MAX, value);
		port->mtu = (uint16_t)number;
	} else if (!strncmp(field, "queues=", 7)) {
		if (parse_number(value, 1, ADAPTER_QUEUES_MAX, &number))
			return error_fail(error, -EINVAL,
					  "--port: queues must be 1 to %u, not '%s'",
					  ADAPTER_QUEUES_MAX, value);
		port->queues = (unsigned int)number;
	} else if (!strncmp(field, "source=", 7)) {
		if (strcmp(value, "check") && strcmp(value, "any"))
			return error_fail(error, -EINVAL,
					  "--port: source is 'check' or 'any', not '%s'", value);
		port->check_source = !strcmp(value, "check");
	} else if (!strncmp(field, "speed=", 6)) {
		if (parse_number(value, 1, ADAPTER_SPEED_MAX, &number))
			return error_fail(error, -EINVAL,
					  "--port: a speed must be 1 to %u Mbit/s, not '%s'",
					  ADAPTER_SPEED_MAX, value);
		port->speed = (uint32_t)number;
	} else {
		return error_fail(
			error, -EINVAL,
			"--port: unknown key '%.*s'; keys are mac, fabric, mtu, queues, source, speed",
			(int)(value - field - 1), field);
	}
	return 0;
}

void port_option_default(struct adapter_port_config *port)
{
	memset(port, 0, sizeof(*port));
	port->fabric = "sink";
	port->mtu = MTU_DEFAULT;
	port->queues = QUEUES_DEFAULT;
}

int port_option_parse(char *text, struct adapter_port_config *port, struct error *error)
{
	char *rest = text;

	port_option_default(port);
	while (rest && *rest) {
		int err = parse_field(next_field(&rest), port, error);

		if (err)
			return err;
	}
	return 0;
}
