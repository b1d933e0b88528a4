/* SPDX-License-Identifier: BSD-3-Clause */
#include "serve/control_server.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mac.h"
#include "base/rights.h"
#include "base/socket_file.h"
#include "host/machine/control.h"
#include "serve/statistics.h"
#include "serve/tracing.h"

#define CLIENTS_MAX 8 /* connections at a time */

struct control_server {
	struct adapter *adapter;
	int listener;
	int epoll;
	int clients;
	unsigned int lanes;
	struct tracing *tracing; /* that a request started, also once it has stopped; NULL: none */
	struct socket_file file;
};

/** listen_at() - create the socket at @path, and have it in the server; 0 or a negative errno */
static int listen_at(struct control_server *server, char *path, size_t size)
{
	int err = control_path(adapter_config(server->adapter)->socket, path, size);

	if (err)
		return err;
	server->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server->listener < 0)
		return -errno;
	return socket_file_bind(server->listener, path, CLIENTS_MAX, &server->file);
}

int control_server_open(struct adapter *adapter, int passed, unsigned int lanes,
			struct control_server **out, struct error *error)
{
	struct control_server *server = calloc(1, sizeof(*server));
	struct epoll_event event = { .events = EPOLLIN, .data.fd = -1 };
	char path[SOCKET_FILE_PATH] = "";
	int err = 0;

	if (!server)
		return error_fail(error, -ENOMEM, "out of memory");
	server->adapter = adapter;
	server->lanes = lanes;
	server->listener = passed;
	if (passed < 0)
		err = listen_at(server, path, sizeof(path));
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!err && (server->epoll < 0 ||
		     epoll_ctl(server->epoll, EPOLL_CTL_ADD, server->listener, &event) < 0))
		err = -errno;
	if (err) {
		error_say(error,
			  "cannot listen for control requests on %s: %s; choose another --socket",
			  path, socket_file_reason(err));
		control_server_close(server);
		return err;
	}
	*out = server;
	return 0;
}

void control_server_close(struct control_server *server)
{
	if (!server)
		return;
	tracing_close(server->tracing);
	socket_file_remove(&server->file);
	if (server->listener >= 0)
		close(server->listener);
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
		answer(client, CONTROL_OK, "%s", "");
	else if (err == -ENOTCONN)
		answer(client, CONTROL_OK, "%s: no driver is attached to notify\n", what);
	else if (err == -EOPNOTSUPP)
		answer(client, CONTROL_ERROR,
		       "%s: the adapter has no synthetic cards; start it with --synthetic, or the guest with --netvsc\n",
		       what);
	else
		answer(client, CONTROL_ERROR, "%s: invalid value\n", what);
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
	answer(client, text ? CONTROL_OK : CONTROL_ERROR, "%s\n", text ? text : "out of memory");
	free(text);
	json_decref(root);
}

static void answer_statistics(int client, struct adapter *adapter, bool json)
{
	char *text = statistics_text(&adapter, 1, json);

	answer(client, text ? CONTROL_OK : CONTROL_ERROR, "%s", text ? text : "out of memory\n");
	free(text);
}

static void answer_link(int client, struct adapter *adapter, unsigned int port, bool up)
{
	unsigned int ports = adapter_config(adapter)->ports;

	if (port < ports)
		answer_event(client, adapter_set_link(adapter, port, up), "link");
	else
		answer(client, CONTROL_ERROR,
		       "there is no port %u; the adapter has %u port%s, numbered from 0\n", port,
		       ports, ports == 1 ? "" : "s");
}

/** answer_faults() - a line for each rule */
static void answer_faults(int client, struct adapter *adapter)
{
	struct adapter_fault fault;
	size_t size = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (out && adapter_fault_get(adapter, 0, &fault))
		fprintf(out, "%4s %10s %10s  %s\n", "rule", "happened", "applied", "text");
	for (unsigned int i = 0; out && adapter_fault_get(adapter, i, &fault); i++)
		fprintf(out, "%4u %10llu %10llu  %s\n", fault.id, fault.seen, fault.fired,
			fault.text);
	if (out && !fclose(out))
		answer(client, CONTROL_OK, "%s", text);
	else
		answer(client, CONTROL_ERROR, "out of memory\n");
	free(text);
}

/** answer_fault() - a change of the rules, or a signal to them */
static void answer_fault(int client, struct adapter *adapter, const struct control_request *request)
{
	struct error error;

	switch (request->command) {
	case CONTROL_FAULT_ADD:
		if (adapter_fault_add(adapter, request->word, "rule", &error))
			answer(client, CONTROL_ERROR, "%s\n", error.text);
		else
			answer(client, CONTROL_OK, "%s", "");
		break;
	case CONTROL_FAULT_REMOVE:
		if (adapter_fault_remove(adapter, request->number))
			answer(client, CONTROL_ERROR,
			       "there is no rule %u; 'fault list' has their numbers\n",
			       request->number);
		else
			answer(client, CONTROL_OK, "%s", "");
		break;
	case CONTROL_FAULT_SIGNAL:
		if (adapter_fault_signal(adapter, request->word))
			answer(client, CONTROL_ERROR,
			       "no rule waits for signal '%s'; 'fault list' has the rules\n",
			       request->word);
		else
			answer(client, CONTROL_OK, "%s", "");
		break;
	case CONTROL_FAULT_CLEAR:
		adapter_fault_clear(adapter);
		answer(client, CONTROL_OK, "%s", "");
		break;
	default:
		answer_faults(client, adapter);
	}
}

static void answer_refuse(int client, struct adapter *adapter, const char *command)
{
	const int err = adapter_refuse(adapter, strcmp(command, "nothing") ? command : NULL);

	if (err && err != -ENOENT)
		answer(client, CONTROL_ERROR, "there is no room for another rule\n");
	else if (err)
		answer(client, CONTROL_ERROR,
		       "no command of a driver is called '%s'; manakin device --log debug prints "
		       "the names of those that come\n",
		       command);
	else
		answer(client, CONTROL_OK, "%s", "");
}

/** start_trace() - write one to a file; the answer says why it cannot */
static void start_trace(struct control_server *server, int client,
			const struct control_request *request, int file)
{
	struct tracing_config config = { .fd = file,
					 .name = "that 'manakin control' started",
					 .mib = request->number,
					 .snaplen = request->second,
					 .lanes = server->lanes };
	struct error error;
	int err;

	/* A file cannot grow without bound here: see serve/confinement.c */
	if (!config.mib || config.mib > RECORDER_MIB_MAX)
		config.mib = RECORDER_MIB_MAX;
	if (config.snaplen > TRACE_SNAPLEN_MAX)
		config.snaplen = TRACE_SNAPLEN_MAX;
	if (server->tracing) {
		tracing_close(server->tracing);
		server->tracing = NULL;
	}
	err = tracing_open(&config, &server->adapter, 1, &server->tracing, &error);
	if (!err) {
		err = tracing_start(server->tracing);
		if (err) {
			error_say(&error, "the trace cannot be started: %s", error_reason(-err));
			tracing_close(server->tracing);
			server->tracing = NULL;
		}
	}
	answer(client, err ? CONTROL_ERROR : CONTROL_OK, "%s%s", err ? error.text : "",
	       err ? "\n" : "");
}

/** stop_trace() - the file is complete when the answer says what is in it */
static void stop_trace(struct control_server *server, int client)
{
	struct recorder_result result;

	if (!server->tracing) {
		answer(client, CONTROL_ERROR,
		       "no trace was started with 'manakin control trace start'\n");
		return;
	}
	tracing_stop(server->tracing);
	if (!tracing_stopped(server->tracing)) {
		answer(client, CONTROL_OK, CONTROL_WRITING "\n");
		return;
	}
	result = tracing_result(server->tracing);
	answer(client, result.failed ? CONTROL_ERROR : CONTROL_OK,
	       "%s%" PRIu64 " records and frames, %" PRIu64 " lost, %" PRIu64 " overwritten\n",
	       result.failed ? "the trace could not be written to its end: " : "", result.kept,
	       result.lost, result.overwritten);
	tracing_close(server->tracing);
	server->tracing = NULL;
}

/** carry_out() - one request */
static void carry_out(struct control_server *server, int client, const char *words)
{
	struct adapter *adapter = server->adapter;
	struct control_request request;

	if (!control_parse(words, &request)) {
		answer(client, CONTROL_ERROR, "unknown request '%s'\n", words);
		return;
	}
	switch (request.command) {
	case CONTROL_STATS_TABLE:
	case CONTROL_STATS_JSON:
		answer_statistics(client, adapter, request.command == CONTROL_STATS_JSON);
		break;
	case CONTROL_DESCRIBE:
		answer_description(client, adapter);
		break;
	case CONTROL_LINK_UP:
	case CONTROL_LINK_DOWN:
		answer_link(client, adapter, request.number, request.command == CONTROL_LINK_UP);
		break;
	case CONTROL_VF_REVOKE:
	case CONTROL_VF_RETURN:
		answer_event(client, adapter_set_vf(adapter, request.command == CONTROL_VF_RETURN),
			     "vf");
		break;
	case CONTROL_CARD_PULL:
		answer_event(client, adapter_pull_card(adapter, request.number), "card");
		break;
	case CONTROL_TIMEOUT:
		answer_event(client, adapter_reconfigure(adapter, request.number), "timeout");
		break;
	case CONTROL_RESET:
		answer_event(client, adapter_request_reset(adapter), "reset");
		break;
	case CONTROL_REFUSE:
		answer_refuse(client, adapter, request.word);
		break;
	case CONTROL_TRACE_START:
		answer(client, CONTROL_ERROR,
		       "the file of the trace must be passed with the request, as 'manakin control "
		       "trace start FILE' does\n");
		break;
	case CONTROL_TRACE_STOP:
		stop_trace(server, client);
		break;
	default:
		answer_fault(client, adapter, &request);
	}
}

/**
 * take_file() - the descriptor that the next message carries, and the message
 *
 * What the kernel closes because there is no room for it, and what we close, can wait for as long
 * as the sender likes. So the message is looked at first, which takes a copy of the descriptor, and
 * received without one: then the copy is what is left. The trace's own thread closes it.
 *
 * Return: the descriptor; -1: there is not one, or the message does not ask for a trace: then it must
 * not be received
 */
static int take_file(int client, char *words, size_t size, struct control_request *request)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = words, .iov_len = size - 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t len = recvmsg(client, &message, MSG_PEEK | MSG_DONTWAIT);
	int fd = -1;

	if (len < 0)
		return -1;
	words[len] = '\0';
	if (!control_parse(words, request) || request->command != CONTROL_TRACE_START)
		return -1;
	message.msg_control = &control;
	message.msg_controllen = sizeof(control);
	if (recvmsg(client, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return -1;
	if (message.msg_controllen >= CMSG_LEN(sizeof(int)) &&
	    control.header.cmsg_level == SOL_SOCKET && control.header.cmsg_type == SCM_RIGHTS &&
	    control.header.cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	if (fd >= 0 &&
	    (message.msg_flags & MSG_CTRUNC || recv(client, words, size - 1, MSG_DONTWAIT) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void serve_client(struct control_server *server, int client)
{
	char words[CONTROL_REQUEST_MAX];
	struct control_request request;
	ssize_t len;

	if (rights_waiting(client)) {
		int file = take_file(client, words, sizeof(words), &request);

		if (file >= 0)
			start_trace(server, client, &request, file);
		else /* this connection is not read any more */
			epoll_ctl(server->epoll, EPOLL_CTL_DEL, client, NULL);
		return;
	}
	len = recv(client, words, sizeof(words) - 1, MSG_DONTWAIT);

	if (len < 0 && errno == EAGAIN)
		return;
	if (len <= 0) {
		close(client);
		server->clients--;
		return;
	}
	words[len] = '\0';
	carry_out(server, client, words);
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
