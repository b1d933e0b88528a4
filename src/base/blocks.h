/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/blocks.h - files of knowledge that people write: the diagnosis's rules, known bugs, packages.
 *
 * A file is blocks of "Field: value" lines, as Debian's control files are: an empty line ends a
 * block, a line that begins with a blank continues the value, # begins a comment line. The reader
 * is strict, since a misspelt field would be something that is never told: every mistake is refused
 * with its file and line.
 */
#ifndef MANAKIN_BASE_BLOCKS_H
#define MANAKIN_BASE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define BLOCKS_FIELDS 32u        /* of a format */
#define BLOCKS_FILE   (1u << 20) /* bytes of a file */

/**
 * struct blocks_field - what is known of a field
 * @many:	it may come more than once
 * @needed:	each block has it, which is for @end to check: see blocks_lack()
 * @lines:	continuation lines stay lines; else they are joined with blanks
 */
struct blocks_field {
	const char *name;
	bool many, needed, lines;
};

struct blocks;

/**
 * struct blocks_format - the fields of a file, and who takes them
 * @n:		fields, BLOCKS_FIELDS at most; as a field, it is none
 * @begin:	a block begins
 * @take:	a field is complete: @value, which may be changed
 * @end:	the block is complete
 *
 * Each returns 0 or a negative errno, after which nothing more is read.
 */
struct blocks_format {
	const struct blocks_field *fields;
	unsigned int n;
	int (*begin)(struct blocks *blocks);
	int (*take)(struct blocks *blocks, unsigned int field);
	int (*end)(struct blocks *blocks);
};

/**
 * struct blocks - a file that is being read
 * @arg:	the caller's
 * @name:	of the file, for messages
 * @line:	number of the line, from 1
 * @begun:	that of the block's first
 * @inside:	a block
 * @seen:	fields that it has
 * @field, @field_line: the field we are in
 * @before:	the field before it
 * @value, @len: of that field, without blanks at its end
 */
struct blocks {
	const struct blocks_format *format;
	void *arg;
	const char *name;
	unsigned int line, begun, field_line;
	bool inside;
	bool seen[BLOCKS_FIELDS];
	unsigned int field, before;
	char *value;
	size_t len;
	struct error *error;
};

/**
 * blocks_read() - read a text
 * @error:	on failure: the mistake, with file and line
 *
 * Return: 0, -EINVAL, -ENOMEM, or what the format's functions returned
 */
int blocks_read(const struct blocks_format *format, void *arg, const char *name, const char *text,
		size_t len, struct error *error);

/**
 * blocks_file() - the text of a file
 * @what:	it has, for messages: "the rules"
 * @text:	filled in; free() it
 *
 * Return: 0 or a negative errno
 */
int blocks_file(const char *path, const char *what, char **text, size_t *len, struct error *error);

/** blocks_mistake() - a mistake in a line; -EINVAL */
__attribute__((format(printf, 3, 4))) int blocks_mistake(struct blocks *blocks, unsigned int line,
							 const char *format, ...);

/** blocks_bad() - a mistake in the value of the current field; -EINVAL */
__attribute__((format(printf, 2, 3))) int blocks_bad(struct blocks *blocks, const char *format,
						     ...);

/** blocks_no_memory() - -ENOMEM, and says so */
int blocks_no_memory(struct blocks *blocks);

/** blocks_bad_id() - is the value no name, 63 lower-case letters, digits and -? Says so */
bool blocks_bad_id(struct blocks *blocks);

/**
 * struct blocks_name - {name} or {name|words} in a text that is shown later
 * @words:	what stands there if nothing is known of that name; NULL: nothing does
 * @words_len:	their length
 */
struct blocks_name {
	char name[64];
	const char *words;
	size_t words_len;
};

/** blocks_name() - read one; its length, or 0 if @text does not begin with one */
size_t blocks_name(const char *text, struct blocks_name *name);

/** blocks_grow() - room for one more at the end of an array, cleared; false: no memory */
bool blocks_grow(void *array, size_t n, size_t size);

#endif
