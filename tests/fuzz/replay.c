/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/replay.c - run a fuzz target without a fuzzer.
 *
 * usage: replay RUNS [FOLDER...]
 *
 * Runs the target on every file of each FOLDER, in the order of their names; then on RUNS inputs derived
 * from them with pseudo-random numbers, which are the same each time. A target that finds something
 * aborts; so do the sanitizers, if it was built with them.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 16384u
#define INPUT_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t bytes[INPUT_MAX];
	size_t size;
};

static struct input inputs[FILES_MAX];
static unsigned int count;

static uint32_t next(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15ull;

	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 0x2545f4914f6cdd1dull) >> 32);
}

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int load(const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, is_file, alphasort);

	if (n < 0)
		return perror(folder), -1;
	for (int i = 0; i < n && count < FILES_MAX; i++) {
		struct input *input = &inputs[count++];
		char path[4096];
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		file = fopen(path, "rb");
		if (!file && errno == ENOENT) { /* a fuzzer has just replaced it */
			count--;
			continue;
		}
		if (!file)
			return perror(path), -1;
		input->size = fread(input->bytes, 1, INPUT_MAX, file);
		fclose(file);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

/* Change an input like a fuzzer: a byte, a bit, a piece removed, inserted, or from another input */
static void mutate(struct input *input)
{
	size_t at = input->size ? next() % input->size : 0, n = 1 + next() % 16;
	const struct input *other = &inputs[count ? next() % count : 0];

	switch (next() % 6) {
	case 0:
		input->bytes[at] = (uint8_t)next();
		break;
	case 1:
		input->bytes[at] ^= (uint8_t)(1u << next() % 8);
		break;
	case 2:
		if (n > input->size - at)
			n = input->size - at;
		memmove(input->bytes + at, input->bytes + at + n, input->size - at - n);
		input->size -= n;
		break;
	case 3:
		if (n > INPUT_MAX - input->size)
			n = INPUT_MAX - input->size;
		memmove(input->bytes + at + n, input->bytes + at, input->size - at);
		for (size_t i = 0; i < n; i++)
			input->bytes[at + i] = (uint8_t)next();
		input->size += n;
		break;
	case 4:
		n = other->size < INPUT_MAX - at ? other->size : INPUT_MAX - at;
		memcpy(input->bytes + at, other->bytes, n);
		if (at + n > input->size)
			input->size = at + n;
		break;
	default:
		input->bytes[at] = (uint8_t)(0 - (next() & 1));
		break;
	}
	if (!input->size)
		input->size = 1;
}

int main(int argc, char **argv)
{
	unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	static struct input input;

	if (argc < 2)
		return fprintf(stderr, "usage: %s RUNS [FOLDER...]\n", argv[0]), 2;
	for (int i = 2; i < argc; i++)
		if (load(argv[i]))
			return 1;
	for (unsigned int i = 0; i < count; i++)
		LLVMFuzzerTestOneInput(inputs[i].bytes, inputs[i].size);
	for (unsigned long i = 0; i < runs; i++) {
		if (count)
			input = inputs[next() % count];
		for (unsigned int n = 1 + next() % 8; n; n--)
			mutate(&input);
		LLVMFuzzerTestOneInput(input.bytes, input.size);
	}
	printf("%u inputs of the corpus, %lu made from them\n", count, runs);
	return 0;
}
