/* SPDX-License-Identifier: BSD-3-Clause */
#include "measure/report.h"

#include <errno.h>
#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "process/child.h"
#include "term/table.h"
#include "term/term.h"

/** ratio() - the rate divided by the better peer's; 0 if no peer was measured */
static double ratio(const struct bench_result *result, enum bench_subject which)
{
	double memif = result->mpps[SUBJECT_MEMIF], vhost = result->mpps[SUBJECT_VHOST];
	double better = memif > vhost ? memif : vhost;

	return better > 0 ? result->mpps[which] / better : 0;
}

static double gbps(const struct bench_result *result, enum bench_subject which)
{
	return result->mpps[which] * result->size * 8 / 1e3;
}

static void add_column(struct libscols_table *table, const char *name, bool text)
{
	scols_table_new_column(table, name, 0, text ? 0 : SCOLS_FL_RIGHT);
}

int report_table(const struct bench_result *results, size_t n, FILE *to)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		return -ENOMEM;
	add_column(table, "case", true);
	add_column(table, "size", false);
	add_column(table, "queues", false);
	for (int s = 0; s < SUBJECTS; s++)
		add_column(table, subject_names[s], false);
	add_column(table, "gbps", false);
	add_column(table, "ratio", false);
	for (size_t i = 0; i < n; i++) {
		struct libscols_line *line = output_line(table, NULL);
		const struct bench_result *result = &results[i];
		double over = ratio(result, SUBJECT_MANAKIN);

		if (!line)
			continue;
		output_cell(line, 0, "%s", case_names[result->what]);
		output_cell(line, 1, "%u", result->size);
		output_cell(line, 2, "%u", result->queues);
		for (int s = 0; s < SUBJECTS; s++) {
			if (result->mpps[s] > 0)
				output_cell(line, 3 + (size_t)s, "%.3f", result->mpps[s]);
			else
				output_cell(line, 3 + (size_t)s, "-");
		}
		if (result->mpps[SUBJECT_MANAKIN] > 0)
			output_cell(line, 3 + SUBJECTS, "%.2f", gbps(result, SUBJECT_MANAKIN));
		if (over > 0)
			output_cell(line, 4 + SUBJECTS, "%.2f", over);
	}
	scols_table_set_stream(table, to);
	scols_print_table(table);
	scols_unref_table(table);
	return 0;
}

static json_t *row(const struct bench_result *result, enum bench_subject which)
{
	double over = ratio(result, which);

	return json_pack("{s:s, s:i, s:i, s:s, s:f, s:f, s:o}", "case", case_names[result->what],
			 "size", (int)result->size, "queues", (int)result->queues, "subject",
			 subject_names[which], "mpps", result->mpps[which], "gbps",
			 gbps(result, which), "ratio", over > 0 ? json_real(over) : json_null());
}

int report_json(const struct bench_result *results, size_t n, FILE *to)
{
	json_t *rows = json_array();
	int err = rows ? 0 : -ENOMEM;

	for (size_t i = 0; i < n; i++)
		for (int s = 0; s < SUBJECTS && !err; s++)
			if (results[i].mpps[s] > 0 &&
			    json_array_append_new(rows, row(&results[i], (enum bench_subject)s)))
				err = -ENOMEM;
	if (!err && (json_dumpf(rows, to, JSON_INDENT(2) | JSON_REAL_PRECISION(8)) ||
		     fputc('\n', to) == EOF))
		err = -EIO;
	json_decref(rows);
	return err;
}

/** on_curve() - does the point belong to the plot? */
static bool on_curve(const struct bench_result *result, enum bench_case what, bool queues,
		     unsigned int smallest)
{
	return result->what == what && (queues ? result->size == smallest : result->queues == 1);
}

/**
 * write_plot() - gnuplot's commands for one plot
 * @queues:	plot over the queues, not over the sizes
 *
 * Return: number of points
 */
static size_t write_plot(FILE *script, const struct bench_result *results, size_t n,
			 enum bench_case what, bool queues, const char *directory)
{
	bool any[SUBJECTS] = { false };
	unsigned int smallest = ~0u;
	size_t points = 0, curves = 0;

	for (size_t i = 0; i < n; i++)
		if (results[i].what == what && results[i].size < smallest)
			smallest = results[i].size;
	for (size_t i = 0; i < n; i++)
		if (on_curve(&results[i], what, queues, smallest)) {
			points++;
			for (int s = 0; s < SUBJECTS; s++)
				any[s] |= results[i].mpps[s] > 0;
		}
	if (points < 2)
		return 0;
	fprintf(script, "$data << END\n");
	for (size_t i = 0; i < n; i++) {
		if (!on_curve(&results[i], what, queues, smallest))
			continue;
		fprintf(script, "%u", queues ? results[i].queues : results[i].size);
		for (int s = 0; s < SUBJECTS; s++)
			if (results[i].mpps[s] > 0)
				fprintf(script, " %.4f", results[i].mpps[s]);
			else
				fprintf(script, " ?");
		fprintf(script, "\n");
	}
	fprintf(script, "END\nset output '%s/%s%s.svg'\n", directory, case_names[what],
		queues ? "-queues" : "");
	if (queues)
		fprintf(script, "set title '%s, %u bytes'\nset xlabel 'queues'\n", case_names[what],
			smallest);
	else
		fprintf(script, "set title '%s, one queue'\nset xlabel 'bytes'\n",
			case_names[what]);
	for (int s = 0; s < SUBJECTS; s++)
		if (any[s])
			fprintf(script,
				"%s $data using 0:%d:xtic(1) with linespoints lw %d pt 7 ps 0.5 "
				"dt %d lc rgb '%s' title '%s'",
				curves++ ? ", \\\n    " : "plot", s + 2,
				s == SUBJECT_MANAKIN ? 3 : 2, s >= SUBJECT_NULL ? 2 : 1,
				(const char *[]){ "#c0392b", "#2471a3", "#1e8449", "#7f8c8d",
						  "#b7950b" }[s],
				subject_names[s]);
	fprintf(script, "\n");
	return points;
}

int report_plots(const struct bench_result *results, size_t n, const char *directory)
{
	int fd = memfd_create("gnuplot", MFD_CLOEXEC), err = 0, status;
	FILE *script = fd >= 0 ? fdopen(fd, "w") : NULL;
	struct child_plan plan = { .in = fd, .out = STDERR_FILENO, .err = STDERR_FILENO };
	struct child gnuplot;
	size_t points = 0;

	if (!script) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	fprintf(script,
		"set terminal svg size 640,400 font 'sans-serif,12' background '#ffffff'\n"
		"set datafile missing '?'\nset ylabel 'millions of packets a second'\n"
		"set logscale y\nset yrange [*:*]\n"
		"set ytics (1, 2, 5, 10, 20, 50, 100, 200, 500)\nset grid ytics lc rgb '#dddddd'\nset border 3\n"
		"set tics nomirror\nset key outside right top\n");
	for (int what = 0; what < CASES; what++) {
		points += write_plot(script, results, n, (enum bench_case)what, false, directory);
		points += write_plot(script, results, n, (enum bench_case)what, true, directory);
	}
	fflush(script);
	lseek(fd, 0, SEEK_SET);
	if (points) {
		err = child_args_add(&plan.argv, "gnuplot");
		if (!err)
			err = child_args_add(&plan.argv, "-");
		if (!err)
			err = child_start(&gnuplot, &plan);
		if (!err) {
			status = child_stop(&gnuplot, 0, 60000);
			err = status ? -EIO : 0;
		}
		child_args_free(plan.argv);
	}
	fclose(script);
	return err;
}
