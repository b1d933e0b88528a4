/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/journal.c - the reader of setup's journal, and the planner that uses it.
 *
 * Input: byte 0 says whether the rest is a journal as in the file (even), or lines of JSON that get
 * right checksums here (odd), so that the code after the checksum is reached.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/handover/journal.h"
#include "host/handover/ledger.h"
#include "host/handover/plan.h"
#include "host/handover/saved.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX 65536u

/** add_sums() - end each line as the journal's writer does */
static size_t add_sums(const char *lines, size_t len, char text[TEXT_MAX])
{
	uint64_t sum = 0xcbf29ce484222325u;
	size_t out = 0;

	while (len) {
		const char *end = memchr(lines, '\n', len);
		size_t line = end ? (size_t)(end - lines) : len;

		if (!line || out + line + 64 > TEXT_MAX)
			break;
		memcpy(text + out, lines, line - 1);
		for (size_t i = 0; i + 1 < line; i++)
			sum = (sum ^ (unsigned char)lines[i]) * 0x100000001b3u;
		out += line - 1;
		out += (size_t)snprintf(text + out, TEXT_MAX - out, ",\"sum\":\"%016llx\"}\n",
					(unsigned long long)sum);
		lines += line + (end != NULL);
		len -= line + (end != NULL);
	}
	return out;
}

/** follow() - plan the restore of a ledger's contents, on an empty machine */
static void follow(const struct ledger *ledger)
{
	static struct host host = { .fd = -1 }; /* a directory with none of a machine's files */
	struct netdev dev = { .index = 3, .name = "eth1" };
	struct mana_port port = { .synthetic = &dev, .vf = &dev, .vmbus_driver = DRIVER_USER };
	struct mana_adapter adapter = { 0 };
	struct machine machine = { .adapter = &adapter, .n_adapters = 1 };
	struct plan_from from = { &host, &machine, ledger, NULL, 0 };
	struct plan plan;
	struct error error;
	char key[KEY_TEXT];

	if (host.fd < 0 && host_open("/proc/self/fdinfo", &host, &error))
		abort();
	/* The machine has the first port of the ledger. */
	if (ledger->n_ports) {
		snprintf(port.uuid, sizeof(port.uuid), "%.36s", ledger->port[0].key);
		port.has_mac = !mac_parse(ledger->port[0].key, port.mac);
		machine.port = &port;
		machine.n_ports = 1;
		port_key(&port, key);
	}
	plan_restore(&from, &plan, &error);
	for (size_t i = 0; i < plan.n_steps; i++)
		if (!plan.step[i].what || !plan.step[i].command || !plan.step[i].undo)
			abort();
	plan_free(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[TEXT_MAX];
	struct journal_text found;
	struct ledger ledger;
	struct error error;
	size_t len;

	if (!size)
		return 0;
	if (*data & 1) {
		len = add_sums((const char *)data + 1, size - 1, text);
	} else {
		len = size - 1 < TEXT_MAX ? size - 1 : TEXT_MAX;
		memcpy(text, data + 1, len);
	}
	if (!journal_parse(text, len, &found, &error)) {
		if (found.good > len || (found.good && text[found.good - 1] != '\n'))
			abort();
		if (!ledger_read(found.records, &ledger, &error))
			follow(&ledger);
		ledger_free(&ledger);
	}
	journal_text_free(&found);
	return 0;
}
