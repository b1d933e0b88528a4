/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/session.c - any guest of the lab, at the ports of its virtual machine.
 *
 * Input: a byte; then pieces of what the guest writes, each one byte that says to which port (modulo
 * QEMU_PORTS) and whether that port then ends (bit 7), one byte for the length, and the bytes. All of
 * it is there when the session begins, and the machine has ended. Bits of the first byte: 0 and 1: a
 * command, a shell, a command after a restart, or a shell after one.
 *
 * What must hold: the session ends with a status that a process can have, soon, and kills nothing.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest/session.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_kill(pid_t pid, int number);

static int ended = -1, nothing = -1, console = -1;

int __wrap_kill(pid_t pid, int number)
{
	(void)number;
	require(pid < 0); /* never: the machine has ended */
	return 0;
}

static void start(void)
{
	/* The session's own standard input and error, for which libFuzzer has descriptors of its own */
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	ended = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	nothing = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	console = memfd_create("console", MFD_CLOEXEC);
	require(null >= 0 && ended >= 0 && nothing >= 0 && console >= 0);
	require(dup2(null, STDIN_FILENO) == STDIN_FILENO);
	close(null);
}

/** write_all() - what the guest has written; what does not fit is not written */
static void write_all(int guest[QEMU_PORTS])
{
	while (left) {
		uint8_t how = take();
		size_t len = take();
		int fd = guest[(how & 0x7f) % QEMU_PORTS];

		if (len > left)
			len = left;
		if (len && fd >= 0 && send(fd, in, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return;
		in += len;
		left -= len;
		/* The control port's other end stays: the session writes to it. */
		if (how & 0x80 && (how & 0x7f) % QEMU_PORTS != PORT_CONTROL && fd >= 0) {
			close(fd);
			guest[(how & 0x7f) % QEMU_PORTS] = -1;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char one[] = "true", two[] = "an argument";
	char *command[] = { one, two, NULL };
	struct signals signals = { .fd = nothing };
	struct session_config config = { .console = console, .signals = &signals };
	struct qemu qemu = { .process = { .pid = 1, .pidfd = ended } };
	int guest[QEMU_PORTS], pair[2], status;

	if (!size)
		return 0;
	if (ended < 0) {
		start();
		signals.fd = nothing;
		config.console = console;
		qemu.process.pidfd = ended;
	}
	config.command = data[0] & 1 ? NULL : command;
	config.reboot = data[0] & 2;
	in = data + 1;
	left = size - 1;
	for (unsigned int i = 0; i < QEMU_PORTS; i++) {
		require(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
		qemu.ports[i] = pair[0];
		guest[i] = pair[1];
	}
	write_all(guest);
	for (unsigned int i = 0; i < QEMU_PORTS; i++)
		if (i != PORT_CONTROL && i != PORT_TERMINAL && i != PORT_STDIN && guest[i] >= 0) {
			close(guest[i]);
			guest[i] = -1;
		}
	/* A terminal's two directions end together, when the machine has. */
	if (guest[PORT_TERMINAL] >= 0)
		shutdown(guest[PORT_TERMINAL], SHUT_WR);

	status = session_run(&qemu, &config);
	require(status >= 0 && status <= 255);
	for (unsigned int i = 0; i < QEMU_PORTS; i++) {
		close(qemu.ports[i]);
		if (guest[i] >= 0)
			close(guest[i]);
	}
	require(!ftruncate(console, 0) && !lseek(console, 0, SEEK_SET));
	return 0;
}
