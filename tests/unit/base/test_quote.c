/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names that somebody else chose: a real shell reads them as they are, and no terminal sees a
 * control character.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../range.h"
#include "base/quote.h"

#define WORDS 400u

static const char *const words[] = {
	"",
	"eth0",
	"a b",
	"'",
	"''",
	"it's",
	"$(touch /tmp/owned)",
	"`id`",
	"\\",
	"\\\\n",
	"\"",
	"*",
	"~root",
	"!!",
	"#",
	";",
	"a;b",
	"-n",
	"%s",
	"{a,b}",
	"line\nfeed",
	"\n",
	"\n\n",
	"ends with\n",
	"\t",
	"\033]0;title\a",
	"\177",
	"\302\233"
	"31m",
	"\233"
	"31m",
	"\377\376",
	"m\303\274ller",
	"\342\200\256gnp.exe",
	"\xed\xa0\x80",
	"\xc0\x80",
};

/** word_text() - @to: one word, quoted; its length */
static size_t quoted(const char *word, char *to, size_t size)
{
	FILE *stream = fmemopen(to, size, "w");

	assert_non_null(stream);
	quote_word(stream, word);
	assert_int_equal(fclose(stream), 0);
	return strlen(to);
}

/** random_word() - bytes of all kinds, special ones more often; the same in each run */
static void random_word(unsigned int *seed, char *to, size_t size)
{
	static const char special[] = "'\"\\$`!*?[]{}()<>|&;#~=%^ \t\n\r\033\a\b-";
	size_t len = (unsigned int)rand_r(seed) % size;

	for (size_t i = 0; i < len; i++)
		to[i] = rand_r(seed) % 2
				? special[(unsigned int)rand_r(seed) % (sizeof(special) - 1)]
				: (char)(1 + rand_r(seed) % 255);
	to[len] = '\0';
}

/* One script with all of them: `sh -n` accepts it, and printf gets each byte for byte. */
static void test_a_shell_reads_the_word_that_was_quoted(void **state)
{
	static char word[WORDS][24], text[512], read[64];
	char path[] = "/tmp/test-quote-XXXXXX", command[128];
	int fd = mkstemp(path);
	FILE *script = fdopen(fd, "w"), *output;
	unsigned int seed = 1;

	(void)state;
	assert_non_null(script);
	for (unsigned int i = 0; i < WORDS; i++) {
		if (i < sizeof(words) / sizeof(words[0]))
			strcpy(word[i], words[i]);
		else
			random_word(&seed, word[i], sizeof(word[i]));
		assert_range(quoted(word[i], text, sizeof(text)), 1, sizeof(text) - 2);
		fprintf(script, "printf '%%s\\000' %s\n", text);
	}
	assert_int_equal(fclose(script), 0);
	snprintf(command, sizeof(command), "sh -n %s", path);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "sh %s", path);
	output = popen(command, "r");
	assert_non_null(output);
	for (unsigned int i = 0; i < WORDS; i++) {
		size_t len = strlen(word[i]) + 1;

		assert_int_equal(fread(read, 1, len, output), len);
		assert_memory_equal(read, word[i], len);
	}
	assert_int_equal(fgetc(output), EOF);
	assert_int_equal(pclose(output), 0);
	remove(path);
}

/** has_control() - would a terminal see a control character, a line feed apart? */
static bool has_control(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if ((*c < ' ' && *c != '\n') || *c == 0x7f ||
		    (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0))
			return true;
	return false;
}

static void test_no_control_character_reaches_a_terminal(void **state)
{
	char word[24], text[512], visible[512];
	unsigned int seed = 2;
	FILE *stream;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		random_word(&seed, word, sizeof(word));
		quoted(word, text, sizeof(text));
		assert_false(has_control(text));
		quote_visible(visible, sizeof(visible), word);
		assert_false(has_control(visible));
		assert_null(strchr(visible, '\n'));
		stream = fmemopen(visible, sizeof(visible), "w");
		quote_print(stream, word);
		fclose(stream);
		for (char *tab; (tab = strchr(visible, '\t'));)
			*tab = ' ';
		assert_false(has_control(visible));
	}
}

static void test_what_is_printable_stays(void **state)
{
	char text[64];

	(void)state;
	quoted("/opt/dpdk-23.11", text, sizeof(text));
	assert_string_equal(text, "/opt/dpdk-23.11");
	quoted("m\303\274ller's", text, sizeof(text));
	assert_string_equal(text, "'m\303\274ller'\\''s'");
	assert_string_equal(quote_visible(text, sizeof(text), "m\303\274ller"), "m\303\274ller");
	assert_string_equal(quote_visible(text, sizeof(text), "a\nb\t\033[2J\233"),
			    "a\\nb\\t\\x1b[2J\\x9b");
	/* Nothing is cut in the middle of a character, or of what stands for one. */
	assert_string_equal(quote_visible(text, 4, "ab\033"), "ab");
	assert_string_equal(quote_visible(text, 4, "ab\303\274"), "ab");
	assert_string_equal(quote_visible(text, 5, "ab\303\274"), "ab\303\274");
	assert_string_equal(quote_visible(text, 1, "ab"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_shell_reads_the_word_that_was_quoted),
		cmocka_unit_test(test_no_control_character_reaches_a_terminal),
		cmocka_unit_test(test_what_is_printable_stays),
	};

	return cmocka_run_group_tests_name("base/quote", tests, NULL, NULL);
}
