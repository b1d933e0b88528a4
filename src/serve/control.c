/* SPDX-License-Identifier: BSD-3-Clause */
#include "serve/control.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "serve/summary.h"
#include "host/machine/netdev.h"

#define CLIENTS_MAX 8 /* connections at a time */

struct control_server {
	struct adapter *adapter;
	int listener;
	int epoll;
	int clients;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

int control_path(const char *socket, char *path, size_t size)
{
	return snprintf(path, size, "%s" CONTROL_SUFFIX, socket) < (int)size ? 0 : -ENAMETOOLONG;
}

int control_server_open(struct adapter *adapter, struct control_server **out, struct error *error)
{
	struct control_server *server = calloc(1, sizeof(*server));
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct epoll_event event = { .events = EPOLLIN, .data.fd = -1 };
	mode_t mask;
	int err;

	if (!server)
		return -ENOMEM;
	server->adapter = adapter;
	server->listener = server->epoll = -1;
	err = control_path(adapter_config(adapter)->socket, server->path, sizeof(server->path));
	if (err)
		goto fail;
	strcpy(address.sun_path, server->path);
	server->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	/* The adapter's own socket is ours already: a control socket there is a leftover. */
	unlink(server->path);
	mask = umask(0177);
	err = server->listener < 0 || server->epoll < 0 ||
		      bind(server->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ?
		      -errno :
		      0;
	umask(mask);
	if (err)
		goto fail;
	if (listen(server->listener, CLIENTS_MAX) < 0 ||
	    epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listener, &event) < 0) {
		err = -errno;
		goto fail;
	}
	*out = server;
	return 0;
fail:
	error_say(error, "cannot listen for control requests on %s: %s; choose another "
				    "--socket", server->path, strerror(-err));
	control_server_close(server);
	return err;
}

void control_server_close(struct control_server *server)
{
	if (server->listener >= 0) {
		close(server->listener);
		unlink(server->path);
	}
	/* Connections that are open go with the process; there is nothing to tell them. */
	if (server->epoll >= 0)
		close(server->epoll);
	free(server);
}

int control_server_fd(const struct control_server *server)
{
	return server->epoll;
}

__attribute__((format(printf, 3, 4))) static void answer(int client, const char *verdict,
							 const char *format, ...)
{
	static char text[CONTROL_ANSWER_MAX];
	va_list ap;
	size_t len = (size_t)snprintf(text, sizeof(text), "%s\n", verdict);

	va_start(ap, format);
	vsnprintf(text + len, sizeof(text) - len, format, ap);
	va_end(ap);
	/* A client that does not read its answer has only itself to blame. */
	if (send(client, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;
}

static void answer_event(int client, int err, const char *what)
{
	if (!err)
		answer(client, "ok", "%s", "");
	else if (err == -ENOTCONN)
		answer(client, "ok", "%s: no driver is there to be told\n", what);
	else if (err == -EOPNOTSUPP)
		answer(client, "error", "%s: the adapter has no synthetic cards; start it with "
		       "--synthetic, or the guest with --netvsc\n", what);
	else
		answer(client, "error", "%s: the value makes no sense\n", what);
}

/** answer_description() - what the adapter is, and whether a client is attached */
static void answer_description(int client, const struct adapter *adapter)
{
	const struct adapter_config *config = adapter_config(adapter);
	json_t *ports = json_array(), *root;
	char *text = NULL, mac[MAC_TEXT];

	for (unsigned int i = 0; ports && i < config->ports; i++) {
		const struct adapter_port_config *port = &config->port[i];

		json_array_append_new(ports, json_pack("{s:s, s:s, s:i, s:i}", "mac",
						       mac_text(port->mac, mac), "fabric",
						       port->fabric, "mtu", (int)port->mtu,
						       "queues", (int)port->queues));
	}
	root = json_pack("{s:b, s:o}", "attached", adapter_busy(adapter), "ports", ports);
	if (root)
		text = json_dumps(root, 0);
	answer(client, text ? "ok" : "error", "%s\n", text ? text : "out of memory");
	free(text);
	json_decref(root);
}

/** carry_out() - one request */
static void carry_out(struct control_server *server, int client, char *request)
{
	struct adapter *adapter = server->adapter;
	unsigned int number;
	char word[8];

	if (!strcmp(request, "stats json") || !strcmp(request, "stats table")) {
		char *text = summary_text(&adapter, 1, !strcmp(request, "stats json"));

		answer(client, text ? "ok" : "error", "%s", text ? text : "out of memory\n");
		free(text);
	} else if (!strcmp(request, "describe")) {
		answer_description(client, adapter);
	} else if (sscanf(request, "link %9u %7s", &number, word) == 2 &&
		   (!strcmp(word, "up") || !strcmp(word, "down"))) {
		if (number >= adapter_config(adapter)->ports)
			answer(client, "error", "there is no port %u; the adapter has %u, from 0\n",
			       number, adapter_config(adapter)->ports);
		else
			answer_event(client, adapter_set_link(adapter, number, !strcmp(word, "up")),
				     "link");
	} else if (sscanf(request, "timeout %9u", &number) == 1) {
		answer_event(client, adapter_reconfigure(adapter, number), "timeout");
	} else if (!strcmp(request, "vf revoke") || !strcmp(request, "vf return")) {
		answer_event(client, adapter_set_vf(adapter, !strcmp(request, "vf return")), "vf");
	} else if (sscanf(request, "card %9u %7s", &number, word) == 2 && !strcmp(word, "pull")) {
		answer_event(client, adapter_pull_card(adapter, number), "card");
	} else if (!strcmp(request, "reset")) {
		answer_event(client, adapter_request_reset(adapter), "reset");
	} else {
		answer(client, "error", "request '%s' is not known\n", request);
	}
}

static void serve_client(struct control_server *server, int client)
{
	char request[CONTROL_REQUEST_MAX];
	ssize_t len = recv(client, request, sizeof(request) - 1, MSG_DONTWAIT);

	if (len < 0 && errno == EAGAIN)
		return;
	if (len <= 0) {
		close(client);
		server->clients--;
		return;
	}
	request[len] = '\0';
	carry_out(server, client, request);
}

void control_server_serve(struct control_server *server)
{
	struct epoll_event events[CLIENTS_MAX];
	int n = epoll_wait(server->epoll, events, CLIENTS_MAX, 0);

	for (int i = 0; i < n; i++) {
		struct epoll_event event = { .events = EPOLLIN };

		if (events[i].data.fd >= 0) {
			serve_client(server, events[i].data.fd);
			continue;
		}
		event.data.fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (event.data.fd < 0)
			continue;
		if (server->clients == CLIENTS_MAX ||
		    epoll_ctl(server->epoll, EPOLL_CTL_ADD, event.data.fd, &event) < 0)
			close(event.data.fd);
		else
			server->clients++;
	}
}
