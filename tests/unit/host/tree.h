/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tree.h - a machine made of files, for one test at a time.
 */
#ifndef TESTS_HOST_TREE_H
#define TESTS_HOST_TREE_H

#include "host/machine/root.h"

/**
 * tree_open() - create one, and open it as @host; 0, as cmocka expects from a setup
 * @script:	for sh, creates its files, with the tree as $1; NULL: an empty tree
 */
int tree_open(struct host *host, const char *script);

/** tree_close() - remove it with all that is in it; 0, too */
int tree_close(struct host *host);

/** tree_setup(), tree_teardown() - an empty tree for a test, opened as @tree_host */
extern struct host tree_host;
int tree_setup(void **state);
int tree_teardown(void **state);

/** tree_path() - a file of it; good until the next call. @name may begin with a slash */
const char *tree_path(const char *name);

/** tree_put() - a file of it (@format as printf()), with the directories that it is in */
__attribute__((format(printf, 2, 3))) void tree_put(const char *text, const char *format, ...);

/** tree_run() - a script for sh, of which the tree is the argument $1; its exit status */
int tree_run(const char *script);

#endif
