/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin control: ask a running adapter, or make something happen to it.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"
#include "serve/control.h"

#define WAIT_SECONDS 10

static const struct argp_option options[] = {
	{ "name", 'n', "NAME", 0, "The adapter (default: mana0)", 0 },
	{ "socket", 's', "PATH", 0, "The adapter's socket, if it was given one with --socket", 0 },
	{ "json", 'j', NULL, 0, "Print statistics as JSON", 0 },
	{ 0 },
};

static const char doc[] =
	"Ask a running adapter (manakin device), or make something happen to it."
	"\vRequests:\n"
	"  stats             what each port did\n"
	"  link PORT up      the port's link comes up\n"
	"  link PORT down    the port's link goes down: nothing is sent or received\n"
	"  vf revoke         the function is taken off the guest's PCI bus, as when Azure\n"
	"                    services a host; synthetic cards go on\n"
	"  vf return         it comes back\n"
	"  card PORT pull    the port's synthetic card is taken away\n"
	"  timeout MS        tell the driver a new time-out of its command channel\n"
	"  reset             ask the driver to reset the adapter\n\n"
	"Drivers differ in which events they know: Linux takes link and reset events from 7.x on.\n\n"
	"Examples:\n"
	"  manakin control stats\n"
	"  manakin control --socket /tmp/mana.sock link 0 down\n\n"
	"Exit status: 0 done, 1 the adapter could not be reached or refused, 2 wrong usage.";

struct control {
	const char *name;
	const char *socket;
	bool json;
	char request[CONTROL_REQUEST_MAX];
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct control *control = state->input;
	size_t len = strlen(control->request);

	switch (key) {
	case 'n':
		control->name = arg;
		return 0;
	case 's':
		control->socket = arg;
		return 0;
	case 'j':
		control->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (len + strlen(arg) + 2 > sizeof(control->request)) {
			say("the request is too long; see manakin control --help");
			return EINVAL;
		}
		sprintf(control->request + len, "%s%s", len ? " " : "", arg);
		return 0;
	case ARGP_KEY_NO_ARGS:
		say("what shall the adapter do? One of stats, link, vf, card, timeout, reset; see "
		    "manakin control --help");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** known() - is it a request at all? */
static bool known(const char *request)
{
	unsigned int number;
	char word[8], rest;

	/* Widths keep the numbers within what an unsigned int holds. */
	return !strcmp(request, "stats") || !strcmp(request, "reset") ||
	       !strcmp(request, "vf revoke") || !strcmp(request, "vf return") ||
	       (sscanf(request, "card %9u %7s%c", &number, word, &rest) == 2 &&
		!strcmp(word, "pull")) ||
	       sscanf(request, "timeout %9u%c", &number, &rest) == 1 ||
	       (sscanf(request, "link %9u %7s%c", &number, word, &rest) == 2 &&
		(!strcmp(word, "up") || !strcmp(word, "down")));
}

/** reach() - connect to the adapter's control socket */
static int reach(const char *socket_path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = WAIT_SECONDS };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    control_path(socket_path, address.sun_path, sizeof(address.sun_path)) ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		say("cannot reach an adapter at %s: %s; is 'manakin device' running, with this "
		    "--socket or --name, and may you use it?", socket_path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return fd;
}

int cmd_control(int argc, char **argv)
{
	static const struct argp argp = { options, parse_option, "REQUEST...", doc, NULL, NULL, NULL };
	static char text[CONTROL_ANSWER_MAX + 1];
	struct control control = { .name = "mana0" };
	char path[108];
	char *body;
	ssize_t len;
	int fd;

	argp_err_exit_status = EXIT_USAGE;
	argv[0] = (char *)"manakin control";
	if (argp_parse(&argp, argc, argv, 0, NULL, &control))
		return EXIT_USAGE;
	if (!known(control.request)) {
		say("'%s' is not a request; see manakin control --help", control.request);
		return EXIT_USAGE;
	}
	if (!strcmp(control.request, "stats"))
		strcat(control.request, control.json ? " json" : " table");
	snprintf(path, sizeof(path), SOFTWARE_DIRECTORY "/%s/socket", control.name);
	fd = reach(control.socket ? control.socket : path);
	if (fd < 0)
		return EXIT_FAILED;
	len = send(fd, control.request, strlen(control.request), MSG_NOSIGNAL);
	if (len >= 0)
		len = recv(fd, text, sizeof(text) - 1, 0);
	close(fd);
	if (len <= 0) {
		say("the adapter did not answer; is it stopping?");
		return EXIT_FAILED;
	}
	text[len] = '\0';
	body = strchr(text, '\n');
	body = body ? body + 1 : text + len;
	if (strncmp(text, "ok\n", 3)) {
		body[strcspn(body, "\n")] = '\0';
		say("%s", body);
		return EXIT_FAILED;
	}
	fputs(body, stdout);
	return EXIT_OK;
}
