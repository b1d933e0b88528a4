/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/session.c - follow a guest from its boot to the exit status of its command.
 *
 * Theory of operation
 * -------------------
 * One loop over poll(). Standard input, output and error are flows (flow.h), so a slow reader of
 * the output slows the command down and nothing else. lab/guest/init has the protocol of the
 * control port.
 *
 *	BOOTING --ready--> [reboot --ready-->] RUNNING --exit--> LEAVING --QEMU ends--> done
 *
 * The guest says "exit" after its last byte of output has left. The bytes are in sockets by then,
 * which are read until they end with QEMU.
 */
#include "guest/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "guest/console.h"
#include "guest/flow.h"
#include "guest/status.h"
#include "guest/terminal.h"
#include "term/say.h"

#define BOOT_S     600.0 /* a guest that is not ready by then never will be */
#define LEAVE_S    10.0  /* from the command's end to the machine's */
#define FLUSH_S    2.0   /* for output still in flight at a timeout */
#define LINE_BYTES 128u

enum session_state {
	BOOTING,
	REBOOTING,
	RUNNING,
	LEAVING, /* the command has ended; the machine is powering off */
	KILLED,  /* the machine was killed before the command ended */
};

enum flow_name { FLOW_IN, FLOW_OUT, FLOW_ERR, FLOWS };

/**
 * struct session - the state of session_run()
 * @qemu:	the machine
 * @config:	what to do
 * @state:	how far it got
 * @status:	exit status of the session, once @state is LEAVING or KILLED
 * @flows:	standard input, output and error
 * @line:	the unfinished line of the control port
 * @line_length: of @line
 * @console:	what the kernel prints
 * @started:	seconds of the monotonic clock
 * @leaving:	when @state became LEAVING or KILLED
 * @terminal:	the user's, for a shell
 */
struct session {
	struct qemu *qemu;
	const struct session_config *config;
	enum session_state state;
	int status;
	struct flow flows[FLOWS];
	char line[LINE_BYTES];
	size_t line_length;
	struct console console;
	double started;
	double leaving;
	struct terminal terminal;
};

/* Write all of @data to a port; the guest is waiting for it. */
static int tell(int port, const void *data, size_t size)
{
	const char *byte = data;
	struct pollfd ready = { .fd = port, .events = POLLOUT };
	ssize_t n;

	while (size) {
		n = send(port, byte, size, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			poll(&ready, 1, 100);
			continue;
		}
		if (n < 0)
			return -errno;
		byte += n;
		size -= (size_t)n;
	}
	return 0;
}

static bool interactive(const struct session *session)
{
	return !session->config->command;
}

/* Send the guest the size of this terminal. */
static void tell_size(const struct session *session)
{
	unsigned int rows, columns;
	char line[LINE_BYTES];
	int length;

	if (!terminal_size(&rows, &columns))
		return;
	length = snprintf(line, sizeof(line), "size %u %u\n", rows, columns);
	tell(session->qemu->ports[PORT_CONTROL], line, (size_t)length);
}

/**
 * tell_command() - send the command to a guest that is ready
 * @session:	becomes RUNNING
 *
 * Return: 0 or a negative errno
 */
static int tell_command(struct session *session)
{
	int port = session->qemu->ports[PORT_CONTROL], err;
	char **word = session->config->command;
	const char *term = getenv("TERM");
	char line[LINE_BYTES];
	size_t size = 0;

	session->state = RUNNING;
	session->flows[FLOW_IN].from = STDIN_FILENO;
	if (interactive(session)) {
		terminal_open(&session->terminal);
		tell_size(session);
		if (!term || !*term || strlen(term) > 64 || strpbrk(term, " \t\n"))
			term = "vt100";
		snprintf(line, sizeof(line), "shell %s\n", term);
		return tell(port, line, strlen(line));
	}
	for (char **each = word; *each; each++)
		size += strlen(*each) + 1;
	snprintf(line, sizeof(line), "run %zu\n", size);
	err = tell(port, line, strlen(line));
	for (; !err && *word; word++)
		err = tell(port, *word, strlen(*word) + 1);
	return err;
}

/**
 * hear() - handle a line from the guest
 * @session:	moves on
 *
 * Return: 0, or LAB_FAILED after telling the user why
 */
static int hear(struct session *session)
{
	static const char reboot[] = "reboot\n";
	const char *line = session->line;
	unsigned int status;
	int err = 0;

	if (!strcmp(line, "ready")) {
		if (session->state == BOOTING && session->config->reboot) {
			session->state = REBOOTING;
			err = tell(session->qemu->ports[PORT_CONTROL], reboot, strlen(reboot));
		} else if (session->state == BOOTING || session->state == REBOOTING) {
			err = tell_command(session);
		} else {
			terminal_close(&session->terminal);
			say("the guest restarted while the command ran");
			return LAB_FAILED;
		}
	} else if (session->state == RUNNING && sscanf(line, "exit %9u", &status) == 1) {
		/* Of a larger one, our own would have the low eight bits: 256 would be a success. */
		session->status = status <= 255 ? (int)status : LAB_FAILED;
		session->state = LEAVING;
		session->leaving = clock_seconds();
	}
	if (err) {
		say("cannot talk to the guest: %s; see the logs", strerror(-err));
		return LAB_FAILED;
	}
	return 0;
}

/**
 * take_control() - read from the control port
 * @session:	moves on with each line
 *
 * Return: as hear()
 */
static int take_control(struct session *session)
{
	char data[LINE_BYTES];
	int status = 0;
	ssize_t n;

	while (!status && (n = read(session->qemu->ports[PORT_CONTROL], data, sizeof(data))) > 0) {
		for (ssize_t i = 0; i < n && !status; i++) {
			if (data[i] == '\n') {
				session->line[session->line_length] = '\0';
				session->line_length = 0;
				status = hear(session);
			} else if (session->line_length < LINE_BYTES - 1) {
				session->line[session->line_length++] = data[i];
			}
		}
	}
	return status;
}

/**
 * move() - advance a flow as far as poll() allows
 * @session:	the flow's
 * @name:	which one
 * @readable:	->from has data, or has ended
 * @writable:	->to accepts data, or never will again
 *
 * Return: 0, or the exit status that ends the session
 */
static int move(struct session *session, enum flow_name name, bool readable, bool writable)
{
	struct flow *flow = &session->flows[name];

	if (flow->length && writable)
		flow_drain(flow);
	if (flow->broken && name != FLOW_IN)
		return 128 + SIGPIPE;
	if (flow->from < 0 || flow->length || !readable)
		return 0;
	if (!flow_fill(flow)) {
		if (name == FLOW_IN && interactive(session))
			return 128 + SIGHUP;
		/* The guest sees the end of its standard input once it has read all. */
		if (name == FLOW_IN)
			shutdown(flow->to, SHUT_WR);
	} else if (name == FLOW_IN && session->terminal.raw &&
		   terminal_left(&session->terminal, flow->data, flow->length)) {
		return 128 + SIGINT;
	}
	return 0;
}

/**
 * deadline() - the time at which waiting ends
 * @session:	the state
 *
 * Return: in seconds of the monotonic clock; 0: never
 */
static double deadline(const struct session *session)
{
	double boot_s = session->state == REBOOTING ? 2 * BOOT_S : BOOT_S;
	double timeout_s = session->config->timeout_s;

	switch (session->state) {
	case LEAVING:
		return session->leaving + LEAVE_S;
	case KILLED:
		return session->leaving + FLUSH_S;
	case RUNNING:
		return timeout_s > 0 ? session->started + timeout_s : 0;
	default:
		return session->started +
		       (timeout_s > 0 && timeout_s < boot_s ? timeout_s : boot_s);
	}
}

/* The deadline has passed: say so, and kill the machine if it still runs. */
static void too_late(struct session *session)
{
	double timeout_s = session->config->timeout_s;

	terminal_close(&session->terminal);
	kill(session->qemu->process.pid, SIGKILL); /* reaped later, so the PID is still ours */
	session->leaving = clock_seconds();
	if (session->state == LEAVING)
		return;
	session->status = LAB_FAILED;
	if (timeout_s > 0 && clock_seconds() >= session->started + timeout_s) {
		session->status = LAB_TIMED_OUT;
		say("timed out after %g s%s", timeout_s,
		    session->state == RUNNING ? "" : ", before the guest was ready");
	} else {
		console_show(&session->console);
		say("the guest was not ready within %g s", BOOT_S);
	}
	session->state = KILLED;
}

/* QEMU ended before the command did: say so. Returns the exit status */
static int ended_early(struct session *session)
{
	static const char *const when[] = { "while it booted", "while it restarted",
					    "while the command ran" };

	terminal_close(&session->terminal);
	console_show(&session->console);
	say("the guest ended %s", when[session->state]);
	return LAB_FAILED;
}

/**
 * lost_child() - an adapter or the shared directory's server has ended
 * @session:	the state
 * @index:	which one
 *
 * The server ends with QEMU, and its end may be seen first.
 *
 * Return: 0, or the exit status that ends the session
 */
static int lost_child(struct session *session, size_t index)
{
	struct pollfd qemu = { .fd = session->qemu->process.pidfd, .events = POLLIN };

	if (poll(&qemu, 1, 500) > 0)
		return 0;
	terminal_close(&session->terminal);
	if (index < session->config->n_adapters)
		say("adapter %zu ended while the guest used it", index);
	else
		say("the server of the shared directory ended while the guest used it");
	return LAB_FAILED;
}

/* Handle a pending signal. Returns 0, or the exit status that ends the session */
static int take_signal(struct session *session)
{
	int signal = signals_read(session->config->signals);

	if (signal != SIGWINCH)
		return signal ? 128 + signal : 0;
	if (session->state == RUNNING && interactive(session))
		tell_size(session);
	return 0;
}

/* The session's file descriptors in the array for poll(); children come after. */
enum poll_slot {
	POLL_SIGNALS,
	POLL_QEMU,
	POLL_CONTROL,
	POLL_CONSOLE,
	POLL_FLOWS, /* two each: from, to */
	POLL_CHILDREN = POLL_FLOWS + 2 * FLOWS,
	POLL_MAX = POLL_CHILDREN + GUEST_ADAPTERS_MAX + 1,
};

/**
 * fill_polls() - what to wait for
 * @session:	the state
 * @polls:	POLL_MAX of them, filled in; those of children and signals stay
 * @console_open: false once the console has ended
 * @gone:	true once QEMU has ended
 */
static void fill_polls(const struct session *session, struct pollfd *polls, bool console_open,
		       bool gone)
{
	polls[POLL_QEMU].fd = gone ? -1 : session->qemu->process.pidfd;
	polls[POLL_CONTROL].fd = gone ? -1 : session->qemu->ports[PORT_CONTROL];
	polls[POLL_CONSOLE].fd = console_open ? session->qemu->ports[PORT_CONSOLE] : -1;
	for (size_t i = 0; i < FLOWS; i++) {
		const struct flow *flow = &session->flows[i];

		polls[POLL_FLOWS + 2 * i].fd = flow->length ? -1 : flow->from;
		polls[POLL_FLOWS + 2 * i + 1].fd = flow->length ? flow->to : -1;
		polls[POLL_FLOWS + 2 * i + 1].events = POLLOUT;
	}
}

/**
 * take_events() - handle what poll() reported
 * @session:	moves on
 * @polls:	from fill_polls() and poll()
 * @n:		number of @polls
 * @console_open: cleared when the console has ended
 *
 * Return: 0, or the exit status that ends the session
 */
static int take_events(struct session *session, const struct pollfd *polls, size_t n,
		       bool *console_open)
{
	int status = 0;

	if (polls[POLL_SIGNALS].revents)
		status = take_signal(session);
	for (size_t i = 0; !status && i < FLOWS; i++)
		status = move(session, (enum flow_name)i, polls[POLL_FLOWS + 2 * i].revents,
			      polls[POLL_FLOWS + 2 * i + 1].revents);
	if (polls[POLL_CONSOLE].revents)
		*console_open = console_take(&session->console);
	if (!status && polls[POLL_CONTROL].revents)
		status = take_control(session);
	for (size_t i = POLL_CHILDREN; !status && i < n && session->state < LEAVING; i++) {
		if (polls[i].revents)
			status = lost_child(session, i - POLL_CHILDREN);
	}
	return status;
}

/* session_run(), from the first event to the last. */
static int loop(struct session *session)
{
	const struct session_config *config = session->config;
	struct flow *flows = session->flows;
	bool console_open = true, gone = false;
	struct pollfd polls[POLL_MAX];
	size_t n = POLL_CHILDREN;
	int status, wait_ms;
	double until;

	for (size_t i = 0; i < POLL_MAX; i++)
		polls[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	polls[POLL_SIGNALS].fd = config->signals->fd;
	for (size_t i = 0; i < config->n_adapters; i++)
		polls[n++].fd = config->adapters[i].pidfd;
	if (session->qemu->share.pid > 0)
		polls[n++].fd = session->qemu->share.pidfd;
	for (;;) {
		fill_polls(session, polls, console_open, gone);
		until = gone && session->state == LEAVING ? 0 : deadline(session);
		if (until > 0 && clock_seconds() >= until) {
			if (session->state == KILLED)
				return session->status;
			too_late(session);
			continue;
		}
		wait_ms = until > 0 ? (int)((until - clock_seconds()) * 1000) + 1 : -1;
		if (poll(polls, n, wait_ms) < 0)
			continue;
		status = take_events(session, polls, n, &console_open);
		if (status)
			return status;
		if (polls[POLL_QEMU].revents) {
			gone = true;
			status = take_control(session);
			if (status)
				return status;
		}
		/* QEMU's last bytes are in the sockets, which end with it. */
		if (gone && !console_open && session->state < LEAVING)
			return ended_early(session);
		if (gone && flows[FLOW_OUT].from < 0 && flows[FLOW_ERR].from < 0 &&
		    !flows[FLOW_OUT].length && !flows[FLOW_ERR].length && session->state >= LEAVING)
			return session->status;
	}
}

int session_run(struct qemu *qemu, const struct session_config *config)
{
	struct session *session = calloc(1, sizeof(*session));
	int status;

	if (!session) {
		say("out of memory");
		return LAB_FAILED;
	}
	session->qemu = qemu;
	session->config = config;
	session->started = clock_seconds();
	session->console = (struct console){ .port = qemu->ports[PORT_CONSOLE],
					     .log = config->console,
					     .verbose = config->verbose };
	session->flows[FLOW_IN] = (struct flow){ .from = -1 };
	session->flows[FLOW_OUT] = (struct flow){ .to = STDOUT_FILENO };
	session->flows[FLOW_ERR] = (struct flow){ .to = STDERR_FILENO };
	session->flows[FLOW_IN].to = qemu->ports[interactive(session) ? PORT_TERMINAL : PORT_STDIN];
	session->flows[FLOW_OUT].from =
		qemu->ports[interactive(session) ? PORT_TERMINAL : PORT_STDOUT];
	session->flows[FLOW_ERR].from = qemu->ports[PORT_STDERR];
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTTIN, SIG_IGN); /* in the background: reading the terminal ends the input */
	status = loop(session);
	terminal_close(&session->terminal);
	free(session);
	return status;
}
