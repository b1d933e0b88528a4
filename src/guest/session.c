/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/session.c - what happens between the host and a guest.
 *
 * Theory of operation
 * -------------------
 * One loop over poll(). Bytes flow through pipes of the session's own kind: read
 * from one file descriptor when the buffer is empty, written to another when that
 * can take them, so a slow reader of the output slows the command down and
 * nothing else. The words exchanged on the control port are said in
 * lab/guest/init.
 *
 *	BOOTING --ready--> [reboot --ready-->] RUNNING --exit--> LEAVING --QEMU ends--> done
 *
 * The guest says "exit" after its last byte of output has left; the bytes are in
 * sockets by then, and are read until those end with QEMU.
 */
#include "guest/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "term/say.h"
#include "guest/status.h"

#define BOOT_S        180.0 /* a guest that is not there by then never will be */
#define LEAVE_S       10.0  /* from the command's end to the machine's */
#define FLUSH_S       2.0   /* for output that is on its way when time is out */
#define PIPE_BYTES    32768u
#define ATOMIC_BYTES  4096u /* a writable pipe takes so many without blocking */
#define CONSOLE_BYTES 4096u /* of the console's end, shown when a guest fails */
#define LINE_BYTES    128u
#define ESCAPE_KEY    0x1d /* Ctrl-], three times within a second, leaves a shell */
#define ESCAPE_TIMES  3u

enum session_state {
	BOOTING,
	REBOOTING,
	RUNNING,
	LEAVING, /* the command has ended; the machine is about to */
	KILLED,  /* so is the machine, and the command had not ended */
};

/**
 * struct flow - bytes on their way
 * @from:	read from there; -1: ended
 * @to:		written there
 * @data:	read and not yet written
 * @start:	of what is left in @data
 * @length:	of what is left in @data
 * @broken:	nobody reads what was written
 */
struct flow {
	int from;
	int to;
	uint8_t data[PIPE_BYTES];
	size_t start;
	size_t length;
	bool broken;
};

enum flow_name { FLOW_IN, FLOW_OUT, FLOW_ERR, FLOWS };

/**
 * struct session - the state of session_run()
 * @guest:	the machine
 * @config:	what is to be done
 * @state:	how far it is
 * @status:	what the session ends with, once @state is LEAVING or KILLED
 * @flows:	standard input, output and error
 * @line:	the unfinished line of the control port
 * @line_length: of @line
 * @last_words:	the end of what the console said, a ring
 * @console_total: bytes the console has said
 * @started:	seconds of the monotonic clock
 * @leaving:	when @state became that
 * @terminal:	is the terminal in raw mode?
 * @saved:	how it was before
 * @escapes:	how many of ESCAPE_KEY were pressed in a row
 * @escape_first: when the first of them was
 */
struct session {
	struct guest *guest;
	const struct session_config *config;
	enum session_state state;
	int status;
	struct flow flows[FLOWS];
	char line[LINE_BYTES];
	size_t line_length;
	char last_words[CONSOLE_BYTES];
	size_t console_total;
	double started;
	double leaving;
	bool terminal;
	struct termios saved;
	unsigned int escapes;
	double escape_first;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Write all of it to a port; these are words that the guest waits for. */
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

/* Tell the guest how large this terminal is. */
static void tell_size(const struct session *session)
{
	struct winsize size;
	char line[LINE_BYTES];
	int length;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row)
		return;
	length = snprintf(line, sizeof(line), "size %u %u\n", size.ws_row, size.ws_col);
	tell(session->guest->ports[PORT_CONTROL], line, (size_t)length);
}

/* Every key goes to the guest, Ctrl-C too. */
static void terminal_raw(struct session *session)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &session->saved) < 0)
		return;
	raw = session->saved;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0)
		session->terminal = true;
}

static void terminal_restore(struct session *session)
{
	if (session->terminal)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &session->saved);
	session->terminal = false;
}

/**
 * tell_command() - the guest is ready: tell it what to do
 * @session:	becomes RUNNING
 *
 * Return: 0 or a negative errno
 */
static int tell_command(struct session *session)
{
	int port = session->guest->ports[PORT_CONTROL], err;
	char **word = session->config->command;
	const char *term = getenv("TERM");
	char line[LINE_BYTES];
	size_t size = 0;

	session->state = RUNNING;
	session->flows[FLOW_IN].from = STDIN_FILENO;
	if (interactive(session)) {
		terminal_raw(session);
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
 * hear() - a line from the guest
 * @session:	moves on
 *
 * Return: 0, or LAB_FAILED after telling the user why
 */
static int hear(struct session *session)
{
	static const char reboot[] = "reboot\n";
	const char *line = session->line;
	int err = 0;

	if (!strcmp(line, "ready")) {
		if (session->state == BOOTING && session->config->reboot) {
			session->state = REBOOTING;
			err = tell(session->guest->ports[PORT_CONTROL], reboot, strlen(reboot));
		} else if (session->state == BOOTING || session->state == REBOOTING) {
			err = tell_command(session);
		} else {
			terminal_restore(session);
			say("the guest restarted while the command ran");
			return LAB_FAILED;
		}
	} else if (session->state == RUNNING && sscanf(line, "exit %d", &session->status) == 1) {
		session->state = LEAVING;
		session->leaving = now();
	}
	if (err) {
		say("cannot talk to the guest: %s", strerror(-err));
		return LAB_FAILED;
	}
	return 0;
}

/**
 * take_control() - bytes from the control port
 * @session:	moves on with each line
 *
 * Return: as hear()
 */
static int take_control(struct session *session)
{
	char data[LINE_BYTES];
	int status = 0;
	ssize_t n;

	while (!status && (n = read(session->guest->ports[PORT_CONTROL], data, sizeof(data))) > 0) {
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

/* What the kernel printed; false once there is no more to come. */
static bool take_console(struct session *session)
{
	char data[4096];
	ssize_t n = read(session->guest->ports[PORT_CONSOLE], data, sizeof(data));

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	for (ssize_t i = 0; i < n; i++)
		session->last_words[session->console_total++ % CONSOLE_BYTES] = data[i];
	/* A log that cannot be written is no reason to end a guest. */
	if (write(session->config->console, data, (size_t)n) < 0 || session->config->verbose)
		fwrite(data, 1, session->config->verbose ? (size_t)n : 0, stderr);
	return true;
}

/* Show the end of what the kernel printed, for a guest that failed. */
static void show_console(const struct session *session)
{
	size_t total = session->console_total;
	size_t at = total > CONSOLE_BYTES ? total - CONSOLE_BYTES : 0;
	bool begun = at == 0; /* not in the middle of a line */

	if (session->config->verbose)
		return;
	for (; at < total; at++) {
		char byte = session->last_words[at % CONSOLE_BYTES];

		if (begun && byte != '\r')
			fputc(byte, stderr);
		begun |= byte == '\n';
	}
}

/**
 * escaped() - did the user press what leaves a shell?
 * @session:	counts the presses
 * @data:	keys
 * @size:	how many
 */
static bool escaped(struct session *session, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] != ESCAPE_KEY) {
			session->escapes = 0;
			continue;
		}
		if (session->escapes == 0 || now() - session->escape_first > 1.0) {
			session->escapes = 0;
			session->escape_first = now();
		}
		if (++session->escapes == ESCAPE_TIMES)
			return true;
	}
	return false;
}

/* Read into an empty flow; false at its end. */
static bool flow_fill(struct flow *flow)
{
	ssize_t n = read(flow->from, flow->data, PIPE_BYTES);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	/* EIO: a terminal whose foreground is somebody else's */
	if (n <= 0) {
		flow->from = -1;
		return false;
	}
	flow->start = 0;
	flow->length = (size_t)n;
	return true;
}

/* Write some of what a flow holds. */
static void flow_drain(struct flow *flow)
{
	size_t size = flow->length < ATOMIC_BYTES ? flow->length : ATOMIC_BYTES;
	ssize_t n = write(flow->to, flow->data + flow->start, size);

	if (n < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		flow->broken = true;
		flow->from = -1;
		n = (ssize_t)flow->length;
	}
	flow->start += (size_t)n;
	flow->length -= (size_t)n;
}

/**
 * move() - let a flow move on, as poll() said it can
 * @session:	the flow's
 * @name:	which one
 * @readable:	->from has something, or ended
 * @writable:	->to takes something, or never will again
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
	} else if (name == FLOW_IN && session->terminal &&
		   escaped(session, flow->data, flow->length)) {
		return 128 + SIGINT;
	}
	return 0;
}

/**
 * deadline() - when does waiting end?
 * @session:	the state
 *
 * Return: seconds of the monotonic clock; 0: never
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

/* The deadline has come: say so, and end the machine if it still runs. */
static void too_late(struct session *session)
{
	double timeout_s = session->config->timeout_s;

	terminal_restore(session);
	kill(session->guest->qemu.pid, SIGKILL); /* collected later, so it is still ours */
	session->leaving = now();
	if (session->state == LEAVING)
		return;
	session->status = LAB_FAILED;
	if (timeout_s > 0 && now() >= session->started + timeout_s) {
		session->status = LAB_TIMED_OUT;
		say("timed out after %g s%s", timeout_s,
		    session->state == RUNNING ? "" : ", before the guest was ready");
	} else {
		show_console(session);
		say("the guest was not ready within %g s", BOOT_S);
	}
	session->state = KILLED;
}

/* QEMU has ended before the command has: say so. Returns the exit status */
static int ended_early(struct session *session)
{
	static const char *const when[] = { "while it booted", "while it restarted",
					    "while the command ran" };

	terminal_restore(session);
	show_console(session);
	say("the guest ended %s", when[session->state]);
	return LAB_FAILED;
}

/**
 * lost_child() - an adapter or the shared directory's server has ended
 * @session:	the state
 * @index:	which one
 *
 * The latter ends with QEMU, and may be seen first.
 *
 * Return: 0, or the exit status that ends the session
 */
static int lost_child(struct session *session, size_t index)
{
	struct pollfd qemu = { .fd = session->guest->qemu.pidfd, .events = POLLIN };

	if (poll(&qemu, 1, 500) > 0)
		return 0;
	terminal_restore(session);
	if (index < session->config->n_adapters)
		say("adapter %zu ended while the guest used it", index);
	else
		say("the server of the shared directory ended while the guest used it");
	return LAB_FAILED;
}

/**
 * signal_came() - one of the signals that this process takes itself
 * @session:	the state
 * @signals:	signalfd
 *
 * Return: 0, or the exit status that ends the session
 */
static int signal_came(struct session *session, int signals)
{
	struct signalfd_siginfo signal;

	if (read(signals, &signal, sizeof(signal)) != sizeof(signal))
		return 0;
	if (signal.ssi_signo != SIGWINCH)
		return 128 + (int)signal.ssi_signo;
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
 * @console_open: may the console still say something?
 * @gone:	has QEMU ended?
 */
static void fill_polls(const struct session *session, struct pollfd *polls, bool console_open,
		       bool gone)
{
	polls[POLL_QEMU].fd = gone ? -1 : session->guest->qemu.pidfd;
	polls[POLL_CONTROL].fd = gone ? -1 : session->guest->ports[PORT_CONTROL];
	polls[POLL_CONSOLE].fd = console_open ? session->guest->ports[PORT_CONSOLE] : -1;
	for (size_t i = 0; i < FLOWS; i++) {
		const struct flow *flow = &session->flows[i];

		polls[POLL_FLOWS + 2 * i].fd = flow->length ? -1 : flow->from;
		polls[POLL_FLOWS + 2 * i + 1].fd = flow->length ? flow->to : -1;
		polls[POLL_FLOWS + 2 * i + 1].events = POLLOUT;
	}
}

/**
 * take_events() - what poll() has seen
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
		status = signal_came(session, polls[POLL_SIGNALS].fd);
	for (size_t i = 0; !status && i < FLOWS; i++)
		status = move(session, (enum flow_name)i, polls[POLL_FLOWS + 2 * i].revents,
			      polls[POLL_FLOWS + 2 * i + 1].revents);
	if (polls[POLL_CONSOLE].revents)
		*console_open = take_console(session);
	if (!status && polls[POLL_CONTROL].revents)
		status = take_control(session);
	for (size_t i = POLL_CHILDREN; !status && i < n && session->state < LEAVING; i++) {
		if (polls[i].revents)
			status = lost_child(session, i - POLL_CHILDREN);
	}
	return status;
}

/**
 * loop() - session_run() once its signals are set up
 * @session:	the state
 * @signals:	signalfd
 *
 * Return: as session_run()
 */
static int loop(struct session *session, int signals)
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
	polls[POLL_SIGNALS].fd = signals;
	for (size_t i = 0; i < config->n_adapters; i++)
		polls[n++].fd = config->adapters[i].pidfd;
	if (session->guest->share.pid > 0)
		polls[n++].fd = session->guest->share.pidfd;
	for (;;) {
		fill_polls(session, polls, console_open, gone);
		until = gone && session->state == LEAVING ? 0 : deadline(session);
		if (until > 0 && now() >= until) {
			if (session->state == KILLED)
				return session->status;
			too_late(session);
			continue;
		}
		wait_ms = until > 0 ? (int)((until - now()) * 1000) + 1 : -1;
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
		/* Its last bytes are in the sockets, which end with it. */
		if (gone && !console_open && session->state < LEAVING)
			return ended_early(session);
		if (gone && flows[FLOW_OUT].from < 0 && flows[FLOW_ERR].from < 0 &&
		    !flows[FLOW_OUT].length && !flows[FLOW_ERR].length && session->state >= LEAVING)
			return session->status;
	}
}

int session_run(struct guest *guest, const struct session_config *config)
{
	struct session *session = calloc(1, sizeof(*session));
	sigset_t wanted, before;
	int signals, status = LAB_FAILED;

	if (!session)
		return LAB_FAILED;
	session->guest = guest;
	session->config = config;
	session->started = now();
	session->flows[FLOW_IN] = (struct flow){ .from = -1 };
	session->flows[FLOW_OUT] = (struct flow){ .to = STDOUT_FILENO };
	session->flows[FLOW_ERR] = (struct flow){ .to = STDERR_FILENO };
	session->flows[FLOW_IN].to =
		guest->ports[interactive(session) ? PORT_TERMINAL : PORT_STDIN];
	session->flows[FLOW_OUT].from =
		guest->ports[interactive(session) ? PORT_TERMINAL : PORT_STDOUT];
	session->flows[FLOW_ERR].from = guest->ports[PORT_STDERR];
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGHUP);
	sigaddset(&wanted, SIGWINCH);
	sigprocmask(SIG_BLOCK, &wanted, &before);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTTIN, SIG_IGN); /* in the background: reading the terminal ends the input */
	signals = signalfd(-1, &wanted, SFD_CLOEXEC);
	if (signals < 0) {
		say("cannot take signals: %s", strerror(errno));
	} else {
		status = loop(session, signals);
		close(signals);
	}
	terminal_restore(session);
	sigprocmask(SIG_SETMASK, &before, NULL);
	free(session);
	return status;
}
