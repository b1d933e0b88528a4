/* SPDX-License-Identifier: BSD-3-Clause */
#include "serve/examination.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "serve/config.h"
#include "serve/examination_report.h"
#include "term/say.h"

/**
 * struct source - an adapter that is examined
 */
struct source {
	struct examinations *examinations;
	struct examiner *examiner;
	const char *name;
};

/**
 * struct examinations - all of a process
 * @fd:		the report's file; -1: standard output
 * @size:	of what is in it
 * @clients:	the last ones, the oldest first
 * @broken:	rules, by all clients
 */
struct examinations {
	enum examination_format format;
	const char *file;
	int fd;
	size_t size;
	struct source sources[SERVE_ADAPTERS_MAX];
	unsigned int n_sources;
	struct examined *clients[EXAMINATION_CLIENTS];
	unsigned int n;
	unsigned int broken;
};

enum examination_format examination_format_of(const char *file)
{
	const char *dot = file ? strrchr(file, '.') : NULL;

	if (dot && !strcmp(dot, ".json"))
		return EXAMINATION_JSON;
	if (dot && !strcmp(dot, ".xml"))
		return EXAMINATION_JUNIT;
	return EXAMINATION_TEXT;
}

int examinations_open(const struct examination_config *config, struct examinations **examinations,
		      struct error *error)
{
	struct examinations *new = calloc(1, sizeof(*new));

	if (!new)
		return error_fail(error, -ENOMEM, "out of memory");
	new->format = config->format;
	new->file = config->file;
	new->fd = -1;
	if (config->file) {
		new->fd = open(config->file,
			       O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
			       0644);
		if (new->fd < 0) {
			int err = errno;

			free(new);
			return error_fail(error, -err,
					  "cannot write the examiner's report %s: %s; choose "
					  "another file with --examine=FILE",
					  config->file, strerror(err));
		}
	}
	*examinations = new;
	return 0;
}

/** print() - the last client, to standard output */
static void print(const struct examinations *examinations)
{
	const struct examined *last = examinations->clients[examinations->n - 1];

	examination_report(stdout, examinations->format, &last, 1);
	fflush(stdout);
}

/**
 * save() - all of the report, to its file
 *
 * In the sandbox a file cannot be cut: a report that has become shorter ends in empty lines.
 */
static void save(struct examinations *examinations)
{
	FILE *memory;
	char *text = NULL;
	size_t len = 0, done = 0;
	ssize_t n = 0;

	memory = open_memstream(&text, &len);
	if (!memory)
		return;
	examination_report(memory, examinations->format,
			   (const struct examined *const *)examinations->clients, examinations->n);
	while (ftell(memory) >= 0 && (size_t)ftell(memory) < examinations->size)
		fputc('\n', memory);
	fclose(memory);
	if (lseek(examinations->fd, 0, SEEK_SET) < 0)
		n = -1;
	for (; n >= 0 && done < len; done += (size_t)n)
		n = write(examinations->fd, text + done, len - done);
	examinations->size = len;
	if (n < 0)
		say("cannot write the examiner's report %s: %s; make room, or choose another file "
		    "with --examine=FILE",
		    examinations->file, strerror(errno));
	free(text);
}

static void note(void *ctx, const struct examination *examination)
{
	struct source *source = ctx;
	struct examinations *examinations = source->examinations;
	struct examined *examined = malloc(sizeof(*examined));

	if (!examined)
		return;
	*examined = (struct examined){ source->name, *examination };
	if (examinations->n == EXAMINATION_CLIENTS) {
		free(examinations->clients[0]);
		memmove(examinations->clients, examinations->clients + 1,
			--examinations->n * sizeof(examined));
	}
	examinations->clients[examinations->n++] = examined;
	examinations->broken += examined_broken(examined);
	if (examinations->fd >= 0)
		save(examinations);
	else
		print(examinations);
}

int examinations_add(struct examinations *examinations, struct adapter *adapter)
{
	struct source *source = &examinations->sources[examinations->n_sources];

	source->examinations = examinations;
	source->name = adapter_config(adapter)->name;
	source->examiner = examiner_open(adapter, note, source);
	if (!source->examiner)
		return -ENOMEM;
	examinations->n_sources++;
	return 0;
}

unsigned int examinations_close(struct examinations *examinations)
{
	unsigned int broken;

	if (!examinations)
		return 0;
	while (examinations->n_sources)
		examiner_close(examinations->sources[--examinations->n_sources].examiner);
	/* Nobody came: a report that says so. */
	if (!examinations->n && examinations->fd >= 0)
		save(examinations);
	broken = examinations->broken;
	for (unsigned int i = 0; i < examinations->n; i++)
		free(examinations->clients[i]);
	if (examinations->fd >= 0)
		close(examinations->fd);
	free(examinations);
	return broken;
}
