/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/thread.h - threads that get no signals, and children that share the process's memory.
 */
#ifndef MANAKIN_BASE_THREAD_H
#define MANAKIN_BASE_THREAD_H

#include <pthread.h>
#include <stddef.h>

/**
 * thread_start() - start a thread in which all signals are blocked
 * @stack:	its size, in bytes
 *
 * Return: 0 or a negative errno
 */
int thread_start(pthread_t *thread, size_t stack, void *(*function)(void *), void *argument);

/**
 * thread_child() - start a child process that shares memory and descriptors
 * @flags:	CLONE_VFORK, or 0
 * @stack:	the first byte after the child's stack; it must stay until the child has ended
 *
 * The child may only make system calls. Its end raises no signal, and is waited for with __WALL.
 *
 * Return: its process ID, or a negative errno
 */
int thread_child(int flags, void *stack, int (*function)(void *), void *argument);

#endif
