/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: a row is a port or a queue, in one direction. Each reading of the counters
 * makes a rate of each row: packets and bits per second since the previous reading. Minimum and
 * maximum are updated each time; for the median a bounded number of rates is kept. When that is
 * full, every second one is dropped, and from then on only every second new one is added, so that
 * those kept stay spread over the whole run.
 */
#include "app/rates.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "term/table.h"
#include "term/term.h"

#define KEPT_MAX 1024u

enum direction { RX, TX, DIRECTIONS };

/** struct measure - packets or bits per second */
struct measure {
	double min, max, last;
	double kept[KEPT_MAX];
};

/**
 * struct row - a port or a queue, one direction
 * @first:	counters at the first reading
 * @last:	counters at the last one
 */
struct row {
	uint64_t first_packets, first_bytes;
	uint64_t packets, bytes;
	struct measure pps, bps;
};

/**
 * struct rates - of everything
 * @numbers:	IDs of the ports
 * @rows:	[port][0: the port, 1 + n: queue n][direction]
 * @readings:	how many there were
 * @kept:	rates in each measure
 * @stride:	one rate in so many is kept
 */
struct rates {
	unsigned int ports, queues;
	unsigned int numbers[TESTPMD_PORTS_MAX];
	unsigned long readings;
	unsigned int kept, stride;
	double start, time;
	struct row rows[];
};

static struct row *row_of(struct rates *rates, unsigned int port, unsigned int line,
			  enum direction direction)
{
	return &rates->rows[(port * (1 + rates->queues) + line) * DIRECTIONS + direction];
}

struct rates *rates_open(unsigned int ports, const unsigned int *numbers, unsigned int queues)
{
	size_t rows = (size_t)ports * (1 + queues) * DIRECTIONS;
	struct rates *rates = calloc(1, sizeof(*rates) + rows * sizeof(rates->rows[0]));

	if (rates) {
		rates->ports = ports;
		rates->queues = queues;
		rates->stride = 1;
		for (unsigned int p = 0; p < ports; p++)
			rates->numbers[p] = numbers ? numbers[p] : p;
	}
	return rates;
}

void rates_close(struct rates *rates)
{
	free(rates);
}

/** note() - one rate */
static void note(struct rates *rates, struct measure *measure, double value)
{
	bool first = rates->readings == 1;

	measure->last = value;
	measure->min = first || value < measure->min ? value : measure->min;
	measure->max = first || value > measure->max ? value : measure->max;
	if (rates->readings % rates->stride == 0)
		measure->kept[rates->kept] = value;
}

/** add_row() - new counters of one row */
static void add_row(struct rates *rates, struct row *row, uint64_t packets, uint64_t bytes,
		    double seconds)
{
	if (!rates->readings) {
		row->first_packets = packets;
		row->first_bytes = bytes;
	} else {
		note(rates, &row->pps, (double)(packets - row->packets) / seconds);
		note(rates, &row->bps, (double)(bytes - row->bytes) * 8 / seconds);
	}
	row->packets = packets;
	row->bytes = bytes;
}

/** thin_out() - drop every second of the rates kept */
static void thin_out(struct rates *rates)
{
	size_t rows = (size_t)rates->ports * (1 + rates->queues) * DIRECTIONS;

	for (size_t r = 0; r < rows; r++)
		for (unsigned int i = 0; i < KEPT_MAX / 2; i++) {
			rates->rows[r].pps.kept[i] = rates->rows[r].pps.kept[2 * i];
			rates->rows[r].bps.kept[i] = rates->rows[r].bps.kept[2 * i];
		}
	rates->kept = KEPT_MAX / 2;
	rates->stride *= 2;
}

void rates_add(struct rates *rates, const struct testpmd_counters *counters, double time)
{
	double seconds = time - rates->time;

	for (unsigned int p = 0; p < rates->ports; p++)
		for (unsigned int line = 0; line <= rates->queues; line++) {
			const struct traffic *t =
				line ? &counters[p].queue[line - 1] : &counters[p].all;

			add_row(rates, row_of(rates, p, line, RX), t->rx_packets, t->rx_bytes,
				seconds);
			add_row(rates, row_of(rates, p, line, TX), t->tx_packets, t->tx_bytes,
				seconds);
		}
	if (!rates->readings)
		rates->start = time;
	else if (rates->readings % rates->stride == 0)
		rates->kept++;
	if (rates->kept == KEPT_MAX)
		thin_out(rates);
	rates->readings++;
	rates->time = time;
}

/** scaled() - a number with three digits, a prefix and a unit, into @text */
static const char *scaled(double value, const char *unit, char *text, size_t size)
{
	static const char *const prefixes[] = { "", "k", "M", "G", "T" };
	int i = 0, digits;

	while (value >= 999.5 && i < 4) {
		value /= 1000;
		i++;
	}
	digits = !i ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	snprintf(text, size, "%.*f%s%s%s", digits, value, *prefixes[i] || *unit ? " " : "",
		 prefixes[i], unit);
	return text;
}

void rates_line(const struct rates *rates, FILE *to)
{
	static const char *const names[] = { "received", "sent" };
	bool terminal = output_can_rewrite(to);
	char packets[32], bits[32];

	fprintf(to, "%s%5.1f s", terminal ? OUTPUT_REWRITE : "", rates->time - rates->start);
	for (int d = TX; d >= RX; d--) {
		double pps = 0, bps = 0;

		for (unsigned int p = 0; p < rates->ports; p++) {
			const struct row *row = &rates->rows[p * (1 + rates->queues) * DIRECTIONS +
							     (unsigned int)d];

			pps += row->pps.last;
			bps += row->bps.last;
		}
		fprintf(to, "   %s %16s %11s", names[d],
			scaled(pps, "packets/s", packets, sizeof(packets)),
			scaled(bps, "bit/s", bits, sizeof(bits)));
	}
	fputs(terminal ? "" : "\n", to);
	fflush(to);
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

double rates_median(double *values, unsigned int n)
{
	if (!n)
		return 0;
	qsort(values, n, sizeof(*values), by_value);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double rates_sent(const struct rates *rates, unsigned int port, double *bits)
{
	const struct row *row = &rates->rows[port * (1 + rates->queues) * DIRECTIONS + TX];
	double kept[KEPT_MAX];

	memcpy(kept, row->bps.kept, sizeof(kept));
	*bits = rates_median(kept, rates->kept);
	memcpy(kept, row->pps.kept, sizeof(kept));
	return rates_median(kept, rates->kept);
}

/** put_measure() - minimum, median, maximum */
static void put_measure(struct libscols_line *line, size_t column, struct measure *measure,
			unsigned int kept, enum rates_form form)
{
	double values[] = { measure->min, rates_median(measure->kept, kept), measure->max };
	char text[32];

	for (size_t i = 0; i < 3; i++)
		if (form != RATES_TABLE)
			output_cell(line, column + i, "%.0f", values[i]);
		else
			output_cell(line, column + i, "%s",
				    scaled(values[i], "", text, sizeof(text)));
}

/** put_row() - one line of the table; a queue that did nothing has none */
static void put_row(struct libscols_table *table, struct rates *rates, unsigned int port,
		    unsigned int number, enum direction direction, enum rates_form form)
{
	struct row *row = row_of(rates, port, number, direction);
	struct libscols_line *line;
	size_t c = 0;

	if (row->packets == row->first_packets && (number || form == RATES_TABLE))
		return;
	line = output_line(table, NULL);
	if (!line)
		return;
	output_cell(line, c++, "%u", rates->numbers[port]);
	if (number)
		output_cell(line, c++, "%u", number - 1);
	else
		output_cell(line, c++, form == RATES_JSON ? "null" : "all");
	output_cell(line, c++, direction == RX ? "rx" : "tx");
	output_cell(line, c++, "%" PRIu64, row->packets - row->first_packets);
	output_cell(line, c++, "%" PRIu64, row->bytes - row->first_bytes);
	put_measure(line, c, &row->pps, rates->kept, form);
	put_measure(line, c + 3, &row->bps, rates->kept, form);
}

void rates_summary(struct rates *rates, enum rates_form form, FILE *to)
{
	static const char *const names[] = { "port",    "queue",      "direction",  "packets",
					     "bytes",   "pps_min",    "pps_median", "pps_max",
					     "bps_min", "bps_median", "bps_max" };
	struct libscols_table *table = scols_new_table();
	char *text = NULL;

	if (!table)
		return;
	scols_table_set_name(table, "rates");
	scols_table_enable_json(table, form == RATES_JSON);
	if (form == RATES_CSV) {
		scols_table_enable_raw(table, 1);
		scols_table_set_column_separator(table, ",");
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool words = i == 2;
		struct libscols_column *column =
			scols_table_new_column(table, names[i], 0, words ? 0 : SCOLS_FL_RIGHT);

		if (column)
			scols_column_set_json_type(column,
						   words ? SCOLS_JSON_STRING : SCOLS_JSON_NUMBER);
	}
	for (unsigned int p = 0; p < rates->ports; p++)
		for (unsigned int line = 0; line <= rates->queues; line++)
			for (int d = RX; d < DIRECTIONS; d++)
				put_row(table, rates, p, line, (enum direction)d, form);
	if (!scols_print_table_to_string(table, &text))
		fprintf(to, "%s\n", text);
	free(text);
	scols_unref_table(table);
}
