/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/in_root.h - open a file of a copied tree as if the tree were the root.
 *
 * Symbolic links are followed, but neither they nor ".." lead out of the tree: an absolute link
 * begins at the tree, and ".." of the tree is the tree. The kernel does that (openat2(), Linux 5.6);
 * on an older one, or where a filter forbids the call, each component is looked up by itself.
 */
#ifndef MANAKIN_BASE_IN_ROOT_H
#define MANAKIN_BASE_IN_ROOT_H

/**
 * in_root_open() - open an existing file
 * @root:	the tree
 * @path:	in it
 * @flags:	of open(); O_CLOEXEC is added
 *
 * Return: a descriptor or a negative errno
 */
int in_root_open(int root, const char *path, int flags);

#endif
