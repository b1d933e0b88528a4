/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/control.h - ask a running adapter: the protocol of its control socket, and a client.
 *
 * Beside its own socket an adapter has one of type SOCK_SEQPACKET, whose path ends with ".ctl". A
 * packet is a request in words, and is answered by one packet: "ok" or "error", a line feed, and
 * text. Only the adapter's user and root can connect. serve/control_server.c answers.
 */
#ifndef MANAKIN_HOST_MACHINE_CONTROL_H
#define MANAKIN_HOST_MACHINE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#define CONTROL_REQUEST_MAX 256u   /* bytes */
#define CONTROL_ANSWER_MAX  65536u /* bytes */
#define CONTROL_SUFFIX      ".ctl" /* after the path of the adapter's socket */
#define CONTROL_OK          "ok"
#define CONTROL_ERROR       "error"

enum control_command {
	CONTROL_STATS_TABLE,
	CONTROL_STATS_JSON,
	CONTROL_DESCRIBE, /* what the adapter is, as JSON; for programs */
	CONTROL_LINK_UP,
	CONTROL_LINK_DOWN,
	CONTROL_VF_REVOKE,
	CONTROL_VF_RETURN,
	CONTROL_CARD_PULL,
	CONTROL_TIMEOUT,
	CONTROL_RESET,
	CONTROL_REFUSE,
	CONTROL_FAULT_LIST,
	CONTROL_FAULT_ADD,    /* word: a rule */
	CONTROL_FAULT_REMOVE, /* number: of a rule */
	CONTROL_FAULT_CLEAR,
	CONTROL_FAULT_SIGNAL, /* word: its name */
	CONTROL_TRACE_START,  /* with the descriptor of the file; see control_ask_with() */
	CONTROL_TRACE_STOP,
};

/**
 * struct control_request - what a request says
 * @number:	a port, milliseconds, a rule, or MiB of a trace (0: no limit); 0 where there is none
 * @second:	bytes that a trace keeps of a frame
 * @word:	a command of the driver's, a rule, or a signal, in the text that was read; NULL: there is
 *		none
 */
struct control_request {
	enum control_command command;
	unsigned int number, second;
	const char *word;
};

/* The answer to "trace stop" begins with it while the rest is being written: control_ask() asks again */
#define CONTROL_WRITING "writing"

/** control_parse() - read a request in words; false: it is not one */
bool control_parse(const char *words, struct control_request *request);

/** control_path() - the control socket of the adapter at @socket; 0 or -ENAMETOOLONG */
int control_path(const char *socket, char *path, size_t size);

/**
 * struct control_answer - what the adapter said
 * @refused:	it refused the request; @text says why
 * @text:	without the verdict
 */
struct control_answer {
	bool refused;
	const char *text;
	char packet[CONTROL_ANSWER_MAX + 1];
};

/**
 * control_ask() - send a request to an adapter, and wait for its answer
 * @path:	of its control socket
 * @words:	the request
 * @seconds:	to wait at most
 * @answer:	filled in
 *
 * Return: 0, also if it refused; -ETIMEDOUT: no answer; -EPROTO: an invalid answer; or the
 * negative errno of connect() if the adapter cannot be reached
 */
int control_ask(const char *path, const char *words, unsigned int seconds,
		struct control_answer *answer);

/** control_ask_with() - the same, with a descriptor that the adapter gets; -1: none */
int control_ask_with(const char *path, const char *words, int fd, unsigned int seconds,
		     struct control_answer *answer);

#endif
