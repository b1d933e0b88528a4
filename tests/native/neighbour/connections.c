/* SPDX-License-Identifier: BSD-3-Clause */
/* connections.c - attacks with connections, and with what their client does not read. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "attacker.h"
#include "attacks.h"
#include "base/clock.h"
#include "vfio_user/message.h"

#define SILENT 64u /* connections open at a time */

/** reconnects() - attach and leave */
static void reconnects(const char *socket)
{
	attack_begin();
	for (;;) {
		int fd = socket_connect(socket);

		if (fd < 0) {
			clock_pause_us(100);
			continue;
		}
		message_version(fd);
		close(fd);
	}
}

/** leavers() - connect and leave without a word */
static void leavers(const char *socket)
{
	attack_begin();
	for (;;) {
		int fd = socket_connect(socket);

		if (fd >= 0)
			close(fd);
	}
}

/** silence() - connect and say nothing, on more and more connections */
static void silence(const char *socket)
{
	int fds[SILENT];

	memset(fds, -1, sizeof(fds));
	attack_begin();
	for (unsigned int i = 0;; i = (i + 1) % SILENT) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = socket_connect(socket);
	}
}

/** crowd() - attach on many connections at a time, of which one at most can be the client */
static void crowd(const char *socket)
{
	int fds[SILENT];

	memset(fds, -1, sizeof(fds));
	attack_begin();
	for (unsigned int i = 0;; i = (i + 1) % SILENT) {
		static const char json[] = "{}";
		uint8_t body[sizeof(struct vfu_version) + sizeof(json)] = { 0 };

		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = socket_connect(socket);
		if (fds[i] < 0)
			continue;
		memcpy(body + sizeof(struct vfu_version), json, sizeof(json));
		message_send(fds[i], VFU_CMD_VERSION, 0, body, sizeof(body), NULL, 0);
	}
}

/** unread() - request 4 KiB again and again, and read nothing */
static void unread(const char *socket)
{
	const struct vfu_region_access read = { .region = MANA_BAR, .count = 4096 };

	attack_begin();
	for (;;) {
		int fd = socket_connect(socket);

		if (fd < 0 || message_version(fd)) {
			if (fd >= 0)
				close(fd);
			clock_pause_us(1000);
			continue;
		}
		while (!message_send(fd, VFU_CMD_REGION_READ, 0, &read, sizeof(read), NULL, 0))
			;
		close(fd);
	}
}

const struct attack connections[] = {
	{ "reconnects", reconnects, NULL, false }, { "leavers", leavers, NULL, false },
	{ "silence", silence, NULL, false },       { "crowd", crowd, NULL, false },
	{ "unread", unread, NULL, false },         { 0 },
};
