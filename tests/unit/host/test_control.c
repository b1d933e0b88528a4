/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/control.h: which words are requests, and what an answer may be. The server that
 * belongs to it is tested with the program: tests/unit/cli/arguments.bats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/machine/control.h"

static void assert_request(const char *words, enum control_command command, unsigned int number)
{
	struct control_request request;

	if (!control_parse(words, &request))
		fail_msg("'%s' is not understood", words);
	assert_int_equal(request.command, command);
	assert_int_equal(request.number, number);
}

static void each_request_is_understood(void **state)
{
	(void)state;
	assert_request("stats table", CONTROL_STATS_TABLE, 0);
	assert_request("stats json", CONTROL_STATS_JSON, 0);
	assert_request("describe", CONTROL_DESCRIBE, 0);
	assert_request("link 0 up", CONTROL_LINK_UP, 0);
	assert_request("link 15 down", CONTROL_LINK_DOWN, 15);
	assert_request("vf revoke", CONTROL_VF_REVOKE, 0);
	assert_request("vf return", CONTROL_VF_RETURN, 0);
	assert_request("card 3 pull", CONTROL_CARD_PULL, 3);
	assert_request("timeout 999999999", CONTROL_TIMEOUT, 999999999);
	assert_request("reset", CONTROL_RESET, 0);
	assert_request("refuse CREATE_PD", CONTROL_REFUSE, 0);
}

static void other_words_are_no_requests(void **state)
{
	static const char *const words[] = {
		"",           " ",           "stats",
		"stats ",     "stats jsonx", "link",
		"link up",    "link  up",    "link -1 up",
		"link +1 up", "link 0x1 up", "link 0 upp",
		"link 0 up ", "link 0  up",  " reset",
		"reset\n",    "vf",          "vf revoked",
		"card pull",  "timeout",     "timeout ",
		"timeout 5x", "timeout 1 2", "timeout 9999999999",
		"refuse",     "refuse ",     "refuse A B",
		"refuse A ",  "refuse A-B",  "refuse  A",
	};
	struct control_request request;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (control_parse(words[i], &request))
			fail_msg("'%s' is taken for a request", words[i]);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
	char socket[200], path[108];
	static struct control_answer answer;

	(void)state;
	assert_int_equal(control_path("/tmp/s", path, sizeof(path)), 0);
	assert_string_equal(path, "/tmp/s.ctl");
	memset(socket, 'x', sizeof(socket));
	socket[sizeof(socket) - 1] = '\0';
	assert_int_equal(control_path(socket, path, sizeof(path)), -ENAMETOOLONG);
	socket[103] = '\0'; /* and four for the suffix: one byte more than fits with the NUL */
	assert_int_equal(control_path(socket, path, sizeof(path) - 1), -ENAMETOOLONG);
	assert_int_equal(control_path(socket, path, sizeof(path)), 0);
	memset(socket, 'x', sizeof(socket) - 1);
	assert_int_equal(control_ask(socket, "reset", 1, &answer), -ENAMETOOLONG);
}

/**
 * struct server - answers one request
 * @answer:	of @len bytes; NULL: hang up
 * @asked:	what was asked
 */
struct server {
	int listener;
	char path[64];
	const char *answer;
	size_t len;
	char asked[64];
};

static void *serve(void *arg)
{
	struct server *server = arg;
	int client = accept(server->listener, NULL, NULL);
	ssize_t len = recv(client, server->asked, sizeof(server->asked) - 1, 0);

	if (len < 0 || (server->answer && send(client, server->answer, server->len, 0) < 0))
		perror("server");
	close(client);
	return NULL;
}

/** ask() - a server that answers so, and what control_ask() makes of it */
static int ask(const char *text, size_t len, struct control_answer *answer)
{
	struct server server = { .answer = text, .len = len };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char directory[] = "/tmp/manakin-control-XXXXXX";
	pthread_t thread;
	int err;

	assert_non_null(mkdtemp(directory));
	snprintf(server.path, sizeof(server.path), "%s/socket.ctl", directory);
	strcpy(address.sun_path, server.path);
	server.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server.listener, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve, &server), 0);
	err = control_ask(server.path, "link 0 up", 20, answer);
	pthread_join(thread, NULL);
	assert_string_equal(server.asked, "link 0 up");
	close(server.listener);
	assert_int_equal(unlink(server.path), 0);
	assert_int_equal(rmdir(directory), 0);
	return err;
}

static void an_answer_is_a_verdict_and_text(void **state)
{
	static struct control_answer answer;
	static char longest[CONTROL_ANSWER_MAX];

	(void)state;
	assert_int_equal(ask("ok\n", 3, &answer), 0);
	assert_false(answer.refused);
	assert_string_equal(answer.text, "");
	assert_int_equal(ask("ok\ntwo\nlines\n", 13, &answer), 0);
	assert_false(answer.refused);
	assert_string_equal(answer.text, "two\nlines\n");
	assert_int_equal(ask("error\nno\n", 9, &answer), 0);
	assert_true(answer.refused);
	assert_string_equal(answer.text, "no\n");
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "ok\n", 3);
	assert_int_equal(ask(longest, sizeof(longest), &answer), 0);
	assert_int_equal(strlen(answer.text), sizeof(longest) - 3);
}

static void anything_else_is_no_answer(void **state)
{
	static struct control_answer answer;

	(void)state;
	assert_int_equal(ask("ok", 2, &answer), -EPROTO);
	assert_int_equal(ask("okay\n", 5, &answer), -EPROTO);
	assert_int_equal(ask("\nok\n", 4, &answer), -EPROTO);
	assert_int_equal(ask("o\0k\n", 4, &answer), -EPROTO);
	assert_int_equal(ask(NULL, 0, &answer), -ETIMEDOUT);
}

static void nobody_there(void **state)
{
	static struct control_answer answer;

	(void)state;
	assert_int_equal(control_ask("/nonexistent/socket.ctl", "reset", 1, &answer), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_is_understood),
		cmocka_unit_test(other_words_are_no_requests),
		cmocka_unit_test(a_path_that_is_too_long_is_refused),
		cmocka_unit_test(an_answer_is_a_verdict_and_text),
		cmocka_unit_test(anything_else_is_no_answer),
		cmocka_unit_test(nobody_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
