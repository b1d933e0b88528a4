/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * measure/bench_directory.h - the directory of a bench's sockets, and cleaning up after a
 * killed one.
 */
#ifndef MANAKIN_MEASURE_BENCH_DIRECTORY_H
#define MANAKIN_MEASURE_BENCH_DIRECTORY_H

#include <stddef.h>

#define BENCH_DIRECTORY_SIZE sizeof("/tmp/manakin-bench-XXXXXX")

/**
 * bench_directory_make() - create this bench's directory
 * @path:	BENCH_DIRECTORY_SIZE bytes for its name
 *
 * Return: a descriptor that keeps other benches from removing it, or a negative errno
 */
int bench_directory_make(char *path);

/** bench_directory_remove() - remove it, and what is in it; @fd is closed */
void bench_directory_remove(int fd, const char *path);

/** bench_directory_sweep() - remove what killed benches left */
void bench_directory_sweep(void);

/** bench_directory_adapter() - name of the adapter of the bench with this directory */
void bench_directory_adapter(const char *path, char *name, size_t size);

#endif
