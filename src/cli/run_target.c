/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/run_target.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/control_server.h"
#include "cli/view.h"
#include "vfio_user/client.h"

/** first_entry() - the first name in a directory that @wanted likes; 0 or -ENOENT */
static int first_entry(const char *path, bool (*wanted)(const char *), char *name, size_t size)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int err = -ENOENT;

	while (dir && err && (entry = readdir(dir)))
		if (wanted(entry->d_name) && strlen(entry->d_name) < size) {
			strcpy(name, entry->d_name);
			err = 0;
		}
	if (dir)
		closedir(dir);
	return err;
}

/** list_adapters() - the names of those there are, for a message */
static const char *list_adapters(char *text, size_t size)
{
	DIR *dir = opendir(RUN_DIRECTORY);
	struct dirent *entry;
	size_t len = 0;

	*text = '\0';
	while (dir && (entry = readdir(dir))) {
		char path[400];

		snprintf(path, sizeof(path), RUN_DIRECTORY "/%s/socket", entry->d_name);
		if (entry->d_name[0] == '.' || access(path, F_OK) || len + 40 > size)
			continue;
		len += (size_t)snprintf(text + len, size - len, "%s%s", len ? ", " : "",
					entry->d_name);
	}
	if (dir)
		closedir(dir);
	return text;
}

/** attachable() - attach for a moment, as an application would; 0 or a negative errno */
static int attachable(const char *socket)
{
	struct vfu_client *client;
	int err = vfu_client_connect(socket, 0, &client);

	if (!err)
		vfu_client_close(client);
	return err;
}

int target_find(const char *name, struct run_target *target, char *error, size_t error_size)
{
	char socket[128], others[256];
	int err;

	memset(target, 0, sizeof(*target));
	if (!*name || strlen(name) > 31 || strchr(name, '/')) {
		snprintf(error, error_size, "'%s' is not the name of an adapter", name);
		return -ENOENT;
	}
	snprintf(target->name, sizeof(target->name), "%s", name);
	snprintf(target->sysfs, sizeof(target->sysfs), RUN_DIRECTORY "/%s/pci", name);
	snprintf(socket, sizeof(socket), RUN_DIRECTORY "/%s/socket", name);
	if (access(target->sysfs, R_OK) && errno == EACCES) {
		snprintf(error, error_size,
			 "this user may not use the adapter %s; whoever started it "
			 "may, and root: try sudo",
			 name);
		return -EACCES;
	}
	if (first_entry(target->sysfs, view_address_ok, target->address, sizeof(target->address))) {
		list_adapters(others, sizeof(others));
		snprintf(error, error_size,
			 "there is no adapter %s on this machine; start it: manakin "
			 "device --name %s%s%s",
			 name, name, *others ? "; running are: " : "", others);
		return -ENOENT;
	}
	err = attachable(socket);
	if (err == -EBUSY)
		snprintf(error, error_size,
			 "another application uses the adapter %s; end it, or start "
			 "another adapter: manakin device --name NAME",
			 name);
	else if (err)
		snprintf(error, error_size,
			 "the adapter %s does not answer: %s; start it again: "
			 "manakin device --name %s",
			 name, strerror(-err), name);
	if (control_path(socket, target->control, sizeof(target->control)))
		*target->control = '\0';
	return err;
}

/** ask() - one request to the adapter; the length of the answer, or a negative errno */
static ssize_t ask(const char *path, const char *request, char *answer, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = 2 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ssize_t len = -1;

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
	    send(fd, request, strlen(request), MSG_NOSIGNAL) > 0)
		len = recv(fd, answer, size - 1, 0);
	if (len < 0)
		len = -errno;
	close(fd);
	if (len >= 0)
		answer[len] = '\0';
	return len;
}

/** field() - the number that comes next under this name; NULL if there is none */
static const char *field(const char *text, const char *name, uint64_t *value)
{
	const char *at = text ? strstr(text, name) : NULL;

	return at && sscanf(at + strlen(name), "\": %" SCNu64, value) == 1 ? at : NULL;
}

int target_counters(const struct run_target *target, struct traffic *traffic, unsigned int *ports)
{
	static char answer[CONTROL_ANSWER_MAX + 1];
	const char *at = answer;
	ssize_t len;

	if (!*target->control)
		return -ENOTSUP;
	len = ask(target->control, "stats json", answer, sizeof(answer));
	if (len <= 0)
		return len ? (int)len : -EPIPE;
	/* One object a port, with these four in this order. */
	for (*ports = 0; *ports < TESTPMD_PORTS_MAX; (*ports)++) {
		struct traffic *port = &traffic[*ports];

		at = field(at, "\"tx_packets", &port->tx_packets);
		at = field(at, "\"tx_bytes", &port->tx_bytes);
		at = field(at, "\"rx_packets", &port->rx_packets);
		at = field(at, "\"rx_bytes", &port->rx_bytes);
		if (!at)
			break;
	}
	return *ports ? 0 : -EPROTO;
}
