/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/beneath.h - files below a directory, whoever else writes there.
 *
 * What root opens, creates and removes in a directory that others can write to must not be led
 * elsewhere by a symbolic link. These functions take a directory's descriptor and a path below it,
 * and refuse a path that leads out of it or has a symbolic link in it: -ELOOP for a link, -EXDEV
 * for ".." and absolute paths. The kernel checks that (openat2(), Linux 5.6); on an older one, or
 * where a filter forbids the call, each component is opened by itself.
 */
#ifndef MANAKIN_BASE_BENEATH_H
#define MANAKIN_BASE_BENEATH_H

#include <stddef.h>
#include <sys/types.h>

/**
 * beneath_open() - openat()
 * @dir:	the directory
 * @path:	below it; "." is the directory itself
 * @flags:	of open(); O_CLOEXEC is added
 * @mode:	with O_CREAT
 *
 * Return: a descriptor or a negative errno
 */
int beneath_open(int dir, const char *path, int flags, mode_t mode);

/** beneath_write() - write a whole text to a file that is open; -ENOSPC if a part was written */
int beneath_write(int fd, const char *text);

/** beneath_mkdir() - mkdirat(); 0 or a negative errno */
int beneath_mkdir(int dir, const char *path, mode_t mode);

/**
 * beneath_directory() - open a directory and create what is missing on the way to it
 * @mode:	of those that are created
 *
 * Return: a descriptor or a negative errno
 */
int beneath_directory(int dir, const char *path, mode_t mode);

/**
 * beneath_remove() - unlinkat(); a symbolic link at the end of the path is itself removed
 * @flags:	0 or AT_REMOVEDIR
 *
 * Return: 0 or a negative errno
 */
int beneath_remove(int dir, const char *path, int flags);

/** beneath_symlink() - symlinkat(): @path becomes a link to @target; 0 or a negative errno */
int beneath_symlink(int dir, const char *target, const char *path);

/** beneath_rename() - renameat() within @dir; what @to was is replaced; 0 or a negative errno */
int beneath_rename(int dir, const char *from, const char *to);

/**
 * beneath_link() - readlinkat()
 * @target:	filled in, as a string
 *
 * Return: its length or a negative errno; -ENAMETOOLONG if it does not fit
 */
ssize_t beneath_link(int dir, const char *path, char *target, size_t size);

/**
 * beneath_remove_tree() - as rm -rf --one-file-system
 *
 * Return: 0, or a negative errno if something is left
 */
int beneath_remove_tree(int dir, const char *path);

#endif
