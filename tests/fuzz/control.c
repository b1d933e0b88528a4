/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/control.c - any packet at an adapter's control socket, and any answer from one.
 *
 * The program is linked so that the system calls of serve/control_server.c and
 * host/machine/control.c are the functions below. Input: a byte, and packets, each one byte for its
 * length and the bytes. If the byte is odd, it is an answer, which fills the rest of the input.
 *
 * What must hold: a request gets exactly one answer, of the form that host/machine/control.h says,
 * and statistics and descriptions in it are JSON; an answer that is accepted ends.
 */
#include <errno.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/state.h"
#include "host/machine/control.h"
#include "input.h"
#include "serve/control_server.h"

#define CLIENT      1000
#define PACKETS_MAX 32u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
ssize_t __wrap_recv(int fd, void *buffer, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *buffer, size_t size, int flags);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int max, int timeout);

static char folder[] = "/tmp/fuzz-control-XXXXXX", path[64];
static struct lanes *lanes;
static struct adapter *adapter;
static struct control_server *server;
static bool asking; /* control_ask() is running */
static char request[256];
static unsigned int answers;

int __wrap_epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
	(void)fd;
	require(max > 0 && !timeout);
	events[0] = (struct epoll_event){ .events = EPOLLIN, .data.fd = CLIENT };
	return 1;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	(void)fd;
	(void)address;
	(void)len;
	return 0;
}

ssize_t __wrap_recv(int fd, void *buffer, size_t size, int flags)
{
	size_t len;

	(void)fd;
	if (asking) {
		len = left < size ? left : size;
	} else {
		require(flags & MSG_DONTWAIT);
		len = take();
		if (len > left)
			len = left;
		if (len > size)
			len = size;
		if (!len) { /* 0 would be the end of the connection */
			errno = EAGAIN;
			return -1;
		}
		memset(request, 0, sizeof(request));
		memcpy(request, in, len < sizeof(request) ? len : sizeof(request) - 1);
	}
	memcpy(buffer, in, len);
	in += len;
	left -= len;
	return (ssize_t)len;
}

ssize_t __wrap_send(int fd, const void *buffer, size_t size, int flags)
{
	const char *text = buffer, *after;
	json_t *root;

	(void)fd;
	if (asking)
		return (ssize_t)size;
	require(flags & MSG_NOSIGNAL && flags & MSG_DONTWAIT && size <= CONTROL_ANSWER_MAX);
	after = memchr(text, '\n', size);
	require(after != NULL);
	require(!strncmp(text, CONTROL_OK "\n", 3) || !strncmp(text, CONTROL_ERROR "\n", 6));
	answers++;
	if (!strcmp(request, "describe") || !strcmp(request, "stats json")) {
		root = json_loadb(after + 1, size - (size_t)(after + 1 - text),
				  JSON_DISABLE_EOF_CHECK, NULL);
		require(root && *text == 'o');
		json_decref(root);
	}
	return (ssize_t)size;
}

static void clean_up(void)
{
	control_server_close(server);
	adapter_close(adapter);
	lanes_stop(lanes);
	rmdir(folder);
}

static void start(void)
{
	struct adapter_config config = { .name = "fuzz", .socket = path, .ports = 2 };
	struct error error;

	require(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/socket", folder);
	for (uint8_t i = 0; i < 2; i++)
		config.port[i] = (struct adapter_port_config){
			.mac = { 2, 0, 0, 0, 0, i }, .fabric = "loop", .mtu = 1500, .queues = 4
		};
	require(lanes_embed(1, &lanes) == 0);
	require(adapter_open(&config, lanes, &adapter, &error) == 0);
	require(control_server_open(adapter, -1, 1, &server, &error) == 0);
	atexit(clean_up);
}

static void ask(void)
{
	static struct control_answer answer;
	int err;

	asking = true;
	err = control_ask(path, "describe", 1, &answer);
	asking = false;
	require(!err || err == -EPROTO || err == -ETIMEDOUT);
	if (err)
		return;
	require(answer.text >= answer.packet &&
		answer.text + strlen(answer.text) < answer.packet + sizeof(answer.packet));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int n = 0;

	if (!adapter)
		start();
	if (!size)
		return 0;
	in = data + 1;
	left = size - 1;
	if (data[0] & 1) {
		ask();
		return 0;
	}
	while (left && n++ < PACKETS_MAX) {
		bool asked = *in && left > 1;

		answers = 0;
		control_server_serve(server);
		require(answers == asked);
		lanes_step(lanes);
	}
	for (unsigned int i = 0; i < 2; i++)
		adapter_set_link(adapter, i, true);
	return 0;
}
