/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/control.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define DIGITS_MAX 9 /* of a number, so that it fits an unsigned int */

/* A # stands for a number, a @ at the end for a word, a * for any text. */
static const struct {
	const char *words;
	enum control_command command;
} requests[] = {
	{ "stats table", CONTROL_STATS_TABLE }, { "stats json", CONTROL_STATS_JSON },
	{ "describe", CONTROL_DESCRIBE },       { "link # up", CONTROL_LINK_UP },
	{ "link # down", CONTROL_LINK_DOWN },   { "vf revoke", CONTROL_VF_REVOKE },
	{ "vf return", CONTROL_VF_RETURN },     { "card # pull", CONTROL_CARD_PULL },
	{ "timeout #", CONTROL_TIMEOUT },       { "reset", CONTROL_RESET },
	{ "refuse @", CONTROL_REFUSE },         { "fault list", CONTROL_FAULT_LIST },
	{ "fault add *", CONTROL_FAULT_ADD },   { "fault remove #", CONTROL_FAULT_REMOVE },
	{ "fault clear", CONTROL_FAULT_CLEAR }, { "fault signal *", CONTROL_FAULT_SIGNAL },
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
	request->number = 0;
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
		request->number = (unsigned int)strtoul(words, NULL, 10);
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

int control_ask(const char *path, const char *words, unsigned int seconds,
		struct control_answer *answer)
{
	int fd = reach(path, seconds);
	ssize_t len;

	if (fd < 0)
		return fd;
	len = send(fd, words, strlen(words), MSG_NOSIGNAL);
	if (len >= 0)
		len = recv(fd, answer->packet, CONTROL_ANSWER_MAX, 0);
	close(fd);
	/* The adapter was reached, but hung up or was too slow to answer. */
	if (len <= 0)
		return -ETIMEDOUT;
	answer->packet[len] = '\0';
	return split(answer);
}
