/* SPDX-License-Identifier: BSD-3-Clause */
#include "process/signals.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <unistd.h>

void signals_hold(struct signals *signals)
{
	static const int held[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	sigset_t set;

	signals->fd = -1;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
		sigaddset(&set, held[i]);
	pthread_sigmask(SIG_BLOCK, &set, &signals->before);
}

/** ignored() - would the kernel drop this signal? Not while it is blocked */
static bool ignored(int signal)
{
	struct sigaction action;

	return !sigaction(signal, NULL, &action) && action.sa_handler == SIG_IGN;
}

int signals_open(struct signals *signals, int more)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (!ignored(SIGHUP))
		sigaddset(&set, SIGHUP);
	if (more)
		sigaddset(&set, more);
	signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals->fd < 0)
		return -errno;
	pthread_sigmask(SIG_BLOCK, &set, &signals->before);
	return 0;
}

int signals_read(const struct signals *signals)
{
	struct signalfd_siginfo info;

	return read(signals->fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}

void signals_close(struct signals *signals)
{
	while (signals->fd >= 0 && signals_read(signals))
		;
	if (signals->fd >= 0)
		close(signals->fd);
	pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
	signals->fd = -1;
}
