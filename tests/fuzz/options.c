/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/options.c - any text as a value on the command line: a port, a fabric, CPUs, numbers.
 *
 * Input: a byte that says as what, and the text up to its first NUL. What must hold: what is refused
 * is refused with a sentence; what is accepted is within the bounds that docs/architecture.md and
 * manakin-device(1) give; a fabric that is opened can be used and closed.
 */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fabric/fabric.h"
#include "host/machine/control.h"
#include "input.h"
#include "process/cpus.h"
#include "serve/config.h"
#include "serve/port_option.h"
#include "term/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_say_usage(const char *format, ...);

static bool said;

/* Instead of standard error, which would be full of it */
int __wrap_say_usage(const char *format, ...)
{
	char text[8192];
	va_list ap;

	va_start(ap, format);
	require(vsnprintf(text, sizeof(text), format, ap) > 0);
	va_end(ap);
	said = true;
	return EINVAL;
}

static void check_port(const struct adapter_port_config *port)
{
	require(port->mtu >= ADAPTER_MTU_MIN && port->mtu <= ADAPTER_MTU_MAX);
	require(port->queues >= 1 && port->queues <= ADAPTER_QUEUES_MAX && port->fabric &&
		!(port->mac[0] & 1));
}

/* Ports and adapters, one a line: of an adapter if it begins with a slash */
static void as_process(char *text)
{
	static struct serve_config config;
	struct error error = { .text = "" };
	int err = 0;

	memset(&config, 0, sizeof(config));
	config.name = "fuzz";
	for (char *line = text, *next; line && !err; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		err = *line == '/' ? serve_config_add_adapter(&config, line, &error)
				   : serve_config_add_port(&config, line, &error);
	}
	if (!err)
		err = serve_config_complete(&config, &error);
	require(!err || *error.text);
	require(config.count <= SERVE_ADAPTERS_MAX);
	for (unsigned int a = 0; !err && a < config.count; a++) {
		require(config.adapters[a].ports >= 1 &&
			config.adapters[a].ports <= ADAPTER_PORTS_MAX);
		for (unsigned int i = 0; i < config.adapters[a].ports; i++)
			check_port(&config.adapters[a].port[i]);
	}
}

static void as_port(char *text)
{
	struct adapter_port_config port;
	struct error error = { .text = "" };

	if (port_option_parse(text, &port, &error))
		require(*error.text);
	else
		check_port(&port);
}

static unsigned int drop(void *ctx, unsigned int lane, const struct frame *frames, unsigned int n)
{
	(void)ctx;
	(void)lane;
	for (unsigned int i = 0; i < n; i++)
		require(frames[i].len <= FABRIC_FRAME_MAX && frames[i].iovcnt >= 1);
	return n;
}

/* A fabric: not one that would open the machine's files and interfaces, which pcap.c and tap.c do */
static void as_fabric(const char *text)
{
	struct fabric_port_config config = { .mac = { 2 }, .mtu = 1500, .lanes = 1, .queues = 4 };
	struct fabric_receiver receiver = { .deliver = drop };
	struct error error = { .text = "" };
	struct fabric_port *port;

	if (!strncmp(text, "pcap", 4) || !strncmp(text, "tap", 3))
		return;
	if (fabric_open(text, &config, &receiver, &port, &error)) {
		require(*error.text);
		return;
	}
	require(fabric_poll(port, 0, FABRIC_BURST) <= FABRIC_BURST);
	fabric_close(port);
}

static void as_cpus(const char *text)
{
	unsigned int cpus[CPUS_MAX], n;

	if (cpus_parse(text, cpus, &n))
		return;
	require(n >= 1 && n <= CPUS_MAX);
	for (unsigned int i = 0; i < n; i++)
		require(cpus[i] < CPU_SETSIZE);
}

static void as_value(unsigned int kind, const char *text)
{
	static const char *const words[] = { "tx", "rx", "both", "latency" };
	unsigned int number = 0, numbers[8], n = 0, chosen = 0;
	bool flags[4];
	double seconds = 0;
	int err;

	said = false;
	switch (kind) {
	case 0:
		err = value_number("queues", text, 1, 64, &number);
		require(err || (number >= 1 && number <= 64));
		break;
	case 1:
		err = value_numbers("size", text, 64, 1518, numbers, 8, &n);
		for (unsigned int i = 0; !err && i < n; i++)
			require(numbers[i] >= 64 && numbers[i] <= 1518);
		require(err || (n >= 1 && n <= 8));
		break;
	case 2:
		err = value_seconds("seconds", text, 0.1, 86400, &seconds);
		require(err || (isfinite(seconds) && seconds >= 0.1 && seconds <= 86400));
		break;
	case 3:
		err = value_mib("memory", text, 64, 1u << 20, &number);
		require(err || (number >= 64 && number <= 1u << 20));
		break;
	case 4:
		err = value_word("case", text, words, 4, &chosen);
		require(err || !strcmp(text, words[chosen]));
		break;
	default:
		err = value_words("case", text, words, 4, flags);
		require(err || flags[0] || flags[1] || flags[2] || flags[3]);
	}
	require((err == EINVAL) == said);
}

static void as_request(const char *text)
{
	struct control_request request;

	if (control_parse(text, &request))
		require(request.number <= 999999999);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	/* In memory of its own, so that ASan guards its end */
	text = strndup((const char *)data + 1, size - 1);
	require(text != NULL);
	switch (data[0] % 11) {
	case 0:
		as_port(text);
		break;
	case 1:
		as_process(text);
		break;
	case 2:
		as_fabric(text);
		break;
	case 3:
		as_cpus(text);
		break;
	case 4:
		as_request(text);
		break;
	default:
		as_value(data[0] % 11u - 5, text);
	}
	free(text);
	return 0;
}
