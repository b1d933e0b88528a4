/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_user/notify.h - signal an eventfd that belongs to a client, without ever waiting for it.
 *
 * write(2) on a full eventfd waits unless O_NONBLOCK is set, and that flag is on the open file
 * description, which the client shares and can change at any time. The kernel's own eventfd_signal()
 * never waits: a full counter stays full. User space reaches it through Linux AIO (io_submit(2)): an
 * operation that carries IOCB_FLAG_RESFD signals an eventfd when it completes, and reading nothing
 * from a pipe completes before io_submit() returns.
 */
#ifndef MANAKIN_VFIO_USER_NOTIFY_H
#define MANAKIN_VFIO_USER_NOTIFY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * struct notifier - for one server; any thread may signal
 * @context:	of io_setup(2), and the address of its ring; 0: AIO cannot be had
 * @pipe:	nothing is ever in it, and nothing is what is read from it
 */
struct notifier {
	unsigned long context;
	int pipe[2];
};

/**
 * notifier_open() - to be done before a sandbox is entered; later only io_submit(2) is needed
 *
 * Without AIO (a kernel without it, a seccomp filter, all contexts of fs.aio-max-nr in use) the
 * notifier works, but see notifier_signal().
 *
 * Return: 0 or a negative errno
 */
int notifier_open(struct notifier *notifier);
void notifier_close(struct notifier *notifier);

/**
 * notifier_takes() - is this descriptor an eventfd?
 * @fd:		from a client: anything at all
 *
 * Decided by the kernel's core alone; the file's own operations are not called, so nobody can hold
 * the answer up. The eventfd is not signalled.
 *
 * Return: 0; -EINVAL if it is something else; another negative errno if that cannot be found out
 */
int notifier_takes(const struct notifier *notifier, int fd);

/**
 * notifier_signal() - add one to an eventfd's counter
 * @fd:		notifier_takes() it
 *
 * Does not wait, whatever the client does. Without AIO it is written to if poll(2) says that there is
 * room; a client that fills it in between can make this wait, until a signal interrupts it (see
 * base/pulse.h).
 *
 * Return: 0, also if the counter is full; or a negative errno
 */
int notifier_signal(const struct notifier *notifier, int fd);

#endif
