/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/control.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define AGAIN_US   20000u /* between two requests whose answer is CONTROL_WRITING */
#define DIGITS_MAX 9      /* of a number, so that it fits an unsigned int */

/* A # stands for a number, a @ at the end for a word, a * for any text. */
static const struct {
	const char *words;
	enum control_command command;
} requests[] = {
	{ "stats table", CONTROL_STATS_TABLE },
	{ "stats json", CONTROL_STATS_JSON },
	{ "describe", CONTROL_DESCRIBE },
	{ "link # up", CONTROL_LINK_UP },
	{ "link # down", CONTROL_LINK_DOWN },
	{ "vf revoke", CONTROL_VF_REVOKE },
	{ "vf return", CONTROL_VF_RETURN },
	{ "card # pull", CONTROL_CARD_PULL },
	{ "timeout #", CONTROL_TIMEOUT },
	{ "reset", CONTROL_RESET },
	{ "refuse @", CONTROL_REFUSE },
	{ "fault list", CONTROL_FAULT_LIST },
	{ "fault add *", CONTROL_FAULT_ADD },
	{ "fault remove #", CONTROL_FAULT_REMOVE },
	{ "fault clear", CONTROL_FAULT_CLEAR },
	{ "fault signal *", CONTROL_FAULT_SIGNAL },
	{ "trace start # #", CONTROL_TRACE_START },
	{ "trace stop", CONTROL_TRACE_STOP },
};

/** is_word() - is it one word, of letters, digits and underlines? */
static bool is_word(const char *text)
{
	size_t len = 0;

	while (isalnum((unsigned char)text[len]) || text[len] == '_')
		len++;
	return len && !text[len];
}

/** matches() - are these the words of the pattern? Its number and word or text go to @request */
static bool matches(const char *pattern, const char *words, struct control_request *request)
{
	unsigned int numbers = 0;

	request->number = request->second = 0;
	request->word = NULL;
	for (; *pattern; pattern++) {
		size_t digits = 0;

		if (*pattern == '@') {
			request->word = words;
			return is_word(words);
		}
		if (*pattern == '*') {
			request->word = words;
			return *words;
		}
		if (*pattern != '#') {
			if (*words++ != *pattern)
				return false;
			continue;
		}
		while (isdigit((unsigned char)words[digits]))
			digits++;
		if (!digits || digits > DIGITS_MAX)
			return false;
		*(numbers++ ? &request->second : &request->number) =
			(unsigned int)strtoul(words, NULL, 10);
		words += digits;
	}
	return !*words;
}

bool control_parse(const char *words, struct control_request *request)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (matches(requests[i].words, words, request)) {
			request->command = requests[i].command;
			return true;
		}
	return false;
}

int control_path(const char *socket, char *path, size_t size)
{
	return snprintf(path, size, "%s" CONTROL_SUFFIX, socket) < (int)size ? 0 : -ENAMETOOLONG;
}

/** reach() - connect; a descriptor or a negative errno */
static int reach(const char *path, unsigned int seconds)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = (time_t)seconds };
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) &&
	    !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) &&
	    !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/** split() - separate the verdict from the text */
static int split(struct control_answer *answer)
{
	char *text = strchr(answer->packet, '\n');

	if (!text)
		return -EPROTO;
	*text++ = '\0';
	answer->text = text;
	answer->refused = !strcmp(answer->packet, CONTROL_ERROR);
	return answer->refused || !strcmp(answer->packet, CONTROL_OK) ? 0 : -EPROTO;
}

/** send_with() - a packet, with a descriptor if it is not -1 */
static ssize_t send_with(int to, const char *words, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)words, .iov_len = strlen(words) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd < 0)
		return send(to, words, strlen(words), MSG_NOSIGNAL);
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	message.msg_control = &control;
	message.msg_controllen = sizeof(control);
	return sendmsg(to, &message, MSG_NOSIGNAL);
}

/** ask_once() - control_ask_with(), whatever the answer */
static int ask_once(const char *path, const char *words, int file, unsigned int seconds,
		    struct control_answer *answer)
{
	int fd = reach(path, seconds);
	ssize_t len;

	if (fd < 0)
		return fd;
	len = send_with(fd, words, file);
	if (len >= 0)
		len = recv(fd, answer->packet, CONTROL_ANSWER_MAX, 0);
	close(fd);
	/* The adapter was reached, but hung up or was too slow to answer. */
	if (len <= 0)
		return -ETIMEDOUT;
	answer->packet[len] = '\0';
	return split(answer);
}

int control_ask_with(const char *path, const char *words, int fd, unsigned int seconds,
		     struct control_answer *answer)
{
	uint64_t deadline = clock_deadline(seconds * 1000);
	int err;

	for (;;) {
		err = ask_once(path, words, fd, seconds, answer);
		if (err || strncmp(answer->text, CONTROL_WRITING, strlen(CONTROL_WRITING)) != 0 ||
		    clock_passed(deadline))
			return err;
		clock_pause_us(AGAIN_US);
	}
}

int control_ask(const char *path, const char *words, unsigned int seconds,
		struct control_answer *answer)
{
	return control_ask_with(path, words, -1, seconds, answer);
}
