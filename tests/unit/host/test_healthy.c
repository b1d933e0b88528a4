/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A healthy log has no diagnosis, however long it is. Its lines are those of the files, or of the
 * directories' files, that are given, in a random order and each time with other numbers, in which a counter, an address and
 * an identifier of any value come up.
 *
 * usage: test_host_healthy LINES FILE|DIRECTORY...
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "host/diagnosis/diagnosis.h"

#define LINES_MAX 8192

static char *lines[LINES_MAX];
static size_t n_lines;
static unsigned long long wanted;
static uint64_t seed = 20261129;

static uint32_t draw(void)
{
	/* Knuth's MMIX */
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33);
}

/*
 * What is healthy once is a fault if it goes on, or if nothing follows; and a libmana that is missing is none only
 * where there is no MANA
 */
static int is_rare(const char *line)
{
	return strstr(line, "VF unregistering") || strstr(line, "switched from VF") ||
	       strstr(line, "VF slot ") || strstr(line, "libmana-rdmav");
}

static void read_path(const char *name);

static int is_shown(const struct dirent *entry)
{
	return *entry->d_name != '.';
}

static void read_directory(const char *name)
{
	struct dirent **entries;
	int n = scandir(name, &entries, is_shown, alphasort);
	char path[4096];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", name, entries[i]->d_name);
		read_path(path);
		free(entries[i]);
	}
	free(entries);
}

static void read_path(const char *name)
{
	FILE *file = fopen(name, "r");
	char *line = NULL;
	size_t size = 0;
	struct stat st;

	if (!file) {
		perror(name);
		exit(2);
	}
	if (!fstat(fileno(file), &st) && S_ISDIR(st.st_mode)) {
		fclose(file);
		read_directory(name);
		return;
	}
	while (getline(&line, &size, file) > 0)
		if (n_lines < LINES_MAX && !is_rare(line))
			lines[n_lines++] = strdup(line);
	free(line);
	fclose(file);
}

/* line() - one of the lines, with other digits; its length */
static size_t line(char *to, size_t size)
{
	const char *from = lines[draw() % n_lines];
	bool same = draw() % 4 == 0;
	size_t n = 0;

	for (; *from && n < size; from++, n++) {
		bool digit = *from >= '0' && *from <= '9';

		/* No digit becomes the first of a number, or 0 there: a count of 0 may mean a fault. */
		if (digit && !same && n && to[n - 1] >= '0' && to[n - 1] <= '9')
			to[n] = (char)('0' + draw() % 10);
		else if (digit && !same && *from != '0' && (!n || to[n - 1] != '-'))
			to[n] = (char)('1' + draw() % 9);
		else
			to[n] = *from;
	}
	return n;
}

static void a_healthy_log_has_no_diagnosis(void **state)
{
	static char block[1 << 16];
	struct rules *rules = rules_open();
	struct error error = { "" };
	const struct finding *finding;
	struct diagnosis *d;
	size_t n = 0;
	clock_t cpu = 0, since;
	(void)state;

	if (rules_directory(rules, RULES, &error) || rules_ready(rules, &error))
		fail_msg("%s", error.text);
	d = diagnosis_open(rules);
	for (unsigned long long i = 0; i < wanted; i++) {
		n += line(block + n, 2048);
		if (n < sizeof(block) - 2048 && i + 1 < wanted)
			continue;
		since = clock();
		diagnosis_feed(d, block, n);
		cpu += clock() - since;
		n = 0;
	}
	assert_int_equal(diagnosis_finish(d, NULL, 0), 0);
	print_message("%llu lines, %.1f MB, of %zu kinds: %.2f s\n", wanted,
		      (double)diagnosis_bytes(d) / 1e6, n_lines, (double)cpu / CLOCKS_PER_SEC);
	finding = diagnosis_finding(d, 0);
	if (finding)
		fail_msg("%s is told because of line %llu: %s", finding->rule->id,
			 (unsigned long long)finding->lines[0].number, finding->lines[0].text);
	diagnosis_close(d);
	rules_close(rules);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_healthy_log_has_no_diagnosis) };

	if (argc < 3)
		return 2;
	wanted = strtoull(argv[1], NULL, 10);
	for (int i = 2; i < argc; i++)
		read_path(argv[i]);
	return n_lines ? cmocka_run_group_tests(tests, NULL, NULL) : 2;
}
