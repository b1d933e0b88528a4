/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * serve/passed.h - an adapter's sockets, passed to this process as descriptors.
 */
#ifndef MANAKIN_SERVE_PASSED_H
#define MANAKIN_SERVE_PASSED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/**
 * struct passed - the sockets; what they are for follows from their types
 * @given:	they are passed; if not, they are created
 * @client:	a stream that listens
 * @control:	a sequence of packets that listens, or -1
 * @synthetic:	datagrams, or -1
 */
struct passed {
	bool given;
	int client, control, synthetic;
};

/**
 * passed_parse() - the value of --socket
 * @text:	fd:N or fd:NAME, or several with commas between them
 * @passed:	filled in
 * @path:	gets the client socket's address, or @text if that has none
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or -EINVAL
 */
int passed_parse(const char *text, struct passed *passed, char *path, size_t size,
		 struct error *error);

/** passed_listen() - all sockets that systemd passed; as passed_parse() */
int passed_listen(struct passed *passed, char *path, size_t size, struct error *error);

#endif
