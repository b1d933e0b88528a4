/* SPDX-License-Identifier: BSD-3-Clause */
#include "serve/statistics.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mac.h"

/* Later ones are added at the end: some read the table by position. */
static const struct {
	const char *name;
	bool text;
} columns[] = {
	{ "adapter", true },
	{ "port", false },
	{ "mac", true },
	{ "fabric", true },
	{ "tx_packets", false },
	{ "tx_bytes", false },
	{ "tx_tso", false },
	{ "tx_csum", false },
	{ "tx_vlan", false },
	{ "tx_errors", false },
	{ "rx_packets", false },
	{ "rx_bytes", false },
	{ "rx_dropped", false },
	{ "rx_coalesced", false },
	{ "wire_tx", false },
	{ "wire_rx", false },
	{ "wire_bad", false },
	{ "queues", false },
	{ "wire_dropped", false },
	{ "wire_lost", false },
	{ "wire_duplicated", false },
	{ "wire_reordered", false },
	{ "wire_delayed", false },
	{ "rdma_dropped", false },
	{ "rdma_tx_packets", false },
	{ "rdma_tx_bytes", false },
	{ "rdma_rx_packets", false },
	{ "rdma_rx_bytes", false },
	{ "rdma_retransmitted", false },
	{ "rdma_naks", false },
	{ "rdma_rnr_naks", false },
	{ "rdma_out_of_sequence", false },
	{ "rdma_icrc_errors", false },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))
#define RDMA    10u /* the last ones, which a table has only if one of them is not 0 */
#define WIRE    5u  /* those before them, likewise */

static void put_number(struct libscols_line *line, size_t column, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	scols_line_set_data(line, column, text);
}

/** struct rare - which of the rare columns are needed */
struct rare {
	bool wire, rdma;
};

static void put_rdma(struct libscols_line *line, size_t i, const struct adapter_port_counters *c)
{
	put_number(line, i++, c->rdma.dropped);
	put_number(line, i++, c->rdma.tx_packets);
	put_number(line, i++, c->rdma.tx_bytes);
	put_number(line, i++, c->rdma.rx_packets);
	put_number(line, i++, c->rdma.rx_bytes);
	put_number(line, i++, c->rdma.retransmitted);
	put_number(line, i++, c->rdma.naks);
	put_number(line, i++, c->rdma.rnr_naks);
	put_number(line, i++, c->rdma.out_of_sequence);
	put_number(line, i++, c->rdma.icrc_errors);
}

/** add_port() - a line */
static void add_port(struct libscols_table *table, const struct adapter_config *config,
		     unsigned int port, const struct adapter_port_counters *c, struct rare *rare)
{
	const struct adapter_port_config *p = &config->port[port];
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char mac[MAC_TEXT];
	size_t i = 0;

	if (!line)
		return;
	scols_line_set_data(line, i++, config->name);
	put_number(line, i++, port);
	scols_line_set_data(line, i++, mac_text(p->mac, mac));
	scols_line_set_data(line, i++, p->fabric);
	put_number(line, i++, c->tx_frames);
	put_number(line, i++, c->tx_bytes);
	put_number(line, i++, c->tx_tso);
	put_number(line, i++, c->tx_csum);
	put_number(line, i++, c->tx_vlan);
	put_number(line, i++, c->tx_errors);
	put_number(line, i++, c->rx_frames);
	put_number(line, i++, c->rx_bytes);
	put_number(line, i++, c->rx_no_buffer + c->rx_disabled + c->rx_truncated);
	put_number(line, i++, c->rx_coalesced);
	put_number(line, i++, c->fabric.tx_frames);
	put_number(line, i++, c->fabric.rx_frames);
	put_number(line, i++, c->fabric.tx_bad);
	put_number(line, i++, c->tx_queues);
	put_number(line, i++, c->fabric.tx_dropped);
	put_number(line, i++, c->fabric.tx_lost);
	put_number(line, i++, c->fabric.tx_duplicated);
	put_number(line, i++, c->fabric.tx_reordered);
	put_number(line, i++, c->fabric.tx_delayed);
	put_rdma(line, i, c);
	rare->wire |= c->fabric.tx_dropped | c->fabric.tx_lost | c->fabric.tx_duplicated |
		      c->fabric.tx_reordered | c->fabric.tx_delayed;
	rare->rdma |=
		c->rdma.dropped | c->rdma.tx_packets | c->rdma.rx_packets | c->rdma.icrc_errors;
}

/** hide() - leave the columns from @first on out of the table */
static void hide(struct libscols_table *table, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		scols_column_set_flags(scols_table_get_column(table, i),
				       SCOLS_FL_RIGHT | SCOLS_FL_HIDDEN);
}

char *statistics_text(struct adapter *const *adapters, unsigned int n, bool json)
{
	struct libscols_table *table = scols_new_table();
	char *text = NULL, *lines = NULL;
	struct rare rare = { json, json };

	if (!table)
		return NULL;
	scols_table_set_name(table, "ports");
	scols_table_enable_json(table, json);
	for (size_t i = 0; i < COLUMNS; i++) {
		struct libscols_column *column = scols_table_new_column(
			table, columns[i].name, 0, columns[i].text ? 0 : SCOLS_FL_RIGHT);

		if (column)
			scols_column_set_json_type(column, columns[i].text ? SCOLS_JSON_STRING
									   : SCOLS_JSON_NUMBER);
	}
	for (unsigned int a = 0; a < n; a++) {
		const struct adapter_config *config = adapter_config(adapters[a]);
		struct adapter_port_counters counters[ADAPTER_PORTS_MAX];

		/* The captures should be as recent as the counters. */
		adapter_flush(adapters[a]);
		adapter_counters(adapters[a], counters);
		for (unsigned int p = 0; p < config->ports; p++)
			add_port(table, config, p, &counters[p], &rare);
	}
	if (!rare.wire)
		hide(table, COLUMNS - RDMA - WIRE, WIRE);
	if (!rare.rdma)
		hide(table, COLUMNS - RDMA, RDMA);
	if (scols_print_table_to_string(table, &lines) || asprintf(&text, "%s\n", lines) < 0)
		text = NULL;
	free(lines);
	scols_unref_table(table);
	return text;
}

void statistics_print(struct adapter *const *adapters, unsigned int n, bool json)
{
	char *text = statistics_text(adapters, n, json);

	if (text)
		fputs(text, stdout);
	fflush(stdout);
	free(text);
}
