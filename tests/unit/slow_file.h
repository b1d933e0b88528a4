/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/unit/slow_file.h - a file on a file system that answers when the test says so: FUSE, served
 * by a child process. Needs root, or user namespaces, and /dev/fuse.
 */
#ifndef MANAKIN_TESTS_UNIT_SLOW_FILE_H
#define MANAKIN_TESTS_UNIT_SLOW_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/**
 * struct slow_shared - between the test and the file system
 * @hold:	close() and fstat() of the file wait; not even SIGKILL ends that
 * @flushes, @attributes: how often they were asked for
 * @held:	how many are waiting now
 */
struct slow_shared {
	atomic_bool hold;
	atomic_uint flushes, attributes, held;
};

struct slow_file {
	struct slow_shared *shared;
	char path[64];
	pid_t server;
};

/**
 * slow_file_mount() - fails the test if it cannot be done
 *
 * To be called before other threads are started: the test gets a mount namespace of its own.
 */
void slow_file_mount(struct slow_file *file);

/** slow_file_open() - a descriptor */
int slow_file_open(const struct slow_file *file);

void slow_file_unmount(struct slow_file *file);

#endif
