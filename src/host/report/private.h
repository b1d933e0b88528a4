/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/report/private.h - what is private in a text, and what stands for it in a report.
 *
 * The same thing gets the same replacement wherever it occurs and however it is written: a MAC
 * address with colons or dashes, in an interface's name, in a VMBus UUID or an RDMA GUID. Text that is
 * sorted stays sorted, and columns keep their width where that is possible, so that the program says
 * of the report what it says of the machine.
 *
 *	kind		stays			instead of the rest
 *	MAC address	vendor's part		a number
 *	IP address	network			another host of it; a public one is from the blocks
 *						for documentation
 *	UUID		of a MAC address: form	the replacement of that address; else a number
 *	names		nothing			host-1, user-1, ...
 *
 * Used in three turns: all texts are learned from, then replacements are chosen, then all texts
 * are rewritten.
 */
#ifndef MANAKIN_HOST_REPORT_PRIVATE_H
#define MANAKIN_HOST_REPORT_PRIVATE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum private_kind {
	PRIVATE_MAC,
	PRIVATE_IP,
	PRIVATE_UUID,
	PRIVATE_HARDWARE, /* addresses of hardware that are longer than a MAC's */
	PRIVATE_HOST,
	PRIVATE_USER,
	PRIVATE_INTERFACE, /* a name that somebody chose, unlike eth0 */
	PRIVATE_RESOURCE,  /* of Azure */
	PRIVATE_MAIL,
	PRIVATE_KINDS,
};

struct private;

/** private_open() - NULL: no memory */
struct private *private_open(void);
void private_close(struct private *private);

/**
 * private_word() - a name that is private as a whole word: a host's, a user's, an interface's
 *
 * Words that this program or a kernel says itself, such as "mana" or "debian", are not replaced.
 *
 * Return: 0 or -ENOMEM
 */
int private_word(struct private *private, enum private_kind kind, const char *word);

/** private_interface() - the same of an interface, unless it has a usual name */
int private_interface(struct private *private, const char *name);

/** private_network() - the network of an interface's address; @bytes: 4 or 16; 0 or -ENOMEM */
int private_network(struct private *private, const uint8_t *address, size_t bytes,
		    unsigned int prefix);

/** private_learn() - find what is private in a text; 0 or -ENOMEM */
int private_learn(struct private *private, const char *text, size_t len);

/** private_decide() - choose the replacements; 0 or -ENOMEM */
int private_decide(struct private *private);

/** private_rewrite() - a text, with the replacements; to a stream, whose error flag tells of failures */
void private_rewrite(struct private *private, const char *text, size_t len, FILE *to);

/**
 * struct private_line - of the table of replacements
 * @times:	it was replaced
 */
struct private_line {
	enum private_kind kind;
	const char *original, *replacement;
	unsigned long times;
};

/** private_lines() - those that were used, by kind; @line: freed by the caller; their number */
size_t private_lines(const struct private *private, struct private_line **line);

/** private_kind_name() - "MAC address" */
const char *private_kind_name(enum private_kind kind);

#endif
