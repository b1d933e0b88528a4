/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/blocks.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES 2000u

int blocks_mistake(struct blocks *b, unsigned int line, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	error_say(b->error, "%.200s:%u: %s", b->name, line, text);
	return -EINVAL;
}

int blocks_bad(struct blocks *b, const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return blocks_mistake(b, b->field_line, "%s: %s", b->format->fields[b->field].name, text);
}

int blocks_no_memory(struct blocks *b)
{
	return error_fail(b->error, -ENOMEM, "out of memory");
}

bool blocks_bad_id(struct blocks *b)
{
	bool bad =
		b->value[strspn(b->value, "abcdefghijklmnopqrstuvwxyz0123456789-")] || b->len > 63;

	if (bad)
		blocks_bad(b, "'%.80s' must be at most 63 lower-case letters, digits and -",
			   b->value);
	return bad;
}

bool blocks_grow(void *array, size_t n, size_t size)
{
	void **at = array, *bigger;

	/* At each power of two */
	if (n & (n - 1))
		return true;
	bigger = reallocarray(*at, n ? 2 * n : 1, size);
	if (!bigger)
		return false;
	memset((char *)bigger + n * size, 0, (n ? n : 1) * size);
	*at = bigger;
	return true;
}

/** take_field() - the field we were in is complete */
static int take_field(struct blocks *b)
{
	if (b->field == b->format->n)
		return 0;
	while (b->len && isspace((unsigned char)b->value[b->len - 1]))
		b->value[--b->len] = 0;
	if (!b->len)
		return blocks_mistake(b, b->field_line, "%s is empty",
				      b->format->fields[b->field].name);
	b->seen[b->field] = true;
	return b->format->take(b, b->field);
}

static int end_block(struct blocks *b)
{
	int err;

	if (!b->inside)
		return 0;
	err = take_field(b);
	if (!err)
		err = b->format->end(b);
	b->inside = false;
	b->field = b->format->n;
	return err;
}

static int begin_block(struct blocks *b)
{
	b->inside = true;
	b->begun = b->line;
	memset(b->seen, 0, sizeof(b->seen));
	b->field = b->before = b->format->n;
	return b->format->begin(b);
}

/** add_value() - more of the field's value */
static int add_value(struct blocks *b, const char *text, size_t len)
{
	char *bigger = realloc(b->value, b->len + len + 2);

	if (!bigger)
		return blocks_no_memory(b);
	b->value = bigger;
	if (b->len)
		b->value[b->len++] = b->format->fields[b->field].lines ? '\n' : ' ';
	memcpy(b->value + b->len, text, len);
	b->len += len;
	b->value[b->len] = 0;
	return 0;
}

/** find_field() - by its name; the format's number of fields if there is none */
static unsigned int find_field(const struct blocks_format *format, const char *name, size_t len)
{
	unsigned int field = 0;

	while (field < format->n && (strlen(format->fields[field].name) != len ||
				     memcmp(format->fields[field].name, name, len)))
		field++;
	return field;
}

/** begin_field() - a line "Name: value" */
static int begin_field(struct blocks *b, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len), *value;
	size_t name = colon ? (size_t)(colon - line) : 0;
	unsigned int field;
	int err;

	if (!colon)
		return blocks_mistake(b, b->line,
				      "expected 'Field: value', a comment, or an empty line");
	err = b->inside ? take_field(b) : begin_block(b);
	if (err)
		return err;
	field = find_field(b->format, line, name);
	if (field == b->format->n)
		return blocks_mistake(b, b->line, "unknown field '%.*s'",
				      name < 40 ? (int)name : 40, line);
	if (b->seen[field] && !b->format->fields[field].many)
		return blocks_mistake(b, b->line, "duplicate %s", b->format->fields[field].name);
	b->before = b->field;
	b->field = field;
	b->field_line = b->line;
	b->len = 0;
	value = colon + 1;
	while (value < line + len && (*value == ' ' || *value == '\t'))
		value++;
	return add_value(b, value, (size_t)(line + len - value));
}

/** read_line() - without its line feed */
static int read_line(struct blocks *b, const char *line, size_t len)
{
	size_t blanks = 0;

	if (len > LINE_BYTES)
		return blocks_mistake(b, b->line, "the line is longer than %u bytes", LINE_BYTES);
	if (memchr(line, 0, len) || memchr(line, '\r', len))
		return blocks_mistake(b, b->line, "not a Unix text file");
	while (blanks < len && (line[blanks] == ' ' || line[blanks] == '\t'))
		blanks++;
	if (blanks == len)
		return end_block(b);
	if (line[0] == '#')
		return 0;
	if (!blanks)
		return begin_field(b, line, len);
	if (!b->inside || b->field == b->format->n)
		return blocks_mistake(b, b->line,
				      "a line that begins with a blank continues "
				      "a field, but there is no field before it");
	/* In lines that stay lines, only the first blank is not part of the text. */
	if (b->format->fields[b->field].lines)
		blanks = 1;
	return add_value(b, line + blanks, len - blanks);
}

int blocks_read(const struct blocks_format *format, void *arg, const char *name, const char *text,
		size_t len, struct error *error)
{
	struct blocks b = { .format = format,
			    .arg = arg,
			    .name = name,
			    .field = format->n,
			    .before = format->n,
			    .error = error };
	const char *end = text + len;
	int err = 0;

	while (!err && text < end) {
		const char *feed = memchr(text, '\n', (size_t)(end - text));

		b.line++;
		err = read_line(&b, text, (size_t)((feed ? feed : end) - text));
		text = feed ? feed + 1 : end;
	}
	if (!err)
		err = end_block(&b);
	free(b.value);
	return err;
}

int blocks_file(const char *path, const char *what, char **text, size_t *len, struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;
	ssize_t n = 0;

	*text = NULL;
	*len = 0;
	if (fd < 0 || fstat(fd, &st)) {
		err = -errno;
	} else if (!S_ISREG(st.st_mode) || st.st_size > BLOCKS_FILE) {
		err = S_ISREG(st.st_mode) ? -EFBIG : -EINVAL;
	} else {
		*text = malloc((size_t)st.st_size + 1);
		if (!*text)
			err = -ENOMEM;
		while (!err && (n = read(fd, *text + *len, (size_t)st.st_size - *len)) > 0)
			*len += (size_t)n;
		if (n < 0)
			err = -errno;
	}
	if (fd >= 0)
		close(fd);
	if (err) {
		error_say(error, "cannot read %s in %.300s: %s", what, path, error_reason(-err));
		free(*text);
		*text = NULL;
	}
	return err;
}
